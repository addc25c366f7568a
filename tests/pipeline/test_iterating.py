"""`normalize_records`: one record in, its rows out, without any extra."""

from __future__ import annotations

import copy
import subprocess
import sys
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from frame_cases import FINE, NAMELESS, ODD, REFUSED, SILENT, TWO_FAILED, all_expected, as_objects, as_text, expected, shown

from heify_heygen_errors import Catalogs, Normalizer, RejectedRowsError, normalize_records
from heify_heygen_errors.records import COLUMNS, ColumnClash


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("form", [as_text, as_objects])
def test_rows_say_what_normalize_says(form, explode):
    """The rows of the corpus, the samples and generated records hold what normalize_all gives, whether bodies are text or decoded."""
    assert all_expected(form(), explode=explode) == shown(list(normalize_records(form(), explode=explode)))


def test_records_are_taken_one_at_a_time():
    """A row is there before the next record is asked for, so that endless sources work."""

    def source():
        yield REFUSED
        raise AssertionError

    assert next(normalize_records(source()))["error_code"] == "400112"


def test_records_are_not_changed_and_values_pass_through_as_they_are():
    """A record stays as it was, and what passes through is the record's own object."""
    marker = object()
    record = REFUSED | {"mine": marker, "status": 401.0}
    before = copy.copy(record)
    (row,) = normalize_records([record])
    assert record == before
    assert row["mine"] is marker
    assert row["status"] is record["status"]


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (401.0, 401),
        ("401", 401),
        (Decimal("401.00"), 401),
        (np.int64(401), 401),
        (np.float32(401), 401),
        (float("nan"), None),
        (pd.NA, None),
    ],
)
def test_numbers_of_other_libraries_are_read(status, seen):
    """A status can be a number of numpy or a decimal; NaN and NA are none, and pass through as they came."""
    (row,) = normalize_records([REFUSED | {"status": status}])
    assert (row["error_status"], row["status"] is status) == (seen, True)


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "7"}, MappingProxyType({"Retry-After": "7"}), [("Retry-After", "7")], '{"Retry-After": 7}']
)
def test_headers_may_be_any_mapping(headers):
    """Headers are any mapping, pairs or JSON text, and pass through as they are if they are kept."""
    (row,) = normalize_records([REFUSED | {"status": 429, "headers": headers}], keep=True)
    assert (row["error_retry_after"], row["headers"] is headers) == (7.0, True)


@pytest.mark.parametrize("body", [b'{"code":400112}', memoryview(b'{"code":400112}'), '{"code":400112}'.encode("utf-16")])
def test_bodies_may_be_bytes(body):
    """A body can be bytes of any kind and encoding."""
    (row,) = normalize_records([REFUSED | {"body": body}])
    assert row["error_code"] == "400112"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ODD, "status is no status"),
        (NAMELESS, "nothing names the provider: name one of heygen, liveavatar, heify"),
        (REFUSED | {"provider": "acme"}, "there is no provider 'acme': use one of heygen, liveavatar, heify"),
        ("a line", "no mapping but str"),
    ],
)
def test_what_cannot_be_read_is_raised_behind_the_rows_in_front_of_it(bad, reason):
    """A record that cannot be read raises an error with its number and the reason, when it is its turn."""
    rows = normalize_records([REFUSED, bad, REFUSED])
    assert next(rows)["error_code"] == "400112"
    with pytest.raises(RejectedRowsError) as caught:
        next(rows)
    assert caught.value.rows == ((1, reason),)
    assert str(caught.value) == f"1 row cannot be read: row 1: {reason}. on_error='keep' keeps them, with the reason beside"


@pytest.mark.parametrize(
    ("bad", "reason", "raw"),
    [
        (ODD | {"id": 2}, "status is no status", '{"provider": "heygen", "status": "soon", "body": "x", "id": 2}'),
        ("a line", "no mapping but str", "a line"),
        (b"\xff", "no mapping but bytes", "\ufffd"),
        (ODD | {"x": float("nan")}, "status is no status", str(ODD | {"x": float("nan")})),
        (ODD | {"x": "\ud800"}, "status is no status", '{"provider": "heygen", "status": "soon", "body": "x", "x": "?"}'),
    ],
)
def test_what_cannot_be_read_can_be_kept(bad, reason, raw):
    """With on_error="keep" every record has a row: those that cannot be read have null columns, the reason and their text."""
    good, kept = normalize_records([REFUSED, bad], on_error="keep", prefix="v_")
    assert (good["v_error_code"], good["v_error_reject"], good["v_error_raw"]) == ("400112", None, None)
    assert {name: value for name, value in kept.items() if name.startswith("v_")} == {
        **dict.fromkeys(("v_" + column for column in COLUMNS), None),
        "v_error_reject": reason,
        "v_error_raw": raw,
    }
    assert kept.get("id") == (bad.get("id") if isinstance(bad, dict) else None)


def test_a_record_without_a_failure_has_null_columns():
    """Where nothing failed the count is 0, where nothing was observed it is null, too."""
    assert [row["error_count"] for row in normalize_records([REFUSED, FINE, SILENT])] == [1, 0, None]


