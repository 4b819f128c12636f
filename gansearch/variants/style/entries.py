"""Catalog entries of style-based generators."""

from __future__ import annotations

from gansearch.variants.entry import DataKind, VariantEntry

ENTRIES = (
    VariantEntry(
        name="stylegan3",
        summary="alias-free style-based generator, configs T and R, against StyleGAN2's residual D",
        source="Karras et al. 2021, Alias-Free Generative Adversarial Networks",
        family="style",
        data=DataKind.NOISE,
        settings_home="style.settings:Stylegan3Settings",
        home="style.stylegan3:Stylegan3",
        small={
            "batch_size": 8,
            "z_dim": 8,
            "w_dim": 8,
            "g_layers": 4,
            "margin": 2,
            "g_channels": 8,
            "d_channels": 8,
        },
    ),
)
