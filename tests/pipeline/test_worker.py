"""What a worker makes of a block of any format: rows, rejects and counts, in the form that the output takes."""

from __future__ import annotations

import gc
import hashlib
import json

import pyarrow as pa
import pytest

from heify_heygen_errors import Normalizer
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, ClashError, PipelineError, Reject
from heify_heygen_errors.pipeline.worker import Job, Worker
from heify_heygen_errors.records import COLUMNS, RecordOptions

_NORMALIZER = Normalizer(default_catalogs())
_BODY = '{"message":"Not Found"}'


def _worker(options=None, **fields):
    job = Job(options=options or RecordOptions(provider="heify"), catalog=_NORMALIZER.catalogs.version, **fields)
    return Worker(job, _NORMALIZER)


def _stream(*batches):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def _statuses(*statuses, **columns):
    return pa.RecordBatch.from_pydict({"status": list(statuses), "body": [_BODY] * len(statuses), **columns})


def _table_block(*batches):
    return Block(file="t.parquet", format="table", start=0, end=sum(batch.num_rows for batch in batches), data=_stream(*batches))


def _rows(bulk, piece, *names):
    """Some columns of the rows of a piece, whatever its form."""
    if piece.payload[:1] == b"{":
        return [tuple(json.loads(line).get(name) for name in names) for line in piece.payload.splitlines()]
    return bulk.errors_of(bulk.table_of(piece.payload), names)


_KINDS = {
    "lines": (b'{"status":"404","n":"1"}\n{"status":"x","n":"2"}\n{"status":"401","n":"3"}\n', {"kind": "jsonl"}),
    "csv": (b"404,1\nx,2\n401,3\n", {"kind": "csv", "header": b"status,n"}),
    "tsv": (b"404\t1\nx\t2\n401\t3\n", {"kind": "tsv", "header": b"status\tn"}),
    "table": (_stream(pa.RecordBatch.from_pydict({"status": ["404", "x", "401"], "n": ["1", "2", "3"]})), {"kind": "table"}),
}


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("keep_rejects", [False, True])
def test_every_format_gives_the_same_rows_and_rejects(bulk, kind, keep_rejects):
    """The same records as lines, CSV, TSV or a table give the same rows, the same reasons of rejects, and the same counts."""
    data, fields = _KINDS[kind]
    piece = _worker(keep_rejects=keep_rejects).work(bulk.block(data, 100, **fields))
    expected = [("1", 404, None), ("3", 401, None)]
    if keep_rejects:
        expected.insert(1, ("2" if kind in ("csv", "tsv", "table") else None, None, "status is no status"))
    assert _rows(bulk, piece, "n", "error_status", *(("error_reject",) if keep_rejects else ("error_detail",))) == expected
    assert [(reject.reason, reject.format) for reject in piece.rejects] == [
        ("status is no status", "jsonl" if kind in ("lines", "table") else kind)
    ]
    tally = piece.tally
    assert (tally.records, tally.rejects, tally.failed, tally.rows, tally.written) == (3, 1, 2, len(expected), len(expected))


def test_lines_stay_lines_or_become_a_table(bulk):
    """As lines the rows keep what the table has in columns."""
    data = b'{"status":404,"n":1}\n{"status":200}\n'
    as_lines = _worker(as_lines=True).work(bulk.block(data))
    as_table = _worker().work(bulk.block(data))
    names = ("n", "status", *COLUMNS)
    assert _rows(bulk, as_lines, *names) == _rows(bulk, as_table, *names)
    assert bulk.counts(as_lines.tally) == bulk.counts(as_table.tally)


def test_a_block_of_a_file_is_read_by_the_worker(bulk, tmp_path):
    """A block without data is read from its file, and gives what the same lines give."""
    data = b'{"status":404}\nnonsense\n{"status":401}\n'
    path = tmp_path / "in.jsonl"
    path.write_bytes(data)
    block = Block(file=str(path), format="jsonl", start=0, end=len(data))
    piece, given = _worker().work(block), _worker().work(bulk.block(data))
    assert (piece.payload, [reject.raw for reject in piece.rejects]) == (given.payload, [reject.raw for reject in given.rejects])
    with pytest.raises(FileNotFoundError):
        _worker().work(Block(file=str(tmp_path / "none"), format="jsonl", start=0, end=5))


