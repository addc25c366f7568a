"""What the vendors say for an entry of the catalogs, before it takes a shape on the wire.

`words_of` gives everything that an entry is recognised by, `words_of_refinement` the same for a refinement,
`typical` the one thing that a vendor says as a rule. `heify_heygen_errors.testing.shapes` puts words on the wire.
Everything is made of the catalogs; performs no I/O beyond reading them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import attrs

from heify_heygen_errors.catalog import CatalogEntry, Endpoint, Refinement, default_catalogs
from heify_heygen_errors.catalog.entries import Circumstances, Condition
from heify_heygen_errors.catalog.lookup import UnknownCodeError
from heify_heygen_errors.catalog.space import Table
from heify_heygen_errors.catalog.template import Folded, Template
from heify_heygen_errors.document import read_document
from heify_heygen_errors.model import EMPTY_MAP, Category, Fault, FrozenMap

FILLS: Final[Mapping[str, str]] = FrozenMap(
    {
        "available": "12",
        "avatar_id": "av_7f3a",
        "content_type": "application/x-subrip",
        "declared": "audio/wav",
        "detected": "audio/x-wav",
        "field": "title",
        "host": "example.com",
        "limit": "20",
        "max": "10",
        "min": "1",
        "number": "1299",
        "other_field": "subtitle",
        "required": "300",
        "resource": "Widget",
        "seconds": "300",
        "url": "https://example.com/a.mp4",
    }
)
"""What stands in for the placeholders of templates; other placeholders get three letters of their name and a 7."""

UNRELATED: Final = "The moon is made of green cheese"
"""A text that says nothing about any failure."""

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_DOCS: Final = "https://developers.heygen.com/docs/error-codes#"
_LAMBDA: Final = ("KeyError", "'configuration_id'")

# Codes that HeyGen's own clients list as reasons of failed jobs only (vendor notes 2026-11).
_ONLY_IN_JOBS: Final = frozenset({"RENDERING_FAILED", "RENDERING_TIMEOUT", "TRAINING_FAILED", "WORKFLOW_TIMEOUT"})
_JOB_IDS: Final = {"heify": "5f0c2b1e-8d47-4c5a-9b0e-3a6f1d2c7e84"}
_JOB_ID: Final = "4f7c1a9be2d84516"


class Speaker(StrEnum):
    """Who says the words: the vendor itself, or one of the layers in front of it."""

    VENDOR = "vendor"
    GATEWAY = "gateway"
    LAMBDA = "lambda"
    STORAGE = "storage"
    PROXY = "proxy"


@attrs.frozen(kw_only=True)
class Words:
    """What a failure says, whatever the envelope.

    Attributes:
        provider: the number space it is sent in: ``heygen``, ``liveavatar`` or ``heify``; entries of layers are
            sent by any of them.
        status: the HTTP status of a refusal; failed jobs arrive with 200 and webhooks without one.
        code: the vendor's code as text; numbers are digits.
        message, detail: the vendor's texts.
        param: the request field at fault, where a shape has a place for it.
        doc_url: the vendor's link to an explanation, where a shape has a place for it.
        job_id: id of the job or object that failed, in shapes of jobs and webhooks.
        params: what the placeholders of the message's template were filled with.
        speaker: who says it.
        endpoint: the endpoint that was called, where the meaning depends on it.
        needs: attributes that a shape must have a place for: ``detail``, ``param``. Others may drop out.
        entry, refinement: what it must come back as; no entry for words of one's own.
    """

    provider: str
    status: int
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    param: str | None = None
    doc_url: str | None = None
    job_id: str = attrs.Factory(lambda self: _JOB_IDS.get(self.provider, _JOB_ID), takes_self=True)
    params: Mapping[str, str] = EMPTY_MAP
    speaker: Speaker = Speaker.VENDOR
    endpoint: Endpoint | None = None
    needs: frozenset[str] = frozenset()
    entry: CatalogEntry | None = attrs.field(default=None, repr=lambda entry: str(entry and entry.rule))
    refinement: Refinement | None = attrs.field(default=None, repr=lambda refinement: str(refinement and refinement.rule))

    @property
    def rule(self) -> str | None:
        """The rule it must come back as, None for words of one's own."""
        if self.refinement is not None:
            return self.refinement.rule
        return None if self.entry is None else self.entry.rule

    @property
    def category(self) -> Category | None:
        """The category it must come back as, None for words of one's own."""
        if self.refinement is not None:
            return self.refinement.category
        return None if self.entry is None else self.entry.category

    @property
    def sign(self) -> str | None:
        """The listed shape that says it without code or text: ``failed_without_reason``, ``expired_url`` ..."""
        return None if self.entry is None else self.entry.shape

    @property
    def only_in_jobs(self) -> bool:
        """Whether the vendor says it of failed jobs only, never in answer to a request."""
        if self.speaker is not Speaker.VENDOR or self.entry is None:
            return False
        return self.sign is not None or self.entry.name in _ONLY_IN_JOBS

    def in_generation(self, generation: str) -> Words:
        """The same with the code of an API generation: a number in ``v1``, a lower-case text in ``v2`` and ``v3``.

        Words whose entry has no such code stay as they are.
        """
        entry = self.entry
        if entry is None or self.code is None or self.speaker is not Speaker.VENDOR:
            return self
        if self.code.isdigit() == (generation == "v1"):
            return self
        code = next(filter(str.isdigit, entry.vendor_codes), None) if generation == "v1" else _text_code(entry)
        return self if code is None else _coded(self, code)

    def holds(self, *, channel: str, status: int | None, detail: str | None) -> bool:
        """Whether the words mean the same when they arrive this way: refinements ask for status, channel and detail."""
        if self.entry is None:
            return True
        seen = self._circumstances(channel, status, detail)
        if self.entry.condition is not None and self.entry.condition.fits(seen) is None:
            return False
        return _refinement_of(self.entry, seen) is self.refinement

    def _circumstances(self, channel: str, status: int | None, detail: str | None) -> Circumstances:
        return Circumstances(self.message, detail, status, channel, lambda: self.endpoint)


