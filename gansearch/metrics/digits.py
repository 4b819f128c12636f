"""A small classifier of handwritten digits, whose features `fid_digits` is measured in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.metrics.cache import Arrays, cached

DIM = 64

_RECIPE = "1"  # raised with every change of the network or its training: the cache's key
_SEED = 0
_EPOCHS = 12
_BATCH_SIZE = 64
_MAX_LR = 6e-3
_GRID = 2.0**-12


class DigitsClassifier(nn.Module):
    """Convolutions down to 4x4 pixels, 64 features, 10 classes.

    Args:
        resolution: of the images, a power of two, at least 8.
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
    """The classifier trained on all of scikit-learn's digits at ``resolution``, in float32.

    It is trained once, in a few seconds on one core, and then read from the cache.
    """
    images = load_images(DataConfig(name="digits", resolution=resolution)).train

    def trained() -> Arrays:
        batch = images.batch(torch.arange(len(images)))
        assert batch.labels is not None  # noqa: S101 - digits have them
        state = train_classifier(batch.images, batch.labels).state_dict()
        return {name: tensor.numpy() for name, tensor in state.items()}

    weights = cached("digits-classifier", (images.fingerprint, _RECIPE), trained)
    classifier = _untrained(resolution)
    classifier.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return classifier.eval()


def train_classifier(images: Tensor, labels: Tensor) -> DigitsClassifier:
    """A classifier trained from scratch, always the same for the same images.

    Training is in double precision and its weights are rounded to a grid that is coarse beside what
    the order of additions can change, so that they, and distances measured in their features, are
    the same for any number of threads and on any machine.

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


@torch.enable_grad()  # whatever the caller computes under
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
    """Tensors are small: threads that wait for each other on a busy machine cost ten times more."""
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
            bound = (3 / parameter[0].numel()) ** 0.5  # variance of 1 / fan-in
            parameter.uniform_(-bound, bound, generator=generator)
