"""Sinks: every row arrives once, whole or not at all, and a resumed run writes what an uninterrupted one does."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import stat
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heify_heygen_errors.pipeline import parts, segments
from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import MARKER, check_replaceable
from heify_heygen_errors.pipeline.outputs import FORMATS, Sink, Target, Written, open_sink
from heify_heygen_errors.pipeline.partitions import NULL, folder_part, split

FAULT = pa.dictionary(pa.int8(), pa.string())
FAULTS = ["caller", "account"]
CONTRACT = pa.schema(
    [("error_fault", FAULT), ("error_code", pa.string()), ("error_count", pa.int32())],
    metadata={"heify_heygen_errors.catalog": "2025-11-01"},
)
TABLES = ("csv", "tsv", "parquet", "arrow")


def _block(count: int = 3, start: int = 0, **columns: list[Any]) -> Any:
    """Rows with passthrough columns and those of the contract."""
    numbers = range(start, start + count)
    found: dict[str, Any] = {name: pa.array(values) for name, values in columns.items()}
    found["n"] = pa.array(numbers, pa.int64())
    found["error_fault"] = pa.DictionaryArray.from_arrays(pa.array([number % 2 for number in numbers], pa.int8()), pa.array(FAULTS))
    found["error_code"] = pa.array([f"code {number % 5}" if number % 3 else None for number in numbers])
    found["error_count"] = pa.array([number % 3 for number in numbers], pa.int32())
    return pa.table(found).replace_schema_metadata(CONTRACT.metadata)


def _payload(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _write(path: Path | str, format_: str, tables: list[Any], **options: Any) -> list[Written]:
    return _fill(open_sink(Target(path=str(path), format=format_, contract=CONTRACT, **options)), tables)


def _fill(sink: Sink, tables: list[Any]) -> list[Written]:
    try:
        for table in tables:
            sink.write(_payload(table))
        return sink.finish()
    except BaseException:
        sink.abandon()
        raise


def _cells(path: Path, delimiter: str) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def _rows(path: Path, format_: str) -> list[dict[str, Any]]:
    """The rows of an output, read by something other than what wrote them where there is such a thing."""
    if path.is_dir():
        return [row for file in sorted(path.rglob("part-*")) for row in _rows(file, format_)]
    match format_:
        case "jsonl":
            return [json.loads(line) for line in path.read_bytes().splitlines()]
        case "csv":
            return _cells(path, ",")
        case "tsv":
            return _cells(path, "\t")
        case "parquet":
            return pq.ParquetFile(path).read().to_pylist()
        case _:
            return pa.ipc.open_file(path).read_all().to_pylist()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


MIXED = [
    _block(4, 0, a=[None, None, None, None]),
    _block(4, 4, a=[1, 2, None, 4]),
    _block(4, 8, b=["x", None, "é\n", '"q"']),
    _block(4, 12, a=[0.5, None, 1.0, 2.0], c=[{"k": [1]}] * 4),
    _block(4, 16, a=["text", None, "=1", ""]),
]
MIXED_A = [None] * 4 + ["1", "2", None, "4"] + [None] * 4 + ["0.5", None, "1.0", "2.0"] + ["text", None, "=1", ""]


# One file.


@pytest.mark.parametrize("format_", FORMATS)
def test_every_row_arrives_in_order(format_: str, tmp_path: Path) -> None:
    """A file has every row once and in order, and the sink tells what it wrote."""
    (written,) = _write(tmp_path / "out", format_, [_block(3), _block(3, 3)])
    rows = _rows(tmp_path / "out", format_)
    assert [int(row["n"]) for row in rows] == [0, 1, 2, 3, 4, 5]
    assert ["n", *CONTRACT.names] == list(rows[0])
    assert {"out"} == set(_names(tmp_path))
    assert (str(tmp_path / "out"), (tmp_path / "out").stat().st_size, 6) == (written.path, written.bytes, written.rows)


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
@pytest.mark.parametrize("checkpoints", [False, True])
def test_rows_of_all_schemas_stand_in_one(format_: str, checkpoints: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Columns that appear or change in the middle have one type in the whole file, and rows keep their order and values."""
    sink = open_sink(Target(path=str(tmp_path / "out"), format=format_, contract=CONTRACT))
    for table in MIXED:
        sink.write(_payload(table))
        if checkpoints:
            sink.checkpoint()
    (written,) = sink.finish()
    rows = _rows(tmp_path / "out", format_)
    assert list(range(20)) == [row["n"] for row in rows]
    assert [row["a"] for row in rows] == MIXED_A
    assert ["a", "n", "b", "c", *CONTRACT.names] == list(rows[0])
    assert [row["c"] for row in rows[12:16]] == [{"k": [1]}] * 4
    assert written.rows == 20
    schema = pq.read_schema(tmp_path / "out") if format_ == "parquet" else pa.ipc.open_file(tmp_path / "out").schema
    assert schema.field("error_fault").type == FAULT
    assert CONTRACT.metadata == schema.metadata


