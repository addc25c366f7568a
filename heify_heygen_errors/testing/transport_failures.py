"""Exceptions as HTTP libraries raise them when no answer comes, for every entry of the transport catalog."""

from __future__ import annotations

import difflib
import json
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from http.client import BadStatusLine, CannotSendRequest, IncompleteRead, RemoteDisconnected
from typing import Any, Final
from urllib.parse import urlsplit

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.lookup import UnknownCodeError
from heify_heygen_errors.testing.libraries import imported, known_library
from heify_heygen_errors.testing.words import filled
from heify_heygen_errors.transport import rule_for_text

DEFAULT_METHOD: Final = "POST"
DEFAULT_URL: Final = "https://api.heygen.com/v3/videos"
_OWN: Final = "heify_heygen_errors."


def transport_exception(name: str, library: str = "requests", *, method: str = DEFAULT_METHOD, url: str = DEFAULT_URL) -> Exception:
    """An exception as an HTTP library raises it when no answer comes, with what caused it and its request.

    Arguments:
        name: an entry of the transport catalog: ``CONNECT_TIMEOUT``, ``CONNECTION_RESET``, ``TLS_CERTIFICATE_ERROR`` ...
        library: ``requests``, ``httpx2`` or ``httpx``.
        method: of the request.
        url: of the request.

    Returns:
        The exception, to be raised. It is new in every call.

    Raises:
        KeyError: there is no such entry; names the nearest.
        ValueError: the library never raises that, or there is no such library; for what this package's own client finds
            out, the message says how to have it.
        ModuleNotFoundError: the library is not installed; names the command that installs it.
    """
    wanted = transport_entry(name)
    if _is_own(wanted):
        msg = (
            f"no HTTP library raises {wanted}, the client of this package does, as an ApiError:"
            f' use exception("heygen", "transport/{wanted}")'
        )
        raise ValueError(msg)
    raises = _Requests(method, url).raises() if known_library(library) == "requests" else _Httpx(library, method, url).raises()
    if wanted not in raises:
        msg = f"{library} does not raise {wanted}: it raises {', '.join(raises)}"
        raise ValueError(msg)
    return raises[wanted]()


def transport_entry(name: str) -> str:
    """The name of an entry, from its name or rule."""
    bare = name.strip().removeprefix("transport/")
    known = default_catalogs().transport.rules
    for entry, rule in known.items():
        if bare.upper() == entry or name.strip() == rule.id:
            return entry
    near = difflib.get_close_matches(bare.upper(), known, 5, 0.5)
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    msg = f"the transport catalog has no entry {name!r}{hint}"
    raise UnknownCodeError(msg)


def _is_own(name: str) -> bool:
    """Whether an entry is for what this package's own client finds out."""
    classes = _row(name)["exceptions"]
    return bool(classes) and all(known.startswith(_OWN) for known in classes)


def _row(name: str) -> Mapping[str, Any]:
    return next(row for row in default_catalogs().transport.rows if row["name"] == name)


def logged_failure(name: str, method: str, url: str) -> str:
    """Class and text of an exception: as requests raises it, or as the catalog lists it where that says more."""
    catalogs = default_catalogs()
    raises = _Requests(method, url).raises()
    if name in raises:
        raised = raises[name]()
        told = _ADDRESS.sub("0x7f0000000000", f"{type(raised).__module__}.{type(raised).__qualname__}: {raised}".removeprefix("builtins."))
        rule = rule_for_text(told, catalogs)
        if rule is not None and rule.name == name:
            return told
    row = _row(name)
    known = sorted(row["exceptions"], key=lambda kind: not kind.startswith("requests."))
    text = filled(row["texts"][0])[0] if row.get("texts") else "it failed"
    return f"{known[0].removeprefix('builtins.') if known else 'OSError'}: {text}"


def _caused(outer: Exception, inner: BaseException | None) -> Exception:
    """An exception that was raised from another."""
    outer.__cause__ = inner
    return outer


def _raised_while_handling(outer: Exception, inner: BaseException) -> Exception:
    outer.__context__ = inner
    return outer


