"""Whole studies on a small local Ray, over real data."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gansearch.errors import DataError, StudyError
from gansearch.record import Outcome, StudyRecord
from gansearch.report import select
from gansearch.search.engine import tune
from gansearch.search.engine.worker import Job, Send, train_trial
from gansearch.space import Space, parse_space
from gansearch.study.reading import list_studies, load_study
from gansearch.study.run import resume_study, run_study

SPACE = """
name: tiny
variant: dcgan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 200, finalists: {samples: 300, seeds: 2}}
training: {batch_size: 64, g_channels: 8, d_channels: 8}
parameters:
  g_lr: {type: float, low: 1e-3, high: 4e-3, log: true}
objectives:
  fd_digits: minimize
  train_seconds: minimize
budget: {trials: TRIALS, max_kimg: 6, rungs: [3]}
resources: {cpus: 1}
search: {sampler: random, stopping: none, seed: 1, retries: 1}
"""

MakeSpace = Callable[..., Space]


def space(trials: int, **changes: str) -> Space:
    text = SPACE.replace("TRIALS", str(trials))
    for old, new in changes.items():
        text = text.replace(old, new)
    return parse_space(text, "tiny.yaml")


class Watcher:
    def __init__(self) -> None:
        self.seen: list[StudyRecord] = []
        self.closed: StudyRecord | None = None

    def update(self, record: StudyRecord) -> None:
        self.seen.append(record)
        raise RuntimeError("an observer may fail at every look")

    def close(self, record: StudyRecord) -> None:
        self.closed = record


def kimgs(record: StudyRecord) -> list[list[float]]:
    return [[report.kimg for report in trial.reports] for trial in record.trials]


@pytest.fixture(scope="module")
def study(
    ray_here: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, StudyRecord, Watcher]:
    """A study of three trials, of which the second fails for good and the third dies once."""
    results = tmp_path_factory.mktemp("results")
    watcher = Watcher()

    def faulty(job: Job, send: Send) -> None:
        died = results / "died"
        if job["number"] == 1:
            raise ValueError("this one always fails")

        def send_and_die(message: dict[str, str]) -> None:
            send(message)
            if job["number"] == 2 and "report" in message and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        train_trial(job, send_and_die)

    patch = pytest.MonkeyPatch()
    patch.setattr(tune, "train_trial", faulty)
    record = run_study(space(3), name="s", results=results, observers=lambda _: [watcher])
    patch.undo()
    return results, record, watcher


def test_every_trial_has_one_end(study: tuple[Path, StudyRecord, Watcher]) -> None:
    _, record, _ = study
    outcomes = [trial.outcome for trial in record.trials]
    assert outcomes == [Outcome.COMPLETED, Outcome.FAILED, Outcome.COMPLETED]
    assert record.trials[1].reason == "ValueError: this one always fails"
    assert kimgs(record) == [[3, 6], [], [3, 6]]


def test_a_process_that_died_was_continued_from_its_checkpoint(
    study: tuple[Path, StudyRecord, Watcher],
) -> None:
    results, record, _ = study
    assert (results / "died").exists()
    # Training time is kept in the checkpoint: begun again from zero, it would not add up.
    first, last = (report.metrics["train_seconds"] for report in record.trials[2].reports)
    assert 0 < first < last


def test_the_record_is_durable_and_says_where_it_comes_from(
    study: tuple[Path, StudyRecord, Watcher],
) -> None:
    results, record, _ = study
    loaded, kept = load_study("s", results)
    assert loaded == space(3)
    assert kept == record
    assert list_studies(results) == ("s",)
    assert {"gansearch", "torch", "ray", "optuna", "python", "host", "data"} <= set(record.tags)
    assert float(record.tags["floor/fd_digits"]) >= 0


def test_the_front_is_of_finalists_that_were_scored_again(
    study: tuple[Path, StudyRecord, Watcher],
) -> None:
    _, record, _ = study
    selection = select(space(3), record)
    assert selection.front
    assert selection.not_rescored == ()
    for trial in selection.front:
        score = trial.scores["fd_digits"]
        assert (score.seeds, score.kimg) == ((1, 2), 6)
        assert score.protocol.startswith("samples=300; source=latents of seeds 1, 2")
        assert selection.values(trial)["fd_digits"] == sum(score.values) / 2


def test_each_completed_trial_keeps_its_last_checkpoint(
    study: tuple[Path, StudyRecord, Watcher],
) -> None:
    results, record, _ = study
    for trial in record.trials:
        folder = results / "s" / f"trial_{trial.number:05d}"
        kept = [weights.parent for weights in folder.glob("*/checkpoint.pt")]
        if trial.outcome != Outcome.COMPLETED:
            assert kept == []
            continue
        assert trial.last is not None
        assert [str(path) for path in kept] == [trial.last.checkpoint]
        assert {"checkpoint.pt", "samples.png"} <= {path.name for path in kept[0].iterdir()}


def test_an_observer_saw_it_and_ended_with_it(study: tuple[Path, StudyRecord, Watcher]) -> None:
    _, record, watcher = study
    assert len(watcher.seen) >= 2
    assert watcher.closed == record


def test_a_study_that_is_complete_has_nothing_to_resume(
    study: tuple[Path, StudyRecord, Watcher],
) -> None:
    results, record, _ = study
    assert resume_study("s", results=results).trials == record.trials


def test_more_trials_and_more_kimg(study: tuple[Path, StudyRecord, Watcher]) -> None:
    results, record, _ = study
    longer = resume_study("s", results=results, trials=4, max_kimg=8)
    assert kimgs(longer) == [[3, 6, 8], [], [3, 6, 8], [3, 8]]
    for before, after in zip(record.trials, longer.trials, strict=False):
        assert after.reports[: len(before.reports)] == before.reports


def test_a_taken_name_is_refused(study: tuple[Path, StudyRecord, Watcher]) -> None:
    results, _, _ = study
    with pytest.raises(StudyError, match="gansearch resume s"):
        run_study(space(1), name="s", results=results)


def test_other_images_are_refused_on_resume(
    study: tuple[Path, StudyRecord, Watcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    results, record, _ = study
    other = space(3, **{"holdout: 0.5": "holdout: 0.25"})
    monkeypatch.setattr("gansearch.study.run.read_study", lambda *_: (other, record))
    with pytest.raises(DataError, match="fingerprint"):
        resume_study("s", results=results)


def test_a_machine_that_is_too_small_is_named(ray_here: None, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"needs 64 CPUs .* Ray has 2"):
        run_study(space(1, **{"cpus: 1": "cpus: 64"}), name="s", results=tmp_path)
    assert not (tmp_path / "studies.db").exists()


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_resume_finishes(
    ray_here: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def slow(job: Job, send: Send) -> None:
        def send_and_wait(message: dict[str, str]) -> None:
            send(message)
            if "report" in message:
                time.sleep(3600)  # the end of a study waits for no trial's next rung

        train_trial(job, send_and_wait)

    class Interrupter:
        sent = False

        def update(self, record: StudyRecord) -> None:
            if not self.sent and any(trial.reports for trial in record.trials):
                self.sent = True
                os.kill(os.getpid(), signal.SIGINT)

        def close(self, record: StudyRecord) -> None: ...

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(tune, "train_trial", slow)
        with pytest.raises(KeyboardInterrupt):
            run_study(space(1), name="s", results=tmp_path, observers=lambda _: [Interrupter()])
    assert "gansearch resume s" in caplog.text
    interrupted = load_study("s", tmp_path)[1]
    assert interrupted.trials[0].outcome is None
    assert kimgs(interrupted) == [[3]]
    assert signal.getsignal(signal.SIGINT) is before

    finished = resume_study("s", results=tmp_path)
    assert kimgs(finished) == [[3, 6]]
    assert finished.trials[0].outcome == Outcome.COMPLETED
    assert finished.trials[0].reports[0].metrics == interrupted.trials[0].reports[0].metrics


def test_the_wall_clock_ends_a_study_wherever_it_runs(ray_here: None, tmp_path: Path) -> None:
    records: list[StudyRecord] = []
    short = space(2, **{"rungs: [3]": "rungs: [3], wall_clock: 1s"})
    beside = threading.Thread(
        target=lambda: records.append(run_study(short, name="s", results=tmp_path))
    )
    beside.start()
    beside.join()
    (record,) = records
    assert all(trial.outcome is None for trial in record.trials)
    assert load_study("s", tmp_path)[1] == record
