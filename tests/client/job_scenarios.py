"""Every kind of job in every situation: what comes of it, what is asked for, how long is waited, what is paid for.

The situations stand in `SCENARIOS`, what is expected of them in `LINES`, the text table at the end of this file. `Scene` tries
them against the fake vendors. tests/client/test_job_scenarios.py compares the two for both clients, and
tests/benchmarks/job_table.py writes docs/benchmarks/jobs.md from here.
"""

from __future__ import annotations

import asyncio
import errno
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import cycle, groupby, pairwise, repeat
from typing import Any, NamedTuple, Self

import attrs
import requests
from harness import Awaiting, Blocking, at, one

from heify_heygen_errors import (
    Answer,
    ApiError,
    AsyncClient,
    BreakerPolicy,
    Channel,
    Client,
    JobEnd,
    JobHandle,
    Polling,
    RetryBudget,
    VendorDeprecationWarning,
    lookup,
)
from heify_heygen_errors.client.jobs.kinds import KINDS, JobKind, job_in, state_of
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, JobPlan, ManualClock, Reply, error, fault, ok
from heify_heygen_errors.testing.operations import Received
from heify_heygen_errors.testing.shapes import wire
from heify_heygen_errors.testing.vendors.liveavatar import AVATAR
from heify_heygen_errors.testing.words import Words, typical, words_of
from heify_heygen_errors.testing.world import PaidWork

MODES = ("sync", "async")
MISSING = "2f6d3c1a-9b1e-4a57-8c30-5d7e6f809142"

CONFIGURATION = "7f3c0d52-41b6-4a8e-9c25-1d0e6b7a9f34"
_PATIENCE = 60.0


# What is ordered.


def _file(number: int, end: str = "mp4") -> dict[str, Any]:
    return {"type": "url", "url": f"https://example.com/{number}.{end}"}


def _video(number: int) -> dict[str, Any]:
    return {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": f"Hello {number}"}


def _translation(number: int) -> dict[str, Any]:
    return {"video": _file(number), "output_languages": ["German"], "title": f"Translation {number}"}


def _lipsync(number: int) -> dict[str, Any]:
    return {"video": _file(number), "audio": _file(number, "mp3")}


def _avatar(number: int) -> dict[str, Any]:
    return {"type": "photo", "name": f"Avatar {number}", "file": _file(number, "jpg")}


def _batch(member: str, item: Callable[[int], dict[str, Any]]) -> Callable[[int], dict[str, Any]]:
    return lambda number: {member: [item(1000 + number), item(2000 + number)]}


def _asset(number: int) -> dict[str, Any]:
    return {"filename": f"{number}.png", "content_type": "image/png", "size_bytes": 4}


ORDERS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "videos": _video,
    "translations": _translation,
    "proofreads": _translation,
    "lipsyncs": _lipsync,
    "avatars": _avatar,
    "looks": _avatar,
    "video_agents": lambda number: {"prompt": f"A video about {number}"},
    "workflows": lambda number: {"workflow_type": "script_to_video", "input": {"script": f"Hello {number}"}},
    "clippings": lambda number: {"video": _file(number)},
    "background_removals": lambda number: {"video": _file(number)},
    "renders": lambda number: {"project": _file(number, "zip")},
    "voices": lambda number: {"audio": _file(number, "mp3"), "voice_name": f"Voice {number}"},
    "video_batches": _batch("videos", _video),
    "translation_batches": _batch("video_translations", _translation),
    "lipsync_batches": _batch("lipsyncs", _lipsync),
    "asset_batches": _batch("files", _asset),
    "sessions": lambda number: {"mode": "LITE", "avatar_id": AVATAR, "number": number},
    "transcriptions": lambda number: {"configuration_id": CONFIGURATION, "name": f"Call {number}", "url": "https://example.com/call.mp3"},
}
"""An order of each kind, by a number that makes it another one."""

NAMES = tuple(name for _, name in KINDS)
BATCHES = tuple(kind.name for kind in KINDS.values() if kind.is_batch)
# The calls of these begin nothing: files are uploaded, and a session is started with its token.
BEGUN_ELSEWHERE = tuple(kind.name for kind in KINDS.values() if kind.create is None)
ORDERED = tuple(name for name in NAMES if name not in BEGUN_ELSEWHERE)
SINGLE = tuple(name for name in NAMES if name not in BATCHES)
HEYGEN = tuple(kind.name for kind in KINDS.values() if kind.provider == "heygen")
ASKED_BY_IDS = tuple(kind.name for kind in KINDS.values() if kind.statuses is not None)
ASKED_BY_LIST = tuple(kind.name for kind in KINDS.values() if kind.statuses is None and kind.list is not None and kind.list.has_states)


def of_name(name: str) -> JobKind:
    """A kind by the name that it has on the client, which no two vendors share."""
    return next(kind for kind in KINDS.values() if kind.name == name)


def _only(kinds: Collection[str], *without: str) -> tuple[str, ...]:
    return tuple(name for name in NAMES if name in kinds and name not in without)


# What vendors say of failures.


def _worded(name: str) -> Words:
    """An entry of HeyGen that is known by its message alone."""
    return next(words for words in words_of(lookup("heygen", name)) if words.code is None and words.message is not None)


_RENDERING = typical("heygen", "rendering_failed")
_IN_NUMBERS = typical("heygen", "40119")
_IN_WORDS = _worded("MODERATION_POLICY_VIOLATED")
_MEDIA = typical("heify", "invalid_media")
_NO_REASON = {name: typical(name, "unknown") for name in ("liveavatar", "heify")}

HEYGEN_SHAPES: Mapping[str, Words] = {
    "job-v3": _RENDERING,
    "job-v1": _RENDERING,
    "job-v1-text-code": _IN_NUMBERS,
    "job-error-object": _RENDERING,
    "job-error-text": _IN_WORDS,
    "job-agent": _IN_WORDS,
}
"""The shapes in which HeyGen tells of one failed job, and an error that each can carry."""

LIVEAVATAR_SHAPES: Mapping[str, Words] = dict.fromkeys(("job-v3", "job-v1"), _NO_REASON["liveavatar"])
"""The same of LiveAvatar, which never gives a reason."""

HEIFY_SHAPES: Mapping[str, Words] = {
    **dict.fromkeys(
        (
            "transcription-v2",
            "transcription-v2-message",
            "transcription-v2-internal-code",
            "transcription-v1",
            "transcription-error",
            "transcription-data-error",
            "transcription-data-error-text",
            "transcription-error-message",
        ),
        _MEDIA,
    ),
    "transcription-v2-nulls": _NO_REASON["heify"],
}
"""The same of Heify."""

ITEM_SHAPES: Mapping[str, Words] = {
    "list-item-v3": _RENDERING,
    "batch-item": _RENDERING,
    "batch-item-text-code": _IN_NUMBERS,
    "transcription-list-v2": _MEDIA,
    "transcription-list-v1": _MEDIA,
}
"""The shapes of failed jobs among others."""


def _id_in(received: Received) -> str:
    """The id that a request asks for."""
    return received.json["transcription_id"] if received.provider == "heify" else received.path.rpartition("/")[2]


def _as_shape(shape: str, words: Words) -> Callable[[Received], Reply]:
    """The answer about a failed job, with the id that was asked for."""
    return lambda received: Reply.of(wire(attrs.evolve(words, job_id=_id_in(received)), shape))


def _job(**members: Any) -> Callable[[Received], Reply]:
    """The answer about a job of HeyGen, with the id that was asked for."""
    return lambda received: Reply.json({"data": {"id": _id_in(received), **members}})


# Situations.

