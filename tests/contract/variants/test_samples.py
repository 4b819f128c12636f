"""Samples of a variant, and the metrics that it evaluates itself."""

from __future__ import annotations

import math

import torch

from gansearch.data.batch import Batch
from gansearch.metrics.catalog import METRICS


def test_samples_are_a_function_of_weights_and_seed(case) -> None:
    variant = case.build().eval()
    torch.manual_seed(1)
    first = case.sample(variant, seed=5)
    torch.manual_seed(2)
    assert torch.equal(first, case.sample(variant, seed=5))
    assert not torch.equal(first, case.sample(variant, seed=6))
    assert len(first.flatten(1).unique(dim=0)) == len(first)


def test_samples_depend_on_the_class_if_the_entry_says_so(case) -> None:
    variant = case.build().eval()
    with torch.no_grad():
        for parameter in variant.players["g"].parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # classes may start alike
    images = case.batch().images
    labels = torch.zeros(len(images), dtype=torch.int64)
    first, last = (
        variant.sample(Batch(images, each), torch.Generator().manual_seed(0))
        for each in (labels, labels + max(case.spec().classes, 1) - 1)
    )
    assert torch.equal(first, last) is not case.entry.by_class


def test_a_single_image_can_be_sampled(case) -> None:
    images = case.sample(case.build().eval(), size=1)
    assert len(images) == 1
    assert images.isfinite().all()


def test_a_variant_evaluates_the_metrics_that_its_entry_lists(case) -> None:
    variant = case.build().eval()
    with torch.no_grad():
        values = variant.evaluate(case.images(seed=1))
        assert variant.evaluate(case.images(seed=1)) == values
        assert not variant.evaluate(None).keys() & set(case.entry.metrics)
    assert values.keys() & METRICS.keys() == set(case.entry.metrics)
    assert all(METRICS[name].of_variant for name in case.entry.metrics)
    assert all(math.isfinite(value) for value in values.values())
