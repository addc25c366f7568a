"""How things are shown: tables and colour where a person reads, plain lines where a program does."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

FAULT_COLOURS = {"caller": "yellow", "account": "magenta", "provider": "red", "network": "cyan"}


def for_people() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def console(*, stderr: bool = False) -> Console:
    """A console that obeys NO_COLOR and the width of the terminal, and marks nothing up."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=not (sys.stderr if stderr else sys.stdout).isatty())


def print_json(value: object) -> None:
    """JSON on stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """A line of talk on stderr."""
    sys.stderr.write(text + "\n")


_BREAKS = str.maketrans("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " " * 11)


def _one_line(value: str) -> str:
    """The value without what would break a line or make a column."""
    return value.translate(_BREAKS)


def facts(rows: list[tuple[str, str | None]]) -> None:
    """Names and values, one a line; values that are None are left out."""
    shown = [(name, value) for name, value in rows if value is not None]
    if not for_people():
        for name, value in shown:
            sys.stdout.write(f"{name}\t{_one_line(value)}\n")
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in shown:
        table.add_row(name, Text(value, style=FAULT_COLOURS.get(value, "") if name == "fault" else ""))
    console().print(table)


def listing(columns: list[str], rows: list[list[str]]) -> None:
    """A table for people, tab-separated lines for programs."""
    if not for_people():
        for row in rows:
            sys.stdout.write("\t".join(map(_one_line, row)) + "\n")
        return
    used = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    table = Table(header_style="bold")
    for number in used:
        table.add_column(columns[number], overflow="fold")  # never cut: what is shown can be copied
    for row in rows:
        table.add_row(*(Text(row[number]) for number in used))
    console().print(table)
