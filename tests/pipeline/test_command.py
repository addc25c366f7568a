"""`hhe normalize` as a whole: rejects and what becomes of them, limits, what is said, pipes and streams."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_runs import HHE, begin, command, content, log, session_of, wait_until

Run = Callable[..., Any]

GOOD = '{"provider":"heygen","status":404}'
NAMELESS = '{"status":404,"id":1}'
BROKEN = '{"provider":"heygen",'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in, with a log of ten lines: four are no records, two of these for want of a provider."""
    monkeypatch.chdir(tmp_path)
    lines = [GOOD, NAMELESS, GOOD, BROKEN, GOOD, GOOD, NAMELESS.replace("1", "2"), GOOD, "[]", GOOD]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def _rows(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Rejects.


def test_rejects_say_where_and_why(hhe: Run, folder: Path) -> None:
    """Each reject has file, line, offset, bytes and reason, in the order of the input, in a file for its owner alone."""
    assert hhe("normalize", "log.jsonl", "-o", "out.parquet").code == 1
    path = folder / "out.parquet.rejects.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rejects = _rows(path)
    assert [list(reject) for reject in rejects] == [["file", "line", "offset", "raw_base64", "reason"]] * 4
    assert [(reject["file"], reject["line"]) for reject in rejects] == [("log.jsonl", number) for number in (2, 4, 7, 9)]
    text = (folder / "log.jsonl").read_bytes()
    for reject in rejects:
        raw = base64.b64decode(reject["raw_base64"])
        assert text[reject["offset"] :].startswith(raw + b"\n")
    reasons = ["nothing names the provider", "not JSON", "nothing names the provider", "no JSON object but an array"]
    assert [reject["reason"].startswith(reason) for reject, reason in zip(rejects, reasons, strict=True)] == [True] * 4


def test_rejects_are_tried_again(hhe: Run, folder: Path) -> None:
    """--replay reads the records in a rejects file; what is a record now is a row, what is none keeps the place where it once stood."""
    hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-q")
    first = _rows("out.jsonl.rejects.jsonl")
    again = hhe("normalize", "out.jsonl.rejects.jsonl", "--replay", "-p", "heygen", "-o", "again.jsonl")
    assert again.code == 1
    assert again.err.splitlines()[0] == "4 records = 2 written + 2 rejects; 2 failed, 0 were no error"
    assert [(row["id"], row["error_rule"]) for row in _rows("again.jsonl")] == [(1, "heygen/status:404"), (2, "heygen/status:404")]
    assert _rows("again.jsonl.rejects.jsonl") == [first[1], first[3]]


def test_a_replay_that_mends_nothing_changes_nothing(hhe: Run, folder: Path) -> None:
    """The rejects of a replay without a change are the same bytes, however often it is done."""
    hhe("normalize", "log.jsonl", "-o", "0", "-q")
    expected = Path("0.rejects.jsonl").read_bytes()
    for number in (1, 2):
        result = hhe("normalize", f"{number - 1}.rejects.jsonl", "--replay", "-o", f"{number}")
        assert result.code == 1
        assert result.err.splitlines()[0] == "4 records = 0 written + 4 rejects; 0 failed, 0 were no error"
        assert expected == Path(f"{number}.rejects.jsonl").read_bytes()
        assert Path(f"{number}").read_bytes() == b""


@pytest.mark.parametrize("output", ["again.jsonl", "again.parquet", "again.csv"])
@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.tsv", "log.parquet"])
def test_rejects_of_every_format_are_replayed(hhe: Run, folder: Path, name: str, output: str) -> None:
    """Lines, cells and rows of tables are kept so that a replay reads the record that they were."""
    records = [
        {"provider": "heygen", "status": "401", "body": '{"code": 400112}', "id": 'a,\t"b'},
        {"provider": "", "status": "404", "body": None, "id": "2"},
    ]
    if name == "log.parquet":
        pq.write_table(pa.Table.from_pylist(records), name)
    elif name == "log.jsonl":
        Path(name).write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        sign = "," if name == "log.csv" else "\t"
        cells = [
            ["provider", "status", "body", "id"],
            *([record[key] or "" for key in ("provider", "status", "body", "id")] for record in records),
        ]
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in cells]
        Path(name).write_text("".join(sign.join(row) + "\n" for row in quoted))
    assert hhe("normalize", name, "-o", "out.jsonl", "-q").code == 1
    (reject,) = _rows("out.jsonl.rejects.jsonl")
    assert (reject["file"], reject["line"]) == (name, 3 if name in ("log.csv", "log.tsv") else 2)
    result = hhe("normalize", "out.jsonl.rejects.jsonl", "--replay", "-p", "heify", "-o", output)
    assert (result.code, result.err.splitlines()[0]) == (0, "1 record = 1 written + 0 rejects; 1 failed, 0 were no error")
    if output == "again.jsonl":
        (row,) = _rows(output)
        assert (row["id"], row["status"], row["error_rule"]) == ("2", "404", "heify/status:404")


