"""A policy's trials as jobs for workers, each with what it is given of the machines."""

from __future__ import annotations

from concurrent.futures import Future

from gansearch.config import TrainConfig
from gansearch.errors import ConfigError
from gansearch.record import Outcome
from gansearch.search.engine.packing import SHARES, Foresight, foreseen_on_gpu, share_of_gpu
from gansearch.search.engine.worker import Job, job_of
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Policy
from gansearch.space import AUTO, Space


class Jobs:
    """Hands out the jobs of a policy's trials; a trial that cannot run is told, not handed out.

    With ``gpus: auto`` the memory of each is predicted first, in a thread; the next trial is asked
    for once that is known.

    Args:
        policy: whose trials they are.
        space: gives each trial's training configuration and resources.
        storage: folder or URI of the study, reached from every node.
    """

    def __init__(self, policy: Policy, space: Space, storage: str) -> None:
        self._policy = policy
        self._space = space
        self._storage = storage
        self._foresight = Foresight() if space.resources.gpus == AUTO else None
        self._held: tuple[Job, Future[float | None]] | None = None

    @property
    def waits(self) -> bool:
        """Whether a trial's memory is being predicted."""
        return self._held is not None

    def next(self) -> Job | None:
        """The next trial's job; ``None`` while this waits, or if the policy has no trial."""
        while True:
            if self._held is None:
                job = self._draft()
                if job is None or self._foresight is None:
                    return job
                config = TrainConfig.from_json(job["config"])
                self._held = job, self._foresight.predict(config)
            job, predicted = self._held
            if not predicted.done():
                return None
            self._held = None
            if (sized := self._sized(job, predicted.result())) is not None:
                return sized

    def close(self) -> None:
        """Predict nothing more."""
        if self._foresight is not None:
            self._foresight.close()

    def _draft(self) -> Job | None:
        """The next trial that can be built."""
        while (ask := self._policy.ask()) is not None:
            try:
                return job_of(ask, self._space, self._storage)
            except ConfigError as error:  # values that are each in range, but not together
                self._policy.tell(ask.number, Outcome.FAILED, str(error))
        return None

    def _sized(self, job: Job, predicted: float | None) -> Job | None:
        """A job with its share of a GPU, a whole one where its memory is not known."""
        if predicted is None:
            return _with_share(job, SHARES[-1])
        study = self._policy.record()
        try:
            return _with_share(job, share_of_gpu(predicted, study))
        except MemoryError as error:
            tags = memory_tags(foreseen_on_gpu(predicted, study))
            self._policy.tell(job["number"], Outcome.OUT_OF_MEMORY, str(error), tags)
            return None


def enlarged(job: Job) -> Job:
    """A job that can grow, with the next larger share of a GPU."""
    return _with_share(job, min(share for share in SHARES if share > job["gpus"]))


def _with_share(job: Job, share: float) -> Job:
    return {**job, "gpus": share, "can_grow": share < SHARES[-1]}
