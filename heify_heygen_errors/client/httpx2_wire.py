"""The asynchronous wire: sends requests with httpx2, on asyncio.

The client's own connections are those of an ``httpx2.AsyncHTTPTransport``: one request, one answer, and none of what an
``AsyncClient`` does beside it (cookies, redirects, a log line with the URL). Where a proxy is in play, an ``AsyncClient``
chooses between the transports. How far a request has come is told by the trace extension of httpcore2
(httpx2's documentation, "Request extensions").
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast
from urllib.request import getproxies

from heify_heygen_errors.client.failures import (
    AnswerIncompleteError,
    AnswerTooLargeError,
    ClientClosedError,
    DeadlineExceededError,
    WrongLoopError,
)
from heify_heygen_errors.client.streaming import Reading, StreamedBody
from heify_heygen_errors.client.wire import Outgoing, Received

if TYPE_CHECKING:
    import httpx2

    Exchange: TypeAlias = Callable[[httpx2.Request], Awaitable[httpx2.Response]]

_T = TypeVar("_T")

_MAX_CONNECTIONS: Final = 100
_MAX_IDLE: Final = 64
_PIECE: Final = 256 * 1024
"""Bytes of a body that are written at once: the time-out for writing begins anew with each piece."""
_HEAD: Final = 64 * 1024
"""Bytes of an answer that are taken at most while its request is still being sent."""
_ENCODINGS: Final = b"gzip, deflate"  # what requests decodes without more packages, so that both wires ask for the same
_PROXIED: Final = ("http", "https", "all")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_ABSOLUTE: Final = re.compile(r"(https?://[^/?#\s\\]+)([/?][!\"$-~]*)?(?:#.*)?", re.IGNORECASE)


class Httpx2Wire:
    """Sends requests, as many at a time as are given to it.

    Without a session it has its own connections. They keep no cookies, follow no redirects, read no ``.netrc``, and belong
    to the event loop that they are first used in; when that loop is closed, the next one gets new ones.

    A `StreamedBody` is sent as it is read, on other threads, always with its length and never in chunks. An answer other than
    success that comes before all of it was sent ends the sending and is returned; over a connection that a session kept open,
    it can be lost when the vendor closes that. Where the body itself breaks off (the file changed, could not be read, or the
    callback raised), the connection is closed and `StreamedBody.problem` is raised: the original exception, whatever its type,
    without a request on it and in nothing else.

    Args:
        session: a client of the user's to send with. It keeps its settings (headers below those of the request, auth,
            cookies, hooks, transports), but for the time-outs, and it follows no redirects either.
        proxies: URLs as requests takes them, by ``http``, ``https``, ``all`` or these with a host
            (``https://api.heygen.com``); a value of None means none. None for those of the environment.
        verify: whether certificates are checked, or a file or folder with the authorities to trust. Otherwise these are
            the system's, or those that ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name.

    Raises:
        ModuleNotFoundError: httpx2 is not installed; names the extra.
        TypeError: the session is of another library, or synchronous.
        ValueError: a proxy that cannot be meant.
        FileNotFoundError: there is nothing at the path of `verify`.
    """

    def __init__(
        self, session: httpx2.AsyncClient | None = None, *, proxies: Mapping[str, str] | None = None, verify: bool | str = True
    ) -> None:
        _check_installed()
        self._line = _OwnLine(proxies, verify=verify) if session is None else _GivenLine(session)

    async def send(self, outgoing: Outgoing) -> Received:
        """Send a request and read its answer.

        Afterwards the connection is free for the next request, or, after a failure and when cancelled, closed.

        Raises:
            DeadlineExceededError: the time for all of it is over.
            AnswerTooLargeError: the body is larger than it may be.
            httpx2.HTTPError: what httpx2 raises; a ConnectTimeout also where name, connection, proxy and TLS together
                took longer than the time for connecting.
            httpx2.InvalidURL: the URL is not absolute or not encoded.
            ClientClosedError, WrongLoopError: the wire was closed, or its connections are in use by another event loop.
            Exception: what ended a streamed body from our side, see the class.
        """
        body = outgoing.body
        return await (self._send_streamed(outgoing, body) if isinstance(body, StreamedBody) else self._send(outgoing))

    async def _send_streamed(self, outgoing: Outgoing, streamed: StreamedBody) -> Received:
        streamed.renew()
        received: Received | None = None
        try:
            received = await self._send(outgoing)
        except Exception:
            if streamed.problem is None:
                raise
        finally:
            streamed.close()
        # Raised behind the handler, or what was caught, with the request in its frames, would be its context.
        if streamed.problem is not None:
            raise streamed.problem
        return cast(Received, received)

    async def _send(self, outgoing: Outgoing) -> Received:
        if outgoing.total is not None and outgoing.total <= 0:
            raise DeadlineExceededError(sent=False)
        timer = asyncio.timeout(outgoing.total)
        course = _Course(timer, outgoing.connect, tells_all=self._line.tells_all, listens=isinstance(outgoing.body, StreamedBody))
        try:
            async with timer:
                return await _received(await self._line.send(outgoing, course), outgoing.limit)
        except TimeoutError:
            if not timer.expired():
                raise
        finally:
            if course.listener is not None:
                await course.listener.close()
        # Raised behind the handler: the frames of what was cancelled have the request in them.
        raise course.failure()

    async def close(self) -> None:
        """Close its own connections. A session is the user's to close."""
        await self._line.close()


class _OwnLine:
    """The client's own connections.

    Attributes:
        tells_all: whether it is sure to tell a course when a request is sent.
    """

    tells_all = True

    def __init__(self, proxies: Mapping[str, str] | None, *, verify: bool | str) -> None:
        self._proxies = None if proxies is None else _read_proxies(proxies)
        self._context = _tls_context(verify=verify)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._exchange: Exchange | None = None
        self._uploading: Exchange | None = None
        self._open: list[httpx2.AsyncHTTPTransport | httpx2.AsyncClient] = []
        self._is_closed = False

    async def send(self, outgoing: Outgoing, course: _Course) -> httpx2.Response:
        exchange = self._exchange
        if exchange is None or self._loop is not asyncio.get_running_loop():
            exchange = self._connected()
        if isinstance(outgoing.body, StreamedBody):
            exchange = self._uploading = self._uploading or self._new_exchange(0)
        request = _exact_request(outgoing, course)
        if self._proxies is None:
            return await exchange(request)
        return await self._through_proxy(exchange, request, course)

    async def _through_proxy(self, exchange: Exchange, request: httpx2.Request, course: _Course) -> httpx2.Response:
        """The same where proxies were given: httpx2 tells a proxy that is not there from a vendor that is not by its address only."""
        import httpx2

        try:
            return await exchange(request)
        except httpx2.ConnectError as error:
            is_proxied = any((self._proxies or {}).get(f"{scheme}://") for scheme in (request.url.scheme, "all"))
            if course.is_connected or not is_proxied:
                raise
            msg = f"the proxy cannot be reached: {error}"
            raise httpx2.ProxyError(msg) from error

    async def close(self) -> None:
        opened, loop = self._open, self._loop
        self._is_closed, self._open, self._exchange, self._uploading, self._loop = True, [], None, None, None
        # What belongs to a loop that is over cannot be closed any more, only dropped.
        if loop is asyncio.get_running_loop():
            for each in opened:
                await each.aclose()

    def _connected(self) -> Exchange:
        """Connections for the running event loop."""
        if self._is_closed:
            raise ClientClosedError
        if self._loop is not None and not self._loop.is_closed():
            raise WrongLoopError
        self._open, self._uploading = [], None
        exchange = self._new_exchange(_MAX_IDLE)
        self._loop, self._exchange = asyncio.get_running_loop(), exchange
        return exchange

    def _new_exchange(self, idle: int) -> Exchange:
        """New connections, of which so many are kept. None for uploads: only of a new one httpcore2 tells the stream."""
        is_direct = self._proxies is None and getproxies().keys().isdisjoint(_PROXIED)
        return self._direct(idle) if is_direct else self._routed(idle)

    def _direct(self, idle: int) -> Exchange:
        import httpx2

        limits = httpx2.Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=idle)
        transport = httpx2.AsyncHTTPTransport(verify=self._context, limits=limits)
        self._open.append(transport)
        return transport.handle_async_request

    def _routed(self, idle: int) -> Exchange:
        import httpx2

        # Unlimited: a tunnel whose TLS handshake failed never leaves the pool of httpcore2 2.16 and would use the limit
        # up (github.com/pydantic/httpx2, pull request 1010).
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=idle)
        mounts = {
            pattern: None if proxy is None else httpx2.AsyncHTTPTransport(verify=self._context, limits=limits, proxy=proxy)
            for pattern, proxy in (self._proxies or {}).items()
        }
        if self._proxies is None:  # plain http is for this machine, and no business of the environment's proxies
            mounts["http://"] = httpx2.AsyncHTTPTransport(verify=self._context, limits=limits)
        client = httpx2.AsyncClient(verify=self._context, limits=limits, mounts=mounts, trust_env=self._proxies is None)
        self._open.append(client)
        return partial(client.send, stream=True, auth=None, follow_redirects=False)


