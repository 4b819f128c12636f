"""Metrics by class: against the plain distance, class by class, and against counting by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.errors import ConfigError
from gansearch.metrics.digits import digits_classifier
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import digits_features
from gansearch.metrics.frechet import frechet_distance
from gansearch.metrics.moments import FactoredMoments, MomentsAccumulator

CPU = torch.device("cpu")
METRICS = ("fd_within_digits", "class_accuracy_digits")
Sample = Callable[[Batch, torch.Generator], Tensor]


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def evaluator(images: Images, metrics: tuple[str, ...] = METRICS, samples: int = 400) -> Evaluator:
    return Evaluator(EvaluationConfig(samples=samples), metrics, images, CPU)


def noisy(strength: float) -> Sample:
    """The conditions' own images under noise."""

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        noise = torch.randn(batch.images.shape, generator=generator)
        return (batch.images + strength * noise).clamp(-1, 1)

    return sample


def shuffled(batch: Batch, generator: torch.Generator) -> Tensor:
    """As good as real, under labels that are not theirs."""
    return batch.images.roll(1, dims=0)


def test_within_class_distance_is_the_mean_of_the_classes_own(images: Images) -> None:
    seen: list[Batch] = []

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        made = noisy(0.3)(batch, generator)
        seen.append(replace(batch, images=made))
        return made

    measured = evaluator(images).evaluate(sample).values["fd_within_digits"]
    features = digits_features(images.train.spec).to(CPU)
    real = images.train.batch(torch.arange(len(images.train)))
    made = Batch(torch.cat([b.images for b in seen]), torch.cat([b.labels for b in seen]))
    assert len(made) == 400
    distances = []
    for label in range(10):
        sides = []
        for batch in (made, real):
            accumulator = MomentsAccumulator(features.dim)
            accumulator.update(features(batch.images[batch.labels == label]))
            sides.append(accumulator.moments())
        distances.append(frechet_distance(sides[0], FactoredMoments.of(sides[1])))
    assert measured == pytest.approx(sum(distances) / 10, rel=1e-6)


def test_accuracy_is_counted_by_hand(images: Images) -> None:
    right, count = 0, 0

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        nonlocal right, count
        made = noisy(0.8)(batch, generator)
        with torch.no_grad():
            named = digits_classifier(8)(made).argmax(1)
        right += int((named == batch.labels).sum())
        count += len(batch)
        return made

    measured = evaluator(images).evaluate(sample).values["class_accuracy_digits"]
    assert measured == pytest.approx(right / count)
    assert 0.2 < measured < 1


def test_samples_of_other_classes_are_found_by_these_metrics_alone(images: Images) -> None:
    scorer = evaluator(images, ("fd_digits", *METRICS))
    own, others = (scorer.evaluate(sample).values for sample in (noisy(0.05), shuffled))
    assert others["fd_digits"] < 2 * own["fd_digits"]
    assert others["fd_within_digits"] > 20 * own["fd_within_digits"]
    assert own["class_accuracy_digits"] > 0.98
    assert others["class_accuracy_digits"] < 0.2


def test_one_image_a_class_is_accurate_and_far(images: Images) -> None:
    every = images.train.batch(torch.arange(len(images.train)))
    firsts = torch.stack([every.images[every.labels == label][0] for label in range(10)])

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        return firsts[batch.labels]

    scorer = evaluator(images)
    values = scorer.evaluate(sample).values
    assert values["class_accuracy_digits"] > 0.9
    assert values["fd_within_digits"] > 5 * scorer.floor()["fd_within_digits"]


def test_floor_is_of_held_out_images_under_their_own_labels(images: Images) -> None:
    floor = evaluator(images).floor()
    assert floor["class_accuracy_digits"] > 0.98
    assert 0 < floor["fd_within_digits"] < 50


def test_protocols_count_images_and_classes(images: Images) -> None:
    protocols = evaluator(images).evaluate(noisy(0.1)).protocols
    labels = images.train.labels[images.train.rows]
    counts = torch.bincount(labels)
    within = protocols["fd_within_digits"]
    for part in ("samples=400;", "10 classes", f"{counts.min()} to {counts.max()} real", "digits"):
        assert part in within
    assert "samples=400; source=latents of seed 0" in protocols["class_accuracy_digits"]
    other = evaluator(images, samples=401).evaluate(noisy(0.1)).protocols
    assert all(other[name] != protocols[name] for name in METRICS)


def test_refuses_images_without_labels(images: Images) -> None:
    spec = replace(images.train.spec, classes=0)
    plain = Images(replace(images.train, labels=None, spec=spec), None)
    for metric in METRICS:
        with pytest.raises(ConfigError, match=f"{metric} is computed by class"):
            evaluator(plain, (metric,))


def test_too_few_samples_of_a_class_are_counted(images: Images) -> None:
    with pytest.raises(
        ConfigError, match=r"2 samples of each class \(evaluation.samples\), got [01] of class \d"
    ):
        evaluator(images, samples=8).evaluate(noisy(0.1))


def test_refuses_a_class_without_two_training_images(images: Images) -> None:
    labels = images.train.labels[images.train.rows]
    kept = torch.cat([(labels != 3).nonzero().flatten(), (labels == 3).nonzero().flatten()[:1]])
    few = Images(images.train.subset(kept), None)
    with pytest.raises(ConfigError, match="2 training images of each class, got 1 of class 3"):
        evaluator(few, ("fd_within_digits",))
