"""Published weights: found on this machine or downloaded, and verified before loading."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

from gansearch.errors import WeightsError
from gansearch.metrics.catalog import Metric


@dataclass(frozen=True)
class PublishedWeights:
    """A published file of weights that defines a metric.

    Attributes:
        file: name of the file in torch's hub cache.
        url: address of the publication.
        sha256: SHA-256 of the content.
        used_by: user of the weights and size of the file, for messages.
        setting: setting of a space that names another path; empty if there is none.
    """

    file: str
    url: str
    sha256: str
    used_by: str
    setting: str = ""

    def load(self, path: Path | None = None) -> dict[str, Any]:
        """Load the tensors of the file onto the CPU.

        Args:
            path: path of the file; by default torch's hub cache, then a download.

        Raises:
            WeightsError: the file is not available or has another checksum. It is then not loaded.
        """
        if path is not None and not path.is_file():
            raise WeightsError(f"{self.setting}: there is no file {path}")
        return self._checked(path or self._in_hub_cache())

    def place(self) -> Path:
        """Path of the file in torch's hub cache, without importing torch."""
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        torch_home = os.environ.get("TORCH_HOME") or str(Path(home) / "torch")
        return Path(torch_home).expanduser() / "hub" / "checkpoints" / self.file

    def _in_hub_cache(self) -> Path:
        import torch

        cached = Path(torch.hub.get_dir()) / "checkpoints" / self.file
        if not cached.is_file():
            cached.parent.mkdir(parents=True, exist_ok=True)
            try:
                torch.hub.download_url_to_file(self.url, str(cached), self.sha256, progress=False)
            except (URLError, OSError, RuntimeError) as error:
                named = f", or name it in the space: {self.setting}" if self.setting else ""
                raise WeightsError(
                    f"{self.used_by} needs {self.file}, which is not on this machine and could not "
                    f"be downloaded ({error}). Fetch {self.url} elsewhere, then put the file at "
                    f"{cached}{named}"
                ) from error
        return cached

    def _checked(self, path: Path) -> dict[str, Any]:
        import torch

        data = path.read_bytes()  # read once, so that the checked bytes are loaded
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise WeightsError(
                f"{path} is not the file {self.file}: its SHA-256 is {found}, not {self.sha256}. "
                f"It was not loaded; fetch {self.url} again"
            )
        try:
            state: dict[str, Any] = torch.load(
                io.BytesIO(data), map_location="cpu", weights_only=True
            )
        except (UnpicklingError, RuntimeError, EOFError) as error:
            raise WeightsError(f"{path}: not a file of weights: {error}") from error
        return state


INCEPTION = PublishedWeights(
    file="pt_inception-2015-12-05-6726825d.pth",
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    used_by="every metric in Inception features (96 MB)",
    setting="evaluation.inception_weights",
)
"""Inception weights as published by pytorch-fid."""
ALEXNET = PublishedWeights(
    file="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    used_by="lpips_diversity (244 MB)",
)
LPIPS_HEADS = PublishedWeights(
    file="lpips-v0.1-alex.pth",
    url="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
    sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    used_by="lpips_diversity (6 KB)",
)
"""Channel weights of LPIPS as published by the paper's authors, version 0.1."""


def weights_of(metric: Metric) -> tuple[PublishedWeights, ...]:
    """Files of weights that a metric needs; none if its features are computed on this machine."""
    return {"inception": (INCEPTION,), "lpips_diversity": (ALEXNET, LPIPS_HEADS)}.get(
        metric.features or metric.method, ()
    )
