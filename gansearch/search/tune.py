"""Ray Tune's side of a search: thin adaptors over one shared policy.

The policy decides and the record remembers; Tune only places trials on machines. Nothing of a
study is in Tune's own snapshot: a resumed study is a new Tune run over the same record and
checkpoints.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from gansearch.errors import ConfigError, StudyError
from gansearch.record import Outcome
from gansearch.search.policy import Policy
from gansearch.search.worker import Job, job_of, train_trial, trial_name
from gansearch.space import Space
from gansearch.train.run import REPORT

log = logging.getLogger(__name__)

T = TypeVar("T")

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # what people see is an observer's business
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # CSV, JSON and TensorBoard files of every result
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the study has its own
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # Tune's snapshot of all trials, which nobody reads
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the record has the reason
}
"""Environment in which Tune keeps to placing trials."""

LOCAL_RAY: dict[str, Any] = {
    "include_dashboard": False,
    "object_store_memory": 100 * 2**20,  # results are a few numbers, weights go through files
}
"""How Ray is started where there is no cluster; it asks every caller for its token by itself."""

CAPACITY_SECONDS = 5.0
"""For how long a cluster's size is taken as known: nodes come and go, and asking takes a while."""


class Desk:
    """What the searcher and the scheduler of one Tune run share: a policy that never raises.

    An exception in an adaptor would end Tune's experiment and every running trial with it. Here the
    first one is logged with its traceback and kept for the end of the study, and a default answers.

    Attributes:
        error: the first exception of the policy, if there was one.
        last_errors: for each trial's number the last failure of its process, as Ray describes it.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.error: Exception | None = None
        self.last_errors: dict[int, str] = {}

    def call(self, verb: Callable[..., T], *args: Any, default: T) -> T:
        """``verb(*args)``, or ``default`` where that raises."""
        try:
            return verb(*args)
        except Exception as error:
            if self.error is None:
                log.exception("%s%r failed; the running trials go on", verb.__name__, args)
                self.error = error
            return default


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
        self._storage = storage
        self._numbers: dict[str, int] = {}  # of the trials in flight, by Tune's id
        self._capacity = 1
        self._capacity_known_until = -float("inf")

    def suggest(self, trial_id: str) -> Any:
        """The next trial's job, ``None`` while there is none, ``FINISHED`` after the last."""
        if len(self._numbers) >= self._room():
            return None
        job = self._desk.call(self._next_job, default=None)
        if job is None:
            # Who is trained again depends on how those end that still run.
            waits = self._numbers and self._space.search.replicates > 1
            return None if waits else Searcher.FINISHED
        self._numbers[trial_id] = job["number"]
        return job

    def on_trial_complete(
        self,
        trial_id: str,
        result: Mapping[str, Any] | None = None,  # noqa: ARG002 - Tune's signature
        error: bool = False,
    ) -> None:
        """Make room; with ``error``, the trial's retries are used up."""
        number = self._numbers.pop(trial_id, None)
        if error and number is not None:
            text = self._desk.last_errors.pop(number, "")
            self._desk.call(self._desk.policy.tell, number, *_failure(text), default=None)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is the searcher's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the record is the searcher's state."""

    def _next_job(self) -> Job | None:
        policy = self._desk.policy
        while (ask := policy.ask()) is not None:
            try:
                return job_of(ask, self._space, self._storage)
            except ConfigError as error:  # values that are each in range, but not together
                policy.tell(ask.number, Outcome.FAILED, str(error))
        return None

    def _room(self) -> int:
        """Trials that may be in flight: the space's own limit, or what the cluster can run."""
        if self._space.search.concurrency is not None:
            return self._space.search.concurrency
        if time.monotonic() > self._capacity_known_until:
            self._capacity = max(1, _capacity(self._space))
            self._capacity_known_until = time.monotonic() + CAPACITY_SECONDS
        return self._capacity


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
        verb = self._ended if "outcome" in result else self._reported
        goes_on = self._desk.call(verb, trial.config["number"], result, default=True)
        decision: str = self.CONTINUE if goes_on else self.STOP
        return decision

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:  # noqa: ARG002 - Tune's signature
        """Remember why; the searcher hears of it only once the retries are used up."""
        text = Path(trial.error_file).read_text() if trial.error_file else ""
        self._desk.last_errors[trial.config["number"]] = text

    def _reported(self, number: int, result: Mapping[str, Any]) -> bool:
        return self._desk.policy.report(number, REPORT.validate_json(result["report"]))

    def _ended(self, number: int, result: Mapping[str, Any]) -> bool:
        outcome, tags = Outcome(result["outcome"]), {"host": result["host"]}
        self._desk.policy.tell(number, outcome, result["reason"], tags)
        return False


class Brake(Stopper):
    """Ends a Tune run early: its running trials stay without an outcome, to be continued.

    Args:
        seconds: wall clock after which it ends by itself, if at all.

    Attributes:
        pulled: whether somebody asked for the end.
    """

    def __init__(self, seconds: float | None) -> None:
        self.pulled = False
        self._deadline = time.monotonic() + (float("inf") if seconds is None else seconds)

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:  # noqa: ARG002 - Tune's signature
        """Never stops a single trial."""
        return False

    def stop_all(self) -> bool:
        """Whether the run ends now."""
        return self.pulled or time.monotonic() > self._deadline


@contextmanager
def cluster(address: str | None, space: Space) -> Iterator[None]:
    """Ray, connected: as the caller did, the cluster at ``address``, or one of this machine.

    Raises:
        StudyError: it lacks what a trial of ``space`` needs.
    """
    os.environ.update(SETTINGS)  # a local Ray's workers inherit them
    address = address or os.environ.get("RAY_ADDRESS")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(
            address or "local",
            logging_level=logging.ERROR,
            log_to_driver=False,
            **({} if address else LOCAL_RAY),
        )
    try:
        if _capacity(space) < 1:
            need = f"{space.resources.cpus:g} CPUs and {space.resources.gpus:g} GPUs"
            have = ray.cluster_resources()
            raise StudyError(
                f"a trial needs {need} (resources), Ray has "
                f"{have.get('CPU', 0):g} and {have.get('GPU', 0):g}"
            )
        yield
    finally:
        if started_here:
            ray.shutdown()


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

    with TemporaryDirectory(prefix="gansearch-") as scratch:  # Tune's own files, which nobody reads
        tune.run(
            partial(train_trial, tell=tune.report),
            name="tune",
            search_alg=PolicySearcher(desk, space, storage),
            scheduler=PolicyScheduler(desk),
            num_samples=-1,
            # A limit of any size lifts the one pending trial at a time that Tune lets a searcher
            # have; the searcher itself keeps to the cluster's room.
            max_concurrent_trials=sys.maxsize,
            resources_per_trial={"cpu": space.resources.cpus, "gpu": space.resources.gpus},
            max_failures=space.search.retries,
            raise_on_failed_trial=False,
            stop=brake,
            storage_path=scratch,
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


def _capacity(space: Space) -> int:
    """Trials that the cluster can run side by side, as it stands."""
    resources = ray.cluster_resources()
    asked = {"CPU": space.resources.cpus, "GPU": space.resources.gpus}
    return int(min(resources.get(kind, 0) / amount for kind, amount in asked.items() if amount))
