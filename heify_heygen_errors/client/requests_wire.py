"""The synchronous wire: a ready request goes out through requests, the answer comes back whole or not at all.

Deadlines are kept by the `connections`, which are urllib3's own with a watch over them.
"""

from __future__ import annotations

import contextlib
import os
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from math import inf
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import urlsplit

import attrs
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, InvalidHeader, RequestException, SSLError
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.utils import prepend_scheme_if_needed, select_proxy, urldefragauth
from urllib3 import exceptions
from urllib3.util import Retry, Timeout
from urllib3.util.ssl_ import create_urllib3_context

from heify_heygen_errors.client.connections import CallWatch, adopt, current
from heify_heygen_errors.client.failures import AnswerTooLargeError, ClientFailureError, DeadlineExceededError
from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.wire import Outgoing, Received

# Bytes of a body that are read at a time, after decompression as far as urllib3 keeps to it.
_CHUNK: Final = 64 * 1024
# The same of a compressed body: before 2.6, urllib3 unpacks all that it was given, up to a thousand times as much.
_PACKED_CHUNK: Final = 16 * 1024
# Connections that are kept per host, and hosts that are remembered.
_CONNECTIONS: Final = 64
_HOSTS: Final = 64
_ENCODINGS: Final = "gzip, deflate"
_OF_SESSIONS: Final = vars(requests.sessions)
# RFC 9110, sections 5.1 and 5.5.
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff][\t -~\x80-\xff]*)?")


# Our own session.


@attrs.frozen
class _Route:
    """How requests get to a scheme and host.

    Attributes:
        pool: the connections.
        whole_url: whether the request names the whole URL, as a proxy for plain http wants it.
        proxies: as requests takes them.
        verify: the same.
    """

    pool: Any
    whole_url: bool
    proxies: Any
    verify: bool | str


class _Ready(requests.PreparedRequest):
    """A request that needs no more preparation."""

    def __init__(self, outgoing: Outgoing, headers: dict[str, str], target: str, route: _Route) -> None:
        # Not prepared by requests: that takes longer than all the rest, for what is known already.
        self.method = outgoing.method
        self.url = outgoing.url
        self.headers = cast(Any, headers)
        self.body = cast(Any, outgoing.body)
        self.hooks = cast(Any, {})
        self.target = target
        self.route = route


