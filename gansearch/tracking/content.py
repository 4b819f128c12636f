"""Content of a study's MLflow runs, as a pure function of its record, without MLflow.

Everything follows from the record alone, timestamps included, so that live tracking, a resumed
study and a later sync write the same.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from gansearch.errors import ConfigError
from gansearch.paths import CONFIG_FILE, SPACE_FILE
from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord, images_of
from gansearch.report.front.estimates import Interval, scores_of
from gansearch.space import Space
from gansearch.tracking.artifacts import Artifact, digest, samples_artifact, text_artifact
from gansearch.urls import without_secrets

MAX_KEY, MAX_PARAM, MAX_TAG = 250, 6000, 8000
"""MLflow's limits in characters; it refuses longer names and truncates longer values."""

STUDY, STARTED, TRIAL, STEP, SCORED = (
    "gansearch.study",
    "gansearch.started",
    "gansearch.trial",
    "gansearch.step",
    "gansearch.rescored",
)
"""Tags by which runs are found. The start time distinguishes studies of the same name."""

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
"""Status of a run in MLflow's terms."""
STATUS: Mapping[Outcome | None, Status] = {
    None: "RUNNING",
    Outcome.COMPLETED: "FINISHED",
    Outcome.STOPPED: "FINISHED",
    Outcome.DIVERGED: "FAILED",
    Outcome.OUT_OF_MEMORY: "FAILED",
    Outcome.FAILED: "FAILED",
}
"""MLflow's status for each outcome."""


@dataclass(frozen=True)
class MetricValue:
    """One value of a metric.

    Attributes:
        name: name of the metric, valid in MLflow.
        value: finite value.
        step: step in the study's unit.
        time: milliseconds since the epoch.
    """

    name: str
    value: float
    step: int
    time: int


@dataclass(frozen=True)
class RunContent:
    """Complete content of one MLflow run.

    Attributes:
        number: number of the trial, or ``None`` for the study's own run.
        name: name in MLflow's lists.
        tags, params: within MLflow's limits.
        rungs: metrics by kimg of the report; ``kimg`` is the last of them.
        scores: scores of rescored weights; the tag :data:`SCORED` holds their version.
        artifacts: files to upload.
        status: status of the run.
        started, ended: milliseconds since the epoch; ``ended`` is ``None`` while the run continues.
    """

    number: int | None
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    rungs: Mapping[float, tuple[MetricValue, ...]]
    scores: tuple[MetricValue, ...]
    artifacts: tuple[Artifact, ...]
    status: Status
    started: int
    ended: int | None


@dataclass(frozen=True)
class Steps:
    """MLflow's integer steps: kimg if every rung is a whole number, otherwise images."""

    unit: str

    @classmethod
    def of(cls, space: Space) -> Steps:
        """Choose the unit for a new study of a space."""
        rungs = (*space.budget.rungs, space.budget.max_kimg)
        return cls("kimg" if all(float(rung).is_integer() for rung in rungs) else "images")

    def __call__(self, kimg: float) -> int:
        """Return the step of a rung."""
        return round(kimg) if self.unit == "kimg" else images_of(kimg)


def identity(record: StudyRecord) -> dict[str, str]:
    """Return the tags that all runs of a study share, and no run of another study has."""
    started = datetime.fromtimestamp(record.started, UTC).isoformat(timespec="milliseconds")
    return {STUDY: record.name[:MAX_TAG], STARTED: started}


def study_content(space: Space, record: StudyRecord, steps: Steps, *, closed: bool) -> RunContent:
    """Make the content of the parent run; the front is a separate artifact.

    Args:
        space: space of the study.
        record: record of the study.
        steps: unit of the children's steps.
        closed: whether no process runs the study any more.
    """
    open_trials = any(trial.outcome is None for trial in record.trials)
    times = [_last_time(trial) for trial in record.trials]
    yaml = _without_secrets(space, record.space_yaml)
    status: Status = "RUNNING"
    if closed:
        status = "KILLED" if open_trials else "FINISHED"
    return RunContent(
        number=None,
        name=record.name,
        tags=fitting_tags(
            {**record.tags, "space": space.name, STEP: steps.unit, **identity(record)}
        ),
        params={},
        rungs={},
        scores=(),
        artifacts=(text_artifact("space", SPACE_FILE, yaml),),
        status=status,
        started=_milliseconds(record.started),
        ended=max(times, default=_milliseconds(record.started)) if closed else None,
    )


