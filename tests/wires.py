"""Every form in which the vendors and the layers before them send a failure, as observations with what must come out.

`wires_of(entry)` gives the forms of a catalog entry; the functions by vendor give those of a code and its texts.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import attrs

from heify_heygen_errors import CatalogEntry, Observation

# What stands in for the placeholders of templates; a test may ask for it under `Wire.params`.
FILLS = {
    "number": "1299",
    "url": "https://example.com/a.mp4",
    "host": "example.com",
    "field": "title",
    "other_field": "subtitle",
    "resource": "Widget",
    "avatar_id": "av_7f3a",
    "content_type": "application/x-subrip",
    "declared": "audio/wav",
    "detected": "audio/x-wav",
    "limit": "20",
    "min": "1",
    "max": "10",
    "seconds": "300",
}
UNRELATED = "The moon is made of green cheese"
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_DOCS = "https://developers.heygen.com/docs/error-codes#"


@attrs.frozen(kw_only=True)
class Wire:
    """One form of a failure, and the vendor's words as they must come out of it."""

    shape: str
    provider: str
    status: int | None
    body: Any
    headers: dict[str, str] | None = None
    url: str | None = None
    channel: str
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    param: str | None = None
    doc_url: str | None = None
    resource: dict[str, str] = attrs.Factory(dict)
    item: bool = False
    params: dict[str, str] = attrs.Factory(dict)

    def observation(self) -> Observation:
        """What a client sees of it."""
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return Observation(self.provider, self.status, self.headers, body.encode(), None, self.url)


def filled(template: str) -> tuple[str, dict[str, str]]:
    """A text that the template matches, and what its placeholders capture of it."""
    params: dict[str, str] = {}

    def fill(brace: re.Match[str]) -> str:
        name = brace[1]
        if name is None:
            return brace[0][0]
        params[name] = FILLS.get(name, f"{name[:3]}7")
        return params[name]

    text = _PLACEHOLDER.sub(fill, template.strip())
    start, end = text.startswith("…"), text.endswith("…")
    text = text.strip("…").strip()
    return f"{'Well: ' if start else ''}{text}{' (and so on)' if end else ''}", params


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# HeyGen and LiveAvatar.


def flat_wires(provider: str, status: int, code: str | None, message: str | None, detail: str | None = None) -> Iterator[Wire]:
    """Code and message at the top of the body, as v1, the streaming API, uploads and LiveAvatar send them."""
    words = {"provider": provider, "status": status, "channel": "response", "code": code}
    if code is not None and code.isdigit():
        number = int(code)
        yield Wire(
            shape="flat, number", body=_without_none(code=number, message=message, detail=detail), message=message, detail=detail, **words
        )
        yield Wire(shape="flat, number, data null", body={"code": number, "data": None, "message": message}, message=message, **words)
        if message is not None:
            body = {"code": number, "data": None, "msg": message}
            yield Wire(shape="flat, number, text in msg", body=body, message=message, **words)
            body = {"code": number, "data": None, "msg": message, "message": None}
            yield Wire(shape="flat, number, text in msg, message null", body=body, message=message, **words)
    if code is not None:
        yield Wire(
            shape="flat, text", body=_without_none(code=code, message=message, detail=detail), message=message, detail=detail, **words
        )
    elif message is not None:
        yield Wire(shape="flat, message only", body={"message": message}, message=message, **words)
        yield Wire(shape="flat, msg only", body={"code": None, "msg": message}, message=message, **words)


