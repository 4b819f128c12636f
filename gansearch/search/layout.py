"""How records lie in Optuna's studies and trials: pure translations, both ways.

A trial's attributes hold what it is; its parameters, intermediate values, constraints, state and
values say the same in Optuna's own words, so that Optuna's tools work on a study as it is.

========================  ==========================================================================
study attribute           value
========================  ==========================================================================
``space``, ``file``       the YAML as submitted, and what it was read from
``started``, ``tags``     of the :class:`StudyRecord`
``priors``                likewise; studies from before it had none
``scores:NUMBER``         of the trial with this number; Optuna lets no attribute of a finished
                          trial be written
========================  ==========================================================================

========================  ==========================================================================
trial attribute           value
========================  ==========================================================================
``number``                of the :class:`TrialRecord`. Where two of Optuna's trials have the same,
                          the later one continues the earlier beyond its full budget
``params``                the configuration with its constants, by plain names; Optuna's own
                          parameters have the sampler's, such as ``gan.g_lr``
``seed``, ``started``     as in the record
``replicates``            likewise; studies from before it had none
``lineage``               likewise
``report:IMAGES``         one report; the one that ended the trial says so
``end``, ``outcome``      how it ended; ``outcome`` is written last and makes it so
========================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from gansearch.record import Ancestor, Outcome, Prior, Report, Score, StudyRecord, TrialRecord
from gansearch.search.feasibility import objective_values
from gansearch.search.samplers import drawn
from gansearch.space import Space

REPORT_PREFIX = "report:"
SCORES_PREFIX = "scores:"

STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.DIVERGED: TrialState.FAIL,
    Outcome.OUT_OF_MEMORY: TrialState.FAIL,
    Outcome.FAILED: TrialState.FAIL,
}
"""How Optuna calls the end of a trial."""


def directions_of(space: Space) -> list[StudyDirection]:
    """The objectives' directions in Optuna's terms."""
    return [StudyDirection[objective.direction.upper()] for objective in space.objectives]


def study_attributes(study: StudyRecord) -> dict[str, Any]:
    """A study's attributes; ``space`` comes last and makes it a study of ours."""
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
    """The record that the attributes of a study and of its trials stand for."""
    by_number = {
        trial.number: replace(trial, scores=scores_of(attributes, trial.number))
        for trial in map(trial_of, trials)
    }
    return StudyRecord(
        name=name,
        space_yaml=attributes["space"],
        space_file=attributes["file"],
        started=attributes["started"],
        tags=attributes["tags"],
        trials=tuple(by_number[number] for number in sorted(by_number)),
        priors=tuple(Prior(**prior) for prior in attributes.get("priors", ())),
    )


def scores_attribute(trial: TrialRecord) -> tuple[str, dict[str, Any]]:
    """Key and value of the study's attribute that holds the scores of ``trial``."""
    scores = {metric: asdict(score) for metric, score in trial.scores.items()}
    return f"{SCORES_PREFIX}{trial.number}", scores


def scores_of(attributes: dict[str, Any], number: int) -> dict[str, Score]:
    """The scores that a study's attributes hold of a trial."""
    held = attributes.get(f"{SCORES_PREFIX}{number}", {})
    return {
        metric: Score(**{**score, "seeds": tuple(score["seeds"]), "values": tuple(score["values"])})
        for metric, score in held.items()
    }


def step_of(report: Report) -> int:
    """A report's kimg as Optuna's whole-numbered step: images."""
    return round(report.kimg * 1000)


def report_attribute(trial: TrialRecord, report: Report) -> tuple[str, dict[str, Any]]:
    """Key and value of one report of ``trial``."""
    ends = None
    if trial.outcome is not None and report is trial.last:
        ends = {"outcome": trial.outcome, "reason": trial.reason, "ended": trial.ended}
    return f"{REPORT_PREFIX}{step_of(report)}", {**asdict(report), "ends": ends}


def running_trial(space: Space, trial: TrialRecord) -> FrozenTrial:
    """A trial that runs, whole, so that one operation stores it."""
    fixed = drawn(space, trial.params)
    quality = space.quality.metric
    frozen = create_trial(
        state=TrialState.RUNNING,
        params=fixed.params,
        distributions=fixed.distributions,
        user_attrs={
            "number": trial.number,
            "params": trial.params,
            "seed": trial.seed,
            "started": trial.started,
            "replicates": trial.replicates,
            "lineage": [asdict(ancestor) for ancestor in trial.lineage],
            **dict(report_attribute(trial, report) for report in trial.reports),
        },
        intermediate_values={step_of(r): r.metrics[quality] for r in trial.reports},
    )
    frozen.datetime_start = datetime.fromtimestamp(trial.started)  # Optuna's are local and naive
    return frozen


def end_attributes(trial: TrialRecord) -> dict[str, Any]:
    """The attributes of a trial that ended, in the order of writing."""
    end = {"reason": trial.reason, "ended": trial.ended, "tags": dict(trial.tags)}
    return {"end": end, "outcome": trial.outcome}


def final_values(space: Space, trial: TrialRecord) -> list[float] | None:
    """Values of a trial that reached the full budget; any other has none."""
    return objective_values(space, trial) if trial.outcome == Outcome.COMPLETED else None


def trial_of(attributes: dict[str, Any]) -> TrialRecord:
    """The record that the attributes of one of Optuna's trials stand for."""
    told = [value for key, value in attributes.items() if key.startswith(REPORT_PREFIX)]
    told.sort(key=lambda value: float(value["kimg"]))
    end = (told[-1]["ends"] if told else None) or {}
    if "outcome" in attributes:
        end = {**attributes["end"], "outcome": attributes["outcome"]}
    reports = [Report(**{k: v for k, v in value.items() if k != "ends"}) for value in told]
    tags = {name: tag for report in reports for name, tag in report.tags.items()}
    return TrialRecord(
        number=attributes["number"],
        params=attributes["params"],
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
