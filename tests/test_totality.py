"""For any status, headers, body or exception there is an answer: bounded, redacted, and without a change to its input."""

import copy
import itertools
import json
import pickle
import re
from collections import OrderedDict, UserDict
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heify_heygen_errors import Category, ErrorInfo, Observation, explain, normalize, normalize_all, raise_for_error
from heify_heygen_errors.exceptions import ApiError

_PROVIDERS = ("heygen", "liveavatar", "heify")
_SECRET = "Zq7Kd93hVx0PmTb5LwYr"
_FOLDER = Path(__file__).parent / "samples"
_SAMPLES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.rglob("*.json"))]

every_provider = pytest.mark.parametrize("provider", _PROVIDERS)


def thorough(examples):
    """At least so many examples, and more where the profile asks for more."""
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    return settings(max_examples=max(examples, settings.default.max_examples), suppress_health_check=checks)


# What holds for every answer.


def check(source, provider=None):
    """Runs everything over a source and gives its failures, after judging that each is well formed."""
    infos = normalize_all(source, provider)
    first = normalize(source, provider)
    assert [first] == (infos[:1] or [None])
    explained = explain(source, provider)
    str(explained).encode()
    repr(explained).encode()
    error = _raised(source, provider)
    if error is not None:
        assert error.info in infos
        assert pickle.loads(pickle.dumps(error)).info == error.info
        str(error).encode()
    for info in infos[:20]:
        check_info(info)
    return infos


def _raised(source, provider):
    try:
        raise_for_error(source, provider)
    except ApiError as error:
        return error
    return None


def check_info(info):
    """Bounds, types and round trips of one info."""
    told = info.to_dict()
    assert over_limit(info) == {}
    assert ErrorInfo.from_dict(json.loads(json.dumps(told))) == info
    assert json.loads(json.dumps(told, ensure_ascii=False).encode()) == told
    assert pickle.loads(pickle.dumps(info)) == info
    assert copy.deepcopy(info) == info
    assert hash(pickle.loads(pickle.dumps(info))) == hash(info)
    assert info.category in set(Category)
    assert (bool(info.summary), bool(info.remedy)) == (True, True)
    assert re.fullmatch(r"v1:[0-9a-f]{16}", info.fingerprint)
    assert info.retry.after is None or 0 <= info.retry.after <= 7 * 24 * 3600
    assert info.doc_url is None or info.doc_url.lower().startswith(("http://", "https://"))
    assert isinstance(info.may_repeat("POST"), bool)
    texts = [info.code, info.message, info.detail, info.param, info.request_id, info.body]
    assert [text for text in texts if text is not None and (text == "" or not isinstance(text, str))] == []
    assert [text for text in texts[:-1] if text is not None and text != text.strip()] == []


_LIMITS = {"code": 256, "message": 4096, "detail": 4096, "param": 512, "request_id": 256, "doc_url": 4096, "rule": 128, "name": 64}


def over_limit(info):
    """The values of an info that are longer than allowed, with their length."""
    lengths = {field: len(getattr(info, field) or "") for field in _LIMITS}
    found = {field: length for field, length in lengths.items() if length > _LIMITS[field]}
    if len((info.body or "").encode()) > 4096:
        found["body"] = len(info.body.encode())
    for field in ("params", "resource"):
        values = getattr(info, field)
        found |= {f"{field}.{key}": len(value) for key, value in values.items() if len(value) > 512 or len(key) > 64}
        if len(values) > 32:
            found[field] = len(values)
    return found


# Hostile bodies, by hand.

