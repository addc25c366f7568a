"""Rows of tables: judged as by the reference, columns and types kept, whatever the types are."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import normalize_records
from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.tables import normalize_batch, reject_of_row, row_as_json
from heify_heygen_errors.records import COLUMNS, ColumnClash, RecordOptions
from heify_heygen_errors.testing.logs import Mix, records

_TESTS = Path(__file__).resolve().parents[1]
_DEFAULT = RecordOptions(provider="heygen")
_BODY = '{"code":400112,"message":"Unauthorized"}'


def _batch(**columns):
    return pa.RecordBatch.from_pydict({name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in columns.items()})


def _with_text(record):
    """A record as a table of plain columns holds it: headers and body are text."""
    return {
        name: json.dumps(value) if isinstance(value, dict | list | bool | int) and name in ("headers", "body") else value
        for name, value in record.items()
    }


def _whole(rows):
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("bodies", ["repeating", "different"])
def test_rows_of_a_log_are_judged_as_by_the_reference(bulk, bodies, explode):
    """A table of a log, headers and bodies as text, has the values of the reference in every column."""
    rows = [_with_text(record) for record in records(3000, 5, Mix(bodies=bodies, headers=0.5))]
    assert bulk.batch_differs(_batch(**_whole(rows)), RecordOptions(provider="heygen", explode=explode)) == {}


def test_text_bodies_of_the_samples_are_judged_as_by_the_reference(bulk):
    """The samples as a table of text columns, and of bytes, have the values of the reference."""
    samples = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((_TESTS / "samples").rglob("*.json"))]
    columns = {name: [sample[name] for sample in samples] for name in ("provider", "status", "body", "method", "url")}
    headers = [None if sample["headers"] is None else json.dumps(sample["headers"]) for sample in samples]
    assert bulk.batch_differs(_batch(**columns, headers=headers)) == {}
    encoded = [body.encode() for body in columns.pop("body")]
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert bulk.batch_differs(_batch(**columns, headers=headers, body=pa.array(encoded, kind))) == {}


def test_struct_bodies_of_the_samples_are_judged_as_by_the_reference(bulk):
    """A body that is a struct is judged as the object without its nulls, by itself or under the shape of a whole column."""
    bodies = []
    for path in sorted((_TESTS / "samples").rglob("*.json")):
        sample = json.loads(path.read_text(encoding="utf-8"))
        try:
            body = json.loads(sample["body"])
            batch = _batch(provider=[sample["provider"]], status=pa.array([sample["status"]], pa.int64()), body=[body])
        except (ValueError, pa.ArrowException):
            continue
        if isinstance(body, dict):
            bodies.append(body)
            assert (path.name, bulk.batch_differs(batch)) == (path.name, {})
    errors = [
        {"error": body["error"]} for body in bodies if isinstance(body.get("error"), dict) and set(body["error"]) <= {"code", "message"}
    ]
    errors = [body for body in errors if all(isinstance(value, str) for value in body["error"].values())]
    assert len(errors) > 3
    assert bulk.batch_differs(_batch(status=[400] * len(errors), body=errors)) == {}


_STATUS_TYPES = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
]


@pytest.mark.parametrize("kind", _STATUS_TYPES, ids=str)
def test_status_of_any_type_is_read(bulk, kind):
    """A status in a column of any type of number or text is the same status, and null is none."""
    written = [100, None, 12] if pa.types.is_integer(kind) and kind.bit_width == 8 else [404, None, 200]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = [None if value is None else str(value).encode() for value in written]
    else:
        values = [
            value
            if value is None or (not pa.types.is_string(kind) and not pa.types.is_large_string(kind) and kind != pa.string_view())
            else str(value)
            for value in written
        ]
    done = normalize_batch(_batch(status=pa.array(values, kind), body=[_BODY] * 3), Kernel(_DEFAULT))
    assert done.batch.column("error_status").to_pylist() == written


@pytest.mark.parametrize(
    "values",
    [
        [404.5, float("inf"), 1e12, -1.5],
        [True, False],
        ["x", "4e2", "404.5", "\u0664"],
        [2**31, 10**9, -(10**9)],
        [[404], []],
        [{"a": 404}],
    ],
    ids=str,
)
def test_status_that_is_none_is_refused(bulk, values):
    """What is no status makes a reject of its row with the reason of the reference; the others are judged."""
    batch = _batch(status=values, body=[_BODY] * len(values))
    done = normalize_batch(batch, Kernel(_DEFAULT))
    assert done.rejected == tuple((row, "status is no status") for row in range(len(values)))
    assert bulk.batch_differs(batch) == {}


def test_missing_number_in_a_column_of_doubles_is_null():
    """Not-a-number, which stands for nothing in tables of Python, is nothing."""
    done = normalize_batch(_batch(status=[float("nan"), 404.0], body=[_BODY] * 2), Kernel(_DEFAULT))
    assert (done.batch.column("error_status").to_pylist(), done.rejected) == ([None, 404], ())


_HEADER_COLUMNS = {
    "text": pa.array(['{"Retry-After":"5"}', None, "", "nonsense", "[]", '[["retry-after","7"]]']),
    "struct": pa.array([{"Retry-After": "5"}, None, {"x-request-id": "r"}, {}, {"Retry-After": None}, {"Retry-After": "6"}]),
    "map": pa.array(
        [[("Retry-After", "5")], None, [], [("retry-after", "5"), ("Retry-After", "9")], [("x", None)], [("a", "b")]],
        pa.map_(pa.string(), pa.string()),
    ),
    "pairs": pa.array([[["Retry-After", "5"]], None, [], [["a"]], [["retry-after", "1"], ["retry-after", "2"]], [["x", "y"]]]),
    "dictionary": pa.array(['{"Retry-After":"5"}', None, '{"Retry-After":"5"}', "{}", "nonsense", ""]).dictionary_encode(),
}


@pytest.mark.parametrize("name", _HEADER_COLUMNS)
def test_headers_of_any_type_are_read(bulk, name):
    """Headers in text, structs, maps or pairs give the same waits and reasons as by the reference."""
    batch = _batch(status=[429] * 6, body=['{"message":"Too Many Requests"}'] * 6, headers=_HEADER_COLUMNS[name])
    if name != "map":
        assert bulk.batch_differs(batch) == {}
    expected = {
        "map": [5.0, None, None, 9.0, None, None],
        "pairs": [5.0, None, None, None, 2.0, None],
        "struct": [5.0, None, None, None, None, 6.0],
    }
    if name in expected:
        assert normalize_batch(batch, Kernel(_DEFAULT)).batch.column("error_retry_after").to_pylist() == expected[name]


@pytest.mark.parametrize(
    "bodies",
    [
        pa.array([True, False, None]),
        pa.array([0, 400112, 2**62]),
        pa.array([1.5, 1e300, 400112.0]),
        pa.array([["Unauthorized"], [], None]),
        pa.array([{"error": {"code": "unauthorized", "message": "x"}}, {"error": None}, None]),
        pa.array(["", "null", '"Unauthorized"']),
        pa.array([_BODY, _BODY, None]).dictionary_encode(),
        pa.nulls(3),
    ],
    ids=lambda array: str(array.type),
)
def test_body_of_any_type_is_read(bulk, bodies):
    """A body in a column of any type is read as the reference reads the value."""
    assert bulk.batch_differs(_batch(status=[401, 404, 200], body=bodies)) == {}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1"]
)
@pytest.mark.parametrize("text", [_BODY, '{"code":400112,"message":"Unauthoris\u00e9"}'])
def test_bytes_in_any_encoding_are_read(bulk, encoding, text):
    """A body of bytes is read in the encoding that it is in, as the reference reads bytes."""
    assert bulk.batch_differs(_batch(status=[401], body=[text.encode(encoding)])) == {}


def test_wrong_fields_have_the_reasons_of_the_reference(bulk):
    """Several wrong fields in one row give the reason that the reference gives."""
    batch = _batch(
        provider=["acme", "acme", "", None, "heify", "acme"],
        status=["x", "404", "404", "404", "404", ""],
        headers=["nonsense", "nonsense", "", "5", "{", ""],
        body=[_BODY] * 5 + [""],
        url=[5, 5, None, 6, 7, None],
    )
    for default in (None, "heify", "acme"):
        assert bulk.batch_differs(batch, RecordOptions(provider=default)) == {}


# What passes through.

_PASSED = [
    *(
        pa.array([1, None]),
        pa.array([float("nan"), 1.5]),
        pa.array([True, None]),
        pa.array(["a", None]),
        pa.nulls(2),
        pa.array([2**63, 1], pa.uint64()),
    ),
    *(
        pa.array([1, 2], pa.timestamp("ns")),
        pa.array([2**62, 1], pa.timestamp("s")),
        pa.array([1, 2], pa.timestamp("us", "UTC")),
        pa.array([2**30, 1], pa.date32()),
    ),
    *(pa.array([1, 2], pa.duration("ns")), pa.array([1, 2], pa.time64("ns")), pa.array([(1, 2, 3), None], pa.month_day_nano_interval())),
    *(
        pa.array(["a", "b"], pa.string_view()),
        pa.array([b"\xff", None], pa.binary_view()),
        pa.array(["a", "b"], pa.large_string()),
        pa.array([b"ab", b"cd"], pa.binary(2)),
    ),
    *(
        pa.array([[1], None]),
        pa.array([[1], [2]], pa.list_view(pa.int64())),
        pa.array([{"a": 1}, None]),
        pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    ),
    *(
        pa.array(["a", "a"]).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        pa.array([1, 2], pa.decimal128(5, 2)),
    ),
]


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("column", _PASSED, ids=lambda column: str(column.type))
def test_column_of_any_type_passes_beside_a_reject(column, explode):
    """A column of any type passes with its values, whether the batch has a reject or not, and its row can be told as JSON."""
    batch = _batch(status=["x", "404"], body=[_BODY] * 2, extra=column)
    done = normalize_batch(batch, Kernel(RecordOptions(provider="heygen", explode=explode)))
    assert done.rejected == ((0, "status is no status"),)
    assert done.batch.column("extra").to_pylist() == column.slice(1).to_pylist()
    sound = normalize_batch(batch.slice(1), Kernel(RecordOptions(provider="heygen", explode=explode)))
    assert sound.batch.column("extra").to_pylist() == column.slice(1).to_pylist()
    reject = reject_of_row("t.parquet", batch, 0, 10, "status is no status", _DEFAULT)
    assert (reject.file, reject.line, reject.offset, json.loads(reject.raw)["status"]) == ("t.parquet", 11, None, "x")


def test_types_do_not_depend_on_rejects():
    """A column has one type in all batches, whether there are rejects among their rows or not."""
    view = pa.array(["a", "b"], pa.string_view())
    kinds = {
        str(normalize_batch(_batch(status=statuses, extra=view), Kernel(_DEFAULT)).batch.schema.field("extra").type)
        for statuses in (["x", "404"], ["404", "404"])
    }
    assert len(kinds) == 1


def test_text_that_is_not_utf8_costs_its_row_at_most():
    """A text column that holds bytes which are no UTF-8 does not stop the run."""
    offsets, data = pa.array(["ab", "cd"]).buffers()[1], pa.py_buffer(b"\xff\xfecd")
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    for name in ("extra", "body", "headers", "provider", "status", "url", "method", "exception"):
        columns = {"status": ["x", "404"], "body": [_BODY] * 2} | {name: broken}
        batch = pa.RecordBatch.from_pydict(
            {key: value if isinstance(value, pa.Array) else pa.array(value) for key, value in columns.items()}
        )
        done = normalize_batch(batch, Kernel(_DEFAULT))
        assert (name, done.tally.records) == (name, 2)
        for row, reason in done.rejected:
            assert json.loads(reject_of_row("t", batch, row, 0, reason, _DEFAULT).raw) is not None


def test_passing_columns_keep_their_place_and_the_contract_follows():
    """Columns keep their order and names, headers, URL and body are left out or kept, and the contract's columns follow."""
    batch = _batch(b=[1], status=[404], body=[_BODY], url=["/x"], a=["x"], headers=["{}"])
    assert normalize_batch(batch, Kernel(_DEFAULT)).batch.schema.names == ["b", "status", "a", *COLUMNS]
    kept = normalize_batch(batch, Kernel(RecordOptions(provider="heygen", keep=True))).batch
    assert kept.schema.names == ["b", "status", "body", "url", "a", "headers", *COLUMNS]


