"""Records of a program to rows, one at a time. Performs no I/O, holds one record, needs no extra."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Unpack

from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS
from heify_heygen_errors.pipeline.cells import cell
from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError, RowOptions, chosen
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, NotARecord, RecordNormalizer, encodes


def normalize_records(records: Iterable[Mapping[str, Any]], **options: Unpack[RowOptions]) -> Iterator[dict[str, Any]]:
    """The rows of records, each a dict: what passes through, then the ``error_*`` columns. Nothing is read ahead.

        >>> from heify_heygen_errors import normalize_records
        >>> records = [{"id": 7, "status": 402, "body": {"error": {"code": "insufficient_credit"}}}]
        >>> [(row["id"], row["error_category"], row["error_retryable"]) for row in normalize_records(records, provider="heygen")]
        [(7, 'payment', False)]

    The fields of a record are ``provider``, ``status``, ``headers``, ``body``, ``method``, ``url`` and ``exception``, all
    optional. Bodies are text, bytes or decoded JSON. Values that pass through are the objects of the record; records are
    not changed.

    Arguments:
        records: any iterable of mappings: rows of ``csv.DictReader``, of a database cursor, decoded JSON Lines.
        options: see `RowOptions`.

    Raises:
        RejectedRowsError: from the iterator, at a record that cannot be read, unless ``on_error="keep"``.
        ColumnClash: from the iterator; a ValueError: a record has a member with the name of an output column.
        TypeError, ValueError: an option is wrong.
    """
    choices = chosen("normalize_records", options)
    if isinstance(records, str | bytes | Mapping):
        msg = f"normalize_records takes an iterable of records, not {type(records).__name__}: pass [RECORD] for one"
        raise TypeError(msg)
    return _rows(iter(records), choices)


def _rows(records: Iterator[Mapping[str, Any]], choices: Choices) -> Iterator[dict[str, Any]]:
    normalizer = RecordNormalizer(choices.options, choices.normalizer)
    prefix = choices.options.prefix
    reason_name, raw_name = (prefix + column for column in KEPT_COLUMNS)
    for number, record in enumerate(records):
        told = raw = None
        rows: list[dict[str, Any]]
        try:
            if not isinstance(record, Mapping):
                msg = f"no mapping but {type(record).__name__}"
                raise NotARecord(msg)  # noqa: TRY301 - a reject like every other
            choices.refuse_clash(record)
            rows = _judged(record, normalizer)
        except NotARecord as reason:
            if not choices.keep_rejects:
                raise RejectedRowsError([(number, str(reason))]) from None
            told, raw = str(reason), _text(record)
            passed = normalizer.passed(record) if isinstance(record, Mapping) else {}
            rows = [passed | dict.fromkeys([prefix + column for column in COLUMNS])]
        for row in rows:
            if choices.keep_rejects:
                row[reason_name], row[raw_name] = told, raw
            yield row


def _judged(record: Mapping[str, Any], normalizer: RecordNormalizer) -> list[dict[str, Any]]:
    """The rows of a record whose fields may be numpy's, decimals or NaN."""
    options = normalizer.options
    changed: dict[str, Any] = {}
    for field in INPUT_FIELDS:
        name = options.fields[field]
        value = record.get(name)
        read = cell(value, field)
        if read is not value and field not in options.paths:
            changed[name] = read
    if not changed:
        return normalizer.rows(record)
    rows = normalizer.rows({**record, **changed})
    for row in rows:
        row.update({name: record[name] for name in changed if name in row})
    return rows


_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


def _text(record: object) -> str:
    """A record that could not be read, as text: JSON where it is JSON."""
    if isinstance(record, bytes | bytearray | memoryview):
        return bytes(record).decode("utf-8", "replace")
    try:
        text = record if isinstance(record, str) else _encode(dict(record) if isinstance(record, Mapping) else record)
    except (TypeError, ValueError, RecursionError):
        text = str(record)
    return text if encodes(text) else text.encode("utf-8", "replace").decode()
