"""Spaces that an earlier version wrote: on record they are read, as new ones they are refused."""

from __future__ import annotations

import logging

import pytest

from gansearch.errors import SpaceError
from gansearch.space import parse_space

HEAD = """
variant: gan
data: {name: digits}
parameters: {g_lr: {type: float, low: 0.01, high: 0.2, log: true}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 8, max_kimg: 4, rungs: [1, 2]}
"""


@pytest.mark.parametrize(
    ("old", "new", "warnings"),
    [
        ("sampler: pareto, stopping: pareto", ("ehvi", "ehvi", None), 2),
        ("sampler: random, stopping: pareto", ("random", "ehvi", None), 1),
        ("sampler: random, stopping: truncation, population: 4", ("pbt", "truncation", 4), 1),
        ("sampler: pareto, stopping: asha, population: 4", ("pbt", "asha", 4), 2),
        ("population: 4", ("pbt", "ehvi", 4), 1),
        ("sampler: pbt, population: 4", ("pbt", "truncation", 4), 0),
        ("sampler: ehvi", ("ehvi", "ehvi", None), 0),
    ],
)
def test_a_recorded_space_is_read_with_todays_names(
    old: str,
    new: tuple[str, str, int | None],
    warnings: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        search = parse_space(f"{HEAD}search: {{{old}}}\n", "old.yaml", on_record=True).search
    assert (search.sampler, search.stopping, search.population) == new
    assert len(caplog.records) == warnings


@pytest.mark.parametrize(
    ("search", "key", "said"),
    [
        ("sampler: pareto", "search.sampler", "ehvi"),
        ("stopping: pareto", "search.stopping", "ehvi"),
        ("population: 4", "search.population", "search.sampler: pbt"),
        ("sampler: tpe, population: 4", "search.population", "got tpe"),
        ("sampler: pbt", "search.sampler", "search.population"),
        ("sampler: pbt, population: 4, stopping: asha", "search.stopping", "truncation"),
        ("sampler: pbt, population: 4, replicates: 2", "search.replicates", "search.sampler: pbt"),
    ],
)
def test_a_new_space_with_what_pbt_overrides_or_an_old_name_is_refused(
    search: str, key: str, said: str
) -> None:
    with pytest.raises(SpaceError) as refused:
        parse_space(f"{HEAD}search: {{{search}}}\n", "new.yaml")
    (entry,) = refused.value.entries
    assert entry.key == key
    assert said in entry.message
    assert entry.line == 7
