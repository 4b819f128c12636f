"""What a study's next decisions rest on, worked out ahead of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.gaussian import Array
from gansearch.search.bayesian.history import History, Moment, Step
from gansearch.search.bayesian.improvement import Cells
from gansearch.search.bayesian.models import Settings, fit_settings
from gansearch.search.bayesian.view import FIRST, Belief, View

FAR, NEAR = 150, 150
"""Configurations of a pool: by chance, and bred from those that are believed to be on the front."""
CORNER, DEAR = 0.75, 0.95
"""Shares of the configurations by chance that the corner is beyond: in each quality, in which some
come to nothing, and in each cost, of which the dear ones may be the best."""
MARGIN = 0.1
"""By how much of its extent the corner is beyond the front, and beyond what is dear."""
CHANCE = 64
"""Configurations by chance that the corner is drawn from."""
SOME = 2
"""Trials considered at a time, so that none that asks has to wait for them all."""
WEIGHED = 32
"""Configurations of a pool that are weighed again at a time."""
SAME = 1e-9
"""Between a configuration's point and that of the parameters that it stands for, at most."""
RECENT = 12
"""Trials whose promise is the usual one."""


class Fronts:
    """The believed fronts of a view at each rung.

    Args:
        view: what is believed.
        corner: up to which hypervolume counts ``[M]``.
    """

    def __init__(self, view: View, corner: Array) -> None:
        self._view, self._corner = view, corner
        self._cells = {rung: Cells(view.front_at(rung), corner) for rung in view.rungs}

    def without(self, number: int, rung: int = FIRST) -> Cells:
        """The front of those that came to a rung, had a trial not been."""
        others = self._view.front_without(number, rung)
        return self._cells[rung] if others is None else Cells(others, self._corner)


class Pool:
    """Configurations to try, and what they promise as trials come after the view.

    Args:
        view: what is believed.
        corner: up to which hypervolume counts ``[M]``.
        genes: of the configurations ``[N, G]``.
        points: and as models take them ``[N, D]``.

    Attributes:
        genes: as given.
        trials: how many there were, of those that are considered.
    """

    def __init__(self, view: View, corner: Array, genes: Array, points: Array) -> None:
        self._view, self._corner, self._points = view, corner, points
        self._front = view.front_at(FIRST)
        self._belief, self._doubts = view.of(points), view.doubts(points)
        self.genes, self.trials = genes, view.trials
        self._promised = rates(self._doubted(), Cells(self._front, corner))

    def grow(self, points: Sequence[Array]) -> None:
        """Consider trials, from the study's first on, by their points ``[D]``."""
        # One by one: longer sums round otherwise, and a resumed study would ask otherwise.
        for point in points[self.trials :]:
            new = self._expected(point)
            if not (self._front <= new).all(axis=1).any():
                self._front = np.vstack([self._front[~(new <= self._front).all(axis=1)], new])
            for doubt in self._doubts:
                doubt.await_end(point)
            self.trials += 1

    def descending(self) -> Iterator[int]:
        """Their places, those that promise most first, as of all trials considered.

        Promises only fall as trials come, but for the front's rounding: so those that promised less
        than another does now are not weighed again.
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
        """The objectives ``[M]`` that are believed of a trial: known if it is one of these."""
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
    """What is believed as of a step, and what trials are weighed by.

    Attributes:
        view: what is believed.
        fronts: of the view at each rung.
        usual: what the newest trials promise on average, now that each has reported.
        pool: of configurations to try.
    """

    view: View
    fronts: Fronts
    usual: float
    pool: Pool


class Outlooks:
    """The outlook of a study as it goes on; the coming one is worked out in another thread.

    Args:
        history: of the study.
        seed: of what is drawn by chance.
    """

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._seed = seed
        self._settings: tuple[Moment, Settings] | None = None
        self._held: tuple[Step, Outlook] | None = None
        self._coming: tuple[Step, Future[Outlook]] | None = None
        self._executor = ThreadPoolExecutor(1, "gansearch-outlook")  # whose thread starts when used

    def now(self) -> Outlook | None:
        """The outlook that holds; ``None`` before enough is known, or where nothing is to choose.

        It is a function of what was told alone.
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
        """Consider new trials: all of them now, and some for the outlook that comes."""
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
    """Expected growth of a front's hypervolume for each second of a whole training, ``[N]``."""
    gains = front.improvement(belief.means, belief.deviations)
    found: Array = gains * belief.sound / belief.seconds
    return found


def _corner(view: View, encoder: Encoder, random: np.random.Generator) -> Array:
    chance = encoder.snapped(random.random((CHANCE, encoder.count)))
    points = view.of(encoder.points(chance)).means
    qualities, costs = points[:, : view.curves], points[:, view.curves :]
    # As if the best by chance were a dear one: the front may yet come to there.
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
    found = [
        rates(view.of(point[None]), fronts.without(number))
        for number, point in zip(newest, points, strict=True)
    ]
    return float(np.mean(found))
