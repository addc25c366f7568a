"""Catalogs from files: the shipped ones, overlays, and the compiled form that saves start-up time.

The YAML in ``data/`` is the truth. A build writes it in a compiled form (`compiled.json`) with a digest of
each source; where the sources stand beside it, as in a checkout, a compiled form that does not fit them is ignored.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from heify_heygen_errors.catalog.entries import CatalogEntry, Rule
from heify_heygen_errors.catalog.space import Space, Table

SHIPPED: Final = ("categories.yaml", "heygen.yaml", "liveavatar.yaml", "heify.yaml", "layers.yaml", "transport.yaml")
_FORMAT: Final = 1
_PACKAGE_FOLDER: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Catalogs:
    """All catalogs that decide, merged with their overlays.

    Attributes:
        version: the shipped version with a digest of the content, overlays included.
        categories: the row of each category.
        spaces: the vendors' number spaces by name.
        layers: the entries of the layers in front of the vendors.
        transport: rules by the full name of an exception class.
        tables: the number spaces and layers that were built so far.
    """

    def __init__(
        self, data: Mapping[str, Mapping[str, Any]], overlays: Sequence[Mapping[str, Any]] = (), version: str | None = None
    ) -> None:
        self._data = data
        self._overlays = overlays
        categories = data["categories"]
        self.version = version or _version(data, overlays)
        self.categories: dict[str, dict[str, str]] = categories["categories"]
        self._categories = categories
        self._lock = threading.Lock()
        self.tables: dict[str, Table] = {}
        self._transport: Transport | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by value: in another process they decide as they do here, whatever is installed there."""
        return _received, (self._data, self._overlays, self.version)

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the number spaces."""
        return tuple(name for name, data in self._data.items() if data["kind"] == "provider")

    @property
    def spaces(self) -> Mapping[str, Space]:
        """The number spaces by name. A space is built when it is first asked for."""
        return _Spaces(self)

    def space(self, name: str) -> Space:
        """One number space.

        Raises:
            KeyError: there is none of this name.
        """
        table = self.tables.get(name)
        if table is None:
            data = self._data[name]
            if data["kind"] != "provider":
                raise KeyError(name)
            with self._lock:
                table = self.tables.get(name) or Space(data, self._rows(name), self._categories)
                self.tables[name] = table
        if not isinstance(table, Space):
            raise KeyError(name)
        return table

    @property
    def layers(self) -> Table:
        """The entries of the layers in front of the vendors."""
        table = self.tables.get("layers")
        if table is None:
            with self._lock:
                table = self.tables.get("layers") or Table("layers", self._rows("layers"), self.categories)
                self.tables["layers"] = table
        return table

    @property
    def layer_request_id(self) -> Mapping[str, Any]:
        """Request-id headers and fields of the layers."""
        found: Mapping[str, Any] = self._data["layers"].get("request_id", {})
        return found

    @property
    def transport(self) -> Transport:
        """The rules for exceptions."""
        if self._transport is None:
            self._transport = Transport(self._data["transport"]["entries"], self.categories)
        return self._transport

    @property
    def hosts(self) -> dict[str, str]:
        """Number space by host or parent domain."""
        return {host: name for name in self.providers for host in self._data[name].get("hosts", ())}

    def _rows(self, catalog: str) -> list[tuple[Mapping[str, Any], str | None]]:
        rows: dict[str, tuple[Mapping[str, Any], str | None]] = {row["name"]: (row, None) for row in self._data[catalog]["entries"]}
        for overlay in self._overlays:
            if overlay["catalog"] == catalog:
                for name in overlay.get("disable", ()):
                    rows.pop(name, None)
                rows.update({row["name"]: (row, overlay["id"]) for row in overlay.get("entries", ())})
        return list(rows.values())

    def entries(self, catalog: str | None = None) -> list[CatalogEntry]:
        """Every entry of one catalog, or of all."""
        known = [*self.providers, "layers"]
        if catalog is not None and catalog not in known:
            msg = f"there is no catalog {catalog!r}: use one of {', '.join(known)}"
            raise KeyError(msg)
        names = [catalog] if catalog else known
        found: list[CatalogEntry] = []
        for name in names:
            table = self.layers if name == "layers" else self.space(name)
            found += table.entries.values()
        return found

    @property
    def raw(self) -> Mapping[str, Mapping[str, Any]]:
        """The shipped catalogs as plain data, without overlays."""
        return self._data

    @property
    def overlays(self) -> Sequence[Mapping[str, Any]]:
        """The overlays as plain data, in order."""
        return self._overlays

    @classmethod
    def load(cls, *overlays: str | os.PathLike[str]) -> Catalogs:
        """The shipped catalogs with overlays on top.

        Raises:
            CatalogError: something in them is wrong; lists every problem with file, line and remedy.
            OSError: a file cannot be read.
        """
        if not overlays:
            return default_catalogs()
        texts = {}
        for overlay in overlays:
            name = os.fspath(overlay)
            with open(overlay, "rb") as file:
                raw = file.read()
            try:
                texts[name] = raw.decode()
            except UnicodeDecodeError as error:
                from heify_heygen_errors.catalog.reader import CatalogError, Problem

                line = raw.count(b"\n", 0, error.start) + 1
                raise CatalogError([Problem(name, line, "$", "the file is not UTF-8", "Save it as UTF-8.")]) from None
        return cls.from_texts(texts)

    @classmethod
    def from_texts(cls, overlays: Mapping[str, str]) -> Catalogs:
        """The shipped catalogs with overlays given as YAML text by the name that problems are reported under."""
        from heify_heygen_errors.catalog.checks import check_sources
        from heify_heygen_errors.catalog.reader import CatalogError, read_source

        base = default_catalogs()
        problems, read = [], []
        for file, text in overlays.items():
            source, found = read_source(text, file)
            problems += found
            if source is not None:
                read.append(source)
        problems += check_sources(base.raw, read)
        if problems:
            raise CatalogError(problems)
        return cls(base.raw, tuple(source.data for source in read))


def _received(data: Mapping[str, Mapping[str, Any]], overlays: Sequence[Mapping[str, Any]], version: str) -> Catalogs:
    """Catalogs out of a pickle; those of this process if they are the same."""
    default = default_catalogs()
    return default if default.version == version else Catalogs(data, overlays, version)


class _Spaces(Mapping[str, Space]):
    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    def __getitem__(self, name: str) -> Space:
        return self._catalogs.space(name)

    def __iter__(self) -> Any:
        return iter(self._catalogs.providers)

    def __len__(self) -> int:
        return len(self._catalogs.providers)


class Transport:
    """Rules for exceptions, by the full name of their class; those that say most come first."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], defaults: Mapping[str, Mapping[str, str]]) -> None:
        from heify_heygen_errors.catalog.template import Template, TemplateTable

        self.rules: dict[str, Rule] = {}
        self.by_exception: dict[str, Rule] = {}
        self.by_short_name: dict[str, Rule | None] = {}
        self.order: dict[str, int] = {}
        self.rows = list(rows)
        owned: list[tuple[Template, object]] = []
        for row in self.rows:
            shown = "".join(part.capitalize() for part in row["name"].split("_"))
            rule = Rule(f"transport/{shown}", row["name"], row, defaults)
            self.rules[row["name"]] = rule
            self.order[rule.id] = len(self.order)
            for name in row["exceptions"]:
                self.by_exception[name] = rule
                short = name.rpartition(".")[2]
                # A short name that means different things in different libraries means nothing by itself.
                known = self.by_short_name.get(short, rule)
                self.by_short_name[short] = rule if known is rule else None
            owned += [(Template(text), rule) for text in row.get("texts", ())]
        self.texts = TemplateTable(owned)


