"""Expand the shorthand of a YAML to the form of the models.

A list is a choice, a scalar is a constant, ``dsc:`` or a variant is a group of dotted names, and a
direction is an objective. Any other form passes unchanged, and the models report its errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gansearch.metrics.catalog import METRICS
from gansearch.settings import LARGEST
from gansearch.space import hints
from gansearch.space.draft import Finding
from gansearch.space.hints import FOREIGN
from gansearch.space.scope import is_group, members
from gansearch.space.sections import Budget, SearchConfig
from gansearch.space.wording import listed, shown

_TYPES = ("float", "int", "choice", "constant")
_SPEC_KEYS = {"type", "low", "high", "log", "step", "values", "value", "when"}
_COSTS = ("seconds_per_kimg", "peak_memory_mib")
_DEFAULT_RUNGS = 2


def expand(raw: Mapping[str, Any], file: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Return ``raw`` with shorthand expanded and derived defaults filled in, and the findings."""
    findings: list[Finding] = []
    full = dict(raw)
    full.setdefault("name", re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem).strip("-._") or "space")
    full.setdefault("objectives", _default_objectives(raw))
    full["budget"] = _budget(raw, findings)
    if isinstance(raw.get("variant"), str):
        full["variant"] = [raw["variant"]]
    chosen = full.get("variant")
    variants = [v for v in chosen if isinstance(v, str)] if isinstance(chosen, list) else []

    def holds_parameters(name: str, value: Mapping[str, Any]) -> bool:
        return not (_SPEC_KEYS | FOREIGN) & value.keys() or is_group(name, variants)

    if isinstance(raw.get("parameters"), dict):
        leaves = _own_forms(_flat(raw["parameters"], holds_parameters, ("parameters",)), findings)
        specs = ((path, name, _parameter(value)) for path, name, value in leaves)
        full["parameters"] = _unique(specs, variants, findings)
    if isinstance(raw.get("training"), dict):
        fixed = _flat(raw["training"], _any, ("training",))
        full["training"] = _unique(fixed, variants, findings)
    for section in ("objectives", "constraints"):
        full[section] = list(_bounds(section, full.get(section, {}), findings))
    return full, findings


_Leaf = tuple[tuple[str, ...], str, Any]  # path in the file, flat name, value


def _flat(
    section: Mapping[str, Any],
    descends: Callable[[str, Mapping[str, Any]], bool],
    path: tuple[str, ...],
    prefix: str = "",
) -> Iterator[_Leaf]:
    for key, value in section.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and descends(name, value):
            yield from _flat(value, descends, (*path, key), f"{name}.")
        else:
            yield (*path, key), name, value


def _unique(
    leaves: Iterable[_Leaf], variants: Sequence[str], findings: list[Finding]
) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for path, name, value in leaves:
        if name in flat:
            findings.append((path, f"{name} is given twice, once dotted and once nested"))
        if is_group(name, variants):
            within = listed(members(name))
            findings.append(
                (path, f"is a group and has no value of its own; its parameters: {within}")
            )
        else:
            flat[name] = value
    return flat


def _own_forms(leaves: Iterable[_Leaf], findings: list[Finding]) -> Iterator[_Leaf]:
    """Yield the parameters; those in another tool's form become findings."""
    for path, name, value in leaves:
        is_known = not isinstance(value, dict) or (
            value.get("type") in _TYPES and not FOREIGN & value.keys()
        )
        instead = None if is_known else hints.parameter(value)
        if instead is None:
            yield path, name, value
        else:
            lacking = "needs a type" if "type" not in value else "has another tool's form"
            findings.append((path, f"{lacking}: write {instead} (got {shown(value)})"))


def _any(*_: Any) -> bool:
    return True


def _parameter(value: Any) -> Any:
    if isinstance(value, list):
        return {"type": "choice", "values": value}
    if not isinstance(value, dict):
        return {"type": "constant", "value": value}
    if not isinstance(value.get("when"), dict):
        return value
    when = {k: v if isinstance(v, list) else [v] for k, v in value["when"].items()}
    return {**value, "when": when}


def _bounds(section: str, specs: Any, findings: list[Finding]) -> Iterator[dict[str, Any]]:
    if not isinstance(specs, dict):
        example = {"objectives": "fid: minimize", "constraints": "params_m: {max: 5}"}[section]
        message = f"should be a mapping such as {{{example}}} (got {shown(specs)})"
        findings.append(((section,), message))
        return
    for metric, spec in specs.items():
        is_direction = section == "objectives" and isinstance(spec, str)
        fields = {"direction": spec} if is_direction else spec
        if not isinstance(fields, dict):
            message = f"should be a mapping such as {{max: 5}} (got {shown(spec)})"
            findings.append(((section, metric), message))
            continue
        if "metric" in fields:
            findings.append(
                ((section, metric, "metric"), f"is the key itself: {metric}; remove it")
            )
        if section == "objectives" and metric in METRICS:
            fields = {"direction": METRICS[metric].direction, **fields}
        yield {**fields, "metric": metric}


def _default_objectives(raw: Mapping[str, Any]) -> dict[str, Any]:
    data = raw.get("data")
    name = data.get("name") if isinstance(data, dict) else "digits"
    return dict.fromkeys(("fd_digits" if name == "digits" else "fid", *_COSTS), "minimize")


def _budget(raw: Mapping[str, Any], findings: list[Finding]) -> Any:
    """Return the budget with its rungs in kimg, for rungs given as a count or omitted."""
    budget = raw.get("budget", {})
    if not isinstance(budget, dict):
        return budget
    rungs = budget.get("rungs", _DEFAULT_RUNGS)
    if not isinstance(rungs, int) or isinstance(rungs, bool):
        return budget
    if not 0 <= rungs <= 10:
        message = f"should be a list of kimg, or a count from 0 to 10 (got {rungs})"
        findings.append((("budget", "rungs"), message))
        rungs = 0
    search = raw.get("search")
    factor = search.get("reduction_factor") if isinstance(search, dict) else None
    max_kimg = _number(budget.get("max_kimg"), 1e-9, Budget.model_fields["max_kimg"].default)
    factor = _number(factor, 2, SearchConfig.model_fields["reduction_factor"].default)
    return {**budget, "rungs": _geometric(rungs, max_kimg, factor)}


def _number(value: Any, least: float, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and least <= value <= LARGEST else default


def _geometric(count: int, max_kimg: float, factor: float) -> list[float]:
    kimg = (max_kimg / factor**k for k in range(count, 0, -1))
    return [float(f"{k:.4g}") for k in kimg]
