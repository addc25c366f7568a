"""The harness: every contender in a fresh process, in turns, on one core and on all; see the package's docstring.

    python tests/benchmarks/bulk/run.py FOLDER --lines 1000000 --rounds 5

Each log is made once and kept in FOLDER; delete it to have it made anew. Before the counted rounds every contender runs
once, to weigh its memory and to have the log in the page cache. Then they take turns in an order that rotates. Ours is
what the others' answers are compared with; that it gives what the reference gives is held by the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a file: the folder above the package's holds it
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.bulk.agreement import COLUMNS, Agreement, compared
from benchmarks.bulk.contenders import OURS, Contender, chosen, ours
from benchmarks.bulk.lookup import write_lookup
from benchmarks.bulk.processes import MEGABYTE, CommandError, Ended, Memory, all_cores, timed, weighed
from benchmarks.run import circumstances
from benchmarks.timing import rotated
from heify_heygen_errors.testing.logs import Mix, write_log

LOGS = {
    "repeating": Mix(),
    "different": Mix(bodies="different"),
    "damaged": Mix(damage=0.1),
}
DAMAGED = "damaged"
SEED = 1
LIBRARIES = ("heify-heygen-errors", "pyarrow", "msgspec", "duckdb", "polars", "orjson")
GOAL_MEMORY = 256
GOAL_WORKER = 160
GOAL_AGREEMENT = 0.95


class Row(NamedTuple):
    """What one contender did on one log with so many cores."""

    name: str
    seconds: tuple[float, ...]
    cpu: tuple[float, ...]
    memory: Memory

    @property
    def best(self) -> float:
        """The quickest round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The round in the middle."""
        return median(self.seconds)


class Damaged(NamedTuple):
    """What one contender made of the damaged log."""

    name: str
    lenient: bool
    ended: Ended
    agreement: Agreement | None


def log_in(folder: Path, name: str, lines: int) -> Path:
    """The log of this name, made if it is not there."""
    path = folder / f"{name}-{lines}.jsonl"
    if not path.exists():
        print(f"making {path}", file=sys.stderr)
        write_log(path, lines, SEED, LOGS[name])
    return path


def output_of(folder: Path, name: str) -> Path:
    """Where a contender writes."""
    return folder / f"{name.replace(', ', '-').replace(' ', '-')}.parquet"


def race(contenders: Mapping[str, Contender], log: Path, lookup: Path, cores: int, rounds: int) -> list[Row]:
    """Every contender on one log.

    Raises:
        CommandError: one did not work.
    """
    commands = {name: one.command(log, output_of(log.parent, name), lookup, cores) for name, one in contenders.items()}
    memory = {name: weighed(command, cores) for name, command in commands.items()}
    taken: dict[str, list[Ended]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name in rotated(list(commands), turn):
            ended = timed(commands[name], cores)
            if ended.code:
                msg = f"{name} ended with {ended.code}: {ended.said}"
                raise CommandError(msg)
            taken[name].append(ended)
    return [Row(name, tuple(one.seconds for one in taken[name]), tuple(one.cpu for one in taken[name]), memory[name]) for name in commands]


def damage(contenders: Mapping[str, Contender], log: Path, lookup: Path, cores: int) -> list[Damaged]:
    """What every contender makes of damaged lines: as it is, and asked to go on."""
    truth = output_of(log.parent, OURS)
    found = []
    for name, one in contenders.items():
        for lenient, make in ((False, one.command), (True, one.lenient)):
            if make is None:
                continue
            output = output_of(log.parent, name)
            output.unlink(missing_ok=True)
            ended = timed(make(log, output, lookup, cores), cores)
            ended = ended._replace(said=ended.said.replace(str(log.parent), "FOLDER"))
            worked = ended.code == 0 or (name == OURS and ended.code == 1)
            found.append(Damaged(name, lenient, ended, compared(truth, output) if worked else None))
    return found


def records_in(log: Path) -> int:
    """Lines of a log that are not blank."""
    with log.open("rb") as file:
        return sum(1 for line in file if line.strip())


def rejects_of(log: Path) -> int:
    """Records that ours put aside when it last read a log of this folder."""
    path = Path(f"{output_of(log.parent, OURS)}.rejects.jsonl")
    return records_in(path) if path.exists() else 0


# Tables.


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _pair(middle: float, best: float, digits: int = 2) -> str:
    return f"{middle:.{digits}f} ({best:.{digits}f})"


def show_race(rows: Sequence[Row], lines: int, agreements: Mapping[str, Agreement]) -> str:
    """Speed, memory and agreement, beside each other."""
    first = rows[0]
    head = [
        "",
        "seconds: median (best)",
        "processor seconds",
        "rows a second",
        "our time over its",
        "peak MB (allocated)",
        "largest process MB",
    ]
    head += ["agrees in all four", *COLUMNS]
    shown = []
    for row in rows:
        agreement = agreements.get(row.name)
        shares = [f"{agreement.shares[name]:.2%}" if agreement else "-" for name in ("all", *COLUMNS)]
        shown.append(
            [
                row.name,
                _pair(row.median, row.best),
                f"{median(row.cpu):.2f}",
                f"{lines / row.median:,.0f}",
                "1" if row is first else _pair(first.median / row.median, first.best / row.best),
                f"{row.memory.whole / MEGABYTE:,.0f} ({row.memory.anonymous / MEGABYTE:,.0f})",
                f"{row.memory.largest / MEGABYTE:,.0f}",
                *shares,
            ]
        )
    return table(head, shown)


def verdicts(log: str, rows: Sequence[Row], cores: int) -> list[tuple[str, bool]]:
    """The goals of this race, and whether each is met. Speed is judged on all cores, by median and best."""
    first = rows[0]
    judged = []
    if cores > 1:
        against = [row for row in rows[1:] if log == "repeating" or row.name == "orjson"]
        judged += [(f"{log}: faster than {row.name}", first.median < row.median and first.best < row.best) for row in against]
    allowed = GOAL_MEMORY + GOAL_WORKER * cores
    judged.append((f"{log}, {cores} worker{'s' if cores > 1 else ''}: at most {allowed} MB", first.memory.whole <= allowed * MEGABYTE))
    return judged


def show_verdicts(judged: Iterable[tuple[str, bool]]) -> str:
    """Goals, and whether they are met."""
    return table(["goal", "is"], [[goal, "met" if met else "MISSED"] for goal, met in judged])


def show_damage(found: Sequence[Damaged], records: int, rejects: int) -> str:
    """Rows, rows lost, or the error that ended it."""
    head = [
        "",
        "asked to go on",
        "seconds",
        "processor seconds",
        "rows",
        "of our rows it lacks",
        "rows that we reject",
        "rows without any value",
    ]
    head += ["agrees in all four, of rows that both have", "ended with"]
    shown = []
    for one in found:
        agreement = one.agreement
        mode = "always does" if one.name == OURS else "yes" if one.lenient else "no"
        start = [one.name, mode, f"{one.ended.seconds:.2f}", f"{one.ended.cpu:.2f}"]
        if agreement is None:
            shown.append([*start, *["-"] * 5, f"`{_cell(one.ended.said)}`"])
            continue
        counts = [f"{count:,}" for count in (agreement.other_rows, agreement.lost, agreement.added, agreement.empty)]
        said = f"{rejects:,} rejects, exit 1" if one.name == OURS else _cell(one.ended.said) or "nothing said"
        shown.append([*start, *counts, f"{agreement.shared:.2%}", said])
    written = found[0].agreement.rows if found and found[0].agreement else 0
    count = f"{records:,} records = {written:,} written + {rejects:,} rejects" if written + rejects == records else "OURS DOES NOT ADD UP"
    return f"{table(head, shown)}\n\nOurs: {count}."


def _cell(text: str, longest: int = 160) -> str:
    text = text.replace("|", "/").replace("`", "'")
    return text if len(text) <= longest else f"{text[:longest]}..."


def as_data(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The figures of a race as JSON takes them."""
    return [row._asdict() | {"memory": row.memory._asdict()} for row in rows]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="JSON Lines to Parquet: ours against the job written by hand.")
    parser.add_argument("folder", type=Path, help="for logs and outputs; about 2 GB with a million lines")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of each log; default a million")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each; default 5")
    parser.add_argument("--log", action="append", choices=LOGS, help="only this one; can be repeated")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this contender beside ours; can be repeated")
    parser.add_argument("--cores", type=int, action="append", help="only with so many; can be repeated; default 1 and all")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has ours installed; default this one")
    parser.add_argument("--json", action="store_true", help="every figure as JSON instead of tables")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.lines < 1:
        parser.error("--rounds and --lines take 1 or more")
    contenders = chosen(options.only) | {OURS: ours(options.python)}
    unknown = [name for name in options.only or () if name not in contenders]
    if unknown:
        parser.error(f"{unknown[0]} is no contender: use some of {', '.join(chosen(None))}")

    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    lookup = write_lookup(folder / "lookup.csv")
    data: dict[str, Any] = {**circumstances(), "versions": {name: version(name) for name in LIBRARIES}, "lines": options.lines}
    cores_of = sorted(set(options.cores or (1, all_cores())))
    shown, judged = [], []
    for name in options.log or LOGS:
        log = log_in(folder, name, options.lines)
        size = f"{options.lines:,} lines, {log.stat().st_size / MEGABYTE:,.0f} MB"
        if name == DAMAGED:
            found = damage(contenders, log, lookup, cores_of[-1])
            data[name] = [one._asdict() | {"agreement": one.agreement and one.agreement._asdict()} for one in found]
            shown.append(f"## {name}: {size}\n\n{show_damage(found, records_in(log), rejects_of(log))}")
            continue
        for cores in cores_of:
            rows = race(contenders, log, lookup, cores, options.rounds)
            truth = output_of(folder, OURS)
            agreements = {other: compared(truth, output_of(folder, other)) for other in contenders if other != OURS}
            data[f"{name}, {cores}"] = {"rows": as_data(rows), "agreement": {key: one._asdict() for key, one in agreements.items()}}
            judged += verdicts(name, rows, cores)
            shown.append(f"## {name}: {size}, {cores} core{'s' if cores > 1 else ''}\n\n{show_race(rows, options.lines, agreements)}")
    if options.json:
        print(json.dumps(data | {"goals": judged}, indent=2, default=str))
        return
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {number}" for name, number in data["versions"].items())
    print(
        f"{data['date']}, {data['machine']}, load {data['load']:.1f} before and {load:.1f} behind, {data['python']}, {options.rounds} rounds\n{versions}\n"
    )
    print("\n\n".join([*shown, show_verdicts(judged)] if judged else shown))


if __name__ == "__main__":
    main()