def _refinement_of(entry: CatalogEntry, seen: Circumstances) -> Refinement | None:
    return next((refinement for refinement in entry.refinements if refinement.condition.fits(seen) is not None), None)


def reworded(words: Words, **changes: Any) -> Words:
    """The words with some attributes changed, and with what they then come back as.

    Where the entry is no longer recognised by them, they are words of one's own, without an entry. Vague codes
    beside a text that another entry knows come back as that entry; only `normalize` can tell. A detail or param
    that is given must be told: only shapes that have a place for it can carry the words.

    Arguments:
        words: what is said.
        changes: attributes of `Words`.
    """
    needs = words.needs | {name for name in ("detail", "param") if changes.get(name) is not None}
    params = EMPTY_MAP if "message" in changes else words.params
    link = _link(changes["code"]) if words.doc_url is not None and changes.get("code") is not None else words.doc_url
    changed = attrs.evolve(words, **{"refinement": None, "needs": needs, "params": params, "doc_url": link, **changes})
    entry = changed.entry
    if entry is None:
        return changed
    spoken = entry.shape not in (None, "raw_lambda_error") and (changed.code is not None or changed.message is not None)
    settled = _settled(changed)
    held = settled.holds(channel=_channel(entry, None), status=settled.status, detail=settled.detail)
    if spoken or not held or not _recognised(changed, entry):
        return attrs.evolve(changed, entry=None)
    return settled


def _settled(words: Words, channel: str | None = None) -> Words:
    """The words with the refinement that they come back as."""
    entry = words.entry
    if entry is None or not entry.refinements:
        return words
    seen = words._circumstances(channel or _channel(entry, None), words.status, words.detail)  # noqa: SLF001 - of this module
    return attrs.evolve(words, refinement=_refinement_of(entry, seen))


def _channel(entry: CatalogEntry, condition: Condition | None) -> str:
    """The channel that an entry or a condition is tied to, else that of refusals."""
    for asked in (condition, entry.condition):
        if asked is not None and asked.channels:
            return str(min(asked.channels))
    return entry.compiled.channel or "response"


def filled(template: str, *, padded: bool = False) -> tuple[str, dict[str, str]]:
    """A text that the template matches, and what its placeholders capture of it.

    Arguments:
        template: a message template of a catalog.
        padded: put some text where the template is open, instead of nothing.
    """
    params: dict[str, str] = {}

    def fill(brace: re.Match[str]) -> str:
        name = brace[1]
        if name is None:
            return brace[0][0]
        params[name] = FILLS.get(name, f"{name[:3]}7")
        return params[name]

    text = _PLACEHOLDER.sub(fill, template.strip())
    start, end = text.startswith("…"), text.endswith("…")
    text = text.strip("…").strip()
    if padded:
        text = f"{'Well: ' if start else ''}{text}{' (and so on)' if end else ''}"
    return text, params