def test_a_replay_knows_other_catalogs(hhe: Run, folder: Path, entry: Callable[..., dict[str, Any]], overlay: Callable[..., str]) -> None:
    """A replay goes by the catalogs of now."""
    Path("mine.yaml").write_text(overlay(entry(codes=["900001"])), encoding="utf-8")
    Path("bad.jsonl").write_text('{"status": 400, "body": {"code": 900001}}\n')
    hhe("normalize", "bad.jsonl", "-o", "out.jsonl", "-q")
    arguments = ["out.jsonl.rejects.jsonl", "--replay", "-p", "heygen", "-o", "again.jsonl", "-q"]
    assert hhe("--catalog", "mine.yaml", "normalize", *arguments).code == 0
    assert [row["error_rule"] for row in _rows("again.jsonl")] == ["heygen/MY_ERROR@mine"]


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"file":"x","line":1,"raw_base64":"*","reason":"r"}', '{"file":"x","line":"one","raw_base64":"","reason":"r"}', "x"],
)
def test_a_replay_takes_rejects_only(hhe: Run, folder: Path, text: str) -> None:
    """A line that no run wrote to its rejects is named, and nothing is written."""
    Path("no.jsonl").write_text(text + "\n")
    result = hhe("normalize", "no.jsonl", "--replay", "-o", "out.jsonl")
    assert (result.code, result.out) == (2, "")
    assert "no.jsonl, line 1: no line of a rejects file" in result.err
    assert _names(folder) == ["log.jsonl", "no.jsonl"]


# --on-error and --max-bad.


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow", "csv"])
def test_rejects_that_are_kept(hhe: Run, folder: Path, kind: str) -> None:
    """With --on-error keep every record is a row, in its place; rows of rejects have the reason and the text, and there is no other file."""
    result = hhe("normalize", "log.jsonl", "-o", f"out.{kind}", "--on-error", "keep")
    assert result.code == 1
    assert result.err.splitlines()[0] == "10 records = 10 written + 0 rejects (4 kept as rows); 6 failed, 0 were no error"
    assert _names(folder) == ["log.jsonl", f"out.{kind}", f"out.{kind}.manifest.json"]
    assert hhe("normalize", f"out.{kind}", "-o", "back.jsonl", "--prefix", "x_", "-q").code == 0
    rows = [row | {"error_reject": row["error_reject"] or None, "error_raw": row["error_raw"] or None} for row in _rows("back.jsonl")]
    assert [row["error_raw"] for row in rows] == [None, NAMELESS, None, BROKEN, None, None, NAMELESS.replace("1", "2"), None, "[]", None]
    assert [row["error_reject"] is None for row in rows] == [row["error_raw"] is None for row in rows]
    assert [row["error_category"] or None for row in rows] == [None if row["error_raw"] else "not_found" for row in rows]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_first_reject_ends_the_run(folder: Path, jobs: str) -> None:
    """With --on-error fail the first reject is named with its place, and everything is as before."""
    Path("out.jsonl").write_text("old\n")
    done = command("log.jsonl", "-o", "out.jsonl", "--on-error", "fail", "--jobs", jobs, cwd=folder)
    assert (done.code, done.out) == (1, b"")
    assert done.err.startswith("Error: log.jsonl, line 2: nothing names the provider")
    assert done.err.endswith("; nothing was written to out.jsonl\n")
    assert content(folder).keys() == {"log.jsonl", "out.jsonl"}
    assert Path("out.jsonl").read_text() == "old\n"


