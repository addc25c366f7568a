"""The columns of the contract in Arrow: their types, and how what the kernel judged becomes arrays of them.

Design section 9, docs/columns.md. Performs no I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import pyarrow as pa

from heify_heygen_errors.model import Category, Channel, Fault, Outcome, RetryAction
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, Reject, Tally
from heify_heygen_errors.pipeline.kernel import UNOBSERVED, Judged, Kernel
from heify_heygen_errors.records import COLUMNS, ColumnClash

SCHEMA_VERSION: Final = "1"
SCHEMA_KEY: Final = b"heify_heygen_errors.schema"
CATALOG_KEY: Final = b"heify_heygen_errors.catalog"


def _enum(kind: type[StrEnum] | Sequence[str]) -> tuple[pa.DataType, pa.Array, dict[str | None, int | None]]:
    values = [str(member) for member in kind]
    codes: dict[str | None, int | None] = {None: None}
    codes.update({value: number for number, value in enumerate(values)})
    return pa.dictionary(pa.int8(), pa.string()), pa.array(values, pa.string()), codes


_ENUMS: Final = {
    "error_category": _enum(Category),
    "error_channel": _enum(Channel),
    "error_fault": _enum(Fault),
    "error_retry": _enum(RetryAction),
    "error_resets": _enum(("day", "month")),
    "error_outcome": _enum(Outcome),
}
_OTHERS: Final = {
    "error_status": pa.int32(),
    "error_retryable": pa.bool_(),
    "error_retry_after": pa.float64(),
    "error_count": pa.int32(),
}
TYPES: Final[dict[str, pa.DataType]] = {
    column: _ENUMS[column][0] if column in _ENUMS else _OTHERS.get(column, pa.string()) for column in COLUMNS
}
"""The Arrow type of each column of the contract."""

_REQUEST_ID: Final = COLUMNS.index("error_request_id")
_RESOURCE: Final = COLUMNS.index("error_resource")
_AFTER: Final = COLUMNS.index("error_retry_after")


def error_schema(prefix: str = "", catalog: str | None = None, *, kept: bool = False) -> pa.Schema:
    """The schema of the columns of the contract.

    Arguments:
        prefix: put before their names.
        catalog: version of the catalogs, which goes into the metadata beside the version of the schema.
        kept: with those of ``--on-error keep``.
    """
    fields = [pa.field(prefix + column, TYPES[column]) for column in COLUMNS]
    if kept:
        fields += [pa.field(prefix + column, pa.string()) for column in KEPT_COLUMNS]
    metadata = {SCHEMA_KEY: SCHEMA_VERSION.encode()}
    if catalog is not None:
        metadata[CATALOG_KEY] = catalog.encode()
    return pa.schema(fields, metadata)


def refuse_clash(kernel: Kernel, names: Iterable[str], *, kept: bool = False) -> None:
    """Refuses input columns with the name of an output column.

    Raises:
        ColumnClash: there is one.
    """
    names = tuple(names)
    kernel.records.refuse_clash(names)
    if kept:
        prefix = kernel.options.prefix
        for column in KEPT_COLUMNS:
            if prefix + column in names:
                msg = f"the input has a column {prefix + column!r} already: choose another name for ours with --prefix"
                raise ColumnClash(msg)


def kept_batch(kernel: Kernel, rejects: Sequence[Reject]) -> pa.RecordBatch:
    """Rows that stand for rejects, without passthrough columns: ``error_reject`` and ``error_raw`` say why and what."""
    schema = error_schema(kernel.options.prefix, kernel.catalogs.version, kept=True)
    count = len(rejects)
    arrays = [pa.nulls(count, field.type) for field in list(schema)[: -len(KEPT_COLUMNS)]]
    arrays.append(pa.array([reject.reason for reject in rejects], pa.string()))
    texts = [None if reject.raw is None else reject.raw.decode("utf-8", "replace") for reject in rejects]
    return pa.RecordBatch.from_arrays([*arrays, pa.array(texts, pa.string())], schema=schema)


def first_rows(judged: Sequence[Judged], *, explode: bool) -> tuple[list[int], list[int] | None]:
    """The slot of each row, and with `explode` the record that each row is of, where there are more rows than records."""
    if not explode or all(len(record.slots) == 1 for record in judged):
        return [record.slots[0] for record in judged], None
    slots = [slot for record in judged for slot in record.slots]
    return slots, [number for number, record in enumerate(judged) for _ in record.slots]


def error_arrays(kernel: Kernel, judged: Sequence[Judged], slots: Sequence[int], owners: Sequence[int] | None) -> list[pa.Array]:
    """An array for each column of the contract, in its order.

    Arguments:
        kernel: that judged.
        judged: for each record.
        slots: for each row; see `first_rows`.
        owners: for each row its record; None if they are the same.
    """
    rows = kernel.rows
    order: dict[int, int] = {}
    places = [order.setdefault(slot, len(order)) for slot in slots]
    values = list(zip(*(rows[slot].values for slot in order), strict=True)) or [()] * len(COLUMNS)
    indices = None if len(order) == len(places) else pa.array(places, pa.int32())
    arrays: list[pa.Array] = []
    for column, distinct in zip(COLUMNS, values, strict=True):
        if column in _ENUMS:
            _, dictionary, codes = _ENUMS[column]
            numbers = pa.array([codes[value] for value in distinct], pa.int8())
            arrays.append(pa.DictionaryArray.from_arrays(numbers if indices is None else numbers.take(indices), dictionary))
        else:
            array = pa.array(distinct, TYPES[column])
            arrays.append(array if indices is None else array.take(indices))
    records = judged if owners is None else [judged[owner] for owner in owners]
    ids = {_REQUEST_ID: [record.request_id for record in records], _RESOURCE: [record.resource for record in records]}
    for number, told in ids.items():
        if any(told):
            own = values[number]
            texts = [own[place] if found is None else found for found, place in zip(told, places, strict=True)]
            arrays[number] = pa.array(texts, pa.string())
    asked = [record.after for record in records]
    if any(after is not None for after in asked):
        own = values[_AFTER]
        arrays[_AFTER] = pa.array([later(own[place], after) for after, place in zip(asked, places, strict=True)], pa.float64())
    return arrays


def later(own: Any, asked: float | None) -> float | None:
    """The wait of a row whose rule asks for one and whose headers ask for another, in seconds."""
    least: float | None = own
    return least if asked is None or (least is not None and least > asked) else asked


def count_records(tally: Tally, kernel: Kernel, judged: Sequence[Judged]) -> None:
    """Adds records that were judged to a tally."""
    catalogs = kernel.catalogs
    tally.records += len(judged)
    tally.written += len(judged)
    for slot, count in Counter([record.slots[0] for record in judged]).items():
        if slot <= UNOBSERVED:
            tally.unobserved += count if slot == UNOBSERVED else 0
            continue
        row = kernel.rows[slot]
        category, code, _, message, detail, _, _, fault, action, retryable = row.values[:10]
        rule, print_ = str(row.values[-3]), str(row.values[-2])
        provider = row.provider
        tally.failed += count
        tally.retryable += count if retryable else 0
        tally.providers[provider] += count
        tally.categories[str(category)] += count
        tally.faults[str(fault)] += count
        tally.actions[str(action)] += count
        tally.rules[rule] += count
        said = message if message is not None else detail
        told = None if said is None else str(said)
        named = code is not None and str(code) not in catalogs.space(provider).catch_all
        if named and not row.known_code:
            kind = (provider, str(code))
            tally.unknown[kind] += count
            tally.samples.setdefault(kind, (told, rule))
        elif not named and (rule == "unknown" or "/status:" in rule):
            tally.unmatched[print_] += count
            tally.unmatched_samples.setdefault(print_, (provider, rule, told))
