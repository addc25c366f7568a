"""The manifest of a run: what was read, what was written, by which versions; as JSON beside the output.

A run that was killed and resumed has the manifest of an uninterrupted one but for the member ``run``, which readers
may leave aside: when it began and ended, and how.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from heify_heygen_errors.pipeline.files import replace_file, sha256_of
from heify_heygen_errors.pipeline.outputs import Written
from heify_heygen_errors.records import encodes

__all__ = ["MANIFEST_SCHEMA", "Input", "build_manifest", "encode_manifest", "sha256_of", "write_manifest"]

MANIFEST_SCHEMA: Final = 1
"""Version of the manifest's shape."""


@attrs.frozen(kw_only=True)
class Input:
    """A file that was read.

    Attributes:
        name: as the user named it; ``"-"`` for stdin.
        size: bytes on disk, compressed as it is; None for stdin.
        mtime_ns: when it changed last, in nanoseconds since 1970; None for stdin.
        sha256: of its bytes on disk, in hex; None if nobody computed it.
        format: what was found in it, for example ``jsonl`` or ``parquet``.
        records: in it, rejects included.
    """

    name: str
    size: int | None
    mtime_ns: int | None
    sha256: str | None = None
    format: str | None = None
    records: int | None = None


def build_manifest(
    *,
    program_version: str,
    catalog_version: str,
    inputs: Sequence[Input],
    outputs: Sequence[Written],
    rejects: tuple[str, int] | None,
    counts: Mapping[str, object],
    options: Mapping[str, object],
    run: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The manifest as JSON-able values.

    Args:
        program_version: of this package.
        catalog_version: of the catalogs that decided.
        inputs: in the order in which they were read.
        outputs: from `Sink.complete`.
        rejects: path and number of lines; None if there is no such file.
        counts: numbers of the run: records, written, rejects, rows.
        options: those that decide what the output holds; nothing secret.
        run: what differs from run to run: times, whether it was resumed.
    """
    return {
        "schema": MANIFEST_SCHEMA,
        "program": "heify_heygen_errors",
        "program_version": program_version,
        "catalog_version": catalog_version,
        "options": dict(options),
        "inputs": [attrs.asdict(input_) for input_ in inputs],
        "outputs": [attrs.asdict(output) for output in outputs],
        "rejects": None if rejects is None else {"path": rejects[0], "count": rejects[1]},
        "counts": dict(counts),
        "run": dict(run or {}),
    }


def encode_manifest(manifest: Mapping[str, object]) -> bytes:
    """The content of a manifest's file: indented JSON with a line feed at the end.

    Raises:
        TypeError: a value is no JSON.
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(manifest, ensure_ascii=False, indent=2, allow_nan=False)
    if not encodes(text):  # names of files that are no UTF-8 can be written as escapes only
        text = json.dumps(manifest, indent=2, allow_nan=False)
    return text.encode() + b"\n"


def write_manifest(path: str | Path, manifest: Mapping[str, object]) -> None:
    """Writes a manifest, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    replace_file(Path(path), encode_manifest(manifest))
