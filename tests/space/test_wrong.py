"""Every kind of wrong YAML is one readable problem with its line, key and value."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.errors import SpaceError
from gansearch.space import load_space, parse_space
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind

HEAD = """\
variant: dcgan
parameters:
  g_lr: {type: float, low: 2e-5, high: 2e-3, log: true}
"""  # three lines: what a case adds starts on line 4


@dataclass(frozen=True)
class Case:
    kind: str
    text: str
    line: int | None
    key: str
    fragments: tuple[str, ...]


def case(kind: str, text: str, line: int | None, key: str, *fragments: str) -> Case:
    return Case(kind, text, line, key, fragments)


def added(kind: str, text: str, line: int, key: str, *fragments: str) -> Case:
    return Case(kind, HEAD + text, line, key, fragments)


# fmt: off
SYNTAX = [
    case("empty file", "", None, "", "is empty"),
    case("comments only", "# nothing\n", None, "", "is empty"),
    case("a list", "- dcgan\n", 1, "", "should be a mapping", "a list"),
    case("a word", "\ndcgan\n", 2, "", "should be a mapping"),
    added("open bracket", "data: {name: digits\n", 5, "", "not valid YAML", "still open"),
    added("open quote", "name: 'x\n", 5, "", "not valid YAML", "still open"),
    added("tab", "data:\n\tname: digits\n", 5, "", "not valid YAML", "spaces, not with tabs"),
    added("two colons", "name: a: b\n", 4, "", "not valid YAML", "quote"),
    added("undefined alias", "data: *other\n", 4, "", "undefined alias", "other"),
    added("second document", "---\nname: b\n", 4, "", "single document"),
    added("control character", "name: a\x07b\n", 4, "", "not allowed"),
    added("unknown tag", "name: !env NAME\n", 4, "name", "tag !env is not known"),
    added("Python tag", "data: !!python/object:os.system {name: digits}\n", 4, "data", "not known here"),
    added("bad number by tag", "resources: {cpus: !!int two}\n", 4, "resources.cpus", "'two'"),
    added("a list for a key", "? [a, b]\n: 1\n", 4, "", "key should be a plain name"),
    added("merging a scalar", "data: {<<: 3, name: digits}\n", 4, "data.<<", "alias of a mapping"),
    added("alias in itself", "data: &a {name: *a}\n", 4, "", "contains itself"),
    added("duplicate section", "variant: gan\n", 4, "variant", "given twice", "line 1"),
    added("duplicate key", "  g_lr: 1e-4\n", 4, "parameters.g_lr", "given twice", "line 3"),
    added(
        "objective listed twice",
        "objectives:\n  fd_digits: minimize\n  fd_digits: minimize\n",
        6,
        "objectives.fd_digits",
        "given twice",
        "line 5",
    ),
    added(
        "dotted and nested",
        "  dsc: {where: [both]}\n  dsc.where: both\n",
        5,
        "parameters.dsc.where",
        "given twice",
        "dotted",
    ),
]

STRUCTURE = [
    case("no variant", "parameters: {g_lr: 1e-4}\n", None, "variant", "is required"),
    case("no parameters", "variant: gan\n", None, "parameters", "is required"),
    added("unknown section", "budjet: {trials: 3}\n", 4, "budjet", "did you mean 'budget'"),
    added("internal field", "text: hello\n", 4, "text", "is not a key"),
    added("unknown key", "budget:\n  trails: 3\n", 5, "budget.trails", "did you mean 'trials'"),
    added("inner name", "budget: {wall_clock_s: 9}\n", 4, "budget.wall_clock_s", "did you mean 'wall_clock'"),
    added("misspelt alias", "budget: {wall_clok: 2h}\n", 4, "budget.wall_clok", "wall_clock"),
    added("section of wrong type", "budget: 12\n", 4, "budget", "should be a mapping", "12"),
    added("empty section", "budget:\n", 4, "budget", "should be a mapping", "null"),
    added("quoted number", "budget: {trials: '3'}\n", 4, "budget.trials", "integer", "'3'"),
    added("true for a number", "budget: {trials: true}\n", 4, "budget.trials", "integer", "true"),
    added("no trials", "budget: {trials: 0}\n", 4, "budget.trials", "greater than or equal to 1", "0"),
    added("infinite budget", "budget: {max_kimg: .inf}\n", 4, "budget.max_kimg", "finite"),
    added("negative budget", "budget: {max_kimg: -3}\n", 4, "budget.max_kimg", "greater than 0", "-3"),
    added("negative time", "budget: {wall_clock: -3}\n", 4, "budget.wall_clock", "greater than 0"),
    added("time in words", "budget: {wall_clock: 2 hours}\n", 4, "budget.wall_clock", "2h", "'2 hours'"),
    added("rung of 0", "budget: {rungs: [0, 5]}\n", 4, "budget.rungs.0", "greater than 0"),
    added("negative rungs", "budget: {rungs: -2}\n", 4, "budget.rungs", "a count from 0", "-2"),
    added("rungs as text", "budget: {rungs: many}\n", 4, "budget.rungs", "a list", "'many'"),
    added(
        "unknown sampler",
        "search:\n  sampler: tpee\n",
        5,
        "search.sampler",
        "'nsga2'",
        "did you mean 'tpe'",
        "'tpee'",
    ),
    added("eta of 1", "search: {reduction_factor: 1}\n", 4, "search.reduction_factor", "2", "1"),
    added("negative seed", "search: {seed: -1}\n", 4, "search.seed", "greater than or equal to 0"),
    added("GPU and a half", "resources: {gpus: 1.5}\n", 4, "resources", "whole number", "1.5"),
    added("bad name", "name: a/b\n", 4, "name", "letters, digits", "'a/b'"),
    added("unknown data", "data: {name: digit}\n", 4, "data.name", "did you mean 'digits'", "'digit'"),
    added("folder without path", "data: {name: folder}\n", 4, "data", "needs a path"),
    added("odd resolution", "data: {name: digits, resolution: 12}\n", 4, "data.resolution", "power of two"),
    added("holdout of all", "data: {name: digits, holdout: 1}\n", 4, "data.holdout", "0.5", "1"),
    added("one sample", "evaluation: {samples: 1}\n", 4, "evaluation.samples", "2", "1"),
    added("no interval", "evaluation: {finalists: {seeds: 1}}\n", 4, "evaluation.finalists.seeds", "2", "1"),
    added("unknown key within two sections", "evaluation: {finalists: {seed: 3}}\n", 4, "evaluation.finalists.seed", "did you mean 'seeds'"),
    added("unknown type", "  beta1: {type: flaot, low: 0}\n", 4, "parameters.beta1", "did you mean 'float'"),
    added("no type", "  beta1: {low: 0, high: 0.5}\n", 4, "parameters.beta1", "needs a type"),
    added("no high", "  beta1: {type: float, low: 0}\n", 4, "parameters.beta1.high", "is required"),
    added("unknown key of a range", "  beta1: {type: float, low: 0, high: 0.5, lgo: true}\n", 4, "parameters.beta1.lgo", "'lgo' is not a key"),
    added("low above high", "  beta1: {type: float, low: 0.5, high: 0.1}\n", 4, "parameters.beta1", "0.5", "0.1", "less than"),
    added("low equals high", "  d_steps: {type: int, low: 2, high: 2}\n", 4, "parameters.d_steps", "a constant"),
    added("log from 0", "  beta1: {type: float, low: 0, high: 0.5, log: true}\n", 4, "parameters.beta1", "log needs a low above 0"),
    added("step with log", "  d_steps: {type: int, low: 1, high: 5, log: true, step: 2}\n", 4, "parameters.d_steps", "step 2 and log"),
    added("negative step", "  beta1: {type: float, low: 0, high: 0.5, step: -1}\n", 4, "parameters.beta1.step", "greater than 0", "-1"),
    added("wide step", "  beta1: {type: float, low: 0, high: 0.5, step: 1}\n", 4, "parameters.beta1", "step 1 is wider"),
    added("word for a number", "  beta1: {type: float, low: zero, high: 0.5}\n", 4, "parameters.beta1.low", "number", "'zero'"),
    added("no choices", "  beta1: []\n", 4, "parameters.beta1", "not be empty"),
    added("same choice twice", "  beta1: [0, 0.5, 0.0]\n", 4, "parameters.beta1", "listed twice"),
    added("a list in a choice", "  beta1:\n    - 0\n    - [0.5]\n", 6, "parameters.beta1.1", "should be a finite number", "[0.5]"),
    added("no value", "  beta1:\n", 4, "parameters.beta1", "null"),
    added("NaN", "  beta1: .nan\n", 4, "parameters.beta1", "finite", "NaN"),
    added("choices in training", "training: {beta1: [0, 0.5]}\n", 4, "training.beta1", "should be a finite number"),
    added("condition of wrong type", "  beta1: {type: choice, values: [0, 0.5], when: g_lr}\n", 4, "parameters.beta1.when", "mapping", "'g_lr'"),
    added("objective of wrong type", "objectives: {fd_digits: 3}\n", 4, "objectives.fd_digits", "mapping", "3"),
    added("objectives as a list", "objectives: [fd_digits]\n", 4, "objectives", "{fid: minimize}", "['fd_digits']"),
    added("unknown direction", "objectives: {fd_digits: minimise}\n", 4, "objectives.fd_digits", "did you mean 'minimize'"),
    added("unknown key of an objective", "objectives: {fd_digits: {maximum: 3}}\n", 4, "objectives.fd_digits.maximum", "'max'"),
    added("bound of wrong type", "constraints: {params_m: 5}\n", 4, "constraints.params_m", "{max: 5}", "5"),
]

MEANING = [
    case("unknown variant", "variant: dcgam\nparameters: {g_lr: 1e-4}\n", 1, "variant", "did you mean 'dcgan'", "'dcgam'"),
    case("unknown variant in a list", "variant:\n  - gan\n  - wgan2\nparameters: {g_lr: 1e-4}\n", 3, "variant.1", "'wgan2'"),
    case("variant twice", "variant: [gan, gan]\nparameters: {g_lr: 1e-4}\n", 1, "variant.1", "listed twice"),
    case("no variants", "variant: []\nparameters: {g_lr: 1e-4}\n", 1, "variant", "not be empty"),
    added("unknown parameter", "  g_lrr: 1e-4\n", 4, "parameters.g_lrr", "did you mean 'g_lr'"),
    added("unknown in a group", "  dsc:\n    kernel_sise: 3\n", 5, "parameters.dsc.kernel_sise", "'dsc.kernel_size'"),
    added("misspelt group", "  dcs:\n    where: both\n", 5, "parameters.dcs.where", "did you mean 'dsc.where'"),
    added("value for a group", "  dsc: both\n", 4, "parameters.dsc", "is a group", "dsc.where"),
    added("another variant's", "  momentum: 0.5\n", 4, "parameters.momentum", "dcgan does not take it", "variants that do: gan"),
    case("DSC of an MLP", "variant: gan\nparameters:\n  dsc: {where: both}\n", 3, "parameters.dsc.where", "no convolutions", "dcgan"),
    case("steps of no discriminator", "variant: vae\nparameters:\n  d_steps: [1, 5]\n", 3, "parameters.d_steps", "vae does not take it: it has no discriminator", "dcgan"),
    case("learning rate of no discriminator", "variant: vae\nparameters:\n  d_lr_ratio: 2\n", 3, "parameters.d_lr_ratio", "no discriminator"),
    case("DSC of no discriminator", "variant: vae\nparameters:\n  dsc: {where: [none, discriminator]}\n", 3, "parameters.dsc.where.1", "'discriminator'", "none", "generator"),
    added("another word for a number of steps", "  d_steps: [1, adaptif]\n", 4, "parameters.d_steps.1", "an integer at least 1 and at most 20 or adaptive", "adaptif"),
    added("unknown fixed setting", "training: {batchsize: 3}\n", 4, "training.batchsize", "did you mean 'batch_size'"),
    added("above the setting's range", "  d_steps: [1, 50]\n", 4, "parameters.d_steps.1", "less than or equal to 20", "50"),
    added("below the setting's range", "  beta1: {type: float, low: -1, high: 0.5}\n", 4, "parameters.beta1.low", "at least 0", "-1"),
    added("unknown choice", "  dsc: {where: [none, generater]}\n", 4, "parameters.dsc.where.1", "'generater'", "did you mean 'generator'"),
    added("text for a number", "  beta1: [0, high]\n", 4, "parameters.beta1.1", "'high'", "a number"),
    added("float for an integer", "  d_steps: 1.5\n", 4, "parameters.d_steps", "integer", "1.5"),
    added("float range of an integer", "  d_steps: {type: float, low: 1, high: 5}\n", 4, "parameters.d_steps.type", "an integer", "not a range of type float"),
    added("range of a choice", "  dsc.kernel_size: {type: int, low: 3, high: 5}\n", 4, "parameters.dsc.kernel_size.type", "one of 3, 5"),
    added("bad resolutions", "  dsc.resolutions: [all, 16-8]\n", 4, "parameters.dsc.resolutions.1", "'16-8'", "such as 8-16"),
    added("fixed out of range", "training:\n  beta1: 2\n", 5, "training.beta1", "less than 1", "2"),
    added("searched and fixed", "training:\n  g_lr: 1e-4\n", 5, "training.g_lr", "is in parameters too"),
    added("condition on nothing", "  beta1: {type: choice, values: [0], when: {dsc.wher: both}}\n  dsc.where: both\n", 4, "parameters.beta1.when.dsc.wher", "did you mean 'dsc.where'"),
    added("condition on what is fixed", "  beta1: {type: choice, values: [0], when: {beta2: 0.9}}\ntraining: {beta2: 0.9}\n", 4, "parameters.beta1.when.beta2", "fixed in training"),
    added("condition on no value", "  d_steps: [1, 2]\n  beta1:\n    type: choice\n    values: [0]\n    when:\n      d_steps: [2, 3]\n", 9, "parameters.beta1.when.d_steps", "can never be 3", "1, 2"),
    added("condition beyond a range", "  beta1: {type: choice, values: [0], when: {g_lr: 1}}\n", 4, "parameters.beta1.when.g_lr", "can never be 1", "2e-05 to 0.002"),
    added("condition on no variant", "  beta1: {type: choice, values: [0], when: {variant: gan}}\n", 4, "parameters.beta1.when.variant", "can never be 'gan'", "dcgan"),
    case("condition across variants", "variant: [gan, dcgan]\nparameters:\n  dsc.where: both\n  momentum: {type: choice, values: [0], when: {dsc.where: both}}\n", 4, "parameters.momentum.when.dsc.where", "can never hold: dsc.where is not searched for gan"),
    added("condition on itself", "  beta1: {type: choice, values: [0], when: {beta1: 0}}\n", 4, "parameters.beta1.when", "circle", "beta1"),
    added("conditions in a circle", "  beta1: {type: choice, values: [0], when: {beta2: 0}}\n  beta2: {type: choice, values: [0], when: {beta1: 0}}\n", 4, "parameters.beta1.when", "circle", "beta1", "beta2"),
    added("unknown metric", "objectives:\n  fidd: minimize\n", 5, "objectives.fidd", "did you mean 'fid'"),
    added("unknown metric in a constraint", "constraints: {param_m: {max: 5}}\n", 4, "constraints.param_m", "'params_m'"),
    added("metric of other data", "data: {name: photos}\nobjectives: {fd_digits: minimize}\n", 5, "objectives.fd_digits", "for data digits, not photos", "fid"),
    added("metric by class", "objectives: {class_accuracy_digits: maximize}\n", 4, "objectives.class_accuracy_digits", "dcgan asks for no class", "cgan, acgan"),
    added("metric without held-out images", "data: {name: digits}\nobjectives: {parzen: maximize}\n", 5, "objectives.parzen", "data.holdout above 0"),
    added("metric that the variant does not measure", "data: {name: digits, holdout: 0.5}\nobjectives: {accuracy: maximize}\n", 5, "objectives.accuracy", "dcgan does not measure it", "sgan"),
    case("metric by class of what has none", "variant: sgan\nparameters: {d_steps: [1, 2]}\nobjectives: {class_accuracy_digits: maximize}\n", 3, "objectives.class_accuracy_digits", "sgan asks for no class", "cgan"),
    added("likelihood the wrong way", "data: {name: digits, holdout: 0.5}\nobjectives: {parzen: minimize}\n", 5, "objectives.parzen", "maximize", "got minimize"),
    added("no quality", "objectives: {seconds_per_kimg: minimize}\n", 4, "objectives", "measures quality", "fd_digits"),
    added("no objectives", "objectives: {}\n", 4, "objectives", "measures quality"),
    added("wrong way", "objectives: {fd_digits: maximize}\n", 4, "objectives.fd_digits", "minimize", "got maximize"),
    added("bounds crossed", "objectives: {fd_digits: {min: 9, max: 3}}\n", 4, "objectives.fd_digits", "min 9 is above max 3"),
    added("bound without bounds", "constraints: {params_m: {}}\n", 4, "constraints.params_m", "needs a min or a max"),
    added("objective and constraint", "constraints: {fd_digits: {max: 5}}\n", 4, "constraints.fd_digits", "objectives.fd_digits"),
    added("tf32 on a CPU", "compute: {precision: tf32}\n", 4, "compute.precision", "'tf32' needs a GPU", "resources.gpus above 0"),
    added("graphs on a CPU", "compute:\n  compile: default\n  cuda_graphs: true\n", 6, "compute.cuda_graphs", "true needs a GPU"),
    added("graphs of what is not compiled", "resources: {gpus: 1}\ncompute: {cuda_graphs: true}\n", 5, "compute", "needs compiled networks"),
    added("unknown precision", "compute: {precision: fp16}\n", 4, "compute.precision", "bfloat16", "fp16"),
    added("unknown quality", "evaluation: {metrics: [fid_digit]}\n", 4, "evaluation.metrics.0", "did you mean 'fd_digits'"),
    added("a cost as a quality", "evaluation: {metrics: [gmacs]}\n", 4, "evaluation.metrics.0", "is a cost"),
    added("rungs descend", "budget: {rungs: [10, 5], max_kimg: 30}\n", 4, "budget.rungs", "ascend", "[5, 10]", "[10, 5]"),
    added("rung repeated", "budget: {rungs: [5, 5], max_kimg: 30}\n", 4, "budget.rungs", "without repeats"),
    added("rung at the end", "budget:\n  rungs:\n    - 5\n    - 30\n  max_kimg: 30\n", 7, "budget.rungs.1", "less than max_kimg 30"),
    case("search for a lucky seed", "variant: gan\nparameters:\n  seed: [0, 1]\n", 3, "parameters.seed", "search.sampler: grid", "got ehvi"),
    case("seeds of a variant without a grid", "variant: [gan, dcgan]\nparameters:\n  gan.seed: [0, 1]\nsearch: {sampler: nsga2}\n", 3, "parameters.gan.seed", "got nsga2"),
    case("seed below 0", "variant: gan\nparameters: {d_steps: [1, 2]}\ntraining:\n  seed: -1\n", 4, "training.seed", "-1", "at least 0"),
    added("replicates of one seed", "training: {seed: 3}\nsearch: {replicates: 3}\n", 5, "search.replicates", "seed of its own", "leave seed out"),
    added("replicates of a population", "budget: {rungs: [5]}\nsearch: {sampler: pbt, population: 8, replicates: 3}\n", 5, "search.replicates", "search.sampler: pbt"),
    added("warm start twice from one", "search: {warm_start: [a, a]}\n", 4, "search.warm_start.1", "'a' is listed twice"),
    case("warm start of a grid", "variant: gan\nparameters: {d_steps: [1, 2]}\nsearch: {sampler: grid, warm_start: [a]}\n", 3, "search.warm_start", "nothing to add"),
    added("grid of a range", "search: {sampler: grid}\n", 3, "parameters.g_lr", "needs a step"),
]

# fmt: on

LARGE = "9" * 400

# fmt: off
HINTS = [
    case("a variant in capitals", "variant: DCGAN\nparameters: {g_lr: 1e-4}\n", 1, "variant", "did you mean 'dcgan'"),
    added("a metric in capitals", "objectives: {FID_digits: minimize}\n", 4, "objectives.FID_digits", "did you mean 'fd_digits'"),
    added("a sampler in capitals", "search: {sampler: TPE}\n", 4, "search.sampler", "did you mean 'tpe'"),
    added("the beginning of a word", "objectives: {fd_digits: min}\n", 4, "objectives.fd_digits", "did you mean 'minimize'"),
    added("yes for true", "  beta1: {type: float, low: 0.1, high: 0.5, log: yes}\n", 4, "parameters.beta1.log", "true or false; write true", "'yes'"),
    added("off for false", "resources: {gpus: 1}\ncompute: {cuda_graphs: off}\n", 5, "compute.cuda_graphs", "write false"),
    added("number in quotes", "budget: {trials: '5'}\n", 4, "budget.trials", "remove the quotes: 5"),
    added("bound in quotes", "  beta1: {type: float, low: '0.1', high: 0.5}\n", 4, "parameters.beta1.low", "remove the quotes: 0.1"),
    added("value in quotes", "  beta1: '1e-1'\n", 4, "parameters.beta1", "remove the quotes: 1e-1"),
    added("GPUs in quotes", "resources: {gpus: '1'}\n", 4, "resources.gpus", "remove the quotes: 1"),
    added("decimal comma", "  beta1: '0,5'\n", 4, "parameters.beta1", "write 0.5"),
    added("decimal comma in braces", "  beta1: {type: float, low: 0,1, high: 0.5}\n", 4, "parameters.beta1.1", "numbers have a point"),
    added("thousands", "budget:\n  max_kimg: 1,000\n", 5, "budget.max_kimg", "write 1000"),
    added("a suffix", "budget: {max_kimg: 10k}\n", 4, "budget.max_kimg", "write 10000"),
    added("a fraction", "  beta1: 1/2\n", 4, "parameters.beta1", "write 0.5"),
    added("an integer with a point", "budget: {trials: 5.0}\n", 4, "budget.trials", "write 5"),
    added("W&B's range", "  d_lr_ratio: {distribution: log_uniform_values, min: 0.1, max: 5}\n", 4, "parameters.d_lr_ratio", "write {type: float, low: 0.1, high: 5, log: true}"),
    added("W&B's range of exponents", "  d_lr_ratio: {distribution: log_uniform, min: -1, max: 1}\n", 4, "parameters.d_lr_ratio", "low: 0.368, high: 2.72, log: true}"),
    added("W&B's choice", "  d_steps: {values: [1, 2]}\n", 4, "parameters.d_steps", "needs a type", "write [1, 2]"),
    added("W&B's steps", "  d_steps: {distribution: q_uniform, min: 1, max: 5, q: 2}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5, step: 2}"),
    added("Ray's range", "  d_steps: {lower: 1, upper: 5}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5}"),
    added("Ax's range", "  d_steps: {type: range, bounds: [1, 5]}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5}"),
    added("choices", "  dsc.where: {type: choice, choices: [none, both]}\n", 4, "parameters.dsc.where", "write [none, both]"),
    added("seconds in quotes", "budget: {wall_clock: '7200'}\n", 4, "budget.wall_clock", "remove the quotes for seconds"),
    added("hours in words", "budget: {wall_clock: 2.5 hours}\n", 4, "budget.wall_clock", "write 2h30m"),
    added("a clock", "budget: {wall_clock: '1:30:00'}\n", 4, "budget.wall_clock", "write 1h30m"),
    added("days", "budget: {wall_clock: 1d}\n", 4, "budget.wall_clock", "write 24h"),
    added("section among the parameters", "  budget:\n    trials: 5\n", 5, "parameters.budget.trials", "begin its line at the left margin"),
    added("parameter among the sections", "beta1: 0.5\n", 4, "beta1", "indent it under parameters"),
    added("a section's key among the sections", "trials: 5\n", 4, "trials", "belongs in budget"),
    added("less indented", "    beta1: 0.5\n  z_dim: 8\n", 4, "", "align keys of one level"),
    case("nothing at the left margin", " variant: dcgan\nparameters: {g_lr: 1e-4}\n", 2, "", "at the left margin"),
    case("no colon", "variant dcgan\nparameters:\n  g_lr: 1e-4\n", 2, "", "a colon and a space after each key"),
    added("study's seed beyond 64 bits", "search: {seed: 9223372036854775808}\n", 4, "search.seed", "go up to 9223372036854775807"),
    added("seed of latents beyond 64 bits", f"evaluation: {{seed: {LARGE}}}\n", 4, "evaluation.seed", "integers go up to"),
    added("fixed seed beyond 64 bits", f"training: {{seed: {LARGE}}}\n", 4, "training.seed", "integers go up to"),
    added("integer that Python does not read", f"training: {{seed: {LARGE * 20}}}\n", 4, "training.seed", "is not of type int"),
    added("trials without end", "budget: {trials: 9223372036854775807}\n", 4, "budget.trials", "less than or equal to 1000000"),
    added("range to NaN", "  beta1: {type: float, low: 0, high: .nan}\n", 4, "parameters.beta1.high", "finite", "NaN"),
    added("range of integers to infinity", "  d_steps: {type: int, low: 1, high: .inf}\n", 4, "parameters.d_steps.high", "integer", "Infinity"),
    added("NaN for a bound", "objectives: {fd_digits: {max: .nan}}\n", 4, "objectives.fd_digits.max", "finite", "NaN"),
    added("infinity for a bound", "constraints: {params_m: {min: -.inf}}\n", 4, "constraints.params_m.min", "finite", "-Infinity"),
    added("GPUs without end", "resources: {gpus: .inf}\n", 4, "resources.gpus", "a number of at least 0"),
    added("half of a character", 'name: "\\ud800"\n', 4, "name", "half of a character pair"),
]
# fmt: on

TWO = """\
variant: [dcgan, gan]
parameters:
  g_lr: {type: float, low: 2e-5, high: 2e-3, log: true}
