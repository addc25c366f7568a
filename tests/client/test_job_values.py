"""The values of jobs by themselves, and what is refused before anything is sent."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan
from uuid import UUID

import attrs
import pytest
from harness import KINDS, at, one

from heify_heygen_errors import Answer, ApiError, AsyncClient, Client, JobEnd, JobFailure, JobHandle, JobProgress, Polling
from heify_heygen_errors.client.jobs.kinds import kind_of
from heify_heygen_errors.testing import FakeServer, exception, info

both = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)

CREATED = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
HANDLE = JobHandle(
    provider="heygen",
    kind="videos",
    ids=("v1",),
    path="/v3/videos",
    idempotency_key="key-1",
    created=CREATED,
    is_started=True,
)
SECRETIVE = attrs.evolve(HANDLE, ids=(), body={"script": "my secret plan"}, is_started=False)


@pytest.fixture(scope="module")
def server():
    with FakeServer() as running:
        yield running


# Polling.


def test_pauses_grow_to_the_longest():
    """Pauses begin with the first, grow by the factor, and stay at the longest."""
    polling = Polling(first=1, growth=2, longest=10, jitter=0)
    assert [polling.wait(polls, 0.5) for polls in range(6)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("polls", [0, 3, 10**6])
def test_pauses_without_growth_stay(polls):
    """A growth of 1 means the same pause for ever."""
    assert Polling(first=0.5, growth=1, jitter=0).wait(polls, 0.5) == 0.5


def test_long_waits_have_no_end_of_numbers():
    """However often was looked, there is a pause."""
    assert Polling(jitter=0).wait(10**6, 0.5) == 20


@pytest.mark.parametrize(("draw", "wait"), [(0.0, 8.0), (0.5, 10.0), (1.0, 12.0)])
def test_jitter_goes_both_ways(draw, wait):
    """A pause is as much shorter or longer as the share says."""
    assert Polling(first=10, jitter=0.2).wait(0, draw) == wait


@pytest.mark.parametrize("draw", [0.0, 1.0])
def test_nothing_shortens_what_the_vendor_wants(draw):
    """The floor holds against a small first pause and against jitter."""
    assert Polling(first=1, jitter=0.9).wait(0, draw, 7.0) == 7.0


def test_usual_pauses():
    """The pauses are those that the docs name."""
    assert [round(Polling(jitter=0).wait(polls, 0), 2 if polls < 4 else 1) for polls in range(8)] == [2, 3, 4.5, 6.75, 10.1, 15.2, 20, 20]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("first", value) for value in (0, -1, inf, nan, "2", True, None)),
        *(("growth", value) for value in (0.9, 0, inf, nan, "2", True)),
        *(("longest", value) for value in (0, -1, inf, nan, "2", False)),
        *(("jitter", value) for value in (-0.1, 1, 1.5, nan, "0", True)),
    ],
)
def test_polling_refuses_what_cannot_be_meant(name, value):
    """The refusal names the number and what it may be."""
    with pytest.raises(ValueError, match=f"^{name} is a .*{value!r}"):
        Polling(**{name: value})


# Handles.


@pytest.mark.parametrize("handle", [HANDLE, SECRETIVE, attrs.evolve(HANDLE, ids=("a", "b"), idempotency_key=None)])
def test_handle_round_trips(handle):
    """A handle is equal to what comes out of JSON, a dict, pickle and copy."""
    assert handle == JobHandle.from_json(handle.to_json())
    assert handle == JobHandle.from_json(handle.to_json().encode())
    assert handle == JobHandle.from_dict(json.loads(json.dumps(handle.to_dict())))
    assert handle == pickle.loads(pickle.dumps(handle))
    assert handle == copy.copy(handle) == copy.deepcopy(handle)


def test_handle_keeps_its_moment():
    """The moment of the order is the same in every time zone, and is written in UTC."""
    elsewhere = attrs.evolve(HANDLE, created=CREATED.astimezone(timezone(timedelta(hours=5))))
    assert elsewhere.to_dict()["created"] == "2026-11-02T09:30:00+00:00"
    assert JobHandle.from_json(elsewhere.to_json()).created == CREATED


def test_members_that_nobody_knows_are_ignored():
    """A handle of a later version of this package can be read by this one."""
    assert JobHandle.from_dict({**HANDLE.to_dict(), "colour": "red"}) == HANDLE


def test_members_may_be_missing_where_they_have_a_meaning_without():
    """A handle without key, body and start is one of an order whose key is not known."""
    told = {name: value for name, value in SECRETIVE.to_dict().items() if name not in ("idempotency_key", "body", "is_started")}
    assert attrs.evolve(SECRETIVE, idempotency_key=None, body=None) == JobHandle.from_dict(told)


def test_repr_has_no_body():
    """What was ordered is not shown where handles are logged."""
    assert "secret" not in repr(SECRETIVE)
    assert "key-1" in repr(SECRETIVE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", 2),
        ("schema", None),
        ("provider", "acme"),
        ("provider", None),
        ("kind", "films"),
        ("kind", 7),
        ("path", ""),
        ("path", None),
        ("ids", None),
        ("ids", "v1"),
        ("ids", [7]),
        ("ids", [""]),
        ("idempotency_key", 7),
        ("created", None),
        ("created", "yesterday"),
        ("created", "2026-11-02T09:30:00"),
        ("created", 1_793_611_800),
    ],
)
def test_bad_members_are_named(name, value):
    """A handle that was damaged is refused, and the refusal names the member."""
    with pytest.raises(ValueError, match=f"{name}|{value}"):
        JobHandle.from_dict({**HANDLE.to_dict(), name: value})


@pytest.mark.parametrize("name", ["schema", "provider", "kind", "path", "ids", "created"])
def test_missing_members_are_named(name):
    """So is one that lacks a member."""
    told = HANDLE.to_dict()
    del told[name]
    with pytest.raises(ValueError, match=name):
        JobHandle.from_dict(told)


@pytest.mark.parametrize("text", ["", "handle", "[]", "null", "7", '"v1"', b"\xff\xfe", "{", "{}", "[" * 100_000])
def test_other_texts_are_no_handles(text):
    """Whatever a file has in place of a handle is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        JobHandle.from_json(text)


