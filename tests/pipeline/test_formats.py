"""Every format in and out of the command: the same values, the types of what passes through, and files, folders, globs and pipes."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard
from command_runs import command, content, log

from heify_heygen_errors.records import COLUMNS, RecordNormalizer, RecordOptions

Run = Callable[..., Any]

RECORDS: list[dict[str, Any]] = [
    {"provider": "heygen", "status": 401, "body": '{"code":400112,"message":"Unauthorized"}'},
    {
        "provider": "heygen",
        "status": 429,
        "headers": '{"Retry-After":"7.5","x-request-id":"r1"}',
        "body": '{"error":{"code":"rate_limit_exceeded"}}',
    },
    {
        "provider": "heygen",
        "status": 200,
        "body": '{"data":{"items":[{"status":"failed","video_id":"v1"},{"status":"failed","video_id":"v2"}]}}',
    },
    {"provider": "heify", "status": 503, "body": "<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>"},
    {"provider": "heify", "status": 402, "body": '{"error":{"message":"Insufficient transcription minutes","code":402}}'},
    {"provider": "heify", "status": 200, "body": '{"ok":true}'},
    {"provider": "heify"},
    {"provider": "heygen", "exception": "requests.exceptions.ReadTimeout: timed out", "method": "POST"},
    {"provider": "liveavatar", "status": 403, "body": '{"code":4003,"message":"Not, \\"quoted\\"\\nwith lines, ä and \U0001f600"}'},
    {"status": 404, "url": "https://api.heygen.com/v3/videos/x"},
] * 3
FIELDS = ("provider", "status", "headers", "body", "method", "url", "exception")
MORE = {
    "id": list(range(30)),
    "text": ["a,b", '"q"', "x\ny", "", "ä\t|;", "=1+1"] * 5,
    "ms": [0.5, 1e300, -3.0] * 10,
    "ok": [True, False] * 15,
}
EXPECTED = [RecordNormalizer(RecordOptions()).rows(record)[0] for record in RECORDS]
PASSED = ("id", "provider", "status", "method", "exception", "text", "ms", "ok")


def _table() -> pa.Table:
    columns = {field: [record.get(field) for record in RECORDS] for field in FIELDS}
    return pa.table(columns | MORE)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _cells(delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    table = _table()
    writer.writerow(table.column_names)
    writer.writerows([_cell(value) for value in row.values()] for row in table.to_pylist())
    return text.getvalue().encode()


def _lines() -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in _table().to_pylist())


def _arrow(*, stream: bool) -> bytes:
    sink = io.BytesIO()
    table = _table()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(_table(), sink, row_group_size=11)
    return sink.getvalue()


def _feather() -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(_table(), sink, compression="zstd")
    return sink.getvalue()


INPUTS: dict[str, Callable[[], bytes]] = {
    "log.jsonl": _lines,
    "log.jsonl.gz": lambda: gzip.compress(_lines()),
    "log.jsonl.zst": lambda: zstandard.compress(_lines()),
    "log.csv": lambda: _cells(","),
    "semicolons.csv": lambda: _cells(";"),
    "log.csv.gz": lambda: gzip.compress(_cells(",")),
    "log.tsv": lambda: _cells("\t"),
    "log.tsv.zst": lambda: zstandard.compress(_cells("\t")),
    "log.parquet": _parquet,
    "log.parquet.gz": lambda: gzip.compress(_parquet()),
    "log.arrow": lambda: _arrow(stream=False),
    "log.arrows": lambda: _arrow(stream=True),
    "log.arrows.zst": lambda: zstandard.compress(_arrow(stream=True)),
    "log.feather": _feather,
}
OUTPUTS = ("jsonl", "csv", "tsv", "parquet", "arrow")


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of an output, whatever its format; of CSV and TSV as text."""
    kind = path.suffix[1:]
    if kind == "jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    if kind in ("csv", "tsv"):
        text = io.StringIO(path.read_bytes().decode(), newline="")
        return list(csv.DictReader(text, delimiter="\t" if kind == "tsv" else ","))
    return list(_read(path).to_pylist())


def _read(path: Path) -> pa.Table:
    return pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()


