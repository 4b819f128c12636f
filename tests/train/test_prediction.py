"""Memory of training, predicted on fake tensors."""

from __future__ import annotations

import logging
import re
import resource
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gansearch.data import ImageSet
from gansearch.data.batch import ImageSpec
from gansearch.hardware.memory import MIB
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome
from gansearch.train import prediction
from gansearch.train.prediction import LiveMemory, predict_memory, predict_needs, prediction_error
from gansearch.train.run import run_training
from gansearch.variants.catalog import CATALOG

CUDA = torch.device("cuda")  # only its kind matters
BLOCK = 512


def blank(spec: ImageSpec, count: int = 100) -> ImageSet:
    """Images without content, which take no memory."""
    shape = (count, spec.channels, spec.resolution, spec.resolution)
    return ImageSet(
        spec=spec,
        fingerprint="0",
        pixels=torch.zeros((), dtype=torch.uint8).expand(shape),
        labels=torch.arange(count) % spec.classes if spec.classes else None,
        rows=torch.arange(count),
    )


def rounded(*sizes: int) -> int:
    return sum(-(-size // BLOCK) * BLOCK for size in sizes)


def test_the_live_bytes_of_a_chain_of_tensors_equal_the_closed_form() -> None:
    with LiveMemory() as live:
        x = torch.empty(256)  # 1,024 bytes
        y = x + 1
        assert live.now == 2048
        view = y.view(16, 16)[2:]  # no storage of its own
        del x
        assert live.now == 1024
        del y
        assert live.now == 1024
        del view
    assert (live.now, live.peak) == (0, 2048)


def test_storages_are_rounded_up_to_blocks() -> None:
    with LiveMemory(block=BLOCK) as live:
        kept = [torch.empty(n, dtype=torch.uint8) for n in (1, 511, 512, 513)]
    assert live.now == 5 * BLOCK
    assert kept


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_peak_of_an_optimisers_step_equals_the_closed_form(momentum: float) -> None:
    """At the optimiser's step there are the weights, their gradients and momenta, and the input.

    All activations but the loss are gone by then, and no backward of a linear layer needs more.
    """
    n, inputs, outputs = 2, 64, 4096
    weight, out = 4 * inputs * outputs, 4 * n * outputs
    with LiveMemory() as live:
        layer = nn.Linear(inputs, outputs, bias=False)
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=momentum)
        x = torch.ones(n, inputs)
        for _ in range(2):
            optimiser.zero_grad()
            layer(x).square().sum().backward()
            optimiser.step()
    held = weight * (3 if momentum else 2)
    assert held <= live.peak <= held + x.nbytes + 3 * out


def test_the_prediction_is_at_least_weights_gradients_moments_and_images(configure) -> None:
    """Weights, gradients and two moments of both players, and the resident images."""
    images = blank(ImageSpec(3, 32))
    config = configure(batch_size=2, z_dim=64)
    pixels = 3 * 32 * 32
    g = [4 * 64 * pixels, 4 * pixels, 4 * pixels, 4 * pixels]  # a linear layer and a batch norm
    d = [4 * pixels, 4]
    least = 4 * rounded(*g, *d) + images.nbytes
    average = rounded(*g) + rounded(4 * pixels, 4 * pixels)  # with the running statistics
    activations = 40 * 2 * 4 * pixels
    peak = predict_memory(config, images, CUDA) * MIB
    assert least + average < peak < least + average + rounded(*g) + activations


def test_data_on_the_cpu_are_not_counted_in_the_prediction(configure) -> None:
    config = configure()
    few, many = (blank(ImageSpec(1, 32), count) for count in (100, 100_000))
    cpu = torch.device("cpu")
    assert predict_memory(config, few, cpu) == predict_memory(config, many, cpu)
    grown = predict_memory(config, many, CUDA) - predict_memory(config, few, CUDA)
    assert grown == pytest.approx((on_device(many) - on_device(few)) / MIB)


def test_streamed_images_are_not_on_the_device(configure) -> None:
    config = configure()
    streamed = config.model_copy(
        update={"compute": config.compute.model_copy(update={"data": "streamed"})}
    )
    images = blank(ImageSpec(1, 32), 1000)
    difference = predict_memory(config, images, CUDA) - predict_memory(streamed, images, CUDA)
    assert difference == pytest.approx(on_device(images) / MIB)


def test_resident_images_of_any_size_count_on_the_device(configure, monkeypatch) -> None:
    monkeypatch.setattr("gansearch.data.images.RESIDENT_BYTES", 0)
    config, images = configure(), blank(ImageSpec(1, 32), 1000)
    resident = config.model_copy(
        update={"compute": config.compute.model_copy(update={"data": "resident"})}
    )
    grown = predict_memory(resident, images, CUDA) - predict_memory(config, images, CUDA)
    assert grown == pytest.approx(on_device(images) / MIB)


def on_device(images: ImageSet) -> int:
    """Bytes of pixels, rows and three epochs' orders, without labels."""
    assert images.labels is None
    return images.nbytes + 4 * 8 * len(images)


def test_a_larger_batch_has_a_larger_predicted_memory(configure) -> None:
    images = blank(ImageSpec(1, 32))
    sizes = [predict_memory(configure(batch_size=n), images, CUDA) for n in (2, 8, 32, 128)]
    assert sizes == sorted(set(sizes))
    # What grows is in proportion to the batch.
    assert (sizes[3] - sizes[2]) / (sizes[2] - sizes[1]) == pytest.approx(4, rel=0.05)


def test_a_lazy_penalty_counts_in_the_predicted_memory(configure) -> None:
    without, with_r1 = (
        predict_memory(
            configure("dcgan", batch_size=64, g_channels=4, r1_gamma=gamma, r1_interval=16),
            blank(ImageSpec(1, 16)),
            CUDA,
        )
        for gamma in (0.0, 1.0)
    )
    assert with_r1 > 1.1 * without


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("gan", "sgan") else pytest.param(name, marks=pytest.mark.slow)
        for name in CATALOG
    ],
)
def test_every_variant_leaves_random_numbers_and_memory_alone(name, configure) -> None:
    images = blank(ImageSpec(3, 32, 10))
    state = torch.get_rng_state()
    before = peak_of_process()
    predicted = predict_memory(configure(name, batch_size=4096), images, CUDA)
    assert torch.equal(state, torch.get_rng_state())
    assert predicted > 200
    assert peak_of_process() - before < 100