class _Answer(requests.Response):
    """The head of an answer, without what requests derives from it: cookies, encoding, history."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self._content = cast(Any, False)  # noqa: FBT003 - requests' sign for "not read yet"
        self._content_consumed = False
        self.raw = raw
        self.status_code = raw.status
        self.headers = raw.headers
        self.request = request
        self.url = cast(str, request.url)


class _Adapter(HTTPAdapter):
    """requests' adapter, with a shorter way for requests that are ready."""

    def __init__(self) -> None:
        super().__init__(pool_connections=_HOSTS, pool_maxsize=_CONNECTIONS, max_retries=Retry(0, read=False))
        adopt(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        adopt(manager)
        return manager

    def route(self, origin: str, session: requests.Session, proxies: dict[str, str], verify: bool | str) -> _Route:  # noqa: FBT001
        """Find out how to get to a scheme and host, from the environment too.

        Raises:
            requests.exceptions.RequestException: the URL, or that of its proxy, is none.
            OSError: the CA bundle is missing.
        """
        request = requests.Request("GET", f"{origin}/").prepare()
        url = cast(str, request.url)
        settings = session.merge_environment_settings(url, proxies, stream=True, verify=verify, cert=None)
        chosen, trusted = settings["proxies"], cast(Any, settings["verify"])
        if hasattr(HTTPAdapter, "get_connection_with_tls_context"):
            pool = super().get_connection_with_tls_context(request, trusted, proxies=chosen)
        else:
            pool = super().get_connection(url, cast(Any, chosen))  # requests 2.31
        cast(Any, super()).cert_verify(pool, url, trusted, None)
        self._share_context(pool)
        whole_url = not super().request_url(request, cast(Any, chosen)).startswith("/")
        return _Route(pool=pool, whole_url=whole_url, proxies=chosen, verify=trusted)

    def _share_context(self, pool: Any) -> None:
        """One TLS context for all connections to a host.

        urllib3 would make one for each and read all authorities again, 50 ms and more, which no deadline ends.
        """
        file, folder = getattr(pool, "ca_certs", None), getattr(pool, "ca_cert_dir", None)
        if file is None and folder is None:
            return
        context = create_urllib3_context()
        context.load_verify_locations(file, folder)
        pool.conn_kw["ssl_context"] = context
        pool.ca_certs = pool.ca_cert_dir = None

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        if isinstance(request, _Ready):
            return request.route.pool
        return super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass  # done once, when the route was found

    def request_url(self, request: Any, proxies: Any) -> Any:
        return request.target if isinstance(request, _Ready) else super().request_url(request, proxies)

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        return _Answer(req, resp) if isinstance(req, _Ready) else super().build_response(req, resp)


class RequestsWire:
    """Sends requests that are ready through requests. Safe to use from many threads, and in a forked process.

    Redirects are not followed, nothing is repeated, and of what the environment says only proxies and CA bundles count,
    read at the first request to a host; never a ``.netrc``. A session's own settings (headers, cookies, ``auth``, hooks,
    adapters, certificates) apply; a header of the request wins over the session's. Its adapters are changed so that a
    deadline can end their connections, as far as they are requests' own.

    A `StreamedBody` is sent as it is read, always with its length and never in chunks. An answer that comes before all of it
    was sent ends the sending where the vendor closes the connection, and is returned. Where the body itself breaks off
    (the file changed, could not be read, or the callback raised), the connection is closed and `StreamedBody.problem` is
    raised: the original exception, whatever its type, without a request on it and in nothing else.

    Arguments:
        session: to send with, and left open by `close`; None for a new one, which is faster.
        proxies: URLs of proxies by scheme, as requests takes them; before the session's and the environment's.
        verify: whether certificates are checked, or the path of the CAs to check them by. With a session, True leaves
            it to that.

    Raises:
        ValueError: `verify` is neither True, False nor a path; an empty one would be the same as False for requests.
    """

    def __init__(
        self,
        session: requests.Session | None = None,
        *,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str | os.PathLike[str] = True,
    ) -> None:
        if not isinstance(verify, bool):
            if not isinstance(verify, str | os.PathLike) or not os.fspath(verify):
                msg = f"verify is True, False or the path of a CA bundle, not {verify!r}"
                raise ValueError(msg)
            verify = os.fspath(verify)
        self._verify = verify
        self._proxies = dict(proxies or {})
        self._given = session
        self._session = _new_session() if session is None else session
        self._adapter = _Adapter()
        self._routes: dict[str, _Route] = {}
        if session is None:
            self._mount()
            _wires.add(self)

    def send(self, outgoing: Outgoing) -> Received:
        """Send a request once and read its answer.

        Raises:
            DeadlineExceededError: `outgoing.total` seconds have passed; only the look-up of the host's name can overrun it,
                and the disk and the callback of a streamed body.
            AnswerTooLargeError: more than `outgoing.limit` bytes.
            requests.exceptions.RequestException: no answer came, or not all of it. Never has the request attached, but
                an attribute `sent`: whether a byte of the request may have left.
            OSError: the CA bundle is missing.
            Exception: what ended a streamed body from our side, see the class.
        """
        body = outgoing.body
        return self._send_streamed(outgoing, body) if isinstance(body, StreamedBody) else self._send(outgoing)

    def _send_streamed(self, outgoing: Outgoing, streamed: StreamedBody) -> Received:
        streamed.renew()
        received: Received | None = None
        try:
            received = self._send(outgoing)
        except Exception:
            if streamed.problem is None:
                raise
        finally:
            streamed.close()
        # Raised behind the handler, or what was caught, with the request in its frames, would be its context.
        if streamed.problem is not None:
            raise streamed.problem
        return cast(Received, received)

    def _send(self, outgoing: Outgoing) -> Received:
        total = outgoing.total
        if total is None:
            connect, read, deadline = outgoing.connect, outgoing.read, inf
        elif total > 0:
            connect, read, deadline = min(outgoing.connect, total), min(outgoing.read, total), monotonic() + total
        else:
            raise DeadlineExceededError(sent=False)
        call = CallWatch(deadline, read)
        before, current.call = current.call, call
        received: Received | None = None
        try:
            call.start()
            send = self._send_ready if self._given is None and _session_is_untouched() else self._send_by_session
            response = send(outgoing, call, connect, read)
            body = _body(response, call, outgoing.limit)
            received = Received(status=response.status_code, headers=_headers_of(response), body=body)
        except ClientFailureError:
            raise
        except Exception as error:
            if not call.fired and monotonic() < deadline:
                if isinstance(error, RequestException):
                    error.request = error.response = None  # they carry the key
                    error.__dict__["sent"] = call.sent
                raise
        finally:
            call.cancel()
            current.call = before
        # A body that ends with its connection looks complete when the watch has ended that. Raised here, without context:
        # what was caught leads to the request.
        if received is None or call.fired:
            raise DeadlineExceededError(sent=call.sent)
        return received

    def close(self) -> None:
        """Close the connections, unless a session was given."""
        if self._given is not None:
            return
        routes, self._routes = self._routes, {}
        for route in routes.values():
            route.pool.close()
        self._session.close()

    def renew(self) -> None:
        """Begin with new connections: a forked process must not share its parent's, nor wait for their locks."""
        self._adapter = _Adapter()
        self._routes = {}
        self._mount()

    def _mount(self) -> None:
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, self._adapter)

    def _send_ready(self, outgoing: Outgoing, call: CallWatch, connect: float, read: float) -> requests.Response:
        url = outgoing.url
        cut = url.find("/", 8)  # behind the host; https:// has 8 characters, http:// has 7 and a host at least one
        if cut < 0 or "?" in url[:cut] or "#" in url:
            url, cut = _split(url)
        origin = url[:cut]
        route = self._routes.get(origin) or self._new_route(origin)
        headers = _checked(outgoing.headers, _ENCODINGS)
        if outgoing.body is not None:
            headers["Content-Length"] = str(len(outgoing.body))
        ready = _Ready(outgoing, headers, urldefragauth(url) if route.whole_url else url[cut:], route)
        # Asked each time, so that test doubles which replace adapters are found.
        adapter = self._session.get_adapter(outgoing.url)
        call.sent = adapter is not self._adapter
        return adapter.send(ready, stream=True, timeout=cast(Any, _timeout(connect, read)), verify=route.verify, proxies=route.proxies)

    def _new_route(self, origin: str) -> _Route:
        route = self._adapter.route(origin, self._session, self._proxies_for(origin), self._verify)
        while len(self._routes) >= _HOSTS:
            with contextlib.suppress(StopIteration, RuntimeError):  # another thread was faster
                self._routes.pop(next(iter(self._routes)), None)
        self._routes[origin] = route
        return route

    def _proxies_for(self, url: str) -> dict[str, str]:
        if self._given is not None or self._proxies or url.startswith("https"):
            return dict(self._proxies)
        return {"no_proxy": "*"}  # plain http is for this machine, and no business of the environment's proxies

    def _send_by_session(self, outgoing: Outgoing, call: CallWatch, connect: float, read: float) -> requests.Response:
        session = self._session
        request = requests.Request(
            outgoing.method,
            outgoing.url,
            headers=_checked(outgoing.headers, None),
            data=cast(Any, outgoing.body),
            auth=None if session.auth else _nothing_from_netrc,
        )
        prepared = request.prepare() if outgoing.is_exact else session.prepare_request(request)
        prepared.headers.update(outgoing.headers)
        if isinstance(outgoing.body, StreamedBody):
            prepared.headers.pop("Transfer-Encoding", None)
            prepared.headers["Content-Length"] = str(outgoing.body.size)
        url = cast(str, prepared.url)
        verify = None if self._verify is True else self._verify
        settings = session.merge_environment_settings(url, self._proxies_for(url), stream=True, verify=verify, cert=None)
        if outgoing.is_exact:
            settings["cert"] = None
        call.sent = not _adopted(session.get_adapter(url), url, settings["proxies"])
        location: list[str] = []
        prepared.hooks.setdefault("response", []).append(_taking_location(location))
        response = session.send(prepared, timeout=(connect, read), allow_redirects=False, **cast(Any, settings))
        if location:
            response.headers["Location"] = location[0]
        return response


