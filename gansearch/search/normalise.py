"""Times of different kinds of devices, brought to the kind that a study began on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gansearch.metrics.catalog import METRICS
from gansearch.noise import ERROR
from gansearch.record import Report, StudyRecord
from gansearch.space import Space

DEVICE, SPEED = "device", "device_speed"
"""A report's tag and metric: what it was trained on, and how fast that is."""

REFERENCE, REFERENCE_SPEED = "reference_device", "reference_speed"
"""What a report on record adds: the kind of device that its times are of, and how fast that is."""

RAW = "_raw"
"""Ending of a time's name, as it was measured."""


@dataclass(frozen=True)
class _Kind:
    name: str
    speed: float


class Normaliser:
    """Brings times to the kind of device of the first report that names one.

    A time on another kind is multiplied by that kind's speed as a multiple of the reference's, both
    by calibration. Every calibrated report on record tells the reference, so a study that goes on
    keeps it.

    ``seconds_per_kimg`` is such a time, and whichever else the space compares trials by. Their
    standard errors are brought along.

    Args:
        space: that is searched.
        study: the record so far.
    """

    def __init__(self, space: Space, study: StudyRecord) -> None:
        compared = {bound.metric for bound in (*space.objectives, *space.constraints)}
        seconds = {name for name in compared if METRICS[name].unit == "s"}
        self._times = sorted(seconds | {"seconds_per_kimg"})
        reports = [report for trial in study.trials for report in trial.reports]
        told = (report for report in reports if REFERENCE in report.tags)
        self._speeds = {r.tags[DEVICE]: r.metrics[SPEED] for r in reports if _is_calibrated(r)}
        self._reference = next(
            (_Kind(each.tags[REFERENCE], each.metrics[REFERENCE_SPEED]) for each in told), None
        )

    def __call__(self, report: Report) -> Report:
        """The report with its times as of the reference.

        One without a calibration, which other programs can prevent, has that of an earlier report
        of the same kind of device; where there is none, it stays as it is.
        """
        if _is_calibrated(report):
            self._speeds[report.tags[DEVICE]] = report.metrics[SPEED]
        name = report.tags.get(DEVICE, "")
        if name not in self._speeds:
            return report
        own = _Kind(name, self._speeds[name])
        reference = self._reference = self._reference or own
        metrics = {**report.metrics, REFERENCE_SPEED: reference.speed}
        tags = {**report.tags, REFERENCE: reference.name}
        if own.name != reference.name:
            factor = own.speed / reference.speed
            for name in (*self._times, *(name + ERROR for name in self._times)):
                if name in report.metrics:
                    metrics[name + RAW] = report.metrics[name]
                    metrics[name] = report.metrics[name] * factor
            tags["time_normalised"] = f"{own.name} → {reference.name}, factor {factor:.4g}"
        return replace(report, metrics=metrics, tags=tags)


def _is_calibrated(report: Report) -> bool:
    return DEVICE in report.tags and SPEED in report.metrics
