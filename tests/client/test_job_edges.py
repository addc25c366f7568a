"""Waits and orders at their edges: jobs that are paid once, waits that end, and nothing that is lost or made up on the way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import traceback
import weakref
from datetime import timedelta
from random import Random
from time import monotonic, time

import pytest
import requests
from harness import KINDS as CLIENTS
from harness import Blocking
from job_scenarios import CONFIGURATION, MISSING, Place

from heify_heygen_errors import ApiError, Category, Channel, ConflictError, JobHandle, Outcome, Polling, TimedOutError
from heify_heygen_errors.testing import FakeServer, JobPlan, ManualClock, Reply, error, exception, fault, ok

both = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)

TOKEN = "tellmenottoken9Ue6Ko2Da8Ni"
STEADY = Polling(jitter=0)
DONE = JobPlan(seconds=1)


@pytest.fixture(scope="module")
def running():
    clock = ManualClock()
    with FakeServer(clock=clock, limits=False, known={"configuration_id": CONFIGURATION}) as server, requests.Session() as session:
        yield Place(server, clock, session)


@pytest.fixture
def place(running):
    running.server.reset()
    return running


class Stop(Exception):  # noqa: N818 - no error: the program is at its end
    """What a program dies of."""


def slowed(seconds):
    """An answer that asks for a pause."""
    return error("heygen", "rate_limit", retry_after=seconds)


def id_of(received):
    """The id that a request asks for."""
    return received.json["transcription_id"] if received.provider == "heify" else received.path.rpartition("/")[2]


def words(ends):
    """How jobs ended, each in a word."""
    return [end.answer.data["status"].lower() if end.answer is not None else end.error.info.rule for end in ends]


def begun(place, name, number, plan=DONE):
    """Jobs of other programs, which are over in a second."""
    stage = place.stage(name)
    for _ in range(number):
        stage.begin(plan)
    place.clock.advance(10)
    return stage


def each(client, found, then):
    """Loop over what is found, and do something with each."""
    if client.name == "sync":
        return _each(found, then)
    return _each_awaited(found, then)


def _each(found, then):
    ends = []
    for end in found:
        ends.append(end)
        then(end)
    return ends


async def _each_awaited(found, then):
    ends = []
    async for end in found:
        ends.append(end)
        then(end)
    return ends


# Paid once.


@both
@pytest.mark.parametrize("method", ["resume", "resume_order"])
def test_an_order_that_is_resumed_stays_as_old_as_it_is(place, client, method):
    """However often an order is resumed, its key is as old as its first handle: the vendor's 24 hours count from there."""
    stage, saved = place.stage("videos"), []

    def save(handle):
        if handle.ids:
            raise Stop
        saved.append(handle)

    with pytest.raises(Stop):
        place.run(client, "videos", lambda jobs: jobs.create(stage.order(), save=save))
    place.clock.advance(23 * 3600)
    with pytest.raises(Stop):
        place.run(client, "videos", lambda jobs: getattr(jobs, method)(saved[0].to_json(), save=save))
    assert [saved[0]] * 2 == saved
    place.clock.advance(20 * 3600)
    with pytest.raises(ConflictError) as raised:
        place.run(client, "videos", lambda jobs: getattr(jobs, method)(saved[1].to_json(), save=save))
    assert (raised.value.info.rule, len(place.server.paid_work)) == ("transport/NotResumable", 1)


@both
@pytest.mark.parametrize("method", ["resume", "resume_order"])
@pytest.mark.parametrize("what", ["payment", "invalid_request", "authentication", "rate_limit"])
def test_a_refused_repeat_says_nothing_of_the_first_order(place, client, method, what):
    """Where the repeat of an order is refused, nobody knows what became of the order: its outcome is unknown."""
    stage, saved = place.stage("videos"), []
    place.server.script([fault.reset_after_request], method="POST", path="/v3/videos")
    with pytest.raises(ApiError):
        place.run(client, "videos", lambda jobs: jobs.create(stage.order(), save=saved.append, retry=False))
    place.server.script([error("heygen", what)], method="POST", path="/v3/videos")
    with pytest.raises(ApiError) as raised:
        place.run(client, "videos", lambda jobs: getattr(jobs, method)(saved[-1], retry=False))
    assert (raised.value.info.retry.outcome, len(place.server.paid_work)) == (Outcome.UNKNOWN, 1)


@both
def test_the_moment_of_an_order_is_one_of_the_day(place, client):
    """A handle has the time of day, also where the client's clock counts from another moment."""
    kept = []
    clocks = ((place.clock, place.clock()), (monotonic, time()))
    for clock, now in clocks:
        place.run(client, "videos", lambda jobs: jobs.create(place.stage("videos").order(), save=kept.append), clock=clock)
        assert abs(kept[-1].created.timestamp() - now) < 60


@both
@pytest.mark.parametrize(
    ("minutes", "is_sent"), [(24 * 60 - 11, True), (24 * 60 - 9, False), (24 * 60 + 1, False), (72 * 60, False), (-9, True), (-11, False)]
)
def test_orders_are_sent_again_within_a_day(place, client, minutes, is_sent):
    """An order without ids is sent again up to ten minutes before the end of the day for which its key is kept."""
    handle = JobHandle(
        provider="heygen",
        kind="videos",
        path="/v3/videos",
        body=place.stage("videos").order(),
        idempotency_key="key-1",
        created=place.now - timedelta(minutes=minutes),
    )
    if is_sent:
        assert len(place.run(client, "videos", lambda jobs: jobs.resume_order(handle)).ids) == 1
    else:
        with pytest.raises(ConflictError):
            place.run(client, "videos", lambda jobs: jobs.resume_order(handle))
    assert int(is_sent) == len(place.sent())


