"""`normalize_arrow`: tables, batches and streams of every library to rows, equal to what `normalize` says of each."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from frame_cases import (
    NAMELESS,
    ODD,
    REFUSED,
    TWO_FAILED,
    all_expected,
    as_text,
    expected,
    shown,
)

from heify_heygen_errors import Normalizer, RejectedRowsError, normalize_arrow
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline.contract import error_schema
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, ColumnClash

TEXT = REFUSED["body"]
CODE = {"code": 400112, "message": "Unauthorized"}
FIELDS = pa.schema([("id", pa.int64())] + [(field, pa.int64() if field == "status" else pa.string()) for field in INPUT_FIELDS])


def whole_table():
    """A table of the corpus, the samples and generated records."""
    return pa.Table.from_pylist(as_text(), FIELDS)


def errors_of(table):
    """The columns of the contract of a table, as rows."""
    return table.select(list(COLUMNS)).to_pylist()


# Equal to normalize.


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_rows_say_what_normalize_says(chunk, explode):
    """The rows of the corpus, the samples and generated records hold what normalize_all gives, however the table is chunked."""
    table = whole_table()
    if chunk is not None:
        table = pa.Table.from_batches(table.to_batches(max_chunksize=chunk))
    rows = normalize_arrow(table, explode=explode)
    assert all_expected(as_text(), explode=explode) == shown(rows.to_pylist())


STREAMS = {
    "reader": lambda table: table.to_reader(max_chunksize=100),
    "polars": pl.from_arrow,
    "pandas": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "duckdb": None,
}


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_streams_of_every_library_are_read(make):
    """Whatever offers the Arrow C stream gives a reader with the same rows: frames of polars and pandas, relations of DuckDB."""
    with duckdb.connect() as connection:
        check_stream((make or connection.from_arrow)(whole_table()))


def check_stream(data):
    """Fails the test if a stream does not give a reader with the expected rows."""
    reader = normalize_arrow(data)
    assert isinstance(reader, pa.RecordBatchReader)
    assert all_expected(as_text()) == shown(reader.read_all().to_pylist())


class OneArray:
    """An object that offers the Arrow C array and nothing else."""

    def __init__(self, batch):
        self._batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self._batch.__arrow_c_array__(requested_schema)


@pytest.mark.parametrize("make", [lambda batch: batch, OneArray])
def test_a_batch_gives_a_batch(make):
    """A RecordBatch, and whatever offers the Arrow C array, gives one RecordBatch."""
    (batch,) = whole_table().combine_chunks().to_batches()
    rows = normalize_arrow(make(batch))
    assert isinstance(rows, pa.RecordBatch)
    assert all_expected(as_text()) == shown(rows.to_pylist())


def test_slices_with_offsets_are_read_from_their_offset():
    """A slice of a table or batch gives the rows of the slice."""
    table = whole_table()
    assert all_expected(as_text()[200:300]) == shown(normalize_arrow(table.slice(200, 100)).to_pylist())
    (batch,) = table.combine_chunks().to_batches()
    assert all_expected(as_text()[33:50]) == shown(normalize_arrow(batch.slice(33, 17)).to_pylist())


# Types.

BODIES = {
    "string": pa.array([TEXT], pa.string()),
    "large_string": pa.array([TEXT], pa.large_string()),
    "string_view": pa.array([TEXT], pa.string_view()),
    "binary": pa.array([TEXT.encode()], pa.binary()),
    "large_binary": pa.array([TEXT.encode()], pa.large_binary()),
    "fixed_size_binary": pa.array([TEXT.encode()], pa.binary(len(TEXT))),
    "binary_view": pa.array([TEXT.encode()], pa.binary_view()),
    "UTF-16 in binary": pa.array([TEXT.encode("utf-16-le")], pa.binary()),
    "dictionary": pa.array([TEXT]).dictionary_encode(),
    "run_end_encoded": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([TEXT])),
    "json": pa.array([TEXT], pa.json_(pa.string())),
    "struct": pa.array([CODE]),
    "struct with absent members": pa.array([CODE | {"error": None, "data": {"x": None}}, {"error": {"code": "x"}}])[:1],
    "map": pa.array([[("code", "400112"), ("message", "Unauthorized")]], pa.map_(pa.string(), pa.string())),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_read_from_every_type(body):
    """A body means the same in every Arrow type that can hold it."""
    table = pa.table({"provider": ["heygen"], "status": [401], "body": body})
    assert expected(REFUSED) == errors_of(normalize_arrow(table))


STATUSES = {
    "int8": pa.array([101], pa.int8()),
    "uint16": pa.array([401], pa.uint16()),
    "int64": pa.array([401], pa.int64()),
    "float32": pa.array([401], pa.float32()),
    "float64": pa.array([401.0], pa.float64()),
    "decimal": pa.array([Decimal("401.00")], pa.decimal128(5, 2)),
    "string": pa.array(["401"], pa.string()),
    "string with spaces": pa.array([" 401 "], pa.large_string()),
    "dictionary": pa.array([401]).dictionary_encode(),
    "dictionary of strings": pa.array(["401"]).dictionary_encode(),
    "NaN": pa.array([float("nan")]),
    "null": pa.nulls(1),
    "empty string": pa.array([""]),
}
SEEN = {"int8": 101, "NaN": None, "null": None, "empty string": None}


@pytest.mark.parametrize("name", STATUSES)
def test_statuses_are_read_from_every_type(name):
    """A status is read from whole numbers, floats, decimals and digits; NaN, null and "" are none. Its column keeps its type."""
    rows = normalize_arrow(pa.table({"status": STATUSES[name], "body": [TEXT]}), provider="heygen")
    assert rows.column("error_status").to_pylist() == [SEEN.get(name, 401)]
    assert rows.schema.field("status").type == STATUSES[name].type


HEADERS = {
    "string": pa.array(['{"Retry-After": "7"}']),
    "binary": pa.array([b'{"Retry-After": "7"}']),
    "json": pa.array(['{"Retry-After": "7"}'], pa.json_(pa.string())),
    "struct": pa.array([{"Retry-After": "7", "Age": None}]),
    "struct of numbers": pa.array([{"Retry-After": 7}]),
    "map": pa.array([[("Retry-After", "7")]], pa.map_(pa.string(), pa.string())),
    "map with a name twice": pa.array([[("Retry-After", "7"), ("Retry-After", "3")]], pa.map_(pa.string(), pa.string())),
    "pairs": pa.array([[["Retry-After", "7"]]]),
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_are_read_from_every_type(headers):
    """Headers are read from JSON text, structs, maps and pairs."""
    table = pa.table({"provider": ["heygen"], "status": [429], "headers": headers, "body": ["{}"]})
    assert normalize_arrow(table).column("error_retry_after").to_pylist() == [7.0]


def test_text_that_is_no_utf_8_is_read_as_bytes():
    """Arrow does not check its texts: bytes that are no UTF-8 in a text column are a body like any other."""
    body = pa.array([b'{"code":400112,"message":"\xff"}'], pa.binary()).view(pa.string())
    (row,) = normalize_arrow(pa.table({"provider": ["heygen"], "status": [401], "body": body})).to_pylist()
    assert (row["error_code"], row["error_message"]) == ("400112", "\ufffd")


def test_bodies_of_one_shape_are_read_as_structs():
    """Decoded bodies that Arrow holds as structs of one shape mean what each means by itself: null members are absent."""
    bodies = [
        CODE,
        {"error": {"code": "insufficient_credit", "message": "x"}},
        {"error": {"code": None, "message": "Too many requests"}},
        {"data": {"status": "failed", "failure_code": "timeout"}, "code": 100},
        {"data": {"status": "completed"}},
        None,
    ]
    records = [{"id": number, "provider": "heygen", "status": 400 + number, "body": body} for number, body in enumerate(bodies)]
    table = pa.table({name: [record[name] for record in records] for name in records[0]})
    assert all_expected(records) == shown(normalize_arrow(table).to_pylist())


# Columns.

PASSING = {
    "a": pa.array([1, None], pa.int8()),
    "b": pa.array([Decimal("1.50"), None]),
    "c": pa.array([0, 1], pa.timestamp("ns", "Europe/Berlin")),
    "d": pa.array([[1], None]),
    "e": pa.array(["x", "x"]).dictionary_encode(),
    "f": pa.array([{"x": 1}, None]),
    "g": pa.array([b"0123456789abcdef"] * 2, pa.uuid()),
    "h": pa.nulls(2),
    "i": pa.array(["long enough to lie outside of the view", None], pa.string_view()),
    "j": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["x"])),
    "k": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["x"])]),
    "l": pa.array([{"x": "long enough to lie outside of the view"}, None], pa.struct([("x", pa.string_view())])),
}


@pytest.mark.parametrize("how", [lambda table: table, lambda table: table.to_reader(), lambda table: table.to_batches()[0]])
def test_columns_pass_through_with_type_value_and_metadata(how):
    """Every other column passes through, in its place, with its type, its values and its field's metadata."""
    table = pa.table({"id": [1, 2], **PASSING, "status": [401, 200], "provider": ["heygen"] * 2, "body": [TEXT, None]})
    noted = table.schema.field("a").with_metadata({"unit": "s"})
    table = pa.table(table.columns, table.schema.set(1, noted).with_metadata({"of": "ours"}))
    rows = normalize_arrow(how(table))
    rows = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([*rows] if isinstance(rows, pa.RecordBatchReader) else [rows])
    kept = ["id", *PASSING, "status", "provider"]
    assert rows.schema.names == [*kept, *COLUMNS]
    assert [rows.schema.field(name) for name in kept] == [table.schema.field(name) for name in kept]
    assert rows.schema.field("a").metadata == {b"unit": b"s"}
    assert rows.select(kept).to_pylist() == table.select(kept).to_pylist()
    assert rows.schema.metadata[b"of"] == b"ours"


