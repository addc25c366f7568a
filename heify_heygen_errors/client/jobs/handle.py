"""What is to be kept of a job that was ordered, so that another process can go on with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

import attrs

from heify_heygen_errors.client.jobs.kinds import KINDS, kind_of

SCHEMA: Final = 1

KEY_LASTS: Final = 24 * 3600.0
"""Seconds in which HeyGen answers a repeat with the same idempotency key from its store (vendor notes 2026-11)."""


@attrs.frozen(kw_only=True)
class JobHandle:
    """A job that was ordered, or is just being ordered: everything that is needed to go on with it.

    It is a value: JSON round trip by `to_json` and `from_json`. The request's body is in it, as far as there are no ids
    yet, and is not in its repr.

    Attributes:
        provider, kind: what it is, such as ``heygen`` and ``videos``.
        ids: of the jobs, one in most cases; empty until the vendor has answered.
        path: where it was ordered.
        body: what was ordered, to be sent again with the same key after a crash; None where the ids are known.
        idempotency_key: the key that the order was sent with; None where the endpoint takes none.
        created: when it was ordered, aware.
        is_started: whether the work has begun for all that is known; False while an upload is under way.
    """

    provider: str
    kind: str
    ids: tuple[str, ...] = ()
    path: str
    body: Any = attrs.field(default=None, repr=False)
    idempotency_key: str | None = None
    created: datetime
    is_started: bool = False

    @property
    def id(self) -> str:
        """The id of the only job.

        Raises:
            ValueError: there is none yet, or there are several.
        """
        if len(self.ids) != 1:
            many = f"are {len(self.ids)} jobs ({', '.join(self.ids[:5])}): use ids, and wait_all" if self.ids else "is no id yet: resume it"
            msg = f"there {many}"
            raise ValueError(msg)
        return self.ids[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with ``schema``."""
        return {
            "schema": SCHEMA,
            "provider": self.provider,
            "kind": self.kind,
            "ids": list(self.ids),
            "path": self.path,
            "body": self.body,
            "idempotency_key": self.idempotency_key,
            "created": self.created.astimezone(UTC).isoformat(),
            "is_started": self.is_started,
        }

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The reverse of `to_dict`; ignores unknown members.

        Raises:
            ValueError: a member is missing or cannot be meant; says which.
        """
        if not isinstance(data, Mapping):
            msg = f"a handle is an object, not {type(data).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - foreign data; one kind of error for all that is wrong with it
        if data.get("schema") != SCHEMA:
            msg = f"schema of a handle is {SCHEMA}, not {data.get('schema')!r}"
            raise ValueError(msg)
        provider, kind, path = (_text(data, name) for name in ("provider", "kind", "path"))
        if (provider, kind) not in KINDS:
            kind_of(provider, kind)
        ids, key = data.get("ids"), data.get("idempotency_key")
        if not isinstance(ids, list) or not all(isinstance(one, str) and one for one in ids):
            msg = "ids of a handle is a list of texts"
            raise ValueError(msg)
        if key is not None and not isinstance(key, str):
            msg = "idempotency_key of a handle is a text or null"
            raise ValueError(msg)
        return cls(
            provider=provider,
            kind=kind,
            ids=tuple(ids),
            path=path,
            body=data.get("body"),
            idempotency_key=key,
            created=_moment(data),
            is_started=data.get("is_started") is True,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The reverse of `to_json`.

        Raises:
            ValueError: it is no JSON, or not that of a handle.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as problem:
            msg = f"this is not the JSON of a handle, or not all of it ({type(problem).__name__}); an id is for wait"
            raise ValueError(msg) from None
        return cls.from_dict(data)


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str) or not found:
        msg = f"{name} of a handle is a text, not {found!r}"
        raise ValueError(msg)
    return found


def _moment(data: Mapping[str, Any]) -> datetime:
    text = _text(data, "created")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        msg = f"created of a handle is a date and time with a time zone, not {text!r}"
        raise ValueError(msg)
    return found
