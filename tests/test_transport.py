"""No answer at all: what the exceptions of the HTTP libraries and of Python mean, by class, in real life and in logs."""

import asyncio
import contextlib
import errno
import http.client
import inspect
import io
import json
import socket
import ssl
import struct
import threading
import urllib.error
from urllib.request import ProxyHandler, build_opener

import aiohttp
import aiohttp.http_exceptions
import httpx
import httpx2
import multidict
import pytest
import requests
import trustme
import urllib3
import yarl

from heify_heygen_errors import Channel, MatchedBy, Observation, TimedOutError, normalize, normalize_all, raise_for_error
from heify_heygen_errors.client import failures
from heify_heygen_errors.retry import breaker, limiter
from heify_heygen_errors.retry.breaker import CircuitOpenError
from heify_heygen_errors.retry.limiter import LimiterFullError

# By class: category, outcome, action. A class that is new in requests fails the test until it stands here.

_CLASSES = {
    ("timeout", "not_sent", "backoff"): """
        requests.exceptions.ConnectTimeout
        urllib3.exceptions.ConnectTimeoutError urllib3.exceptions.EmptyPoolError
        httpx.ConnectTimeout httpx.PoolTimeout
        httpx2.ConnectTimeout httpx2.PoolTimeout
        aiohttp.client_exceptions.ConnectionTimeoutError
    """,
    ("timeout", "unknown", "backoff"): """
        requests.exceptions.ReadTimeout requests.exceptions.Timeout
        urllib3.exceptions.ReadTimeoutError urllib3.exceptions.TimeoutError
        httpx.ReadTimeout httpx.WriteTimeout httpx.TimeoutException
        httpx2.ReadTimeout httpx2.WriteTimeout httpx2.TimeoutException
        aiohttp.client_exceptions.SocketTimeoutError aiohttp.client_exceptions.ServerTimeoutError
    """,
    ("network", "not_sent", "backoff"): """
        requests.exceptions.ProxyError
        urllib3.exceptions.NameResolutionError urllib3.exceptions.NewConnectionError urllib3.exceptions.ProxyError
        httpx.ConnectError httpx.ProxyError
        httpx2.ConnectError httpx2.ProxyError
        aiohttp.client_exceptions.ClientConnectorDNSError aiohttp.client_exceptions.ClientConnectorError
        aiohttp.client_exceptions.ClientHttpProxyError aiohttp.client_exceptions.ClientProxyConnectionError
        aiohttp.client_exceptions.UnixClientConnectorError
    """,
    ("network", "not_sent", "never"): """
        aiohttp.client_exceptions.ClientConnectorCertificateError aiohttp.client_exceptions.ClientConnectorSSLError
        aiohttp.client_exceptions.ClientSSLError aiohttp.client_exceptions.ServerFingerprintMismatch
    """,
    ("network", "unknown", "backoff"): """
        requests.exceptions.ChunkedEncodingError requests.exceptions.ConnectionError requests.exceptions.ContentDecodingError
        requests.exceptions.JSONDecodeError requests.exceptions.RequestException requests.exceptions.RetryError
        requests.exceptions.SSLError
        urllib3.exceptions.DecodeError urllib3.exceptions.FullPoolError urllib3.exceptions.HTTPError
        urllib3.exceptions.HeaderParsingError urllib3.exceptions.IncompleteRead urllib3.exceptions.InvalidChunkLength
        urllib3.exceptions.InvalidHeader urllib3.exceptions.MaxRetryError urllib3.exceptions.PoolError
        urllib3.exceptions.ProtocolError urllib3.exceptions.RequestError urllib3.exceptions.ResponseError
        urllib3.exceptions.ResponseNotChunked urllib3.exceptions.SSLError
        httpx.CloseError httpx.DecodingError httpx.HTTPError httpx.NetworkError httpx.ProtocolError httpx.ReadError
        httpx.RemoteProtocolError httpx.RequestError httpx.TransportError httpx.WriteError
        httpx2.CloseError httpx2.DecodingError httpx2.HTTPError httpx2.NetworkError httpx2.ProtocolError httpx2.ReadError
        httpx2.RemoteProtocolError httpx2.RequestError httpx2.TransportError httpx2.WriteError
        aiohttp.client_exceptions.ClientConnectionError aiohttp.client_exceptions.ClientConnectionResetError
        aiohttp.client_exceptions.ClientError aiohttp.client_exceptions.ClientOSError
        aiohttp.client_exceptions.ClientPayloadError aiohttp.client_exceptions.ContentTypeError
        aiohttp.client_exceptions.ServerConnectionError aiohttp.client_exceptions.ServerDisconnectedError
    """,
    ("network", "unknown", "never"): """
        requests.exceptions.TooManyRedirects
        httpx.TooManyRedirects
        httpx2.TooManyRedirects
        aiohttp.client_exceptions.InvalidUrlRedirectClientError aiohttp.client_exceptions.NonHttpUrlRedirectClientError
        aiohttp.client_exceptions.RedirectClientError aiohttp.client_exceptions.TooManyRedirects
    """,
    ("invalid_request", "not_sent", "never"): """
        requests.exceptions.InvalidHeader requests.exceptions.InvalidJSONError requests.exceptions.InvalidProxyURL
        requests.exceptions.InvalidSchema requests.exceptions.InvalidURL requests.exceptions.MissingSchema
        requests.exceptions.URLRequired
        urllib3.exceptions.ClosedPoolError urllib3.exceptions.LocationParseError urllib3.exceptions.LocationValueError
        urllib3.exceptions.ProxySchemeUnknown urllib3.exceptions.ProxySchemeUnsupported urllib3.exceptions.URLSchemeUnknown
        httpx.InvalidURL httpx.UnsupportedProtocol
        httpx2.InvalidURL httpx2.UnsupportedProtocol
        aiohttp.client_exceptions.InvalidURL aiohttp.client_exceptions.InvalidUrlClientError
        aiohttp.client_exceptions.NonHttpUrlClientError
    """,
    ("invalid_request", "unknown", "never"): """
        requests.exceptions.StreamConsumedError requests.exceptions.UnrewindableBodyError
        urllib3.exceptions.BodyNotHttplibCompatible urllib3.exceptions.HostChangedError
        urllib3.exceptions.TimeoutStateError urllib3.exceptions.UnrewindableBodyError
        httpx.CookieConflict httpx.LocalProtocolError httpx.RequestNotRead httpx.ResponseNotRead httpx.StreamClosed
        httpx.StreamConsumed httpx.StreamError
        httpx2.CookieConflict httpx2.LocalProtocolError httpx2.RequestNotRead httpx2.ResponseNotRead httpx2.StreamClosed
        httpx2.StreamConsumed httpx2.StreamError
        aiohttp.client_exceptions.WSMessageTypeError
    """,
    ("unknown", "unknown", "never"): """
        requests.exceptions.HTTPError
        httpx.HTTPStatusError
        httpx2.HTTPStatusError
        aiohttp.client_exceptions.ClientResponseError aiohttp.client_exceptions.WSServerHandshakeError
    """,
}
_EXPECTED = {name: expected for expected, names in _CLASSES.items() for name in names.split()}
_MODULES = (requests.exceptions, urllib3.exceptions, httpx, httpx2, aiohttp.client_exceptions)


