"""How the clients behave when a vendor fails: requests in an outage, successes in a bad hour, late ends, leaks.

    python -m pip install -e '.[test]'
    python tests/benchmarks/resilience.py
    python tests/benchmarks/resilience.py --only soak --seconds 300

Figures with command, date and machine: docs/benchmarks/client.md. tests/client/test_resilience.py runs smaller versions
of all of it. The fake server plays HeyGen over real sockets; for `overrun` and `soak` in a process of its own.

- `outage`: threads call a vendor that answers nothing but 503, with a budget that is full. Then it recovers.
- `random`: one of ten requests fails with 500, by a seed. Waits pass at once.
- `overrun`: calls that would last longer than their deadline, by how much they exceed it.
- `soak`: successes, errors and faults for minutes: memory, descriptors, threads.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import linear_regression, median, quantiles
from typing import Any, NamedTuple, TypeAlias

if __package__ in (None, ""):  # run as a file: the folder above this one holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.fake_server import running
from benchmarks.run import circumstances
from heify_heygen_errors import ApiError, AsyncClient, Client, RetryBudget, RetryPolicy
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, error

MODES = ("sync", "async")
ME = "/v3/users/me"
VIDEOS = "/v3/videos"


def video(number: int) -> dict[str, str]:
    """A video that is like no other one, so that a double charge can be told from two of them."""
    return {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": f"Hello {number}"}


def make(number: int) -> tuple[str, str, dict[str, Any]]:
    """A call: each second one reads, the others start a video."""
    return ("GET", ME, {}) if number % 2 else ("POST", VIDEOS, {"json": video(number)})


class Ended(NamedTuple):
    """One call: whether it succeeded, how often it was sent, seconds from its beginning to its end."""

    succeeded: bool
    attempts: int
    seconds: float


Call: TypeAlias = tuple[str, str, Mapping[str, Any]]
Calls: TypeAlias = Iterable[Call]


def run(
    mode: str, workers: int, calls: Calls, settings: Mapping[str, Any], *, at_once: bool = True, watch: Callable[[Ended], object] = id
) -> list[Ended]:
    """Make calls with one client, by so many threads or tasks.

    Arguments:
        mode: ``sync`` or ``async``.
        workers: threads or tasks.
        calls: method, path and options of each.
        settings: of the client.
        at_once: whether its waits pass at once.
        watch: told of each call when it has ended.
    """
    if mode == "async":
        return asyncio.run(_run_async(workers, list(calls), settings, at_once=at_once, watch=watch))
    sleep = _nothing if at_once else time.sleep

    def one(call: Call) -> Ended:
        method, path, options = call
        begin = time.perf_counter()
        try:
            succeeded, attempts = True, len(client.heygen.request(method, path, **options).attempts)
        except ApiError as failed:
            succeeded, attempts = False, len(failed.attempts)
        ended = Ended(succeeded, attempts, time.perf_counter() - begin)
        watch(ended)
        return ended

    with Client(**settings, sleep=sleep) as client, ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, list(calls)))


async def _run_async(
    workers: int, calls: Sequence[Call], settings: Mapping[str, Any], *, at_once: bool, watch: Callable[[Ended], object]
) -> list[Ended]:
    source = enumerate(calls)
    ended: dict[int, Ended] = {}

    async def work(client: AsyncClient) -> None:
        for number, (method, path, options) in source:
            begin = time.perf_counter()
            try:
                succeeded, attempts = True, len((await client.heygen.request(method, path, **options)).attempts)
            except ApiError as failed:
                succeeded, attempts = False, len(failed.attempts)
            ended[number] = Ended(succeeded, attempts, time.perf_counter() - begin)
            watch(ended[number])

    sleep = _nothing_async if at_once else asyncio.sleep
    async with AsyncClient(**settings, sleep=sleep) as client:
        await asyncio.gather(*(work(client) for _ in range(workers)))
    return [ended[number] for number in range(len(calls))]


def _nothing(_: float) -> None:
    """A wait that is over at once."""


async def _nothing_async(_: float) -> None:
    await asyncio.sleep(0)


def _settings(server: FakeServer, **more: Any) -> dict[str, Any]:
    return {"heygen_api_key": server.heygen.api_key, "heygen_base_url": server.heygen.url, "timeout": 30.0, **more}


# Outage.


class Outage(NamedTuple):
    """An outage, and what came behind it.

    Attributes:
        calls, requests: in the outage.
        tokens: of the budget at its end.
        recovery: calls behind it until one succeeded, until a retry could be paid for, and until the budget was full.
        failures: calls that failed behind it.
    """

    calls: int
    requests: int
    tokens: int
    recovery: tuple[int, int, int]
    failures: int

    @property
    def per_call(self) -> float:
        """Requests that the vendor got for each call."""
        return self.requests / self.calls


def outage(mode: str, workers: int = 50, each: int = 20, *, at_once: bool = False) -> Outage:
    """Threads or tasks call a vendor that answers nothing but 503; then it answers again.

    Arguments:
        mode: ``sync`` or ``async``.
        workers: threads or tasks.
        each: calls of each of them.
        at_once: whether the waits before retries pass at once.
    """
    budget = RetryBudget()
    with FakeServer(limits=False) as server:
        settings = _settings(server, budget=budget)
        with server.on(None, None, error("heygen", "service_unavailable")):
            ended = run(mode, workers, (make(number) for number in range(workers * each)), settings, at_once=at_once)
        requests, tokens = server.request_count, budget.state.tokens
        server.assert_paid_once()
        healed: list[tuple[bool, int]] = []
        run(mode, 1, [make(1)] * budget.state.capacity, settings, watch=lambda one: healed.append((one.succeeded, budget.state.tokens)))
    cost, capacity = RetryPolicy().transient_cost, budget.state.capacity
    recovery = (
        next(number for number, (succeeded, _) in enumerate(healed, 1) if succeeded),
        next(number for number, (_, left) in enumerate(healed, 1) if left >= cost),
        next(number for number, (_, left) in enumerate(healed, 1) if left == capacity),
    )
    if any(one.succeeded for one in ended):
        message = "a call succeeded in an outage of all"
        raise RuntimeError(message)
    return Outage(len(ended), requests, tokens, recovery, sum(not succeeded for succeeded, _ in healed))


# A bad hour.


class BadHour(NamedTuple):
    """Calls of which a share of the requests failed by chance."""

    calls: int
    requests: int
    failed: int
    paid_twice: int
    seconds: float

    @property
    def per_call(self) -> float:
        """Requests that the vendor got for each call."""
        return self.requests / self.calls

    @property
    def success(self) -> float:
        """The part of the calls that succeeded."""
        return 1 - self.failed / self.calls


def bad_hour(mode: str, calls: int = 20_000, share: float = 0.1, seed: int = 1, workers: int = 1) -> BadHour:
    """Calls to a vendor that answers a share of the requests with 500, behind which the work was done nevertheless.

    With one worker everything follows from the seed.
    """
    begin = time.perf_counter()
    with FakeServer(limits=False, seed=seed) as server:
        server.on(None, None, error("heygen", "internal_error"), share=share)
        settings = _settings(server, budget=RetryBudget(), draw=random.Random(seed).random)
        ended = run(mode, workers, (make(number) for number in range(calls)), settings)
        failed = sum(not one.succeeded for one in ended)
        return BadHour(calls, server.request_count, failed, len(server.double_charges), time.perf_counter() - begin)


# Deadlines.

LASTING = (
    "slow_answer; seconds=30",
    "no_answer; seconds=30",
    "trickling_body; seconds=0.05",
    "trickling_headers; seconds=0.05; size=1000",
    "content_length_too_long; seconds=30",
)
"""Faults that last longer than any deadline here; a trickle of bytes is never late for a time-out between two bytes."""

DEAD = ("silent", "unreachable", "silent with TLS")

_SERVER = """
import sys
from heify_heygen_errors.testing import FakeServer
with FakeServer(limits=False, keep=100) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


