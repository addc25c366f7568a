"""What becomes of a call before anything is sent: URL, headers, body, keys; and what is wrong is said at once."""

from __future__ import annotations

import datetime as dt
import email
import json
import uuid
from email.policy import HTTP
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

import pytest

from heify_heygen_errors import RetryPolicy
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.client.call import Defaults, prepare
from heify_heygen_errors.client.vendors import HEIFY, HEYGEN, LIVEAVATAR, Vendor

KEY = "sk-canary-0123456789"
VENDORS = {facts.provider: facts for facts in (HEYGEN, HEIFY, LIVEAVATAR)}
POLICY = RetryPolicy(attempts=7)
DEFAULTS = Defaults(connect=3.0, read=4.0, deadline=5.0, policy=POLICY)


class Voice(StrEnum):
    ANNA = "anna & co"


def made(method, path, provider="heygen", base_url=None, key=KEY, **options):
    """A call that is ready to be sent."""
    vendor = Vendor.of(VENDORS[provider], base_url, key)
    return prepare(vendor, default_catalogs().space(provider), DEFAULTS, method, path, options)


def query_of(call):
    return parse_qsl(urlsplit(call.url).query, keep_blank_values=True)


def fields_of(call):
    """The parts of a multipart body: name, file name, content type and bytes of each."""
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + call.body, policy=HTTP)
    return [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part["content-type"], part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


# Where.


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/v3/users/me", "https://api.heygen.com/v3/users/me"),
        ("v3/users/me", "https://api.heygen.com/v3/users/me"),
        ("/", "https://api.heygen.com/"),
        ("/v3/videos/ä", "https://api.heygen.com/v3/videos/%C3%A4"),
        ("/v3/videos/a%2Fb", "https://api.heygen.com/v3/videos/a%2Fb"),
        ("/v3/videos/a%20b", "https://api.heygen.com/v3/videos/a%20b"),
        ("/v3/videos/100%", "https://api.heygen.com/v3/videos/100%25"),
        ("/v3/videos/a'(b)*c~d:e@f;g=h,i+j$k!", "https://api.heygen.com/v3/videos/a'(b)*c~d:e@f;g=h,i+j$k!"),
        ('/v3/videos/"<>[]^`|}', "https://api.heygen.com/v3/videos/%22%3C%3E%5B%5D%5E%60%7C%7D"),
        ("/v1/video_status.get?video_id=1", "https://api.heygen.com/v1/video_status.get?video_id=1"),
        ("/v3/x?url=https://e.com/a", "https://api.heygen.com/v3/x?url=https://e.com/a"),
        ("/v3/x?a=ä", "https://api.heygen.com/v3/x?a=%C3%A4"),
        ("/v3/.well-known/..x", "https://api.heygen.com/v3/.well-known/..x"),
        ("https://api.heygen.com/v3/users/me", "https://api.heygen.com/v3/users/me"),
        ("HTTPS://API.HEYGEN.COM:443/v3/users/me?a=1", "https://api.heygen.com/v3/users/me?a=1"),
        ("https://api.heygen.com", "https://api.heygen.com/"),
        ("https://upload.heygen.com/v1/asset", "https://upload.heygen.com/v1/asset"),
    ],
)
def test_a_path_becomes_a_url(path, url):
    """A path is put behind the base URL, with what a URL cannot have encoded and what is encoded left alone."""
    assert url == made("GET", path).url