_DEEP = 100_000
_LONG = 3 * 1024 * 1024
_CUT = '{"error":{"code":"insufficient_credit","message":"Insufficient credit."'
_BODIES = {
    "nothing": b"",
    "blank": b" \r\n\t \n",
    "NULs": b"\0" * 5000,
    "one NUL": b"\0",
    "byte order mark alone": b"\xef\xbb\xbf",
    "byte order mark": b'\xef\xbb\xbf{"code":400112,"message":"Unauthorized"}',
    "UTF-16 with mark": '{"code":400112,"message":"Unauthorized"}'.encode("utf-16"),
    "UTF-16 LE": '{"code":400112,"message":"Unauthorized"}'.encode("utf-16-le"),
    "UTF-16 BE": '{"code":400112,"message":"Unauthorized"}'.encode("utf-16-be"),
    "UTF-16 odd": '{"code":400112}'.encode("utf-16") + b"\0",
    "UTF-32 with mark": '{"code":400112,"message":"Unauthorized"}'.encode("utf-32"),
    "UTF-32 BE": '{"code":400112,"message":"Unauthorized"}'.encode("utf-32-be"),
    "UTF-16 mark alone": b"\xff\xfe",
    "invalid UTF-8": b'{"code":400112,"message":"Unauth\xff\xfe\xe2\x82orized"}',
    "invalid UTF-8 alone": b"\xff\x80\x81\x82",
    "lone surrogates escaped": b'{"code":400112,"message":"a \\ud800 b \\udc00 c","detail":"\\udfff"}',
    "lone surrogate in the code": b'{"code":"a\\ud800","message":"\\ud800"}',
    "lone surrogates as text": '{"code":"\ud800","message":"x \udfff"}',
    "lone surrogates alone": "\ud800\udc00\udfff",
    "lone surrogate in a name": b'{"error":{"code":"x","message":"y","a\\ud800_id":"v"},"\\udfff_id":"w"}',
    "NUL inside": b'{"code":400112,"message":"a\0b\\u0000c"}',
    "controls inside": b'{"code":400112,"message":"a\x1b[31m\x07\x7f\xc2\x85\xe2\x80\xae b"}',
    "NaN": b'{"code":NaN,"message":NaN,"error":{"code":NaN}}',
    "NaN alone": b"NaN",
    "infinities": b'{"code":Infinity,"message":-Infinity,"status":1e999}',
    "minus": b"-",
    "2**70": b'{"code":1180591620717411303424,"message":"big"}',
    "5000 digits": b'{"code":' + b"9" * 5000 + b',"message":"big"}',
    "5000 digits and a fraction": b'{"code":' + b"9" * 5000 + b'.5,"message":"big"}',
    "5000 digits alone": b"7" * 5000,
    "huge exponent": b'{"code":1e99999999,"message":"big"}',
    "float code": b'{"code":400112.0,"message":"Unauthorized"}',
    "deep arrays": b"[" * _DEEP,
    "deep arrays, closed": b"[" * _DEEP + b"]" * _DEEP,
    "deep objects": b'{"error":' * _DEEP,
    "deep objects, closed": b'{"error":' * _DEEP + b"1" + b"}" * _DEEP,
    "deep behind a message": b'{"message":"Unauthorized","code":400112,"data":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
    "deep in front of a message": b'{"data":' + b"[" * _DEEP + b"]" * _DEEP + b',"message":"Unauthorized","code":400112}',
    "brackets in a string": b'{"message":"' + b"[{" * _DEEP + b'"}',
    "an open string": b'{"message":"' + b"x" * _LONG,
    "backslashes": b'{"message":"' + b"\\" * _LONG,
    "quotes": b'"' * _LONG,
    "colons": b"{" + b":" * _LONG,
    "commas": b"[" + b"," * _LONG,
    "blanks": b"{" + b" " * _LONG + b'"message":"far"}',
    "blanks in front": b" " * _LONG + b'{"message":"far","code":400112}',
    "many members": json.dumps({f"k{number}_id": number for number in range(20_000)}).encode(),
    "many items": json.dumps({"data": [{"status": "failed", "id": number} for number in range(2_000)]}).encode(),
    "many ids": json.dumps({"error": {"code": "x", **{f"i{number}_id": "v" * 600 for number in range(100)}}}).encode(),
    "longer than is read": b'{"message":"first","pad":"' + b"x" * (9 * 1024 * 1024) + b'"}',
    "longer than is read, text": "a" * (9 * 1024 * 1024),
    "long message": json.dumps({"code": 400112, "message": "m" * 100_000, "detail": "d" * 100_000}).encode(),
    "long message of wide letters": json.dumps({"code": 400112, "message": "€" * 9000, "detail": "😀" * 9000}, ensure_ascii=False).encode(),
    "long code": json.dumps({"error": {"code": "c" * 100_000, "message": "x", "param": "p" * 9000}}).encode(),
    "long doc_url": json.dumps({"error": {"code": "x", "doc_url": "https://example.com/" + "u" * 9000}}).encode(),
    "doc_url is none": b'{"error":{"code":"x","doc_url":"javascript:alert(1)"}}',
    "HTML": b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>",
    "HTML cut": b"<html><head><title>502 Bad Gate",
    "HTML comments": b"<!--" * 100_000,
    "HTML tags": b"<b>" * 500_000,
    "HTML scripts": b"<html>" + b"<script>" * 100_000,
    "less-than signs": b"<" * _LONG,
    "XML": b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    "XML cut": b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please red',
    "XML with entities": b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Error><Code>&b;</Code><Message>&#1114112;&#0;&#xd800;</Message></Error>',
    "XML with an external entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Error><Code>A</Code><Message>&a;</Message></Error>',
    "XML deep": b"<Error>" * _DEEP,
    "XML prolog": b"<?xml " * 100_000,
    "empty object": b"{}",
    "empty array": b"[]",
    "array": b'["Unauthorized",1,null]',
    "array of errors": b'[{"code":400112,"message":"Unauthorized"}]',
    "string": b'"Unauthorized"',
    "number": b"400112",
    "number with fraction": b"4.5",
    "true": b"true",
    "false": b"false",
    "null": b"null",
    "word": b"nonsense",
    "two documents": b'{"code":400112}{"code":400116}',
    "single quotes": b"{'code': 400112, 'message': 'Unauthorized'}",
    "doubled members": b'{"code":100,"code":400112,"message":"Success","message":"Unauthorized"}',
    "strange members": b'{"":1,"code":{},"message":[],"error":[[]],"data":"x","detail":{"a":[]}}',
    "error is a number": b'{"error":7}',
    "error is a list": b'{"error":[{"code":"unauthorized"},{"code":"forbidden"}]}',
    "error in error": b'{"error":{"error":{"error":{"code":"unauthorized","message":"deep"}}}}',
    "errors": b'{"errors":[{"code":"unauthorized","message":"first"},7,null]}',
    "status is an object": b'{"data":{"status":{"a":1},"error":{"code":1}}}',
    "event without data": b'{"event_type":"avatar_video.fail"}',
    "event type is a list": b'{"event_type":["avatar_video.fail"],"event_data":7}',
    "template braces": b'{"message":"{voice_id} {{ }} %s {0} ${x} \\\\1"}',
    "dots of a field path": b'{"message":"' + b"a." * 200_000 + b' is invalid: x"}',
    "field paths": b'{"message":"' + b"a is invalid: " * 50_000 + b'"}',
    "near a template": b'{"message":"' + b"Voice not found: " * 50_000 + b'"}',
    "words": b'{"message":"' + b"not found " * 100_000 + b'"}',
    "names of secrets": b'{"message":"' + b"key token secret password: " * 50_000 + b'"}',
    "keys in a row": b"key=" * 200_000,
    "bearers": b"Bearer " * 200_000,
    "user information": b"://" + b"a:" * 200_000,
    "eyJ": b"eyJ" * 300_000,
    "cut vendor body": _CUT.encode(),
    "vendor body with bytes behind it": _CUT.encode() + b"}}\0\0\xff\xfe" * 10,
}


