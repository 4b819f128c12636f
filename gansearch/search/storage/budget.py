"""The budget of a study on record: the space's budget and later changes."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from gansearch.config import describe
from gansearch.errors import StudyError
from gansearch.record import StudyRecord
from gansearch.space import Budget, Space, parse_space

_READ: Mapping[str, type[int] | type[float]] = {"trials": int, "max_kimg": float}
"""The amounts that can change, with the types that parse their tags."""


def space_of(study: StudyRecord) -> Space:
    """Return the space of a study, with the current budget.

    Raises:
        StudyError: the budget on record is invalid.
    """
    space = parse_space(study.space_yaml, study.space_file, on_record=True)
    changed = {
        key: read(study.tags[_tag(key)]) for key, read in _READ.items() if _tag(key) in study.tags
    }
    return space.model_copy(update={"budget": _changed(study, space.budget, changed)})


def check_budget(
    study: StudyRecord, *, trials: int | None = None, max_kimg: float | None = None
) -> Budget:
    """Return the budget of a study with other amounts, without changing the study.

    An amount must be at least the space's own and at least the amount already used: the number of
    trials on record, or the largest kimg reached.

    Raises:
        StudyError: an amount is invalid or too small.
    """
    space = space_of(study)
    submitted = parse_space(study.space_yaml, study.space_file, on_record=True).budget
    used = {
        "trials": sum(trial.replicates is None for trial in study.trials),
        "max_kimg": max((trial.reached for trial in study.trials), default=0.0),
    }
    given = {"trials": trials, "max_kimg": max_kimg}
    wanted = {key: amount for key, amount in given.items() if amount is not None}
    budget = _changed(study, space.budget, wanted)
    for key in wanted:
        least, amount = max(getattr(submitted, key), used[key]), getattr(budget, key)
        if amount < least:
            why = "used" if used[key] > getattr(submitted, key) else "in its space"
            raise StudyError(
                f"study {study.name!r} has {key} {least:g} {why}; a resumed study can have more, "
                f"but not less (got {amount:g})"
            )
    return budget


def record_budget(study: StudyRecord, budget: Budget) -> dict[str, str]:
    """Return the tags of the study with ``budget`` on record."""
    submitted = parse_space(study.space_yaml, study.space_file, on_record=True).budget
    others = {name: tag for name, tag in study.tags.items() if name not in map(_tag, _READ)}
    amounts = {key: getattr(budget, key) for key in _READ}
    changed = {
        _tag(key): f"{amount}"
        for key, amount in amounts.items()
        if amount != getattr(submitted, key)
    }
    return {**others, **changed}


def _tag(key: str) -> str:
    return f"budget.{key}"


def _changed(study: StudyRecord, budget: Budget, amounts: Mapping[str, float]) -> Budget:
    try:
        return Budget.model_validate({**budget.model_dump(), **amounts})
    except ValidationError as error:
        raise StudyError(f"study {study.name!r}: {describe(error)}") from None
