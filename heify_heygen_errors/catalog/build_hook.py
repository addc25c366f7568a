"""Build step: checks the catalogs strictly and writes their compiled form into the package.

A wheel or an editable install starts faster with it; nothing needs it. Run by hatchling, see pyproject.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalogs(BuildHookInterface):  # type: ignore[type-arg]
    """Refuses to build with a catalog that has problems."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called by hatchling before it collects files."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        try:
            from heify_heygen_errors.catalog.loading import compiled_form, read_shipped_texts

            target = root / "heify_heygen_errors" / "catalog" / "compiled.json"
            target.write_text(compiled_form(read_shipped_texts()), encoding="utf-8")
        finally:
            sys.path.remove(str(root))
        build_data["artifacts"].append("/heify_heygen_errors/catalog/compiled.json")
