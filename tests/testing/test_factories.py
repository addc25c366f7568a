"""What people build their own tests of: bodies, headers, responses, exceptions, webhooks and records from the catalogs."""

import contextlib
import hashlib
import hmac
import json
import socket
import struct
import subprocess
import sys
import threading

import httpx2
import pytest
import requests

import heify_heygen_errors.testing as kit
from heify_heygen_errors import ApiError, Channel, ErrorInfo, Observation, normalize, raise_for_error
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.records import RecordNormalizer, RecordOptions
from heify_heygen_errors.testing import factories
from heify_heygen_errors.testing.factories import (
    MOMENT,
    WEBHOOK_SECRET,
    AnswerOptions,
    body,
    exception,
    headers,
    info,
    record,
    response,
    transport_exception,
    webhook,
)
from heify_heygen_errors.testing.shapes import SHAPES, wires
from heify_heygen_errors.testing.words import typical

_CATALOGS = default_catalogs()
_PROVIDERS = _CATALOGS.providers
_TRANSPORT = _CATALOGS.transport.rules
_LIBRARIES = ("requests", "httpx2", "httpx")

every_provider = pytest.mark.parametrize("provider", _PROVIDERS)
every_library = pytest.mark.parametrize("library", _LIBRARIES)


def _rules(provider):
    """Rule and name of every entry and refinement that a provider's callers can meet."""
    for entry in [*_CATALOGS.entries(provider), *_CATALOGS.entries("layers")]:
        yield entry.rule, entry.name
        yield from ((refinement.rule, entry.name) for refinement in entry.refinements)


def _meant(rule, found):
    """A refinement must come back as itself, an entry as itself or one of its refinements."""
    return found.rule == rule or found.rule.startswith(f"{rule}#")


def _lost(provider, arrived):
    """The rules that did not come back; `arrived` makes an ErrorInfo of a rule."""
    found = {rule: arrived(rule) for rule, _ in _rules(provider)}
    return {rule: came and came.rule for rule, came in found.items() if came is None or not _meant(rule, came)}


# Every entry comes back.


@every_provider
def test_every_body_comes_back(provider):
    """The body of every entry and refinement, seen with its headers and status, comes back as itself."""

    def arrived(rule):
        kept = record(provider, rule)
        sent = body(provider, rule)
        return normalize(Observation(provider, kept["status"], headers(provider, rule), sent, kept["method"], kept["url"]))

    assert _lost(provider, arrived) == {}


@every_provider
@every_library
def test_every_response_comes_back(provider, library):
    """A library's response for every entry and refinement comes back as itself."""
    assert _lost(provider, lambda rule: normalize(response(provider, rule, library=library), provider)) == {}


@every_provider
def test_every_exception_comes_back(provider):
    """The exception of every entry and refinement carries it, and is what `raise_for_error` raises for the response."""
    assert _lost(provider, lambda rule: normalize(exception(provider, rule))) == {}
    made = {rule: exception(provider, rule) for rule, _ in _rules(provider)}
    raised = {rule: _raised(response(provider, rule), provider) for rule in made}
    assert {rule: (type(error), error.info) for rule, error in made.items()} == raised


def _raised(answer, provider):
    try:
        raise_for_error(answer, provider)
    except ApiError as error:
        return type(error), error.info
    return None


@every_provider
def test_every_record_comes_back(provider):
    """The log record of every entry and refinement comes back as itself from the bulk path, also through JSON."""
    bulk = RecordNormalizer(RecordOptions())
    rows = {rule: bulk.rows(json.loads(json.dumps(record(provider, rule))))[0] for rule, _ in _rules(provider)}
    lost = [rule for rule, row in rows.items() if row["error_rule"] != rule and not str(row["error_rule"]).startswith(f"{rule}#")]
    assert lost == []


