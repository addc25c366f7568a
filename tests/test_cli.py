"""The command: every command and option, stdout and stderr, exit codes, terminals, pipes and wrong use."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heify_heygen_errors import Catalogs, Observation, __version__, explain, lookup, normalize
from heify_heygen_errors.cli import main
from heify_heygen_errors.cli.summary import WIDTH
from heify_heygen_errors.records import COLUMNS

Run = Callable[..., Any]
Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]

HHE = [sys.executable, "-m", "heify_heygen_errors"]
BODY = '{"code":400112,"message":"Unauthorized"}'
REFUSED = Observation("heygen", 401, None, BODY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in, with one log of three records: an error, a success and a line that is none."""
    monkeypatch.chdir(tmp_path)
    lines = ['{"provider": "heygen", "status": 401, "body": {"code": 400112}}', '{"provider": "heify", "status": 200}', "nonsense"]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "good.jsonl").write_text("\n".join(lines[:2]) + "\n")
    return tmp_path


@pytest.fixture
def mine(tmp_path: Path, entry: Entry, overlay: Overlay) -> str:
    """A file with an overlay that brings the code 900001."""
    file = tmp_path / "mine.yaml"
    file.write_text(overlay(entry(codes=["900001"])), encoding="utf-8")
    return str(file)


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# The command itself.


