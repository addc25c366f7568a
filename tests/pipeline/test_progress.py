"""Progress on stderr: a bar in a terminal, lines now and then elsewhere, nothing where it is not wanted."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from heify_heygen_errors.cli.progress import LINE_EVERY, progress
from heify_heygen_errors.testing import ManualClock

pty = pytest.importorskip("pty", reason="terminals are simulated where the system has them")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

MB = 1_000_000


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A stream whose reader has gone."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    def write(self, text: str) -> int:
        self.tries += 1
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def _run(stream: io.StringIO, steps: list[tuple[float, int, int, int]], total: int | None = 100 * MB, *, quiet: bool = False) -> str:
    """What is written when these steps are told: seconds until then, bytes, rows and rejects."""
    now = [0.0]
    with progress(total, quiet=quiet, clock=lambda: now[0], stream=stream) as shown:
        for seconds, size, rows, rejects in steps:
            now[0] += seconds
            shown.advance(size, rows, rejects)
    return stream.getvalue()


# Where there is no terminal.


def test_lines_where_there_is_no_terminal() -> None:
    """Outside a terminal a plain line is written every ten seconds: bytes, rows a second, time left, rejects."""
    told = _run(io.StringIO(), [(1, MB, 25_000, 0)] * 12 + [(1, MB, 25_000, 1)] * 9)
    assert told == (
        "10 MB of 100 MB (10 %), 25000 rows/s, 1 min 30 s left, 0 rejects\n20 MB of 100 MB (20 %), 25000 rows/s, 1 min 20 s left, 8 rejects\n"
    )


def test_a_short_run_writes_no_line() -> None:
    """Outside a terminal a run of less than ten seconds writes nothing."""
    assert _run(io.StringIO(), [(LINE_EVERY - 0.1, 100 * MB, 1, 1)]) == ""


def test_without_a_total() -> None:
    """Where the size of the input is not known, neither its share nor the time left is told."""
    assert _run(io.StringIO(), [(10, 1234, 10, 1)], None) == "1 kB, 1 rows/s, 1 reject\n"


def test_more_bytes_than_expected() -> None:
    """An input that has grown since the start is not told to be read by more than all of it."""
    assert _run(io.StringIO(), [(10, 101 * MB, 10, 0)]) == "101 MB, 1 rows/s, 0 rejects\n"


def test_an_empty_input() -> None:
    """Inputs without a byte have no share and no time left."""
    assert _run(io.StringIO(), [(10, 0, 0, 0)], 0) == "0 bytes, 0 rows/s, 0 rejects\n"


@pytest.mark.parametrize(
    ("done", "shown"),
    [(999, "999 bytes"), (2 * MB, "2 MB"), (1_500 * MB, "1.5 GB"), (2_500_000 * MB, "2.5 TB")],
)
def test_sizes(done: int, shown: str) -> None:
    """Sizes are written in the unit that keeps them short."""
    assert _run(io.StringIO(), [(10, done, 0, 0)], None).startswith(f"{shown}, ")


@pytest.mark.parametrize(("share", "left"), [(0.5, "10 s"), (0.1, "1 min 30 s"), (0.001, "2 h 46 min")])
def test_time_left(share: float, left: str) -> None:
    """The time left is that which the rest takes at the speed so far."""
    assert f", {left} left, " in _run(io.StringIO(), [(10, int(100 * MB * share), 0, 0)])


# In a terminal.


def test_a_bar_in_a_terminal() -> None:
    """In a terminal a line is drawn anew, numbers have separators, and at the end it is gone and the cursor is back."""
    told = _run(Terminal(), [(0.4, 10 * MB, 25_000, 1000), (0.6, 15 * MB, 25_000, 0)])
    assert "25 MB of 100 MB (25 %), 50,000 rows/s, 3 s left, 1,000 rejects" in told
    assert "━" in told
    assert told.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")


def test_a_short_run_draws_nothing() -> None:
    """In a terminal a run of less than half a second draws nothing."""
    assert _run(Terminal(), [(0.4, 100 * MB, 1, 1)]) == ""


def test_a_bar_is_not_drawn_for_each_block() -> None:
    """However often it is told, a terminal is sent at most five pictures a second."""
    told = _run(Terminal(), [(0.001, 1000, 10, 0)] * 3000)
    assert 8 <= len(re.findall(r"rows/s", told)) <= 17


def test_a_terminal_without_colours() -> None:
    """With NO_COLOR the bar is drawn without colours."""
    steps = [(1.0, 10 * MB, 25_000, 0)]
    assert re.search(r"\x1b\[[0-9;]*m", _run(Terminal(), steps))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        plain = _run(Terminal(), steps)
    assert "25,000 rows/s" in plain
    assert re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", plain) is None


def test_a_dumb_terminal() -> None:
    """A terminal that cannot move its cursor gets the plain lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "dumb")
        assert _run(Terminal(), [(10, 10 * MB, 10, 0)]) == "10 MB of 100 MB (10 %), 1 rows/s, 1 min 30 s left, 0 rejects\n"


