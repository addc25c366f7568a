"""Rejects that are tried again: the records in a rejects file, with the places where they once stood. Performs no I/O."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from heify_heygen_errors.pipeline.blocks import PipelineError, Reject
from heify_heygen_errors.pipeline.delimited import BOM, dialect_of
from heify_heygen_errors.records import NotARecord, parse_line


def reject_to_json(reject: Reject) -> bytes:
    """A reject as a line of the rejects file. Design section 9; what the contract has no member for stands behind it."""
    kept: dict[str, object] = {"file": reject.file, "line": reject.line, "offset": reject.offset}
    kept["raw_base64"] = None if reject.raw is None else base64.b64encode(reject.raw).decode()
    if reject.sha256 is not None:
        kept |= {"length": reject.length, "sha256": reject.sha256}
    if reject.format != "jsonl":
        kept["format"] = reject.format
    if reject.header is not None:
        kept["header_base64"] = base64.b64encode(reject.header).decode()
    return msgspec.json.encode(kept | {"reason": reject.reason}) + b"\n"


def reject_from_json(file: str, number: int, line: bytes) -> Reject:
    """A reject out of a line of a rejects file. One without a place, as rows of engines are, has that of its line.

    Raises:
        PipelineError: it is none.
    """
    try:
        kept = parse_line(line)
        raw, header = kept["raw_base64"], kept.get("header_base64")
        return Reject(
            file=file if kept.get("file") is None else str(kept["file"]),
            line=number if kept.get("line") is None else int(kept["line"]),
            offset=None if kept.get("offset") is None else int(kept["offset"]),
            raw=None if raw is None else base64.b64decode(raw, validate=True),
            reason=str(kept["reason"]),
            length=kept.get("length"),
            sha256=kept.get("sha256"),
            header=None if header is None else base64.b64decode(header, validate=True),
            format=str(kept.get("format", "jsonl")),
        )
    except (NotARecord, KeyError, TypeError, ValueError, binascii.Error) as error:
        msg = f"{file}, line {number}: no line of a rejects file ({error!s}): --replay takes what hhe normalize wrote to --rejects"
        raise PipelineError(msg) from None


def read_replayed(reject: Reject) -> dict[str, Any]:
    """The record of a reject.

    Raises:
        NotARecord: it is still none.
    """
    if reject.raw is None:
        raise NotARecord(reject.reason)
    if reject.format == "jsonl":
        return parse_line(reject.raw)
    try:
        dialect = dialect_of((reject.header or b"").removeprefix(BOM).rstrip(b"\r\n"), reject.format)
        if dialect.record_end(reject.raw, 0) != len(reject.raw):
            raise NotARecord(reject.reason)
        cells = [cell.decode() for cell in dialect.cells(reject.raw.rstrip(b"\r\n"))]
    except UnicodeDecodeError as error:
        msg = f"not UTF-8: byte {error.start} of a cell"
        raise NotARecord(msg) from None
    except PipelineError as error:
        raise NotARecord(str(error)) from None
    return dict(zip(dialect.names, cells, strict=True))
