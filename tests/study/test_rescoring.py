"""Finalists scored again: what is scored, by what, and what a bad checkpoint does."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gansearch.config import FinalistsConfig
from gansearch.data import load_images
from gansearch.errors import ConfigError, StudyError
from gansearch.metrics.evaluator import Evaluator
from gansearch.record import StudyRecord, TrialRecord
from gansearch.space import Space
from gansearch.study.rescoring import score_finalists
from gansearch.study.run import load_study, pareto_front, rescore_study
from gansearch.train.evaluation import CheckpointEvaluator
from gansearch.train.run import CHECKPOINT_FILE
from gansearch.train.trainer import Trainer

PLAN = FinalistsConfig(samples=60, seeds=2)


def reporting(trial: TrialRecord, fid: float, seconds: float) -> TrialRecord:
    """A trial as if it had measured these."""
    assert trial.last is not None
    metrics = {**trial.last.metrics, "fd_digits": fid, "seconds_per_kimg": seconds}
    return replace(trial, reports=(replace(trial.last, metrics=metrics),))


@pytest.fixture
def study(trained: Path) -> tuple[Space, StudyRecord]:
    """Two trials on a front."""
    space, record = load_study("s", trained)
    first, second = record.trials
    return space, replace(record, trials=(reporting(first, 90, 1), reporting(second, 80, 2)))


def test_finalists_are_scored_on_latents_that_the_search_has_not_seen(
    study: tuple[Space, StudyRecord],
) -> None:
    space, record = study
    first, second = score_finalists(space, record, PLAN)
    score = first.scores["fd_digits"]
    assert space.evaluation.seed not in score.seeds
    assert score.seeds == (1, 2)
    assert score.protocol.startswith(
        "samples=60; source=latents of seeds 1, 2; against=899 real ones"
    )
    assert score.protocol == second.scores["fd_digits"].protocol
    assert first.last is not None
    assert score.kimg == first.last.kimg
    # The values are those that the evaluation of a trial would give with these seeds.
    images, cpu = load_images(space.data), torch.device("cpu")
    trainer = Trainer.load(Path(str(first.last.checkpoint)) / CHECKPOINT_FILE, images, cpu)
    for seed, value in zip(score.seeds, score.values, strict=True):
        config = trainer.config.evaluation.model_copy(update={"samples": 60, "seed": seed})
        evaluator = Evaluator(config, ("fd_digits",), images, cpu)
        assert evaluator.evaluate(trainer.sample).values["fd_digits"] == pytest.approx(value)
    assert score.values[0] != score.values[1]


def test_what_has_its_scores_is_left_alone_and_the_rest_is_made_good(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointEvaluator, "evaluate", lambda *_: {"fd_digits": (1.0, 2.0)})
    space, record = study
    first, second = score_finalists(space, record, PLAN)
    more = PLAN.model_copy(update={"samples": 70})

    def to_do(*trials: TrialRecord, plan: FinalistsConfig = PLAN) -> list[int]:
        return [t.number for t in score_finalists(space, replace(record, trials=trials), plan)]

    assert to_do(first, record.trials[1]) == [1]
    assert to_do(first, second) == []
    assert to_do(first, second, plan=more) == [0, 1]
    # One that is no finalist any more is brought along: scores of two protocols are of no use.
    fallen = reporting(first, 500, 9)
    assert to_do(fallen, second, plan=more) == [0, 1]
    alone = replace(fallen, scores={})
    assert to_do(alone, second, plan=more) == [1]
    both = replace(record, trials=(alone, second))
    assert [t.number for t in score_finalists(space, both, more, also=[0])] == [0, 1]


def test_a_bad_checkpoint_is_named_and_passed_over(
    study: tuple[Space, StudyRecord], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space, record = study
    first, second = record.trials
    assert first.last is not None
    broken = tmp_path / "trial_00000" / "kimg_0.1"
    shutil.copytree(str(first.last.checkpoint), broken)
    (broken / CHECKPOINT_FILE).write_bytes(b"gone bad")
    for checkpoint, words in (
        (str(broken), "damaged"),
        (str(tmp_path / "gone" / "kimg_0.1"), "no such checkpoint"),
        (None, "not kept"),
    ):
        bad = replace(first, reports=(replace(first.last, checkpoint=checkpoint),))
        with caplog.at_level(logging.WARNING):
            done = list(score_finalists(space, replace(record, trials=(bad, second)), PLAN))
        assert [trial.number for trial in done] == [1]
        assert "trial 0 cannot be scored again" in caplog.text
        assert words in caplog.text
        caplog.clear()


def test_a_study_is_rescored_by_name(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with pytest.raises(ConfigError, match="seeds"):
        rescore_study("s", results=tmp_path, seeds=1)
    with pytest.raises(StudyError, match="trial 2 has not completed"):
        rescore_study("s", results=tmp_path, also=[1, 2])
    assert pareto_front("s", results=tmp_path).rescored == set()
    record = rescore_study("s", results=tmp_path, samples=60, seeds=3)
    assert load_study("s", tmp_path)[1] == record
    front = pareto_front("s", results=tmp_path)
    assert front.rescored == {"fd_digits"}
    assert front.not_rescored == ()
    # A second call finds everything done.
    assert rescore_study("s", results=tmp_path, samples=60, seeds=3) == record
