"""The same 100,000 mixed rows through the kernel in one process, and through every engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dask
import dask.dataframe
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_host import SparkHost

from heify_heygen_errors import normalize_arrow
from heify_heygen_errors.pipeline.dask import normalize as normalize_dask
from heify_heygen_errors.pipeline.duckdb import register
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS
from heify_heygen_errors.testing.logs import records

ROWS = 100_000
FILES = 4


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """The rows of a generated log of all vendors, with an id each; one in a thousand has a status that cannot be read."""
    rows = [{field: _text(record.get(field)) for field in INPUT_FIELDS} for record in records(ROWS, seed=5)]
    columns = {field: [row[field] for row in rows] for field in INPUT_FIELDS}
    columns["status"][::1000] = ["soon"] * (ROWS // 1000)
    return pa.table({"id": list(range(ROWS)), **{field: pa.array(values, pa.string()) for field, values in columns.items()}})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value)


@pytest.fixture(scope="module")
def expected(table: pa.Table) -> dict[str, list[Any]]:
    """What the kernel gives in one process: id, columns of the contract and why a row could not be read."""
    rows = normalize_arrow(table, on_error="keep")
    assert {"heygen", "heify", "liveavatar"} == set(rows["provider"].to_pylist())
    return _values(rows)


def _values(rows: pa.Table) -> dict[str, list[Any]]:
    rows = rows.sort_by("id")
    return {name: rows[name].to_pylist() for name in ("id", *COLUMNS, "error_reject")}


@pytest.fixture(scope="module")
def files(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rows as several Parquet files."""
    folder = tmp_path_factory.mktemp("rows")
    for number in range(FILES):
        pq.write_table(table.slice(number * ROWS // FILES, ROWS // FILES), folder / f"{number}.parquet")
    return folder


def test_spark_agrees(files: Path, expected: dict[str, list[Any]], spark: SparkHost, tmp_path: Path) -> None:
    """Spark, on several executors, gives for each row exactly what the kernel gives for it in one process."""
    tasks = spark.run(_by_spark, str(files), str(tmp_path / "out"))
    assert tasks > 1
    assert expected == _values(pq.read_table(tmp_path / "out"))


def _by_spark(spark: Any, source: str, target: str) -> int:
    from heify_heygen_errors.pipeline.spark import normalize

    frame = spark.read.parquet(source)
    normalize(frame, on_error="keep").write.parquet(target)
    return frame.rdd.getNumPartitions()


def test_duckdb_agrees(files: Path, expected: dict[str, list[Any]]) -> None:
    """DuckDB, on two threads, gives for each row exactly what the kernel gives for it in one process."""
    with duckdb.connect(config={"threads": 2}) as connection:
        register(connection, on_error="keep")
        query = f"SELECT id, unnest(hhe_normalize(log)) FROM read_parquet('{files}/*.parquet') AS log"
        rows = connection.sql(query).arrow()
    assert expected == _values(rows if isinstance(rows, pa.Table) else rows.read_all())


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # of Dask's own calls
def test_dask_agrees(files: Path, expected: dict[str, list[Any]]) -> None:
    """Dask, on two threads, gives for each row exactly what the kernel gives for it in one process."""
    frame = dask.dataframe.read_parquet(files)
    with dask.config.set(scheduler="threads", num_workers=2):
        rows = normalize_dask(frame, on_error="keep").compute()
    assert expected == _values(pa.Table.from_pandas(rows, preserve_index=False))
