"""Spaces, clocks and trials for the tests of the search."""

import itertools
import math
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.search.simulation.simulate import Curve
from gansearch.search.storage.database import connect
from gansearch.settings import Params
from gansearch.space import Space, parse_space
from gansearch.urls import sqlite_url

YAML = """
name: small
variant: [dcgan, gan]
data: {{name: digits}}
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {{type: float, low: 2e-5, high: 2e-3, log: true}}
  dsc:
    where: [none, generator, both]
    kernel_size: {{type: choice, values: [3, 5], when: {{dsc.where: [generator, both]}}}}
objectives:
  fd_digits: {{direction: minimize, max: 50}}
  seconds_per_kimg: minimize
constraints: {{params_m: {{max: 5}}}}
budget: {{trials: {trials}, max_kimg: {max_kimg}, rungs: {rungs}}}
search: {{sampler: {sampler}, stopping: {stopping}, seed: {seed}}}
"""

MakeSpace = Callable[..., Space]


@pytest.fixture(scope="session")
def make_space() -> MakeSpace:
    """A space of two variants, a condition, two objectives, a bound and a constraint."""

    def make(**settings: object) -> Space:
        usual = {
            "trials": 12,
            "max_kimg": 30,
            "rungs": [5, 10],
            "sampler": "random",
            "stopping": "asha",
            "seed": 0,
        }
        return parse_space(YAML.format(**{**usual, **settings}), "small.yaml")

    return make


@pytest.fixture(scope="session")
def empty() -> StudyRecord:
    """A study without trials."""
    return StudyRecord("s", "", "", 0.0, {}, ())


@pytest.fixture
def clock() -> Callable[[], float]:
    """A second passes at each look."""
    return itertools.count(1000.0).__next__


def report_at(
    kimg: float, fid: float = 10.0, seconds: float = 1.0, params_m: float = 1.0
) -> Report:
    metrics = {"fd_digits": fid, "seconds_per_kimg": seconds, "params_m": params_m}
    return Report(kimg, metrics, {"fd_digits": "digits-900"}, f"/weights/{kimg:g}", {"host": "a"})


@pytest.fixture(scope="session")
def report() -> Callable[..., Report]:
    """A report with every metric that the space asks for."""
    return report_at


def quality(ask: Ask) -> float:
    """A smooth stand-in for training: better with more discriminator steps and near g_lr 2e-4."""
    rate = float(ask.params["g_lr"])
    return 5.0 / float(ask.params["d_steps"]) + abs(rate - 2e-4) * 1e4


@pytest.fixture(scope="session")
def train() -> Callable[..., None]:
    """Run a trial to its end, as a worker would."""

    def run(policy: Policy, ask: Ask) -> None:
        if ask.number % 5 == 4:
            policy.tell(ask.number, Outcome.DIVERGED, "nan")
            return
        start = ask.resume.kimg if ask.resume else 0.0
        for kimg in (5.0, 10.0, 30.0):
            value = quality(ask) * (1 + 10 / kimg)
            told = report_at(kimg, value, seconds=float(ask.params["d_steps"]))
            if kimg > start and not policy.report(ask.number, told):
                return
        policy.tell(ask.number, Outcome.COMPLETED)

    return run


@pytest.fixture(scope="session")
def trial() -> Callable[..., TrialRecord]:
    """A trial of the small space with the reports and the end that a test gives it."""

    def make(number: int = 0, **fields: object) -> TrialRecord:
        params = {"variant": "gan", "d_steps": 1, "g_lr": 2e-4}
        return TrialRecord(number, params, seed=7, **{"started": 1.0, "sampled": params, **fields})  # type: ignore[arg-type]

    return make


# --- Problems -----------------------------------------------------------------------------------

_POINTS = (5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Landscape:
    """Training that is better with more steps of the discriminator, slower, and may diverge."""

    space: Space
    diverging: bool = True

    def run(self, params: Params, seed: int) -> Curve:
        random = np.random.default_rng(seed)
        steps, rate = float(params["d_steps"]), float(params["g_lr"])
        final = 40 / steps + 10 * abs(math.log10(rate / 2e-4)) + float(random.uniform(0, 2))
        diverges_at = 30 * float(random.uniform()) if self.diverging and rate > 1e-3 else math.inf
        kept = tuple(kimg for kimg in _POINTS if kimg < diverges_at)
        quality = tuple(final * (1 + 20 / kimg) for kimg in kept)
        return Curve(kept, {"fd_digits": quality}, 0.1 * steps, 10 + 20 * steps, diverges_at)


@pytest.fixture(scope="session")
def landscape(make_study: Callable[..., tuple[Space, StudyRecord]]) -> Callable[..., Landscape]:
    """A problem; keywords are of the space's ``search``, and ``trials``."""

    def make(*, trials: int = 24, diverging: bool = True, **search: object) -> Landscape:
        budget = {"trials": trials, "max_kimg": 30.0, "rungs": (5.0, 10.0)}
        given = {"sampler": "random", "stopping": "asha", **search}
        space, _ = make_study(trials=0, budget=budget, search=given)
        return Landscape(space, diverging)

    return make


# --- Databases ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of its own, without durability."""
    initdb, postgres = shutil.which("initdb"), shutil.which("postgres")
    if initdb is None or postgres is None:
        pytest.skip("needs PostgreSQL's initdb and postgres on the PATH")
    psycopg = pytest.importorskip("psycopg")
    with TemporaryDirectory(prefix="gansearch-pg-", dir="/tmp") as folder:
        user: dict[str, Any] = {}
        if os.getuid() == 0:  # PostgreSQL does not run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": folder, **user}
        subprocess.run(
            [initdb, "-D", f"{folder}/data", "-U", "me", "-A", "trust"], check=True, **quiet
        )
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder]
        server = subprocess.Popen(
            [postgres, "-D", f"{folder}/data", *settings], **quiet, stderr=subprocess.DEVNULL
        )
        try:
            url = f"postgresql://me@/postgres?host={folder}"
            wait_for(lambda: psycopg.connect(url).close(), psycopg.OperationalError)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # "fast" shutdown
            server.wait(30)


def wait_for(connect: Callable[[], None], refused: type[Exception]) -> None:
    """Until a server answers: its socket is there before it does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return connect()
        except refused:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with Optuna's tables, which take longer to make than to copy."""
    file = tmp_path_factory.mktemp("tables") / "studies.db"
    connect(sqlite_url(file), create=True).engine.dispose()
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty storage."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("tables"), tmp_path / "studies.db")
        yield sqlite_url(tmp_path / "studies.db")
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    engine = sqlalchemy.create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    yield server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def with_search() -> Callable[..., Space]:
    """A space with another number of trials and other settings of its search."""

    def make(space: Space, trials: int, **search: Any) -> Space:
        update = {
            "budget": space.budget.model_copy(update={"trials": trials}),
            "search": space.search.model_copy(update=search),
        }
        return space.model_copy(update=update)

    return make
