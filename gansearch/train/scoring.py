"""The weights of a checkpoint, scored with several seeds of latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from gansearch.config import EvaluationConfig
from gansearch.data import Images
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.statistics import Statistics
from gansearch.train.trainer import Trainer


def best_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Scorer:
    """Scores checkpoints that were trained on the same images, all by the same protocols.

    Args:
        config: metrics, and the number of samples for each seed; its own seed is not used.
        seeds: of the latents, at least one.
        images: that the checkpoints were trained on.
        against: what samples are compared with, and whose labels they are asked for by; the same
            unless given.
        statistics: as of :class:`~gansearch.metrics.evaluator.Evaluator`.

    Attributes:
        protocols: by metric, what all values of a checkpoint are measured by; metrics that a
            variant measures itself, which know no latents, are not among them.

    Raises:
        ConfigError, DataError, WeightsError: as of :class:`~gansearch.metrics.evaluator.Evaluator`.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        seeds: Sequence[int],
        images: Images,
        *,
        against: Images | None = None,
        statistics: Statistics | None = None,
    ) -> None:
        self._device = best_device()
        self._images = images
        others = against or images
        evaluator = Evaluator(config, config.metrics, others, self._device, statistics)
        self._evaluators = [evaluator.with_seed(seed) for seed in seeds]
        named = ", ".join(map(str, seeds))
        self.protocols = evaluator.protocols(f"latents of seed{'s' * (len(seeds) > 1)} {named}")

    def score(self, checkpoint: Path) -> dict[str, tuple[float, ...]]:
        """By metric the values of a checkpoint's file, one a seed.

        Raises:
            CheckpointError: the file is missing, damaged, or of other images.
            Diverged: the samples hold NaN.
        """
        trainer = Trainer.load(checkpoint, self._images, self._device)
        found = [each.evaluate(trainer.sample, trainer.kimg) for each in self._evaluators]
        return {name: tuple(each.values[name] for each in found) for name in self.protocols}
