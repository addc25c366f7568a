"""Keys that can be told from everything else come out nowhere: not in logs, texts, tracebacks, pickles, events or warnings.

Each scene is run with a key of its own for every vendor, with a token that is given with the call, and with the
password of a proxy. Behind it everything that the client has made or said is searched for them.
"""

import asyncio
import base64
import contextlib
import copy
import logging
import pickle
import socket
import threading
import traceback
import warnings
from functools import partial

import attrs
import httpx2
import pytest
import requests
from benchmarks.fault_table import AMOUNTS, MAX_ANSWER

from heify_heygen_errors import AsyncClient, BreakerPolicy, Client, Hooks, Limiter, RetryBudget
from heify_heygen_errors.testing import FakeServer, error
from heify_heygen_errors.testing.fault import FAULTS, named

KEYS = {
    "heygen": "tellmenotheygen7Q1zX9vB3kW5",
    "liveavatar": "tellmenotliveavatar2Hd8Lr4Tn6",
    "heify": "tellmenotheify5Pm3Yc7Jf1Gs",
}
TOKEN = "tellmenottoken9Ue6Ko2Da8Ni"
CANARY = "tellmenot"

VIDEO = {"type": "avatar", "script": "Hello"}
CALLS = {
    "heygen, reads": ("heygen", "GET", "/v3/users/me", {}),
    "heygen, spends": ("heygen", "POST", "/v3/videos", {"json": VIDEO}),
    "heify, spends": ("heify", "POST", "/submit", {"json": {"name": "Call"}}),
    "liveavatar, with a token": ("liveavatar", "POST", "/v1/sessions/start", {"headers": {"Authorization": f"Bearer {TOKEN}"}}),
}
MODES = ("sync", "sync with a session", "async", "async with a session")
every_mode = pytest.mark.parametrize("mode", MODES)


# Everything that is said.


