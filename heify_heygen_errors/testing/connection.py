"""One HTTP/1.1 connection of the fake server: h11 reads requests, answers and faults are written as bytes.

h11 is not used for answers, because it would refuse to send the wrong ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from asyncio import sleep as _give_way  # tests may have replaced asyncio.sleep
from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs
import h11

from heify_heygen_errors.testing.fault import Fault
from heify_heygen_errors.testing.replies import Reply

_END: Final = b"\r\n\r\n"
_BODY_LIMIT: Final = 64 * 1024 * 1024
_HEAD_LIMIT: Final = 256 * 1024


@attrs.define
class Arrived:
    """A request as it was read from a connection.

    Attributes:
        method, target: as sent.
        headers: names in lower case; the last value of each.
        body: at most 64 MiB of it.
        size: bytes of the whole body.
        scheme: ``http`` or ``https``.
        met: the fault that it met while it was being sent.
        chances: what chance has said of it, by the rule that asked.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    size: int
    scheme: str = "http"
    met: Fault | None = attrs.field(default=None, repr=False)
    chances: dict[object, bool] = attrs.field(factory=dict, repr=False)

    @property
    def json(self) -> Any:
        """The body decoded as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


@attrs.frozen
class Outcome:
    """What to send.

    Attributes:
        reply: the answer.
        fault: how it goes wrong; None if it does not.
        done: called when a client that is still there has had the answer.
        failed: called with what the fault raised, if it did.
    """

    reply: Reply
    fault: Fault | None = None
    done: Callable[[], None] = lambda: None
    failed: Callable[[Exception], None] = lambda problem: None  # noqa: ARG005


class Dispatcher(Protocol):
    """What answers the requests of a connection."""

    def announced(self, arrived: Arrived) -> int | None:
        """How many bytes of its body to read before a request, whose head has come, is dispatched; None for all."""
        ...

    def dispatch(self, arrived: Arrived) -> Outcome:
        """The answer to a request."""
        ...


class Connection(asyncio.Protocol):
    """A client's connection.

    Args:
        site: answers.
        others: the open connections; this one is among them while it is open.
        elsewhere: base URL of another host, for redirects.
    """

    def __init__(self, site: Dispatcher, others: set[Connection], elsewhere: str) -> None:
        self._site = site
        self._others = others
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._arrived: Arrived | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._enough: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaving = False
        self._to_head = False
        self._head_sent = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self.elsewhere = elsewhere
        self.target = ""
        self.host = ""
        self.scheme = "http"

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        if not isinstance(transport, asyncio.Transport):
            msg = f"a stream transport is needed, not {type(transport).__name__}"
            raise TypeError(msg)
        self._transport = transport
        if transport.get_extra_info("ssl_object") is not None:
            self.scheme = "https"
        self._others.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection, and whatever was being sent on it."""
        self._gone.set()
        self._writable.set()
        self._others.discard(self)

    def pause_writing(self) -> None:
        """The client is slower than we are."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        self._parser.receive_data(data)
        self._read()

    def eof_received(self) -> bool:
        """The client has left: HTTP clients do not close one direction only."""
        return False

    # Reading.

    def _read(self) -> None:
        while self._task is None and self.is_open:
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as problem:
                self.write(_plain(problem.error_status_hint or 400, f"{problem}\n"))
                self.close()
                return
            if event is h11.NEED_DATA:
                if self._parser.they_are_waiting_for_100_continue:
                    self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    self._parser.send(h11.InformationalResponse(status_code=100, headers=[]))
                return
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                if self._size < _BODY_LIMIT:
                    self._chunks.append(bytes(event.data))
                self._size += len(event.data)
                if self._enough is not None and self._size >= self._enough:
                    self._answer()
            elif isinstance(event, h11.EndOfMessage):
                self._answer()

    def _begin(self, head: h11.Request) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        self.target = head.target.decode("latin-1")
        self.host = headers.get("host", "")
        self._to_head, self._head_sent = head.method == b"HEAD", False
        self._arrived = Arrived(head.method.decode(), self.target, headers, b"", 0, self.scheme)
        self._chunks, self._size = [], 0
        self._enough = self._site.announced(self._arrived)
        if self._enough == 0:
            self._answer()

    def _answer(self) -> None:
        arrived = self._arrived
        if arrived is None:
            return
        arrived.body, arrived.size = b"".join(self._chunks)[: self._enough], self._size
        if self._enough is not None:
            arrived.size = min(self._size, self._enough)
        outcome = self._site.dispatch(arrived)
        self._arrived = None
        if outcome.fault is not None:
            self._task = asyncio.get_running_loop().create_task(self._suffer(outcome, outcome.fault))
            return
        reply = outcome.reply
        keep = self._next_cycle(reply.status) and not self._leaving
        if not keep:
            reply = reply.with_headers({"Connection": "close"})
        self.write(reply.head() + reply.body if reply.has_body else reply.head())
        if not keep:
            self.close()

    async def _suffer(self, outcome: Outcome, fault: Fault) -> None:
        try:
            await fault.act(self, outcome.reply, fault)
        except Exception as problem:  # noqa: BLE001 - a client that waits for ever would say less
            outcome.failed(problem)
            self.reset()
        finally:
            self._task = None
        if not self.is_open:
            return
        outcome.done()
        if self._next_cycle(outcome.reply.status) and not self._leaving:
            self._read()
        else:
            self.close()

    def _next_cycle(self, status: int) -> bool:
        """Make the parser ready for the next request; False if the connection is to end."""
        parser = self._parser
        # The parser has to believe that an answer was sent, whatever went over the line.
        try:
            parser.send(h11.Response(status_code=max(status, 200), headers=[("content-length", "0")]))
            parser.send(h11.EndOfMessage())
        except h11.LocalProtocolError:  # after CONNECT or Upgrade another protocol would begin
            return False
        if parser.our_state is not h11.DONE or parser.their_state is not h11.DONE:
            return False
        parser.start_next_cycle()
        return True

    # What faults use.

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        return self._transport is not None and not self._gone.is_set() and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes as soon as the client takes them; to HEAD, whatever the answer, only its head."""
        if self._to_head:
            if self._head_sent:
                return
            head, end, _ = data.partition(_END)
            data, self._head_sent = head + end, bool(end)
        if self._transport is not None and self.is_open and data:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""
        await _give_way(0)
        await self._writable.wait()

    async def pause(self, seconds: float) -> None:
        """Wait; returns early when the client has left."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)

    def close(self) -> None:
        """End the connection in good order behind what was written."""
        if self._transport is not None:
            self._transport.close()

    def close_if_idle(self) -> None:
        """End the connection if no request is on it, else as soon as that is answered."""
        if self._task is None and self._arrived is None:
            self.close()
        self._leaving = True

    def reset(self) -> None:
        """End the connection at once."""
        transport = self._transport
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _plain(status: int, text: str) -> bytes:
    reply = Reply(status=status, headers={"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}, body=text.encode())
    return reply.head() + reply.body
