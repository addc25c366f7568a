"""Strict look-up: the entry of a code or name, or a KeyError with the nearest ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heify_heygen_errors import CatalogEntry, Normalizer, Observation, lookup, normalize
from heify_heygen_errors.catalog import default_catalogs

Entry = Callable[..., dict[str, Any]]
LaidOver = Callable[..., Normalizer]


@pytest.mark.parametrize(
    ("provider", "wanted", "rule"),
    [
        ("heygen", "400112", "heygen/UNAUTHORIZED"),
        ("heygen", 400112, "heygen/UNAUTHORIZED"),
        ("heygen", " 400112 ", "heygen/UNAUTHORIZED"),
        ("heygen", "UNAUTHORIZED", "heygen/UNAUTHORIZED"),
        ("heygen", "unauthorized", "heygen/UNAUTHORIZED"),
        ("heygen", "Unauthorized", "heygen/UNAUTHORIZED"),
        ("HeyGen", "400112", "heygen/UNAUTHORIZED"),
        (" heygen ", "400112", "heygen/UNAUTHORIZED"),
        ("heygen", "JOB_FAILED_WITHOUT_REASON", "heygen/JOB_FAILED_WITHOUT_REASON"),
        ("heify", "MISSING_FIELD", "heify/MISSING_FIELD"),
        ("heify", "missing_field", "heify/MISSING_FIELD"),
        ("liveavatar", "4003", "liveavatar/SESSION_NOT_AUTHENTICATED"),
        ("heygen", "SlowDown", "layers/S3_SLOW_DOWN"),
        ("heify", "ForbiddenException", "layers/APIGW_FORBIDDEN"),
        ("layers", "ForbiddenException", "layers/APIGW_FORBIDDEN"),
        ("layers", "apigw_forbidden", "layers/APIGW_FORBIDDEN"),
        ("heygen", "404", "heygen/status:404"),
        ("heify", 429, "heify/status:429"),
        ("heygen", "499", "heygen/status:499"),
    ],
)
def test_lookup(provider: str, wanted: str | int, rule: str) -> None:
    """A code, a symbol in any case or an HTTP status gives its entry; codes of the layers are found under every provider."""
    assert lookup(provider, wanted).rule == rule


def test_every_code_and_name_is_found() -> None:
    """Every code and every symbol of every catalog gives an entry that has it."""
    missing = []
    for entry in default_catalogs().entries():
        assert lookup(entry.provider, entry.name) is entry
        missing += [(entry.rule, code) for code in entry.codes if code not in lookup(entry.provider, code).codes]
    assert missing == []


@pytest.mark.parametrize(
    ("provider", "wanted", "hint"),
    [
        ("heygen", "insufficent_credit", "insufficient_credit"),
        ("heygen", "400112x", "400112"),
        ("heygen", "UNAUTHORISED", "UNAUTHORIZED"),
        ("heify", "MISING_FIELD", "MISSING_FIELD"),
        ("heygen", "slowdown", "SlowDown"),
        ("layers", "ForbidenException", "ForbiddenException"),
    ],
)
def test_an_unknown_code_names_the_nearest(provider: str, wanted: str, hint: str) -> None:
    """A code that no catalog lists is a KeyError whose text names it and the nearest ones."""
    with pytest.raises(KeyError) as caught:
        lookup(provider, wanted)
    told, _, nearest = str(caught.value).partition("; the nearest are ")
    assert told == f"no code or name {wanted!r} in the catalog of {provider}"
    assert hint in nearest.split(", ")


@pytest.mark.parametrize("wanted", ["", " ", "zzzzzz", "200", "399", "600", "٤٠١", "x" * 100_000])
def test_what_is_no_code_is_never_guessed(wanted: str) -> None:
    """What is no code, no name and no failing status is a KeyError, never a neighbour's entry."""
    with pytest.raises(KeyError, match="no code or name"):
        lookup("heygen", wanted)


@pytest.mark.parametrize("provider", ["acme", "", "transport", "categories"])
def test_an_unknown_provider_lists_the_known(provider: str) -> None:
    """A provider that does not exist is a ValueError that lists those that do."""
    with pytest.raises(ValueError, match="use one of heygen, liveavatar, heify") as caught:
        lookup(provider, "400112")
    assert repr(provider) in str(caught.value)


def test_an_entry_tells_what_the_catalog_knows() -> None:
    """An entry holds codes, meaning, advice and evidence, and says the same as an error that it decides."""
    entry = lookup("heygen", "40010")
    assert isinstance(entry, CatalogEntry)
    assert (entry.provider, entry.name, entry.codes) == (
        "heygen",
        "VIDEO_FORMAT_NOT_SUPPORTED",
        ("40010", "VIDEO_FORMAT_NOT_SUPPORTED", "video_format_not_supported"),
    )
    assert (entry.message, entry.detail) == ("Video format not supported", "Unsupported video format")
    assert [refinement.rule for refinement in entry.refinements] == ["heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan"]
    info = normalize(Observation("heygen", 400, None, {"code": 40010, "message": "Video format not supported"}))
    assert info is not None
    assert (info.rule, info.category, info.summary, info.remedy, info.fault, info.retry) == (
        entry.rule,
        entry.category,
        entry.summary,
        entry.remedy,
        entry.fault,
        entry.retry,
    )


def test_every_entry_is_ready_for_json() -> None:
    """Every entry, also that of a status, survives a round trip through JSON."""
    for entry in [*default_catalogs().entries(), lookup("heygen", "404")]:
        told = entry.to_dict()
        assert json.loads(json.dumps(told)) == told
        assert (told["rule"], told["category"], told["remedy"]) == (entry.rule, entry.category.value, entry.remedy)


def test_an_entry_of_an_overlay_is_found(entry: Entry, laid_over: LaidOver) -> None:
    """A normalizer with overlays looks up in the merged catalogs; the module's function does not see them."""
    found = laid_over(entry(codes=["900001"])).lookup("heygen", "900001")
    assert (found.rule, found.category.value, found.source) == ("heygen/MY_ERROR@mine", "conflict", ("a test",))
    with pytest.raises(KeyError):
        lookup("heygen", "900001")
