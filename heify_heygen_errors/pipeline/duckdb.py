"""The functions and tables of DuckDB: `register` gives them to a connection.

    >>> import duckdb
    >>> from heify_heygen_errors.pipeline.duckdb import register
    >>> connection = register(duckdb.connect())
    >>> connection.sql("SELECT hhe_normalize('heygen', 402, '').error_category").fetchall()
    [('payment',)]

Needs the extra ``duckdb``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

from heify_heygen_errors.catalog.export import TABLES, Table
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.choices import Choices, chosen
from heify_heygen_errors.pipeline.extras import needing
from heify_heygen_errors.records import INPUT_FIELDS

with needing("heify_heygen_errors.pipeline.duckdb", "duckdb"):
    import duckdb
    import numpy as np  # noqa: F401 - DuckDB makes no functions without it
    import pyarrow as pa

    from heify_heygen_errors.pipeline.contract import error_schema
    from heify_heygen_errors.pipeline.duckdb_vectors import VectorFunction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["register"]

_TEXT: Final = "VARCHAR"
_SQL_TYPES: Final = {pa.int32(): "INTEGER", pa.bool_(): "BOOLEAN", pa.float64(): "DOUBLE"}
_ARROW_TYPES: Final = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}

_POSITIONAL: Final = ("provider", "status", "body")


def register(
    connection: DuckDBPyConnection,
    *,
    name: str = "hhe",
    provider: str | None = None,
    prefix: str = "",
    on_error: Literal["raise", "keep"] = "raise",
    normalizer: Normalizer | None = None,
) -> DuckDBPyConnection:
    """Gives a connection the functions ``hhe_normalize`` and ``hhe_normalize_all`` and the catalogs as tables.

    ``hhe_normalize(record)`` takes a struct, or the name of a table for its whole row, whose members are read by the names of
    the fields: ``provider``, ``status``, ``headers``, ``body``, ``method``, ``url`` and ``exception``, all optional, of any
    type. ``hhe_normalize(provider, status, body, headers := …, method := …, url := …, exception := …)`` takes them one by one.
    It gives a struct with the columns of the contract, of a record's first failure; all are null where nothing was observed.
    ``hhe_normalize_all`` gives a list of such structs, one per failure and at least one.

    The tables are those of `heify_heygen_errors.catalog.export`: ``hhe_codes``, ``hhe_rules``, ``hhe_categories``,
    ``hhe_endpoints`` and ``hhe_limits``.

    A process keeps the catalogs of every set of options, some 2 MB if they are others, for as long as it lives.

    All of it is temporary: it ends with the connection and writes nothing to the database, which may be read-only. Cursors
    and other connections to the database need a call of their own. A further call with the same name replaces what an earlier
    one gave, whole or not at all; it must not be made between ``execute`` and the last row of its result.

    Arguments:
        connection: as `duckdb.connect` gives it.
        name: put before the names of functions and tables, with an underscore between them.
        provider: for records that name none and whose URL names none.
        prefix: put before the names of the struct's members.
        on_error: see `RowOptions`.
        normalizer: see `RowOptions`. The tables are those of its catalogs.

    Returns:
        The connection.

    Raises:
        TypeError: `connection` is none, or an option has another type.
        ValueError: an option is wrong.
        duckdb.InvalidInputException: of queries: rows cannot be read, unless ``on_error="keep"``; a record has none of status,
            body and exception among its members, or one with the name of an output column; or the argument is no record. It
            holds the text of our exception.
        duckdb.BinderException: of queries: there is no such field.
        duckdb.TransactionException: the connection is within a transaction.
    """
    if not isinstance(connection, duckdb.DuckDBPyConnection):
        msg = f"register takes a connection of DuckDB, as duckdb.connect() gives one, not {type(connection).__name__}"
        raise TypeError(msg)
    if not isinstance(name, str) or not name:
        msg = f"name is put before the names of functions and tables: give a text, not {name!r}"
        raise ValueError(msg)
    options = {"provider": provider, "prefix": prefix, "on_error": on_error, "normalizer": normalizer}
    first, every = (chosen("register", options | {"explode": explode}) for explode in (False, True))
    functions = {f"{name}_normalize": _functions.of(connection, first), f"{name}_normalize_all": _functions.of(connection, every)}
    connection.begin()
    try:
        for macro, function in functions.items():
            connection.execute(_macro(_quoted(macro), _quoted(function)))
        for make in TABLES.values():
            table = make(first.normalizer.catalogs)
            _create_table(connection, _quoted(f"{name}_{table.name}"), table)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return connection


class _Functions:
    """The functions of this process by their names, which tell what they do.

    DuckDB has functions per database, whichever connection made them, but keeps the Python object alive only as long as that
    connection. So they stay here, and what users call are macros, which each connection has for itself.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._functions: dict[str, Callable[..., pa.Array]] = {}

    def begin_anew(self) -> None:
        """Has a lock of its own, in a forked process: a thread that is not there any more may have held it."""
        self._lock = Lock()

    def of(self, connection: DuckDBPyConnection, choices: Choices) -> str:
        """The name of the function of some options; makes it if the database does not have it."""
        function = VectorFunction(choices)
        name = f"__hhe_{function.key[:16]}"
        cursor: Any = connection.cursor()  # typed for enums, whose module differs between versions; texts do in all
        with self._lock:
            work = self._functions.get(name)
            if work is None:
                work = self._functions[name] = function.work
            with suppress(duckdb.CatalogException):  # the database has it
                cursor.create_function(name, work, None, cursor.type(_sql_type(choices)), type="arrow", null_handling="special")
        return name


_functions: Final = _Functions()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_functions.begin_anew)


def _sql_type(choices: Choices) -> str:
    """The type of what a function gives. Enums are texts, as in the Parquet files of ``hhe normalize``."""
    schema = error_schema(choices.options.prefix, kept=choices.keep_rejects)
    members = ", ".join(f"{_quoted(field.name)} {_SQL_TYPES.get(field.type, _TEXT)}" for field in schema)
    return f"STRUCT({members}){'[]' if choices.options.explode else ''}"


def _macro(name: str, function: str) -> str:
    """The statement that makes what users call, for records and for fields. Misspelled fields are errors of the query then."""
    others = [field for field in INPUT_FIELDS if field not in _POSITIONAL]
    parameters = ", ".join([*_POSITIONAL, *(f"{field} := NULL::{_TEXT}" for field in others)])
    record = "{" + ", ".join(f"{field}: {field}" for field in INPUT_FIELDS) + "}"
    overloads = (("record", "record"), (parameters, record))
    bodies = ", ".join(f"({given}) AS {function}({read}, typeof({read}))" for given, read in overloads)
    return f"CREATE OR REPLACE TEMP MACRO {name}{bodies}"


def _create_table(connection: DuckDBPyConnection, name: str, table: Table) -> None:
    schema = pa.schema([pa.field(column.name, _ARROW_TYPES[column.type]) for column in table.columns])
    rows = f"hhe rows of {table.name}"
    connection.register(rows, pa.Table.from_pylist(table.records(), schema=schema))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {_quoted(rows)}")
    connection.unregister(rows)
    connection.execute(f"COMMENT ON TABLE {name} IS {_text(table.description)}")
    for column in table.columns:
        connection.execute(f"COMMENT ON COLUMN {name}.{_quoted(column.name)} IS {_text(column.description)}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
