"""Image sets: values, splits, fingerprints, resizing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gansearch.data.images import fingerprint, from_arrays, permutation, resize, split
from gansearch.errors import DataError


def some(count: int = 20, *, seed: int = 0, white: int = 255) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, white + 1, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("white", [128, 255])
def test_black_is_minus_one_and_white_is_one(white: int) -> None:
    pixels = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    pixels[1] = white
    batch = from_arrays(pixels, None, resolution=8, white=white).batch(torch.tensor([0, 1]))
    assert batch.images.dtype == torch.float32
    assert batch.images[0].eq(-1).all()
    assert batch.images[1].eq(1).all()
    assert batch.labels is None


def test_a_batch_holds_the_images_and_labels_that_were_asked_for() -> None:
    pixels, labels = some(), torch.arange(20) % 3
    images = from_arrays(pixels, labels, resolution=8, classes=3)
    indices = torch.tensor([7, 0, 7])
    batch = images.batch(indices)
    expected = pixels[indices].double() / 127.5 - 1
    assert torch.allclose(batch.images.double(), expected, atol=1e-6)
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0, 1]
    assert batch.labels.dtype == torch.int64


def test_batches_do_not_share_memory_with_the_set() -> None:
    images = from_arrays(some(), None, resolution=8)
    before = images.batch(torch.tensor([3])).images.clone()
    images.batch(torch.tensor([3])).images.zero_()
    assert torch.equal(images.batch(torch.tensor([3])).images, before)


@given(count=st.integers(2, 60), holdout=st.floats(0.01, 0.5))
def test_a_split_parts_the_rows(count: int, holdout: float) -> None:
    images = split(from_arrays(some(count), None, resolution=8), holdout)
    assert images.heldout is not None
    train, heldout = images.train.rows.tolist(), images.heldout.rows.tolist()
    assert sorted(train + heldout) == list(range(count))
    assert len(heldout) == max(1, round(holdout * count))
    assert images.train.fingerprint != images.heldout.fingerprint


def test_a_split_is_the_same_every_time_and_not_the_first_rows() -> None:
    first, second = (split(from_arrays(some(100), None, resolution=8), 0.3) for _ in range(2))
    assert first.heldout is not None
    assert second.heldout is not None
    assert torch.equal(first.heldout.rows, second.heldout.rows)
    assert first.heldout.rows.tolist() != list(range(30))
    assert 35 < first.heldout.rows.float().mean() < 65  # from all over the set


def test_no_holdout_keeps_everything() -> None:
    images = split(from_arrays(some(5), None, resolution=8), 0.0)
    assert images.heldout is None
    assert len(images.train) == 5


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(DataError, match=r"holdout of 0\.5 of 1 images leaves none"):
        split(from_arrays(some(1), None, resolution=8), 0.5)


def test_a_fingerprint_follows_content_order_labels_and_what_was_done() -> None:
    pixels, labels = some(), torch.arange(20) % 2
    changed = pixels.clone()
    changed[11, 0, 3, 3] ^= 1
    sets = [
        from_arrays(pixels, labels, resolution=8, classes=2),
        from_arrays(changed, labels, resolution=8, classes=2),
        from_arrays(pixels.flip(0), labels, resolution=8, classes=2),
        from_arrays(pixels, 1 - labels, resolution=8, classes=2),
        from_arrays(pixels, None, resolution=8),
        from_arrays(pixels, labels, resolution=16, classes=2),
    ]
    prints = [images.fingerprint for images in sets]
    prints += [split(sets[0], holdout).train.fingerprint for holdout in (0.0, 0.1, 0.2)]
    assert len(set(prints)) == len(prints)
    again = from_arrays(pixels.clone(), labels.clone(), resolution=8, classes=2)
    assert again.fingerprint == prints[0]


def test_where_parts_of_a_fingerprint_end_counts() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("a") == fingerprint(b"a")


@given(count=st.integers(0, 200), entropy=st.lists(st.integers(0, 2**63), min_size=1, max_size=3))
def test_a_permutation_permutes(count: int, entropy: list[int]) -> None:
    order = permutation(count, *entropy)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(order, permutation(count, *entropy))


def test_the_stream_of_permutations_does_not_change_between_versions() -> None:
    assert permutation(10, 7, 3).tolist() == [2, 4, 7, 3, 5, 1, 8, 9, 0, 6]


def test_every_place_of_a_permutation_is_as_likely() -> None:
    orders = torch.stack([permutation(5, seed) for seed in range(5000)])
    counts = torch.stack([torch.bincount(column, minlength=5) for column in orders.T])
    # 1,000 expected in each cell, standard deviation 28: five of them
    assert (counts - 1000).abs().max() < 5 * 28.3


@pytest.mark.parametrize(("size", "resolution"), [(28, 32), (32, 8), (8, 32)])
def test_a_resized_array_agrees_with_pillow(size: int, resolution: int) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (size, size), dtype=np.uint8)
    ours = resize(torch.from_numpy(pixels)[None, None], resolution)[0, 0]
    # In float mode: in bytes Pillow rounds and clips between its two passes.
    image = Image.fromarray(pixels.astype(np.float32))
    theirs = np.asarray(image.resize((resolution, resolution), Image.Resampling.BICUBIC))
    assert np.abs(ours.numpy() - theirs.clip(0, 255)).max() < 0.51


def test_resizing_stays_within_black_and_white() -> None:
    pixels = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    pixels[..., ::2] = 128  # a bicubic filter overshoots at edges
    resized = resize(pixels, 32, white=128)
    assert resized.max() == 128
    assert resized.min() == 0


def test_a_moved_set_holds_its_own_rows_alone() -> None:
    part = split(from_arrays(some(10), torch.arange(10), resolution=8, classes=10), 0.5).train
    moved = dataclasses.replace(part).to(torch.device("meta"))
    assert moved.pixels.shape == (5, 1, 8, 8)
    assert moved.pixels.device.type == "meta"
    assert part.to(torch.device("cpu")) is part
