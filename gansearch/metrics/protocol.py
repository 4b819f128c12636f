"""The protocol of a quality metric: all that two of its values must share to be compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gansearch.data.images import fingerprint


@dataclass(frozen=True)
class QualityProtocol:
    """How one value was measured; its text travels with the value.

    Attributes:
        features: name of the features.
        checksum: of their weights.
        resize: what is done to the images before them.
        samples: number of images that were scored.
        source: where those came from: ``latents of seed 0``, or a set of real images.
        reference: fingerprint of the images that they were compared with.
        reference_count: how many those are.
    """

    features: str
    checksum: str
    resize: str
    samples: int
    source: str
    reference: str
    reference_count: int

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that stand for every attribute in full."""
        return fingerprint(*(f"{name}={value}" for name, value in asdict(self).items()))[:8]

    def __str__(self) -> str:
        return (
            f"{self.samples} images from {self.source} against {self.reference_count} real ones "
            f"({self.reference[:8]}), {self.features} features ({self.checksum[:8]}), "
            f"resize {self.resize} [{self.hash}]"
        )
