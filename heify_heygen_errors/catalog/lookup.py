"""Strict look-up of a code or name: KeyError with the nearest ones, never a guess."""

from __future__ import annotations

import difflib
from itertools import takewhile

from heify_heygen_errors.catalog import CatalogEntry, Catalogs, Rule
from heify_heygen_errors.catalog.entries import StatusSet
from heify_heygen_errors.model import Fault, Outcome


class UnknownCodeError(KeyError):
    """No entry has this code or name; the message names the nearest. A KeyError that prints without quotes."""

    def __str__(self) -> str:
        return str(self.args[0])


def lookup(catalogs: Catalogs, provider: str, code_or_name: str | int) -> CatalogEntry:
    """The entry of a code or name: in the provider's catalog, its statuses, or the layers in front of it.

    Raises:
        KeyError: there is none.
        ValueError: there is no provider of this name.
    """
    name = str(provider).strip().lower()
    wanted = str(code_or_name).strip()
    wanted = wanted.removeprefix(f"{name}/").removeprefix("layers/")  # a rule, as every ErrorInfo names it
    if name not in (*catalogs.providers, "layers"):
        msg = f"there is no provider {provider!r}: use one of {', '.join((*catalogs.providers, 'layers'))}"
        raise ValueError(msg)
    tables = [catalogs.layers] if name == "layers" else [catalogs.space(name), catalogs.layers]
    for table in tables:
        for key in (wanted, wanted.lower()):
            found = table.by_code.get(key)
            if found:
                return found[0]
        entry = table.entries.get(wanted.upper())
        if entry is not None:
            return entry
    if name != "layers" and len(wanted) == 3 and wanted.isascii() and wanted.isdigit():  # noqa: PLR2004
        rule = catalogs.space(name).status_rule(int(wanted))
        if rule is not None:
            return _status_entry(name, wanted, rule)
    known = dict.fromkeys(code for table in tables for code in (*table.by_code, *table.entries))
    near = difflib.get_close_matches(wanted, known, 40, 0.6) or difflib.get_close_matches(wanted.upper(), known, 40, 0.6)
    near = sorted(near, key=lambda code: -_shared(code, wanted))[:5]
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    msg = f"no code or name {wanted!r} in the catalog of {name}{hint}"
    raise UnknownCodeError(msg)


def _shared(one: str, other: str) -> int:
    """How many characters two codes begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _status_entry(provider: str, status: str, rule: Rule) -> CatalogEntry:
    outcome = Outcome.REFUSED if rule.fault in (Fault.CALLER, Fault.ACCOUNT) else Outcome.UNKNOWN
    return CatalogEntry(
        provider=provider,
        name=f"status:{status}",
        codes=(),
        message=None,
        detail=None,
        also=(),
        statuses=(status,),
        category=rule.category,
        summary=rule.summary,
        remedy=rule.remedy,
        fault=rule.fault,
        retry=rule.advice(outcome, None),
        rule=rule.id,
        refinements=(),
        examples=(),
        counter_examples=(),
        evidence="documented",
        source=("RFC 9110",),
        note="What the HTTP status means where neither code nor message says more.",
        since=None,
        replaced_by=None,
        shape=None,
        generic=False,
        named=False,
        match_message=False,
        in_pages=False,
        vendor_codes=(),
        compiled=rule,
        condition=None,
        believed_with=StatusSet((status,)),
        templates=(),
        capturing=(),
    )