def _name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def _failures(module):
    """The exception classes that a module defines; warnings are no failures."""
    library = module.__name__.partition(".")[0]
    found = (kind for kind in vars(module).values() if inspect.isclass(kind) and kind.__module__.partition(".")[0] == library)
    return {_name(kind): kind for kind in found if issubclass(kind, Exception) and not issubclass(kind, Warning)}


_KINDS = {name: kind for module in _MODULES for name, kind in _failures(module).items()}

known_class = pytest.mark.parametrize("name", sorted(_KINDS.keys() & _EXPECTED.keys()))


def _advice(info):
    return (info.category, info.retry.outcome, info.retry.action)


def _bare(kind):
    """An instance without any text, whatever its constructor wants."""
    return kind.__new__(kind)


@known_class
def test_class_of_a_library_is_known(name):
    """The class of an exception is enough to tell category, outcome and advice."""
    info = normalize(_bare(_KINDS[name]), "heygen")
    assert _advice(info) == _EXPECTED[name]


@known_class
def test_class_of_a_library_is_a_transport_failure(name):
    """A library's exception comes out in the channel transport, without the vendor's words."""
    info = normalize(_bare(_KINDS[name]), "heify")
    assert (info.channel, info.matched_by, info.status, info.code, info.message, info.body) == (
        Channel.TRANSPORT,
        MatchedBy.TRANSPORT,
        None,
        None,
        None,
        None,
    )
    assert info.detail.partition(":")[0] == name


@known_class
def test_class_of_a_library_is_known_from_a_log(name):
    """A logged full class name, alone or with text, means what the exception itself means."""
    forms = [name, f"{name}: it broke", f"{name}('it broke')", f"  {name}:\n", f"{name}()"]
    found = [_advice(normalize(Observation("heygen", exception=form))) for form in forms]
    assert found == [_EXPECTED[name]] * len(forms)


@known_class
def test_subclass_of_a_known_class_is_known(name):
    """A class of one's own that derives from a library's means what its base means."""
    kind = type("OwnError", (_KINDS[name],), {})
    assert _advice(normalize(_bare(kind), "heygen")) == _EXPECTED[name]


# What the client finds out by itself: rule, category, outcome, action, fault.

