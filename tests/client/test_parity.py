"""`Client` and `AsyncClient` are the same client: one table of scenarios goes through both, and all that can be seen is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest
from harness import KINDS, Seen, observed

from heify_heygen_errors import BreakerPolicy, Limiter, RetryBudget, RetryPolicy
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, JobPlan, Reply, error, fault, ok
from heify_heygen_errors.testing.fault import FAULTS

ME = "/v3/users/me"
VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
VIDEO_V2 = {
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": AVATAR_ID},
            "voice": {"type": "text", "input_text": "Hello", "voice_id": VOICE_ID},
        }
    ]
}
BROKEN = error("heygen", "internal_error")
SLOWED = error("heygen", "rate_limit", retry_after=2)


def heygen(verb, *arguments, **options):
    """What is done with a client: a call of HeyGen."""
    return lambda client: getattr(client.heygen, verb)(*arguments, **options)


def heify(verb, *arguments, **options):
    """The same of Heify."""
    return lambda client: getattr(client.heify, verb)(*arguments, **options)


def liveavatar(verb, *arguments, **options):
    """The same of LiveAvatar."""
    return lambda client: getattr(client.liveavatar, verb)(*arguments, **options)


@attrs.frozen
class Scenario:
    """Some calls, what they meet, and what comes of it.

    Attributes:
        calls: what is done with one client, in order.
        told: how each call ends: the status, or the rule and the reason, or the exception's class.
        sent: requests that the vendors see.
        waits: seconds that are slept. The jitter is drawn from 0.5, 0.75, 0.25, 0.5, ...
        steps: what the requests meet.
        set_up: what else is done to the vendors before.
        server: options of the vendors.
        options: of the client.
        paid: how often paid work is started.
    """

    calls: Sequence[Callable[[Any], Any]]
    told: Sequence[str]
    sent: int
    waits: Sequence[float] = ()
    steps: Sequence[Any] = ()
    set_up: Callable[[Any], object] | None = None
    server: Mapping[str, Any] = attrs.field(factory=dict)
    options: Callable[[Any, Any], Mapping[str, Any]] | None = None
    paid: int = 0


def client(**options):
    """Options of the client that need neither vendors nor clock."""
    return lambda server, clock: options


SCENARIOS = {
    # Every verb, and every way to send something along.
    "get": Scenario([heygen("get", ME)], ["200"], 1),
    "post json": Scenario([heygen("post", "/v3/videos", json=VIDEO)], ["200"], 1, paid=1),
    "put": Scenario([heygen("put", "/v3/videos/x", json={"a": 1})], ["heygen/status:405 permanent"], 1),
    "patch": Scenario([heygen("patch", "/v3/lipsyncs/x", json={"title": "t"})], ["heygen/RESOURCE_NOT_FOUND permanent"], 1),
    "delete": Scenario([heygen("delete", "/v3/videos/x")], ["heygen/VIDEO_NOT_FOUND permanent"], 1),
    "delete with a body": Scenario([heygen("delete", "/v3/videos/x", json={"why": "old"})], ["heygen/VIDEO_NOT_FOUND permanent"], 1),
    "request in lower case": Scenario([heygen("request", "get", ME)], ["200"], 1),
    "head": Scenario([heygen("request", "HEAD", ME)], ["200"], 1, steps=[Reply(headers={"X-Seen": "1"})]),
    "options": Scenario([heygen("request", "OPTIONS", ME)], ["204"], 1, steps=[Reply(status=204)]),
    "no body": Scenario([heygen("post", "/v3/x")], ["200"], 1, steps=[Reply.json({})]),
    "json that is none": Scenario([heygen("post", "/v3/x", json=None)], ["200"], 1, steps=[Reply.json({})]),
    "json of another kind": Scenario([heygen("post", "/v3/x", json=[1, "ä", None, True])], ["200"], 1, steps=[Reply.json({})]),
    "bytes": Scenario([heygen("post", "/v3/x", data=b"\x00\xff")], ["200"], 1, steps=[Reply.json({})]),
    "text": Scenario([heygen("post", "/v3/x", data="zwölf")], ["200"], 1, steps=[Reply.json({})]),
    "form": Scenario([heygen("post", "/v3/x", data={"a b": "ä&=", "n": 1})], ["200"], 1, steps=[Reply.json({})]),
    "files": Scenario(
        [heygen("post", "/v3/x", files={"f": ("ä.png", b"\x00\r\n--", "image/png"), "g": b"x"}, data={"title": "ü"})],
        ["200"],
        1,
        steps=[Reply.json({})],
    ),
    "large body": Scenario([heygen("post", "/v3/x", data=b"x" * 1_500_000)], ["200"], 1, steps=[Reply.json({})]),
    "heify without a body": Scenario([heify("post", "/list-transcriptions")], ["200"], 1),
    "heify with one": Scenario([heify("post", "/list-transcriptions", json={"limit": 1})], ["200"], 1),
    "heify 2025": Scenario([heify("post", "/list-transcriptions")], ["200"], 1, server={"heify_generation": "2025"}),
    "liveavatar": Scenario([liveavatar("get", "/v1/avatars")], ["200"], 1),
    "session token": Scenario(
        [liveavatar("post", "/v1/sessions/start", headers={"Authorization": "Bearer wrong-session-token"})],
        ["liveavatar/CREDENTIALS_REJECTED permanent"],
        1,
    ),
    "params": Scenario(
        [heygen("get", ME, params={"a b": "ä/&=+", "many": [1, 2], "no": None, "yes": True, "off": False, "f": 1.5, "e": ""})], ["200"], 1
    ),
    "query in the path": Scenario([heygen("get", ME + "?a=1&b=%2F", params={"c": 2})], ["200"], 1),
    "fragment": Scenario([heygen("get", ME + "#top")], ["ValueError"], 0),
    "path of other letters": Scenario([heygen("get", "/v3/videos/äöü|x}")], ["heygen/VIDEO_NOT_FOUND permanent"], 1),
    "encoded path": Scenario([heygen("get", "/v3/videos/a%20b%C3%A4")], ["heygen/VIDEO_NOT_FOUND permanent"], 1),
    "lone per cent": Scenario([heygen("get", "/v3/videos/100%?q=5%")], ["heygen/VIDEO_NOT_FOUND permanent"], 1),
    "path without a slash": Scenario([heygen("get", "v3/users/me")], ["200"], 1),
    "own headers": Scenario([heygen("get", ME, headers={"ACCEPT": "*/*", "User-Agent": "mine/1", "X-Of-Mine": " y "})], ["200"], 1),
    "own credential": Scenario(
        [heygen("get", ME, headers={"authorization": "Bearer of-somebody-else"})], ["heygen/UNAUTHORIZED permanent"], 1
    ),
    "own key": Scenario([heygen("get", ME, headers={"x-api-key": "fake-heygen-key"})], ["200"], 1, options=client(heygen_api_key="wrong")),
    # Keys of idempotency.
    "own idempotency key": Scenario([heygen("post", "/v3/videos", json=VIDEO, idempotency_key="order-7")] * 2, ["200"] * 2, 2, paid=1),
    "idempotency key as a header": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO, headers={"idempotency-key": "order-7"})] * 2, ["200"] * 2, 2, paid=1
    ),
    "idempotency key in the body": Scenario(
        [heygen("post", "/v3/background-removals", json={"video": {"type": "url", "url": "https://e.com/a.mp4"}})],
        ["200"],
        1,
        paid=1,
    ),
    "idempotency key for nothing": Scenario([heygen("post", "/v2/video/generate", json=VIDEO_V2, idempotency_key="k")], ["200"], 1, paid=1),
    "idempotency key of a read": Scenario([heygen("get", ME, idempotency_key="k")], ["200"], 1),
    "idempotency key of heify": Scenario([heify("post", "/list-transcriptions", idempotency_key="k")], ["200"], 1),
    "in progress": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO)],
        ["200"],
        3,
        [0.25, 1.75 / 2],
        steps=[fault.reset_after_request, error("heygen", "request_in_progress"), ok],
        paid=1,
    ),
    # Failures and repeats.
    "wrong key": Scenario([heygen("get", ME)], ["heygen/UNAUTHORIZED permanent"], 1, options=client(heygen_api_key="wrong")),
    "payment": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO)],
        ["heygen/INSUFFICIENT_CREDIT permanent"],
        1,
        set_up=lambda server: server.set_balance("heygen", 0),
    ),
    "slowed": Scenario([heygen("get", ME)], ["200"], 2, [2.5], steps=[SLOWED]),
    "slowed for good": Scenario([heygen("get", ME)], ["heygen/RATE_LIMIT_EXCEEDED attempts"], 3, [2.5, 3.5], steps=[SLOWED] * 3),
    "slowed too long": Scenario(
        [heygen("get", ME)], ["heygen/RATE_LIMIT_EXCEEDED wait_too_long"], 1, steps=[error("heygen", "rate_limit", retry_after=61)]
    ),
    "slowed beyond the deadline": Scenario([heygen("get", ME, deadline=2.4)], ["heygen/RATE_LIMIT_EXCEEDED deadline"], 1, steps=[SLOWED]),
    "heify slowed": Scenario([heify("post", "/list-transcriptions")], ["200"], 2, [0.62], steps=[error("heify", "rate_limit")]),
    "broken read": Scenario([heygen("get", ME)], ["200"], 3, [0.25, 0.75], steps=[BROKEN, BROKEN]),
    "broken for good": Scenario([heygen("get", ME)], ["heygen/INTERNAL_ERROR attempts"], 3, [0.25, 0.75], steps=[BROKEN] * 3),
    "broken create with a key": Scenario([heygen("post", "/v3/videos", json=VIDEO)], ["200"], 2, [0.25], steps=[BROKEN], paid=1),
    "broken create without one": Scenario(
        [heygen("post", "/v2/video/generate", json=VIDEO_V2)],
        ["heygen/INTERNAL_ERROR unsafe"],
        1,
        steps=[error("heygen", "internal_error", status=500)],
        paid=1,
    ),
    "broken submit": Scenario([heify("post", "/submit", json={})], ["heify/status:500 unsafe"], 1, steps=[Reply(status=500)]),
    "broken read of heify": Scenario([heify("post", "/details", json={})], ["200"], 2, [0.25], steps=[Reply(status=500), Reply.json({})]),
    "too early": Scenario(
        [heygen("get", ME)],
        ["200"],
        3,
        [0.75, 1.75],
        steps=[error("heygen", "not_ready"), error("heygen", "not_ready")],
    ),
    "too early for good": Scenario(
        [heygen("get", ME, retry=RetryPolicy(polls=1))],
        ["heygen/RESOURCE_NOT_READY attempts"],
        2,
        [0.75],
        steps=[error("heygen", "not_ready")] * 2,
    ),
    "no repeat": Scenario([heygen("get", ME, retry=False)], ["heygen/INTERNAL_ERROR attempts"], 1, steps=[BROKEN]),
    "no repeat anywhere": Scenario([heygen("get", ME)], ["heygen/INTERNAL_ERROR attempts"], 1, steps=[BROKEN], options=client(retry=False)),
    "own policy": Scenario(
        [heygen("get", ME, retry=RetryPolicy(attempts=5, base=8, cap=10))], ["200"], 5, [4, 7.5, 2.5, 5], steps=[BROKEN] * 4
    ),
    "policy of the client": Scenario(
        [heygen("get", ME)], ["200"], 2, [4], steps=[BROKEN], options=client(retry=RetryPolicy(attempts=2, base=8))
    ),
    "job failed": Scenario(
        [heygen("get", "/v3/videos/v")],
        ["heygen/RENDERING_FAILED job_failed"],
        1,
        steps=[error("heygen", "rendering_failed", shape="job-v3")],
    ),
    "job failed without a reason": Scenario(
        [heygen("get", "/v3/videos/v")],
        ["heygen/JOB_FAILED_WITHOUT_REASON job_failed"],
        1,
        steps=[Reply.json({"data": {"id": "v", "status": "failed"}})],
    ),
    "failed item": Scenario(
        [heygen("get", "/v3/videos/statuses")], ["200"], 1, steps=[error("heygen", "rendering_failed", shape="list-item-v3")]
    ),
    "failed envelope in 200": Scenario(
        [heygen("get", "/v1/video.list")],
        ["heygen/UNAUTHORIZED permanent"],
        1,
        steps=[Reply.json({"code": 400112, "message": "Unauthorized"})],
    ),
    "unknown code": Scenario(
        [heygen("get", ME)], ["heygen/status:418 permanent"], 1, steps=[Reply.json({"error": {"code": "teapot", "message": "Short"}}, 418)]
    ),
    "deprecated": Scenario([heygen("get", "/v2/voices")] * 2, ["200"] * 2, 2),
    "deprecated by headers": Scenario(
        [heygen("get", "/v1/x")],
        ["200"],
        1,
        steps=[Reply.json({"code": 100, "data": 1}, headers={"Deprecation": "true", "Sunset": "soon"})],
    ),
    # Answers that are none.
    "html": Scenario(
        [heygen("get", ME)], ["200"], 2, [0.25], steps=[Reply(headers={"Content-Type": "text/html"}, body="<html>Sign in</html>")]
    ),
    "html for a create": Scenario(
        [heygen("post", "/v2/video/generate", json=VIDEO_V2)],
        ["transport/InvalidJson unsafe"],
        1,
        steps=[Reply(headers={"Content-Type": "text/html"}, body="<html>Sign in</html>")],
    ),
    "nothing": Scenario([heygen("get", ME)], ["200"], 2, [0.25], steps=[Reply()]),
    "no content": Scenario([heygen("delete", "/v3/videos/x")], ["204"], 1, steps=[Reply(status=204)]),
    "too large": Scenario(
        [heygen("get", ME)], ["transport/AnswerTooLarge permanent"], 1, steps=[fault.gzip_bomb], options=client(max_answer=1_000_000)
    ),
    "as large as may be": Scenario(
        [heygen("get", ME)], ["200"], 1, steps=[Reply(body=b'"' + b"x" * 998 + b'"')], options=client(max_answer=1000)
    ),
    # Time.
    "no answer in time": Scenario([heygen("get", ME, timeout=0.5)], ["200"], 2, [0.25], steps=[fault.no_answer(seconds=2)]),
    "no answer in the client's time": Scenario(
        [heygen("get", ME, retry=False)],
        ["transport/ReadTimeout attempts"],
        1,
        steps=[fault.no_answer(seconds=0.5)],
        options=client(timeout=(1, 0.2)),
    ),
    "trickling": Scenario(
        [heygen("get", ME, deadline=0.3, retry=False)], ["transport/DeadlineExceeded attempts"], 1, steps=[fault.trickling_body]
    ),
    "trickling headers": Scenario(
        [heygen("get", ME, retry=False)],
        ["transport/DeadlineExceeded attempts"],
        1,
        steps=[fault.trickling_headers],
        options=client(deadline=0.3),
    ),
    "no deadline": Scenario([heygen("get", ME, deadline=None)], ["200"], 2, [0.25], steps=[BROKEN]),
    # Where it goes.
    "redirect": Scenario([heygen("get", ME)], ["200"], 2, steps=[Reply(status=302, headers={"Location": "/heygen/v3/voices"})]),
    "redirect of a post": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO)],
        ["200"],
        2,
        steps=[Reply(status=308, headers={"Location": "/heygen/v3/videos"})],
        paid=1,
    ),
    "redirect that would change a post": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO)],
        ["transport/RedirectRefused permanent"],
        1,
        steps=[Reply(status=303, headers={"Location": "/heygen/v3/videos"})],
    ),
    "redirect elsewhere": Scenario([heygen("get", ME)], ["transport/RedirectRefused permanent"], 1, steps=[fault.redirect_elsewhere]),
    "redirects without end": Scenario(
        [heygen("get", ME)], ["transport/TooManyRedirects permanent"], 6, set_up=lambda server: server.on(None, None, fault.redirect_loop)
    ),
    "another host": Scenario([heygen("get", "https://example.com/v3/users/me")], ["ValueError"], 0),
    "an absolute URL": Scenario([lambda client: client.heygen.get(client.heygen.base_url + "/v3/voices", params={"limit": 2})], ["200"], 1),
    "nobody there": Scenario(
        [heygen("post", "/v2/video/generate", json=VIDEO_V2)],
        ["transport/ConnectionRefused attempts"],
        0,
        [0.25, 0.75],
        options=client(heygen_base_url="http://127.0.0.1:1"),
    ),
    "dead proxy": Scenario(
        [heygen("get", ME, retry=False)],
        ["transport/ProxyError attempts"],
        0,
        options=client(proxies={"http": "http://127.0.0.1:1"}),
    ),
    "no connection": Scenario(
        [heygen("get", ME, timeout=(0.2, 5), retry=False)],
        ["transport/ConnectTimeout attempts"],
        0,
        options=lambda server, clock: {"heygen_base_url": server.unreachable_url("heygen")},
    ),
    "no TLS": Scenario(
        [heygen("get", ME, timeout=(0.2, 5), retry=False)],
        ["transport/ConnectTimeout attempts"],
        0,
        options=lambda server, clock: {"heygen_base_url": server.silent_url("heygen", tls=True)},
    ),
    # Lists, pages and uploads.
    "iterate": Scenario([heygen("iterate", "/v3/voices", params={"limit": 2})], ["5 items"], 3),
    "pages": Scenario([heygen("pages", "/v3/voices", params={"limit": 2}, headers={"X-Of-Mine": "y"})], ["3 items"], 3),
    "iterate from a page on": Scenario(
        [heygen("iterate", "/v3/x", params={"token": "b"})], ["1 items"], 1, steps=[Reply.json({"data": [1], "has_more": False})]
    ),
    "a page that fails once": Scenario([heygen("iterate", "/v3/voices", params={"limit": 3})], ["5 items"], 3, [0.25], steps=[ok, BROKEN]),
    "a page that fails": Scenario(
        [heygen("iterate", "/v3/voices", params={"limit": 3})],
        ["3 items, then heygen/UNAUTHORIZED permanent"],
        2,
        steps=[ok, error("heygen", "unauthorized")],
    ),
    "a token for the second time": Scenario(
        [heygen("iterate", "/v3/x")],
        ["2 items, then transport/PageRepeated"],
        2,
        steps=[Reply.json({"data": [1], "has_more": True, "next_token": "t"})] * 2,
    ),
    "no token": Scenario(
        [heygen("iterate", "/v3/x")],
        ["1 items, then transport/PageRepeated"],
        1,
        steps=[Reply.json({"data": [1], "has_more": True, "next_token": None})],
    ),
    "no list": Scenario([heygen("iterate", ME)], ["0 items, then TypeError"], 1),
    "pages of a missing key": Scenario(
        [heygen("pages", "/v3/voices")], ["0 items, then transport/KeyMissing"], 0, options=client(heygen_api_key="")
    ),
    "upload": Scenario([heygen("upload_asset", b"bytes", name="a.png")], ["200"], 1),
    "upload again": Scenario(
        [heygen("upload_asset", b"bytes", content_type="audio/mpeg", idempotency_key="k")],
        ["200"],
        2,
        [0.25],
        steps=[fault.reset_after_request],
    ),
    "upload of nothing": Scenario([heygen("upload_asset", b"", name="a.png")], ["ValueError"], 0),
    # What cannot be meant ends before anything is sent.
    "unknown option": Scenario([heygen("get", ME, jsn={})], ["TypeError"], 0),
    "unknown method": Scenario([heygen("request", "FETCH", ME)], ["ValueError"], 0),
    "two bodies": Scenario([heygen("post", "/v3/x", json={}, data=b"")], ["TypeError"], 0),
    "not a number": Scenario([heygen("post", "/v3/x", json={"a": float("nan")})], ["ValueError"], 0),
    "no path": Scenario([heygen("get", "")], ["ValueError"], 0),
    "key that is none": Scenario([heygen("post", "/v3/videos", json=VIDEO, idempotency_key="a b")], ["ValueError"], 0),
    "deadline that is none": Scenario([heygen("get", ME, deadline=0)], ["ValueError"], 0),
    "missing key": Scenario([heify("post", "/details")], ["transport/KeyMissing"], 0, options=client(heify_api_key="")),
    # The budget, the breaker and the limiter.
    "budget used up": Scenario(
        [heygen("get", ME)],
        ["heygen/INTERNAL_ERROR budget"],
        2,
        [0.25],
        steps=[BROKEN] * 2,
        options=lambda server, clock: {"budget": RetryBudget(20)},
    ),
    "breaker": Scenario(
        [heygen("get", ME, retry=False)] * 2 + [heygen("get", ME)],
        ["heygen/INTERNAL_ERROR attempts"] * 2 + ["transport/CircuitOpen breaker"],
        2,
        steps=[BROKEN] * 2,
        options=client(breaker=BreakerPolicy(minimum=2, open_for=5)),
    ),
    "breaker behind a pause": Scenario(
        [heygen("get", ME, retry=RetryPolicy(attempts=3, base=20))] * 2,
        ["200"] * 2,
        4,
        [10, 15],
        steps=[BROKEN] * 2,
        options=client(breaker=BreakerPolicy(minimum=2, open_for=5)),
    ),
    "limiter of rates": Scenario(
        [heify("post", "/list-configurations")] * 5,
        ["200"] * 5,
        5,
        [1.2, 1.2],
        options=lambda server, clock: {"limiter": Limiter(clock=clock)},
    ),
    "limiter of rates beyond the deadline": Scenario(
        [heify("post", "/list-configurations", deadline=1)] * 4,
        ["200"] * 3 + ["transport/LimiterFull deadline"],
        3,
        options=lambda server, clock: {"limiter": Limiter(clock=clock)},
    ),
    "limiter of jobs": Scenario(
        [heygen("post", "/v3/videos", json=VIDEO), heygen("post", "/v3/videos", json={**VIDEO, "title": "2"})],
        ["200"] * 2,
        2,
        [1.0] * 60,
        options=lambda server, clock: {"limiter": Limiter(clock=clock, jobs={"heygen": 1}, job_lease=60)},
        paid=2,
    ),
    "limiter and a refused job": Scenario(
        [heygen("post", "/v3/videos", json={}), heygen("post", "/v3/videos", json=VIDEO)],
        ["heygen/INVALID_PARAMETER permanent", "200"],
        2,
        options=lambda server, clock: {"limiter": Limiter(clock=clock, jobs={"heygen": 1})},
        paid=1,
    ),
    "limiter and a failed job": Scenario(
        [
            heygen("post", "/v3/videos", json=VIDEO),
            heygen("get", "/v3/videos/e3e70682c2094cac629f6fbed82c07cd"),
            heygen("post", "/v3/videos", json=VIDEO),
        ],
        ["200", "heygen/RENDERING_FAILED job_failed", "200"],
        3,
        set_up=lambda server: server.plan_jobs(JobPlan(polls=0, fails=error("heygen", "rendering_failed"))),
        options=lambda server, clock: {"limiter": Limiter(clock=clock, jobs={"heygen": 1})},
        paid=2,
    ),
}


def differences(one, other, where=""):
    """Where two of the plain values differ, and how."""
    if one == other:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for name in one | other for line in differences(one.get(name), other.get(name), f"{where}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for place, pair in enumerate(zip(one, other, strict=True)) for line in differences(*pair, f"{where}[{place}]")]
    return [f"{where}: {one!r} / {other!r}"]


def compared(one: Seen, other: Seen):
    return differences(attrs.asdict(one), attrs.asdict(other))


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_clients_do_the_same(name):
    """Answers, errors with their history, events, requests to the byte, waits and warnings are the same, and as the table says."""
    scenario = SCENARIOS[name]
    options = {"steps": scenario.steps, "set_up": scenario.set_up, "server": scenario.server, "options": scenario.options}
    sync, awaited = (observed(kind, scenario.calls, **options) for kind in KINDS)
    assert compared(sync, awaited) == []
    assert (list(scenario.told), scenario.sent) == (sync.told, len(sync.requests))
    assert list(scenario.waits) == pytest.approx(sync.waits)
    assert (scenario.paid, 0) == (len(sync.paid), sync.elsewhere)


# What comes of a read, of a create whose key is honoured, and of one without a key, when it meets a fault.
LOST = ["200", "200", "unsafe"]
NO_ERROR = ["200", "200", "200"]
NOT_WORTH_IT = ["permanent", "permanent", "permanent"]
FAULT_ENDS = {
    "reset_while_sending": LOST,
    "reset_after_request": LOST,
    "closed_without_answer": LOST,
    "reset_after_headers": LOST,
    "reset_mid_body": LOST,
    "truncated_body": LOST,
    "truncated_chunks": LOST,
    "trickling_body": NO_ERROR,
    "endless_body": NOT_WORTH_IT,
    "trickling_headers": NO_ERROR,
    "content_length_too_long": LOST,
    "content_length_too_short": LOST,
    "broken_gzip": LOST,
    "gzip_bomb": NOT_WORTH_IT,
    "lying_content_type": NO_ERROR,
    "broken_json": LOST,
    "empty_body": LOST,
    "not_http": LOST,
    "huge_header": LOST,
    "redirect_elsewhere": NOT_WORTH_IT,
    "redirect_loop": NOT_WORTH_IT,
    "slow_answer": LOST,
    "no_answer": LOST,
}
AMOUNTS = {
    "trickling_body": {"seconds": 0.0005},
    "trickling_headers": {"seconds": 0.0005},
    "content_length_too_long": {"seconds": 3},
    "gzip_bomb": {"size": 3_000_000},
    "slow_answer": {"seconds": 3},
    "no_answer": {"seconds": 3},
}
# Whether the system tells of a reset while bytes are on their way as a reset or as an end is a matter of luck.
BY_LUCK = {"reset_while_sending": {"rule", "name", "summary", "remedy", "text"}}


def without(names, value):
    """A plain value without the fields of these names."""
    if isinstance(value, dict):
        return {name: without(names, item) for name, item in value.items() if name not in names}
    return [without(names, item) for item in value] if isinstance(value, list) else value


def test_every_fault_is_in_the_table():
    """Every fault of the testing kit goes through both clients; refused connections have a test of their own."""
    assert set(FAULTS) - {"refused"} == set(FAULT_ENDS)


@pytest.mark.parametrize("name", FAULT_ENDS)
def test_both_clients_do_the_same_with_every_fault(name):
    """A fault is repeated or given up by both in the same way, and nothing is paid for twice."""
    broken = FAULTS[name](**AMOUNTS.get(name, {}))
    large = {"padding": "x" * 3_000_000} if name == "reset_while_sending" else {}
    times = 6 if name == "redirect_loop" else 1
    endpoints = [("GET", ME), ("POST", "/v3/videos"), ("POST", "/v2/video/generate")]
    calls = [
        heygen("get", ME, data=large and b"x" * 3_000_000),
        heygen("post", "/v3/videos", json=VIDEO | large),
        heygen("post", "/v2/video/generate", json=VIDEO_V2 | large),
    ]
    sync, awaited = (
        observed(
            kind,
            calls,
            set_up=lambda server: [server.on(*endpoint, broken, times=times) for endpoint in endpoints],
            options=client(timeout=(5, 0.5 if AMOUNTS.get(name, {}).get("seconds") == 3 else 10), max_answer=1_000_000),
        )
        for kind in KINDS
    )
    assert FAULT_ENDS[name] == [word.rpartition(" ")[2] for word in sync.told]
    blurred = BY_LUCK.get(name, set())
    assert differences(*(without(blurred, attrs.asdict(one)) for one in (sync, awaited))) == []
    assert sync.elsewhere == 0
    assert len(sync.paid) == len(set(sync.paid)) <= 2


def test_both_clients_try_again_where_the_port_is_closed_for_a_while():
    """A refused connection is tried again by both, for a call of any kind: nothing was sent."""
    calls = [heygen("post", "/v2/video/generate", json=VIDEO_V2)]
    sync, awaited = (observed(kind, calls, steps=[fault.refused(seconds=0.2)]) for kind in KINDS)
    assert compared(sync, awaited) == []
    assert (sync.told, sync.waits, len(sync.requests)) == (["200"], [0.25], 1)


BY_SESSION = [
    "post json",
    "bytes",
    "files",
    "large body",
    "heify without a body",
    "params",
    "query in the path",
    "encoded path",
    "own headers",
    "own credential",
    "in progress",
    "slowed",
    "broken for good",
    "broken create without one",
    "job failed",
    "deprecated",
    "html",
    "nothing",
    "too large",
    "no answer in time",
    "trickling",
    "redirect elsewhere",
    "another host",
    "iterate",
    "a page that fails once",
    "upload again",
    "missing key",
    "budget used up",
    "breaker",
    "limiter of rates",
]


@pytest.mark.parametrize("name", BY_SESSION)
def test_both_clients_do_the_same_with_a_session_of_the_users(name):
    """The same holds where requests go through the user's own session, under the vendors' own addresses."""
    scenario = SCENARIOS[name]
    options = {"steps": scenario.steps, "set_up": scenario.set_up, "server": scenario.server, "options": scenario.options}
    sync, awaited = (observed(kind, scenario.calls, by_session=True, **options) for kind in KINDS)
    assert compared(sync, awaited) == []
    assert (list(scenario.told), scenario.sent) == (sync.told, len(sync.requests))
    assert list(scenario.waits) == pytest.approx(sync.waits)
    assert scenario.paid == len(sync.paid)
