"""The weights of a checkpoint, scored with several seeds of latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from gansearch.config import EvaluationConfig
from gansearch.data import Images
from gansearch.metrics.evaluator import Evaluator
from gansearch.train.trainer import Trainer


class Scorer:
    """Scores checkpoints that were trained on the same images, all by the same protocols.

    Args:
        config: metrics, and the number of samples for each seed; its own seed is not used.
        seeds: of the latents, at least one.
        images: that the checkpoints were trained on.
        device: CUDA where there is one, unless given.

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
        device: torch.device | None = None,
    ) -> None:
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._images = images
        evaluator = Evaluator(config, config.metrics, images, self._device)
        self._evaluators = [evaluator.with_seed(seed) for seed in seeds]
        named = ", ".join(map(str, seeds))
        source = f"latents of seed {named}" if len(seeds) == 1 else f"latents of each seed {named}"
        self.protocols = evaluator.protocols(source)

    def score(self, checkpoint: Path) -> dict[str, tuple[float, ...]]:
        """By metric the values of a checkpoint's file, one a seed.

        Raises:
            CheckpointError: the file is missing, damaged, or of other images.
            Diverged: the samples hold NaN, or are one image.
        """
        trainer = Trainer.load(checkpoint, self._images, self._device)
        found = [each.evaluate(trainer.sample, trainer.kimg) for each in self._evaluators]
        return {name: tuple(each.values[name] for each in found) for name in self.protocols}
