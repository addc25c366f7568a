"""Fingerprints for grouping: the same failure with other ids, numbers, times and URLs gets the same one.

Never over rule or category, so that a catalog edit regroups nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

_VERSION: Final = "v1"
_MAX_TEXT: Final = 1024

_QUOTED = re.compile(r"\"[^\"\n]*+\"|`[^`\n]*+`|“[^”\n]*+”|‘[^’\n]*+’|(?<!\w)'[^'\n]*+'(?!\w)")
_VARIABLE = re.compile(r"\d|://|\$\{|^[0-9a-fA-F]{16,}$")
_DIGIT = re.compile(r"\d")
_HEX: Final = 16
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?(?:\d{{1,2}}[ -]{_MONTH}[ -]\d{{2,4}}|{_MONTH}\s\d{{1,2}}(?:,?\s\d{{4}})?)"
)
_PLAIN = re.compile(r"[A-Za-z ,.;!?()\-]*", re.ASCII)
# What these placeholders capture names the kind of thing, which tells failures apart.
_KINDS: Final = ("resource", "resource_type")


def skeleton(message: str, params: Mapping[str, str]) -> str:
    """The message without what varies: captures, quoted text, URLs, and words with digits in them."""
    text = message[:_MAX_TEXT]
    if params:
        items = params.items() if len(params) == 1 else sorted(params.items(), key=lambda item: -len(item[1]))
        for name, value in items:
            if name not in _KINDS and value:
                text = text.replace(value, " # ")
    if _PLAIN.fullmatch(text):
        words = text.lower().split()
        if len(max(words, key=len, default="")) < _HEX:
            return " ".join(words)
    if '"' in text or "'" in text or "`" in text or "“" in text or "‘" in text:
        text = _QUOTED.sub(" ", text)
    text = text.lower()
    if _DIGIT.search(text):
        text = _DATE.sub("#", text)
    words = [word if word.isalpha() and len(word) < _HEX else "#" if _VARIABLE.search(word) else word for word in text.split()]
    return " ".join(words).replace("# #", "#")


def fingerprint(provider: str, code: str | None, core: str) -> str:
    """``v1:`` and 16 hex digits over provider, code and message skeleton."""
    seed = f"{provider}\0{code or ''}\0{core}".encode("utf-8", "replace")
    return f"{_VERSION}:{blake2b(seed, digest_size=8).hexdigest()}"
