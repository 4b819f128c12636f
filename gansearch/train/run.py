"""Training of one trial from rung to rung, independent of the search engine."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import torch
from pydantic import AfterValidator, TypeAdapter
from torch import Tensor

from gansearch.config import TrainConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.data.conditions import covering_conditions
from gansearch.errors import CheckpointError, Diverged
from gansearch.hardware.calibration import CALIBRATION, device_speed
from gansearch.hardware.device import best_device, device_name
from gansearch.hardware.share import memory_name
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.requirements import check_run
from gansearch.paths import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    REPORT_FILE,
    SAMPLES_FILE,
    checkpoint_folder,
)
from gansearch.record import Outcome, Report, images_of, kimg_of
from gansearch.train.collapse import CollapseCheck, variety_of
from gansearch.train.grid import save_grid
from gansearch.train.prediction import predict_needs, prediction_error, refuse_too_large
from gansearch.train.trainer import Trainer

log = logging.getLogger(__name__)

GRID_COLUMNS = 8
REPORT: TypeAdapter[Report] = TypeAdapter(
    Annotated[Report, AfterValidator(Report.with_current_names)]
)
"""Converts a report to JSON and back; metrics of earlier versions are read under current names."""
RETRYABLE_ERRORS = (OSError, torch.AcceleratorError)
"""Retryable errors: storage, network or a device; another attempt or machine may succeed."""

OnReport = Callable[[Report, Path], bool]
OnPrediction = Callable[[Mapping[str, float]], None]


def run_training(
    config: TrainConfig,
    rungs: tuple[float, ...],
    folder: Path,
    on_report: OnReport,
    resume_from: Path | None = None,
    device: torch.device | None = None,
    on_prediction: OnPrediction = lambda _: None,
) -> tuple[Outcome, str]:
    """Train from rung to rung: advance, evaluate, write a checkpoint's folder, report.

    A checkpoint's folder is ``folder/kimg_<rung>``. It holds ``checkpoint.pt``, a grid of samples
    from fixed latents (``samples.png``), ``config.json``, and, written last, the report
    (``report.json``). The caller keeps or deletes it.

    Args:
        config: configuration of the run.
        rungs: kimg at which to report, in addition to the full budget.
        folder: folder of the checkpoints; made if it is missing.
        on_report: called with each report and its checkpoint's folder; ``False`` stops the run.
        resume_from: a checkpoint's folder to resume from; its rung is not reported again.
        device: device to train on; by default CUDA if there is a GPU.
        on_prediction: called before training with the run's predicted memory and the device's, from
            :func:`~gansearch.train.prediction.predict_needs`.

    Returns:
        The outcome and its reason in one line; the reason is empty for a completed run.

    Raises:
        CheckpointError: ``resume_from`` is damaged, incomplete, or of another configuration;
            nothing was trained.
        OSError: storage or a network failed; another attempt may succeed.
        torch.AcceleratorError: a device failed; another attempt may succeed.
    """
    device = device or best_device()
    reports = _reports(config, rungs, folder, resume_from, device, on_prediction)
    budget = images_of(config.max_kimg)
    while True:
        try:
            report, checkpoint = next(reports)
        except StopIteration:
            return Outcome.COMPLETED, ""
        except (CheckpointError, *RETRYABLE_ERRORS):
            raise
        except Exception as error:
            return _outcome_of(error)
        if not on_report(report, checkpoint) and images_of(report.kimg) < budget:
            return Outcome.STOPPED, f"stopped at {report.kimg:g} kimg"


def draw_samples(trainer: Trainer, images: Images, count: int, seed: int) -> Tensor:
    """Draw samples of a trainer's generator, the same for the same seed.

    Args:
        trainer: trainer in its current state.
        images: source of the conditions, held-out images if there are any; the samples cycle
            through the classes.
        count: number of images.
        seed: seed of the latents.

    Returns:
        ``[count, C, H, W]``, float32 in [-1, 1], on the CPU.
    """
    source = images.train if images.heldout is None else images.heldout
    generator = torch.Generator().manual_seed(seed)
    rows = covering_conditions(source, count)
    chunks = torch.split(rows, trainer.config.settings.batch_size)
    batches = (source.batch(indices).to(trainer.device) for indices in chunks)
    return torch.cat([trainer.sample(batch, generator).cpu() for batch in batches])


def _reports(
    config: TrainConfig,
    rungs: tuple[float, ...],
    folder: Path,
    resume_from: Path | None,
    device: torch.device,
    on_prediction: OnPrediction,
) -> Iterator[tuple[Report, Path]]:
    images = load_images(config.data)
    check_run(config.evaluation, images)
    predicted = predict_needs(config, images.train, device)
    on_prediction(predicted)
    refuse_too_large(predicted, memory_name(device))
    done = 0  # real images
    past: Mapping[str, float] = {}
    if resume_from is None:
        trainer = Trainer(config, images, device)
        fresh = _few_samples(trainer, images)
    else:
        report = _read_report(resume_from)
        done, past = images_of(report.kimg), report.metrics
        fresh = _few_samples(Trainer(config, images, device), images)  # same seed
        trainer = Trainer.load(resume_from / CHECKPOINT_FILE, images, device, config)
    collapse = CollapseCheck(config.max_kimg, variety_of(images.train, len(fresh)), fresh, past)
    evaluator = None
    budget = images_of(config.max_kimg)
    kimgs = {images_of(rung): rung for rung in rungs if images_of(rung) < budget}
    kimgs[budget] = config.max_kimg
    for progress in sorted(kimgs.keys() | collapse.due):
        if progress <= done:
            continue
        trainer.advance(kimg_of(progress))
        collapse.check(_few_samples(trainer, images), progress)
        if progress not in kimgs:
            continue
        # Built only now, because its temporary memory would hide the training's own peak.
        with trainer.device_lock.shared():
            evaluator = evaluator or Evaluator(
                config.evaluation, config.evaluation.metrics, images, device
            )
        kimg = kimgs[progress]
        checkpoint = folder / checkpoint_folder(kimg)
        known = {**predicted, **collapse.metrics}
        yield _report(trainer, evaluator, images, kimg, checkpoint, known)


def _few_samples(trainer: Trainer, images: Images) -> Tensor:
    with trainer.device_lock.shared():
        return draw_samples(trainer, images, GRID_COLUMNS**2, trainer.config.evaluation.seed)


def _report(
    trainer: Trainer,
    evaluator: Evaluator,
    images: Images,
    kimg: float,
    folder: Path,
    known: Mapping[str, float],
) -> tuple[Report, Path]:
    """Evaluate, and write the checkpoint's folder with its report."""
    waited = trainer.device_lock.waited_seconds
    started = time.perf_counter()
    with trainer.device_lock.shared() as next_turn:

        def sample(batch: Batch, generator: torch.Generator) -> Tensor:
            next_turn()
            return trainer.sample(batch, generator)

        evaluation = evaluator.evaluate(sample, trainer.kimg)
        own = trainer.evaluate(images.heldout)
        evaluated = time.perf_counter()
        _write_checkpoint(trainer, images, folder)
    written = time.perf_counter()
    costs = {**trainer.costs(), **known}
    metrics = {
        **evaluation.values,
        **own,
        **costs,
        **prediction_error(costs),
        **trainer.losses,
        "evaluation_seconds": evaluated - started - (trainer.device_lock.waited_seconds - waited),
        "checkpoint_seconds": written - evaluated,
        **_calibration(trainer),
    }
    _refuse_non_finite(metrics, trainer.kimg)
    protocols = {**evaluation.protocols, **_protocols(own, images), **trainer.variant.tags}
    report = Report(kimg, metrics, protocols, tags=_tags(trainer, images))
    (folder / REPORT_FILE).write_bytes(REPORT.dump_json(report))
    return report, folder


