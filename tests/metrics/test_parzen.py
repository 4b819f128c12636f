"""Parzen windows against closed forms and scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch
from gansearch.data.images import ImageSet, from_arrays, split
from gansearch.errors import ConfigError
from gansearch.metrics import parzen
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.parzen import WIDTHS, ParzenLikelihood, fit, log_likelihoods

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def everything(images: ImageSet) -> Tensor:
    return images.batch(torch.arange(len(images))).images


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- Densities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_densities_are_scikit_learns(offset: float) -> None:
    points, centres = drawn(7, 5) + offset, drawn(11, 5, seed=1) + offset
    found = log_likelihoods(points, centres, WIDTHS)
    for width, row in zip(WIDTHS.tolist(), found, strict=True):
        reference = KernelDensity(bandwidth=width, kernel="gaussian").fit(centres.numpy())
        assert row.numpy() == pytest.approx(reference.score_samples(points.numpy()), rel=1e-6)


def test_one_centre_is_a_gaussian() -> None:
    point, width = torch.full((1, 3), 0.5), 0.3
    found = log_likelihoods(point, torch.zeros(1, 3), torch.tensor([width])).item()
    log_density = math.log(1 / (math.sqrt(2 * math.pi) * width)) - 0.5 * (0.5 / width) ** 2
    assert found == pytest.approx(3 * log_density, rel=1e-6)


def test_far_points_underflow_nothing() -> None:
    found = log_likelihoods(torch.full((1, 784), 1.0), torch.zeros(2, 784), WIDTHS)
    assert found.isfinite().all()
    assert found[0].item() < -30_000


def test_many_centres_of_a_gaussian_are_that_gaussian_widened() -> None:
    # A kernel estimate's mean is the density convolved with the kernel: N(0, 1 + width²).
    width = torch.tensor([0.5], dtype=torch.float64)
    points = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    found = log_likelihoods(points, drawn(200_000, 1), width)[0]
    widened = torch.distributions.Normal(0.0, math.sqrt(1.25))
    assert found.exp() == pytest.approx(widened.log_prob(points[:, 0]).exp(), rel=0.02)


# --- The protocol --------------------------------------------------------------------------------


def test_the_value_is_that_of_the_2014_protocol(images: Images) -> None:
    heldout = images.heldout
    validation, test = heldout.subset(torch.arange(200)), heldout.subset(torch.arange(200, 898))
    centres = everything(images.train)
    found = fit(centres, validation, test)
    flat = [
        ((x + 1) / 2).flatten(1).numpy() for x in (centres, *map(everything, (validation, test)))
    ]
    # One leaf: with more, scikit-learn's bounds leave the log-density of outliers off by several.
    estimates = [
        KernelDensity(bandwidth=width, leaf_size=len(centres)).fit(flat[0])
        for width in WIDTHS.tolist()
    ]
    best = max(estimates, key=lambda estimate: estimate.score(flat[1]))
    scores = best.score_samples(flat[2])
    assert found.width == pytest.approx(best.bandwidth)
    assert found.log_likelihood == pytest.approx(scores.mean(), rel=1e-5)
    assert found.error == pytest.approx(scores.std() / math.sqrt(698), rel=1e-5)


def test_widths_are_the_papers() -> None:
    assert len(WIDTHS) == 10
    assert WIDTHS[[0, -1]].tolist() == pytest.approx([0.1, 1.0])
    ratios = WIDTHS[1:] / WIDTHS[:-1]
    assert ratios == pytest.approx(ratios[0].expand(9))


def test_chunks_change_nothing(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    centres = everything(images.train)[:100]
    parts = [images.heldout.subset(torch.arange(a, a + 50)) for a in (0, 50)]
    whole = fit(centres, *parts)
    monkeypatch.setattr(parzen, "_PAIRS", 700)  # seven points at a time
    chunked = fit(centres, *parts)
    assert chunked.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    assert chunked.error == pytest.approx(whole.error, rel=1e-12)
    assert chunked.width == whole.width


def test_images_that_choose_the_width_are_not_scored(images: Images) -> None:
    measure = ParzenLikelihood(images)
    chosen, scored = measure._validation, measure._test
    assert len(chosen) == 449
    assert sorted([*chosen.rows.tolist(), *scored.rows.tolist()]) == images.heldout.rows.tolist()
    again = ParzenLikelihood(load_images(DataConfig(name="digits", holdout=0.5)))
    assert torch.equal(again._validation.rows, chosen.rows)
    labels = images.heldout.labels[chosen.rows].bincount(minlength=10)
    assert labels.min() > 20  # of all classes, though the set itself may be in their order


def test_at_most_a_thousand_choose_the_width() -> None:
    pixels = torch.randint(256, (2500, 1, 8, 8), dtype=torch.uint8)
    measure = ParzenLikelihood(split(from_arrays(pixels, None, resolution=8), holdout=0.9))
    assert len(measure._validation) == 1000


@pytest.mark.parametrize("holdout", [0.0, 1e-4])
def test_refuses_data_without_held_out_images(holdout: float) -> None:
    few = load_images(DataConfig(name="digits", holdout=holdout))
    with pytest.raises(ConfigError, match=r"data\.holdout"):
        ParzenLikelihood(few)


# --- As a metric ---------------------------------------------------------------------------------


def noisy(strength: float):
    def sample(batch: Batch, generator: torch.Generator) -> Tensor:
        noise = torch.randn(batch.images.shape, generator=generator)
        return (batch.images + strength * noise).clamp(-1, 1)

    return sample


def evaluator(images: Images, *metrics: str, **config: int) -> Evaluator:
    return Evaluator(EvaluationConfig(**{"samples": 300, **config}), metrics, images, CPU)


def test_better_samples_score_higher(images: Images) -> None:
    scorer = evaluator(images, "parzen")
    rows = [scorer.evaluate(noisy(strength)).values for strength in (1.0, 0.6, 0.3)]
    values = [row["parzen"] for row in rows]
    assert values == sorted(values)
    assert METRICS["parzen"].direction == "maximize"
    assert all(0 < row["parzen_stderr"] < 5 for row in rows)
    assert all(0.1 <= row["parzen_sigma"] <= 1 for row in rows)
    assert scorer.floor()["parzen"] > values[-1]  # real training images
    assert scorer.floor().keys() == {"parzen"}


def test_stands_beside_other_metrics_and_changes_none(images: Images) -> None:
    both = evaluator(images, "fd_random", "parzen").evaluate(noisy(0.3))
    assert both.protocols.keys() == {"fd_random", "parzen"}
    for name in both.protocols:
        alone = evaluator(images, name).evaluate(noisy(0.3))
        assert alone.values[name] == both.values[name]
        assert alone.protocols[name] == both.protocols[name]


def test_everything_that_changes_a_value_changes_the_protocol(images: Images) -> None:
    other = load_images(DataConfig(name="digits", holdout=0.4))
    texts = [
        evaluator(images, "parzen").evaluate(noisy(0.5)).protocols["parzen"],
        evaluator(images, "parzen", samples=301).evaluate(noisy(0.5)).protocols["parzen"],
        evaluator(images, "parzen", seed=1).evaluate(noisy(0.5)).protocols["parzen"],
        evaluator(other, "parzen").evaluate(noisy(0.5)).protocols["parzen"],
    ]
    assert len({text.rpartition("=")[2] for text in texts}) == len(texts)
    assert texts[0].startswith("samples=300; source=latents of seed 0")
