from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gansearch.hardware.cache import Arrays, cached
from gansearch.paths import cache_folder, written_atomically


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path))
    return tmp_path


class Computation:
    def __init__(self, seconds: float = 0) -> None:
        self.count = 0
        self._seconds = seconds

    def __call__(self) -> Arrays:
        self.count += 1
        time.sleep(self._seconds)
        return {"a": np.arange(1000.0), "b": np.eye(3, dtype=np.float32)}


def test_arrays_are_computed_once_for_the_same_inputs() -> None:
    compute = Computation()
    first, second = (cached("things", ("x", "1"), compute) for _ in range(2))
    assert compute.count == 1
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].dtype == second[name].dtype


@pytest.mark.parametrize("inputs", [("x", "2"), ("x1",), ("x", "1", "")])
def test_arrays_are_computed_again_for_other_inputs(inputs: tuple[str, ...]) -> None:
    compute = Computation()
    cached("things", ("x", "1"), compute)
    cached("things", inputs, compute)
    assert compute.count == 2


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.98])
def test_a_damaged_file_is_computed_again(folder: Path, keep: float) -> None:
    compute = Computation()
    cached("things", ("x",), compute)
    (file,) = folder.glob("things/*.npz")
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content))])
    restored = cached("things", ("x",), compute)
    np.testing.assert_array_equal(restored["a"], np.arange(1000.0))
    assert compute.count == 2
    assert file.read_bytes() == content


def test_a_flipped_bit_is_noticed(folder: Path) -> None:
    compute = Computation()
    cached("things", ("x",), compute)
    (file,) = folder.glob("things/*.npz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    np.testing.assert_array_equal(cached("things", ("x",), compute)["a"], np.arange(1000.0))
    assert compute.count == 2


def test_concurrent_processes_leave_one_complete_file(folder: Path) -> None:
    compute = Computation(seconds=0.05)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: cached("things", ("x",), compute), range(24)))
    assert all(np.array_equal(result["a"], np.arange(1000.0)) for result in results)
    assert [file.suffix for file in (folder / "things").iterdir()] == [".npz"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with written_atomically(path) as temporary:
            temporary.write_text("half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_the_variable_the_cache_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANSEARCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("things") == tmp_path / ".cache" / "gansearch" / "things"
    assert (tmp_path / ".cache" / "gansearch" / "things").is_dir()
