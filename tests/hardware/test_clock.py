"""Stretches of rounds on a simulated clock."""

from __future__ import annotations

import pytest
import torch

from gansearch.hardware.clock import DISTURBED, Stretch, Timed, stopwatch

CPU = torch.device("cpu")


def test_a_stopwatch_gives_the_time_since_its_start(clock) -> None:
    elapsed = stopwatch(CPU)
    clock.now += 1.5
    assert elapsed() == 1.5
    clock.now += 1
    assert elapsed() == 2.5


def test_a_settled_stretch_excludes_its_first_rounds(clock) -> None:
    stretch = Stretch(CPU, rounds=5, settling=2)
    for index in stretch:
        clock.now += 10 if index < 2 else 1
    whole, settled = stretch.whole(images=8), stretch.settled(images=8)
    assert (whole.seconds, whole.rounds, whole.images) == (23, 5, 40)
    assert (settled.seconds, settled.rounds, settled.images) == (3, 3, 24)
    assert settled.rate == pytest.approx(3 / 0.024)


def test_lazy_penalties_are_timed_apart_from_rounds(clock) -> None:
    stretch = Stretch(CPU, rounds=4, settling=1)
    for index in stretch:
        clock.now += 1
        if index % 2 == 0:
            with stretch.lazy_penalty("d/r1", 2):
                clock.now += 3
    whole, settled = stretch.whole(images=1), stretch.settled(images=1)
    assert (whole.seconds, whole.lazy, whole.plain_round) == (10, 6, 1)
    assert (settled.seconds, settled.lazy, settled.plain_round) == (6, 3, 1)
    assert [(each.name, each.every, each.seconds) for each in settled.lazies] == [("d/r1", 2, 3)]


def test_totals_add_up_and_are_disturbed_by_outside_load() -> None:
    total = Timed(seconds=1.0, rounds=1, images=2, lost=DISTURBED)
    assert not total.is_disturbed
    total.add(Timed(seconds=1.0, rounds=3, images=4, lazy=0.5, lost=1.1 * DISTURBED))
    assert (total.seconds, total.rounds, total.images, total.lazy) == (2, 4, 6, 0.5)
    assert total.is_disturbed


@pytest.mark.gpu
def test_on_a_gpu_a_stopwatch_waits_for_the_work() -> None:
    elapsed = stopwatch(torch.device("cuda"))
    torch.cuda._sleep(10**9)  # cycles; the host does not wait
    assert elapsed() > 0.1
