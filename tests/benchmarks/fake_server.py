"""The fake server's requests per second and its time to start, beside other test servers.

    python -m pip install -e '.[test]'
    python tests/benchmarks/fake_server.py

Each server runs in a process of its own and gives the same answer to the same request: a POST with JSON, answered 429
with a vendor's error. One more of ours does the full work behind it: routing, key, JSON, schema, a job, its record.
The driver sends the requests one after the other over one connection, which is kept where the server keeps it, in rounds, every server in each
round, in an order that rotates. It does not parse answers, so that the servers are measured and not a client. Starting
is timed inside one process, from the constructor to the first connection, in turns. What the first request of a process
costs more, because schemas are compiled, is timed in fresh processes.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

if __package__ in (None, ""):  # run as a file: the folder above this one holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.run import circumstances
from benchmarks.timing import Times, rotated

BODY = b'{"type":"avatar","avatar_id":"mine","voice_id":"mine","script":"Hello there"}'
REFUSAL = {"error": {"code": "rate_limit_exceeded", "message": "Too many requests."}}

OURS = """
from heify_heygen_errors.testing import FakeServer, Reply, error
import sys
with FakeServer(limits=False, known={{"avatar_id": "mine", "voice_id": "mine"}}) as server:
    if {scripted}:
        server.on("POST", "/v3/videos", error("heygen", "rate_limit_exceeded", retry_after=1))
    print(server.port, flush=True)
    sys.stdin.read()
"""
PYTEST_HTTPSERVER = """
from pytest_httpserver import HTTPServer
import sys, logging
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = HTTPServer(port=0, threaded=True)
server.expect_request("/heygen/v3/videos", method="POST").respond_with_json({refusal}, status=429, headers={{"Retry-After": "1"}})
server.start()
print(server.port, flush=True)
sys.stdin.read()
server.stop()
"""
STDLIB = """
import http.server, json, sys, threading
BODY = json.dumps({refusal}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"""
AIOHTTP = """
import asyncio, sys
from aiohttp import web
async def refuse(request):
    await request.json()
    return web.json_response({refusal}, status=429, headers={{"Retry-After": "1"}})
async def main():
    app = web.Application()
    app.router.add_post("/heygen/v3/videos", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""

SERVERS = {
    "FakeServer, error by rule": OURS.format(scripted=True),
    "FakeServer, full answer": OURS.format(scripted=False),
    "pytest-httpserver": PYTEST_HTTPSERVER.format(refusal=REFUSAL),
    "http.server": STDLIB.format(refusal=REFUSAL),
    "aiohttp.web": AIOHTTP.format(refusal=REFUSAL),
}


@contextmanager
def running(source: str) -> Iterator[int]:
    """The port of a server in a process of its own."""
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout is None or process.stdin is None:
            message = "pipes were asked for"
            raise RuntimeError(message)
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.terminate()


class Driver:
    """Sends one request after the other over a connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        head = (
            f"POST /heygen/v3/videos HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            f"X-Api-Key: fake-heygen-key\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        self._request = head.encode() + BODY
        self._connect()

    def _connect(self) -> None:
        self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, count: int) -> float:
        """Seconds that so many requests take; a server that closes connections is connected to again."""
        begin = perf_counter()
        for _ in range(count):
            self._connection.sendall(self._request)
            if not self._read():
                self._connection.close()
                self._connect()
        return perf_counter() - begin

    def _read(self) -> bool:
        """Read an answer; whether the connection stays open."""
        data = self._connection.recv(65536)
        head, found, rest = data.partition(b"\r\n\r\n")
        while not found:
            data += self._connection.recv(65536)
            head, found, rest = data.partition(b"\r\n\r\n")
        told = head.lower()
        missing = int(told.partition(b"content-length:")[2].split(b"\r\n", 1)[0]) - len(rest)
        while missing > 0:
            missing -= len(self._connection.recv(missing))
        return not told.startswith(b"http/1.0") and b"connection: close" not in told

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def measure_requests(rounds: int, count: int) -> dict[str, Times]:
    """Seconds per request of every server."""
    taken: dict[str, list[float]] = {name: [] for name in SERVERS}
    with ExitStack() as stack:
        drivers = {name: Driver(stack.enter_context(running(source))) for name, source in SERVERS.items()}
        for driver in drivers.values():
            stack.callback(driver.close)
        for turn in range(-1, rounds):
            for name in rotated(list(drivers), turn):
                seconds = drivers[name].send(count)
                if turn >= 0:
                    taken[name].append(seconds / count)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def _start_ours() -> Callable[[], object]:
    from heify_heygen_errors.testing import FakeServer

    server = FakeServer().start()
    socket.create_connection(("127.0.0.1", server.port)).close()
    return server.stop


def _start_pytest_httpserver() -> Callable[[], object]:
    from pytest_httpserver import HTTPServer

    server = HTTPServer(port=0)
    server.start()
    socket.create_connection(("127.0.0.1", server.port)).close()
    return server.stop


def measure_start(rounds: int) -> dict[str, Times]:
    """Seconds from the constructor to an accepted connection."""
    sides = {"FakeServer": _start_ours, "pytest-httpserver": _start_pytest_httpserver}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(-1, rounds):
        for name in rotated(list(sides), turn):
            begin = perf_counter()
            stop = sides[name]()
            seconds = perf_counter() - begin
            stop()
            if turn >= 0:
                taken[name].append(seconds)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


FIRST = """
from time import perf_counter
from urllib.request import Request, urlopen
from heify_heygen_errors.testing import FakeServer
with FakeServer(limits=False, known={"avatar_id": "mine", "voice_id": "mine"}) as server:
    headers = {"X-Api-Key": server.heygen.api_key, "Content-Type": "application/json"}
    for _ in range(2):
        begin = perf_counter()
        urlopen(Request(server.heygen.url + "/v3/videos", BODY, headers)).read()
        print(perf_counter() - begin)
"""


def measure_first(rounds: int) -> dict[str, Times]:
    """Seconds of the first and of the second POST /v3/videos of a process."""
    taken: dict[str, list[float]] = {"first POST /v3/videos": [], "second": []}
    for _ in range(rounds):
        printed = subprocess.run([sys.executable, "-c", f"BODY = {BODY!r}{FIRST}"], check=True, capture_output=True, text=True).stdout
        for name, seconds in zip(taken, printed.split(), strict=True):
            taken[name].append(float(seconds))
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Runs the benchmarks of the fake server and prints their figures.")
    parser.add_argument("--rounds", type=int, default=20, help="counted rounds; default 20")
    parser.add_argument("--count", type=int, default=500, help="requests per round and server; default 500")
    options = parser.parse_args(arguments)
    about = circumstances()
    requests, start, first = measure_requests(options.rounds, options.count), measure_start(options.rounds), measure_first(options.rounds)
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}, {options.rounds} rounds of {options.count}\n")
    print("| server | requests per second: median (best) | us per request: median |\n| --- | ---: | ---: |")
    for name, times in requests.items():
        print(f"| {name} | {1 / times.median:,.0f} ({1 / times.best:,.0f}) | {times.median * 1e6:.0f} |")
    for what, table in (("start", start), ("in a fresh process", first)):
        print(f"\n| {what} | ms: median (best) |\n| --- | ---: |")
        for name, times in table.items():
            print(f"| {name} | {times.median * 1e3:.1f} ({times.best * 1e3:.1f}) |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # those of the peers
    main()
