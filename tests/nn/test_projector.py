"""Projected GAN's feature network against its reference."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gansearch.errors import CheckpointError
from gansearch.nn.backbone import NAME, RANDOM
from gansearch.nn.projector import Projector, freeze_


def projector(weights: str = RANDOM, scales: int = 2, seed: int = 0) -> Projector:
    torch.manual_seed(seed)
    return Projector(channels=4, scales=scales, resolution=32, weights=weights)


@pytest.fixture(scope="module")
def classifier() -> dict[str, Tensor]:
    """Weights of the whole classifier, as a published file has them, with a head."""
    torch.manual_seed(7)
    return timm.create_model(NAME).state_dict()


@pytest.fixture
def weights(classifier, tmp_path) -> Path:
    file = tmp_path / "weights.pth"
    torch.save(classifier, file)
    return file


# --- What it computes -----------------------------------------------------------------------------


def test_mixing_is_from_the_coarsest_to_the_finest() -> None:
    network = projector(scales=4)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    mixed = [ccm(m) for ccm, m in zip(network.across_channels, network.backbone(x), strict=True)]
    assert [m.shape[1] for m in mixed] == [4, 8, 16, 32]
    expected: list[Tensor] = []
    for csm, m in zip(reversed(network.across_scales), reversed(mixed), strict=True):
        total = m + expected[0] if expected else m
        larger = F.interpolate(total, scale_factor=2, mode="bilinear", align_corners=True)
        expected.insert(0, csm(larger))  # as the reference does: upsample, then mix
    maps = network(x)
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 16, 16), (4, 8, 8), (8, 4, 4), (16, 2, 2)]
    assert [m.shape[1] for m in maps] == network.widths
    assert [m.shape[2] for m in maps] == network.sides(32)
    for mine, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_small_images_are_enlarged_and_gray_ones_shown_as_rgb() -> None:
    network = projector()
    gray = torch.rand(2, 1, 8, 8) * 2 - 1
    large = F.interpolate(gray, (32, 32), mode="bilinear", align_corners=False).repeat(1, 3, 1, 1)
    for mine, theirs in zip(network(gray), network(large), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert network.sides(8) == network.sides(32) == [16, 8]
    assert network.sides(64) == [m.shape[2] for m in network(torch.randn(1, 3, 64, 64))]


def test_sides_at_the_papers_sizes() -> None:
    with torch.device("meta"):
        network = Projector(64, 4, 224, RANDOM)
    assert network.sides(32) == [112, 56, 28, 14]
    assert network.sides(256) == [128, 64, 32, 16]
    assert network.widths == [64, 64, 128, 256]


# --- Frozen ---------------------------------------------------------------------------------------


def test_a_projector_has_no_parameters_and_does_not_change() -> None:
    network = projector().train()
    assert list(network.parameters()) == []
    assert not any(module.training for module in network.modules())
    before = {name: b.clone() for name, b in network.named_buffers()}
    images = torch.rand(4, 3, 32, 32, requires_grad=True)
    sum(m.square().sum() for m in network(images)).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(torch.equal(b, before[name]) for name, b in network.named_buffers())
    assert not any(m.requires_grad for m in network(images.detach()))


def test_state_has_the_mixing_and_no_classifier() -> None:
    state = projector().state_dict()
    assert {name.split(".")[0] for name in state} == {
        *("across_channels", "across_scales", "_extra_state")
    }
    assert not any(name.startswith("backbone") for name in state)


def test_state_of_another_classifier_is_refused(weights) -> None:
    random, other = projector(), projector(seed=1)
    other.load_state_dict(random.state_dict())
    x = torch.randn(1, 3, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(random(x), other(x), strict=True))
    with pytest.raises(
        CheckpointError, match=r"other projector weights than those found here \(random\)"
    ):
        random.load_state_dict(projector(str(weights)).state_dict())


def test_freezing_turns_parameters_into_buffers() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)).eval()
    x = torch.randn(2, 2, 4, 4)
    expected, names = network(x), set(network.state_dict())
    freeze_(network, persistent=True)
    assert torch.equal(network(x), expected)
    assert set(network.state_dict()) == names
    freeze_(network, persistent=False)
    assert torch.equal(network(x), expected)
    assert network.state_dict() == {}
    assert list(network.parameters()) == []
    assert len(list(network.buffers())) == len(names)


# --- Whose weights --------------------------------------------------------------------------------


def test_random_classifiers_are_equal_and_mixing_layers_follow_the_seed() -> None:
    first, second = projector(seed=1), projector(seed=2)
    assert first.source == "random"
    x = torch.randn(1, 3, 32, 32)
    pairs = zip(first.backbone(x), second.backbone(x), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.across_channels[0].weight, second.across_channels[0].weight)
    again = projector(seed=1)
    assert torch.equal(first.across_channels[0].weight, again.across_channels[0].weight)
