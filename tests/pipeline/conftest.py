"""The reference that the bulk path is held to: what `records` and `normalize` make of the same lines."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import IO, Any, NamedTuple

import attrs
import pyarrow as pa
import pytest

from heify_heygen_errors import ErrorInfo, Normalizer
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.normalizer import UnknownCode, encodable
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, MAX_RECORD, Block, Reject, Tally, reason_kind
from heify_heygen_errors.pipeline.contract import error_schema, later
from heify_heygen_errors.pipeline.kernel import Judged, Kernel
from heify_heygen_errors.pipeline.line_table import lines_to_table
from heify_heygen_errors.pipeline.line_writer import lines_to_lines
from heify_heygen_errors.pipeline.tables import normalize_batch
from heify_heygen_errors.records import (
    COLUMNS,
    INPUT_FIELDS,
    NotARecord,
    RecordNormalizer,
    RecordOptions,
    column_values,
    parse_json,
    parse_line,
    row_line,
)

ANY_PROVIDER = RecordOptions(provider="heygen")

_CATEGORY = COLUMNS.index("error_category")
_AFTER = COLUMNS.index("error_retry_after")
_RESOURCE = COLUMNS.index("error_resource")
_REQUEST_ID = COLUMNS.index("error_request_id")
_ORDERED = ("unknown", "samples", "unmatched", "unmatched_samples")
_CHUNK = 1024 * 1024


class Line(NamedTuple):
    """One line of an input: its number from 1, its byte offset, its bytes, or for an overlong one a digest."""

    number: int
    offset: int
    raw: bytes
    length: int
    sha256: str | None = None


def read_lines(stream: IO[bytes]) -> Iterator[Line]:
    """The lines of a stream without their ends; of lines over 16 MiB only length and SHA-256 are kept."""
    number = offset = 0
    while True:
        raw = stream.readline(MAX_RECORD + 2)
        if not raw:
            return
        number += 1
        start = offset
        offset += len(raw)
        bare = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(bare) <= MAX_RECORD:
            yield Line(number, start, bare, len(raw))
            continue
        hashed = hashlib.sha256(raw)
        length, ended = len(raw), raw.endswith(b"\n")
        del raw, bare
        while True:
            chunk = b"" if ended else stream.readline(_CHUNK)
            hashed.update(chunk)
            length += len(chunk)
            ended = chunk.endswith(b"\n")
            if not chunk:
                break
        offset = start + length
        yield Line(number, start, b"", length, hashed.hexdigest())


class Read(NamedTuple):
    """What the reference makes of lines."""

    rows: list[dict[str, Any]]
    rejects: tuple[Reject, ...]
    tally: Tally


class Reference:
    """The reference over one set of options; counts as the summary needs it."""

    def __init__(self, options: RecordOptions = ANY_PROVIDER) -> None:
        self.options = options
        self.unknown: list[UnknownCode] = []
        self.normalizer = Normalizer(default_catalogs(), on_unknown_code=self.unknown.append)
        self.records = RecordNormalizer(options, self.normalizer)

    def lines(self, text: bytes, *, keep_rejects: bool = False) -> Read:
        """The rows and rejects of lines, and their counts."""
        rows: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        tally = Tally()
        for line in read_lines(io.BytesIO(text)):
            tally.lines += 1
            if line.sha256 is None and not line.raw.strip():
                tally.blank += 1
                continue
            tally.records += 1
            try:
                if line.sha256 is not None:
                    msg = f"longer than {MAX_RECORD} bytes"
                    raise NotARecord(msg)  # noqa: TRY301 - as a line that cannot be parsed
                record = parse_line(line.raw)
                found = self.records.rows(record)
            except NotARecord as reason:
                tally.rejects += 1
                tally.reasons[reason_kind(str(reason))] += 1
                raw = line.raw if line.sha256 is None else None
                length = None if raw is not None else line.length
                rejects.append(
                    Reject(file="log", line=line.number, offset=line.offset, raw=raw, reason=str(reason), length=length, sha256=line.sha256)
                )
                if keep_rejects:
                    nothing = dict(zip(self.names, column_values(None, None), strict=True))
                    rows.append(nothing | self._kept(str(reason), (raw or b"").decode("utf-8", "replace")))
                    tally.rows += 1
                    tally.written += 1
                continue
            self._count(tally, record)
            tally.rows += len(found)
            rows += [row | (self._kept(None, None) if keep_rejects else {}) for row in found]
        return Read(rows, tuple(rejects), tally)

    def values(self, observation: Observation) -> list[tuple[object, ...]]:
        """The values of each failure of an observation."""
        found = self.normalizer.findings(observation)
        return [column_values(finding, len(found)) for finding, _ in found]

    @property
    def names(self) -> list[str]:
        return [self.options.prefix + name for name in COLUMNS]

    def _kept(self, reason: str | None, raw: str | None) -> dict[str, Any]:
        return {self.options.prefix + "error_reject": reason, self.options.prefix + "error_raw": raw}

    def _count(self, tally: Tally, record: Mapping[str, Any]) -> None:
        """Counts a record by its first failure, in the words of `Tally`."""
        tally.written += 1
        observation = self.records.observation(record)
        if observation is None:
            tally.unobserved += 1
            return
        del self.unknown[:]
        found = self.normalizer.findings(observation, first=True)
        if not found:
            return
        info = ErrorInfo.of(found[0][0])
        tally.failed += 1
        tally.retryable += info.retryable
        for counter, kind in (
            (tally.providers, info.provider),
            (tally.categories, info.category.value),
            (tally.faults, info.fault.value),
            (tally.actions, info.retry.action.value),
            (tally.rules, info.rule),
        ):
            counter[kind] += 1
        said = info.message if info.message is not None else info.detail
        named = info.code is not None and info.code not in default_catalogs().space(info.provider).catch_all
        if named and self.unknown:
            kind = (info.provider, str(info.code))
            tally.unknown[kind] += 1
            tally.samples.setdefault(kind, (said, info.rule))
        elif not named and (info.rule == "unknown" or "/status:" in info.rule):
            tally.unmatched[info.fingerprint] += 1
            tally.unmatched_samples.setdefault(info.fingerprint, (info.provider, info.rule, said))


def told(kernel: Kernel, judged: Judged) -> list[tuple[object, ...]]:
    """The values of each failure of a record as the kernel gives them; none where nothing failed."""
    shown = []
    for slot in judged.slots:
        values = list(kernel.rows[slot].values)
        if values[_CATEGORY] is None:
            continue
        values[_AFTER] = later(values[_AFTER], judged.after)
        if judged.request_id is not None:
            values[_REQUEST_ID] = judged.request_id
        if judged.resource is not None:
            values[_RESOURCE] = judged.resource
        shown.append(tuple(values))
    return shown


def judge(kernel: Kernel, record: Mapping[str, Any]) -> list[tuple[object, ...]] | str:
    """The values of each failure of a record, or why it is none. Bytes stand for JSON text."""
    try:
        return told(kernel, kernel.judge(*(record.get(field) for field in INPUT_FIELDS)))
    except NotARecord as reason:
        return str(reason)


def judge_by_reference(reference: Reference, record: Mapping[str, Any]) -> list[tuple[object, ...]] | str:
    """The same by the reference."""
    read = {name: parse_json(value) if isinstance(value, bytes) else value for name, value in record.items()}
    try:
        observation = reference.records.observation(read)
    except NotARecord as reason:
        return str(reason)
    return [] if observation is None else reference.values(observation)


def written(row: Mapping[str, Any] | bytes) -> list[tuple[str, Any]]:
    """The members of a row of JSON in order; numbers by their value, however they are written."""
    line = row if isinstance(row, bytes) else row_line(row)
    return list(json.loads(line, parse_float=Decimal, parse_int=Decimal).items())


def block(text: bytes, start: int = 0, kind: str = "jsonl", **fields: Any) -> Block:
    """A block that holds lines."""
    return Block(**{"file": "log", "format": kind, "start": start, "end": start + len(text), "data": text} | fields)


def table_of(payload: bytes) -> pa.Table:
    """The rows of a piece in Arrow; an empty table if there are none."""
    return pa.ipc.open_stream(pa.py_buffer(payload)).read_all() if payload else error_schema().empty_table()


def errors_of(table: pa.Table, names: Sequence[str] = COLUMNS) -> list[tuple[object, ...]]:
    """The values of some columns, row by row."""
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True)) if table.num_rows else []


def counts(tally: Tally) -> dict[str, Any]:
    """What a tally says; in order where an order is promised. Which blocks have the fields that were named is told elsewhere."""
    shown: dict[str, Any] = attrs.asdict(tally, recurse=False)
    del shown["named"]
    return {name: list(value.items()) if name in _ORDERED else value for name, value in shown.items()}


def plain(value: object) -> object:
    """A value of a record as a column of text holds it, to compare: numbers and structures by what they mean."""
    if isinstance(value, str):
        return encodable(value)
    return None if value is None else _meaning(row_line({"": value})[4:-2])


def _meaning(text: object) -> object:
    """JSON text in a column, with numbers as a table holds them; what is no text has a type of its own already."""
    return json.loads(text) if isinstance(text, str | bytes) else text


def _held(value: object) -> object:
    """A value as an object of Python; numbers that only their text tells exactly as the nearest that there is."""
    return value if value is None or isinstance(value, str | int | float | list | dict) else _meaning(row_line({"": value})[4:-2])


def kind_of(values: Iterable[object]) -> pa.DataType:
    """The type of a column that passes through, by the values of its member."""
    kinds = {type(value) for value in values if value is not None}
    if float("inf") in values or float("-inf") in values:
        return pa.string()
    if not kinds:
        return pa.null()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):  # type: ignore[operator]
        return pa.int64()
    if float in kinds and kinds <= {int, float} and all(abs(value) <= 2**53 for value in values if type(value) is int):
        return pa.float64()
    return pa.string()


def _column_name(name: str) -> str:
    """The column of a member; lone surrogates in its name are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def _passed_differently(rows: Sequence[Mapping[str, Any]], table: pa.Table, names: Collection[str]) -> dict[str, object]:
    """The columns that pass through and do not hold what the records did."""
    rows = [{_column_name(name): value for name, value in row.items()} for row in rows]
    members = list(dict.fromkeys(name for row in rows for name in row if name not in names))
    wrong: dict[str, object] = {name: "no column" for name in members if name not in table.schema.names}
    for name in table.schema.names:
        if name in names or (name not in members and table.schema.field(name).type == pa.null()):
            continue
        expected = [_held(row.get(name)) for row in rows]
        kind = kind_of(expected)
        found = table.column(name).to_pylist()
        if table.schema.field(name).type == pa.string() != kind or kind == pa.string():
            pairs = [
                (plain(want), got if isinstance(want, str | None) else _meaning(got)) for want, got in zip(expected, found, strict=True)
            ]
        else:
            pairs = list(zip(expected, found, strict=True))
        if table.schema.field(name).type not in (kind, pa.string()) or any(want != got for want, got in pairs):
            wrong[name] = (kind, table.schema.field(name).type, [pair for pair in pairs if pair[0] != pair[1]][:3])
    return wrong


