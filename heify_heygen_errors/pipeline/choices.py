"""What the functions over frames and records share: their options, and the error of rows that cannot be read.

Performs no I/O and needs no extra.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypedDict

import attrs

from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, ColumnClash, RecordOptions

_OBSERVED: Final = ("status", "body", "exception")
_ON_ERROR: Final = ("raise", "keep")
_SHOWN: Final = 3


class RowOptions(TypedDict, total=False):
    """What every function over frames and records takes beside its data.

    Attributes:
        provider: for rows that name none and whose URL names none: ``heygen``, ``liveavatar`` or ``heify``.
        fields: the names of the columns that are read, by field: ``{"body": "response_body"}``. Fields are ``provider``,
            ``status``, ``headers``, ``body``, ``method``, ``url`` and ``exception``; one that is not named stands in the
            column of its own name.
        paths: fields that stand inside of nested columns: ``{"body": "response.body"}``, or names from the outermost
            one, ``("response", "body")``.
        keep: True keeps the columns of headers, url and body, which are left out otherwise.
        explode: True gives a row per failure of a list or batch, not the first one only.
        prefix: put before the names of the output columns.
        on_error: what becomes of rows that cannot be read, such as a status that is a word or a missing provider.
            ``"raise"``, the default: `RejectedRowsError`. ``"keep"``: they stay, without an error, and two more columns
            say why and what was read: ``error_reject`` and ``error_raw``, which is not redacted. No row is ever left out.
        normalizer: over other catalogs, ``Normalizer(Catalogs.load("ours.yaml"))``. Its hook `on_unknown_code` is called
            by `normalize_records` only.
    """

    provider: str | None
    fields: Mapping[str, str] | None
    paths: Mapping[str, str | Sequence[str]] | None
    keep: bool
    explode: bool
    prefix: str
    on_error: Literal["raise", "keep"]
    normalizer: Normalizer | None


class RejectedRowsError(ValueError):
    """Rows that cannot be read. The text names the first ones; it holds no more of them than the name of a provider.

    Arguments:
        rows: number from 0 and reason of each, in order. Of streams these are the rows of the first part that has any, and
            numbers count from the beginning of the stream. Or a text instead: `rows` is empty then. Polars makes the errors
            of lazy frames and expressions anew from their text.
    """

    def __init__(self, rows: Sequence[tuple[int, str]] | str) -> None:
        rows = rows if isinstance(rows, str) else tuple(rows)
        super().__init__(rows)
        self.rows: tuple[tuple[int, str], ...] = () if isinstance(rows, str) else rows

    def of_part(self) -> RejectedRowsError:
        """The error of a part of a frame whose place in the frame is not known."""
        return RejectedRowsError(str(self).replace(" cannot be read", " of a part of the frame cannot be read", 1))

    def __str__(self) -> str:
        if not self.rows:
            return str(self.args[0])
        count = len(self.rows)
        told = "; ".join(f"row {row}: {reason}" for row, reason in self.rows[:_SHOWN])
        more = f"; and {count - _SHOWN} more" if count > _SHOWN else ""
        return f"{count} row{'s' * (count != 1)} cannot be read: {told}{more}. on_error='keep' keeps them, with the reason beside"


@attrs.frozen(kw_only=True)
class Choices:
    """Options that were checked.

    Attributes:
        options: how rows are read and written.
        keep_rejects: whether rows that cannot be read stay.
        normalizer: decides.
        named: the columns that were named, which must be there.
    """

    options: RecordOptions
    keep_rejects: bool
    normalizer: Normalizer
    named: frozenset[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the fields; for paths the outermost ones. Each once."""
        options = self.options
        return tuple(dict.fromkeys(options.paths[field][0] if field in options.paths else options.fields[field] for field in INPUT_FIELDS))

    @property
    def bulky(self) -> tuple[str, ...]:
        """The columns that do not pass through as a whole."""
        if self.options.keep:
            return ()
        return tuple(self.options.fields[field] for field in ("headers", "url", "body") if field not in self.options.paths)

    @property
    def made(self) -> tuple[str, ...]:
        """The names of the output columns."""
        names = COLUMNS + KEPT_COLUMNS if self.keep_rejects else COLUMNS
        return tuple(self.options.prefix + name for name in names)

    def refuse_clash(self, names: Iterable[object]) -> None:
        """Refuses columns with the name of an output column.

        Raises:
            ColumnClash: there is one.
        """
        clash = {*self.made}.intersection(name for name in names if isinstance(name, str))
        if clash:
            msg = f"the input has a column {min(clash)!r} already: choose another name for ours with prefix="
            raise ColumnClash(msg)

    @staticmethod
    def refuse_doubles(names: Sequence[str]) -> None:
        """Refuses columns of one name.

        Raises:
            ValueError: there are two.
        """
        if len(set(names)) != len(names):
            twice = next(name for name, count in Counter(names).items() if count > 1)
            msg = f"two columns have the name {twice!r}: rename one of them"
            raise ValueError(msg)

    def refuse_misfit(self, names: Sequence[object]) -> None:
        """Refuses a frame that surely is not the one that the options speak of.

        Raises:
            ColumnClash: it has a column with the name of an output column.
            ValueError: a column that was named is missing; or status, body and exception all are.
        """
        self.refuse_clash(names)
        missing = sorted(self.named.difference(name for name in names if isinstance(name, str)))
        if missing:
            msg = f"there is no column {missing[0]!r}: the columns are {_listed(names)}"
            raise ValueError(msg)
        options = self.options
        observed = {options.paths[field][0] if field in options.paths else options.fields[field] for field in _OBSERVED}
        if names and observed.isdisjoint(name for name in names if isinstance(name, str)):
            msg = (
                f"none of the columns {', '.join(sorted(observed))} is there: the columns are {_listed(names)};"
                " say which one it is with fields={'body': NAME}"
            )
            raise ValueError(msg)


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names)) or "none"


