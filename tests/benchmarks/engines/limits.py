"""Where the limits are: larger bodies, other sizes of batch, larger catalogs, and files that Spark cannot split.

    python tests/benchmarks/engines/limits.py

Speeds are rows a second of processor time, so that other work on the machine counts little. Each case has a fresh process,
which works on rows of its own first; the best of three rounds counts, each on rows that it has not seen.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import multiprocessing
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a file: the folder above the package's holds it
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from benchmarks.bulk.processes import MEGABYTE
from benchmarks.bulk.run import table
from benchmarks.engines.inputs import DIFFERENT, SCHEMA, WORDS, padded, parts_of
from benchmarks.engines.jobs import spark_session
from benchmarks.run import circumstances
from heify_heygen_errors import BatchNormalizer, Catalogs, Normalizer
from heify_heygen_errors.testing.logs import records, write_log

ENTRIES = (0, 100, 1_000, 10_000)
BODIES = (0, 64, 1 << 10, 4 << 10, 16 << 10, 64 << 10)
BATCHES = (100, 1_000, 10_000, 100_000)
ROWS = 20_000
PADDED = 64 << 20
"""Bytes of bodies that a round has at most."""

ROUNDS = 3
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard.compress}


class Speed(NamedTuple):
    """What a process did.

    Attributes:
        rows: a second of processor time.
        body: bytes of a body on average.
        peak: bytes that the process held at most.
    """

    rows: float
    body: float
    peak: int


class Growth(NamedTuple):
    """Catalogs with so many entries laid over them.

    Attributes:
        entries: of the overlay.
        load: seconds from its YAML to catalogs.
        size: bytes of the pickle, which is what an engine sends to its workers.
        unpickle: seconds that a worker takes to have it.
        held: bytes that the process of a worker grows by.
        rows: a second of processor time.
    """

    entries: int
    load: float
    size: int
    unpickle: float
    held: int
    rows: float


class Split(NamedTuple):
    """In how many parts Spark reads a file."""

    file: str
    size: int
    parts: int


# Bodies and batches.


def bodies(of: int, rows: int) -> Speed:
    """The kernel over rows whose JSON bodies have a member of so many bytes more; every body is another one."""
    rows = min(rows, PADDED // max(of, 1))
    found = (padded(records(rows, seed, DIFFERENT), of, seed) for seed in range(ROUNDS + 1))
    return _measured([next(parts_of(one, rows)) for one in found], 10_000)


def batches(of: int, rows: int) -> Speed:
    """The kernel over batches of so many rows."""
    rows = max(rows, of)
    return _measured([next(parts_of(records(rows, seed, DIFFERENT), rows)) for seed in range(ROUNDS + 1)], of)


def _measured(tables: Sequence[pa.Table], batch: int) -> Speed:
    """How fast a fresh process judges batches of the tables; the first table is to warm up."""
    sizes = [len(body) for body in tables[0]["body"].to_pylist() if body is not None]
    with tempfile.TemporaryDirectory() as name:
        for number, rows in enumerate(tables):
            pq.write_table(rows, Path(name) / f"{number}.parquet", row_group_size=batch)
        rows_a_second, peak = fresh(_judged, name, batch)
    return Speed(rows_a_second, sum(sizes) / len(sizes), peak)


def _judged(folder: str, batch: int) -> tuple[float, int]:
    normalizer = BatchNormalizer()
    taken = []
    for path in sorted(Path(folder).iterdir()):
        with pq.ParquetFile(path) as file:
            seconds = 0.0
            for part in file.iter_batches(batch):
                start = process_time()
                normalizer(part)
                seconds += process_time() - start
            taken.append(seconds / file.metadata.num_rows)
    return 1 / min(taken[1:]), _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


# Catalogs.


def overlay(entries: int) -> str:
    """An overlay with so many entries, each with a code and a message of its own."""
    lines = ["schema: 1", "catalog: heygen", "kind: overlay", "id: many", "entries:"]
    for number in range(entries):
        word = f"{WORDS[number % 10]} {WORDS[number // 10 % 10]}"
        lines += [
            f"  - name: OURS_{number}",
            f'    codes: ["ours_{number}"]',
            f'    message: "The {word} {number} of {{job}} failed"',
            "    category: server",
            f"    summary: The {word} of a job failed in step {number}.",
            "    remedy: Try the job again.",
            f'    examples: [{{message: "The {word} {number} of a7 failed", params: {{job: a7}}}}]',
            f'    counter_examples: ["The {word} {number} failed"]',
            "    evidence: observed",
            "    source: a log",
        ]
    return "\n".join(lines) + "\n"


def growth(entries: int, rows: int) -> Growth:
    """What catalogs with so many entries more cost, on their way to a worker and there."""
    start = process_time()
    catalogs = Catalogs.from_texts({"many.yaml": overlay(entries)} if entries else {})
    load = process_time() - start
    pickled = pickle.dumps(BatchNormalizer(normalizer=Normalizer(catalogs)))
    unpickle, held, speed = fresh(_received, pickled, rows)
    return Growth(entries, load, len(pickled), unpickle, held, speed)


def _received(pickled: bytes, rows: int) -> tuple[float, int, float]:
    before, start = _status("VmRSS"), process_time()
    normalizer = pickle.loads(pickled)
    unpickle, held = process_time() - start, _status("VmRSS") - before
    taken = []
    for seed in range(ROUNDS + 1):
        part = next(parts_of(records(rows, seed, DIFFERENT), rows))
        start = process_time()
        normalizer(part)
        taken.append((process_time() - start) / rows)
    return unpickle, held, 1 / min(taken[1:])


# Files.


def splits(lines: int) -> list[Split]:
    """In how many parts Spark reads the same rows in files of several kinds, with parts of 1 MB."""
    with tempfile.TemporaryDirectory() as name, spark_session(1, "1m") as session:
        folder = Path(name)
        plain = write_log(folder / "log.jsonl", lines, 1)
        text = plain.read_bytes()
        for suffix, pack in PACKERS.items():
            (folder / f"log.jsonl.{suffix}").write_bytes(pack(text))
        with pq.ParquetWriter(folder / "log.parquet", SCHEMA) as writer:
            for part in parts_of(records(lines, 1), 4096):
                writer.write_table(part)
        return [_split(session, path) for path in sorted(folder.glob("log.*"))]


def _split(session: Any, path: Path) -> Split:
    frame = session.read.parquet(str(path)) if path.suffix == ".parquet" else session.read.text(str(path))
    return Split(path.name, path.stat().st_size, frame.rdd.getNumPartitions())


def fresh(function: Callable[..., Any], *arguments: object) -> Any:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


# Tables.


def show(data: dict[str, Any]) -> Iterator[str]:
    """The tables."""
    if "bodies" in data:
        rows = [[f"{one.body:,.0f}", *_shown(one)] for one in data["bodies"].values()]
        yield "## Bodies\n\n" + table(["bytes of a body", "rows a second", "peak MB of the process"], rows)
    if "batches" in data:
        rows = [[f"{of:,}", *_shown(one)] for of, one in data["batches"].items()]
        yield "## Batches\n\n" + table(["rows of a batch", "rows a second", "peak MB of the process"], rows)
    if "catalogs" in data:
        head = ["entries laid over", "seconds to load", "bytes to send", "seconds to receive", "MB held", "rows a second"]
        rows = [
            [
                f"{one.entries:,}",
                f"{one.load:.2f}",
                f"{one.size:,}",
                f"{one.unpickle:.2f}",
                f"{one.held / MEGABYTE:.0f}",
                f"{one.rows:,.0f}",
            ]
            for one in data["catalogs"]
        ]
        yield "## Catalogs\n\n" + table(head, rows)
    if "files" in data:
        rows = [[one.file, f"{one.size / MEGABYTE:,.1f}", f"{one.parts}"] for one in data["files"]]
        yield "## Files\n\n" + table(["file", "MB", "parts that Spark reads it in"], rows)


def _shown(one: Speed) -> list[str]:
    return [f"{one.rows:,.0f}", f"{one.peak / MEGABYTE:,.0f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Where the limits of the engines are.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of a round; default {ROWS}")
    parser.add_argument("--only", action="append", choices=("bodies", "batches", "catalogs", "files"), help="only this; can be repeated")
    options = parser.parse_args(arguments)
    if options.rows < 1:
        parser.error("--rows takes 1 or more")
    wanted = options.only or ("bodies", "batches", "catalogs", "files")
    about = circumstances()
    data: dict[str, Any] = {}
    if "bodies" in wanted:
        data["bodies"] = {of: bodies(of, options.rows) for of in BODIES}
    if "batches" in wanted:
        data["batches"] = {of: batches(of, options.rows) for of in BATCHES}
    if "catalogs" in wanted:
        data["catalogs"] = [growth(entries, options.rows) for entries in ENTRIES]
    if "files" in wanted:
        data["files"] = fresh(splits, options.rows * 5)
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}\n")
    print("\n\n".join(show(data)))


if __name__ == "__main__":
    main()
