"""Streamed bodies on both wires: whole or not at all, in time, with early answers, and never all in memory."""

import asyncio
import contextlib
import os
import socket
import threading
import time
import tracemalloc
from pathlib import Path

import httpx2
import pytest
import requests

from heify_heygen_errors.client.failures import DeadlineExceededError
from heify_heygen_errors.client.httpx2_wire import Httpx2Wire
from heify_heygen_errors.client.requests_wire import RequestsWire
from heify_heygen_errors.client.streaming import PIECE, StreamedBody
from heify_heygen_errors.client.wire import Outgoing, Received
from heify_heygen_errors.testing.certificates import Authority

_KEY = "sk_canary_0123456789abcdef"
_BYTES = bytes(range(256)) * 3000
_LARGE = 48 << 20  # more than the buffers of two sockets take
_OVERRUN = 0.4  # seconds that an end may be late on a busy machine
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 8\r\nConnection: close\r\n\r\n<Error/>"


def _attempt(step, send):
    """What came of a step; one that is a function is called, between two attempts."""
    return send(step) if isinstance(step, Outgoing) else step()


def _with_requests(make):
    def results(*steps, **options):
        found = []
        with make() as session, contextlib.closing(RequestsWire(session, **options)) as wire:
            for step in steps:
                try:
                    found.append(_attempt(step, wire.send))
                except Exception as problem:  # noqa: BLE001 - which one it is, is what the tests are about
                    found.append(problem)
        return found

    return results


def _with_httpx2(make):
    async def all_results(*steps, verify=False):
        found = []
        async with make(verify) as session:
            wire = Httpx2Wire(session, verify=verify)
            for step in steps:
                try:
                    result = _attempt(step, wire.send)
                    found.append(await result if asyncio.iscoroutine(result) else result)
                except Exception as problem:  # noqa: BLE001 - the same
                    found.append(problem)
            await wire.close()
        return found

    return lambda *steps, **options: asyncio.run(all_results(*steps, **options))


def _client(verify):
    return httpx2.AsyncClient(verify=Httpx2Wire(verify=verify)._line._context)


_LINES = {
    "requests": _with_requests(contextlib.nullcontext),
    "requests session": _with_requests(requests.Session),
    "httpx2": _with_httpx2(lambda _: contextlib.nullcontext()),
    "httpx2 session": _with_httpx2(_client),
}

lines = pytest.mark.parametrize("results", _LINES.values(), ids=_LINES)
asynchronous = pytest.mark.parametrize("results", [_LINES["httpx2"], _LINES["httpx2 session"]], ids=["own", "session"])


def _out(peer, body, **changes):
    values = {
        "method": "PUT",
        "url": peer.url,
        "headers": {"User-Agent": "ours/1", "X-Signed": _KEY},
        "connect": 5.0,
        "read": 5.0,
        "total": 10.0,
        "limit": 1 << 20,
        **changes,
    }
    return Outgoing(body=body, **values)


class _Peer:
    """A server of raw bytes on a free port: each connection is handed to a function, and closed when that returns."""

    def __init__(self, serve, context=None, buffer=1 << 16):
        self._serve = serve
        self._context = context
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)  # small, so that a client notices who does not read
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._threads = []
        self._open = []
        self.port = self._listener.getsockname()[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}/bucket/file?signature={_KEY}"
        self.ending = threading.Event()
        self.requests = []

    def __enter__(self):
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for line in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or what waits to be sent is lost with a reset
                self._open.append(line)
                thread = threading.Thread(target=self._run, args=(line,))
                self._threads.append(thread)
                thread.start()

    def _run(self, line):
        with contextlib.suppress(OSError), line:
            if self._context is None:
                self._serve(self, line)
                return
            with self._context.wrap_socket(line, server_side=True) as wrapped:
                self._serve(self, wrapped)


