"""Tasks that are done again, and what travels to the executors: the rows are those of a quiet run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from disturbances import TASKS, TracedCatalogs, fails, is_slow, loses_its_executor, told, undisturbed
from spark_host import SparkHost

from heify_heygen_errors import Normalizer, normalize_arrow
from heify_heygen_errors.catalog import default_catalogs

ROWS = 100
"""In each task, in batches of ten."""


def _frame(spark: Any) -> Any:
    """Answers of one vendor, some with a message of their own and some that cannot be read."""
    return spark.range(0, TASKS * ROWS, 1, TASKS).selectExpr(
        "id",
        "CASE id % 5 WHEN 0 THEN '402' WHEN 4 THEN 'soon' ELSE '500' END AS status",
        """CASE id % 5 WHEN 0 THEN '{"error": {"code": "insufficient_credit"}}'
           ELSE concat('{"message": "failed in step ', id, '"}') END AS body""",
    )


def _written(spark: Any, disturb: Callable[..., Any], trace: Path, target: str) -> pa.Table:
    from heify_heygen_errors.pipeline.spark import normalize

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 10)
    try:
        judged = normalize(_frame(spark), provider="heygen", on_error="keep")
        judged.mapInArrow(partial(disturb, trace), judged.schema).write.parquet(target)
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    return _frame(spark).toArrow()


CASES: dict[Callable[..., Any], set[tuple[int, int]]] = {
    undisturbed: set(),
    fails: {(0, 1), (2, 1), (4, 1)},
    loses_its_executor: {(1, 1)},
    is_slow: {(TASKS - 1, 1)},
}
"""The second attempts at tasks that must have been made, by what befalls the first."""


@pytest.mark.skipif(sys.platform != "linux", reason="finds executors in /proc, and has a second address for this machine")
@pytest.mark.parametrize("disturb", CASES, ids=lambda disturb: disturb.__name__)
def test_what_befalls_a_task_changes_no_row(spark: SparkHost, tmp_path: Path, disturb: Callable[..., Any]) -> None:
    """A task that is tried again, after a failure, for a lost executor or beside a slow attempt, loses no row and doubles none."""
    given = spark.run(_written, disturb, tmp_path / "trace", str(tmp_path / "out"))
    assert CASES[disturb] <= {*told(tmp_path / "trace")}
    got = pq.read_table(tmp_path / "out").sort_by("id")
    want = normalize_arrow(given, provider="heygen", on_error="keep")
    assert got.column_names == want.column_names
    columns = [name for name in want.column_names if name != "error_raw"]
    assert want.select(columns).to_pylist() == got.select(columns).to_pylist()
    assert want["error_raw"].is_valid().to_pylist() == got["error_raw"].is_valid().to_pylist()


def test_tasks_carry_no_catalogs(spark: SparkHost) -> None:
    """What goes to the executors with each task is small, whatever the catalogs hold, and names one broadcast."""
    size, broadcasts = spark.run(_carried)
    assert size < 4096
    assert broadcasts == 1


def _carried(spark: Any) -> tuple[int, int]:
    from heify_heygen_errors.pipeline.spark import normalize

    plan = normalize(_frame(spark), provider="heygen")._jdf.queryExecution().analyzed()
    function = plan.expressions().head().func()
    return function.command().size(), function.broadcastVars().size()


def test_catalogs_arrive_once_in_each_process(spark: SparkHost, tmp_path: Path) -> None:
    """However many tasks a process of an executor works on, it takes the catalogs out of the broadcast once."""
    tasks, rules = spark.run(_traced, tmp_path / "trace")
    processes = told(tmp_path / "trace")
    assert rules == ["heygen/INSUFFICIENT_CREDIT"] * tasks
    assert 1 <= len(processes) < tasks
    assert len({*processes}) == len(processes)


def _traced(spark: Any, trace: Path) -> tuple[int, list[str]]:
    from heify_heygen_errors.pipeline.spark import normalize

    catalogs = TracedCatalogs(default_catalogs(), trace)
    frame = spark.range(0, 12, 1, 12).selectExpr("402 AS status", """'{"error": {"code": "insufficient_credit"}}' AS body""")
    judged = normalize(frame, provider="heygen", normalizer=Normalizer(catalogs))
    return frame.rdd.getNumPartitions(), [row["error_rule"] for row in judged.collect()]
