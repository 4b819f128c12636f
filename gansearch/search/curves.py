"""What trainings would give: the problems of simulated studies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from gansearch.config import Params
from gansearch.errors import StudyError
from gansearch.record import Ancestor, Report
from gansearch.search.policy import Ask
from gansearch.space import Space


@dataclass(frozen=True)
class Curve:
    """What a training run gives, known before it is run.

    Attributes:
        kimg: points at which its quality is known, ascending.
        quality: for each quality metric its values at those points; one that is not finite is
            reported as it is.
        seconds_per_kimg: on a device of speed 1, above 0.
        peak_memory_mib: of the training, in MiB.
        earlier: the stages before, of a training that went on with others': up to which kimg, and
            their seconds per kimg.
        diverges_at: kimg at which it diverges, if it does; the points end before it.
    """

    kimg: Sequence[float]
    quality: Mapping[str, Sequence[float]]
    seconds_per_kimg: float
    peak_memory_mib: float
    diverges_at: float = math.inf
    earlier: Sequence[tuple[float, float]] = ()

    def seconds(self, start: float, end: float) -> float:
        """From one kimg to another, on a device of speed 1."""
        stages = [*self.earlier, (math.inf, self.seconds_per_kimg)]
        begins = (0.0, *(kimg for kimg, _ in stages))
        spans = (
            (max(0.0, min(end, until) - max(start, begin)), rate)
            for begin, (until, rate) in zip(begins, stages, strict=False)
        )
        return sum(span * rate for span, rate in spans)

    def report(self, kimg: float) -> Report:
        """What a trial reports at ``kimg``.

        Costs are of the whole training, from its beginning on, and those of the device of speed 1,
        whatever it ran on, as calibrated trials' are.

        Raises:
            StudyError: there is no value at ``kimg``.
        """
        at = next((i for i, point in enumerate(self.kimg) if math.isclose(point, kimg)), None)
        if at is None:
            known = ", ".join(f"{point:g}" for point in self.kimg)
            raise StudyError(f"the curve has no value at {kimg:g} kimg, only at {known}")
        costs = {
            "seconds_per_kimg": (
                self.seconds(0.0, kimg) / kimg if self.earlier else self.seconds_per_kimg
            ),
            "train_seconds": self.seconds(0.0, kimg),
            "peak_memory_mib": self.peak_memory_mib,
        }
        return Report(kimg, {**{name: v[at] for name, v in self.quality.items()}, **costs})


class Problem(Protocol):
    """What is searched, and what every configuration of it would give."""

    @property
    def space(self) -> Space:
        """What is searched."""

    def run(self, params: Params, seed: int) -> Curve:
        """The training of ``params`` with ``seed``: the same curve at every call."""


@runtime_checkable
class Schedules(Problem, Protocol):
    """A problem that knows what comes of changing a training's configuration on the way."""

    def go_on(self, lineage: Sequence[Ancestor], params: Params, seed: int) -> Curve:
        """The training of ``params`` that goes on with others': its quality is the whole run's.

        Its costs are those of ``params`` alone; the earlier stages' are found by :meth:`run`.
        """


def curve_of(problem: Problem, ask: Ask) -> Curve:
    """What a trial's whole training gives.

    Raises:
        StudyError: the trial goes on with the training of others, of which the problem knows
            nothing.
    """
    if not ask.lineage:
        return problem.run(ask.params, ask.seed)
    if not isinstance(problem, Schedules):
        raise StudyError(f"{problem.space.name} has no curves of trials that go on with others")
    own = problem.go_on(ask.lineage, ask.params, ask.seed)
    stages = [(stage.kimg, problem.run(stage.params, ask.seed)) for stage in ask.lineage]
    return replace(
        own,
        peak_memory_mib=max(own.peak_memory_mib, *(run.peak_memory_mib for _, run in stages)),
        earlier=[(kimg, run.seconds_per_kimg) for kimg, run in stages],
    )
