"""The bulk record contract: logged records in, rows with fixed columns out, and nothing is lost."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import stat
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heify_heygen_errors import ErrorInfo, Normalizer, Observation, normalize
from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Tally
from heify_heygen_errors.pipeline.discovery import Input, find_inputs
from heify_heygen_errors.pipeline.plan import Plan
from heify_heygen_errors.pipeline.run import run
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, ColumnClash, NotARecord, RecordNormalizer, RecordOptions

Run = Callable[..., Any]

CONTRACT = [
    "error_category",
    "error_code",
    "error_name",
    "error_message",
    "error_detail",
    "error_status",
    "error_channel",
    "error_fault",
    "error_retry",
    "error_retryable",
    "error_retry_after",
    "error_resets",
    "error_outcome",
    "error_param",
    "error_resource",
    "error_request_id",
    "error_doc_url",
    "error_rule",
    "error_fingerprint",
    "error_count",
]
TWO_FAILED = {"data": {"videos": [{"video_id": "1", "status": "failed"}, {"video_id": "2", "status": "failed"}, {"status": "completed"}]}}


@dataclass(frozen=True)
class Done:
    """What a run over lines gave."""

    counts: Tally
    output: bytes
    rejected: bytes

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [_strict(line) for line in self.output.splitlines()]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        return [_strict(line) for line in self.rejected.splitlines()]


def _strict(line: bytes) -> Any:
    """JSON as RFC 8259 knows it: without NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(line, parse_constant=refuse)


NORMALIZER = Normalizer()


def _run(data: bytes, **options: Any) -> Done:
    """A run over lines in a file named log.jsonl; the same lines in a pipe give the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        path.write_bytes(data)
        done = _run_inputs(find_inputs([str(path)], format="jsonl"), folder, **options)
        done = Done(done.counts, done.output, done.rejected.replace(str(path).encode(), b"log.jsonl"))
    assert done == _run_stream("log.jsonl", io.BytesIO(data), **options)
    return done


def _run_stream(name: str, stream: Any, **options: Any) -> Done:
    """A run over lines that can be read once."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_inputs([Input(name=name, path=None, format="jsonl")], folder, stream, **options)


def _run_inputs(inputs: list[Input], folder: str, stdin: Any = None, **options: Any) -> Done:
    output, rejects = io.BytesIO(), Path(folder, "rejects.jsonl")
    plan = Plan(
        inputs=inputs,
        output=None,
        format="jsonl",
        stream=output,
        options=RecordOptions(**options),
        rejects=str(rejects),
        processes=1,
        stdin=stdin,
    )
    outcome = run(plan, NORMALIZER)
    rejected = rejects.read_bytes() if rejects.exists() else b""
    assert outcome.rejects == outcome.tally.rejects == rejected.count(b"\n")
    return Done(outcome.tally, output.getvalue(), rejected)


