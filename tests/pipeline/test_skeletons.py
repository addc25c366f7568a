"""Bodies that differ in ids, times and links only are judged once, and no value gets where it does not belong."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.pipeline import skeletons
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.records import COLUMNS, RecordOptions
from heify_heygen_errors.testing.shapes import wires_of

_TESTS = Path(__file__).resolve().parents[1]
_DEFAULT = RecordOptions(provider="heygen")
_TEXT_MARK = skeletons.mark('{"video_id": "v1"}')[1][0]
_NUMBER_MARK = skeletons.mark('{"video_id": 12345}')[1][0]
_SECRET = "Zq7Kd93hVx0PmTb5LwYrUn8C"

# Names of members that may vary, that are near to such a name, and that decide.
_NAMES = [
    *(
        "id",
        "video_id",
        "job_id",
        "request_id",
        "requestId",
        "RequestId",
        "requestID",
        "event_id",
        "transcription_id",
        "callback_id",
        "session_id",
        "x_ID",
    ),
    *(
        "error_id",
        "code_id",
        "status_id",
        "message_id",
        "failure_id",
        "failed_id",
        "detail_id",
        "data_id",
        "valid",
        "paid",
        "invalid",
        "candidate",
        "validate",
    ),
    *(
        "doc_url",
        "doc_url_id",
        "error_url",
        "error_uri",
        "error_uri_id",
        "url",
        "video_url",
        "output_url",
        "uri",
        "video_page_url",
        "callback_uri",
    ),
    *("created_at", "updated_at", "failed_at", "error_at", "state_at", "timestamp", "duration", "date", "uuid", "ts_ts", "expiredAt"),
    *(
        "key_id",
        "api_key_id",
        "token_id",
        "secret_url",
        "password_id",
        "signature_url",
        "AWSAccessKeyId",
        "v2_id",
        "id2",
        "\u00efd",
        "\u0131d",
    ),
    *(
        "code",
        "message",
        "status",
        "state",
        "error",
        "msg",
        "detail",
        "details",
        "error_code",
        "failure_code",
        "failure_message",
        "errorMessage",
        "param",
    ),
]
_TEXTS = [
    *(
        "failed",
        "FAILED",
        "error",
        "completed",
        "success",
        "Success",
        "OK",
        "100",
        "1000",
        "200",
        "404",
        "500",
        "true",
        "null",
        "0",
        "-",
        "a-b",
        "insufficient_credit",
    ),
    *(
        "400112",
        "not_found",
        "rate_limit_exceeded",
        "Voice not found",
        "v1",
        "x" * 199,
        "x" * 200,
        "x" * 201,
        "x" * 256,
        "x" * 257,
        "x" * 600,
        "x" * 5000,
        "",
        " ",
        "  a ",
    ),
    *(
        f"sk_live_{_SECRET}",
        f"whsec_{_SECRET}",
        "AKIAZQ7KD93HVX0PMTB5",
        f"Bearer {_SECRET}",
        "someone@example.com",
        f"key={_SECRET}",
        f"token:{_SECRET}",
    ),
    *(
        f"https://user:{_SECRET}@example.com/x",
        f"https://example.com/a?api_key={_SECRET}&b=1",
        f"secret={_SECRET}",
        f"password:{_SECRET}",
        f"x%3D{_SECRET}",
    ),
    *(
        "https://example.com/failed.png",
        "https://example.com/solid",
        "https://example.com/error/a.mp4",
        "2026-10-06T09:30:00Z",
        "2026-10-06 09:30:00",
        "1.5",
        "1e5",
    ),
    *(
        _TEXT_MARK,
        _NUMBER_MARK,
        _TEXT_MARK + "x",
        "\u00e9",
        "\u2028",
        'a"b',
        "a\\b",
        "a\nb",
        "\ud800",
        "a" * 32,
        "</Code>",
        "-->",
        "{",
        "}",
        "[",
        ",",
    ),
]
_NUMBERS = [
    0,
    1,
    -1,
    7,
    100,
    200,
    404,
    1000,
    4001,
    400112,
    int(_NUMBER_MARK),
    10**14,
    10**15,
    10**16,
    -(10**15),
    2**63,
    2**70,
    1.5,
    0.1,
    -0.0,
    1700000000.123,
    1e16,
    1e300,
]
_OTHERS = [True, False, None, [], {}, ["failed"], {"id": "x"}, {"status": "failed"}, [{"status": "failed", "id": "v9"}]]
_VALUES = st.one_of(
    st.sampled_from(_TEXTS), st.sampled_from(_NUMBERS), st.sampled_from(_OTHERS), st.text('ab1_-:/.?=&%~+@ "\\', max_size=12)
)


def thorough(examples):
    """At least so many examples, and more where the profile asks for more."""
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    return settings(max_examples=max(examples, settings.default.max_examples), suppress_health_check=checks)


@cache
def _real():
    """Bodies that vendors send, with their provider and status: of the samples, and of the catalogs."""
    samples = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((_TESTS / "samples").rglob("*.json"))]
    real = [(sample["provider"], sample["status"], sample["body"]) for sample in samples]
    kinds = {}
    for entry in default_catalogs().entries():
        for wire in wires_of(entry):
            kinds.setdefault((wire.provider, wire.shape, wire.status), wire.observation())
    real += [(seen.provider, seen.status, seen.body.decode()) for seen in kinds.values()]
    decoded = []
    for provider, status, body in real:
        try:
            value = json.loads(body)
        except ValueError:
            continue
        if isinstance(value, dict):
            decoded.append((provider, status, value))
    return decoded


def _objects(value):
    """Every object in a body, nested ones too."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _objects(item)


