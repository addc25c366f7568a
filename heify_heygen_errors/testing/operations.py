"""Endpoints of the fake vendors: what they take, what they answer, and which one a request is for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl

import attrs

from heify_heygen_errors.testing.replies import Reply, VendorError
from heify_heygen_errors.testing.world import PaidWork, World

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema (the part that OpenAPI 3.1 and draft 7 share)."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


@attrs.define(kw_only=True)
class Received:
    """A request as it arrived, and what became of it.

    Attributes:
        number: its place among all requests, from 1.
        at: seconds of the server's clock.
        provider: ``heygen``, ``liveavatar``, ``heify``; ``storage`` for signed upload URLs; ``""`` for none of them.
        method, path: the path as the vendor sees it, as it was sent.
        target: path and query, with the part that names the vendor.
        query: the last value of each parameter.
        headers: names in lower case; the last value of each.
        body: its bytes, at most as many as the vendor takes.
        size: bytes of the body that came.
        scheme: ``http``, or ``https`` on a port with TLS.
        operation: the endpoint that it met, ``POST /v3/videos``; None where there is none.
        status: of the answer; None where a fault kept the client from seeing one.
        fault: name of the fault that it met.
        replayed: whether the answer was the one kept for its idempotency key.
    """

    number: int
    at: float
    provider: str
    method: str
    path: str
    target: str = attrs.field(repr=False)
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    size: int
    scheme: str = "http"
    operation: str | None = None
    status: int | None = None
    fault: str | None = None
    replayed: bool = False

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key header."""
        return self.headers.get("idempotency-key")

    @property
    def json(self) -> Any:
        """The body decoded as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


class Refusal(Exception):  # noqa: N818 - not an error of ours: how a handler answers no
    """Raised by handlers to answer with a failure of the vendor."""

    def __init__(self, answer: VendorError | Reply) -> None:
        super().__init__(answer)
        self.answer = answer


@attrs.define(kw_only=True)
class Call:
    """A request that passed the checks of its endpoint, as a handler gets it.

    Attributes:
        received: the request.
        operation: the endpoint.
        world: the state of the fake vendors.
        path: values of the path's placeholders.
        query: parameters, converted to the types of their schemas; those not sent are absent unless they have a default.
        body: the decoded JSON; None where the endpoint takes none.
        base: URL of this vendor without a slash at the end, as the client reached it.
        root: URL of the server, for addresses of the storage.
    """

    received: Received
    operation: Operation
    world: World
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    base: str
    root: str

    def paid(self, work_id: str) -> None:
        """Put on record that this request started work that costs money."""
        received = self.received
        self.world.pay(
            PaidWork(
                provider=received.provider,
                operation=self.operation.name,
                id=work_id,
                request=received.number,
                idempotency_key=received.idempotency_key,
                body=received.body,
            )
        )


Handler: TypeAlias = Callable[[Call], Any]
"""Gets a `Call`, gives the JSON of the answer or a `Reply`; refuses with `Refusal`."""


@attrs.frozen(kw_only=True)
class Operation:
    """One endpoint.

    Attributes:
        provider: whose.
        method, path: ``POST``, ``/v3/videos/{video_id}``.
        summary: one line for the OpenAPI document.
        handler: answers.
        query: schemas of the query parameters by name; ``required: True`` inside marks those that must come.
        headers: schemas of request headers that the endpoint needs, for the OpenAPI document and the checks.
        body: schema of the JSON body; None if it takes none.
        media: content type of the body.
        documented: what the OpenAPI document says of the body where that is narrower than what is checked: the rest has
            rules that a schema cannot say, such as which avatars exist, so that a body may fit `body` and be refused.
        body_optional: whether no body is as good as an empty object.
        answer: schema of the body of success; None if that has none.
        status: of success.
        failures: other statuses that it can answer with, for the OpenAPI document.
        open: it asks for no key.
        token: it asks for a token that another endpoint gives, sent as ``Authorization: Bearer``, in place of the key.
    """

    provider: str
    method: str
    path: str
    summary: str
    handler: Handler = attrs.field(repr=False)
    query: Mapping[str, Schema] = attrs.field(factory=dict, repr=False)
    headers: Mapping[str, Schema] = attrs.field(factory=dict, repr=False)
    body: Schema | None = attrs.field(default=None, repr=False)
    documented: Schema | None = attrs.field(default=None, repr=False)
    media: str = "application/json"
    body_optional: bool = False
    answer: Schema | None = attrs.field(default=None, repr=False)
    status: int = 200
    failures: tuple[int, ...] = ()
    open: bool = False
    token: bool = False

    @property
    def name(self) -> str:
        """``POST /v3/videos``."""
        return f"{self.method} {self.path}"

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names of the path's placeholders."""
        return tuple(_PLACEHOLDER.findall(self.path))


@attrs.frozen
class Problem:
    """The first thing that is wrong with a request, for the vendor to word.

    Attributes:
        where: ``body``, ``query`` or ``header``.
        path: names and indexes down to the value: ``("video_inputs", 0, "voice")``.
        rule: the JSON Schema keyword that failed: ``required``, ``type``, ``maxLength``; ``json`` for a body that is
            not JSON, ``missing`` for no body, ``media`` for another content type.
        limit: what the keyword asks for.
        value: what came.
    """

    where: str
    path: tuple[str | int, ...]
    rule: str
    limit: Any = None
    value: Any = None

    @property
    def field(self) -> str:
        """The path with dots."""
        return ".".join(str(part) for part in self.path)


