"""On how many rows two Parquet files say the same: category, code, message, retryable, and all four together.

    python tests/benchmarks/bulk/agreement.py OURS.parquet OTHER.parquet

Rows belong together by their ``trace_id``. A row of ours that the other file lacks is one on which they disagree.
Columns may be named with ``error_`` before them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COLUMNS = ("category", "code", "message", "retryable")
KEY = "trace_id"
PASSED = ("ts", "service", "env", "attempt", "trace_id", "provider", "status", "method", "exception")


class Agreement(NamedTuple):
    """What two files have in common.

    Attributes:
        rows: of ours.
        other_rows: of the other file.
        lost: rows of ours that the other lacks.
        added: rows of the other that ours lacks, but for those that are empty.
        empty: rows of the other in which no column has a value.
        shares: of ours on which they agree, by column; "all" for the four together.
        shared: the same for "all", of the rows that both have.
    """

    rows: int
    other_rows: int
    lost: int
    added: int
    empty: int
    shares: dict[str, float]
    shared: float


def compared(ours: Path, other: Path) -> Agreement:
    """Compares two files."""
    left, right = _read(ours), _read(other)
    places = pc.index_in(left[KEY], value_set=right[KEY].combine_chunks())
    beside = right.take(places)
    there = pc.is_valid(places)
    agreed = {name: pc.and_(there, _same(left[name], beside[name])) for name in COLUMNS}
    everything = there
    for name in COLUMNS:
        everything = pc.and_(everything, agreed[name])
    agreed["all"] = everything
    empty = _empty_rows(right)
    strange = pc.invert(pc.is_in(right[KEY], value_set=left[KEY].combine_chunks()))
    return Agreement(
        rows=len(left),
        other_rows=len(right),
        lost=len(left) - _count(there),
        added=_count(strange) - empty,
        empty=empty,
        shares={name: _count(same) / max(1, len(left)) for name, same in agreed.items()},
        shared=_count(everything) / max(1, _count(there)),
    )


def _read(path: Path) -> pa.Table:
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    renamed = {f"error_{name}": name for name in COLUMNS if name not in names}
    table = file.read([name for name in names if name in renamed or name in COLUMNS or name in PASSED])
    table = table.rename_columns([renamed.get(name, name) for name in table.column_names])
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) or pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
            table = table.set_column(index, field.name, table[field.name].cast(pa.string()))
    return table


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where two columns are equal; null equals null."""
    equal = pc.fill_null(pc.equal(one, other), fill_value=False)
    return pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other)))


def _empty_rows(table: pa.Table) -> int:
    filled = None
    for name in PASSED:
        if name in table.column_names:
            valid = pc.is_valid(table[name])
            filled = valid if filled is None else pc.or_(filled, valid)
    return 0 if filled is None else len(table) - _count(filled)


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="On how many rows two Parquet files say the same.")
    parser.add_argument("ours", type=Path)
    parser.add_argument("other", type=Path)
    options = parser.parse_args()
    found = compared(options.ours, options.other)
    print(
        f"rows: {found.rows:,} of ours, {found.other_rows:,} of the other; {found.lost:,} lost, {found.added:,} added, {found.empty:,} empty"
    )
    for name, share in found.shares.items():
        print(f"{name:10} {share:8.3%}")
    print(f"of the rows that both have: {found.shared:.3%}")


if __name__ == "__main__":
    main()