class Heard(logging.Handler):
    """Every log record of every logger, every warning, every event, and what calls gave or raised."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.records, self.events, self.results, self.others, self.warnings = [], [], [], [], []

    def emit(self, record):
        self.records.append(record)

    @property
    def hooks(self):
        return Hooks(**{field.name: self.events.append for field in attrs.fields(Hooks)})

    def told(self):
        """What was said, by the place that it was said at."""
        for record in self.records:
            yield f"log of {record.name}", logging.Formatter("%(message)s").format(record)
            yield f"log of {record.name}, its arguments", repr(record.args)
        for event in self.events:
            yield from _of_value(type(event).__name__, event)
        for result in self.results:
            yield from _of_error(result) if isinstance(result, BaseException) else _of_answer(result)
        for name, value in (*self.others, *(("a warning", shown.message) for shown in self.warnings)):
            yield f"repr of {name}", repr(value)
            yield f"str of {name}", str(value)

    def leaks(self):
        """The places where a key was told."""
        coded = [base64.b64encode(key.encode()).decode()[:20] for key in (*KEYS.values(), TOKEN)]
        return sorted({place for place, text in self.told() if CANARY in text.lower() or any(code in text for code in coded)})


def _of_value(name, value):
    yield f"repr of {name}", repr(value)
    yield f"str of {name}", str(value)
    yield f"copy of {name}", repr(copy.deepcopy(value))
    yield f"pickle of {name}", pickle.dumps(value).decode("latin-1")
    for field in attrs.fields(type(value)):
        yield f"{field.name} of {name}", repr(getattr(value, field.name))


def _of_answer(answer):
    # What the vendor sent is the caller's to have, whatever stands in it; the client tells of it to nobody.
    yield from _of_value("answer", attrs.evolve(answer, data=None, body=None, headers={}))
    yield "repr of an answer", repr(answer)
    for value in (*answer.attempts, *answer.failures, *answer.notices):
        yield from _of_value(type(value).__name__, value)


def _of_error(raised):
    whole = traceback.TracebackException(type(raised), raised, raised.__traceback__, capture_locals=True)
    yield from _of_traceback(whole)
    yield "traceback without locals", "".join(traceback.format_exception(raised))
    name = type(raised).__name__
    yield f"pickle of {name}", pickle.dumps(raised).decode("latin-1")
    twin = copy.deepcopy(raised)
    yield f"copy of {name}", f"{twin!r} {vars(twin)!r}"
    for attempt in getattr(raised, "attempts", ()):
        yield from _of_value("attempt", attempt)
    for problem in _chain(raised):
        name = type(problem).__name__
        yield f"repr of {name}", repr(problem)
        yield f"str of {name}", str(problem)
        yield f"arguments of {name}", repr(problem.args)
        for attribute, value in _attributes(problem):
            yield f"{attribute} of {name}", repr(value)
            if not isinstance(value, BaseException):
                for inner, below in _attributes(value):
                    yield f"{attribute}.{inner} of {name}", repr(below)


def _of_traceback(whole):
    """The locals of every frame, of causes too."""
    for frame in whole.stack:
        for name, text in (frame.locals or {}).items():
            yield f"{name} of {frame.name} in a traceback", text
    for more in (whole.__cause__, whole.__context__):
        if more is not None:
            yield from _of_traceback(more)


def _chain(raised):
    """An exception and all that hang on it."""
    pending, seen = [raised], []
    while pending:
        problem = pending.pop()
        if problem is None or any(problem is other for other in seen):
            continue
        seen.append(problem)
        inside = [*problem.args, *(value for _, value in _attributes(problem))]
        pending += [problem.__cause__, problem.__context__, *(one for one in inside if isinstance(one, BaseException))]
    return seen


def _attributes(value):
    for name in {*getattr(value, "__dict__", {}), *(slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ()))}:
        with contextlib.suppress(Exception):
            yield name, getattr(value, name)


@pytest.fixture
def heard():
    """All that is said while the test runs, at the level of DEBUG."""
    listener, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        listener.warnings = shown
        yield listener
    root.removeHandler(listener)
    root.setLevel(before)


# Calls.


def _send(client, name):
    """An answer or an error. The call's options are in no variable: tracebacks show those of this function, too."""
    try:
        return getattr(client, CALLS[name][0]).request(*CALLS[name][1:3], **CALLS[name][3])
    except Exception as raised:  # noqa: BLE001 - whatever it is, it tells no key
        return raised


async def _send_async(client, name):
    try:
        return await getattr(client, CALLS[name][0]).request(*CALLS[name][1:3], **CALLS[name][3])
    except Exception as raised:  # noqa: BLE001 - whatever it is, it tells no key
        return raised


def _run(heard, mode, names=tuple(CALLS), keys=KEYS, **settings):
    """Make calls with one of the clients, and hear what comes of them."""
    given = {f"{vendor}_api_key": key for vendor, key in keys.items()}
    given |= {"hooks": heard.hooks, "budget": RetryBudget(), "max_answer": MAX_ANSWER, "draw": lambda: 0.0, **settings}
    if mode.startswith("async"):
        asyncio.run(_run_async(heard, mode, names, given), debug=True)
        return
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(requests.Session()) if mode == "sync with a session" else None
        client = stack.enter_context(Client(session=session, sleep=lambda _: None, **given))
        heard.results += [_send(client, name) for name in names]
        _hear_client(heard, client)


async def _run_async(heard, mode, names, given):
    async def at_once(_):
        await asyncio.sleep(0)

    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(httpx2.AsyncClient()) if mode == "async with a session" else None
        client = await stack.enter_async_context(AsyncClient(session=session, sleep=at_once, **given))
        heard.results += [await _send_async(client, name) for name in names]
        _hear_client(heard, client)


def _hear_client(heard, client):
    heard.others.append(("client", client))
    for vendor in KEYS:
        calls = getattr(client, vendor)
        heard.others += [(vendor, calls), (f"attributes of {vendor}", list(vars(calls).values())), (f"budget of {vendor}", calls.budget)]
        heard.others += [(f"attributes of {vendor}, one level down", list(_attributes(value))) for value in vars(calls).values()]


def _refusal(make):
    try:
        make()
    except Exception as raised:  # noqa: BLE001 - whatever it is, it tells no key
        return raised
    return None


