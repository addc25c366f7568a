"""Rows of frames judged by the kernel, a slice at a time, so that memory stays bounded. Performs no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from threading import Lock
from typing import Any, Final

import attrs
import msgspec
import pyarrow as pa

from heify_heygen_errors.document import MAX_BODY, MAX_DEPTH, read_document
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.cells import cell
from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError
from heify_heygen_errors.pipeline.contract import error_arrays, error_schema, first_rows
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.tables import judge_rows, text_of_bytes

SLICE: Final = 16_384
"""Rows that are worked on at once."""

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode

Columns = Sequence[Sequence[Any]]
"""The fields of some rows, in the order of `INPUT_FIELDS`, as the kernel takes them."""


@attrs.frozen
class Errors:
    """What became of the rows of a frame.

    Attributes:
        table: columns of the contract.
        owners: for each row of the table its row in the frame; None if they are the same.
    """

    table: pa.Table
    owners: list[int] | None


class Judge:
    """Judges the rows of frames, and remembers what it has judged. Threads may share it.

    Attributes:
        choices: of the call.
        kernel: decides.
        schema: of the columns of the contract.
        enums: the values of those that are enums, in their order, by column.
    """

    def __init__(self, choices: Choices) -> None:
        options = choices.options
        self.choices = choices
        self.kernel = Kernel(options, Normalizer(choices.normalizer.catalogs))  # without its hook, which would be called now and then
        self.schema = error_schema(options.prefix, self.kernel.catalogs.version, kept=choices.keep_rejects)
        arrays = error_arrays(self.kernel, (), (), None)
        self.enums: dict[str, list[str]] = {
            name: array.dictionary.to_pylist()
            for name, array in zip(choices.made, arrays, strict=False)
            if pa.types.is_dictionary(array.type)
        }
        self._lock = Lock()

    def errors(self, size: int, read: Callable[[int, int], Columns], raw: Callable[[int], str]) -> Errors:
        """Judges every row of a frame.

        Arguments:
            size: rows that it has.
            read: gives the fields of the rows from one to another.
            raw: gives the text of a row that cannot be read.

        Raises:
            RejectedRowsError: rows cannot be read, and they are not to be kept.
        """
        batches: list[pa.RecordBatch] = []
        owners: list[int] = []
        rejected: list[tuple[int, str]] = []
        for start, end in slices(size):
            batch, owning, refused = self.slice(read(start, end), start, raw)
            rejected += refused
            if rejected and not self.choices.keep_rejects:
                batches.clear()  # the rest is looked at for more of them only
            else:
                batches.append(batch)
                owners += owning
        if rejected and not self.choices.keep_rejects:
            raise RejectedRowsError(rejected)
        return Errors(pa.Table.from_batches(batches, self.schema), owners if self.choices.options.explode else None)

    def slice(self, columns: Columns, start: int, raw: Callable[[int], str]) -> tuple[pa.RecordBatch, Sequence[int], list[tuple[int, str]]]:
        """The columns of the contract for some rows, the number of the row that each is of, and rows that cannot be read.

        Arguments:
            columns: fields of the rows.
            start: number of the first row, from 0.
            raw: gives the text of the row of a number.
        """
        # No call of the frame's library in here: a thread of polars that waits for its pool would take up another part and
        # wait for itself.
        with self._lock:
            self.kernel.make_room()
            judged, _, refused = judge_rows(columns, self.kernel, keep_rejects=True)
            slots, owners = first_rows(judged, explode=self.choices.options.explode)
            arrays = error_arrays(self.kernel, judged, slots, owners)
        owning = range(start, start + len(judged)) if owners is None else [start + owner for owner in owners]
        rejected = [(start + row, reason) for row, reason in refused]
        if self.choices.keep_rejects:
            told = dict(rejected)
            arrays.append(pa.array([told.get(row) for row in owning], pa.string()))
            arrays.append(pa.array([raw(row) if row in told else None for row in owning], pa.string()))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema), owning, rejected


def slices(size: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of the parts that a frame is worked on in; one empty part if it has no row."""
    for start in range(0, max(size, 1), SLICE):
        yield start, min(start + SLICE, size)


def python_values(cells: Sequence[Any], field: str) -> list[Any]:
    """A field of rows whose cells are Python values of any kind, as the kernel takes it."""
    read = _READERS[field]
    return [read(cell(value, field)) for value in cells]


def _body(value: Any) -> Any:
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is bytes or kind is bytearray:
        return bytearray(value) if len(value) > MAX_BODY else text_of_bytes(bytes(value), "body")
    if kind is dict or kind is list:
        return _as_json(_numpy_free(value))
    return value if isinstance(value, str | int | float) else read_document(value)


def _headers(value: Any) -> Any:
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return value.decode("utf-8", "replace")
    return _as_json(value) if kind is dict or kind is list else value


def _text(value: Any) -> Any:
    return value.decode("latin-1") if type(value) is bytes else value


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "body": _body,
    "headers": _headers,
    "provider": _text,
    "method": _text,
    "url": _text,
    "status": _text,
    "exception": _text,
}


def _as_json(value: Any) -> Any:
    """The JSON text of a decoded value, which is judged quicker; the value itself where that would not mean the same."""
    if not _is_json(value, 0):
        return value
    try:
        return _encode(value)
    except (OverflowError, UnicodeEncodeError):  # integers beyond 64 bits, lone surrogates
        return value


def _is_json(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is float:
        return isfinite(value)
    if depth >= MAX_DEPTH:
        return False
    if kind is dict:
        return all(type(name) is str and _is_json(item, depth + 1) for name, item in value.items())
    return kind is list and all(_is_json(item, depth + 1) for item in value)


def _numpy_free(value: Any) -> Any:
    """Nested values with lists instead of numpy's arrays, as pandas gives them for nested columns of files."""
    kind = type(value)
    if kind is dict:
        return {name: _numpy_free(item) for name, item in value.items()} if any(map(_may_hold, value.values())) else value
    if kind is list:
        return [_numpy_free(item) for item in value] if any(map(_may_hold, value)) else value
    return value.tolist() if kind.__module__ == "numpy" and hasattr(value, "tolist") else value


def _may_hold(value: Any) -> bool:
    kind = type(value)
    return kind is dict or kind is list or kind.__module__ == "numpy"


def raw_text(record: dict[str, Any]) -> str:
    """What was read of a row that cannot be judged, as JSON text without what is null."""
    told = {str(name): _told(value) for name, value in record.items()}
    told = {name: value for name, value in told.items() if value is not None}
    try:
        return _encode(told).decode()
    except (OverflowError, TypeError, UnicodeEncodeError, RecursionError):
        return _encode({name: str(value).encode("utf-8", "replace").decode() for name, value in told.items()}).decode()


def _told(value: Any) -> Any:
    value = cell(value, "headers")
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value


def raw_row(batch: pa.RecordBatch, row: int) -> str:
    """What was read of a row of a batch, as JSON text."""
    return raw_text({name: _cell(batch.column(place), row) for place, name in enumerate(batch.schema.names)})


def _cell(column: pa.Array, row: int) -> Any:
    try:
        return column[row].as_py()
    except UnicodeDecodeError:  # Arrow does not check texts
        return column.slice(row, 1).view(_AS_BYTES.get(column.type, pa.binary()))[0].as_py()


_AS_BYTES: Final = {pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
