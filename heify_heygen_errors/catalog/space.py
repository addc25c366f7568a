"""A number space: one vendor's catalog as the engine asks it. Finds rules; performs no I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, Final

from heify_heygen_errors.catalog.entries import CatalogEntry, Endpoint, Limit, Rule, build_entry
from heify_heygen_errors.catalog.template import Template, TemplateTable
from heify_heygen_errors.model import Fault

_MAX_CODE: Final = 256
_CONTROLS: Final = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters and of separators that break lines
_DEFAULT_EFFECT: Final = {"GET": "read", "HEAD": "read", "OPTIONS": "read", "PUT": "idempotent", "DELETE": "idempotent"}


def breaks_lines(code: str) -> bool:
    """Whether a code holds control characters or line breaks, which tables and files of codes cannot have."""
    return any(unicodedata.category(character) in _CONTROLS for character in code)


def is_status(code: str) -> bool:
    """Whether a code is a number from 100 to 599, which counts as an HTTP status."""
    return len(code) == 3 and code.isascii() and code.isdigit() and "1" <= code[0] <= "5"  # noqa: PLR2004


def bare_path(url: str) -> str:
    """The path of a URL or path, without host, query and fragment."""
    path = url.partition("?")[0].partition("#")[0]
    return "/" + path.partition("://")[2].partition("/")[2] if "://" in path else path


def _endpoint(row: Mapping[str, Any]) -> Endpoint:
    wait = row.get("min_wait")
    return Endpoint(**{**row, "min_wait": None if wait is None else float(wait)})


class Table:
    """Entries found by code and by text; the part that vendors and layers share."""

    def __init__(self, name: str, rows: Iterable[tuple[Mapping[str, Any], str | None]], defaults: Mapping[str, Mapping[str, str]]) -> None:
        self.name = name
        self.entries: dict[str, CatalogEntry] = {}
        for row, overlay in rows:
            self.entries[row["name"]] = build_entry(name, row, defaults, overlay)
        self.by_code: dict[str, tuple[CatalogEntry, ...]] = {}
        owned: list[tuple[Template, object]] = []
        self.shapes: dict[str, CatalogEntry] = {}
        for entry in self.entries.values():
            for code in entry.codes:
                # Entries with a condition are asked first.
                others = self.by_code.get(code, ())
                self.by_code[code] = (entry, *others) if entry.condition is not None else (*others, entry)
            owned += [(template, entry) for template in entry.templates]
            if entry.shape is not None:
                self.shapes[entry.shape] = entry
        self.templates = TemplateTable(owned)


class Space(Table):
    """One vendor's catalog: entries, families, statuses, job states, endpoints, success codes."""

    def __init__(
        self,
        data: Mapping[str, Any],
        rows: Iterable[tuple[Mapping[str, Any], str | None]],
        categories: Mapping[str, Any],
    ) -> None:
        name = data["catalog"]
        defaults = categories["categories"]
        super().__init__(name, rows, defaults)
        self.title: str = data["title"]
        self.docs: str | None = data.get("docs")
        self.status_page: str | None = data.get("status_page")
        self.hosts: tuple[str, ...] = tuple(data.get("hosts", ()))
        request_id = data.get("request_id", {})
        self.request_id_headers: tuple[str, ...] = tuple(header.lower() for header in request_id.get("headers", ()))
        self.request_id_fields: tuple[str, ...] = tuple(request_id.get("fields", ()))
        success = data.get("success", {})
        self.success_codes = frozenset(code.lower() for code in success.get("codes", ()))
        self.success_messages = frozenset(" ".join(message.split()).lower() for message in success.get("messages", ()))
        self.catch_all = frozenset(data.get("catch_all", ()))
        self.vague_statuses = frozenset(int(status) for status in data.get("vague_statuses", ()))
        jobs = data.get("jobs", {})
        self.failed_states = frozenset(state.lower() for state in jobs.get("failed", ()))
        self.missing_states = frozenset(state.lower() for state in jobs.get("missing", ()))
        self.completed_states = frozenset(state.lower() for state in jobs.get("completed", ()))
        self.running_states = frozenset(state.lower() for state in jobs.get("running", ()))
        # One of these stands in the text of every item that failed: in its state, or in the name of a member or an event.
        self.signs_of_failure = ("fail", "error", *sorted(self.failed_states | self.missing_states))
        self.result_fields: tuple[str, ...] = tuple(jobs.get("result_fields", ()))
        self.limits = tuple(
            Limit(
                limit["name"],
                limit["value"],
                limit["unit"],
                tuple(limit["source"]),
                tuple(limit.get("statuses", ())),
                limit.get("note"),
            )
            for limit in data.get("limits", ())
        )
        self.statuses: dict[str, Rule] = {}
        for status, category in categories["statuses"].items():
            self.statuses[status] = Rule(f"{name}/status:{status}", None, {"category": category}, defaults)
        self._own_statuses = dict(data.get("statuses", {}))
        for status, row in self._own_statuses.items():
            self.statuses[status] = Rule(f"{name}/status:{status}", None, row, defaults)
        self._classes: dict[int, Rule] = {}
        self._defaults = defaults
        self.families = {
            family["suffix"]: Rule(f"{name}/family:{family['suffix']}", None, family, defaults) for family in data.get("families", ())
        }
        # Codes that decide by themselves: one entry, no conditions, nothing to refine, not vague.
        self.decided = {
            code: entries[0]
            for code, entries in self.by_code.items()
            if len(entries) == 1
            and not is_status(code)
            and not (entries[0].refinements or entries[0].generic or entries[0].condition is not None or code in self.catch_all)
        }
        self.endpoints = tuple(_endpoint(endpoint) for endpoint in data.get("endpoints", ()))
        # By method, number of segments, and the segments in front of the first variable one, at most two.
        self._endpoints: dict[tuple[str, int, tuple[str, ...]], list[tuple[list[str], Endpoint]]] = {}
        self._fixed = {(endpoint.method, endpoint.path): endpoint for endpoint in self.endpoints if "{" not in endpoint.path}
        for endpoint in self.endpoints:
            parts = endpoint.path.strip("/").split("/")
            fixed = tuple(takewhile(lambda part: not part.startswith("{"), parts[:2]))
            self._endpoints.setdefault((endpoint.method, len(parts), fixed), []).append((parts, endpoint))
        for candidates in self._endpoints.values():  # fixed segments before variable ones
            candidates.sort(key=lambda candidate: sum(part.startswith("{") for part in candidate[0]))
        self.unknown = Rule("unknown", None, {"category": "unknown"}, defaults)

    def status_rule(self, status: int) -> Rule | None:
        """What an HTTP status means by itself; None below 400 and outside 400 to 599."""
        if not 400 <= status <= 599:  # noqa: PLR2004
            return None
        exact = self.statuses.get(str(status))
        if exact is not None:
            return exact
        rule = self._classes.get(status)
        if rule is None:
            general = self.statuses[f"{status // 100}xx"]
            row = self._own_statuses.get(f"{status // 100}xx") or {"category": general.category.value}
            rule = self._classes[status] = Rule(f"{self.name}/status:{status}", None, row, self._defaults)
        return rule

    def family_rule(self, code: str, status: int | None) -> Rule | None:
        """The rule of the longest suffix that a text code ends in.

        A family that blames the vendor does not stand against a 4xx status.
        """
        low = code[:_MAX_CODE].lower()
        start = low.find("_", 1)
        while start > 0:
            rule = self.families.get(low[start:])
            if rule is not None:
                blames_vendor = rule.fault in (Fault.PROVIDER, Fault.NETWORK)
                return None if blames_vendor and status is not None and 400 <= status <= 499 else rule  # noqa: PLR2004
            start = low.find("_", start + 1)
        return None

    def believes(self, entry: CatalogEntry, status: int | None) -> bool:
        """Whether a message template of the entry counts with this effective status."""
        if status is None or status < 400:  # noqa: PLR2004
            return True
        if entry.believed_with:
            return status in entry.believed_with or status in self.vague_statuses
        return status < 500 or entry.fault in (Fault.PROVIDER, Fault.NETWORK)  # noqa: PLR2004

    def endpoint(self, method: str | None, url: str | None) -> Endpoint | None:
        """The endpoint of a method and a URL or path, None if the catalog does not know it."""
        if method is None or url is None:
            return None
        path = bare_path(url)
        fixed = self._fixed.get((method.upper(), path.rstrip("/")))
        if fixed is not None:
            return fixed
        parts = path.strip("/").split("/")
        for known in (2, 1, 0):
            for pattern, endpoint in self._endpoints.get((method.upper(), len(parts), tuple(parts[:known])), ()):
                if all(wanted == part or wanted.startswith("{") for wanted, part in zip(pattern, parts, strict=True)):
                    return endpoint
        return None

    def may_repeat(self, method: str, url: str | None, *, has_key: bool) -> bool:
        """Whether a request whose outcome is not known can be sent again without harm."""
        endpoint = self.endpoint(method, url)
        effect = endpoint.effect if endpoint is not None else _DEFAULT_EFFECT.get(method.upper(), "spends")
        if effect != "spends":
            return True
        if not has_key:
            return False
        if endpoint is not None:
            return endpoint.idempotency is not None
        return url is None and any(known.idempotency for known in self.endpoints)
