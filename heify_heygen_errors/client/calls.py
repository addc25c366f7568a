"""The calls of a vendor, the same for both clients: each gives what its client gives, an answer or an awaitable of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, NoReturn, TypeVar, Unpack, cast

import attrs

from heify_heygen_errors.catalog import Space
from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import BodyOptions, Call, CallOptions, Defaults, prepare
from heify_heygen_errors.client.engine import Core
from heify_heygen_errors.client.failures import PageRepeatedError
from heify_heygen_errors.client.vendors import Vendor, refuse_pickle
from heify_heygen_errors.retry.breaker import BreakerState
from heify_heygen_errors.retry.budget import BudgetState

R = TypeVar("R")


def forget(options: Mapping[str, Any]) -> None:
    """Empty the options of a call: credentials among them would otherwise stand in tracebacks that show local variables."""
    cast(dict[str, Any], options).clear()


class VendorCalls(ABC, Generic[R]):
    """One vendor of a client.

    Every call takes the options of `CallOptions`, those with a body also the ones of `BodyOptions`. The path is relative
    to the vendor's base URL, such as ``/v3/videos``.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults) -> None:
        self._vendor = vendor
        self._core = core
        self._defaults = defaults

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._vendor.base_url!r})"

    def __reduce__(self) -> NoReturn:
        refuse_pickle()

    @abstractmethod
    def _go(self, call: Call) -> R:
        """Runs a call."""

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._vendor.base_url

    @property
    def budget(self) -> BudgetState | None:
        """The retry budget at this moment: the client's own, or that of the vendor's host, which all clients of this process share."""
        budget = self._core.budget_of(self._vendor.facts.provider, self._vendor.host)
        return budget.state if budget is not None else None

    @property
    def breaker(self) -> BreakerState | None:
        """The circuit breaker at this moment; None where the client has none."""
        return self._core.breaker.state if self._core.breaker is not None else None

    @property
    def _space(self) -> Space:
        return self._core.catalogs.space(self._vendor.facts.provider)

    def _prepared(self, method: str, path: str, options: Mapping[str, Any]) -> Call:
        """A call that is checked and encoded.

        The options are emptied, and the frames of the preparation dropped; see `forget`.
        """
        try:
            return prepare(self._vendor, self._space, self._defaults, method, path, dict(options))
        except (ValueError, TypeError) as wrong:
            raise wrong.with_traceback(None) from None
        finally:
            forget(options)

    def request(self, method: str, path: str, **options: Unpack[BodyOptions]) -> R:
        """Call an endpoint.

        Arguments:
            method: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
            path: relative to the base URL; an absolute URL of the vendor will do.
            options: ``json``, ``data`` or ``files`` (see `BodyOptions`); ``params``, ``headers``, ``timeout``, ``deadline``,
                ``idempotency_key`` and ``retry`` (see `CallOptions`).

        Raises:
            ApiError: of the failure's category; also for a failed job or envelope inside HTTP 200.
            ValueError, TypeError: before anything is sent, for arguments that cannot be meant.
        """
        return self._go(self._prepared(method, path, options))

    def get(self, path: str, **options: Unpack[CallOptions]) -> R:
        """GET; see `request`."""
        return self._go(self._prepared("GET", path, options))

    def post(self, path: str, **options: Unpack[BodyOptions]) -> R:
        """POST; see `request`."""
        return self._go(self._prepared("POST", path, options))

    def put(self, path: str, **options: Unpack[BodyOptions]) -> R:
        """PUT; see `request`."""
        return self._go(self._prepared("PUT", path, options))

    def patch(self, path: str, **options: Unpack[BodyOptions]) -> R:
        """PATCH; see `request`."""
        return self._go(self._prepared("PATCH", path, options))

    def delete(self, path: str, **options: Unpack[BodyOptions]) -> R:
        """DELETE; see `request`."""
        return self._go(self._prepared("DELETE", path, options))


@attrs.define(eq=False, repr=False)
class PageWalk:
    """From page to page of a v3 list: the options of the next call, until there is none.

    HeyGen v3 answers ``{"data": [...], "has_more": bool, "next_token": str | null}`` to ``?limit=&token=``
    (vendor notes 2026-11).
    """

    _options: dict[str, Any]
    _token: str | None = attrs.field(default=None, init=False)
    _seen: set[str] = attrs.field(factory=set, init=False)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PageWalk:
        """A walk that begins at the page that the options name. It takes them out of the mapping; see `forget`."""
        walk = cls(dict(options))
        forget(options)
        return walk

    def options(self) -> dict[str, Any]:
        """The options of the call for the next page."""
        if self._token is None:
            return dict(self._options)
        return {**self._options, "params": {**(self._options.get("params") or {}), "token": self._token}}

    def go_on(self, answer: Answer) -> bool | PageRepeatedError:
        """Take note of a page.

        Returns:
            Whether there is another one; what is wrong where the list cannot be followed to its end. Not raised, since the
            frame of this function has the page among its local variables.
        """
        body = answer.body
        if isinstance(body, Mapping) and "has_more" not in body:  # batches have it beside their items
            body = answer.data
        if not isinstance(body, Mapping) or not body.get("has_more"):
            return False
        token = body.get("next_token")
        if not isinstance(token, str) or not token:
            return PageRepeatedError(token=False)
        if token in self._seen:
            return PageRepeatedError(token=True)
        self._seen.add(token)
        self._token = token
        return True


def items_of(answer: Answer) -> list[Any]:
    """The items of a page: its data, or the only list in it.

    Raises:
        TypeError: the endpoint is no list.
    """
    data = answer.data
    if isinstance(data, list):
        return data
    lists = {name: value for name, value in data.items() if isinstance(value, list)} if isinstance(data, Mapping) else {}
    if len(lists) != 1:
        holds = f"{len(lists)} ({', '.join(map(str, lists))})" if lists else "none"
        msg = f"iterate is for endpoints that answer with one list, and this answer holds {holds}: use get or pages"
        raise TypeError(msg)
    return list(*lists.values())
