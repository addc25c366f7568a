"""The benchmark of the engines compares what can be compared: jobs that give the same answers. Nothing is timed here."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.bulk.processes import MEGABYTE, CommandError, Memory
from benchmarks.engines import limits, run
from benchmarks.engines.answers import KEY, DifferentAnswersError, answers_of, refuse_difference
from benchmarks.engines.inputs import DIFFERENT, FILES, LARGE, PASSED, SCHEMA, padded, parts_of, rows_in
from benchmarks.engines.jobs import JOBS, WITHOUT, Taken, processor_time

from heify_heygen_errors import Catalogs, normalize_arrow
from heify_heygen_errors.records import COLUMNS
from heify_heygen_errors.testing.logs import records

ROWS = 400
FRAMES = ("Spark", "Dask")
"""Those that are slow to start: they run once, in a test of their own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for rows and outputs."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def rows(folder):
    """Some rows of a log."""
    return rows_in(folder, "different", ROWS)


@pytest.fixture(scope="module")
def truth(rows):
    """What the kernel says of them, in this process."""
    judged = normalize_arrow(pq.read_table(rows))
    pq.write_table(judged, rows.parent / "truth.parquet")
    (rows.parent / "truth").mkdir()
    (rows.parent / "truth.parquet").rename(rows.parent / "truth" / "rows.parquet")
    return answers_of(rows.parent / "truth")


@pytest.mark.parametrize("name", [name for name in JOBS if name not in WITHOUT.values()])
def test_engines_say_what_the_kernel_says(name, rows, truth):
    """Each engine gives for every row what the kernel gives for it, in all columns, and tells its times apart."""
    taken = run.timed(run.command(name, rows, rows, 2), 2)
    refuse_difference(name, truth, answers_of(run.output_of(rows, name)))
    assert len(truth) == ROWS
    assert min(taken.start, taken.first, taken.again, taken.work) > 0
    if name == "Spark":
        assert taken.notes["exchanges"] == 0


@pytest.mark.parametrize("name", [name for engine, name in WITHOUT.items() if engine not in FRAMES])
def test_jobs_without_the_package_hand_rows_on(name, rows):
    """What an engine is measured with alone writes the columns that pass through of every row, and none of ours."""
    run.timed(run.command(name, rows, rows, 1), 1)
    written = pa.concat_tables([pq.read_table(file) for file in run.output_of(rows, name).glob("*.parquet")])
    read = pq.read_table(rows)
    assert set(written.column_names) - {"length"} == set(PASSED)
    assert written.sort_by(KEY).select(PASSED) == read.sort_by(KEY).select(PASSED)


def test_rows_are_those_of_the_log(rows):
    """The files hold the log's records in their order, objects as JSON text, in several files."""
    files = sorted(rows.glob("*.parquet"))
    found = pa.concat_tables([pq.read_table(file) for file in files])
    assert (len(files), found.schema, len(found)) == (FILES, SCHEMA, ROWS)
    for record, row in zip(records(ROWS, 1, DIFFERENT), found.to_pylist(), strict=True):
        for name, value in row.items():
            expected = record.get(name)
            assert expected == (json.loads(value) if isinstance(expected, dict) else value)


def test_rows_are_made_once(rows, folder, capsys):
    """Rows that are there are not made again."""
    assert (rows, "") == (rows_in(folder, "different", ROWS), capsys.readouterr().err)


def answers(*categories, rows="abc"):
    """What an engine said of some rows."""
    return pa.table({KEY: list(rows[: len(categories)]), "error_category": list(categories)})


def test_a_difference_is_told():
    """Other categories and missing rows are refused with the column and the row; null equals null."""
    refuse_difference("Spark", answers("server", None), answers("server", None))
    with pytest.raises(DifferentAnswersError, match="Spark: error_category of b is None instead of 'quota'"):
        refuse_difference("Spark", answers("server", "quota", "plan"), answers("server", None, "server"))
    with pytest.raises(DifferentAnswersError, match="Spark wrote 1 rows instead of 2"):
        refuse_difference("Spark", answers("server", "quota"), answers("server"))


def test_answers_do_not_depend_on_how_they_are_stored(tmp_path):
    """Dictionaries, large texts and other widths of numbers are the same answers; rows of several files come in one order."""
    folders = tmp_path / "one", tmp_path / "other"
    kinds = pa.dictionary(pa.int8(), pa.string()), pa.large_string()
    for place, kind, keys in zip(folders, kinds, (["a", "b"], ["b", "a"]), strict=True):
        place.mkdir()
        for key in keys:
            columns = {name: pa.nulls(1, pa.string()) for name in COLUMNS} | {KEY: pa.array([key])}
            columns |= {"error_category": pa.array([f"category of {key}"]).cast(kind)}
            columns |= {"error_status": pa.array([400], pa.int32() if place is folders[0] else pa.int64())}
            pq.write_table(pa.table(columns), place / f"{keys.index(key)}.parquet")
    one, other = map(answers_of, folders)
    assert one["error_category"].to_pylist() == ["category of a", "category of b"]
    refuse_difference("other", one, other)


def test_processor_time_counts_children():
    """The time of a process counts as soon as its parent has waited for it."""
    before = processor_time()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert processor_time() - before >= 0.25


def test_a_job_that_fails_is_told(rows):
    """A job that does not work ends the benchmark with its last words."""
    with pytest.raises(CommandError, match=r"pyarrow without ended with 1: .*Error"):
        run.timed(run.command("pyarrow without", rows / "nowhere", rows, 1), 1)


