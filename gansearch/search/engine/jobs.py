"""Jobs for workers: a policy's trials with their resources."""

from __future__ import annotations

from concurrent.futures import Future

from gansearch.errors import ConfigError
from gansearch.record import Outcome
from gansearch.search.engine.packing import SHARES, MemoryPredictor, memory_on_gpu, share_of_gpu
from gansearch.search.engine.worker import Job, job_of
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Policy
from gansearch.settings import AUTO
from gansearch.space import Space


class Jobs:
    """Makes the jobs of a policy's trials; a trial that cannot run is ended instead.

    With ``gpus: auto``, a thread first predicts the memory of each trial. The policy is asked for
    the next trial when the prediction is known.

    Args:
        policy: the policy.
        space: provides each trial's training configuration and resources.
        storage: folder or URI of the study, reachable from every node.
    """

    def __init__(self, policy: Policy, space: Space, storage: str) -> None:
        self._policy = policy
        self._space = space
        self._storage = storage
        self._predictor = MemoryPredictor() if space.resources.gpus == AUTO else None
        self._held: tuple[Job, Future[float | None]] | None = None

    @property
    def waits(self) -> bool:
        """Whether a memory prediction is pending."""
        return self._held is not None

    def next(self) -> Job | None:
        """Return the next job, or ``None`` while this waits or if the policy has no trial."""
        while True:
            if self._held is None:
                job = self._draft()
                if job is None or self._predictor is None:
                    return job
                self._held = job, self._predictor.predict(job["config"])
            job, predicted = self._held
            if not predicted.done():
                return None
            self._held = None
            if (sized := self._sized(job, predicted.result())) is not None:
                return sized

    def close(self) -> None:
        """Stop predicting."""
        if self._predictor is not None:
            self._predictor.close()

    def _draft(self) -> Job | None:
        """Return the job of the next valid trial, with the space's resources."""
        while (ask := self._policy.ask()) is not None:
            try:
                return job_of(ask, self._space, self._storage)
            except ConfigError as error:  # values that are valid alone, but not together
                self._policy.tell(ask.number, Outcome.FAILED, str(error))
        return None

    def _sized(self, job: Job, predicted: float | None) -> Job | None:
        """Return a job with its share of a GPU, which is a whole one if its memory is unknown."""
        if predicted is None:
            return _with_share(job, SHARES[-1])
        study = self._policy.record()
        try:
            return _with_share(job, share_of_gpu(predicted, study))
        except MemoryError as error:
            tags = memory_tags(memory_on_gpu(predicted, study))
            self._policy.tell(job["number"], Outcome.OUT_OF_MEMORY, str(error), tags)
            return None


def enlarged(job: Job) -> Job:
    """Return a job that can grow, with the next larger share of a GPU."""
    return _with_share(job, min(share for share in SHARES if share > job["gpus"]))


def _with_share(job: Job, share: float) -> Job:
    return {**job, "gpus": share, "can_grow": share < SHARES[-1]}
