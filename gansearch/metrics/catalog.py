"""Every metric's name, unit, direction and meaning, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One number that a trial reports.

    Attributes:
        name: as in a space's ``objectives``, in MLflow and in every table.
        kind: ``quality`` is measured on samples under a protocol; ``cost`` on the training itself.
        unit: of the value; empty for a pure number.
        direction: which way is better.
        summary: one line.
        data: the data sets that it is defined on; empty where it is on all.
        heldout: whether it is measured on held-out images.
        of_variant: whether it is measured by a variant itself: by those whose entries name it.
        by_class: whether it is of samples that were asked for by class.
    """

    name: str
    kind: Literal["quality", "cost"]
    unit: str
    direction: Literal["minimize", "maximize"]
    summary: str
    data: tuple[str, ...] = ()
    heldout: bool = False
    of_variant: bool = False
    by_class: bool = False


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("fid", "quality", "", "minimize", "Fréchet distance, Inception features"),
        Metric(
            "fid_digits",
            "quality",
            "",
            "minimize",
            "Fréchet distance, digits classifier",
            ("digits",),
        ),
        Metric("fid_random", "quality", "", "minimize", "Fréchet distance, random network"),
        Metric(
            "fid_within_digits",
            "quality",
            "",
            "minimize",
            "mean over the classes of the Fréchet distance, digits classifier",
            ("digits",),
            by_class=True,
        ),
        Metric(
            "class_accuracy_digits",
            "quality",
            "",
            "maximize",
            "share of samples that the digits classifier takes for the class asked for",
            ("digits",),
            by_class=True,
        ),
        Metric(
            "parzen",
            "quality",
            "nats",
            "maximize",
            "Parzen-window log-likelihood of held-out images",
            heldout=True,
        ),
        Metric(
            "accuracy",
            "quality",
            "",
            "maximize",
            "share of held-out images that the discriminator classifies rightly",
            heldout=True,
            of_variant=True,
        ),
        Metric("seconds_per_kimg", "cost", "s", "minimize", "training time of 1,000 real images"),
        Metric("train_seconds", "cost", "s", "minimize", "training so far, without evaluation"),
        Metric("peak_memory_mib", "cost", "MiB", "minimize", "peak memory of training"),
        Metric("params_m", "cost", "M", "minimize", "trained parameters of every player"),
        Metric("gmacs", "cost", "G", "minimize", "multiply-accumulates to generate one image"),
    )
}
