"""Uploads as users call them: the same for both clients, each of which gives values or awaitables of them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO, Final, TypeAlias, TypeVar, Unpack

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import CallOptions, checked_deadline
from heify_heygen_errors.client.calls import VendorCalls, forget
from heify_heygen_errors.client.jobs.access import Access, JobOptions, Kept
from heify_heygen_errors.client.jobs.calls import A_co, D_co, E_co, H_co, OrderedJobs, checked_options, no_such_argument
from heify_heygen_errors.client.jobs.handle import JobHandle
from heify_heygen_errors.client.jobs.ordering import Save
from heify_heygen_errors.client.jobs.watch import Terms
from heify_heygen_errors.client.procedure import Procedure
from heify_heygen_errors.client.streaming import OnProgress, StreamedBody
from heify_heygen_errors.client.uploads.heify import UploadOrder, is_upload, resume_upload, resume_upload_and_wait, upload
from heify_heygen_errors.client.uploads.heygen import AssetOrder, Digest, pieces_of, upload_directly
from heify_heygen_errors.client.uploads.limits import MAX_DIRECT_ASSET, MAX_INLINE_ASSET, check_recording, content_type_of
from heify_heygen_errors.client.uploads.storage import Time

R = TypeVar("R")

File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, bytes, or a file that is open for reading bytes."""

UPLOAD_DEADLINE: Final = 600.0
"""Seconds for an upload unless another time is asked for."""


class UploadedJobs(OrderedJobs[A_co, H_co, D_co, E_co]):
    """Jobs that begin with the upload of a file, too: Heify's transcriptions."""

    def upload(
        self,
        file: File,
        *,
        configuration_id: str,
        name: str | None = None,
        participant_id: str | None = None,
        evaluator_id: str | None = None,
        on_progress: OnProgress | None = None,
        save: Callable[[JobHandle], object] | None = None,
        check: bool = True,
        deadline: float | None = UPLOAD_DEADLINE,
        **options: Unpack[JobOptions],
    ) -> H_co:
        """Upload a recording; its transcription begins when it has come. Wait for that with the handle.

        The file is streamed from disk with its length. It is sent again, from its start, only where Heify's storage cannot have
        it: a part of it never left, it was refused for a reason that may pass, or Heify does not know it. Whatever leaves that
        open is looked up first. Where the URL, which lasts five minutes, is over or refused, a new one is asked for, at
        most twice; the new transcription has another id.

        Arguments:
            file: a path, bytes, or a binary file that is open and can seek, which is read from its position on and not closed.
            configuration_id: of the account.
            name: of the transcription; Heify keeps what of it is ASCII. None for none; the name of the file is not sent.
            participant_id: of the account; None for none.
            evaluator_id: of the account; None for none.
            on_progress: told an `UploadProgress` after each piece; a plain function. What it raises ends the upload.
            save: called with the `JobHandle` when the transcription has its id and before the file is sent, again with each new
                id, and when the file has come (``is_started``). Keep the last one that you got: `resume` goes on with it after a
                crash. An exception of it ends the upload. With `AsyncClient` also a coroutine function.
            check: whether the end of the name (aac, aiff, amr, asf, flac, m4a, mp3, mp4, ogg, wav, webm), the size (200 MB) and
                the duration (2 hours) are checked before anything is sent. The duration is where the extra ``media`` is
                installed and tinytag can tell it of the file; of an mp3 without a header for it that is an estimate.
            deadline: seconds for all of it; None for no limit.
            options: of each call to Heify; of these, headers are not sent to the storage. See `JobOptions`.

        Returns:
            The handle with the id, ``is_started``.

        Raises:
            ApiError: Heify or its storage (``info.channel`` is ``upload``) refused it; or nobody knows whether the storage has
                the file (``info.retry.outcome`` is ``unknown``): then `resume` the handle that was saved, later. Errors behind
                the first step have the ``transcription_id`` in ``info.resource``.
            ValueError, TypeError: before anything is sent, for what cannot be meant or Heify would refuse; ValueError also where
                the file changed while it was sent.
            OSError: the file cannot be read.
        """
        kept = checked_options(options)
        self._check_plain("save", save)
        body = StreamedBody.of(file, on_progress=on_progress)
        asked = {
            "configuration_id": configuration_id,
            "name": name,
            "participant_id": participant_id,
            "evaluator_id": evaluator_id,
        }
        order = UploadOrder(
            body=body,
            check=partial(check_recording, file, body, name) if check else None,
            asked={member: str(value) for member, value in asked.items() if value is not None},
            save=save,
            deadline=checked_deadline(deadline),
            options=kept,
        )
        return self._run("upload", upload(self._access, self._kind, order))  # type: ignore[no-any-return]

    def _resuming(self, handle: JobHandle, save: Save | None, terms: Terms) -> Procedure[Answer]:
        if is_upload(self._kind, handle):
            return resume_upload_and_wait(self._access, self._kind, handle, terms)
        return super()._resuming(handle, save, terms)

    def _resuming_order(self, handle: JobHandle, save: Save | None, options: Mapping[str, Any]) -> Procedure[JobHandle]:
        if is_upload(self._kind, handle):
            return resume_upload(self._access, self._kind, handle, options, Time(self._access.core.clock, UPLOAD_DEADLINE))
        return super()._resuming_order(handle, save, options)