def _head(line):
    """The head of a request in lower case, and what of the body came with it; None where the client has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(PIECE)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return dict(field.lower().split(": ", 1) for field in head.decode().split("\r\n")[1:]), body


def _storing(peer, line):
    """Takes requests whole, and keeps them. One that breaks off is kept as what came of it."""
    while (found := _head(line)) is not None:
        headers, body = found
        while len(body) < int(headers["content-length"]) and (more := line.recv(1 << 20)):
            body += more
        peer.requests.append((headers, body))
        line.sendall(_OK)


def _draining(pause=0.0, slow=0):
    """Takes a request and keeps nothing of it; so many of its first reads with a pause before."""

    def serve(peer, line):
        headers, body = _head(line)
        left, buffer = int(headers["content-length"]) - len(body), bytearray(1 << 18)
        for number in range(1 << 20):
            if left <= 0:
                break
            if number < slow:
                time.sleep(pause)
            left -= line.recv_into(buffer) or left
        line.sendall(_OK)

    return serve


def _stalling(peer, line):
    """Reads the head, and no more."""
    _head(line)
    peer.ending.wait(5)


def _wait_for_end(line):
    with contextlib.suppress(OSError):
        while line.recv(PIECE):
            pass


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "talk.mp3"
    made.write_bytes(_BYTES)
    return made


@pytest.fixture
def large(tmp_path):
    """A file of many bytes that takes no room."""
    made = tmp_path / "large.mp4"
    made.touch()
    os.truncate(made, _LARGE)
    return made


def _is_open(path):
    return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


_FORMS = {"path": lambda path: path, "bytes": Path.read_bytes, "open file": lambda path: path.open("rb")}


# What arrives.


@lines
@pytest.mark.parametrize("form", _FORMS)
def test_body_arrives_whole(path, results, form):
    """Each form of a file arrives as it is at every attempt, with its length, and with no header that nobody asked for."""
    seen = []
    file = _FORMS[form](path)
    body = StreamedBody.of(file, on_progress=seen.append)
    with _Peer(_storing) as peer:
        answers = results(_out(peer, body), _out(peer, body))
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"ok")] * 2
    assert [content for _, content in peer.requests] == [_BYTES] * 2
    for headers, _ in peer.requests:
        assert (headers["content-length"], headers["x-signed"]) == (str(len(_BYTES)), _KEY)
        assert not {"transfer-encoding", "content-type", "expect"} & headers.keys()
    assert (len(_BYTES), True, None) == (body.sent, body.is_all_sent, body.problem)
    counts = [*range(PIECE, len(_BYTES), PIECE), len(_BYTES)]
    assert [(attempt, sent, len(_BYTES)) for attempt in (1, 2) for sent in counts] == [
        (progress.attempt, progress.sent, progress.total) for progress in seen
    ]
    assert not _is_open(path) if form == "path" else True
    if form == "open file":
        assert not file.closed
        file.close()


@lines
def test_framing_is_ours(path, results):
    """Whatever the headers of the request say of the length, it is that of the file, once, and a content type stays."""
    headers = {"content-length": "7", "Content-Type": "audio/mpeg"}
    with _Peer(_storing) as peer:
        [answer] = results(_out(peer, StreamedBody.of(path), headers=headers))
    assert (200, str(len(_BYTES)), "audio/mpeg", _BYTES) == (
        answer.status,
        peer.requests[0][0]["content-length"],
        peer.requests[0][0]["content-type"],
        peer.requests[0][1],
    )


@lines
def test_redirect_is_an_answer(path, results):
    """An answer that leads elsewhere comes back as it is, and the body can be sent there from its first byte."""

    def redirecting(peer, line):
        if peer.requests:
            _storing(peer, line)
            return
        headers, body = _head(line)
        while len(body) < int(headers["content-length"]):
            body += line.recv(1 << 20)
        peer.requests.append(len(body))
        line.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    body = StreamedBody.of(path)
    with _Peer(redirecting) as peer:
        first, second = results(_out(peer, body), _out(peer, body))
    assert (first.status, first.headers["location"], second.status, peer.requests[1][1]) == (307, "/elsewhere", 200, _BYTES)


@lines
def test_body_arrives_whole_through_tls(path, results, authority):
    """The same over TLS."""
    with _Peer(_storing, authority.context("valid")) as peer:
        [answer] = results(_out(peer, StreamedBody.of(path)), verify=authority.ca_file)
    assert (answer.status, peer.requests[0][1]) == (200, _BYTES)


@pytest.fixture(scope="module")
def authority():
    made = Authority()
    yield made
    made.remove()


@lines
def test_body_does_not_stand_in_memory(large, results):
    """Sending many megabytes takes a few of memory."""
    body = StreamedBody.of(large)
    with _Peer(_draining()) as peer:
        results(_out(peer, StreamedBody.of(b"a")))
        tracemalloc.start()
        try:
            [answer] = results(_out(peer, body))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (answer.status, body.is_all_sent) == (200, True)
    assert peak < 4 << 20


# What breaks off on our side.


def _shrink(path):
    os.truncate(path, PIECE + 10)


def _grow(path):
    with path.open("ab") as file:
        file.write(b"more")


@lines
@pytest.mark.parametrize("change", [_shrink, _grow])
def test_file_that_changes_is_never_sent_whole(path, results, change):
    """A file that changes on the way ends its request, before the vendor can take it for complete; the next one is sent whole."""
    changes = [change]
    body = StreamedBody.of(path, on_progress=lambda _: changes and changes.pop()(path))
    with _Peer(_storing) as peer:
        problem, answer = results(_out(peer, body), lambda: path.write_bytes(_BYTES), _out(peer, body))[::2]
    assert (ValueError, True) == (type(problem), str(problem).startswith("the file changed while it was sent: "))
    arrived = [content for _, content in peer.requests]
    assert (answer.status, [_BYTES]) == (200, [content for content in arrived if len(content) >= len(_BYTES)])
    assert not _is_open(path)


@lines
def test_file_that_vanishes_between_attempts(path, results):
    """A file that is gone by the next attempt is Python's error for it, and nothing is sent any more."""
    body = StreamedBody.of(path)
    with _Peer(_storing) as peer:
        answer, _, problem = results(_out(peer, body), path.unlink, _out(peer, body))
    assert (200, FileNotFoundError, str(path)) == (answer.status, type(problem), problem.filename)
    assert (body.sent, body.is_all_sent, body.problem is problem) == (0, False, True)
    assert [content for _, content in peer.requests[1:] if content] == []


