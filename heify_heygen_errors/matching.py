"""Which rule of the catalogs applies to a failure. Structure outranks text; total; performs no I/O.

Order: exact code, code family, message template (within its statuses), listed shape, HTTP status, unknown.
docs/matching.md explains it with examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast

from heify_heygen_errors.catalog import CatalogEntry, Catalogs, Rule, Space
from heify_heygen_errors.catalog.entries import Circumstances
from heify_heygen_errors.catalog.space import Table, is_status
from heify_heygen_errors.catalog.template import Folded, split_field_path
from heify_heygen_errors.failure import Failure
from heify_heygen_errors.model import MatchedBy
from heify_heygen_errors.providers import Sight

NO_PARAMS: Final[Mapping[str, str]] = {}

_CODE: Final = MatchedBy.CODE
_EVIDENCE: Final = {None: None, "message": MatchedBy.MESSAGE, "detail": MatchedBy.DETAIL}


class Match(NamedTuple):
    """The rule that applies, what decided for it, and what its template captured.

    Attributes:
        known_code: whether a catalog lists the code, or there is none.
        field: the field path in front of the message.
        verbatim: whether the message is the catalog's own, letter by letter.
    """

    rule: Rule
    matched_by: MatchedBy
    params: Mapping[str, str]
    known_code: bool
    field: str | None
    verbatim: bool = False


Trace = list[str] | None


def match(failure: Failure, sight: Sight, catalogs: Catalogs, trace: Trace = None) -> Match:
    """The rule for a failure; `trace` collects the steps for people."""
    space = sight.space
    code = failure.code
    channel = failure.channel
    status = sight.status
    if status is not None and status < 400:  # noqa: PLR2004
        status = None
    number = code is not None and len(code) == 3 and is_status(code)  # noqa: PLR2004 - the length first: it is cheap
    if number and code is not None:
        stated = int(code)
        if stated >= 400 and (status is None or channel in ("job", "webhook")):  # noqa: PLR2004
            status = stated
        if trace is not None:
            trace.append(f"code {code} is an HTTP status: it counts as one, effective status {status}")

    message = failure.message
    if code is not None and trace is None and not failure.layer:
        entry = space.decided.get(code)
        if entry is not None:  # the usual case, the short way: this code decides whatever else was seen
            if message is None or message == entry.message:
                # tuple.__new__ takes half the time of Match(...), which calls a Python function.
                return tuple.__new__(Match, (entry.compiled, _CODE, NO_PARAMS, True, None, message is not None))
            field, problem = split_field_path(message)
            return Match(entry.compiled, _CODE, captures(space, entry, Folded(problem)), known_code=True, field=field)

    field, text = split_field_path(message) if message is not None else (None, failure.text)
    if field is not None and trace is not None:
        trace.append(f"field path {field!r} stands before the message: it becomes param, {text!r} is matched")
    if status is None and failure.channel == "response" and sight.status is None:
        status = _stated_status(sight.document.title) or _stated_status(text)
        if status is not None and trace is not None:
            trace.append(f"there is no status, but the text states one: {status}")
    seen = Circumstances(text, failure.detail, status, channel, sight.endpoint)
    search = _Search(space, catalogs, failure, seen, trace, sight.document.title, known=code is None or number)
    rule, matched_by, params = search.run()
    return Match(rule, matched_by, params, search.known_code, field)


# RFC 9110 section 15 and RFC 6585. A text that is nothing but one of them states its status.
_REASONS: Final = {
    "bad request": 400,
    "unauthorized": 401,
    "payment required": 402,
    "forbidden": 403,
    "not found": 404,
    "method not allowed": 405,
    "not acceptable": 406,
    "proxy authentication required": 407,
    "request timeout": 408,
    "request time-out": 408,
    "conflict": 409,
    "gone": 410,
    "length required": 411,
    "payload too large": 413,
    "content too large": 413,
    "request entity too large": 413,
    "unsupported media type": 415,
    "unprocessable entity": 422,
    "unprocessable content": 422,
    "too many requests": 429,
    "internal server error": 500,
    "not implemented": 501,
    "bad gateway": 502,
    "service unavailable": 503,
    "service temporarily unavailable": 503,
    "gateway timeout": 504,
    "gateway time-out": 504,
}
_STATED = re.compile(r"(?:HTTP/[0-9.]+ |HTTP |Error )?([45][0-9]{2})(?: ([A-Za-z][A-Za-z\- ]{2,40})|$)", re.ASCII)
_LONGEST_STATED: Final = 200


def _stated_status(text: str | None) -> int | None:
    """The HTTP status that a text names: "502 Bad Gateway", "Too Many Requests"."""
    if text is None:
        return None
    head = " ".join(text[:_LONGEST_STATED].split())
    stated = _STATED.match(head)
    if stated is not None:
        return int(stated[1])
    return _REASONS.get(head.rstrip(".!").lower())


def captures(space: Space, entry: CatalogEntry, text: Folded) -> Mapping[str, str]:
    """What templates capture of a message whose code decided: the entry's own, else one of the same category."""
    if space.templates.has_exact(text):  # "Avatar group not found" names no avatar "group"
        return NO_PARAMS
    for template in entry.capturing:
        captured = template.match(text)
        if captured is not None:
            return captured
    for owner, _, captured in space.templates.search(text, general=False):
        if captured and cast("CatalogEntry", owner).category is entry.category:
            return captured
    return NO_PARAMS


