"""Acquisition values of candidates, and the state that they follow from, computed ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.ehvi import BoxDecomposition
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.kernel import Array
from gansearch.search.bayesian.observations import Counts, Observations, SurrogateVersion
from gansearch.search.bayesian.posterior import NO_RUNG, Posterior, Prediction
from gansearch.search.bayesian.surrogate import Hyperparameters, fit_hyperparameters

RANDOM_CANDIDATES = 150
"""Number of random configurations in a candidate pool; they explore."""
FRONT_CANDIDATES = 150
"""Number of children of the predicted front in a candidate pool; they refine the front."""
REFERENCE_DRAWS = 64
"""Number of random configurations that determine the reference point."""
QUALITY_QUANTILE = 0.75
"""Quantile of the random configurations' qualities that the reference point exceeds; some of them
fail to learn, and are not to move it."""
COST_QUANTILE = 0.95
"""Quantile of the random configurations' costs that the reference point exceeds; expensive
configurations may be the best."""
REFERENCE_MARGIN = 0.1
"""Margin of the reference point beyond the front and the expensive configurations, relative to
their extent."""
CATCH_UP = 2
"""Number of pending points added at a time to the next pool, so that no decision waits for all of
them."""
BATCH = 32
"""Number of candidates whose acquisition values are updated at a time."""
EQUAL_INPUTS = 1e-9
"""Maximum difference between a candidate's kernel input and that of its decoded parameters, because
of rounding."""
RECENT = 12
"""Number of the newest trials with a report over which acquisition values are averaged."""


class FrontsByRung:
    """Box decompositions by the predicted fronts at each rung.

    Args:
        posterior: posterior of the study.
        reference_point: ``[M]``.
    """

    def __init__(self, posterior: Posterior, reference_point: Array) -> None:
        self._posterior, self._reference_point = posterior, reference_point
        self._boxes = {
            rung: BoxDecomposition(posterior.front_at(rung), reference_point)
            for rung in posterior.rungs
        }

    def without(self, number: int, rung: int = NO_RUNG) -> BoxDecomposition:
        """Return the box decomposition by a rung's front without one trial."""
        front = self._posterior.front_without(number, rung)
        if front is None:
            return self._boxes[rung]
        return BoxDecomposition(front, self._reference_point)


class CandidatePool:
    """Candidates with acquisition values that are updated as new trials become pending.

    Args:
        posterior: posterior of the study.
        reference_point: ``[M]``.
        encoded: encoded vectors of the candidates ``[N, G]``.
        inputs: their kernel inputs ``[N, D]``.

    Attributes:
        encoded: as given.
        trials: number of trials that the acquisition values account for.
    """

    def __init__(
        self, posterior: Posterior, reference_point: Array, encoded: Array, inputs: Array
    ) -> None:
        self._posterior, self._reference_point = posterior, reference_point
        self.encoded, self._inputs = encoded, inputs
        self._front = posterior.front_at(NO_RUNG)
        self._initial = posterior.predict(inputs)
        self._deviations = posterior.pending_deviations(inputs)
        self.trials = posterior.trials
        boxes = BoxDecomposition(self._front, reference_point)
        self._initial_values = acquisition_values(self._prediction(), boxes)

    def add_pending(self, inputs: Sequence[Array]) -> None:
        """Account for new trials, given the kernel inputs ``[D]`` of all trials of the study."""
        # One by one: sums over several would round differently, and a resumed study would differ.
        for x in inputs[self.trials :]:
            new = self._expected_objectives(x)
            if not (self._front <= new).all(axis=1).any():
                self._front = np.vstack([self._front[~(new <= self._front).all(axis=1)], new])
            for deviations in self._deviations:
                deviations.add(x)
            self.trials += 1

    def by_acquisition_value(self) -> Iterator[int]:
        """Yield candidates' indices by descending acquisition value, given all trials so far.

        Acquisition values only fall as trials are added, except for the front's rounding.
        Candidates whose initial value is below another's current one are therefore not updated.
        """
        order = np.argsort(-self._initial_values)
        prediction = self._prediction()
        boxes = BoxDecomposition(self._front, self._reference_point)
        updated: list[tuple[float, int]] = []
        for start in range(0, len(order), BATCH):
            indices = order[start : start + BATCH]
            values = acquisition_values(prediction.at(indices), boxes)
            updated = sorted([*updated, *zip(-values, indices.tolist(), strict=True)])
            bound = self._initial_values[order[start + BATCH :][:1]].max(initial=0.0)
            while updated and -updated[0][0] >= bound:
                yield updated.pop(0)[1]

    def _expected_objectives(self, x: Array) -> Array:
        """Return a trial's predicted objectives ``[M]``, from the pool if it is a candidate."""
        differences = np.abs(self._inputs - x).max(axis=1)
        nearest = int(differences.argmin())
        is_candidate = differences[nearest] < EQUAL_INPUTS
        candidate = self._initial.at(np.array([nearest]))
        prediction = candidate if is_candidate else self._posterior.predict(x[None])
        means: Array = prediction.means[0]
        return means

    def _prediction(self) -> Prediction:
        """Return the candidates' prediction, given the pending points."""
        deviations = self._initial.deviations.copy()
        for column, pending in zip(deviations.T, self._deviations, strict=False):
            column[:] = pending.deviations
        return self._initial._replace(deviations=deviations)


