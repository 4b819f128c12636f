"""Learning curves of simulated trainings, and the problems that provide them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from gansearch.errors import StudyError
from gansearch.record import Ancestor, Report
from gansearch.search.policy import Ask
from gansearch.settings import Params
from gansearch.space import Space


@dataclass(frozen=True)
class Curve:
    """Predetermined results of a training run.

    Attributes:
        kimg: points with known quality, ascending.
        quality: values of each quality metric at those points; non-finite values are reported
            unchanged.
        seconds_per_kimg: training time on a device of speed 1, above 0.
        peak_memory_mib: peak memory of the training, in MiB.
        earlier: earlier stages of a training that continues others: the last kimg and the seconds
            per kimg of each.
        diverges_at: kimg of the divergence, infinite without one; the points end before it.
    """

    kimg: Sequence[float]
    quality: Mapping[str, Sequence[float]]
    seconds_per_kimg: float
    peak_memory_mib: float
    diverges_at: float = math.inf
    earlier: Sequence[tuple[float, float]] = ()

    def seconds(self, start: float, end: float) -> float:
        """Return the seconds from one kimg to another on a device of speed 1."""
        stages = [*self.earlier, (math.inf, self.seconds_per_kimg)]
        begins = (0.0, *(kimg for kimg, _ in stages))
        spans = (
            (max(0.0, min(end, until) - max(start, begin)), rate)
            for begin, (until, rate) in zip(begins, stages, strict=False)
        )
        return sum(span * rate for span, rate in spans)

    def report(self, kimg: float) -> Report:
        """Return a trial's report at ``kimg``.

        Costs cover the whole training from its start. They refer to a device of speed 1, whatever
        device runs the trial, like those of calibrated trials.

        Raises:
            StudyError: the curve has no value at ``kimg``.
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
    """A search space, and the curve of every configuration in it."""

    @property
    def space(self) -> Space:
        """The search space."""

    def run(self, params: Params, seed: int) -> Curve:
        """Return the curve of ``params`` with ``seed``, the same at every call."""


@runtime_checkable
class ScheduleProblem(Problem, Protocol):
    """A problem with curves for trainings whose configuration changes on the way."""

    def continued(self, lineage: Sequence[Ancestor], params: Params, seed: int) -> Curve:
        """Return the curve of ``params`` as the continuation of other trainings.

        Its quality is that of the whole run. Its costs are those of ``params`` alone; :meth:`run`
        gives those of the earlier stages.
        """


def curve_of(problem: Problem, ask: Ask) -> Curve:
    """Return the curve of a trial's whole training.

    Raises:
        StudyError: the trial continues the training of others, and the problem has no such curves.
    """
    if not ask.lineage:
        return problem.run(ask.params, ask.seed)
    if not isinstance(problem, ScheduleProblem):
        raise StudyError(f"{problem.space.name} has no curves of trials that continue others")
    own = problem.continued(ask.lineage, ask.params, ask.seed)
    stages = [(stage.kimg, problem.run(stage.params, ask.seed)) for stage in ask.lineage]
    return replace(
        own,
        peak_memory_mib=max(own.peak_memory_mib, *(run.peak_memory_mib for _, run in stages)),
        earlier=[(kimg, run.seconds_per_kimg) for kimg, run in stages],
    )
