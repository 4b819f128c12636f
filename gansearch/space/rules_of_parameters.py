"""Rules of what is searched: parameters, fixed settings and conditions against the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from gansearch.config import Scalar
from gansearch.space.draft import Draft, Finding
from gansearch.space.knobs import Knob, groups, knobs_of, takers, takes
from gansearch.space.parameters import Choice, FloatRange, IntRange, Parameter
from gansearch.space.wording import listed, meant, shown, unknown
from gansearch.variants.catalog import CATALOG

_REASONS = {
    "dsc": "its networks have no convolutions to make separable",
    "d_steps": "it has no discriminator",
    "d_lr_ratio": "it has no discriminator",
}


def taken(draft: Draft) -> Iterator[Finding]:
    """At least one chosen variant takes every parameter and every fixed setting."""
    for section in ("parameters", "training"):
        for name in getattr(draft.space, section):
            if not any(name in takes(variant) for variant in draft.variants):
                yield (section, name), _not_taken(name, draft.variants)


def _not_taken(name: str, variants: Sequence[str]) -> str:
    if name in groups():
        members = sorted(n for v in CATALOG for n in takes(v) if n.startswith(f"{name}."))
        return f"is a group and has no value of its own; its parameters: {listed(members)}"
    if not takers(name):
        known = {parameter for variant in variants for parameter in takes(variant)}
        return unknown(f"parameter of {' or '.join(variants)}", name, known)
    reason = next((r for start, r in _REASONS.items() if name.split(".")[0] == start), "")
    refused = f"{' and '.join(variants)} {'does' if len(variants) == 1 else 'do'} not take it"
    return f"{refused}{': ' + reason if reason else ''}; variants that do: {listed(takers(name))}"


def fitting(draft: Draft) -> Iterator[Finding]:
    """Every value that a parameter can have is one that the variant takes."""
    for name, parameter in draft.space.parameters.items():
        for knob in _knobs_called(name, draft):
            if isinstance(parameter, FloatRange | IntRange) and not knob.accepts(parameter.type):
                message = f"takes {knob.domain}, not a range of type {parameter.type}"
                yield ("parameters", name, "type"), message
            else:
                yield from _wrong_values(("parameters", name), _values(parameter), knob)


def training_fits(draft: Draft) -> Iterator[Finding]:
    """Every fixed setting has a value that the variant takes."""
    for name, value in draft.space.training.items():
        for knob in _knobs_called(name, draft):
            yield from _wrong_values(("training", name), {"value": value}, knob)


def _values(parameter: Parameter) -> dict[str, Scalar]:
    # A setting's own range is an interval, so it holds a range of which it holds both ends.
    if isinstance(parameter, FloatRange | IntRange):
        return {"low": parameter.low, "high": parameter.high}
    return {str(i): value for i, value in enumerate(parameter.values)}


def _wrong_values(
    path: tuple[str, ...], values: Mapping[str, Scalar], knob: Knob
) -> Iterator[Finding]:
    for key, value in values.items():
        complaint = knob.complaint(value)
        if complaint:
            yield (*path, key), complaint


def _knobs_called(name: str, draft: Draft) -> list[Knob]:
    return [knobs[name] for v in draft.variants if name in (knobs := knobs_of(v))]


def searched_or_fixed(draft: Draft) -> Iterator[Finding]:
    """Nothing is both searched and fixed."""
    searched = draft.space.parameters.keys() | {
        key.removeprefix("parameters.") for key in draft.broken if key.startswith("parameters.")
    }
    for name in draft.space.training:
        if name in searched:
            yield ("training", name), "is in parameters too; leave it in one of the two"


def conditions(draft: Draft) -> Iterator[Finding]:
    """A condition is on something that is searched and on a value that it can have."""
    for name, parameter in draft.space.parameters.items():
        for other, values in parameter.when.items():
            path = ("parameters", name, "when", other)
            if f"parameters.{other}" in draft.broken:
                continue
            condition = _searched(other, draft)
            if condition is None:
                yield path, _not_searched(other, draft)
                continue
            domain = _domain(condition)
            for value in values:
                if not condition.admits(value):
                    hint = meant(value, domain.split(", "))
                    yield path, f"{other} can never be {shown(value)}; it is one of {domain}{hint}"
            if not any(
                name in takes(v) and (other in takes(v) or other == "variant")
                for v in draft.variants
            ):
                yield path, f"can never hold: no chosen variant takes both {name} and {other}"


def _searched(name: str, draft: Draft) -> Parameter | None:
    if name == "variant":
        return Choice(type="choice", values=tuple(draft.variants))
    return draft.space.parameters.get(name)


def _not_searched(name: str, draft: Draft) -> str:
    if name in draft.space.training:
        return f"{name} is fixed in training; a condition is on what is searched"
    return unknown("searched parameter", name, [*draft.space.parameters, "variant"])


def _domain(parameter: Parameter) -> str:
    if isinstance(parameter, FloatRange | IntRange):
        return f"{parameter.low:g} to {parameter.high:g}"
    return listed(parameter.values)


def acyclic(draft: Draft) -> Iterator[Finding]:
    """No condition depends on itself."""
    graph = {name: parameter.when for name, parameter in draft.space.parameters.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]
        yield ("parameters", cycle[-1], "when"), f"conditions in a circle: {' → '.join(cycle)}"