@pytest.mark.parametrize(("format_", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_cells_follow_rfc_4180(format_: str, delimiter: str, tmp_path: Path) -> None:
    """A file for spreadsheets has a header, an empty cell for null, quotes where needed, and escaped formulas."""
    _write(tmp_path / "out", format_, MIXED)
    rows = _cells(tmp_path / "out", delimiter)
    assert ["" if value is None else "'=1" if value == "=1" else value for value in MIXED_A] == [row["a"] for row in rows]
    assert [row["b"] for row in rows[8:12]] == ["x", "", "é\n", '"q"']
    assert rows[12]["c"] == '{"k":[1]}'
    assert [row["error_code"] for row in rows[:2]] == ["", "code 1"]
    assert b"\r" not in (tmp_path / "out").read_bytes()


def test_null_and_empty_text_differ_in_csv(tmp_path: Path) -> None:
    """An empty cell is null, a quoted empty one is the empty text, for readers that tell them apart."""
    _write(tmp_path / "out.csv", "csv", [_block(2, x=["", None])])
    options = pacsv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    assert pacsv.read_csv(tmp_path / "out.csv", convert_options=options)["x"].to_pylist() == ["", None]
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ['""', ""]


def test_formulas_stay_if_asked(tmp_path: Path) -> None:
    """With the switch, cells and names are written as they are."""
    table = _block(1, **{"=n": ["=1"]})
    _write(tmp_path / "safe.csv", "csv", [table])
    _write(tmp_path / "raw.csv", "csv", [table], formulas=True)
    assert _cells(tmp_path / "safe.csv", ",")[0]["'=n"] == "'=1"
    assert _cells(tmp_path / "raw.csv", ",")[0]["=n"] == "=1"


def test_numbers_are_no_formulas(tmp_path: Path) -> None:
    """A negative number stays a number in a file for spreadsheets."""
    _write(tmp_path / "out.csv", "csv", [_block(2, x=[-1, -2], y=[-0.5, 1.5])])
    assert pl.read_csv(tmp_path / "out.csv").select("x", "y").rows() == [(-1, -0.5), (-2, 1.5)]


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=25)
@given(st.lists(st.tuples(TEXT, st.none() | st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=6))
def test_any_text_survives_every_format(rows: list[tuple[str | None, int | None]]) -> None:
    """What csv, json, pyarrow and polars read back is what was written, whatever characters it has."""
    texts, numbers = [row[0] for row in rows], [row[1] for row in rows]
    table = pa.table({"t": pa.array(texts, pa.string()), "i": pa.array(numbers, pa.int64())})
    for format_ in FORMATS:
        stream = io.BytesIO()
        sink = open_sink(Target(path=None, stream=stream, format=format_, formulas=True))
        sink.write(_payload(table))
        sink.finish()
        data = stream.getvalue()
        if format_ == "jsonl":
            assert rows == [(row["t"], row["i"]) for row in map(json.loads, data.split(b"\n")[:-1])]
        elif format_ == "parquet":
            assert rows == pl.read_parquet(data).rows()
            assert rows == [tuple(row.values()) for row in pq.read_table(io.BytesIO(data)).to_pylist()]
        elif format_ == "arrow":
            assert rows == pl.read_ipc(data).rows()
        else:
            read = list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter="," if format_ == "csv" else "\t"))
            assert [["t", "i"], *([text or "", "" if number is None else str(number)] for text, number in rows)] == read


