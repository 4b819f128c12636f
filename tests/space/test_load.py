"""Loading a space: every section, defaults, YAML 1.2, and errors in its structure."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gansearch
from gansearch.errors import SpaceError
from gansearch.space import (
    Choice,
    Constant,
    FloatRange,
    IntRange,
    Space,
    load_space,
    parse_space,
)
from tests.space.cases import Case, added, case, expect, invalid, own

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


def test_a_space_with_every_section() -> None:
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


def test_a_space_with_the_required_sections_alone() -> None:
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


def test_data_other_than_digits_is_evaluated_by_fid() -> None:
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


# fmt: off
INVALID = [
    case("no variant", "parameters: {g_lr: 1e-4}\n", None, "variant", "is required"),
    case("no parameters", "variant: gan\n", None, "parameters", "is required"),
    added("unknown section", "budjet: {trials: 3}\n", 4, "budjet", "did you mean 'budget'"),
    added("internal field", "text: hello\n", 4, "text", "is not a key"),
    added("unknown key", "budget:\n  trails: 3\n", 5, "budget.trails", "did you mean 'trials'"),
    added("inner name", "budget: {wall_clock_s: 9}\n", 4, "budget.wall_clock_s", "did you mean 'wall_clock'"),
    added("misspelt alias", "budget: {wall_clok: 2h}\n", 4, "budget.wall_clok", "wall_clock"),
    added("section of wrong type", "budget: 12\n", 4, "budget", "should be a mapping", "12"),
    added("empty section", "budget:\n", 4, "budget", "should be a mapping", "null"),
    added(
        "unknown sampler",
        "search:\n  sampler: tpee\n",
        5,
        "search.sampler",
        "'nsga2'",
        "did you mean 'tpe'",
        "'tpee'",
    ),
    added("unknown data", "data: {name: digit}\n", 4, "data.name", "did you mean 'digits'", "'digit'"),
    added("unknown key within two sections", "evaluation: {finalists: {seed: 3}}\n", 4, "evaluation.finalists.seed", "did you mean 'seeds'"),
    added("unknown type", "  beta1: {type: flaot, low: 0}\n", 4, "parameters.beta1", "did you mean 'float'"),
    added("no high", "  beta1: {type: float, low: 0}\n", 4, "parameters.beta1.high", "is required"),
    added("unknown key of a range", "  beta1: {type: float, low: 0, high: 0.5, lgo: true}\n", 4, "parameters.beta1.lgo", "'lgo' is not a key"),
    added("condition of wrong type", "  beta1: {type: choice, values: [0, 0.5], when: g_lr}\n", 4, "parameters.beta1.when", "mapping", "'g_lr'"),
    added("unknown direction", "objectives: {fd_digits: minimise}\n", 4, "objectives.fd_digits", "did you mean 'minimize'"),
    added("unknown key of an objective", "objectives: {fd_digits: {maximum: 3}}\n", 4, "objectives.fd_digits.maximum", "'max'"),
    added("a sampler in capitals", "search: {sampler: TPE}\n", 4, "search.sampler", "did you mean 'tpe'"),
    added("the beginning of a word", "objectives: {fd_digits: min}\n", 4, "objectives.fd_digits", "did you mean 'minimize'"),
    added("decimal comma in braces", "  beta1: {type: float, low: 0,1, high: 0.5}\n", 4, "parameters.beta1.1", "numbers have a point"),
    added("parameter among the sections", "beta1: 0.5\n", 4, "beta1", "indent it under parameters"),
    added("a section's key among the sections", "trials: 5\n", 4, "trials", "belongs in budget"),
    own("unknown key of an own range", "  gan:\n    g_lr: {type: float, low: 0.1, high: 0.3, lgo: true}\n", 5, "parameters.gan.g_lr.lgo", "'lgo' is not a key"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)


def test_everything_wrong_is_reported_together_in_the_order_of_the_lines() -> None:
    text = """\
variant: [dcgan, dcgam]
name: !env NAME
data: {name: photos, resolution: 12}
parameters:
  g_lr: {type: float, low: 1, high: 0.1}
  beta1: [0, 2]
  beta1: 0.5
  dsc:
    where: [none, both]
    kernel_sise: 3
objectives:
  fidd: minimize
  seconds_per_kimg: maximize
budget: {trials: 0}
search: {sampler: grid, sed: 3}
trackin: {}
"""
    assert invalid(text) == [
        (1, "variant.1"),
        (2, "name"),
        (3, "data.resolution"),
        (5, "parameters.g_lr"),
        (6, "parameters.beta1.1"),
        (7, "parameters.beta1"),
        (10, "parameters.dsc.kernel_sise"),
        (12, "objectives.fidd"),
        (13, "objectives.seconds_per_kimg"),
        (14, "budget.trials"),
        (15, "search.sed"),
        (16, "trackin"),
    ]


def test_a_file_without_end_is_read_no_further_than_it_takes() -> None:
    with pytest.raises(SpaceError, match="is larger than the 64 KiB"):
        load_space("/dev/zero")


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "cannot be read: No such file"),
        (b"variant: gan\nname: \xff\n", "2: is not UTF-8 text: byte 0xff"),
    ],
    ids=["missing", "latin-1"],
)
def test_unreadable_files(tmp_path: Path, content: bytes | None, fragment: str) -> None:
    path = tmp_path / "space.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpaceError, match=fragment) as caught:
        load_space(path)
    assert str(caught.value).startswith(str(path))


def test_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot be read: Is a directory"):
        load_space(tmp_path)
