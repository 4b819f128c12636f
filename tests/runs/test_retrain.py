"""Training of one configuration outside a study."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gansearch.errors import ConfigError, TrialError
from gansearch.paths import CHECKPOINT_FILE
from gansearch.record import Outcome
from gansearch.runs import retrain as module
from gansearch.runs.retrain import REPORTS, TrainedRun, retrain
from gansearch.runs.sources import find_config
from gansearch.study.reading import load_study


def test_a_trial_is_repeated_bit_for_bit(trained: Path, tmp_path: Path) -> None:
    last = load_study("s", trained)[1].trials[1].last
    assert last is not None
    (run,) = retrain("s/1", out=tmp_path, results=trained)
    assert (run.seed, run.report.kimg) == (1, last.kimg)
    assert run.report.metrics["fd_digits"] == last.metrics["fd_digits"]
    old, new = (
        torch.load(Path(folder) / CHECKPOINT_FILE, weights_only=True)["variant"]
        for folder in (str(last.checkpoint), run.folder)
    )
    assert old.keys() == new.keys()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_seeds_and_budget_replace_those_of_the_configuration(trained: Path, tmp_path: Path) -> None:
    config = find_config("s/0", trained)
    seen: list[TrainedRun] = []
    runs = retrain(config, max_kimg=0.05, seeds=(5, 6), out=str(tmp_path), on_run=seen.append)
    assert list(runs) == seen
    assert [run.seed for run in runs] == [5, 6]
    for run in runs:
        assert run.report.kimg == 0.05
        assert run.folder.parent == tmp_path / f"seed_{run.seed}"
        assert len(list(run.folder.parent.iterdir())) <= REPORTS


def test_invalid_seeds_and_budgets_train_nothing(trained: Path, tmp_path: Path) -> None:
    for options in ({"seeds": (0, -1)}, {"max_kimg": 0.0}, {"max_kimg": float("inf")}):
        with pytest.raises(ConfigError):
            retrain("s/0", out=tmp_path / "out", results=trained, **options)
    assert not (tmp_path / "out").exists()


def test_a_diverged_run_is_an_error_with_its_reason(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverged = (Outcome.DIVERGED, "nan at 2 kimg")
    monkeypatch.setattr(module, "run_training", lambda *_: diverged)
    with pytest.raises(TrialError, match="seed 3: diverged: nan at 2 kimg"):
        retrain("s/0", seeds=[3], out=tmp_path, results=trained)
