"""Message templates: literal text with ``{placeholders}``, matched whole and in linear time.

``{name}`` takes the shortest non-empty run and becomes a param. ``…`` at an end leaves that end open.
White space and case are folded; ``{{`` and ``}}`` are literal braces. No regular expressions: a catalog
cannot make matching slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

OPEN: Final = "…"
MAX_TEXT: Final = 8192
"""Characters of a text that templates look at."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PARAM = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# Pydantic puts the dotted path of the field before the problem: "video_inputs.0.voice is invalid: ...".
_FIELD_PATH = re.compile(r"\s*([A-Za-z_][\w\[\]\-]*(?:\.[\w\[\]\-]+)*) is invalid:\s*")
_NEXT_PROBLEM = re.compile(r"\n\s*(?=[A-Za-z_][\w\[\]\-]*(?:\.[\w\[\]\-]+)* is invalid:)")
_VALUE_ERROR = re.compile(r"\s*Value error,\s+", re.IGNORECASE)


class TemplateError(ValueError):
    """A template that cannot work; the message says what to write instead."""


def fold(text: str) -> str:
    """Lower case of the same length, so that positions in it fit the text."""
    low = text.lower()
    if len(low) != len(text):  # a letter whose lower case is longer, such as \u0130
        low = "".join(char.lower() if char.isascii() else char for char in text)
    return low


