"""Penalties against closed forms and autograd by hand."""

import pytest
import torch
from torch import Tensor, nn

from gansearch.losses.penalties import gradient_penalty, r1

SHAPE = (3, 4, 4)
N = 5


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(N, *SHAPE).double(), torch.randn(N, *SHAPE).double()


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 1)).double()


def curved() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.Softplus(), nn.Linear(8, 1)).double()


def gradient_by_hand(d: nn.Module, x: Tensor) -> Tensor:
    """``[N, 48]`` of ``curved``: W1ᵀ (sigmoid(W1 x + b1) * w2)."""
    _, first, _, second = d
    slope = torch.sigmoid(first(x.flatten(1)))
    return (slope * second.weight[0]) @ first.weight


def test_r1_of_a_linear_discriminator(images) -> None:
    d, gamma = linear(), 7.0
    w = d[1].weight
    penalty = r1(d, images[0], gamma)
    assert penalty.item() == pytest.approx(gamma / 2 * w.square().sum().item())
    penalty.backward()
    torch.testing.assert_close(w.grad, gamma * w.detach())
    assert d[1].bias.grad is None


def test_gradient_penalty_of_a_linear_discriminator(images) -> None:
    d = linear()
    w = d[1].weight
    norm = w.norm()
    penalty = gradient_penalty(d, *images, weight=10.0)
    assert penalty.item() == pytest.approx(10 * (norm.item() - 1) ** 2)
    penalty.backward()
    torch.testing.assert_close(w.grad, (20 * (norm - 1) * w / norm).detach())


def test_r1_against_autograd_by_hand(images) -> None:
    d, x = curved(), images[0]
    expected = 1.5 / 2 * gradient_by_hand(d, x).square().sum(1).mean()
    penalty = r1(d, x, 1.5)
    torch.testing.assert_close(penalty, expected)
    for ours, theirs in zip(
        torch.autograd.grad(penalty, list(d.parameters())[:3]),
        torch.autograd.grad(expected, list(d.parameters())[:3]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_gradient_penalty_against_autograd_by_hand(images) -> None:
    d, (real, fake) = curved(), images
    torch.manual_seed(3)
    penalty = gradient_penalty(d, real, fake, weight=2.0)
    torch.manual_seed(3)
    place = torch.rand(N, 1, 1, 1, dtype=torch.float64)
    norms = gradient_by_hand(d, real + place * (fake - real)).norm(dim=1)
    torch.testing.assert_close(penalty, 2 * (norms - 1).square().mean())


def test_each_pair_has_a_point_of_its_own_on_the_line(images) -> None:
    seen = []

    def d(x: Tensor) -> Tensor:
        seen.append(x)
        return x.flatten(1).sum(1)

    real, fake = torch.zeros(N, *SHAPE), torch.ones(N, *SHAPE)
    gradient_penalty(d, real, fake, weight=1.0)
    places = seen[0].flatten(1)
    assert (places == places[:, :1]).all()  # one place for a whole image
    assert len(places[:, 0].unique()) == N
    assert ((places >= 0) & (places <= 1)).all()


def test_logits_on_a_map_are_summed(images) -> None:
    d = nn.Conv2d(3, 1, 1, bias=False).double()  # a logit for each place
    expected = d.weight.square().sum() * 16 / 2
    torch.testing.assert_close(r1(d, images[0], 1.0), expected)


def test_second_derivative_is_the_numerical_one(images) -> None:
    d, x = curved(), images[0]
    weight = d[1].weight.detach().clone().requires_grad_()

    def penalty(w: Tensor) -> Tensor:
        def functional(y: Tensor) -> Tensor:
            return torch.func.functional_call(d, {"1.weight": w}, (y,))

        return r1(functional, x, 1.0)

    assert torch.autograd.gradcheck(penalty, (weight,))


@pytest.mark.parametrize("name", ["r1", "gradient_penalty"])
def test_flat_discriminator_has_a_finite_gradient(name: str, images) -> None:
    d = linear()
    nn.init.zeros_(d[1].weight)
    real, fake = images
    penalty = r1(d, real, 1.0) if name == "r1" else gradient_penalty(d, real, fake, 1.0)
    penalty.backward()
    assert d[1].weight.grad.isfinite().all()


def test_images_are_left_as_they_were(images) -> None:
    real, fake = images
    r1(linear(), real, 1.0).backward()
    gradient_penalty(linear(), real, fake, 1.0).backward()
    assert not real.requires_grad
    assert not fake.requires_grad
    assert real.grad is None
