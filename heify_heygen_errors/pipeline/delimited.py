"""CSV and TSV text to columns: strict where text can be told apart, and a stray quote costs one line.

The grammar is that of RFC 4180 with any delimiter of one byte, LF or CRLF behind a record, and quotes that mean themselves
inside a cell that does not begin with one. A record has as many cells as the header. Where the text at the beginning of a
line is no such record, that line alone is a reject, however far its quotes reach, and reading goes on at the next line.

Performs no I/O.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs

from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError, Reject

BOM: Final = b"\xef\xbb\xbf"
MAX_HEADER: Final = 1024 * 1024
"""Bytes of a header record."""

Place = tuple[int, int, int]
"""Where a row stands: its first byte in the data, the byte behind its line end, its first line from 1."""

_SIGNS: Final = (b",", b";", b"\t", b"|")
_QUOTED: Final = rb'"(?:[^"]++|"")*+"'
_HEADER: Final = re.compile(rb"(?:" + _QUOTED + rb'|[^"\n]++)*+(?:\n|\Z)')
_SEPARATOR: Final = re.compile(rb'"?sep=[,;\t|]"?\r?\n', re.IGNORECASE)
_BLANKS: Final = re.compile(rb"(?: *\r?\n)*+")
_BLANK: Final = re.compile(rb" *+\r?(?:\n|\Z)")
_LONE_SPACES: Final = re.compile(rb"^ ++\r?$", re.MULTILINE)


@attrs.frozen
class Record:
    """A record, a blank line or a reject in the text of a block.

    Attributes:
        start: its first byte.
        end: behind its line end.
        line: its first line, from 1.
        reason: why it is a reject; None for a record that fits; ``""`` for a blank line.
    """

    start: int
    end: int
    line: int
    reason: str | None = None


class Dialect:
    """How the text of one file is read.

    Attributes:
        delimiter: one byte.
        names: of the columns.
    """

    def __init__(self, delimiter: bytes, names: Sequence[str]) -> None:
        self.delimiter = delimiter
        self.names = tuple(names)
        columns = max(len(self.names), 1)
        sign = re.escape(delimiter)
        cell = rb"(?:" + _QUOTED + rb'|(?!")[^\n' + sign + rb"]*+)"
        end = rb"(?:\r?\n|\r?\Z)"
        # Nothing gives back what it took, so that each of them reads a byte once.
        self._whole = re.compile(rb"(?:%b%b){%d}+%b%b" % (cell, sign, columns - 1, cell, end))
        self._any = re.compile(rb"(%b(?:%b%b)*+)%b" % (cell, sign, cell, end))
        self._bounded = re.compile(rb"(%b(?:%b%b){0,%d}+)%b" % (cell, sign, cell, columns, end))
        self._open = re.compile(rb'(?:%b%b){0,%d}+(?:"(?:[^"]++|"")*+"?\r?|(?!")[^\n%b]*+)\Z' % (cell, sign, columns - 1, sign))
        self._cells = re.compile(rb'"((?:[^"]++|"")*+)"%b|((?!")[^%b]*+)%b' % (sign, sign, sign))
        self._strict = re.compile(rb'"(?<![^%b\n]")(?:[^"]++|"")*+"(?=%b|\r?\n|\r?\Z)' % (sign, sign))

    def record_end(self, data: bytes, start: int) -> int:
        """Where the record that begins at `start` ends, behind its line end; -1 where none begins."""
        found = self._whole.match(data, start)
        return found.end() if found else -1

    def is_open(self, data: bytes, start: int) -> bool:
        """Whether the record that begins at `start` may go on behind the data."""
        return self._open.match(data, start) is not None

    def cells(self, record: bytes) -> list[bytes]:
        """The cells of a record, of as many as it has."""
        bare = record.removesuffix(b"\n").removesuffix(b"\r")
        if b'"' not in bare:
            return bare.split(self.delimiter)
        return [plain or quoted.replace(b'""', b'"') for quoted, plain in self._cells.findall(bare + self.delimiter)]

    def unquoted(self, data: bytes) -> bytes | None:
        """The text without its quoted cells; None if a quote stands where only a closer look can tell what it means."""
        if b'"' not in data:
            return data
        rest = self._strict.sub(b"", data)
        return None if b'"' in rest else rest

    def misfit(self, data: bytes, start: int) -> str:
        """Why no record begins at `start`, for people."""
        columns = len(self.names)
        line = data[start : data.find(b"\n", start) + 1 or len(data)]
        found = self._any.fullmatch(line)
        if found:
            cells = len(self.cells(line))
            return f"has {cells} cell{'s' if cells != 1 else ''}, the header {columns}"
        found = self._bounded.match(data, start)
        if found:
            lines = data.count(b"\n", start, found.end(1)) + 1
            cells = len(self.cells(found.group(1)))
            told = f"more than {columns}" if cells > columns else str(cells)
            return f"has {told} cells, read over {lines} lines as its quotes say, the header {columns}"
        if self._open.match(data, start):
            return "opens a quote that is never closed"
        return "has text behind a closing quote"


@lru_cache(maxsize=64)
def dialect_of(header: bytes, format: str) -> Dialect:  # noqa: A002 - the word of the option
    """The dialect that a header line tells: tab for ``tsv``; else the comma, or without any the most frequent of ``;``, tab, ``|``.

    Args:
        header: the header without BOM and line end.
        format: ``csv`` or ``tsv``.

    Raises:
        PipelineError: the header is not UTF-8, is damaged, or has names that are empty or there twice; says which. It does
            not know the name of the file.
    """
    outside = re.sub(_QUOTED, b"", header)
    sign = b"\t" if format == "tsv" else max(_SIGNS, key=outside.count)
    if format != "tsv" and b"," in outside:
        sign = b","
    if b"\r" in outside:
        msg = "the lines end with a carriage return alone: convert it with tr '\\r' '\\n'"
        raise PipelineError(msg)
    reader = Dialect(sign, ("",))
    if reader._any.fullmatch(header) is None:  # noqa: SLF001 - a reader without names yet
        msg = "the header has a quote that is not closed, or text behind a closing one"
        raise PipelineError(msg)
    try:
        names = [cell.decode() for cell in reader.cells(header)]
    except UnicodeDecodeError:
        msg = "the header is not UTF-8: convert the file with iconv -t UTF-8"
        raise PipelineError(msg) from None
    check_names(names)
    return Dialect(sign, names)


def check_names(names: Sequence[str]) -> None:
    """Refuses columns that cannot be told apart.

    Raises:
        PipelineError: a name is empty or there twice.
    """
    empty = [number for number, name in enumerate(names, 1) if not name.strip()]
    if empty:
        msg = f"column {', '.join(map(str, empty))} of {len(names)} has no name: name it in the header (pandas: to_csv(index=False))"
        raise PipelineError(msg)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        msg = f"the columns {', '.join(map(repr, twice))} are there more than once: rename them"
        raise PipelineError(msg)


def header_span(data: bytes) -> tuple[int, int]:
    """Where the header stands at the beginning of a file; its end is behind its line end.

    It stands behind a BOM, blank lines, and the line ``sep=;`` that Excel writes and reads.
    """
    start = len(BOM) if data.startswith(BOM) else 0
    told = _SEPARATOR.match(data, start)
    start = told.end() if told else start
    blank = _BLANKS.match(data, start)
    start = blank.end() if blank else start
    found = _HEADER.match(data, start)
    if found is None:  # a quote that is never closed
        return start, data.find(b"\n", start) + 1 or len(data)
    return start, found.end()


def split_records(data: bytes, dialect: Dialect, start: int = 0, line: int = 1) -> Iterator[Record]:
    """Splits text into records, blank lines and rejects, which follow each other without gaps.

    Args:
        data: whole records, but for rejects.
        dialect: how they are written.
        start: where the first one begins.
        line: the number of its line.
    """
    size = len(data)
    while start < size:
        blank = _BLANK.match(data, start)
        if blank:
            yield Record(start, blank.end(), line, "")
            start, line = blank.end(), line + 1
            continue
        end = dialect.record_end(data, start)
        reason = None
        if end < 0:
            reason = dialect.misfit(data, start)
        elif end - start > MAX_RECORD:
            reason = f"longer than {MAX_RECORD} bytes"
        if reason is not None:
            end = data.find(b"\n", start) + 1 or size
        yield Record(start, end, line, reason)
        line += 1 if reason is not None else data.count(b"\n", start, end)
        start = end


def cut_records(data: bytes, dialect: Dialect, start: int = 0) -> int:
    """Where to cut text so that what is in front are whole records; 0 if a record goes from the beginning on behind the end.

    Quotes are counted, which is quick, and the result is checked on the last record. If that does not fit, the text has flaws
    or a quote that means itself, and is read record by record.

    Args:
        data: text that begins with a record, and goes on behind its end.
        dialect: how it is written.
        start: where its first record begins, behind a header.
    """
    end = data.rfind(b"\n") + 1
    if end <= start:
        return 0
    if data.find(b'"', start, end) < 0:
        return end
    odd, last = data.count(b'"', start, end) % 2, 0
    while not last or odd:
        if not odd:
            last = end
        if end == start:
            break
        before = max(start, data.rfind(b"\n", start, end - 1) + 1)
        odd = (odd + data.count(b'"', before, end)) % 2
        end = before
    if last > end and dialect.record_end(data, end) == last:
        return last
    return _careful_cut(data, dialect, start)


def _careful_cut(data: bytes, dialect: Dialect, start: int) -> int:
    cut = 0
    for record in split_records(data, dialect, start):
        if not data.endswith(b"\n", record.start, record.end) or (record.reason and dialect.is_open(data, record.start)):
            break
        cut = record.end
    return cut


@attrs.define
class Delimited:
    """The rows of a block of CSV or TSV.

    Attributes:
        columns: a pyarrow RecordBatch of string columns, named by the header; an empty cell is ``""``.
        rejects: in the order of the text; their `line` is counted from the block's first line, which is 1.
        lines: lines of text in the block, those of the header, blank ones and those within quotes included.
        blank: lines without a record: empty or of spaces.
    """

    columns: Any
    rejects: list[Reject]
    lines: int
    blank: int
    _block: Block = attrs.field(repr=False, alias="block")
    _places: Sequence[Place] | None = attrs.field(default=None, repr=False, alias="places")

    @property
    def places(self) -> Sequence[Place]:
        """Where each row stands in the block's data; found out when it is first asked for, as most blocks need it not."""
        if self._places is None:
            data, dialect, start, line = _opened(self._block)
            records = split_records(data, dialect, start, line)
            self._places = [(record.start, record.end, record.line) for record in records if record.reason is None]
        return self._places

    def reject(self, row: int, reason: str) -> Reject:
        """The reject for a row whose cells are no record."""
        start, end, line = self.places[row]
        return _reject(self._block, Record(start, end, line, reason))


