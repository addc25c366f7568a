"""Importing the package and one `normalize` in a fresh process, against `import requests` in a fresh process.

The package is installed from a copy of this checkout into an environment of its own, so that it has the compiled
catalogs as every installed package has them. Whole processes are timed, in turns, all with `-I`; a process that does
nothing shows how much of that is the interpreter's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.timing import Times, rotated

ROOT = Path(__file__).resolve().parents[2]

OURS = """
from heify_heygen_errors import Observation, normalize
info = normalize(Observation("heygen", 401, {"X-Request-Id": "a1"}, b'{"code":400112,"message":"Unauthorized"}'))
assert info.code == "400112"
"""

PROCESSES = {"package and normalize": OURS, "import requests": "import requests", "nothing": "pass"}


@contextmanager
def fresh_environment() -> Iterator[str]:
    """The interpreter of a new environment in which this checkout is installed."""
    with TemporaryDirectory(prefix="bench-") as folder:
        copy = Path(folder, "source")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".*_cache", "__pycache__", "compiled.json", "*.egg-info"))
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        python = str(Path(folder, "venv", "Scripts" if os.name == "nt" else "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(copy)], check=True)
        shutil.rmtree(copy)
        yield python


def measure(python: str, rounds: int) -> dict[str, Times]:
    """Seconds per process.

    Arguments:
        python: an interpreter that has the package installed.
        rounds: counted rounds; two more come before them to fill caches.
    """
    taken: dict[str, list[float]] = {name: [] for name in PROCESSES}
    for turn in range(-2, rounds):
        for name in rotated(list(PROCESSES), turn):
            start = perf_counter()
            subprocess.run([python, "-I", "-c", PROCESSES[name]], check=True, stdin=subprocess.DEVNULL)
            if turn >= 0:
                taken[name].append(perf_counter() - start)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}