class _Broken(UserDict):
    """A mapping that fails whenever it is read."""

    def __getitem__(self, key):
        raise RuntimeError(key)

    def items(self):
        msg = "items"
        raise RuntimeError(msg)

    def __repr__(self):
        msg = "repr"
        raise RuntimeError(msg)


class _Text(str):
    """Text of a class of one's own."""

    __slots__ = ()


class _Number(int):
    """A number of a class of one's own."""


class _Rude:
    """An object whose text cannot be had."""

    def __str__(self):
        msg = "no"
        raise RuntimeError(msg)

    __repr__ = __str__


def _cycle():
    body = {"code": 400112, "message": "Unauthorized"}
    body["data"] = {"error": [body]}
    return body


_DECODED = {
    "numbers as names": {1: 2, None: 3, ("a",): 4, "message": "x"},
    "bytes inside": {"code": b"400112", "message": b"Unauthorized"},
    "objects inside": {"code": object(), "message": _Rude(), "error": {"message": _Rude(), "code": _Rude()}, _Rude: _Rude()},
    "text of one's own": {_Text("code"): _Text("400112"), _Text("message"): _Text("Unauthorized")},
    "number of one's own": {"code": _Number(400112), "message": "Unauthorized"},
    "NaN": {"code": float("nan"), "message": "x", "error": {"code": float("inf")}},
    "2**70": {"code": 2**70, "message": "x"},
    "10**5000": {"code": 10**5000, "message": "x", "error": {"code": -(10**5000), "id": 10**5000}},
    "cycle": _cycle(),
    "sets": {"code": {1}, "message": frozenset()},
    "tuple": ({"code": 400112},),
    "ordered": OrderedDict(code=400112, message="Unauthorized"),
    "own mapping": UserDict({"code": 400112, "message": "Unauthorized"}),
    "broken mapping": _Broken(),
    "surrogates": {"code": "\ud800", "message": "\udfff x", "\ud800_id": "\ud800", "error": {"code": "\ud800"}},
    "no body at all": object(),
    "rude": _Rude(),
    "generator": (character for character in "{}"),
    "complex": 1j,
    "true": True,
    "number": 5,
    "memory": memoryview(b'{"code":400112}'),
    "bytearray": bytearray(b'{"code":400112}'),
    "None": None,
    "class": dict,
}


