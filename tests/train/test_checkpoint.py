from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansearch.data import Images, load_images
from gansearch.errors import CheckpointError
from gansearch.train import checkpoint as checkpoint_module
from gansearch.train import trainer as trainer_module
from gansearch.train.checkpoint import FORMAT, read_checkpoint, write_checkpoint
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

STATE = {"weights": {"w": torch.arange(1000.0)}, "steps": 3, "text": "x"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pt"


def everything(trainer):
    """All that training depends on and leads to, flat."""
    state = {
        "weights": trainer.variant.state_dict(),
        "optimisers": [u.optimiser.state_dict() for u in trainer._rounds.updaters.values()],
        "ema": trainer._rounds.ema.tensors,
        "random": trainer._random.state,
        "position": trainer._stream.position,
        "kimg": trainer.kimg,
        "losses": trainer.losses,
    }
    return torch.utils._pytree.tree_leaves(state)


def same(one, other):
    ones, others = everything(one), everything(other)
    assert len(ones) == len(others)
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize(
    ("variant", "ema_kimg"), [("tiny", 0), *((variant, 0.05) for variant in ("tiny", *CATALOG))]
)
def test_a_resumed_run_continues_bit_for_bit(configure, build, cpu, path, variant, ema_kimg):
    config = configure(variant, ema_kimg=ema_kimg)
    whole = build(config)
    whole.advance(0.25)
    whole.save(path)
    whole.advance(0.5)
    resumed = Trainer.load(path, load_images(config.data), cpu)
    assert resumed.kimg < 0.5
    resumed.advance(0.5)
    assert same(resumed, whole)


@pytest.mark.parametrize("kimg", [0.1, 0.2])
def test_adaptive_steps_and_augmentation_are_resumed_bit_for_bit(
    configure, build, images, cpu, path, kimg
):
    adapted = {"augment": "blit_color", "ada_target": 0.1, "ada_kimg": 0.2, "d_steps": "adaptive"}
    whole = build(configure("dcgan", **adapted))
    whole.advance(kimg)
    whole.save(path)
    whole.advance(0.5)
    assert whole.losses["loss/d/augment_p"] > 0
    resumed = Trainer.load(path, images, cpu)
    resumed.advance(0.5)
    assert same(resumed, whole)


@given(stops=st.lists(st.integers(1, 39), min_size=1, max_size=3, unique=True).map(sorted))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_stops_and_resumptions_do_not_change_the_result(
    monkeypatch, configure, build, images, cpu, path, stops
):
    monkeypatch.setattr(trainer_module, "WINDOW", 100)
    config = configure(r1_gamma=1.0, r1_interval=3, d_steps=2)
    whole = build(config)
    stopped = build(config)
    for stop in (*stops, 40):
        whole.advance(stop / 100)
        stopped.advance(stop / 100)
        stopped.save(path)
        torch.manual_seed(stop)  # another process would have another stream
        stopped = Trainer.load(path, images, cpu)
    uninterrupted = build(config)
    uninterrupted.advance(0.4)
    whole.losses = stopped.losses = uninterrupted.losses = {}
    assert same(stopped, whole)
    assert same(stopped, uninterrupted)


def test_costs_of_a_resumed_run_include_earlier_processes(configure, build, images, cpu, path):
    trainer = build(configure())
    trainer.advance(1)
    trainer.save(path)
    before, after = trainer.costs(), Trainer.load(path, images, cpu).costs()
    for name in ("train_seconds", "seconds_per_kimg", "params_m", "gmacs"):
        assert before[name] == after[name]
    assert after["peak_memory_mib"] >= before["peak_memory_mib"]


def test_a_run_with_a_larger_budget_continues_a_checkpoint(configure, build, images, cpu, path):
    config = configure()
    build(config).save(path)
    longer = config.model_copy(update={"max_kimg": 50.0})
    assert Trainer.load(path, images, cpu, longer).config == longer


@pytest.mark.parametrize(
    "change", [{"g_lr": 0.5}, {"batch_size": 32}, {"d_steps": 4}, {"seed": 9}, {"ema_kimg": 0}]
)
def test_another_configuration_is_refused_by_name(configure, build, images, cpu, path, change):
    build(configure()).save(path)
    with pytest.raises(CheckpointError, match=rf"another configuration: .*{next(iter(change))} is"):
        Trainer.load(path, images, cpu, configure(**change))


def test_other_images_are_refused(configure, build, images, cpu, path):
    build(configure()).save(path)
    other = Images(replace(images.train, fingerprint="other"), None)
    with pytest.raises(CheckpointError, match="other images"):
        Trainer.load(path, other, cpu)


def test_a_state_that_does_not_fit_is_refused(configure, build, images, cpu, path):
    build(configure()).save(path)
    state = read_checkpoint(path)
    for broken in (
        {**state, "ema": state["ema"][:-1]},
        {**state, "variant": {}},
        {key: value for key, value in state.items() if key != "position"},
    ):
        write_checkpoint(path, broken)
        with pytest.raises(CheckpointError, match="does not fit tiny"):
            Trainer.load(path, images, cpu)
    write_checkpoint(path, {**state, "config": "{}"})
    with pytest.raises(CheckpointError, match="no configuration"):
        Trainer.load(path, images, cpu)


def test_running_out_of_memory_is_not_reported_as_a_damaged_checkpoint(
    monkeypatch, configure, build, images, cpu, path
):
    build(configure()).save(path)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.Optimizer, "load_state_dict", full)
    with pytest.raises(torch.OutOfMemoryError):
        Trainer.load(path, images, cpu)


