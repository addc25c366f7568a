"""Headers of records: what to look at in them is found out once for each set of names. Performs no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from msgspec.json import Decoder

from heify_heygen_errors.document import MAX_BODY
from heify_heygen_errors.headers import read_headers
from heify_heygen_errors.pipeline.quick_json import BRACE, QUOTE, REFUSED, read_string
from heify_heygen_errors.records import RecordNormalizer, parse_json

ERROR_TYPE: Final = "x-amzn-errortype"

_ASKS: Final = frozenset({"retry-after", "retry-after-ms"})
_WAITS: Final = frozenset({*_ASKS, "date"})
_MOST_HEADERS: Final = 256
_MOST_PLANS: Final = 10_000
_LONGEST_NAMES: Final = 512

_decode_headers: Final[Callable[[bytes | str], dict[str, str]]] = Decoder(dict[str, str]).decode


class HeaderPlan(NamedTuple):
    """What to look at in headers whose names are known.

    Attributes:
        simple: whether each name stands there once, in whatever case; the others need the reference.
        error_type: how the error type header is written; None if there is none.
        request_ids: for each provider the headers that hold a request id, the first that counts first.
        waits: the headers that a wait is read from, by their lower-case name.
    """

    simple: bool
    error_type: str | None
    request_ids: Mapping[str, tuple[str, ...]]
    waits: Mapping[str, str]


class HeaderReader:
    """Reads headers, and remembers what to look at in those of the same names.

    Arguments:
        records: the reference, for whatever is odd.
    """

    def __init__(self, records: RecordNormalizer) -> None:
        self._records = records
        self._plans: dict[tuple[str, ...], HeaderPlan] = {}

    def make_room(self) -> None:
        """Forgets if there is too much to remember."""
        if len(self._plans) > _MOST_PLANS:
            self._plans.clear()

    def read(self, headers: object) -> tuple[HeaderPlan, Mapping[str, str]]:
        """What to look at in headers, and these as they are written.

        Arguments:
            headers: an object, pairs or JSON text of one; bytes are the JSON text of what stands in the record.

        Raises:
            NotARecord: they are no headers.
        """
        if type(headers) is bytes and headers[0] != BRACE:
            headers = read_string(headers) if headers[0] == QUOTE else parse_json(headers)
        if type(headers) is bytes or (type(headers) is str and 0 < len(headers) <= MAX_BODY):
            try:
                read = _decode_headers(headers)
            except REFUSED:
                if type(headers) is bytes:
                    headers = parse_json(headers)
            else:
                names = tuple(read)
                plan = self._plans.get(names) or self._learn(names)
                if plan.simple:
                    return plan, read
                headers = read
        low = read_headers(self._records.headers(headers))
        names = tuple(low)
        return self._plans.get(names) or self._learn(names), low

    def lower(self, headers: object) -> Mapping[str, str]:
        """Headers with lower-case names.

        Raises:
            NotARecord: they are none.
        """
        return read_headers(self.read(headers)[1])

    def _learn(self, names: tuple[str, ...]) -> HeaderPlan:
        """What to look at in headers of these names, which is remembered."""
        written = {name.lower(): name for name in names}
        catalogs = self._records.catalogs
        layers = tuple(catalogs.layer_request_id.get("headers", ()))
        ids = {
            provider: tuple(written[name] for name in (*catalogs.space(provider).request_id_headers, *layers) if name in written)
            for provider in catalogs.providers
        }
        waits = {low: name for low, name in written.items() if low in _WAITS}
        if not waits.keys() & _ASKS:
            waits = {}
        plan = HeaderPlan(len(written) == len(names) <= _MOST_HEADERS, written.get(ERROR_TYPE), ids, waits)
        if sum(map(len, names)) <= _LONGEST_NAMES:
            self._plans[names] = plan
        return plan