def peak_of_process() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB


# --- In a run ------------------------------------------------------------------------------------


def test_a_run_reports_its_predicted_memory_and_the_error(configure, tmp_path) -> None:
    reports = []
    outcome, _ = run_training(
        configure().model_copy(update={"max_kimg": 0.1}),
        (),
        tmp_path,
        lambda report, _: bool(reports.append(report)),
        device=torch.device("cpu"),
    )
    assert outcome is Outcome.COMPLETED
    metrics = reports[0].metrics
    predicted, measured = metrics["predicted_memory_mib"], metrics["peak_memory_mib"]
    assert metrics["memory_prediction_error"] == pytest.approx(predicted / measured - 1)


def test_a_run_that_exceeds_the_devices_memory_is_refused(configure, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(prediction, "memory_of", lambda _: 1.0)
    monkeypatch.setattr("gansearch.train.run.Trainer", None)  # would be an error
    needs = {}
    outcome, reason = run_training(
        configure(),
        (),
        tmp_path,
        lambda *_: True,
        device=torch.device("cpu"),
        on_prediction=needs.update,
    )
    assert outcome is Outcome.OUT_OF_MEMORY
    assert needs == {PREDICTED_MEMORY: pytest.approx(2.5, abs=1), DEVICE_MEMORY: 1.0}
    assert re.search(r"predicted to need [23] MiB; cpu has 1 MiB", reason)


def test_a_run_is_admitted_against_its_share_of_a_gpu(configure, tmp_path, monkeypatch) -> None:
    """The run would fit the whole GPU, but has a quarter of it."""
    properties = SimpleNamespace(total_memory=6 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda _: 0.25)
    monkeypatch.setattr("gansearch.train.run.Trainer", None)  # would be an error
    monkeypatch.setattr(prediction, "predict_memory", lambda *_: 3000.0)
    needs = {}
    outcome, reason = run_training(
        configure(), (), tmp_path, lambda *_: True, device=CUDA, on_prediction=needs.update
    )
    assert outcome is Outcome.OUT_OF_MEMORY
    assert needs == {PREDICTED_MEMORY: 3000, DEVICE_MEMORY: 1536}
    assert reason.endswith("predicted to need 3,000 MiB; a share of cuda has 1,536 MiB")


def test_a_run_whose_memory_cannot_be_predicted_is_trained(
    configure, images, monkeypatch, caplog
) -> None:
    def fail(*_: object) -> float:
        raise NotImplementedError("an operation without shapes")

    monkeypatch.setattr(prediction, "predict_memory", fail)
    with caplog.at_level(logging.WARNING):
        assert set(predict_needs(configure(), images.train, torch.device("cpu"))) == {DEVICE_MEMORY}
    assert "an operation without shapes" in caplog.text


def test_the_prediction_error_is_relative_to_the_measured_memory() -> None:
    costs = {"predicted_memory_mib": 90.0, "peak_memory_mib": 100.0}
    assert prediction_error(costs) == {"memory_prediction_error": pytest.approx(-0.1)}
    assert prediction_error({"peak_memory_mib": 100.0}) == {}
    assert prediction_error({**costs, "peak_memory_mib": 0.0}) == {}
