"""The first trial of every variant's space learns within its budget, on data that is included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest
import torch

from gansearch.data import load_images
from gansearch.data.batch import Batch
from gansearch.errors import Diverged
from gansearch.metrics.evaluator import Evaluator
from gansearch.space import load_space
from gansearch.train.trainer import Trainer
from gansearch.variants.base import Losses
from gansearch.variants.catalog import CATALOG

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
SPACES = Path(__file__).parents[3] / "search_spaces"
LEARNT = 1 / 3
"""Ratio of a trained generator's distance to the untrained one's, below which it has learnt."""
ACCURACY = "class_accuracy_digits"
RIGHT = 0.5
"""Share of samples of the requested class, above which it has learnt; chance is 0.1."""
EVALUATED_AT = tuple(2.0**-power for power in range(6, -1, -1))
"""Shares of the budget at which the samples are evaluated."""


class FirstTrial:
    """The first trial of a variant's space, trained until it has learnt or its budget is spent."""

    def __init__(self, variant: str) -> None:
        space = load_space(SPACES / f"{variant}.yaml")
        self.config = space.train_config(space.defaults()[0], seed=0)
        self.images = load_images(self.config.data)
        self.distance = next(
            n for n in self.config.evaluation.metrics if n.startswith(("fid", "fd_"))
        )
        self.by_class = CATALOG[variant].by_class
        metrics = (self.distance, ACCURACY) if self.by_class else (self.distance,)
        self.evaluator = Evaluator(self.config.evaluation, metrics, self.images, CPU)
        self.goal = LEARNT * self.evaluate(self.untrained())[self.distance]

    def untrained(self) -> Trainer:
        return Trainer(self.config, self.images, CPU)

    @cached_property
    def trained(self) -> Trainer:
        trainer = self.untrained()
        for share in EVALUATED_AT:
            trainer.advance(share * self.config.max_kimg)
            scores = self.evaluate(trainer)
            if scores[self.distance] < self.goal and scores[ACCURACY] > RIGHT:
                break
        return trainer

    def evaluate(self, trainer: Trainer) -> dict[str, float]:
        """Evaluate samples; the values are the worst if the samples are a single image."""
        try:
            values = self.evaluator.evaluate(trainer.sample, trainer.kimg).values
        except Diverged:
            return {self.distance: math.inf, ACCURACY: 0.0}
        return {ACCURACY: 1.0, **values}


@pytest.fixture(scope="module", params=CATALOG)
def trial(request: pytest.FixtureRequest) -> Iterator[FirstTrial]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums do not depend on the number of cores
    yield FirstTrial(request.param)
    torch.set_num_threads(threads)


def test_training_lowers_the_distance(trial: FirstTrial) -> None:
    assert trial.evaluate(trial.trained)[trial.distance] < trial.goal


def test_a_generator_with_the_opposite_loss_does_not_learn(trial: FirstTrial) -> None:
    broken = trial.untrained()
    losses = broken.variant.losses

    def climbing(player: str, batch: Batch) -> Losses:
        parts = losses(player, batch)
        return {**parts, "total": -parts["total"]} if player == "g" else parts

    broken.variant.losses = climbing
    try:
        broken.advance(trial.trained.kimg)
    except Diverged:
        return
    trained, climbed = (trial.evaluate(each)[trial.distance] for each in (trial.trained, broken))
    assert trained < climbed


def test_samples_show_the_requested_class(trial: FirstTrial) -> None:
    if not trial.by_class:
        pytest.skip("its generator takes no class")
    assert trial.evaluate(trial.trained)[ACCURACY] > RIGHT
