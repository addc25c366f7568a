"""How a rule is chosen: the order of evidence, each step of it, and what decides once the step before is taken away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import CatalogError, Catalogs, Normalizer, Observation, UnknownCode, normalize, normalize_all

Entry = Callable[..., dict[str, Any]]
LaidOver = Callable[..., Normalizer]


def _decided(source: Observation, normalizer: Normalizer | None = None) -> tuple[str, str, str | None]:
    """Rule, evidence and code of what a source is normalized to."""
    info = (normalizer or Normalizer()).normalize(source)
    assert info is not None
    return info.rule, info.matched_by.value, info.code


def _response(status: int | None = 400, provider: str = "heygen", **body: Any) -> Observation:
    return Observation(provider, status, None, body)


def _job(provider: str = "heygen", **job: Any) -> Observation:
    return Observation(provider, 200, None, {"code": 100, "data": {"status": "failed", **job}, "message": "Success"})


# 1. Structure outranks text. The order: code, family, template, shape, status, transport, unknown.


def test_without_the_evidence_before_it_the_next_decides(entry: Entry, laid_over: LaidOver) -> None:
    """One failure holds evidence of every kind: taking away what decided lets the next kind in the order decide."""
    rows = [
        entry(name="BY_CODE", codes=["hologram_not_found"], named=False),
        entry(name="BY_TEXT", named=False, message="The hologram is gone"),
    ]
    observation = _response(409, code="hologram_not_found", message="The hologram is gone")
    number = _response(409, code=987654, message="The hologram is gone")
    assert _decided(observation, laid_over(*rows)) == ("heygen/BY_CODE@mine", "code", "hologram_not_found")
    assert _decided(observation, laid_over(rows[1])) == ("heygen/family:_not_found", "family", "hologram_not_found")
    assert _decided(number, laid_over(rows[1])) == ("heygen/BY_TEXT@mine", "message", "987654")
    assert _decided(number) == ("heygen/status:409", "status", "987654")
    assert _decided(_response(None, code=987654, message="The hologram is gone")) == ("unknown", "none", "987654")


def test_a_code_outranks_the_text_of_another_entry() -> None:
    """A known code decides, whatever other entry's message stands beside it."""
    assert _decided(_response(400, code=40031, message="Unauthorized")) == ("heygen/INVALID_VIDEO_ID", "code", "40031")


def test_a_code_outranks_the_status() -> None:
    """A known code decides with any status, also with one that the entry does not list."""
    found = {_decided(_response(status, code=400112))[0] for status in (200, 400, 401, 404, 429, 500, 503, None)}
    assert found == {"heygen/UNAUTHORIZED"}


def test_a_family_outranks_a_template(entry: Entry, laid_over: LaidOver) -> None:
    """An unknown code's family decides before the message does."""
    normalizer = laid_over(entry(named=False, message="The hologram is gone"))
    assert _decided(_response(400, code="hologram_not_found", message="The hologram is gone"), normalizer)[1] == "family"


def test_a_template_outranks_a_shape(entry: Entry, laid_over: LaidOver) -> None:
    """A job that failed with known words is explained by them, not by its shape."""
    normalizer = laid_over(entry(named=False, message="The hologram is gone"))
    assert _decided(_job(error="The hologram is gone"), normalizer) == ("heygen/MY_ERROR@mine", "message", None)
    assert _decided(_job(error=None), normalizer) == ("heygen/JOB_FAILED_WITHOUT_REASON", "shape", None)


