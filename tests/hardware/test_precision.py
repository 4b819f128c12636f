"""TF32 on a GPU."""

from __future__ import annotations

import pytest
import torch

from gansearch.hardware.precision import tf32


def flags() -> list[bool]:
    return [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32]


@pytest.mark.parametrize("allowed", [True, False])
def test_both_operations_are_set_within_and_restored_after_an_error(allowed: bool) -> None:
    def fail() -> None:
        with tf32(allowed=allowed):
            assert flags() == [allowed, allowed]
            raise ArithmeticError

    before = flags()
    with pytest.raises(ArithmeticError):
        fail()
    assert flags() == before


@pytest.mark.gpu
def test_tf32_rounds_factors_to_10_bits() -> None:
    x = torch.full((16, 16), 1 + 2**-12, device="cuda")
    eye = torch.eye(16, device="cuda")
    for allowed, expected in ((False, x), (True, torch.ones_like(x))):
        with tf32(allowed=allowed):
            assert torch.equal(x @ eye, expected)
