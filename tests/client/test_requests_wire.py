"""The synchronous wire over real sockets: answers, deadlines, sizes, errors, connections, sessions."""

import contextlib
import gc
import gzip
import io
import itertools
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
import zlib
from functools import partialmethod
from pathlib import Path

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import Retry

from heify_heygen_errors import normalize
from heify_heygen_errors.client import connections
from heify_heygen_errors.client.failures import AnswerTooLargeError, DeadlineExceededError
from heify_heygen_errors.client.requests_wire import RequestsWire, retrying_adapters
from heify_heygen_errors.client.wire import Outgoing
from heify_heygen_errors.testing import FakeServer, Reply, fault
from heify_heygen_errors.testing.certificates import KINDS
from heify_heygen_errors.testing.fault import FAULTS, named

_KEY = "canary-key-0123456789"
_BODY = {"data": {"id": "v1", "status": "completed", "title": "A title of some length"}}
_ANSWER = Reply.json(_BODY)
_TIMEOUT = 0.4
# Seconds that the end of a call may be behind its deadline here; an idle machine needs a hundredth of that.
_OVERRUN = 0.4
_UPLOAD = bytes(16 << 20)

# What a client meets: the rule that its exception gives and the outcome that follows for a POST.
_EXCEPTIONS = {
    "refused": ("ConnectionRefused", "not_sent"),
    "reset_while_sending": ("RemoteClosed", "unknown"),
    "reset_after_request": ("ConnectionReset", "unknown"),
    "closed_without_answer": ("RemoteClosed", "unknown"),
    "reset_after_headers": ("IncompleteRead", "unknown"),
    "reset_mid_body": ("IncompleteRead", "unknown"),
    "truncated_body": ("IncompleteRead", "unknown"),
    "truncated_chunks": ("IncompleteRead", "unknown"),
    "endless_body": ("IncompleteRead", "unknown"),
    "content_length_too_long": ("ReadTimeout", "unknown"),
    "broken_gzip": ("DecodingError", "unknown"),
    "not_http": ("ProtocolError", "unknown"),
    "huge_header": ("ProtocolError", "unknown"),
    "slow_answer": ("ReadTimeout", "unknown"),
    "no_answer": ("ReadTimeout", "unknown"),
}
# Status and body that come in spite of the fault.
_ANSWERS = {
    "trickling_body": (200, _ANSWER.body),
    "trickling_headers": (200, _ANSWER.body),
    "content_length_too_short": (200, _ANSWER.body[: len(_ANSWER.body) // 2]),
    "gzip_bomb": (200, b" " * (1 << 20) + _ANSWER.body),
    "lying_content_type": (200, _ANSWER.body),
    "broken_json": (200, _ANSWER.body[: len(_ANSWER.body) // 2]),
    "empty_body": (200, b""),
    "redirect_elsewhere": (307, b""),
    "redirect_loop": (307, b""),
}
_SMALLER = {
    "endless_body": {"size": 4 << 20},
    "gzip_bomb": {"size": 1 << 20},
    "trickling_body": {"seconds": 0.001},
    "trickling_headers": {"seconds": 0.001, "size": 20},
    "refused": {"seconds": 30},
}

wires = pytest.mark.parametrize("make", [RequestsWire, lambda: RequestsWire(requests.Session())], ids=["own", "session"])


@pytest.fixture(scope="module")
def server():
    with FakeServer(limits=False) as running:
        yield running


@pytest.fixture
def fresh(server):
    """The server without requests and rules of other tests."""
    server.reset()
    return server


@pytest.fixture
def wire():
    made = RequestsWire()
    yield made
    made.close()


def _out(url, method="GET", *, headers=None, body=None, connect=5.0, read=5.0, total=10.0, limit=64 << 20):
    headers = {"X-Api-Key": _KEY, "User-Agent": "tests", **(headers or {})}
    return Outgoing(method=method, url=url, headers=headers, body=body, connect=connect, read=read, total=total, limit=limit)


def _me(server):
    return server.heygen.url + "/v3/users/me"


def _failure(wire, outgoing):
    """The exception, and the seconds until it came."""
    begin = time.monotonic()
    try:
        received = wire.send(outgoing)
    except Exception as problem:  # noqa: BLE001 - which one it is, is what the tests are about
        return problem, time.monotonic() - begin
    return pytest.fail(f"there was an answer: {received}")


def _late(wire, outgoing):
    """What `sent` says of a call that ends at its deadline, and not much later."""
    problem, seconds = _failure(wire, outgoing)
    assert isinstance(problem, DeadlineExceededError), problem
    assert outgoing.total - 0.01 <= seconds < outgoing.total + _OVERRUN
    return problem.sent


class _Peer:
    """A server of raw bytes on a free port: each connection is handed to a function, and closed when that returns."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open = weakref.WeakSet()
        self._threads = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/path"
        self.accepted = 0
        self.ending = threading.Event()

    def __enter__(self):
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self.accepted += 1
                self._open.add(line)
                thread = threading.Thread(target=self._run, args=(line,))
                self._threads.append(thread)
                thread.start()

    def _run(self, line):
        with contextlib.suppress(OSError), line:
            self._serve(self, line)


def _read_request(line):
    """One request without body, whole; empty where the client has left."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = line.recv(65536)
        if not more:
            return b""
        data += more
    return data


def _answering(answer):
    def serve(_, line):
        while _read_request(line):
            line.sendall(answer)

    return serve


def _recording(seen, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
    def serve(_, line):
        while request := _read_request(line):
            seen.append(request)
            line.sendall(answer)

    return serve


def _trickling(head=b"", byte=b"x"):
    """Sends the head, then byte by byte, for as long as somebody listens."""

    def serve(peer, line):
        line.recv(65536)
        line.sendall(head)
        while not peer.ending.wait(0.01):
            line.sendall(byte)

    return serve


def _descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


# Answers.


@wires
def test_answer_comes_back_whole(fresh, make):
    """Status, headers and body are the vendor's, and the request is what was asked for."""
    fresh.script([Reply.json(_BODY, status=201).with_headers({"X-Request-Id": "r-1"})])
    received = make().send(_out(fresh.heygen.url + "/v3/videos?a=1&b=%20c", "POST", headers={"X-Own": "o"}, body=b'{"x": 1}'))
    assert (received.status, received.headers["x-request-id"], json.loads(received.body)) == (201, "r-1", _BODY)
    [seen] = fresh.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/heygen/v3/videos?a=1&b=%20c", b'{"x": 1}')
    assert {"x-api-key": _KEY, "x-own": "o", "user-agent": "tests", "content-length": "8"}.items() <= seen.headers.items()


@wires
@pytest.mark.parametrize(("method", "body", "length"), [("GET", None, None), ("POST", None, "0"), ("POST", b"", "0"), ("PUT", b"ab", "2")])
def test_length_of_the_body_is_named(make, method, body, length):
    """A request says how long its body is, and one that should have a body and has none says so too."""
    seen = []

    def serve(_, line):
        seen.append(line.recv(65536))
        if body:
            seen[0] += line.recv(65536) if not seen[0].endswith(body) else b""
        line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with _Peer(serve) as peer:
        assert make().send(_out(peer.url, method, body=body)).status == 204
    head = seen[0].partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    lengths = [line.partition(b": ")[2].decode() for line in head if line.startswith(b"content-length")]
    assert lengths == ([] if length is None else [length])
    assert not [line for line in head if line.startswith(b"transfer-encoding")]


_BODIES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b",
    "deflate": b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n%b",
    "until the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde",
}
_PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress}


@wires
@pytest.mark.parametrize("form", _BODIES)
def test_every_way_to_end_a_body(make, form):
    """A body is complete and unpacked, however its end is marked; only a connection that the server ends is not used again."""
    answer = _BODIES[form]
    if form in _PACKERS:
        packed = _PACKERS[form](b"abcde")
        answer %= (len(packed), packed)

    def serve(_, line):
        while _read_request(line):
            line.sendall(answer)
            if form == "until the end":
                return

    with _Peer(serve) as peer:
        wire = make()
        assert [wire.send(_out(peer.url)).body for _ in range(3)] == [b"abcde"] * 3
        assert peer.accepted == (3 if form == "until the end" else 1)


@wires
def test_answer_without_body(make):
    """To HEAD there is no body, whatever length is named, and the connection goes on."""
    with _Peer(_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as peer:
        wire = make()
        assert [wire.send(_out(peer.url, "HEAD")).body for _ in range(2)] == [b"", b""]
        assert peer.accepted == 1


@wires
def test_repeated_headers_are_kept_apart(make):
    """Values of one name are joined by a line break, which no value can have; names are in lower case."""
    with _Peer(_answering(b"HTTP/1.1 200 OK\r\nWarning: 1 a, b\r\nX-A: 1\r\nwarning: 2 c\r\nContent-Length: 0\r\n\r\n")) as peer:
        headers = make().send(_out(peer.url)).headers
    assert headers == {"warning": "1 a, b\n2 c", "x-a": "1", "content-length": "0"}


@wires
def test_redirects_are_answers(fresh, make):
    """Nothing is sent to where a redirect leads; the answer has the address."""
    fresh.script([fault.redirect_elsewhere])
    received = make().send(_out(_me(fresh)))
    assert (received.status, received.headers["location"]) == (307, fresh.elsewhere.url + "/heygen/v3/users/me")
    assert (fresh.elsewhere.requests, fresh.request_count) == ([], 1)


@wires
def test_cookies_of_the_vendor_are_kept_by_sessions_only(make):
    """The own session never sends what an answer set; a given one does as it always does."""
    seen = []
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    with _Peer(_recording(seen, answer)) as peer:
        wire = make()
        wire.send(_out(peer.url))
        wire.send(_out(peer.url))
    assert (b"Cookie: a=1" in seen[1]) == (make is not RequestsWire)


@wires
@pytest.mark.parametrize("tail", ["", "?a=1", "/?a=1", "/p?a=/b#fragment", "/p#fragment"])
def test_targets(make, tail):
    """What stands behind the host goes out as it is, without the fragment."""
    seen = []
    with _Peer(_recording(seen)) as peer:
        make().send(_out(f"http://127.0.0.1:{peer.port}{tail}"))
    expected = tail.partition("#")[0]
    assert seen[0].split(b" ")[1].decode() == (expected if expected.startswith("/") else "/" + expected)


# Faults.


def test_every_fault_has_an_expectation():
    """A new fault is not forgotten here."""
    assert set(FAULTS) == set(_EXCEPTIONS) | set(_ANSWERS)


def _of(name):
    return named(name)(answer=_ANSWER, **_SMALLER.get(name, {}))


@wires
@pytest.mark.parametrize("name", _EXCEPTIONS)
def test_fault_is_seen_as_what_it_is(fresh, make, name):
    """A fault that leaves no answer is an exception of requests without the request, and normalizes to its rule and outcome."""
    step = _of(name)
    fresh.script([step])
    upload = name == "reset_while_sending"
    outgoing = _out(_me(fresh), "POST", body=_UPLOAD) if upload else _out(_me(fresh), read=_TIMEOUT)
    problem, _ = _failure(make(), outgoing)
    info = normalize(problem, "heygen")
    rule, outcome = _EXCEPTIONS[name]
    assert isinstance(problem, requests.RequestException)
    assert (f"transport/{rule}", outcome, "transport") == (info.rule, info.retry.outcome, info.channel)
    assert (problem.request, problem.response, problem.sent) == (None, None, outcome != "not_sent")
    assert fresh.request_count == (0 if name == "refused" else 1)


@wires
@pytest.mark.parametrize("name", _ANSWERS)
def test_fault_that_leaves_an_answer(fresh, make, name):
    """What can be read is given as it is; others decide what it is worth."""
    fresh.script([_of(name)])
    received = make().send(_out(_me(fresh)))
    assert _ANSWERS[name] == (received.status, received.body)


@wires
@pytest.mark.parametrize("name", sorted(set(_EXCEPTIONS) - {"refused", "reset_while_sending"}))
def test_next_call_is_served_after_a_fault(fresh, make, name):
    """A connection that a fault met is not used again, and nothing of it is left open."""
    wire = make()
    wire.send(_out(_me(fresh)))
    before = _descriptors()
    fresh.script([_of(name), _ANSWER])
    _failure(wire, _out(_me(fresh), read=_TIMEOUT))
    assert json.loads(wire.send(_out(_me(fresh))).body) == _BODY
    # The server needs a moment to see that it was left, and its end is in this process too.
    end = time.monotonic() + 2
    while _descriptors() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert _descriptors() <= before


# Deadlines.


@wires
@pytest.mark.parametrize("name", ["trickling_body", "trickling_headers", "no_answer", "slow_answer", "content_length_too_long"])
def test_deadline_ends_every_wait(fresh, make, name):
    """Bytes that come one by one, or not at all, end at the deadline; what was sent may have had its effect."""
    fresh.script([named(name)(seconds=0.02 if "trickling" in name else 30, answer=_ANSWER)])
    assert _late(make(), _out(_me(fresh), total=0.3))


_TRICKLES = {
    "status line": (b"", b"x"),
    "header line": (b"HTTP/1.1 200 OK\r\nX-A: ", b"x"),
    "body of known length": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "body to the end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", b" "),
    "body of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n{}", b" "),
    "size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n", b" "),
    "gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n\x1f\x8b\x08\x08aaaa\0\3", b"n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@wires
@pytest.mark.parametrize("what", _TRICKLES)
def test_trickle_ends_at_the_deadline(make, what):
    """A peer that is never silent is ended as well; a body that only ends because the connection does is not taken for complete."""
    with _Peer(_trickling(*_TRICKLES[what])) as peer:
        assert _late(make(), _out(peer.url, total=0.6))


@wires
def test_upload_that_nobody_reads_ends_at_the_deadline(fresh, make):
    """A server that does not take the body holds a call up to its deadline."""
    assert _late(make(), _out(fresh.silent_url("heygen"), "POST", body=_UPLOAD, total=0.3))


@wires
def test_upload_that_nobody_reads_ends_after_the_read_timeout(fresh, make):
    """Without a deadline, bytes that do not get away for that long end the call."""
    problem, seconds = _failure(make(), _out(fresh.silent_url("heygen"), "POST", body=_UPLOAD, read=0.3, total=None))
    info = normalize(problem, "heygen")
    assert (info.rule, info.retry.outcome) == ("transport/WriteTimeout", "unknown")
    assert seconds < 0.3 + _OVERRUN


@wires
def test_slow_upload_may_take_its_time(make):
    """A body that moves is not ended by the time-out for connecting, nor by that between two bytes."""

    def serve(_, line):
        read = 0
        while read < len(_UPLOAD):
            read += len(line.recv(1 << 19))
            time.sleep(0.03)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with _Peer(serve) as peer:
        begin = time.monotonic()
        assert make().send(_out(peer.url, "POST", body=_UPLOAD, connect=0.2, read=0.8, total=None)).status == 200
        assert time.monotonic() - begin > 0.8


@wires
def test_connection_that_does_not_come_about(fresh, make):
    """The time-out for connecting ends a call that was not sent; so does a deadline before it."""
    url = fresh.unreachable_url("heygen")
    problem, seconds = _failure(make(), _out(url, connect=0.2))
    info = normalize(problem, "heygen")
    assert (info.rule, info.retry.outcome) == ("transport/ConnectTimeout", "not_sent")
    assert 0.19 <= seconds < 0.2 + _OVERRUN
    assert not _late(make(), _out(url, total=0.2))


def _trickle_handshake(peer, line):
    line.recv(65536)
    line.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16383 bytes
    while not peer.ending.wait(0.01):
        line.sendall(b"\x02")


@wires
@pytest.mark.parametrize("serve", [lambda peer, _: peer.ending.wait(), _trickle_handshake], ids=["silent", "trickling"])
def test_handshake_that_does_not_end(make, serve):
    """TLS belongs to connecting: it has what is left of that time-out, and nothing was sent when it or the deadline ends it."""
    with _Peer(serve) as peer:
        url = peer.url.replace("http:", "https:")
        problem, seconds = _failure(make(), _out(url, connect=0.3))
        info = normalize(problem, "heygen")
        assert (info.rule, info.retry.outcome) == ("transport/ConnectTimeout", "not_sent")
        assert seconds < 0.3 + _OVERRUN
        assert not _late(make(), _out(url, total=0.3))


@wires
def test_handshake_has_what_connecting_left_of_the_time(make, monkeypatch):
    """TLS does not begin its own count when the connection took its time."""
    connect = socket.socket.connect

    def slow_connect(self, address):
        time.sleep(0.5)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", slow_connect)
    with _Peer(lambda peer, _: peer.ending.wait()) as peer:
        _, seconds = _failure(make(), _out(peer.url.replace("http:", "https:"), connect=0.6))
    assert 0.59 <= seconds < 1.0


@wires
def test_handshake_that_is_reset(make):
    """A connection that is lost before TLS stands is told as such: nothing can have had an effect."""

    def serve(_, line):
        line.recv(1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with _Peer(serve) as peer:
        problem, _ = _failure(make(), _out(peer.url.replace("http:", "https:")))
    assert isinstance(problem, requests.ConnectionError)
    assert not problem.sent


def _resolve_to(monkeypatch, *ports):
    """Have every host name stand for these ports of this machine."""
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)


def _port(url):
    return int(url.split(":")[2].partition("/")[0])


@wires
def test_addresses_share_the_time(fresh, make, monkeypatch):
    """A host with many addresses that lead nowhere takes no longer than one."""
    _resolve_to(monkeypatch, *[_port(fresh.unreachable_url("heygen"))] * 5)
    problem, seconds = _failure(make(), _out("http://many.example/", connect=0.3))
    assert isinstance(problem, requests.ConnectTimeout)
    assert 0.29 <= seconds < 0.3 + _OVERRUN


@wires
def test_address_that_leads_nowhere_is_passed_over(fresh, make, monkeypatch):
    """One good address is enough, and it is reached in time: those before it get a part of the time only."""
    _resolve_to(monkeypatch, _port(fresh.unreachable_url("heygen")), 1, fresh.port)
    assert make().send(_out("http://some.example/heygen/v3/users/me", connect=1.0)).status == 401


def test_both_kinds_of_addresses_get_a_turn():
    """Where one of IPv6 and IPv4 leads nowhere, the other is tried before the time is used up."""
    six, four = [(socket.AF_INET6, number) for number in range(3)], [(socket.AF_INET, 0)]
    assert [*connections._alternating(six + four)] == [six[0], four[0], six[1], six[2]]
    assert [*connections._alternating([])] == []


@wires
def test_name_that_does_not_resolve(make, monkeypatch):
    """A host that is not known is told as such."""

    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    info = normalize(_failure(make(), _out("https://nowhere.example/"))[0], "heygen")
    assert (info.rule, info.retry.outcome) == ("transport/DnsError", "not_sent")


@pytest.mark.parametrize("total", [0, -1.0])
def test_no_time_left(wire, total):
    """A call whose time was used up before it is not sent."""
    with pytest.raises(DeadlineExceededError) as raised:
        wire.send(_out("http://127.0.0.1:1/", total=total))
    assert not raised.value.sent


def test_many_threads_keep_their_deadlines(fresh, wire):
    """Eight calls at once end each at its own deadline."""
    fresh.script([fault.trickling_headers(seconds=0.02, size=1000)] * 8)
    results = []

    def call(total):
        begin = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            wire.send(_out(_me(fresh), total=total))
        results.append(time.monotonic() - begin - total)

    threads = [threading.Thread(target=call, args=(0.2 + number / 50,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert -0.01 <= min(results) <= max(results) < _OVERRUN


def test_late_watch_never_ends_another_call(wire):
    """Calls that end at the very moment of their deadline do no harm to those that use the same connections."""
    broken = []

    def serve(_, line):
        while _read_request(line):
            time.sleep(0.005)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def tight(url):
        for number in range(150):
            with contextlib.suppress(DeadlineExceededError):
                wire.send(_out(url, total=0.005 + number % 15 / 10_000))

    def patient(url):
        for _ in range(100):
            try:
                wire.send(_out(url))
            except requests.RequestException as problem:
                broken.append(problem)

    with _Peer(serve) as peer:
        threads = [threading.Thread(target=work, args=(peer.url,)) for work in [tight, patient] * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert broken == []


def test_connection_that_went_back_is_left_alone(wire, monkeypatch):
    """Between the last byte of an answer and the end of its call another call may have the connection; the deadline does not reach it."""
    cancel = connections.CallWatch.cancel
    taken = threading.Event()

    def late_cancel(call):
        if call.patience == 0.125:
            assert taken.wait(5)
            while not call.fired:
                time.sleep(0.001)
        cancel(call)

    def serve(_, line):
        while request := _read_request(line):
            if b"/second" in request:
                taken.set()
                time.sleep(0.3)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    monkeypatch.setattr(connections.CallWatch, "cancel", late_cancel)
    with _Peer(serve) as peer:
        first = threading.Thread(target=lambda: _late(wire, _out(peer.url, read=0.125, total=0.2)))
        first.start()
        while not any(route.pool.pool.queue[-1] for route in wire._routes.values()):
            time.sleep(0.001)
        assert wire.send(_out(f"http://127.0.0.1:{peer.port}/second")).body == b"{}"
        first.join()
        assert peer.accepted == 1


# Sizes.


@wires
@pytest.mark.parametrize("name", ["endless_body", "gzip_bomb"])
def test_answer_that_is_too_large(fresh, make, name):
    """Bytes are counted after decompression, an answer over the limit is not kept in memory, and its connection is closed."""
    wire = make()
    fresh.script([named(name)(size=1024), named(name)(size=64 << 20), _ANSWER])
    with contextlib.suppress(requests.RequestException):  # an endless body ends with a reset
        wire.send(_out(_me(fresh)))
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLargeError, match="larger than 1048576 bytes"):
            wire.send(_out(_me(fresh), limit=1 << 20))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20
    assert json.loads(wire.send(_out(_me(fresh))).body) == _BODY


@wires
@pytest.mark.parametrize("packed", [False, True])
def test_limit_is_exact(make, packed):
    """An answer of as many bytes as the limit is taken, one byte more is not."""
    body = bytes(200_000)
    content = gzip.compress(body) if packed else body
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" if packed else b"HTTP/1.1 200 OK\r\n"
    with _Peer(_answering(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(content), content))) as peer:
        wire = make()
        assert wire.send(_out(peer.url, limit=len(body))).body == body
        with pytest.raises(AnswerTooLargeError):
            wire.send(_out(peer.url, limit=len(body) - 1))


@wires
def test_endless_redirect_is_too_large(make):
    """The body of a redirect is bounded like any other, although requests reads it even where it does not follow."""

    def serve(_, line):
        _read_request(line)
        line.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
        while True:
            line.sendall(bytes(65536))

    with _Peer(serve) as peer, pytest.raises(AnswerTooLargeError):
        make().send(_out(peer.url, limit=1 << 20))


# Connections.


@wires
def test_one_connection_serves_many_calls(make):
    """Calls one after another share a connection."""
    with _Peer(_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        wire = make()
        for _ in range(20):
            wire.send(_out(peer.url))
        assert peer.accepted == 1


@wires
def test_connection_that_the_server_ended_is_replaced(make):
    """A connection that was closed while it was idle is noticed before anything is sent on it."""

    def serve(_, line):
        _read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with _Peer(serve) as peer:
        wire = make()
        for expected in range(1, 4):
            assert wire.send(_out(peer.url)).status == 200
            assert peer.accepted == expected
            time.sleep(0.02)


def test_fifty_threads_find_room(caplog):
    """Connections of fifty calls at once are all kept for the next ones, and nothing is complained of."""
    caplog.set_level(logging.WARNING)
    gate = threading.Barrier(50, timeout=10)

    def serve(_, line):
        while _read_request(line):
            gate.wait()
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with _Peer(serve) as peer:
        wire = RequestsWire()
        for _ in range(2):
            threads = [threading.Thread(target=wire.send, args=(_out(peer.url),)) for _ in range(50)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert (peer.accepted, caplog.messages) == (50, [])
        wire.close()


@wires
def test_nothing_is_left_open(fresh, make):
    """Whatever became of its calls, a wire that was closed leaves neither descriptors nor threads behind."""
    silent = fresh.silent_url("heygen", tls=True)
    RequestsWire().send(_out(_me(fresh)))
    gc.collect()
    time.sleep(0.05)
    descriptors, threads = _descriptors(), threading.active_count()
    wire = make()
    for name in set(FAULTS) - {"refused", "reset_while_sending"}:
        fresh.script([_of(name)])
        with contextlib.suppress(requests.RequestException, DeadlineExceededError, AnswerTooLargeError):
            wire.send(_out(_me(fresh), total=0.1, limit=1 << 16))
    assert not _late(wire, _out(silent, total=0.05))
    wire.close()
    wire._session.close()
    del wire
    gc.collect()  # urllib3 closes the idle connections of a session with its pools
    end = time.monotonic() + 5
    while _descriptors() > descriptors and time.monotonic() < end:
        time.sleep(0.01)
    assert _descriptors() <= descriptors
    assert threads == threading.active_count()


def test_closed_wire_closes_its_connections():
    """What is idle is closed; a wire can be used again, with new connections."""
    gone = threading.Event()

    def serve(_, line):
        while _read_request(line):
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        gone.set()

    with _Peer(serve) as peer:
        wire = RequestsWire()
        wire.send(_out(peer.url))
        wire.close()
        assert gone.wait(5)
        assert wire.send(_out(peer.url)).status == 200
        wire.close()


def test_many_hosts_are_no_leak(wire, monkeypatch):
    """Hosts beyond a bound are forgotten, oldest first."""
    with _Peer(_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        _resolve_to(monkeypatch, peer.port)
        for number in range(100):
            assert wire.send(_out(f"http://host{number}.example/")).status == 200
    assert len(wire._routes) <= 64


_FORKING = """
import os, sys, time
from heify_heygen_errors.client.requests_wire import RequestsWire
from heify_heygen_errors.client.failures import DeadlineExceededError
from heify_heygen_errors.client.wire import Outgoing

def out(path, total):
    return Outgoing(method="GET", url=sys.argv[1] + path, headers={}, connect=5, read=5, total=total, limit=1000)

wire = RequestsWire()
assert wire.send(out("/parent", 5)).body == b"{}"
child = os.fork()
if child == 0:
    code = 1
    try:
        assert wire.send(out("/child", 5)).body == b"{}"
        begin = time.monotonic()
        try:
            wire.send(out("/trickle", 0.2))
        except DeadlineExceededError:
            code = 0 if time.monotonic() - begin < 2 else 2
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert wire.send(out("/parent", 5)).body == b"{}"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_process_has_its_own_connections():
    """A child does not talk over its parent's connections, and has deadlines."""
    served = []

    def serve(peer, line):
        mine = []
        served.append(mine)
        while request := _read_request(line):
            mine.append(request.split(b" ")[1].decode())
            if mine[-1] != "/trickle":
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                continue
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            while not peer.ending.wait(0.02):
                line.sendall(b"X-A: 1\r\n")

    with _Peer(serve) as peer:
        url = f"http://127.0.0.1:{peer.port}"
        done = subprocess.run([sys.executable, "-c", _FORKING, url], capture_output=True, timeout=30, check=False, text=True)
    assert (done.returncode, done.stderr, served) == (0, "", [["/parent", "/parent"], ["/child", "/trickle"]])


# TLS.


@wires
@pytest.mark.parametrize("kind", KINDS)
def test_certificates(fresh, make, kind, monkeypatch):
    """Certificates are checked, by the CA bundle of the environment too; a wrong one is refused before anything is sent."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", fresh.ca_file)
    outgoing = _out(fresh.tls_url("heygen", kind) + "/v3/users/me")
    if kind == "valid":
        assert make().send(outgoing).status == 401
        return
    info = normalize(_failure(make(), outgoing)[0], "heygen")
    assert (info.rule, info.retry.outcome, fresh.request_count) == ("transport/TlsCertificateError", "not_sent", 0)


@pytest.mark.parametrize("session", [None, requests.Session()], ids=["own", "session"])
def test_verify_says_what_to_trust(fresh, session):
    """Nobody trusts the fake's authority by default; its file as a path does, and verification off takes any, with a warning."""
    outgoing = _out(fresh.tls_url("heygen") + "/v3/users/me")
    info = normalize(_failure(RequestsWire(session), outgoing)[0], "heygen")
    assert info.rule == "transport/TlsCertificateError"
    for path in (fresh.ca_file, Path(fresh.ca_file)):
        assert RequestsWire(session, verify=path).send(outgoing).status == 401
    with pytest.warns(match="Unverified HTTPS request"):
        assert RequestsWire(session, verify=False).send(outgoing).status == 401


@pytest.mark.parametrize("verify", ["", None, 0, 1, Path()][:4])
def test_verification_is_not_turned_off_by_accident(verify):
    """An empty setting is a mistake, not a choice."""
    with pytest.raises(ValueError, match="verify is True, False or the path of a CA bundle"):
        RequestsWire(verify=verify)


def test_missing_bundle_is_told(fresh):
    """A path where nothing is leads to an error, not to less safety."""
    info = normalize(_failure(RequestsWire(verify="/nowhere/ca.pem"), _out(fresh.tls_url("heygen")))[0], "heygen")
    assert (info.rule, fresh.request_count) == ("transport/LocalFileError", 0)


@wires
def test_deadline_behind_tls(fresh, make, monkeypatch):
    """Reading over TLS ends at the deadline, trickle or silence; a call after it is served."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", fresh.ca_file)
    url = fresh.tls_url("heygen") + "/v3/users/me"
    wire = make()
    assert wire.send(_out(url)).status == 401
    for step in (fault.trickling_headers(seconds=0.02, size=1000), fault.trickling_body(seconds=0.02), fault.no_answer):
        fresh.script([step])
        assert _late(wire, _out(url, total=0.3))
        assert wire.send(_out(url)).status == 401


# Proxies and the rest of the environment.


def _tunnel(peer, line):
    """A proxy for CONNECT."""
    target = _read_request(line).split(b" ")[1].decode()
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port))) as there:
        line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_copy, args=(there, line))
        back.start()
        _copy(line, there)
        back.join()


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("how", ["named, own", "named, session", "environment, session"])
def test_proxy_for_plain_http(how, monkeypatch):
    """A proxy gets the whole URL of plain http and the password for it; hosts in NO_PROXY are reached directly."""
    seen, direct = [], []
    with _Peer(_recording(seen)) as proxy, _Peer(_recording(direct)) as peer:
        url = f"http://user:pass@127.0.0.1:{proxy.port}"
        session = requests.Session() if "session" in how else None
        if "named" in how:
            wire = RequestsWire(session, proxies={"http://vendor.example": url})
        else:
            monkeypatch.setenv("http_proxy", url)
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            wire = RequestsWire(session)
        assert wire.send(_out("http://vendor.example/a?b=1")).status == 200
        assert wire.send(_out(peer.url)).status == 200
        wire.send(_out("http://vendor.example/a?b=2"))
    assert [request.split(b" ")[1] for request in seen] == [b"http://vendor.example/a?b=1", b"http://vendor.example/a?b=2"]
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in seen[0]
    assert [request.split(b" ")[1] for request in direct] == [b"/path"]


@pytest.mark.parametrize("replaced", [False, True])
def test_plain_http_goes_past_proxies_of_the_environment(wire, monkeypatch, replaced):
    """Plain http is for this machine: a proxy of the environment would only see the key."""
    if replaced:
        monkeypatch.setattr(requests.Session, "send", partialmethod(requests.Session.send))
    with _Peer(_recording([])) as proxy, _Peer(_recording([])) as peer:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert wire.send(_out(peer.url)).status == 200
        assert proxy.accepted == 0


@pytest.mark.parametrize("session", [None, requests.Session()], ids=["own", "session"])
def test_tunnel_through_a_proxy(fresh, session):
    """TLS goes through a tunnel, whose proxy was named to the wire, and deadlines hold in it."""
    url = fresh.tls_url("heygen") + "/v3/users/me"
    with _Peer(_tunnel) as proxy:
        wire = RequestsWire(session, proxies={"https": f"http://127.0.0.1:{proxy.port}"}, verify=fresh.ca_file)
        assert [wire.send(_out(url)).status for _ in range(2)] == [401, 401]
        fresh.script([fault.trickling_headers(seconds=0.02, size=1000)])
        assert _late(wire, _out(url, total=0.3))
        assert proxy.accepted == 1


@pytest.mark.parametrize("session", [None, requests.Session()], ids=["own", "session"])
def test_proxy_that_trickles(session):
    """A proxy that does not come to an end with its answer is ended at the deadline, and nothing was sent to the vendor."""
    with _Peer(_trickling(b"HTTP/1.1 200 OK\r\nX-A: ")) as proxy:
        wire = RequestsWire(session, proxies={"https": f"http://127.0.0.1:{proxy.port}"})
        assert not _late(wire, _out("https://vendor.example/", total=0.3))


def test_environment_is_read_once_per_host(fresh, wire, monkeypatch):
    """Reading it costs as much as a call, so later changes count for new hosts only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", fresh.ca_file)
    url = fresh.tls_url("heygen") + "/v3/users/me"
    assert wire.send(_out(url)).status == 401
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert wire.send(_out(url)).status == 401
    problem, _ = _failure(wire, _out(url.replace("127.0.0.1", "localhost")))
    assert normalize(problem, "heygen").rule == "transport/TlsCertificateError"


@wires
def test_netrc_is_never_read(make, tmp_path, monkeypatch):
    """Credentials for other programs do not get into the vendors' requests."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []
    with _Peer(_recording(seen)) as peer:
        make().send(_out(peer.url))
    assert b"authorization" not in seen[0].lower()


# Sessions of users.


def test_session_keeps_its_settings(fresh):
    """Headers, cookies, credentials and hooks of a session count; a header of the request wins; close leaves it open."""
    heard = []
    session = requests.Session()
    session.headers.update({"X-Session": "s", "User-Agent": "session", "X-Api-Key": "other", "Accept-Encoding": "deflate"})
    session.cookies.set("c", "1")
    session.auth = ("user", "pass")
    session.hooks["response"].append(lambda response, **_: heard.append(response.status_code))
    wire = RequestsWire(session)
    assert wire.send(_out(_me(fresh))).status == 401
    [seen] = fresh.requests
    assert {"x-session": "s", "user-agent": "tests", "x-api-key": _KEY, "cookie": "c=1"}.items() <= seen.headers.items()
    assert seen.headers["accept-encoding"] == "deflate"
    assert (seen.headers["authorization"], heard) == ("Basic dXNlcjpwYXNz", [401])
    wire.send(_out(_me(fresh), headers={"Authorization": "Bearer ours"}))
    assert fresh.requests[-1].headers["authorization"] == "Bearer ours"
    wire.close()
    assert session.get(_me(fresh), timeout=5).status_code == 401


def test_mounted_adapter_keeps_deadlines(fresh):
    """A session whose requests the fake takes over has the vendor's addresses and deadlines that hold."""
    session = requests.Session()
    fresh.mount(session)
    wire = RequestsWire(session)
    url = "https://api.heygen.com/v3/users/me"
    assert wire.send(_out(url, headers={"X-Api-Key": fresh.heygen.api_key})).status == 200
    fresh.script([fault.trickling_headers(seconds=0.02, size=1000)])
    assert _late(wire, _out(url, total=0.3))


def test_session_that_was_used_before_gets_deadlines():
    """Connections that a session opened earlier are not used for calls with a deadline."""
    session = requests.Session()
    with _Peer(_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        session.get(peer.url, timeout=5)
        RequestsWire(session).send(_out(peer.url))
        assert peer.accepted == 2
        session.get(peer.url, timeout=5)
        assert peer.accepted == 2


def test_session_can_be_used_beside_the_wire(fresh):
    """Requests that do not come through the wire are as they were, on connections that the wire uses too."""
    session = requests.Session()
    wire = RequestsWire(session)
    wire.send(_out(_me(fresh)))
    assert session.post(_me(fresh), data=bytes(1 << 20), timeout=5).status_code in {401, 405}
    fresh.script([fault.no_answer])
    with pytest.raises(requests.ReadTimeout):
        session.get(_me(fresh), timeout=0.1)
    assert wire.send(_out(_me(fresh))).status == 401


def test_full_pool_ends_at_the_deadline():
    """A session that waits for a free connection waits no longer than the call has time, and nothing was sent."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
    wire = RequestsWire(session)
    with _Peer(lambda peer, _: peer.ending.wait()) as peer:
        first = threading.Thread(target=lambda: _failure(wire, _out(peer.url, total=1.0)))
        first.start()
        while not peer.accepted:
            time.sleep(0.001)
        assert not _late(wire, _out(peer.url, total=0.2))
        first.join()


class _OwnPool(HTTPConnectionPool):
    pass


def test_foreign_pools_are_left_alone(fresh):
    """An adapter with pools of its own kind keeps them; its calls end at the deadline where bytes still come."""
    session = requests.Session()
    adapter = session.get_adapter("http://")
    own = {"http": _OwnPool, "https": _OwnPool}
    adapter.poolmanager.pool_classes_by_scheme = own
    fresh.script([fault.trickling_body(seconds=0.02, answer=_ANSWER)])
    assert _late(RequestsWire(session), _out(_me(fresh), total=0.3))
    assert adapter.poolmanager.pool_classes_by_scheme is own


class _Slow(io.BytesIO):
    def __init__(self, content, pause):
        super().__init__(content)
        self._pause = pause

    def read(self, *_):
        time.sleep(self._pause)
        return super().read(1)


class _Double(BaseAdapter):
    """An adapter without urllib3, as those of test doubles are."""

    def __init__(self, content, status=200, headers=None, pause=0.0):
        super().__init__()
        self._given = (content, status, headers or {}, pause)

    def send(self, request, **options):
        content, status, headers, pause = self._given
        response = requests.Response()
        response.status_code, response.request, response.url = status, request, request.url
        response.headers.update(headers)
        response.raw = _Slow(content, pause) if pause else io.BytesIO(content)
        return response

    def close(self):
        pass


@pytest.mark.parametrize("mount", ["session", "own"])
def test_adapter_without_urllib3(mount, monkeypatch):
    """A double that answers by itself is enough, in a session or in place of the wire's own adapter; a redirect keeps its address."""
    double = _Double(b'{"a": 1}', 302, {"X-A": "b", "Location": "/x"})
    session = requests.Session()
    if mount == "own":
        monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: double)
        wire = RequestsWire()
    else:
        session.mount("http://", double)
        wire = RequestsWire(session)
    received = wire.send(_out("http://vendor.example/"))
    assert (received.status, received.body, dict(received.headers)) == (302, b'{"a": 1}', {"x-a": "b", "location": "/x"})
    with pytest.raises(AnswerTooLargeError):
        wire.send(_out("http://vendor.example/", limit=7))


@pytest.mark.parametrize("mount", ["session", "own"])
def test_adapter_without_urllib3_that_is_slow(mount, monkeypatch):
    """Where no socket can be shut, the deadline is looked at between two pieces, and nobody can say that nothing was sent."""
    double = _Double(bytes(100), pause=0.02)
    session = requests.Session()
    session.mount("http://", double)
    if mount == "own":
        monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: double)
    assert _late(RequestsWire(session if mount == "session" else None), _out("http://vendor.example/", total=0.2))


def test_whoever_replaces_sending_is_asked(fresh, monkeypatch):
    """Tracing and test doubles that put themselves in the place of `Session.send` see every request; no cookie is kept then either."""
    seen, send = [], requests.Session.send

    def traced(session, request, **options):
        seen.append(request.headers["X-Api-Key"])
        return send(session, request, **options)

    wire = RequestsWire()
    monkeypatch.setattr(requests.Session, "send", traced)
    fresh.script([_ANSWER.with_headers({"Set-Cookie": "a=1"})])
    assert json.loads(wire.send(_out(_me(fresh))).body) == _BODY
    wire.send(_out(_me(fresh)))
    assert seen == [_KEY, _KEY]
    assert "cookie" not in fresh.requests[-1].headers


def test_hook_may_read_the_answer(fresh):
    """A hook that takes the body does not take it away."""
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.content and None)
    fresh.script([_ANSWER])
    assert json.loads(RequestsWire(session).send(_out(_me(fresh))).body) == _BODY


_RETRIES = {
    "none": (0, False),
    "number": (3, True),
    "none of a kind": (Retry(0, read=False), False),
    "all of a kind": (Retry(total=None, connect=2, read=False, status=0, other=0), True),
    "for ever": (Retry(total=None), True),
    "only redirects": (Retry(total=5, connect=0, read=0, status=0, other=0), False),
    "total": (Retry(total=1), True),
    "off": (Retry(total=False), False),
}


@pytest.mark.parametrize("case", _RETRIES)
def test_retrying_adapters_are_found(case):
    """An adapter that repeats requests by itself is named by its prefix; others, and doubles without such a thing, are not."""
    retries, repeats = _RETRIES[case]
    session = requests.Session()
    session.mount("https://api.heygen.com/", HTTPAdapter(max_retries=retries))
    session.mount("https://double.example/", _Double(b""))
    assert (["https://api.heygen.com/"] if repeats else []) == retrying_adapters(session)
    assert retrying_adapters(requests.Session()) == []


# Keys.


@wires
@pytest.mark.parametrize(
    "value",
    [f"{_KEY}\n", f"a\r\nX-Evil: {_KEY}", f"{_KEY}\u2019", f"{_KEY}\0", f" {_KEY}"],
    ids=["newline", "injection", "quote", "nul", "space"],
)
def test_key_that_cannot_be_sent_is_not_shown(make, value):
    """A key with a line break or a typographic quote is refused, by the name of its header."""
    problem, _ = _failure(make(), _out("http://127.0.0.1:1/", headers={"X-Api-Key": value}))
    info = normalize(problem, "heygen")
    assert isinstance(problem, requests.exceptions.InvalidHeader)
    assert (info.rule, info.retry.outcome) == ("transport/InvalidHeader", "not_sent")
    chain = itertools.takewhile(bool, itertools.accumulate(itertools.repeat(None), lambda error, _: error.__context__, initial=problem))
    assert not [error for error in chain if _KEY in repr(error) or "'X-Api-Key'" not in str(problem)]


@wires
@pytest.mark.parametrize("name", ["X Key", "X:", "", "X\n", "\u2019"])
def test_header_that_has_no_name(make, name):
    """What is no name of a header is refused before anything is sent."""
    problem, _ = _failure(make(), _out("http://127.0.0.1:1/", headers={name: "a"}))
    assert normalize(problem, "heygen").rule == "transport/InvalidHeader"


@wires
def test_latin_value_is_sent(make):
    """Headers may have what HTTP allows."""
    seen = []
    with _Peer(_recording(seen)) as peer:
        make().send(_out(peer.url, headers={"X-Name": "J\xfcrgen\tB"}))
    assert b"X-Name: J\xfcrgen\tB\r\n" in seen[0]


@wires
def test_key_is_in_no_log_and_no_repr(fresh, make, caplog):
    """At the loudest level the logs have paths and statuses, and the objects show nothing."""
    caplog.set_level(logging.DEBUG)
    wire = make()
    outgoing = _out(_me(fresh))
    received = wire.send(outgoing)
    fresh.script([fault.closed_without_answer])
    problem, _ = _failure(wire, outgoing)
    assert caplog.records
    assert _KEY not in caplog.text + repr([wire, outgoing, received, problem, vars(problem)])


def test_deadline_leads_to_nothing_else(fresh, wire):
    """The error of a deadline has no other exception behind it: those lead to the request and its key."""
    fresh.script([fault.no_answer])
    problem, _ = _failure(wire, _out(_me(fresh), total=0.1))
    assert (problem.__context__, problem.__cause__) == (None, None)