@pytest.mark.parametrize(
    ("name", "catalog", "observation", "rule", "fallback"),
    [
        (
            "JOB_FAILED_WITHOUT_REASON",
            "heygen",
            _job(),
            ("heygen/JOB_FAILED_WITHOUT_REASON", "shape", None),
            ("unknown", "none", None),
        ),
        (
            "JOB_NOT_FOUND",
            "heygen",
            Observation("heygen", 200, None, {"data": {"video_id": "v", "status": "not_found"}}),
            ("heygen/JOB_NOT_FOUND", "shape", None),
            ("unknown", "none", None),
        ),
        (
            "TRANSCRIPTION_FAILED",
            "heify",
            Observation("heify", 200, None, {"transcription_id": "t", "status": "FAILED"}),
            ("heify/TRANSCRIPTION_FAILED", "shape", None),
            ("unknown", "none", None),
        ),
        (
            "LAMBDA_UNHANDLED_ERROR",
            "layers",
            Observation("heify", 502, None, {"errorMessage": "gibberish", "errorType": "Oops", "stackTrace": []}),
            ("layers/LAMBDA_UNHANDLED_ERROR", "shape", "Oops"),
            ("heify/status:502", "status", "Oops"),
        ),
        (
            "PRESIGNED_URL_EXPIRED",
            "layers",
            Observation("heygen", 403, None, b"", "GET", "https://x.s3.amazonaws.com/v.mp4?X-Amz-Signature=abc"),
            ("layers/PRESIGNED_URL_EXPIRED", "shape", None),
            ("heygen/status:403", "status", None),
        ),
    ],
)
def test_a_listed_shape_outranks_the_status(
    name: str,
    catalog: str,
    observation: Observation,
    rule: tuple[str, str, str | None],
    fallback: tuple[str, str, str | None],
    laid_over: LaidOver,
) -> None:
    """A listed shape decides before the status does; without its entry the status or nothing decides."""
    assert _decided(observation) == rule
    assert _decided(observation, laid_over(catalog=catalog, disable=[name])) == fallback


@pytest.mark.parametrize(
    ("provider", "code", "name", "status"),
    [("heygen", "400112", "UNAUTHORIZED", 401), ("heygen", "40010", "VIDEO_FORMAT_NOT_SUPPORTED", 400), ("liveavatar", "4000", None, 400)],
)
def test_a_removed_entry_falls_back_to_the_status(provider: str, code: str, name: str | None, status: int, laid_over: LaidOver) -> None:
    """Without its entry a number falls back to the status, keeps its text and never takes a neighbour's meaning."""
    name = name or Normalizer().lookup(provider, code).name
    assert _decided(_response(status, provider, code=code)) == (f"{provider}/{name}", "code", code)
    normalizer = laid_over(catalog=provider, disable=[name])
    assert _decided(_response(status, provider, code=code), normalizer) == (f"{provider}/status:{status}", "status", code)


def test_a_removed_text_code_falls_back_to_its_family(laid_over: LaidOver) -> None:
    """Without its entry a text code belongs to its family."""
    assert _decided(_response(404, code="video_not_found"))[:2] == ("heygen/VIDEO_NOT_FOUND", "code")
    assert _decided(_response(404, code="video_not_found"), laid_over(disable=["VIDEO_NOT_FOUND"])) == (
        "heygen/family:_not_found",
        "family",
        "video_not_found",
    )


def test_a_removed_template_falls_back_to_the_status(laid_over: LaidOver) -> None:
    """Without its entry a message of Heify, which sends no codes, falls back to the status."""
    observation = _response(400, "heify", message="Missing required field: media_url")
    rule, by, _ = _decided(observation)
    assert (rule, by) == ("heify/MISSING_FIELD", "message")
    assert _decided(observation, laid_over(catalog="heify", disable=["MISSING_FIELD"])) == ("heify/status:400", "status", None)


def test_an_exception_is_decided_by_the_transport_catalog() -> None:
    """An exception is decided by its class, and one that no entry lists is unknown."""
    known = Observation("heygen", exception="requests.exceptions.ConnectTimeout: timed out")
    rule, by, code = _decided(known)
    assert (rule.partition("/")[0], by, code) == ("transport", "transport", None)
    assert _decided(Observation("heygen", exception="acme.Oops: boom")) == ("unknown", "none", None)


CONDITIONS = [
    # when, observation, decided by the conditional entry
    ({"status": ["409"]}, _response(409, code="900001"), True),
    ({"status": ["409"]}, _response(404, code="900001"), False),
    ({"status": ["4xx"]}, _response(404, code="900001"), True),
    ({"status": ["5xx"]}, _response(None, code="900001"), False),
    ({"endpoint": ["/v3/videos/{video_id}"]}, Observation("heygen", 409, None, {"code": "900001"}, "GET", "/v3/videos/v1"), True),
    ({"endpoint": ["/v3/videos/{video_id}"]}, Observation("heygen", 409, None, {"code": "900001"}, "GET", "/v3/voices/v1"), False),
    ({"endpoint": ["/v3/videos/{video_id}"]}, Observation("heygen", 409, None, {"code": "900001"}, None, "/v3/videos/v1"), False),
    ({"channel": ["job"]}, _job(error={"code": "900001"}), True),
    ({"channel": ["job"]}, _response(400, code="900001"), False),
    ({"channel": ["job", "response"]}, _response(400, code="900001"), True),
    ({"no_message": True}, _response(400, code="900001"), True),
    ({"no_message": True}, _response(400, code="900001", message="x"), False),
    ({"detail": ["too late…"]}, _response(400, code="900001", message="x", detail="Too late by 5 s"), True),
    ({"detail": ["too late…"]}, _response(400, code="900001", message="too late"), False),
    ({"message": ["too late…"]}, _response(400, code="900001", message="too  LATE"), True),
    ({"text": ["too late…"]}, _response(400, code="900001", message="x", detail="Too late by 5 s"), True),
    ({"text": ["too late…"]}, _response(400, code="900001", message="too late"), True),
    ({"text": ["too late…"]}, _response(400, code="900001", message="x"), False),
    ({"status": ["409"], "channel": ["job"]}, _response(409, code="900001"), False),
]


