"""The rule that stops no trial."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from gansearch.record import Report, TrialRecord
from gansearch.search.stopping.never import Never


@pytest.mark.parametrize("quality", [0.0, 1e9, math.inf])
def test_no_trial_is_stopped(
    quality: float, trial: Callable[..., TrialRecord], report: Callable[..., Report]
) -> None:
    rule = Never()
    rule.restore(trial(0, reports=(report(5, 1.0),)), continues=True)
    assert rule.reason_to_stop(trial(1, reports=(report(5, quality),))) is None