_wires: Final[weakref.WeakSet[RequestsWire]] = weakref.WeakSet()


def _renew_wires() -> None:
    for wire in list(_wires):
        wire.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_wires)


def retrying_adapters(session: requests.Session) -> list[str]:
    """The prefixes whose adapters repeat requests by themselves, which multiplies the attempts of a client above them.

    Args:
        session: whose mounted adapters are looked at.
    """
    return [prefix for prefix, adapter in session.adapters.items() if _repeats(getattr(adapter, "max_retries", 0))]


def _repeats(retry: Any) -> bool:
    if isinstance(retry, int):
        return retry > 0
    if not isinstance(retry, Retry):
        return False
    if retry.total is not None and retry.total <= 0:
        return False
    # Counts of kinds: None is "as often as the total says", and where that is None too, for ever.
    return any(count is None or count > 0 for count in (retry.connect, retry.read, retry.status, retry.other))


def _new_session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def _session_is_untouched() -> bool:
    """Whether sessions are requests' own. Tracing and test doubles put a function of theirs in place of `Session.send`."""
    return getattr(requests.Session.send, "__globals__", None) is _OF_SESSIONS


@lru_cache(maxsize=16)
def _timeout(connect: float, read: float) -> Timeout:
    return Timeout(connect=connect, read=read)  # pools make a copy


