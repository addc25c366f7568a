"""The summary for people: what its lines say, in a terminal and in a pipe, and that it stays short."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heify_heygen_errors import Catalogs, Category, Fault, RetryAction
from heify_heygen_errors.cli.summary import HOW_TO_ADD, WIDTH, tell
from heify_heygen_errors.pipeline.blocks import Tally
from heify_heygen_errors.pipeline.report import summary

pty = pytest.importorskip("pty", reason="terminals are simulated where the system has them")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

CATALOGS = Catalogs.load()
Told = Callable[..., list[str]]


def _summary(**counts: Any) -> dict[str, Any]:
    return summary(Tally(**counts), catalogs=CATALOGS)


def _full() -> dict[str, Any]:
    """A summary in which nothing is missing."""
    codes = {("heygen", f"new_code_{number}"): 10 - number for number in range(6)}
    return _summary(
        records=1_234_600,
        written=1_234_000,
        rows=1_234_500,
        rejects=600,
        blank=7,
        failed=1_000_000,
        unobserved=34_000,
        retryable=250_000,
        providers=Counter(heygen=900_000, heify=100_000),
        categories=Counter({category.value: 20 - place for place, category in enumerate(Category)}),
        faults=Counter({fault.value: place for place, fault in enumerate(Fault)}),
        actions=Counter({action.value: place for place, action in enumerate(RetryAction)}),
        rules=Counter({entry.rule: 1000 - place for place, entry in enumerate(CATALOGS.entries("heygen"))}),
        reasons=Counter({f"reason {number}": 100 - number for number in range(7)}),
        unknown=Counter(codes),
        samples=dict.fromkeys(codes, ("It is new. " * 40, "heygen/status:400")),
        unmatched=Counter({"v1:1": 3}),
        unmatched_samples={"v1:1": ("heygen", "heygen/status:400", "Hm")},
    )


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The lines on stderr where it is no terminal."""

    def run(values: dict[str, Any], **options: Any) -> list[str]:
        tell(values, **{"output": "-", "rejects": None, "seconds": None, **options})
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()

    return run


def test_the_lines(told: Told) -> None:
    """The first line has the counts, then come the categories, and sections for what there is."""
    values = _summary(
        records=12,
        written=11,
        rows=11,
        rejects=1,
        blank=2,
        failed=3,
        unobserved=1,
        retryable=1,
        providers=Counter(heygen=2, heify=1),
        categories=Counter(payment=2, server=1),
        faults=Counter(account=2, provider=1),
        actions=Counter(never=2, backoff=1),
        rules=Counter({"heygen/INSUFFICIENT_CREDIT": 2, "heify/status:500": 1}),
        reasons=Counter({"not JSON": 1}),
        unknown=Counter({("heygen", "400999"): 1}),
        samples={("heygen", "400999"): ("Emotion joy needs the emotion pack", "heygen/status:400")},
        unmatched=Counter({"v1:1": 1}),
        unmatched_samples={"v1:1": ("heify", "heify/status:500", None)},
    )
    shown = told(values, output="rows.parquet", rejects="rows.parquet.rejects.jsonl", seconds=61.0)
    assert [line for line in shown if not re.match(r" +\d+  \w+/", line)] == [
        "12 records = 11 written + 1 rejects; 3 failed, 7 were no error, 1 observed nothing; 2 blank lines",
        "        2  payment",
        "        1  server",
        "by provider: heygen 2, heify 1",
        "could be retried: 1 of 3 (33 %); never 2, backoff 1",
        "who must act: account 2, provider 1",
        "rules:",
        "unknown codes: 1 in 1 record",
        "        1  heygen 400999, read as invalid_request: Emotion joy needs the emotion pack",
        f"  {HOW_TO_ADD}",
        "without a known code or message: 1; their status decided, or nothing did",
        "rejects by reason:",
        "        1  not JSON",
        "time: 61.0 s, 0 rows/s",
        "rows: rows.parquet",
        "rejects: rows.parquet.rejects.jsonl",
    ]
    assert [line.partition(":")[0] for line in shown if re.match(r" +\d+  \w+/", line)] == [
        "        2  heygen/INSUFFICIENT_CREDIT",
        "        1  heify/status",
    ]


def test_nothing_failed(told: Told) -> None:
    """A run without failures and rejects is told in one line."""
    assert told(_summary(records=1, written=1, rows=1), seconds=1.5, rejects="r") == [
        "1 record = 1 written + 0 rejects; 0 failed, 1 were no error"
    ]


def test_more_rows_than_records(told: Told) -> None:
    """Rows are told where they are more than the records."""
    values = _summary(records=1, written=1, rows=2, failed=1, categories=Counter(server=1))
    assert told(values)[0] == "1 record = 1 written + 0 rejects; 1 failed, 0 were no error; 2 rows"


def test_rejects_that_were_kept(told: Told) -> None:
    """Where rejects were kept as rows the first line says so, its sum is right, and no rejects file is named."""
    shown = told(_summary(records=5, written=5, rows=5, rejects=2, failed=1), rejects="r.jsonl")
    assert shown[0] == "5 records = 5 written + 0 rejects (2 kept as rows); 1 failed, 2 were no error"
    assert [line for line in shown if line.startswith("rejects:")] == []


