"""Peak memory of a trainer, on a simulated device and on a GPU."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from gansearch.data import Images, ImageSet
from gansearch.data import stream as stream_module
from gansearch.hardware import memory as memory_module
from gansearch.train.prediction import LiveMemory, predict_memory
from gansearch.train.trainer import Trainer


class SimulatedDevice(LiveMemory):
    """Counts tensors as CUDA's allocator does, and gauges them."""

    def __init__(self) -> None:
        super().__init__(block=512)
        self.highest = 0

    def _count(self, storage):
        super()._count(storage)
        self.highest = max(self.highest, self.now)

    def reset(self):
        self.peak = self.now


@pytest.fixture
def simulated(monkeypatch):
    """A device whose memory is what tensors take that were made in the test."""

    def copied(images, _):
        pixels, labels = images.gather(torch.arange(len(images)))
        return replace(images, pixels=pixels, labels=labels, rows=torch.arange(len(images)))

    with SimulatedDevice() as device:
        gauge = SimpleNamespace(
            base=lambda: 0,
            level=lambda: device.now,
            tensors=lambda: device.now,
            peak=lambda: device.peak,
            reserved=lambda: 0,
            error=lambda _: 0.0,
            reset=device.reset,
            lean=lambda: nullcontext(False),
        )
        monkeypatch.setattr(memory_module, "_gauge", lambda _: gauge)
        monkeypatch.setattr(ImageSet, "to", copied)
        monkeypatch.setattr(stream_module, "_pinned", lambda tensor, _: tensor.clone())
        yield device


@pytest.fixture
def many(images):
    """Images that take more than the networks."""
    rows = torch.arange(len(images.train)).repeat(8)
    return Images(train=images.train.subset(rows), heldout=None)


def test_the_peak_includes_the_data_and_the_networks(configure, many, simulated):
    trainer = Trainer(configure(), many, torch.device("cpu"))
    trainer.advance(len(many.train) / 1000 + 0.1)  # the orders of epochs are there
    measured = trainer.costs()["peak_memory_mib"] * 2**20
    assert measured == pytest.approx(simulated.highest, rel=0.01)
    assert measured > many.train.nbytes
    predicted = predict_memory(trainer.config, many.train, torch.device("cuda")) * 2**20
    assert predicted == pytest.approx(measured, rel=0.06)


def test_the_peak_includes_memory_kept_by_compilation(configure, images, simulated, monkeypatch):
    def compiles(self):
        self.left = torch.zeros(2**20)
        self._is_compiled = True

    def peak(is_compiled):
        trainer = Trainer(configure(), images, torch.device("cpu"))
        trainer._is_compiled = is_compiled
        trainer.advance(0.1)
        return trainer.costs()["peak_memory_mib"]

    monkeypatch.setattr(Trainer, "_compile", compiles)
    assert peak(is_compiled=False) == pytest.approx(peak(is_compiled=True) + 4, abs=0.01)


def test_the_peak_of_a_resumed_run_includes_its_optimisers(configure, images, simulated, tmp_path):
    first = Trainer(configure(z_dim=512), images, torch.device("cpu"))
    first.advance(0.1)
    peak = first.costs()["peak_memory_mib"]
    first._memory._peak = 0  # the checkpoint's peak must not hide it
    first.save(tmp_path / "c.pt")
    del first
    again = Trainer.load(tmp_path / "c.pt", images, torch.device("cpu"))
    again.advance(0.2)
    assert again.costs()["peak_memory_mib"] == pytest.approx(peak, rel=0.05)


@pytest.mark.gpu
@pytest.mark.parametrize("compute", [{}, {"compile": "default", "cuda_graphs": True}])
def test_on_a_gpu_the_peak_is_that_of_the_allocator(configure, many, compute):
    """Nothing else allocates between the trainer's windows."""
    gc.collect()
    before = torch.cuda.memory_allocated()
    config = configure("dcgan")
    config = config.model_copy(update={"compute": config.compute.model_copy(update=compute)})
    trainer = Trainer(config, many, torch.device("cuda"))
    trainer.advance(1)
    peak = trainer.costs()["peak_memory_mib"] * 2**20
    assert peak <= torch.cuda.max_memory_allocated()
    trainer.advance(2)  # its last window's peak is the allocator's
    assert peak == pytest.approx(torch.cuda.max_memory_allocated(), rel=0.05)
    assert peak > before + many.train.nbytes


def test_a_deleted_trainer_frees_its_networks_at_once(configure, build):
    """A reference cycle would keep networks and data until the next garbage collection."""
    trainer = build(configure("dcgan"))
    trainer.advance(0.1)
    gone, before = weakref.ref(trainer.variant), gc.isenabled()
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        if before:
            gc.enable()
