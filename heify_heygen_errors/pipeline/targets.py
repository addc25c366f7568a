"""What to write and where, what was written, and the promises that every sink keeps."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, Final, Protocol

import attrs
import pyarrow as pa

from heify_heygen_errors.pipeline.files import Move, is_device, move, real_path

FORMATS: Final = ("jsonl", "csv", "tsv", "parquet", "arrow")


@attrs.frozen(kw_only=True)
class Target:
    """What to write, and where.

    Attributes:
        path: a file, or a folder: if it ends with a slash, is one already, or `partition_by` is given. A device or a
            pipe is written into as it stands. None: `stream`.
        format: one of `FORMATS`.
        payload: what `Sink.write` gets: ``arrow`` (Arrow IPC streams) or ``jsonl`` (lines, for JSON Lines only).
        contract: Arrow schema of the columns that stand last and are there even if no row is; with its metadata.
        partition_by: columns to split rows by; they are in the folders' names and not in the files.
        formulas: CSV and TSV: leave texts that a spreadsheet would run as they are.
        stream: stdout, if `path` is None.
        work: folder for what is unfinished, on the file system of `path`. It has to exist; the sink makes entries
            ``rows``, ``out`` and ``whole.*`` in it. None: a temporary folder of the sink's own.
    """

    path: str | None
    format: str
    payload: str = "arrow"
    contract: Any = attrs.Factory(lambda: pa.schema([]))
    partition_by: tuple[str, ...] = ()
    formulas: bool = False
    stream: IO[bytes] | None = attrs.field(default=None, repr=False)
    work: Path | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the output is a folder."""
        if self.path is None:
            return False
        return bool(self.partition_by) or self.path.endswith(("/", os.sep)) or Path(self.path).is_dir()

    @property
    def is_stream(self) -> bool:
        """Whether the output is written as it comes, so that nothing can be taken back or resumed."""
        return self.path is None or (not self.is_folder and is_device(self.path))


@attrs.frozen
class Written:
    """A file of output.

    Attributes:
        path: where it is or will appear; ``"-"`` for stdout.
        bytes: its length.
        rows: how many rows it holds.
        sha256: of its content, in hex; None for streams.
    """

    path: str
    bytes: int
    rows: int
    sha256: str | None


class Sink(Protocol):
    """Takes rows. In order: any number of `write` and `checkpoint`, then `finish`, or `complete` and the `moves`; or `abandon`."""

    @property
    def resumable(self) -> bool:
        """Whether `checkpoint` returns something to go on from."""
        raise NotImplementedError

    def write(self, payload: bytes) -> None:
        """Appends the rows of a payload; an empty one has none.

        Raises:
            PipelineError: they cannot be written: too many columns or partitions.
            OSError: the disk is full, for example.
            BrokenPipeError: nobody reads the stream any more.
        """
        raise NotImplementedError

    def checkpoint(self) -> dict[str, object]:
        """Has everything so far on disk. Returns a JSON-able state for `open_sink`; empty for streams."""
        raise NotImplementedError

    def complete(self) -> list[Written]:
        """Makes the output whole in the work folder; streams end here. What is left is to carry out `moves`."""
        raise NotImplementedError

    def moves(self) -> list[Move]:
        """What makes the completed output appear; nothing for streams."""
        raise NotImplementedError

    def finish(self) -> list[Written]:
        """Completes the output and makes it appear."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Closes files and removes a temporary folder of the sink's own. `Target.work` stays, for a later run. Never raises."""
        raise NotImplementedError


class WorkFolder:
    """The work folder of a sink, its own if the target has none."""

    def __init__(self, target: Target) -> None:
        self._own = target.work is None
        if target.work is not None:
            self.path = target.work
        elif target.path is None or target.is_stream:
            self.path = Path(tempfile.mkdtemp(prefix="hhe-"))
        else:
            beside = real_path(target.path)
            try:
                self.path = Path(tempfile.mkdtemp(dir=beside.parent, prefix=f".{beside.name[:100]}.", suffix=".part"))
            except OSError as error:
                raise OSError(error.errno, error.strerror, target.path) from None

    def leave(self) -> None:
        """Removes it if it is the sink's own."""
        if self._own:
            shutil.rmtree(self.path, ignore_errors=True)


class FileSink(ABC):
    """What sinks have in common whose output is moved to its name at the end."""

    resumable: bool = True

    def __init__(self, target: Target) -> None:
        self._target = target
        self._folder = WorkFolder(target)
        self._name = real_path(str(target.path))
        self._whole: Path | None = None

    @abstractmethod
    def complete(self) -> list[Written]:
        """As `Sink.complete`."""

    @abstractmethod
    def abandon(self) -> None:
        """As `Sink.abandon`."""

    def moves(self) -> list[Move]:
        """As `Sink.moves`."""
        return [Move(str(self._whole), str(self._name))] if self._whole is not None else []

    def finish(self) -> list[Written]:
        """As `Sink.finish`."""
        try:
            written = self.complete()
            for step in self.moves():
                move(step, self._folder.path / "replaced")
        except BaseException:
            self.abandon()
            raise
        self._folder.leave()
        return written
