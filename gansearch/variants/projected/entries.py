"""Catalog entries of Projected GANs."""

from __future__ import annotations

from gansearch.settings import Params
from gansearch.variants.entry import DataKind, VariantEntry

SMALL: Params = {
    "batch_size": 8,
    "z_dim": 8,
    "g_channels": 4,
    "d_channels": 8,
    "scales": 2,
    "projector_resolution": 32,
    "projector_weights": "random",
}

ENTRIES = (
    VariantEntry(
        name="projected_gan",
        summary="FastGAN generator against light heads on a frozen projector's features",
        source="Sauer et al. 2021, Projected GANs Converge Faster",
        family="projected",
        data=DataKind.NOISE,
        settings_home="projected.settings:ProjectedGanSettings",
        home="projected.projected_gan:ProjectedGan",
        small=SMALL,
    ),
    VariantEntry(
        name="faster_projected_gan",
        summary="Projected GAN with depthwise-separable convolutions in the generator",
        source="Wang et al. 2024, Faster Projected GAN",
        family="projected",
        data=DataKind.NOISE,
        settings_home="projected.settings:FasterProjectedGanSettings",
        home="projected.projected_gan:ProjectedGan",
        small=SMALL,
    ),
)
