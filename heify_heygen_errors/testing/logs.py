"""Logs of vendors' answers, of any length: for benchmarks, and for tests of what reads logs.

    >>> from heify_heygen_errors.testing.logs import Mix, labelled, records
    >>> [record["status"] for record in records(3, seed=7, mix=Mix(success=1, providers={"liveavatar": 1}))]
    [200, 200, 200]
    >>> only = Mix(success=0, transport=0, unlisted=0, providers={"heify": 1}, categories={"payment": 1})
    >>> {record.rule for record in labelled(100, mix=only)}
    {'heify/INSUFFICIENT_MINUTES'}

Failures come from the catalogs, so new entries appear by themselves; answers without an error are a table of
`log_forms`. The same seed and mix give the same log on every Python, and a longer log begins like a shorter one. Keys and
signatures in it are made up and open nothing.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import islice
from math import fsum
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import attrs

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.model import Category
from heify_heygen_errors.testing import factories
from heify_heygen_errors.testing.log_forms import (
    RAISED,
    Form,
    Topic,
    choices,
    failing,
    raising,
    rules_of,
    succeeding,
    unlisted_topic,
)

_PROVIDERS: Final = {"heygen": 0.6, "liveavatar": 0.08, "heify": 0.32}
_CATEGORIES: Final = {
    Category.RATE_LIMIT: 22.0,
    Category.NOT_FOUND: 14.0,
    Category.INVALID_REQUEST: 12.0,
    Category.SERVER: 9.0,
    Category.AUTHENTICATION: 8.0,
    Category.PAYMENT: 7.0,
    Category.TIMEOUT: 6.0,
    Category.INVALID_MEDIA: 5.0,
    Category.UNKNOWN: 4.0,
    Category.QUOTA: 3.0,
    Category.UPSTREAM: 2.5,
    Category.PERMISSION: 2.0,
    Category.NOT_READY: 1.5,
    Category.CONTENT_POLICY: 1.5,
    Category.CONFLICT: 1.0,
    Category.PLAN: 1.0,
    Category.NETWORK: 0.5,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_share(_: Mix, attribute: attrs.Attribute[float], value: float) -> None:
    if not _is_number(value) or not 0 <= value <= 1:
        msg = f"Mix({attribute.name}={value!r}): give a share from 0 to 1"
        raise ValueError(msg)


def _share(default: float) -> Any:
    return attrs.field(default=default, validator=_is_share)


def _are_weights(_: Mix, attribute: attrs.Attribute[Mapping[Any, float]], value: Mapping[Any, float]) -> None:
    if not isinstance(value, Mapping):
        msg = f"Mix({attribute.name}={value!r}): give a mapping of names to weights"
        raise ValueError(msg)  # noqa: TRY004 - as for every other option that is wrong
    for name, weight in value.items():
        if not _is_number(weight) or not 0 <= weight < float("inf"):
            msg = f"Mix({attribute.name}=...): the weight of {name} is {weight!r}: give a number from 0 up"
            raise ValueError(msg)
    if not any(value.values()):
        msg = f"Mix({attribute.name}={value!r}): give at least one of them a weight"
        raise ValueError(msg)


def _by_category(weights: Any) -> Any:
    """Weights by category; what is no mapping is left to the validator."""
    if not isinstance(weights, Mapping):
        return weights
    unknown = [name for name in weights if name not in set(Category)]
    if unknown:
        msg = f"Mix(categories=...): there is no category {unknown[0]!r}: use some of {', '.join(Category)}"
        raise ValueError(msg)
    return {Category(name): weight for name, weight in weights.items()}


@attrs.frozen(kw_only=True)
class Mix:
    """The proportions of a log. Shares go from 0 to 1; weights count in proportion to each other.

    Attributes:
        success: share of records that are no error: jobs that run or are done, lists, uploads, events.
        transport: share of the others that have an ``exception`` instead of an answer.
        providers: weights of the vendors.
        categories: weights of the failures' categories; what is not named does not occur. Each vendor takes those
            that it has; one that has none leaves its failures to the others. Exceptions and unlisted failures are not
            counted here.
        tail: share of each category that falls evenly on all its rules. Of the rest the n-th rule gets a part in
            proportion to 1/n²: first the vendor's typical one, then its others, then those of the layers before it.
            With 1, every entry of the catalogs is in 20,000 records; with the default in 150,000.
        unlisted: share of failures that no catalog lists: new codes and new texts.
        bodies: ``"repeating"``: a few hundred distinct bodies make nine lines of ten, for ids vary little;
            ``"different"``: every body is another one, but for empty ones: ids, times, numbers and URLs vary, and a
            body that has none of them gets a request id or, where it is markup, a comment.
        as_objects: share of JSON bodies that are an object in the record instead of text.
        headers: share of answers that are logged with their headers. Those that the meaning depends on, as API
            Gateway's error type, are always there.
        headers_as_text: share of headers that are JSON text instead of an object.
        damage: share of damaged records or lines; each kind comes as often as the others, see `DAMAGES`.

    Raises:
        ValueError: a share or weight is none, there is no such name, or no vendor has a failure of the categories.
    """

    success: float = _share(0.3)
    transport: float = _share(0.05)
    providers: Mapping[str, float] = attrs.field(factory=lambda: dict(_PROVIDERS), validator=_are_weights)
    categories: Mapping[Category, float] = attrs.field(factory=lambda: dict(_CATEGORIES), converter=_by_category, validator=_are_weights)
    tail: float = _share(0.04)
    unlisted: float = _share(0.01)
    bodies: str = "repeating"
    as_objects: float = _share(0.25)
    headers: float = _share(0.6)
    headers_as_text: float = _share(0.4)
    damage: float = _share(0.0)

    def __attrs_post_init__(self) -> None:
        known = default_catalogs().providers
        if self.bodies not in ("repeating", "different"):
            msg = f"Mix(bodies={self.bodies!r}): use 'repeating' or 'different'"
            raise ValueError(msg)
        unknown = [provider for provider in self.providers if provider not in known]
        if unknown:
            msg = f"Mix(providers=...): there is no provider {unknown[0]!r}: use some of {', '.join(known)}"
            raise ValueError(msg)
        if not _failing_providers(self):
            asked = ", ".join(provider for provider, weight in self.providers.items() if weight)
            has = {category for provider in self.providers for category in rules_of(provider)}
            msg = f"Mix(categories=...): {asked} has no failure of these: use some of {', '.join(sorted(has))}"
            raise ValueError(msg)


class Labelled(NamedTuple):
    """A record and what is true of it.

    Attributes:
        record: as `records` yields it.
        rule: what its failure was made from, as `ErrorInfo.rule` names it; None where nothing failed and where the
            record is damaged.
        damage: name of the damage; None for a sound record.
    """

    record: dict[str, Any]
    rule: str | None
    damage: str | None


def records(n: int, seed: int = 0, mix: Mix | None = None) -> Iterator[dict[str, Any]]:
    """Log records of the bulk contract: ``provider, status, headers, body, method, url, exception``.

    What a record does not have is absent: webhooks have no status, method and URL, exceptions no status and body.
    Before these stand columns that pass through: ``ts`` (ISO 8601, ascending, about four a second), ``service``,
    ``env``, ``attempt`` and ``trace_id``. With damage they are objects all the same: only those kinds of `DAMAGES`
    occur that change a record.

    Arguments:
        n: how many.
        seed: another one gives another log.
        mix: the proportions; by default those of a real log.

    Raises:
        ValueError: n is negative.
    """
    return (one.record for one in labelled(n, seed, mix))


def labelled(n: int, seed: int = 0, mix: Mix | None = None) -> Iterator[Labelled]:
    """The records of `records`, each with the rule that it was made from: to count how often a reader is right.

    See `records` for arguments and what is raised.
    """
    kinds = [kind for kind in DAMAGES if kind.change is not None]
    return (_labelled(form, text, damaged) for form, text, damaged in islice(_drawn(seed, mix or Mix(), kinds), _count(n)))


def log_lines(n: int, seed: int = 0, mix: Mix | None = None) -> Iterator[bytes]:
    """The records of `records` as JSON Lines, each with its line feed. Damage also damages lines.

    Of the damaged lines these are rejects in ``hhe normalize``: half lines, two records on one line, bytes that are
    not UTF-8, NUL bytes, NaN, what is no JSON (the representation of a Python object, plain text) or no object (an
    array, a text, a number, null), and records in which a field cannot be read: a status that is a word, headers that
    are a word, an exception that is an object, a provider that does not exist or is not named. These are rows: bodies
    that were cut, pages that were cut, bodies that are numbers, lone surrogates (escaped), lines with a byte order
    mark. Empty lines and white space are neither. `DAMAGES` has each of them with its fate.

    See `records` for arguments and what is raised.
    """
    return (
        text.encode() + b"\n" if damaged is None else damaged.line(text) + b"\n"
        for _, text, damaged in islice(_drawn(seed, mix or Mix(), DAMAGES), _count(n))
    )


def write_log(path: str | os.PathLike[str], n: int, seed: int = 0, mix: Mix | None = None) -> Path:
    """Writes `log_lines` to a file that appears whole or not at all; compressed where its name ends in ``.gz``.

    Arguments:
        path: of the file; one that is there is replaced. Its folder must exist.
        n: how many lines.
        seed: see `records`.
        mix: see `records`.

    Returns:
        The path.

    Raises:
        ValueError: n is negative.
        OSError: the file cannot be written.
    """
    path = Path(path)
    lines = log_lines(n, seed, mix)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb", _BUFFER) as file:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:  # its name and time would differ in each run
                    packed.writelines(iter(lambda: b"".join(islice(lines, _LINES)), b""))
            else:
                file.writelines(lines)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return path


_BUFFER: Final = 1 << 20
_LEVEL: Final = 6
_LINES: Final = 1000  # at once, for compressing single lines is slow


def _count(n: int) -> int:
    if n < 0:
        msg = f"a log cannot have {n} records: give a number from 0 up"
        raise ValueError(msg)
    return n


# Damage.


@attrs.frozen
class Damage:
    """A kind of damage.

    Attributes:
        name: short and stable.
        fate: what ``hhe normalize`` makes of such a line: ``row``, ``reject`` or ``blank``.
        summary: what is wrong, in one line.
        change: changes a record; None where the line is damaged that holds it. Gets a number from 0 to 1 for where.
        write: makes the damaged line of a record's JSON text, for those.
    """

    name: str
    fate: str
    summary: str
    change: Callable[[dict[str, Any], float], object] | None = attrs.field(default=None, kw_only=True, repr=False)
    write: Callable[[str, float], bytes] | None = attrs.field(default=None, kw_only=True, repr=False)


class _Damaged(NamedTuple):
    """A kind of damage that was drawn, and where it hits."""

    kind: Damage
    place: float

    def record(self, text: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(text)
        if self.kind.change is not None:
            self.kind.change(record, self.place)
        return record

    def line(self, text: str) -> bytes:
        if self.kind.write is not None:
            return self.kind.write(text, self.place)
        return json.dumps(self.record(text), separators=(",", ":")).encode()  # with escapes, as lone surrogates need them


def _labelled(form: Form, text: str, damaged: _Damaged | None) -> Labelled:
    if damaged is not None:
        return Labelled(damaged.record(text), None, damaged.kind.name)
    return Labelled(json.loads(text), form.rule, None)


_ERROR: Final = '{"error":{"code":"internal_error","message":"Internal error"}}'
_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_NOTES: Final = (
    b"2026-10-06 10:03:12,414 WARNING render-worker: 37 jobs are waiting",
    b"Traceback (most recent call last):",
    b"<<< rotated >>>",
    b"-- MARK --",
)


def _body_text(record: dict[str, Any]) -> str:
    body = record.get("body") or _ERROR
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _cut(text: str, place: float) -> str:
    """A part of the text: neither nothing nor all of it."""
    return text[: 1 + int(place * (len(text) - 1))]


def _tear_character(record: dict[str, Any], place: float) -> None:
    text = _body_text(record)
    at = int(place * len(text))
    record["body"] = f"{text[:at]}\ud83d{text[at:]}"


def _with_bytes(text: str, place: float, put: bytes, *, rest: bool) -> bytes:
    line = text.encode()
    at = int(place * len(line))
    return line[:at] + put + (line[at:] if rest else b"")


DAMAGES: Final[tuple[Damage, ...]] = (
    Damage(
        "body-cut", "row", "The body ends in the middle.", change=lambda record, place: record.update(body=_cut(_body_text(record), place))
    ),
    Damage(
        "page-cut",
        "row",
        "The body is the first half of a proxy's page.",
        change=lambda record, place: record.update(status=502, body=_PAGE[: len(_PAGE) // 2 + int(place * 20)]),
    ),
    Damage("surrogate", "row", "A lone surrogate in the body.", change=_tear_character),
    Damage("body-number", "row", "The body is a number.", change=lambda record, place: record.update(body=int(place * 1000))),
    Damage("status-word", "reject", "The status is a word.", change=lambda record, _: record.update(status="abc")),
    Damage("headers-word", "reject", "The headers are a word.", change=lambda record, _: record.update(headers="n/a")),
    Damage(
        "exception-object", "reject", "The exception is an object.", change=lambda record, _: record.update(exception={"type": "OSError"})
    ),
    Damage("provider-unknown", "reject", "There is no provider of this name.", change=lambda record, _: record.update(provider="acme")),
    Damage(
        "provider-missing",
        "reject",
        "Neither provider nor URL; with --provider it is a row.",
        change=lambda record, _: record.update(provider=None, url=None, status=500),
    ),
    Damage("nan", "reject", "A column is NaN; as an object it is a row.", change=lambda record, _: record.update(duration_ms=float("nan"))),
    Damage("half", "reject", "The line ends in the middle.", write=lambda text, place: _cut(text, place).encode()),
    Damage("joined", "reject", "No line feed between two records.", write=lambda text, _: (text + text).encode()),
    Damage("not-utf8", "reject", "Bytes that are not UTF-8.", write=lambda text, place: _with_bytes(text, place, b"\xfc\xe9", rest=True)),
    Damage(
        "nul",
        "reject",
        "NUL bytes up to the end, as a crash leaves them.",
        write=lambda text, place: _with_bytes(text, place, b"\0" * 64, rest=False),
    ),
    Damage("repr", "reject", "The representation of a Python object.", write=lambda text, _: ascii(json.loads(text)).encode()),
    Damage("note", "reject", "Plain text.", write=lambda _, place: _NOTES[int(place * len(_NOTES))]),
    Damage("array", "reject", "The record in an array.", write=lambda text, _: f"[{text}]".encode()),
    Damage("text", "reject", "The record as a JSON text.", write=lambda text, _: json.dumps(text).encode()),
    Damage("number", "reject", "A number.", write=lambda *_: b"503"),
    Damage("null", "reject", "The word null.", write=lambda *_: b"null"),
    Damage("bom", "row", "A byte order mark before the record.", write=lambda text, _: b"\xef\xbb\xbf" + text.encode()),
    Damage("empty", "blank", "An empty line.", write=lambda *_: b""),
    Damage("blanks", "blank", "White space.", write=lambda *_: b"   \t"),
)
"""Every kind of damage; `records` has those that change a record, `log_lines` all of them."""


# Drawing. Only Random.random is used: its sequence is the one that Python promises to keep.

_POOL: Final = 4
_ENVIRONMENTS: Final = ("prod", "prod", "prod", "staging")
_ATTEMPTS: Final = ("1",) * 8 + ("2", "3")
_STEP: Final = 0.5  # seconds from one record to the next at most


def _drawn(seed: int, mix: Mix, damages: Sequence[Damage]) -> Iterator[tuple[Form, str, _Damaged | None]]:
    """Endless records as JSON text, each with the form that it was made of and the damage that it is to get.

    Damage has random numbers of its own, so that what stays sound is the same with and without it.
    """
    random, chance = Random(seed).random, Random(seed + (1 << 64)).random  # noqa: S311 - nothing here is secret
    topics, upto = choices(_topics(mix))
    ids = _ids(random)
    now = factories.MOMENT + random()
    clock = _Clock()
    clock.show(int(now))
    different = mix.bodies == "different"
    pool = [_vary({}, next(ids), random(), clock) for _ in range(_POOL)]
    values, damage, last = pool[0], mix.damage, len(topics) - 1
    while True:
        form = topics[bisect(upto, random(), 0, last)].form(random())
        now += random() * _STEP
        second = int(now)
        if second != clock.second:
            clock.show(second)
        if different:
            _vary(values, next(ids), random(), clock)
        else:  # the first of the pool most often, the last least
            values = pool[int(random() * random() * _POOL)]
        # Drawn whether used or not, so that another share of these changes nothing else.
        as_object, with_headers, as_text, chosen = random(), random(), random(), random()
        layout = 1 if form.compact is not None and as_object < mix.as_objects else 0
        if form.headers is not None and with_headers < mix.headers:
            layout += 4 if as_text < mix.headers_as_text else 2
        values["ts"] = f"{clock.iso}.{int((now - second) * 1000):03}Z"
        values["date"] = clock.http
        values["env"] = _ENVIRONMENTS[int(chosen * 4)]
        values["attempt"] = _ATTEMPTS[int(chosen * 40) % 10]
        values["wait"] = str(1 + int(chosen * 1200) % 30)
        values["trace"] = trace = next(ids)
        values["request"] = f"{trace[24:]}-{trace[20:24]}-4{trace[17:20]}-a{trace[13:16]}-{trace[:12]}"
        values["gateway"] = trace[8:20]
        damaged = None
        if damage and chance() < damage:
            damaged = _Damaged(damages[int(chance() * len(damages))], chance())
        yield form, (form.templates[layout] or form.make(layout)) % values, damaged


class _Clock:
    """Writes times as records, bodies and headers have them; what is the same for a second is made once.

    Attributes:
        second: the one that it shows, since 1970.
        iso, zoned, http: the same as text.
    """

    __slots__ = ("_http", "_iso", "_minute", "http", "iso", "second", "zoned")

    def __init__(self) -> None:
        self.second = self._minute = -1
        self.iso = self.zoned = self.http = self._iso = self._http = ""

    def show(self, second: int) -> None:
        """Go on to a second."""
        minute, rest = divmod(second, 60)
        if minute != self._minute:
            self._minute = minute
            self._iso = datetime.fromtimestamp(minute * 60, UTC).isoformat()[:17]
            self._http = formatdate(minute * 60, usegmt=True)[:-6]
        self.second = second
        self.iso = f"{self._iso}{rest:02}"
        self.zoned = f"{self.iso}+00:00"
        self.http = f"{self._http}{rest:02} GMT"


# A generator of full period, so that no id comes twice; the multiplier is that of PCG (M. O'Neill, 2014).
_MULTIPLIER: Final = 0x2360ED051FC65DA44385DF649FCCF645
_INCREMENT: Final = 0x5851F42D4C957F2D14057B7EF767814F
_ALL_BITS: Final = (1 << 128) - 1


def _ids(random: Callable[[], float]) -> Iterator[str]:
    """Endless ids of 32 hex digits, each another one."""
    state = int(random() * (1 << 53)) << 75 | int(random() * (1 << 53))
    while True:
        state = (state * _MULTIPLIER + _INCREMENT) & _ALL_BITS
        yield f"{state ^ (state >> 64):032x}"


def _vary(values: dict[str, str], drawn: str, chosen: float, clock: _Clock) -> dict[str, str]:
    """Fills in what varies in bodies and URLs."""
    values["job"] = drawn
    values["hex"] = f"{drawn[16:]}{drawn[:16]}"
    values["short"] = drawn[20:]
    values["uuid"] = f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:]}"
    values["other"] = f"{drawn[24:]}-{drawn[20:24]}-4{drawn[:3]}-b{drawn[3:6]}-{drawn[6:18]}"
    values["time"] = clock.zoned
    values["epoch"] = str(clock.second)
    number = int(chosen * 900)
    values["low"], values["middle"], values["high"] = str(1 + number % 99), str(100 + number), str(1000 + number * 7)
    return values


# All of it.


def _topics(mix: Mix) -> Iterator[tuple[Topic, float]]:
    """Everything that can be logged, and how often it is."""
    different = mix.bodies == "different"
    raised = dict.fromkeys([*RAISED, *default_catalogs().transport.rules])
    without_answer = (1 - mix.success) * mix.transport
    failures = (1 - mix.success) * (1 - mix.transport)
    for provider, share in _shares(mix.providers).items():
        yield succeeding(provider, different=different), share * mix.success
        yield unlisted_topic(provider, different=different), share * failures * mix.unlisted
        for name, part in zip(raised, _spread(len(raised), mix.tail), strict=True):
            yield raising(provider, name), share * without_answer * part
    for provider, share in _shares(_failing_providers(mix)).items():
        known = rules_of(provider)
        able = {category: weight for category, weight in mix.categories.items() if category in known}
        for category, weight in _shares(able).items():
            rules = known[category]
            for rule, part in zip(rules, _spread(len(rules), mix.tail), strict=True):
                yield failing(provider, rule, different=different), share * failures * (1 - mix.unlisted) * weight * part


def _failing_providers(mix: Mix) -> dict[str, float]:
    """The weights of the vendors that have failures of the categories."""
    return {provider: weight for provider, weight in mix.providers.items() if weight and any(map(mix.categories.get, rules_of(provider)))}


def _shares(weights: Mapping[Any, float]) -> dict[Any, float]:
    total = fsum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight}


def _spread(count: int, tail: float) -> list[float]:
    """Shares of so many: falling, and a part of them even."""
    falling = [1 / (rank * rank) for rank in range(1, count + 1)]
    total = fsum(falling)
    return [(1 - tail) * part / total + tail / count for part in falling]
