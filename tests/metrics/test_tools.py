"""The same numbers as pytorch-fid, torch-fidelity and clean-fid, each under its own convention.

All have the same random weights, and the same images in files.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from gansearch.config import EvaluationConfig
from gansearch.data import Images
from gansearch.data.images import from_arrays, permutation
from gansearch.metrics import inception
from gansearch.metrics import weights as published
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.inception import Inception, load_inception

Pixels = NDArray[np.uint8]

CPU = torch.device("cpu")
COUNT = 12


@pytest.fixture
def checked(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The random weights, taken for the published ones."""
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    random = replace(published.INCEPTION, sha256=sha256)
    monkeypatch.setattr(published, "INCEPTION", random)
    return weights


@pytest.fixture(scope="session")
def pytorch_fids(weights: Path) -> nn.Module:
    import pytorch_fid.inception as reference

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            reference,
            "load_state_dict_from_url",
            lambda *_, **__: torch.load(weights, weights_only=True),
        )
        made: nn.Module = reference.InceptionV3().eval()
    return made


def saved(images: Pixels, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    files = [folder / f"{index:03}.png" for index in range(len(images))]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image).save(file)
    return files


def drawn(seed: int, shape: tuple[int, ...]) -> Pixels:
    smooth = np.random.default_rng(seed).normal(size=shape).cumsum(1).cumsum(2)
    return np.clip(128 + 12 * smooth + 20 * seed, 0, 255).astype(np.uint8)


def tensors(images: Pixels) -> Tensor:
    """Bytes ``[N, H, W(, 3)]`` as ``[N, C, H, W]``."""
    pixels = torch.from_numpy(images)
    return pixels[:, None] if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)


# --- Features ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 16, 16)], ids=["colour", "gray"])
def test_features_equal_pytorch_fids(
    checked: Path, pytorch_fids: nn.Module, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    from pytorch_fid.fid_score import get_activations

    images = drawn(0, shape)
    files = saved(images, tmp_path / "images")
    expected = get_activations(files, pytorch_fids, batch_size=2, num_workers=0)
    unrounded = (tensors(images) + 0.3) / 127.5 - 1  # seen as the 8 bits that it would be stored in
    with torch.no_grad():
        measured = load_inception(checked)[0](unrounded).numpy()
    assert measured.shape == (2, inception.DIM)
    assert expected.std(0).mean() > 0.01 * expected.mean()  # the comparison is of something
    np.testing.assert_allclose(measured, expected, rtol=1e-4, atol=1e-4 * expected.mean())


# --- Values --------------------------------------------------------------------------------------


class Sets:
    """Two sets of images in folders, and what gansearch measures of the second."""

    def __init__(self, folder: Path, weights: Path) -> None:
        pixels = [drawn(seed, (COUNT, 32, 32, 3)) for seed in (0, 1)]
        order = permutation(COUNT, 0).numpy()  # in which real images are scored
        self.real, self.made = (str(folder / name) for name in ("real", "made"))
        saved(pixels[0], Path(self.real))
        saved(pixels[1][order], Path(self.made))
        self._train, self._scored = (
            from_arrays(tensors(images).contiguous(), None, resolution=32) for images in pixels
        )
        self._weights = weights

    def measured(self, tool: str, *metrics: str) -> dict[str, float]:
        config = EvaluationConfig(samples=COUNT, resize=tool, inception_weights=self._weights)
        evaluator = Evaluator(config, metrics, Images(self._train, None), CPU)
        return dict(evaluator.evaluate_images(self._scored).values)


@pytest.fixture
def sets(tmp_path: Path, checked: Path) -> Sets:
    return Sets(tmp_path, checked)


@pytest.mark.slow
def test_fid_equals_pytorch_fids(
    sets: Sets, pytorch_fids: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import fid_score

    class Loaded:
        BLOCK_INDEX_BY_DIM: ClassVar = {2048: 3}

        def __new__(cls, _: list[int]) -> nn.Module:  # type: ignore[misc]
            return pytorch_fids

    monkeypatch.setattr(fid_score, "InceptionV3", Loaded)
    expected = fid_score.calculate_fid_given_paths(
        [sets.made, sets.real], batch_size=6, device="cpu", dims=2048, num_workers=0
    )
    assert sets.measured("pytorch-fid", "fid")["fid"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_values_equal_torch_fidelitys(sets: Sets, checked: Path) -> None:
    import torch_fidelity

    expected = torch_fidelity.calculate_metrics(
        input1=sets.made,
        input2=sets.real,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(checked),
        fid=True,
        kid=True,
        prc=True,
        isc=True,
        kid_subsets=1,
        kid_subset_size=COUNT,
        samples_shuffle=False,
        cuda=False,
        cache=False,
        verbose=False,
    )
    names = {
        "fid": "frechet_inception_distance",
        "kid": "kernel_inception_distance_mean",
        "precision": "precision",
        "recall": "recall",
        "inception_score": "inception_score_mean",
    }
    measured = sets.measured("torch-fidelity", *names)
    for name, theirs in names.items():
        assert measured[name] == pytest.approx(expected[theirs], rel=1e-3), name


@pytest.mark.slow
def test_fid_equals_clean_fids(sets: Sets, checked: Path) -> None:
    from cleanfid import fid

    network = Inception()
    network.network.load_state_dict(torch.load(checked, weights_only=True))
    network.network.fc = nn.Identity()
    network.eval()

    def features(folder: str) -> Any:
        return fid.get_folder_features(
            folder,
            model=lambda resized: network.network((resized - 128) / 128),
            mode="clean",
            num_workers=0,
            device=CPU,
            verbose=False,
        )

    expected = fid.fid_from_feats(features(sets.made), features(sets.real))
    assert sets.measured("clean-fid", "fid")["fid"] == pytest.approx(expected, rel=1e-3)
