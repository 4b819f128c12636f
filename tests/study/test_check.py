"""A space is checked against this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from gansearch.errors import SpaceError
from gansearch.space import load_space
from gansearch.study.check import check

QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


def test_a_space_is_checked_as_a_value_and_as_a_file() -> None:
    space = load_space(QUICKSTART)
    assert check(space) is space
    assert check(str(QUICKSTART)) == check(QUICKSTART) == space


def test_everything_that_is_missing_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        "variant: gan\n"
        "data: {name: folder, path: /no/such/folder, resolution: 8}\n"
        "parameters: {g_lr: [0.1, 0.2]}\n"
        "objectives: {fd_random: minimize}\n"
        "resources: {cpus: 10000}\n"
    )
    with pytest.raises(SpaceError) as caught:
        check(file)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "data.path",
        "resources.cpus",
    ]


def test_an_invalid_space_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("variant: dcgun\n")
    with pytest.raises(SpaceError, match="'dcgun'"):
        check(tmp_path / "space.yaml")
