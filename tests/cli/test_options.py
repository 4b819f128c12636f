"""Checks of options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gansearch.cli.options import file_to_write, folder_to_write, seed_in_range, seeds_in_range
from gansearch.errors import UsageError
from gansearch.settings import LARGEST

Call = Callable[..., Any]


@pytest.mark.parametrize(
    "words",
    [
        ("pareto", "s", "--csv", "/proc/version/front.csv"),
        ("pareto", "s", "--plot", "/proc/version/front.png"),
        ("pareto", "s", "--csv", "/tmp"),  # noqa: S108
        ("sample", "s/0", "--out", "/proc/version/a/b.png"),
        ("train", "--from", "s/0", "--out", "/proc/version/trained"),
        ("evaluate", "--against", "digits", "--save-stats", "/proc/version/d.npz"),
        ("profile", "gan", "--plot", "/proc/version/p.png"),
    ],
    ids=lambda words: " ".join(words[::3]),
)
def test_every_command_checks_its_output_file_first(
    gansearch: Call, recorded: Path, words: tuple[str, ...]
) -> None:
    place = "/proc/version" if "proc" in words[-1] else "/tmp"  # noqa: S108
    gansearch(*words).check_refused("folder", place)


def test_a_device_can_be_written_and_a_new_folder_is_not_made_yet(tmp_path: Path) -> None:
    assert file_to_write(None) is None
    assert file_to_write(Path("/dev/null")) == Path("/dev/null")
    file = tmp_path / "new" / "front.csv"
    assert file_to_write(file) == file
    assert not file.parent.exists()
    assert folder_to_write(file.parent) == file.parent


def test_seeds_are_from_0_to_the_largest_64_bit_integer() -> None:
    assert seeds_in_range(None) == []
    assert seeds_in_range([0, LARGEST]) == [0, LARGEST]
    for seed in (-1, LARGEST + 1):
        with pytest.raises(UsageError, match=f"--seed {seed}: should be from 0 to {LARGEST}"):
            seed_in_range(seed)


@pytest.mark.parametrize(
    "words", [("train", "--from", "a/0"), ("sample", "a/0"), ("evaluate", "a/0")]
)
def test_every_command_refuses_larger_seeds(gansearch: Call, words: tuple[str, ...]) -> None:
    gansearch(*words, "--seed", LARGEST + 1).check_refused(str(LARGEST))