@pytest.mark.parametrize(
    ("base_url", "path", "url"),
    [
        ("https://gateway.example/heygen", "/v3/x", "https://gateway.example/heygen/v3/x"),
        ("https://gateway.example/heygen/", "/v3/x", "https://gateway.example/heygen/v3/x"),
        ("https://gateway.example/heygen", "https://gateway.example/heygen/v3/x?a=1", "https://gateway.example/heygen/v3/x?a=1"),
        ("https://gateway.example/heygen", "https://gateway.example/heygen", "https://gateway.example/heygen/"),
        ("https://gateway.example:8443", "/v3/x", "https://gateway.example:8443/v3/x"),
        ("http://localhost:8080/heygen", "/v3/x", "http://localhost:8080/heygen/v3/x"),
        ("http://[::1]:8080", "/v3/x", "http://[::1]:8080/v3/x"),
        ("http://127.8.9.10", "/v3/x", "http://127.8.9.10/v3/x"),
    ],
)
def test_another_base_url(base_url, path, url):
    """A base URL of one's own keeps its path and port; the catalog sees the path without them."""
    call = made("GET", path, base_url=base_url)
    assert (url, "/v3/x" if "/v3/x" in url else "/") == (call.url, call.path)


@pytest.mark.parametrize(
    "path",
    [
        "https://example.com/v3/users/me",
        "http://api.heygen.com/v3/users/me",
        "https://api.heygen.com:8443/v3/users/me",
        "https://api.heygen.com.evil.example/v3/users/me",
        "https://api.heygen.com@evil.example/v3/users/me",
        "https://user:secret@api.heygen.com/v3/users/me",
        "https://upload.heygen.com:8443/v1/asset",
        "http://upload.heygen.com/v1/asset",
        "https://api.liveavatar.com/v1/sessions",
        "ftp://api.heygen.com/v3",
        "://api.heygen.com/v3",
        "//evil.example/v3/users/me",
        "/\\evil.example/v3",
        "https:\\\\api.heygen.com\\v3",
    ],
)
def test_a_key_goes_to_its_vendor_only(path):
    """An address of another host, scheme or port is refused before anything is sent."""
    with pytest.raises(ValueError, match=r"key goes to|names another host|backslash|another path"):
        made("GET", path)


def test_the_key_does_not_go_to_the_upload_host_of_a_vendor_that_is_stood_in_for():
    """With a base URL of one's own, the vendor's other hosts are as foreign as any."""
    with pytest.raises(ValueError, match=r"the API key goes to https://gateway\.example only"):
        made("GET", "https://upload.heygen.com/v1/asset", base_url="https://gateway.example")


def test_a_neighbour_behind_the_same_gateway_gets_no_key():
    """The path of a base URL counts as part of where the key may go."""
    for path in ("https://gateway.example/heygenx/v3", "https://gateway.example/other", "https://gateway.example/heygen/../other"):
        with pytest.raises(ValueError, match=r"key goes to|another path"):
            made("GET", path, base_url="https://gateway.example/heygen")


@pytest.mark.parametrize(
    "path",
    [
        "/v3/videos/..",
        "/v3/videos/../users",
        "/v3/./x",
        "..",
        "/v3/%2e%2e/x",
        "/v3/.%2E/x",
        "/v3/videos/..%2fusers",
        "/v3/a%2F%2Fb",
        "/v3/a%5c..%5Cb",
        "/v3/%2Fa",
    ],
)
def test_a_path_that_leads_to_another_is_refused(path):
    """Segments of dots and empty ones, also encoded, are refused: an id from somewhere must not change the endpoint."""
    with pytest.raises(ValueError, match="leads to another path"):
        made("GET", path)


@pytest.mark.parametrize("path", ["/v3/videos/", "/v3/videos//caption", "/v3/videos/#1", "/v3/videos/?x=1"])
def test_an_id_that_is_missing_is_told(path):
    """An empty segment is refused: DELETE of a video without its id would be a call of another endpoint."""
    with pytest.raises(ValueError, match=r"id"):
        made("DELETE", path)


@pytest.mark.parametrize("path", ["/v3/videos/abc\n", "/v3/videos/a b", "/v3/videos/\tx", "/v3/videos/a\x00", "/v3/a\\b"])
def test_white_space_in_a_path_is_told(path):
    """An id with a blank or a line break in it is refused, and the message says where that comes from."""
    with pytest.raises(ValueError, match="strip ids that come from files"):
        made("GET", path)