class _GivenLine:
    """A client of the user's, with any transport."""

    tells_all = False

    def __init__(self, session: httpx2.AsyncClient) -> None:
        import httpx2

        if not isinstance(session, httpx2.AsyncClient):
            msg = f"the session of an AsyncClient is an httpx2.AsyncClient, not {type(session).__module__}.{type(session).__qualname__}"
            raise TypeError(msg)
        self._session = session

    async def send(self, outgoing: Outgoing, course: _Course) -> httpx2.Response:
        request = _merged_request(self._session, outgoing, course)
        if outgoing.is_exact:
            return await self._session.send(request, stream=True, follow_redirects=False, auth=None)
        return await self._session.send(request, stream=True, follow_redirects=False)

    async def close(self) -> None:
        pass


class _Course:
    """How far a request has come: called by httpcore2 with each event, until the request is sent.

    Also keeps the time for connecting. The time-outs of httpx2 begin anew for TLS, and for each step of a proxy.

    Args:
        timer: of the whole exchange.
        connect: seconds.
        tells_all: whether silence means that nothing was sent.
        listens: whether to listen for an answer while the request is sent.

    Attributes:
        is_sent: whether a byte of the request may have left.
        listener: what listens, once it does.
    """

    __slots__ = ("_connect", "_end", "_is_connecting", "_listens", "_stream", "_tells_all", "_timer", "is_sent", "listener")

    def __init__(self, timer: asyncio.Timeout, connect: float, *, tells_all: bool, listens: bool = False) -> None:
        self._timer = timer
        self._end = timer.when()
        self._connect = connect
        self._tells_all = tells_all
        self._is_connecting = False
        self._stream: Any = None
        self._listens = listens
        self.is_sent = False
        self.listener: _Listener | None = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if self.is_sent:
            return
        self._tells_all = True
        if event.endswith(".send_request_headers.started"):
            request = info["request"]
            if request.method == b"CONNECT":  # for a tunnel through a proxy
                return
            self.is_sent = True
            # What follows is of no interest, and each event costs time.
            request.extensions.pop("trace", None)
            if self._listens and self._stream is not None and event.startswith("http11."):
                self.listener = _Listener(self._stream)
            if self._is_connecting:
                self._is_connecting = False
                self._set_timer(self._end)
        elif event.endswith(".connect_tcp.started"):
            latest = asyncio.get_running_loop().time() + self._connect
            if self._end is None or latest < self._end:
                self._is_connecting = True
                self._set_timer(latest)
        elif event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]
        elif event.endswith(".failed") and self._stream is not None:
            # httpcore2 leaves it open when a TLS handshake is cancelled.
            await self._stream.aclose()

    @property
    def is_connected(self) -> bool:
        """Whether a connection was opened, to a proxy if there is one."""
        return self._stream is not None

    def failure(self) -> Exception:
        """What to raise when the timer has ended the exchange."""
        import httpx2

        if self._is_connecting:
            return httpx2.ConnectTimeout(f"no connection within {self._connect:g} seconds")
        return DeadlineExceededError(sent=self.is_sent or not self._tells_all)

    def _set_timer(self, when: float | None) -> None:
        if self._timer.expired():  # and the cancellation was lost on its way here
            raise TimeoutError
        self._timer.reschedule(when)


