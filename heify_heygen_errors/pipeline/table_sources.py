"""Parquet and Arrow to blocks of rows. The rows of a block are decided by those of its row group or batch only.

pyarrow is imported where a table is read, for text is cut without it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from heify_heygen_errors.pipeline.blocks import Block, PipelineError
from heify_heygen_errors.pipeline.compression import INSTALL
from heify_heygen_errors.pipeline.delimited import check_names
from heify_heygen_errors.pipeline.discovery import ARROW_FILE, ARROW_STREAM, Input
from heify_heygen_errors.pipeline.streams import LAST, PIECE, Stream

BATCH_ROWS: Final = 16_384
"""Rows of a block of a table, at most."""

_PROBE: Final = 64
_BUFFER: Final = 256 * 1024
_SKEW: Final = 4
_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
_VIEWS: Final = {"string_view": "string", "binary_view": "binary"}
_BYTES_OF: Final = {"string": "binary", "large_string": "large_binary", "string_view": "binary_view"}

Found = tuple[int, Any, int]
"""The number of a batch's first row, the batch, bytes that were read on disk."""


def cut_table(stack: ExitStack, source: Input, stream: Stream, kind: str, size: int, start: int) -> Iterator[Block]:
    """The blocks of Parquet and Arrow.

    Arguments:
        stack: closes what is opened.
        source: the input.
        stream: its bytes.
        kind: ``parquet`` or ``arrow``.
        size: bytes in memory of a block, about.
        start: number of the row to begin with.

    Raises:
        PipelineError: pyarrow is not installed, two columns have one name, or the temporary file cannot be written.
    """
    try:
        import pyarrow as pa
    except ImportError:
        msg = f"{source.name}: {kind.capitalize()} is read with pyarrow: {INSTALL}"
        raise PipelineError(msg) from None
    batches = _parquet(stack, pa, source, stream, size, start) if kind == "parquet" else _arrow(stack, pa, source, stream, start)
    at, named = start, False
    flaw: str | None = None
    while True:
        try:
            found = next(batches, None)
            if found is None:
                break
            first, batch, disk_end = found
            cut = list(_rows(pa, batch, size))
        except (PipelineError, KeyboardInterrupt):
            raise
        except Exception as error:  # noqa: BLE001 - pyarrow tells damage by errors of many classes
            flaw = f"the {kind.capitalize()} data cannot be read: {_first_line(error)}"
            break
        if not named:
            named = True
            try:
                check_names(batch.schema.names)
            except PipelineError as error:
                msg = f"{source.name}: {error}"
                raise PipelineError(msg) from None
        for part, offset in cut:
            end = first + offset + part.num_rows
            if end <= start and part.num_rows:
                continue
            begin = max(start, first + offset)
            data = _ipc(pa, part.slice(begin - first - offset) if begin > first + offset else part)
            yield Block(file=source.name, format="table", start=begin, end=end, data=data, disk_end=disk_end)
            at = end
    if stream.flaw is not None:
        flaw = stream.flaw
    if flaw is not None:
        yield Block(file=source.name, format="table", start=at, end=at, data=b"", flaw=flaw, disk_end=source.size or stream.consumed)


def _parquet(stack: ExitStack, pa: Any, source: Input, stream: Stream, size: int, start: int) -> Iterator[Found]:
    import pyarrow.parquet

    path = _on_disk(stack, source, stream)
    # Not mapped, and with small buffers: of a row group only what is being read is in memory.
    file = stack.enter_context(
        pyarrow.parquet.ParquetFile(path, memory_map=False, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)
    )
    whole = max(file.metadata.num_rows, 1)
    first = 0
    for group in range(file.num_row_groups):
        described = file.metadata.row_group(group)
        if first + described.num_rows <= start:
            first += described.num_rows
            continue
        probe = next(file.iter_batches(_PROBE, row_groups=[group], use_threads=False), None)
        if probe is None:
            continue
        row = max(probe.nbytes / max(probe.num_rows, 1), described.total_byte_size / described.num_rows, 1)
        count = max(1, min(BATCH_ROWS, int(size / row)))
        at = first
        for batch in file.iter_batches(count, row_groups=[group], use_threads=False):
            if at + batch.num_rows > start:
                yield at, batch, int((source.size or stream.consumed) * (at + batch.num_rows) / whole)
            at += batch.num_rows
        if at != first + described.num_rows:
            msg = f"row group {group} has {at - first} rows of {described.num_rows}"
            raise ValueError(msg)
        first = at
    if not file.metadata.num_rows and not start:
        yield 0, pa.RecordBatch.from_pylist([], schema=file.schema_arrow), source.size or 0


