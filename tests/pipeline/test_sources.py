"""Inputs: what a user names is found, told by its content, and cut into blocks that depend on nothing else."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import itertools
import json
import lzma
import os
import pickle
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.pipeline import sources
from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError
from heify_heygen_errors.pipeline.delimited import read_delimited
from heify_heygen_errors.pipeline.discovery import EXTENSIONS, FORMATS, Input, find_inputs
from heify_heygen_errors.pipeline.sources import read_blocks
from heify_heygen_errors.pipeline.table_sources import BATCH_ROWS

LINES = b"".join(b'{"id": %d}\n' % number for number in range(40))
COMPRESS: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.compress, "zstd": zstandard.compress}
SUFFIX = {None: "", "gzip": ".gz", "zstd": ".zst"}
STDIN = find_inputs(["-"])[0]


def _write(path: Path, data: bytes = LINES) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def _piped(data: bytes, format: str | None = None, **options: int) -> list[Block]:  # noqa: A002 - the word of the option
    return list(read_blocks(find_inputs(["-"], format=format)[0], stdin=io.BytesIO(data), **options))


def _only(path: Path | str, **options: object) -> Input:
    (found,) = find_inputs([str(path)], **options)
    return found


# What is found.


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the test runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _names(*given: str, **options: object) -> list[str]:
    return [found.name for found in find_inputs(given, **options)]


def test_a_folder_gives_its_known_files_in_order(here: Path) -> None:
    """A folder gives the files below it with a known extension, sorted; hidden ones and those of earlier runs are not among them."""
    wanted = ["a.jsonl", "b/c.csv.gz", "b/d/app.log.1", "b/d/app.log.2024-01-02.zst", "b/e.NDJSON", "z.parquet", "z.txt"]
    for name in wanted:
        data = b"a,b\n" if ".csv" in name else LINES
        _write(here / "logs" / name, gzip.compress(data) if name.endswith("gz") else data)
    others = ["README", "x.md", ".a.jsonl", ".git/a.jsonl", "out.jsonl.partial/a.jsonl", "out.rejects.jsonl", "out.manifest.json", "x.py"]
    for name in others:
        _write(here / "logs" / name)
    assert [f"logs/{name}" for name in wanted] == _names("logs")
    assert [f"logs/{name}" for name in wanted] == _names("logs/")
    assert [f"./logs/{name}" for name in wanted] == _names("./logs")


def test_each_file_is_found_once_and_the_order_is_kept(here: Path) -> None:
    """Inputs come in the order in which they were named, and a file that is named in several ways comes once."""
    for name in ("logs/a.jsonl", "logs/b.jsonl", "c.jsonl"):
        _write(here / name)
    (here / "link.jsonl").symlink_to("c.jsonl")
    given = ["c.jsonl", "-", "logs/b.jsonl", "logs", "-", "./c.jsonl", str(here / "logs" / "a.jsonl"), "link.jsonl", "*.jsonl"]
    assert _names(*given) == ["c.jsonl", "-", "logs/b.jsonl", "logs/a.jsonl"]


def test_globs_find_files_at_any_depth(here: Path) -> None:
    """A glob gives its matches sorted, ``**`` at any depth, folders with what is below, and nothing of earlier runs."""
    for name in ("a.jsonl", "x/b.jsonl", "x/y/c.jsonl", "x/y/d.data", "x/o.rejects.jsonl", "x/p.jsonl.partial/e.jsonl", "x/.f.jsonl"):
        _write(here / name)
    assert _names("**/*.jsonl") == ["a.jsonl", "x/b.jsonl", "x/y/c.jsonl"]
    assert _names("x/?.jsonl", "x/[y]") == ["x/b.jsonl", "x/y/c.jsonl"]
    assert _names("x/y/*") == ["x/y/c.jsonl", "x/y/d.data"]
    assert _names("x/*.rejects.jsonl") == ["x/o.rejects.jsonl"]


def test_a_name_with_glob_characters_is_that_file(here: Path) -> None:
    """A file that is there is meant, even if its name looks like a glob."""
    _write(here / "a[1].jsonl")
    assert _names("a[1].jsonl") == ["a[1].jsonl"]


def test_outputs_of_this_run_are_no_inputs(here: Path) -> None:
    """Excluded files and folders are passed over in folders and globs, and an error if they are named."""
    for name in ("a.jsonl", "out.jsonl", "parts/b.jsonl"):
        _write(here / "logs" / name)
    exclude = ["logs/out.jsonl", str(here / "logs" / "parts")]
    assert _names("logs", exclude=exclude) == ["logs/a.jsonl"]
    assert _names("logs/*.jsonl", exclude=exclude) == ["logs/a.jsonl"]
    with pytest.raises(PipelineError) as raised:
        find_inputs(["./logs/out.jsonl"], exclude=exclude)
    assert str(raised.value) == "./logs/out.jsonl is an output of this run: write to another file"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nowhere.jsonl", "nowhere.jsonl does not exist"),
        ("no*.jsonl", "no file matches no*.jsonl"),
        ("empty", "empty has no file with a known extension (.jsonl .ndjson"),
        ("gone.jsonl", "gone.jsonl: cannot be read: No such file or directory"),
        ("wide.jsonl", "wide.jsonl is UTF-16LE: convert it with iconv -f UTF-16 -t UTF-8"),
        ("wide.csv.gz", "wide.csv.gz is UTF-32BE: convert it with iconv -f UTF-32 -t UTF-8"),
        ("a.jsonl.bz2", "a.jsonl.bz2 is bzip2"),
        ("packed", "packed/a.log.xz is xz"),
        ("logs.tar.gz", "logs.tar.gz is a tar archive"),
    ],
)
def test_what_cannot_be_an_input_is_an_error_that_names_it(given: str, told: str, here: Path) -> None:
    """Names that give nothing to read, and files that are not read, stop the run before anything is read."""
    (here / "empty").mkdir()
    (here / "gone.jsonl").symlink_to("not-there")
    _write(here / "wide.jsonl", LINES.decode().encode("utf-16"))
    _write(here / "wide.csv.gz", gzip.compress(b"\0\0\xfe\xff" + "a,b".encode("utf-32-be")))
    _write(here / "a.jsonl.bz2", bz2.compress(LINES))
    _write(here / "packed" / "a.log.xz", lzma.compress(LINES))
    _write(here / "logs.tar.gz", gzip.compress(bytes(257) + b"ustar\x0000" + bytes(300)))
    with pytest.raises(PipelineError) as raised:
        find_inputs([given])
    assert str(raised.value).startswith(told)


def test_a_file_without_permission_is_an_error(here: Path) -> None:
    """A file that cannot be opened is named, with the reason."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    Path(_write(here / "a.jsonl")).chmod(0)
    with pytest.raises(PipelineError) as raised:
        find_inputs(["a.jsonl"])
    assert str(raised.value) == "a.jsonl: cannot be read: Permission denied"


