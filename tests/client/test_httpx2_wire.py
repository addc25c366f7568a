"""The asynchronous wire: what goes out, what comes back, and that everything ends in time and leaves nothing behind."""

import asyncio
import base64
import contextlib
import gc
import gzip
import logging
import runpy
import ssl
import sys
import time
import traceback
import warnings
from collections import Counter

import httpx
import httpx2
import pytest

from heify_heygen_errors import normalize
from heify_heygen_errors.client.failures import (
    AnswerIncompleteError,
    AnswerTooLargeError,
    ClientClosedError,
    DeadlineExceededError,
    WrongLoopError,
)
from heify_heygen_errors.client.httpx2_wire import Httpx2Wire
from heify_heygen_errors.client.wire import Outgoing, Received
from heify_heygen_errors.testing import FakeServer, Reply, fault
from heify_heygen_errors.testing.certificates import KINDS
from heify_heygen_errors.testing.fault import FAULTS, named

_KEY = "sk_canary_0123456789abcdef"
_ME = "/v3/users/me"
_BODY = {"data": {"id": "v1", "status": "completed", "title": "A title of some length"}}
_ANSWER = Reply.json(_BODY)
_LIMIT = 1 << 20
_TIMELY = 0.25  # seconds that an end may be late on a busy machine


@pytest.fixture(scope="module")
def server():
    with FakeServer(limits=False, keys={"heygen": _KEY}) as running:
        yield running


def _outgoing(url, **changes):
    values = {
        "method": "GET",
        "headers": {"User-Agent": "ours/1", "X-Api-Key": _KEY},
        "connect": 5.0,
        "read": 5.0,
        "total": 10.0,
        "limit": _LIMIT,
    }
    return Outgoing(url=url, **{**values, **changes})


def _wire(session=None, **options):
    """A wire. Without certificates to check, unless a test is about these: reading the system's authorities takes long."""
    return Httpx2Wire(session, **{"verify": False, **options})


def _run(use, **options):
    """Run a coroutine function with a wire of its own connections, which is closed behind it."""

    async def whole():
        wire = _wire(**options)
        try:
            return await use(wire)
        finally:
            await wire.close()

    return asyncio.run(whole())


async def _failure(wire, outgoing):
    """What the wire raises, and the seconds that it took."""
    begin = time.perf_counter()
    with pytest.raises(Exception) as raised:  # noqa: PT011 - tests look at what it is
        await wire.send(outgoing)
    return raised.value, time.perf_counter() - begin


class _Peer:
    """A server inside the test's event loop that speaks as it is told, and knows which connections are open."""

    def __init__(self, talk, **options):
        self._talk = talk
        self._options = options
        self._tasks = set()
        self._changed = asyncio.Condition()
        self.connections = 0
        self.open = 0
        self.heads = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0, **self._options)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _met(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        await self._count(+1)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(self, reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()
            await self._count(-1)

    async def _count(self, change):
        self.open += change
        async with self._changed:
            self._changed.notify_all()

    async def reaches(self, is_reached):
        """Whether a condition comes true; it gets two seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2), self._changed:
                await self._changed.wait_for(is_reached)
        return is_reached()

    async def all_left(self):
        """Whether all clients close their connections."""
        return await self.reaches(lambda: self.open == 0)


async def _head(peer, reader):
    """The lines of a request's head, without the body."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    peer.heads.append(lines)
    return lines


async def _ok(peer, reader, writer, *more):
    while True:
        await _head(peer, reader)
        writer.write("\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 2", *more, "", "ok"]).encode())
        await writer.drain()


async def _silent(_peer, reader, _writer):
    while await reader.read(1024):
        pass


async def _silent_behind_a_tunnel(peer, reader, writer):
    await _head(peer, reader)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await _silent(peer, reader, writer)