@pytest.mark.parametrize("path", ["", None, 7, b"/v3/x"])
def test_a_path_that_is_none_is_told(path):
    """A path is a text that is not empty."""
    with pytest.raises(ValueError, match="needs a path such as"):
        made("GET", path)


# The query.


def test_params_are_a_query():
    """Values go as text, truth as JSON has it, sequences repeat the name, None is left out."""
    params = {
        "a b": "ä/&=+?#",
        "many": [1, "x", None, True],
        "pair": (1.5, 10**20),
        "none": None,
        "no": False,
        "empty": "",
        "v": Voice.ANNA,
    }
    expected = [
        ("a b", "ä/&=+?#"),
        ("many", "1"),
        ("many", "x"),
        ("many", "true"),
        ("pair", "1.5"),
        ("pair", "100000000000000000000"),
        ("no", "false"),
        ("empty", ""),
        ("v", "anna & co"),
    ]
    assert expected == query_of(made("GET", "/v3/videos", params=params))


def test_params_go_behind_the_query_of_the_path():
    """A query in the path is kept as it is, and the params follow it."""
    assert made("GET", "/v3/x?a=1&a=%2F", params={"b": 2}).url == "https://api.heygen.com/v3/x?a=1&a=%2F&b=2"


@pytest.mark.parametrize("params", [None, {}, {"a": None}, {"a": []}, MappingProxyType({})])
def test_no_params_leave_no_question_mark(params):
    """Without a value there is no query."""
    assert made("GET", "/v3/x", params=params).url == "https://api.heygen.com/v3/x"


def test_dates_are_written_as_iso_8601_has_them():
    """A date as a parameter is sent as the vendors write dates."""
    assert query_of(made("GET", "/v3/x", params={"day": dt.date(2026, 11, 1)})) == [("day", "2026-11-01")]


@pytest.mark.parametrize("value", [b"x", {1}, {"b": 1}, iter([1]), object(), float("nan"), [b"x"], [[1]]])
def test_a_parameter_that_has_no_text_is_told(value):
    """What would be sent as Python's own notation is refused, and the message names the parameter."""
    with pytest.raises((TypeError, ValueError), match="odd_one"):
        made("GET", "/v3/x", params={"odd_one": value})


@pytest.mark.parametrize("params", [[("a", 1)], "a=1", 5])
def test_params_that_are_no_mapping_are_told(params):
    """Params are a mapping, and the message says so."""
    with pytest.raises(TypeError, match="params"):
        made("GET", "/v3/x", params=params)


# Headers.


def test_headers_of_every_call():
    """A call says who sends it, what it takes, and nothing of Python or the machine; the key is kept apart."""
    call = made("GET", "/v3/users/me")
    assert {"User-Agent", "Accept"} == set(call.headers)
    assert call.headers["Accept"] == "application/json"
    assert call.headers["User-Agent"].startswith("heify-heygen-errors/")
    assert call.key.reveal() == KEY


def test_headers_of_the_user_win():
    """Headers of the call replace the client's, whatever their case, and blanks around a value are dropped."""
    headers = made(
        "POST", "/v3/x", json={}, headers={"ACCEPT": "text/plain", "content-type": " application/vnd.x+json\n", "X-A": "1"}
    ).headers
    assert {"ACCEPT": "text/plain", "content-type": "application/vnd.x+json", "X-A": "1"}.items() <= headers.items()
    assert sum(name.lower() == "accept" for name in headers) == 1
    assert sum(name.lower() == "content-type" for name in headers) == 1