class _Mine(Exception):  # noqa: N818 - of a user
    pass


@lines
@pytest.mark.parametrize("raised", [_Mine("stop"), BrokenPipeError(32, "of a pipe of mine"), TimeoutError("of mine")], ids=repr)
@pytest.mark.parametrize("at", [0, len(_BYTES)], ids=["first", "last"])
def test_exception_of_the_callback_comes_out_as_it_is(path, results, raised, at):
    """What a callback raises ends the request, also at its last byte, and is raised itself: nothing around it, no request on it."""

    def fail(progress):
        if progress.sent >= at:
            raise raised

    body = StreamedBody.of(path, on_progress=fail)
    with _Peer(_storing) as peer:
        [problem] = results(_out(peer, body))
    assert problem is raised
    assert (problem.__cause__, problem.__context__, hasattr(problem, "request")) == (None, None, False)
    assert (at or PIECE, not _is_open(path)) == (body.sent, True)


@lines
def test_failing_disk_comes_out_as_it_is(results):
    """What reading raises on the way is raised itself."""
    raised = OSError(5, "Input/output error")

    class Failing:
        at = 0

        def seekable(self):
            return True

        def tell(self):
            return 0

        def seek(self, to, whence=0):
            self.at = len(_BYTES) if whence else to
            return self.at

        def read(self, count=-1):
            if self.at:
                raise raised
            return _BYTES[:count]

    with _Peer(_storing) as peer:
        [problem] = results(_out(peer, StreamedBody.of(Failing())))
    assert problem is raised


@pytest.mark.parametrize("name", _LINES)
def test_interruption_passes_through(path, name):
    """Ctrl-C in a callback is none of the failures that are looked at, and leaves no file open."""

    def interrupt(_):
        raise KeyboardInterrupt

    body = StreamedBody.of(path, on_progress=interrupt)
    with _Peer(_storing) as peer, pytest.raises(KeyboardInterrupt):
        _LINES[name](_out(peer, body))
    assert (body.problem, _is_open(path)) == (None, False)