@both
def test_a_key_in_the_body_is_the_same_as_number_and_as_text(place, client):
    """An order whose body has the key as a number can be resumed: the number is the key."""
    stage, saved = place.stage("background_removals"), []
    order = {**stage.order(), "request_id": 5}
    place.server.on("POST", "/v3/background-removals", Reply.json({"data": {"id": "r1"}}))
    made = place.run(client, "background_removals", lambda jobs: jobs.create(order, save=saved.append))
    again = place.run(client, "background_removals", lambda jobs: jobs.resume_order(saved[0].to_json()))
    assert made.ids == again.ids == ("r1",)
    assert [received.json["request_id"] for received in place.server.requests] == [5, 5]
    assert saved[0].idempotency_key == "5"


@both
def test_an_order_is_repeated_where_it_was_made(place, client):
    """The path of an order is that of its repeat."""
    stage, saved = place.stage("videos"), []
    path = "/v3/templates/t1"
    named = Reply.json({"data": {"video_id": "v1"}})
    place.server.on("POST", path, named)
    place.run(client, "videos", lambda jobs: jobs.create(stage.order(), path=path, save=saved.append))
    place.run(client, "videos", lambda jobs: jobs.resume_order(saved[0].to_json()))
    assert place.sent() == [path] * 2
    assert len({received.idempotency_key for received in place.server.requests}) == 1


@both
@pytest.mark.parametrize("path", ["/v3/videos?x=1", "https://api.heygen.com/v3/videos", "//api.heygen.com/v3/videos", "v3/videos", 5])
def test_an_order_that_could_not_be_repeated_is_refused(place, client, path):
    """A path with a query or a host is refused: a handle has no place for them, and what is resumed would be another order."""
    with pytest.raises(ValueError, match="path"):
        place.run(client, "videos", lambda jobs: jobs.create({"script": "Hello"}, path=path))
    assert place.server.request_count == 0


@both
def test_ids_of_an_order_at_a_wrong_path_are_told(place, client):
    """What was ordered at the path of another kind is paid for, and the error has the ids that the answer has."""
    order = {"videos": [place.stage("videos").order() for _ in range(2)]}
    with pytest.raises(ApiError) as raised:
        place.run(client, "videos", lambda jobs: jobs.create(order, path="/v3/videos/batches"))
    assert raised.value.info.rule == "transport/JobUnnamed"
    found = place.run(client, "video_batches", lambda jobs: jobs.wait(raised.value.info.resource["batch_id"]))
    assert len(found.data["items"]) == 2
    assert place.server.requests[0].idempotency_key == raised.value.idempotency_key


# What was paid for is told.

BREAKS = {"sync": KeyboardInterrupt, "async": asyncio.CancelledError}


@both
def test_an_order_that_is_broken_off_tells_its_id(place, client):
    """Ctrl-C or a cancellation while the ids are being saved leaves them on the exception."""
    stage = place.stage("transcriptions")
    [problem] = broken_off(place, client, lambda jobs, save: jobs.create(stage.order(), save=save))
    [work] = place.server.paid_work
    assert any(work.id in note for note in problem.__notes__)


@both
@pytest.mark.parametrize("raised", [KeyError, KeyboardInterrupt, asyncio.CancelledError])
def test_a_wait_for_an_order_that_is_broken_off_tells_its_id(place, client, raised):
    """Whatever breaks off the wait for a job that was just ordered, the id is on the exception."""
    if client.name == "sync" and raised is asyncio.CancelledError:
        raised = SystemExit
    stage = place.stage("transcriptions")

    def stop(_):
        raise raised

    [problem] = caught_in(place, client, lambda jobs: jobs.create_and_wait(stage.order(), on_progress=stop))
    [work] = place.server.paid_work
    assert isinstance(problem, raised)
    assert any(work.id in note for note in problem.__notes__)


@both
def test_an_order_that_is_broken_off_under_way_tells_its_key(place, client):
    """Ctrl-C or a cancellation before the vendor has answered leaves the key on the exception, to order again without paying twice."""
    stage = place.stage("videos")
    place.server.script([slowed(5)], method="POST", path="/v3/videos")

    def stop(_):
        raise BREAKS[client.name]

    async def awaited_stop(_):
        stop(_)

    sleep = stop if client.name == "sync" else awaited_stop
    [problem] = caught_in(place, client, lambda jobs: jobs.create(stage.order()), name="videos", sleep=sleep)
    [received] = place.server.requests
    assert any(received.idempotency_key in note for note in problem.__notes__)


def broken_off(place, client, act):
    """What comes of an act whose second handle is not saved, as the program is stopped meanwhile."""

    def save(handle):
        if handle.ids:
            raise BREAKS[client.name]

    async def awaited_save(handle):
        await asyncio.sleep(0)
        save(handle)

    return caught_in(place, client, lambda jobs: act(jobs, save if client.name == "sync" else awaited_save))


def caught_in(place, client, act, *, name="transcriptions", **changes):
    """What an act raises, whatever it is."""
    problems = []

    async def awaited(jobs):
        try:
            await act(jobs)
        except BaseException as problem:  # noqa: BLE001 - that of the test
            problems.append(problem)

    def blocking(jobs):
        try:
            act(jobs)
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    place.run(client, name, blocking if client.name == "sync" else awaited, **changes)
    return problems