def _split(url: str) -> tuple[str, int]:
    """The URL with a path and without fragment, and where its path begins."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{origin}{parts.path or '/'}{'?' + parts.query if parts.query else ''}", len(origin)


def _checked(headers: Mapping[str, str], encodings: str | None) -> dict[str, str]:
    """The headers to send, with these encodings where they name none.

    Raises:
        requests.exceptions.InvalidHeader: a name or value that HTTP does not allow. Unlike that of requests and
            http.client, it does not have the value, which may be a key.
    """
    checked: dict[str, str] = {}
    for name, value in headers.items():
        lowered = _lowered(name)
        if not (value.isascii() and value.isprintable() and value[:1] != " ") and not _VALUE.fullmatch(value):
            msg = f"Invalid header value of {name!r}: line breaks, control characters and those beyond Latin-1 cannot be sent"
            raise InvalidHeader(msg)
        if lowered == "accept-encoding":
            encodings = None
        if lowered != "content-length":
            checked[name] = value
    if encodings is not None:
        checked["Accept-Encoding"] = encodings
    return checked


@lru_cache(maxsize=256)
def _lowered(name: str) -> str:
    """The name of a header in lower case.

    Raises:
        requests.exceptions.InvalidHeader: it is none.
    """
    if not _NAME.fullmatch(name):
        msg = f"Invalid header name {name!r}"
        raise InvalidHeader(msg)
    return name.lower()


def _nothing_from_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth that adds nothing; without one, requests takes credentials from ``.netrc``."""
    return request


def _taking_location(taken: list[str]) -> Any:
    """A hook that hides where an answer redirects to: requests reads all of such an answer, however much that is."""

    def take(response: requests.Response, **_: Any) -> None:
        location = response.headers.pop("Location", None)
        if location is not None:
            taken.append(location)

    return take


