from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from gansearch.data import load_images
from gansearch.errors import Diverged
from gansearch.hardware import clock as clock_module
from gansearch.hardware import timer as timer_module
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

VARIANTS = ["tiny", *CATALOG]


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.variant.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("d_steps", [1, 2, 5])
def test_kimg_counts_the_discriminators_images(configure, build, d_steps):
    trainer = build(configure(d_steps=d_steps))
    trainer.advance(0.2)
    steps = Counter(player for player, *_ in trainer.variant.required)
    assert trainer.kimg == 16 * steps["d"] / 1000
    assert steps["d"] == d_steps * steps["g"]
    assert 0.2 <= trainer.kimg < 0.2 + 16 * d_steps / 1000


def test_advance_to_the_current_progress_changes_nothing(configure, build):
    trainer = build(configure())
    trainer.advance(0.1)
    before, kimg = weights(trainer), trainer.kimg
    trainer.advance(0.1)
    assert trainer.kimg == kimg
    assert same(before, weights(trainer))


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_configuration_gives_the_same_weights(configure, build, variant):
    one, other = (build(configure(variant)) for _ in range(2))
    for kimg in (0.05, 0.1):  # taking turns in one process
        one.advance(kimg)
        other.advance(kimg)
    assert same(weights(one), weights(other))
    different = build(configure(variant, seed=1))
    different.advance(0.1)
    assert not same(weights(one), weights(different))


def test_training_does_not_use_the_callers_random_stream(configure, build):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trainer = build(configure())
    trainer.advance(0.05)
    assert torch.rand(3).equal(expected)


