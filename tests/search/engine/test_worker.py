"""One trial in its process: where it begins, what it tells, what it leaves behind."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gansearch.config import TrainConfig
from gansearch.errors import CheckpointError
from gansearch.paths import CONFIG_FILE, SPACE_FILE
from gansearch.record import Ancestor, Outcome, Report
from gansearch.search.engine import worker
from gansearch.search.engine.worker import Job, job_of, train_trial
from gansearch.search.policy import Ask
from gansearch.search.storage.checkpoints import TrialFolder
from gansearch.settings import Params
from gansearch.space import Space
from gansearch.train.run import REPORT


class Killed(BaseException):
    """The process ends here: stopped by the driver, or dead."""


class Driver:
    """Records a worker's messages, and ends it at a rung."""

    def __init__(self, end_at: float | None = None) -> None:
        self.told: list[dict[str, str]] = []
        self._end_at = end_at

    def __call__(self, message: dict[str, str]) -> None:
        self.told.append(message)
        if "report" in message and json.loads(message["report"])["kimg"] == self._end_at:
            raise Killed

    @property
    def kimgs(self) -> list[float]:
        return [json.loads(m["report"])["kimg"] for m in self.told if "report" in m]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Replaces training by counting; the spans of kimg that were trained."""
    spans: list[tuple[float, float]] = []

    def run(
        config: TrainConfig,
        rungs: tuple[float, ...],
        folder: Path,
        on_report: Callable[[Report, Path], bool],
        resume_from: Path | None,
        *_: object,
    ) -> tuple[Outcome, str]:
        try:
            done = float((resume_from / "checkpoint.pt").read_text()) if resume_from else 0.0
        except (FileNotFoundError, ValueError) as error:
            raise CheckpointError("damaged") from error
        for kimg in (*rungs, config.max_kimg):
            if kimg > done:
                spans.append((done, kimg))
                checkpoint = folder / f"kimg_{kimg:g}"
                checkpoint.mkdir()
                (checkpoint / "checkpoint.pt").write_text(str(kimg))
                (checkpoint / CONFIG_FILE).write_text(config.to_json())
                on_report(Report(kimg, {"fd_digits": 1.0}), checkpoint)
                done = kimg
        return Outcome.COMPLETED, ""

    monkeypatch.setattr(worker, "run_training", run)
    return spans


@pytest.fixture
def job(tiny_space: Callable[..., Space], tmp_path: Path) -> Job:
    (tmp_path / SPACE_FILE).write_text("name: tiny")
    return job_of(Ask(7, {"variant": "gan", "g_lr": 0.1}, seed=3), tiny_space(), str(tmp_path))


def test_a_job_survives_the_way_to_a_worker_and_is_complete(job: Job, tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - as Ray ships it
    config = job["config"]
    assert (config.variant, config.seed, config.max_kimg) == ("gan", 3, 10)
    assert job["folder"] == f"{tmp_path}/trial_00007"
    assert job["rungs"] == (2, 5)


def test_paths_are_absolute_because_a_worker_runs_elsewhere(
    tiny_space: Callable[..., Space],
) -> None:
    space = tiny_space(
        data={"name": "folder", "path": "images"}, evaluation={"inception_weights": "w.pth"}
    )
    sent = job_of(Ask(0, {"variant": "gan", "g_lr": 0.1}, seed=0), space, "/results/s")
    config = sent["config"]
    assert config.data.path == Path.cwd() / "images"
    assert config.evaluation.inception_weights == Path.cwd() / "w.pth"


def test_a_trial_sends_a_report_at_each_rung_and_its_end(job: Job, trained: Any) -> None:
    driver = Driver()
    train_trial(job, driver)
    assert driver.kimgs == [2, 5, 10]
    assert trained == [(0, 2), (2, 5), (5, 10)]
    assert driver.told[-1]["outcome"] == "completed"
    assert driver.told[-1]["host"]


def test_only_the_last_checkpoint_is_kept(job: Job, trained: Any) -> None:
    train_trial(job, Driver())
    (kept,) = Path(job["folder"]).iterdir()
    assert (kept / "checkpoint.pt").read_text() == "10.0"


@pytest.mark.parametrize(("killed_at", "again"), [(2, [2, 5, 10]), (5, [5, 10]), (10, [10])])
def test_an_interrupted_trial_continues_from_its_last_rung(
    job: Job, trained: list[tuple[float, float]], killed_at: float, again: list[float]
) -> None:
    with pytest.raises(Killed):
        train_trial(job, Driver(end_at=killed_at))
    driver = Driver()
    train_trial(job, driver)
    assert driver.kimgs == again  # the last report is told once more: the record may have missed it
    assert trained == [(0, 2), (2, 5), (5, 10)]  # nothing was trained twice
    assert driver.told[-1]["outcome"] == "completed"


def test_a_longer_budget_continues_from_the_old_end(
    job: Job, trained: list[tuple[float, float]]
) -> None:
    train_trial(job, Driver())
    longer = job["config"].model_copy(update={"max_kimg": 20.0})
    driver = Driver()
    train_trial({**job, "config": longer}, driver)
    assert driver.kimgs == [10, 20]
    assert trained[-1] == (10, 20)


def test_a_checkpoint_of_another_configuration_is_not_continued(
    job: Job, trained: list[tuple[float, float]]
) -> None:
    train_trial(job, Driver())
    other = job["config"].model_copy(update={"seed": 4})
    driver = Driver()
    train_trial({**job, "config": other}, driver)
    assert driver.kimgs == [2, 5, 10]


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("file", ["checkpoint.pt", CONFIG_FILE])
@pytest.mark.parametrize("content", [None, "", "{"])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    job: Job, trained: Any, pruned: bool, file: str, content: str | None
) -> None:
    with pytest.raises(Killed):
        train_trial(job, Driver(end_at=5))
    trained.clear()
    (last,) = Path(job["folder"]).glob("kimg_5_*")
    (last / file).unlink()
    if content is not None:
        (last / file).write_text(content)
    if pruned:
        shutil.rmtree(next(Path(job["folder"]).glob("kimg_2_*")))
    driver = Driver()
    train_trial(job, driver)
    assert trained == ([(0, 2), (2, 5), (5, 10)] if pruned else [(2, 5), (5, 10)])
    assert driver.told[-1]["outcome"] == "completed"
    assert driver.kimgs[-1] == 10


def test_a_stop_that_the_record_lacks_is_repeated(job: Job, trained: Any) -> None:
    with pytest.raises(Killed):
        train_trial(job, Driver(end_at=5))
    with pytest.raises(Killed):
        train_trial(job, Driver(end_at=5))
    assert trained == [(0, 2), (2, 5)]


def test_a_report_has_the_address_of_its_weights(job: Job, trained: Any) -> None:
    driver = Driver(end_at=2)
    with pytest.raises(Killed):
        train_trial(job, driver)
    told = json.loads(driver.told[0]["report"])
    assert (Path(told["checkpoint"]) / "checkpoint.pt").read_text() == "2.0"


def test_storage_that_is_not_shared_is_named(job: Job, trained: Any, tmp_path: Path) -> None:
    (tmp_path / SPACE_FILE).unlink()
    driver = Driver()
    train_trial(job, driver)
    (end,) = driver.told
    assert end["outcome"] == "failed"
    assert str(tmp_path) in end["reason"]
    assert "shared storage" in end["reason"]
    assert trained == []


def test_a_storage_error_is_raised_for_a_retry(
    job: Job, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TrialFolder, "publish", full)
    with pytest.raises(OSError, match="No space left"):
        train_trial(job, Driver())


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (2, 2)])
def test_threads_follow_the_trials_cpus(job: Job, trained: Any, cpus: float, threads: int) -> None:
    before = torch.get_num_threads()
    try:
        train_trial({**job, "cpus": cpus}, Driver())
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


# --- A trial that goes on with another's training -----------------------------------------------


@pytest.fixture
def child(tiny_space: Callable[..., Space], tmp_path: Path, trained: Any) -> Job:
    """A child, at 5 kimg, of a trial of a population."""
    (tmp_path / SPACE_FILE).write_text("name: tiny")
    space = tiny_space(search={"population": 4})
    params: Params = {"variant": "gan", "g_lr": 0.1}
    driver = Driver()
    train_trial(job_of(Ask(0, params, seed=3), space, str(tmp_path)), driver)
    reports = [REPORT.validate_json(m["report"]) for m in driver.told if "report" in m]
    trained.clear()
    lineage = (Ancestor(0, params, 5.0),)
    ask = Ask(1, {**params, "g_lr": 0.2}, seed=3, lineage=lineage, begin=reports[1])
    return job_of(ask, space, str(tmp_path))


def test_a_child_starts_from_its_parents_checkpoint(child: Job, trained: Any) -> None:
    driver = Driver(end_at=10)
    with pytest.raises(Killed):
        train_trial(child, driver)
    assert trained == [(5, 10)]
    again = Driver()
    train_trial(child, again)  # from its own checkpoint, not its parent's
    assert trained == [(5, 10)]
    assert (driver.kimgs, again.kimgs) == ([10], [10])


def test_a_child_without_its_parents_checkpoint_trains_the_whole_lineage(
    child: Job, trained: Any, caplog: pytest.LogCaptureFixture
) -> None:
    config = child["config"]
    assert [change.kimg for change in config.schedule] == [5]
    assert (config.settings_at(4999).g_lr, config.settings_at(5000).g_lr) == (0.1, 0.2)  # type: ignore[attr-defined]
    shutil.rmtree(Path(str(child["begin"].checkpoint)))
    train_trial(child, Driver())
    assert trained == [(0, 2), (2, 5), (5, 10)]
    assert "going back before" in caplog.text


def test_a_checkpoint_of_another_lineage_is_not_used(child: Job, trained: Any) -> None:
    config = child["config"]
    other = config.model_copy(update={"seed": 4})
    train_trial({**child, "config": other}, Driver())
    assert trained[0] == (0, 2)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_trial_on_a_gpu_is_limited_to_its_share_before_training(
    job: Job, trained: list[Any], monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    held: list[tuple[str, float, int]] = []

    def limit_to_share(device: torch.device, share: float) -> None:
        held.append((device.type, share, len(trained)))

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(worker, "limit_to_share", limit_to_share)
    train_trial({**job, "gpus": share}, Driver())
    assert held == [("cuda", share, 0)]
    assert trained
