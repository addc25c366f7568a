"""Any failure of a vendor to one `ErrorInfo`: puts the steps together, redacts, bounds, fingerprints.

Total: for any status, headers, body or exception there is an answer. Only wrong use by the programmer
raises: an unknown provider name, or a source that is nothing of the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from heify_heygen_errors import transport as transports
from heify_heygen_errors.catalog import CatalogEntry, Catalogs, Rule, Space, default_catalogs
from heify_heygen_errors.catalog.space import bare_path
from heify_heygen_errors.document import Document, excerpt_source, read_document
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.failure import Failure
from heify_heygen_errors.fingerprint import fingerprint, skeleton
from heify_heygen_errors.headers import retry_after
from heify_heygen_errors.matching import Match, match
from heify_heygen_errors.model import (
    EMPTY_MAP,
    Category,
    Channel,
    ErrorInfo,
    Fault,
    FrozenMap,
    MatchedBy,
    Outcome,
    RetryAdvice,
)
from heify_heygen_errors.observation import (
    Observation,
    from_response,
    from_status_exception,
    looks_like_response,
    read_exception_request,
    response_of,
)
from heify_heygen_errors.providers import Sight, adapter_for, error_type_header
from heify_heygen_errors.redaction import plain, redact_bounded, redact_tree, suspicious

if TYPE_CHECKING:
    from heify_heygen_errors.explanation import Explanation

MAX_BODY_EXCERPT: Final = 4096
"""Bytes of UTF-8 that an excerpt of a body has at most."""

MAX_TEXT: Final = 4096
MAX_CODE: Final = 256
_MAX_PARAM: Final = 512
_SHORTEST_SECRET: Final = 8
_HEX: Final = "0123456789abcdefABCDEF-"
_WEB: Final = ("https://", "http://", "HTTPS://", "HTTP://")
_EXCERPT_WINDOW: Final = MAX_BODY_EXCERPT + 2048
_EXCERPT_CHECKED: Final = MAX_BODY_EXCERPT + 512  # what tells a secret can stand behind it: the @ of user:password@

_HOST_END = re.compile(r"[/?#\\]")
_CHANNELS: Final = {channel.value: channel for channel in Channel}
_JOB_CHANNELS: Final = frozenset({"job", "webhook"})


class Finding(NamedTuple):
    """Every output value of one failure, flat. `ErrorInfo` and the columns of the bulk path are made of it."""

    provider: str
    channel: Channel
    category: Category
    code: str | None
    name: str | None
    message: str | None
    detail: str | None
    summary: str
    remedy: str
    status: int | None
    fault: Fault
    retry: RetryAdvice
    param: str | None
    params: Mapping[str, str]
    resource: Mapping[str, str]
    doc_url: str | None
    request_id: str | None
    rule: str
    matched_by: MatchedBy
    fingerprint: str
    body: str | None
    catalog: str


@attrs.frozen
class UnknownCode:
    """Details for the hook `on_unknown_code`: a code that no catalog lists."""

    provider: str
    code: str
    info: ErrorInfo


class Cleaner:
    """Redacts and bounds the texts of one observation."""

    __slots__ = ("_all", "clean", "secrets")

    def __init__(self, body: str | None, secrets: tuple[str, ...], *, whole: bool) -> None:
        self._all = secrets
        if secrets:
            secrets = tuple(secret for secret in secrets if body is None or not whole or "\\" in body or "&" in body or secret in body)
        self.secrets = secrets
        # Members of a body without any sign of a secret have none either, unless escapes hide it.
        self.clean = whole and body is not None and not secrets and "\\" not in body and "&" not in body and not suspicious(body)

    def text(self, text: str | None, limit: int = MAX_TEXT) -> str | None:
        """A text that may leave: redacted, stripped, bounded, without lone surrogates; None if nothing is left."""
        if text is None:
            return None
        text = text.strip()
        text = text[:limit] if self.clean else redact_bounded(text, limit, self.secrets)
        return (text if text.isascii() else encodable(text)) or None

    def foreign(self, text: str) -> str | None:
        """A short text from the headers, about which the body says nothing."""
        return foreign(text, self._all)


def foreign(text: str, secrets: tuple[str, ...] = ()) -> str | None:
    """A short text from the headers that may leave: redacted, stripped, bounded; None if nothing is left."""
    if not secrets and len(text) <= MAX_CODE and not text.strip(_HEX):  # a UUID, as most request ids are
        return text or None
    text = redact_bounded(text.strip(), MAX_CODE, secrets)
    return (text if text.isascii() else encodable(text)) or None


def encodable(text: str) -> str:
    """The text with lone surrogates replaced, so that every encoder takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Normalizer:
    """The functions of this package over one set of catalogs; the module's own are those of a default one.

    Arguments:
        catalogs: from `Catalogs.load`; None for the shipped ones.
        on_unknown_code: called with `UnknownCode` for every code that no catalog lists. What it raises,
            the caller gets.
    """

    def __init__(self, catalogs: Catalogs | None = None, on_unknown_code: Callable[[UnknownCode], object] | None = None) -> None:
        if catalogs is not None and not isinstance(catalogs, Catalogs):
            msg = f"Normalizer takes Catalogs, not {type(catalogs).__name__}: pass Catalogs.load(FILE)"
            raise TypeError(msg)
        self._catalogs = catalogs
        self._on_unknown_code = on_unknown_code

    @property
    def catalogs(self) -> Catalogs:
        """The catalogs in use."""
        catalogs = self._catalogs
        if catalogs is None:
            catalogs = self._catalogs = default_catalogs()
        return catalogs

    def normalize(self, source: object, provider: str | None = None) -> ErrorInfo | None:
        """The first failure in a source, in document order; None where nothing failed.

        Arguments:
            source: an `Observation`; a response of requests, httpx, httpx2, aiohttp or urllib3, or one that
                looks like theirs; or an exception.
            provider: ``heygen``, ``liveavatar`` or ``heify``; without it the source or the URL's host names it.

        Raises:
            TypeError: the source is nothing of the kind.
            ValueError: there is no provider of this name, or nothing names one.
        """
        if type(source) is Observation and provider is None:
            observation = source
        elif isinstance(source, ApiError):
            return source.info
        else:
            observation = self.observe(source, provider)
        found = self.findings(observation, first=True)
        return ErrorInfo.of(found[0][0]) if found else None

    def normalize_all(self, source: object, provider: str | None = None) -> list[ErrorInfo]:
        """Every failure in a source: one per failed item of a list, batch or event log. See `normalize`."""
        if isinstance(source, ApiError):
            return [source.info]
        return [ErrorInfo.of(finding) for finding, _ in self.findings(self.observe(source, provider))]

    def raise_for_error(self, source: object, provider: str | None = None) -> None:
        """Raises the `ApiError` of the failure's category, or returns None.

        Failed items of a list, batch or event log do not raise: they are in `normalize_all`.
        See `normalize` for the arguments and what else is raised.
        """
        if isinstance(source, ApiError):
            raise source
        observation = self.observe(source, provider)
        for finding, item in self.findings(observation):
            if not item:
                error = ApiError.of(ErrorInfo.of(finding))
                error.method = observation.method
                error.path = path_of(observation.url, observation.secrets)
                raise error

    def explain(self, source: object, provider: str | None = None) -> Explanation:
        """Every step of the decision, printable. See `normalize` for the arguments and what is raised."""
        from heify_heygen_errors.explanation import explain

        return explain(self, source, provider)

    def lookup(self, provider: str, code_or_name: str | int) -> CatalogEntry:
        """The entry of a code or name in a provider's catalog.

        Raises:
            KeyError: there is none; names the nearest.
            ValueError: there is no provider of this name.
        """
        from heify_heygen_errors.catalog.lookup import lookup

        return lookup(self.catalogs, provider, code_or_name)

    def observe(self, source: object, provider: str | None = None) -> Observation:
        """What was seen of a source, with the provider settled.

        Raises:
            TypeError, ValueError: as `normalize`.
        """
        if isinstance(source, Observation):
            observation = source if provider is None else attrs.evolve(source, provider=provider)
        elif isinstance(source, BaseException):
            observation = self._observe_exception(source, provider)
        elif looks_like_response(source):
            observation = from_response(source, provider)
        else:
            msg = (
                f"cannot normalize {type(source).__name__}: pass an Observation, a response (of requests, httpx, httpx2, aiohttp,"
                " urllib3 or alike, with status and headers) or an exception"
            )
            raise TypeError(msg)
        return observation

    def _observe_exception(self, exc: BaseException, provider: str | None) -> Observation:
        if not isinstance(exc, Exception):
            msg = f"{type(exc).__name__} is no failure of a call: let it pass on instead of normalizing it"
            raise TypeError(msg)
        return self._answer_in(exc, provider)

    def _answer_in(self, exc: BaseException, provider: str | None) -> Observation:
        """The answer that an exception is about, or the exception itself where there is none that failed."""
        method = url = None
        secrets: tuple[str, ...] = ()
        for cause in transports.causes(exc, self.catalogs, members=True):
            response = response_of(cause)
            answered = from_response(response, provider) if response is not None else from_status_exception(cause, provider)
            # An exception about an answer that says nothing wrong (too many redirects) is itself the failure.
            if answered is not None and ((answered.status or 0) >= 400 or self.findings(answered, first=True)):  # noqa: PLR2004
                return answered
            if url is None:
                method, url, secrets = read_exception_request(cause)
            if url is None and answered is not None:
                method, url, secrets = answered.method, answered.url, answered.secrets
        return Observation(provider, method=method, url=url, exception=exc, secrets=secrets)

    def settle(self, observation: Observation) -> str:
        """The name of the number space that an observation belongs to.

        Raises:
            ValueError: it is unknown, or nothing names one.
        """
        catalogs = self.catalogs
        provider = observation.provider
        if provider is None:
            provider = host_provider(catalogs, observation.url)
            if provider is None:
                msg = f"nothing names the provider: name one of {', '.join(catalogs.providers)}"
                raise ValueError(msg)
            return provider
        name = provider.strip().lower()
        if name not in catalogs.providers:
            msg = f"there is no provider {provider!r}: use one of {', '.join(catalogs.providers)}"
            raise ValueError(msg)
        return name

    def findings(self, observation: Observation, trace: list[str] | None = None, *, first: bool = False) -> list[tuple[Finding, bool]]:
        """Each failure of an observation, flat, and whether it is an item of a list; with `first` only that one.

        Raises:
            ValueError: the provider is unknown or nothing names one.
        """
        catalogs = self._catalogs or self.catalogs
        name = observation.provider
        space = catalogs.tables.get(name) if name is not None else None
        if name is None or type(space) is not Space:
            name = self.settle(observation)
            space = catalogs.space(name)
        if observation.exception is not None:
            if isinstance(observation.exception, BaseException):
                answered = self._answer_in(observation.exception, name)
                if answered.exception is None:
                    return self.findings(answered, trace, first=first)
            return [(self._transport_finding(observation, name, trace), False)]
        found_all: list[tuple[Finding, bool]] = []
        document = read_document(observation.body)
        sight = Sight(observation, document, space)
        cleaner: Cleaner | None = None
        excerpt: str | None = None
        for failure in failures_in(sight):
            found = decide(failure, sight, catalogs, trace)
            if found is None:
                continue
            if cleaner is None:
                window = excerpt_source(document, _EXCERPT_WINDOW)
                cleaner = Cleaner(window, observation.secrets, whole=window is not None and len(window) < _EXCERPT_WINDOW)
                excerpt = _excerpt(window, document, cleaner)
            finding = finding_of(catalogs, failure, sight, found, cleaner, excerpt)
            if not found.known_code and self._on_unknown_code is not None and failure.code is not None:
                self._on_unknown_code(UnknownCode(name, finding.code or "", ErrorInfo.of(finding)))
            found_all.append((finding, failure.item))
            if first:
                break
        return found_all

    def _transport_finding(self, observation: Observation, name: str, trace: list[str] | None) -> Finding:
        catalogs = self.catalogs
        exc = observation.exception
        if isinstance(exc, BaseException):
            rule = transports.rule_for(exc, catalogs, trace)
            kind, text = transports.class_names(type(exc))[0].removeprefix("builtins."), transports.text_of_exception(exc)
            told = f"{kind}: {text}" if text else kind
        else:
            told = str(exc)
            rule = transports.rule_for_text(told, catalogs, trace)
            kind = told.partition(":")[0].strip()
        found_by = MatchedBy.TRANSPORT if rule is not None else MatchedBy.NONE
        rule = rule or catalogs.space(name).unknown
        cleaner = Cleaner(None, observation.secrets, whole=False)
        return Finding(
            name,
            Channel.TRANSPORT,
            rule.category,
            None,
            rule.name,
            None,
            cleaner.text(told),
            rule.summary,
            rule.remedy,
            None,
            rule.fault,
            rule.advice(rule.outcome or Outcome.UNKNOWN, None),
            None,
            EMPTY_MAP,
            EMPTY_MAP,
            None,
            None,
            rule.id,
            found_by,
            fingerprint(name, None, f"exception:{rule.name or kind}"),
            None,
            catalogs.version,
        )


