"""Faults: ways in which an answer goes wrong below the vendor's own words.

Each is a value. Used as it is (`fault.reset_after_request`) it has sensible amounts; called, it gives a copy
with others (`fault.slow_answer(seconds=2)`). `FAULTS` has all of them by name.

Unless a fault says otherwise, the request that meets it takes effect first: a job is started and counted as paid
work, and the idempotency key is stored. That is the worst case, and the one that repeats must survive.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import attrs

from heify_heygen_errors.testing.replies import Ok, Reply, VendorError

_CHUNK: Final = 64 * 1024
# How long a client needs to have read what was sent before a reset; a reset discards what is still unread.
_BEFORE_RESET: Final = 0.05
_REDIRECT: Final = 307
_BEFORE_THE_VENDOR: Final = frozenset({"refused", "reset_while_sending", "redirect_elsewhere", "redirect_loop"})


class Line(Protocol):
    """The connection that an answer goes out on, as faults see it."""

    scheme: str
    """``http`` or ``https``."""
    host: str
    """The request's Host."""
    elsewhere: str
    """Base URL of another host, which records what arrives there."""
    target: str
    """The request's path and query, as it came."""

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes as soon as the client takes them."""

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""

    async def pause(self, seconds: float) -> None:
        """Wait; returns early when the client has left."""

    def close(self) -> None:
        """End the connection in good order (FIN) behind what was written."""

    def reset(self) -> None:
        """End the connection at once (RST)."""


def _an_answer(_: object, __: object, answer: object) -> None:
    if answer is None or isinstance(answer, Reply | VendorError | Ok) or (callable(answer) and not isinstance(answer, Fault)):
        return
    msg = f"a fault happens to an answer: error(...), a Reply, ok, or a function from the request to one of these, not {answer!r}"
    raise TypeError(msg)


def _an_amount(fault: Fault, attribute: attrs.Attribute[Any], amount: Any) -> None:
    kinds = int if attribute.name == "size" else (int, float)
    if isinstance(amount, kinds) and not isinstance(amount, bool) and 0 <= amount < float("inf"):
        return
    kind = "whole number" if attribute.name == "size" else "number"
    msg = f"{attribute.name} of {fault.name} is a {kind} from 0 up, not {amount!r}"
    raise ValueError(msg)


def _an_effect(fault: Fault, _: object, effect: object) -> None:
    if not isinstance(effect, bool):
        msg = f"effect of {fault.name} is True or False, not {effect!r}"
        raise TypeError(msg)
    if effect and fault.name in _BEFORE_THE_VENDOR:
        msg = f"{fault.name} has no effect: the request does not reach the vendor"
        raise ValueError(msg)


@attrs.frozen(kw_only=True)
class Fault:
    """One way in which an answer goes wrong.

    Attributes:
        name: what it is called in `FAULTS`, in scripts and in the ``X-Fake-Fault`` header.
        summary: what the client meets, in one line.
        effect: whether the vendor acts on the request before the answer is lost; false where no vendor is reached
            (`refused`, `reset_while_sending`, the redirects). With an `answer` that is a failure, what counts is the effect of that.
        seconds: of waiting; what for, the summary says. Real seconds, but for `refused`, whatever the server's clock.
        size: of bytes; what for, the summary says.
        answer: the answer that the fault happens to; None for the vendor's normal one. Anything that a script takes,
            faults excepted.
        status: the status that the client sees; None: that of the answer; 0: none.
        act: carries it out on the connection.
    """

    name: str
    summary: str
    effect: bool = attrs.field(default=True, validator=_an_effect)
    seconds: float = attrs.field(default=0.0, validator=_an_amount)
    size: int = attrs.field(default=0, validator=_an_amount)
    answer: Any = attrs.field(default=None, validator=_an_answer)
    status: int | None = None
    act: Callable[[Line, Reply, Fault], Awaitable[None]] = attrs.field(repr=False)

    def status_of(self, reply: Reply) -> int | None:
        """The status that the client sees of an answer that meets this fault; None if it sees none."""
        return reply.status if self.status is None else self.status or None

    def __call__(
        self, *, effect: bool | None = None, seconds: float | None = None, size: int | None = None, answer: object | None = None
    ) -> Fault:
        """The same fault with other amounts."""
        return attrs.evolve(
            self,
            effect=self.effect if effect is None else effect,
            seconds=self.seconds if seconds is None else seconds,
            size=self.size if size is None else size,
            answer=self.answer if answer is None else answer,
        )


def _half(reply: Reply) -> bytes:
    return reply.body[: max(1, len(reply.body) // 2)] if reply.body else b""


def _promised(reply: Reply) -> int:
    """The length of a body that is not going to come whole; at least a byte, or an empty one would be complete."""
    return max(1, len(reply.body))


def _chunk(data: bytes) -> bytes:
    """A chunk; an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


