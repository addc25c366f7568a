"""The jobs of a kind, as users call them: the same for both clients, each of which gives values or awaitables of them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, MutableSet
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, ClassVar, Final, Generic, NoReturn, TypeVar, Unpack
from uuid import UUID

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.calls import forget
from heify_heygen_errors.client.jobs.access import Access, JobOptions, Kept
from heify_heygen_errors.client.jobs.confirming import PATIENCE, confirm
from heify_heygen_errors.client.jobs.crowd import wait_for_many
from heify_heygen_errors.client.jobs.handle import JobHandle
from heify_heygen_errors.client.jobs.kinds import JobKind, kind_of
from heify_heygen_errors.client.jobs.ordering import Order, Save, check_kind, create, create_and_wait, resume, resume_all
from heify_heygen_errors.client.jobs.polling import POLLING, Polling
from heify_heygen_errors.client.jobs.reconciling import LOOKBACK, Search, checked_since, failures_since
from heify_heygen_errors.client.jobs.values import JobProgress
from heify_heygen_errors.client.jobs.waiting import wait_for_one
from heify_heygen_errors.client.jobs.watch import DEADLINE, Terms
from heify_heygen_errors.client.procedure import Procedure, gathered
from heify_heygen_errors.client.vendors import refuse_pickle
from heify_heygen_errors.webhooks.event import WebhookEvent
from heify_heygen_errors.webhooks.parsing import parse_unverified_webhook

A_co = TypeVar("A_co", covariant=True)
"""An answer, or an awaitable of one."""

H_co = TypeVar("H_co", covariant=True)
"""A handle, or an awaitable of one."""

D_co = TypeVar("D_co", covariant=True)
"""The ends of several jobs by id, or an awaitable of these."""

E_co = TypeVar("E_co", covariant=True)
"""An iterator over ends, asynchronous or not."""

F_co = TypeVar("F_co", covariant=True)
"""An iterator over failures, asynchronous or not."""

UPLOAD_GRACE: Final = 60.0
"""Seconds in which a transcription whose file was just uploaded may not be found yet."""


class JobCalls(ABC, Generic[A_co, H_co, D_co, E_co]):
    """The jobs of one kind, such as ``client.heygen.videos``."""

    _awaits: ClassVar[bool] = False

    def __init__(self, access: Access, kind: JobKind) -> None:
        self._access = access
        self._kind = kind

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kind.provider!r}, {self._kind.name!r})"

    def __reduce__(self) -> NoReturn:
        refuse_pickle()

    @abstractmethod
    def _run(self, what: str, procedure: Procedure[Any]) -> Any:
        """Takes the steps of a procedure and gives its result."""

    @abstractmethod
    def _iterate(self, procedure: Procedure[Any]) -> Any:
        """Takes the steps of a procedure and gives what it finds, one after the other."""

    def wait(
        self,
        job: str | UUID | JobHandle,
        *,
        deadline: float | None = DEADLINE,
        on_progress: Callable[[JobProgress], object] | None = None,
        polling: Polling = POLLING,
        **options: Unpack[JobOptions],
    ) -> A_co:
        """Wait until a job has ended, and give the answer that says so.

        The first look is taken at once; then follow pauses that grow, see `Polling`. Failures of asking that may pass are
        waited out; one of a call that is repeated by the client's policy counts as one.

        Arguments:
            job: its id, or the handle that `create` gave.
            deadline: seconds until the wait is over; None for no limit. The job itself goes on.
            on_progress: told after each look; an exception of it ends the wait. With `AsyncClient` also a coroutine function.
            polling: the pauses between two looks.
            options: of each call; see `JobOptions`.

        Returns:
            The answer whose data is the job. One that completed with an error and a usable result has a notice
            ``completed_with_error``; the failed items of a batch are in ``failures``.

        Raises:
            ApiError: the job failed (``info.channel`` is ``job``, ``info.retry.outcome`` is ``accepted``, its id stands in
                ``info.resource``); there is none under this id, which ends the wait at once; it waits for a person
                (NotReadyError); it did not end in time (TimedOutError of the rule ``transport/JobNotEnded``, or
                ``transport/JobNeverRead`` where no look succeeded); or asking was refused.
            ValueError, TypeError: before anything is sent, for what cannot be meant.
        """
        terms = self._terms(deadline, on_progress, polling, checked_options(options), job)
        return self._one("wait", wait_for_one(self._access, self._kind, self._id_of(job), terms))

    def wait_all(
        self,
        jobs: Iterable[str | UUID | JobHandle] | JobHandle,
        *,
        deadline: float | None = DEADLINE,
        on_progress: Callable[[JobProgress], object] | None = None,
        polling: Polling = POLLING,
        **options: Unpack[JobOptions],
    ) -> D_co:
        """Wait until several jobs have ended.

        Where the vendor has a call that tells of many jobs, that is asked, and no call for each job.

        Arguments:
            jobs: ids or handles; or one handle with several ids.
            deadline: as for `wait`.
            on_progress: told of each job when its state has changed.
            polling: as for `wait`.
            options: as for `wait`.

        Returns:
            A dict from each id, in the order given, to its `JobEnd`: an answer, or the error that `wait` would raise.

        Raises:
            ApiError: asking was refused for a reason that is not that of one job, such as the key.
            ValueError, TypeError: as `wait`.
        """
        kept = checked_options(options)
        jobs = _several(jobs)
        ids = self._ids_of(jobs)
        terms = self._terms(deadline, on_progress, polling, kept, jobs)
        return self._run("wait_all", _by_id(ids, wait_for_many(self._access, self._kind, ids, terms)))  # type: ignore[no-any-return]

    def as_completed(
        self,
        jobs: Iterable[str | UUID | JobHandle] | JobHandle,
        *,
        deadline: float | None = DEADLINE,
        on_progress: Callable[[JobProgress], object] | None = None,
        polling: Polling = POLLING,
        **options: Unpack[JobOptions],
    ) -> E_co:
        """The same as `wait_all`, one `JobEnd` after the other as the jobs end."""
        kept = checked_options(options)
        jobs = _several(jobs)
        terms = self._terms(deadline, on_progress, polling, kept, jobs)
        return self._iterate(wait_for_many(self._access, self._kind, self._ids_of(jobs), terms))  # type: ignore[no-any-return]

    def _check_plain(self, name: str, function: object) -> None:
        """Raises TypeError for what is no function, and for a coroutine function where nobody would await it."""
        if function is not None and not callable(function):
            msg = f"{name} is a function that takes one value, not {function!r}"
            raise TypeError(msg)
        if not self._awaits and inspect.iscoroutinefunction(function):
            msg = f"{name} is a plain function here: nobody awaits a coroutine function but AsyncClient"
            raise TypeError(msg)

    def _one(self, what: str, procedure: Procedure[Any]) -> A_co:
        return self._run(what, procedure)  # type: ignore[no-any-return]

    def _terms(
        self,
        deadline: float | None,
        on_progress: Callable[[JobProgress], object] | None,
        polling: Polling,
        options: Mapping[str, Any],
        jobs: object,
    ) -> Terms:
        handles = [job for job in (jobs if isinstance(jobs, list) else [jobs]) if isinstance(job, JobHandle)]
        graced = frozenset(job_id for handle in handles if handle.path == self._kind.upload for job_id in handle.ids)
        kept = options if isinstance(options, Kept) else checked_options(options)
        self._check_plain("on_progress", on_progress)
        return Terms(deadline=deadline, on_progress=on_progress, polling=polling, options=kept, grace=UPLOAD_GRACE, graced=graced)

    def _id_of(self, job: object) -> object:
        if not isinstance(job, JobHandle):
            return job
        check_kind(self._kind, job)
        return job.id

    def _ids_of(self, jobs: list[Any]) -> list[Any]:
        ids: list[Any] = []
        for job in jobs:
            if not isinstance(job, JobHandle):
                ids.append(job)
                continue
            check_kind(self._kind, job)
            if not job.ids:
                msg = "a handle has no ids yet: resume it"
                raise ValueError(msg)
            ids += job.ids
        return ids


class OrderedJobs(JobCalls[A_co, H_co, D_co, E_co]):
    """The jobs of a kind that a call starts."""

    def create(
        self,
        order: Mapping[str, Any],
        *,
        path: str | None = None,
        idempotency_key: str | UUID | None = None,
        save: Callable[[JobHandle], object] | None = None,
        **options: Unpack[JobOptions],
    ) -> H_co:
        """Order a job.

        Arguments:
            order: sent as JSON, as the vendor's page says.
            path: another endpoint that starts such jobs, such as ``/v3/templates/{template_id}`` for videos.
            idempotency_key: to be sent; one is made where the endpoint takes one.
            save: called with the `JobHandle` before anything is sent, and again when the vendor has named the ids. Keep the
                last one that you got: `resume` goes on with it after a crash. An exception of it ends the order. With
                `AsyncClient` also a coroutine function.
            options: of the call; see `JobOptions`.

        Returns:
            The handle with the ids.

        Raises:
            ApiError: the order was refused, or nobody knows whether it was taken (``info.retry.outcome`` is ``unknown``):
                then resume the handle that was saved.
            ValueError, TypeError: before anything is sent, for what cannot be meant.
        """
        kept = checked_options(options)
        self._check_plain("save", save)
        made = Order(body=order, path=path, idempotency_key=idempotency_key, save=save, options=kept)
        return self._run("create", create(self._access, self._kind, made))  # type: ignore[no-any-return]

    def create_and_wait(
        self,
        order: Mapping[str, Any],
        *,
        path: str | None = None,
        idempotency_key: str | UUID | None = None,
        save: Callable[[JobHandle], object] | None = None,
        deadline: float | None = DEADLINE,
        on_progress: Callable[[JobProgress], object] | None = None,
        polling: Polling = POLLING,
        **options: Unpack[JobOptions],
    ) -> A_co:
        """Order one job and wait until it has ended: `create` and `wait` in one.

        Arguments:
            order: as for `create`.
            path: as for `create`.
            idempotency_key: as for `create`.
            save: as for `create`.
            deadline: as for `wait`, counted from the answer to the order on.
            on_progress: as for `wait`.
            polling: as for `wait`.
            options: of each call; see `JobOptions`.

        Returns:
            As `wait`.

        Raises:
            ApiError, TypeError: as `create` and `wait`.
            ValueError: the same, and where the order asks for several jobs.
        """
        kept = checked_options(options)
        self._check_plain("save", save)
        made = Order(body=order, path=path, idempotency_key=idempotency_key, save=save, options=kept)
        terms = self._terms(deadline, on_progress, polling, kept, None)
        return self._one("create_and_wait", create_and_wait(self._access, self._kind, made, terms))

    def resume(
        self,
        handle: JobHandle | str | bytes | Mapping[str, Any],
        *,
        save: Callable[[JobHandle], object] | None = None,
        deadline: float | None = DEADLINE,
        on_progress: Callable[[JobProgress], object] | None = None,
        polling: Polling = POLLING,
        **options: Unpack[JobOptions],
    ) -> A_co:
        """Go on with a job after a crash, so that it is not paid twice.

        A handle with an id is waited for. One without is ordered again with its idempotency key, for which HeyGen answers
        with the job that there is; HeyGen keeps keys for 24 hours. One of an upload that was broken off is waited for if its
        file has come nevertheless, which is looked up for up to a minute.

        Arguments:
            handle: that `save` got last; as it is, as its JSON or as its dict.
            save: as for `create`.
            deadline: as for `wait`.
            on_progress: as for `wait`.
            polling: as for `wait`.
            options: of each call; see `JobOptions`.

        Returns:
            As `wait`.

        Raises:
            ApiError: as `create_and_wait`; a ConflictError of the rule ``transport/NotResumable`` where the handle has no id
                and the order cannot safely be sent again, or the file of an upload has not come, or nothing shows it.
            ValueError: it is no handle, or one of other or of several jobs.
        """
        kept = checked_options(options)
        found = read_handle(handle)
        check_kind(self._kind, found)
        self._check_plain("save", save)
        terms = self._terms(deadline, on_progress, polling, kept, found)
        return self._one("resume", self._resuming(found, save, terms))

    def resume_order(
        self,
        handle: JobHandle | str | bytes | Mapping[str, Any],
        *,
        save: Callable[[JobHandle], object] | None = None,
        **options: Unpack[JobOptions],
    ) -> H_co:
        """The handle with its ids, for `wait_all` and the like: as `resume`, without the wait.

        Raises:
            ApiError, ValueError: as `resume`; handles of several jobs are fine.
        """
        kept = checked_options(options)
        found = read_handle(handle)
        check_kind(self._kind, found)
        self._check_plain("save", save)
        return self._run("resume_order", self._resuming_order(found, save, kept))  # type: ignore[no-any-return]

    def _resuming(self, handle: JobHandle, save: Save | None, terms: Terms) -> Procedure[Answer]:
        return resume(self._access, self._kind, handle, save, terms)

    def _resuming_order(self, handle: JobHandle, save: Save | None, options: Mapping[str, Any]) -> Procedure[JobHandle]:
        return resume_all(self._access, self._kind, handle, save, options)


class JobFailures(JobCalls[A_co, H_co, D_co, E_co], Generic[A_co, H_co, D_co, E_co, F_co]):
    """The jobs of a kind that the vendor has a list of."""

    def failures(
        self,
        since: datetime | float,
        *,
        lookback: timedelta = LOOKBACK,
        seen: MutableSet[str] | None = None,
        **options: Unpack[JobOptions],
    ) -> F_co:
        """Walk the vendor's list and give a `JobFailure` for each job that failed since a moment, once.

        For programs that lost webhooks, or were not there. Where the list does not say when a job failed, each failure of
        a job that was ordered up to `lookback` before the moment is given; `seen` keeps out what is known.

        Arguments:
            since: a datetime with a time zone, or Unix seconds.
            lookback: how much earlier than that a job may have been ordered.
            seen: ids of failures that are known, and not given again; those that are given are added to it. Keep it for the
                next time.
            options: of each call; see `JobOptions`.

        Raises:
            ApiError: the list cannot be read, or not to its end.
            ValueError, TypeError: for what cannot be meant.
        """
        kept = checked_options(options)
        begin = checked_since(since)
        search = Search(since=begin, lookback=lookback, seen=set() if seen is None else seen, options=kept)
        return self._iterate(failures_since(self._access, self._kind, search))  # type: ignore[no-any-return]


V_co = TypeVar("V_co", covariant=True)
"""An event of a webhook, or an awaitable of one."""


class UnsignedJobs(JobCalls[A_co, H_co, D_co, E_co], Generic[A_co, H_co, D_co, E_co, V_co]):
    """The jobs of a kind whose webhooks the vendor does not sign."""

    def confirm(
        self,
        delivery: bytes | bytearray | memoryview | str | Mapping[str, Any] | WebhookEvent,
        *,
        deadline: float | None = PATIENCE,
        **options: Unpack[JobOptions],
    ) -> V_co:
        """Read a job back before anybody acts on an unsigned webhook: whoever knows your address can have sent it.

        Of the delivery only the id counts; state, data and failure are what the vendor says when asked.

        Arguments:
            delivery: the body as it arrived, or an event of `parse_unverified_webhook`.
            deadline: seconds in which the vendor's answer may be behind its own webhook.
            options: of each call; see `JobOptions`.

        Returns:
            The event with proof ``read_back``. Its state is `WebhookState.OTHER` where the job is still running: then nothing
            has happened yet.

        Raises:
            WebhookError: the delivery is no event, or the vendor knows no such job; answer with its ``http_status``.
            ApiError: the vendor could not be asked; answer with 503, so that the delivery is sent again.
        """
        terms = self._terms(deadline, None, POLLING, checked_options(options), None)
        event = delivery
        if not isinstance(event, WebhookEvent):
            event = parse_unverified_webhook(event, self._kind.provider, normalizer=self._access.core.normalizer)
        del delivery
        if event.provider != self._kind.provider:
            msg = f"this event is of {event.provider}, not of {self._kind.provider}"
            raise ValueError(msg)
        return self._run("confirm", confirm(self._access, self._kind, event, terms))  # type: ignore[no-any-return]


J = TypeVar("J")
"""Jobs that a call starts."""

L = TypeVar("L")
"""The same, with a list."""

W = TypeVar("W")
"""Jobs that can only be waited for."""


class HeyGenJobs(Generic[W, J, L]):
    """The kinds of HeyGen's jobs."""

    def _open(
        self,
        access: Access,
        waited: Callable[[Access, JobKind], W],
        ordered: Callable[[Access, JobKind], J],
        listed: Callable[[Access, JobKind], L],
    ) -> None:
        def of(name: str) -> JobKind:
            return kind_of("heygen", name)

        self.videos = listed(access, of("videos"))
        self.translations = listed(access, of("translations"))
        self.proofreads = ordered(access, of("proofreads"))
        self.lipsyncs = listed(access, of("lipsyncs"))
        self.avatars = listed(access, of("avatars"))
        self.looks = listed(access, of("looks"))
        self.video_agents = listed(access, of("video_agents"))
        self.workflows = ordered(access, of("workflows"))
        self.clippings = listed(access, of("clippings"))
        self.background_removals = listed(access, of("background_removals"))
        self.renders = listed(access, of("renders"))
        self.voices = ordered(access, of("voices"))
        self.video_batches = ordered(access, of("video_batches"))
        self.translation_batches = ordered(access, of("translation_batches"))
        self.lipsync_batches = ordered(access, of("lipsync_batches"))
        self.asset_batches = waited(access, of("asset_batches"))


