"""Metrics of samples that were asked for by class: is it that class, and is it all of the class?"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.data.images import fingerprint
from gansearch.errors import ConfigError
from gansearch.metrics.digits import DigitsClassifier, digits_classifier
from gansearch.metrics.features import Features, checksum
from gansearch.metrics.frechet import FrechetMeasure, FrechetTally

LEAST = 2  # images of a class whose covariance can be estimated


# --- Fréchet distance within each class ----------------------------------------------------------


class WithinClassMeasure:
    """The mean over the classes of the Fréchet distance between their samples and real images.

    A generator that ignores the class, or that shows one image of each, scores badly. Each class
    has a share of the samples alone, so values are above those of the distance over all of them.

    Args:
        name: of the metric.
        features: on the device.
        images: labelled.
        device: that features are computed on.

    Raises:
        ConfigError: the images carry no labels, or a class has fewer than two.
    """

    def __init__(self, name: str, features: Features, images: Images, device: torch.device) -> None:
        rows = _rows_by_class(name, images.train)
        self._counts = [len(each) for each in rows]
        if min(self._counts) < LEAST:
            raise ConfigError(
                f"{name} needs {LEAST} training images of each class, and of class "
                f"{self._counts.index(min(self._counts))} there is {min(self._counts)}"
            )
        self.real = images.heldout
        if images.heldout and min(map(len, _rows_by_class(name, images.heldout))) < LEAST:
            self.real = None
        self._name = name
        self._features = features
        self._fingerprint = images.train.fingerprint
        self._measures = [
            FrechetMeasure(name, features, Images(images.train.subset(each), None), device)
            for each in rows
        ]

    def tally(self) -> WithinClassTally:
        """One tally for each class."""
        return WithinClassTally(self._name, [measure.tally() for measure in self._measures])

    def protocol(self, samples: int, source: str) -> str:
        """The features, the classes and how many images there are of them."""
        text = (
            f"{samples} images from {source} within {len(self._counts)} classes, each against its "
            f"{min(self._counts)} to {max(self._counts)} real ones ({self._fingerprint[:8]}), "
            f"{self._features.name} features ({self._features.checksum[:8]}), "
            f"resize {self._features.resize}"
        )
        return f"{text} [{fingerprint(text, self._fingerprint, self._features.checksum)[:8]}]"


@dataclass(frozen=True)
class WithinClassTally:
    """Moments of one set's features, class by class."""

    name: str
    classes: list[FrechetTally]

    def update(self, batch: Batch) -> None:
        """Add each image's features to its class."""
        labels = _labels(self.name, batch)
        for label in torch.unique(labels).tolist():
            self.classes[label].update(Batch(batch.images[labels == label]))

    def values(self) -> dict[str, float]:
        """The mean of the classes' distances.

        Raises:
            ConfigError: there are fewer than two images of a class.
        """
        for label, tally in enumerate(self.classes):
            if tally.moments.count < LEAST:
                raise ConfigError(
                    f"{self.name} needs {LEAST} images of each class, and of class {label} there "
                    f"is {tally.moments.count}: raise evaluation.samples"
                )
        distances = [tally.values()[self.name] for tally in self.classes]
        return {self.name: sum(distances) / len(distances)}


# --- Accuracy of the classes ---------------------------------------------------------------------


class ClassAccuracyMeasure:
    """The share of samples that the classifier of digits takes for the class that was asked for.

    Args:
        name: of the metric.
        images: labelled digits.
        device: that the classifier runs on.

    Raises:
        ConfigError: the images carry no labels.
    """

    def __init__(self, name: str, images: Images, device: torch.device) -> None:
        _rows_by_class(name, images.train)
        self.real = images.heldout
        self._name = name
        classifier = digits_classifier(images.train.spec.resolution)
        self._checksum = checksum(classifier)
        self._classifier = classifier.to(device).requires_grad_(False)
        self._fingerprint = images.train.fingerprint

    def tally(self) -> ClassAccuracyTally:
        """Counts of right and of all images."""
        return ClassAccuracyTally(self._name, self._classifier)

    def protocol(self, samples: int, source: str) -> str:
        """The classifier, and the images whose labels are asked for."""
        text = (
            f"{samples} images from {source} under the labels of {self._fingerprint[:8]}, "
            f"digits classifier ({self._checksum[:8]})"
        )
        return f"{text} [{fingerprint(text, self._fingerprint, self._checksum)[:8]}]"


@dataclass
class ClassAccuracyTally:
    """One set's images, right and all."""

    name: str
    classifier: DigitsClassifier
    right: list[Tensor] = field(default_factory=list)  # [N], a batch each

    @torch.no_grad()
    def update(self, batch: Batch) -> None:
        """Name the images' classes."""
        self.right.append(self.classifier(batch.images).argmax(1) == _labels(self.name, batch))

    def values(self) -> dict[str, float]:
        """The share that was named right."""
        return {self.name: torch.cat(self.right).double().mean().item()}


def _labels(name: str, batch: Batch) -> Tensor:
    if batch.labels is None:
        raise ConfigError(f"{name} is of samples by class, and these images carry no labels")
    return batch.labels


def _rows_by_class(name: str, images: ImageSet) -> list[Tensor]:
    """The indices of each class's images."""
    if images.labels is None:
        raise ConfigError(f"{name} is of samples by class, and these images carry no labels")
    labels = images.labels[images.rows]
    return [(labels == label).nonzero().flatten() for label in range(images.spec.classes)]
