"""Tables of the catalogs as text: CSV, JSON, SQL and dbt seeds. Performs no I/O.

The same catalogs give the same text, byte for byte: nothing in it depends on the time, the place or the platform.
Lines end in LF, the last one too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import yaml

from heify_heygen_errors.catalog.export import Column, ColumnType, Table, Value

PREFIX: Final = "hhe_"
"""What stands before a table's name where it is a name in a database."""

_MEANING: Final = ("category", "fault", "retry", "retryable")
SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "codes": ("provider", "code", "kind", "name", *_MEANING, "settled"),
    "rules": ("rule", "kind", "catalog", "name", *_MEANING, "retry_after", "resets", "outcome"),
    "categories": (*_MEANING, "http_status", "grpc"),
    "limits": ("provider", "name", "value", "unit"),
}
"""The columns that SQL has by default, by table; of the others all. No text in them needs an escape: dialects differ there."""

DIFFERENCE: Final = (
    "Provider and code are all that a join knows. Full normalization also reads message, detail, status, channel and"
    " endpoint, finds codes wherever they stand, and judges answers that have none. A settled row holds wherever it reads"
    " the same code; the other rows can mean something else. See docs/export.md."
)

_VERSION: Final = 1
_PART: Final = 100  # SQLite takes 500 SELECTs in one compound, and other planners recurse over them
_NULLS: Final[dict[ColumnType, str]] = {
    # NULL alone has no type, and CAST needs a type name that all dialects know: there is none.
    "text": "NULLIF('', '')",
    "integer": "NULLIF(0, 0)",
    "number": "NULLIF(0.5e0, 0.5e0)",
    "boolean": "NULLIF(TRUE, TRUE)",
}
_DBT_TYPES: Final[dict[ColumnType, str]] = {
    # Jinja, which dbt reads in properties too: the adapters share no name for texts, nor for floating-point numbers.
    "text": "{{ var('hhe_text', 'string' if target.type in ('bigquery', 'databricks', 'spark') else 'varchar(%d)') }}",
    "integer": "{{ var('hhe_integer', 'integer') }}",
    "number": "{{ var('hhe_number', {'bigquery': 'float64', 'databricks': 'double', 'spark': 'double'}.get(target.type, 'double precision')) }}",
    "boolean": "{{ var('hhe_boolean', 'boolean') }}",
}
_WIDTH: Final = 2048


