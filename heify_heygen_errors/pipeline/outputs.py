"""Where rows go: one file, a folder, partitions or a stream; as JSON Lines, CSV, TSV, Parquet or Arrow IPC.

A sink takes payloads in order. Until the end everything is in a work folder, so that an output appears whole or not at
all; what a checkpoint returned is enough to go on from there, also in another process. What is written depends on the
payloads and on where the checkpoints are, and on nothing else.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import Move, check_replaceable, real_path, sha256_of, sync_folder
from heify_heygen_errors.pipeline.parts import ROW_GROUP
from heify_heygen_errors.pipeline.segments import TableSink, read_payload
from heify_heygen_errors.pipeline.targets import FORMATS, FileSink, Sink, Target, WorkFolder, Written
from heify_heygen_errors.pipeline.texts import json_lines

__all__ = ["FORMATS", "Sink", "Target", "Written", "open_sink"]

_COPIED: Final = 1024 * 1024


def open_sink(target: Target, *, state: Mapping[str, Any] | None = None) -> Sink:
    """A sink for a target.

    Args:
        target: what to write, and where.
        state: of the checkpoint to go on from, with the same target and work folder; None to begin.

    Raises:
        PipelineError: the target makes no sense, or what the state speaks of is not in the work folder.
        OSError: the target cannot be written.
    """
    _check(target)
    if target.is_stream:
        if state:
            msg = "a stream or device cannot be resumed: write to a file, or begin anew without --resume"
            raise PipelineError(msg)
        return _StreamSink(target) if target.format == "jsonl" else _CopiedSink(target)
    if target.is_folder:
        check_replaceable(real_path(str(target.path)))
    if target.format == "jsonl" and not target.is_folder:
        return _LinesSink(target, state)
    return TableSink(target, state)


def _check(target: Target) -> None:
    if target.format not in FORMATS:
        msg = f"there is no format {target.format!r}: use one of {', '.join(FORMATS)}"
        raise PipelineError(msg)
    if target.payload == "jsonl" and (target.format != "jsonl" or target.partition_by):
        msg = "rows that come as JSON Lines can be written as they are only: hand over Arrow for other formats and partitions"
        raise ValueError(msg)
    if target.partition_by and target.path is None:
        msg = "partitions are a folder of files and cannot go to stdout: name a folder with -o"
        raise PipelineError(msg)
    if target.path is None and target.stream is None:
        msg = "a target has a path or a stream"
        raise ValueError(msg)


def _lines(target: Target, payload: bytes) -> tuple[list[Any], int]:
    """A payload as JSON Lines, in pieces, and how many."""
    if target.payload == "jsonl":
        return [payload], payload.count(b"\n")
    table = read_payload(payload)
    return [json_lines(batch) for batch in table.to_batches(max_chunksize=ROW_GROUP)], table.num_rows


class _LinesSink(FileSink):
    """One file of JSON Lines, which grows."""

    def __init__(self, target: Target, state: Mapping[str, Any] | None) -> None:
        super().__init__(target)
        self._path = self._folder.path / "rows" / "part-000000.jsonl"
        self._path.parent.mkdir(exist_ok=True)
        self._length, self._rows = _numbers(state, "bytes", "rows")
        self._stream = self._path.open("r+b" if state and self._path.exists() else "wb", buffering=0)
        if os.fstat(self._stream.fileno()).st_size < self._length:
            self._stream.close()
            msg = f"{self._path} is shorter than at the last checkpoint: begin anew without --resume"
            raise PipelineError(msg)
        self._stream.truncate(self._length)
        self._stream.seek(self._length)

    def write(self, payload: bytes) -> None:
        if not payload:
            return
        pieces, rows = _lines(self._target, payload)
        for piece in pieces:
            self._length += _write_all(self._stream, piece)
        self._rows += rows

    def checkpoint(self) -> dict[str, object]:
        os.fsync(self._stream.fileno())
        sync_folder(self._path.parent)
        return {"bytes": self._length, "rows": self._rows}

    def complete(self) -> list[Written]:
        self.checkpoint()
        self._stream.close()
        self._whole = self._path
        return [Written(str(self._target.path), self._length, self._rows, sha256_of(self._path))]

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._folder.leave()


class _StreamSink:
    """JSON Lines to stdout, a device or a pipe, at once."""

    resumable = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._stream = _opened(target)
        self._length = self._rows = 0

    def write(self, payload: bytes) -> None:
        if not payload:
            return
        pieces, rows = _lines(self._target, payload)
        for piece in pieces:
            self._length += _write_all(self._stream, piece)
        self._stream.flush()
        self._rows += rows

    def checkpoint(self) -> dict[str, object]:
        return {}

    def complete(self) -> list[Written]:
        self._stream.flush()
        if self._target.path is not None:
            self._stream.close()
        return [Written(self._target.path or "-", self._length, self._rows, None)]

    def moves(self) -> list[Move]:
        return []

    def finish(self) -> list[Written]:
        return self.complete()

    def abandon(self) -> None:
        if self._target.path is not None:
            with contextlib.suppress(OSError):
                self._stream.close()


class _CopiedSink:
    """Other formats to a stream: made whole in a temporary folder, then copied."""

    resumable = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._folder = WorkFolder(attrs.evolve(target, work=None))
        self._file = self._folder.path / f"output.{target.format}"
        try:
            self._stream = _opened(target)
        except BaseException:
            self._folder.leave()
            raise
        self._inner = TableSink(attrs.evolve(target, path=str(self._file), stream=None, work=None), None)

    def write(self, payload: bytes) -> None:
        self._inner.write(payload)

    def checkpoint(self) -> dict[str, object]:
        return {}

    def complete(self) -> list[Written]:
        try:
            (written,) = self._inner.finish()
            with self._file.open("rb") as file:
                while chunk := file.read(_COPIED):
                    _write_all(self._stream, chunk)
            self._stream.flush()
        finally:
            self.abandon()
        return [attrs.evolve(written, path=self._target.path or "-", sha256=None)]

    def moves(self) -> list[Move]:
        return []

    def finish(self) -> list[Written]:
        return self.complete()

    def abandon(self) -> None:
        if self._target.path is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
        self._inner.abandon()
        self._folder.leave()


def _write_all(stream: Any, data: Any) -> int:
    """Writes every byte, also where a stream takes a part at a time."""
    left = memoryview(data)
    length = len(left)
    while left:
        left = left[stream.write(left) :]
    return length


def _numbers(state: Mapping[str, Any] | None, *names: str) -> tuple[int, ...]:
    found = tuple((state or dict.fromkeys(names, 0)).get(name) for name in names)
    if not all(isinstance(number, int) for number in found):
        msg = "the journal is damaged: begin anew without --resume"
        raise PipelineError(msg)
    return found  # type: ignore[return-value]  # checked


def _opened(target: Target) -> Any:
    return target.stream if target.path is None else Path(target.path).open("wb", buffering=0)
