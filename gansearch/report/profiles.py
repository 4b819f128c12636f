"""Profiles as terminal tables and as a plot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rich.console import Group, RenderableType

from gansearch.report.style import FIGURE, HIGHLIGHTS, INK, label_axes, write_figure
from gansearch.text.readable import number
from gansearch.text.sheet import Column, Sheet
from gansearch.train.profiling.blocks import BlockCost
from gansearch.train.profiling.profile import FORMS, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORWARD, BACKWARD = HIGHLIGHTS[0], HIGHLIGHTS[5]
"""Colours of a block's forward and backward pass."""
ROW = 0.27
"""Height of a bar, in inches."""


def profile_tables(profile: Profile) -> RenderableType:
    """Make a heading and tables of a profile's sections and blocks."""
    return Group(_heading(profile), "", _sections(profile), "", _blocks(profile))


def write_profile_plot(profile: Profile, path: Path) -> None:
    """Write :func:`profile_figure` to a file in the format of its suffix.

    Raises:
        UsageError: the suffix is not a supported format.
    """
    write_figure(profile_figure(profile), path)


def profile_figure(profile: Profile) -> Figure:
    """Plot the times of a round's sections and, below, of the blocks' passes as bars."""
    sections, blocks = profile.sections, profile.blocks
    rows = (len(sections), len(blocks))
    height = ROW * sum(rows) + 2.2
    figure = Figure(**{**FIGURE, "figsize": (FIGURE["figsize"][0], height)})
    above, under = figure.subplots(2, height_ratios=rows)
    _bars(above, [section.name for section in sections])
    above.barh(range(rows[0]), [section.milliseconds for section in sections], color=FORWARD)
    _bars(under, [block.name for block in blocks])
    forward = [block.own.forward_ms for block in blocks]
    under.barh(range(rows[1]), forward, color=FORWARD)
    under.barh(
        range(rows[1]), [block.own.backward_ms for block in blocks], left=forward, color=BACKWARD
    )
    for row, section in enumerate(sections):
        if section.memory_mib is not None:
            _note(above, section.milliseconds, row, f"{number(section.memory_mib, 3)} MiB")
    for row, block in enumerate(blocks):
        if block.ratio is not None:
            _note(
                under, block.own.milliseconds, row, f"dense / separable: {number(block.ratio, 2)}"
            )
    label_axes(above, "ms of a round, and the most that tensors take meanwhile", "")
    label_axes(under, f"ms of a batch of {profile.config.settings.batch_size}, block by itself", "")
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
        f"a round of {profile.images} real images: {number(profile.round_ms)} ms, "
        f"{number(rate)} s a kimg; peak memory predicted: {number(profile.predicted_mib)} MiB\n"
        f"medians of {profile.steps} rounds after a warm-up"
    )


def _sections(profile: Profile) -> Sheet:
    sections = profile.sections
    memory = ["-" if each.memory_mib is None else f"{each.memory_mib:.1f}" for each in sections]
    shares = [f"{each.milliseconds / profile.round_ms:.1%}" for each in sections]
    return Sheet(
        [Column("section", [each.name for each in sections])],
        [
            [
                _numbers("round", "ms", (f"{each.milliseconds:.2f}" for each in sections)),
                _numbers("share", "", shares),
                _numbers("tensors", "MiB", memory),
            ]
        ],
    )


def _blocks(profile: Profile) -> Sheet:
    blocks = profile.blocks
    own = [block.own for block in blocks]
    costs = [
        _numbers("params", "", (f"{each.params:,}" for each in own)),
        _numbers("MMACs", "an image", (number(1000 * each.gmacs, 3) for each in own)),
        _numbers("forward", "ms", (f"{each.forward_ms:.2f}" for each in own)),
        _numbers("backward", "ms", (f"{each.backward_ms:.2f}" for each in own)),
        _numbers("activations", "MiB", (f"{each.activations_mib:.2f}" for each in own)),
    ]
    forms = [
        _numbers(form, "ms", (_milliseconds(block.forms.get(form)) for block in blocks))
        for form in FORMS
        if any(block.forms for block in blocks)
    ]
    if forms:
        ratios = ("" if block.ratio is None else number(block.ratio, 2) for block in blocks)
        forms.append(_numbers("ratio", "", ratios))
    return Sheet(
        [Column("block", [block.name for block in blocks])],
        [costs, forms],
        notes=[f"each block by itself, a batch of {profile.config.settings.batch_size}"],
    )


def _milliseconds(cost: BlockCost | None) -> str:
    return "" if cost is None else f"{cost.milliseconds:.2f}"


def _numbers(heading: str, unit: str, cells: Iterable[str]) -> Column:
    return Column(heading, list(cells), unit, numbers=True)
