"""Every metric's name, unit, direction and meaning, without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of images: those that a metric needs at least, or those that there are.

    Attributes:
        samples: that are scored.
        real: training images, which they are compared with.
        heldout: images kept out of training.
        samples_of_class: of the class that has fewest of them, scored ones.
        real_of_class: of the class that has fewest of them, training images.
        resolution: not a number of images, but their height and width in pixels.
    """

    samples: int | None = None
    real: int | None = None
    heldout: int | None = None
    samples_of_class: int | None = None
    real_of_class: int | None = None
    resolution: int | None = None


_COUNTED = {
    "samples": "at least {} images to score (evaluation.samples, or those of a folder)",
    "real": "at least {} training images to compare with",
    "heldout": "at least {} held-out images (data.holdout above 0, such as 0.5)",
    "samples_of_class": "at least {} samples of each class (evaluation.samples)",
    "real_of_class": "at least {} training images of each class",
    "resolution": "images of at least {} pixels",
}
"""What :class:`Counts` counts, in words."""


@dataclass(frozen=True)
class Metric:
    """One number that a trial reports.

    Attributes:
        name: as in a space's ``objectives``, in MLflow and in every table.
        kind: ``quality`` is measured on samples under a protocol; ``cost`` on the training itself.
        unit: of the value; empty for a pure number.
        direction: which way is better.
        summary: one line.
        measure: what is measured, whatever the features; the name without theirs.
        features: name of those that it is measured in; empty where it is in none.
        data: the data sets that it is defined on; empty where it is on all.
        heldout: whether it is measured on held-out images.
        of_variant: whether it is measured by a variant itself: by those whose entries name it.
        by_class: whether it is of samples that were asked for by class.
        needs: the fewest images that it has a value of; what is ``None`` does not matter to it.
        cumulative: whether it adds up over the training, in proportion to its kimg.
    """

    name: str
    kind: Literal["quality", "cost"]
    unit: str
    direction: Direction
    summary: str
    measure: str = ""
    features: str = ""
    data: tuple[str, ...] = ()
    heldout: bool = False
    of_variant: bool = False
    by_class: bool = False
    needs: Counts = Counts()
    cumulative: bool = False


NEIGHBOURS = 5
"""That density and coverage look for; precision and recall, which take three, share the search."""

_MEASURES: dict[str, tuple[Direction, str]] = {
    "fid": ("minimize", "Fréchet distance"),
    "fid_infinity": ("minimize", "Fréchet distance extrapolated to infinitely many samples"),
    "fid_within": ("minimize", "mean over the classes of the Fréchet distance"),
    "kid": ("minimize", "kernel distance: unbiased squared MMD, cubic kernel"),
    "precision": ("maximize", "share of samples among the real images"),
    "recall": ("maximize", "share of real images among the samples"),
    "density": ("maximize", "real images' neighbourhoods that a sample lies in, over k"),
    "coverage": ("maximize", "share of real images with a sample in their neighbourhood"),
}
"""What is measured in any features: which way is better, and the meaning."""

_PAIR = Counts(samples=2, real=2)
_NEIGHBOURHOOD = Counts(samples=NEIGHBOURS + 1, real=NEIGHBOURS + 1)

_NEEDS: dict[str, Counts] = {
    "fid": _PAIR,
    "fid_infinity": Counts(samples=30, real=2),
    "fid_within": Counts(samples_of_class=2, real_of_class=2),
    "kid": _PAIR,
    **dict.fromkeys(("precision", "recall", "density", "coverage"), _NEIGHBOURHOOD),
}
"""The fewest images that each measure has a value of."""

_FEATURES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "inception": ("", "Inception features", ()),
    "digits": ("_digits", "digits classifier", ("digits",)),
    "random": ("_random", "random network", ()),
}
"""The features' names: how a metric's name ends, what they are, the data that they are for."""

_IN_FEATURES = [
    Metric(
        f"{measure}{suffix}",
        "quality",
        "",
        direction,
        f"{summary}, {network}",
        measure,
        features,
        data,
        by_class=measure == "fid_within",
        needs=_NEEDS[measure],
    )
    for measure, (direction, summary) in _MEASURES.items()
    for features, (suffix, network, data) in _FEATURES.items()
]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *_IN_FEATURES,
        Metric(
            "inception_score",
            "quality",
            "",
            "maximize",
            "exponential of the mean divergence of an image's classes from all images'",
            "inception_score",
            "inception",
            needs=Counts(samples=10),
        ),
        Metric(
            "class_accuracy_digits",
            "quality",
            "",
            "maximize",
            "share of samples that the digits classifier takes for the class asked for",
            "class_accuracy",
            "digits",
            ("digits",),
            by_class=True,
        ),
        Metric(
            "lpips_diversity",
            "quality",
            "",
            "maximize",
            "mean perceptual distance between pairs of samples",
            "lpips_diversity",
            needs=Counts(samples=2, resolution=32),
        ),
        Metric(
            "parzen",
            "quality",
            "nats",
            "maximize",
            "Parzen-window log-likelihood of held-out images",
            "parzen",
            heldout=True,
            needs=Counts(heldout=2),
        ),
        Metric(
            "accuracy",
            "quality",
            "",
            "maximize",
            "share of held-out images that the discriminator classifies rightly",
            "accuracy",
            heldout=True,
            of_variant=True,
            needs=Counts(heldout=1),
        ),
        Metric("seconds_per_kimg", "cost", "s", "minimize", "training time of 1,000 real images"),
        Metric(
            "measured_alone",
            "cost",
            "",
            "maximize",
            "measurements of seconds_per_kimg that no other trial or program disturbed; 0 is none",
        ),
        Metric(
            "train_seconds",
            "cost",
            "s",
            "minimize",
            "training so far, without evaluation",
            cumulative=True,
        ),
        Metric("peak_memory_mib", "cost", "MiB", "minimize", "peak memory of training"),
        Metric("params_m", "cost", "M", "minimize", "trained parameters of every player"),
        Metric("gmacs", "cost", "G", "minimize", "multiply-accumulates to generate one image"),
    )
}


def shortages(metrics: Iterable[str], have: Counts) -> list[str]:
    """What is missing for metrics to have values, a line each; none where all is there.

    Args:
        metrics: their names.
        have: the images that there are; what is ``None`` is not known, and not checked.
    """
    return [
        f"{name} needs {what.format(least)}, got {found}"
        for name in metrics
        for each, what in _COUNTED.items()
        if (least := getattr(METRICS[name].needs, each)) is not None
        and (found := getattr(have, each)) is not None
        and found < least
    ]