@every_provider
@pytest.mark.parametrize("name", _BODIES)
def test_hostile_body_has_an_answer(name, provider):
    """A hostile body is answered with any status: nothing raises, and every value is bounded and well formed."""
    body = _BODIES[name]
    for status in (None, 200, 401, 500) if len(body) < 1024 * 1024 else (None, 500):
        infos = check(Observation(provider, status, {"Content-Type": "application/json"}, body))
        if status in (401, 500):
            assert (len(infos) > 0, infos[0].status) == (True, status)


@every_provider
@pytest.mark.parametrize("name", _DECODED)
def test_hostile_value_has_an_answer(name, provider):
    """A decoded body of strange types is answered with any status."""
    for status in (None, 200, 401, 500):
        infos = check(Observation(provider, status, None, _DECODED[name]))
        if status in (401, 500):
            assert (len(infos) > 0, infos[0].status) == (True, status)


def _read(body, **more):
    info = normalize(Observation("heygen", more.pop("status", 401), None, body))
    return (info.code, info.message)


@pytest.mark.parametrize(
    "name", [name for name in _BODIES if name.startswith(("UTF-16 ", "UTF-32", "byte order mark")) and not name.endswith(("alone", "odd"))]
)
def test_encodings_are_read(name):
    """UTF-8, UTF-16 and UTF-32, with and without a mark, say the same."""
    assert _read(_BODIES[name]) == ("400112", "Unauthorized")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("float code", ("400112.0", "Unauthorized")),
        ("NaN", ("NaN", None)),
        ("2**70", ("1180591620717411303424", "big")),
        ("single quotes", ("400112", "Unauthorized")),
        ("doubled members", ("400112", "Unauthorized")),
        ("cut vendor body", ("insufficient_credit", "Insufficient credit.")),
        ("deep behind a message", ("400112", "Unauthorized")),
        ("NUL inside", ("400112", "a\0b\0c")),
        ("blanks in front", (None, None)),
        ("true", (None, None)),
        ("null", (None, None)),
        ("string", (None, "Unauthorized")),
        ("number", (None, None)),
        ("array", (None, "Unauthorized")),
        ("error in error", (None, None)),
        ("nothing", (None, None)),
        ("HTML", (None, None)),
    ],
)
def test_hostile_body_keeps_what_can_be_read(name, expected):
    """Of a damaged or strange body everything that is certain is kept, and nothing is made up."""
    assert _read(_BODIES[name]) == expected


def test_excerpt_is_cut_at_a_character():
    """The excerpt of a long body in a wide script is cut between characters, below 4 KiB."""
    info = normalize(Observation("heygen", 500, None, ("€" * 9000).encode()))
    assert (info.body, len(info.body.encode())) == ("€" * 1365, 4095)


def test_dict_is_plain_data():
    """`to_dict` holds nothing but text, numbers, None and dicts, of Python's own types, so that every writer takes it."""
    told = normalize(Observation("heygen", 429, {"Retry-After": "7"}, b'{"error":{"code":"voice_not_found","id":1}}')).to_dict()
    values = [*told.values(), *told["retry"].values(), *told["resource"].items(), *told["params"].items()]
    flat = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    assert {type(value) for value in flat} == {str, int, float, dict, type(None)}


def test_items_of_one_answer_are_all_told():
    """A long list tells every one of its failures."""
    assert len(normalize_all(Observation("heygen", 200, None, _BODIES["many items"]))) == 2000


# Hostile statuses, headers, methods and URLs, by hand.

