"""Configurations as genes and as points."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gansearch.search.bayesian.encoding import ABSENT, Encoder
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
objectives: {fid_digits: minimize, seconds_per_kimg: minimize}
"""
SPACE = parse_space(MIXED, "mixed.yaml")


@given(seed=st.integers(0, 10_000))
def test_genes_and_configurations_stand_for_each_other(seed: int) -> None:
    encoder = Encoder(SPACE)
    genes = encoder.snapped(np.random.default_rng(seed).random((8, encoder.count)))
    configurations = [encoder.params(row) for row in genes]
    np.testing.assert_allclose(encoder.genes(configurations), genes, atol=1e-9)
    again = encoder.snapped(genes)
    np.testing.assert_array_equal(again, genes)


def test_what_a_condition_leaves_out_is_absent() -> None:
    encoder = Encoder(SPACE)
    genes = encoder.snapped(np.random.default_rng(0).random((200, encoder.count)))
    names = ["variant", *SPACE.parameters]
    kernel = genes[:, names.index("dcgan.dsc.kernel_size")]
    where = [encoder.params(row).get("dcgan.dsc.where", "none") for row in genes]
    assert {w for w, gene in zip(where, kernel, strict=True) if gene != ABSENT} == {
        "generator",
        "both",
    }


def test_distances_are_those_of_values() -> None:
    encoder = Encoder(SPACE)
    usual = {
        "variant": "gan",
        "batch_size": 16,
        "d_lr_ratio": 1.0,
        "z_dim": 16,
        "loss": "hinge",
    }

    def distance(**changed: object) -> float:
        both = [usual, {**usual, **changed}]
        one, other = encoder.points(encoder.genes(both))  # type: ignore[arg-type]
        return float(np.linalg.norm(one - other))

    assert np.isclose(distance(d_lr_ratio=10.0), 0.5)  # a decade of two
    assert np.isclose(distance(d_lr_ratio=0.1), 0.5)
    assert np.isclose(distance(loss="wasserstein"), distance(loss="non_saturating"))
    assert np.isclose(distance(loss="wasserstein"), 1.0)
    # A choice among numbers is by their order, not by where the list has them.
    assert distance(batch_size=32) < distance(batch_size=64)


def test_children_are_like_their_parents_and_not_the_same() -> None:
    encoder = Encoder(SPACE)
    random = np.random.default_rng(0)
    parents = encoder.snapped(random.random((2, encoder.count)))
    children = encoder.bred(parents, 400, random)
    assert ((children >= 0) & (children <= 1)).all()
    kept = (children[:, None] == parents[None]).any(axis=1)
    assert 0.5 < kept.mean() < 0.8  # three of ten change
    assert not kept.all(axis=1).any()  # and one in any case
