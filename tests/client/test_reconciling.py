"""Failures that nobody was told of are found in the vendor's list: each once, since a moment, with both clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import attrs
import pytest
import requests
from harness import KINDS as CLIENTS
from job_scenarios import CONFIGURATION, Place, failing, of_name

from heify_heygen_errors import Category, Channel, Outcome
from heify_heygen_errors.client.jobs.kinds import KINDS
from heify_heygen_errors.testing import FakeServer, JobPlan, ManualClock, Reply, error

both = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)

LISTED = tuple(kind.name for kind in KINDS.values() if kind.list is not None)
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def running():
    clock = ManualClock()
    with FakeServer(clock=clock, limits=False, known={"configuration_id": CONFIGURATION}) as server, requests.Session() as session:
        yield Place(server, clock, session)


@pytest.fixture
def place(running):
    running.server.reset()
    return running


def listed(place, name, *pages, **more):
    """Script the list: pages of items, each with a token for the next but the last one."""
    kind = of_name(name)
    bodies = [
        {"data": list(items), "has_more": number < len(pages), "next_token": f"{number:016x}" if number < len(pages) else None}
        for number, items in enumerate(pages, 1)
    ]
    place.server.script([Reply.json({**body, **more}) for body in bodies], provider=kind.provider, path=kind.list.path.partition("?")[0])


def failed(job_id, **members):
    """A failed video in a list."""
    return {"id": job_id, "status": "failed", "failure_code": "rendering_failed", "failure_message": "Rendering failed", **members}


def ids(walk):
    """The ids of the failures; raises what ended the walk."""
    if walk.error is not None:
        raise walk.error
    return [failure.id for failure in walk.items]


# Every kind.


@both
@pytest.mark.parametrize("name", LISTED)
def test_failures_are_found_among_others(place, client, name):
    """Of all jobs those that failed are given, the newest first, with reason, channel, ids and times; no job is asked about twice."""
    stage, since = place.stage(name), place.now
    for plan in (JobPlan(), failing(stage), JobPlan(stuck=True), JobPlan(silent=True)):
        stage.begin(attrs.evolve(plan, seconds=None if plan.stuck else 1))
    place.clock.advance(60)
    walk = place.found(client, name, since)
    assert [stage.ids[3], stage.ids[1]] == ids(walk)
    silent, told = walk.items
    assert [failure.info.channel for failure in walk.items] == [Channel.JOB] * 2
    assert [failure.info.retry.outcome for failure in walk.items] == [Outcome.ACCEPTED] * 2
    assert [failure.id for failure in walk.items] == [failure.info.resource[of_name(name).id_field] for failure in walk.items]
    assert (silent.info.category, told.info.category is Category.UNKNOWN) == (Category.UNKNOWN, False)
    assert {(of_name(name).provider, name)} == {(failure.provider, failure.kind) for failure in walk.items}
    assert all(failure.created is None or failure.created >= since.replace(microsecond=0) for failure in walk.items)
    reads = {"video_agents": 4, "transcriptions": 1}.get(name, 0)
    assert 1 + reads == len(place.sent(stage))


@both
def test_heify_tells_when_jobs_failed_and_not_when_they_were_ordered(place, client):
    """A transcription that failed before the moment is not given, although nobody knows when it was ordered."""
    stage = place.stage("transcriptions")
    early = stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(10)  # which ends it
    place.clock.advance(100)
    since = place.now
    late = stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(100)
    [failure] = place.found(client, "transcriptions", since).items
    assert (late, None, True) == (failure.id, failure.created, failure.at >= since)
    assert [late, early] == ids(place.found(client, "transcriptions", since - DAY))


@both
def test_agents_are_read_one_by_one(place, client):
    """A list without states costs a read for each job that is new enough, and for no other; one that was deleted is left out."""
    stage = place.stage("video_agents")
    stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(3 * 86_400)
    since = place.now
    gone = stage.begin(attrs.evolve(failing(stage), seconds=1))
    kept = stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(10)
    place.server.on("GET", f"/v3/video-agents/{gone}", error("heygen", "not_found"))
    assert [kept] == ids(place.found(client, "video_agents", since))
    assert ["/v3/video-agents?limit=100", f"/v3/video-agents/{kept}", f"/v3/video-agents/{gone}"] == place.sent(stage)


@both
def test_a_warning_is_no_failure(place, client):
    """A job that completed with an error beside its result is not among the failures."""
    stage = place.stage("videos")
    stage.begin(JobPlan(seconds=1, remark=error("heygen", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT")))
    place.clock.advance(10)
    assert ids(place.found(client, "videos", place.now - DAY)) == []


# Since when.


BORDERS = {
    "ordered and failed behind the moment": ({"created_at": NOW + timedelta(hours=1)}, True),
    "ordered a day before": ({"created_at": NOW - DAY}, True),
    "ordered more than a day before": ({"created_at": NOW - DAY - timedelta(seconds=1)}, False),
    "failed at the moment": ({"created_at": NOW - DAY, "completed_at": NOW}, True),
    "failed before the moment": ({"created_at": NOW - DAY, "completed_at": NOW - timedelta(seconds=1)}, False),
    "failed at the moment, by its own name": ({"failed_at": NOW}, True),
    "failed before the moment, by its own name": ({"failed_at": NOW - timedelta(seconds=1), "updated_at": NOW}, False),
    "without any time": ({}, True),
    "with a time that is none": ({"created_at": "soon", "completed_at": True}, True),
    "with null for times": ({"created_at": None, "completed_at": None}, True),
}
WRITTEN = {
    "seconds": lambda moment: int(moment.timestamp()),
    "seconds with a fraction": lambda moment: moment.timestamp(),
    "milliseconds": lambda moment: int(moment.timestamp() * 1000),
    "seconds in a text": lambda moment: str(int(moment.timestamp())),
    "milliseconds in a text": lambda moment: f"{int(moment.timestamp() * 1000)}",
    "ISO 8601": lambda moment: moment.isoformat(),
    "ISO 8601 with Z": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "ISO 8601 without a zone": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
    "ISO 8601 of another zone": lambda moment: moment.astimezone(timezone(timedelta(hours=-8))).isoformat(),
}


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("case", BORDERS)
def test_borders(place, case, form):
    """What counts is when a job failed; where that is not told, whether it was ordered up to a day before."""
    members, is_given = BORDERS[case]
    written = {name: WRITTEN[form](value) if isinstance(value, datetime) else value for name, value in members.items()}
    listed(place, "videos", [failed("v1", **written)])
    assert (["v1"] if is_given else []) == ids(place.found(CLIENTS[0], "videos", NOW))


@both
@pytest.mark.parametrize(("lookback", "given"), [(timedelta(), ["new"]), (timedelta(hours=2), ["new", "old"])])
def test_lookback(place, client, lookback, given):
    """How far back orders are looked at is the caller's to say."""
    new, old = (int((NOW + timedelta(hours=hours)).timestamp()) for hours in (0, -2))
    listed(place, "videos", [failed("new", created_at=new), failed("old", created_at=old)])
    assert given == ids(place.found(client, "videos", NOW, lookback=lookback))


