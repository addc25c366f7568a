"""The replay guard: each event is accepted once, unless the work on it failed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.testing import ManualClock, webhook
from heify_heygen_errors.webhooks import MemoryReplays, Replays, WebhookError, WebhookProblem, WebhookVerifier

SECRET = "whsec_4d9c2b7a51e84f0c"
NOW = 1_791_279_000
DAY = 24 * 3600.0
SENT = webhook("heygen", "rendering_failed", secret=SECRET, timestamp=NOW)


def verifier(replays: Any = "memory", **options: Any) -> WebhookVerifier:
    return WebhookVerifier(SECRET, **{"clock": lambda: NOW, "replays": replays, **options})


def signed(body: bytes, at: int = NOW, event_id: str | None = None) -> dict[str, str]:
    made = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"Heygen-Signature": made, "Heygen-Timestamp": str(at), **({} if event_id is None else {"Heygen-Event-Id": event_id})}


def is_replay(checked: WebhookVerifier, body: bytes = SENT.body, headers: Any = SENT.headers) -> bool:
    try:
        checked.verify(body, headers)
    except WebhookError as error:
        if error.problem is not WebhookProblem.REPLAYED:
            raise
        return True
    return False


# The guard in the verifier.


def test_an_event_is_accepted_once() -> None:
    """The same delivery again is a replay, to be answered with success."""
    checked = verifier()
    assert [is_replay(checked) for _ in range(3)] == [False, True, True]
    with pytest.raises(WebhookError) as caught:
        checked.verify(SENT.body, SENT.headers)
    assert caught.value.http_status == 200


def test_without_a_guard() -> None:
    """With replays=None every delivery is accepted, and release does nothing."""
    checked = verifier(None)
    assert [is_replay(checked) for _ in range(2)] == [False, False]
    checked.release(checked.verify(SENT.body, SENT.headers))


def test_what_is_not_signed_makes_no_other_event() -> None:
    """A recorded delivery with a new timestamp, a new event id header or a header of another generation is a replay."""
    body, headers = SENT.body, dict(SENT.headers)
    checked = verifier()
    checked.verify(body, headers)
    later = verifier(checked._replays, clock=lambda: NOW + 3600)
    assert is_replay(later, body, signed(body, NOW + 3600))
    assert is_replay(checked, body, signed(body, event_id="evt_new"))
    assert is_replay(checked, body, {"Signature": headers["Heygen-Signature"]})


def test_the_key_is_the_event_id_of_the_body() -> None:
    """A redelivery whose body is written otherwise is known by its event id; other ids and bodies without one are other events."""
    checked = verifier()
    bodies = [
        b'{"event_id": "evt_1", "event_type": "avatar_video.success", "event_data": {}}',
        b'{"event_type":"avatar_video.success","event_data":{},"event_id":"evt_1"}',
        b'{"event_id": "evt_2", "event_type": "avatar_video.success", "event_data": {}}',
        b'{"event_type": "avatar_video.success", "event_data": {}}',
        b'{"event_type": "avatar_video.success", "event_data": {"video_id": "v1"}}',
    ]
    assert [is_replay(checked, body, signed(body)) for body in bodies] == [False, True, False, False, False]
    keys = [verifier(None).verify(body, signed(body)).key for body in bodies]
    assert keys == [
        "heygen:evt_1",
        "heygen:evt_1",
        "heygen:evt_2",
        *(f"heygen:sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies[3:]),
    ]


@pytest.mark.parametrize("event_id", [None, "", True, [], "e" * 257, "a\nb", "\ud800"])
def test_ids_that_no_store_should_get(event_id: object) -> None:
    """An event id that is none, too long or not printable is not used as one."""
    body = json.dumps({"event_id": event_id, "event_type": "avatar_video.success", "event_data": {}}).encode()
    event = verifier().verify(body, signed(body))
    assert (event.id, event.key) == (None, f"heygen:sha256:{hashlib.sha256(body).hexdigest()}")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (SENT.body, {**SENT.headers, "Heygen-Signature": "0" * 64}),
        (SENT.body, {}),
        (SENT.body, {**SENT.headers, "Heygen-Timestamp": "1"}),
        (SENT.body + b" ", SENT.headers),
    ],
)
def test_a_refused_delivery_claims_nothing(body: bytes, headers: Any) -> None:
    """After a forged or late delivery of an event the true one is still accepted."""
    replays = MemoryReplays()
    checked = verifier(replays)
    with pytest.raises(WebhookError):
        checked.verify(body, headers)
    assert (len(replays), is_replay(checked)) == (0, False)


def test_events_are_remembered_for_a_day() -> None:
    """An event is a replay for 24 hours, or as long as was said."""
    for options, seconds in (({}, DAY), ({"remember": 60}, 60.0)):
        clock = ManualClock()
        checked = verifier(MemoryReplays(clock=clock), **options)
        seen = [is_replay(checked)]
        clock.advance(seconds - 0.5)
        seen.append(is_replay(checked))
        clock.advance(0.5)
        seen.append(is_replay(checked))
        assert seen == [False, True, False]


def test_work_that_fails_is_tried_again() -> None:
    """When the with block raises, the event is released and its error passes on; when it does not, the event stays claimed."""
    checked = verifier()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), checked.accept(SENT.body, SENT.headers):
            _ = 1 / 0
    with checked.accept(SENT.body, SENT.headers) as event:
        assert event.state.value == "failed"
    assert is_replay(checked)


def test_a_replay_releases_nothing() -> None:
    """A with block that is not entered, because the event is being worked on elsewhere, leaves the claim where it is."""
    checked = verifier()
    with checked.accept(SENT.body, SENT.headers):
        with pytest.raises(WebhookError, match="replayed"), checked.accept(SENT.body, SENT.headers):
            pytest.fail("a replay was accepted")
        assert is_replay(checked)


def test_work_that_is_broken_off() -> None:
    """An event whose work is cancelled in asynchronous code is released as well."""
    checked = verifier()

    async def work() -> None:
        with checked.accept(SENT.body, SENT.headers):
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        assert is_replay(checked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not is_replay(checked)


def test_an_acceptance_is_used_once() -> None:
    """What accept() gives is for one with block."""
    acceptance = verifier().accept(SENT.body, SENT.headers)
    with acceptance:
        pass
    with pytest.raises(RuntimeError, match="call accept\\(\\) for each with block"), acceptance:
        pytest.fail("it was used twice")


def test_release_by_hand() -> None:
    """An event that is released can be accepted again, and a release of what is not claimed is harmless."""
    checked = verifier()
    event = checked.verify(SENT.body, SENT.headers)
    for _ in range(2):
        checked.release(event)
    assert not is_replay(checked)


class Store:
    """A shared memory of one's own, as a database or Redis is, which can be down."""

    def __init__(self) -> None:
        self.known: dict[str, float] = {}
        self.is_down = False

    def claim(self, key: str, seconds: float) -> Any:
        if self.is_down:
            raise ConnectionError
        # Redis answers SET NX with True or None.
        if key in self.known:
            return None
        self.known[key] = seconds
        return True

    def release(self, key: str) -> None:
        if self.is_down:
            raise ConnectionError
        self.known.pop(key)


