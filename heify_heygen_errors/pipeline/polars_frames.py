"""Frames and expressions of polars; see `heify_heygen_errors.pipeline.frames`. Performs no I/O of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from heify_heygen_errors.pipeline.arrow_frames import refuse_lost_paths
from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError
from heify_heygen_errors.pipeline.judging import Columns, Judge, python_values, raw_text
from heify_heygen_errors.pipeline.tables import field_values
from heify_heygen_errors.records import INPUT_FIELDS

_TYPES: Final = {pa.string(): pl.String, pa.int32(): pl.Int32, pa.bool_(): pl.Boolean, pa.float64(): pl.Float64}
_ERRORS: Final = "hhe errors"
_OWNER: Final = "hhe row"


def normalized(frame: Any, choices: Choices) -> Any:
    """A frame for a frame, a lazy frame for a lazy one; see `normalize_polars`."""
    if isinstance(frame, pl.LazyFrame):
        return _lazy(frame, choices)
    if isinstance(frame, pl.DataFrame):
        return _eager(frame, choices)
    msg = f"normalize_polars takes a DataFrame or LazyFrame of polars, not {type(frame).__module__}.{type(frame).__name__}"
    raise TypeError(msg)


def _eager(frame: pl.DataFrame, choices: Choices) -> pl.DataFrame:
    schema = frame.schema
    _refuse_misfit(schema, choices)
    judge = Judge(choices)
    errors, owners = _errors(frame.select(_read(schema, choices)), judge)
    passed = frame.select(_passed(schema, choices))
    if not passed.width:
        return errors
    return (passed if owners is None else passed[owners]).hstack(errors)


def _lazy(frame: pl.LazyFrame, choices: Choices) -> pl.LazyFrame:
    schema = frame.collect_schema()
    _refuse_misfit(schema, choices)
    read = _read(schema, choices)
    if not read:  # it has no column at all
        return _eager(pl.DataFrame(), choices).lazy()
    column = _ERRORS
    while column in schema:
        column += "_"
    passed = _passed(schema, choices)
    judge = Judge(choices)
    rows = frame.select(*passed, expression(pl.struct(read), judge).alias(column))
    if choices.options.explode:
        rows = rows.explode(column)
    # Field by field and not by unnest, through which polars pushes no projection.
    return rows.select(*(value.meta.output_name() for value in passed), *(pl.col(column).struct.field(name) for name in judge.schema.names))


def expression(fields: pl.Expr, judge: Judge) -> pl.Expr:
    """The columns of the contract as a struct; with ``explode`` a list of them.

    Arguments:
        fields: a struct of the columns that are read.
        judge: by which rows are judged.
    """
    explode = judge.choices.options.explode
    row = pl.Struct(_schema(judge))

    def work(series: pl.Series) -> pl.Series:
        try:
            errors, owners = _errors(series.struct.unnest(), judge)
        except RejectedRowsError as error:
            raise error.of_part() from None
        structs = errors.to_struct(series.name)
        if owners is None:
            return structs
        lists = pl.DataFrame({_OWNER: owners, _ERRORS: structs}, schema_overrides={_OWNER: pl.Int64})
        return lists.group_by(_OWNER, maintain_order=True).agg(_ERRORS)[_ERRORS].alias(series.name)

    return fields.map_batches(work, return_dtype=pl.List(row) if explode else row, is_elementwise=True)


def _schema(judge: Judge) -> dict[str, Any]:
    return {field.name: pl.Enum(judge.enums[field.name]) if field.name in judge.enums else _TYPES[field.type]() for field in judge.schema}


def _refuse_misfit(schema: pl.Schema, choices: Choices) -> None:
    choices.refuse_misfit(schema.names())
    heads = [path[0] for path in choices.options.paths.values()]
    refuse_lost_paths(pl.DataFrame(schema={name: schema[name] for name in heads}).to_arrow().schema, choices)


def _read(schema: pl.Schema, choices: Choices) -> list[str]:
    return [name for name in choices.columns if name in schema]


def _errors(frame: pl.DataFrame, judge: Judge) -> tuple[pl.DataFrame, list[int] | None]:
    """The columns of the contract, and for each row the one that it is of; None if they are the same."""

    def read(start: int, end: int) -> Columns:
        return _fields(frame.slice(start, end - start), judge)

    errors = judge.errors(frame.height, read, lambda row: raw_text(frame.row(row, named=True)))
    series = []
    for name, kind in _schema(judge).items():
        column = errors.table.column(name)
        if isinstance(kind, pl.Enum):
            column = column.cast(pa.large_string())
        series.append(pl.Series(name, column).cast(kind))
    return pl.DataFrame(series), errors.owners


def _fields(frame: pl.DataFrame, judge: Judge) -> Columns:
    objects = {name for name, kind in frame.schema.items() if kind == pl.Object}
    plain = [name for name in frame.columns if name not in objects]
    batch = pa.RecordBatch.from_arrays([frame[name].to_arrow() for name in plain], names=plain)
    options = judge.choices.options
    columns: list[Sequence[Any]] = []
    for field in INPUT_FIELDS:
        name = options.fields[field]
        if name in objects and field not in options.paths:
            columns.append(python_values(frame[name].to_list(), field))
        elif plain:
            columns.append(field_values(batch, field, judge.kernel))
        else:
            columns.append([None] * frame.height)
    return columns


def _passed(schema: pl.Schema, choices: Choices) -> list[pl.Expr]:
    """The columns that pass through; nested ones without the bulky fields."""
    options = choices.options
    paths = [] if options.keep else [options.paths[field] for field in ("headers", "url", "body") if field in options.paths]
    bulky = {*choices.bulky}
    passed = []
    for name, kind in schema.items():
        inner = [path[1:] for path in paths if path[0] == name]
        if name in bulky:
            continue
        left = _without(pl.col(name), kind, inner) if inner else pl.col(name)
        if left is not None:
            passed.append(left.alias(name))
    return passed


def _without(value: pl.Expr, kind: Any, paths: Sequence[tuple[str, ...]]) -> pl.Expr | None:
    """A struct without the fields at some paths; None if none is left."""
    kept = []
    for field in kind.fields:
        inner = [path[1:] for path in paths if path[0] == field.name]
        child: pl.Expr | None = value.struct.field(field.name)
        if () in inner:
            continue
        if inner:
            child = _without(value.struct.field(field.name), field.dtype, inner)
        if child is not None:
            kept.append(child.alias(field.name))
    return pl.when(value.is_not_null()).then(pl.struct(kept)) if kept else None
