"""The pretrained classifier of Projected GAN's projector, with checksums of its weights."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from gansearch.errors import ConfigError, WeightsError

log = logging.getLogger(__name__)

NAME = "tf_efficientnet_lite0"
CHANNELS = (24, 40, 112, 320)
"""Channels of the stages, from the finest to the coarsest."""
STRIDES = (4, 8, 16, 32)
"""Ratio of the image resolution to the resolution of each stage."""

RANDOM = "random"
HUB = "hub"

_BLOCKS = (2, 3, 5, 7)  # number of timm's seven blocks up to the end of each stage
_UNUSED = ("conv_head.", "bn2.", "classifier.")  # layers behind the last stage


@dataclass(frozen=True)
class Backbone:
    """The classifier, cut off after a stage.

    Attributes:
        network: ``[N, 3, H, W]`` in [-1, 1] → one map per stage, the finest first.
        checksum: checksum of the whole classifier's weights, 32 hexadecimal digits.
        source: ``random``, or the classifier's name and the first digits of the checksum.
    """

    network: nn.Module
    checksum: str
    source: str


def load_backbone(weights: str, stages: int) -> Backbone:
    """Load the classifier on torch's default device, without touching the global generators.

    Args:
        weights: ``hub`` loads the published weights from timm's cache, torch's hub cache or the
            network, and falls back to random ones with a warning; ``random`` gives the same random
            weights everywhere; anything else is a file, ``.pth`` or ``.safetensors``.
        stages: number of stages, 1 to 4.

    Raises:
        ConfigError: timm is not installed.
        WeightsError: the file is missing or not of this network.
    """
    try:
        import timm
    except ImportError:
        raise ConfigError(
            "a projector needs timm, which is not installed: pip install 'gansearch[projected]'"
        ) from None
    device = torch.get_default_device()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(0)  # not the trial's seed: random weights are the same in every trial
        network: Any = timm.create_model(NAME, features_only=True, out_indices=range(1, stages + 1))
        # On the meta device only shapes matter.
        file = _find(weights, network.pretrained_cfg) if device.type != "meta" else None
        if file is not None:
            _fill(network, file)
    checksum = _checksum(network.state_dict())
    source = RANDOM if file is None else f"{NAME} {checksum[:8]}"
    network.blocks = network.blocks[: _BLOCKS[stages - 1]]
    return Backbone(network.eval().to(device), checksum, source)


def _find(weights: str, published: Mapping[str, Any]) -> Path | None:
    """Find the file of weights; ``None`` for random weights."""
    if weights == RANDOM:
        return None
    if weights != HUB:
        if not Path(weights).is_file():
            raise WeightsError(f"projector_weights: there is no file {weights}")
        return Path(weights)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(published["hf_hub_id"], "model.safetensors")
    if isinstance(cached, str):
        return Path(cached)
    try:
        return _download(published["url"])
    except (URLError, OSError, RuntimeError) as error:
        log.warning(
            "the projector is random: the weights of %s are not on this machine and could not be "
            "downloaded (%s). Fetch %s elsewhere and name the file in projector_weights",
            *(NAME, error, published["url"]),
        )
        return None


def _download(url: str) -> Path:
    """Return the published file in torch's hub cache, downloading it if it is missing.

    The file's name ends in the first digits of its checksum.
    """
    name = url.rpartition("/")[2]
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        digits = Path(name).stem.rpartition("-")[2]
        torch.hub.download_url_to_file(url, str(file), digits, progress=False)
    return file


def _fill(network: nn.Module, file: Path) -> None:
    """Load a file of weights; a pickle may hold nothing but tensors."""
    data = file.read_bytes()
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load

            state = load(data)
        else:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        wanted = {name: w for name, w in state.items() if not name.startswith(_UNUSED)}
        network.load_state_dict(wanted)
    except Exception as error:  # each format's reader raises its own errors
        summary = str(error).partition("\n")[0]
        raise WeightsError(f"{file}: not a weights file of {NAME}: {summary}") from error


def _checksum(state: Mapping[str, Tensor]) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(state.items()):
        hashed.update(f"{name} {[*tensor.shape]} {tensor.dtype}".encode())
        hashed.update(tensor.numpy().tobytes())
    return hashed.hexdigest()
