"""Rescoring of finalists: trials that may be on the front.

A search evaluates each trial with one set of latents, so the best of many values is partly luck
with these latents. Finalists are evaluated again with other latents and more samples.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import replace

import torch

from gansearch.config import FinalistsConfig
from gansearch.data import load_images
from gansearch.errors import StudyError, TrialError
from gansearch.paths import CHECKPOINT_FILE
from gansearch.record import Score, StudyRecord, TrialRecord
from gansearch.report.front.estimates import is_complete, last_report, scores_of
from gansearch.report.front.selection import finalists
from gansearch.search.storage.checkpoints import fetched
from gansearch.space import Space
from gansearch.train.evaluation import CheckpointEvaluator
from gansearch.train.run import RETRYABLE_ERRORS

log = logging.getLogger(__name__)


def rescore_finalists(
    space: Space,
    record: StudyRecord,
    config: FinalistsConfig,
    also: Collection[int] = (),
) -> Iterator[TrialRecord]:
    """Rescore the finalists; yield each with its scores as soon as they are known.

    Trials that already have scores are rescored if their protocols differ, otherwise skipped. A
    trial that cannot be rescored is logged and skipped.

    Args:
        space: space of the study.
        record: record of the study.
        config: number of samples and seeds. The seeds follow the search's seed.
        also: numbers of further trials to rescore.

    Raises:
        StudyError: a trial in ``also`` has not completed the full budget.
        ProtocolError: the search evaluated its trials under different protocols.
        DataError: the images are missing or unreadable.
        WeightsError: a metric's weights are missing or not the expected file.
    """
    completed = [t for t in record.trials if is_complete(t, space.budget.max_kimg)]
    if unknown := set(also) - {trial.number for trial in completed}:
        raise StudyError(
            f"trial {min(unknown)} has not completed the full budget, so it cannot be rescored"
        )
    wanted = {trial.number for trial in finalists(space, record)} | set(also)
    trials = [trial for trial in completed if trial.number in wanted or scores_of(trial)]
    if not trials:
        return
    first = space.evaluation.seed + 1
    seeds = tuple(range(first, first + config.seeds))
    evaluation = space.train_config(trials[0].params, trials[0].seed).evaluation
    evaluation = evaluation.model_copy(update={"samples": config.samples})
    evaluator = CheckpointEvaluator(evaluation, seeds, load_images(space.data))
    for trial in trials:
        protocols = {metric: score.protocol for metric, score in scores_of(trial).items()}
        if protocols == evaluator.protocols:
            continue
        try:
            yield replace(trial, scores=_scores(trial, evaluator, seeds))
        except (TrialError, torch.OutOfMemoryError, *RETRYABLE_ERRORS) as error:
            log.warning("trial %d cannot be rescored: %s", trial.number, error)


def _scores(
    trial: TrialRecord, evaluator: CheckpointEvaluator, seeds: tuple[int, ...]
) -> dict[str, Score]:
    report = last_report(trial)
    with fetched(report) as folder:
        values = evaluator.evaluate(folder / CHECKPOINT_FILE)
    ended = time.time()
    return {
        metric: Score(report.kimg, seeds, values[metric], protocol, ended)
        for metric, protocol in evaluator.protocols.items()
    }
