"""Secrets out of text, before the text can enter a value, an exception, a log line or a column.

Performs no I/O. Redacts values of sensitive names in JSON, XML, headers, query strings and prose,
``Bearer`` and ``Basic`` values, webhook secrets, AWS signatures, JSON Web Tokens, key-shaped words,
credentials quoted in gateway texts, user information in URLs, and values known to be live credentials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

REDACTED: Final = "[redacted]"

# A name that ends in, or holds, one of these has a value that nobody else should see. Matched on lower-cased text.
# "key" counts at the end of a name only: "keyword" and "key_points" are no secrets.
_NAME: Final = (
    r"(?:(?:token|secret|passw|passphrase|pwd|authorization|signature|credential|cookie|jwt"
    r"|string[_\-]?to[_\-]?sign|canonical[_\-]?request|to[_\-]ken|se[_\-]cret|pass[_\-]w)[\w.\-]{0,40}+|keys?(?:[_\-.]?ids?)?|(?<!\w)sig)(?![\w\-])"
)
# The end of such a name and what stands between it and its value: a quote and a colon, "=" (also percent-encoded, also
# twice), ":" or the end of a tag.
_LABEL = re.compile(
    _NAME
    + r"""(?:(?P<quote>\\*["'])\s{0,16}[:=]\s{0,16}(?:b(?=["']))?"""
    + r"""|(?:[ ](?:provided|given|value|is|was|used|sent))?[ \t]{0,4}(?P<mark>[:=]|%(?:25){0,3}3d)\s{0,16}"""
    + r"""|(?P<tag>\s{0,8}+(?:[\w:.\-]{1,32}+\s?=[^<>]{0,256}+)?>))"""
)
_TUPLE = re.compile(r"""\(\s?b?(?P<quote>["'])(?P<name>[\w.\-]{1,64})(?P=quote),\s?b?(?P<value>"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))""")
_TAG_NAME = re.compile(r"<(?:[\w.\-]{1,64}+:)?[\w.\-]{0,64}+")
_NAME_START = re.compile(r"[\w.\-:]*+")

_JSON_VALUE = re.compile(
    r"""(?P<slash>\\*)"[^"\\]*+(?:\\(?!")[^"\\]*+|\\"(?!\s*[,}\]]|\s*\Z)[^"\\]*+)*+(?:\\*"|\Z)"""
    r"""|\\*'[^'\\]*+(?:\\.[^'\\]*+)*+(?:\\*'|\Z)|(?P<nested>[\[{])|[^\s,;&"'<>{}\[\]]+""",
    re.DOTALL,
)
_PLAIN_VALUE = re.compile(r"""\\*"[^"\n]*+(?:"|\Z)?|\\*'[^'\n]*+(?:'|\Z)?|[^\s,;&"'<>{}\[\])]+""")
_REST = re.compile(r"[^\n<]*+")
_LINE = re.compile(r"[^\n\"]*+")
_AUTHORIZATION = re.compile(r"""["']?(?:(?P<scheme>[A-Za-z][A-Za-z0-9\-]{1,24})[ \t]+)?(?P<value>[^\s,;&"'<>{}\[\])]+)["']?""")

_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic)(?P<between>(?:\s|\\[tnr]){1,16}|%20|\+)(?P<value>[A-Za-z0-9._~+/=\-]{3,})", re.IGNORECASE)
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
    ("://", re.compile(r"(?<=://)[^\s/@\"'<>:]{0,128}(?::[^\s/@\"'<>]{0,128})?(?=@)")),
)
# Gateways quote a malformed Authorization header back: "'abc' not a valid key=value pair ... in Authorization header: 'abc'."
# HTTP libraries do the same with a header that they refuse to send: "Invalid header value b'abc\\n'".
_QUOTED_BACK = re.compile(
    r"authorization header|authorization=|authorization parameter|header value|header name|header part|in header", re.IGNORECASE
)
_SINGLE_QUOTES = re.compile(r"""b?'[^'"\n{}]*+'""")
_QUOTES = re.compile(r"""b?'[^']*+(?:'|\Z)|b?"[^"]*+(?:"|\Z)""")
# A word of digits and letters right behind "key", "token" and the like in prose.
_SPOKEN = re.compile(
    r"\b(?:key|token|secret|password)[ \t]{1,4}+(?:is[ \t]{1,4}+)?[\"'`]?"
    r"(?P<value>(?=[a-z_\-.]{0,64}+[0-9])(?=[0-9_\-.]{0,64}+[a-z])[a-z0-9+/=_\-.]{12,}+)"
)
_MARGIN: Final = 1024
_PROSE: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "bad",
        "basic",
        "be",
        "bearer",
        "cannot",
        "check",
        "could",
        "empty",
        "expected",
        "expired",
        "field",
        "format",
        "has",
        "have",
        "header",
        "headers",
        "incorrect",
        "invalid",
        "is",
        "it",
        "key",
        "malformed",
        "missing",
        "must",
        "no",
        "none",
        "not",
        "null",
        "of",
        "or",
        "please",
        "provided",
        "read",
        "required",
        "reused",
        "revoked",
        "see",
        "should",
        "the",
        "this",
        "to",
        "token",
        "undefined",
        "unknown",
        "use",
        "value",
        "verify",
        "was",
        "were",
        "wrong",
    ]
)
_SHORTEST_PROSE_SECRET: Final = 8