@pytest.mark.parametrize("provider", ["heygen", "heify"])
def test_every_webhook_comes_back(provider):
    """Whatever a vendor can post comes back as itself from the webhook; what no webhook can carry is refused."""
    lost, refused = [], []
    for rule, _ in _rules(provider):
        able = [form.shape for form in wires(typical(provider, rule)) if form.channel == "webhook" and "stored" not in form.shape]
        if not able:
            with pytest.raises(ValueError, match=f"{provider} posts no webhook for "):
                webhook(provider, rule)
            refused.append(rule)
            continue
        found = normalize(webhook(provider, rule).observation())
        if not _meant(rule, found) or found.channel is not Channel.WEBHOOK:
            lost.append((rule, found.rule))
    assert lost == []
    assert {rule for rule, _ in _rules(provider) if rule.startswith("layers/")} <= set(refused)
    assert len(refused) < len(list(_rules(provider)))


@every_provider
def test_info_is_what_normalize_says(provider):
    """`info` is the ErrorInfo of the very response, with request id and advice."""
    found = info(provider, "server", request_id="req-7", retry_after=3)
    assert found == normalize(response(provider, "server", request_id="req-7", retry_after=3), provider)
    assert isinstance(found, ErrorInfo)


# Shapes through the factories.


@pytest.mark.parametrize("shape", [shape.name for shape in SHAPES])
def test_every_shape_can_be_asked_for(shape):
    """Each shape can be asked for by name, in every factory that fits it, and comes back."""
    found = next(shape_of for shape_of in SHAPES if shape_of.name == shape)
    provider = found.providers[0]
    rule = next(rule for rule, _ in _rules(provider) if shape in _able(provider, rule))
    assert record(provider, rule, shape=shape)["body"] == _text(body(provider, rule, shape=shape))
    assert _meant(rule, info(provider, rule, shape=shape))
    if found.channel == "webhook" and not found.stored:
        assert _meant(rule, normalize(webhook(provider, rule, shape=shape).observation()))
    elif found.channel != "webhook" and not found.stored:
        assert _meant(rule, normalize(response(provider, rule, shape=shape), provider))


def _able(provider, rule):
    words = typical(provider, rule)
    return {form.shape for generation in ("v1", "v3") for form in wires(words.in_generation(generation))}


def _text(sent):
    return sent if isinstance(sent, str) else json.dumps(sent, ensure_ascii=False)


# The responses are real ones.


def test_response_of_requests():
    """A response of requests is one: request, reason, encoding and body are there, and raise_for_status raises."""
    made = response("heygen", "rate_limit", method="GET", url="https://api.heygen.com/v3/videos/7")
    assert isinstance(made, requests.Response)
    assert (made.status_code, made.reason, made.ok, made.url) == (429, "Too Many Requests", False, "https://api.heygen.com/v3/videos/7")
    assert (made.request.method, made.request.url) == ("GET", "https://api.heygen.com/v3/videos/7")
    assert made.json() == body("heygen", "rate_limit")
    assert made.headers["Content-Length"] == str(len(made.content))
    with pytest.raises(requests.HTTPError, match="429 Client Error"):
        made.raise_for_status()


@pytest.mark.parametrize("library", ["httpx2", "httpx"])
def test_response_of_httpx(library):
    """A response of httpx2 and httpx is one: request and body are there, and raise_for_status raises."""
    module = pytest.importorskip(library)
    made = response("heify", "MISSING_FIELD", library=library)
    assert isinstance(made, module.Response)
    assert (made.status_code, made.request.method, str(made.url)) == (400, "POST", "https://api.heify.com/submit")
    assert made.json() == body("heify", "MISSING_FIELD")
    assert made.headers["content-length"] == str(len(made.content))
    with pytest.raises(module.HTTPStatusError, match="400 Bad Request"):
        made.raise_for_status()


