"""Every shape in which the vendors and the layers before them send a failure.

    >>> from heify_heygen_errors import normalize
    >>> from heify_heygen_errors.testing.shapes import wire
    >>> from heify_heygen_errors.testing.words import typical
    >>> wire(typical("heygen", "UNAUTHORIZED"), "v3").body["error"]["code"]
    'unauthorized'
    >>> normalize(wire(typical("heygen", "rate_limit"), "v3").observation()).category.value
    'rate_limit'

A `Shape` is a name and a function from `Words` to a body. `SHAPES` lists them all; where each was seen is told in
the vendor notes that the catalogs are made of. Performs no I/O.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.catalog import CatalogEntry, Refinement
from heify_heygen_errors.catalog.space import is_status
from heify_heygen_errors.model import EMPTY_MAP
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.testing.words import Speaker, Words, words_of, words_of_refinement

_HOSTS: Final = {
    "heygen": "https://api.heygen.com",
    "liveavatar": "https://api.liveavatar.com",
    "heify": "https://api.heify.com",
}
_FAILED_AT: Final = "2026-03-20T22:01:00+00:00"
_SIGNED: Final = "https://files.heygen.ai/video/abc123.mp4?Expires=1700000000&Signature=zz&Key-Pair-Id=K7"


@attrs.frozen(kw_only=True)
class Wire:
    """One form of a failure as it is sent, and the vendor's words as they must come out of it.

    Attributes:
        shape: name of the `Shape`.
        provider: the number space that was asked.
        status: HTTP status; None for a webhook or a body that is seen without one.
        headers: those that the meaning depends on; `factories.headers` adds the believable rest.
        body: decoded JSON, or text that is sent as it is.
        method, url: of the request, where the meaning depends on them.
        channel: the channel it must come back with.
        code, message, detail, param, doc_url, resource: what `normalize` must find in it.
        item: whether it is an item of a list or batch, which `raise_for_error` does not raise.
        params: what the message's template must capture; empty where it is not told.
        words: what it was made of.
    """

    shape: str
    provider: str
    status: int | None
    headers: Mapping[str, str] = EMPTY_MAP
    body: Any = attrs.field()
    method: str | None = None
    url: str | None = None
    channel: str
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    param: str | None = None
    doc_url: str | None = None
    resource: Mapping[str, str] = EMPTY_MAP
    item: bool = False
    params: Mapping[str, str] = EMPTY_MAP
    words: Words = attrs.field(repr=False)

    def content(self) -> bytes:
        """The body as it is sent, UTF-8."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)).encode()

    def observation(self) -> Observation:
        """What a client sees of it."""
        return Observation(self.provider, self.status, dict(self.headers), self.content(), self.method, self.url)


@attrs.frozen(kw_only=True)
class Draft:
    """What a shape makes of some words: the body, and what of the words stands in it.

    The attributes are those of `Wire`.
    """

    body: Any
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    param: str | None = None
    doc_url: str | None = None
    headers: Mapping[str, str] = EMPTY_MAP
    resource: Mapping[str, str] = EMPTY_MAP
    url: str | None = None


Write = Callable[[Words], Draft | None]
_VENDOR: Final = (Speaker.VENDOR,)


@attrs.frozen(kw_only=True)
class Shape:
    """A shape on the wire.

    Attributes:
        name: stable and public: ``v1-msg``, ``job-v3``, ``s3-xml``.
        channel: ``response``, ``job``, ``webhook``, ``gateway`` or ``upload``.
        summary: one line: what it is and where it was seen.
        providers: who is asked where it is seen.
        speakers: who sends it.
        item: whether it is an item of a list or batch.
        stored: whether it is a body that was kept without its status.
        write: makes the body; None where it cannot carry the words.
    """

    name: str
    channel: str
    summary: str
    providers: tuple[str, ...]
    write: Write = attrs.field(repr=False)
    speakers: tuple[Speaker, ...] = _VENDOR
    item: bool = False
    stored: bool = False

    @property
    def generation(self) -> str | None:
        """The generation of HeyGen's API or Heify's documentation that has it, None where it is not tied to one."""
        return next((part for part in self.name.split("-") if part in ("v1", "v2", "v3")), None)

    def render(self, words: Words) -> Wire | None:
        """The words in this shape; None where it cannot carry them without changing what they mean."""
        if words.provider not in self.providers or words.speaker not in self.speakers:
            return None
        draft = self.write(words)
        if draft is None or any(getattr(draft, name) != getattr(words, name) for name in words.needs):
            return None
        status = self._status(words)
        endpoint = words.endpoint
        if not words.holds(channel=self.channel, status=_effective(status, draft.code, self.channel), detail=draft.detail):
            return None
        return Wire(
            shape=self.name,
            provider=words.provider,
            status=status,
            headers=draft.headers,
            body=draft.body,
            method=None if endpoint is None else endpoint.method,
            url=draft.url if endpoint is None else _HOSTS[words.provider] + endpoint.path,
            channel=self.channel,
            code=draft.code,
            message=draft.message,
            detail=draft.detail,
            param=draft.param,
            doc_url=draft.doc_url,
            resource=draft.resource,
            item=self.item,
            params=words.params,
            words=words,
        )

    def _status(self, words: Words) -> int | None:
        if self.stored or self.channel == "webhook":
            return None
        return 200 if self.channel == "job" else words.status


