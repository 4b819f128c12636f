from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansearch.data.conditions import covering_conditions
from gansearch.data.images import ImageSet, from_arrays


def labelled(sizes: list[int]) -> ImageSet:
    """Images in the order of their classes, as a folder's are."""
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    pixels = torch.zeros(len(labels), 1, 8, 8, dtype=torch.uint8)
    return from_arrays(pixels, labels, resolution=8, classes=len(sizes))


def classes(images: ImageSet, count: int) -> list[int]:
    labels = images.batch(covering_conditions(images, count)).labels
    assert labels is not None
    return labels.tolist()


def test_a_grid_of_a_folder_shows_its_classes() -> None:
    """120 images of one class come before 60 of the other: the first 64 are of one alone."""
    assert classes(labelled([120, 60]), 64) == [0, 1] * 32


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any), st.integers(1, 40))
def test_classes_take_turns(sizes: list[int], count: int) -> None:
    images = labelled(sizes)
    shown = classes(images, count)
    present = [label for label, size in enumerate(sizes) if size]
    counts = [shown.count(label) for label in present]
    assert sum(counts) == count
    assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_a_class_shows_all_its_images_before_one_again(sizes: list[int]) -> None:
    images = labelled(sizes)
    rows = covering_conditions(images, len(sizes) * min(sizes)).tolist()
    assert len(set(rows)) == len(rows)


def test_of_many_classes_those_at_equal_distances_are_shown() -> None:
    assert classes(labelled([3] * 100), 4) == [0, 25, 50, 75]


@pytest.mark.parametrize("count", [1, 7, 30])
def test_without_labels_it_is_the_images_order(count: int) -> None:
    images = from_arrays(torch.zeros(12, 1, 8, 8, dtype=torch.uint8), None, resolution=8)
    assert covering_conditions(images, count).tolist() == [i % 12 for i in range(count)]


def test_a_subset_is_covered_by_its_own_images() -> None:
    images = labelled([4, 4, 4]).subset(torch.tensor([0, 5, 6, 7]))
    assert sorted(set(covering_conditions(images, 20).tolist())) == [0, 1, 2, 3]
    assert classes(images, 4) == [0, 1, 0, 1]