# Everything that an entry is recognised by.


def words_of(entry: CatalogEntry, provider: str | None = None) -> Iterator[Words]:
    """Everything that an entry is recognised by.

    Each status that it names; each code with its own message, without one and with an unrelated text; each
    template, filled; and for entries that are recognised by a shape, that shape. Some of it comes back as a
    refinement of the entry: see `Words.rule`.

    Arguments:
        entry: of a vendor or of the layers.
        provider: who sends it; every vendor in turn for entries of layers, the entry's own otherwise.

    Raises:
        ValueError: the entry belongs to another vendor.
    """
    for base in _bases(entry, provider):
        found: dict[Words, None] = {}
        for status in _statuses(entry.statuses, entry):
            at = attrs.evolve(base, status=status)
            for code in entry.codes:
                found.update(dict.fromkeys(_beside_code(at, entry, code)))
            for template in entry.templates:
                found[_saying(at, *filled(template.source, padded=True))] = None
            if entry.shape is not None:
                found.update(dict.fromkeys(_signs(at)))
        yield from (_settled(_meeting(words, entry)) for words in found)


def words_of_refinement(entry: CatalogEntry, refinement: Refinement, provider: str | None = None) -> Iterator[Words]:
    """Everything that a refinement of an entry is recognised by, made of its conditions.

    Each status of its own or of the entry, each code, each of its templates. Where the conditions say too
    little, as for pages that must hold two texts, the examples of the catalog are used.

    Arguments:
        entry: of a vendor or of the layers.
        refinement: one of the entry's.
        provider: as for `words_of`.

    Raises:
        ValueError: the entry belongs to another vendor.
    """
    for base in _bases(entry, provider):
        found = [words for words in _by_condition(base, entry, refinement) if words.refinement is refinement]
        yield from dict.fromkeys(found or _by_examples(base, entry, refinement))


def _bases(entry: CatalogEntry, provider: str | None) -> Iterator[Words]:
    """The words of an entry before anything is said, by each vendor that sends it."""
    known = default_catalogs().providers
    senders = (entry.provider,) if entry.provider != "layers" else known
    if provider is not None:
        if provider not in senders:
            msg = f"{entry.rule} is not sent by {provider!r}: use one of {', '.join(senders)}"
            raise ValueError(msg)
        senders = (provider,)
    for sender in senders:
        yield Words(provider=sender, status=_statuses(entry.statuses, entry)[0], speaker=_speaker(entry), entry=entry)


def _speaker(entry: CatalogEntry) -> Speaker:
    if entry.provider != "layers":
        return Speaker.VENDOR
    if entry.compiled.channel == "upload":
        return Speaker.STORAGE
    if entry.shape == "raw_lambda_error":
        return Speaker.LAMBDA
    return Speaker.GATEWAY if entry.name.startswith("APIGW_") else Speaker.PROXY


def _statuses(stated: Sequence[str], entry: CatalogEntry) -> list[int]:
    """The statuses that were stated, one of each class, or what fits the fault."""
    found = [int(status.replace("xx", "00")) for status in stated]
    return found or [500 if entry.fault in (Fault.PROVIDER, Fault.NETWORK) else 400]


def _beside_code(at: Words, entry: CatalogEntry, code: str) -> Iterator[Words]:
    coded = _coded(at, code)
    yield attrs.evolve(_own_message(coded, entry), detail=entry.detail)
    yield coded
    if not entry.generic:
        yield attrs.evolve(coded, message=UNRELATED)


def _own_message(words: Words, entry: CatalogEntry) -> Words:
    return words if entry.message is None else _saying(words, *filled(entry.message))


def _saying(words: Words, message: str, params: Mapping[str, str]) -> Words:
    return attrs.evolve(words, message=message, params=FrozenMap(params))


def _meeting(words: Words, entry: CatalogEntry) -> Words:
    """The words with what the conditions of the whole entry ask for."""
    condition = entry.condition
    if condition is None:
        return words
    changes: dict[str, Any] = {}
    if condition.statuses and words.status not in condition.statuses:
        changes["status"] = _statuses(condition.statuses.shown, entry)[0]
    if condition.endpoints and words.endpoint is None:
        changes["endpoint"] = _endpoint(words.provider, condition.endpoints)
    if condition.no_message:
        changes["message"] = None
    for name, templates in (("message", condition.messages), ("detail", condition.details), ("message", condition.texts)):
        if templates and not _fits(templates, getattr(words, name)):
            text, params = filled(templates[0].source)
            changes |= {name: text, "params": FrozenMap(params)}
    return attrs.evolve(words, **changes)


