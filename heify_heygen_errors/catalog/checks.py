"""Checks across the rules of catalogs: what is well-formed alone but wrong together. Collects all problems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from heify_heygen_errors.catalog.reader import Problem, Source
from heify_heygen_errors.catalog.space import breaks_lines, is_status
from heify_heygen_errors.catalog.template import Template, TemplateError
from heify_heygen_errors.model import Category


@attrs.frozen(eq=False)
class _Row:
    """An entry with where it stands; `source` is None for shipped rows under an overlay."""

    row: Mapping[str, Any]
    source: Source | None
    path: str

    def problem(self, path: str, what: str, remedy: str) -> Problem:
        full = f"{self.path}{path}"
        if self.source is None:
            return Problem("(shipped catalogs)", 1, full, what, remedy)
        return Problem(self.source.file, self.source.line(full), full, what, remedy)

    @property
    def where(self) -> str:
        if self.source is None:
            return "the shipped catalog"
        return f"{self.source.file}:{self.source.line(self.path)}"


def check_sources(base: Mapping[str, Mapping[str, Any]], sources: Sequence[Source]) -> list[Problem]:
    """Every problem across the sources.

    Arguments:
        base: the shipped catalogs where the sources are overlays; empty where the sources are the catalogs.
        sources: what was read without its own problems being fatal.
    """
    problems: list[Problem] = []
    tables = _shipped(base, sources, problems) if not base else _with_overlays(base, sources, problems)
    successes = _success_codes(base, sources)
    for catalog, rows in tables.items():
        _check_entries(catalog, rows, successes.get(catalog, frozenset()), problems)
    _check_names_across(tables, problems)
    if not base:
        for source in sources:
            _check_rest(source, problems)
    return problems


def _shipped(_: Mapping[str, Mapping[str, Any]], sources: Sequence[Source], problems: list[Problem]) -> dict[str, list[_Row]]:
    tables: dict[str, list[_Row]] = {}
    files: dict[str, Source] = {}
    for source in sources:
        catalog = str(source.data.get("catalog"))
        if catalog in files:
            problems.append(
                Problem(
                    source.file, source.line("$.catalog"), "$.catalog", f"catalog {catalog!r} is also {files[catalog].file}", "Rename one."
                )
            )
            continue
        files[catalog] = source
        if source.data.get("kind") in ("provider", "layer"):
            tables[catalog] = list(_rows(source))
    return tables


def _success_codes(base: Mapping[str, Mapping[str, Any]], sources: Sequence[Source]) -> dict[str, frozenset[str]]:
    """The codes of success of each provider, in lower case."""
    found: dict[str, frozenset[str]] = {}
    for data in [*base.values(), *(source.data for source in sources)]:
        success: Any = data.get("success")
        if isinstance(success, dict):
            found[str(data["catalog"])] = frozenset(code.lower() for code in success.get("codes", ()) if isinstance(code, str))
    return found


def _rows(source: Source) -> Iterable[_Row]:
    entries = source.data.get("entries", [])
    for index, row in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            yield _Row(row, source, f"$.entries[{index}]")


def _with_overlays(base: Mapping[str, Mapping[str, Any]], sources: Sequence[Source], problems: list[Problem]) -> dict[str, list[_Row]]:
    merged = {
        catalog: {row["name"]: _Row(row, None, f"$.{row['name']}") for row in data["entries"]}
        for catalog, data in base.items()
        if data["kind"] in ("provider", "layer")
    }
    ids: dict[str, Source] = {}
    for source in sources:
        data = source.data
        if data.get("kind") != "overlay":
            problems.append(
                Problem(
                    source.file,
                    source.line("$.kind"),
                    "$.kind",
                    f"kind {data.get('kind')} is no overlay",
                    "An overlay has kind: overlay. The shipped catalogs are checked by `hhe catalog lint` without files.",
                )
            )
            continue
        catalog = str(data.get("catalog"))
        if catalog not in merged:
            problems.append(
                Problem(
                    source.file,
                    source.line("$.catalog"),
                    "$.catalog",
                    f"there is no catalog {catalog!r} to lay over",
                    f"Write one of: {', '.join(merged)}.",
                )
            )
            continue
        overlay = str(data.get("id"))
        if overlay in ids:
            problems.append(
                Problem(source.file, source.line("$.id"), "$.id", f"id {overlay!r} is also used by {ids[overlay].file}", "Rename one.")
            )
        ids[overlay] = source
        rows = merged[catalog]
        disable = data.get("disable", [])
        for index, name in enumerate(disable if isinstance(disable, list) else []):
            if name not in rows:
                problems.append(
                    Problem(
                        source.file,
                        source.line(f"$.disable[{index}]"),
                        f"$.disable[{index}]",
                        f"there is no entry {name} in catalog {catalog}",
                        f"Run `hhe catalog list {catalog}` for the names.",
                    )
                )
            rows.pop(str(name), None)
        for row in _rows(source):
            name = row.row["name"]
            before = rows.get(name)
            if before is not None and before.source is not None:
                problems.append(row.problem(".name", f"entry {name} stands in two overlays, also {before.where}", "Keep one of them."))
            rows[name] = row
    return {catalog: list(rows.values()) for catalog, rows in merged.items()}


def _templates(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Path and text of the templates that an entry owns."""
    owned = []
    if isinstance(row.get("message"), str) and row.get("match_message", True):
        owned.append((".message", row["message"]))
    owned += [(f".also[{index}]", text) for index, text in enumerate(row.get("also", ())) if isinstance(text, str)]
    return owned