_STATUSES = {
    "none": (None, None),
    "text": ("401", 401),
    "text with blanks": (" 401 ", 401),
    "bytes": (b"401", 401),
    "enum": (HTTPStatus.UNAUTHORIZED, 401),
    "float": (401.0, 401),
    "zero": (0, 0),
    "99": (99, 99),
    "600": (600, 600),
    "negative": (-1, -1),
    "huge": (10**12, None),
    "true": (True, None),
    "NaN": (float("nan"), None),
    "infinity": (float("inf"), None),
    "fraction": (401.5, None),
    "empty": ("", None),
    "words": ("401 Unauthorized", None),
    "signed": ("+401", None),
    "Arabic digits": ("٤٠١", None),
    "long": ("4" * 5000, None),
    "list": ([401], None),
    "object": (object(), None),
}


@every_provider
@pytest.mark.parametrize("name", _STATUSES)
def test_hostile_status_has_an_answer(name, provider):
    """Digits are a status, everything else is none; what lies outside 100 to 599 is kept but decides nothing."""
    status, kept = _STATUSES[name]
    infos = check(Observation(provider, status, None, {"error": {"code": "no_such_code_here", "message": "moon"}}))
    decided = "authentication" if kept == 401 else "unknown"
    assert [(info.status, info.category) for info in infos] == [(kept, decided)]


class _Pairs:
    """Headers as an iterable that breaks in the middle."""

    def __iter__(self):
        yield "x-request-id", "r-1"
        msg = "broken"
        raise RuntimeError(msg)


_HEADERS = {
    "none": None,
    "empty": {},
    "huge length claimed": {"Content-Length": "9" * 5000},
    "wrong length claimed": {"Content-Length": "-1"},
    "HTML as JSON": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    "pairs": [("X-Request-Id", "r-1"), ("X-Request-Id", "r-2")],
    "bytes": [(b"X-Request-Id", b"r-1"), (b"\xff", b"\xff")],
    "broken pairs": [("a",), ("b", "c", "d"), None, 7],
    "breaks in the middle": _Pairs(),
    "broken mapping": _Broken({"a": "b"}),
    "lists": {"Retry-After": ["7", "9"], "Set-Cookie": ("a", "b")},
    "numbers": {"Retry-After": 7, 5: 6, None: None},
    "very many": {f"x-{number}": "v" for number in range(10_000)},
    "very long": {"x-request-id": "r" * 100_000, "x-amzn-errortype": "E" * 100_000},
    "surrogates": {"x-request-id": "\ud800", "x-amzn-errortype": "\ud800Exception"},
    "newlines": {"x-request-id": "a\r\nb: c", "x-amzn-errortype": "A\nB"},
    "empty values": {"x-request-id": "", "x-amzn-errortype": "", "retry-after": ""},
    "error type without a name": {"x-amzn-errortype": ":http://internal.amazon.com/"},
    "error type with blanks": {"x-amzn-errortype": "  # : "},
    "retry after nan": {"Retry-After": "nan"},
    "retry after inf": {"Retry-After": "inf"},
    "retry after minus": {"Retry-After": "-5"},
    "retry after years": {"Retry-After": "99999999999"},
    "retry after digits": {"Retry-After": "\u0667"},
    "retry after long": {"Retry-After": "1" * 5000, "retry-after-ms": "1" * 5000},
    "retry after dates": {"Retry-After": "Wed, 21 Oct 9999 07:28:00 GMT", "Date": "Wed, 21 Oct 0000 07:28:00 GMT"},
    "retry after no date": {"Retry-After": "Xxx, 99 Xxx 2026 99:99:99 GMT", "Date": "Xxx, 99 Xxx 2026 99:99:99 GMT"},
    "retry after much": {"Retry-After": ",".join(["7"] * 50_000)},
    "text": "x-request-id: r-1",
    "object": object(),
}


@every_provider
@pytest.mark.parametrize("name", _HEADERS)
def test_hostile_headers_have_an_answer(name, provider):
    """Headers of any kind are read as far as they go; the failure itself is the same."""
    body = b'{"error":{"code":"rate_limit_exceeded","message":"Too many requests"}}'
    infos = check(Observation(provider, 429, _HEADERS[name], body))
    assert [(info.status, info.category, info.message) for info in infos] == [(429, "rate_limit", "Too many requests")]


