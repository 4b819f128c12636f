"""Statistics of features in files, as pytorch-fid writes and reads them.

Beside the mean and covariance, a file of ours says what they are of. One of pytorch-fid's does not:
it is taken for what that program's command makes, of images of any size.
"""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from gansearch.data.batch import ImageSpec
from gansearch.data.images import fingerprint
from gansearch.errors import DataError
from gansearch.metrics.features import Features
from gansearch.metrics.fid import Dense, Gaussian
from gansearch.paths import written_atomically

_DIGITS, _CHECKSUM = 8, 64  # of a SHA-256: those that are shown, and all


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What features are of.

    Attributes:
        features: their name, as of :class:`~gansearch.metrics.features.Features`.
        weights: checksum of the network's.
        resize: what is done to the images before it.
        channels: of the images; 0 where that is not known.
        resolution: of the images, in pixels; 0 where that is not known.
    """

    features: str
    weights: str
    resize: str
    channels: int = 0
    resolution: int = 0

    @classmethod
    def of(cls, features: Features, spec: ImageSpec) -> Self:
        """The origin of images' features."""
        return cls(
            features=features.name,
            weights=features.checksum,
            resize=features.resize,
            channels=spec.channels,
            resolution=spec.resolution,
        )

    @classmethod
    def of_pytorch_fid(cls) -> Self:
        """The origin of what pytorch-fid's command writes."""
        from gansearch.metrics import inception  # imports torchvision
        from gansearch.metrics.resize import RESIZES

        return cls(
            features="inception",
            weights=inception.WEIGHTS.sha256,
            resize=RESIZES["pytorch-fid"].description,
        )


@dataclass(frozen=True, eq=False)
class Statistics:
    """A file's Gaussian.

    Attributes:
        gaussian: its count is 0 where the file does not tell it.
        origin: what it is of.
        fingerprint: hash of the file.
        name: of the file.
    """

    gaussian: Dense
    origin: Origin
    fingerprint: str
    name: str

    def check(self, other: Origin) -> None:
        """See that the Gaussian can be compared with features of another origin.

        Raises:
            DataError: they are of other features, or of images of another kind.
        """
        mine, theirs = asdict(self.origin), asdict(other)
        different = [
            f"{name} {_short(mine[name])} there and {_short(theirs[name])} here"
            for name in mine
            if mine[name] and theirs[name] and mine[name] != theirs[name]
        ]
        if different:
            raise DataError(
                f"{self.name} is of other features or images: {', '.join(different)}. Make it anew "
                "with --save-stats for images like these, or score images like its own"
            )


def _short(value: object) -> str:
    """A checksum by its first digits."""
    return str(value)[:_DIGITS] if len(str(value)) == _CHECKSUM else repr(value)


_TOLD = (*(each.name for each in fields(Origin)), "count")
"""What a file of ours holds beside the Gaussian."""


def read_statistics(path: Path) -> Statistics:
    """The mean and covariance that ``python -m pytorch_fid --save-stats`` wrote.

    Args:
        path: an ``.npz`` file with ``mu``, ``[D]``, and ``sigma``, ``[D, D]``; where
            :func:`write_statistics` made it, with what they are of.

    Raises:
        DataError: there is no such file, or it holds anything else.
    """
    try:
        data = path.read_bytes()
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = (np.asarray(file[key], np.float64) for key in ("mu", "sigma"))
            told = {key: file[key].item() for key in _TOLD if "features" in file}
    except FileNotFoundError:
        raise DataError(f"there is no statistics file {path}") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is no statistics file as pytorch-fid writes it, an .npz of mu and sigma: "
            f"{error}"
        ) from error
    if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
        raise DataError(
            f"{path}: mu should be [D] and sigma [D, D], they are {list(mean.shape)} and "
            f"{list(covariance.shape)}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise DataError(f"{path}: mu or sigma holds NaN or infinity")
    count = told.pop("count", 0)
    gaussian = Dense(torch.from_numpy(mean), torch.from_numpy(covariance), count)
    origin = Origin(**told) if told else Origin.of_pytorch_fid()
    return Statistics(gaussian, origin, fingerprint(data), path.name)


def write_statistics(path: Path, gaussian: Gaussian, origin: Origin) -> None:
    """Write a Gaussian as pytorch-fid reads it: ``mu`` and ``sigma``, float64, in an ``.npz``.

    Beside them are the fields of ``origin`` and the ``count`` of the images.
    """
    told: dict[str, Any] = {**asdict(origin), "count": gaussian.count}
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, mu=gaussian.mean.numpy(), sigma=gaussian.covariance.numpy(), **told
        )
