"""Time and memory of a training step on this device, by section and by block."""

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
from gansearch.hardware.clock import stopwatch
from gansearch.hardware.device import device_name
from gansearch.hardware.memory import MIB
from gansearch.settings import Dsc
from gansearch.train.compute import Compute
from gansearch.train.prediction import LiveMemory, predict_memory, run_on_fake_tensors
from gansearch.train.profiling.blocks import BlockCost, blocks_of, measure
from gansearch.train.profiling.sections import DATA, REST, lazy_section, marked_rounds
from gansearch.train.rng import RandomStream
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG

WARM_UP = 2
"""Warm-up rounds, which allocate memory and choose algorithms."""
OWN = "own"
FORMS = {"dense": "none", "separable": "both"}
"""Forms of a block to compare: names, and values of ``dsc.where``."""


@dataclass(frozen=True)
class SectionCost:
    """Cost of one section of a round.

    Attributes:
        name: name of the section, as in :func:`gansearch.train.profiling.sections.marked_rounds`.
        milliseconds: time per round; a section that is not in every round counts in proportion.
        memory_mib: peak of live tensors during the section; ``None`` for reading data.
    """

    name: str
    milliseconds: float
    memory_mib: float | None


@dataclass(frozen=True)
class Block:
    """Cost of one block of a network.

    Attributes:
        name: path of the block in the variant.
        own: cost of the form in the configuration.
        forms: costs of the dense and the separable form; empty if they are the same.
    """

    name: str
    own: BlockCost
    forms: Mapping[str, BlockCost]

    @property
    def ratio(self) -> float | None:
        """Time of the dense form over that of the separable one; above 1 if separable is faster."""
        if not self.forms:
            return None
        dense, separable = (self.forms[form].milliseconds for form in FORMS)
        return dense / separable


@dataclass(frozen=True)
class Profile:
    """Cost of a configuration on a device.

    Attributes:
        config: the profiled configuration.
        device: name of the device.
        threads: number of CPU threads.
        steps: number of timed rounds.
        round_ms: median time of a round, with its share of lazy penalties.
        images: real images shown per round.
        sections: sections of a round, the longest first.
        blocks: blocks in the order of the networks.
        predicted_mib: predicted peak memory of a training.
    """

    config: TrainConfig
    device: str
    threads: int
    steps: int
    round_ms: float
    images: int
    sections: tuple[SectionCost, ...]
    blocks: tuple[Block, ...]
    predicted_mib: float


class SectionWatch:
    """Stopwatch for the sections of a round, in seconds."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._section, self._elapsed = REST, stopwatch(device)
        self.spans: defaultdict[str, float] = defaultdict(float)

    def mark(self, section: str) -> None:
        """Begin a section and end the previous one."""
        self.spans[self._section] += self._elapsed()
        self._section, self._elapsed = section, stopwatch(self._device)

    def lap(self) -> dict[str, float]:
        """Return the seconds by section since the last call."""
        self.mark(REST)
        spans, self.spans = dict(self.spans), defaultdict(float)
        return spans


def profile(config: TrainConfig, images: ImageSet, device: torch.device, steps: int) -> Profile:
    """Train some rounds, and run each block on its own.

    Args:
        config: the configuration to profile.
        images: training images.
        device: device to run on; it is synchronised between sections.
        steps: number of timed rounds, and of timed passes of each block; at least 1.
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
    sections = (SectionCost(n, ms, memory.get(n)) for n, ms in {**usual, **rare}.items())
    return Profile(
        config=config,
        device=device_name(device),
        threads=torch.get_num_threads(),
        steps=steps,
        round_ms=1000 * statistics.median(whole) + sum(rare.values()),
        images=shown,
        sections=tuple(sorted(sections, key=lambda section: -section.milliseconds)),
        blocks=blocks,
        predicted_mib=predict_memory(config, images, device),
    )


def _laps(
    config: TrainConfig, images: ImageSet, device: torch.device, steps: int
) -> tuple[list[dict[str, float]], dict[str, float], int]:
    """Time the rounds.

    Returns:
        Seconds by section of each round; how often each lazy section occurs per round; images per
        round.
    """
    variant = _build(config, images, device)
    watch = SectionWatch(device)
    compute = Compute(config.compute, device)
    compute.apply(variant)
    steps_of = dict(variant.phases())
    lazy = {
        lazy_section(player, penalty): steps_of[player] / penalty.interval
        for player in variant.players
        for penalty in variant.penalties(player)
        if penalty.interval > 1
    }
    rounds = marked_rounds(variant, compute, watch.mark)
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
            if index == WARM_UP:  # so that lazy penalties fall in the first counted round
                rounds.images = 0
                for updater in rounds.updaters.values():
                    updater.steps = 0
            deque(rounds.run(variant.phases(), next_batch), maxlen=0)
            laps.append(watch.lap())
    return laps[WARM_UP:], lazy, rounds.images // steps


def _memory(config: TrainConfig, images: ImageSet) -> dict[str, float]:
    """Peak MiB of live tensors by section."""
    live = LiveMemory()
    peaks: defaultdict[str, int] = defaultdict(int)
    section = [REST]

    def mark(name: str) -> None:
        peaks[section[0]] = max(peaks[section[0]], live.peak)
        section[0], live.peak = name, live.now

    run_on_fake_tensors(config, images, live, partial(marked_rounds, mark=mark))
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
    """Inputs of each block in the players' steps; blocks that do not run are absent."""
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
