"""The bulk kernel: what was seen of many calls, each judged as `normalize` judges one, and no value built twice.

Performs no I/O. Decoders that are quicker than the reference readers only accelerate: whatever they refuse is read by
the reference, `heify_heygen_errors.records` and `heify_heygen_errors.document`, and what they take means the same.

What a failure's row holds follows from provider, status, body, the error type header and, where a rule asks for it, the
endpoint. Rows are therefore remembered by these, for bodies that differ in ids and times only by their skeleton, and for
other bodies by the vendor's words; only request id and wait are read from the headers of each record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sys import getsizeof
from typing import Any, Final, NamedTuple, cast

from msgspec.json import Decoder

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.document import MAX_BODY, MAX_DEPTH, NOTHING, Document, Number, flat, read_document
from heify_heygen_errors.failure import Failure
from heify_heygen_errors.headers import retry_after
from heify_heygen_errors.normalizer import (
    Cleaner,
    Normalizer,
    decide,
    failures_in,
    finding_of,
    foreign,
    host_provider,
    ids_that_may_leave,
    link_that_may_leave,
)
from heify_heygen_errors.observation import MAX_URL, Observation
from heify_heygen_errors.pipeline.header_plans import ERROR_TYPE, HeaderPlan, HeaderReader
from heify_heygen_errors.pipeline.quick_json import BRACE, QUOTE, REFUSED, read_string
from heify_heygen_errors.pipeline.skeletons import Recipe, mark, may_vary, recipe, split
from heify_heygen_errors.providers import Sight, is_signed
from heify_heygen_errors.records import COLUMNS, RecordNormalizer, RecordOptions, column_values, exact_number, parse_json, resource_text

NO_FAILURE: Final = 0
"""Slot of a record in which nothing failed."""

UNOBSERVED: Final = 1
"""Slot of a record that observed nothing."""

_MOST_SLOTS: Final = 60_000
_MOST_REMEMBERED: Final = 32 * 1024 * 1024  # bytes of bodies and rows
_LONGEST_REMEMBERED: Final = 32 * 1024
_LONGEST_WORDS: Final = 4096
_MOST_SMALL: Final = 10_000
_LONGEST_SMALL: Final = 512
_PART_COST: Final = 60
_RARELY: Final = 0.8  # share of bodies that were not seen before
_TRIED_EVERY: Final = 16  # blocks
_ROW_COST: Final = 900  # bytes that a row with its texts takes, about

_STRUCTURE_ONLY: Final = bytes(code for code in range(256) if code not in b"[]{}")
_KEY_COST: Final = 300
_MOST_STATUS: Final = 10**9
_NO_STATUS: Final = object()
_CODE: Final = COLUMNS.index("error_code")
_DETAIL: Final = COLUMNS.index("error_detail")
_RESOURCE: Final = COLUMNS.index("error_resource")  # request id and link stand behind it
_CLEANER: Final = Cleaner(None, (), whole=False)


def _as_written(text: str) -> object:
    """A number in a body that is text, as `document` reads it."""
    return Number(text) if "." in text or "e" in text or "E" in text else int(text)


def _as_number(text: str) -> object:
    """A number in a body that is an object, as `records` reads it."""
    return exact_number(text) if "." in text or "e" in text or "E" in text else int(text)


_decode_text_body: Final[Callable[[bytes | str], Any]] = Decoder(float_hook=_as_written).decode
_decode_object_body: Final[Callable[[bytes | str], Any]] = Decoder(float_hook=_as_number).decode


class Row(NamedTuple):
    """The values of one failure, in the order of the contract, and what the summary needs of it."""

    values: tuple[object, ...]
    provider: str
    known_code: bool


class Judged(NamedTuple):
    """What became of a record.

    Attributes:
        slots: of its failures in `Kernel.rows`, in document order; `NO_FAILURE` or `UNOBSERVED` if there is none.
        request_id: what the headers name, or a body whose other values are those of the row; None leaves the row's own.
        after: seconds that the headers ask to wait; None where they do not. The row's own is the least.
        resource: ids as JSON text, where they are not those of the row.
    """

    slots: tuple[int, ...]
    request_id: str | None = None
    after: float | None = None
    resource: str | None = None


_EMPTY: Final = (None, "", b"null", b'""')
_CLEAN: Final = Judged((NO_FAILURE,))
_NOTHING_SEEN: Final = Judged((UNOBSERVED,))


def _counted(row: Row, count: int) -> Row:
    return Row((*row.values[:-1], count), row.provider, row.known_code)


class ExceptionText:
    """Marks what is remembered of an exception."""


class _Skeleton(NamedTuple):
    """What is known of all bodies of a skeleton.

    Attributes:
        judged: with marks for ids, where these vary.
        rows: the same.
        recipes: for each row, how the ids of a body get into it.
    """

    judged: Judged
    rows: tuple[Row, ...]
    recipes: tuple[Recipe, ...]


_FIXED: Final = Recipe(None, None)
_USELESS: Final = object()  # marks show up where they should not


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _has_fraction(value: str | bytes) -> bool:
    """Whether a value may be a number that is told in another way than it is written."""
    return "." in value if isinstance(value, str) else b"." in value


def _resource(made: Sequence[tuple[str, int | str]], values: Sequence[Any]) -> str | None:
    ids = {name: _as_text(values[value]) if isinstance(value, int) else value for name, value in made}
    return resource_text(ids_that_may_leave(ids, _CLEANER))


def _with_ids(row: Row, made: Recipe, values: Sequence[Any]) -> Row:
    """A row with the ids of a body."""
    filled = list(row.values)
    if made.resource is not None:
        filled[_RESOURCE] = _resource(made.resource, values)
    if made.request_id is not None:
        filled[_RESOURCE + 1] = foreign(_as_text(values[made.request_id]))
    return Row(tuple(filled), row.provider, row.known_code)


class _Seen:
    """An observation that notes whether a decision looked at its URL or method."""

    __slots__ = ("_method", "_url", "asked", "headers", "kind", "status")

    secrets = ()
    exception = None

    def __init__(self, status: int | None, headers: Mapping[str, str], method: str | None, url: str | None) -> None:
        self.status = status
        self.headers = headers
        self._method = method
        self._url = url
        self.asked = False
        self.kind = ""

    @property
    def method(self) -> str | None:
        self.asked = True
        return self._method

    @property
    def url(self) -> str | None:
        self.asked = True
        return self._url


class Kernel:
    """Judges records over one set of catalogs, and remembers what it has judged.

    Attributes:
        rows: by slot. Slots are valid until `forget`.
        records: the reference, for whatever is odd.
    """

    def __init__(self, options: RecordOptions | None = None, normalizer: Normalizer | None = None) -> None:
        # Without a hook for unknown codes, which would be called for some records only.
        self.records = RecordNormalizer(options or RecordOptions(), None if normalizer is None else Normalizer(normalizer.catalogs))
        self.options = self.records.options
        self._catalogs: Catalogs = self.records.catalogs
        self._normalizer = self.records.normalizer
        self._fixed = [Row(column_values(None, count), "", known_code=True) for count in (0, None)]
        self._providers: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._statuses: dict[str, int | None] = {}
        self._headers = HeaderReader(self.records)
        self._read_headers = self._headers.read
        self._asked_for = self._missed = self._blocks = 0
        self._repeats = True
        self._endpoints: dict[tuple[str | None, str, str | None], tuple[object, bool]] = {}
        self.forget()

    @property
    def catalogs(self) -> Catalogs:
        """The catalogs that decide."""
        return self._catalogs

    def forget(self) -> None:
        """Empties the memory: slots that were given are void."""
        self.rows: list[Row] = list(self._fixed)
        self._known: dict[Any, Any] = {}  # Judged, or Judged by what the URL says
        self._skeletons: dict[Any, Any] = {}  # _Skeleton or _USELESS, or these by what the URL says
        self._words: dict[Any, Row | None] = {}  # None where the words are no failure
        self._cost = 0

    def make_room(self) -> None:
        """Forgets if there is too much to remember; to be called where no slot is in use."""
        if len(self.rows) > _MOST_SLOTS or self._cost > _MOST_REMEMBERED:
            self.forget()
        # Where bodies hardly repeat, only their skeletons are remembered; now and then it is tried again.
        self._blocks += 1
        self._repeats = self._missed < _RARELY * self._asked_for or self._blocks % _TRIED_EVERY == 0
        self._asked_for = self._missed = 0
        memories: tuple[dict[Any, Any], ...] = (self._providers, self._hosts, self._statuses, self._endpoints)
        for memory in memories:
            if len(memory) > _MOST_SMALL:
                memory.clear()
        self._headers.make_room()

    def judge(
        self, provider: object, status: object, headers: object, body: object, method: object, url: object, exception: object
    ) -> Judged:
        """Judges a record by its fields.

        Arguments:
            provider: as it stands in the record, as all of them; None where absent.
            status: a number or digits.
            headers: an object, pairs or JSON text of one; bytes are the JSON text of what stands in the record.
            body: text or decoded JSON; bytes are the JSON text of what stands in the record, bytearrays a body as on
                the wire.
            method: text.
            url: text.
            exception: text.

        Raises:
            NotARecord: a field cannot be read.
        """
        if exception is not None and exception != "":
            return self._judge_exception(provider, status, headers, url, exception)
        if status is not None and (type(status) is not int or not -_MOST_STATUS < status < _MOST_STATUS):
            status = self._status(status)
        if body in _EMPTY:
            if status is None:
                return _NOTHING_SEEN
            body = None
        if (
            (type(body) is not bytes and type(body) is not str and body is not None)
            or not (url is None or (type(url) is str and len(url) <= MAX_URL))
            or not (method is None or type(method) is str)
        ):
            return self._judge_odd(provider, status, headers, body, method, url)
        error_type = plan = read = None
        if headers is not None:
            plan, read = self._read_headers(headers)
            if plan.error_type is not None:
                error_type = read[plan.error_type]
        name = self._provider(provider, url)
        key = (name, status, body, error_type)
        known = self._known.get(key)
        self._asked_for += 1
        if type(known) is dict:
            known = known.get(self._features(name, method, url))
        if known is None:
            self._missed += 1
            known = self._learn(key, name, status, error_type, body, method, url)
        if plan is None or read is None or known is _CLEAN:
            return known
        return self._with_headers(known, name, plan, read)

    def _with_headers(self, known: Judged, name: str, plan: HeaderPlan, headers: Mapping[str, str]) -> Judged:
        """What became of a record, with the request id and the wait that its headers name."""
        request_id = after = None
        for header in plan.request_ids[name]:
            found = headers[header]
            if found:
                request_id = foreign(found.split("\n", 1)[0])
                break
        if plan.waits:
            after = retry_after({low: headers[written] for low, written in plan.waits.items()})
        if request_id is None and after is None:
            return known
        return tuple.__new__(Judged, (known.slots, request_id or known.request_id, after, known.resource))

    def judge_record(self, record: Mapping[str, Any]) -> Judged:
        """Judges a decoded record by the reference.

        Raises:
            NotARecord: a field of it cannot be read.
        """
        observation = self.records.observation(record)
        return _NOTHING_SEEN if observation is None else self._judge_observation(observation)

    def _judge_odd(self, provider: object, status: object, headers: object, body: object, method: object, url: object) -> Judged:
        """Judges what the quick way does not take: fields of unusual types, bodies that are decoded."""
        read = None if headers is None else self._headers.lower(headers)
        observation = Observation(
            self._provider(provider, url),
            status,
            read,
            b"" if body is None else self._document(body),
            method,
            url,
        )
        return self._judge_observation(observation)

    def _judge_observation(self, observation: Observation) -> Judged:
        """Judges an observation without a look at what is remembered."""
        if observation.exception is not None:
            found = self._normalizer.findings(observation)
            return self._judged([Row(column_values(finding, 1), finding.provider, known_code=True) for finding, _ in found])
        catalogs = self._catalogs
        sight = Sight(observation, read_document(observation.body), catalogs.space(self._normalizer.settle(observation)))
        rows = []
        for failure in failures_in(sight):
            matched = decide(failure, sight, catalogs)
            if matched is not None:
                finding = finding_of(catalogs, failure, sight, matched, _CLEANER, None)
                rows.append(Row(column_values(finding, 1), finding.provider, matched.known_code))
        return self._judged(rows)

    def _judge_exception(self, provider: object, status: object, headers: object, url: object, exception: object) -> Judged:
        text = self.records.exception(exception)
        if status is not None:
            self._status(status)
        if headers is not None:
            self._read_headers(headers)
        name = self._provider(provider, url)
        key = (name, ExceptionText, text)
        known = self._known.get(key)
        if known is None:
            known = self._judge_observation(Observation(name, exception=text))
            self._remember(key, known, text)
        return known

    def _learn(
        self, key: Any, name: str, status: int | None, error_type: str | None, body: str | bytes | None, method: str | None, url: str | None
    ) -> Judged:
        """Judges what is not remembered, and remembers it."""
        if body is not None and len(body) <= _LONGEST_REMEMBERED:
            cut = split(body)
            if cut is not None:
                skeleton, values = cut
                cut_key = (skeleton, name, status, error_type)
                judged = self._learn_skeleton(cut_key, values, body, method, url)
                if judged is not None:
                    if self._repeats and type(self._skeletons[cut_key]) is not dict:
                        self._remember(key, judged, body)
                    return judged
        rows, seen = self._judge_body(name, status, error_type, body, method, url)
        judged = self._judged(rows)
        if seen.asked:
            by_features = self._known.get(key)
            if by_features is None:
                by_features = {}
                self._remember(key, by_features, body)
            by_features[self._features(name, method, url)] = judged
        else:
            self._remember(key, judged, body)
        return judged

    def _judge_body(
        self, name: str, status: int | None, error_type: str | None, body: str | bytes | None, method: str | None, url: str | None
    ) -> tuple[list[Row], _Seen]:
        """The rows of a body, and what of the request was looked at."""
        seen = _Seen(status, {} if error_type is None else {ERROR_TYPE: error_type}, method, url)
        sight = Sight(cast("Observation", seen), self._document(body), self._catalogs.space(name))
        if sight.document.flaw is None:
            seen.kind = sight.document.kind
        return [row for failure in failures_in(sight) if (row := self._row(failure, sight, seen, error_type)) is not None], seen

    def _judged(self, rows: Sequence[Row]) -> Judged:
        count = len(rows)
        if not count:
            return _CLEAN
        return Judged(tuple([self._add(row if count == 1 else _counted(row, count)) for row in rows]))

    def _learn_skeleton(self, key: Any, values: Sequence[Any], body: Any, method: str | None, url: str | None) -> Judged | None:
        """Judges a body by its skeleton; None if it has to be judged by itself."""
        skeleton, name, status, error_type = key
        known = self._skeletons.get(key)
        if type(known) is dict:
            known = known.get(self._features(name, method, url))
        if known is None:
            marked, marks = mark(body)
            rows, seen = self._judge_body(name, status, error_type, marked, method, url)
            known = _USELESS
            if may_vary(seen.kind, skeleton) and len(marks) == len(values):
                recipes = [recipe(row.values, marks) for row in rows]
                if None not in recipes:
                    known = _Skeleton(self._judged(rows), tuple(rows), tuple(cast("list[Recipe]", recipes)))
            if seen.asked and known is not _USELESS:
                by_features = self._skeletons.setdefault(key, {})
                by_features[self._features(name, method, url)] = known
            else:
                self._skeletons[key] = known
            self._cost += 2 * getsizeof(body) + _KEY_COST + _PART_COST * len(skeleton)
        if known is _USELESS:
            return None
        judged, kept, made_of = cast("_Skeleton", known)
        if len(kept) == 1:
            resource, number = made_of[0]
            if resource is not None and any(type(value) is int and _has_fraction(values[value]) for _, value in resource):
                return None
            if resource is not None or number is not None:
                request_id = None if number is None else foreign(_as_text(values[number]))
                ids = None if resource is None else _resource(resource, values)
                judged = tuple.__new__(Judged, (judged.slots, request_id, None, ids))
        elif any(made != _FIXED for made in made_of):
            if any(map(_has_fraction, values)):
                return None
            judged = self._judged([_with_ids(row, made, values) for row, made in zip(kept, made_of, strict=True)])
        return judged

    def _row(self, failure: Failure, sight: Sight, seen: _Seen, error_type: str | None) -> Row | None:
        """The row of a failure, None if it is none. What follows from the vendor's words alone is remembered by these."""
        words = (
            sight.space.name,
            seen.status,
            error_type,
            failure.channel,
            failure.code,
            failure.message,
            failure.detail,
            failure.param,
            failure.shape,
            failure.text,
            failure.layer,
            sight.document.title,
        )
        if words in self._words:
            row = self._words[words]
        else:
            asked, seen.asked = seen.asked, False
            found = decide(failure, sight, self._catalogs)
            row = None
            if found is not None:
                bare = Failure(
                    failure.channel,
                    failure.envelope,
                    failure.code,
                    failure.message,
                    failure.detail,
                    failure.param,
                    shape=failure.shape,
                    text=failure.text,
                    layer=failure.layer,
                )
                finding = finding_of(self._catalogs, bare, sight, found, _CLEANER, None)
                row = tuple.__new__(Row, (column_values(finding, 1), finding.provider, found.known_code))
            size = getsizeof(failure.message) + getsizeof(failure.detail) + getsizeof(failure.text)
            if not seen.asked and size <= _LONGEST_WORDS:
                self._words[words] = row
                self._cost += _ROW_COST + 2 * size
            seen.asked = seen.asked or asked
        if row is None or (not failure.resource and failure.request_id is None and failure.doc_url is None):
            return row
        values = row.values
        return tuple.__new__(
            Row,
            (
                (
                    *values[:_RESOURCE],
                    resource_text(ids_that_may_leave(failure.resource, _CLEANER)),
                    None if failure.request_id is None else foreign(failure.request_id),
                    link_that_may_leave(failure.doc_url, _CLEANER),
                    *values[_RESOURCE + 3 :],
                ),
                row.provider,
                row.known_code,
            ),
        )

    def _remember(self, key: Any, judged: Judged | dict[Any, Judged], body: str | bytes | None) -> None:
        if body is None or len(body) <= _LONGEST_REMEMBERED:
            self._known[key] = judged
            self._cost += getsizeof(body) + _KEY_COST

    def _add(self, row: Row) -> int:
        self.rows.append(row)
        self._cost += _ROW_COST + sum(map(getsizeof, row.values[_CODE : _DETAIL + 1]))
        return len(self.rows) - 1

    # Fields.

    def _status(self, status: object) -> int | None:
        known = self._statuses.get(status, _NO_STATUS) if type(status) is str else _NO_STATUS
        if known is _NO_STATUS:
            known = self.records.status(status)
            if type(status) is str and len(status) <= _LONGEST_SMALL:
                self._statuses[status] = known
        return cast("int | None", known)

    def _provider(self, provider: object, url: object) -> str:
        if type(provider) is str and provider:
            known = self._providers.get(provider)
            if known is None:
                known = self.records.provider(provider, None)
                if len(provider) <= _LONGEST_SMALL:
                    self._providers[provider] = known
            return known
        if (provider is None or provider == "") and type(url) is str and 0 < url.find("://") + 1 == url.find("/"):
            host = "/".join(url.split("/", 3)[:3])
            known = self._hosts.get(host)
            if known is None:
                known = self.records.provider(None, url)
                if len(host) <= _LONGEST_SMALL and host_provider(self._catalogs, host) == host_provider(
                    self._catalogs, url
                ):  # no ? or # ends the host
                    self._hosts[host] = known
            return known
        return self.records.provider(provider, url)

    def _features(self, name: str, method: str | None, url: str | None) -> tuple[object, bool]:
        """All that a decision can take from method and URL."""
        if url is None:
            return None, False
        key = (name, url, method)
        known = self._endpoints.get(key)
        if known is None:
            endpoint = self._catalogs.space(name).endpoint(method, url)
            known = (None if endpoint is None else (endpoint.method, endpoint.path), is_signed(url))
            if len(url) <= _LONGEST_SMALL:
                self._endpoints[key] = known
        return known

    def _document(self, body: object) -> Document:
        if body is None:
            return NOTHING
        if type(body) is bytes:
            if body[0] == QUOTE:
                body = read_string(body)
            else:
                if body[0] == BRACE and (len(body) <= MAX_DEPTH or flat(body.translate(None, _STRUCTURE_ONLY))):
                    try:
                        return Document("json", _decode_object_body(body))
                    except REFUSED:
                        pass
                return read_document(parse_json(body))
        if type(body) is str and body[:1] == "{" and len(body) <= MAX_BODY:
            try:
                written = body.encode()
                if len(written) <= MAX_DEPTH or flat(written.translate(None, _STRUCTURE_ONLY)):
                    return Document("json", _decode_text_body(written), body)
            except REFUSED:
                pass
        return read_document(body)
