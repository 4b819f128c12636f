from __future__ import annotations

from dataclasses import fields, replace

import pytest

from gansearch.metrics.protocol import QualityProtocol

PROTOCOL = QualityProtocol(
    method="Fréchet distance",
    features="digits",
    checksum="0123456789abcdef",
    resize="none",
    samples=900,
    source="latents of seed 0",
    against="899 real ones",
    reference="fedcba9876543210",
)


@pytest.mark.parametrize("name", [field.name for field in fields(QualityProtocol)])
def test_every_attribute_counts_in_full(name: str) -> None:
    """Also what the text cuts off, such as the end of a checksum."""
    value = getattr(PROTOCOL, name)
    other = replace(PROTOCOL, **{name: value + 1 if name == "samples" else value + "x"})
    assert other.hash != PROTOCOL.hash
    assert str(other) != str(PROTOCOL)


def test_the_text_tells_what_a_person_asks_for() -> None:
    text = str(PROTOCOL)
    for part in ("900 images", "latents of seed 0", "899 real ones (fedcba98)", "digits features"):
        assert part in text
    assert text.endswith(f"[{PROTOCOL.hash}]")
    assert len(PROTOCOL.hash) == 8


def test_what_is_compared_with_nothing_says_nothing_of_it() -> None:
    assert "against" not in str(replace(PROTOCOL, against="", reference=""))
