"""What befalls the tasks of a job: functions for mapInArrow, and catalogs that tell where they arrive. The executors have this module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext

from heify_heygen_errors import Catalogs

TASKS = 6
"""Of the job that is disturbed."""

GIVEN = 2
"""Batches that an attempt gives before something befalls it."""

SLOW = 120.0
"""Seconds that an attempt takes that is not waited for."""


def undisturbed(trace: Path, batches: Iterable[Any]) -> Iterator[Any]:
    """Nothing befalls."""
    _tell(trace, _task(), _attempt())
    yield from batches


def fails(trace: Path, batches: Iterable[Any]) -> Iterator[Any]:
    """The first attempt at each task of an even number fails when it has given some rows."""
    for number, batch in enumerate(undisturbed(trace, batches)):
        if number == GIVEN and _attempt() == 0 and _task() % 2 == 0:
            msg = "the first attempt fails"
            raise RuntimeError(msg)
        yield batch


def loses_its_executor(trace: Path, batches: Iterable[Any]) -> Iterator[Any]:
    """The executor of the first attempt at one task is killed when it has given some rows."""
    for number, batch in enumerate(undisturbed(trace, batches)):
        if number == GIVEN and _attempt() == 0 and _task() == 1:
            os.kill(_executor(), signal.SIGKILL)
            time.sleep(SLOW)
        yield batch


def is_slow(trace: Path, batches: Iterable[Any]) -> Iterator[Any]:
    """The first attempt at the last task gives some rows, then takes so long that another one is made beside it."""
    for number, batch in enumerate(undisturbed(trace, batches)):
        if number == GIVEN and _attempt() == 0 and _task() == TASKS - 1:
            time.sleep(SLOW)
        yield batch


def _attempt() -> int:
    return TaskContext.get().attemptNumber()


def _task() -> int:
    return TaskContext.get().partitionId()


def _executor() -> int:
    """The process of Java that started the daemon that started this process."""
    daemon = os.getppid()
    executor = int(Path(f"/proc/{daemon}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    if b"CoarseGrainedExecutorBackend" not in Path(f"/proc/{executor}/cmdline").read_bytes():
        msg = f"process {executor} is no executor"
        raise AssertionError(msg)
    return executor


def _tell(trace: Path, *numbers: int) -> None:
    with trace.open("a", encoding="utf-8") as lines:
        lines.write(" ".join(map(str, numbers)) + "\n")


def told(trace: Path) -> list[tuple[int, ...]]:
    """What was told in a file: numbers of a task and an attempt at it, or of a process."""
    return [tuple(map(int, line.split())) for line in trace.read_text(encoding="utf-8").splitlines()]


class TracedCatalogs(Catalogs):
    """Catalogs that tell the number of each process in which they arrive.

    Arguments:
        catalogs: that decide.
        trace: the file.
    """

    def __init__(self, catalogs: Catalogs, trace: Path) -> None:
        super().__init__(catalogs.raw, catalogs.overlays, catalogs.version)
        self._trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return _arrived, (self._trace, Catalogs(self.raw, self.overlays, self.version))


def _arrived(trace: Path, catalogs: Catalogs) -> Catalogs:
    _tell(trace, os.getpid())
    return catalogs