def read_delimited(block: Block) -> Delimited:
    """Reads a block of CSV or TSV.

    A block with `start` 0 begins with the header (behind a BOM and blank lines), which is no row. In front of a flaw the last
    record counts only with its line end: it may have been cut off. The block's own `rejects` are passed on.

    Raises:
        PipelineError: the header is wrong, see `dialect_of`; or pyarrow is not installed.
    """
    data, dialect, start, _ = _opened(block)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data)) + len(block.rejects)
    passed = list(block.rejects)
    cut = block.flaw is not None and bool(data[start:]) and not data.endswith(b"\n")
    body = data[start:] if start else data
    if not cut:
        quick = _quick(body, dialect)
        if quick is not None:
            columns, blank = quick
            return Delimited(columns, passed, lines, blank + _blank_before(data, start), block)
    return _careful(block, passed, lines)


def _opened(block: Block) -> tuple[bytes, Dialect, int, int]:
    """A block's data, dialect, where its first record begins and the number of that line."""
    data = block.data or b""
    if not block.header and not block.data:  # the flaw is in front of the columns
        return b"", Dialect(b",", ()), 0, 1
    if block.header is None:
        msg = f"{block.file}: a block of {block.format} without a header"
        raise PipelineError(msg)
    dialect = dialect_of(block.header, block.format)
    if block.start or not data:
        return data, dialect, 0, 1
    _, start = header_span(data)
    return data, dialect, start, data.count(b"\n", 0, start) + 1


