"""Catalog lint: the strict reading and cross checks, then every example through the whole path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from heify_heygen_errors.catalog import CatalogEntry, Catalogs
from heify_heygen_errors.catalog.checks import check_sources
from heify_heygen_errors.catalog.entries import Refinement
from heify_heygen_errors.catalog.loading import read_shipped_texts
from heify_heygen_errors.catalog.reader import Problem, Source, read_source
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.observation import Observation

_CHECK: Final = "Change the example, or the template or condition that should (not) fit it."


def lint_shipped() -> list[Problem]:
    """Every problem of the shipped catalogs."""
    texts = {f"data/{name}": text for name, text in read_shipped_texts().items()}
    sources, problems = _read(texts)
    problems += check_sources({}, sources)
    if problems:
        return sorted(problems)
    catalogs = Catalogs({str(source.data["catalog"]): source.data for source in sources})
    return sorted(_check_examples(catalogs, sources))


def lint_overlays(files: Mapping[str, str], base: Catalogs) -> list[Problem]:
    """Every problem of some overlays, given as YAML text by file name, on the shipped catalogs."""
    sources, problems = _read(files)
    problems += check_sources(base.raw, sources)
    if problems:
        return sorted(problems)
    catalogs = Catalogs(base.raw, tuple(source.data for source in sources))
    return sorted(_check_examples(catalogs, sources))


def lint_files(paths: Sequence[str], base: Catalogs) -> list[Problem]:
    """Every problem of overlay files on the shipped catalogs; a file that cannot be read is a problem too."""
    texts, problems = {}, []
    for path in paths:
        try:
            texts[path] = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problems.append(Problem(path, 1, "$", f"cannot be read: {reason}", "Name a YAML file in UTF-8."))
    return sorted(problems + lint_overlays(texts, base))


def _read(texts: Mapping[str, str]) -> tuple[list[Source], list[Problem]]:
    sources, problems = [], []
    for file, text in texts.items():
        source, found = read_source(text, file)
        problems += found
        if source is not None:
            sources.append(source)
    return sources, problems


def _check_examples(catalogs: Catalogs, sources: Sequence[Source]) -> list[Problem]:
    normalizer = Normalizer(catalogs)
    problems: list[Problem] = []
    for source in sources:
        catalog = str(source.data["catalog"])
        entries = source.data.get("entries")
        if source.data["kind"] in ("transport", "categories") or not isinstance(entries, list):
            continue
        table = catalogs.layers if catalog == "layers" else catalogs.space(catalog)
        for index, row in enumerate(entries):
            entry = table.entries.get(row["name"])
            if entry is None:
                continue  # a later overlay takes it out
            runner = _Runner(normalizer, source, catalog, entry, problems)
            runner.run_entry(f"$.entries[{index}]")
    return problems


class _Runner:
    """Sends the examples of one entry through the whole path."""

    def __init__(self, normalizer: Normalizer, source: Source, catalog: str, entry: CatalogEntry, problems: list[Problem]) -> None:
        self.normalizer = normalizer
        self.source = source
        self.catalog = catalog
        self.entry = entry
        self.problems = problems

    def run_entry(self, path: str) -> None:
        entry = self.entry
        for key, text in (
            ("message", entry.message if entry.match_message else None),
            *((f"also[{i}]", t) for i, t in enumerate(entry.also)),
        ):
            if text is not None and not _is_open(text):
                self.expect(text.replace("{{", "{").replace("}}", "}"), None, f"{path}.{key}")
        for number, example in enumerate(entry.examples):
            self.expect(example, None, f"{path}.examples[{number}]")
        for number, example in enumerate(entry.counter_examples):
            self.refuse(example, None, f"{path}.counter_examples[{number}]")
        for index, refinement in enumerate(entry.refinements):
            for number, example in enumerate(refinement.examples):
                self.expect(example, refinement, f"{path}.refine[{index}].examples[{number}]")
            for number, example in enumerate(refinement.counter_examples):
                self.refuse(example, refinement, f"{path}.refine[{index}].counter_examples[{number}]")

    def expect(self, example: Any, refinement: Refinement | None, path: str) -> None:
        wanted = refinement.rule if refinement else self.entry.rule
        info = self.normalizer.normalize(self.observation(example, refinement))
        found = info.rule if info else "no error"
        # An example of an entry may come out as one of its refinements.
        if found != wanted and (refinement or info is None or info.name != self.entry.name):
            self.wrong(path, f"the example gives {found} instead of {wanted}")
            return
        params = example.get("params") if isinstance(example, dict) else None
        if params is not None and info is not None and not params.items() <= info.params.items():
            self.wrong(path, f"the example captures {dict(info.params)} instead of {params}")

    def refuse(self, example: Any, refinement: Refinement | None, path: str) -> None:
        unwanted = refinement.rule if refinement else self.entry.rule
        info = self.normalizer.normalize(self.observation(example, refinement))
        if info is not None and (info.rule == unwanted or (refinement is None and info.name == self.entry.name)):
            self.wrong(path, f"the counter-example gives {info.rule}")

    def wrong(self, path: str, what: str) -> None:
        self.problems.append(Problem(self.source.file, self.source.line(path), path, what, _CHECK))

    def observation(self, example: Any, refinement: Refinement | None) -> Observation:
        """The observation that an example stands for."""
        told: dict[str, Any] = {"message": example} if isinstance(example, str) else dict(example)
        provider = self.catalog if self.catalog in self.normalizer.catalogs.providers else "heify"
        when = refinement.when if refinement else {}
        channels = when.get("channel", ())
        channel = told.get("channel") or (channels[0] if channels else None)
        endpoints = when.get("endpoint", ())
        url = told.get("url") or (f"https://x.invalid{endpoints[0]}" if endpoints else None)
        status = self.status(told, when, channel)
        if "body" in told:
            return Observation(provider, status, told.get("headers"), told["body"], told.get("method"), url)
        code = told.get("code")
        if code is None and (refinement is not None or self.entry.templates == ()):
            code = next(iter(self.entry.codes), None)
        headers, body = told.get("headers"), _wire(self.catalog, self.entry, code, told, channel)
        if self.catalog == "layers" and code is not None and self.entry.compiled.channel == "gateway":
            headers = {"x-amzn-errortype": code, **(headers or {})}
        return Observation(provider, status, headers, body, told.get("method") or ("POST" if endpoints else None), url)

    def status(self, told: Mapping[str, Any], when: Mapping[str, Any], channel: str | None) -> int | None:
        stated = told.get("status") or next(iter(when.get("status", ())), None) or next(iter(self.entry.statuses), None)
        if channel == "webhook":
            return None
        if channel == "job":
            return 200
        if stated is None:
            return 500 if self.entry.fault.value in ("provider", "network") else 400
        return int(str(stated).replace("xx", "00"))


def _is_open(text: str) -> bool:
    bare = text.replace("{{", "").replace("}}", "")
    return "{" in bare or bare.startswith("…") or bare.endswith("…")


def _wire(catalog: str, entry: CatalogEntry, code: str | None, told: Mapping[str, Any], channel: str | None) -> dict[str, Any] | str:
    """The body that an example stands for, in an envelope of its vendor."""
    words = {key: told[key] for key in ("message", "detail") if key in told}
    if catalog == "layers":
        if entry.compiled.channel == "upload":
            message = str(words.get("message", "")).replace("&", "&amp;").replace("<", "&lt;")
            stated = "" if code is None else f"<Code>{code}</Code>"
            return f"<Error>{stated}<Message>{message}</Message></Error>"
        if entry.shape == "raw_lambda_error":
            return {"errorType": "Error", "errorMessage": words.get("message", ""), "stackTrace": []}
        # What has codes comes as JSON; the others are pages and plain texts of proxies.
        return words if entry.codes or not words else str(words.get("message", ""))
    error = {"code": code, **words} if code is not None else words
    if channel in ("job", "webhook"):
        return {"data": {"status": "failed", "error": error}}
    if catalog == "heify" and code is not None:
        return {"error": error}
    return error
