"""Samples of a checkpoint's generator."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gansearch.data import load_images
from gansearch.errors import ConfigError, UsageError
from gansearch.hardware.device import best_device
from gansearch.paths import RESULTS, StrPath
from gansearch.runs.sources import checkpoint_config, find_checkpoint
from gansearch.settings import LARGEST
from gansearch.train.grid import save_grid
from gansearch.train.run import draw_samples
from gansearch.train.trainer import Trainer

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""Suffixes of files to which a grid of images can be written."""


def sample(
    source: StrPath,
    *,
    count: int = 64,
    seed: int = 0,
    out: StrPath | None = None,
    results: StrPath = RESULTS,
) -> Tensor:
    """Draw samples from a checkpoint's averaged generator on the best device of this machine.

    A conditional generator cycles through the classes.

    Args:
        source: a ``checkpoint.pt``, its folder, a run's folder (its last checkpoint), or
            ``STUDY/TRIAL``.
        count: number of images, at least 1.
        seed: seed of the latent vectors, at least 0.
        out: image file to write a grid to, as square as possible; none by default.
        results: folder of the studies.

    Returns:
        ``[count, C, H, W]``, float32 in [-1, 1], on the CPU.

    Raises:
        UsageError: the checkpoint is missing or damaged, its data cannot be loaded, a number is out
            of range, or the suffix of ``out`` is not supported.
    """
    if count < 1:
        raise ConfigError(f"count: should be at least 1 (got {count})")
    if not 0 <= seed <= LARGEST:
        raise ConfigError(f"seed: should be from 0 to {LARGEST} (got {seed})")
    file = None if out is None else Path(out)
    if file is not None and file.suffix.lower() not in PICTURES:
        raise UsageError(f"{file}: should end in {', '.join(PICTURES)}")
    with find_checkpoint(source, results) as checkpoint:
        images = load_images(checkpoint_config(checkpoint).data)
        trainer = Trainer.load(checkpoint, images, best_device())
    samples = draw_samples(trainer, images, count, seed)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_grid(samples, file, columns=max(1, round(count**0.5)))
    return samples
