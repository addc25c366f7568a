"""What comes of every kind of job in every situation.

    python -m pip install -e '.[test]'
    python tests/benchmarks/job_table.py

writes docs/benchmarks/jobs.md from tests/client/job_scenarios.py, where the situations and what is expected of them stand.
tests/client/test_job_scenarios.py tries all of them with both clients, and holds the page equal to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the folders above and beside this one hold what is imported
    _TESTS = Path(__file__).resolve().parents[1]
    sys.path[:1] = [str(_TESTS), str(_TESTS / "client")]

from job_scenarios import GROUPS, LINES, NAMES, SCENARIOS, Line, of_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "jobs.md"


def page() -> str:
    """The text of docs/benchmarks/jobs.md."""
    parts = [_part(title, lines) for title, lines in groupby(LINES, key=lambda line: line.group)]
    named = [[f"**{name}**", ", ".join(f"`{kind}`" for kind in kinds)] for name, kinds in GROUPS.items() if name != "all"]
    calls = [[f"`{name}`", *_calls(name)] for name in NAMES]
    tried = sum(len(scenario.kinds) for scenario in SCENARIOS)
    return _PAGE.format(
        parts="\n\n".join(parts),
        groups=_table(["name", "kinds"], named),
        calls=_table(["kind", "order", "read", "statuses", "list"], calls),
        tried=tried,
    )


def _calls(name: str) -> list[str]:
    kind = of_name(name)
    order = f"`POST {kind.create}`" if kind.create is not None else "-"
    bulk = ["-" if one is None else f"`{kind.method} {one.path}`" for one in (kind.statuses, kind.list)]
    return [order, f"`{kind.method} {kind.read}`", *bulk]


def _part(title: str, lines: Iterable[Line]) -> str:
    rows = []
    for scenario, same in groupby(lines, key=lambda line: line.scenario):
        for number, line in enumerate(same):
            rows.append([scenario if number == 0 else "", line.kinds, *line.outline])
    return f"## {title}\n\n" + _table(["situation", "kinds", "end", "requests", "waits", "paid"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


_PAGE = """\
<!-- Written by tests/benchmarks/job_table.py. Do not edit. -->

# What comes of every kind of job

    python -m pip install -e '.[test]'
    python -m pytest tests/client/test_job_scenarios.py
    python tests/benchmarks/job_table.py

The test tries {tried} situations with `Client` and with `AsyncClient` against the fake vendors, over real sockets, and compares
what the vendors have on record; every line holds for both clients. The last command writes this page from the same table. In
all of it **no work is paid for twice**. The same test kills processes for good (`SIGKILL`) before the order, between the order
and its answer, and behind the answer, and lets others go on from what was saved.

- **end**: what the call returns or raises. Of an error its class, rule, channel and outcome; errors of the channel `job` all
  have the id of their job in `info.resource`. An answer about a completed job is `answer`; `with notice` and `with failure` say
  what else it tells. Of several jobs the ends in the order of their ids; in the order in which they ended, the number stands
  before each.
- **requests**: what the vendor got, in order. `order again` was answered with the kept answer, by the idempotency key.
- **waits**: seconds between them. The time limit is 60 seconds; pauses begin with 2 and grow by half to 20. They pass at once here,
  and jitter is off. Shorter ones are those of the client's policy, which repeats a single call.
- **paid**: orders that were paid for.

Where a job cannot be ordered by a call alone, as files have to be uploaded or a session started, another program has done that, and the
first look comes without a pause.

## Calls

{calls}

Some kinds have a name together:

{groups}

{parts}
"""


def main() -> None:
    """The command."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(LINES)} lines for {len(SCENARIOS)} situations")


if __name__ == "__main__":
    main()