async def _trickling_tls(_peer, reader, writer):
    await reader.read(1024)
    writer.write(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KiB, which never becomes complete
    while True:
        writer.write(b"\x00")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _ask(url, **changes):
    """Send one request on a wire of its own."""
    wire = _wire()
    try:
        return await wire.send(_outgoing(url, **changes))
    finally:
        await wire.close()


# What goes out.


def test_request_goes_out_as_it_is_given():
    """Method, target, headers and body are those of the request; only what HTTP needs is added."""

    async def talk(peer, reader, writer):
        await _head(peer, reader)
        peer.body = await reader.readexactly(7)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def dialogue():
        async with _Peer(talk) as peer:
            headers = {"user-agent": "ours/1", "X-Api-Key": _KEY, "X-Latin": "caf\xe9"}
            await _ask(peer.url + "/v1?a=1", method="POST", headers=headers, body=b'{"a":1}')
            return peer

    peer = asyncio.run(dialogue())
    assert [
        "POST /v1?a=1 HTTP/1.1",
        f"Host: 127.0.0.1:{peer.port}",
        "user-agent: ours/1",
        f"X-Api-Key: {_KEY}",
        "X-Latin: caf\xe9",
        "Accept-Encoding: gzip, deflate",
        "Content-Length: 7",
    ] == peer.heads[0]
    assert peer.body == b'{"a":1}'


def test_headers_that_are_given_are_not_added_again():
    """Host, Accept-Encoding and Content-Length are the caller's where the caller names them, in whatever case."""

    async def dialogue():
        async with _Peer(_ok) as peer:
            headers = {"host": "api.heygen.com", "accept-encoding": "identity", "content-length": "0"}
            await _ask(peer.url, method="POST", headers=headers)
            return peer.heads[0]

    assert asyncio.run(dialogue()) == ["POST / HTTP/1.1", "host: api.heygen.com", "accept-encoding: identity", "content-length: 0"]


_TARGETS = {
    "": "/",
    "/": "/",
    "?a=1": "/?a=1",
    "/v3/videos/a%2Fb%20c": "/v3/videos/a%2Fb%20c",
    "/a%7Bb%7D/%e2%82%ac?q=%7B%22a%22%3A%5B1%5D%7D&empty=&flag": "/a%7Bb%7D/%e2%82%ac?q=%7B%22a%22%3A%5B1%5D%7D&empty=&flag",
    "/-._~!$&'()*+,;=:@/?-._~!$&'()*+,;=:@/?": "/-._~!$&'()*+,;=:@/?-._~!$&'()*+,;=:@/?",
    "/a%2e%2E/b;v=1?x=%C3%A9+%2B": "/a%2e%2E/b;v=1?x=%C3%A9+%2B",
    "/trailing?": "/trailing?",
    "//two": "//two",
    "/v1#part": "/v1",
}
# What only the client's own connections leave as it is: the rest is for an httpx2.AsyncClient to judge.
_ODD_TARGETS = {"/{a}|b^`?{c}|^`": "/{a}|b^`?{c}|^`", "/a/../b/./c": "/a/../b/./c", "/100%?%zz": "/100%?%zz"}


@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
def test_url_is_not_encoded_again(own):
    """The target of an encoded URL arrives byte for byte."""
    targets = {**_TARGETS, **_ODD_TARGETS} if own else _TARGETS

    async def dialogue():
        async with _Peer(_ok) as peer, httpx2.AsyncClient() as session:
            wire = _wire(None if own else session)
            for url in targets:
                await wire.send(_outgoing(peer.url + url))
            await wire.close()
            return [lines[0].split(" ")[1] for lines in peer.heads]

    assert list(targets.values()) == asyncio.run(dialogue())


@pytest.mark.parametrize(
    "url", ["/v3/users/me", "ftp://127.0.0.1/a", "http://127.0.0.1/a b", "http://127.0.0.1/\xe9", "http://127.0.0.1:x/"]
)
def test_url_that_is_not_encoded_is_refused(url):
    """A URL that is not absolute and encoded is not sent, and the message does not repeat it."""
    problem, _ = _run(lambda wire: _failure(wire, _outgoing(url)))
    assert (httpx2.InvalidURL, "not_sent") == (type(problem), normalize(problem, "heygen").retry.outcome)


def test_large_body_arrives_whole(server):
    """A body of megabytes arrives as it is, with its length, and can be sent by both kinds of connections."""
    body = bytes(range(256)) * 8192

    async def dialogue():
        async with httpx2.AsyncClient() as session:
            own, given = _wire(), _wire(session)
            for wire in (own, given):
                await wire.send(_outgoing(server.heygen.url + "/v1/asset", method="POST", body=body))
            await own.close()

    server.reset()
    asyncio.run(dialogue())
    assert [(body, str(len(body)), None)] * 2 == [
        (received.body, received.headers["content-length"], received.headers.get("transfer-encoding")) for received in server.requests
    ]


@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
def test_large_body_goes_out_in_pieces(monkeypatch, own):
    """The time-out for writing is for each piece of a large body, which can therefore take longer; it can be sent again."""
    body = bytes(range(256)) * 3000
    sent = []

    class Recording(httpx2.AsyncBaseTransport):
        def __init__(self, **options):
            pass

        async def handle_async_request(self, request):
            sent.extend([[piece async for piece in request.stream] for _ in range(2)])
            return httpx2.Response(200)

    monkeypatch.setattr(httpx2, "AsyncHTTPTransport", Recording)

    async def dialogue():
        async with httpx2.AsyncClient(transport=Recording()) as session:
            wire = _wire(None if own else session)
            await wire.send(_outgoing("https://api.heygen.com", method="POST", body=body))
            await wire.close()

    asyncio.run(dialogue())
    assert [b"".join(pieces) for pieces in sent] == [body, body]
    assert [len(piece) for piece in sent[0]] == [262144, 262144, 243712]


def test_no_cookie_is_sent_back():
    """A cookie that an answer sets stays out of the next request, also behind a proxy."""

    async def dialogue(**options):
        async with _Peer(lambda *a: _ok(*a, "Set-Cookie: a=1; Path=/")) as peer:
            wire = _wire(**({"proxies": {"http": peer.url}} if options else {}))
            answers = [await wire.send(_outgoing(peer.url)) for _ in range(2)]
            await wire.close()
            return answers[0].headers["set-cookie"], [line for lines in peer.heads for line in lines if line.lower().startswith("cookie")]

    assert ("a=1; Path=/", []) == asyncio.run(dialogue()) == asyncio.run(dialogue(proxied=True))


def test_credentials_of_netrc_are_never_sent(tmp_path, monkeypatch):
    """A ~/.netrc with the vendor's host adds no Authorization header."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async def dialogue():
        async with _Peer(_ok) as peer:
            await _ask(peer.url)
            return [line for line in peer.heads[0] if "auth" in line.lower()]

    assert asyncio.run(dialogue()) == []


@pytest.mark.parametrize("name", ["redirect_elsewhere", "redirect_loop"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
def test_redirects_are_answers(server, own, name):
    """A redirect is given back, and nothing goes where it leads, even if the session follows redirects elsewhere."""
    server.reset()
    server.script([named(name)])

    async def dialogue():
        async with httpx2.AsyncClient(follow_redirects=True) as session:
            wire = _wire(None if own else session)
            received = await wire.send(_outgoing(server.heygen.url + _ME))
            await wire.close()
            return received

    received = asyncio.run(dialogue())
    assert (received.status, received.headers["location"].startswith("http://"), server.request_count) == (307, True, 1)
    assert server.elsewhere.requests == []


# What comes back.


def test_answer_has_status_headers_and_body():
    """Names are lower case, values of a repeated name stand in lines, and the body is decompressed."""
    packed = gzip.compress(b'{"a": 1}')

    async def talk(peer, reader, writer):
        await _head(peer, reader)
        head = f"HTTP/1.1 418 Teapot\r\nX-One: a\r\nX-ONE: b\r\nX-Latin: caf\xe9\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        writer.write(head.encode("latin-1") + packed)

    async def dialogue():
        async with _Peer(talk) as peer:
            return await _ask(peer.url)

    received = asyncio.run(dialogue())
    assert (received.status, received.body) == (418, b'{"a": 1}')
    assert tuple(received.headers[name] for name in ("x-one", "x-latin", "content-encoding")) == ("a\nb", "caf\xe9", "gzip")


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")])
def test_answers_without_a_body(method, status):
    """Where HTTP has no body none is waited for, whatever its length is said to be."""

    async def talk(peer, reader, writer):
        while True:
            await _head(peer, reader)
            writer.write(f"HTTP/1.1 {status}\r\n{'Content-Length: 9' if method == 'HEAD' else 'X-A: b'}\r\n\r\n".encode())

    async def dialogue():
        async with _Peer(talk) as peer:
            return await _ask(peer.url, method=method, read=1.0)

    assert asyncio.run(dialogue()).body == b""


@pytest.mark.parametrize("name", ["gzip_bomb", "endless_body"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
def test_body_that_is_too_large_is_not_read(server, own, name):
    """What is larger than the limit after decompression ends at the limit, and the connection is closed."""
    server.reset()
    server.script([named(name)(answer=_ANSWER)])

    async def dialogue():
        async with httpx2.AsyncClient() as session:
            wire = _wire(None if own else session)
            problem, _ = await _failure(wire, _outgoing(server.heygen.url + _ME))
            await wire.close()
            return problem

    problem = asyncio.run(dialogue())
    assert (AnswerTooLargeError, f"the answer is larger than {_LIMIT} bytes after decompression") == (type(problem), str(problem))


def test_answer_that_cannot_be_read_is_closed():
    """An answer whose body is not even begun, for its encodings, does not keep its connection."""

    async def use(wire):
        async with _Peer(lambda *a: _ok(*a, f"Content-Encoding: {', '.join(['gzip'] * 9)}")) as peer:
            problem, _ = await _failure(wire, _outgoing(peer.url))
            return type(problem), await peer.all_left()

    assert _run(use) == (httpx2.DecodingError, True)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_limit_is_counted_exactly(size, fits):
    """A body of the limit's size is read, one byte more is too many; a connection with such an answer is not used again."""

    async def talk(peer, reader, writer):
        while True:
            await _head(peer, reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size))

    async def use(wire):
        async with _Peer(talk) as peer:
            for _ in range(2):
                with contextlib.nullcontext() if fits else pytest.raises(AnswerTooLargeError):
                    assert len((await wire.send(_outgoing(peer.url, limit=1000))).body) == size
            return peer.connections

    assert _run(use) == (1 if fits else 2)