_BY_THE_CLIENT = [
    (failures.KeyMissingError("heygen_api_key", "HEYGEN_API_KEY"), "KeyMissing authentication not_sent never caller"),
    (CircuitOpenError("heygen", 2.5), "CircuitOpen network not_sent backoff provider"),
    (LimiterFullError("POST /submit", 4.0), "LimiterFull rate_limit not_sent backoff caller"),
    # Rules cannot see what the exception knows: the client makes the second one not_sent.
    (failures.DeadlineExceededError(sent=True), "DeadlineExceeded timeout unknown backoff provider"),
    (failures.DeadlineExceededError(sent=False), "DeadlineExceeded timeout unknown backoff provider"),
    (failures.AnswerIncompleteError(), "IncompleteRead network unknown backoff network"),
    (failures.AnswerTooLargeError(1024), "AnswerTooLarge network unknown never network"),
    (failures.AnswerUnreadableError("HTML"), "InvalidJson network unknown backoff network"),
    (failures.RedirectRefusedError("https://other.example"), "RedirectRefused network unknown never network"),
    (failures.TooManyRedirectsError(5), "TooManyRedirects network unknown never network"),
    (failures.PageRepeatedError(token=True), "PageRepeated server unknown never provider"),
    (failures.PageRepeatedError(token=False), "PageRepeated server unknown never provider"),
    (failures.JobNotEndedError("video", "v-1", "processing", 60.0), "JobNotEnded timeout accepted poll provider"),
    (failures.JobNotEndedError("video", "v-1", None, 60.0), "JobNotEnded timeout accepted poll provider"),
    (failures.JobNotEndedError("video", "v-1", None, 60.0, asked=90.0), "JobNotEnded timeout accepted poll provider"),
    (failures.JobNeverReadError("video", "v-1", "network", 60.0), "JobNeverRead timeout accepted poll provider"),
    (failures.JobNeverReadError("video", "v-1", "rate_limit", 60.0, asked=90.0), "JobNeverRead timeout accepted poll provider"),
    (failures.UploadIncompleteError(), "UploadIncomplete network refused backoff network"),
    (failures.ListIncompleteError("video", "the vendor cut it off"), "ListIncomplete server unknown never provider"),
    (failures.JobNeedsActionError("avatar", "a-1", "pending_consent", "ask"), "JobNeedsAction not_ready accepted never caller"),
    (failures.JobUnnamedError("video"), "JobUnnamed server unknown never provider"),
    (failures.UploadUrlRefusedError("it is plain http"), "UploadUrlRefused server not_sent never provider"),
    (failures.NotResumableError("its endpoint takes no idempotency key"), "NotResumable conflict unknown never caller"),
    (failures.ClientClosedError(), "ClientClosed invalid_request not_sent never caller"),
    (failures.WrongLoopError(), "WrongLoop invalid_request not_sent never caller"),
]


@pytest.mark.parametrize(("exc", "expected"), [pytest.param(*row, id=repr(row[0])) for row in _BY_THE_CLIENT])
def test_what_the_client_finds_out_is_known(exc, expected):
    """An exception of the client's own is known as it was raised, as it was logged, and by its text behind another class."""
    forms = [exc, Observation("heygen", exception=f"{_name(type(exc))}: {exc}"), Observation("heygen", exception=f"OwnError: {exc}")]
    infos = [normalize(form, "heygen") for form in forms]
    assert [" ".join((info.rule.removeprefix("transport/"), *_advice(info), info.fault)) for info in infos] == [expected] * 3


def test_every_exception_of_the_client_is_judged():
    """No exception that the client raises inside is left out: a new one fails this test until it is judged."""
    found = {name: kind for module in (failures, breaker, limiter) for name, kind in _failures(module).items()}
    raised = {kind for kind in found.values() if not kind.__subclasses__()}
    assert raised == {type(exc) for exc, _ in _BY_THE_CLIENT}


@pytest.mark.parametrize(
    "inner", [requests.ConnectTimeout("slow"), httpx2.ReadTimeout("slow"), json.JSONDecodeError("Expecting value", "<", 0)], ids=repr
)
def test_what_the_client_finds_out_says_more_than_what_caused_it(inner):
    """A time-out of a library that the client's deadline ended is the deadline's."""
    outer = failures.DeadlineExceededError(sent=True)
    outer.__cause__ = inner
    assert normalize(outer, "heygen").rule == "transport/DeadlineExceeded"


def test_every_exception_of_requests_is_judged():
    """No exception of requests is left out: a new one fails this test until it is judged."""
    assert sorted(name for name in _failures(requests.exceptions) if name not in _EXPECTED) == []


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.__name__)
def test_every_exception_of_a_library_has_a_rule(module):
    """No exception of any of the libraries, new ones included, ends in "unknown" without a rule."""
    rules = {name: normalize(_bare(kind), "heygen").rule for name, kind in _failures(module).items()}
    assert [name for name, rule in rules.items() if not rule.startswith("transport/")] == []


