"""Explanations: each step of the decision, printable, for whatever can be normalized."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import ApiError, Explanation, Observation, explain, normalize_all, raise_for_error

REFUSED = Observation("heygen", 401, None, b'{"code":400112,"message":"Unauthorized"}', "GET", "https://api.heygen.com/v3/videos?a=b")


def _steps(explanation: Explanation) -> dict[str, tuple[str, ...]]:
    return {step.name: step.lines for step in explanation.steps}


def _line(explanation: Explanation, step: str, start: str) -> str | None:
    return next((line for line in _steps(explanation)[step] if line.startswith(start)), None)


def test_the_steps_of_a_response() -> None:
    """A response is explained from what was observed over document, envelope and matching to the result and what was redacted."""
    explanation = explain(REFUSED)
    assert [step.name for step in explanation.steps] == ["Observation", "Document", "Envelope", "Matching", "Result", "Redaction"]
    steps = _steps(explanation)
    assert steps["Observation"] == (
        "provider heygen (named)",
        "status 401",
        "no headers",
        "request GET https://api.heygen.com/v3/videos?a=b",
    )
    assert steps["Document"] == ("read as json",)
    assert steps["Envelope"] == ("flat body: channel response, code 400112, message 'Unauthorized'",)
    assert steps["Matching"] == ("code 400112 is listed: heygen/UNAUTHORIZED",)
    assert steps["Result"][:3] == (
        "rule heygen/UNAUTHORIZED, matched by code",
        "category authentication, fault account, channel response",
        "retry never, outcome refused",
    )
    assert steps["Redaction"] == ("nothing had to be redacted",)


def test_it_prints_as_text() -> None:
    """An explanation prints each step's name with its lines indented below it."""
    lines = str(explain(REFUSED)).splitlines()
    assert lines[:2] == ["Observation", "  provider heygen (named)"]
    assert [line for line in lines if not line.startswith("  ")] == [step.name for step in explain(REFUSED).steps]


def test_it_is_ready_for_json() -> None:
    """An explanation as dict survives a round trip through JSON and holds the errors."""
    explanation = explain(REFUSED)
    told = explanation.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["errors"] == [info.to_dict() for info in explanation.infos]


