"""Studies that version 0.1.0 made can still be used, also after they were moved."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gansearch.record import Outcome
from gansearch.search.policy import Policy

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


def test_its_population_is_read_as_pbt_with_the_same_proposals(tmp_path: Path) -> None:
    """A population over random search, with variants' own ranges and without ``sampled``."""
    results = Path(shutil.copytree(KEPT.with_name("version_0_1_0_schedules"), tmp_path / "r"))
    from gansearch import load_study

    space, record = load_study("schedules", results)
    assert (space.search.sampler, space.search.stopping) == ("pbt", "truncation")
    assert any(trial.lineage for trial in record.trials)
    for number, trial in enumerate(record.trials):
        before = replace(record, trials=record.trials[:number])
        asked = Policy(space, before).ask()
        assert asked is not None
        assert (asked.params, asked.seed, asked.lineage) == (
            trial.params,
            trial.seed,
            trial.lineage,
        )
    continued = Policy(space, record).record()
    assert all("gan.g_lr" in t.sampled or "dcgan.g_lr" in t.sampled for t in continued.trials)
