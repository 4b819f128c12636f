"""What is known of a study and its trials: plain values, the currency between the upper layers.

Optuna's storage holds it durably (``search/storage.py``); the policy, the tracker, the reports and
the console all read it in this form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from gansearch.settings import Params

PREDICTED_MEMORY, DEVICE_MEMORY = "predicted_memory_mib", "device_memory_mib"
"""What a trial was predicted to need, and what it may have of its device: metrics of its reports,
and tags of the trial itself, whether or not it came to a report."""


class Outcome(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"


LOST = frozenset({Outcome.STOPPED, Outcome.DIVERGED, Outcome.OUT_OF_MEMORY})
"""Ends short of the full budget that are the configuration's own doing, and no machine's."""


@dataclass(frozen=True)
class Report:
    """What a trial tells at a rung.

    Attributes:
        kimg: progress, a rung of the study.
        metrics: finite values by name: quality, cost, losses.
        protocols: what two trials that name it must share to be ranked together: for each quality
            metric the protocol that it was measured by, and what stands in for what a variant's
            paper has, such as a random projector.
        checkpoint: where the weights at this kimg are (a path or URI), if they were kept.
        tags: facts that are not metrics: device, versions, what stood in for what.
        moment: at which a study took it, in seconds since the epoch, 0 before that; two reports
            that tell the same are equal whenever they came.
    """

    kimg: float
    metrics: Mapping[str, float]
    protocols: Mapping[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    moment: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Score:
    """A quality of a trial's weights, measured again after the search.

    Attributes:
        kimg: of the weights.
        seeds: of the latents; none of them the search's.
        values: finite, one a seed.
        protocol: by which all of them were measured.
        ended: when, in seconds since the epoch.
    """

    kimg: float
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    protocol: str
    ended: float


@dataclass(frozen=True)
class Ancestor:
    """A trial whose training another one took over and went on with.

    Attributes:
        number: of the trial.
        params: its flat sampled parameters.
        kimg: up to which it was trained with them; a rung.
    """

    number: int
    params: Params
    kimg: float


@dataclass(frozen=True)
class TrialRecord:
    """One trial, as far as it has come.

    Attributes:
        number: 0-based, in the order of asking; unique within the study.
        params: flat sampled parameters, ``variant`` among them; of a trial that went on with the
            training of others, those from there on.
        seed: of the trial's training.
        reports: in the order of kimg, at most one a rung.
        outcome: how it ended, or ``None`` while it runs or waits to be resumed.
        reason: why it ended so, in a few words; empty for completed trials.
        started, ended: seconds since the epoch.
        tags: facts that are not metrics: device, versions, what stood in for what.
        scores: by metric, of a trial whose weights were scored again.
        replicates: number of the trial whose configuration this one trains again, with another
            seed; ``None`` of a trial that was proposed.
        lineage: whose training it went on with, the first one first; empty where it began anew.
    """

    number: int
    params: Params
    seed: int
    reports: tuple[Report, ...] = ()
    outcome: Outcome | None = None
    reason: str = ""
    started: float = 0.0
    ended: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    replicates: int | None = None
    lineage: tuple[Ancestor, ...] = ()

    @cached_property
    def configuration(self) -> str:
        """What trials share that differ in the seed of their training at most."""
        searched = {name: value for name, value in self.params.items() if name != "seed"}
        before = [(ancestor.params, ancestor.kimg) for ancestor in self.lineage]
        return json.dumps([searched, before], sort_keys=True)

    @property
    def last(self) -> Report | None:
        """The report of the furthest rung, if there is one."""
        return self.reports[-1] if self.reports else None

    @property
    def reached(self) -> float:
        """The kimg that its training has come to, as far as it is on record."""
        began = self.lineage[-1].kimg if self.lineage else 0.0
        return self.last.kimg if self.last else began


@dataclass(frozen=True)
class Prior:
    """What a study took from an earlier one when it began.

    Attributes:
        study: the earlier one.
        number: of its trial.
        params: of the trial, as they are in the new study's space.
        metrics: at the full budget, of a trial that was trained just as the new study would have
            it: a result to learn from. Without them, a configuration to try.
    """

    study: str
    number: int
    params: Params
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyRecord:
    """A study whole: the space that it searches and every trial of it.

    Attributes:
        name: unique in its storage.
        space_yaml: the space's text, as it was submitted.
        space_file: the file that it was read from, for messages.
        started: seconds since the epoch.
        tags: versions, data fingerprint, where weights are kept.
        trials: in the order of their numbers.
        priors: what it took from earlier studies.
        ending: why the run that is followed ended; empty while it goes on, and on record.
    """

    name: str
    space_yaml: str
    space_file: str
    started: float
    tags: Mapping[str, str]
    trials: tuple[TrialRecord, ...]
    priors: tuple[Prior, ...] = ()
    ending: str = field(default="", compare=False)


class Observer(Protocol):
    """Something that follows a study from beside it; it can neither slow the study nor end it."""

    def update(self, record: StudyRecord) -> None:
        """Look at the study as it stands; called about once a second, from a thread of its own."""

    def close(self, record: StudyRecord) -> None:
        """Look at the study as it ended; called once, after the last ``update``."""