def _same(expected: object, actual: object) -> bool:
    """Whether a value is the expected one, or in a column of text its text."""
    if expected == actual:
        return type(expected) is type(actual)
    if not isinstance(actual, str):
        return actual is None and expected == ""  # an empty cell of CSV
    if isinstance(expected, bool):
        return actual == json.dumps(expected)
    if isinstance(expected, float):
        return float(actual) == expected
    return actual == ("" if expected is None else str(expected))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", INPUTS)
def test_every_format_in_and_out_has_the_same_values(hhe: Run, tmp_path: Path, name: str, output: str) -> None:
    """The columns hold what `normalize` says, and what passes through holds what came in, from every format to every format."""
    (tmp_path / name).write_bytes(INPUTS[name]())
    path = tmp_path / f"out.{output}"
    result = hhe("normalize", tmp_path / name, "-o", path, "--formulas", "--quiet", "--jobs", 1)
    assert (result.code, result.out, result.err) == (0, "", "")
    rows = _rows(path)
    assert len(rows) == len(RECORDS)
    assert list(rows[0])[-len(COLUMNS) :] == list(COLUMNS)
    assert sorted(set(rows[0]) - set(COLUMNS)) == sorted(PASSED)
    source = _table().to_pylist()
    wrong = [
        (number, column, expected, row[column])
        for number, row in enumerate(rows)
        for column, expected in [
            *((column, EXPECTED[number][column]) for column in COLUMNS),
            *((column, source[number][column]) for column in PASSED),
        ]
        if not _same(expected, row[column])
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst", "log.csv", "log.parquet", "log.arrow", "log.arrows"])
@pytest.mark.parametrize("output", ["jsonl", "parquet"])
def test_stdin_is_read_as_the_file_would_be(hhe: Run, tmp_path: Path, name: str, output: str) -> None:
    """What comes through a pipe is read as what it is; text that is no JSON Lines needs --from."""
    data = INPUTS[name]()
    (tmp_path / name).write_bytes(data)
    kind = ["--from", "csv"] if name.endswith("csv") else []
    assert hhe("normalize", tmp_path / name, "-o", tmp_path / f"file.{output}", "-q").code == 0
    assert hhe("normalize", "-", *kind, "-o", tmp_path / f"pipe.{output}", "-q", stdin=data).code == 0
    assert _rows(tmp_path / f"file.{output}") == _rows(tmp_path / f"pipe.{output}")


def test_content_goes_before_the_name(hhe: Run, tmp_path: Path) -> None:
    """Tables and compression are told by what is in a file, whatever its name says."""
    wrong = {"a.jsonl": "log.parquet", "b.jsonl": "log.jsonl.gz", "c.gz": "log.jsonl", "d.parquet": "log.arrow", "e.csv": "log.arrows"}
    for name, content_of in wrong.items():
        (tmp_path / name).write_bytes(INPUTS[content_of]())
        assert hhe("normalize", tmp_path / name, "-o", tmp_path / "out.jsonl", "-q").code == 0
        assert [row["error_rule"] for row in _rows(tmp_path / "out.jsonl")] == [row["error_rule"] for row in EXPECTED]


def test_several_formats_in_one_run(hhe: Run, tmp_path: Path) -> None:
    """Files of different formats make one output, in the order in which they are named."""
    names = ["log.parquet", "log.jsonl", "log.csv", "log.arrow"]
    for name in names:
        (tmp_path / name).write_bytes(INPUTS[name]())
    for output in OUTPUTS:
        path = tmp_path / f"out.{output}"
        assert hhe("normalize", *(tmp_path / name for name in names), "-o", path, "-q", "--formulas").code == 0
        rows = _rows(path)
        rules = [row["error_rule"] or None for row in rows]
        assert rules == [row["error_rule"] for row in EXPECTED] * 4
        assert [str(row["id"]) for row in rows] == [str(number) for number in MORE["id"]] * 4


def test_folders_and_globs(hhe: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is read with what lies below it, in the order of the paths, without what runs leave there; a glob as its shell would."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(
        ["logs/b/x.jsonl", "logs/a.csv", "logs/c.jsonl.1.gz", "logs/.hidden.jsonl", "logs/readme.md", "logs/z.jsonl.partial/x.jsonl"]
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f'{{"provider":"heygen","status":{400 + number}}}\n'.encode()
        text = f"provider,status\nheygen,{400 + number}\n".encode() if name.endswith("csv") else text
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    for given, expected in (
        (["logs"], [401, 400, 402]),
        (["logs/*.csv"], [401]),
        (["logs/**/*.jsonl"], [400]),
        (["logs/c*", "logs"], [402, 401, 400]),
    ):
        for _ in range(2):  # once more over what the first run wrote
            assert hhe("normalize", *given, "-o", "logs/out.jsonl", "-q").code == 0
            assert [row["error_status"] for row in _rows(tmp_path / "logs/out.jsonl")] == expected
            (tmp_path / "logs/out.jsonl").unlink()


def test_the_output_in_the_folder_that_is_read_is_no_input(hhe: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of output below the folder that is read is not read by the next run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.jsonl").write_bytes(_lines())
    for _ in range(2):
        result = hhe("normalize", ".", "-o", "out/")
        assert (result.code, result.err.splitlines()[0][:10]) == (0, "30 records")


# Types.

WHEN = dt.datetime(2026, 9, 14, 6, tzinfo=dt.UTC)
TYPED = pa.table(
    {
        "provider": pa.array(["heygen", "heify", None]),
        "status": pa.array([401, 402, None], pa.int16()),
        "when": pa.array([WHEN, None, WHEN], pa.timestamp("us", "UTC")),
        "naive": pa.array([0, 1, None], pa.timestamp("ns")),
        "day": pa.array([dt.date(2026, 9, 14), None, None]),
        "price": pa.array([Decimal("1.10"), Decimal("-99999999999999.99"), None], pa.decimal128(18, 2)),
        "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
        "place": pa.array([{"x": 1, "y": None}, {"x": None, "y": "b"}, None]),
        "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
        "raw": pa.array([b"\x00\xff", b"", None]),
        "big": pa.array([2**63, 0, None], pa.uint64()),
        "small": pa.array([1.5, None, float("inf")], pa.float32()),
        "flag": pa.array([True, False, None]),
        "took": pa.array([1, None, 3], pa.duration("ms")),
        "nothing": pa.nulls(3),
        "words": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "long": pa.array(["x", "", None], pa.large_string()),
    }
)


@pytest.mark.parametrize("output", ["parquet", "arrow"])
@pytest.mark.parametrize("name", ["log.parquet", "log.arrow"])
def test_types_pass_through(hhe: Run, tmp_path: Path, name: str, output: str) -> None:
    """Timestamps, decimals, lists, structs, maps and numbers of a table keep type and value, dictionaries in Parquet; nulls are text."""
    if name == "log.parquet":
        pq.write_table(TYPED, tmp_path / name)
        source = pq.read_table(tmp_path / name)
    else:
        with pa.ipc.new_file(tmp_path / name, TYPED.schema) as writer:
            writer.write_table(TYPED)
        source = TYPED
    path = tmp_path / f"out.{output}"
    assert hhe("normalize", tmp_path / name, "-o", path, "-q", "-p", "heygen").code == 0
    table = _read(path)
    assert table.column("error_status").to_pylist() == [401, 402, None]
    for field in source.schema:
        expected = pa.string() if pa.types.is_null(field.type) else field.type
        if output == "arrow" and pa.types.is_dictionary(expected):  # a file of Arrow has one dictionary per column, fixed
            expected = expected.value_type
        assert (field.name, expected) == (field.name, table.schema.field(field.name).type)
        assert source.column(field.name).to_pylist() == table.column(field.name).to_pylist()


@pytest.mark.parametrize("output", ["jsonl", "csv"])
def test_types_as_text(hhe: Run, tmp_path: Path, output: str) -> None:
    """In formats of text the same values are written out: ISO 8601, exact decimals, lists and structs as JSON."""
    pq.write_table(TYPED, tmp_path / "log.parquet")
    assert hhe("normalize", tmp_path / "log.parquet", "-o", tmp_path / f"out.{output}", "-q", "-p", "heygen").code == 0
    first, second, third = _rows(tmp_path / f"out.{output}")
    assert str(first["price"]) == "1.10" or first["price"] == 1.1
    assert first["when"].startswith("2026-09-14")
    assert (second["tags"], third["tags"]) in (([], None), ("[]", ""))
    assert str(first["big"]) == str(2**63)
    if output == "csv":
        assert json.loads(first["place"]) == {"x": 1, "y": None}
        assert {"", "inf", "Infinity"} >= {third["small"]}


# Options.


def test_formula_cells_are_escaped(hhe: Run, tmp_path: Path) -> None:
    """A text that a spreadsheet would run gets an apostrophe in CSV and TSV, in columns of the vendor and of the user; --formulas leaves it."""
    record = {"provider": "heygen", "status": 400, "body": {"message": "=cmd|' /C calc'!A0"}, "note": "@SUM(1)", "sum": -5, "fine": "a=b"}
    (tmp_path / "log.jsonl").write_text(json.dumps(record) + "\n")
    for kind in ("csv", "tsv"):
        out = tmp_path / f"out.{kind}"
        assert hhe("normalize", tmp_path / "log.jsonl", "-o", out, "-q").code == 0
        (row,) = _rows(out)
        assert (row["error_message"], row["note"], row["sum"], row["fine"]) == ("'=cmd|' /C calc'!A0", "'@SUM(1)", "-5", "a=b")
        assert hhe("normalize", tmp_path / "log.jsonl", "-o", out, "-q", "--formulas").code == 0
        (row,) = _rows(out)
        assert (row["error_message"], row["note"], row["sum"], row["fine"]) == ("=cmd|' /C calc'!A0", "@SUM(1)", "-5", "a=b")


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_negative_numbers_are_no_formulas(hhe: Run, tmp_path: Path, kind: str) -> None:
    """A cell that is a number as a whole stays one, also where all cells are text."""
    numbers = ["-3.5", "+4", "-1e5", "-0.0", "-7"]
    (tmp_path / "log.csv").write_text("provider,status,ms\n" + "".join(f"heygen,404,{number}\n" for number in numbers))
    assert hhe("normalize", tmp_path / "log.csv", "-o", tmp_path / f"out.{kind}", "-q").code == 0
    assert [row["ms"] for row in _rows(tmp_path / f"out.{kind}")] == numbers


@pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl", "csv"])
def test_partitions(hhe: Run, tmp_path: Path, kind: str) -> None:
    """Every row stands in the folder of its values, in the order of the input, in every format, and is there once."""
    (tmp_path / "log.jsonl").write_bytes(log(2000))
    arguments = ["-o", tmp_path / "parts", "--partition-by", "provider,error_category", "--format", kind, "-q"]
    assert hhe("normalize", tmp_path / "log.jsonl", *arguments).code == 1
    assert hhe("normalize", tmp_path / "log.jsonl", "-o", tmp_path / "all.jsonl", "-q").code == 1
    rows = _rows(tmp_path / "all.jsonl")
    expected: dict[str, list[str]] = {}
    for row in rows:
        category = row["error_category"] or "__HIVE_DEFAULT_PARTITION__"
        expected.setdefault(f"provider={row['provider']}/error_category={category}", []).append(str(row["id"]))
    found: dict[str, list[str]] = {}
    for file in sorted((tmp_path / "parts").rglob("part-*")):
        part = _rows(file)
        assert not {"provider", "error_category"} & set(part[0])
        found.setdefault(file.parent.relative_to(tmp_path / "parts").as_posix(), []).extend(str(row["id"]) for row in part)
    assert expected == found


def test_a_folder_of_output_is_replaced_if_it_is_ours(hhe: Run, tmp_path: Path) -> None:
    """A second run replaces the folder of the first as a whole; a folder with a file of the user's is left alone."""
    (tmp_path / "log.jsonl").write_bytes(_lines())
    (tmp_path / "two.jsonl").write_bytes(b"".join(_lines().splitlines(keepends=True)[:2]))
    arguments = ["-o", tmp_path / "out", "--partition-by", "provider", "-q"]
    assert hhe("normalize", tmp_path / "log.jsonl", *arguments).code == 0
    assert hhe("normalize", tmp_path / "two.jsonl", *arguments).code == 0
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == ["provider=heygen"]
    (tmp_path / "out/notes.txt").write_text("mine")
    before = content(tmp_path / "out")
    result = hhe("normalize", tmp_path / "log.jsonl", *arguments)
    assert result.code == 2
    assert "notes.txt" in result.err
    assert before == content(tmp_path / "out")


@pytest.mark.parametrize("name", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("output", ["jsonl", "parquet", "csv"])
def test_fields_in_nested_objects(hhe: Run, tmp_path: Path, name: str, output: str) -> None:
    """--map finds fields at a path, and what is left of the object passes through without what --keep would keep."""
    record = {"app": {"vendor": "heygen"}, "http": {"code": 401, "body": {"code": 400112}, "ms": 5}}
    path = tmp_path / f"log.{name}"
    if name == "jsonl":
        path.write_text(json.dumps(record) + "\n")
    else:
        table = pa.Table.from_pylist([record])
        pq.write_table(table, path) if name == "parquet" else pyarrow.feather.write_feather(table, path)
    arguments = [
        "--map",
        "provider=app.vendor",
        "--map",
        "status=http.code",
        "--map",
        "body=http.body",
        "-q",
        "-o",
        tmp_path / f"out.{output}",
    ]
    assert hhe("normalize", path, *arguments).code == 0
    (row,) = _rows(tmp_path / f"out.{output}")
    http = row["http"] if isinstance(row["http"], dict) else json.loads(row["http"])
    assert (row["error_name"], int(row["error_status"]), http) == ("UNAUTHORIZED", 401, {"code": 401, "ms": 5})
    assert hhe("normalize", path, *arguments, "--keep").code == 0
    (row,) = _rows(tmp_path / f"out.{output}")
    http = row["http"] if isinstance(row["http"], dict) else json.loads(row["http"])
    assert http == record["http"]


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_options_of_records_reach_every_format(hhe: Run, tmp_path: Path, name: str, output: str) -> None:
    """--explode, --keep and --prefix do in every format what they do for JSON Lines."""
    (tmp_path / name).write_bytes(INPUTS[name]())
    path = tmp_path / f"out.{output}"
    arguments = ["--explode", "--keep", "--prefix", "my_", "--formulas", "-q"]
    assert hhe("normalize", tmp_path / name, "-o", path, *arguments).code == 0
    rows = _rows(path)
    normalizer = RecordNormalizer(RecordOptions(explode=True, keep=True, prefix="my_"))
    expected = [row for record in RECORDS for row in normalizer.rows(record)]
    assert len(rows) == len(expected) == 33
    for column in ("my_error_rule", "my_error_resource", "my_error_count", "body", "url"):
        assert [
            (row.get(column), other[column]) for row, other in zip(expected, rows, strict=True) if not _same(row.get(column), other[column])
        ] == []


def test_names_of_fields_reach_every_format(hhe: Run, tmp_path: Path) -> None:
    """--field reads a column of another name, which then does not pass through if it is bulky."""
    table = _table().rename_columns({"body": "payload", "status": "http"})
    pq.write_table(table, tmp_path / "log.parquet")
    arguments = ["--field", "body=payload", "--field", "status=http", "-q"]
    assert hhe("normalize", tmp_path / "log.parquet", "-o", tmp_path / "out.parquet", *arguments).code == 0
    rows = _rows(tmp_path / "out.parquet")
    assert [row["error_rule"] for row in rows] == [row["error_rule"] for row in EXPECTED]
    assert not {"payload", "headers", "url"} & set(rows[0])
    assert "http" in rows[0]


# The number of processes.


@pytest.mark.parametrize("kind", OUTPUTS)
def test_the_output_does_not_depend_on_the_number_of_processes(tmp_path: Path, kind: str) -> None:
    """With 1, 2 and 3 processes output, rejects, summary and manifest are the same, byte for byte."""
    (tmp_path / "log.jsonl").write_bytes(log(3000))
    (tmp_path / "log.csv").write_bytes(_cells(","))
    (tmp_path / "log.parquet").write_bytes(_parquet())
    seen = []
    for jobs in (1, 2, 3):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        arguments = ["--jobs", str(jobs), "--checkpoint", "64KiB", "--summary-json", "summary.json"]
        done = command("../log.jsonl", "../log.csv", "../log.parquet", "-o", f"out.{kind}", *arguments, cwd=folder)
        assert (done.code, done.out) == (1, b"")
        found: dict[str, Any] = dict(content(folder))
        manifest = json.loads(found.pop(f"out.{kind}.manifest.json"))
        del manifest["run"]
        seen.append((done.err, found, manifest))
    assert seen[0] == seen[1] == seen[2]