Act = Callable[["Stage", Any], Any]
"""What is done with the jobs of a client, such as ``client.heygen.videos``."""


@attrs.frozen(kw_only=True)
class Scenario:
    """A situation.

    Attributes:
        group: the part of the table that it stands in.
        name: its own.
        kinds: the names of the kinds that can come into it.
        prepare: what is done to the vendors before.
        acts: what is done with a client, one behind the other, each with another client.
        options: of the clients, other than usual.
        least: seconds that a request has to keep from one that was answered 429.
    """

    group: str
    name: str
    kinds: tuple[str, ...]
    prepare: Callable[[Stage], object]
    acts: tuple[Act, ...]
    options: Mapping[str, Any] = attrs.field(factory=dict)
    least: float = 0.0


class Outline(NamedTuple):
    """What can be seen of a situation.

    Attributes:
        end: how it ended; of several acts each, of several jobs each in their order.
        requests: what the vendor got, in order.
        waits: seconds between, in order.
        paid: pieces of work that the vendor started.
    """

    end: str
    requests: str
    waits: str
    paid: str


class Stage:
    """The vendors in one situation of one kind."""

    def __init__(self, server: FakeServer, session: requests.Session, clock: ManualClock, kind: JobKind) -> None:
        self.server = server
        self._session = session
        self.clock = clock
        self.kind = kind
        self.saved: list[JobHandle] = []
        self.ids: list[str] = []
        self.own: set[int] = set()
        self._orders = 0
        self._plan = JobPlan(polls=1)

    # The vendors.

    @property
    def read(self) -> str:
        """The path at which one job is read."""
        return self.kind.read

    def at(self, path: str, *steps: Any) -> None:
        """What the next requests for a path meet."""
        self.server.script(steps, provider=self.kind.provider, method=self.kind.method, path=path.partition("?")[0])

    def always(self, path: str, step: Any) -> None:
        """What every request for a path meets."""
        self.server.on(self.kind.method, path.partition("?")[0], step, provider=self.kind.provider)

    def plan(self, *plans: JobPlan) -> None:
        """What becomes of the next orders; of both items of a batch the same."""
        self._plan = plans[-1]
        for plan in plans:
            self.server.plan_jobs(*[self._timed(plan)] * (2 if self.kind.is_batch else 1))

    def _timed(self, plan: JobPlan) -> JobPlan:
        """Sessions that end well do so by time, however often they are read."""
        ends_well = not (plan.fails or plan.silent or plan.stuck)
        by_looks = plan.seconds is None and self.kind.provider == "liveavatar"
        return attrs.evolve(plan, seconds=3.0 * plan.polls) if by_looks and ends_well else plan

    def order(self) -> dict[str, Any]:
        """The next order."""
        self._orders += 1
        return ORDERS[self.kind.name](self._orders)

    # Jobs that another program ordered.

    def begin(self, *plans: JobPlan) -> str:
        """The id of a job that was ordered without the client; its requests are not counted."""
        if plans:
            self.plan(*plans)
        made = self._begun()
        self.ids.append(made)
        return made

    def begin_other(self, number: int) -> None:
        """A job of others, whose end does not matter."""
        self._send("POST", str(self.kind.create), ORDERS[self.kind.name](10_000 + number))

    def _begun(self) -> str:
        if self.kind.name == "sessions":
            token = self._send("POST", "/v1/sessions/token", self.order())["data"]
            self._send("POST", "/v1/sessions/start", None, {"Authorization": f"Bearer {token['session_token']}"})
            self.clock.advance(0)  # one that is planned to end at once does so
            return str(token["session_id"])
        if self.kind.name == "asset_batches":
            return self._uploaded()
        return self.kind.ids_made(self._send("POST", str(self.kind.create), self.order())["data"])[0]

    def _uploaded(self) -> str:
        """A batch of files; of those that are to fail nothing comes, and those that never end are not completed."""
        batch = self._send("POST", "/v3/assets/direct-uploads/batches", self.order())["data"]
        fails = self._plan.fails is not None or self._plan.silent
        for slot in batch["items"] if not fails else ():
            with self._unseen():
                self._session.put(slot["upload_url"], data=b"file", headers=slot["upload_headers"], timeout=10).raise_for_status()
        if not self._plan.stuck:
            self._send("POST", "/v3/assets/complete/batches", {"batch_id": batch["batch_id"]})
        return str(batch["batch_id"])

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        site = self.server.site(self.kind.provider)
        with self._unseen():
            answer = self._session.request(
                method, site.url + path, json=body, headers={"X-Api-Key": site.api_key, **(headers or {})}, timeout=10
            )
        answer.raise_for_status()
        return answer.json()

    def _unseen(self) -> ExitStack:
        """Requests inside are none of the client's."""
        before = self.server.request_count
        stack = ExitStack()
        stack.callback(lambda: self.own.update(range(before + 1, self.server.request_count + 1)))
        return stack


# What is done with jobs.


def go(**options: Any) -> Act:
    """Order a job and wait for it; where the client cannot order, wait for one that was."""

    def act(stage: Stage, jobs: Any) -> Any:
        terms = {"deadline": _PATIENCE, **options}
        if stage.kind.name in BEGUN_ELSEWHERE:
            return jobs.wait(stage.begin(), **terms)
        return jobs.create_and_wait(stage.order(), **terms)

    return act


def wait_for(job_id: str | None = None, **options: Any) -> Act:
    """Wait for a job that was begun, or for an id."""
    return lambda stage, jobs: jobs.wait(stage.ids[0] if job_id is None else job_id, **{"deadline": _PATIENCE, **options})


def wait_for_all(*more: str, method: str = "wait_all", **options: Any) -> Act:
    """Wait for all jobs that were begun, and for some ids."""
    return lambda stage, jobs: getattr(jobs, method)([*stage.ids, *more], **{"deadline": _PATIENCE, **options})


def order(stage: Stage, jobs: Any, **options: Any) -> Any:
    """Order a job, and keep what is to be kept."""
    return jobs.create(stage.order(), save=stage.saved.append, **options)


def order_once(stage: Stage, jobs: Any) -> Any:
    """The same, without a repeat by the client."""
    return order(stage, jobs, retry=False)


def resume(stage: Stage, jobs: Any) -> Any:
    """Go on from the handle that was saved last, as JSON."""
    return jobs.resume(stage.saved[-1].to_json(), deadline=_PATIENCE)


def resume_first(stage: Stage, jobs: Any) -> Any:
    """Go on from the handle that was saved before the order was sent."""
    return jobs.resume(stage.saved[0].to_json(), deadline=_PATIENCE, save=stage.saved.append)


def resume_late(stage: Stage, jobs: Any) -> Any:
    """The same a day later."""
    made = attrs.evolve(stage.saved[0], created=stage.saved[0].created.replace(year=2024))
    return jobs.resume(made.to_json(), deadline=_PATIENCE)


def _nothing(_: Stage) -> None:
    """Nothing is prepared."""


def _planned(*plans: JobPlan) -> Callable[[Stage], None]:
    return lambda stage: stage.plan(*plans)


def _met(*steps: Any, plan: JobPlan | None = None) -> Callable[[Stage], None]:
    """The looks at a job meet these steps."""

    def prepare(stage: Stage) -> None:
        if plan is not None:
            stage.plan(plan)
        stage.at(stage.read, *steps)

    return prepare


def _slow(provider: str, retry_after: float | None) -> Any:
    made = error(provider, "rate_limit", retry_after=retry_after if retry_after is not None else 1)
    return attrs.evolve(made, headers={"Retry-After": ""}) if retry_after is None else made


