"""Conversion of times between kinds of devices, through the policy of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gansearch.record import Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.space import Space, parse_space

OLD, NEW = ("NVIDIA T4", 400.0), ("NVIDIA H100", 1600.0)
Device = tuple[str, float]
MakeReport = Callable[..., Report]


@pytest.fixture
def calibrated(report: MakeReport) -> Callable[..., Report]:
    """Make a report of a calibrated device."""

    def make(kimg: float, device: Device, seconds: float, **metrics: float) -> Report:
        plain = report(kimg, seconds=seconds)
        return replace(
            plain,
            metrics={**plain.metrics, "device_speed": device[1], **metrics},
            tags={"device": device[0]},
        )

    return make


def only_report(policy: Policy, number: int) -> Report:
    (report,) = policy.record().trials[number].reports
    return report


def ask(policy: Policy) -> Ask:
    asked = policy.ask()
    assert asked is not None
    return asked


def test_with_one_kind_of_device_no_value_changes(
    make_space: Callable[..., Space], empty: StudyRecord, calibrated: Callable[..., Report]
) -> None:
    policy = Policy(make_space(), empty)
    slower = (OLD[0], 390.0)  # another device of the same kind
    for device in (OLD, slower):
        sent = calibrated(5, device, seconds=8.0)
        number = ask(policy).number
        policy.report(number, sent)
        kept = only_report(policy, number)
        assert {name: kept.metrics[name] for name in sent.metrics} == sent.metrics
        assert "seconds_per_kimg_raw" not in kept.metrics
        assert "time_normalised" not in kept.tags


def test_times_of_another_kind_are_converted_to_the_first_kind(
    make_space: Callable[..., Space], empty: StudyRecord, calibrated: Callable[..., Report]
) -> None:
    policy = Policy(make_space(), empty)
    for device, seconds in ((OLD, 8.0), (NEW, 2.0)):
        costs = {"train_seconds": 9.0, "seconds_per_kimg_error": 0.1}
        policy.report(ask(policy).number, calibrated(5, device, seconds, **costs))
    old, new = (only_report(policy, number) for number in range(2))
    assert old.metrics["seconds_per_kimg"] == new.metrics["seconds_per_kimg"] == 8.0
    assert new.metrics["seconds_per_kimg_raw"] == 2.0
    assert new.metrics["seconds_per_kimg_error"] == 4 * old.metrics["seconds_per_kimg_error"]
    assert new.tags["time_normalised"] == "NVIDIA H100 → NVIDIA T4, factor 4"
    assert new.metrics["train_seconds"] == 9.0  # not among the objectives
    assert new.metrics["fd_digits"] == old.metrics["fd_digits"]


def test_every_time_among_the_objectives_is_converted(
    empty: StudyRecord, calibrated: Callable[..., Report]
) -> None:
    space = parse_space(
        "variant: dcgan\ndata: {name: digits}\nparameters: {d_steps: [1, 2]}\n"
        "objectives: {fd_digits: minimize, train_seconds: minimize}\nbudget: {max_kimg: 30}\n",
        "s.yaml",
    )
    policy = Policy(space, empty)
    for device, seconds in ((OLD, 80.0), (NEW, 20.0)):
        policy.report(ask(policy).number, calibrated(5, device, 1.0, train_seconds=seconds))
    metrics = only_report(policy, 1).metrics
    assert (metrics["train_seconds"], metrics["train_seconds_raw"]) == (80.0, 20.0)


def test_a_resumed_study_keeps_its_reference(
    make_space: Callable[..., Space], empty: StudyRecord, calibrated: Callable[..., Report]
) -> None:
    """It is the first kind to report, not the kind of trial 0, with its speed at that time."""
    policy = Policy(make_space(), empty)
    first, second = ask(policy).number, ask(policy).number
    policy.report(second, calibrated(5, OLD, 8.0))
    policy.report(first, calibrated(5, (OLD[0], 500.0), 8.0))
    revived = Policy(make_space(), policy.record())
    for one in (policy, revived):
        one.report(first, calibrated(10, NEW, 2.0))
    taken: list[TrialRecord] = [one.record().trials[first] for one in (policy, revived)]
    assert taken[0].reports == taken[1].reports
    assert taken[1].reports[-1].metrics["seconds_per_kimg"] == 8.0


def test_a_report_without_a_calibration_uses_that_of_its_kind(
    make_space: Callable[..., Space], empty: StudyRecord, calibrated: Callable[..., Report]
) -> None:
    """A report before the first calibration of its kind is unchanged; later ones are converted."""
    policy = Policy(make_space(), empty)
    numbers = [ask(policy).number for _ in range(4)]

    def uncalibrated(kimg: float) -> Report:
        report = calibrated(kimg, NEW, 2.0)
        metrics = {name: each for name, each in report.metrics.items() if name != "device_speed"}
        return replace(report, metrics=metrics)

    policy.report(numbers[0], calibrated(5, OLD, 8.0))
    policy.report(numbers[1], uncalibrated(5))
    policy.report(numbers[2], calibrated(5, NEW, 2.0))
    revived = Policy(make_space(), policy.record())
    for one in (policy, revived):
        one.report(numbers[3], uncalibrated(5))
        times = [t.reports[0].metrics["seconds_per_kimg"] for t in one.record().trials]
        assert times == [8.0, 2.0, 8.0, 8.0]


def test_without_any_calibration_a_report_is_unchanged(
    make_space: Callable[..., Space], empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.report(number, report(5))
    assert only_report(policy, number) == report(5)
