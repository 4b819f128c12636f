"""Rounds: the players' steps, their batches and the progress."""

from __future__ import annotations

import pytest
import torch

from gansearch.config import ComputeConfig
from gansearch.data import BatchStream
from gansearch.train import trainer as trainer_module
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.variant.state_dict().items()}


class SpyStream(BatchStream):
    """Keeps what it handed out."""

    def __init__(self, *args):
        super().__init__(*args)
        self.batches = []

    def next(self):
        self.batches.append(super().next())
        return self.batches[-1]


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (3, 1), (2, 2), (5, 1)])
def test_every_step_gets_a_fresh_batch(monkeypatch, configure, build, images, d_steps, g_steps):
    monkeypatch.setattr(trainer_module, "BatchStream", SpyStream)
    trainer = build(configure(d_steps=d_steps, g_steps=g_steps))
    trainer.advance(16 * d_steps / 1000)  # one round
    batches = trainer._stream.batches
    assert len(batches) == d_steps + g_steps
    assert len({batch.images.numpy().tobytes() for batch in batches}) == len(batches)
    assert [step[0] for step in trainer.variant.required] == ["d"] * d_steps + ["g"] * g_steps


def test_only_the_updated_player_requires_gradients(configure, build):
    trainer = build(configure(d_steps=2))
    trainer.advance(0.1)
    assert set(trainer.variant.required) == {("d", True, False), ("g", False, True)}


@pytest.mark.parametrize("idle", ["d", "g"])
def test_a_players_step_does_not_change_the_other_player(monkeypatch, configure, build, idle):
    trainer = build(configure())
    busy = "g" if idle == "d" else "d"
    monkeypatch.setattr(trainer.variant, "phases", lambda: ((busy, 1),))
    trainer._rounds.counted = busy
    before = weights(trainer)
    trainer.advance(0.05)
    changed = {key[0] for key, value in weights(trainer).items() if not value.equal(before[key])}
    parameters = [p for p in trainer._rounds.updaters[idle].parameters if p.grad is not None]
    assert busy in changed
    assert not parameters
    # The generator's running statistics follow what it computes for the discriminator.
    assert not any(
        key.startswith(idle) and "running" not in key and "num_batches" not in key
        for key, value in weights(trainer).items()
        if not value.equal(before[key])
    )


def test_a_players_schedule_gets_the_progress(configure, build):
    trainer = build(configure(d_steps=2))
    trainer.advance(0.096)
    assert trainer.variant.kimgs == [0, 0.016, 0.032, 0.048, 0.064, 0.08]


def test_a_variant_without_a_discriminator_counts_its_own_images(
    monkeypatch, tiny, configure, build
):
    players = tiny.players.func
    monkeypatch.setattr(tiny, "players", property(lambda self: {"g": players(self)["g"]}))
    monkeypatch.setattr(tiny, "phases", lambda _: (("g", 1),))
    trainer = build(configure())
    trainer.advance(0.16)
    assert trainer.kimg == 0.16
    assert len(trainer.variant.required) == 10


def test_a_dry_run_changes_no_parameter(configure, build, images):
    variant = build(configure(r1_gamma=1.0)).variant
    rounds = Rounds(variant, Compute(ComputeConfig(), torch.device("cpu")))
    before = {name: p.clone() for name, p in variant.named_parameters()}
    rounds.dry_run(lambda: images.train.batch(torch.arange(16)))
    assert all(torch.equal(before[name], p) for name, p in variant.named_parameters())
    assert rounds.images == 0
    assert all(updater.steps == 0 for updater in rounds.updaters.values())


def test_a_round_advances_a_step_at_each_value(configure, build, images):
    rounds = Rounds(build(configure()).variant, Compute(ComputeConfig(), torch.device("cpu")))
    play = rounds.run([("d", 2), ("g", 1)], lambda: images.train.batch(torch.arange(16)))
    progress = [(player, rounds.images, rounds.kimg) for player, _ in play]
    assert progress == [("d", 16, 0.016), ("d", 32, 0.032), ("g", 32, 0.032)]
