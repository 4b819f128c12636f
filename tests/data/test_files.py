"""Image files of a folder and their classes; no file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gansearch.data.files import SUFFIXES, classes_of, image_files
from gansearch.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names_in(root: Path) -> list[str]:
    return [file.name for file in image_files(root)]


def test_files_are_sorted_by_path_whatever_the_file_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "b.png", "a/z.png", "c.PNG", "a/b/c.png", "a.png")
    expected = ["a.png", "a/b/c.png", "a/z.png", "b.png", "c.PNG"]
    assert names_in(tmp_path) == expected
    walk = os.walk

    def reversed_walk(*args: object, **kwargs: object) -> object:
        for parent, folders, names in walk(*args, **kwargs):  # type: ignore[call-overload]
            folders.reverse()
            yield parent, folders, names[::-1]

    monkeypatch.setattr(os, "walk", reversed_walk)
    assert names_in(tmp_path) == expected


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_suffixes_count_in_either_case(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, f"1{suffix}", f"2{suffix.upper()}")
    assert len(names_in(tmp_path)) == 2


def test_hidden_files_and_other_files_do_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", ".thumbnails/1.png", "._1.png", "README.txt")
    (tmp_path / "empty").mkdir()
    assert names_in(tmp_path) == ["1.png"]


def test_a_missing_a_wrong_and_an_empty_path_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "1.png")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("nowhere", "nowhere is missing"),
        ("1.png", "not a folder"),
        ("empty", r"holds no images: none of \.bmp, \.gif"),
    ):
        with pytest.raises(DataError, match=message):
            image_files(tmp_path / name)


def test_states_tell_whether_a_file_may_have_changed(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png")
    before = image_files(tmp_path)
    assert image_files(tmp_path) == before
    (tmp_path / "2.png").write_bytes(b"other")
    first, second = image_files(tmp_path)
    assert first == before[0]
    assert second.state != before[1].state


# --- Links ---------------------------------------------------------------------------------------


def test_links_are_followed_and_those_to_nowhere_are_listed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root, "1.png")
    touch(elsewhere, "2.png")
    (root / "more").symlink_to(elsewhere)
    (root / "gone").symlink_to("nowhere")
    files = image_files(root)
    assert [file.name for file in files] == ["1.png", "gone", "more/2.png"]
    assert [file.regular for file in files] == [True, False, True]


@pytest.mark.parametrize("links", [{"ant/again": ".."}, {"a/b": "../c", "c/a": "../a"}])
def test_links_in_a_circle_are_named(tmp_path: Path, links: dict[str, str]) -> None:
    touch(tmp_path, "ant/1.png")
    for link, target in links.items():
        (tmp_path / link).parent.mkdir(exist_ok=True)
        (tmp_path / link).symlink_to(target)
    with pytest.raises(DataError, match="a folder that it lies in"):
        image_files(tmp_path)


# --- Classes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["ant/1.png", "bee/deep/1.png", "cat/1.png", "cat/2.png"], (0, 1, 2, 2)),
        (["cat/1.png", "ant/1.png"], (1, 0)),
        (["cat/1.png", "cat/2.png"], None),
        (["cat/1.png", "cat/2.png", "loose.png"], None),
        (["1.png", "2.png"], None),
    ],
)
def test_classes_are_the_sub_folders_that_hold_every_image(
    names: list[str], labels: tuple[int, ...] | None
) -> None:
    assert classes_of(names) == (labels, len(set(labels)) if labels else 0)


def test_images_beside_the_folders_of_classes_are_named() -> None:
    with pytest.raises(DataError, match=r"stray\.png beside the sub-folders ant, cat"):
        classes_of(["ant/1.png", "cat/1.png", "stray.png"])
    with pytest.raises(DataError, match=r"0\.png, .*4\.png, 2 more beside"):
        classes_of(["ant/1.png", "cat/1.png", *(f"{i}.png" for i in range(7))])
