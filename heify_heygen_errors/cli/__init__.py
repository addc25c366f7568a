"""The command ``hhe``. Needs the extra ``cli``; without it, it says how to install it."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 found problems or rejects, 2 wrong use, 130 interrupted.
    """
    try:
        from heify_heygen_errors.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write(f"hhe needs {error.name}: pip install 'heify-heygen-errors[cli]'\n")
        return 2
    return run(arguments)
