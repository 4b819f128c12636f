"""A population on a small local Ray: children begin with their parents' weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gansearch.record import Outcome
from gansearch.runs.retrain import retrain
from gansearch.runs.sources import find_config
from gansearch.space import parse_space
from gansearch.study.reading import load_study
from gansearch.study.run import run_study

SPACE = """
name: tiny
variant: dcgan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 100}
training: {batch_size: 64, g_channels: 8, d_channels: 8}
parameters:
  g_lr: {type: float, low: 1e-3, high: 4e-3, log: true}
  d_steps: [1, 2, 3]
objectives: {fd_digits: minimize, train_seconds: minimize}
budget: {trials: 7, max_kimg: 3, rungs: [1, 2]}
resources: {cpus: 1}
search: {sampler: pbt, population: 4, seed: 1}
"""


@pytest.mark.slow
def test_a_schedule_is_found_and_trained_again(ray_here: None, tmp_path: Path) -> None:
    record = run_study(parse_space(SPACE, "tiny.yaml"), name="p", results=tmp_path)
    assert load_study("p", tmp_path)[1] == record
    assert all(t.outcome in (Outcome.COMPLETED, Outcome.STOPPED) for t in record.trials)
    children = [trial for trial in record.trials if trial.lineage and trial.reports]
    assert children
    for child in children:
        origin = child.lineage[-1]
        parent = record.trials[origin.number]
        begin = next(r for r in parent.reports if math.isclose(r.kimg, origin.kimg))
        assert child.reports[0].kimg > origin.kimg
        assert child.reports[0].metrics["train_seconds"] > begin.metrics["train_seconds"]
    assert child.last is not None
    config = find_config(f"p/{child.number}", tmp_path)
    assert [change.kimg for change in config.schedule] == [a.kimg for a in child.lineage]
    out, kimg = tmp_path / "again", child.last.kimg
    (run,) = retrain(config, seeds=[child.seed], out=out, max_kimg=kimg)
    assert run.report.metrics["fd_digits"] == pytest.approx(
        child.last.metrics["fd_digits"], rel=1e-6
    )
