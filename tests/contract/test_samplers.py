"""The contract of registered samplers, and the message when one breaks it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from optuna.samplers import QMCSampler
from scipy.stats.qmc import Halton

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.method import SearchMethod
from gansearch.search.samplers.base import Proposal, Sampler, key_of
from gansearch.search.samplers.optuna import OptunaSampler
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.settings import Params
from gansearch.space import Space

MakeSpace = Callable[..., Space]
Check = Callable[..., StudyRecord]


@pytest.fixture(params=sorted(SAMPLERS))
def name(request: pytest.FixtureRequest) -> str:
    """Each registered sampler."""
    return str(request.param)


def made(space: Space) -> Sampler:
    return SearchMethod(space).sampler


def trial_of(space: Space, number: int, sampled: Params) -> TrialRecord:
    params = space.plain(sampled)
    return TrialRecord(number, params, 0, started=float(number), sampled=sampled)


def ended(trial: TrialRecord, full: float) -> TrialRecord:
    """The trial with a completed training; more discriminator steps are better and slower."""
    steps = float(trial.params["d_steps"])
    metrics = {"fd_digits": 40 / steps, "seconds_per_kimg": steps}
    reports = (Report(full, metrics),)
    return replace(trial, reports=reports, outcome=Outcome.COMPLETED, ended=float(trial.number))


def played(space: Space, count: int) -> Iterator[Proposal]:
    """Proposals of a study that trains one trial after the other to its end."""
    method = SearchMethod(space)
    for number in range(count):
        proposal = method.sampler.propose(number)
        if proposal is None:
            return
        yield proposal
        trial = trial_of(space, number, proposal.sampled)
        done = ended(trial, space.budget.max_kimg)
        for observer in method.observers:
            observer.add(trial)
            observer.report(done)
            observer.end(done)


def test_a_resumed_study_proposes_what_the_uninterrupted_one_does(
    name: str, small_space: MakeSpace, resumes_alike: Check
) -> None:
    record = resumes_alike(small_space(sampler=name))
    assert len(record.trials) == 48


def test_every_proposal_is_a_configuration_of_the_space(name: str, small_space: MakeSpace) -> None:
    space = small_space(sampler=name)
    for proposal in played(space, 40):
        params = space.plain(proposal.sampled)
        variant = str(params["variant"])
        assert variant in space.variant
        assert params == space.nearest(variant, params)
        assert proposal.sampled == space.sampled(params)
        space.train_config(params, 0, proposal.lineage)


def test_the_first_trials_are_the_papers_configurations(name: str, small_space: MakeSpace) -> None:
    if name == "grid":
        pytest.skip("a grid tries every point, in random order")
    space = small_space(sampler=name)
    assert [space.plain(p.sampled) for p in played(space, 2)] == space.defaults()


def test_no_configuration_is_proposed_twice(name: str, small_space: MakeSpace) -> None:
    keys = [
        (key_of(proposal.sampled), proposal.lineage)
        for proposal in played(small_space(sampler=name), 40)
    ]
    assert len({str(key) for key in keys}) == len(keys) == 40


def test_equal_seeds_propose_alike_and_other_seeds_differently(
    name: str, small_space: MakeSpace
) -> None:
    one, same, other = (
        list(played(small_space(sampler=name, seed=seed), 24)) for seed in (5, 5, 6)
    )
    assert one == same
    assert one != other


def test_global_random_generators_are_neither_read_nor_advanced(
    name: str, small_space: MakeSpace
) -> None:
    space = small_space(sampler=name)
    found = []
    for seed in (0, 1):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator under test
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        found.append(list(played(space, 16)))
        assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert found[0] == found[1]


def test_results_of_earlier_studies_are_observed(name: str, small_space: MakeSpace) -> None:
    space = small_space(sampler=name)
    method = SearchMethod(space)
    for number in range(-6, 0):
        params = space.nearest("gan", {"d_steps": 1 + number % 3, "d_lr_ratio": 1.0})
        trial = trial_of(space, number, space.sampled(params))
        for observer in method.observers:
            observer.add(trial)
            observer.report(ended(trial, 8.0))
            observer.end(ended(trial, 8.0))
    proposal = method.sampler.propose(0)
    assert proposal is not None


def test_a_surrogate_is_built_only_by_methods_that_use_it(
    name: str, small_space: MakeSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Space] = []
    monkeypatch.setattr("gansearch.search.bayesian.model.Model", built.append)
    for rule in STOPPING_RULES:
        if "ehvi" not in (name, rule):
            SearchMethod(small_space(sampler=name, stopping=rule))
    assert built == []


# --- A sampler that is added --------------------------------------------------------------------


def test_optunas_quasi_monte_carlo_sampler_as_it_is_fails_with_the_reason(
    small_space: MakeSpace, resumes_alike: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts its points in the attributes of a study, where no record has them."""

    def qmc(space: Space, seed: int) -> QMCSampler:
        del seed  # another seed for each trial would be another sequence
        return QMCSampler(
            qmc_type="halton", seed=space.search.seed, warn_independent_sampling=False
        )

    monkeypatch.setitem(SAMPLERS, "qmc", lambda space, _: OptunaSampler(space, qmc))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="'qmc' keeps state that is not on record"):
        resumes_alike(small_space(sampler="qmc"))


class HaltonSampler:
    """CONTRIBUTING's example: the point of a trial follows from its number."""

    def __init__(self, space: Space) -> None:
        self._first = [space.sampled(params) for params in space.defaults()]
        self._encoder = Encoder(space)
        self._halton = Halton(self._encoder.dimension, rng=space.search.seed)
        self._tried: set[str] = set()

    def add(self, trial: TrialRecord) -> None:
        self._tried.add(key_of(trial.sampled))

    def report(self, trial: TrialRecord) -> None:
        pass

    def end(self, trial: TrialRecord) -> None:
        pass

    def propose(self, number: int) -> Proposal:
        if number < len(self._first):
            return Proposal(self._first[number])
        points = self._halton.reset().fast_forward(64 * number).random(64)
        found = map(self._encoder.decode, self._encoder.snap(points))
        untried = (sampled for sampled in found if key_of(sampled) not in self._tried)
        return Proposal(next(untried, self._encoder.decode(self._encoder.snap(points)[0])))


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_a_quasi_monte_carlo_sampler_by_the_trials_number_passes(
    seed: int, small_space: MakeSpace, resumes_alike: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SAMPLERS, "halton", lambda space, _: HaltonSampler(space))  # type: ignore[arg-type]
    space = small_space(sampler="halton", seed=seed)
    resumes_alike(space)
    keys = [key_of(proposal.sampled) for proposal in played(space, 40)]
    assert len(set(keys)) == 40
