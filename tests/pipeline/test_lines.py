"""Lines of a block: rows and rejects as by the reference, wherever the block was cut."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, MAX_RECORD, Block, ClashError, Tally
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.line_blocks import read_range
from heify_heygen_errors.pipeline.line_table import column, lines_to_table
from heify_heygen_errors.pipeline.line_writer import lines_to_lines
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, RecordOptions
from heify_heygen_errors.testing.logs import DAMAGES, Mix, log_lines

_DEFAULT = RecordOptions(provider="heygen")
_SURE = b'{"provider":"heify","status":404,"body":"{\\"message\\":\\"Not Found\\"}"'


def thorough(examples):
    """At least so many examples, and more where the profile asks for more."""
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    return settings(max_examples=max(examples, settings.default.max_examples), suppress_health_check=checks)


def _line(member: bytes = b"") -> bytes:
    """A sound record with more members."""
    return _SURE + (b"," + member if member else b"") + b"}\n"


def _renamed(record):
    """A record with other names for its fields."""
    return {f"in {name}" if name in INPUT_FIELDS else name: value for name, value in record.items()}


def _nested(record):
    """A record with its fields in objects."""
    body = {"body": record["body"], "kind": "x"} if "body" in record else None
    return {
        "http": {"status": record.get("status"), "response": body, "headers": record.get("headers")},
        "url": {"full": record.get("url")},
        **{name: value for name, value in record.items() if name not in ("status", "body", "headers", "url")},
    }


_OTHER_NAMES = RecordOptions(provider="heygen", fields={name: f"in {name}" for name in INPUT_FIELDS})
_PATHS = RecordOptions(
    provider="heygen",
    paths={"status": ("http", "status"), "body": ("http", "response", "body"), "headers": ("http", "headers"), "url": ("url", "full")},
)


def _rewritten(text, change):
    """The same lines with other records in them; what is no record stays."""
    lines = []
    for line in text.splitlines(keepends=True):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        lines.append(json.dumps(change(record)).encode() + b"\n" if isinstance(record, dict) else line)
    return b"".join(lines)


@cache
def _log(n=1500, seed=3, **mix):
    return b"".join(log_lines(n, seed, Mix(**mix)))


_WAYS = {
    "usual": (_DEFAULT, False, lambda text: text),
    "keep": (RecordOptions(provider="heygen", keep=True), False, lambda text: text),
    "keep rejects": (_DEFAULT, True, lambda text: text),
    "explode, prefix": (RecordOptions(provider="heygen", explode=True, prefix="x_"), False, lambda text: text),
    "explode, keep rejects": (RecordOptions(provider="heygen", explode=True), True, lambda text: text),
    "other names": (_OTHER_NAMES, False, lambda text: _rewritten(text, _renamed)),
    "paths": (_PATHS, False, lambda text: _rewritten(text, _nested)),
    "paths, keep": (RecordOptions(provider="heygen", paths=_PATHS.paths, keep=True), True, lambda text: _rewritten(text, _nested)),
    "no provider": (RecordOptions(), True, lambda text: text),
}
_MIXES = {
    "text": {"bodies": "different", "damage": 0.1, "as_objects": 0, "headers": 1, "headers_as_text": 1},
    "objects": {"bodies": "different", "damage": 0.1, "as_objects": 1, "headers": 1, "headers_as_text": 0},
    "some": {"damage": 0.02},
}


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("mix", _MIXES)
def test_log_gives_the_rows_and_rejects_of_the_reference(bulk, mix, way):
    """Every column, row, reject, count and type of a log with damage is the reference's, as lines and as a table."""
    options, keep_rejects, change = _WAYS[way]
    assert bulk.lines_differ(change(_log(**_MIXES[mix])), options, keep_rejects=keep_rejects) == {}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damaged_line_has_the_fate_of_its_kind(damage):
    """A line of each kind of damage becomes what the kind says, a row, a reject or nothing, and the next line is read."""
    line = damage.write(_line().decode().strip(), 0.5) if damage.write is not None else None
    if line is None:
        record = json.loads(_line())
        damage.change(record, 0.5)
        line = json.dumps(record).encode()
    text = line + b"\n" + _line()
    for work in (lines_to_lines, lines_to_table):
        tally = work(_block(text), text, 0, Kernel()).tally
        fate = "row" if tally.written == tally.records == 2 else "reject" if tally.rejects == 1 == tally.written else "blank"
        assert (damage.name, fate) == (damage.name, damage.fate)


