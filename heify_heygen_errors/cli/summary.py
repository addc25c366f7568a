"""The summary of a run for people, on stderr: short enough to read at night; all of it is in ``--summary-json``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from rich.text import Text

from heify_heygen_errors.cli.show import FAULT_COLOURS as FAULTFAULT_COLOURS
from heify_heygen_errors.cli.show import console
from heify_heygen_errors.exceptions import printable

WIDTH: Final = 120
"""Characters of a line with words of a vendor or a catalog, where there is no terminal."""

HOW_TO_ADD: Final = "to add them, take unknown_codes.overlays from --summary-json FILE; see docs/adding-a-code.md"
"""What is said below codes that no catalog lists."""

_CATEGORIES: Final = 10
_RULES: Final = 5
_UNKNOWN: Final = 3
_REASONS: Final = 5
_HEAD: Final = "bold"
# Seconds. How long a short run took is of no interest, and would be another text each time.
_TOLD_FROM: Final = 10
_TOLD_FROM_IN_TERMINAL: Final = 1


def tell(told: dict[str, Any], *, output: str, rejects: str | None, seconds: float | None) -> None:
    """Prints the summary on stderr: in a terminal with colours and thousands set apart, else plain.

    Arguments:
        told: what `heify_heygen_errors.pipeline.report.summary` gives.
        output: where the rows went; ``"-"`` for stdout.
        rejects: the rejects file; None where there is none.
        seconds: that the run took; told in a terminal, elsewhere only if it took at least 10. None not to tell.
    """
    terminal = sys.stderr.isatty()
    shown = console(stderr=True)
    talk = _Talk(told, "," if terminal else "")
    if seconds is not None and seconds < (_TOLD_FROM_IN_TERMINAL if terminal else _TOLD_FROM):
        seconds = None
    lines = [*talk.lines(), *_ending(told, talk, output, rejects, seconds)]
    texts = [Text(line.text, style=line.style) for line in lines]
    for line, text in zip(lines, texts, strict=True):
        if line.cut:
            text.truncate(shown.width if terminal else WIDTH, overflow="ellipsis")
    if terminal:
        shown.print(Text("\n").join(texts))
        return
    try:
        sys.stderr.write("".join(f"{text.plain}\n" for text in texts))
        sys.stderr.flush()
    except BrokenPipeError:  # the rows are written; that nobody reads this changes nothing of what the command reports
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class _Line(NamedTuple):
    """A line, its style, and whether its end may be cut off."""

    text: str
    style: str = ""
    cut: bool = False


def _ending(told: Mapping[str, Any], talk: _Talk, output: str, rejects: str | None, seconds: float | None) -> Iterator[_Line]:
    if seconds is not None:
        yield _Line(f"time: {seconds:.1f} s, {talk.number(round(told['rows'] / seconds))} rows/s")
    if output != "-":
        yield _Line(f"rows: {printable(output)}")
    if rejects is not None and told["rejects"] > told["rejects_kept"]:
        yield _Line(f"rejects: {printable(rejects)}")


class _Talk:
    """The lines of a summary, with their styles. What vendors wrote is escaped."""

    def __init__(self, told: Mapping[str, Any], separator: str) -> None:
        self._told = told
        self._format = f"{separator}d"

    def number(self, count: int) -> str:
        """A count as it is written here."""
        return format(count, self._format)

    def lines(self) -> Iterator[_Line]:
        """All lines in order."""
        yield _Line(self._counts(), _HEAD)
        yield from self._categories()
        if self._told["failed"]:
            yield _Line(f"by provider: {self._listed(self._told['providers'], 'provider')}")
            yield _Line(self._retry())
            yield _Line(f"who must act: {self._listed(_ranked(self._told['faults']), 'fault')}")
        yield from self._rules()
        yield from self._unknown()
        unmatched = self._told["unmatched"]["failed"]
        if unmatched:
            yield _Line(f"without a known code or message: {self.number(unmatched)}; their status decided, or nothing did")
        yield from self._reasons()

    def _counts(self) -> str:
        told, number = self._told, self.number
        rejects = told["rejects"] - told["rejects_kept"]
        line = f"{number(told['records'])} record{'' if told['records'] == 1 else 's'}"
        line += f" = {number(told['written'])} written + {number(rejects)} rejects"
        if told["rejects_kept"]:
            line += f" ({number(told['rejects_kept'])} kept as rows)"
        line += f"; {number(told['failed'])} failed, {number(told['no_error'])} were no error"
        if told["observed_nothing"]:
            line += f", {number(told['observed_nothing'])} observed nothing"
        if told["rows"] != told["written"]:
            line += f"; {number(told['rows'])} rows"
        if told["blank_lines"]:
            line += f"; {number(told['blank_lines'])} blank lines"
        return line

    def _categories(self) -> Iterator[_Line]:
        categories = self._told["categories"]
        alone = len(categories) if len(categories) <= _CATEGORIES else _CATEGORIES - 1
        for row in categories[:alone]:
            yield _Line(f"  {self.number(row['failed']):>7}  {row['category']}", FAULTFAULT_COLOURS.get(row["fault"], ""))
        others = categories[alone:]
        if others:
            count = sum(row["failed"] for row in others)
            yield _Line(f"  {self.number(count):>7}  in {len(others)} others: {self._listed(others, 'category')}")

    def _retry(self) -> str:
        retry = self._told["retry"]
        line = f"could be retried: {self.number(retry['may_pass'])} of {self.number(self._told['failed'])} ({_percent(retry['share'])})"
        return f"{line}; {self._listed(_ranked(retry['actions']), 'action')}"

    def _rules(self) -> Iterator[_Line]:
        rules = self._told["rules"]
        if rules:
            yield _Line("top rules:" if len(rules) > _RULES else "rules:", _HEAD)
        for row in rules[:_RULES]:
            remedy = f": {printable(' '.join(row['remedy'].split()))}" if row["remedy"] else ""
            yield _Line(f"  {self.number(row['failed']):>7}  {row['rule']}{remedy}", cut=True)

    def _unknown(self) -> Iterator[_Line]:
        unknown = self._told["unknown_codes"]
        codes = unknown["codes"]
        if not codes:
            return
        kinds = f"more than {self.number(len(codes))}" if unknown["others"] else self.number(len(codes))
        yield _Line(f"unknown codes: {kinds} in {self.number(unknown['failed'])} record{'' if unknown['failed'] == 1 else 's'}", _HEAD)
        for row in codes[:_UNKNOWN]:
            message = "" if row["message"] is None else f": {printable(row['message'])}"
            told = f"{row['provider']} {printable(row['code'])}, read as {row['category']}{message}"
            yield _Line(f"  {self.number(row['failed']):>7}  {told}", cut=True)
        if unknown["overlays"]:
            yield _Line(f"  {HOW_TO_ADD}")

    def _reasons(self) -> Iterator[_Line]:
        told = self._told["reject_reasons"]
        reasons = told["reasons"]
        if not reasons:
            return
        yield _Line("rejects by reason:", _HEAD)
        shown = len(reasons) if len(reasons) == _REASONS + 1 and not told["others"] else _REASONS  # no line for one other
        for row in reasons[:shown]:
            yield _Line(f"  {self.number(row['rejects']):>7}  {printable(row['reason'])}", cut=True)
        others = sum(row["rejects"] for row in reasons[shown:]) + told["others"]
        if others:
            yield _Line(f"  {self.number(others):>7}  for other reasons")

    def _listed(self, rows: list[dict[str, Any]], name: str) -> str:
        return ", ".join(f"{printable(row[name])} {self.number(row['failed'])}" for row in rows if row["failed"])


def _ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: -row["failed"])


def _percent(share: float) -> str:
    return "below 1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"  # noqa: PLR2004
