"""Strict reading of catalog files: YAML to plain values, with every problem at its file and line.

The YAML is read as events, never composed: PyYAML's C composer can be crashed by deep nesting.
Anchors, aliases, tags, duplicate keys, unknown fields and unquoted codes are refused.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

import attrs
import yaml

from heify_heygen_errors.catalog.schema import (
    BY_KIND,
    STATUS,
    Anything,
    Decimal,
    Either,
    Flag,
    Kind,
    Many,
    OneOf,
    OneOrMany,
    Record,
    Table,
    Text,
    Whole,
)

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH: Final = 24
MAX_SIZE: Final = 16 * 1024 * 1024
MAX_PROBLEMS: Final = 500

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}", re.ASCII)


@attrs.frozen(order=True)
class Problem:
    """Something wrong in a catalog: where, what, and what to write instead."""

    file: str
    line: int
    path: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what} @ {self.path}\n    {self.remedy}"


class CatalogError(ValueError):
    """Catalogs that cannot be used. `problems` holds all of them, not the first only."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        listed = "\n".join(str(problem) for problem in self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} in the catalogs:\n{listed}")

    def __reduce__(self) -> tuple[type[CatalogError], tuple[list[Problem]]]:
        return CatalogError, (list(self.problems),)


@attrs.frozen(eq=False)
class Source:
    """One catalog file, read: its plain values and the line of every path in it."""

    file: str
    data: dict[str, object]
    lines: dict[str, int]

    def line(self, path: str) -> int:
        """The line of a path, or of the nearest one around it."""
        while path not in self.lines and path != "$":
            path = path[: max(path.rfind("."), path.rfind("["), 1)]
        return self.lines.get(path, 1)


@attrs.define(eq=False)
class _Node:
    line: int
    scalar: str | None = None
    plain: bool = False
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None


def read_source(text: str, file: str) -> tuple[Source | None, list[Problem]]:
    """Reads one catalog.

    Returns:
        the source, None if it could not be read at all, and every problem found.
    """
    problems: list[Problem] = []
    if len(text) > MAX_SIZE:
        return None, [Problem(file, 1, "$", f"the file has more than {MAX_SIZE} characters", "Split it.")]
    root = _parse(text, file, problems)
    if root is None:
        return None, problems
    check = _Check(file, problems)
    kind = _kind_of(root)
    record = BY_KIND.get(kind or "")
    if record is None:
        wrong = f"kind {kind!r} is none" if kind else "the file does not say which kind of catalog it is"
        problems.append(Problem(file, root.line, "$.kind", wrong, f"Write kind: and one of {', '.join(BY_KIND)} at the top of the file."))
        return None, problems
    data = check.value(root, record, "$")
    return Source(file, data if isinstance(data, dict) else {}, check.lines), problems


def _kind_of(root: _Node) -> str | None:
    for key, value in root.pairs or ():
        if key.scalar == "kind":
            return value.scalar
    return None


