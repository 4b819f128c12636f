"""Computation of a run's steps: precision, memory format, compilation."""

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
from gansearch.hardware.precision import tf32
from gansearch.paths import cache_folder
from gansearch.variants.base import Variant

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

COMPILE_MODES = {
    ("default", False): "default",
    ("default", True): "reduce-overhead",
    ("max-autotune", False): "max-autotune-no-cudagraphs",
    ("max-autotune", True): "max-autotune",
}
"""Modes of torch.compile by ``compile`` and ``cuda_graphs``."""

RECOMPILE_LIMIT = 64
"""Limit of recompilations in a process. Each network needs one graph with gradients and one
without."""


class Compute:
    """Applies a :class:`~gansearch.config.ComputeConfig` on one device.

    Args:
        config: the requested settings.
        device: device of the steps.

    Raises:
        ConfigError: the device does not support a setting.
    """

    def __init__(self, config: ComputeConfig, device: torch.device) -> None:
        _refuse(config, device)
        self._config = config
        self._device = device
        self._bfloat16 = config.precision == "bfloat16"
        self._differs_from_exact = self._bfloat16 or self.compiles or device.type == "cuda"
        if self.compiles:  # not `setdefault`: importing torch's compiler has already set it
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache_folder("inductor"))

    @property
    def compiles(self) -> bool:
        """Whether networks are compiled; their first steps then wait for the compiler."""
        return self._config.compile != "none"

    def apply(self, variant: Variant[Any]) -> None:
        """Set up a variant's networks for :meth:`steps`, in place. Call before the first step."""
        # Convolutions pass the memory format of their weights on to their outputs.
        variant.to(memory_format=MEMORY_FORMATS[self._config.memory_format])
        for network in variant.children():
            if self._bfloat16:
                network.forward = self._wrapped_in_bfloat16(network.forward)
            if self.compiles:
                self._compile(network)

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Context of the training steps, which sets their precision."""
        with tf32(allowed=self._config.precision == "tf32"):
            yield

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Context in which networks compute eagerly in float32.

        It serves samples and losses that are differentiated twice, because AOTAutograd cannot
        differentiate compiled code twice. The parameters are the same.
        """
        if not self._differs_from_exact:
            yield
            return
        bfloat16, self._bfloat16 = self._bfloat16, False
        try:
            with torch.compiler.set_stance("force_eager"), tf32(allowed=False):
                yield
        finally:
            self._bfloat16 = bfloat16

    def begin_step(self) -> None:
        """Start a step; outputs of the previous step's CUDA graphs may now be overwritten."""
        if self._config.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]

    def _compile(self, network: nn.Module) -> None:
        torch.compiler.config.recompile_limit = RECOMPILE_LIMIT
        mode = COMPILE_MODES[self._config.compile, self._config.cuda_graphs]
        network.compile(mode=mode, dynamic=False)

    def _wrapped_in_bfloat16(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap ``forward``: matrix products in bfloat16, outputs in float32."""

        def in_bfloat16(*inputs: Any) -> Any:
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
                return tree_map_only(Tensor, Tensor.float, forward(*inputs))

        return in_bfloat16


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
