"""Trials, runs, configurations and checkpoints that a command's argument names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gansearch.config import TrainConfig
from gansearch.errors import CheckpointError, UsageError
from gansearch.paths import CHECKPOINT_FILE, CHECKPOINT_FOLDERS, StrPath
from gansearch.record import TrialRecord
from gansearch.search.storage.checkpoints import fetched
from gansearch.space import Space
from gansearch.study.reading import load_study
from gansearch.tracking import read_config
from gansearch.train.checkpoint import read_checkpoint


def find_config(source: str, results: StrPath) -> TrainConfig:
    """Return the configuration of a trial or a run.

    Args:
        source: ``STUDY/TRIAL``, an MLflow run's id, or the path of a ``config.json``.
        results: folder of the studies and of MLflow's store.

    Raises:
        UsageError: there is no such trial, run or file.
    """
    if source.endswith(".json"):
        try:
            return TrainConfig.from_json(Path(source).read_text())
        except OSError as error:
            raise UsageError(f"{source}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{source} is not text, so it holds no configuration") from None
    if "/" not in source:
        return TrainConfig.from_json(read_config(source, Path(results)))
    space, trial = _trial(source, results)
    return space.train_config(trial.params, trial.seed, trial.lineage)


@contextmanager
def find_checkpoint(source: StrPath, results: StrPath) -> Iterator[Path]:
    """Yield a checkpoint's file, which is on this machine for the duration of the block.

    Args:
        source: the file, its folder, a run's folder (its last checkpoint), or ``STUDY/TRIAL``.
        results: folder of the studies.

    Raises:
        UsageError: there is no such checkpoint, or the block finds it damaged.
    """
    path = Path(source)
    try:
        if path.exists() or not re.fullmatch(r"[^/]+/\d+", str(source)):
            yield _checkpoint_file(path)
            return
        _, trial = _trial(str(source), results)
        if trial.last is None:
            raise UsageError(f"{source} has no report yet, so it has no checkpoint")
        with fetched(trial.last) as folder:
            yield folder / CHECKPOINT_FILE
    except CheckpointError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{source}: {error}") from None


def checkpoint_config(file: Path) -> TrainConfig:
    """Return the configuration of the run that wrote a checkpoint.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    return TrainConfig.from_json(read_checkpoint(file)["config"])


def holds_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint or a run's checkpoints."""
    return (folder / CHECKPOINT_FILE).exists() or bool(_checkpoints_of(folder))


def _trial(source: str, results: StrPath) -> tuple[Space, TrialRecord]:
    study, _, number = source.rpartition("/")
    space, record = load_study(study, results)
    for trial in record.trials:
        if str(trial.number) == number:
            return space, trial
    raise UsageError(f"{source}: study {study} has trials 0 to {len(record.trials) - 1}")


def _checkpoint_file(path: Path) -> Path:
    files = [path] if path.is_file() else [*path.glob(CHECKPOINT_FILE), *_checkpoints_of(path)]
    if not files:
        raise UsageError(
            f"{path}: there is no checkpoint, nor a folder {CHECKPOINT_FOLDERS} with one"
        )
    return files[0]


def _checkpoints_of(run: Path) -> list[Path]:
    """Return a run's checkpoints, the last one first."""
    files = run.glob(f"{CHECKPOINT_FOLDERS}/{CHECKPOINT_FILE}")
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
