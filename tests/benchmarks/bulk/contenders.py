"""Who takes part: the command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
OURS = "hhe normalize"

Command = Callable[[Path, Path, Path, int], list[str]]
"""From log, output, lookup table and number of cores to a command line."""


class Contender(NamedTuple):
    """One that does the job.

    Attributes:
        command: its command line.
        lenient: its command line if it is to leave out what it cannot read; None where it always goes on.
    """

    command: Command
    lenient: Command | None = None


def ours(python: str = sys.executable) -> Contender:
    """Ours, as this interpreter has it installed. In a checkout it reads the YAML at each start, once installed a compiled form."""

    def command(log: Path, output: Path, _: Path, cores: int) -> list[str]:
        return [python, "-P", "-m", "heify_heygen_errors", "normalize", str(log), "-o", str(output), "--jobs", str(cores), "--quiet"]

    return Contender(command)


def _script(name: str, *options: str) -> Command:
    def command(log: Path, output: Path, lookup: Path, cores: int) -> list[str]:
        return [sys.executable, str(HERE / name), str(log), str(output), "--lookup", str(lookup), "--threads", str(cores), *options]

    return command


def _job(name: str, *options: str) -> Contender:
    return Contender(_script(name, *options), _script(name, *options, "--ignore-errors"))


CONTENDERS: dict[str, Contender] = {
    OURS: ours(),
    "DuckDB": _job("duckdb_sql.py"),
    "DuckDB, distinct": _job("duckdb_sql.py", "--distinct"),
    "polars": _job("polars_job.py"),
    "polars, distinct": _job("polars_job.py", "--distinct"),
    "orjson": _job("orjson_script.py"),
}
"""`distinct` reads what an answer means once for all rows that have it; the orjson script and ours remember it anyway."""


def chosen(names: Sequence[str] | None) -> dict[str, Contender]:
    """Those of these names, ours always first. None is left out for lack of a library: a table without it would look whole."""
    return {name: one for name, one in CONTENDERS.items() if names is None or name in names or name == OURS}