@pytest.mark.parametrize("format_", FORMATS)
def test_polars_reads_every_format(format_: str, tmp_path: Path) -> None:
    """Another reader than ours finds the same rows."""
    _write(tmp_path / "out", format_, MIXED)
    read: dict[str, Callable[[Path], Any]] = {
        "jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
        "csv": pl.read_csv,
        "tsv": lambda path: pl.read_csv(path, separator="\t"),
        "parquet": pl.read_parquet,
        "arrow": pl.read_ipc,
    }
    frame = read[format_](tmp_path / "out")
    assert list(range(20)) == frame["n"].to_list()
    assert [FAULTS[number % 2] for number in range(20)] == [str(value) for value in frame["error_fault"].to_list()]


@pytest.mark.parametrize("format_", TABLES)
def test_an_output_without_rows_has_the_columns_of_the_contract(format_: str, tmp_path: Path) -> None:
    """A run without a row writes a file that can be read, with the documented columns."""
    (written,) = _write(tmp_path / "out", format_, [])
    assert written.rows == 0
    if format_ in ("csv", "tsv"):
        delimiter = "," if format_ == "csv" else "\t"
        assert delimiter.join(f'"{name}"' for name in CONTRACT.names) + "\n" == (tmp_path / "out").read_text()
    else:
        schema = pq.read_schema(tmp_path / "out") if format_ == "parquet" else pa.ipc.open_file(tmp_path / "out").schema
        assert schema.equals(CONTRACT, check_metadata=True)


def test_lines_are_written_as_they_come(tmp_path: Path) -> None:
    """Rows that come as JSON Lines are not read again: numbers, order of members and spaces stay."""
    sink = open_sink(Target(path=str(tmp_path / "out.jsonl"), format="jsonl", payload="jsonl"))
    sink.write(b'{"b":1.10}\n{"a": 2}\n')
    sink.write(b"")
    sink.write(b'{"c":3}\n')
    (written,) = sink.finish()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"b":1.10}\n{"a": 2}\n{"c":3}\n'
    assert written.rows == 3


def test_row_groups_are_large(tmp_path: Path) -> None:
    """Rows of many small payloads share row groups of about 131,072 rows."""
    _write(tmp_path / "out", "parquet", [_block(10_000, start) for start in range(0, 300_000, 10_000)])
    metadata = pq.read_metadata(tmp_path / "out")
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert sum(groups) == 300_000
    assert len(groups) == 3
    assert metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("partition_by", [(), ("error_fault", "error_code")])
def test_rows_that_wait_are_bounded(partition_by: tuple[str, ...], tmp_path: Path) -> None:
    """Large rows are written before many of them are in memory, also those of many partitions."""
    path = tmp_path / "out"
    sink = open_sink(Target(path=str(path), format="parquet", contract=CONTRACT, partition_by=partition_by))
    before = pa.total_allocated_bytes()
    peak = 0
    for number in range(40):
        sink.write(_payload(_block(400, number * 400, x=[f"{number} {row}".ljust(10_000) for row in range(400)])))
        peak = max(peak, pa.total_allocated_bytes() - before)
    sink.finish()
    assert peak < 80 * 1024 * 1024
    assert ds.dataset(path, format="parquet", partitioning=None).count_rows() == 16_000


def test_merging_is_bounded(tmp_path: Path) -> None:
    """Parts are merged piece by piece."""
    sink = open_sink(Target(path=str(tmp_path / "out"), format="parquet", contract=CONTRACT))
    for number in range(20):
        sink.write(_payload(_block(400, number * 400, x=[os.urandom(5_000).hex() for _ in range(400)])))
        if number % 4 == 3:
            sink.checkpoint()
    before = pa.total_allocated_bytes()
    peak = [0]
    original = parts.conform

    def watched(data: Any, schema: Any) -> Any:
        peak[0] = max(peak[0], pa.total_allocated_bytes() - before)
        return original(data, schema)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "conform", watched)
        tracemalloc.start()
        sink.finish()
        _, python = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert pq.read_metadata(tmp_path / "out").num_rows == 8_000
    assert 0 < peak[0] < 200 * 1024 * 1024
    assert python < 20 * 1024 * 1024


