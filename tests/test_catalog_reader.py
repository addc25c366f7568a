"""Strict reading of catalog files: every problem with its file, line, path and remedy, and no way to crash it."""

from __future__ import annotations

import copy
import pickle

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import CatalogError, Catalogs
from heify_heygen_errors.catalog import reader
from heify_heygen_errors.catalog.reader import Problem, read_source

HEAD = "schema: 1\ncatalog: heygen\nkind: overlay\nid: mine\nentries:\n"
ENTRY = """\
- name: MY_ERROR
  codes: ["900001"]
  category: conflict
  summary: It clashed.
  remedy: Look.
  evidence: assumed
  source: a test
"""
LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def each_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads with PyYAML's Python loader and, where there is one, with its C loader."""
    monkeypatch.setattr(reader, "Loader", request.param)


# What stands behind HEAD + ENTRY (7 lines from line 6 on), where the problem is, and words of it and of its remedy.
PROBLEMS = {
    "duplicate key": ("  name: OTHER\n", 13, "$.entries[0].name", "duplicate key 'name', first on line 6", "Keep one"),
    "unknown field": ("  catgory: plan\n", 13, "$.entries[0].catgory", "unknown field 'catgory' of an entry", "Did you mean category?"),
    "far from any field": ("  zzz: plan\n", 13, "$.entries[0].zzz", "unknown field 'zzz'", "Known: name, codes"),
    "merge key": ("  <<: {note: x.}\n", 13, "$.entries[0].<<", "unknown field '<<'", "Known:"),
    "unquoted text": ("  since: 3\n", 13, "$.entries[0].since", "3 stands without quotes", 'Write "3" in quotes'),
    "unquoted date": ("  since: 2026-11-22\n", 13, "$.entries[0].since", "stands without quotes", "in quotes"),
    "unquoted flag": ("  since: yes\n", 13, "$.entries[0].since", "yes stands without quotes", "in quotes"),
    "empty value": ("  since:\n", 13, "$.entries[0].since", "the value is empty", "leave the field out"),
    "blank text": ('  since: " "\n', 13, "$.entries[0].since", "the text is empty", "leave the field out"),
    "text instead of flag": ("  named: nope\n", 13, "$.entries[0].named", "'nope' is neither true nor false", "without quotes"),
    "quoted flag": ('  named: "false"\n', 13, "$.entries[0].named", "neither true nor false", "without quotes"),
    "mapping instead of text": ("  since: {a: b}\n", 13, "$.entries[0].since", "expected a text, found a mapping", "Write a text"),
    "text instead of list": ("  also: hello\n", 13, "$.entries[0].also", "expected a list, found 'hello'", "Write [a, b]"),
    "list instead of mapping": ("  retry: [never]\n", 13, "$.entries[0].retry", "expected a mapping, found a list", "key: value"),
    "wrong fault": ("  fault: callers\n", 13, "$.entries[0].fault", "'callers' is no fault", "Did you mean caller? Write one of: caller"),
    "wrong status": ("  statuses: [700]\n", 13, "$.entries[0].statuses[0]", "'700' is not an HTTP status", '404 or "4xx"'),
    "wrong number": ("  retry: {after: soon}\n", 13, "$.entries[0].retry.after", "expected a number, found 'soon'", "without quotes"),
    "quoted number": ('  retry: {after: "5"}\n', 13, "$.entries[0].retry.after", "expected a number, found '5'", "without quotes"),
    "negative number": ("  retry: {after: -5}\n", 13, "$.entries[0].retry.after", "-5 is out of range", "from 0"),
    "prose without end": ("  note: no full stop\n", 13, "$.entries[0].note", "is not prose that ends with a full stop", "Write prose"),
    "anchor": ("  note: &a Hello.\n", 13, "$", "anchor &a is not allowed", "Take it out"),
    "alias": ("  note: *a\n", 13, "$", "alias *a is not allowed", "Write the value out"),
    "tag": ("  note: !!str Hello.\n", 13, "$", "tag tag:yaml.org,2002:str is not allowed", "Take it out"),
    "python tag": ("  note: !!python/object:os.system Hello.\n", 13, "$", "is not allowed", "Take it out"),
    "own tag": ("  note: ! Hello.\n", 13, "$", "tag ! is not allowed", "Take it out"),
    "second document": ("---\nschema: 1\n", 13, "$", "a second YAML document", "Keep one per file"),
    "not YAML": ("  note: [\n", 14, "$", "not YAML", "Check quotes"),
    "tab": ("\tnote: x.\n", 13, "$", "not YAML", "Check quotes"),
    "deep nesting": (f"  examples: {'[' * 30}{']' * 30}\n", 13, "$", "nests deeper than", "flatten it"),
    "missing fields": ("- name: OTHER\n", 13, "$.entries[1]", "entry without category, summary, remedy, evidence, source", "Add category"),
    "text instead of entry": ("- hello\n", 13, "$.entries[1]", "expected a mapping, found 'hello'", "key: value"),
    "wrong name": ("- name: my_error\n", 13, "$.entries[1].name", "'my_error' is not an UPPER_SNAKE symbol", "Write an UPPER_SNAKE symbol"),
    "key is a list": ("  ? [a]\n  : b\n", 13, "$.entries[0]", "a key is no text", "plain words"),
}


