"""How long training takes, measured so that two trials can be compared."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from gansearch.metrics.clock import Stretch, Timed
from gansearch.metrics.device import Turns, device_name
from gansearch.metrics.lazy import LazyShares, Quality
from gansearch.metrics.scatter import rate_error

WARM_UP = 16
"""Rounds of a process before its time is measured: tuning, first allocations. Its memory is."""

MEASURED = 16
"""Rounds of a measurement, at least."""

SETTLING = 4
"""Rounds before those that are measured once others have left: they find caches cold."""

SPACING = 1.5
"""Progress from one measurement to asking for the next, as a factor."""

SHARE = 0.05
"""Of a run's time that asking for more measurements, and waiting for others', may take."""

_BESIDE_SECONDS = 0.25
"""Of a stretch beside others, about: so long does one wait who wants to be alone."""

_ALONE_SECONDS = (0.05, 1.0)
"""Of a stretch alone that has settled, about: the least and the most."""


@dataclass
class _Stages:
    """What stages of a run come to, each at its own rate; ``error`` is that of the seconds."""

    seconds: float = 0.0
    images: int = 0
    measurements: int = 0
    error: float = 0.0


class TrainingTimer:
    """Times training in stretches, and nothing between them; measures some of them alone.

    The rate is the median of measurements, each of :data:`MEASURED` rounds or more in which nobody
    else uses the device, after a process's :data:`WARM_UP`. On a device of its own that is all of
    them. Where others are there, they are asked to leave for the first one, and then at geometric
    distances; their first :data:`SETTLING` rounds are not measured yet. Measurements in which
    programs outside of the study had the cores count where there is no other, and a run too short
    for any measurement has the rate of all its stretches.

    Lazy penalties (:meth:`lazily`) are timed apart, and added as often as their intervals say.

    A stretch is timed on the device: on CUDA by its events, so that its steps stay asynchronous.

    Where rounds change on the way (:meth:`begin_stage`), the rate of the run is the mean of its
    stages' rates, weighted by their images.

    Args:
        device: that is trained on.
        turns: of this process on it.
    """

    def __init__(self, device: torch.device, turns: Turns) -> None:
        self._device = device
        self._turns = turns
        self._born = time.perf_counter()
        self._all = Timed()
        self._stage = Timed()  # since what a round does last changed
        self._earlier = _Stages()
        self._warm_up = Timed()
        self._asked_seconds = 0.0  # alone, which others waited for
        self._alone = Timed()  # all that was measured, disturbed or not
        self._rates: list[float] = []  # of measurements, without lazy penalties
        self._disturbed: list[float] = []
        self._lazy = LazyShares()
        self._stretch: Stretch | None = None  # that is being trained
        self._next = 0  # images at which the next measurement is due
        self._process_rounds = 0
        self._round_seconds: float | None = None  # of the last stretch
        self._current = Timed()  # the measurement in progress
        self._waited_before = 0.0  # by earlier processes

    @contextmanager
    def stretch(self, rounds: int, images: int) -> Iterator[Stretch]:
        """Time the next rounds; yields those to be trained now, from 1 to ``rounds``.

        A stretch that raises adds to the seconds and not to the rate.

        Args:
            rounds: that are to be trained, at least 1.
            images: real images that each of them shows, at least 1.
        """
        due, ripe = self._is_due(), self._process_rounds >= WARM_UP
        settling, measured = self._fitting(due)
        count = min(rounds, settling + measured)
        with self._turns.measured(alone=due) as was_alone:
            stretch = self._stretch = Stretch(self._device, count, min(settling, count // 2))
            try:
                yield stretch
            except BaseException:
                self._all.seconds += stretch.elapsed()
                raise
            finally:
                self._stretch = None
            done, sample = stretch.whole(images), stretch.settled(images)
            alone = was_alone() and ripe
        is_quiet = alone and not sample.is_disturbed
        taken = sample if is_quiet else done
        quality = Quality.ALONE if is_quiet else Quality(ripe)
        self._lazy.add(taken.lazies, taken.plain_round, quality)
        self._count(done)
        if due:
            self._asked_seconds += done.seconds
        if alone:
            self._measure(sample)
        elif due:  # the others did not leave
            self._next = round(self._all.images * SPACING)

    def lazily(self, name: str, every: float) -> AbstractContextManager[None]:
        """Within, a lazy penalty is computed, as it is once in ``every`` rounds on average.

        Args:
            name: of the penalty, unique among the players'.
            every: rounds, at least 1 or, where a round has several of the player's steps, less.
        """
        return self._stretch.lazily(name, every) if self._stretch else nullcontext()

    def begin_stage(self) -> None:
        """Rounds take another time from now on."""
        self._earlier = self._stages()
        self._stage, self._current = Timed(), Timed()
        self._rates, self._disturbed = [], []
        self._lazy.begin_stage()
        self._next = self._all.images
        self._round_seconds = None

    def _is_due(self) -> bool:
        if self._process_rounds < WARM_UP or self._all.images < self._next:
            return False
        spent = self._asked_seconds + self._turns.waited
        affordable = spent <= SHARE * (time.perf_counter() - self._born)
        is_first = not self._rates and not self._disturbed
        return affordable or is_first or self._current.rounds > 0

    def _fitting(self, alone: bool) -> tuple[int, int]:
        """Rounds to settle in the next stretch, and rounds that follow them."""
        if self._round_seconds is None:
            return 0, 1
        if not alone:
            count = max(1, int(_BESIDE_SECONDS / self._round_seconds))
            missing = WARM_UP - self._process_rounds
            return 0, count if missing <= 0 else min(count, missing)
        least, most = (int(seconds / self._round_seconds) for seconds in _ALONE_SECONDS)
        settling = min(SETTLING, most // 4)  # caches fill in a small part of a long round
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
        self._alone.add(sample)
        self._current.add(sample)
        if self._current.rounds >= MEASURED:
            rates = self._disturbed if self._current.is_disturbed else self._rates
            rates.append(self._current.rate)
            self._current = Timed()
            self._next = round(self._all.images * SPACING)

    def costs(self) -> dict[str, float]:
        """The run's time, in seconds.

        ``train_seconds`` is all of the training, ``warmup_seconds`` the part of it that was a
        process's first rounds, and ``waiting_seconds`` what waiting for turns came to beside it.
        Once a round was trained there is ``seconds_per_kimg``, and how many measurements alone it
        is the median of: ``measured_alone``. ``outside_load`` is the share of all measurements'
        time that programs outside of the study had the cores.

        Both times have a standard error, ``seconds_per_kimg_error`` and ``train_seconds_error``, by
        the scatter of the measurements and of repeated runs; those of stages add up, since they
        share a process. What training took beyond its rate is an error of ``train_seconds``.
        """
        run = self._stages()
        costs = {
            "train_seconds": self._all.seconds,
            "warmup_seconds": self._warm_up.seconds,
            "waiting_seconds": self._waited_before + self._turns.waited,
            "measured_alone": float(run.measurements),
            "outside_load": self._alone.lost / self._alone.seconds if self._alone.seconds else 0.0,
        }
        if run.images:
            costs["seconds_per_kimg"] = run.seconds / run.images * 1000
            costs["seconds_per_kimg_error"] = run.error / run.images * 1000
            costs["train_seconds_error"] = math.hypot(run.error, self._all.seconds - run.seconds)
        return costs

    def windows(self) -> tuple[float, ...]:
        """Seconds per kimg in each measurement of the present stage, lazy penalties included.

        Their median is ``seconds_per_kimg`` of a run of one stage. Those that programs outside of
        the study disturbed are given where all were; none where no measurement is complete.
        """
        return tuple(rate * (1 + self._lazy.total) for rate in self._rates or self._disturbed)

    def _stages(self) -> _Stages:
        """What the stages come to, the present one among them."""
        stages, kimg = replace(self._earlier), self._stage.images / 1000
        stages.measurements += len(self._rates)
        if kimg:
            alone = self.windows() if self._rates else ()
            stages.seconds += self._rate() * kimg
            stages.images += self._stage.images
            stages.error += rate_error(alone, self._rate()) * kimg
        return stages

    def _rate(self) -> float:
        """Seconds per kimg of the present stage, which has images."""
        if windows := self.windows():
            return statistics.median(windows)
        plain = (self._current if self._current.images else self._stage).rate
        return plain * (1 + self._lazy.total)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, plain values."""
        return {
            "device": device_name(self._device),
            "all": asdict(self._all),
            "stage": asdict(self._stage),
            "earlier": asdict(self._earlier),
            "warm_up": asdict(self._warm_up),
            "waited": self._waited_before + self._turns.waited,
            "alone": asdict(self._alone),
            "plain_rates": list(self._rates),
            "disturbed": list(self._disturbed),
            "lazy": self._lazy.state_dict(),
            "current": asdict(self._current),
            "next": self._next,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave; another kind of device is measured anew."""
        self._all = Timed(**state["all"])
        self._stage = Timed(**state["all"])
        self._warm_up = Timed(**state["warm_up"])
        self._waited_before = state["waited"]
        if state["device"] == device_name(self._device):
            self._stage = Timed(**state["stage"])
            self._earlier = _Stages(**state["earlier"])
            self._alone = Timed(**state["alone"])
            self._rates, self._disturbed = list(state["plain_rates"]), list(state["disturbed"])
            self._lazy.load_state_dict(state["lazy"])
            self._current = Timed(**state["current"])
            self._next = state["next"]