# Python's own.

_OWN = [
    (TimeoutError(), "timeout", "unknown", "backoff"),
    (TimeoutError("timed out"), "timeout", "unknown", "backoff"),
    (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "timeout", "unknown", "backoff"),
    (asyncio.IncompleteReadError(b"", 10), "network", "unknown", "backoff"),
    (asyncio.LimitOverrunError("too long", 1), "network", "unknown", "backoff"),
    (ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] bad record mac"), "network", "unknown", "backoff"),
    (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "network", "unknown", "backoff"),
    (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"), "network", "unknown", "backoff"),
    (ssl.SSLSyscallError(5, "Some I/O error occurred"), "network", "unknown", "backoff"),
    (ssl.SSLWantReadError(2, "The operation did not complete (read)"), "network", "unknown", "backoff"),
    (ssl.SSLWantWriteError(3, "The operation did not complete (write)"), "network", "unknown", "backoff"),
    (ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate"), "network", "not_sent", "never"),
    (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "network", "not_sent", "never"),
    (ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"), "network", "not_sent", "never"),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "network", "not_sent", "backoff"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "network", "not_sent", "backoff"),
    (socket.herror(1, "Unknown host"), "network", "not_sent", "backoff"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "network", "not_sent", "backoff"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "network", "unknown", "backoff"),
    (ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort"), "network", "unknown", "backoff"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "network", "unknown", "backoff"),
    (ConnectionError(), "network", "unknown", "backoff"),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), "network", "unknown", "backoff"),
    (OSError(errno.EHOSTUNREACH, "No route to host"), "network", "unknown", "backoff"),
    (OSError(errno.EIO, "Input/output error"), "network", "unknown", "backoff"),
    (OSError(errno.EMFILE, "Too many open files"), "network", "not_sent", "backoff"),
    (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "network", "not_sent", "backoff"),
    (PermissionError(errno.EACCES, "Permission denied"), "invalid_request", "not_sent", "never"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory"), "invalid_request", "not_sent", "never"),
    (IsADirectoryError(errno.EISDIR, "Is a directory"), "invalid_request", "not_sent", "never"),
    (http.client.RemoteDisconnected("Remote end closed connection without response"), "network", "unknown", "backoff"),
    (http.client.IncompleteRead(b"{", 10), "network", "unknown", "backoff"),
    (http.client.BadStatusLine("HELO"), "network", "unknown", "backoff"),
    (http.client.CannotSendRequest(), "network", "unknown", "backoff"),
    (http.client.InvalidURL("nonnumeric port"), "invalid_request", "not_sent", "never"),
    (urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")), "network", "not_sent", "backoff"),
    (urllib.error.URLError("no host given"), "network", "unknown", "backoff"),
    (RuntimeError("Session is closed"), "invalid_request", "not_sent", "never"),
    (ExceptionGroup("both", [httpx.ReadTimeout("slow")]), "timeout", "unknown", "backoff"),
]


@pytest.mark.parametrize(("exc", "category", "outcome", "action"), [pytest.param(*row, id=repr(row[0])) for row in _OWN])
def test_exception_of_python(exc, category, outcome, action):
    """Python's own exceptions of sockets, TLS, HTTP and asyncio are known, as instances and as logged."""
    logged = Observation("heygen", exception=f"{_name(type(exc))}: {exc}")
    group = isinstance(exc, ExceptionGroup)  # its members are not in what is logged
    infos = [normalize(exc, "heygen"), normalize(exc if group else logged, "heygen")]
    assert [(_advice(info), info.channel) for info in infos] == [((category, outcome, action), Channel.TRANSPORT)] * 2


# aiohttp's parser gives its errors the status 400 of its own server side: no answer had that status.
_PARSER = [
    aiohttp.http_exceptions.BadHttpMessage("bad"),
    aiohttp.http_exceptions.BadStatusLine("220 mail.example"),
    aiohttp.http_exceptions.TransferEncodingError("not a length"),
    aiohttp.http_exceptions.ContentLengthError("too short"),
    aiohttp.http_exceptions.ContentEncodingError("not gzip"),
    aiohttp.http_exceptions.InvalidHeader("x"),
    aiohttp.http_exceptions.LineTooLong(b"x", 10),
]


@pytest.mark.parametrize("exc", _PARSER, ids=lambda exc: type(exc).__name__)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_parser_error_of_aiohttp_is_no_answer(exc, wrapped):
    """What aiohttp could not read is no answer with a status: nobody may claim that the request was refused."""
    shown = aiohttp.ClientPayloadError("Response payload is not completed") if wrapped else exc
    shown.__cause__ = exc if wrapped else None
    info = normalize(shown, "heygen")
    assert (_advice(info), info.status, info.channel) == (("network", "unknown", "backoff"), None, Channel.TRANSPORT)


@pytest.mark.parametrize(
    "exc", [ValueError("no"), KeyError("data"), RuntimeError(), NotImplementedError(), RecursionError(), EOFError()], ids=repr
)
def test_exception_that_says_nothing_of_a_call_is_unknown(exc):
    """An exception that has nothing to do with a network is unknown, and is never repeated."""
    info = normalize(exc, "heygen")
    assert (*_advice(info), info.rule, info.matched_by) == ("unknown", "unknown", "never", "unknown", MatchedBy.NONE)


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_cancellation_is_no_failure(kind):
    """A BaseException that is no Exception ends the program or task: it is refused, not normalized."""
    with pytest.raises(TypeError, match=kind.__name__):
        normalize(kind(), "heygen")


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["first", "last"])
def test_group_is_not_sent_only_if_every_member_is(order):
    """Of several failures in a group one that may have been sent decides: a repeat could pay twice."""
    members = [httpx.ConnectTimeout("never left"), httpx.ReadTimeout("was sent")]
    assert normalize(ExceptionGroup("both", members[order]), "heygen").retry.outcome == "unknown"


# Logged texts.

_LOGGED = {
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.heygen.com', port=443): Read timed out. (read timeout=30)": (
        "timeout",
        "unknown",
        "backoff",
    ),
    "ReadTimeout('HTTPSConnectionPool(host=\\'api.heygen.com\\', port=443): Read timed out. (read timeout=30)')": (
        "timeout",
        "unknown",
        "backoff",
    ),
    "ReadTimeout('...')": ("timeout", "unknown", "backoff"),
    "ConnectTimeout": ("timeout", "not_sent", "backoff"),
    " ConnectTimeout: ": ("timeout", "not_sent", "backoff"),
    "ConnectTimeout()": ("timeout", "not_sent", "backoff"),
    "TimeoutError": ("timeout", "unknown", "backoff"),
    "TimeoutError()": ("timeout", "unknown", "backoff"),
    # As Python before 3.11 and 3.10 named them.
    "asyncio.exceptions.TimeoutError": ("timeout", "unknown", "backoff"),
    "asyncio.TimeoutError": ("timeout", "unknown", "backoff"),
    "socket.timeout: timed out": ("timeout", "unknown", "backoff"),
    "ConnectionRefusedError: [Errno 111] Connection refused": ("network", "not_sent", "backoff"),
    "ConnectionResetError(104, 'Connection reset by peer')": ("network", "unknown", "backoff"),
    "gaierror(-2, 'Name or service not known')": ("network", "not_sent", "backoff"),
    "httpx.ConnectError: [Errno -2] Name or service not known": ("network", "not_sent", "backoff"),
    "httpx.ConnectError: All connection attempts failed": ("network", "not_sent", "backoff"),
    "httpx.RemoteProtocolError: Server disconnected without sending a response.": ("network", "unknown", "backoff"),
    "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected": ("network", "unknown", "backoff"),
    "aiohttp.ClientConnectorError: Cannot connect to host api.heify.com:443 ssl:default [Connect call failed ('1.2.3.4', 443)]": (
        "network",
        "not_sent",
        "backoff",
    ),
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.heify.com', port=443): Max retries exceeded with url: /submit"
    " (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection:"
    " [Errno 111] Connection refused'))": ("network", "not_sent", "backoff"),
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.heify.com', port=443): Max retries exceeded with url: /submit"
    " (Caused by NameResolutionError(\"<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to resolve 'api.heify.com'"
    ' ([Errno -2] Name or service not known)"))': ("network", "not_sent", "backoff"),
    "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))": (
        "network",
        "unknown",
        "backoff",
    ),
    "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))": (
        "network",
        "unknown",
        "backoff",
    ),
    "requests.exceptions.SSLError: HTTPSConnectionPool(host='api.heygen.com', port=443): Max retries exceeded with url: / (Caused by"
    " SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    " (_ssl.c:1006)')))": ("network", "not_sent", "never"),
    "ValueError: nope": ("unknown", "unknown", "never"),
    "my_service.errors.VideoFailed: gave up": ("unknown", "unknown", "never"),
}


@pytest.mark.parametrize("text", _LOGGED)
def test_logged_exception(text):
    """An exception that was logged as class name with text means what the exception meant."""
    info = normalize(Observation("heygen", exception=text))
    assert (_advice(info), info.channel) == (_LOGGED[text], Channel.TRANSPORT)


_NAMED_BY_TEXT = {
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.heify.com', port=443): Max retries exceeded with url: /submit"
    " (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection:"
    " [Errno 111] Connection refused'))": "transport/ConnectionRefused",
    "requests.exceptions.ConnectionError: ('Connection aborted.', BrokenPipeError(32, 'Broken pipe'))": "transport/WriteError",
    "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))": (
        "transport/ConnectionReset"
    ),
}


@pytest.mark.parametrize("text", _NAMED_BY_TEXT)
def test_of_several_texts_the_one_that_says_most_decides(text):
    """Where a logged exception has several known texts, the rule that stands first in the catalog wins, however short its text."""
    assert _NAMED_BY_TEXT[text] == normalize(Observation("heygen", exception=text)).rule


# Real failures, provoked on this machine.

_TIMEOUT = 0.25


def _requests(url):
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, timeout=(_TIMEOUT, _TIMEOUT))


def _httpx(url):
    with httpx.Client(trust_env=False, timeout=_TIMEOUT, follow_redirects=True) as client:
        client.get(url)


def _httpx2(url):
    with httpx2.Client(trust_env=False, timeout=_TIMEOUT, follow_redirects=True) as client:
        client.get(url)


def _httpx_async(url):
    async def get():
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT, follow_redirects=True) as client:
            await client.get(url)

    asyncio.run(get())


