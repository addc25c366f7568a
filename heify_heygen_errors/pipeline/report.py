"""The summary of a run, as plain data: what an on-call person asks of a log. Performs no I/O.

docs/summary.md explains every member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from heify_heygen_errors.catalog import Catalogs, Rule
from heify_heygen_errors.catalog.space import breaks_lines
from heify_heygen_errors.exceptions import printable
from heify_heygen_errors.model import Category, Fault, RetryAction
from heify_heygen_errors.normalizer import MAX_CODE
from heify_heygen_errors.pipeline.blocks import Tally
from heify_heygen_errors.redaction import REDACTED

SCHEMA: Final = 1
"""Version of the shape that `summary` gives. New members may come with the same version; none goes or changes its meaning."""

MAX_SAMPLE: Final = 300
"""Characters of a sample message."""

_MAX_NAME: Final = 60
_OVERLAY_ID: Final = "found"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_SYMBOL = re.compile(r"[^A-Z0-9]+", re.ASCII)
_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def summary(tally: Tally, *, catalogs: Catalogs) -> dict[str, Any]:
    """What `--summary-json` holds.

    The same tally gives the same summary: there is no time, no path and no order of work in it. Lists go from the highest
    count to the lowest; equal counts stand in the order of the model's enums, else in that of the alphabet. Shares are
    fractions from 0 to 1, rounded to four digits, 0 of nothing.

    Arguments:
        tally: of all inputs.
        catalogs: those that decided.

    Returns:
        JSON-ready data; docs/summary.md explains each member. Messages are redacted, but hold whatever else the vendor
        wrote, control characters included: escape them where they are printed.
    """
    meanings = _Meanings(catalogs)
    failed = tally.failed
    kept = max(tally.written + tally.rejects - tally.records, 0)
    read = tally.written - kept
    no_error = read - failed - tally.unobserved
    unknown = _unknown(tally, catalogs, meanings)
    return {
        "schema": SCHEMA,
        "catalog": catalogs.version,
        "records": tally.records,
        "written": tally.written,
        "rejects": tally.rejects,
        "rejects_kept": kept,
        "blank_lines": tally.blank,
        "rows": tally.rows,
        "failed": failed,
        "no_error": no_error,
        "observed_nothing": tally.unobserved,
        "shares": {
            "rejects": _share(tally.rejects, tally.records),
            "failed": _share(failed, read),
            "no_error": _share(no_error, read),
            "observed_nothing": _share(tally.unobserved, read),
        },
        "providers": [
            {"provider": provider, "failed": count, "share": _share(count, failed)}
            for provider, count in _ranked(tally.providers, catalogs.providers)
        ],
        "categories": [
            {
                "category": name,
                "failed": count,
                "share": _share(count, failed),
                "title": catalogs.categories[name]["title"],
                "fault": catalogs.categories[name]["fault"],
                "may_pass": catalogs.categories[name]["retry"] in (RetryAction.BACKOFF, RetryAction.POLL),
            }
            for name, count in _ranked(tally.categories, tuple(Category))
        ],
        "faults": [{"fault": fault.value, "failed": tally.faults[fault], "share": _share(tally.faults[fault], failed)} for fault in Fault],
        "retry": {
            "may_pass": tally.retryable,
            "share": _share(tally.retryable, failed),
            "actions": [
                {"action": action.value, "failed": tally.actions[action], "share": _share(tally.actions[action], failed)}
                for action in RetryAction
            ],
        },
        "rules": [_rule(rule, count, failed, meanings) for rule, count in _ranked(tally.rules)],
        "reject_reasons": {
            "reasons": [{"reason": reason, "rejects": count} for reason, count in _ranked(tally.reasons)],
            "others": tally.beyond["reasons"],
        },
        "unknown_codes": {
            "failed": tally.unknown.total() + tally.beyond["unknown"],
            "codes": unknown,
            "others": tally.beyond["unknown"],
            "overlays": _overlays(unknown, catalogs),
        },
        "unmatched": {
            "failed": tally.unmatched.total() + tally.beyond["unmatched"],
            "messages": _unmatched(tally),
            "others": tally.beyond["unmatched"],
        },
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _ranked(counts: Mapping[str, int], order: Iterable[str] = ()) -> list[tuple[str, int]]:
    places = {str(name): place for place, name in enumerate(order)}
    return sorted(
        ((str(name), count) for name, count in counts.items() if count),
        key=lambda pair: (-pair[1], places.get(pair[0], len(places)), pair[0]),
    )


def _rule(rule: str, count: int, failed: int, meanings: _Meanings) -> dict[str, Any]:
    meaning = meanings.of(rule)
    return {
        "rule": rule,
        "failed": count,
        "share": _share(count, failed),
        "category": None if meaning is None else meaning.category.value,
        "summary": None if meaning is None else meaning.summary,
        "remedy": None if meaning is None else meaning.remedy,
    }


class _Meanings:
    """The catalogs' rules by the id that rows name."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs
        self._rules: dict[str, Rule] = {rule.id: rule for rule in catalogs.transport.rules.values()}
        for entry in catalogs.entries():
            self._rules[entry.rule] = entry.compiled
            self._rules.update({refinement.rule: refinement.compiled for refinement in entry.refinements})
        for space in catalogs.spaces.values():
            self._rules.update({family.id: family for family in space.families.values()})
            self._rules[space.unknown.id] = space.unknown

    def of(self, rule: str) -> Rule | None:
        """The rule of an id; None if the catalogs have none, as for a tally that was made with others."""
        provider, stated, status = rule.partition("/status:")
        if stated and status.isdigit() and provider in self._catalogs.providers:
            return self._catalogs.space(provider).status_rule(int(status))
        return self._rules.get(rule)


