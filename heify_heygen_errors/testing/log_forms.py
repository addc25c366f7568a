"""The forms of log records: each a record with slots for what varies, made of the catalogs and of a table of successes."""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from itertools import accumulate, cycle, islice
from math import fsum
from typing import Any, Final
from zlib import crc32

import attrs

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.model import Category
from heify_heygen_errors.testing import factories
from heify_heygen_errors.testing.answer_headers import SUNSET
from heify_heygen_errors.testing.shapes import Shape, Wire, shapes_of
from heify_heygen_errors.testing.words import FILLS, Words, filled, typical


def choices(weighted: Iterable[tuple[Any, float]]) -> tuple[list[Any], list[float]]:
    """What can be chosen, and up to which number from 0 to 1 each is; what weighs nothing is left out."""
    able = [(one, weight) for one, weight in weighted if weight]
    total = fsum(weight for _, weight in able)  # sum adds floats otherwise since Python 3.12
    return [one for one, _ in able], list(accumulate(weight / total for _, weight in able))


class Topic:
    """Something that is logged, in all its forms; they are made when they are first drawn.

    Arguments:
        list_forms: gives what makes each form, and how often it is seen.
    """

    __slots__ = ("_list_forms", "_made", "_makers", "_upto")

    def __init__(self, list_forms: Callable[[], Iterable[tuple[Callable[[], Form], float]]]) -> None:
        self._list_forms = list_forms
        self._makers: list[Callable[[], Form]] = []
        self._upto: list[float] = []
        self._made: list[Form | None] = []

    def form(self, chosen: float) -> Form:
        """The form at a number from 0 to 1."""
        if not self._made:
            self._makers, self._upto = choices(self._list_forms())
            self._made = [None] * len(self._makers)
        index = bisect(self._upto, chosen, 0, len(self._made) - 1)
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._makers[index]()
        return made


# Forms: records with slots for what varies. A slot is a word that needs no escape in JSON, XML and HTML.

SLOT: Final = re.compile("zq([a-z]+)qz")
_MARK: Final = re.compile("<(job|hex|short|uuid|date|request|gateway)>")
_LOOKS: Final = re.compile(
    "(?P<other>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<time>20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?(?:\+00:00|Z))"
    r"|(?P<epoch>\b1[78][0-9]{8}\b)"
    r"|(?P<hex>\b[0-9a-f]{16,}\b|(?<=<RequestId>)[^<]+|(?<=<HostId>)[^<]+)"
)
_OF_IDS: Final = ("job", "hex", "short", "uuid", "other")


def slot(name: str) -> str:
    """The word that stands for something that varies."""
    return f"zq{name}qz"


def _marked(text: str) -> str:
    """The text of a table with slots for its ``<marks>``."""
    return _MARK.sub(lambda mark: slot(mark[1]), text)