@every_library
@pytest.mark.parametrize(
    ("provider", "what"), [("heygen", "JOB_FAILED_WITHOUT_REASON"), ("heygen", "PRESIGNED_URL_EXPIRED"), ("heify", "SlowDown")]
)
def test_provider_is_known_by_the_url(library, provider, what):
    """Every response says where it is from, so that `normalize` needs no provider."""
    assert normalize(response(provider, what, library=library)).provider == provider


def test_library_that_there_is_no_support_for():
    """Another library is a ValueError that lists the right ones."""
    with pytest.raises(ValueError, match=r"there is no support for the library 'urllib4': use one of requests, httpx2, httpx"):
        response("heygen", "rate_limit", library="urllib4")
    with pytest.raises(ValueError, match=r"there is no support for the library 'urllib4': use one of requests, httpx2, httpx"):
        transport_exception("DNS_ERROR", "urllib4")


def test_library_that_is_not_installed(monkeypatch):
    """A library that is missing is named with the command that installs it."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ModuleNotFoundError, match=r"this needs httpx2: pip install httpx2"):
        response("heygen", "rate_limit", library="httpx2")


@pytest.mark.parametrize("shape", ["webhook-msg", "webhook-failure"])
def test_webhook_is_no_response(shape):
    """A shape of webhooks has no status, so it is no response; the error says what to use."""
    with pytest.raises(ValueError, match=r"has no status, so it is no response: use webhook\(\) or record\(\)"):
        response("heygen", "INVALID_URL", shape=shape)


# Headers.


@pytest.mark.parametrize(
    ("provider", "what", "options", "expected"),
    [
        ("heygen", "rate_limit", {}, {"content-type": "application/json", "server": "gunicorn", "retry-after": "2"}),
        ("heygen", "quota", {}, {"retry-after": None}),
        ("heygen", "UNAUTHORIZED", {}, {"retry-after": None, "deprecation": None, "sunset": None}),
        ("heygen", "UNAUTHORIZED", {"generation": "v3"}, {"deprecation": None}),
        (
            "heygen",
            "UNAUTHORIZED",
            {"generation": "v2"},
            {"deprecation": "true", "sunset": "Sat, 31 Oct 2026 00:00:00 GMT"},
        ),
        ("heygen", "UNAUTHORIZED", {"shape": "v1-msg"}, {"deprecation": "true"}),
        ("heygen", "400112", {}, {"deprecation": "true"}),
        ("heygen", "UNAUTHORIZED", {"url": "https://api.heygen.com/v1/video.list"}, {"deprecation": "true"}),
        ("liveavatar", "4003", {"status": 429}, {"retry-after": None, "server": None}),
        ("liveavatar", "SESSION_CONCURRENCY_LIMIT_REACHED", {"status": 429}, {"retry-after": "2", "x-ratelimit-reset": "2"}),
        ("heify", "MISSING_FIELD", {}, {"content-type": "application/json", "deprecation": None}),
        ("heify", "rate_limit", {}, {"x-amzn-ErrorType": "TooManyRequestsException", "retry-after": None}),
        ("heify", "rate_limit", {"shape": "gateway-xml"}, {"content-type": "application/xml"}),
        ("heify", "SlowDown", {}, {"content-type": "application/xml", "server": "AmazonS3", "x-amzn-requestid": None}),
        ("heify", "PRESIGNED_URL_EXPIRED", {}, {"content-type": None}),
        ("heify", "PROXY_BAD_GATEWAY", {}, {"content-type": "text/html", "server": "nginx"}),
        ("heify", "PROXY_BAD_GATEWAY", {"shape": "plain"}, {"content-type": "text/plain; charset=utf-8"}),
        ("heify", "PROXY_BAD_GATEWAY", {"shape": "page-as-json"}, {"content-type": "application/json"}),
        ("heify", "rate_limit", {"shape": "gateway-spaced"}, {"content-type": "application/json"}),
        ("heygen", "CLOUDFRONT_ERROR", {}, {"server": "CloudFront", "x-cache": "Error from cloudfront"}),
        ("heygen", "CLOUDFLARE_RATE_LIMITED", {}, {"server": "cloudflare"}),
        ("heygen", "ENVOY_RATE_LIMITED", {}, {"server": "envoy"}),
        ("heygen", "WAF_INCAPSULA", {}, {"server": None}),
    ],
)
def test_headers_are_believable(provider, what, options, expected):
    """Headers are those of the vendor, the generation and the layer that answers; None stands for one that is not sent."""
    made = headers(provider, what, **options)
    assert {name: made.get(name) for name in expected} == expected


@every_provider
def test_headers_can_be_sent(provider):
    """Names and values are plain text without line breaks, none is given twice, and the response has the same."""
    for rule, _ in _rules(provider):
        made = headers(provider, rule)
        assert len({name.lower() for name in made}) == len(made)
        assert [name for name, value in made.items() if not (value.isascii() and value.isprintable() and value)] == []
        sent = dict(response(provider, rule).headers)
        assert {**made, "content-length": sent["content-length"]} == sent


@pytest.mark.parametrize(
    ("provider", "what"),
    [
        ("heygen", "rate_limit"),
        ("liveavatar", "4003"),
        ("heify", "MISSING_FIELD"),
        ("heify", "rate_limit"),
        ("heify", "LAMBDA_UNHANDLED_ERROR"),
        ("heify", "SlowDown"),
        ("heygen", "SlowDown"),
        ("heygen", "PROXY_BAD_GATEWAY"),
        ("heygen", "CLOUDFLARE_RATE_LIMITED"),
        ("liveavatar", "PROXY_BAD_GATEWAY"),
    ],
)
def test_request_id_comes_back(provider, what):
    """The request id stands where the vendor or the layer has it, whoever answers."""
    assert info(provider, what, request_id="req-0815").request_id == "req-0815"


def test_request_ids_differ_but_stay():
    """Each failure has a request id of its own, the same in every run."""
    ids = [info("heygen", what).request_id for what in ("rate_limit", "rate_limit", "insufficient_credit")]
    assert (ids[0] == ids[1], ids[0] == ids[2], None in ids) == (True, False, False)


# Options.


def test_every_option_has_an_effect():
    """No option is swallowed: each changes the record of a failure, and comes out where it should."""
    plain = record("heygen", "UNAUTHORIZED")
    effects = {
        "shape": ("v2", lambda made: "data" in made["body"]),
        "generation": ("v1", lambda made: '"code": 400112' in made["body"]),
        "code": ("brand_new", lambda made: normalize(_seen(made)).code == "brand_new"),
        "message": ("No entry", lambda made: normalize(_seen(made)).message == "No entry"),
        "detail": ("Wrong key", lambda made: normalize(_seen(made)).detail == "Wrong key"),
        "status": (418, lambda made: made["status"] == 418),
        "param": ("x_api_key", lambda made: normalize(_seen(made)).param == "x_api_key"),
        "job_id": ("job-7", lambda _: record("heygen", "RENDERING_FAILED", job_id="job-7")["url"].endswith("/job-7")),
        "retry_after": (7, lambda made: normalize(_seen(made)).retry.after == 7),
        "request_id": ("req-7", lambda made: normalize(_seen(made)).request_id == "req-7"),
        "method": ("DELETE", lambda made: made["method"] == "DELETE"),
        "url": ("https://api.heygen.com/v2/avatars", lambda made: made["url"] == "https://api.heygen.com/v2/avatars"),
    }
    assert effects.keys() == AnswerOptions.__annotations__.keys()
    found = {}
    for name, (value, holds) in effects.items():
        made = record("heygen", "UNAUTHORIZED", **{name: value})
        found[name] = (holds(made), made != plain or name == "job_id")
    assert found == dict.fromkeys(effects, (True, True))


def _seen(made):
    return Observation(made["provider"], made["status"], made["headers"], made["body"], made["method"], made["url"])


@pytest.mark.parametrize("make", [body, headers, response, info, exception, record, webhook], ids=lambda make: make.__name__)
def test_options_are_the_same_everywhere(make):
    """An option that is None counts as not given, and one that does not exist is a TypeError that lists the others."""
    expected, found = make("heygen", "RENDERING_FAILED"), make("heygen", "RENDERING_FAILED", shape=None, message=None, status=None)
    if make is response:
        expected, found = expected.content, found.content
    elif make is exception:
        expected, found = expected.info, found.info
    assert expected == found
    with pytest.raises(TypeError, match=r"there is no option 'mesage': use one of shape, generation, code, message, "):
        make("heygen", "RENDERING_FAILED", mesage="x")


@pytest.mark.parametrize("make", [body, headers, response, info, exception, record, webhook], ids=lambda make: make.__name__)
def test_unknown_names_give_the_nearest(make):
    """What no catalog knows is a KeyError with the nearest names, wherever it is asked for; so is a provider a ValueError."""
    with pytest.raises(KeyError) as raised:
        make("heygen", "insuficient_credit")
    assert "the nearest are insufficient_credit, " in str(raised.value)
    with pytest.raises(ValueError, match=r"there is no provider 'hegen': use one of heygen, liveavatar, heify"):
        make("hegen", "rate_limit")


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        ("heygen", {"shape": "v4"}, r"there is no shape 'v4': use one of v3, "),
        ("heygen", {"shape": "envelope-v2"}, r"the shape 'envelope-v2' cannot carry heygen/UNAUTHORIZED of heygen: use one of v3, "),
        ("heygen", {"shape": "v3", "detail": "mine"}, r"cannot carry heygen/UNAUTHORIZED of heygen with detail: use one of v2, v1"),
        ("heygen", {"generation": "v4"}, r"there is no generation 'v4': use one of v1, v2, v3"),
        ("heygen", {"code": "100", "status": 200, "message": "Success"}, r"with these options is a success"),
    ],
)
def test_options_that_cannot_be(provider, options, message):
    """Options that ask for what cannot be are a ValueError that says what can."""
    with pytest.raises(ValueError, match=message):
        info(provider, "UNAUTHORIZED", **options)


def test_generation_of_the_url_decides():
    """The body is that of the API generation at the URL."""
    found = [body("heygen", "UNAUTHORIZED", url=f"https://api.heygen.com/{path}") for path in ("v1/video.list", "v2/videos", "v3/videos")]
    assert [found[0]["code"], found[1]["data"], found[2]["error"]["code"]] == [400112, None, "unauthorized"]


@pytest.mark.parametrize(("after", "written"), [(7, "7"), (1.5, "1.5"), ("Tue, 06 Oct 2026 09:30:30 GMT", "Tue, 06 Oct 2026 09:30:30 GMT")])
def test_retry_after_as_number_or_date(after, written):
    """Retry-After takes seconds, and a date counts from the response's own Date."""
    assert headers("heygen", "rate_limit", retry_after=after)["retry-after"] == written
    expected = 30.0 if isinstance(after, str) else after
    assert info("heygen", "rate_limit", retry_after=after).retry.after == expected


