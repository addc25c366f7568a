"""From an input to blocks of records: text is cut here, tables in `table_sources`.

The blocks of an input depend on its content and the block size only, not on how reads happen to be cut, and a run that
begins at the end of a block gives the same rest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Final

from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError, Reject
from heify_heygen_errors.pipeline.compression import refuse_archive
from heify_heygen_errors.pipeline.delimited import BOM, MAX_HEADER, cut_records, dialect_of, header_span
from heify_heygen_errors.pipeline.discovery import Input, format_of
from heify_heygen_errors.pipeline.streams import HEAD, PIECE, Stream, opened
from heify_heygen_errors.pipeline.table_sources import cut_table

BLOCK_SIZE: Final = 4 * 1024 * 1024
"""Bytes of a block of text, or of a block of rows in memory."""


def read_blocks(source: Input, *, size: int = BLOCK_SIZE, start: int = 0, stdin: IO[bytes] | None = None) -> Iterator[Block]:
    """Cuts an input into blocks of whole records, see `Block`.

    The first block of CSV and TSV begins with the header. A table without rows is one block without rows, for its columns. A
    UTF-8 BOM stays in the first block. What is in front of a flaw (a cut file, broken compression) comes in blocks, the last of
    which tells the flaw; it may be empty.

    Args:
        source: from `find_inputs`.
        size: bytes of a block; longer records make longer blocks.
        start: the `end` of a block of an earlier run with the same `size`, to begin behind it.
        stdin: read for ``-``; by default that of the process.

    Raises:
        PipelineError: the input cannot be read at all: it is gone, is UTF-16, has a wrong header, or what reads it is not
            installed.
    """
    if source.plain:
        yield from _ranges(source, size, start)
        return
    with ExitStack() as stack:
        if source.path is None:
            stream = Stream.of_pipe(source.name, stdin or sys.stdin.buffer)
        elif source.size is None:
            stream = Stream.of_pipe(source.name, opened(stack, source.name, source.path))
        else:
            stream = Stream.of_file(stack, source.name, source.path, source.compression)
        head = stream.peek(HEAD)
        refuse_archive(source.name, head)
        kind = format_of(source.name, head, source.format)
        if kind in ("parquet", "arrow"):
            yield from cut_table(stack, source, stream, kind, size, start)
        elif kind in ("csv", "tsv"):
            yield from _delimited(source, stream, kind, size, start)
        else:
            yield from _lines(source, stream, kind, size, start)


def _ranges(source: Input, size: int, start: int) -> Iterator[Block]:
    whole = source.size or 0
    for at in range(start, whole, size):
        end = min(at + size, whole)
        yield Block(file=source.name, format=source.format, start=at, end=end, disk_end=end)


def _lines(source: Input, stream: Stream, kind: str, size: int, start: int) -> Iterator[Block]:
    stream.skip(start)

    def cut(data: bytes) -> int:
        return data.rfind(b"\n") + 1

    yield from _cut(source, stream, kind, size, start, cut, None)


def _delimited(source: Input, stream: Stream, kind: str, size: int, start: int) -> Iterator[Block]:
    head = stream.peek(MAX_HEADER)
    begin, end = header_span(head)
    if stream.flaw is not None and not head.endswith(b"\n", begin, end):  # a header that was cut names other columns
        yield Block(file=source.name, format=kind, start=0, end=0, data=b"", header=b"", flaw=stream.flaw, disk_end=stream.consumed)
        return
    if not head.removeprefix(BOM).strip(b" \r\n"):
        return
    if end == len(head) and len(head) == MAX_HEADER:
        msg = f"{source.name}: the header is longer than {MAX_HEADER} bytes"
        raise PipelineError(msg)
    header = head[begin:end].removesuffix(b"\n").removesuffix(b"\r")
    try:
        dialect = dialect_of(header, kind)
    except PipelineError as error:
        msg = f"{source.name}: {error}"
        raise PipelineError(msg) from None
    stream.skip(start)
    first = end if start == 0 else 0

    def cut(data: bytes) -> int:
        nonlocal first
        found = cut_records(data, dialect, first)
        if not found and len(data) > MAX_RECORD:  # a quote that is never closed
            found = data.rfind(b"\n") + 1
        if found:
            first = 0
        return found

    yield from _cut(source, stream, kind, size, start, cut, header)


def _cut(
    source: Input, stream: Stream, kind: str, size: int, start: int, cut: Callable[[bytes], int], header: bytes | None
) -> Iterator[Block]:
    """Cuts a stream where `cut` says that the text it is given can be cut; while that says 0 it is given more."""
    ended = False
    while not ended:
        data = stream.read(size)
        ended = len(data) < size
        end = len(data) if ended else cut(data)
        rejects: tuple[Reject, ...] = ()
        while not end and not ended:
            if len(data) > MAX_RECORD + 1 and b"\n" not in data:
                rejects = (_overlong(source, stream, kind, start, data, header),)
                break
            more = stream.read(size)
            data += more
            ended = len(more) < size
            end = len(data) if ended else cut(data)
        if rejects:
            data, end = b"", rejects[0].length or 0
        else:
            stream.unread(data[end:])
            data = data[:end]
        flaw = stream.flaw if ended else None
        if end or flaw is not None:
            yield Block(
                file=source.name,
                format=kind,
                start=start,
                end=start + end,
                data=data,
                header=header,
                flaw=flaw,
                rejects=rejects,
                disk_end=stream.consumed,
            )
        start += end


def _overlong(source: Input, stream: Stream, kind: str, start: int, data: bytes, header: bytes | None) -> Reject:
    """Reads a line that is too long to be kept to its end."""
    hashed, length = hashlib.sha256(data), len(data)
    ended = False
    while not ended:
        piece = stream.read(PIECE)
        end = piece.find(b"\n") + 1
        ended = not piece or end > 0
        stream.unread(piece[end:] if end else b"")
        piece = piece[:end] if end else piece
        hashed.update(piece)
        length += len(piece)
    return Reject(
        file=source.name,
        line=1,
        offset=start,
        raw=None,
        reason=f"longer than {MAX_RECORD} bytes",
        length=length,
        sha256=hashed.hexdigest(),
        header=header,
        format="jsonl" if kind == "rejects" else kind,
    )
