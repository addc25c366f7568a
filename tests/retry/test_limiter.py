"""The limiter: waits that keep to the catalog's rates, places for jobs, and what frees them again."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import Observation, normalize
from heify_heygen_errors.catalog import Endpoint, default_catalogs
from heify_heygen_errors.retry.limiter import PAUSE, JobsState, Limiter, LimiterFullError, RateState, Slot, Turn
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors.heygen import HeyGen
from heify_heygen_errors.testing.world import Bucket

HEYGEN = default_catalogs().space("heygen")
RATED = [endpoint for endpoint in default_catalogs().space("heify").endpoints if endpoint.rate_per_minute]
STARTING = [endpoint for endpoint in HEYGEN.endpoints if endpoint.starts_job]
ENDING = [endpoint for endpoint in HEYGEN.endpoints if endpoint.ends_job]
OVER = sorted(HEYGEN.completed_states | HEYGEN.failed_states | HEYGEN.missing_states)

VIDEOS = ("heygen", "POST", "/v3/videos")
SLOW = ("heify", "POST", "https://api.heify.com/create-participant")  # 10 a minute, burst 2

by_name = pytest.mark.parametrize("endpoint", RATED, ids=lambda endpoint: endpoint.path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def limiter(clock: ManualClock) -> Limiter:
    return Limiter(clock=clock)


def running(limiter: Limiter) -> int:
    """The jobs of HeyGen that count."""
    (jobs,) = limiter.state.jobs
    return jobs.running


def slot_for(limiter: Limiter, path: str = "/v3/videos") -> Slot:
    """A place for a call that must not wait."""
    turn = limiter.try_job("heygen", "POST", path)
    assert turn.wait == 0
    assert turn.slot is not None
    return turn.slot


def start(limiter: Limiter, data: Any, path: str = "/v3/videos") -> None:
    """A job that the vendor started with this answer."""
    slot_for(limiter, path).started(data)


def fill(limiter: Limiter, count: int = 10) -> None:
    """That many videos, v0, v1 and so on."""
    for number in range(count):
        start(limiter, {"video_id": f"v{number}", "status": "waiting"})


# Rates.


@by_name
def test_a_burst_goes_at_once_and_the_rest_by_the_rate(endpoint: Endpoint) -> None:
    """Every endpoint with a rate lets its burst go, then one call for each share of a minute."""
    limiter = Limiter(clock=ManualClock())
    waits = [limiter.reserve("heify", endpoint.method, endpoint.path) for _ in range(endpoint.burst + 3)]
    step = 60 / endpoint.rate_per_minute
    assert waits == pytest.approx([0.0] * endpoint.burst + [step, 2 * step, 3 * step])


@by_name
@given(pauses=st.lists(st.floats(0, 5), max_size=40))
def test_calls_that_wait_their_turn_are_never_throttled(endpoint: Endpoint, pauses: list[float]) -> None:
    """Whenever calls come, a vendor that counts by the same rate and burst takes all of them at the time they are given."""
    clock = ManualClock(0.0)
    limiter = Limiter(clock=clock)
    sent = []
    for pause in pauses:
        clock.advance(pause * 60 / endpoint.rate_per_minute)
        sent.append(clock() + limiter.reserve("heify", endpoint.method, endpoint.path))
    vendor = Bucket(endpoint.rate_per_minute / 60, endpoint.burst, endpoint.burst, 0.0)
    assert sent == sorted(sent)
    assert [at for at in sent if not vendor.take(at)] == []


def test_no_call_waits_longer_than_it_must(limiter: Limiter, clock: ManualClock) -> None:
    """Tokens come back while nobody calls, up to the burst and not beyond."""
    assert [limiter.reserve(*SLOW) for _ in range(3)] == pytest.approx([0, 0, 6])
    clock.advance(12)
    assert [limiter.reserve(*SLOW) for _ in range(2)] == pytest.approx([0, 6])
    clock.advance(3600)
    assert [limiter.reserve(*SLOW) for _ in range(3)] == pytest.approx([0, 0, 6])


@pytest.mark.parametrize(
    ("provider", "method", "url"),
    [
        ("heygen", "POST", "/v3/videos"),
        ("heify", "GET", "/create-participant"),
        ("heify", "POST", "/unheard-of"),
        ("liveavatar", "POST", "/v1/sessions/token"),
    ],
)
def test_what_has_no_rate_goes_at_once(limiter: Limiter, provider: str, method: str, url: str) -> None:
    """Endpoints without a documented rate and unknown endpoints never wait for one."""
    assert [limiter.reserve(provider, method, url) for _ in range(50)] == [0.0] * 50
    limiter.cancel(provider, method, url)
    assert limiter.state.rates == ()


def test_a_wait_that_is_too_long_takes_nothing(limiter: Limiter, clock: ManualClock) -> None:
    """A call that cannot wait so long is told the wait, and leaves the turn to others."""
    for _ in range(2):
        limiter.reserve(*SLOW)
    for _ in range(3):
        with pytest.raises(LimiterFullError) as caught:
            limiter.reserve(*SLOW, most=5.9)
        assert (caught.value.sent, caught.value.after) == (False, pytest.approx(6))
    assert str(caught.value) == "no room for POST /create-participant of heify: wait for another 6 s"
    assert limiter.reserve(*SLOW, most=6.1) == pytest.approx(6)
    clock.advance(6)
    assert limiter.reserve(*SLOW, most=6.1) == pytest.approx(6)


def test_no_patience_at_all(limiter: Limiter) -> None:
    """With no time to wait a call goes if it can go at once."""
    assert [limiter.reserve(*SLOW, most=0) for _ in range(2)] == [0, 0]
    with pytest.raises(LimiterFullError):
        limiter.reserve(*SLOW, most=0)


def test_cancelled_calls_leave_no_gap(limiter: Limiter) -> None:
    """Fifty calls that are cancelled while they wait do not make a later one wait for them."""
    waits = [limiter.reserve(*SLOW) for _ in range(52)]
    assert max(waits) == pytest.approx(300)
    for _ in range(50):
        limiter.cancel(*SLOW)
    assert limiter.reserve(*SLOW) == pytest.approx(6)


def test_nobody_gets_more_than_a_burst_back(limiter: Limiter) -> None:
    """Giving back what was not taken makes no more than a full bucket, and none for an endpoint that was never called."""
    limiter.cancel(*SLOW)
    assert limiter.state.rates == ()
    limiter.reserve(*SLOW)
    for _ in range(9):
        limiter.cancel(*SLOW)
    assert [limiter.reserve(*SLOW) for _ in range(3)] == pytest.approx([0, 0, 6])


def test_endpoints_have_rates_of_their_own(limiter: Limiter) -> None:
    """Calls of one endpoint do not make those of another wait, and a URL counts like its path."""
    for _ in range(5):
        limiter.reserve(*SLOW)
    assert limiter.reserve("heify", "post", "/create-evaluator?x=1") == 0
    assert limiter.reserve("heify", "POST", "/create-participant/") == pytest.approx(24)
    assert limiter.state.rates == (
        RateState(provider="heify", method="POST", path="/create-participant", tokens=-4, burst=2, rate_per_minute=10),
        RateState(provider="heify", method="POST", path="/create-evaluator", tokens=1, burst=2, rate_per_minute=10),
    )


def test_threads_get_turns_one_behind_the_other() -> None:
    """Many threads that ask at once get as many different turns."""
    limiter = Limiter(clock=ManualClock())
    start_line = threading.Barrier(8)

    def ask() -> list[float]:
        start_line.wait()
        return [limiter.reserve(*SLOW) for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(wait for done in [pool.submit(ask) for _ in range(8)] for wait in done.result())
    assert waits == pytest.approx([0, 0, *(6.0 * turn for turn in range(1, 199))])


# Places for jobs.


def test_the_catalog_says_how_many() -> None:
    """HeyGen's ten concurrent jobs are counted; no other vendor's are."""
    assert Limiter().state.jobs == (JobsState(provider="heygen", running=0, most=10),)


def test_every_provider_that_starts_jobs_has_a_number() -> None:
    """A catalog with endpoints that start jobs has the limit that they count towards, and the other way round."""
    spaces = default_catalogs().spaces.items()
    starting = {name for name, space in spaces if any(endpoint.starts_job for endpoint in space.endpoints)}
    limited = {name for name, space in spaces for limit in space.limits if limit.name == "concurrent_jobs" and isinstance(limit.value, int)}
    assert starting == limited == {"heygen"}


def test_only_what_spends_starts_jobs() -> None:
    """No endpoint that only reads, or that can be repeated freely, is said to start a job; and none both starts and ends one."""
    assert {endpoint.effect for endpoint in STARTING} == {"spends"}
    assert {endpoint.effect for endpoint in ENDING} == {"idempotent"}
    assert set(STARTING) & set(ENDING) == set()


def test_the_eleventh_job_waits(limiter: Limiter) -> None:
    """As many jobs start as may run at once; the next call is told to ask again, until one of them is over."""
    fill(limiter)
    assert limiter.try_job(*VIDEOS) == Turn(wait=PAUSE, slot=None)
    limiter.seen("heygen", {"id": "v3", "status": "completed"})
    slot_for(limiter)
    assert limiter.try_job(*VIDEOS).wait == PAUSE


def test_jobs_that_are_being_created_count(limiter: Limiter) -> None:
    """A place is taken as soon as a call may go, before the vendor has answered."""
    for _ in range(10):
        slot_for(limiter)
    assert limiter.try_job(*VIDEOS).wait == PAUSE


@pytest.mark.parametrize(
    ("provider", "method", "url"),
    [
        ("heygen", "GET", "/v3/videos"),
        ("heygen", "POST", "/v3/assets"),
        ("heygen", "POST", "/v3/unheard-of"),
        ("heify", "POST", "/submit"),
    ],
)
def test_other_calls_need_no_place(limiter: Limiter, provider: str, method: str, url: str) -> None:
    """Calls that start no job that counts go, even while jobs wait."""
    fill(limiter)
    assert limiter.try_job(provider, method, url) == Turn(wait=0.0, slot=None)


def test_a_call_that_cannot_wait(limiter: Limiter) -> None:
    """A call whose time is shorter than the pause gets an error that says when to ask again."""
    fill(limiter)
    assert limiter.try_job(*VIDEOS, most=PAUSE).wait == PAUSE
    with pytest.raises(LimiterFullError) as caught:
        limiter.try_job(*VIDEOS, most=0.5)
    assert (caught.value.sent, caught.value.after) == (False, PAUSE)
    assert str(caught.value) == (
        "no room for another job at heygen, where 10 may run at once "
        "(wait until a job ends, or ask what became of the jobs that were started): wait for another 1 s"
    )
    assert running(limiter) == 10


def test_another_number(clock: ManualClock) -> None:
    """A plan with another number of jobs is kept to instead of the catalog's."""
    limiter = Limiter(jobs={"heygen": 2}, clock=clock)
    fill(limiter, 2)
    assert limiter.try_job(*VIDEOS).wait == PAUSE
    assert limiter.state.jobs == (JobsState(provider="heygen", running=2, most=2),)