def _with_slots(text: str) -> str:
    """The text with slots for ids and times, which are known by their looks."""
    return _LOOKS.sub(lambda found: slot(str(found.lastgroup)), text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@attrs.define(kw_only=True, eq=False)
class Form:
    """A record but for what varies.

    Attributes:
        rule: what it must come back as; None where nothing failed.
        service: who logged it.
        seen: the fields of the bulk contract but headers and body.
        headers: all headers of the answer; None for webhooks and exceptions.
        needed: those that the meaning depends on.
        text: the body; None for exceptions.
        compact: the body as JSON on one line; None where it is no JSON object.
        templates: what was made of it, by layout: 1 for a body that is an object, plus 2 for headers or 4 for
            headers as text; empty where it was not needed yet.
    """

    rule: str | None
    service: str
    seen: Mapping[str, Any]
    headers: Mapping[str, str] | None = None
    needed: Mapping[str, str] = attrs.field(factory=dict)
    text: str | None = None
    compact: str | None = None
    templates: list[str] = attrs.field(factory=lambda: [""] * 6, init=False)

    def make(self, layout: int) -> str:
        """The record as a %-template of JSON."""
        as_object, with_headers, as_text = layout & 1, layout > 1, layout > 3  # noqa: PLR2004
        headers = self.headers if with_headers else self.needed
        line = {
            "ts": slot("ts"),
            "service": self.service,
            "env": slot("env"),
            "attempt": slot("attempt"),
            "trace_id": slot("trace"),
            **self.seen,
            "headers": _json(headers) if headers and as_text else headers or None,
            "body": slot("body") if as_object else self.text,
        }
        line["exception"] = line.pop("exception", None)
        text = _json({name: value for name, value in line.items() if value is not None})
        text = text.replace(f'"{slot("attempt")}"', slot("attempt"))  # a number
        if as_object:
            text = text.replace(f'"{slot("body")}"', self.compact or "")
        made = self.templates[layout] = SLOT.sub(r"%(\1)s", text.replace("%", "%%"))
        return made


def _body(body: Any, *, different: bool) -> tuple[str, str | None]:
    """Text and compact JSON of a body, with slots; with `different` one of them is for an id wherever there is text."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    with suppress(ValueError):
        body = json.loads(text)
    unlike = not different or any(slot(name) in _with_slots(text) for name in _OF_IDS)
    if isinstance(body, dict):
        if not unlike:
            body = {**body, "request_id": slot("other")}
            text = json.dumps(body, ensure_ascii=False)
        return _with_slots(text), _with_slots(_json(body))
    if not unlike and text.startswith("<"):
        text += f"\n<!-- {slot('hex')} -->"
    return _with_slots(text), None


def _called(provider: str, call: str) -> tuple[str, dict[str, Any]]:
    """Who calls, and what is seen of the call: of ``render-worker POST /v3/videos``."""
    service, _, request = call.partition(" ")
    method, _, target = _marked(request).partition(" ")
    url = f"https://api.{provider}.com{target}" if target.startswith("/") else target
    return service, {"method": method or None, "url": url or None}


# Failures.

# How often a shape is seen, by the vendor notes and public code; the others are rare.
_USUAL: Final[Mapping[str, float]] = {
    "v3": 40,
    "v2": 16,
    "v1": 16,
    "v1-data-null": 20,
    "framework": 4,
    "envelope-v2": 40,
    "envelope-v1": 8,
    "gateway": 40,
    "gateway-bare": 4,
    "lambda": 40,
    "s3-xml": 40,
    "expired-url": 40,
    "page": 40,
    "plain": 4,
    "job-v3": 12,
    "job-v1": 6,
    "list-item-v3": 2,
    "batch-item": 2,
    "webhook-failure": 3,
    "webhook-msg": 1,
    "transcription-v2": 12,
    "transcription-v1": 3,
    "transcription-list-v2": 2,
    "error-url": 3,
}
_RARE: Final = 0.04
# What goes wrong while a job runs rather than when it is sent.
_OF_JOBS: Final = frozenset(
    {Category.INVALID_MEDIA, Category.CONTENT_POLICY, Category.UPSTREAM, Category.TIMEOUT, Category.SERVER, Category.UNKNOWN}
)
_OFTEN_IN_JOBS: Final = 4.0
_SELDOM_IN_JOBS: Final = 0.05

# Calls that are refused, by vendor and generation; the first generation of each is the current one.
_CALLS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "heygen": {
        "v3": (
            "render-worker POST /v3/videos",
            "render-worker POST /v3/videos",
            "status-poller GET /v3/videos/<job>",
            "render-worker POST /v3/video-translations",
            "asset-sync POST /v3/assets",
            "avatar-admin GET /v3/avatars?limit=50",
        ),
        "v2": (
            "render-worker POST /v2/video/generate",
            "render-worker POST /v2/template/<job>/generate",
            "avatar-admin GET /v2/avatars",
        ),
        "v1": (
            "live-sessions POST /v1/streaming.new",
            "status-poller GET /v1/video_status.get?video_id=<job>",
            "live-sessions POST /v1/streaming.task",
        ),
    },
    "liveavatar": {
        "": (
            "live-sessions POST /v1/sessions/start",
            "live-sessions POST /v1/sessions/token",
            "live-sessions GET /v1/sessions/<uuid>",
        )
    },
    "heify": {
        "": (
            "call-transcriber POST /submit",
            "call-transcriber POST /submit",
            "call-transcriber POST /get-transcription",
            "call-transcriber POST /list-transcriptions",
            "analytics-cron POST /analytics",
        )
    },
}
_SERVICES: Final = {"job": "status-poller", "webhook": "webhook-receiver", "upload": "uploader"}


def _call(provider: str, generation: str | None, chosen: str) -> tuple[str, dict[str, Any]]:
    """One of the calls of a generation, always the same for the same text. See `_called`."""
    calls = _CALLS[provider].get(generation or "") or next(iter(_CALLS[provider].values()))
    return _called(provider, calls[crc32(chosen.encode()) % len(calls)])


@cache
def rules_of(provider: str) -> dict[Category, tuple[str, ...]]:
    """The rules that a vendor's failures come back as, by category; its typical one first, those of the layers last."""
    catalogs = default_catalogs()
    found: dict[Category, dict[str, None]] = {}
    for category in Category:
        with suppress(KeyError):  # the vendor has no error of this category
            found[category] = {str(typical(provider, category).rule): None}
    for entry in (*catalogs.space(provider).entries.values(), *catalogs.layers.entries.values()):
        for rule in (entry.rule, *(refinement.rule for refinement in entry.refinements)):
            words = _words(provider, rule)
            if words.rule == rule and words.category is not None:
                found.setdefault(words.category, {}).setdefault(rule)
    return {category: tuple(rules) for category, rules in found.items()}


@cache
def _words(provider: str, rule: str) -> Words:
    """What is said for a rule, with slots for the job's id and for what the placeholders of its texts were filled with."""
    words = typical(provider, rule)
    numbers = sorted({value for value in words.params.values() if value.isdigit()}, key=int)
    slots = dict(zip(numbers, map(slot, ("low", "middle", "high")), strict=False))
    for name, value in words.params.items():
        if name.endswith("_id"):
            slots[value] = slot("hex")
        elif value == FILLS["url"]:
            slots[value] = f"https://cdn.example.com/clips/{slot('short')}.mp4"
    return attrs.evolve(
        words,
        message=_with_fills(words.message, slots),
        detail=_with_fills(words.detail, slots),
        job_id=slot("uuid" if provider == "heify" else "job"),
    )


def _with_fills(text: str | None, slots: Mapping[str, str]) -> str | None:
    """The text with slots in the place of values; a value that stands in it more than once stays."""
    for value, slot in slots.items():
        parts = re.split(rf"(?<!\w){re.escape(value)}(?!\w)", text or "")
        if len(parts) == 2:  # noqa: PLR2004 - it stands there once
            text = slot.join(parts)
    return text


@cache
def failing(provider: str, rule: str, *, different: bool) -> Topic:
    """A rule of the catalogs, as a vendor fails by it; `different` makes every body one of its own."""
    return Topic(partial(_failures, provider, rule, different=different))


def _failures(provider: str, rule: str, *, different: bool) -> Iterator[tuple[Callable[[], Form], float]]:
    """Each shape that can carry a failure, and how often it is seen."""
    words = _words(provider, rule)
    for shape in shapes_of(provider):
        wire = shape.render(words if shape.generation is None else words.in_generation(shape.generation))
        if wire is None or (different and _is_plain(wire)):
            continue
        weight = _USUAL.get(shape.name, _RARE)
        if shape.channel in ("job", "webhook"):
            weight *= _OFTEN_IN_JOBS if words.category in _OF_JOBS else _SELDOM_IN_JOBS
        yield partial(_failure, provider, rule, shape, wire, different=different), weight


def _is_plain(wire: Wire) -> bool:
    """Whether it is text that means something as a whole only, so that nothing in it may vary."""
    return isinstance(wire.body, str) and wire.body[:1] not in ("", "<", "{")


def _failure(provider: str, rule: str, shape: Shape, wire: Wire, *, different: bool) -> Form:
    """A failure with the headers and the call that belong to it."""
    told = factories.record(provider, rule, shape=shape.name, request_id=slot("request"))
    url = told["url"] and _with_slots(told["url"].replace(typical(provider, rule).job_id, wire.words.job_id))
    service, call = _SERVICES.get(shape.channel, ""), {"method": told["method"], "url": url}
    if not service:
        service, usual = _call(provider, shape.generation, rule)
        call = call if wire.url is not None else usual
    text, compact = _body(wire.body, different=different)
    return Form(
        rule=wire.words.rule,
        service=service,
        seen={"provider": provider, "status": wire.status, **call},
        headers=None if wire.status is None else _headers(told["headers"]),
        needed=wire.headers,
        text=text,
        compact=compact,
    )


def _headers(believable: Mapping[str, str]) -> dict[str, str]:
    """Headers with slots for what differs in each answer."""
    slots = {
        "date": slot("date"),
        "retry-after": slot("wait"),
        "x-ratelimit-reset": slot("wait"),
        "x-amz-apigw-id": f"{slot('gateway')}=",
        "cf-ray": f"{slot('gateway')}-FRA",
    }
    return {name: slots.get(name, value) for name, value in believable.items()}


# New codes and new texts of the vendors: options of `factories.record`.
_UNLISTED: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "heygen": (
        {"code": "lens_flare_overload", "message": "Too much lens flare in scene 3", "status": 422, "shape": "v3"},
        {"code": "stage_not_lit", "message": "The stage has no light", "status": 400, "shape": "v2"},
        {"code": "498877", "message": "Wardrobe mismatch", "status": 400, "shape": "v1"},
    ),
    "liveavatar": ({"code": "4987", "message": "The mirror is fogged", "status": 400, "shape": "v1-data-null"},),
    "heify": (
        {"message": "The waveform is upside down", "status": 400, "shape": "envelope-v2"},
        {"message": "Speaker count is imaginary", "status": 422, "shape": "envelope-v1"},
    ),
}


