"""A command in a fresh process: how long it takes, and how much memory its process tree holds at most.

Memory is the PSS of all processes of the tree, added up: pages that several processes share are counted once, where RSS
would count them in each. It is read every few milliseconds from ``/proc/PID/smaps_rollup``, in a run of its own, for that
costs the command time. What is peak between two looks is not seen; a peak of milliseconds is none that kills a process.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

INTERVAL = 0.02
MEGABYTE = 1_000_000


class Ended(NamedTuple):
    """A command that ended.

    Attributes:
        code: its exit code.
        seconds: from its start to its end.
        cpu: seconds of processor time of it and all its children.
        said: the last line that it wrote to stderr.
    """

    code: int
    seconds: float
    cpu: float
    said: str


class Memory(NamedTuple):
    """The most that was held, in bytes.

    Attributes:
        whole: by all processes together.
        anonymous: the part of it that is no file's: what was allocated.
        largest: by one process.
        processes: how many there were.
    """

    whole: int
    anonymous: int
    largest: int
    processes: int


class CommandError(RuntimeError):
    """A command that was to be measured did not work; the message ends in what it said."""


@contextmanager
def on_cores(cores: int) -> Iterator[None]:
    """Whatever is started in here has the first so many cores of this process."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def all_cores() -> int:
    """How many this process has."""
    return len(os.sched_getaffinity(0))


def timed(command: Sequence[str], cores: int) -> Ended:
    """Runs a command and says how it ended."""
    with on_cores(cores):
        start = perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    return Ended(process.returncode, seconds, usage.ru_utime + usage.ru_stime, _last_line(said))


def weighed(command: Sequence[str], cores: int) -> Memory:
    """Runs a command and says how much memory it held.

    Raises:
        CommandError: it did not work.
    """
    with on_cores(cores):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    most = Memory(0, 0, 0, 0)
    while process.poll() is None:
        held = [memory for pid in _session(process.pid) if (memory := _held(pid)) is not None]
        if held:
            whole, anonymous = sum(one for one, _ in held), sum(one for _, one in held)
            largest = max(one for one, _ in held)
            most = Memory(*map(max, most, (whole, anonymous, largest, len(held))))
        sleep(INTERVAL)
    if process.returncode not in {0, 1}:
        msg = f"{command[1:3]} ended with {process.returncode}"
        raise CommandError(msg)
    return most


def _session(leader: int) -> Iterator[int]:
    """The processes of a session."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # it has ended
            # The name in brackets may hold anything; behind it stand state, parent, group and session.
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == leader:
                yield int(folder.name)


def _held(pid: int) -> tuple[int, int] | None:
    """PSS and anonymous PSS of a process, in bytes; None if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    held = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return held.get("Pss", 0), held.get("Pss_Anon", 0)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
