"""The values that trials are ranked by: intervals, scores, protocols."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import scipy.stats
from hypothesis import given

from gansearch.errors import ProtocolError
from gansearch.metrics.protocol import QualityProtocol
from gansearch.record import Outcome, Report, Score, TrialRecord
from gansearch.report.front.estimates import (
    Estimate,
    Interval,
    check_protocols,
    estimate_of,
    scores_of,
)

PROTOCOL = QualityProtocol(
    method="Fréchet distance",
    features="digits",
    weights="c" * 32,
    resize="none",
    samples=1000,
    source="latents of seeds 1, 2, 3",
    against="899 real ones",
    reference="a" * 32,
)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_an_interval_equals_scipys_students_t(values: list[float]) -> None:
    interval = Interval.of(values)
    error = scipy.stats.sem(values)
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, interval.mean, error or 1e-300)
    assert interval.low == pytest.approx(low, abs=1e-9)
    assert interval.high == pytest.approx(high, abs=1e-9)
    assert interval.mean == pytest.approx(sum(values) / len(values), abs=1e-9)


def test_one_value_has_no_interval() -> None:
    assert Interval.of([3.5]) == Interval(3.5, None)
    assert Interval.of([3.5]).low is None


def test_scores_of_earlier_weights_do_not_count() -> None:
    reports = tuple(
        Report(kimg, {"fid": 9.0, "gmacs": 1.0}, {"fid": "old"}) for kimg in (5.0, 10.0)
    )
    scores = {"fid": Score(10.0, (1, 2), (4.0, 6.0), "new", 0.0)}
    trial = TrialRecord(0, {}, 0, reports, Outcome.COMPLETED, scores=scores)
    ranked = estimate_of(trial, rescored=True)
    assert ranked.report.metrics == {"fid": 5.0, "gmacs": 1.0}
    assert ranked.report.protocols == {"fid": "new"}
    assert estimate_of(trial, rescored=False).report is not ranked.report
    assert estimate_of(trial, rescored=False).report.metrics["fid"] == 9.0
    longer = replace(trial, reports=(*reports, Report(30.0, {"fid": 8.0}, {"fid": "old"})))
    assert scores_of(longer) == {}
    assert estimate_of(longer, rescored=True).report.metrics["fid"] == 8.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": 10_000}, "(samples 1000 against 10000)"),
        ({"source": "latents of seed 0"}, "(source latents of seeds 1, 2, 3 against latents of"),
        ({"against": "imgs.npz"}, "(against 899 real ones against imgs.npz)"),
        ({"reference": "b" * 32}, "(reference aaaaaaaa against bbbbbbbb)"),
        ({"method": "kernel, 3 of it"}, "(method Fréchet distance against kernel, 3 of it)"),
        ({"features": "inception"}, "(features digits against inception)"),
        ({"weights": "d" * 32}, "(weights cccccccc against dddddddd)"),
        ({"resize": "8-bit, bilinear"}, "(resize none against 8-bit, bilinear)"),
        ({"samples": 9, "features": "random"}, "(samples 1000 against 9, features digits against"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_the_message_names_the_difference_of_two_protocols(
    change: dict[str, object], words: str
) -> None:
    other = replace(PROTOCOL, **change)  # type: ignore[arg-type]
    estimates = {
        number: Estimate(Report(1.0, {"fd_digits": 1.0}, {"fd_digits": str(protocol)}))
        for number, protocol in ((3, PROTOCOL), (7, other))
    }
    with pytest.raises(ProtocolError) as caught:
        check_protocols(["fd_digits"], estimates)
    assert words in str(caught.value)
    assert str(caught.value).endswith(f"{PROTOCOL} (trial 3) and {other} (trial 7)")


def test_protocols_in_unknown_form_are_still_compared() -> None:
    estimates = {
        number: Estimate(Report(1.0, {}, {"parzen": text}))
        for number, text in enumerate(("this", "that"))
    }
    with pytest.raises(ProtocolError, match=r"cannot be ranked: this \(trial 0\) and that"):
        check_protocols(["parzen"], estimates)
