"""Every error that gansearch raises on purpose.

GansearchError
├── UsageError             wrong input: one readable line, exit code 2
│   ├── SpaceError         a space's YAML, with file, line and key
│   ├── ConfigError        a training configuration that cannot be built
│   ├── DataError          a data set that is missing, unreadable or of the wrong kind
│   ├── WeightsError       pretrained weights that are missing or not the expected file
│   ├── StudyError         a study that is missing, already exists, or does not suit the command
│   └── ProtocolError      values under different protocols that cannot be compared
├── EmptyFrontError        a study's front is empty: one readable line, exit code 1
└── TrialError             one trial cannot continue; the study can
    ├── Diverged           NaN, explosion, or collapse to a single image
    └── CheckpointError    a checkpoint that is damaged or of another configuration
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class GansearchError(Exception):
    """Base of every error that gansearch raises on purpose."""


class UsageError(GansearchError):
    """Wrong input; the message says what is wrong, where, and what would be right."""


class ConfigError(UsageError):
    """A training configuration that cannot be built."""


class DataError(UsageError):
    """A data set that is missing, unreadable or of the wrong kind."""


class WeightsError(UsageError):
    """Pretrained weights that are missing or not the expected file."""


class StudyError(UsageError):
    """A study that is missing, already exists, or does not suit the command."""


class ProtocolError(UsageError):
    """Values under different protocols that cannot be compared."""


@dataclass(frozen=True)
class InvalidEntry:
    """An invalid entry of a space's YAML.

    Attributes:
        key: dotted path of the key, such as ``parameters.g_lr.low``; empty for the whole file.
        line: 1-based line in the file, or ``None`` if the file has no such line.
        message: what is wrong, the value, and what would be right.
    """

    key: str
    line: int | None
    message: str


class SpaceError(UsageError):
    """A space's YAML is wrong.

    Attributes:
        file: the file that was read.
        entries: all invalid entries in order of their lines, at least one.
    """

    def __init__(self, file: Path, entries: list[InvalidEntry]) -> None:
        self.file = file
        self.entries = sorted(entries, key=lambda entry: (entry.line or 0, entry.key))
        super().__init__("\n".join(map(self._describe, self.entries)))

    def _describe(self, entry: InvalidEntry) -> str:
        where = f"{self.file}:{entry.line}" if entry.line else str(self.file)
        return f"{where}: {entry.key}: {entry.message}".replace(": : ", ": ")


class EmptyFrontError(GansearchError):
    """No trial of a study completed the full budget within every bound."""


class TrialError(GansearchError):
    """One trial cannot continue; the study can."""


class CheckpointError(TrialError):
    """A checkpoint that is damaged or of another configuration."""


class Diverged(TrialError):  # noqa: N818 - named as the outcome
    """Training reached a state from which it does not recover.

    Attributes:
        reason: ``nan``, ``explosion`` or ``collapse``.
        kimg: progress when it was detected.
    """

    def __init__(self, reason: str, kimg: float, detail: str) -> None:
        self.reason = reason
        self.kimg = kimg
        super().__init__(f"{reason} at {kimg:g} kimg: {detail}")
