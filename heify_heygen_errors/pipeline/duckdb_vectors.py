"""What DuckDB calls for every vector of a query; see `heify_heygen_errors.pipeline.duckdb`. Performs no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

import msgspec
import pyarrow as pa

from heify_heygen_errors.pipeline.batches import BatchNormalizer
from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError
from heify_heygen_errors.pipeline.judging import Columns, raw_row
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.tables import Reader, field_values, json_value, list_reader, map_reader, struct_reader, text_of_bytes
from heify_heygen_errors.records import INPUT_FIELDS

_OBSERVED: Final = ("status", "body", "exception")
_SHOWN: Final = 3
_MEMBER: Final = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<name>\S+)) (?P<kind>.+)', re.DOTALL)
_TYPE_WORD: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]|[^'"(),]+""")


class VectorFunction:
    """Judges the records of vectors. Threads may share it.

    Arguments:
        choices: of the call. With ``explode`` each record gives a list.

    Attributes:
        key: names the choices: functions of one key do the same.
    """

    def __init__(self, choices: Choices) -> None:
        self._normalizer = BatchNormalizer.of(choices)
        self.key = self._normalizer.key

    def work(self, *vectors: pa.ChunkedArray) -> pa.Array:
        """A struct of the columns of the contract for each record, or a list of such structs.

        Arguments:
            vectors: records; and the type of the records in SQL, the same text for each of them. Arrow does not tell JSON
                from text.

        Raises:
            RejectedRowsError: records cannot be read, unless they are kept.
            ColumnClash: a ValueError: they have a member with the name of an output column.
            ValueError: they have none of status, body and exception.
            TypeError: they are no structs, or hold a variant.
        """
        records, types = vectors
        choices, judge = self._normalizer.choices, self._normalizer.judge
        told = types[0].as_py()
        batch = _fields(records, told, choices)
        values = _values(batch, _kinds(told), judge.kernel)
        errors, owners, rejected = judge.slice(values, 0, lambda row: raw_row(batch, row))
        if rejected and not choices.keep_rejects:
            raise _refusal(rejected, len(records))
        # DuckDB 1.2 takes the first value of a dictionary in a struct for all of them.
        columns = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in errors.columns]
        rows = pa.StructArray.from_arrays(columns, errors.schema.names)
        if not choices.options.explode:
            return rows
        counts = [0] * len(records)
        for owner in owners:
            counts[owner] += 1
        return pa.ListArray.from_arrays(pa.array(accumulate(counts, initial=0), pa.int32()), rows)


def _fields(records: pa.ChunkedArray, told: str, choices: Choices) -> pa.RecordBatch:
    """The members of structs that are read, by the names of the fields; as SQL has it, without regard to case.

    A record that is null has none. DuckDB would rename our columns where the whole row already has some of that name.

    Raises:
        ColumnClash: a member has the name of an output column.
    """
    structs = records.combine_chunks()
    if pa.types.is_null(structs.type):
        return pa.RecordBatch.from_arrays([structs], ["body"])
    if not pa.types.is_struct(structs.type):
        msg = f"a record is a struct or the name of a table, as in hhe_normalize(logs) or hhe_normalize({{body: answer}}), not {told}"
        raise TypeError(msg)
    members = [field.name for field in structs.type]
    places = {name.lower(): place for place, name in enumerate(members)}
    if places.keys().isdisjoint(_OBSERVED):
        msg = (
            f"a record has {', '.join(_OBSERVED[:-1])} or {_OBSERVED[-1]}, and this one has {', '.join(members) or 'nothing'}:"
            " say which is which, as in hhe_normalize({provider: vendor, status: code, body: answer})"
        )
        raise ValueError(msg)
    choices.refuse_clash(name for name in choices.made if name.lower() in places)
    children = structs.flatten() if structs.null_count else [structs.field(place) for place in range(len(members))]
    names = [name for name in INPUT_FIELDS if name in places]
    return pa.RecordBatch.from_arrays([children[places[name]] for name in names], names)


