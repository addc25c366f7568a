"""Every entry of every catalog, asked for at the fake server and read back through `normalize`, over a real socket."""

import http.server
import threading
from functools import cache

import pytest
import requests

from heify_heygen_errors import Observation, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.observation import from_response
from heify_heygen_errors.testing import FakeServer, error, shapes_of, typical, webhook, wire
from heify_heygen_errors.testing.shapes import default_wire

_PROVIDERS = ("heygen", "liveavatar", "heify")
_RULES = [
    (provider, rule)
    for entry in default_catalogs().entries()
    for provider in (_PROVIDERS if entry.provider == "layers" else (entry.provider,))
    for rule in (entry.rule, *(refinement.rule for refinement in entry.refinements))
]
every_rule = pytest.mark.parametrize(("provider", "rule"), _RULES)


@pytest.fixture(scope="module")
def server():
    """One server for all: what it is asked for does not depend on what it was asked before."""
    with FakeServer(limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def session():
    with requests.Session() as kept:
        yield kept


@cache
def _carried(provider, rule):
    """The shapes that carry the rule's typical words, and what is sent then."""
    words = typical(provider, rule)
    found = {}
    for shape in shapes_of(provider):
        form = shape.render(words)
        if form is not None:
            found[shape.name] = form
    return found


def _path(form):
    """Where such an answer is met: a signed URL where the meaning depends on it."""
    return "/anything" + ("" if form.url is None or "?" not in form.url else "?" + form.url.partition("?")[2])


@every_rule
def test_header_asks_for_every_shape(server, session, provider, rule):
    """Each entry and refinement, asked for by header in each shape that a response has, comes back as itself."""
    served = {name: form for name, form in _carried(provider, rule).items() if form.status is not None}
    found = {}
    for name, form in served.items():
        method = form.method or "POST"
        url = server.site(provider).url + (_path(form) if form.words.endpoint is None else form.words.endpoint.path)
        answer = session.request(method, url, headers={"X-Fake-Error": f"{rule}; shape={name}"}, allow_redirects=False)
        found[name] = (answer.status_code, [info.rule for info in normalize_all(_seen(answer, provider, form))])
    assert {name: (form.status, [rule]) for name, form in served.items()} == found


def _seen(answer, provider, form):
    # Meanings that depend on the endpoint depend on the vendor's address of it, which the fake's port hides.
    if form.words.endpoint is None and form.url is None:
        return from_response(answer, provider)
    return Observation(
        provider, answer.status_code, answer.headers, answer.content, form.method or "POST", form.url or form.words.endpoint.path
    )


@every_rule
def test_script_and_rule_give_the_same(server, session, provider, rule):
    """Each entry and refinement comes back as itself in the shape of the path, by script and by rule alike."""
    form = default_wire(typical(provider, rule), "/anything")
    method, path = form.method or "POST", form.words.endpoint.path if form.words.endpoint else _path(form)
    step = error(provider, rule)
    plain = path.partition("?")[0]
    server.script([step], provider=provider)
    server.on(method, plain, step, provider=provider, times=1)
    url = server.site(provider).url + path
    answers = [session.request(method, url, allow_redirects=False) for _ in range(2)]
    assert [rule] * 2 == [normalize(_seen(answer, provider, form)).rule for answer in answers]


class _Inbox(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *line):
        pass


def test_webhooks_bring_every_entry(server):
    """Each entry that the vendor's webhooks can carry is delivered and comes back as itself, in each shape of webhooks."""
    inbox = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Inbox)
    inbox.got = []
    thread = threading.Thread(target=inbox.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sent = [
        (provider, rule, name)
        for provider, rule in _RULES
        for name, form in _carried(provider, rule).items()
        if form.channel == "webhook" and form.status is None and name in _posted_shapes(provider)
    ]
    try:
        for provider, rule, name in sent:
            server.send_webhook(webhook(provider, rule, shape=name), f"http://127.0.0.1:{inbox.server_port}/hook")
        deliveries = server.wait_for_deliveries(30)
    finally:
        inbox.shutdown()
        thread.join()
        inbox.server_close()
    assert {204} == {delivery.status for delivery in deliveries}
    found = [
        normalize(Observation(provider, None, headers, body)) for (provider, _, _), (headers, body) in zip(sent, inbox.got, strict=True)
    ]
    assert [(rule, "webhook") for _, rule, _ in sent] == [(info.rule, info.channel) for info in found]


def _posted_shapes(provider):
    return {shape.name for shape in shapes_of(provider) if shape.channel == "webhook" and not shape.stored}


def test_every_entry_is_served():
    """No entry is left out: each has a shape that a server or a webhook can send."""
    assert [(provider, rule) for provider, rule in _RULES if not _carried(provider, rule)] == []


def test_words_can_be_chosen(server, session):
    """Status, message, detail, headers and Retry-After are what the caller asked for."""
    step = error(
        "heygen", "400140", status=420, message="No more", detail="for today", retry_after=1.5, headers={"X-More": "1"}, shape="v1"
    )
    server.script([step])
    answer = session.get(server.heygen.url + "/v1/video.list")
    expected = (420, {"code": 400140, "message": "No more", "detail": "for today"}, "1.5", "1")
    assert expected == (answer.status_code, answer.json(), answer.headers["Retry-After"], answer.headers["X-More"])


@pytest.mark.parametrize("path", ["/v1/video.list", "/v2/video/generate", "/v3/videos"])
def test_shape_follows_the_generation_of_the_path(server, session, path):
    """The same error is worded as the vendor words it at that path."""
    server.script([error("heygen", "UNAUTHORIZED")])
    answer = session.get(server.heygen.url + path)
    expected = {
        "/v1/video.list": wire(typical("heygen", "400112"), "v1").body,
        "/v2/video/generate": wire(typical("heygen", "unauthorized"), "v2").body,
        "/v3/videos": wire(typical("heygen", "unauthorized"), "v3").body,
    }
    assert expected[path] == answer.json()
