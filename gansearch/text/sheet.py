"""Tables that fit the width of the terminal.

No number is shortened or broken. Columns that do not fit side by side are printed as several
tables, one below the other, each with the key columns that name the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

COLUMN_GAP = 2
"""Spaces between two columns."""

MIN_TEXT_WIDTH = 12
"""Least width of a text column in characters, unless its text is shorter."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet; every cell is plain text.

    Attributes:
        heading: name of the column.
        cells: one cell per row.
        unit: unit in a second line of the heading; empty for none.
        numbers: whether cells are right-aligned and never broken. Text is wrapped at its spaces.
        style: rich's style of the column.
    """

    heading: str
    cells: Sequence[str]
    unit: str = ""
    numbers: bool = False
    style: str = ""

    @cached_property
    def natural_width(self) -> int:
        """Width in characters without wrapping."""
        return max(map(len, self._lines()), default=0)

    @cached_property
    def min_width(self) -> int:
        """Least width in characters."""
        if self.numbers:
            return self.natural_width
        words = max((len(word) for line in self._lines() for word in line.split()), default=0)
        return max(words, min(self.natural_width, MIN_TEXT_WIDTH))

    def _lines(self) -> Iterator[str]:
        for text in (self.heading, self.unit, *self.cells):
            yield from text.split("\n")


@dataclass(frozen=True)
class Sheet:
    """A table that rich prints.

    Attributes:
        keys: columns that name the rows.
        groups: groups of the other columns. All stand side by side if they fit; otherwise each
            group starts a new table.
        title: title above the table.
        notes: paragraphs below the table.
        bold: index of a bold row, if any.
        lines: whether lines separate the rows.
    """

    keys: Sequence[Column]
    groups: Sequence[Sequence[Column]]
    title: str = ""
    notes: Sequence[str] = ()
    bold: int | None = None
    lines: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title, tables and notes, none of them wider than the console."""
        from rich.text import Text

        if self.title:
            yield Text(self.title, style="italic")
        for index, columns in enumerate(self._tables(options.max_width)):
            if index:
                yield Text()
            yield self._table(columns, options.max_width)
        if self.notes:
            yield Text()
        for note in self.notes:
            yield Text(note, style="dim")

    def _tables(self, width: int) -> Iterator[list[Column]]:
        """Yield the columns of each table."""
        keys, groups = list(self.keys), [list(group) for group in self.groups if group]
        if not keys:
            return
        all_columns = [*keys, *(column for group in groups for column in group)]
        if _min_width(all_columns) <= width:
            yield all_columns
            return
        if _min_width(keys) > width / 2:  # too wide to repeat: row numbers replace them
            numbers = [str(row + 1) for row in range(len(keys[0].cells))]
            groups, keys = [keys, *groups], [Column("", numbers, numbers=True, style="dim")]
        for group in groups:
            block: list[Column] = []
            for column in group:
                if block and _min_width([*keys, *block, column]) > width:
                    yield [*keys, *block]
                    block = []
                block.append(column)
            yield [*keys, *block]

    def _table(self, columns: Sequence[Column], width: int) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=box.SIMPLE_HEAD,
            padding=(0, COLUMN_GAP - 1, 0, 0),
            pad_edge=False,
            show_edge=False,
            show_lines=self.lines,
        )
        units = any(column.unit for column in columns)
        for column, size in zip(columns, _widths(columns, width), strict=True):
            heading = Text(column.heading)
            if units:
                heading.append(f"\n{column.unit}", style="dim")
            table.add_column(
                heading,
                justify="right" if column.numbers else "left",
                style=column.style,
                width=size,
                overflow="fold",
            )
        for row in range(len(columns[0].cells)):
            cells = (Text(column.cells[row]) for column in columns)
            table.add_row(*cells, style="bold" if row == self.bold else None)
        return table


def sheet(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str = "",
    notes: Sequence[str] = (),
    lines: bool = False,
) -> Sheet:
    """Make a sheet of text rows, whose first column is the key."""
    columns = list(zip(headings, *rows, strict=True))
    key, *others = (Column(heading, cells) for heading, *cells in columns)
    return Sheet([key], [others], title, notes, lines=lines)


def _min_width(columns: Sequence[Column]) -> int:
    """Return the least width in characters of columns side by side."""
    return sum(column.min_width for column in columns) + COLUMN_GAP * (len(columns) - 1)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the columns' widths in characters: natural, or with text shrunk so that all fit."""
    widths = [column.natural_width for column in columns]
    excess = sum(widths) + COLUMN_GAP * (len(columns) - 1) - width
    while excess > 0:
        spare = [size - column.min_width for size, column in zip(widths, columns, strict=True)]
        shrinkable = [i for i, left in enumerate(spare) if left > 0]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
        excess -= 1
    return widths
