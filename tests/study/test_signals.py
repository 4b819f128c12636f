"""Ctrl-C and SIGTERM: deferred by a study; otherwise they end a command at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from gansearch.study.signals import SIGNALS, deferred_signals, raise_deferred


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_deferred_and_the_second_acts(number: signal.Signals) -> None:
    calls: list[int] = []
    signal.signal(number, lambda got, _frame: calls.append(got))
    with deferred_signals() as received:
        os.kill(os.getpid(), number)
        assert (received, calls) == ([number], [])
        os.kill(os.getpid(), number)
        assert (received, calls) == ([number], [number])


def test_handlers_are_restored() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    with deferred_signals():
        assert {number: signal.getsignal(number) for number in SIGNALS} != before
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


def test_a_deferred_signal_is_raised() -> None:
    raise_deferred([])
    with pytest.raises(KeyboardInterrupt):
        raise_deferred([signal.SIGINT, signal.SIGTERM])
    with pytest.raises(SystemExit) as ended:
        raise_deferred([signal.SIGTERM])
    assert ended.value.code == 143


def test_another_thread_does_not_defer_signals() -> None:
    found: list[list[int]] = []

    def look() -> None:
        with deferred_signals() as received:
            found.append(received)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [[]]


END = """
import signal, time
from gansearch.study.signals import exit_on_signals
exit_on_signals()
print("ready", flush=True)
try:
    time.sleep(60)
except BaseException as error:  # as the import of a library may
    print("lost", repr(error), flush=True)
    time.sleep(60)
finally:
    print("finally", flush=True)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_ends_at_once_and_nothing_can_swallow_the_signal(
    number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", END], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert err == "interrupted; run the same command again\n"