class Overrun(NamedTuple):
    """By how many seconds calls ended behind their deadline."""

    late: tuple[float, ...]
    early: int

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.late)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return quantiles(self.late, n=100, method="inclusive")[98]

    @property
    def worst(self) -> float:
        """The latest end."""
        return max(self.late)


def overrun(mode: str, workers: int = 8, each: int = 40, deadline: float = 0.5) -> Overrun:
    """Calls that would last longer than their deadline: to a server that is slow, trickles, or is not there."""
    with running(_SERVER) as port, FakeServer() as dead:
        urls = {
            "": f"http://127.0.0.1:{port}/heygen",
            "silent": dead.silent_url("heygen"),
            "silent with TLS": dead.silent_url("heygen", tls=True),
            "unreachable": dead.unreachable_url("heygen"),
        }
        cases = [("", fault) for fault in LASTING] + [(name, None) for name in DEAD]
        chosen = [cases[number % len(cases)] for number in range(workers * each)]
        random.Random(1).shuffle(chosen)
        by_url: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for name, fault in chosen:
            by_url.setdefault(name, []).append(("GET", ME, {} if fault is None else {"headers": {"X-Fake-Fault": fault}}))
        settings = {"heygen_api_key": dead.heygen.api_key, "timeout": 20.0, "deadline": deadline, "budget": RetryBudget(10**6)}
        run(mode, 1, [("GET", "/nothing", {})], {**settings, "heygen_base_url": urls[""]})  # what the first error of a process loads
        ended = [
            one
            for name, calls in by_url.items()
            for one in run(mode, workers, calls, {**settings, "heygen_base_url": urls[name]}, at_once=False)
        ]
    return Overrun(tuple(one.seconds - deadline for one in ended), sum(one.seconds < deadline or one.succeeded for one in ended))