def _fits(templates: Sequence[Template], text: str | None) -> bool:
    folded = None if text is None else Folded(text)
    return folded is not None and any(template.match(folded) is not None for template in templates)


def _signs(at: Words) -> Iterator[Words]:
    """The words beside a shape that decides by itself: none, but for a function that crashed."""
    if at.sign != "raw_lambda_error":
        yield at
        return
    code, message = _LAMBDA
    for status in (200, at.status):
        yield attrs.evolve(at, status=status, code=code, message=message)


def _coded(words: Words, code: str | None) -> Words:
    """The words with a code, and what HeyGen's v3 error object has beside it: a field only for requests that are wrong."""
    if words.provider != "heygen" or words.speaker is not Speaker.VENDOR or words.entry is None:
        return attrs.evolve(words, code=code)
    param = "avatar_id" if words.entry.category is Category.INVALID_REQUEST else None
    return attrs.evolve(words, code=code, doc_url=None if code is None else _link(code), param=param)


def _link(code: str) -> str:
    """The link of HeyGen's v3 error object: the anchor is the code with hyphens."""
    return _DOCS + code.replace("_", "-")


# Refinements.


def _by_condition(base: Words, entry: CatalogEntry, refinement: Refinement) -> Iterator[Words]:
    """What the conditions of a refinement ask for, each with every code of the entry and without one."""
    condition = refinement.condition
    bare = attrs.evolve(base, endpoint=_endpoint(base.provider, condition.endpoints))
    for status in _statuses(condition.statuses.shown or entry.statuses, entry):
        at = attrs.evolve(bare, status=status)
        codes: list[str | None] = [*entry.codes, None] if entry.shape is None else [_LAMBDA[0], None]
        for code in codes:
            for words in _texts(_coded(at, code), entry, condition):
                met = _meeting(words, entry)
                if _recognised(met, entry):
                    yield _settled(met, _channel(entry, condition))


def _texts(words: Words, entry: CatalogEntry, condition: Condition) -> Iterator[Words]:
    """The texts that a refinement asks for, in each place where it looks for them."""
    said = [_saying(words, *filled(template.source, padded=True)) for template in condition.messages]
    if not said:
        said = [words] if condition.no_message else [_own_message(words, entry), words]
        if words.code is None and not condition.no_message:
            said = [_saying(words, *filled(template.source, padded=True)) for template in entry.templates]
    for template in condition.details:
        detail, params = filled(template.source, padded=True)
        yield from (attrs.evolve(one, detail=detail, params=FrozenMap({**one.params, **params})) for one in said)
    for template in condition.texts:
        text, params = filled(template.source, padded=True)
        yield _saying(words, text, params)
        yield from (attrs.evolve(one, detail=text, params=FrozenMap({**one.params, **params})) for one in said)
    if not condition.details and not condition.texts:
        yield from said


def _recognised(words: Words, entry: CatalogEntry) -> bool:
    """Whether the entry itself is found by these words."""
    if words.code in entry.codes or entry.shape is not None:
        return True
    return words.code is None and _fits(entry.templates, words.message)


def _by_examples(base: Words, entry: CatalogEntry, refinement: Refinement) -> Iterator[Words]:
    for example in refinement.examples:
        words = _from_example(base, entry, refinement, {"message": example} if isinstance(example, str) else example)
        if words.refinement is refinement:
            yield words


def _from_example(base: Words, entry: CatalogEntry, refinement: Refinement, told: Mapping[str, Any]) -> Words:
    """The words of an example; of a whole body its visible text."""
    stated = told.get("status")
    statuses = [str(stated)] if stated is not None else refinement.condition.statuses.shown
    message = told.get("message")
    code = told.get("code")
    if "body" in told:
        message = read_document(told["body"]).visible
    elif code is None:
        code = _typical_code(entry)
    if message is None and code is not None:
        message = _own_message(base, entry).message
    words = attrs.evolve(
        _coded(base, code),
        status=_statuses(statuses or entry.statuses, entry)[0],
        message=message,
        detail=told.get("detail"),
        params=FrozenMap(told.get("params")),
        endpoint=_endpoint(base.provider, refinement.condition.endpoints),
    )
    return _settled(_meeting(words, entry), _channel(entry, refinement.condition))


