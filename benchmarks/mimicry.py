"""torch-mimicry's cGAN-PD at 32 pixels, from a checkout, for a benchmark.

Its code is no part of gansearch: https://github.com/kwotsin/mimicry.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gansearch.data.batch import Batch


class Mimicry(NamedTuple):
    """The modules of torch-mimicry that are used."""

    networks: ModuleType
    blocks: ModuleType
    log: ModuleType

    def upsample(self, *, nearest: bool) -> None:
        """Let its generators upsample by nearest neighbours, or as they come."""

        def doubled(x: Tensor, **_: Any) -> Tensor:
            return F.interpolate(x, scale_factor=2)

        functions = SimpleNamespace(interpolate=doubled, avg_pool2d=F.avg_pool2d)
        self.blocks.F = functions if nearest else F  # type: ignore[attr-defined]


def import_mimicry(checkout: Path) -> Mimicry:
    """From a checkout, without what the package's own imports bring along."""
    for name in ("torch_mimicry", "torch_mimicry.nets", "torch_mimicry.training"):
        package = ModuleType(name)
        package.__path__ = [str(checkout.joinpath(*name.split(".")))]
        sys.modules[name] = package
    names = ("nets.cgan_pd.cgan_pd_32", "modules.resblocks", "training.metric_log")
    return Mimicry(*(import_module(f"torch_mimicry.{name}") for name in names))


def networks(mimicry: Mimicry, classes: int) -> tuple[Any, Any]:
    """Its generator and its discriminator."""
    generator = mimicry.networks.CGANPDGenerator32(num_classes=classes)
    return generator, mimicry.networks.CGANPDDiscriminator32(num_classes=classes)


def round_of(
    mimicry: Mimicry, generator: Any, discriminator: Any, *, nearest: bool
) -> Callable[[list[Batch]], None]:
    """A round by its own steps: of D on every batch but the last, then one of G."""
    optimisers = [  # as in its examples
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9))
        for network in (discriminator, generator)
    ]

    def step(batches: list[Batch]) -> None:
        mimicry.upsample(nearest=nearest)
        record = mimicry.log.MetricLog()
        for index, batch in enumerate(batches):
            real = (batch.images, batch.labels)
            if index < len(batches) - 1:
                discriminator.train_step(
                    real_batch=real, netG=generator, optD=optimisers[0], log_data=record
                )
            else:
                generator.train_step(
                    real_batch=real, netD=discriminator, optG=optimisers[1], log_data=record
                )

    return step
