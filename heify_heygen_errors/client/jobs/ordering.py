"""Ordering jobs so that a crash loses none and pays none twice. Performs no I/O: procedures.

The idempotency key is chosen and the handle saved before the order is sent, and saved again with the ids that the vendor
gave. Whichever of the two a crash leaves, `resume` can go on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.failures import JobUnnamedError, NotResumableError
from heify_heygen_errors.client.jobs.access import Access, attach
from heify_heygen_errors.client.jobs.handle import KEY_LASTS, JobHandle
from heify_heygen_errors.client.jobs.kinds import JobKind
from heify_heygen_errors.client.jobs.waiting import wait_for_one
from heify_heygen_errors.client.jobs.watch import Terms
from heify_heygen_errors.client.procedure import Procedure, Tell
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Outcome
from heify_heygen_errors.providers.sight import ids_of

Save: TypeAlias = Callable[[JobHandle], object]
"""What keeps a handle."""


@attrs.frozen(kw_only=True)
class Order:
    """What is ordered.

    Attributes:
        body: sent as JSON.
        path: where; None for the usual endpoint of the kind.
        idempotency_key: to be sent; None for a new one where the endpoint takes one.
        save: told the handle before the order is sent and again when the ids are known; an exception of it ends the order.
        options: of the call; see `JobOptions`.
        created: when it was ordered first, which is what the vendor counts the life of its key from; None for now.
    """

    body: Any = attrs.field(repr=False)
    path: str | None = None
    idempotency_key: str | UUID | None = None
    save: Save | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    created: datetime | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.body, Mapping):
            msg = f"an order is a mapping that is sent as JSON, not {type(self.body).__name__}"
            raise TypeError(msg)


def create(access: Access, kind: JobKind, order: Order) -> Procedure[JobHandle]:
    """Order a job, or as many as the order asks for.

    Raises:
        ApiError: it was refused, or nobody knows whether it was taken; the handle that was saved can be resumed.
        TypeError, ValueError: before anything is sent, for what cannot be meant.
    """
    path = kind.create if order.path is None else order.path
    if path is None:
        msg = f"no call starts a {kind.noun} by itself: make it as the vendor's page says, and wait for its id"
        raise ValueError(msg)
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        msg = f"path is one such as {kind.create!r}, without host and query: a handle keeps it to order again, not {path!r}"
        raise ValueError(msg)
    call = access.call("POST", path, {**order.options, "json": order.body, "idempotency_key": order.idempotency_key})
    handle = JobHandle(
        provider=kind.provider,
        kind=kind.name,
        path=call.path,
        body=order.body,
        idempotency_key=call.idempotency_key,
        created=order.created or access.now,
    )
    if order.save is not None:
        yield Tell(order.save, handle)
    try:
        answer: Answer = yield call
    except Exception:
        raise
    except BaseException as problem:  # Ctrl-C, or cancelled: nobody knows whether the order arrived
        if call.idempotency_key is not None:
            problem.add_note(f"order it again with idempotency_key={call.idempotency_key!r}, so that it is not paid twice")
        raise
    ids = kind.ids_made(answer.data)
    if not ids:
        error = access.error("POST", path, JobUnnamedError(kind.noun))
        attach(error, attrs.evolve(error.info, resource=dict(ids_of(answer.data))))
        error.idempotency_key, error.attempts = call.idempotency_key, answer.attempts
        raise error
    handle = attrs.evolve(handle, ids=ids, body=None, is_started=True)
    yield from saved(order.save, handle)
    return handle


def saved(save: Save | None, handle: JobHandle) -> Procedure[None]:
    """Have a handle with ids kept; where that fails, the ids are told on the exception."""
    if save is None:
        return
    try:
        yield Tell(save, handle)
    except BaseException as problem:
        _note(problem, handle)
        raise


def _note(problem: BaseException, handle: JobHandle) -> None:
    problem.add_note(f"{handle.provider} has the order: {handle.kind} {', '.join(handle.ids)}")


def create_and_wait(access: Access, kind: JobKind, order: Order, terms: Terms) -> Procedure[Answer]:
    """Order one job and wait for its end.

    Raises:
        ApiError: as `create` and `wait_for_one`.
        TypeError, ValueError: as `create`; also for an order of several jobs.
    """
    _check_is_one(kind, order.body, "create")
    handle = yield from create(access, kind, order)
    try:
        return (yield from wait_for_one(access, kind, handle.id, terms, is_new=True))
    except ApiError:
        raise
    except BaseException as problem:  # of the user's function, or Ctrl-C: what was paid for is not lost
        _note(problem, handle)
        raise


def resume(access: Access, kind: JobKind, handle: JobHandle, save: Save | None, terms: Terms) -> Procedure[Answer]:
    """Go on with a job of which a handle was saved: wait for it, or order it again with the same key.

    Raises:
        ApiError: as `create_and_wait`; a ConflictError of the rule ``transport/NotResumable`` where nobody can know whether
            the vendor has the order.
        ValueError: the handle is of another kind, or of several jobs.
    """
    check_kind(kind, handle)
    if not handle.ids:
        _check_is_one(kind, handle.body, "resume_order")
        handle = yield from _repeated(access, kind, handle, save, terms.options)
    return (yield from wait_for_one(access, kind, handle.id, terms))


def _check_is_one(kind: JobKind, body: object, instead: str) -> None:
    several = body.get(kind.makes) if kind.makes is not None and isinstance(body, Mapping) else None
    if isinstance(several, list | tuple) and len(several) > 1:
        msg = f"{len(several)} {kind.makes} are as many jobs: use {instead}, and wait_all with its handle"
        raise ValueError(msg)


def resume_all(access: Access, kind: JobKind, handle: JobHandle, save: Save | None, options: Mapping[str, Any]) -> Procedure[JobHandle]:
    """The handle with its ids, ordered again with the same key where it has none yet.

    Raises:
        ApiError, ValueError: as `resume`.
    """
    check_kind(kind, handle)
    return handle if handle.ids else (yield from _repeated(access, kind, handle, save, options))


def _repeated(access: Access, kind: JobKind, handle: JobHandle, save: Save | None, options: Mapping[str, Any]) -> Procedure[JobHandle]:
    why = _not_repeatable(access, handle)
    if why is not None:
        problem = NotResumableError(why)
        raise access.error("POST", handle.path, problem)  # noqa: EM101 - the method of a call
    again = Order(
        body=handle.body, path=handle.path, idempotency_key=handle.idempotency_key, save=save, options=options, created=handle.created
    )
    try:
        return (yield from create(access, kind, again))
    except ApiError as error:
        retry = error.info.retry
        if retry.outcome is not Outcome.ACCEPTED:
            # What became of this repeat says nothing of the first order, which may have been taken.
            attach(error, attrs.evolve(error.info, retry=attrs.evolve(retry, outcome=Outcome.UNKNOWN)))
        raise


def _not_repeatable(access: Access, handle: JobHandle) -> str | None:
    """Why an order must not be sent again; None where it may."""
    endpoint = access.space.endpoint("POST", handle.path)
    if handle.idempotency_key is None or endpoint is None or endpoint.idempotency is None:
        return "its endpoint takes no idempotency key"
    age = (access.now - handle.created).total_seconds()
    if age > KEY_LASTS - _MARGIN:
        return "its idempotency key is older than the 24 hours for which HeyGen keeps one"
    if age < -_MARGIN:
        return "it was made in the future, by the clock of this machine"
    if not isinstance(handle.body, Mapping):
        return "the handle has no body"
    return None


_MARGIN = 600.0


def check_kind(kind: JobKind, handle: JobHandle) -> None:
    """Raises ValueError for a handle of other jobs."""
    if (handle.provider, handle.kind) != (kind.provider, kind.name):
        msg = f"this handle is of {handle.provider} {handle.kind}, not of {kind.provider} {kind.name}"
        raise ValueError(msg)