def row(name, cores, *work, cpu=1.0):
    """A job over a thousand rows that took so long."""
    rounds = tuple(Taken(1.0, 0.5, 0.25, seconds, cpu, {}) for seconds in work)
    return run.Row(name, cores, 1000, rounds, Memory(300 * MEGABYTE, 0, 200 * MEGABYTE, 3), 40 * MEGABYTE)


def test_speed_is_by_core():
    """Rows a second and core come from the round in the middle, and stand beside the kernel's and the engine's own time."""
    shown = run.show_race([row("kernel", 2, 1.0)._replace(memory=None), row("DuckDB", 2, 4.0, 1.0, 2.0), row("DuckDB without", 2, 0.5)])
    assert shown.splitlines()[2:] == [
        "| kernel | 500 | 100% | 1.00 (1.00) | - | 1,000 | 1.5 | 0.25 | - | - | - | 40 |",
        "| DuckDB | 250 | 50% | 2.00 (1.00) | 0.50 (0.50) | 1,000 | 1.5 | 0.25 | 300 | 200 | 3 | 40 |",
    ]


def test_scaling_is_by_core():
    """Twice the speed on twice the cores is all of it; the same speed is half."""
    shown = run.show_scaling({1: [row("kernel", 1, 2.0), row("Dask", 1, 2.0)], 2: [row("kernel", 2, 1.0), row("Dask", 2, 2.0)]})
    assert shown.splitlines()[2:] == ["| kernel | 500 | 1,000 | 100% |", "| Dask | 500 | 500 | 50% |"]


def test_command_prints_tables_and_writes_json(tmp_path, capsys):
    """The command makes its rows, compares the answers, prints the tables, and writes every figure to a file."""
    figures = tmp_path / "figures.json"
    run.main(
        [str(tmp_path), "--rows", "100", "--rounds", "1", "--cores", "1", "--log", "repeating", "--only", "DuckDB", "--json", str(figures)]
    )
    data = json.loads(figures.read_text(encoding="utf-8"))
    assert {"date", "machine", "python", "versions", "rows"} <= set(data)
    assert [one["name"] for one in data["repeating, 1"]] == ["kernel", "DuckDB", "DuckDB without"]
    assert [one["memory"] is not None for one in data["repeating, 1"]] == [True, True, False]
    assert all(one["speed"] > 0 for one in data["repeating, 1"])
    assert "| DuckDB | " in capsys.readouterr().out


def test_command_names_the_engines(tmp_path, capsys):
    """An engine that does not exist is wrong use."""
    with pytest.raises(SystemExit):
        run.main([str(tmp_path), "--only", "Flink"])
    assert "Flink is no engine: use some of kernel, hhe normalize, DuckDB" in capsys.readouterr().err


def test_limits_print_tables(monkeypatch, capsys):
    """The command prints how the kernel goes with larger bodies, other sizes of batch and larger catalogs."""
    monkeypatch.setattr(limits, "ENTRIES", (0, 3))
    monkeypatch.setattr(limits, "BODIES", (4096,))
    monkeypatch.setattr(limits, "BATCHES", (10,))
    limits.main(["--rows", "30", "--only", "bodies", "--only", "batches", "--only", "catalogs"])
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("## ")] == ["## Bodies", "## Batches", "## Catalogs"]
    assert "\n| 3 | " in shown


def test_overlays_of_the_limits_are_catalogs():
    """Each entry laid over the shipped catalogs is one."""
    catalogs = Catalogs.from_texts({"many.yaml": limits.overlay(7)})
    assert sum(name.startswith("OURS_") for name in catalogs.space("heygen").entries) == 7


def test_padded_bodies_are_as_long_as_they_are_said_to_be():
    """Bodies that are JSON objects are longer by what was asked for, and stay the log's in all else."""
    plain, longer = (next(parts_of(padded(records(200, 3, DIFFERENT), more, 3), 200))["body"].to_pylist() for more in (0, LARGE))
    pairs = [(json.loads(one), json.loads(other)) for one, other in zip(plain, longer, strict=True) if one != other]
    assert len(pairs) > 100
    assert all(other | {"trace": ""} == one | {"trace": ""} and len(other["trace"]) == LARGE for one, other in pairs)


def measured(page, log, cores):
    """Rows a second and core by engine, as a page of figures has them."""
    table = re.search(rf"^#+ {log}: [^\n]*, {cores} cores?\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)[1]
    return {name: int(speed.replace(",", "")) for name, speed in re.findall(r"^\| ([\w ]+) \| ([\d,]+) \|", table, re.MULTILINE)}


def test_sizes_are_counted_with_what_was_measured(repo):
    """The speeds that docs/sizing.md counts with are those of docs/benchmarks/engines.md."""
    figures = (repo / "docs" / "benchmarks" / "engines.md").read_text(encoding="utf-8")
    sizing = (repo / "docs" / "sizing.md").read_text(encoding="utf-8")
    small, large = measured(figures, "different", 2), measured(figures, "large", 2)
    counted = re.findall(r'^    "([\w ]+)": \(([\d_]+), ([\d_]+)\),$', sizing, re.MULTILINE)
    assert {name: (int(one), int(other)) for name, one, other in counted} == {
        name: (small[name], large[name]) for name in ("hhe normalize", "Spark", "Dask")
    }
    assert re.search(r"^HHE = ([\d_]+)", sizing, re.MULTILINE)[1] == f"{small['hhe normalize']:_}"
