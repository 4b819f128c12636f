"""Simulated studies: the policy of a real study on an event clock.

Workers, learning curves and failures are simulated. The decisions come from a real :class:`Policy`
on the event clock. Nothing depends on the time of day, so equal seeds give equal decisions. The
time of a device counts from a trial's ask to its end, including waiting and lost work.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from gansearch.pareto import Points, hypervolume, non_dominated
from gansearch.record import (
    DEVICE_MEMORY,
    PREDICTED_MEMORY,
    Outcome,
    Report,
    StudyRecord,
)
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Ask, Policy
from gansearch.search.simulation.problem import Curve, Problem, ScheduleProblem, curve_of
from gansearch.space import Space

__all__ = [
    "Clock",
    "Cluster",
    "Curve",
    "End",
    "Method",
    "Problem",
    "ScheduleProblem",
    "Simulation",
    "hypervolume_over_time",
    "policy",
    "simulate",
]

Clock = Callable[[], float]
"""Returns seconds on the event clock."""


class Method(Protocol):
    """Search method of a simulated study: a :class:`Policy`, or a baseline."""

    def ask(self) -> Ask | None:
        """Return the next trial to run, or ``None`` while there is none."""

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; return ``False`` if the trial is over."""

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take the end of a trial's process."""

    def record(self) -> StudyRecord:
        """Return the current record of the study."""


@dataclass(frozen=True)
class Cluster:
    """The machines of a simulated study, and their failures.

    Attributes:
        workers: number of concurrent trials.
        speeds: device speeds relative to the reference, assigned to workers cyclically.
        memory_mib: memory of a device; a trial that needs more ends right after its start.
        startup_s: seconds from a trial's ask, or its crash, to the start of training.
        delay_s: mean seconds between a report and its answer, while the device waits; exponentially
            distributed.
        crash_s: mean seconds of training between two crashes of a worker; exponentially
            distributed. A crashed trial continues from its last report, up to the space's
            ``retries`` times.
        seed: seed of delays and crashes.
    """

    workers: int = 8
    speeds: Sequence[float] = (1.0,)
    memory_mib: float = math.inf
    startup_s: float = 0.0
    delay_s: float = 0.0
    crash_s: float = math.inf
    seed: int = 0


class End(NamedTuple):
    """The end of a trial on its worker."""

    number: int
    kimg: float  # kimg that it reached
    seconds: float  # on the event clock
    gpu_seconds: float  # spent by the study so far


Steps = Generator[float, None, float]
"""Yields the seconds until a trial's next step and returns the kimg that it reached."""


