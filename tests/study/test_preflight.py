"""Checks before a study starts."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from gansearch.errors import DataError, StudyError
from gansearch.record import StudyRecord
from gansearch.space import Space, parse_space
from gansearch.study.preflight import check_data, check_name, make_writable, study_tags

SPACE = """\
name: tiny
variant: gan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 100}
parameters: {g_lr: [0.1, 0.2]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 2, max_kimg: 10}
"""


@pytest.fixture(scope="module")
def space() -> Space:
    return parse_space(SPACE, "tiny.yaml")


@pytest.fixture(scope="module")
def tags(space: Space) -> dict[str, str]:
    return study_tags(space)


def test_tags_have_versions_data_and_the_floor_of_each_quality(tags: dict[str, str]) -> None:
    for package in ("gansearch", "torch", "ray", "optuna"):
        assert tags[package] == version(package)
    assert tags["data.skipped"] == "0"
    assert float(tags["floor/fd_digits"]) > 0
    assert "floor/seconds_per_kimg" not in tags


def test_a_study_resumes_with_the_same_images_only(space: Space, tags: dict[str, str]) -> None:
    record = StudyRecord("s", SPACE, "tiny.yaml", 0.0, tags, ())
    check_data(space, record)
    with pytest.raises(DataError, match=r"began with other images: their fingerprint was other"):
        check_data(space, replace(record, tags={**tags, "data": "other"}))


@pytest.mark.parametrize("name", ["s", "a.b-c_D0", "9"])
def test_a_valid_name_is_accepted(name: str, tmp_path: Path) -> None:
    check_name(name, tmp_path, ["other"])


@pytest.mark.parametrize("name", ["a/b", "..", "", " ", "-x", "a" * 200, ".x"])
def test_an_invalid_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be a study's name"):
        check_name(name, tmp_path, [])


def test_a_name_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="gansearch resume s --results"):
        check_name("s", tmp_path, ["s"])
    (tmp_path / "mlartifacts").mkdir()
    with pytest.raises(StudyError, match="mlartifacts is in the way"):
        check_name("mlartifacts", tmp_path, [])


def test_the_results_folder_is_made_or_refused(tmp_path: Path) -> None:
    make_writable(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="results cannot be written there"):
        make_writable(tmp_path / "file" / "results")