@pytest.mark.parametrize(("when", "observation", "fits"), CONDITIONS)
def test_an_entry_with_conditions(when: dict[str, Any], observation: Observation, fits: bool, entry: Entry, laid_over: LaidOver) -> None:  # noqa: FBT001
    """An entry limited by status, endpoint, channel or text decides only where all of it fits; else the unlimited one of the code does."""
    normalizer = laid_over(entry(name="LIMITED", codes=["900001"], when=when), entry(name="USUAL", codes=["900001"]))
    assert _decided(observation, normalizer)[0] == ("heygen/LIMITED@mine" if fits else "heygen/USUAL@mine")


@pytest.mark.parametrize(
    ("statuses", "fault", "status", "rule"),
    [
        ([409], None, 409, "heygen/MY_ERROR@mine"),
        ([409], None, None, "heygen/MY_ERROR@mine"),
        ([409], None, 404, "heygen/status:404"),
        (["4xx"], None, 404, "heygen/MY_ERROR@mine"),
        (None, None, 404, "heygen/MY_ERROR@mine"),
        (None, None, 500, "heygen/status:500"),
        (None, "provider", 500, "heygen/MY_ERROR@mine"),
    ],
)
def test_a_template_within_its_statuses(
    statuses: list[int | str] | None, fault: str | None, status: int | None, rule: str, entry: Entry, laid_over: LaidOver
) -> None:
    """A message decides only with the statuses of its entry; with others the status does."""
    normalizer = laid_over(entry(named=False, message="The hologram is gone", statuses=statuses, fault=fault))
    assert _decided(_response(status, message="the hologram is GONE"), normalizer)[0] == rule


# 2. A number from 100 to 599 is a status.

STATUS_CODES = [
    # observation, code, rule
    (_response(400, code=404, message="gibberish"), "404", "heygen/status:400"),
    (_response(400, code="429", message="gibberish"), "429", "heygen/status:400"),
    (_response(500, "heify", error={"code": 404, "message": "gibberish"}), "404", "heify/status:500"),
    (_response(None, "heify", error={"code": 404, "message": "gibberish"}), "404", "heify/status:404"),
    (_job(error={"code": 404, "message": "gibberish"}), "404", "heygen/status:404"),
    (_job(error={"code": "503", "message": "gibberish"}), "503", "heygen/status:503"),
    (_job(error={"code": 600, "message": "gibberish"}), "600", "unknown"),
    (_job(error={"code": 99, "message": "gibberish"}), "99", "unknown"),
    (
        Observation(
            "heygen", None, None, {"event_type": "avatar_video.fail", "event_data": {"error": {"code": 429, "message": "gibberish"}}}
        ),
        "429",
        "heygen/status:429",
    ),
]


@pytest.mark.parametrize(("observation", "code", "rule"), STATUS_CODES)
def test_a_status_as_code(observation: Observation, code: str, rule: str) -> None:
    """A number from 100 to 599 stays in code and matches as a status: of a job or webhook that number's, else HTTP's own."""
    assert _decided(observation) == (rule, "none" if rule == "unknown" else "status", code)


