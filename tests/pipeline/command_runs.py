"""The command in processes of its own, logs to run it on, and what a folder holds."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

HHE = [sys.executable, "-m", "heify_heygen_errors"]
ANSWERS: list[tuple[str, int, Any]] = [
    ("heygen", 401, {"code": 400112, "message": "Unauthorized"}),
    ("heygen", 429, '{"error":{"code":"rate_limit_exceeded","message":"Too many"}}'),
    ("heygen", 400, {"code": 987654, "message": "nobody knows this"}),
    ("heify", 200, {"ok": True}),
    ("heify", 402, '{"error":{"message":"Insufficient transcription minutes","code":402}}'),
    ("liveavatar", 403, {"code": 4003, "data": None, "message": "Not authenticated"}),
    ("heygen", 200, None),
]


class Ended(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: bytes
    err: str


def command(*arguments: str | Path, cwd: Path, stdin: bytes = b"", **environment: str) -> Ended:
    """Runs ``hhe normalize`` in a process of its own."""
    done = subprocess.run(
        [*HHE, "normalize", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def begin(*arguments: str | Path, cwd: Path, **streams: Any) -> subprocess.Popen[bytes]:
    """Begins ``hhe normalize`` in a session of its own."""
    piped: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([*HHE, "normalize", *map(str, arguments)], cwd=cwd, start_new_session=True, **piped)


def wait_until(met: Callable[[], object], seconds: float = 30) -> None:
    """Waits for something that another process does.

    Raises:
        TimeoutError: it did not.
    """
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            msg = "it did not happen"
            raise TimeoutError(msg)
        time.sleep(0.002)


def working(process: subprocess.Popen[bytes], output: Path) -> bool:
    """Whether a process has locked the state of an output, or has ended."""
    lock = f"{output}.partial/lock"
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        return process.poll() is not None or any(str(link.readlink()) == lock for link in folder.iterdir())
    except OSError:
        return process.poll() is not None


def session_of(leader: int) -> list[int]:
    """The processes that live in the session of a process, which may have ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:  # it ended in between
                continue
            if int(session) == leader and state != "Z":
                found.append(int(folder.name))
    return found


def kill(process: subprocess.Popen[bytes]) -> str:
    """Ends a process at once, which its workers are not told; returns what it said on stderr."""
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=60)[1].decode()


def log(count: int, seed: int = 1) -> bytes:
    """So many lines as services write them, about one in twenty of them no record."""
    return b"".join(line + b"\n" for line in _lines(count, random.Random(seed)))


def _lines(count: int, chance: random.Random) -> Iterator[bytes]:
    for number in range(count):
        kind = chance.random()
        if kind < 0.02:
            yield b'nonsense {"%d' % number
        elif kind < 0.03:
            yield b""
        elif kind < 0.04:
            yield json.dumps({"status": 500, "id": number}).encode()
        else:
            provider, status, body = chance.choice(ANSWERS)
            record: dict[str, Any] = {
                "id": number,
                "provider": provider,
                "status": status,
                "body": body,
                "day": chance.choice(["mon", "tue"]),
            }
            record["ms"] = chance.random() * 100
            if kind > 0.8:
                record["headers"] = {"Retry-After": str(number % 50), "x-request-id": f"r-{number}"}
            if number > count * 0.6 and kind > 0.9:  # a column that comes late, of two types
                record["late"] = number if number % 2 else "x" * (number % 7)
            if kind > 0.95:
                record["text"] = f'=1+{number}ä\n,"'
            yield json.dumps(record, ensure_ascii=chance.random() < 0.5).encode()


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def without_run(manifest: bytes) -> Mapping[str, Any]:
    """What a manifest says of input and output, without what it says of the run."""
    told: dict[str, Any] = json.loads(manifest)
    del told["run"]
    return told
