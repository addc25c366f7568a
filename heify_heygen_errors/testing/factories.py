"""What people need in tests of their own: bodies, headers, responses, exceptions, webhooks and log records, without a server.

    >>> from heify_heygen_errors import normalize
    >>> from heify_heygen_errors.testing import factories
    >>> factories.body("heify", "MISSING_FIELD")
    {'error': {'message': 'Missing required field: title', 'code': 400}}
    >>> normalize(factories.response("heygen", "rate_limit", retry_after=7)).retry.after
    7.0

Everything comes from the catalogs and is the same in every run: no clock is read, nothing is drawn by chance.
HTTP libraries are imported when one of their objects is asked for.

`what` is a code (``"400112"``), a name (``"UNAUTHORIZED"``), a rule (``"VIDEO_FORMAT_NOT_SUPPORTED#plan"``) or a
category (``"rate_limit"``); see `typical`. Options have the same names and meanings in all functions; see
`BodyOptions` and `AnswerOptions`. All functions raise

- KeyError where the catalogs know no such thing; the message names the nearest;
- ValueError where the shape cannot carry the words; the message names those that can;
- TypeError for an option that does not exist.
"""

from __future__ import annotations

import io
import json
import uuid
import zlib
from collections.abc import Mapping
from http.client import responses
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

import attrs

from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, ErrorInfo
from heify_heygen_errors.normalizer import normalize, path_of
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.testing.answer_headers import headers_of, webhook_signature
from heify_heygen_errors.testing.libraries import imported, known_library
from heify_heygen_errors.testing.shapes import SHAPES, Wire, default_shape, generation_of, wire, wires
from heify_heygen_errors.testing.transport_failures import DEFAULT_METHOD, DEFAULT_URL, logged_failure, transport_entry, transport_exception
from heify_heygen_errors.testing.words import Speaker, Words, reworded, typical

__all__ = [
    "MOMENT",
    "WEBHOOK_SECRET",
    "AnswerOptions",
    "BodyOptions",
    "Webhook",
    "body",
    "exception",
    "headers",
    "info",
    "record",
    "response",
    "transport_exception",
    "webhook",
]

WEBHOOK_SECRET: Final = "whsec_0123456789abcdef0123456789abcdef"  # noqa: S105 - opens nothing
"""The secret that webhooks are signed with unless another is given."""

MOMENT: Final = 1791279000
"""The time of everything, in Unix seconds: 6 October 2026, 09:30 UTC, when all generations of HeyGen's API answered."""

_DATE: Final = "Tue, 06 Oct 2026 09:30:00 GMT"


class BodyOptions(TypedDict, total=False):
    """What can be said otherwise than the vendor does as a rule. Options that are None count as not given.

    Attributes:
        shape: name of a shape (``"v1-msg"``, ``"job-v3"``); else the one that the vendor would use.
        generation: of HeyGen's API, ``"v1"``, ``"v2"`` or ``"v3"``: decides code, shape and headers; else that of
            the shape or of `url`, else the current one.
        code: the vendor's code; one that no catalog lists is taken as it is.
        message, detail: the vendor's texts. With other texts it can come back as another entry.
        status: HTTP status of the refusal; answers that carry failed jobs keep their 200.
        param: the field at fault, in shapes that name one.
        job_id: id of the job that failed, in shapes that have one.
        url: of the request, whose path decides the generation; else that of a call that gets such answers.
    """

    shape: str | None
    generation: str | None
    code: str | int | None
    message: str | None
    detail: str | None
    status: int | None
    param: str | None
    job_id: str | None
    url: str | None


class AnswerOptions(BodyOptions, total=False):
    """Options of what has headers and a request.

    Attributes:
        retry_after: the Retry-After header, in seconds or as text.
        request_id: the request id in the vendor's own header.
        method: of the request; else that of a call that gets such answers.
    """

    retry_after: float | str | None
    request_id: str | None
    method: str | None


@attrs.frozen(kw_only=True)
class _Answer:
    """A failure as it is sent, with all its headers, and the request that it answers."""

    wire: Wire
    headers: dict[str, str]
    method: str | None
    url: str | None

    def observation(self) -> Observation:
        return Observation(self.wire.provider, self.wire.status, self.headers, self.wire.content(), self.method, self.url)


def body(provider: str, what: str | int | Category, **options: Unpack[BodyOptions]) -> Any:
    """The body of a failure: decoded JSON, or text for pages, XML and plain texts.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see the module.
        options: see `BodyOptions`.

    Raises:
        KeyError, ValueError, TypeError: see the module.
    """
    return _wire(provider, what, _given(options, BodyOptions)).body