def chosen(function: str, given: Mapping[str, Any]) -> Choices:
    """The options of a call, checked.

    Arguments:
        function: that was called, for messages.
        given: see `RowOptions`.

    Raises:
        TypeError: there is no such option, or it has another type.
        ValueError: there is no such field, provider or way of dealing with rows that cannot be read.
    """
    unknown = [name for name in given if name not in RowOptions.__annotations__]
    if unknown:
        msg = f"{function}() has no option {unknown[0]!r}: there are {', '.join(RowOptions.__annotations__)}"
        raise TypeError(msg)
    normalizer = given.get("normalizer")
    if normalizer is not None and not isinstance(normalizer, Normalizer):
        msg = f"normalizer is a Normalizer, not {type(normalizer).__name__}: pass Normalizer(Catalogs.load(FILE))"
        raise TypeError(msg)
    normalizer = normalizer or Normalizer()
    on_error = given.get("on_error", "raise")
    if on_error not in _ON_ERROR:
        msg = f"on_error={on_error!r}: use one of {', '.join(_ON_ERROR)}"
        raise ValueError(msg)
    prefix = given.get("prefix", "")
    if not isinstance(prefix, str):
        msg = f"prefix is text, not {type(prefix).__name__}"
        raise TypeError(msg)
    provider = given.get("provider")
    providers = normalizer.catalogs.providers
    if provider is not None and str(provider).strip().lower() not in providers:
        msg = f"there is no provider {provider!r}: use one of {', '.join(providers)}"
        raise ValueError(msg)
    fields, paths = _places(given.get("fields") or {}, given.get("paths") or {})
    return Choices(
        options=RecordOptions(
            provider,
            {field: field for field in INPUT_FIELDS} | fields,
            paths,
            bool(given.get("keep", False)),
            bool(given.get("explode", False)),
            prefix,
        ),
        keep_rejects=on_error == "keep",
        normalizer=normalizer,
        named=frozenset([*fields.values(), *(path[0] for path in paths.values())]),
    )


def _places(fields: Mapping[str, str], paths: Mapping[str, str | Sequence[str]]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Where fields stand that do not stand under their own names: by column, and by path."""
    for option, given in (("fields", fields), ("paths", paths)):
        if not isinstance(given, Mapping):
            msg = f"{option} maps fields to columns: give a dict, as {option}={{'body': 'response_body'}}"
            raise TypeError(msg)
        unknown = [field for field in given if field not in INPUT_FIELDS]
        if unknown:
            msg = f"{option}: there is no field {unknown[0]!r}: use some of {', '.join(INPUT_FIELDS)}"
            raise ValueError(msg)
    twice = [field for field in fields if field in paths]
    if twice:
        msg = f"{twice[0]!r} stands in fields and in paths: leave out one of them"
        raise ValueError(msg)
    columns: dict[str, str] = {}
    nested: dict[str, tuple[str, ...]] = {}
    for field, name in fields.items():
        if not isinstance(name, str) or not name:
            msg = f"fields: {field} is {name!r}: give the name of a column"
            raise ValueError(msg)
        columns[field] = name
    for field, path in paths.items():
        names = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
        if not names or not all(isinstance(name, str) and name for name in names):
            msg = f"paths: {field} is {path!r}: give names from the outermost, as 'response.body' or ('response', 'body')"
            raise ValueError(msg)
        if len(names) == 1:
            columns[field] = names[0]
        else:
            nested[field] = names
    return columns, nested