@every_provider
@pytest.mark.parametrize(
    "url", ["", "/", "://", "https://", "https://[::1", "?" * 9000, "https://api.heygen.com/" + "a/" * 9000, b"\xff", 7, "\ud800"], ids=repr
)
@pytest.mark.parametrize("method", [None, "", "post", b"POST", 7, "\ud800", "M" * 9000], ids=repr)
def test_hostile_url_and_method_have_an_answer(provider, url, method):
    """Any URL and method are taken: one that is none names no endpoint."""
    infos = check(Observation(provider, 404, None, b"", method, url))
    assert [(info.category, info.status) for info in infos] == [("not_found", 404)]


# Hostile exceptions and responses, by hand.


class _RudeError(Exception):
    """An exception whose text and attributes cannot be had."""

    def __str__(self):
        msg = "no text"
        raise RuntimeError(msg)

    __repr__ = __str__

    @property
    def response(self):
        msg = "no response"
        raise RuntimeError(msg)

    request = status = headers = code = reason = os_error = response


def _chained(length):
    first = last = ValueError("outermost")
    for number in range(length):
        last.__cause__ = ValueError(f"cause {number}")
        last = last.__cause__
    last.__cause__ = TimeoutError("innermost")
    return first


def _in_itself():
    exc = ValueError()
    exc.args = (exc, exc)
    return exc


def _looped():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    return first


_EXCEPTIONS = {
    "rude": _RudeError(),
    "long chain": _chained(5000),
    "loop": _looped(),
    "loop through its arguments": _in_itself(),
    "long text": ValueError("x" * 1_000_000),
    "surrogates": ValueError("\ud800"),
    "bytes": ValueError(b"\xff"),
    "many arguments": ValueError(*range(100_000)),
    "group of groups": ExceptionGroup("g", [ExceptionGroup("h", [ValueError()]), TimeoutError()]),
    "large group": ExceptionGroup("g", [ValueError(str(number)) for number in range(1000)]),
    "no arguments": ValueError(),
    "text": "requests.exceptions.ReadTimeout: slow",
    "empty text": "",
    "blank text": "  \n ",
    "long text alone": "x" * 1_000_000,
    "colons": ":::::",
    "brackets": "((((((",
    "surrogates as text": "ReadTimeout: \ud800",
    "NUL as text": "Read\0Timeout",
}


@every_provider
@pytest.mark.parametrize("name", _EXCEPTIONS)
def test_hostile_exception_has_an_answer(name, provider):
    """Any exception, or what a log kept of one, is exactly one failure."""
    exc = _EXCEPTIONS[name]
    source = exc if isinstance(exc, Exception) else Observation(provider, exception=exc)
    infos = check(source, provider)
    assert [(info.channel, info.provider) for info in infos] == [("transport", provider)]


class _RudeResponse:
    """A response whose attributes raise, but for status and headers."""

    status_code = 500
    headers = MappingProxyType({"x-request-id": "r-1"})

    def __getattr__(self, name):
        raise RuntimeError(name)


class _StrangeResponse:
    """A response whose attributes are of strange types."""

    status = "503"
    headers = (("x-request-id", "r-1"),)
    url = _Rude()
    request = 7
    method = len
    content = 5
    text = None
    body = _Rude()


@every_provider
@pytest.mark.parametrize("response", [_RudeResponse(), _StrangeResponse()], ids=lambda response: type(response).__name__)
def test_hostile_response_has_an_answer(response, provider):
    """A response that breaks when it is read is judged by what could be read."""
    assert [(info.category, info.request_id) for info in check(response, provider)] == [("server", "r-1")]


@pytest.mark.parametrize(
    "source", [None, 7, "text", b"bytes", {}, [], object(), Observation, ValueError], ids=lambda source: type(source).__name__
)
def test_source_that_is_none_is_refused(source):
    """What is neither observation, response nor exception is wrong use: a TypeError that names what is taken."""
    with pytest.raises(TypeError, match="Observation"):
        normalize(source, "heygen")


# Made by hypothesis.

