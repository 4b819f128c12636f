"""What every variant of the catalog must do; a new one is found by its entry."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet, from_arrays
from gansearch.errors import ConfigError
from gansearch.metrics.catalog import METRICS
from gansearch.settings import Scalar
from gansearch.space.specs import defaults_of, takes
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind, VariantEntry
from gansearch.variants.settings import AdversarialName

N = 6
CLASSES = 3

every_variant = pytest.mark.parametrize("entry", CATALOG.values(), ids=lambda e: e.name)


def those_that_take(parameter: str) -> pytest.MarkDecorator:
    entries = [entry for name, entry in CATALOG.items() if parameter in takes(name)]
    return pytest.mark.parametrize("entry", entries, ids=lambda e: e.name)


def spec_of(entry: VariantEntry, channels: int = 1, scale: int = 1) -> ImageSpec:
    classes = CLASSES if entry.data is DataKind.LABEL else 0
    return ImageSpec(channels, entry.resolution * scale, classes)


def build(entry: VariantEntry, spec: ImageSpec | None = None, **params: Scalar) -> Variant[Any]:
    torch.manual_seed(0)
    variant = entry.load()(entry.small_settings(**params), spec or spec_of(entry))
    variant.prepare(images_of(variant.spec))
    return variant


def images_of(spec: ImageSpec, size: int = 60, seed: int = 0) -> ImageSet:
    """As many random images of each class, where there are classes."""
    generator = torch.Generator().manual_seed(seed)
    shape = (size, spec.channels, spec.resolution, spec.resolution)
    pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    labels = torch.arange(size) % spec.classes if spec.classes else None
    return from_arrays(pixels, labels, resolution=spec.resolution, classes=spec.classes)


def batch_of(spec: ImageSpec, size: int = N, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, spec.channels, spec.resolution, spec.resolution)
    images = torch.rand(shape, generator=generator) * 2 - 1
    labels = torch.arange(size) % spec.classes if spec.classes else None
    return Batch(images, labels)


def sampled(variant: Variant[Any], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return variant.sample(batch_of(variant.spec), generator)


def only(variant: Variant[Any], player: str) -> None:
    """Switch gradients on for one player's parameters and off for the others', as training does."""
    for name, other in variant.players.items():
        for parameter in other.parameters():
            parameter.requires_grad_(name == player)


def whole_loss(variant: Variant[Any], player: str, batch: Batch) -> Tensor:
    total = variant.losses(player, batch)["total"]
    return total + sum(penalty.compute(batch) for penalty in variant.penalties(player))


def turns(variant: Variant[Any]) -> Iterator[str]:
    """Each player in its turn, with gradients to its own parameters alone."""
    for name in variant.players:
        variant.zero_grad()
        only(variant, name)
        yield name


def update(variant: Variant[Any], name: str, batch: Batch) -> None:
    """One step of a player, whose turn it is."""
    player = variant.players[name]
    optimiser = player.optimiser(player.parameters())
    if player.schedule is not None:
        player.schedule(optimiser, 0.0)
    whole_loss(variant, name, batch).backward()
    optimiser.step()
    with torch.no_grad():
        variant.after_step(name)


def moved(entry: VariantEntry) -> Variant[Any]:
    """A variant after an update of each player: no gradient passes a gate that is still at zero."""
    variant = build(entry)
    for name in turns(variant):
        update(variant, name, batch_of(variant.spec))
    return variant


# --- Building ------------------------------------------------------------------------------------


@every_variant
@pytest.mark.parametrize(("channels", "scale"), [(1, 1), (3, 1), (3, 2)])
def test_builds_and_samples_by_its_settings_alone(entry, channels, scale) -> None:
    spec = spec_of(entry, channels, scale)
    variant = build(entry, spec).eval()
    images = sampled(variant)
    assert images.shape == (N, spec.channels, spec.resolution, spec.resolution)
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert images.abs().max() <= 1
    assert not images.requires_grad
    assert type(variant.settings) is entry.settings


@every_variant
def test_builds_at_its_papers_size_without_memory(entry) -> None:
    with torch.device("meta"):
        variant = entry.load()(entry.settings(), spec_of(entry, channels=3, scale=4))
    tensors = [*variant.parameters(), *variant.buffers()]
    assert tensors
    assert all(tensor.is_meta for tensor in tensors)


@every_variant
def test_same_seed_same_weights(entry) -> None:
    first, second = build(entry).state_dict(), build(entry).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_variant
def test_small_form_is_small(entry) -> None:
    count = sum(p.numel() for p in build(entry).parameters() if p.requires_grad)
    assert count < 250_000


# --- Players -------------------------------------------------------------------------------------


@every_variant
def test_players_own_every_trained_parameter_once(entry) -> None:
    variant = build(entry)
    assert "g" in variant.players
    assert all(name == player.name for name, player in variant.players.items())
    owned = [id(p) for player in variant.players.values() for p in player.parameters()]
    assert len(owned) == len(set(owned))
    # Frozen ones, such as a projector's, are nobody's and are built frozen.
    assert set(owned) == {id(p) for p in variant.parameters() if p.requires_grad}
    assert variant.players.keys() == build(entry).players.keys()


@every_variant
def test_losses_reach_every_parameter_of_the_player_and_no_other(entry) -> None:
    variant = moved(entry)
    batch = batch_of(variant.spec)
    for name in turns(variant):
        whole_loss(variant, name, batch).backward()
        own = {id(p) for p in variant.players[name].parameters()}
        for parameter_name, parameter in variant.named_parameters():
            if id(parameter) in own:
                assert parameter.grad is not None, f"{name} does not reach {parameter_name}"
                assert parameter.grad.isfinite().all(), parameter_name
                assert parameter.grad.any(), f"{name} has no gradient to {parameter_name}"
            else:
                assert parameter.grad is None, f"{name} reaches {parameter_name}"


@every_variant
def test_losses_are_named_finite_scalars(entry) -> None:
    variant = build(entry)
    batch = batch_of(variant.spec)
    for name in turns(variant):
        losses = variant.losses(name, batch)
        assert losses["total"].requires_grad
        for part, value in losses.items():
            assert value.shape == (), part
            assert value.isfinite(), part
        penalties = variant.penalties(name)
        assert not losses.keys() & {penalty.name for penalty in penalties}
        for penalty in penalties:
            assert penalty.interval >= 1
            assert penalty.compute(batch).shape == ()


@every_variant
def test_a_step_changes_all_of_its_player_and_nothing_else(entry) -> None:
    variant = moved(entry)
    batch = batch_of(variant.spec)
    for name in turns(variant):
        own = {id(p) for p in variant.players[name].parameters()}
        before = {key: p.clone() for key, p in variant.named_parameters()}
        update(variant, name, batch)
        for key, parameter in variant.named_parameters():
            assert torch.equal(before[key], parameter) is (id(parameter) not in own), key
            assert parameter.isfinite().all(), key


@every_variant
def test_losses_draw_from_torchs_global_generator(entry) -> None:
    variant = build(entry)
    batch = batch_of(variant.spec)
    state = copy.deepcopy(variant.state_dict())
    for name in variant.players:
        values = []
        for seed in (1, 1, 2):
            variant.load_state_dict(state)
            torch.manual_seed(seed)
            losses = variant.losses(name, batch)  # a hinge may not let all through to the total
            values.append([value.item() for value in losses.values()])
        assert values[0] == values[1]
        assert values[0] != values[2]


@those_that_take("loss")
@pytest.mark.parametrize("loss", get_args(AdversarialName))
def test_any_loss_and_penalty_has_finite_gradients(entry, loss) -> None:
    variant = build(entry, loss=loss, gp_lambda=10.0, r1_gamma=1.0, clip=0.5)
    batch = batch_of(variant.spec)
    for name in turns(variant):
        whole_loss(variant, name, batch).backward()
        gradients = [p.grad for p in variant.players[name].parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        with torch.no_grad():
            variant.after_step(name)
    assert all(p.abs().max() <= 0.5 for p in variant.players["d"].parameters())
    assert {penalty.name for penalty in variant.penalties("d")} >= {"gp", "r1"}


# --- Rounds --------------------------------------------------------------------------------------


@every_variant
def test_a_round_names_players_only(entry) -> None:
    variant = build(entry)
    assert {name for name, _ in variant.phases()} == variant.players.keys()
    assert all(steps >= 1 for _, steps in variant.phases())


@those_that_take("d_steps")
@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (5, 1), (2, 3)])
def test_a_round_follows_its_settings(entry, d_steps, g_steps) -> None:
    variant = build(entry, d_steps=d_steps, g_steps=g_steps)
    assert tuple(variant.phases()) == (("d", d_steps), ("g", g_steps))


@those_that_take("d_steps")
def test_adaptive_steps_follow_the_discriminator(entry) -> None:
    variant = build(entry, d_steps="adaptive")
    assert tuple(variant.phases()) == (("d", 1), ("g", 1))
    losses = variant.losses("d", batch_of(variant.spec))
    assert 0 <= losses["edge"] <= 1
    assert losses["d_steps"] == 1
    assert variant.evaluate(None)["d_steps"] == 1
    real, fake = torch.ones(1000), torch.zeros(1000)
    for expected, logits in ((2, (fake, real)), (3, (fake, real)), (2, (real, fake))):
        variant.adaptive.watch(*logits)
        assert tuple(variant.phases()) == (("d", expected), ("g", 1))
    assert variant.evaluate(None)["d_steps"] == 2


@those_that_take("d_lr_ratio")
def test_learning_rates_follow_the_settings(entry) -> None:
    variant = build(entry, g_lr=1e-3, d_lr_ratio=4.0)
    for name, expected in (("g", 1e-3), ("d", 4e-3)):
        player = variant.players[name]
        groups = player.optimiser(player.parameters()).param_groups
        assert [group["lr"] for group in groups] == [pytest.approx(expected)] * len(groups)


@those_that_take("beta1")
def test_moments_follow_the_settings(entry) -> None:
    variant = build(entry, beta1=0, beta2=0.99)
    for player in variant.players.values():
        for group in player.optimiser(player.parameters()).param_groups:
            assert group["betas"] == (0.0, 0.99)


# --- Samples -------------------------------------------------------------------------------------


@every_variant
def test_samples_are_a_function_of_weights_and_seed(entry) -> None:
    variant = build(entry).eval()
    torch.manual_seed(1)
    first = sampled(variant, seed=5)
    torch.manual_seed(2)
    assert torch.equal(first, sampled(variant, seed=5))
    assert not torch.equal(first, sampled(variant, seed=6))
    assert len(first.flatten(1).unique(dim=0)) == N


@every_variant
def test_samples_follow_the_class_where_the_entry_says_so(entry) -> None:
    variant = build(entry).eval()
    with torch.no_grad():
        for parameter in variant.players["g"].parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # some start with all classes alike
    batch = batch_of(variant.spec)
    labels = torch.zeros(N, dtype=torch.int64)
    asked = [
        variant.sample(Batch(batch.images, each), torch.Generator().manual_seed(0))
        for each in (labels, labels + CLASSES - 1)
    ]
    assert torch.equal(*asked) is not entry.by_class


@every_variant
def test_samples_one_image_too(entry) -> None:
    variant = build(entry).eval()
    images = variant.sample(batch_of(variant.spec, size=1), torch.Generator().manual_seed(0))
    assert images.shape[0] == 1
    assert images.isfinite().all()


@every_variant
def test_state_goes_round_and_carries_the_samples(entry) -> None:
    variant = build(entry)
    for name in turns(variant):
        whole_loss(variant, name, batch_of(variant.spec)).backward()  # moves the buffers
    torch.manual_seed(9)
    other = entry.load()(entry.small_settings(), variant.spec)
    other.load_state_dict(variant.state_dict())
    assert torch.equal(sampled(variant.eval()), sampled(other.eval()))


@every_variant
def test_a_copy_samples_the_same_by_itself(entry) -> None:
    variant = build(entry).eval()
    average = copy.deepcopy(variant)
    expected = sampled(variant)
    with torch.no_grad():
        for parameter in variant.players["g"].parameters():
            parameter.add_(0.1)
    assert torch.equal(sampled(average), expected)
    assert not torch.equal(sampled(variant), expected)


@every_variant
def test_tags_are_plain_text(entry) -> None:
    tags = build(entry).tags
    assert all(isinstance(x, str) for pair in tags.items() for x in pair)


# --- What a variant measures of itself ---------------------------------------------------------


@every_variant
def test_measures_the_metrics_that_its_entry_lists(entry) -> None:
    variant = build(entry).eval()
    with torch.no_grad():
        values = variant.evaluate(images_of(variant.spec, seed=1))
        assert variant.evaluate(images_of(variant.spec, seed=1)) == values
        assert not variant.evaluate(None).keys() & set(entry.metrics)
    assert values.keys() & METRICS.keys() == set(entry.metrics)
    assert all(METRICS[name].of_variant for name in entry.metrics)
    assert all(math.isfinite(value) for value in values.values())


# --- Depthwise-separable convolutions ------------------------------------------------------------


def counted(entry: VariantEntry, where: str) -> dict[str, tuple[int, int]]:
    """Each player's parameters, and the operations of a sample or of a discriminator's loss."""
    variant = build(entry, spec_of(entry, scale=2), **{"dsc.where": where})
    batch = batch_of(variant.spec)
    counts = {}
    for name, player in variant.players.items():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            if name == "g":
                variant.sample(batch, torch.Generator().manual_seed(0))
            else:
                variant.losses(name, batch)
        operations = counter.get_total_flops()
        counts[name] = (sum(p.numel() for p in player.parameters()), operations)
    return counts


@those_that_take("dsc.where")
def test_dsc_lowers_parameters_and_operations(entry) -> None:
    dense, generator = counted(entry, "none"), counted(entry, "generator")
    assert all(a < b for a, b in zip(generator["g"], dense["g"], strict=True))
    if "d" in dense:
        discriminator, both = counted(entry, "discriminator"), counted(entry, "both")
        assert generator["g"] == both["g"]
        assert generator["d"][0] == dense["d"][0]
        assert discriminator["g"] == dense["g"]
        assert all(a < b for a, b in zip(discriminator["d"], dense["d"], strict=True))
        assert both["d"][0] == discriminator["d"][0]


# --- Settings ------------------------------------------------------------------------------------


def config(entry: VariantEntry, **params: Scalar) -> TrainConfig:
    return TrainConfig.from_params(
        {"variant": entry.name, **params},
        data=DataConfig(name="digits"),
        evaluation=EvaluationConfig(),
        seed=0,
        max_kimg=1,
    )


@every_variant
def test_small_form_is_made_of_its_own_parameters(entry) -> None:
    assert entry.small.keys() <= takes(entry.name)
    built = config(entry, **entry.small)
    assert built.settings == entry.small_settings().resolved(built.data.resolution)


@every_variant
def test_configuration_goes_round_as_json(entry) -> None:
    written = config(entry, **entry.small)
    assert TrainConfig.from_json(written.to_json()) == written


@every_variant
@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"g_learning_rate": 1e-4}, "g_learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "many"}, "batch_size"),
        ({"ema_kimg": float("nan")}, "ema_kimg"),
    ],
)
def test_wrong_parameters_are_refused_by_name(entry, params, key) -> None:
    with pytest.raises(ConfigError, match=key):
        config(entry, **params)


@every_variant
def test_parameters_of_other_variants_are_refused_by_name(entry) -> None:
    others = {name: value for other in CATALOG for name, value in defaults_of(other).items()}
    for parameter in others.keys() - takes(entry.name):
        with pytest.raises(ConfigError, match=parameter.partition(".")[0]):
            config(entry, **{parameter: others[parameter]})


@every_variant
def test_entry_describes_its_variant(entry) -> None:
    assert CATALOG[entry.name] is entry
    assert entry.home.startswith(f"{entry.family}.")
    assert entry.load().__module__ == f"gansearch.variants.{entry.home.split(':')[0]}"
    assert entry.summary
    assert any(character.isdigit() for character in entry.source)
