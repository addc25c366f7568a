"""Responses and exceptions of every HTTP library become observations, without importing the library or reading a network."""

from __future__ import annotations

import asyncio
import http
import http.client
import io
import urllib.error
import urllib.request
from email.message import Message
from types import SimpleNamespace

import aiohttp
import httpx
import httpx2
import multidict
import pytest
import requests
import urllib3
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from heify_heygen_errors import ApiError, Category, Channel, Normalizer, Observation, explain, normalize, normalize_all, raise_for_error
from heify_heygen_errors.observation import UNREAD, from_response, looks_like_response

steady = settings(deadline=None, derandomize=True)

URL = "https://api.heygen.com/v3/videos"
KEY = "hg-live-0123456789abcdef"
BODY = b'{"error":{"code":"rate_limit_exceeded","message":"Too many requests"}}'
SENT = {"X-Api-Key": KEY, "Accept": "application/json"}
GOT = {"Retry-After": "30", "X-Request-Id": "req-1", "Content-Type": "application/json"}
PROVIDERS = ("heygen", "liveavatar", "heify")


class NetworkWasReadError(AssertionError):
    """Something was read that is not in memory."""


class Wire(io.BytesIO):
    """A stream that must not be read: it stands for a network."""

    def read(self, *_: object, **__: object) -> bytes:
        raise NetworkWasReadError

    readinto = read1 = readline = readlines = stream = __iter__ = __next__ = read


# Responses of the libraries, with their body in memory


def a_requests_response(body=BODY, status=429, headers=None):
    """What requests gives, built by hand."""
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(GOT if headers is None else headers)
    response.url = URL
    response._content = body
    response.raw = Wire()
    response.request = requests.Request("POST", URL, headers=SENT, json={}).prepare()
    return response


def an_httpx_response(body=BODY, status=429, library=httpx):
    """What httpx and httpx2 give."""
    return library.Response(status, headers=GOT, content=body, request=library.Request("POST", URL, headers=SENT))


def an_httpx2_response(body=BODY, status=429):
    """What httpx2 gives."""
    return an_httpx_response(body, status, httpx2)


def a_urllib3_response(body=BODY, status=429):
    """What urllib3 gives, read at once."""
    return urllib3.HTTPResponse(io.BytesIO(body), GOT, status, preload_content=True, request_method="POST", request_url=URL)


def an_aiohttp_request_info():
    """The request as aiohttp keeps it."""
    headers = multidict.CIMultiDictProxy(multidict.CIMultiDict(SENT))
    return aiohttp.RequestInfo(yarl.URL(URL), "POST", headers, yarl.URL(URL))


def an_aiohttp_response(body=BODY, status=429):
    """What aiohttp gives after read(); a stand-in with its attributes, since the real one needs a running loop."""
    return SimpleNamespace(
        status=status,
        reason="Too Many Requests",
        headers=multidict.CIMultiDictProxy(multidict.CIMultiDict(GOT)),
        _body=body,
        url=yarl.URL(URL),
        method="POST",
        request_info=an_aiohttp_request_info(),
        content=Wire(),
    )


class LookAlike:
    """A response of a library that nobody knows."""

    def __init__(self, body=BODY, status=429, name="content"):
        self.status_code = status
        self.headers = dict(GOT)
        self.url = URL
        self.method = "POST"
        self.request = SimpleNamespace(headers=SENT, method="POST", url=URL)
        setattr(self, name, body)


RESPONSES = {
    "requests": a_requests_response,
    "httpx": an_httpx_response,
    "httpx2": an_httpx2_response,
    "urllib3": a_urllib3_response,
    "aiohttp": an_aiohttp_response,
    "look-alike with content": LookAlike,
    "look-alike with body": lambda body=BODY, status=429: LookAlike(body, status, "body"),
    "look-alike with data": lambda body=BODY, status=429: LookAlike(body, status, "data"),
    "look-alike with text": lambda body=BODY, status=429: LookAlike(body.decode(), status, "text"),
}


