"""The streamed body: what it takes, what it gives, and that it notices when the file is not what it was."""

import contextlib
import functools
import gzip
import io
import os
import re
import threading
from pathlib import Path

import pytest

from heify_heygen_errors.client.streaming import PIECE, BodyBrokenOffError, StreamedBody, UploadProgress

_BYTES = bytes(range(256)) * 700  # two pieces and a part of one
_SPLIT = [PIECE, PIECE, len(_BYTES) - 2 * PIECE]


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "talk.mp3"
    made.write_bytes(_BYTES)
    return made


def _read(body):
    return b"".join(body)


def _problem(body):
    """What the body keeps when it breaks off, and the bytes that were given before."""
    given = 0
    with contextlib.suppress(BodyBrokenOffError):
        for piece in body:
            given += len(piece)
    return body.problem, given


def _times_open(path):
    """How many descriptors of this process lead to a file."""
    return sum(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


def _is_open(path):
    return _times_open(path) > 0


_FORMS = {
    "path": lambda path: (path, "talk.mp3"),
    "text path": lambda path: (str(path), "talk.mp3"),
    "bytes": lambda path: (path.read_bytes(), None),
    "bytearray": lambda path: (bytearray(path.read_bytes()), None),
    "view": lambda path: (memoryview(path.read_bytes()), None),
    "view with gaps": lambda path: (memoryview(b"".join(bytes((each, 0)) for each in path.read_bytes()))[::2], None),
    "open file": lambda path: (path.open("rb"), "talk.mp3"),
    "unbuffered file": lambda path: (path.open("rb", buffering=0), "talk.mp3"),
    "bytes io": lambda path: (io.BytesIO(path.read_bytes()), None),
}


@pytest.mark.parametrize("form", _FORMS)
def test_body_is_what_the_file_has(path, form):
    """Every form of a file gives its bytes, twice, with size and name, in pieces that no time-out is too short for."""
    file, name = _FORMS[form](path)
    body = StreamedBody.of(file)
    assert (len(_BYTES), len(_BYTES), name) == (body.size, len(body), body.name)
    assert [len(piece) for piece in body] == _SPLIT
    assert _read(body) == _BYTES
    if hasattr(file, "close"):
        assert not file.closed
        file.close()


def test_open_file_is_read_from_where_it_stands(path):
    """Only what stands behind the position of an open file is sent, each time; the file can be a packed one."""
    with path.open("rb") as file:
        file.seek(1000)
        body = StreamedBody.of(file)
        assert (len(_BYTES) - 1000, 1000) == (body.size, file.tell())
        assert [_BYTES[1000:]] * 2 == [_read(body), _read(body)]
    with gzip.open(io.BytesIO(gzip.compress(_BYTES))) as packed:
        packed.read(7)
        assert _read(StreamedBody.of(packed)) == _BYTES[7:]


def test_path_is_the_same_file_in_another_folder(path, monkeypatch):
    """A relative path means the file that it meant when the body was made."""
    monkeypatch.chdir(path.parent)
    body = StreamedBody.of(path.name)
    monkeypatch.chdir("/")
    assert _read(body) == _BYTES


def test_path_is_open_only_while_it_is_read(path):
    """The file of a path is closed behind its last piece, behind an attempt that was left, and when the next begins."""
    body = StreamedBody.of(path)
    seen = [_is_open(path)]
    pieces = iter(body)
    seen.append(_is_open(path))
    body.close()
    seen.append(_is_open(path))
    assert len(b"".join(pieces)) == PIECE
    left, last = iter(body), iter(body)
    seen.append(_times_open(path) == 1)
    assert (PIECE, len(_BYTES)) == (len(b"".join(left)), len(b"".join(last)))
    assert [*seen, _is_open(path)] == [False, True, False, True, False]


class _SlowDisk:
    """Bytes that come when they are allowed to."""

    def __init__(self):
        self.begun, self.answer = threading.Event(), threading.Event()
        self.is_closed = False

    def read(self, position, count):
        self.begun.set()
        self.answer.wait(5)
        return b"a"

    def close(self):
        self.is_closed = True


def test_close_does_not_wait_for_the_disk():
    """Whoever closes a body goes on at once; the file is closed when the disk has answered."""
    disk = _SlowDisk()
    body = StreamedBody(lambda _: disk, 1, None, None)
    thread = threading.Thread(target=body.next_piece, args=(body.begin(),))
    thread.start()
    disk.begun.wait(5)
    body.close()
    before = disk.is_closed
    disk.answer.set()
    thread.join()
    assert [before, disk.is_closed] == [False, True]


_REFUSED = {
    "empty file": (lambda folder: _written(folder / "a", b""), ValueError, "the file is empty"),
    "no bytes": (lambda _: b"", ValueError, "the file is empty"),
    "read to its end": (lambda _: _at_end(), ValueError, "the file is empty"),
    "missing": (lambda folder: folder / "a", FileNotFoundError, "No such file"),
    "missing folder": (lambda folder: folder / "b" / "a", FileNotFoundError, "No such file"),
    "folder": (lambda folder: folder, IsADirectoryError, "Is a directory"),
    "pipe by path": (lambda folder: _pipe(folder / "a"), ValueError, "pass the path of one, or its bytes"),
    "pipe": (lambda _: _open_pipe(), ValueError, "pass a path, or its bytes"),
    "no seek": (lambda _: _Reads(), ValueError, "pass a path, or its bytes"),
    "text file": (lambda folder: (_written(folder / "a", b"a")).open(), TypeError, "open it with 'rb'"),
    "text of another kind": (lambda _: _Text(), TypeError, "open it with 'rb'"),
    "path of bytes": (lambda _: _BytesPath(), TypeError, "os.fsdecode"),
    "number": (lambda _: 3, TypeError, "not int"),
    "none": (lambda _: None, TypeError, "not NoneType"),
    "list": (lambda _: [b"a"], TypeError, "not list"),
}


def _written(path, content):
    path.write_bytes(content)
    return path


def _at_end():
    file = io.BytesIO(b"abc")
    file.seek(5)
    return file


def _pipe(path):
    os.mkfifo(path)
    return path


def _open_pipe():
    end, other = os.pipe()
    os.close(other)
    return os.fdopen(end, "rb")


class _Reads:
    def read(self, count=-1):
        return b""


class _Text(_Reads):
    def read(self, count=-1):
        return ""

    def seekable(self):
        return True


class _BytesPath:
    def __fspath__(self):
        return b"/etc/hosts"


@pytest.mark.parametrize("case", _REFUSED)
def test_what_cannot_be_sent_is_refused_at_once(tmp_path, case):
    """A file that has nothing, cannot be sent again or is none is refused when the body is made, with what to do."""
    make, kind, text = _REFUSED[case]
    file = make(tmp_path)
    with pytest.raises(kind, match=re.escape(text)):
        StreamedBody.of(file)
    if isinstance(file, io.IOBase):
        file.close()


class _AsyncCall:
    async def __call__(self, progress):
        pass


async def _coroutine(progress):
    pass


async def _generator(progress):
    yield


@pytest.mark.parametrize(
    "callback",
    [_coroutine, functools.partial(_coroutine), _AsyncCall(), _generator, 3],
    ids=["function", "partial", "object", "generator", "number"],
)
def test_callback_is_a_plain_function(callback):
    """A callback that nobody would await, or that cannot be called, is refused."""
    with pytest.raises(TypeError, match="function"):
        StreamedBody.of(b"a", on_progress=callback)


def test_progress_counts_bytes_and_attempts(path):
    """After each piece the callback knows what was sent in which attempt, and the end once."""
    seen = []
    body = StreamedBody.of(path, on_progress=seen.append)
    counts = [body.sent]
    pieces = iter(body)
    for _ in _SPLIT:
        next(pieces)
        counts.append(body.sent)
    assert (counts, body.is_all_sent) == ([0, 0, PIECE, 2 * PIECE], False)
    assert list(pieces) == []
    assert (len(_BYTES), True) == (body.sent, body.is_all_sent)
    _read(body)
    steps = [PIECE, 2 * PIECE, len(_BYTES)]
    assert [UploadProgress(sent=sent, total=len(_BYTES), attempt=attempt) for attempt in (1, 2) for sent in steps] == seen


def test_new_attempt_begins_with_nothing_sent(path):
    """What an attempt before has sent, and what was wrong with it, is not what the present one did."""
    body = StreamedBody.of(path)
    _read(body)
    body.problem = ValueError()
    body.renew()
    assert (body.sent, body.is_all_sent, body.problem) == (0, False, None)


@pytest.mark.parametrize("callback", [None, lambda _: None])
def test_late_word_of_an_old_attempt_changes_nothing(path, callback):
    """What still comes from an attempt that is over does not count for the next one."""
    body = StreamedBody.of(path, on_progress=callback)
    old = body.begin()
    body.next_piece(old)
    new = body.begin()
    body.handed_over(old)
    assert (body.sent, body.next_piece(old), len(body.next_piece(new))) == (0, b"", PIECE)
    body.close()


def _shrink(path):
    os.truncate(path, PIECE + 10)


def _grow(path):
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(("change", "given", "now"), [(_shrink, PIECE, str(PIECE + 10)), (_grow, 2 * PIECE, "more")])
@pytest.mark.parametrize("form", ["path", "open file", "unbuffered file"])
def test_change_while_sending_ends_it(path, form, change, given, now):
    """A file that shrinks or grows on the way breaks off before the length that was announced is reached, with the reason."""
    file, _ = _FORMS[form](path)
    changes = [change]
    body = StreamedBody.of(file, on_progress=lambda _: changes and changes.pop()(path))
    problem, count = _problem(body)
    assert (
        ValueError,
        f"the file changed while it was sent: it had {len(_BYTES)} bytes, and now it has {now}; write it, then send it",
    ) == (
        type(problem),
        str(problem),
    )
    assert (given, given, False) == (count, body.sent, body.is_all_sent)
    assert form != "path" or not _is_open(path)
    if form != "path":
        file.close()


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [(_shrink, ValueError, "the file changed"), (_grow, ValueError, "the file changed"), (Path.unlink, OSError, "No such")],
)
def test_change_between_attempts_ends_the_next(path, change, kind, text):
    """A file that is another or gone by the next attempt is noticed before the first byte of it."""
    body = StreamedBody.of(path)
    _read(body)
    change(path)
    problem, given = _problem(body)
    assert (isinstance(problem, kind), text in str(problem), given, body.sent) == (True, True, 0, 0)


@pytest.mark.parametrize("raised", [OSError("disk"), BrokenPipeError(), StopIteration(), ValueError("mine")], ids=repr)
def test_exceptions_of_reading_and_of_the_callback_are_kept(raised):
    """The very exception that reading or the callback raised is what the body keeps."""

    class Failing(io.BytesIO):
        def read(self, count=-1):
            if count and self.tell():
                raise raised
            return super().read(count)

    def fail(_):
        raise raised

    assert [(raised, PIECE)] * 2 == [_problem(StreamedBody.of(Failing(_BYTES))), _problem(StreamedBody.of(_BYTES, on_progress=fail))]


def test_interruption_passes_through():
    """Ctrl-C in a callback is no failure of the body."""

    def interrupt(_):
        raise KeyboardInterrupt

    body = StreamedBody.of(_BYTES, on_progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        _read(body)
    assert body.problem is None


def test_repr_shows_size_and_name_only(path):
    """Neither the folders nor the bytes stand in the repr."""
    assert [
        repr(StreamedBody.of(path)),
        repr(StreamedBody.of(b"a")),
    ] == ["StreamedBody(size=179200, name='talk.mp3')", "StreamedBody(size=1, name=None)"]