class Routes:
    """The endpoints of one vendor, collected by decorators.

        v3 = Routes("heygen")

        @v3.get("/v3/videos/{video_id}", "Read a video.", answer=VIDEO)
        def read_video(call: Call) -> Any: ...

    Args:
        provider: whose they are.
    """

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.operations: list[Operation] = []

    def add(self, method: str, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register the decorated function for a method and path; keywords are those of `Operation`."""

        def register(handler: Handler) -> Handler:
            self.operations.append(Operation(provider=self.provider, method=method, path=path, summary=summary, handler=handler, **more))
            return handler

        return register

    def get(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register for GET."""
        return self.add("GET", path, summary, **more)

    def post(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register for POST."""
        return self.add("POST", path, summary, **more)

    def put(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register for PUT."""
        return self.add("PUT", path, summary, **more)

    def patch(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register for PATCH."""
        return self.add("PATCH", path, summary, **more)

    def delete(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register for DELETE."""
        return self.add("DELETE", path, summary, **more)


class Router:
    """Finds the endpoint of a request. Literal segments win over placeholders.

    Args:
        operations: the endpoints of one vendor.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._literal: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Operation]]] = {}
        for operation in operations:
            if not operation.placeholders:
                self._literal.setdefault(operation.path, {})[operation.method] = operation
                continue
            shape = _PLACEHOLDER.sub("{}", operation.path)
            if shape not in self._patterns:
                source = "([^/]+)".join(re.escape(part) for part in _PLACEHOLDER.split(operation.path)[::2])
                self._patterns[shape] = (re.compile(source), {})
            self._patterns[shape][1][operation.method] = operation
        # Patterns with more literal characters are tried first: /v3/avatars/looks/{id} before /v3/avatars/{id}/{x}.
        self._ordered = sorted(self._patterns.values(), key=lambda pair: -len(pair[0].pattern.replace("([^/]+)", "")))

    def methods(self, path: str) -> tuple[dict[str, Operation], tuple[str, ...]]:
        """The endpoints at a path by method, and the values of their placeholders; empty if there is none."""
        known = self._literal.get(path)
        if known is not None:
            return known, ()
        for pattern, operations in self._ordered:
            found = pattern.fullmatch(path)
            if found is not None:
                return operations, found.groups()
        return {}, ()


class Checker:
    """Checks values against a JSON Schema, which is compiled when it is first needed.

    Args:
        schema: must not be changed any more. A ``required`` that is no list, as parameters have, is left out.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = {name: value for name, value in schema.items() if name != "required" or isinstance(value, list)}

    @cached_property
    def _check(self) -> Callable[[Any], Any]:
        import fastjsonschema

        compiled: Callable[[Any], Any] = fastjsonschema.compile(
            {"$schema": "http://json-schema.org/draft-07/schema#", **self._schema}, use_default=False, use_formats=False
        )
        return compiled

    def problem(self, value: Any, where: str) -> Problem | None:
        """The first thing that is wrong with a value; None if nothing is."""
        import fastjsonschema

        try:
            self._check(value)
        except fastjsonschema.JsonSchemaValueException as failed:
            return _problem(failed, where)
        return None


class _Checkers:
    """The checkers of all schemas: compiling one takes up to a fifth of a second, and every server needs the same."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Schema, Checker]] = {}
        self._alike: dict[str, Checker] = {}
        self._lock = threading.Lock()

    def of(self, schema: Schema) -> Checker:
        """The checker of a schema. The schema is kept, so that its identity stays its own."""
        with self._lock:
            known = self._known.get(id(schema))
            if known is None:
                known = self._known[id(schema)] = (schema, Checker(schema))
            return known[1]

    def alike(self, schema: Schema) -> Checker:
        """The checker of a schema that is a new object each time, as those in a `Problem` are; found by its content."""
        content = json.dumps(schema, sort_keys=True)
        with self._lock:
            if content not in self._alike:
                self._alike[content] = Checker(schema)
            return self._alike[content]


checkers: Final = _Checkers()
"""Gives the checker of a schema: ``checkers.of(schema).problem(value, "body")``."""


def _problem(failed: Any, where: str) -> Problem:
    path = tuple(int(part) if part.isdigit() else part for part in failed.path[1:])
    if failed.rule == "required":
        missing = [name for name in failed.rule_definition if name not in failed.value]
        return Problem(where, (*path, *missing[:1]), "required")
    return Problem(where, path, failed.rule or "type", failed.rule_definition, failed.value)


def read_query(target: str) -> dict[str, str]:
    """The query parameters of a request target; of several values the last."""
    return dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))


def converted(raw: str, schema: Schema) -> Any:
    """A query parameter in the type that its schema names; as it came if it cannot be converted."""
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", raw):
        return int(raw)
    if kind == "boolean" and raw in ("true", "false"):
        return raw == "true"
    return raw


def refuse(answer: VendorError | Reply) -> NoReturn:
    """Answer no.

    Raises:
        Refusal: always.
    """
    raise Refusal(answer)