# Webhooks.


@pytest.mark.parametrize("signature", ["Heygen-Signature", "X-HeyGen-Signature", "Signature"])
@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, "whsec_mine"])
def test_signature_verifies(signature, secret):
    """HeyGen's signature is the HMAC-SHA256 of the raw body with the secret, in hex, under the header asked for."""
    posted = webhook("heygen", "RENDERING_FAILED", secret=secret, signature=signature)
    inner, outer = (
        bytes(key ^ 0x36 for key in secret.encode().ljust(64, b"\0")),
        bytes(key ^ 0x5C for key in secret.encode().ljust(64, b"\0")),
    )
    by_hand = hashlib.sha256(outer + hashlib.sha256(inner + posted.body).digest()).hexdigest()
    assert posted.headers[signature] == by_hand
    assert hmac.compare_digest(posted.headers[signature], hmac.new(secret.encode(), posted.body, "sha256").hexdigest())


def test_time_and_event_id_of_the_newest_signature():
    """Only Heygen-Signature has time and event id beside it; the time is the one given, else always the same."""
    posted = webhook("heygen", "RENDERING_FAILED", timestamp=1700000000)
    assert (posted.headers["Heygen-Timestamp"], posted.headers["Heygen-Event-Id"][:4]) == ("1700000000", "evt_")
    assert webhook("heygen", "RENDERING_FAILED").headers["Heygen-Timestamp"] == str(MOMENT)
    assert webhook("heygen", "RENDERING_FAILED", signature="Signature").headers.keys() == {"content-type", "Signature"}


