"""Studies that look like real ones, a small one with weights, and random Inception weights."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.space import Space

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, a core each
if WORKER := os.environ.get("PYTEST_XDIST_WORKER"):
    # Tests side by side are no trials that share a device: each worker's take turns by themselves.
    # A short name: the path of a Unix socket in it is limited.
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=f"{WORKER}-")
hypothesis.settings.register_profile("gansearch", deadline=None)  # no limits on absolute time
hypothesis.settings.load_profile("gansearch")


def pytest_collection_finish() -> None:
    """Every trainer collects garbage before it is built: it need not look at the tests for that."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a GPU")


def pytest_unconfigure() -> None:
    gc.unfreeze()
    if WORKER:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


Study = tuple[Space, StudyRecord]
START = 1_760_000_000.0


def synthetic_space(**changes: Any) -> Space:
    return Space.model_validate(
        {
            "name": "synthetic",
            "variant": ("dcgan", "gan"),
            "parameters": {
                "d_steps": {"type": "choice", "values": (1, 2, 3, 5)},
                "g_lr": {"type": "float", "low": 2e-5, "high": 0.1, "log": True},
            },
            "objectives": (
                {"metric": "fd_digits", "direction": "minimize"},
                {"metric": "seconds_per_kimg", "direction": "minimize"},
                {"metric": "peak_memory_mib", "direction": "minimize"},
            ),
            "budget": {"trials": 40, "max_kimg": 30.0, "rungs": (5.0, 10.0)},
            **changes,
        }
    )


def synthetic_trial(number: int, seed: int = 0) -> TrialRecord:
    """A trial whose quality falls with kimg; some stop, some diverge, as their number has it."""
    random = np.random.default_rng((seed, number))
    variant = str(random.choice(["dcgan", "gan"]))
    speed = float(random.lognormal(0.0 if variant == "dcgan" else -1.2, 0.5))
    final = 2.0 + 18.0 * float(random.lognormal(0, 0.8)) / (1 + 2 * speed)
    outcome = [Outcome.COMPLETED, Outcome.STOPPED, Outcome.STOPPED, Outcome.COMPLETED][number % 4]
    if number % 9 == 8:
        outcome = Outcome.DIVERGED
    rungs = {Outcome.COMPLETED: (5.0, 10.0, 30.0), Outcome.STOPPED: (5.0, 10.0)[: 1 + number % 2]}
    reports = tuple(
        Report(
            kimg,
            {
                "fd_digits": (final + 150 * float(np.exp(-kimg / 6)))
                * float(random.lognormal(0, 0.08)),
                "seconds_per_kimg": speed,
                "peak_memory_mib": 60 + 90 * speed * float(random.uniform(0.6, 1.6)),
                "train_seconds": speed * kimg,
                "d_loss": float(random.uniform(0.4, 1.4)),
            },
            {"fd_digits": "digits-900-v1"},
        )
        for kimg in rungs.get(outcome, ())
    )
    return TrialRecord(
        number=number,
        params={
            "variant": variant,
            "d_steps": int(random.choice([1, 2, 3, 5])),
            "g_lr": float(10 ** random.uniform(-4.5, -1)),
        },
        seed=1000 + number,
        reports=reports,
        outcome=outcome,
        reason={Outcome.STOPPED: "below the cut", Outcome.DIVERGED: "nan at 2 kimg"}.get(
            outcome, ""
        ),
        started=START + 10 * number,
        ended=START + 10 * number + 60,
        tags={"device": "cpu"},
    )


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the published architecture; its statistics keep features from vanishing."""
    import torch
    from torch import nn

    from gansearch.metrics.inception import Inception
    from gansearch.metrics.weights import INCEPTION

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Inception()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # one batch sets the running statistics
        model.train().network(torch.randn(4, 3, 128, 128).cumsum(3).tanh())
        last = model.network.Mixed_7c
        for name in ("1x1", "3x3_2a", "3x3_2b", "3x3dbl_3a", "3x3dbl_3b", "_pool"):
            getattr(last, f"branch{name}").bn.weight.fill_(0.01)  # as small as the published ones'
    path = tmp_path_factory.mktemp("weights") / INCEPTION.file
    torch.save(model.network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def ray_here(request: pytest.FixtureRequest) -> Iterator[None]:
    """A small local Ray, whose workers can run what the test's module defines."""
    import ray

    # Sockets live in this folder, and their paths may be 107 characters long.
    short = Path("/tmp") / f"gs-{os.getpid()}"  # noqa: S108
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        _temp_dir=str(short),
    )
    # Workers do not import test modules: what is defined there travels whole.
    ray.cloudpickle.register_pickle_by_value(request.module)
    yield
    ray.shutdown()
    shutil.rmtree(short, ignore_errors=True)