class AcquisitionState(NamedTuple):
    """State from which acquisition values follow, for one version of the surrogates.

    Attributes:
        posterior: posterior of the study.
        fronts: box decompositions by the predicted fronts at each rung.
        recent_mean: mean acquisition value of the newest trials with a report, computed as for new
            trials; a running trial's value is compared with it.
        pool: the candidate pool.
    """

    posterior: Posterior
    fronts: FrontsByRung
    recent_mean: float
    pool: CandidatePool


class Acquisition:
    """The acquisition state of a study over time; a thread computes the next one.

    Args:
        observations: observations of the study.
        seed: seed of random draws.
    """

    def __init__(self, observations: Observations, seed: int) -> None:
        self._observations = observations
        self._seed = seed
        self._fitted: tuple[Counts, Hyperparameters] | None = None
        self._effective: tuple[SurrogateVersion, AcquisitionState] | None = None
        self._next: tuple[SurrogateVersion, Future[AcquisitionState]] | None = None
        self._executor = ThreadPoolExecutor(1, "gansearch-acquisition")  # starts on use

    def state(self) -> AcquisitionState | None:
        """Return the effective state; ``None`` before enough observations or without parameters.

        It is a function of the observations alone.
        """
        version, next_version = self._observations.version, self._observations.next_version
        if not self._observations.encoder.dimension:
            return None
        if version is not None and (self._effective is None or self._effective[0] != version):
            self._effective = version, self._result(version)
        if next_version is not None and (self._next is None or self._next[0] != next_version):
            self._next = next_version, self._executor.submit(self._compute, next_version)
        return self._effective and self._effective[1]

    def add_pending(self) -> None:
        """Account for new trials: all in the effective pool, some in the next one."""
        inputs = self._observations.inputs
        if self._effective is not None:
            self._effective[1].pool.add_pending(inputs)
        if self._next is not None and self._next[1].done():
            pool = self._next[1].result().pool
            pool.add_pending(inputs[: pool.trials + CATCH_UP])

    def _result(self, version: SurrogateVersion) -> AcquisitionState:
        if self._next is not None and self._next[0] == version:
            return self._next[1].result()
        return self._executor.submit(self._compute, version).result()

    def _compute(self, version: SurrogateVersion) -> AcquisitionState:
        observations, encoder = self._observations, self._observations.encoder
        if self._fitted is None or self._fitted[0] != version.fitted:
            snapshot = observations.snapshot(version.fitted)
            rungs = len(observations.rungs)
            fitted = fit_hyperparameters(encoder.group, snapshot, rungs)
            self._fitted = version.fitted, fitted
        counts = version.conditioned
        snapshot, outcomes = observations.snapshot(counts), observations.outcomes(counts)
        posterior = Posterior(self._fitted[1], snapshot, outcomes, observations.limits)
        encoded = observations.encoded_by_number(counts)
        seed = self._seed, *counts
        reference_point = _reference_point(posterior, encoder, np.random.default_rng(seed))
        fronts = FrontsByRung(posterior, reference_point)
        candidates = _candidates(posterior, encoded, encoder, np.random.default_rng(seed))
        inputs = encoder.kernel_inputs(candidates)
        pool = CandidatePool(posterior, reference_point, candidates, inputs)
        recent_mean = _recent_mean(posterior, encoded, encoder, fronts)
        return AcquisitionState(posterior, fronts, recent_mean, pool)


def acquisition_values(prediction: Prediction, boxes: BoxDecomposition) -> Array:
    """Return EHVI times probability of feasibility over seconds per kimg, ``[N]``."""
    improvement = boxes.ehvi(prediction.means, prediction.deviations)
    values: Array = improvement * prediction.feasibility / prediction.seconds
    return values


def _reference_point(posterior: Posterior, encoder: Encoder, random: np.random.Generator) -> Array:
    drawn = encoder.snap(random.random((REFERENCE_DRAWS, encoder.dimension)))
    objectives = posterior.predict(encoder.kernel_inputs(drawn)).means
    count = posterior.quality_count
    qualities, costs = objectives[:, :count], objectives[:, count:]
    # The best random configuration counts as an expensive one: the front may extend to there.
    best = np.append(qualities.min(axis=0), np.quantile(costs, COST_QUANTILE, axis=0))
    front = np.vstack([posterior.objectives[posterior.front], best])
    worst = front.max(axis=0)
    point = worst + REFERENCE_MARGIN * (worst - front.min(axis=0))
    poor = np.quantile(qualities, QUALITY_QUANTILE, axis=0)
    point[:count] = np.maximum(point[:count], poor)
    limited: Array = np.minimum(point, posterior.limits)
    return limited


def _candidates(
    posterior: Posterior,
    encoded: Mapping[int, Array],
    encoder: Encoder,
    random: np.random.Generator,
) -> Array:
    candidates = [random.random((RANDOM_CANDIDATES, encoder.dimension))]
    if len(posterior.front):
        parents = np.array([encoded[posterior.numbers[i]] for i in posterior.front])
        candidates.append(encoder.offspring(parents, FRONT_CANDIDATES, random))
    return encoder.snap(np.vstack(candidates))


def _recent_mean(
    posterior: Posterior, encoded: Mapping[int, Array], encoder: Encoder, fronts: FrontsByRung
) -> float:
    newest = posterior.reported[-RECENT:]
    inputs = encoder.kernel_inputs(np.array([encoded[number] for number in newest]))
    prediction = posterior.predict(inputs)
    values = [
        acquisition_values(prediction.at(np.array([index])), fronts.without(number))
        for index, number in enumerate(newest)
    ]
    return float(np.mean(values))
