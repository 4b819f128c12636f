"""Live settings are read at each step: a variant that keeps one from its construction fails."""

from __future__ import annotations

from typing import Any

import torch

from gansearch.settings import Settings


class Recorder:
    """Settings that record which of them are read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.settings, name)


def test_live_settings_are_read_after_construction(case) -> None:
    live, fields = case.entry.settings.live(), case.entry.settings.model_fields
    switched_off = {name for name in live - case.entry.small.keys() if fields[name].default == 0}
    variant = case.build(**dict.fromkeys(switched_off, 0.5))
    variant.settings = recorder = Recorder(variant.settings)
    batch = case.batch(variant.spec)
    for player in variant.players.values():
        player.optimiser(player.parameters())
    for name, _ in variant.phases():
        variant.losses(name, batch)
        for penalty in variant.penalties(name):
            penalty.compute(batch)
        with torch.no_grad():
            variant.after_step(name)
    assert live <= recorder.read
