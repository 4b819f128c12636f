"""The Inception network that FID is defined by: its weights, checked before they are loaded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
import torch.nn.functional as F
from pytorch_fid.inception import (
    FID_WEIGHTS_URL,
    FIDInceptionA,
    FIDInceptionC,
    FIDInceptionE_1,
    FIDInceptionE_2,
)
from torch import Tensor, nn
from torchvision.models import inception_v3

from gansearch.errors import WeightsError

DIM = 2048
FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the file that pytorch-fid publishes."""

_BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "Mixed_5b": lambda: FIDInceptionA(192, pool_features=32),
    "Mixed_5c": lambda: FIDInceptionA(256, pool_features=64),
    "Mixed_5d": lambda: FIDInceptionA(288, pool_features=64),
    "Mixed_6b": lambda: FIDInceptionC(768, channels_7x7=128),
    "Mixed_6c": lambda: FIDInceptionC(768, channels_7x7=160),
    "Mixed_6d": lambda: FIDInceptionC(768, channels_7x7=160),
    "Mixed_6e": lambda: FIDInceptionC(768, channels_7x7=192),
    "Mixed_7b": lambda: FIDInceptionE_1(1280),
    "Mixed_7c": lambda: FIDInceptionE_2(2048),
}
"""The blocks in which the published network differs from torchvision's; all from pytorch-fid."""


class Inception(nn.Module):
    """Images to the 2,048 features of the last pooling, as pytorch-fid computes them from files.

    Images are rounded to the 8 bits that they have in a file, gray ones become RGB, and they are
    resized to 299 pixels bilinearly without antialiasing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = inception_v3(
            weights=None, num_classes=1008, aux_logits=False, init_weights=False
        )
        for name, build in _BLOCKS.items():
            setattr(self.network, name, build())

    def forward(self, images: Tensor) -> Tensor:
        """``[N, 1 or 3, H, W]`` in [-1, 1] → ``[N, 2048]``."""
        x = (images.float() + 1).mul(127.5).round().clamp(0, 255) / 255
        x = x.expand(-1, 3, -1, -1)
        x = F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
        features: Tensor = self.network(2 * x - 1)
        return features


def load_inception(weights: Path | None = None, *, sha256: str = SHA256) -> Inception:
    """The Inception network with its published weights.

    Args:
        weights: the file; without it torch's hub cache is looked in, then the network.
        sha256: that the file must have. What other weights than the published ones measure is not
            FID and must not be called so.

    Raises:
        WeightsError: the weights cannot be had, or their checksum is another; the file is then not
            loaded at all.
    """
    path = _find(weights, sha256)
    state = _load_checked(path, sha256)
    with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
        inception = Inception()
    try:
        inception.network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: no weights of FID's Inception network: {error}") from error
    inception.network.fc = nn.Identity()  # its 1,008 logits are not used
    return inception.eval()


def _find(weights: Path | None, sha256: str) -> Path:
    if weights is not None:
        if not weights.is_file():
            raise WeightsError(f"evaluation.inception_weights: there is no file {weights}")
        return weights
    cached = Path(torch.hub.get_dir()) / "checkpoints" / FILE
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(FID_WEIGHTS_URL, str(cached), sha256, progress=False)
        except (URLError, OSError, RuntimeError) as error:
            raise WeightsError(
                f"fid needs the Inception weights {FILE} (96 MB), which are not on this machine "
                f"and could not be downloaded ({error}). Fetch {FID_WEIGHTS_URL} elsewhere, then "
                f"put the file at {cached}, or name it in the space: evaluation.inception_weights"
            ) from error
    return cached


def _load_checked(path: Path, sha256: str) -> dict[str, Any]:
    data = path.read_bytes()  # read once: what is loaded is what was checked
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path} is not the file {FILE}: its SHA-256 is {found}, not {sha256}. "
            f"It was not loaded; fetch {FID_WEIGHTS_URL} again"
        )
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path}: not a file of weights: {error}") from error
    return state