@pytest.mark.parametrize("build", RESPONSES.values(), ids=RESPONSES)
def test_responses_of_all_libraries_mean_the_same(build):
    """The same answer gives the same info, whichever library received it."""
    expected = normalize(Observation("heygen", 429, GOT, BODY, "POST", URL))
    assert normalize(build()) == expected
    assert (expected.category, expected.retry.after, expected.request_id) == (Category.RATE_LIMIT, 30.0, "req-1")


@pytest.mark.parametrize("build", RESPONSES.values(), ids=RESPONSES)
def test_request_is_seen(build):
    """Method and URL come from the response or its request; the body needs no note."""
    seen = from_response(build(), None)
    assert (seen.status, seen.url, seen.note) == (429, URL, None)
    assert seen.method == (None if build is a_urllib3_response else "POST")


@pytest.mark.parametrize("build", RESPONSES.values(), ids=RESPONSES)
def test_success_is_none(build):
    """A successful answer of any library is no error."""
    body = b'{"error":null,"data":{"video_id":"v1"}}'
    assert normalize(build(body, 200)) is None
    assert normalize_all(build(body, 200)) == []
    assert raise_for_error(build(body, 200)) is None


@pytest.mark.parametrize("build", RESPONSES.values(), ids=RESPONSES)
def test_empty_body_in_memory_is_no_unread_one(build):
    """An answer whose body is in memory and empty is normalized by its status, and nothing is said of an unread body."""
    response = build(b"", 404)
    assert from_response(response, "heygen").note is None
    assert normalize(response).category is Category.NOT_FOUND
    assert UNREAD not in str(explain(response))


@pytest.mark.parametrize("name", ["requests", "httpx", "httpx2", "aiohttp", "look-alike with content"])
def test_sent_credentials_are_redacted(name):
    """A key that was sent with the request is redacted wherever the answer quotes it, in whatever case its header was sent."""
    quoted = f'{{"error":{{"code":"unauthorized","message":"no {KEY} here"}}}}'.encode()
    info = normalize(RESPONSES[name](quoted, 401))
    assert (info.message, KEY in repr(info), KEY in (info.body or "")) == ("no [redacted] here", False, False)


def test_sent_tokens_are_redacted_without_their_scheme():
    """Of an Authorization header the token alone is redacted, too."""
    response = a_requests_response(b'{"message":"hg-oauth-0123456789 was refused"}', 401)
    response.request.headers["Authorization"] = "Bearer hg-oauth-0123456789"
    assert normalize(response).message == "[redacted] was refused"


@pytest.mark.parametrize("build", RESPONSES.values(), ids=RESPONSES)
def test_response_is_not_changed(build):
    """Normalizing a response changes none of its attributes."""
    response = build()
    before = {name: str(value) for name, value in vars(response).items()}
    normalize(response, "heygen")
    assert {name: str(value) for name, value in vars(response).items()} == before


# Bodies that were not read yet


def an_unread_requests_response():
    """What requests gives with stream=True."""
    return a_requests_response(body=False)


class Streaming(httpx.SyncByteStream, httpx2.SyncByteStream):
    """A body that is still on the wire, for httpx and httpx2."""

    def __iter__(self):
        raise NetworkWasReadError


def an_unread_httpx_response():
    """What httpx gives within stream()."""
    return httpx.Response(429, headers=GOT, stream=Streaming(), request=httpx.Request("POST", URL))


def an_unread_httpx2_response():
    """What httpx2 gives within stream()."""
    return httpx2.Response(429, headers=GOT, stream=Streaming(), request=httpx2.Request("POST", URL))


def an_unread_urllib3_response():
    """What urllib3 gives with preload_content=False."""
    return urllib3.HTTPResponse(Wire(), GOT, 429, preload_content=False, request_method="POST", request_url=URL)


def an_unread_aiohttp_response():
    """What aiohttp gives before read()."""
    return an_aiohttp_response(None)


