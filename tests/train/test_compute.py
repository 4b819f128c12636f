"""All ways to compute a step agree up to rounding."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gansearch.config import ComputeConfig
from gansearch.data import load_images
from gansearch.errors import CheckpointError, ConfigError
from gansearch.space.specs import takes
from gansearch.train.compute import Compute
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

BATCH = 4
KIMG = 2 * BATCH / 1000  # two rounds
CPU = torch.device("cpu")

COSTLY = ("contragan", "projected_gan")  # and like projgan and faster_projected_gan
every_variant = pytest.mark.parametrize(
    "variant",
    [pytest.param(v, marks=[pytest.mark.slow] if v in COSTLY else []) for v in CATALOG],
)


@pytest.fixture(scope="session")
def computed(configure):
    def computed(variant, settings=None, **compute):
        # Dropped elements are drawn in the order of memory.
        dropout = {"dropout": 0.0} if "dropout" in takes(variant) else {}
        config = configure(variant, **{"batch_size": BATCH, **dropout, **(settings or {})})
        return config.model_copy(update={"compute": ComputeConfig(**compute)})

    return computed


@pytest.fixture(scope="session")
def plainly_trained(computed, build):
    """A variant trained with default settings, once for all tests."""
    trained = {}

    def train(variant):
        if variant not in trained:
            trained[variant] = build(computed(variant))
            trained[variant].advance(KIMG)
        return trained[variant]

    return train


def same(one, other):
    mine, theirs = one.variant.state_dict(), other.variant.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def four_dimensional(trainer):
    """Weights whose memory format is defined; it is not with one channel or one pixel."""
    return [p for p in trainer.variant.parameters() if p.dim() == 4 and min(p.shape) > 1]


@every_variant
def test_the_memory_format_changes_rounding_alone(computed, build, plainly_trained, variant):
    plain = plainly_trained(variant)
    other = build(computed(variant, memory_format="contiguous"))
    other.advance(KIMG)
    assert other.losses == pytest.approx(plain.losses, rel=1e-3, abs=1e-4)
    for weight in four_dimensional(plain):
        assert weight.is_contiguous(memory_format=torch.channels_last)
    for weight in four_dimensional(other):
        assert weight.is_contiguous()


@every_variant
def test_bfloat16_is_near_float32(computed, build, plainly_trained, variant):
    plain = plainly_trained(variant)
    low = build(computed(variant, precision="bfloat16"))
    low.advance(KIMG)
    assert low.losses == pytest.approx(plain.losses, rel=0.1, abs=0.1)
    assert low.losses != plain.losses
    tensors = [*low.variant.parameters(), *low.variant.buffers()]
    assert not any(tensor.dtype == torch.bfloat16 for tensor in tensors)


@pytest.mark.parametrize(
    ("variant", "settings"),
    [
        ("gan", {"d_steps": "adaptive", "augment": "color", "ada_target": 0.6}),
        ("stylegan3", {}),
    ],
)
def test_compiling_changes_no_state(monkeypatch, computed, build, variant, settings):
    monkeypatch.setattr(nn.Module, "compile", lambda *_, **__: None)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # so that it is put back
    plain, rehearsed = (build(computed(variant, settings, compile=c)) for c in ("none", "default"))
    for trainer in (plain, rehearsed):
        trainer.advance(KIMG)
    assert rehearsed.costs()["compile_seconds"] > 0 == plain.costs()["compile_seconds"]
    assert same(rehearsed, plain)


@pytest.mark.parametrize("data", ["resident", "streamed"])
def test_the_location_of_the_images_does_not_change_the_weights(
    computed, build, plainly_trained, data
):
    other = build(computed("dcgan", data=data))
    other.advance(KIMG)
    assert same(other, plainly_trained("dcgan"))


def test_penalties_and_samples_are_exact(computed, build, images):
    settings = {"r1_gamma": 1.0, "gp_lambda": 1.0}
    plain = build(computed("dcgan", settings))
    low = build(computed("dcgan", settings, precision="bfloat16"))
    batch = images.train.batch(torch.arange(4))
    for penalty, lowered in zip(
        plain.variant.penalties("d"), low.variant.penalties("d"), strict=True
    ):
        values = []
        for each, exact in ((penalty, plain), (lowered, low)):
            torch.manual_seed(0)
            with exact._compute.exact():
                values.append(each.compute(copy.deepcopy(batch)))
        assert torch.equal(*values)
    sampled = [t.sample(batch, torch.Generator().manual_seed(0)) for t in (plain, low)]
    assert torch.equal(*sampled)
    z = torch.zeros(2, plain.config.settings.z_dim)
    assert low.variant.generator(z).dtype == torch.float32
    assert not torch.equal(
        low.variant.discriminator(batch.images), plain.variant.discriminator(batch.images)
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"precision": "tf32"}, "compute.precision: tf32"),
        ({"compile": "default", "cuda_graphs": True}, "compute.cuda_graphs: True"),
    ],
)
def test_a_cpu_refuses_settings_that_need_a_gpu(settings, named):
    with pytest.raises(ConfigError, match=f"{named} needs a GPU, and this run is on cpu"):
        Compute(ComputeConfig(**settings), CPU)


def test_a_resumed_run_keeps_its_precision(tmp_path, computed, build, images):
    trainer = build(computed("tiny"))
    trainer.save(tmp_path / "checkpoint.pt")
    Trainer.load(tmp_path / "checkpoint.pt", images, CPU, computed("tiny", data="streamed"))
    with pytest.raises(CheckpointError, match=r"compute\.precision is 'float32' there"):
        Trainer.load(
            tmp_path / "checkpoint.pt", images, CPU, computed("tiny", precision="bfloat16")
        )


@pytest.mark.slow
def test_compiled_networks_compute_the_same(monkeypatch, tmp_path, computed, build):
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
    settings = {"r1_gamma": 1.0, "r1_interval": 2}
    plain = build(computed("dcgan", settings))
    compiled = build(computed("dcgan", settings, compile="default"))
    for trainer in (plain, compiled):
        trainer.advance(KIMG)
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-3, abs=1e-4)
    costs = compiled.costs()
    assert costs["compile_seconds"] > costs["train_seconds"]
    assert list((tmp_path / "inductor").rglob("*.so"))  # where other trials find it


@pytest.mark.slow
@pytest.mark.gpu
@pytest.mark.parametrize(
    "compute",
    [
        {"precision": "tf32"},
        {"precision": "bfloat16"},
        {"compile": "default"},
        {"compile": "default", "cuda_graphs": True},
    ],
)
def test_a_gpu_computes_the_same(computed, compute):
    trainers = []
    for options in ({}, compute):
        config = computed("dcgan", {"r1_gamma": 1.0}, **options)
        trainers.append(Trainer(config, load_images(config.data), torch.device("cuda")))
        trainers[-1].advance(KIMG)
    plain, other = trainers
    assert other.losses == pytest.approx(plain.losses, rel=0.1, abs=0.1)