def lines_differ(
    text: bytes, options: RecordOptions = ANY_PROVIDER, kernel: Kernel | None = None, *, keep_rejects: bool = False
) -> dict[str, object]:
    """What the two ways for lines make of a text otherwise than the reference; nothing, it is hoped."""
    reference = Reference(options)
    expected = reference.lines(text, keep_rejects=keep_rejects)
    names = [*reference.names, *(options.prefix + name for name in KEPT_COLUMNS if keep_rejects)]
    as_lines = lines_to_lines(block(text), text, 0, kernel or Kernel(options), keep_rejects=keep_rejects)
    as_table = lines_to_table(block(text), text, 0, kernel or Kernel(options), keep_rejects=keep_rejects)
    table = table_of(as_table.payload)
    rows = [written(line) for line in as_lines.payload.split(b"\n")[:-1]]
    compared = {
        "rows as lines": ([written(row) for row in expected.rows], rows),
        "rows of the table": ([tuple(row[name] for name in names) for row in expected.rows], errors_of(table, names)),
        "rejects of lines": (expected.rejects, as_lines.rejects),
        "rejects of the table": (expected.rejects, as_table.rejects),
        "tally of lines": (counts(expected.tally), counts(as_lines.tally)),
        "tally of the table": (counts(expected.tally), counts(as_table.tally)),
    }
    wrong = {what: _first_difference(want, got) for what, (want, got) in compared.items() if want != got}
    passed = _passed_differently(expected.rows, table, names) if expected.rows else {}
    return wrong | ({"passed": passed} if passed else {})


