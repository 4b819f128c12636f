"""The interface of samplers, and the seeds of their random draws."""

from __future__ import annotations

import json
from typing import NamedTuple, Protocol

import numpy as np

from gansearch.record import Ancestor, TrialRecord
from gansearch.settings import Params
from gansearch.space import Space


class Proposal(NamedTuple):
    """A configuration that a sampler proposes for a trial.

    Attributes:
        sampled: the configuration, by the names that the space samples
            (:meth:`gansearch.space.Space.sample`).
        lineage: ancestors whose training the trial continues, ending with its parent; empty for a
            training from scratch.
        seed: the parent's seed for a trial that continues its training, else ``None``.
    """

    sampled: Params
    lineage: tuple[Ancestor, ...] = ()
    seed: int | None = None


class Sampler(Protocol):
    """Proposes the configurations of trials.

    The policy calls every method under its lock, so there is one call at a time, though not always
    on the same thread. The calls of a study come in this order:

    * For each result of an earlier study: ``add``, ``report`` and ``end``, with a negative number.
    * ``propose(n)`` when trial ``n`` may start, for n = 0, 1, ... It is not called for a
      trial whose configuration comes from elsewhere, such as the front of an earlier study.
    * ``add`` right after a trial was put on record, in the order of the numbers.
    * ``report`` after each report of an added trial; the new report is its last one.
    * ``end`` once for each added trial, in the order of ``ended``.

    Replicates are left out: several trainings of a configuration would look like a good region.

    A sampler has no state but what it has observed. A resumed study builds a new sampler, repeats
    the calls to ``add``, ``report`` and ``end`` from the record in their original order, and never
    repeats ``propose``. The next proposal must be what the uninterrupted sampler would have
    proposed. Random draws therefore come from the study's seed and the trial's number
    (:func:`derive_seed`), and never from a generator or counter that ``propose`` advances.
    """

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""

    def report(self, trial: TrialRecord) -> None:
        """Observe the last report of an added trial, which is new."""

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""

    def propose(self, number: int) -> Proposal | None:
        """Return the configuration of trial ``number``, or ``None`` if the space is exhausted."""


def derive_seed(space: Space, number: int, stream: int) -> int:
    """Derive a seed in [0, 2^32) from the study's seed, a trial's number and its purpose."""
    return int(np.random.SeedSequence((space.search.seed, number, stream)).generate_state(1)[0])


def key_of(sampled: Params) -> str:
    """Return a key that is the same for equal configurations."""
    return json.dumps(sampled, sort_keys=True)
