"""What goes over the network: a request that is ready, and the answer as bytes. Values only.

The two wires (`requests_wire`, `httpx2_wire`) turn the one into the other; everything else is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from heify_heygen_errors.client.streaming import StreamedBody


@attrs.frozen(kw_only=True)
class Outgoing:
    """A request that is ready to be sent once.

    Attributes:
        method: in upper case.
        url: absolute and encoded.
        headers: all of them, the key included, and therefore not in the repr.
        body: the bytes, or where they are read from while they are sent; None for none.
        connect: seconds for the connection to stand, TLS included.
        read: seconds between two bytes of the answer, and until its first.
        total: seconds until the answer must be complete; None for no limit.
        limit: bytes of the body, after decompression, that are read at most.
        is_exact: whether nothing of a session of the user's may be added: no headers, credentials, parameters or cookies.
    """

    method: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | StreamedBody | None = attrs.field(default=None, repr=False)
    connect: float
    read: float
    total: float | None
    limit: int
    is_exact: bool = False


@attrs.frozen(kw_only=True)
class Received:
    """An answer, complete.

    Attributes:
        status: the HTTP status.
        headers: lower-case names; values of a repeated name are joined by a newline.
        body: the bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
