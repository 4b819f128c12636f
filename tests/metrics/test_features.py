from __future__ import annotations

import pytest
import torch

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.data.batch import Batch, ImageSpec
from gansearch.errors import ConfigError
from gansearch.metrics.features import Features, checksum, digits_features, random_features

GRAY = ImageSpec(channels=1, resolution=8, classes=10)
MAKERS = [digits_features, random_features]


def digits() -> Batch:
    images = load_images(DataConfig(name="digits")).train
    return images.batch(torch.arange(len(images)))


# --- Every kind --------------------------------------------------------------------------------


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def features(request: pytest.FixtureRequest) -> Features:
    made: Features = request.param(GRAY).to(torch.device("cpu"))
    return made


def test_vectors_have_the_stated_length_and_no_gradient(features: Features) -> None:
    vectors = features(digits().images[:5].requires_grad_())
    assert vectors.shape == (5, features.dim)
    assert not vectors.requires_grad
    assert not any(p.requires_grad for p in features.network.parameters())
    assert not features.network.training


def test_vectors_do_not_depend_on_the_rest_of_the_batch(features: Features) -> None:
    images = digits().images[:9]
    together = features(images)
    alone = torch.cat([features(image[None]) for image in images])
    torch.testing.assert_close(together, alone)


def test_made_again_they_are_the_same_and_the_global_random_state_is_not_touched(
    features: Features, request: pytest.FixtureRequest
) -> None:
    state = torch.get_rng_state()
    again = request.node.callspec.params["features"](GRAY)
    assert torch.equal(torch.get_rng_state(), state)
    assert again.checksum == features.checksum
    images = digits().images[:4]
    assert torch.equal(again.network.eval()(images), features(images))


def test_different_images_have_different_vectors(features: Features) -> None:
    vectors = features(digits().images[:100])
    assert torch.pdist(vectors).min() > 0


# --- Random ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "resolution"), [(1, 8), (3, 8), (3, 32), (1, 64)])
def test_random_features_take_any_images(channels: int, resolution: int) -> None:
    features = random_features(ImageSpec(channels, resolution))
    images = torch.randn(3, channels, resolution, resolution).clamp(-1, 1)
    vectors = features(images)
    assert vectors.shape == (3, features.dim)
    assert 0.1 < vectors.std() < 10  # neither vanishing nor exploding with depth


def test_checksum_sees_every_weight() -> None:
    network = random_features(GRAY).network
    before = checksum(network)
    with torch.no_grad():
        list(network.parameters())[-1][0, 0] *= -1
    assert checksum(network) != before


def test_digits_features_refuse_colour() -> None:
    with pytest.raises(ConfigError, match="gray"):
        digits_features(ImageSpec(channels=3, resolution=8))


def test_features_are_never_in_tf32() -> None:
    """By default torch lets a GPU's convolutions be."""
    seen: list[tuple[bool, bool]] = []

    class Network(torch.nn.Identity):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
            return x

    features = Features("random", 4, "", "none", Network(), Network())
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        features.logits(features(torch.zeros(2, 4)))
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before
    assert seen == [(False, False)] * 2


@pytest.mark.gpu
def test_features_on_a_gpu_are_those_of_the_cpu() -> None:
    features = random_features(ImageSpec(3, 32))
    images = torch.rand(64, 3, 32, 32) * 2 - 1
    expected = features.to(torch.device("cpu"))(images)
    gpu = torch.device("cuda")
    found = features.to(gpu)(images.to(gpu)).cpu()
    assert (found - expected).norm() < 1e-5 * expected.norm()  # in TF32 it is about 1e-3