def excerpt(body: bytes, secrets: tuple[str, ...]) -> str | None:
    """What `ErrorInfo.body` has of a body: redacted, at most 4 KiB; None of an empty one."""
    document = read_document(body)
    window = excerpt_source(document, _EXCERPT_WINDOW)
    cleaner = Cleaner(window, secrets, whole=window is not None and len(window) < _EXCERPT_WINDOW)
    return _excerpt(window, document, cleaner)


def _excerpt(window: str | None, document: Document, cleaner: Cleaner) -> str | None:
    if not window:
        return None
    text = window
    seen = window[:_EXCERPT_CHECKED]
    if not cleaner.clean and (cleaner.secrets or "\\u" in seen or "&" in seen or suspicious(seen)):
        if document.kind == "json" and document.flaw is None:
            redacted = Document("json", redact_tree(document.value, cleaner.secrets, _EXCERPT_WINDOW))
            text = excerpt_source(redacted, _EXCERPT_WINDOW) or ""
        else:
            longest = max(map(len, cleaner.secrets), default=0)
            text = redact_bounded(plain(excerpt_source(document, 2 * (_EXCERPT_WINDOW + longest)) or ""), _EXCERPT_WINDOW, cleaner.secrets)
    if text.isascii():
        return text[:MAX_BODY_EXCERPT]
    return encodable(text).encode()[:MAX_BODY_EXCERPT].decode("utf-8", "ignore")


