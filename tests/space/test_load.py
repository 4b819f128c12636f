"""What a YAML may say and what comes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import gansearch
from gansearch.space import (
    Choice,
    Constant,
    FloatRange,
    IntRange,
    Space,
    load_space,
    parse_space,
)
from gansearch.space.table import render

FULL = """\
name: full
variant: [dcgan, gan]
data: {name: digits, holdout: 0.5}
evaluation: {samples: 900, metrics: [fd_random]}
training: {batch_size: 64, dsc: {middle: none}}
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {type: float, low: 2e-5, high: 2E-3, log: true}
  z_dim: {type: int, low: 16, high: 128, step: 16}
  beta1: 0.5
  beta2: {type: constant, value: 0.99, when: {variant: dcgan}}
  dsc.resolutions: [all, 8-16]
  dsc:
    kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
    where: [none, generator, discriminator, both]
objectives:
  seconds_per_kimg: minimize
  fd_digits: {max: 50}
constraints: {params_m: {min: 0.1, max: 5}}
budget: {trials: 16, max_kimg: 30, rungs: [5, 10], wall_clock: 1h30m}
resources: {cpus: 0.5, gpus: 0.25}
compute: {precision: tf32, compile: max-autotune, cuda_graphs: true}
search: {sampler: nsga2, stopping: none, reduction_factor: 4, seed: 7, concurrency: 2, retries: 0,
  replicates: 2, warm_start: [old]}
tracking: {uri: "http://127.0.0.1:5000", experiment: mine}
"""
MINIMAL = "variant: dcgan\nparameters: {g_lr: [1e-4, 2e-4]}\n"


def test_everything_that_can_be_said() -> None:
    space = parse_space(FULL, "spaces/full.yaml")
    assert space.variant == ("dcgan", "gan")
    assert space.parameters == {
        "d_steps": Choice(type="choice", values=(1, 2, 3, 5)),
        "g_lr": FloatRange(type="float", low=2e-5, high=2e-3, log=True),
        "z_dim": IntRange(type="int", low=16, high=128, step=16),
        "beta1": Constant(type="constant", value=0.5),
        "beta2": Constant(type="constant", value=0.99, when={"variant": ("dcgan",)}),
        "dsc.resolutions": Choice(type="choice", values=("all", "8-16")),
        "dsc.kernel_size": Choice(
            type="choice", values=(3, 5), when={"dsc.where": ("generator", "both")}
        ),
        "dsc.where": Choice(type="choice", values=("none", "generator", "discriminator", "both")),
    }
    assert space.training == {"batch_size": 64, "dsc.middle": "none"}
    assert [(o.metric, o.direction, o.max) for o in space.objectives] == [
        ("seconds_per_kimg", "minimize", None),
        ("fd_digits", "minimize", 50),
    ]
    assert space.quality.metric == "fd_digits"
    assert space.constraints[0].model_dump() == {"metric": "params_m", "min": 0.1, "max": 5}
    assert space.budget.model_dump() == {
        "trials": 16,
        "max_kimg": 30,
        "rungs": (5, 10),
        "wall_clock_s": 5400,
    }
    assert (space.resources.cpus, space.resources.gpus) == (0.5, 0.25)
    assert space.compute.model_dump() == {
        "precision": "tf32",
        "memory_format": "channels_last",
        "compile": "max-autotune",
        "cuda_graphs": True,
        "data": "auto",
    }
    params = {"variant": "dcgan", "g_lr": 1e-3}
    assert space.train_config(params, seed=0).compute == space.compute
    assert space.search.model_dump() == {
        "sampler": "nsga2",
        "stopping": "none",
        "reduction_factor": 4,
        "population": None,
        "replicates": 2,
        "warm_start": ("old",),
        "seed": 7,
        "concurrency": 2,
        "retries": 0,
    }
    assert space.tracking.experiment == "mine"
    assert (space.text, space.file) == (FULL, "spaces/full.yaml")


def test_the_least_that_must_be_said() -> None:
    space = parse_space(MINIMAL, "spaces/my space.yaml")
    assert space.name == "my-space"
    assert space.data.name == "digits"
    assert [o.metric for o in space.objectives] == [
        "fd_digits",
        "seconds_per_kimg",
        "peak_memory_mib",
    ]
    assert space.budget.rungs == pytest.approx((30 / 9, 30 / 3), rel=1e-3)
    assert (space.search.sampler, space.search.stopping) == ("ehvi", "ehvi")


def test_other_data_is_judged_by_fid() -> None:
    data = "data: {name: folder, path: ../faces, resolution: 32, unreadable: skip}\n"
    space = parse_space(MINIMAL + data, "x.yaml")
    assert space.data.path == Path("../faces")
    assert space.quality.metric == "fid"


@pytest.mark.parametrize(
    ("budget", "rungs"),
    [
        ("{max_kimg: 80, rungs: 3}", (10, 20, 40)),
        ("{max_kimg: 80, rungs: 0}", ()),
        ("{max_kimg: 80, rungs: []}", ()),
        ("{max_kimg: 80}", (20, 40)),
    ],
)
def test_rungs_by_count_are_geometric(budget: str, rungs: tuple[float, ...]) -> None:
    space = parse_space(f"{MINIMAL}budget: {budget}\nsearch: {{reduction_factor: 2}}\n", "x.yaml")
    assert space.budget.rungs == rungs


@pytest.mark.parametrize(
    ("written", "seconds"), [("2h", 7200), ("90m", 5400), ("30s", 30), ("45", 45), ("1.5", 1.5)]
)
def test_times(written: str, seconds: float) -> None:
    space = parse_space(f"{MINIMAL}budget: {{wall_clock: {written}}}\n", "x.yaml")
    assert space.budget.wall_clock_s == seconds


def test_yaml_is_1_2() -> None:
    # In YAML 1.1 `none` would do, but `no`, `on`, 1e-4 and 010 would be read otherwise.
    text = "variant: dcgan\nname: on\nparameters: {g_lr: [1e-4, 1E-3], d_steps: 010}\n"
    space = parse_space(text, "x.yaml")
    assert space.name == "on"
    assert space.parameters["g_lr"].values == (1e-4, 1e-3)  # type: ignore[union-attr]
    assert space.parameters["d_steps"].values == (10,)  # type: ignore[union-attr]


def test_anchors_and_merge_keys() -> None:
    text = """\
