"""The fake server as an HTTP server: what goes over the line, byte by byte."""

import json
import re
import socket
import time

import pytest

from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, Reply, error, fault, ok
from heify_heygen_errors.testing.connection import _HEAD_LIMIT

_PATH = b"/heygen/v3/users/me"
_VIDEO = json.dumps({"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}).encode()
_TIMEOUT = 5


@pytest.fixture(scope="module")
def running():
    with FakeServer(limits=False) as server:
        yield server


@pytest.fixture
def server(running):
    running.reset()
    return running


def _connected(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT)


def _rest(line):
    """Everything until the server closes."""
    return b"".join(iter(lambda: line.recv(65536), b""))


def _until(line, end):
    got = b""
    while end not in got:
        piece = line.recv(65536)
        assert piece, got
        got += piece
    return got


def _talk(server, *pieces):
    """Send pieces and give everything that comes back until the server closes."""
    with _connected(server) as line:
        for piece in pieces:
            line.sendall(piece)
        return _rest(line)


def _request(server, method=b"GET", path=_PATH, body=b"", *, close=False, **headers):
    sent = {"Host": "127.0.0.1", "X-Api-Key": server.heygen.api_key}
    if body:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()} | ({"Connection": "close"} if close else {})
    lines = [b"%s %s HTTP/1.1" % (method, path), *(f"{name}: {value}".encode() for name, value in sent.items() if value is not None)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _statuses(answers):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def _head(answer):
    """Headers of the first answer, names in lower case."""
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def _body(answer):
    return answer.partition(b"\r\n\r\n")[2]


# What is understood.


def test_connection_is_kept(server):
    """Several requests, one after the other, are answered on one connection, until the client asks for its end."""
    with _connected(server) as line:
        for _ in range(3):
            line.sendall(_request(server))
            answer = _until(line, b"}}")
            assert (_statuses(answer), "connection" in _head(answer)) == ([200], False)
        line.sendall(_request(server, close=True))
        last = _rest(line)
    assert (_statuses(last), _head(last)["connection"], server.request_count) == ([200], "close", 4)


def test_pipelined_requests_are_answered_in_order(server):
    """Requests that are sent without waiting are answered one by one, in their order."""
    paths = [_PATH, b"/heygen/nowhere", b"/nobody", _PATH]
    sent = b"".join(_request(server, path=path, close=number == len(paths)) for number, path in enumerate(paths, 1))
    assert _statuses(_talk(server, sent)) == [200, 404, 404, 200]
    assert [received.path for received in server.requests] == ["/v3/users/me", "/nowhere", "/nobody", "/v3/users/me"]


def test_pipelined_request_waits_for_a_slow_answer(server):
    """A request behind one that is answered slowly is answered after it, and only then arrives."""
    server.script([fault.slow_answer(seconds=0.05, answer=Reply(status=501)), Reply(status=502)])
    with _connected(server) as line:
        line.sendall(_request(server) + _request(server, close=True))
        while not server.request_count:
            time.sleep(0.001)
        early = server.request_count
        assert (early, _statuses(_rest(line))) == (1, [501, 502])


def test_request_may_come_byte_by_byte(server):
    """A request is the same in however many pieces it comes."""
    sent = _request(server, b"POST", b"/heygen/v3/videos", _VIDEO, close=True)
    assert _statuses(_talk(server, *(sent[number : number + 1] for number in range(len(sent))))) == [200]
    assert [work.body for work in server.paid_work] == [_VIDEO]


def test_chunked_bodies_are_put_together(server):
    """A chunked body, with extensions and trailers, is the body of the request, and its size is on record."""
    sent = _request(server, b"POST", b"/heygen/v3/videos", close=True, Transfer_Encoding="chunked", Content_Type="application/json")
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(part), part) for part in (_VIDEO[:1], _VIDEO[1:40], _VIDEO[40:]))
    assert _statuses(_talk(server, sent, chunks, b"0\r\nX-Trailer: 1\r\n\r\n")) == [200]
    [received] = server.requests
    assert (received.body, received.size) == (_VIDEO, len(_VIDEO))


