"""Properties of the data sets that are known without their images."""

from __future__ import annotations

from torchvision.datasets import CIFAR10, MNIST

from gansearch.data.catalog import DATA_SETS


def test_names_are_keys_and_sides_are_powers_of_two() -> None:
    for name, data in DATA_SETS.items():
        assert data.name == name
        assert data.side == 0 or (data.side >= 8 and data.side & (data.side - 1) == 0)
        assert data.may_have_labels or not data.classes


def test_files_are_those_that_torchvision_asks_for() -> None:
    base = CIFAR10.base_folder
    names = [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
    expected = {f"{base}/{name}" for name in (*names, CIFAR10.meta["filename"])}
    assert set(DATA_SETS["cifar10"].files) == expected
    archives = [name for name, _ in MNIST.resources]
    assert set(DATA_SETS["mnist"].files) == {
        f"MNIST/raw/{name.removesuffix('.gz')}" for name in archives
    }