@pytest.mark.parametrize("as_lines", [False, True])
@pytest.mark.parametrize("keep_rejects", [False, True])
def test_overlong_record_is_a_reject_behind_the_rows(bulk, tmp_path, as_lines, keep_rejects):
    """An overlong last line of a file, or a block that is one, is a reject that is counted, and a row where rejects are kept."""
    line = b'{"a":"' + b"x" * MAX_RECORD + b'"}\n'
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"status":404}\n' + line)
    sha256 = hashlib.sha256(line).hexdigest()
    piece = _worker(as_lines=as_lines, keep_rejects=keep_rejects).work(Block(file=str(path), format="jsonl", start=0, end=20))
    assert [(reject.line, reject.offset, reject.length, reject.sha256) for reject in piece.rejects] == [(2, 15, len(line), sha256)]
    rows = 2 if keep_rejects else 1
    assert (len(_rows(bulk, piece, "error_status")), piece.tally.rows, piece.tally.lines, piece.tally.records) == (rows, rows, 2, 2)
    reject = Reject(file="-", line=1, offset=0, raw=None, reason="longer than 16777216 bytes", length=9, sha256="ab")
    alone = _worker(as_lines=as_lines, keep_rejects=keep_rejects).work(
        Block(file="-", format="jsonl", start=0, end=9, data=b"", rejects=(reject,))
    )
    assert (alone.rejects, alone.tally.lines, alone.tally.records, alone.tally.rows) == ((reject,), 1, 1, int(keep_rejects))


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("keep_rejects", [False, True])
def test_flaw_of_an_input_is_a_reject_behind_the_rest(bulk, kind, keep_rejects):
    """Where an input breaks off, what was in front of it is read, and the flaw is one more reject with its place."""
    data, fields = _KINDS[kind]
    piece = _worker(keep_rejects=keep_rejects).work(bulk.block(data, 100, flaw="cut: the compressed data ends early", **fields))
    last = piece.rejects[-1]
    offset = None if kind == "table" else 100 + len(data)
    assert (len(piece.rejects), last.line, last.offset, last.raw, last.reason) == (
        2,
        4,
        offset,
        None,
        "cut: the compressed data ends early",
    )
    assert (piece.tally.records, piece.tally.rejects, piece.tally.reasons["cut"]) == (4, 2, 1)
    assert len(_rows(bulk, piece, "error_status")) == piece.tally.rows == (4 if keep_rejects else 2)


def test_rows_of_several_batches_are_counted_on(bulk):
    """A table in several batches gives one stream of one schema; its rejects have the number of their row in the block."""
    first, second, empty = _statuses("404", "401"), _statuses("x", "404"), _statuses("404").slice(1)
    piece = _worker().work(_table_block(first, empty, second))
    assert [(reject.line, json.loads(reject.raw)["status"]) for reject in piece.rejects] == [(3, "x")]
    assert (_rows(bulk, piece, "error_status"), piece.tally.lines) == ([(404,), (401,), (404,)], 4)


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.large_string()], ids=str)
@pytest.mark.parametrize("keep_rejects", [False, True])
def test_batches_with_and_without_rejects_join(bulk, kind, keep_rejects):
    """Batches of one table join under one schema with their values, whether they have rejects or not."""
    batches = [_statuses("404", "401", extra=pa.array(["a", "b"], kind)), _statuses("x", "404", extra=pa.array(["c", "d"], kind))]
    piece = _worker(keep_rejects=keep_rejects).work(_table_block(*batches))
    expected = ["a", "b", "c", "d"] if keep_rejects else ["a", "b", "d"]
    table = bulk.table_of(piece.payload)
    assert table.column("extra").to_pylist() == expected
    table.validate(full=True)


def test_empty_blocks_give_nothing(bulk):
    """A block without records gives no payload and no rejects."""
    assert [_worker().work(block).payload for block in (bulk.block(b""), bulk.block(b"\n\n"), _table_block(_statuses("4").slice(1)))] == [
        b""
    ] * 3
    assert _worker().work(Block(file="t", format="table", start=0, end=0, data=b"")).tally.records == 0


def test_names_that_clash_stop_the_run(bulk):
    """A column with the name of an output column is refused in every format, with its line where there are lines."""
    clashes = [
        (bulk.block(b'{}\n{"error_code":1}\n'), 2),
        (bulk.block(b"1,2\n", kind="csv", header=b"status,error_code"), 1),
        (_table_block(_statuses("404", error_code=["x"])), None),
    ]
    for block, line in clashes:
        with pytest.raises(ClashError, match="error_code") as caught:
            _worker().work(block)
        assert caught.value.line == line
    with pytest.raises(PipelineError, match=r"t\.parquet: two columns have the name 'a'"):
        _worker().work(_table_block(pa.RecordBatch.from_arrays([pa.array([404])] * 3, ["status", "a", "a"])))


def test_catalogs_that_changed_are_refused():
    """A worker that has other catalogs than the run refuses to begin."""
    with pytest.raises(PipelineError, match="the catalogs have changed"):
        Worker(Job(options=RecordOptions(), catalog="another"))
    assert (
        Worker(Job(options=RecordOptions(), catalog=_NORMALIZER.catalogs.version)).kernel.catalogs.version == _NORMALIZER.catalogs.version
    )


def test_garbage_collection_is_as_before(bulk):
    """Work leaves the garbage collector as it was, also where it fails."""
    for enable in (gc.enable, gc.disable):
        enable()
        before = gc.isenabled()
        _worker().work(bulk.block(b"{}\n"))
        with pytest.raises(ClashError):
            _worker().work(bulk.block(b'{"error_code":1}\n'))
        after = gc.isenabled()
        gc.enable()
        assert before == after