def _urllib3(url, *, retries=False):
    with urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(connect=_TIMEOUT, read=_TIMEOUT)) as pool:
        pool.request("GET", url)


def _urllib3_retrying(url):
    _urllib3(url, retries=urllib3.Retry(total=None, connect=0, read=0, redirect=2, other=0))


def _aiohttp(url):
    async def get():
        timeout = aiohttp.ClientTimeout(sock_connect=_TIMEOUT, sock_read=_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            await response.read()

    asyncio.run(get())


def _urllib(url):
    with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT) as response:
        response.read()


_CLIENTS = {
    "requests": _requests,
    "httpx": _httpx,
    "httpx2": _httpx2,
    "httpx async": _httpx_async,
    "urllib3": _urllib3,
    "urllib3 retrying": _urllib3_retrying,
    "aiohttp": _aiohttp,
    "urllib": _urllib,
}


@contextlib.contextmanager
def _server(answer):
    """A server on this machine; `answer` gets each connection and an event that is set when the test is over."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                answer(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read_request(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)


def _reset(connection):
    """Ends the connection by RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _reset_before_headers(connection, over):
    _read_request(connection)
    _reset(connection)


def _close_before_headers(connection, over):
    _read_request(connection)


def _reset_inside_the_body(connection, over):
    _read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"data"')
    _reset(connection)