@pytest.mark.parametrize("name", ["Authorization", "authorization", "X-API-KEY", "x-api-key"])
def test_a_credential_of_the_call_takes_the_place_of_the_key(name):
    """With a credential of its own a call does not carry the client's key, and both are kept out of texts."""
    call = made("GET", "/v3/users/me", headers={name: "Bearer of-somebody-else"})
    assert call.key is None
    assert {"Bearer of-somebody-else", "of-somebody-else"} == set(call.secrets)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"X A": "1"}, ValueError),
        ({"": "1"}, ValueError),
        ({"X-Ä": "1"}, ValueError),
        ({"X-A:": "1"}, ValueError),
        ({5: "1"}, ValueError),
        ({"X-A": 1}, TypeError),
        ({"X-A": None}, TypeError),
        ({"X-A": b"1"}, TypeError),
        ({"X-A": "one\r\nX-B: two"}, ValueError),
        ({"X-A": "a\x00b"}, ValueError),
        ({"X-A": "€"}, ValueError),
        ([("X-A", "1")], TypeError),
        ("X-A: 1", TypeError),
    ],
)
def test_headers_that_cannot_be_sent_are_told(headers, kind):
    """A header that HTTP does not have is refused before anything is sent."""
    with pytest.raises(kind, match=r"header"):
        made("GET", "/v3/x", headers=headers)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Host", "Connection", "TE", "Upgrade", "Expect"])
def test_headers_of_the_connection_are_not_the_users(name):
    """Headers that say how a request is framed and where it goes are set by the client alone."""
    with pytest.raises(ValueError, match=name):
        made("POST", "/v3/x", json={}, headers={name: "1"})


def test_a_wrong_header_is_told_without_its_value():
    """The value of a header that cannot be sent may be a credential, so no message has it."""
    for value in (f"{KEY}\nx", f"{KEY}€"):
        with pytest.raises(ValueError, match="Authorization") as raised:
            made("GET", "/v3/x", headers={"Authorization": value})
        assert KEY not in str(raised.value)


# Bodies.


@pytest.mark.parametrize("value", [{}, [], [None], 0, False, "", "ä", {"a": [1, None, {"b": "ü\ud800"}]}, 10**30])
def test_json_is_json(value):
    """Anything that is JSON is sent as such; false, zero and empty values are bodies, too."""
    call = made("POST", "/v3/x", json=value)
    assert (value, "application/json") == (json.loads(call.body), call.headers["Content-Type"])


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        (bytearray(b"ab"), b"ab", "application/octet-stream"),
        (memoryview(b"ab"), b"ab", "application/octet-stream"),
        (b"", b"", "application/octet-stream"),
        ("zwölf", "zwölf".encode(), "text/plain; charset=utf-8"),
        ({"a b": "ä&=", "n": 1, "no": None, "t": True}, b"a+b=%C3%A4%26%3D&n=1&t=true", "application/x-www-form-urlencoded"),
    ],
)
def test_data_goes_as_it_is_or_as_a_form(data, body, content_type):
    """Bytes and text are sent as they are, a mapping as a form, each under the content type that says so."""
    call = made("POST", "/v3/x", data=data)
    assert (body, content_type) == (call.body, call.headers["Content-Type"])


def test_files_go_as_a_multipart_form():
    """Files and fields are parts with name, file name, content type and bytes as given."""
    files = {"a": b"\x00\r\n--x", "b": ("b.txt", b"two"), "c": ("ä.png", b"three", "image/png")}
    call = made("POST", "/v3/x", files=files, data={"title": "ü", "draft": True, "folder": None})
    assert [
        ("title", None, None, "ü".encode()),
        ("draft", None, None, b"true"),
        ("a", "a", "application/octet-stream", b"\x00\r\n--x"),
        ("b", "b.txt", "text/plain", b"two"),
        ("c", "ä.png", "image/png", b"three"),
    ] == fields_of(call)


@pytest.mark.parametrize("provider", ["heygen", "liveavatar"])
@pytest.mark.parametrize("options", [{}, {"json": None}, {"data": None, "files": None}])
def test_no_body_is_none(provider, options):
    """Without a body none is sent, not even an empty one; None stands for none."""
    call = made("POST", "/v3/x", provider, **options)
    assert (call.body, call.headers.get("Content-Type")) == (None, None)


