"""Time of a Fréchet distance: gansearch against pytorch-fid on the same features.

2,048 synthetic features whose variances decay as Inception's do. The reference's factor is there,
as the cache has it in every evaluation but a machine's first; pytorch-fid gets both sides' means
and covariances, which it has no use for keeping in another form. One thread, interleaved,
CPU-seconds. Then a trial of the quickstart space: its evaluations beside its training.

    python benchmarks/fid_time.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from pytorch_fid.fid_score import calculate_frechet_distance
from threadpoolctl import threadpool_limits

from gansearch.metrics.frechet import frechet_distance
from gansearch.metrics.moments import FactoredMoments, MomentsAccumulator
from gansearch.record import Report
from gansearch.space import load_space
from gansearch.train.run import run_training

TABLE = Path(__file__).parent / "results" / "fid_time.md"
SPACE = Path(__file__).parents[1] / "search_spaces" / "quickstart.yaml"
DIM = 2048
COUNTS = (1_000, 2_048, 10_000)
REFERENCE_COUNT = 10_000
BATCH = 64

Features = NDArray[np.float32]


class Cost(NamedTuple):
    """Of one evaluation's matrix work, in CPU-seconds, and what came out."""

    statistics: float  # of all features, as they come in batches or at once
    distance: float
    value: float


class Round(NamedTuple):
    """Both, and the distance itself, by singular values."""

    ours: Cost
    theirs: Cost
    exact: float


class Share(NamedTuple):
    """Of a trial, in seconds."""

    variant: str
    training: float
    evaluations: list[float]


def draw(count: int, seed: int, shift: float) -> Features:
    """Features that are never below 0, of a few large and many small directions."""
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, DIM)))[0]
    scales = np.arange(1, DIM + 1) ** -0.75
    normal = np.random.default_rng(seed).normal(shift, 1, (count, DIM)) * scales
    return np.maximum(0.4 + normal @ basis.T, 0).astype(np.float32)


def timed(compute: Callable[[], object]) -> float:
    start = time.process_time()
    compute()
    return time.process_time() - start


def ours(features: Features, reference: FactoredMoments) -> Cost:
    accumulator, values = MomentsAccumulator(DIM), []
    batches = torch.split(torch.from_numpy(features), BATCH)
    streaming = timed(lambda: [accumulator.update(batch) for batch in batches])
    distance = timed(lambda: values.append(frechet_distance(accumulator.moments(), reference)))
    return Cost(streaming, distance, values[0])


def theirs(features: Features, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> Cost:
    made, values = [], []
    doubles = features.astype(np.float64)
    gathering = timed(lambda: made.extend((doubles.mean(0), np.cov(doubles, rowvar=False))))
    with warnings.catch_warnings(action="ignore"):
        distance = timed(lambda: values.append(calculate_frechet_distance(*made, mean, covariance)))
    return Cost(gathering, distance, float(values[0]))


def exactly(features: Features, reference: FactoredMoments) -> float:
    """Without squares: tr (C S)^½ is the sum of the singular values of X F, with S = Xᵀ X."""
    doubles = torch.from_numpy(features).double()
    rows = (doubles - doubles.mean(0)) / (len(doubles) - 1) ** 0.5
    apart = doubles.mean(0) - reference.mean
    values = torch.linalg.svdvals(rows @ torch.from_numpy(reference.factor))
    return float(apart @ apart + rows.square().sum() + reference.trace - 2 * values.sum())


def distances(rounds: int) -> tuple[dict[int, list[Round]], float]:
    """Rounds by sample count, and the time that the reference's factor takes once."""
    accumulator = MomentsAccumulator(DIM)
    real = draw(REFERENCE_COUNT, 1, 0.0)
    for batch in torch.split(torch.from_numpy(real), BATCH):
        accumulator.update(batch)
    moments, factored = accumulator.moments(), []
    once = timed(lambda: factored.append(FactoredMoments.of(moments)))
    mean, covariance = moments.mean.numpy(), moments.covariance.numpy()
    measured: dict[int, list[Round]] = {count: [] for count in COUNTS}
    for turn in range(rounds):
        for count in COUNTS:
            features = draw(count, 2 + turn, 0.05)
            found = Round(
                ours(features, factored[0]),
                theirs(features, mean, covariance),
                exactly(features, factored[0]),
            )
            measured[count].append(found)
            print(f"{count}: {found.ours.distance:.2f} {found.theirs.distance:.2f} s", flush=True)
    return measured, once


def shares() -> list[Share]:
    """The first trial of each variant of the quickstart space, to its full length."""
    space = load_space(SPACE)
    found = []
    for params in space.defaults():
        config = space.train_config(params, seed=0)
        reports: list[Report] = []

        def keep(report: Report, _: Path, reports: list[Report] = reports) -> bool:
            reports.append(report)
            return True

        with TemporaryDirectory() as folder:
            outcome, reason = run_training(config, space.budget.rungs, Path(folder), keep)
        assert not reason, f"{outcome}: {reason}"  # noqa: S101
        evaluations = [report.metrics["evaluation_seconds"] for report in reports]
        found.append(Share(config.variant, reports[-1].metrics["train_seconds"], evaluations))
    return found


def report(rounds: int) -> str:
    measured, once = distances(rounds)
    median = statistics.median
    rows = []
    for count, found in measured.items():
        mine, its, exact = zip(*found, strict=True)
        ratio = median(b.distance / a.distance for a, b, _ in found)
        off, its_off = (
            max(abs(cost.value / value - 1) for cost, value in zip(costs, exact, strict=True))
            for costs in (mine, its)
        )
        rows.append(
            f"| {count:,} | {median(c.distance for c in mine):.2f} | "
            f"{median(c.distance for c in its):.2f} | {ratio:.0f} | {off:.0e} | {its_off:.0e} | "
            f"{median(c.statistics for c in mine):.2f} | {median(c.statistics for c in its):.2f} |"
        )
    trials = [
        f"| {share.variant} | {share.training:.1f} | {len(share.evaluations)} | "
        f"{median(share.evaluations):.2f} | {sum(share.evaluations) / share.training:.1%} |"
        for share in shares()
    ]
    lines = [
        "# What a Fréchet distance costs",
        "",
        f"{DIM:,} features, {REFERENCE_COUNT:,} real ones whose factor is in the cache (it took "
        f"{once:.1f} s once), {rounds} rounds, interleaved, one thread, double precision; "
        f"CPU-seconds, medians. {platform.machine()}, PyTorch {torch.__version__}, "
        f"SciPy {scipy.__version__}. Not measured on a GPU.",
        "",
        f"Command: `python benchmarks/fid_time.py --rounds {rounds}`",
        "",
        "| samples | gansearch, s | pytorch-fid, s | times faster | gansearch off by | "
        "pytorch-fid off by | moments, gansearch, s | moments, pytorch-fid, s |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "The distance is from moments to the number. Moments are streamed in batches of "
        f"{BATCH} here, and taken of all features at once (`np.mean`, `np.cov`) there. "
        "Both are compared with the sum of singular values of the features themselves, relatively, "
        "the worst of the rounds; of fewer samples than features pytorch-fid takes the root of a "
        "singular matrix. The network that makes the features takes far longer than either.",
        "",
        "## As a share of a trial",
        "",
        f"The first trials of `{SPACE.name}`, seconds: one evaluation in digits features at each "
        "rung and at the end, with the samples that it asks for.",
        "",
        "| variant | training | evaluations | one | all, of the training |",
        "|---|---|---|---|---|",
        *trials,
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        text = report(chosen.rounds)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
