"""Ratios, goals and tables. A goal that was missed stays in the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.responses import OURS
from benchmarks.samples import BODIES, SIZES
from benchmarks.timing import Times

Table = dict[str, dict[str, Times]]

PEERS = {"botocore json": 1.0, "botocore rest-json": 1.0, "openai": 2.0, "litellm": 30.0}
"""How many times as fast as each the package is to be."""

STARTUP_GOAL = 0.8


class Ratio(NamedTuple):
    """One time over another, of the best rounds and of the medians."""

    best: float
    median: float

    @classmethod
    def of(cls, over: Iterable[Times], under: Iterable[Times]) -> Ratio:
        """The sum of some times over the sum of others."""
        over, under = list(over), list(under)
        return cls(
            sum(times.best for times in over) / sum(times.best for times in under),
            sum(times.median for times in over) / sum(times.median for times in under),
        )

    def at_least(self, goal: float) -> bool:
        """Whether both reach the goal."""
        return min(self) >= goal

    def at_most(self, goal: float) -> bool:
        """Whether both stay within the goal."""
        return max(self) <= goal

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.best:.2f})"


class Verdict(NamedTuple):
    """One comparison with its goal; `met` is None where no goal is set or the peer is not installed."""

    what: str
    ours: str
    against: str
    goal: str
    ratio: Ratio | None
    worst: tuple[str, Ratio] | None
    met: bool | None


def body_goal(name: str) -> float | None:
    """How many times the time of json.loads a body may take: 4 up to 1 KiB, 1.5 from 16 KiB."""
    size = BODIES[name][1]
    return 4.0 if size <= SIZES["1 KiB"] else 1.5


def judge_responses(table: Table) -> list[Verdict]:
    """How many times as fast as each peer; met only if it is met for every shape."""
    found = []
    for ours in OURS:
        for peer, goal in PEERS.items():
            what, shown = "response to ErrorInfo", f"{goal:g}x as fast" if goal > 1 else "faster"
            if any(side not in row for row in table.values() for side in (ours, peer)):
                found.append(Verdict(what, ours, peer, shown, None, None, None))
                continue
            ratios = {shape: Ratio.of([row[peer]], [row[ours]]) for shape, row in table.items()}
            worst = min(ratios, key=lambda shape: min(ratios[shape]))
            whole = Ratio.of((row[peer] for row in table.values()), (row[ours] for row in table.values()))
            met = ratios[worst].at_least(goal) and (goal > 1 or min(ratios[worst]) > 1)
            found.append(Verdict(what, ours, peer, shown, whole, (worst, ratios[worst]), met))
    return found


def judge_decoding(table: Table) -> list[Verdict]:
    """How many times the time of json.loads."""
    found = []
    for body, row in table.items():
        ratio, goal = Ratio.of([row["with headers"]], [row["json.loads"]]), body_goal(body)
        found.append(Verdict(body, "with headers", "json.loads", f"at most {goal:g}x", ratio, None, ratio.at_most(goal)))
    return found


def judge_startup(row: Mapping[str, Times]) -> list[Verdict]:
    """How many times the time of importing requests, whole processes."""
    ratio = Ratio.of([row["package and normalize"]], [row["import requests"]])
    goal, met = f"at most {STARTUP_GOAL}x", ratio.at_most(STARTUP_GOAL)
    return [Verdict("fresh process", "package and normalize", "import requests", goal, ratio, None, met)]


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _micro(times: Times) -> str:
    return f"{times.median * 1e6:.1f} ({times.best * 1e6:.1f})"


_MET = {True: "met", False: "MISSED", None: "not measured"}


def show_responses(table: Table) -> str:
    """The times by shape, and the goals."""
    sides = list(next(iter(table.values())))
    rows = [[shape, *(_micro(row[side]) for side in sides)] for shape, row in table.items()]
    times = _lines(["us per call: median (best)", *sides], rows)
    goals = _lines(
        ["from", "against", "goal", "times as fast, all shapes: median (best)", "worst shape", "goal is"],
        [
            [
                verdict.ours,
                verdict.against,
                verdict.goal,
                str(verdict.ratio) if verdict.ratio else "-",
                f"{verdict.worst[0]}: {verdict.worst[1]}" if verdict.worst else "-",
                _MET[verdict.met],
            ]
            for verdict in judge_responses(table)
        ],
    )
    return f"## One small response to ErrorInfo\n\n{times}\n\n{goals}"


def show_decoding(table: Table) -> str:
    """The times by body, and the goals."""
    rows = []
    for verdict in judge_decoding(table):
        row = table[verdict.what]
        bare = Ratio.of([row["body only"]], [row["json.loads"]])
        times = [_micro(row[side]) for side in ("json.loads", "with headers", "body only")]
        rows.append([verdict.what, *times, str(verdict.ratio), str(bare), verdict.goal, _MET[verdict.met]])
    head = ["us per call: median (best)", "json.loads", "with headers", "body only", "ratio", "ratio body only", "goal", "goal is"]
    return f"## The same against json.loads of the same body\n\n{_lines(head, rows)}"


def show_startup(row: Mapping[str, Times]) -> str:
    """The times of whole processes, the ratio, and what it is without the interpreter's own start."""
    verdict = judge_startup(row)[0]
    nothing = row["nothing"]
    times = _lines(
        ["process", "milliseconds: median (best)", "without the interpreter's own start"],
        [
            [
                name,
                f"{taken.median * 1e3:.1f} ({taken.best * 1e3:.1f})",
                f"{(taken.median - nothing.median) * 1e3:.1f} ({(taken.best - nothing.best) * 1e3:.1f})",
            ]
            for name, taken in row.items()
        ],
    )
    ours, requests = row["package and normalize"], row["import requests"]
    net = Ratio(
        (ours.best - nothing.best) / (requests.best - nothing.best),
        (ours.median - nothing.median) / (requests.median - nothing.median),
    )
    goal = _lines(
        ["", "ratio: median (best)", "goal", "goal is"],
        [
            ["whole process", str(verdict.ratio), verdict.goal, _MET[verdict.met]],
            ["without the interpreter's own start", str(net), "-", "-"],
        ],
    )
    return f"## Start in a fresh process\n\n{times}\n\n{goal}"


def as_data(table: Mapping[str, Mapping[str, Times]]) -> dict[str, dict[str, dict[str, float]]]:
    """The times as JSON takes them, in seconds."""
    return {
        name: {side: {"median": times.median, "best": times.best, "rounds": len(times.rounds)} for side, times in row.items()}
        for name, row in table.items()
    }


def verdict_data(verdicts: Iterable[Verdict]) -> list[dict[str, object]]:
    """The verdicts as JSON takes them."""
    return [
        {
            "what": verdict.what,
            "ours": verdict.ours,
            "against": verdict.against,
            "goal": verdict.goal,
            "ratio": verdict.ratio._asdict() if verdict.ratio else None,
            "worst": {"what": verdict.worst[0], "ratio": verdict.worst[1]._asdict()} if verdict.worst else None,
            "met": verdict.met,
        }
        for verdict in verdicts
    ]
