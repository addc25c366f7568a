"""CSV and TSV: strict where text can be told apart, and a stray quote costs one line."""

from __future__ import annotations

import csv
import hashlib
import io
import time

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heify_heygen_errors.pipeline import delimited
from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError, Reject
from heify_heygen_errors.pipeline.delimited import (
    Delimited,
    Dialect,
    cells_to_columns,
    cut_records,
    dialect_of,
    header_span,
    read_delimited,
    split_records,
)

HOSTILE = st.binary(max_size=1) | st.lists(
    st.sampled_from([b"a", b"b", b'"', b'""', b",", b"\n", b"\r\n", b"\r", b" ", b"\xc3\xa9", b"\xff", b"\xef\xbb\xbf", b'",x","']),
    max_size=40,
).map(b"".join)
CELLS = st.text(st.sampled_from('ab ",\n\r\u00e9{}:;'), max_size=8)


def _block(data: bytes, header: bytes = b"a,b,c", start: int = 100, **fields: object) -> Block:
    return Block(file="log.csv", format="csv", start=start, end=start + len(data), data=data, header=header, **fields)


def _read(data: bytes, header: bytes = b"a,b,c", **fields: object) -> Delimited:
    return read_delimited(_block(data, header, **fields))


def _rows(read: Delimited) -> list[tuple[str, ...]]:
    return list(zip(*(column.to_pylist() for column in read.columns.columns), strict=True))


def _told(read: Delimited) -> list[tuple[int, int | None, bytes | None, str]]:
    return [(reject.line, reject.offset, reject.raw, reject.reason) for reject in read.rejects]


# What fits.


