"""Checkpoints of a trial on the study's storage, each written completely or not at all."""

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
from gansearch.hardware.scratch import scratch_folder
from gansearch.paths import REPORT_FILE, SAMPLES_FILE, SPACE_FILE, checkpoint_folder
from gansearch.record import Report
from gansearch.train.run import REPORT


@contextmanager
def fetched(report: Report) -> Iterator[Path]:
    """Provide the folder of a report's checkpoint on this machine within the block.

    Raises:
        CheckpointError: the checkpoint was not kept.
        OSError: storage is unreachable.
    """
    with scratch_folder() as scratch:
        yield TrialFolder.of(report).fetch(report, scratch / "checkpoint")


class TrialFolder:
    """The checkpoints of one trial, each a folder with its report.

    Every checkpoint has a unique folder name. Two processes that briefly both train the same trial
    (after a network partition or a killed driver) therefore never write to the same file.

    Args:
        address: absolute path, or a URI that pyarrow reads (``s3://bucket/study/trial_00012``).

    Raises:
        OSError: any method, if storage is unreachable.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._files, self._path = FileSystem.from_uri(self.address)

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return the folder that contains a report's checkpoint.

        Raises:
            CheckpointError: the checkpoint was not kept.
        """
        if report.checkpoint is None:
            raise CheckpointError(f"the weights at {report.kimg:g} kimg were not kept")
        return cls(report.checkpoint.rstrip("/").rpartition("/")[0])

    def is_shared(self) -> bool:
        """Whether this machine sees the study's folder, not an empty one of the same name."""
        marker = f"{self._path.rpartition('/')[0]}/{SPACE_FILE}"
        return bool(self._files.get_file_info(marker).is_file)

    def publish(self, folder: Path, report: Report) -> Report:
        """Move ``folder``, the checkpoint of ``report``, here; return the report with its address.

        The report's file does not contain the address, so the folder can be moved.

        The report's file is written last. A checkpoint without it is incomplete.
        """
        name = f"{checkpoint_folder(report.kimg)}_{uuid4().hex[:8]}"
        target = f"{self._path}/{name}"
        (folder / REPORT_FILE).unlink(missing_ok=True)
        self._files.create_dir(target)
        copy_files(str(folder.absolute()), target, LocalFileSystem(), self._files)
        with self._files.open_output_stream(f"{target}/{REPORT_FILE}") as stream:
            stream.write(REPORT.dump_json(report))
        rmtree(folder)
        return replace(report, checkpoint=self._address(target))

    def reports(self) -> list[Report]:
        """Return the reports of all complete checkpoints, by descending kimg."""
        return sorted(self._reports(), key=lambda report: report.kimg, reverse=True)

    def fetch(self, report: Report, into: Path) -> Path:
        """Return the folder of ``report``'s checkpoint, copied to ``into`` unless it is local."""
        source = self._folder(report)
        if isinstance(self._files, LocalFileSystem):
            return Path(source)
        copy_files(source, str(into.absolute()), self._files, LocalFileSystem())
        return into

    def prune(self, keep: Report) -> None:
        """Delete incomplete checkpoints and all others except that of ``keep``.

        Sample grids stay: they are small, and the tracker may not have read them yet.
        """
        for folder in self._folders():
            if folder != self._folder(keep):
                with suppress(OSError):  # a failure costs space, not a trial
                    self._empty(folder)

    def _empty(self, folder: str) -> None:
        files = {
            file.base_name: file.path for file in self._files.get_file_info(FileSelector(folder))
        }
        if SAMPLES_FILE not in files:
            self._files.delete_dir(folder)
            return
        # The report goes first: the remaining files are then no checkpoint.
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
                suppress(FileNotFoundError, ValidationError),  # incomplete
                self._files.open_input_stream(file) as stream,
            ):
                report = REPORT.validate_json(stream.read())
                reports.append(replace(report, checkpoint=self._address(folder)))
        return reports