_VENDOR_NAMES = st.sampled_from(
    [
        "code",
        "message",
        "msg",
        "error",
        "data",
        "detail",
        "details",
        "status",
        "state",
        "error_code",
        "error_message",
        "failure_code",
        "failure_message",
        "errors",
        "param",
        "doc_url",
        "request_id",
        "id",
        "video_id",
        "transcription_id",
        "transcriptions",
        "event_type",
        "event_data",
        "items",
        "messages",
        "type",
        "content",
        "loc",
        "errorMessage",
        "errorType",
        "stackTrace",
        "Message",
        "error_description",
        "error_uri",
        "hint",
        "url",
        "video_url",
        "api_key",
    ]
)
_VENDOR_WORDS = st.sampled_from(
    [
        *[
            "failed",
            "FAILED",
            "error",
            "not_found",
            "completed",
            "processing",
            "avatar_video.fail",
            "unauthorized",
            "internal_error",
            "conflict",
            "400112",
            "40010",
            "100",
            "1000",
            "401",
        ],
        "Success",
        "Forbidden",
        "Voice not found: {x}",
        "video_inputs.0.voice is invalid: Field required",
        "Daily rate limit exceeded",
        "Missing required field: url",
        "https://example.com",
    ]
)
_texts = st.one_of(
    st.text(max_size=60), _VENDOR_WORDS, st.text(st.characters(codec=None, categories=["Cs", "Cc", "Zs", "Lu", "Nd"]), max_size=20)
)
_numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([100, 400112, 40010, 401, 429, 500, 1000, 2**70, 10003, 4003]), st.integers(100, 599)
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(_VENDOR_NAMES, _texts), inner, max_size=6)),
    max_leaves=25,
)
_vendor_like = st.dictionaries(_VENDOR_NAMES, _values, min_size=1, max_size=6)
_sample_bodies = st.sampled_from([sample["body"] for sample in _SAMPLES])
_written = st.one_of(_vendor_like, _values).map(lambda value: json.dumps(value, ensure_ascii=True))


@st.composite
def _damaged(draw):
    """A recorded body that was cut, repeated or written over."""
    body = draw(st.one_of(_sample_bodies, _written)).encode()
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, len(body)))
    return body[:start] + draw(st.one_of(st.binary(max_size=20), st.just(body[start:end] * 2))) + body[end:]


_bodies = st.one_of(
    st.none(), st.binary(max_size=200), _texts, _values, _vendor_like, _written, _written.map(str.encode), _sample_bodies, _damaged()
)
_statuses = st.one_of(
    st.none(),
    st.integers(100, 599),
    st.integers(),
    st.sampled_from([0, 99, 600, 200, 400, 401, 404, 429, 500, "404", " 429", "x", "", 4.5, True]),
    _texts,
    st.floats(),
)
_header_names = st.one_of(
    st.sampled_from(
        ["Retry-After", "retry-after-ms", "Date", "x-amzn-ErrorType", "X-Request-Id", "Content-Type", "Content-Length", "Authorization"]
    ),
    _texts,
    st.binary(max_size=8),
    st.integers(),
)
_header_values = st.one_of(
    _texts,
    st.sampled_from(
        ["7", "7.5", "nan", "1e3", "Wed, 21 Oct 2026 07:28:00 GMT", "ForbiddenException", "application/json", "TooManyRequestsException:x"]
    ),
    st.binary(max_size=12),
    st.none(),
    st.integers(),
    st.lists(_texts, max_size=2),
)
_headers = st.one_of(
    st.none(),
    st.dictionaries(_header_names, _header_values, max_size=5),
    st.lists(st.tuples(_header_names, _header_values), max_size=5),
    st.lists(_header_values, max_size=3),
    _texts,
)
_urls = st.one_of(
    st.none(),
    _texts,
    st.sampled_from(
        ["https://api.heygen.com/v3/videos", "/submit", "https://s3.amazonaws.com/b?X-Amz-Signature=a", "https://api.heify.com/analytics"]
    ),
)
_methods = st.one_of(st.none(), st.sampled_from(["GET", "POST", "put"]), _texts)


@thorough(700)
@given(provider=st.sampled_from(_PROVIDERS), status=_statuses, headers=_headers, body=_bodies, method=_methods, url=_urls)
@example(provider="heygen", status=0, headers=None, body=b"", method=None, url=None)
@example(provider="heify", status=600, headers=[], body="", method="", url="")
def test_anything_has_an_answer(provider, status, headers, body, method, url):
    """Whatever the status, headers, body, method and URL are: there is an answer, and it is well formed."""
    check(Observation(provider, status, headers, body, method, url))


@thorough(300)
@given(provider=st.sampled_from(_PROVIDERS), status=_statuses, headers=_headers, body=_bodies)
def test_input_is_not_changed(provider, status, headers, body):
    """Headers and a decoded body are the same afterwards as before."""
    before = repr((headers, body))
    check(Observation(provider, status, headers, body))
    assert repr((headers, body)) == before


