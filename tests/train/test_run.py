from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from gansearch.config import TrainConfig
from gansearch.errors import CheckpointError
from gansearch.metrics.evaluator import Evaluator
from gansearch.record import Outcome
from gansearch.train import run as run_module
from gansearch.train.run import REPORT, draw_samples, run_training
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")


class FakeEvaluator:
    """Evaluates the mean of some samples, a cheap metric that depends on the weights."""

    def __init__(self, _config, _metrics, images, _device):
        self.images = images

    def evaluate(self, sample, _kimg):
        batch = self.images.train.batch(torch.arange(20))
        mean = sample(batch, torch.Generator().manual_seed(0)).mean().item()
        return SimpleNamespace(values={"fd_digits": 10 + mean}, protocols={"fd_digits": "p"})


@pytest.fixture(autouse=True)
def evaluator(monkeypatch):
    monkeypatch.setattr(run_module, "Evaluator", FakeEvaluator)


class Listener:
    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.reports = []
        self.folders = []

    def __call__(self, report, folder):
        self.reports.append(report)
        self.folders.append(folder)
        return report.kimg != self.stop_at


def without_time(report):
    timed = {name for name in report.metrics if "second" in name}
    machines = {"measured_alone", "outside_load", "peak_memory_mib_error", "device_speed"}
    return {n: value for n, value in report.metrics.items() if n not in timed | machines}


def test_a_report_at_every_rung_and_at_the_full_budget(configure, tmp_path):
    listener = Listener()
    ended = run_training(configure(), (0.25, 0.5, 3.0), tmp_path / "new", listener, device=CPU)
    assert ended == (Outcome.COMPLETED, "")
    assert [report.kimg for report in listener.reports] == [0.25, 0.5, 1.0]
    assert len(set(listener.folders)) == 3
    report = listener.reports[-1]
    assert {
        "fd_digits",
        "seconds_per_kimg",
        "train_seconds",
        "peak_memory_mib",
        "params_m",
        "gmacs",
        "loss/d/total",
        "loss/g/total",
        "evaluation_seconds",
        "checkpoint_seconds",
    } <= report.metrics.keys()
    assert report.protocols == {"fd_digits": "p"}
    assert {"device", "torch", "data", "threads"} <= report.tags.keys()


def test_tags_of_a_variant_are_part_of_the_protocol(configure, monkeypatch, tmp_path):
    config = configure()
    variant = CATALOG[config.variant].load()
    monkeypatch.setattr(variant, "tags", property(lambda _: {"projector": "random"}))
    listener = Listener()
    run_training(config, (), tmp_path, listener, device=CPU)
    (report,) = listener.reports
    assert report.protocols == {"fd_digits": "p", "projector": "random"}
    assert report.tags["projector"] == "random"


def test_a_checkpoints_folder_holds_weights_samples_configuration_and_report(
    configure, images, tmp_path
):
    listener, config = Listener(), configure()
    run_training(config, (), tmp_path, listener, device=CPU)
    (folder,) = listener.folders
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint.pt",
        "samples.png",
        "config.json",
        "report.json",
    }
    assert TrainConfig.from_json((folder / "config.json").read_text()) == config
    assert REPORT.validate_json((folder / "report.json").read_bytes()) == listener.reports[0]
    trainer = Trainer.load(folder / "checkpoint.pt", images, CPU)
    assert trainer.kimg >= config.max_kimg
    samples = draw_samples(trainer, images, 40, seed=1)
    assert samples.shape == (40, 1, 8, 8)
    assert samples.equal(draw_samples(trainer, images, 40, seed=1))
    assert not samples.equal(draw_samples(trainer, images, 40, seed=2))
    with Image.open(folder / "samples.png") as grid:
        assert grid.size == (8 * 66 + 2, 8 * 66 + 2)


def test_stopped_at_a_rung_and_resumed_as_if_never_stopped(configure, tmp_path):
    whole, first, second = Listener(), Listener(stop_at=0.5), Listener()
    config, rungs = configure(), (0.25, 0.5)
    run_training(config, rungs, tmp_path / "whole", whole, device=CPU)
    ended = run_training(config, rungs, tmp_path / "parts", first, device=CPU)
    assert ended == (Outcome.STOPPED, "stopped at 0.5 kimg")
    ended = run_training(config, rungs, tmp_path / "parts", second, first.folders[-1], CPU)
    assert ended == (Outcome.COMPLETED, "")
    assert [report.kimg for report in second.reports] == [1.0]
    expected = without_time(whole.reports[-1])
    resumed = without_time(second.reports[-1])
    for memory in ("peak_memory_mib", "memory_prediction_error"):
        del expected[memory], resumed[memory]
    assert resumed == expected


