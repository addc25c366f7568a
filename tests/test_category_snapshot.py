"""The category of every code is kept: programs branch on it, so a move is a breaking change."""

import json

import pytest
from snapshots.update import PATH, current, written

from heify_heygen_errors import Category, lookup
from heify_heygen_errors.catalog import Catalogs, default_catalogs

_KEPT = json.loads(PATH.read_text(encoding="utf-8"))
_NOW = current(default_catalogs())

_BREAKING = (
    "Moving or removing a code or rule is a breaking change: programs branch on its category. If it is meant, write a fragment"
    " docs/changelog.d/NAME.category.md, raise the major version and run: python tests/snapshots/update.py"
)
_STALE = "New codes or rules are missing in the snapshot. Run: python tests/snapshots/update.py, and read its diff."

both_kinds = pytest.mark.parametrize("kind", ["codes", "rules"])


def changes(kept, now):
    """What of the kept snapshot is no longer so, one line each."""
    return [f"{key}: {was} -> {now.get(key, 'gone')}" for key, was in kept.items() if now.get(key) != was]


@both_kinds
def test_no_code_changes_its_category(kind):
    """No code and no rule that was released changes its category or goes away."""
    changed = changes(_KEPT[kind], _NOW[kind])
    assert changed == [], _BREAKING


@both_kinds
def test_snapshot_is_complete(kind):
    """Every code and rule of the catalogs stands in the snapshot."""
    missing = [key for key in _NOW[kind] if key not in _KEPT[kind]]
    assert missing == [], _STALE


def test_snapshot_is_written_by_its_command():
    """The file holds exactly what the command writes, sorted, so that diffs stay readable."""
    sorted_again = {kind: dict(sorted(_KEPT[kind].items())) for kind in ("codes", "rules")}
    assert PATH.read_text(encoding="utf-8") == written(sorted_again), _STALE


def test_snapshot_holds_categories_only():
    """Nothing but the closed set of categories stands in the snapshot."""
    assert {*_KEPT["codes"].values(), *_KEPT["rules"].values()} - {category.value for category in Category} == set()


def test_snapshot_is_what_lookup_says():
    """`lookup` gives every code of a vendor the category that the snapshot keeps."""
    codes = {key: category for key, category in _KEPT["codes"].items() if not key.startswith("layers/")}
    assert {key: lookup(*key.split("/", 1)).category for key in codes} == codes


def test_a_moved_code_is_noticed():
    """A code that an overlay moves or disables shows up as a change."""
    overlay = """
schema: 1
catalog: heygen
kind: overlay
id: mine
disable: [CREDIT_NOT_ENOUGH]
entries:
  - name: VOICE_NOT_FOUND
    codes: ["400116"]
    category: invalid_request
    summary: Another meaning.
    remedy: Do something else.
    evidence: assumed
    source: mine
"""
    moved = current(Catalogs.from_texts({"mine.yaml": overlay}))
    assert changes(_NOW["codes"], moved["codes"]) == [
        "heygen/400116: not_found -> invalid_request",
        "heygen/400118: payment -> gone",
        "heygen/CREDIT_NOT_ENOUGH: payment -> gone",
        "heygen/VOICE_NOT_FOUND: not_found -> invalid_request",
        "heygen/credit_not_enough: payment -> gone",
        "heygen/voice_not_found: not_found -> invalid_request",
    ]
