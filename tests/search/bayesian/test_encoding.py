"""Configurations as encoded vectors and as kernel inputs."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gansearch.search.bayesian.encoding import INACTIVE, Encoder
from gansearch.space import Space, parse_space

MakeSpace = Callable[..., Space]

MIXED = """
variant: [dcgan, gan]
data: {name: digits}
parameters:
  batch_size: [16, 64, 32]
  d_lr_ratio: {type: float, low: 0.1, high: 10, log: true}
  z_dim: {type: int, low: 16, high: 64, step: 16}
  loss: [hinge, non_saturating, wasserstein]
  dcgan:
    g_lr: {type: float, low: 1.0e-4, high: 1.0e-2, log: true}
    dsc:
      where: [none, generator, both]
      kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
"""
SPACE = parse_space(MIXED, "mixed.yaml")


@given(seed=st.integers(0, 10_000))
def test_decoding_inverts_encoding_and_snapping_is_idempotent(seed: int) -> None:
    encoder = Encoder(SPACE)
    vectors = encoder.snap(np.random.default_rng(seed).random((8, encoder.dimension)))
    configurations = [encoder.decode(vector) for vector in vectors]
    np.testing.assert_allclose(encoder.encode(configurations), vectors, atol=1e-9)
    np.testing.assert_array_equal(encoder.snap(vectors), vectors)


def test_a_parameter_whose_condition_does_not_hold_is_inactive() -> None:
    encoder = Encoder(SPACE)
    vectors = encoder.snap(np.random.default_rng(0).random((200, encoder.dimension)))
    names = ["variant", *SPACE.parameters]
    kernel_size = vectors[:, names.index("dcgan.dsc.kernel_size")]
    where = [encoder.decode(vector).get("dcgan.dsc.where", "none") for vector in vectors]
    active = {w for w, coordinate in zip(where, kernel_size, strict=True) if coordinate != INACTIVE}
    assert active == {"generator", "both"}


def test_distances_of_kernel_inputs_are_those_of_values() -> None:
    encoder = Encoder(SPACE)
    base = {
        "variant": "gan",
        "batch_size": 16,
        "d_lr_ratio": 1.0,
        "z_dim": 16,
        "loss": "hinge",
    }

    def distance(**changed: object) -> float:
        both = [base, {**base, **changed}]
        one, other = encoder.kernel_inputs(encoder.encode(both))  # type: ignore[arg-type]
        return float(np.linalg.norm(one - other))

    assert np.isclose(distance(d_lr_ratio=10.0), 0.5)  # one of the range's two decades
    assert np.isclose(distance(d_lr_ratio=0.1), 0.5)
    assert np.isclose(distance(loss="wasserstein"), distance(loss="non_saturating"))
    assert np.isclose(distance(loss="wasserstein"), 1.0)
    # Numbers of a choice are ordered by size, not as they are listed.
    assert distance(batch_size=32) < distance(batch_size=64)


def test_a_child_keeps_most_coordinates_of_its_parents_and_changes_at_least_one() -> None:
    encoder = Encoder(SPACE)
    random = np.random.default_rng(0)
    parents = encoder.snap(random.random((2, encoder.dimension)))
    children = encoder.offspring(parents, 400, random)
    assert ((children >= 0) & (children <= 1)).all()
    is_kept = (children[:, None] == parents[None]).any(axis=1)
    assert 0.5 < is_kept.mean() < 0.8  # the mutation probability is 0.3
    assert not is_kept.all(axis=1).any()