@given(looks=st.lists(st.integers(1, 9), max_size=4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_evaluation_never_changes_training(configure, build, images, looks):
    watched, alone = (build(configure()) for _ in range(2))
    for round_ in range(1, 10):
        watched.advance(round_ * 0.016)
        alone.advance(round_ * 0.016)
        if round_ in looks:
            torch.rand(round_)
            watched.sample(images.train.batch(torch.arange(10)), torch.Generator())
            watched.costs()
            torch.manual_seed(round_)
    assert same(weights(watched), weights(alone))


def test_sample_is_of_the_average_and_leaves_training_mode(configure, build, images):
    batch = images.train.batch(torch.arange(7))
    averaged = build(configure(ema_kimg=0.5))
    averaged.advance(0.3)

    def sample(trainer):
        return trainer.sample(batch, torch.Generator().manual_seed(0))

    first = sample(averaged)
    assert averaged.variant.training
    assert not first.requires_grad
    assert first.equal(sample(averaged))
    averaged._rounds.ema._live = []  # the weights themselves
    assert not first.equal(sample(averaged))


class HostReads(TorchDispatchMode):
    """Counts the operations that make a host wait for its device."""

    WAITING = ("_local_scalar_dense", "is_nonzero", "_to_copy", "nonzero", "equal", "masked_select")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        # A cast on one device is no read; a copy that names a device may be one.
        if name in self.WAITING and (name != "_to_copy" or "device" in (kwargs or {})):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("variant", "settings"),
    [
        *((variant, {}) for variant in VARIANTS),
        ("gan", {"augment": "blit_color_cutout", "ada_target": 0.6}),
    ],
)
def test_no_step_reads_the_device(configure, build, variant, settings):
    trainer = build(configure(variant, **settings))
    trainer.advance(0.032)  # optimisers make their state in the first step
    with trainer._random.active(), HostReads() as reads:
        trainer._round(trainer.variant.phases())
    assert not reads.seen


@pytest.mark.gpu
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_step_waits_for_the_gpu(configure, variant):
    config = configure(variant)
    trainer = Trainer(config, load_images(config.data), torch.device("cuda"))
    trainer.advance(0.032)
    torch.cuda.set_sync_debug_mode("error")
    try:
        with trainer._random.active():
            trainer._round(trainer.variant.phases())
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses_are_named_by_player_and_part(configure, build, variant):
    trainer = build(configure(variant))
    trainer.advance(0.05)
    names = {f"loss/{player}/total" for player in trainer.variant.players}
    assert names <= trainer.losses.keys()
    assert all(isinstance(value, float) for value in trainer.losses.values())


def test_losses_are_means_over_the_window(configure, build):
    trainer = build(configure())
    trainer.advance(0.08)
    parts = trainer.losses["loss/d/real"] + trainer.losses["loss/d/fake"]
    assert trainer.losses["loss/d/total"] == pytest.approx(parts, rel=1e-5)
    assert 0.5 < trainer.losses["loss/d/total"] < 3  # one step's: 2 log 2 at the start


@pytest.mark.parametrize("step", [1, 3, 70])
def test_nan_is_detected_within_a_window(configure, build, step):
    trainer = build(configure(nan_at=step))
    with pytest.raises(Diverged, match=r"nan at .* kimg: .*not a number") as caught:
        trainer.advance(3)
    assert caught.value.reason == "nan"
    assert step * 0.016 <= caught.value.kimg <= step * 0.016 + 1.016


@pytest.mark.parametrize(
    ("variant", "settings", "reason"),
    [
        ("gan", {"g_lr": 1.0, "d_lr_ratio": 100}, "nan"),
        ("dcgan", {"g_lr": 1.0, "d_lr_ratio": 100}, "explosion"),
    ],
)
def test_a_too_high_learning_rate_diverges(configure, build, variant, settings, reason):
    trainer = build(configure(variant, **settings))
    with pytest.raises(Diverged) as caught:
        trainer.advance(4)
    assert caught.value.reason == reason


@pytest.mark.parametrize("variant", list(CATALOG))
def test_a_run_with_default_settings_does_not_diverge(configure, build, variant):
    build(configure(variant)).advance(1.5)


def test_costs_are_finite_and_count_training_only(configure, build, images):
    trainer = build(configure())
    trainer.advance(1.5)
    costs = trainer.costs()
    assert {
        "seconds_per_kimg",
        "train_seconds",
        "peak_memory_mib",
        "params_m",
        "g_params_m",
        "d_params_m",
        "gmacs",
    } <= costs.keys()
    for _ in range(20):
        trainer.sample(images.train.batch(torch.arange(500)), torch.Generator())
    after = trainer.costs()
    assert after["train_seconds"] == costs["train_seconds"]
    assert after["peak_memory_mib"] == costs["peak_memory_mib"]


def test_the_first_run_of_a_process_needs_no_more_memory_for_its_imports(configure):
    """Modules imported late do not belong to a network's memory."""
    script = f"""
import torch
from gansearch.config import TrainConfig
from gansearch.data import load_images
from gansearch.train.prediction import LiveMemory, predict_memory
from gansearch.train.trainer import Trainer
config = TrainConfig.from_json({configure("gan").to_json()!r})
trainer = Trainer(config, load_images(config.data), torch.device("cpu"))
trainer.advance(0.05)
print(trainer.costs()["peak_memory_mib"])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 0 < float(run.stdout) < 40  # torch._dynamo alone is 70


@pytest.mark.parametrize(("d_steps", "interval"), [(1, 4), (1, 50), (2, 50), (3, 64)])
def test_a_lazy_penalty_counts_in_the_time_by_its_interval(
    configure, build, tiny, monkeypatch, tmp_path, d_steps, interval
):
    """On a simulated clock a step's losses take 1 s and a penalty 8 s."""
    now = [0.0]
    stand_still = SimpleNamespace(perf_counter=lambda: now[0])

    def lasting(seconds, compute):
        def computed(self, *args):
            now[0] += seconds
            return compute(self, *args)

        return computed

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # locks of this test alone
    for module in (timer_module, clock_module):
        monkeypatch.setattr(module, "time", stand_still)
    monkeypatch.setattr(clock_module, "outside_load", lambda _: lambda: 0.0)
    monkeypatch.setattr(tiny, "losses", lasting(1.0, tiny.losses))
    monkeypatch.setattr(tiny, "_r1", lasting(8.0, tiny._r1))
    trainer = build(configure(d_steps=d_steps, r1_gamma=1.0, r1_interval=interval))
    trainer.advance(3.2)
    round_seconds = d_steps + 1 + 8 * d_steps / interval
    assert trainer.costs()["seconds_per_kimg"] == pytest.approx(round_seconds / d_steps / 0.016)
