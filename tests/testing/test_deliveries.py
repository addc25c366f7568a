"""Webhooks of the fake vendors on their way: delivered to this machine, and to no other."""

import contextlib
import http.server
import json
import socket
import threading
import time

import pytest

from heify_heygen_errors.testing import Delivery
from heify_heygen_errors.testing.deliveries import Post

_PATIENCE = 5.0


class _Receiver(http.server.ThreadingHTTPServer):
    """Takes webhooks, keeps what it got, and answers with one status; waits for `gate` first if it is cleared."""

    daemon_threads = True

    def __init__(self, status=200, headers=()):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.headers = status, headers
        self.got = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook?a=1"

    def handle_error(self, request, client_address):
        """Clients that leave are no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.server.gate.wait(_PATIENCE)
        self.send_response(self.server.status)
        for name, value in self.server.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):  # noqa: A002 - the base's name
        """Say nothing."""


@contextlib.contextmanager
def _receiver(status=200, headers=()):
    with _Receiver(status, headers) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.gate.set()
            receiver.shutdown()
            thread.join()


@pytest.fixture
def post():
    made = Post()
    yield made
    made.stop()


def _delivery(url, body=b'{"event_type":"avatar_video.success"}', **headers):
    sent = {"Content-Type": "application/json", **headers}
    return Delivery(provider="heygen", event="avatar_video.success", url=url, headers=sent, body=body)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_webhook_arrives_as_it_was_signed(post):
    """The receiver gets the path with its query, the very bytes of the body, and the headers that sign them."""
    body = '{"a": "é",  "b":1}'.encode()
    with _receiver() as receiver:
        post.send(_delivery(receiver.url, body, Signature="abc"))
        post.wait(_PATIENCE)
        [(path, headers, got)] = receiver.got
    assert ("/hook?a=1", "abc", "application/json", body) == (path, headers["Signature"], headers["Content-Type"], got)


@pytest.mark.parametrize("status", [200, 204, 404, 500])
def test_answer_of_the_receiver_is_on_record(post, status):
    """Whatever the receiver answers is kept as the status; an answer that says no is an answer."""
    with _receiver(status) as receiver:
        post.send(_delivery(receiver.url))
        [done] = post.wait(_PATIENCE)
    assert (status, None) == (done.status, done.problem)


def test_redirects_are_not_followed(post):
    """A redirect is the receiver's answer: nothing is sent to where it points."""
    with _receiver() as other, _receiver(307, [("Location", other.url)]) as receiver:
        post.send(_delivery(receiver.url))
        [done] = post.wait(_PATIENCE)
        assert (done.status, len(other.got)) == (307, 0)


def test_webhooks_go_out_in_order(post):
    """Webhooks arrive one after the other in the order in which they were sent, and are on record in that order."""
    with _receiver() as receiver:
        for number in range(20):
            post.send(_delivery(receiver.url, b"%d" % number))
        done = post.wait(_PATIENCE)
        assert [b"%d" % number for number in range(20)] == [body for _, _, body in receiver.got] == [delivery.body for delivery in done]


def test_receiver_that_refuses_is_a_problem(post):
    """Where nothing listens there is no status, the problem names the exception, and the next webhook goes out all the same."""
    with _receiver() as receiver:
        post.send(_delivery(f"http://127.0.0.1:{_free_port()}/hook"))
        post.send(_delivery(receiver.url))
        refused, good = post.wait(_PATIENCE)
    assert (refused.status, good.status) == (None, 200)
    assert refused.problem.startswith("ConnectionError: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/hook",
        "http://127.0.0.1:x/hook",
        "http://localhost:0/hook",
        "http://127.0.0.1/ho ok\x00",
    ],
)
def test_odd_address_on_this_machine_is_a_problem(post, url):
    """An address that cannot be used is a problem of that webhook alone; the next one goes out."""
    with _receiver() as receiver:
        post.send(_delivery(url))
        post.send(_delivery(receiver.url))
        odd, good = post.wait(_PATIENCE)
    assert (odd.status, bool(odd.problem), good.status) == (None, True, 200)


