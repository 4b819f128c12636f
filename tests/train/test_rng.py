"""A run's own stream of random numbers."""

from __future__ import annotations

import pytest
import torch

from gansearch.train.rng import RandomStream

CPU = torch.device("cpu")


def draw(stream: RandomStream, count: int) -> list[float]:
    with stream.active():
        return torch.rand(count).tolist()


def test_draws_outside_do_not_advance_the_stream() -> None:
    first, second = RandomStream(3, CPU), RandomStream(3, CPU)
    expected = draw(first, 4)
    torch.manual_seed(9)
    found = draw(second, 2)
    torch.rand(5)
    assert found + draw(second, 2) == expected


def test_draws_inside_are_not_visible_outside() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    draw(RandomStream(0, CPU), 7)
    assert torch.equal(torch.rand(2), expected)


def test_streams_with_different_seeds_differ() -> None:
    assert draw(RandomStream(0, CPU), 4) != draw(RandomStream(1, CPU), 4)


def test_the_state_continues_the_stream_elsewhere() -> None:
    stream, other = RandomStream(0, CPU), RandomStream(1, CPU)
    draw(stream, 3)
    other.state = stream.state
    assert draw(other, 3) == draw(stream, 3)


def test_an_error_inside_keeps_the_draws_that_were_made() -> None:
    stream, other = RandomStream(0, CPU), RandomStream(0, CPU)
    expected = draw(other, 4)

    def fail() -> None:
        with stream.active():
            torch.rand(2)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert draw(stream, 2) == expected[2:]