def wrapped_wires(status: int, code: str | None, message: str | None, detail: str | None = None) -> Iterator[Wire]:
    """An error object, as v2 and v3 send it."""
    words = {"provider": "heygen", "status": status, "channel": "response", "code": code, "message": message}
    error = _without_none(code=code, message=message)
    if not error:
        return
    detailed = _without_none(code=code, message=message, detail=detail)
    yield Wire(shape="v2 wrapper", body={"data": None, "error": detailed}, detail=detail, **words)
    yield Wire(shape="v2 wrapper without data", body={"error": error}, **words)
    yield Wire(shape="v2 wrapper, error first", body={"error": error, "data": None}, **words)
    v3 = {**error, "param": "avatar_id", "doc_url": _DOCS + "anchor"}
    yield Wire(shape="v3 object", body={"error": v3}, param="avatar_id", doc_url=_DOCS + "anchor", **words)
    yield Wire(shape="v3 object, nulls", body={"error": {**error, "param": None, "doc_url": None}}, **words)
    if message is None or _looks_like_code(message):
        return
    if code is None:
        yield Wire(shape="error is the message", body={"error": message, "data": None}, **words)
    else:
        yield Wire(shape="error is the message, error_code", body={"error": message, "error_code": code}, **words)


def job_wires(code: str | None, message: str | None, detail: str | None = None) -> Iterator[Wire]:
    """A failed job inside an answer of success: v1 status, v3 job, lists and batches."""
    words = {"provider": "heygen", "status": 200, "channel": "job", "code": code, "message": message}
    video = {"resource": {"id": "v1"}}
    spoken = [code] if code is None or not code.isdigit() else [code, int(code)]
    for written in spoken:
        kind = "number" if isinstance(written, int) else "text"
        error = _without_none(code=written, detail=detail, message=message)
        if not error:
            continue
        job = {"error": error, "id": "v1", "status": "failed", "video_url": None}
        body = {"code": 100, "data": job, "message": "Success"}
        yield Wire(shape=f"failed job v1, {kind}", body=body, detail=detail, **words, **video)
        batch = {"data": {"status": "completed", "items": [{"item_index": 0, "status": "completed", "video_url": "https://x.example"}]}}
        batch["data"]["items"].append({"item_index": 1, "video_id": "v2", "status": "failed", "error": error})
        yield Wire(shape=f"batch item, {kind}", body=batch, detail=detail, item=True, resource={"video_id": "v2"}, **words)
    job = _without_none(id="v1", status="failed", failure_code=code, failure_message=message)
    if len(job) > 2:
        yield Wire(shape="failed job v3", body={"data": job}, **words, **video)
        listed = {"data": [{"id": "v0", "status": "completed"}, job], "has_more": False, "next_token": None}
        yield Wire(shape="list item v3", body=listed, item=True, **words, **video)
    if code is None and message is not None and not _looks_like_code(message):
        body = {"data": {"id": "v1", "status": "failed", "error": message}}
        yield Wire(shape="failed job, error is the message", body=body, **words, **video)


def webhook_wires(code: str | None, message: str | None) -> Iterator[Wire]:
    """An event that HeyGen posts, in every place where the failure's words were seen in one."""
    words = {"provider": "heygen", "status": None, "channel": "webhook", "code": code, "message": message, "resource": {"video_id": "v1"}}

    def event(**data: Any) -> dict[str, Any]:
        return {"event_type": "avatar_video.fail", "event_data": {"video_id": "v1", **_without_none(**data)}}

    if code is not None or message is not None:
        yield Wire(shape="webhook, failure_*", body=event(failure_code=code, failure_message=message), **words)
        yield Wire(shape="webhook, error_*", body=event(error_code=code, error_message=message), **words)
        yield Wire(shape="webhook, error object", body=event(error=_without_none(code=code, message=message)), **words)
    if code is None and message is not None:
        yield Wire(shape="webhook, msg", body=event(msg=message), **words)
        if not _looks_like_code(message):
            yield Wire(shape="webhook, error is the message", body=event(error=message), **words)


def heygen_wires(code: str | None, message: str | None, detail: str | None = None, status: int = 400) -> list[Wire]:
    """Every form that HeyGen has for a code and its texts."""
    return [
        *flat_wires("heygen", status, code, message, detail),
        *wrapped_wires(status, code, message, detail),
        *job_wires(code, message, detail),
        *webhook_wires(code, message),
    ]


