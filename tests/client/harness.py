"""Runs the same calls through `Client` and `AsyncClient`, and writes down all that can be seen of them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import attrs
import httpx2
import requests

from heify_heygen_errors import ApiError, AsyncClient, Channel, Client, ErrorInfo, Hooks, RetryBudget
from heify_heygen_errors.testing import FakeServer, ManualClock

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SIGNED = re.compile(r"(?<=X-Amz-Signature=)[0-9a-f]+")  # over the host with its port
_BOUNDARY = re.compile(r"(?<=boundary=)[0-9a-f]+")

Action = Callable[[Any], Any]
"""What is done with a client: gives an answer, an awaitable of one, or an iterator of either kind."""


class Blocking:
    """`Client` on requests."""

    name = "sync"
    client = Client

    @staticmethod
    def sleep(clock: ManualClock) -> Callable[..., Any]:
        return clock.sleep

    @staticmethod
    def session(server: FakeServer) -> requests.Session:
        """A session of the user's that leads the vendors' own hosts to the fake."""
        session = requests.Session()
        server.mount(session)
        return session

    def run(self, options: Mapping[str, Any], *actions: Action) -> list[Any]:
        """Do these things with one client, one behind the other, and give how each ended. Closes the session, too."""
        with contextlib.ExitStack() as stack:
            if "session" in options:
                stack.callback(options["session"].close)
            client = stack.enter_context(Client(**options))
            return [_end(action, client) for action in actions]


class Awaiting:
    """`AsyncClient` on httpx2."""

    name = "async"
    client = AsyncClient

    @staticmethod
    def sleep(clock: ManualClock) -> Callable[..., Any]:
        return clock.asleep

    @staticmethod
    def session(server: FakeServer) -> httpx2.AsyncClient:
        """The same for httpx2."""
        return httpx2.AsyncClient(transport=server.transport("httpx2"))

    def run(self, options: Mapping[str, Any], *actions: Action) -> list[Any]:
        """The same in an event loop."""

        async def whole() -> list[Any]:
            async with contextlib.AsyncExitStack() as stack:
                if "session" in options:
                    stack.push_async_callback(options["session"].aclose)
                client = await stack.enter_async_context(AsyncClient(**options))
                return [await _awaited_end(action, client) for action in actions]

        return asyncio.run(whole())


KINDS = (Blocking(), Awaiting())


def one(kind: Any, options: Mapping[str, Any], action: Action) -> Any:
    """What one action gives; raises what it raises."""
    [end] = kind.run(options, action)
    if isinstance(end, BaseException):
        raise end
    return end


def at(server: FakeServer, **changes: Any) -> dict[str, Any]:
    """Arguments of a client for the fake vendors; None takes one out."""
    options = {
        "heygen_api_key": server.heygen.api_key,
        "heify_api_key": server.heify.api_key,
        "liveavatar_api_key": server.liveavatar.api_key,
        "heygen_base_url": server.heygen.url,
        "heify_base_url": server.heify.url,
        "liveavatar_base_url": server.liveavatar.url,
        "budget": RetryBudget(),
        **changes,
    }
    return {name: value for name, value in options.items() if value is not None}


@attrs.frozen
class Walk:
    """An iterator that was followed as far as it goes: what it gave, and what it raised."""

    items: list[Any]
    error: Exception | None


def _end(action: Action, client: Any) -> Any:
    try:
        given = action(client)
        return _walked(given) if isinstance(given, Iterator) else given
    except Exception as problem:  # noqa: BLE001 - an end like any other
        return problem


def _walked(given: Iterator[Any]) -> Walk:
    items = []
    try:
        for item in given:
            items.append(item)  # noqa: PERF402 - what came before a failure counts
    except Exception as problem:  # noqa: BLE001
        return Walk(items, problem)
    return Walk(items, None)


async def _awaited_end(action: Action, client: Any) -> Any:
    try:
        given = action(client)
        if isinstance(given, AsyncIterator):
            return await _walked_through(given)
        return await given if isinstance(given, Awaitable) else given
    except Exception as problem:  # noqa: BLE001
        return problem


async def _walked_through(given: AsyncIterator[Any]) -> Walk:
    items = []
    try:
        async for item in given:
            items.append(item)  # noqa: PERF401 - what came before a failure counts
    except Exception as problem:  # noqa: BLE001
        return Walk(items, problem)
    return Walk(items, None)


# What can be seen.


@attrs.frozen(kw_only=True)
class Seen:
    """All that a program, its hooks and the vendors can see of some calls, without what differs from run to run.

    Attributes:
        ends: how each call ended.
        events: what the hooks were told.
        requests: what the vendors got.
        elsewhere: what another host got.
        waits: seconds that were slept.
        warned: Python warnings.
        tokens: what is left in the retry budget.
        paid: ids of the work that was started.
    """

    ends: list[Any]
    events: list[Any]
    requests: list[Any]
    elsewhere: int
    waits: list[float]
    warned: list[Any]
    tokens: int
    paid: list[str]

    @property
    def told(self) -> list[str]:
        """The ends in a word each: the status of an answer, the rule and the reason of an error, the text of another exception."""
        return [_word(end) for end in self.ends]


def observed(
    kind: Any,
    actions: Sequence[Action],
    *,
    steps: Sequence[Any] = (),
    set_up: Callable[[FakeServer], object] | None = None,
    server: Mapping[str, Any] | None = None,
    options: Callable[[FakeServer, ManualClock], Mapping[str, Any]] | None = None,
    draws: Sequence[float] = (0.5, 0.75, 0.25),
    by_session: bool = False,
) -> Seen:
    """Run actions against vendors of their own, on a clock of their own, and write down what can be seen.

    Args:
        kind: which client.
        actions: what is done with it.
        steps: what the requests meet.
        set_up: what else is done to the vendors before.
        server: options of the vendors.
        options: of the client, beside those that `at` gives.
        draws: what the jitter is drawn from, again and again.
        by_session: whether the client sends with a session of the user's.
    """
    clock = ManualClock()
    budget = RetryBudget()
    events: list[Any] = []
    drawn = cycle(draws)
    with FakeServer(clock=clock, **(server or {})) as vendors, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if set_up is not None:
            set_up(vendors)
        if steps:
            vendors.script(steps)
        arguments = at(
            vendors,
            budget=budget,
            clock=clock,
            sleep=kind.sleep(clock),
            draw=lambda: next(drawn),
            hooks=Hooks(**{field.name: events.append for field in attrs.fields(Hooks)}),
        )
        if by_session:
            for name in ("heygen", "heify", "liveavatar"):
                del arguments[f"{name}_base_url"]
            arguments["session"] = kind.session(vendors)
        arguments |= options(vendors, clock) if options is not None else {}
        ends = kind.run(arguments, *actions)
        assert vendors.unused_steps == []
        tidy = _Tidy(vendors)
        return Seen(
            ends=[tidy(_facts(end)) for end in ends],
            events=[tidy(event) for event in events],
            requests=[tidy(_wire(received)) for received in vendors.requests],
            elsewhere=len(vendors.elsewhere.requests),
            waits=clock.slept,
            warned=[(one.category.__name__, tidy(str(one.message))) for one in caught],
            tokens=budget.state.tokens,
            paid=[work.id for work in vendors.paid_work],
        )


def _facts(end: Any) -> Any:
    """An exception as a mapping of all that it tells."""
    if isinstance(end, Walk):
        return {"items": [_facts(item) for item in end.items], "error": _facts(end.error)}
    if isinstance(end, ApiError):
        names = ("info", "attempts", "wait", "idempotency_key", "method", "path")
        return {"raised": type(end).__name__, "text": str(end), **{name: getattr(end, name) for name in names}}
    if isinstance(end, Exception):
        return {"raised": type(end).__name__, "text": str(end)}
    return end


def _word(end: Any) -> str:
    if not isinstance(end, dict):
        return str(end)
    if "items" in end:
        ends = f"{len(end['items'])} items"
        return ends if end["error"] is None else f"{ends}, then {_word(end['error'])}"
    if "info" in end:
        attempts = end["attempts"]
        return " ".join([end["info"]["rule"], *([attempts[-1]["reason"]] if attempts else [])])
    if "raised" in end:
        return end["raised"]
    return str(end.get("status"))


def _wire(received: Any) -> dict[str, Any]:
    headers = dict(received.headers)
    return {
        "method": received.method,
        "target": received.target,
        "headers": headers,
        "body": received.body,
        "boundary": _BOUNDARY.findall(headers.get("content-type", "")),
    }


class _Tidy:
    """Turns what was seen into plain values, without ports, keys made by chance and boundaries of forms."""

    def __init__(self, server: FakeServer) -> None:
        self._places = {f":{server.port}": ":PORT", f":{server.elsewhere.url.rpartition(':')[2]}": ":OTHER"}
        self._keys: dict[str, str] = {}
        for received in server.requests:
            for boundary in _BOUNDARY.findall(received.headers.get("content-type", "")):
                self._places[boundary] = "BOUNDARY"

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return self._text(value.decode("latin-1"))
        if isinstance(value, ErrorInfo) and value.channel is Channel.TRANSPORT:
            # The class of the library, and what is made of it.
            value = attrs.evolve(value, detail=None, fingerprint="")
        if attrs.has(type(value)):
            return {field.name: self(getattr(value, field.name)) for field in attrs.fields(type(value))}
        if isinstance(value, Mapping):
            return {self(name): self(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item) for item in value]
        return value

    def _text(self, text: str) -> str:
        for place, name in self._places.items():
            text = text.replace(place, name)
        text = _SIGNED.sub("SIGNATURE", text)
        return _UUID.sub(lambda found: self._keys.setdefault(found[0], f"KEY{len(self._keys) + 1}"), text)


def frames_of(error: BaseException) -> list[str]:
    """The local variables of every frame that an exception leads to, as a crash reporter writes them down."""
    found: list[str] = []
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        for frame, _ in _walk_trace(current.__traceback__):
            found += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        pending += [current.__cause__, current.__context__]
    return found


def _walk_trace(trace: Any) -> Iterator[tuple[Any, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
