"""Logged records in, rows out: the bulk record contract, one JSON line at a time.

A record is a JSON object with the fields of an observation; every other member passes through. A row is
that object without its bulky fields and with ``error_*`` columns. A line that is no record becomes a reject.
Records in = records written + rejects, always.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import attrs

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.document import read_document
from heify_heygen_errors.model import RetryAction
from heify_heygen_errors.normalizer import Finding, Normalizer, host_provider
from heify_heygen_errors.observation import Observation

INPUT_FIELDS: Final = ("provider", "status", "headers", "body", "method", "url", "exception")
COLUMNS: Final = (
    "error_category",
    "error_code",
    "error_name",
    "error_message",
    "error_detail",
    "error_status",
    "error_channel",
    "error_fault",
    "error_retry",
    "error_retryable",
    "error_retry_after",
    "error_resets",
    "error_outcome",
    "error_param",
    "error_resource",
    "error_request_id",
    "error_doc_url",
    "error_rule",
    "error_fingerprint",
    "error_count",
)
_BULKY: Final = ("headers", "url", "body")


class NotARecord(ValueError):  # noqa: N818 - it names what the line is
    """A line that is no record; the message is the reject's reason."""


class ColumnClash(ValueError):  # noqa: N818 - it names what is wrong with the input
    """An input column has the name of an output column."""


@attrs.frozen
class RecordOptions:
    """How records are read and rows are written.

    Attributes:
        provider: for records that name none.
        fields: the input name of each field, by field.
        paths: where a field stands in nested objects, as names from the outermost; goes before `fields`.
        keep: whether headers, url and body are written as well.
        explode: a row per failure instead of the first one only.
        prefix: put before the names of the output columns.
    """

    provider: str | None = None
    fields: Mapping[str, str] = attrs.Factory(lambda: {field: field for field in INPUT_FIELDS})
    paths: Mapping[str, tuple[str, ...]] = attrs.Factory(dict)
    keep: bool = False
    explode: bool = False
    prefix: str = ""

    @property
    def named(self) -> frozenset[str]:
        """The fields for which a name or path was chosen."""
        return frozenset(field for field, name in self.fields.items() if name != field) | frozenset(self.paths)


def column_values(finding: Finding | None, count: int | None) -> tuple[object, ...]:
    """The values of one row in the order of `COLUMNS`; all None but the count where nothing failed.

    Arguments:
        finding: the failure; None where nothing failed.
        count: failures of the record; None where nothing was observed.
    """
    if finding is None:
        return (*[None] * (len(COLUMNS) - 1), count)
    retry = finding.retry
    action = retry.action
    return (
        finding.category.value,
        finding.code,
        finding.name,
        finding.message,
        finding.detail,
        finding.status,
        finding.channel.value,
        finding.fault.value,
        action.value,
        action is RetryAction.BACKOFF or action is RetryAction.POLL,
        retry.after,
        retry.resets,
        retry.outcome.value,
        finding.param,
        resource_text(finding.resource),
        finding.request_id,
        finding.doc_url,
        finding.rule,
        finding.fingerprint,
        count,
    )


def resource_text(ids: Mapping[str, str]) -> str | None:
    """The ids of a job or object as JSON text, in the order of their names; None if there are none."""
    if not ids:
        return None
    if len(ids) == 1:
        ((name, value),) = ids.items()
        both = name + value
        if both.isascii() and both.isprintable() and '"' not in both and "\\" not in both:  # as nearly all ids are
            return f'{{"{name}": "{value}"}}'
    return json.dumps(dict(sorted(ids.items())), ensure_ascii=False)


