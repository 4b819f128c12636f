"""Rules for parameters, fixed settings and conditions, checked against the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from gansearch.settings import Scalar
from gansearch.space.draft import Draft, Finding
from gansearch.space.parameters import Choice, FloatRange, IntRange, Parameter
from gansearch.space.scope import SECTIONS, split
from gansearch.space.space import Space
from gansearch.space.specs import ParameterSpec, specs_of, takers, takes
from gansearch.space.wording import listed, shown, suggestion, unknown

_KEYS_OF_A_RANGE = ("type", "low", "high", "log", "step", "values", "value", "when")
_REASONS = {
    "dsc": "its networks have no convolutions to make separable",
    "d_steps": "it has no discriminator",
    "d_target": "it has no discriminator",
    "d_lr_ratio": "it has no discriminator",
}


def taken(draft: Draft) -> Iterator[Finding]:
    """Every parameter and fixed setting is used by a chosen variant."""
    for section in SECTIONS:
        for key in getattr(draft.space, section):
            owner, name = split(key)
            variants = [owner] if owner else draft.variants
            if owner and owner not in draft.variants:
                chosen = f"{owner} is not chosen, variant is {listed(draft.variants)}"
                yield (section, owner), f"{chosen}; add it there or remove what is here"
            elif not any(name in takes(variant) for variant in variants):
                yield (section, key), _not_taken(name, variants)
            elif not owner and _overridden(name, draft):
                yield (section, key), "is never used: each variant that takes it has one of its own"


def _overridden(name: str, draft: Draft) -> bool:
    entries = [draft.entries[v][name] for v in draft.variants if name in takes(v)]
    return all(split(key)[0] for _, key in entries)


def _not_taken(name: str, variants: Sequence[str]) -> str:
    known = {parameter for variant in variants for parameter in takes(variant)}
    first = name.split(".")[0]
    if first in Space.model_fields:
        return f"{first} is a section of its own: begin its line at the left margin"
    if name in _KEYS_OF_A_RANGE:
        return "is a key of a parameter: indent it under its parameter's name"
    if not takers(name):
        whose = f"parameter of {' or '.join(variants)}"
        own = (f"{variant}.{parameter}" for variant in variants for parameter in takes(variant))
        hint = suggestion(name, [*known, *own]) or f"; known: {listed(sorted(known))}"
        return f"{name!r} is not a {whose}{hint}"
    reason = next((r for start, r in _REASONS.items() if name.split(".")[0] == start), "")
    refused = f"{' and '.join(variants)} {'does' if len(variants) == 1 else 'do'} not take it"
    return f"{refused}{': ' + reason if reason else ''}; variants that do: {listed(takers(name))}"


def fitting(draft: Draft) -> Iterator[Finding]:
    """Every possible value of a parameter is valid for the variant."""
    for key, parameter in draft.space.parameters.items():
        for spec in _specs("parameters", key, draft):
            if isinstance(parameter, FloatRange | IntRange) and not spec.accepts(parameter.type):
                message = f"takes {spec.domain}, not a range of type {parameter.type}"
                yield ("parameters", key, "type"), message
            else:
                yield from _wrong_values(("parameters", key), values(parameter), spec)


def training_fits(draft: Draft) -> Iterator[Finding]:
    """Every fixed setting has a value that is valid for the variant."""
    for key, value in draft.space.training.items():
        for spec in _specs("training", key, draft):
            yield from _wrong_values(("training", key), {"value": value}, spec)


def values(parameter: Parameter) -> dict[str, Scalar]:
    """Return the values of a parameter to validate, by their keys in the YAML."""
    # A setting's domain is an interval: it contains a range if it contains both ends.
    if isinstance(parameter, FloatRange | IntRange):
        return {"low": parameter.low, "high": parameter.high}
    return {str(i): value for i, value in enumerate(parameter.values)}


def _wrong_values(
    path: tuple[str, ...], values: Mapping[str, Scalar], spec: ParameterSpec
) -> Iterator[Finding]:
    for key, value in values.items():
        complaint = spec.complaint(value)
        if complaint:
            yield (*path, key), complaint


def _specs(section: str, key: str, draft: Draft) -> list[ParameterSpec]:
    chosen = (v for v in draft.users(section, key) if v in draft.space.variant)
    return [specs_of(variant)[split(key)[1]] for variant in chosen]


def searched_or_fixed(draft: Draft) -> Iterator[Finding]:
    """No parameter is both searched and fixed."""
    searched = draft.space.parameters.keys() | {
        key.removeprefix("parameters.") for key in draft.broken if key.startswith("parameters.")
    }
    for name in draft.space.training:
        if name in searched:
            yield ("training", name), "is in parameters too; leave it in one of the two"


def conditions(draft: Draft) -> Iterator[Finding]:
    """A condition names a searched parameter and a possible value of it."""
    for key, parameter in draft.space.parameters.items():
        users = draft.users("parameters", key)
        for other, values in parameter.when.items() if users else ():
            if not draft.is_broken(other):
                for message in _impossible(other, values, users, draft):
                    yield ("parameters", key, "when", other), message


def _impossible(
    other: str, values: Sequence[Scalar], users: Sequence[str], draft: Draft
) -> Iterator[str]:
    """Yield why ``other`` cannot have one of ``values`` in the variants ``users``."""
    found: list[Parameter] = [
        searched[other] for variant in users if other in (searched := draft.searched(variant))
    ]
    if other == "variant":
        found = [Choice(type="choice", values=tuple(users))]
    if not found:
        yield _not_searched(other, users, draft)
        return
    domain = " or ".join(dict.fromkeys(map(_domain, found)))
    for value in values:
        if not any(parameter.admits(value) for parameter in found):
            hint = suggestion(value, domain.split(", "))
            yield f"{other} can never be {shown(value)}; it is one of {domain}{hint}"


def _not_searched(other: str, users: Sequence[str], draft: Draft) -> str:
    owner, name = split(other)
    if owner:
        return f"conditions have plain names, for the trial's own variant: write {name}"
    if any(draft.entries[v].get(other, ("", ""))[0] == "training" for v in users):
        return f"{other} is fixed in training; a condition is on what is searched"
    searched = {name for variant in draft.variants for name in draft.searched(variant)}
    if other in searched:
        return f"can never hold: {other} is not searched for {' or '.join(users)}"
    return unknown("searched parameter", other, [*searched, "variant"])


def _domain(parameter: Parameter) -> str:
    if isinstance(parameter, FloatRange | IntRange):
        return f"{parameter.low:g} to {parameter.high:g}"
    return listed(parameter.values)


def acyclic(draft: Draft) -> Iterator[Finding]:
    """No condition depends on itself."""
    for variant, entries in draft.entries.items():
        searched = draft.searched(variant)
        try:
            TopologicalSorter({name: p.when for name, p in searched.items()}).prepare()
        except CycleError as error:
            cycle = error.args[1]
            path = (*entries[cycle[-1]], "when")
            yield path, f"conditions form a cycle: {' → '.join(cycle)}"
            return  # Other variants share the cycle.
