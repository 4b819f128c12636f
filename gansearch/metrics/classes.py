"""Metrics of class-conditional samples: fidelity to the class and diversity within it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.data.conditions import class_labels
from gansearch.errors import ConfigError
from gansearch.metrics.features import Features
from gansearch.metrics.frechet import frechet_distance
from gansearch.metrics.metric import FeaturedBatch, NamesByMethod
from gansearch.metrics.moments import FactoredMoments, MomentsAccumulator
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.reference import Compared, Reference

# --- Fréchet distance within each class ----------------------------------------------------------


class WithinClassDistance:
    """Mean over the classes of the Fréchet distance between samples and real images of a class.

    A generator that ignores the class, or makes a single image per class, gets a large value. A
    class has only a share of the samples, so values exceed those of the distance over all samples.

    Args:
        names: name of the metric by its method.
        reference: labelled real images and the features.
    """

    def __init__(self, names: NamesByMethod, reference: Reference, _: EvaluationConfig) -> None:
        (self._name,) = names.values()
        train, heldout = reference.images.train, reference.images.heldout
        rows = _rows_by_class(train)
        self._counts = [len(each) for each in rows]
        self.real = heldout
        self._reference = reference
        self._moments = [reference.among(Images(train.subset(each), None)).moments for each in rows]

    def accumulator(self) -> WithinClassAccumulator:
        """Accumulator with streamed moments for each class."""
        reference = self._reference
        seen = [MomentsAccumulator(reference.features.dim, reference.device) for _ in self._moments]
        return WithinClassAccumulator(self._name, reference.features, self._moments, seen)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the features, the number of classes and the range of their image counts."""
        fewest, most = min(self._counts), max(self._counts)
        method = (
            f"mean Fréchet distance within {len(self._counts)} classes "
            f"of {fewest} to {most} real images"
        )
        return self._reference.protocol(method, samples, source, self._reference.population)


@dataclass(frozen=True)
class WithinClassAccumulator:
    """Accumulator of one set's feature moments, by class."""

    name: str
    features: Features
    references: list[FactoredMoments]
    seen: list[MomentsAccumulator]

    def update(self, featured: FeaturedBatch) -> None:
        """Add each image's features to the moments of its class."""
        labels = _labels(featured.batch)
        vectors = featured.vectors(self.features)
        for label in torch.unique(labels).tolist():
            self.seen[label].update(vectors[labels == label])

    def values(self) -> dict[str, float]:
        """Mean of the distances of all classes."""
        distances = [
            frechet_distance(seen.moments(), reference)
            for seen, reference in zip(self.seen, self.references, strict=True)
        ]
        return {self.name: sum(distances) / len(distances)}


# --- Accuracy of the classes ---------------------------------------------------------------------


class ClassAccuracy:
    """The share of samples that the features' classifier assigns to the requested class.

    Args:
        names: name of the metric by its method.
        reference: labelled real images, and features of a classifier of their classes.
    """

    def __init__(self, names: NamesByMethod, reference: Reference, _: EvaluationConfig) -> None:
        (self._name,) = names.values()
        self.real = reference.images.heldout
        self._reference = reference

    def accumulator(self) -> ClassAccuracyAccumulator:
        """Accumulator of correct classifications."""
        return ClassAccuracyAccumulator(self._name, self._reference.features)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the classifier and the images whose labels are requested."""
        requested = Compared("the labels asked for", self._reference.images.train.fingerprint)
        return self._reference.protocol("accuracy of the classifier", samples, source, requested)


@dataclass
class ClassAccuracyAccumulator:
    """Accumulator of one set's classifications."""

    name: str
    features: Features
    correct: list[Tensor] = field(default_factory=list)  # [N] for each batch

    def update(self, featured: FeaturedBatch) -> None:
        """Classify the images and compare with their labels."""
        predicted = self.features.logits(featured.vectors(self.features)).argmax(1)
        self.correct.append(predicted == _labels(featured.batch))

    def values(self) -> dict[str, float]:
        """Share of images classified correctly."""
        return {self.name: torch.cat(self.correct).double().mean().item()}


def _labels(of: Batch) -> Tensor:
    return _present(of.labels)


def _rows_by_class(images: ImageSet) -> list[Tensor]:
    """Indices of the images of each class."""
    labels = _present(class_labels(images))
    return [(labels == label).nonzero().flatten() for label in range(images.spec.classes)]


def _present(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ConfigError("metrics by class need images with labels, and these have none")
    return labels
