from __future__ import annotations

from dataclasses import fields, replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from gansearch.metrics.protocol import QualityProtocol, differences

PROTOCOL = QualityProtocol(
    method="Fréchet distance",
    features="digits",
    weights="0123456789abcdef",
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


def test_a_protocols_text_names_its_parts() -> None:
    assert str(PROTOCOL) == (
        "samples=900; source=latents of seed 0; against=899 real ones; reference=fedcba98; "
        "method=Fréchet distance; features=digits; weights=01234567; resize=none; "
        f"hash={PROTOCOL.hash}"
    )
    assert len(PROTOCOL.hash) == 8
    assert "against" not in str(replace(PROTOCOL, against="", reference=""))


@given(name=st.sampled_from(["source", "against", "method"]), value=st.text(min_size=1))
def test_differences_are_named(name: str, value: str) -> None:
    found = differences(str(PROTOCOL), str(replace(PROTOCOL, **{name: value})))
    assert found == {name: (getattr(PROTOCOL, name), value.replace(";", ","))}


def test_a_part_that_one_protocol_lacks_is_named() -> None:
    alone = replace(PROTOCOL, against="", reference="")
    assert differences(str(alone), str(PROTOCOL)) == {
        "against": ("none", "899 real ones"),
        "reference": ("none", "fedcba98"),
    }


def test_other_texts_have_no_attributes() -> None:
    assert differences("random", "tf_efficientnet_lite0 1f; frozen") == {}