class Socket:
    """A socket that holds the head of an answer."""

    def makefile(self, *_):
        """The head, and a body that can be told when it was read."""
        head = "".join(f"{name}: {value}\r\n" for name, value in GOT.items())
        return io.BytesIO(f"HTTP/1.1 429 Too Many Requests\r\n{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)


def an_http_client_response():
    """The response of the standard library, whose body is on the wire until it is read."""
    response = http.client.HTTPResponse(Socket())
    response.begin()
    return response


class LazyLookAlike:
    """A response of an unknown library that reads its body when an attribute is asked for."""

    status_code = 429
    headers = GOT
    url = URL

    def iter_content(self):
        """What libraries call a body on the wire."""
        raise NetworkWasReadError

    @property
    def content(self):
        """The body, read now."""
        raise NetworkWasReadError

    text = data = body = content


UNREAD_RESPONSES = {
    "requests": an_unread_requests_response,
    "httpx": an_unread_httpx_response,
    "httpx2": an_unread_httpx2_response,
    "urllib3": an_unread_urllib3_response,
    "aiohttp": an_unread_aiohttp_response,
    "http.client": an_http_client_response,
    "look-alike": LazyLookAlike,
}


@pytest.mark.parametrize("build", UNREAD_RESPONSES.values(), ids=UNREAD_RESPONSES)
def test_unread_body_counts_as_absent(build):
    """A body that is not in memory is not read: status and headers decide."""
    info = normalize(build(), "heygen")
    assert (info.category, info.rule, info.message, info.body) == (Category.RATE_LIMIT, "heygen/status:429", None, None)
    assert (info.retry.after, info.request_id) == (30.0, "req-1")


@pytest.mark.parametrize("build", UNREAD_RESPONSES.values(), ids=UNREAD_RESPONSES)
def test_explain_says_that_the_body_was_not_read(build):
    """An explanation tells that the body was not read."""
    assert UNREAD in str(explain(build(), "heygen"))


def test_unread_body_of_the_standard_library_stays_readable():
    """After normalizing, the caller can still read the whole body."""
    response = an_http_client_response()
    normalize(response, "heygen")
    assert response.read() == BODY


def test_body_counts_once_it_was_read():
    """As soon as the user has read the body, it counts."""
    response = httpx.Response(429, headers=GOT, stream=httpx.ByteStream(BODY), request=httpx.Request("POST", URL))
    before = normalize(response).code
    response.read()
    assert (before, normalize(response).code) == (None, "rate_limit_exceeded")


# Real answers over a socket


def serve(httpserver):
    """The path of an endpoint that is always too busy."""
    httpserver.expect_request("/v3/videos").respond_with_data(BODY, 429, GOT)
    return httpserver.url_for("/v3/videos")


def test_real_answer_of_requests(httpserver):
    """A response that requests really received is normalized with its body, or without while it streams."""
    url = serve(httpserver)
    with requests.Session() as session:
        session.trust_env = False
        assert normalize(session.post(url, timeout=5), "heygen").code == "rate_limit_exceeded"
        with session.post(url, timeout=5, stream=True) as response:
            assert normalize(response, "heygen").code is None
            assert response.content == BODY
            assert normalize(response, "heygen").code == "rate_limit_exceeded"


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_real_answer_of_httpx(httpserver, library):
    """A response that httpx or httpx2 really received is normalized with its body, or without while it streams."""
    url = serve(httpserver)
    with library.Client(trust_env=False) as client:
        assert normalize(client.post(url), "heygen").code == "rate_limit_exceeded"
        with client.stream("POST", url) as response:
            assert normalize(response, "heygen").code is None
            assert response.read() == BODY
            assert normalize(response, "heygen").code == "rate_limit_exceeded"


def test_real_answer_of_urllib3(httpserver):
    """A response that urllib3 really received is normalized with its body if that was preloaded."""
    url = serve(httpserver)
    with urllib3.PoolManager() as pool:
        assert normalize(pool.request("POST", url, retries=False), "heygen").code == "rate_limit_exceeded"
        response = pool.request("POST", url, retries=False, preload_content=False)
        assert normalize(response, "heygen").code is None
        assert response.read() == BODY


def test_real_answer_of_aiohttp(httpserver):
    """A response that aiohttp really received is normalized with its body once that was read."""
    url = serve(httpserver)

    async def ask():
        async with aiohttp.ClientSession() as session, session.post(url, headers=SENT) as response:
            before = normalize(response, "heygen")
            await response.read()
            return before, normalize(response, "heygen"), from_response(response, "heygen")

    before, after, seen = asyncio.run(ask())
    assert (before.code, before.status, after.code, after.request_id) == (None, 429, "rate_limit_exceeded", "req-1")
    assert (seen.method, seen.url, KEY in seen.secrets) == ("POST", url, True)


def test_real_error_of_aiohttp(httpserver):
    """aiohttp.ClientResponseError is an answer without its body."""
    url = serve(httpserver)

    async def ask():
        async with aiohttp.ClientSession(raise_for_status=True) as session, session.post(url):
            return

    with pytest.raises(aiohttp.ClientResponseError) as caught:
        asyncio.run(ask())
    info = normalize(caught.value, "heygen")
    assert (info.status, info.category, info.retry.after, info.channel) == (429, Category.RATE_LIMIT, 30.0, Channel.RESPONSE)


def test_real_error_of_urllib(httpserver):
    """urllib.error.HTTPError is an answer whose body is left for the caller."""
    url = serve(httpserver)
    request = urllib.request.Request(url, data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
    with caught.value as error:
        info = normalize(error, "heygen")
        assert error.read() == BODY
    assert (info.status, info.category, info.code, info.retry.after) == (429, Category.RATE_LIMIT, None, 30.0)


# Exceptions that carry an answer


def raised_from(inner, outer):
    """The outer exception, raised from the inner one."""
    outer.__cause__ = inner
    return outer


def a_group(inner):
    """An ExceptionGroup that holds the exception."""
    return ExceptionGroup("tasks failed", [inner])


ANSWERS = {
    "requests.HTTPError": lambda: requests.HTTPError("429 Client Error", response=a_requests_response()),
    "httpx.HTTPStatusError": lambda: httpx.HTTPStatusError("429", request=httpx.Request("POST", URL), response=an_httpx_response()),
    "httpx2.HTTPStatusError": lambda: httpx2.HTTPStatusError("429", request=httpx2.Request("POST", URL), response=an_httpx2_response()),
}


@pytest.mark.parametrize("build", ANSWERS.values(), ids=ANSWERS)
def test_exception_is_its_response(build):
    """An exception that carries a response is normalized as that response."""
    expected = normalize(Observation("heygen", 429, GOT, BODY, "POST", URL))
    assert normalize(build()) == expected


@pytest.mark.parametrize("build", ANSWERS.values(), ids=ANSWERS)
def test_causes_are_followed(build):
    """A response that hangs on a cause counts, however deep, also in a group."""
    expected = normalize(build())
    assert normalize(raised_from(build(), RuntimeError("job failed"))) == expected
    assert normalize(raised_from(raised_from(build(), ValueError("inner")), RuntimeError("outer"))) == expected
    assert normalize(a_group(build())) == expected


def a_client_response_error():
    """The error of aiohttp's raise_for_status."""
    return aiohttp.ClientResponseError(an_aiohttp_request_info(), (), status=429, message="Too Many Requests", headers=GOT)


def a_urllib_error(body=None):
    """The error of urllib; an open file stands for the wire."""
    headers = Message()
    for name, value in GOT.items():
        headers[name] = value
    return urllib.error.HTTPError(URL, 429, "Too Many Requests", headers, body)


@pytest.mark.parametrize("build", [a_client_response_error, lambda: a_urllib_error(Wire())], ids=["aiohttp", "urllib"])
def test_exceptions_that_are_answers(build):
    """ClientResponseError and HTTPError are answers themselves: status, headers and URL count, the body is not read."""
    error = build()
    info = normalize(error)
    assert (info.provider, info.status, info.category, info.request_id) == ("heygen", 429, Category.RATE_LIMIT, "req-1")
    assert (info.retry.after, info.channel, info.body) == (30.0, Channel.RESPONSE, None)
    assert UNREAD in str(explain(error))
    with pytest.raises(ApiError):
        raise_for_error(error)


def test_error_of_urllib_without_a_body():
    """An HTTPError that was built without a body is normalized by its status."""
    assert normalize(a_urllib_error()).category is Category.RATE_LIMIT


def test_unparsable_answer_is_no_status():
    """The status that aiohttp gives to bytes that it could not parse as HTTP is none of the vendor's: the outcome is unknown."""
    error = raised_from(aiohttp.http_exceptions.BadStatusLine("xyz"), a_client_response_error())
    info = normalize(error, "heygen")
    assert (info.channel, info.status, info.may_repeat("POST")) == (Channel.TRANSPORT, None, False)


def test_error_of_a_list_names_its_items():
    """Every failed item of a list in a carried response is given."""
    body = b'{"data":[{"status":"failed","failure_message":"a"},{"status":"completed","video_url":"u"},{"status":"failed"}]}'
    error = requests.HTTPError(response=a_requests_response(body, 200))
    assert [info.message for info in normalize_all(error)] == ["a", None]


@pytest.mark.parametrize(
    "exc",
    [ValueError("bad"), RuntimeError(), KeyError("x"), ExceptionGroup("many", [ValueError("a")]), Exception()],
    ids=lambda exc: type(exc).__name__,
)
def test_other_exceptions_are_unknown(exc):
    """An exception that says nothing of a call is unknown, never retryable."""
    info = normalize(exc, "heify")
    assert (info.category, info.rule, info.retryable, info.channel) == (Category.UNKNOWN, "unknown", False, Channel.TRANSPORT)


class HostileError(Exception):
    """An exception whose attributes and text raise."""

    def __str__(self):
        raise RuntimeError

    def __getattr__(self, name):
        raise RuntimeError(name)

    @property
    def response(self):
        """A response that cannot be had."""
        raise RuntimeError

    @property
    def args(self):
        """Arguments that cannot be had."""
        raise RuntimeError


def test_hostile_exception_is_unknown():
    """An exception that raises wherever it is touched is unknown."""
    assert normalize(HostileError(), "heygen").category is Category.UNKNOWN


# What is refused


@pytest.mark.parametrize(
    "exc", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()], ids=lambda exc: type(exc).__name__
)
@pytest.mark.parametrize("function", [normalize, normalize_all, raise_for_error, explain], ids=lambda function: function.__name__)
def test_what_ends_a_program_is_no_failure(function, exc):
    """A BaseException that is no Exception is a TypeError that says so."""
    with pytest.raises(TypeError, match=type(exc).__name__):
        function(exc, "heygen")


@pytest.mark.parametrize(
    "source",
    [
        None,
        "text",
        b"bytes",
        5,
        True,
        {},
        {"status_code": 500, "headers": {}},
        [],
        object(),
        requests.Response,
        httpx.Response,
        ValueError,
        SimpleNamespace(status_code=500),
        SimpleNamespace(headers={}),
        lambda: None,
    ],
    ids=lambda source: getattr(source, "__name__", None) or ascii(source).partition(" at 0x")[0][:40],
)
@pytest.mark.parametrize("function", [normalize, normalize_all, raise_for_error, explain], ids=lambda function: function.__name__)
def test_wrong_sources_are_type_errors(function, source):
    """What is neither observation, response nor exception is a TypeError that says what to pass."""
    with pytest.raises(TypeError, match="pass an Observation, a response"):
        function(source, "heygen")


@pytest.mark.parametrize("provider", ["HeyGen Inc", "openai", "", " ", "layers", "transport", "heygen/v3"])
@pytest.mark.parametrize("function", [normalize, normalize_all, raise_for_error, explain], ids=lambda function: function.__name__)
def test_unknown_provider_is_a_value_error(function, provider):
    """A provider that no catalog has is a ValueError that lists those there are."""
    for source in (a_requests_response(), Observation(provider, 500), ValueError("x")):
        with pytest.raises(ValueError, match="provider") as caught:
            function(source, provider)
        assert [name for name in PROVIDERS if name not in str(caught.value)] == []


@pytest.mark.parametrize(
    "source",
    [
        Observation(None, 500),
        Observation(None, 500, url="/v3/videos"),
        Observation(None, 500, url="https://example.com/v3/videos"),
        Observation(None, 500, url="https://api.heygen.com.example.com/"),
        Observation(None, 500, url="https://notheygen.com/"),
        Observation(None, 500, url="https://example.com/?next=https://api.heygen.com/"),
        Observation(None, 500, url="https://example.com/https://api.heygen.com/"),
        Observation(None, 500, url="https://api.heygen.com@example.com/"),
        Observation(None, 500, url="https://example.com#@api.heygen.com"),
        Observation(None, 500, url="https://example.com?@api.heygen.com"),
        ValueError("x"),
        LookAlike.__new__(LookAlike),
    ],
    ids=lambda source: getattr(source, "url", None) or type(source).__name__,
)
def test_no_provider_is_a_value_error(source):
    """If nothing names the provider, it is a ValueError that lists those there are."""
    if isinstance(source, LookAlike):
        source.status_code, source.headers = 500, {}
    with pytest.raises(ValueError, match="nothing names the provider") as caught:
        normalize(source)
    assert [name for name in PROVIDERS if name not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.heygen.com/v3/videos", "heygen"),
        ("https://upload.heygen.com/v1/asset", "heygen"),
        ("HTTPS://API.HEYGEN.COM/v3/videos", "heygen"),
        ("https://api.heygen.com:443/v3/videos?x=1", "heygen"),
        ("https://api.heygen.com.", "heygen"),
        ("https://user:secret@api.heygen.com/v3", "heygen"),
        ("https://api.heygen.com?x=https://api.heify.com/", "heygen"),
        ("https://api.liveavatar.com/v1/sessions", "liveavatar"),
        ("https://api.heify.com/submit", "heify"),
        (httpx.URL("https://api.heify.com/submit"), "heify"),
        (yarl.URL("https://api.liveavatar.com/v1/voices"), "liveavatar"),
        (b"https://api.heygen.com/", "heygen"),
    ],
    ids=str,
)
def test_host_is_the_default_provider(url, provider):
    """The URL's host names the provider where nothing else does."""
    assert normalize(Observation(None, 500, url=url)).provider == provider