# Whole or not at all.


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_appears_before_the_end(format_: str, tmp_path: Path) -> None:
    """Until the sink finishes, an output of an earlier run stays as it is; if it is abandoned, that is all there is."""
    path = tmp_path / "out"
    path.write_bytes(b"old")
    sink = open_sink(Target(path=str(path), format=format_, contract=CONTRACT))
    sink.write(_payload(_block()))
    assert path.read_bytes() == b"old"
    sink.abandon()
    assert _tree(tmp_path) == {"out": b"old"}
    assert _names(tmp_path) == ["out"]
    _write(path, format_, [_block()])
    assert len(_rows(path, format_)) == 3


@pytest.mark.parametrize("format_", FORMATS)
def test_a_failure_while_finishing_leaves_nothing(format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up at the end leaves neither output nor temporary files."""

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    sink = open_sink(Target(path=str(tmp_path / "out"), format=format_, contract=CONTRACT))
    sink.write(_payload(_block()))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        sink.finish()
    assert _names(tmp_path) == []


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_of_umask(format_: str, mask: int, tmp_path: Path) -> None:
    """Files and folders of output have the permissions that umask gives."""
    old = os.umask(mask)
    try:
        _write(tmp_path / "out", format_, MIXED)
        _write(tmp_path / "folder", format_, MIXED, partition_by=("error_fault",))
    finally:
        os.umask(old)
    assert 0o666 & ~mask == stat.S_IMODE((tmp_path / "out").stat().st_mode)
    for path in (tmp_path / "folder").rglob("*"):
        assert (0o777 if path.is_dir() else 0o666) & ~mask == stat.S_IMODE(path.stat().st_mode)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """An output that is a symbolic link is written where it leads to."""
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "there" / "real")
    _write(tmp_path / "out", "parquet", [_block()])
    assert (tmp_path / "out").is_symlink()
    assert pq.read_metadata(tmp_path / "there" / "real").num_rows == 3


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """An output in a folder that does not exist is refused with the name that the user gave."""
    with pytest.raises(FileNotFoundError, match="missing/out"):
        open_sink(Target(path=str(tmp_path / "missing" / "out"), format="parquet", contract=CONTRACT))


# Streams and devices.


class _Pipe(io.RawIOBase):
    """A stream that takes a few bytes at a time, and breaks."""

    def __init__(self, breaks: int | None = None) -> None:
        self.taken = b""
        self.flushed = 0
        self._breaks = breaks

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._breaks is not None and len(self.taken) >= self._breaks:
            raise BrokenPipeError
        self.taken += bytes(data[:7])
        return min(7, len(data))

    def flush(self) -> None:
        self.flushed += 1


def test_lines_stream_to_stdout_at_once() -> None:
    """Lines are on stdout after each write, whole, even if it takes a few bytes at a time."""
    pipe = _Pipe()
    sink = open_sink(Target(path=None, format="jsonl", payload="jsonl", stream=pipe))
    sink.write(b'{"a":1}\n{"b":2}\n')
    assert pipe.taken == b'{"a":1}\n{"b":2}\n'
    assert pipe.flushed == 1
    assert sink.checkpoint() == {}
    assert not sink.resumable
    assert [Written("-", 16, 2, None)] == sink.finish()


@pytest.mark.parametrize("format_", FORMATS)
def test_what_goes_to_stdout_is_what_goes_to_a_file(format_: str, tmp_path: Path) -> None:
    """Stdout gets the bytes that a file would have."""
    pipe = _Pipe()
    sink = open_sink(Target(path=None, format=format_, contract=CONTRACT, stream=pipe))
    for table in MIXED:
        sink.write(_payload(table))
    (written,) = sink.finish()
    _write(tmp_path / "out", format_, MIXED)
    assert (tmp_path / "out").read_bytes() == pipe.taken
    assert Written("-", len(pipe.taken), 20, None) == written


@pytest.mark.parametrize("format_", FORMATS)
def test_a_broken_pipe_passes_through(format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reading is told as BrokenPipeError, and no temporary file stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sink = open_sink(Target(path=None, format=format_, contract=CONTRACT, stream=_Pipe(20)))
    with pytest.raises(BrokenPipeError):
        _fill(sink, MIXED)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("format_", FORMATS)
def test_devices_are_written_into(format_: str) -> None:
    """A device stays what it is, and a full one is an error."""
    _write("/dev/null", format_, MIXED)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match="No space left"):
        _write("/dev/full", format_, MIXED)
    assert not list(Path("/dev").glob("*.part"))


@pytest.mark.parametrize("format_", FORMATS)
def test_named_pipes_are_written_into(format_: str, tmp_path: Path) -> None:
    """Whoever reads a named pipe gets the bytes of a file."""
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    _write(tmp_path / "pipe", format_, MIXED)
    reader.join()
    _write(tmp_path / "out", format_, MIXED)
    assert [(tmp_path / "out").read_bytes()] == got
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


# Resume.


def _steps(target: Target, tables: list[Any], cuts: set[int], *, state: Any = None, begin: int = 0) -> Iterator[tuple[int, Any, Any]]:
    """Writes tables from `begin` on, with a checkpoint behind those in `cuts`; yields the sink after each."""
    sink = open_sink(target, state=state)
    for number in range(begin, len(tables)):
        sink.write(_payload(tables[number]))
        yield number + 1, sink, json.loads(json.dumps(sink.checkpoint())) if number + 1 in cuts else None
    sink.finish()


LAYOUTS: list[tuple[str, tuple[str, ...], str]] = [
    *((format_, (), "out") for format_ in FORMATS),
    *((format_, (), "out/") for format_ in FORMATS),
    *((format_, ("error_fault", "error_code"), "out") for format_ in FORMATS),
]


@pytest.mark.parametrize(("format_", "partition_by", "name"), LAYOUTS)
def test_a_resumed_run_equals_an_uninterrupted_one(format_: str, partition_by: tuple[str, ...], name: str, tmp_path: Path) -> None:
    """Killed anywhere and resumed from its last checkpoint, a run writes the files of an uninterrupted one, byte for byte."""
    cuts = {1, 2, 4}
    for kill in range(len(MIXED) + 1):
        run = tmp_path / str(kill)
        (run / "work").mkdir(parents=True)
        target = Target(path=f"{run}/{name}", format=format_, contract=CONTRACT, partition_by=partition_by, work=run / "work")
        saved: tuple[int, Any] = (0, None)
        steps = _steps(target, MIXED, cuts)
        for number, sink, state in steps:
            saved = (number, state) if state is not None else saved
            if number == kill:
                shutil.copytree(run / "work", run / "image")  # what a kill leaves
                sink.abandon()
                break
        if kill:
            shutil.rmtree(run / "work")
            (run / "image").rename(run / "work")
            for _ in _steps(target, MIXED, cuts, state=saved[1], begin=saved[0]):
                pass
        out = run / "out"
        found = _tree(out) if out.is_dir() else {"out": out.read_bytes()}
        if kill == 0:
            wanted = found
        assert wanted == found


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_a_run_killed_while_completing_can_be_resumed(format_: str, tmp_path: Path) -> None:
    """What completing left half done is done again."""
    (tmp_path / "work").mkdir()
    target = Target(path=f"{tmp_path}/out/", format=format_, contract=CONTRACT, work=tmp_path / "work")
    sink = open_sink(target)
    for table in MIXED:
        sink.write(_payload(table))
        state = sink.checkpoint()
    sink.complete()  # and killed in front of the moves
    again = open_sink(target, state=state)
    again.finish()
    _write(tmp_path / "whole", format_, MIXED)
    assert _rows(tmp_path / "whole", format_) == _rows(tmp_path / "out", format_)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(0, 2**32))
def test_kills_at_random_lose_and_repeat_no_row(kills: list[int], seed: int) -> None:
    """However often a run is killed, every row is there once and in order."""
    chosen = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        target = Target(path=f"{folder}/out", format=chosen.choice(FORMATS), contract=CONTRACT, work=Path(folder) / "work")
        (Path(folder) / "work").mkdir()
        begin, state = 0, None
        for kill in kills:
            for number, sink, checkpoint in _steps(target, MIXED, set(range(1, 5)), state=state, begin=begin):
                begin, state = (number, checkpoint) if checkpoint is not None else (begin, state)
                if number >= kill:
                    sink.write(_payload(_block(1, 99)))  # written behind the checkpoint
                    sink.abandon()
                    break
            if begin == len(MIXED) or Path(f"{folder}/out").exists():
                break
        else:
            for _ in _steps(target, MIXED, set(range(1, 5)), state=state, begin=begin):
                pass
            assert list(range(20)) == [int(row["n"]) for row in _rows(Path(folder) / "out", target.format)]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_state_without_its_files_is_refused(format_: str, tmp_path: Path) -> None:
    """A work folder that lost a part, or a state that is damaged, is refused with a remedy."""
    (tmp_path / "work").mkdir()
    target = Target(path=f"{tmp_path}/out", format=format_, contract=CONTRACT, work=tmp_path / "work")
    sink = open_sink(target)
    sink.write(_payload(_block()))
    state = sink.checkpoint()
    sink.abandon()
    with pytest.raises(PipelineError, match="damaged: begin anew without --resume"):
        open_sink(target, state={"rows": "x"})
    shutil.rmtree(tmp_path / "work" / "rows")
    with pytest.raises(PipelineError, match="begin anew without --resume"):
        open_sink(target, state=state)


# Folders and partitions.


@pytest.mark.parametrize("format_", FORMATS)
def test_partitions_hold_every_row_once(format_: str, tmp_path: Path) -> None:
    """Rows are in the folder of their values, in order, without the columns that the folder names."""
    written = _write(tmp_path / "out", format_, MIXED, partition_by=("error_fault", "error_code"))
    assert sum(file.rows for file in written) == 20
    found = []
    for file in (tmp_path / "out").rglob("part-*"):
        rows = _rows(file, format_)
        numbers = [int(row["n"]) for row in rows]
        assert sorted(numbers) == numbers
        fault, code = (part.partition("=")[2] for part in file.relative_to(tmp_path / "out").parts[:2])
        for row, number in zip(rows, numbers, strict=True):
            assert (FAULTS[number % 2], f"code%20{number % 5}" if number % 3 else NULL) == (fault, code)
            assert {"error_fault", "error_code"}.isdisjoint(row)
        found += numbers
    assert list(range(20)) == sorted(found)
    assert {str(file) for file in (tmp_path / "out").rglob("part-*")} == {file.path for file in written}


def test_other_readers_find_the_values_of_partitions(tmp_path: Path) -> None:
    """PyArrow and polars read the folder as one table, with the values of the folders' names and null for none."""
    _write(tmp_path / "out", "parquet", MIXED, partition_by=("error_fault", "error_code"))
    want = sorted((number, FAULTS[number % 2], f"code {number % 5}" if number % 3 else None) for number in range(20))
    columns = ["n", "error_fault", "error_code"]
    arrow = ds.dataset(tmp_path / "out", format="parquet", partitioning="hive").to_table(columns=columns)
    assert want == sorted(tuple(row.values()) for row in arrow.to_pylist())
    frame = pl.read_parquet(tmp_path / "out/**/*.parquet", hive_partitioning=True)
    assert want == sorted(frame.select(columns).rows())


HOSTILE = ["../x", "a/b", "", None, "x" * 300, "🙂", "..", ".", "a=b", NULL, "\x00\n", "C:\\x", "é" * 100, "a%2Fb", "A", "x.", "CON", " "]


def test_hostile_values_stay_in_their_folder(tmp_path: Path) -> None:
    """Whatever the value, its folder is a direct child with a plain name, and no two values share one."""
    table = _block(len(HOSTILE), v=HOSTILE)
    _write(tmp_path / "out", "parquet", [table], partition_by=("v",))
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert len(HOSTILE) == len(folders)
    assert _names(tmp_path) == ["out"]
    for name in folders:
        assert name.isascii()
        assert name.isprintable()
        assert len(name) <= 200
        assert name.startswith("v=")
    read = ds.dataset(tmp_path / "out", format="parquet", partitioning=ds.partitioning(pa.schema([("v", pa.string())]), flavor="hive"))
    values = {row["n"]: row["v"] for row in read.to_table().to_pylist()}
    hidden = json.loads((tmp_path / "out" / MARKER).read_bytes())["hidden_values"]
    for number, value in enumerate(HOSTILE):
        name = folder_part("v", value)
        assert value == (hidden[name]["v"] if name in hidden else values[number])


@given(st.text(min_size=1), st.none() | st.text())
def test_names_of_partitions_are_safe_and_distinct(column: str, value: str | None) -> None:
    """A folder's name is short printable ASCII without a slash, and differs from that of null and of other values."""
    name = folder_part(column, value)
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= 200
    assert not set('/\\:*?"<>|\x00 ') & set(name)
    if value is not None:
        assert folder_part(column, None) != name
        assert folder_part(column, value + "x") != name


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([1, 2, None])), min_size=1, max_size=20))
def test_splitting_keeps_rows_and_their_order(keys: list[tuple[str | None, int | None]]) -> None:
    """Each row is in the part of its values, in the order of the table; a column that is missing is null."""
    table = pa.table(
        {"a": pa.array([key[0] for key in keys], pa.string()), "b": pa.array([key[1] for key in keys], pa.int64()), "n": range(len(keys))}
    )
    found = {values: part["n"].to_pylist() for values, part in split(table, ("a", "b", "c"))}
    want: dict[tuple[str | None, ...], list[int]] = {}
    for number, (text, count) in enumerate(keys):
        want.setdefault((text, None if count is None else str(count), None), []).append(number)
    assert want == found


