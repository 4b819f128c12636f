"""State for a study's next decisions, computed ahead of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.ehvi import Cells
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.kernel import Array
from gansearch.search.bayesian.observations import History, Moment, Step
from gansearch.search.bayesian.posterior import FIRST, Belief, View
from gansearch.search.bayesian.surrogate import Settings, fit_settings

FAR, NEAR = 150, 150
"""Configurations of a candidate pool: random ones, and children of the predicted front."""
CORNER, DEAR = 0.75, 0.95
"""Quantiles of random configurations that the reference point exceeds: in each quality, where some
fail to learn, and in each cost, where expensive ones may be the best."""
MARGIN = 0.1
"""Margin of the reference point beyond the front and the expensive configurations, relative to
their extent."""
CHANCE = 64
"""Number of random configurations that determine the reference point."""
SOME = 2
"""Pending points added at a time to the coming pool, so that no ask waits for all of them."""
WEIGHED = 32
"""Candidates whose acquisition values are updated at a time."""
SAME = 1e-9
"""Maximum difference between a candidate's point and that of its decoded parameters."""
RECENT = 12
"""Number of the newest trials whose mean acquisition value is the usual one."""


class Fronts:
    """Predicted fronts of a view at each rung.

    Args:
        view: posterior of the study.
        corner: reference point ``[M]``.
    """

    def __init__(self, view: View, corner: Array) -> None:
        self._view, self._corner = view, corner
        self._cells = {rung: Cells(view.front_at(rung), corner) for rung in view.rungs}

    def without(self, number: int, rung: int = FIRST) -> Cells:
        """Return the boxes of a rung's front without one trial."""
        others = self._view.front_without(number, rung)
        return self._cells[rung] if others is None else Cells(others, self._corner)


class Pool:
    """Candidates with acquisition values that are updated as new trials become pending.

    Args:
        view: posterior of the study.
        corner: reference point ``[M]``.
        genes: encoded vectors of the candidates ``[N, G]``.
        points: their points ``[N, D]``.

    Attributes:
        genes: as given.
        trials: number of trials that the acquisition values account for.
    """

    def __init__(self, view: View, corner: Array, genes: Array, points: Array) -> None:
        self._view, self._corner, self._points = view, corner, points
        self._front = view.front_at(FIRST)
        self._belief, self._doubts = view.of(points), view.doubts(points)
        self.genes, self.trials = genes, view.trials
        self._promised = rates(self._doubted(), Cells(self._front, corner))

    def grow(self, points: Sequence[Array]) -> None:
        """Account for trials, given the points ``[D]`` of all trials of the study."""
        # One by one: sums over several would round differently, and a resumed study would differ.
        for point in points[self.trials :]:
            new = self._expected(point)
            if not (self._front <= new).all(axis=1).any():
                self._front = np.vstack([self._front[~(new <= self._front).all(axis=1)], new])
            for doubt in self._doubts:
                doubt.await_end(point)
            self.trials += 1

    def descending(self) -> Iterator[int]:
        """Yield candidates' indices by descending acquisition value, given all trials so far.

        Acquisition values only fall as trials are added, except for the front's rounding.
        Candidates whose old value is below another's new one are therefore not updated.
        """
        order = np.argsort(-self._promised)
        belief, front = self._doubted(), Cells(self._front, self._corner)
        weighed: list[tuple[float, int]] = []
        for start in range(0, len(order), WEIGHED):
            places = order[start : start + WEIGHED]
            now = rates(belief.at(places), front)
            weighed = sorted([*weighed, *zip(-now, places.tolist(), strict=True)])
            further = self._promised[order[start + WEIGHED :][:1]].max(initial=0.0)
            while weighed and -weighed[0][0] >= further:
                yield weighed.pop(0)[1]

    def _expected(self, point: Array) -> Array:
        """Return a trial's predicted objectives ``[M]``, from the pool if it is a candidate."""
        away = np.abs(self._points - point).max(axis=1)
        place = int(away.argmin())
        is_own = away[place] < SAME
        known = self._belief.at(np.array([place])) if is_own else self._view.of(point[None])
        found: Array = known.means[0]
        return found

    def _doubted(self) -> Belief:
        deviations = self._belief.deviations.copy()
        for column, doubt in zip(deviations.T, self._doubts, strict=False):
            column[:] = doubt.deviation
        return self._belief._replace(deviations=deviations)