@pytest.mark.parametrize(
    ("allowed", "written"), [("4", True), ("3", False), ("0", False), ("40%", True), ("39.9%", False), ("0%", False), ("100%", True)]
)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_max_bad(hhe: Run, folder: Path, kind: str, allowed: str, written: bool) -> None:  # noqa: FBT001
    """With more rejects than --max-bad allows there is no OUT and the old one stays, but the rejects are there to be looked at."""
    out = Path(f"out.{kind}")
    out.write_text("old\n")
    result = hhe("normalize", "log.jsonl", "-o", out, "--max-bad", allowed)
    assert (result.code, result.out) == (1, "")
    rejects = Path(f"{out}.rejects.jsonl" if written else f"{out}.failed.rejects.jsonl")
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert [reject["line"] for reject in _rows(rejects)] == [2, 4, 7, 9]
    assert written == (out.read_bytes() != b"old\n")
    assert not Path(f"{out}.partial").exists()
    assert Path(f"{out}.manifest.json").exists() == written
    if not written:
        assert "of 10 records" in result.err
        assert f"nothing was written to {out}; the rejects are in {rejects}" in result.err
        assert _names(folder) == sorted(["log.jsonl", str(rejects), str(out)])


def test_max_bad_ends_a_run_early(hhe: Run, folder: Path) -> None:
    """A number of rejects that is exceeded ends the run at once, not at the end of the input."""
    Path("bad.jsonl").write_bytes(b"nonsense\n" * 200_000)
    assert hhe("normalize", "bad.jsonl", "-o", "out.jsonl", "--max-bad", "10", "--checkpoint", "64KiB").code == 1
    assert 10 < len(_rows("out.jsonl.failed.rejects.jsonl")) < 100_000


def test_the_rejects_of_a_failed_run_do_not_replace_those_of_the_output(hhe: Run, folder: Path) -> None:
    """Output and rejects of an earlier run still belong together where a later one failed; rejects that are named go where they are told."""
    assert hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-q").code == 1
    before = content(folder)
    Path("bad.jsonl").write_text("nonsense\n")
    assert hhe("normalize", "bad.jsonl", "-o", "out.jsonl", "--max-bad", "0", "-q").code == 1
    assert before.items() <= content(folder).items()
    assert [reject["file"] for reject in _rows("out.jsonl.failed.rejects.jsonl")] == ["bad.jsonl"]
    assert hhe("normalize", "bad.jsonl", "-o", "out.jsonl", "--max-bad", "0", "--rejects", "mine", "-q").code == 1
    assert [reject["file"] for reject in _rows("mine")] == ["bad.jsonl"]
    assert before.items() <= content(folder).items()


# What is said.


@pytest.mark.parametrize("arguments", [["-o", "out.jsonl"], ["-o", "out.parquet", "--resume"], ["--rejects", "r", "--format", "csv"]])
def test_quiet_says_nothing(folder: Path, arguments: list[str]) -> None:
    """With --quiet a run of any kind is silent; the exit code tells."""
    done = command("log.jsonl", *arguments, "--quiet", "--jobs", "2", cwd=folder)
    assert (done.code, done.err) == (1, "")


