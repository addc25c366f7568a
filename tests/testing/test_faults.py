"""Every fault of the testing kit, as requests and httpx2 see it, over a real socket."""

import asyncio
import contextlib
import gzip
import socket
import time

import httpx2
import pytest
import requests

from heify_heygen_errors import normalize
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, Reply, fault
from heify_heygen_errors.testing.certificates import KINDS
from heify_heygen_errors.testing.fault import FAULTS, named

_BODY = {"data": {"id": "v1", "status": "completed", "title": "A title of some length"}}
_ANSWER = Reply.json(_BODY)
_TIMEOUT = 0.4
_PATIENCE = 10

# What a client meets: the rule that its exception gives and the outcome that follows for a POST.
_EXCEPTIONS = {
    "refused": ("ConnectionRefused", "not_sent"),
    "reset_while_sending": ("ConnectionReset", "unknown"),
    "reset_after_request": ("ConnectionReset", "unknown"),
    "closed_without_answer": ("RemoteClosed", "unknown"),
    "reset_after_headers": ("ConnectionReset", "unknown"),
    "reset_mid_body": ("ConnectionReset", "unknown"),
    "truncated_body": ("IncompleteRead", "unknown"),
    "truncated_chunks": ("IncompleteRead", "unknown"),
    "endless_body": ("ConnectionReset", "unknown"),
    "content_length_too_long": ("ReadTimeout", "unknown"),
    "broken_gzip": ("DecodingError", "unknown"),
    "not_http": ("ProtocolError", "unknown"),
    "huge_header": ("ProtocolError", "unknown"),
    "redirect_loop": ("TooManyRedirects", "unknown"),
    "slow_answer": ("ReadTimeout", "unknown"),
    "no_answer": ("ReadTimeout", "unknown"),
}
# requests calls everything that ends a body too early a broken transfer, resets included.
_OF_REQUESTS = dict.fromkeys(("reset_after_headers", "reset_mid_body", "endless_body"), "IncompleteRead")
_SMALLER = {"endless_body": {"size": 4 << 20}, "gzip_bomb": {"size": 8 << 20}, "trickling_body": {"seconds": 0.001}}
_SMALLER["trickling_headers"] = {"seconds": 0.001, "size": 20}
_SMALLER["refused"] = {"seconds": 30}
_NO_EFFECT = ("refused", "reset_while_sending", "redirect_elsewhere", "redirect_loop")
# More than the buffers of sockets hold, so that a client is still sending when the connection is reset.
_UPLOAD = b"x" * (16 << 20)


@pytest.fixture(scope="module")
def server():
    with FakeServer(limits=False) as running:
        yield running


def _by_requests(url, **options):
    return requests.get(url, timeout=_TIMEOUT, **options)


def _by_httpx2(url, **options):
    return httpx2.get(url, timeout=_TIMEOUT, follow_redirects=True, **options)


libraries = pytest.mark.parametrize("get", [_by_requests, _by_httpx2], ids=["requests", "httpx2"])


def _meet(server, step, get):
    """The answer, or the exception."""
    server.reset()
    server.script([step] * 40 if step.name != "refused" else [step])
    try:
        return get(server.heygen.url + "/v3/users/me")
    except (requests.RequestException, httpx2.HTTPError) as problem:
        return problem


def _of(name):
    step = named(name)
    return step(answer=_ANSWER, **_SMALLER.get(name, {}))


def test_every_fault_has_an_expectation():
    """A new fault is not forgotten here."""
    answered = {
        "trickling_body",
        "trickling_headers",
        "content_length_too_short",
        "gzip_bomb",
        "lying_content_type",
        "broken_json",
        "empty_body",
        "redirect_elsewhere",
    }
    assert set(FAULTS) == set(_EXCEPTIONS) | answered


@libraries
@pytest.mark.parametrize("name", _EXCEPTIONS)
def test_fault_is_seen_as_what_it_is(server, get, name):
    """A fault that leaves no answer is an exception of the library, and normalizes to its own rule and outcome."""
    seen = _meet(server, _of(name), get)
    rule, outcome = _EXCEPTIONS[name]
    if get is _by_requests:
        rule = _OF_REQUESTS.get(name, rule)
    assert isinstance(seen, Exception), seen
    info = normalize(seen, "heygen")
    assert (f"transport/{rule}", outcome, "transport") == (info.rule, info.retry.outcome, info.channel)


