"""Secrets out of text, before the text can enter a value, an exception, a log line or a column.

Performs no I/O. Redacts values of sensitive names in JSON, XML, headers, query strings and prose,
``Bearer`` and ``Basic`` values, webhook secrets, AWS signatures, JSON Web Tokens, key-shaped words,
credentials quoted in gateway texts, user information in URLs, and values known to be live credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

REDACTED: Final = "[redacted]"

# A name that ends in, or holds, one of these has a value that nobody else should see. Matched on lower-cased text.
# "key" counts at the end of a name only: "keyword" and "key_points" are no secrets.
_NAME: Final = (
    r"(?:(?:token|secret|passw|passphrase|pwd|authorization|signature|credential|cookie|jwt"
    r"|string[_\-]?to[_\-]?sign|canonical[_\-]?request|to[_\-]ken|se[_\-]cret|pass[_\-]w)[\w.\-]{0,40}+|key(?:[_\-.]?id)?s?)(?![\w\-])"
)
# The end of such a name and what stands between it and its value: a quote and a colon, "=", ":" or the end of a tag.
_LABEL = re.compile(
    _NAME
    + r"""(?:(?P<quote>\\*["'])\s{0,16}[:=]\s{0,16}|[ \t]{0,4}(?P<mark>[:=])[ \t]{0,16}|(?P<tag>(?:\s[\w:.\-]{1,32}+\s?=[^<>]{0,256}+)?>))"""
)
_TAG_NAME = re.compile(r"<(?:[\w.\-]{1,64}+:)?[\w.\-]{0,64}+")

_JSON_VALUE = re.compile(
    r"""(?P<slash>\\*)"[^"\\]*+(?:\\(?!")[^"\\]*+|\\"(?!\s*[,}\]]|\s*\Z)[^"\\]*+)*+(?:\\*"|\Z)"""
    r"""|\\*'[^'\\]*+(?:\\.[^'\\]*+)*+(?:\\*'|\Z)|\[[^\]]*+(?:\]|\Z)|\{[^{}]*+(?:\}|\Z)|[^\s,;&"'<>{}\[\]]+""",
    re.DOTALL,
)
_PLAIN_VALUE = re.compile(r"""\\*"[^"\n]*+(?:"|\Z)?|\\*'[^'\n]*+(?:'|\Z)?|[^\s,;&"'<>{}\[\])]+""")
_LINE = re.compile(r"[^\n\"]*+")
_CONTENT = re.compile(r"[^<]*+")

_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic)(?P<between>[ \t]{1,16}|%20|\+)(?P<value>[A-Za-z0-9._~+/=\-]{3,})", re.IGNORECASE)
_SCHEME_WORDS = frozenset(
    [
        "token",
        "tokens",
        "auth",
        "authentication",
        "authorization",
        "scheme",
        "schemes",
        "header",
        "headers",
        "credential",
        "credentials",
        "format",
        "type",
        "plan",
        "plans",
        "tier",
        "subscription",
        "account",
        "user",
        "users",
        "access",
        "error",
        "errors",
        "and",
        "the",
        "for",
        "was",
        "not",
        "has",
        "missing",
        "required",
        "realm",
        "prefix",
        "value",
        "string",
        "only",
        "or",
        "is",
    ]
)
# Secrets that are recognised by their own form; each is looked for where its sign is in the lower-cased text.
_FORMS: Final = (
    ("whsec", re.compile(r"whsec_[A-Za-z0-9+/=_\-]+")),
    ("akia", re.compile(r"\bAKIA[A-Z0-9]{12,}")),
    ("asia", re.compile(r"\bASIA[A-Z0-9]{12,}")),
    ("eyj", re.compile(r"\beyJ[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*){0,2}")),
    ("sk_", re.compile(r"\bsk_[A-Za-z0-9][A-Za-z0-9_\-]{10,}")),
    ("sk-", re.compile(r"\bsk-[A-Za-z0-9][A-Za-z0-9_\-]{10,}")),
    ("://", re.compile(r"(?<=://)[^\s/@\"'<>:]{1,128}(?::[^\s/@\"'<>]{0,128})?(?=@)")),
)
# Gateways quote a malformed Authorization header back: "'abc' not a valid key=value pair ... in Authorization header: 'abc'."
_QUOTED_BACK = re.compile(r"authorization header|authorization=|authorization parameter", re.IGNORECASE)
_QUOTES = re.compile(r"""'[^'\n]*+(?:'|\Z)|"[^"\n]*+(?:"|\Z)""")
# A word of digits and letters right behind "key", "token" and the like in prose.
_SPOKEN = re.compile(
    r"\b(?:key|token|secret|password)[ \t]{1,4}+(?:is[ \t]{1,4}+)?[\"'`]?"
    r"(?P<value>(?=[a-z_\-.]{0,64}+[0-9])(?=[0-9_\-.]{0,64}+[a-z])[a-z0-9+/=_\-.]{12,}+)"
)
_SHORTEST_PROSE_SECRET: Final = 8


def suspicious(text: str) -> bool:
    """Whether the text could hold a secret; False is certain, True is not. Cheap: it runs over every body.

    "ken" stands for token and to_ken, "cret" for secret and se_cret, "pass" for password, pass_word and
    passphrase, "sign" for signature and string_to_sign, "canonical" for canonical_request.
    """
    low = text.lower()
    # One expression, with single letters as gates: a loop over the same words takes several times as long.
    return (
        ("k" in low and ("key" in low or "ken" in low or "cookie" in low or "akia" in low or "sk_" in low or "sk-" in low))
        or "cret" in low
        or "pass" in low
        or "sign" in low
        or "authorization" in low
        or "credential" in low
        or "@" in low
        or ("b" in low and ("bearer" in low or "basic" in low))
        or ("w" in low and ("pwd" in low or "jwt" in low or "whsec" in low))
        or ("j" in low and "eyj" in low)
        or "canonical" in low
        or "asia" in low
    )


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every secret in it replaced by ``[redacted]``.

    Arguments:
        text: any text; JSON, XML, headers, a URL, prose.
        secrets: live credentials, redacted wherever they appear.
    """
    for secret in secrets:
        if secret and secret in text:
            text = text.replace(secret, REDACTED)
    if not suspicious(text):
        return text
    low = text.lower()
    if "authorization" in low and _QUOTED_BACK.search(low) and text[:1] not in ("{", "["):
        text = _QUOTES.sub(_redact_quote, text)
    if "bearer" in low or "basic" in low:
        text = _SCHEME.sub(_redact_scheme, text)
    text = _redact_labelled(text)
    for sign, form in _FORMS:
        if sign in low:
            text = form.sub(REDACTED, text)
    return text


_EMPTY_VALUES = frozenset({'""', "''", "null", "true", "false", "none", "[]", "{}", '\\"\\"', REDACTED, f'"{REDACTED}"'})


def _redact_labelled(text: str) -> str:
    low = text.lower()
    if len(low) != len(text):  # a letter whose lower case is longer: positions would not fit
        low = "".join(char.lower() if char.isascii() else char for char in text)
    pieces: list[str] = []
    done = 0
    for label in _LABEL.finditer(low):
        start = label.end()
        if label.start() < done:
            continue
        replaced = _redact_value(text, low, label, start)
        if replaced is not None:
            replacement, end = replaced
            pieces += [text[done:start], replacement]
            done = end
    if pieces:
        text = "".join([*pieces, text[done:]])
        low = text.lower()
    if len(low) != len(text):
        return text
    spoken = [match.span("value") for match in _SPOKEN.finditer(low)]
    for start, end in reversed(spoken):
        text = text[:start] + REDACTED + text[end:]
    return text


def _redact_value(text: str, low: str, label: re.Match[str], start: int) -> tuple[str, int] | None:
    """What stands instead of the value behind a label, and where the value ends; None if it may stay."""
    quote = label["quote"]
    if label["tag"] is not None:
        bracket = low.rfind("<", max(0, label.start() - 128), label.start())
        content = _CONTENT.match(text, start)
        if bracket < 0 or content is None or not content[0].strip():
            return None
        if _TAG_NAME.fullmatch(low, bracket, label.start()) is None:
            return None
        return REDACTED, content.end()
    if quote is not None:
        value = _JSON_VALUE.match(text, start)
        if value is None or value[0].lower() in _EMPTY_VALUES:
            return None
        return f"{quote}{REDACTED}{quote}", value.end()
    if label[0].startswith("cookie"):
        line = _LINE.match(text, start)
        return (REDACTED, line.end()) if line is not None and line[0].strip() else None
    value = _PLAIN_VALUE.match(text, start)
    if value is None or value[0].lower() in _EMPTY_VALUES or value[0].startswith(REDACTED[:-1]):
        return None
    if label["mark"] == ":" and _is_prose(value[0]):
        return None
    if low[label.start() : value.end()] == "key=value":  # AWS's own words
        return None
    return REDACTED, value.end()


def _is_prose(value: str) -> bool:
    """Whether what follows a colon reads as words ("Invalid token: expired") and not as a secret."""
    bare = value.strip("\\\"'").rstrip(".")
    if len(bare) < _SHORTEST_PROSE_SECRET or bare.lower() in {"bearer", "basic"} or bare.startswith(("http://", "https://")):
        return True
    return value[:1] not in "\"'" and bare.isalpha() and bare in (bare.lower(), bare.capitalize())


# What the gateway's texts quote that is no credential: names of parameters and headers.
_QUOTED_NAMES = frozenset({"credential", "signature", "signedheaders", "x-amz-date", "date", "authorization", "x-api-key"})


def _redact_quote(match: re.Match[str]) -> str:
    return match[0] if match[0].strip("'\"").lower() in _QUOTED_NAMES else f"'{REDACTED}'"


def _redact_scheme(match: re.Match[str]) -> str:
    value = match["value"].rstrip(".")
    word = value.lower()
    if word in _SCHEME_WORDS or (match["scheme"].lower() == "basic" and value.isalpha() and value in (word, value.capitalize())):
        return match[0]
    return f"{match['scheme']}{match['between']}{REDACTED}"


def _redact_rest(match: re.Match[str]) -> str:
    return f"{match['name']}{match['between']}{REDACTED}"
