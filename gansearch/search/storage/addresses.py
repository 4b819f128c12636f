"""Addresses of checkpoints: relative to the results folder on record, absolute in memory.

A results folder can therefore be moved or copied. Records of earlier versions hold absolute paths;
only their part within the results folder is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gansearch.record import StudyRecord, TrialRecord

_WITHIN_RESULTS = re.compile(r"(?:^|/)([^/]+/trial_\d+/[^/]+)/?$")


def relative(address: str | None, results: Path | None) -> str | None:
    """Return ``address`` for the record; URIs and paths outside ``results`` are unchanged."""
    if address is None or results is None:
        return address
    return address.removeprefix(f"{results.absolute()}/")


def recorded(trial: TrialRecord, results: Path | None) -> TrialRecord:
    """Return ``trial`` with addresses for the record."""
    return _with_addresses(trial, lambda address: relative(address, results))


def resolved(study: StudyRecord, results: Path | None) -> StudyRecord:
    """Return ``study`` with the current locations of its checkpoints in ``results``."""
    if results is None:
        return study
    base = results.absolute()

    def locate(address: str | None) -> str | None:
        if address is None or "://" in address:
            return address
        within = _WITHIN_RESULTS.search(address)
        return f"{base}/{within[1]}" if within else address

    trials = tuple(_with_addresses(trial, locate) for trial in study.trials)
    return replace(study, trials=trials)


def _with_addresses(trial: TrialRecord, change: Callable[[str | None], str | None]) -> TrialRecord:
    reports = (replace(each, checkpoint=change(each.checkpoint)) for each in trial.reports)
    return replace(trial, reports=tuple(reports))