# Faults.


@pytest.fixture(scope="module")
def server():
    with FakeServer(limits=False, keys=KEYS) as running:
        yield running


def _urls(server):
    return {f"{vendor}_base_url": server.site(vendor).url for vendor in KEYS}


@every_mode
@pytest.mark.parametrize("name", FAULTS)
def test_fault(server, heard, mode, name):
    """No fault has a key told, and none has it sent to another host."""
    server.reset()
    fault = named(name)(**AMOUNTS.get(name, {}))
    with contextlib.ExitStack() as stack:
        if name == "refused":
            stack.enter_context(server.refusing())
        else:
            server.on(None, None, fault)
        _run(
            heard, mode, **_urls(server), timeout=(5.0, 0.1 if fault.seconds > 0.5 else 5.0), deadline=0.15 if "trickling" in name else 30.0
        )
    assert len(heard.results) == len(CALLS)
    assert (heard.leaks(), server.elsewhere.requests) == ([], [])


# Answers that tell the key.


class Echo:
    """A server that answers with the key that it was sent, in the place that the test says.

    Arguments:
        reply: bytes of the whole answer; ``KEY`` in them is replaced.
    """

    def __init__(self, reply):
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._socket.accept()
                with line, contextlib.suppress(OSError):
                    line.settimeout(5)
                    line.sendall(self._reply.replace(b"KEY", _key_in(line)))
                    line.shutdown(socket.SHUT_WR)
                    while line.recv(4096):
                        pass


