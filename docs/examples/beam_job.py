"""Logged vendor answers to rows with Apache Beam: ``python beam_job.py IN OUT [OPTIONS OF BEAM]``.

IN is a glob of JSON Lines. OUT/rows-* get JSON Lines, OUT/rejects-* what could not be read, as ``hhe normalize --replay``
takes it. Together they have as many lines as IN has that are not blank.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from heify_heygen_errors import BatchNormalizer

# Text for everything that is read: a body can be text in one record and an object in another.
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("provider", "status", "headers", "body", "method", "url", "exception", "ts", "service")]
)


class Normalize(beam.DoFn):
    """Lists of lines to rows; lines that cannot be read go to the output ``rejects``.

    Arguments:
        options: see `RowOptions`, without ``explode``, for a line is one row here.
    """

    def __init__(self, **options: Any) -> None:
        self.normalizer = BatchNormalizer(on_error="keep", **options)

    def process(self, lines: list[str]) -> Iterator[Any]:
        """The rows of some lines, and the rejects among them."""
        read, records = [], []
        for line in filter(str.strip, lines):
            try:
                record = json.loads(line, parse_constant=no_constant)
                records.append({name: as_text(record.get(name)) for name in SCHEMA.names})
                read.append(line)
            except (AttributeError, RecursionError, ValueError):
                yield rejected(line, "no JSON object")
        rows = self.normalizer(pa.Table.from_pylist(records, SCHEMA)).to_pylist()
        for line, row in zip(read, rows, strict=True):
            reason, _ = row.pop("error_reject"), row.pop("error_raw")
            yield row if reason is None else rejected(line, reason)


def no_constant(name: str) -> None:
    """Refuses NaN and infinity, which Python's reader takes for JSON."""
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def as_text(value: Any) -> str | None:
    """A member of a record as text, JSON where it is none."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()  # halves of characters, which Arrow has no place for


def rejected(line: str, reason: str) -> beam.pvalue.TaggedOutput:
    """A line that cannot be read, in the columns of a rejects file."""
    row = {"file": None, "line": None, "offset": None, "raw_base64": b64encode(line.encode()).decode(), "reason": reason}
    return beam.pvalue.TaggedOutput("rejects", row)


def main(source: str, target: str, *options: str) -> None:
    """Reads, normalizes, writes."""
    with beam.Pipeline(argv=list(options)) as pipeline:
        lines = pipeline | beam.io.ReadFromText(source)
        batches = lines | beam.BatchElements(min_batch_size=1_000, max_batch_size=10_000)
        judged = batches | beam.ParDo(Normalize()).with_outputs("rejects", main="rows")
        for name, rows in (("rows", judged.rows), ("rejects", judged.rejects)):
            texts = rows | f"{name} to JSON" >> beam.Map(json.dumps)
            texts | f"write {name}" >> beam.io.WriteToText(f"{target}/{name}", ".jsonl")


if __name__ == "__main__":
    main(*sys.argv[1:])