def _check_entries(catalog: str, rows: list[_Row], successes: frozenset[str], problems: list[Problem]) -> None:
    names: dict[str, _Row] = {}
    codes: dict[str, _Row] = {}
    texts: dict[object, _Row] = {}
    shapes: dict[str, _Row] = {}
    for row in rows:
        entry = row.row
        name = entry["name"]
        if name in names:
            problems.append(row.problem(".name", f"entry {name} exists already, {names[name].where}", "Rename or merge it."))
        names[name] = row
        own = [name, name.lower()] if entry.get("named", True) and catalog != "layers" else []
        listed = [code for code in entry.get("codes", ()) if isinstance(code, str)]  # what is no text was refused before
        for code in dict.fromkeys([*own, *listed]):
            other = codes.get(code)
            if other is not None and not ("when" in entry or "when" in other.row):
                problems.append(
                    row.problem(
                        ".codes",
                        f"code {code} already means {other.row['name']}, {other.where}",
                        "Take it out of one of them, make one a refinement of the other, or limit one by `when`.",
                    )
                )
            codes.setdefault(code, row)
            if is_status(code):
                problems.append(
                    row.problem(
                        ".codes",
                        f"code {code} is a number from 100 to 599, which always counts as an HTTP status",
                        "Write a row under `statuses`, or limit the entry's message by `statuses`.",
                    )
                )
            elif code.lower() in successes:
                problems.append(
                    row.problem(
                        ".codes",
                        f"code {code} means success at {catalog}",
                        "Take it out; where it is the entry's name, rename the entry or write named: false.",
                    )
                )
        _check_spelling(row, problems)
        shape = entry.get("shape")
        if shape in shapes:
            problems.append(row.problem(".shape", f"shape {shape} already means {shapes[shape].row['name']}", "Keep one."))
        if shape:
            shapes[shape] = row
        needs_examples = _check_templates(row, texts, problems)
        if not (own or entry.get("codes") or _templates(entry) or shape):
            problems.append(row.problem("", f"entry {name} can never be reached", "Give it codes, a message, `also` templates or a shape."))
        if needs_examples and not (entry.get("examples") and entry.get("counter_examples")):
            problems.append(
                row.problem(
                    "",
                    f"entry {name} has templates with placeholders or open ends but not both examples and counter_examples",
                    "Add a message that must give this entry and a near miss that must not.",
                )
            )
        _check_refinements(row, problems)
    for row in rows:
        target = row.row.get("replaced_by")
        if target and target not in names:
            problems.append(row.problem(".replaced_by", f"replaced_by names {target}, which does not exist", "Write the name of an entry."))


def _check_spelling(row: _Row, problems: list[Problem]) -> None:
    """Codes are read without the white space at their ends, and written to tables and files whose lines they must not break."""
    for index, code in enumerate(row.row.get("codes", ())):
        if not isinstance(code, str):
            continue
        path = f".codes[{index}]"
        if code != code.strip():
            problems.append(
                row.problem(path, f"code {code!r} has white space at an end and can never be found", "Take the white space out.")
            )
        elif breaks_lines(code):
            problems.append(row.problem(path, f"code {code!r} holds a control character or line break", "Write the code as it is printed."))