def _row(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    (row,) = _run(json.dumps(record).encode(), **options).rows
    return row


def _without_columns(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    return {name: value for name, value in row.items() if name.removeprefix(prefix) not in CONTRACT}


# Columns.


def test_the_columns_are_those_of_the_contract() -> None:
    """The output columns and input fields are the documented ones, in this order."""
    assert list(COLUMNS) == CONTRACT
    assert list(INPUT_FIELDS) == ["provider", "status", "headers", "body", "method", "url", "exception"]


@pytest.mark.parametrize(
    "record",
    [
        {"provider": "heygen", "status": 401, "body": {"code": 400112}},
        {"provider": "heygen", "status": 200},
        {"provider": "heygen", "exception": "TimeoutError: x"},
        {},
    ],
)
def test_every_column_is_there_in_order(record: dict[str, Any]) -> None:
    """Every row has every column in the documented order behind what passed through, failure or not."""
    row = _row({"first": 1, **record, "last": 2})
    assert list(row)[-len(CONTRACT) :] == CONTRACT
    assert list(row)[: -len(CONTRACT)] == ["first", *(name for name in record if name != "body"), "last"]


def test_a_failure_fills_the_columns() -> None:
    """The columns of a failure hold the values that normalize gives for the same observation."""
    body = {
        "error": {
            "code": "rate_limit_exceeded",
            "message": "Too many requests",
            "param": "voice_id",
            "doc_url": "https://developers.heygen.com/docs/error-codes#rate-limit-exceeded",
            "video_id": "v1",
        }
    }
    headers = {"Retry-After": "7.5", "X-Request-Id": "r1"}
    assert _row({"provider": "heygen", "status": 429, "headers": headers, "body": body}) == {
        "provider": "heygen",
        "status": 429,
        "error_category": "rate_limit",
        "error_code": "rate_limit_exceeded",
        "error_name": "RATE_LIMIT_EXCEEDED",
        "error_message": "Too many requests",
        "error_detail": None,
        "error_status": 429,
        "error_channel": "response",
        "error_fault": "caller",
        "error_retry": "backoff",
        "error_retryable": True,
        "error_retry_after": 7.5,
        "error_resets": None,
        "error_outcome": "refused",
        "error_param": "voice_id",
        "error_resource": '{"video_id": "v1"}',
        "error_request_id": "r1",
        "error_doc_url": "https://developers.heygen.com/docs/error-codes#rate-limit-exceeded",
        "error_rule": "heygen/RATE_LIMIT_EXCEEDED",
        "error_fingerprint": normalize(Observation("heygen", 429, headers, body)).fingerprint,  # type: ignore[union-attr]
        "error_count": 1,
    }


def _expected(info: ErrorInfo, count: int) -> dict[str, Any]:
    """The columns of an ErrorInfo."""
    return {
        "error_category": info.category.value,
        **{f"error_{name}": getattr(info, name) for name in ("code", "name", "message", "detail", "status", "param")},
        "error_channel": info.channel.value,
        "error_fault": info.fault.value,
        "error_retry": info.retry.action.value,
        "error_retryable": info.retryable,
        "error_retry_after": info.retry.after,
        "error_resets": info.retry.resets,
        "error_outcome": info.retry.outcome.value,
        "error_resource": dict(info.resource) or None,
        **{f"error_{name}": getattr(info, name) for name in ("request_id", "doc_url", "rule", "fingerprint")},
        "error_count": count,
    }


RECORDS: list[dict[str, Any]] = [
    {"provider": "heygen", "status": 401, "body": '{"code":400112,"message":"Unauthorized"}'},
    {"provider": "heygen", "status": 400, "body": {"code": 40010, "message": "x", "detail": "Please subscribe to higher plan to do it"}},
    {"provider": "heygen", "status": 200, "body": {"code": 100, "data": {"video_id": "v", "status": "failed", "error": {"code": 40119}}}},
    {"provider": "heygen", "body": {"event_type": "avatar_video.fail", "event_data": {"video_id": "v", "msg": "boom"}}},
    {"provider": "heygen", "status": 409, "body": {"error": {"code": "conflict", "message": "Uploaded object not found yet"}}},
    {
        "provider": "heify",
        "status": 429,
        "headers": {"retry-after": "3"},
        "body": "{}",
        "method": "POST",
        "url": "https://x.invalid/analytics",
    },
    {"provider": "heify", "status": 403, "headers": '{"x-amzn-errortype": "ForbiddenException"}', "body": {"message": "Forbidden"}},
    {"provider": "heify", "status": 503, "body": "<Error><Code>SlowDown</Code><Message>Reduce</Message><RequestId>q</RequestId></Error>"},
    {"provider": "heify", "status": 502, "body": "<html><title>502 Bad Gateway</title></html>"},
    {"provider": "heify", "exception": "requests.exceptions.ReadTimeout: read timed out"},
    {"provider": "liveavatar", "status": 403, "body": {"code": 4003, "data": None, "message": "Not authenticated"}},
    {"provider": "heygen", "status": 418},
]


@pytest.mark.parametrize("record", RECORDS)
def test_rows_say_what_normalize_says(record: dict[str, Any]) -> None:
    """One decision, two renderings: the columns equal the values of the ErrorInfo of the same observation."""
    headers = record.get("headers")
    observation = Observation(
        record["provider"],
        record.get("status"),
        json.loads(headers) if isinstance(headers, str) else headers,
        record.get("body"),
        record.get("method"),
        record.get("url"),
        exception=record.get("exception"),
    )
    info = normalize(observation)
    assert info is not None
    row = {name: value for name, value in _row(record).items() if name in CONTRACT}
    if row["error_resource"] is not None:
        row["error_resource"] = json.loads(row["error_resource"])
    assert row == _expected(info, 1)


@pytest.mark.parametrize(
    ("record", "count"),
    [
        ({"provider": "heygen", "status": 200}, 0),
        ({"provider": "heygen", "status": 200, "body": {"code": 100, "data": {"status": "completed"}}}, 0),
        ({"provider": "heygen", "body": {"message": "Success"}}, 0),
        ({"provider": "heygen", "status": 700}, 0),
        ({"provider": "heygen"}, None),
        ({"provider": "heygen", "status": None, "body": None, "exception": None, "headers": {"a": "b"}, "url": "/x"}, None),
        ({"provider": "heygen", "status": "", "body": "", "exception": ""}, None),
        ({"provider": "acme"}, None),
        ({"other": 1}, None),
        ({}, None),
    ],
)
def test_null_where_nothing_failed_or_nothing_was_observed(record: dict[str, Any], count: int | None) -> None:
    """Where nothing failed every column is null and the count 0; where nothing was observed the count is null, too."""
    row = _row(record)
    assert {name: row[name] for name in CONTRACT} == {**dict.fromkeys(CONTRACT), "error_count": count}


# What passes through.

PASSED = {
    "text": '"a"',
    "empty text": '""',
    "null": "null",
    "true": "true",
    "whole number": "1",
    "number that looks whole": "1.0",
    "minus zero": "-0.0",
    "exponent": "1e5",
    "small": "5e-324",
    "big": "123456789012345678901234567890",
    "array": '[1,"a",null,[2.5,{}]]',
    "object": '{"b":1,"a":{"error_code":"inner"}}',
    "letters": '"äöü 漢 \U0001f600 \\u2028 \\u0000 \\ud83d\\ude00"',
    "status as text": '"0401"',
}


@pytest.mark.parametrize("value", PASSED.values(), ids=PASSED)
def test_other_columns_pass_through_with_their_types(value: str) -> None:
    """Every other column passes through with name, place, value and type."""
    line = f'{{"z":{value},"provider":"heygen","":{value},"status":401,"a b":{value}}}'
    (row,) = _run(line.encode()).rows
    passed = _without_columns(row)
    assert list(passed) == ["z", "provider", "", "status", "a b"]
    for name in ("z", "", "a b"):
        assert repr(passed[name]) == repr(json.loads(value))


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "3.14159265358979323846264338327950288", "0.1000000000000000055511151231257827", "1E+2"]
)
def test_numbers_pass_through_as_written(number: str) -> None:
    """A number keeps its value, however large or exact it is, and the output stays JSON."""
    done = _run(b'{"x":%s,"provider":"heygen","status":401}' % number.encode())
    assert (done.counts.records, done.counts.written) == (1, 1)
    assert len(done.rows) == 1
    assert json.loads(done.output, parse_float=Decimal)["x"] == Decimal(number)


