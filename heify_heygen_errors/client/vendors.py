"""Where the vendors are and how a key is sent to them."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from typing import Final, NoReturn
from urllib.parse import urlsplit

import attrs


def refuse_pickle() -> NoReturn:
    """Raises TypeError: what has API keys and connections is neither pickled nor copied."""
    msg = "a client has API keys and connections, and is neither pickled nor copied: make one in each process"
    raise TypeError(msg)


_VERSION = re.compile(r"/v[0-9]+$")


class Secret:
    """A credential that does not show in a repr, and is not copied into a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself."""
        return self._value

    def __repr__(self) -> str:
        return "[redacted]"

    def __reduce__(self) -> NoReturn:
        refuse_pickle()


@attrs.frozen(kw_only=True)
class VendorFacts:
    """What is fixed for a vendor (vendor notes 2026-11).

    Attributes:
        provider: its number space.
        base_url: of its API.
        also: other hosts of its API, reached by absolute URLs.
        argument: of the client, for the key.
        variable: of the environment, for the key.
        header: that the key is sent in.
        empty_body: sent with a POST that has no body.
    """

    provider: str
    base_url: str
    also: tuple[str, ...] = ()
    argument: str
    variable: str
    header: str
    empty_body: bytes | None = None


HEYGEN: Final = VendorFacts(
    provider="heygen",
    base_url="https://api.heygen.com",
    also=("upload.heygen.com",),
    argument="heygen_api_key",
    variable="HEYGEN_API_KEY",
    header="X-Api-Key",
)
LIVEAVATAR: Final = VendorFacts(
    provider="liveavatar",
    base_url="https://api.liveavatar.com",
    argument="liveavatar_api_key",
    variable="LIVEAVATAR_API_KEY",
    header="X-API-KEY",
)
HEIFY: Final = VendorFacts(
    provider="heify",
    base_url="https://api.heify.com",
    argument="heify_api_key",
    variable="HEIFY_API_KEY",
    header="x-api-key",
    empty_body=b"{}",  # Heify wants a JSON object with every POST
)

_SHORTEST_SECRET: Final = 8


@attrs.frozen(kw_only=True)
class Vendor:
    """A vendor as one client calls it: facts, base URL and key."""

    facts: VendorFacts
    base_url: str
    origin: str
    prefix: str
    host: str
    _key: Secret | None = attrs.field(alias="key")

    @classmethod
    def of(cls, facts: VendorFacts, base_url: str | None, key: str | None) -> Vendor:
        """The vendor at a base URL.

        Raises:
            ValueError: the base URL is none, carries credentials or a query, or is plain http to another machine;
                or the key has characters that no header may have.
        """
        argument = f"{facts.provider}_base_url"
        if base_url is not None and not isinstance(base_url, str):
            msg = f"{argument} is a text such as {facts.base_url!r}, not {type(base_url).__name__}"
            raise TypeError(msg)
        url = (base_url if base_url is not None else facts.base_url).strip().rstrip("/")
        try:
            parts = urlsplit(url)
            origin = origin_of(url)
        except ValueError as problem:
            msg = f"{argument} is a URL such as {facts.base_url}, not {url!r}: {problem}"
            raise ValueError(msg) from None
        strange = not (url.isascii() and url.isprintable()) or any(sign in url for sign in " \\?#%") or ".." in parts.path.split("/")
        if "@" in parts.netloc:
            msg = f"{argument} has scheme, host, port and path only, and no user"
            raise ValueError(msg)
        if parts.scheme not in ("https", "http") or not parts.hostname or strange:
            msg = f"{argument} is a URL such as {facts.base_url}, with scheme, host, port and path only, not {url!r}"
            raise ValueError(msg)
        version = _VERSION.search(parts.path)
        if version is not None:
            msg = f"{argument} goes without the version, which belongs to the path of each call: leave {version[0]!r} out"
            raise ValueError(msg)
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            msg = f"{argument} sends the API key over plain http to {parts.hostname}: use https (http is for this machine only)"
            raise ValueError(msg)
        return cls(
            facts=facts,
            base_url=url,
            origin=origin,
            prefix=parts.path,
            host=parts.netloc.lower(),
            key=checked_key(key, facts.argument) if key is not None else None,
        )

    @property
    def key(self) -> Secret | None:
        """The key, from the environment where none was given; None where there is none."""
        if self._key is not None:
            return self._key
        found = os.environ.get(self.facts.variable)
        return checked_key(found, self.facts.variable) if found else None

    @property
    def is_own(self) -> bool:
        """Whether the vendor itself is called, and no stand-in."""
        return self.base_url == self.facts.base_url


def checked_key(value: str, name: str) -> Secret | None:
    """A key without the blanks around it, None where nothing is left.

    Raises:
        ValueError: it has characters that no header may have; does not quote it.
        TypeError: it is no text.
    """
    if not isinstance(value, str):
        msg = f"{name} is a text, not {type(value).__name__}"
        raise TypeError(msg)
    key = value.strip()
    if not (key.isascii() and key.isprintable()):
        msg = f"the key in {name} has characters that no API key has (a line break, or one outside ASCII): copy it anew"
        raise ValueError(msg)
    return Secret(key) if key else None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_PORTS: Final = {"https": 443, "http": 80}


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL: where a key may go.

    Raises:
        ValueError: the URL has a port that is none.
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"


def long_enough(secret: str) -> bool:
    """Whether a credential is long enough to be looked for in texts."""
    return len(secret) >= _SHORTEST_SECRET
