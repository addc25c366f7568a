"""Catalog lint: the shipped catalogs are right, and what is wrong with a user's YAML is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import CatalogError, Catalogs
from heify_heygen_errors.catalog.schema import ENTRY
from heify_heygen_errors.lint import lint_files, lint_overlays, lint_shipped

Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]


def test_the_shipped_catalogs_have_no_problems() -> None:
    """Every shipped catalog is well-formed, and each of its examples gives its entry and each counter-example does not."""
    assert [str(problem) for problem in lint_shipped()] == []


def _lint(text: str) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.path, problem.what) for problem in lint_overlays({"mine.yaml": text}, Catalogs.load())]


REFINE = {
    "id": "late",
    "when": {"detail": ["too late…"]},
    "category": "timeout",
    "summary": "It was late.",
    "remedy": "Hurry.",
    "examples": [{"detail": "too late by 5 s"}],
    "counter_examples": [{"detail": "in time"}],
}
TEMPLATE = {"also": ["Thing {id} broke"], "examples": ["Thing x broke"], "counter_examples": ["Thing broke"]}

GOOD = {
    "by code": ({"codes": ["900001"]}, "heygen"),
    "by message": ({"message": "The {thing} clashed", "examples": ["The cat clashed"], "counter_examples": ["clashed"]}, "heygen"),
    "captures": ({**TEMPLATE, "examples": [{"message": "Thing x broke", "params": {"id": "x"}}]}, "heygen"),
    "refinement": ({"codes": ["900001"], "refine": [REFINE]}, "heygen"),
    "heify": ({**TEMPLATE, "named": False}, "heify"),
    "liveavatar": ({"codes": ["900001"]}, "liveavatar"),
    "layers": ({**TEMPLATE, "channel": "gateway"}, "layers"),
    "job": ({**TEMPLATE, "examples": [{"message": "Thing x broke", "channel": "job"}]}, "heygen"),
    "body": ({**TEMPLATE, "examples": [{"body": {"message": "Thing x broke"}, "status": 400}]}, "heygen"),
    "raw body": ({**TEMPLATE, "examples": [{"body": '{"message": "Thing x broke"}', "status": 400}]}, "heygen"),
}


@pytest.mark.parametrize(("row", "catalog"), GOOD.values(), ids=GOOD)
def test_examples_that_hold(row: dict[str, Any], catalog: str, entry: Entry, overlay: Overlay) -> None:
    """An overlay whose examples give what they promise has no problems."""
    assert _lint(overlay(entry(**row), catalog=catalog)) == []


BROKEN = {
    "example of something else": (
        {**TEMPLATE, "examples": ["Thing x broke", "Nothing broke"]},
        "$.entries[0].examples[1]",
        "the example gives heygen/status:400 instead of heygen/MY_ERROR@mine",
    ),
    "counter-example that fits": (
        {**TEMPLATE, "counter_examples": ["Thing broke", "thing y broke"]},
        "$.entries[0].counter_examples[1]",
        "the counter-example gives heygen/MY_ERROR@mine",
    ),
    "wrong captures": (
        {**TEMPLATE, "examples": [{"message": "Thing x broke", "params": {"id": "y"}}]},
        "$.entries[0].examples[0]",
        "the example captures {'id': 'x'} instead of {'id': 'y'}",
    ),
    "status that its template is not believed with": (
        {**TEMPLATE, "statuses": [409], "examples": [{"message": "Thing x broke", "status": 404}]},
        "$.entries[0].examples[0]",
        "the example gives heygen/status:404 instead of heygen/MY_ERROR@mine",
    ),
    "example of a success": (
        {**TEMPLATE, "examples": [{"body": {"code": 100, "message": "Success"}, "status": 200}]},
        "$.entries[0].examples[0]",
        "the example gives no error instead of heygen/MY_ERROR@mine",
    ),
    "example of a refinement": (
        {"codes": ["900001"], "refine": [{**REFINE, "examples": [{"detail": "early"}]}]},
        "$.entries[0].refine[0].examples[0]",
        "the example gives heygen/MY_ERROR@mine instead of heygen/MY_ERROR#late@mine",
    ),
    "counter-example of a refinement": (
        {"codes": ["900001"], "refine": [{**REFINE, "counter_examples": [{"detail": "too late"}]}]},
        "$.entries[0].refine[0].counter_examples[0]",
        "the counter-example gives heygen/MY_ERROR#late@mine",
    ),
    "template of a shipped entry": (
        {"message": "Unauthorized", "statuses": [401]},
        "$.entries[0].message",
        "template 'Unauthorized' already belongs to UNAUTHORIZED, the shipped catalog",
    ),
}


@pytest.mark.parametrize(("row", "path", "what"), BROKEN.values(), ids=BROKEN)
def test_examples_that_do_not_hold(row: dict[str, Any], path: str, what: str, entry: Entry, overlay: Overlay) -> None:
    """An example that does not give its entry, or a counter-example that does, is found at its own place."""
    assert _lint(overlay(entry(**row))) == [(2, path, what)]


def test_a_users_yaml_gives_file_line_problem_and_remedy(tmp_path: Path) -> None:
    """A user's file is reported with the line that is wrong, what is wrong and what to do, all problems in order."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: 1\ncatalog: heygen\nkind: overlay\nid: mine\nentries:\n"
        "  - name: MY_ERROR\n    codes: [900001]\n    catgory: conflict\n    category: conflict\n"
        "    summary: It clashed.\n    remedy: Look\n    evidence: assumed\n    source: a test\n"
    )
    problems = [str(problem).replace(str(file), "mine.yaml") for problem in lint_files([str(file)], Catalogs.load())]
    unquoted, unknown, endless = (problem.split("\n    ") for problem in problems)
    assert unquoted == [
        "mine.yaml:7: 900001 stands without quotes @ $.entries[0].codes[0]",
        'Write "900001" in quotes, so that no reader takes it for a number or a flag.',
    ]
    assert unknown == [
        "mine.yaml:8: unknown field 'catgory' of an entry @ $.entries[0].catgory",
        f"Did you mean category? Known: {', '.join(ENTRY.fields)}.",
    ]
    assert endless == [
        "mine.yaml:11: 'Look' is not prose that ends with a full stop @ $.entries[0].remedy",
        "Write prose that ends with a full stop.",
    ]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """A missing file and one that is not UTF-8 are problems like any other, beside those of the readable files."""
    (tmp_path / "latin.yaml").write_bytes(b"kind: \xff\n")
    (tmp_path / "good.yaml").write_text("schema: 1\ncatalog: heify\nkind: overlay\nid: good\n")
    names = ["gone.yaml", "good.yaml", "latin.yaml"]
    problems = lint_files([str(tmp_path / name) for name in names], Catalogs.load())
    assert [(Path(problem.file).name, problem.line, problem.remedy) for problem in problems] == [
        ("gone.yaml", 1, "Name a YAML file in UTF-8."),
        ("latin.yaml", 1, "Name a YAML file in UTF-8."),
    ]


