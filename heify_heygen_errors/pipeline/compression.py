"""Compressed inputs: told by their first bytes, read to the last byte in front of a flaw.

gzip is RFC 1952 (several members, zeros behind the last), Zstandard RFC 8878 (several frames, skippable ones).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from heify_heygen_errors.pipeline.blocks import PipelineError

Read = Callable[[int], bytes]
"""Gives up to so many bytes; ``b""`` at the end."""

SUFFIXES: Final = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
OTHER_SUFFIXES: Final = frozenset({".bz2", ".xz", ".lzma", ".lz4", ".zip", ".7z", ".z", ".br", ".sz", ".snappy"})
"""Names of compressions that are refused, so that a folder tells of such files instead of passing over them."""

INSTALL: Final = "pip install 'heify-heygen-errors[pipeline]'"

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # behind a byte from 0x50 to 0x5f
_OTHERS: Final = (
    (b"BZh", "bzip2", "bzip2 -dc FILE | hhe normalize - ..."),
    (b"\xfd7zXZ\x00", "xz", "xz -dc FILE | hhe normalize - ..."),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc FILE | hhe normalize - ..."),
    (b"\x1f\x9d", "compress (.Z)", "gzip -dc FILE | hhe normalize - ..."),
    (b"\xff\x06\x00\x00sNaPpY", "snappy", "unpack it first"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Obj\x01", "Avro", "convert it to Parquet or JSON Lines"),
)
_BZIP2_BLOCKS: Final = (b"1AY&SY", b"\x17rE8P\x90")
_TAR: Final = slice(257, 262)
_CHUNK: Final = 256 * 1024
_PIECE: Final = 1024 * 1024
_RLE, _RESERVED = 1, 3
_DICTIONARY_SIZES: Final = (0, 1, 2, 4)
_LENGTH_SIZES: Final = (0, 2, 4, 8)


class FlawError(Exception):
    """Compressed data that end early or are damaged; all that could be read was given before."""


def compression_of(name: str, head: bytes) -> str | None:
    """The compression of a file that begins with `head` (264 bytes are enough): ``gzip``, ``zstd`` or None.

    Raises:
        PipelineError: it is another compression or an archive; says how to unpack it.
    """
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZSTD) or (head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F):  # noqa: PLR2004 - RFC 8878, 3.1.2
        return "zstd"
    for magic, kind, remedy in _OTHERS:
        if head.startswith(magic) and (kind != "bzip2" or head[4:10] in _BZIP2_BLOCKS):
            msg = f"{name} is {kind}, which is not read: {remedy}"
            raise PipelineError(msg)
    refuse_archive(name, head)
    return None


def refuse_archive(name: str, head: bytes) -> None:
    """Refuses a tar archive, compressed or not.

    Raises:
        PipelineError: the text begins as one.
    """
    if head[_TAR] == b"ustar":
        msg = f"{name} is a tar archive: unpack it and give the folder"
        raise PipelineError(msg)


def decompressed(read: Read, compression: str, again: Callable[[], Read] | None = None) -> Iterator[bytes]:
    """The decompressed text in pieces of at most about 1 MiB, whatever the compressed data say.

    Args:
        read: gives the compressed bytes.
        compression: ``gzip`` or ``zstd``.
        again: opens the same bytes a second time, from their beginning. None if that cannot be done (a pipe).

    Raises:
        FlawError: the data end early or are damaged; what could be read came before.
        PipelineError: the library for it is not installed.
    """
    return _unzstd(read) if compression == "zstd" else _gunzip(read, again)


def _gunzip(read: Read, again: Callable[[], Read] | None) -> Iterator[bytes]:
    try:
        from isal import isal_zlib
    except ImportError:
        msg = f"gzip is read with isal: {INSTALL}"
        raise PipelineError(msg) from None
    # isal is fast, but what a call read in front of a flaw is lost with it; zlib's state can be copied, and the call repeated.
    if again is None:
        yield from _inflated(read, zlib.decompressobj, zlib.error)
        return
    given = 0
    fast: Any = isal_zlib
    try:
        for piece in _inflated(read, fast.decompressobj, fast.error):
            given += len(piece)
            yield piece
    except FlawError:
        pass
    else:
        return
    for piece in _inflated(again(), zlib.decompressobj, zlib.error):
        if given < len(piece):
            yield piece[given:]
        given = max(0, given - len(piece))


def _inflated(read: Read, new: Callable[[int], Any], error: type[Exception]) -> Iterator[bytes]:
    data = read(_CHUNK)
    while data:
        member = new(31)  # 31: a gzip header, a window of 32 KiB
        while not member.eof:
            if not data:
                data = read(_CHUNK)
            if not data:
                msg = "the gzip data end early"
                rest = member.flush() if hasattr(member, "copy") else b""
                if rest:
                    yield rest
                raise FlawError(msg)
            before = member.copy() if hasattr(member, "copy") else None
            try:
                piece = member.decompress(data, _PIECE)
            except error:
                if before is not None:
                    yield from _up_to_error(before, data, error)
                msg = "the gzip data are damaged"
                raise FlawError(msg) from None
            data = member.unconsumed_tail
            if piece:
                yield piece
        data = (member.unused_data or read(_CHUNK)).lstrip(b"\0")
        while len(data) < len(_GZIP):
            more = read(_CHUNK)
            if not more:
                break
            data = (data + more).lstrip(b"\0") if not data else data + more
        if data and not data.startswith(_GZIP):
            msg = "something that is no gzip follows the gzip data"
            raise FlawError(msg)


def _up_to_error(member: Any, data: bytes, error: type[Exception]) -> Iterator[bytes]:
    """What a member gives of the data in front of the byte that it cannot read."""
    pieces = []
    for at in range(len(data)):
        try:
            pieces.append(member.decompress(data[at : at + 1]))
        except error:
            break
    yield b"".join(pieces)


class _Bytes:
    """So many bytes of a stream at a time, whatever the stream gives."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._data = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes, fewer at the end only."""
        end = self._at + count
        if end > len(self._data):
            pieces = [self._data[self._at :]]
            missing = count - len(pieces[0])
            self._data = b""
            while missing > 0:
                self._data = self._read(_CHUNK)
                if not self._data:
                    break
                pieces.append(self._data[:missing])
                missing -= len(pieces[-1])
            self._at = len(pieces[-1]) if self._data else 0
            return b"".join(pieces)
        piece = self._data[self._at : end]
        self._at = end
        return piece


