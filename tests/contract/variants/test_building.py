"""A variant is built from its settings and the images' shape alone."""

from __future__ import annotations

import copy

import pytest
import torch


@pytest.mark.parametrize(("channels", "scale"), [(1, 1), (3, 1), (3, 2)])
def test_a_variant_is_built_and_samples_from_its_settings_alone(case, channels, scale) -> None:
    spec = case.spec(channels, scale)
    variant = case.build(spec).eval()
    images = case.sample(variant)
    assert images.shape == (6, spec.channels, spec.resolution, spec.resolution)
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert images.abs().max() <= 1
    assert not images.requires_grad
    assert type(variant.settings) is case.entry.settings


def test_the_papers_form_is_built_on_the_meta_device(case) -> None:
    with torch.device("meta"):
        variant = case.entry.load()(case.entry.settings(), case.spec(channels=3, scale=4))
    tensors = [*variant.parameters(), *variant.buffers()]
    assert tensors
    assert all(tensor.is_meta for tensor in tensors)


def test_the_same_seed_gives_the_same_weights(case) -> None:
    first, second = case.build().state_dict(), case.build().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_small_form_is_small(case) -> None:
    assert sum(p.numel() for p in case.build().parameters() if p.requires_grad) < 250_000


def test_the_state_dict_carries_the_samples(case) -> None:
    variant = case.build()
    for name in case.turns(variant):
        case.loss(variant, name).backward()  # changes the buffers
    torch.manual_seed(9)
    other = case.entry.load()(case.entry.small_settings(), variant.spec)
    other.load_state_dict(variant.state_dict())
    assert torch.equal(case.sample(variant.eval()), case.sample(other.eval()))


def test_a_copy_is_independent(case) -> None:
    variant = case.build().eval()
    duplicate = copy.deepcopy(variant)
    expected = case.sample(variant)
    with torch.no_grad():
        for parameter in variant.players["g"].parameters():
            parameter.add_(0.1)
    assert torch.equal(case.sample(duplicate), expected)
    assert not torch.equal(case.sample(variant), expected)


def test_tags_are_text(case) -> None:
    assert all(isinstance(text, str) for pair in case.build().tags.items() for text in pair)
