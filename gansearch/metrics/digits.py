"""A small classifier of handwritten digits, which provides the features of ``fd_digits``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.hardware.cache import Arrays, cached

DIM = 64

_RECIPE = "1"  # part of the cache key; raised with every change of the network or its training
_SEED = 0
_EPOCHS = 12
_BATCH_SIZE = 64
_MAX_LR = 6e-3
_GRID = 2.0**-12


class DigitsClassifier(nn.Module):
    """Convolutions down to 4x4 pixels, then 64 features and the logits of 10 classes.

    Args:
        resolution: image resolution in pixels, a power of two, at least 8.
    """

    def __init__(self, resolution: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, padding=1), nn.SiLU()]
        channels = 16
        while resolution > 4:
            wider = 2 * channels if resolution <= 16 else channels
            layers += [nn.Conv2d(channels, wider, 3, stride=2, padding=1), nn.SiLU()]
            channels, resolution = wider, resolution // 2
        self.features = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(channels * 16, DIM), nn.SiLU()
        )
        self.classes = nn.Linear(DIM, 10)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, 1, H, W]`` in [-1, 1] → logits ``[N, 10]``."""
        logits: Tensor = self.classes(self.features(images))
        return logits


def digits_classifier(resolution: int) -> DigitsClassifier:
    """Return the classifier trained on all of scikit-learn's digits at ``resolution``, in float32.

    The first call trains it, in a few seconds on one core. Later calls read it from the cache.
    """
    images = load_images(DataConfig(name="digits", resolution=resolution)).train

    def trained() -> Arrays:
        batch = images.batch(torch.arange(len(images)))
        assert batch.labels is not None  # noqa: S101 - digits have labels
        state = train_classifier(batch.images, batch.labels).state_dict()
        return {name: tensor.numpy() for name, tensor in state.items()}

    weights = cached("digits-classifier", (images.fingerprint, _RECIPE), trained)
    classifier = _untrained(resolution)
    classifier.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return classifier.eval()


def train_classifier(images: Tensor, labels: Tensor) -> DigitsClassifier:
    """Train a classifier from scratch; equal images give an equal classifier.

    Training uses double precision. The weights are then rounded to a grid that is coarse compared
    with the rounding errors of reordered additions. So the weights, and distances in their
    features, are the same for any number of threads and on any machine.

    Args:
        images: ``[N, 1, H, W]`` in [-1, 1], N at least 64.
        labels: ``[N]``, int64 in [0, 10).

    Returns:
        The classifier on the CPU, in float32.
    """
    generator = torch.Generator().manual_seed(_SEED)
    classifier = _untrained(images.shape[-1]).double()
    _initialise(classifier, generator)
    with _one_thread():
        _fit(classifier, images.double(), labels, generator)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.copy_((parameter / _GRID).round() * _GRID)
    return classifier.float()


def _untrained(resolution: int) -> DigitsClassifier:
    with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
        return DigitsClassifier(resolution)


@torch.enable_grad()  # also under a caller's no_grad
def _fit(
    classifier: DigitsClassifier, images: Tensor, labels: Tensor, generator: torch.Generator
) -> None:
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=_MAX_LR)
    batches = len(images) // _BATCH_SIZE
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _MAX_LR, total_steps=_EPOCHS * batches
    )
    for _ in range(_EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: batches * _BATCH_SIZE].view(batches, _BATCH_SIZE):
            loss = F.cross_entropy(classifier(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread within: on a busy machine several take ten times as long for small tensors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def _initialise(classifier: DigitsClassifier, generator: torch.Generator) -> None:
    for parameter in classifier.parameters():
        if parameter.dim() == 1:
            parameter.zero_()
        else:
            bound = (3 / parameter[0].numel()) ** 0.5  # variance 1 / fan-in
            parameter.uniform_(-bound, bound, generator=generator)
