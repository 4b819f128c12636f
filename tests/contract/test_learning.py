"""Every variant learns: its shipped space's first trial, on shipped data, within its budget."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gansearch.data import load_images
from gansearch.data.batch import Batch
from gansearch.errors import Diverged
from gansearch.metrics.digits import digits_classifier
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
        self.metric = next(n for n in self.config.evaluation.metrics if n.startswith("fid"))
        self.evaluator = Evaluator(self.config.evaluation, (self.metric,), self.images, CPU)
        self.goal = LEARNT * self.distance(self.untrained())

    def untrained(self) -> Trainer:
        return Trainer(self.config, self.images, CPU)

    @cached_property
    def trained(self) -> Trainer:
        trainer = self.untrained()
        for share in LOOKS:
            trainer.advance(share * self.config.max_kimg)
            if self.distance(trainer) < self.goal and (
                not self.asks_for_classes or self.accuracy(trainer) > RIGHT
            ):
                break
        return trainer

    def distance(self, trainer: Trainer) -> float:
        """Infinite where the samples show one image, as they may at first."""
        try:
            return self.evaluator.evaluate(trainer.sample, trainer.kimg).values[self.metric]
        except Diverged:
            return math.inf

    @cached_property
    def labels(self) -> Tensor:
        return torch.arange(200) % max(1, self.images.train.spec.classes)

    def samples(self, trainer: Trainer, labels: Tensor) -> Tensor:
        batch = self.images.train.batch(torch.arange(len(labels)))
        return trainer.sample(Batch(batch.images, labels), torch.Generator().manual_seed(0))

    @cached_property
    def asks_for_classes(self) -> bool:
        if self.images.train.spec.classes == 0:
            return False
        trainer = self.untrained()
        samples = (self.samples(trainer, asked) for asked in (self.labels, self.labels.flip(0)))
        return not torch.equal(*samples)

    def accuracy(self, trainer: Trainer) -> float:
        """Share of samples that the digits' classifier takes for the class asked for."""
        with torch.no_grad():
            logits = digits_classifier(self.images.train.spec.resolution)(
                self.samples(trainer, self.labels)
            )
        return (logits.argmax(1) == self.labels).double().mean().item()


@pytest.fixture(scope="module", params=CATALOG)
def course(request: pytest.FixtureRequest) -> Iterator[Course]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums come out the same on machines with any number of cores
    yield Course(request.param)
    torch.set_num_threads(threads)


def test_distance_falls(course: Course) -> None:
    assert course.distance(course.trained) < course.goal


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
    assert course.distance(course.trained) < course.distance(broken)


def test_samples_show_the_class_asked_for(course: Course) -> None:
    if not course.asks_for_classes:
        pytest.skip("its generator takes no class")
    assert course.accuracy(course.trained) > RIGHT
