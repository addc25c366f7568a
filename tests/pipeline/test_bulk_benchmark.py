"""The bulk benchmark compares what can be compared: jobs written by hand that say what ours says. Nothing is timed here."""

from __future__ import annotations

import json
import re
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.bulk import growth, run
from benchmarks.bulk.agreement import COLUMNS, Agreement, compared
from benchmarks.bulk.contenders import CONTENDERS, OURS
from benchmarks.bulk.lookup import HEAD, write_lookup
from benchmarks.bulk.processes import MEGABYTE, CommandError, Ended, Memory, all_cores, timed, weighed

from heify_heygen_errors.records import NotARecord, RecordNormalizer, RecordOptions, parse_line
from heify_heygen_errors.testing.logs import write_log

LINES = 2000
BY_HAND = [name for name in CONTENDERS if name != OURS]


def reference(log, output):
    """The reference's answers as the benchmark's jobs write theirs."""
    normalizer = RecordNormalizer(RecordOptions())
    rows = []
    with log.open("rb") as stream:
        for raw in stream:
            try:
                rows += normalizer.rows(parse_line(raw.rstrip(b"\n")))
            except NotARecord:
                continue
    names = {"trace_id": "trace_id", **{name: f"error_{name}" for name in COLUMNS}}
    pq.write_table(pa.table({name: [row[column] for row in rows] for name, column in names.items()}), output)


@pytest.fixture(scope="module", params=["repeating", "different"])
def small(request, tmp_path_factory):
    """A log, the lookup table, and the reference's answers."""
    folder = tmp_path_factory.mktemp(request.param)
    log = write_log(folder / "log.jsonl", LINES, run.SEED, run.LOGS[request.param])
    reference(log, folder / "reference.parquet")
    return log, write_lookup(folder / "lookup.csv"), folder / "reference.parquet"


@pytest.mark.parametrize("name", BY_HAND)
def test_jobs_by_hand_say_what_the_reference_says(small, name, tmp_path):
    """Each of them writes a row per record, and agrees with the reference on 95 % of them in all four columns together."""
    log, lookup, truth = small
    ended = timed(CONTENDERS[name].command(log, tmp_path / "out.parquet", lookup, 1), 1)
    assert (ended.code, ended.said) == (0, "")
    found = compared(truth, tmp_path / "out.parquet")
    assert found[:5] == (LINES, LINES, 0, 0, 0)
    assert found.shares["all"] >= run.GOAL_AGREEMENT


def test_script_says_the_same_in_several_processes(small, tmp_path):
    """The orjson script writes the same table with one process and with two."""
    log, lookup, _ = small
    for cores in (1, 2):
        assert timed(CONTENDERS["orjson"].command(log, tmp_path / f"{cores}.parquet", lookup, cores), cores).code == 0
    assert pq.read_table(tmp_path / "1.parquet") == pq.read_table(tmp_path / "2.parquet")


def test_ours_says_what_the_reference_says(small, tmp_path):
    """What the others are compared with is what the reference says."""
    log, lookup, truth = small
    assert timed(CONTENDERS[OURS].command(log, tmp_path / "ours.parquet", lookup, 1), 1).code == 0
    found = compared(truth, tmp_path / "ours.parquet")
    assert Agreement(LINES, LINES, 0, 0, 0, dict.fromkeys([*COLUMNS, "all"], 1.0), 1.0) == found


def test_lookup_has_every_key_once(tmp_path):
    """The lookup table gives one meaning for each code, message, status and exception of a vendor."""
    lines = write_lookup(tmp_path / "lookup.csv").read_text(encoding="utf-8").splitlines()
    assert ",".join(HEAD) == lines[0]
    assert "code,heygen,400112,authentication,false" in lines
    assert "status,heify,403,authentication,false" in lines
    keys = [re.match(r'[a-z]+,[a-z]+,("(?:[^"]|"")*"|[^,]*)', line)[0] for line in lines[1:]]
    assert len(set(keys)) == len(keys) > 1000


def written(path, rows):
    """A Parquet file of rows: trace id and category; the other columns are null."""
    table = pa.table(
        {
            "trace_id": pa.array([trace for trace, _ in rows], pa.string()),
            "category": pa.array([category for _, category in rows], pa.string()),
            "code": pa.nulls(len(rows), pa.string()),
            "message": pa.nulls(len(rows), pa.string()),
            "retryable": pa.nulls(len(rows), pa.bool_()),
        }
    )
    pq.write_table(table, path)
    return path


def test_agreement_counts_rows_that_are_missing(tmp_path):
    """A row that the other file lacks is a disagreement; rows that only it has, and empty ones, are told apart."""
    ours = written(tmp_path / "ours.parquet", [("a", "server"), ("b", None), ("c", "quota"), ("d", "plan")])
    other = written(tmp_path / "other.parquet", [("d", "plan"), ("b", None), ("c", "server"), ("e", "plan"), (None, None)])
    found = compared(ours, other)
    assert Agreement(4, 5, 1, 1, 1, {"category": 0.5, "code": 0.75, "message": 0.75, "retryable": 0.75, "all": 0.5}, 2 / 3) == found


def test_memory_is_that_of_the_whole_tree():
    """A process that holds 60 MB, and its child that holds 60 more, weigh 120 together and neither as much alone."""
    hold = "import time; held = bytearray(b'x') * 60_000_000; "
    child = f"{hold}time.sleep(1.2)"
    code = f"{hold}import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    memory = weighed([sys.executable, "-c", code], all_cores())
    assert memory.processes == 2
    assert memory.anonymous > 120 * MEGABYTE
    assert 60 * MEGABYTE < memory.largest < memory.whole - 60 * MEGABYTE


