from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import load_images
from gansearch.errors import ConfigError
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.fid import Dense, Factored, Moments, frechet_distance
from gansearch.metrics.frechet import POINTS, fid_infinity

DIM = 16


def standard() -> Factored:
    """The normal distribution itself, not an estimate."""
    return Factored.of(Dense(torch.zeros(DIM).double(), torch.eye(DIM).double(), 0))


def draw(count: int, seed: int, scale: float) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.1, scale, (count, DIM)))


@pytest.mark.parametrize("scale", [1.0, 1.3, 0.5])
def test_closer_to_the_closed_form_than_the_distance_of_as_many_samples(scale: float) -> None:
    truth = DIM * (0.1**2 + (1 - scale) ** 2)
    plain, infinite = [], []
    for seed in range(12):
        vectors = draw(400, seed, scale)
        moments = Moments(DIM)
        moments.update(vectors)
        plain.append(frechet_distance(moments.gaussian(), standard()) - truth)
        infinite.append(fid_infinity(vectors, standard(), seed) - truth)
    assert np.mean(plain) > 0
    assert abs(np.mean(infinite)) < 0.3 * abs(np.mean(plain))
    assert np.sqrt(np.mean(np.square(infinite))) < np.sqrt(np.mean(np.square(plain)))


def test_the_seed_decides_the_subsets_and_nothing_else_does() -> None:
    vectors = draw(100, 0, 1.0)
    values = [fid_infinity(vectors, standard(), seed) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_too_few_samples_for_a_line_are_refused() -> None:
    images = load_images(DataConfig(name="digits"))
    config = EvaluationConfig(samples=2 * POINTS - 1)
    with pytest.raises(ConfigError, match=r"fid_infinity_random.*at least 30"):
        Evaluator(config, ("fid_infinity_random",), images, torch.device("cpu"))
