"""Schemas of blocks become one, and rows follow without losing a value."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.schemas import MAX_COLUMNS, conform, settle, survey, unify
from heify_heygen_errors.pipeline.texts import escape_formulas, json_lines, json_text, plain_text

WIDE = 2**53 + 1
INNER = pa.dictionary(pa.int8(), pa.string())


def _all(*tables: Any, contract: tuple[str, ...] = ()) -> Any:
    schema = None
    for table in tables:
        schema = unify(schema, survey(table), contract)
    return schema


def _one(values: list[Any], kind: Any = None) -> Any:
    return pa.table({"x": pa.array(values, kind)})


def _together(*tables: Any) -> list[Any]:
    """The values of column x of tables in one settled schema."""
    schema = settle(_all(*tables), "parquet")
    return pa.concat_tables([conform(table, schema) for table in tables])["x"].to_pylist()


# Types.


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (pa.null(), pa.int64(), pa.int64()),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.int32(), pa.float32(), pa.float64()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.int8(), pa.uint32(), pa.int64()),
        (pa.uint8(), pa.uint64(), pa.uint64()),
        (pa.int64(), pa.uint64(), pa.string()),
        (pa.bool_(), pa.int64(), pa.string()),
        (pa.string(), pa.int64(), pa.string()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.string_view(), pa.string(), pa.string()),
        (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("ms", "UTC"), pa.timestamp("us"), pa.string()),
        (pa.timestamp("us"), pa.timestamp("ns"), pa.string()),
        (pa.decimal128(5, 2), pa.decimal128(6, 2), pa.string()),
        (pa.list_(pa.int64()), pa.list_(pa.string()), pa.string()),
        (pa.struct([("a", pa.int64())]), pa.struct([("b", pa.int64())]), pa.string()),
        (INNER, pa.string(), pa.string()),
        (INNER, pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int32(), pa.string())),
        (pa.binary(), pa.string(), pa.string()),
        (pa.date32(), pa.timestamp("s"), pa.string()),
    ],
)
def test_two_types_become_the_documented_one(one: Any, other: Any, common: Any) -> None:
    """What a column of two types becomes does not depend on which came first."""
    for first, second in ((one, other), (other, one)):
        assert unify(pa.schema([("x", first)]), pa.schema([("x", second)])).field("x").type == common


KEPT = [
    pa.bool_(),
    pa.int8(),
    pa.float32(),
    pa.large_string(),
    pa.binary(),
    pa.decimal128(20, 3),
    pa.timestamp("ns", "Europe/Berlin"),
    pa.date32(),
    pa.time64("us"),
    pa.duration("s"),
    pa.list_(pa.struct([("a", pa.int64())])),
    pa.map_(pa.string(), pa.int64()),
]


@pytest.mark.parametrize("kind", KEPT, ids=str)
@pytest.mark.parametrize("storage", ["parquet", "arrow"])
def test_types_that_agree_are_kept(kind: Any, storage: str) -> None:
    """A column with the same type in every block keeps it."""
    known = unify(unify(None, pa.schema([("x", kind)])), pa.schema([("x", kind)]))
    assert settle(known, storage).field("x").type == kind


def test_a_column_without_a_value_becomes_text() -> None:
    """A column that is null throughout is a string column at the end."""
    assert settle(_all(_one([None]), _one([None, None])), "parquet").field("x").type == pa.string()


def test_types_that_parquet_has_not_become_text() -> None:
    """A type that Parquet cannot store is text there, and stays as it is in Arrow."""
    known = pa.schema([("x", pa.month_day_nano_interval())])
    assert settle(known, "parquet").field("x").type == pa.string()
    assert settle(known, "arrow").field("x").type == pa.month_day_nano_interval()


def test_whole_numbers_that_double_cannot_hold_are_not_rounded() -> None:
    """Whole numbers beyond 2**53 and fractions in one column become text, whichever came first, with every digit."""
    wide, fraction = _one([1, WIDE]), _one([0.5])
    assert ["1", str(WIDE), "0.5"] == _together(wide, fraction)
    assert ["0.5", "1", str(WIDE)] == _together(fraction, wide)
    assert ["1", str(WIDE), "2", "0.5"] == _together(wide, _one([2]), fraction)
    assert [float(2**53), 0.5] == _together(_one([2**53]), fraction)


def test_a_number_keeps_its_digits_when_text_comes_later() -> None:
    """Numbers, booleans, nested values and texts of one column are written as JSON writes them, texts as they are."""
    assert _together(_one([1]), _one([1.0]), _one([True]), _one(["x"]), _one([None]), _one([{"a": [1, None]}])) == [
        "1",
        "1.0",
        "true",
        "x",
        None,
        '{"a":[1,null]}',
    ]


# Columns.


def test_columns_stand_in_order_of_appearance_and_the_contract_last() -> None:
    """Passthrough columns come in the order in which they appeared, columns of the contract behind all of them."""
    first = pa.table({"b": [1], "error_code": ["x"], "error_count": [1]})
    second = pa.table({"a": [1], "error_code": ["x"], "b": [1], "error_count": [1]})
    assert _all(first, second, contract=("error_code", "error_count")).names == ["b", "a", "error_code", "error_count"]


def test_dictionaries_of_the_contract_stay() -> None:
    """Columns of the contract keep their dictionary type; passthrough ones are counted in int32 or become values."""
    schema = pa.schema([("mine", INNER), ("error_fault", INNER)])
    assert [pa.dictionary(pa.int32(), pa.string()), INNER] == settle(schema, "parquet", ("error_fault",)).types
    assert [pa.string(), INNER] == settle(schema, "arrow", ("error_fault",)).types


def test_too_many_columns_are_refused_with_a_remedy() -> None:
    """Members whose names are data end the run with a message that says what to do."""
    many = pa.schema([(f"c{number}", pa.int64()) for number in range(MAX_COLUMNS)])
    assert len(unify(None, many)) == MAX_COLUMNS
    with pytest.raises(PipelineError, match=r"more than 2000 different columns.*'extra'.*JSON Lines"):
        unify(many, pa.schema([("extra", pa.int64())]))


def test_two_columns_of_one_name_are_refused() -> None:
    """A table with two columns of one name is refused, since one would be lost."""
    with pytest.raises(PipelineError, match="two columns named 'x'"):
        unify(None, pa.schema([("x", pa.int64()), ("x", pa.int64())]))


def test_metadata_is_kept_but_for_what_describes_the_input() -> None:
    """Metadata of schemas and fields stays, the first value wins, and what speaks of the input's file goes."""
    field = pa.field("x", pa.int64(), metadata={"PARQUET:field_id": "7", "unit": "ms"})
    schema = unify(None, pa.schema([field], metadata={"catalog": "1", "pandas": "{}"}))
    schema = unify(schema, pa.schema([field], metadata={"catalog": "2", "more": "3"}))
    assert schema.metadata == {b"catalog": b"1", b"more": b"3"}
    assert schema.field("x").metadata == {b"unit": b"ms"}


