"""Variants whose generated images take the labels of the batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gansearch.data.batch import ImageSpec
from gansearch.errors import DataError
from gansearch.variants.catalog import CATALOG
from gansearch.variants.labelled import LabelledVariant, classes_of, labels_of
from tests.variants.conditional.small import CLASSES, batch_of, build

LABELLED = [name for name, entry in CATALOG.items() if issubclass(entry.load(), LabelledVariant)]


@pytest.mark.parametrize("name", LABELLED)
def test_generated_images_depend_on_the_label(name) -> None:
    variant = build(name).eval()
    batch = batch_of()
    z = variant.latents(1, torch.device("cpu")).expand(len(batch), -1)
    with torch.no_grad():
        images = variant.generate(z, batch)
    torch.testing.assert_close(images[0], images[CLASSES])
    assert not torch.allclose(images[0], images[1])


@pytest.mark.parametrize("name", LABELLED)
def test_images_and_batches_without_labels_are_refused(name) -> None:
    entry = CATALOG[name]
    with pytest.raises(DataError, match="needs labelled images"):
        entry.load()(entry.small_settings(), ImageSpec(1, 8))
    with pytest.raises(DataError, match="the batch has none"):
        build(name).losses("g", replace(batch_of(), labels=None))


def test_labels_are_encoded_one_hot() -> None:
    variant = build(LABELLED[0])
    batch = batch_of()
    one_hot = F.one_hot(batch.labels, CLASSES).float()
    assert torch.equal(variant.one_hot(batch), one_hot)


def test_the_number_of_classes_is_that_of_the_images() -> None:
    assert classes_of(ImageSpec(1, 8, 7)) == 7
    assert torch.equal(labels_of(batch_of()), torch.arange(6) % CLASSES)