@both
def test_since_may_be_unix_seconds(place, client):
    """A number is a moment, too; the beginning of time means all."""
    item = failed("v1", created_at=int((NOW - DAY).timestamp()))
    for since, given in ((NOW.timestamp(), ["v1"]), (NOW.timestamp() + 1, []), (0, ["v1"]), (datetime.min.replace(tzinfo=UTC), ["v1"])):
        listed(place, "videos", [item])
        assert given == ids(place.found(client, "videos", since))


@both
def test_old_pages_are_not_asked_for(place, client):
    """The walk ends behind the first page that is too old."""
    old, new = (int((NOW - age).timestamp()) for age in (5 * DAY, timedelta()))
    listed(
        place,
        "videos",
        [failed("v1", created_at=new), failed("v2", created_at=old)],
        [failed("v3", created_at=old), failed("v4", created_at=old - 1)],
        [],
    )
    assert ids(place.found(client, "videos", NOW)) == ["v1"]
    assert len(place.sent()) == 2
    assert len(place.server.unused_steps) == 1


# Each once.


@both
def test_each_is_given_once_although_the_list_shifts(place, client):
    """Jobs that are ordered meanwhile push others to the next page; those are not given again."""
    listed(place, "videos", [failed("c"), failed("b")], [failed("b"), failed("a")], [failed("a")])
    assert ids(place.found(client, "videos", NOW)) == ["c", "b", "a"]