def test_headers_that_cannot_be_sent_are_a_problem(post):
    """A header with a line break is a problem of that webhook alone; the next one goes out."""
    with _receiver() as receiver:
        post.send(_delivery(receiver.url, Signature="a\r\nb"))
        post.send(_delivery(receiver.url))
        odd, good = post.wait(_PATIENCE)
        assert (odd.status, bool(odd.problem), good.status, len(receiver.got)) == (None, True, 200, 1)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://93.184.216.34/hook",
        "http://10.0.0.1:8080/hook",
        "http://0.0.0.0:8080/hook",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost.example.com/hook",
        "http://127.0.0.1.example.com/hook",
        "http://127.0.0.1@example.com/hook",
        "http://[2001:db8::1]/hook",
        "ftp://127.0.0.1/hook",
        "file:///etc/passwd",
        "//127.0.0.1/hook",
        "http://[::1/hook",
        "127.0.0.1/hook",
        "not a url",
        "",
    ],
)
def test_nothing_leaves_this_machine(post, url):
    """An address elsewhere, or none at all, is not contacted: the webhook is on record with the reason, and no thread starts."""
    before = threading.active_count()
    post.send(_delivery(url))
    [kept] = post.wait(0)
    assert (before, None) == (threading.active_count(), kept.status)
    assert f"{url} is not on this machine; webhooks of the fake are delivered to loopback addresses only" == kept.problem


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
def test_loopback_has_many_names(host, scheme, post):
    """Every loopback address is of this machine: it is contacted, and what is wrong there is the connection."""
    post.send(_delivery(f"{scheme}://{host}:{_free_port()}/hook"))
    [done] = post.wait(_PATIENCE)
    assert done.problem.startswith("ConnectionError: ")


def test_proxies_of_the_environment_are_not_used(post, monkeypatch):
    """A proxy that the environment names does not get to see webhooks of this machine."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with _receiver() as receiver:
        post.send(_delivery(receiver.url))
        [done] = post.wait(_PATIENCE)
    assert done.status == 200


def test_those_on_their_way_are_on_record(post):
    """A webhook is on record from when it is sent, without a status until the receiver has answered."""
    with _receiver() as receiver:
        receiver.gate.clear()
        post.send(_delivery(receiver.url))
        assert [(one.status, one.problem) for one in post.sent] == [(None, None)]
        receiver.gate.set()
        post.wait(_PATIENCE)
        assert [one.status for one in post.sent] == [200]


def test_waiting_ends_with_its_time():
    """Waiting for a receiver that does not answer ends with a TimeoutError that says how many are on their way."""
    post = Post()
    with _receiver() as receiver:
        receiver.gate.clear()
        post.send(_delivery(receiver.url))
        post.send(_delivery(receiver.url))
        begin = time.monotonic()
        with pytest.raises(TimeoutError, match=r"^2 webhooks are still on their way after 0\.05 seconds$"):
            post.wait(0.05)
        assert 0.05 <= time.monotonic() - begin < _PATIENCE
        receiver.gate.set()
        assert [one.status for one in post.wait(_PATIENCE)] == [200, 200]
    post.stop()


def test_waiting_for_nothing_returns_at_once():
    """With nothing on its way there is nothing to wait for."""
    assert Post().wait(0) == []


def test_stopping_ends_the_thread():
    """After stop no thread is left, whether webhooks were sent or not, and stopping again is harmless."""
    before = threading.active_count()
    idle, used = Post(), Post()
    with _receiver() as receiver:
        used.send(_delivery(receiver.url))
        used.wait(_PATIENCE)
    for post in (idle, used, used):
        post.stop()
    assert before == threading.active_count()


def test_stopping_does_not_wait_for_receivers():
    """Stop returns soon although a receiver has not answered yet."""
    post = Post()
    with _receiver() as receiver:
        receiver.gate.clear()
        post.send(_delivery(receiver.url))
        begin = time.monotonic()
        post.stop()
        assert time.monotonic() - begin < 2


def test_body_is_readable_as_json():
    """The body of a delivery can be had decoded."""
    value = {"event_type": "avatar_video.fail", "event_data": {"msg": "é"}}
    assert value == _delivery("http://127.0.0.1/", json.dumps(value).encode()).json
