"""Adaptors of Ray Tune to the shared policy.

The policy decides, and the record is durable; Tune only places trials on machines. Tune's own
snapshot contains no state of a study. A resumed study is a new Tune run over the same record and
checkpoints.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import ray
from ray import tune
from ray.tune.execution.placement_groups import PlacementGroupFactory
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from gansearch.hardware.scratch import scratch_folder
from gansearch.record import Outcome
from gansearch.search.engine.cluster import capacity
from gansearch.search.engine.jobs import Jobs, enlarged
from gansearch.search.engine.packing import memory_on_largest_gpu
from gansearch.search.engine.worker import Job, train_trial, trial_name
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Policy
from gansearch.settings import AUTO
from gansearch.space import Space
from gansearch.train.run import REPORT

log = logging.getLogger(__name__)

T = TypeVar("T")

CAPACITY_SECONDS = 5.0
"""Time for which a cluster's size is cached, in seconds: nodes come and go, and queries are
slow."""


class SearchAdaptor:
    """Adapts a policy to Tune: shared by the searcher and the scheduler of a run; never raises.

    An exception in an adaptor would end Tune's experiment and every running trial. Instead, the
    first one is logged with its traceback and kept for the end of the study, and a default is
    returned.

    Args:
        policy: the policy.
        signals: signals received by this process; the first one ends the run.

    Attributes:
        error: first exception of the policy, or ``None``.
        last_errors: last failure of each trial's process, as Ray describes it, by number.
        predicted_memory: predicted memory of each running trial, in MiB, by number.
        enlarged_jobs: jobs whose share of a GPU was too small, with a larger share.
    """

    def __init__(self, policy: Policy, signals: Sequence[int] = ()) -> None:
        self.policy = policy
        self.signals = signals
        self.error: Exception | None = None
        self.last_errors: dict[int, str] = {}
        self.predicted_memory: dict[int, dict[str, float]] = {}
        self.enlarged_jobs: deque[Job] = deque()

    def call(self, method: Callable[..., T], *args: Any, default: T) -> T:
        """Return ``method(*args)``, or ``default`` if it raises."""
        try:
            return method(*args)
        except Exception as error:
            if self.error is None:
                log.exception("%s%r failed; running trials continue", method.__name__, args)
                self.error = error
            return default

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Tell the policy the end of a trial and its predicted memory."""
        memory = memory_tags(self.predicted_memory.pop(number, {}))
        self.call(self.policy.tell, number, outcome, reason, {**memory, **tags}, default=None)