def _looks_like_code(message: str) -> bool:
    """Whether a text in `error` could be a code, as "forbidden" could."""
    return re.fullmatch(r"[a-z][a-z0-9_]*", message) is not None


# Heify.


def heify_wires(message: str, status: int, provider: str = "heify") -> list[Wire]:
    """Every form that Heify has for a message: both envelopes and failed transcriptions."""
    said = {"provider": provider, "status": status, "channel": "response", "message": message}
    job = {"provider": provider, "status": 200, "channel": "job", "message": message, "resource": {"transcription_id": "t1"}}
    number = str(status)
    failed = {"transcription_id": "t1", "status": "FAILED"}
    details = {"message": message, "code": status, "failed_at": "2026-03-20T22:01:00+00:00"}
    done = {"transcription_id": "t0", "status": "COMPLETED", "details": {"language": "en"}}
    error = {"message": message, "code": status}
    listed = [done, {**failed, "details": details}]
    return [
        Wire(shape="v1", body={"message": message}, **said),
        Wire(shape="v2", body={"error": error}, code=number, **said),
        Wire(shape="v2, code as text", body={"error": {"message": message, "code": number}}, code=number, **said),
        Wire(shape="v2, message only", body={"error": {"message": message}}, **said),
        Wire(shape="v2, error is the message", body={"error": message}, **said),
        Wire(shape="v2, data null", body={"data": None, "error": error}, code=number, **said),
        Wire(shape="v2, through Lambda proxy", body={"error": error}, code=number, headers={"x-amzn-RequestId": "r-1"}, **said),
        Wire(shape="job v1, details", body={**failed, "details": details}, code=number, **job),
        Wire(shape="job v2, details", body={"data": {**failed, "details": details}}, code=number, **job),
        Wire(shape="job v2, details without code", body={"data": {**failed, "details": {"message": message}}}, **job),
        Wire(shape="job v2, internal code", body={"data": {**failed, "details": {**details, "code": 7001}}}, code="7001", **job),
        Wire(shape="job, error object", body={**failed, "error": error}, code=number, **job),
        Wire(shape="job, data.error object", body={"data": {**failed, "error": error}}, code=number, **job),
        Wire(shape="job, data.error text", body={"data": {**failed, "error": message}}, **job),
        Wire(shape="job, data.error_message", body={"data": {**failed, "error_message": message}}, **job),
        Wire(shape="webhook", body={**failed, "error": error}, code=number, **{**job, "status": None, "channel": "webhook"}),
        Wire(shape="webhook, text", body={**failed, "error": message}, **{**job, "status": None, "channel": "webhook"}),
        Wire(shape="list item v1", body={"total_transcriptions": 2, "transcriptions": listed}, code=number, item=True, **job),
        Wire(shape="list item v2", body={"data": {"total_transcriptions": 2, "transcriptions": listed}}, code=number, item=True, **job),
    ]


# The layers in front of the vendors.


def gateway_wires(provider: str, status: int, code: str, message: str | None) -> list[Wire]:
    """What API Gateway sends with the error type in a header, and in XML if it was asked for that."""
    words = {"provider": provider, "status": status, "channel": "gateway", "code": code, "message": message}
    body = {"message": message}
    xml = f"<{code}><Message>{_escaped(message)}</Message></{code}>"
    found = [
        Wire(shape="gateway JSON", body=body, headers={"x-amzn-ErrorType": code}, **words),
        Wire(shape="gateway JSON, spaced", body=json.dumps(body, indent=1), headers={"X-Amzn-Errortype": code}, **words),
        Wire(shape="gateway JSON, type with URL", body=body, headers={"x-amzn-errortype": f"{code}:http://internal.amazon.com/"}, **words),
        Wire(shape="gateway JSON, type with namespace", body=body, headers={"x-amzn-errortype": f"com.amazon#{code}"}, **words),
    ]
    if code.endswith("Exception"):
        found.append(Wire(shape="gateway XML", body=xml, **words))
    return found