def test_fields_pass_through() -> None:
    """Provider, status, method and exception pass through; headers, url and body do not."""
    record = {
        "provider": "HeyGen",
        "status": "401",
        "headers": {"A": "b"},
        "body": "{}",
        "method": "post",
        "url": "https://api.heygen.com/x",
        "exception": None,
    }
    assert _without_columns(_row(record)) == {"provider": "HeyGen", "status": "401", "method": "post", "exception": None}


@pytest.mark.parametrize("body", ['{"code":400112}', {"code": 400112, "x": [1.0, None]}, "", None, "text \ud83d", [1], 5, True])
def test_keep(body: object) -> None:
    """With keep, headers, url and body are written as they were read."""
    record = {"provider": "heygen", "status": 401, "headers": '{"a":"b"}', "url": "/x?key=1", "body": body}
    assert _without_columns(_row(record, keep=True)) == record


def test_names_of_fields_are_selectable() -> None:
    """Fields are read under the given names; a column with the usual name of a field is then one like any other."""
    fields = {field: f"my {field}" for field in INPUT_FIELDS}
    record = {
        "my provider": "heygen",
        "my status": 401,
        "my body": {"code": 400112},
        "my headers": {"x-request-id": "r"},
        "my url": "/x",
        "body": 1,
        "url": 2,
        "status": 200,
    }
    row = _row(record, fields=fields)
    assert (row["error_name"], row["error_request_id"]) == ("UNAUTHORIZED", "r")
    assert _without_columns(row) == {"my provider": "heygen", "my status": 401, "body": 1, "url": 2, "status": 200}
    assert _without_columns(_row(record, fields=fields, keep=True)) == record


