"""Memory needs of configurations, learnt from predictions for others."""

from __future__ import annotations

import math

import numpy as np

from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, Report, TrialRecord
from gansearch.search.feasibility import memory_tags
from gansearch.search.samplers.memory import MemoryModel
from gansearch.settings import Params
from gansearch.space import parse_space

DEVICE = 500.0
SPACE = parse_space(
    """
name: wide
variant: [dcgan, gan]
data: {name: digits}
parameters:
  batch_size: [8, 16, 32, 64]
  g_channels: {type: int, low: 8, high: 128, log: true}
  dsc: {where: [none, both]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 12, max_kimg: 30}
""",
    "wide.yaml",
)


def needed(params: Params) -> float:
    """A product, as memory mostly is."""
    separable = 1.4 if params["dsc.where"] == "both" else 1.0
    return 0.4 * float(params["batch_size"]) * float(params["g_channels"]) * separable


def drawn(count: int, seed: int) -> list[Params]:
    random = np.random.default_rng(seed)
    return [
        {
            "variant": "dcgan",
            "batch_size": int(random.choice([8, 16, 32, 64])),
            "g_channels": int(np.exp(random.uniform(np.log(8), np.log(128)))),
            "dsc.where": str(random.choice(["none", "both"])),
        }
        for _ in range(count)
    ]


def told(number: int, params: Params) -> TrialRecord:
    """A trial that fits reports its predicted memory; another has it as tags."""
    predicted = {PREDICTED_MEMORY: needed(params), DEVICE_MEMORY: DEVICE}
    if needed(params) > DEVICE:
        tags, outcome = memory_tags(predicted), Outcome.OUT_OF_MEMORY
        return TrialRecord(number, params, 0, outcome=outcome, tags=tags, sampled=params)
    return TrialRecord(number, params, 0, (Report(30.0, predicted),), sampled=params)


def test_a_product_is_learnt_from_thirty_trials_on_either_side_of_the_limit() -> None:
    model = MemoryModel(SPACE)
    for number, params in enumerate(drawn(30, seed=0)):
        model.learn(told(number, params))
    others = drawn(200, seed=1)
    too_large = [params for params in others if needed(params) > DEVICE]
    assert 40 < len(too_large) < 160
    assert sum(model.excess(params) > 0 for params in too_large) >= 0.97 * len(too_large)
    clearly_fitting = [params for params in others if needed(params) < 0.7 * DEVICE]
    assert all(model.excess(params) <= 0 for params in clearly_fitting)


def test_before_a_trial_did_not_fit_all_are_taken_to() -> None:
    model = MemoryModel(SPACE)
    params = drawn(1, seed=0)[0]
    assert model.excess(params) == -math.inf
    small = {**params, "batch_size": 8, "g_channels": 8}
    model.learn(told(0, small))
    assert model.excess({**params, "batch_size": 64, "g_channels": 128}) == -math.inf


def test_predictions_do_not_depend_on_earlier_predictions() -> None:
    asked, silent = MemoryModel(SPACE), MemoryModel(SPACE)
    for number, params in enumerate(drawn(20, seed=2)):
        asked.learn(told(number, params))
        asked.excess(params)
        silent.learn(told(number, params))
    for params in drawn(20, seed=3):
        assert asked.excess(params) == silent.excess(params)
