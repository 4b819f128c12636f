"""The commands ``run``, ``resume``, ``rescore`` and ``studies``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gansearch.record import StudyRecord
from gansearch.study.reading import load_study

Call = Callable[..., Any]
QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


@dataclass
class FakeSearch:
    """Replaces a function that runs a study; keeps its arguments and returns a recorded study."""

    results: Path
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *arguments: Any, **options: Any) -> StudyRecord:
        self.arguments, self.options = arguments, options
        return load_study("s", self.results)[1]


def test_run_and_resume_show_progress_and_end_with_the_front(
    gansearch: Call, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = FakeSearch(recorded)
    monkeypatch.setattr("gansearch.study.run.run_study", search)
    monkeypatch.setattr("gansearch.study.run.resume_study", search)
    ran = gansearch("run", QUICKSTART, "--name", "s", "--results", recorded)
    (space,) = search.arguments
    assert (space.name, search.options["name"]) == ("quickstart", "s")
    observers = search.options["observers"](space)
    assert [type(each).__name__ for each in observers] == ["ProgressView", "MlflowMirror"]
    resumed = gansearch("resume", "s", "--results", recorded, "--trials", 50, "--max-kimg", 60)
    assert search.arguments == ("s",)
    assert (search.options["trials"], search.options["max_kimg"]) == (50, 60.0)
    for answer, name in ((ran, "quickstart"), (resumed, "s")):
        answer.check_completed()
        assert answer.out.startswith(f"{name}: preparing images, metrics and Ray\n")
        assert "Pareto front of s" in answer.out
        assert f"gansearch pareto s --results {recorded}" in answer.out


def test_resume_leaves_reading_the_record_to_the_function(
    gansearch: Call, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = load_study("s", recorded)[1]
    monkeypatch.setattr("gansearch.study.run.resume_study", lambda *_, **__: record)
    monkeypatch.setattr("gansearch.study.reading.read_study", None)
    gansearch("resume", "s", "--results", recorded).check_completed()


def test_rescored_finalists_have_intervals(
    gansearch: Call, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = shutil.copytree(trained, tmp_path / "results")
    monkeypatch.setattr("gansearch.cli.studies.observers", lambda *_: lambda _: ())
    assert "Student's t" not in gansearch("pareto", "s", "--results", results).out
    answer = gansearch("rescore", "s", "--results", results, "--samples", 60, "--seeds", 2)
    answer.check_completed()
    protocol = "Student's t, 2 seeds of latents); samples=60; source=latents of seeds 1, 2"
    assert protocol in answer.out
    front = gansearch("pareto", "s", "--results", results)
    assert protocol in front.out
    unknown = gansearch("rescore", "s", "--results", results, "--trial", 7)
    unknown.check_refused("trial 7 has not")
    assert gansearch("rescore", "s", "--seeds", 1).code == 2


def test_studies_are_listed(gansearch: Call, recorded: Path) -> None:
    assert gansearch("studies", "--results", recorded).out.split()[-1] == "s"
    gansearch("studies").check_refused("results is no folder of results")
    Path("file").touch()
    gansearch("studies", "--results", "file").check_refused("file is no folder of results")
