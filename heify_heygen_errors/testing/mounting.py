"""Lets clients keep the vendors' own addresses: requests to https://api.heygen.com go to the fake, and only those."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from heify_heygen_errors.testing.reception import HOSTS

if TYPE_CHECKING:
    import requests

_LIBRARIES: Final = ("httpx2", "httpx")


def mount(session: requests.Session, root: str) -> None:
    """Have a session of requests send what is for a vendor's host to the fake.

    Args:
        session: of requests.
        root: URL of the fake server.
    """
    for host in HOSTS:
        for prefix in (f"https://{host}/", f"https://{host}:443/", f"http://{host}/", f"http://{host}:80/"):
            session.mount(prefix, _adapter_class()(root, session.get_adapter(prefix)))


@cache
def _adapter_class() -> Any:
    import requests
    from requests.adapters import BaseAdapter

    class FakeAdapter(BaseAdapter):
        """Sends to the fake, through the adapter that the session had; the response keeps the vendor's URL and the request."""

        def __init__(self, root: str, inner: BaseAdapter) -> None:
            super().__init__()
            self._root = root
            self._inner = inner
            self.max_retries = getattr(inner, "max_retries", None)

        @property
        def poolmanager(self) -> Any:
            """The connections, for who looks after those; None where the adapter has no such thing."""
            return getattr(self._inner, "poolmanager", None)

        def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
            moved = request.copy()
            parts = urlsplit(request.url or "")
            moved.url = f"{self._root}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            moved.headers["Host"] = parts.netloc
            options["proxies"] = {}  # this machine is no business of a proxy
            try:
                response = self._inner.send(moved, *arguments, **options)
            except requests.RequestException as problem:
                problem.request = request
                raise
            response.url, response.request = request.url or "", request
            return response

        def close(self) -> None:
            self._inner.close()

    return FakeAdapter


def transport(root: str, library: str) -> Any:
    """A transport of httpx2 or httpx, sync and async, that sends what is for the vendors' hosts to the fake.

    Args:
        root: URL of the fake server.
        library: ``httpx2`` or ``httpx``.

    Raises:
        ValueError: another library.
        ModuleNotFoundError: the library is not installed.
    """
    if library not in _LIBRARIES:
        msg = f"there is no transport for {library!r}: use one of {', '.join(_LIBRARIES)}; for requests there is mount(session)"
        raise ValueError(msg)
    return _transport_class(library)(root)


@cache
def _transport_class(library: str) -> Any:
    httpx = import_module(library)

    class FakeTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        """Sends what is for the vendors' hosts to the fake, the rest where it belongs; the response keeps the vendor's URL."""

        def __init__(self, root: str) -> None:
            self._root = root
            self._sync = httpx.HTTPTransport()
            self._async = httpx.AsyncHTTPTransport()

        def handle_request(self, request: Any) -> Any:
            return self._sync.handle_request(self._moved(request))

        async def handle_async_request(self, request: Any) -> Any:
            return await self._async.handle_async_request(self._moved(request))

        def close(self) -> None:
            self._sync.close()

        async def aclose(self) -> None:
            await self._async.aclose()

        def _moved(self, request: Any) -> Any:
            if request.url.host.lower() not in HOSTS:
                return request
            return httpx.Request(
                request.method,
                self._root + request.url.raw_path.decode("ascii"),
                headers=request.headers,  # Host among them
                stream=request.stream,
                extensions=request.extensions,
            )

    return FakeTransport
