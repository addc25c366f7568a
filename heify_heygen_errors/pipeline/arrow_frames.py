"""Arrow tables, batches and streams to rows; see `heify_heygen_errors.pipeline.frames`. Performs no I/O of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError
from heify_heygen_errors.pipeline.judging import Judge, raw_row, slices
from heify_heygen_errors.pipeline.tables import field_values, picked, row_as_json
from heify_heygen_errors.pipeline.tables import passed_columns as arrow_passed
from heify_heygen_errors.records import INPUT_FIELDS


def normalized(data: Any, choices: Choices) -> Any:
    """A table for a table, a batch for a batch, a reader for every stream; see `normalize_arrow`."""
    return judged(data, Judge(choices))


def judged(data: Any, judge: Judge) -> Any:
    """As `normalized`, by a judge that may remember others."""
    if isinstance(data, pa.RecordBatchReader):
        return _reader(data, judge)
    if isinstance(data, pa.Table):
        return _table(data, judge)
    if isinstance(data, pa.RecordBatch):
        return _batch(data, judge)
    if hasattr(data, "__arrow_c_stream__"):
        return _reader(pa.RecordBatchReader.from_stream(data), judge)
    if hasattr(data, "__arrow_c_array__"):
        return _batch(pa.record_batch(data), judge)
    msg = (
        f"cannot read {type(data).__name__}: pass a pyarrow Table, RecordBatch or RecordBatchReader, or anything with"
        " __arrow_c_stream__ or __arrow_c_array__, such as frames of polars and pandas and relations of DuckDB"
    )
    raise TypeError(msg)


_STALE: Final = (b"pandas", b"ARROW:schema")  # metadata that speak of columns that are others now


class Work:
    """Judges batches of one schema in a row.

    Arguments:
        schema: of the batches.
        judge: judges and remembers.
        whole_rows: what is kept of rows that cannot be read are all their columns, not only those that are read.

    Attributes:
        rejected: number and reason of the rows that could not be read, if they are not kept.

    Raises:
        ColumnClash: a column has the name of an output column.
        ValueError: a column that was named is missing; or status, body and exception all are; or two have one name.
    """

    def __init__(self, schema: pa.Schema, judge: Judge, *, whole_rows: bool = False) -> None:
        choices = judge.choices
        _refuse_misfit(schema, choices)
        self._judge = judge
        self._read = [name for name in choices.columns if name in schema.names]
        self._whole_rows = whole_rows
        self._keep = choices.keep_rejects
        self.rejected: list[tuple[int, str]] = []
        self._first = 0

    def _raw(self, batch: pa.RecordBatch, row: int) -> str:
        if self._whole_rows:
            return row_as_json(batch, row, self._judge.choices.options).decode()
        return raw_row(batch.select(self._read), row)

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of the next batch."""
        judge, first = self._judge, self._first
        fields = [field_values(batch, field, judge.kernel) for field in INPUT_FIELDS]
        errors, owners, rejected = judge.slice(fields, first, lambda row: self._raw(batch, row - first))
        if not self._keep:
            self.rejected += rejected
        self._first += batch.num_rows
        passed = arrow_passed(batch, judge.kernel)
        columns = passed.columns
        if len(owners) != batch.num_rows:
            rows = [owner - first for owner in owners]
            columns = [picked(column, rows) for column in columns]
        metadata = {**(batch.schema.metadata or {}), **errors.schema.metadata}
        for key in _STALE:
            metadata.pop(key, None)
        return pa.RecordBatch.from_arrays([*columns, *errors.columns], schema=pa.schema([*passed.schema, *errors.schema], metadata))


def _refuse_misfit(schema: pa.Schema, choices: Choices) -> None:
    names = schema.names
    choices.refuse_misfit(names)
    choices.refuse_doubles(names)
    refuse_lost_paths(schema, choices)


def refuse_lost_paths(schema: pa.Schema, choices: Choices) -> None:
    """Refuses columns that do not have the fields that a path names.

    Raises:
        ValueError: there is one.
    """
    for field in INPUT_FIELDS:
        path = choices.options.paths.get(field)
        if path is None:
            continue
        kind = schema.field(path[0]).type
        for place, name in enumerate(path[1:], 1):
            if not pa.types.is_struct(kind):
                msg = f"paths: {field}: {'.'.join(path[:place])!r} is no struct but {kind}"
                raise ValueError(msg)
            if kind.get_field_index(name) < 0:
                there = ", ".join(kind.field(number).name for number in range(kind.num_fields))
                msg = f"paths: {field}: {'.'.join(path[:place])!r} has no field {name!r}: there are {there}"
                raise ValueError(msg)
            kind = kind.field(name).type


def none_of(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def _table(table: pa.Table, judge: Judge) -> pa.Table:
    work = Work(table.schema, judge)
    done = [work.batch(none_of(table.schema))]
    for start, end in slices(table.num_rows):
        # Slices of even size, however the table is chunked: tiny chunks would cost more than their rows.
        for batch in table.slice(start, end - start).combine_chunks().to_batches():
            rows = work.batch(batch)
            if work.rejected:
                done.clear()  # the rest is looked at for more of them only
            else:
                done.append(rows)
    if work.rejected:
        raise RejectedRowsError(work.rejected)
    return pa.Table.from_batches(done[1:], done[0].schema)


def _batch(batch: pa.RecordBatch, judge: Judge) -> pa.RecordBatch:
    rows = _table(pa.Table.from_batches([batch]), judge)
    (whole,) = rows.combine_chunks().to_batches() or [none_of(rows.schema)]
    return whole


def _reader(reader: pa.RecordBatchReader, judge: Judge) -> pa.RecordBatchReader:
    work = Work(reader.schema, judge)
    return pa.RecordBatchReader.from_batches(work.batch(none_of(reader.schema)).schema, _batches(reader, work))


def _batches(reader: pa.RecordBatchReader, work: Work) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        for start, end in slices(batch.num_rows):
            rows = work.batch(batch.slice(start, end - start))
            if work.rejected:
                raise RejectedRowsError(work.rejected)
            yield rows