@libraries
@pytest.mark.parametrize("name", ["trickling_body", "trickling_headers"])
def test_trickle_arrives_whole(server, get, name):
    """What trickles is complete in the end, for a client with enough patience for each byte."""
    step = _of(name)
    begin = time.perf_counter()
    answer = _meet(server, step, get)
    pieces = len(_ANSWER.body) if name == "trickling_body" else step.size
    assert answer.json() == _BODY
    assert time.perf_counter() - begin >= 0.8 * pieces * step.seconds


@libraries
def test_each_byte_restarts_a_read_timeout(server, get):
    """A trickle outlasts a read time-out of any client that has no deadline over all: that is what the fault is for."""
    begin = time.perf_counter()
    answer = _meet(server, fault.trickling_body(answer=Reply.json({"a": 1}), seconds=0.1), get)
    assert answer.json() == {"a": 1}
    assert time.perf_counter() - begin > _TIMEOUT


@libraries
def test_length_that_is_too_short_cuts_the_body(server, get):
    """The client gets as much as Content-Length says, which is no JSON."""
    answer = _meet(server, _of("content_length_too_short"), get)
    assert _ANSWER.body[: len(_ANSWER.body) // 2] == answer.content
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|line 1"):
        answer.json()


@libraries
def test_gzip_bomb_is_small_on_the_wire_only(server, get):
    """Megabytes come out of some kilobytes."""
    answer = _meet(server, _of("gzip_bomb"), get)
    assert len(answer.content) >= 8 << 20
    assert int(answer.headers["content-length"]) < 64 << 10
    assert answer.headers["content-encoding"] == "gzip"


@libraries
def test_content_type_lies(server, get):
    """JSON comes labelled as HTML, and still reads as JSON for who looks at the bytes."""
    answer = _meet(server, _of("lying_content_type"), get)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.json() == _BODY


@libraries
@pytest.mark.parametrize("name", ["broken_json", "empty_body"])
def test_body_that_is_no_json_answers_with_success(server, get, name):
    """Half a body or none comes with status 200: `normalize` sees no failure, a client that expects JSON does."""
    answer = _meet(server, _of(name), get)
    assert (answer.status_code, normalize(answer, "heygen")) == (200, None)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|line 1"):
        answer.json()


@libraries
def test_redirect_leads_elsewhere(server, get):
    """The redirect is followed to another host, with the path and query of the request, and what arrives there is kept."""
    server.reset()
    server.script([fault.redirect_elsewhere])
    answer = get(server.heygen.url + "/v3/users/me?a=1", headers={"X-Api-Key": "k"})
    assert answer.json() == {"data": {"host": "elsewhere"}}
    [arrived] = server.elsewhere.requests
    assert (arrived.method, arrived.target) == ("GET", "/heygen/v3/users/me?a=1")
    assert server.elsewhere.url.startswith("http://localhost:")


@libraries
@pytest.mark.parametrize("kind", KINDS)
def test_certificates(server, get, kind):
    """The good certificate is accepted by who trusts the authority; each other one is refused, before anything is sent."""
    server.reset()
    server.script([_ANSWER])
    url = server.tls_url("heygen", kind) + "/v3/users/me"
    trusted = server.ca_file if get is _by_requests else _context(server.ca_file)
    if kind == "valid":
        assert get(url, verify=trusted).json() == _BODY
        return
    with pytest.raises((requests.exceptions.SSLError, httpx2.ConnectError)) as raised:
        get(url, verify=trusted)
    info = normalize(raised.value, "heygen")
    assert (info.rule, info.retry.outcome, server.request_count) == ("transport/TlsCertificateError", "not_sent", 0)


def _context(ca_file):
    import ssl

    return ssl.create_default_context(cafile=ca_file)


@libraries
def test_plain_answer_to_tls_is_a_tls_failure(server, get):
    """A client that speaks TLS to the plain port fails in the handshake."""
    with pytest.raises((requests.exceptions.SSLError, httpx2.ConnectError)) as raised:
        get(server.heygen.url.replace("http:", "https:") + "/v3/users/me")
    info = normalize(raised.value, "heygen")
    assert info.rule == "transport/TlsHandshakeError"


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"refused"}))
def test_fault_by_header(server, name):
    """Each fault can be asked for by the request itself, and is on record with its name."""
    server.reset()
    small = _SMALLER.get(name, {})
    options = "".join(f"; {option}={value}" for option, value in small.items())
    with contextlib.suppress(requests.RequestException):
        requests.get(
            server.heygen.url + "/v3/users/me",
            headers={"X-Fake-Fault": f"{name}{options}", "X-Api-Key": server.heygen.api_key},
            timeout=0.2,
            allow_redirects=False,
        )
    assert [name] == [received.fault for received in server.requests]


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(_NO_EFFECT)))
def test_request_takes_effect_behind_a_fault(server, name):
    """Whatever happens to the answer, the vendor has started the work: once, and on record as paid."""
    server.reset()
    server.script([named(name)(**_SMALLER.get(name, {}))])
    body = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
    with contextlib.suppress(requests.RequestException):
        requests.post(server.heygen.url + "/v3/videos", json=body, headers={"X-Api-Key": server.heygen.api_key}, timeout=0.2)
    assert [(work.operation, work.request) for work in server.paid_work] == [("POST /v3/videos", 1)]


