"""Evaluation outside a study: of checkpoints, folders of images and statistics files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.images import from_arrays
from gansearch.errors import DataError, UsageError
from gansearch.metrics import weights as published
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import random_features
from gansearch.runs.evaluate import evaluate, save_statistics
from gansearch.study.reading import load_study

METRICS = ("fd_random", "kid_random")


def drawn(seed: int, side: int = 16, count: int = 12) -> ImageSet:
    """Make smooth colour images."""
    shape = (count, 3, side, side)
    smooth = np.random.default_rng(seed).normal(size=shape).cumsum(2).cumsum(3)
    pixels = np.clip(128 + 12 * smooth + 20 * seed, 0, 255).astype(np.uint8)
    return from_arrays(torch.from_numpy(pixels), None, resolution=side)


def saved(images: ImageSet, folder: Path) -> Path:
    folder.mkdir()
    for index, pixels in enumerate(images.pixels):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{index:03}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    base = tmp_path_factory.mktemp("images")
    return str(saved(drawn(0), base / "a")), str(saved(drawn(1), base / "b"))


# --- Checkpoints --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["study", lambda file: file, lambda file: file.parent, lambda file: file.parent.parent]
)
def test_a_checkpoint_has_the_values_of_its_run(
    trained: Path, place: str | Callable[[Path], Path]
) -> None:
    last = load_study("s", trained)[1].trials[0].last
    assert last is not None
    file = Path(str(last.checkpoint)) / "checkpoint.pt"
    source = "s/0" if isinstance(place, str) else str(place(file))
    (found,) = evaluate(source, results=trained)
    assert found.metric == "fd_digits"
    assert found.values == (pytest.approx(last.metrics["fd_digits"]),)
    assert found.protocol == last.protocols["fd_digits"]


def test_options_replace_those_of_the_checkpoints_run(trained: Path) -> None:
    options: Any = {"metrics": ("kid_digits", "fd_digits"), "samples": 50, "results": trained}
    kid, fid = evaluate("s/1", "digits", seeds=(3, 5), **options)
    assert (kid.metric, fid.metric) == ("kid_digits", "fd_digits")
    assert fid.protocol.startswith(
        "samples=50; source=latents of seeds 3, 5; against=1797 real ones"
    )
    for index, seed in enumerate((3, 5)):
        _, one = evaluate("s/1", "digits", seeds=(seed,), **options)
        assert one.values == (fid.values[index],)
    assert fid.values[0] != fid.values[1]


# --- Images -------------------------------------------------------------------------------------


def test_a_folder_has_the_values_of_the_same_images_as_a_data_set(folders: tuple[str, str]) -> None:
    a, b = folders
    config = EvaluationConfig(samples=12)
    direct = Evaluator(config, METRICS, Images(drawn(1), None), torch.device("cpu"))
    expected = direct.evaluate_images(drawn(0)).values
    for found in evaluate(a, b, metrics=METRICS):
        assert found.values == (pytest.approx(expected[found.metric], rel=1e-6),)
        assert found.protocol.startswith("samples=12; source=real images")
    assert evaluate(a, f"folder:{b}", metrics=METRICS) == evaluate(a, b, metrics=METRICS)


def test_seeds_choose_subsets_of_the_images(folders: tuple[str, str]) -> None:
    fid, _ = evaluate(*folders, metrics=METRICS, samples=6, seeds=(0, 1))
    assert len(set(fid.values)) == 2
    with pytest.raises(UsageError, match="number of samples"):
        evaluate(*folders, metrics=METRICS, seeds=(1,))


def test_statistics_have_the_values_of_their_images(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    a, b = folders
    file = tmp_path / "new" / "b.npz"
    save_statistics(b, file, metric="fd_random")
    images = drawn(1)
    features = random_features(images.spec)(images.batch(torch.arange(12)).images).double().numpy()
    with np.load(file) as held:
        np.testing.assert_allclose(held["mu"], features.mean(0), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(held["sigma"], np.cov(features.T), rtol=1e-5, atol=1e-8)
    (direct,) = evaluate(a, b, metrics=["fd_random"])
    (by_file,) = evaluate(a, file, metrics=["fd_random"])
    assert by_file.values == (pytest.approx(direct.values[0], rel=1e-6),)
    assert "b.npz" in by_file.protocol
    other = tmp_path / "a.npz"
    save_statistics(a, other, metric="fd_random")
    (of_files,) = evaluate(other, file)
    assert of_files.metric == "fd_random"  # what the file says
    assert of_files.values == (pytest.approx(direct.values[0], rel=1e-6),)


def by_folder_and_by_file(
    made: ImageSet, real: ImageSet, place: Path, resolution: int | None = None
) -> tuple[float | str, ...]:
    """Return the values against a folder and its statistics; the message where it is refused."""
    a, b = str(saved(made, place / "a")), str(saved(real, place / "b"))
    save_statistics(b, place / "b.npz", metric="fd_random", resolution=resolution)
    found: list[float | str] = []
    for against in (b, str(place / "b.npz")):
        try:
            (fid,) = evaluate(a, against, metrics=["fd_random"], resolution=resolution)
            found.append(fid.values[0])
        except DataError as error:
            found.append(str(error))
    return tuple(found)


def gray(images: ImageSet) -> ImageSet:
    pixels = images.pixels[:, :1].expand(-1, 3, -1, -1).contiguous()
    return from_arrays(pixels, None, resolution=images.spec.resolution)


def equal(images: ImageSet) -> ImageSet:
    pixels = images.pixels[:1].expand(len(images), -1, -1, -1).contiguous()
    return from_arrays(pixels, None, resolution=images.spec.resolution)


@pytest.mark.parametrize("made", [drawn(0), gray(drawn(0)), equal(drawn(0)), equal(gray(drawn(0)))])
@pytest.mark.parametrize("real", [drawn(1), equal(drawn(1))])
def test_gray_and_collapsed_images_have_the_same_value_by_file_and_by_folder(
    tmp_path: Path, made: ImageSet, real: ImageSet
) -> None:
    by_folder, by_file = by_folder_and_by_file(made, real, tmp_path)
    assert isinstance(by_folder, float)
    assert by_file == pytest.approx(by_folder, rel=1e-5)


def test_colour_against_gray_is_refused_by_file(tmp_path: Path) -> None:
    by_folder, by_file = by_folder_and_by_file(drawn(0), gray(drawn(1)), tmp_path)
    assert isinstance(by_folder, float)  # of both as colour
    assert "channels 1 there and 3 here" in str(by_file)


def test_images_of_another_size_are_refused_by_folder_and_by_file(tmp_path: Path) -> None:
    by_folder, by_file = by_folder_and_by_file(drawn(0), drawn(1, side=32), tmp_path)
    assert "16 pixels and those in" in str(by_folder)
    assert "resolution 32 there and 16 here" in str(by_file)


def test_a_resolution_brings_both_to_one_size(tmp_path: Path) -> None:
    values = by_folder_and_by_file(drawn(0), drawn(1, side=32), tmp_path, resolution=16)
    assert values == (pytest.approx(values[1], rel=1e-5), values[1])


def test_files_of_different_features_are_not_compared(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    for name, side in (("a", None), ("b", 8)):
        file = tmp_path / f"{name}.npz"
        save_statistics(folders[0], file, metric="fd_random", resolution=side)
    with pytest.raises(DataError, match="resolution 16 there and 8 here"):
        evaluate(tmp_path / "a.npz", tmp_path / "b.npz")
    (found,) = evaluate(tmp_path / "b.npz", folders[0])
    assert found.values == (pytest.approx(0, abs=1e-4),)  # of images brought to its size


def test_single_images_are_too_few(folders: tuple[str, str], tmp_path: Path) -> None:
    one, out = str(saved(drawn(0, count=1), tmp_path / "one")), tmp_path / "one.npz"
    for source, against in ((one, folders[0]), (folders[0], one)):
        with pytest.raises(UsageError, match=r"fd_random needs at least 2 .*, got 1"):
            evaluate(source, against, metrics=METRICS)
    with pytest.raises(UsageError, match=r"at least 2 .*, got 1"):
        save_statistics(one, out, metric="fd_random")
    assert not out.exists()


def test_mixed_and_broken_images_are_named(folders: tuple[str, str], tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    Image.new("RGB", (30, 20), "red").save(mixed / "wide.png")
    Image.new("RGB", (16, 16), "blue").save(mixed / "square.png")
    with pytest.raises(DataError, match=r"16x16 \(square.png\), 30x20 \(wide.png\)"):
        evaluate(mixed, folders[0], metrics=METRICS)
    fid, _ = evaluate(mixed, folders[0], metrics=METRICS, resolution=16)
    assert fid.protocol.startswith("samples=2;")
    (mixed / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png: not an image"):
        evaluate(mixed, folders[0], metrics=METRICS, resolution=16)


@pytest.mark.parametrize(
    ("source", "against", "options", "words"),
    [
        ("{a}", None, {}, "needs --against"),
        ("{a}", "{a}/none", {}, "is not a data set: give digits"),
        ("{a}", "mnist", {}, "needs a path"),
        ("{a}", "{b}", {"metrics": ["fidd"]}, "'fidd' is not a quality metric"),
        ("{a}", "{b}", {"resize": "pil"}, "'clean-fid'"),
        ("{a}", "{b}", {"metrics": ["accuracy"]}, "reported by a variant during training"),
        ("{a}", "gone.npz", {}, "no statistics file gone.npz"),
        ("gone", None, {}, "gone: there is no checkpoint"),
        ("gone/0", None, {}, "no study 'gone'"),
        ("s/7", None, {}, "trials 0 to 1"),
        ("s/0", "photos", {"metrics": ["fd_random"]}, "channels"),
    ],
)
def test_an_impossible_evaluation_is_refused_with_the_reason(
    trained: Path,
    folders: tuple[str, str],
    source: str,
    against: str | None,
    options: dict[str, Any],
    words: str,
) -> None:
    named = {"a": folders[0], "b": folders[1]}
    against = against and against.format(**named)
    with pytest.raises(UsageError) as caught:
        evaluate(source.format(**named), against, results=trained, **options)
    assert words in str(caught.value)


# --- Beside pytorch-fid --------------------------------------------------------------------------


@pytest.mark.slow
def test_folders_have_the_values_of_pytorch_fids_command(
    weights: Path, folders: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import fid_score
    from pytorch_fid import inception as reference

    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    random = replace(published.INCEPTION, sha256=sha256)
    monkeypatch.setattr(published, "INCEPTION", random)
    monkeypatch.setattr(
        reference,
        "load_state_dict_from_url",
        lambda *_, **__: torch.load(weights, weights_only=True),
    )
    a, b = folders
    theirs, ours = tmp_path / "theirs.npz", tmp_path / "ours.npz"
    how = {"batch_size": 12, "device": "cpu", "dims": 2048, "num_workers": 0}
    fid_score.save_fid_stats([b, str(theirs)], **how)
    expected = fid_score.calculate_fid_given_paths([a, str(theirs)], **how)
    (values,) = evaluate(a, b, weights=weights)
    assert values.metric == "fid"
    assert values.values == (pytest.approx(expected, rel=1e-3),)
    (by_file,) = evaluate(a, theirs, weights=weights)
    assert by_file.values == (pytest.approx(expected, rel=1e-3),)
    with pytest.raises(DataError, match="resize '8-bit, bilinear"):
        evaluate(a, theirs, weights=weights, resize="clean-fid")
    save_statistics(b, ours, weights=weights)
    with np.load(theirs) as one, np.load(ours) as other:
        assert sorted(one) == ["mu", "sigma"]
        for name in one:
            largest = np.abs(one[name]).max()
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-5 * largest)
