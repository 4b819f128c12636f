"""Parzen-window log-likelihood, the metric of Goodfellow et al. 2014, section 5.

Samples are the centres of isotropic Gaussian kernels. Of ten widths, the one with the highest
likelihood of the validation images is chosen. The value is the mean log-likelihood of the test
images in nats, for pixels in [0, 1]. The paper uses 10,000 samples. Values with other sample
counts, widths or resolutions are not comparable. The value says little about how images look (Theis
et al. 2016, section 3.2); the metric serves comparison with published values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gansearch.data import Images, ImageSet
from gansearch.data.images import permutation
from gansearch.errors import ConfigError
from gansearch.metrics.metric import FeaturedBatch
from gansearch.metrics.protocol import QualityProtocol

WIDTHS = torch.logspace(-1, 0, 10, dtype=torch.float64)
"""Candidate standard deviations of the kernels, for pixels in [0, 1]."""
VALIDATION = 1000
"""Maximum number of validation images, also limited to half of the held-out images."""

_PAIRS = 1 << 22  # distances in memory at a time: 32 MiB in float64


@dataclass(frozen=True)
class ParzenFit:
    """Likelihood of the test images under a set of samples.

    Attributes:
        log_likelihood: mean over the test images, in nats.
        error: standard error of the mean, std/√N.
        width: standard deviation of the kernels, chosen on the validation images.
    """

    log_likelihood: float
    error: float
    width: float


def log_likelihoods(points: Tensor, centres: Tensor, widths: Tensor) -> Tensor:
    """Log-densities under uniform mixtures of isotropic Gaussians, one mixture for each width.

    Args:
        points: ``[M, D]``; memory grows with M · N, so callers pass few at a time.
        centres: ``[N, D]``.
        widths: standard deviations ``[S]``, above 0.

    Returns:
        ``[S, M]``, float64, in nats.
    """
    points, centres, widths = points.double(), centres.double(), widths.double()
    # Centring makes the subtracted products small, and with them the rounding errors.
    mean = centres.mean(0)
    points, centres = points - mean, centres - mean
    squares = points.square().sum(1, keepdim=True) + centres.square().sum(1)  # [M, N]
    distances = squares.addmm_(points, centres.T, alpha=-2).clamp_(min=0)
    count, dim = centres.shape
    return torch.stack(
        [
            torch.logsumexp(distances / (-2 * width**2), 1)
            - math.log(count)
            - dim / 2 * torch.log(2 * math.pi * width**2)
            for width in widths
        ]
    )


def fit(centres: Tensor, validation: ImageSet, test: ImageSet) -> ParzenFit:
    """Choose the width on validation images and compute the likelihood of test images.

    Args:
        centres: samples ``[N, C, H, W]`` in [-1, 1], on any device.
        validation: images that choose the width.
        test: images whose likelihood is computed.
    """
    kernels = _pixels(centres)

    def likelihoods(images: ImageSet, widths: Tensor) -> Tensor:
        rows = torch.split(torch.arange(len(images)), max(1, _PAIRS // len(kernels)))
        batches = (_pixels(images.batch(part).images).to(kernels.device) for part in rows)
        return torch.cat([log_likelihoods(batch, kernels, widths) for batch in batches], 1)

    widths = WIDTHS.to(kernels.device)
    width = widths[likelihoods(validation, widths).mean(1).argmax()]
    values = likelihoods(test, width[None])[0]
    error = values.std(correction=0) / math.sqrt(len(test))
    return ParzenFit(values.mean().item(), error.item(), width.item())


def _pixels(images: Tensor) -> Tensor:
    """``[N, C, H, W]`` in [-1, 1] → ``[N, D]`` in [0, 1]."""
    return (images.flatten(1) + 1) / 2


class ParzenLikelihood:
    """Parzen likelihood of a data set's held-out images, some of which choose the kernel width.

    The choice of the validation images depends only on the fingerprint of the held-out set. The
    training images are evaluated for comparison.

    Args:
        images: images with at least two held out.

    Raises:
        ConfigError: fewer than two images are held out.
    """

    def __init__(self, images: Images) -> None:
        heldout = images.heldout
        if heldout is None or len(heldout) < 2:
            raise ConfigError("parzen needs held-out images: data.holdout above 0, such as 0.5")
        self.real = images.train
        self._fingerprint = heldout.fingerprint
        order = permutation(len(heldout), int(heldout.fingerprint, 16))
        count = min(VALIDATION, len(heldout) // 2)
        self._validation, self._test = heldout.subset(order[:count]), heldout.subset(order[count:])

    def accumulator(self) -> ParzenAccumulator:
        """Accumulator that keeps the images as kernel centres."""
        return ParzenAccumulator(lambda centres: fit(centres, self._validation, self._test), [])

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the kernels, the validation images and the test images."""
        return QualityProtocol(
            samples=samples,
            source=source,
            against=f"{len(self._test)} held-out images",
            reference=self._fingerprint,
            method=f"Gaussian kernels, {len(WIDTHS)} widths from {WIDTHS[0]:g} to {WIDTHS[-1]:g} "
            f"by {len(self._validation)} other held-out images",
        )


@dataclass(frozen=True)
class ParzenAccumulator:
    """Accumulator of one set's images."""

    fit: Callable[[Tensor], ParzenFit]
    centres: list[Tensor]

    def update(self, featured: FeaturedBatch) -> None:
        """Keep the images."""
        self.centres.append(featured.batch.images)

    def values(self) -> dict[str, float]:
        """Values ``parzen``, ``parzen_stderr`` (standard error) and ``parzen_sigma`` (width)."""
        found = self.fit(torch.cat(self.centres))
        return {
            "parzen": found.log_likelihood,
            "parzen_stderr": found.error,
            "parzen_sigma": found.width,
        }
