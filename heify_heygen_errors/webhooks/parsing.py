"""A webhook's body to a `WebhookEvent`. Verifies nothing, performs no I/O.

The shapes are those of the vendor notes 2026-11: HeyGen's envelope of event_type and event_data, with event_id and
created_at in v3; what it posts to a callback_url, with the job under data; what Heify posts to success_url and error_url.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.document import MAX_BODY, Document, read_document
from heify_heygen_errors.model import EMPTY_MAP, ErrorInfo, FrozenMap
from heify_heygen_errors.moments import moment
from heify_heygen_errors.normalizer import Cleaner, Normalizer, default_normalizer
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.providers.sight import code_of, ids_of, state_of, text_of
from heify_heygen_errors.webhooks.event import WebhookEvent, WebhookProof, WebhookState
from heify_heygen_errors.webhooks.problem import WebhookError, WebhookProblem

PROVIDERS: Final = ("heygen", "heify")
"""The vendors that post webhooks; LiveAvatar posts none."""

_MAX_TYPE: Final = 256
_MAX_ID: Final = 256
_DONE: Final = (".success", ".completed", ".complete")


def parse_unverified_webhook(
    body: bytes | bytearray | memoryview | str | Mapping[str, Any], provider: str, *, normalizer: Normalizer | None = None
) -> WebhookEvent:
    """The event in a body that nothing has verified: whoever knows your address can have made it up.

    For Heify, which signs nothing: read the job back before anything acts on it. For HeyGen in tests, logs, and calls of
    a callback_url, which are not signed. Everything else of HeyGen: `WebhookVerifier`.

    Arguments:
        body: as it arrived, or the decoded JSON.
        provider: ``heygen`` or ``heify``.
        normalizer: with catalogs of your own; None for the default one.

    Returns:
        An event with ``is_verified`` False.

    Raises:
        WebhookError: the body is no event: ``too_large`` (over 8 MiB), ``unreadable``, ``not_an_event``.
        ValueError: the provider posts no webhooks.
        TypeError: the body is nothing that can be read.
    """
    name = provider.strip().lower() if isinstance(provider, str) else None
    if name not in PROVIDERS:
        del body
        msg = f"{provider!r} posts no webhooks: use one of {', '.join(PROVIDERS)}"
        raise ValueError(msg)
    if not isinstance(body, bytes | bytearray | memoryview | str | Mapping | list | int | float | None):
        kind = type(body).__name__
        del body
        msg = f"a webhook is parsed from the body of the request, as bytes, text or decoded JSON, not from {kind}"
        raise TypeError(msg)
    found = event_in(body, name, normalizer)
    # A body can hold anything, and local variables show in some tracebacks.
    del body
    if isinstance(found, WebhookProblem):
        raise WebhookError(found)
    return found


def confirmed(
    event: WebhookEvent, data: Mapping[str, Any], failure: ErrorInfo | None = None, *, normalizer: Normalizer | None = None
) -> WebhookEvent:
    """An event of Heify again after its transcription was read: with what was read, and nothing that only the delivery said.

    Arguments:
        event: the unverified one.
        data: the job as the vendor gave it when asked.
        failure: why it failed, by the same answer; None to find that out from the data.
        normalizer: with catalogs of your own; None for the default one.

    Returns:
        An event with proof ``read_back``, and the state, ids and time of the data.

    Raises:
        ValueError: the data is about another job.
    """
    asked = _id(event.data.get("transcription_id"))
    # UUIDs have several spellings; the vendor's own is kept.
    answered = _id(data.get("transcription_id")) or asked
    if str(answered).casefold() != str(asked).casefold():
        del data
        msg = "what was read is about another transcription: read the one that event.resource names"
        raise ValueError(msg)
    normalizer = normalizer or default_normalizer
    failure = failure or normalizer.normalize(Observation(event.provider, 200, None, data))
    state = WebhookState.FAILED if failure is not None else _state(data, event.provider, normalizer)
    return attrs.evolve(
        event,
        data=dict(data),
        failure=failure,
        state=state,
        resource=_resource({"transcription_id": answered}, data),
        created=_heify_time(data),
        proof=WebhookProof.READ_BACK,
        key=_key_of_job(event.provider, answered, state),
    )


def event_in(
    body: object, provider: str, normalizer: Normalizer | None, *, proof: WebhookProof = WebhookProof.NONE, header_id: str | None = None
) -> WebhookEvent | WebhookProblem:
    """The event in a body, or what is wrong with the body. Never raises, so that no traceback leads to the body.

    Arguments:
        body: bytes, text or decoded JSON.
        provider: one of `PROVIDERS`.
        normalizer: None for the default one.
        proof: what shows that the body is the vendor's.
        header_id: an event id that stands outside of the body.
    """
    document = _document(body)
    if isinstance(document, WebhookProblem):
        return document
    value = document.value
    if type(value) is dict and document.text is not None:  # Python's own numbers; the document keeps those as written
        value = json.loads(document.text, strict=False, parse_constant=str)
    if type(value) is not dict:
        return WebhookProblem.NOT_AN_EVENT
    normalizer = normalizer or default_normalizer
    event = _heygen(value, document) if provider == "heygen" else _heify(value)
    if event is None:
        return WebhookProblem.NOT_AN_EVENT
    failure = normalizer.normalize(Observation(provider, None, None, document))
    if failure is not None:
        state = WebhookState.FAILED
    elif event.type is not None and event.type.lower().endswith(_DONE):
        state = WebhookState.COMPLETED
    else:
        state = _state(event.data, provider, normalizer)
    key = event.key or _key_of_job(provider, event.data["transcription_id"], state)
    return attrs.evolve(event, failure=failure, state=state, proof=proof, id=event.id or _id(header_id), key=key)


def _document(body: object) -> Document | WebhookProblem:
    if isinstance(body, bytearray | memoryview):
        body = bytes(body)
    if isinstance(body, bytes | str) and len(body) > MAX_BODY:
        return WebhookProblem.TOO_LARGE
    if isinstance(body, bytes):
        try:
            body = body.decode()
        except UnicodeDecodeError:
            return WebhookProblem.UNREADABLE
    document = read_document(body)
    if document.kind != "json" or document.broken or document.flaw is not None:
        return WebhookProblem.UNREADABLE
    return document


def _heygen(body: dict[str, Any], document: Document) -> WebhookEvent | None:
    data: object
    kind = None
    if "event_type" in body:
        kind, data = text_of(body["event_type"]), body.get("event_data")
        if kind is None or len(kind) > _MAX_TYPE:
            return None
        data = {} if data is None else data
    else:
        data = body.get("data", body)
        if type(data) is not dict or not ids_of(data) or ("data" not in body and state_of(data) is None):
            return None
    if type(data) is not dict:
        return None
    identity = _id(body.get("event_id"))
    return WebhookEvent(
        provider="heygen",
        type=kind,
        id=identity,
        created=moment(body.get("created_at")),
        data=data,
        resource=_resource(data),
        key=f"heygen:{identity}" if identity is not None else f"heygen:sha256:{_digest(body, document)}",
    )


def _heify(body: dict[str, Any]) -> WebhookEvent | None:
    for data in (body, body.get("data")):
        if type(data) is dict and _id(data.get("transcription_id")) is not None and state_of(data):
            resource = _resource({"transcription_id": data["transcription_id"]}, data)
            return WebhookEvent(provider="heify", created=_heify_time(data), data=data, resource=resource)
    return None


def _heify_time(data: Mapping[str, Any]) -> Any:
    """When a transcription ended, wherever a webhook or an answer says so."""
    holders = (data, data.get("details"), data.get("error"))
    told = (holder.get(name) for holder in holders if isinstance(holder, Mapping) for name in ("completed_at", "failed_at"))
    return next((when for when in map(moment, told) if when is not None), None)


def _state(data: Mapping[str, Any], provider: str, normalizer: Normalizer) -> WebhookState:
    done = state_of(data) in normalizer.catalogs.space(provider).completed_states
    return WebhookState.COMPLETED if done else WebhookState.OTHER


def _resource(*sources: Mapping[str, Any]) -> Mapping[str, str]:
    """The ids in job objects, redacted and bounded as those of an `ErrorInfo` are. Of many ids the first ones count."""
    found = ids_of(*map(dict, sources))
    if not found:
        return EMPTY_MAP
    cleaner = Cleaner(None, (), whole=False)
    return FrozenMap({name: cleaner.text(identity) or "" for name, identity in found.items()})


def _id(value: object) -> str | None:
    """An id that stores and logs can take; None for what is none."""
    found = code_of(value)
    if found is None or len(found) > _MAX_ID or not found.isprintable() or any(map(str.isspace, found)):
        return None
    return found


def _digest(body: dict[str, Any], document: Document) -> str:
    text = document.text
    if text is None:
        text = json.dumps(body, default=str, skipkeys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _key_of_job(provider: str, identity: object, state: WebhookState) -> str:
    return f"{provider}:{identity}:{state}"
