"""Every variant learns: its shipped space's first trial, on shipped data, within its budget."""

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
SPACES = Path(__file__).parents[2] / "search_spaces"
LEARNT = 1 / 3
"""Share of an untrained generator's distance that a trained one's falls below."""
ACCURACY = "class_accuracy_digits"
RIGHT = 0.5
"""Share of samples that show the class asked for; chance is 0.1."""
LOOKS = tuple(2.0**-power for power in range(6, -1, -1))
"""Shares of the budget at which is measured whether it has learnt."""


class Course:
    """The first trial of a variant's space: trained until it has learnt, at most its budget."""

    def __init__(self, variant: str) -> None:
        space = load_space(SPACES / f"{variant}.yaml")
        self.config = space.train_config(space.defaults()[0], seed=0)
        self.images = load_images(self.config.data)
        self.distance = next(n for n in self.config.evaluation.metrics if n.startswith("fid"))
        self.by_class = CATALOG[variant].by_class
        metrics = (self.distance, ACCURACY) if self.by_class else (self.distance,)
        self.evaluator = Evaluator(self.config.evaluation, metrics, self.images, CPU)
        self.goal = LEARNT * self.scores(self.untrained())[self.distance]

    def untrained(self) -> Trainer:
        return Trainer(self.config, self.images, CPU)

    @cached_property
    def trained(self) -> Trainer:
        trainer = self.untrained()
        for share in LOOKS:
            trainer.advance(share * self.config.max_kimg)
            scores = self.scores(trainer)
            if scores[self.distance] < self.goal and scores[ACCURACY] > RIGHT:
                break
        return trainer

    def scores(self, trainer: Trainer) -> dict[str, float]:
        """The worst where the samples show one image, as they may at first."""
        try:
            values = self.evaluator.evaluate(trainer.sample, trainer.kimg).values
        except Diverged:
            return {self.distance: math.inf, ACCURACY: 0.0}
        return {ACCURACY: 1.0, **values}


@pytest.fixture(scope="module", params=CATALOG)
def course(request: pytest.FixtureRequest) -> Iterator[Course]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums come out the same on machines with any number of cores
    yield Course(request.param)
    torch.set_num_threads(threads)


def test_distance_falls(course: Course) -> None:
    assert course.scores(course.trained)[course.distance] < course.goal


def test_with_a_broken_loss_it_does_not_learn(course: Course) -> None:
    broken = course.untrained()
    losses = broken.variant.losses

    def climbing(player: str, batch: Batch) -> Losses:
        parts = losses(player, batch)
        return {**parts, "total": -parts["total"]} if player == "g" else parts

    broken.variant.losses = climbing
    try:
        broken.advance(course.trained.kimg)
    except Diverged:
        return
    trained, climbed = (course.scores(each)[course.distance] for each in (course.trained, broken))
    assert trained < climbed


def test_samples_show_the_class_asked_for(course: Course) -> None:
    if not course.by_class:
        pytest.skip("its generator takes no class")
    assert course.scores(course.trained)[ACCURACY] > RIGHT