def test_no_number(clock: ManualClock) -> None:
    """With None jobs are not counted, and nothing is kept of them."""
    limiter = Limiter(jobs={"heygen": None}, clock=clock)
    assert {limiter.try_job(*VIDEOS) for _ in range(50)} == {Turn()}
    limiter.seen("heygen", {"id": "v1", "status": "completed"})
    assert limiter.state.jobs == ()


# What became of the call.


@pytest.mark.parametrize(
    ("path", "data", "places"),
    [
        ("/v3/videos", {"video_id": "a", "status": "waiting"}, 1),
        ("/v3/video-agents", {"session_id": "s", "status": "generating", "video_id": "a", "created_at": 1}, 1),
        ("/v3/video-agents", {"session_id": "s", "status": "thinking", "video_id": None, "created_at": 1}, 1),
        ("/v3/video-translations", {"video_translation_ids": ["a", "b", "c"]}, 3),
        ("/v3/video-translations/proofreads", {"proofread_ids": ["a", "b"], "status": "processing"}, 2),
        ("/v2/video_translate", {"video_translate_id": "a", "video_translate_ids": None}, 1),
        ("/v2/video_translate", {"video_translate_id": None, "video_translate_ids": ["a", "b"]}, 2),
        ("/v2/video_translate", {"video_translate_id": "a", "video_translate_ids": ["a", "b", "b"]}, 2),
        ("/v3/lipsyncs", {"lipsync_id": "a"}, 1),
        ("/v3/templates/t", {"id": "a", "status": "pending", "folder_id": "f"}, 1),
        ("/v3/videos/batches", {"batch_id": "b", "status": "processing", "total_items": 7}, 7),
        ("/v3/videos/batches", {"batch_id": "b"}, 1),
        ("/v3/videos", [{"video_id": "a"}, {"video_id": "b"}, "c"], 2),
        ("/v3/videos", {"video_id": "a", "status": "failed"}, 0),
        ("/v3/videos/batches", {"batch_id": "b", "status": "failed", "total_items": 7}, 0),
        ("/v3/videos", {"something": "else"}, 1),
        ("/v3/videos", {"video_id": ""}, 1),
        ("/v3/videos", {"video_id": 7}, 1),
        ("/v3/videos", None, 1),
        ("/v3/videos", "text", 1),
        ("/v3/videos", [], 1),
    ],
)
def test_places_of_an_answer(limiter: Limiter, path: str, data: Any, places: int) -> None:
    """A created job takes a place, each of several one, a batch as many as it has items, and what failed at once none."""
    start(limiter, data, path)
    assert running(limiter) == places


