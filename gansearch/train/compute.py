"""How a run's steps are computed: precision, the order of memory, compilation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from gansearch.config import ComputeConfig
from gansearch.errors import ConfigError
from gansearch.metrics.precision import tf32
from gansearch.paths import cache_folder
from gansearch.variants.base import Variant

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

MODES = {
    ("default", False): "default",
    ("default", True): "reduce-overhead",
    ("max-autotune", False): "max-autotune-no-cudagraphs",
    ("max-autotune", True): "max-autotune",
}
"""torch.compile's, by ``compile`` and ``cuda_graphs``."""

GRAPHS = 64
"""Compiled forms of networks in a process: each has one with gradients and one without."""


class Compute:
    """Carries out a :class:`~gansearch.config.ComputeConfig` on one device.

    Args:
        config: what is wanted.
        device: that the steps are computed on.

    Raises:
        ConfigError: the device does not have it.
    """

    def __init__(self, config: ComputeConfig, device: torch.device) -> None:
        _refuse(config, device)
        self._config = config
        self._device = device
        self._bfloat16 = config.precision == "bfloat16"
        self._modified = self._bfloat16 or self.compiles or device.type == "cuda"
        if self.compiles:  # not by `setdefault`: importing torch's compiler has set it
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache_folder("inductor"))

    @property
    def compiles(self) -> bool:
        """Whether networks are compiled, which their first steps wait for."""
        return self._config.compile != "none"

    def apply(self, variant: Variant[Any]) -> None:
        """Let a variant's networks compute so, in :meth:`steps`; in place, and before any step."""
        # Convolutions hand the order of their weights' memory on to what they put out.
        variant.to(memory_format=FORMATS[self._config.memory_format])
        for network in variant.children():
            if self._bfloat16:
                network.forward = self._in_bfloat16(network.forward)
            if self.compiles:
                self._compile(network)

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Training steps are computed within."""
        with tf32(allowed=self._config.precision == "tf32"):
            yield

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Networks compute in float32 and eagerly: for samples, and what is differentiated twice.

        Compiled code cannot be (AOTAutograd); the parameters are the same.
        """
        if not self._modified:
            yield
            return
        bfloat16, self._bfloat16 = self._bfloat16, False
        try:
            with torch.compiler.set_stance("force_eager"), tf32(allowed=False):
                yield
        finally:
            self._bfloat16 = bfloat16

    def begin_step(self) -> None:
        """What the last step's graphs put out may be overwritten from now on."""
        if self._config.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]

    def _compile(self, network: nn.Module) -> None:
        torch.compiler.config.recompile_limit = GRAPHS
        mode = MODES[self._config.compile, self._config.cuda_graphs]
        network.compile(mode=mode, dynamic=False)

    def _in_bfloat16(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """A network whose products are in bfloat16, and what it puts out in float32."""

        def lowered(*inputs: Any) -> Any:
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
                return tree_map_only(Tensor, Tensor.float, forward(*inputs))

        return lowered


def _refuse(config: ComputeConfig, device: torch.device) -> None:
    wanted = config.needing_gpu
    if device.type != "cuda" and wanted:
        settings = ", ".join(f"compute.{name}: {value}" for name, value in wanted.items())
        raise ConfigError(f"{settings} needs a GPU, and this run is on {device.type}")
    if config.precision == "bfloat16" and device.type == "cuda" and torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability(device)
        if major < 8:
            name = torch.cuda.get_device_name(device)
            raise ConfigError(
                f"compute.precision: bfloat16 needs a GPU of compute capability 8.0 or more; "
                f"{name} has {major}.{minor}"
            )
