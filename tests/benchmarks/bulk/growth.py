"""Time and memory of ours as the log grows: 100 thousand to 10 million lines.

    python tests/benchmarks/bulk/growth.py FOLDER

Logs above a million lines are the log of a million lines several times over, so that bodies repeat as in the smaller ones.
The largest takes 5 GB; it is written beside the others and removed at the end unless `--keep` is given.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):  # run as a file: the folder above the package's holds it
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.bulk.contenders import OURS, ours
from benchmarks.bulk.processes import MEGABYTE, CommandError, Memory, all_cores, timed, weighed
from benchmarks.bulk.run import log_in, output_of, table
from benchmarks.run import circumstances

SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
BASE = 1_000_000


class Point(NamedTuple):
    """One size."""

    lines: int
    seconds: float
    cpu: float
    memory: Memory

    @property
    def per_line(self) -> float:
        """Microseconds a line."""
        return self.seconds / self.lines * 1e6


class Line(NamedTuple):
    """A straight line through points by least squares, and how much of the variation it explains."""

    start: float
    slope: float
    fit: float


def straight(points: Sequence[tuple[float, float]]) -> Line:
    """The line through at least two points."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    start = mean_y - slope * mean_x
    whole = sum((y - mean_y) ** 2 for _, y in points)
    rest = sum((y - start - slope * x) ** 2 for x, y in points)
    return Line(start, slope, 1 - rest / whole if whole else 1.0)


def grown(folder: Path, lines: int, name: str) -> Path:
    """A log of so many lines.

    Raises:
        ValueError: more than a million, and no multiple of a million.
    """
    if lines <= BASE:
        return log_in(folder, name, lines)
    if lines % BASE:
        msg = f"{lines} lines: above a million give a multiple of it"
        raise ValueError(msg)
    path = folder / f"{name}-{lines}.jsonl"
    base = log_in(folder, name, BASE)
    if not path.exists() or path.stat().st_size != base.stat().st_size * (lines // BASE):
        with path.open("wb") as whole:
            for _ in range(lines // BASE):
                with base.open("rb") as part:
                    shutil.copyfileobj(part, whole, 1 << 22)
    return path


def measured(python: str, log: Path, lines: int, cores: int, rounds: int) -> Point:
    """One size: the best of some rounds, and the memory of another one.

    Raises:
        CommandError: it did not work.
    """
    command = ours(python).command(log, output_of(log.parent, OURS), log, cores)
    memory = weighed(command, cores)
    taken = [timed(command, cores) for _ in range(rounds)]
    wrong = [ended for ended in taken if ended.code not in {0, 1}]
    if wrong:
        msg = f"{OURS} ended with {wrong[0].code}: {wrong[0].said}"
        raise CommandError(msg)
    best = min(taken, key=lambda ended: ended.seconds)
    return Point(lines, best.seconds, best.cpu, memory)


def show(points: Sequence[Point]) -> str:
    """The sizes, and the straight line through them."""
    head = ["lines", "seconds", "processor seconds", "us a line", "peak MB (allocated)", "largest process MB"]
    rows = [
        [
            f"{point.lines:,}",
            f"{point.seconds:.2f}",
            f"{point.cpu:.2f}",
            f"{point.per_line:.2f}",
            f"{point.memory.whole / MEGABYTE:,.0f} ({point.memory.anonymous / MEGABYTE:,.0f})",
            f"{point.memory.largest / MEGABYTE:,.0f}",
        ]
        for point in points
    ]
    shown = table(head, rows)
    if len(points) > 1:
        line = straight([(point.lines, point.seconds) for point in points])
        shown += (
            f"\n\nStraight line: {line.start:.2f} s and {line.slope * 1e6:.2f} us a line; it explains {line.fit:.2%} of the differences."
        )
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Time and memory of ours as the log grows.")
    parser.add_argument("folder", type=Path, help="for logs and outputs; 8 GB up to ten million lines")
    parser.add_argument("--lines", type=int, action="append", help=f"can be repeated; default {' '.join(map(str, SIZES))}")
    parser.add_argument("--log", choices=("repeating", "different", "damaged"), default="repeating")
    parser.add_argument("--cores", type=int, default=all_cores(), help="default all")
    parser.add_argument("--rounds", type=int, default=2, help="of each size, the best counts; default 2")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has ours installed; default this one")
    parser.add_argument("--keep", action="store_true", help="keep the logs above a million lines")
    parser.add_argument("--json", action="store_true", help="every figure as JSON")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    about = circumstances()
    points = []
    for lines in sorted(options.lines or SIZES):
        log = grown(folder, lines, options.log)
        points.append(measured(options.python, log, lines, options.cores, options.rounds))
        if lines > BASE and not options.keep:
            log.unlink()
    if options.json:
        print(json.dumps({**about, "points": [point._asdict() | {"memory": point.memory._asdict()} for point in points]}, indent=2))
        return
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}, {options.cores} cores, {options.log}\n")
    print(show(points))


if __name__ == "__main__":
    main()