@both
def test_each_is_given_once_although_sessions_begin_meanwhile(place, client):
    """The same where pages have numbers, as LiveAvatar's have: the last of a page is the first of the next."""
    stage, since = place.stage("sessions"), place.now
    for _ in range(101):
        stage.begin(JobPlan(silent=True, seconds=1))
    place.clock.advance(10)
    before = stage.ids[::-1]

    def meanwhile():
        stage.begin(JobPlan(silent=True, seconds=1))

    assert before == place.run(client, "sessions", lambda jobs: LOOPS[client.name](jobs.failures(since), meanwhile))
    assert place.sent(stage) == ["/v1/sessions?page=1&page_size=100", "/v1/sessions?page=2&page_size=100"]


def _loop(found, then):
    """The ids, with something done behind the first."""
    given = []
    for failure in found:
        given.append(failure.id)
        if len(given) == 1:
            then()
    return given


async def _async_loop(found, then):
    given = []
    async for failure in found:
        given.append(failure.id)
        if len(given) == 1:
            then()
    return given


LOOPS = {"sync": _loop, "async": _async_loop}


@both
def test_what_is_known_is_not_given_again(place, client):
    """A set that is kept from run to run keeps known failures out, and gets those that were given."""
    stage, since, seen = place.stage("clippings"), place.now, set()
    plan = attrs.evolve(failing(stage), seconds=1)
    first = [stage.begin(plan), stage.begin(plan)]
    place.clock.advance(10)
    assert first[::-1] == ids(place.found(client, "clippings", since, seen=seen))
    assert set(first) == seen
    assert ids(place.found(client, "clippings", since, seen=seen)) == []
    second = stage.begin(plan)
    place.clock.advance(10)
    assert [second] == ids(place.found(client, "clippings", since, seen=seen))
    assert {*first, second} == seen


@both
def test_what_was_broken_off_is_given_again(place, client):
    """A failure counts as given when the next one is asked for: a loop that ends while it handles one loses nothing."""
    stage, since, seen = place.stage("clippings"), place.now, set()
    made = [stage.begin(attrs.evolve(failing(stage), seconds=1)) for _ in range(3)]
    place.clock.advance(10)

    def until_second(jobs):
        found = jobs.failures(since, seen=seen)
        return _second(found) if client.name == "sync" else _awaited_second(found)

    assert made[1] == place.run(client, "clippings", until_second).id
    assert {made[2]} == seen
    assert [made[1], made[0]] == ids(place.found(client, "clippings", since, seen=seen))


def _second(found):
    for number, failure in enumerate(found):
        if number == 1:
            return failure
    return None


async def _awaited_second(found):
    number = count()
    async for failure in found:
        if next(number) == 1:
            return failure
    return None


# Pages, and what goes wrong.


@both
def test_pages_are_followed_to_the_end(place, client):
    """Every page is asked for once, with the largest size and the token of the one before."""
    stage, since = place.stage("clippings"), place.now
    plan = JobPlan(silent=True, seconds=1)
    for _ in range(201):
        stage.begin(plan)
    place.clock.advance(10)
    assert stage.ids[::-1] == ids(place.found(client, "clippings", since))
    first, *others = place.sent(stage)
    assert first == "/v3/ai-clipping?limit=100"
    assert [target[:-16] for target in others] == ["/v3/ai-clipping?limit=100&token="] * 2


