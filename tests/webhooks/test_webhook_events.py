"""What is read out of a webhook's body: HeyGen's envelopes, calls of a callback_url, and Heify's two bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import Observation, normalize
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.model import Channel
from heify_heygen_errors.testing.shapes import SHAPES, wires
from heify_heygen_errors.testing.vendors.heygen_events import EVENTS
from heify_heygen_errors.testing.words import typical
from heify_heygen_errors.webhooks import (
    WebhookError,
    WebhookEvent,
    WebhookProof,
    WebhookState,
    confirmed,
    parse_unverified_webhook,
)

TRANSCRIPTION = "7d5f0b9e-3c41-4a52-9b80-2f1c6a7e8d90"


def rules_of(provider: str) -> list[str]:
    entries = default_catalogs().space(provider).entries.values()
    return [rule for entry in entries for rule in (entry.rule, *(refinement.rule for refinement in entry.refinements))]


def parsed(body: Any, provider: str = "heygen") -> WebhookEvent:
    return parse_unverified_webhook(body if isinstance(body, bytes | str) else json.dumps(body), provider)


# Failures.


@pytest.mark.parametrize("provider", ["heygen", "heify"])
def test_every_failure_that_is_posted(provider: str) -> None:
    """Whatever the catalogs say that a vendor posts, in each form, is a failed event with that failure and the id of the job."""
    seen, wrong = set(), []
    for rule in rules_of(provider):
        for form in wires(typical(provider, rule)):
            if form.channel != "webhook":
                continue
            seen.add(form.shape)
            body = form.body if isinstance(form.body, str) else json.dumps(form.body)
            event = parsed(body, provider)
            failure = normalize(Observation(provider, None, None, body))
            assert failure is not None
            ids = set(event.resource.values())
            if (event.state, event.failure, failure.channel, form.words.job_id in ids) != (
                WebhookState.FAILED,
                failure,
                Channel.WEBHOOK,
                True,
            ):
                wrong.append((rule, form.shape, event))
            if failure.rule != rule and not failure.rule.startswith(f"{rule}#"):
                wrong.append((rule, form.shape, failure.rule))
    assert wrong == []
    assert seen == {shape.name for shape in SHAPES if shape.channel == "webhook" and provider in shape.providers}


REASONS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "msg": ({"msg": "Script too long"}, None, "Script too long"),
    "error as text": ({"error": "Script too long"}, None, "Script too long"),
    "error object": ({"error": {"code": "rendering_failed", "message": "Oh"}}, "rendering_failed", "Oh"),
    "failure fields": ({"failure_code": "rendering_failed", "failure_message": "Oh"}, "rendering_failed", "Oh"),
    "error fields": ({"error_code": "rendering_failed", "error_message": "Oh"}, "rendering_failed", "Oh"),
    "message": ({"message": "Oh"}, None, "Oh"),
    "nothing": ({}, None, None),
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("envelope", ["event", "callback"])
def test_reasons_of_heygen(reason: str, envelope: str) -> None:
    """The reason of a failure is found wherever HeyGen was seen to put it, in events and in calls of a callback_url."""
    fields, code, message = REASONS[reason]
    data = {"video_id": "v1", "callback_id": "mine", **fields}
    body = {"event_type": "avatar_video.fail", "event_data": data} if envelope == "event" else {"data": {**data, "status": "failed"}}
    event = parsed(body)
    assert event.failure is not None
    assert (event.state, event.failure.code, event.failure.message) == (WebhookState.FAILED, code, message)
    assert dict(event.resource) == {"callback_id": "mine", "video_id": "v1"}
    assert event.data == (data if envelope == "event" else {**data, "status": "failed"})


# States.


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if "." in kind and "preflight" not in kind and kind != "batch.finished"])
@pytest.mark.parametrize("data", [{"video_id": "v1"}, {}, None])
def test_event_types_that_say_how_it_ended(kind: str, data: Any) -> None:
    """Types that end in success and fail decide the state, whatever stands in the data."""
    event = parsed({"event_type": kind, "event_data": data})
    is_good = kind.endswith("success")
    assert (event.type, event.state, event.succeeded) == (kind, "completed" if is_good else "failed", is_good)
    assert (event.failure is None, event.data) == (is_good, data or {})


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"event_type": "personalized_video", "event_data": {"status": "completed", "video_id": "v1"}}, "completed"),
        ({"event_type": "personalized_video", "event_data": {"status": "SUCCESS"}}, "completed"),
        ({"event_type": "personalized_video", "event_data": {"status": "failed", "video_id": "v1"}}, "failed"),
        ({"event_type": "personalized_video", "event_data": {"status": "processing"}}, "other"),
        ({"event_type": "batch.finished", "event_data": {"batch_id": "b1", "status": "completed"}}, "completed"),
        ({"event_type": "never.heard.of", "event_data": {"video_id": "v1"}}, "other"),
        ({"event_type": "never.heard.of", "event_data": None}, "other"),
        ({"event_type": "never.heard.of"}, "other"),
        ({"event_type": "AVATAR_VIDEO.SUCCESS", "event_data": {}}, "completed"),
        ({"data": {"video_id": "v1", "status": "completed", "video_url": "https://example.com/v.mp4"}}, "completed"),
        ({"data": {"video_id": "v1", "status": "failed"}}, "failed"),
        ({"data": {"video_id": "v1", "status": "processing"}}, "other"),
        ({"data": {"video_id": "v1"}}, "other"),
        ({"video_id": "v1", "status": "completed"}, "completed"),
        ({"video_id": "v1", "status": "failed", "msg": "Oh"}, "failed"),
    ],
)
def test_states_of_heygen(body: dict[str, Any], state: str) -> None:
    """Without an end in the type the status decides; types and states that nobody knows are other."""
    event = parsed(body)
    assert (event.state, event.failure is not None, event.type) == (state, state == "failed", body.get("event_type"))


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        ({"status": "COMPLETED", "configuration_id": "c1", "duration": 125.5, "completed_at": "2026-03-01T10:00:00Z"}, "completed", None),
        ({"status": "FAILED", "error": {"message": "Audio file not found.", "code": 404}}, "failed", "Audio file not found."),
        ({"status": "FAILED", "error": "Unsupported audio format"}, "failed", "Unsupported audio format"),
        ({"status": "FAILED", "details": {"message": "Audio file not found.", "code": 404}}, "failed", "Audio file not found."),
        ({"status": "FAILED"}, "failed", None),
        ({"status": "failed", "error": None}, "failed", None),
        ({"status": "IN_PROGRESS"}, "other", None),
        ({"status": "NEVER_HEARD_OF"}, "other", None),
    ],
)
def test_states_of_heify(body: dict[str, Any], state: str, message: str | None) -> None:
    """What Heify posts to success_url and error_url, bare or under data, says state, reason and transcription, and no type."""
    whole = {"transcription_id": TRANSCRIPTION, **body}
    for sent in (whole, {"data": whole}):
        event = parsed(sent, "heify")
        assert (event.provider, event.type, event.id, event.state) == ("heify", None, None, state)
        assert (event.data, event.resource["transcription_id"]) == (whole, TRANSCRIPTION)
        assert (event.failure and event.failure.message) == message
        assert (event.failure is not None, event.key) == (state == "failed", f"heify:{TRANSCRIPTION}:{state}")


def test_parsing_verifies_nothing() -> None:
    """An event that was only parsed says so."""
    event = parsed({"event_type": "avatar_video.success", "event_data": {}})
    assert (event.is_verified, event.proof) == (False, WebhookProof.NONE)


# Single fields.


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T12:00:00.5+02:00", datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (1_772_359_200, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (1_772_359_200_500, datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        (1_772_359_200.5, datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("1772359200", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        *((odd, None) for odd in ("", "soon", "0001-01-01T00:00:00+23:59", 10**400, 1e300, -5, True, None, [], {}, "9" * 16, "x" * 1000)),
    ],
)
def test_when_it_came_about(written: Any, expected: datetime | None) -> None:
    """Times are read in every form that vendors use, as moments in UTC; what is no time is None."""
    event = parsed({"event_type": "avatar_video.success", "event_data": {}, "created_at": written})
    assert event.created == expected
    assert event.created is None or event.created.tzinfo is UTC


@pytest.mark.parametrize(
    "ended",
    [{"completed_at": "2026-03-01T10:00:00Z"}, {"details": {"failed_at": "2026-03-01T10:00:00Z"}}, {"error": {"failed_at": 1_772_359_200}}],
)
def test_when_a_transcription_ended(ended: dict[str, Any]) -> None:
    """Heify's time of the end is found wherever it stands."""
    event = parsed({"transcription_id": TRANSCRIPTION, "status": "FAILED", **ended}, "heify")
    assert event.created == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_the_data_has_pythons_own_values() -> None:
    """Numbers in the data are Python's; what no JSON number can be is a text."""
    body = '{"event_type": "a.b", "event_data": {"n": 1.50, "big": 1e3, "i": 7, "nan": NaN, "inf": -Infinity, "n": 2.50}}'
    assert parsed(body).data == {"n": 2.5, "big": 1000.0, "i": 7, "nan": "NaN", "inf": "-Infinity"}
    assert [type(value) for value in parsed(body).data.values()] == [float, float, int, str, str]


