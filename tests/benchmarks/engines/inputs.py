"""Generated rows as folders of Parquet files."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from heify_heygen_errors.testing.logs import Mix, records

DIFFERENT = Mix(bodies="different")
LOGS = {"repeating": Mix(), "different": DIFFERENT, "large": DIFFERENT}
LARGE = 4096
"""Bytes that JSON objects of the last one have more."""

LARGE_SHARE = 4
"""The last one has as many rows fewer."""

WORDS = ("render", "frame", "queue", "worker", "stage", "codec", "track", "upload", "scene", "voice")
SEED = 1
SMALL_SEED = 2
SMALL = 4_000
FILES = 8
"""So that there are several for each core."""

ROW_GROUP = 16_384

SCHEMA = pa.schema(
    [
        ("ts", pa.string()),
        ("service", pa.string()),
        ("env", pa.string()),
        ("attempt", pa.int64()),
        ("trace_id", pa.string()),
        ("provider", pa.string()),
        ("status", pa.int64()),
        ("method", pa.string()),
        ("url", pa.string()),
        ("headers", pa.string()),
        ("body", pa.string()),
        ("exception", pa.string()),
    ]
)
READ_ONLY = ("url", "headers", "body")
"""Columns that are read and not handed on."""

PASSED = tuple(name for name in SCHEMA.names if name not in READ_ONLY)


def rows_in(folder: Path, name: str, rows: int, seed: int = SEED) -> Path:
    """The folder with so many rows of a log, made if it is not there."""
    path = folder / f"{name}-{rows}-{seed}"
    if not path.exists():
        print(f"making {path}", file=sys.stderr)
        unfinished = path.with_name(f"{path.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        found = records(rows, seed, LOGS[name])
        for number, part in enumerate(parts_of(padded(found, LARGE, seed) if name == "large" else found, -(-rows // FILES))):
            pq.write_table(part, unfinished / f"part-{number}.parquet", row_group_size=ROW_GROUP)
        unfinished.rename(path)
    return path


def parts_of(found: Iterator[dict[str, Any]], size: int) -> Iterator[pa.Table]:
    """Records as tables of so many rows."""
    while part := list(islice(found, size)):
        yield pa.table(
            {name: pa.array([_cell(row.get(name)) for row in part], kind) for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)}
        )


def padded(found: Iterable[dict[str, Any]], more: int, seed: int) -> Iterator[dict[str, Any]]:
    """Records whose bodies have a member of so many bytes more, words in another order in each, where they are JSON objects."""
    chance = random.Random(seed)
    filler = " ".join(chance.choice(WORDS) for _ in range(more // 2))
    for record in found:
        body = _decoded(record.get("body"))
        start = chance.randrange(max(1, len(filler) // 2))
        yield record if body is None or not more else record | {"body": body | {"trace": filler[start : start + more]}}


def _decoded(body: Any) -> dict[str, Any] | None:
    if isinstance(body, str) and body.startswith("{"):
        try:
            body = json.loads(body)
        except ValueError:
            return None
    return body if isinstance(body, dict) else None


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value
