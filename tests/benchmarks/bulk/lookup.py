"""The table that the hand-written jobs look meanings up in: what a data engineer would copy out of the vendors' pages.

    python tests/benchmarks/bulk/lookup.py lookup.csv

A row says what a code, a message, a status or an exception means: ``kind, provider, key, category, retryable``. Only
what can be looked up by equality is in it; everything else the jobs decide by rules of their own. It is written before
the clock runs.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from heify_heygen_errors.catalog import CatalogEntry, Catalogs, Rule, default_catalogs

HEAD = ("kind", "provider", "key", "category", "retryable")


class Meaning(NamedTuple):
    """One row."""

    kind: str
    provider: str
    key: str
    category: str
    retryable: bool


def meanings(catalogs: Catalogs) -> Iterator[Meaning]:
    """Every row, those that count more first: a key that comes again is to be left out."""
    for provider in catalogs.providers:
        space = catalogs.space(provider)
        for table in (space, catalogs.layers):
            for code, entries in table.by_code.items():
                yield _meaning("code", provider, code, entries[0])
        for entry in (*space.entries.values(), *catalogs.layers.entries.values()):
            for text in (entry.message, *entry.also):
                key = (text or "").strip("… ").lower()
                if key and "{" not in key and "…" not in key:
                    yield _meaning("message", provider, key, entry)
        for status in range(400, 600):
            rule = space.status_rule(status)
            if rule is not None:
                yield _meaning("status", provider, str(status), rule)
        for name, rule in catalogs.transport.by_exception.items():
            yield _meaning("exception", provider, name.rpartition(".")[2], rule)


def _meaning(kind: str, provider: str, key: str, of: CatalogEntry | Rule) -> Meaning:
    action = of.action if isinstance(of, Rule) else of.retry.action
    return Meaning(kind, provider, key, of.category.value, action.value in ("backoff", "poll"))


def write_lookup(path: Path) -> Path:
    """Writes the table as CSV."""
    rows: dict[tuple[str, str, str], Meaning] = {}
    for meaning in meanings(default_catalogs()):
        rows.setdefault(meaning[:3], meaning)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        writer.writerows((*meaning[:4], "true" if meaning.retryable else "false") for meaning in rows.values())
    return path


if __name__ == "__main__":
    write_lookup(Path(sys.argv[1]))
