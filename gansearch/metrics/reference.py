"""The real images that samples are compared with, in one kind of features.

All results are cached on this machine under a hash of the images and the features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from gansearch.data import Images, ImageSet
from gansearch.data.images import permutation
from gansearch.errors import ConfigError, DataError
from gansearch.hardware.cache import Arrays, cached
from gansearch.metrics.features import Features
from gansearch.metrics.moments import (
    DenseMoments,
    FactoredMoments,
    MomentsAccumulator,
    ThinMoments,
)
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.statistics import Origin, Statistics

_BATCH_SIZE = 64
_RECIPE = "1"  # raised with every change of the cached computations


@dataclass(frozen=True)
class Compared:
    """Reference of a comparison, for the protocol.

    Attributes:
        description: text such as ``899 real ones``; empty without a reference.
        fingerprint: fingerprint of the reference.
    """

    description: str = ""
    fingerprint: str = ""


class Reference:
    """Features of the real images: their moments, and vectors of a subset.

    Args:
        features: features on ``device``.
        images: training images, which samples are compared with, and held-out images.
        samples: number of images in an evaluation.
        device: device for the features.
        statistics: moments to use instead of those of the training images.

    Raises:
        DataError: the statistics are of other features, or of images of another kind.
    """

    def __init__(
        self,
        features: Features,
        images: Images,
        samples: int,
        device: torch.device,
        statistics: Statistics | None = None,
    ) -> None:
        if statistics is not None:
            statistics.check(Origin.of(features, images.train.spec))
            if len(statistics.moments.mean) != features.dim:
                raise DataError(
                    f"{statistics.name} is of features of dimension "
                    f"{len(statistics.moments.mean)}; {features.name} features have {features.dim}"
                )
        self.features = features
        self.images = images
        self.samples = samples
        self.device = device
        self._statistics = statistics

    def among(self, images: Images) -> Self:
        """Return the reference of other images in the same features.

        Raises:
            ConfigError: only statistics are given.
        """
        self._refuse_statistics()
        return type(self)(self.features, images, self.samples, self.device)

    def _refuse_statistics(self) -> None:
        if self._statistics is not None:
            raise ConfigError(
                f"{self._statistics.name} holds a mean and a covariance, which are enough for "
                "Fréchet distances such as fid and fid_infinity; other metrics need the images"
            )

    # --- The moments -----------------------------------------------------------------------------

    @property
    def population(self) -> Compared:
        """Images of the moments: all training images, or those of a statistics file."""
        if self._statistics is not None:
            return Compared(self._statistics.name, self._statistics.fingerprint)
        train = self.images.train
        return Compared(f"{len(train)} real ones", train.fingerprint)

    @cached_property
    def moments(self) -> FactoredMoments:
        """Moments of :attr:`population`, factored."""

        def computed() -> Arrays:
            if self._statistics is not None:
                factored = FactoredMoments.of(self._statistics.moments)
            else:
                factored = FactoredMoments.of(
                    moments_of(self.features, self.images.train, self.device)
                )
            return factored.arrays()

        return FactoredMoments.from_arrays(self._cached("gaussians", self.population, computed))

    # --- The vectors -----------------------------------------------------------------------------

    @cached_property
    def _chosen(self) -> ImageSet:
        self._refuse_statistics()
        train = self.images.train
        order = permutation(len(train), int(train.fingerprint, 16))
        return train.subset(order[: self.samples])

    @property
    def subset(self) -> Compared:
        """Images of the vectors: as many training images as samples, or all if there are fewer.

        The choice depends only on the fingerprint of the training images.

        Raises:
            ConfigError: only statistics are given.
        """
        counts = f"{len(self._chosen)} of {len(self.images.train)} real ones"
        return Compared(counts, self._chosen.fingerprint)

    @cached_property
    def vectors(self) -> Tensor:
        """Features of :attr:`subset`, ``[N, D]``, float32, on the device."""

        def computed() -> Arrays:
            batches = torch.split(torch.arange(len(self._chosen)), _BATCH_SIZE)
            found = [
                self.features(self._chosen.batch(rows).to(self.device).images) for rows in batches
            ]
            return {"vectors": torch.cat(found).float().cpu().numpy()}

        arrays = self._cached("features", self.subset, computed)
        return torch.from_numpy(arrays["vectors"]).to(self.device)

    def derived(self, kind: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """A tensor computed from the vectors alone, cached.

        Args:
            kind: name of the tensor in the cache.
            compute: maps the vectors to the tensor.
        """
        arrays = self._cached(
            "features", self.subset, lambda: {kind: compute(self.vectors).cpu().numpy()}, kind
        )
        return torch.from_numpy(arrays[kind]).to(self.device)

    def _cached(
        self, folder: str, compared: Compared, compute: Callable[[], Arrays], kind: str = ""
    ) -> Arrays:
        features = self.features
        made_of = (features.name, features.checksum, features.resize, compared.fingerprint)
        return cached(folder, (*made_of, kind, _RECIPE), compute)

    # --- The protocol ----------------------------------------------------------------------------

    def protocol(
        self, method: str, samples: int, source: str, compared: Compared
    ) -> QualityProtocol:
        """Protocol of a method in these features: images from ``source`` against ``compared``."""
        return QualityProtocol(
            samples=samples,
            source=source,
            against=compared.description,
            reference=compared.fingerprint,
            method=method,
            features=self.features.name,
            weights=self.features.checksum,
            resize=self.features.resize,
        )


def moments_of(
    features: Features, images: ImageSet, device: torch.device
) -> DenseMoments | ThinMoments:
    """Moments of all ``images`` in ``features``, which are on ``device``."""
    accumulator = MomentsAccumulator(features.dim, device)
    for rows in torch.split(torch.arange(len(images)), _BATCH_SIZE):
        accumulator.update(features(images.batch(rows).to(device).images))
    return accumulator.moments()