def test_overlays_are_checked_together(entry: Entry, overlay: Overlay) -> None:
    """An overlay may take out what an earlier one brought: the checks run on the merged result."""
    one = overlay(entry(**TEMPLATE), overlay_id="one")
    two = overlay(overlay_id="two", disable=["MY_ERROR"])
    assert [str(problem) for problem in lint_overlays({"one.yaml": one, "two.yaml": two}, Catalogs.load())] == []


RICH = {
    "codes": ["900001"],
    "named": True,
    "message": "Thing {id} broke",
    "detail": "Broken",
    "match_message": True,
    "also": ["The {thing} is broken"],
    "statuses": ["409", "5xx"],
    "when": {"status": ["409"], "channel": ["response"], "endpoint": ["/v3/videos"], "message": ["Thing…"]},
    "generic": False,
    "shape": "missing_job",
    "in_pages": True,
    "channel": "gateway",
    "category": "conflict",
    "fault": "caller",
    "retry": {"action": "wait", "after": 5, "resets": "day"},
    "outcome": "refused",
    "refine": [REFINE],
    "examples": ["Thing x broke", {"message": "Thing x broke", "status": 409, "params": {"id": "x"}, "headers": {"a": "b"}}],
    "counter_examples": ["Thing broke", {"code": "x", "detail": "y", "channel": "job", "body": {"a": 1}, "url": "/x", "method": "GET"}],
    "evidence": "assumed",
    "source": ["a test"],
    "note": "A note.",
    "since": "v3",
    "replaced_by": "UNAUTHORIZED",
}
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 700)
    | st.floats(0, 9)
    | st.sampled_from(["", "5xx", "never", "job", "{a}", "…", "x.", "a\nb"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "when", "message", "body", "status", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(data=st.data())
def test_any_rows_are_linted(data: st.DataObject, entry: Entry, overlay: Overlay) -> None:
    """Whatever values stand in a row, lint gives problems and never fails, and what lint passes can be loaded."""
    row = entry(**{key: RICH[key] for key in data.draw(st.sets(st.sampled_from(sorted(RICH)), max_size=6))})
    for key in data.draw(st.sets(st.sampled_from(sorted(row)), max_size=2)):
        row[key] = data.draw(_VALUES)
    text = overlay(row)
    problems = lint_overlays({"mine.yaml": text}, Catalogs.load())
    try:
        Catalogs.from_texts({"mine.yaml": text})
    except CatalogError as error:
        refused = list(error.problems)
    else:  # it can be loaded, so at most its examples are wrong
        refused = [problem for problem in problems if "example" in problem.what]
    assert problems == refused