@pytest.mark.parametrize("columns", ["20", "40", "60"])
def test_a_narrow_terminal(columns: str) -> None:
    """In a narrow terminal the line is cut, never wrapped: each picture takes the place of the one before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", columns)
        told = _run(Terminal(), [(1.0, 10 * MB, 25_000, 0)] * 3)
    assert told.count("\n") == 1
    assert max(len(re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", line)) for line in re.split(r"[\r\n]", told)) <= int(columns)


# Where it is not wanted or not possible.


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet(stream: Callable[[], io.StringIO]) -> None:
    """Quiet runs write nothing, and still count."""
    assert _run(stream(), [(60, MB, 1, 1)] * 3, quiet=True) == ""
    with progress(10, quiet=True, clock=ManualClock(), stream=stream()) as shown:
        shown.advance(4, 3, 2)
        shown.advance(1, 1, 1)
    assert (shown.done, shown.rows, shown.rejects) == (5, 4, 3)


def test_a_closed_stderr_does_not_end_the_run() -> None:
    """If nobody reads stderr any more the run goes on, and no further line is tried."""
    stream = Closed()
    assert _run(stream, [(60, MB, 1, 1)] * 3) == ""
    assert stream.tries == 1


class ClosedTerminal(Closed, Terminal):
    """A terminal that was closed."""


def test_a_closed_terminal_does_not_end_the_run() -> None:
    """If the terminal is closed the run goes on."""
    assert _run(ClosedTerminal(), [(60, MB, 1, 1)] * 3) == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_happens_inside_comes_out(stream: Callable[[], io.StringIO]) -> None:
    """An exception of the run passes on, behind a line that was put in order."""
    written = stream()
    now = [0.0]

    def interrupted() -> None:
        with progress(None, quiet=False, clock=lambda: now[0], stream=written) as shown:
            now[0] = 20.0
            shown.advance(1, 1, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert written.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K" if written.isatty() else "1 reject\n")


def test_no_threads() -> None:
    """Nothing is drawn by a thread, so that workers can be forked while progress is shown."""
    now = [0.0]
    before = threading.active_count()
    with progress(None, quiet=False, clock=lambda: now[0], stream=Terminal()) as shown:
        now[0] = 20.0
        shown.advance(1, 1, 1)
        assert threading.active_count() == before


# A process in a terminal.

_SCRIPT = """
import sys
from heify_heygen_errors.cli.progress import progress
now = 0.0
with progress(100, quiet=False, clock=lambda: now) as shown:
    now = 1.0
    shown.advance(50, 7, 0)
    print("a row")
sys.stderr.write("end")
"""


def test_a_process_in_a_terminal() -> None:
    """A process whose stderr is a terminal draws there and writes its rows, and nothing else, to stdout."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    out, _ = process.communicate(timeout=60)
    shown = b""
    while not shown.endswith(b"end"):
        shown += os.read(controller, 65536)
    os.close(controller)
    assert (process.returncode, out) == (0, b"a row\n")
    assert "50 bytes of 100 bytes (50 %), 7 rows/s, 1 s left, 0 rejects" in shown.decode()
    assert shown.endswith(b"\x1b[2Kend")


def test_a_process_without_a_terminal() -> None:
    """A process whose stderr is a pipe writes nothing but its own words in a short run."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"a row\n", b"end")
