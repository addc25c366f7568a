"""JSON Lines to rows: the lines of a block, decoded typed, judged by the kernel, as Arrow or as JSON Lines again.

What the quick decoder takes, the reference (`records.parse_line`) takes and reads the same; what it refuses, the
reference reads or makes a reject of. UTF-8, which the quick decoder does not check in texts that it passes on, is checked
where a line is not ASCII.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
import msgspec
import pyarrow as pa

from heify_heygen_errors.normalizer import encodable
from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, Piece, PipelineError, Reject, Tally, reason_kind
from heify_heygen_errors.pipeline.contract import KEPT_COLUMNS, count_records, error_arrays, error_schema, first_rows, later, refuse_clash
from heify_heygen_errors.pipeline.kernel import REFUSED, UNOBSERVED, Judged, Kernel
from heify_heygen_errors.pipeline.replay import read_replayed, reject_from_json
from heify_heygen_errors.pipeline.schemas import MAX_COLUMNS, too_many_columns
from heify_heygen_errors.records import COLUMNS, ColumnClash, Line, NotARecord, at_path, encodes, parse_json, parse_line, row_line

_CHUNK: Final = 1024 * 1024
_CHUNK_LINES: Final = 128  # that are decoded at once
_MOST_TYPED: Final = 256  # members of a line; beyond that lines are decoded one by one
_MOST_CHANGES: Final = 64  # of the members in a block
_FLOAT_DIGITS: Final = 2**53
_FIELDS: Final = ("provider", "status", "headers", "body", "method", "url", "exception")
_RAW: Final = ("headers", "body")
_STATUS: Final = _FIELDS.index("status")
_MANY_DIGITS: Final = 4300  # of an integer: Python reads no more
_DIGITS: Final = re.compile(rb"[0-9]{4301}")

_decode_any: Final = msgspec.json.Decoder(dict[str, Any]).decode
_decode_raw: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_value: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.encode


class ClashError(Exception):
    """The input has a member or column with the name of an output column.

    Attributes:
        line: counted from the block's first, which is 1; None for tables.
        message: what to do.
    """

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


# The text of a block.


def read_range(block: Block) -> tuple[bytes, int, Reject | None]:
    """The lines that begin in a block of a plain file, the offset of the first, and the last line if it is overlong.

    Raises:
        PipelineError: the file has become shorter.
        OSError: the file cannot be read.
    """
    with Path(block.file).open("rb") as stream:
        start = block.start
        skipped = b""
        if start:
            stream.seek(start - 1)
            skipped = stream.read(1)
        data = stream.read(block.end - start)
        if len(data) < block.end - start:
            msg = f"{block.file} has become shorter while it was read: begin anew"
            raise PipelineError(msg)
        if start and skipped != b"\n":
            first = data.find(b"\n") + 1
            if not first:
                return b"", block.end, None
            data, start = data[first:], start + first
        if not data or data.endswith(b"\n"):
            return data, start, None
        begin = data.rfind(b"\n") + 1
        parts, length = [data[begin:]], len(data) - begin
        while length <= MAX_RECORD + 1:
            part = stream.readline(MAX_RECORD + 2 - length)
            parts.append(part)
            length += len(part)
            if not part or part.endswith(b"\n"):
                break
        line = b"".join(parts)
        if len(line.removesuffix(b"\n").removesuffix(b"\r")) <= MAX_RECORD:
            return data[:begin] + line, start, None
        hashed = hashlib.sha256(line)
        while not line.endswith(b"\n"):
            line = stream.readline(_CHUNK)
            if not line:
                break
            hashed.update(line)
            length += len(line)
    rest = data[:begin]
    return rest, start, overlong(block.file, rest.count(b"\n") + 1, start + begin, length, hashed.hexdigest())


def overlong(file: str, line: int, offset: int, length: int, sha256: str) -> Reject:
    """The reject of a line over `MAX_RECORD` bytes."""
    return Reject(file=file, line=line, offset=offset, raw=None, reason=f"longer than {MAX_RECORD} bytes", length=length, sha256=sha256)


class _Lines:
    """The lines of a text, with what is known of them."""

    quick: ClassVar[bool] = True

    def __init__(self, block: Block, text: bytes, offset: int) -> None:
        self.block = block
        self.offset = offset
        self.lines = text.split(b"\n")
        if not self.lines[-1]:
            self.lines.pop()
        self.ascii = text.isascii()
        self.blank = 0
        self._offsets: list[int] | None = None
        self._rejects: dict[int, Reject] = {}
        if len(text) > MAX_RECORD:
            self._refuse_overlong(ended=text.endswith(b"\n"))

    def _refuse_overlong(self, *, ended: bool) -> None:
        self._offsets = [0, *accumulate(len(line) + 1 for line in self.lines)]
        for number, line in enumerate(self.lines):
            if len(line.removesuffix(b"\r")) > MAX_RECORD:
                whole = line if number == len(self.lines) - 1 and not ended else line + b"\n"
                sha256 = hashlib.sha256(whole).hexdigest()
                offset = self.offset + self._offsets[number]
                self._rejects[number] = overlong(self.block.file, number + 1, offset, len(whole), sha256)
                self.lines[number] = b""

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """In the order of the lines."""
        return tuple(reject for _, reject in sorted(self._rejects.items()))

    def reject(self, number: int, reason: str) -> str:
        """Makes a reject of the line with this number from 0; returns its text."""
        raw = self.lines[number].removesuffix(b"\r")
        if self._offsets is None:
            self._offsets = [0, *accumulate(len(line) + 1 for line in self.lines)]
        offset = self.offset + self._offsets[number]
        self._rejects[number] = Reject(file=self.block.file, line=number + 1, offset=offset, raw=raw, reason=reason)
        return raw.decode("utf-8", "replace")

    def record(self, number: int) -> dict[str, Any] | None:
        """The record of a line by the reference; None for a blank one.

        Raises:
            NotARecord: it is none.
        """
        raw = self.lines[number].removesuffix(b"\r")
        if not raw.strip():
            self.blank += number not in self._rejects
            return None
        return parse_line(Line(number + 1, 0, raw, len(raw)))


class _Replayed(_Lines):
    """The lines of a rejects file: what they hold, and where it once stood."""

    quick = False

    def __init__(self, block: Block, text: bytes, offset: int) -> None:
        super().__init__(block, text, offset)
        self._originals: dict[int, Reject] = {}

    def reject(self, number: int, reason: str) -> str:
        original = self._originals[number]
        self._rejects[number] = attrs.evolve(original, reason=reason)
        return (original.raw or b"").decode("utf-8", "replace")

    def record(self, number: int) -> dict[str, Any] | None:
        raw = self.lines[number].removesuffix(b"\r")
        if not raw.strip():
            self.blank += 1
            return None
        original = self._originals[number] = reject_from_json(self.block.file, number + 1, raw)
        return read_replayed(original)


def _named(kernel: Kernel, record: dict[str, Any]) -> dict[str, int]:
    """The fields that the options name and that a record has."""
    options = kernel.options
    paths = {field: options.paths.get(field) or (options.fields[field],) for field in options.named}
    return {field: 1 for field, path in paths.items() if at_path(record, path) is not None}


def _open(block: Block, text: bytes, offset: int) -> _Lines:
    return (_Replayed if block.format == "rejects" else _Lines)(block, text, offset)


def _is_sound_text(line: bytes) -> bool:
    """Whether a line is UTF-8."""
    return line.isascii() or _is_utf8(line)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


# Typed decoding.


@lru_cache(64)
def _typed(names: tuple[str, ...], raw: tuple[str, ...]) -> Callable[[bytes], Any] | None:
    """Decodes a line to a struct with members f0, f1, ... for the names, and refuses lines with others; None where names are odd."""
    fields = [
        (f"f{number}", msgspec.Raw if name in raw else Any, msgspec.field(default=None, name=name)) for number, name in enumerate(names)
    ]
    try:
        kind = msgspec.defstruct("Record", fields, forbid_unknown_fields=True, gc=False)
    except ValueError:  # names with quotes, backslashes or control characters
        return None
    return msgspec.json.Decoder(kind).decode


def _refuse(_: bytes) -> Any:
    """Stands for a decoder before any member is known."""
    raise msgspec.ValidationError


class _Run:
    """Records that follow each other and were decoded in the same way: structs of these names, or dicts."""

    __slots__ = ("names", "records")

    def __init__(self, names: tuple[str, ...] | None) -> None:
        self.names = names
        self.records: list[Any] = []

    def column(self, name: str) -> list[Any]:
        """The values of a member; None where it is absent."""
        if self.names is None:
            return [record.get(name) for record in self.records]
        try:
            member = f"f{self.names.index(name)}"
        except ValueError:
            return [None] * len(self.records)
        return list(map(attrgetter(member), self.records))


class _Table:
    """The records of a block on their way to Arrow."""

    def __init__(self, lines: _Lines, kernel: Kernel, *, keep_rejects: bool) -> None:
        self.lines = lines
        self.kernel = kernel
        self.keep_rejects = keep_rejects
        options = kernel.options
        self.raw = tuple(options.fields[field] for field in _RAW if field not in options.paths)
        self.heads = {path[0] for path in options.paths.values()}
        self.raw = tuple({*self.raw, *self.heads})
        self.names: tuple[str, ...] = ()
        self.known: set[str] = set()
        self.changes = 0
        self.decode: Callable[[bytes], Any] = _refuse
        self.typed: tuple[str, ...] = ()  # the members that the decoder in use knows
        self.pending: list[Any] = []  # records of the decoder in use that are not judged yet, and the numbers of their lines
        self.numbers: list[int] = []
        self.runs: list[_Run] = []
        self.judged: list[Judged] = []
        self.named: dict[str, int] = {}  # fields that the options name and that have a value
        self.kept: dict[int, tuple[str, str]] = {}  # by row: why a record could not be read, and its text

    def read(self) -> None:
        """Decodes and judges every line.

        Raises:
            ClashError: a member has the name of an output column.
        """
        count = len(self.lines.lines)
        sound = self.lines.quick
        for start in range(0, count, _CHUNK_LINES):
            end = min(start + _CHUNK_LINES, count)
            sound = (sound and self.decode_all(start, end)) or self.decode_each(start, end)
        self.take()

    def decode_all(self, start: int, end: int) -> bool:
        """Decodes lines at once; False, and nothing is done, if one of them needs more care."""
        chunk = self.lines.lines[start:end]
        if max(map(len, chunk)) > _MANY_DIGITS or not (self.lines.ascii or all(map(_is_sound_text, chunk))):
            return False
        try:
            records = list(map(self.decode, chunk))
        except REFUSED:
            return False
        self.pending += records
        self.numbers += range(start, end)
        return True

    def decode_each(self, start: int, end: int) -> bool:
        """Decodes lines one by one; whether the quick decoder took all of them."""
        lines = self.lines
        sound = True
        for number in range(start, end):
            line = lines.lines[number]
            if not lines.quick or (len(line) > _MANY_DIGITS and _DIGITS.search(line)):
                self.odd(number)
                sound = False
                continue
            try:
                record = self.decode(line)
            except msgspec.ValidationError:
                self.take()
                if not self.learn(number, line):
                    self.odd(number)
                    continue
                try:
                    record = self.decode(line)
                except REFUSED:
                    self.odd(number)
                    continue
            except REFUSED:
                self.odd(number)
                sound = False
                continue
            if lines.ascii or _is_sound_text(line):
                self.pending.append(record)
                self.numbers.append(number)
            else:
                self.odd(number)
                sound = False
        return sound and lines.quick

    def learn(self, number: int, line: bytes) -> bool:
        """Makes the decoder know the members of a line; False if it is no object or there are too many members."""
        try:
            record = _decode_any(line)
        except REFUSED:
            return False
        fresh = [name for name in record if name not in self.known]
        if not fresh and self.changes:
            return False
        self.meet(number, record)
        self.changes += 1
        if self.changes > _MOST_CHANGES or len(self.names) > _MOST_TYPED:
            return False
        decode = _typed(self.names, self.raw)
        if decode is None:
            return False
        self.decode = decode
        self.typed = self.names
        return True

    def meet(self, number: int, record: dict[str, Any]) -> None:
        """Notes the names of a record's members.

        Raises:
            ClashError: one is that of an output column.
            PipelineError: there are too many.
        """
        fresh = [name for name in record if name not in self.known]
        if not fresh:
            return
        try:
            refuse_clash(self.kernel, fresh, kept=self.keep_rejects)
        except ColumnClash as clash:
            raise ClashError(number + 1, str(clash)) from None
        self.known.update(fresh)
        self.names += tuple(fresh)
        if len(self.names) > MAX_COLUMNS:
            raise too_many_columns(fresh[-1])

    def odd(self, number: int) -> None:
        """Reads a line by the reference, behind those that are pending."""
        try:
            record = self.lines.record(number)
            if record is None:
                return
            self.take()
            self.meet(number, record)
            judged = self.kernel.judge_record(record)
        except NotARecord as reason:
            self.refuse(number, str(reason))
            return
        self.named.update(_named(self.kernel, record))
        self.run(None).records.append(record)
        self.judged.append(judged)

    def refuse(self, number: int, reason: str) -> None:
        """Makes a reject of a line; with ``--on-error keep`` also a row."""
        if self.keep_rejects:
            self.take()
        raw = self.lines.reject(number, reason)
        if self.keep_rejects:
            self.kept[len(self.judged)] = (reason, raw)
            self.run(None).records.append({})
            self.judged.append(Judged((UNOBSERVED,)))

    def run(self, names: tuple[str, ...] | None) -> _Run:
        """The run that a record of this kind belongs to."""
        if not self.runs or self.runs[-1].names != names:
            self.runs.append(_Run(names))
        return self.runs[-1]

    def take(self) -> None:
        """Judges the records that the quick decoder read."""
        if not self.pending:
            return
        records, numbers = self.pending, self.numbers
        self.pending, self.numbers = [], []
        chunk = _Run(self.typed)
        chunk.records = records
        judge, done = self.kernel.judge, self.judged
        taken = self.run(self.typed).records
        columns = [self.field(chunk, field) for field in _FIELDS]
        for field in self.kernel.options.named:
            if any(value is not None for value in columns[_FIELDS.index(field)]):
                self.named[field] = 1
        inexact = float in set(map(type, columns[_STATUS]))  # a float may not be the number that was written
        for place, fields in enumerate(zip(*columns, strict=True)):
            try:
                if inexact and type(fields[_STATUS]) is float:
                    raise ValueError  # noqa: TRY301 - for the reference
                judged = judge(*fields)
            except (NotARecord, ValueError, RecursionError):
                self.odd(numbers[place])
                taken = self.run(self.typed).records
                continue
            taken.append(records[place])
            done.append(judged)

    def field(self, chunk: _Run, field: str) -> list[Any]:
        """A field of the observations as the kernel takes it."""
        options = self.kernel.options
        path = options.paths.get(field)
        if path is not None:
            return [at_path({path[0]: value}, path) for value in map(_exactly, chunk.column(path[0]))]
        name = options.fields[field]
        values = chunk.column(name)
        return [None if value is None else bytes(value) for value in values] if name in self.raw else values

    def batch(self) -> pa.RecordBatch | None:
        """Passthrough columns and columns of the contract; None if there is no row."""
        if not self.judged:
            return None
        kernel = self.kernel
        options = kernel.options
        slots, owners = first_rows(self.judged, explode=options.explode)
        arrays: list[pa.Array] = []
        names: list[str] = []
        for name in self.names:
            if name in kernel.records.bulky:
                continue
            if name in self.heads:
                passed = [kernel.records.passed({name: value}).get(name) for value in map(_exactly, self.values(name))]
            elif name in self.raw:
                passed = [None if value is None else _plain(value) for value in self.values(name)]
            else:
                passed = self.values(name)
            names.append(name if encodes(name) else json.dumps(name)[1:-1])  # with its lone surrogates escaped
            arrays.append(column(passed))
        if owners is not None:
            indices = pa.array(owners, pa.int32())
            arrays = [array.take(indices) for array in arrays]
        arrays += error_arrays(kernel, self.judged, slots, owners)
        schema = error_schema(options.prefix, kernel.catalogs.version, kept=self.keep_rejects)
        if self.keep_rejects:
            for part in range(len(KEPT_COLUMNS)):
                told: list[str | None] = [None] * len(slots)
                rows = owners if owners is not None else range(len(slots))
                for row, record in enumerate(rows):
                    if record in self.kept:
                        told[row] = self.kept[record][part]
                arrays.append(pa.array(told, pa.string()))
        fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=False)]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([*fields, *schema], schema.metadata))

    def values(self, name: str) -> list[Any]:
        """The values of a member for every record."""
        values: list[Any] = []
        for run in self.runs:
            values += run.column(name)
        return values


def _plain(value: object) -> object:
    """The value behind raw JSON text."""
    if not isinstance(value, msgspec.Raw):
        return value
    raw = bytes(value)
    return _decode_value(raw) if raw[:1] == b'"' else _Written(raw.decode()) if raw != b"null" else None


def _exactly(value: object) -> object:
    """The value behind raw JSON text, as the reference reads it."""
    return parse_json(bytes(value)) if isinstance(value, msgspec.Raw) else value


class _Written(str):
    """JSON text of an object that goes into a column of text as it is."""

    __slots__ = ()


def column(values: Sequence[Any]) -> pa.Array:
    """An array of the values of a member: null, bool, int64, double or string.

    Texts stay themselves. What has several types, is nested or does not fit is a column of text then: numbers, true and
    false as JSON writes them, objects and arrays as JSON text.
    """
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {str}:
        try:
            return pa.array(values, pa.string())
        except (UnicodeEncodeError, pa.ArrowInvalid):  # lone surrogates
            return pa.array([None if value is None else encodable(value) for value in values], pa.string())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64())
        except OverflowError:
            pass
    elif kinds <= {int, float} and all(type(value) is not int or -_FLOAT_DIGITS <= value <= _FLOAT_DIGITS for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return encodable(str(value))
    try:
        return str(_encode(value).decode())
    except (TypeError, ValueError, OverflowError):  # numbers that only the reference reads
        return row_line({"": value}).decode()[4:-2]


# Pieces.


def lines_to_table(block: Block, text: bytes, offset: int, kernel: Kernel, *, keep_rejects: bool = False) -> Piece:
    """Rows of the lines of a block, as an Arrow IPC stream.

    Raises:
        ClashError: a member has the name of an output column.
    """
    kernel.make_room()
    lines = _open(block, text, offset)
    table = _Table(lines, kernel, keep_rejects=keep_rejects)
    table.read()
    batch = table.batch()
    tally = _tally(lines, kernel, [judged for row, judged in enumerate(table.judged) if row not in table.kept], len(table.kept))
    tally.rows = 0 if batch is None else batch.num_rows
    tally.named.update(table.named)
    return Piece(payload=b"" if batch is None else to_ipc([batch]), rejects=lines.rejects, tally=tally)


def to_ipc(batches: Sequence[pa.RecordBatch]) -> bytes:
    """Batches of one schema, at least one, as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def _tally(lines: _Lines, kernel: Kernel, judged: Sequence[Judged], kept: int) -> Tally:
    tally = Tally(lines=len(lines.lines), blank=lines.blank)
    count_records(tally, kernel, judged)
    rejects = lines.rejects
    tally.records += len(rejects)
    tally.rejects += len(rejects)
    tally.written += kept
    for reject in rejects:
        tally.reasons[reason_kind(reject.reason)] += 1
    return tally


