"""Steps: what requests meet, as values, as JSON and as headers."""

import json
from collections import deque
from random import Random

import attrs
import pytest

from heify_heygen_errors import Category
from heify_heygen_errors.testing import Received, Reply, error, fault, ok
from heify_heygen_errors.testing.fault import FAULTS
from heify_heygen_errors.testing.steps import Rule, checked, header_step, pattern, read_step

_RATE_LIMIT = {"error": "RATE_LIMIT", "provider": "heygen"}


def _received(path="/v3/videos", method="GET", provider="heygen", **headers):
    return Received(
        number=1,
        at=0.0,
        provider=provider,
        method=method,
        path=path,
        target=f"/{provider}{path}",
        query={},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=b"",
        size=0,
    )


# JSON.

_FORMS = {
    "ok": ("ok", ok),
    "fault": ("reset_after_request", fault.reset_after_request),
    "fault object": ({"fault": "not_http"}, fault.not_http),
    "fault seconds": ({"fault": "slow_answer", "seconds": 2.5}, fault.slow_answer(seconds=2.5)),
    "fault size": ({"fault": "endless_body", "size": 1024}, fault.endless_body(size=1024)),
    "fault effect": ({"fault": "slow_answer", "effect": False}, fault.slow_answer(effect=False)),
    "fault numbers as text": ({"fault": "trickling_headers", "seconds": "0.5", "size": "3"}, fault.trickling_headers(seconds=0.5, size=3)),
    "fault truth as text": ({"fault": "slow_answer", "effect": "False"}, fault.slow_answer(effect=False)),
    "fault without the amounts": ({"fault": "slow_answer", "seconds": None, "effect": None}, fault.slow_answer),
    "fault of an error": ({"fault": "broken_json", "answer": _RATE_LIMIT}, fault.broken_json(answer=error("heygen", "RATE_LIMIT"))),
    "fault of a reply": (
        {"fault": "broken_json", "answer": {"reply": {"body": [1]}}},
        fault.broken_json(answer=Reply.json([1])),
    ),
    "error": (_RATE_LIMIT, error("heygen", "RATE_LIMIT")),
    "error by code": ({"error": "insufficient_credit", "provider": "heygen"}, error("heygen", "insufficient_credit")),
    "error by number": ({"error": 400112, "provider": "heygen"}, error("heygen", 400112)),
    "error by category": ({"error": "rate_limit", "provider": "heify"}, error("heify", Category.RATE_LIMIT)),
    "error status": ({**_RATE_LIMIT, "status": 503}, error("heygen", "RATE_LIMIT", status=503)),
    "error status as text": ({**_RATE_LIMIT, "status": "503"}, error("heygen", "RATE_LIMIT", status=503)),
    "error texts": (
        {**_RATE_LIMIT, "message": "m", "param": "p"},
        error("heygen", "RATE_LIMIT", message="m", param="p"),
    ),
    "error detail": ({**_RATE_LIMIT, "detail": "d"}, error("heygen", "RATE_LIMIT", detail="d")),
    "error shape": ({**_RATE_LIMIT, "shape": "v1"}, error("heygen", "RATE_LIMIT", shape="v1")),
    "error retry_after": ({**_RATE_LIMIT, "retry_after": 2}, error("heygen", "RATE_LIMIT", retry_after=2)),
    "error retry_after date": (
        {**_RATE_LIMIT, "retry_after": "Sun, 01 Nov 2026 00:00:09 GMT"},
        error("heygen", "RATE_LIMIT", retry_after="Sun, 01 Nov 2026 00:00:09 GMT"),
    ),
    "error headers": ({**_RATE_LIMIT, "headers": {"X-A": "1"}}, error("heygen", "RATE_LIMIT", headers={"X-A": "1"})),
    "error effect": ({**_RATE_LIMIT, "effect": True}, error("heygen", "RATE_LIMIT", effect=True)),
    "reply": (
        {"reply": {"status": 201, "headers": {"X-A": "1"}, "body": {"a": "é"}}},
        Reply(status=201, headers={"Content-Type": "application/json", "X-A": "1"}, body='{"a":"é"}'.encode()),
    ),
    "reply with text": (
        {"reply": {"status": 502, "headers": {"Content-Type": "text/html"}, "body": "<h1>Bad</h1>"}},
        Reply(status=502, headers={"Content-Type": "text/html"}, body=b"<h1>Bad</h1>"),
    ),
    "reply with a list": ({"reply": {"body": []}}, Reply.json([])),
    "reply with null": ({"reply": {"body": None}}, Reply()),
    "reply without a body": ({"reply": {"status": 204}}, Reply(status=204)),
    "reply without anything": ({"reply": {}}, Reply()),
}


