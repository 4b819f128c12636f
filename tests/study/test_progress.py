"""The progress of a study at one moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gansearch.record import StudyRecord
from gansearch.space import Space
from gansearch.study.progress import Progress

Study = tuple[Space, StudyRecord]


def test_progress_counts_trials_kimg_and_rungs_of_the_record(running_study: Study) -> None:
    progress = Progress.of(*running_study)
    assert progress.states == {"completed": 2, "stopped": 1, "diverged": 1, "running": 2}
    assert progress.rungs == {5.0: 5, 10.0: 3, 30.0: 2}
    assert progress.ended == 4
    assert progress.kimg == 30 + 5 + 30 + 5 + 10 + 0
    # The ended trials took 70 kimg, 17.5 each; 36 of 40 have not ended.
    assert progress.expected_kimg == pytest.approx(70 + 36 * 17.5)
    value, best = progress.best["fd_digits"]
    assert (value, best.number) == (10, 2)  # 3 is the value of a diverged trial
    assert "peak_memory_mib" not in progress.best  # no trial reports it


def test_progress_of_a_study_without_trials_is_zero(running_study: Study) -> None:
    space, record = running_study
    progress = Progress.of(space, replace(record, trials=()))
    assert (progress.states, progress.best, progress.kimg, progress.ended) == ({}, {}, 0, 0)
    assert progress.rungs == {5.0: 0, 10.0: 0, 30.0: 0}
    assert progress.expected_kimg == 40 * 30


def test_the_best_value_of_a_maximized_objective_is_the_largest(running_study: Study) -> None:
    space, record = running_study
    up = tuple(o.model_copy(update={"direction": "maximize"}) for o in space.objectives)
    best = Progress.of(space.model_copy(update={"objectives": up}), record).best["fd_digits"]
    assert best[0] == 20