def _effective(status: int | None, code: str | None, channel: str) -> int | None:
    """The status that conditions look at: of jobs and webhooks a code that is one."""
    failed = status if status is not None and status >= 400 else None  # noqa: PLR2004
    if code is not None and is_status(code) and int(code) >= 400 and (failed is None or channel in ("job", "webhook")):  # noqa: PLR2004
        return int(code)
    return failed


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _said(words: Words, body: Any, **found: Any) -> Draft:
    """A draft that holds code and message, and what else is named."""
    return attrs.evolve(Draft(body=body, code=words.code, message=words.message), **found)


def _number(code: str | None) -> int | str | None:
    """A code as flat bodies write it: digits as a number."""
    return int(code) if code is not None and code.isdigit() else code


def _is_number(code: str | None) -> bool:
    return code is not None and code.isdigit()


def _looks_like_code(text: str) -> bool:
    """Whether a text in the place of an error object could be taken for a code, as "forbidden" could."""
    return text.isascii() and text.replace("_", "a").isalnum() and text == text.lower() and text[0].isalpha()


def _is_silent(words: Words) -> bool:
    """Whether nothing is said but that a job failed or is missing."""
    return words.sign in ("failed_without_reason", "missing_job") and words.code is None and words.message is None


def _speaks(words: Words) -> bool:
    return words.code is not None or words.message is not None


# HeyGen and LiveAvatar: code and message at the top of the body.


def _v1(words: Words) -> Draft | None:
    if not _speaks(words):
        return None
    detail = words.detail if words.code is not None else None
    return _said(words, _without_none(code=_number(words.code), message=words.message, detail=detail), detail=detail)


def _v1_text_code(words: Words) -> Draft | None:
    if not _is_number(words.code):
        return None
    return _said(words, _without_none(code=words.code, message=words.message, detail=words.detail), detail=words.detail)


def _v1_data_null(words: Words) -> Draft | None:
    return _said(words, {"code": _number(words.code), "data": None, "message": words.message}) if words.code is not None else None


def _v1_msg(words: Words) -> Draft | None:
    if words.message is None:
        return None
    return _said(words, {"code": _number(words.code), "data": None, "msg": words.message})


def _v1_msg_no_data(words: Words) -> Draft | None:
    return None if words.message is None else _said(words, {"code": _number(words.code), "msg": words.message})


def _v1_msg_message_null(words: Words) -> Draft | None:
    if words.message is None:
        return None
    return _said(words, {"code": _number(words.code), "data": None, "msg": words.message, "message": None})


def _framework(words: Words) -> Draft | None:
    return _said(words, {"detail": words.message}) if words.code is None and words.message is not None else None


# HeyGen: an error object.


def _error(words: Words) -> dict[str, Any]:
    return _without_none(code=words.code, message=words.message)


def _v2(words: Words) -> Draft | None:
    if not _speaks(words):
        return None
    return _said(words, {"data": None, "error": _without_none(**_error(words), detail=words.detail)}, detail=words.detail)


def _v2_no_data(words: Words) -> Draft | None:
    return _said(words, {"error": _error(words)}) if _speaks(words) else None


def _v2_error_first(words: Words) -> Draft | None:
    return _said(words, {"error": _error(words), "data": None}) if _speaks(words) else None


def _v2_text(words: Words) -> Draft | None:
    if words.code is not None or words.message is None or _looks_like_code(words.message):
        return None
    return _said(words, {"error": words.message, "data": None})


def _v2_error_code(words: Words) -> Draft | None:
    if words.code is None or words.message is None or _looks_like_code(words.message):
        return None
    return _said(words, {"error": words.message, "error_code": words.code})


def _v3(words: Words) -> Draft | None:
    if not _speaks(words):
        return None
    error = _without_none(**_error(words), param=words.param, doc_url=words.doc_url)
    return _said(words, {"error": error}, param=words.param, doc_url=words.doc_url)


def _v3_nulls(words: Words) -> Draft | None:
    return _said(words, {"error": {**_error(words), "param": None, "doc_url": None}}) if _speaks(words) else None


