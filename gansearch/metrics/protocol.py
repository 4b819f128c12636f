"""The protocol of a quality metric: everything that two comparable values have in common."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

_SEPARATOR = ";"
_DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class QualityProtocol:
    """Protocol of one value; its text is stored with the value.

    The text is ``samples=900; source=latents of seed 0; ...; hash=0123abcd``. It has the nonempty
    attributes, the first digits of hashes, and a hash of all attributes in full.

    Attributes:
        samples: number of evaluated images.
        source: origin of the images: ``latents of seed 0``, or a set of real images.
        against: reference of the comparison: ``899 real ones``, or a file.
        reference: fingerprint of the reference.
        method: description of the computation and its parameters, such as a number of neighbours.
        features: name of the features.
        weights: checksum of the features' weights.
        resize: description of the resizing before the features.
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
        """Hash of all attributes in full, in hexadecimal digits."""
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
    """Attributes in which the texts of two protocols differ, with both values.

    The hash is not compared. The result can be empty for different texts: a text may not be a
    protocol's, or the difference may lie in digits that both texts omit.
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