def test_a_status_as_code_is_no_entrys_code(entry: Entry, laid_over: LaidOver) -> None:
    """A number from 100 to 599 is refused as an entry's code, but lets templates of its status match."""
    with pytest.raises(CatalogError, match="code 409 is a number from 100 to 599"):
        laid_over(entry(codes=["409"]))
    assert _decided(_response(400, code=409)) == ("heygen/status:400", "status", "409")
    normalizer = laid_over(entry(named=False, message="The hologram is gone", statuses=[404]))
    assert _decided(_job(error={"code": 404, "message": "The hologram is gone"}), normalizer)[0] == "heygen/MY_ERROR@mine"
    assert _decided(_job(error={"code": 409, "message": "The hologram is gone"}), normalizer)[0] == "heygen/status:409"


# 3. A specific status outranks a catch-all code.


@pytest.mark.parametrize("code", ["internal_error", "error"])
@pytest.mark.parametrize(("status", "rule"), [(404, "heygen/status:404"), (429, "heygen/status:429"), (401, "heygen/status:401")])
def test_a_specific_status_outranks_a_catch_all_code(code: str, status: int, rule: str) -> None:
    """Behind a catch-all code a status from 400 to 499 decides; the code stays."""
    assert _decided(_response(status, error={"code": code, "message": "gibberish"})) == (rule, "status", code)


def test_a_catch_all_code_decides_where_the_status_says_nothing() -> None:
    """With a 5xx status, without one and in a job the catch-all code means what its entry says."""
    for status in (500, 503, None):
        assert _decided(_response(status, error={"code": "internal_error", "message": "gibberish"}))[:2] == (
            "heygen/INTERNAL_ERROR",
            "code",
        )
    assert _decided(_job(error={"code": "internal_error", "message": "gibberish"}))[:2] == ("heygen/INTERNAL_ERROR", "code")


def test_a_template_outranks_a_catch_all_code(entry: Entry, laid_over: LaidOver) -> None:
    """A known message says more than a catch-all code."""
    normalizer = laid_over(entry(named=False, message="The hologram is gone"))
    for status in (404, None):
        observation = _response(status, error={"code": "internal_error", "message": "The hologram is gone"})
        assert _decided(observation, normalizer) == ("heygen/MY_ERROR@mine", "message", "internal_error")


def test_which_codes_are_catch_alls_is_catalog_data() -> None:
    """No other code is a catch-all: with the same status a known code decides."""
    assert _decided(_response(404, code=400112))[0] == "heygen/UNAUTHORIZED"


def test_a_vague_code_gives_way_to_a_template_only(entry: Entry, laid_over: LaidOver) -> None:
    """An entry marked as vague decides against the status, but not against another entry's message."""
    vague = entry(name="VAGUE", codes=["900001"], generic=True)
    text = entry(name="TEXT", named=False, message="The hologram is gone")
    normalizer = laid_over(vague, text)
    assert _decided(_response(404, code=900001, message="gibberish"), normalizer) == ("heygen/VAGUE@mine", "code", "900001")
    assert _decided(_response(404, code=900001, message="The hologram is gone"), normalizer) == ("heygen/TEXT@mine", "message", "900001")


# 4. Text refines where the catalog lists it.

REFINED = [
    (
        _response(400, code=40010, message="x", detail="Please subscribe to higher plan to generate 4K"),
        ("heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan", "detail", "40010"),
        "plan",
    ),
    (
        _response(400, code=40010, message="Video format not supported"),
        ("heygen/VIDEO_FORMAT_NOT_SUPPORTED", "code", "40010"),
        "invalid_media",
    ),
    (
        _response(400, code=40031, message="x", detail="Please subscribe to higher plan to generate 4K"),
        ("heygen/INVALID_VIDEO_ID", "code", "40031"),
        "invalid_request",
    ),
    (
        _response(429, code=400140, message="Exceed rate limit", detail="Daily rate limit exceeded"),
        ("heygen/MOVIO_API_EXCEED_RATE_LIMIT#daily", "detail", "400140"),
        "quota",
    ),
    (_response(429, code=400140, message="Exceed rate limit"), ("heygen/MOVIO_API_EXCEED_RATE_LIMIT", "code", "400140"), "rate_limit"),
    (
        _response(409, error={"code": "conflict", "message": "Uploaded object not found yet. Retry after upload PUT returns 200."}),
        ("heygen/CONFLICT#upload_pending", "message", "conflict"),
        "not_ready",
    ),
    (
        _response(409, error={"code": "conflict", "message": "Webhook endpoint already registered"}),
        ("heygen/CONFLICT", "code", "conflict"),
        "conflict",
    ),
]


