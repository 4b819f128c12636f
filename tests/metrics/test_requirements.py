"""Metrics that the numbers of images rule out are refused before training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, ImageSet, load_images
from gansearch.data.images import from_arrays
from gansearch.errors import ConfigError, DataError
from gansearch.metrics.requirements import check_run


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def first(images: ImageSet | None, count: int) -> ImageSet:
    assert images is not None
    return images.subset(torch.arange(count))


def check(images: Images, *metrics: str, **changes: Any) -> None:
    check_run(EvaluationConfig(metrics=metrics, **changes), images)


@pytest.mark.parametrize(
    ("metric", "train", "heldout", "changes", "words"),
    [
        ("precision_random", 100, 0, {"samples": 5}, "at least 6 images to evaluate .* got 5"),
        ("precision_random", 5, 0, {"samples": 50}, "at least 6 training images .* got 5"),
        ("fd_infinity_digits", 100, 0, {"samples": 29}, "at least 30 images to evaluate .* got 29"),
        ("inception_score", 100, 0, {"samples": 9}, "at least 10 images"),
        ("fid", 1, 0, {}, "at least 2 training images"),
        ("parzen", 100, 0, {}, r"at least 2 held-out images \(data.holdout .* got 0"),
        ("parzen", 100, 1, {}, "at least 2 .* got 1"),
        ("accuracy", 100, 0, {}, "at least 1 held-out"),
        ("lpips_diversity", 100, 0, {}, "images of at least 32 pixels, got 8"),
        (
            "fd_within_random",
            300,
            0,
            {"samples": 12},
            r"at least 2 samples of each class .* of class \d",
        ),
        (
            "fd_within_random",
            15,
            0,
            {},
            r"at least 2 training images of each class, got [01] of class \d",
        ),
        (
            "recall",
            100,
            0,
            {"samples": 50, "finalists": {"samples": 4}},
            "at least 6 images .* got 4",
        ),
    ],
)
def test_metrics_that_too_few_images_make_impossible_are_refused(
    images: Images, metric: str, train: int, heldout: int, changes: dict[str, Any], words: str
) -> None:
    chosen = Images(first(images.train, train), first(images.heldout, heldout) if heldout else None)
    with pytest.raises(ConfigError, match=f"{metric} needs {words}"):
        check(chosen, metric, **changes)


def test_metrics_with_enough_images_are_allowed(images: Images) -> None:
    few = Images(first(images.train, 50), first(images.heldout, 2))
    check(few, "precision_random", "fid", "parzen", "fd_within_digits", samples=100)


def test_data_that_is_all_one_image_is_refused() -> None:
    pixels = torch.full((200, 1, 8, 8), 7, dtype=torch.uint8)
    same = from_arrays(pixels, None, resolution=8)
    with pytest.raises(DataError, match="all the same"):
        check(Images(same, None))
    pixels[-1, 0, 0, 0] = 8
    check(Images(from_arrays(pixels, None, resolution=8), None))
