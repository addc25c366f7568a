"""Times as vendors write them: seconds or milliseconds since 1970, and ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_NUMBER = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,9})?", re.ASCII)
_LONGEST: Final = 64

# As seconds that is the year 5138, as milliseconds 1973: nothing here is so late or so old.
_FIRST_MILLISECONDS: Final = 100_000_000_000


def unix_seconds(text: str) -> float | None:
    """Seconds since 1970 in a text; from 100,000,000,000 on the number is taken as milliseconds. None if it is no such number."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number / 1000 if number >= _FIRST_MILLISECONDS else number


def moment(value: object) -> datetime | None:
    """A moment in UTC: a number as `unix_seconds` reads it, or an ISO 8601 text, in UTC if it names no zone. None for all else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value)
        if len(text) > _LONGEST:
            return None
        seconds = unix_seconds(text)
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        said = datetime.fromisoformat(text.strip())
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