def test_ids_are_redacted_and_bounded() -> None:
    """Members with credentials are no ids, and an id that looks like one is redacted, as in an ErrorInfo."""
    data = {"video_id": "v1", "token_id": "abc", "callback_id": "sk_live_0123456789abcdef", "long_id": "x" * 500}
    assert dict(parsed({"event_type": "a.b", "event_data": data}).resource) == {"callback_id": "[redacted]", "video_id": "v1"}


def test_other_ids_do_not_hide_the_transcription() -> None:
    """However many ids a body has, transcription_id is among them."""
    body = {**{f"a{number}_id": "x" for number in range(40)}, "transcription_id": TRANSCRIPTION, "status": "COMPLETED"}
    event = parsed(body, "heify")
    assert (event.resource["transcription_id"], event.key) == (TRANSCRIPTION, f"heify:{TRANSCRIPTION}:completed")


def test_the_repr_has_no_values() -> None:
    """The repr of an event names the members of the data, escaped and bounded, and none of the values."""
    data = {"video_id": "v1", "url": "https://example.com/?sig=zz", "\x1b[31m\n": 1, "m" * 2000: 2}
    shown = repr(parsed({"event_type": "a.b", "event_data": data}))
    assert "data={video_id, url, \\x1b[31m\\n, mmm" in shown
    assert ("example.com" in shown, "\x1b" in shown, "\n" in shown, len(shown) < 1200) == (False, False, False, True)