def test_fields_at_paths_are_read_and_left_out(bulk):
    """Fields in nested columns are read where they stand; what is left of their containers passes; missing ones are nothing."""
    http = [
        {"status": 404, "response": {"body": _BODY, "kind": "a"}},
        {"status": 401, "response": None},
        None,
        {"status": None, "response": {"body": None, "kind": "b"}},
    ]
    options = RecordOptions(
        provider="heygen",
        paths={"status": ("http", "status"), "body": ("http", "response", "body"), "url": ("none", "url"), "headers": ("n", "h")},
    )
    batch = _batch(n=[1, 2, 3, 4], http=http)
    assert bulk.batch_differs(batch, options) == {}
    assert bulk.batch_differs(batch.slice(1, 2), options) == {}
    left = normalize_batch(batch.slice(0, 4), Kernel(options)).batch.column("http").to_pylist()
    assert left == [
        {"status": 404, "response": {"kind": "a"}},
        {"status": 401, "response": None},
        None,
        {"status": None, "response": {"kind": "b"}},
    ]
    whole = RecordOptions(provider="heygen", paths={"body": ("b", "c")})
    assert normalize_batch(_batch(b=[{"c": _BODY}], status=[404]), Kernel(whole)).batch.schema.names == ["status", *COLUMNS]