@pytest.mark.parametrize("first", ["started", "release", "keep"])
@pytest.mark.parametrize("second", ["started", "release", "keep"])
def test_the_first_report_counts(limiter: Limiter, first: str, second: str) -> None:
    """A slot takes one report; those behind it change nothing."""
    slot = slot_for(limiter)
    for report in (first, second):
        getattr(slot, report)(*([{"video_id": "a"}] if report == "started" else []))
    assert running(limiter) == (0 if first == "release" else 1)
    limiter.seen("heygen", {"id": "a", "status": "completed"})
    assert running(limiter) == (1 if first == "keep" else 0)


def test_a_call_without_effect_gives_its_place_back(limiter: Limiter) -> None:
    """The place of a call that was refused is free at once."""
    fill(limiter, 9)
    slot_for(limiter).release()
    slot_for(limiter)


@pytest.mark.parametrize("report", ["none", "keep", "no id", "started"])
def test_places_end_with_the_lease(clock: ManualClock, report: str) -> None:
    """A job that nobody follows counts as over when its lease ends, and not before; its lease begins with the last report."""
    limiter = Limiter(jobs={"heygen": 1}, job_lease=100, clock=clock)
    slot = slot_for(limiter)
    clock.advance(60)
    if report == "keep":
        slot.keep()
    elif report != "none":
        slot.started({"video_id": "a"} if report == "started" else {})
    clock.advance(39.5 if report == "none" else 99.5)
    assert limiter.try_job(*VIDEOS).wait == pytest.approx(0.5)
    clock.advance(0.5)
    slot_for(limiter)


def test_a_report_behind_the_lease(clock: ManualClock) -> None:
    """A call that took longer than the lease still has its job counted when it is answered, and followed."""
    limiter = Limiter(job_lease=100, clock=clock)
    slot = slot_for(limiter)
    clock.advance(200)
    assert running(limiter) == 0
    slot.started({"video_id": "a"})
    assert running(limiter) == 1
    limiter.seen("heygen", {"id": "a", "status": "completed"})
    assert running(limiter) == 0


# What frees places.


@pytest.mark.parametrize("state", [*OVER, "COMPLETED"])
@pytest.mark.parametrize("name", ["status", "state"])
def test_every_final_state_frees(limiter: Limiter, name: str, state: str) -> None:
    """A job is over with every state that the catalog lists as completed, failed or missing, whatever its case."""
    start(limiter, {"video_id": "a"})
    limiter.seen("heygen", {"video_id": "a", name: state})
    assert running(limiter) == 0


@pytest.mark.parametrize("state", [*sorted(HEYGEN.running_states), "unheard-of", "", None, 7, ["completed"]])
def test_no_other_state_frees(limiter: Limiter, state: Any) -> None:
    """A job that runs, or of which the answer says something else, keeps its place."""
    start(limiter, {"video_id": "a"})
    limiter.seen("heygen", {"id": "a", "status": state})
    assert running(limiter) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"id": "other", "status": "completed"},
        {"video_id": "other", "status": "failed"},
        {"id": "other", "video_id": "a", "status": "completed"},
        {"callback_id": "a", "status": "completed"},
        {"status": "completed"},
        {"id": "a"},
        {"status": "completed", "data": {"id": "a", "status": "running"}},
        {"status": "failed", "event_data": {"video_id": "a"}},
        ["a", "completed"],
        "a",
        None,
        7,
    ],
)
def test_what_names_another_thing_frees_nothing(limiter: Limiter, data: Any) -> None:
    """Unknown ids, ids without a state and states without an id free nothing."""
    start(limiter, {"video_id": "a"})
    limiter.seen("heygen", data)
    assert running(limiter) == 1


def test_other_providers_free_nothing(limiter: Limiter) -> None:
    """An answer of another vendor frees nothing, even with the same id."""
    start(limiter, {"video_id": "a"})
    for provider in ("heify", "liveavatar"):
        limiter.seen(provider, {"id": "a", "status": "completed"})
    assert running(limiter) == 1


@pytest.mark.parametrize(
    "data",
    [
        [{"id": "v1", "status": "completed"}, {"id": "v2", "status": "failed"}, {"id": "v3", "status": "processing"}],
        {"videos": [{"video_id": "v1", "status": "completed"}, {"video_id": "v2", "status": "failed"}], "token": None},
        {"data": {"list": [{"id": "v1", "status": "completed"}, {"id": "v2", "status": "completed"}]}},
        {"data": [{"video_id": "v1", "status": "not_found"}, {"video_id": "v2", "status": "completed"}], "has_more": False},
    ],
)
def test_lists_free_all_that_is_over(limiter: Limiter, data: Any) -> None:
    """Of a list each job that is over is freed, whether the list stands alone or inside of the answer."""
    fill(limiter)
    limiter.seen("heygen", data)
    assert running(limiter) == 8


def test_very_long_lists_are_read_in_part(limiter: Limiter) -> None:
    """Of an answer without end the first thousand objects are looked at."""
    fill(limiter, 2)
    noise: list[Any] = [{"id": f"x{number}", "status": "completed"} for number in range(2000)]
    limiter.seen("heygen", [{"id": "v0", "status": "completed"}, *noise, {"id": "v1", "status": "completed"}])
    assert running(limiter) == 1


@pytest.mark.parametrize("known", ["sess", "vid"])
def test_either_id_frees_a_job_with_two(limiter: Limiter, known: str) -> None:
    """A session and its video are one job, and either of the two tells its end."""
    start(limiter, {"session_id": "sess", "video_id": "vid", "status": "generating"}, "/v3/video-agents")
    limiter.seen("heygen", {"id": known, "status": "completed"})
    assert running(limiter) == 0