@pytest.mark.parametrize(
    ("named", "provider"), [("heify", "heify"), ("HEIFY", "heify"), (" Heify ", "heify"), ("LiveAvatar", "liveavatar")]
)
def test_named_provider_outranks_the_host(named, provider):
    """The provider that is named wins over the URL's host, in any case of letters."""
    assert normalize(a_requests_response(), named).provider == provider
    assert normalize(Observation(named, 500, url=URL)).provider == provider


def test_argument_outranks_the_observation():
    """The provider argument wins over the one in the observation, which stays as it was."""
    seen = Observation("heygen", 500)
    assert (normalize(seen, "heify").provider, seen.provider) == ("heify", "heygen")


# Look-alikes and hostile ones


class HostileResponse:
    """A response whose properties raise, but for status and headers."""

    status_code = 429
    headers = GOT

    def __getattr__(self, name):
        raise RuntimeError(name)

    @property
    def url(self):
        """A URL that cannot be had."""
        raise RuntimeError

    content = text = data = body = request = method = json = url


def test_properties_that_raise_count_as_absent():
    """A response whose properties raise is normalized by what it does give."""
    info = normalize(HostileResponse(), "heygen")
    assert (info.category, info.retry.after, info.body) == (Category.RATE_LIMIT, 30.0, None)
    assert UNREAD in str(explain(HostileResponse(), "heygen"))


