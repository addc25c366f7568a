"""Exceptions that left a call instead of an answer: which rule of the transport catalog they fall under.

Nothing is imported from the HTTP libraries: exceptions are known by the full names of their classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from heify_heygen_errors.catalog import Catalogs, Rule
from heify_heygen_errors.catalog.template import Folded
from heify_heygen_errors.model import Outcome

_MAX_CAUSES: Final = 32
_MAX_TEXT: Final = 16384


def causes(exc: BaseException, catalogs: Catalogs, *, members: bool = False) -> Iterator[BaseException]:
    """The exception and everything that caused it, outermost first; each once, at most 32.

    What merely happened to be handled when it was raised (``__context__``) counts only behind an exception
    that the catalog does not know: behind a known one it can be an earlier attempt, and an attempt that was
    never sent must not make a later one look unsent. With `members`, those of a group are yielded as well.
    """
    pending: list[object] = [exc]
    seen: set[int] = set()
    while pending and len(seen) < _MAX_CAUSES:
        current = pending.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        try:
            inner = [current.__cause__, getattr(current, "reason", None), getattr(current, "os_error", None), *current.args[:3]]
            if current.__cause__ is None and not current.__suppress_context__ and _by_class(current, catalogs) is None:
                inner.append(current.__context__)
        except Exception:  # noqa: BLE001, S112 - attributes of foreign exceptions may raise anything
            continue
        if members and isinstance(current, BaseExceptionGroup):
            inner += current.exceptions[:_MAX_CAUSES]
        pending += inner


def class_names(kind: type[BaseException]) -> list[str]:
    """Full names of a class and its bases, most derived first."""
    return [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]


def text_of_exception(exc: BaseException) -> str:
    """The exception's own text, bounded; empty if it cannot be told."""
    try:
        return str(exc)[:_MAX_TEXT]
    except Exception:  # noqa: BLE001 - a foreign __str__
        return ""


def rule_for(exc: BaseException, catalogs: Catalogs, trace: list[str] | None = None) -> Rule | None:
    """The rule of an exception: of all that its chain matches, the one that stands first in the catalog.

    The catalog goes from what says most to what says least. None where it knows nothing of the chain.
    """
    found: list[tuple[int, Rule]] = []
    for cause in causes(exc, catalogs):
        if isinstance(cause, BaseExceptionGroup):
            decided = _rule_for_group(cause, catalogs)
            if decided is None:
                return None
            found.append((catalogs.transport.order[decided.id], decided))
            continue
        for rule in (_by_class(cause, catalogs), _by_text(catalogs, text_of_exception(cause))):
            if rule is not None:
                found.append((catalogs.transport.order[rule.id], rule))
                if trace is not None:
                    trace.append(f"{class_names(type(cause))[0]} falls under {rule.id}")
    return min(found, key=lambda ranked: ranked[0])[1] if found else None


def _rule_for_group(group: BaseExceptionGroup[BaseException], catalogs: Catalogs) -> Rule | None:
    """The rule of several failures at once: one that may have been sent decides, for a repeat could pay twice."""
    rules = [rule_for(member, catalogs) for member in group.exceptions[:_MAX_CAUSES]]
    for rule in rules:
        if rule is None or rule.outcome is not Outcome.NOT_SENT:
            return rule
    return rules[0]


def _by_class(exc: BaseException, catalogs: Catalogs) -> Rule | None:
    by_exception = catalogs.transport.by_exception
    for name in class_names(type(exc)):
        rule = by_exception.get(name)
        if rule is not None:
            return rule
    return None


def _by_text(catalogs: Catalogs, text: str) -> Rule | None:
    if not text:
        return None
    order = catalogs.transport.order
    fitting = [cast("Rule", owner) for owner, _, _ in catalogs.transport.texts.search(Folded(text))]
    # The order of the catalog, which puts first what says most, not the length of the text that fits.
    return min(fitting, key=lambda rule: order[rule.id], default=None)


def rule_for_text(described: str, catalogs: Catalogs, trace: list[str] | None = None) -> Rule | None:
    """The rule of an exception that was logged as its class name with text, as in ``"ssl.SSLError: bad"``."""
    name, _, text = described.strip().partition(":")
    name = name.strip()
    if "(" in name:  # repr: ReadTimeout('...')
        text = described.strip().partition("(")[2]
        name = name.partition("(")[0]
    transport = catalogs.transport
    rule = transport.by_exception.get(name) or transport.by_exception.get(f"builtins.{name}")
    if rule is None:
        rule = transport.by_short_name.get(name.rpartition(".")[2])
    candidates = [rule, _by_text(catalogs, text[:_MAX_TEXT])]
    found = min((rule for rule in candidates if rule is not None), key=lambda rule: transport.order[rule.id], default=None)
    if trace is not None:
        trace.append(f"the logged exception falls under {found.id}" if found else "neither name nor text of the logged exception is listed")
    return found