class HeyGenUploads(VendorCalls[R]):
    """HeyGen's assets, as far as they are uploaded one by one."""

    _access: Access

    @abstractmethod
    def _steps(self, what: str, procedure: Procedure[Any]) -> R:
        """Takes the steps of a procedure and gives its result."""

    def upload_asset(
        self,
        file: File,
        *,
        name: str | None = None,
        content_type: str | None = None,
        direct: bool | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> R:
        """Upload a file for use in videos.

        Up to 32 MB it is sent through the API (POST /v3/assets), with an idempotency key, so that a repeat makes no second
        asset. Larger ones go directly into the storage: POST /v3/assets/direct-uploads, PUT, and POST
        /v3/assets/{asset_id}/complete, which is asked until the file has appeared. They are streamed from disk, and read once
        before for their SHA-256.

        Arguments:
            file: a path, bytes, or a file that is open for reading bytes; one that cannot seek is read into memory, up to 32 MB.
            name: the file's name; taken from the path or the open file where there is one.
            content_type: such as ``image/png``; guessed from the name.
            direct: whether it goes directly into the storage; None for files over 32 MB alone.
            on_progress: told an `UploadProgress` after each piece that is sent; a plain function. What it raises ends the upload.
                Through the API, what is counted is the form with the file in it.
            options: as for `request`. The deadline is that of the whole upload, 600 seconds unless another one is given. Headers
                are not sent to the storage; the query belongs to the first call.

        Returns:
            The answer with the ``asset_id``.

        Raises:
            ValueError: the file is empty or too large (32 MB through the API, 5 GiB directly), its content type is not known,
                or it changed while it was sent.
            TypeError: it is no file.
            OSError: the file cannot be read.
            ApiError: as for `request`. Of a direct upload, ``info.resource`` has the ``asset_id``; what the storage says has
                the channel ``upload``.
        """
        kept = Kept({"deadline": UPLOAD_DEADLINE, **options})
        forget(options)
        unknown = sorted(set(kept) - set(CallOptions.__annotations__))
        if unknown:
            raise no_such_argument(unknown[0], (*CallOptions.__annotations__, "name", "content_type", "direct", "on_progress"))
        for argument, value in (("name", name), ("content_type", content_type)):
            if value is not None and not isinstance(value, str):
                msg = f"{argument} is a text, not {type(value).__name__}"
                raise TypeError(msg)
        given = file if can_seek(file) else _in_memory(file)
        body = StreamedBody.of(given, on_progress=on_progress)
        name = name or body.name or _name_of(file)
        if name is None and content_type is None:
            msg = "these bytes have no name that tells their type: pass name='logo.png', or content_type='image/png', or what they are"
            raise ValueError(msg)
        name = name or "file"
        content_type = content_type or content_type_of(name)
        if direct is None:
            direct = body.size > MAX_INLINE_ASSET
        most, called = (MAX_DIRECT_ASSET, "5 GiB that direct uploads take") if direct else (MAX_INLINE_ASSET, _INLINE)
        if body.size > most:
            msg = f"the file is larger than the {called}"
            raise ValueError(msg)
        if direct:
            return self._upload_directly(StreamedBody.of(given), body, name, content_type, kept)
        content = b"".join(pieces_of(StreamedBody.of(given)))
        kept["files"] = {"file": (name, content, content_type)}
        call = self._prepared("POST", "/v3/assets", kept)
        if on_progress is not None and isinstance(call.body, bytes):
            call = attrs.evolve(call, body=StreamedBody.of(call.body, on_progress=on_progress))
        return self._go(call)

    def _upload_directly(self, whole: StreamedBody, body: StreamedBody, name: str, content_type: str, options: Kept) -> R:
        deadline = checked_deadline(options.pop("deadline"))
        order = AssetOrder(body=body, name=name, content_type=content_type, deadline=deadline, options=options)
        return self._steps("upload_asset", upload_directly(self._access, order, Digest(whole)))


_INLINE: Final = "32 MB that POST /v3/assets takes: leave direct out, or use POST /v3/assets/direct-uploads"


def can_seek(file: Any) -> bool:
    """Whether a file can be read more than once; True for what is no open file."""
    if not callable(getattr(file, "read", None)):
        return True
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if callable(seekable) else False


def _in_memory(file: Any) -> bytes:
    content = file.read(MAX_INLINE_ASSET + 1)
    if not isinstance(content, bytes):
        msg = f"a file is a path, bytes or a file that is open for reading bytes (mode 'rb'), not {type(file).__name__}"
        raise TypeError(msg)
    if len(content) > MAX_INLINE_ASSET:
        msg = "the file cannot seek, and is larger than the 32 MB that are read into memory: pass its path"
        raise ValueError(msg)
    return content


def _name_of(file: Any) -> str | None:
    name = getattr(file, "name", None)
    return os.path.basename(name) or None if isinstance(name, str) else None  # noqa: PTH119 - a str, as it is
