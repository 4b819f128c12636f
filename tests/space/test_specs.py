"""Parameter specs agree with the models and the JSON Schemas that they are derived from."""

from __future__ import annotations

import pytest

from gansearch.settings import LARGEST, flatten
from gansearch.space.scope import members
from gansearch.space.specs import SEED, auto_values, defaults_of, is_taken, specs_of, takers, takes
from gansearch.variants.catalog import CATALOG

every_variant = pytest.mark.parametrize("variant", CATALOG)


@every_variant
def test_defaults_are_those_of_built_settings(variant: str) -> None:
    built = flatten(CATALOG[variant].settings().model_dump())
    assert defaults_of(variant) == {**built, SEED.name: SEED.default}
    assert takes(variant) == specs_of(variant).keys() == defaults_of(variant).keys()


@every_variant
def test_ranges_are_accepted_as_the_json_schema_has_numbers(variant: str) -> None:
    for spec in specs_of(variant).values():
        kinds = {branch.get("type") for branch in spec.branches if "enum" not in branch}
        assert spec.accepts("float") == ("number" in kinds), spec.name
        assert spec.accepts("int") == bool(kinds & {"number", "integer"}), spec.name


@every_variant
def test_every_parameter_has_a_meaning_and_takes_its_default(variant: str) -> None:
    for name, spec in specs_of(variant).items():
        assert spec.summary, name
        assert name == SEED.name or spec.complaint(spec.default) is None


def test_a_complaint_has_the_accepted_values() -> None:
    specs = specs_of("dcgan")
    for name, value, fragments in (
        ("d_steps", 50, ("less than or equal to 20", "an integer at least 1 and at most 20")),
        ("d_steps", 1.5, ("integer", "or adaptive")),
        ("g_lr", "fast", ("number", "above 0 and at most 1")),
        ("dsc.where", "everywhere", ("'none', 'generator'", "'everywhere'")),
        ("dsc.resolutions", "16-8", ("all, low, high or a range",)),
        ("seed", -1, ("greater than or equal to 0", f"at most {LARGEST:g}")),
    ):
        complaint = specs[name].complaint(value) or ""
        assert all(fragment in complaint for fragment in fragments), complaint


def test_auto_values_follow_from_the_other_parameters() -> None:
    values = auto_values("stylegan3", {"batch_size": 16, "r1_gamma": 3.0}, 64)
    assert values["r1_gamma"] == pytest.approx(0.001 * 64**2 / 16)
    assert auto_values("dcgan", {"batch_size": 16}, 64) == {}


def test_no_parameter_is_called_like_a_group() -> None:
    # The reading of a YAML relies on it: a name that a chosen variant takes is no group.
    names = {name for variant in CATALOG for name in takes(variant)}
    assert not any(members(name) for name in names)


def test_takers_are_the_variants_with_the_parameter() -> None:
    assert takers("momentum") == ["gan"]
    assert set(takers(SEED.name)) == CATALOG.keys()
    assert is_taken("momentum", ["dcgan"])
    assert not is_taken("momentun", ["gan", "no variant"])
