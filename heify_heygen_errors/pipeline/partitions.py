"""Rows split by the values of columns, and the folders they go to: ``provider=heygen/error_category=payment`` as Hive names them.

Values are percent-encoded, so that none can leave its folder or break a file system. Performs no I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.texts import plain_text

pc: Final[Any] = pyarrow.compute  # most of its functions are made when it is imported
NULL: Final = "__HIVE_DEFAULT_PARTITION__"
MAX_PARTITIONS: Final = 1000

_MAX_NAME: Final = 200  # bytes; file systems take 255, and what follows needs room for a suffix
_KEPT: Final = 100


def folder_part(column: str, value: str | None) -> str:
    """The name of the folder for one value of a column.

    A name that is too long for file systems is cut and ends with ``~`` and a digest of the whole: see `tells`.

    Args:
        column: its name.
        value: as text; None for null.
    """
    name = _encoded(column) + "="
    name += NULL if value is None else "%5F" + value[1:] if value == NULL else _encoded(value)
    if len(name) <= _MAX_NAME:
        return name
    kept = name[:_KEPT]
    cut = kept.rfind("%", _KEPT - 2)  # not within an escape
    digest = hashlib.sha256(f"{column}\0{value}".encode()).hexdigest()[:32]
    return f"{kept if cut < 0 else kept[:cut]}~{digest}"


def tells(column: str, value: str | None) -> bool:
    """Whether `folder_part` holds the whole value, so that readers find it there: long ones and the text of `NULL` are hidden."""
    return value is None or (value != NULL and len(_encoded(column) + "=" + _encoded(value)) <= _MAX_NAME)


def split(table: Any, columns: Sequence[str]) -> Iterator[tuple[tuple[str | None, ...], Any]]:
    """The rows of a table by the values of columns. Rows of one partition keep their order.

    Args:
        table: an Arrow table; a column that it has not is null.
        columns: to split by.

    Yields:
        The values as text, and their rows without those columns, which share no memory with the table.

    Raises:
        PipelineError: a column has a type without text.
    """
    rest = table.drop_columns([name for name in columns if name in table.column_names])
    keys, codes = _codes(table, columns)
    order = pc.sort_indices(codes)  # stable
    runs = pc.run_end_encode(codes.take(order))
    start = 0
    for code, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        chosen = order.slice(start, end - start)
        yield keys(code), compact(rest.take(chosen))
        start = end


def compact(table: Any) -> Any:
    """The rows in one piece of memory per column where their dictionaries allow it."""
    try:
        return table.combine_chunks()
    except pa.ArrowInvalid:  # together more values than the numbers of one dictionary reach
        return table


def _codes(table: Any, columns: Sequence[str]) -> tuple[Any, Any]:
    """A number for each row that says which values it has, and a function from such a number to the values."""
    dictionaries: list[list[str | None]] = []
    codes = pa.repeat(pa.scalar(0, pa.int64()), table.num_rows)
    for name in columns:
        column = plain_text(table.column(name)) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        encoded = array.dictionary_encode(null_encoding="encode")
        dictionaries.append(encoded.dictionary.to_pylist())
        codes = pc.add(pc.multiply(codes, len(dictionaries[-1])), encoded.indices.cast(pa.int64()))

    def values(code: int) -> tuple[str | None, ...]:
        found: list[str | None] = []
        for dictionary in reversed(dictionaries):
            code, at = divmod(code, len(dictionary))
            found.append(dictionary[at])
        return tuple(reversed(found))

    return values, codes


def check_count(count: int, columns: Sequence[str]) -> None:
    """Checks that there are not too many partitions.

    Raises:
        PipelineError: there are.
    """
    if count > MAX_PARTITIONS:
        msg = (
            f"more than {MAX_PARTITIONS} partitions by {', '.join(columns)}: partition by columns with few values,"
            " such as provider or error_category"
        )
        raise PipelineError(msg)


def _encoded(text: str) -> str:
    name = quote(text, safe="", errors="surrogatepass")
    if name.endswith("."):  # Windows drops dots at the end
        return name.rstrip(".") + "%2E" * (len(name) - len(name.rstrip(".")))
    return name