TRAINED = """\
name: trained
variant: gan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 100}
training: {batch_size: 16, g_hidden: 16, d_hidden: 16, d_pieces: 2}
parameters: {g_lr: [0.05, 0.1]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 2, max_kimg: 0.1, rungs: []}
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a study of two trials, ``s``, whose weights are there; for reading."""
    from gansearch.search.storage.checkpoints import TrialFolder
    from gansearch.search.storage.store import StudyStore
    from gansearch.space import parse_space
    from gansearch.train.run import run_training
    from gansearch.urls import sqlite_url

    results = tmp_path_factory.mktemp("trained")
    space = parse_space(TRAINED, "trained.yaml")
    with StudyStore.create(sqlite_url(results / "studies.db"), "s", space) as store:
        for number, rate in enumerate((0.05, 0.1)):
            params = {"variant": "gan", "g_lr": rate}
            folder = TrialFolder(str(results / "s" / f"trial_{number:05d}"))
            reports: list[Report] = []

            def keep(
                report: Report,
                checkpoint: Path,
                folder: TrialFolder = folder,
                reports: list[Report] = reports,
            ) -> bool:
                reports.append(folder.publish(checkpoint, report))
                return True

            config = space.train_config(params, number)
            outcome, _ = run_training(config, (), results / "scratch", keep)
            assert outcome is Outcome.COMPLETED
            trial = TrialRecord(number, params, number, tuple(reports), outcome, started=START)
            store.record_trial(trial)
            store.record_end(trial)
    return results


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """Makes a space and a record of it; keywords change the space."""

    def make(trials: int = 40, seed: int = 0, **changes: Any) -> Study:
        record = StudyRecord(
            name="synthetic-1",
            space_yaml="name: synthetic\n",
            space_file="synthetic.yaml",
            started=START,
            tags={"floor/fd_digits": "1.1", "data": "digits"},
            trials=tuple(synthetic_trial(number, seed) for number in range(trials)),
        )
        return synthetic_space(**changes), record

    return make


@pytest.fixture
def tiny_space() -> Callable[..., Space]:
    """A space over ``gan`` on digits; keyword arguments replace whole sections."""

    def make(**sections: Any) -> Space:
        return Space.model_validate(
            {
                "name": "tiny",
                "variant": ["gan"],
                "parameters": {"g_lr": {"type": "float", "low": 0.01, "high": 0.2, "log": True}},
                "objectives": [
                    {"metric": "fd_digits", "direction": "minimize"},
                    {"metric": "train_seconds", "direction": "minimize"},
                ],
                "budget": {"trials": 4, "max_kimg": 10, "rungs": [2, 5]},
                "search": {"sampler": "random", "stopping": "none"},
                **sections,
            }
        )

    return make


def running_trial(number: int, *values: float, **fields: Any) -> TrialRecord:
    """A trial that reported these values of ``fd_digits`` at 5, 10 and 30 kimg."""
    rungs = zip((5.0, 10.0, 30.0), values, strict=False)
    reports = tuple(
        Report(kimg, {"fd_digits": value, "seconds_per_kimg": 1.0}) for kimg, value in rungs
    )
    fields = {"params": {"variant": "gan", "d_steps": 1 + number}, "seed": number, **fields}
    return TrialRecord(number, reports=reports, **fields)


@pytest.fixture
def running_study(make_study: Callable[..., Study]) -> Study:
    """A study of 40 trials of 30 kimg with rungs at 5 and 10, of which four have ended."""
    space, record = make_study(0)
    reason = "fd_digits 95 at 5 kimg is not among the best"
    trials = (
        running_trial(0, 90, 50, 20, outcome=Outcome.COMPLETED),
        running_trial(1, 95, outcome=Outcome.STOPPED, reason=reason),
        running_trial(2, 80, 40, 10, outcome=Outcome.COMPLETED),
        running_trial(3, 3, outcome=Outcome.DIVERGED, reason="nan [at 7 kimg]"),
        running_trial(4, 70, 60),
        running_trial(5),
    )
    return space, replace(record, trials=trials)


# --- Commands -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def check_refused(self, *fragments: str) -> None:
        """The command ended with code 2 and one readable line on the error stream."""
        assert self.code == 2
        assert self.err.startswith("error: "), self.err
        assert len(self.err.splitlines()) == 1
        assert "Traceback" not in self.err
        assert not self.out
        for fragment in fragments:
            assert fragment in self.err

    def check_completed(self) -> None:
        """The command ended with code 0 and nothing on the error stream."""
        assert (self.code, self.err) == (0, "")


@pytest.fixture
def gansearch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Answer]:
    """Runs a command in this process, in an empty folder; takes the words after ``gansearch``."""
    from gansearch.cli import app

    for name in ("COLUMNS", "GANSEARCH_RESULTS", "GANSEARCH_STORAGE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gansearch", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a study ``s`` of 40 trials on record, without weights; for reading."""
    from gansearch.search.storage.store import StudyStore
    from gansearch.space import parse_space
    from gansearch.urls import sqlite_url

    folder = tmp_path_factory.mktemp("recorded")
    space, tags = parse_space(RECORDED, "small.yaml"), {"floor/fd_digits": "1.1", "data": "digits"}
    with StudyStore.create(sqlite_url(folder / "studies.db"), "s", space, tags) as store:
        for number in range(40):
            trial = synthetic_trial(number)
            store.record_trial(trial)
            store.record_end(trial)
    return folder


RECORDED = """\
name: small
variant: [dcgan, gan]
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {type: float, low: 2e-5, high: 0.1, log: true}
objectives:
  fd_digits: minimize
  seconds_per_kimg: minimize
  peak_memory_mib: minimize
budget: {trials: 40, max_kimg: 30, rungs: [5, 10]}
"""