def test_a_schema_of_other_rows_is_refused() -> None:
    """Rows are never cut to a schema that was not made of theirs."""
    with pytest.raises(PipelineError, match="no column 'x'"):
        conform(_one([1]), pa.schema([("y", pa.int64())]))
    with pytest.raises(PipelineError, match="'x' has a value that int8 cannot hold"):
        conform(_one([1000]), pa.schema([("x", pa.int8())]))


def test_a_missing_column_is_null() -> None:
    """A column that a block has not is null in its rows, whatever its type."""
    schema = pa.schema([("x", pa.int64()), ("y", INNER), ("z", pa.list_(pa.string()))])
    assert conform(_one([1]).to_batches()[0], schema).to_pylist() == [{"x": 1, "y": None, "z": None}]


# Texts.

TEXTS: list[tuple[Any, Any, str]] = [
    (True, pa.bool_(), "true"),
    (-7, pa.int64(), "-7"),
    (1.0, pa.float64(), "1.0"),
    (1e300, pa.float64(), "1e300"),
    (0.1, pa.float32(), "0.1"),
    (math.nan, pa.float64(), '"NaN"'),
    (-math.inf, pa.float64(), '"-Infinity"'),
    (math.inf, pa.float32(), '"Infinity"'),
    (Decimal("1.50"), pa.decimal128(5, 2), "1.50"),
    (Decimal("12345678901234567890.5"), pa.decimal256(40, 1), "12345678901234567890.5"),
    ('a"\\\n\x00\x1fé\u2028', pa.string(), '"a\\"\\\\\\n\\u0000\\u001fé\u2028"'),
    ("x", pa.string_view(), '"x"'),
    ("x", pa.large_string(), '"x"'),
    ("x", INNER, '"x"'),
    (b"\x00\xff", pa.binary(), '"AP8="'),
    (b"ab", pa.binary(2), '"YWI="'),
    (1_735_787_045_600, pa.timestamp("ms"), '"2025-01-02T03:04:05.600"'),
    (datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC), pa.timestamp("s", "Europe/Berlin"), '"2025-01-02T03:04:05Z"'),
    (10**15, pa.timestamp("s"), '"1000000000000000s"'),
    (date(2025, 1, 2), pa.date32(), '"2025-01-02"'),
    (time(3, 4, 5), pa.time32("s"), '"03:04:05"'),
    (timedelta(seconds=-1.5), pa.duration("ms"), '"PT-1.5S"'),
    ((1, 2, 3_000_000_000), pa.month_day_nano_interval(), '"P1M2DT3S"'),
    ([1, None], pa.list_(pa.int64()), "[1,null]"),
    (["a", "b"], pa.list_(pa.string(), 2), '["a","b"]'),
    ([1], pa.list_view(pa.int64()), "[1]"),
    ([[math.nan]], pa.large_list(pa.list_(pa.float64())), '[["NaN"]]'),
    ({"a": None, "é": {"b": "x"}}, pa.struct([("a", pa.int8()), ("é", pa.struct([("b", pa.string())]))]), '{"a":null,"é":{"b":"x"}}'),
    ({}, pa.struct([]), "{}"),
    ([("k", 1), ("k", None)], pa.map_(pa.string(), pa.int64()), '[["k",1],["k",null]]'),
    (None, pa.null(), "null"),
]


