from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator

import pytest

from gansearch.config import DataConfig
from gansearch.metrics import catalog
from gansearch.metrics.catalog import (
    METRICS,
    RENAMED,
    Counts,
    current_name,
    shortages,
    with_current_names,
)
from gansearch.metrics.evaluator import IN_FEATURES, WITHOUT_FEATURES
from gansearch.metrics.features import FEATURES
from gansearch.metrics.frechet import POINTS
from gansearch.metrics.inception_score import SPLITS
from gansearch.metrics.manifolds import LEAST
from gansearch.space import parse_space

QUALITY = [metric for metric in METRICS.values() if metric.kind == "quality"]


def test_a_method_that_works_in_several_features_works_in_all() -> None:
    features = defaultdict(set)
    for metric in QUALITY:
        features[metric.method].add(metric.features)
    shared = [found for found in features.values() if len(found) > 1]
    assert shared
    assert all(found == FEATURES.keys() for found in shared)


def test_only_distances_in_inception_features_are_called_fid() -> None:
    for metric in QUALITY:
        assert metric.name.startswith("fid") == (
            metric.features == "inception" and metric.method.startswith("fd")
        )


@pytest.mark.parametrize("metric", QUALITY, ids=lambda metric: metric.name)
def test_the_evaluator_or_variants_compute_it(metric) -> None:
    assert (metric.method in IN_FEATURES) == (metric.features in FEATURES)
    by_evaluator = metric.method in IN_FEATURES or metric.method in WITHOUT_FEATURES
    assert metric.of_variant != by_evaluator


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


# --- Image counts --------------------------------------------------------------------------------


def test_the_minimum_counts_are_those_of_the_methods() -> None:
    assert METRICS["recall_digits"].needs == Counts(samples=LEAST, real=LEAST)
    assert METRICS["fid_infinity"].needs.samples == 2 * POINTS
    assert METRICS["inception_score"].needs.samples == SPLITS


def test_unknown_counts_are_not_missing() -> None:
    assert shortages(METRICS, Counts()) == []
    assert len(shortages(METRICS, Counts(samples=0, heldout=0))) > len(METRICS) // 2


# --- Names of earlier versions -------------------------------------------------------------------


@pytest.fixture
def renamings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log of a process that has warned of no name yet."""
    catalog._warn_renamed.cache_clear()
    with caplog.at_level(logging.WARNING, catalog.__name__):
        yield caplog
    catalog._warn_renamed.cache_clear()


def test_every_earlier_name_leads_to_a_metric_and_is_none_itself() -> None:
    assert set(RENAMED.values()) <= METRICS.keys()
    assert not RENAMED.keys() & METRICS.keys()


def test_an_earlier_name_is_read_and_warned_of_once(renamings: pytest.LogCaptureFixture) -> None:
    assert [current_name("fid_digits") for _ in range(3)] == ["fd_digits"] * 3
    assert current_name("fid_within_random") == "fd_within_random"
    assert renamings.messages == [
        "the metric fid_digits is now called fd_digits",
        "the metric fid_within_random is now called fd_within_random",
    ]


def test_current_and_unknown_names_stay(renamings: pytest.LogCaptureFixture) -> None:
    names = [*METRICS, "d_loss", "fid_dinov2"]
    assert list(map(current_name, names)) == names
    assert with_current_names(dict.fromkeys(names, 1.0)) == dict.fromkeys(names, 1.0)
    assert renamings.messages == []


def test_keys_of_a_record_follow_their_metric(renamings: pytest.LogCaptureFixture) -> None:
    record = {"fid_digits": 3, "fid_digits_error": 1, "floor/fid_random": 2, "d_loss": 4}
    assert with_current_names(record) == {
        "fd_digits": 3,
        "fd_digits_error": 1,
        "floor/fd_random": 2,
        "d_loss": 4,
    }
    assert renamings.messages == ["the metric fid_digits is now called fd_digits"]