# JSON Lines to JSON Lines.


def lines_to_lines(block: Block, text: bytes, offset: int, kernel: Kernel, *, keep_rejects: bool = False) -> Piece:
    """Rows of the lines of a block, as JSON Lines: members keep their place, absent ones stay absent, numbers as written.

    Raises:
        ClashError: a member has the name of an output column.
    """
    kernel.make_room()
    lines = _open(block, text, offset)
    writer = _Writer(kernel, keep_rejects=keep_rejects)
    rows: list[bytes] = []
    judged: list[Judged] = []
    kept = 0
    for number, line in enumerate(lines.lines):
        found = None
        try:
            if lines.quick and (lines.ascii or _is_sound_text(line)) and not (len(line) > _MANY_DIGITS and _DIGITS.search(line)):
                found = writer.quick(line)
        except REFUSED:
            pass
        except ColumnClash as clash:
            raise ClashError(number + 1, str(clash)) from None
        if found is None:
            try:
                record = lines.record(number)
                if record is None:
                    continue
                found = writer.careful(record)
            except ColumnClash as clash:
                raise ClashError(number + 1, str(clash)) from None
            except NotARecord as reason:
                raw = lines.reject(number, str(reason))
                if keep_rejects:
                    rows.append(writer.kept(str(reason), raw))
                    kept += 1
                continue
        judged.append(found[0])
        rows += found[1]
    tally = _tally(lines, kernel, judged, kept)
    tally.rows = len(rows)
    tally.named.update(writer.named)
    return Piece(payload=b"".join(rows), rejects=lines.rejects, tally=tally)