@pytest.mark.parametrize("method", ["create", "create_and_wait"])
def test_a_save_that_nobody_awaits_is_refused_before_the_order(place, method):
    """A coroutine function as save is a TypeError of the client that blocks, and nothing is ordered unsaved."""
    kept = []

    async def save(handle):
        kept.append(handle)

    with pytest.raises(TypeError, match="AsyncClient"):
        place.run(CLIENTS[0], "videos", lambda jobs: getattr(jobs, method)(place.stage("videos").order(), save=save))
    assert (kept, place.server.request_count) == ([], 0)


@pytest.mark.parametrize("method", ["wait", "wait_all", "as_completed", "create_and_wait"])
def test_progress_that_nobody_awaits_is_refused_before_anything_is_sent(place, method):
    """So is one as on_progress, before anything is paid for."""

    async def tell(progress):
        pass

    given = {"wait": "v1", "wait_all": ["v1"], "as_completed": ["v1"], "create_and_wait": place.stage("videos").order()}[method]

    def act(jobs):
        found = getattr(jobs, method)(given, on_progress=tell)
        return list(found) if method == "as_completed" else found

    with pytest.raises(TypeError, match="AsyncClient"):
        place.run(CLIENTS[0], "videos", act)
    assert place.server.request_count == 0


# Credentials.