@pytest.mark.parametrize(
    ("data", "rows", "blank", "lines"),
    [
        (b"1,2,3\n", [("1", "2", "3")], 0, 1),
        (b"1,2,3", [("1", "2", "3")], 0, 1),
        (b"1,2,3\r\n4,5,6\r\n", [("1", "2", "3"), ("4", "5", "6")], 0, 2),
        (b"1,2,3\r", [("1", "2", "3")], 0, 1),
        (b",,\n", [("", "", "")], 0, 1),
        (b'"","",""\n', [("", "", "")], 0, 1),
        (b'"1,1","2\n2","3""3"\n', [("1,1", "2\n2", '3"3')], 0, 2),
        (b'"2\r\n2",,\r\n', [("2\r\n2", "", "")], 0, 2),
        (b'"""",",""\n"', [('"', ',"\n')], 0, 2),
        (b'5" pipe,say ""hi"",3\n', [('5" pipe', 'say ""hi""', "3")], 0, 1),
        (b"a\rb,2,3\n", [("a\rb", "2", "3")], 0, 1),
        (b" 1 , 2,3 \n", [(" 1 ", " 2", "3 ")], 0, 1),
        (b"\n1,2,3\n\r\n  \n\n", [("1", "2", "3")], 4, 5),
        (b"NA,null,\n", [("NA", "null", "")], 0, 1),
        ("\u00e9,\u4e2d,\U0001f600\n".encode(), [("\u00e9", "\u4e2d", "\U0001f600")], 0, 1),
        (b"\xef\xbb\xbf1,2,3\n", [("\ufeff1", "2", "3")], 0, 1),
        (b'""" 1""","{""a"": ""b, c""}",""\n', [('" 1"', '{"a": "b, c"}', "")], 0, 1),
        (b"1\0,2,3\n", [("1\0", "2", "3")], 0, 1),
        (b"", [], 0, 0),
        (b"\n\n", [], 2, 2),
    ],
)
def test_records_are_read_as_rfc_4180_says(data: bytes, rows: list[tuple[str, ...]], blank: int, lines: int) -> None:
    """Cells are the text that RFC 4180 gives them, nothing is guessed, and blank lines and lines are counted."""
    read = _read(data, b"a,b" if rows and len(rows[0]) == 2 else b"a,b,c")
    assert (rows, [], blank, lines) == (_rows(read), read.rejects, read.blank, read.lines)
    assert all(field.type == pa.string() for field in read.columns.schema)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, ...]], quoting: int) -> None:
    """Rows that Python's csv module writes are read back equal, each at its place."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator="\r\n").writerows(rows)
    data = text.getvalue().encode()
    read = _read(data)
    assert (rows, []) == (_rows(read), read.rejects)
    assert data == b"".join(data[start:end] for start, end, _ in read.places)
    assert [data.count(b"\n", 0, start) + 1 for start, _, _ in read.places] == [line for _, _, line in read.places]
    assert read.lines == data.count(b"\n")


@pytest.mark.parametrize(
    ("header", "format", "line", "names", "cells"),
    [
        (b"a,b", "csv", b"1;1,2\n", ["a", "b"], ("1;1", "2")),
        (b"a;b", "csv", b"1,1;2\n", ["a", "b"], ("1,1", "2")),
        (b'"a,1";b', "csv", b'"1;1";2\n', ["a,1", "b"], ("1;1", "2")),
        (b"a\tb", "csv", b"1,1\t2\n", ["a", "b"], ("1,1", "2")),
        (b"a|b|c", "csv", b"1|2|3\n", ["a", "b", "c"], ("1", "2", "3")),
        (b"a,1\tb", "tsv", b"1,1\t2\n", ["a,1", "b"], ("1,1", "2")),
        (b"body", "csv", b'"1,1"\n', ["body"], ("1,1",)),
        (b'"a ""b""","c\nd"', "csv", b"1,2\n", ['a "b"', "c\nd"], ("1", "2")),
    ],
)
def test_the_header_tells_names_and_delimiter(header: bytes, format: str, line: bytes, names: list[str], cells: tuple[str, ...]) -> None:  # noqa: A002
    """A comma in the header means commas; else it is the most frequent of semicolon, tab and bar; a TSV has tabs."""
    read = read_delimited(Block(file="x", format=format, start=9, end=9 + len(line), data=line, header=header))
    assert (names, [cells]) == (read.columns.schema.names, _rows(read))


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"a,b,a,c,b", "the columns 'a', 'b' are there more than once: rename them"),
        (b",a", "column 1 of 2 has no name: name it in the header (pandas: to_csv(index=False))"),
        (b"a, ,", "column 2, 3 of 3 has no name"),
        (b"a,\xff", "the header is not UTF-8: convert the file with iconv"),
        (b'a,"b"c', "the header has a quote that is not closed, or text behind a closing one"),
        (b'a,"b', "the header has a quote that is not closed, or text behind a closing one"),
        (b"a,b\r1,2\r3,4", "the lines end with a carriage return alone: convert it with tr '\\r' '\\n'"),
    ],
)
def test_a_header_that_names_nothing_is_an_error(header: bytes, told: str) -> None:
    """A header whose columns cannot be told apart stops the run and says what to do."""
    with pytest.raises(PipelineError) as raised:
        dialect_of(header, "csv")
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\r\n", b"\xef\xbb\xbf \n"])
@pytest.mark.parametrize("header", [b"a,b", b'a,"b\nc"', b'"a""\n",b'])
def test_the_first_block_begins_with_the_header(before: bytes, header: bytes) -> None:
    """The header in the first block is no row, but its lines and bytes count."""
    data = before + header + b"\r\n1,2\nx\n"
    begin, end = header_span(data)
    assert (header, b"1,2\nx\n") == (data[begin:end].removesuffix(b"\r\n"), data[end:])
    read = _read(data, header, start=0)
    line = data[:end].count(b"\n") + 1
    assert _rows(read) == [("1", "2")]
    assert [(end, end + 4, line)] == list(read.places)
    assert [(line + 1, end + 4, b"x", "has 1 cell, the header 2")] == _told(read)
    assert (data.count(b"\n"), before.count(b"\n")) == (read.lines, read.blank)