def _adopted(adapter: BaseAdapter, url: str, proxies: Any) -> bool:
    """Have an adapter of a session open connections with a watch. Returns whether it does."""
    proxy = select_proxy(url, proxies)
    managers = [getattr(adapter, "poolmanager", None)]
    if proxy and isinstance(adapter, HTTPAdapter):
        with contextlib.suppress(Exception):  # sending says what is wrong with the proxy
            managers.append(adapter.proxy_manager_for(cast(Any, prepend_scheme_if_needed)(proxy, "http")))
    adopted = [adopt(manager) for manager in managers]
    return all(adopted)


def _headers_of(response: requests.Response) -> dict[str, str]:
    raw: Any = response.raw
    # Those of requests have lost where one value ends and the next begins.
    headers = cast(Mapping[str, str], raw.headers if isinstance(raw, urllib3.HTTPResponse) else response.headers)
    found: dict[str, str] = {}
    for name, value in headers.items():
        lowered = name.lower()
        found[lowered] = f"{found[lowered]}\n{value}" if lowered in found else value
    return found


def _body(response: requests.Response, call: CallWatch, limit: int) -> bytes:
    """The whole body, decompressed.

    Raises:
        requests.exceptions.RequestException: as `requests.Response.iter_content`.
    """
    try:
        return _collected(_parts(response), call, limit)
    except BaseException as error:
        # After Ctrl-C the lock of the pool may be held for ever; the place in it is lost, which does no harm.
        _abandon(response.raw, give_back=isinstance(error, Exception))
        if isinstance(error, exceptions.ProtocolError):
            raise ChunkedEncodingError(error) from error
        if isinstance(error, exceptions.DecodeError):
            raise ContentDecodingError(error) from error
        if isinstance(error, exceptions.ReadTimeoutError):
            raise RequestsConnectionError(error) from error
        if isinstance(error, exceptions.SSLError):
            raise SSLError(error) from error
        raise


def _collected(parts: Iterable[bytes], call: CallWatch, limit: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise AnswerTooLargeError(limit)
        if monotonic() >= call.deadline:
            raise DeadlineExceededError(sent=call.sent)
        kept.append(part)
    return kept[0] if len(kept) == 1 else b"".join(kept)


def _parts(response: requests.Response) -> Iterable[bytes]:
    """The body as it comes in. Reading a whole chunk would wait for the last of its bytes."""
    raw: Any = response.raw
    if getattr(response, "_content_consumed", False) or not isinstance(raw, urllib3.HTTPResponse):
        return response.iter_content(_CHUNK)  # a hook has read it, or the adapter is not of urllib3
    packed = "content-encoding" in raw.headers
    amount = _PACKED_CHUNK if packed else _CHUNK
    return _parts_at_once(raw, amount, packed=packed) if hasattr(raw, "read1") else _parts_whole(raw, amount)


def _parts_at_once(raw: urllib3.HTTPResponse, amount: int, *, packed: bool) -> Iterator[bytes]:
    while part := raw.read1(amount, decode_content=True):
        yield part
        if not packed and raw.length_remaining == 0:
            return


def _parts_whole(raw: urllib3.HTTPResponse, amount: int) -> Iterator[bytes]:
    """For urllib3 before 2.1, which does not see either where less comes than Content-Length says."""
    yield from raw.stream(amount, decode_content=True)
    if raw.length_remaining:
        msg = f"Connection broken: {raw.length_remaining} bytes are missing"
        raise exceptions.ProtocolError(msg)


def _abandon(raw: Any, *, give_back: bool) -> None:
    """Close the connection of an answer that is not read to its end, and give its place in the pool back."""
    for step in ("close", "release_conn") if give_back else ("close",):
        with contextlib.suppress(Exception):
            getattr(raw, step)()
