"""Message templates: what they match, what they capture and which are refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.catalog.template import MAX_TEXT, Folded, Template, TemplateError, TemplateTable, split_field_path

MATCHES = [
    # template, text, captures (None: no match)
    ("Unauthorized", "Unauthorized", {}),
    ("Unauthorized", "  unAUTHorized\n", {}),
    ("Not  found", "not\t\n found", {}),
    ("Unauthorized", "Unauthorized.", None),
    ("Unauthorized", "Request Unauthorized", None),
    ("Voice {voice_id} not found", "voice A1b2 NOT found", {"voice_id": "A1b2"}),
    ("Voice {voice_id} not found", "Voice not found", None),
    ("Voice {voice_id} not found", "Voice  not found", None),
    ("Voice {voice_id} not found", "Voice  a   b  not found", {"voice_id": "a b"}),
    ("Voice {voice_id} not found", "Voice x not found today", None),
    ("{thing} not found", "Ümläut not found", {"thing": "Ümläut"}),
    ("{thing} not found", "not found", None),
    ("code {code}", "code 5", {"code": "5"}),
    ("code {code}", "code ", None),
    ("{a} and {b}", "x and y and z", {"a": "x", "b": "y and z"}),
    ("from {low} to {high}.", "from 1 to 2 to 3.", {"low": "1", "high": "2 to 3"}),
    ("{a}-{b}", "x--y", {"a": "x", "b": "-y"}),
    ("{a}-{b}", "-x-y", {"a": "-x", "b": "y"}),
    ("{a}-{b}", "--", None),
    ("{a}-{b}", "---", {"a": "-", "b": "-"}),
    ("Please upgrade…", "please UPGRADE to Pro", {}),
    ("Please upgrade…", "Please upgrade", {}),
    ("Please upgrade…", "Kindly please upgrade", None),
    ("…try again later", "Busy, try again later", {}),
    ("…try again later", "Busy, try again later, ok", None),
    ("…quota…", "your QUOTA is used up", {}),
    ("…quota…", "your balance is used up", None),
    ("…limit of {limit} calls", "a limit of 5 calls", {"limit": "5"}),
    ("limit of {limit} calls…", "limit of 5 calls a day, 9 calls a month", {"limit": "5"}),
    ("limit of {limit}…", "limit of 5 calls", {"limit": "5 calls"}),
    ("use {{braces}} or {what}", "Use {braces} or nothing", {"what": "nothing"}),
    ("İ {x}", "İ b", {"x": "b"}),
    ("key {x} is", "key İSTANBUL is", {"x": "İSTANBUL"}),
    ("a b", "a\u00a0b", {}),
]


@pytest.mark.parametrize(("source", "text", "captures"), MATCHES)
def test_match(source: str, text: str, captures: dict[str, str] | None) -> None:
    """A template matches the whole folded text and captures the shortest runs in the text's own case."""
    assert Template(source).match(Folded(text)) == captures


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("{a}{b}", "put literal text between"),
        ("x {a}{b} y", "put literal text between"),
        ("{a} and {a}", "give each its own name"),
        ("{Asset}", "lower-case name"),
        ("the {} thing", "lower-case name"),
        ("the {a b} thing", "lower-case name"),
        ("the {1a} thing", "lower-case name"),
        ("the {ä} thing", "lower-case name"),
        ("a { b", "write '{{'"),
        ("a } b", "write '}}'"),
        ("begin … end", "at its ends only"),
        ("{a}", "would match anything"),
        ("{a} …", "would match anything"),
        ("…", "would match anything"),
        ("……", "would match anything"),
        ("a ……", "at its ends only"),
        ("", "would match anything"),
        ("  ", "would match anything"),
    ],
)
def test_a_template_that_cannot_work_is_refused(source: str, remedy: str) -> None:
    """A template that is ambiguous, malformed or matches anything is refused, and the error says what to write instead."""
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("source", "exact", "names"),
    [
        ("Not found", True, ()),
        ("Not found…", False, ()),
        ("…found", False, ()),
        ("{a} not {b}", False, ("a", "b")),
        ("{{literal}}", True, ()),
    ],
)
def test_exact_and_names(source: str, exact: bool, names: tuple[str, ...]) -> None:  # noqa: FBT001
    """A template knows its placeholders in order and whether it matches one text only."""
    template = Template(source)
    assert (template.exact, template.names) == (exact, names)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Voice {a} gone", "voice  {b} GONE ", True),
        ("Voice gone", "VOICE GONE", True),
        ("Voice gone", "Voice gone…", False),
        ("Voice gone", "…Voice gone", False),
        ("Voice {a} gone", "Voice {a} is gone", False),
    ],
)
def test_key(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    """Templates that match the same texts have the same key, others do not."""
    assert (Template(one).key == Template(other).key) is same


def _table(*sources: str) -> TemplateTable:
    return TemplateTable([(Template(source), source) for source in sources])


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("voice x not found", ["Voice {id} not found", "{thing} not found", "Voice {state}", "…found"]),
        ("voice gone", ["Voice gone", "Voice {state}"]),
        ("avatar not found", ["{thing} not found", "…found"]),
        ("nothing of the kind", []),
        ("", []),
    ],
)
def test_the_template_that_says_most_comes_first(text: str, owners: list[str]) -> None:
    """Of several templates that fit, a whole text comes first and then the one with more literal characters."""
    table = _table("…found", "{thing} not found", "Voice {state}", "Voice {id} not found", "Voice gone")
    assert [owner for owner, _, _ in table.search(Folded(text))] == owners