def test_secrets_are_redacted_in_our_columns_only() -> None:
    """A credential stands in no error column; what passes through is the user's own data and stays as it is."""
    secret = "s3cr3tV4lue0123456789"
    body = {"code": 1, "message": f"api_key={secret} is wrong", "detail": f"Bearer {secret}", "request_id": f"token={secret}"}
    record = {"provider": "heygen", "status": 400, "body": body, "note": secret}
    row = _row(record, keep=True)
    assert _without_columns(row) == record
    assert secret not in json.dumps({name: row[name] for name in CONTRACT})
    assert row["error_message"] == "api_key=[redacted] is wrong"


# Fields.


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ({"provider": "heygen", "status": "404"}, "heygen/status:404"),
        ({"provider": "heygen", "status": " 404 "}, "heygen/status:404"),
        ({"provider": "heygen", "status": 404.0}, "heygen/status:404"),
        ({"provider": " HEYGEN ", "status": 404}, "heygen/status:404"),
        ({"status": 404}, "heify/status:404"),
        ({"provider": "", "status": 404}, "heify/status:404"),
        ({"provider": None, "status": 404}, "heify/status:404"),
        ({"provider": "heygen", "status": 404, "headers": ""}, "heygen/status:404"),
        ({"provider": "heygen", "status": 404, "headers": None}, "heygen/status:404"),
        ({"provider": "heygen", "status": 401, "body": '{"code": 400112}'}, "heygen/UNAUTHORIZED"),
        ({"provider": "heygen", "status": 401, "body": {"code": 400112}}, "heygen/UNAUTHORIZED"),
        ({"provider": "heygen", "body": {"code": 400112}}, "heygen/UNAUTHORIZED"),
        ({"provider": "heygen", "exception": "acme.Oops: boom"}, "unknown"),
    ],
)
def test_fields_are_read_generously(record: dict[str, Any], rule: str) -> None:
    """Statuses as text, providers in any case, the default provider, bodies as text or object are read."""
    assert _row(record, provider="heify")["error_rule"] == rule


def test_a_url_names_the_provider() -> None:
    """Where neither record nor option names the provider, the URL's host does."""
    assert _row({"status": 404, "url": "https://api.heygen.com/v3/videos/x"})["error_rule"] == "heygen/status:404"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"provider": "acme", "status": 404}, "there is no provider 'acme': use one of heygen, liveavatar, heify"),
        ({"provider": 5, "status": 404}, "there is no provider '5': use one of heygen, liveavatar, heify"),
        ({"status": 404}, "nothing names the provider"),
        ({"status": 404, "url": "https://example.com/"}, "nothing names the provider"),
        ({"provider": "heygen", "status": [404]}, "status is no status"),
        ({"provider": "heygen", "status": {"code": 404}}, "status is no status"),
        ({"provider": "heygen", "status": True}, "status is no status"),
        ({"provider": "heygen", "status": 404, "headers": "Retry-After: 5"}, "headers is neither an object nor its JSON text"),
        ({"provider": "heygen", "status": 404, "headers": 5}, "headers is neither an object nor its JSON text"),
        ({"provider": "heygen", "status": 404, "headers": '{"a": "b'}, "headers is neither an object nor its JSON text"),
        ({"provider": "heygen", "status": 404, "exception": 5}, "exception is no text"),
        ({"provider": "heygen", "exception": {"type": "x"}}, "exception is no text"),
    ],
)
def test_fields_that_cannot_be_read_reject_the_record(record: dict[str, Any], reason: str) -> None:
    """A record whose provider is unknown or whose field is nothing of its kind is rejected and the reason says which."""
    done = _run(json.dumps(record).encode())
    assert (done.counts.records, done.counts.written, done.counts.rejects, done.output) == (1, 0, 1, b"")
    assert done.rejects[0]["reason"].startswith(reason)
    with pytest.raises(NotARecord, match=reason.partition("'")[0]):
        RecordNormalizer(RecordOptions()).rows(record)


def test_another_normalizer_decides(laid_over: Callable[..., Normalizer]) -> None:
    """Records are decided by the given normalizer's catalogs."""
    options = RecordOptions(provider="heygen")
    normalizer = RecordNormalizer(options, laid_over(disable=["UNAUTHORIZED"]))
    assert normalizer.rows({"status": 401, "body": {"code": 400112}})[0]["error_rule"] == "heygen/status:401"


# Rows of one record.


