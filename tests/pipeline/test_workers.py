"""Blocks through one process or several: the same pieces in the same order, and no process is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from heify_heygen_errors import Normalizer
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline.blocks import Block, ClashError, PipelineError
from heify_heygen_errors.pipeline.worker import Job
from heify_heygen_errors.pipeline.workers import available_cores, pieces
from heify_heygen_errors.records import RecordOptions
from heify_heygen_errors.testing.logs import Mix, log_lines

_NORMALIZER = Normalizer(default_catalogs())
_JOB = Job(options=RecordOptions(provider="heygen"), catalog=_NORMALIZER.catalogs.version, as_lines=True)


def _blocks(count=12, lines=60):
    """Small blocks that differ."""
    text = list(log_lines(count * lines, 9, Mix(bodies="different", damage=0.1)))
    start = 0
    for number in range(count):
        data = b"".join(text[number * lines : (number + 1) * lines])
        yield Block(file="log", format="jsonl", start=start, end=start + len(data), data=data)
        start += len(data)


def _done(processes, job=_JOB, blocks=None):
    return [
        (block.start, block.end, piece.payload, piece.rejects, piece.tally)
        for block, piece in pieces(_blocks() if blocks is None else blocks, job, _NORMALIZER, processes)
    ]


@contextlib.contextmanager
def _another_thread():
    """A thread beside this one, with which nothing is forked."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_pieces_do_not_depend_on_the_number_of_processes():
    """One, two or three processes, forked, give the same pieces in the order of the blocks."""
    expected = _done(1)
    assert [start for start, *_ in expected] == [block.start for block in _blocks()]
    assert [_done(processes) == expected for processes in (2, 3)] == [True, True]


def test_pieces_do_not_depend_on_how_processes_begin():
    """Where there are threads, processes begin anew instead of by a fork, and give the same pieces."""
    with _another_thread():
        found = _done(2)
    assert found == _done(1)


def test_blocks_are_read_as_they_are_needed():
    """No more than a few blocks for each process are read ahead, however many there are."""
    read = []

    def endless():
        for number, block in enumerate(_blocks(40, 2)):
            read.append(number)
            yield block

    work = pieces(endless(), _JOB, _NORMALIZER, 2)
    with contextlib.closing(work):
        for taken, _ in enumerate(work):
            assert len(read) <= taken + 7
            if taken == 10:
                break
    assert len(read) < 40


@pytest.mark.parametrize("processes", [1, 2])
def test_start_is_told_once_before_the_first_piece(processes):
    """The caller is told once, before the first piece, that the processes run."""
    told = []
    work = pieces(_blocks(3, 2), _JOB, _NORMALIZER, processes, lambda: told.append("started"))
    next(work)
    assert told == ["started"]
    assert (len(list(work)), told) == (2, ["started"])


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_worker_raises_arrives(processes):
    """An error of a block arrives as it is, behind the pieces of the blocks before it."""
    bad = Block(file="log", format="jsonl", start=0, end=9, data=b'{}\n{"error_code":1}\n')
    missing = Block(file="no such file", format="jsonl", start=0, end=9)
    for block, kind in ((bad, ClashError), (missing, FileNotFoundError)):
        seen = []
        with pytest.raises(kind) as caught:
            seen.extend(piece for _, piece in pieces([*_blocks(2, 3), block], _JOB, _NORMALIZER, processes))
        assert len(seen) <= 2
        if kind is ClashError:
            assert (caught.value.line, "error_code" in caught.value.message) == (2, True)


@pytest.mark.parametrize("processes", [1, 2])
def test_what_reading_raises_arrives(processes):
    """An error while the next block is read arrives as it is."""

    def broken():
        yield from _blocks(2, 3)
        raise PipelineError("log: the file has changed")  # noqa: EM101, TRY003

    with pytest.raises(PipelineError, match="the file has changed"):
        list(pieces(broken(), _JOB, _NORMALIZER, processes))


def test_catalogs_that_changed_stop_a_process_that_begins_anew():
    """A process that loads other catalogs than the run has does not work with them."""
    job = Job(options=RecordOptions(provider="heygen"), catalog="another")
    with _another_thread(), pytest.raises(PipelineError):
        _done(2, job)


def _children():
    """Processes that this one started."""
    return {int(child) for child in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()}


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc")


@linux
def test_a_worker_that_is_killed_stops_the_run():
    """If a worker is killed, for lack of memory perhaps, the run ends with words about it and waits for nothing."""
    before = _children()
    work = pieces(_blocks(60, 40), _JOB, _NORMALIZER, 2)
    next(work)
    os.kill(min(_children() - before), signal.SIGKILL)
    with pytest.raises(PipelineError, match="a worker process ended"):
        list(work)
    assert _children() <= before


@linux
def test_no_process_is_left_when_the_caller_stops():
    """A caller that stops early leaves no process behind."""
    before = _children()
    work = pieces(_blocks(40, 5), _JOB, _NORMALIZER, 2)
    next(work)
    assert len(_children() - before) == 2
    work.close()
    assert _children() <= before


_PARENT = """
import os, sys, time
from pathlib import Path
from heify_heygen_errors import Normalizer
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline.blocks import Block
from heify_heygen_errors.pipeline.worker import Job
from heify_heygen_errors.pipeline.workers import pieces
from heify_heygen_errors.records import RecordOptions

def blocks():
    while True:
        yield Block(file="log", format="jsonl", start=0, end=3, data=b"{}\\n")

normalizer = Normalizer(default_catalogs())
job = Job(options=RecordOptions(provider="heygen"), catalog=normalizer.catalogs.version)
for _ in pieces(blocks(), job, normalizer, 2):
    print(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(), flush=True)
    time.sleep(60)
"""


@linux
def test_workers_end_with_a_parent_that_is_killed():
    """If the parent is killed, its workers end within seconds."""
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True) as parent:
        workers = [int(worker) for worker in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
    assert len(workers) == 2
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_runs(worker) for worker in workers):
        time.sleep(0.05)
    assert [worker for worker in workers if _runs(worker)] == []


def _runs(process):
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_cores_are_those_that_this_process_may_use():
    """At least one core is told, and no more than the process may use."""
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
