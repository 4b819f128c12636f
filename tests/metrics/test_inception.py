from __future__ import annotations

import hashlib
import io
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gansearch.config import EvaluationConfig
from gansearch.data.batch import ImageSpec
from gansearch.errors import WeightsError
from gansearch.metrics import inception
from gansearch.metrics.features import FEATURES
from gansearch.metrics.inception import WEIGHTS, Inception, load_inception
from gansearch.metrics.weights import PublishedWeights

FILE, SHA256 = WEIGHTS.file, WEIGHTS.sha256

COUNT = 2


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the published architecture; its statistics keep features from vanishing."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Inception()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # one batch sets the running statistics
        model.train().network(torch.randn(4, 3, 128, 128).cumsum(3).tanh())
        last = model.network.Mixed_7c
        for name in ("1x1", "3x3_2a", "3x3_2b", "3x3dbl_3a", "3x3dbl_3b", "_pool"):
            getattr(last, f"branch{name}").bn.weight.fill_(0.01)  # as small as the published ones'
    path = tmp_path_factory.mktemp("weights") / FILE
    torch.save(model.network.state_dict(), path)
    return path


def published_as(content: bytes, **changes: str) -> PublishedWeights:
    return replace(WEIGHTS, sha256=sha256(content), **changes)


@pytest.fixture(scope="session")
def published(weights: Path) -> PublishedWeights:
    return published_as(weights.read_bytes())


@pytest.fixture(scope="session")
def ours(weights: Path, published: PublishedWeights) -> Inception:
    return load_inception(weights, published=published)[0]


@pytest.fixture(scope="session")
def theirs(weights: Path) -> nn.Module:
    import pytorch_fid.inception as reference

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            reference,
            "load_state_dict_from_url",
            lambda *_, **__: torch.load(weights, weights_only=True),
        )
        made: nn.Module = reference.InceptionV3().eval()
    return made


def saved(images: np.ndarray, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    files = [folder / f"{index:03}.png" for index in range(len(images))]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image).save(file)
    return files


def drawn(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    smooth = np.random.default_rng(seed).normal(size=shape).cumsum(1).cumsum(2)
    clipped: np.ndarray = np.clip(128 + 12 * smooth + 20 * seed, 0, 255)
    return clipped.astype(np.uint8)


def tensors(images: np.ndarray) -> Tensor:
    """Bytes ``[N, H, W(, 3)]`` as float32 ``[N, C, H, W]`` in [-1, 1]."""
    pixels = torch.from_numpy(images)
    pixels = pixels[:, None] if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    return pixels.float() / 127.5 - 1


# --- The same numbers as pytorch-fid -----------------------------------------------------------


@pytest.mark.parametrize("shape", [(COUNT, 32, 32, 3), (COUNT, 16, 16)], ids=["colour", "gray"])
def test_features_equal_pytorch_fids(
    ours: Inception, theirs: nn.Module, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    from pytorch_fid.fid_score import get_activations

    images = drawn(0, shape)
    files = saved(images, tmp_path / "images")
    expected = get_activations(files, theirs, batch_size=COUNT, num_workers=0)
    unrounded = tensors(images) + 0.6 / 255  # seen as the 8 bits that it would be stored in
    with torch.no_grad():
        measured = ours(unrounded).numpy()
    assert measured.shape == (COUNT, inception.DIM)
    assert expected.std(0).mean() > 0.01 * expected.mean()  # the comparison is of something
    np.testing.assert_allclose(measured, expected, rtol=1e-4, atol=1e-4 * expected.mean())


@pytest.mark.slow
def test_fid_equals_pytorch_fids(
    ours: Inception, theirs: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import fid_score

    from gansearch.metrics.fid import Factored, Moments, frechet_distance

    sets = [drawn(seed, (12, 32, 32, 3)) for seed in (0, 1)]
    folders = [tmp_path / str(seed) for seed in (0, 1)]
    for images, folder in zip(sets, folders, strict=True):
        saved(images, folder)

    class Loaded:
        BLOCK_INDEX_BY_DIM: ClassVar = {2048: 3}

        def __new__(cls, _: list[int]) -> nn.Module:  # type: ignore[misc]
            return theirs

    monkeypatch.setattr(fid_score, "InceptionV3", Loaded)
    expected = fid_score.calculate_fid_given_paths(
        list(map(str, folders)), batch_size=6, device="cpu", dims=2048, num_workers=0
    )
    gaussians = []
    for images in sets:
        moments = Moments(inception.DIM)
        for part in torch.split(tensors(images), 6):
            with torch.no_grad():
                moments.update(ours(part))
        gaussians.append(moments.gaussian())
    measured = frechet_distance(gaussians[0], Factored.of(gaussians[1]))
    assert measured == pytest.approx(expected, rel=1e-3)


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


def test_weights_are_downloaded_where_there_is_a_network(
    hub: Path, weights: Path, published: PublishedWeights
) -> None:
    load_inception(published=replace(published, url=weights.as_uri()))
    assert sha256(hub.read_bytes()) == published.sha256


def test_a_download_of_other_content_is_not_kept(hub: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="invalid hash"):
        load_inception(published=replace(WEIGHTS, url=weights.as_uri()))
    assert not hub.exists()


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


def test_a_given_file_that_is_missing_is_named(hub: Path, tmp_path: Path) -> None:
    hub.parent.mkdir(parents=True)
    hub.write_bytes(b"not even looked at")
    with pytest.raises(WeightsError, match=r"inception_weights.*mine\.pth"):
        load_inception(tmp_path / "mine.pth")


# --- What is not loaded ------------------------------------------------------------------------


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
    path = tmp_path / FILE
    torch.save({"weight": Bomb(crater)}, path)
    return path


def test_the_bomb_works(bomb: Path, crater: Path) -> None:
    torch.load(bomb, weights_only=False)
    assert crater.exists()


def test_a_file_of_another_checksum_is_not_loaded(bomb: Path, crater: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load_inception(bomb)
    assert SHA256 in str(caught.value)
    assert sha256(bomb.read_bytes()) in str(caught.value)
    assert not crater.exists()


def test_code_in_a_file_is_not_run_even_where_the_checksum_fits(bomb: Path, crater: Path) -> None:
    with pytest.raises(WeightsError, match="not a file of weights"):
        load_inception(bomb, published=published_as(bomb.read_bytes()))
    assert not crater.exists()


@pytest.mark.parametrize("content", [{"a": torch.zeros(1)}, torch.zeros(3), [1, 2]])
def test_weights_of_another_network_are_refused(tmp_path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    (tmp_path / "other.pth").write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError, match="no weights of FID's Inception network"):
        load_inception(tmp_path / "other.pth", published=published_as(buffer.getvalue()))


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps({"a": 1}, protocol=2)])
def test_files_of_something_else_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(WeightsError):
        load_inception(tmp_path / "other.pth", published=published_as(content))


def test_only_the_published_weights_measure_fid(weights: Path) -> None:
    config = EvaluationConfig(inception_weights=weights)
    with pytest.raises(WeightsError, match=SHA256):
        FEATURES["inception"](config, ImageSpec(channels=3, resolution=32))
