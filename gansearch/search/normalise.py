"""Conversion of times between kinds of devices, to the first kind of a study."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gansearch.metrics.catalog import METRICS
from gansearch.record import Report, StudyRecord
from gansearch.report.front.noise import ERROR
from gansearch.space import Space

DEVICE, SPEED = "device", "device_speed"
"""A report's tag with the kind of its device, and its metric with the calibrated speed of that
kind."""

REFERENCE, REFERENCE_SPEED = "reference_device", "reference_speed"
"""Tag and metric that a report has on record: the reference kind to which its times were converted,
and the speed of that kind."""

RAW = "_raw"
"""Suffix of a converted time's metric name, under which the measured value is kept."""


@dataclass(frozen=True)
class _Device:
    """Kind of a device and its calibrated speed."""

    name: str
    speed: float


class Normaliser:
    """Converts times to the reference kind of device: that of the first report that names one.

    A time on another kind is multiplied by the ratio of that kind's calibrated speed to the
    reference's. Every calibrated report on record names the reference, so a resumed study keeps it.

    This applies to ``seconds_per_kimg``, to any other time among the space's objectives and
    constraints, and to their standard errors.

    Args:
        space: the search space.
        study: the record so far.
    """

    def __init__(self, space: Space, study: StudyRecord) -> None:
        compared = {bound.metric for bound in (*space.objectives, *space.constraints)}
        seconds = {name for name in compared if METRICS[name].unit == "s"}
        self._times = sorted(seconds | {"seconds_per_kimg"})
        reports = [report for trial in study.trials for report in trial.reports]
        on_record = (report for report in reports if REFERENCE in report.tags)
        self._speeds = {r.tags[DEVICE]: r.metrics[SPEED] for r in reports if _is_calibrated(r)}
        self._reference = next(
            (_Device(r.tags[REFERENCE], r.metrics[REFERENCE_SPEED]) for r in on_record), None
        )

    def __call__(self, report: Report) -> Report:
        """Return the report with its times for the reference kind.

        A report may lack a calibration, because other programs can prevent it. It then uses that of
        an earlier report from the same kind of device. Without one it is returned unchanged.
        """
        if _is_calibrated(report):
            self._speeds[report.tags[DEVICE]] = report.metrics[SPEED]
        name = report.tags.get(DEVICE, "")
        if name not in self._speeds:
            return report
        own = _Device(name, self._speeds[name])
        reference = self._reference = self._reference or own
        metrics = {**report.metrics, REFERENCE_SPEED: reference.speed}
        tags = {**report.tags, REFERENCE: reference.name}
        if own.name != reference.name:
            factor = own.speed / reference.speed
            for time in (*self._times, *(time + ERROR for time in self._times)):
                if time in report.metrics:
                    metrics[time + RAW] = report.metrics[time]
                    metrics[time] = report.metrics[time] * factor
            tags["time_normalised"] = f"{own.name} → {reference.name}, factor {factor:.4g}"
        return replace(report, metrics=metrics, tags=tags)


def _is_calibrated(report: Report) -> bool:
    return DEVICE in report.tags and SPEED in report.metrics
