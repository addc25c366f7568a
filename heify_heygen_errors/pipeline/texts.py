"""Arrow columns as text: JSON, plain text for people and tables, cells of a spreadsheet. Column by column, never row by row.

What a value is as text:

- booleans: ``true``, ``false``; whole numbers and decimals: their digits, exactly
- floating-point numbers: the shortest digits that read back as the same number, with ``.0`` if whole; ``NaN``,
  ``Infinity`` and ``-Infinity`` are text, because JSON has no number for them and null would say that nothing was there
- timestamps: ISO 8601 with ``T`` and all digits of their unit, in UTC with ``Z`` if they have a time zone; beyond the
  years that have four digits also as ISO 8601, and where there is no calendar as a count with its unit
- dates, times: ISO 8601; durations and intervals: ISO 8601, ``PT1.5S``
- binary: base64 (RFC 4648)
- structs: JSON objects; lists: JSON arrays; maps: JSON arrays of ``[key, value]``, since a key may come twice
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute

from heify_heygen_errors.pipeline.blocks import PipelineError

pc: Final[Any] = pyarrow.compute  # most of its functions are made when it is imported
_MUST_ESCAPE: Final = r'[\x00-\x1f"\\]'
_RARE_CONTROL: Final = r"[\x00-\x07\x0b\x0e-\x1f]"
_ESCAPES: Final = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\b", "\\b"), ("\f", "\\f"))
_RARE: Final = tuple((chr(code), f"\\u{code:04x}") for code in range(32) if chr(code) not in "\n\r\t\b\f")
_NUMBER: Final = r"\A[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?\z"
_FORMULA: Final = (
    r"\A(?:[\t\r]"
    r"|[\x00-\x20\x7f-\xa0\p{Z}\x{feff}\x{200b}-\x{200f}\x{2060}]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}\x{fe62}\x{fe63}\x{fe66}\x{fe6b}])"
)
_LISTS: Final = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,  # never cast: Arrow's cast to a list loses items
    pa.types.is_large_list_view,
)
_PER_SECOND: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def plain_text(column: Any) -> Any:
    """A column as text: texts as they are, everything else as the module says, null as null.

    Args:
        column: an Arrow array or chunked array.

    Returns:
        The same with type string.

    Raises:
        PipelineError: there is no text for its type (unions).
    """
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([plain_text(chunk) for chunk in column.chunks], pa.string())
    array = _simple(column)
    if pa.types.is_dictionary(array.type):
        return plain_text(array.dictionary).take(array.indices)
    if pa.types.is_nested(array.type):
        return json_text(column)
    return _bare(array)


def json_text(column: Any) -> Any:
    """A column as JSON texts, compact, with characters beyond ASCII as they are; null as null.

    Args:
        column: an Arrow array or chunked array.

    Returns:
        The same with type string.

    Raises:
        PipelineError: there is no text for its type (unions).
    """
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([json_text(chunk) for chunk in column.chunks], pa.string())
    array = _simple(column)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return json_text(array.dictionary).take(array.indices)
    if pa.types.is_struct(kind):
        return _objects(array)
    if any(is_kind(kind) for is_kind in _LISTS):
        return _arrays(array, _pairs if pa.types.is_map(column.type) else json_text)
    bare = _bare(array)
    if pa.types.is_floating(kind):
        return _replaced(bare, r"\A(NaN|-?Infinity)\z", r'"\1"')
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return bare
    return _joined('"', _escaped(bare), '"')


def json_lines(batch: Any) -> Any:
    """Rows as JSON Lines, with a member for every column.

    Args:
        batch: an Arrow record batch.

    Returns:
        A buffer of bytes.

    Raises:
        PipelineError: there is no JSON for the type of a column.
    """
    if not batch.num_rows:
        return pa.py_buffer(b"")
    if not batch.num_columns:
        return pa.py_buffer(b"{}\n" * batch.num_rows)
    members = []
    for number, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        members += [("," if number else "{") + json.dumps(name, ensure_ascii=False) + ":", _or_null(json_text(column))]
    lines = _joined(*members, "}\n")
    _, offsets, data = lines.buffers()
    first, last = (int.from_bytes(offsets[at * 4 : at * 4 + 4], "little") for at in (lines.offset, lines.offset + len(lines)))
    return data.slice(first, last - first)


def escape_formulas(column: Any) -> Any:
    """Puts an apostrophe in front of texts that a spreadsheet would run.

    Those begin with ``= + - @``, their full-width or small forms, also behind white space and invisible characters,
    or with a tab or carriage return (OWASP, CSV Injection). A number as a whole (``-3.5``) runs nothing and stays.

    Args:
        column: an Arrow array or chunked array of strings.
    """
    return pc.if_else(pc.match_substring_regex(column, _NUMBER), column, _replaced(column, _FORMULA, r"'\0"))


def _simple(array: Any) -> Any:
    """The array without what is only another way to store the same values."""
    if isinstance(array, pa.ExtensionArray):
        return _simple(array.storage)
    if pa.types.is_run_end_encoded(array.type):
        return _simple(pc.run_end_decode(array))
    if pa.types.is_map(array.type):
        return array.cast(pa.list_(pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])))
    return array


def _bare(array: Any) -> Any:
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_float16(kind):
        array, kind = array.cast(pa.float32()), pa.float32()
    if pa.types.is_floating(kind):
        return _numbers(array)
    if pa.types.is_timestamp(kind):
        return _moments(array)
    if pa.types.is_duration(kind):
        return _each(array.cast(pa.int64()), lambda count: f"PT{_seconds(count, kind.unit)}S")
    for is_kind, write in _PER_VALUE:
        if is_kind(kind):
            return _each(array, write)
    try:
        return array.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        msg = f"a column of type {kind} cannot be written as text: leave it out of the input"
        raise PipelineError(msg) from None


def _numbers(array: Any) -> Any:
    text = pc.replace_substring(_replaced(array.cast(pa.string()), r"\A(-?\d+)\z", r"\1.0"), "e+", "e")
    if pc.all(pc.is_finite(array)).as_py() is not False:
        return text
    text = _replaced(text, r"\A(-?)inf\z", r"\1Infinity")
    return _replaced(text, r"\A-?nan\z", "NaN")


def _moments(array: Any) -> Any:
    kind = array.type
    if kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    text = array.cast(pa.string())
    no_calendar = pc.starts_with(text, "<")
    if pc.any(no_calendar).as_py():
        text = pc.if_else(no_calendar, _joined(array.cast(pa.int64()).cast(pa.string()), kind.unit), text)
    return pc.replace_substring(text, " ", "T", max_replacements=1)


def _seconds(count: int, unit: str) -> str:
    digits = _PER_SECOND[unit]
    whole, part = divmod(abs(count), 10**digits)
    return ("-" if count < 0 else "") + str(whole) + (f".{part:0{digits}d}".rstrip("0") if part else "")


def _interval(value: Any) -> str:
    return f"P{value.months}M{value.days}DT{_seconds(value.nanoseconds, 'ns')}S"


def _each(array: Any, write: Callable[[Any], str]) -> Any:
    return pa.array([None if value is None else write(value) for value in array.to_pylist()], pa.string())


def _is_binary(kind: Any) -> bool:
    return any(
        is_kind(kind) for is_kind in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    )


_PER_VALUE: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any], str]], ...]] = (
    (_is_binary, lambda value: base64.b64encode(value).decode()),
    (pa.types.is_interval, _interval),
)


def _objects(array: Any) -> Any:
    names = [field.name for field in array.type]
    if not names:
        return _where(array, _joined("{}", _blank(len(array))))
    members = []
    for number, (name, child) in enumerate(zip(names, array.flatten(), strict=True)):
        members += [("," if number else "{") + json.dumps(name, ensure_ascii=False) + ":", _or_null(json_text(child))]
    return _where(array, _joined(*members, "}"))


def _pairs(items: Any) -> Any:
    keys, values = items.flatten()
    return _joined("[", _or_null(json_text(keys)), ",", _or_null(json_text(values)), "]")


def _arrays(array: Any, written: Callable[[Any], Any]) -> Any:
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    items = _or_null(written(array.flatten()))
    return _where(array, _joined("[", pc.binary_join(pa.ListArray.from_arrays(offsets, items), ","), "]"))


def _escaped(text: Any) -> Any:
    if not pc.any(pc.match_substring_regex(text, _MUST_ESCAPE)).as_py():
        return text
    for character, escape in _ESCAPES:
        text = pc.replace_substring(text, character, escape)
    if pc.any(pc.match_substring_regex(text, _RARE_CONTROL)).as_py():
        for character, escape in _RARE:
            text = pc.replace_substring(text, character, escape)
    return text


def _replaced(text: Any, pattern: str, replacement: str) -> Any:
    if not pc.any(pc.match_substring_regex(text, pattern)).as_py():
        return text
    return pc.replace_substring_regex(text, pattern, replacement, max_replacements=1)


def _blank(length: int) -> Any:
    return pa.array([""] * length, pa.string())


def _or_null(text: Any) -> Any:
    return pc.fill_null(text, "null")


def _joined(*parts: Any) -> Any:
    return pc.binary_join_element_wise(*parts, "")


def _where(array: Any, text: Any) -> Any:
    return pc.if_else(array.is_valid(), text, pa.scalar(None, pa.string()))