# Faults.

# What the wire makes of each fault: the rule of what it raises, or the status of the answer.
_FAULTS = {
    "refused": "transport/ConnectionRefused",
    "reset_while_sending": "transport/ConnectionReset",
    "reset_after_request": "transport/ConnectionReset",
    "closed_without_answer": "transport/RemoteClosed",
    "reset_after_headers": "transport/IncompleteRead",
    "reset_mid_body": "transport/IncompleteRead",
    "truncated_body": "transport/IncompleteRead",
    "truncated_chunks": "transport/IncompleteRead",
    "trickling_body": 200,
    "endless_body": AnswerTooLargeError,
    "trickling_headers": 200,
    "content_length_too_long": "transport/ReadTimeout",
    "content_length_too_short": 200,
    "broken_gzip": "transport/DecodingError",
    "gzip_bomb": AnswerTooLargeError,
    "lying_content_type": 200,
    "broken_json": 200,
    "empty_body": 200,
    "not_http": "transport/ProtocolError",
    "huge_header": "transport/ProtocolError",
    "redirect_elsewhere": 307,
    "redirect_loop": 307,
    "slow_answer": "transport/ReadTimeout",
    "no_answer": "transport/ReadTimeout",
}
_SMALLER = {
    "refused": {"seconds": 30},
    "trickling_body": {"seconds": 0.001},
    "trickling_headers": {"seconds": 0.001, "size": 20},
    "gzip_bomb": {"size": 8 << 20},
}

