"""What a fake vendor answers: a plain `Reply`, a failure from the catalogs (`error`), or its normal answer (`ok`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any, Final
from zlib import crc32

import attrs

from heify_heygen_errors.model import Category, Outcome
from heify_heygen_errors.testing.answer_headers import headers_of
from heify_heygen_errors.testing.shapes import Wire, default_wire, error_style_of, generation_of, wire
from heify_heygen_errors.testing.words import Words, reworded, typical

_NO_BODY: Final = frozenset({204, 304})
_FINAL: Final = 200
_STATUSES: Final = range(100, 600)


def _pairs(headers: Mapping[str, str] | None) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        msg = f"headers are a mapping from names to texts, not {headers!r}"
        raise TypeError(msg)
    texts = {str(name): str(value) for name, value in headers.items()}
    for name, value in texts.items():
        if "\n" in name + value or "\r" in name + value:
            msg = f"the header {name!r} has a line break, which would end it: {value!r}"
            raise ValueError(msg)
    return texts


def _encoded(body: bytes | str) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, bytes):
        msg = f"a body is bytes or text, not {body!r}; Reply.json(...) takes anything that is JSON"
        raise TypeError(msg)
    return body


def _possible(_: object, __: object, status: object) -> None:
    if not isinstance(status, int) or status not in _STATUSES:
        msg = f"an HTTP status is a number from 100 to 599, not {status!r}"
        raise ValueError(msg)


@attrs.frozen(kw_only=True)
class Reply:
    """An HTTP answer.

    Attributes:
        status: the HTTP status.
        headers: as they go out; Content-Length is added unless it is there.
        body: its bytes; a text is encoded as UTF-8.
    """

    status: int = attrs.field(default=200, validator=_possible)
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_pairs)
    body: bytes = attrs.field(default=b"", converter=_encoded)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """An answer with this value as JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status=status, headers={"Content-Type": "application/json", **(headers or {})}, body=body)

    @classmethod
    def of(cls, form: Wire, generation: str | None = None) -> Reply:
        """A failure in one of the vendors' shapes, with the headers of whoever sends it.

        A body that is seen without a status, as webhooks are, goes out with 200.
        """
        request_id = f"{crc32(form.shape.encode()):08x}-fake"
        return cls(status=form.status or 200, headers=headers_of(form, request_id, generation), body=form.content())

    @property
    def has_body(self) -> bool:
        """Whether an answer with this status has a body at all: 1xx, 204 and 304 have none (RFC 9110, section 6.4.1)."""
        return self.status not in _NO_BODY and self.status >= _FINAL

    def header(self, name: str, default: str | None = None) -> str | None:
        """The value of a header, without regard to case."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), default)

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """A copy where these headers replace those of the same name."""
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return attrs.evolve(self, headers={**kept, **headers})

    def with_missing(self, headers: Mapping[str, str]) -> Reply:
        """A copy with those of these headers that it does not have."""
        names = {name.lower() for name in self.headers}
        missing = {name: value for name, value in headers.items() if name.lower() not in names}
        return attrs.evolve(self, headers={**self.headers, **missing})

    def with_body(self, body: bytes) -> Reply:
        """A copy with another body."""
        return attrs.evolve(self, body=body)

    def head(self, *, length: int | None = None, chunked: bool = False) -> bytes:
        """Status line and headers as bytes, up to and with the empty line.

        Args:
            length: the Content-Length to claim; the body's by default.
            chunked: announce chunks instead of a length.
        """
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.has_body and (length is not None or self.header("content-length") is None):
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@attrs.frozen(kw_only=True)
class VendorError:
    """A failure out of the catalogs, to be sent in the shape that fits the request; made by `error`.

    Attributes:
        words: what it says.
        shape: the wire shape by name; None for the one that the vendor uses at the request's path.
        headers: sent beside those of the shape.
        effect: whether the vendor acts on the request before it fails.
    """

    words: Words
    shape: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    effect: bool = False
    _made: dict[tuple[str, str] | None, Reply] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    def reply(self, path: str | None = None) -> Reply:
        """The answer to a request for this path (``/v3/videos``)."""
        spoken = None if path is None else (generation_of(path), error_style_of(path))
        made = self._made.get(spoken)
        if made is None:
            form = default_wire(self.words, path) if self.shape is None else wire(self.words, self.shape)
            generation = None if path is None else generation_of(path)
            made = self._made[spoken] = Reply.of(form, generation).with_headers(self.headers)
        return made


@attrs.frozen
class Ok:
    """The vendor's normal answer: what it would say without a script."""


ok: Final = Ok()


def error(
    provider: str,
    what: str | int | Category,
    *,
    shape: str | None = None,
    status: int | None = None,
    message: str | None = None,
    detail: str | None = None,
    param: str | None = None,
    code: str | int | None = None,
    job_id: str | None = None,
    retry_after: float | str | None = None,
    headers: Mapping[str, str] | None = None,
    effect: bool | None = None,
) -> VendorError:
    """A failure of a vendor, from its catalog.

    Args:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: a code (``400112``, ``"insufficient_credit"``), an entry's name, a rule with its refinement
            (``"VIDEO_FORMAT_NOT_SUPPORTED#plan"``), or a category: then the vendor's typical error of that category.
        shape: the wire shape, one of `shapes_of(provider)`; by default what the vendor uses at the path.
        status: the HTTP status; by default the first that the catalog names for this meaning.
        message: the vendor's message; by default the catalog's, with something in place of each placeholder.
        detail: the vendor's further detail; by default the catalog's, if the message is the catalog's, too.
        param: the request field at fault, where the shape can name one.
        code: another code than the catalog's, as vendors add new ones.
        job_id: id of the job that failed, in shapes of failed jobs.
        retry_after: value of the Retry-After header, in seconds or as a date; by default what the vendor sends, which is
            2 seconds where it sends one at all.
        headers: sent beside those of the shape.
        effect: whether the vendor acts on the request before it fails, so that work is paid for although the answer
            says no. By default true where the catalog says that the outcome is unknown (5xx, 408), which is the worst case.

    Raises:
        KeyError: the catalogs know no such code, name or category; the message has the nearest names.
        ValueError: the shape cannot carry these words; the message has those that can.
    """
    if status is not None and (isinstance(status, bool) or not isinstance(status, int)):
        msg = f"an HTTP status is a number from 100 to 599, not {status!r}"
        raise TypeError(msg)
    words = typical(provider, what)
    if message is not None and words.detail is not None:  # the catalog's detail belongs to the catalog's message
        words = reworded(words, message=message, detail=None)
    spoken = None if code is None else str(code)
    given = {"status": status, "message": message, "detail": detail, "param": param, "code": spoken, "job_id": job_id}
    words = reworded(words, **{name: value for name, value in given.items() if value is not None})
    sent = _pairs(headers)
    if retry_after is not None:
        whole = isinstance(retry_after, float) and retry_after.is_integer()
        sent["Retry-After"] = str(int(retry_after) if whole else retry_after)
    made = VendorError(words=words, shape=shape, headers=sent, effect=_takes_effect(words) if effect is None else effect)
    made.reply()  # a shape that cannot carry the words is found here, not when a request comes
    return made


def _takes_effect(words: Words) -> bool:
    decided = words.refinement or words.entry
    rule = None if decided is None else decided.compiled
    if rule is not None and rule.outcome is not None:
        return rule.outcome in (Outcome.UNKNOWN, Outcome.ACCEPTED)
    return words.status >= 500 or words.status == 408  # noqa: PLR2004 - section 7: 5xx and 408 leave the outcome open