@thorough(300)
@given(provider=st.sampled_from(_PROVIDERS), status=_statuses, headers=_headers, body=_bodies)
def test_answer_is_the_same_every_time(provider, status, headers, body):
    """The same input gives the same answer: there is no clock, no randomness and no state in it."""
    observation = Observation(provider, status, headers, body)
    assert normalize_all(observation) == normalize_all(Observation(provider, status, headers, copy.deepcopy(body)))


@thorough(200)
@given(provider=st.sampled_from(_PROVIDERS), status=st.integers(400, 599), headers=_headers, body=_bodies)
def test_status_that_says_no_is_a_failure(provider, status, headers, body):
    """A status from 400 to 599 is a failure whatever the body says, and the status is kept."""
    infos = normalize_all(Observation(provider, status, headers, body))
    assert ({info.status for info in infos}, len(infos) > 0) == ({status}, True)


@thorough(200)
@given(
    provider=st.sampled_from(_PROVIDERS),
    body=st.one_of(_vendor_like, st.lists(_values, max_size=3)),
    status=st.sampled_from([None, 200, 400, 500]),
)
def test_decoded_json_means_what_its_text_means(provider, body, status):
    """A decoded body gives the same failures as the JSON text that it was decoded from."""
    text = json.dumps(body)
    decoded = json.loads(text)
    found = [_words(normalize_all(Observation(provider, status, None, form))) for form in (text, text.encode(), decoded)]
    assert found == [found[0]] * 3


def _words(infos):
    """What is told of failures, but for how numbers are written, which decoding does not keep."""
    return [(info.message, info.category, info.rule, info.channel) for info in infos]


_KINDS = st.sampled_from([ValueError, TimeoutError, ConnectionResetError, RuntimeError, KeyError, OSError])


@thorough(200)
@given(provider=st.sampled_from(_PROVIDERS), kinds=st.lists(st.tuples(_KINDS, st.lists(_scalars, max_size=3)), min_size=1, max_size=5))
def test_any_exception_has_an_answer(provider, kinds):
    """Any exception with any arguments and causes is exactly one transport failure."""
    chain = [kind(*arguments) for kind, arguments in kinds]
    for outer, inner in itertools.pairwise(chain):
        outer.__cause__ = inner
    assert [info.channel for info in check(chain[0], provider)] == ["transport"]


@thorough(200)
@given(
    provider=st.sampled_from(_PROVIDERS),
    text=st.one_of(_texts, st.from_regex(r"[a-z.]{0,20}[A-Z][A-Za-z]{3,15}(: .{0,40}|\('.{0,20}'\))?", fullmatch=True)),
)
def test_any_logged_exception_has_an_answer(provider, text):
    """Any text that was logged as an exception is exactly one transport failure."""
    assert [info.channel for info in check(Observation(provider, exception=text))] == ["transport"]


# Redaction.

_SECRET_NAMES = st.sampled_from(
    ["api_key", "x-api-key", "X-Api-Key", "apiKey", "access_token", "session_token", "secret", "client_secret", "password", "authorization"]
)


@st.composite
def _planted(draw):
    """A JSON value with a secret under a name of secrets, at any depth."""
    value = {draw(_SECRET_NAMES): draw(st.sampled_from([_SECRET, [_SECRET], {"value": _SECRET}, f"Bearer {_SECRET}"]))}
    for name in draw(st.lists(_VENDOR_NAMES, max_size=3)):
        value = draw(st.sampled_from([{name: value}, {name: [value]}, {"message": "x", name: value}, {name: value, "code": 400112}]))
    return value


@thorough(300)
@given(provider=st.sampled_from(_PROVIDERS), status=st.sampled_from([None, 200, 401, 500]), value=_planted(), padding=_scalars)
def test_secret_in_json_is_never_told(provider, status, value, padding):
    """A secret under a name of secrets comes out nowhere, at whatever depth it lies and in whatever form the body comes."""
    for body in (
        value,
        json.dumps(value),
        json.dumps(value, indent=1).encode(),
        json.dumps([padding, value]),
        json.dumps({"message": json.dumps(value)}),
    ):
        observation = Observation(provider, status, None, body)
        infos = normalize_all(observation)
        told = [
            repr(infos),
            str(explain(observation)),
            json.dumps([info.to_dict() for info in infos]),
            pickle.dumps(infos).decode("latin-1"),
        ]
        assert [text for text in told if _SECRET in text] == []
