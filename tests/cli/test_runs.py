"""The commands ``train``, ``sample``, ``evaluate`` and ``profile``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gansearch.record import Report
from gansearch.runs.retrain import TrainedRun

Call = Callable[..., Any]


def test_an_unknown_source_is_named(gansearch: Call, recorded: Path) -> None:
    gansearch("train", "--from", "gone.json").check_refused("gone.json: No such file")
    gansearch("train", "--from", "0123abc").check_refused("no MLflow database", "'0123abc'")
    missing = gansearch("train", "--from", "s/77", "--results", recorded)
    missing.check_refused("s has trials 0 to 39")
    gansearch("sample", "gone").check_refused("gone: there is no checkpoint")


def test_train_prints_each_run(gansearch: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(source: str, *, seeds: Any, on_run: Any, **_: Any) -> None:
        for seed in seeds:
            metrics = {"fd_digits": 12.345678, "d_loss": 1.0}
            report = Report(2.0, metrics, {"fd_digits": "p"})
            on_run(TrainedRun(seed, report, Path(source) / f"seed_{seed}"))

    monkeypatch.setattr("gansearch.runs.retrain.retrain", fake)
    answer = gansearch("train", "--from", "s", "--seed", 3, "--seed", 4)
    answer.check_completed()
    assert answer.out.splitlines() == [
        "s/seed_3: 2 kimg  fd_digits 12.35",
        "s/seed_4: 2 kimg  fd_digits 12.35",
    ]


def test_a_checkpoint_is_sampled_to_a_file(gansearch: Call, trained: Path) -> None:
    answer = gansearch("sample", "s/1", "--results", trained, "--count", 4, "--out", "four.png")
    answer.check_completed()
    assert answer.out == "4 images: four.png\n"
    assert Path("four.png").exists()


def test_checkpoints_and_statistics_are_evaluated(gansearch: Call, trained: Path) -> None:
    options = ("--results", trained, "--samples", 40, "--seed", 0, "--seed", 1)
    answer = gansearch("evaluate", "s/0", *options, "--against", "digits")
    answer.check_completed()
    assert "±" in answer.out
    assert "samples=40; source=latents of seeds 0, 1; against=1797 real ones" in answer.out
    metric = ("--metric", "fd_random")
    saved = gansearch("evaluate", "--against", "digits", *metric, "--save-stats", "d.npz")
    assert saved.out == "statistics of digits: d.npz\n"
    same = gansearch("evaluate", "d.npz", "--against", "d.npz")
    assert "d.npz against d.npz" in same.out


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ((), "nothing to evaluate"),
        (("--save-stats", "d.npz"), "--against"),
        (("--against", "digits", "--save-stats", "d.txt"), ".npz"),
        (("d.npz",), "needs --against"),
    ],
)
def test_an_evaluation_without_what_it_needs_is_refused(
    gansearch: Call, words: tuple[str, ...], fragment: str
) -> None:
    gansearch("evaluate", *words).check_refused(fragment)


def test_a_profile_is_printed_and_plotted(gansearch: Call, tmp_path: Path) -> None:
    plot = tmp_path / "profile.png"
    options = ("--batch-size", 8, "--steps", 2, "--set", "g_hidden=16", "--plot", plot)
    answer = gansearch("profile", "gan", *options)
    answer.check_completed()
    assert "gan, digits at 8 px: CPU" in answer.out
    assert "a round of 8 real images" in answer.out
    assert "medians of 2 rounds" in answer.out
    assert "d backward" in answer.out
    assert "discriminator.layers" in answer.out
    assert "separable" not in answer.out  # an MLP has no convolutions
    with Image.open(plot) as image:
        assert min(image.size) > 500


def test_a_profile_of_an_unknown_variant_or_setting_is_refused(gansearch: Call) -> None:
    gansearch("profile", "dcgun").check_refused("did you mean dcgan?")
    setting = gansearch("profile", "gan", "--set", "g_lr")
    setting.check_refused("--set g_lr: should be a parameter and its value")