def storage_wires(provider: str, status: int, code: str, message: str | None) -> list[Wire]:
    """What S3 sends behind a pre-signed URL."""
    words = {"provider": provider, "status": status, "channel": "upload", "code": code, "message": message}
    stated = "" if message is None else f"<Message>{_escaped(message)}</Message>"
    error = f"<Error><Code>{code}</Code>{stated}<RequestId>R7</RequestId><HostId>h/7=</HostId></Error>"
    indented = error.replace("><", ">\n  <")
    return [
        Wire(shape="S3 XML", body=f'<?xml version="1.0" encoding="UTF-8"?>\n{error}', **words),
        Wire(shape="S3 XML, indented, no prolog", body=indented, **words),
        Wire(shape="S3 XML, cut", body=error[:-4], **words),
        Wire(shape="S3 XML, wrapped", body=f"<ErrorResponse>{error}</ErrorResponse>", **words),
    ]


def page_wires(provider: str, status: int, text: str) -> list[Wire]:
    """A proxy's page or plain text; its words are no message of the vendor."""
    words = {"provider": provider, "status": status, "channel": "gateway"}
    shown = _escaped(text)
    page = f"<html>\r\n<head><title>{shown}</title></head>\r\n<body>\r\n<center><h1>{shown}</h1></center>\r\n</body>\r\n</html>\r\n"
    untitled = f"<!DOCTYPE html>\n<!-- a page -->\n<html><head><style>a {{}}</style></head><body><p>{shown}</p></body></html>"
    return [
        Wire(shape="page", body=page, headers={"content-type": "text/html"}, **words),
        Wire(shape="page labelled as JSON", body=page, headers={"content-type": "application/json"}, **words),
        Wire(shape="page without title", body=untitled, **words),
        Wire(shape="plain text", body=text + "\n", **words),
    ]


def _escaped(text: str | None) -> str:
    return html.escape(text or "")


# By entry.


def statuses_of(entry: CatalogEntry) -> list[int]:
    """The statuses that an entry is sent with, one of each class that it names."""
    stated = [int(status.replace("xx", "00")) for status in entry.statuses]
    return stated or [500 if entry.fault in {"provider", "network"} else 400]


def messages_of(entry: CatalogEntry) -> list[tuple[str, dict[str, str]]]:
    """Every text that decides for an entry by itself, with what is captured of it."""
    return [filled(template.source) for template in entry.templates]


def wires_of(entry: CatalogEntry) -> list[Wire]:
    """Every form in which an entry's vendor sends it."""
    by_catalog = {"heygen": _heygen_entry, "liveavatar": _liveavatar_entry, "heify": _heify_entry, "layers": _layer_entry}
    return list(by_catalog[entry.provider](entry))


def _heygen_entry(entry: CatalogEntry) -> Iterator[Wire]:
    stated = None if entry.message is None else filled(entry.message)[0]
    for status in statuses_of(entry):
        for code in entry.codes:
            yield from heygen_wires(code, stated, entry.detail, status)
            yield from heygen_wires(code, None, None, status)
            if not entry.generic:
                yield from heygen_wires(code, UNRELATED, None, status)
        for message, params in messages_of(entry):
            yield from (attrs.evolve(wire, params=params) for wire in heygen_wires(None, message, None, status))
    yield from _shaped(entry, "heygen")


def _liveavatar_entry(entry: CatalogEntry) -> Iterator[Wire]:
    for status in statuses_of(entry):
        for code in entry.codes:
            for message in (entry.message, None, UNRELATED):
                yield from flat_wires("liveavatar", status, code, message)
        for message, params in messages_of(entry):
            yield from (attrs.evolve(wire, params=params) for wire in flat_wires("liveavatar", status, None, message))
    yield from _shaped(entry, "liveavatar")