SOURCES: dict[str, Any] = {
    "response": REFUSED,
    "text": Observation("heify", 502, None, "<html><title>502 Bad Gateway</title></html>"),
    "nothing": Observation("heygen", 200, None, b'{"code":100,"data":null,"message":"Success"}'),
    "empty": Observation("heygen", 500),
    "job": Observation("heygen", 200, None, {"code": 100, "data": {"status": "failed", "error": {"code": 40119, "message": "x"}}}),
    "list": Observation("heygen", 200, None, {"data": {"videos": [{"video_id": str(n), "status": "failed"} for n in range(3)]}}),
    "exception": ConnectionResetError(104, "Connection reset by peer"),
    "unknown exception": KeyError("x"),
    "logged exception": Observation("heify", exception="requests.exceptions.ReadTimeout: timed out"),
    "field path": Observation("heygen", 400, None, {"message": "video_inputs.0.voice is invalid: Field required"}),
    "catch-all": Observation("heygen", 404, None, {"error": {"code": "internal_error", "message": "x"}}),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_an_explanation_is_of_what_normalize_gives(source: Any) -> None:
    """What is explained is what normalize and normalize_all give, whatever the source."""
    explanation = explain(source, "heygen")
    infos = normalize_all(source, "heygen")
    assert list(explanation.infos) == infos
    assert explanation.info == (infos[0] if infos else None)
    shown = [line for name, lines in ((step.name, step.lines) for step in explanation.steps) if name.startswith("Result") for line in lines]
    assert [line for line in shown if line.startswith("rule ")] == [f"rule {info.rule}, matched by {info.matched_by}" for info in infos]


def test_no_error_says_so() -> None:
    """Where nothing failed, the explanation ends in that."""
    explanation = explain(SOURCES["nothing"])
    assert explanation.info is None
    assert explanation.steps[-1].lines == ("no error: normalize gives None",)
    assert _steps(explanation)["Envelope"] == ("nothing in it says that something failed",)


@pytest.mark.parametrize(
    ("observation", "step", "line"),
    [
        (Observation(None, 500, None, b"", None, "https://api.heygen.com/x"), "Observation", "provider heygen (from the URL's host)"),
        (
            Observation("heygen", 700, None, {"code": 1, "message": "x"}),
            "Observation",
            "status 700, outside 100 to 599: it decides nothing",
        ),
        (Observation("heygen", 400, {"a": "b", "c": "d"}, {}), "Observation", "2 headers"),
        (Observation("heygen", 400, None, '{"code": 1, "mess'), "Document", "not valid JSON: read by a scan"),
        (Observation("heygen", 400, None, "[" * 100), "Document", "nests deeper than 64: read by a scan"),
        (
            Observation("heygen", 400, None, {"code": "hologram_not_found"}),
            "Matching",
            "code hologram_not_found is in no catalog; it belongs to the family heygen/family:_not_found",
        ),
        (
            Observation("heygen", 400, None, {"code": 1, "message": "gibberish"}),
            "Matching",
            "nothing in code or text decides: status 400 gives heygen/status:400",
        ),
        (SOURCES["catch-all"], "Matching", "code internal_error is a catch-all: templates and the status 404 outrank it"),
        (
            SOURCES["field path"],
            "Matching",
            "field path 'video_inputs.0.voice' stands before the message: it becomes param, 'Field required' is matched",
        ),
        (
            Observation("heygen", 200, None, {"data": {"status": "failed", "error": {"code": 404}}}),
            "Matching",
            "code 404 is an HTTP status",
        ),
        (Observation("heygen", 400, None, {"message": "x", "api_key": "abcdef123456"}), "Redaction", "body: 1 place redacted"),
        (Observation("heygen", 400, None, {"message": "x" * 9000}), "Redaction", "body: an excerpt of 4096 bytes is kept"),
    ],
)
def test_a_step_says_why(observation: Observation, step: str, line: str) -> None:
    """Each step says in words what decided in it."""
    assert _line(explain(observation), step, line) is not None


def test_a_body_that_is_not_in_memory() -> None:
    """A response whose body was not read yet counts as one without a body, and the explanation says so."""
    explanation = explain(SimpleNamespace(status_code=500, headers={}, url="https://api.heygen.com/x", iter_content=lambda: [b"x"]))
    assert "the body was not read yet, so it counts as absent" in _steps(explanation)["Observation"]


def test_an_api_error_explains_its_info() -> None:
    """An ApiError is explained by the ErrorInfo that it carries."""
    with pytest.raises(ApiError) as caught:
        raise_for_error(REFUSED)
    assert explain(caught.value).infos == (caught.value.info,)


def test_long_lists_are_cut() -> None:
    """Of a list of many failures the first ones are shown; all of them are in infos."""
    explanation = explain(
        Observation("heygen", 200, None, {"data": {"videos": [{"video_id": str(n), "status": "failed"} for n in range(50)]}})
    )
    assert len(explanation.infos) == 50
    assert len(str(explanation).splitlines()) < 500
    assert _steps(explanation)["Envelope"][-1] == "... and 30 more"


@pytest.mark.parametrize(("source", "error"), [("text", TypeError), (None, TypeError), (KeyboardInterrupt(), TypeError)])
def test_what_cannot_be_normalized_cannot_be_explained(source: object, error: type[Exception]) -> None:
    """What normalize refuses as wrong use, explain refuses, too."""
    with pytest.raises(error):
        explain(source, "heygen")


@pytest.mark.parametrize(("provider", "hint"), [(None, "nothing names the provider"), ("acme", "there is no provider 'acme'")])
def test_a_provider_is_needed(provider: str | None, hint: str) -> None:
    """Without a known provider there is a ValueError that lists them."""
    with pytest.raises(ValueError, match=f"{hint}.*heygen, liveavatar, heify"):
        explain(Observation(provider, 500))


SECRET = "s3cr3tV4lue0123456789"
LEAKS = {
    "url": Observation("heygen", 400, None, {"message": "x"}, "GET", f"https://api.heygen.com/x?api_key={SECRET}"),
    "message": Observation("heygen", 400, None, {"message": f"api_key={SECRET} is wrong"}),
    "code": Observation("heygen", 400, None, {"code": f"Bearer {SECRET}", "message": "x"}),
    "live key in message": Observation("heygen", 400, None, {"message": f"bad {SECRET}"}, secrets=(SECRET,)),
    "live key in code": Observation("heygen", 400, None, {"code": SECRET, "message": "x"}, secrets=(SECRET,)),
    "live key in text": Observation("heygen", 400, None, f"bad {SECRET}", secrets=(SECRET,)),
    "live key in title": Observation("heygen", 400, None, f"<html><title>{SECRET}</title>", secrets=(SECRET,)),
    "live key in field path": Observation("heygen", 400, None, {"message": f"{SECRET} is invalid: x"}, secrets=(SECRET,)),
    "live key in exception": Observation("heygen", exception=f"ValueError: {SECRET}", secrets=(SECRET,)),
    "live key in exception's name": Observation("heygen", exception=f"{SECRET}: x", secrets=(SECRET,)),
    "exception": Observation("heygen", exception=f"requests.ConnectionError: https://x.invalid/?api_key={SECRET} refused"),
    "captured": Observation("heygen", 404, None, {"message": f"{SECRET} not found"}, secrets=(SECRET,)),
    "many": Observation("heygen", 400, None, {"errors": [{"message": f"token={SECRET}"}]}),
}


@pytest.mark.parametrize("observation", LEAKS.values(), ids=LEAKS)
def test_no_step_shows_a_secret(observation: Observation) -> None:
    """A credential in any part of what was observed stands in no step, neither as text nor as dict."""
    explanation = explain(observation)
    assert SECRET not in str(explanation)
    assert SECRET not in json.dumps([step.lines for step in explanation.steps])


_FOREIGN = st.text('ab{}[]":,<>\x1b\x07\n\r\t\x9b\u202e\u2028\ud800 é')


@given(st.sampled_from(["heygen", "heify", "liveavatar"]), st.sampled_from([None, 200, 400, 503]), _FOREIGN, _FOREIGN, _FOREIGN)
def test_vendor_text_cannot_take_over_a_terminal(provider: str, status: int | None, code: str, message: str, url: str) -> None:
    """Control characters, bidi marks and newlines of the vendor's text are escaped in every line, whatever the source holds."""
    for observation in (
        Observation(provider, status, {"x-request-id": code}, {"code": code, "message": message, "detail": url, "id": code}, code, url),
        Observation(provider, status, None, message, message, url),
        Observation(provider, status, None, {"status": "failed", "error": message, "video_id": code}),
        Observation(provider, exception=f"{code}: {message}"),
    ):
        explanation = explain(observation)
        for step in explanation.steps:
            for line in step.lines:
                assert [char for char in line if not char.isprintable() or char == "\u202e"] == []
