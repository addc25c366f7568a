"""Rejects that are tried again: what was written comes back as it was, and gives the row that its line would have given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.pipeline.blocks import Block, PipelineError, Reject
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.line_table import lines_to_table
from heify_heygen_errors.pipeline.line_writer import lines_to_lines
from heify_heygen_errors.pipeline.replay import read_replayed, reject_from_json, reject_to_json
from heify_heygen_errors.records import NotARecord, RecordOptions

_RAW = b'{"provider":"heify","status":404,"body":"{\\"message\\":\\"Not Found\\"}","n":1}'
_PLAIN = {"file": "in.jsonl", "line": 7, "offset": 120, "raw": _RAW, "reason": "status is no status"}


def _rejects_block(text):
    return Block(file="rejects.jsonl", format="rejects", start=0, end=len(text), data=text)


@given(
    st.builds(
        Reject,
        file=st.text(max_size=9),
        line=st.integers(1, 2**40),
        offset=st.none() | st.integers(0, 2**60),
        raw=st.none() | st.binary(max_size=20),
        reason=st.text(max_size=20),
        length=st.none(),
        sha256=st.none(),
        header=st.none() | st.binary(max_size=20),
        format=st.sampled_from(["jsonl", "csv", "tsv"]),
    )
)
def test_reject_comes_back_as_it_was(reject):
    """A reject that was written as a line is read as the same reject."""
    line = reject_to_json(reject)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert reject_from_json("rejects.jsonl", 1, line.strip()) == reject


def test_overlong_reject_comes_back_as_it_was():
    """A reject whose bytes were not kept comes back with length and digest."""
    reject = Reject(file="a", line=1, offset=0, raw=None, reason="longer than 16777216 bytes", length=2**25, sha256="ab" * 32)
    assert reject_from_json("r", 1, reject_to_json(reject)) == reject


def test_members_of_the_contract_come_first():
    """A line of the rejects file has the members of the contract in their order; what else it has stands between them and the reason."""
    reject = Reject(**_PLAIN, header=b"a,b", format="csv")
    assert list(json.loads(reject_to_json(Reject(**_PLAIN)))) == ["file", "line", "offset", "raw_base64", "reason"]
    assert list(json.loads(reject_to_json(reject))) == ["file", "line", "offset", "raw_base64", "format", "header_base64", "reason"]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"file":"a","line":"x","offset":0,"raw_base64":"","reason":"r"}',
        b'{"file":"a","line":1,"offset":0,"raw_base64":"!","reason":"r"}',
        b'{"file":"a","line":1,"offset":0,"raw_base64":5,"reason":"r"}',
        b'{"file":"a","line":1,"offset":[],"raw_base64":"","reason":"r"}',
        b'{"file":"a","line":1,"offset":0,"raw_base64":"\xc3\xa9","reason":"r"}',
        b'{"file":"a","line":1e400,"offset":0,"raw_base64":"","reason":"r"}',
        b'{"file":"a","line":1,"offset":0,"raw_base64":"","reason":"r","header_base64":"?"}',
    ],
)
def test_what_is_no_reject_stops_the_run(line):
    """A line that is no reject stops the run with file and line: a log given to `--replay` must not be taken for one."""
    with pytest.raises(PipelineError, match=r"r\.jsonl, line 3: no line of a rejects file"):
        reject_from_json("r.jsonl", 3, line)


@pytest.mark.parametrize("place", [b"", b'"file":null,"line":null,"offset":null,'])
def test_reject_without_a_place_has_that_of_its_line(place):
    """A reject of an engine whose rows have no place is told by its line of the rejects file."""
    reject = reject_from_json("r.jsonl", 3, b"{" + place + b'"raw_base64":"e30=","reason":"r"}')
    assert reject == Reject(file="r.jsonl", line=3, offset=None, raw=b"{}", reason="r")


@pytest.mark.parametrize("work", [lines_to_lines, lines_to_table])
def test_replayed_record_gives_its_row(bulk, work):
    """A reject whose record can be read now gives the row that the record gives in a log."""
    replayed = reject_to_json(Reject(**_PLAIN)) + b"\n"
    piece = work(_rejects_block(replayed), replayed, 0, Kernel())
    plain = work(bulk.block(_RAW), _RAW, 0, Kernel())
    assert (piece.payload, piece.rejects) == (plain.payload, ())
    assert (piece.tally.records, piece.tally.rows, piece.tally.blank) == (1, 1, 1)


@pytest.mark.parametrize("work", [lines_to_lines, lines_to_table])
@pytest.mark.parametrize("keep_rejects", [False, True])
def test_record_that_is_still_none_keeps_its_place(bulk, work, keep_rejects):
    """A reject that still cannot be read stays one: with file, line, offset and bytes of its first input and today's reason."""
    bad = Reject(file="in.jsonl", line=7, offset=120, raw=b'{"status":"x"}\xff', reason="an old reason")
    long = Reject(file="in.jsonl", line=9, offset=900, raw=None, reason="longer than 16777216 bytes", length=2**25, sha256="ab" * 32)
    text = reject_to_json(bad) + reject_to_json(Reject(**_PLAIN)) + reject_to_json(long)
    piece = work(_rejects_block(text), text, 0, Kernel(), keep_rejects=keep_rejects)
    told = [(reject.file, reject.line, reject.offset, reject.raw, reject.reason, reject.sha256) for reject in piece.rejects]
    assert told == [
        ("in.jsonl", 7, 120, bad.raw, "not UTF-8: byte 14 of the line", None),
        ("in.jsonl", 9, 900, None, "longer than 16777216 bytes", "ab" * 32),
    ]
    assert (piece.tally.records, piece.tally.rejects, piece.tally.rows) == (3, 2, 3 if keep_rejects else 1)


