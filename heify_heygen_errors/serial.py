"""JSON round trip of the model by cattrs; imported when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn

from heify_heygen_errors.model import (
    EMPTY_MAP,
    SCHEMA_VERSION,
    Category,
    Channel,
    ErrorInfo,
    Fault,
    FrozenMap,
    MatchedBy,
    Outcome,
    RetryAction,
    RetryAdvice,
)


def _text_map(value: object, _: object) -> FrozenMap:
    if not isinstance(value, Mapping):
        msg = f"expected an object of text, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - cattrs collects ValueErrors with their path
    return FrozenMap({str(key): str(item) for key, item in value.items()}) if value else EMPTY_MAP


def _is_text_map(kind: object) -> bool:
    return kind == Mapping[str, str] or kind is FrozenMap


def _same(kind: type) -> Any:
    def structure(value: object, _: object) -> object:
        if isinstance(value, bool) or not isinstance(value, kind):
            msg = f"expected {kind.__name__}, got {type(value).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - cattrs collects ValueErrors with their path
        return value

    return structure


def _member(kind: type[StrEnum]) -> Any:
    def structure(value: object, _: object) -> object:
        try:
            return kind(value if isinstance(value, str) else repr(value))
        except ValueError:
            msg = f"{value!r} is none of {', '.join(kind)}"
            raise ValueError(msg) from None

    return structure


_converter = cattrs.Converter()
_converter.register_structure_hook(str, _same(str))
_converter.register_structure_hook(int, _same(int))
_converter.register_structure_hook(
    float, lambda value, _: float(_same(int)(value, _)) if isinstance(value, int) else _same(float)(value, _)
)
# By predicate: cattrs dispatches on classes otherwise, and Mapping[str, str] is none.
_converter.register_structure_hook_func(_is_text_map, _text_map)
_converter.register_unstructure_hook_func(_is_text_map, dict)
for _kind in (Category, Channel, Fault, MatchedBy, Outcome, RetryAction):
    _converter.register_structure_hook(_kind, _member(_kind))
    _converter.register_unstructure_hook(_kind, lambda member: member.value)
_converter.register_structure_hook(RetryAdvice, make_dict_structure_fn(RetryAdvice, _converter))
_converter.register_structure_hook(ErrorInfo, make_dict_structure_fn(ErrorInfo, _converter))

# What a key that an older or other writer left out is filled with.
_FILL: dict[str, object] = {
    "provider": "unknown",
    "channel": "response",
    "category": Category.UNKNOWN.value,
    "summary": "The record of this error says nothing more.",
    "remedy": "Normalize the original response again to learn more.",
    "fault": Fault.PROVIDER.value,
    "retry": {},
}
_FILL_RETRY: dict[str, object] = {"action": RetryAction.NEVER.value, "outcome": Outcome.UNKNOWN.value}


def to_dict(info: ErrorInfo) -> dict[str, object]:
    """``schema`` first, then every field of the info."""
    return {"schema": SCHEMA_VERSION, **_converter.unstructure(info)}


def from_dict(data: Mapping[str, object]) -> ErrorInfo:
    """Reads what `to_dict` wrote, this version or another."""
    if not isinstance(data, Mapping):
        msg = f"ErrorInfo.from_dict takes a mapping as ErrorInfo.to_dict writes it, not {type(data).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - documented as ValueError, like every other wrong value in it
    filled = {**_FILL, **{key: value for key, value in data.items() if value is not None or key not in _FILL}}
    retry = filled["retry"]
    if isinstance(retry, Mapping):
        filled["retry"] = {**_FILL_RETRY, **retry}
    try:
        return _converter.structure(filled, ErrorInfo)
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        problems = "; ".join(cattrs.transform_error(error, path="$"))
        msg = f"not an ErrorInfo: {problems}"
        raise ValueError(msg) from error