@pytest.mark.usefixtures("each_loader")
@pytest.mark.parametrize(("tail", "line", "path", "what", "remedy"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_names_its_place_and_remedy(tail: str, line: int, path: str, what: str, remedy: str) -> None:
    """Every kind of mistake is refused with file, line, path and what to write instead, by either YAML loader."""
    _, problems = read_source(HEAD + ENTRY + tail, "mine.yaml")
    assert [(problem.file, problem.line, problem.path) for problem in problems][:1] == [("mine.yaml", line, path)]
    assert what in problems[0].what
    assert remedy in problems[0].remedy


@pytest.mark.parametrize(
    "code",
    ["400112", "0x1F", "0o17", "017", "1e5", "1_000", "190:20", ".5", "~", "null", "true", "No", "off", "2026-11-22", ".inf"],
)
def test_codes_need_quotes(code: str) -> None:
    """A code that any YAML reader takes for a number, a flag, a date or nothing is refused without quotes and read as written with them."""
    source, problems = read_source(HEAD + ENTRY.replace('"900001"', code), "mine.yaml")
    assert [(problem.path, problem.line) for problem in problems] == [("$.entries[0].codes[0]", 7)]
    source, problems = read_source(HEAD + ENTRY.replace("900001", code), "mine.yaml")
    assert problems == []
    assert source is not None
    assert source.data["entries"][0]["codes"] == [code]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the file holds no mapping"),
        ("# nothing\n", "the file holds no mapping"),
        ("- a\n", "the file holds no mapping"),
        ("hello\n", "the file holds no mapping"),
        ("schema: 1\n", "does not say which kind"),
        ("kind: [overlay]\n", "does not say which kind"),
        ("kind: overlai\n", "kind 'overlai' is none"),
    ],
)
def test_a_file_that_is_no_catalog(text: str, what: str) -> None:
    """A file that is no catalog at all is one problem that says how to begin."""
    source, problems = read_source(text, "mine.yaml")
    assert source is None
    assert [problem.file for problem in problems] == ["mine.yaml"]
    assert what in problems[0].what


@pytest.mark.usefixtures("each_loader")
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_deep_nesting_crashes_no_loader(opening: str) -> None:
    """Nesting that would end the process in PyYAML's composer is refused like any other problem."""
    source, problems = read_source("kind: " + opening * 20_000, "mine.yaml")
    assert source is None
    assert len(problems) == 1


