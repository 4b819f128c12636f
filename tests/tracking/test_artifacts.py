"""Files of MLflow runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gansearch.record import Report, StudyRecord
from gansearch.space import Space
from gansearch.tracking import sync
from gansearch.tracking.artifacts import front_artifact, text_artifact

Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]


def test_sample_grids_are_where_mlflows_image_grid_finds_them(
    study: Study, results: Path, dumped: Dumped, tmp_path: Path
) -> None:
    space, record = study
    folder = tmp_path / "checkpoint_000000"
    folder.mkdir()
    pixels = np.arange(64 * 32, dtype=np.uint8).reshape(64, 32)
    Image.fromarray(pixels).save(folder / "samples.png")
    folders = (str(folder), folder.as_uri(), str(tmp_path / "pruned"))
    reports = tuple(
        Report(kimg, {"fd_digits": 1.0}, checkpoint=address)
        for kimg, address in zip((5.0, 10.0, 30.0), folders, strict=True)
    )
    record = replace(record, trials=(replace(record.trials[0], reports=reports),))
    sync(space, record, results)
    run = dumped(results)["trial 0"]
    images = [name for name in run["files"] if name.startswith("images/")]
    assert sorted(name.partition("+timestamp")[0] for name in images if name.endswith("png")) == [
        "images/samples+step+10",
        "images/samples+step+5",
    ]
    assert sum(name.endswith("+compressed.webp") for name in images) == 2
    content = (folder / "samples.png").read_bytes()
    assert all(run["files"][name] == content for name in images if name.endswith("png"))
    assert run["tags"]["mlflow.loggedImages"] == "True"
    # The missing one is looked for again by the next process.
    shutil.copytree(folder, tmp_path / "pruned")
    assert sync(space, record, results).artifacts == 2


def test_the_note_of_a_front_that_cannot_be_ranked_has_the_reason(
    study: Study, results: Path, dumped: Dumped
) -> None:
    space, record = study
    first = record.trials[0]
    reports = tuple(replace(r, protocols={"fd_digits": "other"}) for r in first.reports)
    record = replace(record, trials=(replace(first, reports=reports), *record.trials[1:]))
    sync(space, record, results)
    assert "different protocols" in dumped(results)["synthetic-1"]["tags"]["mlflow.note.content"]


def test_versions_of_artifacts_follow_their_content(study: Study) -> None:
    space, record = study
    assert text_artifact("a", "a.txt", "x").version == text_artifact("a", "b.txt", "x").version
    assert text_artifact("a", "a.txt", "x").version != text_artifact("a", "a.txt", "y").version
    before = front_artifact(space, record)
    assert front_artifact(space, record).version == before.version
    fewer = replace(record, trials=record.trials[:-1])
    assert front_artifact(space, fewer).version != before.version
    (note, *files) = before.files()
    assert note == "front/front.md"
    assert set(files) == {
        f"front/{name}" for name in ("front.csv", "front.json", "front.png", "curves.png")
    }