def test_several_jobs_end_one_by_one(limiter: Limiter) -> None:
    """The translations of one request are jobs of their own."""
    start(limiter, {"video_translation_ids": ["a", "b", "c"]}, "/v3/video-translations")
    limiter.seen("heygen", {"id": "b", "status": "completed"})
    assert running(limiter) == 2


# Batches.


def batch(limiter: Limiter, items: int = 4) -> None:
    start(limiter, {"batch_id": "b", "status": "processing", "total_items": items}, "/v3/videos/batches")


def test_items_of_a_batch_free_places(limiter: Limiter) -> None:
    """Each item that is over frees one place, once, in the batch's own answer and in that of the statuses."""
    batch(limiter)
    items = [{"item_index": 0, "video_id": "x", "status": "completed"}, {"item_index": 1, "video_id": "y", "status": "processing"}]
    seen = []
    for data in (
        {"batch_id": "b", "status": "processing", "items": items},
        [{"batch_id": "b", "item_index": 0, "video_id": "x", "status": "completed"}],
        [{"batch_id": "b", "item_index": 1, "video_id": "y", "status": "failed"}, {"batch_id": "b", "item_index": 2, "status": "queued"}],
        [{"batch_id": "b", "item_index": number, "video_id": None, "status": "failed"} for number in (2, 3)],
    ):
        limiter.seen("heygen", data)
        seen.append(running(limiter))
    assert seen == [3, 3, 2, 0]


def test_counts_of_a_batch_free_places(limiter: Limiter) -> None:
    """What the batch counts as over frees places as well, though its items are on other pages."""
    batch(limiter, 150)
    counts = {"completed": 40, "failed": 2, "processing": 10, "queued": 98, "odd": "text"}
    limiter.seen("heygen", {"batch_id": "b", "status": "processing", "total_items": 150, "counts_by_status": counts, "items": []})
    assert running(limiter) == 108


@pytest.mark.parametrize("status", ["completed", "failed", "not_found"])
def test_a_batch_that_is_over_frees_all(limiter: Limiter, status: str) -> None:
    """A batch that is over, or that is gone, has no places left."""
    batch(limiter)
    limiter.seen("heygen", [{"video_id": None, "batch_id": "b", "status": status, "error": None}])
    assert running(limiter) == 0


def test_an_item_does_not_end_its_batch(limiter: Limiter) -> None:
    """An item without a number that is over frees nothing of a batch: it may have been counted."""
    batch(limiter)
    limiter.seen("heygen", [{"batch_id": "b", "video_id": "x", "status": "completed"}] * 4)
    assert running(limiter) == 4


def test_a_batch_of_unknown_size(limiter: Limiter) -> None:
    """A batch that does not say how many items it has takes one place until it does."""
    start(limiter, {"batch_id": "b"}, "/v3/lipsyncs/batches")
    limiter.seen("heygen", {"batch_id": "b", "item_index": 0, "status": "completed"})
    assert running(limiter) == 1
    limiter.seen("heygen", {"batch_id": "b", "status": "processing", "total_items": 3})
    assert running(limiter) == 2


def test_a_large_batch_keeps_others_waiting(limiter: Limiter) -> None:
    """A batch of more items than may run at once makes others wait until few enough are left."""
    batch(limiter, 12)
    waits = []
    for number in range(4):
        waits.append(limiter.try_job(*VIDEOS).wait)
        limiter.seen("heygen", {"batch_id": "b", "item_index": number, "status": "completed"})
    assert waits == [PAUSE, PAUSE, PAUSE, 0.0]


# The same job once more.


def test_a_message_to_a_session_takes_no_second_place(limiter: Limiter) -> None:
    """A session that runs takes messages even while all places are taken, and counts once afterwards."""
    start(limiter, {"session_id": "sess", "video_id": None, "status": "thinking"}, "/v3/video-agents")
    fill(limiter, 9)
    start(limiter, {"session_id": "sess", "run_id": "r", "title": None}, "/v3/video-agents/sess")
    assert running(limiter) == 10
    limiter.seen("heygen", {"session_id": "sess", "status": "completed"})
    assert running(limiter) == 9


@pytest.mark.parametrize("report", ["release", "keep"])
def test_a_message_that_fails_leaves_the_session_its_place(limiter: Limiter, report: str) -> None:
    """A message that was refused, or of which nothing is known, changes nothing for the session."""
    start(limiter, {"session_id": "sess", "status": "thinking"}, "/v3/video-agents")
    getattr(slot_for(limiter, "/v3/video-agents/sess"), report)()
    assert running(limiter) == 1


def test_a_session_that_was_over_takes_a_place_again(limiter: Limiter) -> None:
    """A message to a session that is over starts a job like any other."""
    start(limiter, {"session_id": "sess", "status": "generating"}, "/v3/video-agents")
    limiter.seen("heygen", {"session_id": "sess", "status": "completed"})
    fill(limiter)
    assert limiter.try_job("heygen", "POST", "/v3/video-agents/sess").wait == PAUSE


def test_fixed_words_of_a_path_are_no_ids(limiter: Limiter) -> None:
    """A job whose id is a word of the paths themselves carries no other call past those that wait, and is ended by none."""
    start(limiter, {"video_id": "videos"})
    fill(limiter, 9)
    assert limiter.try_job(*VIDEOS).wait == PAUSE
    limiter.seen("heygen", {}, method="DELETE", url="/v3/videos/other")
    assert running(limiter) == 10


def test_a_session_whose_lease_ended_takes_a_place_again(clock: ManualClock) -> None:
    """A session of which nothing was heard for a lease does not carry messages past those that wait."""
    limiter = Limiter(jobs={"heygen": 1}, job_lease=100, clock=clock)
    start(limiter, {"session_id": "sess", "status": "generating"}, "/v3/video-agents")
    clock.advance(100)
    fill(limiter, 1)
    assert limiter.try_job("heygen", "POST", "/v3/video-agents/sess").wait == PAUSE


def test_a_replayed_answer_is_the_same_job(limiter: Limiter) -> None:
    """Two calls with one idempotency key, whose answers name one job, take one place."""
    for _ in range(2):
        start(limiter, {"video_id": "a", "status": "waiting"})
    assert running(limiter) == 1


# The same order once more.

ORDERS = [endpoint for endpoint in STARTING if endpoint.idempotency is not None]
NO_ORDERS = [endpoint for endpoint in STARTING if endpoint.idempotency is None]


