"""Where a trial's weights are kept between rungs: on the study's storage, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Self
from uuid import uuid4

from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem, copy_files
from pydantic import ValidationError

from gansearch.errors import CheckpointError
from gansearch.record import Report
from gansearch.scratch import scratch_folder
from gansearch.train.run import REPORT, REPORT_FILE, SAMPLES_FILE

STUDY_FILE = "space.yaml"
"""In a study's folder: the space as it was submitted, and the sign that storage is shared."""


@contextmanager
def fetched(report: Report) -> Iterator[Path]:
    """The folder of a report's checkpoint on this machine, for as long as the block runs.

    Raises:
        CheckpointError: it was not kept.
        OSError: storage cannot be reached.
    """
    with scratch_folder() as scratch:
        yield TrialFolder.of(report).fetch(report, scratch / "checkpoint")


class TrialFolder:
    """The checkpoints of one trial, each a folder with the report that was made at it.

    Every checkpoint has a folder of its own name, so two processes that for a moment believe that
    they train the same trial (a node cut off, a driver killed) never write into one file.

    Args:
        address: absolute path, or a URI that pyarrow reads (``s3://bucket/study/trial_00012``).

    Raises:
        OSError: from every method, where storage cannot be reached.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._files, self._path = FileSystem.from_uri(self.address)

    @classmethod
    def of(cls, report: Report) -> Self:
        """The folder that a report's checkpoint is in.

        Raises:
            CheckpointError: it was not kept.
        """
        if report.checkpoint is None:
            raise CheckpointError(f"the weights at {report.kimg:g} kimg were not kept")
        return cls(report.checkpoint.rstrip("/").rpartition("/")[0])

    def is_shared(self) -> bool:
        """Whether this machine sees the study's folder, and not an empty one under its name."""
        marker = f"{self._path.rpartition('/')[0]}/{STUDY_FILE}"
        return bool(self._files.get_file_info(marker).is_file)

    def publish(self, folder: Path, report: Report) -> Report:
        """Move ``folder``, the checkpoint made at ``report``, here; the report with its place.

        The file itself does not say where it lies, so that a folder can be moved.

        The report's file is written last: a checkpoint without it was cut short.
        """
        name = f"kimg_{report.kimg:g}_{uuid4().hex[:8]}"
        target = f"{self._path}/{name}"
        (folder / REPORT_FILE).unlink(missing_ok=True)
        self._files.create_dir(target)
        copy_files(str(folder.absolute()), target, LocalFileSystem(), self._files)
        with self._files.open_output_stream(f"{target}/{REPORT_FILE}") as stream:
            stream.write(REPORT.dump_json(report))
        rmtree(folder)
        return replace(report, checkpoint=self._address(target))

    def reports(self) -> list[Report]:
        """The reports of all whole checkpoints, the furthest one first."""
        return sorted(self._reports(), key=lambda report: report.kimg, reverse=True)

    def fetch(self, report: Report, into: Path) -> Path:
        """The folder of ``report``'s checkpoint on this machine, in ``into`` if it was not."""
        source = self._folder(report)
        if isinstance(self._files, LocalFileSystem):
            return Path(source)
        copy_files(source, str(into.absolute()), self._files, LocalFileSystem())
        return into

    def prune(self, keep: Report) -> None:
        """Delete every checkpoint but that of ``keep``, and what is left of unfinished ones.

        Grids of samples stay, which take little space: the tracker may not have seen them yet.
        """
        for folder in self._folders():
            if folder != self._folder(keep):
                with suppress(OSError):  # costs space, not a trial
                    self._empty(folder)

    def _empty(self, folder: str) -> None:
        files = {
            file.base_name: file.path for file in self._files.get_file_info(FileSelector(folder))
        }
        if SAMPLES_FILE not in files:
            self._files.delete_dir(folder)
            return
        # The report goes first: what is left without it is no checkpoint.
        for name in sorted(files, key=lambda name: name != REPORT_FILE):
            if name != SAMPLES_FILE:
                self._files.delete_file(files[name])

    def _folder(self, report: Report) -> str:
        return f"{self._path}/{str(report.checkpoint).rpartition('/')[2]}"

    def _address(self, folder: str) -> str:
        return f"{self.address}/{folder.rpartition('/')[2]}"

    def _folders(self) -> list[str]:
        entries = self._files.get_file_info(FileSelector(self._path, allow_not_found=True))
        return [entry.path for entry in entries if entry.type is FileType.Directory]

    def _reports(self) -> list[Report]:
        reports = []
        for folder in self._folders():
            file = f"{folder}/{REPORT_FILE}"
            with (
                suppress(FileNotFoundError, ValidationError),  # cut short
                self._files.open_input_stream(file) as stream,
            ):
                report = REPORT.validate_json(stream.read())
                reports.append(replace(report, checkpoint=self._address(folder)))
        return reports
