"""A study that trains one trial after the other, on curves whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gansearch.record import Outcome, Report, StudyRecord
from gansearch.search.policy import Policy
from gansearch.space import parse_space

YAML = """
variant: gan
data: {{name: digits}}
parameters:
  g_lr: {{type: float, low: 1.0e-3, high: 1, log: true}}
  d_lr_ratio: {{type: float, low: 0.1, high: 10, log: true}}
objectives:
  fd_digits: minimize
  peak_memory_mib: {{direction: minimize, max: {most}}}
budget: {{trials: 400, max_kimg: 8, rungs: [1, 2, 4]}}
search: {{seed: {seed}}}
"""


@dataclass
class Driver:
    """Trains the trials of a policy one after the other, on curves that depend on the rates."""

    policy: Policy

    def train(self, to: float = 8.0) -> dict[str, Any]:
        """One trial; gives its configuration."""
        ask = self.policy.ask()
        assert ask is not None
        for kimg in (1.0, 2.0, 4.0, 8.0):
            if kimg > to or not self.policy.report(ask.number, self.report(ask.params, kimg)):
                break
        else:
            self.policy.tell(ask.number, Outcome.COMPLETED)
        return dict(ask.params)

    @staticmethod
    def report(params: dict[str, Any], kimg: float) -> Report:
        g, ratio = np.log10(params["g_lr"]), np.log10(params["d_lr_ratio"])
        quality = 10 + 20 * (g + 1.5) ** 2 + 5 * ratio**2 + 40 * (1 - kimg / 8)
        memory = 100 * 10 ** (0.5 * ratio)  # the less, the further from the best quality
        metrics = {"fd_digits": quality, "seconds_per_kimg": 1.0, "peak_memory_mib": memory}
        return Report(kimg, metrics)


def driver(empty: StudyRecord, most: float = 1e6, seed: int = 0) -> Driver:
    return Driver(Policy(parse_space(YAML.format(most=most, seed=seed), "s.yaml"), empty))