def _cut_the_body(connection, over):
    _read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{"data"')


def _send_a_bad_chunk(connection, over):
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n")


def _cut_the_chunks(connection, over):
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")


def _damage_the_encoding(connection, over):
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot gzip!")


def _say_something_else(connection, over):
    _read_request(connection)
    connection.sendall(b"220 mail.example ESMTP\r\n")


def _say_nothing(connection, over):
    over.wait(10)


def _stop_inside_the_body(connection, over):
    _read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"data"')
    over.wait(10)


def _redirect_to_itself(connection, over):
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


_LOST = ("network", "unknown", "backoff")
_ANSWERS = {
    "reset before headers": (_reset_before_headers, _LOST),
    "closed before headers": (_close_before_headers, _LOST),
    "reset inside the body": (_reset_inside_the_body, _LOST),
    "body cut": (_cut_the_body, _LOST),
    "bad chunk": (_send_a_bad_chunk, _LOST),
    "chunks cut": (_cut_the_chunks, _LOST),
    "no HTTP": (_say_something_else, _LOST),
    "damaged gzip": (_damage_the_encoding, _LOST),
    "no answer": (_say_nothing, ("timeout", "unknown", "backoff")),
    "no end": (_stop_inside_the_body, ("timeout", "unknown", "backoff")),
    "redirect loop": (_redirect_to_itself, ("network", "unknown", "never")),
}
# Not a failure for these clients: urllib3 without retries does not follow, urllib does not decompress.
_NO_FAILURE = {("redirect loop", "urllib3"), ("damaged gzip", "urllib")}

every_client = pytest.mark.parametrize("client", _CLIENTS)


def _failure(client, url):
    """The exception that a client raises, as it leaves the client's own function."""
    try:
        _CLIENTS[client](url)
    except Exception as exc:  # noqa: BLE001 - whatever a library raises
        return exc
    pytest.fail(f"{client} took it for a success")


@every_client
@pytest.mark.parametrize("answer", _ANSWERS)
def test_broken_answer(answer, client):
    """A connection that breaks, stalls or loops is what it is in every client, and nobody claims that nothing was sent."""
    if (answer, client) in _NO_FAILURE:
        pytest.skip("no failure for this client")
    behave, expected = _ANSWERS[answer]
    with _server(behave) as address:
        info = normalize(_failure(client, f"http://{address}/v3/videos"), "heygen")
    assert info is not None, "an exception is never a success"
    if (answer, client) == ("redirect loop", "urllib"):  # it gives up by raising the answer, and says so in its text only
        assert _advice(info)[1:] == expected[1:]
        return
    assert (_advice(info), info.channel) == (expected, Channel.TRANSPORT)


def _refused_url():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v3/videos"


@every_client
def test_refused_connection(client):
    """A refused connection was not sent, and may pass."""
    info = normalize(_failure(client, _refused_url()), "heygen")
    assert (_advice(info), info.rule, info.may_repeat("POST")) == (("network", "not_sent", "backoff"), "transport/ConnectionRefused", True)


@every_client
def test_unknown_host(client):
    """A name that does not resolve was not sent; the name is reserved and can never exist (RFC 6761)."""
    info = normalize(_failure(client, "http://nowhere.invalid/v3/videos"), "heygen")
    assert (_advice(info), info.rule) == (("network", "not_sent", "backoff"), "transport/DnsError")


@every_client
def test_connect_timeout(client):
    """A connection that does not come about in time was not sent."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        if not _fill(listener.getsockname(), held):
            pytest.skip("this system's queue of connections cannot be filled")
        info = normalize(_failure(client, f"http://127.0.0.1:{listener.getsockname()[1]}/v3/videos"), "heygen")
    if client == "urllib":  # it has one time-out for everything and tells the same of both
        assert (info.category, info.channel) == ("timeout", Channel.TRANSPORT)
        return
    assert (_advice(info), info.rule, info.may_repeat("POST")) == (("timeout", "not_sent", "backoff"), "transport/ConnectTimeout", True)


def _fill(address, held):
    """Whether so many connections wait to be accepted that the next one hangs."""
    for _ in range(8):
        waiting = held.enter_context(socket.socket())
        waiting.settimeout(_TIMEOUT)
        try:
            waiting.connect(address)
        except TimeoutError:
            return True
    return False


@pytest.fixture(scope="module")
def untrusted():
    """A server's TLS context with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@every_client
def test_untrusted_certificate(client, untrusted):
    """An untrusted certificate: nothing was sent, and trying again does not help."""

    def answer(connection, over):
        with untrusted.wrap_socket(connection, server_side=True) as secure:
            _read_request(secure)

    with _server(answer) as address:
        info = normalize(_failure(client, f"https://{address}/v3/videos"), "heygen")
    assert (_advice(info), info.rule) == (("network", "not_sent", "never"), "transport/TlsCertificateError")


@every_client
def test_no_tls_behind_https(client):
    """A server that speaks no TLS: nothing was sent, and trying again does not help."""

    def answer(connection, over):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with _server(answer) as address:
        info = normalize(_failure(client, f"https://{address}/v3/videos"), "heygen")
    assert (_advice(info), info.rule) == (("network", "not_sent", "never"), "transport/TlsHandshakeError")


@every_client
def test_earlier_attempt_does_not_make_a_later_one_unsent(client):
    """A refused first try, handled, and a second that times out while it is read: the second may have been carried out."""
    with _server(_say_nothing) as address:
        try:
            _CLIENTS[client](_refused_url())
        except Exception:  # noqa: BLE001 - whatever a library raises
            later = _failure(client, f"http://{address}/v3/videos")
    info = normalize(later, "heygen")
    assert (*_advice(info), info.may_repeat("POST")) == ("timeout", "unknown", "backoff", False)


@every_client
def test_own_exception_around_a_failure(client):
    """An exception of one's own is judged by what caused it: raised from it, or just raised while it was handled."""
    failure = _failure(client, _refused_url())
    found = []
    for raise_own in (_raise_from, _raise_inside):
        try:
            raise_own(failure)
        except _VideoError as own:
            found.append(_advice(normalize(own, "heygen")))
    assert found == [("network", "not_sent", "backoff")] * 2


class _VideoError(Exception):
    """An exception of a user's program."""


def _raise_from(failure):
    msg = "the video could not be made"
    raise _VideoError(msg) from failure


def _raise_inside(failure):
    msg = "the video could not be made"
    try:
        raise failure  # noqa: TRY301 - the library's exception, as it was raised
    except Exception:  # noqa: BLE001 - whatever a library raises
        raise _VideoError(msg)  # noqa: B904 - the implicit context is what is tested


def test_own_exception_that_hides_its_cause_is_unknown():
    """`raise ... from None` says that the cause shall not be looked at."""
    try:
        try:
            raise ConnectionRefusedError
        except OSError:
            raise _VideoError from None
    except _VideoError as own:
        info = normalize(own, "heygen")
    assert info.rule == "unknown"


def test_asyncio_timeout():
    """Asyncio's own time-outs tell nothing of whether the request was sent."""

    async def wait_for_ever(limit):
        if limit == "timeout":
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        await asyncio.wait_for(asyncio.Event().wait(), 0)

    found = []
    for limit in ("timeout", "wait_for"):
        try:
            asyncio.run(wait_for_ever(limit))
        except TimeoutError as exc:
            found.append(_advice(normalize(exc, "heify")))
    assert found == [("timeout", "unknown", "backoff")] * 2


def test_aiohttp_total_timeout():
    """Aiohttp's time-out for the whole call tells nothing of whether the request was sent."""

    async def get(address):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT)) as session:
            await session.get(f"http://{address}/")

    with _server(_say_nothing) as address:
        try:
            asyncio.run(get(address))
        except TimeoutError as exc:
            info = normalize(exc, "heygen")
    assert _advice(info) == ("timeout", "unknown", "backoff")


