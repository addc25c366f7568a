"""Compressed inputs: everything in front of a flaw is read, and nothing behind it is passed off as read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tracemalloc
import zipfile
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.compression import FlawError, compression_of, decompressed

TEXT = b"".join(b'{"id": %d, "text": "%x"}\n' % (number, number * 7919**5 % 2**61) for number in range(60))


def _zstd(text: bytes, *, checksum: bool = True, blocks: int = 1) -> bytes:
    frame = zstandard.ZstdCompressor(write_checksum=checksum).compressobj()
    step = max(1, len(text) // blocks)
    pieces = [
        frame.compress(text[at : at + step]) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for at in range(0, max(len(text), 1), step)
    ]
    return b"".join(pieces) + frame.flush()


COMPRESS = {"gzip": gzip.compress, "zstd": _zstd}


def _read(data: bytes, compression: str, *, pipe: bool = False, chunk: int = 1 << 30) -> tuple[bytes, str | None]:
    """What comes of compressed data, and the flaw that ends it."""

    def opened():
        stream = io.BytesIO(data)
        return lambda size: stream.read(min(size, chunk))

    pieces = []
    try:
        for piece in decompressed(opened(), compression, None if pipe else opened):
            pieces.append(piece)  # noqa: PERF402 - what came before the error counts
    except FlawError as flaw:
        return b"".join(pieces), str(flaw)
    return b"".join(pieces), None


@pytest.mark.parametrize("pipe", [False, True])
@pytest.mark.parametrize("compression", COMPRESS)
@given(parts=st.lists(st.binary(max_size=300), max_size=4), chunk=st.sampled_from([1, 2, 3, 7, 1000]))
def test_members_and_frames_give_their_text(*, compression: str, pipe: bool, parts: list[bytes], chunk: int) -> None:
    """Members and frames that follow each other give the text of all, however the reads are cut."""
    data = b"".join(map(COMPRESS[compression], parts))
    assert (b"".join(parts), None) == _read(data, compression, pipe=pipe, chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
def test_padding_and_skippable_frames_are_no_flaw(chunk: int) -> None:
    """Zeros behind and between gzip members, and skippable Zstandard frames, are passed over."""
    assert _read(gzip.compress(TEXT) + bytes(700) + gzip.compress(TEXT) + bytes(513), "gzip", chunk=chunk) == (TEXT * 2, None)
    skippable = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    assert _read(skippable + _zstd(TEXT) + skippable + _zstd(TEXT) + skippable, "zstd", chunk=chunk) == (TEXT * 2, None)


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000, 300_000])
def test_every_kind_of_zstandard_frame_is_read(*, size: int, checksum: bool) -> None:
    """Frames with every form of the length field, with and without a checksum, in one shot and streamed, give their text."""
    text = (TEXT * 100)[:size]
    assert (text, None) == _read(zstandard.ZstdCompressor(write_checksum=checksum).compress(text), "zstd")
    assert (text, None) == _read(zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=False).compress(text), "zstd")
    assert (text, None) == _read(_zstd(text, checksum=checksum, blocks=3), "zstd")
    assert (bytes(size), None) == _read(zstandard.compress(bytes(size)), "zstd")


@pytest.mark.parametrize("pipe", [False, True])
def test_a_gzip_file_cut_anywhere_gives_all_that_can_be_read(*, pipe: bool) -> None:
    """A gzip file cut at any byte gives what zlib can read of it, and tells that it ends early."""
    data = gzip.compress(TEXT)
    for length in range(1, len(data)):
        expected = zlib.decompressobj(31).decompress(data[:length])
        assert (expected, "the gzip data end early") == _read(data[:length], "gzip", pipe=pipe), length


def test_a_zstandard_file_cut_anywhere_gives_the_blocks_in_front() -> None:
    """A Zstandard file cut at any byte gives the text of each of its whole blocks, and tells that it ends early."""
    data = _zstd(TEXT, blocks=10)
    lengths = []
    for length in range(1, len(data)):
        text, flaw = _read(data[:length], "zstd")
        assert TEXT.startswith(text)
        assert flaw == "the Zstandard data end early"
        lengths.append(len(text))
    assert sorted(lengths) == lengths
    step = len(TEXT) // 10
    assert {step * number for number in range(11)} <= set(lengths)
    assert lengths[-1] == len(TEXT)


@pytest.mark.parametrize(("compression", "pipe"), [("gzip", False), ("gzip", True), ("zstd", False)])
def test_damage_anywhere_is_told(*, compression: str, pipe: bool) -> None:
    """A wrong byte anywhere gives the right text without a flaw (it was of no consequence), or tells a flaw."""
    data = COMPRESS[compression](TEXT)
    flawed = 0
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x55
        text, flaw = _read(bytes(damaged), compression, pipe=pipe)
        assert flaw is not None or text == TEXT or (at < 4 and not text), at
        flawed += flaw is not None
    assert flawed > len(data) * 0.9


def test_a_file_and_a_pipe_lose_nothing_in_front_of_the_damage() -> None:
    """Text of a gzip file in front of damage is given whole, though the fast library loses what a call had read."""
    text = b"".join(b'{"id": %d}\n' % number for number in range(200_000))
    data = bytearray(gzip.compress(text))
    data[len(data) // 2 : len(data) // 2 + 8] = b"\xff" * 8
    found, flaw = _read(bytes(data), "gzip")
    assert flaw == "the gzip data are damaged"
    assert (found, flaw) == _read(bytes(data), "gzip", pipe=True)
    assert len(text) * 0.4 < len(found)
    sound = text[: int(len(text) * 0.4)]
    assert found.startswith(sound)


@pytest.mark.parametrize(
    ("compression", "data", "flaw"),
    [
        ("gzip", gzip.compress(TEXT) + b"garbage", "something that is no gzip follows the gzip data"),
        ("gzip", gzip.compress(TEXT) + b"\x1f", "something that is no gzip follows the gzip data"),
        ("zstd", _zstd(TEXT) + b"garbage", "something that is no Zstandard frame follows the Zstandard data"),
        ("zstd", _zstd(TEXT) + b"\x28\xb5", "the Zstandard data end early"),
        ("zstd", _zstd(TEXT) + b"\x50\x2a\x4d\x18\xff\xff\xff\xff", "the Zstandard data end early"),
    ],
)
def test_what_follows_the_end_is_told(compression: str, data: bytes, flaw: str) -> None:
    """Bytes behind the compressed data that are none are a flaw, and the text in front of them is whole."""
    assert (TEXT, flaw) == _read(data, compression)


def test_a_frame_that_needs_a_dictionary_or_a_huge_window_is_told() -> None:
    """Frames that cannot be read by anybody who has only the file, or not in bounded memory, say so."""
    words = zstandard.ZstdCompressionDict(b"abcdefgh" * 100, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    data = zstandard.ZstdCompressor(dict_data=words).compress(b"abcdefgh" * 50)
    assert _read(data, "zstd")[1] is not None
    wide = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"
    assert _read(wide, "zstd") == (b"", "the Zstandard data need a window over 128 MiB: compress them again without --long")


@pytest.mark.parametrize(("compression", "pipe"), [("gzip", False), ("gzip", True), ("zstd", False)])
def test_a_bomb_takes_little_memory(*, compression: str, pipe: bool) -> None:
    """Text that is a thousand times its compressed size comes in pieces of about 1 MiB."""
    compress = zstandard.ZstdCompressor().compressobj() if compression == "zstd" else zlib.compressobj(wbits=31)
    data = b"".join(compress.compress(bytes(1 << 20)) for _ in range(100)) + compress.flush()
    tracemalloc.start()
    try:
        stream = io.BytesIO(data)
        pieces = decompressed(stream.read, compression, None if pipe else lambda: io.BytesIO(data).read)
        sizes = [len(piece) for piece in pieces]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 100 << 20
    assert max(sizes) <= 1 << 20
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("head", "compression"),
    [
        (gzip.compress(b""), "gzip"),
        (_zstd(b""), "zstd"),
        (b"\x50\x2a\x4d\x18", "zstd"),
        (b"\x5f\x2a\x4d\x18", "zstd"),
        (b"", None),
        (b'{"a": 1}', None),
        (b"BZhave a look,at,this", None),
        (b"PKs,and,keys", None),
        (b"Objects,b", None),
    ],
)
def test_the_first_bytes_tell_the_compression(head: bytes, compression: str | None) -> None:
    """Both gzip and Zstandard are told by their first bytes; text that begins like another compression is text."""
    assert compression_of("x", head) == compression


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.jsonl", "{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bz2.compress(TEXT), "logs is bzip2, which is not read: bzip2 -dc"),
        (bz2.compress(b""), "logs is bzip2"),
        (lzma.compress(TEXT), "logs is xz"),
        (_zip(), "logs is a ZIP archive or an Excel workbook, which is not read: unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "logs is a 7z archive"),
        (b"\x04\x22\x4d\x18\x64\x40", "logs is lz4"),
        (b"Obj\x01\x04", "logs is Avro"),
        (bytes(257) + b"ustar\0", "logs is a tar archive: unpack it and give the folder"),
    ],
)
def test_another_compression_is_refused_with_a_remedy(data: bytes, told: str) -> None:
    """What cannot be read is named for what it is, with what to do."""
    with pytest.raises(PipelineError) as raised:
        compression_of("logs", data[:264])
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(("compression", "module"), [("gzip", "isal"), ("zstd", "zstandard")])
def test_a_missing_extra_names_the_install(compression: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library for a compression the error says how to install it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PipelineError) as raised:
        _read(COMPRESS[compression](TEXT), compression)
    assert "pip install 'heify-heygen-errors[pipeline]'" in str(raised.value)
