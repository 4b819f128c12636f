"""cGAN: the label enters both networks."""

from __future__ import annotations

import torch

from gansearch.data.batch import Batch, ImageSpec
from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.cgan import Cgan

CLASSES = 3


def build(name: str, resolution: int = 8, **params):
    torch.manual_seed(0)
    entry = CATALOG[name]
    return entry.load()(entry.small_settings(**params), ImageSpec(1, resolution, CLASSES))


def batch_of(count: int = 6, resolution: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, resolution, resolution, generator=generator) * 2 - 1
    return Batch(images, torch.arange(count) % CLASSES)


def test_the_label_is_concatenated_to_both_inputs() -> None:
    variant: Cgan = build("cgan").eval()
    batch = batch_of()
    one_hot = torch.eye(CLASSES)[batch.labels]
    z = variant.latents(len(batch), torch.device("cpu"))
    expected = variant.generator(torch.cat([z, one_hot], dim=1))
    torch.testing.assert_close(variant.generate(z, batch), expected)
    maps = torch.zeros(len(batch), CLASSES, 8, 8)
    for image, label in enumerate(batch.labels):
        maps[image, label] = 1
    expected = variant.discriminator(torch.cat([batch.images, maps], dim=1))
    torch.testing.assert_close(variant.discriminate(batch.images, batch), expected)