def _blank_before(data: bytes, start: int) -> int:
    """Blank lines in front of the header."""
    return data.count(b"\n", 0, header_span(data)[0]) if start else 0


def _quick(data: bytes, dialect: Dialect) -> tuple[Any, int] | None:
    """The columns and the number of blank lines of text without any flaw; None if there may be one."""
    if len(data) > MAX_RECORD or data.startswith(BOM) or data.count(b"\r") != data.count(b"\r\n"):
        return None  # a longer record may hide in it; Arrow drops a BOM, and ends a line at a carriage return
    unquoted = dialect.unquoted(data)
    if unquoted is None or (len(dialect.names) == 1 and _LONE_SPACES.search(unquoted)):
        return None
    columns = _parsed(data, dialect)
    if columns is None:
        return None
    lines = unquoted.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    return columns, lines - columns.num_rows


def _parsed(data: bytes, dialect: Dialect) -> Any:
    """What Arrow reads; None if it finds a flaw."""
    pa, csv = _arrow()
    if not data.strip(b"\r\n"):
        return _batch(pa, dialect, [[] for _ in dialect.names])
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=dialect.names, use_threads=False, block_size=len(data) + 1),
            parse_options=csv.ParseOptions(delimiter=dialect.delimiter.decode(), newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(dialect.names, pa.string()), strings_can_be_null=False, quoted_strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else _batch(pa, dialect, [[] for _ in dialect.names])


def _careful(block: Block, rejects: list[Reject], lines: int) -> Delimited:
    """Reads text that may have flaws: told apart record by record, what fits is read as a whole."""
    data, dialect, start, line = _opened(block)
    blank = _blank_before(data, start)
    clean = is_utf8(data)
    places: list[Place] = []
    for record in split_records(data, dialect, start, line):
        reason = record.reason
        if reason == "":
            blank += 1
            continue
        if block.flaw is not None and record.end == len(data) and not data.endswith(b"\n"):
            reason = f"is cut off: {block.flaw}"
        elif reason is None and not clean:
            reason = _not_utf8(data[record.start : record.end])
        if reason is None:
            places.append((record.start, record.end, record.line))
        else:
            rejects.append(_reject(block, Record(record.start, record.end, record.line, reason)))
    columns = _columns(data, dialect, places)
    return Delimited(columns, rejects, lines, blank, block, places)


def _columns(data: bytes, dialect: Dialect, places: Sequence[Place]) -> Any:
    good = b"".join(data[start:end] for start, end, _ in places)
    quick = _quick(good, dialect)
    if quick is not None and quick[0].num_rows == len(places):
        return quick[0]
    return cells_to_columns(data, dialect, places)


def cells_to_columns(data: bytes, dialect: Dialect, places: Sequence[Place]) -> Any:
    """The columns of rows whose places are known, cell by cell: for what Arrow reads differently (a lone carriage return)."""
    pa, _ = _arrow()
    rows = [dialect.cells(data[start:end]) for start, end, _ in places]
    return _batch(pa, dialect, list(zip(*rows, strict=True)) if rows else [[] for _ in dialect.names])


def _batch(pa: Any, dialect: Dialect, columns: Sequence[Sequence[bytes]]) -> Any:
    if not dialect.names:
        return pa.RecordBatch.from_pylist([])
    arrays = [pa.array(cells, pa.binary()).cast(pa.string()) for cells in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(dialect.names))


def is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8(record: bytes) -> str | None:
    try:
        record.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte {error.start} of the line"
    return None


def _reject(block: Block, record: Record) -> Reject:
    line = (block.data or b"")[record.start : record.end]
    raw: bytes | None = line.removesuffix(b"\n").removesuffix(b"\r")
    length = digest = None
    if len(raw or b"") > MAX_RECORD:
        raw, length, digest = None, len(line), hashlib.sha256(line).hexdigest()
    return Reject(
        file=block.file,
        line=record.line,
        offset=block.start + record.start,
        raw=raw,
        reason=record.reason or "",
        length=length,
        sha256=digest,
        header=block.header,
        format=block.format,
    )


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.csv
    except ImportError:
        msg = "CSV is read with pyarrow: pip install 'heify-heygen-errors[pipeline]'"
        raise PipelineError(msg) from None
    return pa, pyarrow.csv