def test_explode_prefix_keep_fields_and_paths():
    """All options work together: names of fields, paths into objects, a prefix, a row per failure, bulky members kept."""
    record = {"vendor": "heygen", "answer": {"code": 200, "text": TWO_FAILED["body"]}, "error_code": "mine"}
    options = {"fields": {"provider": "vendor"}, "paths": {"status": "answer.code", "body": ("answer", "text")}, "prefix": "v_"}
    rows = list(normalize_records([record], explode=True, **options))
    assert [{name: row[name] for name in row if name.startswith("v_")} for row in rows] == expected(TWO_FAILED, explode=True, prefix="v_")
    assert [(row["answer"], row["error_code"]) for row in rows] == [({"code": 200}, "mine")] * 2
    (row,) = normalize_records([record], keep=True, **options)
    assert row["answer"] == record["answer"]


@pytest.mark.parametrize("options", [{"fields": {"body": "text"}}, {"paths": {"body": "text"}}, {"paths": {"body": ("text",)}}])
def test_a_path_of_one_name_is_a_name(options):
    """A path that is one name means the member of that name, which is left out like a body."""
    (row,) = normalize_records([{"provider": "heygen", "status": 401, "text": REFUSED["body"]}], **options)
    assert (row["error_code"], "text" in row) == ("400112", False)


@pytest.mark.parametrize(("options", "name"), [({}, "error_code"), ({"on_error": "keep"}, "error_raw"), ({"prefix": "v_"}, "v_error_rule")])
def test_members_with_names_of_ours_clash(options, name):
    """A member with the name of an output column is an error that says what to do, not a value that is lost."""
    with pytest.raises(ColumnClash, match=rf"a column '{name}' already: choose another name for ours with prefix="):
        list(normalize_records([REFUSED | {name: 1}], **options))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"provider": "acme"}, ValueError, "there is no provider 'acme': use one of heygen, liveavatar, heify"),
        ({"fields": {"text": "x"}}, ValueError, "fields: there is no field 'text': use some of provider, status, headers, body, method"),
        ({"fields": {"body": ""}}, ValueError, "fields: body is '': give the name of a column"),
        ({"fields": "body"}, TypeError, "fields maps fields to columns: give a dict"),
        ({"paths": {"text": "x"}}, ValueError, "paths: there is no field 'text': use some of"),
        ({"paths": {"body": "a..b"}}, ValueError, r"paths: body is 'a..b': give names from the outermost, as 'response.body'"),
        ({"paths": {"body": "a.b"}, "fields": {"body": "b"}}, ValueError, "'body' stands in fields and in paths: leave out one"),
        ({"on_error": "drop"}, ValueError, "on_error='drop': use one of raise, keep"),
        ({"prefix": 5}, TypeError, "prefix is text, not int"),
        ({"normalizer": "ours.yaml"}, TypeError, r"normalizer is a Normalizer, not str: pass Normalizer\(Catalogs.load\(FILE\)\)"),
        ({"explod": True}, TypeError, r"normalize_records\(\) has no option 'explod': there are provider, fields, paths, keep, explode"),
    ],
)
def test_wrong_options_are_refused_at_once(options, error, text):
    """A wrong option is refused by the call itself, before any record is taken, with the right ones."""
    with pytest.raises(error, match=text):
        normalize_records(iter(()), **options)


@pytest.mark.parametrize("data", [REFUSED, "text", b"bytes"])
def test_one_record_is_no_iterable_of_records(data):
    """A single record or a text is refused instead of being iterated over."""
    with pytest.raises(TypeError, match=r"takes an iterable of records, not .*: pass \[RECORD\] for one"):
        normalize_records(data)


def test_the_hook_of_a_normalizer_is_called():
    """The hook of a Normalizer that is given hears of codes that no catalog lists."""
    heard = []
    normalizer = Normalizer(Catalogs.load(), heard.append)
    records = [{"status": 400, "body": {"error": {"code": "never_heard_of", "message": "x"}}}]
    (row,) = normalize_records(records, provider="heygen", normalizer=normalizer)
    assert (row["error_code"], [unknown.code for unknown in heard]) == ("never_heard_of", ["never_heard_of"])


def test_no_extra_is_needed():
    """normalize_records works where neither pyarrow nor msgspec nor numpy is installed, and imports none of them."""
    code = (
        "import sys\n"
        "for name in ('pyarrow', 'msgspec', 'numpy', 'pandas', 'polars'): sys.modules[name] = None\n"
        "from heify_heygen_errors import normalize_records, RejectedRowsError\n"
        "print(next(normalize_records([{'provider': 'heygen', 'status': 401, 'body': {'code': 400112}}]))['error_name'])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("UNAUTHORIZED\n", "")


def test_the_error_of_rejected_rows_pickles_and_counts():
    """The error keeps its rows through pickle and copy, and its text shows the first three of many."""
    error = RejectedRowsError([(number, "status is no status") for number in range(5)])
    again = copy.copy(error)
    assert (again.rows, isinstance(error, ValueError)) == (error.rows, True)
    assert str(again).startswith("5 rows cannot be read: row 0: status is no status; row 1: ")
    assert "row 3" not in str(again)
    assert "; and 2 more. on_error='keep'" in str(again)