def trial_content(
    space: Space, record: StudyRecord, trial: TrialRecord, steps: Steps, *, closed: bool
) -> RunContent:
    """Make the content of a trial's child run.

    Args:
        space: space of the study.
        record: record of the study.
        trial: one of its trials.
        steps: unit of the steps.
        closed: whether no process runs the study any more; an unfinished trial is then interrupted.
    """
    interrupted = closed and trial.outcome is None
    protocols = trial.last.protocols if trial.last else {}
    scores = scores_of(trial)
    tags = {
        **{f"protocol/{name}": protocol for name, protocol in protocols.items()},
        **{f"protocol/finalist/{name}": score.protocol for name, score in scores.items()},
        **({SCORED: digest(repr(scores))} if scores else {}),
        **trial.tags,
        "variant": trial.params.get("variant", ""),
        "outcome": trial.outcome or ("interrupted" if closed else "running"),
        **({"reason": trial.reason} if trial.reason else {}),
        **({"replicates": trial.replicates} if trial.replicates is not None else {}),
        **({"lineage": _lineage(trial)} if trial.lineage else {}),
        TRIAL: trial.number,
        **identity(record),
    }
    samples = (
        samples_artifact(report.checkpoint, steps(report.kimg), _time(trial, report))
        for report in trial.reports
        if report.checkpoint
    )
    return RunContent(
        number=trial.number,
        name=f"trial {trial.number}",
        tags=fitting_tags(tags),
        params={
            clean(name): str(value)[:MAX_PARAM]
            for name, value in {**trial.params, "seed": trial.seed}.items()
        },
        rungs={report.kimg: _points(trial, report, steps) for report in trial.reports},
        scores=tuple(p for name, score in scores.items() for p in _score(name, score, steps)),
        artifacts=(*_config(space, trial), *samples),
        status="KILLED" if interrupted else STATUS[trial.outcome],
        started=_milliseconds(trial.started),
        ended=_last_time(trial) if trial.outcome or interrupted else None,
    )


def clean(name: str) -> str:
    """Make ``name`` valid in MLflow: letters, digits, ``_-. :/``, a relative path, not too long."""
    name = re.sub(r"[^\w.\- :/]", "_", name)[:MAX_KEY]
    plain = posixpath.normpath(name) == name and not name.startswith(("/", ".."))
    return name if plain and name != "." else re.sub(r"[./]", "_", name) or "_"


def fitting_tags(values: Mapping[str, object]) -> dict[str, str]:
    """Cut tags to MLflow's limits."""
    return {clean(name): str(value)[:MAX_TAG] for name, value in values.items()}


def _without_secrets(space: Space, text: str) -> str:
    """Return the text of a space without the secrets in its tracking URI."""
    return text if space.tracking.uri is None else without_secrets(text, space.tracking.uri)


def _lineage(trial: TrialRecord) -> str:
    """List the trials that a trial continued, as ``trial 2 to 5 kimg, trial 7 to 10 kimg``."""
    return ", ".join(f"trial {each.number} to {each.kimg:g} kimg" for each in trial.lineage)


def _config(space: Space, trial: TrialRecord) -> tuple[Artifact, ...]:
    try:
        text = space.train_config(trial.params, trial.seed, trial.lineage).to_json()
    except ConfigError:
        return ()  # the trial failed because of it, and its reason says so
    return (text_artifact("config", CONFIG_FILE, text),)


def _points(trial: TrialRecord, report: Report, steps: Steps) -> tuple[MetricValue, ...]:
    step, time = steps(report.kimg), _time(trial, report)
    metrics = {name: value for name, value in report.metrics.items() if name != "kimg"}
    # kimg is last: a run that has it has the rest of the rung too.
    return tuple(
        MetricValue(clean(name), float(value), step, time)
        for name, value in {**metrics, "kimg": report.kimg}.items()
        if math.isfinite(value)
    )


def _score(metric: str, score: Score, steps: Steps) -> Iterator[MetricValue]:
    """Yield the mean of a score and the ends of its 95% interval."""
    interval = Interval.of(score.values)
    values = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    step, time = steps(score.kimg), _milliseconds(score.ended)
    for end, value in values.items():
        if value is not None:
            yield MetricValue(clean(f"finalist/{metric}_{end}"), value, step, time)


def _time(trial: TrialRecord, report: Report) -> int:
    """Return a report's time in milliseconds: the trial's start plus its training time so far."""
    return _milliseconds(trial.started + report.metrics.get("train_seconds", 0.0))


def _last_time(trial: TrialRecord) -> int:
    if trial.ended is not None:
        return _milliseconds(trial.ended)
    return _time(trial, trial.last) if trial.last else _milliseconds(trial.started)


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
