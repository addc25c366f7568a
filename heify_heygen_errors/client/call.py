"""A call as the user wants it, checked and encoded. Performs no I/O: nothing leaves before all of it is right."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any, Final, TypeAlias, TypedDict
from urllib.parse import quote, unquote, urlencode, urlsplit
from uuid import UUID, uuid4

import attrs

from heify_heygen_errors import __version__
from heify_heygen_errors.catalog import Endpoint, Space
from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.vendors import Secret, Vendor, long_enough, origin_of
from heify_heygen_errors.retry.policy import RetryPolicy

Timeout: TypeAlias = float | tuple[float, float]
"""Seconds: one number for connecting and reading, or one for each."""

Part: TypeAlias = bytes | tuple[str, bytes] | tuple[str, bytes, str]
"""A file of a form: its bytes, or file name and bytes, or these with a content type."""

USER_AGENT: Final = f"heify-heygen-errors/{__version__}"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key"})
# Framing and routing: with them one could hide a second request, or send the key to another virtual host.
NOT_YOURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_LONGEST_SHOWN: Final = 80
_KEY = re.compile(r"[A-Za-z0-9_\-:.]{1,255}")  # vendor notes 2026-11, HeyGen section c
_NO_SEGMENTS: Final = frozenset({"", ".", "..", "None"})
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_PATH_SAFE: Final = "/%:@!$&'()*+,;=-._~"
_QUERY_SAFE: Final = _PATH_SAFE + "?"


class CallOptions(TypedDict, total=False):
    """What every call takes beside its path.

    Attributes:
        params: the query: names to text, numbers, bools, dates or UUIDs; None is left out, lists and tuples repeat the name.
        headers: for this call; they win over the client's own. With ``Authorization`` or ``X-Api-Key`` among them the
            client's key is not sent.
        timeout: seconds, as for the client; None for the client's.
        deadline: seconds until the call must be over, retries and waits included; None for no limit.
        idempotency_key: 1 to 255 of ``A-Z a-z 0-9 _ - : .``; HeyGen v3 calls that spend get one without being asked.
        retry: a policy for this call; False for no repeat at all; True or None for the client's.
    """

    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    timeout: Timeout | None
    deadline: float | None
    idempotency_key: str | UUID | None
    retry: RetryPolicy | bool | None


class BodyOptions(CallOptions, total=False):
    """What a call with a body takes; one of `json` and `data`, or `files` with or without `data` as fields.

    Attributes:
        json: encoded as JSON; None for no body.
        data: bytes or text as they are, or a mapping as a form.
        files: a multipart form: names to bytes, ``(file name, bytes)`` or ``(file name, bytes, content type)``.
    """

    json: Any
    data: bytes | str | Mapping[str, str] | None
    files: Mapping[str, Part] | None


@attrs.frozen(kw_only=True)
class Call:
    """One call, ready to be sent as often as the policy allows.

    Attributes:
        host: and port, as in the URL.
        path: without host and query, as the catalog knows it.
        url: absolute and encoded.
        headers: all but the client's key.
        key: of the client; None where there is none, or where the call brings its own credential.
        brings_credential: whether it does.
        secrets: every credential that goes along, to be kept out of all texts.
        key_ignored: whether an idempotency key was asked for that the endpoint is not known to honour.
        is_foreign: whether it goes to a host that is not the vendor's, such as a storage: nothing of a session of the user's
            goes along, and an answer of success need not be JSON.
    """

    vendor: Vendor
    method: str
    host: str
    path: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    key: Secret | None
    brings_credential: bool
    body: bytes | StreamedBody | None = attrs.field(repr=False)
    secrets: tuple[str, ...] = attrs.field(repr=False)
    endpoint: Endpoint | None
    idempotency_key: str | None
    key_ignored: bool
    connect: float
    read: float
    deadline: float | None
    policy: RetryPolicy
    is_foreign: bool = False


@attrs.frozen(kw_only=True)
class Defaults:
    """What a client says for all its calls."""

    connect: float
    read: float
    deadline: float | None
    policy: RetryPolicy


ONCE: Final = RetryPolicy.never()
"""A policy that never repeats."""


def prepare(vendor: Vendor, space: Space, defaults: Defaults, method: str, path: str, options: Mapping[str, Any]) -> Call:
    """A call that is checked and encoded.

    Raises:
        TypeError: an option that no call has, or of a wrong type.
        ValueError: a path, header or number that cannot be meant.
    """
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        msg = f"a call takes {', '.join(sorted(_OPTIONS))}, not {unknown[0]!r}"
        raise TypeError(msg)
    method = method.upper() if isinstance(method, str) else method
    if method not in _METHODS:
        msg = f"there is no method {method!r}: use one of {', '.join(sorted(_METHODS))}"
        raise ValueError(msg)
    host, bare, url = _located(vendor, path, options.get("params"))
    endpoint = space.endpoint(method, bare)
    headers = _checked_headers(options.get("headers"))
    asked = _asked_key(options.get("idempotency_key"), headers.get("Idempotency-Key"))
    value = options.get("json")
    key, value = _idempotency(vendor, endpoint, method, bare, asked, value)
    content, content_type = _encoded(value, options.get("data"), options.get("files"))
    if content is None and method == "POST" and vendor.facts.empty_body is not None:
        content, content_type = vendor.facts.empty_body, "application/json"
    # From the lowest to the highest rank: names are compared without case.
    merged = _Merged({"User-Agent": USER_AGENT, "Accept": "application/json"})
    if content_type is not None:
        merged["Content-Type"] = content_type
    if key is not None and _key_goes_in_header(endpoint):
        merged["Idempotency-Key"] = key
    merged.update(headers)
    brings_credential = any(name.lower() in _CREDENTIALS for name in headers)
    client_key = None if brings_credential else vendor.key
    timeout, retry = options.get("timeout"), options.get("retry")
    connect, read = (defaults.connect, defaults.read) if timeout is None else timeouts(timeout)
    return Call(
        vendor=vendor,
        method=method,
        host=host,
        path=bare,
        url=url,
        headers=merged.values,
        key=client_key,
        brings_credential=brings_credential,
        body=content,
        secrets=_secrets(client_key, headers),
        endpoint=endpoint,
        idempotency_key=key,
        key_ignored=asked is not None and (endpoint is None or (endpoint.idempotency is None and endpoint.effect == "spends")),
        connect=connect,
        read=read,
        deadline=checked_deadline(options["deadline"]) if "deadline" in options else defaults.deadline,
        policy=chosen_policy(True if retry is None else retry, defaults.policy),
    )


_OPTIONS: Final = frozenset({*CallOptions.__annotations__, *BodyOptions.__annotations__})


class _Merged:
    """Headers by rank: a later one replaces an earlier one of the same name, whatever its case."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self._names = {name.lower(): name for name in values}

    def __setitem__(self, name: str, value: str) -> None:
        known = self._names.setdefault(name.lower(), name)
        if known != name:
            del self.values[known]
            self._names[name.lower()] = name
        self.values[name] = value

    def update(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self[name] = value


# Where.


def _located(vendor: Vendor, path: str, params: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """The host, the path as the catalog knows it, and the absolute URL.

    Raises:
        ValueError: the URL leads to another host, or has what no URL has.
    """
    if not isinstance(path, str) or not path:
        msg = f"a call needs a path such as '/v3/users/me', not {path!r}"
        raise ValueError(msg)
    if _UNSAFE_IN_URL.search(path) or "#" in path:
        msg = f"{path!r} has a blank, a line break, a backslash or a # in it: strip ids that come from files or forms, and quote the rest"
        raise ValueError(msg)
    host, base = vendor.host, vendor.base_url
    if _ABSOLUTE.match(path):
        host, base, path = _split_absolute(vendor, path)
    elif path.startswith("//"):
        msg = f"{path!r} names another host: use a path such as '/v3/users/me'"
        raise ValueError(msg)
    elif not path.startswith("/"):
        path = "/" + path
    bare, _, query = path.partition("?")
    if bare != "/" and any(_is_no_segment(segment) for segment in bare.split("/")[1:]):
        msg = f"{path!r} has a segment that is empty, not filled in, or leads to another path: is an id missing or wrong?"
        raise ValueError(msg)
    bare, query = _PERCENT.sub("%25", bare), _PERCENT.sub("%25", query)
    more = _query(params)
    query = "&".join(part for part in (quote(query, safe=_QUERY_SAFE), more) if part)
    url = base + quote(bare, safe=_PATH_SAFE) + ("?" + query if query else "")
    return host, bare, url


def _is_no_segment(segment: str) -> bool:
    """Whether a part of a path is empty, leads elsewhere as ``..`` does (also quoted), or is a placeholder that nobody filled."""
    if "%" not in segment and "{" not in segment:
        return segment in _NO_SEGMENTS
    return "{" in segment or any(part in _NO_SEGMENTS for part in re.split(r"[/\\]", unquote(segment)))


def _split_absolute(vendor: Vendor, url: str) -> tuple[str, str, str]:
    """Host, base and path of an absolute URL that is the vendor's."""
    parts = urlsplit(url)
    rest = parts.path + ("?" + parts.query if parts.query else "")
    if parts.username is None and parts.password is None:
        if origin_of(url) == vendor.origin and (rest + "/").startswith(vendor.prefix + "/"):
            return vendor.host, vendor.base_url, rest.removeprefix(vendor.prefix) or "/"
        if vendor.is_own and parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in vendor.facts.also:
            return parts.hostname, f"https://{parts.hostname}", rest or "/"
    msg = f"the API key goes to {vendor.base_url} only, not to {parts.scheme}://{parts.hostname}: use a path"
    raise ValueError(msg)


def _query(params: object, what: str = "params") -> str:
    """The encoded pairs of a query or a form.

    Raises:
        TypeError: a value that has no one way to be written.
    """
    if not params:
        return ""
    if not isinstance(params, Mapping):
        msg = f"{what} is a mapping of names to values, not {type(params).__name__}"
        raise TypeError(msg)
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        values = value if isinstance(value, list | tuple) else (value,)
        pairs += [(str(name), _shown(item, f"{what}[{name!r}]")) for item in values if item is not None]
    return urlencode(pairs)


def _shown(value: object, what: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | UUID) or (isinstance(value, float | Decimal) and isfinite(value)):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    kind = "nan or inf" if isinstance(value, float | Decimal) else type(value).__name__
    msg = f"{what} takes text, numbers, bools, dates, UUIDs, None and lists of these, not {kind}"
    raise TypeError(msg)


# With what.


def _encoded(value: object, data: object, files: object) -> tuple[bytes | None, str | None]:
    """The bytes of a body and their content type."""
    if value is not None and (data is not None or files is not None):
        msg = "a call has one body: json, or data, or files with data as fields"
        raise TypeError(msg)
    if value is not None:
        return json.dumps(value, allow_nan=False).encode(), "application/json"
    if files is not None:
        return _multipart(data, files)
    if data is None:
        return None, None
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data), "application/octet-stream"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, Mapping):
        return _query(data, "data").encode(), "application/x-www-form-urlencoded"
    msg = f"data is bytes, text or a mapping, not {type(data).__name__}: read a file first, since a repeat sends it anew"
    raise TypeError(msg)