def test_unsigned_webhooks():
    """Without a secret there is no signature; Heify never signs."""
    assert webhook("heygen", "RENDERING_FAILED", secret=None).headers == {"content-type": "application/json"}
    assert webhook("heify", "AUDIO_FILE_NOT_FOUND", secret="whsec_mine").headers == {"content-type": "application/json"}


def test_event_type_of_a_webhook():
    """The event type is the one given, else that of a video; the signature covers it. Heify's webhooks have none."""
    posted = webhook("heygen", "RENDERING_FAILED", event="video_translate.fail")
    assert (posted.json["event_type"], webhook("heygen", "RENDERING_FAILED").json["event_type"]) == (
        "video_translate.fail",
        "avatar_video.fail",
    )
    assert posted.headers["Heygen-Signature"] == hmac.new(WEBHOOK_SECRET.encode(), posted.body, "sha256").hexdigest()
    with pytest.raises(ValueError, match="webhooks of heify have no event type"):
        webhook("heify", "AUDIO_FILE_NOT_FOUND", event="x.fail")


def test_shapes_of_webhooks():
    """A webhook takes the shapes of webhooks only, and says which."""
    assert webhook("heygen", "INVALID_URL", shape="webhook-msg").json["event_data"]["msg"].startswith("not a valid URL")
    with pytest.raises(ValueError, match=r"the shape 'v3' is no webhook for heygen/INVALID_URL: use one of webhook-failure, "):
        webhook("heygen", "INVALID_URL", shape="v3")
    with pytest.raises(ValueError, match="liveavatar posts no webhooks"):
        webhook("liveavatar", "4003")


