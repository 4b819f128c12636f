"""Files of feature statistics in pytorch-fid's format.

Files written here also hold the origin of the mean and covariance. Files of pytorch-fid do not:
they are assumed to come from its command, with images of any size.
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
from gansearch.metrics import weights
from gansearch.metrics.features import Features
from gansearch.metrics.moments import DenseMoments, Moments
from gansearch.paths import written_atomically

_DIGITS, _CHECKSUM = 8, 64  # digits of a SHA-256: in messages, and in full


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Origin of feature statistics.

    Attributes:
        features: name of the :class:`~gansearch.metrics.features.Features`.
        weights: checksum of the network's weights.
        resize: description of the resizing before the network.
        channels: channels of the images; 0 if unknown.
        resolution: image resolution in pixels; 0 if unknown.
    """

    features: str
    weights: str
    resize: str
    channels: int = 0
    resolution: int = 0

    @classmethod
    def of(cls, features: Features, spec: ImageSpec) -> Self:
        """Origin of the features of images of form ``spec``."""
        return cls(
            features=features.name,
            weights=features.checksum,
            resize=features.resize,
            channels=spec.channels,
            resolution=spec.resolution,
        )

    @classmethod
    def of_pytorch_fid(cls) -> Self:
        """Origin of files written by pytorch-fid's command."""
        from gansearch.metrics.resize import RESIZES

        return cls(
            features="inception",
            weights=weights.INCEPTION.sha256,
            resize=RESIZES["pytorch-fid"].description,
        )


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments of features, read from a file.

    Attributes:
        moments: mean and covariance; their count is 0 if the file has none.
        origin: origin of the features.
        fingerprint: hash of the file.
        name: name of the file.
    """

    moments: DenseMoments
    origin: Origin
    fingerprint: str
    name: str

    def check(self, other: Origin) -> None:
        """Check that the moments can be compared with features of origin ``other``.

        Raises:
            DataError: the features or the kinds of images differ.
        """
        mine, theirs = asdict(self.origin), asdict(other)
        different = [
            f"{name} {_short(mine[name])} there and {_short(theirs[name])} here"
            for name in mine
            if mine[name] and theirs[name] and mine[name] != theirs[name]
        ]
        if different:
            raise DataError(
                f"{self.name} was made from other features or images: {', '.join(different)}. Make "
                "it again with --save-stats for images like these, or evaluate images like its own"
            )


def _short(value: object) -> str:
    """Text of a value for a message; checksums are shortened to their first digits."""
    return str(value)[:_DIGITS] if len(str(value)) == _CHECKSUM else repr(value)


_ORIGIN_KEYS = (*(each.name for each in fields(Origin)), "count")
"""Keys of a file beside ``mu`` and ``sigma``; pytorch-fid writes none of them."""


def read_statistics(path: Path) -> Statistics:
    """Read statistics from :func:`write_statistics` or ``python -m pytorch_fid --save-stats``.

    Args:
        path: an ``.npz`` file with ``mu`` ``[D]`` and ``sigma`` ``[D, D]``; files of
            :func:`write_statistics` also hold the origin.

    Raises:
        DataError: the file does not exist or has other contents.
    """
    try:
        data = path.read_bytes()
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = (np.asarray(file[key], np.float64) for key in ("mu", "sigma"))
            stored = {key: file[key].item() for key in _ORIGIN_KEYS if "features" in file}
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
    count = stored.pop("count", 0)
    moments = DenseMoments(torch.from_numpy(mean), torch.from_numpy(covariance), count)
    origin = Origin(**stored) if stored else Origin.of_pytorch_fid()
    return Statistics(moments, origin, fingerprint(data), path.name)


def write_statistics(path: Path, moments: Moments, origin: Origin) -> None:
    """Write moments in pytorch-fid's format: ``mu`` and ``sigma``, float64, in an ``.npz`` file.

    The file also holds the fields of ``origin`` and the image ``count``.
    """
    stored: dict[str, Any] = {**asdict(origin), "count": moments.count}
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, mu=moments.mean.numpy(), sigma=moments.covariance.numpy(), **stored
        )