def suspicious(text: str) -> bool:
    """Whether the text could hold a secret; False is certain, True is not. Cheap: it runs over every body.

    "ken" stands for token and to_ken, "cret" for secret and se_cret, "pass" for password, pass_word and
    passphrase, "sig" for sig, signature and string_to_sign, "canonical" for canonical_request.
    """
    low = text.lower()
    # One expression, with single letters as gates: a loop over the same words takes several times as long.
    return (
        ("k" in low and ("key" in low or "ken" in low or "cookie" in low or "akia" in low or "sk_" in low or "sk-" in low))
        or "cret" in low
        or "pass" in low
        or "sig" in low
        or "authorization" in low
        or "credential" in low
        or "@" in low
        or "header" in low
        or ("b" in low and ("bearer" in low or "basic" in low))
        or ("w" in low and ("pwd" in low or "jwt" in low or "whsec" in low))
        or ("j" in low and "eyj" in low)
        or "canonical" in low
        or "asia" in low
    )


_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))


@lru_cache(64)
def _written_forms(secret: str) -> tuple[str, ...]:
    """A live credential as it is, and as JSON and markup write it."""
    markup = secret
    for char, written in _ESCAPES:
        markup = markup.replace(char, written)
    forms = (
        secret,
        markup,
        markup.replace("&#x27;", "'").replace("&quot;", '"'),
        markup.replace("&#x27;", "&#39;"),
        markup.replace("&#x27;", "&apos;"),
        json.dumps(secret)[1:-1],
    )
    return tuple(dict.fromkeys(form for form in forms if form))