class _Listener:
    """Reads a connection while a request is written to it, and ends the writing when the answer refuses the request.

    httpcore2 reads only behind the last byte of a request. What asyncio has not read by then is lost when the vendor, which
    has answered, closes the connection and a write fails.

    Arguments:
        stream: of httpcore2. Its methods are replaced until `close`.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._read: Callable[..., Awaitable[bytes]] = stream.read
        self._write: Callable[..., Awaitable[None]] = stream.write
        self._coming: asyncio.Task[bytes] | None = None
        stream.read, stream.write = self.read, self.write

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's signature
        """Write, unless a refusal comes in.

        Raises:
            httpcore2.WriteError: one did, or the end of the connection; httpcore2 then reads the answer.
        """
        import httpcore2

        if self._coming is None:
            self._coming = asyncio.create_task(_called(self._read, _HEAD, None))
        writing = asyncio.create_task(_called(self._write, buffer, timeout))
        try:
            if not self._coming.done():
                await asyncio.wait((writing, self._coming), return_when=asyncio.FIRST_COMPLETED)
            if _is_refusal(self._coming):
                msg = "the answer came before the request was sent"
                raise httpcore2.WriteError(msg)
            await writing
        finally:
            await _ended(writing)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the same
        """What came in meanwhile, then what the stream reads.

        Raises:
            httpcore2.ReadTimeout: nothing came.
        """
        import httpcore2

        coming = self._coming
        if coming is None:
            return await self._read(max_bytes, timeout)
        await asyncio.wait((coming,), timeout=timeout)
        if not coming.done():
            raise httpcore2.ReadTimeout
        self._coming = None
        # If reading failed, it fails again.
        return await self._read(max_bytes, timeout) if coming.exception() is not None else coming.result()

    async def close(self) -> None:
        """Leave the stream as it was."""
        del self._stream.read, self._stream.write
        if self._coming is not None:
            await _ended(self._coming)


async def _called(function: Callable[..., Awaitable[_T]], *arguments: object) -> _T:
    return await function(*arguments)  # as a task it may be cancelled before it begins: no coroutine is left over then


def _is_refusal(coming: asyncio.Task[bytes]) -> bool:
    """Whether an answer of 300 or more has begun to come in, or nothing will."""
    if not coming.done() or coming.exception() is not None:
        return False
    head = coming.result()
    return not head or (head.startswith(b"HTTP/1.") and head[9:10] in b"345")


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Streamed:
    """The pieces of a streamed body, read on other threads; each time from the first."""

    def __init__(self, body: StreamedBody) -> None:
        self._body = body

    def __aiter__(self) -> _StreamedPieces:
        return _StreamedPieces(self._body)


class _StreamedPieces:
    """One time."""

    def __init__(self, body: StreamedBody) -> None:
        self._body = body
        self._reading: Reading | None = None

    def __aiter__(self) -> _StreamedPieces:
        return self

    async def __anext__(self) -> bytes:
        reading = self._reading
        if reading is None:
            reading = self._reading = self._body.begin()
        else:
            self._body.handed_over(reading)
        piece = await asyncio.to_thread(self._body.next_piece, reading)
        if not piece:
            reading.close()
            raise StopAsyncIteration
        return piece


class _Pieces:
    """A large body, in pieces; can be sent more than once."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for start in range(0, len(self._body), _PIECE):
            yield self._body[start : start + _PIECE]


