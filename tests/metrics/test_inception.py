from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from gansearch.config import EvaluationConfig
from gansearch.data.batch import ImageSpec
from gansearch.errors import WeightsError
from gansearch.metrics.features import FEATURES
from gansearch.metrics.inception import load_inception
from gansearch.metrics.weights import INCEPTION, PublishedWeights

FILE, SHA256 = INCEPTION.file, INCEPTION.sha256


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def published_as(content: bytes, **changes: str) -> PublishedWeights:
    return replace(INCEPTION, sha256=sha256(content), **changes)


@pytest.fixture(scope="session")
def published(weights: Path) -> PublishedWeights:
    return published_as(weights.read_bytes())


# --- Where the weights come from ---------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch's hub cache would have the weights; it is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints" / FILE


def test_weights_in_the_hub_cache_are_found(
    hub: Path, weights: Path, published: PublishedWeights
) -> None:
    hub.parent.mkdir(parents=True)
    hub.symlink_to(weights)
    state = torch.get_rng_state()
    load_inception(published=replace(published, url="nowhere:"))
    assert torch.equal(torch.get_rng_state(), state)


def test_without_weights_the_error_says_how_to_supply_them(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    config, spec = EvaluationConfig(), ImageSpec(channels=3, resolution=32)
    with pytest.raises(WeightsError) as caught:
        FEATURES["inception"](config, spec)
    for part in (FILE, str(hub), "evaluation.inception_weights", "no route to host"):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [{"a": torch.zeros(1)}, torch.zeros(3), [1, 2]])
def test_weights_of_another_network_are_refused(tmp_path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    (tmp_path / "other.pth").write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError, match="not the weights of FID's Inception network"):
        load_inception(tmp_path / "other.pth", published=published_as(buffer.getvalue()))


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps({"a": 1}, protocol=2)
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(WeightsError):
        load_inception(tmp_path / "other.pth", published=published_as(content))


def test_only_the_published_weights_measure_fid(weights: Path) -> None:
    config = EvaluationConfig(inception_weights=weights)
    with pytest.raises(WeightsError, match=SHA256):
        FEATURES["inception"](config, ImageSpec(channels=3, resolution=32))
