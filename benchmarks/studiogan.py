"""PyTorch-StudioGAN's projection GAN at 32 pixels, from a checkout, for a benchmark.

The networks are its own, as its configuration CIFAR10/SNGAN.yaml has them: residual, a conditional
batch norm in G, spectral norms and a projection in D, the hinge loss. Its worker needs a data set,
several processes' set-up and libraries for logging, so its step is told again here: the same
networks frozen, the same passes, losses and optimisers, without its options that are off.

Its code is no part of gansearch: https://github.com/POSTECH-CVLab/PyTorch-StudioGAN.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec

Z_DIM, CHANNELS = 128, 64


def networks(checkout: Path, spec: ImageSpec) -> tuple[nn.Module, nn.Module]:
    """Its generator and its discriminator."""
    sys.path.insert(0, str(checkout / "src"))
    miscellany = ModuleType("utils.misc")  # its own imports what draws and logs
    miscellany.dummy_context_mgr = nullcontext  # type: ignore[attr-defined]
    sys.modules["utils.misc"] = miscellany
    ops, resnet = import_module("utils.ops"), import_module("models.resnet")
    common = {
        "img_size": spec.resolution,
        "num_classes": spec.classes,
        "apply_attn": False,
        "mixed_precision": False,
        "MODEL": SimpleNamespace(info_type="N/A", g_info_injection="N/A"),
        "MODULES": SimpleNamespace(
            g_conv2d=ops.conv2d,
            g_linear=ops.linear,
            g_bn=ops.ConditionalBatchNorm2d,
            g_act_fn=nn.ReLU(inplace=True),
            d_conv2d=ops.snconv2d,
            d_linear=ops.snlinear,
            d_embedding=ops.sn_embedding,
            d_act_fn=nn.ReLU(inplace=True),
        ),
    }
    generator = resnet.Generator(
        z_dim=Z_DIM,
        g_shared_dim="N/A",
        g_conv_dim=CHANNELS,
        attn_g_loc=[],
        g_cond_mtd="cBN",
        g_init="ortho",
        g_depth="N/A",
        **common,
    )
    discriminator = resnet.Discriminator(
        d_conv_dim=CHANNELS,
        apply_d_sn=True,
        attn_d_loc=[],
        d_cond_mtd="PD",
        aux_cls_type="W/O",
        d_embed_dim="N/A",
        normalize_d_embed=False,
        d_init="ortho",
        d_depth="N/A",
        **common,
    )
    return generator, discriminator


def round_of(
    generator: nn.Module, discriminator: nn.Module, classes: int
) -> Callable[[list[Batch]], None]:
    """A round: an update of D on every batch but the last, then one of G."""
    players = {"g": generator, "d": discriminator}
    optimisers = {
        name: torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999), eps=1e-6)
        for name, network in players.items()
    }

    def fakes(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(classes, (count,))
        return generator(torch.randn(count, Z_DIM), labels), labels

    def judge(images: Tensor, labels: Tensor | None) -> Tensor:
        said: dict[str, Any] = discriminator(images, labels)
        logits: Tensor = said["adv_output"]
        return logits

    def update(name: str, batch: Batch) -> None:
        for other, network in players.items():
            network.requires_grad_(other == name)
        optimisers[name].zero_grad()
        fake = judge(*fakes(len(batch)))
        loss = -fake.mean()
        if name == "d":
            real = judge(batch.images, batch.labels)
            loss = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimisers[name].step()

    def play(batches: list[Batch]) -> None:
        for batch in batches[:-1]:
            update("d", batch)
        update("g", batches[-1])

    return play
