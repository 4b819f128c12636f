"""f-divergences against closed forms, numerical conjugates and numerical gradients."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from torch import Tensor

from gansearch.losses.divergences import DIVERGENCES, Divergence
from gansearch.variants.classic.settings import DivergenceName

every_divergence = pytest.mark.parametrize("row", DIVERGENCES.values(), ids=lambda row: row.name)
outputs = st.floats(-12, 12)
some = settings(max_examples=20)


def double(values) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope(row: Divergence, u: Tensor) -> Tensor:
    """f'(u): the best T where the density ratio is u."""
    u = u.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(row.f(u).sum(), u)
    return gradient


def closed_form(name: str, p: np.ndarray, q: np.ndarray) -> float:
    """The divergence of discrete distributions, from its own definition."""
    m = (p + q) / 2
    js = (p * np.log(p / m)).sum() / 2 + (q * np.log(q / m)).sum() / 2
    return {
        "kl": (p * np.log(p / q)).sum(),
        "reverse_kl": (q * np.log(q / p)).sum(),
        "pearson": ((p - q) ** 2 / q).sum(),
        "squared_hellinger": ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(),
        "jensen_shannon": 2 * js,
        "gan": 2 * js - math.log(4),
    }[name]


distributions = st.lists(
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=6
).map(lambda pairs: [np.array(side) / sum(side) for side in zip(*pairs, strict=True)])


# --- f -------------------------------------------------------------------------------------------


@every_divergence
@some
@given(pq=distributions)
def test_f_gives_the_divergence(row: Divergence, pq) -> None:
    p, q = pq
    value = (double(q) * row.f(double(p / q))).sum().item()
    assert value == pytest.approx(closed_form(row.name, p, q), rel=1e-9, abs=1e-12)


@every_divergence
@some
@given(u=st.floats(1e-3, 1e3), v=st.floats(1e-3, 1e3), share=st.floats(0, 1))
def test_f_is_convex_and_least_for_equal_distributions(row: Divergence, u, v, share) -> None:
    between = row.f(double(share * u + (1 - share) * v))
    ends = share * row.f(double(u)) + (1 - share) * row.f(double(v))
    assert between <= ends + 1e-9 * (1 + abs(ends))
    assert row.f(double(1.0)).item() == pytest.approx(
        -math.log(4) if row.name == "gan" else 0, abs=1e-15
    )


# --- f* and g_f ----------------------------------------------------------------------------------


@every_divergence
@pytest.mark.parametrize("v", [-3.0, -1.0, 0.0, 0.5, 2.0])
def test_conjugate_is_the_legendre_transform(row: Divergence, v: float) -> None:
    t = row.activation(double(v)).item()

    def less(log_u: float) -> float:
        u = math.exp(log_u)
        return row.f(double(u)).item() - u * t

    found = minimize_scalar(less, bounds=(-30, 8), method="bounded", options={"xatol": 1e-9})
    if row.name == "pearson" and t < -2:  # the paper's, over negative u too: only an upper bound
        assert row.conjugate(double(t)).item() > -found.fun
    else:
        assert row.conjugate(double(t)).item() == pytest.approx(-found.fun, rel=1e-6, abs=1e-6)


@every_divergence
def test_conjugate_is_finite_in_its_domain_alone(row: Divergence) -> None:
    if row.supremum == math.inf:
        assert row.conjugate(double([-50.0, 0.0, 50.0])).isfinite().all()
        return
    inside, beyond = double(row.supremum - 1e-6), double(row.supremum + 1e-3)
    assert row.conjugate(inside).isfinite()
    slopes = slope_of_conjugate(row, double([row.supremum - 1e-2, row.supremum - 1e-4]))
    assert slopes[1] > 10 * slopes[0]  # it rises to infinity at the border
    outside = row.conjugate(beyond)
    assert not outside.isfinite() or outside < 0  # and the formula means nothing past it


def slope_of_conjugate(row: Divergence, t: Tensor) -> Tensor:
    t = t.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(row.conjugate(t).sum(), t)
    return gradient


@every_divergence
@some
@given(u=st.floats(1e-3, 1e3))
def test_slopes_are_each_others_inverses(row: Divergence, u: float) -> None:
    t = slope(row, double([u]))
    assert t.item() < row.supremum
    assert slope_of_conjugate(row, t).item() == pytest.approx(u, rel=1e-6)


@every_divergence
@some
@given(v=outputs)
def test_activation_rises_within_the_domain(row: Divergence, v: float) -> None:
    low, high = row.activation(double(v)), row.activation(double(v + 0.1))
    assert low < high < row.supremum


