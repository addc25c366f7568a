"""How adapters look at an observation: its sight, and reading foreign values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heify_heygen_errors.catalog import Endpoint, Space
from heify_heygen_errors.document import Document, Number
from heify_heygen_errors.failure import NO_IDS
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.redaction import is_sensitive

MAX_ITEMS: Final = 100_000
"""Items of a list or batch that are looked at."""

_MAX_IDS: Final = 16
_LONGEST_NAME: Final = 64
_MAX_WORDS: Final = 16384
_MAX_ID: Final = 256
_NO_OBJECT: Final = frozenset({"request_id", "event_id"})


class Sight:
    """An observation with its document, as adapters look at it.

    Attributes:
        status: the HTTP status, None where there was none or where it lies outside 100 to 599.
        failed: whether the HTTP status says no.
        succeeded: whether it says yes or sends elsewhere; broken JSON and pages are no failure then.
        may_hold_ids: whether the body can have members whose names end in ``id`` or ``Id``.
        space: the number space that was asked.
    """

    __slots__ = ("_signs", "document", "failed", "headers", "may_hold_ids", "observation", "space", "status", "succeeded")

    def __init__(self, observation: Observation, document: Document, space: Space) -> None:
        self.observation = observation
        self.document = document
        self.space = space
        text = document.text
        self.may_hold_ids = text is None or 'd"' in text or "\\" in text
        self._signs: bool | None = None
        self.headers = observation.headers
        status = observation.status
        if status is not None and not 100 <= status <= 599:  # noqa: PLR2004
            status = None
        self.status = status
        self.failed = status is not None and status >= 400  # noqa: PLR2004
        self.succeeded = status is not None and not self.failed

    @property
    def may_hold_failed_items(self) -> bool:
        """Whether the text of the body has any sign of a failed item. Lists without one need not be walked through."""
        signs = self._signs
        if signs is None:
            text = self.document.text
            if text is None or "\\u" in text:
                signs = True
            else:
                low = text.lower()
                signs = any(sign in low for sign in self.space.signs_of_failure)
            self._signs = signs
        return signs

    def endpoint(self) -> Endpoint | None:
        """The endpoint that was called, as far as the catalog knows it."""
        return self.space.endpoint(self.observation.method, self.observation.url)

    def ids(self, *sources: object) -> Mapping[str, str]:
        """The ids in some objects of the body."""
        return ids_of(*sources) if self.may_hold_ids else NO_IDS

    def request_id(self, *sources: Mapping[str, object]) -> str | None:
        """The request id that the body names in one of the objects."""
        if self.may_hold_ids:
            for source in sources:
                for field in self.space.request_id_fields:
                    found = source.get(field)
                    if found is not None:
                        return text_of(found)
        return None


def text_of(value: object) -> str | None:
    """A string that is not blank; None for everything else, numbers too."""
    if type(value) is str:
        return value if value and not value.isspace() else None
    if isinstance(value, str) and not isinstance(value, Number):
        return str.__str__(value) if value.strip() else None
    return None


def code_of(value: object) -> str | None:
    """A code as text: strings and numbers as written. True, false, null, "" and structures are no code."""
    if type(value) is int:
        return str(value) if -(10**30) < value < 10**30 else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value).strip() or None
    if isinstance(value, int | float):
        try:
            return str(value)
        except Exception:  # noqa: BLE001 - more digits than Python writes out, or a foreign number
            return None
    return None


def first_text(source: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    """The first of the named members that is a text."""
    for name in names:
        value = source.get(name)
        if value is not None:
            text = text_of(value)
            if text is not None:
                return text
    return None


def words_of(value: object) -> str | None:
    """A text, or a structure of details as compact JSON text."""
    if isinstance(value, dict | list) and value:
        from heify_heygen_errors.document import Document, excerpt_source

        return excerpt_source(Document("json", value), _MAX_WORDS)
    return text_of(value)


def ids_of(*sources: object) -> Mapping[str, str]:
    """The ids in some objects: members named ``id`` or ``*_id`` that are texts or numbers.

    The ids of the request and of an event are not those of a job or object.
    """
    found: dict[str, str] = {}
    for source in sources:
        if not isinstance(source, dict):
            continue
        for name, value in source.items():
            if type(name) is not str or name in found or len(found) >= _MAX_IDS:
                continue
            if name != "id" and (not name.endswith("_id") or len(name) > _LONGEST_NAME or not name.isascii()):
                continue
            if name not in _NO_OBJECT and not is_sensitive(name):
                identity = code_of(value)
                if identity is not None and len(identity) <= _MAX_ID:
                    found[name] = identity
    return found or NO_IDS


def state_of(source: Mapping[str, object]) -> str | None:
    """The lower-case state of a job object."""
    state = source.get("status")
    if state is None:
        state = source.get("state")
    return state.strip().lower() if isinstance(state, str) else None


def framework_error(detail: object) -> tuple[str | None, str | None]:
    """Message and field of a web framework's ``detail``: a text, or FastAPI's list of problems."""
    text = text_of(detail)
    if text is not None:
        return text, None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        location = first.get("loc")
        parts = [str(part) for part in location if isinstance(part, str | int)] if isinstance(location, list) else []
        if len(parts) > 1 and parts[0] in ("body", "query", "path", "header", "cookie"):
            parts = parts[1:]
        return text_of(first.get("msg")) or text_of(first.get("message")), ".".join(parts) or None
    if isinstance(detail, dict):
        return first_text(detail, ("message", "msg", "error", "detail")), None
    return None, None