class NoStatus(HostileResponse):
    """A response whose status raises."""

    @property
    def status_code(self):
        """A status that cannot be had."""
        raise RuntimeError

    status = status_code


class NoHeaders(HostileResponse):
    """A response whose headers raise."""

    @property
    def headers(self):
        """Headers that cannot be had."""
        raise RuntimeError


@pytest.mark.parametrize("kind", [NoStatus, NoHeaders])
def test_response_without_status_or_headers_is_none(kind):
    """What cannot tell its status or headers is no response."""
    assert looks_like_response(kind()) is False
    with pytest.raises(TypeError):
        normalize(kind(), "heygen")


class HostileHeaders(dict):
    """Headers that raise when they are read."""

    def items(self):
        """No items."""
        raise RuntimeError

    def get(self, *_):
        """No item."""
        raise RuntimeError


class HostileText:
    """A value that has no text."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": HostileHeaders(a="b")},
        {"headers": 5},
        {"headers": None},
        {"url": HostileText()},
        {"method": HostileText(), "request": None},
        {"request": SimpleNamespace(headers=HostileHeaders(a="b"), method=HostileText(), url=HostileText())},
        {"request": 5},
        {"content": HostileText()},
        {"content": 5},
        {"content": object()},
        {"content": {"error": HostileText()}},
    ],
    ids=lambda changes: ascii({name: type(value).__name__ for name, value in changes.items()}),
)
def test_hostile_values_never_raise(changes):
    """A response with values of wrong or hostile types is still normalized by its status."""
    response = LookAlike()
    vars(response).update(changes)
    assert normalize(response, "heygen").status == 429


@pytest.mark.parametrize(
    ("status", "seen"),
    [("429", 429), (b"429", 429), (http.HTTPStatus.TOO_MANY_REQUESTS, 429), (429.0, 429), ("429 Too Many Requests", None), (None, None)],
    ids=repr,
)
def test_look_alikes_tell_their_status_in_many_ways(status, seen):
    """The status of a look-alike may be an int, digits, an HTTPStatus or a whole float."""
    response = LookAlike()
    response.status_code = status
    assert from_response(response, "heygen").status == seen


def test_status_may_be_named_status():
    """A response that has status instead of status_code is read alike."""
    response = LookAlike()
    del response.status_code
    response.status = 429
    assert normalize(response).category is Category.RATE_LIMIT


@pytest.mark.parametrize(
    "body",
    [BODY, bytearray(BODY), memoryview(BODY), BODY.decode(), {"error": {"code": "rate_limit_exceeded"}}],
    ids=lambda body: type(body).__name__,
)
def test_bodies_of_look_alikes_may_be_bytes_text_or_decoded(body):
    """The body of a look-alike may be bytes of any kind, text or decoded JSON."""
    assert normalize(LookAlike(body)).code == "rate_limit_exceeded"


def test_body_of_a_class_attribute_is_found():
    """A body that a property gives counts, if nothing says that it would come over a network."""

    class Framework:
        """The response of a web framework's test client."""

        status_code = 429
        headers = GOT

        @property
        def data(self):
            """The body."""
            return BODY

    assert normalize(Framework(), "heygen").code == "rate_limit_exceeded"


