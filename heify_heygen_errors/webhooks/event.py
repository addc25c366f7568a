"""What a webhook says, whichever vendor sent it and whatever proves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import attrs

from heify_heygen_errors.exceptions import printable
from heify_heygen_errors.model import EMPTY_MAP, ErrorInfo

_MOST_NAMES: Final = 512


class WebhookState(StrEnum):
    """What became of the job that an event speaks of."""

    COMPLETED = "completed"
    FAILED = "failed"
    OTHER = "other"


class WebhookProof(StrEnum):
    """What shows that an event is true: its signature, the vendor's own answer to a question, or nothing."""

    SIGNATURE = "signature"
    READ_BACK = "read_back"
    NONE = "none"


def _names(data: Mapping[str, Any]) -> str:
    """The members of the data without their values, which can be texts of users and signed URLs."""
    return "{" + printable(", ".join(map(str, data))[:_MOST_NAMES]) + "}"


@attrs.frozen(kw_only=True)
class WebhookEvent:
    """An event that a vendor posted. Its repr names the members of the data and not their values.

    Attributes:
        provider: ``heygen`` or ``heify``.
        type: HeyGen's event_type, verbatim: ``avatar_video.success``. None for a call of HeyGen's callback_url and for
            Heify, whose deliveries name no type: branch on `state`.
        id: HeyGen's event_id. Where the body has none it is taken from the header, which the signature does not cover.
        created: when it came about, in UTC: HeyGen's created_at, Heify's completed_at or failed_at; None if not said.
        data: HeyGen's event_data, or the data of its callback; Heify's body, and after a read-back the transcription, of a failed one
            its id and status.
        resource: ids of the job: ``video_id``, ``callback_id``, ``transcription_id`` and so on; redacted and bounded.
        state: what became of the job. `OTHER` for events that speak of no end, and for types that nobody knows yet.
        failure: why the job failed, with channel ``webhook``, after a read-back ``job``. None in other states.
        proof: what shows that it is true.
        key: what the replay guard knows it by. Made of what is signed: the event_id in the body, else the SHA-256 of the
            body; for Heify, which signs nothing, of transcription_id and state. Good for a unique column or as the id of
            a task in your queue. That of an unverified event is the sender's to choose.
    """

    provider: str
    type: str | None = None
    id: str | None = None
    created: datetime | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, repr=_names, hash=False)
    resource: Mapping[str, str] = EMPTY_MAP
    state: WebhookState = attrs.field(default=WebhookState.OTHER, converter=WebhookState)
    failure: ErrorInfo | None = attrs.field(default=None, repr=lambda failure: "None" if failure is None else failure.rule)
    proof: WebhookProof = attrs.field(default=WebhookProof.NONE, converter=WebhookProof)
    key: str = attrs.field(default="", repr=False)

    @property
    def is_verified(self) -> bool:
        """Whether anything shows that the vendor said it."""
        return self.proof is not WebhookProof.NONE

    @property
    def succeeded(self) -> bool:
        """Whether the job is done and has its result."""
        return self.state is WebhookState.COMPLETED