def failures_in(sight: Sight) -> Iterator[Failure]:
    """Every failure in what was seen, in document order, in the words of the vendor or of the layer in front of it."""
    for failure in adapter_for(sight.space.name).failures(sight):
        if failure.code is None and failure.channel == "response" and sight.headers and not failure.layer:
            failure.code = error_type_header(sight)
            failure.layer = failure.code is not None
        yield failure


def decide(failure: Failure, sight: Sight, catalogs: Catalogs, trace: list[str] | None = None) -> Match | None:
    """The rule for a failure; None for text without a status that no layer is known to send. `trace` is for people."""
    found = match(failure, sight, catalogs, trace)
    return None if failure.text is not None and not sight.failed and found.matched_by is MatchedBy.NONE else found


def ids_that_may_leave(ids: Mapping[str, str], cleaner: Cleaner) -> Mapping[str, str]:
    """The ids of a failure's job or object, redacted and bounded."""
    return {name: value if _is_plain_id(value, cleaner) else cleaner.text(value, _MAX_PARAM) or "" for name, value in ids.items()}


def _is_plain_id(text: str, cleaner: Cleaner) -> bool:
    """Whether a text is so surely an id that nothing in it needs to be redacted: only hex digits and dashes, as UUIDs have."""
    return not cleaner.secrets and 0 < len(text) <= MAX_CODE and not text.strip(_HEX)


