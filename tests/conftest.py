"""Fixtures that several test files share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from heify_heygen_errors import Catalogs, Normalizer

# Every run tries the same examples, so that a red build stays red. To look for new ones: --hypothesis-profile=search
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("search", max_examples=5000, deadline=None, database=None)
settings.load_profile("same")

Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]


@dataclass(frozen=True)
class Result:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The folder that pyproject.toml stands in."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def entry() -> Entry:
    """Makes the row of an entry; keywords add fields or change them, None takes one out."""

    def make(**fields: Any) -> dict[str, Any]:
        row = {
            "name": "MY_ERROR",
            "category": "conflict",
            "summary": "The thing clashed.",
            "remedy": "Rename the thing.",
            "evidence": "assumed",
            "source": "a test",
            **fields,
        }
        return {key: value for key, value in row.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def overlay() -> Overlay:
    """Makes the text of an overlay out of rows: one line a row, the first on line 2."""

    def make(*rows: dict[str, Any], catalog: str = "heygen", overlay_id: str = "mine", disable: Sequence[str] = ()) -> str:
        head = {"schema": 1, "catalog": catalog, "kind": "overlay", "id": overlay_id, "disable": list(disable)}
        written = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        return json.dumps(head, ensure_ascii=False)[:-1] + f', "entries": [\n{written}\n]}}\n'

    return make


@pytest.fixture(scope="session")
def laid_over(overlay: Overlay) -> Callable[..., Normalizer]:
    """A normalizer over the shipped catalogs with rows laid over one of them."""

    def make(*rows: dict[str, Any], **head: Any) -> Normalizer:
        return Normalizer(Catalogs.from_texts({"mine.yaml": overlay(*rows, **head)}))

    return make


@pytest.fixture
def hhe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command in this process and gives exit code, stdout and stderr."""
    from heify_heygen_errors.cli import main

    def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            stdout = io.TextIOWrapper(out, encoding="utf-8", newline="\n", write_through=True)
            stderr = io.TextIOWrapper(err, encoding="utf-8", newline="\n", write_through=True)
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
                code = main([str(argument) for argument in arguments])
            stdout.flush()
            stderr.flush()
            # Read before the wrappers are collected, which closes the buffers.
            return Result(code, out.getvalue().decode(), err.getvalue().decode())

    return run


@pytest.fixture(scope="session")
def hhe_process() -> Callable[..., Result]:
    """Runs the command in a process of its own, as a shell does."""

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "heify_heygen_errors", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    return run
