"""One schema for the columns of many blocks, and blocks brought to it without losing a value.

Columns stand in the order of their first appearance, those of the contract behind them. A type that changes from
block to block becomes, by `unify`:

- null and X: X
- whole numbers: int64 (uint64 if no side is signed)
- a whole number and a floating-point number: double, if double holds every whole number that was there; else string
- single and double precision: double
- texts of different storage: large_string if one is, else string; a dictionary and its values: the type of the values
- timestamps of one time zone in s, ms or us: the finer unit
- anything else that differs: string, with the values as `heify_heygen_errors.pipeline.texts` writes them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.texts import plain_text

pc: Final[Any] = pyarrow.compute  # most of its functions are made when it is imported
MAX_COLUMNS: Final = 2000
"""Of more, every file with rows would pay for columns that hardly any row has."""

_WIDE: Final = b"heify_heygen_errors.wide"
_DOUBLE_HOLDS: Final = 2**53
# Field ids and pandas' own description say what stood where in the input, which is no longer so.
_FOREIGN: Final = frozenset({b"PARQUET:field_id", b"pandas", b"ARROW:schema"})
_UNITS: Final = ("s", "ms", "us")


def too_many_columns(name: str) -> PipelineError:
    """What to raise for more than `MAX_COLUMNS`; `name` is the last new one."""
    return PipelineError(
        f"the input has more than {MAX_COLUMNS} different columns (the last new one is {name[:80]!r}): are names of members data?"
        " Write JSON Lines, which needs no columns, or move them into one member that holds an object"
    )


def survey(table: Any) -> Any:
    """The schema of a block. Columns with whole numbers that a double cannot hold are marked for `unify`.

    Args:
        table: an Arrow table or record batch.

    Returns:
        An Arrow schema.
    """
    fields = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.type in (pa.int64(), pa.uint64()) and _is_wide(column):
            fields.append(field.with_metadata({_WIDE: b"1"}))
        else:
            fields.append(field)
    return pa.schema(fields, metadata=table.schema.metadata)


def unify(known: Any | None, seen: Any, contract: Sequence[str] = ()) -> Any:
    """The schema that holds everything that came before, and a block more.

    Args:
        known: the schema so far; None in front of the first block.
        seen: that of a block, best from `survey`.
        contract: names of columns that stand last, in this order.

    Returns:
        An Arrow schema. Its metadata is that of both; what came first stays.

    Raises:
        PipelineError: two columns of a block have one name, or there are more than `MAX_COLUMNS`.
    """
    fields = {} if known is None else {field.name: field for field in known}
    names = seen.names
    if len(set(names)) != len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        msg = f"the input has two columns named {twice!r}: rename one"
        raise PipelineError(msg)
    for field in seen:
        before = fields.get(field.name)
        fields[field.name] = _wider(before, field) if before is not None else _clean(field)
    if len(fields) > MAX_COLUMNS:
        raise too_many_columns(list(fields)[-1])
    last = [name for name in contract if name in fields]
    fixed = frozenset(last)
    ordered = [name for name in fields if name not in fixed] + last
    metadata = {**(seen.metadata or {}), **((known.metadata or {}) if known is not None else {})}
    return pa.schema([fields[name] for name in ordered], metadata={key: metadata[key] for key in sorted(metadata) if key not in _FOREIGN})


def settle(schema: Any, storage: str, contract: Sequence[str] = ()) -> Any:
    """The schema that a file gets.

    A column without any value becomes string. Parquet: dictionaries of passthrough columns are counted in int32, since
    those of several row groups have to fit in one; types that Parquet has not become string. Arrow: a file has one
    dictionary per column, and those of an input change from batch to batch; so only columns of the contract keep theirs.

    Args:
        schema: from `unify`.
        storage: ``parquet`` or ``arrow``.
        contract: names of columns whose dictionaries stay as they are.
    """
    fixed = frozenset(contract)
    fields = []
    for field in schema:
        kind = field.type
        if field.name not in fixed and pa.types.is_dictionary(kind):
            kind = pa.dictionary(pa.int32(), kind.value_type, kind.ordered) if storage == "parquet" else kind.value_type
        if pa.types.is_null(kind) or (storage == "parquet" and not _fits_parquet(kind)):
            kind = pa.string()
        metadata = {key: value for key, value in (field.metadata or {}).items() if key != _WIDE}
        fields.append(pa.field(field.name, kind, metadata=metadata or None))
    return pa.schema(fields, metadata=schema.metadata)


def conform(data: Any, schema: Any) -> Any:
    """Rows brought to a schema that `unify` or `settle` made of theirs.

    Args:
        data: an Arrow table or record batch.
        schema: has all its columns; more are filled with null.

    Returns:
        An Arrow table.

    Raises:
        PipelineError: a value does not fit: the schema was made of other rows.
    """
    table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
    if table.schema.equals(schema, check_metadata=True):
        return table
    lost = set(table.schema.names) - set(schema.names)
    if lost:
        msg = f"the schema has no column {min(lost)!r}"
        raise PipelineError(msg)
    held = set(table.schema.names)
    columns = [
        _fit(table.column(field.name), field) if field.name in held else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _is_wide(column: Any) -> bool:
    ends = pc.min_max(column).as_py()
    return ends["max"] is not None and (ends["max"] > _DOUBLE_HOLDS or ends["min"] < -_DOUBLE_HOLDS)


def _clean(field: Any) -> Any:
    metadata = {key: value for key, value in (field.metadata or {}).items() if key not in _FOREIGN}
    return pa.field(field.name, field.type, metadata=metadata or None)


def _wider(known: Any, seen: Any) -> Any:
    wide = any(_WIDE in (field.metadata or {}) for field in (known, seen))
    kind = _common(known.type, seen.type, wide=wide)
    if kind == known.type:
        return pa.field(known.name, kind, metadata={_WIDE: b"1"}) if wide and pa.types.is_integer(kind) else known
    if kind == seen.type and pa.types.is_null(known.type):
        return _clean(seen)
    return pa.field(known.name, kind, metadata={_WIDE: b"1"} if wide and pa.types.is_integer(kind) else None)


def _common(one: Any, other: Any, *, wide: bool) -> Any:
    types = pa.types
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_dictionary(one) or types.is_dictionary(other):
        values = [kind.value_type if types.is_dictionary(kind) else kind for kind in (one, other)]
        if all(types.is_dictionary(kind) for kind in (one, other)) and values[0] == values[1]:
            return pa.dictionary(pa.int32(), values[0], ordered=False)
        return _common(*values, wide=wide)
    if types.is_integer(one) and types.is_integer(other):
        return _common_integer(one, other)
    if _is_number(one) and _is_number(other):
        return pa.string() if wide else pa.float64()
    if _is_text(one) and _is_text(other):
        return pa.large_string() if pa.large_string() in (one, other) else pa.string()
    if types.is_timestamp(one) and types.is_timestamp(other) and one.tz == other.tz and one.unit in _UNITS and other.unit in _UNITS:
        return pa.timestamp(max(one.unit, other.unit, key=_UNITS.index), one.tz)
    return pa.string()


def _common_integer(one: Any, other: Any) -> Any:
    if pa.uint64() not in (one, other):
        return pa.int64()
    both_unsigned = pa.types.is_unsigned_integer(one) and pa.types.is_unsigned_integer(other)
    return pa.uint64() if both_unsigned else pa.string()


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _fit(column: Any, field: Any) -> Any:
    kind = field.type
    if column.type == kind:
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), kind)])
    if pa.types.is_dictionary(column.type) and pa.types.is_dictionary(kind):
        return pa.chunked_array([_recount(chunk, kind) for chunk in column.chunks], kind)
    if kind == pa.string():
        return plain_text(column)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type).dictionary_encode()
        return _fit(column, field)
    try:
        return column.cast(kind)
    except pa.ArrowInvalid as error:
        msg = f"column {field.name!r} has a value that {kind} cannot hold: {error}"
        raise PipelineError(msg) from None


def _recount(chunk: Any, kind: Any) -> Any:
    return pa.DictionaryArray.from_arrays(chunk.indices.cast(kind.index_type), chunk.dictionary.cast(kind.value_type), ordered=kind.ordered)


@cache
def _fits_parquet(kind: Any) -> bool:
    try:
        pq.write_table(pa.schema([("x", kind)]).empty_table(), pa.BufferOutputStream())
    except pa.ArrowException:
        return False
    return True