def test_ten_thousand_small_files_are_found_quickly(tmp_path: Path) -> None:
    """A folder of ten thousand files is looked through in a few seconds at most."""
    for number in range(10_000):
        (tmp_path / f"{number:05}.jsonl").write_bytes(b"{}\n")
    begun = time.process_time()
    found = find_inputs([str(tmp_path)])
    assert len(found) == 10_000
    assert sum(1 for source in found for _ in read_blocks(source)) == 10_000
    assert time.process_time() - begun < 4


# What it is.


def _table(rows: int = 100) -> pa.Table:
    return pa.table(
        {
            "id": range(rows),
            "body": [json.dumps({"code": number}) for number in range(rows)],
            "kind": pa.array([f"k{number % 3}" for number in range(rows)]).dictionary_encode(),
        }
    )


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _arrow_file(table: pa.Table, rows: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def _arrow_stream(table: pa.Table, rows: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


TABLES = {"parquet": _parquet(_table(), row_group_size=30), "file": _arrow_file(_table(), 30), "stream": _arrow_stream(_table(), 30)}
TABLE_FORMAT = {"parquet": "parquet", "file": "arrow", "stream": "arrow"}


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_extensions_tell_the_format_and_content_the_compression(extension: str, compression: str | None, tmp_path: Path) -> None:
    """Text has the format of its extension, whatever the compression, which is told by content and not by name."""
    data = COMPRESS[compression](b"a,b\n1,2\n")
    expected = (EXTENSIONS[extension], compression, len(data))
    for name in (f"x{extension}{SUFFIX[compression]}", f"y{extension}", f"z{extension}.gz", f"z{extension}.zst"):
        found = _only(_write(tmp_path / name, data))
        assert expected == (found.format, found.compression, found.size)
        assert (tmp_path / name).stat().st_mtime_ns == found.mtime_ns


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_told_by_content(kind: str, compression: str | None, tmp_path: Path) -> None:
    """A table is told by its first bytes under any name, compressed or not, and whatever --from says."""
    data = COMPRESS[compression](TABLES[kind])
    for name in ("x.jsonl", "x.csv", "x", "x.parquet", "x.arrow"):
        for named in (None, "csv", "parquet"):
            assert TABLE_FORMAT[kind] == _only(_write(tmp_path / name, data), format=named).format


@pytest.mark.parametrize("format", FORMATS)
def test_a_given_format_is_taken(format: str, tmp_path: Path) -> None:  # noqa: A002
    """A format that the user names wins over the extension."""
    assert format == _only(_write(tmp_path / "x.jsonl"), format=format).format


@pytest.mark.parametrize(
    ("data", "name"), [(b"PAR1,b\n1,2\n", "x.csv"), (b"PAR1\n1\n", "x.csv"), (b"ARROW1,b\n", "x.csv"), (b"{}", "x.odd")]
)
def test_text_that_begins_like_a_table_is_text(data: bytes, name: str, tmp_path: Path) -> None:
    """A header that happens to be a table's magic word makes no table, and an unknown extension means JSON Lines."""
    assert ("csv" if "csv" in name else "jsonl") == _only(_write(tmp_path / name, data)).format


def test_inputs_pickle_and_know_whether_they_are_plain(tmp_path: Path) -> None:
    """Inputs go to other processes, and only files of lines as they are have blocks that are byte ranges."""
    plain = {"a.jsonl": True, "a.csv": False, "a.jsonl.gz": False, "a.parquet": False}
    for name, expected in plain.items():
        data = TABLES["parquet"] if "parquet" in name else gzip.compress(LINES) if "gz" in name else b"a,b\n"
        found = _only(_write(tmp_path / name, data))
        assert (expected, found) == (found.plain, pickle.loads(pickle.dumps(found)))
    assert (STDIN.plain, STDIN.path, STDIN.size, STDIN.mtime_ns) == (False, None, None, None)
    assert _only(tmp_path / "a.jsonl", format="rejects").plain


# Lines.


def test_plain_lines_are_ranges_of_the_size(tmp_path: Path) -> None:
    """The blocks of a plain file are byte ranges, told without reading it."""
    source = _only(_write(tmp_path / "x.jsonl", bytes(25)))
    (tmp_path / "x.jsonl").unlink()
    assert [(block.start, block.end, block.data) for block in read_blocks(source, size=10)] == [
        (0, 10, None),
        (10, 20, None),
        (20, 25, None),
    ]
    assert [(block.start, block.end) for block in read_blocks(source, size=10, start=20)] == [(20, 25)]
    assert {"x.jsonl"} == {Path(block.file).name for block in read_blocks(source)}


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.csv", "x.csv.zst"])
def test_an_empty_file_has_no_blocks(name: str, tmp_path: Path) -> None:
    """A file of no bytes, or of no text, gives nothing and is no error; neither does an empty pipe."""
    assert list(read_blocks(_only(_write(tmp_path / name, b"")))) == []
    compression = {".gz": "gzip", ".zst": "zstd"}.get(Path(name).suffix)
    assert list(read_blocks(_only(_write(tmp_path / name, COMPRESS[compression](b""))))) == []
    assert _piped(b"") == []


class _Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, self._step) if size >= 0 else self._step)


