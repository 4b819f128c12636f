"""A study without machines: the policy of a real one on an event clock.

Workers, learning curves and mishaps are simulated, decisions are not: the :class:`Policy` is a
real study's, with the event clock for its own. Nothing depends on the time of day, so the same
seeds make the same decisions. A device is busy, and counted, from a trial's ask to its end, waiting
and lost work included.
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
from gansearch.search.curves import Curve, Problem, Schedules, curve_of
from gansearch.search.feasibility import memory_tags
from gansearch.search.policy import Ask, Policy
from gansearch.space import Space

__all__ = [
    "Clock",
    "Cluster",
    "Curve",
    "End",
    "Method",
    "Problem",
    "Schedules",
    "Simulation",
    "hypervolume_over_time",
    "policy",
    "simulate",
]

Clock = Callable[[], float]
"""Seconds on the event clock."""


class Method(Protocol):
    """What decides in a simulated study: a :class:`Policy`, or whatever is set beside it."""

    def ask(self) -> Ask | None:
        """The next trial to run; ``None`` where there is none before a trial has ended."""

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; ``False`` if the trial is over."""

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """A trial's process ended."""

    def record(self) -> StudyRecord:
        """The study as it stands."""


@dataclass(frozen=True)
class Cluster:
    """The machines of a simulated study, and what goes wrong with them.

    Attributes:
        workers: trials at a time.
        speeds: of the devices, as multiples of the usual one; workers take them in turn.
        memory_mib: of a device; a trial that needs more ends right after its start.
        startup_s: seconds from a trial's ask, or its crash, until it trains.
        delay_s: mean seconds between a report and its answer, while the device waits; drawn from
            an exponential distribution.
        crash_s: mean seconds of training between two crashes of a worker, drawn likewise. A
            crashed trial goes on from its last report, as often as the space's ``retries`` say.
        seed: of delays and crashes.
    """

    workers: int = 8
    speeds: Sequence[float] = (1.0,)
    memory_mib: float = math.inf
    startup_s: float = 0.0
    delay_s: float = 0.0
    crash_s: float = math.inf
    seed: int = 0


class End(NamedTuple):
    """The moment at which a trial left its worker."""

    number: int
    kimg: float  # that it was trained to
    seconds: float  # on the event clock
    gpu_seconds: float  # that the study had spent


Life = Generator[float, None, float]
"""Yields the seconds until its next step, returns the kimg that it came to."""


@dataclass
class Simulation:
    """A study on an event clock, step by step.

    Attributes:
        problem: what is searched.
        cluster: where.
        method: decides; it can be exchanged between two steps, as by a driver that was killed.
        now: seconds on the event clock.
        gpu_seconds: that devices were busy.
        ends: of the trials, in their order.
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
        self._order = count()  # of events at the same moment
        self._idle: list[float] = []  # speeds of the workers that found nothing to do
        self._events: list[tuple[float, int, Iterator[float]]] = []

    def clock(self) -> float:
        """The moment, for a policy."""
        return self.now

    def start(self) -> None:
        """Have every worker ask for its first trial."""
        speeds = self.cluster.speeds
        for worker in range(self.cluster.workers):
            self._wake(self._work(speeds[worker % len(speeds)]))

    def step(self, gpu_seconds: float = math.inf) -> bool:
        """Do the next event; ``False`` if there is none before so much is spent.

        What runs then stays unfinished.
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
            kimg = yield from self._live(ask, speed)
            self.ends.append(End(ask.number, kimg, self.now, self.gpu_seconds))
            self._wake_idle()
        self._idle.append(speed)

    def _wake_idle(self) -> None:
        """An end may bring new work: have those that found none ask again, while there is some."""
        for _ in range(len(self._idle)):
            waiting = len(self._idle)
            self._wake(self._work(self._idle.pop(0)))
            if len(self._idle) == waiting:
                return

    def _live(self, ask: Ask, speed: float) -> Life:
        """One trial on one worker, as ``search/engine/worker.py`` has it."""
        number, last, crashes = ask.number, ask.resume, 0
        curve = curve_of(self.problem, ask)
        begun = ask.begin.kimg if ask.begin else 0.0
        fate = np.random.default_rng((self.cluster.seed, number))
        foreseen = self._foreseen(curve)
        yield self.cluster.startup_s
        if curve.peak_memory_mib > self.cluster.memory_mib:
            tags = memory_tags(foreseen)
            self.method.tell(number, Outcome.OUT_OF_MEMORY, "the device is too small", tags)
            return 0.0
        while True:
            reached = last.kimg if last else begun
            if last and not self.method.report(number, last):  # told again after a new start
                return reached
            for kimg in (point for point in self._points if point > reached):
                goal = min(kimg, curve.diverges_at)
                seconds = curve.seconds(reached, goal) / speed
                crash = fate.exponential(self.cluster.crash_s)
                yield min(crash, seconds)
                if crash < seconds:
                    break
                if curve.diverges_at <= kimg:
                    self.method.tell(number, Outcome.DIVERGED, f"nan at {goal:g} kimg")
                    return goal
                told, reached = curve.report(kimg), kimg
                last = replace(told, metrics={**told.metrics, **foreseen})
                yield fate.exponential(self.cluster.delay_s)
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

    def _foreseen(self, curve: Curve) -> dict[str, float]:
        """What is predicted of a trial's memory: the truth. Nothing where devices have no end."""
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
        problem: what is searched; its space says how.
        cluster: where.
        method: makes what decides; without it the space's own policy.
        gpu_seconds: budget of the devices' time, beside the space's budget of trials.

    Returns:
        The simulation as it ended; its ``method.record()`` is the study.

    Raises:
        StudyError: a rung at which the problem has no value, or a grid that cannot be enumerated.
    """
    simulation = Simulation(problem, cluster)
    simulation.method = (method or policy)(problem.space, simulation.clock)
    simulation.start()
    while simulation.step(gpu_seconds):
        pass
    return simulation


def policy(space: Space, clock: Clock) -> Policy:
    """The policy of a new study that lives as long as its process."""
    return Policy(space, StudyRecord(space.name, space.text, space.file, 0.0, {}, ()), clock=clock)


def hypervolume_over_time(
    moments: Sequence[float], points: Points, reference: Sequence[float]
) -> list[tuple[float, float]]:
    """The steps of a front's hypervolume.

    Args:
        moments: at which the points were found, ascending.
        points: ``[N, M]``, minimised.
        reference: ``[M]``, finite.

    Returns:
        ``(moment, hypervolume from then on)`` wherever it grows.

    Raises:
        ValueError: as :func:`gansearch.pareto.hypervolume`.
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