def _block(text, start=0, **fields):
    return Block(**{"file": "log", "format": "jsonl", "start": start, "end": start + len(text), "data": text} | fields)


# Lines, by hand.

_ODD_VALUES = [
    *(
        b"null",
        b"true",
        b"1",
        b"-0",
        b"-0.0",
        b"1e3",
        b"1E+3",
        b"400112.0",
        b"1.10",
        b"1E400",
        b"-1e400",
        b"1.00000000000000000001",
        b"0.1",
        b"5e-324",
        b"1e22",
    ),
    *(
        b"9223372036854775807",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"18446744073709551616",
        b"9007199254740993",
        b"9" * 400,
        b"9" * 5000,
    ),
    *(
        b'""',
        b'"a"',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\ud800\\u0041"',
        b'"a\\u0000b"',
        b'"\xc3\xa9"',
        b'"\\/"',
        b'"' + b"x" * 100_000 + b'"',
    ),
    *(
        b"[]",
        b"{}",
        b"[1, 2]",
        b'{"a": 1.50, "b": [null]}',
        b'{"a":1,"a":2}',
        b"[" * 60 + b"]" * 60,
        b"[" * 300 + b"]" * 300,
        b'{"\\ud800":1}',
        b'["\\ud800"]',
    ),
    *(b"[1E400]", b"[" + b"9" * 5000 + b"]"),
]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("member", ["x", *INPUT_FIELDS])
def test_odd_values_pass_or_are_refused_as_by_the_reference(bulk, member, keep):
    """A value of any kind in any member passes, is read, or makes a reject with the reason of the reference."""
    options = RecordOptions(provider="heygen", keep=keep)
    name = json.dumps(member).encode()
    wrong = {
        value[:60]: wrong
        for value in _ODD_VALUES
        for text in (_line(name + b":" + value), b"{" + name + b":" + value + b"}\n" + _line(b'"x":1'))
        if (wrong := bulk.lines_differ(text, options))
    }
    assert wrong == {}


@pytest.mark.parametrize("member", ["status", "provider", "url", "method", "exception", "body", "headers"])
def test_odd_values_at_a_path_are_read_as_by_the_reference(bulk, member):
    """The same where a field stands in nested objects."""
    options = RecordOptions(provider="heygen", paths={member: ("a", "b")})
    wrong = {}
    for value in _ODD_VALUES:
        for holder in (b'"a":{"b":' + value + b"}", b'"a":{"b":' + value + b',"c":1}', b'"a":' + value, b'"a":{"c":' + value + b"}"):
            found = bulk.lines_differ(b'{"status":404,"provider":"heify",' + holder + b"}\n" + _line(), options)
            wrong |= {holder[:60]: found} if found else {}
    assert wrong == {}


_NAMES = [
    "",
    " ",
    "f0",
    "f1",
    "a b",
    "__class__",
    "__struct_fields__",
    "self",
    "\u00e9",
    "\u2028",
    "\U0001f600",
    "a\x7fb",
    "x" * 10_000,
    'a"b',
    "a\\b",
    "a\nb",
    "a\0b",
    "\ud800",
    "a/b",
]


@pytest.mark.parametrize("name", _NAMES, ids=lambda name: ascii(name)[:20])
def test_member_of_any_name_passes(bulk, name):
    """A member passes whatever its name is, first in a block or later, and does not disturb its neighbours."""
    written = json.dumps(name).encode()
    text = _line(written + b":1") + _line(b'"f1":2,"f0":3') + _line(written + b":2") + _line() + _line(b'"z":1,' + written + b":3")
    assert bulk.lines_differ(text) == {}
    assert bulk.lines_differ(_line() + text) == {}


_LINES = [
    *(
        b"",
        b" ",
        b"\t\r",
        b"\x0c",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf{}",
        b"\xef\xbb\xbf" + _line()[:-1],
        b"\xff",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"nonsense",
    ),
    *(
        b"{}",
        b" {} ",
        b"{}{}",
        b'{"status":"x"}',
        b'{"status":404,}',
        b"{'status':404}",
        b'{"status":NaN}',
        b'{"status":404} x',
        b'{"a":"\x01"}',
        b'{"a":"\xff"}',
        b'{"\xff":1}',
    ),
    *(
        b'{"body":"x"}',
        b'{"provider":"acme","status":1}',
        b'{"headers":5,"status":404}',
        b'{"headers":5}',
        b'{"exception":5}',
        b"[" * 3000,
        b'{"a":' * 3000,
        b"9" * 5000,
    ),
    *(
        _line()[:-1],
        _line(b'"ok":true')[:-1],
        _line()[:-1] + b"\r",
        b"{}\r",
        b"\r",
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc3\xa9"}',
        b'{"a":"\\ud800"}',
        b'{"a":1e400,"status":500}',
    ),
]