@pytest.mark.parametrize("name", _NO_EFFECT)
def test_request_has_no_effect_before_the_vendor(server, name):
    """Work is not started by a request that the vendor never acts on."""
    server.reset()
    server.script([named(name)])
    body = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
    headers = {"X-Api-Key": server.heygen.api_key}
    with contextlib.suppress(requests.RequestException):
        requests.post(server.heygen.url + "/v3/videos", json=body, headers=headers, timeout=0.2, allow_redirects=False)
    assert server.paid_work == []


# A request that breaks off.


async def _post_async(url, verify, body):
    async with httpx2.AsyncClient(timeout=_PATIENCE, verify=verify) as client:
        return await client.post(url, content=body)


_POSTS = {
    "requests": lambda url, server, body: requests.post(url, data=body, timeout=_PATIENCE, verify=server.ca_file),
    "httpx2": lambda url, server, body: httpx2.post(url, content=body, timeout=_PATIENCE, verify=_context(server.ca_file)),
    "httpx2 async": lambda url, server, body: asyncio.run(_post_async(url, _context(server.ca_file), body)),
}
# Clients look for an answer when they cannot send on; by then the reset has been told to the failed write.
_SEEN = {"requests": "RemoteClosed", "httpx2": "RemoteClosed", "httpx2 async": "ConnectionReset"}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("library", _POSTS)
def test_upload_breaks_off(server, library, tls):
    """A connection that is reset while the request is being sent is a failure of the network, with an outcome that nobody knows."""
    server.reset()
    server.script([fault.reset_while_sending])
    url = (server.tls_url("heygen") if tls else server.heygen.url) + "/v3/assets"
    with pytest.raises((requests.ConnectionError, httpx2.TransportError)) as raised:
        _POSTS[library](url, server, _UPLOAD)
    info = normalize(raised.value, "heygen")
    assert (info.category, info.retry.outcome, info.retry.action) == ("network", "unknown", "backoff")
    if not tls:  # with TLS it differs with the version of OpenSSL
        assert info.rule == f"transport/{_SEEN[library]}"


@pytest.mark.parametrize("size", [0, 1000, 65536])
def test_upload_that_breaks_off_is_on_record(server, size):
    """The request counts, with as much of its body as was read, and has met its fault; the next one finds all as usual."""
    server.reset()
    server.script([fault.reset_while_sending(size=size)])
    with pytest.raises(requests.ConnectionError):
        requests.post(server.heygen.url + "/v3/assets", data=_UPLOAD, timeout=_PATIENCE)
    [received] = server.requests
    assert (received.operation, received.fault, received.status) == ("POST /v3/assets", "reset_while_sending", None)
    assert (received.size, received.body) == (size, _UPLOAD[:size])
    assert (server.unused_steps, server.jobs, server.statuses) == ([], [], {None: 1})
    assert requests.get(server.heygen.url + "/v3/users/me", timeout=_PATIENCE).status_code == 401


