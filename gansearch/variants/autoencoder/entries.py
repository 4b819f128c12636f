"""Catalog entries of autoencoders."""

from __future__ import annotations

from gansearch.variants.entry import DataKind, VariantEntry

ENTRIES = (
    VariantEntry(
        name="vae",
        summary="variational autoencoder: the baseline without a discriminator",
        source="Kingma & Welling 2014, Auto-Encoding Variational Bayes",
        family="autoencoder",
        data=DataKind.NOISE,
        settings_home="autoencoder.settings:VaeSettings",
        home="autoencoder.vae:Vae",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "e_channels": 8},
    ),
)
