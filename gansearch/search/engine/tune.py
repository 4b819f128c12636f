"""Ray Tune's side of a search: thin adaptors over one shared policy.

The policy decides and the record remembers; Tune only places trials on machines. Nothing of a
study is in Tune's own snapshot: a resumed study is a new Tune run over the same record and
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

from gansearch.record import Outcome
from gansearch.scratch import scratch_folder
from gansearch.search.engine.cluster import capacity
from gansearch.search.engine.jobs import Jobs, enlarged
from gansearch.search.engine.packing import of_whole_gpu
from gansearch.search.engine.worker import Job, train_trial, trial_name
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Policy
from gansearch.space import AUTO, Space
from gansearch.train.run import REPORT

log = logging.getLogger(__name__)

T = TypeVar("T")

CAPACITY_SECONDS = 5.0
"""For how long a cluster's size is taken as known: nodes come and go, and asking takes a while."""


class Desk:
    """What the searcher and the scheduler of one Tune run share: a policy that never raises.

    An exception in an adaptor would end Tune's experiment and every running trial with it. Here the
    first one is logged with its traceback and kept for the end of the study, and a default answers.

    Args:
        policy: what decides.
        signals: those that came to this process; with the first one the run ends.

    Attributes:
        error: the first exception of the policy, if there was one.
        last_errors: for each trial's number the last failure of its process, as Ray describes it.
        foreseen: for each running trial's number what its memory was foreseen to be, in MiB.
        again: jobs whose share of a GPU was too small, with a larger one.
    """

    def __init__(self, policy: Policy, signals: Sequence[int] = ()) -> None:
        self.policy = policy
        self.signals = signals
        self.error: Exception | None = None
        self.last_errors: dict[int, str] = {}
        self.foreseen: dict[int, dict[str, float]] = {}
        self.again: deque[Job] = deque()

    def call(self, verb: Callable[..., T], *args: Any, default: T) -> T:
        """``verb(*args)``, or ``default`` where that raises."""
        try:
            return verb(*args)
        except Exception as error:
            if self.error is None:
                log.exception("%s%r failed; the running trials go on", verb.__name__, args)
                self.error = error
            return default

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Tell the policy how a trial ended, and what was foreseen of it."""
        known = memory_tags(self.foreseen.pop(number, {}))
        self.call(self.policy.tell, number, outcome, reason, {**known, **tags}, default=None)


class PolicySearcher(Searcher):
    """Gives Tune the policy's trials: as many at a time as the cluster has room for.

    Args:
        desk: shared with the scheduler.
        space: gives each trial's training configuration and resources.
        storage: folder or URI of the study, reached from every node.
    """

    def __init__(self, desk: Desk, space: Space, storage: str) -> None:
        super().__init__()
        self._desk = desk
        self._space = space
        self._source = Jobs(desk.policy, space, storage)
        self._jobs: dict[str, Job] = {}  # in flight, by Tune's id
        self._capacity = 1
        self._gpus = 0.0
        self._capacity_known_until = -float("inf")

    def suggest(self, trial_id: str) -> Any:
        """The next trial's job, ``None`` while there is none, ``FINISHED`` after the last."""
        if not self._has_room():
            return None
        again = self._desk.again
        job = again.popleft() if again else self._desk.call(self._source.next, default=None)
        if job is None:
            # Who is trained again depends on how those end that still run.
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
        """Make room; with ``error``, the trial's retries are used up.

        A process that fails while the run ends was ended by the same signal, as Slurm and systemd
        do it: its trial has no outcome.
        """
        job = self._jobs.pop(trial_id, None)
        if error and job is not None and not self._desk.signals:
            ending = _failure(self._desk.last_errors.pop(job["number"], ""))
            self._desk.tell(job["number"], *ending)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is the searcher's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the record is the searcher's state."""

    def close(self) -> None:
        """Give out nothing more."""
        self._source.close()

    def _has_room(self) -> bool:
        """Whether one more trial may be in flight: by the space's limit, or by the cluster's."""
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
    """Passes every result of a trial on to the policy, and its decision back.

    Args:
        desk: shared with the searcher.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._desk = desk

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - Tune's signature
        """Whether the trial goes on."""
        verbs = {"foreseen": self._foreseen, "outcome": self._ended}
        verb = next((verb for key, verb in verbs.items() if key in result), self._reported)
        goes_on = self._desk.call(verb, trial.config, result, default=True)
        decision: str = self.CONTINUE if goes_on else self.STOP
        return decision

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:  # noqa: ARG002 - Tune's signature
        """Remember why; the searcher hears of it only once the retries are used up."""
        text = Path(trial.error_file).read_text() if trial.error_file else ""
        self._desk.last_errors[trial.config["number"]] = text

    def _foreseen(self, job: Job, result: Mapping[str, Any]) -> bool:
        foreseen = of_whole_gpu(json.loads(result["foreseen"]), self._desk.policy.record())
        self._desk.foreseen[job["number"]] = foreseen
        return True

    def _reported(self, job: Job, result: Mapping[str, Any]) -> bool:
        return self._desk.policy.report(job["number"], REPORT.validate_json(result["report"]))

    def _ended(self, job: Job, result: Mapping[str, Any]) -> bool:
        outcome, tags = Outcome(result["outcome"]), {"host": result["host"]}
        if outcome is Outcome.OUT_OF_MEMORY and job["can_grow"]:
            self._desk.again.append(enlarged(job))
        else:
            self._desk.tell(job["number"], outcome, result["reason"], tags)
        return False