def _version(data: Mapping[str, Mapping[str, Any]], overlays: Sequence[Mapping[str, Any]]) -> str:
    """The stated version and a digest of all that decides."""
    content = json.dumps([data, list(overlays)], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{data['categories']['version']}+{zlib.crc32(content.encode()):08x}"


def _read(*path: str) -> bytes:
    """A file of the package, through its loader, so also from a zip; importlib.resources would cost a tenth of start-up."""
    loader = __spec__.loader if __spec__ is not None else None
    full = os.path.join(_PACKAGE_FOLDER, *path)
    if loader is not None and hasattr(loader, "get_data"):
        return bytes(loader.get_data(full))
    with open(full, "rb") as file:
        return file.read()


def read_shipped_texts() -> dict[str, str]:
    """The text of every shipped catalog by file name: inside an installed package, beside it in a checkout."""
    for folder in (("data",), (os.pardir, "data")):
        try:
            return {name: _read(*folder, name).decode() for name in SHIPPED}
        except OSError:
            continue
    msg = "the catalogs are missing: install the package again"
    raise FileNotFoundError(msg)


def digest(texts: Mapping[str, str]) -> dict[str, int]:
    """What ties a compiled form to its sources."""
    return {name: zlib.crc32(text.encode()) for name, text in texts.items()}


def read_yaml(texts: Mapping[str, str], shown_in: str = "data/") -> dict[str, dict[str, Any]]:
    """The shipped catalogs from YAML, strictly.

    Raises:
        CatalogError: with every problem.
    """
    from heify_heygen_errors.catalog.checks import check_sources
    from heify_heygen_errors.catalog.reader import CatalogError, read_source

    problems, read = [], []
    for name, text in texts.items():
        source, found = read_source(text, f"{shown_in}{name}")
        problems += found
        if source is not None:
            read.append(source)
    problems += check_sources({}, read)
    if problems:
        raise CatalogError(problems)
    return {str(source.data["catalog"]): source.data for source in read}


def compiled_form(texts: Mapping[str, str]) -> str:
    """The compiled form of the catalogs, as text."""
    data = read_yaml(texts)
    return json.dumps(
        {"format": _FORMAT, "digest": digest(texts), "version": _version(data, ()), "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _read_compiled() -> Catalogs | None:
    try:
        compiled = json.loads(_read("catalog", "compiled.json"))
    except (OSError, ValueError):
        return None
    if compiled.get("format") != _FORMAT:
        return None
    if not os.path.isdir(os.path.join(_PACKAGE_FOLDER, "data")):  # a checkout, where the sources may have changed since
        try:
            if digest(read_shipped_texts()) != compiled["digest"]:
                return None
        except OSError:
            pass
    return Catalogs(compiled["data"], version=compiled["version"])


class _Default:
    """The catalogs that the module's functions use: loaded once, when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._catalogs: Catalogs | None = None

    def get(self) -> Catalogs:
        if self._catalogs is None:
            with self._lock:
                if self._catalogs is None:
                    self._catalogs = _read_compiled() or Catalogs(read_yaml(read_shipped_texts()))
        return self._catalogs


_default = _Default()


def default_catalogs() -> Catalogs:
    """The shipped catalogs, loaded once."""
    return _default.get()