def _first_difference(expected: Any, found: Any) -> object:
    if isinstance(expected, dict):
        return {name: (value, found[name]) for name, value in expected.items() if value != found[name]}
    for number, (want, got) in enumerate(zip(expected, found, strict=False)):
        if want != got:
            both = zip(want, got, strict=False) if isinstance(want, list | tuple) and isinstance(got, list | tuple) else [(want, got)]
            return number, [pair for pair in both if pair[0] != pair[1]]
    return f"{len(expected)} expected, {len(found)} found"


def batch_differs(batch: pa.RecordBatch, options: RecordOptions = ANY_PROVIDER, kernel: Kernel | None = None) -> dict[str, object]:
    """What `normalize_batch` makes of rows otherwise than the reference of the same rows without their nulls."""
    reference = Reference(options)
    rows: list[tuple[object, ...]] = []
    rejected: list[tuple[int, str]] = []
    for number, row in enumerate(batch.to_pylist()):
        try:
            found = reference.records.rows({name: value for name, value in row.items() if value is not None})
        except NotARecord as reason:
            rejected.append((number, str(reason)))
        else:
            rows += [tuple(one[name] for name in reference.names) for one in found]
    done = normalize_batch(batch, kernel or Kernel(options))
    compared = {
        "rows": (rows, errors_of(pa.Table.from_batches([done.batch]), reference.names)),
        "rejected": (tuple(rejected), done.rejected),
    }
    return {what: _first_difference(want, got) for what, (want, got) in compared.items() if want != got}


@pytest.fixture(scope="session")
def bulk() -> SimpleNamespace:
    """The reference, and what compares the bulk path with it."""
    return SimpleNamespace(
        Reference=Reference,
        batch_differs=batch_differs,
        block=block,
        counts=counts,
        errors_of=errors_of,
        judge=judge,
        judge_by_reference=judge_by_reference,
        lines_differ=lines_differ,
        table_of=table_of,
        written=written,
    )