@pytest.mark.parametrize(("form", "step"), _FORMS.values(), ids=_FORMS)
def test_each_form_of_json_is_a_step(form, step):
    """What can be written in Python can be written in JSON, and means the same."""
    assert read_step(json.loads(json.dumps(form))) == step


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_name(name):
    """Every fault is found by its name, as text and as an object, whatever the vendor."""
    assert (read_step(name), read_step(name, "heygen"), read_step({"fault": name})) == (FAULTS[name],) * 3


_WITH_VENDOR = {
    "a text": ("RATE_LIMIT", error("heify", "RATE_LIMIT")),
    "an object": ({"error": "RATE_LIMIT"}, error("heify", "RATE_LIMIT")),
    "inside a fault": ({"fault": "slow_answer", "answer": "RATE_LIMIT"}, fault.slow_answer(answer=error("heify", "RATE_LIMIT"))),
    "ok": ("ok", ok),
    "its own vendor": ({"error": "RATE_LIMIT", "provider": "heygen"}, error("heygen", "RATE_LIMIT")),
}


@pytest.mark.parametrize(("form", "step"), _WITH_VENDOR.values(), ids=_WITH_VENDOR)
def test_vendor_may_be_known_from_elsewhere(form, step):
    """Where the vendor is known, an error needs no more than its name; one that names another vendor keeps it."""
    assert read_step(form, "heify") == step


_WRONG = {
    "number": (5, ValueError, '5 is no step: write "ok", the name of a fault, {"error": ...} or {"fault": ...}'),
    "null": (None, ValueError, "None is no step"),
    "list": ([], ValueError, r"[] is no step"),
    "truth": (True, ValueError, "True is no step"),
    "empty object": ({}, ValueError, '{} is no step: an object needs "error", "fault" or "reply"'),
    "other object": ({"eror": "x"}, ValueError, 'an object needs "error", "fault" or "reply"'),
    "text": ("slow_anser", ValueError, "'slow_anser' is neither \"ok\" nor a fault (refused, reset_while_sending, "),
    "text, an error": ("RATE_LIMIT", ValueError, 'an error is {"error": ..., "provider": ...}'),
    "fault, nothing near": ({"fault": "okay"}, KeyError, "there is no fault 'okay': use one of "),
    "fault, object": ({"fault": "truncatedbody"}, KeyError, "there is no fault 'truncatedbody': did you mean truncated_body"),
    "fault, null": ({"fault": None}, KeyError, "there is no fault"),
    "fault option": ({"fault": "slow_answer", "secs": 1}, ValueError, "there is no option 'secs' here: use fault, seconds, size, effect"),
    "seconds, text": ({"fault": "slow_answer", "seconds": "soon"}, ValueError, "seconds is a number from 0 up, not 'soon'"),
    "seconds, negative": ({"fault": "slow_answer", "seconds": -1}, ValueError, "seconds is a number from 0 up, not -1"),
    "seconds, endless": ({"fault": "slow_answer", "seconds": "inf"}, ValueError, "seconds is a number from 0 up, not 'inf'"),
    "seconds, nan": ({"fault": "slow_answer", "seconds": "nan"}, ValueError, "seconds is a number from 0 up, not 'nan'"),
    "seconds, truth": ({"fault": "slow_answer", "seconds": True}, ValueError, "seconds is a number from 0 up, not True"),
    "seconds, list": ({"fault": "slow_answer", "seconds": [1]}, ValueError, "seconds is a number from 0 up, not [1]"),
    "size, half": ({"fault": "gzip_bomb", "size": 1.5}, ValueError, "size is a whole number, not 1.5"),
    "effect": ({"fault": "slow_answer", "effect": "maybe"}, ValueError, "effect is true or false, not 'maybe'"),
    "effect, number": ({"fault": "slow_answer", "effect": 1}, ValueError, "effect is true or false, not 1"),
    "answer": ({"fault": "slow_answer", "answer": 5}, ValueError, "5 is no step"),
    "error without vendor": ({"error": "RATE_LIMIT"}, ValueError, 'say whose error it is: "provider": "heygen", "liveavatar" or "heify"'),
    "error of nobody": ({"error": "RATE_LIMIT", "provider": "heygn"}, ValueError, "there is no provider 'heygn': use one of heygen"),
    "error": ({"error": "video_not_fund", "provider": "heygen"}, KeyError, "'video_not_fund' of heygen; the nearest are video_not_found"),
    "error, null": ({"error": None, "provider": "heygen"}, KeyError, "no code, name, rule or category"),
    "error option": ({**_RATE_LIMIT, "retry": 2}, ValueError, "there is no option 'retry' here: use error, provider, shape, status"),
    "shape": ({**_RATE_LIMIT, "shape": "v9"}, ValueError, "there is no shape 'v9': use one of v3"),
    "shape of others": ({**_RATE_LIMIT, "shape": "page"}, ValueError, "the shape 'page' cannot carry"),
    "status, text": ({**_RATE_LIMIT, "status": "many"}, ValueError, "status is a number"),
    "status, no HTTP": ({**_RATE_LIMIT, "status": 42}, ValueError, "status is "),
    "headers": ({**_RATE_LIMIT, "headers": "X-A: 1"}, ValueError, "headers is "),
    "header value": ({**_RATE_LIMIT, "headers": {"X-A": {}}}, ValueError, "headers is "),
    "reply": ({"reply": 5}, ValueError, '5 is no reply: write {"status": 200, "headers": {}, "body": ...}'),
    "reply option": ({"reply": {"stauts": 200}}, ValueError, "there is no option 'stauts' here: use status, headers, body"),
    "reply status": ({"reply": {"status": 9999}}, ValueError, "status is "),
    "reply headers": ({"reply": {"headers": 5}}, ValueError, "headers is "),
}


