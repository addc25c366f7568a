"""``hhe lookup``: the catalog's entry of a code or name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from heify_heygen_errors.catalog import CatalogEntry
from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.show import facts, print_json, say

if TYPE_CHECKING:
    from heify_heygen_errors.cli.app import Session


@click.command()
@click.argument("code")
@click.option("--provider", "-p", help="Look in this provider's catalog only: heygen, liveavatar, heify or layers.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@catalog_option
@click.pass_obj
def lookup(session: Session, code: str, provider: str | None, *, as_json: bool) -> int:
    """Show what CODE (a number, a code or a name) means.

    Without --provider, every catalog is asked and each that knows it answers.
    """
    normalizer = session.normalizer
    providers = [provider] if provider else [*normalizer.catalogs.providers, "layers"]
    found: dict[str, CatalogEntry] = {}
    reasons = []
    for name in providers:
        try:
            entry = normalizer.lookup(name, code)
        except KeyError as error:
            reasons.append(str(error))
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        else:
            found.setdefault(entry.rule, entry)
    if not found:
        for reason in reasons:
            say(reason)
        if as_json and not provider:
            print_json([])
        return 1
    if as_json:
        entries = [entry.to_dict() for entry in found.values()]
        print_json(entries[0] if provider else entries)
        return 0
    for number, entry in enumerate(found.values()):
        if number:
            click.echo()
        show_entry(entry)
    return 0


def show_entry(entry: CatalogEntry) -> None:
    """An entry as a table of facts."""
    retry = entry.retry.action.value
    if entry.retry.resets:
        retry += f", resets each {entry.retry.resets}"
    rows: list[tuple[str, str | None]] = [
        ("rule", entry.rule),
        ("codes", ", ".join(entry.codes) or None),
        ("message", entry.message),
        ("detail", entry.detail),
        ("statuses", ", ".join(entry.statuses) or None),
        ("category", entry.category.value),
        ("fault", entry.fault.value),
        ("retry", retry),
        ("summary", entry.summary),
        ("remedy", entry.remedy),
        *((f"#{refinement.id}", f"{refinement.category}: {refinement.summary}") for refinement in entry.refinements),
        ("evidence", f"{entry.evidence}: {'; '.join(entry.source)}"),
        ("note", entry.note),
        ("replaced by", entry.replaced_by),
    ]
    facts(rows)
