"""The job in DuckDB's SQL: `duckdb_sql.sql` says what an answer means, the statements here put it beside the log.

    python tests/benchmarks/bulk/duckdb_sql.py log.jsonl out.parquet --threads 2

By itself every row is read for what it means. `--distinct` does that once for all rows whose answer is the same, and
joins: quicker where bodies repeat, slower where they do not.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import duckdb

MEANT = Path(__file__).with_suffix(".sql")
PASSED = "ts, service, env, attempt, trace_id, provider, status, method, exception"
ROWS = f"COPY (SELECT {PASSED}, category, code, message, retryable FROM meant) TO '{{output}}' (FORMAT parquet)"
DISTINCT = f"""
CREATE TEMP TABLE meanings AS FROM meant;
COPY (
    SELECT {", ".join("l." + name for name in PASSED.split(", "))}, m.category, m.code, m.message, m.retryable
    FROM log l
    LEFT JOIN meanings m ON m.provider = l.provider
        AND m.status IS NOT DISTINCT FROM l.status AND m.body IS NOT DISTINCT FROM l.body
        AND m.exception IS NOT DISTINCT FROM l.exception AND m.error_type IS NOT DISTINCT FROM l.error_type
) TO '{{output}}' (FORMAT parquet)
"""


def run(source: str, output: str, lookup: str, *, threads: int, distinct: bool = False, ignore_errors: bool = False) -> None:
    """Runs the job."""
    observed = "(SELECT DISTINCT provider, status, body, exception, error_type FROM log)" if distinct else "log"
    meant = MEANT.read_text(encoding="utf-8").format(
        source=source, lookup=lookup, ignore_errors="true" if ignore_errors else "false", observed=observed
    )
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {threads}")
        connection.execute(meant)
        connection.execute((DISTINCT if distinct else ROWS).format(output=output))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="The job in DuckDB's SQL.")
    parser.add_argument("source", metavar="IN")
    parser.add_argument("output", metavar="OUT")
    parser.add_argument("--lookup", default="lookup.csv", help="what lookup.py wrote")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--distinct", action="store_true", help="read what an answer means once for all rows that have it")
    parser.add_argument("--ignore-errors", action="store_true", help="leave out what cannot be read")
    options = parser.parse_args()
    run(
        options.source,
        options.output,
        options.lookup,
        threads=options.threads,
        distinct=options.distinct,
        ignore_errors=options.ignore_errors,
    )


if __name__ == "__main__":
    main()