@pytest.mark.parametrize(("value", "kind", "text"), TEXTS, ids=[str(kind) for _, kind, _ in TEXTS])
def test_every_type_has_its_text(value: Any, kind: Any, text: str) -> None:
    """Each Arrow type is written as documented, next to nulls and in the middle of a longer array."""
    values = [None, value, None, value]
    array = pa.array(values, kind)
    want = None if value is None else text
    assert [None, want, None, want] == json_text(array).to_pylist()
    assert [want, None] == json_text(array.slice(1, 2)).to_pylist()
    assert [None, want, None, want] == json_text(pa.chunked_array([array.slice(0, 1), array.slice(1)])).to_pylist()
    bare = json.loads(text) if text.startswith('"') else want
    assert [None, bare, None, bare] == plain_text(array).to_pylist()


def test_extension_types_are_written_as_what_they_store() -> None:
    """A column of an extension type is written as its storage."""
    assert [base64.b64encode(b"0123456789abcdef").decode()] == plain_text(pa.array([b"0123456789abcdef"], pa.uuid())).to_pylist()


def test_run_end_encoded_columns_are_written_by_value() -> None:
    """How a column is stored does not show in its text."""
    assert plain_text(pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([5]))).to_pylist() == ["5", "5"]


def test_a_type_without_text_is_refused_by_name() -> None:
    """A union has no text; the message names the type."""
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])])
    with pytest.raises(PipelineError, match="sparse_union"):
        plain_text(union)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.none() | st.text(), max_size=8))
def test_any_text_becomes_json_and_back(values: list[str | None]) -> None:
    """Every text survives as JSON, whatever characters it has."""
    found = json_text(pa.array(values, pa.string())).to_pylist()
    assert values == [None if text is None else json.loads(text) for text in found]


