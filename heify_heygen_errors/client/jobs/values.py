"""What users are told of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import ErrorInfo


@attrs.frozen(kw_only=True)
class JobProgress:
    """How a job is, after a look at it.

    Attributes:
        provider, kind, id: which job.
        state: the vendor's word in lower case, such as ``processing``; None where the look failed or told none.
        elapsed: seconds since the wait began, without those of your own functions.
        polls: looks so far.
        next_poll: seconds until the next look; None after the last one, and where several jobs are waited for.
        problem: why the look failed, or the job; None where neither did.
        data: the job as it was answered, without the vendor's envelope.
    """

    provider: str
    kind: str
    id: str
    state: str | None
    elapsed: float
    polls: int
    next_poll: float | None
    problem: ErrorInfo | None = None
    data: Any = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class JobEnd:
    """The end of one of several jobs: an answer, or an error.

    Attributes:
        id: which job.
        answer: as `wait` returns it; None after a failure.
        error: as `wait` raises it; None after success.
    """

    id: str
    answer: Answer | None = None
    error: ApiError | None = None

    def unwrap(self) -> Answer:
        """The answer.

        Raises:
            ApiError: the job failed, or did not end in time.
        """
        if self.error is not None:
            raise self.error
        if self.answer is None:
            msg = "an end has an answer or an error"
            raise ValueError(msg)
        return self.answer


@attrs.frozen(kw_only=True)
class JobFailure:
    """A job that failed, as a list of jobs tells it.

    Attributes:
        provider, kind, id: which job.
        info: why, with channel ``job`` and outcome ``accepted``.
        at: when it failed, aware; where the vendor does not say, None.
        created: when it was ordered, aware; None where the vendor does not say.
        data: the job as the list has it.
    """

    provider: str
    kind: str
    id: str
    info: ErrorInfo
    at: datetime | None
    created: datetime | None
    data: Any = attrs.field(default=None, repr=False)
