"""Training of one configuration outside a study: again, longer, or with other seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gansearch.config import TrainConfig, describe
from gansearch.errors import ConfigError, TrialError
from gansearch.paths import RESULTS, TRAINED, StrPath
from gansearch.record import Outcome, Report
from gansearch.runs.sources import find_config
from gansearch.train.run import run_training

REPORTS = 5
"""Number of equally spaced reports of a run outside a study."""


@dataclass(frozen=True)
class TrainedRun:
    """A run that reached its full budget.

    Attributes:
        seed: seed of the run.
        report: report at the full budget.
        folder: folder of the last checkpoint, with its weights and a grid of samples.
    """

    seed: int
    report: Report
    folder: Path


def retrain(
    source: TrainConfig | str,
    *,
    max_kimg: float | None = None,
    seeds: Sequence[int] = (),
    out: StrPath = TRAINED,
    results: StrPath = RESULTS,
    on_run: Callable[[TrainedRun], None] | None = None,
) -> tuple[TrainedRun, ...]:
    """Train one configuration again, once per seed, on the best device of this machine.

    With the seed, the budget and the kind of device of a trial, the training repeats the trial's.

    Args:
        source: a configuration, ``STUDY/TRIAL``, an MLflow run's id, or the path of a
            ``config.json``.
        max_kimg: real images shown per run, in thousands; by default the configuration's.
        seeds: seeds, one run each; by default the configuration's.
        out: folder of the runs ``seed_<seed>``, each with one checkpoint folder per report.
        results: folder of the studies and of MLflow's store.
        on_run: called after each run.

    Returns:
        The runs in order of the seeds.

    Raises:
        UsageError: there is no such trial, run or file, or a seed or the budget is invalid; nothing
            was trained.
        TrialError: a run diverged or failed; the message has the reason. Earlier runs are in
            ``out``.
    """
    config = find_config(source, results) if isinstance(source, str) else source
    changes: dict[str, float] = {} if max_kimg is None else {"max_kimg": max_kimg}
    try:
        configs = [
            TrainConfig.model_validate({**dict(config), **changes, "seed": seed})
            for seed in seeds or (config.seed,)
        ]
    except ValidationError as error:
        raise ConfigError(describe(error)) from None
    runs: list[TrainedRun] = []
    for chosen in configs:
        runs.append(_run(chosen, Path(out) / f"seed_{chosen.seed}"))
        if on_run is not None:
            on_run(runs[-1])
    return tuple(runs)


def _run(config: TrainConfig, folder: Path) -> TrainedRun:
    rungs = tuple(config.max_kimg * (step + 1) / REPORTS for step in range(REPORTS))
    runs: list[TrainedRun] = []

    def keep(report: Report, checkpoint: Path) -> bool:
        runs.append(TrainedRun(config.seed, report, checkpoint))
        return True

    outcome, reason = run_training(config, rungs, folder, keep)
    if outcome is not Outcome.COMPLETED:
        raise TrialError(f"seed {config.seed}: {outcome}: {reason}")
    return runs[-1]