# The codes of RFC 6749 (sections 4.1.2.1 and 5.2), RFC 6750 (3.1) and RFC 8628 (3.5).
_OAUTH_CODES: Final = frozenset(
    {
        "access_denied",
        "authorization_pending",
        "expired_token",
        "insufficient_scope",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_token",
        "server_error",
        "slow_down",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


def _oauth(words: Words) -> Draft | None:
    if words.code not in _OAUTH_CODES:
        return None
    return _said(words, _without_none(error=words.code, error_description=words.message))


# HeyGen and LiveAvatar: a failed job inside an answer of success.


def _state(words: Words) -> str:
    return "not_found" if words.sign == "missing_job" else "failed"


def _of_job(words: Words, body: Any, **found: Any) -> Draft:
    return _said(words, body, resource={"id": words.job_id}, **found)


def _success(words: Words, data: Any) -> dict[str, Any]:
    """An answer of success, v1."""
    return {"code": 1000 if words.provider == "liveavatar" else 100, "data": data, "message": "Success"}


def _job_error(words: Words, code: int | str | None) -> dict[str, Any] | None:
    """The error of a job as v1 writes it; None where nothing is said."""
    return _without_none(code=code, detail=words.detail, message=words.message) or None


def _carries_jobs(words: Words) -> bool:
    """LiveAvatar's jobs are known without a reason only."""
    return _is_silent(words) or (_speaks(words) and words.provider == "heygen")


def _job_v1(words: Words) -> Draft | None:
    if not _carries_jobs(words):
        return None
    job = {"error": _job_error(words, _number(words.code)), "id": words.job_id, "status": _state(words), "video_url": None}
    return _of_job(words, _success(words, job), detail=words.detail)


def _job_v1_text_code(words: Words) -> Draft | None:
    if not _is_number(words.code):
        return None
    job = {"error": _job_error(words, words.code), "id": words.job_id, "status": "failed", "video_url": None}
    return _of_job(words, _success(words, job), detail=words.detail)


def _failed_job(words: Words) -> dict[str, Any]:
    return _without_none(id=words.job_id, status=_state(words), failure_code=words.code, failure_message=words.message)


def _job_v3(words: Words) -> Draft | None:
    if not _carries_jobs(words):
        return None
    job = _failed_job(words)
    return _of_job(words, {"data": {**job, "title": ""} if _is_silent(words) else job})


def _job_error_object(words: Words) -> Draft | None:
    if not _speaks(words):
        return None
    return _of_job(words, {"data": {"id": words.job_id, "status": "failed", "error": _error(words)}})


def _job_error_text(words: Words) -> Draft | None:
    if words.code is not None or words.message is None or _looks_like_code(words.message):
        return None
    return _of_job(words, {"data": {"id": words.job_id, "status": "failed", "error": words.message}})


def _job_agent(words: Words) -> Draft | None:
    if words.code is not None or (words.message is None and not _is_silent(words)):
        return None
    told = [] if words.message is None else [{"type": "error", "content": words.message}]
    messages = [{"type": "text", "content": "Working on it."}, *told]
    session = {"session_id": words.job_id, "status": _state(words), "messages": messages}
    return _said(words, {"data": session}, resource={"session_id": words.job_id})


def _list_item_v3(words: Words) -> Draft | None:
    if not _carries_jobs(words):
        return None
    items = [{"id": "v0", "status": "completed"}, _failed_job(words)]
    return _of_job(words, {"data": items, "has_more": False, "next_token": None})


def _batch(words: Words, code: int | str | None) -> Draft:
    done = {"item_index": 0, "status": "completed", "video_url": "https://files.heygen.ai/video/v0.mp4"}
    item = _without_none(item_index=1, video_id=words.job_id, status=_state(words), error=_job_error(words, code))
    body = {"data": {"status": "completed", "items": [done, item]}}
    return _said(words, body, detail=words.detail, resource={"video_id": words.job_id})


def _batch_item(words: Words) -> Draft | None:
    return _batch(words, _number(words.code)) if _carries_jobs(words) else None


def _batch_item_text_code(words: Words) -> Draft | None:
    return _batch(words, words.code) if _is_number(words.code) else None


def _job_stored(words: Words) -> Draft | None:
    job = {"id": words.job_id, "status": _state(words), "error": None}
    return _of_job(words, _success(words, job)) if _is_silent(words) else None


# HeyGen: an event that it posts, with the words in each place where they were seen.


def _event(words: Words, **data: Any) -> Draft:
    body = {"event_type": "avatar_video.fail", "event_data": {"video_id": words.job_id, **_without_none(**data)}}
    return _said(words, body, resource={"video_id": words.job_id})


def _webhook_failure(words: Words) -> Draft | None:
    if words.sign == "missing_job":
        return None
    return _event(words, failure_code=words.code, failure_message=words.message) if _speaks(words) or _is_silent(words) else None


def _webhook_error_code(words: Words) -> Draft | None:
    return _event(words, error_code=words.code, error_message=words.message) if _speaks(words) else None


def _webhook_error(words: Words) -> Draft | None:
    return _event(words, error=_error(words)) if _speaks(words) else None


def _webhook_msg(words: Words) -> Draft | None:
    return _event(words, msg=words.message) if words.code is None and words.message is not None else None


def _webhook_error_text(words: Words) -> Draft | None:
    if words.code is not None or words.message is None or _looks_like_code(words.message):
        return None
    return _event(words, error=words.message)


def _event_log_item(words: Words) -> Draft | None:
    posted = _webhook_failure(words)
    if posted is None:
        return None
    event = {**posted.body, "event_id": "evt_7", "created_at": 1774044060}
    return attrs.evolve(posted, body={"data": [event], "has_more": False, "next_token": None})


# Heify: two envelopes of a refusal, and failed transcriptions.


def _envelope_v1(words: Words) -> Draft | None:
    return _said(words, {"message": words.message}) if words.message is not None else None


def _coded(words: Words) -> dict[str, Any]:
    return {"message": words.message, "code": words.status}


def _envelope_v2(words: Words) -> Draft | None:
    return _said(words, {"error": _coded(words)}, code=str(words.status)) if words.message is not None else None


def _envelope_v2_text_code(words: Words) -> Draft | None:
    error = {"message": words.message, "code": str(words.status)}
    return _said(words, {"error": error}, code=str(words.status)) if words.message is not None else None


def _envelope_v2_message(words: Words) -> Draft | None:
    return _said(words, {"error": {"message": words.message}}) if words.message is not None else None


def _envelope_v2_text(words: Words) -> Draft | None:
    return _said(words, {"error": words.message}) if words.message is not None else None


def _envelope_v2_data_null(words: Words) -> Draft | None:
    return _said(words, {"data": None, "error": _coded(words)}, code=str(words.status)) if words.message is not None else None


def _envelope_v2_lambda(words: Words) -> Draft | None:
    drawn = _envelope_v2(words)
    return drawn and attrs.evolve(drawn, headers={"x-amzn-RequestId": "9de12c5c-0b50-415c-8319-9d8c1e104c76"})


def _transcription(words: Words, **members: Any) -> dict[str, Any]:
    return {"transcription_id": words.job_id, "status": "FAILED", **members}


def _of_transcription(words: Words, body: Any, *, coded: bool) -> Draft:
    return _said(words, body, code=str(words.status) if coded else None, resource={"transcription_id": words.job_id})


def _details(words: Words) -> dict[str, Any]:
    return {**_coded(words), "failed_at": _FAILED_AT}


def _transcription_v1(words: Words) -> Draft | None:
    if _is_silent(words):
        return _of_transcription(words, _transcription(words), coded=False)
    return None if words.message is None else _of_transcription(words, _transcription(words, details=_details(words)), coded=True)


def _transcription_v2(words: Words) -> Draft | None:
    alone = _transcription_v1(words)
    return alone and attrs.evolve(alone, body={"data": alone.body})


def _transcription_v2_nulls(words: Words) -> Draft | None:
    details = {"message": None, "code": None, "failed_at": None}
    return _of_transcription(words, {"data": _transcription(words, details=details)}, coded=False) if _is_silent(words) else None


def _transcription_v2_message(words: Words) -> Draft | None:
    if words.message is None:
        return None
    return _of_transcription(words, {"data": _transcription(words, details={"message": words.message})}, coded=False)


def _transcription_v2_internal_code(words: Words) -> Draft | None:
    if words.message is None:
        return None
    body = {"data": _transcription(words, details={**_details(words), "code": 7001})}
    return attrs.evolve(_of_transcription(words, body, coded=False), code="7001")


def _transcription_error(words: Words) -> Draft | None:
    return None if words.message is None else _of_transcription(words, _transcription(words, error=_coded(words)), coded=True)


def _transcription_data_error(words: Words) -> Draft | None:
    alone = _transcription_error(words)
    return alone and attrs.evolve(alone, body={"data": alone.body})


def _transcription_data_error_text(words: Words) -> Draft | None:
    return None if words.message is None else _of_transcription(words, {"data": _transcription(words, error=words.message)}, coded=False)


def _transcription_error_message(words: Words) -> Draft | None:
    if words.message is None:
        return None
    return _of_transcription(words, {"data": _transcription(words, error_message=words.message)}, coded=False)


def _error_url(words: Words) -> Draft | None:
    return _transcription_v1(words) if _is_silent(words) else _transcription_error(words)


def _error_url_text(words: Words) -> Draft | None:
    return None if words.message is None else _of_transcription(words, _transcription(words, error=words.message), coded=False)


def _transcription_list_v1(words: Words) -> Draft | None:
    one = _transcription_v1(words)
    done = {"transcription_id": "6e1d0c9b-7a58-4f36-8e2d-1c0b9a887766", "status": "COMPLETED", "details": {"language": "en"}}
    return one and attrs.evolve(one, body={"total_transcriptions": 2, "transcriptions": [done, one.body]})


def _transcription_list_v2(words: Words) -> Draft | None:
    listed = _transcription_list_v1(words)
    return listed and attrs.evolve(listed, body={"data": listed.body})


# API Gateway and Lambda.


def _gateway_type(words: Words) -> str | None:
    """The error type that the gateway names; a message that decides stands beside the vaguest types only."""
    if words.code is not None:
        return words.code
    if words.message is None or (words.entry is not None and words.entry.codes):
        return None
    return "InternalServerErrorException" if words.status >= 500 else "BadRequestException"  # noqa: PLR2004


def _gateway_as(words: Words, header: str, written: str, body: Any) -> Draft | None:
    named = _gateway_type(words)
    return None if named is None else _said(words, body, code=named, headers={header: written.format(named)})


def _gateway(words: Words) -> Draft | None:
    return _gateway_as(words, "x-amzn-ErrorType", "{}", {"message": words.message})


def _gateway_spaced(words: Words) -> Draft | None:
    return _gateway_as(words, "X-Amzn-Errortype", "{}", json.dumps({"message": words.message}, indent=1))


def _gateway_type_url(words: Words) -> Draft | None:
    return _gateway_as(words, "x-amzn-errortype", "{}:http://internal.amazon.com/", {"message": words.message})


def _gateway_type_namespace(words: Words) -> Draft | None:
    return _gateway_as(words, "x-amzn-errortype", "com.amazon#{}", {"message": words.message})


def _gateway_xml(words: Words) -> Draft | None:
    code = words.code
    if code is None or not code.endswith("Exception"):
        return None
    return _said(words, f"<{code}><Message>{_escaped(words.message)}</Message></{code}>")


def _gateway_bare(words: Words) -> Draft | None:
    return _said(words, {"message": words.message}) if words.code is None and words.message is not None else None


def _lambda(words: Words) -> Draft | None:
    body = _without_none(errorMessage=words.message, errorType=words.code, stackTrace=[])
    return _said(words, body)


def _lambda_request_id(words: Words) -> Draft | None:
    drawn = _lambda(words)
    return drawn and attrs.evolve(drawn, body={**drawn.body, "requestId": "9de12c5c-0b50-415c-8319-9d8c1e104c76"})


# Storage behind signed URLs.


def _s3_error(words: Words) -> str | None:
    if not _speaks(words):
        return None
    code = "" if words.code is None else f"<Code>{words.code}</Code>"
    message = "" if words.message is None else f"<Message>{_escaped(words.message)}</Message>"
    return f"<Error>{code}{message}<RequestId>R7</RequestId><HostId>h/7=</HostId></Error>"


def _s3_xml(words: Words) -> Draft | None:
    error = _s3_error(words)
    return None if error is None else _said(words, f'<?xml version="1.0" encoding="UTF-8"?>\n{error}')


def _s3_xml_indented(words: Words) -> Draft | None:
    error = _s3_error(words)
    return None if error is None else _said(words, error.replace("><", ">\n  <"))


def _s3_xml_cut(words: Words) -> Draft | None:
    error = _s3_error(words)
    return None if error is None else _said(words, error[:-4])


def _s3_xml_wrapped(words: Words) -> Draft | None:
    error = _s3_error(words)
    return None if error is None else _said(words, f"<ErrorResponse>{error}</ErrorResponse>")


def _expired_url(words: Words) -> Draft | None:
    return _said(words, "", url=_SIGNED) if words.sign == "expired_url" else None


# Pages and texts of proxies: their words are no message of the vendor.


def _page_text(words: Words) -> str | None:
    if words.code is not None or (words.entry is not None and not words.entry.in_pages):
        return None
    return words.message


def _html(words: Words, content_type: str) -> Draft | None:
    text = _page_text(words)
    if text is None:
        return None
    shown = _escaped(text)
    page = f"<html>\r\n<head><title>{shown}</title></head>\r\n<body>\r\n<center><h1>{shown}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Draft(body=page, headers={"content-type": content_type})


def _page(words: Words) -> Draft | None:
    return _html(words, "text/html")


def _page_as_json(words: Words) -> Draft | None:
    return _html(words, "application/json")


def _page_untitled(words: Words) -> Draft | None:
    text = _page_text(words)
    if text is None:
        return None
    head = "<!DOCTYPE html>\n<!-- a page -->\n<html><head><style>a {}</style></head>"
    return Draft(body=f"{head}<body><p>{_escaped(text)}</p></body></html>")


def _plain(words: Words) -> Draft | None:
    text = _page_text(words)
    return None if text is None else Draft(body=text + "\n")


def _escaped(text: str | None) -> str:
    return html.escape(text or "")


_HEYGEN: Final = ("heygen",)
_LIVEAVATAR: Final = ("liveavatar",)
_BOTH: Final = ("heygen", "liveavatar")
_HEIFY: Final = ("heify",)
_ALL: Final = ("heygen", "liveavatar", "heify")


def _shape(name: str, channel: str, providers: tuple[str, ...], write: Write, summary: str, **more: Any) -> Shape:
    return Shape(name=name, channel=channel, summary=summary, providers=providers, write=write, **more)


def _by_layer(name: str, channel: str, speakers: tuple[Speaker, ...], write: Write, summary: str, **more: Any) -> Shape:
    return Shape(**{"providers": _ALL, **more}, name=name, channel=channel, summary=summary, speakers=speakers, write=write)


_GATEWAY: Final = (Speaker.GATEWAY,)
_LAMBDA: Final = (Speaker.LAMBDA,)
_STORAGE: Final = (Speaker.STORAGE,)
_PAGES: Final = (Speaker.PROXY, Speaker.GATEWAY)

SHAPES: Final[tuple[Shape, ...]] = (
    _shape("v3", "response", _HEYGEN, _v3, "The v3 error object with param and doc_url where there are any (HeyGen's API document)."),
    _shape(
        "v3-nulls", "response", _HEYGEN, _v3_nulls, "The v3 error object with param and doc_url null (examples of HeyGen's API document)."
    ),
    _shape("v2", "response", _HEYGEN, _v2, "The v2 wrapper: data null beside the error, with its detail (docs.heygen.com)."),
    _shape("v2-no-data", "response", _HEYGEN, _v2_no_data, "The v2 wrapper without data (docs.heygen.com)."),
    _shape("v2-error-first", "response", _HEYGEN, _v2_error_first, "The v2 wrapper with the error before data (docs.heygen.com)."),
    _shape("v2-text", "response", _HEYGEN, _v2_text, "The message in the place of the error object (HeyGen's own skill texts)."),
    _shape("v2-error-code", "response", _HEYGEN, _v2_error_code, "The message as error with error_code beside it (POST /v2/videos)."),
    _shape("v1", "response", _BOTH, _v1, "Code, message and detail at the top: v1, streaming, uploads (docs.heygen.com)."),
    _shape(
        "v1-text-code",
        "response",
        _BOTH,
        _v1_text_code,
        "Code, message and detail at the top, the number as text (fixtures of public clients).",
    ),
    _shape(
        "v1-data-null",
        "response",
        _BOTH,
        _v1_data_null,
        "Code, data null and message: LiveAvatar (docs.liveavatar.com).",
    ),
    _shape("v1-msg", "response", _BOTH, _v1_msg, "The message as msg: upload host (fixtures of public clients)."),
    _shape("v1-msg-no-data", "response", _BOTH, _v1_msg_no_data, "Nothing but code and msg: upload host (fixtures of public clients)."),
    _shape("v1-msg-message-null", "response", _BOTH, _v1_msg_message_null, "msg with message null beside it: HeyGen's web API."),
    _shape(
        "framework",
        "response",
        _BOTH,
        _framework,
        "The web framework's detail: wrong content types, 422 (InteractiveAvatarNextJSDemo issue 5).",
    ),
    _shape("oauth", "response", _HEYGEN, _oauth, "The code as error, the message as error_description (RFC 6749 section 5.2)."),
    _shape("job-v3", "job", _BOTH, _job_v3, "GET of a v3 job: failure_code and failure_message, or neither (HeyGen's API document)."),
    _shape("job-v1", "job", _BOTH, _job_v1, "GET /v1/video_status.get: error object or null in an answer of success (docs.heygen.com)."),
    _shape(
        "job-v1-text-code",
        "job",
        _HEYGEN,
        _job_v1_text_code,
        "GET /v1/video_status.get: an error object with its number as text (docs.heygen.com).",
    ),
    _shape(
        "job-error-object",
        "job",
        _HEYGEN,
        _job_error_object,
        "An error object without the answer of success: avatars, workflows (HeyGen's API document).",
    ),
    _shape(
        "job-error-text", "job", _HEYGEN, _job_error_text, "The message in the place of the error object: avatars (HeyGen's API document)."
    ),
    _shape("job-agent", "job", _HEYGEN, _job_agent, "A video agent's session: the last message of type error, or none (HeyGen's CLI)."),
    _shape("list-item-v3", "job", _BOTH, _list_item_v3, "A v3 job in a list: failure_code and failure_message, or neither.", item=True),
    _shape("batch-item", "job", _HEYGEN, _batch_item, "An item of a batch with its error (HeyGen's CLI).", item=True),
    _shape(
        "batch-item-text-code", "job", _HEYGEN, _batch_item_text_code, "An item of a batch with its error, the number as text.", item=True
    ),
    _shape(
        "event-log-item",
        "job",
        _HEYGEN,
        _event_log_item,
        "GET /v3/webhooks/events: a posted event in the log (HeyGen's API document).",
        item=True,
    ),
    _shape("job-stored", "webhook", _BOTH, _job_stored, "The job of v1 without a reason, kept without its HTTP status.", stored=True),
    _shape("webhook-failure", "webhook", _HEYGEN, _webhook_failure, "An event with failure_code and failure_message (public code)."),
    _shape("webhook-error-code", "webhook", _HEYGEN, _webhook_error_code, "An event with error_code and error_message (public code)."),
    _shape("webhook-error", "webhook", _HEYGEN, _webhook_error, "An event with an error object (public code)."),
    _shape("webhook-msg", "webhook", _HEYGEN, _webhook_msg, "An event with msg (docs.heygen.com)."),
    _shape("webhook-error-text", "webhook", _HEYGEN, _webhook_error_text, "An event with the message as error (HeyGen's own skill texts)."),
    _shape(
        "envelope-v2",
        "response",
        _HEIFY,
        _envelope_v2,
        "The envelope of 2026: error with message and code (docs.heify.com/platform/errors).",
    ),
    _shape("envelope-v2-text-code", "response", _HEIFY, _envelope_v2_text_code, "The envelope of 2026 with its code as text."),
    _shape("envelope-v2-message", "response", _HEIFY, _envelope_v2_message, "The envelope of 2026 without its code."),
    _shape("envelope-v2-text", "response", _HEIFY, _envelope_v2_text, "The message in the place of the error object."),
    _shape("envelope-v2-data-null", "response", _HEIFY, _envelope_v2_data_null, "The envelope of 2026 with data null before the error."),
    _shape("envelope-v2-lambda", "response", _HEIFY, _envelope_v2_lambda, "The envelope of 2026 with the request id of a Lambda proxy."),
    _shape("envelope-v1", "response", _HEIFY, _envelope_v1, "The envelope of 2025: nothing but the message (docs.heify.com/core/errors)."),
    _shape(
        "transcription-v2", "job", _HEIFY, _transcription_v2, "/get-transcription: details with message and code, or none (docs.heify.com)."
    ),
    _shape(
        "transcription-v2-nulls", "job", _HEIFY, _transcription_v2_nulls, "/get-transcription: details that are all null (docs.heify.com)."
    ),
    _shape(
        "transcription-v2-message", "job", _HEIFY, _transcription_v2_message, "/get-transcription: details with a message, but no code."
    ),
    _shape(
        "transcription-v2-internal-code",
        "job",
        _HEIFY,
        _transcription_v2_internal_code,
        "/get-transcription: details with a code that is no HTTP status.",
    ),
    _shape(
        "transcription-v1",
        "job",
        _HEIFY,
        _transcription_v1,
        "/details of 2025: details with message and code, not under data (docs.heify.com).",
    ),
    _shape(
        "transcription-error", "job", _HEIFY, _transcription_error, "An error object in place of details (docs.heify.com/core/objects)."
    ),
    _shape(
        "transcription-data-error",
        "job",
        _HEIFY,
        _transcription_data_error,
        "An error object under data (docs.heify.com/quickstart of 2025).",
    ),
    _shape("transcription-data-error-text", "job", _HEIFY, _transcription_data_error_text, "The message as error under data."),
    _shape(
        "transcription-error-message",
        "job",
        _HEIFY,
        _transcription_error_message,
        "error_message under data (docs.heify.com/quickstart of 2026).",
    ),
    _shape(
        "transcription-list-v2",
        "job",
        _HEIFY,
        _transcription_list_v2,
        "/list-transcriptions: items under data (docs.heify.com).",
        item=True,
    ),
    _shape(
        "transcription-list-v1", "job", _HEIFY, _transcription_list_v1, "The list of 2025: items at the top (docs.heify.com).", item=True
    ),
    _shape("error-url", "webhook", _HEIFY, _error_url, "What Heify posts to error_url (docs.heify.com/sandbox/configurations)."),
    _shape("error-url-text", "webhook", _HEIFY, _error_url_text, "What Heify posts to error_url, with the message as error."),
    _shape(
        "transcription-stored", "webhook", _HEIFY, _transcription_v2, "A failed transcription, kept without its HTTP status.", stored=True
    ),
    _shape(
        "transcription-stored-nulls",
        "webhook",
        _HEIFY,
        _transcription_v2_nulls,
        "A failed transcription with details that are all null, kept without its HTTP status.",
        stored=True,
    ),
    _by_layer(
        "gateway", "gateway", _GATEWAY, _gateway, "API Gateway: the message in JSON, the type in x-amzn-ErrorType (docs.aws.amazon.com)."
    ),
    _by_layer(
        "gateway-spaced",
        "gateway",
        _GATEWAY,
        _gateway_spaced,
        "API Gateway: the JSON with white space, as answers of integrations have it.",
    ),
    _by_layer("gateway-type-url", "gateway", _GATEWAY, _gateway_type_url, "API Gateway: a URL behind the type in the header."),
    _by_layer(
        "gateway-type-namespace", "gateway", _GATEWAY, _gateway_type_namespace, "API Gateway: a namespace before the type in the header."
    ),
    _by_layer("gateway-xml", "gateway", _GATEWAY, _gateway_xml, "API Gateway that was asked for XML: the type is the root element."),
    _by_layer("gateway-bare", "gateway", _GATEWAY, _gateway_bare, "The message alone, the header lost on the way.", providers=_HEIFY),
    _by_layer(
        "lambda", "gateway", _LAMBDA, _lambda, "A Lambda function that crashed, as it is without proxy integration (docs.aws.amazon.com)."
    ),
    _by_layer(
        "lambda-request-id",
        "gateway",
        _LAMBDA,
        _lambda_request_id,
        "A Lambda function that crashed, with the request id of newer run-times.",
    ),
    _by_layer("lambda-stored", "gateway", _LAMBDA, _lambda, "A Lambda function that crashed, kept without its HTTP status.", stored=True),
    _by_layer("s3-xml", "upload", _STORAGE, _s3_xml, "S3 behind a signed URL (docs.aws.amazon.com/AmazonS3 ErrorResponses)."),
    _by_layer(
        "s3-xml-indented", "upload", _STORAGE, _s3_xml_indented, "S3 XML with white space and no prolog, as compatible stores have it."
    ),
    _by_layer("s3-xml-cut", "upload", _STORAGE, _s3_xml_cut, "S3 XML, cut off near its end."),
    _by_layer("s3-xml-wrapped", "upload", _STORAGE, _s3_xml_wrapped, "S3 XML inside ErrorResponse, as S3 Control has it."),
    _by_layer("expired-url", "upload", _STORAGE, _expired_url, "A signed URL that has run out, answered with nothing."),
    _by_layer("page", "gateway", _PAGES, _page, "A proxy's page."),
    _by_layer("page-as-json", "gateway", _PAGES, _page_as_json, "A proxy's page labelled as JSON."),
    _by_layer("page-untitled", "gateway", _PAGES, _page_untitled, "A page without a title."),
    _by_layer("plain", "gateway", _PAGES, _plain, "A proxy's plain text."),
)
"""Every shape; of each vendor the present ones come first."""

_BY_NAME: Final[Mapping[str, Shape]] = {shape.name: shape for shape in SHAPES}


def shapes_of(provider: str) -> tuple[Shape, ...]:
    """The shapes that an answer of a vendor can have, those of the layers in front of it included."""
    return tuple(shape for shape in SHAPES if provider in shape.providers)


def wire(words: Words, shape: str) -> Wire:
    """The words in a shape.

    Raises:
        ValueError: the shape cannot carry the words, or does not exist; names those that can.
    """
    known = _BY_NAME.get(shape)
    found = known.render(words) if known is not None else None
    if found is not None:
        return found
    able = ", ".join(one.shape for one in wires(words))
    fault = f"there is no shape {shape!r}" if known is None else f"the shape {shape!r} cannot carry {_told(words)}"
    msg = f"{fault}: use one of {able}" if able else f"no shape can carry {_told(words)}"
    raise ValueError(msg)


def _told(words: Words) -> str:
    """The words as error messages name them."""
    more = f" with {' and '.join(sorted(words.needs))}" if words.needs else ""
    return f"{words.rule or 'these words'} of {words.provider}{more}"


def wires(words: Words) -> Iterator[Wire]:
    """The words in every shape that can carry them."""
    for shape in SHAPES:
        found = shape.render(words)
        if found is not None:
            yield found


def wires_of(entry: CatalogEntry, provider: str | None = None) -> Iterator[Wire]:
    """Every form in which an entry is sent. See `words_of` for the arguments and what is raised."""
    for words in words_of(entry, provider):
        yield from wires(words)


def wires_of_refinement(entry: CatalogEntry, refinement: Refinement, provider: str | None = None) -> Iterator[Wire]:
    """Every form in which a refinement is sent. See `words_of_refinement` for the arguments and what is raised."""
    for words in words_of_refinement(entry, refinement, provider):
        yield from wires(words)


# The shape that a vendor would use.

_LAYER_SHAPES: Final[Mapping[Speaker, tuple[str, ...]]] = {
    Speaker.GATEWAY: ("gateway", "gateway-bare", "page"),
    Speaker.LAMBDA: ("lambda",),
    Speaker.STORAGE: ("s3-xml", "expired-url"),
    Speaker.PROXY: ("page",),
}


def default_shape(words: Words, path: str | None = None) -> str:
    """The shape that the vendor would use for the words at a path.

    HeyGen: the error object below ``/v3`` and without a path (a code that is a number is of v1), the v2 wrapper
    below ``/v2`` and ``/v1/video_agent``, flat bodies below the rest of ``/v1`` (see `error_style_of` for exceptions). LiveAvatar: flat. Heify: the
    envelope of 2026. Layers: their own. What is said of failed jobs only comes in the job of that generation.
    Where that shape cannot carry the words, the next that can.

    Raises:
        ValueError: no shape carries the words.
    """
    for name in _preferred(words, path):
        if _BY_NAME[name].render(words) is not None:
            return name
    found = next(wires(words), None)
    if found is None:
        msg = f"no shape can carry {_told(words)}"
        raise ValueError(msg)
    return found.shape


def default_wire(words: Words, path: str | None = None) -> Wire:
    """The words as the vendor would send them at a path: with the code of that generation, in `default_shape`.

    Raises:
        ValueError: no shape carries the words.
    """
    spoken = words if path is None else words.in_generation(error_style_of(path))
    return wire(spoken, default_shape(spoken, path))


def generation_of(path: str | None) -> str:
    """HeyGen's API generation at a path: ``v1``, ``v2`` (which the old video agent speaks, too) or ``v3``."""
    for generation in ("v2", "v1"):
        if path is not None and f"{path.rstrip('/')}/".startswith(f"/{generation}/"):
            return "v2" if path.startswith("/v1/video_agent") else generation
    return "v3"


# By HeyGen's own API document of 2026, these old paths answer with the error object of v3 already.
_SPEAK_V3: Final = ("/v1/audio", "/v1/workflows", "/v2/videos", "/v2/video_translate")


def error_style_of(path: str | None) -> str:
    """The generation whose error shape HeyGen uses at a path."""
    if path is not None and any(f"{path.rstrip('/')}/".startswith(f"{start}/") for start in _SPEAK_V3):
        return "v3"
    return generation_of(path)


def _preferred(words: Words, path: str | None) -> tuple[str, ...]:
    if words.speaker is not Speaker.VENDOR:
        return _LAYER_SHAPES[words.speaker]
    if words.provider == "heify":
        return ("transcription-v2",) if words.only_in_jobs else ("envelope-v2", "envelope-v1", "transcription-v2")
    if words.provider == "liveavatar":
        return ("job-v1",) if words.only_in_jobs else ("v1-data-null", "v1")
    generation = error_style_of(path)
    if path is None and words.code is not None and words.code.isdigit():
        generation = "v1"
    if words.only_in_jobs:
        return ("job-v3", "job-v1") if generation == "v3" else ("job-v1", "job-v3")
    later = {"v3": ("v3", "v2", "v1"), "v2": ("v2", "v1"), "v1": ("v1",)}
    return later[generation]