def test_columns_of_every_type_pass_through_in_chunks():
    """Chunks of a column are put together where slices need it, whatever its type."""
    table = pa.table({**PASSING, "status": [401, 200]})
    rows = normalize_arrow(pa.concat_tables([table] * 3), provider="heygen")
    assert rows.select(table.schema.names).to_pylist() == table.to_pylist() * 3


@pytest.mark.parametrize("name", PASSING)
def test_columns_of_every_type_are_repeated(name):
    """With explode a column of any type repeats its values with its type."""
    bodies = [json.dumps(TWO_FAILED["body"]), None]
    table = pa.table({name: PASSING[name], "status": [200, 200], "body": bodies})
    rows = normalize_arrow(table, provider="heygen", explode=True)
    first, second = PASSING[name].to_pylist()
    assert (rows.schema.field(name).type, rows.column(name).to_pylist()) == (PASSING[name].type, [first, first, second])


def test_the_schema_is_the_contract_and_says_its_versions():
    """The columns of the contract have their types and stand behind the others; the metadata say the versions."""
    rows = normalize_arrow(pa.table({"status": [401]}), provider="heygen", prefix="v_")
    contract = error_schema("v_", default_catalogs().version)
    assert rows.schema == pa.schema([pa.field("status", pa.int64()), *contract])
    assert rows.schema.metadata == contract.metadata
    assert rows.schema.metadata[b"heify_heygen_errors.schema"] == b"1"


