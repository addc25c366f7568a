"""Damaged, odd and changing inputs: a clear message or a reject, never a row that is lost or null without a word."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard
from command_runs import HHE, log

from heify_heygen_errors import Normalizer
from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.discovery import find_inputs
from heify_heygen_errors.pipeline.plan import Outcome, Plan
from heify_heygen_errors.pipeline.run import run

Run = Callable[..., Any]

COUNT = 400
LINE = b'{"provider":"heygen","status":404}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _lines(count: int = COUNT) -> bytes:
    return b"".join(
        b'{"provider":"heygen","status":%d,"id":%d,"text":"%s"}\n' % (400 + n % 50, n, os.urandom(20).hex().encode()) for n in range(count)
    )


def _table() -> pa.Table:
    rows = [json.loads(line) for line in _lines().splitlines()]
    return pa.Table.from_pylist(rows)


def _rejects(output: str) -> list[dict[str, Any]]:
    path = Path(f"{output}.rejects.jsonl")
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _ids(output: str) -> list[int | None]:
    if output.endswith("parquet"):
        table = pq.read_table(output)
        return table.column("id").to_pylist() if "id" in table.column_names else [None] * table.num_rows
    return [json.loads(line).get("id") for line in Path(output).read_bytes().splitlines()]


def _arrow(*, stream: bool) -> bytes:
    sink = io.BytesIO()
    table = _table()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    return sink.getvalue()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(_table(), sink, row_group_size=100)
    return sink.getvalue()


def _zst() -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return (
        b"".join(packer.compress(line) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for line in _lines().splitlines(keepends=True))
        + packer.flush()
    )


CUT: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut.jsonl.gz": (lambda: gzip.compress(_lines()), "the gzip data end early"),
    "cut.jsonl.zst": (_zst, "the Zstandard data end early"),
    "cut.csv.gz": (
        lambda: gzip.compress(b"provider,status,id\n" + b"".join(b"heygen,404,%d\n" % n for n in range(COUNT))),
        "the gzip data end early",
    ),
    "cut.parquet": (_parquet, "the Parquet data cannot be read"),
    "cut.arrow": (lambda: _arrow(stream=False), "the Arrow data cannot be read"),
    "cut.arrows": (lambda: _arrow(stream=True), "the Arrow data cannot be read"),
    "cut.parquet.gz": (lambda: gzip.compress(_parquet()), "the gzip data end early"),
}


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("name", CUT)
def test_a_file_that_was_cut_off(hhe: Run, folder: Path, name: str, share: float, output: str) -> None:
    """What stands in front of the cut is read, the cut is one reject that says so, and no row is made up."""
    make, reason = CUT[name]
    whole = make()
    Path(name).write_bytes(whole[: int(len(whole) * share)])
    result = hhe("normalize", name, "-o", output, "--summary-json", "s.json")
    assert result.code == 1
    assert reason in _rejects(output)[-1]["reason"]
    told = json.loads(Path("s.json").read_bytes())
    ids = _ids(output)
    assert told["records"] == told["written"] + told["rejects"] == len(ids) + len(_rejects(output))
    assert [int(found) for found in ids if found is not None] == list(range(len(ids)))
    assert len(ids) < COUNT


@pytest.mark.parametrize("name", CUT)
def test_a_cut_is_kept_as_a_row_if_asked(hhe: Run, folder: Path, name: str) -> None:
    """With --on-error keep the cut itself is a row with its reason, so that the count of rows tells."""
    make, reason = CUT[name]
    whole = make()
    Path(name).write_bytes(whole[: int(len(whole) * 0.6)])
    assert hhe("normalize", name, "-o", "out.jsonl", "--on-error", "keep").code == 1
    last = json.loads(Path("out.jsonl").read_bytes().splitlines()[-1])
    assert reason in last["error_reject"]


@pytest.mark.parametrize("name", CUT)
def test_damage_in_the_middle(hhe: Run, folder: Path, name: str) -> None:
    """Bytes that were overwritten are told by a reject or change nothing; the counts agree, and no row comes twice or out of place."""
    data = bytearray(CUT[name][0]())
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xa5" * 40
    Path(name).write_bytes(data)
    assert hhe("normalize", name, "-o", "out.jsonl", "--summary-json", "s.json").code in (0, 1)
    told = json.loads(Path("s.json").read_bytes())
    rows = [json.loads(line) for line in Path("out.jsonl").read_bytes().splitlines()]
    assert told["records"] == told["written"] + told["rejects"] == len(rows) + len(_rejects("out.jsonl"))
    assert told["records"] == COUNT or told["rejects"]
    assert [row for row in rows if row["error_count"] is None and row.get("status") is not None] == []


def test_a_log_that_ends_in_half_a_line(hhe: Run, folder: Path) -> None:
    """The half line is a reject with its bytes; the lines in front of it are rows."""
    Path("log.jsonl").write_bytes(_lines(10)[:-9])
    assert hhe("normalize", "log.jsonl", "-o", "out.jsonl").code == 1
    assert _ids("out.jsonl") == list(range(9))
    (reject,) = _rejects("out.jsonl")
    assert (reject["line"], reject["reason"].startswith("not JSON")) == (10, True)


@pytest.mark.parametrize("name", ["log.jsonl.gz", "log.jsonl.zst", "log.gz", "log.json"])
@pytest.mark.parametrize("real", [bytes, gzip.compress, zstandard.compress])
def test_compression_that_the_name_has_wrong(hhe: Run, folder: Path, name: str, real: Callable[[bytes], bytes]) -> None:
    """What is in the file counts, not what its name says."""
    Path(name).write_bytes(real(_lines(10)))
    assert hhe("normalize", name, "-o", "out.jsonl").code == 0
    assert _ids("out.jsonl") == list(range(10))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("log.jsonl.bz2", b"BZh91AY&SY", "bzip2"),
        ("log.jsonl.xz", b"\xfd7zXZ\0", "xz"),
        ("logs.zip", b"PK\x03\x04", "zip"),
        ("log.jsonl", '{"provider": "heygen"}\n'.encode("utf-16"), "iconv"),
        ("log.csv", b"provider,provider\nheygen,heygen\n", "provider"),
    ],
)
def test_what_cannot_be_read_at_all_is_refused(hhe: Run, folder: Path, name: str, data: bytes, told: str) -> None:
    """A file of a kind that is not read is wrong use, with its name and what to do; nothing is written."""
    Path(name).write_bytes(data)
    result = hhe("normalize", name, "-o", "out.jsonl")
    assert (result.code, result.out) == (2, "")
    assert name in result.err
    assert told in result.err
    assert os.listdir() == [name]  # noqa: PTH208


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet", "out.csv", "out.arrow"])
def test_a_column_of_mixed_types(hhe: Run, folder: Path, output: str) -> None:
    """Values of different types in a column, also far apart, all come out: as they are in JSON, as text elsewhere."""
    values = ["1", '"a"', "[1,null]", "1.5", "99999999999999999999", '{"a":"ä"}', "true", '""', "null", "-0.0"]
    lines = [b'{"provider":"heygen","status":404,"x":%s}\n' % value.encode() for value in values]
    Path("log.jsonl").write_bytes(b"".join(line + LINE * 3000 for line in lines))
    assert hhe("normalize", "log.jsonl", "-o", output, "--checkpoint", "64KiB", "-q").code == 0
    if output == "out.jsonl":
        rows = [json.loads(line) for line in Path(output).read_bytes().splitlines()]
        assert [row["x"] for row in rows[::3001]] == [json.loads(value) for value in values]
        return
    if output == "out.csv":
        found = [row["x"] or None for row in csv.DictReader(io.StringIO(Path(output).read_text(encoding="utf-8"), newline=""))]
    else:
        found = (pq.read_table(output) if output == "out.parquet" else pa.ipc.open_file(output).read_all()).column("x").to_pylist()
    assert len(found) == 30_010
    expected = [None if value in ("null", '""') else value.strip('"') for value in values]
    assert [value or None for value in found[::3001]] == expected
    assert [value for number, value in enumerate(found) if number % 3001 and value] == []


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_columns_that_are_missing(hhe: Run, folder: Path, name: str) -> None:
    """A table without any column to judge is refused, with the columns that it has and the option that names them."""
    if name == "log.csv":
        Path(name).write_text("id,http\n1,404\n2,500\n")
    else:
        pq.write_table(pa.table({"id": ["1", "2"], "http": [404, 500]}), name)
    result = hhe("normalize", name, "-o", "out.jsonl", "-p", "heygen")
    assert result.code == 2
    assert f"{name} has no column for status, body or exception: name them with --field. It has id, http" in result.err
    assert hhe("normalize", name, "-o", "out.jsonl", "-p", "heygen", "--field", "status=http").code == 0
    assert _ids("out.jsonl") == ["1", "2"]


def test_members_that_are_missing(hhe: Run, folder: Path) -> None:
    """Where no record of a log has anything to judge that is said, with the option that names it; the rows pass through."""
    Path("log.jsonl").write_text('{"id":1,"http":404}\n{"id":2,"http":500}\n')
    result = hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-p", "heygen")
    assert result.code == 0
    assert "no record has a status, a body or an exception" in result.err
    assert "--field" in result.err
    assert [json.loads(line)["error_count"] for line in Path("out.jsonl").read_bytes().splitlines()] == [None, None]


def test_records_of_csv_that_do_not_fit(hhe: Run, folder: Path) -> None:
    """A record with too few or too many cells, or a quote that is never closed, costs itself only."""
    Path("log.csv").write_text('id,provider,status\n1,heygen,404\n2,heygen\n3,heygen,404,x\n4,heygen,404\n"5,heygen,404\n6,heygen,404\n')
    for kind in ("jsonl", "parquet"):
        assert hhe("normalize", "log.csv", "-o", f"out.{kind}", "-q").code == 1
        assert _ids(f"out.{kind}") == ["1", "4", "6"]
        assert [reject["line"] for reject in _rejects(f"out.{kind}")] == [3, 4, 6]


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.jsonl.gz", "log.tsv", "log.txt"])
def test_an_empty_file(hhe: Run, folder: Path, name: str) -> None:
    """An empty text is a log without records."""
    Path(name).touch()
    result = hhe("normalize", name, "-o", "out.parquet")
    assert (result.code, result.err.splitlines()[0]) == (0, "0 records = 0 written + 0 rejects; 0 failed, 0 were no error")
    assert pq.read_table("out.parquet").num_rows == 0


@pytest.mark.parametrize("name", ["log.parquet", "log.arrow"])
def test_an_empty_table_is_damaged(hhe: Run, folder: Path, name: str) -> None:
    """A table is never empty: a file of no bytes with such a name is told as damaged."""
    Path(name).touch()
    assert hhe("normalize", name, "-o", "out.jsonl").code == 1
    assert len(_rejects("out.jsonl")) == 1


def test_a_folder_with_the_name_of_a_log(hhe: Run, folder: Path) -> None:
    """A folder is read as one whatever its name; one without logs is refused."""
    Path("x.jsonl").mkdir()
    assert hhe("normalize", "x.jsonl", "-o", "out.jsonl").code == 2
    Path("x.jsonl/log.jsonl").write_bytes(_lines(3))
    assert hhe("normalize", "x.jsonl", "-o", "out.jsonl").code == 0
    assert _ids("out.jsonl") == [0, 1, 2]


def test_ten_thousand_small_files(hhe: Run, folder: Path) -> None:
    """A folder of ten thousand files of a line each is read as a whole, in the order of the names."""
    for number in range(100):
        Path(f"logs/{number:02}").mkdir(parents=True)
        for part in range(100):
            Path(f"logs/{number:02}/{part:02}.jsonl").write_bytes(b'{"provider":"heygen","status":404,"id":%d}\n' % (number * 100 + part))
    result = hhe("normalize", "logs", "-o", "out.jsonl")
    assert result.code == 0
    assert "10000 records = 10000 written + 0 rejects" in result.err
    assert _ids("out.jsonl") == list(range(10_000))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(hhe: Run, folder: Path) -> None:
    """A file without the right to read it is named before anything is written."""
    Path("log.jsonl").write_bytes(LINE)
    Path("log.jsonl").chmod(0)
    result = hhe("normalize", "log.jsonl", "-o", "out.jsonl")
    assert result.code == 2
    assert "log.jsonl: cannot be read: Permission denied" in result.err
    assert os.listdir() == ["log.jsonl"]  # noqa: PTH208


# Memory.

MEASURED = """
import pathlib, resource, sys
from heify_heygen_errors.cli import main
code = main(sys.argv[1:])
# Not RUSAGE_SELF, which counts what the process was forked from as well.
told = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(int(told["VmHWM"].split()[0]) // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
raise SystemExit(code)
"""


@pytest.fixture(scope="module")
def long_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs whose second record has 200 MB."""
    folder = tmp_path_factory.mktemp("long")
    piece = b"0123456789abcdef" * 65_536
    with (
        (folder / "log.jsonl").open("wb") as lines,
        gzip.open(folder / "log.jsonl.gz", "wb", 1) as packed,
        (folder / "log.csv").open("wb") as cells,
    ):
        for stream in (lines, packed):
            stream.write(LINE + b'{"provider":"heygen","status":404,"x":"')
        cells.write(b'provider,status,x\nheygen,404,a\nheygen,404,"')
        for _ in range(200):
            for stream in (lines, packed, cells):
                stream.write(piece)
        for stream in (lines, packed):
            stream.write(b'"}\n' + LINE)
        cells.write(b'"\nheygen,404,b\n')
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the process in /proc")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.csv"])
def test_a_line_of_200_mb(long_line: Path, folder: Path, name: str, jobs: str) -> None:
    """A record of 200 MB is a reject with length and checksum, the records around it are rows, and memory stays where it was."""
    arguments = ["normalize", str(long_line / name), "-o", "out.jsonl", "--jobs", jobs, "-q"]
    done = subprocess.run([HHE[0], "-c", MEASURED, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    command, workers = map(int, done.stderr.split())
    assert command < 256
    assert workers < 160
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 2
    (reject,) = _rejects("out.jsonl")
    assert (reject["raw_base64"], reject["length"] > 200 * 1024 * 1024, len(reject["sha256"])) == (None, True, 64)


# Files that change while they are read.


def _changed(change: Callable[[Path], object], format_: str = "jsonl", name: str = "log.jsonl", data: bytes | None = None) -> Outcome:
    """A run over a file that something changes once its first part is read."""
    path = Path(name)
    path.write_bytes(log(4000) if data is None else data)
    left = [change]

    def advance(*_: int) -> None:
        if left:
            left.pop()(path)

    plan = Plan(
        inputs=find_inputs([name]),
        output=f"out.{format_}",
        format=format_,
        rejects="out.rejects.jsonl",
        manifest="m.json",
        checkpoint=65_536,
        processes=1,
    )
    return run(plan, Normalizer(), advance)


def _replace(path: Path) -> None:
    Path("other").write_bytes(LINE * 100_000)
    Path("other").replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "cut to nothing": lambda path: os.truncate(path, 0),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "another of its name": _replace,
}


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_is_another_one_now_ends_the_run(folder: Path, change: Callable[[Path], object], format_: str) -> None:
    """A log that becomes shorter or is replaced while it is read is named, and there is no output that lacks rows."""
    with pytest.raises(PipelineError, match=r"log\.jsonl"):
        _changed(change, format_)
    assert not Path(f"out.{format_}").exists()
    assert not Path("m.json").exists()


def test_a_file_that_is_gone_ends_the_run(folder: Path) -> None:
    """A log that vanishes while it is read is named, and there is no output."""
    with pytest.raises((OSError, PipelineError), match=r"log\.jsonl"):
        _changed(lambda path: path.unlink())
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize("end", [b"", b"nonsense, and half a li"])
def test_a_log_that_grows_is_read_as_far_as_it_was(folder: Path, end: bytes) -> None:
    """Of a log that is still written the lines count that were there when the run began; the manifest's checksum is of these."""
    import hashlib

    data = log(4000)
    expected = _changed(lambda _: None)

    def grow(path: Path) -> None:
        with path.open("ab") as stream:
            stream.write(LINE * 1000 + end)

    done = _changed(grow)
    assert (done.tally.records, done.tally.written) == (expected.tally.records, expected.tally.written)
    (told,) = json.loads(Path("m.json").read_bytes())["inputs"]
    assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_a_packed_log_that_becomes_shorter(folder: Path) -> None:
    """A compressed log that is cut while it is read ends the run as a plain one does."""
    with pytest.raises(PipelineError, match=r"log\.jsonl\.gz"):
        _changed(lambda path: os.truncate(path, path.stat().st_size // 2), name="log.jsonl.gz", data=gzip.compress(log(40_000)))
    assert not Path("out.jsonl").exists()
