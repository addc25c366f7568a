"""The kernel judges every record as the reference does, whatever it has judged before."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heify_heygen_errors import Catalogs, Normalizer
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline.kernel import UNOBSERVED, Kernel
from heify_heygen_errors.records import RecordOptions
from heify_heygen_errors.testing.logs import Mix, records
from heify_heygen_errors.testing.shapes import wires_of, wires_of_refinement

_TESTS = Path(__file__).resolve().parents[1]
_DEFAULT = RecordOptions(provider="heygen")
_SECRET = "Zq7Kd93hVx0PmTb5LwYrUn8C"


def thorough(examples):
    """At least so many examples, and more where the profile asks for more."""
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    return settings(max_examples=max(examples, settings.default.max_examples), suppress_health_check=checks)


def _in_every_form(record):
    """A record whose body is text: as text, as JSON text of the text, and of the object where it is one."""
    body = record.get("body")
    forms = [record]
    if isinstance(body, str):
        forms += [
            record | {"body": json.dumps(body).encode()},
            record | {"body": json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")},
        ]
        with contextlib.suppress(ValueError, RecursionError):
            forms.append(record | {"body": json.dumps(json.loads(body, parse_float=float), allow_nan=False).encode()})
    headers = record.get("headers")
    if isinstance(headers, dict):
        text = json.dumps(headers)
        forms = [
            form | {"headers": written}
            for form, written in zip(forms, [text, text.encode(), json.dumps(text).encode(), text.encode()], strict=False)
        ]
    return forms


def _differences(bulk, kernel, judged, reference=None):
    """The records that the kernel judges otherwise than the reference, with both."""
    reference = reference or bulk.Reference(kernel.options)
    both = ((record, bulk.judge_by_reference(reference, record), bulk.judge(kernel, record)) for record in judged)
    return [(record, expected, found) for record, expected, found in both if expected != found]


# What was seen, what the catalogs hold, what logs hold.


@cache
def _seen():
    """The records of the corpus and the samples."""
    corpus = [(_TESTS / "corpus" / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("heygen", "heify", "not_errors")]
    rows = [json.loads(line) for text in corpus for line in text.splitlines()]
    rows += [json.loads(path.read_text(encoding="utf-8")) for path in sorted((_TESTS / "samples").rglob("*.json"))]
    return [{field: row.get(field) for field in ("provider", "status", "headers", "body", "method", "url")} for row in rows]


def test_corpus_and_samples_are_judged_as_by_the_reference(bulk):
    """Whatever was seen of the vendors is judged as `normalize` does, as text and as an object."""
    forms = [form for record in _seen() for form in _in_every_form(record)]
    assert len(forms) > 500
    assert _differences(bulk, Kernel(_DEFAULT), forms) == []


@cache
def _wires():
    """Every entry and refinement in every form, once for each of its codes."""
    entries = list(default_catalogs().entries())
    wires = {(entry.rule, wire.shape, wire.code): wire for entry in entries for wire in wires_of(entry)}
    wires |= {
        (refinement.rule, wire.shape, wire.code): wire
        for entry in entries
        for refinement in entry.refinements
        for wire in wires_of_refinement(entry, refinement)
    }
    return wires


def _record(wire):
    seen = wire.observation()
    return {
        "provider": seen.provider,
        "status": seen.status,
        "headers": dict(seen.headers),
        "body": seen.body.decode(),
        "method": seen.method,
        "url": seen.url,
    }


def test_every_entry_in_every_wire_is_judged_as_by_the_reference(bulk):
    """Every entry and refinement, in every form in which it arrives, has the values that `normalize` gives."""
    assert _differences(bulk, Kernel(_DEFAULT), map(_record, _wires().values())) == []


def test_every_entry_in_every_wire_is_judged_alike_in_every_kind_of_body(bulk):
    """An entry means the same in a body that is text, JSON text of text, or an object."""
    kept = {(rule, shape): wire for (rule, shape, _), wire in _wires().items()}
    forms = (form for wire in kept.values() for form in _in_every_form(_record(wire))[1:])
    assert _differences(bulk, Kernel(_DEFAULT), forms) == []


_MIXES = {
    "usual": Mix(),
    "different bodies": Mix(bodies="different", damage=0.1, as_objects=0, headers=1, headers_as_text=1),
    "objects": Mix(bodies="different", damage=0.1, as_objects=1, headers=1, headers_as_text=0),
    "no headers": Mix(bodies="different", as_objects=0.5, headers=0),
}


@pytest.mark.parametrize("mix", _MIXES)
def test_records_of_a_log_are_judged_as_by_the_reference(bulk, mix):
    """The records of a log are judged as `normalize` judges each, with one kernel for all of them."""
    kernel = Kernel(_DEFAULT)
    assert _differences(bulk, kernel, map(_as_json_text, records(3000, seed=11, mix=_MIXES[mix]))) == []


def _as_json_text(record):
    """A record as the lines give it to the kernel: headers and body are JSON text."""
    return record | {name: json.dumps(record[name]).encode() for name in ("headers", "body") if name in record}


# Odd fields, by hand.

_BODY = '{"error":{"code":"newly_found","message":"Hello there"},"request_id":"abc"}'
_STATUSES = [
    *(None, 0, 99, 100, 200, 299, 304, 400, 404, 429, 500, 599, 600, 999, -5, 10**9 - 1, 10**9, 1 - 10**9, -(10**9), 2**40, 2**70),
    *("404", " 404 ", "0404", "404.0", "404.00", "0.0", "-5", "4e2", "x", "", " ", "\u0664\u0660\u0664", "9" * 10, "4" * 5000),
    *(404.0, 404.5, -0.0, 1e9, 1e300, float("inf"), float("nan"), True, False, [], [404], {}, {"a": 1}),
]
_PROVIDERS = [
    None,
    "",
    " ",
    "heygen",
    "HeyGen",
    " heify ",
    "LIVEAVATAR",
    "acme",
    "hey gen",
    "x" * 10_000,
    5,
    True,
    1.5,
    [],
    {},
    ["heify"],
    "\ud800",
    "heygen\0",
]
_URLS = [
    *(
        None,
        "",
        "/v2/video/generate",
        "https://api.heygen.com/v2/video/generate",
        "https://API.HEYGEN.COM./x",
        "http://api.heify.com:8080/submit",
    ),
    *(
        "https://user:pw@api.heify.com/submit",
        "https://api.heify.com?x=/y",
        "https://api.heify.com#f",
        "https://api.heify.com\\x",
        "https://evilheify.com/x",
    ),
    *(
        "/a/b/c",
        "/a/b/https://api.heygen.com/x",
        "a/b://api.heify.com/",
        "://api.heify.com/x",
        "https:///x",
        "https:/api.heify.com/x",
        "x" * 8192,
        "x" * 8193,
    ),
    *("https://b.s3.amazonaws.com/k?X-Amz-Signature=1", "https://api.heify.com/" + "s" * 9000, 5, True, [], {"a": 1}, "\ud800", "/submit"),
]
_METHODS = [None, "", "GET", "post", "POST", "P\u00d6ST", 5, [], "x" * 9000]
_EXCEPTIONS = [
    *(
        None,
        "",
        " ",
        "requests.exceptions.ReadTimeout: timed out",
        "ConnectionResetError",
        "x" * 10_000,
        f"ValueError: Bearer {_SECRET}",
        "\ud800",
    ),
    *(0, False, 5, [], {}, {"a": 1}),
]


def _variants():
    base = {"provider": "heify", "status": 404, "body": _BODY}
    for values in ({"status": value} for value in _STATUSES):
        yield from (base | values, values, base | values | {"body": None}, base | values | {"body": b'{"status":"failed","id":1}'})
    for values in ({"provider": value} for value in _PROVIDERS):
        yield from (base | values, base | values | {"url": "https://api.heygen.com/x"}, base | values | {"url": 5})
    for url in _URLS:
        for body in (_BODY, '{"message":"Too Many Requests"}', "", "<html><title>403 Forbidden</title></html>", b"[1]"):
            for status in (403, 429):
                yield {"status": status, "url": url, "body": body, "method": "POST"}
                yield {"status": status, "url": url, "body": body, "method": "GET", "provider": "heify"}
    for method in _METHODS:
        yield base | {"method": method, "url": "https://api.heify.com/submit", "status": 429, "body": '{"message":"Too Many Requests"}'}
    for exception in _EXCEPTIONS:
        yield from (
            {"exception": exception, **more}
            for more in (base, {}, base | {"status": "x"}, base | {"headers": "nonsense"}, base | {"provider": "acme"})
        )


@pytest.mark.parametrize("default", [None, "heygen", "heify", "acme"])
def test_odd_fields_are_read_or_refused_as_by_the_reference(bulk, default):
    """A status, provider, URL, method or exception of any kind is read, or refused with the same reason, as by the reference."""
    options = RecordOptions(provider=default)
    variants = list(_variants())
    assert _differences(bulk, Kernel(options), variants + variants[::-1]) == []


def test_two_wrong_fields_give_the_reason_of_the_first(bulk):
    """Of several fields that cannot be read the reason names the one that the reference names."""
    wrong = {"provider": "acme", "status": "x", "headers": "nonsense", "exception": 5, "url": 5, "method": 5, "body": b"5"}
    right = {"provider": "heify", "status": 404, "headers": None, "exception": None, "url": None, "method": None, "body": _BODY}
    mixed = [{name: (wrong if number >> bit & 1 else right)[name] for bit, name in enumerate(wrong)} for number in range(2 ** len(wrong))]
    assert _differences(bulk, Kernel(), mixed) == []


_HEADERS = [
    *(
        "{}",
        "[]",
        "null",
        "5",
        "true",
        '"x"',
        '[["Retry-After","7"],["X-Request-Id","a-1"]]',
        '[["a"]]',
        '["x"]',
        '[[5,6],["retry-after",7.5]]',
    ),
    *(
        '{"Retry-After":"5","retry-after":"9","RETRY-AFTER":"1"}',
        '{"Retry-After":5}',
        '{"Retry-After":[5,"6"]}',
        '{"retry-after":null}',
        '{"retry-after":1e2}',
    ),
    *(
        '{"retry-after":1.5}',
        '{"retry-after":true}',
        '{"retry-after":{"a":1}}',
        '{"":"x","retry-after":"3"}',
        '{"retry-after":"3,4"}',
        '{"retry-after":"-1"}',
    ),
    *(
        '{"retry-after":"9999999"}',
        '{"retry-after-ms":"1500","Retry-After":"1"}',
        '{"retry-after":"1e2"}',
        '{"retry-after":"\\u0665"}',
        '{"retry-after":" 5 "}',
    ),
    '{"Retry-After":"Wed, 21 Oct 2026 07:28:00 GMT","Date":"Wed, 21 Oct 2026 07:27:00 GMT"}',
    '{"Retry-After":"Wed, 21 Oct 2026 07:28:00 GMT"}',
    '{"Retry-After":"Wednesday, 21-Oct-26 07:28:00 GMT","dAtE":"Wed Oct 21 07:27:00 2026"}',
    *(
        '{"x-request-id":"r-1"}',
        '{"X-Request-ID":" "}',
        '{"x-request-id":""}',
        '{"x-request-id":"\\n"}',
        '{"x-request-id":"\\nabc"}',
        '{"x-request-id":"a\\nb"}',
    ),
    *(
        f'{{"x-request-id":"Bearer {_SECRET}"}}',
        f'{{"x-amzn-requestid":"key={_SECRET}"}}',
        '{"x-request-id":"' + "r" * 900 + '"}',
        '{"x-request-id":"\\ud800"}',
    ),
    *(
        '{"x-amzn-ErrorType":"ThrottlingException:http://x"}',
        '{"x-amzn-error\\u0054ype":"a#AccessDeniedException"}',
        '{"x-amzn-errortype":["A","B"]}',
    ),
    *(
        '{"x-amzn-errortype":""}',
        '{"x-amzn-errortype":null}',
        '{"x-amzn-errortype":5}',
        '{"x-amzn-errortype":"' + "E" * 500 + '"}',
        '{"\\u212a":"x"}',
    ),
    "{" + ",".join(f'"h{number}":"v"' for number in range(300)) + ',"retry-after":"3"}',
    '{"retry-after":"3",' + ",".join(f'"h{number}":"v"' for number in range(300)) + "}",
    '{"a":' * 70 + "1" + "}" * 70,
]
_HEADER_TEXTS = [
    *(
        "",
        " ",
        "nonsense",
        '{"a":"b"} x',
        '{"a":"b"',
        ' {"retry-after":"3"}',
        '\ufeff{"retry-after":"3"}',
        '{"retry-after":"3"}\0',
        '{"retry-after":"3"}\u00a0',
    ),
    *(
        '{"retry-after":"3\x01"}',
        '{"retry-after":NaN}',
        '{"retry-after":' + "9" * 5000 + "}",
        '{"a":"\ud800","retry-after":"3"}',
        "{'retry-after':'3'}",
    ),
    *('"{\\"retry-after\\":\\"3\\"}"', "\0", "x" * 100_000),
]


@pytest.mark.parametrize("status", [None, 200, 400, 429])
def test_headers_of_every_form_are_read_or_refused_as_by_the_reference(bulk, status):
    """Headers as an object, pairs or text, odd ones too, give the same wait, request id and error type, or the same reason."""
    forms = [
        *_HEADER_TEXTS,
        *_HEADERS,
        *(json.dumps(text).encode() for text in (*_HEADER_TEXTS, *_HEADERS)),
        *(text.encode() for text in _HEADERS),
    ]
    bodies = ['{"message":"Too Many Requests"}', _BODY, "", None, '{"request_id":"r","message":"m"}']
    mixed = [
        {"provider": provider, "status": status, "headers": headers, "body": body}
        for provider in ("heygen", "heify")
        for body in bodies
        for headers in forms
    ]
    assert _differences(bulk, Kernel(), mixed) == []


def test_headers_longer_than_a_document_are_refused(bulk):
    """Headers as text of more than 8 MiB are refused as by the reference."""
    long = '{"retry-after":"3","x":"' + "y" * (8 * 1024 * 1024) + '"}'
    mixed = [{"provider": "heify", "status": 429, "headers": headers, "body": "{}"} for headers in (long, json.dumps(long).encode())]
    assert _differences(bulk, Kernel(), mixed) == []


# Bodies, by hand.

_TEXTS = [
    *(
        "",
        " ",
        "\0",
        "\ufeff",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "5",
        "4.5",
        "1e3",
        "1E400",
        "-1E400",
        "NaN",
        "Infinity",
        "7" * 5000,
        '""',
        '" "',
        "[]",
        "{}",
        "[[]]",
    ),
    *(
        '"Unauthorized"',
        '"{\\"code\\":400112}"',
        '"\\"{}\\""',
        "{",
        '{"',
        '{"a',
        '{"message":"x"',
        '{"message":"x"} ',
        '{"message":"x"}\0',
        '{"message":"x"} x',
        '\ufeff{"message":"x"}',
    ),
    *(
        '{"code":400112.0}',
        '{"code":1e3}',
        '{"code":1E3}',
        '{"code":-0}',
        '{"code":-0.0}',
        '{"code":1180591620717411303424}',
        '{"code":' + "9" * 5000 + "}",
        '{"code":1e999}',
    ),
    *(
        '{"code":NaN}',
        '{"code":0.1}',
        '{"code":1.10}',
        '{"code":100.0}',
        '{"code":200}',
        '{"code":1000}',
        '{"code":"1000","message":"x"}',
        '{"code":1.00000000000000000001}',
    ),
    *(
        '{"code":"a\\ud800","message":"\\udfff"}',
        '{"code":"\ud800","message":"x \udfff"}',
        '{"message":"a\x01b"}',
        '{"message":"a\\u0000b"}',
        '{"message":"a\nb"}',
    ),
    *(
        '{"code":100,"code":400112,"message":"Success","message":"Unauthorized"}',
        '{"error":1,"error":{"code":"x"}}',
        '{"a":1,"\\u0061":2,"code":400112}',
    ),
    '{"error":' * 63 + "1" + "}" * 63,
    '{"error":' * 64 + "1" + "}" * 64,
    '{"error":' * 65 + "1" + "}" * 65,
    '{"code":400112,"message":"x","data":' + "[" * 62 + "]" * 62 + "}",
    '{"code":400112,"message":"x","data":' + "[" * 63 + "]" * 63 + "}",
    '{"code":400112,"message":"x","data":' + "[" * 64 + "]" * 64 + "}",
    '{"code":400112,"message":"x","data":' + "[" * 995 + "]" * 995 + "}",
    '{"code":400112,"message":"x","data":' + "[" * 5000 + "]" * 5000 + "}",
    '{"message":"' + "[{" * 5000 + '","code":400112}',
    '{"message":"' + "m" * 100_000 + '","code":400112}',
    '{"message":"' + "\u20ac" * 9000 + '"}',
    '{"code":"' + "c" * 5000 + '","message":"x"}',
    '{"error":{"code":"x","message":"y","a\\ud800_id":"v"},"\\udfff_id":"w"}',
    '{"error":{"code":"x",' + ",".join(f'"i{number}_id":"v{number}"' for number in range(40)) + "}}",
    '{"error":{"code":"x",' + ",".join(f'"{letter}_id":"{letter}"' for letter in "abcdefghijklmnopqrstuvwxyz") + "}}",
    *(
        "<html><head><title>502 Bad Gateway</title></head></html>",
        "<!-- a --><html><title>x</title></html>",
        "<html><!-- a <title>y</title></html>",
        "<",
        "<a>",
    ),
    *(
        '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>m</Message><RequestId>R1</RequestId></Error>',
        "<Error><Code>A</Code>",
        "502 Bad Gateway",
        "Not Found",
    ),
    '[{"status":"failed","id":"a","error":{"code":1,"message":"x"}},{"status":"failed","id":"b"},7,null,{"status":"completed"}]',
    '{"data":[' + ",".join(f'{{"status":"failed","video_id":"v{number}"}}' for number in range(300)) + "]}",
    '{"event_type":"avatar_video.fail","event_data":{"video_id":"v1","msg":"x"}}',
    '{"errorMessage":"x","errorType":"KeyError","requestId":"r-1","stackTrace":[]}',
]


@pytest.mark.parametrize("provider", ["heygen", "heify", "liveavatar"])
def test_odd_bodies_mean_the_same_as_by_the_reference(bulk, provider):
    """Text that is JSON, almost JSON, markup or nothing means the same as by the reference in every form and with every status."""
    forms = [form for text in _TEXTS for form in _in_every_form({"provider": provider, "body": text})]
    mixed = [form | {"status": status} for status in (None, 200, 404, 500, 700) for form in forms]
    assert _differences(bulk, Kernel(), mixed) == []


def test_bodies_as_on_the_wire_mean_the_same_as_by_the_reference(bulk):
    """A body of bytes in any encoding, as a table may hold it, means the same as by the reference."""
    kernel, reference = Kernel(), bulk.Reference()
    text = '{"code":400112,"message":"Unauthorized \u00e9"}'
    bodies = [text.encode(name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1")] + [
        b"\xff\xfe",
        b"\xff",
        b"",
    ]
    found = [bulk.judge(kernel, {"provider": "heygen", "status": 401, "body": bytearray(body)}) for body in bodies]
    assert [
        reference.values(reference.records.observation({"provider": "heygen", "status": 401, "body": body})) for body in bodies
    ] == found


# Memories.


def _small_world():
    """Records that share bodies and differ in everything that may change their meaning."""
    bodies = [
        '{"message":"Too Many Requests"}',
        '{"error":{"code":"newly_found","message":"Voice v1 not found"},"video_id":"v1","request_id":"r1"}',
        '{"error":{"code":"newly_found","message":"Voice v1 not found"},"video_id":"v2","request_id":"r2"}',
        '{"data":{"status":"failed","video_id":"v1","error":{"code":4001,"message":"m"}}}',
        '{"data":[{"status":"failed","id":"v1"},{"status":"failed","id":"v2"}],"code":100}',
        '{"data":[{"status":"failed","id":"v3"},{"status":"failed","id":"v4"}],"code":100}',
        "<html><!-- abc --><title>403 Forbidden</title></html>",
        "<html><!-- def --><title>403 Forbidden</title></html>",
        "",
    ]
    urls = [
        None,
        "https://api.heify.com/submit",
        "/submit",
        "/analytics",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=1",
        "/x/y/https://api.heygen.com/a",
        "/x/y/z",
    ]
    headers = [None, {"Retry-After": "5"}, {"x-amzn-ErrorType": "ThrottlingException"}, {"x-request-id": "h1"}, {"x-request-id": " "}]
    return st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["heygen", "heify", "HEIFY", "liveavatar", None]),
            "status": st.sampled_from([None, 200, 403, "403", 429, 500]),
            "headers": st.sampled_from(headers),
            "body": st.sampled_from(bodies),
            "method": st.sampled_from([None, "POST", "GET"]),
            "url": st.sampled_from(urls),
            "exception": st.sampled_from([None, None, None, "", "TimeoutError: timed out"]),
        }
    )


_FORGET = st.sampled_from(["forget", "make_room"])


@thorough(250)
@given(st.lists(st.one_of(st.tuples(_small_world(), st.integers(0, 3)), _FORGET), min_size=2, max_size=30))
def test_what_was_judged_before_changes_nothing(bulk, steps):
    """A kernel that has judged anything, and forgotten it, gives what the reference gives; fewer calls or more change nothing."""
    kernel = Kernel(_DEFAULT)
    judged = []
    for step in steps:
        if isinstance(step, str):
            getattr(kernel, step)()
            continue
        record, form = step
        forms = _in_every_form(record)
        judged.append((forms[form % len(forms)], bulk.judge(kernel, forms[form % len(forms)])))
    reference = bulk.Reference(_DEFAULT)
    assert [(record, bulk.judge_by_reference(reference, record)) for record, _ in judged] == judged


def test_a_kernel_that_is_full_forgets(bulk):
    """Slots and bytes are bounded: room is made between blocks, and what follows is judged as before."""
    kernel = Kernel(_DEFAULT)
    held = []
    for start in range(0, 50_000, 10_000):
        kernel.make_room()
        for number in range(start, start + 10_000):
            kernel.judge("heify", 404, None, f'{{"message":"No {number:x} here"}}', None, None, None)
        held.append(len(kernel.rows))
    last = {"provider": "heify", "status": 404, "body": '{"message":"No 1 here"}'}
    assert max(held) < 80_000
    assert held != sorted(held)
    assert _differences(bulk, kernel, [last]) == []


def test_memory_is_bounded_in_bytes(monkeypatch):
    """Long messages and pages that are all different do not fill the memory: what is remembered is bounded in bytes, not only in number."""
    monkeypatch.setattr("heify_heygen_errors.pipeline.kernel._MOST_REMEMBERED", 1024 * 1024)
    kernel = Kernel(_DEFAULT)
    pad = "lorem ipsum dolor " * 8000
    tracemalloc.start()
    try:
        for number in range(150):
            if number % 5 == 0:
                kernel.make_room()
            kernel.judge("heygen", 502, None, f'{{"message":"No {number} {pad}"}}', None, None, None)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8 * 1024 * 1024


def test_unobserved_and_sound_records_have_slots_of_their_own():
    """A record that observed nothing is told from one in which nothing failed."""
    kernel = Kernel(_DEFAULT)
    assert kernel.judge("heify", None, None, "", None, None, None).slots == (UNOBSERVED,)
    assert kernel.judge("heify", 200, None, '{"data":{}}', None, None, None).slots != (UNOBSERVED,)


def test_other_catalogs_decide(bulk, overlay, entry):
    """A kernel over an overlay judges by it, codes, endpoints and waits included."""
    rows = overlay(entry(name="MINE", codes=["newly_found"]), catalog="heygen")
    normalizer = Normalizer(Catalogs.from_texts({"mine.yaml": rows}))
    judged = Kernel(_DEFAULT, normalizer)
    record = {"provider": "heygen", "status": 400, "body": _BODY}
    assert [values[17] for values in bulk.judge(judged, record)] == ["heygen/MINE@mine"]


# Anything.

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True),
    st.sampled_from(
        [
            "failed",
            "error",
            "completed",
            "100",
            "1000",
            "Success",
            "400112",
            "not_found",
            "a\ud800",
            " ",
            "",
            "FAILED",
            f"Bearer {_SECRET}",
            "x" * 300,
        ]
    ),
    st.text(max_size=8),
)
_MEMBERS = st.one_of(
    st.sampled_from(
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
            "errors",
            "event_type",
            "event_data",
            "video_id",
            "id",
            "request_id",
            "error_code",
            "failure_code",
            "failure_message",
            "param",
            "doc_url",
            "field",
            "type",
            "items",
            "transcription_id",
            "error_message",
            "error_description",
            "error_uri",
            "errorType",
            "errorMessage",
            "requestId",
            "statusCode",
            "video_url",
            "created_at",
            "messages",
            "content",
        ]
    ),
    st.text(max_size=4),
)
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=6), max_leaves=14)


@st.composite
def _bodies(draw):
    """JSON of any form, sound or cut, with any spacing; or any text."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.text(max_size=60))
    text = json.dumps(draw(_TREES), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    how = draw(st.sampled_from(["whole"] * 6 + ["cut", "twice", "space", "bom", "more"]))
    return {
        "cut": text[: len(text) // 2],
        "twice": json.dumps(text),
        "space": f" {text}\n",
        "bom": f"\ufeff{text}",
        "more": text + "x",
    }.get(how, text)


@thorough(500)
@given(
    _bodies(),
    st.sampled_from(["heygen", "heify", "liveavatar"]),
    st.sampled_from([None, 200, 400, 404, 429, 503]),
    st.sampled_from([None, {"retry-after": "5", "x-amzn-errortype": "E"}]),
)
@example('{"video_url":"https://x/solid","RequestId":"400112","error":{"message":"m"}}', "heify", 400, None)
@example('{"error":{"code":"x","message":"m","v2_id":"5e471ae1c0de0000ba5e"},"video_id":"abc"}', "heygen", 400, None)
def test_any_body_means_the_same_as_by_the_reference(bulk, body, provider, status, headers):
    """Any JSON, however it is written or cut, and any text gives the values that `normalize` gives, in every form."""
    assert (
        _differences(bulk, _warm_kernel(), _in_every_form({"provider": provider, "status": status, "body": body, "headers": headers})) == []
    )


@cache
def _warm_kernel():
    """A kernel that has seen all that other examples had."""
    return Kernel(_DEFAULT)


# Secrets.


_SECRETS = [
    f"Bearer {_SECRET}",
    f"api_key={_SECRET}",
    f"https://user:{_SECRET}@example.com/a",
    f"https://example.com/a?access_token={_SECRET}",
    f"whsec_{_SECRET}",
    f"sk_live_{_SECRET}",
    f"password={_SECRET}",
    f"x-api-key:{_SECRET}",
]
_PLACES = {
    "message": lambda secret: {"body": json.dumps({"code": 400112, "message": secret})},
    "code": lambda secret: {"body": json.dumps({"error": {"code": secret, "message": "x"}})},
    "detail": lambda secret: {"body": json.dumps({"code": 400112, "message": "x", "detail": {"a_id": secret, "b": secret}})},
    "id": lambda secret: {"body": json.dumps({"error": {"code": "x", "message": "y", "video_id": secret, "request_id": secret}})},
    "ids": lambda secret: {"body": json.dumps({"data": [{"status": "failed", "id": secret}, {"status": "failed", "id": "b"}]})},
    "url": lambda secret: {"url": secret, "body": "{}", "status": 403},
    "param": lambda secret: {
        "body": json.dumps({"error": {"code": "x", "message": "y", "param": secret, "doc_url": f"https://x/?{secret}"}})
    },
    "page": lambda secret: {"body": f"<html><!-- {secret} --><title>{secret}</title></html>"},
    "xml": lambda secret: {"body": f"<Error><Code>AccessDenied</Code><Message>{secret}</Message><RequestId>{secret}</RequestId></Error>"},
    "headers": lambda secret: {"headers": {"x-request-id": secret, "retry-after": secret, "x-amzn-errortype": secret}, "body": "{}"},
    "exception": lambda secret: {"exception": f"ValueError: {secret}"},
}


@pytest.mark.parametrize("place", _PLACES)
def test_secrets_do_not_get_into_columns(bulk, place):
    """A credential in a body, headers, URL or exception gets into no column, first and when its skeleton is known."""
    kernel = Kernel(_DEFAULT)
    harmless = [{"provider": "heygen", "status": 401, **_PLACES[place](f"v{number}")} for number in range(3)]
    secret = [{"provider": "heygen", "status": 401, **_PLACES[place](text)} for text in _SECRETS]
    told = [bulk.judge(kernel, form) for record in (*harmless, *secret, *secret) for form in _in_every_form(record)]
    assert [values for values in told if _SECRET in repr(values)] == []
    assert _differences(bulk, kernel, [form for record in secret for form in _in_every_form(record)]) == []
