"""Arrow tables to rows: the columns of a record batch judged by the kernel, passthrough columns as they are. Performs no I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import attrs
import msgspec
import pyarrow as pa
import pyarrow.compute

from heify_heygen_errors.pipeline.blocks import PipelineError, Reject, Tally, reason_kind
from heify_heygen_errors.pipeline.contract import count_records, error_arrays, error_schema, first_rows, refuse_clash
from heify_heygen_errors.pipeline.kernel import UNOBSERVED, Judged, Kernel
from heify_heygen_errors.pipeline.texts import json_lines, plain_text
from heify_heygen_errors.records import INPUT_FIELDS, NotARecord, RecordOptions

pc: Final[Any] = pyarrow.compute  # most of its functions are made when it is imported
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode

Reader = Callable[[Any], Any]
"""What makes of a Python value what it says as JSON."""


@attrs.frozen(kw_only=True)
class Normalized:
    """What became of a record batch.

    Attributes:
        batch: passthrough columns, columns of the contract; rows that could not be read are left out, or are kept
            without an error under `keep_rejects`.
        rows: for each row of `batch` its number in the input from 0; None if they are the same.
        rejected: number of a row from 0 and why it could not be read, in order.
        tally: counts.
    """

    batch: pa.RecordBatch
    rows: list[int] | None
    rejected: tuple[tuple[int, str], ...]
    tally: Tally


def normalize_batch(
    batch: pa.RecordBatch,
    kernel: Kernel,
    *,
    keep_rejects: bool = False,
    raw: Callable[[int], str] | None = None,
) -> Normalized:
    """Judges every row of a record batch.

    Arguments:
        batch: columns by the names that the kernel's options give; all optional, of any type.
        kernel: judges and remembers.
        keep_rejects: rows that cannot be read stay, with why in ``error_reject``.
        raw: text of a row for ``error_raw``; None leaves it null.

    Raises:
        ColumnClash: a column has the name of an output column.
        PipelineError: two columns have one name.
    """
    kernel.make_room()
    options = kernel.options
    names = batch.schema.names
    refuse_clash(kernel, names, kept=keep_rejects)
    if len(set(names)) != len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        msg = f"two columns have the name {twice!r}: rename one of them"
        raise PipelineError(msg)
    judged, rows, rejected = judge_rows([field_values(batch, field, kernel) for field in INPUT_FIELDS], kernel, keep_rejects=keep_rejects)
    passed = passed_columns(batch, kernel)
    slots, owners = first_rows(judged, explode=options.explode)
    shown: list[int] | None = None
    if len(rows) < batch.num_rows or owners is not None:
        shown = rows if owners is None else [rows[owner] for owner in owners]
        passed = pa.RecordBatch.from_arrays([picked(column, shown) for column in passed.columns], schema=passed.schema)
    schema = error_schema(options.prefix, kernel.catalogs.version, kept=keep_rejects)
    arrays = [*passed.columns, *error_arrays(kernel, judged, slots, owners)]
    if keep_rejects:
        told = dict(rejected)
        kept = rows if owners is None else [rows[owner] for owner in owners]
        arrays.append(pa.array([told.get(row) for row in kept], pa.string()))
        arrays.append(pa.array([raw(row) if raw is not None and row in told else None for row in kept], pa.string()))
    tally = Tally(lines=batch.num_rows)
    bad = dict(rejected)
    count_records(tally, kernel, [found for row, found in zip(rows, judged, strict=True) if row not in bad] if keep_rejects else judged)
    tally.records += len(rejected)
    tally.rejects += len(rejected)
    tally.written += len(rejected) if keep_rejects else 0
    tally.rows = len(slots)
    for _, told_reason in rejected:
        tally.reasons[reason_kind(told_reason)] += 1
    metadata = {**(batch.schema.metadata or {}), **(schema.metadata or {})}
    for stale in (b"pandas", b"ARROW:schema"):  # speaks of columns that are others now
        metadata.pop(stale, None)
    return Normalized(
        batch=pa.RecordBatch.from_arrays(arrays, schema=pa.schema([*passed.schema, *schema], metadata)),
        rows=shown,
        rejected=tuple(rejected),
        tally=tally,
    )


def judge_rows(
    fields: Sequence[Sequence[Any]], kernel: Kernel, *, keep_rejects: bool = False
) -> tuple[list[Judged], list[int], list[tuple[int, str]]]:
    """What became of rows: judged records, the number of the row of each, and rows that could not be read with why.

    Arguments:
        fields: for each of `INPUT_FIELDS` its values, one per row, as `Kernel.judge` takes them.
        kernel: judges and remembers.
        keep_rejects: rows that cannot be read are among the judged ones as well.
    """
    judged: list[Judged] = []
    rejected: list[tuple[int, str]] = []
    rows: list[int] = []
    judge = kernel.judge
    for row, (provider, status, headers, body, method, url, exception) in enumerate(zip(*fields, strict=True)):
        try:
            found = judge(provider, status, headers, body, method, url, exception)
        except (NotARecord, ValueError, RecursionError) as reason:
            rejected.append(
                (row, str(reason) if isinstance(reason, NotARecord) else "a field nests too deeply or is no JSON that can be read")
            )
            if not keep_rejects:
                continue
            found = Judged((UNOBSERVED,))
        judged.append(found)
        rows.append(row)
    return judged, rows, rejected


def with_sound_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with U+FFFD in texts for bytes that are no UTF-8, which neither Parquet nor Arrow checks."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        for place, field in enumerate(batch.schema):
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
                column = batch.column(place)
                written = column.view(pa.binary() if pa.types.is_string(field.type) else pa.large_binary()).to_pylist()
                texts = [None if text is None else text.decode("utf-8", "replace") for text in written]
                batch = batch.set_column(place, field, pa.array(texts, field.type))
    return batch


def row_as_json(batch: pa.RecordBatch, row: int, options: RecordOptions) -> bytes:
    """A row as an object in JSON, without members that are null; of the fields that are read it says what is read of them.

    Arguments:
        batch: that has the row.
        row: in the batch, from 0.
        options: say where the fields stand.
    """
    one = batch.slice(row, 1)
    for field in INPUT_FIELDS:
        path = options.paths.get(field) or (options.fields[field],)
        place = one.schema.get_field_index(path[0])
        if place >= 0:
            column = _written_plainly(one.column(place), path[1:], field)
            one = one.set_column(place, pa.field(path[0], column.type), column)
    written = bytes(json_lines(one)).rstrip(b"\n").decode("utf-8", "replace")  # Arrow does not check texts
    record = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    return _encode({name: value for name, value in record.items() if bytes(value) != b"null"})


def _written_plainly(array: Any, path: Sequence[str], field: str) -> Any:
    """An array of one value in which bytes at a path are text and maps are objects in JSON."""
    kind = array.type
    if path:
        if not pa.types.is_struct(kind) or kind.get_field_index(path[0]) < 0:
            return array
        names = [kind.field(number).name for number in range(kind.num_fields)]
        children = [pc.struct_field(array, [name]) for name in names]
        at = names.index(path[0])
        children[at] = _written_plainly(children[at], path[1:], field)
        return pa.StructArray.from_arrays(children, names, mask=array.is_null())
    if _is_plain(kind) or not array.is_valid()[0].as_py():
        return array
    if _is_bytes(kind):
        return pa.array([array[0].as_py().decode("utf-8", "replace")], pa.large_string())
    return (
        pa.array([_from_nested(array[0].as_py(), field, _reader(kind)).decode()], pa.large_string())
        if field in ("headers", "body")
        else array
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of a type are written as JSON as they are read."""
    if pa.types.is_map(kind) or _is_bytes(kind) or getattr(kind, "extension_name", None) == "arrow.json":
        return False
    return all(_is_plain(kind.field(place).type) for place in range(kind.num_fields))


