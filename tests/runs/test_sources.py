"""Trials, runs, configurations and checkpoints that an argument names."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from gansearch.config import TrainConfig
from gansearch.errors import UsageError
from gansearch.paths import CHECKPOINT_FILE, CONFIG_FILE
from gansearch.runs.sources import (
    checkpoint_config,
    find_checkpoint,
    find_config,
    holds_checkpoint,
)
from gansearch.study.reading import load_study, sync


@pytest.fixture
def checkpoint(trained: Path) -> Path:
    """Folder of the last checkpoint of trial 0."""
    last = load_study("s", trained)[1].trials[0].last
    assert last is not None
    return Path(str(last.checkpoint))


@pytest.fixture
def config(trained: Path) -> TrainConfig:
    """Configuration of trial 0."""
    space, record = load_study("s", trained)
    return space.train_config(record.trials[0].params, record.trials[0].seed)


def test_a_configuration_is_that_of_its_trial_run_or_file(
    trained: Path, checkpoint: Path, config: TrainConfig, tmp_path: Path
) -> None:
    results = shutil.copytree(trained, tmp_path / "results")
    sync("s", results=results)
    runs = sqlite3.connect(results / "mlflow.db").execute(
        "SELECT run_uuid FROM params WHERE key = 'g_lr' AND value = '0.05'"
    )
    ((run,),) = runs.fetchall()
    assert find_config("s/0", trained) == config
    assert find_config(str(checkpoint / CONFIG_FILE), trained) == config
    assert find_config(run, results) == config
    assert checkpoint_config(checkpoint / CHECKPOINT_FILE) == config


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s/7", "study s has trials 0 to 1"),
        ("none/0", "no study 'none'"),
        ("gone.json", "gone.json: No such file"),
        ("binary.json", "binary.json is not text"),
        ("0123abc", "no MLflow database"),
    ],
)
def test_an_unknown_configuration_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("binary.json").write_bytes(b"\xff\x00")
    with pytest.raises(UsageError) as caught:
        find_config(source, trained)
    assert words in str(caught.value)


def test_a_checkpoint_is_found_by_file_folder_run_and_trial(
    trained: Path, checkpoint: Path
) -> None:
    file = checkpoint / CHECKPOINT_FILE
    for source in (file, checkpoint, checkpoint.parent, str(file)):
        with find_checkpoint(source, trained) as found:
            assert found == file
    with find_checkpoint("s/0", trained) as found:
        assert found.read_bytes() == file.read_bytes()
    assert holds_checkpoint(checkpoint)
    assert holds_checkpoint(checkpoint.parent)
    assert not holds_checkpoint(trained)


def test_the_last_checkpoint_of_a_run_counts(checkpoint: Path, tmp_path: Path) -> None:
    for name, second in (("kimg_9", 1), ("kimg_10", 2)):
        folder = shutil.copytree(checkpoint, tmp_path / name)
        os.utime(folder / CHECKPOINT_FILE, (second, second))
    with find_checkpoint(tmp_path, tmp_path) as found:
        assert found.parent.name == "kimg_10"


def test_a_missing_or_damaged_checkpoint_is_refused(trained: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"there is no checkpoint, nor a folder kimg_\*"),
        find_checkpoint(tmp_path, trained),
    ):
        pass
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"damaged")
    with (
        pytest.raises(UsageError, match="damaged"),
        find_checkpoint(tmp_path, trained) as file,
    ):
        checkpoint_config(file)
