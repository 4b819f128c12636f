"""The 2C loss against its formula in loops, closed forms and numerical gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gansearch.losses.contrastive import conditional_contrastive


def by_paper(embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float) -> float:
    """Kang and Park 2020, equation 8, one similarity at a time."""

    def similarity(a: Tensor, b: Tensor) -> float:
        return math.exp(float(a @ b / (a.norm() * b.norm())) / temperature)

    total = 0.0
    for i in range(len(labels)):
        proxy = similarity(embeddings[i], proxies[i])
        above = below = proxy
        for k in range(len(labels)):
            if k == i:
                continue
            other = similarity(embeddings[i], embeddings[k])
            below += other
            if labels[k] == labels[i]:
                above += other
        total -= math.log(above / below)
    return total / len(labels)


def inputs(count: int = 7, classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(count, 5, dtype=torch.float64, generator=generator)
    table = torch.randn(classes, 5, dtype=torch.float64, generator=generator)
    labels = torch.randint(classes, (count,), generator=generator)
    return embeddings, table[labels], labels


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 9),
    classes=st.integers(1, 4),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.05, 10),
)
def test_the_loss_equals_the_papers_formula(count, classes, seed, temperature) -> None:
    embeddings, proxies, labels = inputs(count, classes, seed)
    loss = conditional_contrastive(embeddings, proxies, labels, temperature)
    assert loss.item() == pytest.approx(
        by_paper(embeddings, proxies, labels, temperature), abs=1e-9
    )
    assert loss.item() >= -1e-12


def test_gradients_are_the_numerical_ones() -> None:
    embeddings, proxies, labels = inputs()
    assert torch.autograd.gradcheck(
        lambda e, p: conditional_contrastive(e, p, labels, 0.5),
        (embeddings.requires_grad_(), proxies.requires_grad_()),
    )


def test_a_batch_of_one_class_or_one_image_has_a_loss_of_0() -> None:
    embeddings, proxies, labels = inputs(classes=1)
    assert conditional_contrastive(embeddings, proxies, labels, 1.0).item() == pytest.approx(0)
    alone = (embeddings[:1].requires_grad_(), proxies[:1], labels[:1])
    loss = conditional_contrastive(*alone, 1.0)
    loss.backward()
    assert loss.item() == 0
    assert not alone[0].grad.any()


def test_identical_images_have_the_loss_of_a_closed_form() -> None:
    # With every similarity 1 the share is (1 + images of the class beside it) / (1 + all others).
    embeddings = torch.ones(6, 4)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    loss = conditional_contrastive(embeddings, embeddings, labels, 1.0)
    assert loss.item() == pytest.approx(-math.log(3 / 6))


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_extreme_temperatures_give_finite_losses(temperature) -> None:
    embeddings, proxies, labels = inputs()
    embeddings.requires_grad_()
    loss = conditional_contrastive(embeddings.float(), proxies.float(), labels, temperature)
    loss.backward()
    assert loss.isfinite()
    assert embeddings.grad.isfinite().all()


def test_the_loss_does_not_depend_on_the_lengths_of_embeddings() -> None:
    embeddings, proxies, labels = inputs()
    scaled = conditional_contrastive(3 * embeddings, 0.1 * proxies, labels, 1.0)
    torch.testing.assert_close(scaled, conditional_contrastive(embeddings, proxies, labels, 1.0))