# What is no event.

NO_EVENTS: dict[str, Any] = {
    "a list": [],
    "a list of events": [{"event_type": "a.b", "event_data": {}}],
    "a number": 7,
    "a text": "avatar_video.success",
    "null": None,
    "true": True,
    "an empty object": {},
    "a type that is null": {"event_type": None, "event_data": {}},
    "a type that is blank": {"event_type": " ", "event_data": {}},
    "a type that is a number": {"event_type": 7, "event_data": {}},
    "a type without end": {"event_type": "x" * 257, "event_data": {}},
    "data that is a list": {"event_type": "a.b", "event_data": []},
    "data that is a text": {"event_type": "a.b", "event_data": "{}"},
    "a callback without a job": {"data": {}},
    "a callback with a list": {"data": [{"video_id": "v1", "status": "failed"}]},
    "a job without an id": {"status": "completed"},
    "an id without a state": {"video_id": "v1"},
}
NO_EVENTS_OF_HEIFY: dict[str, Any] = {
    "a list": [{"transcription_id": TRANSCRIPTION, "status": "COMPLETED"}],
    "an empty object": {},
    "no id": {"status": "COMPLETED"},
    "no status": {"transcription_id": TRANSCRIPTION},
    "an empty status": {"transcription_id": TRANSCRIPTION, "status": ""},
    "a status that is a number": {"transcription_id": TRANSCRIPTION, "status": 7},
    "an id that is null": {"transcription_id": None, "status": "COMPLETED"},
    "an id that is a list": {"transcription_id": [], "status": "COMPLETED"},
    "an id without end": {"transcription_id": "x" * 257, "status": "COMPLETED"},
    "an id with a line break": {"transcription_id": "a\nb", "status": "COMPLETED"},
    "HeyGen's": {"event_type": "avatar_video.fail", "event_data": {"video_id": "v1"}},
}


