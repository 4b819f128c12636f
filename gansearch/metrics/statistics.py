"""Statistics of features in files, as pytorch-fid writes and reads them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gansearch.data.images import fingerprint
from gansearch.errors import DataError
from gansearch.metrics.fid import Dense, Gaussian
from gansearch.paths import written_atomically


@dataclass(frozen=True, eq=False)
class Statistics:
    """A file's Gaussian.

    Attributes:
        gaussian: its count is 0: a file does not tell it.
        fingerprint: hash of the file.
        name: of the file.
    """

    gaussian: Dense
    fingerprint: str
    name: str


def read_statistics(path: Path) -> Statistics:
    """The mean and covariance that ``python -m pytorch_fid --save-stats`` wrote.

    Args:
        path: an ``.npz`` file with ``mu``, ``[D]``, and ``sigma``, ``[D, D]``.

    Raises:
        DataError: there is no such file, or it holds anything else.
    """
    try:
        data = path.read_bytes()
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = (np.asarray(file[key], np.float64) for key in ("mu", "sigma"))
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
    gaussian = Dense(torch.from_numpy(mean), torch.from_numpy(covariance), count=0)
    return Statistics(gaussian, fingerprint(data), path.name)


def write_statistics(path: Path, gaussian: Gaussian) -> None:
    """Write a Gaussian as pytorch-fid reads it: ``mu`` and ``sigma``, float64, in an ``.npz``."""
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, mu=gaussian.mean.numpy(), sigma=gaussian.covariance.numpy())