def test_event_of_ones_own_words():
    """A webhook can say what one wants it to say."""
    found = normalize(webhook("heygen", "RENDERING_FAILED", message="Out of ink", job_id="v-7").observation())
    assert (found.message, found.resource["video_id"]) == ("Out of ink", "v-7")


# No answer at all.

_NEVER_RAISED = {
    "requests": {"POOL_TIMEOUT", "INVALID_REDIRECT", "CLIENT_MISUSE", "READ_ERROR", "LOCAL_PROTOCOL_ERROR"},
    "httpx2": {
        "INVALID_REDIRECT",
        "INVALID_RESPONSE_HEADER",
        "CLIENT_MISUSE",
        "UNREWINDABLE_BODY",
        "CONNECTION_STATE_ERROR",
        "HTTP_STATUS_ERROR",
        "RETRY_ERROR",
        "NETWORK_UNREACHABLE",
    },
}
_NEVER_RAISED["httpx"] = _NEVER_RAISED["httpx2"]
_OF_THE_CLIENT = {
    "ANSWER_TOO_LARGE",
    "CIRCUIT_OPEN",
    "DEADLINE_EXCEEDED",
    "JOB_NEEDS_ACTION",
    "JOB_NEVER_READ",
    "JOB_NOT_ENDED",
    "JOB_UNNAMED",
    "KEY_MISSING",
    "LIMITER_FULL",
    "LIST_INCOMPLETE",
    "NOT_RESUMABLE",
    "PAGE_REPEATED",
    "REDIRECT_REFUSED",
    "UPLOAD_INCOMPLETE",
    "UPLOAD_URL_REFUSED",
    "WRONG_LOOP",
}


