"""The job as a script: one line at a time with orjson, tables of 50,000 rows with pyarrow.

    python tests/benchmarks/bulk/orjson_script.py log.jsonl out.parquet --threads 2

What an answer means is kept by its body, so that the same body is read once. With more than one thread the file is cut
at line ends and the pieces go to as many processes. `--ignore-errors` leaves out and counts the lines that raise.
"""

from __future__ import annotations

import argparse
import csv
import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("ts", pa.string()),
        ("service", pa.string()),
        ("env", pa.string()),
        ("attempt", pa.int64()),
        ("trace_id", pa.string()),
        ("provider", pa.string()),
        ("status", pa.int32()),
        ("method", pa.string()),
        ("exception", pa.string()),
        ("category", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("retryable", pa.bool_()),
    ]
)
PASSED = SCHEMA.names[:9]
ROWS = 50_000
PIECE = 16 << 20
MEANINGS_KEPT = 100_000

FAILED = ("failed", "error", "not_found")
SUCCESS = ("0", "100", "200", "201", "1000")
CODES = ("code", "failure_code", "error_code", "errorType")
MESSAGES = ("message", "failure_message", "error_message", "errorMessage", "msg", "detail")
NOTHING = (None, None, None, None)


class Job:
    """What the script knows: the lookup table, and the meanings of the bodies that it has seen."""

    def __init__(self, lookup):
        self.tables = {"code": {}, "message": {}, "status": {}, "exception": {}}
        with Path(lookup).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                self.tables[row["kind"]][row["provider"], row["key"]] = row["category"], row["retryable"] == "true"
        self.seen = {}

    def meaning(self, record):
        """Category, code, message and retryable of a record."""
        body, status, exception = record.get("body"), record.get("status"), record.get("exception")
        if exception is not None:
            name = exception.split(":")[0].split("(")[0].rpartition(".")[2]
            category, retryable = self.tables["exception"].get((record["provider"], name), ("unknown", False))
            return category, None, None, retryable
        error_type = error_type_of(record.get("headers")) if status is not None and status >= 400 else None
        if not isinstance(body, str):
            return self.read(record["provider"], status, body, error_type)
        key = record["provider"], status, body, error_type
        meaning = self.seen.get(key)
        if meaning is None:
            meaning = self.read(*key)
            if len(self.seen) >= MEANINGS_KEPT:
                self.seen.clear()
            self.seen[key] = meaning
        return meaning

    def read(self, provider, status, body, error_type):
        """The meaning of a body."""
        refused = status is not None and status >= 400
        text = None
        missing = False
        if isinstance(body, str):
            try:
                body = orjson.loads(body)
            except orjson.JSONDecodeError:
                text, body = body, None
        if isinstance(body, dict):
            failure = failure_in(body, refused=refused)
            if failure is None:
                return NOTHING
            code, message, missing = failure
        elif text is not None and "<Code>" in text:
            code, message = between(text, "<Code>", "</Code>"), between(text, "<Message>", "</Message>")
        elif not refused:
            return NOTHING
        else:
            code = message = None
            if text is not None and text.startswith("<"):
                text = between(text, "<title>", "</title>")
        if code is None and refused and not (isinstance(body, dict) and "error" in body):
            code = error_type
        said = (message or text or "").strip(" \r\n.").lower()
        category, retryable = self.decide(provider, status, code, said, refused=refused, missing=missing)
        return category, code, message, retryable

    def decide(self, provider, status, code, said, *, refused, missing):
        """Category and retryable: patterns, then code, then words, then status."""
        if missing and not refused:
            return "not_found", False
        category = pattern_of(provider, said)
        if category is not None:
            return category, category in ("rate_limit", "timeout")
        tables = self.tables
        if not refused and code is not None and len(code) == 3:
            status = code
        return (
            tables["code"].get((provider, code))
            or tables["message"].get((provider, said))
            or tables["status"].get((provider, str(status)))
            or ("unknown", False)
        )


def error_type_of(headers):
    """The error type that API Gateway names in a header."""
    if headers is None:
        return None
    if isinstance(headers, str):
        if "rror" not in headers:
            return None
        headers = orjson.loads(headers)
    for name, value in headers.items():
        if name.lower() == "x-amzn-errortype":
            return value.split(":")[0]
    return None


def failure_in(doc, *, refused):
    """Code, message, and whether a job is missing; None where nothing failed."""
    error, data = doc.get("error"), doc.get("data")
    if refused:
        places = [error, doc]
        return first(places, CODES), first(places, MESSAGES) or (error if isinstance(error, str) else None), False
    if "event_type" in doc:
        if not doc["event_type"].endswith(".fail"):
            return None
        job = doc.get("event_data") or {}
    else:
        job = data if isinstance(data, dict) and "status" in data else doc
        if not is_failed(job):
            job = failed_item(doc, data)
            if job is None and "errorType" in doc:
                job = doc
            if job is None:
                return None
    error = job.get("error")
    places = [error, job.get("details"), job]
    message = first(places, MESSAGES) or (error if isinstance(error, str) else None)
    return first(places, CODES), message, str(job.get("status")).lower() == "not_found"


