from __future__ import annotations

import pytest

from gansearch.config import DataConfig
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.evaluator import IN_FEATURES, OTHERS
from gansearch.metrics.features import FEATURES
from gansearch.space import parse_space

QUALITY = [metric for metric in METRICS.values() if metric.kind == "quality"]


def test_every_measure_is_in_every_kind_of_features() -> None:
    measures = ("fid", "fid_infinity", "fid_within", "kid")
    for measure in (*measures, "precision", "recall", "density", "coverage"):
        named = {METRICS[f"{measure}{suffix}"].features for suffix in ("", "_digits", "_random")}
        assert named == FEATURES.keys()


@pytest.mark.parametrize("metric", QUALITY, ids=lambda metric: metric.name)
def test_the_evaluator_measures_it_in_its_features(metric) -> None:
    assert metric.summary
    assert (metric.measure in IN_FEATURES) == (metric.features in FEATURES)
    assert metric.of_variant != (metric.measure in IN_FEATURES or metric.measure in OTHERS)


@pytest.mark.parametrize("metric", QUALITY, ids=lambda metric: metric.name)
def test_a_space_can_search_by_it(metric) -> None:
    text = f"""
name: by-{metric.name}
variant: {"sgan" if metric.of_variant else "cgan"}
data: {{name: digits, holdout: 0.5}}
evaluation: {{metrics: [{metric.name}], resize: clean-fid}}
objectives: {{{metric.name}: {metric.direction}, train_seconds: minimize}}
budget: {{trials: 1, max_kimg: 1}}
parameters: {{d_lr_ratio: {{type: float, low: 0.1, high: 5, log: true}}}}
"""
    space = parse_space(text, "space.yaml")
    assert space.quality.metric == metric.name
    assert space.evaluation.metrics == (metric.name,)
    assert space.data == DataConfig(name="digits", holdout=0.5)