@thorough(200)
@given(st.lists(st.sampled_from(_LINES), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans(), st.booleans())
def test_lines_in_any_order_give_rows_and_rejects_of_the_reference(bulk, lines, end, ended, keep_rejects):
    """Sound, odd, blank and broken lines in any order, with any ends, give the rows, rejects, offsets and counts of the reference."""
    text = end.join(lines) + (end if ended else b"")
    assert bulk.lines_differ(text, keep_rejects=keep_rejects) == {}


@thorough(200)
@given(st.lists(st.sampled_from(_LINES), min_size=1, max_size=8), st.integers(0, 200), st.binary(max_size=3))
def test_damaged_bytes_give_rows_and_rejects_of_the_reference(bulk, lines, place, put):
    """The same where bytes were written over."""
    text = b"\n".join(lines)
    assert bulk.lines_differ(text[:place] + put + text[place + len(put) :]) == {}


def test_changing_members_give_every_column(bulk):
    """Members that come and go, more than a decoder is made for, become columns with all their values."""
    changing = b"".join(_line(b'"m%d":%d' % (number, number)) + _line(b'"m%d":"s","x":1' % (number // 2)) for number in range(150))
    assert bulk.lines_differ(changing) == {}


def test_many_members_give_every_column(bulk):
    """Records of more members than a decoder is made for become columns with all their values."""
    wide = b",".join(b'"m%d":%d' % (number, number) for number in range(400))
    assert bulk.lines_differ(_line() + _line(wide) + _line(b'"late":true') + _line(wide + b',"late":false') + _line()) == {}


def test_a_column_that_comes_late_is_null_before(bulk):
    """A member that appears late is a column all the same, null where it was absent, in the order of first appearance."""
    text = _line(b'"b":1') + _line() + _line(b'"a":"x","b":2') + b"nonsense\n" + _line(b'"c":null')
    table = bulk.table_of(lines_to_table(_block(text), text, 0, Kernel()).payload)
    assert table.schema.names[:5] == ["provider", "status", "b", "a", "c"]
    assert table.column("a").to_pylist() == [None, None, "x", None]
    assert bulk.lines_differ(text) == {}


_COLUMN_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from([[], {}, [1, None], {"a": 1.5}, 2**53, 2**53 + 1, -(2**63), 2**63, "\ud800"]),
)


@thorough(200)
@given(st.lists(_COLUMN_VALUES, min_size=1, max_size=6))
def test_column_holds_its_values_in_the_narrowest_type(bulk, values):
    """A column that passes through is null, bool, int64, double or text by what its values are, and loses none of them."""
    text = b"".join(_line(b'"x":' + json.dumps(value).encode()) for value in values)
    assert bulk.lines_differ(text) == {}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, None], pa.nulls(2)),
        ([True, None], pa.array([True, None])),
        ([1, None, 2], pa.array([1, None, 2], pa.int64())),
        ([1, 1.5], pa.array([1.0, 1.5])),
        ([2**53 + 1, 1.5], pa.array(["9007199254740993", "1.5"])),
        ([2**63, 1], pa.array(["9223372036854775808", "1"])),
        ([1, True], pa.array(["1", "true"])),
        (["1", 1], pa.array(["1", "1"])),
        (["a", None], pa.array(["a", None])),
        (["\ud800"], pa.array(["\ufffd"])),
        ([{"a": [1]}, "x"], pa.array(['{"a":[1]}', "x"])),
        ([2**70], pa.array([str(2**70)])),
    ],
    ids=str,
)
def test_type_of_a_column(values, expected):
    """What has one simple type keeps it; everything else is text, texts as they are and the rest as JSON."""
    assert column(values).equals(expected)


# Names that clash.


