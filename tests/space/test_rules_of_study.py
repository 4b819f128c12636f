"""Rules for variants, data, metrics, budget and sampler."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from dataclasses import replace

import pytest

from gansearch.space import parse_space
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind
from tests.space.cases import Case, added, case, expect, invalid

# fmt: off
INVALID = [
    case("unknown variant", "variant: dcgam\nparameters: {g_lr: 1e-4}\n", 1, "variant", "did you mean 'dcgan'", "'dcgam'"),
    case("unknown variant in a list", "variant:\n  - gan\n  - wgan2\nparameters: {g_lr: 1e-4}\n", 3, "variant.1", "'wgan2'"),
    case("variant twice", "variant: [gan, gan]\nparameters: {g_lr: 1e-4}\n", 1, "variant.1", "listed twice"),
    added("unknown metric", "objectives:\n  fidd: minimize\n", 5, "objectives.fidd", "did you mean 'fid'"),
    added("unknown metric in a constraint", "constraints: {param_m: {max: 5}}\n", 4, "constraints.param_m", "'params_m'"),
    added("metric of other data", "data: {name: photos}\nobjectives: {fd_digits: minimize}\n", 5, "objectives.fd_digits", "for data digits, not photos", "fid"),
    added("metric by class", "objectives: {class_accuracy_digits: maximize}\n", 4, "objectives.class_accuracy_digits", "dcgan does not generate by class", "cgan, acgan"),
    added("metric without held-out images", "data: {name: digits}\nobjectives: {parzen: maximize}\n", 5, "objectives.parzen", "data.holdout above 0"),
    added("metric that the variant does not compute", "data: {name: digits, holdout: 0.5}\nobjectives: {accuracy: maximize}\n", 5, "objectives.accuracy", "dcgan does not compute it", "sgan"),
    case("metric by class of what has none", "variant: sgan\nparameters: {d_steps: [1, 2]}\nobjectives: {class_accuracy_digits: maximize}\n", 3, "objectives.class_accuracy_digits", "sgan does not generate by class", "cgan"),
    added("likelihood the wrong way", "data: {name: digits, holdout: 0.5}\nobjectives: {parzen: minimize}\n", 5, "objectives.parzen", "maximize", "got minimize"),
    added("no quality", "objectives: {seconds_per_kimg: minimize}\n", 4, "objectives", "at least one quality metric", "fd_digits"),
    added("no objectives", "objectives: {}\n", 4, "objectives", "at least one quality metric"),
    added("wrong way", "objectives: {fd_digits: maximize}\n", 4, "objectives.fd_digits", "minimize", "got maximize"),
    added("bounds crossed", "objectives: {fd_digits: {min: 9, max: 3}}\n", 4, "objectives.fd_digits", "min 9 is above max 3"),
    added("bound without bounds", "constraints: {params_m: {}}\n", 4, "constraints.params_m", "needs a min or a max"),
    added("objective and constraint", "constraints: {fd_digits: {max: 5}}\n", 4, "constraints.fd_digits", "objectives.fd_digits"),
    added("tf32 on a CPU", "compute: {precision: tf32}\n", 4, "compute.precision", "'tf32' needs a GPU", "resources.gpus above 0"),
    added("graphs on a CPU", "compute:\n  compile: default\n  cuda_graphs: true\n", 6, "compute.cuda_graphs", "true needs a GPU"),
    added("unknown quality", "evaluation: {metrics: [fid_digit]}\n", 4, "evaluation.metrics.0", "did you mean 'fd_digits'"),
    added("a cost as a quality", "evaluation: {metrics: [gmacs]}\n", 4, "evaluation.metrics.0", "is a cost"),
    added("rungs descend", "budget: {rungs: [10, 5], max_kimg: 30}\n", 4, "budget.rungs", "ascend", "[5, 10]", "[10, 5]"),
    added("rung repeated", "budget: {rungs: [5, 5], max_kimg: 30}\n", 4, "budget.rungs", "without repeats"),
    added("rung at the end", "budget:\n  rungs:\n    - 5\n    - 30\n  max_kimg: 30\n", 7, "budget.rungs.1", "less than max_kimg 30"),
    case("search for a lucky seed", "variant: gan\nparameters:\n  seed: [0, 1]\n", 3, "parameters.seed", "search.sampler: grid", "got ehvi"),
    case("seeds of a variant without a grid", "variant: [gan, dcgan]\nparameters:\n  gan.seed: [0, 1]\nsearch: {sampler: nsga2}\n", 3, "parameters.gan.seed", "got nsga2"),
    added("replicates of one seed", "training: {seed: 3}\nsearch: {replicates: 3}\n", 5, "search.replicates", "seed of its own", "leave seed out"),
    added("replicates of a population", "budget: {rungs: [5]}\nsearch: {sampler: pbt, population: 8, replicates: 3}\n", 5, "search.replicates", "search.sampler: pbt"),
    added("warm start twice from one", "search: {warm_start: [a, a]}\n", 4, "search.warm_start.1", "'a' is listed twice"),
    case("warm start of a grid", "variant: gan\nparameters: {d_steps: [1, 2]}\nsearch: {sampler: grid, warm_start: [a]}\n", 3, "search.warm_start", "nothing to add"),
    added("grid of a range", "search: {sampler: grid}\n", 3, "parameters.g_lr", "needs a step"),
    case("a variant in capitals", "variant: DCGAN\nparameters: {g_lr: 1e-4}\n", 1, "variant", "did you mean 'dcgan'"),
    added("a metric in capitals", "objectives: {FID_digits: minimize}\n", 4, "objectives.FID_digits", "did you mean 'fd_digits'"),
    case("grid of an own range", "variant: [dcgan, gan]\nparameters:\n  gan.g_lr: {type: float, low: 0.1, high: 0.3}\nsearch: {sampler: grid}\n", 3, "parameters.gan.g_lr", "needs a step"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)


def test_a_variant_that_needs_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = replace(CATALOG["dcgan"], name="labelled", data=DataKind.LABEL)
    monkeypatch.setitem(CATALOG, "labelled", labelled)
    text = "variant: [dcgan, labelled]\nparameters: {g_lr: 1e-4}\ndata: {name: %s}\n"
    assert invalid(text % "photos") == [(1, "variant.1")]
    assert parse_space(text % "digits", "right.yaml").variant == ("dcgan", "labelled")


def test_a_variant_that_is_built_for_more_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG, "large", replace(CATALOG["dcgan"], name="large", resolution=32))
    text = "variant: large\nparameters: {g_lr: 1e-4}\ndata:\n  name: photos\n  resolution: %d\n"
    assert invalid(text % 16) == [(5, "data.resolution")]
    assert parse_space(text % 32, "right.yaml").data.resolution == 32
