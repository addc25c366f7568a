"""Addresses where nobody answers, as clients see them: one that never says a word, one to which no connection comes about."""

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import requests

from heify_heygen_errors import normalize
from heify_heygen_errors.testing import FakeServer
from heify_heygen_errors.testing.dead_ports import DeadPorts, _fill

_TIMEOUT = 0.3
_UPLOAD = b"x" * (16 << 20)


@pytest.fixture(scope="module")
def server():
    with FakeServer() as running:
        yield running


@pytest.fixture(scope="module")
def unreachable(server):
    """The addresses without and with TLS."""
    try:
        return [server.unreachable_url("heygen", tls=tls) for tls in (False, True)]
    except RuntimeError as problem:
        pytest.skip(str(problem))


async def _post_async(url, body):
    async with httpx2.AsyncClient(timeout=_TIMEOUT) as client:
        return await client.post(url, content=body)


_POSTS = {
    "requests": lambda url, body: requests.post(url, data=body, timeout=_TIMEOUT),
    "httpx2": lambda url, body: httpx2.post(url, content=body, timeout=_TIMEOUT),
    "httpx2 async": lambda url, body: asyncio.run(_post_async(url, body)),
}

every_client = pytest.mark.parametrize("library", _POSTS)


def _seen(library, url, body=b"{}"):
    with pytest.raises((requests.RequestException, httpx2.TransportError)) as raised:
        _POSTS[library](url + "/v3/videos", body)
    info = normalize(raised.value, "heygen")
    return info.rule, info.category, info.retry.outcome


@every_client
def test_silence_is_an_answer_that_does_not_come(server, library):
    """A request to a silent address has been sent, as far as the client knows, and its answer does not come."""
    assert _seen(library, server.silent_url("heygen")) == ("transport/ReadTimeout", "timeout", "unknown")


@every_client
def test_silence_behind_tls_is_a_handshake_that_does_not_end(server, library):
    """With TLS the handshake comes first: nothing was sent, and a repeat is safe."""
    assert _seen(library, server.silent_url("heygen", tls=True)) == ("transport/ConnectTimeout", "timeout", "not_sent")


@every_client
def test_upload_into_silence_comes_to_a_halt(server, library):
    """A large request cannot be sent to its end, and nobody knows how much of it arrived."""
    rule, category, outcome = _seen(library, server.silent_url("heygen"), _UPLOAD)
    assert (category, outcome) == ("timeout", "unknown")
    # requests calls it a connection that was aborted, by a time-out of which it does not say what for.
    assert rule == ("transport/TotalTimeout" if library == "requests" else "transport/WriteTimeout")


@every_client
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_no_connection_comes_about(unreachable, library, tls):
    """To an unreachable address no connection comes about in time: nothing was sent."""
    assert _seen(library, unreachable[tls]) == ("transport/ConnectTimeout", "timeout", "not_sent")


def test_unreachable_address_stays_so(unreachable):
    """Those that wait there make no room for others when they give up."""
    port = int(unreachable[0].rpartition(":")[2].partition("/")[0])
    for _ in range(4):
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), timeout=0.05)


def test_dead_addresses_are_the_vendors(server):
    """Vendors share the ports and have paths of their own, as at the live address; they are the same whenever asked for."""
    silent = server.silent_url("heygen")
    assert silent.startswith("http://127.0.0.1:")
    assert silent.endswith("/heygen")
    assert server.silent_url("heify") == silent.replace("/heygen", "/heify")
    assert server.silent_url("heygen", tls=True) == silent.replace("http:", "https:")
    assert server.silent_url("heygen") == silent


def test_dead_addresses_leave_the_server_alone(server):
    """What is sent there is not on record, and the vendors go on answering."""
    before = server.request_count
    _seen("requests", server.silent_url("heygen"))
    assert requests.get(server.heygen.url + "/v3/users/me", timeout=5).status_code == 401
    assert server.request_count == before + 1


def test_dead_addresses_end_with_the_server():
    """A server that was stopped holds no port, and one that is started again is silent again."""
    server = FakeServer().start()
    url = server.silent_url("heygen")
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        server.stop()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with pytest.raises(RuntimeError, match="the server does not run"):
        server.silent_url("heygen")
    with server:
        assert _seen("httpx2", server.silent_url("heygen"))[0] == "transport/ReadTimeout"


def test_threads_get_the_same_address():
    """However many threads ask at once, there is one port."""
    with FakeServer() as server, ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(server.silent_url, ["heygen"] * 32))) == 1


def test_system_whose_queue_does_not_fill_says_so():
    """Where connections come about however many wait, the address is refused instead of being reachable after all."""
    ports = DeadPorts()
    with contextlib.ExitStack() as held:
        held.callback(ports.close)
        with pytest.raises(RuntimeError, match=r"does not let a queue of connections fill up, .* Linux does"):
            _fill(ports.silent, held)