def test_ended_tells_code_and_last_words():
    """A command that fails is reported with its exit code and the last line that it wrote, and runs on as many cores as asked."""
    code = "import os, sys; print(len(os.sched_getaffinity(0)), 'cores', file=sys.stderr); sys.exit(3)"
    ended = timed([sys.executable, "-c", code], 1)
    assert (ended.code, ended.said) == (3, "1 cores")
    assert ended.cpu > 0
    with pytest.raises(CommandError, match="ended with 3"):
        weighed([sys.executable, "-c", code], 1)


def row(name, *seconds, whole=100):
    """A contender that took so long."""
    return run.Row(name, seconds, seconds, Memory(whole * MEGABYTE, 0, 0, 1))


@pytest.mark.parametrize(
    ("ours", "met"),
    [((1.0, 1.0, 1.0), True), ((1.0, 2.5, 2.5), False), ((2.1, 2.1, 2.1), False)],
)
def test_goal_needs_best_and_median(ours, met):
    """Ours is faster only if both its best round and its median are."""
    assert [("repeating: faster than DuckDB", met), ("repeating, 2 workers: at most 576 MB", True)] == run.verdicts(
        "repeating", [row(OURS, *ours), row("DuckDB", 2.0, 2.0, 2.0)], 2
    )


def test_goals_of_different_bodies():
    """Where every body is different only the script is to be passed; memory is judged on each number of cores."""
    rows = [row(OURS, 1.0, whole=417), row("DuckDB", 0.5), row("orjson", 2.0)]
    assert run.verdicts("different", rows, 2) == [("different: faster than orjson", True), ("different, 2 workers: at most 576 MB", True)]
    assert run.verdicts("different", rows, 1) == [("different, 1 worker: at most 416 MB", False)]


def test_damage_says_what_is_lost():
    """A run that stopped is shown with its error, one that went on with the rows that it lost; ours has to add up."""
    ours = Agreement(90, 90, 0, 0, 0, {}, 1.0)
    stopped = run.Damaged("polars", lenient=False, ended=Ended(1, 0.5, 0.25, "broken | line"), agreement=None)
    lossy = run.Damaged("DuckDB", lenient=True, ended=Ended(0, 0.5, 0.25, ""), agreement=Agreement(90, 100, 7, 3, 14, {}, 0.99))
    found = [run.Damaged(OURS, lenient=False, ended=Ended(1, 1.0, 1.0, ""), agreement=ours), stopped, lossy]
    shown = run.show_damage(found, 100, 10)
    assert "| polars | no | 0.50 | 0.25 | - | - | - | - | - | `broken / line` |" in shown
    assert "| DuckDB | yes | 0.50 | 0.25 | 100 | 7 | 3 | 14 | 99.00% | nothing said |" in shown
    assert shown.endswith("Ours: 100 records = 90 written + 10 rejects.")
    assert run.show_damage(found, 101, 10).endswith("Ours: OURS DOES NOT ADD UP.")


def test_command_prints_tables_and_json(tmp_path, capsys):
    """The command makes its logs once, and prints times, memory and agreement of all, and what becomes of damaged lines."""
    by_hand = [*BY_HAND][:1]
    arguments = [str(tmp_path), "--lines", "300", "--rounds", "1", "--cores", "1", *(part for name in by_hand for part in ("--only", name))]
    run.main([*arguments, "--log", "damaged"])
    shown = capsys.readouterr().out
    counts = re.search(r"Ours: (\d+) records = (\d+) written \+ (\d+) rejects\.", shown)
    assert int(counts[1]) == int(counts[2]) + int(counts[3]) > int(counts[2])
    run.main([*arguments, "--log", "repeating", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert {"date", "machine", "python", "versions", "goals"} <= set(data)
    assert [OURS, *by_hand] == [one["name"] for one in data["repeating, 1"]["rows"]]
    assert by_hand == list(data["repeating, 1"]["agreement"])
    assert all(one["memory"]["whole"] > 0 for one in data["repeating, 1"]["rows"])


def test_command_names_those_that_can_take_part(tmp_path, capsys):
    """A contender that does not exist is wrong use."""
    with pytest.raises(SystemExit):
        run.main([str(tmp_path), "--only", "awk"])
    assert f"awk is no contender: use some of {OURS}" in capsys.readouterr().err


def test_growth_fits_a_straight_line():
    """Start and slope of a straight line are found, and it explains everything; a bend explains less."""
    assert pytest.approx(growth.straight([(1, 5.0), (2, 8.0), (10, 32.0)])) == (2.0, 3.0, 1.0)
    assert growth.straight([(1, 1.0), (2, 4.0), (3, 9.0), (4, 16.0)]).fit < 0.99


def test_growth_repeats_the_log(tmp_path, monkeypatch):
    """A log of three times the base is the base three times; other sizes are refused."""
    monkeypatch.setattr(growth, "BASE", 100)
    grown = growth.grown(tmp_path, 300, "repeating")
    assert (tmp_path / "repeating-100.jsonl").read_bytes() * 3 == grown.read_bytes()
    with pytest.raises(ValueError, match="150 lines: above a million give a multiple of it"):
        growth.grown(tmp_path, 150, "repeating")
