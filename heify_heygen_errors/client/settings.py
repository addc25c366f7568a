"""What both clients are told, checked and put together."""

from __future__ import annotations

import inspect
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import attrs

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client.call import Defaults, Timeout, checked_deadline, chosen_policy, timeouts
from heify_heygen_errors.client.engine import Core
from heify_heygen_errors.client.vendors import HEIFY, HEYGEN, LIVEAVATAR, Vendor, VendorFacts
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.retry.breaker import BreakerPolicy, CircuitBreaker
from heify_heygen_errors.retry.budget import RetryBudget
from heify_heygen_errors.retry.events import Hook, Listeners
from heify_heygen_errors.retry.limiter import Limiter
from heify_heygen_errors.retry.policy import RetryPolicy

TIMEOUT: Final = (5.0, 60.0)
"""Seconds for connecting and between two bytes of an answer. Heify's gateway gives up after 29 seconds."""

DEADLINE: Final = 180.0
"""Seconds for a whole call, retries and waits included."""

# Both clients know all three; of the HTTP libraries each knows some of them.
_AUTHORITIES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_PROXIED: Final = ("https", "http", "all")

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer's body, after decompression, that are read at most."""


@attrs.define(kw_only=True, eq=False)
class Settings:
    """What a client is told beside keys, URLs and its session. Fields are the arguments of `Client`."""

    timeout: Timeout = TIMEOUT
    deadline: float | None = DEADLINE
    retry: RetryPolicy | bool = True
    hooks: Hook | Iterable[Hook] | None = None
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random
    catalogs: Catalogs | None = None
    budget: RetryBudget | Literal["shared"] | None = "shared"
    breaker: BreakerPolicy | None = None
    limiter: Limiter | None = None
    max_answer: int = MAX_ANSWER
    _listeners: Listeners = attrs.field(init=False)
    _normalizer: Normalizer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.max_answer, bool) or not isinstance(self.max_answer, int) or self.max_answer <= 0:
            msg = f"max_answer is a whole number of bytes above 0, not {self.max_answer!r}"
            raise ValueError(msg)
        for name, kind in (("catalogs", Catalogs), ("budget", RetryBudget), ("breaker", BreakerPolicy), ("limiter", Limiter)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind) and (name, value) != ("budget", "shared"):
                or_shared = ", 'shared'" if name == "budget" else ""
                msg = f"{name} is a {kind.__name__}{or_shared} or None, not {value!r}"
                raise TypeError(msg)
        for name in ("clock", "draw"):
            if not callable(getattr(self, name)):
                msg = f"{name} is a function without arguments that gives a number, not {getattr(self, name)!r}"
                raise TypeError(msg)
        self._listeners = Listeners(self.hooks)
        self._normalizer = Normalizer(self.catalogs, self._listeners.tell)

    def defaults(self) -> Defaults:
        """What holds for each call that says nothing else.

        Raises:
            ValueError, TypeError: a number or policy that cannot be meant.
        """
        connect, read = timeouts(self.timeout)
        return Defaults(
            connect=connect, read=read, deadline=checked_deadline(self.deadline), policy=chosen_policy(self.retry, RetryPolicy())
        )

    def lines(self, keys: Keys, base_urls: Mapping[str, str | None]) -> dict[str, tuple[Vendor, Core, Defaults]]:
        """What the calls to each provider are made of.

        Raises:
            ValueError, TypeError: a key, URL, number or policy that cannot be meant.
        """
        found = vendors(keys, base_urls)
        defaults = self.defaults()
        return {name: (vendor, self.core(vendor), defaults) for name, vendor in found.items()}

    def core(self, vendor: Vendor) -> Core:
        """What the calls to one vendor share."""
        provider = vendor.facts.provider
        # Read now, so that no call waits for it under its deadline.
        _ = self._normalizer.catalogs.space(provider), self._normalizer.catalogs.transport
        breaker = None
        if self.breaker is not None:
            breaker = CircuitBreaker(provider, self.breaker, clock=self.clock, on_change=self._listeners.tell)
        return Core(
            normalizer=self._normalizer,
            listeners=self._listeners,
            budget=self.budget,
            breaker=breaker,
            limiter=self.limiter,
            clock=self.clock,
            draw=self.draw,
            limit=self.max_answer,
        )