def _parse(text: str, file: str, problems: list[Problem]) -> _Node | None:
    stack: list[_Node] = []
    root: _Node | None = None
    keys: list[_Node | None] = []
    documents = 0
    try:
        for event in yaml.parse(text, Loader=Loader):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    problems.append(Problem(file, line, "$", "a second YAML document begins here", "Keep one per file."))
                    return None
            elif isinstance(event, yaml.AliasEvent | yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
                refused = _refused(event)
                if refused is not None:
                    problems.append(Problem(file, line, "$", *refused))
                    return None
                node = _node(event, line)
                if not stack:
                    root = node
                elif stack[-1].items is not None:
                    stack[-1].items.append(node)
                elif keys[-1] is None:
                    keys[-1] = node
                else:
                    pairs = stack[-1].pairs
                    if pairs is not None:
                        pairs.append((keys[-1], node))
                    keys[-1] = None
                if node.scalar is None:
                    stack.append(node)
                    keys.append(None)
                    if len(stack) > MAX_DEPTH:
                        problems.append(Problem(file, line, "$", f"nests deeper than {MAX_DEPTH}", "No catalog needs that: flatten it."))
                        return None
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                stack.pop()
                keys.pop()
    except UnicodeError:
        problems.append(Problem(file, 1, "$", "the text holds a lone surrogate", "Save the file as UTF-8."))
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        problems.append(
            Problem(file, mark.line + 1 if mark else 1, "$", f"not YAML: {what}", "Check quotes, indentation and colons at that place.")
        )
        return None
    if root is None or root.pairs is None:
        problems.append(Problem(file, 1, "$", "the file holds no mapping", "Begin with schema: 1, catalog: and kind:."))
        return None
    return root


def _refused(event: yaml.NodeEvent) -> tuple[str, str] | None:
    """What of YAML catalogs do without, and what to do instead."""
    if isinstance(event, yaml.AliasEvent):
        return f"alias *{event.anchor} is not allowed", "Write the value out where it is used."
    if event.anchor is not None:
        return f"anchor &{event.anchor} is not allowed", "Take it out."
    tag = getattr(event, "tag", None)
    return None if tag is None else (f"tag {tag} is not allowed", "Take it out; types follow the format.")


def _node(event: yaml.NodeEvent, line: int) -> _Node:
    if isinstance(event, yaml.ScalarEvent):
        return _Node(line, event.value, event.style in (None, ""))
    return _Node(line, items=[]) if isinstance(event, yaml.SequenceStartEvent) else _Node(line, pairs=[])


class _Check:
    """Node to plain value by a kind of the schema, collecting problems."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.lines: dict[str, int] = {}

    def wrong(self, node: _Node, path: str, what: str, remedy: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.file, node.line, path, what, remedy))

    def value(self, node: _Node, kind: Kind, path: str) -> object:
        self.lines[path] = node.line
        match kind:
            case Text():
                return self.text(node, kind, path)
            case OneOf():
                if node.scalar in kind.values:
                    return str(node.scalar)
                near = difflib.get_close_matches(node.scalar or "", [str(value) for value in kind.values], 1)
                hint = f"Did you mean {near[0]}? " if near else ""
                self.wrong(node, path, f"{_shown(node)} is no {kind.says}", f"{hint}Write one of: {', '.join(kind.values)}.")
                return None
            case Flag():
                if node.plain and node.scalar in ("true", "false"):
                    return node.scalar == "true"
                self.wrong(node, path, f"{_shown(node)} is neither true nor false", "Write true or false, without quotes.")
                return None
            case Whole() | Decimal():
                return self.number(node, kind, path)
            case Many():
                if node.items is None:
                    self.wrong(node, path, f"expected a list, found {_shown(node)}", "Write [a, b] or one item a line behind dashes.")
                    return []
                return self.items(node.items, kind.of, path)
            case OneOrMany():
                return self.items(node.items, kind.of, path) if node.items is not None else [self.value(node, kind.of, path)]
            case Either():
                return self.value(node, kind.mapping if node.pairs is not None else kind.scalar, path)
            case Table():
                return {key: self.value(item, kind.of, f"{path}.{key}") for key, item in self.keys(node, path, kind.key)}
            case Record():
                return self.record(node, kind, path)
            case Anything():
                return self.anything(node, path)

    def items(self, nodes: list[_Node], kind: Kind, path: str) -> list[object]:
        return [self.value(item, kind, f"{path}[{index}]") for index, item in enumerate(nodes)]

    def text(self, node: _Node, kind: Text, path: str) -> str | None:
        if node.scalar is None:
            self.wrong(node, path, f"expected {kind.says}, found {_shown(node)}", f"Write {kind.says}.")
            return None
        if node.plain and kind is not STATUS and (kind.quoted or not kind.pattern) and _is_no_text(node.scalar):
            self.wrong(
                node,
                path,
                f"{node.scalar or 'nothing'} stands without quotes" if node.scalar else "the value is empty",
                f'Write "{node.scalar}" in quotes, so that no reader takes it for a number or a flag.'
                if node.scalar
                else f"Write {kind.says} or leave the field out.",
            )
            return node.scalar or None
        if not node.scalar.strip():
            self.wrong(node, path, "the text is empty", f"Write {kind.says} or leave the field out.")
            return None
        if kind.pattern and not re.fullmatch(kind.pattern, node.scalar):
            self.wrong(node, path, f"{_shown(node)} is not {kind.says}", f"Write {kind.says}.")
            return None
        return node.scalar

    def number(self, node: _Node, kind: Whole | Decimal, path: str) -> int | float | None:
        scalar = node.scalar if node.plain else None
        if scalar is not None and _INTEGER.fullmatch(scalar):
            number: int | float = int(scalar)
        elif scalar is not None and isinstance(kind, Decimal) and _DECIMAL.fullmatch(scalar):
            number = float(scalar)
        else:
            expected = "a whole number" if isinstance(kind, Whole) else "a number"
            self.wrong(node, path, f"expected {expected}, found {_shown(node)}", f"Write {expected}, without quotes.")
            return None
        low, high = (kind.low, kind.high) if isinstance(kind, Whole) else (0, 10**12)
        if not low <= number <= high:
            self.wrong(node, path, f"{number} is out of range", f"Write a number from {low} to {high}.")
            return None
        return number

    def keys(self, node: _Node, path: str, kind: Text | None) -> list[tuple[str, _Node]]:
        """The pairs of a mapping without what is wrong with its keys."""
        if node.pairs is None:
            self.wrong(node, path, f"expected a mapping, found {_shown(node)}", "Write key: value pairs.")
            return []
        found: dict[str, _Node] = {}
        for key, value in node.pairs:
            name = key.scalar
            if name is None:
                self.wrong(key, path, "a key is no text", "Use plain words as keys.")
            elif name in found:
                first = found[name].line
                self.wrong(key, f"{path}.{name}", f"duplicate key {name!r}, first on line {first}", "Keep one of the two.")
            elif kind is not None and kind.pattern and not re.fullmatch(kind.pattern, name):
                self.wrong(key, f"{path}.{name}", f"key {name!r} is not {kind.says}", f"Write {kind.says}.")
            else:
                found[name] = value
        return list(found.items())

    def record(self, node: _Node, kind: Record, path: str) -> dict[str, object]:
        read: dict[str, object] = {}
        seen = set()
        for name, item in self.keys(node, path, None):
            field = kind.fields.get(name)
            seen.add(name)
            if field is None:
                near = difflib.get_close_matches(name, kind.fields, 1)
                hint = f"Did you mean {near[0]}? " if near else ""
                self.wrong(
                    item, f"{path}.{name}", f"unknown field {name!r} of {_article(kind.name)}", f"{hint}Known: {', '.join(kind.fields)}."
                )
                continue
            value = self.value(item, field, f"{path}.{name}")
            if value is not None:
                read[name] = value
        missing = [name for name in kind.required if name not in seen]
        if missing and node.pairs is not None:
            self.wrong(node, path, f"{kind.name} without {', '.join(missing)}", f"Add {', '.join(missing)}.")
        return read

    def anything(self, node: _Node, path: str) -> object:
        if node.pairs is not None:
            return {key: self.anything(item, f"{path}.{key}") for key, item in self.keys(node, path, None)}
        if node.items is not None:
            return [self.anything(item, path) for item in node.items]
        scalar = node.scalar or ""
        if not node.plain:
            return scalar
        if scalar in ("true", "false"):
            return scalar == "true"
        if scalar in ("", "null", "~"):
            return None
        if _INTEGER.fullmatch(scalar):
            return int(scalar)
        return float(scalar) if _DECIMAL.fullmatch(scalar) else scalar


# Numbers of every YAML version: decimal, hexadecimal, octal, sexagesimal; and dates.
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:0x[0-9a-f_]+|0o?[0-7_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|\.[0-9]+|[0-9]+(?::[0-5]?[0-9])+|\.inf|\.nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?",
    re.IGNORECASE,
)
_NOT_TEXT = frozenset({"", "null", "~", "true", "false", "yes", "no", "on", "off"})


def _is_no_text(scalar: str) -> bool:
    """Whether some YAML reader takes the plain scalar for something other than a text."""
    return scalar.lower() in _NOT_TEXT or bool(_NUMBER_LIKE.fullmatch(scalar))


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _shown(node: _Node) -> str:
    if node.pairs is not None:
        return "a mapping"
    if node.items is not None:
        return "a list"
    return repr(node.scalar if len(node.scalar or "") <= 60 else f"{(node.scalar or '')[:57]}...")  # noqa: PLR2004
