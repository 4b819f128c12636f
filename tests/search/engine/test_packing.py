"""Shares of GPUs by predicted memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gansearch.config import TrainConfig
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Report, StudyRecord
from gansearch.search.engine import packing
from gansearch.search.engine.packing import (
    EVALUATION_MIB,
    MARGIN,
    PROCESS_MIB,
    MemoryPredictor,
    share_of_gpu,
)
from gansearch.space import Space

GPU = 64 * 1024.0
"""Memory of a GPU, in MiB."""


def test_the_share_is_the_smallest_that_contains_the_need(
    study: Callable[..., StudyRecord],
) -> None:
    for share, next_one in ((1 / 8, 1 / 4), (1 / 4, 1 / 2), (1 / 2, 1.0)):
        most = (share * GPU - PROCESS_MIB) / MARGIN
        assert share_of_gpu(0.999 * most, study()) == share
        assert share_of_gpu(1.001 * most, study()) == next_one
    assert share_of_gpu(GPU, study()) == 1.0  # not clearly too large


def test_a_need_above_every_gpu_is_refused(study: Callable[..., StudyRecord]) -> None:
    with pytest.raises(MemoryError, match="80,000 MiB; the largest GPU has 65,536 MiB"):
        share_of_gpu(80_000, study())


def test_a_share_is_of_the_smallest_gpu_and_the_limit_is_the_largest(
    study: Callable[..., StudyRecord],
) -> None:
    both = study(GPU, GPU / 4)
    assert share_of_gpu(10_000, study()) == 1 / 4
    assert share_of_gpu(10_000, both) == 1.0
    assert share_of_gpu(30_000, both) == 1.0


def test_a_trial_that_needed_more_than_was_predicted_widens_the_margin(
    study: Callable[..., StudyRecord],
    trial: Callable[..., Any],
) -> None:
    def after(predicted: float, reserved: float) -> StudyRecord:
        """A study with a trial; its reserved memory counts, not the part in use."""
        metrics = {
            PREDICTED_MEMORY: predicted,
            "peak_memory_mib": predicted,
            "reserved_memory_mib": reserved + EVALUATION_MIB,
        }
        return study(trials=(trial(reports=(Report(1.0, metrics),)),))

    predicted = (GPU / 4 - PROCESS_MIB) / 1.2  # within a quarter by a margin of up to 1.2
    assert share_of_gpu(predicted, study()) == 1 / 4
    assert share_of_gpu(predicted, after(10_000, 12_500)) == 1 / 2
    assert share_of_gpu(predicted, after(10_000, 8_000)) == 1 / 4
    assert share_of_gpu(predicted, after(10, 20)) == 1 / 4  # too small to count


def test_equal_networks_are_predicted_once(
    packed: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[TrainConfig] = []
    monkeypatch.setattr(packing, "_predict", lambda config: configs.append(config) or 7.0)
    space, predictor = packed(4, [8, 16]), MemoryPredictor()
    for batch_size, rate in ((8, 0.1), (8, 0.2), (16, 0.2)):
        params = {"variant": "gan", "batch_size": batch_size, "g_lr": rate}
        assert predictor.predict(space.train_config(params, seed=len(configs))).result() == 7.0
    predictor.close()
    assert [config.settings.batch_size for config in configs] == [8, 16]


def test_memory_predicted_for_a_chosen_share_is_compared_with_the_whole_gpu(
    study: Callable[..., StudyRecord],
) -> None:
    """The study may give a trial a larger share; a share that the user chose is the limit."""
    predicted_memory = {PREDICTED_MEMORY: 1000.0, DEVICE_MEMORY: GPU / 4}
    assert packing.memory_on_largest_gpu(predicted_memory, study()) == {
        **predicted_memory,
        DEVICE_MEMORY: GPU,
    }
    assert (
        packing.memory_on_largest_gpu(predicted_memory, StudyRecord("s", "", "", 0.0, {}, ()))
        == predicted_memory
    )
