"""Comparisons against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from gansearch.errors import ProtocolError, StudyError, UsageError
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.report.front.comparison import Spread, compare
from gansearch.report.published import PUBLISHED
from gansearch.report.tables import comparison_tables
from gansearch.space import Space

Study = tuple[Space, StudyRecord]
Make = Callable[..., Study]
BASELINE = {"dsc.where": "none"}


def trial(number: int, seed: int, where: str, fid: float, seconds: float, **changes: Any):
    resolutions = changes.pop("resolutions", None)
    metrics = {
        "fd_digits": fid,
        "seconds_per_kimg": seconds,
        "peak_memory_mib": 100.0,
        "params_m": 100.0 if where == "none" else 35.0,
    }
    protocols = {"fd_digits": "p", **changes.pop("protocols", {})}
    params = {"variant": "dcgan", "seed": seed, "dsc.where": where}
    return TrialRecord(
        number=number,
        params={**params, **({"dsc.resolutions": resolutions} if resolutions else {})},
        seed=seed,
        reports=(Report(changes.pop("kimg", 30.0), metrics, protocols),),
        outcome=changes.pop("outcome", Outcome.COMPLETED),
    )


@pytest.fixture
def study(make_study: Make) -> Callable[..., Study]:
    def of(*trials: TrialRecord) -> Study:
        space, record = make_study(0)
        return space, replace(record, trials=trials)

    return of


@pytest.fixture
def three_seeds(study: Callable[..., Study]) -> Study:
    """Dense on three seeds; separable everywhere on the same, and at low resolutions on two."""
    return study(
        trial(0, 1, "generator", 22.0, 3.0, resolutions="all"),
        trial(1, 0, "none", 10.0, 4.0),
        trial(2, 1, "none", 20.0, 4.0),
        trial(3, 0, "generator", 10.0, 3.0, resolutions="all"),
        trial(4, 2, "none", 40.0, 8.0),
        trial(5, 2, "generator", 48.0, 6.0, resolutions="all"),
        trial(6, 0, "generator", 9.0, 4.0, resolutions="low"),
        trial(7, 2, "generator", 36.0, 8.0, resolutions="low"),
        trial(8, 7, "both", 1.0, 1.0),
    )


def test_changes_are_computed_per_seed_and_then_averaged(three_seeds: Study) -> None:
    comparison = compare(*three_seeds, BASELINE)
    assert comparison.metrics == ("fd_digits", "seconds_per_kimg", "peak_memory_mib", "params_m")
    assert comparison.varied == ("dsc.resolutions", "dsc.where")
    assert comparison.baseline.seeds == (0, 1, 2)
    assert comparison.baseline.values["seconds_per_kimg"].mean == pytest.approx(16 / 3)
    low, everywhere = comparison.others
    assert low.params["dsc.resolutions"] == "low"
    assert low.seeds == (0, 2)
    assert low.values["fd_digits"] == Spread(pytest.approx(-10), pytest.approx(0))
    # 0, 10 and 20%: of the means it would be 80 / 70, or 14.3%.
    assert everywhere.seeds == (0, 1, 2)
    assert everywhere.values["fd_digits"] == Spread(pytest.approx(10), pytest.approx(10))
    assert everywhere.values["seconds_per_kimg"] == Spread(pytest.approx(-25), pytest.approx(0))
    assert everywhere.values["params_m"].mean == pytest.approx(-65)
    assert comparison.unmatched == ({"variant": "dcgan", "dsc.where": "both"},)


def test_the_baseline_may_be_any_configuration(three_seeds: Study) -> None:
    wanted = {"dsc.where": "Generator", "dsc.resolutions": "all"}
    comparison = compare(*three_seeds, wanted)
    dense = next(c for c in comparison.others if c.params["dsc.where"] == "none")
    assert dense.values["seconds_per_kimg"].mean == pytest.approx(100 / 3)


def test_one_seed_has_no_spread(study: Callable[..., Study]) -> None:
    record = study(trial(0, 0, "none", 10, 4), trial(1, 0, "both", 11, 2))
    (other,) = compare(*record, BASELINE).others
    assert other.values["fd_digits"] == Spread(pytest.approx(10), None)


def test_trials_short_of_the_full_budget_are_not_compared(study: Callable[..., Study]) -> None:
    space, record = study(
        trial(0, 0, "none", 10, 4),
        trial(1, 1, "none", 10, 4),
        trial(2, 0, "both", 99, 1, kimg=10.0, outcome=Outcome.STOPPED),
        trial(3, 1, "both", 12, 2),
        trial(4, 0, "generator", 99, 1, outcome=None),
    )
    (other,) = compare(space, record, BASELINE).others
    assert other.seeds == (1,)
    assert other.values["fd_digits"].mean == pytest.approx(20)


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ({"dsc.where": "discriminator"}, "no configuration completed with it.*dsc.where=none"),
        ({"dsc.where": "generator"}, "several configurations have it.*dsc.resolutions=low"),
        ({"nonsense": "1"}, "nonsense=1: no configuration"),
    ],
)
def test_a_baseline_that_is_not_one_configuration_is_refused(
    three_seeds: Study, baseline, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        compare(*three_seeds, baseline)


def test_without_a_common_seed_there_is_nothing_to_compare(study: Callable[..., Study]) -> None:
    apart = study(trial(0, 0, "none", 10, 4), trial(1, 5, "both", 11, 2))
    with pytest.raises(StudyError, match=r"seed: \[0, 1, 2\]"):
        compare(*apart, BASELINE)
    with pytest.raises(UsageError, match="there are: none"):
        compare(*study(), BASELINE)


def test_different_stand_ins_are_not_compared(study: Callable[..., Study]) -> None:
    apart = study(
        trial(0, 0, "none", 10, 4, protocols={"projector": "random"}),
        trial(1, 0, "both", 11, 2, protocols={"projector": "tf_efficientnet_lite0 1f"}),
    )
    with pytest.raises(ProtocolError, match="projector"):
        compare(*apart, BASELINE)


def test_tables_show_own_and_published_changes(three_seeds: Study) -> None:
    console = Console(width=140, record=True)
    published = PUBLISHED["faster_projected_gan"]
    console.print(comparison_tables(compare(*three_seeds, BASELINE), [published]))
    text = console.export_text()
    for words in (
        *("5.333 ± 2.309", "+10.00% ± 10.00", "-25.00% ± 0.00", "-65.00%"),
        *("baseline's seeds: 1", "Wang et al. 2024", "+11.01%", "-26.16%", "15% less memory"),
    ):
        assert words in text
    assert len(published.rows) == 5