def test_a_round_may_be_longer_than_a_rung(configure, tmp_path):
    """Each rung is reported once, also by a run that resumes between two of them."""
    config, rungs = configure(d_steps=20, batch_size=32), (0.1, 0.2, 0.3)
    first, second = Listener(stop_at=0.2), Listener()
    run_training(config, rungs, tmp_path, first, device=CPU)
    run_training(config, rungs, tmp_path, second, first.folders[-1], CPU)
    kimgs = [report.kimg for report in (*first.reports, *second.reports)]
    assert kimgs == [0.1, 0.2, 0.3, 1.0]


def test_a_finished_run_is_completed_without_training(configure, tmp_path):
    first, second = Listener(), Listener()
    run_training(configure(), (), tmp_path, first, device=CPU)
    ended = run_training(configure(), (), tmp_path, second, first.folders[-1], CPU)
    assert ended == (Outcome.COMPLETED, "")
    assert second.reports == []


def test_a_callback_cannot_stop_a_run_at_its_full_budget(configure, tmp_path):
    ended = run_training(configure(), (), tmp_path, Listener(stop_at=1.0), device=CPU)
    assert ended == (Outcome.COMPLETED, "")


def test_divergence_is_an_outcome(configure, tmp_path):
    listener = Listener()
    outcome, reason = run_training(configure(nan_at=30), (0.25,), tmp_path, listener, device=CPU)
    assert outcome is Outcome.DIVERGED
    assert reason.startswith("nan at ")
    assert [report.kimg for report in listener.reports] == [0.25]


@pytest.mark.parametrize(
    ("max_kimg", "ended"),
    [
        (0.05, ""),  # hardly any training: an untrained network's samples are nearly one image
        (4.0, "collapse at 2 kimg"),
    ],
)
def test_a_generator_of_a_single_image_has_collapsed_at_half_of_the_budget(
    monkeypatch, configure, tmp_path, max_kimg, ended
):
    def one_image(self, batch, generator):
        return torch.zeros(len(batch), 1, 8, 8) + 1e-4 * torch.rand(1, generator=generator)

    monkeypatch.setattr(run_module, "Evaluator", Evaluator)
    monkeypatch.setattr(Trainer, "sample", one_image)
    config = configure().model_copy(update={"max_kimg": max_kimg})
    outcome, reason = run_training(config, (), tmp_path, lambda *_: True, device=CPU)
    assert outcome is (Outcome.DIVERGED if ended else Outcome.COMPLETED)
    assert reason.startswith(ended)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_not_finite_is_divergence(monkeypatch, configure, tmp_path, value):
    evaluation = SimpleNamespace(values={"fd_digits": value}, protocols={})
    monkeypatch.setattr(FakeEvaluator, "evaluate", lambda *_: evaluation)
    outcome, reason = run_training(configure(), (), tmp_path, Listener(), device=CPU)
    assert outcome is Outcome.DIVERGED
    assert "fd_digits is" in reason


def raising(error):
    def advance(*_):
        raise error

    return advance


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (MemoryError("full"), Outcome.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory"), Outcome.OUT_OF_MEMORY),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            Outcome.OUT_OF_MEMORY,
        ),
        (RuntimeError("shape mismatch\nwith details"), Outcome.FAILED),
        (ValueError("no such layer"), Outcome.FAILED),
    ],
)
def test_errors_that_retrying_cannot_help_are_outcomes(
    monkeypatch, caplog, configure, tmp_path, error, outcome
):
    monkeypatch.setattr(Trainer, "advance", raising(error))
    ended, reason = run_training(configure(), (), tmp_path, Listener(), device=CPU)
    assert ended is outcome
    assert reason == f"{type(error).__name__}: {error}".partition("\n")[0]
    assert bool(caplog.records) == (outcome is Outcome.FAILED)


@pytest.mark.parametrize(
    "error", [OSError("gone"), ConnectionResetError("gone"), torch.AcceleratorError("gone")]
)
def test_retryable_errors_are_raised(monkeypatch, configure, tmp_path, error):
    monkeypatch.setattr(Trainer, "advance", raising(error))
    with pytest.raises(type(error), match="gone"):
        run_training(configure(), (), tmp_path, Listener(), device=CPU)


def test_an_error_of_the_callback_is_raised(configure, tmp_path):
    def broken(*_):
        raise ValueError("the engine's")

    with pytest.raises(ValueError, match="the engine's"):
        run_training(configure(), (), tmp_path, broken, device=CPU)


@pytest.mark.parametrize("file", ["report.json", "checkpoint.pt"])
def test_a_damaged_folder_is_refused_with_its_name(configure, tmp_path, file):
    listener = Listener(stop_at=0.25)
    run_training(configure(), (0.25,), tmp_path, listener, device=CPU)
    (folder,) = listener.folders
    (folder / file).write_text("damaged")
    with pytest.raises(CheckpointError, match=file):
        run_training(configure(), (0.25,), tmp_path, Listener(), folder, CPU)


def test_metrics_are_plain_numbers(configure, tmp_path):
    listener = Listener()
    run_training(configure(), (), tmp_path, listener, device=CPU)
    json.dumps(dict(listener.reports[0].metrics), allow_nan=False)
    assert {type(value) for value in listener.reports[0].metrics.values()} == {float}