@pytest.fixture
def narrow(clock: ManualClock) -> Limiter:
    """A limiter of one place and leases of 100 seconds."""
    return Limiter(jobs={"heygen": 1}, job_lease=100, clock=clock)


def ask_for(limiter: Limiter, key: str | None, url: str = "/v3/videos") -> Turn:
    """The turn of a call with this idempotency key."""
    return limiter.try_job("heygen", "POST", url, idempotency_key=key)


def slot_of(limiter: Limiter, key: str, url: str = "/v3/videos") -> Slot:
    """A place for a call with this idempotency key, which must not wait."""
    turn = ask_for(limiter, key, url)
    assert turn.wait == 0
    assert turn.slot is not None
    return turn.slot


def one_of(endpoint: Endpoint, known: str = "one") -> str:
    """A path of this endpoint."""
    return "/".join(known if part.startswith("{") else part for part in endpoint.path.split("/"))


@pytest.mark.parametrize("endpoint", ORDERS, ids=lambda endpoint: endpoint.path)
def test_a_repeat_takes_over_the_place_of_a_lost_call(narrow: Limiter, endpoint: Endpoint) -> None:
    """Where a key counts, a repeat goes though all places are taken, and its job is followed to its end like any other."""
    slot_of(narrow, "order", one_of(endpoint)).keep()
    assert ask_for(narrow, "another", one_of(endpoint)).wait == PAUSE
    slot_of(narrow, "order", f"https://api.heygen.com{one_of(endpoint)}?x=1").started({"video_id": "a", "status": "waiting"})
    assert running(narrow) == 1
    narrow.seen("heygen", {"id": "a", "status": "completed"})
    assert running(narrow) == 0


@pytest.mark.parametrize("endpoint", NO_ORDERS, ids=lambda endpoint: endpoint.path)
def test_a_key_that_does_not_count_takes_over_nothing(narrow: Limiter, endpoint: Endpoint) -> None:
    """Where the vendor honours no key, a repeat may start a second job, and waits for a place of its own."""
    slot_of(narrow, "order", one_of(endpoint)).keep()
    assert ask_for(narrow, "order", one_of(endpoint)).wait == PAUSE


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("order-2", "/v3/templates/one"),
        (None, "/v3/templates/one"),
        ("order", "/v3/templates/two"),
        ("order", "/v3/videos"),
        ("order", "/v3/lipsyncs"),
    ],
)
def test_another_order_takes_over_nothing(narrow: Limiter, key: str | None, url: str) -> None:
    """Another key, and the same one for another endpoint or another thing in its path, is another order, as it is for the vendor."""
    slot_of(narrow, "order", "/v3/templates/one").keep()
    assert ask_for(narrow, key, url).wait == PAUSE


@pytest.mark.parametrize(("lost", "other"), [("/v3/lipsyncs", "/v3/videos"), ("/v3/templates/one", "/v3/video-agents/one")])
def test_a_key_counts_for_its_endpoint(narrow: Limiter, lost: str, other: str) -> None:
    """The same key for another endpoint is another order, even where the paths name the same thing."""
    slot_of(narrow, "order", lost).keep()
    assert ask_for(narrow, "order", other).wait == PAUSE


def test_a_repeat_of_a_job_that_runs(narrow: Limiter) -> None:
    """A call whose key has a job that runs goes at once and changes nothing for that job, whatever becomes of it."""
    slot_of(narrow, "order").started({"video_id": "a", "status": "waiting"})
    for report in ("release", "keep", "started"):
        slot = slot_of(narrow, "order")
        assert running(narrow) == 1
        getattr(slot, report)(*([{"video_id": "a", "status": "waiting"}] if report == "started" else []))
        assert (running(narrow), ask_for(narrow, "another").wait) == (1, PAUSE)
    slot_of(narrow, "order").release()
    narrow.seen("heygen", {"id": "a", "status": "completed"})
    assert running(narrow) == 0


def test_an_order_that_is_over_is_forgotten(narrow: Limiter) -> None:
    """When the job of a key is over and another has its place, a repeat waits like any other call."""
    slot_of(narrow, "order").started({"video_id": "a", "status": "waiting"})
    narrow.seen("heygen", {"id": "a", "status": "completed"})
    slot_of(narrow, "another")
    assert ask_for(narrow, "order").wait == PAUSE


def test_an_order_of_several_jobs(clock: ManualClock) -> None:
    """A repeat of an order of several jobs goes while any of them runs, and their number stays what it is."""
    limiter = Limiter(jobs={"heygen": 2}, clock=clock)
    several = {"video_translation_ids": ["a", "b"]}
    slot_of(limiter, "order", "/v3/video-translations").started(several)
    slot_of(limiter, "order", "/v3/video-translations").started(several)
    assert running(limiter) == 2
    limiter.seen("heygen", {"id": "a", "status": "completed"})
    slot_for(limiter)
    slot_of(limiter, "order", "/v3/video-translations").release()
    assert running(limiter) == 2


A, B = [{"video_id": name, "status": "waiting"} for name in "ab"]
OF_BOTH = {
    # What the first and the second of two calls at once report, and the places that are taken behind each.
    ("release", "release"): (1, 0),
    ("release", "keep"): (1, 1),
    ("release", "a"): (1, 1),
    ("keep", "release"): (1, 1),
    ("keep", "keep"): (1, 1),
    ("keep", "a"): (1, 1),
    ("a", "release"): (1, 1),
    ("a", "keep"): (1, 1),
    ("a", "a"): (1, 1),
    ("a", "b"): (1, 2),
    ("a", "no id"): (1, 1),
    ("no id", "release"): (1, 1),
    ("no id", "a"): (1, 1),
    ("no id", "no id"): (1, 1),
    ("over", "keep"): (0, 0),
    ("release", "over"): (1, 0),
}


def report_to(slot: Slot, what: str) -> None:
    """What became of a call: a report of its own, or the job that its answer names."""
    answers: dict[str, Any] = {"a": A, "b": B, "no id": {}, "over": {"video_id": "a", "status": "failed"}}
    if what in answers:
        slot.started(answers[what])
    else:
        getattr(slot, what)()


