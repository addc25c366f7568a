"""Bulk: millions of logged records to one table.

In Python: `normalize_arrow`, `normalize_polars`, `normalize_pandas` for frames, `normalize_records` for records one at a
time; they take `RowOptions` and raise `RejectedRowsError`. The package itself has the functions, too. Importing
`heify_heygen_errors.pipeline.polars` gives polars' expressions a namespace ``hhe``. The command is ``hhe normalize``.

Engines: `BatchNormalizer` for all that hand out data in parts; `heify_heygen_errors.pipeline.duckdb`, ``.spark`` and
``.dask`` for those.

Needs the extra ``pipeline``, but for `normalize_records`; the engines have extras of their own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heify_heygen_errors.pipeline.batches import BatchNormalizer
    from heify_heygen_errors.pipeline.choices import RejectedRowsError, RowOptions
    from heify_heygen_errors.pipeline.frames import normalize_arrow, normalize_pandas, normalize_polars
    from heify_heygen_errors.pipeline.iterating import normalize_records

__all__ = [
    "BatchNormalizer",
    "RejectedRowsError",
    "RowOptions",
    "normalize_arrow",
    "normalize_pandas",
    "normalize_polars",
    "normalize_records",
]

_HOMES = {
    "BatchNormalizer": "batches",
    "RejectedRowsError": "choices",
    "RowOptions": "choices",
    "normalize_arrow": "frames",
    "normalize_pandas": "frames",
    "normalize_polars": "frames",
    "normalize_records": "iterating",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
