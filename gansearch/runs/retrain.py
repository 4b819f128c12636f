"""Retraining of a configuration from a trial or an MLflow run, and samples of checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from gansearch.config import TrainConfig, describe
from gansearch.data import load_images
from gansearch.errors import CheckpointError, ConfigError, TrialError, UsageError
from gansearch.hardware.device import best_device
from gansearch.paths import RESULTS
from gansearch.record import Outcome, Report, TrialRecord
from gansearch.search.storage.checkpoints import fetched
from gansearch.space import Space
from gansearch.study.run import load_study
from gansearch.tracking import read_config
from gansearch.train.checkpoint import read_checkpoint
from gansearch.train.grid import save_grid
from gansearch.train.run import CHECKPOINT_FILE, draw_samples, run_training
from gansearch.train.trainer import Trainer

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""Suffixes of files to which a grid of images can be written."""

REPORTS = 5
"""Number of equally spaced reports of a run outside a study."""


def find_config(source: str, results: Path) -> TrainConfig:
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
            raise UsageError(f"{source}: is no text, so no configuration") from None
    if "/" not in source:
        return TrainConfig.from_json(read_config(source, results))
    space, trial = _trial(source, results)
    return space.train_config(trial.params, trial.seed, trial.lineage)


def retrain(
    config: TrainConfig, *, seeds: Sequence[int], out: Path, max_kimg: float | None = None
) -> Iterator[tuple[Report, Path]]:
    """Train a configuration once per seed; yield each run's last report and its folder.

    Args:
        config: the configuration to train.
        seeds: seeds, one run each.
        out: folder of the runs ``seed_<seed>``, each with one checkpoint folder per report.
        max_kimg: budget that replaces the configuration's.

    Raises:
        UsageError: a seed or the budget is invalid; nothing was trained.
        TrialError: a run diverged or failed; the message has the reason.
    """
    changes: dict[str, float] = {} if max_kimg is None else {"max_kimg": max_kimg}
    try:
        configs = [
            TrainConfig.model_validate({**dict(config), **changes, "seed": seed}) for seed in seeds
        ]
    except ValidationError as error:
        raise ConfigError(describe(error)) from None
    return _trainings(configs, out)


def _trainings(configs: Sequence[TrainConfig], out: Path) -> Iterator[tuple[Report, Path]]:
    for chosen in configs:
        kimg, seed = chosen.max_kimg, chosen.seed
        rungs = tuple(kimg * (step + 1) / REPORTS for step in range(REPORTS))
        last: list[tuple[Report, Path]] = []

        def keep(report: Report, folder: Path, last: list[tuple[Report, Path]] = last) -> bool:
            last[:] = [(report, folder)]
            return True

        outcome, reason = run_training(chosen, rungs, out / f"seed_{seed}", keep)
        if outcome is not Outcome.COMPLETED:
            raise TrialError(f"seed {seed}: {outcome}: {reason}")
        yield last[0]


def sample_checkpoint(
    source: str, *, count: int, seed: int, out: Path, results: Path = RESULTS
) -> None:
    """Write a grid of images from a checkpoint's averaged generator.

    Args:
        source: checkpoint, as in :func:`find_checkpoint`.
        count: number of images; the grid is as square as possible.
        seed: seed of the latent vectors.
        out: file of the grid.
        results: folder of the studies.

    Raises:
        UsageError: the checkpoint is missing or damaged, its data cannot be loaded, or the suffix
            of ``out`` is not supported.
    """
    if out.suffix.lower() not in PICTURES:
        raise UsageError(f"{out}: should end in {', '.join(PICTURES)}")
    with find_checkpoint(source, results) as file:
        config = checkpoint_config(file)
        images = load_images(config.data)
        trainer = Trainer.load(file, images, best_device())
    out.parent.mkdir(parents=True, exist_ok=True)
    save_grid(draw_samples(trainer, images, count, seed), out, columns=max(1, round(count**0.5)))


@contextmanager
def find_checkpoint(source: str, results: Path) -> Iterator[Path]:
    """Yield a checkpoint's file, which is on this machine for the duration of the block.

    Args:
        source: the file, its folder, a run's folder (its last checkpoint), or ``STUDY/TRIAL``.
        results: folder of the studies.

    Raises:
        UsageError: there is no such checkpoint, or the block finds it damaged.
    """
    place = Path(source)
    try:
        if place.exists() or not re.fullmatch(r"[^/]+/\d+", source):
            yield _checkpoint_file(place)
            return
        _, trial = _trial(source, results)
        if trial.last is None:
            raise UsageError(f"{source} has reported nothing, so it has no checkpoint")
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
    return (folder / CHECKPOINT_FILE).exists() or bool(_kimg_files(folder))


def _trial(source: str, results: Path) -> tuple[Space, TrialRecord]:
    study, _, number = source.rpartition("/")
    space, record = load_study(study, results)
    for trial in record.trials:
        if str(trial.number) == number:
            return space, trial
    raise UsageError(f"{source}: study {study} has trials 0 to {len(record.trials) - 1}")


def _checkpoint_file(place: Path) -> Path:
    files = [place] if place.is_file() else [*place.glob(CHECKPOINT_FILE), *_kimg_files(place)]
    if not files:
        raise UsageError(f"{place}: there is no checkpoint, nor a folder kimg_* with one")
    return files[0]


def _kimg_files(run: Path) -> list[Path]:
    """Return a run's checkpoints, the last one first."""
    files = run.glob(f"kimg_*/{CHECKPOINT_FILE}")
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