@given(
    lines=st.lists(st.binary(max_size=30), max_size=30),
    size=st.integers(1, 80),
    compression=st.sampled_from(list(COMPRESS)),
    step=st.integers(1, 50),
)
def test_blocks_of_lines_are_whole_and_depend_on_the_size_only(lines: list[bytes], size: int, compression: str | None, step: int) -> None:
    """Blocks of lines follow each other, end behind a line feed and are the same for any compression and any reads."""
    data = b"\n".join([b"{", *lines])
    blocks = _piped(data, size=size)
    assert data == b"".join(block.data or b"" for block in blocks)
    assert [0, *(block.end for block in blocks)][:-1] == [block.start for block in blocks]
    assert len(data) == blocks[-1].end
    assert all((block.data or b"").endswith(b"\n") for block in blocks[:-1])
    for block in blocks:
        text = block.data or b""
        assert len(text) <= size or b"\n" not in text[: size - 1]
    pipe = _Trickle(COMPRESS[compression](data), step)
    assert blocks == list(read_blocks(STDIN, size=size, stdin=pipe))
    for block in blocks:
        rest = list(read_blocks(STDIN, size=size, start=block.end, stdin=io.BytesIO(COMPRESS[compression](data))))
        assert [later for later in blocks if later.start >= block.end] == rest


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_compressed_file_gives_the_blocks_of_a_pipe(compression: str, tmp_path: Path) -> None:
    """Files and pipes with the same bytes have the same blocks, and progress is told in bytes on disk."""
    data = COMPRESS[compression](LINES * 50)
    source = _only(_write(tmp_path / f"x.jsonl{SUFFIX[compression]}", data))
    blocks = list(read_blocks(source, size=1000))
    assert [attrs.evolve(block, file=source.name) for block in _piped(data, size=1000)] == blocks
    assert (len(data), None) == (blocks[-1].disk_end, blocks[-1].flaw)