@pytest.mark.parametrize(("method", "body"), [("POST", b"{}"), ("GET", None), ("DELETE", None)])
def test_heify_wants_an_object_with_every_post(method, body):
    """Heify refuses a POST without a body, so an empty object goes along where none was given."""
    assert body == made(method, "/list-transcriptions", "heify").body


def test_a_body_for_heify_is_left_alone():
    """What is given to Heify is sent as it is, empty bodies included."""
    assert [made("POST", "/details", "heify", **body).body for body in ({"json": []}, {"data": b""})] == [b"[]", b""]


@pytest.mark.parametrize(
    "options",
    [
        {"json": {}, "data": b""},
        {"json": {}, "files": {"f": b"x"}},
        {"data": b"x", "files": {"f": b"x"}},
        {"data": "x", "files": {"f": b"x"}},
        {"files": b"x"},
        {"files": [("f", b"x")]},
        {"files": {"f": "text"}},
        {"files": {"f": ("a.png", "text")}},
        {"files": {"f": ("a.png", b"x", "image/png", {})}},
        {"files": {"f": Path("a.png")}},
        {"data": 5},
        {"data": [1]},
        {"data": iter([b"x"])},
        {"json": {1, 2}},
        {"json": b"x"},
    ],
)
def test_bodies_that_cannot_be_meant_are_told(options):
    """Two bodies, files that are not in memory and what is no JSON are refused."""
    with pytest.raises(TypeError):
        made("POST", "/v3/x", **options)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_numbers_that_json_does_not_have_are_told(value):
    """NaN and infinity are refused, since the vendors could not read the body."""
    with pytest.raises(ValueError, match="JSON"):
        made("POST", "/v3/x", json=value)


def test_what_was_given_is_not_changed():
    """Nothing that the user gives is changed, and what the user changes later is not sent."""
    body, headers, params = {"video": {"type": "url"}}, {"x-a": " 1 "}, {"a": [1]}
    call = made("POST", "/v3/background-removals", json=body, headers=headers, params=params)
    before = (call.body, dict(call.headers), call.url)
    assert (body, headers, params) == ({"video": {"type": "url"}}, {"x-a": " 1 "}, {"a": [1]})
    body["video"]["type"], headers["x-a"], params["a"] = "asset", "2", [2]
    assert before == (call.body, dict(call.headers), call.url)


# Idempotency keys.


@pytest.mark.parametrize(
    ("method", "path", "provider", "gets_one"),
    [
        ("POST", "/v3/videos", "heygen", True),
        ("POST", "/v3/assets", "heygen", True),
        ("POST", "/v3/templates/t", "heygen", True),
        ("POST", "/v3/of-next-year", "heygen", True),
        ("GET", "/v3/videos", "heygen", False),
        ("DELETE", "/v3/videos/v", "heygen", False),
        ("PATCH", "/v3/lipsyncs/l", "heygen", False),
        ("POST", "/v3/video-agents/s/stop", "heygen", False),
        ("POST", "/v2/video/generate", "heygen", False),
        ("POST", "/v1/streaming.new", "heygen", False),
        ("POST", "/v2/of-next-year", "heygen", False),
        ("POST", "/submit", "heify", False),
        ("POST", "/v1/sessions/token", "liveavatar", False),
    ],
)
def test_what_spends_and_honours_a_key_gets_one(method, path, provider, gets_one):
    """A call gets an idempotency key of its own where it may spend and the endpoint is known or likely to honour one."""
    call = made(method, path, provider)
    assert gets_one == (call.idempotency_key is not None)
    assert call.idempotency_key == call.headers.get("Idempotency-Key")
    assert not call.key_ignored


def test_keys_made_for_calls_differ():
    """Two calls never share a key that nobody gave."""
    keys = {made("POST", "/v3/videos", json={}).idempotency_key for _ in range(100)}
    assert len(keys) == 100
    assert {4} == {uuid.UUID(key).version for key in keys}


