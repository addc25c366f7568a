"""From what a user names to blocks of records: finds files, tells their format by content and cuts them.

The blocks of an input depend on its content and the block size only, not on how reads happen to be cut, and a run that
begins at the end of a block gives the same rest.
"""

# Names are kept as the user wrote them, which pathlib tidies, and ten thousand of them are looked at.
# ruff: noqa: PTH112, PTH116, PTH118, PTH119, PTH122, PTH123, PTH206, PTH207
from __future__ import annotations

import glob
import hashlib
import os
import re
import select
import stat
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

import attrs

from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError, Reject
from heify_heygen_errors.pipeline.compression import (
    INSTALL,
    OTHER_SUFFIXES,
    SUFFIXES,
    FlawError,
    Read,
    compression_of,
    decompressed,
    refuse_archive,
)
from heify_heygen_errors.pipeline.delimited import BOM, MAX_HEADER, check_names, cut_records, dialect_of, header_span

BLOCK_SIZE: Final = 4 * 1024 * 1024
"""Bytes of a block of text, or of a block of rows in memory."""

BATCH_ROWS: Final = 16_384
"""Rows of a block of a table, at most."""

FORMATS: Final = ("jsonl", "csv", "tsv", "parquet", "arrow", "rejects")
"""What an input can be. ``rejects`` is a rejects file, read again with ``--replay``."""

EXTENSIONS: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".jsonlines": "jsonl",
    ".ldjson": "jsonl",
    ".log": "jsonl",
    ".txt": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}