def _check_templates(row: _Row, texts: dict[object, _Row], problems: list[Problem]) -> bool:
    needs_examples = False
    for path, text in _templates(row.row):
        template = _compile(row, path, text, problems)
        if template is None:
            continue
        needs_examples = needs_examples or not template.exact
        key = (template.key, json.dumps(row.row.get("when"), sort_keys=True))
        other = texts.get(key)
        if other is not None:
            problems.append(
                row.problem(
                    path,
                    f"template {text!r} already belongs to {other.row['name']}, {other.where}",
                    "Take it out of one of them, or write match_message: false there.",
                )
            )
        texts.setdefault(key, row)
    return needs_examples


def _compile(row: _Row, path: str, text: str, problems: list[Problem]) -> Template | None:
    try:
        return Template(text)
    except TemplateError as error:
        problems.append(row.problem(path, f"template {text!r}", f"{error}."[0].upper() + f"{error}."[1:]))
        return None


def _check_refinements(row: _Row, problems: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for index, refinement in enumerate(row.row.get("refine", ())):
        path = f".refine[{index}]"
        if not isinstance(refinement, dict):
            continue
        when = refinement.get("when") or {}
        if not when:
            problems.append(row.problem(path, "a refinement without conditions always wins", "Say in `when` what must fit."))
        for key in ("message", "detail", "text"):
            for number, text in enumerate(when.get(key, ())):
                if isinstance(text, str):
                    _compile(row, f"{path}.when.{key}[{number}]", text, problems)
        same = json.dumps(when, sort_keys=True)
        label = refinement.get("id")
        if same in seen:
            problems.append(
                row.problem(path, f"refinement {label} has the conditions of {seen[same]} and can never win", "Change its `when`.")
            )
        if label in seen.values():
            problems.append(row.problem(path, f"refinement id {label} occurs twice", "Rename one."))
        seen[same] = str(label)
        if not (refinement.get("examples") and refinement.get("counter_examples")):
            problems.append(row.problem(path, f"refinement {label} needs examples and counter_examples", "Add one of each."))


def _check_names_across(tables: Mapping[str, list[_Row]], problems: list[Problem]) -> None:
    layers = {row.row["name"]: row for row in tables.get("layers", ())}
    for catalog, rows in tables.items():
        if catalog == "layers":
            continue
        for row in rows:
            other = layers.get(row.row["name"])
            if other is not None and (row.source or other.source):
                problems.append(
                    row.problem(
                        ".name",
                        f"entry {row.row['name']} is also an entry of the layers, {other.where}",
                        "Names are unique per provider: rename it.",
                    )
                )


def _check_rest(source: Source, problems: list[Problem]) -> None:
    data: Any = source.data
    for key, identity in (
        ("endpoints", lambda row: f"{row.get('method')} {row.get('path')}"),
        ("families", lambda row: row.get("suffix")),
        ("limits", lambda row: row.get("name")),
    ):
        seen: set[object] = set()
        for index, row in enumerate(data.get(key, ())):
            if isinstance(row, dict):
                if identity(row) in seen:
                    path = f"$.{key}[{index}]"
                    problems.append(Problem(source.file, source.line(path), path, f"{identity(row)} stands twice", "Keep one."))
                seen.add(identity(row))
    if data.get("kind") == "transport":
        _check_transport(source, problems)
    if data.get("kind") == "categories":
        missing = [category.value for category in Category if category.value not in data.get("categories", {})]
        missing += [status for status in ("4xx", "5xx") if status not in data.get("statuses", {})]
        if missing:
            problems.append(Problem(source.file, 1, "$", f"no row for {', '.join(missing)}", "Add it."))


def _check_transport(source: Source, problems: list[Problem]) -> None:
    owners: dict[str, str] = {}
    rows: Any = source.data.get("entries", ())
    for index, row in enumerate(rows):
        path = f"$.entries[{index}]"
        for name in row.get("exceptions", ()):
            if name in owners:
                problems.append(
                    Problem(source.file, source.line(path), path, f"{name} already belongs to {owners[name]}", "Keep it in one entry.")
                )
            owners[name] = row.get("name", "?")
        for number, text in enumerate(row.get("texts", ())):
            try:
                Template(text)
            except TemplateError as error:
                where = f"{path}.texts[{number}]"
                problems.append(Problem(source.file, source.line(where), where, f"template {text!r}", f"{error}."))