@pytest.mark.parametrize("options", [{"idempotency_key": "order-7"}, {"headers": {"IDEMPOTENCY-KEY": "order-7"}}])
def test_a_key_of_the_users_is_sent(options):
    """A key that is given, as an option or as a header, is the one that is sent."""
    call = made("POST", "/v3/videos", json={}, **options)
    assert (call.idempotency_key, call.headers["Idempotency-Key"]) == ("order-7", "order-7")
    assert sum(name.lower() == "idempotency-key" for name in call.headers) == 1


def test_two_keys_are_one_too_many():
    """Two different keys for a call are refused, since only one of them could be told."""
    with pytest.raises(ValueError, match="idempotency"):
        made("POST", "/v3/videos", json={}, idempotency_key="a", headers={"Idempotency-Key": "b"})


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "a/b", "x" * 256, 7, b"a", "a\n"])
def test_keys_that_heygen_does_not_take_are_told(key):
    """A key that HeyGen would refuse is refused before anything is sent."""
    with pytest.raises((ValueError, TypeError), match=r"an idempotency key (has 1 to 255|is a text or a UUID)"):
        made("POST", "/v3/videos", json={}, idempotency_key=key)


@pytest.mark.parametrize("key", ["a", "A-z_0:9.", "x" * 255])
def test_keys_that_heygen_takes(key):
    """All that HeyGen's documentation allows is allowed."""
    assert key == made("POST", "/v3/videos", json={}, idempotency_key=key).idempotency_key


REMOVAL = {"video": {"type": "url", "url": "https://example.com/a.mp4"}}


def test_background_removal_takes_its_key_in_the_body():
    """The key of a background removal is the body's request_id: made, given, or there already."""
    path = "/v3/background-removals"
    for options, expected in (({}, None), ({"idempotency_key": "k"}, "k"), ({"json": {**REMOVAL, "request_id": "mine"}}, "mine")):
        call = made("POST", path, **{"json": REMOVAL, **options})
        told = json.loads(call.body)["request_id"]
        assert told == call.idempotency_key == (expected or told)
        assert "Idempotency-Key" not in call.headers


def test_background_removal_with_two_keys():
    """A key beside another request_id in the body is refused; the same twice is fine."""
    body = {**REMOVAL, "request_id": "a"}
    assert made("POST", "/v3/background-removals", json=body, idempotency_key="a").idempotency_key == "a"
    with pytest.raises(ValueError, match="request_id"):
        made("POST", "/v3/background-removals", json=body, idempotency_key="b")


@pytest.mark.parametrize("options", [{"data": b"{}"}, {"json": [1]}, {}])
def test_a_key_that_has_no_place_is_not_dropped_in_silence(options):
    """A key for an endpoint that wants it in an object is refused or told as ignored where there is no object."""
    try:
        call = made("POST", "/v3/background-removals", idempotency_key="k", **options)
    except (TypeError, ValueError) as problem:
        assert "request_id" in str(problem)  # noqa: PT017 - either is good
        return
    assert call.key_ignored


@pytest.mark.parametrize(
    ("method", "path", "provider", "ignored"),
    [
        ("POST", "/v3/videos", "heygen", False),
        ("GET", "/v3/videos", "heygen", False),
        ("DELETE", "/v3/videos/v", "heygen", False),
        ("POST", "/v3/video-agents/s/stop", "heygen", False),
        ("POST", "/v2/video/generate", "heygen", True),
        ("POST", "/v1/streaming.new", "heygen", True),
        ("POST", "/v3/of-next-year", "heygen", True),
        ("POST", "/submit", "heify", True),
        ("POST", "/details", "heify", False),
    ],
)
def test_a_key_that_the_endpoint_ignores_is_told(method, path, provider, ignored):
    """A key is sent wherever one is given, and the user is told where nothing can rely on it."""
    call = made(method, path, provider, idempotency_key="k")
    assert (ignored, "k", "k") == (call.key_ignored, call.idempotency_key, call.headers["Idempotency-Key"])


# Methods and options.