def headers(provider: str, what: str | int | Category, **options: Unpack[AnswerOptions]) -> dict[str, str]:
    """The headers of a failure, as the vendor or the layer that answers sends them; all but Content-Length.

    Content type, date, server and request id; HeyGen's Deprecation and Sunset on v1 and v2; Retry-After where the
    vendor sends it (HeyGen and LiveAvatar for rate limits; Heify never). See `body` for arguments and what is raised.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see the module.
        options: see `AnswerOptions`.
    """
    return _answer(provider, what, options).headers


def response(provider: str, what: str | int | Category, *, library: str = "requests", **options: Unpack[AnswerOptions]) -> Any:
    """A failure as a response object of an HTTP library, its body read and its request attached.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see the module.
        library: ``requests``, ``httpx2`` or ``httpx``.
        options: see `AnswerOptions`.

    Raises:
        KeyError, ValueError, TypeError: see the module; ValueError also for webhooks, which are no response.
        ModuleNotFoundError: the library is not installed; names the command that installs it.
    """
    answer = _answer(provider, what, options)
    if answer.wire.status is None:
        msg = f"the shape {answer.wire.shape!r} has no status, so it is no response: use webhook() or record()"
        raise ValueError(msg)
    content = answer.wire.content()
    sent = {**answer.headers, "content-length": str(len(content))}
    if known_library(library) == "requests":
        return _requests_response(answer, sent, content)
    module = imported(library)
    return module.Response(answer.wire.status, headers=sent, content=content, request=module.Request(answer.method, answer.url))


def _requests_response(answer: _Answer, sent: Mapping[str, str], content: bytes) -> Any:
    requests = imported("requests")
    status = answer.wire.status or 0
    raw = imported("urllib3").HTTPResponse(
        body=io.BytesIO(content),
        headers=sent,
        status=status,
        reason=responses.get(status, ""),
        preload_content=False,
        request_method=answer.method,
    )
    request = requests.Request(answer.method, answer.url).prepare()
    made = requests.adapters.HTTPAdapter().build_response(request, raw)
    _ = made.content  # reads it, as a call without streaming does
    return made


def info(provider: str, what: str | int | Category, **options: Unpack[AnswerOptions]) -> ErrorInfo:
    """A failure as `normalize` reports it.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see the module; ``"transport/CONNECT_TIMEOUT"`` and its like for failures without an answer, which
            take the options `method` and `url` only and are told as a log would.
        options: see `AnswerOptions`.

    Raises:
        KeyError, ValueError, TypeError: see the module; ValueError also where the options make a success of it.
    """
    return _found(provider, what, options)[0]


def exception(provider: str, what: str | int | Category, **options: Unpack[AnswerOptions]) -> ApiError:
    """A failure as the exception that `raise_for_error` raises, of its category's class. See `info`.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see `info`.
        options: see `AnswerOptions`.
    """
    found, seen = _found(provider, what, options)
    error = ApiError.of(found)
    error.method, error.path = seen.method, path_of(seen.url)
    return error


def record(provider: str, what: str | int | Category, **options: Unpack[AnswerOptions]) -> dict[str, Any]:
    """A failure as a log record: ``provider, status, headers, body, method, url, exception``.

    The body is text, as logs have it. Failures without an answer have an exception and nothing else. See `info`.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: see `info`.
        options: see `AnswerOptions`.
    """
    if _is_transport(what):
        call = _unanswered(provider, str(what), options)
        told = {"method": call.method, "url": call.url, "exception": call.exception}
        return {"provider": call.provider, "status": None, "headers": None, "body": None, **told}
    answer = _answer(provider, what, options)
    return {
        "provider": answer.wire.provider,
        "status": answer.wire.status,
        "headers": answer.headers,
        "body": answer.wire.content().decode(),
        "method": answer.method,
        "url": answer.url,
        "exception": None,
    }


# Options to words, words to answers.


def _found(provider: str, what: str | int | Category, options: AnswerOptions) -> tuple[ErrorInfo, Observation]:
    """The failure, and what was seen of it."""
    seen = _unanswered(provider, str(what), options) if _is_transport(what) else _answer(provider, what, options).observation()
    found = normalize(seen)
    if found is None:
        msg = f"what was made of {what!r} for {provider} with these options is a success"
        raise ValueError(msg)
    return found, seen


def _said(provider: str, what: str | int | Category, given: Mapping[str, Any]) -> Words:
    """The typical words with what the options change in them."""
    words, generation = typical(provider, what), _generation(given)
    if generation is not None:
        words = words.in_generation(generation)
    changes = {name: given[name] for name in ("code", "message", "detail", "status", "param", "job_id") if name in given}
    if "code" in changes:
        changes["code"] = str(changes["code"])
    return reworded(words, **changes) if changes else words