def _multipart(data: object, files: object) -> tuple[bytes, str]:
    from urllib3.filepost import encode_multipart_formdata

    if not isinstance(files, Mapping) or not (data is None or isinstance(data, Mapping)):
        msg = "files is a mapping of names to bytes, (file name, bytes) or (file name, bytes, content type), and data one of fields"
        raise TypeError(msg)
    fields: dict[str, Any] = {name: _shown(value, f"data[{name!r}]") for name, value in (data or {}).items() if value is not None}
    for name, part in files.items():
        if isinstance(part, bytes | bytearray):
            fields[name] = (name, bytes(part))
        elif isinstance(part, tuple) and len(part) in (2, 3) and isinstance(part[1], bytes | bytearray):
            fields[name] = (part[0], bytes(part[1]), *part[2:])
        else:
            msg = f"the file {name!r} is bytes, (file name, bytes) or (file name, bytes, content type), not {type(part).__name__}"
            raise TypeError(msg)
    return encode_multipart_formdata(fields)


def _checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that can be sent; what is wrong is told without the value, which may be a credential."""
    checked: dict[str, str] = {}
    if headers is not None and not isinstance(headers, Mapping):
        msg = f"headers is a mapping of names to text, not {type(headers).__name__}"
        raise TypeError(msg)
    for name, value in (headers or {}).items():
        if isinstance(name, str) and name.lower() in NOT_YOURS:
            msg = f"the header {name} belongs to the connection, and the client sets what is needed of it"
            raise ValueError(msg)
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            msg = f"{name!r} is no name of a header"
            raise ValueError(msg)
        if not isinstance(value, str):
            msg = f"the header {name} takes text, not {type(value).__name__}"
            raise TypeError(msg)
        stripped = value.strip(" \t\r\n")
        if not stripped.isprintable() or not _is_latin(stripped):
            msg = f"the header {name} has a line break or another character that no header has"
            raise ValueError(msg)
        if not stripped and name.lower() in _CREDENTIALS:
            msg = f"the header {name} is empty"
            raise ValueError(msg)
        canonical = "Idempotency-Key" if name.lower() == "idempotency-key" else name
        checked[canonical] = stripped
    return checked


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _secrets(key: Secret | None, headers: Mapping[str, str]) -> tuple[str, ...]:
    found = [key.reveal()] if key is not None else []
    for name, value in headers.items():
        if name.lower() in (*_CREDENTIALS, "proxy-authorization", "cookie"):
            found += [value, value.rpartition(" ")[2]]
    return tuple(dict.fromkeys(secret for secret in found if long_enough(secret)))


# Again.


def checked_idempotency_key(key: object) -> str:
    """The key as text.

    Raises:
        ValueError: HeyGen does not take it (vendor notes 2026-11: 1 to 255 of these characters).
        TypeError: it is neither text nor a UUID.
    """
    if not isinstance(key, str | UUID):
        msg = f"an idempotency key is a text or a UUID, not {type(key).__name__}"
        raise TypeError(msg)
    text = str(key)
    if not _KEY.fullmatch(text):
        shown = repr(text) if len(text) <= _LONGEST_SHOWN else f"one of {len(text)} characters"
        msg = f"an idempotency key has 1 to 255 characters, each a letter or digit of ASCII or one of '_-:.': not {shown}"
        raise ValueError(msg)
    return text


def _asked_key(given: str | UUID | None, in_header: str | None) -> str | None:
    given, in_header = (None if key is None else checked_idempotency_key(key) for key in (given, in_header))
    if given is not None and in_header is not None and given != in_header:
        msg = "idempotency_key and the header Idempotency-Key are two different keys: give one"
        raise ValueError(msg)
    return given if given is not None else in_header


def _key_goes_in_header(endpoint: Endpoint | None) -> bool:
    return endpoint is None or endpoint.idempotency is None or endpoint.idempotency == "header"


def _idempotency(
    vendor: Vendor, endpoint: Endpoint | None, method: str, path: str, asked: str | None, value: object
) -> tuple[str | None, object]:
    """The idempotency key, and the JSON body, in which some endpoints want it."""
    honoured = endpoint.idempotency if endpoint is not None else None
    if honoured is not None and honoured.startswith("body:"):
        return _key_in_body(honoured.removeprefix("body:"), asked, value)
    # An endpoint of v3 that the catalog does not know yet gets a key as well: it does no harm, and nothing relies on it.
    may_spend = honoured == "header" or (
        endpoint is None and vendor.facts.provider == "heygen" and method == "POST" and path.startswith("/v3/")
    )
    if asked is None and may_spend:
        asked = str(uuid4())
    return asked, value


def _key_in_body(field: str, asked: str | None, value: object) -> tuple[str | None, object]:
    if not isinstance(value, Mapping):
        if asked is not None:
            msg = f"this endpoint takes its idempotency key in the body's {field}: pass the body as json={{...}}"
            raise ValueError(msg)
        return None, value
    present = value.get(field)
    if present is not None:
        if asked is not None and asked != str(present):
            msg = f"this endpoint takes its idempotency key in the body's {field}, and another one is there already"
            raise ValueError(msg)
        return str(present), value
    key = asked or str(uuid4())
    return key, {**value, field: key}


def timeouts(timeout: Timeout) -> tuple[float, float]:
    """Seconds for connecting and for reading.

    Raises:
        ValueError: one of them is not more than 0.
    """
    pair = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(pair) != 2 or not all(_is_positive(seconds) for seconds in pair):  # noqa: PLR2004
        msg = f"a timeout is a number of seconds above 0, or two of them (connect, read), not {timeout!r}"
        raise ValueError(msg)
    return float(pair[0]), float(pair[1])


def checked_deadline(deadline: float | None) -> float | None:
    """Seconds until the call must be over; None for no limit.

    Raises:
        ValueError: it is not more than 0.
    """
    if deadline is not None and not _is_positive(deadline):
        msg = f"a deadline is a number of seconds above 0, or None for no limit, not {deadline!r}"
        raise ValueError(msg)
    return deadline


def _is_positive(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < float("inf")


def chosen_policy(retry: RetryPolicy | bool, default: RetryPolicy) -> RetryPolicy:  # noqa: FBT001 - an option of the user's
    """The policy that an option `retry` stands for.

    Raises:
        TypeError: it is neither a policy nor a bool.
    """
    if isinstance(retry, RetryPolicy):
        return retry
    if isinstance(retry, bool):
        return default if retry else ONCE
    msg = f"retry is a RetryPolicy, True or False, not {type(retry).__name__}"
    raise TypeError(msg)
