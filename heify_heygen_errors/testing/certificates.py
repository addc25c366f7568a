"""TLS certificates for the fake server: a good one, and three that a client must refuse. Made by trustme when asked for."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    import trustme

Kind: TypeAlias = Literal["valid", "self_signed", "wrong_host", "expired"]
"""What is wrong with a certificate, if anything."""

KINDS: Final[tuple[Kind, ...]] = ("valid", "self_signed", "wrong_host", "expired")


class Authority:
    """A certificate authority of one server."""

    def __init__(self) -> None:
        import trustme

        self._trustme = trustme
        self._authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory(prefix="hhe-fake-ca-")
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)

    def context(self, kind: Kind) -> ssl.SSLContext:
        """The server's side of TLS with a certificate of this kind."""
        if kind not in KINDS:
            msg = f"there is no certificate {kind!r}: use one of {', '.join(KINDS)}"
            raise ValueError(msg)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificate(kind).configure_cert(context)
        return context

    def _certificate(self, kind: Kind) -> trustme.LeafCert:
        if kind == "self_signed":  # by an authority that nobody trusts, which is what clients call it
            return self._trustme.CA().issue_cert("127.0.0.1", "localhost")
        if kind == "wrong_host":
            return self._authority.issue_cert("elsewhere.example")
        if kind == "expired":
            past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
            return self._authority.issue_cert("127.0.0.1", "localhost", not_after=past, not_before=past - dt.timedelta(days=30))
        return self._authority.issue_cert("127.0.0.1", "localhost")

    def remove(self) -> None:
        """Remove the file."""
        self._folder.cleanup()
