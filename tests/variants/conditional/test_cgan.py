"""cGAN: the label enters both networks."""

from __future__ import annotations

import torch

from gansearch.variants.conditional.cgan import Cgan
from tests.variants.conditional.small import CLASSES, batch_of, build


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
