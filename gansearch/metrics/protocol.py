"""The protocol of a quality metric: all that two of its values must share to be compared."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

_SEPARATOR = ";"
_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class QualityProtocol:
    """How one value was measured; its text travels with the value.

    The text is ``samples=900; source=latents of seed 0; ...; hash=0123abcd``: what is not empty,
    hashes by their first digits, and a hash of every attribute in full.

    Attributes:
        samples: number of images that were scored.
        source: where those came from: ``latents of seed 0``, or a set of real images.
        against: what they were compared with: ``899 real ones``, or a file.
        reference: fingerprint of that.
        method: what is computed, with all that it leaves open, such as a number of neighbours.
        features: name of the features.
        weights: checksum of theirs.
        resize: what is done to the images before them.
    """

    samples: int
    source: str
    against: str = ""
    reference: str = ""
    method: str
    features: str = ""
    weights: str = ""
    resize: str = ""

    @property
    def hash(self) -> str:
        """Hexadecimal digits that stand for every attribute in full."""
        return hashlib.blake2b(repr(self).encode(), digest_size=_DIGITS // 2).hexdigest()

    def __str__(self) -> str:
        hashes = {
            "reference": self.reference[:_DIGITS],
            "weights": self.weights[:_DIGITS],
            "hash": self.hash,
        }
        parts = (
            f"{name}={str(value).replace(_SEPARATOR, ',')}"
            for name, value in {**asdict(self), **hashes}.items()
            if value
        )
        return f"{_SEPARATOR} ".join(parts)


def differences(one: str, other: str) -> dict[str, tuple[str, str]]:
    """The attributes that the texts of two protocols differ in, with what each has.

    Nothing where a text is no protocol's, or what differs is cut off in both.
    """
    mine, theirs = _attributes(one), _attributes(other)
    return {
        name: (mine.get(name, "none"), theirs.get(name, "none"))
        for name in mine | theirs
        if mine.get(name) != theirs.get(name) and name != "hash"
    }


def _attributes(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(f"{_SEPARATOR} "))
    return {name: value for name, equals, value in pairs if equals}
