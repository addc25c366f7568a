"""Writes the pages under docs/reference and the generated tables of other pages from the catalogs.

    python docs/make_reference.py

A generated table stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test holds the pages equal to
what this gives.
"""  # noqa: INP001 - a script beside the pages, no package

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from heify_heygen_errors import Catalogs, Category

ROOT: Final = Path(__file__).resolve().parents[1]
PROVIDERS: Final = ("heygen", "liveavatar", "heify")

_SECTION = re.compile(r"(<!-- generated: (?P<name>[a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOTE = "<!-- Written by docs/make_reference.py from data/{file}.yaml. Do not edit. -->\n"
_SOURCES: Final = {"seed": "docs.heygen.com/reference/errors (legacy table)"}

Row = Mapping[str, Any]


def pages() -> dict[Path, str]:
    """The text of every page that is generated, whole or in part."""
    raw = Catalogs.load().raw
    written = {ROOT / "docs/reference" / f"{name}.md": provider_page(raw, name) for name in PROVIDERS}
    written[ROOT / "docs/reference/layers.md"] = layers_page(raw)
    written[ROOT / "docs/reference/transport.md"] = transport_page(raw)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        if _SECTION.search(text):
            written[page] = _SECTION.sub(lambda found: f"{found[1]}{section(found['name'], raw)}{found[3]}", text)
    return written


def section(name: str, raw: Mapping[str, Row]) -> str:
    """A generated table by name."""
    return {"categories": categories, "category_defaults": category_defaults, "statuses": statuses, "families": families, "hosts": hosts}[
        name
    ](raw)


# Tables inside other pages.


def categories(raw: Mapping[str, Row]) -> str:
    """Meaning, exception and retry of each category."""
    rows = raw["categories"]["categories"]
    return table(
        ("Category", "Means", "Exception", "Retry"),
        ((code(name), rows[name]["means"], code(rows[name]["exception"]), rows[name]["retry"]) for name in Category),
    )


def category_defaults(raw: Mapping[str, Row]) -> str:
    """What each category brings along."""
    rows = raw["categories"]["categories"]
    return table(
        ("Category", "Fault", "Retry", "`http_status`", "`grpc`", "`title`"),
        (
            (
                code(name),
                rows[name]["fault"],
                rows[name]["retry"],
                str(rows[name]["http_status"]),
                code(rows[name]["grpc"]),
                rows[name]["title"],
            )
            for name in Category
        ),
    )


def statuses(raw: Mapping[str, Row]) -> str:
    """What an HTTP status means where nothing else decides, by provider."""
    general: Mapping[str, str] = raw["categories"]["statuses"]
    own = {name: {status: row["category"] for status, row in raw[name].get("statuses", {}).items()} for name in PROVIDERS}
    known = sorted(
        {*general, *(status for rows in own.values() for status in rows)}, key=lambda status: (status[0], status.endswith("xx"), status)
    )

    def meaning(name: str, status: str) -> str:
        return own[name].get(status) or general.get(status) or own[name].get(f"{status[0]}xx") or general[f"{status[0]}xx"]

    return table(
        ("Status", "HeyGen", "LiveAvatar", "Heify"),
        (
            (f"any other {status}" if status.endswith("xx") else status, *(code(meaning(name, status)) for name in PROVIDERS))
            for status in known
        ),
    )


def families(raw: Mapping[str, Row]) -> str:
    """The suffixes of text codes that have no entry."""
    return table(
        ("Provider", "Code ends in", "Category", "Retry"),
        (
            (name, code(family["suffix"]), code(family["category"]), retry(raw, family))
            for name in PROVIDERS
            for family in raw[name].get("families", ())
        ),
    )


def hosts(raw: Mapping[str, Row]) -> str:
    """The domains that name a provider."""
    return table(
        ("Provider", "Domains, with all below them", "Entries"),
        ((code(name), ", ".join(map(code, raw[name].get("hosts", ()))), str(len(raw[name]["entries"]))) for name in PROVIDERS),
    )


# Pages.


def provider_page(raw: Mapping[str, Row], name: str) -> str:
    """The page of one number space."""
    data = raw[name]
    jobs, success, request_id = data.get("jobs", {}), data.get("success", {}), data.get("request_id", {})
    facts = [
        ("Vendor's own page", data.get("docs")),
        ("Status page", data.get("status_page")),
        ("Domains", listed(data.get("hosts", ()))),
        ("Request id from headers", listed(request_id.get("headers", ()))),
        ("Request id from body fields", listed(request_id.get("fields", ()))),
        ("Codes of success", listed(success.get("codes", ()))),
        ("Messages of success", listed(success.get("messages", ()))),
        ("Catch-all codes", listed(data.get("catch_all", ()))),
        ("Statuses that say nothing", listed(data.get("vague_statuses", ()))),
        ("Job states: failed", listed(jobs.get("failed", ()))),
        ("Job states: missing", listed(jobs.get("missing", ()))),
        ("Job states: completed", listed(jobs.get("completed", ()))),
        ("Job states: running", listed(jobs.get("running", ()))),
        ("Fields of a usable result", listed(jobs.get("result_fields", ()))),
    ]
    parts = [
        _NOTE.format(file=name),
        f"# {data['title']}\n",
        f"Provider name `{name}`. The fields are explained in [catalogs.md](../catalogs.md).\n",
        table(("Fact", "Value"), ((label, value) for label, value in facts if value)),
        "## Index\n",
        index(raw, data["entries"]),
        "## Entries\n",
        *(entry(raw, row, name) for row in data["entries"]),
    ]
    if data.get("families"):
        parts += ["## Families\n", "For text codes without an entry. The longest suffix that fits wins.\n"]
        parts += [meaning(raw, f"`…{row['suffix']}`", f"{name}/family:{row['suffix']}", row) for row in data["families"]]
    if data.get("statuses"):
        parts += [
            "## Statuses\n",
            "Where neither code nor text decides. Statuses that are not listed: [categories.md](../categories.md#status-fallback).\n",
        ]
        parts += [meaning(raw, f"Status {status}", f"{name}/status:{status}", row) for status, row in data["statuses"].items()]
    if data.get("endpoints"):
        columns = ("method", "path", "effect", "idempotency", "min_wait", "rate_per_minute", "burst", "monthly_quota")
        used = [column for column in columns if any(column in row for row in data["endpoints"])]
        parts += [
            "## Endpoints\n",
            "What a repeat does, and which idempotency key the endpoint honours: see [model.md](../model.md#may_repeat).\n",
            table(
                [
                    {"min_wait": "min wait, s", "rate_per_minute": "per minute", "monthly_quota": "per month"}.get(column, column)
                    for column in used
                ],
                ([code(row[column]) if column == "path" else str(row.get(column, "")) for column in used] for row in data["endpoints"]),
            ),
        ]
    if data.get("limits"):
        parts += [
            "## Limits\n",
            "Documented limits. They are facts, not rules: nothing is matched by them.\n",
            table(
                ("Limit", "Value", "Unit", "Note"),
                ((row["name"], str(row["value"]), row["unit"], row.get("note", "")) for row in data["limits"]),
            ),
        ]
    return join(parts)


def layers_page(raw: Mapping[str, Row]) -> str:
    """The page of what stands in front of the vendors."""
    data = raw["layers"]
    return join(
        [
            _NOTE.format(file="layers"),
            "# Layers\n",
            (
                "Gateways, proxies, content networks and object storage in front of the vendors. Their entries apply to every provider;"
                " `provider` of the result stays the one that was asked. The symbols are this project's own.\n"
            ),
            table(
                ("Fact", "Value"),
                [
                    ("Request id from headers", listed(data["request_id"]["headers"])),
                    ("Request id from body fields", listed(data["request_id"]["fields"])),
                ],
            ),
            "## Index\n",
            index(raw, data["entries"]),
            "## Entries\n",
            *(entry(raw, row, "layers") for row in data["entries"]),
        ]
    )


def transport_page(raw: Mapping[str, Row]) -> str:
    """The page of exceptions without an answer."""
    rows = raw["transport"]["entries"]
    parts = [
        _NOTE.format(file="transport"),
        "# Transport\n",
        (
            "Exceptions that left a call instead of an answer. Entries stand in the order of what says most: of all exceptions in a chain,"
            " the one whose entry stands first decides.\n"
        ),
        "## Index\n",
        table(
            ("Name", "Rule", "Category", "Retry", "Outcome"),
            (
                (
                    f"[{row['name']}](#{row['name'].lower()})",
                    code(transport_rule(row)),
                    code(row["category"]),
                    retry(raw, row),
                    row["outcome"],
                )
                for row in rows
            ),
        ),
        "## Entries\n",
    ]
    for row in rows:
        lines = [
            f"### {row['name']}\n",
            head(raw, row, [f"outcome {row['outcome']}"]),
            f"Rule {code(transport_rule(row))}. {row['summary']} {row['remedy']}\n",
        ]
        if row["exceptions"]:
            lines.append(f"- Classes: {listed(row['exceptions'])}")
        if row.get("texts"):
            lines.append(f"- Texts: {listed(row['texts'])}")
        lines += tail(row)
        parts.append("\n".join(lines) + "\n")
    return join(parts)


# Their pieces.


def index(raw: Mapping[str, Row], rows: Sequence[Row]) -> str:
    """A table of entries."""
    return table(
        ("Name", "Codes", "Category", "Retry", "Message"),
        (
            (
                f"[{row['name']}](#{row['name'].lower()})",
                listed(row.get("codes", ())),
                code(row["category"]),
                retry(raw, row),
                code(row["message"]) if row.get("message") else "",
            )
            for row in rows
        ),
    )


def entry(raw: Mapping[str, Row], row: Row, catalog: str) -> str:
    """One entry, everything but its examples."""
    more = []
    if row.get("statuses"):
        more.append(f"status {', '.join(row['statuses'])}")
    if row.get("channel"):
        more.append(f"channel {row['channel']}")
    if row.get("outcome"):
        more.append(f"outcome {row['outcome']}")
    lines = [f"### {row['name']}\n", head(raw, row, more), f"{row['summary']} {row['remedy']}\n"]
    codes = list(row.get("codes", ()))
    if row.get("named", True) and catalog != "layers":
        codes += [row["name"], row["name"].lower()]
    if codes:
        lines.append(
            f"- Codes: {listed(codes)}" + (" (vague: any message template of another entry outranks them)" if row.get("generic") else "")
        )
    if row.get("message"):
        lines.append(f"- Message: {code(row['message'])}" + ("" if row.get("match_message", True) else " (does not decide alone)"))
    if row.get("also"):
        lines.append(f"- Also: {listed(row['also'])}")
    if row.get("detail"):
        lines.append(f"- Documented detail: {code(row['detail'])}")
    if row.get("shape"):
        lines.append(f"- Shape: {code(row['shape'])}")
    if row.get("when"):
        lines.append(f"- Only when {when(row['when'])}")
    if not row.get("in_pages", True):
        lines.append("- Counts in JSON only; as plain text or on a page anybody may have sent it.")
    lines += [
        f"- Refinement {code('#' + refine['id'])}, when {when(refine['when'])}: {code(refine['category'])}, {retry(raw, refine)}."
        f" {refine['summary']} {refine['remedy']}" + (f" *{refine['note']}*" if refine.get("note") else "")
        for refine in row.get("refine", ())
    ]
    lines += tail(row)
    return "\n".join(lines) + "\n"


def meaning(raw: Mapping[str, Row], title: str, rule: str, row: Row) -> str:
    """A family or status."""
    return f"### {title}\n\n{head(raw, row, [])}\nRule {code(rule)}. {row['summary']} {row['remedy']}\n" + (
        f"\n*{row['note']}*\n" if row.get("note") else ""
    )


def head(raw: Mapping[str, Row], row: Row, more: Sequence[str]) -> str:
    """Category, retry and fault, with whatever else is short."""
    default = raw["categories"]["categories"][row["category"]]
    return ", ".join([f"**{row['category']}**", f"retry {retry(raw, row)}", f"fault {row.get('fault') or default['fault']}", *more]) + "\n"


def retry(raw: Mapping[str, Row], row: Row) -> str:
    """The retry action in words."""
    stated = row.get("retry") or {}
    action = stated.get("action") or raw["categories"]["categories"][row["category"]]["retry"]
    after = f" after {stated['after']:g} s" if "after" in stated else ""
    return f"{action}{after}" + (f" (resets each {stated['resets']})" if stated.get("resets") else "")


def when(conditions: Row) -> str:
    """The conditions of a refinement in words."""
    told = []
    for key, value in conditions.items():
        if key == "no_message":
            told.append("there is no message")
        else:
            told.append(f"{key} is {' or '.join(code(str(item)) for item in value)}")
    return " and ".join(told)


def tail(row: Row) -> Iterator[str]:
    """Evidence, sources and history."""
    sources = "; ".join(_SOURCES.get(source, source) for source in row["source"])
    yield f"- Evidence: {row['evidence']}, {sources}"
    if row.get("since"):
        yield f"- Since: {row['since']}"
    if row.get("replaced_by"):
        yield f"- Replaced by [{row['replaced_by']}](#{row['replaced_by'].lower()})"
    if row.get("note"):
        yield f"- Note: {row['note']}"


def transport_rule(row: Row) -> str:
    """How `ErrorInfo.rule` names a transport entry."""
    return "transport/" + "".join(part.capitalize() for part in row["name"].split("_"))


def code(text: str) -> str:
    """A code span that may hold backticks."""
    text = str(text).replace("\n", " ")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def listed(texts: Iterable[str]) -> str:
    """Code spans, separated by commas."""
    return ", ".join(map(code, texts))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join((cell or "").replace("|", "\\|") for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def join(parts: Iterable[str]) -> str:
    """Blocks with a blank line between them."""
    return "\n".join(parts).rstrip("\n") + "\n"


def main() -> None:
    """Writes what changed and says so."""
    for page, text in pages().items():
        page.parent.mkdir(parents=True, exist_ok=True)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: {page.relative_to(ROOT)}")  # noqa: T201 - it is a command


if __name__ == "__main__":
    main()