_PATIENCE = {name: 0.2 for name, expected in _FAULTS.items() if expected == "transport/ReadTimeout"}


def test_every_fault_has_an_expectation():
    """A new fault of the kit is not forgotten here."""
    assert set(FAULTS) == set(_FAULTS)


def _of(name):
    return named(name)(answer=_ANSWER, **_SMALLER.get(name, {}))


@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
@pytest.mark.parametrize("name", _FAULTS)
def test_fault_is_an_answer_or_an_exception(server, caplog, own, name):
    """Each fault ends in its answer or in the exception that is normalized to its rule; no log line has the key, at any level."""
    server.reset()
    server.script([_of(name)])
    caplog.set_level(logging.DEBUG)

    async def dialogue():
        async with httpx2.AsyncClient(transport=server.transport("httpx2")) as session:
            wire = _wire(None if own else session)
            url = server.heygen.url if own else "https://api.heygen.com"
            try:
                return (await wire.send(_outgoing(url + _ME, read=_PATIENCE.get(name, 5.0)))).status
            except (httpx2.HTTPError, AnswerIncompleteError, AnswerTooLargeError) as problem:
                return problem
            finally:
                await wire.close()

    came = asyncio.run(dialogue())
    if isinstance(came, httpx2.HTTPError | AnswerIncompleteError):
        came = normalize(came, "heygen").rule
    assert _FAULTS[name] == (type(came) if isinstance(came, Exception) else came)
    assert [record for record in caplog.records if record.name.startswith(("httpx2", "httpcore2"))]
    assert _KEY not in caplog.text


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_upload_breaks_off(server, tls):
    """A connection that is reset while a large body is being sent is a failure of the network, with an outcome that nobody knows."""
    server.reset()
    server.script([fault.reset_while_sending])
    url = server.tls_url("heygen") if tls else server.heygen.url
    outgoing = _outgoing(url + "/v1/asset", method="POST", body=b"x" * (16 << 20))
    problem, _ = _run(lambda wire: _failure(wire, outgoing), verify=server.ca_file)
    info = normalize(problem, "heygen")
    assert (info.category, info.retry.outcome, info.channel) == ("network", "unknown", "transport")


@pytest.mark.parametrize("kind", KINDS)
def test_certificates_are_checked(server, kind):
    """The good certificate is accepted by who trusts the authority; each other one is refused before anything is sent."""
    server.reset()
    server.script([_ANSWER])

    async def use(wire):
        outgoing = _outgoing(server.tls_url("heygen", kind) + _ME)
        return (await wire.send(outgoing)).status if kind == "valid" else (await _failure(wire, outgoing))[0]

    came = _run(use, verify=server.ca_file)
    if kind == "valid":
        assert came == 200
        return
    info = normalize(came, "heygen")
    assert (info.rule, info.retry.outcome, server.request_count) == ("transport/TlsCertificateError", "not_sent", 0)


def test_certificates_are_checked_by_the_system_or_not_at_all(server):
    """Without `verify` only the system's authorities count; with False none does; a path that is not there is refused at once."""
    server.reset()
    server.script([_ANSWER])
    outgoing = _outgoing(server.tls_url("heygen") + _ME)
    problem, _ = _run(lambda wire: _failure(wire, outgoing), verify=True)
    assert normalize(problem, "heygen").rule == "transport/TlsCertificateError"
    assert _run(lambda wire: wire.send(outgoing), verify=False).status == 200
    with pytest.raises(FileNotFoundError, match=r"verify='nowhere.pem': there is no such file or folder"):
        Httpx2Wire(verify="nowhere.pem")


# Deadlines.