class Brake(Stopper):
    """Ends a Tune run early: its running trials stay without an outcome, to be continued.

    Args:
        seconds: wall clock after which it ends by itself, if at all.
        signals: those that came; with the first one it ends.
    """

    def __init__(self, seconds: float | None, signals: Sequence[int] = ()) -> None:
        self._signals = signals
        self._minutes = (seconds or 0.0) / 60
        self._deadline = time.monotonic() + (float("inf") if seconds is None else seconds)

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:  # noqa: ARG002 - Tune's signature
        """Never stops a single trial."""
        return False

    def stop_all(self) -> bool:
        """Whether the run ends now."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Why the run ends before its time, or nothing."""
        if self._signals:
            return "interrupted"
        over = time.monotonic() > self._deadline
        return f"the wall clock of {self._minutes:g} min has run out" if over else ""


def search(desk: Desk, space: Space, storage: str, brake: Brake) -> None:
    """Run trials on the connected cluster until the policy has no more, or the brake is pulled.

    Args:
        desk: holds the policy and, afterwards, its first error.
        space: what is searched.
        storage: folder or URI of the study, reached from every node.
        brake: ends the run early.
    """
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

    def name(trial: Trial) -> str:
        return trial_name(trial.config["number"])

    def resources(job: Mapping[str, Any]) -> PlacementGroupFactory:
        return PlacementGroupFactory([{"CPU": job["cpus"], "GPU": job["gpus"]}])

    with (
        scratch_folder() as scratch,  # Tune's own files, which nobody reads
        closing(PolicySearcher(desk, space, storage)) as searcher,
    ):
        tune.run(
            tune.with_resources(partial(train_trial, tell=tune.report), resources),
            name="tune",
            search_alg=searcher,
            scheduler=PolicyScheduler(desk),
            num_samples=-1,
            # A limit of any size lifts the one pending trial at a time that Tune lets a searcher
            # have; the searcher itself keeps to the cluster's room.
            max_concurrent_trials=sys.maxsize,
            max_failures=space.search.retries,
            raise_on_failed_trial=False,
            stop=brake,
            storage_path=str(scratch),
            trial_name_creator=name,
            trial_dirname_creator=name,
            verbose=0,
        )


def _failure(text: str) -> tuple[Outcome, str]:
    """Outcome and reason for a process that Ray gave up on, from what Ray wrote of it."""
    attempt = text.rpartition("Failure # ")[2].partition("\n")[2].strip()
    lines = attempt.splitlines() or ["the trial's process failed"]
    if "NODE_OUT_OF_MEMORY" in attempt or "OutOfMemoryError" in attempt:
        return Outcome.OUT_OF_MEMORY, "Ray ended the trial because its node ran out of memory"
    return Outcome.FAILED, lines[-1] if "Traceback" in attempt or "ray::" in attempt else lines[0]
