"""The shapes on the wire: which there are, what each can carry, and which one a vendor would use."""

import json
import re
from functools import cache

import pytest

from heify_heygen_errors import normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing.shapes import (
    SHAPES,
    default_shape,
    default_wire,
    generation_of,
    shapes_of,
    wire,
    wires,
    wires_of,
    wires_of_refinement,
)
from heify_heygen_errors.testing.words import Speaker, Words, reworded, typical

_CATALOGS = default_catalogs()
_PROVIDERS = _CATALOGS.providers
_NAMES = [shape.name for shape in SHAPES]
_PATHS = (None, "/v3/videos", "/v2/video/generate", "/v1/video_status.get", "/v1/video_agent/generate", "/submit")

every_shape = pytest.mark.parametrize("shape", [pytest.param(shape, id=shape.name) for shape in SHAPES])


# The registry.


def test_names_of_shapes_are_unique_slugs():
    """A shape's name is unique and made of lower-case words with hyphens."""
    assert sorted(set(_NAMES)) == sorted(_NAMES)
    assert [name for name in _NAMES if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_names_that_others_rely_on():
    """The public names stay: people write them in their tests."""
    public = "v1 v1-msg v2 v3 v3-nulls job-v1 job-v3 list-item-v3 batch-item webhook-msg envelope-v1 envelope-v2 page gateway s3-xml"
    assert set() == set(public.split()) - set(_NAMES)


@every_shape
def test_shape_says_what_it_is(shape):
    """Every shape has a summary of one line and a channel that an answer can have."""
    assert shape.summary.endswith(".")
    assert "\n" not in shape.summary
    assert shape.channel in {"response", "job", "webhook", "gateway", "upload"}


@every_shape
def test_shape_is_sent_to_everyone_it_names(shape):
    """No shape is dead: for each of its providers and speakers some entry is sent in it."""
    expected = {(provider, speaker) for provider in shape.providers for speaker in shape.speakers}
    assert expected == {(provider, speaker) for provider, speaker, name in _used() if name == shape.name}


@cache
def _used():
    """Who is sent which shape by whom, over all entries."""
    return {(form.provider, form.words.speaker, form.shape) for entry in _CATALOGS.entries() for form in wires_of(entry)}


def test_shapes_of_a_provider():
    """A provider's shapes are those that name it, the layers' included; there are none for others."""
    assert {"v3", "gateway", "s3-xml", "page"} <= {shape.name for shape in shapes_of("heygen")}
    assert set() == {shape.name for shape in shapes_of("heify")} & {"v1", "v2", "v3", "job-v3"}
    assert shapes_of("nobody") == ()


# What a shape can carry.


def test_wires_are_what_each_shape_gives():
    """`wires` gives what `wire` gives for every shape that can carry the words, and `wire` refuses the others."""
    words = typical("heygen", "insufficient_credit")
    able = {form.shape: form for form in wires(words)}
    for name in _NAMES:
        if name in able:
            assert able[name] == wire(words, name)
            continue
        with pytest.raises(ValueError, match="use one of v3, v3-nulls, v2, "):
            wire(words, name)


def test_unknown_shape_lists_those_that_can():
    """A shape that does not exist is a ValueError that names the shapes for these words."""
    with pytest.raises(ValueError, match=r"there is no shape 'v4': use one of envelope-v2, envelope-v2-text-code, "):
        wire(typical("heify", "MISSING_FIELD"), "v4")


def test_shape_that_would_change_the_meaning_is_refused():
    """A refinement by detail is not put into a shape that has no place for a detail."""
    words = typical("heygen", "VIDEO_FORMAT_NOT_SUPPORTED#plan")
    with pytest.raises(
        ValueError, match=r"the shape 'v3' cannot carry heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan of heygen: use one of v2, v1"
    ):
        wire(words, "v3")
    assert {"v2", "v1", "job-v1"} <= {form.shape for form in wires(words)}


def test_given_detail_needs_a_place():
    """A detail and a param of one's own leave only shapes that have a place for them."""
    words = reworded(typical("heygen", "INVALID_PARAMETER"), detail="mine")
    assert {"mine"} == {form.detail for form in wires(words)}
    words = reworded(typical("heygen", "INVALID_PARAMETER"), param="mine")
    assert {("v3", "mine")} == {(form.shape, form.param) for form in wires(words)}
    words = reworded(typical("heify", "MISSING_FIELD"), detail="mine")
    with pytest.raises(ValueError, match=r"no shape can carry heify/MISSING_FIELD of heify with detail"):
        wire(words, "envelope-v2")
    with pytest.raises(ValueError, match=r"no shape can carry heify/MISSING_FIELD of heify with detail"):
        default_shape(words)


def test_statuses_of_shapes():
    """Refusals have the words' status, failed jobs 200, webhooks and stored bodies none."""
    found = {(shape.channel, shape.stored): set() for shape in SHAPES}
    for provider in _PROVIDERS:
        for entry in [*_CATALOGS.entries(provider), *_CATALOGS.entries("layers")]:
            for form in wires_of(entry, provider):
                shape = SHAPES[_NAMES.index(form.shape)]
                found[shape.channel, shape.stored].add(form.status == form.words.status or form.status)
    assert found == {
        ("response", False): {True},
        ("job", False): {200},
        ("webhook", False): {None},
        ("webhook", True): {None},
        ("gateway", False): {True},
        ("gateway", True): {None},
        ("upload", False): {True},
    }


def test_body_is_sent_as_utf8():
    """JSON goes out as UTF-8 with its letters as they are, text as it is."""
    words = Words(provider="heygen", status=400, message="Größe ungültig")
    assert json.loads(wire(words, "v1").content()) == {"message": "Größe ungültig"}
    assert "Größe".encode() in wire(words, "v1").content()
    page = Words(provider="heygen", status=502, message="502 Größe", speaker=Speaker.PROXY)
    assert "502 Größe\n".encode() == wire(page, "plain").content()


def test_markup_in_words_is_escaped():
    """Words with markup come back whole from XML and pages."""
    message = 'The value of <a> & "b" isn\'t right'
    words = Words(provider="heify", status=400, code="InvalidArgument", message=message, speaker=Speaker.STORAGE)
    assert {message} == {normalize(form.observation()).message for form in wires(words)}
    assert {True} == {b"<a>" not in form.content() for form in wires(words)}


def test_job_id_stands_in_every_job_and_webhook():
    """The id of the failed job is the one of the words, in every shape that has one."""
    for provider in ("heygen", "heify"):
        words = reworded(typical(provider, "unknown"), job_id="my-job-7")
        found = {tuple(normalize(form.observation()).resource.values()) for form in wires(words)}
        assert {("my-job-7",)} == found


def test_words_of_ones_own_are_sent_in_every_envelope():
    """Code and message that no catalog knows are sent, too, and come back as they are."""
    words = Words(provider="heygen", status=400, code="brand_new_code", message="Something new happened")
    found = {(info.code, info.message) for form in wires(words) for info in normalize_all(form.observation())}
    assert {("brand_new_code", "Something new happened")} == found


def test_wire_remembers_its_words():
    """A wire knows the words that it was made of, and so the rule that it must come back as."""
    words = typical("heygen", "rate_limit")
    assert words is wire(words, "v3").words


# Conditions that the shipped catalogs do not use, but overlays can.

_REFINEMENTS = {
    "endpoint": {"endpoint": "/v3/videos/{video_id}"},
    "job": {"channel": "job"},
    "webhook with a text": {"channel": "webhook", "message": "gone…"},
    "no message": {"no_message": True},
    "status and detail": {"status": "409", "detail": "x{a}y"},
    "text": {"text": "…{reason} happened"},
}
_SHAPES_OF_REFINEMENTS = {
    "job": "job",
    "webhook with a text": "webhook",
}


@pytest.mark.parametrize("name", _REFINEMENTS)
def test_refinement_of_an_overlay_comes_back(name, laid_over, entry):
    """Whatever a refinement asks for, every form of it comes back as it, and none of the entry alone does."""
    refine = {
        "id": "mine",
        "when": _REFINEMENTS[name],
        "category": "plan",
        "summary": "It needs a plan.",
        "remedy": "Buy one.",
        "examples": ["seen"],
        "counter_examples": ["not seen"],
    }
    normalizer = laid_over(entry(refine=[refine]))
    laid = normalizer.catalogs.space("heygen").entries["MY_ERROR"]
    forms = list(wires_of_refinement(laid, laid.refinements[0]))
    assert {laid.refinements[0].rule} == {normalizer.normalize(form.observation()).rule for form in forms}
    channel = _SHAPES_OF_REFINEMENTS.get(name)
    assert channel is None or {channel} == {form.channel for form in forms}
    alone = [form for form in wires_of(laid) if form.words.refinement is None]
    assert {laid.rule} == {normalizer.normalize(form.observation()).rule for form in alone}


_CONDITIONS = {
    "endpoint": {"endpoint": "/v3/videos"},
    "channel": {"channel": "job"},
    "no message": {"no_message": True},
    "status": {"status": "404"},
    "message": {"message": "foo {bar}"},
    "detail": {"detail": "foo {bar}"},
    "text": {"text": "foo {bar}"},
}


@pytest.mark.parametrize("name", _CONDITIONS)
def test_condition_of_an_overlays_entry_is_met(name, laid_over, entry):
    """An entry with a condition comes back in every form that it is sent in, and there are some."""
    normalizer = laid_over(entry(when=_CONDITIONS[name]))
    laid = normalizer.catalogs.space("heygen").entries["MY_ERROR"]
    assert {laid.rule} == {normalizer.normalize(form.observation()).rule for form in wires_of(laid)}


# The shape that a vendor would use.


@pytest.mark.parametrize(
    ("provider", "what", "path", "shape"),
    [
        ("heygen", "rate_limit", None, "v3"),
        ("heygen", "rate_limit", "/v3/videos", "v3"),
        ("heygen", "rate_limit", "/v2/video/generate", "v2"),
        ("heygen", "rate_limit", "/v1/video_agent/generate", "v2"),
        ("heygen", "rate_limit", "/v1/asset", "v1"),
        ("heygen", "rate_limit", "/v1", "v1"),
        ("heygen", "400112", None, "v1"),
        ("heygen", "400112", "/v3/videos", "v3"),
        ("heygen", "INVALID_URL", None, "v3"),
        ("heygen", "RENDERING_FAILED", None, "job-v3"),
        ("heygen", "RENDERING_FAILED", "/v1/video_status.get", "job-v1"),
        ("heygen", "unknown", "/v3/videos/7", "job-v3"),
        ("heygen", "unknown", "/v2/videos/7", "job-v3"),
        ("heygen", "VIDEO_FORMAT_NOT_SUPPORTED#plan", "/v3/videos", "v2"),
        ("liveavatar", "4003", "/v1/sessions/start", "v1-data-null"),
        ("liveavatar", "rate_limit", None, "v1"),
        ("liveavatar", "unknown", None, "job-v1"),
        ("heify", "MISSING_FIELD", "/submit", "envelope-v2"),
        ("heify", "unknown", "/get-transcription", "transcription-v2"),
        ("heify", "rate_limit", "/submit", "gateway"),
        ("heify", "LAMBDA_UNHANDLED_ERROR", None, "lambda"),
        ("heify", "SlowDown", "/upload", "s3-xml"),
        ("heify", "PRESIGNED_URL_EXPIRED", None, "expired-url"),
        ("heygen", "PROXY_BAD_GATEWAY", "/v3/videos", "page"),
    ],
)
def test_default_shape(provider, what, path, shape):
    """The default is the shape of the vendor and generation at the path, layers have their own, failed jobs theirs."""
    assert shape == default_shape(typical(provider, what), path)


@pytest.mark.parametrize(
    ("path", "code"), [("/v3/videos", "unauthorized"), ("/v2/videos", "unauthorized"), ("/v1/asset", 400112), (None, "unauthorized")]
)
def test_default_wire_speaks_the_generation_of_the_path(path, code):
    """At a path the code is that of its generation: a number in v1, a text later."""
    body = default_wire(typical("heygen", "UNAUTHORIZED"), path).body
    assert code == body.get("error", body)["code"]


@pytest.mark.parametrize(
    ("path", "generation"),
    [
        (None, "v3"),
        ("", "v3"),
        ("/v3/videos", "v3"),
        ("/v2", "v2"),
        ("/v2/videos", "v2"),
        ("/v1/video_agent/generate", "v2"),
        ("/v1/video.list", "v1"),
        ("/v10/videos", "v3"),
        ("/submit", "v3"),
    ],
)
def test_generation_of_a_path(path, generation):
    """The first part of a path names the generation; the old video agent speaks v2; all else is the present."""
    assert generation == generation_of(path)


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("provider", _PROVIDERS)
def test_typical_failure_comes_back_from_every_path(provider, path):
    """Every entry and refinement, as the vendor sends it at a path, comes back as itself."""
    found, expected = [], []
    for entry in [*_CATALOGS.entries(provider), *_CATALOGS.entries("layers")]:
        for rule in (entry.rule, *(refinement.rule for refinement in entry.refinements)):
            words = typical(provider, rule)
            info = normalize(default_wire(words, path).observation())
            found.append((rule, info.rule, info.name))
            expected.append((rule, words.rule, entry.name))
    assert expected == found
    assert {entry for entry, _, _ in expected if "#" in entry} == {rule for entry, rule, _ in found if "#" in entry}