@pytest.mark.parametrize("name", ["trickling_body", "trickling_headers", "slow_answer", "no_answer", "content_length_too_long"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "session"])
def test_deadline_ends_every_answer(server, own, name):
    """Whatever comes byte by byte, or not at all, ends at the deadline, as sent."""
    server.reset()
    server.script([named(name)(answer=_ANSWER)])

    async def dialogue():
        async with httpx2.AsyncClient(transport=server.transport("httpx2")) as session:
            wire = _wire(None if own else session)
            url = server.heygen.url if own else "https://api.heygen.com"
            came = await _failure(wire, _outgoing(url + _ME, total=0.2))
            await wire.close()
            return came

    problem, seconds = asyncio.run(dialogue())
    assert (DeadlineExceededError, True) == (type(problem), problem.sent)
    assert 0.2 <= seconds < 0.2 + _TIMELY


@pytest.mark.parametrize("talk", [_silent, _trickling_tls])
def test_deadline_ends_a_tls_handshake(talk):
    """A handshake that is not answered, or byte by byte, ends at the deadline, as not sent, and its connection is closed."""

    async def use(wire):
        async with _Peer(talk) as peer:
            problem, seconds = await _failure(wire, _outgoing(f"https://127.0.0.1:{peer.port}", total=0.2))
            return problem, seconds, await peer.all_left()

    problem, seconds, all_left = _run(use)
    assert (DeadlineExceededError, False, True) == (type(problem), problem.sent, all_left)
    assert 0.2 <= seconds < 0.2 + _TIMELY


@pytest.mark.parametrize("total", [10.0, None])
@pytest.mark.parametrize("talk", [_silent, _trickling_tls])
def test_time_for_connecting_holds_for_tls(talk, total):
    """A connection whose handshake takes too long is a connect time-out, which says that nothing was sent."""

    async def use(wire):
        async with _Peer(talk) as peer:
            problem, seconds = await _failure(wire, _outgoing(f"https://127.0.0.1:{peer.port}", connect=0.2, total=total))
            return problem, seconds, await peer.all_left()

    problem, seconds, all_left = _run(use)
    assert (normalize(problem, "heygen").rule, all_left) == ("transport/ConnectTimeout", True)
    assert 0.2 <= seconds < 0.2 + _TIMELY


def test_time_for_connecting_is_for_all_steps_together():
    """Connecting to a proxy, its answer and TLS behind it take no longer than connecting may."""

    async def talk(peer, reader, writer):
        await _head(peer, reader)
        await asyncio.sleep(0.35)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _silent(peer, reader, writer)

    async def dialogue():
        async with _Peer(talk) as peer:
            wire = _wire(proxies={"https": peer.url})
            problem, seconds = await _failure(wire, _outgoing("https://api.heygen.com", connect=0.4))
            all_left = await peer.all_left()
            await wire.close()
            return problem, seconds, all_left

    problem, seconds, all_left = asyncio.run(dialogue())
    assert (normalize(problem, "heygen").rule, all_left) == ("transport/ConnectTimeout", True)
    assert 0.4 <= seconds < 0.4 + _TIMELY


def test_time_for_connecting_ends_with_it():
    """A slow answer over a quick connection has the time for reading, not that for connecting."""

    async def talk(peer, reader, writer):
        await _head(peer, reader)
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def dialogue(total):
        async with _Peer(talk) as peer:
            return (await _ask(peer.url, connect=0.1, total=total)).status

    assert [asyncio.run(dialogue(total)) for total in (10.0, None)] == [200, 200]


def test_deadline_that_is_over_sends_nothing(server):
    """Without any time left nothing is sent, not even over a connection that stands."""
    server.reset()

    async def use(wire):
        await wire.send(_outgoing(server.heygen.url + _ME))
        return await _failure(wire, _outgoing(server.heygen.url + _ME, total=0.0))

    problem, _ = _run(use)
    assert (DeadlineExceededError, False, 1) == (type(problem), problem.sent, server.request_count)


def test_transport_that_tells_nothing_may_have_sent():
    """Behind a session's own transport that does not say how far it came, a request counts as sent."""

    class Mute(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request):
            await asyncio.sleep(5)

    async def dialogue():
        async with httpx2.AsyncClient(transport=Mute()) as session:
            return await _failure(Httpx2Wire(session), _outgoing("https://api.heygen.com", total=0.05))

    problem, _ = asyncio.run(dialogue())
    assert (DeadlineExceededError, True) == (type(problem), problem.sent)


def test_waiting_for_a_connection_sends_nothing():
    """A call that waits behind a hundred others ends at its deadline, as not sent."""

    async def use(wire):
        async with _Peer(_silent, backlog=200) as peer:
            busy = [asyncio.create_task(wire.send(_outgoing(peer.url, read=30.0))) for _ in range(100)]
            assert await peer.reaches(lambda: peer.open == 100)
            problem, _ = await _failure(wire, _outgoing(peer.url, total=0.1))
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            return problem, await peer.all_left()

    problem, all_left = _run(use)
    assert (DeadlineExceededError, False, True) == (type(problem), problem.sent, all_left)


