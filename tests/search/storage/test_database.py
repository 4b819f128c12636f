"""Connections to databases, and their errors."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import optuna
import pytest
import sqlalchemy

from gansearch.errors import StudyError
from gansearch.search.storage import database
from gansearch.search.storage.database import connect, read_trials, storage_errors
from gansearch.search.storage.store import StudyStore, read_study, study_names
from gansearch.space import Space
from gansearch.urls import sqlite_url

MakeSpace = Callable[..., Space]


def test_reading_creates_no_database(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "none" / "studies.db")
    assert study_names(url) == ()
    for look in (read_study, StudyStore.open):
        with pytest.raises(StudyError, match="there is no study 's'"):
            look(url, "s")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_of_any_name_is_created(tmp_path: Path, make_space: MakeSpace) -> None:
    url = sqlite_url(tmp_path / "re {sults} x" / "studies.db")
    StudyStore.create(url, "s", make_space()).close()
    assert study_names(url) == ("s",)


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_text("hello " * 1000)
    with pytest.raises(StudyError, match=r"cannot be opened.*not a database"):
        study_names(sqlite_url(tmp_path / "studies.db"))


def test_readers_do_not_wait_for_the_writer(tmp_path: Path, make_space: MakeSpace) -> None:
    with StudyStore.create(sqlite_url(tmp_path / "studies.db"), "s", make_space()):
        database = sqlite3.connect(tmp_path / "studies.db")
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_missing_driver_and_an_unreachable_server_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "OPEN_SECONDS", 0.2)
    with pytest.raises(StudyError, match=r"postgresql://\*\*\*@127.0.0.1:1/x cannot be opened"):
        study_names("postgresql://me:secret@127.0.0.1:1/x")
    with pytest.raises(StudyError, match="needs a driver: pip install"):
        study_names("mssql+pyodbc://127.0.0.1/x")


def test_concurrent_creations_of_one_database_all_succeed(
    tmp_path: Path, make_space: MakeSpace
) -> None:
    url = sqlite_url(tmp_path / "studies.db")
    errors: list[BaseException] = []

    def begin(name: str) -> None:
        try:
            StudyStore.create(url, name, make_space()).close()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=begin, args=(f"s{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(study_names(url)) == ["s0", "s1", "s2", "s3"]


def test_errors_are_one_line_without_the_password() -> None:
    url = "postgresql://me:secret@server/x"
    original = OSError(f"connection to {url} refused\nand more")
    error = sqlalchemy.exc.OperationalError("SELECT", {}, original)
    with (
        pytest.raises(StudyError, match=r"the storage \S+ cannot be read: .*refused") as caught,
        storage_errors(url),
    ):
        raise error
    assert "secret" not in str(caught.value)
    assert "more" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_trials_are_read_as_optuna_reads_them(url: str) -> None:
    study = optuna.create_study(storage=connect(url, create=True), study_name="s")
    for number in range(3):
        trial = study.ask()
        for name in ("a", "b"):
            trial.set_user_attr(name, [number, {"text": "ü"}])
    study.tell(1, 1.0)
    storage = connect(url)
    rows = read_trials(storage, storage.get_study_id_from_name("s"))
    expected = storage.get_all_trials(storage.get_study_id_from_name("s"))
    assert [(row.state, row.attributes) for row in rows] == [
        (trial.state, trial.user_attrs) for trial in expected
    ]
