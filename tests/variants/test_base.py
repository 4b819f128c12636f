"""Defaults of the contract between a variant and the trainer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.optim import sgd
from gansearch.variants.base import Losses, Player, Variant
from gansearch.variants.style.settings import Stylegan3Settings


class Minimal(Variant[Stylegan3Settings]):
    """A variant with the abstract methods alone."""

    def __init__(self, settings: Stylegan3Settings, spec: ImageSpec) -> None:
        super().__init__(settings, spec)
        self.first, self.second = nn.Linear(2, 3), nn.Linear(3, 1, bias=False)

    @property
    def players(self) -> dict[str, Player]:
        return {"g": Player("g", (self.first, self.second), sgd(0.1, 0.0))}

    def phases(self) -> Sequence[tuple[str, int]]:
        return (("g", 1),)

    def losses(self, player: str, batch: Batch) -> Losses:
        return {"total": self.second(self.first(torch.ones(1, 2))).sum()}

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        return torch.zeros_like(batch.images)


def build(**settings: object) -> Minimal:
    return Minimal(Stylegan3Settings(**settings), ImageSpec(1, 32))


def test_auto_settings_are_resolved_for_the_images() -> None:
    variant = build(batch_size=16, blur_sigma=2.0)
    assert variant.settings == Stylegan3Settings(batch_size=16, blur_sigma=2.0).resolved(32)
    assert variant.settings.ema_kimg == 5


def test_a_variant_has_no_penalties_tags_or_metrics_by_default() -> None:
    variant = build()
    assert variant.penalties("g") == ()
    assert variant.tags == {}
    assert variant.evaluate(None) == {}


def test_a_player_has_the_parameters_of_all_its_modules() -> None:
    variant = build()
    player = variant.players["g"]
    assert [p.shape for p in player.parameters()] == [(3, 2), (3,), (1, 3)]
    assert player.schedule is None


@pytest.mark.parametrize("missing", ["players", "phases", "losses", "sample"])
def test_a_variant_without_one_of_the_abstract_methods_cannot_be_built(missing: str) -> None:
    methods = {n: v for n, v in vars(Minimal).items() if n not in ("__init__", missing)}
    incomplete = type("Incomplete", (Variant,), methods)
    with pytest.raises(TypeError, match=f"abstract method '?{missing}"):
        incomplete(Stylegan3Settings(), ImageSpec(1, 32))