@pytest.mark.parametrize(("form", "kind", "text"), _WRONG.values(), ids=_WRONG)
def test_wrong_json_says_what_to_write(form, kind, text):
    """What is no step is refused with a message that names what is wrong and what there is."""
    with pytest.raises(kind) as raised:
        read_step(form)
    assert text in raised.value.args[0]


@pytest.mark.parametrize("answer", [fault.refused, fault.slow_answer(seconds=0), "ok", 429])
def test_a_fault_happens_to_an_answer(answer):
    """A fault cannot happen to another fault, nor to what is no answer: it is refused instead of being left out."""
    with pytest.raises(TypeError, match="answer"):
        fault.slow_answer(answer=answer)


@pytest.mark.parametrize("answer", ["refused", {"fault": "refused"}])
def test_a_fault_happens_to_an_answer_in_json(answer):
    """The same holds for what is written in JSON."""
    with pytest.raises((ValueError, TypeError), match="answer"):
        read_step({"fault": "slow_answer", "answer": answer})


# Headers of requests.

_HEADERS = {
    "error": ({"x_fake_error": "RATE_LIMIT"}, error("heygen", "RATE_LIMIT")),
    "code": ({"x_fake_error": "400112"}, error("heygen", 400112)),
    "refined rule": ({"x_fake_error": "VIDEO_FORMAT_NOT_SUPPORTED#plan"}, error("heygen", "VIDEO_FORMAT_NOT_SUPPORTED#plan")),
    "options": (
        {"x_fake_error": "RATE_LIMIT; retry_after=2; shape=v1; status=503; effect=true"},
        error("heygen", "RATE_LIMIT", retry_after=2, shape="v1", status=503, effect=True),
    ),
    "options as headers are written": (
        {"x_fake_error": "RATE_LIMIT;Retry-After=2;  SHAPE=v1"},
        error("heygen", "RATE_LIMIT", retry_after=2, shape="v1"),
    ),
    "quoted text": ({"x_fake_error": 'RATE_LIMIT; message="a; b=c, d"'}, error("heygen", "RATE_LIMIT", message="a; b=c, d")),
    "other vendor": ({"x_fake_error": "RATE_LIMIT; provider=heify"}, error("heify", "RATE_LIMIT")),
    "fault": ({"x_fake_fault": "reset_mid_body"}, fault.reset_mid_body),
    "fault options": ({"x_fake_fault": "slow_answer; seconds=0.5; effect=false"}, fault.slow_answer(seconds=0.5, effect=False)),
    "fault of an error": (
        {"x_fake_fault": "broken_json", "x_fake_error": "RATE_LIMIT; retry_after=2"},
        fault.broken_json(answer=error("heygen", "RATE_LIMIT", retry_after=2)),
    ),
    "neither": ({"x_other": "RATE_LIMIT"}, None),
}