def _heify_entry(entry: CatalogEntry) -> Iterator[Wire]:
    for status in statuses_of(entry):
        for message, params in messages_of(entry):
            yield from (attrs.evolve(wire, params=params) for wire in heify_wires(message, status))
    if entry.shape == "failed_without_reason":
        failed = {"transcription_id": "t1", "status": "FAILED"}
        for body in (failed, {"data": failed}, {"data": {**failed, "details": {"message": None, "code": None, "failed_at": None}}}):
            job = {"provider": "heify", "resource": {"transcription_id": "t1"}, "body": body}
            yield Wire(shape="job without reason", status=200, channel="job", **job)
            yield Wire(shape="webhook without reason", status=None, channel="webhook", **job)


def _shaped(entry: CatalogEntry, provider: str) -> Iterator[Wire]:
    states = {"failed_without_reason": "failed", "missing_job": "not_found"}
    if entry.shape not in states:
        return
    job = {"id": "v1", "status": states[entry.shape], "error": None}
    success = {"code": 1000 if provider == "liveavatar" else 100, "message": "Success", "data": job}
    words = {"provider": provider, "resource": {"id": "v1"}}
    yield Wire(shape="job v1 without reason", status=200, channel="job", body=success, **words)
    yield Wire(shape="job v3 without reason", status=200, channel="job", body={"data": {**job, "title": ""}}, **words)
    yield Wire(shape="list item without reason", status=200, channel="job", body={"data": [job]}, item=True, **words)
    yield Wire(shape="job seen without a status", status=None, channel="webhook", body=success, **words)


def _layer_entry(entry: CatalogEntry) -> Iterator[Wire]:
    upload = entry.compiled.channel == "upload"
    stated = None if entry.message is None else filled(entry.message)[0]
    for provider in ("heygen", "liveavatar", "heify"):
        for status in statuses_of(entry):
            for code in entry.codes:
                form = storage_wires if upload else gateway_wires
                yield from form(provider, status, code, stated)
                if not entry.generic:
                    yield from form(provider, status, code, UNRELATED)
            for message, params in messages_of(entry):
                for wire in _layer_message(entry, provider, status, message, upload=upload):
                    yield attrs.evolve(wire, params=params)
        yield from _layer_shape(entry, provider)


def _layer_message(entry: CatalogEntry, provider: str, status: int, message: str, *, upload: bool) -> Iterator[Wire]:
    if upload:
        words = {"provider": provider, "status": status, "channel": "upload", "message": message}
        yield Wire(shape="S3 XML without code", body=f"<Error><Message>{_escaped(message)}</Message></Error>", **words)
        return
    if entry.in_pages:
        yield from page_wires(provider, status, message)
    if entry.name.startswith("APIGW_"):
        typed = {"x-amzn-errortype": "InternalServerErrorException" if status >= 500 else "BadRequestException"}
        words = {"provider": provider, "status": status, "channel": "gateway", "message": message}
        if entry.codes == ():  # the message decides beside the vaguest error types only
            code = typed["x-amzn-errortype"]
            yield Wire(shape="gateway JSON, vague type", body={"message": message}, headers=typed, code=code, **words)
        if provider == "heify":  # HeyGen has entries of its own for some of these texts
            yield Wire(shape="gateway JSON without headers", body={"message": message}, **words)


def _layer_shape(entry: CatalogEntry, provider: str) -> Iterator[Wire]:
    if entry.shape == "raw_lambda_error":
        for status in (200, 500, None):
            words = {"provider": provider, "status": status, "channel": "gateway", "code": "KeyError", "message": "'configuration_id'"}
            body = {"errorMessage": "'configuration_id'", "errorType": "KeyError", "stackTrace": []}
            yield Wire(shape="raw Lambda error", body=body, **words)
            yield Wire(shape="raw Lambda error, request id", body={**body, "requestId": "r-1"}, **words)
    if entry.shape == "expired_url":
        signed = "https://files.heygen.ai/video/abc123.mp4?Expires=1700000000&Signature=zz&Key-Pair-Id=K7"
        for status in (403, 404):
            words = {"provider": provider, "status": status, "channel": "upload", "url": signed}
            yield Wire(shape="expired URL, nothing said", body="", **words)