@dataclass
class Simulation:
    """A study on an event clock, advanced step by step.

    Attributes:
        problem: the problem.
        cluster: the machines.
        method: the search method; it can be replaced between two steps, as after a killed driver.
        now: seconds on the event clock.
        gpu_seconds: total time of the devices.
        ends: ends of the trials, in order.
    """

    problem: Problem
    cluster: Cluster
    method: Method = field(init=False)
    now: float = 0.0
    gpu_seconds: float = 0.0
    ends: list[End] = field(default_factory=list)

    def __post_init__(self) -> None:
        budget = self.problem.space.budget
        self._points = (*budget.rungs, budget.max_kimg)
        self._order = count()  # breaks ties of events at the same time
        self._idle: list[float] = []  # speeds of the workers without a trial
        self._events: list[tuple[float, int, Iterator[float]]] = []

    def clock(self) -> float:
        """Return the time, for a policy."""
        return self.now

    def start(self) -> None:
        """Let every worker ask for its first trial."""
        speeds = self.cluster.speeds
        for worker in range(self.cluster.workers):
            self._wake(self._work(speeds[worker % len(speeds)]))

    def step(self, gpu_seconds: float = math.inf) -> bool:
        """Process the next event; return ``False`` if none is left within ``gpu_seconds``.

        Trials that run then stay unfinished.
        """
        if not self._events:
            return False
        busy, moment = len(self._events), self._events[0][0]
        left = gpu_seconds - self.gpu_seconds
        if busy * (moment - self.now) > left:
            self.now += left / busy
            self.gpu_seconds = gpu_seconds
            return False
        self.gpu_seconds += busy * (moment - self.now)
        self.now = moment
        self._wake(heapq.heappop(self._events)[2])
        return True

    def _wake(self, worker: Iterator[float]) -> None:
        wait = next(worker, None)
        if wait is not None:
            heapq.heappush(self._events, (self.now + wait, next(self._order), worker))

    def _work(self, speed: float) -> Iterator[float]:
        while (ask := self.method.ask()) is not None:
            kimg = yield from self._train(ask, speed)
            self.ends.append(End(ask.number, kimg, self.now, self.gpu_seconds))
            self._wake_idle()
        self._idle.append(speed)

    def _wake_idle(self) -> None:
        """Let idle workers ask again, since an end may enable new trials."""
        for _ in range(len(self._idle)):
            waiting = len(self._idle)
            self._wake(self._work(self._idle.pop(0)))
            if len(self._idle) == waiting:
                return

    def _train(self, ask: Ask, speed: float) -> Steps:
        """Run one trial on one worker, like ``search/engine/worker.py``."""
        number, last, crashes = ask.number, ask.resume, 0
        curve = curve_of(self.problem, ask)
        begun = ask.begin.kimg if ask.begin else 0.0
        draw = np.random.default_rng((self.cluster.seed, number))
        predicted = self._predicted_memory(curve)
        yield self.cluster.startup_s
        if curve.peak_memory_mib > self.cluster.memory_mib:
            tags = memory_tags(predicted)
            self.method.tell(number, Outcome.OUT_OF_MEMORY, "the device is too small", tags)
            return 0.0
        while True:
            reached = last.kimg if last else begun
            if last and not self.method.report(number, last):  # repeated after a new start
                return reached
            for kimg in (point for point in self._points if point > reached):
                goal = min(kimg, curve.diverges_at)
                seconds = curve.seconds(reached, goal) / speed
                crash = draw.exponential(self.cluster.crash_s)
                yield min(crash, seconds)
                if crash < seconds:
                    break
                if curve.diverges_at <= kimg:
                    self.method.tell(number, Outcome.DIVERGED, f"nan at {goal:g} kimg")
                    return goal
                report, reached = curve.report(kimg), kimg
                last = replace(report, metrics={**report.metrics, **predicted})
                yield draw.exponential(self.cluster.delay_s)
                if not self.method.report(number, last):
                    return kimg
            else:
                self.method.tell(number, Outcome.COMPLETED)
                return reached
            crashes += 1
            if crashes > self.problem.space.search.retries:
                self.method.tell(number, Outcome.FAILED, "its worker crashed")
                return reached
            yield self.cluster.startup_s

    def _predicted_memory(self, curve: Curve) -> dict[str, float]:
        """Return the predicted memory, which is exact, or nothing without a memory limit."""
        there = self.cluster.memory_mib
        if math.isinf(there):
            return {}
        return {PREDICTED_MEMORY: curve.peak_memory_mib, DEVICE_MEMORY: there}


def simulate(
    problem: Problem,
    cluster: Cluster,
    method: Callable[[Space, Clock], Method] | None = None,
    gpu_seconds: float = math.inf,
) -> Simulation:
    """Run a study on an event clock.

    Args:
        problem: the problem, with its space.
        cluster: the machines.
        method: makes the search method; the default is the space's own policy.
        gpu_seconds: budget of device time, in addition to the space's budget of trials.

    Returns:
        The simulation after its end; its ``method.record()`` is the study.

    Raises:
        StudyError: the problem has no value at a rung, or the grid cannot be enumerated.
    """
    simulation = Simulation(problem, cluster)
    simulation.method = (method or policy)(problem.space, simulation.clock)
    simulation.start()
    while simulation.step(gpu_seconds):
        pass
    return simulation


def policy(space: Space, clock: Clock) -> Policy:
    """Make the policy of a new study without a durable record."""
    return Policy(space, StudyRecord(space.name, space.text, space.file, 0.0, {}, ()), clock=clock)


def hypervolume_over_time(
    moments: Sequence[float], points: Points, reference: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the steps of a front's hypervolume over time.

    Args:
        moments: times of the points, ascending.
        points: objective vectors ``[N, M]``, minimised.
        reference: reference point ``[M]``, finite.

    Returns:
        ``(moment, hypervolume from then on)`` at each increase.

    Raises:
        ValueError: as for :func:`gansearch.pareto.hypervolume`.
    """
    steps: list[tuple[float, float]] = []
    front = np.empty((0, len(reference)))
    for moment, point in zip(moments, points, strict=True):
        grown = np.vstack([front, point])
        on_front = non_dominated(grown)
        if on_front[-1]:
            front = grown[on_front]
            volume = hypervolume(front, reference)
            if volume > (steps[-1][1] if steps else 0.0):
                steps.append((moment, volume))
    return steps
