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


class JobNotEndedError(ClientFailureError):
    """A job had not ended when the time for waiting was over.

    Arguments:
        noun, job_id: which job.
        state: the last that was seen of it; None where it told none.
        seconds: that were waited.
        asked: seconds of a pause that the vendor asked for last, where that ended the wait.
    """

    def __init__(self, noun: str, job_id: str, state: str | None, seconds: float, *, asked: float | None = None) -> None:
        seen = f"was still {state!r}" if state is not None else "told no state"
        super().__init__(f"the {noun} {job_id} {seen} after {seconds:.6g} s{_pause(asked)}")


class JobNeverReadError(ClientFailureError):
    """No look at a job succeeded in the time for waiting.

    Arguments:
        noun, job_id: which job.
        why: the last look failed.
        seconds: that were waited.
        asked: seconds of a pause that the vendor asked for last, where that ended the wait.
    """

    def __init__(self, noun: str, job_id: str, why: str, seconds: float, *, asked: float | None = None) -> None:
        super().__init__(f"the {noun} {job_id} could not be read in {seconds:.6g} s{_pause(asked)}; the last time: {why}")


def _pause(asked: float | None) -> str:
    return f", and the vendor asks for a pause of {asked:.6g} s" if asked is not None else ""


class UploadIncompleteError(ClientFailureError):
    """The storage answered with a success before it had the file: whoever answered does not keep it."""

    sent = True

    def __init__(self) -> None:
        super().__init__("the answer says that the file has come, before all of it was sent")


class JobNeedsActionError(ClientFailureError):
    """A job does not go on before a person has done something.

    Arguments:
        noun, job_id, state: which job, and how it is.
        needs: what is to be done.
    """

    def __init__(self, noun: str, job_id: str, state: str, needs: str) -> None:
        super().__init__(f"the {noun} {job_id} is {state!r}: {needs}")


class JobUnnamedError(ClientFailureError):
    """The answer to an order is a success and names no job.

    Arguments:
        noun: what was ordered.
    """

    sent = True

    def __init__(self, noun: str) -> None:
        super().__init__(f"the answer names no {noun}")


class ListIncompleteError(ClientFailureError):
    """A list of jobs does not have all of them.

    Arguments:
        noun: what is listed.
        why: something is missing.
    """

    def __init__(self, noun: str, why: str) -> None:
        super().__init__(f"jobs are missing in the list of {noun}s: {why}")


class NotResumableError(ClientFailureError):
    """Nobody knows whether an order reached the vendor, and sending it again could pay twice.

    Arguments:
        why: it cannot be found out.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the order cannot be resumed: {why}")


class UploadUrlRefusedError(ClientFailureError):
    """The address that the vendor gave for an upload is none that a file should go to. Does not quote it: it is a credential.

    Arguments:
        why: it is not used.
    """

    sent = False

    def __init__(self, why: str) -> None:
        super().__init__(f"the upload URL that the vendor sent cannot be used: {why}")


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
