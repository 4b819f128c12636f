"""The JSON Schema is in step with the models, takes every shipped space and refuses wrong ones."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from gansearch.metrics.catalog import METRICS
from gansearch.space import load_space
from gansearch.space.schema import json_schema, to_text
from gansearch.space.specs import takes
from gansearch.variants.catalog import CATALOG

FOLDER = Path(__file__).parents[2] / "search_spaces"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
VALIDATOR = Draft7Validator(json_schema())
MINIMAL: dict[str, Any] = {"variant": "dcgan", "parameters": {"g_lr": 1e-4}}


def test_the_shipped_file_is_in_step() -> None:
    written = (FOLDER / "space.schema.json").read_text("utf-8")
    command = "python -m gansearch.space.schema > search_spaces/space.schema.json"
    assert written == to_text(json_schema()), f"run {command}"


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(json_schema())


def test_every_name_of_the_catalogs_is_completed() -> None:
    properties = json_schema()["properties"]
    for variant in CATALOG:
        assert takes(variant) <= properties["parameters"]["properties"].keys()
        assert takes(variant) <= properties["training"]["properties"].keys()
    assert "where" in properties["parameters"]["properties"]["dsc"]["properties"]
    assert properties["objectives"]["properties"].keys() == METRICS.keys()
    parameters = properties["parameters"]["properties"]
    assert all(schema["description"] for name, schema in parameters.items() if name != "dsc")
    for section, variant in product(("parameters", "training"), CATALOG):
        within = properties[section]["properties"][variant]["properties"]
        assert within.keys() == takes(variant) | groups_of(variant)
    assert set(properties["variant"]["anyOf"][0]["enum"]) == set(CATALOG)


def groups_of(variant: str) -> set[str]:
    return {name.rpartition(".")[0] for name in takes(variant)} - {""}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_space_is_valid(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=./space.schema.json\n")
    VALIDATOR.validate(YAML(typ="safe").load(text))
    space = load_space(path)
    assert space.name == path.stem
    assert len(space.defaults()) == len(space.variant)


def with_changes(**changes: Any) -> dict[str, Any]:
    return {**MINIMAL, **changes}


@pytest.mark.parametrize(
    "right",
    [
        with_changes(),
        with_changes(variant=["gan", "dcgan"]),
        with_changes(parameters={"dsc": {"where": ["none", "both"]}, "dsc.kernel_size": 5}),
        with_changes(parameters={"beta1": {"type": "float", "low": 0, "high": 0.5, "step": 0.1}}),
        with_changes(
            parameters={
                "dsc.where": ["none", "both"],
                "beta1": {
                    "type": "choice",
                    "values": [0, 0.5],
                    "when": {"dsc.where": "both", "variant": ["dcgan"]},
                },
            }
        ),
        with_changes(training={"dsc": {"where": "both"}, "batch_size": 32}),
        with_changes(parameters={"gan": {"g_lr": [0.1, 0.3]}, "dcgan": {"dsc": {"where": "both"}}}),
        with_changes(training={"gan": {"batch_size": 16}, "dcgan": {"dsc.where": "both"}}),
        with_changes(objectives={"fid": {"max": 30}, "gmacs": "minimize"}),
        with_changes(constraints={"params_m": {"max": 5}}),
        with_changes(budget={"rungs": 3, "wall_clock": "1h30m"}),
        with_changes(budget={"rungs": [1, 2.5], "wall_clock": 90}),
        with_changes(evaluation={"metrics": ["fd_random"]}),
    ],
    ids=str,
)
def test_right_ones_pass(right: dict[str, Any]) -> None:
    VALIDATOR.validate(right)


@pytest.mark.parametrize(
    "wrong",
    [
        {"variant": "dcgan"},
        {"parameters": {}},
        with_changes(budjet={}),
        with_changes(text="hello"),
        with_changes(variant="dcgam"),
        with_changes(variant=[]),
        with_changes(data={"name": "digit"}),
        with_changes(parameters={"g_lrr": 1e-4}),
        with_changes(parameters={"g_lr": "fast"}),
        with_changes(parameters={"d_steps": [1, 50]}),
        with_changes(parameters={"d_steps": []}),
        with_changes(parameters={"d_steps": {"type": "float", "low": 1, "high": 2}}),
        with_changes(parameters={"g_lr": {"type": "float", "low": 1e-4}}),
        with_changes(parameters={"g_lr": {"type": "float", "low": 1e-4, "high": 1, "lgo": True}}),
        with_changes(parameters={"dsc": {"where": "everywhere"}}),
        with_changes(parameters={"dsc": {"wher": "both"}}),
        with_changes(
            parameters={"g_lr": {"type": "constant", "value": 1e-4, "when": {"dsc.wher": "both"}}}
        ),
        with_changes(training={"beta1": [0, 0.5]}),
        with_changes(parameters={"gan": {"g_lr": "fast"}}),
        with_changes(parameters={"gan": {"beta1": 0.5}}),
        with_changes(parameters={"gan": {"dsc": {"where": "both"}}}),
        with_changes(parameters={"dcgan": {"dsc": {"where": "everywhere"}}}),
        with_changes(parameters={"gan": 0.1}),
        with_changes(training={"gan": {"batch_size": [16, 32]}}),
        with_changes(objectives={"fidd": "minimize"}),
        with_changes(objectives={"fid": "smaller"}),
        with_changes(objectives={"fid": {"metric": "fid"}}),
        with_changes(constraints={"params_m": 5}),
        with_changes(budget={"trials": 0}),
        with_changes(budget={"wall_clock": "2 hours"}),
        with_changes(budget={"rungs": -1}),
        with_changes(budget={"wall_clock_s": 3}),
        with_changes(evaluation={"metrics": ["gmacs"]}),
        with_changes(search={"sampler": "tpee"}),
        with_changes(resources={"cpus": 0}),
    ],
    ids=str,
)
def test_wrong_ones_fail(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(wrong)
