"""Optimisers against their closed forms."""

import pytest
import torch
from torch import nn

from gansearch.nn.optim import adam, sgd


def stepped(factory, gradients: list[float]) -> float:
    p = nn.Parameter(torch.zeros(1))
    optimiser = factory([p])
    for gradient in gradients:
        p.grad = torch.full((1,), gradient)
        optimiser.step()
    return p.item()


@pytest.mark.parametrize("betas", [(0, 0.99), (0.5, 0.999), (0.9, 0)])
def test_adams_first_step_is_its_rate(betas) -> None:
    assert stepped(adam(0.01, *betas), [3.0]) == pytest.approx(-0.01, rel=1e-4)


def test_momentum_in_closed_form() -> None:
    # v1 = 1, v2 = 0.5 + 2
    assert stepped(sgd(0.1, 0.5), [1.0, 2.0]) == pytest.approx(-0.1 * (1 + 2.5))
