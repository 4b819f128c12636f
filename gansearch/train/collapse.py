"""Detection of mode collapse to one image, from samples during training."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from gansearch.data import ImageSet
from gansearch.data.images import permutation
from gansearch.errors import Diverged

ONE_IMAGE = 0.02
"""Variety of samples, as a share of the data's, below which they may be a single image."""
FALL = 0.2
"""Share of the greatest earlier variety. Samples that may be one image have collapsed if their
variety falls below it."""
STIRRED = 2.0
"""Variety of samples, over the untrained network's, above which the generator learns."""
STEADY = 2.5
"""Largest exponent p of an undriven drift, where samples move away from the untrained network's as
progress to the power p. From a quarter to half of the budget, p was 0.9 to 1.9 in 60 recorded runs
that never learned, and 3.6 to 14 in 31 runs that stayed at a saddle as long and learned later."""
START, QUARTER, HALF = 0.125, 0.25, 0.5
"""Shares of the budget: a fall in variety counts from the first; movement is compared between the
other two."""
LEAST_KIMG = 0.5
"""Earliest kimg of a check; no network has learned before."""
SIDE = 64
"""Side in pixels to which larger samples are averaged before they are kept and compared."""


def variety(images: Tensor) -> float:
    """Measure how much images ``[N, C, H, W]`` differ; 0 if all are the same.

    The value is the standard deviation over the images, averaged over channels and pixels.
    """
    return float(images.float().std(dim=0).mean())


def variety_of(images: ImageSet, count: int) -> float:
    """Measure the variety of at most ``count`` random images of a set."""
    return variety(images.batch(permutation(len(images), 0)[:count]).images)


def _small(images: Tensor) -> Tensor:
    side = min(SIDE, images.shape[-1])
    return F.adaptive_avg_pool2d(images.float(), side).double()


class CollapseCheck:
    """Detects a generator that makes a single image, relative to its data and to its own history.

    Samples may be one image if their variety is below :data:`ONE_IMAGE` of the data's. The
    generator has then collapsed in either of two cases. The samples were more varied before
    (:data:`FALL`). Or, at half of the budget, they are hardly more varied than the untrained
    network's (:data:`STIRRED`) and their distance from these grows no faster than a steady drift
    (:data:`STEADY`). A network that starts at a saddle looks for long as if it learned nothing, but
    its samples move ever faster.

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
        self._start, self._quarter, self._half = (s * max_kimg for s in (START, QUARTER, HALF))
        self._data = data
        self._fresh = _small(fresh)
        known = ("greatest_sample_variety", "sample_movement_at_quarter")
        self.metrics = {name: past[name] for name in known if name in past}
        self.metrics["fresh_sample_variety"] = variety(fresh)

    @property
    def looks(self) -> set[float]:
        """Kimg at which :meth:`look` must be called; further calls are allowed."""
        return {kimg for kimg in (self._start, self._quarter, self._half) if kimg >= LEAST_KIMG}

    def look(self, samples: Tensor, kimg: float) -> None:
        """Check samples for collapse and update :attr:`metrics`.

        Args:
            samples: ``[N, C, H, W]``, from the same latents and conditions as ``fresh``.
            kimg: progress; ascends from call to call.

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
        if kimg == self._quarter:
            self.metrics["sample_movement_at_quarter"] = movement
        if now >= ONE_IMAGE * self._data or kimg < max(self._start, LEAST_KIMG):
            return
        detail = f"samples vary by {now / self._data:.2g} of what the data does"
        if now < FALL * greatest:
            raise Diverged("collapse", kimg, f"{detail}, before by {greatest / self._data:.2g}")
        if kimg == self._half and self._stays(now, movement):
            raise Diverged("collapse", kimg, f"{detail}, and do not leave the untrained network's")

    def _stays(self, now: float, movement: float) -> bool:
        """Whether samples at half of the budget stay close to the untrained network's."""
        before = self.metrics.get("sample_movement_at_quarter")
        if before is None or now > STIRRED * self.metrics["fresh_sample_variety"]:
            return False
        return bool(movement <= before * (HALF / QUARTER) ** STEADY)
