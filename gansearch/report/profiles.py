"""A profile as tables on a terminal and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from gansearch.report.style import FIGURE, HIGHLIGHTS, INK, decorate, write_figure
from gansearch.train.profiling import FORMS, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORWARD, BACKWARD = HIGHLIGHTS[0], HIGHLIGHTS[5]
ROW = 0.27
"""Inches of a bar."""


def profile_tables(profile: Profile) -> RenderableType:
    """What was run, a table of its phases and one of its blocks."""
    return Group(_heading(profile), "", _phases(profile), _blocks(profile))


def write_profile_plot(profile: Profile, path: Path) -> None:
    """Write :func:`profile_figure` to a file of the kind that its suffix names.

    Raises:
        UsageError: the suffix names no kind of picture.
    """
    write_figure(profile_figure(profile), path)


def profile_figure(profile: Profile) -> Figure:
    """Bars of the phases of a round and, under them, of the blocks' passes."""
    phases, blocks = profile.phases, profile.blocks
    rows = (len(phases), len(blocks))
    height = ROW * sum(rows) + 2.2
    figure = Figure(**{**FIGURE, "figsize": (FIGURE["figsize"][0], height)})
    above, under = figure.subplots(2, height_ratios=rows)
    _bars(above, [phase.name for phase in phases])
    above.barh(range(rows[0]), [phase.milliseconds for phase in phases], color=FORWARD)
    _bars(under, [block.name for block in blocks])
    forward = [block.own.forward_ms for block in blocks]
    under.barh(range(rows[1]), forward, color=FORWARD)
    under.barh(
        range(rows[1]), [block.own.backward_ms for block in blocks], left=forward, color=BACKWARD
    )
    for row, phase in enumerate(phases):
        if phase.memory_mib is not None:
            _note(above, phase.milliseconds, row, f"{phase.memory_mib:.3g} MiB")
    for row, block in enumerate(blocks):
        if block.ratio is not None:
            _note(under, block.own.milliseconds, row, f"dense / separable: {block.ratio:.2g}")
    decorate(above, "ms of a round, and the most that tensors take meanwhile", "")
    decorate(under, f"ms of a batch of {profile.config.settings.batch_size}, block by itself", "")
    above.set_title(_title(profile), loc="left", color=INK, fontweight="bold", fontsize=10)
    handles = [
        Patch(color=FORWARD, label="forward"),
        Patch(color=BACKWARD, label="backward"),
    ]
    under.legend(handles=handles, frameon=False, fontsize=8.5, loc="lower right")
    return figure


def _bars(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.invert_yaxis()
    axes.margins(x=0.3)


def _note(axes: Axes, x: float, row: int, words: str) -> None:
    axes.annotate(f" {words}", (x, row), va="center", fontsize=8, color=INK)


def _title(profile: Profile) -> str:
    data = profile.config.data
    return f"{profile.config.variant}, {data.name} at {data.resolution} px: {profile.device}"


def _heading(profile: Profile) -> str:
    rate = profile.round_ms / profile.images
    threads = f"{profile.threads} thread{'s' if profile.threads > 1 else ''}"
    return (
        f"{_title(profile)}, {threads}\n"
        f"a round of {profile.images} real images: {profile.round_ms:.3g} ms, {rate:.3g} s a kimg; "
        f"peak memory predicted: {profile.predicted_mib:.0f} MiB\n"
        f"medians of {profile.steps} rounds after a warm-up"
    )


def _phases(profile: Profile) -> Table:
    table = _table("phase", "ms a round", "share", "tensors, MiB")
    for phase in profile.phases:
        share = phase.milliseconds / profile.round_ms
        memory = "-" if phase.memory_mib is None else f"{phase.memory_mib:.1f}"
        table.add_row(phase.name, f"{phase.milliseconds:.2f}", f"{share:.1%}", memory)
    return table


def _blocks(profile: Profile) -> Table:
    batch = profile.config.settings.batch_size
    separable = any(block.forms for block in profile.blocks)
    forms: tuple[Any, ...] = (*(f"{form}, ms" for form in FORMS), "ratio") if separable else ()
    table = _table(
        *("block", "params", "MMACs an image", "forward, ms", "backward, ms", "activations, MiB"),
        *forms,
    )
    table.caption = f"each block by itself, a batch of {batch}"
    for block in profile.blocks:
        own = block.own
        cells = (f"{cost.milliseconds:.2f}" for cost in block.forms.values())
        compared = (*cells, f"{block.ratio:.2g}") if block.ratio else ()
        table.add_row(
            block.name,
            f"{own.params:,}",
            f"{1000 * own.gmacs:.3g}",
            f"{own.forward_ms:.2f}",
            f"{own.backward_ms:.2f}",
            f"{own.activations_mib:.2f}",
            *compared,
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table