def link_that_may_leave(doc_url: str | None, cleaner: Cleaner) -> str | None:
    """A link to the vendor's pages, redacted and bounded; None if it is none."""
    return cleaner.text(doc_url, MAX_TEXT) if doc_url is not None and doc_url.startswith(_WEB) else None


def finding_of(catalogs: Catalogs, failure: Failure, sight: Sight, found: Match, cleaner: Cleaner, excerpt: str | None) -> Finding:
    """A failure and its rule with every output value: redacted and bounded, with advice and fingerprint."""
    name = sight.space.name
    rule, matched_by, captured, _, field, verbatim = found
    channel = rule.channel or failure.channel
    headers = sight.headers
    message = failure.message
    if message is not None and not verbatim:
        message = cleaner.text(message)
    params: Mapping[str, str] = EMPTY_MAP
    if captured:
        params = FrozenMap({key: cleaner.text(value, _MAX_PARAM) or "" for key, value in captured.items()})
    resource: Mapping[str, str] = EMPTY_MAP
    if failure.resource:
        resource = FrozenMap(ids_that_may_leave(failure.resource, cleaner))
    code = failure.code
    if code is not None:
        if len(code) >= _SHORTEST_SECRET:
            code = cleaner.text(code, MAX_CODE) if not failure.layer else cleaner.foreign(code)
        if code is not None and not code.isascii():
            code = encodable(code)
    doc_url = link_that_may_leave(failure.doc_url, cleaner)
    detail = failure.detail
    if detail is not None:
        detail = cleaner.text(detail)
    param = failure.param or field or params.get("field")
    if param is not None:
        param = cleaner.text(param, _MAX_PARAM)
    after = request_id = None
    if headers:
        after = retry_after(headers)
        request_id = request_id_of(headers, sight.space, catalogs)
        if request_id is not None:
            request_id = cleaner.foreign(request_id)
    if request_id is None and failure.request_id is not None:
        request_id = cleaner.foreign(failure.request_id)
    if rule.category is Category.RATE_LIMIT and sight.observation.url is not None:
        endpoint = sight.endpoint()
        if endpoint is not None and endpoint.min_wait is not None:
            after = max(after or 0.0, endpoint.min_wait)
    outcome = _outcome(rule, channel, sight.status)
    print_ = None
    if verbatim and message is not None:
        print_ = rule.prints.get(code)
        if print_ is None:
            print_ = rule.prints[code] = fingerprint(name, code, skeleton(message, params))
    values = (
        name,
        _CHANNELS[channel],
        rule.category,
        code,
        rule.name,
        message,
        detail,
        rule.summary,
        rule.remedy,
        sight.observation.status,
        rule.fault,
        (after is None and rule.advices.get(outcome)) or rule.advice(outcome, after),
        param,
        params,
        resource,
        doc_url,
        request_id,
        rule.id,
        matched_by,
        print_ or fingerprint(name, code, _core(message, detail, code, params, failure, sight)),
        excerpt,
        catalogs.version,
    )
    return tuple.__new__(Finding, values)  # half the time of Finding(...), which calls a Python function


