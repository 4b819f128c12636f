"""Every metric of the catalog keeps the contract of metrics.

A metric is tested because it is in the catalog. Networks with published weights are replaced by
small ones with random weights; a metric whose network is not known here fails with a message.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gansearch import load_study
from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, ImageSet, load_images
from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.conditions import class_labels
from gansearch.errors import ConfigError
from gansearch.metrics import evaluator as evaluator_module
from gansearch.metrics.catalog import METRICS, Counts, Metric
from gansearch.metrics.evaluator import IN_FEATURES, Evaluator
from gansearch.metrics.features import FEATURES, Features, random_features
from gansearch.metrics.weights import ALEXNET, LPIPS_HEADS, PublishedWeights, weights_of
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")
EVERY = list(METRICS.values())
EVALUATED = [metric for metric in EVERY if metric.kind == "quality" and not metric.of_variant]

every_metric = pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
every_evaluated = pytest.mark.parametrize("metric", EVALUATED, ids=lambda metric: metric.name)

BY_BATCHES = {"lpips_diversity": "it pairs the images of a batch, as its protocol says"}
"""Metrics whose values depend on how the evaluator divides images into batches, with the reason."""


# --- Networks with random weights in place of published ones --------------------------------------


def alexnet_state() -> dict[str, Tensor]:
    from torchvision.models import alexnet

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(alexnet(weights=None).state_dict())


def lpips_heads() -> dict[str, Tensor]:
    channels = (64, 192, 384, 256, 256)
    return {f"lin{i}.model.1.weight": torch.ones(1, c, 1, 1) for i, c in enumerate(channels)}


STATES: dict[str, Callable[[], dict[str, Tensor]]] = {
    ALEXNET.file: functools.cache(alexnet_state),
    LPIPS_HEADS.file: lpips_heads,
}
"""Random weights by the name of the published file, for metrics without features."""


def with_classes(kind: str, spec: ImageSpec) -> Features:
    """The random network in place of one with published weights, and logits of ten classes."""
    features = random_features(spec)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = nn.Linear(features.dim, 10)
    return replace(features, name=kind, head=head)


@pytest.fixture(scope="module", autouse=True)
def _random_networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def load(weights: PublishedWeights, _: Path | None = None) -> dict[str, Tensor]:
        assert weights.file in STATES, f"give {weights.file} random weights in STATES"
        return STATES[weights.file]()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(PublishedWeights, "load", load)
        for kind in {metric.features for metric in EVALUATED if weights_of(metric)} & {*FEATURES}:
            patch.setitem(FEATURES, kind, lambda _, spec, kind=kind: with_classes(kind, spec))
        yield


# --- Images ---------------------------------------------------------------------------------------


@functools.cache
def loaded(name: str, resolution: int) -> Images:
    """The first 300 images of either part."""
    images = load_images(DataConfig(name=name, resolution=resolution, holdout=0.5))
    first = torch.arange(300)
    return Images(images.train.subset(first), heldout_of(images).subset(first))


def images_for(metric: Metric) -> Images:
    """Images that a metric is defined on, with labels and at its minimum resolution."""
    resolution = max(8, metric.needs.resolution or 0)
    return loaded(metric.data[0] if metric.data else "digits", resolution)


def heldout_of(images: Images) -> ImageSet:
    assert images.heldout is not None
    return images.heldout


def chosen(images: ImageSet, count: int | None, of_class: int | None, *, less: bool) -> ImageSet:
    """The first images of a set, or of each class; one fewer (of one class) with ``less``."""
    if of_class is None:
        return images.subset(torch.arange((2 if count is None else count) - less))
    labels = class_labels(images)
    assert labels is not None
    rows = [(labels == label).nonzero().flatten()[:of_class] for label in labels.unique()]
    if less:
        rows[0] = rows[0][1:]
    return images.subset(torch.cat(rows))


def smallest(metric: Metric, lacking: str = "") -> tuple[ImageSet, Images]:
    """The fewest images that a metric allows: evaluated, and real; one fewer of ``lacking``."""
    needs, images = metric.needs, images_for(metric)
    if lacking == "resolution":
        images = loaded("digits", images.train.spec.resolution // 2)
    heldout = None
    if needs.heldout is not None and needs.heldout - (lacking == "heldout"):
        heldout = heldout_of(images).subset(torch.arange(needs.heldout - (lacking == "heldout")))
    evaluated = chosen(
        images.train,
        needs.samples,
        needs.samples_of_class,
        less=lacking in ("samples", "samples_of_class"),
    )
    real = chosen(
        images.train, needs.real, needs.real_of_class, less=lacking in ("real", "real_of_class")
    )
    return evaluated, Images(real, heldout)


def evaluator(metric: Metric, images: Images, samples: int) -> Evaluator:
    # Not validated: the number of images of a folder is no setting and may be 1.
    config = EvaluationConfig().model_copy(update={"samples": samples})
    return Evaluator(config, (metric.name,), images, CPU)


def value(metric: Metric, evaluated: ImageSet, images: Images) -> float:
    return evaluator(metric, images, len(evaluated)).evaluate_images(evaluated).values[metric.name]


def noisy(batch: Batch, generator: torch.Generator) -> Tensor:
    noise = torch.randn(batch.images.shape, generator=generator)
    return (batch.images + 0.3 * noise).clamp(-1, 1)


def noise_like(images: ImageSet) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    shape = (len(images), *images.pixels.shape[1:])
    pixels = torch.randint(images.white + 1, shape, dtype=torch.uint8, generator=generator)
    labels = None if images.labels is None else images.labels[images.rows]
    rows = torch.arange(len(images))
    return replace(images, pixels=pixels, labels=labels, rows=rows, fingerprint="00ff")


def one_repeated(images: ImageSet) -> ImageSet:
    """The first image under every label."""
    pixels = images.pixels[images.rows[:1]].expand(len(images), -1, -1, -1)
    labels = None if images.labels is None else images.labels[images.rows]
    rows = torch.arange(len(images))
    return replace(images, pixels=pixels, labels=labels, rows=rows, fingerprint="00aa")


# --- The catalog ----------------------------------------------------------------------------------


@every_metric
def test_its_meaning_direction_and_unit_are_stated(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric.name.isidentifier()
    assert metric.direction in ("minimize", "maximize")
    assert metric.summary
    assert not metric.summary.endswith(".")
    assert metric.unit == metric.unit.strip()
    assert bool(metric.method) == (metric.kind == "quality")
    assert metric.heldout == (metric.needs.heldout is not None)


@every_metric
def test_somebody_computes_it(metric: Metric, request: pytest.FixtureRequest) -> None:
    """The evaluator, a variant, or every training."""
    if metric.of_variant:
        assert any(metric.name in entry.metrics for entry in CATALOG.values())
    elif metric.kind == "cost":
        _, record = load_study("s", request.getfixturevalue("trained"))
        assert all(math.isfinite(t.last.metrics[metric.name]) for t in record.trials if t.last)
    else:
        assert metric in EVALUATED


# --- Values ---------------------------------------------------------------------------------------


@every_evaluated
def test_it_is_finite_on_the_fewest_images_it_allows(metric: Metric) -> None:
    assert math.isfinite(value(metric, *smallest(metric)))


LACKING = [
    (metric, count.name)
    for metric in EVALUATED
    for count in fields(Counts)
    if getattr(metric.needs, count.name) is not None
]


@pytest.mark.parametrize(("metric", "count"), LACKING, ids=lambda each: getattr(each, "name", each))
def test_one_image_fewer_is_refused_with_the_number(metric: Metric, count: str) -> None:
    minimum = getattr(metric.needs, count)
    with pytest.raises(ConfigError, match=rf"{metric.name} needs .*{minimum} .*, got \d+"):
        value(metric, *smallest(metric, lacking=count))


@every_evaluated
def test_equal_samples_have_equal_values_and_protocols(metric: Metric) -> None:
    images = images_for(metric)
    first, second = (evaluator(metric, images, 150) for _ in range(2))
    evaluation = first.evaluate(noisy)
    assert first.evaluate(noisy) == evaluation
    assert second.evaluate(noisy) == evaluation


@every_evaluated
def test_batches_do_not_matter(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    images = images_for(metric)
    evaluated = heldout_of(images).subset(torch.arange(150))
    whole = value(metric, evaluated, images)
    monkeypatch.setattr(evaluator_module, "_BATCH_SIZE", 17)
    in_parts = value(metric, evaluated, images)
    if metric.name in BY_BATCHES:
        assert in_parts == pytest.approx(whole, rel=0.1)
    else:
        assert in_parts == pytest.approx(whole, rel=1e-4)


@every_evaluated
def test_real_images_are_better_than_noise_or_than_one_image(metric: Metric) -> None:
    """A metric tells the data from at least one of what is no data and what is all alike."""
    images = images_for(metric)
    real, noise, collapsed = (
        _oriented(metric, value(metric, each, images))
        for each in (images.train, noise_like(images.train), one_repeated(images.train))
    )
    assert real < max(noise, collapsed)


@every_evaluated
def test_no_set_is_closer_to_the_real_images_than_they_are(metric: Metric) -> None:
    images = images_for(metric)
    protocol = evaluator(metric, images, 150).protocols("source")[metric.name]
    if metric.method not in IN_FEATURES or "against=" not in protocol:
        pytest.skip("it does not compare with the training images")
    own, others, noise = (
        _oriented(metric, value(metric, each, images))
        for each in (images.train, heldout_of(images), noise_like(images.train))
    )
    assert own < noise
    assert own <= others + 0.01 * abs(noise - own)


def _oriented(metric: Metric, value: float) -> float:
    return value if metric.direction == "minimize" else -value


# --- Protocols ------------------------------------------------------------------------------------


@every_evaluated
def test_its_protocol_is_that_of_its_values_and_names_what_changes_them(metric: Metric) -> None:
    images = images_for(metric)
    evaluation = evaluator(metric, images, 150).evaluate(noisy)
    protocol = evaluation.protocols[metric.name]
    assert evaluation.protocols.keys() == {metric.name}
    assert metric.name in evaluation.values
    for part in ("samples=150;", "source=latents of seed 0;", "method=", "hash="):
        assert part in protocol
    assert evaluator(metric, images, 150).protocols("latents of seed 0") == evaluation.protocols
    assert evaluator(metric, images, 151).protocols("latents of seed 0") != evaluation.protocols