# Soak.

MIXTURE: Sequence[Mapping[str, str]] = (
    *({} for _ in range(12)),
    {"X-Fake-Error": "internal_error"},
    {"X-Fake-Error": "rate_limit_exceeded"},
    {"X-Fake-Error": "unauthorized"},
    {"X-Fake-Error": "invalid_parameter"},
    {"X-Fake-Fault": "reset_after_request"},
    {"X-Fake-Fault": "closed_without_answer"},
    {"X-Fake-Fault": "truncated_body"},
    {"X-Fake-Fault": "truncated_chunks"},
    {"X-Fake-Fault": "broken_gzip"},
    {"X-Fake-Fault": "broken_json"},
    {"X-Fake-Fault": "gzip_bomb; size=4194304"},
    {"X-Fake-Fault": "endless_body; size=4194304"},
    {"X-Fake-Fault": "not_http"},
    {"X-Fake-Fault": "huge_header"},
    {"X-Fake-Fault": "redirect_elsewhere"},
    {"X-Fake-Fault": "redirect_loop"},
    {"X-Fake-Fault": "trickling_body; seconds=0.02"},
    {"X-Fake-Fault": "slow_answer; seconds=30"},
)
"""What a call of the soak asks for, each as often as any other one."""


class Sample(NamedTuple):
    """This process at one moment: seconds since the beginning, bytes of memory, descriptors, threads."""

    seconds: float
    memory: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls, begin: float) -> Sample:
        """What Linux says of this process."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
        return cls(time.perf_counter() - begin, pages * os.sysconf("SC_PAGE_SIZE"), descriptors, threading.active_count())


class Soak(NamedTuple):
    """A soak: samples of each second, those of the beginning and the end, and how often what came of a call."""

    samples: tuple[Sample, ...]
    before: Sample
    after: Sample
    results: Counter[str]

    def slope(self, skip: float = 60.0) -> float:
        """Bytes a minute that memory grows by, behind the first `skip` seconds."""
        kept = [sample for sample in self.samples if sample.seconds >= skip]
        return linear_regression([sample.seconds for sample in kept], [sample.memory for sample in kept]).slope * 60


def soak(seconds: float = 300.0, threads: int = 4, tasks: int = 4) -> Soak:
    """Calls of both clients at once for some time, most of which succeed and the others meet everything else."""
    with running(_SERVER) as port:
        settings = {
            "heygen_api_key": "fake-heygen-key",
            "heygen_base_url": f"http://127.0.0.1:{port}/heygen",
            "timeout": 1.0,
            "deadline": 0.3,
            "budget": RetryBudget(10**9),
            "max_answer": 1 << 20,
        }
        results: Counter[str] = Counter()
        _soak_for(0.5, threads, tasks, settings, Counter())  # imports, pools, the thread that watches deadlines
        gc.collect()
        begin = time.perf_counter()
        before = Sample.now(begin)
        samples: list[Sample] = []
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(begin, stop, samples))
        watcher.start()
        _soak_for(seconds, threads, tasks, settings, results)
        stop.set()
        watcher.join()
        gc.collect()
        return Soak(tuple(samples), before, Sample.now(begin), results)


def _watch(begin: float, stop: threading.Event, samples: list[Sample]) -> None:
    while not stop.wait(1.0):
        samples.append(Sample.now(begin))


def _soak_for(seconds: float, threads: int, tasks: int, settings: Mapping[str, Any], results: Counter[str]) -> None:
    end = time.perf_counter() + seconds
    counts = [Counter[str]() for _ in range(threads + 1)]
    workers = [
        threading.Thread(target=_soak_sync, args=(client_number, end, settings, counts[client_number])) for client_number in range(threads)
    ]
    workers.append(threading.Thread(target=lambda: asyncio.run(_soak_async(tasks, end, settings, counts[-1]))))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for count in counts:
        results.update(count)


def _mixed(seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    chance = random.Random(seed)
    for number in range(seed * 10**6, (seed + 1) * 10**6):
        method, path, options = make(number)
        yield method, path, {**options, "headers": dict(chance.choice(MIXTURE))}


def _soak_sync(seed: int, end: float, settings: Mapping[str, Any], results: Counter[str]) -> None:
    with Client(**settings) as client:
        for method, path, options in _mixed(seed):
            if time.perf_counter() > end:
                return
            try:
                client.heygen.request(method, path, **options)
                results["sync: answer"] += 1
            except ApiError as failed:
                results[f"sync: {failed.info.rule}"] += 1


async def _soak_async(tasks: int, end: float, settings: Mapping[str, Any], results: Counter[str]) -> None:
    async def work(client: AsyncClient, seed: int) -> None:
        for method, path, options in _mixed(seed):
            if time.perf_counter() > end:
                return
            try:
                await client.heygen.request(method, path, **options)
                results["async: answer"] += 1
            except ApiError as failed:
                results[f"async: {failed.info.rule}"] += 1

    async with AsyncClient(**settings) as client:
        await asyncio.gather(*(work(client, 1000 + number) for number in range(tasks)))


# The command.


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show_outage() -> str:
    """A table of the outage."""
    rows = []
    for mode in MODES:
        found = outage(mode)
        rows.append((mode, found.calls, found.requests, f"{found.per_call:.3f}", found.tokens, *found.recovery, found.failures))
    head = [
        "client",
        "calls",
        "requests",
        "requests per call",
        "tokens left",
        "calls to a success",
        "to a retry",
        "to a full budget",
        "failed behind it",
    ]
    return table(head, rows)


def show_random() -> str:
    """A table of the bad hour."""
    rows = []
    for mode in MODES:
        found = bad_hour(mode)
        rows.append(
            (mode, found.calls, f"{found.success:.2%}", found.failed, f"{found.per_call:.4f}", found.paid_twice, f"{found.seconds:.0f} s")
        )
    return table(["client", "calls", "success", "failed", "requests per call", "paid twice", "took"], rows)


def show_overrun() -> str:
    """A table of late ends."""
    rows = []
    for mode in MODES:
        found = overrun(mode)
        rows.append((mode, len(found.late), *(f"{value * 1e3:.1f}" for value in (found.p50, found.p99, found.worst)), found.early))
    return table(["client", "calls", "ms late: median", "99th percentile", "latest", "ended early"], rows)


def show_soak(seconds: float) -> str:
    """A table of the soak."""
    found = soak(seconds)
    skip = min(60.0, seconds / 3)
    mib = 1 << 20
    rows = [
        ("calls", sum(found.results.values())),
        ("answers", sum(count for what, count in found.results.items() if what.endswith("answer"))),
        (f"memory behind {skip:.0f} s, MiB a minute", f"{found.slope(skip) / mib:+.2f}"),
        (
            "memory before, highest and at the end, MiB",
            " / ".join(
                f"{value / mib:.1f}" for value in (found.before.memory, max(one.memory for one in found.samples), found.after.memory)
            ),
        ),
        (
            "descriptors before, most and at the end",
            f"{found.before.descriptors} / {max(one.descriptors for one in found.samples)} / {found.after.descriptors}",
        ),
        (
            "threads before, most and at the end",
            f"{found.before.threads} / {max(one.threads for one in found.samples)} / {found.after.threads}",
        ),
    ]
    results = table(["came of it", "times"], found.results.most_common())
    return f"{table(['soak of both clients', f'{seconds:.0f} s'], rows)}\n\n{results}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Runs the clients against a vendor that fails, and prints figures.")
    parser.add_argument("--only", choices=("outage", "random", "overrun", "soak"), help="one of the four")
    parser.add_argument("--seconds", type=float, default=300.0, help="of the soak; default 300")
    options = parser.parse_args(arguments)
    about = circumstances()
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}", flush=True)
    shows: dict[str, Callable[[], str]] = {
        "outage": show_outage,
        "random": show_random,
        "overrun": show_overrun,
        "soak": lambda: show_soak(options.seconds),
    }
    for name, show in shows.items():
        if options.only in (None, name):
            print(f"\n## {name}\n\n{show()}", flush=True)


if __name__ == "__main__":
    main()