_CERTIFICATE: Final = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
_WRONG_VERSION: Final = "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
_UNEXPECTED_EOF: Final = "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:1006)"
_BAD_RECORD: Final = "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac (_ssl.c:2580)"
_BAD_KEY: Final = "[SSL] PEM lib (_ssl.c:4065)"
_NO_BUNDLE: Final = "Could not find a suitable TLS CA certificate bundle, invalid path: /etc/ssl/none.pem"
_BAD_GZIP: Final = "Error -3 while decompressing data: incorrect header check"
_NOT_JSON: Final = "Out of range float values are not JSON compliant"
_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")
_Raises = dict[str, Callable[[], Exception]]


class _Requests:
    """What requests raises, put together as its adapter and urllib3 do it."""

    def __init__(self, method: str, url: str) -> None:
        self.requests = imported("requests")
        self.urllib3 = imported("urllib3")
        self.known = self.urllib3.exceptions
        self.request = self.requests.Request(method, url).prepare()
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.url = url
        self.path = parts.path
        self.pool = self.urllib3.HTTPSConnectionPool(self.host, 443)
        self.connection = self.urllib3.connection.HTTPSConnection(self.host, 443)

    def raises(self) -> _Raises:
        known, plain = self.known, self.plain
        return {
            "PROXY_TUNNEL_REFUSED": lambda: self.proxy(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
            "PROXY_ERROR": lambda: self.proxy(self.not_connected(ConnectionRefusedError(111, "Connection refused"))),
            "TLS_CERTIFICATE_ERROR": lambda: self.tls(ssl.SSLCertVerificationError(1, _CERTIFICATE)),
            "TLS_HANDSHAKE_ERROR": lambda: self.tls(ssl.SSLError(1, _WRONG_VERSION)),
            "DNS_ERROR": self.unresolved,
            "CONNECTION_REFUSED": lambda: self.gave_up(
                "ConnectionError", self.not_connected(ConnectionRefusedError(111, "Connection refused"))
            ),
            "CONNECT_TIMEOUT": self.connect_timeout,
            "CONNECT_ERROR": lambda: self.gave_up("ConnectionError", self.not_connected(OSError(101, "Network is unreachable"))),
            "INVALID_PROXY_URL": lambda: plain("InvalidProxyURL", "Please check proxy URL. It is malformed and could be missing the host."),
            "INVALID_URL": lambda: plain("InvalidURL", "Invalid URL 'https://': No host supplied"),
            "UNSUPPORTED_URL_SCHEME": lambda: plain("MissingSchema", "Invalid URL 'x': No scheme supplied. Perhaps you meant https://x?"),
            "INVALID_RESPONSE_HEADER": lambda: self.over(
                "InvalidHeader", known.InvalidHeader("Content-Length contained multiple unmatching values (5, 7)")
            ),
            "INVALID_HEADER": lambda: plain(
                "InvalidHeader", "Invalid leading whitespace, reserved character(s), or return character(s) in header value: ' x'"
            ),
            "REQUEST_BODY_NOT_JSON": lambda: self.over("InvalidJSONError", ValueError(_NOT_JSON)),
            "CLIENT_CLOSED": lambda: self.over("ConnectionError", known.ClosedPoolError(self.pool, "Pool is closed.")),
            "LOCAL_FILE_ERROR": lambda: OSError(_NO_BUNDLE),
            "LOCAL_PERMISSION_DENIED": lambda: self.tls(PermissionError(13, "Permission denied")),
            "LOCAL_RESOURCES_EXHAUSTED": lambda: OSError(24, "Too many open files"),
            "READ_TIMEOUT": lambda: self.over(
                "ReadTimeout", known.ReadTimeoutError(self.pool, self.path, "Read timed out. (read timeout=30)")
            ),
            "WRITE_TIMEOUT": lambda: self.aborted(TimeoutError("The write operation timed out")),
            "TIMEOUT": lambda: plain("Timeout", "The call took too long"),
            "TOTAL_TIMEOUT": lambda: self.aborted(TimeoutError("timed out")),
            "DECODING_ERROR": self.undecodable,
            "INVALID_JSON": lambda: self.requests.exceptions.JSONDecodeError("Expecting value", "<html>", 0),
            "INCOMPLETE_READ": self.incomplete,
            "REMOTE_CLOSED": lambda: self.aborted(RemoteDisconnected("Remote end closed connection without response")),
            "CONNECTION_RESET": lambda: self.aborted(ConnectionResetError(104, "Connection reset by peer")),
            "TLS_CONNECTION_LOST": lambda: self.tls(ssl.SSLEOFError(8, _UNEXPECTED_EOF)),
            "WRITE_ERROR": lambda: self.aborted(BrokenPipeError(32, "Broken pipe")),
            "TLS_ERROR": lambda: self.tls(ssl.SSLError(1, _BAD_RECORD)),
            "TOO_MANY_REDIRECTS": lambda: plain("TooManyRedirects", "Exceeded 30 redirects."),
            "UNREWINDABLE_BODY": lambda: self.requests.exceptions.UnrewindableBodyError("Unable to rewind request body for redirect."),
            "STREAM_CONSUMED": self.requests.exceptions.StreamConsumedError,
            "COOKIE_CONFLICT": lambda: self.requests.cookies.CookieConflictError("There are multiple cookies with name, 'session'"),
            "CONNECTION_STATE_ERROR": lambda: self.aborted(CannotSendRequest("Request-sent")),
            "PROTOCOL_ERROR": lambda: self.aborted(BadStatusLine("hello")),
            "HTTP_STATUS_ERROR": lambda: plain("HTTPError", f"502 Server Error: Bad Gateway for url: {self.url}"),
            "RETRY_ERROR": lambda: self.gave_up("RetryError", known.ResponseError("too many 503 error responses")),
            "NETWORK_UNREACHABLE": lambda: self.over("ConnectionError", OSError(101, "Network is unreachable")),
            "CONNECTION_ERROR": lambda: plain("ConnectionError", "The connection failed"),
            "OS_ERROR": lambda: OSError(5, "Input/output error"),
        }

    def plain(self, kind: str, text: str) -> Exception:
        made: Exception = getattr(self.requests.exceptions, kind)(text, request=self.request)
        return made

    def over(self, kind: str, inner: Exception) -> Exception:
        return _raised_while_handling(getattr(self.requests.exceptions, kind)(inner, request=self.request), inner)

    def gave_up(self, kind: str, reason: Exception) -> Exception:
        return self.over(kind, _caused(self.known.MaxRetryError(self.pool, self.path, reason), reason))

    def not_connected(self, reason: OSError) -> Exception:
        return _caused(self.known.NewConnectionError(self.connection, f"Failed to establish a new connection: {reason}"), reason)

    def proxy(self, reason: Exception) -> Exception:
        return self.gave_up("ProxyError", _caused(self.known.ProxyError("Unable to connect to proxy", reason), reason))

    def tls(self, reason: OSError) -> Exception:
        return self.gave_up("SSLError", _caused(self.known.SSLError(reason), reason))

    def aborted(self, reason: Exception) -> Exception:
        return self.over("ConnectionError", _raised_while_handling(self.known.ProtocolError("Connection aborted.", reason), reason))

    def unresolved(self) -> Exception:
        reason = socket.gaierror(-2, "Name or service not known")
        return self.gave_up("ConnectionError", _caused(self.known.NameResolutionError(self.host, self.connection, reason), reason))

    def connect_timeout(self) -> Exception:
        told = f"Connection to {self.host} timed out. (connect timeout=5)"
        return self.gave_up("ConnectTimeout", _caused(self.known.ConnectTimeoutError(self.connection, told), TimeoutError("timed out")))

    def undecodable(self) -> Exception:
        reason = zlib.error(_BAD_GZIP)
        told = "Received response with content-encoding: gzip, but failed to decode it."
        return self.over("ContentDecodingError", _caused(self.known.DecodeError(told, reason), reason))

    def incomplete(self) -> Exception:
        reason = IncompleteRead(b"0123456789", 20)
        return self.over("ChunkedEncodingError", _caused(self.known.ProtocolError(f"Connection broken: {reason!r}", reason), reason))


class _Httpx:
    """What httpx and httpx2 raise, put together as their transports do it."""

    def __init__(self, library: str, method: str, url: str) -> None:
        self.httpx = imported(library)
        self.core = imported(library.replace("httpx", "httpcore"))
        self.request = self.httpx.Request(method, url)

    def raises(self) -> _Raises:
        plain, mapped = self.plain, self.mapped
        return {
            "PROXY_TUNNEL_REFUSED": lambda: mapped("ProxyError", "407 Proxy Authentication Required"),
            "PROXY_ERROR": lambda: mapped("ProxyError", "502 Bad Gateway"),
            "TLS_CERTIFICATE_ERROR": lambda: mapped("ConnectError", ssl.SSLCertVerificationError(1, _CERTIFICATE)),
            "TLS_HANDSHAKE_ERROR": lambda: mapped("ConnectError", ssl.SSLError(1, _WRONG_VERSION)),
            "DNS_ERROR": lambda: mapped("ConnectError", socket.gaierror(-2, "Name or service not known")),
            "CONNECTION_REFUSED": lambda: mapped("ConnectError", ConnectionRefusedError(111, "Connection refused")),
            "CONNECT_TIMEOUT": lambda: mapped("ConnectTimeout", TimeoutError("timed out")),
            "POOL_TIMEOUT": lambda: mapped("PoolTimeout", ""),
            "CONNECT_ERROR": lambda: mapped("ConnectError", OSError("All connection attempts failed")),
            "INVALID_PROXY_URL": lambda: ValueError("Unknown scheme for proxy URL URL('ftp://proxy.example')"),
            "INVALID_URL": lambda: self.httpx.InvalidURL("Invalid non-printable ASCII character in URL, '\\x00' at position 23."),
            "UNSUPPORTED_URL_SCHEME": lambda: mapped("UnsupportedProtocol", "Request URL is missing an 'http://' or 'https://' protocol."),
            "INVALID_HEADER": lambda: mapped("LocalProtocolError", "Illegal header value b' x'"),
            "REQUEST_BODY_NOT_JSON": lambda: ValueError(_NOT_JSON),
            "CLIENT_CLOSED": lambda: RuntimeError("Cannot send a request, as the client has been closed."),
            "LOCAL_FILE_ERROR": lambda: FileNotFoundError(2, "No such file or directory"),
            "LOCAL_PERMISSION_DENIED": lambda: PermissionError(13, "Permission denied"),
            "LOCAL_RESOURCES_EXHAUSTED": lambda: OSError(24, "Too many open files"),
            "READ_TIMEOUT": lambda: mapped("ReadTimeout", TimeoutError("The read operation timed out")),
            "WRITE_TIMEOUT": lambda: mapped("WriteTimeout", TimeoutError("The write operation timed out")),
            "TIMEOUT": lambda: plain("TimeoutException", "The call took too long"),
            "TOTAL_TIMEOUT": TimeoutError,
            "DECODING_ERROR": lambda: _caused(plain("DecodingError", _BAD_GZIP), zlib.error(_BAD_GZIP)),
            "INVALID_JSON": lambda: json.JSONDecodeError("Expecting value", "<html>", 0),
            "INCOMPLETE_READ": lambda: mapped(
                "RemoteProtocolError", "peer closed connection without sending complete message body (received 10 bytes, expected 30)"
            ),
            "REMOTE_CLOSED": lambda: mapped("RemoteProtocolError", "Server disconnected without sending a response."),
            "CONNECTION_RESET": lambda: mapped("ReadError", ConnectionResetError(104, "Connection reset by peer")),
            "TLS_CONNECTION_LOST": lambda: mapped("ReadError", ssl.SSLEOFError(8, _UNEXPECTED_EOF)),
            "WRITE_ERROR": lambda: mapped("WriteError", BrokenPipeError(32, "Broken pipe")),
            "READ_ERROR": lambda: mapped("ReadError", ssl.SSLError(1, _BAD_RECORD)),
            "TLS_ERROR": lambda: ssl.SSLError(9, _BAD_KEY),
            "TOO_MANY_REDIRECTS": lambda: plain("TooManyRedirects", "Exceeded maximum allowed redirects."),
            "STREAM_CONSUMED": self.httpx.StreamConsumed,
            "COOKIE_CONFLICT": lambda: self.httpx.CookieConflict("Multiple cookies exist with name=session"),
            "LOCAL_PROTOCOL_ERROR": lambda: mapped("LocalProtocolError", "Too little data for declared Content-Length"),
            "PROTOCOL_ERROR": lambda: mapped("RemoteProtocolError", "illegal status line: bytearray(b'hello')"),
            "CONNECTION_ERROR": lambda: plain("NetworkError", "The connection failed"),
            "OS_ERROR": lambda: OSError(5, "Input/output error"),
        }

    def plain(self, kind: str, text: str) -> Exception:
        made: Exception = getattr(self.httpx, kind)(text, request=self.request)
        return made

    def mapped(self, kind: str, reason: Exception | str) -> Exception:
        """An exception of the transport below, in the class of the same name."""
        below: Exception = getattr(self.core, kind)(reason)
        if isinstance(reason, Exception):
            _caused(below, reason)
        return _caused(self.plain(kind, str(below)), below)
