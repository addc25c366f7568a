"""Bytes to a document: JSON, XML, HTML, text or nothing. Bounded, total, performs no I/O.

The first character decides what a body is, never its content type: vendors and proxies send HTML
labelled as JSON and the reverse. What begins as JSON or XML but is cut or broken still yields
what can be read of it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Final, Literal

Kind = Literal["nothing", "json", "xml", "html", "text"]

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes or characters that are parsed whole; of more, the beginning is scanned."""

MAX_DEPTH: Final = 64
"""JSON that nests deeper is read by the scan, which builds nothing below this depth."""

_MAX_TOKENS: Final = 1000
_MAX_MARKUP: Final = 16 * 1024
_MAX_PAGE: Final = 8 * 1024
_MAX_SPACE: Final = 4096


class Number(str):
    """A JSON number as it was written, where Python's own would write it differently."""

    __slots__ = ()


class Document:
    """What a body holds.

    Attributes:
        kind: what it is.
        value: the decoded JSON; for XML the leaf elements by name, first of each, and the root's name
            under ``""``; None else.
        text: the body as text; for decoded JSON that was passed in, None (see `excerpt_source`).
        title: of an HTML page.
        visible: the visible text of an HTML page, or the plain text; bounded.
        flaw: what is wrong with it, for people; None if nothing.
        broken: whether it is JSON that is cut or invalid.
    """

    flaw: str | None = None
    broken: bool = False
    title: str | None = None
    visible: str | None = None

    def __init__(
        self,
        kind: Kind,
        value: object = None,
        text: str | None = None,
        flaw: str | None = None,
        title: str | None = None,
        visible: str | None = None,
    ) -> None:
        self.kind = kind
        self.value = value
        self.text = text
        # Rarely there; the class says None.
        if flaw is not None:
            self.flaw = flaw
        if visible is not None:
            self.title = title
            self.visible = visible


NOTHING: Final = Document("nothing")

_scan = json.JSONDecoder(strict=False, parse_float=Number, parse_constant=Number).scan_once  # type: ignore[attr-defined]
_STRUCTURE_ONLY = bytes(code for code in range(256) if code not in b"[]{}")
_BRACE: Final = 0x7B
_BLANK = " \t\n\r\x00\ufeff"


def read_document(body: object) -> Document:
    """The document in a body of bytes, text or decoded JSON; one that was read already is given back."""
    flaw = None
    if type(body) is bytes:
        if not body:
            return NOTHING
        if body[0] == _BRACE and len(body) <= MAX_BODY and body[1:2] != b"\0":  # the usual body, the short way
            try:
                text = body.decode()
            except UnicodeDecodeError:
                text = _decode(body)
            if len(body) <= MAX_DEPTH or flat(body.translate(None, _STRUCTURE_ONLY)):
                try:
                    value, end = _scan(text, 0)
                except (StopIteration, ValueError):
                    value, end = None, -1
                if end == len(text):
                    return Document("json", value, text)
            return _read_json(text, "{", None)
        if len(body) > MAX_BODY:
            body, flaw = body[:MAX_BODY], f"longer than {MAX_BODY} bytes: only the beginning was read"
        if body[0] in _ENCODED_START or body[1:2] == b"\0":
            text = _decode(body)
        else:
            try:
                text = body.decode()
            except UnicodeDecodeError:
                text = _decode(body)
    elif isinstance(body, str):
        text = str.__str__(body)
        if len(text) > MAX_BODY:
            text, flaw = text[:MAX_BODY], f"longer than {MAX_BODY} characters: only the beginning was read"
    elif body is None:
        return NOTHING
    elif isinstance(body, Document):
        return body
    elif isinstance(body, bytes | bytearray | memoryview):
        return read_document(bytes(body[: MAX_BODY + 1]))
    elif isinstance(body, Mapping | list | tuple | int | float):
        return Document("json", _as_json(body, 0))
    else:
        return Document("nothing", flaw=f"a body of type {type(body).__name__} is nothing that can be read")
    first = text[:1]
    if first not in ("{", "["):
        text = text.lstrip(_BLANK) if len(text) <= _MAX_SPACE else text[:_MAX_SPACE].lstrip(_BLANK) + text[_MAX_SPACE:]
        if not text or text.isspace():
            return NOTHING
        first = text[0]
    if first == "<":
        return _read_markup(text, flaw)
    if first in "{[" or first in '"-0123456789tfnNI':
        return _read_json(text, first, flaw)
    return Document("text", None, text, flaw, None, text[:_MAX_MARKUP])


