"""Whether outputs of different engines say the same of each row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from heify_heygen_errors.records import COLUMNS

KEY = "trace_id"


class DifferentAnswersError(RuntimeError):
    """Two engines do not say the same; the message names the column and the first row."""


def answers_of(folder: Path) -> pa.Table:
    """The ``error_*`` columns of a folder of Parquet files, by `KEY`, each text as plain text."""
    parts = [
        pq.read_table(file, columns=[KEY, *COLUMNS], partitioning=None) for file in sorted(folder.rglob("*.parquet")) if file.is_file()
    ]
    table = pa.concat_tables([pa.table([_plain(column) for column in part.columns], part.column_names) for part in parts])
    return table.sort_by(KEY)


def refuse_difference(name: str, want: pa.Table, got: pa.Table) -> None:
    """Compares what an engine wrote with what another one did.

    Raises:
        DifferentAnswersError: they have not the same rows, or differ in a column.
    """
    if len(want) != len(got):
        msg = f"{name} wrote {len(got):,} rows instead of {len(want):,}"
        raise DifferentAnswersError(msg)
    for column in want.column_names:
        if want[column].equals(got[column]):
            continue
        pairs = zip(want[KEY].to_pylist(), want[column].to_pylist(), got[column].to_pylist(), strict=True)
        key, one, other = next(triple for triple in pairs if triple[1] != triple[2])
        msg = f"{name}: {column} of {key} is {other!r} instead of {one!r}"
        raise DifferentAnswersError(msg)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    if pa.types.is_integer(kind):
        kind = pa.int64()
    return column.cast(kind)