def _wire(provider: str, what: str | int | Category, given: Mapping[str, Any]) -> Wire:
    words, generation = _said(provider, what, given), _generation(given)
    shape = given.get("shape")
    if shape is None:
        return wire(words, default_shape(words, None if generation is None else f"/{generation}"))
    numbered = words.in_generation("v1")  # some shapes are for codes that are numbers
    return wire(numbered if shape not in _able(words) and shape in _able(numbered) else words, shape)


def _able(words: Words) -> set[str]:
    return {form.shape for form in wires(words)}


def _given(options: Mapping[str, Any], known: type[BodyOptions] = AnswerOptions) -> dict[str, Any]:
    """The options that were given; TypeError for one that there is none of."""
    for name in options:
        if name not in known.__annotations__:
            msg = f"there is no option {name!r}: use one of {', '.join(known.__annotations__)}"
            raise TypeError(msg)
    return {name: value for name, value in options.items() if value is not None}


def _generation(given: Mapping[str, Any]) -> str | None:
    """The generation that the options name: by itself, by the shape or by the URL's path."""
    generation: str | None = given.get("generation")
    if generation is not None:
        if generation not in ("v1", "v2", "v3"):
            msg = f"there is no generation {generation!r}: use one of v1, v2, v3"
            raise ValueError(msg)
        return generation
    if "shape" in given:
        return next((shape.generation for shape in SHAPES if shape.name == given["shape"]), None)
    return generation_of(urlsplit(given["url"]).path) if "url" in given else None


def _answer(provider: str, what: str | int | Category, options: Mapping[str, Any]) -> _Answer:
    given = _given(options)
    sent = _wire(provider, what, given)
    method, url = _request_of(sent, _generation(given))
    if sent.channel != "webhook":
        method, url = given.get("method", method), given.get("url", url)
    return _Answer(wire=sent, headers=_headers(sent, given), method=method, url=url)


def _headers(sent: Wire, given: Mapping[str, Any]) -> dict[str, str]:
    request_id = given.get("request_id", _request_id(sent))
    made = {"date": _DATE} | headers_of(sent, request_id, _generation(given) or _spoken_generation(sent))
    if sent.words.speaker is Speaker.PROXY and "request_id" in given:
        made["x-request-id"] = request_id
    if "retry_after" in given:
        after = given["retry_after"]
        made["retry-after"] = after if isinstance(after, str) else f"{after:g}"
    return made


def _request_id(sent: Wire) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sent.provider}/{sent.words.rule}/{sent.shape}"))


def _spoken_generation(sent: Wire) -> str | None:
    return next((shape.generation for shape in SHAPES if shape.name == sent.shape), None)


# A call that gets answers of this shape, by provider and beginning of the shape's name.
_CALLS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "heygen": {
        "job-v1": ("GET", "https://api.heygen.com/v1/video_status.get?video_id={job_id}"),
        "job-agent": ("GET", "https://api.heygen.com/v3/video-agents/{job_id}"),
        "job-error": ("GET", "https://api.heygen.com/v3/avatars/looks/{job_id}"),
        "job-v3": ("GET", "https://api.heygen.com/v3/videos/{job_id}"),
        "list-item": ("GET", "https://api.heygen.com/v3/videos"),
        "batch-item": ("GET", "https://api.heygen.com/v3/videos/batches/batch_7"),
        "event-log": ("GET", "https://api.heygen.com/v3/webhooks/events"),
        "v2": ("POST", "https://api.heygen.com/v2/video/generate"),
        "v1": ("POST", "https://api.heygen.com/v1/streaming.new"),
        "": (DEFAULT_METHOD, DEFAULT_URL),
    },
    "liveavatar": {
        "job": ("GET", "https://api.liveavatar.com/v1/sessions/{job_id}"),
        "list-item": ("GET", "https://api.liveavatar.com/v1/sessions"),
        "": ("POST", "https://api.liveavatar.com/v1/sessions/start"),
    },
    "heify": {
        "transcription-list": ("POST", "https://api.heify.com/list-transcriptions"),
        "transcription-v1": ("POST", "https://api.heify.com/details"),
        "transcription": ("POST", "https://api.heify.com/get-transcription"),
        "": ("POST", "https://api.heify.com/submit"),
    },
}
_STORES: Final[Mapping[str, tuple[str, str]]] = {
    "heify": ("PUT", "https://storage.heify.com/upload/7.mp3?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&X-Amz-Signature=zz"),
    "": ("GET", "https://files.heygen.ai/video/7.mp4?Expires=1791279300&Signature=zz&Key-Pair-Id=K7"),
}


