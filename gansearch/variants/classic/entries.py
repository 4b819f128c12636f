"""Catalog entries of the first GANs."""

from __future__ import annotations

from gansearch.variants.entry import DataKind, VariantEntry

ENTRIES = (
    VariantEntry(
        name="gan",
        summary="MLP generator against a maxout discriminator with dropout",
        source="Goodfellow et al. 2014, Generative Adversarial Nets",
        family="classic",
        data=DataKind.NOISE,
        settings_home="classic.settings:GanSettings",
        home="classic.gan:Gan",
        small={"batch_size": 8, "z_dim": 8, "g_hidden": 16, "d_hidden": 16},
    ),
    VariantEntry(
        name="dcgan",
        summary="transposed-convolution generator against a strided-convolution discriminator",
        source="Radford et al. 2015, Unsupervised Representation Learning with DCGANs",
        family="classic",
        data=DataKind.NOISE,
        settings_home="classic.settings:DcganSettings",
        home="classic.dcgan:Dcgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8},
    ),
    VariantEntry(
        name="fgan",
        summary="any f-divergence by its variational bound, on the networks of gan or dcgan",
        source="Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers",
        family="classic",
        data=DataKind.NOISE,
        settings_home="classic.settings:FganSettings",
        home="classic.fgan:Fgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8},
    ),
    VariantEntry(
        name="sgan",
        summary="semi-supervised: the discriminator classifies, taught by few labels",
        source="Odena 2016; Salimans et al. 2016, Improved Techniques for Training GANs",
        family="classic",
        data=DataKind.LABEL,
        settings_home="classic.settings:SganSettings",
        home="classic.sgan:Sgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8, "labelled": 30},
        metrics=("accuracy",),
    ),
)
