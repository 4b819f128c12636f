"""Studies on record are listed, loaded, ranked, compared and copied to MLflow."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gansearch.errors import StudyError, UsageError
from gansearch.report.front.comparison import compare as compare_configurations
from gansearch.report.front.selection import select
from gansearch.space import Bound
from gansearch.study.reading import (
    STORAGE_VARIABLE,
    compare,
    list_studies,
    load_study,
    pareto_front,
    storage_url,
    study_exists,
    sync,
)
from gansearch.study.run import resume_study


def test_an_unknown_study_is_named(tmp_path: Path) -> None:
    for missing in (
        lambda: load_study("x", tmp_path),
        lambda: pareto_front("x", results=tmp_path),
        lambda: compare("x", {}, results=tmp_path),
        lambda: sync("x", results=tmp_path),
        lambda: resume_study("x", results=tmp_path),
    ):
        with pytest.raises(StudyError, match="there is no study 'x'"):
            missing()
    assert not study_exists("x", tmp_path)


def test_a_folder_without_studies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"is no folder of results: .*studies.db does not exist"):
        list_studies(tmp_path)
    sqlite3.connect(tmp_path / "studies.db").execute("CREATE TABLE theirs (x)").connection.close()
    before = (tmp_path / "studies.db").read_bytes()
    with pytest.raises(StudyError, match="there is no study in"):
        list_studies(tmp_path)
    assert (tmp_path / "studies.db").read_bytes() == before  # no tables are added


def test_a_study_is_loaded_with_its_space(recorded: Path) -> None:
    space, record = load_study("s", recorded)
    assert (space.name, space.budget.trials, record.name) == ("small", 40, "s")
    assert len(record.trials) == 40
    assert study_exists("s", str(recorded))
    assert list_studies(recorded) == ("s",)


def test_the_front_follows_objectives_bounds_and_weights(recorded: Path) -> None:
    space, record = load_study("s", recorded)
    bounds = [Bound(metric="seconds_per_kimg", max=1.0)]
    options = {"objectives": ["fd_digits", "peak_memory_mib"], "weights": {"fd_digits": 1.0}}
    front = pareto_front("s", results=recorded, bounds=bounds, **options)
    assert front == select(space, record, bounds=bounds, **options)
    assert front.to_frame()["trial"].tolist() == [trial.number for trial in front.front]


def test_a_baseline_has_values_of_any_type(recorded: Path) -> None:
    space, record = load_study("s", recorded)
    first = next(trial for trial in record.trials if trial.outcome == "completed")
    chosen = {"variant": first.params["variant"], "g_lr": first.params["g_lr"]}
    with pytest.raises(StudyError, match="nothing else has completed on a seed"):
        compare("s", chosen, results=recorded)
    with pytest.raises(UsageError, match="no configuration completed with"):
        compare("s", {"d_steps": 77}, results=recorded)
    with pytest.raises(UsageError) as typed:
        compare("s", {"d_steps": 2}, results=recorded)
    with pytest.raises(UsageError) as text:
        compare_configurations(space, record, {"d_steps": "2"})
    assert str(typed.value) == str(text.value)


def test_a_study_is_copied_to_mlflow(trained: Path, tmp_path: Path) -> None:
    results = shutil.copytree(trained, tmp_path / "results")
    assert sync("s", results=str(results)) == load_study("s", results)[1]
    runs = sqlite3.connect(results / "mlflow.db").execute("SELECT count(*) FROM runs").fetchone()
    assert runs == (3,)  # the study and its two trials


def test_the_environment_can_name_another_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORAGE_VARIABLE, raising=False)
    assert storage_url(tmp_path) == f"sqlite:///{tmp_path}/studies.db"
    monkeypatch.setenv(STORAGE_VARIABLE, "postgresql://host/db")
    assert storage_url(tmp_path) == "postgresql://host/db"


def test_reading_a_study_imports_neither_torch_nor_ray_nor_mlflow() -> None:
    heavy = "{'torch', 'ray', 'mlflow'}"
    code = f"import sys, gansearch.study.reading; print({heavy} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert output.stdout == "set()\n"