def checked_verify(verify: object) -> bool | str:
    """Whether certificates are checked, or the path of the authorities to check them by: that of the environment for True.

    Raises:
        TypeError, ValueError: it is neither a bool nor the path of something that exists.
    """
    name = "verify"
    if verify is True:
        name = next((variable for variable in _AUTHORITIES if os.environ.get(variable)), "")
        if not name:
            return True
        verify = os.environ[name]
    if verify is False:
        return False
    if not isinstance(verify, str | os.PathLike):
        msg = f"verify is True, False or the path of a file with certificate authorities, not {verify!r}"
        raise TypeError(msg)
    path = os.fspath(verify)
    if not isinstance(path, str) or not path or not Path(path).exists():
        msg = f"{name} is the path of a file with certificate authorities, and there is none at {path!r}"
        raise ValueError(msg)
    return path


def checked_proxies(proxies: object) -> dict[str, str] | None:
    """URLs of proxies by the scheme of the requests that go through them.

    Raises:
        TypeError, ValueError: it is no mapping of these.
    """
    if proxies is None:
        return None
    if not isinstance(proxies, Mapping):
        msg = f"proxies is a mapping such as {{'https': 'http://proxy:3128'}}, not {type(proxies).__name__}"
        raise TypeError(msg)
    for scheme, url in proxies.items():
        if scheme not in _PROXIED:
            msg = f"proxies is by {', '.join(_PROXIED)}, not {scheme!r}"
            raise ValueError(msg)
        if not _is_proxy(url):
            msg = f"the proxy for {scheme} is a URL with scheme and host, such as http://proxy:3128"
            raise ValueError(msg)
    return dict(proxies)


def _is_proxy(url: object) -> bool:
    if not isinstance(url, str) or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "socks5", "socks5h") and bool(parts.hostname)


def checked_sleep(sleep: object, *, awaited: bool) -> None:
    """Raises TypeError for a sleep of the other kind of client."""
    other = sleep is time.sleep if awaited else inspect.iscoroutinefunction(sleep)
    if sleep is not None and (not callable(sleep) or other):
        kind = "a coroutine function, such as asyncio.sleep" if awaited else "a plain function, such as time.sleep"
        msg = f"sleep is {kind}, not {sleep!r}"
        raise TypeError(msg)


class Keys:
    """The keys that a client was given, by provider. They do not show in a repr."""

    __slots__ = ("_by_provider",)

    def __init__(self, **by_provider: str | None) -> None:
        self._by_provider = by_provider

    def __repr__(self) -> str:
        return "[redacted]"

    def of(self, provider: str) -> str | None:
        """The key of a provider."""
        return self._by_provider[provider]


def vendors(keys: Keys, base_urls: Mapping[str, str | None]) -> dict[str, Vendor]:
    """The three vendors with their keys and URLs.

    Raises:
        ValueError, TypeError: see `Vendor.of`. Without the frames that have a key among their local variables.
    """
    facts: tuple[VendorFacts, ...] = (HEYGEN, LIVEAVATAR, HEIFY)
    try:
        return {one.provider: Vendor.of(one, base_urls[one.provider], keys.of(one.provider)) for one in facts}
    except (ValueError, TypeError) as wrong:
        raise wrong.with_traceback(None) from None


def shown(client: object) -> str:
    """The repr of a client, also of one that is not finished."""
    parts = [repr(vars(client)[name]) for name in (one.provider for one in (HEYGEN, LIVEAVATAR, HEIFY)) if name in vars(client)]
    return f"{type(client).__name__}({', '.join(parts)})"