def test_version(hhe: Run) -> None:
    """--version prints the version on stdout."""
    assert (hhe("--version").code, hhe("--version").out) == (0, f"hhe, version {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [(), ("normalize",), ("explain",), ("lookup",), ("catalog",), ("catalog", "list"), ("catalog", "lint"), ("catalog", "export")],
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(hhe: Run, arguments: tuple[str, ...], flag: str) -> None:
    """-h and --help print how to use the command and each of its commands, with every option explained."""
    result = hhe(*arguments, flag)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(" ".join(("Usage: hhe", *arguments)))
    options = [line for line in result.out.partition("Options:\n")[2].splitlines() if line.startswith("  -")]
    assert options
    assert [line for line in options if len(line.split()) == 1] == []


@pytest.mark.parametrize("arguments", [(), ("catalog",)])
def test_without_a_command_it_says_how_to_use_it(hhe: Run, arguments: tuple[str, ...]) -> None:
    """Without a command the usage stands on stderr and the exit code says wrong use."""
    result = hhe(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Usage: hhe" in result.err


def test_the_module_is_the_command(hhe: Run, hhe_process: Run) -> None:
    """The module runs the same command in a process of its own."""
    assert hhe_process("lookup", "400112", "-p", "heygen") == hhe("lookup", "400112", "-p", "heygen")


WRONG = {
    "unknown command": (["nope"], "No such command 'nope'"),
    "unknown option": (["--nope"], "No such option '--nope'"),
    "unknown option of a command": (["lookup", "--nope", "1"], "No such option '--nope'"),
    "missing catalog": (["--catalog", "gone.yaml", "lookup", "1"], "gone.yaml"),
    "folder as catalog": (["--catalog", ".", "lookup", "1"], "is a directory"),
    "wrong catalog": (["--catalog", "log.jsonl", "lookup", "1"], "log.jsonl:2: not YAML"),
    "binary catalog": (["--catalog", "binary.yaml", "lookup", "1"], "binary.yaml"),
    "no inputs": (["normalize"], "Missing argument 'IN...'"),
    "no rejects for stdout": (["normalize", "log.jsonl"], "--rejects"),
    "rejects on stdout, too": (["normalize", "log.jsonl", "-o", "-", "--rejects", "-"], "--rejects"),
    "rejects of a device": (["normalize", "log.jsonl", "-o", "/dev/null"], "--rejects"),
    "missing input": (["normalize", "gone.jsonl", "-o", "out"], "gone.jsonl does not exist"),
    "input without a name": (["normalize", "", "-o", "out"], "name"),
    "output without a name": (["normalize", "log.jsonl", "-o", ""], "name"),
    "rejects without a name": (["normalize", "log.jsonl", "-o", "out", "--rejects", ""], "name"),
    "glob that finds nothing": (["normalize", "*.csv", "-o", "out"], "no file matches *.csv"),
    "one of two inputs missing": (["normalize", "log.jsonl", "gone.jsonl", "-o", "out"], "gone.jsonl does not exist"),
    "folder without logs": (["normalize", "sub", "-o", "out"], "sub has no file with a known extension"),
    "output is input": (["normalize", "log.jsonl", "-o", "log.jsonl"], "log.jsonl is an input and an output"),
    "output is input by another name": (["normalize", "log.jsonl", "-o", "./sub/../log.jsonl"], "log.jsonl is an input and an output"),
    "output is in the glob": (["normalize", "*.jsonl", "-o", "good.jsonl"], "good.jsonl is an input and an output"),
    "output is in the folder": (["normalize", ".", "-o", "good.jsonl"], "good.jsonl is an input and an output"),
    "output is input by a link": (["normalize", "link.jsonl", "-o", "log.jsonl"], "link.jsonl is an input and an output"),
    "output is a link to the input": (["normalize", "log.jsonl", "-o", "link.jsonl"], "log.jsonl is an input and an output"),
    "rejects are input": (["normalize", "log.jsonl", "-o", "out", "--rejects", "log.jsonl"], "log.jsonl is an input and an output"),
    "manifest is input": (["normalize", "log.jsonl", "-o", "out", "--manifest", "log.jsonl"], "log.jsonl is an input and an output"),
    "summary is input": (["normalize", "log.jsonl", "-o", "out", "--summary-json", "log.jsonl"], "log.jsonl is an input and an output"),
    "rejects are output": (["normalize", "log.jsonl", "-o", "out", "--rejects", "out"], "the same file"),
    "manifest is output": (["normalize", "log.jsonl", "-o", "out", "--manifest", "./out"], "the same file"),
    "summary is rejects": (["normalize", "log.jsonl", "-o", "out", "--rejects", "r", "--summary-json", "r"], "the same file"),
    "output in a missing folder": (["normalize", "log.jsonl", "-o", "gone/out.jsonl"], "gone/out.jsonl: No such file or directory"),
    "output in a missing folder, alone": (
        ["normalize", "log.jsonl", "-o", "gone/out.jsonl", "--rejects", "r", "--no-manifest"],
        "gone/out.jsonl: No such file or directory",
    ),
    "output below a file": (["normalize", "log.jsonl", "-o", "good.jsonl/out.jsonl"], "good.jsonl/out.jsonl: "),
    "rejects in a missing folder": (["normalize", "log.jsonl", "-o", "out", "--rejects", "gone/r"], "gone/r: No such file or directory"),
    "manifest in a missing folder": (["normalize", "log.jsonl", "-o", "out", "--manifest", "gone/m"], "gone/m: No such file or directory"),
    "summary in a missing folder": (
        ["normalize", "log.jsonl", "-o", "out", "--summary-json", "gone/s"],
        "gone/s: No such file or directory",
    ),
    "rejects are a folder": (["normalize", "log.jsonl", "-o", "out", "--rejects", "sub"], "sub: Is a directory"),
    "manifest is a folder": (["normalize", "log.jsonl", "-o", "out", "--manifest", "sub"], "sub: Is a directory"),
    "summary is a folder": (["normalize", "log.jsonl", "-o", "out", "--summary-json", "sub"], "sub: Is a directory"),
    "output is a folder of others": (
        ["normalize", "log.jsonl", "-o", "full"],
        "full has files that no earlier run wrote, for example mine",
    ),
    "output of an unknown kind": (["normalize", "log.jsonl", "-o", "out.xlsx"], "say which with --format"),
    "output is a compressed file": (["normalize", "log.jsonl", "-o", "out.jsonl.gz"], "pipe stdout through gzip or zstd"),
    "partitions in place of a file": (["normalize", "log.jsonl", "-o", "table", "--partition-by", "provider"], "is a file"),
    "partitions on stdout": (["normalize", "log.jsonl", "--rejects", "r", "--partition-by", "provider"], "name a folder with -o"),
    "partitions by nothing": (["normalize", "log.jsonl", "-o", "out", "--partition-by", ""], "names of columns with commas"),
    "partitions by one column twice": (["normalize", "log.jsonl", "-o", "out", "--partition-by", "a,a"], "each once"),
    "partitions by no column": (["normalize", "log.jsonl", "-o", "out", "--partition-by", "x"], "there is no column 'x' to partition by"),
    "unknown format": (
        ["normalize", "log.jsonl", "-o", "out", "--format", "xlsx"],
        "'xlsx' is not one of 'jsonl', 'csv', 'tsv', 'parquet'",
    ),
    "unknown format of the input": (["normalize", "log.jsonl", "-o", "out", "--from", "xml"], "'xml' is not one of 'jsonl', 'csv', 'tsv'"),
    "replay of no rejects": (["normalize", "log.jsonl", "-o", "out", "--replay"], "log.jsonl, line 1: no line of a rejects file"),
    "replay of a format": (["normalize", "log.jsonl", "-o", "out", "--replay", "--from", "csv"], "leave out --from"),
    "resume of stdout": (["normalize", "log.jsonl", "--rejects", "r", "--resume"], "cannot be resumed: write to a file with -o"),
    "rejects that are kept": (["normalize", "log.jsonl", "-o", "out", "--on-error", "keep", "--rejects", "r"], "leave out --rejects"),
    "rejects that end the run": (["normalize", "log.jsonl", "-o", "out", "--on-error", "fail", "--rejects", "r"], "leave out --rejects"),
    "unknown way with errors": (["normalize", "log.jsonl", "-o", "out", "--on-error", "skip"], "'route', 'keep', 'fail'"),
    "manifest and none": (["normalize", "log.jsonl", "-o", "out", "--manifest", "m", "--no-manifest"], "exclude each other"),
    "manifest on stdout": (["normalize", "log.jsonl", "-o", "out", "--manifest", "-"], "name one with --manifest"),
    "rows and summary on stdout": (["normalize", "log.jsonl", "--rejects", "r", "--summary-json", "-"], "cannot both go to stdout"),
    "rejects and summary on stdout": (
        ["normalize", "log.jsonl", "-o", "out", "--rejects", "-", "--summary-json", "-"],
        "cannot both go to stdout",
    ),
    **{
        f"--max-bad {share}": (
            ["normalize", "log.jsonl", "-o", "out", "--max-bad", share],
            "a number of records, as 100, or a share of them, as 1%",
        )
        for share in ("many", "-1", "101%", "nan%", "-1%", "%", "1.5", "")
    },
    **{
        f"--checkpoint {size}": (["normalize", "log.jsonl", "-o", "out", "--checkpoint", size], "write a number of bytes, as 64MiB or 1GiB")
        for size in ("x", "-5", "1.5GiB", "64PB", "")
    },
    "too many checkpoints": (["normalize", "log.jsonl", "-o", "out", "--checkpoint", "10"], "give at least 4096 bytes"),
    "no jobs": (["normalize", "log.jsonl", "-o", "out", "--jobs", "0"], "0 is not in the range"),
    "jobs that are no number": (["normalize", "log.jsonl", "-o", "out", "-j", "many"], "'many'"),
    "unknown provider of records": (["normalize", "log.jsonl", "-o", "out", "-p", "acme"], "'acme': use one of heygen, liveavatar, heify"),
    "field without a name": (["normalize", "log.jsonl", "-o", "out", "--field", "status"], "write FIELD=NAME"),
    "field with an empty name": (["normalize", "log.jsonl", "-o", "out", "--field", "status="], "write FIELD=NAME"),
    "unknown field": (["normalize", "log.jsonl", "-o", "out", "--field", "code=x"], "FIELD one of provider, status, headers, body"),
    "path without a field": (["normalize", "log.jsonl", "-o", "out", "--map", "a.b"], "write FIELD=PATH"),
    "path of an unknown field": (
        ["normalize", "log.jsonl", "-o", "out", "--map", "code=a.b"],
        "FIELD one of provider, status, headers, body",
    ),
    "path with a hole": (["normalize", "log.jsonl", "-o", "out", "--map", "body=a..b"], "as body=response.body"),
    "no provider": (["explain", "400112"], "one of heygen, liveavatar, heify"),
    "unknown provider": (["explain", "400112", "-p", "acme"], "'acme': use one of heygen, liveavatar, heify"),
    "header without a colon": (["explain", "400112", "-p", "heygen", "-H", "x"], "write 'Name: value'"),
    "header without a name": (["explain", "400112", "-p", "heygen", "-H", ": x"], "write 'Name: value'"),
    "status that is none": (["explain", "400112", "-p", "heygen", "-s", "many"], "many"),
    "missing file to explain": (["explain", "gone.json", "-p", "heygen"], "there is no file gone.json"),
    "missing path to explain": (["explain", "a/b", "-p", "heygen"], "there is no file a/b"),
    "record that is none": (["explain", '{"provider": "heygen", "body": {}, "exception": 5}'], "exception is no text"),
    "too much to explain": (["explain", "1", "2"], "unexpected extra argument (2)"),
    "no code": (["lookup"], "Missing argument 'CODE'"),
    "unknown provider to look in": (["lookup", "1", "-p", "acme"], "'acme': use one of heygen, liveavatar, heify, layers"),
    "unknown catalog": (["catalog", "list", "acme"], "'acme': use one of heygen, liveavatar, heify, layers"),
    "unknown category": (["catalog", "list", "--category", "acme"], "'acme': use one of authentication, permission"),
    "unknown command of catalog": (["catalog", "nope"], "No such command 'nope'"),
    "option without its value": (["lookup", "1", "-p"], "requires an argument"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use(hhe: Run, folder: Path, arguments: list[str], message: str) -> None:
    """Wrong arguments of any kind give exit 2, a message on stderr that names them and what to do, nothing on stdout, and change no file."""
    (folder / "binary.yaml").write_bytes(b"kind: \xff\n")
    for name in ("sub", "full"):
        (folder / name).mkdir()
    for name in ("full/mine", "table"):
        (folder / name).write_text("mine\n")
    (folder / "link.jsonl").symlink_to("log.jsonl")
    before = _all_below(folder)
    result = hhe(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert before == _all_below(folder)


def _all_below(folder: Path) -> dict[Path, bytes | None]:
    """Everything below a folder: files with their bytes, folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# normalize


def test_normalize_to_a_file(hhe: Run, folder: Path) -> None:
    """Rows go to OUT, lines that are no records beside it, the summary to stderr, and the exit code is 1."""
    result = hhe("normalize", "log.jsonl", "-o", "out.jsonl")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "3 records = 2 written + 1 rejects; 1 failed, 1 were no error",
        "        1  authentication",
        "by provider: heygen 1",
        "could be retried: 0 of 1 (0 %); never 1",
        "who must act: account 1",
        "rules:",
        _rule_line("heygen", "UNAUTHORIZED"),
        "rejects by reason:",
        "        1  not JSON",
        "rows: out.jsonl",
        "rejects: out.jsonl.rejects.jsonl",
    ]
    rows = _rows((folder / "out.jsonl").read_text())
    assert [(row["provider"], row["error_name"]) for row in rows] == [("heygen", "UNAUTHORIZED"), ("heify", None)]
    assert [reject["line"] for reject in _rows((folder / "out.jsonl.rejects.jsonl").read_text())] == [3]
    ours = ["out.jsonl", "out.jsonl.manifest.json", "out.jsonl.rejects.jsonl"]
    assert sorted(path.name for path in folder.iterdir()) == ["good.jsonl", "log.jsonl", *ours]


def _rule_line(provider: str, name: str) -> str:
    """A rule in the summary, with its remedy cut to the width of a line."""
    line = f"        1  {provider}/{name}: {lookup(provider, name).remedy}"
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def test_normalize_without_rejects(hhe: Run, folder: Path) -> None:
    """Where every line is a record the exit code is 0 and no rejects file stays, not even one of an earlier run."""
    (folder / "out.jsonl.rejects.jsonl").write_text("old\n")
    result = hhe("normalize", "good.jsonl", "--output", "out.jsonl")
    assert result.code == 0
    assert "rejects: " not in result.err
    assert sorted(path.name for path in folder.iterdir()) == ["good.jsonl", "log.jsonl", "out.jsonl", "out.jsonl.manifest.json"]


def test_normalize_to_stdout(hhe: Run, folder: Path) -> None:
    """Without OUT only rows stand on stdout; the rejects go where they are told."""
    result = hhe("normalize", "log.jsonl", "--rejects", "bad.jsonl")
    assert result.code == 1
    assert [row["error_count"] for row in _rows(result.out)] == [1, 0]
    assert result.err.splitlines()[0] == "3 records = 2 written + 1 rejects; 1 failed, 1 were no error"
    assert len(_rows((folder / "bad.jsonl").read_text())) == 1
    assert hhe("normalize", "log.jsonl", "-o", "-", "--rejects", "bad.jsonl").out == result.out


def test_normalize_rejects_to_stdout(hhe: Run, folder: Path) -> None:
    """Rejects can go to stdout where the rows go to a file."""
    result = hhe("normalize", "log.jsonl", "-o", "out.jsonl", "--rejects", "-")
    assert result.code == 1
    assert [reject["line"] for reject in _rows(result.out)] == [3]
    assert len(_rows((folder / "out.jsonl").read_text())) == 2


def test_normalize_rejects_to_a_file_by_stdout(folder: Path) -> None:
    """Rejects on stdout go behind what is there already, also where stdout is a file."""
    with (folder / "kept.txt").open("ab") as kept:
        kept.write(b"mine\n")
        kept.flush()
        arguments = ["normalize", "log.jsonl", "-o", "out.jsonl", "--rejects", "-", "-q"]
        done = subprocess.run([*HHE, *arguments], stdout=kept, cwd=folder, timeout=60, check=False)
    first, *rejects = (folder / "kept.txt").read_text().splitlines()
    assert (done.returncode, first) == (1, "mine")
    assert [json.loads(reject)["line"] for reject in rejects] == [3]
    assert len(_rows((folder / "out.jsonl").read_text())) == 2


def test_normalize_stdin(hhe: Run, folder: Path) -> None:
    """- is stdin, also between files."""
    result = hhe("normalize", "good.jsonl", "-", "-o", "-", "--rejects", "bad", stdin=b'{"provider": "heygen", "status": 404}\nx\n')
    assert [row["error_category"] for row in _rows(result.out)] == ["authentication", None, "not_found"]
    assert [(reject["file"], reject["line"]) for reject in _rows((folder / "bad").read_text())] == [("-", 2)]


def test_normalize_globs(hhe: Run, folder: Path) -> None:
    """Quoted globs are expanded in order of name, ** goes into folders, and a file that is named twice is read once."""
    (folder / "sub" / "deep").mkdir(parents=True)
    for name, status in (("b.log", 404), ("a.log", 402), ("sub/c.log", 429), ("sub/deep/d.log", 500)):
        (folder / name).write_text(f'{{"provider": "heygen", "status": {status}}}\n')
    for given, statuses in ((["*.log"], [402, 404]), (["**/*.log"], [402, 404, 429, 500]), (["b.log", "*.log", "a.log"], [404, 402])):
        result = hhe("normalize", *given, "--rejects", "bad", "-q")
        assert [row["error_status"] for row in _rows(result.out)] == statuses


def test_normalize_names_with_glob_signs(hhe: Run, folder: Path) -> None:
    """A file whose name looks like a glob is read by its name."""
    (folder / "a[1].jsonl").write_text('{"provider": "heygen", "status": 404}\n')
    assert len(_rows(hhe("normalize", "a[1].jsonl", "--rejects", "bad").out)) == 1


def test_normalize_a_pipe(hhe: Run, folder: Path) -> None:
    """A pipe can be named like a file, as a shell's <(...) does."""
    reading, writing = os.pipe()
    os.write(writing, b'{"provider": "heygen", "status": 404}\n')
    os.close(writing)
    result = hhe("normalize", f"/dev/fd/{reading}", "--rejects", "bad")
    os.close(reading)
    assert result.code == 0
    assert len(_rows(result.out)) == 1


def test_normalize_into_a_pipe(hhe: Run, folder: Path) -> None:
    """A pipe or device that is named for rejects is written to and never removed, whether there are rejects or not."""
    os.mkfifo("pipe")
    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert hhe("normalize", "log.jsonl", "-o", "out", "--rejects", "pipe").code == 1
    assert len(_rows(os.read(reading, 65536).decode())) == 1
    assert hhe("normalize", "good.jsonl", "-o", "out", "--rejects", "pipe").code == 0
    os.close(reading)
    assert Path("pipe").is_fifo()


def test_normalize_quietly(hhe: Run, folder: Path) -> None:
    """-q and --quiet leave stderr empty."""
    for flag in ("-q", "--quiet"):
        assert hhe("normalize", "log.jsonl", "-o", "out", flag).err == ""


def test_normalize_with_a_default_provider(hhe: Run, folder: Path) -> None:
    """-p and --provider stand for the provider of records that name none, not of those that do."""
    text = b'{"status": 403}\n{"status": 403, "provider": "heygen"}\n{"status": 403, "provider": ""}\n'
    for flag in ("-p", "--provider"):
        rows = _rows(hhe("normalize", "-", "--rejects", "bad", flag, "heify", stdin=text).out)
        assert [row["error_rule"] for row in rows] == ["heify/status:403", "heygen/status:403", "heify/status:403"]


def test_normalize_with_options_of_records(hhe: Run, folder: Path) -> None:
    """--keep, --explode, --prefix and --field reach the records."""
    body = {"data": {"videos": [{"video_id": "1", "status": "failed"}, {"video_id": "2", "status": "failed"}]}}
    text = json.dumps({"who": "heygen", "http": 200, "body": body, "url": "/v1/video.list"}).encode()
    plain = _rows(hhe("normalize", "-", "--rejects", "bad", "--field", "provider=who", "--field", "status=http", stdin=text).out)
    assert [(row["error_count"], "body" in row, "url" in row) for row in plain] == [(2, False, False)]
    arguments = ["--field", "provider=who", "--field", "status=http", "--keep", "--explode", "--prefix", "my_"]
    result = hhe("normalize", "-", "--rejects", "bad", *arguments, stdin=text)
    rows = _rows(result.out)
    assert [(row["my_error_resource"], row["my_error_count"], row["body"]) for row in rows] == [
        ('{"video_id": "1"}', 2, body),
        ('{"video_id": "2"}', 2, body),
    ]
    assert result.err.splitlines()[0] == "1 record = 1 written + 0 rejects; 1 failed, 0 were no error; 2 rows"


def test_normalize_counts_blank_lines(hhe: Run, folder: Path) -> None:
    """The summary tells the blank lines."""
    result = hhe("normalize", "-", "-p", "heygen", "--rejects", "bad", stdin=b'\n{"status": 200}\n  \n')
    assert result.err.splitlines()[0] == "1 record = 1 written + 0 rejects; 0 failed, 1 were no error; 2 blank lines"


def test_normalize_clash(hhe: Run, folder: Path) -> None:
    """An input column with the name of an output column is wrong use, named with file and line, and leaves the old output as it was."""
    (folder / "bad.jsonl").write_text('{"provider": "heygen", "status": 404}\n{"provider": "heygen", "error_code": 1}\n')
    (folder / "out.jsonl").write_text("old\n")
    result = hhe("normalize", "bad.jsonl", "-o", "out.jsonl")
    assert (result.code, result.out) == (2, "")
    assert "bad.jsonl, line 2: " in result.err
    assert "'error_code'" in result.err
    assert "--prefix" in result.err
    assert (folder / "out.jsonl").read_text() == "old\n"
    assert sorted(path.name for path in folder.iterdir()) == ["bad.jsonl", "good.jsonl", "log.jsonl", "out.jsonl"]
    assert hhe("normalize", "bad.jsonl", "-o", "out.jsonl", "--prefix", "x_").code == 0


def test_normalize_with_a_catalog(hhe: Run, folder: Path, mine: str) -> None:
    """--catalog lays a file over the shipped catalogs for every command."""
    text = b'{"provider": "heygen", "status": 400, "body": {"code": 900001}}\n'
    assert _rows(hhe("--catalog", mine, "normalize", "-", "--rejects", "bad", stdin=text).out)[0]["error_rule"] == "heygen/MY_ERROR@mine"
    assert _rows(hhe("normalize", "-", "--rejects", "bad", stdin=text).out)[0]["error_rule"] == "heygen/status:400"


def test_the_columns_stand_in_order(hhe: Run, folder: Path) -> None:
    """Output columns stand behind the input's in the documented order."""
    row = json.loads(hhe("normalize", "good.jsonl", "--rejects", "bad").lines[0])
    assert list(row) == ["provider", "status", *COLUMNS]


# explain


def test_explain_a_code(hhe: Run) -> None:
    """A code by itself is explained as the vendors would send it."""
    result = hhe("explain", "400112", "--provider", "heygen")
    assert (result.code, result.err) == (0, "")
    assert "  rule heygen/UNAUTHORIZED, matched by code" in result.lines
    for code, provider, rule in (
        ("insufficient_credit", "heygen", "INSUFFICIENT_CREDIT"),
        ("voice_not_found", "heygen", "VOICE_NOT_FOUND"),
    ):
        assert f"  rule {provider}/{rule}, matched by code" in hhe("explain", code, "-p", provider).lines


def test_explain_a_message(hhe: Run) -> None:
    """Words are explained as a message."""
    lines = hhe("explain", "Missing required field: name", "-p", "heify", "-s", "400").lines
    assert "  rule heify/MISSING_FIELD, matched by message" in lines


def test_explain_a_body_with_all_options(hhe: Run) -> None:
    """A body with status, headers, URL and method is explained as that response."""
    arguments = [
        "-s",
        "429",
        "-H",
        "Retry-After: 7",
        "--header",
        "x-request-id:r1",
        "--url",
        "https://api.heygen.com/v3/videos",
        "-X",
        "POST",
    ]
    result = hhe("explain", '{"code": 400112}', *arguments)
    headers = {"Retry-After": "7", "x-request-id": "r1"}
    expected = explain(Observation(None, 429, headers, '{"code": 400112}', "POST", "https://api.heygen.com/v3/videos"))
    assert result.out == f"{expected}\n"
    assert "retry never, not before 7 s" in result.out


def test_explain_with_long_options(hhe: Run) -> None:
    """--status and --method are -s and -X."""
    short = hhe("explain", BODY, "-p", "heygen", "-s", "401", "-X", "GET", "--url", "/x")
    assert hhe("explain", BODY, "--provider", "heygen", "--status", "401", "--method", "GET", "--url", "/x") == short
    assert "  request GET /x" in short.lines


@pytest.mark.parametrize(
    ("provider", "body"),
    [("heygen", BODY), ("heify", "[1]"), ("heify", "<Error><Code>SlowDown</Code></Error>"), ("heify", '"text"'), ("heify", "a\nb")],
)
def test_explain_reads_bodies_of_any_kind(hhe: Run, provider: str, body: str) -> None:
    """JSON, XML and text of several lines are bodies, from the command line, a file and stdin alike."""
    expected = f"{explain(Observation(provider, 503, None, body))}\n"
    assert hhe("explain", body, "-p", provider, "-s", "503").out == expected
    assert hhe("explain", "-", "-p", provider, "-s", "503", stdin=body.encode()).out == expected
    assert hhe("explain", "-p", provider, "-s", "503", stdin=body.encode()).out == expected


def test_explain_a_file(hhe: Run, folder: Path) -> None:
    """The name of a file stands for the body in it."""
    (folder / "body.json").write_text(BODY)
    assert hhe("explain", "body.json", "-p", "heygen", "-s", "401").out == f"{explain(REFUSED)}\n"


@pytest.mark.parametrize("place", ["argument", "file", "stdin"])
def test_explain_a_record(hhe: Run, folder: Path, place: str) -> None:
    """A record as normalize takes it is explained with its own provider and status; --provider outranks the former."""
    text = json.dumps({"provider": "heygen", "status": 401, "body": BODY, "more": 1})
    (folder / "record.json").write_text(text)
    what = {"argument": text, "file": "record.json", "stdin": "-"}[place]
    assert hhe("explain", what, stdin=text.encode()).out == f"{explain(REFUSED)}\n"
    other = explain(Observation("heify", 401, None, BODY))
    assert hhe("explain", what, "-p", "heify", stdin=text.encode()).out == f"{other}\n"


def test_explain_an_exception(hhe: Run) -> None:
    """--exception is explained instead of a body, also in a record."""
    told = "requests.exceptions.ReadTimeout: timed out"
    expected = f"{explain(Observation('heify', exception=told))}\n"
    assert hhe("explain", "--exception", told, "-p", "heify").out == expected
    assert hhe("explain", json.dumps({"provider": "heify", "exception": told})).out == expected


def test_explain_as_json(hhe: Run) -> None:
    """--json gives the explanation as JSON, with the errors as ErrorInfo.to_dict gives them."""
    result = hhe("explain", BODY, "-p", "heygen", "-s", "401", "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json == explain(REFUSED).to_dict()
    info = normalize(REFUSED)
    assert info is not None
    assert result.json["errors"] == [info.to_dict()]


def test_explain_with_a_catalog(hhe: Run, mine: str) -> None:
    """An overlay's rule is explained as such."""
    assert "  rule heygen/MY_ERROR@mine, matched by code" in hhe("--catalog", mine, "explain", "900001", "-p", "heygen").lines


def test_explain_no_error(hhe: Run) -> None:
    """A success is explained as none, which is no problem."""
    result = hhe("explain", '{"code": 100, "data": null}', "-p", "heygen", "-s", "200")
    assert (result.code, result.lines[-1]) == (0, "  no error: normalize gives None")


def test_vendor_text_is_escaped(hhe: Run) -> None:
    """Control characters, ANSI and bidi marks of the vendor's text reach no terminal: they are shown as escapes."""
    body = json.dumps({"code": "x\x1b[31m", "message": "a\x1b]0;t\x07b\u202ec\x9b1m\r\nd"})
    out = hhe("explain", body, "-p", "heygen", "-s", "400").out
    assert [char for char in out if not char.isprintable() and char != "\n"] == []
    assert "a\\x1b]0;t\\x07b\\u202ec\\x9b1m\\r\\nd" in out


# lookup


def test_lookup(hhe: Run) -> None:
    """A code is looked up and shown as lines of name, tab and value where no person reads."""
    result = hhe("lookup", "40010", "--provider", "heygen")
    entry = lookup("heygen", "40010")
    facts = dict(line.split("\t") for line in result.lines)
    assert (result.code, result.err) == (0, "")
    assert facts == {
        "rule": "heygen/VIDEO_FORMAT_NOT_SUPPORTED",
        "codes": "40010, VIDEO_FORMAT_NOT_SUPPORTED, video_format_not_supported",
        "message": "Video format not supported",
        "detail": "Unsupported video format",
        "category": "invalid_media",
        "fault": "caller",
        "retry": "never",
        "summary": entry.summary,
        "remedy": entry.remedy,
        "#plan": f"plan: {entry.refinements[0].summary}",
        "evidence": f"documented: {'; '.join(entry.source)}",
    }


def test_lookup_everywhere(hhe: Run) -> None:
    """Without a provider every catalog answers that knows the code, separated by blank lines."""
    assert [line for line in hhe("lookup", "404").lines if line.startswith("rule") or not line] == [
        "rule\theygen/status:404",
        "",
        "rule\tliveavatar/status:404",
        "",
        "rule\theify/status:404",
    ]
    assert [line for line in hhe("lookup", "SlowDown").lines if line.startswith("rule") or not line] == ["rule\tlayers/S3_SLOW_DOWN"]


def test_lookup_as_json(hhe: Run) -> None:
    """--json gives one entry as object where a provider is named, else the entries of all catalogs as array."""
    assert hhe("lookup", "40010", "-p", "heygen", "--json").json == lookup("heygen", "40010").to_dict()
    assert hhe("lookup", "40010", "--json").json == [lookup("heygen", "40010").to_dict()]


def test_lookup_of_what_is_not_there(hhe: Run) -> None:
    """A code that no catalog lists is exit 1 with nothing on stdout and the nearest codes on stderr."""
    result = hhe("lookup", "insufficent_credit", "-p", "heygen")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("no code or name 'insufficent_credit' in the catalog of heygen; the nearest are insufficient_credit")
    assert len(hhe("lookup", "insufficent_credit").err.splitlines()) == 4


def test_lookup_with_a_catalog(hhe: Run, mine: str) -> None:
    """An overlay's entry is found."""
    assert hhe("--catalog", mine, "lookup", "900001").lines[0] == "rule\theygen/MY_ERROR@mine"
    assert hhe("lookup", "900001").code == 1


# catalog


def test_catalog_list(hhe: Run) -> None:
    """Every entry is a line of five tab-separated columns; the count and the version stand on stderr."""
    result = hhe("catalog", "list")
    entries = Catalogs.load().entries()
    assert result.code == 0
    assert result.err == f"{len(entries)} entries, catalogs {Catalogs.load().version}\n"
    rows = [line.split("\t") for line in result.lines]
    assert {len(row) for row in rows} == {5}
    assert [row[0] for row in rows] == [entry.rule for entry in entries]
    assert ["heygen/INVALID_VIDEO_ID", "invalid_request", "40031", "never", "Invalid video id"] in rows


@pytest.mark.parametrize("name", ["heygen", "liveavatar", "heify", "layers"])
def test_catalog_list_of_one(hhe: Run, name: str) -> None:
    """A name lists that catalog alone; a category its entries alone; --json as objects."""
    entries = Catalogs.load().entries(name)
    assert [line.split("\t")[0] for line in hhe("catalog", "list", name).lines] == [entry.rule for entry in entries]
    result = hhe("catalog", "list", name, "--category", "server", "--json")
    assert result.json == [entry.to_dict() for entry in entries if entry.category.value == "server"]


def test_catalog_list_of_facts(hhe: Run) -> None:
    """--endpoints and --limits list those instead, as lines or JSON."""
    lines = hhe("catalog", "list", "heify", "--endpoints").lines
    assert "heify\tPOST\t/analytics\tspends\t\t12\t5\t2\t30\t" in lines
    told = hhe("catalog", "list", "heify", "--endpoints", "--json").json
    assert len(told) == len(lines)
    assert {
        "provider": "heify",
        "method": "POST",
        "path": "/analytics",
        "effect": "spends",
        "idempotency": None,
        "min_wait": 12,
        "rate_per_minute": 5,
        "burst": 2,
        "monthly_quota": 30,
        "job": None,
    } in told
    jobs = hhe("catalog", "list", "heygen", "--endpoints", "--json").json
    assert {(one["method"], one["path"]): one["job"] for one in jobs if one["path"].startswith("/v3/videos")} == {
        ("GET", "/v3/videos"): None,
        ("POST", "/v3/videos"): "starts",
        ("POST", "/v3/videos/batches"): "starts",
        ("GET", "/v3/videos/batches/{batch_id}"): None,
        ("GET", "/v3/videos/statuses"): None,
        ("DELETE", "/v3/videos/{video_id}"): "ends",
        ("GET", "/v3/videos/{video_id}"): None,
    }
    limits = hhe("catalog", "list", "--limits", "--json").json
    assert {limit["provider"] for limit in limits} <= set(Catalogs.load().providers)
    assert {tuple(limit) for limit in limits} == {("provider", "name", "value", "unit", "note")}
    assert [line.split("\t")[:2] for line in hhe("catalog", "list", "--limits").lines] == [
        [limit["provider"], limit["name"]] for limit in limits
    ]


@pytest.mark.parametrize(
    "arguments",
    [["lookup", "900001"], ["explain", "900001", "-p", "heygen"], ["catalog", "list", "heygen"]],
    ids=lambda arguments: arguments[0],
)
def test_a_catalog_is_taken_before_and_behind_the_command(hhe: Run, mine: str, arguments: list[str]) -> None:
    """--catalog means the same in front of the command's name and behind it."""
    assert "heygen/MY_ERROR@mine" in hhe(*arguments, "--catalog", mine).out
    assert hhe(*arguments, "--catalog", mine) == hhe("--catalog", mine, *arguments)


def test_catalog_list_with_a_catalog(hhe: Run, mine: str) -> None:
    """An overlay's entries are listed with the others."""
    assert "heygen/MY_ERROR@mine\tconflict\t900001\tnever\t" in hhe("--catalog", mine, "catalog", "list", "heygen").lines


def test_what_programs_read_is_one_line_each(hhe: Run, tmp_path: Path, entry: Entry, overlay: Overlay) -> None:
    """Tabs and line breaks in a user's texts break no line and make no column of their own."""
    row = entry(message="one\ttwo\nthree", summary="One.\nTwo.\tThree.")
    (tmp_path / "mine.yaml").write_text(overlay(row), encoding="utf-8")
    lines = hhe("--catalog", tmp_path / "mine.yaml", "catalog", "list", "heygen").lines
    assert {line.count("\t") for line in lines} == {4}
    lines = hhe("--catalog", tmp_path / "mine.yaml", "lookup", "MY_ERROR").lines
    assert {line.count("\t") for line in lines} == {1}


def test_catalog_lint(hhe: Run) -> None:
    """The shipped catalogs have no problems."""
    assert hhe("catalog", "lint") == hhe("catalog", "lint")
    assert (hhe("catalog", "lint").code, hhe("catalog", "lint").out, hhe("catalog", "lint").err) == (0, "", "no problems\n")
    assert hhe("catalog", "lint", "--json").json == []


def test_catalog_lint_of_a_good_file(hhe: Run, mine: str) -> None:
    """A file without problems is exit 0."""
    assert (hhe("catalog", "lint", mine).code, hhe("catalog", "lint", mine).err) == (0, "no problems\n")


def test_catalog_lint_of_a_bad_file(hhe: Run, folder: Path, mine: str) -> None:
    """A problem is printed as file:line, problem and remedy on stdout and makes the exit code 1; --json gives its parts."""
    text = Path(mine).read_text(encoding="utf-8")
    (folder / "bad.yaml").write_text(
        text.replace('"id": "mine"', '"id": "bad"')
        .replace("MY_ERROR", "OTHER")
        .replace("conflict", "conflicts")
        .replace("900001", "900002")
    )
    result = hhe("catalog", "lint", mine, "bad.yaml")
    assert (result.code, result.err) == (1, "1 problem\n")
    assert result.lines[0] == "bad.yaml:2: 'conflicts' is no category @ $.entries[0].category"
    assert result.lines[1].startswith("    Did you mean conflict?")
    told = hhe("catalog", "lint", mine, "bad.yaml", "--json")
    assert told.code == 1
    assert told.json == [
        {
            "file": "bad.yaml",
            "line": 2,
            "path": "$.entries[0].category",
            "problem": "'conflicts' is no category",
            "remedy": result.lines[1].strip(),
        }
    ]
    both = hhe("catalog", "lint", "bad.yaml", "gone.yaml")
    assert (both.code, both.err) == (1, "2 problems\n")
    assert both.lines[2] == "gone.yaml:1: cannot be read: No such file or directory @ $"


# Terminals.


def _in_terminal(*arguments: str, stdin: bytes | None = None, **environment: str) -> tuple[int, str]:
    """Exit code and what a terminal of 100 columns was sent."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [*HHE, *arguments],
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(terminal)
    assert process.stdin is not None
    process.stdin.write(stdin or b"")
    process.stdin.close()
    shown = b"".join(_chunks(controller))
    os.close(controller)
    return process.wait(60), shown.decode().replace("\r\n", "\n")


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # the terminal's other end was closed
                raise
            return
        if not chunk:
            return
        yield chunk


_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_a_person_gets_a_table() -> None:
    """In a terminal a list is a table with a head and no line wider than the terminal."""
    code, shown = _in_terminal("catalog", "list", "heygen", "--category", "plan")
    lines = _ESCAPE.sub("", shown).splitlines()
    assert code == 0
    assert "\t" not in shown
    assert [word for word in ("rule", "category", "codes", "retry", "message") if not any(word in line for line in lines[:3])] == []
    assert max(map(len, lines)) <= 100
    assert "TIER_NOT_SUPPORT" in shown


def test_a_person_gets_facts_as_a_table() -> None:
    """In a terminal an entry is shown as aligned facts, with its fault in colour."""
    code, shown = _in_terminal("lookup", "400112", "-p", "heygen")
    lines = _ESCAPE.sub("", shown).splitlines()
    assert code == 0
    assert re.fullmatch(r"rule\s+heygen/UNAUTHORIZED\s*", lines[0])
    assert max(map(len, lines)) <= 100
    assert _COLOUR.search(shown)
    assert "\t" not in shown


def test_a_person_gets_an_explanation() -> None:
    """In a terminal an explanation says the same as in a pipe, with its remedy in colour."""
    code, shown = _in_terminal("explain", "-", "-p", "heygen", "-s", "401", stdin=BODY.encode())
    assert code == 0
    assert _ESCAPE.sub("", shown).split() == str(explain(REFUSED)).split()
    assert _COLOUR.search(shown)


@pytest.mark.parametrize("arguments", [("lookup", "400112", "-p", "heygen"), ("explain", BODY, "-p", "heygen", "-s", "401")])
def test_no_color(arguments: tuple[str, ...]) -> None:
    """With NO_COLOR a terminal gets no colours."""
    _, coloured = _in_terminal(*arguments)
    _, plain = _in_terminal(*arguments, NO_COLOR="1")
    assert _COLOUR.search(coloured)
    assert not _COLOUR.search(plain)
    assert _ESCAPE.sub("", plain) == _ESCAPE.sub("", coloured)


def test_json_in_a_terminal() -> None:
    """--json is JSON in a terminal, too."""
    code, shown = _in_terminal("lookup", "400112", "-p", "heygen", "--json")
    assert code == 0
    assert json.loads(shown) == lookup("heygen", "400112").to_dict()


def test_vendor_markup_is_no_markup() -> None:
    """Words in square brackets in the vendor's text are shown as they are, not taken for markup."""
    _, shown = _in_terminal("explain", '{"message": "[red]boo[/red] :smile: [link=x]y"}', "-p", "heygen", "-s", "400")
    assert "[red]boo[/red] :smile: [link=x]y" in _ESCAPE.sub("", shown)


def test_a_person_is_told_what_is_waited_for() -> None:
    """When stdin is a terminal, stderr says that the body is read from it; an interrupt there is exit 130 without a traceback."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([*HHE, "explain", "-p", "heygen"], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(terminal)
    assert process.stderr is not None
    assert process.stdout is not None
    assert process.stderr.readline() == b"reading the body from the terminal, end with Ctrl-D\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    os.close(controller)
    assert (process.returncode, out, err.strip()) == (130, b"", b"interrupted")


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """An interrupt in the middle of a log that cannot be read again is exit 130, keeps the old output and leaves nothing else."""
    (tmp_path / "out.jsonl").write_text("old\n")
    process = subprocess.Popen(
        [*HHE, "normalize", "-", "-o", "out.jsonl", "--rejects", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdin is not None
    process.stdin.write(b"nonsense\n" * 20_000)  # more than a pipe holds: it is being read
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, b"", b"interrupted")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "old\n"


# Pipes and encodings.

SHOWING = {
    "short": (["lookup", "400112"], b""),
    "long": (["catalog", "list"], b""),
    "json": (["catalog", "list", "--json"], b""),
    "explanation": (["explain", BODY, "-p", "heygen"], b""),
    "rows": (["normalize", "-", "-q", "--rejects", os.devnull + "x"], b'{"provider": "heygen", "status": 400}\n' * 20_000),
    "help": (["--help"], b""),
}


@pytest.mark.parametrize(("arguments", "stdin"), SHOWING.values(), ids=SHOWING)
def test_a_closed_pipe_is_quiet(arguments: list[str], stdin: bytes, tmp_path: Path) -> None:
    """When the reader of stdout has gone, as head does, the command ends without a word and without an error."""
    arguments = [str(tmp_path / "rejects") if argument.startswith(os.devnull) else argument for argument in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*HHE, *arguments], input=stdin, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    talk = [line for line in done.stderr.decode().splitlines() if not re.fullmatch(r"\d+ entries, catalogs \S+", line)]
    assert (talk, done.returncode) == ([], 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(("arguments", "stdin"), SHOWING.values(), ids=SHOWING)
def test_a_full_disk_is_told(arguments: list[str], stdin: bytes, tmp_path: Path) -> None:
    """When stdout cannot be written, a message says why, without a traceback."""
    arguments = [str(tmp_path / "rejects") if argument.startswith(os.devnull) else argument for argument in arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*HHE, *arguments], input=stdin, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode != 0
    assert "No space left on device" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["catalog", "list"],
        ["catalog", "list", "--json"],
        ["catalog", "list", "--limits"],
        ["lookup", "400112"],
        ["explain", '{"code": 40010, "message": "pä…漢"}', "-p", "heygen", "-s", "400"],
        ["explain", "漢", "-p", "heygen"],
    ],
)
def test_a_terminal_that_knows_few_letters(hhe_process: Run, arguments: list[str], encoding: str) -> None:
    """Where stdout cannot take a letter it is replaced or escaped; the command does not fail."""
    result = hhe_process(*arguments, PYTHONIOENCODING=encoding)
    assert "Traceback" not in result.err
    assert result.code == 0


# Missing libraries.

WITHOUT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={missing!r})
        return None
sys.meta_path.insert(0, Finder())
from heify_heygen_errors.cli import main
raise SystemExit(main(["lookup", "400112"]))
"""


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_a_missing_library_names_the_command_that_installs_it(missing: str) -> None:
    """Without click or rich the command says what is missing and how pip installs it, without a traceback."""
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(missing=missing)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"hhe needs {missing}: pip install 'heify-heygen-errors[cli]'\n"


def test_another_missing_library_is_not_hidden() -> None:
    """A library that is missing for another reason is reported as what it is."""
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(missing="attrs")], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'attrs'" in done.stderr


def test_main_takes_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """The entry point gives the exit code back instead of leaving the process."""
    assert main(["lookup", "40031", "-p", "heygen"]) == 0
    assert capsys.readouterr().out.startswith("rule\theygen/INVALID_VIDEO_ID\n")
    assert main(["lookup", "nonsense"]) == 1
    assert main(["nonsense"]) == 2