def test_deadlines_of_others_are_theirs():
    """A time-out around the wire ends the call as what it is, and a cancellation arrives."""

    async def use(wire):
        async with _Peer(_silent) as peer:
            with pytest.raises(TimeoutError) as raised:
                async with asyncio.timeout(0.1):
                    await wire.send(_outgoing(peer.url))
            task = asyncio.create_task(wire.send(_outgoing(peer.url)))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return raised.type, task.cancelled(), await peer.all_left()

    assert (TimeoutError, True, True) == _run(use)


def test_timeout_inside_a_session_is_its_own():
    """A TimeoutError that a hook or transport raises is passed on: it is not the deadline."""

    async def late(_request):
        msg = "late"
        raise TimeoutError(msg)

    async def dialogue():
        async with httpx2.AsyncClient(event_hooks={"request": [late]}) as session:
            return await _failure(_wire(session), _outgoing("https://api.heygen.com"))

    problem, _ = asyncio.run(dialogue())
    assert (TimeoutError, "late") == (type(problem), str(problem))


def test_two_deadlines_at_once_are_the_outer_one():
    """Where the deadline and a time-out around it pass together, the outer one is not swallowed."""

    async def use(wire):
        async with _Peer(_silent) as peer:
            loop = asyncio.get_running_loop()
            loop.call_later(0.05, time.sleep, 0.1)  # both pass while the loop is busy
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wire.send(_outgoing(peer.url, total=0.1, read=0.1)), 0.1)
            return asyncio.current_task().cancelling()

    assert _run(use) == 0


@pytest.mark.parametrize("read", [0.1, 0.07])
def test_deadline_goes_before_a_timeout(read):
    """Where the time for reading and the deadline are seen to be over at once, it is the deadline."""

    async def use(wire):
        async with _Peer(_silent) as peer:
            asyncio.get_running_loop().call_later(0.05, time.sleep, 0.1)  # both pass while the loop is busy
            problem, _ = await _failure(wire, _outgoing(peer.url, total=0.1, read=read))
            return type(problem)

    assert _run(use) is DeadlineExceededError


def test_failure_at_the_deadline_holds_no_key(server):
    """The exception of a deadline has no frame and no cause with the key in it."""
    server.reset()
    server.script([fault.no_answer])
    problem, _ = _run(lambda wire: _failure(wire, _outgoing(server.heygen.url + _ME, total=0.1)))
    shown = "".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format())
    assert (problem.__cause__, problem.__context__, _KEY in shown) == (None, None, False)


# Connections.


def test_connection_is_used_again():
    """Calls one after the other go over one connection, which is closed with the wire."""

    async def dialogue():
        async with _Peer(_ok) as peer:
            wire = _wire()
            bodies = [(await wire.send(_outgoing(peer.url))).body for _ in range(20)]
            connections = peer.connections
            await wire.close()
            await wire.close()
            return bodies, connections, await peer.all_left()

    assert asyncio.run(dialogue()) == ([b"ok"] * 20, 1, True)


def test_fifty_calls_at_once(server):
    """Fifty calls at a time are all answered, over fifty connections at most, again and again."""
    server.reset()

    async def use(wire):
        statuses = Counter()
        for _ in range(4):
            answers = await asyncio.gather(*(wire.send(_outgoing(server.heygen.url + _ME)) for _ in range(50)))
            statuses.update(answer.status for answer in answers)
        return statuses

    assert _run(use) == {200: 200}


def test_nothing_is_left_behind():
    """After answers, failures, deadlines and cancellations side by side, no connection stays open but those that can be used again."""

    async def talk(peer, reader, writer):
        while True:
            path = (await _head(peer, reader))[0].split(" ")[1]
            if path == "/gone":
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"ok" if path == "/ok" else b"o"))
            if path == "/half":
                await _silent(peer, reader, writer)

    async def use(wire):
        async with _Peer(talk) as peer:

            def started(path, total=10.0):
                return [asyncio.create_task(wire.send(_outgoing(peer.url + path, total=total))) for _ in range(15)]

            ending, lasting = [*started("/ok"), *started("/gone"), *started("/half", total=0.2)], started("/half")
            came = await asyncio.gather(*ending, return_exceptions=True)
            for task in lasting:
                task.cancel()
            await asyncio.wait(lasting)
            only_idle = await peer.reaches(lambda: peer.open == 15)
            await wire.close()
            return Counter(type(one) for one in came), {task.cancelled() for task in lasting}, only_idle, await peer.all_left()

    kinds = {Received: 15, httpx2.RemoteProtocolError: 15, DeadlineExceededError: 15}
    assert _run(use) == (kinds, {True}, True, True)