async def _refused(line: Line, reply: Reply, fault: Fault) -> None:
    line.reset()  # never on a line: the server closes its port instead


async def _reset_while_sending(line: Line, reply: Reply, fault: Fault) -> None:
    line.reset()  # the connection calls this when `size` bytes have come


async def _reset_after_request(line: Line, reply: Reply, fault: Fault) -> None:
    line.reset()


async def _reset_after_headers(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(length=_promised(reply)))
    await line.pause(_BEFORE_RESET)
    line.reset()


async def _reset_mid_body(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(length=_promised(reply)) + _half(reply))
    await line.pause(_BEFORE_RESET)
    line.reset()


async def _no_answer(line: Line, reply: Reply, fault: Fault) -> None:
    await line.pause(fault.seconds)
    line.close()


async def _closed_without_answer(line: Line, reply: Reply, fault: Fault) -> None:
    line.close()


async def _truncated_body(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(length=_promised(reply)) + _half(reply))
    line.close()


async def _truncated_chunks(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(chunked=True) + _chunk(_half(reply)))
    line.close()


async def _trickling_body(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head())
    for byte in reply.body:
        if not line.is_open:
            return
        line.write(bytes((byte,)))
        await line.pause(fault.seconds)


async def _endless_body(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(chunked=True))
    sent = 0
    line.write(_chunk(reply.body.rstrip(b"}")))
    spaces = _chunk(b" " * _CHUNK)
    while line.is_open and sent < fault.size:
        line.write(spaces)
        await line.drain()
        sent += _CHUNK
    line.reset()


async def _trickling_headers(line: Line, reply: Reply, fault: Fault) -> None:
    status_line, _, rest = reply.head().partition(b"\r\n")
    line.write(status_line + b"\r\n")
    for number in range(fault.size):
        if not line.is_open:
            return
        line.write(b"x-filler-%d: 1\r\n" % number)
        await line.pause(fault.seconds)
    line.write(rest + reply.body)


async def _content_length_too_long(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(length=len(reply.body) + fault.size) + reply.body)
    await line.pause(fault.seconds)
    line.close()