def test_too_many_partitions_are_refused(tmp_path: Path) -> None:
    """A column with a value per row ends the run with a message, and nothing appears."""
    sink = open_sink(Target(path=str(tmp_path / "out"), format="parquet", contract=CONTRACT, partition_by=("n",)))
    with pytest.raises(PipelineError, match="more than 1000 partitions by n: partition by columns with few values"):
        sink.write(_payload(_block(1001)))
    sink.abandon()
    assert _names(tmp_path) == []


def test_few_files_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many partitions whose rows do not fit in memory are written with a bounded number of open files."""
    open_now, most = [0], [0]

    def counted(*args: Any, **options: Any) -> Any:
        part = parts.open_part(*args, **options)
        open_now[0] += 1
        most[0] = max(most[0], open_now[0])
        close = part.close

        def closed() -> None:
            open_now[0] -= 1
            close()

        monkeypatch.setattr(part, "close", closed)
        return part

    monkeypatch.setattr(segments, "open_part", counted)
    monkeypatch.setattr(segments, "GATHERED", 1000)
    monkeypatch.setattr(segments, "_MAX_OPEN", 8)
    written = _write(tmp_path / "out", "parquet", [_block(40, k=list(range(40))), _block(40, 40, k=list(range(40)))], partition_by=("k",))
    assert sum(file.rows for file in written) == 80
    assert most[0] == 8
    assert len(_rows(tmp_path / "out", "parquet")) == 80


def test_a_column_that_is_missing_cannot_be_partitioned_by(tmp_path: Path) -> None:
    """A misspelt column ends the run at once, with the names that there are."""
    sink = open_sink(Target(path=str(tmp_path / "out"), format="parquet", contract=CONTRACT, partition_by=("error_falt",)))
    with pytest.raises(PipelineError, match="no column 'error_falt' to partition by: the columns are n, error_fault"):
        sink.write(_payload(_block()))
    sink.abandon()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_folder_has_parts_of_one_schema(format_: str, tmp_path: Path) -> None:
    """Parts of a folder have the same columns and types, though they began with others."""
    sink = open_sink(Target(path=f"{tmp_path}/out/", format=format_, contract=CONTRACT))
    for table in MIXED:
        sink.write(_payload(table))
        sink.checkpoint()
    written = sink.finish()
    assert [f"{tmp_path}/out/part-{number:06d}.{format_}" for number in range(5)] == [file.path for file in written]
    rows = _rows(tmp_path / "out", format_)
    assert list(range(20)) == [int(row["n"]) for row in rows]
    if format_ != "jsonl":
        assert {("a", "n", "b", "c", *CONTRACT.names)} == {tuple(row) for row in rows}
        assert [row["a"] for row in rows[4:6]] == ["1", "2"]


def test_lines_in_a_folder_are_written_as_they_come(tmp_path: Path) -> None:
    """A folder of JSON Lines has a part per checkpoint, each as it came."""
    sink = open_sink(Target(path=f"{tmp_path}/out/", format="jsonl", payload="jsonl"))
    sink.write(b'{"a": 1}\n')
    sink.write(b'{"a": 2}\n')
    sink.checkpoint()
    sink.write(b'{"a": 3}\n')
    assert [file.rows for file in sink.finish()] == [2, 1]
    assert (tmp_path / "out" / "part-000000.jsonl").read_bytes() == b'{"a": 1}\n{"a": 2}\n'


def test_a_folder_of_ours_is_replaced(tmp_path: Path) -> None:
    """A folder that an earlier run wrote is replaced as a whole."""
    _write(f"{tmp_path}/out/", "parquet", [_block(5)], partition_by=("error_code",))
    _write(f"{tmp_path}/out/", "parquet", [_block(3)])
    assert {"part-000000.parquet", MARKER} == set(_names(tmp_path / "out"))
    assert _names(tmp_path) == ["out"]


@pytest.mark.parametrize("marker", [None, "{}", '{"program": "other", "files": ["mine.txt"]}', "no json"])
def test_a_folder_of_others_is_never_replaced(marker: str | None, tmp_path: Path) -> None:
    """A folder with files that no run wrote stays as it is."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    if marker is not None:
        (tmp_path / "out" / MARKER).write_text(marker)
    with pytest.raises(PipelineError, match=r"out has files that no earlier run wrote, for example .*: name another folder"):
        open_sink(Target(path=str(tmp_path / "out"), format="parquet", contract=CONTRACT))
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"


