"""``python -m heify_heygen_errors`` is ``hhe``."""

from heify_heygen_errors.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