@pytest.mark.parametrize(("reports", "places"), OF_BOTH.items(), ids=lambda value: "-".join(map(str, value)))
@pytest.mark.parametrize("turned", [False, True])
def test_two_calls_of_one_order_at_once(narrow: Limiter, reports: tuple[str, str], places: tuple[int, int], *, turned: bool) -> None:
    """Two open calls with one key have one place; it is free when both are known to have started nothing, and jobs count once."""
    slots = [slot_of(narrow, "order"), slot_of(narrow, "order")]
    counts = [running(narrow)]
    for slot, report in zip(slots[:: -1 if turned else 1], reports, strict=True):
        report_to(slot, report)
        counts.append(running(narrow))
    assert counts == [1, *places]
    for name in "ab":
        narrow.seen("heygen", {"id": name, "status": "completed"})
    assert running(narrow) == (1 if {"a", "over"}.isdisjoint(reports) and places[1] else 0)


def test_a_place_that_is_shared_ends_with_its_last_lease(narrow: Limiter, clock: ManualClock) -> None:
    """A lost call counts for a lease; a repeat prolongs that if it is lost too, and not if it was refused."""
    slot_of(narrow, "order").keep()
    clock.advance(60)
    slot_of(narrow, "order").release()
    clock.advance(39)
    assert running(narrow) == 1
    slot_of(narrow, "order").keep()
    clock.advance(99)
    assert running(narrow) == 1
    clock.advance(1)
    assert running(narrow) == 0
    late = slot_of(narrow, "order")
    clock.advance(60)
    slot_of(narrow, "order").release()
    clock.advance(40)
    assert running(narrow) == 0
    late.started(A)
    assert running(narrow) == 1


def test_a_repeat_that_is_never_told_leaves_nothing(narrow: Limiter, clock: ManualClock) -> None:
    """Repeats to which nothing is ever reported do not pile up behind a key."""
    for _ in range(500):
        slot_of(narrow, "order")
        clock.advance(50)
    (job,) = narrow._pools["heygen"].jobs
    assert len(job.leases) <= 2
    clock.advance(50)
    assert running(narrow) == 0


def test_repeats_that_are_lost_again_leave_one_entry(narrow: Limiter) -> None:
    """However often an order is lost, the limiter remembers one lost call."""
    for _ in range(500):
        slot_of(narrow, "order").keep()
    (job,) = narrow._pools["heygen"].jobs
    assert len(job.leases) == 1


def test_a_lost_message_that_is_repeated(narrow: Limiter) -> None:
    """A message to a session that runs has no place of its own, so that there is none to take over either."""
    start(narrow, {"session_id": "sess", "status": "thinking"}, "/v3/video-agents")
    for report in ("keep", "release"):
        getattr(slot_of(narrow, "order", "/v3/video-agents/sess"), report)()
    narrow.seen("heygen", {"session_id": "sess", "status": "completed"})
    assert running(narrow) == 0
    slot_for(narrow)
    assert ask_for(narrow, "order", "/v3/video-agents/sess").wait == PAUSE


def test_a_session_keeps_the_order_that_it_came_of(narrow: Limiter) -> None:
    """Messages with keys of their own do not make a session forget the key by which it was created."""
    slot_of(narrow, "order", "/v3/video-agents").started({"session_id": "sess", "status": "thinking"})
    slot_of(narrow, "message", "/v3/video-agents/sess").started({"session_id": "sess", "run_id": "r"})
    assert slot_of(narrow, "order", "/v3/video-agents") is not None
    assert running(narrow) == 1


# Ending jobs.


@pytest.mark.parametrize("endpoint", ENDING, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_a_job_that_was_deleted_or_stopped_is_over(limiter: Limiter, endpoint: Endpoint) -> None:
    """The id in the path or query of a call that ends jobs is that of a job which counts no more, with any answer."""
    start(limiter, {"video_id": "mine"})
    start(limiter, {"video_id": "yours"})
    path = "/".join("mine" if part.startswith("{") else part for part in endpoint.path.split("/"))
    url = f"https://api.heygen.com{path}" + ("" if "{" in endpoint.path else "?x=1&video_id=mine")
    limiter.seen("heygen", {}, method=endpoint.method, url=url)
    assert running(limiter) == 1
    limiter.seen("heygen", {"id": "mine", "status": "completed"})
    assert running(limiter) == 1


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/v3/videos/a"),
        ("PATCH", "/v3/lipsyncs/a"),
        ("DELETE", "/v3/assets/a"),
        ("DELETE", "/v3/videos/b"),
        ("DELETE", "/v3/videos/b#a"),
        ("DELETE", None),
        (None, "/v3/videos/a"),
    ],
)
def test_other_calls_end_no_jobs(limiter: Limiter, method: str | None, url: str | None) -> None:
    """Reading, renaming, and deleting something else end no job."""
    start(limiter, {"video_id": "a"})
    limiter.seen("heygen", {"id": "a"}, method=method, url=url)
    assert running(limiter) == 1


# Values.


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"job_lease": 0}, ValueError, "job_lease is a number of seconds above 0, not 0"),
        ({"job_lease": float("nan")}, ValueError, "not nan"),
        ({"job_lease": float("inf")}, ValueError, "not inf"),
        ({"jobs": {"heygen": 0}}, ValueError, "at least 1 job may run at once, or None for no limit; for heygen it is 0"),
        ({"jobs": {"heygen": 1.5}}, TypeError, "that of heygen is 1.5"),
        ({"jobs": {"heygen": True}}, TypeError, "that of heygen is True"),
        ({"jobs": {"heify": 25}}, ValueError, "no endpoint of 'heify' starts jobs that count; providers whose endpoints do: heygen"),
        ({"jobs": {"heigen": None}}, ValueError, "no endpoint of 'heigen'"),
        ({"jobs": {None: 3}}, ValueError, "no endpoint of None"),
        ({"jobs": 10}, TypeError, "jobs is a mapping .*, such as {'heygen': 20}, not 10"),
        ({"jobs": 0}, TypeError, "not 0"),
        ({"jobs": [("heygen", 3)]}, TypeError, "such as {'heygen': 20}, not "),
        ({"job_lease": "3600"}, TypeError, "job_lease is a number of seconds above 0, not '3600'"),
        ({"job_lease": None}, TypeError, "not None"),
        ({"job_lease": True}, TypeError, "not True"),
        ({"clock": 5}, TypeError, "clock is a function without arguments that gives a number, not 5"),
        ({"clock": None}, TypeError, "not None"),
        ({"catalogs": "heygen"}, TypeError, "catalogs is a Catalogs or None, not 'heygen'"),
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], error: type[Exception], says: str) -> None:
    """Numbers that make no sense, and providers whose jobs are not counted, are refused with what would do."""
    with pytest.raises(error, match=says):
        Limiter(**wrong)


