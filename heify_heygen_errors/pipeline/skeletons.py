"""Bodies that differ in ids, times and links only: their common skeleton, and where these values go.

Performs no I/O. What members like ``video_id``, ``created_at`` or ``video_url`` hold decides nothing: adapters and rules ask
whether such a value is there, never what it is, and copy ids to where the failure's resource and request id are told. A
body is therefore judged once for all bodies of its skeleton, with marks in place of these values. Where a mark shows up
anywhere else in the result, the skeleton is good for nothing, and each of its bodies is judged by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from heify_heygen_errors.records import COLUMNS

# Names end in one of these. Links to the vendor's pages are told as they are.
_ENDS: Final = ("id", "Id", "ID", "url", "uri", "Url", "_at", "At", "_ts", "timestamp", "duration", "date", "uuid")
_NAME: Final = r"([A-Za-z_]{2,48}+)(?:" + "|".join(f"(?<={end})" for end in _ENDS) + r")(?<!doc_url)(?<!error_uri)"
_PLAIN: Final = r"[A-Za-z0-9][A-Za-z0-9_\-.:/+=?&%,~]{0,199}+"
_NUMBER: Final = r"(?:0|-?[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?"


def _members(quote: str) -> str:
    """A member of an object: its name, the quote of its value if it is a text, and the value."""
    return rf"{quote}{_NAME}{quote}\s*+:\s*+({quote})?((?(2)(?:{_PLAIN})|(?:{_NUMBER})))(?(2){quote})(?=\s*[,}}\]])"


_OBJECT: Final = _members('"')
_STRING: Final = _members(r'\\"')  # JSON that is text in JSON
_MARKUP: Final = r"<(RequestId|HostId|!--)()[> ]([A-Za-z0-9][A-Za-z0-9+/=_\-]{0,199})(?:</| -->)"

_IN_TEXT: Final = re.compile(_OBJECT), re.compile(_MARKUP)
_IN_JSON_TEXT: Final = re.compile(_STRING.encode()), re.compile(_MARKUP.encode())
_IN_JSON: Final = re.compile(_OBJECT.encode())

_STRIDE: Final = 4  # text, name, quote, value
_SHORTEST: Final = 16
_MOST_VALUES: Final = 256
_TEXT_MARK: Final = "5e471ae1c0de{:04x}ba5e"
_NUMBER_MARK: Final = 730_215_440_000_000
_SIGNS: Final = ("5e471ae1c0de", "73021544")  # of marks
_BYTE_SIGNS: Final = tuple(sign.encode() for sign in _SIGNS)
_RESOURCE: Final = COLUMNS.index("error_resource")
_REQUEST_ID: Final = COLUMNS.index("error_request_id")
_LONGEST_PAGE: Final = 4096  # of longer ones only the beginning is read
_LONGEST: Final = 4000  # of a column: a longer one may have been cut in the middle of a mark


def _pattern(body: str | bytes) -> re.Pattern[Any]:
    if isinstance(body, str):
        return _IN_TEXT[body[:1] == "<"]
    return _IN_JSON_TEXT[body[1:2] == b"<"] if body[:1] == b'"' else _IN_JSON


def split(body: str | bytes) -> tuple[tuple[Any, ...], list[Any]] | None:
    """The skeleton of a body, to compare, and the values that were in it. None if there are none.

    Arguments:
        body: text, or as bytes the JSON text of a value.
    """
    if len(body) < _SHORTEST or (len(body) > _LONGEST_PAGE and (body[:1] == "<" or body[:2] == b'"<')):
        return None
    parts: list[Any] = _pattern(body).split(body)
    values = parts[3::_STRIDE]
    if not values or len(values) > _MOST_VALUES:
        return None
    del parts[3::_STRIDE]
    return tuple(parts), values


def may_vary(kind: str, skeleton: Sequence[Any]) -> bool:
    """Whether a document of this kind means the same with other values: of a page only comments, which nobody sees."""
    return kind in ("json", "xml") or (kind == "html" and set(skeleton[1 :: _STRIDE - 1]) <= {"!--", b"!--"})


def mark(body: Any) -> tuple[Any, tuple[str, ...]]:
    """A body with marks in place of the values, and the marks; no marks if it has some of its own."""
    marks: list[str] = []
    signs: tuple[Any, ...] = _SIGNS if isinstance(body, str) else _BYTE_SIGNS
    if any(sign in body for sign in signs):
        return body, ()

    def replace(found: re.Match[Any]) -> Any:
        is_text = found[2] is not None
        told = _TEXT_MARK.format(len(marks)) if is_text else str(_NUMBER_MARK + len(marks))
        marks.append(told)
        start, end = found.start(3) - found.start(), found.end(3) - found.start()
        return found[0][:start] + (told if isinstance(body, str) else told.encode()) + found[0][end:]

    return _pattern(body).sub(replace, body), tuple(marks)


class Recipe(NamedTuple):
    """How the ids of a failure follow from the values of its body.

    Attributes:
        resource: names with the number of a value, or with a fixed text, in the order of the names; None if there are no ids,
            or none that vary.
        request_id: number of a value; None if it is none of them.
    """

    resource: tuple[tuple[str, int | str], ...] | None
    request_id: int | None


def recipe(columns: Sequence[object], marks: Sequence[str]) -> Recipe | None:
    """The recipe of a row that was judged with marks; None if one of them shows up where it should not.

    Arguments:
        columns: values of the row, in the order of the contract.
        marks: that were in the body.
    """

    def holds_mark(value: object) -> bool:
        return isinstance(value, str) and (len(value) > _LONGEST or any(mark in value for mark in marks))

    if any(holds_mark(value) for place, value in enumerate(columns) if place not in (_RESOURCE, _REQUEST_ID)):
        return None
    numbers = {text: number for number, text in enumerate(marks)}
    told, request_id = columns[_RESOURCE], columns[_REQUEST_ID]
    members: list[tuple[str, int | str]] = []
    for name, text in json.loads(told).items() if isinstance(told, str) else ():
        if text not in numbers and holds_mark(text):
            return None
        number = numbers.get(text)
        members.append((name, text if number is None else number))
    if request_id not in numbers and holds_mark(request_id):
        return None
    varies = any(isinstance(value, int) for _, value in members)
    return Recipe(tuple(members) if varies else None, numbers.get(str(request_id)))