def test_id_is_that_of_the_only_job():
    """A handle of one job gives its id; one of several, or of none yet, says what to do."""
    assert HANDLE.id == "v1"
    with pytest.raises(ValueError, match="resume"):
        _ = SECRETIVE.id
    with pytest.raises(ValueError, match=r"3 jobs.*wait_all"):
        _ = attrs.evolve(HANDLE, ids=("a", "b", "c")).id


# What is told.


def test_end_gives_its_answer_or_raises_its_error():
    """`unwrap` turns the end of one of several jobs into what a wait for it alone does."""
    answer = Answer(data={}, body={}, status=200, headers={}, request_id=None, attempts=())
    assert JobEnd(id="v1", answer=answer).unwrap() is answer
    error = exception("heygen", "rendering_failed")
    with pytest.raises(ApiError) as raised:
        JobEnd(id="v1", error=error).unwrap()
    assert raised.value is error
    with pytest.raises(ValueError, match="answer or an error"):
        JobEnd(id="v1").unwrap()


def test_told_values_show_no_data():
    """The job as it was answered is not in what is logged."""
    data = {"video_url": "https://example.com/secret"}
    told = {"provider": "heygen", "kind": "videos", "id": "v1", "data": data}
    progress = JobProgress(**told, state="processing", elapsed=1.0, polls=1, next_poll=2.0)
    failure = JobFailure(**told, info=info("heygen", "rendering_failed"), at=None, created=None)
    assert "secret" not in repr(progress) + repr(failure)


# Wrong use.

OTHERS = attrs.evolve(HANDLE, kind="lipsyncs")
SEVERAL = attrs.evolve(HANDLE, ids=("v1", "v2"))
TWO_LANGUAGES = JobHandle(
    provider="heygen",
    kind="translations",
    path="/v3/video-translations",
    body={"video": {"type": "url", "url": "https://example.com/v.mp4"}, "output_languages": ["German", "French"]},
    idempotency_key="key-2",
    created=datetime.now(UTC),
)
NAIVE = datetime(2026, 11, 2)  # noqa: DTZ001 - that is what is wrong with it


def _videos(method, *arguments, **options):
    return lambda client: getattr(client.heygen.videos, method)(*arguments, **options)


