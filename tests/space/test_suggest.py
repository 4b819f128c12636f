"""Whatever is sampled from a space can be trained, and every condition is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil, floor
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.config import Params, Scalar, flatten, nest
from gansearch.space import Space, parse_space
from gansearch.space.knobs import Knob, defaults_of, knobs_of, takes
from gansearch.variants.catalog import CATALOG


class DrawnTrial:
    """A trial whose values hypothesis draws."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.asked: list[str] = []

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.asked.append(name)
        if step is None:
            return self._data.draw(st.floats(low, high))
        return min(low + step * self._data.draw(st.integers(0, round((high - low) / step))), high)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.asked.append(name)
        return self._data.draw(st.sampled_from(range(low, high + 1, step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked.append(name)
        return self._data.draw(st.sampled_from(choices))


def interval(knob: Knob) -> tuple[float, float]:
    schema = next(branch for branch in knob.branches if branch["type"] in ("integer", "number"))
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1e-6)
    high = schema.get("maximum", schema.get("exclusiveMaximum", 2000) - 1e-6)
    return low, high


def written(knob: Knob, draw: st.DrawFn) -> Any:
    """A parameter as a YAML may have it, with values that the variant takes."""
    if knob.accepts("int") and not knob.accepts("float"):
        low, high = (int(end) for end in interval(knob))
        a, b = sorted(draw(st.lists(st.integers(low, high), min_size=2, max_size=2, unique=True)))
        step = draw(st.integers(1, b - a))
        return {"type": "int", "low": a, "high": b, "step": step}
    if knob.accepts("float"):
        low, high = interval(knob)
        numbers = st.integers(ceil(low * 1000), floor(high * 1000)).map(lambda n: n / 1000)
        a, b = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
        widest = round((b - a) * 1000)
        step = {"step": draw(st.integers(1, widest)) / 1000} if draw(st.booleans()) else {}
        return {"type": "float", "low": a, "high": b, **step}
    enumerated = knob.branches[0].get("enum", ["all", "low", "8-16"])
    return draw(st.lists(st.sampled_from(enumerated), min_size=1, unique=True))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    variants = draw(st.lists(st.sampled_from(list(CATALOG)), min_size=1, unique=True))
    knobs = {name: knob for variant in variants for name, knob in knobs_of(variant).items()}
    names = draw(st.lists(st.sampled_from(sorted(knobs)), unique=True, min_size=1, max_size=8))
    parameters: dict[str, Any] = {}
    for name in names:
        both = [v for v in variants if name in takes(v)]
        form = written(_narrowest(name, both), draw)
        choices = [
            other
            for other, spec in parameters.items()
            if isinstance(spec, list) and any(other in takes(v) for v in both)
        ]
        if isinstance(form, dict) and choices and draw(st.booleans()):
            parent = draw(st.sampled_from(choices))
            form["when"] = {parent: draw(st.sampled_from(parameters[parent]))}
        parameters[name] = form
    shuffled = dict(draw(st.permutations(list(parameters.items()))))
    return parse_space(json.dumps({"variant": variants, "parameters": shuffled}), "drawn.yaml")


def _narrowest(name: str, variants: list[str]) -> Knob:
    knobs = [knobs_of(variant)[name] for variant in variants]
    return min(knobs, key=lambda k: interval(k)[1] if k.accepts("int") else 0)


def asked_for(space: Space, params: Params) -> set[str]:
    """The parameters that should be asked, by their definition."""
    active: set[str] = set()
    while True:
        more = {
            name
            for name, parameter in space.parameters.items()
            if name in takes(str(params["variant"]))
            and all(o in active and params[o] in v for o, v in parameter.when.items())
        }
        if more == active:
            return active
        active = more


@given(spaces(), st.data())
def test_what_is_suggested_can_be_trained(space: Space, data: st.DataObject) -> None:
    trial = DrawnTrial(data)
    params = space.suggest(trial)
    assert trial.asked[:1] == ["variant"] or len(space.variant) == 1
    assert len(trial.asked) == len(set(trial.asked))
    assert params.keys() - {"variant"} == asked_for(space, params)
    assert all(space.parameters[n].admits(v) for n, v in params.items() if n != "variant")
    config = space.train_config(params, seed=5)
    assert config.variant == params["variant"]
    chosen = flatten(config.settings.model_dump())
    assert chosen == {**defaults_of(config.variant), **without_variant(params)}


def without_variant(params: Params) -> Params:
    return {name: value for name, value in params.items() if name != "variant"}


@given(spaces())
def test_first_trials_are_within_the_ranges(space: Space) -> None:
    assert [params["variant"] for params in space.defaults()] == list(space.variant)
    for params in space.defaults():
        assert params.keys() - {"variant"} == asked_for(space, params)
        paper = defaults_of(str(params["variant"]))
        for name, value in without_variant(params).items():
            assert space.parameters[name].admits(value)
            if space.parameters[name].admits(paper[name]):
                assert value == paper[name] or abs(value - paper[name]) < 1e-9  # type: ignore[operator]
        space.train_config(params, seed=0)


@settings(max_examples=20)
@pytest.mark.filterwarnings("error::UserWarning")
@given(spaces())
def test_optuna_asks_the_same_and_takes_the_first_trials(space: Space) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params in space.defaults():
        study.enqueue_trial(params)
        assert space.suggest(study.ask()) == params
    free = space.suggest(study.ask())
    space.train_config(free, seed=1)


NAMES = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
VALUES = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES, min_size=1), NAMES)
def test_nest_and_flatten_are_inverse(
    plain: dict[str, Scalar], group: dict[str, Scalar], name: str
) -> None:
    nested: dict[str, Any] = {**plain, name: group}
    assert nest(flatten(nested)) == nested
    flat = flatten(nested)
    assert flatten(nest(flat)) == flat


def test_a_condition_is_met_only_by_what_was_asked() -> None:
    text = """\
variant: dcgan
parameters:
  dsc.order: {type: choice, values: [depthwise_first], when: {dsc.kernel_size: 5}}
  dsc.kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
  dsc.where: [none, generator, both]
"""
    space = parse_space(text, "x.yaml")
    assert space.order == ("dsc.where", "dsc.kernel_size", "dsc.order")
    choice = optuna.trial.FixedTrial({"dsc.where": "none"})
    assert space.suggest(choice) == {"variant": "dcgan", "dsc.where": "none"}
    everything: Params = {
        "dsc.where": "both",
        "dsc.kernel_size": 5,
        "dsc.order": "depthwise_first",
    }
    assert space.suggest(optuna.trial.FixedTrial(everything)) == {
        "variant": "dcgan",
        **everything,
    }
