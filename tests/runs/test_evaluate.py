"""Scores outside of a study: of weights, of folders of images, of statistics files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.images import from_arrays
from gansearch.errors import DataError, UsageError
from gansearch.metrics import weights as published
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import random_features
from gansearch.runs.evaluate import Wanted, data_config, evaluate, save_statistics
from gansearch.study.run import load_study

HERE = Path()
RANDOM = Wanted(metrics=("fd_random", "kid_random"))


def drawn(seed: int, side: int = 16, count: int = 12) -> ImageSet:
    """Smooth colour pictures."""
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


# --- Weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["study", lambda file: file, lambda file: file.parent, lambda file: file.parent.parent]
)
def test_a_checkpoint_scores_as_it_did_in_its_run(
    trained: Path, place: str | Callable[[Path], Path]
) -> None:
    last = load_study("s", trained)[1].trials[0].last
    assert last is not None
    file = Path(str(last.checkpoint)) / "checkpoint.pt"
    source = "s/0" if isinstance(place, str) else str(place(file))
    (scored,) = evaluate(source, None, Wanted(), results=trained)
    assert scored.metric == "fd_digits"
    assert scored.values == (pytest.approx(last.metrics["fd_digits"]),)
    assert scored.protocol == last.protocols["fd_digits"]


def test_a_checkpoint_scores_as_is_wanted(trained: Path) -> None:
    wanted = Wanted(("kid_digits", "fd_digits"), samples=50, seeds=(3, 5))
    kid, fid = evaluate("s/1", "digits", wanted, results=trained)
    assert (kid.metric, fid.metric) == ("kid_digits", "fd_digits")
    assert fid.protocol.startswith(
        "samples=50; source=latents of seeds 3, 5; against=1797 real ones"
    )
    for index, seed in enumerate((3, 5)):
        _, one = evaluate("s/1", "digits", replace(wanted, seeds=(seed,)), results=trained)
        assert one.values == (fid.values[index],)
    assert fid.values[0] != fid.values[1]


# --- Images -------------------------------------------------------------------------------------


def test_a_folder_scores_as_the_same_images_as_a_data_set(folders: tuple[str, str]) -> None:
    a, b = folders
    config = EvaluationConfig(samples=12)
    direct = Evaluator(config, RANDOM.metrics, Images(drawn(1), None), torch.device("cpu"))
    expected = direct.evaluate_images(drawn(0)).values
    for scored in evaluate(a, b, RANDOM, results=HERE):
        assert scored.values == (pytest.approx(expected[scored.metric], rel=1e-6),)
        assert scored.protocol.startswith("samples=12; source=real images")
    assert evaluate(a, f"folder:{b}", RANDOM, results=HERE) == evaluate(a, b, RANDOM, results=HERE)


def test_seeds_choose_some_of_the_images(folders: tuple[str, str]) -> None:
    wanted = replace(RANDOM, samples=6, seeds=(0, 1))
    fid, _ = evaluate(*folders, wanted, results=HERE)
    assert len(set(fid.values)) == 2
    with pytest.raises(UsageError, match="number of samples"):
        evaluate(*folders, replace(RANDOM, seeds=(1,)), results=HERE)


def test_statistics_stand_for_their_images(folders: tuple[str, str], tmp_path: Path) -> None:
    a, b = folders
    file = tmp_path / "new" / "b.npz"
    wanted = Wanted(metrics=("fd_random",))
    save_statistics(b, wanted, file)
    images = drawn(1)
    features = random_features(images.spec)(images.batch(torch.arange(12)).images).double().numpy()
    with np.load(file) as held:
        np.testing.assert_allclose(held["mu"], features.mean(0), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(held["sigma"], np.cov(features.T), rtol=1e-5, atol=1e-8)
    (direct,) = evaluate(a, b, wanted, results=HERE)
    (by_file,) = evaluate(a, str(file), wanted, results=HERE)
    assert by_file.values == (pytest.approx(direct.values[0], rel=1e-6),)
    assert "b.npz" in by_file.protocol
    other = tmp_path / "a.npz"
    save_statistics(a, wanted, other)
    (of_files,) = evaluate(str(other), str(file), Wanted(), results=HERE)
    assert of_files.metric == "fd_random"  # what the file says
    assert of_files.values == (pytest.approx(direct.values[0], rel=1e-6),)


def by_folder_and_by_file(
    made: ImageSet, real: ImageSet, place: Path, resolution: int | None = None
) -> tuple[float | str, ...]:
    """The value, or what is said instead."""
    a, b = str(saved(made, place / "a")), str(saved(real, place / "b"))
    wanted = Wanted(("fd_random",), resolution=resolution)
    save_statistics(b, wanted, place / "b.npz")
    found: list[float | str] = []
    for against in (b, str(place / "b.npz")):
        try:
            (scored,) = evaluate(a, against, wanted, results=HERE)
            found.append(scored.values[0])
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
def test_gray_and_collapsed_images_score_by_file_as_by_folder(
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
        wanted = Wanted(("fd_random",), resolution=side)
        save_statistics(folders[0], wanted, tmp_path / f"{name}.npz")
    with pytest.raises(DataError, match="resolution 16 there and 8 here"):
        evaluate(str(tmp_path / "a.npz"), str(tmp_path / "b.npz"), Wanted(), results=HERE)
    (scored,) = evaluate(str(tmp_path / "b.npz"), folders[0], Wanted(), results=HERE)
    assert scored.values == (pytest.approx(0, abs=1e-4),)  # of images brought to its size


def test_single_images_are_too_few(folders: tuple[str, str], tmp_path: Path) -> None:
    one, out = str(saved(drawn(0, count=1), tmp_path / "one")), tmp_path / "one.npz"
    for source, against in ((one, folders[0]), (folders[0], one)):
        with pytest.raises(UsageError, match=r"fd_random needs at least 2 .*, got 1"):
            evaluate(source, against, RANDOM, results=HERE)
    with pytest.raises(UsageError, match=r"at least 2 .*, got 1"):
        save_statistics(one, Wanted(("fd_random",)), out)
    assert not out.exists()


def test_mixed_and_broken_images_are_named(folders: tuple[str, str], tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    Image.new("RGB", (30, 20), "red").save(mixed / "wide.png")
    Image.new("RGB", (16, 16), "blue").save(mixed / "square.png")
    with pytest.raises(DataError, match=r"16x16 \(square.png\), 30x20 \(wide.png\)"):
        evaluate(str(mixed), folders[0], RANDOM, results=HERE)
    fid, _ = evaluate(str(mixed), folders[0], replace(RANDOM, resolution=16), results=HERE)
    assert fid.protocol.startswith("samples=2;")
    (mixed / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png: not an image"):
        evaluate(str(mixed), folders[0], replace(RANDOM, resolution=16), results=HERE)


@pytest.mark.parametrize(
    ("source", "against", "wanted", "words"),
    [
        ("{a}", None, RANDOM, "needs --against"),
        ("{a}", "{a}/none", RANDOM, "is no data: give digits"),
        ("{a}", "mnist", RANDOM, "needs a path"),
        ("{a}", "{b}", Wanted(metrics=("fidd",)), "'fidd' is not a quality metric"),
        ("{a}", "{b}", replace(RANDOM, resize="pil"), "'clean-fid'"),
        ("{a}", "{b}", Wanted(metrics=("accuracy",)), "measured by a variant while it trains"),
        ("{a}", "gone.npz", RANDOM, "no statistics file gone.npz"),
        ("gone", None, Wanted(), "gone: there is no checkpoint"),
        ("gone/0", None, Wanted(), "no study 'gone'"),
        ("s/7", None, Wanted(), "trials 0 to 1"),
        ("s/0", "photos", Wanted(metrics=("fd_random",)), "channels"),
    ],
)
def test_what_cannot_be_scored_is_said(
    trained: Path,
    folders: tuple[str, str],
    source: str,
    against: str | None,
    wanted: Wanted,
    words: str,
) -> None:
    named = {"a": folders[0], "b": folders[1]}
    against = against and against.format(**named)
    with pytest.raises(UsageError) as caught:
        evaluate(source.format(**named), against, wanted, results=trained)
    assert words in str(caught.value)


def test_a_data_set_is_a_word(tmp_path: Path) -> None:
    assert data_config("digits") == DataConfig(name="digits")
    assert data_config("photos", 64) == DataConfig(name="photos", resolution=64)
    mnist = DataConfig(name="mnist", path=tmp_path, resolution=32)
    assert data_config(f"mnist:{tmp_path}") == mnist


# --- Beside pytorch-fid --------------------------------------------------------------------------


@pytest.mark.slow
def test_folders_score_as_by_pytorch_fids_command(
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
    wanted = Wanted(weights=weights)
    (scored,) = evaluate(a, b, wanted, results=HERE)
    assert scored.metric == "fid"
    assert scored.values == (pytest.approx(expected, rel=1e-3),)
    (by_file,) = evaluate(a, str(theirs), wanted, results=HERE)
    assert by_file.values == (pytest.approx(expected, rel=1e-3),)
    with pytest.raises(DataError, match="resize '8-bit, bilinear"):
        evaluate(a, str(theirs), replace(wanted, resize="clean-fid"), results=HERE)
    save_statistics(b, wanted, ours)
    with np.load(theirs) as one, np.load(ours) as other:
        assert sorted(one) == ["mu", "sigma"]
        for name in one:
            largest = np.abs(one[name]).max()
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-5 * largest)
