"""Blocks to pieces, in the order of the blocks, whatever the number of processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

import attrs

from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.blocks import Block, Piece, PipelineError
from heify_heygen_errors.pipeline.worker import Job, Worker

_AHEAD: Final = 2
"""Blocks that wait for each process, so that none waits for a block."""


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
    # A forked process has the catalogs at once; where there are threads already, a fork could lock up.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(job, normalizer if forks else None))
    waiting: deque[tuple[Block, Future[Piece]]] = deque()
    try:
        pool.submit(_ready).result()
        started()
        for block in blocks:
            waiting.append((_bare(block), pool.submit(_work, block)))
            if len(waiting) >= processes * (1 + _AHEAD):
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    except BrokenProcessPool:
        msg = "a worker process ended before its work was done, perhaps for lack of memory: use fewer with --jobs"
        raise PipelineError(msg) from None
    finally:
        waiting.clear()
        pool.shutdown(wait=True, cancel_futures=True)


def _bare(block: Block) -> Block:
    """A block without its text, which only the worker needs."""
    if block.data is None:
        return block
    return attrs.evolve(block, data=None, rejects=())


class _Here:
    """The worker of this process."""

    worker: Worker | None = None


def _begin(job: Job, normalizer: Normalizer | None) -> None:
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends its workers
    with contextlib.suppress(Exception):
        pa.set_cpu_count(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _Here.worker = Worker(job, normalizer)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Ends this process when the one that started it is gone, killed perhaps."""
    parent.join()
    os._exit(1)


def _ready() -> None:
    """The first task, so that all processes are started."""


def _work(block: Block) -> Piece:
    worker = _Here.worker
    if worker is None:
        msg = "the process has no worker"
        raise RuntimeError(msg)
    return worker.work(block)
