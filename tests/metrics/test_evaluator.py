from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.data.images import from_arrays, split
from gansearch.errors import ConfigError, Diverged
from gansearch.metrics.catalog import METRICS as METRICS_CATALOG
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import FEATURES, Features, random_features

CPU = torch.device("cpu")
METRICS = ("fd_digits", "fd_random")
Sample = Callable[[Batch, torch.Generator], Tensor]


@pytest.fixture(scope="session")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def evaluator(
    images: Images, metrics: tuple[str, ...] = ("fd_random",), **config: int
) -> Evaluator:
    # As for a folder of images, whose number is no setting.
    changed = EvaluationConfig().model_copy(update={"samples": 300, **config})
    return Evaluator(changed, metrics, images, CPU)


def noisy(strength: float) -> Sample:
    """The conditions' own images under noise."""

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        noise = torch.randn(batch.images.shape, generator=generator)
        return (batch.images + strength * noise).clamp(-1, 1)

    return sample


# --- What is measured --------------------------------------------------------------------------


def test_the_value_is_the_distance_of_the_samples_to_the_training_set(images: Images) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance

    seen: list[Tensor] = []

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        seen.append(noisy(0.3)(batch, generator))
        return seen[-1]

    measured = evaluator(images, samples=500).evaluate(sample).values["fd_random"]
    features = random_features(images.train.spec)
    real = features(images.train.batch(torch.arange(len(images.train))).images).double().numpy()
    made = features(torch.cat(seen)).double().numpy()
    assert len(made) == 500
    expected = calculate_frechet_distance(
        made.mean(0), np.cov(made, rowvar=False), real.mean(0), np.cov(real, rowvar=False)
    )
    assert measured == pytest.approx(expected, rel=1e-5)


def test_worse_samples_score_worse_in_every_metric(images: Images) -> None:
    scorer = evaluator(images, METRICS)
    rows = [scorer.evaluate(noisy(strength)).values for strength in (0.1, 0.3, 0.6, 1.2)]
    floor = scorer.floor()
    for metric in METRICS:
        scores = [row[metric] for row in rows]
        assert scores == sorted(scores)
        assert 0 < floor[metric] < 0.1 * scores[-1]


def test_every_evaluation_sees_the_same_latents_and_conditions(images: Images) -> None:
    scorer = evaluator(images)
    calls: list[tuple[Tensor, Tensor]] = []

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        assert generator.device == CPU
        assert batch.labels is not None
        latents = torch.randn(len(batch), 4, generator=generator)
        calls.append((batch.labels, latents))
        return noisy(0.5)(batch, generator)

    first, second = scorer.evaluate(sample), scorer.evaluate(sample)
    assert first == second
    half = len(calls) // 2
    for (labels, latents), (labels_again, latents_again) in zip(
        calls[:half], calls[half:], strict=True
    ):
        assert torch.equal(labels, labels_again)
        assert torch.equal(latents, latents_again)
    assert sum(len(labels) for labels, _ in calls[:half]) == 300
    assert evaluator(images).evaluate(sample) == first  # and those of another process's evaluator


def test_conditions_are_distributed_as_the_training_labels(images: Images) -> None:
    drawn = torch.zeros(10)

    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        assert batch.labels is not None
        drawn.add_(torch.bincount(batch.labels, minlength=10))
        return noisy(0.5)(batch, generator)

    evaluator(images, samples=5000).evaluate(sample)
    labels = images.train.batch(torch.arange(len(images.train))).labels
    assert labels is not None
    expected = torch.bincount(labels, minlength=10) / len(labels)
    assert (drawn / 5000 - expected).abs().max() < 0.03


def test_spread_is_relative_to_the_data(images: Images) -> None:
    scorer = evaluator(images)
    assert scorer.evaluate(noisy(0)).spread == pytest.approx(1)
    assert scorer.evaluate(lambda b, _: b.images / 4).spread == pytest.approx(0.25)


# --- The floor ---------------------------------------------------------------------------------


def test_the_floor_is_of_as_many_images_as_the_samples(images: Images) -> None:
    assert images.heldout is not None
    scorer = evaluator(images)
    protocol = scorer.evaluate_images(images.heldout).protocols["fd_random"]
    assert protocol.startswith("samples=300; source=real images")
    assert scorer.floor() == scorer.evaluate_images(images.heldout).values


def test_with_fewer_held_out_the_protocol_gives_their_number() -> None:
    few = load_images(DataConfig(name="digits", holdout=0.1))
    assert few.heldout is not None
    scorer = evaluator(few)
    assert scorer.evaluate_images(few.heldout).protocols["fd_random"].startswith("samples=180;")


def test_without_held_out_images_there_is_no_floor() -> None:
    assert evaluator(load_images(DataConfig(name="digits"))).floor() == {}


# --- Protocols ---------------------------------------------------------------------------------


def protocol(scorer: Evaluator) -> str:
    return scorer.evaluate(noisy(0.5)).protocols["fd_random"]


def test_the_protocol_is_readable_and_ends_in_its_hash(images: Images) -> None:
    text = protocol(evaluator(images))
    for part in ("samples=300", "latents of seed 0", "against=899 real", "features=random"):
        assert part in text
    assert re.search(r"; hash=[0-9a-f]{8}$", text)


def test_everything_that_changes_a_value_changes_the_protocol(images: Images) -> None:
    other = load_images(DataConfig(name="digits", holdout=0.4))
    texts = [
        protocol(evaluator(images)),
        protocol(evaluator(images, samples=301)),
        protocol(evaluator(images, seed=1)),
        protocol(evaluator(other)),
        evaluator(images, METRICS).evaluate(noisy(0.5)).protocols["fd_digits"],
    ]
    hashes = {text.rpartition("=")[2] for text in texts}
    assert len(hashes) == len(texts)
    assert protocol(evaluator(images)) == texts[0]


