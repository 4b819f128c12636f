"""The endless stream: epochs are permutations, resuming is exact, both ways of reading agree."""

from __future__ import annotations

import gc
import time
import weakref
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansearch.data import images as images_module
from gansearch.data.images import ImageSet, from_arrays, split
from gansearch.data.stream import BatchStream

CPU = torch.device("cpu")


def numbered(count: int) -> ImageSet:
    """Images whose label is their index."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return from_arrays(pixels, torch.arange(count), resolution=8, classes=count)


def labels(stream: BatchStream, batches: int) -> list[int]:
    """The labels of the next ``batches`` batches, one after the other."""
    found: list[int] = []
    for _ in range(batches):
        batch = stream.next()
        assert batch.labels is not None
        found += batch.labels.tolist()
    return found


@pytest.fixture(params=["resident", "read_ahead"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "read_ahead":
        monkeypatch.setattr(images_module, "RESIDENT_BYTES", 0)
    return str(request.param)


@given(
    count=st.integers(1, 30),
    batch_size=st.integers(1, 70),
    seed=st.integers(0, 2**32),
    epochs=st.integers(1, 4),
)
def test_every_epoch_shows_every_image_once(
    count: int, batch_size: int, seed: int, epochs: int
) -> None:
    stream = BatchStream(numbered(count), batch_size, seed, CPU)
    shown = labels(stream, -(-epochs * count // batch_size))
    for epoch in range(epochs):
        assert sorted(shown[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(batch_size=st.integers(1, 40), position=st.integers(0, 200))
def test_resuming_at_any_position_is_exact(batch_size: int, position: int) -> None:
    images = numbered(23)
    whole = BatchStream(images, batch_size, 5, CPU)
    labels(whole, position)
    resumed = BatchStream(images, batch_size, 5, CPU)
    resumed.position = position
    for _ in range(3):
        one, other = whole.next(), resumed.next()
        assert torch.equal(one.images, other.images)
    assert whole.position == resumed.position == position + 3


@pytest.mark.usefixtures("reading")
def test_setting_the_position_back_repeats() -> None:
    stream = BatchStream(numbered(23), 4, 0, CPU)
    first = labels(stream, 10)
    stream.position = 3
    assert labels(stream, 7) == first[12:]
    stream.position = 0
    assert labels(stream, 10) == first


def test_both_ways_of_reading_give_the_same_batches() -> None:
    images = split(numbered(40), 0.25).train
    resident = BatchStream(images, 7, 1, CPU, "resident")
    ahead = BatchStream(images, 7, 1, CPU, "streamed")
    for _ in range(30):
        one, other = resident.next(), ahead.next()
        assert torch.equal(one.images, other.images)
        assert one.labels is not None
        assert other.labels is not None
        assert torch.equal(one.labels, other.labels)


@pytest.mark.usefixtures("reading")
def test_images_belong_to_their_labels() -> None:
    images = numbered(12)
    stream = BatchStream(images, 5, 0, CPU)
    for _ in range(6):
        batch = stream.next()
        assert batch.labels is not None
        assert torch.equal(batch.images, images.batch(batch.labels).images)


def test_a_stream_shows_its_own_part_alone() -> None:
    parts = split(numbered(40), 0.5)
    shown = Counter(labels(BatchStream(parts.train, 5, 0, CPU), 12))
    assert set(shown) == set(parts.train.rows.tolist())
    assert set(shown.values()) == {3}


def test_seeds_and_epochs_differ() -> None:
    orders = {
        (seed, epoch): tuple(shown[epoch * 30 : (epoch + 1) * 30])
        for seed in range(3)
        for shown in [labels(BatchStream(numbered(30), 30, seed, CPU), 3)]
        for epoch in range(3)
    }
    assert len(set(orders.values())) == 9


def test_images_without_labels_have_none() -> None:
    images = from_arrays(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), None, resolution=8)
    assert BatchStream(images, 2, 0, CPU).next().labels is None


@pytest.mark.usefixtures("reading")
def test_an_abandoned_stream_lets_its_images_go() -> None:
    images = numbered(10)
    held = weakref.ref(images.pixels)
    stream = BatchStream(images, 4, 0, CPU)
    labels(stream, 2)
    gc.disable()  # a GPU's memory must not wait for the collector
    try:
        del images, stream
        for _ in range(200):
            if held() is None:
                break
            time.sleep(0.01)  # batches that are being read hold them
        gone = held() is None
    finally:
        gc.enable()
    assert gone


@pytest.mark.gpu
@pytest.mark.usefixtures("reading")
def test_a_gpu_gets_the_same_batches_without_waiting_for_it() -> None:
    images = numbered(40)
    here = BatchStream(images, 7, 1, CPU)
    there = BatchStream(images, 7, 1, torch.device("cuda"))
    there.next()
    there.position = 0
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = [there.next() for _ in range(20)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for batch in batches:
        assert torch.equal(batch.images.cpu(), here.next().images)