@every_library
@pytest.mark.parametrize("name", sorted(_OF_THE_CLIENT))
def test_what_the_client_finds_out_is_no_exception_of_a_library(library, name):
    """For a failure that no library raises, the factory says how to have it, and what it says works."""
    with pytest.raises(ValueError, match=f'no HTTP library raises {name}, .* use exception\\("heygen", "transport/{name}"\\)'):
        transport_exception(name, library)
    made = exception("heygen", f"transport/{name}")
    assert (made.info.name, made.info.channel) == (name, Channel.TRANSPORT)


@every_library
@pytest.mark.parametrize("name", [name for name in _TRANSPORT if name not in _OF_THE_CLIENT])
def test_transport_exception_comes_back(library, name):
    """Every entry of the transport catalog that a library can raise comes back as itself; the others are refused."""
    if name in _NEVER_RAISED[library]:
        with pytest.raises(ValueError, match=f"{library} does not raise {name}: it raises PROXY_TUNNEL_REFUSED, "):
            transport_exception(name, library)
        return
    raised = transport_exception(name, library)
    found = normalize(raised, "heygen")
    assert (found.name, found.rule, found.channel) == (name, _TRANSPORT[name].id, Channel.TRANSPORT)


@every_library
def test_transport_exceptions_are_the_librarys_own(library):
    """An exception is caught by the handlers of its library, has its request where the library hangs it on, and can be raised."""
    module = pytest.importorskip(library)
    base = module.exceptions.RequestException if library == "requests" else module.HTTPError
    raised = transport_exception("CONNECT_TIMEOUT", library, method="GET", url="https://api.heify.com/submit")
    assert (raised.request.method, str(raised.request.url)) == ("GET", "https://api.heify.com/submit")
    assert normalize(raised).provider == "heify"
    with pytest.raises(base):
        raise raised
    assert transport_exception("CONNECT_TIMEOUT", library) is not transport_exception("CONNECT_TIMEOUT", library)


@pytest.mark.parametrize("name", ["connect_timeout", "CONNECT_TIMEOUT", "transport/CONNECT_TIMEOUT", "transport/ConnectTimeout"])
def test_names_of_the_transport_catalog(name):
    """An entry of the transport catalog goes by its name or its rule."""
    assert isinstance(transport_exception(name), requests.ConnectTimeout)


def test_unknown_transport_name_gives_the_nearest():
    """A name that the transport catalog has not is a KeyError with the nearest."""
    with pytest.raises(KeyError) as raised:
        transport_exception("CONECT_TIMEOUT")
    assert str(raised.value).startswith("the transport catalog has no entry 'CONECT_TIMEOUT'; the nearest are CONNECT_TIMEOUT")


@pytest.mark.parametrize("name", _TRANSPORT)
def test_logged_transport_failure_comes_back(name):
    """Every entry of the transport catalog can be had as info, exception and record, whichever library raises it."""
    rule = f"transport/{name}"
    found = info("heify", rule, method="GET", url="https://api.heify.com/details")
    assert (found.name, found.provider, exception("heify", rule).info.name) == (name, "heify", name)
    kept = record("heify", rule)
    assert (kept["status"], kept["body"], kept["url"]) == (None, None, "https://api.heify.com/submit")
    assert RecordNormalizer(RecordOptions()).rows(kept)[0]["error_rule"] == found.rule
    assert record("heify", rule) == kept


def test_failure_without_an_answer_has_no_body():
    """Options of an answer are refused where there is none."""
    with pytest.raises(TypeError, match=r"takes the options method and url, not 'status'"):
        info("heygen", "transport/DNS_ERROR", status=500)
    with pytest.raises(ValueError, match=r"there is no provider 'hegen'"):
        record("hegen", "transport/DNS_ERROR")