class _Search:
    """One run through the order of evidence."""

    def __init__(
        self,
        space: Space,
        catalogs: Catalogs,
        failure: Failure,
        seen: Circumstances,
        trace: Trace,
        title: str | None,
        *,
        known: bool,
    ) -> None:
        self.space = space
        self.catalogs = catalogs
        self.failure = failure
        self.seen = seen
        self.trace = trace
        self.title = title
        self.own_text = False
        self.known_code = known  # no code, or a number that counts as a status

    def run(self) -> tuple[Rule, MatchedBy, Mapping[str, str]]:
        trace = self.trace
        failure, space = self.failure, self.space
        code = failure.code
        vague: CatalogEntry | None = None
        if code is not None and not self.known_code:
            tables: tuple[Table, ...] = (self.catalogs.layers, space) if failure.layer else (space,)
            entry = self.by_code(tables, code)
            if entry is not None:
                vague_code = entry.generic or code in space.catch_all
                refined = self.refined(entry, _CODE, text_only=vague_code)
                if refined is not None:
                    return refined
                if code in space.catch_all and self.seen.status is not None and self.seen.status <= 499:  # noqa: PLR2004
                    if trace is not None:
                        trace.append(f"code {code} is a catch-all: templates and the status {self.seen.status} outrank it")
                elif vague_code:
                    if trace is not None:
                        trace.append(f"code {code} means {entry.name}, but is vague: a message template outranks it")
                    vague = entry
                else:
                    return entry.compiled, _CODE, self.captures(entry)
            elif not failure.layer:
                family = space.family_rule(code, self.seen.status) if code not in space.catch_all else None
                if family is not None:
                    if trace is not None:
                        trace.append(f"code {code} is in no catalog; it belongs to the family {family.id}")
                    return family, MatchedBy.FAMILY, NO_PARAMS
                if trace is not None:
                    trace.append(f"code {code} is in no catalog and in no family")
        found = self.by_text(besides=vague)
        if found is not None:
            return found
        if vague is not None:
            if trace is not None:
                trace.append(f"no other template fits: the code decides for {vague.compiled.id}")
            return self.refined(vague, _CODE) or (vague.compiled, _CODE, self.captures(vague))
        if failure.shape is not None:
            shaped = space.shapes.get(failure.shape) or self.catalogs.layers.shapes.get(failure.shape)
            if shaped is not None:
                if trace is not None:
                    trace.append(f"shape {failure.shape}: {shaped.compiled.id}")
                return self.refined(shaped, MatchedBy.SHAPE) or (shaped.compiled, MatchedBy.SHAPE, NO_PARAMS)
        status = self.seen.status
        if status is not None:
            rule = space.status_rule(status)
            if rule is not None:
                if trace is not None:
                    trace.append(f"nothing in code or text decides: status {status} gives {rule.id}")
                return rule, MatchedBy.STATUS, NO_PARAMS
        if trace is not None:
            trace.append("nothing in the evidence decides")
        return space.unknown, MatchedBy.NONE, NO_PARAMS

    def by_code(self, tables: Iterable[Table], code: str) -> CatalogEntry | None:
        trace = self.trace
        for table in tables:
            for entry in table.by_code.get(code, ()):
                if entry.condition is None or entry.condition.fits(self.seen) is not None:
                    self.known_code = True
                    if trace is not None:
                        trace.append(f"code {code} is listed: {entry.compiled.id}")
                    return entry
                self.known_code = True
                if trace is not None:
                    trace.append(f"code {code} is listed for {entry.compiled.id}, whose conditions do not fit")
        return None

    def refined(self, entry: CatalogEntry, by: MatchedBy, *, text_only: bool = False) -> tuple[Rule, MatchedBy, Mapping[str, str]] | None:
        trace = self.trace
        for refinement in entry.refinements:
            if text_only and not refinement.condition.reads_text:
                continue
            captured = refinement.condition.fits(self.seen)
            if captured is not None:
                if trace is not None:
                    trace.append(f"refinement {refinement.rule} fits: {dict(refinement.when)}")
                decides = _EVIDENCE[refinement.condition.decided_by(self.seen)] or by
                return refinement.compiled, decides, captured or self.captures(entry)
            if trace is not None:
                trace.append(f"refinement {refinement.rule} does not fit: {dict(refinement.when)}")
        return None

    def captures(self, entry: CatalogEntry) -> Mapping[str, str]:
        text = self.seen.message
        return NO_PARAMS if text is None else captures(self.space, entry, text)

    def by_text(self, besides: CatalogEntry | None) -> tuple[Rule, MatchedBy, Mapping[str, str]] | None:
        failure, space = self.failure, self.space
        layers = self.catalogs.layers
        text = self.seen.message
        if text is None:
            return None
        if failure.text is None:
            for table in (layers, space) if failure.layer else (space, layers):
                if table is layers and not failure.layer and failure.channel != "response":
                    continue
                found = self.search(table, text, besides)
                if found is not None:
                    return found
                if self.own_text:
                    return None
            return None
        for page in (Folded(self.title) if self.title else None, text):
            found = self.search(layers, page, besides) if page is not None else None
            if found is not None:
                return found
        return None

    def search(self, table: Table, text: Folded, besides: CatalogEntry | None) -> tuple[Rule, MatchedBy, Mapping[str, str]] | None:
        trace = self.trace
        for owner, template, captured in table.templates.search(text):
            entry = cast("CatalogEntry", owner)
            if entry is besides:  # the vague code's own words: no other entry with the same text takes them
                self.own_text = True
                return None
            if self.failure.text is not None and not entry.in_pages:
                continue
            if not self.space.believes(entry, self.seen.status):
                if trace is not None:
                    trace.append(f"template {template.source!r} of {entry.compiled.id} fits, but not with status {self.seen.status}")
                continue
            if entry.condition is not None and entry.condition.fits(self.seen) is None:
                if trace is not None:
                    trace.append(f"template {template.source!r} of {entry.compiled.id} fits, but its conditions do not")
                continue
            if trace is not None:
                trace.append(f"template {template.source!r} fits: {entry.compiled.id}" + (f", captured {captured}" if captured else ""))
            refined = self.refined(entry, MatchedBy.MESSAGE)
            if refined is not None:
                rule, by, params = refined
                return rule, by, params or captured
            return entry.compiled, MatchedBy.MESSAGE, captured
        return None
