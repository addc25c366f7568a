"""What procedures need of a vendor's calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import time
from typing import Any, Final, TypedDict
from uuid import UUID

import attrs

from heify_heygen_errors.catalog import Space
from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call, Timeout
from heify_heygen_errors.client.engine import Core, found_out
from heify_heygen_errors.client.jobs.kinds import JobKind
from heify_heygen_errors.client.vendors import Vendor
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Channel, ErrorInfo
from heify_heygen_errors.normalizer import MAX_TEXT
from heify_heygen_errors.redaction import redact_bounded
from heify_heygen_errors.retry.policy import RetryPolicy


class JobOptions(TypedDict, total=False):
    """What goes for every call that a wait or an order makes; see `CallOptions`.

    Attributes:
        headers: with ``Authorization`` or ``X-Api-Key`` among them the client's key is not sent.
        timeout: seconds for connecting and between two bytes of an answer.
        retry: a policy for the single calls; False for no repeat of a call. A wait goes on all the same.
    """

    headers: Mapping[str, str] | None
    timeout: Timeout | None
    retry: RetryPolicy | bool | None


# Seconds: as a monotonic clock it would have run for 31 years.
_SINCE_1970: Final = 1_000_000_000.0


class Kept(dict[str, Any]):
    """Options that are kept for the calls of a procedure. The repr has the names alone: a header can be a credential."""

    def __repr__(self) -> str:
        return f"Kept({', '.join(self)})"


@attrs.frozen(kw_only=True, eq=False)
class Access:
    """A vendor as procedures call it.

    Attributes:
        core, vendor: as in `engine`.
        prepare: checks and encodes a call; see `VendorCalls`.
        deadline: seconds of a call unless another is asked for; None for no limit.
    """

    core: Core
    vendor: Vendor
    prepare: Callable[[str, str, Mapping[str, Any]], Call] = attrs.field(repr=False)
    deadline: float | None

    @property
    def provider(self) -> str:
        """Whose calls they are."""
        return self.vendor.facts.provider

    @property
    def space(self) -> Space:
        """What the catalogs know of the vendor."""
        return self.core.catalogs.space(self.provider)

    def call(self, method: str, path: str, options: Mapping[str, Any], within: float | None = None) -> Call:
        """A call that is ready, over within so many seconds at the latest.

        Raises:
            ValueError, TypeError: an option that cannot be meant.
        """
        options = Kept(options)  # local variables show in some tracebacks
        limits = [limit for limit in (self.deadline, within) if limit is not None]
        return self.prepare(method, path, {"deadline": min(limits, default=None), **options})

    def error(
        self,
        method: str,
        path: str,
        problem: Exception,
        kind: JobKind | None = None,
        job_id: str | None = None,
        *,
        behind: Exception | None = None,
    ) -> ApiError:
        """The error of something that the client found out about a job; its detail are the words of the problem.

        What stands behind the problem is only hung on it here: it would be taken for the reason.
        """
        error = found_out(self.core, self.vendor, method, path, problem)
        info = attrs.evolve(error.info, detail=redact_bounded(str(problem), MAX_TEXT))
        if kind is not None:
            info = attrs.evolve(info, channel=Channel.JOB)
        if kind is not None and job_id is not None:
            info = attrs.evolve(info, resource={kind.id_field: job_id})
        problem.__cause__ = behind
        error.__cause__ = problem
        return attach(error, info)

    @property
    def now(self) -> datetime:
        """The time of day. A clock of the user's that counts from 1970 tells it, too, such as that of tests."""
        seconds = self.core.clock()
        return datetime.fromtimestamp(seconds if seconds > _SINCE_1970 else time(), UTC)


def attach(error: ApiError, info: ErrorInfo) -> ApiError:
    """Give an error another info of the same category; pickles take it from the arguments."""
    error.info = info
    error.args = (info,)
    return error


def named(error: ApiError, kind: JobKind, job_id: str) -> ApiError:
    """The error with the id of its job in ``resource``, where the vendor's answer does not tell it."""
    info = error.info
    if kind.id_field in info.resource:
        return error
    return attach(error, attrs.evolve(info, resource={**info.resource, kind.id_field: job_id}))


def with_named_notices(answer: Answer, kind: JobKind, job_id: str) -> Answer:
    """The answer with the id of its job in the ``resource`` of what its notices tell of the job."""
    told = [notice.info for notice in answer.notices if notice.info is not None]
    if all(kind.id_field in info.resource for info in told):
        return answer
    notices = [
        notice
        if notice.info is None
        else attrs.evolve(notice, info=attrs.evolve(notice.info, resource={**notice.info.resource, kind.id_field: job_id}))
        for notice in answer.notices
    ]
    return attrs.evolve(answer, notices=tuple(notices))


def checked_id(kind: JobKind, job_id: object) -> str:
    """The id as text.

    Raises:
        TypeError: it is neither a text nor a UUID.
        ValueError: it is empty, or has blanks or line breaks, as ids from files and forms often have.
    """
    if not isinstance(job_id, str | UUID):
        msg = f"the id of a {kind.noun} is a text, not {type(job_id).__name__}"
        raise TypeError(msg)
    text = str(job_id)
    if text.startswith("{"):
        msg = "this is the JSON of a handle and no id: resume takes it, or JobHandle.from_json"
        raise ValueError(msg)
    leads_elsewhere = any(part in ("", ".", "..") for part in re.split(r"[/\\\\]", text))
    if leads_elsewhere or not text.isprintable() or any(sign.isspace() for sign in text):
        msg = f"{text[:80]!r} is no id of a {kind.noun}: strip ids that come from files or forms"
        raise ValueError(msg)
    return text
