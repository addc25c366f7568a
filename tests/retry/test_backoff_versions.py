"""The decorator behaves the same with both releases of backoff. Needs the package registry for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

MINUTES = 60
SCENARIO = Path(__file__).with_name("backoff_scenario.py")


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONWARNINGS")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, timeout=5 * MINUTES, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def _environment(folder: Path, repo: Path, requirement: str) -> Path:
    """The Python of a new environment that has this backoff, and behind it everything that is installed here."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        requirement,
        cwd=folder,
    )
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip())
    here = dict.fromkeys([str(repo), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site / "behind.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    return python


@pytest.mark.parametrize(
    "requirement",
    [
        pytest.param(
            "backoff==2.2.1",
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="it asks asyncio for what Python 3.14 deprecates"),
        ),
        "python-backoff>=3",
    ],
)
def test_the_decorator_with(requirement: str, repo: Path, tmp_path: Path) -> None:
    """Waits, results, exceptions and cancellation are the same with either release, without a warning and without a log line."""
    python = _environment(tmp_path / "venv", repo, requirement)
    name, version = requirement.replace(">=", "==").split("==")
    done = _run(python, "-X", "dev", "-W", "error", SCENARIO, name, cwd=tmp_path)
    assert done.stderr == ""
    results = json.loads(done.stdout)
    assert results.pop("version").startswith(version)
    assert Path(results.pop("from")).is_relative_to(tmp_path)
    given_up = {
        "type": "RateLimitError",
        "last": "call",
        "clean": True,
        "attempts": [[1, 7.5, "throttled"], [2, 8.0, "throttled"], [3, 7.0, "attempts"]],
    }
    mistake = {"type": "KeyError", "last": "call", "clean": True, "attempts": []}
    assert results == {
        "sync": ["done", [7.5, 8.0]],
        "async": ["done", [7.5, 8.0]],
        "sync gives up": [given_up, [7.5, 8.0]],
        "async gives up": [given_up, [7.5, 8.0]],
        "sync mistake": [mistake, [7.5]],
        "async mistake": [mistake, [7.5]],
        "stop iteration": [{**mistake, "type": "StopIteration"}, []],
        "interrupt": [{**mistake, "type": "KeyboardInterrupt"}, []],
        "given sleep": ["done", [0.0, 0.0], [7.5, 8.0]],
        "given async sleep": ["done", [7.5, 0.0, 8.0, 0.0]],
        "cancelled": True,
        "threads": [3, 3, 3, 3],
        "logged": [],
    }