"""  # three lines here as well


def own(kind: str, text: str, line: int, key: str, *fragments: str) -> Case:
    return Case(kind, TWO + text, line, key, fragments)


# fmt: off
OWN = [
    added("own of a variant not chosen", "  gan:\n    momentum: 0.5\n", 4, "parameters.gan", "gan is not chosen", "variant is dcgan"),
    added("several of it", "  gan: {momentum: 0.5, dropout: 0.5}\n", 4, "parameters.gan", "not chosen"),
    added("fixed for a variant not chosen", "training: {gan: {momentum: 0.5}}\n", 4, "training.gan", "not chosen"),
    own("own that it does not take", "  gan:\n    beta1: 0.5\n", 5, "parameters.gan.beta1", "gan does not take it", "variants that do:", "dcgan"),
    own("own group that it does not take", "  gan:\n    dsc:\n      where: both\n", 6, "parameters.gan.dsc.where", "gan does not take it", "no convolutions"),
    own("fixed that it does not take", "training:\n  gan:\n    beta1: 0.5\n", 6, "training.gan.beta1", "gan does not take it"),
    own("unknown own", "  gan:\n    momentun: 0.5\n", 5, "parameters.gan.momentun", "'momentun' is not a parameter of gan", "did you mean 'momentum'"),
    own("misspelt variant", "  dcgam:\n    d_steps: 3\n", 5, "parameters.dcgam.d_steps", "did you mean 'dcgan.d_steps'"),
    own("a variant in a variant", "  gan:\n    dcgan:\n      g_lr: 0.1\n", 6, "parameters.gan.dcgan.g_lr", "'dcgan.g_lr' is not a parameter of gan"),
    own("value for a variant", "  gan: 0.1\n", 4, "parameters.gan", "is a group", "momentum"),
    own("choices for a variant", "  gan: [0.1]\n", 4, "parameters.gan", "is a group", "momentum"),
    own("nothing under a variant", "  gan:\n", 4, "parameters.gan", "is a group", "momentum"),
    own("empty variant", "training: {gan: {}}\n", 4, "training.gan", "is a group", "momentum"),
    own("own out of range", "  gan:\n    g_lr: [0.1, 2]\n", 5, "parameters.gan.g_lr.1", "less than or equal to 1", "2"),
    own("own fixed out of range", "training:\n  gan:\n    g_lr: 2\n", 6, "training.gan.g_lr", "less than or equal to 1"),
    own("own of wrong form", "  gan:\n    g_lr: {type: float, low: 0.3, high: 0.05}\n", 5, "parameters.gan.g_lr", "should be less than"),
    own("unknown key of an own range", "  gan:\n    g_lr: {type: float, low: 0.1, high: 0.3, lgo: true}\n", 5, "parameters.gan.g_lr.lgo", "'lgo' is not a key"),
    own("own twice", "  gan: {g_lr: 0.1}\n  gan.g_lr: 0.2\n", 5, "parameters.gan.g_lr", "given twice"),
    own("own searched and fixed", "  gan: {g_lr: 0.1}\ntraining:\n  gan:\n    g_lr: 0.1\n", 7, "training.gan.g_lr", "is in parameters too"),
    own("shared that none uses", "  gan: {g_lr: 0.1}\n  dcgan.g_lr: 2e-4\n", 3, "parameters.g_lr", "is never used"),
    own("shared that none uses, fixed", "  gan: {g_lr: 0.1}\ntraining: {dcgan: {g_lr: 2e-4}}\n", 3, "parameters.g_lr", "is never used"),
    own("own condition on nothing", "  gan:\n    momentum: {type: choice, values: [0], when: {los: hinge}}\n  loss: [hinge]\n", 5, "parameters.gan.momentum.when.los", "did you mean 'loss'"),
    own("own condition on no value", "  gan:\n    loss: [minimax]\n    momentum: {type: choice, values: [0], when: {loss: hinge}}\n  loss: [hinge]\n", 6, "parameters.gan.momentum.when.loss", "can never be 'hinge'", "minimax"),
    own("condition by a variant's name", "  gan:\n    loss: [minimax]\n    momentum: {type: choice, values: [0], when: {gan.loss: minimax}}\n", 6, "parameters.gan.momentum.when.gan.loss", "plain names", "write loss"),
    own("own condition on another variant", "  gan:\n    dropout: {type: choice, values: [0], when: {variant: dcgan}}\n", 5, "parameters.gan.dropout.when.variant", "can never be 'dcgan'", "one of gan"),
    own("condition on another's own", "  gan:\n    loss: [minimax, hinge]\n  beta1: {type: choice, values: [0], when: {loss: hinge}}\n", 6, "parameters.beta1.when.loss", "not searched for dcgan"),
    own("condition on what is fixed for it", "  gan:\n    dropout: {type: choice, values: [0], when: {loss: hinge}}\n  loss: [hinge]\ntraining: {gan: {loss: hinge}}\n", 5, "parameters.gan.dropout.when.loss", "fixed in training"),
    own("own conditions in a circle", "  gan:\n    momentum: {type: choice, values: [0], when: {dropout: 0}}\n    dropout: {type: choice, values: [0], when: {momentum: 0}}\n", 5, "parameters.gan.momentum.when", "circle", "dropout"),
    case("a value that the fixed settings forbid", "variant: stylegan3\ntraining: {config: r}\nparameters:\n  dsc:\n    where:\n      - none\n      - generator\n", 7, "parameters.dsc.where.1", "does not go with the rest", "no kernel to separate"),
    case("grid of an own range", "variant: [dcgan, gan]\nparameters:\n  gan.g_lr: {type: float, low: 0.1, high: 0.3}\nsearch: {sampler: grid}\n", 3, "parameters.gan.g_lr", "needs a step"),
]
# fmt: on


@pytest.mark.parametrize(
    "wrong", [*SYNTAX, *STRUCTURE, *MEANING, *OWN, *HINTS], ids=lambda wrong: wrong.kind
)
def test_one_problem_with_its_line_and_key(wrong: Case) -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space(wrong.text, "wrong.yaml")
    assert [(p.line, p.key) for p in caught.value.entries] == [(wrong.line, wrong.key)]
    message = str(caught.value)
    assert message.startswith("wrong.yaml:" + (f"{wrong.line}:" if wrong.line else ""))
    assert "\n" not in message
    for fragment in wrong.fragments:
        assert fragment in message


def problems(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(SpaceError) as caught:
        parse_space(text, "wrong.yaml")
    return [(p.line, p.key) for p in caught.value.entries]


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
    assert problems(text) == [
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


def test_what_is_broken_draws_no_further_complaints() -> None:
    # The condition's parameter and the quality are there, though neither is well formed.
    text = """\
