"""What the vendors refuse in a file, as far as it can be seen before the first byte is sent.

Numbers and formats are those of the vendor notes 2026-11 (Heify section a.3, HeyGen section c).
"""

from __future__ import annotations

import io
import mimetypes
import os
from pathlib import PurePath
from typing import Any, BinaryIO, Final, cast

from heify_heygen_errors.client.streaming import StreamedBody

HEIFY_FORMATS: Final = ("aac", "aiff", "amr", "asf", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm")
"""Formats that Heify transcribes, as the ends of file names."""

HEIFY_LARGEST: Final = 200 * 1024 * 1024
"""Bytes of a file that Heify takes. It says 200 MB; the larger of the two meanings, so that nothing good is refused here."""

HEIFY_LONGEST: Final = 7200.0
"""Seconds of a recording that Heify takes."""

MAX_INLINE_ASSET: Final = 32 * 1024 * 1024
"""Bytes of a file that POST /v3/assets takes; larger ones go through direct uploads."""

MAX_DIRECT_ASSET: Final = 5 * 1024**3
"""Bytes of a file that a direct upload takes."""

# HeyGen compares the declared type with the one it finds and refuses audio/x-wav, as Python's own table says, for audio/wav
# (vendor notes 2026-11, section d, 400543). And that table is short where the system brings none.
_TYPES: Final = {
    ".aac": "audio/aac",
    ".avi": "video/x-msvideo",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4a": "audio/mp4",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".srt": "application/x-subrip",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
}


def content_type_of(name: str) -> str:
    """The content type that a file's name tells, in HeyGen's words.

    Raises:
        ValueError: it tells none.
    """
    found = _TYPES.get(PurePath(name).suffix.lower()) or mimetypes.guess_type(name)[0]
    if found is None:
        msg = f"the content type of {name!r} is not known: pass content_type='image/png' or what it is"
        raise ValueError(msg)
    return found


def check_recording(file: Any, body: StreamedBody, name: str | None) -> None:
    """Check a file against Heify's limits.

    Arguments:
        file: as the user gave it; its duration is looked at where the extra ``media`` is installed and can tell it.
        body: what would be sent of it.
        name: that the user gave to the transcription; it may tell the format where the file has no name.

    Raises:
        ValueError: Heify would refuse it; says why, and how to send it all the same.
    """
    suffixes = [PurePath(known).suffix.lower().removeprefix(".") for known in (body.name, name) if known]
    if not any(suffix in HEIFY_FORMATS for suffix in suffixes):
        known = body.name or name
        which = f"{known!r} does not end in one of them" if known else "these bytes have no name: pass name='call.mp3' or what they are"
        msg = f"Heify transcribes {', '.join(HEIFY_FORMATS)}, and {which}; with check=False it is sent all the same"
        raise ValueError(msg)
    if body.size > HEIFY_LARGEST:
        msg = f"Heify takes files of up to 200 MB, and this one has {body.size} bytes; with check=False it is sent all the same"
        raise ValueError(msg)
    seconds = duration_of(file)
    if seconds is not None and seconds > HEIFY_LONGEST:
        msg = f"Heify takes up to 2 hours of audio, and this file has {seconds:.0f} seconds; with check=False it is sent all the same"
        raise ValueError(msg)


def duration_of(file: Any) -> float | None:
    """Seconds of a recording, by its headers; None where they do not tell, or tinytag (the extra ``media``) is not installed.

    Of an mp3 without a header for that, it is an estimate from its first frames.

    Arguments:
        file: a path, bytes, or an open file, which is left at the position it is at.
    """
    try:
        from tinytag import TinyTag
    except ImportError:
        return None
    try:
        if isinstance(file, str | os.PathLike):
            with open(file, "rb") as at_path:  # noqa: PTH123 - a path of any kind
                return TinyTag.get(file, cast(BinaryIO, _Patience(at_path)), tags=False).duration
        opened = io.BytesIO(file) if isinstance(file, bytes | bytearray | memoryview) else file
        position = opened.tell()
        if position != 0:  # what lies before is not sent, and tinytag begins at the beginning
            return None
        try:
            return TinyTag.get(file_obj=cast(BinaryIO, _Patience(opened)), tags=False).duration
        finally:
            opened.seek(position)
    except Exception:  # noqa: BLE001 - of a parser of foreign files; what it cannot read is Heify's to judge
        return None


class _Patience:
    """A file that is read so often and no more: in one that is damaged, a parser looks for the next frame byte by byte."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._reads = _MOST_READS
        self._bytes = _MOST_BYTES
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1) -> bytes:
        """As a file's.

        Raises:
            EOFError: it was read often enough.
        """
        self._reads -= 1
        self._bytes -= max(count, 0)
        if count < 0 or self._reads < 0 or self._bytes < 0:
            raise EOFError
        found: bytes = self._file.read(count)
        return found


_MOST_READS: Final = 20_000
_MOST_BYTES: Final = 32 * 1024 * 1024