@every_client
def test_method_and_url_do_not_name_a_vendor_here(client):
    """An exception of a call to another host names no provider: it has to be given."""
    with pytest.raises(ValueError, match="heygen, liveavatar, heify"):
        normalize(_failure(client, _refused_url()))


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.heygen.com/v3/videos", "heygen"),
        ("https://upload.heygen.com/v1/asset", "heygen"),
        ("https://api.liveavatar.com/v1/sessions", "liveavatar"),
        ("https://api.heify.com/submit", "heify"),
    ],
)
@pytest.mark.parametrize("library", [requests, httpx, httpx2], ids=lambda library: library.__name__)
def test_request_on_the_exception_names_the_provider(library, url, provider):
    """The request that hangs on an exception names the provider by its host."""
    request = requests.Request("POST", url).prepare() if library is requests else library.Request("POST", url)
    assert normalize(library.ReadTimeout("slow", request=request)).provider == provider


@pytest.mark.parametrize("library", [requests, httpx, httpx2], ids=lambda library: library.__name__)
def test_exception_with_a_response_is_that_response(library):
    """An exception that carries a response is judged as the response, in every way of asking."""
    body = b'{"error":{"code":"insufficient_credit","message":"Insufficient credit."}}'
    if library is requests:
        response = requests.Response()
        response.status_code, response._content, response.url = 402, body, "https://api.heygen.com/v3/videos"
        exc = requests.HTTPError("402 Client Error", response=response)
    else:
        request = library.Request("POST", "https://api.heygen.com/v3/videos")
        exc = library.HTTPStatusError("402", request=request, response=library.Response(402, content=body, request=request))
    info = normalize(exc)
    assert (info.provider, info.channel, info.category, info.code, info.status) == (
        "heygen",
        Channel.RESPONSE,
        "payment",
        "insufficient_credit",
        402,
    )
    assert normalize_all(exc) == [info]