@pytest.mark.parametrize(
    ("provider", "body"), [*(("heygen", body) for body in NO_EVENTS.values()), *(("heify", body) for body in NO_EVENTS_OF_HEIFY.values())]
)
def test_what_is_no_event(provider: str, body: Any) -> None:
    """JSON that is no event of the vendor is a WebhookError, as bytes, as text and decoded."""
    for form in (json.dumps(body).encode(), json.dumps(body), body):
        if form is None or (isinstance(form, str) and form == body):  # nothing, and a text that is no JSON
            continue
        with pytest.raises(WebhookError, match=r"^not_an_event: "):
            parse_unverified_webhook(form, provider)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"oops",
        b"<html></html>",
        b'{"event_type": "avatar_video.fail"',
        b'{"event_type": "avatar_video.fail"} and more',
        b'{"event_type": "\xff", "event_data": {}}',
        '{"event_type": "a.b", "event_data": {}}'.encode("utf-16"),
        b'{"event_type": "a.b", "event_data": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"event_type": "a.b", "event_data": {"n": ' + b"9" * 5000 + b"}}",
        "",
        None,
    ],
)
def test_what_is_unreadable(body: Any) -> None:
    """A body that is no JSON, cut, no UTF-8 or absurdly deep is a WebhookError, and nothing is guessed of it."""
    for provider in ("heygen", "heify"):
        with pytest.raises(WebhookError, match=r"^unreadable: "):
            parse_unverified_webhook(body, provider)


def test_what_is_odd_and_readable() -> None:
    """A byte order mark, escapes without a partner, repeated members and deep data below the bound are read."""
    deep = '{"event_type": "a.b", "event_data": ' + '{"a":' * 50 + "1" + "}" * 50 + "}"
    bodies = ["\ufeff" + deep, '{"event_type": "a.b", "event_type": "c.d", "event_data": {"\\ud800": "\\udfff"}}', " \n" + deep]
    assert [parsed(body.encode()).type for body in bodies] == ["a.b", "c.d", "a.b"]


def test_a_body_that_is_too_large() -> None:
    """A body over 8 MiB is a WebhookError of its own."""
    for body in (b" " * (8 * 1024 * 1024 + 1), " " * (8 * 1024 * 1024 + 1)):
        with pytest.raises(WebhookError) as caught:
            parse_unverified_webhook(body, "heygen")
        assert (caught.value.problem, caught.value.http_status) == ("too_large", 413)


def test_forms_of_a_body() -> None:
    """Bytes of any kind, text and any mapping give the same event; providers are found in any case."""
    body = {"event_type": "avatar_video.fail", "event_data": {"video_id": "v1", "msg": "Oh"}}
    text = json.dumps(body)
    forms: list[Any] = [text, text.encode(), bytearray(text.encode()), memoryview(text.encode()), body, MappingProxyType(body)]
    events = [parse_unverified_webhook(form, " HeyGen ") for form in forms]
    assert {(event.type, event.state, event.resource["video_id"], event.failure and event.failure.message) for event in events} == {
        ("avatar_video.fail", "failed", "v1", "Oh")
    }


@pytest.mark.parametrize("provider", ["liveavatar", "layers", "", None, 7])
def test_vendors_without_webhooks(provider: Any) -> None:
    """A vendor that posts nothing is a ValueError that names those that do."""
    with pytest.raises(ValueError, match=r"posts no webhooks: use one of heygen, heify$"):
        parse_unverified_webhook(b"{}", provider)