@pytest.mark.parametrize(("observation", "decided", "category"), REFINED)
def test_text_refines_what_the_catalog_lists(observation: Observation, decided: tuple[str, str, str], category: str) -> None:
    """A listed text beside a code gives the refinement; other texts, and the same text beside other codes, change nothing."""
    info = normalize(observation)
    assert info is not None
    assert (info.rule, info.matched_by.value, info.code) == decided
    assert (info.category.value, info.name) == (category, decided[0].partition("/")[2].partition("#")[0])


def test_the_first_refinement_that_fits_wins(entry: Entry, laid_over: LaidOver) -> None:
    """Refinements are asked in order, and the first whose conditions all fit decides."""
    base = {"category": "timeout", "summary": "Late.", "remedy": "Wait.", "examples": ["x"], "counter_examples": ["y"]}
    refine = [
        {"id": "job", "when": {"channel": ["job"], "message": ["late…"]}, **base},
        {"id": "late", "when": {"message": ["late by {seconds} s"]}, **base},
        {"id": "any", "when": {"message": ["late…"]}, **base},
    ]
    normalizer = laid_over(entry(codes=["900001"], refine=refine))
    assert _decided(_response(400, code=900001, message="late by 5 s"), normalizer) == ("heygen/MY_ERROR#late@mine", "message", "900001")
    assert _decided(_response(400, code=900001, message="late again"), normalizer) == ("heygen/MY_ERROR#any@mine", "message", "900001")
    assert _decided(_response(400, code=900001, message="on time"), normalizer) == ("heygen/MY_ERROR@mine", "code", "900001")
    assert _decided(_job(error={"code": 900001, "message": "late by 5 s"}), normalizer)[0] == "heygen/MY_ERROR#job@mine"
    info = normalizer.normalize(_response(400, code=900001, message="Late by 5 s"))
    assert info is not None
    assert dict(info.params) == {"seconds": "5"}


def test_templates_are_the_entries_where_no_code_is_sent() -> None:
    """Heify sends no distinguishing codes: its messages decide, each within its statuses."""
    assert _decided(_response(400, "heify", message="Missing required field: name"))[:2] == ("heify/MISSING_FIELD", "message")
    assert _decided(_response(400, "heify", error={"code": 400, "message": "Missing required field: name"})) == (
        "heify/MISSING_FIELD",
        "message",
        "400",
    )


# 5. Templates (what they match is tested in test_catalog_template.py): as the whole path uses them.


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("The hologram h1 is gone", None),
        ("  the HOLOGRAM\n h1  is gone ", None),
        ("video_inputs.0.voice is invalid: The hologram h1 is gone", "video_inputs.0.voice"),
        ("Value error, The hologram h1 is gone", None),
        ("video_inputs.0.voice is invalid: Value error, The hologram h1 is gone", "video_inputs.0.voice"),
        ("a.b is invalid: The hologram h1 is gone\nc.d is invalid: Field required", "a.b"),
    ],
)
def test_a_message_behind_a_field_path(message: str, param: str | None, entry: Entry, laid_over: LaidOver) -> None:
    """A template matches the folded text, also behind a field path, which becomes param, or "Value error, "."""
    row = entry(
        named=False, also=["The hologram {id} is gone"], examples=["The hologram x is gone"], counter_examples=["The hologram is gone"]
    )
    info = laid_over(row).normalize(_response(400, message=message))
    assert info is not None
    assert (info.rule, dict(info.params), info.param, info.message) == ("heygen/MY_ERROR@mine", {"id": "h1"}, param, message.strip())


def test_the_template_that_says_most_wins(entry: Entry, laid_over: LaidOver) -> None:
    """Of several templates that fit the one with more literal text decides."""
    rows = [
        entry(name=name, named=False, also=[template], examples=["x"], counter_examples=["y"])
        for name, template in (("SHORT", "The hologram {rest}"), ("LONG", "The hologram {id} is gone"), ("OPEN", "The holo…"))
    ]
    assert _decided(_response(400, message="The hologram h1 is gone"), laid_over(*rows))[0] == "heygen/LONG@mine"
    assert _decided(_response(400, message="The hologram h1 is gone"), laid_over(*rows[::2]))[0] == "heygen/SHORT@mine"


def test_a_text_that_matches_nothing_costs_little() -> None:
    """A hostile message of megabytes is decided at once."""
    before = time.process_time()
    for text in ("x is invalid: " * 100_000, "not found " * 100_000, "{" * 1_000_000, "a.b is invalid: x\n" * 50_000):
        for provider in ("heygen", "heify"):
            assert _decided(_response(400, provider, message=text))[1] in ("status", "message")
    assert time.process_time() - before < 4


