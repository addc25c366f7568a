"""What an answer says: its data without the envelope, the failures in it, and what the vendor announces beside it."""

from __future__ import annotations

import json
import math

import attrs
import pytest

from heify_heygen_errors import Category, Channel, Normalizer, Notice, RetryPolicy, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.client.answer import Answer, Headers
from heify_heygen_errors.client.call import Defaults, prepare
from heify_heygen_errors.client.failures import AnswerUnreadableError
from heify_heygen_errors.client.reading import Reading, notices_in, read
from heify_heygen_errors.client.vendors import HEIFY, HEYGEN, LIVEAVATAR, Vendor
from heify_heygen_errors.client.wire import Received
from heify_heygen_errors.testing import body, shapes_of, typical, wires

VENDORS = {facts.provider: facts for facts in (HEYGEN, HEIFY, LIVEAVATAR)}
DEFAULTS = Defaults(connect=1.0, read=1.0, deadline=1.0, policy=RetryPolicy())


def came(value, status=200, **headers):
    """An answer: bytes as they are, all else as JSON."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Received(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=content)


def reading(received, provider="heygen", method="GET", path="/v3/videos"):
    vendor = Vendor.of(VENDORS[provider], None, "sk-canary-0123456789")
    call = prepare(vendor, default_catalogs().space(provider), DEFAULTS, method, path, {})
    return read(received, call, Normalizer())


# Envelopes.


@pytest.mark.parametrize(
    ("provider", "value", "data"),
    [
        pytest.param("heygen", {"data": {"video_id": "v"}}, {"video_id": "v"}, id="v3"),
        pytest.param("heygen", {"data": [1], "has_more": True, "next_token": "t"}, [1], id="v3 list"),
        pytest.param("heygen", {"error": None, "data": {"video_id": "v"}}, {"video_id": "v"}, id="v2"),
        pytest.param("heygen", {"data": {"avatars": []}, "error": None}, {"avatars": []}, id="v2 with the error behind"),
        pytest.param("heygen", {"error": None, "data": {"a": 1}, "warning": {"message": "soon"}}, {"a": 1}, id="v2 with a warning"),
        pytest.param("heygen", {"code": 100, "data": {"a": 1}, "message": "Success"}, {"a": 1}, id="v1"),
        pytest.param("heygen", {"code": 100, "data": {"a": 1}, "message": None}, {"a": 1}, id="v1 without a message"),
        pytest.param("heygen", {"code": 100, "data": None, "message": "success"}, None, id="v1 without data"),
        pytest.param("heygen", {"code": 100, "msg": None, "message": None, "data": []}, [], id="v1 of the web"),
        pytest.param("liveavatar", {"code": 1000, "data": {"id": "a"}, "message": "ok"}, {"id": "a"}, id="liveavatar"),
        pytest.param("heify", {"data": {"transcription_id": "t"}}, {"transcription_id": "t"}, id="heify 2026"),
        pytest.param(
            "heify", {"transcription_id": "t", "status": "PENDING"}, {"transcription_id": "t", "status": "PENDING"}, id="heify 2025"
        ),
        pytest.param(
            "heify", {"message": "Configuration deleted successfully"}, {"message": "Configuration deleted successfully"}, id="said"
        ),
        pytest.param("heygen", {"data": {"data": 1}}, {"data": 1}, id="data in data"),
        pytest.param("heygen", {}, {}, id="empty object"),
        pytest.param("heygen", [{"data": 1}], [{"data": 1}], id="bare list"),
        pytest.param("heygen", "text", "text", id="bare text"),
        pytest.param("heygen", 0, 0, id="bare number"),
        pytest.param("heygen", False, False, id="bare truth"),
        pytest.param("heygen", None, None, id="null"),
    ],
)
def test_data_is_without_its_envelope(provider, value, data):
    """Every envelope of success that the vendors have had gives its data; without one the body is the data."""
    found = reading(came(value), provider)
    assert (None, (), value, data) == (found.failure, found.failures, found.body, found.data)


@pytest.mark.parametrize(
    "value",
    [
        {
            "data": {
                "status": "completed",
                "video_url": "https://e.com/v.mp4",
                "error": {"code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "x"},
            }
        },
        {"data": {"status": "processing", "error": None, "failure_code": None, "failure_message": None}},
        {"data": {"status": "waiting"}},
        {"code": 100, "data": {"status": "pending", "error": ""}, "message": "Success"},
        {"data": {"error": False}},
    ],
)
def test_a_success_that_looks_like_a_failure_is_one(value):
    """A remark beside a result, and fields for errors that are empty, fail nothing."""
    found = reading(came(value), path="/v3/videos/v")
    assert (None, value["data"]) == (found.failure, found.data)


# Failures.


SHAPES = {shape.name: shape for provider in VENDORS for shape in shapes_of(provider)}
FAILED = [
    pytest.param(provider, form, id=f"{provider} {form.shape}")
    for provider in VENDORS
    for category in ("server", "invalid_request", "not_found")
    for form in wires(typical(provider, category))
    if form.status is not None and not SHAPES[form.shape].item
]


@pytest.mark.parametrize(("provider", "form"), FAILED)
def test_a_failure_is_what_normalize_says_it_is(provider, form):
    """Every shape of a failure, inside 200 or not, is found, and means what it means without the client."""
    found = reading(came(form.content(), form.status, **dict(form.headers)), provider, path="/")
    alone = normalize(attrs.evolve(form, method="GET", url="/").observation())
    assert alone is not None
    assert alone == found.failure


ITEMS = [
    pytest.param(provider, form, id=f"{provider} {form.shape}")
    for provider in VENDORS
    for form in wires(typical(provider, "server"))
    if form.status is not None and SHAPES[form.shape].item
]


@pytest.mark.parametrize(("provider", "form"), ITEMS)
def test_failed_items_are_listed_and_fail_nothing(provider, form):
    """A list with failed items is a success; each of them is in the failures, and the data is whole."""
    found = reading(came(form.content()), provider, path="/v3/videos/statuses")
    assert (found.failure, found.failures[0].category) == (None, Category.SERVER)
    assert form.body == found.body
    assert tuple(normalize_all(attrs.evolve(form, method="GET", url="/v3/videos/statuses").observation())) == found.failures


def test_all_failed_items_are_listed_in_their_order():
    """Of a list every failed item is told, in the order of the list."""
    items = [{"id": f"v{number}", "status": ("completed", "failed")[number % 2]} for number in range(6)]
    found = reading(came({"data": items}), path="/v3/videos/statuses")
    assert [failure.resource for failure in found.failures] == [{"id": "v1"}, {"id": "v3"}, {"id": "v5"}]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("content", [b"", b"<html><h1>no</h1></html>", b"no", b'{"error": {"code"', b"{}", b"\xff\xfe\x00"])
def test_a_status_that_says_no_is_a_failure_whatever_comes_with_it(status, content):
    """From 400 on nothing in the body is needed for a failure, nor can it hide one."""
    failure = reading(came(content, status)).failure
    assert status == failure.status
    assert failure.channel in (Channel.RESPONSE, Channel.GATEWAY)


def test_the_data_of_a_failure_is_kept_for_who_counts_jobs():
    """The body of a failed job is there, too, without its envelope."""
    found = reading(came({"data": {"id": "v", "status": "failed"}}), path="/v3/videos/v")
    assert (found.data, found.failure.channel) == ({"id": "v", "status": "failed"}, Channel.JOB)


# Answers without a body, and bodies that are none.


@pytest.mark.parametrize(
    ("status", "method", "content"),
    [(204, "DELETE", b""), (205, "POST", b""), (204, "GET", b" \r\n"), (200, "HEAD", b""), (200, "HEAD", b"\n"), (302, "HEAD", b"")],
)
def test_no_content_is_an_answer_where_there_is_none(status, method, content):
    """204, 205 and answers to HEAD have no data and are fine."""
    found = reading(came(content, status), method=method)
    assert (found.failure, found.failures, found.body, found.data) == (None, (), None, None)


def test_content_where_none_is_expected_is_read():
    """JSON that comes with 204 all the same is the data."""
    assert reading(came({"data": {"a": 1}}, 204)).data == {"a": 1}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page"),
        (b"<?xml version='1.0'?><ok/>", "XML"),
        (b"OK", "text"),
        (b"\x00\x01\x02", "text"),
        (b'{"data": {"a": 1}', "broken JSON"),
        (b'{"data": {"a": 1}} trailing', "broken JSON"),
        (b'{"data": 1}{"data": 2}', "broken JSON"),
        (b'{"data": undefined}', "broken JSON"),
        (b"{'data': 1}", "broken JSON"),
        (b"[1, 2", "broken JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "broken JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else value,
)
def test_what_is_no_json_is_no_answer(content, kind):
    """A success by its status whose body cannot be read is told as what it is instead."""
    with pytest.raises(AnswerUnreadableError, match=f"the answer should be JSON and is {kind}$"):
        reading(came(content))


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (b'\xef\xbb\xbf{"data": "\xc3\xa4"}', "ä"),
        ('{"data": "ä"}'.encode("utf-16"), "ä"),
        ('{"data": "ä"}'.encode("utf-16-le"), "ä"),
        ('{"data": "ä"}'.encode("utf-32"), "ä"),
        (b'\r\n {"data": 1}\r\n\r\n', 1),
        (b'{"data": "a\nb\tc"}', "a\nb\tc"),
        (b'{"data": 1, "data": 2}', 2),
        (b'{"data": 1e400}', math.inf),
        (b'{"data": -0.0}', -0.0),
        (b'{"data": 400112.0}', 400112.0),
        (b'{"data": 123456789012345678901234567890}', 123456789012345678901234567890),
        (b'{"data": "\\ud83d\\ude00 \\ud800"}', "\U0001f600 \ud800"),
        (b'"{\\"data\\": {\\"a\\": 1}}"', {"a": 1}),
        (b'{"data": "{\\"a\\": 1}"}', '{"a": 1}'),
    ],
    ids=repr,
)
def test_json_of_all_kinds_is_read(content, data):
    """Byte order marks, other encodings, control characters in texts and a body that was encoded twice are read."""
    found = reading(came(content)).data
    assert (data, type(data)) == (found, type(found))


def test_numbers_that_json_does_not_have_are_read():
    """NaN, which some encoders write, is a number in the data and no failure."""
    assert math.isnan(reading(came(b'{"data": NaN}')).data)


@pytest.mark.parametrize("depth", [63, 64, 65, 500])
def test_deep_data_is_whole(depth):
    """Data that is nested deeper than errors are is read as it is."""
    value = 1
    for _ in range(depth):
        value = [value]
    assert value == reading(came({"data": value})).data


def test_large_data_is_whole():
    """Data that is larger than what errors are looked for in is read as it is."""
    value = {"data": ["x" * 1000] * 9000}
    assert value["data"] == reading(came(value)).data


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226, 299])
def test_every_status_of_success_is_one(status):
    """The statuses from 200 to 299 are success."""
    assert reading(came({"data": 1}, status)).data == 1


# Notices.


SOON = "Sat, 31 Oct 2026 00:00:00 GMT"
HEADERS_SAY = f"This endpoint is deprecated and ends on {SOON}."
WARNING = {
    "message": "This v2 endpoint is Legacy.",
    "v3_endpoint": "POST /v3/videos",
    "docs_url": "https://d.com/m",
    "sunset_date": "2026-10-31",
}


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        ({}, {}, None),
        ({"warning": None}, {}, None),
        ({"warning": "text"}, {}, None),
        ({"data": {"warning": WARNING}}, {}, None),
        ([WARNING], {}, None),
        (None, {"deprecation": "false"}, None),
        (None, {"deprecation": ""}, None),
        (None, {"deprecation": "true"}, ("This endpoint is deprecated.", None, None)),
        (None, {"deprecation": " True"}, ("This endpoint is deprecated.", None, None)),
        (None, {"deprecation": "@1793404800"}, ("This endpoint is deprecated.", None, None)),
        (None, {"deprecation": "true", "sunset": SOON}, (HEADERS_SAY, SOON, None)),
        (None, {"sunset": SOON}, (HEADERS_SAY, SOON, None)),
        ({"warning": WARNING}, {}, ("This v2 endpoint is Legacy.", "2026-10-31", "https://d.com/m")),
        ({"warning": WARNING}, {"deprecation": "true", "sunset": SOON}, ("This v2 endpoint is Legacy.", "2026-10-31", "https://d.com/m")),
        ({"warning": {"message": "m"}}, {"sunset": SOON}, ("m", SOON, None)),
        ({"warning": {"v3_endpoint": "GET /v3/voices"}}, {}, ("This endpoint is deprecated.", None, "GET /v3/voices")),
        ({"warning": {"message": 5, "docs_url": 5, "sunset_date": 5}}, {}, ("This endpoint is deprecated.", None, None)),
        ({"warning": {}}, {}, ("This endpoint is deprecated.", None, None)),
    ],
)
def test_the_end_of_an_endpoint_is_told(value, headers, expected):
    """Headers of RFC 9745 and 8594 and the warning of HeyGen's v2 are one notice, with the day and what to use instead."""
    wanted = [Notice(kind="deprecation", message=expected[0], sunset=expected[1], link=expected[2])] if expected else []
    answer = came(value, **headers)
    assert wanted == notices_in(Reading(None, (), value, None, answer.status, answer.headers), ())