def test_a_written_checkpoint_is_read_back(path):
    write_checkpoint(path, STATE)
    state = read_checkpoint(path)
    assert state.pop("format") == FORMAT
    assert state["weights"]["w"].equal(STATE["weights"]["w"])
    assert state.keys() == STATE.keys()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_missing_checkpoint_is_refused(path):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_checkpoint(path)


@given(share=st.floats(0, 0.999))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_file_is_refused(path, share):
    write_checkpoint(path, STATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)


@given(share=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_bit_is_refused_or_harmless(path, share):
    write_checkpoint(path, STATE)
    damaged = bytearray(path.read_bytes())
    damaged[int(share * len(damaged))] ^= 0x10
    path.write_bytes(damaged)
    try:
        state = read_checkpoint(path)
    except CheckpointError:
        return
    assert state["weights"]["w"].equal(STATE["weights"]["w"])  # padding, or a time stamp
    assert (state["steps"], state["text"]) == (3, "x")


def test_a_flipped_weight_is_refused(path):
    write_checkpoint(path, STATE)
    damaged = path.read_bytes().replace(
        STATE["weights"]["w"].numpy().tobytes(), torch.arange(1, 1001.0).numpy().tobytes()
    )
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="checksum"):
        read_checkpoint(path)


def test_weights_that_are_marked_as_a_directory_are_refused(path):
    """Torch would read nothing of them, and take what is in memory."""
    write_checkpoint(path, STATE)
    damaged = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.start_dir
        for entry in archive.infolist():
            if entry.filename.endswith("data/0"):
                break
            place += 46 + len(entry.filename)
    damaged[place + 38] |= 0x10
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="directory"):
        read_checkpoint(path)


class Hostile:
    def __reduce__(self):
        return os.system, ("false",)


def test_code_in_a_file_is_refused(path):
    torch.save({"format": FORMAT, "x": Hostile()}, path)
    with pytest.raises(CheckpointError, match="damaged, or no checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [{"format": FORMAT + 1}, {}, [1, 2]])
def test_another_format_is_refused(path, content):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="format"):
        read_checkpoint(path)


def test_a_pickle_is_no_checkpoint(path):
    path.write_bytes(pickle.dumps(STATE))
    with pytest.raises(CheckpointError, match="damaged, or no checkpoint"):
        read_checkpoint(path)


class Killed(BaseException):
    pass


def full_disk(*args):
    raise OSError(28, "No space left on device")


def half_written(state, file):
    file.write(b"half")
    raise Killed


@pytest.mark.parametrize(
    ("target", "name", "failure", "expected"),
    [
        (os, "fsync", full_disk, OSError),
        (Path, "replace", full_disk, OSError),
        (torch, "save", half_written, Killed),
    ],
)
def test_a_write_that_fails_leaves_the_old_file(monkeypatch, path, target, name, failure, expected):
    write_checkpoint(path, STATE)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(target, name, failure)
        with pytest.raises(expected):
            write_checkpoint(path, {"steps": 4})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


class FullFile:
    """A file on a disk that fills up while torch writes."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def write(self, _):
        full_disk()

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_is_an_os_error(monkeypatch, path):
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *args: FullFile(opened(self, *args)))
    with pytest.raises(OSError, match="No space left"):
        checkpoint_module.write_checkpoint(path, STATE)


def test_a_checkpoint_of_format_3_is_resumed_without_its_measurements(configure, build, cpu, path):
    trainer = build(configure())
    trainer.advance(0.4)
    trainer.save(path)
    state = read_checkpoint(path)
    timer = {name: state["timer"][name] for name in ("device", "all", "warm_up", "waited")}
    older = {**state, "format": 3, "timer": timer, "memory": {"device": "cpu"}}
    torch.save(older, path)
    images = load_images(trainer.config.data)
    resumed = Trainer.load(path, images, cpu)
    assert resumed.costs()["measured_alone"] == 0
    assert resumed.costs()["train_seconds"] == trainer.costs()["train_seconds"]
    for each in (trainer, resumed):
        each.advance(0.6)
    assert same(trainer, resumed)
    assert resumed.costs()["train_seconds"] > state["timer"]["all"]["seconds"]
