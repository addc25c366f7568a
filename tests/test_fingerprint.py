"""Fingerprints group failures: the same one with other ids, numbers, times and URLs has the same, another one has another."""

from __future__ import annotations

import json
import re

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from heify_heygen_errors import Catalogs, Normalizer, Observation, normalize
from heify_heygen_errors.fingerprint import fingerprint, skeleton

steady = settings(deadline=None, derandomize=True)

PROVIDERS = ("heygen", "liveavatar", "heify")


def of(message, *, code=None, provider="heygen", status=400, normalizer=None, **members):
    """The fingerprint of an error object with that message."""
    error = {"code": code, "message": message, **members}
    body = json.dumps({"error": {name: value for name, value in error.items() if value is not None}})
    return (normalizer or Normalizer()).normalize(Observation(provider, status, None, body)).fingerprint


# Form


@pytest.mark.parametrize(
    ("provider", "code", "core", "expected"),
    [
        ("heygen", "400112", "unauthorized", "v1:81db15551c836c11"),
        ("heygen", None, "video # not found", "v1:18cc6c832163f15e"),
        ("heify", "429", "", "v1:928da6df130f2d14"),
    ],
)
def test_version_one_never_changes(provider, code, core, expected):
    """The same provider, code and skeleton give the same fingerprint for as long as it is called v1."""
    assert fingerprint(provider, code, core) == expected


@given(st.text(st.characters()), st.none() | st.text(st.characters()))
@steady
def test_form_of_fingerprints(message, code):
    """Every fingerprint is v1: and 16 hex digits, whatever the message and code."""
    assert re.fullmatch(r"v1:[0-9a-f]{16}", of(message, code=code))


# The same

SAME = {
    "ids with digits": ["Video vid-1 not found", "Video 8f3ae6c8f25a not found", "Video x9 not found"],
    "UUIDs": [
        "Job 3f2b8c1e-9d4a-4b6f-8e2d-1c5a7b9d0e3f is gone",
        "Job 00000000-0000-0000-0000-000000000000 is gone",
        "Job 3F2B8C1E9D4A4B6F8E2D1C5A7B9D0E3F is gone",
    ],
    "long hex": ["Upload deadbeefdeadbeefdeadbeef was lost", "Upload 0123456789abcdef was lost"],
    "numbers": ["Waited 3 seconds of 10", "Waited 300 seconds of 1000", "Waited 2.5 seconds of 1,000"],
    "numbers with units": ["File has 12MB, allowed are 10MB", "File has 1.5GB, allowed are 100MB"],
    "percentages": ["Stopped at 5%", "Stopped at 99.5%"],
    "times": ["Locked until 2026-11-22T08:49:37Z", "Locked until 2027-01-01T00:00:00.123+02:00"],
    "times of day": ["Locked until 08:49:37", "Locked until 23:00:00"],
    "dates and times": ["Locked until 2026-11-22 08:49:37 again", "Locked until 2025-01-01 00:00:00 again"],
    "URLs": [
        "Cannot fetch https://example.com/a.mp4 now",
        "Cannot fetch http://h/ now",
        "Cannot fetch s3://bucket/key now",
        "Cannot fetch https://cdn.example.org/x?y=z#w now",
    ],
    "double quotes": ['Field "voice" of "clip" is bad', 'Field "some other name" of "it" is bad'],
    "single quotes": ["Field 'voice' is bad", "Field 'avatar name' is bad"],
    "back ticks": ["Field `voice` is bad", "Field `avatar name` is bad"],
    "typographic quotes": ["Field “voice” is bad", "Field “avatar name” is bad"],
    "case and white space": ["Render  failed", "render failed", "RENDER\n\tFAILED", " Render failed "],
    "variables": ["Asset ${asset} is odd", "Asset ${other.asset} is odd"],
    "secrets": ["Refused https://h/?token=abcdefgh1", "Refused https://h/?token=zyxwvuts9&x"],
}


@pytest.mark.parametrize("messages", SAME.values(), ids=SAME)
def test_what_varies_makes_no_difference(messages):
    """Ids, numbers, times, URLs, UUIDs and quoted text make no difference, whatever the provider and code."""
    found = [
        {of(message, code=code, provider=provider) for message in messages}
        for provider in PROVIDERS
        for code in (None, "render_failed", "499999")
    ]
    assert [len(fingerprints) for fingerprints in found] == [1] * 9


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.uuids(), st.uuids())
@steady
def test_any_number_and_uuid_makes_no_difference(one, other, first, second):
    """No number and no UUID whatsoever makes a difference."""
    assert of(f"Step {one} of job {first} broke") == of(f"Step {other} of job {second} broke")


