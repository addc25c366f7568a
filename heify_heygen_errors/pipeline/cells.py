"""Python values as they stand in the cells of frames and in records of programs, in the forms that can be judged.

Performs no I/O and needs no extra: numpy and pandas are told by their attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_ABSENT: Final = frozenset({"NAType", "NaTType"})  # of pandas
_TEXTS: Final = (str, int, type(None))


def cell(value: Any, field: str) -> Any:
    """What a cell says of a field; None where it says nothing.

    NaN and pandas' NA are nothing, numpy's scalars and arrays are Python's, decimals are numbers, headers of any mapping
    are a dict.
    """
    kind = type(value)
    if kind in _TEXTS:
        return value
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
        kind = type(value)
    if kind is float or isinstance(value, float):
        return None if value != value else float(value)  # noqa: PLR0124 - NaN
    if kind.__name__ in _ABSENT and kind.__module__.startswith("pandas"):
        return None
    if kind is Decimal:
        return _number(value)
    if field == "headers" and isinstance(value, Mapping) and kind is not dict:
        return dict(value)
    if kind is memoryview:
        return bytes(value)
    return value


def _number(value: Decimal) -> int | float | None:
    if value.is_nan():
        return None
    return int(value) if value.is_finite() and value == value.to_integral_value() and value.adjusted() < 19 else float(value)  # noqa: PLR2004 - digits of an int64
