"""MLflow shows what the record says, whatever happens on the way."""

from __future__ import annotations

import logging
import random
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from gansearch.errors import UsageError
from gansearch.record import Outcome, Report, Score, StudyRecord
from gansearch.space import Space, TrackingConfig
from gansearch.tracking import MlflowMirror, mirror, store, sync

Study = tuple[Space, StudyRecord]
START = 1_760_000_000
Dumped = Callable[[Path | str], dict[str, Any]]


def tracked_at(space: Space, uri: str) -> Space:
    return space.model_copy(update={"tracking": TrackingConfig(uri=uri)})


def follow(space: Space, states: list[StudyRecord], results: Path, *, restart_at: int = -1) -> None:
    """A study with a mirror; the process that had it is killed and another goes on."""
    observer = MlflowMirror(space, results)
    for index, state in enumerate(states):
        if index == restart_at:
            observer = MlflowMirror(space, results)
        observer.update(state)
    observer.close(states[-1])


def test_scores_are_added_to_the_reported_values(
    run_of: Any, study: Study, results: Path, dumped: Dumped
) -> None:
    space, record = study
    MlflowMirror(space, results).close(record)
    before = dumped(results)["trial 0"]

    def scored(*values: float, ended: float) -> StudyRecord:
        seeds = tuple(range(1, len(values) + 1))
        score = Score(30.0, seeds, values, f"{len(values)} seeds", ended)
        first = replace(record.trials[0], scores={"fd_digits": score})
        return replace(record, trials=(first, *record.trials[1:]))

    once = scored(2.0, 3.0, ended=START + 100)
    follow(space, [once, once], results)
    sync(space, once, results)
    after = dumped(results)["trial 0"]
    assert {name for name in after["metrics"] if name not in before["metrics"]} == {
        f"finalist/fd_digits_{end}" for end in ("mean", "low", "high")
    }
    assert after["metrics"]["finalist/fd_digits_mean"] == [(30, 2.5, 1000 * (START + 100))]
    assert after["metrics"]["fd_digits"] == before["metrics"]["fd_digits"]
    assert after["tags"]["protocol/finalist/fd_digits"] == "2 seeds"
    again = scored(1.0, 1.5, 2.0, ended=START + 200)
    sync(space, again, results)
    assert sync(space, again, results).metrics == 0
    assert run_of(results, 0).data.metrics["finalist/fd_digits_mean"] == 1.5
    assert "1.5 ± 1.2" in run_of(results, None).data.tags["mlflow.note.content"]


def test_every_trial_is_a_child_of_its_study(study: Study, results: Path, dumped: Dumped) -> None:
    space, record = study
    sync(space, record, results)
    content = dumped(results)
    parent = content.pop("synthetic-1")
    assert parent["status"] == "FINISHED"
    assert parent["tags"]["floor/fd_digits"] == "1.1"
    assert parent["files"]["space.yaml"] == record.space_yaml.encode()
    assert set(content) == {f"trial {trial.number}" for trial in record.trials}
    for trial in record.trials:
        run = content[f"trial {trial.number}"]
        assert run["tags"]["mlflow.parentRunId"] == "synthetic-1"
        assert run["tags"]["gansearch.trial"] == str(trial.number)
        assert run["tags"]["outcome"] == trial.outcome
        assert run["tags"]["variant"] == trial.params["variant"]
        assert run["params"] == {n: str(v) for n, v in trial.params.items()} | {
            "seed": str(trial.seed)
        }
        assert run["time"] == (1000 * trial.started, 1000 * (trial.ended or 0))
        steps = [(r.kimg, r.metrics["fd_digits"]) for r in trial.reports]
        assert [point[:2] for point in run["metrics"].get("fd_digits", [])] == steps
        config = space.train_config(trial.params, trial.seed).to_json()
        assert run["files"]["config.json"] == config.encode()
    states = {content[f"trial {t.number}"]["status"]: t.outcome for t in record.trials}
    assert states["FAILED"] is Outcome.DIVERGED
    stopped = next(t for t in record.trials if t.outcome is Outcome.STOPPED)
    assert content[f"trial {stopped.number}"]["status"] == "FINISHED"


def test_the_front_is_in_the_parent_run(study: Study, results: Path, dumped: Dumped) -> None:
    sync(*study, results)
    parent = dumped(results)["synthetic-1"]
    files = parent["files"]
    assert {"front/front.csv", "front/front.json", "front/front.md"} <= set(files)
    assert files["front/front.png"].startswith(b"\x89PNG")
    assert files["front/curves.png"].startswith(b"\x89PNG")
    assert "**(knee)**" in parent["tags"]["mlflow.note.content"]
    table = pd.read_json(BytesIO(files["front/front.json"]), orient="split")
    assert table["trial"].tolist() == [
        int(line.split(b",")[0]) for line in files["front/front.csv"].splitlines()[1:]
    ]


