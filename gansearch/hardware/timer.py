"""Training time, measured so that trials can be compared."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from gansearch.hardware.clock import Stretch, Timed
from gansearch.hardware.device import DeviceLock, device_name
from gansearch.hardware.lazy import LazyShares, TimingConditions
from gansearch.hardware.scatter import rate_error
from gansearch.record import kimg_of

WARM_UP = 16
"""Number of a process's first rounds that are excluded from time measurements, because libraries
tune and allocate in them. Memory is measured during them."""

MEASURED = 16
"""Minimum number of rounds in a measurement."""

SETTLING = 4
"""Number of unmeasured rounds at the start of an exclusive turn, which run with cold caches."""

SPACING = 1.5
"""Ratio of the images at which the next measurement is due to those at the last one."""

MEASURING_SHARE = 0.05
"""Share of a run's time for exclusive turns and waiting, above which the timer does not ask for
further measurements."""

_SHARED_SECONDS = 0.25
"""Approximate length of a stretch in a shared turn, which another process waits for before its
exclusive turn."""

_EXCLUSIVE_SECONDS = (0.05, 1.0)
"""Approximate minimum and maximum length of the settled part of a stretch in an exclusive turn."""


@dataclass
class _Stages:
    """Totals over stages of a run, each at its own rate.

    Attributes:
        seconds: time of all images at the rates of their stages.
        images: real images shown.
        measurements: number of undisturbed measurements.
        error: standard error of ``seconds``.
    """

    seconds: float = 0.0
    images: int = 0
    measurements: int = 0
    error: float = 0.0


class TrainingTimer:
    """Times training in stretches, some of them in exclusive turns on the device.

    The time between stretches does not count. The rate is the median of the measurements. A
    measurement has at least :data:`MEASURED` rounds during which no other process of the study uses
    the device. Measurements begin after :data:`WARM_UP` rounds of the process. A process that has
    the device for itself measures in every stretch. On a shared device it asks for an exclusive
    turn for the first measurement, and then at geometric intervals. The first :data:`SETTLING`
    rounds of such a turn are not measured. Measurements disturbed by programs outside the study
    count only if there are no others. A run too short for any measurement has the rate of all its
    stretches.

    Lazy penalties (:meth:`lazy_penalty`) are timed separately and added to the rate by their
    intervals.

    Stretches are timed on the device. On CUDA events do this, so that steps stay asynchronous.

    If the rounds change during the run (:meth:`begin_stage`), the rate of the run is the mean rate
    of its stages, weighted by images.

    Args:
        device: training device.
        lock: lock of the device.
    """

    def __init__(self, device: torch.device, lock: DeviceLock) -> None:
        self._device = device
        self._lock = lock
        self._born = time.perf_counter()
        self._all = Timed()
        self._stage = Timed()  # the present stage
        self._earlier = _Stages()
        self._warm_up = Timed()
        self._requested_seconds = 0.0  # of stretches for which an exclusive turn was requested
        self._exclusive = Timed()  # all measurements, disturbed or not
        self._rates: list[float] = []  # of undisturbed measurements, without lazy penalties
        self._disturbed: list[float] = []
        self._lazy = LazyShares()
        self._stretch: Stretch | None = None  # in progress
        self._next = 0  # images at which the next measurement is due
        self._process_rounds = 0
        self._round_seconds: float | None = None  # of the last stretch
        self._current = Timed()  # the measurement in progress
        self._waited_before = 0.0  # by earlier processes
        # Rate of the present stage on the kind of device that earlier stages were trained on, in
        # seconds per kimg; None if it is the same kind.
        self._reference: float | None = None

    @contextmanager
    def stretch(self, rounds: int, images: int) -> Iterator[Stretch]:
        """Time the next rounds.

        If the body raises, the time counts in the run's seconds but not in its rate.

        Args:
            rounds: remaining rounds, at least 1.
            images: real images per round, at least 1.

        Yields:
            The rounds to train now, between 1 and ``rounds`` of them.
        """
        due, is_warm = self._is_due(), self._process_rounds >= WARM_UP
        settling, measured = self._stretch_length(due)
        count = min(rounds, settling + measured)
        with self._lock.for_measurement(exclusive=due) as was_exclusive:
            stretch = self._stretch = Stretch(self._device, count, min(settling, count // 2))
            try:
                yield stretch
            except BaseException:
                self._all.seconds += stretch.elapsed()
                raise
            finally:
                self._stretch = None
            done, sample = stretch.whole(images), stretch.settled(images)
            is_exclusive = was_exclusive() and is_warm
        is_quiet = is_exclusive and not sample.is_disturbed
        taken = sample if is_quiet else done
        conditions = TimingConditions.EXCLUSIVE if is_quiet else TimingConditions(is_warm)
        self._lazy.add(taken.lazies, taken.plain_round, conditions)
        self._count(done)
        if due:
            self._requested_seconds += done.seconds
        if is_exclusive:
            self._measure(sample)
        elif due:  # the turn stayed shared
            self._next = round(self._all.images * SPACING)

    def lazy_penalty(self, name: str, every: float) -> AbstractContextManager[None]:
        """Time a lazy penalty that is computed within.

        Args:
            name: name of the penalty, unique among the players.
            every: mean number of rounds between computations; below 1 if a round has several steps
                of the player.
        """
        return self._stretch.lazy_penalty(name, every) if self._stretch else nullcontext()

    def begin_stage(self) -> None:
        """Begin a stage with another round time."""
        self._earlier, self._reference = self._stages(), None
        self._stage, self._current = Timed(), Timed()
        self._rates, self._disturbed = [], []
        self._lazy.begin_stage()
        self._next = self._all.images
        self._round_seconds = None

    def _is_due(self) -> bool:
        if self._process_rounds < WARM_UP or self._all.images < self._next:
            return False
        spent = self._requested_seconds + self._lock.waited_seconds
        affordable = spent <= MEASURING_SHARE * (time.perf_counter() - self._born)
        is_first = not self._rates and not self._disturbed
        return affordable or is_first or self._current.rounds > 0

    def _stretch_length(self, exclusive: bool) -> tuple[int, int]:
        """Numbers of settling rounds and of further rounds in the next stretch."""
        if self._round_seconds is None:
            return 0, 1
        if not exclusive:
            count = max(1, int(_SHARED_SECONDS / self._round_seconds))
            missing = WARM_UP - self._process_rounds
            return 0, count if missing <= 0 else min(count, missing)
        least, most = (int(seconds / self._round_seconds) for seconds in _EXCLUSIVE_SECONDS)
        settling = min(SETTLING, most // 4)  # fewer long rounds fill the caches
        wanted = max(least, MEASURED - self._current.rounds)
        return settling, max(1, min(most, wanted))

    def _count(self, done: Timed) -> None:
        if self._process_rounds < WARM_UP:
            self._warm_up.add(done)
        self._process_rounds += done.rounds
        self._round_seconds = done.seconds / done.rounds or None
        self._all.add(done)
        self._stage.add(done)

    def _measure(self, sample: Timed) -> None:
        self._exclusive.add(sample)
        self._current.add(sample)
        if self._current.rounds >= MEASURED:
            rates = self._disturbed if self._current.is_disturbed else self._rates
            rates.append(self._current.rate)
            self._current = Timed()
            self._next = round(self._all.images * SPACING)

    def costs(self) -> dict[str, float]:
        """Times of the run, in seconds, and their standard errors.

        - ``train_seconds``: total training time.
        - ``warmup_seconds``: part of it in the first rounds of a process.
        - ``waiting_seconds``: time spent waiting for turns, outside ``train_seconds``.
        - ``measured_alone``: number of undisturbed measurements, whose median is the rate.
        - ``outside_load``: share of the measurements' time during which programs outside the study
          occupied the cores.
        - ``seconds_per_kimg``: rate of the run; present after the first round.
        - ``seconds_per_kimg_error``, ``train_seconds_error``: standard errors by the scatter of
          measurements and of repeated runs.

        Errors of stages add up linearly, because stages share a process. The difference between
        ``train_seconds`` and the time at the run's rate counts as an error of ``train_seconds``.
        """
        run = self._stages()
        costs = {
            "train_seconds": self._all.seconds,
            "warmup_seconds": self._warm_up.seconds,
            "waiting_seconds": self._waited_before + self._lock.waited_seconds,
            "measured_alone": float(run.measurements),
            "outside_load": self._exclusive.lost / self._exclusive.seconds
            if self._exclusive.seconds
            else 0.0,
        }
        if run.images:
            costs["seconds_per_kimg"] = run.seconds / run.images * 1000
            costs["seconds_per_kimg_error"] = run.error / run.images * 1000
            costs["train_seconds_error"] = math.hypot(run.error, self._all.seconds - run.seconds)
        return costs

    def windows(self) -> tuple[float, ...]:
        """Seconds per kimg in each measurement of the present stage, including lazy penalties.

        In a run of one stage their median is ``seconds_per_kimg``. Disturbed measurements are
        returned only if there are no others. The result is empty without a complete measurement.
        """
        return tuple(rate * (1 + self._lazy.total) for rate in self._rates or self._disturbed)

    def _stages(self) -> _Stages:
        """Totals over all stages, including the present one."""
        stages, kimg = replace(self._earlier), kimg_of(self._stage.images)
        stages.measurements += len(self._rates)
        if kimg:
            rate = self._rate()
            error = rate_error(self.windows() if self._rates else (), rate)
            if self._reference is not None:
                ratio = rate / self._reference
                stages.error = ratio * (stages.error + stages.seconds * error / rate)
                stages.seconds *= ratio
            stages.seconds += rate * kimg
            stages.images += self._stage.images
            stages.error += error * kimg
        return stages

    def _rate(self) -> float:
        """Seconds per kimg of the present stage, which has shown images."""
        if windows := self.windows():
            return statistics.median(windows)
        plain = (self._current if self._current.images else self._stage).rate
        return plain * (1 + self._lazy.total)

    def state_dict(self) -> dict[str, Any]:
        """State for a checkpoint, as plain values."""
        return {
            "device": device_name(self._device),
            "all": asdict(self._all),
            "stage": asdict(self._stage),
            "earlier": asdict(self._earlier),
            "warm_up": asdict(self._warm_up),
            "waited": self._waited_before + self._lock.waited_seconds,
            "alone": asdict(self._exclusive),
            "plain_rates": list(self._rates),
            "disturbed": list(self._disturbed),
            "lazy": self._lazy.state_dict(),
            "current": asdict(self._current),
            "next": self._next,
            "reference": self._reference,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from :meth:`state_dict`.

        Measurements on another kind of device are dropped, and the present stage is measured again.
        Earlier stages keep their times relative to the present stage's rate on that device.
        """
        self._all = Timed(**state["all"])
        self._stage = Timed(**state["stage"])
        self._earlier = _Stages(**state["earlier"])
        self._warm_up = Timed(**state["warm_up"])
        self._waited_before = state["waited"]
        self._exclusive = Timed(**state["alone"])
        self._rates, self._disturbed = list(state["plain_rates"]), list(state["disturbed"])
        self._lazy.load_state_dict(state["lazy"])
        self._current = Timed(**state["current"])
        self._next = state["next"]
        self._reference = state.get("reference")  # older checkpoints have none
        if state["device"] != device_name(self._device):
            self._drop_measurements()

    def _drop_measurements(self) -> None:
        if self._reference is None and self._earlier.images and self._stage.images:
            self._reference = self._rate()
        self._earlier.measurements = 0
        self._exclusive, self._current = Timed(), Timed()
        self._rates, self._disturbed = [], []
        self._lazy = LazyShares()
        self._next = 0
