"""An invented GAN for the simulator: crossing curves, divergence, noise; its front is known.

Nothing in it was measured. Its shape is what GANs are known for: a high learning rate learns fast
and ends badly, curves turn up, values are noisy, and a discriminator that is too strong diverges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems import drawn_values, function_space
from gansearch.pareto import Points, non_dominated
from gansearch.search.simulation.simulate import Curve
from gansearch.settings import Params
from gansearch.space import Space

CHOICES: dict[str, tuple[Any, ...]] = {
    "d_steps": (1, 2, 3, 5),
    "beta1": (0.0, 0.5, 0.9),
    "width": (16, 32, 64, 128),
    "dsc": ("none", "generator", "discriminator", "both"),
    "batch_size": (16, 64),
}
SPACE = function_space(
    "gan-surrogate",
    {
        "g_lr": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True},
        "d_lr_ratio": {"type": "float", "low": 0.1, "high": 10, "log": True},
        **{name: {"type": "choice", "values": values} for name, values in CHOICES.items()},
    },
    objectives=3,
)
DSC_QUALITY = {"none": 1.0, "generator": 1.12, "discriminator": 1.06, "both": 1.2}
DSC_SECONDS = {"none": 1.0, "generator": 0.75, "discriminator": 0.7, "both": 0.45}
DSC_MEMORY = {"none": 1.0, "generator": 1.1, "discriminator": 1.15, "both": 1.25}
NOISE = 0.05
"""Of each value, relative."""


@dataclass(frozen=True)
class Surrogate:
    """The invented GAN; its front is where the learning rates are right for the rest."""

    name: str = SPACE.name
    space: Space = SPACE

    @cached_property
    def front(self) -> Points:
        """The true front."""
        return np.array([self.truth(params) for params in self.optimal])

    @cached_property
    def optimal(self) -> Sequence[Params]:
        """Of each choice of the others, the best learning rates."""
        choices = (dict(zip(CHOICES, c, strict=True)) for c in product(*CHOICES.values()))
        found = [{"variant": self.name, **c, **_best_rates(c)} for c in choices]
        kept = non_dominated(np.array([self.truth(params) for params in found]))
        return [params for params, keep in zip(found, kept, strict=True) if keep]

    @cached_property
    def usual(self) -> Points:
        """Values of random configurations."""
        return drawn_values(self)

    def truth(self, params: Params) -> NDArray[np.float64]:
        """Objectives of ``params`` at the full budget; infinite if they diverge."""
        quality = _final(params) if _stress(params) <= 1 else math.inf
        return np.array([quality, _seconds(params), _memory(params)])

    def run(self, params: Params, seed: int) -> Curve:
        """The training of ``params``."""
        luck = np.random.default_rng(seed)
        full = self.space.budget.max_kimg
        diverges = _stress(params) + 0.1 * luck.standard_normal() > 1
        diverges_at = full * float(luck.uniform(0.02, 1)) ** 2 if diverges else math.inf
        points = (*self.space.budget.rungs, full)
        share = np.array(points) / full
        high, _ = _distances(params)
        speed = 20.0 * 10 ** (0.4 * min(high, 0.3)) * (16 / float(params["batch_size"])) ** 0.2
        left = 150 * (1 - share) * np.exp(-share * speed)
        turn = 10 * max(0.0, high) * (np.maximum(0, share - 0.5) - 0.5)  # ends at nothing, rising
        noise = 1 + NOISE * luck.standard_normal(len(points))
        fid = np.maximum((_final(params) + left + turn) * noise, 0.1)
        kept = [i for i, point in enumerate(points) if point < diverges_at]
        return Curve(
            tuple(points[i] for i in kept),
            {"fid": tuple(float(fid[i]) for i in kept)},
            _seconds(params),
            _memory(params),
            diverges_at,
        )

    def with_space(self, space: Space) -> Surrogate:
        """The same problem, searched as ``space`` says."""
        return replace(self, space=space)


def _best_rates(params: Params) -> Params:
    slower = 0.3 * math.log10(float(params["d_steps"])) + 0.25 * float(params["beta1"])
    larger = 0.2 * math.log10(float(params["batch_size"]) / 16)
    ratio = -0.4 * math.log10(float(params["d_steps"]))
    return {"g_lr": 10 ** (-3.2 - slower + larger), "d_lr_ratio": 10**ratio}


def _distances(params: Params) -> tuple[float, float]:
    """Decades from the best learning rate and ratio; above 0 where they are too high."""
    best = _best_rates(params)
    names = ("g_lr", "d_lr_ratio")
    g, d = (math.log10(float(params[n]) / float(best[n])) for n in names)
    return g, d


def _stress(params: Params) -> float:
    g, d = _distances(params)
    return max(0.0, g) + 0.5 * max(0.0, d) + 0.3 * (params["beta1"] == 0.9)


def _final(params: Params) -> float:
    g, d = _distances(params)
    momentum = {0.0: 1.0, 0.5: 0.95, 0.9: 1.3}[float(params["beta1"])]
    width = math.pow(64 / float(params["width"]), 0.4)
    steps = math.pow(float(params["d_steps"]), -0.2)
    batch = math.pow(16 / float(params["batch_size"]), 0.1)
    floor = 12 * width * steps * momentum * batch * DSC_QUALITY[str(params["dsc"])]
    return floor + 14 * g**2 + 5 * d**2


def _seconds(params: Params) -> float:
    steps = 1 + 1.2 * (1 - 1 / float(params["d_steps"]))
    batch = math.pow(64 / float(params["batch_size"]), 0.25)
    width = math.pow(float(params["width"]) / 64, 0.8)
    return 0.05 + steps * batch * width * DSC_SECONDS[str(params["dsc"])]


def _memory(params: Params) -> float:
    activations = float(params["width"]) * float(params["batch_size"]) / 16
    return 60 + activations * DSC_MEMORY[str(params["dsc"])]
