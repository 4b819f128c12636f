"""The projector's classifier: its stages and the sources of its weights."""

from __future__ import annotations

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
from torch import Tensor

from gansearch.errors import ConfigError, WeightsError
from gansearch.nn.backbone import CHANNELS, HUB, NAME, RANDOM, STRIDES, load_backbone


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


def test_features_of_a_random_classifier_neither_vanish_nor_explode() -> None:
    maps = load_backbone(RANDOM, 4).network(torch.rand(8, 3, 64, 64) * 2 - 1)
    assert all(0.1 < m.std() < 10 for m in maps)


def test_loading_does_not_use_the_global_generator(weights) -> None:
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
def test_files_without_weights_are_refused(tmp_path, content, suffix) -> None:
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


def test_torchs_hub_cache_and_the_network_come_next(no_cache, weights, monkeypatch) -> None:
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


def test_missing_weights_become_random_ones_with_a_warning(no_cache, monkeypatch, caplog) -> None:
    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with caplog.at_level(logging.WARNING):
        assert load_backbone(HUB, 2).source == "random"
    assert "the projector is random" in caplog.text
    assert "projector_weights" in caplog.text


def test_the_meta_device_needs_no_weights(monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", pytest.fail)
    with torch.device("meta"):
        backbone = load_backbone(HUB, 4)
    assert all(b.is_meta for b in backbone.network.state_dict().values())


def test_a_missing_timm_is_an_error_that_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"pip install 'gansearch\[projected\]'"):
        load_backbone(RANDOM, 2)
