"""A tiny variant that trains in milliseconds and has all features that a trainer handles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data import Batch, Images, ImageSpec, load_images
from gansearch.settings import Fixed, Live
from gansearch.train.trainer import Trainer
from gansearch.variants.base import Losses, Penalty, Player, Variant
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind, VariantEntry
from gansearch.variants.settings import Adversarial

COMMON = {"batch_size": 16, "ema_kimg": 0.05}


class TinySettings(Adversarial):
    r1_interval: Fixed[int] = Field(default=4, ge=1)
    r1_gamma: Live[float] = 0.0
    nan_at: Fixed[int] = Field(default=0, ge=0)
    """The step of D at which its loss is not a number; 0 for never."""


class Tiny(Variant[TinySettings]):
    """Linear G with batch normalisation, linear D with dropout, fused Adam."""

    def __init__(self, settings: TinySettings, spec: ImageSpec) -> None:
        super().__init__(settings, spec)
        pixels = spec.channels * spec.resolution**2
        self.g = nn.Sequential(nn.Linear(settings.z_dim, pixels), nn.BatchNorm1d(pixels), nn.Tanh())
        self.d = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(pixels, 1))
        self.d_calls = 0
        self.required: list[tuple[str, bool, bool]] = []
        self.kimgs: list[float] = []

    @cached_property
    def players(self) -> dict[str, Player]:
        adam = partial(torch.optim.Adam, lr=self.settings.g_lr, betas=(0.5, 0.99), fused=True)
        return {
            "d": Player("d", (self.d,), adam, lambda _, kimg: self.kimgs.append(kimg)),
            "g": Player("g", (self.g,), adam),
        }

    def phases(self) -> Sequence[tuple[str, int]]:
        return (("d", self.settings.d_steps), ("g", self.settings.g_steps))

    def losses(self, player: str, batch: Batch) -> Losses:
        self.required.append(
            (player, self.d[2].weight.requires_grad, self.g[0].weight.requires_grad)
        )
        fake = self._generate(torch.randn(len(batch), self.settings.z_dim))
        if player == "g":
            return {"total": F.softplus(-self.d(fake)).mean()}
        self.d_calls += 1
        real_loss = F.softplus(-self.d(batch.images)).mean()
        fake_loss = F.softplus(self.d(fake.detach())).mean()
        if self.d_calls == self.settings.nan_at:
            real_loss = real_loss * float("nan")
        return {"total": real_loss + fake_loss, "real": real_loss, "fake": fake_loss}

    def penalties(self, player: str) -> Sequence[Penalty]:
        if player == "g" or not self.settings.r1_gamma:
            return ()
        return (Penalty("r1", self.settings.r1_interval, self._r1),)

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        return self._generate(torch.randn(len(batch), self.settings.z_dim, generator=generator))

    def _generate(self, z: Tensor) -> Tensor:
        return self.g(z).unflatten(1, (self.spec.channels, *[self.spec.resolution] * 2))

    def _r1(self, batch: Batch) -> Tensor:
        images = batch.images.requires_grad_()
        (gradient,) = torch.autograd.grad(self.d(images).sum(), images, create_graph=True)
        return self.settings.r1_gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> type[Tiny]:
    """The tiny variant, in the catalog for the length of a test."""
    home = ModuleType("gansearch.variants.tiny")
    home.Tiny, home.TinySettings = Tiny, TinySettings
    monkeypatch.setitem(sys.modules, home.__name__, home)
    words = ("tiny", "a summary", "a source", "classic")
    entry = VariantEntry(*words, DataKind.NOISE, "tiny:TinySettings", "tiny:Tiny", {"z_dim": 8})
    monkeypatch.setitem(CATALOG, "tiny", entry)
    return Tiny


@lru_cache
def digits(resolution: int) -> Images:
    return load_images(data(resolution))


def data(resolution: int) -> DataConfig:
    return DataConfig(name="digits", resolution=resolution, holdout=0.5)


@pytest.fixture
def images() -> Images:
    return digits(8)


@pytest.fixture(scope="session")
def configure() -> Callable[..., TrainConfig]:
    def configure(variant: str = "tiny", *, seed: int = 0, **settings: object) -> TrainConfig:
        return TrainConfig(
            variant=variant,
            settings=CATALOG[variant].small_settings(**{**COMMON, **settings}),
            data=data(CATALOG[variant].resolution),
            evaluation=EvaluationConfig(metrics=("fd_digits",), samples=100),
            seed=seed,
            max_kimg=1,
        )

    return configure


@pytest.fixture(scope="session")
def build() -> Callable[[TrainConfig], Trainer]:
    def build(config: TrainConfig) -> Trainer:
        return Trainer(config, digits(config.data.resolution), torch.device("cpu"))

    return build


@pytest.fixture
def cpu() -> torch.device:
    return torch.device("cpu")
