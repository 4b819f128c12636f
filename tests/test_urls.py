"""URLs: every path can be written in one, and secrets are masked."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from gansearch.errors import UsageError
from gansearch.urls import masked, sqlite_file, sqlite_url, without_secrets

NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_a_url_has_the_path_of_its_file(name: str) -> None:
    file = Path("/results") / name / "studies.db"
    assert sqlalchemy.make_url(sqlite_url(file)).database == str(file)
    assert sqlite_file(sqlite_url(file)) == file


def test_only_sqlite_has_a_file() -> None:
    assert sqlite_file("postgresql://host/db") is None
    assert sqlite_file("sqlite://") is None  # in memory
    assert sqlite_file("sqlite+pysqlite:///a.db") == Path("a.db")


def test_a_path_that_is_not_text_is_an_error() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        sqlite_url(Path("/results\udcff/studies.db"))


SECRET = "hunter2"  # noqa: S105 - of nothing
URLS = [
    f"postgresql://me:{SECRET}@host:5432/db",
    f"postgresql://{SECRET}@host/db",
    f"postgresql://host/db?user=me&password={SECRET}",
    f"postgresql:///db?sslpassword={SECRET}&host=/run/socket",
    f"postgresql://host/db?options=-c%20x%3D{SECRET}",
    f"http://host:5000/path#{SECRET}",
    f"https://token:{SECRET}@host",
    f"mysql://me:p@{SECRET}@host/db",
    f"mysql://me:p/{SECRET}@host/db",
    f"mysql://me:p?{SECRET}@host/db",
    f"mysql://host/db?password=p@{SECRET}",
    f"nonsense {SECRET}",
]


@pytest.mark.parametrize("url", URLS)
def test_no_secret_is_shown(url: str) -> None:
    assert SECRET not in masked(url)


@pytest.mark.parametrize("url", URLS[:4])
def test_a_masked_url_shows_the_place(url: str) -> None:
    assert masked(url).startswith("postgresql://")
    assert "/db" in masked(url)


@pytest.mark.parametrize(
    "url", [u for u in URLS if "://" in u and "#" not in u and "options" not in u]
)
def test_secrets_are_removed_from_errors(url: str) -> None:
    error = f"connection to {url} failed: '{SECRET}' is no password of me"
    assert SECRET not in without_secrets(error, url)


def test_values_that_are_not_secret_stay_in_errors() -> None:
    url = "postgresql://me:p%40ss@host/db?sslmode=require&password=x"
    error = "sslmode require: p@ss of me:p%40ss is no option, x"
    assert without_secrets(error, url) == "sslmode require: *** of *** is no option, ***"
