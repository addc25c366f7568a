"""The command that runs the benchmarks of the core and prints their figures: see the package's docstring."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the folder above this one holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import decoding, report, responses, startup

LIBRARIES = ("heify-heygen-errors", "attrs", "requests", "httpx2", "httpx", "botocore", "openai", "litellm")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def circumstances() -> dict[str, object]:
    """When, where and with what it was measured."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: _version(name) for name in LIBRARIES},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Runs the benchmarks of the core and prints their figures.")
    parser.add_argument("--only", choices=("response", "json", "start"), help="one of the three")
    parser.add_argument("--rounds", type=int, default=40, help="counted rounds of each; default 40, at least 20 for figures to publish")
    parser.add_argument("--python", help="for start: an interpreter that has the package installed; default: a fresh environment")
    parser.add_argument("--json", action="store_true", help="every figure as JSON instead of tables")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds takes 1 or more")

    about = circumstances()
    data: dict[str, object] = dict(about)
    shown: list[str] = []
    if options.only in (None, "response"):
        table = responses.measure(options.rounds)
        data["response"] = {"seconds": report.as_data(table), "goals": report.verdict_data(report.judge_responses(table))}
        shown.append(report.show_responses(table))
    if options.only in (None, "json"):
        table = decoding.measure(options.rounds)
        data["json"] = {"seconds": report.as_data(table), "goals": report.verdict_data(report.judge_decoding(table))}
        shown.append(report.show_decoding(table))
    if options.only in (None, "start"):
        if options.python:
            row = startup.measure(options.python, options.rounds)
        else:
            with startup.fresh_environment() as python:
                row = startup.measure(python, options.rounds)
        data["start"] = {"seconds": report.as_data({"process": row}), "goals": report.verdict_data(report.judge_startup(row))}
        shown.append(report.show_startup(row))
    if options.json:
        print(json.dumps(data, indent=2))
        return
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    print(f"{about['date']}, {about['machine']}, load {about['load']:.1f}, {about['python']}, {options.rounds} rounds\n{versions}\n")
    print("\n\n".join(shown))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # those of the peers
    main()