def test_request_smaller_than_that_is_read_to_its_end(server):
    """A body of fewer bytes than the fault waits for is read whole; then comes the reset."""
    server.reset()
    server.script([fault.reset_while_sending(size=1000)])
    with pytest.raises(requests.ConnectionError, match="Connection reset by peer"):
        requests.post(server.heygen.url + "/v3/assets", data=b"small", timeout=_PATIENCE)
    assert [received.body for received in server.requests] == [b"small"]


def test_upload_breaks_off_by_header_and_by_rule(server):
    """The size can be said by the request itself; a rule breaks off what it fits, and nothing else."""
    server.reset()
    with server.on("POST", "/v3/assets", fault.reset_while_sending(size=10)):
        with pytest.raises(requests.ConnectionError):
            requests.post(server.heygen.url + "/v3/assets", data=_UPLOAD, timeout=_PATIENCE)
        assert requests.post(server.heygen.url + "/v3/videos", data=b"{}", timeout=_PATIENCE).status_code == 401
    headers = {"X-Fake-Fault": "reset_while_sending; size=20"}
    with pytest.raises(requests.ConnectionError):
        requests.post(server.heygen.url + "/v3/assets", data=_UPLOAD, headers=headers, timeout=_PATIENCE)
    assert [(received.size, received.fault) for received in server.requests] == [
        (10, "reset_while_sending"),
        (2, None),
        (20, "reset_while_sending"),
    ]


def test_chance_is_asked_once(server):
    """A share of uploads that break off is the share that was asked for: the same requests as with any other fault."""
    met = []
    for step in (fault.reset_while_sending, fault.closed_without_answer):
        with FakeServer(seed=3) as one:
            one.on(None, None, step, share=0.25)
            one.on(None, None, Reply(status=503), share=0.25)
            for _ in range(60):
                with contextlib.suppress(requests.ConnectionError):
                    requests.get(one.heygen.url + "/v3/users/me", timeout=_PATIENCE)
            met.append([received.status for received in one.requests])
    assert met[0] == met[1]
    assert {met[0].count(status) > 5 for status in (None, 401, 503)} == {True}


def test_refusal_behind_an_upload_that_breaks_off(server):
    """A script goes on behind the upload, also with a port that refuses."""
    server.reset()
    server.script([fault.reset_while_sending, fault.refused(seconds=30)])
    seen = []
    for _ in range(2):
        with pytest.raises(requests.ConnectionError) as raised:
            requests.post(server.heygen.url + "/v3/assets", data=_UPLOAD, timeout=_PATIENCE)
        seen.append(normalize(raised.value, "heygen").retry.outcome)
    server.reset()
    assert seen == ["unknown", "not_sent"]


def test_function_sees_the_whole_request(server):
    """A function is asked when the request is complete; the fault that it gives can only come then."""
    server.reset()
    server.script([lambda received: fault.reset_while_sending(size=10) if received.size == 5000 else Reply()])
    with pytest.raises(requests.ConnectionError):
        requests.post(server.heygen.url + "/v3/assets", data=b"x" * 5000, timeout=_PATIENCE)
    assert [(received.size, received.fault) for received in server.requests] == [(5000, "reset_while_sending")]


def test_amounts_can_be_chosen():
    """A fault is a value: called, it gives a copy with other amounts, and the original stays."""
    slower = fault.slow_answer(seconds=2.5, effect=False)
    assert (slower.seconds, slower.effect, slower.name) == (2.5, False, "slow_answer")
    assert (fault.slow_answer.seconds, fault.slow_answer.effect) == (1.0, True)


def test_unknown_fault_names_the_nearest():
    """A wrong name is answered with the right ones."""
    with pytest.raises(KeyError, match=r"there is no fault 'slow_anser': did you mean slow_answer"):
        named("slow_anser")


def test_broken_gzip_is_damaged_gzip(server):
    """The body begins as gzip does and does not unpack."""
    server.reset()
    server.script([_of("broken_gzip")])
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(b"GET /heygen/v3/users/me HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    packed = answer.partition(b"\r\n\r\n")[2]
    assert packed[:2] == b"\x1f\x8b"
    with pytest.raises((OSError, EOFError, ValueError, __import__("zlib").error)):
        gzip.decompress(packed)