WRONG = {
    "an id with a blank": (_videos("wait", "v 1"), ValueError, "strip"),
    "an id with a line break": (_videos("wait", "v1\n"), ValueError, "strip"),
    "an id with a control character": (_videos("wait", "v1\x00"), ValueError, "no id"),
    "an empty id": (_videos("wait", ""), ValueError, "no id"),
    "a number as id": (_videos("wait", 5), TypeError, "text, not int"),
    "bytes as id": (_videos("wait", b"v1"), TypeError, "text, not bytes"),
    "no id": (_videos("wait", None), TypeError, "text, not NoneType"),
    "a list as id": (_videos("wait", ["v1"]), TypeError, "text, not list"),
    "the handle of another kind": (_videos("wait", OTHERS), ValueError, "of heygen lipsyncs, not of heygen videos"),
    "a handle without an id": (_videos("wait", SECRETIVE), ValueError, "resume"),
    "a handle of several": (_videos("wait", SEVERAL), ValueError, "wait_all"),
    "no time": (_videos("wait", "v1", deadline=0), ValueError, "deadline"),
    "negative time": (_videos("wait", "v1", deadline=-1), ValueError, "deadline"),
    "time that is no number": (_videos("wait", "v1", deadline=nan), ValueError, "deadline"),
    "time as text": (_videos("wait", "v1", deadline="60"), (TypeError, ValueError), "deadline"),
    "polling as a number": (_videos("wait", "v1", polling=5), TypeError, "polling is a Polling"),
    "progress that is no function": (_videos("wait", "v1", on_progress=5), TypeError, "on_progress"),
    "an option of other calls": (_videos("wait", "v1", params={"a": 1}), TypeError, "this call has no argument 'params'"),
    "an option that nobody has": (_videos("wait", "v1", interval=5), TypeError, "'interval'"),
    "a time-out below 0": (_videos("wait", "v1", timeout=-1), ValueError, "timeout"),
    "headers as text": (_videos("wait", "v1", headers="X-Y: 1"), (TypeError, ValueError), "headers"),
    "retry as a number": (_videos("wait", "v1", retry=3), TypeError, "retry"),
    "one id in place of several": (_videos("wait_all", "v1"), TypeError, "several ids are a list"),
    "bytes in place of several": (_videos("wait_all", b"v1"), TypeError, "several ids are a list"),
    "a dict in place of several": (_videos("wait_all", {"v1": 1}), TypeError, "several ids are a list"),
    "a number in place of several": (_videos("wait_all", 5), TypeError, "several ids are a list"),
    "one wrong id among several": (_videos("wait_all", ["v1", "v 2"]), ValueError, "strip"),
    "a number among several": (_videos("wait_all", ["v1", 2]), TypeError, "text, not int"),
    "several of another kind": (_videos("wait_all", OTHERS), ValueError, "lipsyncs"),
    "several, without ids yet": (_videos("wait_all", SECRETIVE), ValueError, "resume"),
    "one id, as they end": (_videos("as_completed", "v1"), TypeError, "several ids are a list"),
    "wrong ids, as they end": (_videos("as_completed", ["v 1"]), ValueError, "strip"),
    "negative time, as they end": (_videos("as_completed", ["v1"], deadline=-1), ValueError, "deadline"),
    "a list as order": (_videos("create", [1]), TypeError, "an order is a mapping"),
    "no order": (_videos("create", None), TypeError, "an order is a mapping"),
    "text as order": (_videos("create", "{}"), TypeError, "an order is a mapping"),
    "an order that is no JSON": (_videos("create", {"script": object()}), TypeError, "JSON"),
    "save that is no function": (_videos("create", {}, save="handle.json"), TypeError, "save is a function"),
    "an empty path": (_videos("create", {}, path=""), ValueError, "path"),
    "an argument that was misspelled": (_videos("wait", "v1", on_progres=print), TypeError, "'on_progres': did you mean 'on_progress'"),
    "the JSON of a handle as id": (_videos("wait", HANDLE.to_json()), ValueError, "resume"),
    "the JSON of a handle among ids": (_videos("wait_all", ["v1", HANDLE.to_json()]), ValueError, "resume"),
    "a key that is none": (_videos("create", {}, idempotency_key="my key"), ValueError, "an idempotency key has"),
    "an option of other calls, in an order": (_videos("create", {}, json={}), TypeError, "'json'"),
    "another host": (_videos("create", {}, path="https://example.com/v3/videos"), ValueError, "example.com"),
    "wrong patience, in an order": (_videos("create_and_wait", {}, deadline=-1), ValueError, "deadline"),
    "wrong polling, in an order": (_videos("create_and_wait", {}, polling=2), TypeError, "polling"),
    "several jobs in one": (
        lambda client: client.heygen.translations.create_and_wait({"output_languages": ["German", "French"]}),
        ValueError,
        "2 output_languages.*wait_all",
    ),
    "no handle": (_videos("resume", "handle"), ValueError, "this is not the JSON of a handle"),
    "a handle as a number": (_videos("resume", 5), TypeError, "JSON or its dict, not int"),
    "an empty handle": (_videos("resume", {}), ValueError, "schema"),
    "to resume another kind": (_videos("resume", OTHERS.to_json()), ValueError, "lipsyncs"),
    "to resume several as one": (_videos("resume", SEVERAL), ValueError, "wait_all"),
    "to resume several as one, that were not named yet": (
        lambda client: client.heygen.translations.resume(TWO_LANGUAGES),
        ValueError,
        "output_languages|several|2",
    ),
    "to resume an order of another kind": (_videos("resume_order", OTHERS.to_dict()), ValueError, "lipsyncs"),
    "to resume with a wrong option": (_videos("resume", HANDLE, interval=5), TypeError, "'interval'"),
    "since in words": (_videos("failures", "yesterday"), TypeError, "since is a datetime"),
    "since without a time zone": (_videos("failures", NAIVE), ValueError, "time zone"),
    "since as a truth": (_videos("failures", since=True), TypeError, "since is a datetime"),
    "since that is no number": (_videos("failures", nan), TypeError, "since is a datetime"),
    "a look ahead": (_videos("failures", CREATED, lookback=timedelta(-1)), ValueError, "lookback"),
    "a look back in seconds": (_videos("failures", CREATED, lookback=60), (TypeError, ValueError), "lookback is a timedelta"),
    "a list of what is known": (_videos("failures", CREATED, seen=[]), TypeError, "seen is a set"),
    "failures with a wrong option": (_videos("failures", CREATED, limit=5), TypeError, "'limit'"),
}