def test_it_is_short(told: Told) -> None:
    """However much went through, a person reads no more than 36 lines, and no line with words of a vendor or a catalog is over 120 wide."""
    shown = told(_full(), output="o", rejects="r", seconds=100.0)
    assert len(shown) <= 36
    assert [line for line in shown if line.startswith("  ") and " others: " not in line and len(line) > WIDTH] == []


def test_what_is_left_out_is_counted(told: Told) -> None:
    """Categories and reasons that are not listed are counted together; codes are, in the head of their section."""
    shown = told(_full())
    listed = sum(int(line.split()[0]) for line in shown[1:11])
    assert listed == sum(20 - place for place in range(len(Category)))
    assert shown[10] == "       60  in 8 others: " + ", ".join(
        f"{category} {20 - place}" for place, category in enumerate(Category) if place > 8
    )
    assert "unknown codes: 6 in 45 records" in shown
    place = shown.index("rejects by reason:") + 1
    assert shown[place : place + 5] == [f"  {100 - number:>7}  reason {number}" for number in range(5)]
    assert shown[place + 5] == "      189  for other reasons"
    assert [line for line in shown if "heygen new_code_" in line] == [line for line in shown if re.match(r" +(10|9|8)  heygen new", line)]


def test_more_unknown_codes_than_are_told_apart(told: Told) -> None:
    """Where codes were too many to tell apart, the line says that there are more."""
    values = _summary(
        failed=7, unknown=Counter({("heygen", "x"): 2}), samples={("heygen", "x"): (None, "unknown")}, beyond=Counter(unknown=5, reasons=3)
    )
    assert "unknown codes: more than 1 in 7 records" in told(values)


@pytest.mark.parametrize(("share", "shown"), [(0, "0 %"), (1, "below 1 %"), (10, "1 %"), (999, "100 %"), (1000, "100 %")])
def test_percent(told: Told, share: int, shown: str) -> None:
    """Shares are whole percents; what is rare is not told as nothing."""
    line = f"could be retried: {share} of 1000 ({shown}); never 1"
    assert line in told(_summary(failed=1000, retryable=share, actions=Counter(never=1)))


HOSTILE = "\x1b[31mred\x1b[0m\r\n\tnext\u202eback\u2028end [bold]x[/bold] :smile:"
ESCAPED = r"\x1b[31mred\x1b[0m\r\n\tnext\u202eback\u2028end [bold]x[/bold] :smile:"


def _hostile() -> dict[str, Any]:
    return _summary(
        failed=1,
        rejects=1,
        records=1,
        unknown=Counter({("heygen", "a\nb"): 1}),
        samples={("heygen", "a\nb"): (HOSTILE, "unknown")},
        reasons=Counter({"field \x1b[2J is no status": 1}),
    )


def test_vendor_text_is_data(told: Told) -> None:
    """Control characters, escape sequences, bidi marks and line ends of vendors and of names are escaped."""
    shown = told(_hostile(), rejects="bad\nname\x1b[2J")
    assert rf"        1  heygen a\nb, read as unknown: {ESCAPED}" in shown
    assert r"        1  field \x1b[2J is no status" in shown
    assert r"rejects: bad\nname\x1b[2J" in shown


@pytest.mark.parametrize("seconds", [None, 0.0, 9.9])
def test_the_time_of_short_runs_is_not_told(told: Told, seconds: float | None) -> None:
    """Outside a terminal the same short run over the same log gives the same text."""
    assert [line for line in told(_full(), seconds=seconds) if line.startswith("time:")] == []


# Processes.

_SCRIPT = "import json, sys; from heify_heygen_errors.cli.summary import tell; tell(json.loads(sys.argv[1]), output='-', rejects='r', seconds=2.0)"
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _in_terminal(values: dict[str, Any], **environment: str) -> str:
    """What a terminal is sent."""
    controller, terminal = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, json.dumps(values)],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # the terminal's other end was closed
                raise
            break
        if not chunk:
            break
        shown += chunk
    os.close(controller)
    assert process.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_person_gets_colours_and_thousands() -> None:
    """In a terminal numbers have separators, categories the colour of their fault, and no line is wider than the terminal."""
    shown = _in_terminal(_full())
    lines = _ESCAPE.sub("", shown).splitlines()
    assert "".join(lines[:2]).startswith("1,234,600 records = 1,234,000 written + 600 rejects; 1,000,000 failed, 200,000 were no error")
    assert "by provider: heygen 900,000, heify 100,000" in lines
    assert "time: 2.0 s, 617,250 rows/s" in lines
    assert max(map(len, lines)) <= 80
    assert re.search(r"\x1b\[35m +20  authentication", shown)


def test_no_color() -> None:
    """With NO_COLOR a terminal gets the same text without colours."""
    plain = _in_terminal(_full(), NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9;]*3[0-7][0-9;]*m", plain) is None
    assert _ESCAPE.sub("", plain) == _ESCAPE.sub("", _in_terminal(_full()))


def test_vendor_text_is_data_in_a_terminal() -> None:
    """A terminal, too, is sent no control character of a vendor, and markup is shown as it is."""
    shown = _ESCAPE.sub("", _in_terminal(_hostile(), COLUMNS="200"))
    assert ESCAPED in shown
    assert "\x1b" not in shown


def test_a_closed_pipe(tmp_path: Path) -> None:
    """If nobody reads stderr any more the command goes on in silence, and its exit code is its own."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", f"{_SCRIPT}; sys.exit(7)", json.dumps(_full())], stderr=writer, check=False, cwd=tmp_path)
    os.close(writer)
    assert done.returncode == 7