@pytest.mark.parametrize("length", [MAX_RECORD, MAX_RECORD + 1, MAX_RECORD + 2, 200 * 1024 * 1024])
def test_a_line_that_is_too_long_is_told_and_not_kept(length: int) -> None:
    """Of a line over the limit there is a block with length and SHA-256, in bounded memory; lines around it are whole."""
    long = b"x" * length + b"\r\n"
    pieces = [b'{"id": 1}\n', long, b'{"id": 2}\n']
    stream = _Pieces(pieces)
    del pieces
    blocks = []
    tracemalloc.start()
    try:
        blocks += read_blocks(STDIN, size=1 << 20, stdin=stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    whole = b"".join(block.data or b"" for block in blocks)
    assert [0, *(block.end for block in blocks)][:-1] == [block.start for block in blocks]
    assert 20 + len(long) == blocks[-1].end
    assert whole.startswith(b'{"id": 1}\n')
    assert whole.endswith(b'{"id": 2}\n')
    rejects = [reject for block in blocks for reject in block.rejects]
    if length == 200 * 1024 * 1024:
        assert [(1, 10, None, len(long), hashlib.sha256(long).hexdigest())] == [
            (reject.line, reject.offset, reject.raw, reject.length, reject.sha256) for reject in rejects
        ]
        assert [block.data for block in blocks if block.rejects] == [b""]
    else:
        assert sum(reject.length or 0 for reject in rejects) + len(whole) == 20 + len(long)
    assert peak < 5 * MAX_RECORD


class _Pieces(io.RawIOBase):
    """A pipe over pieces that are not copied before they are read."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [memoryview(piece) for piece in pieces]

    def read(self, size: int = -1) -> bytes:
        while self._pieces:
            piece = self._pieces[0][:size]
            self._pieces[0] = self._pieces[0][size:]
            if piece:
                return bytes(piece)
            del self._pieces[0]
        return b""


def test_a_byte_order_mark_stays_in_the_first_block() -> None:
    """Offsets count a UTF-8 mark; who reads the lines takes it off."""
    (block,) = _piped(b"\xef\xbb\xbf{}\n")
    assert (block.start, block.end, block.data) == (0, 6, b"\xef\xbb\xbf{}\n")


def test_a_wide_encoding_on_a_pipe_is_an_error() -> None:
    """UTF-16 from a pipe stops with the remedy."""
    with pytest.raises(PipelineError) as raised:
        _piped("{}".encode("utf-16"))
    assert str(raised.value) == "- is UTF-16LE: convert it with iconv -f UTF-16 -t UTF-8"


def test_named_pipes_are_read_once(tmp_path: Path) -> None:
    """A named pipe (also ``<(zcat ...)``) is not opened to look at it, and read to its end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = _only(path)
    assert (source.size, source.plain) == (None, False)
    writer = threading.Thread(target=lambda: path.write_bytes(gzip.compress(LINES)))
    writer.start()
    blocks = list(read_blocks(source))
    writer.join()
    assert b"".join(block.data or b"" for block in blocks) == LINES


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    """A pipe without data yet, set not to block, is no end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def write() -> None:
        for part in (LINES[:100], LINES[100:]):
            time.sleep(0.02)
            os.write(writing, part)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0) as stdin:
        assert b"".join(block.data or b"" for block in read_blocks(STDIN, stdin=stdin)) == LINES
    writer.join()


def test_stdin_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another stream ``-`` is the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES)))
    assert b"".join(block.data or b"" for block in read_blocks(STDIN)) == LINES


def test_a_file_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A file that vanishes between the search and the reading is told by name."""
    source = _only(_write(tmp_path / "x.csv", b"a,b\n"))
    Path(source.name).unlink()
    with pytest.raises(PipelineError) as raised:
        list(read_blocks(source))
    assert str(raised.value) == f"{source.name}: cannot be read: No such file or directory"


# Flaws.


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [50, 100_000])
def test_no_line_in_front_of_a_cut_is_lost(compression: str, size: int, tmp_path: Path) -> None:
    """A compressed file cut at any byte gives the lines in front, and the last block, and only that, tells the flaw."""
    data = COMPRESS[compression](LINES)
    for length in range(4, len(data)):
        blocks = _piped(data[:length], size=size)
        text = b"".join(block.data or b"" for block in blocks)
        assert LINES.startswith(text)
        assert [None] * (len(blocks) - 1) == [block.flaw for block in blocks[:-1]]
        assert f"the {'gzip' if compression == 'gzip' else 'Zstandard'} data end early" == blocks[-1].flaw
        source = _only(_write(tmp_path / "x.jsonl", data[:length]))
        assert [attrs.evolve(block, file=source.name) for block in blocks] == list(read_blocks(source, size=size))


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_cut_anywhere_gives_the_rows_in_front(kind: str, tmp_path: Path) -> None:
    """A cut table is a flaw, never an exception; an Arrow table gives the batches in front of the cut."""
    data = TABLES[kind]
    given = []
    for length in range(0, len(data), 1 if len(data) < 4000 else 7):
        source = _only(_write(tmp_path / "x.arrow", data[:length]), format=TABLE_FORMAT[kind])
        blocks = list(read_blocks(source))
        assert (blocks[-1].data, blocks[-1].flaw is not None) == (b"", True), length
        given.append(sum(_rows(block).num_rows for block in blocks[:-1]))
        assert _table().slice(0, given[-1]).to_pylist() == list(itertools.chain(*(_rows(block).to_pylist() for block in blocks[:-1])))
    assert sorted(given) == given
    assert ({0} if kind == "parquet" else {0, 30, 60, 90, 100}) == set(given)