def _exact_request(outgoing: Outgoing, course: _Course) -> httpx2.Request:
    """A request with these headers, this target and nothing else."""
    import httpx2

    match = _ABSOLUTE.fullmatch(outgoing.url)
    if match is None:
        msg = "the URL is not absolute or not encoded"
        raise httpx2.InvalidURL(msg)
    url, host = _origin(match[1])
    target = match[2] or "/"
    headers = _encoded(outgoing.headers)
    names = {name.lower() for name, _ in headers}
    body = outgoing.body
    if b"host" not in names:
        headers.insert(0, (b"Host", host))
    if b"accept-encoding" not in names:
        headers.append((b"Accept-Encoding", _ENCODINGS))
    if b"content-length" not in names and (body is not None or outgoing.method in _WITH_BODY):
        headers.append((b"Content-Length", b"%d" % len(body or b"")))
    extensions: dict[str, Any] = {
        "timeout": _timeouts(outgoing),
        "trace": course,
        "target": (target if target[0] == "/" else "/" + target).encode("ascii"),
    }
    if isinstance(body, StreamedBody):
        return httpx2.Request(outgoing.method, url, headers=_framed(headers, body), content=_Streamed(body), extensions=extensions)
    if body is not None and len(body) > _PIECE:
        return httpx2.Request(outgoing.method, url, headers=headers, content=_Pieces(body), extensions=extensions)
    return httpx2.Request(outgoing.method, url, headers=headers, stream=httpx2.ByteStream(body or b""), extensions=extensions)


