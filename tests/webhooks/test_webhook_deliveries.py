"""Deliveries of the fake vendors over real sockets: verified, answered, delivered again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, JobPlan, ManualClock, error, webhook
from heify_heygen_errors.webhooks import WebhookError, WebhookEvent, WebhookVerifier, parse_unverified_webhook

VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
REGISTER = {"v1": "/v1/webhook/endpoint.add", "v3": "/v3/webhooks/endpoints"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(clock: ManualClock) -> Iterator[FakeServer]:
    with FakeServer(clock=clock) as running:
        yield running


def ask(server: FakeServer, path: str, body: Any) -> Any:
    answer = requests.post(server.heygen.url + path, json=body, headers={"X-Api-Key": server.heygen.api_key}, timeout=5)
    answer.raise_for_status()
    return answer.json()["data"]


@contextmanager
def application(handle: Callable[[bytes, Any], int]) -> Iterator[str]:
    """A web application that answers each POST with the status that `handle` gives."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(handle(body, self.headers))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/hook"
        finally:
            listening.shutdown()
            thread.join()


class Receiver:
    """What an application does with deliveries: verify, keep, answer. Its secret is known after its address."""

    verifier: WebhookVerifier

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []
        self.fails = 0

    def work(self, event: WebhookEvent) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError
        self.events.append(event)

    def __call__(self, body: bytes, headers: Any) -> int:
        try:
            with self.verifier.accept(body, headers) as event:
                self.work(event)
        except WebhookError as refused:
            return refused.http_status
        except OSError:
            return 500
        return 200


@pytest.mark.parametrize("generation", REGISTER)
@pytest.mark.parametrize(
    "plan", [JobPlan(polls=0), JobPlan(polls=0, fails=error("heygen", "insufficient_credit"))], ids=["success", "failure"]
)
def test_deliveries_of_both_generations(server: FakeServer, clock: ManualClock, generation: str, plan: JobPlan) -> None:
    """What HeyGen posts when a job ends is accepted with the endpoint's secret, and says how it ended."""
    server.plan_jobs(plan)
    receiver = Receiver()
    with application(receiver) as url:
        receiver.verifier = WebhookVerifier(ask(server, REGISTER[generation], {"url": url})["secret"], clock=clock)
        video_id = ask(server, "/v3/videos", VIDEO)["video_id"]
        server.finish_jobs()
        [delivered] = server.wait_for_deliveries()
    [event] = receiver.events
    failed = plan.fails is not None
    assert (delivered.status, event.type) == (200, f"avatar_video.{'fail' if failed else 'success'}")
    assert (event.state, event.resource["video_id"]) == ("failed" if failed else "completed", video_id)
    assert (event.failure and event.failure.category) == ("payment" if failed else None)
    assert (event.id is not None, event.created is not None) == (generation == "v3", generation == "v3")


@pytest.mark.parametrize("generation", REGISTER)
def test_answers_to_deliveries(server: FakeServer, clock: ManualClock, generation: str) -> None:
    """Work that fails is answered 500 and accepted at the next try; a replay is answered 200, a forgery and an old one 401."""
    receiver = Receiver()
    with application(receiver) as url:
        receiver.verifier = WebhookVerifier(ask(server, REGISTER[generation], {"url": url})["secret"], clock=clock)
        receiver.fails = 1
        ask(server, "/v3/videos", VIDEO)
        server.finish_jobs()
        [first] = server.wait_for_deliveries()
        statuses = [first.status]

        def again(body: bytes, headers: Any) -> int:
            return requests.post(url, data=body, headers=dict(headers), timeout=5).status_code

        statuses += [again(first.body, first.headers) for _ in range(2)]
        statuses.append(again(first.body.replace(b"success", b"failure"), first.headers))
        clock.advance(301)
        statuses.append(again(first.body, first.headers))
    assert (statuses, len(receiver.events)) == ([500, 200, 200, 401, 401 if generation == "v3" else 200], 1)


def test_a_secret_is_rotated(server: FakeServer, clock: ManualClock) -> None:
    """With the old and the new secret no delivery is lost while HeyGen rotates it."""
    with server.receiver() as inbox:
        endpoint = ask(server, REGISTER["v3"], {"url": inbox.url})
        ask(server, "/v3/videos", VIDEO)
        server.finish_jobs()
        fresh = ask(server, f"/v3/webhooks/endpoints/{endpoint['endpoint_id']}/rotate-secret", {})["secret"]
        ask(server, "/v3/videos", VIDEO)
        server.finish_jobs()
        server.wait_for_deliveries()
    both = WebhookVerifier(fresh, endpoint["secret"], clock=clock)
    assert [both.verify(arrived.body, arrived.headers).succeeded for arrived in inbox.requests] == [True, True]
    after = WebhookVerifier(fresh, clock=clock)
    with pytest.raises(WebhookError, match="wrong_signature"):
        after.verify(inbox.requests[0].body, inbox.requests[0].headers)
    assert after.verify(inbox.requests[1].body, inbox.requests[1].headers).succeeded


def test_callbacks_and_heify_are_parsed(server: FakeServer) -> None:
    """A call of a callback_url and what Heify posts, which nobody signs, are read without being verified."""
    with server.receiver() as inbox:
        ask(server, "/v3/videos", VIDEO | {"callback_url": inbox.url, "callback_id": "mine"})
        server.finish_jobs()
        server.send_webhook(webhook("heify", "INSUFFICIENT_MINUTES"), inbox.url)
        server.wait_for_deliveries()
    callback, heify = (
        parse_unverified_webhook(arrived.body, provider) for arrived, provider in zip(inbox.requests, ["heygen", "heify"], strict=True)
    )
    assert (callback.state, callback.resource["callback_id"], callback.is_verified) == ("completed", "mine", False)
    assert heify.failure is not None
    assert (heify.state, heify.failure.category, heify.is_verified) == ("failed", "payment", False)