def _changed(draw, value):
    """The body with hostile members anywhere in it, in any order, and some of its own values exchanged."""
    value = json.loads(json.dumps(value))
    places = list(_objects(value))
    for _ in range(draw(st.integers(1, 4))):
        place = places[draw(st.integers(0, len(places) - 1))]
        place[draw(st.sampled_from(_NAMES))] = draw(_VALUES)
    if draw(st.booleans()):
        place = places[draw(st.integers(0, len(places) - 1))]
        members = list(place.items())
        place.clear()
        place.update(draw(st.permutations(members)))
    return value


_VARIES = re.compile(skeletons._NAME)


def _with_other_values(draw, value, name=""):
    """A body of the same skeleton, if the members that may vary have values that may."""
    if isinstance(value, dict):
        return {member: _with_other_values(draw, item, member) for member, item in value.items()}
    if isinstance(value, list):
        return [_with_other_values(draw, item) for item in value]
    if _VARIES.fullmatch(name) and isinstance(value, str):
        return draw(st.sampled_from(_TEXTS))
    if _VARIES.fullmatch(name) and isinstance(value, int | float) and not isinstance(value, bool):
        return draw(st.sampled_from(_NUMBERS))
    return value


def _written(draw, value):
    """JSON text, perhaps with a member that comes twice, with spaces, or cut."""
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\n")])))
    how = draw(st.sampled_from(["whole"] * 7 + ["cut", "doubled"]))
    if how == "cut":
        return text[: draw(st.integers(0, len(text)))]
    member = re.search(r'"[A-Za-z_]+"\s*:\s*("[^"\\]*"|[0-9]+)', text) if how == "doubled" else None
    return text if member is None else text[: member.end()] + "," + member[0] + text[member.end() :]


@st.composite
def _families(draw):
    """Provider, status, and bodies that differ in what may vary, as a log has them."""
    real = _real()
    provider, status, value = real[draw(st.integers(0, len(real) - 1))]
    changed = _changed(draw, value)
    bodies = [_written(draw, changed)] + [_written(draw, _with_other_values(draw, changed)) for _ in range(draw(st.integers(1, 3)))]
    return provider, draw(st.sampled_from([status, status, None, 200, 404, 429])), bodies


def _no_constant(name):
    raise ValueError(name)


