"""Catalog entries of class-conditional GANs."""

from __future__ import annotations

from gansearch.settings import Params
from gansearch.variants.entry import DataKind, VariantEntry

_SMALL: Params = {"batch_size": 8, "z_dim": 12, "g_channels": 4, "d_channels": 4}

ENTRIES = (
    VariantEntry(
        name="cgan",
        summary="DCGAN with the label joined to the latent vector and to the images",
        source="Mirza & Osindero 2014, Conditional Generative Adversarial Nets",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings_home="conditional.settings:CganSettings",
        home="conditional.cgan:Cgan",
        small={**_SMALL, "g_channels": 8, "d_channels": 8},
    ),
    VariantEntry(
        name="acgan",
        summary="a discriminator that also names the class",
        source="Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings_home="conditional.settings:AcganSettings",
        home="conditional.acgan:Acgan",
        small={**_SMALL, "g_channels": 8},
    ),
    VariantEntry(
        name="projgan",
        summary="ResNets with conditional batch norm and a label projected on D's features",
        source="Miyato & Koyama 2018, cGANs with Projection Discriminator",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings_home="conditional.settings:ProjganSettings",
        home="conditional.projgan:Projgan",
        small=_SMALL,
    ),
    VariantEntry(
        name="contragan",
        summary="BigGAN's networks, D's embeddings contrasted within and between classes",
        source="Kang & Park 2020, ContraGAN: Contrastive Learning for Conditional Image Generation",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings_home="conditional.settings:ContraganSettings",
        home="conditional.contragan:Contragan",
        small={**_SMALL, "label_dim": 8, "embedding_dim": 16},
    ),
)
