"""Writes categories.json anew: `python tests/snapshots/update.py`. Read its diff before you commit it."""

import json
from pathlib import Path

from heify_heygen_errors.catalog import Catalogs, default_catalogs

PATH = Path(__file__).with_name("categories.json")


def current(catalogs: Catalogs) -> dict[str, dict[str, str]]:
    """The category of every code, as ``provider/code``, and of every rule that an entry or exception ends in."""
    entries = catalogs.entries()
    codes = {f"{entry.provider}/{code}": entry.category.value for entry in entries for code in entry.codes}
    rules = {entry.rule: entry.category.value for entry in entries}
    rules |= {refinement.rule: refinement.category.value for entry in entries for refinement in entry.refinements}
    rules |= {rule.id: rule.category.value for rule in catalogs.transport.rules.values()}
    return {"codes": dict(sorted(codes.items())), "rules": dict(sorted(rules.items()))}


def written(snapshot: dict[str, dict[str, str]]) -> str:
    """The text of the file."""
    return json.dumps(snapshot, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(written(current(default_catalogs())), encoding="utf-8")