@given(st.lists(st.floats(), max_size=8))
def test_any_number_becomes_json_and_back(values: list[float]) -> None:
    """Every floating-point number reads back as itself, and what is no number is text that says so."""
    names = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    read = [json.loads(text) for text in json_text(pa.array(values, pa.float64())).to_pylist()]
    assert [repr(value) for value in values] == [repr(names.get(value, value) if isinstance(value, str) else value) for value in read]
    assert all(isinstance(value, float | str) for value in read)


@given(st.lists(st.none() | st.dictionaries(st.sampled_from("abc"), st.lists(st.none() | st.text(max_size=3), max_size=3)), max_size=6))
def test_nested_values_become_json_and_back(values: list[Any]) -> None:
    """Lists in structs read back as they were, with null for members that are absent."""
    kind = pa.struct([(name, pa.list_(pa.string())) for name in "abc"])
    array = pa.array(values, kind)
    for start in (0, len(values) // 2):
        assert array.slice(start).to_pylist() == [json.loads(text or "null") for text in json_text(array.slice(start)).to_pylist()]


VALUES: Any = st.one_of(
    st.lists(st.none(), min_size=1, max_size=3),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=3),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3),
    st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=3),
    st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=3),
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_no_value_is_lost_on_the_way_to_the_last_schema(blocks: list[list[Any]]) -> None:
    """Over blocks of any types every value is still there: equal as it is, or as the text that JSON writes for it."""
    tables = [_one(block) for block in blocks]
    kind = settle(_all(*tables), "parquet").field("x").type
    for before, after in zip([value for block in blocks for value in block], _together(*tables), strict=True):
        if before is None or isinstance(before, str) or kind != pa.string():
            assert before == after
        else:
            read = json.loads(after) if after not in ("Infinity", "-Infinity") else float(after)
            assert before == read
            assert type(before) is type(read)


@given(st.lists(VALUES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_last_type_depends_on_the_set_of_types_only(blocks: list[list[Any]], random: Any) -> None:
    """The type of a column of JSON values does not depend on the order of the blocks."""
    tables = [_one(block) for block in blocks]
    shuffled = list(tables)
    random.shuffle(shuffled)
    assert settle(_all(*tables), "parquet").types == settle(_all(*shuffled), "parquet").types


@given(st.lists(VALUES, min_size=2, max_size=5))
def test_rows_conform_by_any_number_of_steps(blocks: list[list[Any]]) -> None:
    """Rows that stand in a schema already stay as they are in it."""
    tables = [_one(block) for block in blocks]
    schema = settle(_all(*tables), "parquet")
    once = conform(tables[0], schema)
    assert once.equals(conform(once, schema))


# Rows as JSON Lines, cells.


def test_rows_become_json_lines() -> None:
    """Every row is a line with all its members, also for a part of a batch and for names that need escapes."""
    batch = pa.record_batch({'a"\n': [1, 2, 3], "b": ["x", None, "é"]})
    assert bytes(json_lines(batch.slice(1))) == b'{"a\\"\\n":2,"b":null}\n{"a\\"\\n":3,"b":"\xc3\xa9"}\n'
    assert bytes(json_lines(batch.slice(3))) == b""
    assert bytes(json_lines(batch.select([]))) == b"{}\n{}\n{}\n"


@pytest.mark.parametrize(
    "cell",
    [
        "=1",
        "+1+2",
        "-1-2",
        "-x",
        "@x",
        "\tx",
        "\rx",
        " =1",
        "\n\t =1",
        "\ufeff=1",
        "\u00a0=1",
        "\u3000@x",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\x00=1",
    ],
)
def test_formula_cells_get_an_apostrophe(cell: str) -> None:
    """A text that a spreadsheet would run starts with an apostrophe."""
    assert ["'" + cell] == escape_formulas(pa.array([cell])).to_pylist()


@pytest.mark.parametrize("cell", ["", "a=1", "1-1", "'=1", "{}", "a\n=1", "  x", "-1", "+1", "-3.5", "-1e-5", "+2,5", None])
def test_other_cells_stay(cell: str | None) -> None:
    """A text that no spreadsheet would run stays as it is."""
    assert [cell, "'=x"] == escape_formulas(pa.array([cell, "=x"])).to_pylist()