class _Writer:
    """Writes rows as lines of JSON."""

    def __init__(self, kernel: Kernel, *, keep_rejects: bool) -> None:
        self.kernel = kernel
        options = kernel.options
        self.names = [options.fields[field] for field in _FIELDS]
        self.bulky = kernel.records.bulky
        self.simple = not options.paths
        self.explode = options.explode
        self.labels = [_encode(options.prefix + name) + b":" for name in COLUMNS]
        self.after = COLUMNS.index("error_retry_after")
        self.resource = COLUMNS.index("error_resource")
        self.request_id = COLUMNS.index("error_request_id")
        self.prefix = options.prefix
        self.tail = b""
        if keep_rejects:
            self.tail = b"".join(b"," + _encode(options.prefix + name) + b":null" for name in KEPT_COLUMNS)
        self.keys: dict[str, bytes] = {}
        self.parts: dict[int, tuple[bytes, bytes, bytes, Any, bytes, bytes]] = {}
        self.small: dict[bytes, Any] = {}
        self.named: dict[str, int] = {}
        self.chosen = [(field, _FIELDS.index(field)) for field in options.named]

    def quick(self, line: bytes) -> tuple[Judged, list[bytes]] | None:
        """A record and its rows; None if the reference has to read it.

        Raises:
            ColumnClash: a member has the name of an output column.
        """
        if not self.simple:
            return None
        record = _decode_raw(line)
        get = record.get
        values = [get(name) for name in self.names]
        for field, place in self.chosen:
            if values[place] is not None:
                self.named[field] = 1
        provider, status, headers, body, method, url, exception = values
        try:
            judged = self.kernel.judge(
                self.value(provider),
                self.status(status),
                None if headers is None else bytes(headers),
                None if body is None else bytes(body),
                self.value(method),
                None if url is None else _decode_value(url),
                None if exception is None else _decode_value(exception),
            )
        except NotARecord:
            return None
        keys = self.keys
        members = []
        for name, raw in record.items():
            key = keys.get(name)
            if key is None:
                refuse_clash(self.kernel, (name,), kept=bool(self.tail))
                if len(keys) > _MOST_TYPED * 16:
                    keys.clear()
                key = keys[name] = b"" if name in self.bulky else _encode(name) + b":"
            if key:
                members.append(key + bytes(raw))
        head = b"{" + b",".join(members) + (b"," if members else b"")
        shown = judged.slots if self.explode else judged.slots[:1]
        return judged, [head + self.columns(slot, judged) + self.tail + b"}\n" for slot in shown]

    def careful(self, record: dict[str, Any]) -> tuple[Judged, list[bytes]]:
        """A record that the reference read, and its rows.

        Raises:
            ColumnClash: a member has the name of an output column.
            NotARecord: a field of it cannot be read.
        """
        refuse_clash(self.kernel, record, kept=bool(self.tail))
        self.named.update(_named(self.kernel, record))
        judged = self.kernel.judge_record(record)
        passed = self.kernel.records.passed(record)
        head = row_line(passed)[:-2] + (b"," if passed else b"")
        shown = judged.slots if self.explode else judged.slots[:1]
        return judged, [head + self.columns(slot, judged) + self.tail + b"}\n" for slot in shown]

    def kept(self, reason: str, raw: str) -> bytes:
        """The row of a line that is no record."""
        told = (reason, raw)
        tail = b"".join(b"," + _encode(self.prefix + name) + b":" + _encode(value) for name, value in zip(KEPT_COLUMNS, told, strict=True))
        return b"{" + self.columns(UNOBSERVED, Judged((UNOBSERVED,))) + tail + b"}\n"

    def value(self, raw: msgspec.Raw | None) -> Any:
        """The value of a short member that repeats."""
        if raw is None:
            return None
        written = bytes(raw)
        known = self.small.get(written, self)
        if known is self:
            if len(self.small) > _MOST_TYPED:
                self.small.clear()
            known = self.small[written] = _decode_value(written)
        return known

    def status(self, raw: msgspec.Raw | None) -> Any:
        """A status; fractions are left to the reference.

        Raises:
            ValueError: it is one.
        """
        value = self.value(raw)
        if type(value) is float:
            raise ValueError
        return value

    def columns(self, slot: int, judged: Judged) -> bytes:
        """The columns of the contract of one row."""
        parts = self.parts.get(slot)
        if parts is None:
            values = self.kernel.rows[slot].values
            written = [label + _encode(value) for label, value in zip(self.labels, values, strict=True)]
            parts = self.parts[slot] = (
                b",".join(written[: self.after]) + b"," + self.labels[self.after],
                b"," + b",".join(written[self.after + 1 : self.resource]) + b"," + self.labels[self.resource],
                b"," + b",".join(written[self.request_id + 1 :]),
                values[self.after],
                written[self.resource][len(self.labels[self.resource]) :],
                written[self.request_id],
            )
        first, second, third, after, resource, request_id = parts
        if judged.resource is not None:
            resource = _encode(judged.resource)
        if judged.request_id is not None:
            request_id = self.labels[self.request_id] + _encode(judged.request_id)
        return first + _encode(later(after, judged.after)) + second + resource + b"," + request_id + third
