"""Check that a run's inputs exist, without expensive imports.

It covers images and their number, weight files, cores and GPUs. Each message gives the space's key
and a remedy.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from gansearch.config import DataConfig
from gansearch.data.catalog import DATA_SETS
from gansearch.data.files import classes_of, image_files
from gansearch.errors import DataError, SpaceError
from gansearch.hardware.cores import usable_cores
from gansearch.metrics.catalog import METRICS, Counts, Metric, shortages
from gansearch.metrics.weights import PublishedWeights, weights_of
from gansearch.settings import AUTO, Scalar
from gansearch.space import Choice, Constant, FloatRange, IntRange, Space
from gansearch.space.draft import Finding
from gansearch.space.specs import defaults_of, takes
from gansearch.space.yaml import read_yaml
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind

REACHED_SECONDS = 2.0
"""Seconds after which a host of weights counts as unreachable."""
OPENED = 100
"""Most images to open in a folder to propose a resolution."""

_IMAGES_OF = ("batch_size", "labelled")  # settings that are numbers of training images


@dataclass(frozen=True)
class _Known:
    """Facts of a data set that are known without opening an image.

    Attributes:
        train: number of training images.
        heldout: number of held-out images.
        fewest: number of images of the smallest class; ``None`` without classes, or if unknown.
        classes: number of classes; 0 without labels.
    """

    train: int
    heldout: int
    fewest: int | None
    classes: int


def check_available(space: Space, *, machine: bool = True) -> None:
    """Check that a run of ``space`` would find all that it needs.

    Args:
        space: the space to check.
        machine: whether it would run on this machine; a cluster's cores and GPUs are unknown.

    Raises:
        SpaceError: lists everything that is missing.
    """
    findings = [*_unresolved(space), *_weights(space), *_projectors(space)]
    findings += _resources(space) if machine else ()
    try:
        known = _known(space.data)
    except DataError as error:
        findings.append((("data", "path"), str(error)))
    else:
        findings += [*_images(space, known), *_labels(space, known), *_counts(space, known)]
    if findings:
        file = Path(space.file or "space")
        document = read_yaml(space.text or "variant: []", file)
        missing = (document.invalid_entry(*finding) for finding in findings)
        raise SpaceError(file, list(dict.fromkeys(missing)))


# --- Images --------------------------------------------------------------------------------------


def _known(config: DataConfig) -> _Known:
    data = DATA_SETS[config.name]
    count, classes, fewest = data.images, data.classes, None
    if data.files and not config.download:
        missing = [file for file in data.files if not (_path(config) / file).is_file()]
        if missing:
            raise DataError(
                f"{_path(config)} has no {missing[0]}: put it there, or set download: true where "
                "there is a network"
            )
    if not data.side:
        names = [file.name for file in image_files(_path(config))]
        labels, classes = classes_of(names)
        count, fewest = len(names), min(Counter(labels).values()) if labels else None
    heldout = max(1, round(config.holdout * count)) if config.holdout else 0
    return _Known(count - heldout, heldout, fewest, classes)


def _path(config: DataConfig) -> Path:
    return (config.path or Path()).expanduser()


def _unresolved(space: Space) -> Iterator[Finding]:
    """Check that a resolution is given, unless the data set is digits."""
    config = space.data
    if "resolution" in config.model_fields_set or config.name == "digits":
        return
    side = DATA_SETS[config.name].side
    found = f": its images have {side} pixels; write {side}" if side else _sizes(config)
    yield ("data", "resolution"), f"is required for {config.name}{found}"


def _sizes(config: DataConfig) -> str:
    from PIL import Image  # expensive, needed only here

    try:
        files = image_files(_path(config))
    except DataError:
        return ""  # reported on its own
    sizes: Counter[tuple[int, int]] = Counter()
    for file in files[:: -(-len(files) // OPENED)]:
        try:
            with Image.open(_path(config) / file.name) as image:
                sizes[image.size] += 1
        # Pillow raises errors of any type for damaged files.
        except Exception:  # noqa: S112 - loading the images reports it
            continue
    if not sizes:
        return f", and none of the images in {config.path} can be read"
    shown = ", ".join(f"{w}x{h}" for (w, h), _ in sizes.most_common(3))
    shortest = min(sizes.most_common(1)[0][0])
    side = min(max(1 << (shortest.bit_length() - 1), 8), 1024)
    more = " and more" * (len(sizes) > 3)
    return f": the images in {config.path} have {shown}{more} pixels; write {side}"


def _images(space: Space, known: _Known) -> Iterator[Finding]:
    """Check that batches and labelled sets are no larger than the training set."""
    if known.train < 1:
        yield ("data", "holdout"), "leaves no images to train on"
        return
    for variant in space.variant:
        for name in _IMAGES_OF:
            for path, value in _given(space, variant, name):
                if isinstance(value, int) and value > known.train:
                    message = f"{value:,} is more than the {known.train:,} training images"
                    yield path, f"{message}: lower it, or give more images"


def _given(space: Space, variant: str, name: str) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    """Yield the largest value, or every listed one, of a variant's setting, with its path."""
    if name not in takes(variant):
        return
    section, key = space.entries(variant).get(name, ("training", name))
    given = getattr(space, section).get(key, defaults_of(variant)[name])
    if isinstance(given, FloatRange | IntRange):
        yield (section, key), given.high
    elif isinstance(given, Choice):
        yield from (((section, key, str(i)), value) for i, value in enumerate(given.values))
    else:
        yield (section, key), given.value if isinstance(given, Constant) else given