# Observation


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (200, 200),
        (0, 0),
        (-1, -1),
        (99, 99),
        (600, 600),
        (999999999, 999999999),
        ("404", 404),
        (" 404 ", 404),
        (b"404", 404),
        ("0404", 404),
        (404.0, 404),
        (http.HTTPStatus.NOT_FOUND, 404),
        (None, None),
        (True, None),
        (False, None),
        ("", None),
        ("4o4", None),
        ("404.0", None),
        ("-404", None),
        ("+404", None),
        ("404 Not Found", None),
        ("\uff14\uff10\uff14", None),
        ("\u0664\u0660\u0664", None),
        ("9" * 5000, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (404.5, None),
        (1e300, None),
        ([404], None),
        (object(), None),
    ],
    ids=lambda value: ascii(value).partition(" at 0x")[0][:30],
)
def test_statuses_are_read(status, seen):
    """Whole numbers and ASCII digits are a status, everything else is none."""
    assert Observation("heygen", status).status == seen


@pytest.mark.parametrize("status", [0, -1, 99, 600, 999, 999999999])
def test_status_outside_of_http_decides_nothing(status):
    """A status outside 100 to 599 is kept and explained, but decides nothing."""
    info = normalize(Observation("heygen", status, None, b'{"message":"Some words that nobody listed"}'))
    assert (info.status, info.category, info.matched_by) == (status, Category.UNKNOWN, "none")
    assert "outside 100 to 599" in str(explain(Observation("heygen", status)))