def _arrow(stack: ExitStack, pa: Any, source: Input, stream: Stream, start: int) -> Iterator[Found]:
    import pyarrow.ipc

    streamed = stream.peek(len(ARROW_STREAM)) == ARROW_STREAM
    on_disk = source.size is not None and source.compression is None
    if streamed and not on_disk:
        reader = stack.enter_context(pyarrow.ipc.open_stream(stream))
        yield from _batches(pa, iter(reader), reader.schema, start, lambda _: stream.consumed)
        _check_end(stream.last)
        return
    mapped = stack.enter_context(pa.memory_map(_on_disk(stack, source, stream)))
    length = source.size or stream.consumed
    if not streamed:
        try:
            file = stack.enter_context(pyarrow.ipc.open_file(mapped))
        except Exception:  # noqa: BLE001 - of many classes; cut off: the footer is at the end, the rows are in front
            mapped.seek(len(ARROW_FILE))
            with pyarrow.ipc.open_stream(mapped) as reader:
                yield from _batches(pa, iter(reader), reader.schema, start, lambda _: mapped.tell())
            msg = "the file has no footer, its end is cut off"
            raise ValueError(msg) from None
        count = file.num_record_batches
        found = (file.get_batch(number) for number in range(count))
        yield from _batches(pa, found, file.schema, start, lambda number: length * (number + 1) // max(count, 1))
        return
    with pyarrow.ipc.open_stream(mapped) as reader:
        yield from _batches(pa, iter(reader), reader.schema, start, lambda _: mapped.tell())
    end = mapped.tell()
    mapped.seek(max(0, end - LAST))
    _check_end(mapped.read(LAST))


def _check_end(last: bytes) -> None:
    if not last.endswith(_END):
        msg = "the stream has no mark of its end, it may be cut off"
        raise ValueError(msg)


def _batches(pa: Any, batches: Iterator[Any], schema: Any, start: int, disk_end: Callable[[int], int]) -> Iterator[Found]:
    first = 0
    for number, batch in enumerate(batches):
        if first + batch.num_rows > start:
            yield first, _sound(pa, batch), disk_end(number)
        first += batch.num_rows
    if not first and not start:
        yield 0, pa.RecordBatch.from_pylist([], schema=schema), disk_end(0)


def _sound(pa: Any, batch: Any) -> Any:
    """A batch whose offsets were checked, since reading beyond them would end the process; text may be no UTF-8.

    Raises:
        ArrowInvalid: it is damaged.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        for column in batch.columns:
            raw = _BYTES_OF.get(str(column.type))
            (column.view(getattr(pa, raw)()) if raw else column).validate(full=True)
    return batch


def _on_disk(stack: ExitStack, source: Input, stream: Stream) -> str:
    """A path that the bytes of a table can be read from in any order; compressed and piped ones are written to a temporary file."""
    if source.path is not None and source.size is not None and source.compression is None:
        return source.path
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hhe-")), "table")
    try:
        with path.open("wb") as file:
            while piece := stream.read(PIECE):
                file.write(piece)
    except OSError as error:
        msg = f"{source.name}: cannot be written to a temporary file: {error.strerror} (TMPDIR says where that is)"
        raise PipelineError(msg) from None
    return str(path)


def _rows(pa: Any, batch: Any, size: int) -> Iterator[tuple[Any, int]]:
    """Parts of a batch of about `size` bytes in memory, each with the number of its first row in the batch."""
    row = max(batch.nbytes / max(batch.num_rows, 1), 1)
    count = max(1, min(BATCH_ROWS, int(size / row)))
    pending = [(first, min(count, batch.num_rows - first)) for first in range(0, batch.num_rows, count)] or [(0, 0)]
    pending.reverse()
    while pending:
        first, length = pending.pop()
        part = _compact(pa, batch.slice(first, length))
        if length > 1 and part.nbytes > _SKEW * size:  # rows of very different sizes
            pending += [(first + length // 2, length - length // 2), (first, length // 2)]
            continue
        yield part, first


def _compact(pa: Any, part: Any) -> Any:
    """A part of a batch that does not carry the text of the whole one: small dictionaries, text instead of views."""
    columns, fields = [], []
    for field, column in zip(part.schema, part.columns, strict=True):
        kind = str(field.type)
        if kind in _VIEWS:
            field = field.with_type(getattr(pa, _VIEWS[kind])())  # noqa: PLW2901 - the field of this part
            column = column.cast(field.type)  # noqa: PLW2901
        elif pa.types.is_dictionary(field.type) and len(column.dictionary) > _SKEW * max(len(column), 1):
            small = column.dictionary_decode().dictionary_encode()
            indices = small.indices.cast(field.type.index_type)
            column = pa.DictionaryArray.from_arrays(indices, small.dictionary, ordered=field.type.ordered)  # noqa: PLW2901
        columns.append(column)
        fields.append(field)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, part.schema.metadata))


def _ipc(pa: Any, part: Any) -> bytes:
    import pyarrow.ipc

    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, part.schema) as writer:
        writer.write_batch(part)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _first_line(error: Exception) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]
