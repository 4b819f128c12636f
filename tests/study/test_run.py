"""Start of a run and of a resumed study, on a replaced cluster."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from gansearch.errors import SpaceError, StudyError
from gansearch.record import StudyRecord
from gansearch.search.engine import tune
from gansearch.space import Space, parse_space
from gansearch.study.reading import list_studies, load_study, pareto_front
from gansearch.study.run import resume_study, run_study

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


class Silent:
    """An observer that keeps the last record."""

    def update(self, record: StudyRecord) -> None:
        self.record = record

    close = update


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the cluster, the search on it, and the default observers."""
    monkeypatch.setattr(
        "gansearch.study.session.default_observers", lambda _: lambda _: (Silent(),)
    )
    monkeypatch.setattr("gansearch.search.engine.cluster.cluster", lambda *_: nullcontext())
    monkeypatch.setattr(tune, "search", lambda *_: None)


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
def test_missing_files_are_found_before_anything_starts(
    tmp_path: Path, changes: dict[str, str], named: str
) -> None:
    with pytest.raises(SpaceError, match=named):
        run_study(space(**changes), results=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_results_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"file.*cannot be written"):
        run_study(space(), results=tmp_path / "file" / "results")


def test_the_default_name_is_the_space_with_the_time(tmp_path: Path, no_search: None) -> None:
    record = run_study(space(), results=tmp_path)
    assert record.name.startswith("tiny-2")
    assert list_studies(tmp_path) == (record.name,)
    assert load_study(record.name, tmp_path)[1] == record
    assert (tmp_path / record.name / "space.yaml").read_text() == SPACE


def test_the_results_folder_can_be_a_string(tmp_path: Path, no_search: None) -> None:
    results = str(tmp_path)
    record = run_study(space(), name="s", results=results)
    assert resume_study("s", results=results) == record
    assert load_study("s", results)[1] == record
    assert list_studies(results) == ("s",)
    assert pareto_front("s", results=results).front == ()


def test_a_program_logs_progress_and_writes_to_mlflow_by_default(tmp_path: Path) -> None:
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


def test_a_name_in_use_or_invalid_is_refused(tmp_path: Path, no_search: None) -> None:
    run_study(space(), name="s", results=tmp_path)
    with pytest.raises(StudyError, match="gansearch resume s"):
        run_study(space(), name="s", results=tmp_path)
    with pytest.raises(StudyError, match="name"):
        run_study(space(), name="a/b", results=tmp_path / "results")
    assert not (tmp_path / "results").exists()
