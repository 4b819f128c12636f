"""The real images in one kind of features: moments, vectors and what is computed once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gansearch.config import DataConfig
from gansearch.data import Images, load_images
from gansearch.metrics.features import Features
from gansearch.metrics.reference import Compared, Reference, moments_of

CPU = torch.device("cpu")
DIM = 10


class Counting(nn.Module):
    """Some pixels as features; counts the images that it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.images = 0

    def forward(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return images.flatten(1)[:, 20 : 20 + DIM]


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


@pytest.fixture
def network() -> Counting:
    return Counting()


def reference(network: Counting, images: Images, checksum: str, samples: int = 100) -> Reference:
    features = Features("counting", DIM, checksum, "none", network)
    return Reference(features, images, samples, CPU)


def pixels(images: Images) -> np.ndarray:
    batch = images.train.batch(torch.arange(len(images.train)))
    return Counting()(batch.images).double().numpy()


def test_moments_are_those_of_all_training_images(network: Counting, images: Images) -> None:
    every = pixels(images)
    moments = moments_of(reference(network, images, "a").features, images.train, CPU)
    np.testing.assert_allclose(moments.mean, every.mean(0), atol=1e-9)
    np.testing.assert_allclose(moments.covariance, np.cov(every, rowvar=False), atol=1e-9)
    factored = reference(network, images, "a").moments
    np.testing.assert_allclose(factored.factor @ factored.factor.T, moments.covariance, atol=1e-9)


def test_moments_vectors_and_what_follows_are_computed_once(
    network: Counting, images: Images
) -> None:
    first = reference(network, images, "once")
    computed = (first.moments, first.vectors, first.derived("norm", torch.linalg.norm))
    assert network.images == len(images.train) + 100
    again = reference(network, images, "once")
    assert torch.equal(again.moments.mean, computed[0].mean)
    assert torch.equal(again.vectors, computed[1])
    assert again.derived("norm", lambda _: pytest.fail("computed again")) == computed[2]
    assert network.images == len(images.train) + 100


def test_other_weights_or_images_are_computed_again(network: Counting, images: Images) -> None:
    assert images.heldout is not None
    for checksum, others in (("b", images), ("c", images), ("c", Images(images.heldout, None))):
        before = network.images
        reference(network, others, checksum).moments  # noqa: B018
        assert network.images == before + len(others.train)


@pytest.mark.parametrize("samples", [100, 10_000])
def test_vectors_are_of_as_many_images_as_samples_and_always_the_same(
    network: Counting, images: Images, samples: int
) -> None:
    count = min(samples, len(images.train))
    one = reference(network, images, "d", samples)
    assert one.vectors.shape == (count, DIM)
    assert one.subset.description == f"{count} of {len(images.train)} real ones"
    assert one.subset == reference(network, images, "e", samples).subset
    every = {row.tobytes() for row in pixels(images).astype(np.float32)}
    assert {row.tobytes() for row in one.vectors.numpy()} <= every


def test_a_protocol_names_features_and_the_compared_images(
    network: Counting, images: Images
) -> None:
    compared = Compared("7 real ones", "f" * 32)
    protocol = reference(network, images, "0" * 64).protocol("method", 5, "source", compared)
    assert (protocol.samples, protocol.source, protocol.method) == (5, "source", "method")
    assert (protocol.against, protocol.reference) == ("7 real ones", "f" * 32)
    assert (protocol.features, protocol.weights, protocol.resize) == ("counting", "0" * 64, "none")