def _request_of(sent: Wire, generation: str | None) -> tuple[str | None, str | None]:
    """Method and URL of a call that such an answer belongs to; none for what is posted by the vendor."""
    if sent.channel == "webhook":
        return None, None
    if sent.url is not None:
        return sent.method or "GET", sent.url
    if sent.channel == "upload":
        return _STORES.get(sent.provider, _STORES[""])
    calls = _CALLS[sent.provider]
    wanted = sent.shape if sent.words.speaker is Speaker.VENDOR else generation or ""
    method, url = next(call for start, call in calls.items() if wanted.startswith(start))
    return method, url.format(job_id=sent.words.job_id)


# Webhooks.


@attrs.frozen(kw_only=True)
class Webhook:
    """A failure as the vendor posts it to you.

    Attributes:
        provider: who posts it.
        headers: signature included.
        body: the very bytes that the signature covers.
    """

    provider: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    def observation(self) -> Observation:
        """What `normalize` takes: a webhook has no HTTP status."""
        return Observation(self.provider, None, dict(self.headers), self.body)


def webhook(
    provider: str,
    what: str | int | Category,
    *,
    event: str | None = None,
    secret: str | None = WEBHOOK_SECRET,
    signature: str = "Heygen-Signature",
    timestamp: int = MOMENT,
    **options: Unpack[BodyOptions],
) -> Webhook:
    """A failure as an event that the vendor posts to you.

    HeyGen signs the raw body: HMAC-SHA256 with the endpoint's secret, in hex. Its header was renamed more than
    once, and only ``Heygen-Signature`` has ``Heygen-Timestamp`` and ``Heygen-Event-Id`` beside it (public clients,
    vendor notes 2026-11). Heify posts to the configuration's error_url, without event type and signature.

    Arguments:
        provider: ``heygen`` or ``heify``; LiveAvatar and the layers post nothing.
        what: see the module.
        event: HeyGen's event type, ``"avatar_video.fail"`` by default.
        secret: of HeyGen's endpoint; None for an unsigned event.
        signature: name of HeyGen's header: ``Heygen-Signature``, ``X-HeyGen-Signature`` or ``Signature``.
        timestamp: seconds since 1970, for HeyGen's header of that name.
        options: see `BodyOptions`; the shape must be one of webhooks.

    Raises:
        KeyError, ValueError, TypeError: see the module; ValueError also where the vendor posts no such thing.
    """
    sent = _posted(provider, what, _given(options, BodyOptions))
    posted = sent.body
    if event is not None:
        if provider != "heygen":
            msg = f"webhooks of {provider} have no event type"
            raise ValueError(msg)
        posted = {**posted, "event_type": event}
    content = json.dumps(posted, ensure_ascii=False).encode()
    made = {"content-type": "application/json"}
    if provider == "heygen" and secret is not None:
        made[signature] = webhook_signature(secret, content)
        if signature.lower() == "heygen-signature":
            made |= {"Heygen-Timestamp": str(timestamp), "Heygen-Event-Id": f"evt_{zlib.crc32(content):08x}"}
    return Webhook(provider=provider, headers=made, body=content)


def _posted(provider: str, what: str | int | Category, given: Mapping[str, Any]) -> Wire:
    """The words in the shape of a webhook that was asked for, or in the first that can carry them."""
    words = _said(provider, what, given)
    shapes = [shape for shape in SHAPES if shape.channel == "webhook" and not shape.stored and provider in shape.providers]
    able = {form.shape: form for shape in shapes if (form := shape.render(words)) is not None}
    if not able:
        msg = f"{provider} posts no webhook for {words.rule or 'these words'}" if shapes else f"{provider} posts no webhooks"
        raise ValueError(msg)
    wanted = given.get("shape", next(iter(able)))
    if wanted not in able:
        msg = f"the shape {wanted!r} is no webhook for {words.rule or 'these words'}: use one of {', '.join(able)}"
        raise ValueError(msg)
    return able[wanted]


# Calls without an answer.


def _is_transport(what: str | int | Category) -> bool:
    return isinstance(what, str) and what.startswith("transport/")


def _unanswered(provider: str, rule: str, options: Mapping[str, Any]) -> Observation:
    """A call without an answer, as it stands in a log."""
    given = _given(options)
    for option in given:
        if option not in ("method", "url"):
            msg = f"a failure without an answer takes the options method and url, not {option!r}"
            raise TypeError(msg)
    if provider not in _CALLS:
        typical(provider, "unknown")  # raises what it raises for unknown providers everywhere
    method, url = _CALLS[provider][""]
    method, url = given.get("method", method), given.get("url", url)
    return Observation(provider, method=method, url=url, exception=logged_failure(transport_entry(rule), method, url))