class RecordNormalizer:
    """Turns records into rows over one set of catalogs.

    Attributes:
        bulky: names of the members that do not pass through.
    """

    def __init__(self, options: RecordOptions, normalizer: Normalizer | None = None) -> None:
        self.options = options
        self.normalizer = normalizer or Normalizer()
        self._names = tuple(options.prefix + column for column in COLUMNS)
        self._columns = frozenset(self._names)
        bulky = () if options.keep else _BULKY
        self.bulky = frozenset(options.fields[field] for field in bulky if field not in options.paths)
        self.bulky_paths = tuple(options.paths[field] for field in bulky if field in options.paths)

    @property
    def catalogs(self) -> Catalogs:
        """The catalogs that decide."""
        return self.normalizer.catalogs

    def rows(self, record: Mapping[str, Any]) -> list[dict[str, object]]:
        """The rows of one record: one, or one per failure with `explode`.

        Raises:
            NotARecord: a field of it cannot be read.
            ColumnClash: it has a member with the name of an output column.
        """
        self.refuse_clash(record)
        observation = self.observation(record)
        found = [] if observation is None else [finding for finding, _ in self.normalizer.findings(observation)]
        passed = self.passed(record)
        if not found:
            return [passed | self._named(None, None if observation is None else 0)]
        shown = found if self.options.explode else found[:1]
        return [passed | self._named(finding, len(found)) for finding in shown]

    def refuse_clash(self, names: Iterable[str]) -> None:
        """Refuses input columns with the name of an output column.

        Raises:
            ColumnClash: there is one.
        """
        clash = self._columns.intersection(names)
        if clash:
            msg = f"the input has a column {min(clash)!r} already: choose another name for ours with --prefix"
            raise ColumnClash(msg)

    def passed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The members of a record that pass through."""
        passed = {name: value for name, value in record.items() if name not in self.bulky}
        for path in self.bulky_paths:
            if path[0] in passed:
                left = _without(passed[path[0]], path[1:])
                if left is _NOTHING:
                    del passed[path[0]]
                else:
                    passed[path[0]] = left
        return passed

    def _named(self, finding: Finding | None, count: int | None) -> dict[str, object]:
        return dict(zip(self._names, column_values(finding, count), strict=True))

    def observation(self, record: Mapping[str, Any]) -> Observation | None:
        """What the record observed; None if it holds no status, no body and no exception.

        Raises:
            NotARecord: a field of it cannot be read.
        """
        read = {field: record.get(name) for field, name in self.options.fields.items()}
        for field, path in self.options.paths.items():
            read[field] = at_path(record, path)
        exception = None if read["exception"] is None else self.exception(read["exception"])
        status = self.status(read["status"])
        body, url = read["body"], read["url"]
        if status is None and body in _NO_BODY and not exception:
            return None
        headers = self.headers(read["headers"])
        return Observation(
            self.provider(read["provider"], url),
            status,
            headers,
            body if body is not None else b"",
            read["method"],
            url,
            exception=exception or None,
        )

    # Fields, each by itself.

    def _name(self, field: str) -> str:
        path = self.options.paths.get(field)
        return self.options.fields[field] if path is None else ".".join(path)

    def exception(self, value: object) -> str:
        """What was raised, as text.

        Raises:
            NotARecord: it is none.
        """
        if not isinstance(value, str):
            msg = f"{self._name('exception')} is no text"
            raise NotARecord(msg)
        return value

    def status(self, value: object) -> int | None:
        """An HTTP status from a number or digits; None from nothing.

        Raises:
            NotARecord: it is none.
        """
        if isinstance(value, str):
            value = value.strip()
            whole, point, rest = value.partition(".")
            if whole and point and rest and not rest.strip("0"):  # 402.0, as spreadsheets and data frames write numbers into text
                value = whole
        if value is None or value == "":
            return None
        status = None if isinstance(value, bool) or not isinstance(value, int | float | str) else Observation(None, value).status
        if status is None:
            msg = f"{self._name('status')} is no status"
            raise NotARecord(msg)
        return status

    def provider(self, value: object, url: object) -> str:
        """The name of the number space, from the record's field, its URL or the options, in this order.

        Raises:
            NotARecord: there is no such provider, or nothing names one.
        """
        if value in (None, ""):  # the record's own URL knows better than the default
            value = host_provider(self.normalizer.catalogs, url if isinstance(url, str) else None) or self.options.provider
        try:
            return self.normalizer.settle(Observation(value, url=url))
        except ValueError as error:
            raise NotARecord(str(error)) from None

    def headers(self, value: Any) -> Any:
        """Headers as an object, pairs or None, from these or their JSON text.

        Raises:
            NotARecord: they are none.
        """
        if value is None or isinstance(value, dict | list):
            return value
        if isinstance(value, str):
            if value.strip() in ("", "null"):
                return None
            document = read_document(value)
            if isinstance(document.value, dict | list) and document.kind == "json" and document.flaw is None:
                return document.value
        msg = f"{self._name('headers')} is neither an object nor its JSON text"
        raise NotARecord(msg)


_NO_BODY: Final = (None, "", b"")
_NOTHING: Final = object()


def at_path(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of member names; None where there is none."""
    value: Any = record
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _without(value: Any, path: Sequence[str]) -> Any:
    """A copy of nested objects without the member at a path; `_NOTHING` if none is left."""
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    left = dict(value)
    if len(path) == 1:
        del left[path[0]]
    else:
        inner = _without(left[path[0]], path[1:])
        if inner is _NOTHING:
            del left[path[0]]
        else:
            left[path[0]] = inner
    return left or _NOTHING


