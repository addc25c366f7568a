"""An answer that arrived, read: its failure, or its data. Performs no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.client.answer import Notice
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.failures import AnswerUnreadableError
from heify_heygen_errors.client.wire import Received
from heify_heygen_errors.document import MAX_BODY, Document, read_document
from heify_heygen_errors.model import ErrorInfo
from heify_heygen_errors.normalizer import MAX_TEXT, Finding, Normalizer
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.providers.sight import state_of
from heify_heygen_errors.redaction import redact_bounded

_NO_CONTENT: Final = frozenset({204, 205})
# Methods whose answers of success always have a body; those of the others may have said all by their status.
_ANSWERED: Final = frozenset({"GET", "POST"})
_KINDS: Final = {"nothing": "empty", "html": "an HTML page", "xml": "XML", "text": "text"}
_BROKEN: Final = "broken JSON"
# As json.loads with strict=False, which makes a decoder for every call.
_decode: Final = json.JSONDecoder(strict=False).decode
_SUNSET_UNKNOWN: Final = "This endpoint is deprecated."


@attrs.frozen
class Reading:
    """What an answer says.

    Attributes:
        failure: of the call; None after a success.
        failures: of items in a list, batch or event log.
        body: the decoded JSON of a success; None where there was none.
        data: the same without the vendor's envelope; of a failure, too.
        status, headers: of the answer; 0 and none where no answer came.
    """

    failure: ErrorInfo | None
    failures: tuple[ErrorInfo, ...] = ()
    # Not redacted, so not in a repr.
    body: Any = attrs.field(default=None, repr=False)
    data: Any = attrs.field(default=None, repr=False)
    status: int = 0
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)


def read(received: Received, call: Call, normalizer: Normalizer) -> Reading:
    """What an answer says.

    Raises:
        AnswerUnreadableError: it is a success by its status, and its body is not the JSON that it should be.
    """
    quick = _quickly_read(received)
    if quick is not None and not _findings(quick, received, call, normalizer):
        return Reading(None, (), quick.value, unwrapped(quick.value), received.status, received.headers)
    document = read_document(received.body)
    failures: list[ErrorInfo] = []
    for finding, is_item in _findings(document, received, call, normalizer):
        if not is_item:
            return Reading(ErrorInfo.of(finding), data=unwrapped(document.value) if document.kind == "json" else None)
        failures.append(ErrorInfo.of(finding))
    if call.is_foreign and document.kind != "html":  # a page is that of a proxy or sign-in
        return Reading(None, (), None, None, received.status, received.headers)
    if document.kind == "nothing" and (received.status in _NO_CONTENT or call.method not in _ANSWERED):
        return Reading(None, (), None, None, received.status, received.headers)
    body = _decoded(document, received.body)
    return Reading(None, tuple(failures), body, unwrapped(body), received.status, received.headers)


def _quickly_read(received: Received) -> Document | None:
    """The JSON object of an answer of success, decoded once, with Python's own numbers; None for everything else.

    What fails in it is read again by the document's own reader, which keeps numbers as they are written.
    """
    body = received.body
    if received.status >= 400 or body[:1] != b"{" or len(body) > MAX_BODY:  # noqa: PLR2004
        return None
    try:
        text = body.decode()
        return Document("json", _decode(text), text)
    except (ValueError, RecursionError):
        return None


def _findings(document: Document, received: Received, call: Call, normalizer: Normalizer) -> list[tuple[Finding, bool]]:
    provider = call.vendor.facts.provider
    observation = Observation(provider, received.status, received.headers, document, call.method, call.path, secrets=call.secrets)
    return normalizer.findings(observation)


def _decoded(document: Document, body: bytes) -> Any:
    """The JSON with Python's own numbers; the document keeps those as written."""
    if document.kind != "json" or document.broken:
        raise AnswerUnreadableError(_BROKEN if document.broken else _KINDS[document.kind])
    try:
        # Where the document has a flaw, it was too long or too deep to be read whole, or has something behind its end.
        value = json.loads(document.text if document.text is not None and document.flaw is None else body, strict=False)
        if isinstance(value, str) and not isinstance(document.value, str):  # encoded twice
            value = json.loads(value, strict=False)
    except (ValueError, RecursionError) as problem:
        raise AnswerUnreadableError(_BROKEN) from problem
    return value


def unwrapped(body: Any) -> Any:
    """The data of an answer without its envelope: what stands under ``data``, else the body itself.

    HeyGen v1 to v3, LiveAvatar and Heify (2026) put the data there; Heify (2025) answers with the bare object.
    """
    if isinstance(body, dict) and "data" in body:
        return body["data"]
    return body


def notices_in(reading: Reading, secrets: tuple[str, ...]) -> list[Notice]:
    """What the answer says of the end of its endpoint.

    HeyGen's v1 and v2 send the headers ``deprecation`` and ``sunset`` (RFC 9745, RFC 8594), and v2 a ``warning``
    beside the data (vendor notes 2026-11, HeyGen shape 3d).
    """
    warning = reading.body.get("warning") if isinstance(reading.body, dict) else None
    deprecated = reading.headers.get("deprecation", "").strip().lower()
    sunset = _text(reading.headers.get("sunset"), secrets)
    if isinstance(warning, Mapping):
        link = _text(warning.get("docs_url"), secrets) or _text(warning.get("v3_endpoint"), secrets)
        message = _text(warning.get("message"), secrets) or _SUNSET_UNKNOWN
        return [Notice(kind="deprecation", message=message, sunset=_text(warning.get("sunset_date"), secrets) or sunset, link=link)]
    if sunset is not None or deprecated not in ("", "false"):
        ends = f"This endpoint is deprecated and ends on {sunset}." if sunset is not None else _SUNSET_UNKNOWN
        return [Notice(kind="deprecation", message=ends, sunset=sunset)]
    return []


_SAYS_WHY: Final = ("error", "failure_code", "failure_message", "error_code", "error_message")


def remark_in(job: object, call: Call, normalizer: Normalizer) -> Notice | None:
    """The error on a job that completed with a usable result nevertheless; None where there is none.

    HeyGen has it for videos of the free plan: ``status`` completed, ``error`` with MOVIO_PAYMENT_INSUFFICIENT_CREDIT and a
    ``video_url`` with a watermark (vendor notes 2026-11, finding 4).
    """
    if not isinstance(job, dict) or not any(job.get(name) for name in _SAYS_WHY):
        return None
    provider = call.vendor.facts.provider
    space = normalizer.catalogs.space(provider)
    state = state_of(job)
    if state is None or state not in space.completed_states:
        return None
    # What it would mean if the job had failed by it.
    told = {name: value for name, value in job.items() if name in _SAYS_WHY or name == "id" or name.endswith("_id")}
    body = {"data": {**told, "status": min(space.failed_states)}}
    info = normalizer.normalize(Observation(provider, 200, {}, body, call.method, call.path, secrets=call.secrets))
    if info is None:
        return None
    said = info.message or info.summary
    return Notice(kind="completed_with_error", message=f"The job completed, with an error beside its result: {said}", info=info)


def _text(value: object, secrets: tuple[str, ...]) -> str | None:
    return redact_bounded(value, MAX_TEXT, secrets) if isinstance(value, str) and value else None
