"""The terms of the evidence lower bound against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, kl_divergence

from gansearch.losses.variational import (
    bernoulli_log_likelihood,
    divergence_from_prior,
    gaussian_log_likelihood,
)

numbers = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=5)


@given(pairs=numbers)
def test_divergence_is_that_of_normal_distributions(pairs) -> None:
    mean, log_variance = torch.tensor(pairs, dtype=torch.float64).T[:, None]  # [1, D] each
    posterior, prior = Normal(mean, (log_variance / 2).exp()), Normal(mean * 0, 1.0)
    expected = kl_divergence(posterior, prior).sum().item()
    assert divergence_from_prior(mean, log_variance).item() == pytest.approx(expected, abs=1e-9)


def test_the_divergence_of_the_prior_is_0() -> None:
    assert divergence_from_prior(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_bernoulli_likelihood_of_black_and_white_equals_torchs() -> None:
    torch.manual_seed(0)
    logits, pixels = torch.randn(4, 1, 3, 3), torch.randint(2, (4, 1, 3, 3)).float()
    expected = Bernoulli(logits=logits).log_prob(pixels).sum((1, 2, 3))
    assert bernoulli_log_likelihood(logits, pixels) == pytest.approx(expected, rel=1e-5)


def test_bernoulli_likelihood_of_gray_is_the_expectation() -> None:
    logits = torch.full((1, 1, 1, 1), 0.7)
    white, black, gray = (
        bernoulli_log_likelihood(logits, torch.full_like(logits, value)).item()
        for value in (1.0, 0.0, 0.3)
    )
    assert gray == pytest.approx(0.3 * white + 0.7 * black)


def test_bernoulli_likelihood_of_large_logits_is_finite() -> None:
    logits = torch.full((1, 1, 1, 1), 1e4)
    assert bernoulli_log_likelihood(logits, torch.zeros(1, 1, 1, 1)).item() == -1e4


@pytest.mark.parametrize("log_deviation", [-3.0, 0.0, 1.0])
def test_gaussian_likelihood_equals_torchs(log_deviation: float) -> None:
    torch.manual_seed(0)
    means, pixels = torch.rand(2, 4, 3, 2, 2)
    expected = Normal(means, math.exp(log_deviation)).log_prob(pixels).sum((1, 2, 3))
    found = gaussian_log_likelihood(means, torch.tensor(log_deviation), pixels)
    assert found == pytest.approx(expected, rel=1e-5)
