"""Losses, penalties and steps of a variant's players."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from gansearch.variants.base import Variant
from gansearch.variants.settings import AdversarialName


def dead_parameters(case: Any, variant: Variant[Any], player: str) -> list[str]:
    """Names of the player's parameters on which its losses do not depend.

    A gradient of zero does not prove that: under a Wasserstein loss the gradients of the critic's
    output bias from real and from fake images cancel. A parameter is dead if the gradient through
    each single call of the player's networks is zero too.
    """
    own = {id(p) for p in variant.players[player].parameters()}
    named = {name: p for name, p in variant.named_parameters() if id(p) in own}
    calls: list[list[Tensor]] = []

    def keep(_: nn.Module, __: object, output: object) -> None:
        leaves = (leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor))
        calls.append([leaf for leaf in leaves if leaf.requires_grad])

    with ExitStack() as hooks:
        for module in variant.players[player].modules:
            hooks.callback(module.register_forward_hook(keep).remove)
        total = case.loss(variant, player)
    paths = [([total], [torch.ones_like(total)])]
    for outputs in filter(None, calls):
        gradients = torch.autograd.grad(total, outputs, retain_graph=True, allow_unused=True)
        pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None]
        paths += [([o for o, _ in pairs], [g for _, g in pairs])] if pairs else []
    for ends, weights in paths:
        gradients = torch.autograd.grad(
            ends, list(named.values()), weights, retain_graph=True, allow_unused=True
        )
        reached = zip(list(named), gradients, strict=True)
        for name in [name for name, g in reached if g is not None and g.any()]:
            del named[name]
        if not named:
            break
    return list(named)


class WithScale(nn.Module):
    """Adds ``factor`` times a parameter to a network's outputs; without a factor it is unused."""

    def __init__(self, network: nn.Module, factor: float | None) -> None:
        super().__init__()
        self.network = network
        self.factor = factor
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        return logits if self.factor is None else logits + self.factor * self.scale


def test_players_own_every_trained_parameter_once(case) -> None:
    variant = case.build()
    assert "g" in variant.players
    assert all(name == player.name for name, player in variant.players.items())
    owned = [id(p) for player in variant.players.values() for p in player.parameters()]
    assert len(owned) == len(set(owned))
    # Frozen parameters, such as a projector's, belong to no player and are built frozen.
    assert set(owned) == {id(p) for p in variant.parameters() if p.requires_grad}
    assert variant.players.keys() == case.build().players.keys()


def test_losses_depend_on_every_parameter_of_the_player(case) -> None:
    variant = case.build_and_update()
    for name in case.turns(variant):
        assert dead_parameters(case, variant, name) == []


def test_losses_have_finite_gradients_to_the_player_alone(case) -> None:
    variant = case.build_and_update()
    for name in case.turns(variant):
        case.loss(variant, name).backward()
        own = {id(p) for p in variant.players[name].parameters()}
        for key, parameter in variant.named_parameters():
            if id(parameter) in own:
                assert parameter.grad.isfinite().all(), key
            else:
                assert parameter.grad is None, f"{name} has a gradient to {key}"


def test_a_wasserstein_critics_output_bias_is_not_dead(wasserstein) -> None:
    variant = wasserstein.build_and_update()
    next(wasserstein.turns(variant))
    wasserstein.loss(variant, "d").backward()
    (bias,) = (p for p in variant.discriminator.parameters() if p.shape == (1,))
    assert bias.grad == 0
    assert dead_parameters(wasserstein, variant, "d") == []


@pytest.mark.parametrize(("factor", "dead"), [(None, True), (0.0, True), (1.0, False)])
def test_a_dead_parameter_of_a_wasserstein_critic_is_found(wasserstein, factor, dead) -> None:
    variant = wasserstein.build()
    variant.discriminator = WithScale(variant.discriminator, factor)
    next(wasserstein.turns(variant))
    assert dead_parameters(wasserstein, variant, "d") == ["discriminator.scale"] * dead


def test_losses_are_named_finite_scalars(case) -> None:
    variant = case.build()
    batch = case.batch()
    for name in case.turns(variant):
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


def test_a_step_changes_the_players_parameters_that_have_a_gradient_and_no_others(case) -> None:
    variant = case.build_and_update()
    for name in case.turns(variant):
        own = {id(p) for p in variant.players[name].parameters()}
        before = {key: p.clone() for key, p in variant.named_parameters()}
        case.update(variant, name)
        for key, parameter in variant.named_parameters():
            has_gradient = id(parameter) in own and bool(parameter.grad.any())
            assert torch.equal(before[key], parameter) is not has_gradient, key
            assert parameter.isfinite().all(), key


def test_losses_draw_from_torchs_global_generator(case) -> None:
    variant = case.build()
    state = copy.deepcopy(variant.state_dict())
    for name in variant.players:
        values = []
        for seed in (1, 1, 2):
            variant.load_state_dict(state)
            torch.manual_seed(seed)
            losses = variant.losses(name, case.batch())  # a hinge may hide some from the total
            values.append([value.item() for value in losses.values()])
        assert values[0] == values[1]
        assert values[0] != values[2]


@pytest.mark.takes("loss")
@pytest.mark.parametrize("loss", get_args(AdversarialName))
def test_any_loss_and_penalty_has_finite_gradients(case, loss) -> None:
    variant = case.build(loss=loss, gp_lambda=10.0, r1_gamma=1.0, clip=0.5)
    for name in case.turns(variant):
        case.loss(variant, name).backward()
        gradients = [p.grad for p in variant.players[name].parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        with torch.no_grad():
            variant.after_step(name)
    assert all(p.abs().max() <= 0.5 for p in variant.players["d"].parameters())
    assert {penalty.name for penalty in variant.penalties("d")} >= {"gp", "r1"}


@pytest.mark.takes("d_lr_ratio")
def test_learning_rates_follow_the_settings(case) -> None:
    variant = case.build(g_lr=1e-3, d_lr_ratio=4.0)
    for name, expected in (("g", 1e-3), ("d", 4e-3)):
        player = variant.players[name]
        groups = player.optimiser(player.parameters()).param_groups
        assert [group["lr"] for group in groups] == [pytest.approx(expected)] * len(groups)


@pytest.mark.takes("beta1")
def test_adams_moments_follow_the_settings(case) -> None:
    variant = case.build(beta1=0, beta2=0.99)
    for player in variant.players.values():
        for group in player.optimiser(player.parameters()).param_groups:
            assert group["betas"] == (0.0, 0.99)
