"""Evaluation of checkpoints with several seeds."""

from __future__ import annotations

import pytest

from gansearch.config import EvaluationConfig
from gansearch.data import Images
from gansearch.errors import CheckpointError
from gansearch.metrics.evaluator import Evaluator
from gansearch.train.evaluation import CheckpointEvaluator

CONFIG = EvaluationConfig(metrics=("fd_digits",), samples=60)


@pytest.fixture
def checkpoint(configure, build, tmp_path):
    trainer = build(configure())
    trainer.advance(0.1)
    trainer.save(tmp_path / "c.pt")
    return trainer, tmp_path / "c.pt"


def test_values_are_those_of_an_evaluator_with_each_seed(checkpoint, images, cpu) -> None:
    trainer, path = checkpoint
    found = CheckpointEvaluator(CONFIG, (5, 6), images).evaluate(path)
    for seed, value in zip((5, 6), found["fd_digits"], strict=True):
        config = CONFIG.model_copy(update={"seed": seed})
        evaluator = Evaluator(config, config.metrics, images, cpu)
        expected = evaluator.evaluate(trainer.sample, trainer.kimg).values["fd_digits"]
        assert value == pytest.approx(expected, rel=1e-4)


def test_the_protocol_names_the_seeds(images) -> None:
    one, two = (CheckpointEvaluator(CONFIG, seeds, images).protocols for seeds in ((5,), (5, 6)))
    assert "latents of seed 5" in one["fd_digits"]
    assert "latents of seeds 5, 6" in two["fd_digits"]


def test_a_checkpoint_of_other_images_is_refused(checkpoint, images) -> None:
    others = Images(train=images.heldout, heldout=None)
    with pytest.raises(CheckpointError, match="trained on other images"):
        CheckpointEvaluator(CONFIG, (5,), others).evaluate(checkpoint[1])