class Outlook(NamedTuple):
    """State for decisions at a step.

    Attributes:
        view: posterior of the study.
        fronts: predicted fronts at each rung.
        usual: mean acquisition value of the newest trials with a report, computed as for new
            trials.
        pool: the candidate pool.
    """

    view: View
    fronts: Fronts
    usual: float
    pool: Pool


class Outlooks:
    """The outlook of a study over time; a thread computes the coming one.

    Args:
        history: observations of the study.
        seed: seed of random draws.
    """

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._seed = seed
        self._settings: tuple[Moment, Settings] | None = None
        self._held: tuple[Step, Outlook] | None = None
        self._coming: tuple[Step, Future[Outlook]] | None = None
        self._executor = ThreadPoolExecutor(1, "gansearch-outlook")  # the thread starts on use

    def now(self) -> Outlook | None:
        """Return the effective outlook; ``None`` before enough observations or without parameters.

        It is a function of the observations alone.
        """
        history = self._history
        if not history.encoder.count:
            return None
        if history.step is not None and (self._held is None or self._held[0] != history.step):
            self._held = history.step, self._arrived(history.step)
        if history.coming is not None and (
            self._coming is None or self._coming[0] != history.coming
        ):
            self._coming = history.coming, self._executor.submit(self._outlook, history.coming)
        return self._held and self._held[1]

    def grow(self) -> None:
        """Account for new trials: all in the current pool, some in the coming one."""
        points = self._history.points
        if self._held is not None:
            self._held[1].pool.grow(points)
        if self._coming is not None and self._coming[1].done():
            pool = self._coming[1].result().pool
            pool.grow(points[: pool.trials + SOME])

    def _arrived(self, step: Step) -> Outlook:
        if self._coming is not None and self._coming[0] == step:
            return self._coming[1].result()
        return self._executor.submit(self._outlook, step).result()

    def _outlook(self, step: Step) -> Outlook:
        history = self._history
        if self._settings is None or self._settings[0] != step.fitted:
            known = history.known(step.fitted)
            settings = fit_settings(history.encoder.group, known, len(history.rungs))
            self._settings = step.fitted, settings
        known, ends = history.known(step.moment), history.ends(step.moment)
        view = View(self._settings[1], known, ends, history.limits)
        genes = history.genes_of(step.moment)
        seed = self._seed, *step.moment
        corner = _corner(view, history.encoder, np.random.default_rng(seed))
        fronts = Fronts(view, corner)
        drawn = _drawn(view, genes, history.encoder, np.random.default_rng(seed))
        pool = Pool(view, corner, drawn, history.encoder.points(drawn))
        return Outlook(view, fronts, _usual(view, genes, history.encoder, fronts), pool)


def rates(belief: Belief, front: Cells) -> Array:
    """Return EHVI times probability of feasibility over seconds per kimg, ``[N]``."""
    gains = front.improvement(belief.means, belief.deviations)
    found: Array = gains * belief.sound / belief.seconds
    return found


def _corner(view: View, encoder: Encoder, random: np.random.Generator) -> Array:
    chance = encoder.snapped(random.random((CHANCE, encoder.count)))
    points = view.of(encoder.points(chance)).means
    qualities, costs = points[:, : view.curves], points[:, view.curves :]
    # The best random configuration counts as an expensive one: the front may extend to there.
    best = np.append(qualities.min(axis=0), np.quantile(costs, DEAR, axis=0))
    front = np.vstack([view.points[view.front], best])
    worst = front.max(axis=0)
    corner = worst + MARGIN * (worst - front.min(axis=0))
    poor = np.quantile(qualities, CORNER, axis=0)
    corner[: view.curves] = np.maximum(corner[: view.curves], poor)
    found: Array = np.minimum(corner, view.limits)
    return found


def _drawn(
    view: View, genes: Mapping[int, Array], encoder: Encoder, random: np.random.Generator
) -> Array:
    drawn = [random.random((FAR, encoder.count))]
    if len(view.front):
        parents = np.array([genes[view.numbers[i]] for i in view.front])
        drawn.append(encoder.bred(parents, NEAR, random))
    return encoder.snapped(np.vstack(drawn))


def _usual(view: View, genes: Mapping[int, Array], encoder: Encoder, fronts: Fronts) -> float:
    newest = view.reported[-RECENT:]
    points = encoder.points(np.array([genes[number] for number in newest]))
    beliefs = view.of(points)
    found = [
        rates(beliefs.at(np.array([place])), fronts.without(number))
        for place, number in enumerate(newest)
    ]
    return float(np.mean(found))