# Exceptions as they really are: provoked on this machine and put together by hand, they have the same chain.

_HEAD = b"HTTP/1.1 200 OK\r\n"
_ANSWERS = {
    "CONNECTION_REFUSED": None,
    "REMOTE_CLOSED": b"",
    "PROTOCOL_ERROR": b"hello\r\n\r\n",
    "INCOMPLETE_READ": _HEAD + b"Content-Length: 30\r\n\r\n0123456789",
    "DECODING_ERROR": _HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "CONNECTION_RESET": "reset",
    "INVALID_JSON": _HEAD + b"Content-Length: 6\r\n\r\n<html>",
}
_URLS = {
    "UNSUPPORTED_URL_SCHEME": {"requests": "api.heygen.com/v3/videos", "httpx2": "api.heygen.com/v3/videos"},
    "INVALID_URL": {"requests": "https://", "httpx2": "https://api.heygen.com/\x00"},
}


@pytest.mark.parametrize("library", ["requests", "httpx2"])
@pytest.mark.parametrize("name", [*_ANSWERS, *_URLS])
def test_transport_exception_is_like_the_real_one(library, name):
    """A failure that is provoked and the factory's exception have the same class and the same causes, and mean the same."""
    if name in _URLS:
        real = _provoked(library, _URLS[name][library])
    else:
        with _served(_ANSWERS[name]) as url:
            real = _provoked(library, url)
    made = transport_exception(name, library)
    assert (type(made), normalize(made, "heygen").rule) == (type(real), normalize(real, "heygen").rule)
    assert _chain(made)[1:] == _chain(real)[1:]


def _chain(exc):
    """Classes of an exception and of what it was raised from."""
    found = []
    while exc is not None and type(exc).__module__.partition(".")[0] in {"requests", "urllib3", "httpx2", "httpcore2", "builtins", "http"}:
        found.append(type(exc).__qualname__)
        exc = exc.__cause__ or exc.__context__
    return found


def _provoked(library, url):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the question
        _call(library, url)
    return raised.value


def _call(library, url):
    if library == "requests":
        with requests.Session() as session:
            session.trust_env = False
            session.get(url, timeout=5).json()
    else:
        with httpx2.Client(trust_env=False, timeout=5) as client:
            client.get(url).json()


@contextlib.contextmanager
def _served(answer):
    """The URL of a server that gives this answer to one request and hangs up; None for one that is not there."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    if answer is None:
        listener.close()
        yield url
        return

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            if answer == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif answer:
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield url
    finally:
        thread.join(5)
        listener.close()


# How it is imported.


def test_importing_the_factories_is_light():
    """Importing the factories, words and shapes imports no HTTP library, no pytest and no server."""
    code = "import sys; from heify_heygen_errors.testing import factories, shapes, words; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert {"requests", "urllib3", "httpx", "httpx2", "pytest", "h11", "yaml"} & set(done.stdout.split()) == set()


def test_factories_are_public():
    """The module's public names are those of its `__all__`, and the kit exports them all but the types of options."""
    own = {name for name, value in vars(factories).items() if getattr(value, "__module__", None) == factories.__name__ and name[0] != "_"}
    assert own | {"MOMENT", "WEBHOOK_SECRET", "transport_exception"} == set(factories.__all__)
    assert set(factories.__all__) - {"AnswerOptions", "BodyOptions", "MOMENT", "WEBHOOK_SECRET"} <= set(kit.__all__)


def test_exception_says_which_call_failed():
    """An exception that was made has the method and path of its call, as one that was raised has."""
    made = exception("heygen", "rate_limit", method="GET", url="https://api.heygen.com/v3/videos?limit=5")
    with pytest.raises(type(made)) as raised:
        raise_for_error(response("heygen", "rate_limit", method="GET", url="https://api.heygen.com/v3/videos?limit=5"))
    assert (made.method, made.path) == (raised.value.method, raised.value.path) == ("GET", "/v3/videos")
