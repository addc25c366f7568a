"""Frames to rows: Arrow, polars and pandas, all judged by one kernel. Performs no I/O of its own.

The libraries are imported when a function is called, and a missing one is named with the command that installs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, overload

from heify_heygen_errors.pipeline.choices import RowOptions, chosen
from heify_heygen_errors.pipeline.extras import needing

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def normalize_arrow(data: Any, **options: Unpack[RowOptions]) -> Any:
    """What passes through of Arrow data, with the ``error_*`` columns behind it.

        >>> import pyarrow as pa
        >>> from heify_heygen_errors import normalize_arrow
        >>> table = pa.table({"status": [402], "body": ['{"error": {"code": "insufficient_credit"}}']})
        >>> rows = normalize_arrow(table, provider="heygen")
        >>> rows.column("error_category").to_pylist(), rows.column("error_retryable").to_pylist()
        (['payment'], [False])

    Columns are read by the names ``provider``, ``status``, ``headers``, ``body``, ``method``, ``url`` and ``exception``, or
    by those that `fields` gives. Any type will do: texts and bytes of all kinds, dictionaries, and for bodies and headers
    structs, maps and lists, whose nulls count as absent. The other columns pass through with their types. The columns of
    the contract have the same types whatever the rows hold, even if there are none; enums are dictionaries. The schema's
    metadata say the version of the contract (``heify_heygen_errors.schema``) and of the catalogs
    (``heify_heygen_errors.catalog``).

    Arguments:
        data: a pyarrow Table, RecordBatch or RecordBatchReader, or anything with ``__arrow_c_stream__`` or
            ``__arrow_c_array__``: frames of polars and pandas, relations of DuckDB, arrays of nanoarrow.
        options: see `RowOptions`.

    Returns:
        A Table for a Table, a RecordBatch for a RecordBatch or array, and for all other data a RecordBatchReader that
        judges batch by batch as it is read, at most 16384 rows at once.

    Raises:
        RejectedRowsError: rows cannot be read, unless ``on_error="keep"``; from a reader when it comes to them.
        ColumnClash: a ValueError: a column has the name of an output column.
        TypeError: `data` is nothing of the kind, or there is no such option.
        ValueError: an option is wrong; a column that it names is missing; or status, body and exception all are.
        ModuleNotFoundError: the extra ``pipeline`` is not installed.
    """
    with needing("normalize_arrow"):
        from heify_heygen_errors.pipeline.arrow_frames import normalized
    return normalized(data, chosen("normalize_arrow", options))


@overload
def normalize_polars(frame: pl.DataFrame, **options: Unpack[RowOptions]) -> pl.DataFrame: ...
@overload
def normalize_polars(frame: pl.LazyFrame, **options: Unpack[RowOptions]) -> pl.LazyFrame: ...
def normalize_polars(frame: pl.DataFrame | pl.LazyFrame, **options: Unpack[RowOptions]) -> pl.DataFrame | pl.LazyFrame:
    """What passes through of a frame of polars, with the ``error_*`` columns behind it.

    Enums are `pl.Enum` of all their values: they compare with text and sort in the order of the docs, and frames of different
    runs join and concatenate. To join with a column of text, cast one of both. All others are String, Int32, Boolean and
    Float64.

    A LazyFrame stays lazy: its schema is known without running it, filters and projections are pushed down through it, and
    the streaming engine works on it in parts.

    Arguments:
        frame: a DataFrame or LazyFrame. Columns are read as by `normalize_arrow`; those of type Object as by
            `normalize_pandas`.
        options: see `RowOptions`.

    Returns:
        A DataFrame for a DataFrame, a LazyFrame for a LazyFrame.

    Raises:
        RejectedRowsError: rows cannot be read, unless ``on_error="keep"``; of a LazyFrame when it is collected.
        ColumnClash: a ValueError: a column has the name of an output column.
        TypeError: `frame` is none, or there is no such option.
        ValueError: an option is wrong; a column that it names is missing; or status, body and exception all are.
        ModuleNotFoundError: polars or the extra ``pipeline`` is not installed.
    """
    with needing("normalize_polars"):
        from heify_heygen_errors.pipeline.polars_frames import normalized
    result: pl.DataFrame | pl.LazyFrame = normalized(frame, chosen("normalize_polars", options))
    return result


def normalize_pandas(frame: pd.DataFrame, **options: Unpack[RowOptions]) -> pd.DataFrame:
    """What passes through of a frame of pandas, with the ``error_*`` columns behind it and the index as it was.

    Enums are categoricals of all their values, the others nullable: ``string``, ``Int32``, ``boolean``, ``Float64``. The
    columns that pass through are not converted. With ``explode`` the index labels of rows with several failures repeat.

    Arguments:
        frame: a DataFrame with any index. Cells of object columns can be text, bytes, dicts and lists, in one column too;
            None, NaN and NA are absent. Columns of Arrow types are read as by `normalize_arrow`.
        options: see `RowOptions`.

    Raises:
        RejectedRowsError: rows cannot be read, unless ``on_error="keep"``. Rows are numbered by place, not by index.
        ColumnClash: a ValueError: a column has the name of an output column.
        TypeError: `frame` is none, or there is no such option.
        ValueError: an option is wrong; a column that it names is missing; or status, body and exception all are; the
            columns have several levels.
        ModuleNotFoundError: pandas or the extra ``pipeline`` is not installed.
    """
    with needing("normalize_pandas"):
        from heify_heygen_errors.pipeline.pandas_frames import normalized
    return normalized(frame, chosen("normalize_pandas", options))
