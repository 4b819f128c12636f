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

from gansearch.settings import AUTO, Params, flatten
from gansearch.space import Parameter, Space, parse_space
from gansearch.space.specs import SEED, ParameterSpec, auto_values, defaults_of, specs_of, takes
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


def interval(specs: list[ParameterSpec]) -> tuple[float, float]:
    """The numbers that all of them take."""
    numeric = ("integer", "number")
    schemas = [next(b for b in spec.branches if b["type"] in numeric) for spec in specs]
    lows = [s.get("minimum", s.get("exclusiveMinimum", 0) + 1e-6) for s in schemas]
    highs = [s.get("maximum", s.get("exclusiveMaximum", 2000) - 1e-6) for s in schemas]
    return max(lows), min(highs)


def listed(spec: ParameterSpec) -> list[Any]:
    branch = spec.branches[0]
    if branch.get("type") == "boolean":
        return [False, True]
    return [branch["const"]] if "const" in branch else branch.get("enum", ["all", "low", "8-16"])


def written(specs: list[ParameterSpec], draw: st.DrawFn) -> Any:
    """A parameter as a YAML may have it, with values that all variants of the specs take."""
    if not specs[0].accepts("int"):
        values = [v for v in listed(specs[0]) if all(v in listed(spec) for spec in specs)]
        return draw(st.lists(st.sampled_from(values), min_size=1, unique=True))
    low, high = interval(specs)
    if not specs[0].accepts("float"):
        whole = st.integers(int(low), int(high))
        a, b = sorted(draw(st.lists(whole, min_size=2, max_size=2, unique=True)))
        return {"type": "int", "low": a, "high": b, "step": draw(st.integers(1, b - a))}
    numbers = st.integers(ceil(low * 1000), floor(high * 1000)).map(lambda n: n / 1000)
    least, most = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
    widest = round((most - least) * 1000)
    step = {"step": draw(st.integers(1, widest)) / 1000} if draw(st.booleans()) else {}
    return {"type": "float", "low": least, "high": most, **step}


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    variants = draw(st.lists(st.sampled_from(list(CATALOG)), min_size=1, max_size=4, unique=True))
    names = sorted({n for variant in variants for n in takes(variant)} - {SEED.name})
    chosen = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=8))
    parameters: dict[str, Any] = {}
    related: set[str] = set()  # by a condition, which must stay possible
    for name in chosen:
        takers = [variant for variant in variants if name in takes(variant)]
        form = written([specs_of(variant)[name] for variant in takers], draw)
        choices = [
            other
            for other, spec in parameters.items()
            if isinstance(spec, list) and any(other in takes(v) for v in takers)
        ]
        if isinstance(form, dict) and choices and draw(st.booleans()):
            parent = draw(st.sampled_from(choices))
            form["when"] = {parent: draw(st.sampled_from(parameters[parent]))}
            related |= {parent, name}
        parameters[name] = form
    for name in chosen:
        takers = [variant for variant in variants if name in takes(variant)]
        for variant in () if name in related else draw(st.sets(st.sampled_from(takers))):
            own = written([specs_of(variant)[name]], draw)
            if draw(st.booleans()):
                parameters[f"{variant}.{name}"] = own
            else:
                parameters.setdefault(variant, {})[name] = own
        if all(own_of(variant, name, parameters) for variant in takers):
            del parameters[name]
    shuffled = dict(draw(st.permutations(list(parameters.items()))))
    return parse_space(json.dumps({"variant": variants, "parameters": shuffled}), "drawn.yaml")


def own_of(variant: str, name: str, parameters: dict[str, Any]) -> bool:
    return f"{variant}.{name}" in parameters or name in parameters.get(variant, {})


def parameters_of(space: Space, variant: str) -> dict[str, Parameter]:
    """All parameters that a variant can be sampled for; its own override shared ones."""
    own = {n: space.parameters.get(f"{variant}.{n}") for n in takes(variant)}
    both = {name: space.parameters.get(name) if p is None else p for name, p in own.items()}
    return {name: parameter for name, parameter in both.items() if parameter is not None}


def asked_for(space: Space, params: Params) -> dict[str, Parameter]:
    """The parameters that should be asked, by their definition."""
    parameters = parameters_of(space, str(params["variant"]))
    active: set[str] = set()
    while True:
        more = {
            name
            for name, parameter in parameters.items()
            if all(o in active and params[o] in v for o, v in parameter.when.items())
        }
        if more == active:
            return {name: parameters[name] for name in active}
        active = more


