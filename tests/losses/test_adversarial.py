"""Adversarial pairs against closed forms, numerical gradients and their papers' formulas."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gansearch.losses.adversarial import ADVERSARIAL


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))


def mean(values) -> float:
    values = list(values)
    return math.fsum(values) / len(values)


def discriminator_by_paper(name: str, r: list[float], f: list[float]) -> float:
    if name in ("minimax", "non_saturating"):  # -E log D(x) - E log(1 - D(G(z)))
        return -mean(map(log_sigmoid, r)) - mean(log_sigmoid(-x) for x in f)
    if name == "least_squares":
        return 0.5 * mean((x - 1) ** 2 for x in r) + 0.5 * mean(x**2 for x in f)
    if name == "hinge":
        return -mean(min(0, x - 1) for x in r) - mean(min(0, -x - 1) for x in f)
    if name == "wasserstein":
        return mean(f) - mean(r)
    if name == "relativistic":
        return -mean(log_sigmoid(a - b) for a, b in zip(r, f, strict=True))
    return -mean(log_sigmoid(x - mean(f)) for x in r) - mean(log_sigmoid(mean(r) - x) for x in f)


def generator_by_paper(name: str, r: list[float], f: list[float]) -> float:
    if name == "minimax":  # E log(1 - D(G(z)))
        return mean(log_sigmoid(-x) for x in f)
    if name == "non_saturating":  # -E log D(G(z))
        return -mean(map(log_sigmoid, f))
    if name == "least_squares":
        return 0.5 * mean((x - 1) ** 2 for x in f)
    if name in ("hinge", "wasserstein"):
        return -mean(f)
    if name == "relativistic":
        return -mean(log_sigmoid(b - a) for a, b in zip(r, f, strict=True))
    return -mean(log_sigmoid(x - mean(r)) for x in f) - mean(log_sigmoid(mean(f) - x) for x in r)


@pytest.mark.parametrize("name", ADVERSARIAL)
@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=8))
def test_losses_are_the_papers(name: str, pairs: list[tuple[float, float]]) -> None:
    r, f = ([p[i] for p in pairs] for i in (0, 1))
    loss = ADVERSARIAL[name]
    d = loss.d(tensor(r), tensor(f))
    g = loss.generator(tensor(f), lambda: tensor(r))
    assert d.shape == g.shape == ()
    assert d.item() == pytest.approx(discriminator_by_paper(name, r, f), rel=1e-9, abs=1e-9)
    assert g.item() == pytest.approx(generator_by_paper(name, r, f), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_gradients_are_the_numerical_ones(name: str) -> None:
    torch.manual_seed(0)
    loss = ADVERSARIAL[name]
    r, f = (torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(loss.d, (r, f))
    assert torch.autograd.gradcheck(lambda x: loss.generator(x, lambda: r.detach()), (f,))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_gradient_descent_separates_logits_and_raises_those_of_fakes(name: str) -> None:
    loss = ADVERSARIAL[name]
    r, f = torch.full((4,), -0.1, requires_grad=True), torch.full((4,), 0.1, requires_grad=True)
    d_r, d_f = torch.autograd.grad(loss.d(r, f), (r, f))
    assert (d_r < 0).all()
    assert (d_f > 0).all()
    (g_f,) = torch.autograd.grad(loss.generator(f, lambda: r), f)
    assert (g_f < 0).all()


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_large_logits_give_finite_losses(name: str, scale: float) -> None:
    loss = ADVERSARIAL[name]
    r, f = torch.full((2,), -scale, requires_grad=True), torch.full((2,), scale, requires_grad=True)
    total = loss.d(r, f) + loss.generator(f, lambda: r)
    total.backward()
    assert total.isfinite()
    assert r.grad.isfinite().all()
    assert f.grad.isfinite().all()


def test_only_relativistic_generators_use_real_images() -> None:
    looked = []
    for name, loss in ADVERSARIAL.items():
        loss.generator(torch.zeros(2), lambda name=name: looked.append(name) or torch.zeros(2))
    assert looked == ["relativistic", "relativistic_average"]


def test_values_where_the_discriminator_cannot_tell() -> None:
    # Goodfellow 2014, theorem 1: at D = 1/2 the value is -log 4, so what D minimises is log 4.
    zero = torch.zeros(3, dtype=torch.float64)
    assert ADVERSARIAL["minimax"].d(zero, zero).item() == pytest.approx(math.log(4))
    assert ADVERSARIAL["hinge"].d(zero, zero).item() == 2
    assert ADVERSARIAL["wasserstein"].d(zero, zero).item() == 0


def test_non_saturating_gradient_survives_where_minimax_vanishes() -> None:
    sure = torch.full((1,), -20.0, requires_grad=True)  # D is sure that it is a fake
    gradients = {
        name: torch.autograd.grad(ADVERSARIAL[name].generator(sure, lambda: sure), sure)[0].item()
        for name in ("minimax", "non_saturating")
    }
    assert gradients["minimax"] == pytest.approx(0, abs=1e-8)
    assert gradients["non_saturating"] == pytest.approx(-1)


def test_optimal_discriminators_loss_is_the_jensen_shannon_divergence() -> None:
    # Goodfellow 2014, equation 6, on two discrete distributions: -2 JS + log 4 is minimised.
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    p, q = p.double(), q.double()
    logits = torch.log(p / q)  # of D* = p / (p + q)
    counts_p, counts_q = (p * 10).round().long(), (q * 10).round().long()
    loss = ADVERSARIAL["minimax"].d(
        logits.repeat_interleave(counts_p), logits.repeat_interleave(counts_q)
    )
    m = (p + q) / 2
    js = ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
    assert loss.item() == pytest.approx(math.log(4) - 2 * js.item())


def test_rows_are_named_and_sourced() -> None:
    for name, loss in ADVERSARIAL.items():
        assert loss.name == name
        assert any(character.isdigit() for character in loss.source)