@pytest.mark.usefixtures("each_loader")
def test_all_problems_at_once() -> None:
    """One reading gives every problem of a file, not the first only."""
    text = HEAD + ENTRY.replace("conflict", "conflicted").replace('"900001"', "900001") + "  fault: none\n  zzz: 1\n"
    _, problems = read_source(text, "mine.yaml")
    assert [problem.path for problem in problems] == [
        "$.entries[0].codes[0]",
        "$.entries[0].category",
        "$.entries[0].fault",
        "$.entries[0].zzz",
    ]


def test_the_number_of_problems_is_bounded() -> None:
    """A file that is wrong everywhere does not fill the memory with problems."""
    _, problems = read_source(HEAD + "- hello\n" * 2000, "mine.yaml")
    assert len(problems) == reader.MAX_PROBLEMS


def test_a_huge_file_is_not_read() -> None:
    """A file beyond the bound is refused before it is parsed."""
    source, problems = read_source("#" * (reader.MAX_SIZE + 1), "mine.yaml")
    assert source is None
    assert [problem.remedy for problem in problems] == ["Split it."]


@pytest.mark.usefixtures("each_loader")
def test_a_good_file_has_no_problems() -> None:
    """A file that follows the format is read as plain values that know their lines."""
    source, problems = read_source(HEAD + ENTRY, "mine.yaml")
    assert problems == []
    assert source is not None
    assert source.data == {
        "schema": 1,
        "catalog": "heygen",
        "kind": "overlay",
        "id": "mine",
        "entries": [
            {
                "name": "MY_ERROR",
                "codes": ["900001"],
                "category": "conflict",
                "summary": "It clashed.",
                "remedy": "Look.",
                "evidence": "assumed",
                "source": ["a test"],
            }
        ],
    }
    assert (source.line("$.entries[0].remedy"), source.line("$.entries[0].nothing.here"), source.line("$")) == (10, 6, 1)


def test_a_problem_prints_as_people_read_it() -> None:
    """A problem prints as file:line, problem and path, and its remedy on the next line."""
    problem = Problem("mine.yaml", 7, "$.entries[0].codes[0]", "900001 stands without quotes", 'Write "900001" in quotes.')
    assert str(problem) == 'mine.yaml:7: 900001 stands without quotes @ $.entries[0].codes[0]\n    Write "900001" in quotes.'


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_catalog_error_can_be_copied(again: object) -> None:
    """A CatalogError keeps its problems, in order, through copy and pickle."""
    problems = [Problem("b.yaml", 1, "$", "b", "B."), Problem("a.yaml", 9, "$", "a", "A.")]
    error = CatalogError(problems)
    other = again(error)  # type: ignore[operator]
    assert type(other) is CatalogError
    assert other.problems == (problems[1], problems[0])
    assert str(other) == "2 problems in the catalogs:\na.yaml:9: a @ $\n    A.\nb.yaml:1: b @ $\n    B."


_YAML = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"])),
    st.text("-:[]{}&*!|>'\"%@`#,?\n\t aé\x00"),
    st.builds(
        lambda at, cut, new: (HEAD + ENTRY)[:at] + new + (HEAD + ENTRY)[at + cut :],
        st.integers(0, len(HEAD + ENTRY)),
        st.integers(0, 12),
        st.text("-:[]{}&*!|>'\"%#,?\n\t aé1~", max_size=6),
    ),
)


@pytest.mark.usefixtures("each_loader")
def test_text_that_no_encoder_takes_is_refused() -> None:
    """A lone surrogate in an overlay's text is a problem of that file, not a crash of the YAML library."""
    source, problems = read_source(HEAD + ENTRY + "  note: \ud800.\n", "mine.yaml")
    assert source is None
    assert [problem.file for problem in problems] == ["mine.yaml"]


@given(_YAML)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in an overlay, loading gives catalogs or a CatalogError, and nothing else."""
    read: object
    try:
        read = Catalogs.from_texts({"mine.yaml": text}).overlays[0]["kind"]
    except CatalogError as error:
        read = {problem.file for problem in error.problems}
    assert read in ("overlay", {"mine.yaml"})