def _unzstd(read: Read) -> Iterator[bytes]:
    """Feeds the library block by block (RFC 8878, 3.1.1), so that a flaw costs one block and a block gives at most 128 KiB."""
    try:
        import zstandard
    except ImportError:
        msg = f"Zstandard is read with zstandard: {INSTALL}"
        raise PipelineError(msg) from None
    source = _Bytes(read)
    while True:
        magic = source.take(len(_ZSTD))
        if not magic:
            return
        if magic[1:] == _SKIPPABLE and 0x50 <= magic[0] <= 0x5F:  # noqa: PLR2004 - RFC 8878, 3.1.2
            _skip(source)
        elif magic == _ZSTD:
            frame: Any = zstandard.ZstdDecompressor().decompressobj()
            yield from _frame(source, magic, frame, zstandard.ZstdError)
        elif (_ZSTD.startswith(magic) or magic[1:] == _SKIPPABLE[: len(magic) - 1]) and len(magic) < len(_ZSTD):
            raise FlawError(_EARLY)
        else:
            msg = "something that is no Zstandard frame follows the Zstandard data"
            raise FlawError(msg)


_EARLY: Final = "the Zstandard data end early"


def _skip(source: _Bytes) -> None:
    size = _exactly(source, 4)
    left = int.from_bytes(size, "little")
    while left:
        got = len(source.take(min(left, _CHUNK)))
        if not got:
            raise FlawError(_EARLY)
        left -= got


def _exactly(source: _Bytes, count: int) -> bytes:
    data = source.take(count)
    if len(data) < count:
        raise FlawError(_EARLY)
    return data


def _frame(source: _Bytes, magic: bytes, frame: Any, error: type[Exception]) -> Iterator[bytes]:
    descriptor = _exactly(source, 1)
    flags = descriptor[0]
    single, checksum = flags >> 5 & 1, flags >> 2 & 1
    size = (not single) + _DICTIONARY_SIZES[flags & 3] + (_LENGTH_SIZES[flags >> 6] or single)
    try:
        yield from _fed(frame, magic + descriptor + _exactly(source, size))
        last = 0
        while not last:
            head = _exactly(source, 3)
            number = int.from_bytes(head, "little")
            last, kind, length = number & 1, number >> 1 & 3, number >> 3
            if kind == _RESERVED:
                msg = "the Zstandard data are damaged"
                raise FlawError(msg)
            length = 1 if kind == _RLE else length
            body = source.take(length)
            yield from _fed(frame, head + body)
            if len(body) < length:
                raise FlawError(_EARLY)
        if checksum:
            yield from _fed(frame, _exactly(source, 4))
    except error as reason:
        told = str(reason).lower()
        if "too much memory" in told:
            msg = "the Zstandard data need a window over 128 MiB: compress them again without --long"
        elif "dictionary" in told:
            msg = "the Zstandard data need a dictionary"
        else:
            msg = "the Zstandard data are damaged"
        raise FlawError(msg) from None


def _fed(frame: Any, data: bytes) -> Iterator[bytes]:
    text = frame.decompress(data)
    if text:
        yield text