# --- Features are shared -------------------------------------------------------------------------


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.images = 0

    def forward(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return images.flatten(1)[:, 20:30]


@pytest.mark.parametrize(
    "methods",
    [("fd", "fd_infinity"), ("kid", "precision", "recall", "density", "coverage", "fd_within")],
)
def test_features_are_computed_once_whichever_metrics_use_them(
    images: Images, monkeypatch: pytest.MonkeyPatch, methods: tuple[str, ...]
) -> None:
    network = Counting()
    features = Features("counting", 10, str(methods), "none", network)
    monkeypatch.setitem(FEATURES, "random", lambda *_: features)
    metrics = tuple(f"{method}_random" for method in methods)
    scorer = evaluator(images, metrics)
    network.images = 0
    values = scorer.evaluate(noisy(0.3)).values
    assert network.images == 300
    assert values.keys() == set(metrics)
    network.images = 0
    again = evaluator(images, metrics)
    assert network.images == 0  # what is known of the real images is read from the cache
    assert again.evaluate(noisy(0.3)).values == values


def test_metrics_measured_together_are_those_measured_alone(images: Images) -> None:
    metrics = ("fd_random", "kid_random", "recall_random", "coverage_random")
    together = evaluator(images, metrics).evaluate(noisy(0.3))
    for metric in metrics:
        alone = evaluator(images, (metric,)).evaluate(noisy(0.3))
        assert alone.values == {metric: together.values[metric]}
        assert alone.protocols == {metric: together.protocols[metric]}


# --- Divergence and refusals -------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_that_are_not_finite_are_named(images: Images, value: float) -> None:
    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        made = noisy(0.5)(batch, generator)
        made[-1, 0, 3, 3] = value
        return made

    with pytest.raises(Diverged) as caught:
        evaluator(images).evaluate(sample, kimg=3.0)
    assert (caught.value.reason, caught.value.kimg) == ("nan", 3.0)


def point(strength: float) -> Sample:
    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        noise = torch.randn(batch.images.shape, generator=generator)
        return batch.images[:1].mean() + strength * noise

    return lambda batch, generator: sample(Batch(torch.zeros_like(batch.images)), generator)


@pytest.mark.parametrize("strength", [0.0, 1e-4])
def test_one_image_is_scored_like_any_others(images: Images, strength: float) -> None:
    scored = evaluator(images).evaluate(point(strength), kimg=3.0)
    assert scored.spread < 0.001
    assert all(map(math.isfinite, scored.values.values()))


@pytest.mark.parametrize("name", ["peak_memory_mib", "fdi_digits"])
def test_a_cost_is_refused_as_a_quality_metric(images: Images, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}.*fd_digits"):
        evaluator(images, (name,))


def same(count: int, level: int = 7) -> Images:
    pixels = torch.full((count, 1, 8, 8), level, dtype=torch.uint8)
    return split(from_arrays(pixels, None, resolution=8), holdout=0)


# --- Few and equal images ----------------------------------------------------------------------

EVERY = tuple(
    f"{method}_random"
    for method in ("fd", "fd_infinity", "kid", "precision", "recall", "density", "coverage")
)


@pytest.mark.parametrize("metric", EVERY)
@pytest.mark.parametrize("count", [1, 2, 5, 6, 29, 30])
@pytest.mark.parametrize("equal", [True, False])
def test_few_or_equal_images_have_a_finite_value_or_the_number_is_named(
    images: Images, metric: str, count: int, equal: bool
) -> None:
    """Of those that are scored, and of those that they are compared with."""
    few = same(count) if equal else Images(images.train.subset(torch.arange(count)), None)
    least = METRICS_CATALOG[metric].needs

    def value(scored: Images, reference: Images) -> float:
        return (
            evaluator(reference, (metric,), samples=len(scored.train))
            .evaluate_images(scored.train)
            .values[metric]
        )

    for scored, reference in ((few, images), (images, few), (few, few)):
        if len(scored.train) >= least.samples and len(reference.train) >= least.real:
            assert math.isfinite(value(scored, reference))
            continue
        with pytest.raises(ConfigError, match=rf"{metric} needs at least \d+ .*, got {count}"):
            value(scored, reference)


def test_a_set_that_is_one_image_is_as_good_as_itself() -> None:
    values = evaluator(same(70), EVERY, samples=66).evaluate_images(same(66).train).values
    expected = {
        "fd": 0,
        "fd_infinity": 0,
        "kid": 0,
        "density": 66 / 5,
    }  # of as many real ones as are scored
    for metric in EVERY:
        method = metric.removesuffix("_random")
        assert values[metric] == pytest.approx(expected.get(method, 1), abs=1e-6), metric


def test_the_order_of_the_images_does_not_matter(images: Images) -> None:
    train = images.train
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(1))
    metrics = tuple(name for name in EVERY if name != "fd_infinity_random")  # draws subsets
    few = train.subset(torch.arange(100))
    plain = evaluator(Images(train, None), metrics, samples=len(train)).evaluate_images(few).values
    shuffled = Images(train.subset(order), None)
    moved = evaluator(shuffled, metrics, samples=len(train)).evaluate_images(
        few.subset(torch.randperm(100, generator=torch.Generator().manual_seed(2)))
    )
    assert moved.values == {name: pytest.approx(plain[name], rel=1e-4) for name in metrics}