@pytest.mark.parametrize("method", ["get", "Post", "DELETE", "head", "OPTIONS"])
def test_methods_are_taken_in_any_case(method):
    """A method is sent in upper case."""
    assert method.upper() == made(method, "/v3/x").method


@pytest.mark.parametrize("method", ["", "FETCH", "GET ", "GET\n", "CONNECT", "TRACE"])
def test_methods_that_there_are_not_are_told(method):
    """A method that the vendors do not have is refused, and the message lists those that they have."""
    with pytest.raises(ValueError, match="DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"):
        made(method, "/v3/x")


@pytest.mark.parametrize("method", [None, 5, b"GET"])
def test_a_method_is_a_text(method):
    """A method that is no text is told as such."""
    with pytest.raises((TypeError, ValueError), match="method"):
        made(method, "/v3/x")


@pytest.mark.parametrize("name", ["jsn", "body", "query", "allow_redirects", "stream", "verify", "auth"])
def test_options_that_there_are_not_are_told(name):
    """An option that no call has is refused, and the message lists those that there are."""
    with pytest.raises(TypeError, match=f"data, deadline, files, headers, idempotency_key, json, params, retry, timeout, not '{name}'"):
        made("GET", "/v3/x", **{name: None})


@pytest.mark.parametrize(("given", "expected"), [(2, (2.0, 2.0)), (0.5, (0.5, 0.5)), ((1, 30), (1.0, 30.0))])
def test_timeouts(given, expected):
    """One number is for connecting and reading, two are one for each."""
    call = made("GET", "/v3/x", timeout=given)
    assert expected == (call.connect, call.read)


@pytest.mark.parametrize("given", [0, -1, "5", True, float("nan"), float("inf"), (), (1,), (1, 2, 3), (1, 0), (1, None), [1, 2]])
def test_timeouts_that_are_none_are_told(given):
    """A time-out is a number of seconds above 0; to wait for ever is not possible."""
    with pytest.raises(ValueError, match="a timeout is a number of seconds above 0"):
        made("GET", "/v3/x", timeout=given)


@pytest.mark.parametrize("given", [0.1, 5, None, 1e9])
def test_deadlines(given):
    """A deadline is a number of seconds, or None for none."""
    assert given == made("GET", "/v3/x", deadline=given).deadline


@pytest.mark.parametrize("given", [0, -1, "5", True, float("nan"), float("inf")])
def test_deadlines_that_are_none_are_told(given):
    """A deadline that has passed before the call, or is no number, is refused."""
    with pytest.raises(ValueError, match="a deadline is a number of seconds above 0, or None"):
        made("GET", "/v3/x", deadline=given)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, POLICY),
        ({"retry": True}, POLICY),
        ({"retry": False}, RetryPolicy.never()),
        ({"retry": RetryPolicy(attempts=2)}, RetryPolicy(attempts=2)),
    ],
)
def test_policies(options, expected):
    """A call goes by its own policy, by none, or by the client's."""
    assert expected == made("GET", "/v3/x", **options).policy


@pytest.mark.parametrize("given", [3, 0, "yes", RetryPolicy])
def test_policies_that_are_none_are_told(given):
    """A number of retries is no policy, and the message says what is one."""
    with pytest.raises(TypeError, match="retry is a RetryPolicy, True or False"):
        made("GET", "/v3/x", retry=given)


def test_without_options_the_clients_hold():
    """What a call does not say, the client says."""
    call = made("GET", "/v3/x")
    assert (call.connect, call.read, call.deadline, call.policy) == (3.0, 4.0, 5.0, POLICY)


# Secrets.


def test_a_call_shows_no_secret():
    """Neither the repr of a call nor that of its parts has a key, header, body or query in it."""
    call = made("POST", f"/v3/x?token={KEY}", json={"password": KEY}, headers={"Cookie": f"session={KEY}", "X-Signature": KEY})
    assert KEY not in repr(call)
    assert KEY not in repr(call.key)
    assert f"session={KEY}" in call.secrets