def _said(make: Callable[[str], Any], times: int = 1) -> Callable[[Stage], None]:
    """A step of the vendor's own, so many times at the looks."""
    return lambda stage: _met(*[make(stage.kind.provider)] * times, plan=JobPlan(polls=0))(stage)


_OK = JobPlan(polls=1)
_HTML = Reply(status=200, headers={"Content-Type": "text/html"}, body="<html><head><title>Hello</title></head></html>")


def failing(stage: Stage) -> JobPlan:
    """A job that fails after a look, in words that every endpoint has a place for."""
    what = {"heygen": "celebrity_moderation_failed", "heify": "invalid_media", "liveavatar": "4000"}[stage.kind.provider]
    return JobPlan(polls=1, fails=error(stage.kind.provider, what))


def _scenarios() -> Iterator[Scenario]:
    yield from _endings()
    yield from _shapes()
    yield from _askings()
    yield from _orders()
    yield from _crowds()


def _endings() -> Iterator[Scenario]:
    def ends(name: str, prepare: Callable[[Stage], object], *acts: Act, kinds: Collection[str] = NAMES) -> Scenario:
        return Scenario(group="How jobs end", name=name, kinds=_only(kinds), prepare=prepare, acts=acts or (go(),))

    yield ends("completed at the first look", _planned(JobPlan(polls=0)))
    yield ends("completed after three looks", _planned(JobPlan(polls=3)))
    yield ends(
        "an impatient program: 0.01 s between two looks",
        _planned(JobPlan(polls=3)),
        go(polling=Polling(first=0.01, growth=1)),
        kinds=ORDERED,
    )
    yield ends("fails, told as the endpoint tells it", lambda stage: stage.plan(failing(stage)))
    yield ends("fails without a reason", _planned(JobPlan(polls=1, silent=True)))
    yield ends("never ends", _planned(JobPlan(stuck=True)))
    yield ends("completes with an error beside its result", _planned(_REMARKED), kinds=("videos", "workflows"))
    yield ends("has failed an evaluation, and is completed", _met(_EVALUATED), kinds=("transcriptions",))
    yield ends("completed, with an error and without a result", _met(_job(status="completed", error=_ERROR)), kinds=("videos", "workflows"))
    yield ends("one item of two fails", _half_failed, kinds=_only(BATCHES, "asset_batches"))
    yield ends("needs an answer to the agent", _nothing, _chat, kinds=("video_agents",))
    yield ends("needs a review", _met(ok, _job(status="reviewing"), plan=JobPlan(stuck=True)), kinds=("video_agents",))
    yield ends(
        "needs the consent of a person", _met(ok, _job(status="pending_consent"), plan=JobPlan(stuck=True)), kinds=("avatars", "looks")
    )
    yield ends("is in a state that nobody knows, then completed", _met(_job(status="polishing"), plan=JobPlan(polls=0)), kinds=HEYGEN)
    yield ends("there is none", _nothing, wait_for(MISSING))
    yield ends("is deleted meanwhile", lambda stage: _met(ok, _gone(stage), plan=JobPlan(stuck=True))(stage))


def _gone(stage: Stage) -> Any:
    return error(stage.kind.provider, {"heify": "TRANSCRIPTION_NOT_FOUND"}.get(stage.kind.provider, "not_found"))


