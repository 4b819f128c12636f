from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, load_images
from gansearch.errors import ConfigError, DataError
from gansearch.metrics import weights
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import random_features
from gansearch.metrics.moments import MomentsAccumulator
from gansearch.metrics.reference import Reference, moments_of
from gansearch.metrics.resize import RESIZES
from gansearch.metrics.statistics import Origin, Statistics, read_statistics, write_statistics

CPU = torch.device("cpu")
DIM = 5


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


@pytest.fixture(scope="module")
def statistics(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Statistics:
    """Of the training images."""
    path = tmp_path_factory.mktemp("statistics") / "train.npz"
    features = random_features(images.train.spec).to(CPU)
    moments = moments_of(features, images.train, CPU)
    write_statistics(path, moments, Origin.of(features, images.train.spec))
    return read_statistics(path)


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 40])
def test_written_statistics_are_read_by_gansearch_and_pytorch_fid(
    tmp_path: Path, count: int
) -> None:
    from pytorch_fid.fid_score import compute_statistics_of_path

    vectors = np.random.default_rng(0).normal(size=(count, DIM))
    accumulator = MomentsAccumulator(DIM)
    accumulator.update(torch.from_numpy(vectors))
    path = tmp_path / "train.npz"
    origin = Origin(features="some", weights="ab", resize="none", channels=3, resolution=32)
    write_statistics(path, accumulator.moments(), origin)
    expected = vectors.mean(0), np.cov(vectors, rowvar=False)
    statistics = read_statistics(path)
    assert statistics.origin == origin
    assert statistics.moments.count == count
    ours = statistics.moments
    for read in ((ours.mean, ours.covariance), compute_statistics_of_path(str(path), *4 * [None])):
        for found, right in zip(read, expected, strict=True):
            np.testing.assert_allclose(found, right, atol=1e-12)


def test_another_file_has_another_fingerprint(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.npz", "b.npz", "c.npz")]
    for path, scale in zip(paths, (1, 1, 2), strict=True):
        np.savez(path, mu=np.zeros(DIM), sigma=scale * np.eye(DIM))
    one, same, other = (read_statistics(path).fingerprint for path in paths)
    assert one == same != other


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mu": np.zeros(3)}, "no statistics file.*sigma"),
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, r"sigma \[D, D\], they are \[3\] and \[4, 4\]"),
        ({"mu": np.eye(3), "sigma": np.eye(3)}, r"mu should be \[D\]"),
        ({"mu": np.zeros(3), "sigma": np.nan * np.eye(3)}, "NaN"),
        ({"mu": np.array([None]), "sigma": np.eye(1)}, "no statistics file"),
        ({"mu": np.array(["a"]), "sigma": np.eye(1)}, "no statistics file"),
        (
            {"mu": np.zeros(3), "sigma": np.eye(3), "features": "x"},
            "no statistics file.*weights",
        ),
    ],
)
def test_files_of_anything_else_are_refused(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **content)
    with pytest.raises(DataError, match=message) as caught:
        read_statistics(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"mu sigma", b"PK\3\4 cut"])
def test_files_that_are_no_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no statistics file"):
        read_statistics(path)


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros(3))
    with pytest.raises(DataError, match="no statistics file"):
        read_statistics(tmp_path / "wrong.npy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no statistics file"):
        read_statistics(tmp_path / "none.npz")


def test_a_file_that_does_not_say_is_what_pytorch_fids_command_makes(tmp_path: Path) -> None:
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(2048), sigma=np.eye(2048))
    statistics = read_statistics(tmp_path / "theirs.npz")
    assert statistics.moments.count == 0
    origin = statistics.origin
    assert (origin.features, origin.weights) == ("inception", weights.INCEPTION.sha256)
    for resolution, channels in ((64, 3), (32, 1)):  # of images of any kind
        statistics.check(replace(origin, resolution=resolution, channels=channels))
    for change in ({"features": "random"}, {"resize": RESIZES["clean-fid"].description}):
        with pytest.raises(DataError, match=rf"theirs\.npz .*: {next(iter(change))} '"):
            statistics.check(replace(origin, **change))


# --- In place of the training images -------------------------------------------------------------


def test_distances_to_a_file_are_those_to_its_images(
    images: Images, statistics: Statistics
) -> None:
    config, metrics = EvaluationConfig(samples=200), ("fd_random", "fd_infinity_random")
    assert images.heldout is not None
    plain = Evaluator(config, metrics, images, CPU).evaluate_images(images.heldout)
    # Whatever it is trained on, the file is compared with.
    other = Images(images.heldout, None)
    filed = Evaluator(config, metrics, other, CPU, statistics).evaluate_images(images.heldout)
    for metric in metrics:
        assert filed.values[metric] == pytest.approx(plain.values[metric], rel=1e-9)
        assert (
            f"against=train.npz; reference={statistics.fingerprint[:8]}" in filed.protocols[metric]
        )
        assert filed.protocols[metric] != plain.protocols[metric]


@pytest.mark.parametrize("metric", ["kid_random", "precision_random", "fd_within_random"])
def test_a_file_with_unknown_origin_is_refused(
    images: Images, statistics: Statistics, metric: str
) -> None:
    with pytest.raises(ConfigError, match=r"train\.npz holds a mean and a covariance"):
        Evaluator(EvaluationConfig(), (metric,), images, CPU, statistics)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": "x"}, "features 'x' there and 'random' here"),
        ({"weights": "0" * 64}, "weights 00000000 there and"),
        ({"resize": "half"}, "resize 'half' there and 'none' here"),
        ({"resolution": 32}, "resolution 32 there and 8 here"),
        ({"channels": 3}, "channels 3 there and 1 here"),
    ],
)
def test_a_file_of_another_origin_is_refused(
    images: Images, statistics: Statistics, change: dict[str, Any], words: str
) -> None:
    other = replace(statistics, origin=replace(statistics.origin, **change))
    with pytest.raises(DataError, match=rf"train\.npz .*{words}"):
        Evaluator(EvaluationConfig(), ("fd_random",), images, CPU, other)


def test_a_file_of_other_features_is_refused(images: Images, statistics: Statistics) -> None:
    features = replace(random_features(images.train.spec), dim=64)
    with pytest.raises(DataError, match=r"train\.npz .* dimension 128; random features have 64"):
        Reference(features, images, 100, CPU, statistics)
