"""What every test of the client needs."""

from __future__ import annotations

import os

import pytest

_SETTINGS = ("_API_KEY", "_PROXY", "_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without keys, proxies and authorities, whatever the machine has."""
    for name in list(os.environ):
        if name.upper().endswith(_SETTINGS):
            monkeypatch.delenv(name)