@both
@pytest.mark.parametrize("name", ["avatars", "looks"])
def test_private_avatars_only(place, client, name):
    """Of avatars and looks those of the account are listed, on every page."""
    stage, since = place.stage(name), place.now
    for _ in range(51):
        stage.begin(JobPlan(silent=True, seconds=1))
    place.clock.advance(10)
    assert stage.ids[::-1] == ids(place.found(client, name, since))
    assert ["ownership=private" in target and "limit=50" in target for target in place.sent(stage)] == [True, True]


@both
@pytest.mark.parametrize(
    "second", [{"next_token": f"{1:016x}", "has_more": True}, {"next_token": None, "has_more": True}], ids=["repeated", "missing"]
)
def test_list_without_an_end(place, client, second):
    """A list that gives a token twice, or none where there is more, is an error behind what it told."""
    pages = [
        Reply.json({"data": [failed("a")], "has_more": True, "next_token": f"{1:016x}"}),
        Reply.json({"data": [failed("b")], **second}),
    ]
    place.server.script(pages, path="/v3/videos")
    walk = place.found(client, "videos", NOW)
    assert [failure.id for failure in walk.items] == ["a", "b"]
    assert (walk.error.info.rule, walk.error.path) == ("transport/PageRepeated", "/v3/videos")
    assert len(place.sent()) == 2


@both
@pytest.mark.parametrize("results", [[{"id": "s1", "status": "failed"}], []], ids=["the same page", "empty pages"])
def test_numbered_list_without_an_end(place, client, results):
    """So is a list of numbered pages that come to no end."""
    body = {
        "code": 1000,
        "data": {"count": 1, "next": "https://example.com/?page=2", "previous": None, "results": results},
        "message": "OK",
    }
    place.server.on("GET", "/v1/sessions", Reply.json(body))
    walk = place.found(client, "sessions", NOW)
    assert [item["id"] for item in results] == [failure.id for failure in walk.items]
    assert walk.error.info.rule == "transport/PageRepeated"
    assert len(place.sent()) <= 2


@both
def test_numbered_list_with_an_empty_page_in_it(place, client):
    """An empty page with another one behind it is the end of what can be told."""
    more = {"count": 1, "next": "https://example.com/?page=9", "previous": None}
    pages = [[{"id": "s1", "status": "failed"}], []]
    place.server.script([Reply.json({"code": 1000, "data": {**more, "results": page}}) for page in pages], path="/v1/sessions")
    walk = place.found(client, "sessions", NOW)
    assert ([failure.id for failure in walk.items], walk.error.info.rule) == (["s1"], "transport/PageRepeated")
    assert len(place.sent()) == 2


SLOW = error("heygen", "rate_limit", retry_after=7)


@both
def test_slowed_down_in_the_middle(place, client):
    """A page that meets a rate limit is asked for again when the vendor wants it, and nothing is lost or given twice."""
    before = len(place.clock.slept)
    pages = [
        Reply.json({"data": [failed("a")], "has_more": True, "next_token": f"{1:016x}"}),
        SLOW,
        Reply.json({"data": [failed("b")], "has_more": False, "next_token": None}),
    ]
    place.server.script(pages, path="/v3/videos")
    assert ids(place.found(client, "videos", NOW)) == ["a", "b"]
    assert place.clock.slept[before:] == [7.5]


@both
def test_slowed_down_for_good(place, client):
    """Where it does not pass, the error comes behind what was found; the next run begins where the set of known ones is."""
    seen = set()
    page = Reply.json({"data": [failed("a")], "has_more": True, "next_token": f"{1:016x}"})
    place.server.script([page, SLOW, SLOW, SLOW], path="/v3/videos")
    walk = place.found(client, "videos", NOW, seen=seen)
    assert ([failure.id for failure in walk.items], walk.error.info.category) == (["a"], Category.RATE_LIMIT)
    listed(place, "videos", [failed("b"), failed("a")])
    assert ids(place.found(client, "videos", NOW, seen=seen)) == ["b"]