variant: dcgan
parameters:
  dsc.where: []
  dsc.kernel_size: {type: choice, values: [3, 5], when: {dsc.where: both}}
objectives: {fd_digits: {max: low}}
"""
    assert problems(text) == [(3, "parameters.dsc.where"), (5, "objectives.fd_digits.max")]


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
    assert problems(text) == [(6, "parameters.gan.z_dim")]


def test_groups_of_an_unknown_variant_draw_no_complaints() -> None:
    text = "variant: [dcgan, gam]\nparameters:\n  gan: {momentum: 0.5}\n  dcgan: {beta1: 0.5}\n"
    assert problems(text) == [(1, "variant.1")]


def test_a_variant_that_needs_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = replace(CATALOG["dcgan"], name="labelled", data=DataKind.LABEL)
    monkeypatch.setitem(CATALOG, "labelled", labelled)
    text = "variant: [dcgan, labelled]\nparameters: {g_lr: 1e-4}\ndata: {name: %s}\n"
    assert problems(text % "photos") == [(1, "variant.1")]
    assert parse_space(text % "digits", "right.yaml").variant == ("dcgan", "labelled")


def test_a_variant_that_is_built_for_more_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG, "large", replace(CATALOG["dcgan"], name="large", resolution=32))
    text = "variant: large\nparameters: {g_lr: 1e-4}\ndata:\n  name: photos\n  resolution: %d\n"
    assert problems(text % 16) == [(5, "data.resolution")]
    assert parse_space(text % 32, "right.yaml").data.resolution == 32


def test_aliases_that_multiply_are_stopped() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = HEAD + "\n".join(["l0: &l0 [a]", *levels])
    with pytest.raises(SpaceError, match="expands to more than"):
        parse_space(text, "bomb.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{n}: 1\n" for n in range(600_000)),
        f"parameters: [{'x,' * 20_000}]",
        f"parameters: {{{'a: 1, ' * 10_000}}}",
    ],
    ids=["keys", "list", "one line"],
)
def test_files_beyond_any_space_are_refused_at_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(SpaceError, match=r"is larger than the 64 KiB|more than 10,000 keys"):
        load_space(path)
    assert time.process_time() - started < 5


def test_a_file_without_end_is_read_no_further_than_it_takes() -> None:
    with pytest.raises(SpaceError, match="is larger than the 64 KiB"):
        load_space("/dev/zero")


def test_nesting_without_end_is_stopped() -> None:
    with pytest.raises(SpaceError, match="nested too deeply"):
        parse_space(HEAD + "data: " + "[" * 600, "deep.yaml")


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


WORDS = st.sampled_from(
    ["variant", "parameters", "training", "objectives", "constraints", "budget", "data", "search",
     "evaluation", "resources", "tracking", "dcgan", "gan", "g_lr", "dsc", "dsc.where", "when",
     "type", "float", "choice", "values", "low", "high", "fd_digits", "max", "rungs", "trials",
     "name", "digits", "", "<<", "metric", "text", "file", "gan.g_lr", "dcgan.dsc", "."]
)  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2)
TREES = st.recursive(
    SCALARS, lambda t: st.lists(t, max_size=3) | st.dictionaries(WORDS, t, max_size=4)
)


@given(st.dictionaries(WORDS, TREES, max_size=8))
def test_whatever_is_written_is_a_space_or_a_space_error(tree: dict[str, Any]) -> None:
    with suppress(SpaceError):
        parse_space(json.dumps({"variant": "dcgan", "parameters": {"g_lr": 1e-4}, **tree}), "any")


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,?\n\t 01.~<", max_size=60))
def test_any_text_is_a_space_or_a_space_error(text: str) -> None:
    with suppress(SpaceError):
        parse_space(text, "any")