class PolicySearcher(Searcher):
    """Gives Tune the policy's trials, limited by the cluster's resources.

    Args:
        adaptor: shared with the scheduler.
        space: provides each trial's training configuration and resources.
        storage: folder or URI of the study, reachable from every node.
    """

    def __init__(self, adaptor: SearchAdaptor, space: Space, storage: str) -> None:
        super().__init__()
        self._adaptor = adaptor
        self._space = space
        self._source = Jobs(adaptor.policy, space, storage)
        self._jobs: dict[str, Job] = {}  # in flight, by Tune's id
        self._capacity = 1
        self._gpus = 0.0
        self._capacity_known_until = -float("inf")

    def suggest(self, trial_id: str) -> Any:
        """Return the next job, ``None`` while there is none, or ``FINISHED`` after the last."""
        if not self._has_room():
            return None
        enlarged_jobs = self._adaptor.enlarged_jobs
        job: Job | None
        if enlarged_jobs:
            job = enlarged_jobs.popleft()
        else:
            job = self._adaptor.call(self._source.next, default=None)
        if job is None:
            # The choice of replicates depends on the ends of the running trials.
            depends = self._jobs and self._space.search.replicates > 1
            may_return = any(job["can_grow"] for job in self._jobs.values())
            return None if depends or may_return or self._source.waits else Searcher.FINISHED
        self._jobs[trial_id] = job
        return job

    def on_trial_complete(
        self,
        trial_id: str,
        result: Mapping[str, Any] | None = None,  # noqa: ARG002 - Tune's signature
        error: bool = False,
    ) -> None:
        """Free the trial's place; with ``error``, its retries are used up.

        A process that fails while the run ends received the same signal, as Slurm and systemd send
        it to all. Its trial has no outcome.
        """
        job = self._jobs.pop(trial_id, None)
        if error and job is not None and not self._adaptor.signals:
            ending = _failure(self._adaptor.last_errors.pop(job["number"], ""))
            self._adaptor.tell(job["number"], *ending)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the record is the searcher's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the record is the searcher's state."""

    def close(self) -> None:
        """Stop giving out trials."""
        self._source.close()

    def _has_room(self) -> bool:
        """Whether one more trial may be in flight, by the space's or the cluster's limit."""
        limit = self._space.search.concurrency
        if limit is not None:
            return len(self._jobs) < limit
        if time.monotonic() > self._capacity_known_until:
            self._capacity = max(1, capacity(self._space))
            self._gpus = ray.cluster_resources().get("GPU", 0.0)
            self._capacity_known_until = time.monotonic() + CAPACITY_SECONDS
        shared = self._space.resources.gpus == AUTO
        given = sum(job["gpus"] for job in self._jobs.values()) if shared else 0.0
        return len(self._jobs) < self._capacity and (not shared or given < self._gpus)


class PolicyScheduler(FIFOScheduler):
    """Passes each result of a trial to the policy and returns its decision.

    Args:
        adaptor: shared with the searcher.
    """

    def __init__(self, adaptor: SearchAdaptor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._adaptor = adaptor

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - Tune's signature
        """Return whether the trial continues or stops."""
        handlers = {"predicted_memory": self._memory_predicted, "outcome": self._ended}
        handler = next((each for key, each in handlers.items() if key in result), self._reported)
        continues = self._adaptor.call(handler, trial.config, result, default=True)
        decision: str = self.CONTINUE if continues else self.STOP
        return decision

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:  # noqa: ARG002 - Tune's signature
        """Store the reason; the searcher learns of it only when the retries are used up."""
        text = Path(trial.error_file).read_text() if trial.error_file else ""
        self._adaptor.last_errors[trial.config["number"]] = text

    def _memory_predicted(self, job: Job, result: Mapping[str, Any]) -> bool:
        needs, study = json.loads(result["predicted_memory"]), self._adaptor.policy.record()
        self._adaptor.predicted_memory[job["number"]] = memory_on_largest_gpu(needs, study)
        return True

    def _reported(self, job: Job, result: Mapping[str, Any]) -> bool:
        return self._adaptor.policy.report(job["number"], REPORT.validate_json(result["report"]))

    def _ended(self, job: Job, result: Mapping[str, Any]) -> bool:
        outcome, tags = Outcome(result["outcome"]), {"host": result["host"]}
        if outcome is Outcome.OUT_OF_MEMORY and job["can_grow"]:
            self._adaptor.enlarged_jobs.append(enlarged(job))
        else:
            self._adaptor.tell(job["number"], outcome, result["reason"], tags)
        return False


class StopCondition(Stopper):
    """Stop condition that ends a Tune run early; running trials keep no outcome and can continue.

    Args:
        seconds: wall clock of the run, or ``None``.
        signals: received signals; the first one ends the run.
    """

    def __init__(self, seconds: float | None, signals: Sequence[int] = ()) -> None:
        self._signals = signals
        self._minutes = (seconds or 0.0) / 60
        self._deadline = time.monotonic() + (float("inf") if seconds is None else seconds)

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:  # noqa: ARG002 - Tune's signature
        """Return ``False``: single trials are never stopped."""
        return False

    def stop_all(self) -> bool:
        """Whether the run ends now."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Reason for the early end of the run, or an empty string."""
        if self._signals:
            return "interrupted"
        over = time.monotonic() > self._deadline
        return f"the wall clock of {self._minutes:g} min has run out" if over else ""


def search(
    adaptor: SearchAdaptor, space: Space, storage: str, stop_condition: StopCondition
) -> None:
    """Run trials on the connected cluster until none are left or the stop condition holds.

    Args:
        adaptor: holds the policy and, afterwards, its first error.
        space: the search space.
        storage: folder or URI of the study, reachable from every node.
        stop_condition: the stop condition.
    """
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

    def name(trial: Trial) -> str:
        return trial_name(trial.config["number"])

    def resources(job: Mapping[str, Any]) -> PlacementGroupFactory:
        return PlacementGroupFactory([{"CPU": job["cpus"], "GPU": job["gpus"]}])

    with (
        scratch_folder() as scratch,  # Tune's own files, which are unused
        closing(PolicySearcher(adaptor, space, storage)) as searcher,
    ):
        tune.run(
            tune.with_resources(partial(train_trial, send=tune.report), resources),
            name="tune",
            search_alg=searcher,
            scheduler=PolicyScheduler(adaptor),
            num_samples=-1,
            # Any limit lifts Tune's limit of one pending trial for a searcher. The searcher itself
            # respects the cluster's resources.
            max_concurrent_trials=sys.maxsize,
            max_failures=space.search.retries,
            raise_on_failed_trial=False,
            stop=stop_condition,
            storage_path=str(scratch),
            trial_name_creator=name,
            trial_dirname_creator=name,
            verbose=0,
        )


def _failure(text: str) -> tuple[Outcome, str]:
    """Return outcome and reason of a failed process from Ray's text about it."""
    attempt = text.rpartition("Failure # ")[2].partition("\n")[2].strip()
    lines = attempt.splitlines() or ["the trial's process failed"]
    if "NODE_OUT_OF_MEMORY" in attempt or "OutOfMemoryError" in attempt:
        return Outcome.OUT_OF_MEMORY, "Ray ended the trial because its node ran out of memory"
    return Outcome.FAILED, lines[-1] if "Traceback" in attempt or "ray::" in attempt else lines[0]
