"""A study that version 0.1.0 made, and that was moved since, is still of use."""

import math
import shutil
from pathlib import Path

import pytest

from gansearch.record import Outcome

KEPT = Path(__file__).parent.parent / "fixtures" / "version_0_1_0"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT, tmp_path / "moved here"))


def test_it_is_read_and_has_its_front(results: Path) -> None:
    from gansearch import load_study, pareto_front

    _, record = load_study("kept", results)
    assert [trial.outcome for trial in record.trials] == [Outcome.COMPLETED] * 3 + [Outcome.STOPPED]
    front = pareto_front("kept", results=results).front
    assert {trial.number for trial in front} == {0, 1, 2}


def test_its_averaged_weights_are_sampled(results: Path, tmp_path: Path) -> None:
    from gansearch import sample

    assert len(sample("kept/1", count=9, out=tmp_path / "grid.png", results=results)) == 9
    assert (tmp_path / "grid.png").exists()


def test_its_finalists_are_scored_again(results: Path) -> None:
    from gansearch import rescore

    record = rescore("kept", results=results, samples=200, seeds=2)
    scored = [trial for trial in record.trials if trial.scores]
    assert scored
    for trial in scored:
        assert trial.last is not None
        (metric,) = trial.scores
        # The same weights, 200 images and other latents: near what the search measured.
        ratio = trial.scores[metric].values[0] / trial.last.metrics[metric]
        assert abs(math.log(ratio)) < 0.5


def test_a_trial_of_it_is_trained_again(results: Path, tmp_path: Path) -> None:
    from gansearch import retrain

    (run,) = retrain("kept/1", max_kimg=0.5, out=tmp_path / "trained", results=results)
    assert run.report.kimg == 0.5


@pytest.mark.slow
def test_it_is_resumed(results: Path) -> None:
    from gansearch import resume_study

    record = resume_study("kept", results=results, trials=5)
    assert len(record.trials) == 5
    assert all(trial.outcome is not None for trial in record.trials)
