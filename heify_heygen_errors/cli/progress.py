"""How far a run is, on stderr: a bar that moves where a person looks on, a line now and then where it goes to a file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

LINE_EVERY: Final = 10.0
"""Seconds between two lines where stderr is no terminal, and until the first."""

_BAR_FROM: Final = 0.5  # shorter runs need no bar
_BAR_EVERY: Final = 0.2
_MINUTE: Final = 60
_HOUR: Final = 3600


class Progress:
    """How far a run is. Not for several threads at once.

    Attributes:
        total: bytes to read; None where not known.
        done: bytes read so far.
        rows: rows written so far.
        rejects: records that could not be read so far.
        seen: False once what is shown cannot be written any more.
    """

    def __init__(self, total: int | None, clock: Callable[[], float], first: float, every: float, show: Callable[[Progress], None]) -> None:
        self.total = total
        self.done = 0
        self.rows = 0
        self.rejects = 0
        self.seen = True
        self._clock = clock
        self._began = self._now = clock()
        self._next = self._began + first
        self._every = every
        self._show = show

    def advance(self, bytes: int, rows: int, rejects: int) -> None:  # noqa: A002 - what is counted
        """Tells what was done since it was last told, and shows it if it is time to.

        Arguments:
            bytes: of the inputs, as counted in `total`.
            rows: written.
            rejects: records that could not be read.
        """
        self.done += bytes
        self.rows += rows
        self.rejects += rejects
        self._now = self._clock()
        if self._now >= self._next:
            self._next = self._now + self._every
            try:
                self._show(self)
            except (OSError, ValueError):  # stderr was closed; the work goes on
                self.seen = False
                self._next = float("inf")

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where it is not known."""
        return self.done / self.total if self.total and self.done <= self.total else None

    @property
    def rate(self) -> float:
        """Rows a second, on average."""
        return self.rows / (self._now - self._began) if self._now > self._began else 0.0

    @property
    def left(self) -> float | None:
        """Seconds, if it goes on as so far; None where that cannot be told."""
        return (self._now - self._began) * (1 / self.fraction - 1) if self.fraction else None

    def line(self, *, separator: str = "") -> str:
        """All of it in one line.

        Arguments:
            separator: between thousands.
        """
        group = "," if separator else ""
        fraction = self.fraction
        parts = [_size(self.done) if fraction is None else f"{_size(self.done)} of {_size(self.total or 0)} ({fraction * 100:.0f} %)"]
        parts.append(f"{self.rate:{group}.0f} rows/s")
        if self.left is not None:
            parts.append(f"{_time(self.left)} left")
        parts.append(f"{self.rejects:{group}} reject{'' if self.rejects == 1 else 's'}")
        return ", ".join(parts)


@contextlib.contextmanager
def progress(
    total_bytes: int | None, *, quiet: bool, clock: Callable[[], float] = time.monotonic, stream: TextIO | None = None
) -> Iterator[Progress]:
    """Shows how far a run is while the block runs. Starts no thread, and writes nothing to stdout.

    On a terminal that can move its cursor a bar, gone at the end; NO_COLOR takes its colours away. Elsewhere, also with
    TERM=dumb, a line every `LINE_EVERY` seconds, so that short runs write nothing.

    Arguments:
        total_bytes: of all inputs; None where not known, as for stdin.
        quiet: show nothing.
        clock: seconds that only grow.
        stream: where to; None for the present stderr.
    """
    target: TextIO = sys.stderr if stream is None else stream
    if quiet:
        yield Progress(total_bytes, clock, float("inf"), float("inf"), _nothing)
        return
    if not target.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        yield Progress(total_bytes, clock, LINE_EVERY, LINE_EVERY, lambda told: _write(target, told))
        return
    bar = _bar(target)
    task = bar.add_task("", total=None)

    def show(told: Progress) -> None:
        total = None if told.fraction is None else told.total
        bar.update(task, total=total, completed=told.done, description=told.line(separator=","))
        bar.start()
        bar.refresh()

    shown = Progress(total_bytes, clock, _BAR_FROM, _BAR_EVERY, show)
    try:
        yield shown
    finally:
        if shown.seen:
            with contextlib.suppress(OSError, ValueError):
                bar.stop()


def _nothing(_: Progress) -> None:
    pass


def _write(stream: TextIO, told: Progress) -> None:
    stream.write(f"{told.line()}\n")
    stream.flush()


def _bar(stream: TextIO) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    class Screen(Console):
        def on_broken_pipe(self) -> None:  # rich would end the process and close its stdout
            raise BrokenPipeError

    console = Screen(file=stream, force_terminal=True, highlight=False, emoji=False)
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    # No thread that draws: the workers of a run may be forked from this process.
    return Bar(BarColumn(24), text, console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)


def _size(size: int) -> str:
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:  # noqa: PLR2004
            return f"{number:.0f} {unit}" if unit != "GB" else f"{number:.1f} GB"
        number /= 1000
    return f"{number:.1f} TB"


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