EMPTY = {
    "table": FIELDS.empty_table(),
    "table without chunks": pa.table([pa.chunked_array([], kind) for kind in FIELDS.types], FIELDS),
    "batch": pa.RecordBatch.from_pylist([], FIELDS),
    "reader": pa.RecordBatchReader.from_batches(FIELDS, []),
    "polars": pl.from_arrow(FIELDS.empty_table()),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("options", [{}, {"explode": True}, {"on_error": "keep"}])
def test_no_rows_have_the_same_schema(name, options):
    """Data without rows have the schema of data with rows."""
    rows = normalize_arrow(EMPTY[name] if name != "reader" else pa.RecordBatchReader.from_batches(FIELDS, []), **options)
    count = len(rows.read_all()) if isinstance(rows, pa.RecordBatchReader) else rows.num_rows
    contract = error_schema(kept="on_error" in options)
    assert (count, rows.schema.names) == (0, ["id", "provider", "status", "method", "exception", *contract.names])
    assert [rows.schema.field(name) for name in contract.names] == list(contract)


def test_explode_repeats_what_passes_through():
    """With explode a record has a row per failure, each with what passes through of the record."""
    table = pa.table(
        {"id": [1, 2, 3], "provider": ["heygen"] * 3, "status": [200, 401, 200], "body": [json.dumps(TWO_FAILED["body"]), TEXT, None]}
    )
    rows = normalize_arrow(table, explode=True)
    assert rows.column("id").to_pylist() == [1, 1, 2, 3]
    assert rows.column("error_name").to_pylist() == ["VOICE_NOT_FOUND", "JOB_FAILED_WITHOUT_REASON", "UNAUTHORIZED", None]
    assert rows.column("error_count").to_pylist() == [2, 2, 1, 0]


def test_fields_paths_keep_and_prefix():
    """Columns and paths into structs are named, bulky ones are kept on demand, and ours get a prefix."""
    answers = pa.array([{"code": 401, "text": TEXT, "ms": 5}, None, {"code": 200, "text": None, "ms": 6}])
    table = pa.table({"vendor": ["heygen"] * 3, "answer": answers, "url": ["/x"] * 3})
    options = {"fields": {"provider": "vendor"}, "paths": {"status": "answer.code", "body": ("answer", "text")}, "prefix": "v_"}
    rows = normalize_arrow(table, **options)
    assert rows.schema.names == ["vendor", "answer", *("v_" + column for column in COLUMNS)]
    assert rows.column("answer").to_pylist() == [{"code": 401, "ms": 5}, None, {"code": 200, "ms": 6}]
    assert rows.column("v_error_code").to_pylist() == ["400112", None, None]
    assert rows.column("v_error_count").to_pylist() == [1, None, 0]
    kept = normalize_arrow(table, keep=True, **options)
    assert kept.select(["vendor", "answer", "url"]) == table


# Wrong use.


@pytest.mark.parametrize(
    ("columns", "options", "error", "text"),
    [
        (["body", "error_code"], {}, ColumnClash, "a column 'error_code' already: choose another name for ours with prefix="),
        (["body", "error_raw"], {"on_error": "keep"}, ColumnClash, "a column 'error_raw' already"),
        (["body", "v_error_code"], {"prefix": "v_"}, ColumnClash, "a column 'v_error_code' already"),
        (["body", "x", "x"], {}, ValueError, "two columns have the name 'x': rename one of them"),
        (["body"], {"fields": {"url": "link"}}, ValueError, "there is no column 'link': the columns are body"),
        (
            ["text", "code"],
            {},
            ValueError,
            r"none of the columns body, exception, status is there: the columns are text, code; say .* fields=",
        ),
        (["body"], {"paths": {"body": "body.text"}}, ValueError, "paths: body: 'body' is no struct but string"),
        (["body"], {"paths": {"body": "answer.text"}}, ValueError, "there is no column 'answer': the columns are body"),
        (["body"], {"explod": True}, TypeError, r"normalize_arrow\(\) has no option 'explod'"),
    ],
)
def test_tables_and_options_that_do_not_fit_are_refused(columns, options, error, text):
    """What cannot be meant is refused with a remedy instead of giving null columns; a reader refuses it before it is read."""
    table = pa.table([pa.array(["x"])] * len(columns), names=columns)
    with pytest.raises(error, match=text):
        normalize_arrow(table, **options)
    with pytest.raises(error, match=text):
        normalize_arrow(table.to_reader(), **options)


def test_a_struct_without_the_field_of_a_path_is_refused():
    """A path whose last name is misspelt is refused with the names that there are."""
    table = pa.table({"status": [401], "answer": pa.array([{"text": "x", "ms": 1}], pa.struct([("text", pa.string()), ("ms", pa.int8())]))})
    with pytest.raises(ValueError, match=r"paths: body: 'answer' has no field 'txt': there are text, ms"):
        normalize_arrow(table, paths={"body": "answer.txt"})


@pytest.mark.parametrize("data", [[REFUSED], {"body": [TEXT]}, "log.parquet", None])
def test_other_things_are_refused(data):
    """What is no Arrow data is refused, with what is taken."""
    with pytest.raises(TypeError, match=r"cannot read \w+: pass a pyarrow Table, RecordBatch or RecordBatchReader, or anything with"):
        normalize_arrow(data)


def test_data_without_any_column_observe_nothing():
    """Data without columns have the columns of the contract and no row."""
    rows = normalize_arrow(pa.table({}))
    assert (rows.num_rows, rows.schema.names) == (0, list(COLUMNS))


# Rows that cannot be read.


def odd_table(*, between=1):
    """A table with unreadable rows behind readable ones."""
    good = REFUSED | {"status": "401"}
    return pa.Table.from_pylist([good] * between + [ODD] + [good] * between + [NAMELESS | {"status": "500"}])


def test_rows_that_cannot_be_read_are_raised_all_at_once():
    """All unreadable rows of a table are named by number and reason, across slices; none is left out silently."""
    with pytest.raises(RejectedRowsError) as caught:
        normalize_arrow(odd_table(between=20_000))
    reason = "nothing names the provider: name one of heygen, liveavatar, heify"
    assert caught.value.rows == ((20_000, "status is no status"), (40_001, reason))


def test_a_reader_raises_when_it_comes_to_them():
    """A reader gives the batches in front of an unreadable row, then raises the error with the row's number in the stream."""
    reader = normalize_arrow(odd_table().to_reader(max_chunksize=1))
    assert reader.read_next_batch().column("error_code").to_pylist() == ["400112"]
    with pytest.raises(RejectedRowsError) as caught:
        reader.read_next_batch()
    assert caught.value.rows == ((1, "status is no status"),)


@pytest.mark.parametrize("how", [lambda table: table, lambda table: table.to_reader(max_chunksize=1)])
def test_rows_that_cannot_be_read_can_be_kept(how):
    """With on_error="keep" they stay in their place, with null columns, the reason and what was read of them."""
    rows = normalize_arrow(how(odd_table()), on_error="keep", prefix="v_")
    rows = rows if isinstance(rows, pa.Table) else rows.read_all()
    assert rows.column("v_error_code").to_pylist() == ["400112", None, "400112", None]
    assert rows.column("v_error_count").to_pylist() == [1, None, 1, None]
    assert rows.column("v_error_reject").to_pylist() == [
        None,
        "status is no status",
        None,
        "nothing names the provider: name one of heygen, liveavatar, heify",
    ]
    assert [text and json.loads(text) for text in rows.column("v_error_raw").to_pylist()] == [
        None,
        ODD,
        None,
        {"status": "500", "body": "x"},
    ]


def test_what_was_read_of_a_kept_row_is_text_whatever_it_holds():
    """The text of a kept row holds bytes with replacement characters, nested values as JSON, and never fails."""
    table = pa.table(
        {
            "status": ["soon"] * 2,
            "body": pa.array([b"\xffx", None], pa.binary()),
            "headers": pa.array([{"a": 1.5}, None]),
            "url": pa.array([b"\xfe", None], pa.binary()).view(pa.string()),
        }
    )
    rows = normalize_arrow(table, on_error="keep", provider="heygen")
    assert [json.loads(text) for text in rows.column("error_raw").to_pylist()] == [
        {"status": "soon", "headers": {"a": 1.5}, "body": "\ufffdx", "url": "\ufffd"},
        {"status": "soon"},
    ]


# Laziness and memory.


def test_a_reader_reads_no_further_than_it_is_read():
    """A reader takes a batch of its source only when its own next batch is asked for: endless sources work."""
    taken = []

    def source():
        while True:
            taken.append(1)
            yield pa.RecordBatch.from_pylist([REFUSED])

    reader = normalize_arrow(pa.RecordBatchReader.from_batches(pa.RecordBatch.from_pylist([REFUSED]).schema, source()))
    assert taken == []
    assert [reader.read_next_batch().num_rows for _ in range(3)] == [1, 1, 1]
    assert len(taken) == 3


def test_large_batches_are_worked_on_in_slices():
    """A batch of a stream that is larger than a slice comes out as several, with all its rows in order."""
    table = pa.table({"id": range(40_000), "status": pa.array([401] * 40_000), "body": [TEXT] * 40_000})
    batches = list(normalize_arrow(table.to_reader(), provider="heygen"))
    assert [batch.num_rows for batch in batches] == [16_384, 16_384, 7_232]
    assert [number for batch in batches for number in batch.column("id").to_pylist()] == list(range(40_000))


def test_a_stream_is_not_held_in_memory():
    """Of a stream no more than a batch or two is in memory, however long it is."""
    batch = pa.RecordBatch.from_pydict({"status": [401] * 10, "blob": [b"x" * 400_000] * 10})
    held = []

    def source():
        for _ in range(20):
            yield pa.RecordBatch.from_pydict({name: batch.column(name).to_pylist() for name in batch.schema.names})

    before = pa.total_allocated_bytes()
    for rows in normalize_arrow(pa.RecordBatchReader.from_batches(batch.schema, source()), provider="heygen"):
        held.append((pa.total_allocated_bytes() - before) / batch.nbytes)
        assert rows.column("error_status").to_pylist() == [401] * 10
    assert len(held) == 20
    assert max(held) < 4


# Catalogs and extras.


def test_other_catalogs_decide_and_are_named(laid_over, entry):
    """The catalogs of a Normalizer decide, and the metadata name their version."""
    normalizer = laid_over(entry(name="NEVER_HEARD_OF", codes=["never_heard_of"], category="payment"))
    table = pa.table({"status": [402], "body": ['{"code":"never_heard_of","message":"x"}']})
    rows = normalize_arrow(table, provider="heygen", normalizer=normalizer)
    assert rows.column("error_rule").to_pylist() == ["heygen/NEVER_HEARD_OF@mine"]
    assert rows.schema.metadata[b"heify_heygen_errors.catalog"] == normalizer.catalogs.version.encode()


def test_the_hook_of_a_normalizer_is_not_called():
    """Unknown codes are no call of a hook, whose count would depend on what was remembered; they are rows without a name."""
    heard = []
    table = pa.table({"status": [400], "body": ['{"code":"never_heard_of","message":"x"}'], "method": pa.array([5])})
    rows = normalize_arrow(table, provider="heygen", normalizer=Normalizer(on_unknown_code=heard.append))
    assert (rows.column("error_code").to_pylist(), rows.column("error_name").to_pylist(), heard) == (["never_heard_of"], [None], [])


@pytest.mark.parametrize(
    ("function", "missing", "command"),
    [
        ("normalize_arrow", "pyarrow", "pip install 'heify-heygen-errors[pipeline]'"),
        ("normalize_arrow", "msgspec", "pip install 'heify-heygen-errors[pipeline]'"),
        ("normalize_polars", "pyarrow", "pip install 'heify-heygen-errors[pipeline]'"),
        ("normalize_polars", "polars", "pip install polars"),
        ("normalize_pandas", "pyarrow", "pip install 'heify-heygen-errors[pipeline]'"),
        ("normalize_pandas", "pandas", "pip install pandas"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(function, missing, command):
    """Without a library that a function needs, its call says which one is missing and how to install it; the import works."""
    code = (
        f"import sys\nsys.modules[{missing!r}] = None\n"
        f"from heify_heygen_errors import {function}\n"
        f"try: {function}(None)\nexcept ModuleNotFoundError as error: print(error, error.name, error.__cause__, sep='|')"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{function} needs {missing}: {command}|{missing}|None\n", "")