def test_a_header_alone_has_columns_and_no_rows() -> None:
    """A file with a header only gives its columns."""
    read = _read(b"a,b\n", b"a,b", start=0)
    assert (read.columns.schema.names, read.columns.num_rows, read.lines, read.blank) == (["a", "b"], 0, 1, 0)


# What does not fit.


@pytest.mark.parametrize(
    ("data", "rejects", "rows"),
    [
        (b"1,2\n4,5,6\n", [(1, 100, b"1,2", "has 2 cells, the header 3")], [("4", "5", "6")]),
        (b"1\r\n4,5,6\n", [(1, 100, b"1", "has 1 cell, the header 3")], [("4", "5", "6")]),
        (b"1,2,3,4\n4,5,6\n", [(1, 100, b"1,2,3,4", "has 4 cells, the header 3")], [("4", "5", "6")]),
        (b"1," * 50 + b"\n4,5,6\n", [(1, 100, b"1," * 50, "has 51 cells, the header 3")], [("4", "5", "6")]),
        (b'1,"2\n4,5,6\n7,8,9\n', [(1, 100, b'1,"2', "opens a quote that is never closed")], [("4", "5", "6"), ("7", "8", "9")]),
        (b'1,"2"x,3\n4,5,6\n', [(1, 100, b'1,"2"x,3', "has text behind a closing quote")], [("4", "5", "6")]),
        (b'1,2,""x\n4,5,6\n', [(1, 100, b'1,2,""x', "has text behind a closing quote")], [("4", "5", "6")]),
        (b'1,2,"3" \n4,5,6\n', [(1, 100, b'1,2,"3" ', "has text behind a closing quote")], [("4", "5", "6")]),
        (
            b'1,"2\n4,5,6\n7,8"\n1,2,3\n',
            [
                (1, 100, b'1,"2', "has 2 cells, read over 3 lines as its quotes say, the header 3"),
                (3, 111, b'7,8"', "has 2 cells, the header 3"),
            ],
            [("4", "5", "6"), ("1", "2", "3")],
        ),
        (b"4,5,6\n1,\xff,3\n7,8,9", [(2, 106, b"1,\xff,3", "not UTF-8: byte 2 of the line")], [("4", "5", "6"), ("7", "8", "9")]),
        (b'1,"2\n\xe9",3\n7,8,9', [(1, 100, b'1,"2\n\xe9",3', "not UTF-8: byte 5 of the line")], [("7", "8", "9")]),
        (b'\n\n"\n1,2,3\n', [(3, 102, b'"', "opens a quote that is never closed")], [("1", "2", "3")]),
    ],
)
def test_a_line_that_does_not_fit_is_one_reject(data: bytes, rejects: list[tuple[object, ...]], rows: list[tuple[str, ...]]) -> None:
    """What is no record is a reject with its line, offset, bytes and reason, and reading goes on at the next line."""
    read = _read(data)
    assert (rejects, rows) == (_told(read), _rows(read))
    assert {(reject.file, reject.header, reject.format) for reject in read.rejects} == {("log.csv", b"a,b,c", "csv")}