def captured(entry):
    """Pairs of messages that a template of the entry matches, with other words in its placeholders."""
    for template in entry.templates:
        if template.names and not (template.open_start or template.open_end) and not {"resource", "resource_type"} & set(template.names):
            source = template.source.replace("{{", "\0").replace("}}", "\1")
            filled = [re.sub(r"\{\w+\}", word, source).replace("\0", "{").replace("\1", "}") for word in ("qqalpha", "zzbeta")]
            yield template.source, filled


CAPTURING = [
    pytest.param(entry.provider, entry.statuses, filled, id=f"{entry.provider} {source}")
    for entry in Catalogs.load().entries()
    if entry.provider in PROVIDERS and entry.condition is None
    for source, filled in captured(entry)
]


@pytest.mark.parametrize(("provider", "statuses", "filled"), CAPTURING)
def test_captured_words_make_no_difference(provider, statuses, filled):
    """What a template of the catalogs captures makes no difference, even if it is a plain word."""
    status = int(next((status for status in statuses if status.isdigit()), "400"))
    infos = [normalize(Observation(provider, status, None, json.dumps({"error": {"message": text}}))) for text in filled]
    assert [info.name for info in infos] == [infos[0].name] * 2
    assert infos[0].fingerprint == infos[1].fingerprint


@pytest.mark.parametrize(
    "seen",
    [
        Observation("heygen", 500, None, '{"error":{"code":"c1","message":"Render failed"}}'),
        Observation("heygen", 404, {"X-Request-Id": "r"}, '{"error":{"code":"c1","message":"Render failed"}}'),
        Observation("heygen", 400, None, '{"code":"c1","message":"Render failed"}', "POST", "https://api.heygen.com/v2/x"),
        Observation("heygen", 400, None, '{"data":null,"error":{"code":"c1","message":"Render failed","param":"p","doc_url":"https://x"}}'),
        Observation("heygen", 200, None, '{"data":{"status":"failed","id":"v1","error":{"code":"c1","message":"Render failed"}}}'),
        Observation(
            "heygen", None, None, '{"event_type":"avatar_video.fail","event_data":{"error":{"code":"c1","message":"Render failed"}}}'
        ),
        Observation("HeyGen", 400, None, {"error": {"code": "c1", "message": "Render failed"}}),
    ],
    ids=lambda seen: ascii(seen.body)[:60],
)
def test_way_of_arrival_makes_no_difference(seen):
    """Status, channel, envelope, headers, ids and URL make no difference where code and message are the same."""
    assert normalize(seen).fingerprint == of("Render failed", code="c1")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_detail_makes_no_difference_beside_a_message(provider):
    """A further detail makes no difference where there is a message."""
    assert of("Render failed", provider=provider, detail="one") == of("Render failed", provider=provider, detail="two")


def test_exceptions_with_other_addresses_are_the_same():
    """Transport failures of a kind are one, whatever host, port and object they name, logged or raised."""
    raised = [
        requests.exceptions.ConnectTimeout("HTTPSConnectionPool(host='a', port=443): timed out <object at 0x7f01>"),
        requests.exceptions.ConnectTimeout("HTTPSConnectionPool(host='b', port=8443): timed out <object at 0x7f02>"),
    ]
    found = {normalize(exc, "heygen").fingerprint for exc in raised}
    found.add(normalize(Observation("heygen", exception=f"requests.exceptions.ConnectTimeout: {raised[0]}")).fingerprint)
    assert len(found) == 1


# Another


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"message": "Render failed"}, {"message": "Upload failed"}),
        ({"message": "Render failed", "code": "c1"}, {"message": "Render failed", "code": "c2"}),
        ({"message": "Render failed", "code": "c1"}, {"message": "Render failed"}),
        ({"message": "Render failed", "provider": "heygen"}, {"message": "Render failed", "provider": "heify"}),
        ({"message": "Render failed", "provider": "heygen"}, {"message": "Render failed", "provider": "liveavatar"}),
        ({"message": None, "code": "c1"}, {"message": "c1"}),
        ({"message": None, "code": "400112"}, {"message": None, "code": "400113"}),
        ({"message": "Nothing found"}, {"message": "Nothing"}),
        ({"message": "a b"}, {"message": "b a"}),
        ({"message": None, "detail": "one thing"}, {"message": None, "detail": "another thing"}),
        ({"message": None, "status": 500}, {"message": None, "status": 503}),
    ],
)
def test_other_failures_have_other_fingerprints(one, other):
    """Another provider, code or wording is another failure; without words the status tells them apart."""
    assert of(**one) != of(**other)


def test_kinds_of_resources_are_told_apart():
    """A template that captures what kind of thing was not found does not make all of them one."""
    assert of("ResourceType.PACIFIC_VIDEO not found", status=404) != of("ResourceType.AVATAR not found", status=404)


