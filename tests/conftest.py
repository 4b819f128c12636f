"""Set-up of test processes, a local Ray, random Inception weights, and the command under test."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ["tests.studies"]

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
