"""Cost of each block of a network: time, memory, parameters, multiply-accumulates."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from gansearch.hardware.clock import stopwatch
from gansearch.hardware.memory import MIB
from gansearch.nn.conv import SeparableConv
from gansearch.train.prediction import LiveMemory

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class BlockCost:
    """Cost of one form of a block for a batch.

    Attributes:
        params: number of weights, frozen ones included.
        gmacs: multiply-accumulates of a forward pass for one image, in units of 10⁹.
        forward_ms: median time of a forward pass in training mode.
        backward_ms: median time of a backward pass, to weights and inputs.
        activations_mib: tensors that a forward pass keeps for the backward pass, and its output.
    """

    params: int
    gmacs: float
    forward_ms: float
    backward_ms: float
    activations_mib: float

    @property
    def milliseconds(self) -> float:
        """Time of a forward and a backward pass."""
        return self.forward_ms + self.backward_ms


def blocks_of(network: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the parts of a network that have weights, with their paths.

    Containers are opened, and so is a part that holds more than half of the network's weights. A
    convolution from the factory is one part, even if it is separable.

    Args:
        network: the network to open.
        name: path of the network.
    """
    most = size(network) / 2

    def opened(path: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        for child_name, child in module.named_children():
            child_path = f"{path}.{child_name}"
            if type(child) in CONTAINERS or (size(child) > most and _can_be_opened(child)):
                yield from opened(child_path, child)
            elif size(child):
                yield child_path, child

    return opened(name, network)


def size(module: nn.Module) -> int:
    """Count the numbers in a module's parameters and floating-point buffers."""
    tensors = (*module.parameters(), *module.buffers())
    return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point())


def measure(
    forms: Mapping[str, nn.Module], inputs: Sequence[Tensor], rounds: int
) -> dict[str, BlockCost]:
    """Measure the forms of a block in alternation, so that noise falls on all of them.

    Args:
        forms: the same block in several forms, in training mode; left in evaluation mode.
        inputs: inputs of the block, on its device.
        rounds: number of timed rounds, after one warm-up round; medians are reported.
    """
    taken: dict[str, list[tuple[float, float]]] = {form: [] for form in forms}
    for _ in range(rounds + 1):
        for form, module in forms.items():
            taken[form].append(_step(module, inputs))
    costs = {}
    for form, module in forms.items():
        # The first round allocates memory and chooses algorithms.
        forward, backward = zip(*taken[form][1:], strict=True)
        costs[form] = BlockCost(
            params=size(module),
            gmacs=_gmacs(module, inputs),
            forward_ms=1000 * statistics.median(forward),
            backward_ms=1000 * statistics.median(backward),
            activations_mib=_activations(module, inputs) / MIB,
        )
    return costs


def _can_be_opened(module: nn.Module) -> bool:
    names = {name for name, _ in module.named_children()} - {"parametrizations"}
    return bool(names) and not isinstance(module, SeparableConv)


def _fresh(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Copy inputs so that gradients reach them and a block may change them in place."""
    return [
        x.detach().requires_grad_().clone() if x.is_floating_point() else x.clone() for x in inputs
    ]


def _run(module: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    leaves = [leaf for leaf in tree_leaves(module(*inputs)) if isinstance(leaf, Tensor)]
    return sum((leaf.float().square().mean() for leaf in leaves), torch.zeros(()))


def _step(module: nn.Module, inputs: Sequence[Tensor]) -> tuple[float, float]:
    """Return the seconds of a forward and of a backward pass."""
    copies, device = _fresh(inputs), inputs[0].device
    elapsed = stopwatch(device)
    loss = _run(module, copies)
    forward = elapsed()
    elapsed = stopwatch(device)
    loss.backward()  # type: ignore[no-untyped-call]
    backward = elapsed()
    module.zero_grad()
    return forward, backward


def _activations(module: nn.Module, inputs: Sequence[Tensor]) -> int:
    module.train()
    copies = _fresh(inputs)
    live = LiveMemory()
    with live:
        kept = module(*copies)
    alive = live.now
    del kept
    return alive


def _gmacs(module: nn.Module, inputs: Sequence[Tensor]) -> float:
    module.eval()  # a spectral norm's power iterations are not convolutions
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*(x[:1].detach().clone() for x in inputs))
    return float(counter.get_total_flops()) / 2e9