def redact_bounded(text: str, limit: int, secrets: tuple[str, ...] = ()) -> str:
    """The beginning of a text, redacted: at most `limit` characters, and no part of a secret that the cut went through."""
    margin = max(_MARGIN, *map(len, secrets)) if secrets else _MARGIN
    if len(text) <= limit + margin:
        return redact(text, secrets)[:limit]
    redacted = redact(text[: limit + margin], secrets)
    return redacted[: max(0, min(limit, len(redacted) - margin))] or REDACTED


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every secret in it replaced by ``[redacted]``.

    Arguments:
        text: any text; JSON, XML, headers, a URL, prose.
        secrets: live credentials, redacted wherever they appear.
    """
    for secret in secrets:
        for written in _written_forms(secret):
            if written in text:
                text = text.replace(written, REDACTED)
    if not suspicious(text):
        return text
    low = text.lower()
    if ("authorization" in low or "header" in low) and _QUOTED_BACK.search(low):
        text = (_SINGLE_QUOTES if text[:1] in ("{", "[") else _QUOTES).sub(_redact_quote, text)
    if "bearer" in low or "basic" in low:
        text = _SCHEME.sub(_redact_scheme, text)
    text = _redact_labelled(text)
    if "(" in text:
        text = _TUPLE.sub(_redact_tuple, text)
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
        if bracket < 0 or _TAG_NAME.fullmatch(low, bracket, label.start()) is None:
            return None
        # Everything up to the closing tag: children, comments and CDATA hold the value as well.
        named = _NAME_START.match(low, bracket + 1)
        end = low.find("</" + (named[0] if named else ""), start)
        end = len(text) if end < 0 else end
        return (REDACTED, end) if text[start:end].strip() else None
    if quote is not None:
        value = _JSON_VALUE.match(text, start)
        if value is None or value[0].lower() in _EMPTY_VALUES:
            return None
        end = _end_of_nested(text, start) if value["nested"] else value.end()
        if text[start:end] in _EMPTY_VALUES:
            return None
        return f"{quote}{REDACTED}{quote}", end
    if label[0].startswith("cookie") and text[start : start + 1] not in ('"', "'"):
        line = _LINE.match(text, start)
        return (REDACTED, line.end()) if line is not None and line[0].strip() else None
    if label[0].startswith("authorization"):
        return _redact_authorization(text, start)
    value = _PLAIN_VALUE.match(text, start)
    if value is None or value[0].lower() in _EMPTY_VALUES or value[0].startswith(REDACTED[:-1]):
        return None
    if label["mark"] == ":" and _is_prose(value[0], named=low[max(0, label.start() - 1)] in "-_"):
        return None
    if low[label.start() : value.end()] == "key=value":  # AWS's own words
        return None
    return REDACTED, value.end()


_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def _end_of_nested(text: str, start: int) -> int:
    """Where an array or object ends; the end of the text if it is cut."""
    depth = 0
    for mark in _MARKS.finditer(text, start):
        char = mark[0]
        if char in ("[", "{"):
            depth += 1
        elif char in ("]", "}"):
            depth -= 1
            if depth <= 0:
                return mark.end()
    return len(text)


_SCHEMES: Final = frozenset({"apikey", "aws", "basic", "bearer", "key", "negotiate", "token"})


def _redact_authorization(text: str, start: int) -> tuple[str, int] | None:
    """The value of an Authorization header, with a known scheme kept: ``ApiKey abc`` as well as ``Bearer abc``."""
    found = _AUTHORIZATION.match(text, start)
    if found is None or text.startswith(REDACTED, found.end()) or text.startswith(" " + REDACTED, found.end()):
        return None
    scheme, value = found["scheme"], found["value"]
    if value.lower() in _EMPTY_VALUES or (scheme is not None and value.startswith(REDACTED[:-1])):
        return None
    if scheme is None:
        return None if _is_prose(value, named=True) else (REDACTED, found.end())
    if "=" in value:  # Digest username="u", response="..."
        line = _REST.match(text, start)
        return (REDACTED, line.end()) if line is not None else None
    if _is_prose(scheme, named=True) and scheme.lower() not in _SCHEMES:
        return None
    if _is_prose(value, named=True):
        return None if scheme.lower() in _SCHEMES else (REDACTED, found.end("scheme"))
    return (f"{scheme} {REDACTED}" if scheme.lower() in _SCHEMES else REDACTED), found.end()


def _is_prose(value: str, *, named: bool = False) -> bool:
    """Whether what follows a colon reads as words ("Invalid token: expired") and not as a secret.

    Behind the name of a header or member (``x-api-key``) only known words do.
    """
    bare = value.strip("\\\"'").rstrip(".!?")
    low = bare.lower()
    if low in _PROSE or bare.startswith(("http://", "https://")):
        return True
    if named:
        return False
    if len(bare) < _SHORTEST_PROSE_SECRET:
        return True
    return value[:1] not in "\"'" and bare.isalpha() and bare in (low, bare.capitalize())


def _redact_tuple(match: re.Match[str]) -> str:
    if not is_sensitive(match["name"]):
        return match[0]
    return match[0][: match.start("value") - match.start()] + f"'{REDACTED}'"


_STEMS: Final = (
    "token",
    "secret",
    "passw",
    "passphrase",
    "pwd",
    "authorization",
    "signature",
    "credential",
    "cookie",
    "jwt",
    "stringtosign",
    "canonicalrequest",
    "accesskey",
    "apikey",
)
_FOLD = str.maketrans("", "", "-_. ")


@lru_cache(1024)
def is_sensitive(name: str) -> bool:
    """Whether the value of a member, header or parameter of this name is a secret; case, ``-`` and ``_`` do not matter."""
    folded = name.lower().translate(_FOLD)
    return folded == "sig" or folded.endswith(("key", "keys", "keyid", "keyids", "keysid")) or any(stem in folded for stem in _STEMS)


_MAX_DEPTH: Final = 64


class _Tree:
    """Redacts decoded JSON by name, up to a number of characters."""

    def __init__(self, secrets: tuple[str, ...], room: int) -> None:
        self.secrets = secrets
        self.room = room

    def value(self, value: object, depth: int) -> object:
        if self.room <= 0 or depth > _MAX_DEPTH:
            return "…"
        if isinstance(value, dict):
            return self.members(value, depth)
        if isinstance(value, list | tuple):
            kept = []
            for item in value:
                if self.room <= 0:
                    break
                kept.append(self.value(item, depth + 1))
            return kept
        if isinstance(value, str):
            text = redact_bounded(value, self.room, self.secrets)
            self.room -= len(text) + 4
            return text
        self.room -= 8
        return value

    def members(self, value: dict[object, object], depth: int) -> dict[str, object]:
        kept: dict[str, object] = {}
        # {"name": "x-api-key", "value": ...}: headers as some logs hold them.
        label = value.get("name", value.get("key"))
        labelled = isinstance(label, str) and is_sensitive(label)
        for name, item in value.items():
            if self.room <= 0:
                break
            shown = redact_bounded(str(name), 1024, self.secrets)
            self.room -= len(shown) + 6
            hidden = item not in (None, "", True, False) and (is_sensitive(str(name)[:256]) or (labelled and name == "value"))
            kept[shown] = REDACTED if hidden else self.value(item, depth + 1)
        return kept


def redact_tree(value: object, secrets: tuple[str, ...], limit: int) -> object:
    """A copy of decoded JSON without secrets: the values of sensitive names whole, all other texts by `redact`.

    Ends after about `limit` characters; what comes behind is left out.
    """
    return _Tree(secrets, limit).value(value, 0)


_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])|&#x([2-7][0-9a-fA-F]);|&#(3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6]);|&(quot|apos);")


def plain(text: str) -> str:
    """Markup or broken JSON with escaped ASCII characters written out, so that no escape hides a name or a secret."""
    if "\\u00" not in text and "&" not in text:
        return text
    return _ESCAPED.sub(_unescape, text.replace("&amp;quot;", "&quot;"))


def _unescape(match: re.Match[str]) -> str:
    if match[4]:
        return '"' if match[4] == "quot" else "'"
    return chr(int(match[1] or match[2], 16) if match[1] or match[2] else int(match[3]))


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