def _as_json(value: object, depth: int) -> object:
    """Decoded JSON with exact types all the way down: adapters ask for dict and list, not for their kin."""
    if depth > MAX_DEPTH:
        return "…"
    try:
        if isinstance(value, Mapping):
            return {_key(name): _as_json(item, depth + 1) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [_as_json(item, depth + 1) for item in value]
    except Exception:  # noqa: BLE001 - foreign containers may raise anything
        return None
    return str.__str__(value) if isinstance(value, str) and not isinstance(value, Number) else value


def _key(name: object) -> object:
    return str.__str__(name) if isinstance(name, str) else name


_ENCODED_START = frozenset({0xEF, 0xFE, 0xFF, 0x00})


def _decode(body: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    head = body[:4]
    if len(head) == 4:  # noqa: PLR2004 - RFC 4627 section 3: the pattern of NULs tells the encoding
        if head[:3] == b"\0\0\0" and head[3]:
            return body.decode("utf-32-be", "replace")
        if head[0] and head[1:] == b"\0\0\0":
            return body.decode("utf-32-le", "replace")
        if not head[0] and head[1] and not head[2]:
            return body.decode("utf-16-be", "replace")
        if head[0] and not head[1] and not head[3]:
            return body.decode("utf-16-le", "replace")
    return body.decode("utf-8", "replace")


def _read_json(text: str, first: str, flaw: str | None) -> Document:
    if len(text) > MAX_DEPTH and first in "{[" and too_deep(text):
        return _salvage(text, flaw or f"nests deeper than {MAX_DEPTH}: read by a scan")
    try:
        value, end = _scan(text, 0)
    except (StopIteration, ValueError, RecursionError, OverflowError):
        value, end = None, -1
    if end == len(text):
        if isinstance(value, str) and first == '"' and value[:1] in ("{", "["):  # JSON that was encoded twice, as some logs have it
            inner = read_document(value)
            if inner.kind == "json" and not inner.broken:
                return inner
        return Document("json", value, text, flaw)
    if end < 0:
        if first in "{[":
            document = _salvage(text, flaw or "not valid JSON: read by a scan")
            document.broken = flaw is None
            return document
        return Document("text", None, text, flaw, None, text[:_MAX_MARKUP])
    if text[end : end + _MAX_SPACE].strip(_BLANK):
        if first not in "{[":
            return Document("text", None, text, flaw, None, text[:_MAX_MARKUP])
        flaw = flaw or "text stands behind the JSON value"
    return Document("json", value, text, flaw)


def flat(brackets: bytes) -> bool:
    """Whether the brackets of a text, all that is left of it, surely nest no deeper than `MAX_DEPTH`. Cheap."""
    if len(brackets) <= MAX_DEPTH:
        return True
    # Taking out innermost pairs MAX_DEPTH times leaves nothing if the nesting is flat enough.
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not fewer:
            return True
        if len(brackets) - len(fewer) < max(1, len(brackets) // MAX_DEPTH):
            break
        brackets = fewer
    return False


def too_deep(text: str) -> bool:
    """Whether the brackets of a JSON text nest deeper than `MAX_DEPTH`."""
    if flat(text.encode("utf-8", "replace").translate(None, _STRUCTURE_ONLY)):
        return False
    # Brackets inside strings, cut documents and deep ones come here: count exactly.
    depth = 0
    for mark in _BRACKET.finditer(text):
        char = text[mark.start()]
        if char in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif char in "}]":
            depth -= 1
    return False


# Possessive, and an unclosed string runs to the end: linear on any input.
_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_TOKEN = re.compile(
    r'[\s\x00]*(?:(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<single>\'[^\'\\\n]*+\')|(?P<mark>[\[\]{},:])|(?P<bare>[^\s\[\]{},:"\']+))',
    re.DOTALL,
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_NO_KEY: Final = object()


def _salvage(text: str, flaw: str) -> Document:
    """The members that can be read of a broken, cut or too deep JSON document, in a bounded number of steps."""
    root: object = {} if text[0] == "{" else []
    stack: list[object] = [root]
    key: object = _NO_KEY
    skipping = 0
    position = 1
    for _ in range(_MAX_TOKENS):
        token = _TOKEN.match(text, position)
        if token is None:
            break
        position = token.end()
        mark = token["mark"]
        if skipping:
            skipping += (mark in ("{", "[")) - (mark in ("}", "]")) if mark else 0
            continue
        top = stack[-1]
        if mark in ("{", "["):
            if len(stack) >= MAX_DEPTH:
                skipping = 1
                continue
            child: object = {} if mark == "{" else []
            _put(top, key, child)
            stack.append(child)
            key = _NO_KEY
        elif mark in ("}", "]"):
            stack.pop()
            key = _NO_KEY
            if not stack:
                break
        elif mark == ",":
            key = _NO_KEY
        elif mark is None:
            if token["bare"] is not None and position == len(text):
                break  # it may be cut: 4001 of 400112
            value = _scalar(token)
            if isinstance(top, dict) and key is _NO_KEY:
                key = value if isinstance(value, str) else _NO_KEY
            elif value is not _NO_KEY:
                _put(top, key, value)
                key = _NO_KEY
    if not root:
        return Document("text", None, text, flaw, None, text[:_MAX_MARKUP])
    return Document("json", root, text, flaw)


def _put(container: object, key: object, value: object) -> None:
    if isinstance(container, list):
        container.append(value)
    elif isinstance(container, dict) and key is not _NO_KEY:
        container[key] = value


def _scalar(token: re.Match[str]) -> object:
    string = token["string"]
    if string is not None:
        try:
            return _scan(string, 0)[0]
        except (StopIteration, ValueError):
            return _NO_KEY
    if token["single"] is not None:
        return token["single"][1:-1]
    bare = token["bare"]
    if bare in _WORDS:
        return _WORDS[bare]
    return Number(bare) if _NUMBER.fullmatch(bare) else _NO_KEY


_PROLOG = re.compile(r"\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]{0,127})")
_LEAF = re.compile(r"<([A-Za-z_][\w.:-]{0,127})(?:\s[^<>]*+)?>([^<]*+)</\1\s*>")
_HTML_ROOTS = frozenset(
    [
        "html",
        "head",
        "body",
        "title",
        "center",
        "h1",
        "h2",
        "h3",
        "p",
        "div",
        "script",
        "style",
        "meta",
        "link",
        "pre",
        "span",
        "b",
        "br",
        "table",
    ]
)
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style|head|noscript|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,4096}>")
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos|nbsp));")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " "}


def _read_markup(text: str, flaw: str | None) -> Document:
    head = text[:_MAX_MARKUP]
    if "<!--" in head or "<![CDATA[" in head:
        head = _resolve(_resolve(head, "<!--", "-->", keep=False), "<![CDATA[", "]]>", keep=True)
    prolog = _PROLOG.match(head)
    start = prolog.end() if prolog else 0
    root = _ROOT.match(head, start)
    if root is None:
        return Document("text", None, text, flaw, None, head)
    name = root[1]
    declared = head.startswith("<?xml")
    if name.lower() in _HTML_ROOTS and not (declared and "<Code>" in head):
        head = head[:_MAX_PAGE]
        title = _TITLE.search(head)
        visible = " ".join(_unescape(_TAG.sub(" ", _HIDDEN.sub(" ", head))).split())
        return Document("html", None, text, flaw, _unescape(title[1]).strip() if title else None, visible)
    leaves: dict[str, str] = {}
    for leaf in _LEAF.finditer(head, start):
        leaves.setdefault(leaf[1].rpartition(":")[2], _unescape(leaf[2]).strip())
    leaves[""] = name.rpartition(":")[2]
    if flaw is None and not re.search(rf"</{re.escape(name)}\s*>\s*$", text[-256:]):
        flaw = "the XML is cut or broken: its readable elements were taken"
    return Document("xml", leaves, text, flaw)


def _resolve(text: str, opening: str, closing: str, *, keep: bool) -> str:
    """The text without sections between two marks, or with them as escaped text; an open one ends the text."""
    first, *sections = text.split(opening)
    pieces = [first]
    for section in sections:
        inside, found, outside = section.partition(closing)
        if keep:
            pieces.append(inside.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
        pieces.append(outside if found else "")
    return "".join(pieces)


def _unescape(text: str) -> str:
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(match: re.Match[str]) -> str:
    if match[3]:
        return _ENTITIES[match[3]]
    code = int(match[1]) if match[1] else int(match[2], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"  # noqa: PLR2004


def _with_numbers(value: object, depth: int) -> object:
    """The value with numbers again where they are kept as they were written."""
    if isinstance(value, Number):
        number = float(value)
        return number if isfinite(number) else str(value)
    if depth > MAX_DEPTH:
        return value
    if type(value) is dict:
        return {name: _with_numbers(item, depth + 1) for name, item in value.items()}
    if type(value) is list:
        return [_with_numbers(item, depth + 1) for item in value]
    return value


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


def excerpt_source(document: Document, limit: int) -> str | None:
    """At least ``limit`` characters of the body as text, where it has that many."""
    if document.text is not None:
        return document.text[:limit]
    if document.kind != "json":
        return None
    chunks: list[str] = []
    length = 0
    try:
        for chunk in _encoder.iterencode(_with_numbers(document.value, 0)):
            chunks.append(chunk[:limit])
            length += len(chunks[-1])
            if length >= limit:
                break
    except Exception:  # noqa: BLE001 - cycles, depth and foreign objects in a body that was passed in decoded
        chunks.append("…")
    return "".join(chunks)[:limit]