def test_slices_are_read_where_they_begin(bulk):
    """A slice of a batch gives the rows of the slice, with structs, dictionaries and lists."""
    rows = [
        {
            "status": 400 + number,
            "body": {"error": {"code": f"c{number}", "message": "m"}},
            "headers": [["retry-after", str(number)]],
            "provider": "heify",
        }
        for number in range(8)
    ]
    batch = pa.RecordBatch.from_pylist(rows)
    batch = batch.set_column(3, "provider", batch.column("provider").dictionary_encode())
    for start in range(8):
        assert bulk.batch_differs(batch.slice(start, 3)) == {}


def test_columns_that_clash_are_refused():
    """A column with the name of an output column, or two of one name, stop the run and say what to do."""
    with pytest.raises(ColumnClash, match="error_code"):
        normalize_batch(_batch(error_code=["x"]), Kernel(_DEFAULT))
    assert normalize_batch(_batch(error_code=["x"]), Kernel(RecordOptions(provider="heygen", prefix="p_"))).batch.num_rows == 1
    twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    with pytest.raises(PipelineError, match="two columns have the name 'a'"):
        normalize_batch(twice, Kernel(_DEFAULT))


def test_metadata_of_the_input_stays_but_what_names_its_columns():
    """Metadata passes with the contract's beside it; what pandas says of columns is left out, for they are others now."""
    batch = _batch(status=[404]).replace_schema_metadata({"mine": "1", "pandas": "{}", "ARROW:schema": "x"})
    kernel = Kernel(_DEFAULT)
    metadata = normalize_batch(batch, kernel).batch.schema.metadata
    assert metadata == {
        b"mine": b"1",
        b"heify_heygen_errors.schema": b"1",
        b"heify_heygen_errors.catalog": kernel.catalogs.version.encode(),
    }


