"""The protocol of a quality metric: all that two of its values must share to be compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gansearch.data.images import fingerprint


@dataclass(frozen=True)
class QualityProtocol:
    """How one value was measured; its text travels with the value.

    Attributes:
        method: what is computed, with all that it leaves open, such as a number of neighbours.
        features: name of the features.
        checksum: of their weights.
        resize: what is done to the images before them.
        samples: number of images that were scored.
        source: where those came from: ``latents of seed 0``, or a set of real images.
        against: what they were compared with: ``899 real ones``, or a file; empty for nothing.
        reference: fingerprint of that.
    """

    method: str
    features: str
    checksum: str
    resize: str
    samples: int
    source: str
    against: str
    reference: str

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that stand for every attribute in full."""
        return fingerprint(*(f"{name}={value}" for name, value in asdict(self).items()))[:8]

    def __str__(self) -> str:
        against = f" against {self.against} ({self.reference[:8]})" if self.against else ""
        return (
            f"{self.samples} images from {self.source}{against}, {self.method}, "
            f"{self.features} features ({self.checksum[:8]}), resize {self.resize} [{self.hash}]"
        )
