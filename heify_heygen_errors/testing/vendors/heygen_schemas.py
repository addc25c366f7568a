"""Schemas that HeyGen's endpoints have in common: short ways to write them, and the bodies of several endpoints.

Facts are from HeyGen's OpenAPI documents and the schemas inside github.com/heygen-com/heygen-cli.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Schema
from heify_heygen_errors.testing.vendors.heygen_catalog import AVATARS, PHOTO, UNCONSENTED_TWIN, VOICES

TEXT: Final[Schema] = {"type": "string"}
NAME: Final[Schema] = {"type": "string", "minLength": 1}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
TRUTH: Final[Schema] = {"type": "boolean"}
URL: Final[Schema] = {"type": "string", "pattern": "^https?://[0-9A-Za-z][0-9A-Za-z.:@%~_-]*([/?#]|$)"}
ANY_OBJECT: Final[Schema] = {"type": "object"}


def optional(schema: Schema) -> dict[str, Any]:
    """The same or null."""
    if "oneOf" in schema:
        return {"oneOf": [*schema["oneOf"], {"type": "null"}]}
    made = {**schema, "type": [schema["type"], "null"]}
    return {**made, "enum": [*schema["enum"], None]} if "enum" in schema else made


def text(longest: int, shortest: int = 0) -> dict[str, Any]:
    """A text of so many characters."""
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def one_of(*values: str) -> dict[str, Any]:
    """One of these words."""
    return {"type": "string", "enum": list(values)}


def between(least: float, most: float, kind: str = "number") -> dict[str, Any]:
    """A number from `least` to `most`."""
    return {"type": kind, "minimum": least, "maximum": most}


def several(item: Schema, most: int | None = None, least: int | None = None) -> dict[str, Any]:
    """A list."""
    made: dict[str, Any] = {"type": "array", "items": item}
    if most is not None:
        made["maxItems"] = most
    if least is not None:
        made["minItems"] = least
    return made


def record(required: Mapping[str, Schema] | None = None, /, **more: Schema) -> dict[str, Any]:
    """An object with members that must be there and others that may."""
    needed = dict(required or {})
    return {"type": "object", "required": list(needed), "properties": {**needed, **more}}


def variants(*records: Schema) -> dict[str, Any]:
    """One of several objects, told apart by the constant in their member ``type``."""
    return {"oneOf": list(records)}


def tagged(tag: str, required: Mapping[str, Schema] | None = None, /, **more: Schema) -> dict[str, Any]:
    """An object whose ``type`` is `tag`."""
    return record({"type": {"type": "string", "const": tag}, **(required or {})}, **more)


def needs(schema: Schema, *ways: Mapping[str, Schema]) -> dict[str, Any]:
    """The schema of an object with several ways to say what it needs, the usual one first."""
    return {**schema, "anyOf": [record(way) for way in ways]}


# What exists from the start and stays, by the member of requests that names it.
_KNOWN: Final[Mapping[str, Schema]] = {
    "avatar_id": {"enum": list(AVATARS)},
    "talking_photo_id": {"enum": [PHOTO]},
    "voice_id": {"enum": list(VOICES)},
}
_CONSENTED: Final[Mapping[str, Schema]] = {"avatar_id": {"not": {"enum": [UNCONSENTED_TWIN]}}}


def of_known(schema: Schema) -> dict[str, Any]:
    """The schema of a request whose avatars and voices are among those that exist from the start.

    For `Operation.documented` where one that does not exist is refused with 400.
    """
    return _narrowed(schema, _KNOWN)


def of_consented(schema: Schema) -> dict[str, Any]:
    """The schema of a request whose avatars are not the one that exists from the start without consent.

    For `Operation.documented` where an avatar that does not exist is not found.
    """
    return _narrowed(schema, _CONSENTED)


def _narrowed(schema: Schema, ids: Mapping[str, Schema]) -> dict[str, Any]:
    """The schema where members of these names fit these schemas as well, at any depth."""
    made = dict(schema)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in made:
            made[keyword] = [_narrowed(one, ids) for one in made[keyword]]
    if "items" in made:
        made["items"] = _narrowed(made["items"], ids)
    if "properties" in made:
        made["properties"] = {
            name: _both(one, ids[name]) if name in ids else _narrowed(one, ids) for name, one in made["properties"].items()
        }
    return made


def _both(schema: Schema, more: Schema) -> dict[str, Any]:
    """The schema of an id, or of several, with further keywords."""
    if "items" in schema:
        return {**schema, "items": _both(schema["items"], more)}
    return {**schema, **more}


def answer(data: Schema) -> dict[str, Any]:
    """An answer of v3: ``{"data": ...}``."""
    return record({"data": data})


def listing(item: Schema) -> dict[str, Any]:
    """A page of v3: the tokens stand beside ``data``."""
    return record({"data": several(item), "has_more": TRUTH, "next_token": optional(TEXT)})


def members(names: Iterable[str], schema: Schema) -> dict[str, Schema]:
    """The same schema for several members."""
    return dict.fromkeys(names, schema)


# Files in requests.

BY_URL: Final = tagged("url", {"url": URL})
BY_ASSET: Final = tagged("asset_id", {"asset_id": NAME})
BY_BYTES: Final = tagged("base64", {"media_type": NAME, "data": {"type": "string", "minLength": 1}})
FILE: Final = variants(BY_URL, BY_ASSET, BY_BYTES)
"""A file: at a URL, uploaded before, or inside the request."""

LINK: Final = variants(BY_URL, BY_ASSET)
"""A file at a URL or uploaded before."""

# Callbacks.

CALLBACK: Final = {"callback_url": optional(URL), "callback_id": optional(TEXT)}

# Jobs that several endpoints answer with.

_VIDEO_TEXTS: Final = (
    "title",
    "video_url",
    "thumbnail_url",
    "gif_url",
    "captioned_video_url",
    "subtitle_url",
    "folder_id",
    "output_language",
    "failure_code",
    "failure_message",
    "video_page_url",
)
VIDEO: Final = record(
    {"id": NAME, "status": one_of("pending", "processing", "completed", "failed"), "created_at": WHOLE},
    **members(_VIDEO_TEXTS, optional(TEXT)),
    completed_at=optional(WHOLE),
    duration=optional(NUMBER),
)
"""A video in v3 and in ``/v2/videos``."""