def test_wire_that_was_closed_sends_nothing():
    """A closed wire says so."""

    async def dialogue():
        wire = _wire()
        await wire.close()
        return await _failure(wire, _outgoing("http://127.0.0.1:9"))

    problem, _ = asyncio.run(dialogue())
    assert (ClientClosedError, "this client was closed") == (type(problem), str(problem))


def test_wire_outlives_an_event_loop(server):
    """A wire made outside of any loop works in one, and in the next one when that is closed."""
    server.reset()
    wire = _wire()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # connections of a loop that is over can only be dropped
        assert [asyncio.run(wire.send(_outgoing(server.heygen.url + _ME))).status for _ in range(3)] == [200] * 3
        asyncio.run(wire.close())
        gc.collect()


def test_wire_is_for_one_loop_at_a_time(server):
    """While a loop is alive, another one is refused with words that say what to do."""
    wire = _wire()
    first = asyncio.new_event_loop()
    try:
        first.run_until_complete(wire.send(_outgoing(server.heygen.url + _ME)))
        problem, _ = asyncio.run(_failure(wire, _outgoing(server.heygen.url + _ME)))
        first.run_until_complete(wire.close())
    finally:
        first.close()
    assert (WrongLoopError, "this client is in use by another event loop: make one client for each loop") == (type(problem), str(problem))


# Sessions.


def test_session_keeps_its_settings():
    """Headers of a session are below ours; its auth, cookies, parameters and hooks are used, and it stays open."""
    seen = []

    async def hook(what):
        seen.append(type(what).__name__)

    async def dialogue():
        async with (
            _Peer(_ok) as peer,
            httpx2.AsyncClient(
                headers={"User-Agent": "theirs", "X-Theirs": "1"},
                auth=("me", "secret"),
                cookies={"c": "1"},
                params={"tenant": "t", "a": "theirs"},
                timeout=0.001,
                event_hooks={"request": [hook], "response": [hook]},
            ) as session,
        ):
            wire = Httpx2Wire(session)
            await wire.send(_outgoing(peer.url + "/v1?a=1&b=%2F"))
            await wire.close()
            return peer.heads[0], session.is_closed

    lines, is_closed = asyncio.run(dialogue())
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert (headers["User-Agent"], headers["X-Theirs"], headers["X-Api-Key"]) == ("ours/1", "1", _KEY)
    assert (headers["Authorization"], headers["Cookie"]) == ("Basic " + base64.b64encode(b"me:secret").decode(), "c=1")
    assert lines[0] == "GET /v1?tenant=t&a=1&b=%2F HTTP/1.1"
    assert (seen, is_closed) == (["Request", "Response"], False)


def test_answer_that_a_hook_has_read_is_read_again():
    """A session whose hook reads answers, or whose transport makes them up, gives them to us all the same."""

    async def read(response):
        await response.aread()

    async def dialogue():
        made_up = httpx2.MockTransport(lambda _: httpx2.Response(200, content=b"ok"))
        async with (
            _Peer(_ok) as peer,
            httpx2.AsyncClient(event_hooks={"response": [read]}) as reading,
            httpx2.AsyncClient(transport=made_up) as inventing,
        ):
            return [(await _wire(session).send(_outgoing(peer.url))).body for session in (reading, inventing)]

    assert asyncio.run(dialogue()) == [b"ok", b"ok"]


@pytest.mark.parametrize("session", [httpx2.Client(), httpx.AsyncClient(), object()], ids=["sync", "httpx", "object"])
def test_session_of_another_kind_is_refused(session):
    """What is no asynchronous client of httpx2 is refused before anything is sent."""
    with pytest.raises(TypeError, match=r"the session of an AsyncClient is an httpx2\.AsyncClient, not \w+"):
        Httpx2Wire(session)


# Proxies.