def _judged_otherwise(bulk, provider, status, bodies, kernel=None):
    """The bodies that a kernel judges otherwise than the reference, in any form, with what differs."""
    kernel = kernel or Kernel(_DEFAULT)
    reference = bulk.Reference(_DEFAULT)
    wrong = []
    for body in bodies:
        forms = [body, json.dumps(body).encode(), json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")]
        try:
            json.loads(body, parse_constant=_no_constant)
            forms.append(body.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            pass
        for form in forms:
            record = {"provider": provider, "status": status, "body": form}
            expected, found = bulk.judge_by_reference(reference, record), bulk.judge(kernel, record)
            if expected != found:
                wrong.append((form, expected, found))
    return wrong


@thorough(500)
@given(_families())
def test_hostile_values_are_judged_as_by_the_reference(bulk, family):
    """Whatever stands in a member that may vary, wherever it stands, bodies of one skeleton are judged as each by itself."""
    assert _judged_otherwise(bulk, *family) == []


@cache
def _warm():
    return Kernel(_DEFAULT)


@thorough(250)
@given(_families())
def test_skeletons_that_are_known_change_nothing(bulk, family):
    """The same with a kernel that knows the skeletons of every example before."""
    _warm().make_room()
    assert _judged_otherwise(bulk, *family, kernel=_warm()) == []


# By hand.

_FAMILIES = {
    "id in a message": [
        f'{{"error":{{"code":"x","message":"Voice {name} not found"}},"voice_id":"{name}"}}' for name in ("v1", "v2", "v1")
    ],
    "id as a name of details": [
        f'{{"error":{{"code":"x","message":"m","details":{{"{name}":"bad"}}}},"id":"{name}"}}' for name in ("a_id", "b_id")
    ],
    "ids in details": [f'{{"error":{{"code":"x","message":"m","details":{{"video_id":"{name}"}}}}}}' for name in ("v1", "v2", "v1")],
    "ids in a detail that is cut": [
        f'{{"error":{{"code":"x","message":"m","details":{{"a":"{"y" * 4060}","video_id":"{name}"}}}}}}' for name in ("a" * 20, "b" * 20)
    ],
    "sixteen ids and more": [
        '{"error":{"code":"x",' + ",".join(f'"{letter}_id":"{letter}{turn}"' for letter in "abcdefghijklmnopqrst") + "}}"
        for turn in range(3)
    ],
    "an id that is too long": [f'{{"error":{{"code":"x"}},"a_id":"{"x" * length}","b_id":"y"}}' for length in (5, 200, 201, 256, 257, 5)],
    "an id that is empty": [f'{{"error":{{"code":"x"}},"a_id":"{value}","b_id":"y"}}' for value in ("v", "", " ", "v")],
    "numbers": [
        f'{{"error":{{"code":"x"}},"a_id":{value},"b_id":7}}' for value in (5, 1.5, "1.50", -5, "1e3", "1E400", 10**15, 2**70, "-0", 0, 5.0)
    ],
    "numbers in items": [
        f'{{"data":[{{"status":"failed","id":{value}}},{{"status":"failed","id":{value}}}]}}'
        for value in (5, 1.5, "1.50", 7, '"1.5"', '"a"')
    ],
    "text and number": [f'{{"error":{{"code":"x"}},"a_id":{value}}}' for value in ('"5"', 5, "true", "null", '"a"', "[]", "{}")],
    "the same member twice": [
        f'{{"error":{{"code":"x"}},"a_id":"{one}","a_id":"{two}"}}' for one, two in (("a", "b"), ("b", "a"), ("a", ""))
    ],
    "a member in two objects": [
        f'{{"error":{{"code":"x","id":"{one}"}},"id":"{two}"}}' for one, two in (("a", "b"), ("b", "a"), ("", "b"))
    ],
    "request ids": [
        f'{{"error":{{"code":"x","request_id":"{one}"}},"request_id":"{two}"}}'
        for one, two in (("a", "b"), ("c", "d"), ("", "e"), (" ", "f"))
    ],
    "request id of all cases": [
        f'{{"message":"m","requestId":"{one}","RequestId":"{two}","video_url":"{one}id"}}' for one, two in (("a", "b"), ("c", "d"))
    ],
    "links": [f'{{"error":{{"code":"x","message":"m","doc_url":"https://x/{name}"}},"url":"https://x/{name}"}}' for name in ("a", "b")],
    "a link to nowhere": [
        f'{{"error":"invalid_grant","error_description":"m","error_uri":"{name}"}}'
        for name in ("https://x/a", "javascript:b", "https://x/c")
    ],
    "results": [
        f'{{"data":{{"status":"completed","video_url":{value},"error":{{"code":1}}}}}}'
        for value in ('"https://x/a"', '"https://x/b"', '""', "null", "5", "0")
    ],
    "signs of failure in a link": [
        f'{{"code":100,"data":[{{"status":"completed","video_url":"{value}"}}]}}'
        for value in ("https://x/a", "https://x/failed", "https://x/error")
    ],
    "states beside ids": [
        f'{{"data":{{"status":"{state}","status_id":"failed","video_id":"{name}"}}}}' for state in ("failed", "running") for name in "ab"
    ],
    "states": [
        f'{{"data":{{"state":"{state}","{name}":"v1","video_id":"a"}}}}' for state in ("failed", "running") for name in ("x_id", "msg")
    ],
    "Lambda": [f'{{"errorMessage":"x","errorType":"E","requestId":"{name}"}}' for name in ("a", "b", f"key={_SECRET}")],
    "marks": [
        f'{{"error":{{"code":"x","v2_id":"{_TEXT_MARK}","v3_id":{_NUMBER_MARK}}},"a_id":"{name}","b_id":{number}}}'
        for name, number in (("a", 5), ("b", 6))
    ],
    "marks in a message": [f'{{"error":{{"code":"x","message":"No {_TEXT_MARK}"}},"a_id":"{name}"}}' for name in ("a", "b", _TEXT_MARK)],
    "marks as values": [
        f'{{"error":{{"code":"x"}},"b_id":"{two}","a_id":"{one}"}}' for one, two in ((_TEXT_MARK, "b"), ("a", "b"), ("b", _TEXT_MARK))
    ],
    "secrets": [
        f'{{"error":{{"code":"x","message":"m"}},"a_id":"{value}","request_id":"{value}"}}'
        for value in _TEXTS
        if not set(value) & set('"\\\n\ud800')
    ],
    "secrets by name": [
        f'{{"error":{{"code":"x","message":"m","details":{{"token_id":"{value}"}}}},"key_id":"{value}"}}' for value in ("a", "b", "")
    ],
    "text that looks like members": [
        json.dumps({"error": {"code": "x", "message": f'said "video_id":"{name}", twice', "details": {"a": f'{{"id":"{name}"}}'}}})
        for name in ("a", "b")
    ],
    "escaped names": [f'{{"error":{{"code":"x"}},"video\\u005fid":"{name}","a_id":"b"}}' for name in ("a", "b")],
    "broken": [
        f'{{"error":{{"code":"x","message":"m"}},"a_id":"{name}","b":{rest}'
        for name in ("a", "b")
        for rest in ("", "[", "nonsense}", "1}}", "'q'}")
    ],
    "arrays": [f'[{{"status":"failed","id":"{name}","error":{{"message":"m"}}}}]' for name in ("a", "b")],
    "twice encoded": [json.dumps(f'{{"error":{{"code":"x"}},"a_id":"{name}"}}') for name in ("a", "b")],
    "events": [
        f'{{"event_type":"avatar_video.fail","event_id":"{name}","event_data":{{"video_id":"{name}","msg":"m","url":"{name}"}}}}'
        for name in ("a", "b")
    ],
}


@pytest.mark.parametrize("name", _FAMILIES)
def test_family_is_judged_as_by_the_reference(bulk, name):
    """Bodies that differ in what may vary are judged as each by itself, in any order and for every provider and status."""
    bodies = _FAMILIES[name]
    wrong = [
        (provider, status, found)
        for provider in ("heygen", "heify")
        for status in (None, 200, 400, 404)
        for order in (bodies, bodies[::-1])
        if (found := _judged_otherwise(bulk, provider, status, [*order, *order]))
    ]
    assert wrong == []


_MARKUP = {
    "request id": "<Error><Code>AccessDenied</Code><Message>Denied</Message><RequestId>{}</RequestId><HostId>h/{}=</HostId></Error>",
    "declared": '<?xml version="1.0"?>\n<Error><Code>SlowDown</Code><RequestId>{}</RequestId></Error>',
    "request id twice": "<Error><Code>A</Code><RequestId>{}</RequestId><RequestId>b{}</RequestId></Error>",
    "request id as the message": "<Error><Code>A</Code><Message><RequestId>{}</RequestId></Message></Error>",
    "request id as the code": "<Error><Code><RequestId>{}</RequestId></Code></Error>",
    "request id as the root": "<RequestId>{}</RequestId>",
    "request id in a comment": "<Error><!-- <RequestId>{}</RequestId> --><Code>A</Code></Error>",
    "request id in CDATA": "<Error><Code>A</Code><Message><![CDATA[<RequestId>{}</RequestId>]]></Message></Error>",
    "request id with an attribute": '<Error><Code>A</Code><RequestId a="b">{}</RequestId></Error>',
    "request id in a page": "<html><title>502 Bad Gateway</title><RequestId>{}</RequestId></html>",
    "broken request id": "<Error><Code>A</Code><RequestId>{}</Code></Error>",
    "cut behind a request id": "<Error><Code>A</Code><RequestId>{}</",
    "no Error": "<Result><Status>failed</Status><RequestId>{}</RequestId></Result>",
    "exception": "<AccessDeniedException><Message>m</Message><RequestId>{}</RequestId></AccessDeniedException>",
    "other ids": "<Error><Code>A</Code><BucketName>{}</BucketName><UploadId>{}</UploadId><RequestID>{}</RequestID></Error>",
    "comment": "<html><!-- {} --><head><title>502 Bad Gateway</title></head><body>x</body></html>",
    "comment in front": "<!-- {} --><html><title>502 Bad Gateway</title></html>",
    "comment alone": "<!-- {} -->",
    "comment in a title": "<html><title>502 <!-- {} --> Bad Gateway</title></html>",
    "title in a comment": "<html><!-- <title>{}</title> --><title>503 Service Unavailable</title></html>",
    "comment that is open": "<html><!-- {} <title>502 Bad Gateway</title></html>",
    "comment that ends later": "<html><!-- {}</p> <title>502 Bad Gateway</title> --><title>504 Gateway Timeout</title></html>",
    "comment in a script": "<html><title>502 Bad Gateway</title><script>// <!-- {} -->\n</script>text</html>",
    "comment with an arrow": "<html><!-->{} --><title>502 Bad Gateway</title></html>",
    "comment in a comment": "<html><!-- <!-- {} --> --><title>502 Bad Gateway</title></html>",
    "comment in the text": "<html><body>Request <!-- {} --> blocked</body></html>",
    "text that varies": "<html><!-- {} --><body>Request {} blocked</body></html>",
    "long page": "<html><!-- {} --><title>502 Bad Gateway</title>" + "x" * 9000 + "<!-- {} --></html>",
}


@pytest.mark.parametrize("name", _MARKUP)
def test_markup_is_judged_as_by_the_reference(bulk, name):
    """Pages and XML that differ in comments and request ids only, wherever these stand, are judged as each by itself."""
    values = [
        "a",
        "b",
        "a--b",
        "x" * 199,
        "x" * 201,
        "",
        " ",
        "R/+=9",
        f"key={_SECRET}",
        "404",
        "title",
        "502 Bad Gateway",
        "a</title>",
        "-->",
        "<b>",
        "&lt;",
        _TEXT_MARK,
    ]
    pages = [_MARKUP[name].replace("{}", value) for value in values]
    wrong = [
        (provider, status, found)
        for provider in ("heygen", "heify")
        for status in (None, 200, 403, 502)
        if (found := _judged_otherwise(bulk, provider, status, [*pages, *pages[::-1]]))
    ]
    assert wrong == []


_PIECES = st.sampled_from(
    [
        *(
            "<html>",
            "</html>",
            "<title>",
            "</title>",
            "<!-- abc -->",
            "<!-- ",
            " -->",
            "<!-->",
            "-->",
            "<!-- a</",
            "502 Bad Gateway",
            "<Error>",
            "</Error>",
        ),
        *(
            "<Code>",
            "</Code>",
            "SlowDown",
            "<Message>",
            "</Message>",
            "<RequestId>",
            "</RequestId>",
            "<RequestId>r1</RequestId>",
            "<HostId>h</HostId>",
        ),
        *(
            "<RequestId r2</RequestId>",
            "<![CDATA[",
            "]]>",
            '<?xml version="1.0"?>',
            "<script>",
            "</script>",
            " ",
            "text",
            "<b>",
            "&amp;",
            "<!DOCTYPE html>",
        ),
    ]
)


@thorough(500)
@given(
    st.lists(_PIECES, min_size=1, max_size=14).map("".join), st.sampled_from([None, 200, 403, 502]), st.sampled_from(["heygen", "heify"])
)
@example("<html><!-- abc<title>502 Bad Gateway</title></html>", 502, "heify")
def test_any_markup_is_judged_as_by_the_reference(bulk, page, status, provider):
    """Any mixture of tags, comments and request ids, with other values in it, is judged as each by itself."""
    pages = [
        page,
        page.replace("abc", "def").replace("r1", "404").replace("r2", "x"),
        page.replace("abc", _TEXT_MARK).replace("r1", f"key={_SECRET}"),
    ]
    assert _judged_otherwise(bulk, provider, status, pages) == []


# The parts.


def test_bodies_that_differ_in_what_varies_have_one_skeleton():
    """Bodies that differ in ids, times, links and numbers only have one skeleton, and their values in order."""
    one = skeletons.split('{"video_id":"v1","created_at":1759743000,"url":"https://x/1","message":"m"}')
    two = skeletons.split('{"video_id":"v2","created_at":1759743001,"url":"https://x/2","message":"m"}')
    assert one[0] == two[0]
    assert (one[1], two[1]) == (["v1", "1759743000", "https://x/1"], ["v2", "1759743001", "https://x/2"])


_DECIDES = [
    *(
        "code",
        "error_code",
        "failure_code",
        "errorCode",
        "statusCode",
        "status",
        "state",
        "message",
        "Message",
        "msg",
        "error_message",
        "errorMessage",
    ),
    *(
        "error_description",
        "failure_message",
        "moderation_msg",
        "reason",
        "content",
        "text",
        "hint",
        "type",
        "errorType",
        "event_type",
        "error",
        "errors",
    ),
    *("detail", "details", "data", "param", "field", "doc_url", "error_uri"),
]


@pytest.mark.parametrize("name", _DECIDES)
def test_what_decides_does_not_vary(name):
    """Members that adapters and rules read stay in the body, whatever they hold: codes, messages, states, links to the vendor's pages."""
    assert [skeletons.split(body % name) for body in ('{"%s":"abc12345678"}', '{"%s": 4001, "x": [1, 2]}')] == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        '{"video_id":"a b c d e f"}',
        '{"video_id":"a\\nb"}',
        '{"video_id":""   }',
        "502 Bad Gateway, video_id: v1",
        '"video_id":"v1234"',
        "{}",
        "",
    ],
)
def test_what_is_no_plain_value_does_not_vary(body):
    """Values with spaces or escapes, empty ones, and what is no member stay in the body."""
    assert skeletons.split(body) is None