def reject_of_row(file: str, batch: pa.RecordBatch, row: int, first: int, reason: str, options: RecordOptions) -> Reject:
    """The reject of a row of a table, which has no bytes of its own: JSON stands for it.

    Arguments:
        file: the table's name.
        batch: that has the row.
        row: in the batch, from 0.
        first: number of the batch's first row among those that a worker counts, from 0.
        reason: why it could not be read.
        options: say where the fields stand.
    """
    return Reject(file=file, line=first + row + 1, offset=None, raw=row_as_json(batch, row, options), reason=reason)


def to_ipc(batches: Sequence[pa.RecordBatch]) -> bytes:
    """Batches of one schema, at least one, as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


# Fields.


def field_values(batch: pa.RecordBatch, field: str, kernel: Kernel, reader: Reader | None = None) -> Sequence[Any]:
    """A field of the observations, for each row as the kernel takes it; None where it is absent or null.

    Arguments:
        batch: has the column.
        field: its field.
        kernel: that will judge.
        reader: for nested headers and bodies, if the type in Arrow does not say all.
    """
    options = kernel.options
    path = options.paths.get(field) or (options.fields[field],)
    array = _at_path(batch, path)
    if array is None or pa.types.is_null(array.type):
        return [None] * batch.num_rows
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
        kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    values: list[Any] = _values(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return [_encode(value) for value in values] if field == "body" else values
    if pa.types.is_floating(kind):
        return [None if value is None or math.isnan(value) else _number(value, field) for value in values]
    if pa.types.is_decimal(kind):
        return [None if value is None else _number(float(value), field) for value in values]
    if _is_bytes(kind):
        return [text_of_bytes(value, field) for value in values]
    return [_from_nested(value, field, reader or _reader(kind)) for value in values]


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind))


def _at_path(batch: pa.RecordBatch, path: Sequence[str]) -> Any:
    place = batch.schema.get_field_index(path[0])
    if place < 0:
        return None
    array = batch.column(place)
    for name in path[1:]:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
            return None
        array = pc.struct_field(array, [name])
    return array


def _values(array: Any) -> list[Any]:
    """Python values; texts that are not UTF-8, which Arrow does not check, as bytes."""
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        binary = array.cast(pa.large_binary()) if pa.types.is_large_string(array.type) else array.view(pa.binary())
        return [text_of_bytes(value, "body") for value in binary.to_pylist()]
    except (OverflowError, ValueError):  # moments beyond Python's years
        return list(plain_text(array).to_pylist())


def _number(value: float, field: str) -> object:
    if field == "body":
        return _encode(value)
    return int(value) if value.is_integer() else value


def text_of_bytes(value: bytes | None, field: str) -> Any:
    """Text, or where it is none a body as it was on the wire."""
    if value is None:
        return None
    if field == "body" and b"\0" in value:  # UTF-16, perhaps
        return bytearray(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return bytearray(value) if field == "body" else value.decode("latin-1")


def _from_nested(value: Any, field: str, reader: Reader) -> Any:
    """An object as JSON text. Members that are null were absent in most rows: Arrow has one shape for all of them."""
    if value is None or field not in ("headers", "body"):
        return value
    return _encode(value if isinstance(value, str) else reader(value))  # text: of values that Python does not have


def _as_it_is(value: Any) -> Any:
    return value


@lru_cache(maxsize=256)
def _reader(kind: pa.DataType) -> Reader:
    """What makes of a Python value of a type what it says: maps are objects, bytes text, texts of JSON what stands in them."""
    types = pa.types
    if types.is_struct(kind):
        return struct_reader({kind.field(place).name: _reader(kind.field(place).type) for place in range(kind.num_fields)})
    if types.is_map(kind):
        return map_reader(_reader(kind.key_type), _reader(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_list_view(kind):
        return list_reader(_reader(kind.value_type))
    if _is_bytes(kind):
        return lambda value: text_of_bytes(value, "headers")
    return json_value if getattr(kind, "extension_name", None) == "arrow.json" else _as_it_is


def struct_reader(readers: Mapping[str, Reader]) -> Reader:
    """For dicts with these members; those that are null are left out."""
    return lambda value: {name: readers[name](item) for name, item in value.items() if item is not None}


def list_reader(read: Reader) -> Reader:
    """For lists."""
    return lambda value: [None if item is None else read(item) for item in value]


def map_reader(read_name: Reader, read: Reader) -> Reader:
    """For lists of pairs: objects, but lists where a name comes twice."""

    def pairs_to_object(value: Any) -> Any:
        pairs = [(read_name(name), None if item is None else read(item)) for name, item in value]
        made = {name: item for name, item in pairs if item is not None}
        return made if len({name for name, _ in pairs}) == len(pairs) else [list(pair) for pair in pairs]

    return pairs_to_object


def json_value(text: str) -> Any:
    """A text of JSON, to be encoded as what stands in it; the text itself if it is none."""
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return text


def passed_columns(batch: pa.RecordBatch, kernel: Kernel) -> pa.RecordBatch:
    """The columns that pass through."""
    kept = [name for name in batch.schema.names if name not in kernel.records.bulky]
    passed = batch.select(kept)
    for path in kernel.records.bulky_paths:
        place = passed.schema.get_field_index(path[0])
        if place >= 0:
            left = _without(passed.column(place), path[1:])
            if left is None:
                passed = passed.select([name for name in passed.schema.names if name != path[0]])
            else:
                passed = passed.set_column(place, pa.field(path[0], left.type), left)
    return passed


def picked(column: Any, rows: Sequence[int]) -> Any:
    """A column with the values of some rows, in order, some of them several times.

    Parts are put together instead of taking rows, which pyarrow cannot do for views and run ends, at any depth.
    """
    parts, start = [], 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            parts.append(column.slice(rows[start], place - start))
            start = place
    return pa.concat_arrays(parts) if parts else column.slice(0, 0)


def _without(array: Any, path: Sequence[str]) -> Any:
    """A struct array without the field at a path; None if none is left."""
    if not pa.types.is_struct(array.type) or array.type.get_field_index(path[0]) < 0:
        return array
    names, children = [], []
    for number in range(array.type.num_fields):
        name = array.type.field(number).name
        child: Any = pc.struct_field(array, [name])
        if name == path[0]:
            child = None if len(path) == 1 else _without(child, path[1:])
        if child is not None:
            names.append(name)
            children.append(child)
    return pa.StructArray.from_arrays(children, names, mask=array.is_null()) if names else None
