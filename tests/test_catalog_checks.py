"""Checks across rules: what is well-formed alone but wrong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heify_heygen_errors import CatalogError, Catalogs
from heify_heygen_errors.catalog.checks import check_sources
from heify_heygen_errors.catalog.reader import Problem, Source, read_source

Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]

OPEN = {"also": ["Thing {id} broke"], "examples": ["Thing x broke"], "counter_examples": ["Thing broke"]}
REFINE = {
    "id": "late",
    "when": {"message": ["too late"]},
    "category": "timeout",
    "summary": "It was late.",
    "remedy": "Hurry.",
    "examples": ["too late"],
    "counter_examples": ["too early"],
}


def _problems(*texts: str) -> list[tuple[str, str, str]]:
    """File, path and words of every problem that overlays have."""
    with pytest.raises(CatalogError) as caught:
        Catalogs.from_texts({f"{number}.yaml": text for number, text in enumerate(texts)})
    return [(problem.file, problem.path, problem.what) for problem in caught.value.problems]


# Changes to rows; the place of the problem; its words.
TOGETHER = {
    "code of a shipped entry": (
        [{"codes": ["400112"]}],
        "$.entries[0].codes",
        "code 400112 already means UNAUTHORIZED, the shipped catalog",
    ),
    "name that is a shipped code": (
        [{"codes": ["unauthorized"], "named": False}],
        "$.entries[0].codes",
        "code unauthorized already means UNAUTHORIZED",
    ),
    "code twice": ([{"codes": ["9"]}, {"name": "TWO", "codes": ["9"]}], "$.entries[1].codes", "code 9 already means MY_ERROR, 0.yaml:2"),
    "code of success": ([{"codes": ["9", "success"]}], "$.entries[0].codes", "code success means success at heygen"),
    "code of success in capitals": ([{"codes": ["OK"]}], "$.entries[0].codes", "code OK means success at heygen"),
    "code with a blank in front": (
        [{"codes": ["9", " lead"]}],
        "$.entries[0].codes[1]",
        "code ' lead' has white space at an end and can never be found",
    ),
    "code with a blank behind": ([{"codes": ["trail\u3000"]}], "$.entries[0].codes[0]", "has white space at an end"),
    "code with NUL": ([{"codes": ["A\0b"]}], "$.entries[0].codes[0]", "code 'A\\x00b' holds a control character or line break"),
    "code with a line break": ([{"codes": ["A\u2028b"]}], "$.entries[0].codes[0]", "holds a control character or line break"),
    "empty code": ([{"codes": ["9", ""]}], "$.entries[0].codes[1]", "the text is empty"),
    "no code": ([{"codes": [None]}], "$.entries[0].codes[0]", "null stands without quotes"),
    "list as code": ([{"codes": [["9"]]}], "$.entries[0].codes[0]", "expected a code in quotes, found a list"),
    "name twice": ([{"codes": ["9"]}, {"codes": ["8"]}], "$.entries[1].name", "stands in two overlays"),
    "template of a shipped entry": (
        [{"message": "unauthorized"}],
        "$.entries[0].message",
        "template 'unauthorized' already belongs to UNAUTHORIZED",
    ),
    "template twice": (
        [{**OPEN}, {"name": "TWO", **OPEN, "also": ["thing {other} BROKE"]}],
        "$.entries[1].also[0]",
        "already belongs to MY_ERROR",
    ),
    "shape of a shipped entry": ([{"shape": "failed_without_reason"}], "$.entries[0].shape", "shape failed_without_reason already means"),
    "unreachable": ([{"named": False}], "$.entries[0]", "entry MY_ERROR can never be reached"),
    "unreachable by its message": (
        [{"named": False, "message": "Boo", "match_message": False}],
        "$.entries[0]",
        "entry MY_ERROR can never be reached",
    ),
    "no examples": ([{"also": ["Thing {id} broke"]}], "$.entries[0]", "not both examples and counter_examples"),
    "no counter-examples": ([{**OPEN, "counter_examples": []}], "$.entries[0]", "not both examples and counter_examples"),
    "bad template": ([{**OPEN, "also": ["{a}{b}"]}], "$.entries[0].also[0]", "template '{a}{b}'"),
    "bad template of a refinement": (
        [{"refine": [{**REFINE, "when": {"message": ["{A}"]}}]}],
        "$.entries[0].refine[0].when.message[0]",
        "template '{A}'",
    ),
    "refinement without conditions": ([{"refine": [{**REFINE, "when": {}}]}], "$.entries[0].refine[0]", "always wins"),
    "refinement that never wins": ([{"refine": [REFINE, {**REFINE, "id": "again"}]}], "$.entries[0].refine[1]", "can never win"),
    "refinement id twice": (
        [{"refine": [REFINE, {**REFINE, "when": {"message": ["other"]}}]}],
        "$.entries[0].refine[1]",
        "refinement id late occurs twice",
    ),
    "refinement without examples": ([{"refine": [{**REFINE, "examples": []}]}], "$.entries[0].refine[0]", "needs examples"),
    "replaced by nothing": ([{"replaced_by": "NOBODY"}], "$.entries[0].replaced_by", "NOBODY, which does not exist"),
    "name of a layer's entry": ([{"name": "APIGW_FORBIDDEN"}], "$.entries[0].name", "is also an entry of the layers"),
}


@pytest.mark.parametrize(("rows", "path", "what"), TOGETHER.values(), ids=TOGETHER)
def test_rules_that_are_wrong_together(rows: list[dict[str, Any]], path: str, what: str, entry: Entry, overlay: Overlay) -> None:
    """Rules that clash, can never win or lack their examples are refused at their place."""
    problems = _problems(overlay(*(entry(**row) for row in rows)))
    assert [(file, where) for file, where, _ in problems] == [("0.yaml", path)]
    assert what in problems[0][2]


@pytest.mark.parametrize(
    "rows",
    [
        [{"codes": ["900001"]}],
        [{"codes": ["400112"], "when": {"status": ["418"]}}],
        [{"message": "Unauthorized", "match_message": False, "codes": ["9"]}],
        [{**OPEN}],
        [{"refine": [REFINE]}],
        [{"name": "UNAUTHORIZED", "codes": ["400112"]}],
        [{"replaced_by": "UNAUTHORIZED"}],
        [{"replaced_by": "TWO"}, {"name": "TWO"}],
        [
            {"also": ["Thing {id} broke"], "when": {"status": ["418"]}, "examples": ["Thing x broke"], "counter_examples": ["x"]},
            {"name": "TWO", **OPEN},
        ],
        [],
    ],
)
def test_rules_that_are_right_together(rows: list[dict[str, Any]], entry: Entry, overlay: Overlay) -> None:
    """What a condition, match_message: false or a replacement makes unambiguous is accepted."""
    catalogs = Catalogs.from_texts({"mine.yaml": overlay(*(entry(**row) for row in rows))})
    names = [row.get("name", "MY_ERROR") for row in rows]
    assert [catalogs.space("heygen").entries[name].rule for name in names] == [f"heygen/{name}@mine" for name in names]


def test_a_name_that_means_success_is_no_code(entry: Entry, overlay: Overlay) -> None:
    """An entry whose name is a code of success is refused in both spellings, with what to write instead; as a mere name it is accepted."""
    with pytest.raises(CatalogError) as caught:
        Catalogs.from_texts({"mine.yaml": overlay(entry(name="SUCCESS", codes=["9"]))})
    assert [str(problem) for problem in caught.value.problems] == [
        f"mine.yaml:2: code {code} means success at heygen @ $.entries[0].codes\n"
        "    Take it out; where it is the entry's name, rename the entry or write named: false."
        for code in ("SUCCESS", "success")
    ]
    catalogs = Catalogs.from_texts({"mine.yaml": overlay(entry(name="SUCCESS", codes=["9"], named=False))})
    assert catalogs.space("heygen").by_code.keys() & {"SUCCESS", "success"} == set()


def test_codes_of_success_are_those_of_the_provider(entry: Entry, overlay: Overlay) -> None:
    """A code of success at one vendor can be a failure at another, and in a layer."""
    for catalog in ("liveavatar", "heify", "layers"):
        catalogs = Catalogs.from_texts({"mine.yaml": overlay(entry(codes=["ok"]), catalog=catalog)})
        assert [one.codes[0] for one in catalogs.entries(catalog) if one.name == "MY_ERROR"] == ["ok"]
    with pytest.raises(CatalogError, match="code 1000 means success at liveavatar"):
        Catalogs.from_texts({"mine.yaml": overlay(entry(codes=["1000"]), catalog="liveavatar")})


def test_a_whole_catalog_lists_no_code_of_its_success() -> None:
    """The codes of success that a catalog states itself are no codes of its entries."""
    row = 'name: ODD, codes: ["fine", 7], category: plan, summary: Odd., remedy: Look., evidence: assumed, source: a test'
    text = f'schema: 1\ncatalog: acme\nkind: provider\ntitle: Acme\nsuccess: {{codes: ["Fine"]}}\nentries:\n  - {{{row}}}\n'
    source, problems = read_source(text, "0.yaml")
    assert source is not None
    assert _places([*problems, *check_sources({}, [source])]) == [
        ("0.yaml", 7, "$.entries[0].codes"),
        ("0.yaml", 7, "$.entries[0].codes[1]"),
    ]


OVERLAYS = {
    "no overlay": ([{}], {"kind": "provider"}, "$.kind"),
    "unknown catalog": ([{}], {"catalog": "heygenn"}, "$.catalog"),
    "catalog of exceptions": ([{}], {"catalog": "transport"}, "$.catalog"),
    "disables nothing": ([], {"disable": ["NOBODY"]}, "$.disable[0]"),
}


@pytest.mark.parametrize(("rows", "head", "path"), OVERLAYS.values(), ids=OVERLAYS)
def test_overlays_that_lie_over_nothing(
    rows: list[dict[str, Any]], head: dict[str, Any], path: str, entry: Entry, overlay: Overlay
) -> None:
    """An overlay that is none, or changes what does not exist, is refused at that place."""
    text = overlay(*(entry(**row) for row in rows), **{key: value for key, value in head.items() if key != "kind"})
    if "kind" in head:
        text = text.replace('"kind": "overlay", "id": "mine", "disable": []', f'"kind": "{head["kind"]}", "title": "Mine"')
    assert [(file, where) for file, where, _ in _problems(text)] == [("0.yaml", path)]


def test_two_overlays_with_the_same_name_are_refused(entry: Entry, overlay: Overlay) -> None:
    """Two overlays that both bring an entry of one name are refused, and the problem names the other place."""
    problems = _problems(overlay(entry(codes=["1"]), overlay_id="one"), overlay(entry(codes=["2"]), overlay_id="two"))
    assert problems == [("1.yaml", "$.entries[0].name", "entry MY_ERROR stands in two overlays, also 0.yaml:2")]


def test_two_overlays_with_the_same_id_are_refused(entry: Entry, overlay: Overlay) -> None:
    """Two overlays need different ids, or their rules could not be told apart."""
    problems = _problems(overlay(entry()), overlay(entry(name="TWO")))
    assert problems == [("1.yaml", "$.id", "id 'mine' is also used by 0.yaml")]


def test_all_problems_of_all_files_at_once(entry: Entry, overlay: Overlay) -> None:
    """Loading reports the problems of every file together, in order of file and line."""
    bad_one = overlay(entry(codes=["400112"]), entry(name="TWO", named=False), overlay_id="one")
    bad_two = overlay(entry(name="THREE", fault="nobody"), overlay_id="two", disable=["NOBODY"])
    assert [(file, path) for file, path, _ in _problems(bad_one, bad_two)] == [
        ("0.yaml", "$.entries[0].codes"),
        ("0.yaml", "$.entries[1]"),
        ("1.yaml", "$.disable[0]"),
        ("1.yaml", "$.entries[0].fault"),
    ]


PROVIDER = """\
schema: 1
catalog: acme
kind: provider
title: Acme
endpoints:
  - {method: GET, path: /a, effect: read}
  - {method: GET, path: /a, effect: spends}
