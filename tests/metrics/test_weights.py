"""Published weights: where they are found, and what is not loaded."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from gansearch.errors import WeightsError
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.weights import INCEPTION, PublishedWeights, weights_of

STATE = {"weight": torch.arange(3.0)}


def content() -> bytes:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def published(data: bytes, url: str = "nowhere:") -> PublishedWeights:
    return PublishedWeights("some.pth", url, sha256(data), "the test (1 KB)", "evaluation.some")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of ``some.pth`` in torch's hub cache, which is empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints" / "some.pth"


def test_weights_are_found_in_the_hub_cache(hub: Path) -> None:
    hub.parent.mkdir(parents=True)
    hub.write_bytes(content())
    weights = published(hub.read_bytes())
    assert weights.place() == hub
    assert torch.equal(weights.load()["weight"], STATE["weight"])


def test_weights_are_downloaded_into_the_hub_cache(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "there.pth").write_bytes(content())
    data = (tmp_path / "there.pth").read_bytes()
    weights = published(data, (tmp_path / "there.pth").as_uri())
    assert torch.equal(weights.load()["weight"], STATE["weight"])
    assert hub.read_bytes() == data


def test_a_download_of_other_content_is_not_kept(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "there.pth").write_bytes(content())
    with pytest.raises(WeightsError, match="invalid hash"):
        published(b"other", (tmp_path / "there.pth").as_uri()).load()
    assert not hub.exists()


def test_without_weights_the_error_says_how_to_supply_them(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(WeightsError) as caught:
        published(b"").load()
    for part in ("the test (1 KB)", "some.pth", str(hub), "evaluation.some", "no route to host"):
        assert part in str(caught.value)


def test_a_given_file_that_is_missing_is_named_and_no_other_is_read(
    hub: Path, tmp_path: Path
) -> None:
    hub.parent.mkdir(parents=True)
    hub.write_bytes(content())
    with pytest.raises(WeightsError, match=r"evaluation\.some.*mine\.pth"):
        published(content()).load(tmp_path / "mine.pth")


# --- What is not loaded --------------------------------------------------------------------------


class Bomb:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._folder),)


@pytest.fixture
def crater(tmp_path: Path) -> Path:
    return tmp_path / "crater"


@pytest.fixture
def bomb(tmp_path: Path, crater: Path) -> Path:
    path = tmp_path / "some.pth"
    torch.save({"weight": Bomb(crater)}, path)
    return path


def test_the_bomb_works(bomb: Path, crater: Path) -> None:
    torch.load(bomb, weights_only=False)
    assert crater.exists()


def test_a_file_of_another_checksum_is_not_loaded(bomb: Path, crater: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        INCEPTION.load(bomb)
    assert INCEPTION.sha256 in str(caught.value)
    assert sha256(bomb.read_bytes()) in str(caught.value)
    assert not crater.exists()


def test_code_in_a_file_is_not_run_even_where_the_checksum_fits(bomb: Path, crater: Path) -> None:
    with pytest.raises(WeightsError, match="not a file of weights"):
        published(bomb.read_bytes()).load(bomb)
    assert not crater.exists()


@pytest.mark.parametrize("data", [b"", b"<html>"])
def test_files_of_something_else_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "other.pth").write_bytes(data)
    with pytest.raises(WeightsError, match="not a file of weights"):
        published(data).load(tmp_path / "other.pth")


def test_metrics_need_the_weights_of_their_features() -> None:
    for metric in METRICS.values():
        assert (INCEPTION in weights_of(metric)) == (metric.features == "inception")
