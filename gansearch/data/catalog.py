"""Properties of every data set, known without reading images or importing torch."""

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
        name: name in a space's ``data.name``.
        side: native resolution of the images in pixels, rounded up to a power of two; 0 if it
            depends on the folder.
        images: number of images, including held-out ones; 0 if it depends on the folder.
        classes: number of classes; 0 without labels, or if it depends on the folder.
        may_have_labels: whether the images have labels or can have them.
        files: paths of the required files below ``data.path``; empty if there are none, or if any
            image files serve.
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