@every_divergence
def test_activation_reaches_the_whole_domain(row: Divergence) -> None:
    ends = row.activation(double([-200.0, 200.0]))
    assert ends[0] < -100
    if row.supremum == math.inf:
        assert ends[1] > 100
    else:
        assert ends[1].item() == pytest.approx(row.supremum, abs=1e-12)


@every_divergence
@some
@given(v=outputs)
def test_simplified_conjugate_is_that_of_the_activation(row: Divergence, v: float) -> None:
    plain = row.conjugate(row.activation(double(v))).item()
    assert row.conjugate_of_activation(double(v)).item() == pytest.approx(plain, rel=1e-6, abs=1e-9)


@every_divergence
@some
@given(v=st.floats(-8, 8))
def test_gradients_are_numerical_ones(row: Divergence, v: float) -> None:
    output = double([v]).requires_grad_()
    for function in (row.activation, row.conjugate_of_activation):
        assert torch.autograd.gradcheck(function, (output,))


@every_divergence
@pytest.mark.parametrize("v", [-60.0, 60.0])
def test_large_outputs_give_finite_bounds(row: Divergence, v: float) -> None:
    output = torch.tensor([v], requires_grad=True)  # float32
    for function in (row.activation, row.conjugate_of_activation):
        value = function(output)
        (gradient,) = torch.autograd.grad(value.sum(), output)
        assert value.isfinite()
        assert gradient.isfinite()


# --- The bound -----------------------------------------------------------------------------------


@every_divergence
@some
@given(pq=distributions, v=st.lists(outputs, min_size=6, max_size=6))
def test_no_function_exceeds_the_divergence(row: Divergence, pq, v) -> None:
    p, q = map(double, pq)
    output = double(v)[: len(p)]
    value = (p * row.activation(output)).sum() - (q * row.conjugate_of_activation(output)).sum()
    exact = closed_form(row.name, *pq)
    assert value.item() <= exact + 1e-9 * (1 + abs(exact))


def inverse_activation(row: Divergence, t: float) -> float:
    """The output v with g_f(v) = t."""
    return {
        "kl": lambda: t,
        "reverse_kl": lambda: -math.log(-t),
        "pearson": lambda: t,
        "squared_hellinger": lambda: -math.log1p(-t),
        "jensen_shannon": lambda: -math.log(math.expm1(math.log(2) - t)),
        "gan": lambda: -math.log(math.expm1(-t)),
    }[row.name]()


@every_divergence
def test_best_function_reaches_the_divergence_of_two_gaussians(row: Divergence) -> None:
    mean, deviation = 0.7, 0.9  # of P; Q is N(0, 1)

    def densities(x: float) -> tuple[float, float]:
        p = math.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))
        return p, math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)

    def bound(x: float) -> float:
        p, q = densities(x)
        v = double(inverse_activation(row, slope(row, double(p / q)).item()))
        return p * row.activation(v).item() - q * row.conjugate_of_activation(v).item()

    def divergence(x: float) -> float:
        p, q = densities(x)
        return q * row.f(double(p / q)).item()

    reached, exact = (quad(each, -5, 5, limit=60, epsabs=1e-7)[0] for each in (bound, divergence))
    assert reached == pytest.approx(exact, abs=1e-6)
    log_ratio = math.log(1 / deviation)
    closed = {
        "kl": log_ratio + (deviation**2 + mean**2 - 1) / 2,
        "reverse_kl": -log_ratio + (1 + mean**2) / (2 * deviation**2) - 0.5,
        "squared_hellinger": 2
        - 2
        * math.sqrt(2 * deviation / (1 + deviation**2))
        * math.exp(-(mean**2) / (4 * (1 + deviation**2))),
    }
    if row.name in closed:
        assert reached == pytest.approx(closed[row.name], abs=1e-4)  # tails beyond 5 are left out


def test_the_bound_is_a_difference_of_means() -> None:
    real, fake = double([[0.1, 2.0], [-1.0, 0.3]]), double([0.5, -0.5])
    value = DIVERGENCES["pearson"].bound(real, fake)
    assert value.item() == pytest.approx(real.mean().item() - 0.25 / 4)


def test_settings_name_every_row_of_the_table() -> None:
    assert get_args(DivergenceName) == tuple(DIVERGENCES)


@every_divergence
def test_rows_are_named_and_sourced(row: Divergence) -> None:
    assert DIVERGENCES[row.name] is row
    assert "2016" in row.source