@given(spaces(), st.data())
def test_sampled_configurations_can_be_trained(space: Space, data: st.DataObject) -> None:
    trial = DrawnTrial(data)
    params = space.plain(space.sample(trial))
    assert trial.asked[:1] == ["variant"] or len(space.variant) == 1
    assert len(trial.asked) == len(set(trial.asked))
    asked = asked_for(space, params)
    assert without_variant(params).keys() == asked.keys()
    assert all(asked[n].admits(v) for n, v in without_variant(params).items())
    config = space.train_config(params, seed=5)
    assert config.variant == params["variant"]
    chosen = {**flatten(config.settings.model_dump()), SEED.name: SEED.default}
    expected = {**defaults_of(config.variant), **without_variant(params)}
    auto = auto_values(config.variant, params, space.data.resolution)
    expected |= {name: value for name, value in auto.items() if expected[name] == AUTO}
    assert chosen == expected


def without_variant(params: Params) -> Params:
    return {name: value for name, value in params.items() if name != "variant"}


@given(spaces())
def test_first_trials_are_within_the_ranges(space: Space) -> None:
    assert [params["variant"] for params in space.defaults()] == list(space.variant)
    for params in space.defaults():
        asked = asked_for(space, params)
        assert without_variant(params).keys() == asked.keys()
        paper = defaults_of(str(params["variant"]))
        for name, value in without_variant(params).items():
            assert asked[name].admits(value)
            if asked[name].admits(paper[name]):
                assert value == paper[name] or abs(value - paper[name]) < 1e-9  # type: ignore[operator]
        space.train_config(params, seed=0)


@settings(max_examples=20)
@pytest.mark.filterwarnings("error::UserWarning")
@given(spaces())
def test_optuna_asks_the_same_and_takes_the_first_trials(space: Space) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params in space.defaults():
        study.enqueue_trial(space.sampled(params))
        assert space.plain(space.sample(study.ask())) == params
    trial = study.ask()
    free = space.plain(space.sample(trial))
    space.train_config(free, seed=1)
    drawn = {**space.sampled(free), "variant": free["variant"]}
    assert {**trial.params, "variant": free["variant"]} == drawn
    assert space.plain(space.sample(optuna.trial.FixedTrial(space.sampled(free)))) == free


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{type: float, low: 1e-3, high: 10, log: true}", 0.001 * 64**2 / 16),
        ("{type: float, low: 1, high: 10}", 1.0),
        ("[auto, 5, 10]", "auto"),
        ("[0.1, 0.2, 5, 10]", 0.2),
    ],
)
def test_first_trials_have_what_follows_from_the_images_and_the_batch(spec, expected) -> None:
    """R1's weight follows from the batch size of the first trial, which is not the paper's."""
    text = f"""\
variant: stylegan3
data: {{name: photos, resolution: 64}}
parameters: {{r1_gamma: {spec}, batch_size: [8, 16]}}
objectives: {{fd_random: minimize}}
"""
    space = parse_space(text, "x.yaml")
    (first,) = space.defaults()
    assert first["batch_size"] == 16
    assert first["r1_gamma"] == (expected if expected == "auto" else pytest.approx(expected))
    trained = space.train_config(first, seed=0).settings
    assert trained.ema_kimg == 5  # likewise, where it is not searched


def test_a_seed_is_a_trials_and_no_setting() -> None:
    text = """\
variant: [gan, dcgan]
training: {gan.seed: 7}
parameters: {dcgan.seed: [3, 4], g_lr: [0.001, 0.1]}
search: {sampler: grid}
"""
    space = parse_space(text, "x.yaml")
    gan, dcgan = space.defaults()
    assert "seed" not in gan
    assert dcgan["seed"] == 3
    assert [space.seed_of(gan), space.seed_of(dcgan)] == [7, 3]
    assert space.seed_of({"variant": "dcgan", "seed": 4}) == 4
    config = space.train_config(dcgan, seed=3)
    assert config.seed == 3
    assert "seed" not in type(config.settings).model_fields
    unseeded = parse_space("variant: gan\nparameters: {d_steps: [1, 2]}\n", "x.yaml")
    assert unseeded.seed_of(unseeded.defaults()[0]) is None


def test_a_condition_is_met_only_by_what_was_asked() -> None:
    text = """\
variant: dcgan
parameters:
  dsc.order: {type: choice, values: [depthwise_first], when: {dsc.kernel_size: 5}}
  dsc.kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
  dsc.where: [none, generator, both]
"""
    space = parse_space(text, "x.yaml")
    assert tuple(space.searched["dcgan"]) == ("dsc.where", "dsc.kernel_size", "dsc.order")
    choice = optuna.trial.FixedTrial({"dsc.where": "none"})
    assert space.plain(space.sample(choice)) == {"variant": "dcgan", "dsc.where": "none"}
    everything: Params = {
        "dsc.where": "both",
        "dsc.kernel_size": 5,
        "dsc.order": "depthwise_first",
    }
    assert space.plain(space.sample(optuna.trial.FixedTrial(everything))) == {
        "variant": "dcgan",
        **everything,
    }
