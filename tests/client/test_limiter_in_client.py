"""The limiter behind a client: what lost, repeated, refused and broken-off calls do to places and turns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness import KINDS, at, one

from heify_heygen_errors import ApiError, AsyncClient, Limiter, NetworkError, PaymentRequiredError, RateLimitError
from heify_heygen_errors.retry.limiter import PAUSE
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, ManualClock, error, fault

VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
VIDEOS = "/v3/videos"

both = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def limiter(clock):
    """One job at once."""
    return Limiter(jobs={"heygen": 1}, clock=clock)


def running(limiter):
    """The jobs of HeyGen that count."""
    return limiter.state.jobs[0].running


def create(**options: Any):
    """The creation of a video."""
    return lambda client: client.heygen.post(VIDEOS, json=VIDEO, **options)


def settings(server, kind, limiter, clock, **changes):
    """Arguments of a client that never really waits."""
    return at(server, **{"limiter": limiter, "clock": clock, "sleep": kind.sleep(clock), **changes})


def lose(server, count=3):
    """Have so many answers about videos be lost behind their effect."""
    server.script([fault.reset_after_request] * count, method="POST", path=VIDEOS)


# Lost answers.


@both
def test_a_lost_order_can_be_repeated(fake_vendors, kind, limiter, clock):
    """An order whose answers were all lost has the only place, and its repeat with the same key gets the video that was paid for."""
    lose(fake_vendors)
    options = settings(fake_vendors, kind, limiter, clock)
    with pytest.raises(NetworkError) as lost:
        one(kind, options, create())
    assert (len(lost.value.attempts), running(limiter)) == (3, 1)
    with pytest.raises(RateLimitError):
        one(kind, options, create(deadline=PAUSE / 2))
    waited = len(clock.slept)
    again = one(kind, options, create(idempotency_key=lost.value.idempotency_key))
    assert [work.id for work in fake_vendors.paid_work] == [again.data["video_id"]]
    assert (running(limiter), len(clock.slept)) == (1, waited)


@both
def test_the_job_of_a_repeat_is_followed(fake_vendors, kind, limiter, clock):
    """Once a repeat has told the id of a lost order, an answer that says it is over frees the place for another order."""
    lose(fake_vendors)
    options = settings(fake_vendors, kind, limiter, clock)
    with pytest.raises(NetworkError):
        one(kind, options, create(idempotency_key="order-1"))
    video = one(kind, options, create(idempotency_key="order-1")).data["video_id"]
    fake_vendors.finish_jobs()
    assert one(kind, options, lambda client: client.heygen.get(f"{VIDEOS}/{video}")).data["status"] == "completed"
    assert running(limiter) == 0
    assert one(kind, options, create(idempotency_key="order-2", deadline=PAUSE / 2)).data["video_id"] != video


@both
def test_a_repeat_that_is_refused_frees_nothing(fake_vendors, kind, limiter, clock):
    """A repeat that was refused does not say that the lost order started nothing: its place stays taken."""
    lose(fake_vendors)
    options = settings(fake_vendors, kind, limiter, clock)
    with pytest.raises(NetworkError):
        one(kind, options, create(idempotency_key="order-1"))
    fake_vendors.script([error("heygen", "insufficient_credit")])
    with pytest.raises(PaymentRequiredError):
        one(kind, options, create(idempotency_key="order-1"))
    assert running(limiter) == 1
    assert one(kind, options, create(idempotency_key="order-1")).status == 200
    assert (running(limiter), len(fake_vendors.paid_work)) == (1, 1)


@both
def test_an_order_is_repeated_while_its_video_is_made(fake_vendors, kind, limiter, clock):
    """A program that starts anew and gives its order once more gets the same video at once, though the only place is taken."""
    options = settings(fake_vendors, kind, limiter, clock)
    made = [one(kind, options, create(idempotency_key="order-1")).data["video_id"] for _ in range(3)]
    assert (len(set(made)), running(limiter), clock.slept) == (1, 1, [])


@both
def test_a_key_that_heygen_ignores_takes_no_place_over(fake_vendors, kind, limiter, clock):
    """Where HeyGen honours no key, the repeat of a lost order could be a second job, and waits."""
    fake_vendors.script([fault.reset_after_request])
    options = settings(fake_vendors, kind, limiter, clock)

    def generate(client):
        return client.heygen.post("/v2/video/generate", json={}, idempotency_key="order-1", deadline=PAUSE / 2)

    ends = []
    for _ in range(2):
        with pytest.raises(ApiError) as raised:
            one(kind, options, generate)
        ends.append(raised.value.info.rule)
    assert (ends[1], running(limiter), fake_vendors.request_count) == ("transport/LimiterFull", 1, 1)


# No room in time.


@both
def test_a_deadline_while_all_places_are_taken(fake_vendors, kind, limiter, clock):
    """A call waits for a place as long as its deadline allows; its error says what makes room, and nothing was sent."""
    options = settings(fake_vendors, kind, limiter, clock)
    one(kind, options, create())
    with pytest.raises(RateLimitError) as full:
        one(kind, options, create(deadline=3.5))
    assert (full.value.info.rule, full.value.info.retry.outcome, full.value.wait) == ("transport/LimiterFull", "not_sent", PAUSE)
    assert (clock.slept, fake_vendors.request_count, running(limiter)) == ([PAUSE] * 3, 1, 1)
    assert "wait until a job ends, or ask what became of the jobs that were started" in str(full.value.__cause__)


# Broken off.


def breaking(kind, raised, waits):
    """A sleep that is broken off: it raises at the wait of that number."""

    def sleep(_):
        waits.append(raised)
        raise raised

    async def asleep(_):
        sleep(_)

    return sleep if kind.name == "sync" else asleep


@both
@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_a_turn_that_is_not_taken_is_given_back(fake_vendors, kind, limiter, clock, raised):
    """A call that is broken off while it waits for its turn leaves the turn to the next, and nothing was sent."""
    waits: list[Any] = []
    options = settings(fake_vendors, kind, limiter, clock, sleep=breaking(kind, raised, waits))
    for _ in range(2):
        limiter.reserve("heify", "POST", "/create-participant")
    for _ in range(3):
        with pytest.raises(raised):
            one(kind, options, lambda client: client.heify.post("/create-participant", json={}))
    assert (len(waits), fake_vendors.request_count) == (3, 0)
    assert limiter.state.rates[0].tokens == pytest.approx(0)


@both
def test_a_wait_for_a_place_that_is_broken_off_takes_none(fake_vendors, kind, limiter, clock):
    """A call that is broken off while it waits for a place leaves the number of jobs as it is."""
    waits: list[Any] = []
    one(kind, settings(fake_vendors, kind, limiter, clock), create())
    options = settings(fake_vendors, kind, limiter, clock, sleep=breaking(kind, KeyboardInterrupt, waits))
    with pytest.raises(KeyboardInterrupt):
        one(kind, options, create())
    assert (len(waits), running(limiter), fake_vendors.request_count) == (1, 1, 1)


def test_a_task_that_waits_for_a_place_can_be_cancelled(fake_vendors):
    """Tasks that are cancelled while they wait for a place or a turn end at once, and take neither."""
    limiter = Limiter(jobs={"heygen": 1})

    async def whole():
        async with AsyncClient(**at(fake_vendors, limiter=limiter)) as client:
            await create()(client)
            for _ in range(2):
                limiter.reserve("heify", "POST", "/create-participant")
            waiting = [asyncio.create_task(create()(client)), asyncio.create_task(client.heify.post("/create-participant", json={}))]
            await asyncio.sleep(0.05)
            for task in waiting:
                task.cancel()
            return await asyncio.gather(*waiting, return_exceptions=True)

    ends = asyncio.run(whole())
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    assert (running(limiter), fake_vendors.request_count) == (1, 1)
    assert limiter.state.rates[0].tokens == pytest.approx(0, abs=0.5)


def test_a_task_that_is_cancelled_while_it_sends_can_be_repeated(fake_vendors):
    """An order that was cancelled while it was out keeps its place, and the same order once more gets its video."""
    limiter = Limiter(jobs={"heygen": 1})
    # HeyGen says that the order is in progress for as long as the first request stands.
    fake_vendors.script([fault.no_answer(seconds=0.5)])
    nap = asyncio.sleep

    async def whole():
        async with AsyncClient(**at(fake_vendors, limiter=limiter, sleep=lambda _: nap(0.3))) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await create(idempotency_key="order-1")(client)
            kept = running(limiter)
            again = await create(idempotency_key="order-1", deadline=10)(client)
            return kept, again.data["video_id"]

    assert asyncio.run(whole()) == (1, fake_vendors.paid_work[0].id)
    assert (running(limiter), len(fake_vendors.paid_work)) == (1, 1)


def test_one_order_twice_at_once(fake_vendors):
    """Two tasks that give the same order at the same time get one video, and take one place."""
    limiter = Limiter(jobs={"heygen": 1})
    fake_vendors.script([fault.slow_answer(seconds=0.2)])

    async def whole():
        async with AsyncClient(**at(fake_vendors, limiter=limiter)) as client:
            return await asyncio.gather(*(create(idempotency_key="order-1", deadline=10)(client) for _ in range(2)))

    answers = asyncio.run(whole())
    assert {answer.data["video_id"] for answer in answers} == {work.id for work in fake_vendors.paid_work}
    assert (running(limiter), len(fake_vendors.paid_work)) == (1, 1)