families:
  - {suffix: _gone, category: not_found, summary: Gone., remedy: Look.}
  - {suffix: _gone, category: conflict, summary: Gone., remedy: Look.}
limits:
  - {name: size, value: 5, unit: MB, source: a test}
  - {name: size, value: 6, unit: MB, source: a test}
entries: []
"""


def _sources(*texts: str) -> list[Source]:
    sources = []
    for number, text in enumerate(texts):
        source, problems = read_source(text, f"{number}.yaml")
        assert problems == []
        assert source is not None
        sources.append(source)
    return sources


def _places(problems: list[Problem]) -> list[tuple[str, int, str]]:
    return [(problem.file, problem.line, problem.path) for problem in sorted(problems)]


def test_endpoints_families_and_limits_stand_once() -> None:
    """A whole catalog that lists an endpoint, family or limit twice is refused."""
    assert _places(check_sources({}, _sources(PROVIDER))) == [
        ("0.yaml", 7, "$.endpoints[1]"),
        ("0.yaml", 10, "$.families[1]"),
        ("0.yaml", 13, "$.limits[1]"),
    ]


def test_a_catalog_stands_in_one_file() -> None:
    """Two files for one catalog are refused."""
    short = "schema: 1\ncatalog: acme\nkind: provider\ntitle: Acme\nentries: []\n"
    assert _places(check_sources({}, _sources(short, short))) == [("1.yaml", 2, "$.catalog")]


def test_an_exception_belongs_to_one_entry() -> None:
    """An exception class in two transport entries, or a text that is no template, is refused."""
    row = "category: network, outcome: unknown, summary: Down., remedy: Wait., evidence: assumed, source: a test"
    text = (
        "schema: 1\ncatalog: transport\nkind: transport\nentries:\n"
        f"  - {{name: ONE, exceptions: [a.Error], {row}}}\n"
        f'  - {{name: TWO, exceptions: [a.Error], texts: ["{{x}}{{y}}"], {row}}}\n'
    )
    assert _places(check_sources({}, _sources(text))) == [("0.yaml", 6, "$.entries[1]"), ("0.yaml", 6, "$.entries[1].texts[0]")]


def test_every_category_has_a_row() -> None:
    """A file of categories that leaves one out, or a status class, is refused and names what is missing."""
    text = 'schema: 1\ncatalog: categories\nkind: categories\nversion: "1"\ncategories: {}\nstatuses: {"4xx": invalid_request}\n'
    problems = check_sources({}, _sources(text))
    assert _places(problems) == [("0.yaml", 1, "$")]
    assert problems[0].what.startswith("no row for authentication, permission")
    assert problems[0].what.endswith("unknown, 5xx")
