"""Conversion between records and Optuna's studies and trials; pure functions.

A trial's user attributes hold the record. Its parameters, intermediate values, constraints, state
and values repeat the content in Optuna's terms, so that Optuna's tools work on a study. Metrics of
earlier versions are read under their current names.

========================  ==========================================================================
study attribute           value
========================  ==========================================================================
``space``, ``file``       the YAML as submitted, and its source
``started``, ``tags``     fields of the :class:`StudyRecord`
``priors``                as in the record; missing in studies of earlier versions
``scores:NUMBER``         scores of the trial with this number; Optuna does not allow new attributes
                          on a finished trial
========================  ==========================================================================

========================  ==========================================================================
trial attribute           value
========================  ==========================================================================
``number``                number of the :class:`TrialRecord`. If two of Optuna's trials share it,
                          the later one continues the earlier one beyond its full budget
``params``                the configuration with its constants, by plain names
``sampled``               the same by the sampler's names, such as ``gan.g_lr``, which Optuna's own
                          parameters have too; missing in studies of earlier versions
``seed``, ``started``     as in the record
``replicates``            as in the record; missing in studies of earlier versions
``lineage``               as in the record
``report:IMAGES``         one report; the last report of an ended trial includes the end
``end``, ``outcome``      the end; ``outcome`` is written last and makes the end valid
========================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from gansearch.metrics.catalog import with_current_names
from gansearch.record import (
    Ancestor,
    Outcome,
    Prior,
    Report,
    Score,
    StudyRecord,
    TrialRecord,
    images_of,
)
from gansearch.search.feasibility import objective_values
from gansearch.search.samplers.optuna import drawn
from gansearch.space import Space

REPORT_PREFIX = "report:"
"""Start of the attribute of a report; its kimg in images follows."""
SCORES_PREFIX = "scores:"
"""Start of the attribute of a trial's scores; its number follows."""

STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.DIVERGED: TrialState.FAIL,
    Outcome.OUT_OF_MEMORY: TrialState.FAIL,
    Outcome.FAILED: TrialState.FAIL,
}
"""Optuna's trial state for each outcome."""


def directions_of(space: Space) -> list[StudyDirection]:
    """Return the objectives' directions in Optuna's terms."""
    return [StudyDirection[objective.direction.upper()] for objective in space.objectives]


def study_attributes(study: StudyRecord) -> dict[str, Any]:
    """Return a study's attributes; ``space`` is last and marks the study as complete."""
    return {
        "started": study.started,
        "tags": dict(study.tags),
        "priors": [asdict(prior) for prior in study.priors],
        "file": study.space_file,
        "space": study.space_yaml,
    }


def study_of(
    name: str, attributes: dict[str, Any], trials: Iterable[dict[str, Any]]
) -> StudyRecord:
    """Build the record from the attributes of a study and of its trials."""
    by_number = {
        trial.number: replace(trial, scores=scores_of(attributes, trial.number))
        for trial in map(trial_of, trials)
    }
    return StudyRecord(
        name=name,
        space_yaml=attributes["space"],
        space_file=attributes["file"],
        started=attributes["started"],
        tags=with_current_names(attributes["tags"]),
        trials=tuple(by_number[number] for number in sorted(by_number)),
        priors=tuple(map(_prior_of, attributes.get("priors", ()))),
    )


def scores_attribute(trial: TrialRecord) -> tuple[str, dict[str, Any]]:
    """Return key and value of the study attribute with the scores of ``trial``."""
    scores = {metric: asdict(score) for metric, score in trial.scores.items()}
    return f"{SCORES_PREFIX}{trial.number}", scores


def scores_of(attributes: dict[str, Any], number: int) -> dict[str, Score]:
    """Read the scores of a trial from a study's attributes."""
    stored = with_current_names(attributes.get(f"{SCORES_PREFIX}{number}", {}))
    return {
        metric: Score(**{**score, "seeds": tuple(score["seeds"]), "values": tuple(score["values"])})
        for metric, score in stored.items()
    }


def report_attribute(trial: TrialRecord, report: Report) -> tuple[str, dict[str, Any]]:
    """Return key and value of the attribute for one report of ``trial``."""
    ends = None
    if trial.outcome is not None and report is trial.last:
        ends = {"outcome": trial.outcome, "reason": trial.reason, "ended": trial.ended}
    return f"{REPORT_PREFIX}{images_of(report.kimg)}", {**asdict(report), "ends": ends}


def running_trial(space: Space, trial: TrialRecord) -> FrozenTrial:
    """Convert a running trial to a complete template, which one operation stores."""
    fixed = drawn(space, trial.sampled or space.sampled(trial.params))
    quality = space.quality.metric
    frozen = create_trial(
        state=TrialState.RUNNING,
        params=fixed.params,
        distributions=fixed.distributions,
        user_attrs={
            "number": trial.number,
            "params": trial.params,
            "sampled": trial.sampled,
            "seed": trial.seed,
            "started": trial.started,
            "replicates": trial.replicates,
            "lineage": [asdict(ancestor) for ancestor in trial.lineage],
            **dict(report_attribute(trial, report) for report in trial.reports),
        },
        intermediate_values={images_of(r.kimg): r.metrics[quality] for r in trial.reports},
    )
    frozen.datetime_start = datetime.fromtimestamp(trial.started)  # Optuna's are local and naive
    return frozen


def end_attributes(trial: TrialRecord) -> dict[str, Any]:
    """Return the attributes of an ended trial, in the order of writing."""
    end = {"reason": trial.reason, "ended": trial.ended, "tags": dict(trial.tags)}
    return {"end": end, "outcome": trial.outcome}


def final_values(space: Space, trial: TrialRecord) -> list[float] | None:
    """Return the objectives of a completed trial, or ``None`` for any other."""
    return objective_values(space, trial) if trial.outcome == Outcome.COMPLETED else None


def trial_of(attributes: dict[str, Any]) -> TrialRecord:
    """Build the record from the attributes of one of Optuna's trials."""
    values = [value for key, value in attributes.items() if key.startswith(REPORT_PREFIX)]
    values.sort(key=lambda value: float(value["kimg"]))
    end = (values[-1]["ends"] if values else None) or {}
    if "outcome" in attributes:
        end = {**attributes["end"], "outcome": attributes["outcome"]}
    reports = [_report_of(value) for value in values]
    tags = {name: tag for report in reports for name, tag in report.tags.items()}
    return TrialRecord(
        number=attributes["number"],
        params=attributes["params"],
        sampled=attributes.get("sampled", {}),
        seed=attributes["seed"],
        reports=tuple(reports),
        outcome=Outcome(end["outcome"]) if end else None,
        reason=end.get("reason", ""),
        started=attributes["started"],
        ended=end.get("ended"),
        tags=end.get("tags", tags),
        replicates=attributes.get("replicates"),
        lineage=tuple(Ancestor(**ancestor) for ancestor in attributes.get("lineage", ())),
    )


def _report_of(attribute: Mapping[str, Any]) -> Report:
    values = {key: value for key, value in attribute.items() if key != "ends"}
    return Report(**values).with_current_names()


def _prior_of(attribute: Mapping[str, Any]) -> Prior:
    return Prior(**{**attribute, "metrics": with_current_names(attribute.get("metrics", {}))})
