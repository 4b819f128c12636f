"""Where a step's time and memory go on this device, by phase and by block."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gansearch.config import TrainConfig
from gansearch.data.images import ImageSet
from gansearch.data.stream import BatchStream
from gansearch.metrics.clock import stopwatch
from gansearch.metrics.device import device_name
from gansearch.metrics.memory import MIB
from gansearch.settings import Dsc
from gansearch.train.blocks import BlockCost, blocks_of, measure
from gansearch.train.compute import Compute
from gansearch.train.phases import DATA, REST, lazy_phase, watched_rounds
from gansearch.train.prediction import LiveMemory, play_on_fakes, predict_memory
from gansearch.train.rng import RandomStream
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG

WARM_UP = 2
"""Rounds before those that are counted: they allocate, and choose algorithms."""
OWN = "own"
FORMS = {"dense": "none", "separable": "both"}
"""What a block is compared as: names, and ``dsc.where``."""


@dataclass(frozen=True)
class PhaseCost:
    """One phase of a round.

    Attributes:
        name: as of :func:`gansearch.train.phases.watched_rounds`.
        milliseconds: of a round; what is not in every round counts for its share.
        memory_mib: the most that tensors take while it lasts; ``None`` for reading data.
    """

    name: str
    milliseconds: float
    memory_mib: float | None


@dataclass(frozen=True)
class Block:
    """One block of a network.

    Attributes:
        name: its path in the variant.
        own: as the configuration has it.
        forms: dense and separable, where they differ.
    """

    name: str
    own: BlockCost
    forms: Mapping[str, BlockCost]

    @property
    def ratio(self) -> float | None:
        """The dense form's time over the separable one's; above 1 where separable is faster."""
        if not self.forms:
            return None
        dense, separable = (self.forms[form].milliseconds for form in FORMS)
        return dense / separable


@dataclass(frozen=True)
class Profile:
    """What a configuration costs on a device.

    Attributes:
        config: that was run.
        device: its name.
        threads: of the CPU.
        steps: rounds that were counted.
        round_ms: median time of a whole round, with its share of lazy regularisers.
        images: real ones that a round shows.
        phases: of a round, the longest first.
        blocks: in the order of the networks.
        predicted_mib: peak memory of a training.
    """

    config: TrainConfig
    device: str
    threads: int
    steps: int
    round_ms: float
    images: int
    phases: tuple[PhaseCost, ...]
    blocks: tuple[Block, ...]
    predicted_mib: float


class PhaseWatch:
    """Seconds of each phase of a round."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._phase, self._elapsed = REST, stopwatch(device)
        self.spans: defaultdict[str, float] = defaultdict(float)

    def mark(self, phase: str) -> None:
        """A phase begins."""
        self.spans[self._phase] += self._elapsed()
        self._phase, self._elapsed = phase, stopwatch(self._device)

    def lap(self) -> dict[str, float]:
        """The seconds by phase since the last call."""
        self.mark(REST)
        spans, self.spans = dict(self.spans), defaultdict(float)
        return spans


def profile(config: TrainConfig, images: ImageSet, device: torch.device, steps: int) -> Profile:
    """Train some rounds, and run each block by itself.

    Args:
        config: to profile.
        images: that it is trained on.
        device: to run on; between phases it is waited for.
        steps: rounds, and passes of each block, to time; at least 1.
    """
    random = RandomStream(config.seed, device)
    with random.active():
        laps, lazy, shown = _laps(config, images, device, steps)
        blocks = tuple(_blocks(config, images, device, steps))
    usual = {
        name: 1000 * statistics.median(lap.get(name, 0.0) for lap in laps)
        for name in dict.fromkeys(name for lap in laps for name in lap if name not in lazy)
    }
    rare = {
        name: 1000 * share * statistics.median(times)
        for name, share in lazy.items()
        if (times := [lap[name] for lap in laps if name in lap])
    }
    whole = (sum(s for name, s in lap.items() if name not in lazy) for lap in laps)
    memory = _memory(config, images)
    phases = (PhaseCost(n, ms, memory.get(n)) for n, ms in {**usual, **rare}.items())
    return Profile(
        config=config,
        device=device_name(device),
        threads=torch.get_num_threads(),
        steps=steps,
        round_ms=1000 * statistics.median(whole) + sum(rare.values()),
        images=shown,
        phases=tuple(sorted(phases, key=lambda phase: -phase.milliseconds)),
        blocks=blocks,
        predicted_mib=predict_memory(config, images, device),
    )