@pytest.mark.parametrize(("headers", "step"), _HEADERS.values(), ids=_HEADERS)
def test_request_says_itself_what_it_meets(headers, step):
    """The two headers take a name and options, written like the parameters of a content type; with both, the fault happens to the error."""
    assert header_step(_received(**headers)) == step


_WRONG_HEADERS = {
    "error": ({"x_fake_error": "video_not_fund"}, KeyError, "video_not_found"),
    "fault": ({"x_fake_fault": "slow_anser"}, KeyError, "slow_answer"),
    "no name": ({"x_fake_error": ""}, KeyError, "no code, name, rule or category"),
    "no fault": ({"x_fake_fault": ""}, KeyError, "there is no fault"),
    "error option": ({"x_fake_error": "RATE_LIMIT; secs=2"}, ValueError, "there is no option 'secs' here: use error"),
    "fault option": ({"x_fake_fault": "slow_answer; retry_after=2"}, ValueError, "there is no option 'retry_after' here: use fault"),
    "number": ({"x_fake_fault": "slow_answer; seconds=soon"}, ValueError, "seconds is a number from 0 up, not 'soon'"),
    "truth": ({"x_fake_error": "RATE_LIMIT; effect=1"}, ValueError, "effect is true or false, not '1'"),
    "headers": ({"x_fake_error": "RATE_LIMIT; headers=a"}, ValueError, "headers"),
    "fault of a wrong error": ({"x_fake_fault": "slow_answer", "x_fake_error": "video_not_fund"}, KeyError, "video_not_found"),
}


@pytest.mark.parametrize(("headers", "kind", "text"), _WRONG_HEADERS.values(), ids=_WRONG_HEADERS)
def test_wrong_header_says_what_there_is(headers, kind, text):
    """A name or option that does not exist is refused with those that do."""
    with pytest.raises(kind) as raised:
        header_step(_received(**headers))
    assert text in raised.value.args[0]


# Values.


def _function(received):
    return ok


@pytest.mark.parametrize("step", [ok, Reply(), fault.refused, error("heygen", "RATE_LIMIT"), _function])
def test_steps_are_taken_as_they_are(step):
    """Each kind of step is one."""
    assert checked(step) is step


@pytest.mark.parametrize("step", ["ok", "refused", None, 429, {"error": "RATE_LIMIT"}, [ok], ValueError("no")])
def test_what_is_no_step_is_told_what_is(step):
    """Anything else is refused with its repr and with what can be used."""
    with pytest.raises(TypeError) as raised:
        checked(step)
    assert f"{step!r} is no step: use error(...), one of fault, ok, a Reply, or a function from the request" in str(raised.value)


# Rules.

_FITS = {
    "anything": ({}, True),
    "vendor": ({"provider": "heygen"}, True),
    "other vendor": ({"provider": "heify"}, False),
    "method": ({"method": "POST"}, True),
    "method in lower case": ({"method": "post"}, True),
    "other method": ({"method": "GET"}, False),
    "path": ({"path": "/v3/videos/abc"}, True),
    "placeholder": ({"path": "/v3/videos/{video_id}"}, True),
    "placeholders": ({"path": "/{version}/videos/{video_id}"}, True),
    "star": ({"path": "/v3/*"}, True),
    "only a star": ({"path": "*"}, True),
    "star inside": ({"path": "/v3/*/a*"}, True),
    "shorter": ({"path": "/v3/videos"}, False),
    "longer": ({"path": "/v3/videos/abc/d"}, False),
    "case": ({"path": "/V3/videos/abc"}, False),
    "one segment each": ({"path": "/v3/{all}"}, False),
    "all of it": ({"provider": "heygen", "method": "POST", "path": "/v3/videos/*"}, True),
    "not all of it": ({"provider": "heygen", "method": "POST", "path": "/v3/voices/*"}, False),
}


