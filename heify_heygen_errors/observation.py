"""What was seen of a call: the input of everything else.

Performs no I/O: a body that is not in memory yet counts as absent, nothing is read from a network.
Responses are recognised by their attributes, no HTTP library is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from heify_heygen_errors.headers import read_headers

MAX_URL: Final = 8192

UNREAD: Final = "the body was not read yet, so it counts as absent"


def _read_status(value: object) -> int | None:
    if type(value) is int:
        return value if -(10**9) < value < 10**9 else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):  # http.HTTPStatus
        return _read_status(int(value))
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None  # noqa: PLR2004
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**9:
        return int(value)
    return None


def _read_text(value: object) -> str | None:
    if value is None or (type(value) is str and len(value) <= MAX_URL):
        return value
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    try:
        return str(value)[:MAX_URL]
    except Exception:  # noqa: BLE001 - a foreign __str__
        return None


def _read_provider(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


# Not slotted: frozen classes without slots are built faster.
@attrs.frozen(eq=False, slots=False)
class Observation:
    """One call as it was seen.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``; None if the host of ``url`` names it.
        status: HTTP status; digits as text are read, what is outside 100 to 599 is kept but decides nothing.
        headers: of the response: a mapping, pairs or None. Kept with lower-case names.
        body: bytes, text or decoded JSON; None or empty if there was none.
        method: HTTP method of the request.
        url: URL or path of the request.
        exception: what was raised instead of an answer: an exception, or its class name with text
            (``"requests.exceptions.ReadTimeout: timed out"``) from a log.
        secrets: values that are live credentials; redacted wherever they appear.
    """

    provider: str | None = attrs.field(converter=_read_provider)
    status: int | None = attrs.field(default=None, converter=_read_status)
    headers: Mapping[str, str] = attrs.field(default=None, converter=read_headers, repr=False)
    body: object = attrs.field(default=b"", repr=False)
    method: str | None = attrs.field(default=None, converter=_read_text)
    url: str | None = attrs.field(default=None, converter=_read_text, repr=False)
    exception: BaseException | str | None = attrs.field(default=None, kw_only=True, repr=False)
    secrets: tuple[str, ...] = attrs.field(default=(), kw_only=True, repr=False)
    note: str | None = attrs.field(default=None, kw_only=True)


class _Missing:
    """Stands for an attribute that is absent or that raised when it was read."""


_MISSING: Final = _Missing()


def _get(source: object, name: str) -> object:
    try:
        return getattr(source, name, _MISSING)
    except Exception:  # noqa: BLE001 - properties of foreign objects may raise anything
        return _MISSING


def looks_like_response(source: object) -> bool:
    """Whether the source has a status and headers, as the responses of all HTTP libraries do."""
    if isinstance(source, type | str | bytes | Mapping):
        return False
    has_status = any(_get(source, name) is not _MISSING for name in ("status_code", "status"))
    return has_status and _get(source, "headers") is not _MISSING


def from_response(response: object, provider: str | None) -> Observation:
    """Reads a response of requests, httpx, httpx2, aiohttp, urllib3 or one that looks like theirs."""
    status = _get(response, "status_code")
    if status is _MISSING:
        status = _get(response, "status")
    body, note = _body(response)
    url = _get(response, "url")
    request = _get(response, "request")
    if request is _MISSING:
        request = _get(response, "request_info")  # aiohttp
    method = _get(request, "method") if request is not _MISSING and request is not None else _get(response, "method")
    if url is _MISSING or url is None:
        url = _get(request, "url") if request is not _MISSING else None
    return Observation(
        provider,
        _none(status),
        _none(_get(response, "headers")),
        body,
        _none(method),
        _none(url),
        secrets=_sent_secrets(request),
        note=note,
    )


def _none(value: object) -> object:
    return None if value is _MISSING or callable(value) else value


_SECRET_HEADERS: Final = ("x-api-key", "authorization", "proxy-authorization", "cookie")
_SHORTEST_SECRET: Final = 8


def _sent_secrets(request: object) -> tuple[str, ...]:
    """The credentials that were sent with the request: if the answer quotes them, they are redacted."""
    headers = _get(request, "headers") if request is not _MISSING and request is not None else None
    if headers is _MISSING or headers is None:
        return ()
    sent = read_headers(headers)
    found = []
    for name in _SECRET_HEADERS:
        value = sent.get(name)
        if value is not None:
            found += [value, value.rpartition(" ")[2]] if " " in value else [value]
    return tuple(secret for secret in found if len(secret) >= _SHORTEST_SECRET)


def _body(response: object) -> tuple[object, str | None]:
    """The body where it is in memory, else an empty one and a note that says so."""
    held = getattr(response, "__dict__", None)
    if isinstance(held, dict):
        if "_content" in held:  # requests, httpx, httpx2
            content = held["_content"]
            return (content, None) if content is not False else (b"", UNREAD)
        if "_body" in held:  # aiohttp and urllib3
            content = held["_body"]
            if isinstance(content, bytes | bytearray | str):
                return content, None
            return (b"", UNREAD)
        for name in ("content", "body", "data", "text"):
            if name in held and not callable(held[name]):
                return held[name], None
    if _is_streaming(response):
        return b"", UNREAD
    for name in ("content", "body", "data", "text"):
        value = _get(response, name)
        if isinstance(value, bytes | bytearray | memoryview | str | dict | list):
            return value, None
    return b"", UNREAD


def _is_streaming(response: object) -> bool:
    """Whether reading an attribute could read from a network."""
    return any(_get(response, name) is not _MISSING for name in ("iter_raw", "iter_content", "readinto", "fp"))


def read_exception_request(exc: BaseException) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Method, URL and sent credentials of the request that hangs on a transport exception, as far as there is one."""
    for name in ("request", "_request", "request_info"):
        request = _get(exc, name)
        if request is not _MISSING and request is not None:
            method, url = _none(_get(request, "method")), _none(_get(request, "url"))
            if method is not None or url is not None:
                return _read_text(method), _read_text(url), _sent_secrets(request)
    return None, None, ()


def response_of(exc: BaseException) -> object | None:
    """The response that an exception carries, if it carries one."""
    response = _get(exc, "response")
    if response is not _MISSING and response is not None and looks_like_response(response):
        return response
    return None


def from_status_exception(exc: BaseException, provider: str | None) -> Observation | None:
    """Exceptions that are an answer themselves: aiohttp.ClientResponseError, urllib.error.HTTPError.

    With a cause they are none: aiohttp gives a status of its own to bytes that it could not parse as HTTP.
    """
    if exc.__cause__ is not None:
        return None
    status = _get(exc, "status")
    if status is _MISSING:
        status = _get(exc, "code")
    headers = _get(exc, "headers")
    if not isinstance(status, int) or isinstance(status, bool) or headers is _MISSING or not 100 <= status <= 599:  # noqa: PLR2004
        return None
    method, url, secrets = read_exception_request(exc)
    if url is None:
        url = _read_text(_none(_get(exc, "url")))
    if url is None and _get(exc, "request_info") is _MISSING:
        return None  # a parser's word about bytes that were no HTTP
    return Observation(provider, status, _none(headers), b"", method, url, secrets=secrets, note=UNREAD)
