"""The same 100,000 mixed rows through the kernel and through Spark on several executors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_host import SparkHost

from heify_heygen_errors import normalize_arrow
from heify_heygen_errors.records import INPUT_FIELDS
from heify_heygen_errors.testing.logs import records

ROWS = 100_000
FILES = 4


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """The rows of a generated log of both vendors, with an id each."""
    rows = [{field: _text(record.get(field)) for field in INPUT_FIELDS} for record in records(ROWS, seed=5)]
    columns = {field: [row[field] for row in rows] for field in INPUT_FIELDS}
    return pa.table({"id": list(range(ROWS)), **{field: pa.array(values, pa.string()) for field, values in columns.items()}})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value)


def test_a_hundred_thousand_rows(table: pa.Table, spark: SparkHost, tmp_path: Path) -> None:
    """Spark gives for each row exactly what the kernel gives for it in one process, in all columns."""
    (tmp_path / "in").mkdir()
    for number in range(FILES):
        pq.write_table(table.slice(number * ROWS // FILES, ROWS // FILES), tmp_path / "in" / f"{number}.parquet")
    tasks = spark.run(_normalized, str(tmp_path / "in"), str(tmp_path / "out"))
    assert tasks > 1
    got = pq.read_table(tmp_path / "out").sort_by("id")
    want = normalize_arrow(table, on_error="keep")
    assert want.column_names == got.column_names
    for name in (name for name in want.column_names if name != "error_raw"):
        assert want[name].to_pylist() == got[name].to_pylist()


def _normalized(spark: Any, source: str, target: str) -> int:
    from heify_heygen_errors.pipeline.spark import normalize

    frame = spark.read.parquet(source)
    normalize(frame, on_error="keep").write.parquet(target)
    return frame.rdd.getNumPartitions()
