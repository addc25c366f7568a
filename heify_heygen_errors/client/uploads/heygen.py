"""Uploading assets of any size to HeyGen. Performs no I/O: a procedure.

A direct upload has three steps: POST /v3/assets/direct-uploads names an asset and a URL, PUT brings the file, and
POST /v3/assets/{asset_id}/complete makes an asset of it (vendor notes 2026-11, HeyGen section c). Until the last one nothing
has begun, so that every step may be repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.engine import Pause
from heify_heygen_errors.client.failures import JobUnnamedError, UploadUrlRefusedError
from heify_heygen_errors.client.jobs.access import Access, Kept
from heify_heygen_errors.client.procedure import Aside, Procedure
from heify_heygen_errors.client.streaming import BodyBrokenOffError, StreamedBody
from heify_heygen_errors.client.uploads.storage import (
    MARGIN,
    MOST_RENEWALS,
    PollingPolicy,
    Sending,
    Slot,
    Time,
    slot_in,
    wants_renewal,
    with_resource,
)
from heify_heygen_errors.exceptions import ApiError

PATH: Final = "/v3/assets/direct-uploads"

_URL_LASTS: Final = 3600.0
_LONGEST_LIFE: Final = 7 * 24 * 3600.0
_LONGEST_KEY: Final = 250
# Of the options of a call, those of the order alone.
_OF_THE_ORDER: Final = frozenset({"params", "idempotency_key"})


@attrs.frozen(kw_only=True)
class AssetOrder:
    """What is uploaded.

    Attributes:
        body: the file.
        name, content_type: of the file.
        deadline: seconds for all of it; None for no limit.
        options: of the calls; see `CallOptions`.
    """

    body: StreamedBody
    name: str
    content_type: str
    deadline: float | None
    options: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class _Place:
    """An asset that waits for its file, where that goes, and the call that it is from."""

    slot: Slot
    asset_id: str
    call: Call


def upload_directly(access: Access, order: AssetOrder, whole: Digest) -> Procedure[Answer]:
    """Upload a file of any size, and complete it.

    Arguments:
        access: HeyGen's calls.
        order: what is uploaded.
        whole: the bytes of the file, whose digest is not known yet.

    Raises:
        ApiError: a step was refused, or the file did not appear in time.
        Exception: of the file, and of the callback for progress.
    """
    time = Time(access.core.clock, order.deadline)
    yield Aside(whole.count)
    sending = Sending(access, order.body, "idempotent")
    renewals = 0
    place = yield from _place(access, order, whole, time, renewals)
    while True:
        if time.now < place.slot.ends or renewals == MOST_RENEWALS:
            error = yield from sending.send(place.call, place.slot, {"asset_id": place.asset_id}, time.left)
            if error is None:
                break
            if not (sending.is_too_old or wants_renewal(error.info)) or renewals == MOST_RENEWALS:
                raise error
            if sending.wait:
                yield Pause(sending.wait)
        renewals += 1
        place = yield from _place(access, order, whole, time, renewals)
    return (yield from _completed(access, order, whole, time, place.asset_id))


def _place(access: Access, order: AssetOrder, whole: Digest, time: Time, renewals: int) -> Procedure[_Place]:
    """Ask for a new asset and the URL for its file."""
    options = time.within(order.options)
    key = options.get("idempotency_key")
    if key is not None and renewals:  # the same one would be answered with the same URL
        options["idempotency_key"] = f"{str(key)[:_LONGEST_KEY]}.{renewals}"
    asked = {
        "filename": order.name,
        "content_type": order.content_type,
        "size_bytes": order.body.size,
        "checksum_sha256": whole.sha256,
    }
    call = access.prepare("POST", PATH, {**options, "json": asked})
    begun = time.now
    answer: Answer = yield call
    asset_id, slot = _slot_in(answer, begun)
    if not isinstance(asset_id, str) or not asset_id:
        raise _with_history(access.error("POST", PATH, JobUnnamedError("asset")), call, answer)
    if isinstance(slot, str):
        error = with_resource(access.error("POST", PATH, UploadUrlRefusedError(slot)), {"asset_id": asset_id})
        raise _with_history(error, call, answer)
    return _Place(slot=slot, asset_id=asset_id, call=call)


def _slot_in(answer: Answer, begun: float) -> tuple[object, Slot | str]:
    """The id and the place, read in a frame of its own, which raises nothing: the URL is among its local variables."""
    data = answer.data if isinstance(answer.data, Mapping) else {}
    return data.get("asset_id"), slot_in(data, _headers_in(data), _end_of_life(begun, data))


def _with_history(error: ApiError, call: Call, answer: Answer) -> ApiError:
    error.attempts, error.idempotency_key = answer.attempts, call.idempotency_key
    return error


def _headers_in(data: Mapping[str, Any]) -> dict[str, str]:
    headers = data.get("upload_headers")
    if not isinstance(headers, Mapping):
        return {}
    return {str(name): str(value) for name, value in headers.items() if isinstance(value, str | int) and not isinstance(value, bool)}


def _end_of_life(begun: float, data: Mapping[str, Any]) -> float:
    seconds = data.get("expires_in_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST_LIFE:
        seconds = _URL_LASTS
    return begun + max(seconds - MARGIN, seconds / 2)


def _completed(access: Access, order: AssetOrder, whole: Digest, time: Time, asset_id: str) -> Procedure[Answer]:
    """Declare the file complete. That the storage does not show it yet is waited out by the call itself."""
    options = Kept({name: value for name, value in order.options.items() if name not in _OF_THE_ORDER})
    path = f"/v3/assets/{quote(asset_id, safe='')}/complete"
    try:
        call = access.prepare("POST", path, {**time.within(options), "json": {"checksum_sha256": whole.sha256}})
        answer: Answer = yield attrs.evolve(call, policy=PollingPolicy(wrapped=call.policy))
    except ApiError as error:
        raise with_resource(error, {"asset_id": asset_id}) from error.__cause__
    return answer


class Digest:
    """The SHA-256 of a file, which is read once for it.

    Attributes:
        sha256: in hex; empty before `count`.
    """

    def __init__(self, body: StreamedBody) -> None:
        self.sha256 = ""
        self._body = body

    def count(self) -> None:
        """Read the file.

        Raises:
            OSError, ValueError: it cannot be read, or it changed.
        """
        whole = hashlib.sha256()
        for piece in pieces_of(self._body):
            whole.update(piece)
        self.sha256 = whole.hexdigest()


def pieces_of(body: StreamedBody) -> Any:
    """The pieces of a body that is not sent.

    Raises:
        OSError, ValueError: it cannot be read, or it changed.
    """
    try:
        yield from body
    except BodyBrokenOffError:
        pass
    finally:
        body.close()
    if body.problem is not None:
        raise body.problem