# The answer as a value.


def test_headers_are_found_in_any_case():
    """Headers are a mapping that does not look at the case of names."""
    headers = Headers({"X-Request-Id": "r", "set-cookie": "a\nb"})
    assert (headers["x-request-ID"], headers.get("X-REQUEST-ID"), headers["Set-Cookie"], headers.get("x")) == ("r", "r", "a\nb", None)
    assert (len(headers), "X-REQUEST-ID" in headers, "x" in headers, 5 in headers) == (2, True, False, False)
    assert {"x-request-id": "r", "set-cookie": "a\nb"} == dict(headers) == headers
    with pytest.raises(KeyError):
        headers["x"]


def test_an_answer_shows_no_values():
    """The repr of an answer names what is in its data, which can be tokens, and shows none of it."""
    for data in ({"session_token": "secret-token"}, ["secret-token"], "secret-token", b"secret-token", None):
        answer = Answer(data=data, body={"data": data}, status=200, headers=Headers({"set-cookie": "secret-token"}))
        assert "secret-token" not in repr(answer)
    assert "session_token" in repr(Answer(data={"session_token": "x"}, status=200, headers=Headers({})))


def test_an_answer_is_frozen():
    """An answer does not change."""
    answer = Answer(data=1, status=200, headers=Headers({}))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        answer.data = 2


def test_the_body_of_an_error_is_what_the_kit_makes():
    """The samples of this file are the vendors' own words: the kit's body of an error is read as that error."""
    found = reading(came(body("heygen", "insufficient_credit"), 402))
    assert found.failure.rule == "heygen/INSUFFICIENT_CREDIT"