def test_a_file_that_was_added_to_our_folder_is_kept(tmp_path: Path) -> None:
    """A folder of ours with one file more is not replaced, and not at the end either."""
    _write(f"{tmp_path}/out/", "parquet", [_block(5)])
    check_replaceable(tmp_path / "out")
    sink = open_sink(Target(path=f"{tmp_path}/out/", format="parquet", contract=CONTRACT))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(PipelineError, match=r"notes\.txt"):
        sink.finish()
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert _names(tmp_path) == ["out"]


def test_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    """A folder that exists and is empty is the output's folder."""
    (tmp_path / "out").mkdir()
    _write(tmp_path / "out", "parquet", [])
    assert {"part-000000.parquet", MARKER} == set(_names(tmp_path / "out"))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """Partitions cannot take the name of a file."""
    (tmp_path / "out").write_text("x")
    with pytest.raises(PipelineError, match="is a file, and the output is a folder"):
        open_sink(Target(path=str(tmp_path / "out"), format="parquet", contract=CONTRACT, partition_by=("error_code",)))


# Wrong use.


def test_targets_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """Unknown formats, partitions on stdout and resumed streams are refused with what to do instead."""
    with pytest.raises(PipelineError, match="no format 'xml': use one of jsonl, csv"):
        open_sink(Target(path=str(tmp_path / "out"), format="xml"))
    with pytest.raises(PipelineError, match="name a folder with -o"):
        open_sink(Target(path=None, format="csv", stream=io.BytesIO(), partition_by=("a",)))
    with pytest.raises(PipelineError, match="cannot be resumed"):
        open_sink(Target(path=None, format="jsonl", stream=io.BytesIO()), state={"bytes": 1})
    with pytest.raises(ValueError, match="hand over Arrow"):
        open_sink(Target(path=str(tmp_path / "out"), format="csv", payload="jsonl"))
    with pytest.raises(ValueError, match="a path or a stream"):
        open_sink(Target(path=None, format="csv"))
