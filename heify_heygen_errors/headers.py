"""Response headers as they come from anywhere, and the waits that they ask for.

Performs no I/O. Takes mappings, pairs or None; names and values may be text or bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final

MAX_WAIT: Final = 7 * 24 * 3600.0
"""Longest believable wait in seconds. A server that asks for more made a mistake (design: 7 days)."""

_MAX_HEADERS = 256
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
# RFC 9110 section 5.6.7: IMF-fixdate, RFC 850 and asctime.
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} (?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60) GMT"
    r"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60) GMT"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] (?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60) [0-9]{4}",
    re.ASCII,
)


def read_headers(headers: object) -> dict[str, str]:
    """Lower-case names to text. Values of a repeated name are joined by a newline, which no value can contain.

    What is no header (wrong types, more than 256 of them) is left out; never raises.
    """
    if headers is None:
        return {}
    read: dict[str, str] = {}
    if type(headers) is dict and len(headers) <= _MAX_HEADERS:  # the usual kind, the short way
        try:
            read = {name.lower(): value for name, value in headers.items()}
            _ = "".join(read), "".join(read.values())  # raises if anything is no text
        except Exception:  # noqa: BLE001 - names or values that are no text
            read = {}
        if len(read) == len(headers):
            return read
        read = {}
    try:
        for pair in _pairs(headers):
            name, value = pair
            if type(name) is not str:
                name = _text(name)
            if type(value) is not str:
                value = _text(value)
            if not name or value is None:
                continue
            name = name.lower()
            if name in read:
                read[name] += "\n" + value
            elif len(read) < _MAX_HEADERS:
                read[name] = value
    except Exception:  # noqa: BLE001, S110 - foreign objects may raise anything; what was read so far still counts
        pass
    return read


def _pairs(headers: Any) -> Iterable[tuple[object, object]]:
    pairs: Iterable[tuple[object, object]]
    if type(headers) is dict:
        pairs = headers.items()
    elif hasattr(headers, "lower_items"):  # requests: several times faster than items()
        pairs = headers.lower_items()
    elif isinstance(getattr(headers, "raw", None), list):  # httpx: keeps repeated names apart
        pairs = headers.raw
    elif hasattr(headers, "items"):
        pairs = headers.items()
    else:
        pairs = headers if isinstance(headers, Iterable) and not isinstance(headers, str | bytes) else ()
    return pairs


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list | tuple):
        return "\n".join(text for text in map(_text, value) if text is not None)
    if isinstance(value, int | float):
        return str(value)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the response asks to wait, None where it asks for nothing believable.

    Reads ``Retry-After`` (RFC 9110 section 10.2.3: seconds, here also decimals, or a date) and
    ``retry-after-ms``. Dates count from the response's own ``Date``: no clock is read, and without
    a ``Date`` they are dropped. Of several valid values the largest wins.
    """
    asked = headers.get("retry-after")
    asked_ms = headers.get("retry-after-ms")
    if asked is None and asked_ms is None:
        return None
    waits: list[float | None] = []
    if asked is not None:
        dates = _HTTP_DATE.findall(asked)
        waits += [_until(date, headers) for date in dates]
        waits += [_number(part.strip()) for part in re.split("[\n,]", _HTTP_DATE.sub(",", asked) if dates else asked)]
    if asked_ms is not None:
        waits += [None if wait is None else wait / 1000 for wait in (_number(part.strip()) for part in re.split("[\n,]", asked_ms))]
    return max((wait for wait in waits if wait is not None and 0 <= wait <= MAX_WAIT), default=None)


def _until(date: str, headers: Mapping[str, str]) -> float | None:
    """Seconds from the response's own date to another."""
    now = headers.get("date")
    if now is None:
        return None
    then, start = _moment(date), _moment(now.split("\n", 1)[0].strip())
    return None if then is None or start is None else then - start


def _number(value: str) -> float | None:
    if not _SECONDS.fullmatch(value):
        return None
    number = float(value)
    return number if isfinite(number) else None


def _moment(value: str) -> float | None:
    if not _HTTP_DATE.fullmatch(value):
        return None
    from email.utils import mktime_tz, parsedate_tz

    parsed = parsedate_tz(value)
    if parsed is None:
        return None
    try:
        return float(mktime_tz((*parsed[:9], 0)))
    except (ValueError, OverflowError):
        return None
