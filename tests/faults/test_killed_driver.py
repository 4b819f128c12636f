"""A study whose driver is killed loses nothing, runs nothing twice, starts nothing over."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from gansearch.errors import StudyError
from gansearch.record import Outcome, StudyRecord
from gansearch.study.reading import load_study
from gansearch.study.run import resume_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

DRIVER = Path(__file__).with_name("driver.py")
MAX_KIMG = 12.0


@dataclass
class History:
    """The record after each driver, and the files that workers wrote meanwhile."""

    records: list[StudyRecord]
    diaries: list[list[dict[str, Any]]]
    exit_codes: list[int]
    refusal: str


class Scene:
    def __init__(self, results: Path) -> None:
        self.results = results
        self.ray_folders: list[Path] = []  # short ones: sockets lie in them

    def start(self, command: str) -> subprocess.Popen[bytes]:
        self.ray_folders.append(Path(mkdtemp(prefix="gs")))
        arguments = [
            sys.executable,
            str(DRIVER),
            command,
            str(self.results),
            str(self.ray_folders[-1]),
        ]
        return subprocess.Popen(arguments)

    def diary(self) -> list[dict[str, Any]]:
        file = self.results / "diary.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def wait(self, driver: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
        while not condition():
            assert driver.poll() is None, f"the driver ended with {driver.returncode}"
            time.sleep(0.05)

    def told(self, kimg: float, since: int = 0) -> int:
        return sum(entry.get("told") == kimg for entry in self.diary()[since:])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A study ended by SIGTERM, resumed and killed, and resumed to its end."""
    scene = Scene(tmp_path_factory.mktemp("results"))
    history = History([], [], [], "")

    def remember(driver: subprocess.Popen[bytes]) -> None:
        history.exit_codes.append(driver.wait())
        history.records.append(load_study("killed", scene.results)[1])
        history.diaries.append(scene.diary())

    first = scene.start("run")
    scene.wait(first, lambda: scene.told(5.0) >= 1)
    with pytest.raises(StudyError) as refused:
        resume_study("killed", results=scene.results)
    history.refusal = str(refused.value)
    first.send_signal(signal.SIGTERM)
    remember(first)

    second = scene.start("resume")
    seen = len(scene.diary())
    scene.wait(second, lambda: scene.told(MAX_KIMG) >= 2 and scene.told(5.0, seen) >= 1)
    second.kill()
    remember(second)

    remember(scene.start("resume"))
    for folder in scene.ray_folders:
        shutil.rmtree(folder, ignore_errors=True)
    return history


def test_a_second_driver_is_refused(history: History) -> None:
    assert "killed" in history.refusal


def test_the_ends_of_killed_drivers_are_as_simulated(history: History) -> None:
    assert history.exit_codes == [128 + signal.SIGTERM, -signal.SIGKILL, 0]


def test_the_budget_is_used_and_not_exceeded(history: History) -> None:
    last = history.records[-1]
    assert [trial.number for trial in last.trials] == list(range(6))
    assert all(trial.outcome == Outcome.COMPLETED for trial in last.trials)
    assert {trial.last.kimg for trial in last.trials if trial.last} == {MAX_KIMG}


def test_no_acknowledged_result_is_lost(history: History) -> None:
    for before in history.records[:-1]:
        for old, new in zip(before.trials, history.records[-1].trials, strict=False):
            assert new.params == old.params
            assert new.seed == old.seed
            kept = [(report.kimg, report.metrics) for report in new.reports]
            assert [(r.kimg, r.metrics) for r in old.reports] == kept[: len(old.reports)]


def test_no_finished_trial_is_run_again(history: History) -> None:
    for before, diary in zip(history.records[:-1], history.diaries[:-1], strict=True):
        finished = {trial.number for trial in before.trials if trial.outcome is not None}
        later = history.diaries[-1][len(diary) :]
        assert not finished & {entry["trial"] for entry in later if "begun" in entry}
    assert any(trial.outcome is not None for trial in history.records[1].trials)


def test_no_partial_trial_starts_over(history: History) -> None:
    furthest: dict[int, float] = {}
    continued = 0
    for entry in history.diaries[-1]:
        if "told" in entry:
            furthest[entry["trial"]] = max(furthest.get(entry["trial"], 0.0), entry["told"])
        else:
            assert entry["begun"] >= furthest.get(entry["trial"], 0.0)
            continued += entry["begun"] > 0
    assert continued >= 2


def test_each_trial_reports_each_rung_once(history: History) -> None:
    for trial in history.records[-1].trials:
        assert [report.kimg for report in trial.reports] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
        seconds = [report.metrics["train_seconds"] for report in trial.reports]
        assert seconds == sorted(seconds)
