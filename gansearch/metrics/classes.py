"""Metrics of samples that were asked for by class: is it that class, and is it all of the class?"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.errors import ConfigError
from gansearch.metrics.features import Features
from gansearch.metrics.fid import Factored, Moments, frechet_distance
from gansearch.metrics.measure import Names, View
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.reference import Compared, Reference

LEAST = 2  # images of a class whose covariance can be estimated


# --- Fréchet distance within each class ----------------------------------------------------------


class WithinClassMeasure:
    """The mean over the classes of the Fréchet distance between their samples and real images.

    A generator that ignores the class, or that shows one image of each, scores badly. Each class
    has a share of the samples alone, so values are above those of the distance over all of them.

    Args:
        names: of the metric.
        reference: the real images, labelled, and the features.

    Raises:
        ConfigError: the images carry no labels, or a class has fewer than two.
    """

    def __init__(self, names: Names, reference: Reference, _: EvaluationConfig) -> None:
        (self._name,) = names.values()
        train, heldout = reference.images.train, reference.images.heldout
        rows = _rows_by_class(self._name, train)
        self._counts = [len(each) for each in rows]
        if min(self._counts) < LEAST:
            raise ConfigError(
                f"{self._name} needs {LEAST} training images of each class, and of class "
                f"{self._counts.index(min(self._counts))} there is {min(self._counts)}"
            )
        self.real = heldout
        if heldout and min(map(len, _rows_by_class(self._name, heldout))) < LEAST:
            self.real = None
        self._reference = reference
        self._gaussians = [
            reference.among(Images(train.subset(each), None)).gaussian for each in rows
        ]

    def tally(self) -> WithinClassTally:
        """Streamed moments of each class."""
        reference = self._reference
        moments = [Moments(reference.features.dim, reference.device) for _ in self._gaussians]
        return WithinClassTally(self._name, reference.features, self._gaussians, moments)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """The features, the classes and how many images there are of them."""
        fewest, most = min(self._counts), max(self._counts)
        method = (
            f"mean Fréchet distance within {len(self._counts)} classes "
            f"of {fewest} to {most} real images"
        )
        return self._reference.protocol(method, samples, source, self._reference.population)


@dataclass(frozen=True)
class WithinClassTally:
    """Moments of one set's features, class by class."""

    name: str
    features: Features
    gaussians: list[Factored]
    moments: list[Moments]

    def update(self, view: View) -> None:
        """Add each image's features to its class."""
        labels = _labels(self.name, view.batch)
        vectors = view.vectors(self.features)
        for label in torch.unique(labels).tolist():
            self.moments[label].update(vectors[labels == label])

    def values(self) -> dict[str, float]:
        """The mean of the classes' distances.

        Raises:
            ConfigError: there are fewer than two images of a class.
        """
        for label, moments in enumerate(self.moments):
            if moments.count < LEAST:
                raise ConfigError(
                    f"{self.name} needs {LEAST} images of each class, and of class {label} there "
                    f"is {moments.count}: raise evaluation.samples"
                )
        distances = [
            frechet_distance(moments.gaussian(), gaussian)
            for moments, gaussian in zip(self.moments, self.gaussians, strict=True)
        ]
        return {self.name: sum(distances) / len(distances)}


# --- Accuracy of the classes ---------------------------------------------------------------------


class ClassAccuracyMeasure:
    """The share of samples that the features' classifier takes for the class that was asked for.

    Args:
        names: of the metric.
        reference: the real images, labelled, and the features of a classifier of their classes.

    Raises:
        ConfigError: the images carry no labels.
    """

    def __init__(self, names: Names, reference: Reference, _: EvaluationConfig) -> None:
        (self._name,) = names.values()
        _rows_by_class(self._name, reference.images.train)
        self.real = reference.images.heldout
        self._reference = reference

    def tally(self) -> ClassAccuracyTally:
        """Counts of right and of all images."""
        return ClassAccuracyTally(self._name, self._reference.features)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """The classifier, and the images whose labels are asked for."""
        asked_for = Compared("the labels asked for", self._reference.images.train.fingerprint)
        return self._reference.protocol("accuracy of the classifier", samples, source, asked_for)


@dataclass
class ClassAccuracyTally:
    """One set's images, right and all."""

    name: str
    features: Features
    right: list[Tensor] = field(default_factory=list)  # [N], a batch each

    def update(self, view: View) -> None:
        """Name the images' classes."""
        named = self.features.logits(view.vectors(self.features)).argmax(1)
        self.right.append(named == _labels(self.name, view.batch))

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