def _labels(space: Space, known: _Known) -> Iterator[Finding]:
    """Check that a folder has classes if a variant is conditioned on them."""
    for i, variant in enumerate(space.variant):
        if CATALOG[variant].data is DataKind.LABEL and not known.classes:
            message = f"{variant} needs classes: first-level sub-folders of {space.data.path}"
            yield ("variant", i), f"{message} that hold all images, at least two"


def _counts(space: Space, known: _Known) -> Iterator[Finding]:
    """Check that there are enough images and samples for the metrics."""
    evaluation = space.evaluation
    finalists = [evaluation.finalists.samples] if evaluation.finalists else []
    samples = min([evaluation.samples, *finalists])
    have = Counts(
        samples=samples,
        real=known.train,
        heldout=known.heldout,
        samples_of_class=samples // known.classes if known.classes else None,
        real_of_class=known.fewest,
        resolution=space.data.resolution,
    )
    for path, metric in _metrics(space):
        for line in shortages([metric.name], have):
            yield path, line
        if metric.by_class and not known.classes:
            yield path, f"{metric.name} is computed by class, and the images have no classes"


def _metrics(space: Space) -> Iterator[tuple[tuple[str | int, ...], Metric]]:
    """The quality metrics of a space, with their paths."""
    for section in ("objectives", "constraints"):
        for bound in getattr(space, section):
            yield (section, bound.metric), METRICS[bound.metric]
    for i, name in enumerate(space.evaluation.metrics):
        yield ("evaluation", "metrics", i), METRICS[name]


# --- Weights -------------------------------------------------------------------------------------


def _weights(space: Space) -> Iterator[Finding]:
    """Check that weight files exist or can be downloaded."""
    given = space.evaluation.inception_weights
    if given is not None and not given.is_file():
        yield ("evaluation", "inception_weights"), f"there is no file {given}"
    for path, metric in _metrics(space):
        missing = [w for w in weights_of(metric) if not _is_there(w, space)]
        if missing and not _reached(missing[0].url):
            place = missing[0].place()
            named = f" or name it: {missing[0].setting}" if missing[0].setting else ""
            others = _alternatives(metric, space)
            instead = f"; {' or '.join(others)} need no such file" if others else ""
            yield (
                path,
                f"{metric.name} needs {missing[0].file}, which is not on this machine and cannot "
                f"be downloaded: put it at {place}{named}{instead}",
            )


def _projectors(space: Space) -> Iterator[Finding]:
    """Check that files of projector weights exist."""
    for variant in space.variant:
        for path, value in _given(space, variant, "projector_weights"):
            if value not in ("hub", "random") and not Path(str(value)).is_file():
                yield path, f"there is no file {value}; hub and random need none"


def _is_there(weights: PublishedWeights, space: Space) -> bool:
    given = space.evaluation.inception_weights if weights.setting else None
    return given is not None or weights.place().is_file()


def _alternatives(metric: Metric, space: Space) -> list[str]:
    """Metrics of the same kind whose features need no missing weights."""
    return [
        other.name
        for other in METRICS.values()
        if other.method == metric.method
        and (not other.data or space.data.name in other.data)
        and all(_is_there(weights, space) for weights in weights_of(other))
    ]


def _reached(url: str) -> bool:
    """Whether a host answers in time; a thread bounds the name lookup, which may hang."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def connect() -> None:
        try:
            socket.create_connection((urlparse(url).hostname, 443), REACHED_SECONDS).close()
        except OSError:
            answers.put(False)
        else:
            answers.put(True)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return answers.get(timeout=REACHED_SECONDS)
    except queue.Empty:
        return False


# --- The machine ---------------------------------------------------------------------------------


def _resources(space: Space) -> Iterator[Finding]:
    """Check that this machine has the cores and GPUs of one trial."""
    if os.environ.get("RAY_ADDRESS"):
        return
    cpus, gpus = usable_cores(), _gpus()
    elsewhere = "or set RAY_ADDRESS to a cluster that has them"
    if space.resources.cpus > cpus:
        have = f"this command may use {cpus} of this machine's cores"
        message = f"{space.resources.cpus:g} for a trial, and {have}: lower it"
        yield ("resources", "cpus"), f"{message}, {elsewhere}"
    wanted = 0.01 if space.resources.gpus == AUTO else space.resources.gpus
    if gpus is not None and wanted > gpus:
        have = f"{gpus} GPUs" if gpus else "no GPU"
        asked = AUTO if space.resources.gpus == AUTO else f"{space.resources.gpus:g}"
        message = f"{asked} for a trial, and this machine has {have}: lower it"
        yield ("resources", "gpus"), f"{message}, {elsewhere}"


def _gpus() -> int | None:
    """Count the GPUs that this process may use; ``None`` if only a driver could tell."""
    if any(Path(device).exists() for device in ("/dev/dxg", "/dev/kfd")):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = len(list(Path("/dev").glob("nvidia[0-9]*")))
    if visible is None:
        return found
    return min(found, len([name for name in visible.split(",") if name.strip() not in ("", "-1")]))
