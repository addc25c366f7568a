"""The manifest: what was read and written, by which versions, in JSON that any program reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from heify_heygen_errors.pipeline.manifest import Input, build_manifest, encode_manifest, sha256_of, write_manifest
from heify_heygen_errors.pipeline.outputs import Written


def _manifest(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "program_version": "1.2.3",
        "catalog_version": "2025-11-01",
        "inputs": [Input(name="a.jsonl.gz", size=10, mtime_ns=5, sha256="ab", format="jsonl", records=3)],
        "outputs": [Written("out.parquet", 100, 2, "cd")],
        "rejects": ("out.parquet.rejects.jsonl", 1),
        "counts": {"records": 3, "written": 2, "rejects": 1},
        "options": {"prefix": ""},
        "run": {"started": "2025-11-22T00:00:00Z"},
    }
    return build_manifest(**values | changes)


def test_a_manifest_has_every_documented_member() -> None:
    """The members of a manifest and of what it lists are the documented ones."""
    assert _manifest() == {
        "schema": 1,
        "program": "heify_heygen_errors",
        "program_version": "1.2.3",
        "catalog_version": "2025-11-01",
        "options": {"prefix": ""},
        "inputs": [{"name": "a.jsonl.gz", "size": 10, "mtime_ns": 5, "sha256": "ab", "format": "jsonl", "records": 3}],
        "outputs": [{"path": "out.parquet", "bytes": 100, "rows": 2, "sha256": "cd"}],
        "rejects": {"path": "out.parquet.rejects.jsonl", "count": 1},
        "counts": {"records": 3, "written": 2, "rejects": 1},
        "run": {"started": "2025-11-22T00:00:00Z"},
    }


def test_what_is_not_known_is_null() -> None:
    """Stdin has no size, and a run without rejects has no rejects file."""
    manifest = _manifest(inputs=[Input(name="-", size=None, mtime_ns=None)], rejects=None, run=None)
    assert manifest["inputs"] == [{"name": "-", "size": None, "mtime_ns": None, "sha256": None, "format": None, "records": None}]
    assert (manifest["rejects"], manifest["run"]) == (None, {})


def test_only_one_member_differs_from_run_to_run() -> None:
    """Two runs over the same input have the same manifest but for the member run."""
    first, second = _manifest(), _manifest(run={"started": "2026-01-01T00:00:00Z", "resumed": True})
    assert first != second
    assert first | {"run": {}} == second | {"run": {}}


def test_a_manifest_is_written_whole(tmp_path: Path) -> None:
    """The file holds the manifest as JSON with a line feed at the end, in place of an older one."""
    (tmp_path / "manifest").write_bytes(b"x" * 100_000)
    write_manifest(tmp_path / "manifest", _manifest(options={"prefix": "é"}))
    content = (tmp_path / "manifest").read_bytes()
    assert json.loads(content) == _manifest(options={"prefix": "é"})
    assert content.endswith(b"}\n")
    assert "é".encode() in content
    assert [path.name for path in tmp_path.iterdir()] == ["manifest"]


def test_names_that_are_no_unicode_are_written() -> None:
    """A file whose name is no UTF-8 does not break the manifest, which is JSON in UTF-8 all the same."""
    name = b"log-\xff.jsonl".decode(errors="surrogateescape")
    content = encode_manifest(_manifest(inputs=[Input(name=name, size=1, mtime_ns=1)]))
    assert json.loads(content.decode())["inputs"][0]["name"] == name


def test_numbers_that_json_has_not_are_refused() -> None:
    """A manifest is JSON that every program reads."""
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_manifest(_manifest(counts={"share": float("nan")}))


def test_digests_are_those_of_the_file(tmp_path: Path) -> None:
    """The SHA-256 in a manifest is the one that other programs compute."""
    (tmp_path / "x").write_bytes(b"rows")
    assert hashlib.sha256(b"rows").hexdigest() == sha256_of(str(tmp_path / "x"))