# 6. Unknown codes are normal.


def test_an_unknown_code_is_kept_and_the_hook_is_called() -> None:
    """A code that no catalog lists is kept verbatim and handed to the hook with the finished error; known ones are not."""
    seen: list[UnknownCode] = []
    normalizer = Normalizer(on_unknown_code=seen.append)
    infos = [
        normalizer.normalize(observation)
        for observation in (
            _response(404, code="Hologram_Not_Found"),
            _response(400, code=987654),
            _job(error={"code": "hologram", "message": "x"}),
            _response(401, code=400112),
            _response(404, error={"code": "internal_error"}),
            _response(404, code=404),
            _response(404, message="gibberish"),
        )
    ]
    assert [(details.provider, details.code) for details in seen] == [
        ("heygen", "Hologram_Not_Found"),
        ("heygen", "987654"),
        ("heygen", "hologram"),
    ]
    assert [details.info for details in seen] == infos[:3]


@pytest.mark.parametrize("code", ["400113", "40011", "4001120", "40012000", "1", "987654", "4001", "-400112", "400112.0"])
def test_a_number_never_takes_a_neighbours_meaning(code: str) -> None:
    """A number that is not listed is decided by the status alone, however near a listed one it is."""
    with pytest.raises(KeyError):
        Normalizer().lookup("heygen", code)
    assert _decided(_response(418, code=code)) == ("heygen/status:418", "status", code)


@pytest.mark.parametrize("body", ['{"message": "gibberish", "code": 40010', '{"code":40010', '[{"message": "gibberish", "code": 40010'])
def test_a_number_that_was_cut_is_no_code(body: str) -> None:
    """The beginning of a number at the end of a cut body is not taken for the code that it happens to spell."""
    assert _decided(Observation("heygen", 418, None, body))[0] == "heygen/status:418"


def test_case_of_a_code() -> None:
    """A symbol counts in upper and in lower case; the code stays as it was written."""
    assert _decided(_response(400, code="UNAUTHORIZED")) == ("heygen/UNAUTHORIZED", "code", "UNAUTHORIZED")
    assert _decided(_response(400, code="unauthorized")) == ("heygen/UNAUTHORIZED", "code", "unauthorized")


# 7. A string in error; what is no error.


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": "unauthorized"}, "unauthorized", None),
        ({"error": "unauthorized", "message": "No."}, "unauthorized", "No."),
        ({"error": "hologram_gone"}, None, "hologram_gone"),
        ({"error": "hologram_gone", "error_description": "It left."}, "hologram_gone", "It left."),
        ({"error": "invalid_grant", "error_description": "No."}, "invalid_grant", "No."),
        ({"error": "UNAUTHORIZED"}, None, "UNAUTHORIZED"),
        ({"error": "Something broke"}, None, "Something broke"),
    ],
)
def test_a_string_as_error(body: dict[str, Any], code: str | None, message: str | None) -> None:
    """A string error is a code if it looks like one and is listed, or has a description beside it; else it is the message."""
    info = normalize(Observation("heygen", 400, None, body))
    assert info is not None
    assert (info.code, info.message) == (code, message)


@pytest.mark.parametrize("error", [None, False, "", {}, " ", []])
@pytest.mark.parametrize("provider", ["heygen", "heify", "liveavatar"])
def test_an_empty_error_is_no_error(error: object, provider: str) -> None:
    """Null, false, an empty text and an empty object in error are no error in a success."""
    assert normalize_all(Observation(provider, 200, None, {"error": error, "data": {"id": "1"}})) == []


@pytest.mark.parametrize(
    ("job", "failed"),
    [
        ({"status": "completed", "video_url": "https://x.invalid/v.mp4", "error": {"code": 40119, "message": "x"}}, False),
        ({"status": "completed", "video_url": None, "error": {"code": 40119, "message": "x"}}, True),
        ({"status": "completed", "error": {"code": 40119, "message": "x"}}, True),
        ({"status": "completed", "error": None}, False),
        ({"status": "processing", "error": {"code": 40119, "message": "x"}}, False),
        ({"status": "failed", "video_url": "https://x.invalid/v.mp4"}, True),
    ],
)
def test_a_completed_job(job: dict[str, Any], failed: bool) -> None:  # noqa: FBT001
    """A completed job with a result URL beside an error did not fail; without one it did."""
    assert bool(normalize_all(Observation("heygen", 200, None, {"code": 100, "data": job, "message": "Success"}))) is failed