def _outcome(rule: Rule, channel: str, status: int | None) -> Outcome:
    if channel in _JOB_CHANNELS:
        return Outcome.ACCEPTED
    if rule.outcome is not None:
        return rule.outcome
    if status is not None and status >= 400:  # noqa: PLR2004
        return Outcome.REFUSED if status < 500 and status != 408 else Outcome.UNKNOWN  # noqa: PLR2004
    return Outcome.REFUSED if rule.fault in (Fault.CALLER, Fault.ACCOUNT) else Outcome.UNKNOWN


def _core(message: str | None, detail: str | None, code: str | None, params: Mapping[str, str], failure: Failure, sight: Sight) -> str:
    """What tells failures of one code apart: the message's skeleton, or what stands in for it."""
    if message is not None:
        return skeleton(message, params)
    if detail is not None:
        return skeleton(detail, params)
    if code is not None:
        return ""
    page = sight.document.title or failure.text
    if page:
        return f"status:{sight.status} {skeleton(page[:200], params)}"
    return f"status:{sight.status} {failure.shape or ''}"


def request_id_of(headers: Mapping[str, str], space: Space, catalogs: Catalogs) -> str | None:
    """The id that support asks for, as it was sent: the first of the known headers; None where there is none.

    Arguments:
        headers: with lower-case names.
        space: the catalog of the vendor that answered.
        catalogs: of the layers in front of it.
    """
    for header in (*space.request_id_headers, *catalogs.layer_request_id.get("headers", ())):
        found = headers.get(header)
        if found:
            return found.split("\n", 1)[0]
    return None


def path_of(url: str | None, secrets: tuple[str, ...] = ()) -> str | None:
    """The path of a URL, without host, query and credentials; None where there is no URL."""
    return None if url is None else redact_bounded(bare_path(url), MAX_TEXT, secrets)


def host_provider(catalogs: Catalogs, url: str | None) -> str | None:
    """The number space that a URL's host belongs to."""
    if url is None or "://" not in url:
        return None
    host = _HOST_END.split(url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2].partition(":")[0].lower().rstrip(".")
    for known, provider in catalogs.hosts.items():
        if host == known or host.endswith("." + known):
            return provider
    return None


default_normalizer: Final = Normalizer()
normalize = default_normalizer.normalize
normalize_all = default_normalizer.normalize_all
raise_for_error = default_normalizer.raise_for_error
explain = default_normalizer.explain
lookup = default_normalizer.lookup
