"""The documentation's job, run as the page runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from command_runs import command
from spark_host import submitted

DOCS = Path(__file__).parents[3] / "docs"


def test_the_job_writes_what_the_page_shows(tmp_path: Path) -> None:
    """The job prints what docs/spark.md shows of the example log, and its rejects can be tried again."""
    arguments = [sys.executable, DOCS / "examples/spark_job.py", DOCS / "examples/vendor-errors.jsonl", "out"]
    done = subprocess.run(
        arguments, cwd=tmp_path, env=submitted(tmp_path / "spark"), capture_output=True, text=True, check=True, timeout=180
    )
    shown = re.search(r"^400 records = .*?(?=^\.\.\.$)", (DOCS / "spark.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[0] in done.stdout
    written = sorted((tmp_path / "out/rejects").glob("*.json"))
    again = command("--replay", *map(str, written), "-o", "more.jsonl", cwd=tmp_path)
    assert (again.code, again.err.splitlines()[0].partition(";")[0]) == (1, "10 records = 0 written + 10 rejects")