def failed_item(doc, data):
    """The first failed item of a list."""
    if isinstance(data, list):
        items = data
    else:
        items = (data if isinstance(data, dict) else {}).get("items") or (data or doc).get("transcriptions") or ()
    for item in items:
        if is_failed(item):
            return item
        if isinstance(item, dict) and str(item.get("event_type")).endswith(".fail"):
            return item.get("event_data")
    return None


def is_failed(job):
    return isinstance(job, dict) and str(job.get("status")).lower() in FAILED


def first(places, names):
    """The first value that stands under one of the names, as text."""
    for place in places:
        if isinstance(place, dict):
            for name in names:
                value = place.get(name)
                if value is not None and not isinstance(value, (dict, list)) and str(value) not in SUCCESS and value != "Success":
                    return str(value)
    return None


def between(text, start, end):
    """What stands between two tags."""
    return text.partition(start)[2].partition(end)[0] or None


def pattern_of(provider, said):
    """Words that vary."""
    if provider == "heify":
        if said.startswith("maximum of "):
            return "rate_limit" if " transcriptions" in said else "quota"
        if said.startswith("monthly ") and " limit reached" in said:
            return "quota"
        if said.startswith("audio ") and " exceeds the maximum" in said:
            return "invalid_media"
    if said.startswith("content type not ") or said == "request body larger than allowed":
        return "invalid_media"
    if said in ("endpoint request timed out", "gateway timed out") or "task timed out after" in said:
        return "timeout"
    if said == "session concurrency limit reached":
        return "rate_limit"
    return None


def table_of(job, lines, *, ignore_errors):
    """The rows of some lines, and how many lines were left out."""
    rows = []
    skipped = 0
    for line in lines:
        try:
            record = orjson.loads(line)
            if record.get("status") is not None:
                record["status"] = int(record["status"])
            rows.append((*map(record.get, PASSED), *job.meaning(record)))
        except Exception:
            if not line.strip():
                continue
            if not ignore_errors:
                raise
            skipped += 1
    columns = zip(*rows, strict=True) if rows else [[]] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA), skipped


def tables_alone(source, lookup, *, ignore_errors) -> Iterator[tuple[pa.Table, int]]:
    """One process."""
    job = Job(lookup)
    with Path(source).open("rb") as file:
        while lines := list(islice(file, ROWS)):
            yield table_of(job, lines, ignore_errors=ignore_errors)


def pieces(source):
    """Byte ranges that begin and end at line ends."""
    size = Path(source).stat().st_size
    start = 0
    with Path(source).open("rb") as file:
        while start < size:
            file.seek(min(start + PIECE, size))
            file.readline()
            yield start, file.tell()
            start = file.tell()


_worker = {}


def begin(lookup):
    _worker["job"] = Job(lookup)


def table_of_piece(piece, *, source, ignore_errors):
    start, end = piece
    with Path(source).open("rb") as file:
        file.seek(start)
        lines = file.read(end - start).splitlines()
    return table_of(_worker["job"], lines, ignore_errors=ignore_errors)


def run(source, output, lookup, *, threads, ignore_errors=False) -> int:
    """Runs the job; returns how many lines were left out."""
    skipped = 0
    with pq.ParquetWriter(output, SCHEMA) as writer:
        if threads == 1:
            for table, out in tables_alone(source, lookup, ignore_errors=ignore_errors):
                writer.write_table(table)
                skipped += out
            return skipped
        with multiprocessing.Pool(threads, begin, (lookup,)) as pool:
            task = partial(table_of_piece, source=source, ignore_errors=ignore_errors)
            for table, out in pool.imap(task, pieces(source)):
                writer.write_table(table)
                skipped += out
    return skipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", metavar="IN")
    parser.add_argument("output", metavar="OUT")
    parser.add_argument("--lookup", default="lookup.csv", help="what lookup.py wrote")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--ignore-errors", action="store_true")
    options = parser.parse_args()
    gc.disable()  # nothing here makes cycles, and the collector would walk all rows again and again
    pa.set_cpu_count(options.threads)
    skipped = run(options.source, options.output, options.lookup, threads=options.threads, ignore_errors=options.ignore_errors)
    if skipped:
        print(f"{skipped} lines left out", file=sys.stderr)


if __name__ == "__main__":
    main()