def test_client_that_waits_for_100_is_told_to_go_on(server):
    """A client that expects 100-continue gets it before it sends the body, and the answer after."""
    sent = _request(server, b"POST", b"/heygen/v3/videos", _VIDEO, close=True, Expect="100-continue")
    head = sent.removesuffix(_VIDEO)
    with _connected(server) as line:
        line.sendall(head)
        assert _until(line, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(_VIDEO)
        assert _statuses(_rest(line)) == [200]


def test_client_that_does_not_wait_for_100_gets_none(server):
    """Where the body has come with the head there is nothing to go on with."""
    sent = _request(server, b"POST", b"/heygen/v3/videos", _VIDEO, close=True, Expect="100-continue")
    assert _statuses(_talk(server, sent)) == [200]


@pytest.mark.parametrize("headers", [b"", b"Connection: keep-alive\r\n"])
def test_http_1_0_is_answered_and_closed(server, headers):
    """A client of HTTP/1.0 needs no Host, and its connection ends behind the answer."""
    answer = _talk(server, b"GET %s HTTP/1.0\r\n%sX-Api-Key: %s\r\n\r\n" % (_PATH, headers, server.heygen.api_key.encode()))
    assert (_statuses(answer), _head(answer)["connection"]) == ([200], "close")
    assert len(_body(answer)) == int(_head(answer)["content-length"])


@pytest.mark.parametrize("path", [_PATH, b"/heygen/nowhere", b"/nobody"])
def test_head_is_get_without_the_body(server, path):
    """HEAD gets status and headers of GET, Content-Length included, and no body: the next answer begins behind them."""
    answers = _talk(server, _request(server, b"HEAD", path), _request(server, b"GET", path, close=True))
    first, second = answers.split(b"\r\n\r\n", 1)
    assert second.startswith(b"HTTP/1.1 ")
    get = _head(second)
    assert (_statuses(answers)[0], _head(first)["content-length"]) == (_statuses(second)[0], get["content-length"])
    assert int(get["content-length"]) == len(_body(second)) > 0


@pytest.mark.parametrize("step", [ok, error("heygen", "RATE_LIMIT"), fault.slow_answer(seconds=0), fault.lying_content_type])
def test_head_never_gets_a_body(server, step):
    """Whatever HEAD meets, an error or a fault that keeps the connection, there is no body, and the connection stays in step."""
    server.script([step])
    answers = _talk(server, _request(server, b"HEAD"), _request(server, b"GET", b"/nobody", close=True))
    assert answers.split(b"\r\n\r\n", 1)[1].startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_have_none(server, status):
    """A 204 or 304 goes out without a body and a length, even if a step has one: the connection stays in step."""
    server.script([Reply(status=status, body=b"body")])
    answers = _talk(server, _request(server), _request(server, path=b"/nobody", close=True))
    first, second = answers.split(b"\r\n\r\n", 1)
    assert ("content-length" in _head(first), second[:13]) == (False, b"HTTP/1.1 404 ")


_TARGETS = """
    * / // ? x /heygen /heygen/ /heygen/%00 /heygen/v3/videos/%2e%2e%2f /heygen/v3/videos/%ff
    /heygen/v3/videos?limit=%zz&&==&token http:// http://api.heygen.com http://api.heygen.com?a
"""


@pytest.mark.parametrize("target", _TARGETS.encode().split())
def test_every_target_is_answered(server, target):
    """Whatever stands in the request line as target, the client is told that it is wrong."""
    assert 400 <= _statuses(_talk(server, _request(server, path=target, close=True)))[0] < 500


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE", b"PATCH", b"FROB", b"CONNECT"])
@pytest.mark.parametrize("path", [_PATH, b"api.heygen.com:443"])
def test_every_method_is_answered(server, method, path):
    """A method that nobody has is answered, too, as an endpoint or a path that does not exist."""
    assert _statuses(_talk(server, _request(server, method, path, close=True)))[0] in (404, 405)


@pytest.mark.parametrize(
    "upgrade", [{"Upgrade": "websocket", "Connection": "Upgrade"}, {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"}]
)
def test_upgrades_are_not_taken_up(server, upgrade):
    """A client that offers another protocol gets an answer in this one."""
    with _connected(server) as line:
        line.sendall(_request(server, **upgrade))
        assert _statuses(_until(line, b"}}")) == [200]


def test_tunnel_is_closed_behind_a_success(server):
    """Even if a step answers CONNECT with success, the answer arrives, and no tunnel is there: the connection ends."""
    server.script([Reply(status=200, body=b"body")])
    assert _talk(server, _request(server, b"CONNECT", b"api.heygen.com:443")).startswith(b"HTTP/1.1 200 OK\r\n")


def test_headers_are_read_as_they_are(server):
    """Names of headers are on record in lower case, values without the white space around them; of several values the last."""
    _talk(server, _request(server, close=True, X_MiXed="  a b  ") + b"")
    sent = _request(server, close=True).replace(b"\r\n\r\n", b"\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Latin: \xe9\r\n\r\n")
    _talk(server, sent)
    first, second = server.requests
    assert (first.headers["x-mixed"], second.headers["x-twice"], second.headers["x-latin"]) == ("a b", "2", "é")


# What is not.

_GET = b"GET %s HTTP/1.1\r\nHost: a\r\n" % _PATH
_MALFORMED = {
    "no HTTP": (b"EHLO example.com\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no version": (b"GET /\r\nHost: a\r\n\r\n", 400),
    "no target": (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "target with a space": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target beyond ASCII": (b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "header without a colon": (_GET + b"X-A\r\n\r\n", 400),
    "header with a space": (_GET + b"X A: 1\r\n\r\n", 400),
    "length of text": (_GET + b"Content-Length: many\r\n\r\n", 400),
    "length below 0": (_GET + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (_GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "unknown encoding": (_GET + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "chunk of text": (_GET + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n", 400),
    # Not a byte more than needed: what a server has not read when it closes becomes a reset, which can overtake the answer.
    "head without end": ((_GET + b"X-A: ").ljust(_HEAD_LIMIT + 1, b"a"), 431),
}


@pytest.mark.parametrize(("sent", "status"), _MALFORMED.values(), ids=_MALFORMED)
def test_what_is_no_http_is_refused(server, sent, status):
    """A request that is none is answered with the status that says why, and the connection is closed; the vendor never sees it."""
    answer = _talk(server, sent)
    assert (_statuses(answer), _head(answer)["connection"]) == ([status], "close")
    assert int(_head(answer)["content-length"]) == len(_body(answer))
    assert server.request_count == 0
    assert _statuses(_talk(server, _request(server, close=True))) == [200]


def test_good_requests_before_a_malformed_one_are_answered(server):
    """What came before the damage is answered as usual."""
    assert _statuses(_talk(server, _request(server) + b"damage\r\n\r\n")) == [200, 400]


@pytest.mark.parametrize("cut", [10, 60, -10])
def test_request_that_is_cut_never_arrives(server, cut):
    """A client that leaves in the middle of its request has sent none."""
    sent = _request(server, b"POST", b"/heygen/v3/videos", _VIDEO)
    with _connected(server) as line:
        line.sendall(sent[:cut])
    assert _statuses(_talk(server, _request(server, close=True))) == [200]
    assert (server.request_count, server.paid_work) == (1, [])


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_body_beyond_the_vendor_s_limit_is_counted_not_kept(server, chunked):
    """A body larger than the vendor takes is read to its end and refused with 413; no more of it is kept than the vendor takes."""
    from heify_heygen_errors.testing.vendors.heygen import HeyGen

    size = HeyGen.takes + (1 << 20)
    framing = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": str(size)}
    head = _request(server, b"POST", b"/heygen/v3/videos", close=True, Content_Type="application/json", **framing)
    body = b"x" * size
    pieces = (b"%x\r\n" % size, body, b"\r\n0\r\n\r\n") if chunked else (body,)
    answer = _talk(server, head, *pieces)
    [received] = server.requests
    assert (_statuses(answer), received.status, received.size, len(received.body)) == ([413], 413, size, HeyGen.takes)


def test_large_answer_arrives_whole(server):
    """An answer larger than any buffer arrives whole, even if the client reads late."""
    body = b"x" * (8 << 20)
    server.script([Reply(body=body)])
    with _connected(server) as line:
        line.sendall(_request(server, close=True))
        while not server.request_count:
            time.sleep(0.001)
        assert _body(_rest(line)) == body


def test_connections_do_not_wait_for_one_another(server):
    """Clients that say nothing, or not all, hold nobody up."""
    idle = [_connected(server) for _ in range(30)]
    for line in idle[::2]:
        line.sendall(b"POST /heygen/v3/videos HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    try:
        begin = time.monotonic()
        assert _statuses(_talk(server, _request(server, close=True))) == [200]
        assert time.monotonic() - begin < 1
    finally:
        for line in idle:
            line.close()
