"""The well-formed part of a space: what is malformed gives no further errors."""

from __future__ import annotations

from tests.space.cases import invalid


def test_invalid_parts_cause_no_further_errors() -> None:
    # The condition's parameter and the quality are there, though neither is well formed.
    text = """\
variant: dcgan
parameters:
  dsc.where: []
  dsc.kernel_size: {type: choice, values: [3, 5], when: {dsc.where: both}}
objectives: {fd_digits: {max: low}}
"""
    assert invalid(text) == [(3, "parameters.dsc.where"), (5, "objectives.fd_digits.max")]


def test_a_broken_own_entry_still_goes_before_the_shared_one() -> None:
    # gan has a z_dim of its own, though not a well formed one: its condition is not on the shared.
    text = """\
variant: [dcgan, gan]
parameters:
  z_dim: [16, 32]
  d_steps: {type: choice, values: [1], when: {z_dim: 16}}
  gan:
    z_dim: []
    d_steps: {type: choice, values: [1], when: {z_dim: 64}}
"""
    assert invalid(text) == [(6, "parameters.gan.z_dim")]


def test_groups_of_an_unknown_variant_draw_no_complaints() -> None:
    text = "variant: [dcgan, gam]\nparameters:\n  gan: {momentum: 0.5}\n  dcgan: {beta1: 0.5}\n"
    assert invalid(text) == [(1, "variant.1")]