def test_a_store_of_ones_own() -> None:
    """Any object with claim and release is a guard; it is given the key and the seconds."""
    store = Store()
    typed: Replays = store
    checked = verifier(typed, remember=7.5)
    assert [is_replay(checked), is_replay(checked)] == [False, True]
    assert list(store.known.values()) == [7.5]


def test_a_store_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    """The error of a store at a claim is the caller's; at a release the error of the with block is, and the store's is logged."""
    store = Store()
    checked = verifier(store)

    def failing_work() -> None:
        with checked.accept(SENT.body, SENT.headers):
            store.is_down = True
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
        failing_work()
    assert "could not be released" in caplog.text
    with pytest.raises(ConnectionError):
        checked.verify(SENT.body, SENT.headers)


def test_a_race_has_one_winner() -> None:
    """Of many threads that get the same delivery at once exactly one accepts it."""
    for _ in range(20):
        checked = verifier()
        start = threading.Barrier(8)

        def run(checked: WebhookVerifier = checked, start: threading.Barrier = start) -> bool:
            start.wait()
            return is_replay(checked)

        with ThreadPoolExecutor(8) as pool:
            seen = [result.result() for result in [pool.submit(run) for _ in range(8)]]
        assert sorted(seen) == [False, *[True] * 7]


# The memory.


