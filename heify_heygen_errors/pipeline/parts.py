"""Files with rows, one at a time: Parquet, Arrow IPC, JSON Lines and CSV written in order, Parquet and Arrow read in order."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Protocol

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.ipc
import pyarrow.parquet as pq

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import sync_file
from heify_heygen_errors.pipeline.schemas import conform
from heify_heygen_errors.pipeline.texts import escape_formulas, json_lines, plain_text

ROW_GROUP: Final = 131_072
"""Rows of a Parquet row group."""

GATHERED: Final = 48 * 1024 * 1024
"""Bytes of rows that wait in memory for a full row group. Half of it where rows of many files wait, or are read again."""

_READ: Final = 16_384  # rows
_BATCH: Final = 16_384  # rows of an Arrow batch, which is read as a whole
_BUFFER: Final = 64 * 1024  # bytes; without it, a reader takes in whole columns of a row group
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


class Part(Protocol):
    """A file that rows are appended to."""

    def write(self, rows: Any) -> None:
        """Appends a table of the part's schema as one row group or batch. A part of JSON Lines also takes lines as bytes."""

    def close(self) -> None:
        """Ends the file and has it on disk."""

    def abandon(self) -> None:
        """Closes the file as it is, without an error."""


def open_part(path: Path, storage: str, schema: Any, *, formulas: bool = False) -> Part:
    """Begins a file; one of that name is replaced.

    Args:
        path: in a folder that exists.
        storage: ``parquet``, ``arrow``, ``jsonl``, ``csv`` or ``tsv``.
        schema: of all its rows; JSON Lines need none.
        formulas: leave texts that a spreadsheet would run as they are (CSV and TSV).
    """
    if storage == "jsonl":
        return _LinesPart(path)
    if storage in _DELIMITERS:
        return _CellsPart(path, storage, schema, formulas=formulas)
    return _TablePart(path, storage, schema)


def read_part(path: Path, storage: str) -> Iterator[Any]:
    """The rows of a Parquet or Arrow file as small record batches, in order.

    Raises:
        PipelineError: the file is damaged.
    """
    try:
        if storage == "parquet":
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as parquet:
                yield from parquet.iter_batches(_READ, use_threads=False)
            return
        with path.open("rb") as stream, pa.ipc.open_file(stream) as arrow:
            for number in range(arrow.num_record_batches):
                batch = arrow.get_batch(number)
                for start in range(0, batch.num_rows, _READ):
                    yield batch.slice(start, _READ)
    except pa.ArrowInvalid as error:
        msg = f"{path} is damaged ({error}): begin anew without --resume"
        raise PipelineError(msg) from None


def write_whole(path: Path, storage: str, schema: Any, batches: Iterable[Any], *, formulas: bool = False) -> None:
    """Writes batches that `schema` was made of into one file.

    Args:
        path: in a folder that exists.
        storage: as for `open_part`.
        schema: the last one.
        batches: their schemas may differ.
        formulas: as for `open_part`.
    """
    part = open_part(path, storage, schema, formulas=formulas)
    try:
        waiting: list[Any] = []
        rows = size = 0
        for batch in batches:
            table = conform(batch, schema)
            if rows and (rows + table.num_rows > ROW_GROUP or size + table.nbytes > GATHERED // 2):
                part.write(pa.concat_tables(waiting))
                waiting, rows, size = [], 0, 0
            waiting.append(table)
            rows += table.num_rows
            size += table.nbytes
        if rows:
            part.write(pa.concat_tables(waiting))
    except BaseException:
        part.abandon()
        raise
    part.close()


class _TablePart:
    """A Parquet or Arrow IPC file."""

    def __init__(self, path: Path, storage: str, schema: Any) -> None:
        self._path = path
        self._stream: IO[bytes] = path.open("wb")
        self._storage = storage
        try:
            self._writer = _table_writer(self._stream, storage, schema)
        except BaseException:
            self._stream.close()
            raise

    def write(self, rows: Any) -> None:
        if self._storage == "arrow":
            for start in range(0, rows.num_rows, _BATCH):
                self._writer.write_table(rows.slice(start, _BATCH).combine_chunks())
            return
        groups = max(1, round(rows.num_rows / ROW_GROUP))
        self._writer.write_table(rows, row_group_size=max(1, -(-rows.num_rows // groups)))

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            self._stream.close()
        sync_file(self._path)

    def abandon(self) -> None:
        with contextlib.suppress(Exception):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._stream.close()


def _table_writer(stream: IO[bytes], storage: str, schema: Any) -> Any:
    if storage == "parquet":
        # Level 1 is as small as 3 for such rows and quicker. Columns that repeat are dictionaries until they grow too big.
        return pq.ParquetWriter(stream, schema, compression="zstd", compression_level=1)
    return pa.ipc.new_file(stream, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))


class _LinesPart:
    """A file of JSON Lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = path.open("wb")

    def write(self, rows: Any) -> None:
        if isinstance(rows, bytes):
            self._stream.write(rows)
            return
        for batch in rows.to_batches(max_chunksize=_READ):
            self._stream.write(json_lines(batch))

    def close(self) -> None:
        self._stream.close()
        sync_file(self._path)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()


class _CellsPart:
    """A CSV or TSV file (RFC 4180, but with line feeds): quoted texts, an empty cell for null, a header."""

    def __init__(self, path: Path, storage: str, schema: Any, *, formulas: bool) -> None:
        self._path = path
        self._formulas = formulas
        self._header = _header(schema.names, formulas=formulas)
        self._stream = path.open("wb")
        self._options = pacsv.WriteOptions(include_header=False, delimiter=_DELIMITERS[storage], batch_size=_READ)
        self._stream.write(_DELIMITERS[storage].join(self._header).encode() + b"\n")

    def write(self, rows: Any) -> None:
        for batch in rows.to_batches(max_chunksize=_READ):
            columns = [_cells(column, formulas=self._formulas) for column in batch.columns]
            pacsv.write_csv(
                pa.RecordBatch.from_arrays(columns, names=[f"c{at}" for at in range(len(columns))]), self._stream, self._options
            )

    def close(self) -> None:
        self._stream.close()
        sync_file(self._path)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()


def _header(names: list[str], *, formulas: bool) -> list[str]:
    shown = pa.array(names, pa.string())
    if not formulas:
        shown = escape_formulas(shown)
    return ['"' + name.replace('"', '""') + '"' for name in shown.to_pylist()]


def _cells(column: Any, *, formulas: bool) -> Any:
    if any(is_kind(column.type) for is_kind in (pa.types.is_integer, pa.types.is_boolean, pa.types.is_floating, pa.types.is_decimal)):
        return column  # numbers are no formulas, and are not quoted
    text = plain_text(column)
    return text if formulas else escape_formulas(text)


def to_state(schema: Any) -> str:
    """A schema as JSON-able text."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def from_state(text: str) -> Any:
    """Reads what `to_state` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