ASKING: dict[str, Callable[..., Any]] = {
    "reserve": lambda limiter, provider: limiter.reserve(provider, "POST", "/create-participant"),
    "cancel": lambda limiter, provider: limiter.cancel(provider, "POST", "/create-participant"),
    "try_job": lambda limiter, provider: limiter.try_job(provider, "POST", "/v3/videos"),
    "seen": lambda limiter, provider: limiter.seen(provider, {"id": "a", "status": "completed"}),
}


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("provider", ["heygn", "", "api.heygen.com", None])
def test_a_provider_that_is_none_is_refused(limiter: Limiter, name: str, provider: Any) -> None:
    """A misspelled provider is an error that names the right ones, instead of no limit at all."""
    with pytest.raises(ValueError, match=f"there is no provider {provider!r}: use one of heygen, liveavatar, heify"):
        ASKING[name](limiter, provider)


def test_a_provider_is_known_in_any_case(clock: ManualClock) -> None:
    """Case and blanks around a provider's name make no difference, as everywhere."""
    limiter = Limiter(jobs={" HeyGen": 2}, clock=clock)
    assert [limiter.reserve(name, "POST", "/create-participant") for name in ("heify", "Heify", " HEIFY ")] == pytest.approx([0, 0, 6])
    limiter.cancel("HEIFY", "POST", "/create-participant")
    assert limiter.reserve(*SLOW) == pytest.approx(6)
    turn = limiter.try_job("HeyGen\n", "POST", "/v3/videos")
    assert turn.slot is not None
    turn.slot.started({"video_id": "a"})
    assert limiter.state.jobs == (JobsState(provider="heygen", running=1, most=2),)
    limiter.seen("HEYGEN", {"id": "a", "status": "completed"})
    assert running(limiter) == 0


@pytest.mark.parametrize("ask", [Limiter.reserve, Limiter.try_job], ids=lambda ask: ask.__name__)
@pytest.mark.parametrize(
    ("most", "error"),
    [(-1, ValueError), (-0.5, ValueError), (float("nan"), ValueError), (float("-inf"), ValueError), ("5", TypeError), (True, TypeError)],
)
def test_a_wait_that_is_none_is_refused(limiter: Limiter, ask: Callable[..., Any], most: Any, error: type[Exception]) -> None:
    """The longest wait is a number of seconds from 0 on, or None, also where the call need not wait; nothing is taken."""
    for provider, path in (("heify", "/create-participant"), ("heygen", "/v3/videos"), ("heygen", "/v3/assets")):
        with pytest.raises(error, match="most is a number of seconds, 0 or more, or None for any time, not "):
            ask(limiter, provider, "POST", path, most)
    assert (limiter.state.rates, running(limiter)) == ((), 0)


def test_any_time_can_be_infinite(limiter: Limiter) -> None:
    """A wait without limit can be given as infinity."""
    assert [limiter.reserve(*SLOW, most=float("inf")) for _ in range(3)] == pytest.approx([0, 0, 6])


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        (5, TypeError, "idempotency_key is a text or None, not int"),
        (b"k", TypeError, "not bytes"),
        ("", ValueError, "idempotency_key is empty: give the key that is sent, or None"),
    ],
)
def test_a_key_that_is_none_is_refused(limiter: Limiter, key: Any, error: type[Exception], says: str) -> None:
    """An idempotency key is a text; what cannot be one is refused, and takes no place."""
    with pytest.raises(error, match=says):
        ask_for(limiter, key)
    assert running(limiter) == 0


@pytest.mark.parametrize(
    ("remedy", "says"),
    [(None, "no room for X: wait for another 2.5 s"), ("start fewer", "no room for X (start fewer): wait for another 2.5 s")],
)
def test_the_error_survives_pickle(remedy: str | None, says: str) -> None:
    """The error keeps its values in a pickle."""
    copy = pickle.loads(pickle.dumps(LimiterFullError("X", 2.5, remedy)))
    assert (copy.what, copy.after, copy.remedy, copy.sent, str(copy)) == ("X", 2.5, remedy, False, says)


def test_a_logged_error_is_known_by_its_text(limiter: Limiter) -> None:
    """The texts of both kinds of errors lead to their rule where only a log line is left."""
    fill(limiter)
    for _ in range(2):
        limiter.reserve(*SLOW)
    rules = []
    for ask in (limiter.try_job, limiter.reserve):
        with pytest.raises(LimiterFullError) as caught:
            ask(*(VIDEOS if ask == limiter.try_job else SLOW), most=0)
        logged = f"{type(caught.value).__module__}.LimiterFullError: {caught.value}"
        info = normalize(Observation("heygen", exception=logged))
        rules.append(info and info.rule)
    assert rules == ["transport/LimiterFull"] * 2


def test_it_shows_what_it_holds(limiter: Limiter) -> None:
    """A limiter shows how many rates it keeps and how many jobs run."""
    fill(limiter, 3)
    limiter.reserve(*SLOW)
    assert repr(limiter) == "Limiter(1 rates, heygen 3 of 10 jobs)"


# All together.

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "completed", "failed", "pending", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "video_id", "ids", "session_ids", "batch_id", "item_index", "status", "total_items", "counts_by_status", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


_NUMBERS = st.integers(0, 3)
STEPS = (
    st.tuples(st.just("ask"), st.sampled_from([None, "k1", "k2"]), st.just(0), st.none())
    | st.tuples(st.sampled_from(["keep", "release", "wait"]), st.none(), _NUMBERS, st.none())
    | st.tuples(st.sampled_from(["started", "seen"]), st.none(), _NUMBERS, _JSON)
)


@given(st.lists(STEPS, max_size=30))
def test_any_answer_is_taken(steps: list[tuple[str, str | None, int, Any]]) -> None:
    """No answer and no order of reports makes it fail, counts stay right, and when the leases are over every place is free."""
    clock = ManualClock(0.0)
    limiter = Limiter(jobs={"heygen": 3}, job_lease=50, clock=clock)
    open_slots: list[Slot] = []
    counts, grew = [0], []
    for step, key, number, data in steps:
        if step == "wait":
            clock.advance(7)
        elif step == "seen":
            limiter.seen("heygen", data)
        elif step == "ask":
            turn = ask_for(limiter, key)
            open_slots += [turn.slot] if turn.slot is not None else []
        elif open_slots:
            slot = open_slots.pop(number % len(open_slots))
            getattr(slot, step)(*([data] if step == "started" else []))
        counts.append(running(limiter))
        if counts[-1] > counts[-2]:
            grew.append((step, counts[-2]))
    assert [count for count in counts if count < 0] == []
    # Only a call that gets one of the places, or an answer that tells of more, makes more of them.
    assert [one for one in grew if one[0] not in ("ask", "started", "seen") or (one[0] == "ask" and one[1] >= 3)] == []
    clock.advance(50)
    assert running(limiter) == 0
    pool = limiter._pools["heygen"]
    assert (pool.jobs, pool.by_id) == ([], {})


