from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.data.batch import Batch, ImageSpec
from gansearch.errors import ConfigError
from gansearch.metrics.digits import digits_classifier, train_classifier
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


# --- Digits ------------------------------------------------------------------------------------


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


def test_digits_features_refuse_colour() -> None:
    with pytest.raises(ConfigError, match="gray"):
        digits_features(ImageSpec(channels=3, resolution=8))


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
