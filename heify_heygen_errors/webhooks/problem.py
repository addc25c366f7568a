"""What can be wrong with a webhook: one exception for all of it, and a closed list of reasons."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class WebhookProblem(StrEnum):
    """Why a delivery is not accepted."""

    MISSING_SIGNATURE = "missing_signature"
    WRONG_SIGNATURE = "wrong_signature"
    MISSING_TIMESTAMP = "missing_timestamp"
    WRONG_TIMESTAMP = "wrong_timestamp"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    REPLAYED = "replayed"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_JOB = "unknown_job"

    @property
    def http_status(self) -> int:
        """The HTTP status to answer the delivery with.

        401 where nothing proves who sent it, 413 and 400 where it cannot be used, and 200 for a replay: the event was
        taken, so that the vendor need not send it again.
        """
        return _SAID[self][0]

    @property
    def message(self) -> str:
        """What happened and what to do, one sentence."""
        return _SAID[self][1]


_SAID: Final[dict[WebhookProblem, tuple[int, str]]] = {
    WebhookProblem.MISSING_SIGNATURE: (
        401,
        (
            "the delivery has no signature: pass the headers of the request, see that no proxy drops the signature, and name"
            " its header in signature_headers if the vendor has renamed it"
        ),
    ),
    WebhookProblem.WRONG_SIGNATURE: (
        401,
        (
            "none of the secrets made the signature of these bytes: pass the body exactly as it arrived, with the secret of this"
            " very endpoint, after a rotation the old and the new one"
        ),
    ),
    WebhookProblem.MISSING_TIMESTAMP: (
        401,
        (
            "the delivery has no timestamp: see that no proxy drops it, name its header in timestamp_headers, or pass"
            " require_timestamp=False if the vendor sends none"
        ),
    ),
    WebhookProblem.WRONG_TIMESTAMP: (
        401,
        (
            "the timestamp of the delivery is no time in seconds or milliseconds since 1970: name its header in timestamp_headers,"
            " or switch the check off with tolerance=None"
        ),
    ),
    WebhookProblem.TOO_OLD: (
        401,
        "the delivery was signed too long ago: it waited on its way, is a replay, or the clock of this machine is fast",
    ),
    WebhookProblem.TOO_NEW: (
        401,
        "the delivery was signed in the future: set the clock of this machine, which is slow",
    ),
    WebhookProblem.REPLAYED: (
        200,
        "this event was accepted before: answer with success, so that the vendor does not send it again, and do nothing",
    ),
    WebhookProblem.TOO_LARGE: (
        413,
        "the body is larger than is read: pass a larger max_body if the vendor sends such events",
    ),
    WebhookProblem.UNREADABLE: (
        400,
        "the body is not JSON in UTF-8: pass it as it arrived, whole and decompressed",
    ),
    WebhookProblem.NOT_AN_EVENT: (
        400,
        "the body is JSON and no event of this vendor: see that the address is given to this vendor alone",
    ),
    WebhookProblem.UNKNOWN_JOB: (
        400,
        "the vendor does not know the job that the delivery speaks of: it is forged, was deleted, or belongs to another account",
    ),
}


class WebhookError(Exception):
    """Whatever is wrong with a delivery; the one exception that the verifier and the parser raise for it.

    Its text says what to do. Nothing of the delivery is in it: no body, header, digest or secret. Picklable.

    Arguments:
        problem: why the delivery is not accepted.
        message: in place of the problem's own.

    Attributes:
        problem: why the delivery is not accepted.
    """

    def __init__(self, problem: WebhookProblem, message: str | None = None) -> None:
        self.problem = WebhookProblem(problem)
        super().__init__(self.problem, message or self.problem.message)

    def __str__(self) -> str:
        return f"{self.problem}: {self.args[1]}"

    @property
    def http_status(self) -> int:
        """The HTTP status to answer the delivery with; see `WebhookProblem.http_status`."""
        return self.problem.http_status
