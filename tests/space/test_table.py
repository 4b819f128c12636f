"""The tables of a space that ``gansearch check`` prints."""

from __future__ import annotations

import io

from rich.console import Console

from gansearch.space import parse_space
from gansearch.space.table import render

TEXT = """\
variant: [dcgan, gan]
training: {batch_size: 64, gan: {z_dim: 32}}
parameters:
  z_dim: {type: int, low: 16, high: 128, step: 16}
  g_lr: {type: float, low: 2e-5, high: 2e-3, log: true}
  gan.d_lr_ratio: {type: float, low: 0.05, high: 0.3, log: true}
  dsc.where: [none, generator, both]
  dsc.kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
objectives: {seconds_per_kimg: minimize, fd_digits: {max: 50}}
budget: {trials: 16, max_kimg: 30, rungs: [5, 10], wall_clock: 1h30m}
resources: {gpus: 0.25}
compute: {precision: tf32}
"""


def rows(text: str) -> dict[str, str]:
    """The printed lines of a space by their first words."""
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(render(parse_space(text, "x.yaml")))
    lines = [line.strip() for line in console.export_text().splitlines()]
    return {line.split("  ")[0]: line for line in lines if line}


def test_a_range_has_its_ends_its_scale_and_its_step() -> None:
    found = rows(TEXT)
    assert "2e-05 to 0.002, log" in found["g_lr"]
    assert "16 to 128, step 16" in found["z_dim"]
    assert "dsc.where is generator or both" in found["dsc.kernel_size"]


def test_a_shared_entry_names_the_papers_value_of_each_variant_that_uses_it() -> None:
    found = rows(TEXT)
    assert found["g_lr"].endswith("0.0002 (dcgan), 0.1 (gan)")
    assert found["z_dim"].endswith("100 (dcgan)")  # gan's is fixed


def test_an_entry_of_one_variant_has_its_papers_value_alone() -> None:
    found = rows(TEXT)
    assert "0.05 to 0.3, log" in found["gan.d_lr_ratio"]
    assert found["gan.d_lr_ratio"].split()[-1] == "0.5"
    assert found["gan.z_dim"].split()[1:] == ["fixed", "32", "100"]


def test_objectives_have_bounds_and_the_study_its_budget() -> None:
    found = rows(TEXT)
    assert "≤ 50" in found["fd_digits"]
    assert "16 trials of 30 kimg, at most 90 min" in found["budget"]
    assert "precision tf32, memory_format channels_last" in found["compute"]
    assert found["first trials"].split()[2].startswith("2")
