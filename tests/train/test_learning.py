"""That training under the real measure makes digits, at a fraction of a trial's budget."""

from __future__ import annotations

import pytest
import torch

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data import load_images
from gansearch.metrics.evaluator import Evaluator
from gansearch.record import Outcome
from gansearch.train.run import run_training
from gansearch.train.trainer import Trainer

CPU = torch.device("cpu")
DATA = DataConfig(name="digits", holdout=0.5)
EVALUATION = EvaluationConfig(metrics=("fid_digits",), samples=500)

LEARNERS = {
    "dcgan": ({"g_channels": 16, "d_channels": 16, "g_lr": 1e-3, "batch_size": 64}, 10, 1 / 10),
    "gan": (
        {"g_hidden": 128, "d_hidden": 64, "dropout": 0.2, "g_lr": 0.2, "batch_size": 16},
        25,
        1 / 3,
    ),
}
"""Settings, kimg, and the share of an untrained generator's distance that they must fall below."""


def configure(variant, settings, kimg):
    return TrainConfig(
        variant=variant,
        settings={"ema_kimg": 1.0, **settings},
        data=DATA,
        evaluation=EVALUATION,
        seed=0,
        max_kimg=kimg,
    )


@pytest.mark.slow
@pytest.mark.parametrize("variant", LEARNERS)
def test_a_variant_learns(tmp_path, variant):
    settings, kimg, share = LEARNERS[variant]
    config = configure(variant, settings, kimg)
    images = load_images(DATA)
    evaluator = Evaluator(EVALUATION, EVALUATION.metrics, images, CPU)
    untrained = evaluator.evaluate(Trainer(config, images, CPU).sample).values["fid_digits"]
    reports = []
    outcome, _ = run_training(
        config, (), tmp_path, lambda report, _: reports.append(report) or True, device=CPU
    )
    assert outcome is Outcome.COMPLETED
    distance = reports[-1].metrics["fid_digits"]
    assert evaluator.floor()["fid_digits"] < distance < share * untrained


@pytest.mark.slow
def test_a_generator_that_shows_one_image_has_collapsed(monkeypatch, tmp_path):
    def one_image(self, batch, generator):
        return torch.zeros(len(batch), 1, 8, 8) + 1e-4 * torch.rand(1, generator=generator)

    monkeypatch.setattr(Trainer, "sample", one_image)
    config = configure("gan", {"g_hidden": 8, "d_hidden": 8}, 0.2)
    outcome, reason = run_training(config, (), tmp_path, lambda *_: True, device=CPU)
    assert outcome is Outcome.DIVERGED
    assert reason.startswith("collapse at 0.2 kimg")
