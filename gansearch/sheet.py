"""Tables that fit the terminal they are printed on.

No number is ever shortened or broken. What does not fit side by side is printed as several tables,
one under the other, each with the key columns that name the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

GAP = 2
"""Spaces between two columns."""

NARROWEST = 12
"""Characters that a column of text keeps, unless its text is shorter."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet; every cell is plain text.

    Attributes:
        heading: its name.
        cells: one a row.
        unit: in a second line of the heading; empty for none.
        numbers: aligned to the right, and never broken. Text is wrapped at its spaces.
        style: of rich.
    """

    heading: str
    cells: Sequence[str]
    unit: str = ""
    numbers: bool = False
    style: str = ""

    @property
    def natural(self) -> int:
        """Characters that it takes without being wrapped."""
        return max(map(len, self._lines()), default=0)

    @property
    def least(self) -> int:
        """Characters that it takes at least."""
        if self.numbers:
            return self.natural
        words = max((len(word) for line in self._lines() for word in line.split()), default=0)
        return max(words, min(self.natural, NARROWEST))

    def _lines(self) -> Iterator[str]:
        for text in (self.heading, self.unit, *self.cells):
            yield from text.split("\n")


@dataclass(frozen=True)
class Sheet:
    """A table, to be printed by rich.

    Attributes:
        keys: columns that name the rows.
        groups: the others. All of them stand side by side where they fit; otherwise each group
            begins a table of its own.
        title: above it.
        notes: below it, a paragraph each.
        bold: the row to stand out, if any.
        lines: whether rows are apart by lines.
    """

    keys: Sequence[Column]
    groups: Sequence[Sequence[Column]]
    title: str = ""
    notes: Sequence[str] = ()
    bold: int | None = None
    lines: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The title, the tables and the notes, none of them wider than the console."""
        from rich.text import Text

        if self.title:
            yield Text(self.title, style="italic")
        for place, columns in enumerate(self._tables(options.max_width)):
            if place:
                yield ""
            yield self._table(columns, options.max_width)
        if self.notes:
            yield ""
        for note in self.notes:
            yield Text(note, style="dim")

    def _tables(self, width: int) -> Iterator[list[Column]]:
        """The columns of each table."""
        keys, groups = list(self.keys), [list(group) for group in self.groups if group]
        if not keys:
            return
        together = [*keys, *(column for group in groups for column in group)]
        if _least(together) <= width:
            yield together
            return
        if _least(keys) > width / 2:  # too wide to be repeated: the rows have numbers instead
            numbers = [str(row + 1) for row in range(len(keys[0].cells))]
            groups, keys = [keys, *groups], [Column("", numbers, numbers=True, style="dim")]
        for group in groups:
            block: list[Column] = []
            for column in group:
                if block and _least([*keys, *block, column]) > width:
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
            padding=(0, GAP - 1, 0, 0),
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
    """A sheet of text, a row each, that the first column names."""
    columns = list(zip(headings, *rows, strict=True))
    key, *others = (Column(heading, cells) for heading, *cells in columns)
    return Sheet([key], [others], title, notes, lines=lines)


def _least(columns: Sequence[Column]) -> int:
    return sum(column.least for column in columns) + GAP * (len(columns) - 1)


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Characters of each column: as it needs, or of text so much less that all of them fit."""
    widths = [column.natural for column in columns]
    excess = sum(widths) + GAP * (len(columns) - 1) - width
    while excess > 0:
        spare = [size - column.least for size, column in zip(widths, columns, strict=True)]
        able = [i for i, left in enumerate(spare) if left > 0]
        if not able:
            break
        widths[max(able, key=lambda i: widths[i])] -= 1
        excess -= 1
    return widths