def _values(batch: pa.RecordBatch, kinds: Mapping[str, str], kernel: Kernel) -> Columns:
    """The fields as the kernel takes them.

    Arguments:
        batch: columns by the names of the fields.
        kinds: their types in SQL, by names in lower case.
        kernel: that will judge.

    Raises:
        TypeError: a field is a variant or holds one, whose form in Arrow is DuckDB's own.
    """
    columns: list[Sequence[Any]] = []
    for field in INPUT_FIELDS:
        kind = kinds.get(field, "")
        plain = _plain(kind)
        if "VARIANT" in plain:
            msg = f"{field} is {kind}: read it as JSON, as in {{{field}: {field}::JSON}}"
            raise TypeError(msg)
        if kind == "JSON":
            texts = field_values(batch, field, kernel)
            columns.append([None if text is None or text == "null" else _of_json(text, field) for text in texts])
        else:
            columns.append(field_values(batch, field, kernel, _reader(kind) if "JSON" in plain else None))
    return columns


def _of_json(text: Any, field: str) -> Any:
    if field == "body":
        return text.encode()
    return msgspec.json.decode(text) if text.startswith('"') else text


def _refusal(rejected: Sequence[tuple[int, str]], size: int) -> RejectedRowsError:
    """The error of records without numbers: DuckDB takes rows in any order."""
    reasons = tuple(dict.fromkeys(reason for _, reason in rejected))
    told = "; ".join(reasons[:_SHOWN]) + ("; and other reasons" if len(reasons) > _SHOWN else "")
    return RejectedRowsError(
        f"{len(rejected)} of {size} rows cannot be read: {told}. register(connection, on_error='keep') keeps them, with the reason beside"
    )


# Types in SQL, as ``typeof`` tells them: ``STRUCT(status INTEGER, "body" MAP(VARCHAR, JSON)[])``.


@lru_cache(maxsize=256)
def _kinds(told: str) -> dict[str, str]:
    """The types of the members of a struct, by their names in lower case."""
    return {name.lower(): kind for name, kind in _members(told)}


@lru_cache(maxsize=256)
def _reader(kind: str) -> Reader:
    """What makes of Python's value of a type what it says."""
    if kind == "JSON":
        return json_value
    if kind.endswith("]"):
        return list_reader(_reader(kind[: kind.rindex("[")]))
    if kind.startswith("STRUCT("):
        return struct_reader({name: _reader(inner) for name, inner in _members(kind)})
    if kind.startswith("MAP("):
        names, items = _split(kind)
        return map_reader(_reader(names), _reader(items))
    if kind == "BLOB":
        return lambda value: text_of_bytes(value, "headers")
    return lambda value: value


def _members(kind: str) -> list[tuple[str, str]]:
    """Name and type of each member of a struct."""
    found = (_MEMBER.fullmatch(member) for member in _split(kind))
    return [
        (member["quoted"].replace('""', '"') if member["name"] is None else member["name"], member["kind"]) for member in found if member
    ]


def _split(kind: str) -> list[str]:
    """What stands between the brackets of a type, at its commas."""
    parts, depth = [""], 0
    for word in _TYPE_WORD.findall(kind):
        depth -= word == ")"
        if depth == 1 and word == ",":
            parts.append("")
        elif depth:
            parts[-1] += word
        depth += word == "("
    return [part.strip() for part in parts]


@lru_cache(maxsize=256)
def _plain(kind: str) -> frozenset[str]:
    """The types without others within that stand in a type, at any depth."""
    if kind.endswith("]"):
        return _plain(kind[: kind.rindex("[")])
    if kind.startswith("STRUCT("):
        return frozenset().union(*(_plain(inner) for _, inner in _members(kind)))
    return frozenset().union(*map(_plain, _split(kind))) if kind.startswith("MAP(") else frozenset([kind])
