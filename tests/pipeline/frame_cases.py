"""Records for the tests of frames, and what `normalize` says of each."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from heify_heygen_errors import ErrorInfo, Observation, normalize_all
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS
from heify_heygen_errors.testing.logs import records

TESTS = Path(__file__).parents[1]

REFUSED = {"provider": "heygen", "status": 401, "body": '{"code":400112,"message":"Unauthorized"}'}
TWO_FAILED = {
    "provider": "heygen",
    "status": 200,
    "body": {"data": {"items": [{"status": "failed", "video_id": "v-1", "error": {"code": "voice_not_found"}}, {"status": "failed"}]}},
}
FINE = {"provider": "heify", "status": 200, "body": '{"status":"COMPLETED"}'}
SILENT = {"provider": "heify"}
ODD = {"provider": "heygen", "status": "soon", "body": "x"}
NAMELESS = {"provider": None, "status": 500, "body": "x"}

OVERLAY = """\
schema: 1
catalog: heify
kind: overlay
id: ours
entries:
  - name: PLAN_EXPIRED
    codes: ["plan_expired"]
    message: "The plan has expired"
    category: payment
    summary: The plan has expired.
    remedy: Renew it.
    evidence: observed
    source: ["a log of ours"]
"""
"""A catalog of one's own: heify/PLAN_EXPIRED@ours, which the shipped ones do not know."""


@cache
def as_text() -> list[dict[str, Any]]:
    """The corpus, the samples and generated records, each with all fields and an id; headers and bodies are text or None."""
    found: list[dict[str, Any]] = []
    for path in sorted((TESTS / "corpus").glob("*.jsonl")):
        found += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found += [json.loads(path.read_text(encoding="utf-8")) for path in sorted((TESTS / "samples").rglob("*.json"))]
    found += records(400, seed=11)
    return [_whole(number, record) for number, record in enumerate([*found, REFUSED, TWO_FAILED, FINE, SILENT])]


def _whole(number: int, record: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, **{field: _text(record.get(field)) for field in INPUT_FIELDS}}


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


@cache
def as_objects() -> list[dict[str, Any]]:
    """The same with headers and bodies decoded where they are JSON objects or lists, and without the fields that are None."""
    decoded = [record | {field: _decoded(record[field]) for field in ("headers", "body")} for record in as_text()]
    return [{name: value for name, value in record.items() if value is not None} for record in decoded]


def _decoded(text: str | None) -> Any:
    try:
        value = json.loads(text or "")
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def expected(record: dict[str, Any], *, explode: bool = False, prefix: str = "") -> list[dict[str, Any]]:
    """The columns of a record's rows, from `normalize_all`."""
    status, body, exception = record.get("status"), record.get("body"), record.get("exception")
    if status is None and body in (None, "") and not exception:
        return [dict.fromkeys((prefix + column for column in COLUMNS), None)]
    headers = record.get("headers")
    observation = Observation(
        record["provider"],
        status,
        json.loads(headers) if isinstance(headers, str) else headers,
        b"" if body is None else body,
        record.get("method"),
        record.get("url"),
        exception=exception,
    )
    found = normalize_all(observation)
    if not found:
        return [{prefix + column: None for column in COLUMNS} | {prefix + "error_count": 0}]
    return [_columns(info, len(found), prefix) for info in (found if explode else found[:1])]


def _columns(info: ErrorInfo, count: int, prefix: str) -> dict[str, Any]:
    values = {
        "category": info.category.value,
        **{name: getattr(info, name) for name in ("code", "name", "message", "detail", "status")},
        "channel": info.channel.value,
        "fault": info.fault.value,
        "retry": info.retry.action.value,
        "retryable": info.retryable,
        "retry_after": info.retry.after,
        "resets": info.retry.resets,
        "outcome": info.retry.outcome.value,
        "param": info.param,
        "resource": json.dumps(dict(info.resource), ensure_ascii=False) if info.resource else None,
        **{name: getattr(info, name) for name in ("request_id", "doc_url", "rule", "fingerprint")},
        "count": count,
    }
    return {f"{prefix}error_{name}": value for name, value in values.items()}


def all_expected(records: list[dict[str, Any]], *, explode: bool = False) -> list[dict[str, Any]]:
    """The ids and columns of all rows of some records."""
    return [{"id": record["id"]} | row for record in records for row in expected(record, explode=explode)]


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ids and columns of rows that a frame gave."""
    return [{name: row[name] for name in ("id", *COLUMNS)} for row in rows]
