"""Names of metrics of earlier versions are read wherever a metric is named."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gansearch import evaluate, load_study, pareto_front
from gansearch.cli.parse import bounds
from gansearch.config import EvaluationConfig, TrainConfig
from gansearch.errors import SpaceError
from gansearch.metrics import catalog
from gansearch.record import Prior, Report, StudyRecord
from gansearch.search.storage.checkpoints import TrialFolder
from gansearch.search.storage.layout import study_attributes, study_of
from gansearch.space import parse_space
from gansearch.train.checkpoint import read_checkpoint
from gansearch.train.run import REPORT

KEPT = Path(__file__).parent.parent / "fixtures" / "version_0_1_0"
CHECKPOINT = KEPT / "kept" / "trial_00000" / "kimg_2_4df996d2"
NOTICE = "the metric fid_digits is now called fd_digits"

SPACE = """\
variant: gan
data: {name: digits, holdout: 0.5}
evaluation: {metrics: [fid_random]}
parameters: {g_lr: [0.05, 0.1]}
objectives:
  fid_digits: {max: 150}
  seconds_per_kimg: minimize
constraints:
  fid_within_digits: {max: 100}
"""


@pytest.fixture(autouse=True)
def notices(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Lists the warnings of renamed metrics since the start of a process."""
    catalog._warn_renamed.cache_clear()
    with caplog.at_level(logging.WARNING, catalog.__name__):
        yield lambda: [each.message for each in caplog.records if each.name == catalog.__name__]
    catalog._warn_renamed.cache_clear()


# --- Spaces --------------------------------------------------------------------------------------


def test_a_space_means_the_same_under_either_name() -> None:
    text = SPACE.replace("variant: gan", "variant: cgan").replace("g_lr: [0.05, 0.1]", "")
    text = text.replace("parameters: {}", "parameters: {d_steps: [1, 2]}")
    renamed = text.replace("fid_", "fd_")
    assert parse_space(text, "a.yaml") == parse_space(renamed, "a.yaml")


def test_an_error_at_an_earlier_name_has_its_line() -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space(SPACE.replace("{max: 150}", "{max: 150, direction: maximize}"), "a.yaml")
    assert "a.yaml:6: objectives.fd_digits.direction: should be minimize" in str(caught.value)


def test_a_metric_under_both_names_is_refused() -> None:
    with pytest.raises(SpaceError, match="fid_digits: is now called fd_digits"):
        parse_space(SPACE.replace("seconds_per_kimg:", "fd_digits:"), "a.yaml")


# --- Records -------------------------------------------------------------------------------------


def test_a_study_on_record_has_current_names_and_one_notice(
    tmp_path: Path, notices: Callable[[], list[str]]
) -> None:
    results = Path(shutil.copytree(KEPT, tmp_path / "results"))
    before = (results / "studies.db").read_bytes()
    space, record = load_study("kept", results)
    load_study("kept", results)
    assert space.quality.metric == "fd_digits"
    assert "floor/fd_digits" in record.tags
    for trial in record.trials:
        for report in trial.reports:
            assert "fd_digits" in report.metrics
            assert "fd_digits" in report.protocols
            assert not any("fid_digits" in name for name in (*report.metrics, *report.protocols))
    assert notices() == [NOTICE]
    assert (results / "studies.db").read_bytes() == before


def test_scores_and_results_of_earlier_studies_have_current_names() -> None:
    score = {"kimg": 2, "seeds": [1, 2], "values": [3.0, 4.0], "protocol": "p", "ended": 5.0}
    study = StudyRecord("s", "text", "file", 0.0, {}, (), (Prior("t", 0, {}, {"fid_random": 2.0}),))
    trial = {"number": 0, "params": {}, "seed": 0, "started": 0.0}
    read = study_of("s", {**study_attributes(study), "scores:0": {"fid_digits": score}}, [trial])
    assert read.priors[0].metrics == {"fd_random": 2.0}
    assert read.trials[0].scores.keys() == {"fd_digits"}


def test_checkpoints_have_current_names() -> None:
    in_folder, in_file = (
        TrainConfig.from_json(text)
        for text in (
            (CHECKPOINT / "config.json").read_text(),
            read_checkpoint(CHECKPOINT / "checkpoint.pt")["config"],
        )
    )
    assert in_folder == in_file
    assert in_folder.evaluation.metrics == ("fd_digits",)
    report = REPORT.validate_json((CHECKPOINT / "report.json").read_bytes())
    assert {"fd_digits"} <= report.metrics.keys() & report.protocols.keys()
    (published,) = TrialFolder(str(CHECKPOINT.parent)).reports()
    assert published.metrics == report.metrics


def test_values_before_and_after_compare() -> None:
    """Protocols do not name the metric."""
    report = Report(1.0, {"fid_digits": 2.0}, {"fid_digits": "samples=200; hash=01"})
    assert report.with_current_names() == Report(
        1.0, {"fd_digits": 2.0}, {"fd_digits": "samples=200; hash=01"}
    )


# --- Options -------------------------------------------------------------------------------------


def test_options_take_earlier_names(tmp_path: Path, notices: Callable[[], list[str]]) -> None:
    results = Path(shutil.copytree(KEPT, tmp_path / "results"))
    selection = pareto_front(
        "kept",
        results=results,
        objectives=["fid_digits", "params_m"],
        bounds=bounds([], ["fid_digits=1e9"]),
        weights={"fid_digits": 1.0},
    )
    assert [objective.metric for objective in selection.objectives] == ["fd_digits", "params_m"]
    assert selection.front
    (values,) = evaluate("kept/0", metrics=["fid_digits"], samples=50, results=results)
    assert values.metric == "fd_digits"
    assert EvaluationConfig(metrics=("fid_digits",)).metrics == ("fd_digits",)
    assert notices() == [NOTICE]
