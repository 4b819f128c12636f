"""Whether a generator makes one image: seen in its samples as a run goes on."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from gansearch.data import ImageSet
from gansearch.data.images import permutation
from gansearch.errors import Diverged

ONE_IMAGE = 0.02
"""Variety of samples, as a share of the data's, below which they may all be one image."""
FALL = 0.2
"""A generator of one image has fallen back to it where its samples once were this much more varied:
the share of their greatest variety that is left."""
STIRRED = 2.0
"""How many times more varied than the untrained network's the samples of one that learns become."""
STEADY = 2.5
"""Power of the progress with which samples move away from the untrained network's at most, where
nothing drives them: 0.9 to 1.9 from a quarter to a half of the budget in 60 recorded runs that came
to nothing, 3.6 to 14 in 31 that stood at a saddle as long and learnt after that."""
START, QUARTER, HALF = 0.125, 0.25, 0.5
"""Shares of the budget: from where on a fall counts, and between which movement is measured."""
LEAST_KIMG = 0.5
"""Kimg before which no network had time: less is not looked at."""
SIDE = 64
"""Pixels to which larger samples are averaged before they are kept and compared."""


def variety(images: Tensor) -> float:
    """How far images ``[N, C, H, W]`` are from each other, 0 where they are all the same.

    The standard deviation over the images, averaged over what they consist of.
    """
    return float(images.float().std(dim=0).mean())


def variety_of(images: ImageSet, count: int) -> float:
    """That of a set's images, by so many of them at most."""
    return variety(images.batch(permutation(len(images), 0)[:count]).images)


def _small(images: Tensor) -> Tensor:
    side = min(SIDE, images.shape[-1])
    return F.adaptive_avg_pool2d(images.float(), side).double()


class CollapseCheck:
    """Names a generator that makes one image, relative to its data and to its own course.

    Samples may be one image where they vary by less than :data:`ONE_IMAGE` of the data. A generator
    has collapsed where they are, and either were more varied before (:data:`FALL`), or at half of
    the budget are hardly more varied than the untrained network's and do not leave them: the
    distance from these grows no faster than a steady drift (:data:`STEADY`). A network that starts
    at a saddle looks like one that learns nothing for long, but its samples move ever faster.

    Args:
        max_kimg: the budget.
        data: variety of the training images.
        fresh: ``[N, C, H, W]``, samples of the untrained network.
        past: :attr:`metrics` of the report that a run goes on from.

    Attributes:
        metrics: what a report says of the samples that were looked at last.
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
        """The kimg at which :meth:`look` is to be called, beside any others."""
        return {kimg for kimg in (self._start, self._quarter, self._half) if kimg >= LEAST_KIMG}

    def look(self, samples: Tensor, kimg: float) -> None:
        """Take samples from the latents and conditions of the untrained network's.

        Args:
            samples: ``[N, C, H, W]``.
            kimg: progress; ascends from call to call.

        Raises:
            Diverged: they are one image, and will be.
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
        """Whether samples at half of the budget stay with the untrained network's."""
        before = self.metrics.get("sample_movement_at_quarter")
        if before is None or now > STIRRED * self.metrics["fresh_sample_variety"]:
            return False
        return bool(movement <= before * (HALF / QUARTER) ** STEADY)