def test_kept_rejects_are_rows_in_their_place(bulk):
    """With `keep_rejects` every row stays in its place; those that cannot be read have a reason, their text, and no error."""
    batch = _batch(status=["404", "x", "401"], body=[_BODY] * 3, n=[1, 2, 3])
    done = normalize_batch(batch, Kernel(_DEFAULT), keep_rejects=True, raw=lambda row: f"row {row}")
    found = bulk.errors_of(pa.Table.from_batches([done.batch]), ["n", "error_status", "error_count", "error_reject", "error_raw"])
    assert found == [(1, 404, 1, None, None), (2, None, None, "status is no status", "row 1"), (3, 401, 1, None, None)]
    assert (done.rejected, done.tally.records, done.tally.written, done.tally.rejects, done.tally.failed) == (
        ((1, "status is no status"),),
        3,
        3,
        1,
        2,
    )


def test_empty_batches_have_all_columns():
    """A batch without rows has the columns and types of one with rows."""
    batch = _batch(status=[404], n=[1])
    assert normalize_batch(batch.slice(1), Kernel(_DEFAULT)).batch.schema.equals(
        normalize_batch(batch, Kernel(_DEFAULT)).batch.schema, check_metadata=True
    )


@pytest.mark.parametrize(
    "body",
    [
        pa.array([_BODY.encode()]),
        pa.array([_BODY.encode()], pa.large_binary()),
        pa.array([_BODY.encode()], pa.binary(len(_BODY))),
        pa.array([_BODY]).dictionary_encode(),
        pa.array([[("code", "400112"), ("message", "Unauthorized")]], pa.map_(pa.string(), pa.string())),
        pa.array([{"code": 400112, "message": "Unauthorized"}]),
        pa.array([{"code": b"400112", "message": b"Unauthorized"}]),
    ],
    ids=lambda array: str(array.type)[:12],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_row_as_json_means_what_the_row_means(body, nested):
    """The object that stands for a row is judged as the row is, whatever the type of the body and wherever it stands."""
    column = pa.StructArray.from_arrays([body, pa.array([7])], ["text", "size"]) if nested else body
    batch = _batch(id=[1], status=[401], answer=column)
    options = RecordOptions(
        provider="heygen", fields=_DEFAULT.fields | {"body": "answer"}, paths={"body": ("answer", "text")} if nested else {}
    )
    record = json.loads(row_as_json(batch, 0, options))
    row = normalize_batch(batch, Kernel(options)).batch
    (again,) = normalize_records([record], provider="heygen", fields={} if nested else {"body": "answer"}, paths=options.paths)
    assert row.column("error_code").to_pylist() == ["400112"]
    assert [row.column(name).to_pylist() for name in COLUMNS] == [[again[name]] for name in COLUMNS]


_ERROR = {"code": "insufficient_credit", "message": "no credit"}


@pytest.mark.parametrize(
    "body",
    [
        pa.array([{"error": [*_ERROR.items()]}], pa.struct([("error", pa.map_(pa.string(), pa.string()))])),
        pa.array([[("error", [*_ERROR.items()])]], pa.map_(pa.string(), pa.map_(pa.string(), pa.string()))),
        pa.StructArray.from_arrays([pa.ExtensionArray.from_storage(pa.json_(), pa.array([json.dumps(_ERROR)]))], ["error"]),
        pa.array([{"error": [*_ERROR.items(), ("param", None)]}], pa.struct([("error", pa.map_(pa.string(), pa.string()))])),
        pa.array([{"error": {"code": b"insufficient_credit"}}]),
        pa.array([[(b"code", b"insufficient_credit")]], pa.map_(pa.binary(), pa.binary())),
    ],
    ids=["map in a struct", "map in a map", "JSON in a struct", "a value that is null", "bytes in a struct", "bytes in a map"],
)
def test_nested_bodies_say_what_they_hold(body):
    """Maps are objects and texts of JSON are what stands in them, however deep in a body."""
    rows = normalize_batch(_batch(status=[400], body=body), Kernel(_DEFAULT)).batch
    assert rows.column("error_code").to_pylist() == ["insufficient_credit"]


def test_a_struct_with_one_name_twice_spoils_its_row_at_most():
    """A struct that is no object, as two of its fields have one name, does not end the run."""
    body = pa.StructArray.from_arrays([pa.array(["a"]), pa.array(["b"])], ["code", "code"])
    rows = normalize_batch(_batch(status=[500], body=body), Kernel(_DEFAULT)).batch
    assert rows.column("error_category").to_pylist() == ["server"]


def test_a_map_with_one_name_twice_is_pairs():
    """A map that is no object, as a name comes twice in it, is not taken for one: nothing in it is thrown away."""
    body = pa.array([[("code", "400112"), ("code", "400118")]], pa.map_(pa.string(), pa.string()))
    rows = normalize_batch(_batch(status=[500], body=body), Kernel(_DEFAULT)).batch
    assert rows.column("error_rule").to_pylist() == ["heygen/status:500"]


def test_row_as_json_leaves_nulls_out():
    """A row that stands for a reject is an object of its values without those that are null."""
    batch = _batch(a=[1, None], b=[{"c": None, "d": 1.5}, None], e=["\u00e9", "x"])
    assert [json.loads(row_as_json(batch, row, _DEFAULT)) for row in (0, 1)] == [
        {"a": 1, "b": {"c": None, "d": 1.5}, "e": "\u00e9"},
        {"e": "x"},
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["404", "429", "x", None, "200"]),
            st.sampled_from([_BODY, "", None, "[]", "{"]),
            st.sampled_from(["heify", "acme", None]),
        ),
        max_size=12,
    )
)
def test_any_rows_are_judged_as_by_the_reference(bulk, rows):
    """Rows in any order and number give the values and rejects of the reference, row by row."""
    statuses, bodies, providers = zip(*rows, strict=True) if rows else ((), (), ())
    text = pa.string()
    batch = _batch(status=pa.array(statuses, text), body=pa.array(bodies, text), provider=pa.array(providers, text))
    assert bulk.batch_differs(batch) == {}
