"""Size of a variant: parameters and multiply-accumulates."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from gansearch.data.batch import Batch
from gansearch.variants.base import Variant


def parameters(variant: Variant[Any]) -> dict[str, float]:
    """Trained parameters in millions: ``params_m`` in total and ``g_params_m``, ... by player.

    Parameters outside all players, such as a frozen projector's, are not counted.
    """
    counts = {
        f"{name}_params_m": sum(p.numel() for p in set(player.parameters())) / 1e6
        for name, player in variant.players.items()
    }
    return {"params_m": sum(counts.values()), **counts}


def gmacs(variant: Variant[Any]) -> float:
    """Multiply-accumulates to generate one image, in units of 10⁹.

    The count covers convolutions, transposed convolutions and matrix products. Padding counts as
    data. Biases, norms and activations are not counted.

    Args:
        variant: a variant on any device and in any mode; its mode is restored.
    """
    spec, device = variant.spec, next(variant.parameters()).device
    images = torch.zeros(1, spec.channels, spec.resolution, spec.resolution, device=device)
    labels = torch.zeros(1, dtype=torch.int64, device=device) if spec.classes else None
    was_training = variant.training
    variant.eval()
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            variant.sample(Batch(images, labels), torch.Generator().manual_seed(0))
    finally:
        variant.train(was_training)
    operations: int = counter.get_total_flops()  # two per multiply-accumulate
    return operations / 2e9