def test_one_row_per_record() -> None:
    """A record with several failures is one row, its first failure, with their number."""
    done = _run(json.dumps({"provider": "heygen", "status": 200, "body": TWO_FAILED}).encode())
    assert [(json.loads(row["error_resource"]), row["error_count"]) for row in done.rows] == [({"video_id": "1"}, 2)]
    assert (done.counts.records, done.counts.written, done.counts.rows, done.counts.failed) == (1, 1, 1, 1)


def test_explode() -> None:
    """With explode it is a row per failure, each with everything that passed through; records without a failure stay one row."""
    lines = [{"provider": "heygen", "status": 200, "body": TWO_FAILED, "id": 7}, {"provider": "heygen", "status": 200, "id": 8}]
    done = _run("\n".join(map(json.dumps, lines)).encode(), explode=True)
    assert [(row["id"], row["error_resource"], row["error_count"]) for row in done.rows] == [
        (7, '{"video_id": "1"}', 2),
        (7, '{"video_id": "2"}', 2),
        (8, None, 0),
    ]
    assert (done.counts.records, done.counts.written, done.counts.rows, done.counts.failed, done.counts.rejects) == (2, 2, 3, 1, 0)


@pytest.mark.parametrize("column", CONTRACT)
def test_an_input_column_with_the_name_of_ours(column: str) -> None:
    """An input column that has the name of an output column stops the run and names file, line and remedy; a prefix avoids it."""
    data = b'{"provider":"heygen","status":200}\n{"provider":"heygen","status":401,"%s":1}\n' % column.encode()
    with pytest.raises(ColumnClash, match=rf"log.jsonl, line 2: the input has a column '{column}' already.*--prefix"):
        _run(data)
    rows = _run(data, prefix="x_").rows
    assert rows[1][column] == 1
    assert list(rows[1])[3:] == [f"x_{name}" for name in CONTRACT]
    assert (rows[1]["x_error_category"], rows[0]["x_error_count"]) == ("authentication", 0)
    with pytest.raises(ColumnClash):
        _run(data.replace(b'"error_', b'"x_error_'), prefix="x_")


def test_a_clash_is_found_in_records_that_observed_nothing() -> None:
    """A column with the name of ours stops the run also where the record holds nothing to normalize."""
    with pytest.raises(ColumnClash):
        _run(b'{"error_code": null}')


# Lines.

NO_RECORDS = {
    "text": (b"nonsense", "not JSON"),
    "cut": (b'{"provider": "heygen"', "not JSON"),
    "two records": (b'{"status": 1} {"status": 2}', "not JSON"),
    "array": (b'[{"provider": "heygen"}]', "no JSON object but an array"),
    "string": (b'"heygen"', "no JSON object but a string"),
    "number": (b"5", "no JSON object but a number"),
    "null": (b"null", "no JSON object but null"),
    "true": (b"true", "no JSON object but true or false"),
    "NaN": (b'{"provider": "heygen", "x": NaN}', "not JSON: NaN"),
    "Infinity": (b'{"provider": "heygen", "x": [Infinity]}', "not JSON: Infinity"),
    "minus Infinity": (b'{"provider": "heygen", "x": -Infinity}', "not JSON: -Infinity"),
    "single quotes": (b"{'provider': 'heygen'}", "not JSON"),
    "control character": (b'{"provider": "hey\x01gen"}', "not JSON"),
    "invalid UTF-8": (b'{"provider": "hey\xffgen"}', "not UTF-8: byte 17"),
    "surrogate in UTF-8": (b'{"provider": "\xed\xa0\x80"}', "not UTF-8"),
    "UTF-16": ('{"provider": "heygen"}'.encode("utf-16-be"), "not JSON"),
    "NUL": (b"\x00", "not JSON"),
    "only a BOM": (b"\xef\xbb\xbf", "not JSON"),
    "deep": (b'{"x":' + b"[" * 100_000, "not JSON"),
    "a number of 5000 digits": (b'{"x":' + b"1" * 5000 + b"}", "not JSON"),
}


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize(("raw", "reason"), NO_RECORDS.values(), ids=NO_RECORDS)
def test_a_line_that_is_no_record_is_rejected(raw: bytes, reason: str, end: bytes) -> None:
    """A line that is no record goes to the rejects with file, line, offset, its bytes and the reason, whatever ends it."""
    before = b'{"provider":"heygen","status":404}\r\n\n'
    after = b'{"provider":"heygen","status":404}' if end else b""
    done = _run(before + raw + end + after)
    (reject,) = done.rejects
    assert list(reject) == ["file", "line", "offset", "raw_base64", "reason"]
    assert (reject["file"], reject["line"], reject["offset"]) == ("log.jsonl", 3, len(before))
    assert base64.b64decode(reject["raw_base64"], validate=True) == raw
    assert reject["reason"].startswith(reason)
    assert (done.counts.records, done.counts.written, done.counts.rejects, done.counts.blank) == (3 if end else 2, 2 if end else 1, 1, 1)
    assert [row["error_status"] for row in done.rows] == [404] * done.counts.written


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(end: bytes, bom: bytes, last: bool) -> None:  # noqa: FBT001
    """A BOM at the start, CRLF and a last line without an end change nothing."""
    line = '{"provider":"heygen","status":404,"x":"ä"}'.encode()
    done = _run(bom + end.join([line] * 3) + (end if last else b""))
    assert [(row["x"], row["error_status"]) for row in done.rows] == [("ä", 404)] * 3
    assert (done.counts.records, done.counts.rejects, done.counts.blank) == (3, 0, 0)
    assert done.output.endswith(b"\n")