variant: dcgan
parameters:
  g_lr: &range {type: float, low: 1e-4, high: 1e-3, log: true}
  beta1: {<<: *range, low: 0.1, high: 0.9}
  beta2: {<<: [{high: 0.99}, *range], low: 0.9}
"""
    space = parse_space(text, "x.yaml")
    assert space.parameters["beta1"] == FloatRange(type="float", low=0.1, high=0.9, log=True)
    assert space.parameters["beta2"] == FloatRange(type="float", low=0.9, high=0.99, log=True)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_space(path) == parse_space("# the same\n" + MINIMAL, "bom.yaml")


def test_fixed_settings_go_to_the_variants_that_have_them() -> None:
    space = parse_space(FULL, "x.yaml")
    dcgan, gan = (space.train_config(params, seed=3) for params in space.defaults())
    assert dcgan.settings.batch_size == gan.settings.batch_size == 64
    assert dcgan.settings.dsc.middle == "none"  # type: ignore[attr-defined]
    assert (dcgan.seed, dcgan.max_kimg, dcgan.data) == (3, 30, space.data)
    assert dcgan.evaluation.metrics == ("fd_digits", "fd_random")
    assert dcgan.evaluation.samples == 900


def test_first_trials_are_the_papers_moved_into_the_ranges() -> None:
    assert parse_space(FULL, "x.yaml").defaults() == [
        {
            "variant": "dcgan",
            "d_steps": 1,
            "g_lr": 2e-4,
            "z_dim": 96,
            "beta1": 0.5,
            "beta2": 0.99,
            "dsc.resolutions": "all",
            "dsc.where": "none",
        },
        {"variant": "gan", "d_steps": 1, "g_lr": 2e-3, "z_dim": 96},
    ]


def test_the_table_shows_what_is_searched() -> None:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(render(parse_space(FULL, "x.yaml")))
    lines = console.export_text().splitlines()

    def row(start: str) -> str:
        return next(line for line in lines if line.strip().startswith(start))

    assert "2e-05 to 0.002, log" in row("g_lr")
    assert "0.0002 (dcgan), 0.1 (gan)" in row("g_lr")
    assert "16 to 128, step 16" in row("z_dim")
    assert "dsc.where is generator or both" in row("dsc.kernel_size")
    assert "≤ 50" in row("fd_digits")
    assert "16 trials of 30 kimg, at most 90 min" in row("budget")
    assert "precision tf32, memory_format channels_last, compile max-auto" in row("computed")
    assert row("first trials").split()[2].startswith("2")


def test_loading_brings_in_nothing_heavy() -> None:
    code = (
        "import sys, gansearch; gansearch.load_space(sys.argv[1]);"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    path = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"
    command = [sys.executable, "-c", code, str(path)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "ray", "mlflow", "optuna", "pandas", "numpy", "matplotlib", "rich"}
    assert not heavy & set(loaded)


def test_the_package_offers_it() -> None:
    assert gansearch.load_space is load_space
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gansearch.nothing


def test_spaces_are_equal_where_they_mean_the_same() -> None:
    space = parse_space(MINIMAL, "a.yaml")
    assert parse_space(f"# a comment\n{MINIMAL}name: a\n", "b.yaml") == space
    assert parse_space(f"{MINIMAL}search: {{seed: 1}}\n", "a.yaml") != space
    assert Space.model_validate(space.model_dump()) == space