@cache
def unlisted_topic(provider: str, *, different: bool) -> Topic:
    """Codes and texts of a vendor that no catalog lists."""
    return Topic(lambda: [(partial(_unknown, provider, said, different=different), 1.0) for said in _UNLISTED[provider]])


def _unknown(provider: str, said: Mapping[str, Any], *, different: bool) -> Form:
    """A failure that no catalog lists. It comes back as the family that its code ends in, or as its status."""
    told = factories.record(provider, Category.INVALID_REQUEST, request_id=slot("request"), **said)
    space = default_catalogs().space(provider)
    rule = space.family_rule(said.get("code", ""), said["status"]) or space.status_rule(said["status"])
    service, call = _call(provider, said["shape"], said["message"])
    text, compact = _body(told["body"], different=different)
    return Form(
        rule=None if rule is None else rule.id,
        service=service,
        seen={"provider": provider, "status": said["status"], **call},
        headers=_headers(told["headers"]),
        text=text,
        compact=compact,
    )


# Exceptions instead of answers.

_POOLED: Final = "HTTPSConnectionPool(host='<host>', port=443): "
_GAVE_UP: Final = f"{_POOLED}Max retries exceeded with url: <path> (Caused by"
_NO_NAME: Final = "([Errno -2] Name or service not known)"
# What happens most, as clients word it, most often first; the others are made of the catalog.
RAISED: Final[Mapping[str, tuple[str, ...]]] = {
    "READ_TIMEOUT": (
        f"requests.exceptions.ReadTimeout: {_POOLED}Read timed out. (read timeout=30)",
        "httpx.ReadTimeout: The read operation timed out",
    ),
    "CONNECT_TIMEOUT": (
        f"requests.exceptions.ConnectTimeout: {_GAVE_UP} ConnectTimeoutError('Connection to <host> timed out. (connect timeout=5)'))",
        "httpx.ConnectTimeout: timed out",
    ),
    "REMOTE_CLOSED": (
        "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected",
    ),
    "CONNECTION_RESET": (
        "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
    ),
    "DNS_ERROR": (f"requests.exceptions.ConnectionError: {_GAVE_UP} NameResolutionError(\"Failed to resolve '<host>' {_NO_NAME}\"))",),
}


