"""What goes wrong on the client's side of a call: raised inside, and normalized like the exceptions of HTTP libraries.

Their rules stand in ``data/transport.yaml`` by the full names of these classes. Users meet them as the `ApiError` of
the rule's category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heify_heygen_errors.client.wire import Received


class ClientFailureError(Exception):
    """Something that the client found out by itself.

    Attributes:
        sent: whether the request may have reached the vendor; None to go by the rule.
        after: seconds to wait before another try; None where that does not matter.
        answer: the answer in which it was found; None where none came.
    """

    sent: bool | None = None
    after: float | None = None
    answer: Received | None = None


class DeadlineExceededError(ClientFailureError):
    """The deadline of the call passed.

    Arguments:
        sent: whether any byte of the request had been sent.
    """

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the deadline of the call passed " + ("before the answer was complete" if sent else "before the request was sent"))
        self.sent = sent


class AnswerIncompleteError(ClientFailureError):
    """The connection broke while the answer was coming in."""

    def __init__(self) -> None:
        super().__init__("the connection broke behind the head of the answer")


class AnswerTooLargeError(ClientFailureError):
    """The body of the answer is larger, after decompression, than the client takes.

    Arguments:
        limit: bytes that it takes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit} bytes after decompression")


class AnswerUnreadableError(ClientFailureError):
    """An answer of success whose body is not the JSON that it should be.

    Arguments:
        kind: what it is instead.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"the answer should be JSON and is {kind}")


class RedirectRefusedError(ClientFailureError):
    """The answer sends the client elsewhere, where it does not go: to another host, or with a request that would change.

    Arguments:
        where: scheme and host of the target.
    """

    def __init__(self, where: str) -> None:
        super().__init__(f"a redirect to {where} was not followed")


class TooManyRedirectsError(ClientFailureError):
    """The vendor redirected more often than the client follows."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} redirects")


class KeyMissingError(ClientFailureError):
    """No API key is known for the vendor.

    Arguments:
        argument: the client's argument for it.
        variable: the environment variable for it.
    """

    def __init__(self, argument: str, variable: str) -> None:
        super().__init__(f"no API key: pass the argument {argument} or set {variable}")


class PageRepeatedError(ClientFailureError):
    """A list cannot be followed to its end: it gives a page token for the second time, or none where it says that there is more."""

    def __init__(self, *, token: bool) -> None:
        super().__init__("the list gave a page token for the second time" if token else "the list has more pages and gave no token")


class ClientClosedError(ClientFailureError):
    """The client was closed before the call."""

    sent = False

    def __init__(self) -> None:
        super().__init__("this client was closed")


class WrongLoopError(ClientFailureError):
    """An asynchronous client is in use by another event loop."""

    sent = False

    def __init__(self) -> None:
        super().__init__("this client is in use by another event loop: make one client for each loop")