def test_the_memory_is_bounded() -> None:
    """A full memory drops the key that would be forgotten first, and never holds more than it may."""
    clock = ManualClock(0.0)
    memory = MemoryReplays(3, clock=clock)
    assert [memory.claim(key, seconds) for key, seconds in (("long", 90), ("short", 10), ("middle", 50), ("new", 60))] == [True] * 4
    assert (len(memory), repr(memory)) == (3, "MemoryReplays(3 of 3)")
    assert [memory.claim(key, 1) for key in ("long", "middle", "new")] == [False] * 3
    assert memory.claim("short", 100)  # which "middle" makes room for
    assert (memory.claim("long", 1), memory.claim("new", 1), memory.claim("middle", 1)) == (False, False, True)


def test_released_keys_leave_nothing_behind() -> None:
    """Claiming and releasing for ever does not let the memory grow."""
    memory = MemoryReplays(10, clock=ManualClock(0.0))
    for number in range(5000):
        assert memory.claim(f"key {number % 7}", 60)
        memory.release(f"key {number % 7}")
    assert len(memory) == 0
    assert len(memory._queue) <= 2 * 10 + 64 + 1


def test_a_key_that_is_claimed_anew_has_its_own_time() -> None:
    """A key that was released and claimed for longer is not forgotten at its first time."""
    clock = ManualClock(0.0)
    memory = MemoryReplays(clock=clock)
    memory.claim("a", 10)
    memory.release("a")
    memory.claim("a", 100)
    clock.advance(50)
    assert not memory.claim("a", 1)
    clock.advance(50)
    assert memory.claim("a", 1)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["claim", "release", "wait"]), st.sampled_from("abcd"), st.sampled_from([1.0, 5.0, 30.0])), max_size=80
)


@given(operations=OPERATIONS)
def test_the_memory_does_what_a_plain_dict_would(operations: list[tuple[str, str, float]]) -> None:
    """Whatever the order of claims, releases and time, a key can be claimed exactly if it is not remembered."""
    clock = ManualClock(0.0)
    memory, plain = MemoryReplays(4, clock=clock), dict[str, float]()
    for what, key, seconds in operations:
        if what == "wait":
            clock.advance(seconds)
        elif what == "release":
            memory.release(key)
            plain.pop(key, None)
        else:
            free = plain.get(key, 0.0) <= clock()
            assert memory.claim(key, seconds) is free
            if free:
                plain[key] = clock() + seconds
    assert len(memory) == sum(until > clock() for until in plain.values())


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"most": 0}, ValueError, "most is a whole number above 0, not 0"),
        ({"most": True}, ValueError, "most is a whole number above 0, not True"),
        ({"most": 1.5}, ValueError, "most is a whole number above 0, not 1.5"),
        ({"clock": None}, TypeError, "clock is a function without arguments"),
    ],
)
def test_a_memory_that_cannot_be_meant(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    """A memory of no size or without a clock is refused when it is made."""
    with pytest.raises(kind, match=message):
        MemoryReplays(**options)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_claim_for_no_time(seconds: float) -> None:
    """A claim that would be forgotten at once is a ValueError."""
    with pytest.raises(ValueError, match="a key is remembered for seconds above 0"):
        MemoryReplays().claim("a", seconds)
