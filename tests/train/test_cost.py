from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.settings import Settings
from gansearch.train.cost import gmacs, parameters
from gansearch.variants.base import Losses, Player, Variant

Input = Callable[[Batch, torch.Generator], Tensor]


class Toy(Variant[Settings]):
    """A generator that is one module, and a discriminator beside a frozen network."""

    def __init__(self, g: nn.Module, make_input: Input) -> None:
        super().__init__(Settings(), ImageSpec(channels=1, resolution=8))
        self.g = g
        self.d = nn.Linear(10, 5)
        self.frozen = nn.Linear(100, 100)
        self._input = make_input

    @property
    def players(self) -> dict[str, Player]:
        sgd = torch.optim.SGD
        return {
            "g": Player("g", (self.g, self.g), sgd),  # listed twice, counted once
            "d": Player("d", (self.d,), sgd),
        }

    def phases(self) -> Sequence[tuple[str, int]]:
        return (("d", 1), ("g", 1))

    def losses(self, player: str, batch: Batch) -> Losses:
        raise NotImplementedError

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        out: Tensor = self.g(self._input(batch, generator))
        return out


def noise(*shape: int) -> Input:
    return lambda batch, generator: torch.randn(len(batch), *shape, generator=generator)


def test_parameters_by_player() -> None:
    counts = parameters(Toy(nn.Linear(30, 20), noise(30)))
    assert counts == pytest.approx(
        {"g_params_m": 620e-6, "d_params_m": 55e-6, "params_m": 675e-6}, rel=1e-12
    )


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.Linear(30, 20), (30,), 30 * 20),
        (nn.Conv2d(3, 16, 5, padding=2), (3, 8, 8), 8 * 8 * 16 * 3 * 25),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1), (4, 8, 8), 4 * 4 * 8 * 4 * 9),
        (nn.Conv2d(6, 12, 3, padding=1, groups=6), (6, 8, 8), 8 * 8 * 12 * 9),
        (nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1), (8, 4, 4), 4 * 4 * 8 * 4 * 16),
        (nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1, groups=8), (8, 4, 4), 4 * 4 * 8 * 16),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()), (4,), 16),
    ],
)
def test_gmacs_closed_forms(module: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert gmacs(Toy(module, noise(*shape))) == pytest.approx(macs / 1e9, rel=1e-12)


def test_gmacs_leaves_the_variant_and_the_global_random_state_as_they_were() -> None:
    toy = Toy(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), noise(4)).train()
    before = {name: tensor.clone() for name, tensor in toy.state_dict().items()}
    state = torch.get_rng_state()
    gmacs(toy)
    assert toy.training
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in toy.state_dict().items():
        assert torch.equal(tensor, before[name]), name
