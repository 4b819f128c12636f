from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gansearch.config import DataConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.metrics.features import Features
from gansearch.metrics.metric import FeaturedBatch, FeaturesMetric
from gansearch.metrics.reference import Compared, Reference

CPU = torch.device("cpu")


class Counting(nn.Module):
    """The first four pixels as features; counts its calls."""

    calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return images.flatten(1)[:, :4]


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def test_features_of_a_batch_are_computed_once_for_each_network() -> None:
    networks = [Counting(), Counting()]
    features = [Features(str(i), 4, str(i), "none", network) for i, network in enumerate(networks)]
    featured = FeaturedBatch(Batch(torch.randn(5, 1, 8, 8)))
    first = [featured.vectors(each) for each in features]
    again = [featured.vectors(each) for each in features]
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert [network.calls for network in networks] == [1, 1]


def test_metrics_of_all_vectors_share_them_and_have_their_names(images: Images) -> None:
    network = Counting()
    features = Features("some", 4, "ab", "none", network)
    reference = Reference(features, images, 10, CPU)
    seen: list[Tensor] = []

    def compute(vectors: Tensor) -> dict[str, float]:
        seen.append(vectors)
        return {"mean": float(vectors.mean()), "max": float(vectors.max()), "unnamed": 0.0}

    names = {"mean": "mean_some", "max": "max_some"}
    metric = FeaturesMetric(names, reference, Compared("9 real ones"), "by hand", compute)
    accumulator: Any = metric.accumulator()
    batches = [Batch(torch.randn(count, 1, 8, 8)) for count in (3, 4)]
    for batch in batches:
        accumulator.update(FeaturedBatch(batch))
    expected = torch.cat([batch.images.flatten(1)[:, :4] for batch in batches])
    assert accumulator.values() == {
        "mean_some": pytest.approx(float(expected.mean())),
        "max_some": float(expected.max()),
    }
    assert torch.equal(seen[0], expected)
    assert metric.real is images.heldout
    assert str(metric.protocol(7, "here")).startswith(
        "samples=7; source=here; against=9 real ones; method=by hand; features=some"
    )


def test_accumulators_of_one_metric_are_independent(images: Images) -> None:
    reference = Reference(Features("some", 4, "ab", "none", Counting()), images, 10, CPU)
    metric = FeaturesMetric(
        {"count": "count_some"},
        reference,
        Compared(),
        "count",
        lambda vectors: {"count": len(vectors)},
    )
    one, other = metric.accumulator(), metric.accumulator()
    one.update(FeaturedBatch(Batch(torch.randn(5, 1, 8, 8))))
    other.update(FeaturedBatch(Batch(torch.randn(2, 1, 8, 8))))
    assert (one.values(), other.values()) == ({"count_some": 5}, {"count_some": 2})
