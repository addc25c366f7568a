"""Connections of urllib3 with a watch over them, so that the deadline of a call ends whatever waits for their sockets.

requests alone has no deadline: its time-outs count between two bytes and once per address of a host.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain, zip_longest
from math import inf
from time import monotonic
from typing import Any, Final, cast

from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import connection as urllib3_connection

from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.watchdog import Watch

# Bytes of a request that are given the read time-out to leave. Python counts a time-out over all that is sent at once.
_SLICE: Final = 64 * 1024
# Seconds; a time-out of zero would mean "do not wait", and urllib3 refuses it.
_LEAST: Final = 0.001
_SOCKS: Final = "urllib3.contrib.socks"


class CallWatch(Watch):
    """One call while it is on the wire.

    Attributes:
        patience: seconds that the peer may take for the next bytes, in either direction.
        sent: whether a byte of the request may have left.
    """

    __slots__ = ("patience", "sent")

    def __init__(self, deadline: float, patience: float) -> None:
        super().__init__(deadline)
        self.patience = patience
        self.sent = False


class _Current(threading.local):
    """The call of this thread, which connections and pools have no other way to know."""

    call: CallWatch | None = None


current: Final = _Current()


# Connections.


class _Unlogged(str):
    """The target of an upload without its query, which is a credential: what urllib3 writes down.

    Attributes:
        whole: with the query.
    """

    __slots__ = ("whole",)
    whole: str

    @classmethod
    def of(cls, target: str) -> _Unlogged:
        """The same target, to be shown."""
        shown = cls(f"{target.partition('?')[0]}?[redacted]")
        shown.whole = target
        return shown


class _Watched(HTTPConnection):
    """Gives its socket to the watch of the call, and lets a slow upload take its time as long as it moves."""

    def putrequest(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        super().putrequest(method, url.whole if isinstance(url, _Unlogged) else url, *arguments, **options)

    def request(self, *arguments: Any, **options: Any) -> None:
        call = current.call
        if call is not None:
            if self.sock is None:
                self.connect()
            # urllib3 would allow the connect time-out for all of the body.
            self.timeout = call.patience
            cast(socket.socket, self.sock).settimeout(call.patience)
            call.sent = True
        try:
            super().request(*arguments, **options)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A storage that refuses an upload answers early and closes; its answer is there to be read. urllib3 reads it
            # behind EPIPE, and newer ones behind ECONNRESET, but not where TLS says the same.
            if not isinstance(options.get("body"), StreamedBody):
                raise

    def send(self, data: Any) -> None:
        call = current.call
        if call is None:
            super().send(data)
            return
        if not call.holds(self.sock):
            call.hold(self.sock)
        try:
            if isinstance(data, bytes) and len(data) > _SLICE:
                with memoryview(data) as view:
                    for begin in range(0, len(data), _SLICE):
                        super().send(view[begin : begin + _SLICE])
            else:
                super().send(data)
        except TimeoutError as error:
            msg = "The write operation timed out"
            raise TimeoutError(msg) from error

    def _tunnel(self) -> None:
        super()._tunnel()
        call = current.call
        if call is not None and not call.let_go(self.sock):
            # TLS must not begin on it: Python would take it for a socket that is not connected yet, and send in plain.
            msg = "The deadline passed in the proxy's answer"
            raise TimeoutError(msg)

    def close(self) -> None:
        call = current.call
        if call is not None and self.sock is not None:
            call.keep_open(self.sock)
        super().close()


class _Direct(_Watched):
    """Opens its socket itself: all addresses of the host share the connect time-out, and TLS gets what is left of it."""

    def _new_conn(self) -> socket.socket:
        call, timeout = current.call, self.timeout
        if call is None or not isinstance(timeout, int | float):
            return super()._new_conn()
        until = min(monotonic() + timeout, call.deadline)
        try:
            sock = self._first_that_answers(until)
        except socket.gaierror as error:
            raise _unresolved(self, error) from error
        except TimeoutError as error:
            msg = f"Connection to {self.host} timed out. (connect timeout={timeout})"
            raise exceptions.ConnectTimeoutError(self, msg) from error
        except OSError as error:
            msg = f"Failed to establish a new connection: {error}"
            raise exceptions.NewConnectionError(self, msg) from error
        sys.audit("http.client.connect", self, self.host, self.port)
        sock.settimeout(max(_LEAST, until - monotonic()))  # for TLS, whose handshake as a whole may take that long
        return sock

    def _first_that_answers(self, until: float) -> socket.socket:
        """Try the addresses, each for half of the time that is left and the last for all of it.

        Raises:
            OSError: of the address that was tried last.
        """
        host = self._dns_host.strip("[]")
        try:
            found = socket.getaddrinfo(host, self.port, urllib3_connection.allowed_gai_family(), socket.SOCK_STREAM)
        except UnicodeError:
            msg = f"'{host}', label empty or too long"
            raise exceptions.LocationParseError(msg) from None
        addresses = list(_alternating(found))
        problem = OSError("getaddrinfo returns an empty list")
        for number, (family, kind, protocol, _, address) in enumerate(addresses, 1):
            left = until - monotonic()
            if left <= 0:
                problem = TimeoutError("timed out")
                break
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:
                problem = error
                continue
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(left if number == len(addresses) else left / 2)
                if self.source_address:
                    sock.bind(self.source_address)
                sock.connect(address)
            except OSError as error:
                sock.close()
                problem = error
            else:
                return sock
        try:
            raise problem
        finally:
            del problem  # or it and its traceback keep each other alive


class _DirectTls(_Direct, HTTPSConnection):
    """The same for https."""


def _unresolved(connection: HTTPConnection, error: socket.gaierror) -> exceptions.HTTPError:
    kind = getattr(exceptions, "NameResolutionError", None)
    if kind is not None:
        return cast(exceptions.HTTPError, kind(connection.host, connection, error))
    return exceptions.NewConnectionError(connection, f"Failed to establish a new connection: {error}")  # urllib3 1.26


def _alternating(addresses: list[Any]) -> Iterator[Any]:
    """The addresses with IPv6 and IPv4 in turn, so that one of the two that leads nowhere does not use up the time."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    return (address for address in chain.from_iterable(zip_longest(first, other)) if address is not None)