@cache
def raising(provider: str, name: str) -> Topic:
    """An exception in place of an answer, by its name in the transport catalog."""
    return Topic(partial(_exceptions, provider, name))


def _exceptions(provider: str, name: str) -> Iterator[tuple[Callable[[], Form], float]]:
    """Each class and each text that an entry of the transport catalog is known by."""
    transport = default_catalogs().transport
    row = next(row for row in transport.rows if row["name"] == name)
    texts = [filled(text)[0] for text in row.get("texts") or ("",)]
    classes = [known.removeprefix("builtins.") for known in row["exceptions"]] or ["OSError"]
    pairs = list(islice(zip(cycle(classes), cycle(texts), strict=False), max(len(classes), len(texts))))
    for told in RAISED.get(name, ()):
        yield partial(_without_answer, provider, transport.rules[name].id, told), 1.0
    for raised, text in pairs:
        yield partial(_without_answer, provider, transport.rules[name].id, f"{raised}: {text}".removesuffix(": ")), _RARE / len(pairs)


def _without_answer(provider: str, rule: str, told: str) -> Form:
    service, call = _call(provider, None, told)
    host, slash, path = call["url"].removeprefix("https://").partition("/")
    told = told.replace("<host>", host).replace("<path>", slash + path)
    return Form(rule=rule, service=service, seen={"provider": provider, **call, "exception": told})