def csv_text(table: Table) -> str:
    """A table as CSV (RFC 4180, but lines end in LF): a header, then one line a row; null is an empty cell.

    Line breaks inside a text become blanks, so that loaders that read line by line take it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(table.names)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return written.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).splitlines())


def json_text(tables: Sequence[Table], version: str) -> str:
    """Tables as one JSON object, a line for each column and row.

    Arguments:
        tables: at least one.
        version: of the catalogs.
    """
    head = {"schema": _VERSION, "catalog_version": version, "difference": DIFFERENCE}
    lines = ["{"]
    lines += [f"  {_json(name)}: {_json(value)}," for name, value in head.items()]
    lines.append('  "tables": {')
    for number, table in enumerate(tables, 1):
        columns = [
            {"name": column.name, "type": column.type, "optional": column.optional, "description": column.description}
            for column in table.columns
        ]
        lines += [
            f"    {_json(table.name)}: {{",
            f'      "description": {_json(table.description)},',
            f'      "key": {_json(table.key)},',
            *_array("columns", columns, ","),
            *_array("rows", table.records(), ""),
            "    }" + ("," if number < len(tables) else ""),
        ]
    lines += ["  }", "}", ""]
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _array(name: str, items: Sequence[object], end: str) -> list[str]:
    return [f'      "{name}": [', ",\n".join(f"        {_json(item)}" for item in items), f"      ]{end}"]


def sql_text(tables: Sequence[Table], version: str, create: Literal["table", "view"] | None = None) -> str:
    """Tables as SQL that SQLite, DuckDB, PostgreSQL, Snowflake, BigQuery and Spark read alike.

    Arguments:
        tables: one, unless `create` is given.
        version: of the catalogs.
        create: make a table or view of each; without it, it is a query for a model or WITH clause.

    Raises:
        ValueError: there are several tables and nothing to tell them apart.
    """
    if create is None and len(tables) != 1:
        msg = "one query has one table: name one, or create tables or views"
        raise ValueError(msg)
    comment = [f"-- Catalogs of heify_heygen_errors, version {version}.", *_folded(DIFFERENCE)]
    if create is None:
        return "\n".join([*comment, _query(tables[0]), ""])
    statements = [
        f"DROP {create.upper()} IF EXISTS {PREFIX}{table.name};\nCREATE {create.upper()} {PREFIX}{table.name} AS\n{_query(table)};"
        for table in tables
    ]
    return "\n".join([*comment, *statements, ""])


def _folded(text: str) -> list[str]:
    """A text as lines of a comment."""
    lines = ["--"]
    for word in text.split():
        if len(lines[-1]) + len(word) > 110:  # noqa: PLR2004 - a line's width
            lines.append("--")
        lines[-1] += f" {word}"
    return lines


def _query(table: Table) -> str:
    rows = table.rows
    parts: list[str] = []
    for start in range(0, len(rows), _PART):
        first, *others = rows[start : start + _PART]
        named = ", ".join(
            f"{_literal(value, column, typed=True)} AS {column.name}" for value, column in zip(first, table.columns, strict=True)
        )
        selects = [named, *(", ".join(_literal(value, column) for value, column in zip(row, table.columns, strict=True)) for row in others)]
        inside = " UNION ALL\n".join(f"  SELECT {select}" for select in selects)
        parts.append(f"SELECT * FROM (\n{inside}\n) AS part_{len(parts) + 1}")  # noqa: S608 - column names are ours, texts are quoted
    return "\nUNION ALL\n".join(parts)


def _literal(value: Value, column: Column, *, typed: bool = False) -> str:
    if value is None:
        return _NULLS[column.type] if typed else "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        text = repr(value)
        return text if "e" in text else f"{text}e0"  # without an exponent it is a decimal
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def dbt_files(tables: Sequence[Table], version: str) -> dict[str, str]:
    """What a dbt project takes in ``seeds/``: a CSV for each table, and the properties of all, by file name.

    The properties state the type of every column. What dbt guesses follows the values: numeric codes become numbers.
    """
    files = {f"{PREFIX}{table.name}.csv": csv_text(table) for table in tables}
    seeds = {"version": 2, "seeds": [_seed(table, version) for table in tables]}
    files[f"{PREFIX}seeds.yml"] = yaml.safe_dump(seeds, sort_keys=False, allow_unicode=True, width=1000)
    return files


def _seed(table: Table, version: str) -> dict[str, object]:
    seed: dict[str, object] = {
        "name": f"{PREFIX}{table.name}",
        "description": f"{table.description} {DIFFERENCE}" if table.name == "codes" else table.description,
        "config": {
            "quote_columns": False,
            "meta": {"catalog_version": version, "key": list(table.key)},
            "column_types": {column.name: _dbt_type(table, column) for column in table.columns},
        },
    }
    if len(table.key) > 1:
        seed["data_tests"] = [{"unique": {"column_name": " || ' ' || ".join(table.key)}}]
    return {**seed, "columns": [_dbt_column(table, column) for column in table.columns]}


def _dbt_type(table: Table, column: Column) -> str:
    kind = _DBT_TYPES[column.type]
    if column.type != "text":
        return kind
    at = table.names.index(column.name)
    longest = max((len(_cell(row[at]).encode()) for row in table.rows), default=0)
    return kind % (_WIDTH if longest <= _WIDTH else 65535)


def _dbt_column(table: Table, column: Column) -> dict[str, object]:
    tests = [] if column.optional else ["not_null"]
    if table.key == (column.name,):
        tests.append("unique")
    told: dict[str, object] = {"name": column.name, "description": column.description}
    return {**told, "data_tests": tests} if tests else told