def _sample(message: str | None) -> str | None:
    if message is None or len(message) <= MAX_SAMPLE:
        return message
    return message[: MAX_SAMPLE - 1] + "…"


def _unmatched(tally: Tally) -> list[dict[str, Any]]:
    told = []
    for print_, count in _ranked(tally.unmatched):
        provider, rule, message = tally.unmatched_samples[print_]
        told.append({"fingerprint": print_, "failed": count, "provider": provider, "rule": rule, "message": _sample(message)})
    return told


def _unknown(tally: Tally, catalogs: Catalogs, meanings: _Meanings) -> list[dict[str, Any]]:
    taken = {entry.name for entry in catalogs.entries()}
    taken.update(row["name"] for data in catalogs.raw.values() for row in data.get("entries", ()))  # also those that overlays take out
    told = []
    for (provider, code), count in sorted(tally.unknown.items(), key=lambda item: (-item[1], item[0])):
        message, rule = tally.samples[provider, code]
        meaning = meanings.of(rule) or catalogs.space(provider).unknown
        name = entry = None
        if _can_be_listed(code, provider, catalogs):
            name = _name(code, taken)
            taken.add(name)
            entry = _entry(name, code, _sample(message), meaning, count, catalogs)
        told.append(
            {
                "provider": provider,
                "code": code,
                "failed": count,
                "message": _sample(message),
                "rule": rule,
                "category": meaning.category.value,
                "name": name,
                "entry": entry,
            }
        )
    return told


def _can_be_listed(code: str, provider: str, catalogs: Catalogs) -> bool:
    """Whether an entry can have this code: it is the vendor's, whole, and says something."""
    space = catalogs.space(provider)
    whole = code and code == code.strip() and len(code) < MAX_CODE and REDACTED not in code and "\ufffd" not in code
    return bool(whole) and not breaks_lines(code) and code not in space.catch_all and code.lower() not in space.success_codes


def _name(code: str, taken: set[str]) -> str:
    """A symbol of the code's letters and digits that no entry has."""
    name = _NO_SYMBOL.sub("_", _HUMP.sub("_", code).upper()).strip("_")[:_MAX_NAME].rstrip("_")
    if not name[:1].isalpha():
        name = f"CODE_{name}".rstrip("_")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _entry(name: str, code: str, message: str | None, meaning: Rule, count: int, catalogs: Catalogs) -> str:
    """An item of an overlay's `entries`: the code with the meaning that it was given so far."""
    default = catalogs.categories[meaning.category.value]
    lines = [f"name: {name}", "named: false", f"codes: [{_quoted(code)}]"]
    if message is not None and message.strip():
        lines += [f"message: {_quoted(message)}", "match_message: false"]
    lines.append(f"category: {meaning.category.value}")
    if meaning.fault.value != default["fault"]:
        lines.append(f"fault: {meaning.fault.value}")
    retry = {"action": meaning.action.value} if meaning.action.value != default["retry"] else {}
    if meaning.after is not None:
        retry["after"] = f"{meaning.after:g}"
    if meaning.resets is not None:
        retry["resets"] = meaning.resets
    if retry:
        lines.append(f"retry: {{{', '.join(f'{key}: {value}' for key, value in retry.items())}}}")
    if meaning.outcome is not None:
        lines.append(f"outcome: {meaning.outcome.value}")
    lines += [
        f"summary: {_quoted(f'Code {code} is not described yet. So far it is read as {meaning.id}.')}",
        f"remedy: {_quoted(meaning.remedy)}",
        "evidence: observed",
        f"source: our logs, {count} record{'' if count == 1 else 's'}",
    ]
    return "".join(f"{'- ' if not number else '  '}{line}\n" for number, line in enumerate(lines))


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, on one line and of characters that can be seen."""
    return '"' + "".join(_written(char) for char in text) + '"'


def _written(char: str) -> str:
    if char in _ESCAPED:
        return _ESCAPED[char]
    if "\ud800" <= char <= "\udfff":  # YAML has no way to write half a character
        return "\ufffd"
    if printable(char) == char:
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004


def _overlays(unknown: Iterable[Mapping[str, Any]], catalogs: Catalogs) -> dict[str, str]:
    """The text of an overlay for each provider that has codes to be listed."""
    ids = {overlay["id"] for overlay in catalogs.overlays}
    entries: dict[str, list[str]] = {}
    for told in unknown:
        if told["entry"] is not None:
            entries.setdefault(told["provider"], []).append(told["entry"])
    texts = {}
    for provider in sorted(entries):
        name = f"{_OVERLAY_ID}-{provider}"
        while name in ids:
            name += "-more"
        indented = "".join(f"  {line}\n" for entry in entries[provider] for line in entry.splitlines())
        texts[provider] = f"schema: 1\nkind: overlay\ncatalog: {provider}\nid: {name}\nentries:\n{indented}"
    return texts
