"""Cases of the contract: every entry of the catalog, and a small critic with a Wasserstein loss.

A test with the argument ``case`` runs for each of them. With ``@pytest.mark.takes(parameter)`` it
runs for the catalog's entries that have the parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet, from_arrays
from gansearch.settings import Scalar
from gansearch.space.specs import takes
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind

CLASSES = 3
WASSERSTEIN = replace(
    CATALOG["gan"],
    name="wasserstein_critic",
    small={**CATALOG["gan"].small, "loss": "wasserstein", "clip": 0.1},
)
"""A variant whose loss does not depend on the critic's output bias, as a user may add one."""


@dataclass(frozen=True)
class Case:
    """A variant's entry, with its small form and random data for it."""

    entry: Any

    def spec(self, channels: int = 1, scale: int = 1) -> ImageSpec:
        classes = CLASSES if self.entry.data is DataKind.LABEL else 0
        return ImageSpec(channels, self.entry.resolution * scale, classes)

    def build(self, spec: ImageSpec | None = None, **params: Scalar) -> Variant[Any]:
        torch.manual_seed(0)
        spec = spec or self.spec()
        variant = self.entry.load()(self.entry.small_settings(**params), spec)
        variant.prepare(self.images(spec))
        return variant

    def build_and_update(self) -> Variant[Any]:
        """Update each player once, since no gradient passes a gate that is still at zero."""
        variant = self.build()
        for name in self.turns(variant):
            self.update(variant, name)
        return variant

    def images(self, spec: ImageSpec | None = None, seed: int = 0) -> ImageSet:
        """Random images, the same number of each class."""
        spec = spec or self.spec()
        generator = torch.Generator().manual_seed(seed)
        shape = (60, spec.channels, spec.resolution, spec.resolution)
        pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        labels = torch.arange(60) % spec.classes if spec.classes else None
        return from_arrays(pixels, labels, resolution=spec.resolution, classes=spec.classes)

    def batch(self, spec: ImageSpec | None = None, size: int = 6) -> Batch:
        spec = spec or self.spec()
        generator = torch.Generator().manual_seed(0)
        shape = (size, spec.channels, spec.resolution, spec.resolution)
        images = torch.rand(shape, generator=generator) * 2 - 1
        labels = torch.arange(size) % spec.classes if spec.classes else None
        return Batch(images, labels)

    def sample(self, variant: Variant[Any], seed: int = 0, size: int = 6) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return variant.sample(self.batch(variant.spec, size), generator)

    def loss(self, variant: Variant[Any], player: str) -> Tensor:
        """The total of a player's losses and penalties."""
        batch = self.batch(variant.spec)
        total = variant.losses(player, batch)["total"]
        return total + sum(penalty.compute(batch) for penalty in variant.penalties(player))

    def turns(self, variant: Variant[Any]) -> Iterator[str]:
        """Yield each player; gradients are required of its parameters alone, as in training."""
        for name in variant.players:
            variant.zero_grad()
            for other, player in variant.players.items():
                for parameter in player.parameters():
                    parameter.requires_grad_(other == name)
            yield name

    def update(self, variant: Variant[Any], name: str) -> None:
        """Make one step of the player whose turn it is."""
        player = variant.players[name]
        optimiser = player.optimiser(player.parameters())
        if player.schedule is not None:
            player.schedule(optimiser, 0.0)
        self.loss(variant, name).backward()
        optimiser.step()
        with torch.no_grad():
            variant.after_step(name)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "takes(parameter): for variants with this parameter")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("takes")
    entries = [*CATALOG.values(), WASSERSTEIN]
    if marker is not None:
        entries = [e for name, e in CATALOG.items() if takes(name).issuperset(marker.args)]
    cases = [Case(entry) for entry in entries]
    metafunc.parametrize("case", cases, ids=[entry.name for entry in entries])


@pytest.fixture(autouse=True)
def wasserstein(monkeypatch: pytest.MonkeyPatch) -> Case:
    """The critic with a Wasserstein loss, which is in the catalog during a test."""
    monkeypatch.setitem(CATALOG, WASSERSTEIN.name, WASSERSTEIN)
    return Case(WASSERSTEIN)