@pytest.mark.parametrize(("data", "blank"), [(b"", 0), (b"\n", 1), (b"\n\r\n \n\t\n", 4), (b"  ", 1), (b"\r\n", 1)])
def test_blank_lines_are_counted_and_are_no_rows(data: bytes, blank: int) -> None:
    """A blank line is neither a record nor a reject, but it is counted."""
    assert Done(Tally(lines=blank, blank=blank), b"", b"") == _run(data)


def test_a_carriage_return_alone_ends_no_line() -> None:
    """Only a line feed ends a line."""
    done = _run(b'{"provider":"heygen",\r"status":404}\n')
    assert [row["error_status"] for row in done.rows] == [404]


def test_the_last_of_two_equal_names_counts() -> None:
    """Of a name that stands twice in a record the last counts, as for most readers of JSON, and the record stays one row."""
    done = _run(b'{"provider":"heify","status":500,"x":1,"provider":"heygen","x":2,"status":404}')
    assert [(row["x"], row["provider"], row["error_rule"]) for row in done.rows] == [(2, "heygen", "heygen/status:404")]


def test_a_lone_surrogate_passes_through() -> None:
    """Half a surrogate pair in a passthrough column or its name is written as the escape that it was, and the row stays UTF-8."""
    done = _run(b'{"x":"a\\ud800b","\\udc00":["\\udfff"],"provider":"heygen","status":400,"body":{"message":"m\\ud800"}}', keep=True)
    done.output.decode("utf-8")
    (row,) = done.rows
    assert (row["x"], row["\udc00"], row["body"]) == ("a\ud800b", ["\udfff"], {"message": "m\ud800"})
    row["error_message"].encode()
    assert row["error_message"].startswith("m")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("field", ["x", "body", "headers"])
@pytest.mark.parametrize("depth", [10, 100, 500, 900, 950, 980, 990, 1000, 1100, 5000, 50_000])
def test_nesting_of_any_depth_is_a_row_or_a_reject(depth: int, field: str, opening: str) -> None:
    """A record that nests deeply is written or rejected, but never lost, and never ends the run."""
    closing = "]" if opening == "[" else "}"
    line = f'{{"provider":"heygen","status":404,"{field}":{opening * depth}1{closing * depth}}}\n'
    done = _run(line.encode() * 2, keep=True)
    assert (done.counts.records, done.counts.written + done.counts.rejects) == (2, 2)
    assert len(done.output.splitlines()) == done.counts.written
    assert len(done.rejects) == done.counts.rejects


def test_lines_are_counted_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line numbers and offsets begin anew in every file; the counts are those of all."""
    monkeypatch.chdir(tmp_path)
    good, bad = b'{"provider":"heygen","status":404}\n', b"nonsense\n"
    for name, text in (("a", good + bad), ("b", bad), ("c", b"")):
        (tmp_path / name).write_bytes(text)
    done = _run_inputs(find_inputs(["a", "b", "c", "-"]), str(tmp_path), io.BytesIO(b"\n" + bad + good))
    assert [(reject["file"], reject["line"], reject["offset"]) for reject in done.rejects] == [
        ("a", 2, len(good)),
        ("b", 1, 0),
        ("-", 2, 1),
    ]
    assert (done.counts.records, done.counts.written, done.counts.rejects, done.counts.blank) == (5, 2, 3, 1)


def test_counts_by_category() -> None:
    """The counts tell the records by the category of their first failure, also with a prefix."""
    lines = [{"provider": "heygen", "status": status} for status in (200, 404, 404, 500)]
    lines.append({"provider": "heygen", "status": 200, "body": TWO_FAILED})
    for prefix in ("", "x_"):
        counts = _run("\n".join(map(json.dumps, lines)).encode(), prefix=prefix, explode=True).counts
        assert (dict(counts.categories), counts.failed, counts.rows) == ({"not_found": 2, "server": 1, "unknown": 1}, 4, 6)


# Lines that are too long.


class Generated(io.RawIOBase):
    """A stream whose bytes are made when they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = piece
        taken = self._held[: len(buffer)]
        buffer[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)


