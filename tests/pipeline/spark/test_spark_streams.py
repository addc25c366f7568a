"""Structured streaming: the rows of a batch, watermarks, and the documentation's stream killed again and again."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_runs import ANSWERS, session_of, wait_until
from spark_host import SparkHost, submitted

from heify_heygen_errors import normalize_arrow
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS

KILLS = int(os.environ.get("HHE_KILLS", "3"))
"""Of the stream."""

EXAMPLE = Path(__file__).parents[3] / "docs/examples/spark_stream.py"
LINES = 30
"""In each file."""


def _line(number: int) -> str:
    """A line of a log with a number of its own; one in ten is no record, one in ten no JSON."""
    provider, status, body = ANSWERS[number % len(ANSWERS)]
    if number % 10 == 4:
        return f"plain words {number}"
    told = "soon" if number % 10 == 7 else str(status)
    text = body if isinstance(body, str | None) else json.dumps(body)
    return json.dumps({"provider": provider, "status": told, "body": text, "service": f"s-{number}"})


def _put(folder: Path, files: range) -> None:
    """Files of lines that appear whole, each with numbers of its own."""
    folder.mkdir(exist_ok=True)
    for file in files:
        hidden = folder / f".{file}.json"
        hidden.write_text("".join(_line(number) + "\n" for number in range(file * LINES, (file + 1) * LINES)), encoding="utf-8")
        hidden.rename(folder / f"{file}.json")


def _expected(files: int) -> tuple[dict[str, dict[str, Any]], Counter[str]]:
    """Of all lines the columns of the rows by service, and the texts of the rejects."""
    lines = [_line(number) for number in range(files * LINES)]
    broken = [line for line in lines if not line.startswith("{")]
    records = [json.loads(line) for line in lines if line.startswith("{")]
    table = pa.table({name: pa.array([record.get(name) for record in records], pa.string()) for name in (*INPUT_FIELDS, "service")})
    judged = normalize_arrow(table, on_error="keep").to_pylist()
    rows = {row["service"]: {name: row[name] for name in COLUMNS} for row in judged if row["error_reject"] is None}
    odd = [_meaning(json.dumps(record)) for record in records if record["service"] not in rows]
    return rows, Counter([*broken, *odd])


def _meaning(raw: str) -> str:
    """A record without what is null; a text that is none as it is."""
    if not raw.startswith("{"):
        return raw
    return json.dumps({name: value for name, value in json.loads(raw).items() if value is not None}, sort_keys=True)


def _rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.rglob("*.parquet")) for row in pq.read_table(file, partitioning=None).to_pylist()]


# In the session of the tests.


def test_a_stream_gives_the_rows_of_a_batch(spark: SparkHost, tmp_path: Path) -> None:
    """A stream over files gives each row once, as a batch does, and goes on with new files where its checkpoint ends."""
    _put(tmp_path / "in", range(2))
    assert spark.run(_streamed, tmp_path) == (True, 2)
    _put(tmp_path / "in", range(2, 3))
    assert spark.run(_streamed, tmp_path) == (True, 1)
    rows = [row for row in _rows_of(tmp_path / "out") if row["service"] is not None and row["error_reject"] is None]
    assert len(rows) == len({row["service"] for row in rows})
    assert _expected(3)[0] == {row["service"]: {name: row[name] for name in COLUMNS} for row in rows}


def _streamed(spark: Any, folder: Path) -> tuple[bool, int]:
    from heify_heygen_errors.pipeline.spark import normalize

    log = spark.readStream.schema("provider STRING, status STRING, body STRING, service STRING").option("maxFilesPerTrigger", 1)
    judged = normalize(log.json(str(folder / "in")), on_error="keep")
    query = (
        judged.writeStream.format("parquet")
        .outputMode("append")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(folder / "out"))
    )
    query.awaitTermination()
    return judged.isStreaming, len(query.recentProgress)


def test_a_watermark_that_was_set_before_holds_behind(spark: SparkHost, tmp_path: Path) -> None:
    """A stream with a watermark has it behind normalize, too: a window that it has passed is given out and closed."""
    (tmp_path / "in").mkdir()
    for minute in (0, 5):
        line = {"at": f"2026-01-01T00:0{minute}:00Z", "provider": "heygen", "status": 402}
        (tmp_path / "in" / f"{minute}.json").write_text(json.dumps(line), encoding="utf-8")
    assert spark.run(_windows, tmp_path) == [("2026-01-01 00:00:00", "payment", 1)]


def _windows(spark: Any, folder: Path) -> list[tuple[str, str, int]]:
    from heify_heygen_errors.pipeline.spark import normalize

    log = spark.readStream.schema("at TIMESTAMP, provider STRING, status INT").json(str(folder / "in"))
    counts = normalize(log.withWatermark("at", "1 minute")).groupBy("error_category", "at").count()
    found: list[tuple[str, str, int]] = []

    def collect(batch: Any, _: int) -> None:
        found.extend(map(tuple, batch.selectExpr("CAST(at AS STRING)", "error_category", "count").collect()))

    query = (
        counts.writeStream.foreachBatch(collect)
        .outputMode("append")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return found


# Killed.


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_killed_stream_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The documentation's stream, killed at any moment and started again while files come in, has each record once: a row or a reject."""
    chance = random.Random(KILLS)
    environment = submitted(tmp_path / "spark")
    files = kills = 0
    while kills < KILLS:
        _put(tmp_path / "in", range(files, files + 4))
        files += 4
        process = _begin(tmp_path, environment)
        _wait_for_a_batch(process, tmp_path / "out", chance)
        kills += _kill(process)
    assert _begin(tmp_path, environment).wait(timeout=120) == 0
    rows, rejects = _expected(files)
    got = _rows_of(tmp_path / "out/rows")
    assert len(got) == len(rows)
    assert {row["service"]: {name: row[name] for name in COLUMNS} for row in got} == rows
    written = [line for file in (tmp_path / "out/rejects").rglob("*.json") for line in file.read_text(encoding="utf-8").splitlines()]
    assert Counter(_meaning(base64.b64decode(json.loads(line)["raw_base64"]).decode()) for line in written) == rejects


def _begin(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Begins the stream in a session of its own, to which its Java belongs."""
    silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return subprocess.Popen([sys.executable, EXAMPLE, "in", "out"], cwd=folder, env=environment, start_new_session=True, **silent)


def _wait_for_a_batch(process: subprocess.Popen[bytes], out: Path, chance: random.Random) -> None:
    """Waits until a batch that this run begins has come so far: it was planned, has rows, has rejects, or is done."""
    batch = len(list((out / "checkpoint/commits").glob("[0-9]*"))) + chance.randrange(2)
    begun = chance.choice([f"checkpoint/offsets/{batch}", f"rows/batch={batch}", f"rejects/batch={batch}", f"checkpoint/commits/{batch}"])
    wait_until(lambda: (out / begun).exists() or process.poll() is not None, 120)
    time.sleep(chance.uniform(0, 0.2))


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """Ends all processes of a session at once; returns False if the first of them had ended by itself."""
    for member in session_of(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    code = process.wait(timeout=60)
    wait_until(lambda: not session_of(process.pid))
    assert code in (0, -signal.SIGKILL)
    return code != 0
