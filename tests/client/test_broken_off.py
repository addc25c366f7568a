"""What a call that is broken off leaves behind: the places it had at the limiter and at the circuit breaker."""

from __future__ import annotations

import pytest
from harness import KINDS, at, one

from heify_heygen_errors import ApiError, BreakerPolicy, Limiter, RateLimitError
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, ManualClock, error, fault

both = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)

VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}


class Interrupted(BaseException):
    """Ends a program in the midst of a call, as Ctrl-C does."""


def interrupting(kind):
    """A sleep in which the program is interrupted."""

    def sleep(_: float) -> None:
        raise Interrupted

    async def asleep(_: float) -> None:
        raise Interrupted

    return asleep if kind.name == "async" else sleep


def create(client):
    """A call that starts a job."""
    return client.heygen.post("/v3/videos", json=VIDEO)


def running(limiter):
    """How many jobs of HeyGen have a place."""
    return limiter.state.jobs[0].running


@both
@pytest.mark.parametrize(("first", "kept"), [("rate_limit", 0), ("server", 1)])
def test_interrupted_before_a_repeat(kind, fake_vendors, first, kept):
    """A job that was refused leaves its place; one that may have started keeps it, also if nobody repeats the call."""
    fake_vendors.script([error("heygen", first)])
    limiter = Limiter(jobs={"heygen": 1})
    with pytest.raises(Interrupted):
        one(kind, at(fake_vendors, limiter=limiter, sleep=interrupting(kind)), create)
    assert running(limiter) == kept


@both
def test_interrupted_while_it_waits_for_a_place(kind, fake_vendors):
    """Who leaves the queue for a job takes no place, and the job that runs keeps its own."""
    limiter = Limiter(jobs={"heygen": 1})
    one(kind, at(fake_vendors, limiter=limiter), create)
    with pytest.raises(Interrupted):
        one(kind, at(fake_vendors, limiter=limiter, sleep=interrupting(kind)), create)
    assert (running(limiter), len(fake_vendors.paid_work)) == (1, 1)


@both
def test_interrupted_while_it_waits_for_its_turn(kind, fake_vendors):
    """A turn that was reserved for a call goes back when the call is broken off."""
    limiter = Limiter()
    for _ in range(2):
        one(kind, at(fake_vendors, limiter=limiter), lambda client: client.heify.post("/create-participant", json={"tag": "Ada"}))
    before = limiter.state.rates[0].tokens
    with pytest.raises(Interrupted):
        one(kind, at(fake_vendors, limiter=limiter, sleep=interrupting(kind)), lambda client: client.heify.post("/create-participant"))
    assert limiter.state.rates[0].tokens == pytest.approx(before, abs=0.5)


@both
def test_interrupted_while_it_is_sent(kind, fake_vendors, monkeypatch):
    """A call that is interrupted on its way may have started its job, which keeps the place."""
    limiter = Limiter(jobs={"heygen": 1})
    wires = {"sync": "requests_wire.RequestsWire", "async": "httpx2_wire.Httpx2Wire"}

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(f"heify_heygen_errors.client.{wires[kind.name]}.send", interrupt)
    with pytest.raises(Interrupted):
        one(kind, at(fake_vendors, limiter=limiter), create)
    assert running(limiter) == 1


@both
def test_lost_and_refused_jobs(kind, fake_vendors):
    """A call that fails for good gives its place back if it was refused each time, and keeps it if it may have started a job once."""
    for steps, kept in (
        ([error("heygen", "insufficient_credit")], 0),
        ([fault.reset_after_request, error("heygen", "insufficient_credit")], 1),
    ):
        fake_vendors.reset()
        fake_vendors.script(steps)
        limiter = Limiter(jobs={"heygen": 1})
        with pytest.raises(ApiError):
            one(kind, at(fake_vendors, limiter=limiter, draw=lambda: 0.0), create)
        assert running(limiter) == kept


@both
def test_interrupted_probe_lets_the_next_one_go(kind, fake_vendors):
    """A probe of a half-open breaker that is broken off does not keep the next call waiting."""
    clock = ManualClock()
    policy = BreakerPolicy(minimum=1, open_for=5.0)
    fake_vendors.on("GET", "/v3/users/me", error("heygen", "server"), times=1)
    options = at(fake_vendors, breaker=policy, clock=clock, retry=False)

    def through(client):
        return client.heygen.get("/v3/users/me")

    def closes(client):
        clock.advance(6)
        return through(client)

    ends = kind.run(options, through, through, closes)
    assert [type(end).__name__ for end in ends] == ["ServerError", "NetworkError", "Answer"]


@both
def test_full_limiter_is_no_failure_of_the_vendor(kind, fake_vendors):
    """A call that the limiter keeps back counts for nothing at the breaker."""
    limiter = Limiter(jobs={"heygen": 1})
    options = at(fake_vendors, limiter=limiter, breaker=BreakerPolicy(minimum=1), deadline=0.2)
    ends = kind.run(options, create, create, lambda client: client.heygen.get("/v3/users/me"))
    assert [type(end).__name__ for end in ends] == ["Answer", "RateLimitError", "Answer"]
    assert isinstance(ends[1], RateLimitError)