def test_status_exception_of_aiohttp_is_an_answer():
    """What aiohttp's raise_for_status raises is the answer, as far as the exception holds it."""
    headers = {"Retry-After": "7"}
    url = yarl.URL("https://api.heygen.com/v3/videos")
    request = aiohttp.RequestInfo(url, "POST", multidict.CIMultiDictProxy(multidict.CIMultiDict()), url)
    info = normalize(aiohttp.ClientResponseError(request, (), status=429, message="Too Many Requests", headers=headers))
    assert (info.provider, info.channel, info.category, info.status, info.retry.after) == (
        "heygen",
        Channel.RESPONSE,
        "rate_limit",
        429,
        7.0,
    )


def test_status_exception_of_urllib_is_an_answer():
    """What urllib raises for an error status is the answer; its body stays unread."""
    body = io.BytesIO(b'{"error": {"code": 402, "message": "Insufficient minutes"}}')
    with urllib.error.HTTPError("https://api.heify.com/submit", 402, "Payment Required", {}, body) as exc:
        info = normalize(exc)
        left = exc.read()
    assert (info.provider, info.channel, info.category, info.status, info.message) == ("heify", Channel.RESPONSE, "payment", 402, None)
    assert left == b'{"error": {"code": 402, "message": "Insufficient minutes"}}'


def test_exception_with_a_response_that_says_no_failure_is_a_transport_failure():
    """An exception is never a success: where its response is none of the vendor's failures, its class decides."""
    response = requests.Response()
    response.status_code, response._content = 302, b""
    info = normalize(requests.TooManyRedirects("Exceeded 30 redirects.", response=response), "heygen")
    assert (_advice(info), info.rule) == (("network", "unknown", "never"), "transport/TooManyRedirects")


def test_transport_failure_raises_the_error_of_its_category():
    """`raise_for_error` raises for an exception, too, with the same info."""
    exc = requests.ReadTimeout("slow")
    with pytest.raises(TimedOutError) as raised:
        raise_for_error(exc, "heygen")
    assert raised.value.info == normalize(exc, "heygen")
