"""The schema of the output: its columns, their types, their order, and what stands in its metadata."""

from __future__ import annotations

import pyarrow as pa
import pytest

from heify_heygen_errors import Category, Channel, Fault, Outcome, RetryAction
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, Block
from heify_heygen_errors.pipeline.contract import TYPES, error_arrays, error_schema, first_rows, later
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.line_table import lines_to_table
from heify_heygen_errors.pipeline.tables import normalize_batch
from heify_heygen_errors.records import COLUMNS, RecordOptions

_DEFAULT = RecordOptions(provider="heygen")
_ENUM = pa.dictionary(pa.int8(), pa.string())
_EXPECTED = {
    "error_category": _ENUM,
    "error_code": pa.string(),
    "error_name": pa.string(),
    "error_message": pa.string(),
    "error_detail": pa.string(),
    "error_status": pa.int32(),
    "error_channel": _ENUM,
    "error_fault": _ENUM,
    "error_retry": _ENUM,
    "error_retryable": pa.bool_(),
    "error_retry_after": pa.float64(),
    "error_resets": _ENUM,
    "error_outcome": _ENUM,
    "error_param": pa.string(),
    "error_resource": pa.string(),
    "error_request_id": pa.string(),
    "error_doc_url": pa.string(),
    "error_rule": pa.string(),
    "error_fingerprint": pa.string(),
    "error_count": pa.int32(),
}
_VALUES = {
    "error_category": list(Category),
    "error_channel": list(Channel),
    "error_fault": list(Fault),
    "error_retry": list(RetryAction),
    "error_resets": ["day", "month"],
    "error_outcome": list(Outcome),
}


def test_columns_have_their_types_in_order():
    """The contract has twenty columns in a fixed order with fixed types."""
    assert list(_EXPECTED.items()) == list(TYPES.items())
    assert tuple(_EXPECTED) == COLUMNS
    schema = error_schema()
    assert list(zip(schema.names, schema.types, strict=True)) == list(_EXPECTED.items())


def test_prefix_and_kept_columns():
    """A prefix stands before every name; the columns of kept rejects follow, and are text."""
    schema = error_schema("x_", kept=True)
    assert schema.names == [f"x_{name}" for name in (*COLUMNS, *KEPT_COLUMNS)]
    assert schema.types[-2:] == [pa.string(), pa.string()]


def test_metadata_names_schema_and_catalog():
    """The metadata names the version of the schema, and that of the catalogs where it is given."""
    assert error_schema().metadata == {b"heify_heygen_errors.schema": b"1"}
    assert error_schema(catalog="v").metadata == {b"heify_heygen_errors.schema": b"1", b"heify_heygen_errors.catalog": b"v"}


def _batches(kernel):
    """A batch of failures, one of a sound answer, one of nothing, and one without rows."""
    rows = pa.RecordBatch.from_pydict({"status": [429, 200, None], "body": ['{"message":"Too Many Requests"}', "{}", None]})
    return [normalize_batch(part, kernel).batch for part in (rows, rows.slice(1, 1), rows.slice(2), rows.slice(3))]


@pytest.mark.parametrize("column", _VALUES)
def test_dictionaries_are_the_same_in_every_batch(column):
    """A column of an enumeration has all its values in a fixed order in every batch, in one without rows too."""
    batches = _batches(Kernel(_DEFAULT))
    assert [batch.column(column).dictionary.to_pylist() for batch in batches] == [[str(value) for value in _VALUES[column]]] * 4


def test_every_batch_has_the_schema_of_the_contract(bulk):
    """Tables, lines and empty batches have the columns of the contract with types and metadata."""
    kernel = Kernel(_DEFAULT)
    expected = error_schema("", kernel.catalogs.version)
    text = b'{"status":429}\n{"status":200}\n'
    piece = lines_to_table(Block(file="x", format="jsonl", start=0, end=len(text), data=text), text, 0, kernel)
    tables = [*(pa.Table.from_batches([batch]) for batch in _batches(kernel)), bulk.table_of(piece.payload)]
    for table in tables:
        assert table.select(COLUMNS).schema.equals(expected, check_metadata=True)
        table.validate(full=True)


def test_values_of_every_enumeration_have_a_place():
    """Whatever the catalogs say can be written: each category, channel, fault, action, reset and outcome has a number."""
    for name, values in _VALUES.items():
        assert len(set(values)) == len(values) <= 127, name


def test_first_rows_and_exploded_rows():
    """Without `explode` a record is one row; with it a row per failure, each with the record that it is of."""
    kernel = Kernel(_DEFAULT)
    list_of_jobs = '{"data":[{"status":"failed","id":"a"},{"status":"failed","id":"b"}]}'
    judged = [
        kernel.judge("heygen", status, None, body, None, None, None)
        for status, body in ((200, "{}"), (200, list_of_jobs), (None, ""), (404, ""))
    ]
    slots, owners = first_rows(judged, explode=False)
    assert (len(slots), owners) == (4, None)
    slots, owners = first_rows(judged, explode=True)
    assert owners == [0, 1, 1, 2, 3]
    arrays = dict(zip(COLUMNS, error_arrays(kernel, judged, slots, owners), strict=True))
    assert arrays["error_count"].to_pylist() == [0, 2, 2, None, 1]
    assert arrays["error_resource"].to_pylist() == [None, '{"id": "a"}', '{"id": "b"}', None, None]
    assert first_rows(judged[:1], explode=True)[1] is None


@pytest.mark.parametrize(
    ("own", "asked", "expected"),
    [(None, None, None), (5.0, None, 5.0), (None, 3.0, 3.0), (5.0, 3.0, 5.0), (3.0, 5.0, 5.0), (0.0, 0.0, 0.0), (None, 0.0, 0.0)],
)
def test_longer_wait_wins(own, asked, expected):
    """Of the wait of a rule and that of the headers the longer one is told."""
    assert expected == later(own, asked)
