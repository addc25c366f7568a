"""JSON that quick decoders read, and what they leave to the reference. Performs no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder

from heify_heygen_errors.records import parse_json

REFUSED: Final = (DecodeError, ValidationError, ValueError, RecursionError)
"""What the decoders raise where the reference has to read."""

BRACE: Final = 0x7B
"""The first byte of an object."""

QUOTE: Final = 0x22
"""The first byte of a text."""

_decode_string: Final[Callable[[bytes | str], str]] = Decoder(str).decode


def read_string(raw: bytes) -> object:
    """The text that JSON text beginning with a quote stands for.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _decode_string(raw)
    except REFUSED:
        return parse_json(raw)