def _key_in(line):
    """The credential of a request that is read to its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (row.partition(b":") for row in head.split(b"\r\n")[1:])}
    missing = int(fields.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        missing -= len(line.recv(missing))
    return fields.get(b"authorization", fields.get(b"x-api-key", b"")).rpartition(b" ")[2]


def _answer(status=b"400 Bad Request", body=b"{}", *lines):
    head = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Connection: close", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


ECHOES = {
    "message": _answer(
        b"401 Unauthorized", b'{"error": {"code": "unauthorized", "message": "KEY is no key", "doc_url": "https://a.example/KEY"}}'
    ),
    "code": _answer(b"400 Bad Request", b'{"error": {"code": "KEY", "message": "no such key"}}'),
    "code of v1": _answer(b"400 Bad Request", b'{"code": 400112, "message": "KEY", "detail": {"KEY": "KEY"}}'),
    "code of Heify": _answer(b"400 Bad Request", b'{"error": {"message": "Missing required field: KEY", "code": 400}}'),
    "param": _answer(b"400 Bad Request", b'{"error": {"code": "invalid_parameter", "message": "wrong", "param": "KEY"}}'),
    "escaped": _answer(b"400 Bad Request", b'{"error": {"code": "invalid_parameter", "message": "\\u0020KEY\\u0020"}}'),
    "page": _answer(b"502 Bad Gateway", b"<html><title>KEY</title><body>KEY KEY</body></html>"),
    "gateway": _answer(
        b"403 Forbidden", b"{\"message\": \"'KEY' not a valid key=value pair (missing equal-sign) in Authorization header: 'KEY'.\"}"
    ),
    "storage": _answer(
        b"403 Forbidden", b"<Error><Code>InvalidAccessKeyId</Code><Message>KEY</Message><AWSAccessKeyId>KEY</AWSAccessKeyId></Error>"
    ),
    "failed job": _answer(b"200 OK", b'{"data": {"id": "KEY", "status": "failed", "failure_code": "KEY", "failure_message": "KEY"}}'),
    "failed items": _answer(b"200 OK", b'{"data": [{"id": "KEY", "status": "failed", "failure_code": "KEY", "failure_message": "KEY"}]}'),
    "data": _answer(b"200 OK", b'{"data": {"said": "KEY", "more": ["KEY"]}}'),
    "broken JSON": _answer(b"200 OK", b'{"data": "KEY"'),
    "text": _answer(b"200 OK", b"KEY"),
    "reason": _answer(b"400 KEY"),
    "reason of success": _answer(b"200 KEY", b'{"data": 1}'),
    "header": _answer(b"400 Bad Request", b"{}", b"X-Echo: KEY"),
    "header of success": _answer(b"200 OK", b'{"data": 1}', b"X-Echo: KEY"),
    "cookie": _answer(b"200 OK", b'{"data": 1}', b"Set-Cookie: session=KEY; Path=/"),
    "request id": _answer(b"400 Bad Request", b"{}", b"X-Request-Id: KEY", b"x-amzn-requestid: KEY", b"x-heygen-request-id: KEY"),
    "request id of success": _answer(b"200 OK", b'{"data": 1}', b"X-Request-Id: KEY", b"x-amzn-requestid: KEY"),
    "gateway's type": _answer(b"403 Forbidden", b'{"message": "no"}', b"x-amzn-ErrorType: KEY"),
    "sunset": _answer(b"200 OK", b'{"data": 1}', b"Deprecation: true", b"Sunset: KEY"),
    "warning": _answer(b"200 OK", b'{"data": 1, "warning": {"message": "KEY", "docs_url": "https://a.example/KEY", "sunset_date": "KEY"}}'),
    "wait": _answer(b"429 Too Many Requests", b"{}", b"Retry-After: KEY"),
    "broken header": _answer(b"200 OK", b'{"data": 1}', b"X-Echo: 1", b"KEY"),
    "folded header": _answer(b"200 OK", b'{"data": 1}', b"X-Echo: 1", b" KEY"),
    "name of a header": _answer(b"200 OK", b'{"data": 1}', b"X-KEY: 1"),
    "length": _answer(b"200 OK", b'{"data": 1}', b"Content-Length: KEY"),
    "two lengths": _answer(b"200 OK", b'{"data": 1}', b"Content-Length: 1, KEY"),
    "encoding": _answer(b"200 OK", b'{"data": 1}', b"Content-Encoding: KEY"),
    "broken gzip": _answer(b"200 OK", b"KEYKEYKEYKEY", b"Content-Encoding: gzip"),
    "transfer encoding": _answer(b"200 OK", b'{"data": 1}', b"Transfer-Encoding: KEY"),
    "chunk": _answer(b"200 OK", b"KEY\r\n", b"Transfer-Encoding: chunked"),
    "short body": _answer(b"200 OK", b'{"data": "KEY', b"Content-Length: 1000"),
    "status line": b"HTTP/1.1 KEY\r\n\r\n",
    "version": b"KEY 200 OK\r\n\r\n",
    "not HTTP": b"KEY\r\nKEY\r\n",
    "redirect to another host": _answer(b"307 Temporary Redirect", b"", b"Location: https://KEY.example/KEY?key=KEY"),
    "redirect to nowhere": _answer(b"307 Temporary Redirect", b"", b"Location: https://KEY:KEY/"),
    "redirect to another port": _answer(b"308 Permanent Redirect", b"", b"Location: http://127.0.0.1:1/KEY"),
    "redirect that changes the call": _answer(b"302 Found", b"", b"Location: /KEY"),
    "redirect to itself": _answer(b"307 Temporary Redirect", b"", b"Location: /KEY?KEY"),
}


# What libraries log of the head of an answer, or of the path that it leads to, is theirs: docs/security.md says so.
LIBRARIES = ("log of httpcore2.http11", "log of httpx2", "log of urllib3.connection", "log of urllib3.connectionpool")


@every_mode
@pytest.mark.parametrize("name", ECHOES)
def test_echo(heard, mode, name):
    """A key that the other end says back goes no further, wherever in the answer it stands."""
    with Echo(ECHOES[name]) as echo:
        _run(heard, mode, **{f"{vendor}_base_url": echo.url for vendor in KEYS}, timeout=5.0, deadline=20.0)
    assert len(heard.results) == len(CALLS)
    assert [place for place in heard.leaks() if not place.startswith(LIBRARIES)] == []


ENDLESS_LIST = _answer(b"200 OK", b'{"data": [], "has_more": true, "next_token": "KEY"}')


async def _all_of(items):
    return [item async for item in items]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("method", ["pages", "iterate"])
def test_list_without_end(heard, kind, method):
    """A list that gives the key as its page token, again and again, has no key told."""
    with Echo(ENDLESS_LIST) as echo:
        client = kind(KEYS["heygen"], heygen_base_url=echo.url, hooks=heard.hooks, budget=RetryBudget())
        walk = getattr(client.heygen, method)
        heard.results.append(_refusal(lambda: list(walk("/v3/videos")) if kind is Client else asyncio.run(_all_of(walk("/v3/videos")))))
    assert heard.results[0].info.rule == "transport/PageRepeated"
    assert [place for place in heard.leaks() if not place.startswith(LIBRARIES)] == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("file", [b"", b"x", "missing.png"])
def test_upload(heard, kind, file):
    """An upload that fails has no key told."""
    with Echo(ECHOES["message"]) as echo:
        client = kind(KEYS["heygen"], heygen_base_url=echo.url, hooks=heard.hooks, budget=RetryBudget())
        send = partial(client.heygen.upload_asset, file, name="a.png")
        heard.results.append(_refusal(send if kind is Client else lambda: asyncio.run(send())))
    assert heard.results != [None]
    assert heard.leaks() == []


# Calls that never come about.


def test_library_logs_of_an_echo_are_theirs(heard):
    """The exception above is needed: without an echo in the head nothing is excepted."""
    with Echo(ECHOES["header"]) as echo:
        _run(heard, "async", **{f"{vendor}_base_url": echo.url for vendor in KEYS})
    assert any(place.startswith(LIBRARIES) for place in heard.leaks())


@every_mode
@pytest.mark.parametrize("certificate", ["self_signed", "wrong_host", "expired", "valid"])
def test_certificate(server, heard, mode, certificate):
    """A certificate that is not trusted, or one that is, has no key told."""
    server.reset()
    urls = {f"{vendor}_base_url": server.tls_url(vendor, certificate) for vendor in KEYS}
    _run(heard, mode, **urls, **({} if "session" in mode else {"verify": server.ca_file}))
    assert heard.leaks() == []


@every_mode
@pytest.mark.parametrize("host", ["https://missing.invalid", "http://127.0.0.1:9", "https://127.0.0.1:9", "http://localhost:9/prefix"])
def test_nobody_there(heard, mode, host):
    """A host that does not exist, or a port behind which nobody is, has no key told."""
    _run(heard, mode, **{f"{vendor}_base_url": host for vendor in KEYS}, timeout=2.0)
    assert len(heard.results) == len(CALLS)
    assert heard.leaks() == []


@every_mode
@pytest.mark.parametrize("dead", ["unreachable", "silent", "silent with TLS"])
def test_dead_address(server, heard, mode, dead):
    """A call that ends by a time-out has no key told."""
    address = {
        "unreachable": server.unreachable_url,
        "silent": server.silent_url,
        "silent with TLS": partial(server.silent_url, tls=True),
    }[dead]
    _run(heard, mode, **{f"{vendor}_base_url": address(vendor) for vendor in KEYS}, timeout=0.1, deadline=1.0)
    assert heard.leaks() == []


@every_mode
@pytest.mark.parametrize("what", ["authentication", "rate_limit", "server", "invalid_request", "not_found", "unknown"])
def test_error_of_the_vendor(server, heard, mode, what):
    """Errors of the vendors, the breaker that they open and the waits that they ask for have no key told."""
    server.reset()
    for vendor in KEYS:
        server.on(None, None, error(vendor, what), provider=vendor)
    _run(heard, mode, names=[*CALLS] * 3, **_urls(server), breaker=BreakerPolicy(minimum=2), limiter=Limiter())
    assert heard.leaks() == []


# Keys that are none.

_BROKEN = {
    "a line break": "tellmenot9X\nHost: evil.example",
    "a carriage return": "tellmenot9X\r\nX-More: 1",
    "a letter beyond ASCII": "tellmenot9X\u00e9",
    "a letter beyond Latin-1": "tellmenot9X\u20ac",
    "a NUL": "tellmenot9X\0",
    "bytes": b"tellmenot9X",
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("vendor", KEYS)
@pytest.mark.parametrize("what", _BROKEN)
def test_broken_key(heard, kind, vendor, what):
    """A key that no header can have is refused, without being told, when the client is made."""
    heard.results.append(_refusal(lambda: kind(**{f"{vendor}_api_key": _BROKEN[what]})))
    assert [type(result) for result in heard.results] in ([ValueError], [TypeError])
    assert heard.leaks() == []


@every_mode
@pytest.mark.parametrize("what", [what for what in _BROKEN if "NUL" not in what and what != "bytes"])
def test_broken_key_of_the_environment(server, heard, mode, what, monkeypatch):
    """So is one of the environment, by the first call."""
    server.reset()
    for vendor in KEYS:
        monkeypatch.setenv(f"{vendor.upper()}_API_KEY", _BROKEN[what])
    _run(heard, mode, names=["heygen, reads", "heify, spends"], keys={}, **_urls(server))
    assert [ValueError, ValueError] == [type(result) for result in heard.results]
    assert (heard.leaks(), server.request_count) == ([], 0)


@every_mode
@pytest.mark.parametrize("what", _BROKEN)
def test_broken_token(server, heard, mode, what, monkeypatch):
    """So is a token that is given with a call."""
    server.reset()
    broken = _BROKEN[what]
    token = b"Bearer " + broken if isinstance(broken, bytes) else f"Bearer {broken}"
    monkeypatch.setitem(CALLS, "broken", ("liveavatar", "POST", "/v1/sessions/start", {"headers": {"Authorization": token}}))
    _run(heard, mode, names=["broken"], **_urls(server))
    assert heard.leaks() == []


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_proxy(heard, mode):
    """A proxy that cannot be reached does not have its password told, nor a key."""
    proxy = "http://user:tellmenotpassword@127.0.0.1:9"
    _run(heard, mode, **{f"{vendor}_base_url": "https://localhost:9" for vendor in KEYS}, proxies={"https": proxy, "http": proxy})
    assert heard.leaks() == []


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_proxy_that_refuses(heard, mode):
    """A proxy that refuses, and quotes the password, does not have it told, nor a key."""
    with Echo(_answer(b"407 Proxy Authentication Required", b"")) as echo:
        proxy = echo.url.replace("//", "//user:tellmenotpassword@")
        _run(heard, mode, **{f"{vendor}_base_url": "https://localhost:9" for vendor in KEYS}, proxies={"https": proxy})
    assert heard.leaks() == []


@every_mode
def test_wrong_use(heard, mode, monkeypatch):
    """Calls that are refused before they are sent have no key told."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    wrong = {
        "another host": {"path": "https://evil.example/v3/users/me"},
        "no such option": {"nothing": 1},
        "two bodies": {"json": {}, "data": b""},
        "no header": {"headers": {**headers, "X A": "1"}},
        "number in a header": {"headers": {**headers, "X-A": 1}},
        "no deadline": {"deadline": -1},
        "no idempotency key": {"idempotency_key": "a b"},
        "NaN": {"json": float("nan")},
        "no policy": {"retry": 3},
    }
    for name, options in wrong.items():
        path = options.pop("path", "/v3/users/me")
        monkeypatch.setitem(CALLS, name, ("heygen", "POST", path, {"headers": headers, **options}))
    _run(heard, mode, names=list(wrong))
    assert {ValueError, TypeError} == {type(result) for result in heard.results}
    assert heard.leaks() == []


@every_mode
def test_keys_can_be_told_from_all_else(server, heard, mode):
    """The search finds a key where one is told: here a hook writes what the server was sent."""
    server.reset()
    _run(heard, mode, **_urls(server))
    logging.getLogger("mine").warning("sent %s", server.requests[0].headers)
    assert heard.leaks() == ["log of mine", "log of mine, its arguments"]
    assert {KEYS["heygen"], KEYS["heify"]} <= {request.headers.get("x-api-key") for request in server.requests}
    assert f"Bearer {TOKEN}" in {request.headers.get("authorization") for request in server.requests}