FIELD_PATHS = [
    ("Field required", (None, "Field required")),
    ("voice is invalid: Field required", ("voice", "Field required")),
    ("video_inputs.0.voice is invalid: Field required", ("video_inputs.0.voice", "Field required")),
    ("items[0].url is invalid: Bad", ("items[0].url", "Bad")),
    ("voice is invalid: Value error, too long", ("voice", "too long")),
    ("Value error, too long", (None, "too long")),
    ("value ERROR,  too long", (None, "too long")),
    ("a.b is invalid: one\nc.d is invalid: two", ("a.b", "one")),
    ("a.b is invalid: line one\nline two", ("a.b", "line one\nline two")),
    ("The avatar is invalid: gone", (None, "The avatar is invalid: gone")),
    ("this is invalid", (None, "this is invalid")),
    ("Value error", (None, "Value error")),
    ("", (None, "")),
]


@pytest.mark.parametrize(("message", "split"), FIELD_PATHS)
def test_split_field_path(message: str, split: tuple[str | None, str]) -> None:
    """A field path and "Value error, " in front of a validation message are taken off; of several problems the first counts."""
    assert split_field_path(message) == split


def _reference(source: str) -> re.Pattern[str]:
    """The same template as a regular expression: slow, but plain."""
    text = source.strip()
    start, end = text.startswith("…"), text.endswith("…") and len(text) > 1
    parts = re.split(r"\{(\w+)\}", text.removeprefix("…").removesuffix("…"))
    folded = [re.sub(r"\s+", " ", part).lower() if index % 2 == 0 else part for index, part in enumerate(parts)]
    folded[0], folded[-1] = folded[0].lstrip(), folded[-1].rstrip() if len(folded) > 1 else folded[0].strip()
    body = "".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(folded))
    return re.compile(f"{'.*?' if start else ''}{body}{'.*' if end else ''}", re.DOTALL)


_LITERALS = st.text("ab ", min_size=1, max_size=4).filter(str.strip)
_SOURCES = st.builds(
    lambda start, literals, first, last, end: (
        start
        + (first + " " if first and not start else "")
        + "".join(f"{{p{number}}}{literal}" if number else literal for number, literal in enumerate(literals))
        + (f" {{{last}}}" if last and not end else "")
        + end
    ),
    st.sampled_from(["", "…"]),
    st.lists(_LITERALS, min_size=1, max_size=4),
    st.sampled_from(["", "{first}"]),
    st.sampled_from(["", "last"]),
    st.sampled_from(["", "…"]),
)


@given(_SOURCES, st.text("abAB \n", max_size=24))
def test_matching_agrees_with_a_regular_expression(source: str, text: str) -> None:
    """Linear matching gives what a backtracking regular expression gives, captures included."""
    found = _reference(source).fullmatch(" ".join(text.split()).lower())
    expected = None if found is None else {name: value.strip() for name, value in found.groupdict().items()}
    captured = Template(source).match(Folded(text))
    assert (None if captured is None else {name: value.lower() for name, value in captured.items()}) == expected


_ANY = st.text(st.characters(blacklist_characters="İ"))  # has a case of its own in MATCHES


@given(_ANY, st.text())
def test_any_template_and_any_text(source: str, text: str) -> None:
    """Whatever is written as a template either is refused with TemplateError or matches its own filled-in text."""
    try:
        template = Template(source)
    except TemplateError:
        return
    template.match(Folded(text))
    if template.exact:
        own = source.replace("{{", "{").replace("}}", "}")
        assert template.match(Folded(own)) == {}


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    """A text beyond the bound is cut before it is matched."""
    assert Template("…end").match(Folded("x" * MAX_TEXT + " end")) is None
    assert Template("x…").match(Folded("x" * MAX_TEXT + " end")) == {}


def test_hostile_texts_cost_linear_time() -> None:
    """A text that makes backtracking engines run for ages is answered at once."""
    template = Template("{a} x {b} x {c} x {d} x {e} x {f} y")
    text = Folded(" x" * MAX_TEXT)
    before = time.process_time()
    for _ in range(100):
        assert template.match(text) is None
    assert time.process_time() - before < 1
