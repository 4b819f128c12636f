"""Detection of mode collapse to one image, from samples during training."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from gansearch.data import ImageSet
from gansearch.data.images import permutation
from gansearch.errors import Diverged
from gansearch.record import images_of, kimg_of

ONE_IMAGE = 0.02
"""Variety of samples, as a share of the data's, below which they may be a single image."""
FALL = 0.2
"""Share of the greatest earlier variety below which the variety of samples that may be one image
counts as a collapse."""
LEARNING_VARIETY = 2.0
"""Ratio of the samples' variety to that of the untrained network's, above which the generator
learns."""
DRIFT_EXPONENT = 2.5
"""Largest exponent p of an undriven drift, where samples move away from the untrained network's as
progress to the power p. From a quarter to half of the budget, p was 0.9 to 1.9 in 60 recorded runs
that never learned, and 3.6 to 14 in 31 runs that stayed at a saddle as long and learned later."""
START, QUARTER, HALF = 0.125, 0.25, 0.5
"""Shares of the budget. A fall in variety counts from the first on; movement is compared
between the other two."""
LEAST_IMAGES = 500
"""Real images before the earliest check; no network has learned with fewer."""
SIDE = 64
"""Side in pixels to which larger samples are averaged before they are kept and compared."""


def variety(images: Tensor) -> float:
    """Return how much images ``[N, C, H, W]`` differ; 0 if all are the same.

    The value is the standard deviation over the images, averaged over channels and pixels.
    """
    return float(images.float().std(dim=0).mean())


def variety_of(images: ImageSet, count: int) -> float:
    """Return the variety of at most ``count`` random images of a set."""
    return variety(images.batch(permutation(len(images), 0)[:count]).images)


def _small(images: Tensor) -> Tensor:
    side = min(SIDE, images.shape[-1])
    return F.adaptive_avg_pool2d(images.float(), side).double()


class CollapseCheck:
    """Detects a generator that makes a single image, relative to its data and to its own history.

    Samples may be one image if their variety is below :data:`ONE_IMAGE` of the data's. The
    generator has then collapsed in either of two cases. The samples were more varied before
    (:data:`FALL`). Or, at half of the budget, they are hardly more varied than the untrained
    network's (:data:`LEARNING_VARIETY`) and their distance from these grows no faster than a steady
    drift (:data:`DRIFT_EXPONENT`). A network that starts at a saddle seems to learn nothing for
    long, but its samples move ever faster.

    Args:
        max_kimg: the budget.
        data: variety of the training images.
        fresh: ``[N, C, H, W]``, samples of the untrained network.
        past: metrics of the report that the run resumes from, with earlier :attr:`metrics`; may be
            empty.

    Attributes:
        metrics: metrics of the latest samples, for the report.
    """

    def __init__(
        self, max_kimg: float, data: float, fresh: Tensor, past: Mapping[str, float]
    ) -> None:
        shares = (START, QUARTER, HALF)
        self._start, self._quarter, self._half = (images_of(s * max_kimg) for s in shares)
        self._data = data
        self._fresh = _small(fresh)
        known = ("greatest_sample_variety", "sample_movement_at_quarter")
        self.metrics = {name: past[name] for name in known if name in past}
        self.metrics["fresh_sample_variety"] = variety(fresh)

    @property
    def due(self) -> set[int]:
        """Real images after which :meth:`check` must be called; empty for a short run.

        It may be called at other times too.
        """
        points = (self._start, self._quarter, self._half)
        return {images for images in points if images >= LEAST_IMAGES}

    def check(self, samples: Tensor, images: int) -> None:
        """Check samples for collapse and update :attr:`metrics`.

        Args:
            samples: ``[N, C, H, W]``, from the same latents and conditions as ``fresh``.
            images: progress in real images; it ascends from call to call.

        Raises:
            Diverged: the samples are a single image and are not expected to recover.
        """
        now = variety(samples)
        movement = float((_small(samples) - self._fresh).square().mean().sqrt())
        greatest = max(self.metrics.get("greatest_sample_variety", 0.0), now)
        self.metrics |= {
            "sample_variety": now,
            "greatest_sample_variety": greatest,
            "sample_movement": movement,
        }
        if images == self._quarter:
            self.metrics["sample_movement_at_quarter"] = movement
        if now >= ONE_IMAGE * self._data or images < max(self._start, LEAST_IMAGES):
            return
        kimg = kimg_of(images)
        detail = f"the variety of samples is {now / self._data:.2g} of the data's"
        if now < FALL * greatest:
            raise Diverged("collapse", kimg, f"{detail}; it was {greatest / self._data:.2g}")
        if images == self._half and self._only_drifts(now, movement):
            raise Diverged(
                "collapse", kimg, f"{detail}; they stay close to the untrained network's"
            )

    def _only_drifts(self, now: float, movement: float) -> bool:
        """Whether samples at half of the budget stay close to the untrained network's."""
        before = self.metrics.get("sample_movement_at_quarter")
        if before is None or now > LEARNING_VARIETY * self.metrics["fresh_sample_variety"]:
            return False
        return bool(movement <= before * (HALF / QUARTER) ** DRIFT_EXPONENT)