def parse_line(line: bytes) -> dict[str, Any]:
    """The record in a line of JSON Lines, which comes without its end.

    Raises:
        NotARecord: it is none; says why.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        msg = f"not UTF-8: byte {error.start} of the line"
        raise NotARecord(msg) from None
    try:
        value = parse_json(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        msg = f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
        raise NotARecord(msg) from None
    except RecursionError:
        msg = "not JSON that can be read: nests too deeply"
        raise NotARecord(msg) from None
    except ValueError as error:
        msg = f"not JSON: {str(error).partition(';')[0]}"
        raise NotARecord(msg) from None
    if not isinstance(value, dict):
        msg = f"no JSON object but {_KINDS.get(type(value), 'a number')}"
        raise NotARecord(msg)
    return value


def parse_json(text: str | bytes) -> Any:
    """A JSON value with numbers as they were written.

    Raises:
        ValueError, RecursionError: it is none that can be read.
    """
    return json.loads(text, parse_constant=_no_constant, parse_float=exact_number)


_KINDS: Final = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}


class _Exact:
    """A number that Python's floats would change, as it was written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


_EXACT: Final = f"\ue000{secrets.token_hex(8)}:"  # no text of a log begins like this by chance
_WRITTEN_EXACT = re.compile(rf'"(?:{_EXACT}|\\ue000{_EXACT[1:]})([-+.0-9eE]+)"')
_EXACT_DIGITS: Final = 15


def exact_number(text: str) -> object:
    """A number with a fraction or exponent: a float where that is the number as written, else its text."""
    number = float(text)
    if len(text) <= _EXACT_DIGITS and isfinite(number):  # doubles keep 15 digits
        return number
    return number if isfinite(number) and Decimal(text) == Decimal(repr(number)) else _Exact(text)


def _exact(value: object) -> str:
    if isinstance(value, _Exact):
        return _EXACT + value.text
    msg = f"{type(value).__name__} is no JSON"
    raise TypeError(msg)


def _no_constant(name: str) -> object:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def row_line(row: Mapping[str, object]) -> bytes:
    """A line of output."""
    return _dump(row)


def _dump(value: Mapping[str, object]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_exact)
    if not encodes(text):  # a lone surrogate in a passthrough column can be written as an escape only
        text = json.dumps(value, separators=(",", ":"), default=_exact)
    if _EXACT[1:] in text:
        text = _WRITTEN_EXACT.sub(r"\1", text)
    return text.encode() + b"\n"


def encodes(text: str) -> bool:
    """Whether the text has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
