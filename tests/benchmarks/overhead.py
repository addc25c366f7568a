"""What a call costs with the clients, beside the HTTP libraries that they use: both send the same and parse the JSON.

    python -m pip install -e '.[test]'
    python tests/benchmarks/overhead.py

The server is a process of its own that does nothing but send the same bytes, head and body in one piece, over connections that
are kept. Both sides send the same headers and have the same time-outs. They take turns in one process, round by round, the
one that begins alternating; the collector rests while the clock runs. The ratio is that of the median rounds and, in round brackets,
of the best ones; a goal is met only if both meet it. In square brackets are the quartiles of the ratios within a round, which say
how noisy the machine was.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any, NamedTuple

import httpx2
import requests

if __package__ in (None, ""):  # run as a file: the folder above this one holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.fake_server import running
from benchmarks.report import Ratio
from benchmarks.resilience import table
from benchmarks.run import circumstances
from benchmarks.timing import Times, rotated
from heify_heygen_errors import AsyncClient, Client, RetryBudget, __version__

BODIES = {
    "200 B": "members/200",
    "4 KiB, many members": "members/4096",
    "64 KiB, one text": "text/65536",
    "64 KiB, many members": "members/65536",
}
"""The part of the path by which the server knows what to answer. json.loads reads one long text quickest."""

GOAL = 1.10
TIMEOUT = (5.0, 60.0)

_KEY = "a-key-that-nobody-checks"
_PATH = "/v3/videos/{body}"
_SERVER = """
import asyncio, json, sys

def answer(kind, size):
    item = {"id": "4f7c1a9be2d84516", "status": "completed", "title": "A title of some length"}
    body = {"data": {"items": []}}
    while kind == "members" and len(json.dumps(body)) + 130 < size:
        body["data"]["items"].append(item)
    body["data"]["rest"] = ""
    body["data"]["rest"] = "x" * (size - len(json.dumps(body)))
    text = json.dumps(body).encode()
    assert len(text) == size
    head = (
        "HTTP/1.1 200 OK\\r\\nDate: Sun, 22 Nov 2026 10:00:00 GMT\\r\\nContent-Type: application/json\\r\\n"
        f"X-Request-Id: 6b1d9c5e-7d0c-4b13-9d0e-2f6a1c8b7e54\\r\\nContent-Length: {size}\\r\\n\\r\\n"
    )
    return head.encode() + text

class Line(asyncio.Protocol):
    answers = {}
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        if self.data.endswith(b"\\r\\n\\r\\n"):
            path = self.data.split(b" ", 2)[1].decode()
            self.data = b""
            if path not in self.answers:
                kind, size = path.split("/")[-2:]
                self.answers[path] = answer(kind, int(size))
            self.transport.write(self.answers[path])

