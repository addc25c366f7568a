"""Files of tables: parts that end at each checkpoint and wherever the schema changes, one file or a folder at the end.

When the schema of the rows changes in the middle, a new part begins; at the end the parts are read again and written
with the last schema, one file from many or each for itself in a folder. Rows wait in memory for full row groups.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import pyarrow as pa
import pyarrow.ipc

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import sha256_of, sync_folder, write_marker
from heify_heygen_errors.pipeline.partitions import check_count, compact, folder_part, split, tells
from heify_heygen_errors.pipeline.parts import GATHERED, ROW_GROUP, Part, from_state, open_part, read_part, to_state, write_whole
from heify_heygen_errors.pipeline.schemas import conform, settle, survey, unify
from heify_heygen_errors.pipeline.targets import FileSink, Target, Written

_MAX_OPEN: Final = 64  # files at a time
_MAX_CHUNKS: Final = 64
_MAX_TABLES: Final = 512  # that wait for a full row group
# CSV needs the names of all columns in its first line, and they are known at the end only.
_STORAGE: Final = {"jsonl": "jsonl", "csv": "arrow", "tsv": "arrow", "parquet": "parquet", "arrow": "arrow"}


def read_payload(payload: bytes) -> Any:
    """The rows of an Arrow IPC stream as a table, which shares its memory."""
    with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
        return reader.read_all()


@attrs.define
class _Waiting:
    """Rows of one folder that are not in a file yet, and the file that they will be in."""

    folder: str
    tables: list[Any] = attrs.Factory(list)
    rows: int = 0
    size: int = 0
    compacted: int = 0  # of the tables, the first ones
    part: Part | None = None
    file: str = ""
    written: int = 0

    def add(self, table: Any) -> None:
        self.tables.append(table)
        self.rows += table.num_rows
        self.size += table.nbytes
        fresh = self.tables[self.compacted :]
        if len(fresh) >= _MAX_CHUNKS and all(one.schema.equals(table.schema, check_metadata=True) for one in fresh):
            self.tables[self.compacted :] = [compact(pa.concat_tables(fresh))]
            self.compacted += 1

    def take(self) -> list[Any]:
        tables, self.tables, self.rows, self.size, self.compacted = self.tables, [], 0, 0, 0
        return tables


@attrs.frozen
class _Kept:
    """A closed file with rows: its name in the store, how many rows, the number of its schema in the state."""

    file: str
    rows: int
    schema: int


class TableSink(FileSink):
    """Files with a schema, or JSON Lines in a folder: closed at each checkpoint and whenever the schema changes."""

    def __init__(self, target: Target, state: Mapping[str, Any] | None) -> None:
        super().__init__(target)
        self._storage = _STORAGE[target.format]
        self._contract = tuple(target.contract.names)
        direct = target.is_folder and self._storage == target.format
        self._store = self._folder.path / ("out" if direct else "rows")
        self._seen: Any = None  # the schema that was met last
        self._logical: Any = None
        self._schemas: list[Any] = []
        self._kept: list[_Kept] = []
        self._values: dict[str, dict[str, str | None]] = {}
        self._counts: dict[str, int] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._size = 0
        if state:
            self._restore(state)
        self._clear()

    def _restore(self, state: Mapping[str, Any]) -> None:
        try:
            self._logical = None if state["schema"] is None else from_state(state["schema"])
            self._schemas = [from_state(text) for text in state["schemas"]]
            self._kept = [_Kept(*kept) for kept in state["parts"]]
            self._values = {folder: dict(values) for folder, values in state["partitions"].items()}
        except (KeyError, TypeError, ValueError, pa.ArrowException):
            msg = f"the journal in {self._folder.path} is damaged: begin anew without --resume"
            raise PipelineError(msg) from None
        for kept in self._kept:
            if not (self._store / kept.file).is_file():
                msg = f"{self._store / kept.file} is gone: begin anew without --resume"
                raise PipelineError(msg)
            self._count(kept.file.rpartition("/")[0])

    def _clear(self) -> None:
        """Removes what was written behind the checkpoint."""
        self._store.mkdir(exist_ok=True)
        kept = {kept.file for kept in self._kept}
        for file in sorted(self._store.rglob("*"), reverse=True):
            if not file.is_dir() and file.relative_to(self._store).as_posix() not in kept:
                file.unlink()
            elif file.is_dir() and not any(file.iterdir()):
                file.rmdir()

    def _count(self, folder: str) -> int:
        """How many files a folder has had so far. File systems that fold case have one folder for names that differ in it."""
        key = folder.casefold()
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        return count

    def write(self, payload: bytes) -> None:
        """As `Sink.write`."""
        if not payload:
            return
        target = self._target
        if target.payload == "jsonl":
            self._write_lines(payload)
            return
        table = read_payload(payload)
        self._learn(table)
        if not table.num_rows:
            return
        if not target.partition_by:
            self._add("", table)
        else:
            for values, rows in split(table, target.partition_by):
                self._add(self._partition(values), rows)
        bound = GATHERED // 2 if target.partition_by else GATHERED
        while self._size > bound:
            self._flush(max(self._waiting.values(), key=lambda waiting: waiting.size))

    def _learn(self, table: Any) -> None:
        """Brings the schema up to date; ends the files that have another one."""
        seen = survey(table)
        if self._seen is not None and seen.equals(self._seen, check_metadata=True):  # as of nearly every block
            return
        self._seen = seen
        first = self._logical is None
        logical = unify(self._logical, seen, self._contract)
        missing = [name for name in self._target.partition_by if name not in logical.names]
        if missing and not self._values and table.num_rows:
            msg = f"there is no column {missing[0]!r} to partition by: the columns are {', '.join(logical.names)}"
            raise PipelineError(msg)
        settled = self._settled(logical)
        if self._storage != "jsonl" and not first and not settled.equals(self._settled(self._logical), check_metadata=True):
            for waiting in self._waiting.values():
                if waiting.part is not None:
                    self._flush(waiting)
                    self._close(waiting)
        self._logical = logical

    def _settled(self, logical: Any) -> Any:
        schema = settle(logical, self._storage, self._contract)
        return pa.schema([field for field in schema if field.name not in self._target.partition_by], metadata=schema.metadata)

    def _partition(self, values: Sequence[str | None]) -> str:
        columns = self._target.partition_by
        folder = "/".join(folder_part(column, value) for column, value in zip(columns, values, strict=True))
        if folder not in self._values:
            check_count(len(self._values) + 1, columns)
            self._values[folder] = dict(zip(columns, values, strict=True))
        return folder

    def _add(self, folder: str, table: Any) -> None:
        waiting = self._waiting.setdefault(folder, _Waiting(folder))
        self._size -= waiting.size
        waiting.add(table)
        self._size += waiting.size
        if waiting.rows >= ROW_GROUP or len(waiting.tables) >= _MAX_TABLES:
            self._flush(waiting)

    def _part(self, waiting: _Waiting) -> Part:
        if waiting.part is None:
            ours = [other for other in self._waiting.values() if other.part is not None]
            if len(ours) >= _MAX_OPEN:
                smallest = min(ours, key=lambda other: other.size)
                self._flush(smallest)
                self._close(smallest)
            name = f"part-{self._count(waiting.folder):06d}.{self._storage}"
            waiting.file = f"{waiting.folder}/{name}" if waiting.folder else name
            path = self._store / waiting.file
            path.parent.mkdir(parents=True, exist_ok=True)
            schema = None if self._storage == "jsonl" else self._settled(self._logical)
            waiting.part = open_part(path, self._storage, schema)
            waiting.written = 0
        return waiting.part

    def _flush(self, waiting: _Waiting) -> None:
        if not waiting.tables:
            return
        part = self._part(waiting)
        self._size -= waiting.size
        waiting.written += waiting.rows
        tables = waiting.take()
        if self._storage == "jsonl":
            for table in tables:
                part.write(table)
            return
        schema = self._settled(self._logical)
        part.write(pa.concat_tables([conform(table, schema) for table in tables]))

    def _write_lines(self, payload: bytes) -> None:
        waiting = self._waiting.setdefault("", _Waiting(""))
        self._part(waiting).write(payload)
        waiting.written += payload.count(b"\n")

    def _close(self, waiting: _Waiting) -> None:
        part, waiting.part = waiting.part, None
        if part is None:
            return
        part.close()
        self._kept.append(_Kept(waiting.file, waiting.written, self._number()))

    def _number(self) -> int:
        """The number of the present schema in the state."""
        if self._storage == "jsonl":
            return 0
        schema = self._settled(self._logical)
        for number in range(len(self._schemas) - 1, -1, -1):
            if self._schemas[number].equals(schema, check_metadata=True):
                return number
        self._schemas.append(schema)
        return len(self._schemas) - 1

    def checkpoint(self) -> dict[str, object]:
        """As `Sink.checkpoint`: ends every part."""
        folders = {self._store}
        for waiting in self._waiting.values():
            self._flush(waiting)
            self._close(waiting)
            folders.update(parent for parent in (self._store / waiting.file).parents if parent.is_relative_to(self._store))
        self._waiting.clear()
        for folder in folders:
            sync_folder(folder)
        return {
            "schema": None if self._logical is None else to_state(self._logical),
            "schemas": [to_state(schema) for schema in self._schemas],
            "parts": [[kept.file, kept.rows, kept.schema] for kept in self._kept],
            "partitions": self._values,
        }

    def complete(self) -> list[Written]:
        """As `Sink.complete`: brings every part to the last schema."""
        self.checkpoint()
        if self._logical is None:
            self._logical = unify(None, self._target.contract, self._contract)
        if self._target.is_folder:
            return self._complete_folder()
        self._whole = self._one_file()
        sync_folder(self._folder.path)
        return [_told(self._whole, str(self._target.path), sum(kept.rows for kept in self._kept))]

    def _one_file(self) -> Path:
        format_ = self._target.format
        if format_ == self._storage and len(self._kept) == 1 and self._is_last(self._kept[0]):
            return self._store / self._kept[0].file
        whole = self._folder.path / f"whole.{format_}"
        batches = (batch for kept in self._kept for batch in read_part(self._store / kept.file, self._storage))
        write_whole(whole, format_, self._settled(self._logical), batches, formulas=self._target.formulas)
        return whole

    def _complete_folder(self) -> list[Written]:
        out = self._folder.path / "out"
        if self._storage != self._target.format and out.exists():  # of a run that was killed here
            shutil.rmtree(out)
        if not self._kept and not self._target.partition_by and self._target.payload != "jsonl":
            self._add("", self._settled(self._logical).empty_table())
            self._flush(self._waiting[""])
            self._close(self._waiting[""])
        files = [(self._part_of_folder(out, kept), kept.rows) for kept in self._kept]
        out.mkdir(exist_ok=True)
        hidden = {
            folder: values
            for folder, values in sorted(self._values.items())
            if not all(tells(column, value) for column, value in values.items())
        }
        write_marker(out, {"partition_by": list(self._target.partition_by), "hidden_values": hidden})
        for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
            sync_folder(folder)
        self._whole = out
        name = str(self._target.path).rstrip("/" + os.sep)
        return [_told(file, f"{name}/{file.relative_to(out).as_posix()}", rows) for file, rows in files]

    def _part_of_folder(self, out: Path, kept: _Kept) -> Path:
        """Brings a part to the last schema and format."""
        stored = self._store / kept.file
        format_ = self._target.format
        if format_ == "jsonl" or (format_ == self._storage and self._is_last(kept)):
            return stored
        file = out / f"{kept.file.rpartition('.')[0]}.{format_}"
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = self._folder.path / f"whole.{format_}"
        write_whole(whole, format_, self._settled(self._logical), read_part(stored, self._storage), formulas=self._target.formulas)
        whole.replace(file)
        return file

    def _is_last(self, kept: _Kept) -> bool:
        return bool(self._schemas[kept.schema].equals(self._settled(self._logical), check_metadata=True))

    def abandon(self) -> None:
        """As `Sink.abandon`."""
        for waiting in self._waiting.values():
            if waiting.part is not None:
                waiting.part.abandon()
        self._folder.leave()


def _told(file: Path, path: str, rows: int) -> Written:
    return Written(path, file.stat().st_size, rows, sha256_of(file))