class Folded:
    """A text with white space folded: `shown` keeps its case for captures, `text` is lower case."""

    __slots__ = ("shown", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            text = text[:MAX_TEXT]
        self.shown = " ".join(text.split())
        self.text = fold(self.shown)


def split_field_path(message: str) -> tuple[str | None, str]:
    """The field path in front of a validation message and the first problem without it.

    HeyGen v2 answers ``video_inputs.0.voice is invalid: Field required``, joins several problems by newlines
    and sometimes puts ``Value error, `` in between (vendor notes 2026-11).
    """
    if " is invalid:" not in message:
        return None, message[13:].lstrip() if message[:13].lower() == "value error, " else message
    path = _FIELD_PATH.match(message)
    if path is None:
        return None, message
    problem = _NEXT_PROBLEM.split(message[path.end() : path.end() + MAX_TEXT], maxsplit=1)[0]
    value_error = _VALUE_ERROR.match(problem)
    return path[1], problem[value_error.end() :] if value_error else problem


class Template:
    """One template, compiled."""

    __slots__ = ("literals", "names", "open_end", "open_start", "source", "weight")

    def __init__(self, source: str) -> None:
        self.source = source
        text = source.strip()
        self.open_start = text.startswith(OPEN)
        self.open_end = text.endswith(OPEN) and len(text) > 1
        text = text.removeprefix(OPEN).removesuffix(OPEN) if text != OPEN else ""
        literals: list[str] = [""]
        names: list[str] = []
        position = 0
        for brace in _PLACEHOLDER.finditer(text):
            literals[-1] += text[position : brace.start()]
            position = brace.end()
            if brace[0] in ("{{", "}}"):
                literals[-1] += brace[0][0]
            elif brace[1] is None:
                msg = f"a single {brace[0]!r} stands in the template: write {brace[0] * 2!r} for a literal brace"
                raise TemplateError(msg)
            else:
                if not _PARAM.fullmatch(brace[1]):
                    msg = f"placeholder {brace[0]!r} needs a lower-case name such as {{asset_id}}"
                    raise TemplateError(msg)
                if names and not literals[-1]:
                    msg = f"placeholders {{{names[-1]}}} and {brace[0]} stand side by side: put literal text between them"
                    raise TemplateError(msg)
                if brace[1] in names:
                    msg = f"placeholder {brace[0]} occurs twice: give each its own name"
                    raise TemplateError(msg)
                names.append(brace[1])
                literals.append("")
        literals[-1] += text[position:]
        if OPEN in "".join(literals):
            msg = f"{OPEN!r} stands inside the template: it is allowed at its ends only"
            raise TemplateError(msg)
        if not "".join(literals).strip():
            msg = "the template has no literal text: it would match anything"
            raise TemplateError(msg)
        folded = [fold(re.sub(r"\s+", " ", literal)) for literal in literals]
        folded[0] = folded[0].lstrip()
        folded[-1] = folded[-1].rstrip()
        self.literals = tuple(folded)
        self.names = tuple(names)
        self.weight = sum(map(len, folded))

    @property
    def exact(self) -> bool:
        """Whether it matches one text only."""
        return not (self.names or self.open_start or self.open_end)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for templates that match the same texts."""
        return self.literals, self.open_start, self.open_end

    @property
    def first_word(self) -> str | None:
        """The word every matching text begins with, None where that is open."""
        if self.open_start:
            return None
        word, blank, _ = self.literals[0].partition(" ")
        return word if word and blank else None

    @property
    def last_word(self) -> str | None:
        """The word every matching text ends in, None where that is open."""
        if self.open_end:
            return None
        _, blank, word = self.literals[-1].rpartition(" ")
        return word if word and blank else None

    def match(self, text: Folded) -> dict[str, str] | None:
        """What the placeholders captured, in the text's own case; None where it does not match."""
        low, literals = text.text, self.literals
        if not self.names:
            return {} if self._match_literal(low, literals[0]) else None
        first, last = literals[0], literals[-1]
        if self.open_start:
            start = low.find(first)
            if start < 0:
                return None
            position = start + len(first)
        elif low.startswith(first):
            position = len(first)
        else:
            return None
        end = len(low)
        if not self.open_end:
            if not low.endswith(last) or end - len(last) <= position:
                return None
            end -= len(last)
        spans = []
        for literal in literals[1:-1]:
            found = low.find(literal, position + 1, end)
            if found < 0:
                return None
            spans.append((position, found))
            position = found + len(literal)
        if self.open_end:
            found = low.find(last, position + 1) if last else len(low)
            if found < 0:
                return None
            end = found
        if end <= position:
            return None
        spans.append((position, end))
        return {name: text.shown[start:stop].strip() for name, (start, stop) in zip(self.names, spans, strict=True)}

    def _match_literal(self, low: str, literal: str) -> bool:
        if self.open_start and self.open_end:
            return literal in low
        if self.open_start:
            return low.endswith(literal)
        if self.open_end:
            return low.startswith(literal)
        return low == literal


Owned = tuple[Template, object]


class TemplateTable:
    """Templates and what they belong to, found by exact text, first word or last word.

    Candidates come the most literal characters first.
    """

    __slots__ = ("_by_first", "_by_last", "_exact", "_general")

    def __init__(self, owned: list[Owned]) -> None:
        self._exact: dict[str, list[Owned]] = {}
        self._by_first: dict[str, list[Owned]] = {}
        self._by_last: dict[str, list[Owned]] = {}
        self._general: list[Owned] = []
        for one in owned:
            template = one[0]
            if template.exact:
                self._exact.setdefault(template.literals[0], []).append(one)
            elif template.first_word is not None:
                self._by_first.setdefault(template.first_word, []).append(one)
            elif template.last_word is not None:
                self._by_last.setdefault(template.last_word, []).append(one)
            else:
                self._general.append(one)
        for found in (*self._by_first.values(), *self._by_last.values(), self._general):
            found.sort(key=_heaviest)

    def has_exact(self, text: Folded) -> bool:
        """Whether a template without placeholders is this very text."""
        return text.text in self._exact

    def search(self, text: Folded, *, general: bool = True) -> Iterator[tuple[object, Template, dict[str, str]]]:
        """Owner, template and captures of every template that matches.

        Without `general` only those are tried that are found by the text's first word.
        """
        low = text.text
        for template, owner in self._exact.get(low, ()):
            yield owner, template, {}
        candidates: Sequence[Owned] = self._by_first.get(low.partition(" ")[0], ())
        if general:
            by_last = self._by_last.get(low.rpartition(" ")[2])
            others = [*by_last, *self._general] if by_last else self._general
            if others:
                candidates = sorted([*candidates, *others], key=_heaviest) if candidates or by_last else others
        for template, owner in candidates:
            captured = template.match(text)
            if captured is not None:
                yield owner, template, captured


def _heaviest(owned: Owned) -> int:
    return -owned[0].weight
