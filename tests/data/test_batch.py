"""Batches of images with labels."""

from __future__ import annotations

import torch

from gansearch.data.batch import Batch


def test_a_batch_moves_as_a_whole() -> None:
    batch = Batch(torch.zeros(5, 1, 8, 8), torch.arange(5))
    moved = batch.to(torch.device("meta"))
    assert moved.labels is not None
    assert {moved.images.device.type, moved.labels.device.type} == {"meta"}
    assert len(moved) == len(batch) == 5
    assert batch.images.device.type == "cpu"


def test_a_batch_without_labels_moves_without_them() -> None:
    batch = Batch(torch.zeros(2, 3, 8, 8))
    assert batch.labels is None
    assert batch.to(torch.device("meta")).labels is None