@both
@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_refused_before_anything_is_sent(server, kind, case):
    """What cannot be meant is a ValueError or TypeError that says what is wrong, and the vendor hears nothing of it."""
    act, error, says = WRONG[case]
    server.reset()
    with pytest.raises(error, match=says):
        one(kind, at(server), act)
    assert server.request_count == 0


@pytest.mark.parametrize("method", ["wait", "wait_all", "as_completed", "create", "resume", "failures"])
def test_asynchronous_client_refuses_at_the_call(server, method):
    """What cannot be meant is refused where it was written, and not where its result is awaited."""
    client = AsyncClient(**at(server))
    with pytest.raises(TypeError):
        getattr(client.heygen.videos, method)(None)


@both
def test_no_jobs_are_no_calls(server, kind):
    """To wait for nothing is over at once."""
    server.reset()
    assert one(kind, at(server), lambda client: client.heygen.videos.wait_all([])) == {}
    assert one(kind, at(server), lambda client: client.heygen.videos.as_completed(iter(()))).items == []
    assert server.request_count == 0


@both
def test_ids_may_be_given_twice_and_as_uuids(server, kind):
    """An id that is given twice is waited for once; a UUID is its text."""
    server.reset()
    job_id = UUID(int=7)
    ends = one(kind, at(server), lambda client: client.heygen.clippings.wait_all([str(job_id), job_id, str(job_id)]))
    assert [str(job_id)] == list(ends)
    assert server.request_count == 1


def test_kinds_have_what_the_vendor_has(server):
    """What the vendor has no call for is no method: no order of a session, no list of proofreads."""
    with Client(**at(server)) as client:
        assert not hasattr(client.liveavatar.sessions, "create")
        assert not hasattr(client.heygen.asset_batches, "create_and_wait")
        assert not hasattr(client.heygen.proofreads, "failures")
        assert hasattr(client.liveavatar.sessions, "failures")


def test_jobs_of_a_client_show_their_kind_and_are_not_pickled(server):
    """They hold the client's key, which goes nowhere."""
    with Client(**at(server)) as client:
        assert repr(client.heygen.videos) == "ListedJobs('heygen', 'videos')"
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(client.heygen.videos)


@pytest.mark.parametrize("name", ["films", "video", ""])
def test_unknown_kinds_are_refused_with_the_right_ones(name):
    """A wrong name of a kind names the ones that there are."""
    with pytest.raises(ValueError, match=r"heygen videos.*heify transcriptions"):
        kind_of("heygen", name)
