"""``hhe catalog``: what the catalogs hold, and whether they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from heify_heygen_errors.catalog.export import endpoints_table
from heify_heygen_errors.cli.export_command import export
from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.show import listing, print_json, say
from heify_heygen_errors.lint import lint_files, lint_shipped

if TYPE_CHECKING:
    from heify_heygen_errors.catalog.reader import Problem
    from heify_heygen_errors.cli.app import Session


@click.group()
def catalog() -> None:
    """List, check or export the catalogs."""


@catalog.command(name="list")
@click.argument("name", required=False)
@click.option("--category", help="Only entries of this category.")
@click.option("--endpoints", is_flag=True, help="The endpoints with their effect, wait and idempotency instead.")
@click.option("--limits", is_flag=True, help="The documented limits instead.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@catalog_option
@click.pass_obj
def list_command(session: Session, name: str | None, category: str | None, *, endpoints: bool, limits: bool, as_json: bool) -> int:
    """List the entries of one catalog or of all.

    NAME is heygen, liveavatar, heify or layers.
    """
    catalogs = session.normalizer.catalogs
    known = [*catalogs.providers, "layers"]
    if name is not None and name not in known:
        msg = f"there is no catalog {name!r}: use one of {', '.join(known)}"
        raise click.UsageError(msg)
    if category is not None and category not in catalogs.categories:
        msg = f"there is no category {category!r}: use one of {', '.join(catalogs.categories)}"
        raise click.UsageError(msg)
    if endpoints and limits:
        msg = "give --endpoints or --limits, not both"
        raise click.UsageError(msg)
    if endpoints or limits:
        return _facts(session, name, endpoints=endpoints, as_json=as_json)
    entries = [entry for entry in catalogs.entries(name) if category in (None, entry.category.value)]
    if as_json:
        print_json([entry.to_dict() for entry in entries])
        return 0
    rows = [
        [entry.rule, entry.category.value, ", ".join(entry.vendor_codes), entry.retry.action.value, entry.message or ""]
        for entry in entries
    ]
    listing(["rule", "category", "codes", "retry", "message"], rows)
    say(f"{len(rows)} entries, catalogs {catalogs.version}")
    return 0


def _facts(session: Session, name: str | None, *, endpoints: bool, as_json: bool) -> int:
    catalogs = session.normalizer.catalogs
    if endpoints:
        table = endpoints_table(catalogs)
        columns = list(table.names)
        rows = [list(row) for row in table.rows if name in (None, row[0])]
    else:  # values as they are, where the table of the export has texts
        columns = ["provider", "name", "value", "unit", "note"]
        spaces = [catalogs.space(provider) for provider in catalogs.providers if name in (None, provider)]
        rows = [[space.name, limit.name, limit.value, limit.unit, limit.note] for space in spaces for limit in space.limits]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif not rows:
        say("none are documented")
    else:
        listing(
            columns, [["" if value is None else f"{value:g}" if isinstance(value, float) else str(value) for value in row] for row in rows]
        )
    return 0


@catalog.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@catalog_option
@click.pass_obj
def lint(session: Session, files: tuple[str, ...], *, as_json: bool) -> int:
    """Check overlay FILEs, or the shipped catalogs.

    Prints file:line, problem and remedy of every problem, and exits 1 if there is one.
    """
    problems: list[Problem] = lint_files(files, session.normalizer.catalogs) if files else lint_shipped()
    if as_json:
        print_json([{"file": p.file, "line": p.line, "path": p.path, "problem": p.what, "remedy": p.remedy} for p in problems])
    else:
        for problem in problems:
            click.echo(str(problem))
    count = len(problems)
    say(f"{count} problem{'' if count == 1 else 's'}" if count else "no problems")
    return 1 if problems else 0


catalog.add_command(export)
