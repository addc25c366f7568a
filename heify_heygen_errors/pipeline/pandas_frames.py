"""Frames of pandas; see `heify_heygen_errors.pipeline.frames`. Performs no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from heify_heygen_errors.pipeline.choices import Choices
from heify_heygen_errors.pipeline.judging import Columns, Errors, Judge, python_values, raw_text
from heify_heygen_errors.pipeline.tables import field_values
from heify_heygen_errors.pipeline.tables import passed_columns as arrow_passed
from heify_heygen_errors.records import INPUT_FIELDS, RecordNormalizer, at_path

_TYPES: Final = {
    pa.string(): pd.StringDtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.float64(): pd.Float64Dtype(),
}


def normalized(frame: Any, choices: Choices) -> Any:  # pandas has no types
    """A frame for a frame; see `normalize_pandas`."""
    return judged(frame, Judge(choices))


def judged(frame: Any, judge: Judge) -> Any:
    """As `normalized`, by a judge that may remember others."""
    if not isinstance(frame, pd.DataFrame):
        msg = f"normalize_pandas takes a DataFrame of pandas, not {type(frame).__module__}.{type(frame).__name__}"
        raise TypeError(msg)
    if frame.columns.nlevels > 1:
        msg = "the columns have several levels: give them plain names first"
        raise ValueError(msg)
    choices = judge.choices
    choices.refuse_misfit(list(frame.columns))
    read = [name for name in choices.columns if name in frame.columns]
    twice = [name for name in read if not isinstance(frame[name], pd.Series)]
    if twice:
        msg = f"two columns have the name {twice[0]!r}: rename one of them"
        raise ValueError(msg)
    found = _errors(frame[read], judge)
    passed = _passed(frame, judge)
    if found.owners is not None:
        passed = passed.take(found.owners)
    errors = found.table.to_pandas(types_mapper=_TYPES.get)
    errors.index = passed.index
    result = pd.concat([passed, errors], axis=1)
    result.attrs.update(frame.attrs)
    return result


def _errors(frame: Any, judge: Judge) -> Errors:
    names = list(frame.columns)

    def read(start: int, end: int) -> Columns:
        part = frame.iloc[start:end]
        return [_field(part, field, judge) for field in INPUT_FIELDS]

    return judge.errors(len(frame), read, lambda row: raw_text({name: frame[name].iloc[row] for name in names}))


def _field(frame: Any, field: str, judge: Judge) -> Sequence[Any]:
    options = judge.choices.options
    path = options.paths.get(field) or (options.fields[field],)
    if path[0] not in frame.columns:
        return [None] * len(frame)
    series = frame[path[0]]
    if isinstance(series.dtype, pd.ArrowDtype):
        return field_values(_as_batch(series), field, judge.kernel)
    cells = series.astype(object).tolist()
    if len(path) > 1:
        cells = [at_path({path[0]: value}, path) for value in cells]
    return python_values(cells, field)


def _as_batch(series: Any) -> pa.RecordBatch:
    array = pa.array(series, from_pandas=True)
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return pa.RecordBatch.from_arrays([whole], names=[str(series.name)])


def _passed(frame: Any, judge: Judge) -> Any:
    """The columns that pass through; nested ones without the bulky fields."""
    passed = frame.drop(columns=[name for name in judge.choices.bulky if name in frame.columns])
    records = judge.kernel.records
    for name in dict.fromkeys(path[0] for path in records.bulky_paths):
        series = frame[name]
        if not isinstance(series.dtype, pd.ArrowDtype):
            passed = passed.assign(**{name: series.map(_leaving(records, name))})
            continue
        left = arrow_passed(_as_batch(series), judge.kernel)
        if left.num_columns:
            passed = passed.assign(**{name: pd.array(left.column(0), dtype=pd.ArrowDtype(left.column(0).type))})
        else:
            passed = passed.drop(columns=name)
    return passed


def _leaving(records: RecordNormalizer, name: str) -> Callable[[Any], Any]:
    def leave(value: Any) -> Any:
        return records.passed({name: value}).get(name)

    return leave