@both
def test_reading_a_job_is_slowed_down(place, client):
    """The same for the reads that a list without states or reasons needs."""
    stage, since = place.stage("video_agents"), place.now
    made = [stage.begin(attrs.evolve(failing(stage), seconds=1)) for _ in range(2)]
    place.clock.advance(10)
    place.server.script([SLOW], path="/v3/video-agents/{session_id}")
    assert made[::-1] == ids(place.found(client, "video_agents", since))


@both
def test_refused_key(place, client):
    """A key that is refused ends the walk before anything is given."""
    walk = place.found(client, "videos", NOW, headers={"X-Api-Key": "old"})
    assert (walk.items, walk.error.info.category) == ([], Category.AUTHENTICATION)


@both
def test_options_are_those_of_every_call(place, client):
    """What is asked of the calls holds for pages and reads."""
    stage, since = place.stage("video_agents"), place.now
    stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(10)
    place.found(client, "video_agents", since, headers={"X-Trace": "7"})
    assert [received.headers.get("x-trace") for received in place.server.requests if received.number not in stage.own] == ["7", "7"]


@both
@pytest.mark.parametrize("data", [[], None, [None, 7, {}, {"status": "failed"}]])
def test_lists_with_nothing_in_them(place, client, data):
    """A list without jobs, or with things that name no job, has no failures."""
    place.server.script([Reply.json({"data": data})], path="/v3/videos")
    assert ids(place.found(client, "videos", NOW)) == []


@both
@pytest.mark.parametrize("body", [{}, {"data": "none"}, {"data": {"status": "ok"}}, {"data": {"message": "Nothing here."}}])
def test_answers_that_are_no_list(place, client, body):
    """A success that holds no list is an error: nobody knows what is missing."""
    place.server.script([Reply.json(body)], path="/v3/videos")
    walk = place.found(client, "videos", NOW)
    assert (walk.items, walk.error.info.rule, walk.error.path) == ([], "transport/ListIncomplete", "/v3/videos")


@both
@pytest.mark.parametrize("data", [{"videos": [], "others": []}, {"count": 0, "videos": [], "errors": []}, {"tags": ["a"], "videos": []}])
def test_several_lists_without_jobs(place, client, data):
    """Lists without a job in them are as good as an empty one."""
    place.server.script([Reply.json({"data": data})], path="/v3/videos")
    assert ids(place.found(client, "videos", NOW)) == []


@both
def test_jobs_beside_other_lists(place, client):
    """Of several lists the one with jobs in it counts."""
    place.server.script([Reply.json({"data": {"tags": ["a"], "notes": [{"text": "b"}], "videos": [failed("v1")]}})], path="/v3/videos")
    assert ids(place.found(client, "videos", NOW)) == ["v1"]


@both
def test_list_that_was_cut_off(place, client):
    """Where the vendor says that it left jobs out, their failures are an error behind those that it told."""
    stage, since = place.stage("transcriptions"), place.now
    item = {"transcription_id": "t1", "status": "FAILED", "error": {"message": "Unsupported audio format"}}
    data = {"total_transcriptions": 1, "query_limit_reached": True, "transcriptions": [item]}
    stage.at(stage.kind.list.path, Reply.json({"data": data}), Reply.json({"data": {**data, "query_limit_reached": False}}))
    walk = place.found(client, "transcriptions", since)
    assert ([failure.id for failure in walk.items], walk.error.info.rule) == (["t1"], "transport/ListIncomplete")
    assert ids(place.found(client, "transcriptions", since)) == ["t1"]


@both
def test_oldest_first(place, client):
    """A list that begins with the oldest jobs is read to its end: no vendor promises an order."""
    times = [int((NOW + timedelta(days=day)).timestamp()) for day in (-9, -9, -7, -6, 0, 1)]
    items = [failed(f"v{number}", created_at=created) for number, created in enumerate(times)]
    listed(place, "videos", items[:2], items[2:4], items[4:])
    assert ids(place.found(client, "videos", NOW)) == ["v4", "v5"]
    assert len(place.sent()) == 3