_REMARKED = JobPlan(polls=1, remark=error("heygen", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT"))
_ERROR = {"code": "rendering_failed", "message": "Rendering failed"}


def _EVALUATED(received: Received) -> Reply:  # noqa: N802 - a step like the others
    details = {"language": "en", "conversation": [], "evaluation": {"score": 12, "critical_fail": True, "status": "FAILED"}}
    return Reply.json({"data": {"transcription_id": _id_in(received), "status": "COMPLETED", "details": details}})


def _half_failed(stage: Stage) -> None:
    stage.server.plan_jobs(JobPlan(polls=1, fails=error("heygen", "rendering_failed")), _OK)


def _chat(stage: Stage, jobs: Any) -> Any:
    return jobs.create_and_wait({**stage.order(), "mode": "chat"}, deadline=_PATIENCE)


def _shapes() -> Iterator[Scenario]:
    for provider, shapes in (("heygen", HEYGEN_SHAPES), ("liveavatar", LIVEAVATAR_SHAPES), ("heify", HEIFY_SHAPES)):
        kinds = tuple(name for name in SINGLE if of_name(name).provider == provider)
        for shape, words in shapes.items():
            yield Scenario(
                group=f"Shapes of a failure: {provider}",
                name=f"`{shape}`",
                kinds=kinds,
                prepare=_met(ok, _as_shape(shape, words), plan=JobPlan(stuck=True)),
                acts=(go(),),
            )

    for shape in ("batch-item", "batch-item-text-code"):
        yield Scenario(
            group="Shapes of a failure: heygen",
            name=f"an item of a batch as `{shape}`",
            kinds=BATCHES,
            prepare=_met(ok, _as_shape(shape, ITEM_SHAPES[shape]), plan=JobPlan(stuck=True)),
            acts=(go(),),
        )


def _askings() -> Iterator[Scenario]:
    def asks(name: str, prepare: Callable[[Stage], object], *acts: Act, **more: Any) -> Scenario:
        return Scenario(group="When asking fails", name=name, kinds=NAMES, prepare=prepare, acts=acts or (go(),), **more)

    yield asks("429 with Retry-After: 7", _said(lambda provider: _slow(provider, 7)), least=7)
    yield asks("429 without Retry-After", _said(lambda provider: _slow(provider, None)))
    yield asks("429 three times with Retry-After: 7", _said(lambda provider: _slow(provider, 7), 3), least=7)
    yield asks("429 with Retry-After: 120, longer than the wait", _said(lambda provider: _slow(provider, 120)))
    for name in ("reset_after_request", "reset_mid_body", "truncated_body", "broken_json"):
        yield asks(f"`{name}`", _met(getattr(fault, name), plan=JobPlan(polls=0)))
    yield asks("an HTML page with 200", _met(_HTML, plan=JobPlan(polls=0)))
    yield asks("500", _said(lambda provider: error(provider, "server")))
    yield asks("503", _met(Reply(status=503), plan=JobPlan(polls=0)))
    yield asks("503, without repeats of a call", _met(Reply(status=503), plan=JobPlan(polls=0)), go(retry=False))
    yield asks("503 five times", _met(*[Reply(status=503)] * 5, plan=JobPlan(polls=0)))
    yield asks("503 for good", lambda stage: stage.always(stage.read, Reply(status=503)), go(retry=False))
    yield asks("the key is refused", lambda stage: stage.always(stage.read, error(stage.kind.provider, "authentication")))
    yield asks(
        "the client's breaker opens",
        _met(*[Reply(status=503)] * 2, plan=JobPlan(polls=0)),
        go(retry=False),
        options={"breaker": BreakerPolicy(minimum=2, failure_ratio=0.5)},
    )


def _orders() -> Iterator[Scenario]:
    def orders(name: str, prepare: Callable[[Stage], object], *acts: Act, kinds: Collection[str] = ORDERED) -> Scenario:
        return Scenario(group="Orders and crashes", name=name, kinds=_only(kinds), prepare=prepare, acts=acts)

    def meets(*steps: Any) -> Callable[[Stage], None]:
        def prepare(stage: Stage) -> None:
            stage.plan(_OK)
            stage.server.script(steps, provider=stage.kind.provider, method="POST", path=stage.kind.create)

        return prepare

    yield orders("the answer to the order is lost, repeated by the client", meets(fault.reset_after_request), go())
    yield orders("the order is refused", lambda stage: meets(error(stage.kind.provider, "payment"))(stage), go())
    yield orders("the answer to the order names no id", meets(Reply.json({"data": {}})), go())
    yield orders("ordered, then crashed: resumed", _planned(_OK), order, resume)
    yield orders("crashed before the answer: resumed", meets(fault.reset_after_request), order_once, resume)
    yield orders("crashed behind the answer, before the ids were saved: resumed", _planned(_OK), order, resume_first)
    yield orders("crashed before the answer: resumed too late", meets(fault.reset_after_request), order_once, resume_late)
    yield orders(
        "crashed before the answer: resumed while the vendor is still at work on it",
        meets(fault.reset_after_request, error("heygen", "request_in_progress"), ok),
        order_once,
        resume,
        kinds=_only(ORDERED, "workflows", "transcriptions"),
    )
    yield orders("the handle cannot be saved, before the order", _nothing, _unsaved(1))
    yield orders("the handle cannot be saved, behind the answer: resumed", _planned(_OK), _unsaved(2), resume)


def _unsaved(call: int) -> Act:
    """Order a job, where the disk is full when this handle comes, counted from 1."""

    def act(stage: Stage, jobs: Any) -> Any:
        def save(handle: JobHandle) -> None:
            if len(stage.saved) == call - 1:
                raise OSError(errno.ENOSPC, "disk full")
            stage.saved.append(handle)

        return jobs.create_and_wait(stage.order(), save=save, deadline=_PATIENCE)

    return act


def _crowds() -> Iterator[Scenario]:
    def crowd(name: str, prepare: Callable[[Stage], object], *acts: Act, kinds: Collection[str] = NAMES, **more: Any) -> Scenario:
        return Scenario(group="Several at once", name=name, kinds=_only(kinds), prepare=prepare, acts=acts, **more)

    bulk = (*ASKED_BY_IDS, *ASKED_BY_LIST)
    yield crowd("two, completed after a look", _begun(2), wait_for_all())
    yield crowd("five, completed after a look", _begun(5), wait_for_all())
    yield crowd("of five one fails, one is missing, one is stuck", _mixed, wait_for_all(MISSING))
    yield crowd("the same, as they end", _mixed, wait_for_all(MISSING, method="as_completed"))
    yield crowd("five, the call for many is refused with 404", _refused(404), wait_for_all(), kinds=bulk)
    yield crowd("five, the call for many is refused with 400", _refused(400), wait_for_all(), kinds=bulk)
    yield crowd("five, the call for many meets 429 with Retry-After: 7 four times", _hurried, wait_for_all(), kinds=bulk, least=7)
    yield crowd("five, the call for many answers without a list", _listless, wait_for_all(), kinds=bulk)
    yield crowd(
        "five, reading meets 429 with Retry-After: 7 four times", _hurried_reads, wait_for_all(), kinds=_only(NAMES, *bulk), least=7
    )
    yield crowd("five, the key is refused", _locked, wait_for_all())
    yield crowd("120, completed after a look", _begun(120), wait_for_all(), kinds=("videos", "clippings", "sessions", "transcriptions"))
    yield crowd("five that are older than 400 others in the list", _buried, wait_for_all(), kinds=("clippings",))
    yield crowd("one order of three languages", _nothing, _three_languages, wait_for_saved, kinds=("translations", "proofreads"))
    for shape in ITEM_SHAPES:
        kinds = _KINDS_OF_ITEMS[shape]
        yield crowd(f"five, one fails as `{shape}`", _item_told(shape), wait_for_all(), kinds=kinds)


_KINDS_OF_ITEMS = {
    "list-item-v3": _only(ASKED_BY_LIST, "sessions", "transcriptions"),
    "batch-item": ASKED_BY_IDS,
    "batch-item-text-code": ASKED_BY_IDS,
    "transcription-list-v2": ("transcriptions",),
    "transcription-list-v1": ("transcriptions",),
}


# By time and not by looks, since lists do not count as looks of the fake vendors.
_SOON = JobPlan(seconds=3)


def _begun(number: int) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        for _ in range(number):
            stage.begin(_SOON)

    return prepare


def _mixed(stage: Stage) -> None:
    for plan in (_SOON, attrs.evolve(failing(stage), seconds=3), JobPlan(stuck=True), JobPlan(seconds=9)):
        stage.begin(plan)


def _buried(stage: Stage) -> None:
    _begun(5)(stage)
    for number in range(400):
        stage.begin_other(number)


def _three_languages(stage: Stage, jobs: Any) -> Any:
    stage.server.plan_jobs(*[_SOON] * 3)
    return jobs.create({**stage.order(), "output_languages": ["German", "French", "Dutch"]}, save=stage.saved.append)


def wait_for_saved(stage: Stage, jobs: Any) -> Any:
    """Wait for all jobs of the handle that was saved last."""
    return jobs.wait_all(stage.saved[-1], deadline=_PATIENCE)


def _bulk_path(stage: Stage) -> str:
    bulk = stage.kind.statuses or stage.kind.list
    assert bulk is not None
    return bulk.path


def _refused(status: int) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        _begun(5)(stage)
        stage.always(_bulk_path(stage), error(stage.kind.provider, "invalid_request" if status == 400 else "not_found"))

    return prepare


def _hurried(stage: Stage) -> None:
    _begun(5)(stage)
    stage.at(_bulk_path(stage), *[_slow(stage.kind.provider, 7)] * 4)


def _listless(stage: Stage) -> None:
    _begun(5)(stage)
    stage.always(_bulk_path(stage), Reply.json({"data": {"status": "ok"}}))


def _hurried_reads(stage: Stage) -> None:
    _begun(5)(stage)
    stage.at(stage.read, *[_slow(stage.kind.provider, 7)] * 4)


def _locked(stage: Stage) -> None:
    _begun(5)(stage)
    stage.always("*", error(stage.kind.provider, "authentication"))


def _item_told(shape: str) -> Callable[[Stage], None]:
    """The first answer about many has one that failed; the others run."""

    def prepare(stage: Stage) -> None:
        _begun(5)(stage)
        items = [{"status": "running", "id": job_id, stage.kind.id_field: job_id} for job_id in stage.ids]
        items[1] = _items(wire(attrs.evolve(ITEM_SHAPES[shape], job_id=stage.ids[1]), shape).body)[1]
        listed = {"total_transcriptions": len(items), "transcriptions": items}
        bodies = {"transcription-list-v1": listed, "transcription-list-v2": {"data": listed}}
        stage.at(_bulk_path(stage), Reply.json(bodies.get(shape, {"data": items})))

    return prepare


def _items(body: Any) -> list[Any]:
    """The items of an answer about many."""
    found = body.get("data", body)
    return found if isinstance(found, list) else next(value for value in found.values() if isinstance(value, list))


SCENARIOS: tuple[Scenario, ...] = tuple(_scenarios())


# Trying them.


class Scene:
    """A fake server, and clients that wait for its jobs. Waits pass at once, on the server's clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._stack = ExitStack()
        self.server = FakeServer(clock=self.clock, limits=False, known={"configuration_id": CONFIGURATION})

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        self._session = self._stack.enter_context(requests.Session())
        self._runner = self._stack.enter_context(asyncio.Runner())
        # Making a client takes longer than most situations. Two of each kind: a job is resumed by another one than ordered it.
        self._clients = [self._stack.enter_context(Client(**self._options(Blocking.sleep(self.clock)))) for _ in range(2)]
        self._async_clients = [AsyncClient(**self._options(Awaiting.sleep(self.clock))) for _ in range(2)]
        for client in self._async_clients:
            self._stack.callback(lambda client=client: self._runner.run(client.close()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tried(self, scenario: Scenario, name: str, mode: str) -> Outline:
        """What comes of a situation."""
        stage = self.stage(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VendorDeprecationWarning)
            scenario.prepare(stage)
            before = len(self.clock.slept)
            ends = self._ends(scenario, stage, mode)
        waits = [f"{wait:.4g}" for wait in self.clock.slept[before:]]
        assert self.server.unused_steps == []
        sent = [received for received in self.server.requests if received.number not in stage.own]
        if any(later.at - request.at < scenario.least for request, later in pairwise(sent) if request.status == 429):
            waits.append("too early")
        return Outline(
            ", then ".join(_told_end(stage, end) for end in ends),
            _counted(_word(stage.kind, received) for received in sent),
            _counted(waits, least=5),
            _paid(self.server.paid_work),
        )

    def stage(self, name: str) -> Stage:
        """The vendors as new, for jobs of a kind."""
        self.server.reset()
        return Stage(self.server, self._session, self.clock, of_name(name))

    def jobs(self, name: str) -> Any:
        """The jobs of a kind of a client that blocks."""
        return _jobs(self._clients[0], of_name(name))

    def _options(self, sleep: Callable[..., Any], **more: Any) -> dict[str, Any]:
        # A budget that does not run dry, or one situation would depend on those before.
        return at(self.server, clock=self.clock, sleep=sleep, draw=lambda: 0.5, budget=RetryBudget(10**9), **more)

    def _ends(self, scenario: Scenario, stage: Stage, mode: str) -> list[Any]:
        blocks = mode == "sync"
        clients: Iterable[Any] = repeat(None) if scenario.options else cycle(self._clients if blocks else self._async_clients)
        if blocks:
            return [self._sync(scenario, act, stage, client) for act, client in zip(scenario.acts, clients, strict=False)]
        return [self._runner.run(self._async(scenario, act, stage, client)) for act, client in zip(scenario.acts, clients, strict=False)]

    def _sync(self, scenario: Scenario, act: Act, stage: Stage, client: Client | None) -> Any:
        if client is None:
            with Client(**self._options(Blocking.sleep(self.clock), **scenario.options)) as new:
                return self._sync(scenario, act, stage, new)
        try:
            given = act(stage, _jobs(client, stage.kind))
            return list(given) if isinstance(given, Iterator) else given
        except Exception as problem:  # noqa: BLE001 - an end like any other
            return problem

    async def _async(self, scenario: Scenario, act: Act, stage: Stage, client: AsyncClient | None) -> Any:
        if client is None:
            async with AsyncClient(**self._options(Awaiting.sleep(self.clock), **scenario.options)) as new:
                return await self._async(scenario, act, stage, new)
        try:
            given = act(stage, _jobs(client, stage.kind))
            if isinstance(given, AsyncIterator):
                return [item async for item in given]
            return await given if isinstance(given, Awaitable) else given
        except Exception as problem:  # noqa: BLE001
            return problem


def _jobs(client: Any, kind: JobKind) -> Any:
    return getattr(getattr(client, kind.provider), kind.name)


class Place:
    """The vendors, on a clock of their own, and what comes of jobs, each time with a client of its own."""

    def __init__(self, server: FakeServer, clock: ManualClock, session: requests.Session) -> None:
        self.server = server
        self.clock = clock
        self._session = session

    @property
    def now(self) -> datetime:
        """The time of the vendors."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def stage(self, name: str) -> Stage:
        """Where jobs of a kind are ordered, without the client."""
        return Stage(self.server, self._session, self.clock, of_name(name))

    def run(self, client: Any, name: str, action: Callable[[Any], Any], **changes: Any) -> Any:
        """What an action with the jobs of a kind gives, or how far its iterator goes."""
        usual = {"clock": self.clock, "sleep": client.sleep(self.clock), "draw": lambda: 0.5, "budget": RetryBudget()}
        options = at(self.server, **{**usual, **changes})
        return one(client, options, lambda made: action(getattr(getattr(made, of_name(name).provider), name)))

    def found(self, client: Any, name: str, *arguments: Any, **options: Any) -> Any:
        """The failures, and the error behind them."""
        return self.run(client, name, lambda jobs: jobs.failures(*arguments, **options))

    def sent(self, stage: Stage | None = None) -> list[str]:
        """Path and query of the requests that a client has sent."""
        own = stage.own if stage is not None else set()
        received = [one for one in self.server.requests if one.number not in own]
        return [one.target.removeprefix(f"/{one.provider}") for one in received]


# In words.


def _word(kind: JobKind, received: Received) -> str:
    """A request: ``order``, ``read``, ``statuses``, ``list``; any other by its endpoint."""
    calls = {f"POST {kind.create}": "order", f"{kind.method} {kind.read}": "read"}
    calls |= {
        f"{kind.method} {bulk.path.partition('?')[0]}": word for word, bulk in (("statuses", kind.statuses), ("list", kind.list)) if bulk
    }
    operation = re.sub(r"\{\w+\}", "{id}", received.operation or f"{received.method} {received.path}")
    again = " again" if received.replayed else ""
    return calls.get(operation, operation) + again


def _counted(words: Iterable[str], least: int = 2) -> str:
    """Words with those that repeat counted: ``order, 3 x read``."""
    runs = [(word, len(list(same))) for word, same in groupby(words)]
    shown = [part for word, number in runs for part in ([word] * number if number < least else [f"{number} x {word}"])]
    return ", ".join(shown) or "-"


def _paid(works: Iterable[PaidWork]) -> str:
    """How many orders were paid for; ``twice`` if several requests started the same work."""
    orders: dict[tuple[str, bytes], set[int]] = {}
    for work in works:
        # What has no body is told apart by its id: sessions are started with a token.
        orders.setdefault((work.operation, work.body or work.id.encode()), set()).add(work.request)
    return "twice" if any(len(numbers) > 1 for numbers in orders.values()) else str(len(orders))


def _told_end(stage: Stage, end: Any) -> str:
    if isinstance(end, dict):
        assert list(end) == [one.id for one in end.values()]
        return _counted(_told_briefly(stage, one) for one in end.values())
    if isinstance(end, list):
        places = list(dict.fromkeys([*stage.ids, MISSING, *(one.id for one in end)]))
        return ", ".join(f"{places.index(one.id) + 1}: {_told_briefly(stage, one)}" for one in end)
    return _told(stage, end)


def _told(stage: Stage, end: Any) -> str:
    """An answer with its state, unless it is completed, and what is remarked; an error with rule, channel and outcome."""
    if isinstance(end, Answer):
        notices = [f"notice {notice.info.rule}" for notice in end.notices if notice.info is not None]
        failures = [_counted(f"failure {info.rule}" for info in end.failures)] if end.failures else []
        return " with ".join([_state(end), *notices, *failures])
    if isinstance(end, JobHandle):
        return f"handle of {len(end.ids)}"
    if isinstance(end, ApiError):
        info = end.info
        told = f"{type(end).__name__} {info.rule} {info.channel} {info.retry.outcome}"
        return told if info.channel is not Channel.JOB or _is_of_job(stage, info.resource) else f"{told} without an id"
    return repr(end)


def _told_briefly(stage: Stage, end: JobEnd) -> str:
    """One of several: the error without what a wait for one shows, too."""
    told = _told(stage, end.error or end.answer)
    words = told.split(" ")
    is_error = isinstance(end.error, ApiError) and not told.endswith("without an id")
    return words[0] if is_error and words[0] in ("NotFoundError", "TimedOutError") else " ".join(words[:2]) if is_error else told


def _state(answer: Answer) -> str:
    state = state_of(job_in(answer.data))
    return "answer" if state in ("completed", "complete") else f"answer ({state})"


def _is_of_job(stage: Stage, resource: Mapping[str, str]) -> bool:
    """Whether the id is one that was begun or asked for."""
    found = resource.get(stage.kind.id_field)
    return found in stage.ids or any(
        str(found) in received.target or str(found).encode() in received.body for received in stage.server.requests
    )


# What is expected.

GROUPS: Mapping[str, tuple[str, ...]] = {
    "all": NAMES,
    "ordered": ORDERED,
    "HeyGen, single": tuple(name for name in SINGLE if name in HEYGEN),
    "batches": BATCHES,
    "by ids": ASKED_BY_IDS,
    "by list": ASKED_BY_LIST,
    "one by one": tuple(name for name in NAMES if name not in (*ASKED_BY_IDS, *ASKED_BY_LIST)),
}
"""Kinds that have a name together in the table."""


class Line(NamedTuple):
    """What is expected of a situation.

    Attributes:
        scenario: its name.
        group: that of the scenario.
        kinds: as the table names them.
        outline: what is to be seen.
    """

    group: str
    scenario: str
    kinds: str
    outline: Outline

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the kinds: those of a group without some, or each by its name."""
        group, _, without = self.kinds.partition(" but ")
        if group in GROUPS:
            left_out = without.split(", ")
            return tuple(name for name in GROUPS[group] if name not in left_out)
        return tuple(self.kinds.split(", "))


# A situation, and below it its lines: kinds, how it ends, what is sent, seconds of the waits, orders that were paid for.
_TABLE = """
## How jobs end
# completed at the first look
ordered | answer | order, read | 2 | 1
asset_batches | answer | 2 x read | 2 | 0
sessions | answer | read | - | 1
# completed after three looks
ordered | answer | order, 4 x read | 2, 2, 3, 4.5 | 1
asset_batches | answer | 2 x read | 2 | 0
sessions | answer | 4 x read | 2, 3, 4.5 | 1
# an impatient program: 0.01 s between two looks
ordered but transcriptions | answer | order, 4 x read | 0.01, 0.01, 0.01, 0.01 | 1
transcriptions | answer | order, 4 x read | 0.12, 0.12, 0.12, 0.12 | 1
# fails, told as the endpoint tells it
HeyGen, single | ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED job accepted | order, 2 x read | 2, 2 | 1
batches but asset_batches | answer (failed) with 2 x failure heygen/CELEBRITY_MODERATION_FAILED | order, 2 x read | 2, 2 | 1
asset_batches | answer (failed) with 2 x failure heygen/NOT_FOUND | read | - | 0
sessions | InvalidRequestError liveavatar/REQUEST_VALIDATION_FAILED job accepted | 2 x read | 2 | 1
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# fails without a reason
HeyGen, single | UnknownError heygen/JOB_FAILED_WITHOUT_REASON job accepted | order, 2 x read | 2, 2 | 1
batches but asset_batches | answer (failed) with 2 x failure heygen/JOB_FAILED_WITHOUT_REASON | order, 2 x read | 2, 2 | 1
asset_batches | answer (failed) with 2 x failure heygen/NOT_FOUND | read | - | 0
sessions | UnknownError liveavatar/JOB_FAILED_WITHOUT_REASON job accepted | 2 x read | 2 | 1
transcriptions | UnknownError heify/TRANSCRIPTION_FAILED job accepted | order, 2 x read | 2, 2 | 1
# never ends
ordered | TimedOutError transport/JobNotEnded job accepted | order, 8 x read | 2, 2, 3, 4.5, 6.75, 10.12, 15.19, 15.44 | 1
asset_batches | TimedOutError transport/JobNotEnded job accepted | 8 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 0
sessions | TimedOutError transport/JobNotEnded job accepted | 8 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 1
# completes with an error beside its result
videos, workflows | answer with notice heygen/MOVIO_PAYMENT_INSUFFICIENT_CREDIT | order, 2 x read | 2, 2 | 1
# has failed an evaluation, and is completed
transcriptions | answer | order, read | 2 | 1
# completed, with an error and without a result
videos, workflows | ServerError heygen/RENDERING_FAILED job accepted | order, read | 2 | 1
# one item of two fails
batches but asset_batches | answer with failure heygen/RENDERING_FAILED | order, 2 x read | 2, 2 | 1
# needs an answer to the agent
video_agents | NotReadyError transport/JobNeedsAction job accepted | order, 2 x read | 2, 2 | 0
# needs a review
video_agents | NotReadyError transport/JobNeedsAction job accepted | order, 2 x read | 2, 2 | 1
# needs the consent of a person
avatars, looks | NotReadyError transport/JobNeedsAction job accepted | order, 2 x read | 2, 2 | 1
# is in a state that nobody knows, then completed
ordered but transcriptions | answer | order, 2 x read | 2, 2 | 1
asset_batches | answer | 3 x read | 2, 3 | 0
# there is none
videos | NotFoundError heygen/VIDEO_NOT_FOUND response refused | read | - | 0
all but videos, avatars, looks, workflows, renders, voices, sessions, transcriptions | NotFoundError heygen/RESOURCE_NOT_FOUND response refused | read | - | 0
avatars | NotFoundError heygen/AVATAR_GROUP_NOT_FOUND response refused | read | - | 0
looks | NotFoundError heygen/AVATAR_NOT_FOUND response refused | read | - | 0
workflows | NotFoundError heygen/JOB_NOT_FOUND job accepted | read | - | 0
renders | NotFoundError heygen/HYPERFRAMES_RENDER_NOT_FOUND response refused | read | - | 0
voices | NotFoundError heygen/VOICE_NOT_FOUND response refused | read | - | 0
sessions | NotFoundError liveavatar/status:404 response refused | read | - | 0
transcriptions | NotFoundError heify/TRANSCRIPTION_NOT_FOUND response refused | read | - | 0
# is deleted meanwhile
ordered but transcriptions | NotFoundError heygen/NOT_FOUND response refused | order, 2 x read | 2, 2 | 1
asset_batches | NotFoundError heygen/NOT_FOUND response refused | 2 x read | 2 | 0
sessions | NotFoundError liveavatar/JOB_NOT_FOUND job accepted | 2 x read | 2 | 1
transcriptions | NotFoundError heify/TRANSCRIPTION_NOT_FOUND response refused | order, 2 x read | 2, 2 | 1

## Shapes of a failure: heygen
# `job-v3`
HeyGen, single | ServerError heygen/RENDERING_FAILED job accepted | order, 2 x read | 2, 2 | 1
# `job-v1`
HeyGen, single | ServerError heygen/RENDERING_FAILED job accepted | order, 2 x read | 2, 2 | 1
# `job-v1-text-code`
HeyGen, single | InvalidMediaError heygen/VIDEO_TOO_LONG_FOR_PLAN job accepted | order, 2 x read | 2, 2 | 1
# `job-error-object`
HeyGen, single | ServerError heygen/RENDERING_FAILED job accepted | order, 2 x read | 2, 2 | 1
# `job-error-text`
HeyGen, single | ContentPolicyError heygen/MODERATION_POLICY_VIOLATED job accepted | order, 2 x read | 2, 2 | 1
# `job-agent`
HeyGen, single | ContentPolicyError heygen/MODERATION_POLICY_VIOLATED job accepted | order, 2 x read | 2, 2 | 1

## Shapes of a failure: liveavatar
# `job-v3`
sessions | UnknownError liveavatar/JOB_FAILED_WITHOUT_REASON job accepted | 2 x read | 2 | 1
# `job-v1`
sessions | UnknownError liveavatar/JOB_FAILED_WITHOUT_REASON job accepted | 2 x read | 2 | 1

## Shapes of a failure: heify
# `transcription-v2`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-v2-message`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-v2-internal-code`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-v1`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-error`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-data-error`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-data-error-text`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-error-message`
transcriptions | InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT job accepted | order, 2 x read | 2, 2 | 1
# `transcription-v2-nulls`
transcriptions | UnknownError heify/TRANSCRIPTION_FAILED job accepted | order, 2 x read | 2, 2 | 1

## Shapes of a failure: heygen
# an item of a batch as `batch-item`
batches but asset_batches | answer with failure heygen/RENDERING_FAILED | order, 2 x read | 2, 2 | 1
asset_batches | answer with failure heygen/RENDERING_FAILED | 2 x read | 2 | 0
# an item of a batch as `batch-item-text-code`
batches but asset_batches | answer with failure heygen/VIDEO_TOO_LONG_FOR_PLAN | order, 2 x read | 2, 2 | 1
asset_batches | answer with failure heygen/VIDEO_TOO_LONG_FOR_PLAN | 2 x read | 2 | 0

## When asking fails
# 429 with Retry-After: 7
ordered | answer | order, 2 x read | 2, 7.5 | 1
asset_batches | answer | 3 x read | 7.5, 2 | 0
sessions | answer | 2 x read | 7.5 | 1
# 429 without Retry-After
ordered but transcriptions | answer | order, 2 x read | 2, 0.5 | 1
asset_batches | answer | 3 x read | 0.5, 2 | 0
sessions | answer | 2 x read | 0.5 | 1
transcriptions | answer | order, 2 x read | 2, 0.62 | 1
# 429 three times with Retry-After: 7
ordered | answer | order, 4 x read | 2, 7.5, 8, 7 | 1
asset_batches | answer | 5 x read | 7.5, 8, 7, 3 | 0
sessions | answer | 4 x read | 7.5, 8, 7 | 1
# 429 with Retry-After: 120, longer than the wait
ordered | TimedOutError transport/JobNeverRead job accepted | order, read | 2 | 1
asset_batches | TimedOutError transport/JobNeverRead job accepted | read | - | 0
sessions | TimedOutError transport/JobNeverRead job accepted | read | - | 1
# `reset_after_request`
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 2 x read | 0.25 | 0
sessions | answer | 2 x read | 0.25 | 1
# `reset_mid_body`
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 2 x read | 0.25 | 0
sessions | answer | 2 x read | 0.25 | 1
# `truncated_body`
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 2 x read | 0.25 | 0
sessions | answer | 2 x read | 0.25 | 1
# `broken_json`
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 2 x read | 0.25 | 0
sessions | answer | 2 x read | 0.25 | 1
# an HTML page with 200
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 3 x read | 0.25, 2 | 0
sessions | answer | 2 x read | 0.25 | 1
# 500
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 2 x read | 0.25 | 0
sessions | answer | 2 x read | 0.25 | 1
# 503
ordered | answer | order, 2 x read | 2, 0.25 | 1
asset_batches | answer | 3 x read | 0.25, 2 | 0
sessions | answer | 2 x read | 0.25 | 1
# 503, without repeats of a call
ordered | answer | order, 2 x read | 2, 2 | 1
asset_batches | answer | 3 x read | 2, 3 | 0
sessions | answer | 2 x read | 2 | 1
# 503 five times
ordered | answer | order, 6 x read | 2, 0.25, 0.5, 2, 0.25, 0.5 | 1
asset_batches | answer | 7 x read | 0.25, 0.5, 2, 0.25, 0.5, 3 | 0
sessions | answer | 6 x read | 0.25, 0.5, 2, 0.25, 0.5 | 1
# 503 for good
ordered | TimedOutError transport/JobNeverRead job accepted | order, 8 x read | 2, 2, 3, 4.5, 6.75, 10.12, 15.19, 15.44 | 1
asset_batches | TimedOutError transport/JobNeverRead job accepted | 8 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 0
sessions | TimedOutError transport/JobNeverRead job accepted | 8 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 1
# the key is refused
ordered but transcriptions | AuthenticationError heygen/UNAUTHORIZED response refused | order, read | 2 | 1
asset_batches | AuthenticationError heygen/UNAUTHORIZED response refused | read | - | 0
sessions | AuthenticationError liveavatar/SESSION_NOT_AUTHENTICATED response refused | read | - | 1
transcriptions | AuthenticationError layers/APIGW_FORBIDDEN gateway refused | order, read | 2 | 1
# the client's breaker opens
ordered | answer | order, 3 x read | 2, 2, 8, 4.5, 6.75 | 1
asset_batches | answer | 4 x read | 2, 3, 7, 6.75 | 0
sessions | answer | 3 x read | 2, 3, 7 | 1

## Orders and crashes
# the answer to the order is lost, repeated by the client
ordered but workflows, transcriptions | answer | order, order again, 2 x read | 0.25, 2, 2 | 1
workflows, transcriptions | NetworkError transport/ConnectionReset transport unknown | order | - | 1
# the order is refused
ordered but transcriptions | PaymentRequiredError heygen/INSUFFICIENT_CREDIT response refused | order | - | 0
transcriptions | PaymentRequiredError heify/INSUFFICIENT_MINUTES response refused | order | - | 0
# the answer to the order names no id
ordered | ServerError transport/JobUnnamed transport unknown | order | - | 0
# ordered, then crashed: resumed
ordered | handle of 1, then answer | order, 2 x read | 2 | 1
# crashed before the answer: resumed
ordered but workflows, transcriptions | NetworkError transport/ConnectionReset transport unknown, then answer | order, order again, 2 x read | 2 | 1
workflows, transcriptions | NetworkError transport/ConnectionReset transport unknown, then ConflictError transport/NotResumable transport unknown | order | - | 1
# crashed behind the answer, before the ids were saved: resumed
ordered but workflows, transcriptions | handle of 1, then answer | order, order again, 2 x read | 2 | 1
workflows, transcriptions | handle of 1, then ConflictError transport/NotResumable transport unknown | order | - | 1
# crashed before the answer: resumed too late
ordered | NetworkError transport/ConnectionReset transport unknown, then ConflictError transport/NotResumable transport unknown | order | - | 1
# crashed before the answer: resumed while the vendor is still at work on it
ordered but workflows, transcriptions | NetworkError transport/ConnectionReset transport unknown, then answer | order, 2 x order again, 2 x read | 0.75, 2 | 1
# the handle cannot be saved, before the order
ordered | OSError(28, 'disk full') | - | - | 0
# the handle cannot be saved, behind the answer: resumed
ordered but workflows, transcriptions | OSError(28, 'disk full'), then answer | order, order again, 2 x read | 2 | 1
workflows, transcriptions | OSError(28, 'disk full'), then ConflictError transport/NotResumable transport unknown | order | - | 1

## Several at once
# two, completed after a look
by ids | 2 x answer | 3 x statuses, 2 x read | 2, 3 | 2
all but videos, translations, lipsyncs, asset_batches, transcriptions | 2 x answer | 6 x read | 2, 3 | 2
transcriptions | 2 x answer | 6 x read | 0.12, 2, 0.12, 3, 0.12 | 2
asset_batches | 2 x answer | 4 x read | 2 | 0
# five, completed after a look
by ids | 5 x answer | 3 x statuses, list | 2, 3 | 5
one by one but asset_batches | 5 x answer | 15 x read | 2, 3 | 5
by list but transcriptions | 5 x answer | 3 x list | 2, 3 | 5
asset_batches | 5 x answer | 10 x read | 2 | 0
transcriptions | 5 x answer | 3 x list, 5 x read | 2, 3, 0.12, 0.12, 0.12, 0.12 | 5
# of five one fails, one is missing, one is stuck
by ids | answer, ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, TimedOutError, answer, NotFoundError | statuses, read, 2 x statuses, read, statuses, 5 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
proofreads, video_agents, workflows, voices | answer, ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, TimedOutError, answer, NotFoundError | 19 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
by list but sessions, transcriptions | answer, ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, TimedOutError, answer, NotFoundError | list, read, 2 x list, 6 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
batches but asset_batches | answer, answer (failed) with 2 x failure heygen/CELEBRITY_MODERATION_FAILED, TimedOutError, answer, NotFoundError | 19 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
asset_batches | answer, answer (failed) with 2 x failure heygen/NOT_FOUND, TimedOutError, answer, NotFoundError | 14 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 0
sessions | answer, InvalidRequestError liveavatar/REQUEST_VALIDATION_FAILED, TimedOutError, answer, NotFoundError | list, read, 2 x list, 6 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
transcriptions | answer, InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT, TimedOutError, answer, NotFoundError | list, read, 2 x list, 7 x read | 2, 3, 4.5, 0.12, 6.75, 10.12, 15.19, 17.32 | 4
# the same, as they end
by ids | 5: NotFoundError, 2: ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, 1: answer, 4: answer, 3: TimedOutError | statuses, read, 2 x statuses, read, statuses, 5 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
proofreads, video_agents, workflows, voices | 5: NotFoundError, 1: answer, 2: ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, 4: answer, 3: TimedOutError | 19 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
by list but sessions, transcriptions | 5: NotFoundError, 2: ContentPolicyError heygen/CELEBRITY_MODERATION_FAILED, 1: answer, 4: answer, 3: TimedOutError | list, read, 2 x list, 6 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
batches but asset_batches | 5: NotFoundError, 1: answer, 2: answer (failed) with 2 x failure heygen/CELEBRITY_MODERATION_FAILED, 4: answer, 3: TimedOutError | 19 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
asset_batches | 2: answer (failed) with 2 x failure heygen/NOT_FOUND, 5: NotFoundError, 1: answer, 4: answer, 3: TimedOutError | 14 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 0
sessions | 5: NotFoundError, 2: InvalidRequestError liveavatar/REQUEST_VALIDATION_FAILED, 1: answer, 4: answer, 3: TimedOutError | list, read, 2 x list, 6 x read | 2, 3, 4.5, 6.75, 10.12, 15.19, 17.44 | 4
transcriptions | 5: NotFoundError, 2: InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT, 1: answer, 4: answer, 3: TimedOutError | list, read, 2 x list, 7 x read | 2, 3, 4.5, 0.12, 6.75, 10.12, 15.19, 17.32 | 4
# five, the call for many is refused with 404
by ids | 5 x answer | statuses, 15 x read | 2, 3 | 5
by list but transcriptions | 5 x answer | list, 15 x read | 2, 3 | 5
transcriptions | 5 x answer | list, 15 x read | 0.12, 0.12, 0.12, 0.12, 2, 0.12, 0.12, 0.12, 0.12, 3, 0.12, 0.12, 0.12, 0.12 | 5
# five, the call for many is refused with 400
by ids | 5 x answer | statuses, 15 x read | 2, 3 | 5
by list but transcriptions | 5 x answer | list, 15 x read | 2, 3 | 5
transcriptions | 5 x answer | list, 15 x read | 0.12, 0.12, 0.12, 0.12, 2, 0.12, 0.12, 0.12, 0.12, 3, 0.12, 0.12, 0.12, 0.12 | 5
# five, the call for many meets 429 with Retry-After: 7 four times
by ids | 5 x answer | 5 x statuses, list | 7.5, 8, 7, 7.5 | 5
by list but transcriptions | 5 x answer | 5 x list | 7.5, 8, 7, 7.5 | 5
transcriptions | 5 x answer | 5 x list, 5 x read | 7.5, 8, 7, 7.5, 0.12, 0.12, 0.12, 0.12 | 5
# five, the call for many answers without a list
by ids | 5 x answer | 2 x statuses, list, 10 x read | 2, 3 | 5
by list but transcriptions | 5 x answer | 2 x list, 10 x read | 2, 3 | 5
transcriptions | 5 x answer | 2 x list, 10 x read | 2, 0.12, 0.12, 0.12, 0.12, 3, 0.12, 0.12, 0.12, 0.12 | 5
# five, reading meets 429 with Retry-After: 7 four times
one by one but asset_batches | 5 x answer | 9 x read | 7.5, 8, 7, 7.5 | 5
asset_batches | 5 x answer | 14 x read | 7.5, 8, 7, 7.5, 3 | 0
# five, the key is refused
by ids | AuthenticationError heygen/UNAUTHORIZED response refused | statuses | - | 5
one by one but asset_batches | AuthenticationError heygen/UNAUTHORIZED response refused | read | - | 5
by list but sessions, transcriptions | AuthenticationError heygen/UNAUTHORIZED response refused | list | - | 5
asset_batches | AuthenticationError heygen/UNAUTHORIZED response refused | read | - | 0
sessions | AuthenticationError liveavatar/SESSION_NOT_AUTHENTICATED response refused | list | - | 5
transcriptions | AuthenticationError layers/APIGW_FORBIDDEN gateway refused | list | - | 5
# 120, completed after a look
videos | 120 x answer | 6 x statuses, 2 x list | 2, 3 | 120
clippings, sessions | 120 x answer | 6 x list | 2, 3 | 120
transcriptions | 120 x answer | 3 x list, 120 x read | 2, 3, 119 x 0.12 | 120
# five that are older than 400 others in the list
clippings | 5 x answer | 2 x list, 15 x read | 2, 3 | 405
# one order of three languages
translations | handle of 3, then 3 x answer | order, 3 x statuses, 3 x read | 2, 3 | 1
proofreads | handle of 3, then 3 x answer | order, 9 x read | 2, 3 | 1
# five, one fails as `list-item-v3`
by list but sessions, transcriptions | answer, ServerError heygen/RENDERING_FAILED, 3 x answer | 3 x list | 2, 3 | 5
# five, one fails as `batch-item`
by ids | answer, ServerError heygen/RENDERING_FAILED, 3 x answer | 3 x statuses, list | 2, 3 | 5
# five, one fails as `batch-item-text-code`
by ids | answer, InvalidMediaError heygen/VIDEO_TOO_LONG_FOR_PLAN, 3 x answer | 3 x statuses, list | 2, 3 | 5
# five, one fails as `transcription-list-v2`
transcriptions | answer, InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT, 3 x answer | 3 x list, 4 x read | 2, 3, 0.12, 0.12, 0.12 | 5
# five, one fails as `transcription-list-v1`
transcriptions | answer, InvalidMediaError heify/UNSUPPORTED_AUDIO_FORMAT, 3 x answer | 3 x list, 4 x read | 2, 3, 0.12, 0.12, 0.12 | 5
"""


def _lines(text: str) -> Iterator[Line]:
    group = scenario = ""
    for row in text.strip().splitlines():
        if row.startswith("## "):
            group = row.removeprefix("## ")
        elif row.startswith("# "):
            scenario = row.removeprefix("# ")
        elif row:
            kinds, *rest = row.split(" | ")
            yield Line(group, scenario, kinds, Outline(*rest))


LINES: tuple[Line, ...] = tuple(_lines(_TABLE))


def expected(scenario: Scenario, name: str) -> list[Outline]:
    """What is expected of a kind in a situation; one outline where the table is complete."""
    found = [line for line in LINES if (line.group, line.scenario) == (scenario.group, scenario.name)]
    return [line.outline for line in found if name in line.names]
