"""Clients that keep the vendors' own addresses, and meet the fake there."""

import asyncio
import json
import socket

import httpx
import httpx2
import pytest
import requests

from heify_heygen_errors import normalize, raise_for_error
from heify_heygen_errors.exceptions import RateLimitError
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, JobPlan, error, fault

_ME = "https://api.heygen.com/v3/users/me"
_VIDEOS = "https://api.heygen.com/v3/videos"
_VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
_TIMEOUT = 5
_LIBRARIES = {"httpx2": httpx2, "httpx": httpx}


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


@pytest.fixture(params=["requests", *_LIBRARIES])
def client(request, server):
    """A client of each library that is mounted on the server and follows redirects."""
    headers = {"X-Api-Key": server.heygen.api_key}
    if request.param == "requests":
        with requests.Session() as session:
            session.headers.update(headers)
            server.mount(session)
            yield session
        return
    library = _LIBRARIES[request.param]
    with library.Client(transport=server.transport(request.param), headers=headers, follow_redirects=True) as made:
        yield made


def _get(client, url=_ME, **options):
    return client.get(url, timeout=_TIMEOUT, **options)


def _failure(client, url=_ME):
    """The exception that a request ends in."""
    with pytest.raises((requests.RequestException, httpx2.HTTPError, httpx.HTTPError)) as raised:
        _get(client, url)
    return raised.value


@pytest.mark.parametrize(
    ("url", "vendor", "path"),
    [
        (_ME, "heygen", "/v3/users/me"),
        ("http://api.heygen.com/v3/users/me", "heygen", "/v3/users/me"),
        ("https://API.heygen.com/v3/users/me", "heygen", "/v3/users/me"),
        ("https://upload.heygen.com/v1/asset", "heygen", "/v1/asset"),
        ("https://api.liveavatar.com/v1/avatars/public?page=2&a=%20b", "liveavatar", "/v1/avatars/public"),
        ("https://api.heify.com", "heify", "/"),
    ],
)
def test_vendors_are_met_at_their_own_addresses(server, client, url, vendor, path):
    """A request for a vendor's host arrives at the fake as that vendor's, with its path and query; the answer has the vendor's URL."""
    answer = _get(client, url)
    [received] = server.requests
    assert (received.provider, received.path) == (vendor, path)
    assert received.target.partition("?")[2] == url.partition("?")[2]
    assert str(answer.url).lower().rstrip("/") == url.lower()
    assert str(answer.request.url) == str(answer.url)


def test_bodies_and_headers_arrive(server, client):
    """Body, headers and key of the request arrive as with the vendor."""
    answer = client.post(_VIDEOS, json=_VIDEO, headers={"Idempotency-Key": "k1"}, timeout=_TIMEOUT)
    [received] = server.requests
    assert (answer.status_code, received.json, received.idempotency_key) == (200, _VIDEO, "k1")
    assert received.headers["host"] == "api.heygen.com"


def test_provider_follows_from_the_address(server, client):
    """Code that leaves it to the URL which vendor it is works as it is, for answers, errors and lost connections."""
    server.script([error("heygen", "RATE_LIMIT"), error("heygen", "RATE_LIMIT"), fault.reset_after_request])
    assert normalize(_get(client)).provider == "heygen"
    with pytest.raises(RateLimitError):
        raise_for_error(_get(client))
    info = normalize(_failure(client))
    assert (info.provider, info.channel) == ("heygen", "transport")
    assert normalize(_get(client)) is None


def test_lost_connections_are_what_they_are(server, client):
    """A refused connection is refused for mounted clients, too, and the exception's request has the vendor's URL."""
    with server.refusing():
        problem = _failure(client)
    assert (normalize(problem, "heygen").rule, str(problem.request.url)) == ("transport/ConnectionRefused", _ME)


def test_files_in_answers_can_be_fetched(server, client):
    """A URL inside an answer is fetched with the same client."""
    server.plan_jobs(JobPlan(polls=0))
    made = client.post(_VIDEOS, json=_VIDEO, timeout=_TIMEOUT).json()["data"]["video_id"]
    url = _get(client, f"{_VIDEOS}/{made}").json()["data"]["video_url"]
    assert _get(client, url).status_code == 200


def test_redirects_lead_elsewhere(server, client):
    """A redirect to another host leaves the fake vendors, so that a key that follows it is seen there."""
    server.script([fault.redirect_elsewhere])
    answer = _get(client)
    [arrived] = server.elsewhere.requests
    assert (answer.json(), arrived.headers["x-api-key"]) == ({"data": {"host": "elsewhere"}}, server.heygen.api_key)
    assert server.request_count == 1


def test_redirect_to_itself_is_followed(server, client):
    """A redirect loop is one for mounted clients, too, and never leaves the fake."""
    server.on(None, None, fault.redirect_loop)
    _failure(client)
    assert {received.path for received in server.requests} == {"/v3/users/me"}
    assert server.request_count > 1


def test_proxies_of_the_environment_are_passed_by(server, client, monkeypatch):
    """A proxy that the environment names does not come between a mounted client and the fake."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody)
        monkeypatch.setenv(name.lower(), nobody)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert _get(client).status_code == 200


def test_other_hosts_are_left_alone(server):
    """A mounted session sends to the fake what is for the vendors, and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}/v3/users/me"
    with requests.Session() as session:
        server.mount(session)
        with pytest.raises(requests.ConnectionError):
            session.get(nobody, timeout=_TIMEOUT)
    assert server.request_count == 0


@pytest.mark.parametrize("library", _LIBRARIES)
def test_transport_serves_asynchronous_clients(server, library):
    """The same transport is for asynchronous clients."""

    async def dialogue():
        headers = {"X-Api-Key": server.heygen.api_key}
        async with _LIBRARIES[library].AsyncClient(transport=server.transport(library), headers=headers) as client:
            made = await client.post(_VIDEOS, json=_VIDEO)
            answers = await asyncio.gather(*(client.get(_ME) for _ in range(5)))
            return [made, *answers]

    answers = asyncio.run(dialogue())
    assert ([answer.status_code for answer in answers], normalize(answers[0])) == ([200] * 6, None)
    assert (json.loads(server.requests[0].body), str(answers[1].url)) == (_VIDEO, _ME)


def test_transport_of_another_library_is_refused(server):
    """A library without a transport is told what there is for it."""
    with pytest.raises(ValueError, match=r"no transport for 'requests': use one of httpx2, httpx; for requests there is mount"):
        server.transport("requests")
