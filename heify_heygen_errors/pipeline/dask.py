"""Frames of Dask: `normalize_pandas` for every partition. Performs no I/O of its own.

    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from heify_heygen_errors.pipeline.dask import normalize
    >>> frame = dd.from_pandas(pd.DataFrame({"status": [402, 429], "body": ["", ""]}), npartitions=2)
    >>> normalize(frame, provider="heygen")["error_category"].compute().tolist()
    ['payment', 'rate_limit']

Needs the extra ``dask``.
"""

from __future__ import annotations

import warnings
from typing import Any, Final, Unpack

from heify_heygen_errors.pipeline.batches import BatchNormalizer
from heify_heygen_errors.pipeline.choices import RejectedRowsError, RowOptions, chosen
from heify_heygen_errors.pipeline.extras import needing

with needing("heify_heygen_errors.pipeline.dask", "dask"):
    from heify_heygen_errors.pipeline.pandas_frames import judged  # isort: skip - in front of dask, which says less of what it lacks

    import dask.dataframe as dd
    import pandas as pd
    from dask.delayed import delayed
    from dask.tokenize import tokenize

__all__ = ["normalize"]

_REPR: Final = ("{'", "[{'")  # JSON begins with neither


def normalize(frame: dd.DataFrame, **options: Unpack[RowOptions]) -> dd.DataFrame:
    """What passes through of a frame of Dask, with the ``error_*`` columns behind it: `normalize_pandas` of its partitions.

    Nothing is computed: columns and types are known at once, categoricals with all their values. Index, divisions and order
    stay, with ``explode``, too. Where only some columns of the result are asked for, only those are loaded that they need.

    Catalogs and overlays stand in the graph once, by value, and each worker gets them once. What was judged is remembered
    from partition to partition, by one memory in each process.

    Arguments:
        frame: a DataFrame of Dask 2025.7 or newer. Cells are read as by `normalize_pandas`. Dicts and lists need
            ``dask.config.set({"dataframe.convert-string": False})`` where the frame is made of them: Dask makes Python's repr
            of them otherwise, which is no JSON. A UserWarning says so where such a partition is worked on.
        options: see `RowOptions`. The hook `on_unknown_code` of a normalizer is not called.

    Raises:
        RejectedRowsError: when it is computed: rows cannot be read, unless ``on_error="keep"``. They are numbered from the
            partition's first row.
        ColumnClash: a ValueError: a column has the name of an output column.
        TypeError: `frame` is none, or there is no such option.
        ValueError: an option is wrong; a column that it names is missing; or status, body and exception all are.
    """
    choices = chosen("normalize", options)
    if not isinstance(frame, dd.DataFrame):
        msg = f"normalize takes a DataFrame of Dask, not {type(frame).__module__}.{type(frame).__name__}: see dask.dataframe.from_pandas"
        raise TypeError(msg)
    names = list(frame.columns)
    choices.refuse_doubles(names)
    normalizer = BatchNormalizer.of(choices)
    parts: Any = frame  # most of Dask has no types
    result: dd.DataFrame = parts.map_partitions(
        _normalize_partition,
        # A key of its own in the graph: a plain argument would be in every task.
        normalizer=delayed(normalizer, name=f"batch-normalizer-{tokenize(normalizer.key)}"),
        meta=judged(parts._meta, normalizer.judge),  # noqa: SLF001 - Dask has no other name for it
        transform_divisions=False,
        required_columns=[name for name in choices.columns if name in names],
    )
    return result


def _normalize_partition(part: Any, normalizer: BatchNormalizer) -> Any:
    for field in ("body", "headers"):
        _warn_of_objects(part, normalizer.choices.options.fields[field])
    try:
        return judged(part, normalizer.judge)
    except RejectedRowsError as error:
        raise error.of_part() from None


def _warn_of_objects(part: Any, name: str) -> None:
    """Warns of failures that would count as none: what was a dict is text now that is no JSON."""
    if name not in part.columns or not isinstance(part[name].dtype, pd.StringDtype):
        return
    if part[name].str.startswith(_REPR, na=False).any():
        msg = (
            f"column {name!r} is Python's repr of dicts, which is no JSON, so that failures are missed: if Dask made text of them,"
            " use dask.config.set({'dataframe.convert-string': False}) where the frame is made"
        )
        warnings.warn(msg, stacklevel=2)
