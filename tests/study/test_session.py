"""The end of a study's run: by itself, by an error, by a signal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gansearch.errors import StudyError
from gansearch.record import Observer, Score, StudyRecord
from gansearch.search.engine import tune
from gansearch.search.engine.tune import SearchAdaptor, StopCondition
from gansearch.space import Space, parse_space
from gansearch.study.reading import load_study
from gansearch.study.run import resume_study, run_study
from gansearch.study.session import with_scores

SPACE = """
name: tiny
variant: gan
data: {name: digits}
evaluation: {samples: 100}
parameters:
  g_lr: {type: float, low: 0.01, high: 0.2, log: true}
objectives:
  fd_digits: minimize
budget: {trials: 2, max_kimg: 10}
"""


def space() -> Space:
    return parse_space(SPACE, "tiny.yaml")


Search = Callable[[SearchAdaptor, Space, str, StopCondition], None]


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> Callable[[Search], None]:
    """Replace the cluster, the search on it, and the default observers."""

    def replace(search: Search) -> None:
        monkeypatch.setattr(
            "gansearch.study.session.default_observers", lambda _: lambda _: (Silent(),)
        )
        monkeypatch.setattr("gansearch.search.engine.cluster.cluster", lambda *_: nullcontext())
        monkeypatch.setattr(tune, "search", search)

    return replace


def nothing(*_: Any) -> None:
    """A search that ends at once."""


class Silent:
    """An observer that keeps the last record."""

    def update(self, record: StudyRecord) -> None:
        self.record = record

    close = update


def test_a_search_whose_record_cannot_be_kept_is_an_error(
    tmp_path: Path, searching: Callable[[Search], None]
) -> None:
    def search(adaptor: SearchAdaptor, *_: Any) -> None:
        adaptor.error = RuntimeError("the disk is gone")

    searching(search)
    with pytest.raises(StudyError, match=r"the disk is gone.*gansearch resume s") as raised:
        run_study(space(), name="s", results=tmp_path)
    assert isinstance(raised.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_ends_the_search_and_is_raised_then(
    tmp_path: Path,
    searching: Callable[[Search], None],
    number: signal.Signals,
    raised: type[BaseException],
) -> None:
    def search(
        _adaptor: SearchAdaptor, _space: Space, _storage: str, stop_condition: StopCondition
    ) -> None:
        os.kill(os.getpid(), number)
        while not stop_condition.stop_all():
            time.sleep(0.01)

    searching(search)
    before, seen = signal.getsignal(number), Silent()
    with pytest.raises(raised) as ended:
        run_study(space(), name="s", results=tmp_path, observers=lambda _: (seen,))
    assert signal.getsignal(number) == before
    assert seen.record.ending.startswith("interrupted with 0 of ")
    assert f"continue with `gansearch resume s --results {tmp_path}`" in seen.record.ending
    if raised is SystemExit:
        assert ended.value.code == 128 + number
    searching(nothing)
    resume_study("s", results=tmp_path)  # the lease was given back


def test_observers_are_closed_with_the_record_of_a_failed_search(
    tmp_path: Path, searching: Callable[[Search], None]
) -> None:
    class Watcher(Observer):
        closed: StudyRecord | None = None

        def update(self, record: StudyRecord) -> None: ...

        def close(self, record: StudyRecord) -> None:
            self.closed = record

    def search(*_: Any) -> None:
        raise RuntimeError("Ray broke")

    searching(search)
    watcher = Watcher()
    with pytest.raises(RuntimeError, match="Ray broke"):
        run_study(space(), name="s", results=tmp_path, observers=lambda _: [watcher])
    assert watcher.closed == load_study("s", tmp_path)[1]


def test_rescored_trials_replace_those_of_the_record(trained: Path) -> None:
    _, record = load_study("s", trained)
    rescored = replace(record.trials[1], scores={"fd_digits": SCORE})
    assert with_scores(record, {}) == record
    changed = with_scores(record, {1: rescored})
    assert changed.trials == (record.trials[0], rescored)
    assert replace(changed, trials=record.trials) == record


SCORE = Score(0.1, (1, 2), (3.0, 4.0), "protocol", 0.0)
