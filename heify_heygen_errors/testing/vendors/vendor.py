"""What the fake vendors have in common: the way from a request to an answer."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import attrs

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.entries import Endpoint
from heify_heygen_errors.testing.operations import (
    Call,
    Checker,
    Operation,
    Problem,
    Received,
    Refusal,
    Router,
    Schema,
    checkers,
    converted,
    refuse,
)
from heify_heygen_errors.testing.replies import Reply, VendorError
from heify_heygen_errors.testing.world import Job, Stored, World

_PLACEHOLDER: Final = re.compile(r"\{[a-z_]+\}")
_KEY: Final = re.compile(r"[A-Za-z0-9_\-:.]{1,255}")
_OK: Final = range(200, 300)


@attrs.frozen
class Answered:
    """A vendor's answer, with what it keeps for the idempotency key."""

    reply: Reply
    operation: Operation | None = None
    stored: Stored | None = None
    replayed: bool = False


@attrs.frozen(kw_only=True)
class Settings:
    """What a user of the fake vendors can choose.

    Attributes:
        keys: the API key that each vendor accepts, by provider.
        limits: whether rates, quotas and numbers of concurrent jobs are kept to.
        heify_generation: ``2026`` or ``2025``: which of the two documented envelopes Heify speaks.
        known: ids of the user's own that exist from the start, by the field that they are sent in.
    """

    keys: Mapping[str, str]
    limits: bool = True
    heify_generation: str = "2026"
    known: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