PLAIN = re.compile(r"[A-Za-z ,.;!?()-]+")


def literal_messages(provider):
    """Messages of a provider's catalog that hold nothing that varies, by their folded text, with a status that fits."""
    found = {}
    for entry in Catalogs.load().entries(provider):
        status = int(next((status for status in entry.statuses if status.isdigit()), "400"))
        for text in filter(None, (entry.message, *entry.also)):
            if PLAIN.fullmatch(text):
                found.setdefault(" ".join(text.lower().split()), (text, status))
    return found


@pytest.mark.parametrize("provider", PROVIDERS)
def test_messages_of_a_catalog_are_told_apart(provider):
    """Every two messages of a catalog that differ in their words have different fingerprints."""
    messages = literal_messages(provider)
    groups = {}
    for folded, (text, status) in messages.items():
        groups.setdefault(of(text, provider=provider, status=status), []).append(folded)
    assert len(messages) > 3
    assert [group for group in groups.values() if len(group) > 1] == []


def test_codes_of_a_catalog_are_told_apart():
    """Every two codes of a catalog have different fingerprints, with one and the same message and with none."""
    codes = sorted({code for entry in Catalogs.load().entries("heygen") for code in entry.vendor_codes})
    assert len({of("the same words", code=code) for code in codes}) == len(codes)
    assert len({of(None, code=code) for code in codes}) == len(codes)


def test_pages_are_told_apart_by_their_title():
    """Pages of proxies are grouped by status and title, without what varies in it."""
    pages = [
        normalize(Observation("heygen", status, None, f"<html><title>{title}</title><p>{words}</p></html>")).fingerprint
        for status, title, words in [
            (502, "Bad Gateway 1", "a"),
            (502, "Bad Gateway 2", "b"),
            (502, "Blocked", "a"),
            (503, "Bad Gateway 1", "a"),
        ]
    ]
    assert (pages[0] == pages[1], len(set(pages))) == (True, 3)


# Never over rule or category

OVERLAY = """
schema: 1
catalog: heygen
kind: overlay
id: mine
disable: [ASSET_NOT_FOUND, VIDEO_NOT_FOUND]
entries:
  - name: UNAUTHORIZED
    codes: ["400112"]
    category: server
    summary: Something else.
    remedy: Do something else.
    evidence: assumed
    source: test
"""


@pytest.fixture(scope="module")
def edited():
    """A Normalizer over catalogs in which entries were replaced and removed."""
    return Normalizer(Catalogs.from_texts({"overlay.yaml": OVERLAY}))


@pytest.mark.parametrize("code", ["400112", "unauthorized"])
def test_rule_and_category_make_no_difference(edited, code):
    """An entry that was replaced by one of another category regroups nothing."""
    seen = Observation("heygen", 401, None, {"error": {"code": code, "message": "Unauthorized"}})
    before, after = normalize(seen), edited.normalize(seen)
    assert (before.rule, after.rule, before.category == after.category) == ("heygen/UNAUTHORIZED", "heygen/UNAUTHORIZED@mine", False)
    assert before.fingerprint == after.fingerprint


@pytest.mark.parametrize("code", [None, "asset_not_found"])
def test_removed_entry_regroups_nothing(edited, code):
    """A message with an id keeps its fingerprint when the entry whose template captured the id is removed."""
    seen = Observation("heygen", 404, None, {"error": {"code": code, "message": "Asset a1b2c3d4 not found"}})
    before, after = normalize(seen), edited.normalize(seen)
    assert (before.name, before.name == after.name) == ("ASSET_NOT_FOUND", False)
    assert before.fingerprint == after.fingerprint


# Skeletons


@pytest.mark.parametrize(
    ("message", "params", "expected"),
    [
        ("Unauthorized", {}, "unauthorized"),
        ("  Not\n Found. ", {}, "not found."),
        ("Video vid-1 not found", {}, "video # not found"),
        ("It's John's video", {}, "it's john's video"),
        ("", {}, ""),
        ("1 2", {}, "#"),
    ],
)
def test_skeleton_is_what_stays(message, params, expected):
    """A skeleton is the message in lower case with # for words that vary."""
    assert skeleton(message, params) == expected


def test_apostrophes_are_no_quotes():
    """Apostrophes within words quote nothing, so the words between them count."""
    assert of("Don't use the owner's voice") != of("Don't use the owner's face")


def test_long_messages_are_bounded():
    """Only the beginning of a message counts, so that a dump behind it regroups nothing."""
    assert of("Render failed " + "a" * 2000) == of("Render failed " + "a" * 3000)