def _calibration(trainer: Trainer) -> dict[str, float]:
    """Return the device's training speed in the run's precision, if it can be measured."""
    speed = device_speed(trainer.device, trainer.device_lock, trainer.config.compute.precision)
    return {} if speed is None else {"device_speed": speed}


def _write_checkpoint(trainer: Trainer, images: Images, folder: Path) -> None:
    """Write a checkpoint's folder except the report."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer.save(folder / CHECKPOINT_FILE)
    grid = draw_samples(trainer, images, GRID_COLUMNS**2, trainer.config.evaluation.seed)
    save_grid(grid, folder / SAMPLES_FILE, GRID_COLUMNS)
    (folder / CONFIG_FILE).write_text(trainer.config.to_json())


def _protocols(own: Mapping[str, float], images: Images) -> dict[str, str]:
    """Return the protocols of the metrics that a variant evaluates itself."""
    if images.heldout is None:
        return {}
    protocol = QualityProtocol(
        samples=len(images.heldout),
        source=f"held-out images {images.heldout.fingerprint[:8]}",
        method="the variant's own",
    )
    return {name: str(protocol) for name in own if name in METRICS}


def _refuse_non_finite(metrics: dict[str, float], kimg: float) -> None:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise Diverged("nan" if math.isnan(value) else "explosion", kimg, f"{name} is {value}")


def _read_report(folder: Path) -> Report:
    try:
        return REPORT.validate_json((folder / REPORT_FILE).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise CheckpointError(f"{folder / REPORT_FILE}: missing or damaged") from error


def _tags(trainer: Trainer, images: Images) -> dict[str, str]:
    return {
        "device": device_name(trainer.device),
        "calibration": f"{CALIBRATION}, {trainer.config.compute.precision}",
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "data": images.train.fingerprint,
        **trainer.variant.tags,
    }


def _outcome_of(error: Exception) -> tuple[Outcome, str]:
    """Return the outcome of an error, and its reason in one line."""
    summary = f"{type(error).__name__}: {error}".partition("\n")[0]
    if isinstance(error, Diverged):
        return Outcome.DIVERGED, str(error)
    if _is_out_of_memory(error):
        return Outcome.OUT_OF_MEMORY, summary
    log.error("the training failed", exc_info=error)
    return Outcome.FAILED, summary


def _is_out_of_memory(error: Exception) -> bool:
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
