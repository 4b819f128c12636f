"""Every data set as far as it can be known without its images, without torch."""

from __future__ import annotations

from dataclasses import dataclass

_CIFAR10 = ("batches.meta", *(f"data_batch_{n}" for n in range(1, 6)), "test_batch")
_MNIST = tuple(
    f"{part}-{kind}"
    for part in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        name: as in a space's ``data.name``.
        side: its images' own resolution in pixels, or the power of two above it; 0 where each
            folder has one of its own.
        images: how many there are, before any are held out; 0 where the folder says.
        classes: how many there are; 0 without labels, and where the folder says.
        may_have_labels: whether its images have labels, or can have.
        files: what is read, by paths below ``data.path``; empty where nothing is, or any images.
    """

    name: str
    side: int
    images: int
    classes: int
    may_have_labels: bool
    files: tuple[str, ...] = ()


DATA_SETS: dict[str, DataSet] = {
    data.name: data
    for data in (
        DataSet("digits", 8, 1_797, 10, may_have_labels=True),
        DataSet("photos", 32, 4_096, 0, may_have_labels=False),
        DataSet("folder", 0, 0, 0, may_have_labels=True),
        DataSet("mnist", 32, 60_000, 10, True, tuple(f"MNIST/raw/{file}" for file in _MNIST)),
        DataSet(
            "cifar10", 32, 50_000, 10, True, tuple(f"cifar-10-batches-py/{f}" for f in _CIFAR10)
        ),
    )
}
