"""Spaces whose trials share GPUs, and studies on such GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gansearch.record import StudyRecord
from gansearch.search.engine.packing import (
    gpu_memory_tag,
)
from gansearch.space import Space, parse_space

GPU = 64 * 1024.0
"""Memory of a GPU, in MiB."""
SPACE = """
name: packed
variant: gan
data: {{name: digits, holdout: 0.5}}
parameters:
  batch_size: {batches}
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: 1}}
resources: {{cpus: 1, gpus: auto}}
search: {{sampler: grid, stopping: none}}
"""


@pytest.fixture(scope="session")
def packed() -> Callable[[int, list[int]], Space]:
    """Makes a space with ``gpus: auto``, of so many trials over batch sizes."""

    def make(trials: int, batches: list[int]) -> Space:
        return parse_space(SPACE.format(trials=trials, batches=batches), "packed.yaml")

    return make


@pytest.fixture(scope="session")
def study() -> Callable[..., StudyRecord]:
    """Makes a study on GPUs with the given memory in MiB; one of 64 GiB by default."""

    def make(*memory: float, **fields: Any) -> StudyRecord:
        record = StudyRecord("s", "", "", 0.0, gpu_memory_tag(memory or (GPU,)), ())
        return replace(record, **fields)

    return make
