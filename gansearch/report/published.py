"""Published comparisons from papers, to show beside a study's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedChange:
    """One row of a paper's table.

    Attributes:
        data: name of the data set.
        resolution: image resolution, in pixels.
        fid: change of FID in percent, or ``None`` if the paper gives none.
        time: change of the training time in percent, or ``None`` if the paper gives none.
    """

    data: str
    resolution: int
    fid: float | None
    time: float | None


@dataclass(frozen=True)
class Published:
    """A paper's table of changes from its baseline.

    Attributes:
        source: the paper.
        rows: rows as published.
        note: further statements of the paper.
    """

    source: str
    rows: tuple[PublishedChange, ...]
    note: str


PUBLISHED: dict[str, Published] = {
    "faster_projected_gan": Published(
        source="Wang et al. 2024, Faster Projected GAN: separable generator against dense",
        rows=(
            PublishedChange("ffhq-1k", 256, 2.05, -18.7),
            PublishedChange("landscapes", 256, 0.26, -19.24),
            PublishedChange("art paintings", 256, 1.72, -26.16),
            PublishedChange("Pokemon", 256, 11.01, -23.6),
            PublishedChange("earthquake scenes", 512, None, None),
        ),
        note="About 15% less memory; better and faster on earthquake scenes, without numbers.",
    ),
}
"""Published tables by the variant that the paper proposes."""
