"""What a study checks before it starts, and how it ends; no cluster."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from gansearch.errors import SpaceError, StudyError
from gansearch.record import Observer, StudyRecord
from gansearch.search.engine import tune
from gansearch.search.engine.tune import SearchAdaptor, StopCondition
from gansearch.space import Space, parse_space
from gansearch.study.run import list_studies, load_study, pareto_front, resume_study, run_study

SPACE = """
name: tiny
variant: gan
data: {name: digits}
evaluation: {samples: 100}
parameters:
  g_lr: {type: float, low: 0.01, high: 0.2, log: true}
objectives:
  fd_digits: minimize
budget: {trials: 2, max_kimg: 10}
"""


def space(**changes: str) -> Space:
    text = SPACE
    for old, new in changes.items():
        text = text.replace(old, new)
    return parse_space(text, "tiny.yaml")


Search = Callable[[SearchAdaptor, Space, str, StopCondition], None]


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> Callable[[Search], None]:
    """Replaces the cluster, what is done on it, and what follows it."""

    def replace(search: Search) -> None:
        monkeypatch.setattr(
            "gansearch.study.session.usual_observers", lambda _: lambda _: (Silent(),)
        )
        monkeypatch.setattr("gansearch.search.engine.cluster.cluster", lambda *_: nullcontext())
        monkeypatch.setattr(tune, "search", search)

    return replace


def nothing(*_: Any) -> None:
    """A search that ends at once."""


class Silent:
    """An observer that keeps what it saw last."""

    def update(self, record: StudyRecord) -> None:
        self.record = record

    close = update


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {
                "fd_digits": "fd_random",
                "{name: digits}": "{name: folder, path: /no/such/folder, resolution: 8}",
            },
            "/no/such/folder",
        ),
        (
            {
                "fd_digits": "fid",
                "{samples: 100}": "{samples: 100, inception_weights: /no/such/file.pth}",
            },
            "/no/such/file.pth",
        ),
    ],
)
def test_what_is_missing_is_found_before_anything_starts(
    tmp_path: Path, changes: dict[str, str], named: str
) -> None:
    with pytest.raises(SpaceError, match=named):
        run_study(space(**changes), results=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_results_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"file.*cannot be written"):
        run_study(space(), results=tmp_path / "file" / "results")


def test_a_name_is_made_from_the_space_and_the_time(
    tmp_path: Path, searching: Callable[[Search], None]
) -> None:
    searching(nothing)
    record = run_study(space(), results=tmp_path)
    assert record.name.startswith("tiny-2")
    assert list_studies(tmp_path) == (record.name,)
    assert load_study(record.name, tmp_path)[1] == record
    assert (tmp_path / record.name / "space.yaml").read_text() == SPACE


def test_a_folder_can_be_a_string(tmp_path: Path, searching: Callable[[Search], None]) -> None:
    searching(nothing)
    results = str(tmp_path)
    record = run_study(space(), name="s", results=results)
    assert resume_study("s", results=results) == record
    assert load_study("s", results)[1] == record
    assert list_studies(results) == ("s",)
    assert pareto_front("s", results=results).front == ()


def test_a_program_that_asks_for_nothing_sees_progress_and_is_tracked(tmp_path: Path) -> None:
    script = f"""
from contextlib import nullcontext
from gansearch import run_study
from gansearch.search.engine import cluster, tune
from gansearch.space import parse_space
cluster.cluster = lambda *_: nullcontext()
tune.search = lambda *_: None
run_study(parse_space({SPACE!r}, "tiny.yaml"), name="s", results={str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "study s: " in done.stderr
    assert "ended: " in done.stderr
    assert (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("name", ["a/b", "..", "", " ", "-x", "a" * 200, ".x"])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError, match="name"):
        run_study(space(), name=name, results=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_taken_name_is_refused(tmp_path: Path, searching: Callable[[Search], None]) -> None:
    searching(nothing)
    run_study(space(), name="s", results=tmp_path)
    with pytest.raises(StudyError, match="gansearch resume s"):
        run_study(space(), name="s", results=tmp_path)


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlartifacts").mkdir()
    with pytest.raises(StudyError, match="mlartifacts is in the way"):
        run_study(space(), name="mlartifacts", results=tmp_path)


def test_an_unknown_study_is_named(tmp_path: Path) -> None:
    for missing in (lambda: load_study("x", tmp_path), lambda: resume_study("x", results=tmp_path)):
        with pytest.raises(StudyError, match="'x'"):
            missing()


def test_a_folder_without_studies_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"is no folder of results: .*studies.db does not exist"):
        list_studies(tmp_path)
    sqlite3.connect(tmp_path / "studies.db").execute("CREATE TABLE theirs (x)").connection.close()
    before = (tmp_path / "studies.db").read_bytes()
    with pytest.raises(StudyError, match="there is no study in"):
        list_studies(tmp_path)
    assert (tmp_path / "studies.db").read_bytes() == before  # no tables of ours in theirs


def test_a_search_that_could_not_be_kept_up_is_an_error(
    tmp_path: Path, searching: Callable[[Search], None]
) -> None:
    def search(adaptor: SearchAdaptor, *_: Any) -> None:
        adaptor.error = RuntimeError("the disk is gone")

    searching(search)
    with pytest.raises(StudyError, match=r"the disk is gone.*gansearch resume s") as raised:
        run_study(space(), name="s", results=tmp_path)
    assert isinstance(raised.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_pulls_the_brake_and_then_counts(
    tmp_path: Path,
    searching: Callable[[Search], None],
    number: signal.Signals,
    raised: type[BaseException],
) -> None:
    def search(
        _adaptor: SearchAdaptor, _space: Space, _storage: str, stop_condition: StopCondition
    ) -> None:
        os.kill(os.getpid(), number)
        while not stop_condition.stop_all():
            time.sleep(0.01)

    searching(search)
    before, seen = signal.getsignal(number), Silent()
    with pytest.raises(raised) as ended:
        run_study(space(), name="s", results=tmp_path, observers=lambda _: (seen,))
    assert signal.getsignal(number) == before
    assert seen.record.ending.startswith("interrupted with 0 of ")
    assert f"`gansearch resume s --results {tmp_path}` goes on" in seen.record.ending
    if raised is SystemExit:
        assert ended.value.code == 128 + number
    searching(nothing)
    resume_study("s", results=tmp_path)  # the lease was given back


def test_observers_see_the_end_even_of_a_search_that_fails(
    tmp_path: Path, searching: Callable[[Search], None]
) -> None:
    class Watcher(Observer):
        closed: StudyRecord | None = None

        def update(self, record: StudyRecord) -> None: ...

        def close(self, record: StudyRecord) -> None:
            self.closed = record

    def search(*_: Any) -> None:
        raise RuntimeError("Ray broke")

    searching(search)
    watcher = Watcher()
    with pytest.raises(RuntimeError, match="Ray broke"):
        run_study(space(), name="s", results=tmp_path, observers=lambda _: [watcher])
    assert watcher.closed == load_study("s", tmp_path)[1]


def test_reading_a_study_imports_neither_torch_nor_ray() -> None:
    code = "import sys, gansearch.study.run; print({'torch', 'ray', 'mlflow'} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert output.stdout == "set()\n"
