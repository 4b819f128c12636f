"""Files of MLflow runs: configurations, sample grids, the front."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from gansearch.errors import UsageError
from gansearch.paths import SAMPLES_FILE
from gansearch.report.front.selection import Selection, select

if TYPE_CHECKING:
    from gansearch.record import StudyRecord
    from gansearch.space import Space

Files = dict[str, bytes]
"""Content by path within the run; empty if the source no longer exists."""

THUMBNAIL = 256
"""Longer side of an image in MLflow's grid, in pixels."""


@dataclass(frozen=True)
class Artifact:
    """Files of a run that belong together.

    Attributes:
        key: name of the artifact within the run.
        version: version of the content; a different one means different content.
        files: function that reads or makes the files.
        tags: tags of the run by which MLflow's pages find the files.
    """

    key: str
    version: str
    files: Callable[[], Files]
    tags: Mapping[str, str] = field(default_factory=dict)


def text_artifact(key: str, path: str, text: str) -> Artifact:
    """Make an artifact from a text."""
    return Artifact(key, digest(text), lambda: {path: text.encode()})


def samples_artifact(checkpoint: str, step: int, time: int) -> Artifact:
    """Make an artifact from a checkpoint's sample grid, where MLflow's image grid looks for it.

    Args:
        checkpoint: folder or URI that holds ``samples.png``.
        step: step of the run.
        time: milliseconds since the epoch.
    """
    return Artifact(
        key=f"samples.{step}",
        version="1",
        files=lambda: _image_files(checkpoint, step, time),
        tags={"mlflow.loggedImages": "True"},
    )


def front_artifact(space: Space, record: StudyRecord) -> Artifact:
    """Make an artifact of the current front: table, plots, description of the study's run."""
    selection: Selection | None = None
    try:
        selection = select(space, record)
        note = _note(selection)
    except UsageError as error:
        note = f"**No Pareto front:** {error}"
    shown = [(t.number, t.outcome, len(t.reports), t.scores) for t in record.trials]
    return Artifact(
        key="front",
        version=digest(note + repr(shown)),
        files=lambda: {"front/front.md": note.encode(), **_front_files(selection)},
        tags={
            "mlflow.note.content": note,
            "mlflow.loggedArtifacts": '[{"path": "front/front.json", "type": "table"}]',
        },
    )


def digest(text: str) -> str:
    """Return a short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _front_files(selection: Selection | None) -> Files:
    if selection is None:
        return {}
    from gansearch.report.curves import curves_figure
    from gansearch.report.plots import front_figure
    from gansearch.report.style import png

    table = selection.to_frame()
    return {
        "front/front.csv": table.to_csv(index=False, lineterminator="\n").encode(),
        "front/front.json": table.to_json(orient="split", index=False).encode(),
        "front/front.png": png(front_figure(selection)),
        "front/curves.png": png(curves_figure(selection)),
    }


def _note(selection: Selection) -> str:
    """Format the front in Markdown, which MLflow shows as the run's description."""
    from gansearch.report.tables import (
        FRONT,
        NOISE,
        notes,
        probability_text,
        trainings_text,
        value_text,
    )
    from gansearch.text.readable import number

    if not selection.front:
        return f"**Pareto front:** {selection.message}."
    metrics = [objective.metric for objective in selection.objectives]
    names = ["variant", *selection.varied]
    rows = [["trial", *metrics, FRONT, "n", *names], ["---"] * (3 + len(metrics) + len(names))]
    for trial in selection.front:
        mark = f" {NOISE}" if trial in selection.by_noise else ""
        mark = " **(knee)**" if trial is selection.knee else mark
        values = (value_text(selection, trial, metric) for metric in metrics)
        parameters = (number(trial.params.get(name)) for name in names)
        count = trainings_text(selection, trial)
        probability = probability_text(selection, trial)
        rows.append([f"{trial.number}{mark}", *values, probability, count, *parameters])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join(["**Pareto front**", table, *notes(selection)])


def _image_files(checkpoint: str, step: int, time: int) -> Files:
    from PIL import Image

    content = _read(checkpoint, SAMPLES_FILE)
    if content is None:
        return {}
    image = Image.open(BytesIO(content)).convert("RGB")
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    small = BytesIO()
    image.save(small, format="WEBP")
    # MLflow's names for images. The last part is fixed, so that a second write changes nothing.
    name = f"images/samples+step+{step}+timestamp+{time}+grid"
    return {f"{name}.png": content, f"{name}+compressed.webp": small.getvalue()}


def _read(folder: str, name: str) -> bytes | None:
    """Read a file of a checkpoint folder, local or on any storage that pyarrow supports."""
    from pyarrow import fs

    where = folder if "://" in folder else str(Path(folder).absolute())
    system, path = fs.FileSystem.from_uri(where)
    try:
        with system.open_input_stream(posixpath.join(path, name)) as stream:
            content: bytes = stream.read()
    except FileNotFoundError:
        return None
    return content