def test_marks_stand_for_values_of_their_kind():
    """A mark is text where the value is text and a number where it is one, each another; the rest stays as it is."""
    marked, marks = skeletons.mark('{"video_id": "v1", "duration": 1.5, "message": "m"}')
    assert json.loads(marked) == {"video_id": marks[0], "duration": int(marks[1]), "message": "m"}
    assert len(set(marks)) == 2


def _columns(**values):
    return [values.get(name.removeprefix("error_")) for name in COLUMNS]


def test_recipe_says_where_values_go():
    """A recipe names for each id and for the request id the value that it is, or the text that does not vary."""
    columns = _columns(message="m", resource='{"a_id": "M0", "b_id": "fixed"}', request_id="M1")
    assert skeletons.recipe(columns, ("M0", "M1")) == ((("a_id", 0), ("b_id", "fixed")), 1)
    assert skeletons.recipe(_columns(message="m"), ("M0", "M1")) == (None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"message": "No M0 here"},
        {"detail": "M0"},
        {"code": "M0"},
        {"param": "xM0"},
        {"resource": '{"a_id": "xM0"}'},
        {"request_id": "M0x"},
        {"message": "y" * 4001},
    ],
    ids=lambda values: next(iter(values)),
)
def test_mark_where_none_belongs_makes_a_skeleton_useless(values):
    """A skeleton is good for nothing if a mark shows up anywhere but as an id, or may have been cut off."""
    assert skeletons.recipe(_columns(**values), ("M0", "M1")) is None