def test_the_summary_as_json(hhe: Run, folder: Path) -> None:
    """--summary-json writes the counts to a file or stdout, with --quiet too, and they agree with the manifest."""
    assert hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-q", "--summary-json", "s.json").code == 1
    told = json.loads(Path("s.json").read_bytes())
    assert (told["records"], told["written"], told["rejects"], told["failed"]) == (10, 6, 4, 6)
    manifest = json.loads(Path("out.jsonl.manifest.json").read_bytes())
    assert [manifest["counts"][name] for name in ("records", "written", "rejects", "failed")] == [10, 6, 4, 6]
    assert manifest["rejects"] == {"path": "out.jsonl.rejects.jsonl", "count": 4}
    result = hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-q", "--summary-json", "-")
    assert json.loads(result.out) == told


def test_the_manifest(hhe: Run, folder: Path) -> None:
    """The manifest names inputs and outputs with checksums that anybody can check; --manifest and --no-manifest choose."""
    import hashlib

    assert hhe("normalize", "log.jsonl", "-o", "out.jsonl", "-q", "--manifest", "m.json").code == 1
    told = json.loads(Path("m.json").read_bytes())
    for kind, name in (("inputs", "log.jsonl"), ("outputs", "out.jsonl")):
        (file,) = told[kind]
        assert file["sha256"] == hashlib.sha256(Path(name).read_bytes()).hexdigest()
    assert told["outputs"][0]["rows"] == 6
    assert told["inputs"][0]["records"] == 10
    assert hhe("normalize", "log.jsonl", "-o", "other.jsonl", "-q", "--no-manifest").code == 1
    assert _names(folder) == ["log.jsonl", "m.json", "other.jsonl", "other.jsonl.rejects.jsonl", "out.jsonl", "out.jsonl.rejects.jsonl"]


def test_a_run_over_nothing(hhe: Run, folder: Path) -> None:
    """An empty log makes an output without rows that has all columns, in every format that can say so."""
    Path("empty.jsonl").touch()
    for kind in ("jsonl", "csv", "tsv", "parquet", "arrow"):
        result = hhe("normalize", "empty.jsonl", "-o", f"out.{kind}")
        assert (result.code, result.err.splitlines()[0]) == (0, "0 records = 0 written + 0 rejects; 0 failed, 0 were no error")
    assert pq.read_table("out.parquet").column_names == pa.ipc.open_file("out.arrow").read_all().column_names
    assert Path("out.csv").read_text().count("\n") == 1
    assert Path("out.jsonl").read_bytes() == b""
    assert "error_fingerprint" in Path("out.csv").read_text()


