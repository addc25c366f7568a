"""`normalize_pandas`: frames with any index and any types, equal to what `normalize` says of each row."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from frame_cases import FINE, NAMELESS, ODD, REFUSED, TWO_FAILED, all_expected, as_objects, as_text, expected, shown
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pandas_forms import FORMS

from heify_heygen_errors import Category, Observation, RejectedRowsError, normalize, normalize_pandas
from heify_heygen_errors.records import COLUMNS, ColumnClash

CODE = {"code": 400112, "message": "Unauthorized"}


def rows_of(frame):
    """The rows of a frame with None for whatever is missing."""
    plain = frame.astype(object)
    return plain.where(plain.notna(), None).to_dict("records")


def errors_of(frame):
    """The columns of the contract, as rows."""
    return rows_of(frame[list(COLUMNS)])


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_rows_say_what_normalize_says(form, explode):
    """The rows of the corpus, the samples and generated records hold what normalize_all gives, for columns of every kind."""
    records = as_objects() if form == "objects" else as_text()
    rows = normalize_pandas(FORMS[form](), explode=explode)
    assert all_expected(records, explode=explode) == shown(rows_of(rows))


# Cells.

BODIES = {
    "text": REFUSED["body"],
    "bytes": REFUSED["body"].encode(),
    "bytearray": bytearray(REFUSED["body"].encode()),
    "memoryview": memoryview(REFUSED["body"].encode()),
    "UTF-16": REFUSED["body"].encode("utf-16-be"),
    "dict": CODE,
    "dict with numpy's numbers": {"code": np.int64(400112), "message": "Unauthorized"},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_of_every_kind_stand_in_one_column(body):
    """A cell can be text, bytes or decoded JSON, beside cells of other kinds and beside None, NaN and NA."""
    bodies = [body, None, float("nan"), pd.NA, "<html>", [1], CODE, 5, True]
    frame = pd.DataFrame({"provider": "heygen", "status": 401, "body": pd.Series(bodies, dtype=object)})
    rows = normalize_pandas(frame)
    assert errors_of(rows)[:1] == expected(REFUSED)
    assert rows["error_code"].fillna("").tolist() == ["400112", "", "", "", "", "", "400112", "", ""]
    assert rows["error_category"].tolist() == ["authentication"] * 9


def test_nested_columns_of_files_are_read(tmp_path):
    """Bodies that pandas reads from nested Parquet columns, where lists are arrays of numpy, mean what they mean as JSON."""
    body = TWO_FAILED["body"]
    path = tmp_path / "log.parquet"
    pd.DataFrame({"provider": ["heygen"], "status": [200], "body": [body]}).to_parquet(path)
    frame = pd.read_parquet(path)
    assert isinstance(frame["body"].iloc[0]["data"]["items"], np.ndarray)
    assert expected(TWO_FAILED, explode=True) == errors_of(normalize_pandas(frame, explode=True))
    arrow = pd.read_parquet(path, dtype_backend="pyarrow")
    assert expected(TWO_FAILED, explode=True) == errors_of(normalize_pandas(arrow, explode=True))


HOSTILE = [
    {"code": 2**70, "message": "x"},
    {"code": 400112.0, "message": "x"},
    {"code": float("nan"), "message": "x"},
    {"code": float("inf"), "message": "x"},
    {"code": 1e22, "message": "x"},
    {"code": "\ud800", "message": "\udfff"},
    {1: "x", "message": "y"},
    {"code": (1, 2), "message": {"a"}},
    {"code": True, "message": None},
    {"message": Decimal("1.5")},
    {"error": {"code": "insufficient_credit", "message": pd.Timestamp(0)}},
    json.loads("[" * 70 + "]" * 70),
    object(),
    {1, 2},
    pd.Timestamp(0),
    2**70,
    -1.5,
    "x" * 100,
    "\ud800",
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_odd_cells_mean_what_they_mean_to_normalize(body):
    """Whatever object a cell holds, the row says what normalize says of an observation with it; nothing raises."""
    frame = pd.DataFrame({"provider": ["heygen"], "status": [400], "body": pd.Series([body], dtype=object)})
    info = normalize(Observation("heygen", 400, None, body))
    (row,) = errors_of(normalize_pandas(frame))
    assert (row["error_code"], row["error_message"], row["error_rule"]) == (info.code, info.message, info.rule)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(["code", "message", "error", "data", "x"]), children),
    max_leaves=8,
)


@given(st.lists(_JSON, min_size=1, max_size=5))
def test_decoded_bodies_mean_what_they_mean_to_normalize(bodies):
    """Decoded JSON of any shape in object cells gives the row that normalize gives, NaN and infinity included."""
    frame = pd.DataFrame({"provider": "heygen", "status": 400, "body": pd.Series(bodies, dtype=object)})
    records = [
        {"provider": "heygen", "status": 400, "body": None if isinstance(body, float) and math.isnan(body) else body} for body in bodies
    ]
    assert [row for record in records for row in expected(record)] == errors_of(normalize_pandas(frame))


STATUSES = {
    "int": pd.Series([401]),
    "float with NaN beside": pd.Series([401.0, np.nan])[:1],
    "Int64": pd.Series([401], dtype="Int64"),
    "Float64": pd.Series([401], dtype="Float64"),
    "digits": pd.Series(["401"]),
    "string": pd.Series(["401"], dtype="string"),
    "category": pd.Series([401], dtype="category"),
    "object": pd.Series([np.int16(401)], dtype=object),
    "decimal": pd.Series([Decimal("401.0")], dtype=object),
    "Arrow": pd.Series([401], dtype=pd.ArrowDtype(pa.uint16())),
    "Arrow decimal": pd.Series([Decimal("401.0")], dtype=pd.ArrowDtype(pa.decimal128(5, 1))),
}


@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
@pytest.mark.parametrize("headers", [None, {"Retry-After": "7"}, '{"Retry-After": "7"}', b'{"Retry-After": "7"}', [("Retry-After", "7")]])
def test_fields_are_read_from_every_type(status, headers):
    """Statuses are read from numbers of every type and digits, headers from dicts, pairs and JSON text."""
    frame = pd.DataFrame({"status": status, "headers": pd.Series([headers], dtype=object), "body": [REFUSED["body"]]})
    (row,) = errors_of(normalize_pandas(frame, provider="heygen"))
    assert (row["error_status"], row["error_code"], row["error_retry_after"]) == (401, "400112", headers and 7.0)


# Columns.


def test_columns_have_the_types_of_the_contract():
    """Enums are categoricals of all their values in fixed order, the others nullable types."""
    rows = normalize_pandas(pd.DataFrame(as_text()))
    assert rows["error_category"].cat.categories.tolist() == [category.value for category in Category]
    assert not rows["error_category"].cat.ordered
    assert {name: str(rows[name].dtype) for name in COLUMNS if str(rows[name].dtype) != "category"} == {
        **dict.fromkeys((name for name in COLUMNS if str(rows[name].dtype) != "category"), "string"),
        "error_status": "Int32",
        "error_retryable": "boolean",
        "error_retry_after": "Float64",
        "error_count": "Int32",
    }
    assert sum(str(rows[name].dtype) == "category" for name in COLUMNS) == 6


@pytest.mark.parametrize("options", [{}, {"explode": True}, {"on_error": "keep"}])
def test_no_rows_have_the_same_types(options):
    """A frame without rows gets columns of the same types, with all categories."""
    full = pd.DataFrame(as_text())
    assert_frame_equal(normalize_pandas(full, **options).iloc[:0], normalize_pandas(full.iloc[:0], **options))
    assert normalize_pandas(pd.DataFrame()).columns.tolist() == list(COLUMNS)


def test_columns_pass_through_untouched():
    """Every other column passes through in its place, with its type and the same objects; the frame is not changed."""
    marker = object()
    frame = pd.DataFrame(
        {
            "a": pd.Series([1, 2], dtype="int8"),
            "b": pd.Series([marker, {1}], dtype=object),
            "c": pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin"),
            "d": pd.Series(["x", None], dtype="category"),
            "status": [401, 200],
            "e": pd.Series([1, None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
            "f": pd.Series([pd.Interval(0, 1), pd.Interval(1, 2)]),
            5: [1j, 2j],
            "body": [REFUSED["body"], None],
        }
    )
    frame.attrs["source"] = "ours"
    before = frame.copy()
    rows = normalize_pandas(frame, provider="heygen")
    assert rows.columns.tolist() == ["a", "b", "c", "d", "status", "e", "f", 5, *COLUMNS]
    assert_frame_equal(frame.drop(columns="body"), rows.drop(columns=list(COLUMNS)))
    assert rows["b"].iloc[0] is marker
    assert rows.attrs == {"source": "ours"}
    assert_frame_equal(before, frame)


INDICES = {
    "range": pd.RangeIndex(5, 11, 2),
    "text": pd.Index(["x", "y", "z"], name="key"),
    "duplicates": pd.Index([1, 1, 1]),
    "NaN": pd.Index([np.nan, np.nan, 1.0]),
    "times": pd.date_range("2026-01-01", periods=3, tz="UTC", name="ts"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["k", None]),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_the_index_is_kept(index):
    """The index stays as it is, whatever it is; with explode the labels of rows with several failures repeat."""
    frame = pd.DataFrame([REFUSED, TWO_FAILED, FINE], index=index)
    rows = normalize_pandas(frame)
    pd.testing.assert_index_equal(index, rows.index)
    assert rows["error_name"].tolist()[:2] == ["UNAUTHORIZED", "VOICE_NOT_FOUND"]
    exploded = normalize_pandas(frame, explode=True)
    pd.testing.assert_index_equal(index.take([0, 1, 1, 2]), exploded.index)
    assert exploded["error_name"].fillna("").tolist() == ["UNAUTHORIZED", "VOICE_NOT_FOUND", "JOB_FAILED_WITHOUT_REASON", ""]
    assert exploded["status"].tolist() == [401, 200, 200, 200]


def test_many_rows_keep_their_order():
    """Frames of several slices, and slices of frames, keep their rows."""
    frame = pd.DataFrame({"id": range(40_000), "status": 401, "body": [f'{{"code":{number}}}' for number in range(40_000)]})
    rows = normalize_pandas(frame.iloc[::-1], provider="heygen")
    assert rows["id"].tolist() == list(range(39_999, -1, -1))
    assert rows["error_code"].iloc[[0, 16_384, 39_990]].tolist() == ["39999", "23615", "9"]


# Options.


@pytest.mark.parametrize("dtype", [object, "arrow"])
def test_fields_paths_keep_and_prefix(dtype):
    """Columns and paths into objects are named, bulky ones are kept on demand, and ours get a prefix."""
    answers = [{"code": 401, "text": REFUSED["body"], "ms": 5}, None, {"code": 200, "text": None, "ms": 6}]
    kind = pd.ArrowDtype(pa.array(answers).type) if dtype == "arrow" else object
    frame = pd.DataFrame({"vendor": ["heygen"] * 3, "answer": pd.Series(answers, dtype=kind), "url": ["/x"] * 3})
    options = {"fields": {"provider": "vendor"}, "paths": {"status": "answer.code", "body": ("answer", "text")}, "prefix": "v_"}
    rows = normalize_pandas(frame, **options)
    assert rows.columns.tolist() == ["vendor", "answer", *("v_" + column for column in COLUMNS)]
    assert [row["answer"] for row in rows_of(rows)] == [{"code": 401, "ms": 5}, None, {"code": 200, "ms": 6}]
    assert rows["v_error_code"].fillna("").tolist() == ["400112", "", ""]
    assert rows["v_error_count"].fillna(-1).tolist() == [1, -1, 0]
    assert_frame_equal(frame, normalize_pandas(frame, keep=True, **options)[["vendor", "answer", "url"]])


def test_a_struct_of_which_nothing_is_left_is_left_out():
    """A nested column of an Arrow type that holds nothing but bulky fields does not pass through."""
    frame = pd.DataFrame({"answer": pd.Series([{"text": REFUSED["body"]}], dtype=pd.ArrowDtype(pa.struct([("text", pa.string())])))})
    rows = normalize_pandas(frame, provider="heygen", paths={"body": "answer.text"})
    assert rows.columns.tolist() == list(COLUMNS)
    assert rows["error_code"].tolist() == ["400112"]


@pytest.mark.parametrize(
    ("columns", "options", "error", "text"),
    [
        (["body", "error_code"], {}, ColumnClash, "a column 'error_code' already: choose another name for ours with prefix="),
        (["body", "error_raw"], {"on_error": "keep"}, ColumnClash, "a column 'error_raw' already"),
        (["text", 5], {}, ValueError, "none of the columns body, exception, status is there: the columns are text, 5"),
        (["body"], {"fields": {"url": "link"}}, ValueError, "there is no column 'link': the columns are body"),
        (["body", "body"], {}, ValueError, "two columns have the name 'body': rename one of them"),
        (pd.MultiIndex.from_tuples([("a", "body")]), {}, ValueError, "the columns have several levels: give them plain names first"),
        (["body"], {"provider": "acme"}, ValueError, "there is no provider 'acme'"),
    ],
)
def test_frames_and_options_that_do_not_fit_are_refused(columns, options, error, text):
    """What cannot be meant is refused with a remedy."""
    with pytest.raises(error, match=text):
        normalize_pandas(pd.DataFrame([["x"] * len(columns)], columns=columns), **options)


def test_names_that_stand_twice_pass_through():
    """Columns that are not read may have one name."""
    frame = pd.DataFrame([[401, 1, 2]], columns=["status", "x", "x"])
    assert normalize_pandas(frame, provider="heygen").columns.tolist() == ["status", "x", "x", *COLUMNS]


@pytest.mark.parametrize("frame", [pl.DataFrame({"body": ["x"]}), [REFUSED], pd.Series(["x"])])
def test_other_things_are_refused(frame):
    """What is no frame of pandas is refused by its type."""
    with pytest.raises(TypeError, match="normalize_pandas takes a DataFrame of pandas, not "):
        normalize_pandas(frame)


# Rows that cannot be read.


def test_rows_that_cannot_be_read_are_raised():
    """All unreadable rows are named by place and reason; none is left out silently."""
    frame = pd.DataFrame([REFUSED, ODD, REFUSED, NAMELESS], index=list("abcd"))
    with pytest.raises(RejectedRowsError) as caught:
        normalize_pandas(frame)
    reason = "nothing names the provider: name one of heygen, liveavatar, heify"
    assert caught.value.rows == ((1, "status is no status"), (3, reason))


def test_rows_that_cannot_be_read_can_be_kept():
    """With on_error="keep" they stay in their place, with null columns, the reason and what was read of them."""
    odd = [
        REFUSED,
        ODD,
        NAMELESS | {"body": b"\xffx", "exception": float("nan")},
        ODD | {"body": {1: {2}}},
        ODD | {"body": {"x": "\ud800"}},
    ]
    rows = normalize_pandas(pd.DataFrame(odd), on_error="keep")
    assert rows["error_code"].fillna("").tolist() == ["400112", "", "", "", ""]
    assert rows["error_reject"].isna().tolist() == [True, False, False, False, False]
    assert [json.loads(text) for text in rows["error_raw"].tolist()[1:]] == [
        ODD,
        {"status": 500, "body": "\ufffdx"},
        ODD | {"body": {"1": [2]}},
        ODD | {"body": "{'x': '\\ud800'}"},
    ]
