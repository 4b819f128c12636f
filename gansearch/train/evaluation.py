"""Evaluation of checkpoints with several seeds of latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gansearch.config import EvaluationConfig
from gansearch.data import Images
from gansearch.hardware.device import best_device
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.statistics import Statistics
from gansearch.train.trainer import Trainer


class CheckpointEvaluator:
    """Evaluates checkpoints that were trained on the same images, by the same protocols.

    Args:
        config: metrics and the number of samples per seed; its own seed is not used.
        seeds: seeds of the latents, at least one.
        images: training data of the checkpoints.
        against: data whose images samples are compared with, and whose labels are their conditions;
            ``images`` by default.
        statistics: as in :class:`~gansearch.metrics.evaluator.Evaluator`.

    Attributes:
        protocols: protocol of each metric, the same for all values of a checkpoint. Metrics that a
            variant evaluates itself, without latents, are absent.

    Raises:
        ConfigError, DataError, WeightsError: as in :class:`~gansearch.metrics.evaluator.Evaluator`.
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

    def evaluate(self, checkpoint: Path) -> dict[str, tuple[float, ...]]:
        """Return the values of a checkpoint's file by metric, one per seed.

        Raises:
            CheckpointError: the file is missing, damaged, or of other images.
            Diverged: the samples hold NaN.
        """
        trainer = Trainer.load(checkpoint, self._images, self._device)
        found = [each.evaluate(trainer.sample, trainer.kimg) for each in self._evaluators]
        return {name: tuple(each.values[name] for each in found) for name in self.protocols}
