"""What a join with the exported codes gets right, beside full normalization: the figures of docs/export.md.

    python -m pip install -e '.[test]'
    python tests/benchmarks/export_difference.py

The join is the one of docs/export.md: the code is `code` or `error.code` of a JSON body; where the table has no row for it,
the HTTP status stands in. What full normalization says of the first failure in a record counts as right. Nothing is timed:
the same catalogs give the same figures, and tests/test_export.py holds the page equal to them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from heify_heygen_errors import ErrorInfo, normalize
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.export import Value, codes_table
from heify_heygen_errors.records import NotARecord, RecordNormalizer, RecordOptions, parse_line
from heify_heygen_errors.testing import records

ROOT: Final = Path(__file__).resolve().parents[2]
GENERATED: Final = 20_000
"""Records of the testing kit's log, with its usual mix and seed 0."""

COMPARED: Final = ("category", "fault", "retry")

Record = Mapping[str, Any]
Row = Mapping[str, Value]


class Judged(NamedTuple):
    """One record both ways.

    Attributes:
        info: what full normalization says; None where nothing failed.
        code: what the join takes for the code.
        by_code: the row that it finds by this code.
        by_status: the row that it finds by the HTTP status.
        by_error_code: the row of the code that full normalization finds, wherever it stands.
    """

    info: ErrorInfo | None
    code: str | None
    by_code: Row | None
    by_status: Row | None
    by_error_code: Row | None

    @property
    def row(self) -> Row | None:
        """The row by the code, else by the status."""
        return self.by_code or self.by_status


def code_in(body: object) -> str | None:
    """The code where a query would look for it: `code`, else `error.code`."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return None
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    for found in (body.get("code"), error.get("code") if isinstance(error, dict) else None):
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            return str(found)
    return None


def judged(log: Iterable[Record]) -> Iterator[Judged]:
    """Every record of a log that observed something and can be read, both ways."""
    rows = {(row["provider"], row["code"]): row for row in codes_table(default_catalogs()).records()}
    reader = RecordNormalizer(RecordOptions())
    for record in log:
        try:
            observation = reader.observation(record)
        except NotARecord:
            continue
        if observation is None:
            continue
        info = normalize(observation)
        provider = reader.normalizer.settle(observation)
        code = code_in(record.get("body"))
        error_code = None if info is None else info.code
        found = [rows.get((provider, key)) for key in (code, str(observation.status), error_code)]
        yield Judged(info, code, *found)


def corpus() -> Iterator[Record]:
    """The payloads that were seen in public, tests/corpus."""
    for path in sorted((ROOT / "tests" / "corpus").glob("*.jsonl")):
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def samples() -> Iterator[Record]:
    """The recorded bodies, tests/samples: every shape once, however rare."""
    for path in sorted((ROOT / "tests" / "samples").rglob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def example_log() -> Iterator[Record]:
    """docs/examples/vendor-errors.jsonl."""
    for line in (ROOT / "docs" / "examples" / "vendor-errors.jsonl").read_bytes().splitlines():
        try:
            yield parse_line(line)
        except NotARecord:
            continue


JOINS: Final[Mapping[str, Callable[[Judged], Row | None]]] = {
    "code": lambda one: one.by_code,
    "code, else status": lambda one: one.row,
    "`error_code`, else status": lambda one: one.by_error_code or one.by_status,
}
"""What is joined on, by the name that the page has for it."""

LOGS: Final[Mapping[str, Callable[[], Iterable[Record]]]] = {
    "payloads seen in public": corpus,
    "recorded bodies": samples,
    "example log": example_log,
    "generated log": lambda: records(GENERATED),
}
"""What is compared, by the name that the page has for it."""


def failures_of(all_of: Iterable[Judged]) -> list[Judged]:
    """The records in which something failed."""
    return [one for one in all_of if one.info is not None]


def same(info: ErrorInfo | None, row: Row | None, *columns: str) -> bool:
    """Whether a row says what full normalization says, in these of category, fault and retry."""
    if info is None or row is None:
        return False
    told = {"category": info.category.value, "fault": info.fault.value, "retry": info.retry.action.value}
    return all(row[column] == told[column] for column in columns)


def reason_of(one: Judged) -> str:
    """Why the join on code, else status, differs from full normalization.

    Raises:
        ValueError: nothing failed.
    """
    info, row = one.info, one.row
    if info is None:
        msg = "nothing failed"
        raise ValueError(msg)
    if info.channel == "transport":
        return "there was no answer: an exception was logged"
    if info.code is not None and info.code != one.code:
        return "the code stands elsewhere: nested in a job, in XML, in a header"
    if one.by_code is None and info.code is not None:
        return "no catalog lists the code: its family or message decides"
    if row is None:
        return "there is neither code nor error status: a failed job, or an event"
    if row["kind"] == "status":
        return "there is no code, or one that repeats the status: the message decides"
    return "the code is not settled: message or status decides"


def shares_table(found: Mapping[str, Sequence[Judged]]) -> str:
    """How often each join says the same, as a table in Markdown."""
    lines = [
        "| log | failures | join on | row found | same category | same fault | same retry | all three |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, all_of in found.items():
        failed = failures_of(all_of)
        for key, pick in JOINS.items():
            counts = [sum(pick(one) is not None for one in failed)]
            counts += [sum(same(one.info, pick(one), *columns) for one in failed) for columns in (*((one,) for one in COMPARED), COMPARED)]
            first = [name, f"{len(failed):,}"] if pick is JOINS["code"] else ["", ""]
            lines.append("| " + " | ".join([*first, key, *(_percent(count, len(failed)) for count in counts)]) + " |")
    return "\n".join(lines)


def reasons_table(found: Mapping[str, Sequence[Judged]]) -> str:
    """Why the join on code, else status, differs in category, fault or retry, as a table in Markdown."""
    failed = {name: failures_of(all_of) for name, all_of in found.items()}
    counts = {name: Counter(reason_of(one) for one in all_of if not same(one.info, one.row, *COMPARED)) for name, all_of in failed.items()}
    total = sum(counts.values(), Counter[str]())
    lines = ["| why | " + " | ".join(found) + " |", "| --- |" + " ---: |" * len(found)]
    for reason, _ in sorted(total.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"| {reason} | " + " | ".join(_percent(counts[name][reason], len(failed[name])) for name in found) + " |")
    return "\n".join(lines)


def settled_line(found: Mapping[str, Sequence[Judged]]) -> str:
    """How often a row that says it is settled was right."""
    rows = [one for all_of in found.values() for one in all_of if one.by_code is not None and one.by_code["settled"]]
    right = sum(one.info is not None and same(one.info, one.by_code, *COMPARED) for one in rows)
    return f"Of {len(rows):,} records that found a settled row by their code, {right:,} got what full normalization says."


def alarms_line(found: Mapping[str, Sequence[Judged]]) -> str:
    """How often a row is found although nothing failed."""
    fine = [one for all_of in found.values() for one in all_of if one.info is None]
    return f"Of {len(fine):,} records in which nothing failed, {sum(one.row is not None for one in fine):,} found a row."


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.0f} %"


def figures() -> str:
    """Everything that docs/export.md shows of this."""
    found = {name: list(judged(log())) for name, log in LOGS.items()}
    return "\n\n".join([shares_table(found), f"{settled_line(found)} {alarms_line(found)}", reasons_table(found)])


if __name__ == "__main__":
    print(figures())