@pytest.mark.parametrize("status", [99, 600])
def test_status_outside_of_http_fails_nothing(status):
    """An answer without words and with a status outside of HTTP is no error."""
    assert normalize(Observation("heygen", status)) is None


def test_observation_reads_its_headers():
    """Headers are kept with lower-case names, from mappings, pairs or None."""
    seen = [Observation("heygen", headers=given_headers).headers for given_headers in ({"X-A": "1"}, [("X-A", "1")], None)]
    assert seen == [{"x-a": "1"}, {"x-a": "1"}, {}]


@pytest.mark.parametrize(
    "body",
    [BODY, bytearray(BODY), memoryview(BODY), BODY.decode(), {"error": {"code": "rate_limit_exceeded", "message": "Too many requests"}}],
    ids=lambda body: type(body).__name__,
)
def test_observation_takes_any_form_of_body(body):
    """A body may be bytes of any kind, text or decoded JSON: it means the same."""
    info = normalize(Observation("heygen", 429, None, body))
    assert (info.code, info.message) == ("rate_limit_exceeded", "Too many requests")


@pytest.mark.parametrize("body", [None, b"", "", {}, [], b"   ", "\n"], ids=repr)
def test_empty_bodies_leave_the_status(body):
    """Without words in the body the status decides."""
    assert normalize(Observation("heify", 404, None, body)).rule == "heify/status:404"


