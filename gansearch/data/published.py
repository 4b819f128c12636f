"""Published data sets, read with torchvision from a folder of the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gansearch.config import DataConfig
from gansearch.data.images import Images, from_arrays, split
from gansearch.errors import DataError

_CLASSES = 10  # of both sets


def mnist(config: DataConfig) -> Images:
    """Load the 60,000 training images of MNIST: handwritten digits, 28x28, gray, resized.

    Raises:
        DataError: the files are missing or damaged.
    """
    from torchvision.datasets import MNIST  # takes a second; only these two sets need it

    data = _read(MNIST, config, "MNIST/raw/train-images-idx3-ubyte and its three companions")
    return _images(config, data.data.unsqueeze(1), data.targets)


def cifar10(config: DataConfig) -> Images:
    """Load the 50,000 training images of CIFAR-10: ten classes of objects, 32x32, colour.

    Raises:
        DataError: the files are missing, or their MD5 checksums are not the published ones.
    """
    from torchvision.datasets import CIFAR10

    data = _read(CIFAR10, config, "cifar-10-batches-py/ with its seven files")
    pixels = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()  # from [N, H, W, C]
    return _images(config, pixels, torch.tensor(data.targets))


def _read(dataset: Callable[..., Any], config: DataConfig, files: str) -> Any:
    try:
        return dataset(config.path, train=True, download=config.download)
    # Damaged files cause many kinds of errors, such as failed assertions and wrong indices.
    except Exception as error:
        remedy = (
            "the download failed; fetch them on a machine with a network and copy them there"
            if config.download
            else "put them there, or set download: true where there is a network"
        )
        raise DataError(
            f"{config.name}: {files} are missing or damaged in {config.path}: {remedy} "
            f"({type(error).__name__}: {error})"
        ) from error


def _images(config: DataConfig, pixels: Tensor, labels: Tensor) -> Images:
    if len(pixels) != len(labels) or bool((labels < 0).any() or (labels >= _CLASSES).any()):
        raise DataError(
            f"{config.name}: labels and images in {config.path} do not belong together: "
            f"{len(labels)} labels, {len(pixels)} images, {_CLASSES} classes"
        )
    images = from_arrays(pixels, labels, resolution=config.resolution, classes=_CLASSES)
    return split(images, config.holdout)
