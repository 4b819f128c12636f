"""Tables at any width: nothing is shortened, and nothing is wider than the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gansearch.text.sheet import Column, Sheet, sheet

numbers = st.floats(-1e6, 1e6).map("{:.3f}".format)
words = st.text("abcdefghij_", min_size=1, max_size=12)


def printed(renderable: object, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@given(st.data(), st.integers(40, 200), st.integers(1, 5), st.integers(1, 12))
def test_numbers_and_headings_are_never_broken_and_lines_fit(
    data: st.DataObject, width: int, rows: int, count: int
) -> None:
    def column(heading: str, kind: st.SearchStrategy[str]) -> Column:
        cells = data.draw(st.lists(kind, min_size=rows, max_size=rows))
        return Column(heading, cells, data.draw(st.sampled_from(["", "MiB"])), kind is numbers)

    columns = [
        column(f"column_{i}", data.draw(st.sampled_from([numbers, words]))) for i in range(count)
    ]
    split = data.draw(st.integers(0, count))
    keys = [Column("trial", [f"#{row}" for row in range(rows)])]
    text = printed(Sheet(keys, [columns[:split], columns[split:]]), width)
    assert all(len(line) <= width for line in text.splitlines())
    pieces = text.split()
    for each in columns:
        assert each.heading in pieces
        assert all(cell in pieces for cell in each.cells)


def test_columns_that_do_not_fit_become_further_tables_with_the_keys() -> None:
    keys = [Column("trial", ["7", "8"], numbers=True)]
    results = [Column("fid", ["1.234 ± 0.051", "20 ± 3"], numbers=True)]
    parameters = [Column("g_channels", ["16", "32"]), Column("d_channels", ["64", "128"])]
    wide = printed(Sheet(keys, [results, parameters]), 80)
    assert wide.count("trial") == 1
    narrow = printed(Sheet(keys, [results, parameters]), 30)
    assert narrow.count("trial") == 2
    first, second = narrow.split("\n\n")
    assert "1.234 ± 0.051" in first
    assert "g_channels" not in first
    assert second.split()[:3] == ["trial", "g_channels", "d_channels"]


def test_keys_too_wide_to_be_repeated_become_numbers() -> None:
    keys = [Column(f"parameter_{i}", ["value"] * 2) for i in range(3)]
    results = [[Column("seconds_per_kimg", ["1.5", "2.5"], numbers=True)]]
    text = printed(Sheet(keys, results), 42)
    assert text.count("parameter_0") == 1
    assert [line.split() for line in text.splitlines()[-2:]] == [["1", "1.5"], ["2", "2.5"]]


def test_text_is_wrapped_at_its_spaces() -> None:
    rows = [("d_steps", "discriminator updates in a round, each on a fresh batch")]
    text = printed(sheet(("parameter", "meaning"), rows), 40)
    assert all(len(line) <= 40 for line in text.splitlines())
    for word in rows[0][1].split():
        assert word in text.split()


def test_title_notes_and_markup_are_printed_as_they_are() -> None:
    text = printed(sheet(("a",), [("[bold]x[/bold]",)], "[i]title", ["a [note]"]), 60)
    for words in ("[i]title", "[bold]x[/bold]", "a [note]"):
        assert words in text


@pytest.mark.parametrize("rows", [[], [("a", "b")]])
def test_a_sheet_may_have_no_rows(rows: list[tuple[str, str]]) -> None:
    assert "first" in printed(sheet(("first", "second"), rows), 60)
