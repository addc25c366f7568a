"""Blocks to pieces, in the order of the blocks, whatever the number of processes.

Each worker process has a pipe of its own, and a thread here that sends it blocks and waits for pieces. When either end of a
pipe is gone, the other one knows: a worker that was killed ends the run, and workers end with the process that started them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Final

import attrs

from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.blocks import Block, Piece, PipelineError
from heify_heygen_errors.pipeline.worker import Job, Worker

_AHEAD: Final = 1
"""Blocks that wait for each process, so that none waits for a block."""

_LAST_WORDS: Final = 10.0  # seconds that a worker has to end


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def pieces(
    blocks: Iterable[Block], job: Job, normalizer: Normalizer, processes: int, started: Callable[[], object] = lambda: None
) -> Generator[tuple[Block, Piece], None, None]:
    """Each block with what became of it, in order. At most a few blocks for each process are under way.

    Arguments:
        blocks: read as they are needed.
        job: what the blocks are worked on with.
        normalizer: over the job's catalogs, for this process and those that are forked from it.
        processes: 1 to work here; more for processes beside this one.
        started: called once the processes run: from then on there may be threads in this one.

    Raises:
        PipelineError: a process ended; or as `Worker.work`.
    """
    if processes <= 1:
        worker = Worker(job, normalizer)
        started()
        for block in blocks:
            yield block, worker.work(block)
        return
    with contextlib.ExitStack() as stack:
        crew = stack.enter_context(_crew(job, normalizer, processes))
        threads = stack.enter_context(contextlib.closing(_Threads(processes)))
        started()
        waiting: deque[tuple[Block, Future[Piece]]] = deque()
        for block in blocks:
            waiting.append((_bare(block), threads.submit(crew.work, block)))
            if len(waiting) >= processes * (1 + _AHEAD):
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()


class _Threads(ThreadPoolExecutor):
    """Threads that leave what they have not begun."""

    def close(self) -> None:
        self.shutdown(cancel_futures=True)


def _bare(block: Block) -> Block:
    """A block without its text, which only the worker needs."""
    return block if block.data is None else attrs.evolve(block, data=None, rejects=())


class _Crew:
    """Worker processes. Any thread may ask for work."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        for connection in connections:
            self._idle.put(connection)

    def work(self, block: Block) -> Piece:
        """What a worker makes of a block.

        Raises:
            PipelineError: the worker ended; or as `Worker.work`.
        """
        connection = self._idle.get()
        try:
            connection.send(block)
            answer: Piece | Exception = connection.recv()
        except (EOFError, OSError):
            msg = "a worker process ended before its work was done, perhaps for lack of memory: use fewer with --jobs"
            raise PipelineError(msg) from None
        finally:
            self._idle.put(connection)
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextlib.contextmanager
def _crew(job: Job, normalizer: Normalizer, count: int) -> Generator[_Crew, None, None]:
    # A forked process has the catalogs at once; where there are threads already, a fork could lock up.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context: Any = multiprocessing.get_context("fork" if forks else "spawn")
    ours: list[Connection] = []
    started: list[BaseProcess] = []
    try:
        with _interrupts_wait():  # one that reached a worker before it ignores them would end it with a traceback
            for _ in range(count):
                here, there = context.Pipe()
                ours.append(here)
                # A forked process also has our ends of all pipes so far, and has to leave them.
                process = context.Process(
                    target=_serve, args=(there, job, normalizer if forks else None, tuple(ours) if forks else ()), daemon=True
                )
                process.start()
                there.close()
                started.append(process)
        yield _Crew(ours)
    finally:
        for connection in ours:
            connection.close()
        for process in started:
            process.join(_LAST_WORDS)
            if process.is_alive():
                process.kill()


@contextlib.contextmanager
def _interrupts_wait() -> Generator[None, None, None]:
    """Ctrl-C takes effect at the end, and not in processes that are started here until they let it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, job: Job, normalizer: Normalizer | None, foreign: Sequence[Connection]) -> None:
    """Works on blocks until the other end of the pipe is closed."""
    import pyarrow as pa

    for other in foreign:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends its workers
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    pa.set_cpu_count(1)
    worker: Worker | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            block = connection.recv()
            try:
                worker = worker or Worker(job, normalizer)
                answer: Piece | Exception = worker.work(block)
            except Exception as error:  # noqa: BLE001 - it is raised where the piece is wanted
                answer = error
            connection.send(answer)