# What the vendor ends.


def _closing(peer, line):
    """Answers and closes, with bytes in its buffers that nobody reads: the client's next write is refused."""
    _head(line)
    line.sendall(_FORBIDDEN)


def _closing_its_side(peer, line):
    """Answers, ends its side, and waits a moment before it refuses what still comes."""
    _head(line)
    line.sendall(_FORBIDDEN)
    if not hasattr(line, "context"):
        line.shutdown(socket.SHUT_WR)
    time.sleep(0.1)


def _closing_while_the_client_waits(peer, line):
    """Answers when all buffers are full."""
    _head(line)
    time.sleep(0.2)
    line.sendall(_FORBIDDEN)
    time.sleep(0.05)


_REFUSALS = [_closing, _closing_its_side, _closing_while_the_client_waits]


@lines
@pytest.mark.parametrize("serve", _REFUSALS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_early_answer_is_not_lost(large, results, authority, serve, tls):
    """A refusal that comes while the body is still going out is the answer, though the vendor takes no more of the body."""
    body = StreamedBody.of(large)
    with _Peer(serve, authority.context("valid") if tls else None) as peer:
        [answer] = results(_out(peer, body), verify=authority.ca_file if tls else True)
    assert isinstance(answer, Received), answer
    assert (answer.status, answer.body, body.is_all_sent) == (403, b"<Error/>", False)
    assert not _is_open(large)


@asynchronous
def test_refusal_ends_an_upload_that_nobody_reads(large, results):
    """The asynchronous wire takes a refusal at once, also from a server that neither reads on nor closes."""

    def serve(peer, line):
        _head(line)
        line.sendall(_FORBIDDEN)
        peer.ending.wait(5)

    begin = time.monotonic()
    with _Peer(serve) as peer:
        [answer] = results(_out(peer, StreamedBody.of(large)))
    assert (answer.status, time.monotonic() - begin < 2) == (403, True)


@asynchronous
@pytest.mark.parametrize("early", [b"HTTP/1.1 102 Processing\r\n\r\n", b""], ids=["interim", "all"])
def test_early_answer_that_is_no_refusal_ends_nothing(path, results, early):
    """An interim answer, and one of success that comes before the end, let the body go out to its last byte."""
    done = threading.Event()

    def serve(peer, line):
        headers, body = _head(line)
        line.sendall(early or _OK)
        while len(body) < int(headers["content-length"]) and (more := line.recv(PIECE)):
            time.sleep(0.01)
            body += more
        peer.requests.append(body)
        done.set()
        line.sendall(_OK if early else b"")
        _wait_for_end(line)

    with _Peer(serve) as peer:
        [answer] = results(_out(peer, StreamedBody.of(path)))
        done.wait(5)
    assert (answer.status, answer.body, peer.requests) == (200, b"ok", [_BYTES])


@lines
def test_broken_connection_tells_how_far_it_came(large, results):
    """A connection that breaks in the middle is a failure of the network, and the body knows that it was not sent whole."""

    def serve(peer, line):
        _head(line)
        line.recv(PIECE)

    body = StreamedBody.of(large)
    with _Peer(serve) as peer:
        [problem] = results(_out(peer, body))
    assert isinstance(problem, requests.ConnectionError | httpx2.HTTPError), problem
    assert (body.problem, body.is_all_sent, body.sent < _LARGE) == (None, False, True)
    assert not _is_open(large)


# Time.


@lines
def test_deadline_ends_a_stalled_upload(large, results):
    """An upload that nobody takes ends at its deadline, with the file closed."""
    body = StreamedBody.of(large)
    begin = time.monotonic()
    with _Peer(_stalling) as peer:
        [problem, was_open] = results(_out(peer, body, total=0.4), lambda: _is_open(large))
        seconds = time.monotonic() - begin
    assert (DeadlineExceededError, True, False) == (type(problem), problem.sent, was_open)
    assert 0.39 <= seconds < 0.4 + _OVERRUN
    assert (body.is_all_sent, body.sent > 0) == (False, True)


@lines
def test_stalled_upload_ends_by_the_read_time_out(large, results):
    """Without a deadline, an upload that stands still ends when no byte has moved for the read time-out."""
    body = StreamedBody.of(large)
    with _Peer(_stalling) as peer:
        [problem] = results(_out(peer, body, read=0.3, total=None))
    assert isinstance(problem, requests.ConnectionError | httpx2.WriteTimeout), problem
    assert (body.is_all_sent, _is_open(large)) == (False, False)


@lines
def test_upload_may_take_longer_than_the_read_time_out(large, results):
    """While bytes move, no time-out between two bytes ends an upload, however long it takes."""
    begin = time.monotonic()
    with _Peer(_draining(0.03, 25), buffer=1 << 20) as peer:  # with a small one, the system itself waits long between tries
        [answer] = results(_out(peer, StreamedBody.of(large), read=0.6))
    assert isinstance(answer, Received), answer
    assert time.monotonic() - begin > 0.6


@asynchronous
def test_event_loop_goes_on_while_the_disk_is_slow(results):
    """A slow disk stops neither the event loop nor the deadline, and cannot hold up its end."""
    late = threading.Event()

    class Slow:
        def seekable(self):
            return True

        def tell(self):
            return 0

        def seek(self, to, whence=0):
            return PIECE * 4 if whence else to

        def read(self, count=-1):
            if count:
                late.wait(5)
            return b"a" * count

    begin, seconds = time.monotonic(), []

    def ended():
        seconds.append(time.monotonic() - begin)
        late.set()

    with _Peer(_storing) as peer:
        problem, _ = results(_out(peer, StreamedBody.of(Slow()), total=0.3), ended)
    assert (DeadlineExceededError, True) == (type(problem), seconds[0] < 0.3 + _OVERRUN)


def test_cancelled_upload_closes_its_file(large):
    """Who cancels a task that uploads gets no answer, and no open file and no task is left."""

    async def dialogue(peer):
        begun = asyncio.Event()
        body = StreamedBody.of(large, on_progress=lambda _: begun.set())
        wire = Httpx2Wire(verify=False)
        task = asyncio.create_task(wire.send(_out(peer, body)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = len(asyncio.all_tasks()) - 1
        await wire.close()
        return left

    body = StreamedBody.of(large)
    with _Peer(_stalling) as peer:
        left = asyncio.run(dialogue(peer))
    assert (left, _is_open(large), body.problem) == (0, False, None)


def test_uploads_keep_no_connection_and_leave_none(path):
    """Connections of uploads are closed with them, others are used again; a wire in a new event loop uploads too."""
    ends = []

    def serve(peer, line):
        _storing(peer, line)
        ends.append(len(peer.requests))

    async def dialogue(peer, *bodies):
        for body in bodies:
            await wire.send(_out(peer, body))

    async def last(peer):
        await dialogue(peer, b"a", StreamedBody.of(path), b"a", StreamedBody.of(path))
        await wire.close()

    with _Peer(serve) as peer:
        wire = Httpx2Wire(verify=False)
        asyncio.run(dialogue(peer, StreamedBody.of(path)))
        asyncio.run(last(peer))
    assert [content for _, content in peer.requests] == [_BYTES, b"a", _BYTES, b"a", _BYTES]
    assert len(ends) == 4


def test_stream_of_a_session_is_left_as_it_was(path):
    """A connection that a session keeps serves other requests as before."""

    async def dialogue(peer):
        streams = []

        async def seen(response):
            streams.append(response.extensions["network_stream"])

        async with httpx2.AsyncClient(event_hooks={"response": [seen]}) as session:
            wire = Httpx2Wire(session)
            for body in (StreamedBody.of(path), b"a", StreamedBody.of(path)):
                await wire.send(_out(peer, body))
            return len({id(stream) for stream in streams}), set(vars(streams[0])) & {"read", "write"}

    with _Peer(_storing) as peer:
        assert (1, set()) == asyncio.run(dialogue(peer))
    assert [content for _, content in peer.requests] == [_BYTES, b"a", _BYTES]