def _merged_request(session: httpx2.AsyncClient, outgoing: Outgoing, course: _Course) -> httpx2.Request:
    """A request with what a client of the user's adds to it, as its `build_request` does, but with the query kept."""
    import httpx2

    url = httpx2.URL(outgoing.url)
    if session.params and not outgoing.is_exact:
        url = url.copy_with(params=session.params.merge(url.params))
    headers = _encoded(outgoing.headers)
    names = {name.lower() for name, _ in headers}
    if not outgoing.is_exact:
        headers += [pair for pair in session.headers.raw if pair[0].lower() not in names]
    body, content = outgoing.body, cast(bytes | _Pieces | _Streamed | None, outgoing.body)
    if isinstance(body, StreamedBody):
        headers, content = _framed(headers, body), _Streamed(body)
    elif body is not None and len(body) > _PIECE:
        if b"content-length" not in names:
            headers.append((b"Content-Length", b"%d" % len(body)))
        content = _Pieces(body)
    return httpx2.Request(
        outgoing.method,
        url,
        headers=headers,
        cookies=None if outgoing.is_exact else session.cookies,
        content=content,
        extensions={"timeout": _timeouts(outgoing), "trace": course},
    )


def _framed(headers: list[tuple[bytes, bytes]], body: StreamedBody) -> list[tuple[bytes, bytes]]:
    """The headers with the length of a streamed body, whatever they said of it."""
    kept = [pair for pair in headers if pair[0].lower() not in (b"content-length", b"transfer-encoding")]
    return [*kept, (b"Content-Length", b"%d" % body.size)]


@lru_cache(maxsize=64)
def _origin(text: str) -> tuple[httpx2.URL, bytes]:
    """The URL of a host, and the header for it; reading a URL is what takes longest in making a request."""
    import httpx2

    url = httpx2.URL(text + "/")
    return url, url.netloc


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def _timeouts(outgoing: Outgoing) -> dict[str, float | None]:
    return {"connect": outgoing.connect, "read": outgoing.read, "write": outgoing.read, "pool": outgoing.connect}


async def _received(response: httpx2.Response, limit: int) -> Received:
    """The answer, read to its end.

    Raises:
        AnswerTooLargeError: the body has more than `limit` bytes.
        AnswerIncompleteError: the connection broke.
    """
    import httpx2

    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    # What needs no decoding is taken where it comes from, a twentieth of the time of a call. A hook of a session may have
    # read the answer already.
    plain = "content-encoding" not in headers and not response.is_stream_consumed
    source = aiter(response.stream if plain and isinstance(response.stream, AsyncIterable) else response.aiter_bytes())
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in source:
            size += len(piece)
            if size > limit:
                raise AnswerTooLargeError(limit)
            pieces.append(piece)
    except httpx2.ReadError as error:  # which would leave open whether the request had arrived at all
        raise AnswerIncompleteError from error
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
        await response.aclose()
    return Received(status=response.status_code, headers=headers, body=b"".join(pieces))


def _read_proxies(proxies: Mapping[str, str]) -> dict[str, httpx2.Proxy | None]:
    """Proxies by the pattern that httpx2 mounts them under."""
    import httpx2

    patterns: dict[str, httpx2.Proxy | None] = {}
    for name, address in proxies.items():
        scheme, _, host = name.lower().partition("://")
        if scheme not in _PROXIED:
            msg = f"proxies are for http, https, all, or one of these with a host (https://api.heygen.com), not for {name!r}"
            raise ValueError(msg)
        # requests takes an address without a scheme for http.
        url = address if not address or "://" in address else f"http://{address}"
        patterns[f"{scheme}://{host}"] = httpx2.Proxy(url) if url else None
    return patterns


def _tls_context(*, verify: bool | str) -> ssl.SSLContext:
    import httpx2

    if isinstance(verify, bool):
        return httpx2.create_ssl_context(verify=verify)
    path = Path(verify)
    if not path.exists():
        msg = f"verify={verify!r}: there is no such file or folder with certificates of authorities"
        raise FileNotFoundError(msg)
    return ssl.create_default_context(capath=verify) if path.is_dir() else ssl.create_default_context(cafile=verify)


def _check_installed() -> None:
    try:
        import httpx2  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "httpx2":
            raise
        msg = "AsyncClient needs httpx2: pip install 'heify-heygen-errors[async]'"
        raise ModuleNotFoundError(msg, name=error.name) from None
