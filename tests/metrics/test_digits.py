from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.data.batch import Batch
from gansearch.metrics.digits import digits_classifier, train_classifier
from gansearch.metrics.features import checksum


def digits() -> Batch:
    images = load_images(DataConfig(name="digits")).train
    return images.batch(torch.arange(len(images)))


def test_the_classifier_reads_digits_it_has_not_seen() -> None:
    batch = digits()
    assert batch.labels is not None
    unseen = torch.arange(len(batch)) % 5 == 0
    with torch.no_grad():  # an evaluation's, which the classifier may be trained in
        classifier = train_classifier(batch.images[~unseen], batch.labels[~unseen])
        predicted = classifier(batch.images[unseen]).argmax(1)
    assert (predicted == batch.labels[unseen]).double().mean() >= 0.97


def test_the_cached_classifier_is_trained_on_every_digit() -> None:
    batch = digits()
    with torch.no_grad():
        predicted = digits_classifier(8)(batch.images).argmax(1)
    assert (predicted == batch.labels).double().mean() > 0.99


def test_the_weights_lie_on_a_coarse_grid_and_are_exact_in_single_precision() -> None:
    for parameter in digits_classifier(8).parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter * 2**12, (parameter * 2**12).round())


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
        {"OMP_NUM_THREADS": "2"},
    ],
)
def test_the_classifier_is_the_same_on_another_processor(
    variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Other vector units add in another order; the checksum, and so the protocol, stays."""
    program = (
        "from gansearch.metrics.features import checksum\n"
        "from gansearch.metrics.digits import digits_classifier\n"
        "print(checksum(digits_classifier(8)))"
    )
    cache = str(tmp_path_factory.mktemp("other"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "GANSEARCH_CACHE": cache, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == checksum(digits_classifier(8))


@pytest.mark.slow
def test_the_classifier_learns_larger_images() -> None:
    images = load_images(DataConfig(name="digits", resolution=32)).train
    batch = images.batch(torch.arange(len(images)))
    with torch.no_grad():
        predicted = digits_classifier(32)(batch.images).argmax(1)
    assert (predicted == batch.labels).double().mean() > 0.99