@pytest.mark.parametrize("work", [lines_to_lines, lines_to_table])
@pytest.mark.parametrize("options", [_DEFAULT, RecordOptions(provider="heygen", prefix="x_"), _PATHS], ids=["usual", "prefix", "paths"])
@pytest.mark.parametrize("bad", [b"", b'"status":"x"'], ids=["sound", "reject"])
def test_member_with_the_name_of_a_column_is_refused_with_its_line(work, options, bad):
    """A member with the name of an output column stops the run and names the line, wherever in the block it is."""
    clash = b'{"status":404,"' + options.prefix.encode() + b'error_code":1' + (b"," + bad if bad else b"") + b"}\n"
    for before in ([], [_line()], [_line(), b"\n", b"nonsense\n", _line(b'"a\\ud800":1'), _line(b'"b":1')]):
        text = b"".join([*before, clash, _line()])
        with pytest.raises(ClashError) as caught:
            work(_block(text), text, 0, Kernel(options))
        assert (caught.value.line, options.prefix + "error_code" in caught.value.message) == (len(before) + 1, True)


@pytest.mark.parametrize("work", [lines_to_lines, lines_to_table])
def test_member_with_the_name_of_a_kept_column_is_refused_where_it_is_written(work):
    """`error_reject` and `error_raw` are names of output columns only where rejects are kept."""
    text = _line(b'"error_reject":"x"')
    assert work(_block(text), text, 0, Kernel()).tally.rows == 1
    with pytest.raises(ClashError, match="error_reject"):
        work(_block(text), text, 0, Kernel(), keep_rejects=True)


# Rejects and blocks.


def test_rejects_tell_where_they_stood(bulk):
    """A reject has its line, its offset behind the block's start, its bytes without the line end, and its reason."""
    text = b"\xef\xbb\xbf{}\r\n\r\n\xff\r\n" + _line() + b'{"status":"x"}\r\n[]'
    for work in (lines_to_lines, lines_to_table):
        piece = work(_block(text, 1000), text, 1000, Kernel())
        places = [(reject.line, reject.offset, reject.raw) for reject in piece.rejects]
        assert places == [
            (3, 1009, b"\xff"),
            (5, 1012 + len(_line()), b'{"status":"x"}'),
            (6, 1028 + len(_line()), b"[]"),
        ]
        assert [reject.reason for reject in piece.rejects] == [
            "not UTF-8: byte 0 of the line",
            "status is no status",
            "no JSON object but an array",
        ]
        assert (piece.tally.lines, piece.tally.records, piece.tally.blank) == (6, 5, 1)


def _small_file():
    lines = [
        _line(b'"n":1'),
        b"\r\n",
        b"nonsense\r\n",
        b"\xef\xbb\xbf{}\n",
        _line(b'"a":"\xc3\xa9"'),
        b"\n",
        b"\n",
        b"\xff\xfe\n",
        _line(b'"n":2')[:-1],
    ]
    return b"".join(lines)


def _in_blocks(path, data, size, work, **options):
    """Rows, rejects with lines and offsets counted from the file's start, and the tally, read in blocks of a size."""
    kernel = Kernel()
    rows, rejects, tally = [], [], Tally()
    for start in range(0, len(data), size):
        block = Block(file=str(path), format="jsonl", start=start, end=min(start + size, len(data)))
        text, offset, last = read_range(block)
        piece = work(block, text, offset, kernel, **options)
        assert last is None
        rows.append(piece.payload)
        rejects += [(tally.lines + reject.line, reject.offset, reject.raw, reject.reason) for reject in piece.rejects]
        tally.add(piece.tally)
    return rows, rejects, tally


def test_lines_do_not_depend_on_where_the_file_is_cut(bulk, tmp_path):
    """Blocks of any size give, one behind the other, what one block gives: rows, rejects, lines, offsets, counts."""
    data = _small_file()
    path = tmp_path / "small.jsonl"
    path.write_bytes(data)
    rows, rejects, tally = _in_blocks(path, data, len(data), lines_to_lines)
    expected = (b"".join(rows), rejects, bulk.counts(tally))
    assert (len(rejects), tally.lines, tally.rows) == (2, 9, 4)
    for size in range(1, len(data)):
        cut_rows, cut_rejects, cut_tally = _in_blocks(path, data, size, lines_to_lines)
        assert (size, b"".join(cut_rows), cut_rejects, bulk.counts(cut_tally)) == (size, *expected)