class Vendor(ABC):
    """One vendor: its endpoints, and how it says no.

    Args:
        world: the state of all fake vendors.
        settings: the user's choices.
    """

    provider: ClassVar[str]
    operations: ClassVar[tuple[Operation, ...]]
    takes: ClassVar[int] = 32 * 1024 * 1024
    """Bytes of a body that it reads; more is counted, not kept."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.settings = settings
        self._router = Router(self.operations)

    # How it says no. Each vendor has its own words.

    @abstractmethod
    def no_route(self, received: Received) -> VendorError | Reply:
        """For a path that does not exist."""

    @abstractmethod
    def wrong_method(self, received: Received, allowed: tuple[str, ...]) -> VendorError | Reply:
        """For a path that exists, with a method that it does not have."""

    def unauthorized(self, received: Received) -> VendorError | Reply | None:
        """For a key that is missing or wrong; None if it is right, as it always is for who asks for none."""
        return None

    @abstractmethod
    def invalid(self, problem: Problem, operation: Operation, received: Received) -> VendorError | Reply:
        """For a request that does not fit the endpoint's schemas."""

    @abstractmethod
    def too_large(self, received: Received) -> VendorError | Reply:
        """For a body larger than `takes`."""

    def too_early(self, key: str) -> VendorError | Reply:
        """For a second request with an idempotency key while the first one runs; the vendor's own words where it has some."""
        return Reply.json({"message": "Conflict"}, 409)

    def throttled(self, operation: Operation, endpoint: Endpoint) -> VendorError | Reply | None:
        """For more requests than the endpoint's rate; None while it is kept to."""
        return None

    def admit(self, call: Call) -> None:  # noqa: B027 - most have no such limit
        """The last check before the handler, for limits that count only good requests.

        Raises:
            Refusal: one is reached.
        """

    def finished(self, received: Received, reply: Reply, operation: Operation | None) -> Reply:
        """The answer with the headers that every answer of this vendor has."""
        return reply

    def job_ended(self, job: Job) -> None:  # noqa: B027 - not every vendor has webhooks
        """Called when one of its jobs ends: post the webhooks that are due."""

    # The way.

    def endpoint(self, operation: Operation) -> Endpoint | None:
        """What the catalog says of an operation."""
        return self._endpoints.get((operation.method, _PLACEHOLDER.sub("{}", operation.path)))

    @cached_property
    def _endpoints(self) -> dict[tuple[str, str], Endpoint]:
        # Out of the plain rows, not out of the space: that would be built for this alone, which takes a tenth of a second.
        # The storage is no vendor of its own and has no catalog.
        rows = default_catalogs().raw.get(self.provider, {}).get("endpoints", ())
        return {(row["method"], _PLACEHOLDER.sub("{}", row["path"])): Endpoint(**row) for row in rows}

    def meet(self, received: Received) -> Operation | None:
        """The endpoint that a request is for, without any effect; None if there is none."""
        known, _ = self._router.methods(received.path)
        operation = known.get("GET" if received.method == "HEAD" else received.method)
        received.operation = None if operation is None else operation.name
        return operation

    def answer(self, received: Received, base: str, root: str) -> Answered:
        """What the vendor answers to a request, and does for it."""
        operation: Operation | None = None
        stored: Stored | None = None
        replayed = False
        try:
            operation, values = self._operation(received)
            if not operation.open:
                denied = self.unauthorized(received)
                if denied is not None:
                    refuse(denied)
            call = self._call(received, operation, values, base, root)
            scope, key = self._idempotency(call)
            known = None if key is None else self.world.kept(self.provider, scope, key)
            if known is not None and key is not None:
                if known.busy_until > self.world.clock():
                    refuse(self.too_early(key))
                reply, replayed = known.reply, True
            else:
                self.admit(call)
                reply = _reply(operation.handler(call), operation.status)
                if key is not None and reply.status in _OK:
                    stored = self.world.keep(self.provider, scope, key, reply)
        except Refusal as refusal:
            reply = refusal.answer if isinstance(refusal.answer, Reply) else refusal.answer.reply(received.path)
        return Answered(self.finished(received, reply, operation), operation, stored, replayed)

    def _operation(self, received: Received) -> tuple[Operation, dict[str, str]]:
        known, values = self._router.methods(received.path)
        if not known:
            refuse(self.no_route(received))
        method = "GET" if received.method == "HEAD" else received.method
        operation = known.get(method)
        if operation is None:
            refuse(self.wrong_method(received, tuple(sorted(known))))
        received.operation = operation.name
        return operation, dict(zip(operation.placeholders, map(unquote, values), strict=True))

    def _call(self, received: Received, operation: Operation, values: dict[str, str], base: str, root: str) -> Call:
        if self.settings.limits:
            endpoint = self.endpoint(operation)
            late = None if endpoint is None else self.throttled(operation, endpoint)
            if late is not None:
                refuse(late)
        if received.size > self.takes:
            refuse(self.too_large(received))
        for name, schema in operation.headers.items():
            if schema.get("required") and not received.headers.get(name.lower()):
                refuse(self.invalid(Problem("header", (name,), "required"), operation, received))
        query = self._query(received, operation)
        body = self._body(received, operation)
        return Call(received=received, operation=operation, world=self.world, path=values, query=query, body=body, base=base, root=root)

    def _query(self, received: Received, operation: Operation) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, schema in operation.query.items():
            raw = received.query.get(name)
            if raw is None:
                if schema.get("required"):
                    refuse(self.invalid(Problem("query", (name,), "required"), operation, received))
                if "default" in schema:
                    found[name] = schema["default"]
                continue
            value = converted(raw, schema)
            problem = self._checker(schema).problem(value, "query")
            if problem is not None:
                refuse(self.invalid(attrs.evolve(problem, path=(name, *problem.path)), operation, received))
            found[name] = value
        return found

    def _body(self, received: Received, operation: Operation) -> Any:
        if operation.body is None or operation.media != "application/json":
            return None
        if operation.body_optional and not received.body.strip():
            return {}
        kind = received.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            refuse(self.invalid(Problem("body", (), "media", operation.media, kind), operation, received))
        if not received.body.strip():
            refuse(self.invalid(Problem("body", (), "missing"), operation, received))
        try:
            body = json.loads(received.body)
        except (ValueError, RecursionError):
            refuse(self.invalid(Problem("body", (), "json"), operation, received))
        problem = self._checker(operation.body).problem(body, "body")
        if problem is not None:
            refuse(self.invalid(problem, operation, received))
        return body

    def _checker(self, schema: Schema) -> Checker:
        return checkers.of(schema)

    def _idempotency(self, call: Call) -> tuple[str, str | None]:
        """The scope and the key of a request, where the endpoint honours one."""
        endpoint = self.endpoint(call.operation)
        honoured = None if endpoint is None else endpoint.idempotency
        if honoured is None:
            return "", None
        if honoured.startswith("body:"):
            name = honoured.removeprefix("body:")
            key = call.body.get(name) if isinstance(call.body, dict) else None
            return call.received.path, key if isinstance(key, str) and key else None
        key = call.received.idempotency_key
        if key is not None and _KEY.fullmatch(key) is None:
            problem = Problem("header", ("Idempotency-Key",), "pattern", _KEY.pattern, key)
            refuse(self.invalid(problem, call.operation, call.received))
        return call.received.path, key


def _reply(made: Any, status: int) -> Reply:
    return made if isinstance(made, Reply) else Reply.json(made, status)


def iso_time(seconds: float) -> str:
    """A time as ``2026-11-01T00:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