SECRET_CALLS = {
    "an order that fails": lambda jobs: jobs.create({}, headers={"Authorization": f"Bearer {TOKEN}"}),
    "an order that is waited for": lambda jobs: jobs.create_and_wait({}, headers={"Authorization": f"Bearer {TOKEN}"}),
    "a wait": lambda jobs: jobs.wait(MISSING, headers={"Authorization": f"Bearer {TOKEN}"}),
    "waits": lambda jobs: jobs.wait_all([MISSING, "v2"], headers={"Authorization": f"Bearer {TOKEN}"}),
    "no deadline": lambda jobs: jobs.wait("v1", deadline=-1, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no deadline for many": lambda jobs: jobs.wait_all(["v1"], deadline=-1, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no ids": lambda jobs: jobs.wait_all(5, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no ids, as they end": lambda jobs: jobs.as_completed("v1", headers={"Authorization": f"Bearer {TOKEN}"}),
    "a wrong id": lambda jobs: jobs.wait("v 1", headers={"Authorization": f"Bearer {TOKEN}"}),
    "wrong polling": lambda jobs: jobs.wait("v1", polling=5, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no order": lambda jobs: jobs.create([], headers={"Authorization": f"Bearer {TOKEN}"}),
    "no order to wait for": lambda jobs: jobs.create_and_wait([], headers={"Authorization": f"Bearer {TOKEN}"}),
    "a wrong path": lambda jobs: jobs.create({}, path="x?y", headers={"Authorization": f"Bearer {TOKEN}"}),
    "no save": lambda jobs: jobs.create({}, save=5, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no handle": lambda jobs: jobs.resume("{}", headers={"Authorization": f"Bearer {TOKEN}"}),
    "no handle to order": lambda jobs: jobs.resume_order(5, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no moment": lambda jobs: jobs.failures("x", headers={"Authorization": f"Bearer {TOKEN}"}),
    "no option": lambda jobs: jobs.wait("v1", what=5, headers={"Authorization": f"Bearer {TOKEN}"}),
    "no time-out": lambda jobs: jobs.wait("v1", timeout=-1, headers={"Authorization": f"Bearer {TOKEN}"}),
    "a broken header": lambda jobs: jobs.wait("v1", headers={"Authorization": f"Bearer {TOKEN}\n{TOKEN}"}),
    "a broken header of an order": lambda jobs: jobs.create({}, headers={"Authorization": f"Bearer {TOKEN}\n{TOKEN}"}),
    "a list": lambda jobs: jobs.failures(0, headers={"Authorization": f"Bearer {TOKEN}"}),
}


@both
@pytest.mark.parametrize("name", SECRET_CALLS)
def test_tracebacks_show_no_credential(place, client, name):
    """What a call is given as a header stands in no local variable that the traceback of a failure shows."""
    place.server.on(None, None, error("heygen", "authentication"), provider="heygen")
    try:
        walk = place.run(client, "videos", SECRET_CALLS[name], retry=False)
        problem = getattr(walk, "error", None)
    except Exception as raised:  # noqa: BLE001 - whatever it is
        problem = raised
    assert problem is not None
    assert [where for where, text in shown(problem) if TOKEN in text] == []
    assert TOKEN not in "".join(traceback.format_exception(problem))


def shown(problem):
    """The local variables of every frame, of causes too."""
    told = traceback.TracebackException.from_exception(problem, capture_locals=True)
    for frame in told.stack:
        for name, text in (frame.locals or {}).items():
            yield f"{name} of {frame.name}", text
    for more in (problem.__cause__, problem.__context__):
        if more is not None:
            yield from shown(more)


def test_an_error_is_freed_with_its_last_name(place):
    """What a wait for several raises hangs in no cycle, which would keep its frames alive."""
    place.server.on(None, None, error("heygen", "authentication"), provider="heygen")
    gc.collect()
    gc.disable()
    try:
        kept = []
        with Blocking.client(heygen_api_key="k", heygen_base_url=place.server.heygen.url, retry=False) as client:
            try:
                client.heygen.videos.wait_all([MISSING, "v2"])
            except ApiError as problem:
                kept.append(weakref.ref(problem))
        assert [reference() for reference in kept] == [None]
    finally:
        gc.enable()


# One does not hold up the others.


@both
@pytest.mark.parametrize("name", ["proofreads", "videos", "clippings", "transcriptions", "sessions", "workflows"])
@pytest.mark.parametrize("place_of", [0, 1])
def test_one_that_cannot_be_read_does_not_hold_up_the_others(place, client, name, place_of):
    """Where reading one job fails again and again, the others end all the same, and that one is told as unread."""
    stage = begun(place, name, 3)
    bad, provider = stage.ids[place_of], stage.kind.provider

    def met(received):
        return error(provider, "server") if id_of(received) == bad else ok

    place.server.on(stage.kind.method, stage.read, met, provider=provider)
    ends = place.run(client, name, lambda jobs: jobs.wait_all(stage.ids, deadline=300, retry=False))
    assert [job_id for job_id, end in ends.items() if end.error is not None] == [bad]
    assert ends[bad].error.info.rule == "transport/JobNeverRead"
    assert f"{stage.kind.noun} {bad} could not be read" in ends[bad].error.info.detail


@both
def test_one_that_is_over_and_cannot_be_read_is_told_so(place, client):
    """A job that was running, is over by the vendor's word, and cannot be read then, is not told as running still."""
    stage = place.stage("videos")
    for _ in range(2):
        stage.begin(JobPlan(seconds=15))
    bad = stage.ids[0]

    def met(received):
        return error("heygen", "server") if id_of(received) == bad else ok

    place.server.on(stage.kind.method, stage.read, met, provider="heygen")
    ends = place.run(client, "videos", lambda jobs: jobs.wait_all(stage.ids, deadline=60, retry=False))
    assert [job_id for job_id, end in ends.items() if end.error is not None] == [bad]
    assert (ends[bad].error.info.rule, "server" in ends[bad].error.info.detail) == ("transport/JobNeverRead", True)


@both
@pytest.mark.parametrize("allowed", [1, 4, 9])
def test_a_rate_limit_lets_every_job_have_its_turn(place, client, allowed):
    """Where the vendor lets a few reads through at a time, those that were read are the last to be read again."""
    stage = place.stage("proofreads")
    for number in range(20):
        stage.begin(JobPlan(stuck=True) if number < 5 else DONE)
    place.clock.advance(10)
    spent = {}

    def met(_):
        window = int(place.clock() // 5)
        spent[window] = spent.get(window, 0) + 1
        return slowed(5) if spent[window] > allowed else ok

    place.server.on("GET", stage.read, met, provider="heygen")
    ends = place.run(client, "proofreads", lambda jobs: jobs.wait_all(stage.ids, deadline=1000, retry=False, polling=STEADY))
    assert words(ends.values()) == ["transport/JobNotEnded"] * 5 + ["completed"] * 15


@both
def test_of_two_jobs_each_has_its_turn(place, client):
    """The job whose read meets the rate limit is the first of the next look."""
    stage = place.stage("proofreads")
    stage.begin(JobPlan(stuck=True))
    stage.begin(DONE)
    place.clock.advance(10)
    seen = set()

    def met(_):
        if place.clock() in seen:
            return slowed(1)
        seen.add(place.clock())
        return ok

    place.server.on("GET", stage.read, met, provider="heygen")
    ends = place.run(client, "proofreads", lambda jobs: jobs.wait_all(stage.ids, deadline=300, retry=False, polling=STEADY))
    assert words(ends.values()) == ["transport/JobNotEnded", "completed"]


@both
def test_an_outage_is_not_asked_about_by_every_job(place, client):
    """While the vendor cannot be reached, a look at many jobs is one request."""
    stage = begun(place, "proofreads", 6)
    stage.at(stage.read, *[fault.reset_after_request] * 2)
    before = len(place.clock.slept)
    ends = place.run(client, "proofreads", lambda jobs: jobs.wait_all(stage.ids, deadline=60, retry=False, polling=STEADY))
    assert words(ends.values()) == ["completed"] * 6
    assert (len(place.sent(stage)), place.clock.slept[before:]) == (8, [2, 3])


# What a program does meanwhile.


@both
@pytest.mark.parametrize("name", ["videos", "clippings", "proofreads"])
def test_progress_that_fails_by_an_error_of_the_vendor_ends_the_wait(place, client, name):
    """An ApiError of the program's own, even one that may pass, is raised as it is, and loses no end."""
    stage = begun(place, name, 5)
    problem = exception("heygen", "server")

    def tell(progress):
        if progress.id == stage.ids[2]:
            raise problem

    with pytest.raises(ApiError) as raised:
        place.run(client, name, lambda jobs: jobs.wait_all(stage.ids, on_progress=tell))
    assert raised.value is problem
    walk = place.run(client, name, lambda jobs: jobs.as_completed(stage.ids, on_progress=tell))
    assert walk.error is problem
    told = stage.ids if name == "proofreads" else stage.ids[::-1]
    assert told[:3] == [end.id for end in walk.items]


@both
@pytest.mark.parametrize("name", ["videos", "clippings", "proofreads", "transcriptions"])
@pytest.mark.parametrize("number", [3, 5])
def test_the_time_of_a_slow_loop_does_not_count(place, client, name, number):
    """While a program handles the end of a job, the time for waiting stands still."""
    stage = place.stage(name)
    for seconds in (1, *[20] * (number - 1)):
        stage.begin(JobPlan(seconds=seconds))
    place.clock.advance(2)

    def handle(_):
        place.clock.advance(100)

    ends = place.run(client, name, lambda jobs: each(client, jobs.as_completed(stage.ids, deadline=60), handle))
    assert words(ends) == ["completed"] * number


@both
@pytest.mark.parametrize("name", ["videos", "clippings", "proofreads"])
def test_the_time_of_slow_progress_does_not_count(place, client, name):
    """Nor does that in which a program is told of progress, with one job and with several."""
    stage = place.stage(name)
    for _ in range(4):
        stage.begin(JobPlan(seconds=300))
    elapsed = []

    def tell(progress):
        elapsed.append(progress.elapsed)
        place.clock.advance(100)

    ends = place.run(client, name, lambda jobs: jobs.wait_all(stage.ids, deadline=60, on_progress=tell))
    assert words(ends.values()) == ["completed"] * 4
    again = place.stage(name)
    job_id = again.begin(JobPlan(seconds=500))
    assert place.run(client, name, lambda jobs: jobs.wait(job_id, deadline=60, on_progress=tell)).data["status"] == "completed"
    assert max(elapsed) <= 60


# Waits end.

BAD_DEADLINES = [7.3, 33.3, 100.1, 25.3, 19.9, 1, 60, 3600]


@both
def test_every_wait_comes_to_its_end(place, client):
    """Whatever the deadline, a wait for a job that never ends is over within it, after a look near its end and no crowd of looks."""
    job_id = place.stage("videos").begin(JobPlan(stuck=True))
    random = Random(5)
    deadlines = [*BAD_DEADLINES, *(random.uniform(0.5, 120) for _ in range(40)), *(10 ** random.uniform(0, 3) for _ in range(20))]
    looks = []

    def tell(progress):
        looks.append(progress)
        assert progress.polls < 400, "an endless wait"

    waits = _waits if client.name == "sync" else _waits_awaited
    ends = place.run(client, "videos", lambda jobs: waits(jobs, job_id, deadlines, tell), draw=random.random)
    assert [(TimedOutError, "transport/JobNotEnded")] * len(deadlines) == [(type(end), end.info.rule) for end in ends]
    last = [progress for progress in looks if progress.next_poll is None]
    for deadline, progress in zip(deadlines, last, strict=True):
        assert progress.elapsed <= deadline
        assert progress.polls <= 3 + deadline / 2
        assert progress.elapsed >= deadline - min(1, 0.05 * deadline) - 0.001 or progress.polls == 1


def _waits(jobs, job_id, deadlines, tell):
    ends = []
    for deadline in deadlines:
        with pytest.raises(ApiError) as raised:
            jobs.wait(job_id, deadline=deadline, on_progress=tell)
        ends.append(raised.value)
    return ends


async def _waits_awaited(jobs, job_id, deadlines, tell):
    ends = []
    for deadline in deadlines:
        with pytest.raises(ApiError) as raised:
            await jobs.wait(job_id, deadline=deadline, on_progress=tell)
        ends.append(raised.value)
    return ends


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
def test_a_call_of_a_wait_ends_with_it(place, client, method):
    """The repeats of a single call do not go on behind the deadline of the wait."""
    stage = begun(place, "proofreads", 1)
    stage.always(stage.read, Reply(status=503, headers={"Retry-After": "7"}))
    before = place.clock()
    given = stage.ids[0] if method == "wait" else stage.ids
    with contextlib.suppress(TimedOutError):
        place.run(client, "proofreads", lambda jobs: getattr(jobs, method)(given, deadline=10))
    assert place.clock() - before <= 10


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
def test_a_wait_whose_calls_end_by_their_deadline_is_one_that_did_not_end(place, client, method):
    """Whatever the looks failed of, a wait that is over says so, and the job may be running."""
    place.server.on(None, None, fault.slow_answer(seconds=0.2))
    problem = ended_by(place, client, method, MISSING, deadline=1, retry=False, client_deadline=0.05)
    assert (problem.info.rule, problem.info.retry.outcome) == ("transport/JobNeverRead", Outcome.ACCEPTED)


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
def test_a_pause_that_is_longer_than_the_rest_is_told(place, client, method):
    """A wait that ends early, as the vendor wants a longer pause than there is time, says so."""
    stage = begun(place, "proofreads", 1)
    stage.always(stage.read, slowed(90))
    before = place.clock()
    problem = ended_by(place, client, method, stage.ids[0], deadline=60, retry=False)
    assert "could not be read in 0 s, and the vendor asks for a pause of 90" in str(problem.__cause__)
    assert (place.clock(), problem.__cause__.__cause__.info.category) == (before, Category.RATE_LIMIT)


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
@pytest.mark.parametrize("state", [None, ""])
def test_a_job_without_a_state_is_not_called_unread(place, client, method, state):
    """A job that was read and told no state is told as that."""
    stage = begun(place, "proofreads", 1)
    stage.always(stage.read, Reply.json({"data": {"id": stage.ids[0], "status": state}}))
    problem = ended_by(place, client, method, stage.ids[0], deadline=60)
    assert "told no state after" in problem.info.detail
    assert problem.info.detail in str(problem)


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
def test_the_last_state_that_was_told_is_named(place, client, method):
    """A job that told its state once, and none at the last looks, is told with the state that it had."""
    stage = begun(place, "proofreads", 1)
    stage.always(stage.read, Reply.json({"data": {"id": stage.ids[0], "status": None}}))
    stage.at(stage.read, Reply.json({"data": {"id": stage.ids[0], "status": "PROCESSING"}}))
    assert "was still 'processing' after" in ended_by(place, client, method, stage.ids[0], deadline=60).info.detail


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
def test_a_failure_that_has_passed_is_not_the_reason(place, client, method):
    """A look that failed, with others behind it that did not, is no reason why a job did not end."""
    stage = begun(place, "proofreads", 1, JobPlan(stuck=True))
    stage.at(stage.read, Reply(status=503))
    problem = ended_by(place, client, method, stage.ids[0], deadline=60, retry=False)
    assert (problem.info.rule, problem.__cause__.__cause__) == ("transport/JobNotEnded", None)


@both
@pytest.mark.parametrize("name", ["videos", "clippings"])
def test_many_that_cannot_be_asked_about_were_never_read(place, client, name):
    """Where the call for many fails for good, each of the jobs is told as one that was never read, with the reason."""
    stage = begun(place, name, 5)
    stage.always((stage.kind.statuses or stage.kind.list).path, Reply(status=503))
    ends = place.run(client, name, lambda jobs: jobs.wait_all(stage.ids, deadline=60, retry=False))
    assert words(ends.values()) == ["transport/JobNeverRead"] * 5
    assert [end.error.__cause__.__cause__.info.status for end in ends.values()] == [503] * 5


def ended_by(place, client, method, job_id, *, client_deadline=120, **options):
    """The error that a job ended by, waited for alone or among several."""
    if method == "wait_all":
        ends = place.run(client, "proofreads", lambda jobs: jobs.wait_all([job_id], **options), deadline=client_deadline)
        return ends[job_id].error
    with pytest.raises(ApiError) as raised:
        place.run(client, "proofreads", lambda jobs: jobs.wait(job_id, **options), deadline=client_deadline)
    return raised.value


# Uploads.


@both
@pytest.mark.parametrize("shape", ["handle", "list", "several", "as they end"])
def test_an_upload_may_take_a_minute_to_be_found(place, client, shape):
    """Uploads that are not known yet are waited for in whatever form they are given; other ids are not."""
    ids = [f"2f6d3c1a-9b1e-4a57-8c30-5d7e6f80914{number}" for number in range(2)]
    handles = [
        JobHandle(provider="heify", kind="transcriptions", ids=(job_id,), path="/request-upload-url", created=place.now) for job_id in ids
    ]
    given = {"handle": handles[0], "list": handles[:1], "several": handles, "as they end": [MISSING, *handles]}[shape]
    times = {}
    before = place.clock()

    def took(end):
        times[end.id] = place.clock() - before

    place.run(client, "transcriptions", lambda jobs: each(client, jobs.as_completed(given, deadline=100, polling=STEADY), took))
    foreign = times.pop(MISSING, None)
    assert foreign is None or foreign < 1
    assert all(60 <= seconds <= 80 for seconds in times.values())
    assert len(times) == (1 if shape in ("handle", "list") else 2)


@both
@pytest.mark.parametrize("form", ["handle", "list"])
def test_other_handles_are_not_waited_for(place, client, form):
    """A transcription that was ordered and is not there is an error at once."""
    handle = JobHandle(provider="heify", kind="transcriptions", ids=(MISSING,), path="/submit", created=place.now)
    before = place.clock()
    ends = place.run(client, "transcriptions", lambda jobs: jobs.wait_all(handle if form == "handle" else [handle]))
    assert (words(ends.values()), place.clock()) == (["heify/TRANSCRIPTION_NOT_FOUND"], before)


# Jobs with parts.


def clipping(job_id, status, part="failed"):
    """A job with a part that failed."""
    return {"id": job_id, "status": status, "clips": [{"id": "clip1", "status": part, "failure_message": "no speech"}]}


@both
@pytest.mark.parametrize("parts", [[{"id": "clip1", "status": "failed", "failure_message": "no speech"}], [], None])
@pytest.mark.parametrize("number", [1, 5])
def test_a_failed_job_with_parts_is_a_failure(place, client, parts, number):
    """A job that failed is one, although only its parts say why, or nothing does; and the error is that of the job."""
    stage = begun(place, "clippings", number)
    job = {"id": stage.ids[0], "status": "failed", "clips": parts}
    place.server.on("GET", f"/v3/ai-clipping/{stage.ids[0]}", Reply.json({"data": job}))
    others = [{"id": job_id, "status": "completed"} for job_id in stage.ids[1:]]
    place.server.on("GET", "/v3/ai-clipping", Reply.json({"data": [job, *others], "has_more": False}))
    ends = place.run(client, "clippings", lambda jobs: jobs.wait_all(stage.ids))
    problem = ends[stage.ids[0]].error
    assert (problem.info.provider, problem.info.channel, problem.info.resource["job_id"]) == ("heygen", Channel.JOB, stage.ids[0])
    assert not problem.info.rule.startswith("transport/")
    assert problem.info.message == ("no speech" if parts else None)
    assert [end.error for end in list(ends.values())[1:]] == [None] * (number - 1)
    with pytest.raises(type(problem)) as raised:
        place.run(client, "clippings", lambda jobs: jobs.wait(stage.ids[0]))
    assert (raised.value.info.rule, raised.value.info.resource["job_id"]) == (problem.info.rule, stage.ids[0])


@both
def test_a_running_job_with_a_failed_part_goes_on(place, client):
    """A part that failed does not end a job that is running, neither alone nor among others."""
    stage = begun(place, "clippings", 5)
    running = Reply.json({"data": [clipping(job_id, "running") for job_id in stage.ids], "has_more": False})
    place.server.script([running], path="/v3/ai-clipping")
    ends = place.run(client, "clippings", lambda jobs: jobs.wait_all(stage.ids))
    assert words(ends.values()) == ["completed"] * 5
    place.server.script([Reply.json({"data": clipping(stage.ids[0], "running")})], path="/v3/ai-clipping/{job_id}")
    assert place.run(client, "clippings", lambda jobs: jobs.wait(stage.ids[0])).data["status"] == "completed"
    assert place.server.unused_steps == []


# Batches of more than a page.


def paged(place, *, items=250, before_last=()):
    """A batch of as many items; every hundredth failed. What is told before the last page, besides."""
    told = [
        {"item_index": number, "status": "failed" if number % 100 == 99 else "completed", "video_id": f"v{number}"}
        for number in range(items)
    ]
    for item in told:
        if item["status"] == "failed":
            item["error"] = {"code": "rendering_failed", "message": "Rendering failed"}
    more = list(before_last)

    def page(received):
        first = _token(received)
        if first and first + 100 >= items and more:
            return more.pop(0)
        last = first + 100 >= items
        data = {"batch_id": "b1", "status": "completed", "items": told[first : first + 100], "has_more": not last}
        return Reply.json({"data": {**data, "next_token": None if last else str(first + 100)}})

    place.server.on("GET", "/v3/videos/batches/b1", page)


def _token(received):
    _, _, query = received.target.partition("?")
    return int(dict(part.split("=") for part in query.split("&")).get("token", "0"))


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
@pytest.mark.parametrize(("items", "pages"), [(100, 1), (101, 2), (250, 3)])
def test_a_batch_is_read_to_its_end(place, client, method, items, pages):
    """The answer about a batch has all of its items and failures, however many pages they come on."""
    paged(place, items=items)
    answer = the_batch(place, client, method)
    assert [item["item_index"] for item in answer.data["items"]] == list(range(items))
    assert len(answer.failures) == items // 100
    assert not answer.data["has_more"]
    assert answer.body["data"]["items"] == answer.data["items"]
    assert len(place.sent()) == pages


def the_batch(place, client, method, **options):
    """The answer about the batch, waited for alone or among others."""
    if method == "wait_all":
        return place.run(client, "video_batches", lambda jobs: jobs.wait_all(["b1"], **options))["b1"].unwrap()
    return place.run(client, "video_batches", lambda jobs: jobs.wait("b1", **options))


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
@pytest.mark.parametrize("met", [[Reply(status=503)], [slowed(7)] * 2], ids=["503", "429"])
def test_a_page_of_a_batch_that_fails_is_waited_out(place, client, method, met):
    """A failure of asking that may pass is waited out on every page of a batch."""
    paged(place, before_last=met)
    assert len(the_batch(place, client, method, retry=False).data["items"]) == 250


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
@pytest.mark.parametrize(
    "page", [{"data": None}, {}, {"data": {"batch_id": "b1", "status": "completed", "items": None}}, {"data": []}], ids=json.dumps
)
def test_a_page_of_a_batch_of_another_shape(place, client, method, page):
    """A page that holds no items is no exception of Python's own."""
    paged(place, before_last=[Reply.json(page)])
    with contextlib.suppress(ApiError):
        answer = the_batch(place, client, method, deadline=30)
        assert len(answer.data["items"]) >= 200


@both
@pytest.mark.parametrize("method", ["wait", "wait_all"])
@pytest.mark.parametrize("token", ["100", None], ids=["repeated", "missing"])
def test_a_batch_without_an_end(place, client, method, token):
    """Items that cannot be read are not left out in silence: a batch whose pages come to no end is an error, as such a list is."""
    data = {"batch_id": "b1", "status": "completed", "items": [], "has_more": True, "next_token": token}
    place.server.on("GET", "/v3/videos/batches/b1", Reply.json({"data": data}))
    with pytest.raises(ApiError) as raised:
        the_batch(place, client, method, deadline=30)
    assert raised.value.info.rule == "transport/PageRepeated"
    assert len(place.sent()) <= 2


@both
def test_a_page_that_is_refused_ends_one_batch(place, client):
    """A page that cannot be had ends its own batch, and not the wait for others."""
    paged(place, before_last=[error("heygen", "not_found")])
    small = {"batch_id": "b2", "status": "completed", "items": [{"item_index": 0, "status": "completed"}], "has_more": False}
    place.server.on("GET", "/v3/videos/batches/b2", Reply.json({"data": small}))
    ends = place.run(client, "video_batches", lambda jobs: jobs.wait_all(["b1", "b2"], deadline=30))
    assert (ends["b1"].error.info.category, len(ends["b2"].unwrap().data["items"])) == (Category.NOT_FOUND, 1)


# Lists that fail while the ends are read.


@both
@pytest.mark.parametrize("what", ["invalid_request", "not_found"])
def test_ends_are_read_one_by_one_where_the_list_is_refused(place, client, what):
    """A list that the vendor does not give costs no end of a job."""
    stage = begun(place, "videos", 5)
    stage.always("/v3/videos", error("heygen", what))
    ends = place.run(client, "videos", lambda jobs: jobs.wait_all(stage.ids, deadline=300))
    assert words(ends.values()) == ["completed"] * 5


@both
@pytest.mark.parametrize("what", ["invalid_request", "not_found", "rate_limit", "server"])
def test_a_list_that_fails_in_the_middle(place, client, what):
    """What the first page told is not lost, nor told twice, where the second one fails."""
    stage = begun(place, "videos", 104)
    stage.at("/v3/videos", ok, error("heygen", what))
    walk = place.run(client, "videos", lambda jobs: jobs.as_completed(stage.ids, deadline=300, retry=False))
    assert (walk.error, words(walk.items)) == (None, ["completed"] * 104)
    assert sorted(end.id for end in walk.items) == sorted(stage.ids)


@both
def test_a_pause_for_many_that_is_longer_than_the_rest_is_told(place, client):
    """Each of several jobs says that the vendor asks for a longer pause than there is time."""
    stage = begun(place, "videos", 3)
    stage.at("/v3/videos/statuses", slowed(90))
    ends = place.run(client, "videos", lambda jobs: jobs.wait_all(stage.ids, deadline=60, retry=False))
    assert ["the vendor asks for a pause of 90" in str(end.error.__cause__) for end in ends.values()] == [True] * 3


@both
def test_a_list_that_is_refused_for_the_account_ends_the_wait(place, client):
    """A refusal that goes for every call is raised."""
    stage = begun(place, "videos", 5)
    stage.always("/v3/videos", error("heygen", "authentication"))
    with pytest.raises(ApiError) as raised:
        place.run(client, "videos", lambda jobs: jobs.wait_all(stage.ids, deadline=300))
    assert raised.value.info.category is Category.AUTHENTICATION


@both
def test_a_pause_that_the_list_asks_for_is_kept(place, client):
    """Where the list asks for a pause, no job is read before it is over."""
    stage = begun(place, "videos", 5)
    stage.at("/v3/videos", slowed(50))
    before = place.clock()
    ends = place.run(client, "videos", lambda jobs: jobs.wait_all(stage.ids, deadline=300, retry=False))
    assert words(ends.values()) == ["completed"] * 5
    refused = next(received for received in place.server.requests if received.status == 429)
    behind = [received.at - before for received in place.server.requests if received.number > refused.number]
    assert behind
    assert min(behind) >= 50


@both
@pytest.mark.parametrize("name", ["videos", "clippings", "sessions", "transcriptions"])
@pytest.mark.parametrize("data", [None, {}, [], {"message": "Nothing here."}, {"a": [{"b": 1}], "c": []}, 7, "none"], ids=json.dumps)
def test_answers_about_many_without_a_list(place, client, name, data):
    """Whatever comes in place of a list, the jobs are read one by one."""
    stage = begun(place, name, 5)
    for bulk in (stage.kind.statuses, stage.kind.list):
        if bulk is not None:
            stage.always(bulk.path, Reply.json({"data": data}))
    ends = place.run(client, name, lambda jobs: jobs.wait_all(stage.ids, deadline=300))
    assert words(ends.values()) == ["completed"] * 5


@both
def test_jobs_in_a_list_beside_others(place, client):
    """Of several lists in an answer the one with the jobs counts."""
    stage = begun(place, "clippings", 5)
    items = [{"id": job_id, "status": "completed"} for job_id in stage.ids]
    stage.always("/v3/ai-clipping", Reply.json({"data": {"tags": ["a"], "clippings": items}}))
    ends = place.run(client, "clippings", lambda jobs: jobs.wait_all(stage.ids, deadline=300))
    assert (words(ends.values()), place.sent(stage)) == (["completed"] * 5, ["/v3/ai-clipping?limit=100"])


# Ids.


@both
@pytest.mark.parametrize("job_id", ["..", ".", "a/../b", "a//b", "/", "../v1", "v1/", "a\\..\\b"])
@pytest.mark.parametrize("method", ["wait", "wait_all", "as_completed"])
def test_ids_that_lead_elsewhere_are_refused_before_anything_is_sent(place, client, method, job_id):
    """An id that no path can have is a ValueError before any job is asked about."""
    given = job_id if method == "wait" else [MISSING, job_id]
    with pytest.raises(ValueError, match="no id of a video"):
        place.run(client, "videos", lambda jobs: getattr(jobs, method)(given))
    assert place.server.request_count == 0


@both
def test_ids_with_commas_are_read_by_themselves(place, client):
    """An id with a comma is never sent among others that stand between commas."""
    stage = begun(place, "videos", 2)
    ends = place.run(client, "videos", lambda jobs: jobs.wait_all([*stage.ids, "a,b", "c,d"], deadline=60))
    assert words(ends.values()) == ["completed", "completed", *["heygen/VIDEO_NOT_FOUND"] * 2]
    assert "%2Cb" not in place.sent(stage)[0]
    assert sum("a%2Cb" in target for target in place.sent(stage)) == 1


@both
def test_reads_of_one_look_keep_apart(place, client):
    """Between two reads there is at least the pause that the endpoint wants, in a look and between two."""
    stage = begun(place, "transcriptions", 3)
    before = len(place.clock.slept)
    place.run(client, "transcriptions", lambda jobs: jobs.wait_all(stage.ids))
    assert place.clock.slept[before:] == [0.12, 0.12]