# Pools.


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Direct

    def _get_conn(self, timeout: float | None = None) -> Any:
        call = current.call
        if self.block and timeout is None and call is not None and call.deadline != inf:
            timeout = max(_LEAST, call.deadline - monotonic())
        return super()._get_conn(timeout)

    def _make_request(self, conn: Any, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        if isinstance(options.get("body"), StreamedBody):
            url = _Unlogged.of(url)
        return super()._make_request(conn, method, url, *arguments, **options)

    def _put_conn(self, conn: Any) -> None:
        call = current.call
        if call is not None and conn is not None and conn.sock is not None and not call.let_go(conn.sock):
            conn.close()
        super()._put_conn(conn)


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls: Any = _DirectTls


_STOCK: Final[Mapping[str, type]] = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
_OURS: Final[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}


@cache
def _through_socks() -> tuple[dict[str, Any], dict[str, Any]]:
    """The pools of urllib3 for SOCKS, and the same with a watch. Needs PySocks, as urllib3's own do."""
    from urllib3.contrib import socks

    class Connection(_Watched, socks.SOCKSConnection):
        pass

    class TlsConnection(_Watched, socks.SOCKSHTTPSConnection):
        pass

    class Pool(_Pool, socks.SOCKSHTTPConnectionPool):
        ConnectionCls: Any = Connection

    class TlsPool(_TlsPool, socks.SOCKSHTTPSConnectionPool):
        ConnectionCls: Any = TlsConnection

    stock = {"http": socks.SOCKSHTTPConnectionPool, "https": socks.SOCKSHTTPSConnectionPool}
    return stock, {"http": Pool, "https": TlsPool}


def adopt(manager: Any) -> bool:
    """Have a pool manager of urllib3 make connections with a watch.

    Returns:
        Whether it does. Not where it has pools of its own kind.
    """
    classes = getattr(manager, "pool_classes_by_scheme", None)
    stock, ours = _through_socks() if type(manager).__module__ == _SOCKS else (_STOCK, _OURS)
    if classes is ours:
        return True
    if not isinstance(classes, dict) or classes != stock:
        return False
    manager.pool_classes_by_scheme = ours
    manager.clear()  # its idle connections have no watch
    return True