# Answers without an error: how often, the call, the status, the headers, the body.

_TRACED: Final = {"content-type": "application/json", "date": "<date>", "x-amzn-request-id": "<request>", "server": "gunicorn"}
_SUNSET: Final = {**_TRACED, "deprecation": "true", "sunset": SUNSET}
_GATEWAY: Final = {
    "content-type": "application/json",
    "date": "<date>",
    "x-amzn-requestid": "<request>",
    "x-amz-apigw-id": "<gateway>=",
}
_STORED: Final = {"server": "AmazonS3", "date": "<date>", "x-amz-request-id": "<request>"}
_RESULT: Final = f"https://files.heygen.ai/video/<job>.mp4?Expires={factories.MOMENT}&Signature=FAKE&Key-Pair-Id=FAKE"
_TITLES: Final = ("Onboarding", "Größe und Gewicht", "Q3 review", "製品紹介", "Welcome back")
_LISTED: Final = range(10)


def _video(number: int) -> dict[str, Any]:
    video_id = f"<short>{number * 0x9E3779B97F4A7C15 % (1 << 80):020x}"
    return {
        "id": video_id,
        "title": _TITLES[number % 5],
        "status": "completed" if number % 4 else "processing",
        "duration": 11.5 + number * 7.25,
        "created_at": factories.MOMENT - 86400 * number,
        "thumbnail_url": f"https://files.heygen.ai/thumbnail/{video_id}.jpg",
    }


def _transcription(number: int) -> dict[str, Any]:
    return {
        "transcription_id": f"{number * 0x9E3779B9 % (1 << 32):08x}-4d1c-4a5e-9b7f-<short>",
        "name": f"call-{number}.mp3",
        "status": "COMPLETED",
        "duration": 61.5 + number * 13,
        "details": {"language": "en", "summary": "The caller asks for an invoice.", "completed_at": "2026-10-05T10:02:15+00:00"},
    }


_Success = tuple[float, str, int | None, Mapping[str, str] | None, Any]