GOOD = b'{"provider":"heygen","status":404}\n'
PIECE = b"0123456789abcdef" * 4096


def _long(first: bytes, size: int, last: bytes) -> Iterator[bytes]:
    """A line of `size` bytes that begins and ends so."""
    yield first
    left = size - len(first) - len(last)
    for _ in range(left // len(PIECE)):
        yield PIECE
    yield PIECE[: left % len(PIECE)]
    yield last


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("more", [1, 2, 3, 1024 * 1024, 3 * MAX_RECORD])
def test_a_line_over_16_mib_is_told_by_length_and_digest(more: int, end: bytes) -> None:
    """Of a line over 16 MiB the rejects hold length and SHA-256 instead of the bytes, and the lines around it are read as usual."""
    size = MAX_RECORD + more

    def pieces() -> Iterator[bytes]:
        yield GOOD
        yield from _long(b'{"provider":"heygen","status":404,"x":"', size, b'"}')
        yield end
        if end:
            yield GOOD + b"nonsense\n"

    done = _run_stream("big", io.BufferedReader(Generated(pieces())))
    reject = done.rejects[0]
    assert (reject["file"], reject["line"], reject["offset"]) == ("big", 2, len(GOOD))
    assert reject.get("raw_base64") is None
    # The digest is of `length` bytes from `offset` on, with or without the line's end.
    assert reject["length"] in (size, size + len(end))
    hashed = hashlib.sha256()
    for piece in _long(b'{"provider":"heygen","status":404,"x":"', size, b'"}'):
        hashed.update(piece)
    hashed.update(end[: reject["length"] - size])
    assert reject["sha256"] == hashed.hexdigest()
    assert str(MAX_RECORD) in reject["reason"]
    assert len(done.rejected) < 2000
    assert (done.counts.records, done.counts.written, done.counts.rejects) == ((4, 2, 2) if end else (2, 1, 1))
    if end:
        assert (done.rejects[1]["line"], done.rejects[1]["offset"]) == (4, 2 * len(GOOD) + size + len(end))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_of_16_mib_is_read(end: bytes) -> None:
    """A record of exactly 16 MiB is one like any other, and one that is none is kept whole."""
    record = b"".join(_long(b'{"provider":"heygen","status":404,"x":"', MAX_RECORD, b'"}'))
    assert len(record) == MAX_RECORD
    done = _run(record + end)
    assert (done.counts.written, done.counts.rejects) == (1, 0)
    done = _run_stream("log.jsonl", io.BytesIO(record[:-1] + b"?" + end))
    assert (done.counts.written, done.counts.rejects) == (0, 1)
    assert base64.b64decode(done.rejects[0]["raw_base64"]) == record[:-1] + b"?"


@pytest.mark.parametrize("more", [1, 2 * MAX_RECORD])
def test_a_line_over_16_mib_in_a_file_is_told_in_the_same_way(tmp_path: Path, more: int) -> None:
    """Of a file, whose parts are read where they are worked on, the rejects are those of a pipe with the same bytes."""
    data = GOOD + b"".join(_long(b"x", MAX_RECORD + more, b"y")) + b"\n" + GOOD + b"nonsense\n"
    done = _run(data)
    assert [(reject["line"], reject["offset"]) for reject in done.rejects] == [(2, len(GOOD)), (4, len(data) - 9)]
    assert done.rejects[0]["length"] == MAX_RECORD + more + 1


def test_a_line_without_end_costs_no_more_memory() -> None:
    """A line of a quarter of a gigabyte is passed over in bounded memory."""
    stream = io.BufferedReader(Generated(_long(b"x", 256 * 1024 * 1024, b"y")))
    tracemalloc.start()
    try:
        done = _run_stream("big", stream)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.rejects[0]["length"] == 256 * 1024 * 1024
    assert peak < 4 * MAX_RECORD


# Nothing is lost.

_LINES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b" ",
            b"\r",
            b'{"provider":"heygen","status":404}',
            b'{"provider":"heygen","status":200}',
            b'{"provider":"acme","status":404}',
            b'{"provider":"heify","body":"{\\"message\\":\\"x\\"}"}',
            json.dumps({"provider": "heygen", "status": 200, "body": TWO_FAILED}).encode(),
            b"{}",
            b'{"x":NaN}',
            b'{"x":"\\ud800"}',
            b'{"x":1e999}',
            b"\xef\xbb\xbf{}",
            b"[1]",
            b"\xff",
            b"\x00",
            b"nonsense\r\r",
        ]
    ),
    st.dictionaries(
        st.sampled_from([*INPUT_FIELDS, "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=9)
            | st.sampled_from(["heygen", "heify", 404, 200, "failed"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
    ).map(lambda record: json.dumps(record).encode()),
)
# What a file begins with that is compressed, a table or UTF-16, and so has no lines.
NO_LINES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR", b"ARROW1", b"\xff\xff\xff\xff", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_FILES = (
    st.lists(st.tuples(_LINES, st.sampled_from([b"\n", b"\r\n", b"\r", b""])))
    .map(lambda lines: b"".join(line + end for line, end in lines))
    .filter(lambda data: not data.startswith(NO_LINES))
)


@given(_FILES, st.booleans(), st.booleans())
@example(b"\xef\xbb\xbf", False, False)  # noqa: FBT003
@example(b"nonsense\r\r\n", False, False)  # noqa: FBT003
def test_records_in_are_records_written_and_rejects(data: bytes, explode: bool, keep: bool) -> None:  # noqa: FBT001
    """Whatever bytes a file holds: every line is blank, a written record or a reject, every row is complete, every reject is recoverable."""
    done = _run(data, explode=explode, keep=keep, provider="heygen")
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    counts = done.counts
    assert counts.records == counts.written + counts.rejects
    assert counts.records + counts.blank == len(lines)
    assert counts.blank == sum(not line.strip() for line in lines)
    assert len(done.rejects) == counts.rejects
    assert len(done.rows) == counts.rows >= counts.written
    if not explode:
        assert counts.rows == counts.written
    for row in done.rows:
        assert list(row)[-len(CONTRACT) :] == CONTRACT
    offsets = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    for reject in done.rejects:
        raw = base64.b64decode(reject["raw_base64"], validate=True)
        assert reject["offset"] == offsets[reject["line"] - 1]
        assert data[reject["offset"] :].startswith(raw)
        # All of the line but its end is there.
        rest = data[reject["offset"] + len(raw) :].partition(b"\n")[0]
        assert rest in (b"", b"\r")


# Files.


def test_the_rejects_file_is_private(hhe: Run, tmp_path: Path) -> None:
    """The rejects hold the user's raw data: the file has mode 0600 whatever the umask and whatever it had before; the rows obey the umask."""
    (tmp_path / "in").write_bytes(b"nonsense\n")
    out, rejects = tmp_path / "out", tmp_path / "out.rejects.jsonl"
    before = os.umask(0o022)
    try:
        for umask, mode in ((0, 0o666), (0o022, 0o644), (0o077, 0o600)):
            os.umask(umask)
            out.unlink(missing_ok=True)
            rejects.unlink(missing_ok=True)
            rejects.touch(0o666)
            assert hhe("normalize", tmp_path / "in", "-o", out).code == 1
            assert [stat.S_IMODE(path.stat().st_mode) for path in (out, rejects)] == [mode, 0o600]
    finally:
        os.umask(before)


def test_the_rejects_file_has_its_default_name(hhe: Run, tmp_path: Path) -> None:
    """Without a name the rejects stand beside the output as OUT.rejects.jsonl, with the input's name as it was given."""
    (tmp_path / "in").write_bytes(b"nonsense\n")
    hhe("normalize", tmp_path / "in", "-o", tmp_path / "out.jsonl")
    (reject,) = map(json.loads, (tmp_path / "out.jsonl.rejects.jsonl").read_text().splitlines())
    assert reject == {
        "file": str(tmp_path / "in"),
        "line": 1,
        "offset": 0,
        "raw_base64": "bm9uc2Vuc2U=",
        "reason": "not JSON: Expecting value at column 1",
    }