# 8. Successes.


@pytest.mark.parametrize(
    ("provider", "status", "body", "failed"),
    [
        ("heify", None, {"message": "Configuration created successfully"}, False),
        ("heify", None, {"message": "Hologram created successfully"}, True),
        ("heify", 200, {"message": "Hologram created successfully"}, False),
        ("heify", 400, {"message": "Configuration created successfully"}, True),
        ("heygen", None, {"message": "Success"}, False),
        ("heygen", None, {"message": "gibberish"}, True),
        ("heygen", 200, {"message": "gibberish"}, False),
        ("heygen", 200, "<html><body>Welcome</body></html>", False),
        ("heygen", 200, '{"code": 400112, "mess', False),
        ("heify", 200, '{"error": {"message": "x"', False),
        ("heygen", 204, "", False),
        ("heygen", 302, "<html>Moved</html>", False),
        ("heygen", None, "", False),
        ("heygen", 200, {"code": 1000, "message": "x"}, False),
        ("heygen", 200, {"code": 100, "message": None}, False),
        ("heygen", 200, {"code": 400112, "message": "Unauthorized"}, True),
        ("liveavatar", 200, {"code": 1000, "data": {}, "message": "x"}, False),
        ("liveavatar", 403, {"code": 1000, "message": "x"}, True),
    ],
)
def test_a_success_is_none(provider: str, status: int | None, body: object, failed: bool) -> None:  # noqa: FBT001
    """A bare message without a status is a success only if the catalog lists it; pages and broken JSON of a 2xx are none of ours."""
    assert (normalize(Observation(provider, status, None, body)) is not None) is failed


def test_a_success_code_is_never_the_failures() -> None:
    """A success code beside a failure does not become its code."""
    assert _decided(_response(400, code=100, message="gibberish")) == ("heygen/status:400", "status", None)
    assert _decided(_job(error={"code": 100, "message": "gibberish"}))[2] is None


# 9. Total.

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["failed", "completed", "400112", "error"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["code", "message", "detail", "error", "data", "status", "event_type", "event_data", "errors", "id", "errorMessage"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.sampled_from(["heygen", "heify", "liveavatar"]),
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([200, 400, 403, 500]),
    st.none() | st.dictionaries(st.sampled_from(["x-amzn-errortype", "retry-after", "date", "x"]), st.text(max_size=20)),
    _JSON | st.binary(max_size=200) | st.text(max_size=200),
    st.none() | st.text(max_size=10),
    st.none() | st.text(max_size=30),
)
def test_it_always_answers(
    provider: str, status: Any, headers: dict[str, str] | None, body: object, method: str | None, url: str | None
) -> None:
    """For any status, headers, body, method and URL there is an answer with a rule, a summary and a remedy, and it is the same again."""
    observation = Observation(provider, status, headers, body, method, url)
    infos = normalize_all(observation)
    for info in infos:
        assert info.rule
        assert info.summary
        assert info.remedy
        assert info.fingerprint.startswith("v1:")
    assert normalize_all(observation) == infos
    assert normalize(observation) == (infos[0] if infos else None)


@given(_JSON)
def test_the_input_is_not_changed(body: object) -> None:
    """A decoded body that was passed in is the same afterwards."""
    before = repr(body)
    normalize_all(Observation("heygen", 400, {"a": "b"}, body))
    normalize_all(Observation("heify", 200, None, body))
    assert repr(body) == before


def test_an_overlay_can_take_away_everything(laid_over: LaidOver) -> None:
    """With every entry of a catalog disabled the status still decides."""
    names = [entry.name for entry in Catalogs.load().entries("heygen")]
    layers = [entry.name for entry in Catalogs.load().entries("layers")]
    assert len(names) > 100
    assert len(layers) > 20
    normalizer = laid_over(disable=names)
    for entry in Catalogs.load().entries("heygen"):
        for code in entry.vendor_codes:
            if not (code.isdigit() and len(code) == 3):
                info = normalizer.normalize(_response(418, code=code))
                assert info is not None
                assert (info.code, info.name) == (code, None)
                assert info.rule == "heygen/status:418" or info.rule.startswith("heygen/family:")
