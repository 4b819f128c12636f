"""Published weights: looked for on this machine, fetched if need be, checked before they load."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch

from gansearch.errors import WeightsError


@dataclass(frozen=True)
class PublishedWeights:
    """A file of weights that a metric is defined by.

    Attributes:
        file: its name in torch's hub cache.
        url: where it is published.
        sha256: of its content.
        used_by: who needs it, and how large it is.
        setting: how else a space can name the file; empty where it cannot.
    """

    file: str
    url: str
    sha256: str
    used_by: str
    setting: str = ""

    def load(self, path: Path | None = None) -> dict[str, Any]:
        """The tensors in the file, on the CPU.

        Args:
            path: of the file; without it torch's hub cache is looked in, then the network.

        Raises:
            WeightsError: the file cannot be had, or its checksum is another; it is then not loaded
                at all.
        """
        if path is not None and not path.is_file():
            raise WeightsError(f"{self.setting}: there is no file {path}")
        return self._checked(path or self._in_hub_cache())

    def _in_hub_cache(self) -> Path:
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
        data = path.read_bytes()  # read once: what is loaded is what was checked
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