_OURS: Final = (".rejects.jsonl", ".manifest.json")
_PARTIAL: Final = ".partial"
_ROTATED: Final = re.compile(r"\.\d[\d.T:_-]*$")
_HEAD: Final = 264
_PIECE: Final = 1024 * 1024
_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff"
_ENCRYPTED: Final = b"PARE"
_CONTROL: Final = 0x20
_WIDE: Final = (
    (b"\xff\xfe\0\0", "UTF-32LE"),
    (b"\0\0\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
)
_PROBE: Final = 64
_BUFFER: Final = 256 * 1024
_SKEW: Final = 4
_END: Final = b"\xff\xff\xff\xff\0\0\0\0"
_VIEWS: Final = {"string_view": "string", "binary_view": "binary"}
_BYTES_OF: Final = {"string": "binary", "large_string": "large_binary", "string_view": "binary_view"}

Found = tuple[int, Any, int]
"""The number of a batch's first row, the batch, bytes that were read on disk."""


@attrs.frozen(kw_only=True)
class Input:
    """A file to read, or stdin.

    Attributes:
        name: as it was given or found, for people; ``-`` for stdin.
        path: to open; None for stdin.
        format: one of `FORMATS`; of stdin and pipes a table is told only when they are read.
        compression: ``gzip``, ``zstd`` or None; None for stdin and pipes, where it is told when they are read.
        size: bytes on disk when it was found; None for stdin and pipes.
        mtime_ns: when it was last written, in nanoseconds; None for stdin and pipes.
    """

    name: str
    path: str | None
    format: str
    compression: str | None = None
    size: int | None = None
    mtime_ns: int | None = None

    @property
    def plain(self) -> bool:
        """Whether its blocks are byte ranges that whoever works on them reads."""
        return self.size is not None and self.compression is None and self.format in ("jsonl", "rejects")


def find_inputs(
    given: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - the word of the option
    exclude: Collection[str] = (),
    passed_over: list[str] | None = None,
) -> list[Input]:
    """The inputs that the arguments of a command mean: files, folders, globs and ``-``, each file once.

    A folder is read with what lies below it, sorted by path: files whose name has a known extension, rotated ones too
    (``app.log.1.gz``). Hidden files, ``*.partial`` folders, rejects and manifests are passed over, and folders that are
    symbolic links. A glob (``**`` for folders at any depth) takes every file that it matches but for those.

    Args:
        given: as the user wrote them. Their order is kept.
        format: one of `FORMATS`, instead of what the extensions say. What is a table by its content stays one.
        exclude: paths that are no inputs (the output of this run) and are passed over in folders and globs.
        passed_over: gets the files of folders whose name has no known extension.

    Raises:
        PipelineError: a name is not there, a folder or glob has no file, a file cannot be opened, is compressed in a way
            that is not read, is UTF-16 or UTF-32, or is excluded although it was named. Says which.
    """
    refused = {os.path.realpath(path) for path in exclude}
    found: list[Input] = []
    seen: set[str] = set()
    for name in given:
        for path in _named(name, refused, passed_over if passed_over is not None else []):
            real = path if path == "-" else os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            found.append(_input(path, format))
    return found


def _named(name: str, refused: Collection[str], passed_over: list[str]) -> list[str]:
    if name == "-":
        return ["-"]
    if os.path.isdir(name):
        found = _below(name, refused, passed_over)
        if not found:
            msg = f"{name} has no file with a known extension ({' '.join(EXTENSIONS)}): name the files, with --from for their format"
            raise PipelineError(msg)
        return found
    if os.path.lexists(name):
        if os.path.realpath(name) in refused:
            msg = f"{name} is an output of this run: write to another file"
            raise PipelineError(msg)
        return [name]
    if not glob.has_magic(name):
        msg = f"{name} does not exist"
        raise PipelineError(msg)
    found = []
    for path in glob.glob(name, recursive=True):
        if os.path.isdir(path):
            found += _below(path, refused, passed_over)
        elif not _is_ours(path, name) and os.path.realpath(path) not in refused:
            found.append(path)
    if not found:
        msg = f"no file matches {name}"
        raise PipelineError(msg)
    return sorted(found)


def _is_ours(path: str, pattern: str) -> bool:
    """Whether a match of a glob is a file of an earlier run that the pattern does not ask for."""
    parts = path.split(os.sep)
    ours = [end for end in _OURS if path.endswith(end) and not pattern.endswith(end)]
    return bool(ours) or (_PARTIAL not in pattern and any(part.endswith(_PARTIAL) for part in parts[:-1]))


def _below(folder: str, refused: Collection[str], passed_over: list[str]) -> list[str]:
    """The files below a folder, sorted by path."""
    found: list[str] = []

    def told(error: OSError) -> None:
        msg = f"{error.filename}: cannot be read: {error.strerror}"
        raise PipelineError(msg)

    for root, folders, files in os.walk(folder, onerror=told):
        real = os.path.realpath(root) if refused else ""
        folders[:] = [
            name for name in folders if name[0] != "." and not name.endswith(_PARTIAL) and os.path.join(real, name) not in refused
        ]
        for name in files:
            if name[0] != "." and not name.endswith(_OURS) and os.path.join(real, name) not in refused:
                (found if _known(name) else passed_over).append(os.path.join(root, name))
    return sorted(found)


def _known(name: str) -> str | None:
    """The format that a file name tells; for a name without a known extension None."""
    stem, end = os.path.splitext(name.lower())
    if end in SUFFIXES or end in OTHER_SUFFIXES:
        stem, end = os.path.splitext(stem)
    if end not in EXTENSIONS:
        stem = _ROTATED.sub("", stem + end)
        end = os.path.splitext(stem)[1]
    return EXTENSIONS.get(end)


def _input(name: str, format: str | None) -> Input:  # noqa: A002 - as above
    if name == "-":
        return Input(name=name, path=None, format=format or "jsonl")
    told = format or _known(os.path.basename(name)) or "jsonl"
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):  # a pipe: what is read from it to look at it would be lost
            return Input(name=name, path=name, format=told)
        with open(name, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            head = file.read(_HEAD) or b""
    except OSError as error:
        raise _unreadable(name, error) from None
    compression = compression_of(name, head)
    if compression is not None:
        with ExitStack() as stack:
            head = _Stream.of_file(stack, name, name, compression).peek(_HEAD)
        refuse_archive(name, head)
    return Input(
        name=name,
        path=name,
        format=_format(name, head, told),
        compression=compression,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def _unreadable(name: str, error: OSError) -> PipelineError:
    return PipelineError(f"{name}: cannot be read: {error.strerror or error}")


def _format(name: str, head: bytes, told: str) -> str:
    """The format of a text or table that begins with `head`: tables are told by content, text as its name or the user says."""
    if head[: len(_STREAM)] == _STREAM or head[: len(_ARROW)] == _ARROW:
        return "arrow"
    if head[:4] in (_PARQUET, _ENCRYPTED) and head[4:5] < b" " and head[4:5] not in (b"\n", b"\r", b"\t"):
        return "parquet"
    if told in ("parquet", "arrow"):
        return told
    for mark, encoding in _WIDE:
        if head.startswith(mark):
            msg = f"{name} is {encoding}: convert it with iconv -f {encoding.removesuffix('LE').removesuffix('BE')} -t UTF-8"
            raise PipelineError(msg)
    return told


class _Stream:
    """The decompressed bytes of an input, with a look ahead.

    Attributes:
        flaw: why they end where they end, if that is not their end; known once they have ended.
        last: the last bytes that were read.
        closed: for pyarrow.
    """

    def __init__(self, name: str, pieces: Iterator[bytes], consumed: Callable[[], int]) -> None:
        self.flaw: str | None = None
        self.last = b""
        self.closed = False
        self._name = name
        self._pieces = pieces
        self._rest = b""
        self._consumed = consumed

    @classmethod
    def of_file(cls, stack: ExitStack, name: str, path: str, compression: str | None) -> _Stream:
        """The text of a regular file."""

        def opened() -> _Counted:
            try:
                return _Counted(name, stack.enter_context(open(path, "rb", buffering=0)))
            except OSError as error:
                raise _unreadable(name, error) from None

        return cls._of(name, opened(), compression, lambda: opened().read)

    @classmethod
    def of_pipe(cls, name: str, file: IO[bytes]) -> _Stream:
        """The text of something that can be read once; its compression is told by its first bytes."""
        source = _Counted(name, file)
        return cls._of(name, source, compression_of(name, source.peek(_HEAD)), None)

    @classmethod
    def _of(cls, name: str, source: _Counted, compression: str | None, again: Callable[[], Read] | None) -> _Stream:
        plain = iter(lambda: source.read(_PIECE), b"")
        pieces = plain if compression is None else decompressed(source.read, compression, again)
        return cls(name, pieces, lambda: source.count)

    @property
    def consumed(self) -> int:
        """Bytes on disk that were read so far."""
        return self._consumed()

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end only."""
        pieces, got = [self._rest[:size]], min(len(self._rest), size)
        self._rest = self._rest[size:]
        while got < size:
            piece = self._next()
            if not piece:
                break
            pieces.append(piece[: size - got])
            self._rest = piece[size - got :]
            got += len(pieces[-1])
        data = b"".join(pieces)
        self.last = (self.last + data)[-len(_END) :] if len(data) < len(_END) else data[-len(_END) :]
        return data

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except FlawError as flaw:
            self.flaw = str(flaw)
            self._pieces = iter(())
            return b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which the next read gives again."""
        head = self.read(size)
        self.unread(head)
        return head

    def unread(self, data: bytes) -> None:
        """Puts back what was read too much."""
        self._rest = data + self._rest

    def skip(self, size: int) -> None:
        """Passes over so many bytes."""
        while size > 0:
            got = len(self.read(min(size, _PIECE)))
            if not got:
                return
            size -= got

    def close(self) -> None:
        """For pyarrow, which closes what it read; the file is closed by whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """For pyarrow."""
        return True

    def writable(self) -> bool:
        """For pyarrow."""
        return False

    def seekable(self) -> bool:
        """For pyarrow."""
        return False


class _Counted:
    """Reads of a file or pipe: whole ones, counted, with errors that name it."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.count = 0
        self._name = name
        self._file = file
        self._head = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which the next read gives again."""
        self._head = self.read(size)
        return self._head

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end only."""
        pieces, got = [self._head], len(self._head)
        self._head = b""
        while got < size:
            piece = self._read(size - got)
            if not piece:
                break
            pieces.append(piece)
            got += len(piece)
            self.count += len(piece)
        return b"".join(pieces)

    def _read(self, size: int) -> bytes:
        try:
            while True:
                piece: bytes | None = self._file.read(size)
                if piece is not None:
                    return piece
                select.select([self._file], [], [])  # a pipe that does not block has nothing yet
        except OSError as error:
            raise _unreadable(self._name, error) from None


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
            stream = _Stream.of_pipe(source.name, stdin or sys.stdin.buffer)
        elif source.size is None:
            stream = _Stream.of_pipe(source.name, _opened(stack, source.name, source.path))
        else:
            stream = _Stream.of_file(stack, source.name, source.path, source.compression)
        head = stream.peek(_HEAD)
        refuse_archive(source.name, head)
        kind = _format(source.name, head, source.format)
        if kind in ("parquet", "arrow"):
            yield from _tables(stack, source, stream, kind, size, start)
        elif kind in ("csv", "tsv"):
            yield from _delimited(source, stream, kind, size, start)
        else:
            yield from _lines(source, stream, kind, size, start)


def _opened(stack: ExitStack, name: str, path: str) -> IO[bytes]:
    try:
        return stack.enter_context(open(path, "rb", buffering=0))
    except OSError as error:
        raise _unreadable(name, error) from None


def _ranges(source: Input, size: int, start: int) -> Iterator[Block]:
    whole = source.size or 0
    for at in range(start, whole, size):
        end = min(at + size, whole)
        yield Block(file=source.name, format=source.format, start=at, end=end, disk_end=end)


def _lines(source: Input, stream: _Stream, kind: str, size: int, start: int) -> Iterator[Block]:
    stream.skip(start)

    def cut(data: bytes) -> int:
        return data.rfind(b"\n") + 1

    yield from _cut(source, stream, kind, size, start, cut, None)


def _delimited(source: Input, stream: _Stream, kind: str, size: int, start: int) -> Iterator[Block]:
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
    source: Input, stream: _Stream, kind: str, size: int, start: int, cut: Callable[[bytes], int], header: bytes | None
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


def _overlong(source: Input, stream: _Stream, kind: str, start: int, data: bytes, header: bytes | None) -> Reject:
    """Reads a line that is too long to be kept to its end."""
    hashed, length = hashlib.sha256(data), len(data)
    ended = False
    while not ended:
        piece = stream.read(_PIECE)
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


def _tables(stack: ExitStack, source: Input, stream: _Stream, kind: str, size: int, start: int) -> Iterator[Block]:
    """The blocks of Parquet and Arrow. The rows of a block are decided by those of its row group or batch only."""
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


def _parquet(stack: ExitStack, pa: Any, source: Input, stream: _Stream, size: int, start: int) -> Iterator[Found]:
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


def _arrow(stack: ExitStack, pa: Any, source: Input, stream: _Stream, start: int) -> Iterator[Found]:
    import pyarrow.ipc

    streamed = stream.peek(len(_STREAM)) == _STREAM
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
            mapped.seek(len(_ARROW))
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
    mapped.seek(max(0, end - len(_END)))
    _check_end(mapped.read(len(_END)))


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


def _on_disk(stack: ExitStack, source: Input, stream: _Stream) -> str:
    """A path that the bytes of a table can be read from in any order; compressed and piped ones are written to a temporary file."""
    if source.path is not None and source.size is not None and source.compression is None:
        return source.path
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hhe-")), "table")
    try:
        with path.open("wb") as file:
            while piece := stream.read(_PIECE):
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