_SUCCESSES: Final[Mapping[str, tuple[_Success, ...]]] = {
    "heygen": (
        (30, "status-poller GET /v3/videos/<job>", 200, _TRACED, {"data": {"id": "<job>", "title": "Welcome", "status": "processing"}}),
        (12, "render-worker POST /v3/videos", 200, _TRACED, {"data": {"video_id": "<job>", "status": "waiting"}}),
        (
            8,
            "status-poller GET /v3/videos/<job>",
            200,
            _TRACED,
            {"data": {"id": "<job>", "status": "completed", "duration": 42.08, "created_at": factories.MOMENT, "video_url": _RESULT}},
        ),
        (
            6,
            "status-poller GET /v1/video_status.get?video_id=<job>",
            200,
            _SUNSET,
            {"code": 100, "data": {"id": "<job>", "status": "processing", "error": None, "video_url": None}, "message": "Success"},
        ),
        (4, "render-worker POST /v2/video/generate", 200, _SUNSET, {"error": None, "data": {"video_id": "<job>"}}),
        (
            2,
            "status-poller GET /v3/videos?limit=10",
            200,
            _TRACED,
            {"data": [_video(number) for number in _LISTED], "has_more": True, "next_token": "<hex>"},
        ),
        (
            2,
            "asset-sync POST https://upload.heygen.com/v1/asset",
            200,
            _TRACED,
            {"code": 100, "data": {"id": "<job>", "file_type": "audio", "created_ts": factories.MOMENT}, "msg": None, "message": None},
        ),
        (1, "avatar-admin GET /v3/users/me", 200, _TRACED, {"data": {"email": "studio@example.com", "wallet": {"currency": "usd"}}}),
        (
            1,
            "avatar-admin GET /v2/avatars",
            200,
            _SUNSET,
            {"error": None, "data": {"avatars": [{"avatar_id": "av_<short>", "avatar_name": "Anna"}], "talking_photos": []}},
        ),
        # The free plan leaves an error on a video that is there all the same.
        (
            1,
            "status-poller GET /v1/video_status.get?video_id=<job>",
            200,
            _SUNSET,
            {
                "code": 100,
                "data": {
                    "id": "<job>",
                    "status": "completed",
                    "video_url": _RESULT,
                    "error": {"code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "Insufficient credit."},
                },
                "message": "Success",
            },
        ),
        (2, "webhook-receiver", None, None, {"event_type": "avatar_video.success", "event_data": {"video_id": "<job>", "url": _RESULT}}),
    ),
    "liveavatar": (
        (
            4,
            "live-sessions POST /v1/sessions/token",
            200,
            _TRACED,
            {"code": 1000, "data": {"session_id": "<uuid>", "session_token": "FAKE"}, "message": "Session token created successfully"},
        ),
        (
            4,
            "live-sessions POST /v1/sessions/start",
            200,
            _TRACED,
            {"code": 1000, "data": {"session_id": "<uuid>", "max_session_duration": 1200}, "message": "Session started"},
        ),
        (6, "live-sessions POST /v1/sessions/keep-alive", 200, _TRACED, {"code": 1000, "data": None, "message": "Success"}),
        (
            1,
            "live-sessions GET /v1/sessions",
            200,
            _TRACED,
            {"code": 1000, "data": {"count": 1, "results": [{"id": "<uuid>", "status": "ENDED"}]}, "message": "Success"},
        ),
    ),
    "heify": (
        (
            10,
            "call-transcriber POST /submit",
            201,
            _GATEWAY,
            {"data": {"message": "Transcription created successfully", "transcription_id": "<uuid>"}},
        ),
        (
            12,
            "call-transcriber POST /get-transcription",
            200,
            _GATEWAY,
            {
                "data": {
                    "transcription_id": "<uuid>",
                    "status": "IN_PROGRESS",
                    "details": {"message": None, "code": None, "failed_at": None},
                }
            },
        ),
        (5, "call-transcriber POST /get-transcription", 200, _GATEWAY, {"data": {**_transcription(7), "transcription_id": "<uuid>"}}),
        (
            1,
            "call-transcriber POST /list-transcriptions",
            200,
            _GATEWAY,
            {"data": {"total_transcriptions": len(_LISTED), "transcriptions": [_transcription(number) for number in _LISTED]}},
        ),
        (2, "analytics-cron POST /analytics", 200, _GATEWAY, {"data": {"message": "No completed transcriptions found to analyze."}}),
        (1, "call-transcriber POST /delete-configuration", 200, _GATEWAY, {"message": "Configuration deleted successfully."}),
        (2, "webhook-receiver", None, None, {"transcription_id": "<uuid>", "status": "COMPLETED", "duration": 125.5}),
        (3, "uploader PUT https://storage.heify.com/upload/<uuid>.mp3?X-Amz-Expires=300&X-Amz-Signature=FAKE", 200, _STORED, ""),
    ),
}


@cache
def succeeding(provider: str, *, different: bool) -> Topic:
    """Answers of a vendor without an error."""
    return Topic(lambda: [(partial(_success, provider, known, different=different), known[0]) for known in _SUCCESSES[provider]])


def _success(provider: str, known: _Success, *, different: bool) -> Form:
    _, called, status, headers, body = known
    service, call = _called(provider, called)
    text, compact = _body(json.loads(_marked(json.dumps(body))), different=different)
    return Form(
        rule=None,
        service=service,
        seen={"provider": provider, "status": status, **call},
        headers=None if headers is None else {name: _marked(value) for name, value in headers.items()},
        text=text,
        compact=compact,
    )
