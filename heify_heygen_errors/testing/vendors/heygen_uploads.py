"""Files that are sent to HeyGen: forms, and what a file is by its first bytes."""

from __future__ import annotations

from email.message import Message
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.operations import Received

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a file sent through the API; larger ones are uploaded directly (vendor notes 2026-11, section c)."""

# Content types that HeyGen takes: what assets of them are, and the usual end of their names.
_TYPES: Final = {
    "image/png": ("image", "png"),
    "image/jpeg": ("image", "jpg"),
    "video/mp4": ("video", "mp4"),
    "video/webm": ("video", "webm"),
    "audio/mpeg": ("audio", "mp3"),
    "audio/wav": ("audio", "wav"),
    "application/pdf": ("pdf", "pdf"),
    "application/x-subrip": ("srt", "srt"),
    "application/zip": ("zip", "zip"),
}
TYPES: Final = tuple(_TYPES)
"""Content types that HeyGen takes."""

_SAME: Final = {
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "image/jpg": "image/jpeg",
    "text/srt": "application/x-subrip",
    "application/x-zip-compressed": "application/zip",
}
# Where the bytes that tell a type begin, and those bytes.
_STARTS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
)


@attrs.frozen
class Upload:
    """A file as it was sent.

    Attributes:
        name: of the file; None where none was given.
        content_type: as the client declares it; None where it does not.
        body: its bytes.
    """

    name: str | None
    content_type: str | None
    body: bytes


def plain_type(content_type: str) -> str:
    """A content type without parameters, under the name that HeyGen uses for it."""
    bare = content_type.partition(";")[0].strip().lower()
    return _SAME.get(bare, bare)


def type_by_bytes(body: bytes) -> str | None:
    """The content type that the first bytes of a file tell; None if they tell nothing."""
    return next((known for offset, start, known in _STARTS if body[offset : offset + len(start)] == start), None)


def type_by_name(name: str | None) -> str | None:
    """The content type that the end of a file's name tells; None if it tells nothing."""
    end = (name or "").rpartition(".")[2].lower().replace("jpeg", "jpg")
    return next((known for known, (_, usual) in _TYPES.items() if usual == end), None)


def kind_of(content_type: str) -> str:
    """What an asset of this content type is: ``image``, ``video``, ``audio`` and so on."""
    return _TYPES.get(content_type, ("other", ""))[0]


def end_of(content_type: str) -> str:
    """The usual end of the names of such files."""
    return _TYPES.get(content_type, ("", "bin"))[1]


def form_file(received: Received, name: str) -> Upload | None:
    """The field of a ``multipart/form-data`` body that has this name; None if there is none (RFC 7578)."""
    header: Message[str, Any] = Message()
    header["Content-Type"] = received.headers.get("content-type", "")
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        return None
    for part in (b"\r\n" + received.body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:]:
        head, found, body = part.partition(b"\r\n\r\n")
        told = _headers(head) if found else None
        if told is not None and told.get_param("name", header="content-disposition") == name:
            content_type = told.get("content-type")
            return Upload(told.get_filename(), None if content_type is None else plain_type(content_type), body)
    return None


def _headers(head: bytes) -> Message[str, Any]:
    made: Message[str, Any] = Message()
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            made[name.strip()] = value.strip()
    return made