def _endpoint(provider: str, paths: Sequence[str]) -> Endpoint | None:
    if not paths:
        return None
    return next((endpoint for endpoint in default_catalogs().space(provider).endpoints if endpoint.path == paths[0]), None)


# The one thing that a vendor says as a rule.

_TYPICAL: Final[Mapping[str, Mapping[Category, str]]] = {
    "heygen": {
        Category.AUTHENTICATION: "UNAUTHORIZED",
        Category.PERMISSION: "FORBIDDEN",
        Category.PLAN: "PLAN_UPGRADE_REQUIRED",
        Category.PAYMENT: "INSUFFICIENT_CREDIT",
        Category.QUOTA: "QUOTA_EXCEEDED",
        Category.RATE_LIMIT: "RATE_LIMIT_EXCEEDED",
        Category.NOT_FOUND: "VIDEO_NOT_FOUND",
        Category.INVALID_REQUEST: "INVALID_PARAMETER",
        Category.INVALID_MEDIA: "VIDEO_FILE_CORRUPTED",
        Category.CONTENT_POLICY: "CONTENT_POLICY_VIOLATION",
        Category.CONFLICT: "CONFLICT",
        Category.NOT_READY: "RESOURCE_NOT_READY",
        Category.UPSTREAM: "VOICE_PROVIDER_ERROR",
        Category.TIMEOUT: "GATEWAY_TIMEOUT",
        Category.NETWORK: "PROXY_FIREWALL_BLOCK",
        Category.SERVER: "INTERNAL_ERROR",
        Category.UNKNOWN: "JOB_FAILED_WITHOUT_REASON",
    },
    "liveavatar": {
        Category.AUTHENTICATION: "SESSION_NOT_AUTHENTICATED",
        Category.PERMISSION: "PROXY_FORBIDDEN",
        Category.RATE_LIMIT: "SESSION_CONCURRENCY_LIMIT_REACHED",
        Category.NOT_FOUND: "JOB_NOT_FOUND",
        Category.INVALID_REQUEST: "REQUEST_VALIDATION_FAILED",
        Category.INVALID_MEDIA: "NGINX_REQUEST_ENTITY_TOO_LARGE",
        Category.TIMEOUT: "PROXY_GATEWAY_TIMEOUT",
        Category.NETWORK: "PROXY_FIREWALL_BLOCK",
        Category.SERVER: "PROXY_BAD_GATEWAY",
        Category.UNKNOWN: "JOB_FAILED_WITHOUT_REASON",
    },
    "heify": {
        Category.AUTHENTICATION: "APIGW_FORBIDDEN",
        Category.PERMISSION: "APIGW_ACCESS_DENIED",
        Category.PAYMENT: "INSUFFICIENT_MINUTES",
        Category.QUOTA: "MONTHLY_ANALYTICS_LIMIT",
        Category.RATE_LIMIT: "APIGW_TOO_MANY_REQUESTS",
        Category.NOT_FOUND: "CONFIGURATION_NOT_FOUND",
        Category.INVALID_REQUEST: "MISSING_FIELD",
        Category.INVALID_MEDIA: "UNSUPPORTED_AUDIO_FORMAT",
        Category.CONFLICT: "S3_CONDITIONAL_REQUEST_CONFLICT",
        Category.TIMEOUT: "APIGW_ENDPOINT_TIMED_OUT",
        Category.NETWORK: "S3_INCOMPLETE_BODY",
        Category.SERVER: "UNEXPECTED_ERROR",
        Category.UNKNOWN: "TRANSCRIPTION_FAILED",
    },
}