@pytest.mark.parametrize("kind", TABLES)
def test_damage_in_a_table_ends_no_process(kind: str, tmp_path: Path) -> None:
    """A wrong byte anywhere in a table gives rows or a flaw, and the blocks can be read."""
    data = TABLES[kind]
    for at in range(4, len(data), max(1, len(data) // 700)):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        try:
            blocks = list(read_blocks(_only(_write(tmp_path / "x", bytes(damaged)), format=TABLE_FORMAT[kind])))
        except PipelineError as error:
            assert "column" in str(error)  # noqa: PT017 - the damage hit a name
            continue
        for block in blocks:
            assert block.flaw is not None or _rows(block).num_columns


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
@pytest.mark.parametrize("data", [b"", b"P", b"PAR1", b"no table at all", b"PAR1\x15\x00garbage" * 10, b"ARROW1\0\0", b"\xff\xff\xff\xff"])
def test_what_is_no_table_is_a_flaw(name: str, data: bytes, tmp_path: Path) -> None:
    """A file with a table's name and no table in it is one block without rows that says so."""
    (block,) = read_blocks(_only(_write(tmp_path / name, data)))
    assert (block.data, block.format, block.start, block.end) == (b"", "table", 0, 0)
    assert (block.flaw or "").startswith(("the Parquet data cannot be read: ", "the Arrow data cannot be read: "))


def test_a_broken_compressed_table_tells_the_compression(tmp_path: Path) -> None:
    """Of a cut .parquet.gz the cut is told, which is the cause."""
    data = gzip.compress(TABLES["parquet"])
    (block,) = read_blocks(_only(_write(tmp_path / "x.parquet.gz", data[: len(data) // 2])))
    assert block.flaw == "the gzip data end early"


# Delimited.


def _csv_rows(blocks: list[Block]) -> list[tuple[str, ...]]:
    return [row for block in blocks for row in zip(*(column.to_pylist() for column in read_delimited(block).columns.columns), strict=True)]


CELL = st.sampled_from(["", "x", "1,2", 'say "hi"', "two\nlines", "cr\r\nlf", "{}", "\u00e9"])


@given(rows=st.lists(st.tuples(CELL, CELL), max_size=12), size=st.integers(1, 60), compression=st.sampled_from(list(COMPRESS)))
def test_blocks_of_csv_hold_whole_records(rows: list[tuple[str, str]], size: int, compression: str | None) -> None:
    """CSV is cut behind records only, the blocks are those of any compression, and a run may begin behind each."""
    cells = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [("a", "b\nc"), *rows]]
    data = ("\ufeff" + "\n".join(cells)).encode()
    blocks = _piped(data, "csv", size=size)
    assert data == b"".join(block.data or b"" for block in blocks)
    assert [0, *(block.end for block in blocks)][:-1] == [block.start for block in blocks]
    assert {b'"a","b\nc"'} == {block.header for block in blocks}
    assert rows == _csv_rows(blocks)
    assert blocks == list(read_blocks(find_inputs(["-"], format="csv")[0], size=size, stdin=_Trickle(COMPRESS[compression](data), 7)))
    for block in blocks[:-1]:
        rest = list(read_blocks(find_inputs(["-"], format="csv")[0], size=size, start=block.end, stdin=io.BytesIO(data)))
        assert blocks[blocks.index(block) + 1 :] == rest


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_csv_cut_anywhere_loses_no_row_in_front(compression: str) -> None:
    """Compressed CSV cut at any byte gives the rows in front, and never a row whose last cell is cut."""
    rows = [(str(number), f"text, {number}\n") for number in range(12)]
    data = b"a,b\n" + b"".join(b'%b,"%b"\n' % (one.encode(), other.encode()) for one, other in rows)
    packed = COMPRESS[compression](data)
    for length in range(4, len(packed)):
        blocks = _piped(packed[:length], "csv", size=40)
        text = b"".join(block.data or b"" for block in blocks)
        read = [read_delimited(block) for block in blocks]
        found = _csv_rows(blocks)
        assert data.startswith(text)
        assert rows[: text.count(b'"\n')] == found
        assert sum(part.lines for part in read) == text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
        reasons = {reject.reason.partition(":")[0] for part in read for reject in part.rejects}
        assert reasons <= {"is cut off", "opens a quote that is never closed"}
        assert blocks[-1].flaw is not None


def test_a_stray_quote_costs_one_line(tmp_path: Path) -> None:
    """A quote that is never closed costs its line and no other, though the file is longer than a record may be."""
    line = b"12345,%b\n" % (b"x" * 1000)
    data = b"a,b\n" + line * 10 + b'1,"2\n' + line * 30_000
    blocks = list(read_blocks(_only(_write(tmp_path / "x.csv", data))))
    read = [read_delimited(block) for block in blocks]
    assert [reject.raw for found in read for reject in found.rejects] == [b'1,"2']
    assert sum(found.columns.num_rows for found in read) == 30_010
    assert max(len(block.data or b"") for block in blocks) < MAX_RECORD + 8 * 1024 * 1024


def test_a_csv_line_that_is_too_long_is_told(tmp_path: Path) -> None:
    """An overlong line of CSV is a block with a reject that knows format and header."""
    long = b"1," + b"x" * (40 * 1024 * 1024) + b"\n"
    blocks = list(read_blocks(_only(_write(tmp_path / "x.csv", b"a,b\n1,2\n" + long + b"3,4\n"))))
    assert _csv_rows(blocks) == [("1", "2"), ("3", "4")]
    ((reject,),) = [block.rejects for block in blocks if block.rejects]
    assert ("csv", b"a,b", 8, len(long)) == (reject.format, reject.header, reject.offset, reject.length)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,a\n1,2\n", "x.csv: the columns 'a' are there more than once: rename them"),
        (b",a\n1,2\n", "x.csv: column 1 of 2 has no name"),
        (b"a," + b"b" * (2 << 20), "x.csv: the header is longer than 1048576 bytes"),
    ],
)
def test_a_wrong_header_names_the_file(data: bytes, told: str, here: Path) -> None:
    """A header that cannot be used stops the run with the name of the file."""
    _write(here / "x.csv", data)
    with pytest.raises(PipelineError) as raised:
        list(read_blocks(_only("x.csv")))
    assert str(raised.value).startswith(told)


# Tables.


def _rows(block: Block) -> pa.Table:
    return pa.ipc.open_stream(block.data).read_all()


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("size", [1, 500, 1 << 20])
def test_tables_give_their_rows_in_blocks(kind: str, compression: str | None, size: int, tmp_path: Path) -> None:
    """Tables keep rows, order and types, from a file or a pipe, and a run may begin behind each block."""
    data = COMPRESS[compression](TABLES[kind])
    source = _only(_write(tmp_path / "table", data))
    blocks = list(read_blocks(source, size=size))
    table = pa.concat_tables(map(_rows, blocks))
    assert _table().schema.equals(table.schema)
    assert _table().to_pylist() == table.to_pylist()
    assert [0, *(block.end for block in blocks)] == [*(block.start for block in blocks), 100]
    assert blocks == [attrs.evolve(block, file=source.name) for block in _piped(data, size=size)]
    for at, block in enumerate(blocks, 1):
        assert blocks[at:] == list(read_blocks(source, size=size, start=block.end))


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_blocks_of_tables_are_bounded_in_rows_and_bytes(kind: str, tmp_path: Path) -> None:
    """Small rows come 16,384 at a time, big ones fewer, and rows of very different size no more than a few sizes at once."""
    write = {"parquet": _parquet, "file": _arrow_file, "stream": _arrow_stream}[kind]
    small = list(read_blocks(_only(_write(tmp_path / "s", write(pa.table({"a": pa.array(range(40_000), pa.int32())}))))))
    assert [block.end - block.start for block in small] == [BATCH_ROWS, BATCH_ROWS, 40_000 - 2 * BATCH_ROWS]
    text = ["x"] * 2000 + [f"{number:0100000}" for number in range(200)]
    blocks = list(read_blocks(_only(_write(tmp_path / "b", write(pa.table({"a": text})))), size=1 << 20))
    assert text == [row["a"] for block in blocks for row in _rows(block).to_pylist()]
    assert max(len(block.data or b"") for block in blocks) < 5 << 20


def test_a_part_of_a_batch_does_not_carry_the_whole(tmp_path: Path) -> None:
    """Of dictionaries and of text in views a block has what its rows need."""
    words = [f"word {number:0100}" for number in range(50_000)]
    table = pa.table({"d": pa.array(words).dictionary_encode(), "v": pa.array(words, pa.string_view())})
    blocks = list(read_blocks(_only(_write(tmp_path / "x.arrow", _arrow_file(table))), size=1 << 20))
    assert words == [word for block in blocks for word in _rows(block).column("d").to_pylist()]
    assert words == [word for block in blocks for word in _rows(block).column("v").to_pylist()]
    assert max(len(block.data or b"") for block in blocks) < 5 << 20
    assert {(pa.dictionary(pa.int32(), pa.string()), pa.string())} == {tuple(_rows(block).schema.types) for block in blocks}


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_a_table_without_rows_tells_its_columns(kind: str, tmp_path: Path) -> None:
    """A table of no rows is one block with its schema."""
    write = {"parquet": _parquet, "file": _arrow_file, "stream": _arrow_stream}[kind]
    (block,) = read_blocks(_only(_write(tmp_path / "x", write(_table().slice(0, 0)))))
    assert (block.start, block.end, block.flaw, _rows(block).schema.names) == (0, 0, None, ["id", "body", "kind"])


def test_a_stream_without_its_end_mark_is_told(tmp_path: Path) -> None:
    """An Arrow stream that stops between two batches may be cut: its rows are given, and the flaw is."""
    data = TABLES["stream"].removesuffix(b"\xff\xff\xff\xff\0\0\0\0")
    assert data != TABLES["stream"]
    for blocks in (list(read_blocks(_only(_write(tmp_path / "x", data)))), _piped(data)):
        assert sum(_rows(block).num_rows for block in blocks[:-1]) == 100
        assert blocks[-1].flaw == "the Arrow data cannot be read: the stream has no mark of its end, it may be cut off"


def test_columns_of_one_name_are_an_error(here: Path) -> None:
    """A table with two columns of one name stops the run and names them."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    _write(here / "x.parquet", _parquet(table))
    with pytest.raises(PipelineError) as raised:
        list(read_blocks(_only("x.parquet")))
    assert str(raised.value) == "x.parquet: the columns 'a' are there more than once: rename them"


def test_text_that_is_no_utf8_does_not_lose_the_batch(tmp_path: Path) -> None:
    """A string column with wrong bytes in one row gives all rows; who reads that row tells it."""
    raw = pa.array([b"one", b"\xff", b"three"]).view(pa.string())
    blocks = list(read_blocks(_only(_write(tmp_path / "x", _arrow_file(pa.table({"a": raw}))))))
    assert [block.flaw for block in blocks] == [None]
    assert _rows(blocks[0]).column("a").chunk(0).view(pa.binary()).to_pylist() == [b"one", b"\xff", b"three"]


# Memory.


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_memory_is_flat_in_the_size_of_a_compressed_file(compression: str, tmp_path: Path) -> None:
    """Reading 40 MB of compressed lines takes no more memory than a few blocks."""
    source = _only(_write(tmp_path / "x.jsonl", COMPRESS[compression](LINES * 80_000)))
    tracemalloc.start()
    try:
        assert len(LINES) * 80_000 == sum(len(block.data or b"") for block in read_blocks(source, size=1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20


def test_memory_is_flat_in_the_size_of_a_row_group(tmp_path: Path) -> None:
    """Of a big Parquet row group only a few blocks are in memory."""
    text = [f"{number:0400}" for number in range(100_000)]
    pq.write_table(pa.table({"a": text}), tmp_path / "x.parquet", row_group_size=100_000, use_dictionary=False)
    before = pa.total_allocated_bytes()
    peak = 0
    for _ in read_blocks(_only(tmp_path / "x.parquet"), size=1 << 20):
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak < 16 << 20


@pytest.mark.parametrize("module", ["pyarrow", "pyarrow.csv"])
def test_a_missing_extra_names_the_install(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pyarrow a table or CSV says how to install it."""
    name, data = ("x.csv", b"a\n1\n") if module.endswith("csv") else ("x.parquet", TABLES["parquet"])
    source = _only(_write(tmp_path / name, data))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PipelineError) as raised:
        [read_delimited(block) for block in read_blocks(source)]
    assert "pip install 'heify-heygen-errors[pipeline]'" in str(raised.value)


def test_every_extension_has_a_format() -> None:
    """The formats that extensions tell are those that can be named."""
    assert set(EXTENSIONS.values()) < set(FORMATS)
    assert sources.BLOCK_SIZE == 4 * 1024 * 1024
