import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.storages import RDBStorage

from gansearch.errors import StudyError
from gansearch.search.storage import lease
from gansearch.search.storage.database import connect
from gansearch.search.storage.lease import EXPIRE_SECONDS, Lease
from gansearch.search.storage.store import StudyStore
from gansearch.space import Space


@pytest.fixture
def storage(url: str, make_space: Callable[..., Space]) -> Iterator[RDBStorage]:
    StudyStore.create(url, "s", make_space()).close()
    opened = connect(url)
    yield opened
    opened.engine.dispose()


def take(storage: RDBStorage) -> Lease:
    return Lease(storage, storage.get_study_id_from_name("s"), "s")


def as_holder(storage: RDBStorage, **changes: object) -> None:
    """Make the lease look as if another process had it."""
    study_id = storage.get_study_id_from_name("s")
    holder = storage.get_study_system_attrs(study_id)["gansearch:lease"]
    storage.set_study_system_attr(study_id, "gansearch:lease", {**holder, **changes})


def test_two_drivers_never_run_one_study(storage: RDBStorage) -> None:
    first = take(storage)
    with pytest.raises(
        StudyError, match=rf"'s' is being run by process {os.getpid()} \(this one\)"
    ):
        take(storage)
    first.renew()
    first.release()
    take(storage).release()


def test_the_driver_of_another_host_is_named_until_its_lease_expires(storage: RDBStorage) -> None:
    held = take(storage)
    as_holder(storage, host="elsewhere", pid=77)
    with pytest.raises(StudyError, match="process 77 on elsewhere"):
        take(storage)
    long_ago = held._database_time() - EXPIRE_SECONDS - 1
    as_holder(storage, host="elsewhere", pid=77, renewed=long_ago)
    take(storage)


@pytest.mark.parametrize("alive", [False, True])
def test_a_lease_from_the_future_is_watched(
    storage: RDBStorage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    alive: bool,
) -> None:
    monkeypatch.setattr(lease, "WATCH_SECONDS", 0.3)
    held = take(storage)
    tomorrow = held._database_time() + 86400
    as_holder(storage, host="elsewhere", pid=77, renewed=tomorrow)
    sleep = time.sleep

    def sleep_and_renew(seconds: float) -> None:
        sleep(seconds)
        if alive:
            as_holder(storage, renewed=tomorrow + 10)

    monkeypatch.setattr(time, "sleep", sleep_and_renew)
    if alive:
        with pytest.raises(StudyError, match="process 77 on elsewhere"):
            take(storage)
    else:
        take(storage).renew()
    assert "the clocks differ" in caplog.text


def test_a_driver_that_lost_its_lease_gets_an_error(storage: RDBStorage) -> None:
    slept = take(storage)
    as_holder(storage, pid=77, host="elsewhere")
    for verb in (slept.renew, slept.release):
        with pytest.raises(StudyError, match="process 77 on elsewhere"):
            verb()


@pytest.mark.parametrize("process", ["gone", "another of its number"])
def test_the_lease_of_a_dead_process_is_taken_over_at_once(
    process: str, storage: RDBStorage
) -> None:
    take(storage)
    if process == "gone":
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()
        as_holder(storage, pid=child.pid)
    else:
        as_holder(storage, process_started=1.0)
    take(storage)


def test_the_lease_of_a_killed_driver_is_taken_over_at_once(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from gansearch.search.storage.store import StudyStore, sqlite_url
from gansearch.space import parse_space
text = "{{variant: gan, parameters: {{d_steps: [1, 2]}}, objectives: {{fd_digits: minimize}}}}"
url = sqlite_url(Path({str(tmp_path)!r}) / "studies.db")
StudyStore.create(url, "s", parse_space(text, "x.yaml"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    StudyStore.open(f"sqlite:///{tmp_path}/studies.db", "s").close()


def test_one_of_two_concurrent_takeovers_succeeds(
    storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the free lease; the later swap finds it changed."""
    read = Lease._read
    rival: list[Lease] = []

    def read_then_lose(self: Lease) -> str | None:
        found = read(self)
        monkeypatch.setattr(Lease, "_read", read)
        if not rival:
            rival.append(take(storage))
        return found

    monkeypatch.setattr(Lease, "_read", read_then_lose)
    with pytest.raises(StudyError, match="is being run by"):
        take(storage)
    rival[0].renew()


def test_a_running_study_renews_its_lease(
    url: str, make_space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gansearch.search.storage.store.RENEW_SECONDS", 0.05)
    with StudyStore.create(url, "s", make_space()) as store:
        seen = {renewed(store)}
        while len(seen) < 2:  # the suite's time limit is the test's
            seen.add(renewed(store))


def renewed(store: StudyStore) -> float:
    attributes = store._storage.get_study_system_attrs(store._study_id)
    return float(json.loads(json.dumps(attributes[lease._KEY]))["renewed"])