def _several(jobs: Any) -> list[Any]:
    """Ids and handles as a list.

    Raises:
        TypeError: they are neither an iterable nor a handle.
    """
    if isinstance(jobs, JobHandle):
        return [jobs]
    if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable):
        msg = f"several ids are a list or another iterable of texts, or a JobHandle, not {type(jobs).__name__}"
        raise TypeError(msg)
    return list(jobs)


def _by_id(ids: list[Any], procedure: Procedure[None]) -> Procedure[dict[str, Any]]:
    ends = {end.id: end for end in (yield from gathered(procedure))}
    return {str(job_id): ends[str(job_id)] for job_id in ids}


def read_handle(handle: object) -> JobHandle:
    """A handle from whatever form it was kept in.

    Raises:
        ValueError: it is none.
        TypeError: it is in no form that a handle has.
    """
    if isinstance(handle, JobHandle):
        return handle
    if isinstance(handle, str | bytes):
        return JobHandle.from_json(handle)
    if isinstance(handle, Mapping):
        return JobHandle.from_dict(handle)
    msg = f"a handle is a JobHandle, its JSON or its dict, not {type(handle).__name__}"
    raise TypeError(msg)


def checked_options(options: Mapping[str, Any]) -> Kept:
    """The options of each call. They are taken out of the mapping; see `forget`.

    Raises:
        TypeError: one that such a call does not have.
    """
    kept = Kept(options)
    forget(options)
    unknown = sorted(set(kept) - set(JobOptions.__annotations__))
    if unknown:
        raise no_such_argument(unknown[0], _ARGUMENTS)
    return kept


def no_such_argument(name: str, known: tuple[str, ...]) -> TypeError:
    """The error for an argument that a method does not have, with the one that may be meant."""
    meant = get_close_matches(name, known, 1)
    return TypeError(f"this call has no argument {name!r}" + (f": did you mean {meant[0]!r}?" if meant else ""))


# Of all methods, for those that are misspelled.
_ARGUMENTS: Final = (
    *JobOptions.__annotations__,
    "deadline",
    "on_progress",
    "polling",
    "path",
    "idempotency_key",
    "save",
    "since",
    "lookback",
    "seen",
    "configuration_id",
    "participant_id",
    "evaluator_id",
    "name",
    "check",
)