@pytest.fixture
def no_proxies(monkeypatch):
    """An environment without proxies."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


_HEYGEN = "http://api.heygen.com/v1"


@pytest.mark.parametrize("credentials", ["", "me:secret@"])
@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("key", ["http", "all", "http://api.heygen.com", "HTTP"])
@pytest.mark.usefixtures("no_proxies")
def test_proxies_are_read_as_requests_reads_them(key, scheme, credentials):
    """A proxy is named by scheme, by host or for all; it gets the whole URL, and its own credentials."""

    async def dialogue():
        async with _Peer(_ok) as peer:
            wire = _wire(proxies={key: f"{scheme}{credentials}127.0.0.1:{peer.port}"})
            received = await wire.send(_outgoing(_HEYGEN + "/a%2Fb?c={}"))
            await wire.close()
            return received.body, peer.heads[0]

    body, lines = asyncio.run(dialogue())
    assert (body, lines[0]) == (b"ok", f"GET {_HEYGEN}/a%2Fb?c={{}} HTTP/1.1")
    expected = ["Proxy-Authorization: Basic " + base64.b64encode(b"me:secret").decode()] if credentials else []
    assert expected == [line for line in lines if line.startswith("Proxy-")]


def test_proxies_of_the_environment_are_used(no_proxies):
    """Without proxies of its own, the wire takes those of the environment for https, but for what NO_PROXY names."""

    async def dialogue():
        async with _Peer(_ok) as proxy:
            no_proxies.setenv("https_proxy", proxy.url)
            no_proxies.setenv("no_proxy", "127.0.0.1")
            wire = _wire()
            for url in ("https://api.heygen.com/v3/users/me", proxy.url.replace("http://", "https://")):
                with pytest.raises(httpx2.HTTPError):  # nobody speaks TLS here
                    await wire.send(_outgoing(url))
            await wire.close()
            return [head[0] for head in proxy.heads]

    assert [str(line).partition(" ")[0] for line in asyncio.run(dialogue())][:1] == ["CONNECT"]


def test_plain_http_goes_past_the_environment_s_proxies(no_proxies):
    """Plain http is for this machine: a proxy of the environment never sees it, and the key in it."""

    async def dialogue():
        async with _Peer(_ok) as proxy, _Peer(_ok) as vendor:
            no_proxies.setenv("http_proxy", proxy.url)
            no_proxies.setenv("all_proxy", proxy.url)
            wire = _wire()
            await wire.send(_outgoing(vendor.url))
            await wire.close()
            return len(proxy.heads), len(vendor.heads)

    assert asyncio.run(dialogue()) == (0, 1)


@pytest.mark.usefixtures("no_proxies")
def test_key_goes_through_a_tunnel_only(server):
    """A proxy for https sees the host and nothing else; the certificate is checked behind it."""
    server.reset()
    server.script([_ANSWER])
    vendor = httpx2.URL(server.tls_url("heygen"))

    async def talk(peer, reader, writer):
        await _head(peer, reader)
        upstream_reader, upstream = await asyncio.open_connection(vendor.host, vendor.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source, sink):
            while data := await source.read(65536):
                sink.write(data)

        try:
            await asyncio.gather(pump(reader, upstream), pump(upstream_reader, writer))
        finally:
            upstream.close()

    async def dialogue():
        async with _Peer(talk) as peer:
            wire = _wire(proxies={"https": peer.url}, verify=server.ca_file)
            received = await wire.send(_outgoing(str(vendor) + _ME))
            await wire.close()
            return received.status, peer.heads

    status, heads = asyncio.run(dialogue())
    assert (200, [[f"CONNECT {vendor.host}:{vendor.port} HTTP/1.1", f"Host: {vendor.host}:{vendor.port}", "Accept: */*"]]) == (
        status,
        heads,
    )


@pytest.mark.usefixtures("no_proxies")
def test_deadline_behind_a_tunnel_has_sent_nothing():
    """A proxy that was asked for a tunnel has not got the request; over a hundred failures do not use the connections up."""

    async def dialogue():
        async with _Peer(_silent_behind_a_tunnel, backlog=200) as peer:
            wire = _wire(proxies={"https": peer.url})
            outgoing = _outgoing("https://api.heygen.com", total=0.5, connect=5.0)
            came = await asyncio.gather(*(wire.send(outgoing) for _ in range(101)), return_exceptions=True)
            again, _ = await _failure(wire, _outgoing("https://api.heygen.com", total=0.1))
            all_left = await peer.all_left()
            await wire.close()
            return Counter((type(problem), problem.sent) for problem in [*came, again]), peer.connections, all_left

    counts, connections, all_left = asyncio.run(dialogue())
    assert ({(DeadlineExceededError, False): 102}, 102, True) == (counts, connections, all_left)


@pytest.mark.parametrize(
    ("proxies", "words"),
    [({"ftp": "http://p:1"}, r"not for 'ftp'"), ({"no_proxy": "a.b"}, r"not for 'no_proxy'"), ({"https": "gopher://p:1"}, r"gopher://p:1")],
)
def test_proxies_that_cannot_be_meant_are_refused(proxies, words):
    """A proxy that would never be used, or cannot be, is refused when the wire is made."""
    with pytest.raises(ValueError, match=words):
        _wire(proxies=proxies)


# The extra.


def test_missing_library_is_named_with_its_extra(monkeypatch):
    """Without httpx2 the module can be imported; making a wire says how to install what is missing."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    module = runpy.run_path(sys.modules[Httpx2Wire.__module__].__file__)
    with pytest.raises(ModuleNotFoundError, match=r"AsyncClient needs httpx2: pip install 'heify-heygen-errors\[async\]'"):
        module["Httpx2Wire"]()


def test_representation_holds_no_credentials(server):
    """Neither the wire nor what it is made of shows a key or a proxy's password."""
    wire = _wire(proxies={"https": "http://me:secret-of-proxy@127.0.0.1:9"}, verify=server.ca_file)
    assert "secret-of-proxy" not in repr(wire) + repr(vars(wire)) + repr(vars(vars(wire)["_line"]))
    assert isinstance(vars(vars(wire)["_line"])["_context"], ssl.SSLContext)