def test_rows_of_a_table_do_not_depend_on_where_the_file_is_cut(bulk, tmp_path):
    """The same for tables: the columns of the contract, row by row."""
    data = _small_file()
    path = tmp_path / "small.jsonl"
    path.write_bytes(data)
    whole, rejects, _ = _in_blocks(path, data, len(data), lines_to_table)
    expected = bulk.errors_of(bulk.table_of(whole[0]))
    for size in range(1, len(data), 3):
        cut_rows, cut_rejects, _ = _in_blocks(path, data, size, lines_to_table)
        assert (size, [row for part in cut_rows for row in bulk.errors_of(bulk.table_of(part))], cut_rejects) == (size, expected, rejects)


def test_overlong_lines_are_rejects_with_a_digest(tmp_path):
    """A line over 16 MiB is a reject with length and SHA-256 and without its bytes, one of 16 MiB is read; only a part is held."""
    longest = b'{"a":"' + b"x" * (MAX_RECORD - 8) + b'"}'
    assert len(longest) == MAX_RECORD
    path = tmp_path / "long.jsonl"
    for line, end in ((longest, b"\r\n"), (longest, b""), (longest + b" ", b"\n"), (longest + b" ", b""), (longest * 3, b"\r\n")):
        path.write_bytes(_line() + line + end)
        block = Block(file=str(path), format="jsonl", start=0, end=len(_line()) + 5)
        text, offset, last = read_range(block)
        fits = len(line) <= MAX_RECORD
        assert (text, offset) == (_line() + line + end if fits else _line(), 0)
        told = None if last is None else (last.line, last.offset, last.raw, last.length, last.sha256)
        assert told == (None if fits else (2, len(_line()), None, len(line + end), hashlib.sha256(line + end).hexdigest()))
        rest = Block(file=str(path), format="jsonl", start=block.end, end=len(_line() + line + end))
        assert read_range(rest)[0] == b""


def test_a_line_of_200_megabytes_takes_little_memory(tmp_path):
    """Of a line of 200 MB no more is held at a time than of one that is kept."""
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as stream:
        stream.write(_line())
        stream.truncate(len(_line()) + 200_000_000)
    tracemalloc.start()
    try:
        text, _, last = read_range(Block(file=str(path), format="jsonl", start=0, end=4 * 1024 * 1024))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (text, last.line, last.length) == (_line(), 2, 200_000_000)
    assert most < 64 * 1024 * 1024


def test_overlong_lines_inside_a_text_are_rejects_of_the_reference(bulk):
    """The same where the text of a block holds one, with or without a line feed behind it."""
    long = b'{"a":"' + b"x" * MAX_RECORD + b'"}'
    for text in (_line() + long + b"\r\n" + _line(), long, _line() + long + b"\n"):
        assert bulk.lines_differ(text) == {}


def test_kept_rejects_are_rows_without_an_error(bulk):
    """With `keep` a line that cannot be read is a row with reason and text, its bytes that are no UTF-8 replaced, and still a reject."""
    text = b'{"a":"\xff"}\n' + _line()
    piece = lines_to_lines(_block(text), text, 0, Kernel(), keep_rejects=True)
    first, second = (dict(bulk.written(line)) for line in piece.payload.splitlines())
    assert [first["error_" + name] for name in ("reject", "raw", "category", "count")] == [
        "not UTF-8: byte 6 of the line",
        '{"a":"\ufffd"}',
        None,
        None,
    ]
    assert [second[name] for name in KEPT_COLUMNS] == [None, None]
    assert (piece.tally.records, piece.tally.written, piece.tally.rejects, piece.tally.rows) == (2, 2, 1, 2)


def test_numbers_pass_as_they_were_written():
    """Where lines stay lines, members keep their place and numbers their digits, and members that are absent stay absent."""
    text = b'{"b": 1.50, "status":404, "a":1E5,"provider":"heify","z":9007199254740993}\n'
    row = lines_to_lines(_block(text), text, 0, Kernel()).payload
    assert row.startswith(b'{"b":1.50,"status":404,"a":1E5,"provider":"heify","z":9007199254740993,"error_category":"not_found",')
    assert list(json.loads(row)) == ["b", "status", "a", "provider", "z", *COLUMNS]


def test_blocks_without_rows_have_no_payload():
    """A block of blank lines and rejects has no payload, and counts what it saw."""
    text = b"\n \nnonsense\n"
    for work in (lines_to_lines, lines_to_table):
        piece = work(_block(text), text, 0, Kernel())
        assert (piece.payload, piece.tally.lines, piece.tally.blank, piece.tally.rejects, piece.tally.rows) == (b"", 3, 2, 1, 0)
