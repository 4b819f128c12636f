"""Records of studies and trials: plain values that the upper layers exchange.

Optuna's storage keeps them durably (``search/storage/``). The policy, the tracker, the reports and
the console read them in this form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Protocol, Self

from gansearch.metrics.catalog import with_current_names
from gansearch.settings import Params

PREDICTED_MEMORY, DEVICE_MEMORY = "predicted_memory_mib", "device_memory_mib"
"""Names of a trial's predicted memory and of its device's memory, in MiB. They are metrics of its
reports, and tags of the trial, so that they are known even without a report."""


def images_of(kimg: float) -> int:
    """Convert a progress in kimg (thousands of real images) to images, the nearest integer."""
    return round(1000 * kimg)


def kimg_of(images: int) -> float:
    """Convert a progress in real images to kimg."""
    return images / 1000


class Outcome(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"


CONFIGURATION_FAILURES = frozenset({Outcome.STOPPED, Outcome.DIVERGED, Outcome.OUT_OF_MEMORY})
"""Outcomes that count in a configuration's failure rate. :attr:`Outcome.FAILED` is not among them,
because it is due to a machine or to invalid settings, not to a training that failed."""


@dataclass(frozen=True)
class Report:
    """Report of a trial at a rung.

    Attributes:
        kimg: progress, a rung of the study.
        metrics: finite values by name: quality, cost, losses.
        protocols: protocols that two trials must share to be ranked together: one per quality
            metric, and stand-ins for components of a variant's paper, such as a random projector.
        checkpoint: path or URI of the weights at this kimg, if they were kept.
        tags: facts that are not metrics: device, versions, stand-ins.
        moment: time at which the study received it, in seconds since the epoch; 0 before. It is
            ignored when reports are compared.
    """

    kimg: float
    metrics: Mapping[str, float]
    protocols: Mapping[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    moment: float = field(default=0.0, compare=False)

    def with_current_names(self) -> Self:
        """Return the report with the current names of metrics that earlier versions renamed."""
        return replace(
            self,
            metrics=with_current_names(self.metrics),
            protocols=with_current_names(self.protocols),
        )


@dataclass(frozen=True)
class Score:
    """Values of a quality of a rescored trial's weights.

    Attributes:
        kimg: kimg of the weights.
        seeds: seeds of the latents; the search's seed is not among them.
        values: finite values, one per seed.
        protocol: protocol of all values.
        ended: end of the evaluation, in seconds since the epoch.
    """

    kimg: float
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    protocol: str
    ended: float


@dataclass(frozen=True)
class Ancestor:
    """A trial whose training another trial continued.

    Attributes:
        number: number of the trial.
        params: its flat sampled parameters.
        kimg: end of its training with these parameters; a rung.
    """

    number: int
    params: Params
    kimg: float


@dataclass(frozen=True)
class TrialRecord:
    """One trial in its current state.

    Attributes:
        number: 0-based number in the order of proposal; unique within the study.
        params: flat sampled parameters, ``variant`` included; for a trial that continued another's
            training, those since then.
        sampled: the same by the names that the space samples, such as ``gan.g_lr``. It is empty in
            records of earlier versions, until the search reads them.
        seed: seed of the trial's training.
        reports: reports in order of kimg, at most one per rung.
        outcome: outcome, or ``None`` while the trial runs or waits to be resumed.
        reason: reason for the outcome in a few words; empty for completed trials.
        started, ended: seconds since the epoch.
        tags: facts that are not metrics: device, versions, stand-ins.
        scores: scores by metric, for a rescored trial.
        replicates: number of the trial whose configuration this one repeats with another seed;
            ``None`` for a proposed trial.
        lineage: trials whose training it continued, the first one first; empty for a training from
            scratch.
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
    sampled: Params = field(default_factory=dict)

    @cached_property
    def configuration(self) -> str:
        """Key shared by all trials that differ at most in their training seed."""
        searched = {name: value for name, value in self.params.items() if name != "seed"}
        before = [(ancestor.params, ancestor.kimg) for ancestor in self.lineage]
        return json.dumps([searched, before], sort_keys=True)

    @property
    def last(self) -> Report | None:
        """Report of the last rung, if any."""
        return self.reports[-1] if self.reports else None

    @property
    def reached(self) -> float:
        """Kimg that its training has reached according to the record."""
        began = self.lineage[-1].kimg if self.lineage else 0.0
        return self.last.kimg if self.last else began


@dataclass(frozen=True)
class Prior:
    """A configuration or result that a study took from an earlier one at its start.

    Attributes:
        study: name of the earlier study.
        number: number of its trial.
        params: parameters of the trial, within the new study's space.
        metrics: metrics at the full budget, if the trial was trained exactly as the new study
            would: a result to learn from. If empty, the parameters are a configuration to try.
    """

    study: str
    number: int
    params: Params
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyRecord:
    """A whole study: its space and all trials.

    Attributes:
        name: name, unique in its storage.
        space_yaml: text of the space, as submitted.
        space_file: file of the space, for messages.
        started: seconds since the epoch.
        tags: versions, data fingerprint, location of weights.
        trials: trials in order of their numbers.
        priors: configurations and results from earlier studies.
        ending: reason why the followed run ended; empty while it runs, and in stored records.
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
    """Observer of a study, which can neither slow nor end it."""

    def update(self, record: StudyRecord) -> None:
        """Take the current record; called about once a second, from a thread of its own."""

    def close(self, record: StudyRecord) -> None:
        """Take the final record; called once, after the last ``update``."""