@pytest.mark.parametrize("body", [object(), iter([]), {1}])
def test_bodies_that_nobody_means(body: Any) -> None:
    """Something that is no body at all is a TypeError."""
    with pytest.raises(TypeError, match="a webhook is parsed from the body of the request"):
        parse_unverified_webhook(body, "heygen")


# What was read back.

CLAIMED = {"transcription_id": TRANSCRIPTION, "status": "COMPLETED", "duration": 1, "completed_at": "2026-03-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("read", "state", "message"),
    [
        ({"transcription_id": TRANSCRIPTION, "status": "COMPLETED", "details": {"duration": 99}}, "completed", None),
        ({"transcription_id": TRANSCRIPTION, "status": "IN_PROGRESS", "details": {"message": None}}, "other", None),
        (
            {"transcription_id": TRANSCRIPTION, "status": "FAILED", "details": {"message": "Audio file not found.", "code": 404}},
            "failed",
            "Audio file not found.",
        ),
        ({"status": "COMPLETED"}, "completed", None),
    ],
)
def test_what_was_read_counts(read: Mapping[str, Any], state: str, message: str | None) -> None:
    """After a read-back nothing is left that only the delivery said: state, data, time and failure are those that were read."""
    event = confirmed(parsed(CLAIMED, "heify"), read)
    assert (event.is_verified, event.proof, event.state, event.data) == (True, WebhookProof.READ_BACK, state, read)
    assert (event.failure and event.failure.message, event.created) == (message, None)
    assert (dict(event.resource), event.key) == ({"transcription_id": TRANSCRIPTION}, f"heify:{TRANSCRIPTION}:{state}")
    assert event.failure is None or event.failure.channel is Channel.JOB


def test_a_failure_that_was_raised_counts() -> None:
    """The failure that a client has raised for the read-back is the event's."""
    failed = {"transcription_id": TRANSCRIPTION, "status": "FAILED"}
    failure = normalize(Observation("heify", 200, None, {"data": {**failed, "details": {"message": "Audio file not found.", "code": 404}}}))
    event = confirmed(parsed(CLAIMED, "heify"), failed, failure)
    assert (event.state, event.failure) == (WebhookState.FAILED, failure)


def test_another_transcription_confirms_nothing() -> None:
    """Data of another transcription is a ValueError."""
    with pytest.raises(ValueError, match="what was read is about another transcription"):
        confirmed(parsed(CLAIMED, "heify"), {"transcription_id": "other", "status": "COMPLETED"})


# Whatever comes.

MEMBERS = st.sampled_from(
    [
        "event_type",
        "event_data",
        "event_id",
        "created_at",
        "data",
        "status",
        "error",
        "details",
        "video_id",
        "transcription_id",
        "completed_at",
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["FAILED", "completed", "a.fail", "a.success"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS | st.text(), inner, max_size=6), max_leaves=25
)


@given(body=VALUES, provider=st.sampled_from(["heygen", "heify"]))
def test_whatever_is_posted(body: Any, provider: str) -> None:
    """Any JSON is an event or a WebhookError; an event has a failure exactly if it failed, and its key and repr can be stored."""
    try:
        event = parse_unverified_webhook(json.dumps(body), provider)
    except WebhookError:
        return
    assert (event.failure is not None, event.succeeded) == (event.state == "failed", event.state == "completed")
    assert event.key.encode()
    assert repr(event).encode()
    assert "\n" not in event.key + repr(event)


@given(
    body=st.binary() | st.text() | st.dictionaries(st.text() | st.integers(), VALUES, max_size=4),
    provider=st.sampled_from(["heygen", "heify"]),
)
def test_whatever_is_given(body: Any, provider: str) -> None:
    """Nothing but a WebhookError leaves, whatever bytes, text or mapping is parsed."""
    try:
        left: object = parse_unverified_webhook(body, provider)
    except WebhookError as error:
        left = error.__cause__, error.__context__
    assert isinstance(left, WebhookEvent) or left == (None, None)
