"""The trainer of any variant, whose result follows from the configuration alone."""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from gansearch.config import TrainConfig
from gansearch.data import BatchStream, Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.errors import CheckpointError, ConfigError
from gansearch.hardware.device import DeviceLock
from gansearch.hardware.memory import PeakMemory
from gansearch.hardware.timer import TrainingTimer
from gansearch.record import images_of
from gansearch.settings import flatten
from gansearch.train.checkpoint import State, read_checkpoint, write_checkpoint
from gansearch.train.compute import Compute
from gansearch.train.cost import gmacs, parameters
from gansearch.train.monitor import DivergenceCheck, LossMeter
from gansearch.train.rng import RandomStream
from gansearch.train.rounds import Rounds
from gansearch.variants.base import Penalty, Variant
from gansearch.variants.catalog import CATALOG

DRY_RUNS = 3
"""Dry runs of each player's step when networks are compiled; the second records a CUDA graph."""
WINDOW = 1000
"""Real images between two checks of losses, divergence, time and memory."""


class Trainer:
    """Trains one configuration; all randomness comes from its seed.

    Args:
        config: configuration of the run.
        images: training and held-out images.
        device: device of the networks and batches.

    Attributes:
        config: configuration of the run.
        device: device of the networks and batches.
        device_lock: lock of the device; any work with the networks needs a turn on it.
        variant: the networks with their current weights.
        losses: means over the last window by ``loss/<player>/<part>``.
    """

    def __init__(self, config: TrainConfig, images: Images, device: torch.device) -> None:
        self.config = config
        self.device = device
        self._compute = Compute(config.compute, device)
        self._compile_seconds = 0.0
        self._is_compiled = not self._compute.compiles
        self.device_lock = DeviceLock(device)
        self.losses: dict[str, float] = {}
        self._goal = 0  # of the last advance, in images
        self._steps: Counter[str] = Counter()  # of each player in a round
        variant_class = CATALOG[config.variant].load()
        import_module("torch._dynamo")  # the first optimiser would import it: 70 MiB of the peak
        self._memory = PeakMemory(device)
        self._timer = TrainingTimer(device, self.device_lock)
        self._random = RandomStream(config.seed, device)
        # Not a bound method: the reference cycle would keep the networks until garbage collection.
        lazy_context = partial(_timed_lazy_penalty, self._timer, self._steps)
        with self.device_lock.shared(), self._memory.window():
            with self._random.active(), device:
                self.variant: Variant[Any] = variant_class(config.settings, images.train.spec)
            self.variant.prepare(images.train)
            self._compute.apply(self.variant)
            self._rounds = Rounds(self.variant, self._compute, lazy_context)
        self._fingerprint = images.train.fingerprint
        with self._memory.kept():
            self._stream = BatchStream(
                images.train, config.settings.batch_size, config.seed, device, config.compute.data
            )
        self._meter = LossMeter()
        self._divergence = DivergenceCheck(self.variant)

    @property
    def kimg(self) -> float:
        """Real images shown to the discriminator, or to a variant without one, in thousands."""
        return self._rounds.kimg

    def advance(self, to_kimg: float) -> None:
        """Train whole rounds until ``kimg`` is at least ``to_kimg``, with the schedule's settings.

        Raises:
            Diverged: detected at the end of a window; the weights stay as they are then.
        """
        self._goal = max(self._goal, images_of(to_kimg))
        changes = [images_of(change.kimg) for change in self.config.schedule]
        self.variant.train()
        if not self._is_compiled:
            with self._memory.kept():
                self._compile()
        with self._compute.steps(), self._random.active():
            while (images := self._rounds.images) < self._goal:
                self._follow_schedule()
                ahead = (change for change in changes if change > images)
                self._window(min(self._goal, (images // WINDOW + 1) * WINDOW, *ahead))

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw images from the averaged generator in evaluation mode; training is not affected.

        Args:
            batch: one condition per image, on the trainer's device.
            generator: CPU generator, the only source of randomness.

        Returns:
            ``[N, C, H, W]``, float32 in [-1, 1], on the trainer's device.
        """
        with self._evaluating(), torch.no_grad():
            return self.variant.sample(batch, generator)

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:
        """Return the variant's own metrics, with the averaged generator in evaluation mode."""
        with self._evaluating(), torch.no_grad():
            return self.variant.evaluate(heldout)

    def costs(self) -> dict[str, float]:
        """Time, memory, parameters and multiply-accumulates of the training so far."""
        with self._compute.exact():
            macs = gmacs(self.variant)
        tensors = chain(self.variant.parameters(), self.variant.buffers())
        return {
            **self._timer.costs(),
            "compile_seconds": self._compile_seconds,
            **self._memory.costs(sum(tensor.nbytes for tensor in tensors)),
            **parameters(self.variant),
            "gmacs": macs,
        }

    def save(self, path: Path) -> None:
        """Write all state that :meth:`load` needs to continue as if training had never stopped.

        Raises:
            OSError: the file cannot be written; an older one is left unchanged.
        """
        write_checkpoint(
            path,
            {
                "config": self.config.to_json(),
                "fingerprint": self._fingerprint,
                "variant": self.variant.state_dict(),
                "updaters": {n: u.state_dict() for n, u in self._rounds.updaters.items()},
                "ema": self._rounds.ema.tensors,
                "random": self._random.state,
                "position": self._stream.position,
                "images": self._rounds.images,
                "goal": self._goal,
                "timer": self._timer.state_dict(),
                "memory": self._memory.state_dict(),
                "compile_seconds": self._compile_seconds,
                "loss_scales": self._meter.scales,
            },
        )

    @classmethod
    def load(
        cls,
        path: Path,
        images: Images,
        device: torch.device,
        config: TrainConfig | None = None,
    ) -> Self:
        """Restore the trainer that :meth:`save` wrote.

        Args:
            path: the checkpoint's file.
            images: the same data as before.
            device: device to continue on; on the CPU, training continues bit for bit.
            config: configuration of the continued run. It equals the checkpoint's except for
                ``max_kimg``, ``compute.data`` and later parts of the schedule. By default it is the
                checkpoint's.

        Raises:
            CheckpointError: the file is damaged, or of another configuration or other data.
        """
        state = read_checkpoint(path)
        try:
            saved = TrainConfig.from_json(state["config"])
            config = config or saved
            if different := differences(saved, config, state["goal"]):
                raise CheckpointError(f"{path}: of another configuration: {different}")
            if state["fingerprint"] != images.train.fingerprint:
                raise CheckpointError(f"{path}: trained on other images than {config.data} gives")
        except (ConfigError, KeyError) as error:
            raise CheckpointError(f"{path}: holds no configuration: {error}") from error
        trainer = cls(config, images, device)
        try:
            trainer._restore(state)
        except (torch.OutOfMemoryError, torch.AcceleratorError):
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            summary = str(error).partition("\n")[0]
            raise CheckpointError(f"{path}: does not fit {config.variant}: {summary}") from error
        return trainer

    def _restore(self, state: State) -> None:
        with self._memory.kept():
            self._restore_training(state)
        self._timer.load_state_dict(state["timer"])
        self._memory.load_state_dict(state["memory"])
        self._compile_seconds = state["compile_seconds"]

    def _restore_training(self, state: State) -> None:
        self.variant.load_state_dict(state["variant"])
        self._rounds.images, self._goal = state["images"], state["goal"]
        past = self.config.up_to(self._goal)
        self._rounds.change(past.settings_at(self._rounds.images))
        for name, updater in self._rounds.updaters.items():
            updater.load_state_dict(state["updaters"][name])
        self._rounds.ema.load(state["ema"])
        self._random.state = state["random"]
        self._stream.position = state["position"]
        self._meter.scales = dict(state.get("loss_scales", {}))  # older checkpoints have none

    def _compile(self) -> None:
        """Compile the networks by running them, then restore all state."""
        started = time.perf_counter()
        state = copy.deepcopy(self.variant.state_dict())
        random, position = self._random.state, self._stream.position
        with self.device_lock.shared() as next_turn, self._compute.steps(), self._random.active():
            for _ in range(DRY_RUNS):
                self._rounds.dry_run(self._stream.next)
                next_turn()
        self.variant.load_state_dict(state)
        self._random.state, self._stream.position = random, position
        self._compile_seconds += time.perf_counter() - started
        self._is_compiled = True

    def _follow_schedule(self) -> None:
        settings = self.config.settings_at(self._rounds.images)
        if settings != self.variant.settings:
            self._rounds.change(settings)
            self._timer.begin_stage()

    def _window(self, to_images: int) -> None:
        phases = self.variant.phases()
        self._steps.clear()
        for name, count in phases:
            self._steps[name] += count
        shown = self._steps[self._rounds.counted] * self.config.settings.batch_size
        rounds = math.ceil((to_images - self._rounds.images) / shown)
        while rounds > 0:
            with self._timer.stretch(rounds, shown) as stretch, self._memory.window(len(stretch)):
                for _ in stretch:
                    self._round(phases)
            rounds -= len(stretch)
        self.losses = self._meter.close()
        self._divergence.check(self.losses, self._meter.scales, self.kimg)

    def _round(self, phases: Sequence[tuple[str, int]]) -> None:
        for player, losses in self._rounds.run(phases, self._stream.next):
            self._meter.add(player, losses)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.variant.training
        self.variant.eval()
        try:
            with self._rounds.ema.swapped_in(), self._compute.exact():
                yield
        finally:
            self.variant.train(training)


def _timed_lazy_penalty(
    timer: TrainingTimer, steps: Mapping[str, int], player: str, penalty: Penalty
) -> AbstractContextManager[None]:
    """Time a lazy penalty separately from its round; ``steps`` holds each player's steps in one."""
    return timer.lazy_penalty(f"{player}/{penalty.name}", penalty.interval / steps[player])


def differences(saved: TrainConfig, config: TrainConfig, images: int) -> str:
    """Return the fields in which two runs differ up to this many real images, as one line.

    Fields that change no weight, and later parts of the schedules, are ignored.
    """
    without: dict[str, Any] = {"max_kimg": True, "compute": {"data"}}
    mine, theirs = (
        flatten(each.up_to(images).model_dump(mode="json", exclude=without, serialize_as_any=True))
        for each in (saved, config)
    )
    return ", ".join(
        f"{name} is {mine.get(name)!r} there and {theirs.get(name)!r} here"
        for name in sorted(mine | theirs)
        if mine.get(name) != theirs.get(name)
    )