@pytest.mark.parametrize(("wanted", "fits"), _FITS.values(), ids=_FITS)
def test_rule_fits_requests(wanted, fits):
    """A rule fits by vendor, method and path; a placeholder stands for one segment, a star for anything, what is left out for all."""
    rule = Rule(steps=deque([ok]), **{**wanted, "path": pattern(wanted.get("path"))})
    assert rule.fits(_received("/v3/videos/abc", "POST")) is fits


@pytest.mark.parametrize("path", ["/v3/videos/[x]", "/v3/videos/a?b", "/v3/videos/!"])
def test_marks_in_a_path_are_taken_literally(path):
    """Only stars and placeholders are special in a path: brackets and question marks stand for themselves."""
    rule = Rule(steps=deque([ok]), path=pattern(path))
    assert (rule.fits(_received(path)), rule.fits(_received("/v3/videos/x"))) == (True, False)


def test_rule_without_steps_fits_nothing():
    """A rule whose steps are used up lets requests pass."""
    rule = Rule(steps=deque([ok]))
    assert rule.take() is ok
    assert not rule.fits(_received())


def test_rule_gives_steps_in_order():
    """Steps are taken one by one."""
    steps = [ok, fault.refused, Reply()]
    rule = Rule(steps=deque(steps))
    assert [rule.take() for _ in steps] == steps


def test_lasting_rule_keeps_its_last_step():
    """A lasting rule gives its last step for ever."""
    rule = Rule(steps=deque([ok]), lasting=True)
    assert [rule.take() for _ in range(5)] == [ok] * 5


@pytest.mark.parametrize(("share", "taken"), [(0.0, 0), (1.0, 1000), (0.25, 249)])
def test_share_of_a_rule_is_chance_by_seed(share, taken):
    """A share takes about so many requests, the same for the same seed; 0 takes none and 1 takes all."""
    rule, random = Rule(steps=deque([ok]), share=share), Random(1)
    assert sum(rule.chosen(random) for _ in range(1000)) == pytest.approx(taken, abs=0 if share in (0, 1) else 50)


# What errors say.


@pytest.mark.parametrize(
    ("given", "sent"),
    [(2, "2"), (0, "0"), (2.5, "2.5"), (604800, "604800"), (1234567, "1234567"), (1e9, "1000000000"), (0.001, "0.001"), ("soon", "soon")],
)
def test_retry_after_is_sent_in_digits(given, sent):
    """Retry-After is the number in plain digits, and a text as it is."""
    assert error("heygen", "RATE_LIMIT", retry_after=given).headers["Retry-After"] == sent


def test_error_is_checked_when_it_is_made():
    """An error that cannot be sent is refused where it is written, not when a request comes."""
    with pytest.raises(KeyError, match="video_not_found"):
        error("heygen", "video_not_fund")
    with pytest.raises(ValueError, match="cannot carry"):
        error("heygen", "RATE_LIMIT", shape="page")


_EFFECTS = {
    "refused": (error("heygen", "RATE_LIMIT"), False),
    "not found": (error("heygen", "video_not_found"), False),
    "server": (error("heygen", "server"), True),
    "upstream": (error("heify", "server"), True),
    "408": (error("heygen", "RATE_LIMIT", status=408), True),
    "503": (error("heygen", "RATE_LIMIT", status=503), True),
    "refused by choice": (error("heygen", "server", effect=False), False),
    "accepted by choice": (error("heygen", "RATE_LIMIT", effect=True), True),
}


@pytest.mark.parametrize(("step", "effect"), _EFFECTS.values(), ids=_EFFECTS)
def test_effect_follows_the_outcome(step, effect):
    """A failure whose outcome is unknown takes effect, the worst case; one that refuses does not; both can be chosen."""
    assert step.effect is effect


def test_steps_are_values():
    """Errors and faults of equal content are equal, and changing one leaves the other."""
    first, second = error("heygen", "RATE_LIMIT", retry_after=2), error("heygen", "RATE_LIMIT", retry_after=2)
    assert first == second
    assert attrs.evolve(first, effect=True) != second