@pytest.mark.parametrize(
    ("header", "raw", "kind", "expected"),
    [
        (b"status,body", b'404,"{""a"":1}"', "csv", {"status": "404", "body": '{"a":1}'}),
        (b"status\tbody", b"404\tx,y", "tsv", {"status": "404", "body": "x,y"}),
        (b"\xef\xbb\xbfstatus;body", b'404;"a\nb"', "csv", {"status": "404", "body": "a\nb"}),
        (b"status|body", b"404|x", "csv", {"status": "404", "body": "x"}),
        (b"status,body", b"404,", "csv", {"status": "404", "body": ""}),
    ],
)
def test_cells_of_a_table_come_back_under_their_header(header, raw, kind, expected):
    """A reject of a CSV or TSV is read with the header that was kept beside it."""
    assert read_replayed(Reject(file="a", line=2, offset=0, raw=raw, reason="r", header=header, format=kind)) == expected


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"404", "r"), (b"404,x,y", "r"), (b"404,\xff", "not UTF-8: byte 0 of a cell"), (b"", "r"), (b"4,5\n6,7", "r")]
)
def test_cells_that_do_not_fit_stay_a_reject(raw, reason):
    """Cells that are too few, too many or no text stay a reject."""
    with pytest.raises(NotARecord) as caught:
        read_replayed(Reject(file="a", line=2, offset=0, raw=raw, reason="r", header=b"status,body", format="csv"))
    assert str(caught.value) == reason


def test_replay_with_other_options_reads_what_was_refused():
    """What was refused for want of a provider is read when one is given."""
    raw = b'{"status":404}'
    refused = lines_to_lines(_block(raw), raw, 0, Kernel()).rejects
    text = b"".join(map(reject_to_json, refused))
    again = lines_to_lines(_rejects_block(text), text, 0, Kernel(RecordOptions(provider="heify")))
    assert (len(refused), again.rejects, again.tally.providers) == (1, (), {"heify": 1})


def _block(text):
    return Block(file="in.jsonl", format="jsonl", start=0, end=len(text), data=text)