# Streams.


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of some 50 MB."""
    path = tmp_path_factory.mktemp("large") / "log.jsonl"
    path.write_bytes(log(10_000) * 35)
    return path


def _memory(process: subprocess.Popen[bytes]) -> list[int]:
    """The most memory that each process of a run has held, in MB, without what workers share with the first."""
    found = []
    for pid in session_of(process.pid):
        told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        found.append(int(told["VmHWM"].split()[0]) // 1024)
    return found


def _closed(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """Exit code and talk of a process whose stdout is closed by its reader; none of its processes stays."""
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    code = process.wait(60)
    wait_until(lambda: not session_of(process.pid))
    return code, said


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_slow_reader_is_waited_for(large: Path, tmp_path: Path, jobs: int) -> None:
    """While nobody reads stdout, a run waits and holds what it may, not the log."""
    process = begin(large, "--rejects", "r", "--jobs", str(jobs), "-q", cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.read(1) == b"{"

    def resting() -> bool:
        return all(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S" for pid in session_of(process.pid))

    wait_until(lambda: all(resting() for _ in range(50)))
    parent, *workers = sorted(_memory(process), reverse=True)
    assert parent < 256
    assert all(worker < 160 for worker in workers)
    assert _closed(process) == (0, b"")


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_reader_that_has_enough_ends_the_run_quietly(large: Path, tmp_path: Path, kind: str, jobs: str) -> None:
    """When the reader of stdout goes, as head does, the run ends without a word, a file or a process left."""
    source = tmp_path / "log.jsonl"
    source.write_bytes(large.read_bytes()[: 8 * 1024 * 1024])
    process = begin(source, "--rejects", "r", "--jobs", jobs, "--format", kind, cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.read(10)
    assert _closed(process) == (0, b"")
    assert _names(tmp_path) == ["log.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "arrow"])
def test_a_full_device_is_told(folder: Path, kind: str, jobs: str) -> None:
    """Where the output cannot be written the message says why, and nothing is left."""
    done = command("log.jsonl", "-o", "/dev/full", "--format", kind, "--rejects", "r", "--jobs", jobs, cwd=folder)
    assert (done.code, done.out) == (2, b"")
    assert "/dev/full: No space left on device" in done.err
    assert "Traceback" not in done.err
    assert _names(folder) == ["log.jsonl"]


def test_a_full_disk_can_be_made_room_on_and_resumed(tmp_path: Path) -> None:
    """A run that the disk ended says so, leaves no output, and --resume goes on with it."""
    (tmp_path / "log.jsonl").write_bytes(log(10_000))
    shell = f"ulimit -f 2000; exec {sys.executable} -m heify_heygen_errors normalize log.jsonl -o out.jsonl --checkpoint 256KiB"
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "File too large" in done.stderr
    assert "--resume goes on from the last checkpoint" in done.stderr
    assert "Traceback" not in done.stderr
    assert _names(tmp_path) == ["log.jsonl", "out.jsonl.partial"]
    again = command("log.jsonl", "-o", "out.jsonl", "--checkpoint", "256KiB", "--resume", cwd=tmp_path)
    assert again.code == 1
    assert again.err.startswith("went on from the last checkpoint\n")
    records, _, rest = again.err.splitlines()[1].partition(" records = ")
    assert int(records) == sum(bool(line) for line in log(10_000).splitlines())
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == int(rest.split()[0])


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_not_missed(folder: Path, closed: str) -> None:
    """Where a run does not need stdin, stdout or stderr they may be closed, as under cron."""
    shell = f"{' '.join(HHE)} normalize log.jsonl -o out.jsonl {closed}"
    done = subprocess.run(["sh", "-c", shell], cwd=folder, capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1
    assert len(_rows("out.jsonl")) == 6
    assert len(_rows("out.jsonl.rejects.jsonl")) == 4


def test_rows_for_a_closed_stdout(folder: Path) -> None:
    """Where rows should go to a stdout that is closed, that is said."""
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(HHE)} normalize log.jsonl --rejects r >&-"], cwd=folder, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert b"stdout" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_ends_all_processes(large: Path, tmp_path: Path, jobs: str) -> None:
    """Ctrl-C reaches command and workers: one word, exit 130, no output, and the run can be resumed."""
    process = begin(large, "-o", "out.parquet", "--jobs", jobs, "--checkpoint", "1MiB", cwd=tmp_path)
    wait_until((tmp_path / "out.parquet.partial/journal.json").exists)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert sorted(err.decode().splitlines()) == ["--resume goes on from the last checkpoint", "interrupted"]
    wait_until(lambda: not session_of(process.pid))
    assert _names(tmp_path) == ["out.parquet.partial"]


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_an_interrupt_while_workers_start(large: Path, tmp_path: Path) -> None:
    """Ctrl-C that reaches a worker in its first moment is one word, exit 130, and no traceback of the worker's."""
    code = (
        "import os, signal, sys\n"
        "from heify_heygen_errors.cli import main\n"
        "os.register_at_fork(after_in_child=lambda: os.killpg(0, signal.SIGINT))\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", code, "normalize", str(large), "-o", "out.jsonl", "--jobs", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, start_new_session=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"interrupted\n")
    assert _names(tmp_path) == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_of_a_stream(tmp_path: Path, jobs: str) -> None:
    """Ctrl-C while a pipe is waited for is exit 130 and leaves nothing."""
    process = begin("-", "-o", "out.jsonl", "--jobs", jobs, cwd=tmp_path, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"{}\n" * 70_000)  # more than a pipe holds: it is being read
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")
    assert _names(tmp_path) == []
