"""``hhe catalog export``: the catalogs as tables, for tools that only join."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import click

from heify_heygen_errors.catalog.export import TABLES, Table
from heify_heygen_errors.catalog.export_formats import PREFIX, SHORT, csv_text, dbt_files, json_text, sql_text
from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.show import say

if TYPE_CHECKING:
    from heify_heygen_errors.cli.app import Session

_BOTH: Final = ("codes", "categories")
_USUAL: Final = {"csv": ("codes",), "json": _BOTH, "sql": ("codes",), "dbt": _BOTH}


@click.command()
@click.option(
    "--format", "kind", type=click.Choice(list(_USUAL)), help="Of OUT; dbt are seeds with types. Default: by its extension, else csv."
)
@click.option(
    "--table",
    "names",
    multiple=True,
    type=click.Choice(list(TABLES)),
    help="Which table; can be given several times. Default: codes, for json and dbt with categories.",
)
@click.option("--columns", metavar="COLUMN,...", help="Only these columns, in this order. Default: all; for SQL those without prose.")
@click.option("--create", type=click.Choice(["table", "view"]), help="SQL: make a table or view of each, instead of one query.")
@click.option("--output", "-o", default="-", metavar="OUT", help='A file, or a folder with "/" behind; "-", the default, is stdout.')
@catalog_option
@click.pass_obj
def export(
    session: Session,
    kind: str | None,
    names: tuple[str, ...],
    columns: str | None,
    create: Literal["table", "view"] | None,
    output: str,
) -> int:
    """Write the catalogs as tables, for tools that can only join.

    codes has a row for each provider and code: name, category, fault, retry, and whether these two alone decide.
    """
    in_folder = output.endswith(("/", os.sep)) or os.path.isdir(output)
    kind = kind or ("csv" if in_folder else _kind_of(output))
    chosen = tuple(dict.fromkeys(names)) or _USUAL[kind]
    misfit = _misfit(kind, several=len(chosen) > 1, columns=columns, create=create, output=output, in_folder=in_folder)
    if misfit is not None:
        raise click.UsageError(misfit)
    catalogs = session.normalizer.catalogs
    tables = [_narrowed(TABLES[name](catalogs), kind, columns) for name in chosen]
    files = _files(kind, tables, catalogs.version, create)
    if in_folder:
        os.makedirs(output, exist_ok=True)
        _write(output, files)
    else:
        [text] = files.values()
        if output == "-":
            _show(text)
        else:
            _write(os.path.dirname(output), {os.path.basename(output): text})
    for table in tables:
        say(f"{table.name}: {len(table.rows)} rows, catalogs {catalogs.version}")
    return 0


def _kind_of(output: str) -> str:
    """The format that the extension of a file names."""
    extension = os.path.splitext(output)[1].lower().removeprefix(".")
    if extension in ("", "csv", "json", "sql"):
        return extension or "csv"
    msg = f"no format has the extension .{extension}: name one of .csv, .json and .sql, or give --format"
    raise click.UsageError(msg)


def _misfit(kind: str, *, several: bool, columns: str | None, create: str | None, output: str, in_folder: bool) -> str | None:
    """Which options do not go together, and what to write; None if all do."""
    if not output:
        return "--output needs the name of a file or folder"
    if kind == "dbt" and not in_folder:
        return "dbt takes several files: name a folder, with a slash behind, as in --output seeds/"
    if create is not None and kind != "sql":
        return f"--create is for SQL: leave it out, or write --format sql instead of {kind}"
    if several and kind == "sql" and create is None:
        return "one query has one table: name one --table, or give --create table or --create view"
    if several and kind == "csv" and not in_folder:
        return "one CSV has one table: name one --table, or a folder, as in --output tables/"
    if several and columns is not None:
        return "--columns is for one table: name one --table"
    return None


def _narrowed(table: Table, kind: str, columns: str | None) -> Table:
    """The table with the columns that are wanted."""
    wanted = None if columns is None else list(dict.fromkeys(name.strip() for name in columns.split(",")))
    if wanted is None:
        return table.select(SHORT.get(table.name, table.names)) if kind == "sql" else table
    try:
        return table.select(wanted)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None


def _files(kind: str, tables: Sequence[Table], version: str, create: Literal["table", "view"] | None) -> Mapping[str, str]:
    """The texts by the names that they have in a folder."""
    if kind == "dbt":
        return dbt_files(tables, version)
    if kind == "csv":
        return {f"{PREFIX}{table.name}.csv": csv_text(table) for table in tables}
    if kind == "json":
        return {f"{PREFIX}catalogs.json": json_text(tables, version)}
    return {f"{PREFIX}catalogs.sql": sql_text(tables, version, create)}


def _write(folder: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text.encode())


def _show(text: str) -> None:
    """The text on stdout, in UTF-8 whatever the terminal has: it is data."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text)