def _laps(
    config: TrainConfig, images: ImageSet, device: torch.device, steps: int
) -> tuple[list[dict[str, float]], dict[str, float], int]:
    """Seconds by phase of each round, how many times a round a lazy phase comes, images a round."""
    variant = _build(config, images, device)
    watch = PhaseWatch(device)
    compute = Compute(config.compute, device)
    compute.apply(variant)
    steps_of = dict(variant.phases())
    lazy = {
        lazy_phase(player, penalty): steps_of[player] / penalty.interval
        for player in variant.players
        for penalty in variant.penalties(player)
        if penalty.interval > 1
    }
    rounds = watched_rounds(variant, compute, watch.mark)
    stream = BatchStream(
        images, config.settings.batch_size, config.seed, device, config.compute.data
    )

    def next_batch() -> Any:
        watch.mark(DATA)
        batch = stream.next()
        watch.mark(REST)
        return batch

    laps = []
    with compute.steps():
        for index in range(WARM_UP + steps):
            if index == WARM_UP:  # what is lazy comes in the first round that counts
                rounds.images = 0
                for updater in rounds.updaters.values():
                    updater.steps = 0
            deque(rounds.play(variant.phases(), next_batch), maxlen=0)
            laps.append(watch.lap())
    return laps[WARM_UP:], lazy, rounds.images // steps


def _memory(config: TrainConfig, images: ImageSet) -> dict[str, float]:
    """MiB of tensors at the most, by phase."""
    live = LiveMemory()
    peaks: defaultdict[str, int] = defaultdict(int)
    phase = [REST]

    def mark(name: str) -> None:
        peaks[phase[0]] = max(peaks[phase[0]], live.peak)
        phase[0], live.peak = name, live.now

    play_on_fakes(config, images, live, partial(watched_rounds, mark=mark))
    mark(REST)
    return {name: peak / MIB for name, peak in peaks.items()}


def _build(config: TrainConfig, images: ImageSet, device: torch.device) -> Variant[Any]:
    with device:
        variant = CATALOG[config.variant].load()(config.settings, images.spec)
    variant.prepare(images)
    return variant.train()


def _blocks(
    config: TrainConfig, images: ImageSet, device: torch.device, steps: int
) -> Iterator[Block]:
    forms = {OWN: _build(config, images, device)}
    dsc = getattr(config.settings, "dsc", None)
    if isinstance(dsc, Dsc):
        for form, where in FORMS.items():
            settings = config.settings.model_copy(
                update={"dsc": dsc.model_copy(update={"where": where})}
            )
            changed = config.model_copy(update={"settings": settings})
            forms[form] = _build(changed, images, device)
    for variant in forms.values():
        Compute(config.compute.model_copy(update={"compile": "none"}), device).apply(variant)
    own = forms[OWN]
    named = {n: m for name, part in own.named_children() for n, m in blocks_of(part, name)}
    inputs = _inputs(own, named, images.batch(_rows(config)).to(device))
    for name in (name for name in named if name in inputs):
        parts = {form: variant.get_submodule(name) for form, variant in forms.items()}
        costs = measure(parts, inputs[name], steps)
        mine = costs.pop(OWN)
        differ = len({cost.params for cost in costs.values()}) > 1
        yield Block(name, mine, costs if differ else {})


def _rows(config: TrainConfig) -> Tensor:
    return torch.zeros(config.settings.batch_size, dtype=torch.int64)


def _inputs(
    variant: Variant[Any], blocks: Mapping[str, nn.Module], batch: Any
) -> dict[str, list[Tensor]]:
    """What each block is given in the steps of the players; nothing for one that is not run."""
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, _: nn.Module, args: tuple[Any, ...]) -> None:
        if name not in found and all(isinstance(arg, Tensor) for arg in args):
            found[name] = [arg.detach().clone() for arg in args]

    with ExitStack() as hooks, torch.no_grad():
        for name, block in blocks.items():
            handle = block.register_forward_pre_hook(partial(keep, name))
            hooks.callback(handle.remove)
        for player in variant.players:
            variant.losses(player, batch)
    return found
