"""What a quality metric is to the evaluator: something that tallies images and gives a value."""

from __future__ import annotations

from typing import Protocol

from gansearch.data import ImageSet
from gansearch.data.batch import Batch


class Tally(Protocol):
    """What a measure keeps of one set of images as they come in batches."""

    def update(self, batch: Batch) -> None:
        """Take images to be scored, with the conditions that they were made under."""

    def values(self) -> dict[str, float]:
        """The metric's value by its name, and what else there is to say by names of its own."""


class Measure(Protocol):
    """One quality metric on one data set."""

    @property
    def real(self) -> ImageSet | None:
        """Real images that show what no generator can be expected to beat, where there are any."""

    def tally(self) -> Tally:
        """A new tally, for one set of images."""

    def protocol(self, samples: int, source: str) -> str:
        """All that two values must share to be compared, as text that ends in a hash.

        Args:
            samples: number of images that were scored.
            source: where they came from, e.g. ``latents of seed 0``.
        """
