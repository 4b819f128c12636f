"""The one trainer: rounds of phases over any variant, reproducible from its configuration alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from gansearch.config import TrainConfig
from gansearch.data import BatchStream, Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.errors import CheckpointError, ConfigError
from gansearch.metrics.cost import PeakMemory, TrainingTimer, gmacs, parameters
from gansearch.settings import flatten
from gansearch.train.checkpoint import State, read_checkpoint, write_checkpoint
from gansearch.train.ema import Ema
from gansearch.train.monitor import DivergenceCheck, LossMeter
from gansearch.train.rng import RandomStream
from gansearch.train.updater import Updater
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG

WINDOW = 1000
"""Real images between two looks at the device: losses, divergence, time and memory."""


class Trainer:
    """Trains one configuration; everything random comes from its seed.

    Attributes:
        config: of the run.
        device: that the networks and batches are on.
        variant: the networks, with the weights as they are now.
        losses: means over the last window by ``loss/<player>/<part>``.
    """

    def __init__(self, config: TrainConfig, images: Images, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.losses: dict[str, float] = {}
        variant_class = CATALOG[config.variant].load()
        import_module("torch._dynamo")  # or the first optimiser imports it: 70 MiB of the peak
        self._memory = PeakMemory(device)
        self._timer = TrainingTimer(device)
        self._random = RandomStream(config.seed, device)
        with self._memory.window():
            with self._random.active(), device:
                self.variant: Variant[Any] = variant_class(config.settings, images.train.spec)
            self.variant.prepare(images.train)
            players = self.variant.players
            self._updaters = {name: Updater(self.variant, each) for name, each in players.items()}
            self._ema = Ema(players["g"].modules, config.settings.ema_kimg)
        self._counted = "d" if "d" in players else "g"
        self._fingerprint = images.train.fingerprint
        self._stream = BatchStream(images.train, config.settings.batch_size, config.seed, device)
        self._images = 0
        self._meter = LossMeter()
        self._divergence = DivergenceCheck(self.variant)

    @property
    def kimg(self) -> float:
        """Real images shown to the discriminator, or to a variant without one, in thousands."""
        return self._images / 1000

    def advance(self, to_kimg: float) -> None:
        """Train whole rounds until ``kimg`` is at least ``to_kimg``.

        Raises:
            Diverged: seen at the end of a window; the weights are as they were then.
        """
        target = round(to_kimg * 1000)
        self.variant.train()
        with self._random.active():
            while self._images < target:
                self._window(min(target, (self._images // WINDOW + 1) * WINDOW))

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Images from the averaged generator in evaluation mode; training does not notice.

        Args:
            batch: as many conditions as images are wanted, on the trainer's device.
            generator: on the CPU, the only source of randomness.

        Returns:
            ``[N, C, H, W]``, float32 in [-1, 1], on the trainer's device.
        """
        with self._evaluating(), torch.no_grad():
            return self.variant.sample(batch, generator)

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:
        """What the variant measures of itself, with the averaged generator in evaluation mode."""
        with self._evaluating(), torch.no_grad():
            return self.variant.evaluate(heldout)

    def costs(self) -> dict[str, float]:
        """Time, memory, parameters and multiply-accumulates of the training so far."""
        return {
            **self._timer.costs(),
            **self._memory.costs(),
            **parameters(self.variant),
            "gmacs": gmacs(self.variant),
        }

    def save(self, path: Path) -> None:
        """Write all that :meth:`load` needs to go on as if training had never stopped.

        Raises:
            OSError: the file cannot be written; an older one is then left as it was.
        """
        write_checkpoint(
            path,
            {
                "config": self.config.to_json(),
                "fingerprint": self._fingerprint,
                "variant": self.variant.state_dict(),
                "optimisers": {n: u.optimiser.state_dict() for n, u in self._updaters.items()},
                "steps": {name: updater.steps for name, updater in self._updaters.items()},
                "ema": self._ema.tensors,
                "random": self._random.state,
                "position": self._stream.position,
                "images": self._images,
                "timer": self._timer.state_dict(),
                "memory": self._memory.state_dict(),
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
        """The trainer that :meth:`save` wrote.

        Args:
            path: the checkpoint's file.
            images: the data that it was trained on.
            device: to go on with; on the CPU training goes on bit for bit.
            config: of the run that goes on; the checkpoint's own but for ``max_kimg``, and exactly
                the checkpoint's own where it is not given.

        Raises:
            CheckpointError: the file is damaged, or of another configuration or other data.
        """
        state = read_checkpoint(path)
        try:
            saved = TrainConfig.from_json(state["config"])
            config = config or saved
            if different := _differences(saved, config):
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
        self.variant.load_state_dict(state["variant"])
        for name, updater in self._updaters.items():
            updater.optimiser.load_state_dict(state["optimisers"][name])
            updater.steps = state["steps"][name]
        self._ema.load(state["ema"])
        self._random.state = state["random"]
        self._stream.position = state["position"]
        self._images = state["images"]
        self._timer.load_state_dict(state["timer"])
        self._memory.load_state_dict(state["memory"])

    def _window(self, to_images: int) -> None:
        phases = self.variant.phases()
        steps = sum(count for name, count in phases if name == self._counted)
        shown = steps * self.config.settings.batch_size
        rounds = math.ceil((to_images - self._images) / shown)
        with self._memory.window(), self._timer.window(rounds * shown):
            for _ in range(rounds):
                self._round(phases)
        self.losses = self._meter.close()
        self._divergence.check(self.losses, self.kimg)

    def _round(self, phases: Sequence[tuple[str, int]]) -> None:
        start = self.kimg
        for name, steps in phases:
            for other, updater in self._updaters.items():
                updater.require_grad(other == name)
            for _ in range(steps):
                batch = self._stream.next()
                self._meter.add(name, self._updaters[name].step(batch, self.kimg))
                self._images += len(batch) if name == self._counted else 0
        self._ema.update(self.kimg - start, self.kimg)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.variant.training
        self.variant.eval()
        try:
            with self._ema.swapped_in():
                yield
        finally:
            self.variant.train(training)


def _differences(saved: TrainConfig, config: TrainConfig) -> str:
    """The fields that differ, as one line; empty where none does but the budget."""
    mine, theirs = (
        flatten(each.model_dump(mode="json", exclude={"max_kimg"}, serialize_as_any=True))
        for each in (saved, config)
    )
    return ", ".join(
        f"{name} is {mine.get(name)!r} there and {theirs.get(name)!r} here"
        for name in sorted(mine | theirs)
        if mine.get(name) != theirs.get(name)
    )
