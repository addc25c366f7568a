"""JSON Lines to Arrow: the lines of a block, decoded typed, judged by the kernel, as columns.

What the quick decoder takes, the reference (`records.parse_line`) takes and reads the same; what it refuses, the
reference reads or makes a reject of. UTF-8, which the quick decoder does not check in texts that it passes on, is checked
where a line is not ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
import pyarrow as pa

from heify_heygen_errors.normalizer import encodable
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, Block, ClashError, Piece
from heify_heygen_errors.pipeline.contract import error_arrays, error_schema, first_rows, refuse_clash
from heify_heygen_errors.pipeline.kernel import UNOBSERVED, Judged, Kernel
from heify_heygen_errors.pipeline.line_blocks import DIGITS, MANY_DIGITS, LineBlock, is_sound_text, named_fields, open_block, tally_of
from heify_heygen_errors.pipeline.quick_json import REFUSED
from heify_heygen_errors.pipeline.schemas import MAX_COLUMNS, too_many_columns
from heify_heygen_errors.pipeline.tables import to_ipc
from heify_heygen_errors.records import INPUT_FIELDS, ColumnClash, NotARecord, at_path, encodes, parse_json, row_line

_CHUNK_LINES: Final = 128  # that are decoded at once
_MOST_TYPED: Final = 256  # members of a line; beyond that lines are decoded one by one
_MOST_CHANGES: Final = 64  # of the members in a block
_FLOAT_DIGITS: Final = 2**53
_RAW: Final = ("headers", "body")
_STATUS: Final = INPUT_FIELDS.index("status")

_decode_any: Final = msgspec.json.Decoder(dict[str, Any]).decode
_decode_value: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.encode


def lines_to_table(block: Block, text: bytes, offset: int, kernel: Kernel, *, keep_rejects: bool = False) -> Piece:
    """Rows of the lines of a block, as an Arrow IPC stream.

    Raises:
        ClashError: a member has the name of an output column.
    """
    kernel.make_room()
    lines = open_block(block, text, offset)
    table = _Table(lines, kernel, keep_rejects=keep_rejects)
    table.read()
    batch = table.batch()
    tally = tally_of(lines, kernel, [judged for row, judged in enumerate(table.judged) if row not in table.kept], len(table.kept))
    tally.rows = 0 if batch is None else batch.num_rows
    tally.named.update(table.named)
    return Piece(payload=b"" if batch is None else to_ipc([batch]), rejects=lines.rejects, tally=tally)


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


class _Stretch:
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

    def __init__(self, lines: LineBlock, kernel: Kernel, *, keep_rejects: bool) -> None:
        self.lines = lines
        self.kernel = kernel
        self.keep_rejects = keep_rejects
        options = kernel.options
        self.heads = {path[0] for path in options.paths.values()}
        self.raw = tuple({*(options.fields[field] for field in _RAW if field not in options.paths), *self.heads})
        self.names: tuple[str, ...] = ()
        self.known: set[str] = set()
        self.changes = 0
        self.decode: Callable[[bytes], Any] = _refuse
        self.typed: tuple[str, ...] = ()  # the members that the decoder in use knows
        self.pending: list[Any] = []  # records of the decoder in use that are not judged yet, and the numbers of their lines
        self.numbers: list[int] = []
        self.stretches: list[_Stretch] = []
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
        if max(map(len, chunk)) > MANY_DIGITS or not (self.lines.ascii or all(map(is_sound_text, chunk))):
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
            if not lines.quick or (len(line) > MANY_DIGITS and DIGITS.search(line)):
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
            if lines.ascii or is_sound_text(line):
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
            raise ClashError(self.lines.block.file, number + 1, str(clash)) from None
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
        self.named.update(named_fields(self.kernel, record))
        self.stretch(None).records.append(record)
        self.judged.append(judged)

    def refuse(self, number: int, reason: str) -> None:
        """Makes a reject of a line; with ``--on-error keep`` also a row."""
        if self.keep_rejects:
            self.take()
        raw = self.lines.reject(number, reason)
        if self.keep_rejects:
            self.kept[len(self.judged)] = (reason, raw)
            self.stretch(None).records.append({})
            self.judged.append(Judged((UNOBSERVED,)))

    def stretch(self, names: tuple[str, ...] | None) -> _Stretch:
        """The stretch that a record of this kind belongs to."""
        if not self.stretches or self.stretches[-1].names != names:
            self.stretches.append(_Stretch(names))
        return self.stretches[-1]

    def take(self) -> None:
        """Judges the records that the quick decoder read."""
        if not self.pending:
            return
        records, numbers = self.pending, self.numbers
        self.pending, self.numbers = [], []
        chunk = _Stretch(self.typed)
        chunk.records = records
        judge, done = self.kernel.judge, self.judged
        taken = self.stretch(self.typed).records
        columns = [self.field(chunk, field) for field in INPUT_FIELDS]
        for field in self.kernel.options.named:
            if any(value is not None for value in columns[INPUT_FIELDS.index(field)]):
                self.named[field] = 1
        inexact = float in set(map(type, columns[_STATUS]))  # a float may not be the number that was written
        for place, fields in enumerate(zip(*columns, strict=True)):
            try:
                if inexact and type(fields[_STATUS]) is float:
                    raise ValueError  # noqa: TRY301 - for the reference
                judged = judge(*fields)
            except (NotARecord, ValueError, RecursionError):
                self.odd(numbers[place])
                taken = self.stretch(self.typed).records
                continue
            taken.append(records[place])
            done.append(judged)

    def field(self, chunk: _Stretch, field: str) -> list[Any]:
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
        for stretch in self.stretches:
            values += stretch.column(name)
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