def typical(provider: str, what: str | int | Category) -> Words:
    """What a vendor says as a rule: the entry's own message, its present code, the first status at which it means that.

    Where no message of a code is known, its name in plain words stands for it.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``.
        what: a code (``"400112"``), a name (``"UNAUTHORIZED"``), a rule
            (``"heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan"``, the provider may be left out) or a category (``"rate_limit"``,
            ``Category.RATE_LIMIT``), for which the vendor's typical entry is taken. A text is tried in this order.
            Entries of the layers in front of the vendors are found for every provider.

    Raises:
        KeyError: there is none; names the nearest.
        ValueError: there is no provider of this name.
    """
    catalogs = default_catalogs()
    if provider not in catalogs.providers:
        msg = f"there is no provider {provider!r}: use one of {', '.join(catalogs.providers)}"
        raise ValueError(msg)
    if isinstance(what, Category):
        return _typical_of_category(provider, what)
    catalog, _, rest = str(what).strip().partition("/")
    wanted = rest or catalog
    tables: tuple[Table, ...] = (catalogs.space(provider), catalogs.layers)
    if rest:
        tables = tuple(table for table in tables if table.name == catalog)
    for key in (wanted, wanted.lower()):
        for table in tables:
            coded = table.by_code.get(key)
            if coded:
                return _typical_words(coded[0], provider, code=None if wanted == coded[0].name else key)
    name, _, refinement_id = wanted.partition("#")
    for table in tables:
        entry = table.entries.get(name.upper())
        if entry is not None and not refinement_id:
            return _typical_words(entry, provider)
        refinements = () if entry is None else entry.refinements
        for refinement in refinements:
            if entry is not None and refinement.id == refinement_id:
                return _typical_refinement(entry, refinement, provider)
    if wanted.lower() in {category.value for category in Category}:
        return _typical_of_category(provider, Category(wanted.lower()))
    raise _unknown(provider, str(what), tables)


def _typical_of_category(provider: str, category: Category) -> Words:
    name = _TYPICAL[provider].get(category)
    if name is None:
        known = ", ".join(found.value for found in _TYPICAL[provider])
        msg = f"{provider} has no error of the category {category.value}; it has {known}"
        raise UnknownCodeError(msg)
    catalogs = default_catalogs()
    entry = catalogs.space(provider).entries.get(name) or catalogs.layers.entries[name]
    return _typical_words(entry, provider)


def _typical_words(entry: CatalogEntry, provider: str, code: str | None = None) -> Words:
    said = _typical_saying(next(_bases(entry, provider)), entry, code or _typical_code(entry))
    statuses = _statuses(entry.statuses, entry) if entry.shape is None else [said.status]
    settled = [_settled(_meeting(attrs.evolve(said, status=status), entry)) for status in statuses]
    # The entry itself, not one of its refinements, if there is a status at which it is that.
    return next((words for words in settled if words.refinement is None), settled[0])


def _typical_saying(base: Words, entry: CatalogEntry, code: str | None) -> Words:
    if entry.shape is not None:
        return next(_signs(base))
    if code is None:
        return _saying(base, *filled(entry.templates[0].source))
    coded = attrs.evolve(_coded(base, code), detail=entry.detail)
    if entry.message is None and entry.named:
        return attrs.evolve(coded, message=entry.name.replace("_", " ").capitalize())
    return _own_message(coded, entry)


def _typical_refinement(entry: CatalogEntry, refinement: Refinement, provider: str) -> Words:
    base = next(_bases(entry, provider))
    return next(_by_examples(base, entry, refinement), None) or next(words_of_refinement(entry, refinement, provider))


def _typical_code(entry: CatalogEntry) -> str | None:
    """The code of the current API generation: the lower-case name before numbers."""
    return _text_code(entry) or next(iter(entry.vendor_codes), None)


# Sent as the name stands, in upper case (vendor notes 2026-11, shapes 5b and 6); other names are sent in lower case.
_UPPER: Final = frozenset({"MOVIO_PAYMENT_INSUFFICIENT_CREDIT"})


def _text_code(entry: CatalogEntry) -> str | None:
    if not entry.named:
        return None
    return entry.name if entry.name in _UPPER else entry.name.lower()


_STATUSES: Final = range(100, 600)


def _unknown(provider: str, wanted: str, tables: Sequence[Table]) -> UnknownCodeError:
    known = dict.fromkeys(code for table in tables for code in (*table.by_code, *table.entries))
    for table in tables:
        known.update({f"{entry.name}#{refinement.id}": None for entry in table.entries.values() for refinement in entry.refinements})
    known.update({category.value: None for category in _TYPICAL[provider]})
    if wanted.startswith("transport/"):
        return UnknownCodeError(f"{wanted!r} is no answer of {provider}: use transport_exception(...), or a fault of the fake server")
    if wanted.isdigit() and int(wanted) in _STATUSES:
        return UnknownCodeError(f"{wanted} is an HTTP status and no code of {provider}: name a category, and status={wanted} beside it")
    near = difflib.get_close_matches(wanted, known, 5, 0.6) or difflib.get_close_matches(wanted.upper(), known, 5, 0.6)
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    return UnknownCodeError(f"no code, name, rule or category {wanted!r} of {provider}{hint}")
