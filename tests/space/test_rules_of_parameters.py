"""Rules for parameters, fixed settings and conditions."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, added, case, expect, own

# fmt: off
INVALID = [
    added("unknown parameter", "  g_lrr: 1e-4\n", 4, "parameters.g_lrr", "did you mean 'g_lr'"),
    added("unknown in a group", "  dsc:\n    kernel_sise: 3\n", 5, "parameters.dsc.kernel_sise", "'dsc.kernel_size'"),
    added("misspelt group", "  dcs:\n    where: both\n", 5, "parameters.dcs.where", "did you mean 'dsc.where'"),
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
    added("condition on itself", "  beta1: {type: choice, values: [0], when: {beta1: 0}}\n", 4, "parameters.beta1.when", "cycle", "beta1"),
    added("conditions in a cycle", "  beta1: {type: choice, values: [0], when: {beta2: 0}}\n  beta2: {type: choice, values: [0], when: {beta1: 0}}\n", 4, "parameters.beta1.when", "cycle", "beta1", "beta2"),
    case("seed below 0", "variant: gan\nparameters: {d_steps: [1, 2]}\ntraining:\n  seed: -1\n", 4, "training.seed", "-1", "at least 0"),
    added("value in quotes", "  beta1: '1e-1'\n", 4, "parameters.beta1", "remove the quotes: 1e-1"),
    added("decimal comma", "  beta1: '0,5'\n", 4, "parameters.beta1", "write 0.5"),
    added("a fraction", "  beta1: 1/2\n", 4, "parameters.beta1", "write 0.5"),
    added("section among the parameters", "  budget:\n    trials: 5\n", 5, "parameters.budget.trials", "begin its line at the left margin"),
    added("own of a variant not chosen", "  gan:\n    momentum: 0.5\n", 4, "parameters.gan", "gan is not chosen", "variant is dcgan"),
    added("several of it", "  gan: {momentum: 0.5, dropout: 0.5}\n", 4, "parameters.gan", "not chosen"),
    added("fixed for a variant not chosen", "training: {gan: {momentum: 0.5}}\n", 4, "training.gan", "not chosen"),
    own("own that it does not take", "  gan:\n    beta1: 0.5\n", 5, "parameters.gan.beta1", "gan does not take it", "variants that do:", "dcgan"),
    own("own group that it does not take", "  gan:\n    dsc:\n      where: both\n", 6, "parameters.gan.dsc.where", "gan does not take it", "no convolutions"),
    own("fixed that it does not take", "training:\n  gan:\n    beta1: 0.5\n", 6, "training.gan.beta1", "gan does not take it"),
    own("unknown own", "  gan:\n    momentun: 0.5\n", 5, "parameters.gan.momentun", "'momentun' is not a parameter of gan", "did you mean 'momentum'"),
    own("misspelt variant", "  dcgam:\n    d_steps: 3\n", 5, "parameters.dcgam.d_steps", "did you mean 'dcgan.d_steps'"),
    own("a variant in a variant", "  gan:\n    dcgan:\n      g_lr: 0.1\n", 6, "parameters.gan.dcgan.g_lr", "'dcgan.g_lr' is not a parameter of gan"),
    own("own out of range", "  gan:\n    g_lr: [0.1, 2]\n", 5, "parameters.gan.g_lr.1", "less than or equal to 1", "2"),
    own("own fixed out of range", "training:\n  gan:\n    g_lr: 2\n", 6, "training.gan.g_lr", "less than or equal to 1"),
    own("own searched and fixed", "  gan: {g_lr: 0.1}\ntraining:\n  gan:\n    g_lr: 0.1\n", 7, "training.gan.g_lr", "is in parameters too"),
    own("shared that none uses", "  gan: {g_lr: 0.1}\n  dcgan.g_lr: 2e-4\n", 3, "parameters.g_lr", "is never used"),
    own("shared that none uses, fixed", "  gan: {g_lr: 0.1}\ntraining: {dcgan: {g_lr: 2e-4}}\n", 3, "parameters.g_lr", "is never used"),
    own("own condition on nothing", "  gan:\n    momentum: {type: choice, values: [0], when: {los: hinge}}\n  loss: [hinge]\n", 5, "parameters.gan.momentum.when.los", "did you mean 'loss'"),
    own("own condition on no value", "  gan:\n    loss: [minimax]\n    momentum: {type: choice, values: [0], when: {loss: hinge}}\n  loss: [hinge]\n", 6, "parameters.gan.momentum.when.loss", "can never be 'hinge'", "minimax"),
    own("condition by a variant's name", "  gan:\n    loss: [minimax]\n    momentum: {type: choice, values: [0], when: {gan.loss: minimax}}\n", 6, "parameters.gan.momentum.when.gan.loss", "plain names", "write loss"),
    own("own condition on another variant", "  gan:\n    dropout: {type: choice, values: [0], when: {variant: dcgan}}\n", 5, "parameters.gan.dropout.when.variant", "can never be 'dcgan'", "one of gan"),
    own("condition on another's own", "  gan:\n    loss: [minimax, hinge]\n  beta1: {type: choice, values: [0], when: {loss: hinge}}\n", 6, "parameters.beta1.when.loss", "not searched for dcgan"),
    own("condition on what is fixed for it", "  gan:\n    dropout: {type: choice, values: [0], when: {loss: hinge}}\n  loss: [hinge]\ntraining: {gan: {loss: hinge}}\n", 5, "parameters.gan.dropout.when.loss", "fixed in training"),
    own("own conditions in a cycle", "  gan:\n    momentum: {type: choice, values: [0], when: {dropout: 0}}\n    dropout: {type: choice, values: [0], when: {momentum: 0}}\n", 5, "parameters.gan.momentum.when", "cycle", "dropout"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