async def _content_length_too_short(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(reply.head(length=len(_half(reply))) + (reply.body or b" "))
    await line.pause(_BEFORE_RESET)
    line.close()


async def _broken_gzip(line: Line, reply: Reply, fault: Fault) -> None:
    packed = bytearray(gzip.compress(reply.body + b" " * 64, mtime=0))
    middle = len(packed) // 2
    packed[middle : middle + 8] = bytes(byte ^ 0xFF for byte in packed[middle : middle + 8])
    _send(line, reply.with_body(bytes(packed)).with_headers({"Content-Encoding": "gzip"}))


async def _gzip_bomb(line: Line, reply: Reply, fault: Fault) -> None:
    press, packed = _spaces(fault.size)
    press = press.copy()
    # White space before JSON belongs to it, so that one pressing serves all bodies.
    bomb = packed + press.compress(reply.body) + press.flush()
    _send(line, reply.with_body(bomb).with_headers({"Content-Encoding": "gzip"}))


@lru_cache(maxsize=4)  # pressing 100 MiB takes a quarter of a second
def _spaces(size: int) -> tuple[Any, bytes]:
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    spaces = b" " * _CHUNK
    packed = b"".join(press.compress(spaces) for _ in range(max(1, size // _CHUNK)))
    return press, packed


async def _lying_content_type(line: Line, reply: Reply, fault: Fault) -> None:
    is_json = "json" in (reply.header("content-type") or "")
    _send(line, reply.with_headers({"Content-Type": "text/html; charset=utf-8" if is_json else "application/json"}))


async def _broken_json(line: Line, reply: Reply, fault: Fault) -> None:
    _send(line, reply.with_body(_half(reply)))


async def _empty_body(line: Line, reply: Reply, fault: Fault) -> None:
    _send(line, reply.with_body(b""))


async def _not_http(line: Line, reply: Reply, fault: Fault) -> None:
    line.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    line.close()


async def _huge_header(line: Line, reply: Reply, fault: Fault) -> None:
    _send(line, reply.with_headers({"X-Huge": "h" * fault.size}))


async def _redirect_elsewhere(line: Line, reply: Reply, fault: Fault) -> None:
    _send(line, Reply(status=_REDIRECT, headers={"Location": line.elsewhere + line.target}))


async def _redirect_loop(line: Line, reply: Reply, fault: Fault) -> None:
    path = urlsplit(line.target).path
    _send(line, Reply(status=_REDIRECT, headers={"Location": f"{line.scheme}://{line.host}{path}"}))


async def _slow_answer(line: Line, reply: Reply, fault: Fault) -> None:
    await line.pause(fault.seconds)
    _send(line, reply)


def _send(line: Line, reply: Reply) -> None:
    line.write(reply.head() + reply.body)


refused: Final = Fault(
    name="refused",
    summary="the port refuses connections for `seconds` of the server's clock, beginning when its turn in the script comes",
    effect=False,
    seconds=0.05,
    status=0,
    act=_refused,
)
reset_while_sending: Final = Fault(
    name="reset_while_sending",
    summary="the head of the request and `size` bytes of its body are read, then the connection is reset",
    effect=False,
    size=64 * 1024,
    status=0,
    act=_reset_while_sending,
)
reset_after_request: Final = Fault(
    name="reset_after_request",
    summary="the request is read to its end, then the connection is reset, before any header",
    status=0,
    act=_reset_after_request,
)
closed_without_answer: Final = Fault(
    name="closed_without_answer",
    summary="the request is read to its end, then the connection is closed in good order",
    status=0,
    act=_closed_without_answer,
)
reset_after_headers: Final = Fault(name="reset_after_headers", summary="status and headers arrive, then a reset", act=_reset_after_headers)
reset_mid_body: Final = Fault(name="reset_mid_body", summary="half of the body arrives, then a reset", act=_reset_mid_body)
truncated_body: Final = Fault(
    name="truncated_body", summary="half of the body arrives, then the connection is closed in good order", act=_truncated_body
)
truncated_chunks: Final = Fault(name="truncated_chunks", summary="a chunked body without its last chunk", act=_truncated_chunks)
trickling_body: Final = Fault(
    name="trickling_body", summary="the body arrives byte by byte, with `seconds` between them", seconds=0.05, act=_trickling_body
)
endless_body: Final = Fault(
    name="endless_body",
    summary="the body does not end: JSON, then white space as fast as it is read, up to `size` bytes, then a reset",
    size=1 << 30,
    act=_endless_body,
)
trickling_headers: Final = Fault(
    name="trickling_headers",
    summary="`size` header lines arrive one by one, with `seconds` between them, before the rest",
    seconds=0.05,
    size=80,
    act=_trickling_headers,
)
content_length_too_long: Final = Fault(
    name="content_length_too_long",
    summary="Content-Length promises `size` bytes more than come; the connection stays open for `seconds`",
    seconds=60.0,
    size=100,
    act=_content_length_too_long,
)
content_length_too_short: Final = Fault(
    name="content_length_too_short", summary="Content-Length promises half of the bytes that come", act=_content_length_too_short
)
broken_gzip: Final = Fault(name="broken_gzip", summary="a gzip body with damaged bytes in the middle", act=_broken_gzip)
gzip_bomb: Final = Fault(name="gzip_bomb", summary="a small gzip body that unpacks to `size` bytes", size=100 * 1024 * 1024, act=_gzip_bomb)
lying_content_type: Final = Fault(
    name="lying_content_type", summary="JSON labelled as HTML, anything else labelled as JSON", act=_lying_content_type
)
broken_json: Final = Fault(name="broken_json", summary="half of the JSON, with a Content-Length that fits", act=_broken_json)
empty_body: Final = Fault(name="empty_body", summary="the vendor's status and headers, and no body", act=_empty_body)
not_http: Final = Fault(name="not_http", summary="an answer that is not HTTP", status=0, act=_not_http)
huge_header: Final = Fault(name="huge_header", summary="one header line of `size` bytes", size=200 * 1024, act=_huge_header)
redirect_elsewhere: Final = Fault(
    name="redirect_elsewhere",
    summary="a 307 to the same path on another host, which records what it is sent",
    effect=False,
    status=_REDIRECT,
    act=_redirect_elsewhere,
)
redirect_loop: Final = Fault(
    name="redirect_loop",
    summary="a 307 to the same address, as often as it is followed",
    effect=False,
    status=_REDIRECT,
    act=_redirect_loop,
)
slow_answer: Final = Fault(name="slow_answer", summary="the answer comes after `seconds`", seconds=1.0, act=_slow_answer)
no_answer: Final = Fault(
    name="no_answer", summary="nothing comes for `seconds`, then the connection is closed", seconds=60.0, status=0, act=_no_answer
)

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault
    for fault in (
        refused,
        reset_while_sending,
        reset_after_request,
        closed_without_answer,
        reset_after_headers,
        reset_mid_body,
        truncated_body,
        truncated_chunks,
        trickling_body,
        endless_body,
        trickling_headers,
        content_length_too_long,
        content_length_too_short,
        broken_gzip,
        gzip_bomb,
        lying_content_type,
        broken_json,
        empty_body,
        not_http,
        huge_header,
        redirect_elsewhere,
        redirect_loop,
        slow_answer,
        no_answer,
    )
}
"""Every fault by its name."""


def named(name: str) -> Fault:
    """The fault of this name.

    Raises:
        KeyError: there is none; the message has the nearest names.
    """
    known = FAULTS.get(name)
    if known is not None:
        return known
    near = get_close_matches(name, FAULTS, n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else f"use one of {', '.join(FAULTS)}"
    msg = f"there is no fault {name!r}: {hint}"
    raise KeyError(msg)