def test_repr_holds_no_data():
    """The repr of an observation shows neither body, headers, URL nor secrets."""
    seen = Observation("heygen", 401, {"X-Api-Key": KEY}, KEY, "GET", f"{URL}?key={KEY}", exception=KEY, secrets=(KEY,))
    assert KEY not in repr(seen)


def test_observation_cannot_change():
    """An observation is immutable."""
    seen = Observation("heygen", 500)
    with pytest.raises(AttributeError):
        seen.status = 200
    assert seen.status == 500


def test_long_urls_are_bounded():
    """A URL without end is cut, not kept."""
    assert len(Observation("heygen", url="https://api.heygen.com/" + "x" * 10**6).url) == 8192


def test_secrets_of_an_observation_are_redacted_everywhere():
    """A live credential that is named with the observation is redacted in every text of the info."""
    body = f'{{"error":{{"code":"{KEY}","message":"m {KEY}","detail":"d {KEY}","param":"{KEY}","doc_url":"https://x/{KEY}"}}}}'
    seen = Observation("heygen", 400, {"X-Request-Id": KEY}, body, "POST", URL, secrets=(KEY,))
    info = normalize(seen)
    assert KEY not in str(info.to_dict().values())
    assert (info.message, info.detail) == ("m [redacted]", "d [redacted]")
    assert KEY not in str(explain(seen))


def test_exception_from_a_log_is_text():
    """An exception may be given as its class name with text, as a log has it."""
    logged = normalize(Observation("heygen", exception="requests.exceptions.ConnectTimeout: timed out"))
    raised = normalize(Observation("heygen", exception=requests.exceptions.ConnectTimeout("timed out")))
    assert logged == raised
    assert logged.channel is Channel.TRANSPORT


def test_other_catalogs_observe_alike():
    """A Normalizer of one's own observes sources like the module's functions."""
    normalizer = Normalizer()
    assert normalizer.normalize(a_requests_response()) == normalize(a_requests_response())


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers()) | st.just(object())


@given(values, values, values, values, values)
@steady
def test_any_attributes_are_answered(status, headers, body, method, url):
    """Whatever values the attributes of a response have, there is an answer."""
    response = SimpleNamespace(status_code=status, headers=headers, content=body, method=method, url=url)
    found = normalize_all(response, "heygen")
    assert {info.provider for info in found} <= {"heygen"}


@given(values, values, values, values, values)
@steady
def test_any_observation_is_answered(status, headers, body, method, url):
    """Whatever an observation is made of, there is an answer."""
    found = normalize_all(Observation("heify", status, headers, body, method, url))
    assert {info.provider for info in found} <= {"heify"}