_REPORTS = st.tuples(st.booleans(), st.sampled_from(["k1", "k2"]), st.sampled_from(["keep", "release", "started"]), st.integers(0, 5))


@given(st.lists(_REPORTS, max_size=40))
def test_each_order_has_one_place(steps: list[tuple[bool, str, str, int]]) -> None:
    """However calls of some orders overlap, an order has one place as long as one of its calls is open or may have started a job."""
    limiter = Limiter(jobs={"heygen": 2}, clock=ManualClock(0.0))
    open_slots: list[tuple[str, Slot]] = []
    may_run: set[str] = set()
    for asks, key, report, number in steps:
        if asks:
            open_slots.append((key, slot_of(limiter, key)))
        elif open_slots:
            order, slot = open_slots.pop(number % len(open_slots))
            getattr(slot, report)(*([{"video_id": f"video of {order}"}] if report == "started" else []))
            may_run |= {order} if report != "release" else set()
        assert running(limiter) == len(may_run | {order for order, _ in open_slots})


def test_threads_never_take_more_places_than_there_are(limiter: Limiter) -> None:
    """Of many threads that ask at once exactly as many get a place as there are, also while others give theirs back."""
    start_line = threading.Barrier(8)
    held, lock, most = [0], threading.Lock(), [0]

    def work() -> int:
        start_line.wait()
        got = 0
        for _ in range(200):
            slot = limiter.try_job(*VIDEOS).slot
            if slot is None:
                continue
            with lock:
                held[0] += 1
                most[0] = max(most[0], held[0])
            got += 1
            with lock:
                held[0] -= 1
            slot.release()
        return got

    for _ in range(6):
        slot_for(limiter)
    with ThreadPoolExecutor(8) as pool:
        done = [one.result() for one in [pool.submit(work) for _ in range(8)]]
    assert sum(done) > 0
    assert most[0] <= 4
    assert running(limiter) == 6


def test_threads_that_repeat_one_order_share_its_place(limiter: Limiter) -> None:
    """Of many threads with one key each gets a slot, and together they never have more than one place."""
    start_line = threading.Barrier(8)

    def work(number: int) -> set[int]:
        start_line.wait()
        counts = set()
        for turn in range(100):
            slot = slot_of(limiter, "order")
            counts.add(running(limiter))
            report_to(slot, ("release", "keep", "a")[(turn + number) % 3])
        return counts

    with ThreadPoolExecutor(8) as pool:
        counts = set().union(*pool.map(work, range(8)))
    assert counts == {1}
    limiter.seen("heygen", {"id": "a", "status": "completed"})
    assert running(limiter) == 0


# With the fake vendors.


def _jobs_of(endpoint: Endpoint) -> Any:
    """What the endpoint answers, as its schema in the fake has it, with ids for texts."""
    (operation,) = [one for one in HeyGen.operations if one.name == f"{endpoint.method} {endpoint.path}"]
    assert operation.answer is not None
    data = operation.answer["properties"]["data"]
    while "properties" not in data:
        data = data["items"]
    return {name: _sample(schema, name) for name, schema in data["properties"].items()}


def _sample(schema: Any, name: str) -> Any:
    for one in schema.get("anyOf") or schema.get("oneOf") or [schema]:
        kinds = one.get("type", "string")
        if "array" in kinds:
            return [f"the {name}"]
        if "string" in kinds:
            return "pending" if name == "status" else f"the {name}"
    return None


@pytest.mark.parametrize("endpoint", STARTING, ids=lambda endpoint: endpoint.path)
def test_every_endpoint_that_starts_jobs_names_them(limiter: Limiter, endpoint: Endpoint) -> None:
    """The create answer of every such endpoint has an id by which the job is followed to its end."""
    data = _jobs_of(endpoint)
    start(limiter, data, endpoint.path)
    assert running(limiter) == 1
    known = list(limiter._pools["heygen"].by_id)
    assert known
    limiter.seen("heygen", {"batch_id" if known == ["the batch_id"] else "id": known[0], "status": "completed"})
    assert running(limiter) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[FakeServer, ManualClock]]:
    clock = ManualClock()
    with FakeServer(clock=clock) as fake:
        yield fake, clock


def test_heygen_never_refuses_a_job(server: tuple[FakeServer, ManualClock]) -> None:
    """Thirty videos of which ten may run at once are all started without a 429, by a program that polls while it waits."""
    fake, clock = server
    limiter = Limiter(clock=clock)
    headers = {"X-Api-Key": fake.heygen.api_key}
    body = {"type": "image", "image": {"type": "url", "url": "https://example.com/a.png"}, "script": "Hi.", "voice_id": "v"}
    voices = requests.get(fake.heygen.url + "/v3/voices", headers=headers, timeout=5).json()["data"]
    body["voice_id"] = voices[0]["voice_id"]
    made: list[str] = []
    statuses = []
    for _ in range(30):
        while (turn := limiter.try_job(*VIDEOS)).wait:
            clock.sleep(turn.wait)
            for known in made[-10:]:
                told = requests.get(f"{fake.heygen.url}/v3/videos/{known}", headers=headers, timeout=5)
                limiter.seen("heygen", told.json()["data"])
        answer = requests.post(fake.heygen.url + "/v3/videos", json=body, headers=headers, timeout=5)
        statuses.append(answer.status_code)
        assert turn.slot is not None
        turn.slot.started(answer.json()["data"])
        made.append(answer.json()["data"]["video_id"])
    assert statuses == [200] * 30


def test_heify_never_throttles(server: tuple[FakeServer, ManualClock]) -> None:
    """Calls of an endpoint with a rate, sent when the limiter says, are never answered with 429."""
    fake, clock = server
    limiter = Limiter(clock=clock)
    statuses = set()
    for _ in range(40):
        clock.sleep(limiter.reserve("heify", "POST", "/get-configurations"))
        url, headers = fake.heify.url + "/get-configurations", {"x-api-key": fake.heify.api_key}
        statuses.add(requests.post(url, json={}, headers=headers, timeout=5).status_code)
    assert statuses
    assert 429 not in statuses
