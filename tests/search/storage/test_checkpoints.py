"""A trial's checkpoints on storage: whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gansearch.paths import REPORT_FILE, SAMPLES_FILE, SPACE_FILE
from gansearch.record import Report
from gansearch.search.storage.checkpoints import TrialFolder


@pytest.fixture(params=["path", "uri"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> TrialFolder:
    place = tmp_path / "study" / "trial_00003"
    return TrialFolder(str(place) if request.param == "path" else place.as_uri())


@pytest.fixture
def made(tmp_path: Path):
    """A checkpoint as training leaves it on the worker's own disk."""

    def make(kimg: float) -> tuple[Path, Report]:
        local = tmp_path / "scratch" / f"kimg_{kimg:g}"
        local.mkdir(parents=True)
        (local / "checkpoint.pt").write_bytes(f"weights at {kimg:g}".encode())
        (local / REPORT_FILE).write_text("{}")
        return local, Report(kimg, {"fd_digits": kimg}, {"fd_digits": "p"}, tags={"device": "cpu"})

    return make


def on_disk(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "study" / "trial_00003").iterdir())


def test_an_empty_folder_has_no_checkpoint(folder: TrialFolder) -> None:
    assert folder.reports() == []


def test_the_last_checkpoint_is_fetched_complete(folder: TrialFolder, made, tmp_path: Path) -> None:
    kept = [folder.publish(*made(kimg)) for kimg in (5, 20, 10)]
    latest = folder.reports()[0]
    assert latest == kept[1]
    assert latest.metrics == {"fd_digits": 20.0}
    assert latest.tags == {"device": "cpu"}
    assert str(latest.checkpoint).startswith(folder.address)
    fetched = folder.fetch(latest, tmp_path / "fetched")
    assert (fetched / "checkpoint.pt").read_text() == "weights at 20"
    assert (fetched / REPORT_FILE).exists()


def test_a_published_checkpoint_leaves_the_workers_disk(folder: TrialFolder, made) -> None:
    local, report = made(5)
    folder.publish(local, report)
    assert not local.exists()


@pytest.mark.parametrize("content", [None, "", '{"kimg": 3'])
def test_an_incomplete_checkpoint_is_ignored(
    folder: TrialFolder, made, tmp_path: Path, content: str | None
) -> None:
    kept = folder.publish(*made(5))
    cut = tmp_path / "study" / "trial_00003" / "kimg_10_0badcafe"
    cut.mkdir()
    (cut / "checkpoint.pt").write_bytes(b"wei")
    if content is not None:
        (cut / REPORT_FILE).write_text(content)
    assert folder.reports()[0] == kept


def test_pruning_keeps_one_checkpoint(folder: TrialFolder, made, tmp_path: Path) -> None:
    folder.publish(*made(5))
    kept = folder.publish(*made(10))
    (tmp_path / "study" / "trial_00003" / "kimg_20_0badcafe").mkdir()
    folder.prune(kept)
    assert [path.name for path in on_disk(tmp_path)] == [str(kept.checkpoint).rpartition("/")[2]]
    assert folder.reports()[0] == kept


def test_pruning_keeps_the_samples_of_every_rung(folder: TrialFolder, made, tmp_path: Path) -> None:
    for kimg in (5, 10):
        local, report = made(kimg)
        (local / SAMPLES_FILE).write_bytes(b"png")
        folder.prune(kept := folder.publish(local, report))
    early, late = sorted(on_disk(tmp_path), key=lambda path: len(list(path.iterdir())))
    assert [path.name for path in early.iterdir()] == [SAMPLES_FILE]
    assert late.name == str(kept.checkpoint).rpartition("/")[2]
    assert folder.reports()[0] == kept


def test_two_processes_at_one_rung_do_not_share_a_file(folder: TrialFolder, made) -> None:
    first = folder.publish(*made(5))
    second = folder.publish(*made(5))
    assert first.checkpoint != second.checkpoint


def test_a_moved_study_has_its_reports(made, tmp_path: Path) -> None:
    TrialFolder(str(tmp_path / "study" / "trial_00003")).publish(*made(5))
    (tmp_path / "study").rename(tmp_path / "moved")
    folder = TrialFolder(str(tmp_path / "moved" / "trial_00003"))
    report = folder.reports()[0]
    assert report is not None
    assert str(report.checkpoint).startswith(str(tmp_path / "moved"))
    assert (folder.fetch(report, tmp_path / "fetched") / "checkpoint.pt").exists()


def test_storage_is_shared_if_the_studys_file_is_visible(
    folder: TrialFolder, tmp_path: Path
) -> None:
    assert not folder.is_shared()
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / SPACE_FILE).write_text("name: s")
    assert folder.is_shared()
