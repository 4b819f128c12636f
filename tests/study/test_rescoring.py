"""Rescoring of finalists: which trials, with which latents, and with damaged checkpoints."""

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
from gansearch.paths import CHECKPOINT_FILE
from gansearch.record import StudyRecord, TrialRecord
from gansearch.space import Space
from gansearch.study.reading import load_study, pareto_front
from gansearch.study.rescoring import rescore_finalists
from gansearch.study.run import rescore
from gansearch.train.evaluation import CheckpointEvaluator
from gansearch.train.trainer import Trainer

CONFIG = FinalistsConfig(samples=60, seeds=2)


def reporting(trial: TrialRecord, fid: float, seconds: float) -> TrialRecord:
    """Return a trial with these values in its report."""
    assert trial.last is not None
    metrics = {**trial.last.metrics, "fd_digits": fid, "seconds_per_kimg": seconds}
    return replace(trial, reports=(replace(trial.last, metrics=metrics),))


@pytest.fixture
def study(trained: Path) -> tuple[Space, StudyRecord]:
    """A study of two trials, both on the front."""
    space, record = load_study("s", trained)
    first, second = record.trials
    return space, replace(record, trials=(reporting(first, 90, 1), reporting(second, 80, 2)))


def test_finalists_are_rescored_with_latents_that_the_search_did_not_use(
    study: tuple[Space, StudyRecord],
) -> None:
    space, record = study
    first, second = rescore_finalists(space, record, CONFIG)
    score = first.scores["fd_digits"]
    assert space.evaluation.seed not in score.seeds
    assert score.seeds == (1, 2)
    assert score.protocol.startswith(
        "samples=60; source=latents of seeds 1, 2; against=899 real ones"
    )
    assert score.protocol == second.scores["fd_digits"].protocol
    assert first.last is not None
    assert score.kimg == first.last.kimg
    # The evaluation of a trial with these seeds gives the same values.
    images, cpu = load_images(space.data), torch.device("cpu")
    trainer = Trainer.load(Path(str(first.last.checkpoint)) / CHECKPOINT_FILE, images, cpu)
    for seed, value in zip(score.seeds, score.values, strict=True):
        config = trainer.config.evaluation.model_copy(update={"samples": 60, "seed": seed})
        evaluator = Evaluator(config, ("fd_digits",), images, cpu)
        assert evaluator.evaluate(trainer.sample).values["fd_digits"] == pytest.approx(value)
    assert score.values[0] != score.values[1]


def test_trials_with_scores_are_skipped_and_the_rest_is_rescored(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointEvaluator, "evaluate", lambda *_: {"fd_digits": (1.0, 2.0)})
    space, record = study
    first, second = rescore_finalists(space, record, CONFIG)
    more = CONFIG.model_copy(update={"samples": 70})

    def to_do(*trials: TrialRecord, config: FinalistsConfig = CONFIG) -> list[int]:
        return [t.number for t in rescore_finalists(space, replace(record, trials=trials), config)]

    assert to_do(first, record.trials[1]) == [1]
    assert to_do(first, second) == []
    assert to_do(first, second, config=more) == [0, 1]
    # A former finalist is rescored too, because scores under two protocols are not comparable.
    former = reporting(first, 500, 9)
    assert to_do(former, second, config=more) == [0, 1]
    alone = replace(former, scores={})
    assert to_do(alone, second, config=more) == [1]
    both = replace(record, trials=(alone, second))
    assert [t.number for t in rescore_finalists(space, both, more, also=[0])] == [0, 1]


def test_a_damaged_checkpoint_is_logged_and_skipped(
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
            done = list(rescore_finalists(space, replace(record, trials=(bad, second)), CONFIG))
        assert [trial.number for trial in done] == [1]
        assert "trial 0 cannot be rescored" in caplog.text
        assert words in caplog.text
        caplog.clear()


def test_a_study_is_rescored_by_name(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with pytest.raises(ConfigError, match="seeds"):
        rescore("s", results=tmp_path, seeds=1)
    with pytest.raises(StudyError, match="trial 2 has not completed"):
        rescore("s", results=tmp_path, also=[1, 2])
    assert pareto_front("s", results=tmp_path).rescored == set()
    record = rescore("s", results=tmp_path, samples=60, seeds=3)
    assert load_study("s", tmp_path)[1] == record
    front = pareto_front("s", results=tmp_path)
    assert front.rescored == {"fd_digits"}
    assert front.not_rescored == ()
    # A second call rescores nothing.
    assert rescore("s", results=tmp_path, samples=60, seeds=3) == record