async def main():
    server = await asyncio.get_running_loop().create_server(Line, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


class Race(NamedTuple):
    """Seconds per call of each round, of the client and of the bare library."""

    ours: Times
    bare: Times

    @property
    def ratio(self) -> Ratio:
        """Of the medians, and of the best rounds."""
        return Ratio.of([self.ours], [self.bare])

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the ratios of single rounds."""
        ratios = [ours / bare for ours, bare in zip(self.ours.rounds, self.bare.rounds, strict=True)]
        if len(ratios) == 1:
            return ratios[0], ratios[0]
        low, _, high = quantiles(ratios, n=4, method="inclusive")
        return low, high


def _headers() -> dict[str, str]:
    """What the clients send of themselves, so that both sides send the same bytes."""
    return {
        "User-Agent": f"heify-heygen-errors/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "X-Api-Key": _KEY,
    }


def race_sync(port: int, body: str, rounds: int, calls: int) -> Race:
    """`Client` against `requests.Session`."""
    base, path = f"http://127.0.0.1:{port}", _PATH.format(body=body)
    url = base + path
    with requests.Session() as session, Client(_KEY, heygen_base_url=base, timeout=TIMEOUT, budget=RetryBudget()) as client:
        session.headers.clear()
        session.headers.update(_headers())

        def bare() -> Any:
            return session.get(url, timeout=TIMEOUT).json()["data"]

        def ours() -> Any:
            return client.heygen.get(path).data

        if bare() != ours():
            message = "both sides read the same answer"
            raise RuntimeError(message)
        return _race({"ours": lambda: _times(ours, calls), "bare": lambda: _times(bare, calls)}, rounds, calls)


def race_async(port: int, body: str, rounds: int, calls: int) -> Race:
    """`AsyncClient` against `httpx2.AsyncClient`, one call after the other."""
    base, path = f"http://127.0.0.1:{port}", _PATH.format(body=body)
    url = base + path
    with asyncio.Runner() as runner:
        bare_client = httpx2.AsyncClient(timeout=httpx2.Timeout(TIMEOUT[1], connect=TIMEOUT[0]))
        bare_client.headers.clear()
        bare_client.headers.update(_headers())
        client = AsyncClient(_KEY, heygen_base_url=base, timeout=TIMEOUT, budget=RetryBudget())

        async def bare() -> Any:
            return (await bare_client.get(url)).json()["data"]

        async def ours() -> Any:
            return (await client.heygen.get(path)).data

        async def times(call: Callable[[], Any]) -> float:
            begin = perf_counter()
            for _ in range(calls):
                await call()
            return perf_counter() - begin

        if runner.run(bare()) != runner.run(ours()):
            message = "both sides read the same answer"
            raise RuntimeError(message)
        found = _race({"ours": lambda: runner.run(times(ours)), "bare": lambda: runner.run(times(bare))}, rounds, calls)
        runner.run(bare_client.aclose())
        runner.run(client.close())
        return found


def _times(call: Callable[[], Any], calls: int) -> float:
    begin = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - begin


def _race(sides: Mapping[str, Callable[[], float]], rounds: int, calls: int) -> Race:
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(-1, rounds):
        for name in rotated(list(sides), turn):
            gc.collect()
            gc.disable()
            try:
                seconds = sides[name]()
            finally:
                gc.enable()
            if turn >= 0:
                taken[name].append(seconds / calls)
    return Race(Times(tuple(taken["ours"])), Times(tuple(taken["bare"])))


RACES: Mapping[str, Callable[[int, str, int, int], Race]] = {
    "Client / requests.Session": race_sync,
    "AsyncClient / httpx2.AsyncClient": race_async,
}


def measure(rounds: int, calls: int) -> dict[tuple[str, str], Race]:
    """Every race with every body."""
    with running(_SERVER) as port:
        return {(name, body): race(port, path, rounds, calls) for name, race in RACES.items() for body, path in BODIES.items()}


def show(races: Mapping[tuple[str, str], Race]) -> str:
    """A table of the races. A goal that was missed stays in it."""
    rows = []
    for (name, body), race in races.items():
        low, high = race.spread
        rows.append(
            (
                name,
                body,
                f"{race.ours.median * 1e6:.0f} ({race.ours.best * 1e6:.0f})",
                f"{race.bare.median * 1e6:.0f} ({race.bare.best * 1e6:.0f})",
                f"{race.ratio} [{low:.2f} to {high:.2f}]",
                f"at most {GOAL:.2f}",
                "met" if race.ratio.at_most(GOAL) else "MISSED",
            )
        )
    head = ["us per call: median (best)", "body", "client", "bare", "ratio: median (best) [quartiles]", "goal", "goal is"]
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Runs the clients against the libraries that they use and prints figures.")
    parser.add_argument("--rounds", type=int, default=40, help="counted rounds; default 40")
    parser.add_argument("--calls", type=int, default=200, help="calls per round and side; default 200")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.calls) < 1:
        parser.error("--rounds and --calls take 1 or more")
    about = circumstances()
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}, {options.rounds} rounds of {options.calls}\n")
    print(show(measure(options.rounds, options.calls)))


if __name__ == "__main__":
    main()
