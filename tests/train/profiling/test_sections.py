from __future__ import annotations

import torch

from gansearch.train.compute import Compute
from gansearch.train.profiling.sections import AVERAGE, REST, marked_rounds
from gansearch.train.rounds import Rounds

CPU = torch.device("cpu")


def test_sections_are_marked_in_the_order_of_a_round(configure, build, images) -> None:
    variant = build(configure(d_steps=2, r1_gamma=1.0, r1_interval=2)).variant
    marked: list[str] = []
    rounds = marked_rounds(variant, Compute(configure().compute, CPU), marked.append)
    batch = images.train.batch(torch.arange(4))
    for _ in rounds.run(variant.phases(), lambda: batch):
        pass
    step = ["{} forward", "{} backward", "{} optimiser", REST]
    d, g = ([section.format(name) for section in step] for name in "dg")
    assert marked == [*d, "d r1, one step in 2", REST, *d, *g, AVERAGE, REST]


def test_the_gradient_of_a_penalty_of_every_step_is_part_of_the_backward_section(
    configure, build, images
) -> None:
    variant = build(configure(r1_gamma=1.0, r1_interval=1)).variant
    marked: list[str] = []
    rounds = marked_rounds(variant, Compute(configure().compute, CPU), marked.append)
    batch = images.train.batch(torch.arange(4))
    next(rounds.run([("d", 1)], lambda: batch))
    assert marked == ["d forward", "d backward", "d r1", "d backward", "d optimiser", REST]


def test_marked_rounds_train_the_same_weights(configure, build, images) -> None:
    config = configure(r1_gamma=1.0)
    batch = images.train.batch(torch.arange(16))
    states = []
    for are_marked in (False, True):
        variant, compute = build(config).variant, Compute(config.compute, CPU)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            rounds = (
                marked_rounds(variant, compute, lambda _: None)
                if are_marked
                else Rounds(variant, compute)
            )
            for _ in range(3):
                for _ in rounds.run([("d", 1), ("g", 1)], lambda: batch):
                    pass
        states.append(variant.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))