def test_live_resumed_and_synced_content_is_the_same(
    study: Study, tmp_path: Path, empty_database: Path, dumped: Dumped, growing: Any
) -> None:
    space, record = study
    states = list(growing(record))

    def content(name: str, write: Callable[[Path], object]) -> dict[str, Any]:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(empty_database, folder / "mlflow.db")
        write(folder)
        return dumped(folder)

    live = content("live", lambda where: follow(space, states, where))
    assert content("synced", lambda where: sync(space, record, where)) == live
    middle = len(states) // 2
    resumed = content("resumed", lambda where: follow(space, states, where, restart_at=middle))
    assert resumed == live


def test_a_second_sync_changes_nothing(study: Study, results: Path, dumped: Dumped) -> None:
    sync(*study, results)
    before = dumped(results)
    assert sync(*study, results) == store.Changes()
    assert dumped(results) == before


def test_sync_beside_a_running_study_creates_no_second_runs(
    study: Study, results: Path, dumped: Dumped, growing: Any
) -> None:
    space, record = study
    states = list(growing(record))
    observer = MlflowMirror(space, results)
    for index, state in enumerate(states):
        if index % 5 == 4:
            sync(space, state, results)
        observer.update(state)
    observer.close(record)
    content = dumped(results)
    assert len(content) == 5
    assert {run["status"] for run in content.values()} == {"FINISHED", "FAILED"}


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
def test_failing_calls_do_not_change_the_final_content(
    client_of: Any,
    study: Study,
    results: Path,
    dumped: Dumped,
    growing: Any,
    seed: int,
) -> None:
    """A call may fail before it has done anything, or after: then only its answer is lost."""
    space, record = study
    chance = random.Random(seed)  # noqa: S311 - no secret

    def flaky(name: str) -> None:
        working = getattr(MlflowClient, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            fate = chance.random()
            if fate < 0.1:
                raise ConnectionError(f"{name} did not reach the server")
            answer = working(*args, **kwargs)
            if fate < 0.2:
                raise ConnectionError(f"the answer of {name} was lost")
            return answer

        patch.setattr(MlflowClient, name, call)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create_run", "log_batch", "set_terminated", "log_artifact", "search_runs"):
            flaky(name)
        observer = MlflowMirror(space, results)
        for state in growing(record):
            observer.update(state)
    observer.close(record)
    disturbed = dumped(results)
    assert sync(space, record, results) == store.Changes()
    shutil.rmtree(results / "mlartifacts")
    client = client_of(results)
    experiment = client.get_experiment_by_name("synthetic")
    assert experiment is not None
    client.rename_experiment(experiment.experiment_id, "old")
    sync(space, record, results)
    assert disturbed == dumped(results)


def test_studies_of_one_name_do_not_merge(study: Study, results: Path) -> None:
    space, record = study
    sync(space, record, results)
    later = replace(record, started=record.started + 1)
    assert sync(space, later, results).runs == 5
    assert sync(space, later, results).runs == 0


def test_an_interrupted_study_is_killed_until_it_is_resumed(
    study: Study, results: Path, dumped: Dumped, growing: Any
) -> None:
    space, record = study
    states = list(growing(record))
    middle = states[len(states) // 2]
    running = [t.number for t in middle.trials if t.outcome is None]
    follow(space, states[: len(states) // 2 + 1], results)
    content = dumped(results)
    assert content["synthetic-1"]["status"] == "KILLED"
    for number in running:
        assert content[f"trial {number}"]["status"] == "KILLED"
        assert content[f"trial {number}"]["tags"]["outcome"] == "interrupted"
    observer = MlflowMirror(space, results)
    observer.update(middle)
    content = dumped(results)
    assert content["synthetic-1"]["status"] == "RUNNING"
    assert {content[f"trial {n}"]["status"] for n in running} == {"RUNNING"}
    observer.close(record)
    assert dumped(results)["synthetic-1"]["status"] == "FINISHED"


def test_values_under_a_metrics_earlier_name_are_written_under_the_current_one(
    study: Study, results: Path, dumped: Dumped
) -> None:
    """A study that an earlier version tracked is resumed: each run has the whole curve."""
    space, record = study

    def earlier(report: Report) -> Report:
        metrics = {n.replace("fd_digits", "fid_digits"): v for n, v in report.metrics.items()}
        return replace(report, metrics=metrics)

    before = tuple(replace(t, reports=tuple(map(earlier, t.reports[:2]))) for t in record.trials)
    sync(space, replace(record, trials=before), results)
    sync(space, record, results)
    content = dumped(results)
    for trial in record.trials:
        metrics = content[f"trial {trial.number}"]["metrics"]
        curve = [value for _, value, _ in metrics.get("fd_digits", [])]
        assert curve == [report.metrics["fd_digits"] for report in trial.reports]
        assert [step for step, *_ in metrics.get("fid_digits", [])] == [
            int(report.kimg) for report in trial.reports[:2]
        ]
    assert sync(space, record, results).metrics == 0


# --- Limits ----------------------------------------------------------------------------------


def test_content_is_within_the_limits_of_mlflow(
    client_of: Any, run_of: Any, study: Study, results: Path
) -> None:
    space, record = study
    metrics = {f"metric {n} @[{n}]": float(n) for n in range(1100)}
    bad = {"nan": float("nan"), "inf": float("inf"), "/abs/../x": 1.0, "n" * 300: 2.0}
    trial = replace(
        record.trials[0],
        params={**record.trials[0].params, **{f"p{n}@": n for n in range(150)}, "long": "x" * 9000},
        reports=(Report(5.0, {**metrics, **bad}), Report(10.0, {"fd_digits": 3.0})),
        outcome=Outcome.FAILED,
        reason="r" * 9000,
        tags={"[odd] tag@": "t" * 9000, ".": "dot"},
    )
    record = replace(record, trials=(trial,))
    sync(space, record, results)
    run = run_of(results, 0)
    assert len(run.data.metrics) == 1100 + 2 + 2  # the odd names, fd_digits and kimg
    assert all(np.isfinite(value) for value in run.data.metrics.values())
    history = client_of(results).get_metric_history(run.info.run_id, "kimg")
    assert [(point.step, point.value) for point in history] == [(5, 5.0), (10, 10.0)]
    assert {point.timestamp for point in history} == {1000 * trial.started}
    assert len(run.data.params["long"]) == 6000
    assert run.data.params["p149_"] == "149"
    assert len(run.data.tags["reason"]) == len(run.data.tags["_odd_ tag_"]) == 8000
    assert sync(space, record, results) == store.Changes()


def test_steps_are_images_if_a_rung_is_not_a_whole_kimg(
    make_study: Any, results: Path, dumped: Dumped
) -> None:
    space, record = make_study(2, budget={"trials": 2, "max_kimg": 30.0, "rungs": (2.5, 5.0, 10.0)})
    sync(space, record, results)
    content = dumped(results)
    assert [p[0] for p in content["trial 0"]["metrics"]["kimg"]] == [5000, 10000, 30000]
    # The unit of a study stays what it was.
    whole = space.model_copy(update={"budget": space.budget.model_copy(update={"rungs": (5.0,)})})
    assert sync(whole, record, results).metrics == 0
    assert dumped(results)["synthetic-1"]["tags"]["gansearch.step"] == "images"


# --- A store that is away --------------------------------------------------------------------


def test_an_unreachable_server_is_reported_once(
    study: Study, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    space, record = study
    space = tracked_at(space, f"http://someone:geheim@127.0.0.1:{closed_port}")
    observer = MlflowMirror(space, Path("results"))
    caplog.set_level(logging.INFO)
    for _ in range(3):
        observer.update(record)
    observer.close(record)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("gansearch")]
    assert len(ours) == 2
    assert "gansearch sync synthetic-1" in ours[1]
    assert "geheim" not in caplog.text


def test_a_server_that_never_answers_blocks_for_a_short_time(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    space, record = study
    with socket.create_server(("127.0.0.1", 0)) as mute:
        space = tracked_at(space, f"http://127.0.0.1:{mute.getsockname()[1]}")
        observer = MlflowMirror(space, Path("results"))
        start = time.monotonic()
        observer.update(record)
        observer.close(record)
        # Two attempts of one request each: far from MLflow's own four minutes.
        assert time.monotonic() - start < 60


def test_an_unreachable_server_is_not_retried_at_once(
    study: Study, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "RETRY_SECONDS", (60.0, 60.0))
    space, record = study
    observer = MlflowMirror(tracked_at(space, f"http://127.0.0.1:{closed_port}"), Path("results"))
    observer.update(record)
    attempts: list[object] = []
    monkeypatch.setattr(mirror.RunWriter, "write", lambda *_, **__: attempts.append(1))
    observer.update(record)
    assert attempts == []
    observer.close(record)
    assert attempts == [1]


def test_errors_of_sync_have_no_secrets(study: Study, closed_port: int) -> None:
    space, record = study
    space = tracked_at(space, f"http://someone:geheim@127.0.0.1:{closed_port}")
    with pytest.raises(UsageError, match=rf"at http://\*\*\*@127.0.0.1:{closed_port}") as caught:
        sync(space, record, Path("results"))
    assert "geheim" not in str(caught.value)