def test_a_record_longer_than_the_limit_is_a_reject() -> None:
    """Of a line over the limit length and SHA-256 are kept, of a longer record of several lines its first line."""
    long = b"1,2," + b"x" * MAX_RECORD + b"\n"
    read = _read(b"1,2,3\n" + long + b"4,5,6\n")
    assert _rows(read) == [("1", "2", "3"), ("4", "5", "6")]
    (reject,) = read.rejects
    assert (2, None, len(long), hashlib.sha256(long).hexdigest()) == (reject.line, reject.raw, reject.length, reject.sha256)
    assert reject.reason == "longer than 16777216 bytes"
    lines = b'1,2,"x,\n' + (b"x" * 65_535 + b"\n") * (MAX_RECORD // 65_536) + b'"\n4,5,6\n'
    read = _read(lines)
    assert _rows(read) == [("4", "5", "6")]
    assert (read.rejects[0].line, read.rejects[0].raw, read.rejects[0].reason) == (1, b'1,2,"x,', "longer than 16777216 bytes")


@pytest.mark.parametrize("end", [b"7,8,9", b'7,8,"9"', b"7", b'7,"8', b'7,"8\n8",9'])
def test_the_last_record_in_front_of_a_flaw_needs_its_line_end(end: bytes) -> None:
    """A cell that was cut off can look whole; in front of a flaw what has no line end is a reject."""
    read = _read(b"1,2,3\n" + end, flaw="the gzip data end early")
    assert _rows(read)[:1] == [("1", "2", "3")]
    assert len(_rows(read)) == 1
    assert read.rejects[-1].reason == "is cut off: the gzip data end early"
    assert (_rows(_read(b"1,2,3\n", flaw="x")), []) == ([("1", "2", "3")], _read(b"1,2,3\n", flaw="x").rejects)


def test_rejects_of_the_reader_are_passed_on() -> None:
    """A line that the reader found too long is passed on as the block's only line."""
    reject = Reject(file="log.csv", line=1, offset=100, raw=None, reason="longer", length=7, sha256="x", format="csv")
    read = _read(b"", rejects=(reject,))
    assert ([reject], 1, 0) == (read.rejects, read.lines, read.columns.num_rows)


def test_a_row_can_become_a_reject() -> None:
    """A row whose cells are no record is told with the text and place that it came from, clean block or not."""
    for data in (b'\n1,"2\n",3\r\n4,5,6\n', b'\n1,"2\n",3\r\n4,5,6\nx\n'):
        read = _read(data)
        found = [read.reject(row, "no status") for row in (0, 1)]
        assert [(reject.line, reject.offset, reject.raw) for reject in found] == [(2, 101, b'1,"2\n",3'), (4, 111, b"4,5,6")]
        assert {"no status"} == {reject.reason for reject in found}


# Quick and careful.


@given(data=HOSTILE, columns=st.integers(1, 3))
@example(data=b'""x\n', columns=1)
@example(data=b" \n", columns=1)
@example(data=b"\xef\xbb\xbf1\n", columns=1)
@example(data=b"a\rb\n", columns=1)
@example(data=b'"a"\r', columns=1)
@example(data=b'a"b\n', columns=1)
@example(data=b'"""a"\n', columns=1)
def test_the_quick_way_gives_what_the_careful_one_gives(data: bytes, columns: int) -> None:
    """Where the quick way answers, it gives rows, blank lines and no rejects as the careful one does, over hostile text."""
    dialect = Dialect(b",", ["a", "b", "c"][:columns])
    quick = delimited._quick(data, dialect)
    if quick is None:
        return
    records = list(split_records(data, dialect))
    assert [record for record in records if record.reason] == []
    places = [(record.start, record.end, record.line) for record in records if record.reason is None]
    assert cells_to_columns(data, dialect, places).equals(quick[0])
    assert quick[1] == len(records) - len(places)


def test_the_quick_way_is_taken_for_sound_text() -> None:
    """Sound text with quotes, line ends of both kinds and blank lines does not take the careful way."""
    assert delimited._quick(b'1,"a,""b""\n",3\n\n4,"",6\r\n', Dialect(b",", "abc")) is not None


def _record_end(data: bytes, columns: int) -> int:
    """The grammar of a record, byte by byte: where the one at the beginning ends, -1 if none is there."""
    at = cells = 0
    while True:
        if data[at : at + 1] == b'"':
            at += 1
            while data[at : at + 1] != b'"' or data[at : at + 2] == b'""':
                if at >= len(data):
                    return -1
                at += 2 if data[at : at + 2] == b'""' else 1
            at += 1
        else:
            while at < len(data) and data[at] not in b",\n":
                at += 1
            if data[at : at + 1] == b"\n" and data[at - 1 : at] == b"\r":
                at -= 1
        cells += 1
        if data[at : at + 1] != b",":
            break
        at += 1
    rest = data[at:]
    end = next((at + len(end) for end in (b"\r\n", b"\n") if rest.startswith(end)), len(data) if rest in (b"", b"\r") else -1)
    return end if cells == columns else -1


@given(data=HOSTILE, columns=st.integers(1, 3))
def test_a_record_is_what_the_grammar_says(data: bytes, columns: int) -> None:
    """The expressions that find records say what the grammar says, read byte by byte."""
    assert _record_end(data, columns) == Dialect(b",", ["a", "b", "c"][:columns]).record_end(data, 0)


@given(data=HOSTILE, columns=st.integers(1, 3))
def test_no_byte_and_no_line_is_lost(data: bytes, columns: int) -> None:
    """Rows, rejects and blank lines cover the text without gaps, rejects are one line each, and line numbers are right."""
    read = _read(data, b"a,b,c"[: 2 * columns - 1])
    records = list(split_records(data, Dialect(b",", ["a", "b", "c"][:columns])))
    assert data == b"".join(data[record.start : record.end] for record in records)
    assert [data.count(b"\n", 0, record.start) + 1 for record in records] == [record.line for record in records]
    assert all(b"\n" not in data[record.start : record.end - 1] for record in records if record.reason is not None)
    assert len(records) == read.columns.num_rows + len(read.rejects) + read.blank
    assert read.columns.num_rows == len(read.places)
    assert [reject.line for reject in read.rejects] == sorted(reject.line for reject in read.rejects)


@pytest.mark.parametrize("line", [b'",x","', b'"', b'"a', b'1,"2', b'"""', b'""",', b'x"', b'"x"y', b'""', b"1,2", b'1,2,3,"', b'","'])
def test_stray_quotes_take_time_in_proportion(line: bytes) -> None:
    """A text whose every line has a stray quote takes time in proportion to its length."""

    def took(lines: int) -> float:
        data = (line + b"\n") * lines
        begun = time.process_time()
        list(split_records(data, Dialect(b",", "abc")))
        return time.process_time() - begun

    took(100)
    assert min(took(16_000) for _ in range(2)) < 10 * max(took(4_000), 0.01)


# Cutting.


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    at=st.integers(0, 200),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_sound_text_is_cut_behind_the_last_whole_record(rows: list[tuple[str, str]], quoting: int, at: int, line_end: str) -> None:
    """Wherever a sound text ends in the middle, the cut is behind the last record that is there as a whole."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(rows)
    data = text.getvalue().encode()
    ends = [record.end for record in split_records(data, Dialect(b",", "ab"))]
    assert max([end for end in ends if end <= at], default=0) == cut_records(data[:at], Dialect(b",", "ab"))


@given(data=HOSTILE, more=HOSTILE, columns=st.integers(1, 3))
def test_a_careful_cut_depends_on_no_later_text(data: bytes, more: bytes, columns: int) -> None:
    """What is in front of a careful cut is split as it is in the whole text, whatever follows."""
    dialect = Dialect(b",", ["a", "b", "c"][:columns])
    cut = delimited._careful_cut(data, dialect, 0)
    whole = [record for record in split_records(data + more, dialect) if record.start < cut]
    front = list(split_records(data[:cut], dialect))
    assert [(record.start, record.end, record.reason is None) for record in front] == [
        (record.start, record.end, record.reason is None) for record in whole
    ]


def test_a_stray_quote_does_not_hold_up_the_cut() -> None:
    """Quotes that mean themselves, odd in number, leave the cut where the records say."""
    data = b'5" pipe,2\n' + b"1,2\n" * 100
    assert len(data) == cut_records(data + b"1,", Dialect(b",", "ab"))
    data = b'1,2\nx,"y\n' + b"1,2\n" * 100 + b'3,"z\n4,'
    assert data.rfind(b"\n3") + 1 == cut_records(data, Dialect(b",", "ab"))
    assert cut_records(data[: data.index(b'"z') + 1], Dialect(b",", "ab")) == 4  # may still become a cell of many lines
