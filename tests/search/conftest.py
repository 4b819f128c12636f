"""Spaces, clocks and trials for the tests of the search."""

import itertools
from collections.abc import Callable

import pytest

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.space import Space, parse_space

YAML = """
name: small
variant: [dcgan, gan]
data: {{name: digits}}
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {{type: float, low: 2e-5, high: 2e-3, log: true}}
  dsc:
    where: [none, generator, both]
    kernel_size: {{type: choice, values: [3, 5], when: {{dsc.where: [generator, both]}}}}
objectives:
  fid_digits: {{direction: minimize, max: 50}}
  seconds_per_kimg: minimize
constraints: {{params_m: {{max: 5}}}}
budget: {{trials: {trials}, max_kimg: {max_kimg}, rungs: {rungs}}}
search: {{sampler: {sampler}, stopping: {stopping}, seed: {seed}}}
"""

MakeSpace = Callable[..., Space]


@pytest.fixture(scope="session")
def make_space() -> MakeSpace:
    """A space of two variants, a condition, two objectives, a bound and a constraint."""

    def make(**settings: object) -> Space:
        usual = {
            "trials": 12,
            "max_kimg": 30,
            "rungs": [5, 10],
            "sampler": "random",
            "stopping": "asha",
            "seed": 0,
        }
        return parse_space(YAML.format(**{**usual, **settings}), "small.yaml")

    return make


@pytest.fixture(scope="session")
def empty() -> StudyRecord:
    """A study without trials."""
    return StudyRecord("s", "", "", 0.0, {}, ())


@pytest.fixture
def clock() -> Callable[[], float]:
    """A second passes at each look."""
    return itertools.count(1000.0).__next__


def report_at(
    kimg: float, fid: float = 10.0, seconds: float = 1.0, params_m: float = 1.0
) -> Report:
    metrics = {"fid_digits": fid, "seconds_per_kimg": seconds, "params_m": params_m}
    return Report(kimg, metrics, {"fid_digits": "digits-900"}, f"/weights/{kimg:g}")


@pytest.fixture(scope="session")
def report() -> Callable[..., Report]:
    """A report with every metric that the space asks for."""
    return report_at


def quality(ask: Ask) -> float:
    """A smooth stand-in for training: better with more discriminator steps and near g_lr 2e-4."""
    rate = float(ask.params["g_lr"])
    return 5.0 / float(ask.params["d_steps"]) + abs(rate - 2e-4) * 1e4


@pytest.fixture(scope="session")
def train() -> Callable[..., None]:
    """Run a trial to its end, as a worker would."""

    def run(policy: Policy, ask: Ask) -> None:
        if ask.number % 5 == 4:
            policy.tell(ask.number, Outcome.DIVERGED, "nan")
            return
        start = ask.resume.kimg if ask.resume else 0.0
        for kimg in (5.0, 10.0, 30.0):
            value = quality(ask) * (1 + 10 / kimg)
            told = report_at(kimg, value, seconds=float(ask.params["d_steps"]))
            if kimg > start and not policy.report(ask.number, told):
                return
        policy.tell(ask.number, Outcome.COMPLETED)

    return run


@pytest.fixture(scope="session")
def trial() -> Callable[..., TrialRecord]:
    """A trial of the small space with the reports and the end that a test gives it."""

    def make(number: int = 0, **fields: object) -> TrialRecord:
        params = {"variant": "gan", "d_steps": 1, "g_lr": 2e-4}
        return TrialRecord(number, params, seed=7, **{"started": 1.0, **fields})  # type: ignore[arg-type]

    return make
