"""Projected GAN's feature network: what it computes, and whose weights it has."""

import logging
import pickle
import sys
from pathlib import Path
from urllib.error import URLError

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from gansearch.errors import CheckpointError, ConfigError, WeightsError
from gansearch.nn.backbone import CHANNELS, HUB, NAME, RANDOM, STRIDES, load_backbone
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


@pytest.fixture
def no_cache(monkeypatch, tmp_path) -> Path:
    """No file in timm's cache, and an empty one of torch's hub."""
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


# --- What it computes -----------------------------------------------------------------------------


@pytest.mark.parametrize("scales", [1, 2, 3, 4])
def test_stages_are_those_of_the_reference(scales) -> None:
    backbone = load_backbone(RANDOM, scales).network
    maps = backbone(torch.randn(1, 3, 64, 64))
    shapes = [(c, 64 // s, 64 // s) for c, s in zip(CHANNELS, STRIDES, strict=True)]
    assert [tuple(m.shape[1:]) for m in maps] == shapes[:scales]
    # Each stage ends with the last map of its size: what the reference cuts out.
    whole = timm.create_model(NAME).eval()
    whole.load_state_dict(backbone.state_dict(), strict=False)
    x = torch.randn(2, 3, 64, 64)
    y, expected = whole.bn1(whole.conv_stem(x)), []
    for index, block in enumerate(whole.blocks, start=1):
        y = block(y)
        expected += [y] if index in (2, 3, 5, 7) else []
    for mine, theirs in zip(backbone(x), expected, strict=False):
        torch.testing.assert_close(mine, theirs)


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


def test_nothing_is_trained_and_nothing_moves() -> None:
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


def test_a_random_classifier_is_the_same_everywhere_and_its_mixing_is_the_seeds() -> None:
    first, second = projector(seed=1), projector(seed=2)
    assert first.source == "random"
    x = torch.randn(1, 3, 32, 32)
    pairs = zip(first.backbone(x), second.backbone(x), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.across_channels[0].weight, second.across_channels[0].weight)
    again = projector(seed=1)
    assert torch.equal(first.across_channels[0].weight, again.across_channels[0].weight)


def test_a_random_classifiers_features_have_a_scale_to_learn_from() -> None:
    maps = load_backbone(RANDOM, 4).network(torch.rand(8, 3, 64, 64) * 2 - 1)
    assert all(0.1 < m.std() < 10 for m in maps)


def test_loading_leaves_the_global_generator(weights) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    load_backbone(RANDOM, 2)
    load_backbone(str(weights), 2)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_files_weights_are_named_by_their_checksum_in_any_format(classifier, weights) -> None:
    tensors = weights.with_suffix(".safetensors")
    save_file(classifier, tensors)
    (source,) = {
        load_backbone(str(file), scales).source for file in (weights, tensors) for scales in (1, 4)
    }
    assert source.startswith(f"{NAME} ")
    torch.save({**classifier, "conv_stem.weight": classifier["conv_stem.weight"] + 1}, weights)
    assert load_backbone(str(weights), 4).source != source
    loaded = load_backbone(str(tensors), 4).network.state_dict()
    assert all(torch.equal(loaded[name], classifier[name]) for name in loaded)


class Harmful:
    def __reduce__(self):
        return (exit, (1,))


@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps(Harmful(), protocol=2)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_hold_no_weights_are_refused(tmp_path, content, suffix) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=f"not a weights file of {NAME}"):
        load_backbone(str(file), 2)


def test_weights_of_another_network_are_refused(classifier, tmp_path) -> None:
    file = tmp_path / "weights.pth"
    for wrong in ({"a": torch.zeros(1)}, {**classifier, "conv_stem.weight": torch.zeros(1)}):
        torch.save(wrong, file)
        with pytest.raises(WeightsError, match=f"{file}: not a weights file of {NAME}"):
            load_backbone(str(file), 2)
    with pytest.raises(WeightsError, match="projector_weights: there is no file"):
        load_backbone(str(tmp_path / "missing.pth"), 2)


def test_timms_cache_comes_first(classifier, tmp_path, monkeypatch) -> None:
    file = tmp_path / "model.safetensors"
    save_file(classifier, file)
    asked = []
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda *args: asked.append(args) or str(file)
    )
    assert load_backbone(HUB, 2).source == load_backbone(str(file), 2).source
    assert asked == [(f"timm/{NAME}.in1k", "model.safetensors")]


def test_then_torchs_hub_cache_and_the_network(no_cache, weights, monkeypatch) -> None:
    fetched = []

    def download(url, file, digits, *, progress) -> None:
        fetched.append((url, digits))
        Path(file).write_bytes(weights.read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        assert load_backbone(HUB, 2).source == load_backbone(str(weights), 2).source
    ((url, digits),) = fetched  # once: then it is in the cache
    assert url.startswith("https://github.com/")
    assert url.endswith(f"/{NAME}-{digits}.pth")
    assert len(digits) == 8
    assert [file.name for file in no_cache.iterdir()] == [f"{NAME}-{digits}.pth"]


def test_without_weights_it_is_random_and_says_so(no_cache, monkeypatch, caplog) -> None:
    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with caplog.at_level(logging.WARNING):
        assert load_backbone(HUB, 2).source == "random"
    assert "the projector is random" in caplog.text
    assert "projector_weights" in caplog.text


def test_shapes_alone_need_no_weights(monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", pytest.fail)
    with torch.device("meta"):
        backbone = load_backbone(HUB, 4)
    assert all(b.is_meta for b in backbone.network.state_dict().values())


def test_without_timm_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"pip install 'gansearch\[projected\]'"):
        load_backbone(RANDOM, 2)
