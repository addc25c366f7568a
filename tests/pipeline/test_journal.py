"""The journal: one run at a time, nothing half done is taken for whole, and a killed run can go on."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heify_heygen_errors.pipeline import files, journal
from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import Move, real_path, sha256_of
from heify_heygen_errors.pipeline.journal import Journal, work_folder
from heify_heygen_errors.pipeline.outputs import Target, open_sink

PRINT: dict[str, Any] = {"options": {"prefix": "", "keep": False}, "inputs": [["a.jsonl", 10, 5]], "catalog": "1"}


def _open(out: Path, *, resume: bool = False, **changes: Any) -> Journal:
    return Journal.open(str(out), {**PRINT, **changes}, resume=resume)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _left_over(out: Path, state: dict[str, Any] | None = None, rejects: bytes = b"") -> Path:
    """What a killed run leaves; returns its folder."""
    begun = _open(out)
    begun.rejects.write(rejects)
    begun.save(state or {"at": 1})
    begun.close()
    return begun.folder


# Beginning.


def test_a_new_run_begins_empty(tmp_path: Path) -> None:
    """Without a left-over there is nothing to resume and nothing that was discarded, with --resume and without."""
    for resume in (False, True):
        begun = _open(tmp_path / "out", resume=resume)
        assert (begun.state, begun.resumed, begun.discarded, begun.finished) == (None, False, False, False)
        assert work_folder(str(tmp_path / "out")) == begun.folder
        assert stat.S_IMODE(begun.folder.stat().st_mode) == 0o700
        begun.close()
        assert _names(tmp_path) == []


def test_a_left_over_is_removed_and_told(tmp_path: Path) -> None:
    """A run that does not resume removes what an earlier one left, and can say so."""
    folder = _left_over(tmp_path / "out", rejects=b"x\n")
    (folder / "rows").mkdir()
    (folder / "rows" / "part").write_bytes(b"x")
    begun = _open(tmp_path / "out")
    assert (begun.discarded, begun.resumed, begun.rejects.tell()) == (True, False, 0)
    assert not (folder / "rows").exists()
    begun.discard()
    assert _names(tmp_path) == []


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    """Without a checkpoint there is nothing to resume; what is there is removed and told."""
    folder = work_folder(str(tmp_path / "out"))
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "rejects.jsonl").write_bytes(b"x\n")
    begun = _open(tmp_path / "out", resume=True)
    assert (begun.resumed, begun.discarded, begun.rejects.tell()) == (False, True, 0)
    begun.close()


def test_a_resumed_run_has_the_last_state(tmp_path: Path) -> None:
    """A run that resumes gets the state of the last checkpoint, and the rejects up to there and no further."""
    begun = _open(tmp_path / "out")
    begun.rejects.write(b"one\n")
    begun.save({"at": 1})
    begun.rejects.write(b"two\n")
    begun.save({"at": 2, "deep": {"list": [1, None]}})
    begun.rejects.write(b"three\n")
    begun.close()
    again = _open(tmp_path / "out", resume=True)
    assert (again.resumed, again.discarded, again.state) == (True, False, {"at": 2, "deep": {"list": [1, None]}})
    again.rejects.write(b"four\n")
    again.save({"at": 3})
    assert (again.folder / "rejects.jsonl").read_bytes() == b"one\ntwo\nfour\n"
    assert stat.S_IMODE((again.folder / "rejects.jsonl").stat().st_mode) == 0o600
    again.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"options": {"prefix": "x", "keep": False}}, 'options.prefix was "" and is "x"'),
        ({"options": {"prefix": "", "keep": 0}}, "options.keep was false and is 0"),
        ({"inputs": [["a.jsonl", 11, 5]]}, "inputs[0][1] was 10 and is 11"),
        ({"inputs": []}, 'inputs was [["a.jsonl", 10, 5]] and is []'),
        ({"catalog": "2"}, 'catalog was "1" and is "2"'),
        ({"more": 1}, "more was null and is 1"),
    ],
)
def test_another_run_is_not_resumed(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    """What changed since the killed run is named with its old and new value; the left-over stays."""
    folder = _left_over(tmp_path / "out")
    with pytest.raises(PipelineError) as caught:
        _open(tmp_path / "out", resume=True, **changes)
    assert told in str(caught.value)
    assert "begin anew without --resume" in str(caught.value)
    assert (folder / "journal.json").exists()
    again = _open(tmp_path / "out", resume=True)
    assert again.resumed
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-10],
        lambda content: b"",
        lambda content: b"[]",
        lambda content: b"\xff" + content,
        lambda content: content.replace(b'"at": 1', b'"at": 7'),
    ],
)
def test_a_damaged_journal_is_refused_with_a_remedy(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A journal that was cut or changed is not gone on from; without --resume the run begins anew."""
    folder = _left_over(tmp_path / "out")
    path = folder / "journal.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PipelineError, match=r"journal.json is damaged: begin anew without --resume"):
        _open(tmp_path / "out", resume=True)
    begun = _open(tmp_path / "out")
    assert begun.discarded
    begun.close()


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    """A journal of a later version of the package is named as such."""
    folder = _left_over(tmp_path / "out")
    content = json.loads((folder / "journal.json").read_bytes()) | {"version": 99}
    del content["check"]
    content["check"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / "journal.json").write_text(json.dumps(content))
    with pytest.raises(PipelineError, match="another version"):
        _open(tmp_path / "out", resume=True)


def test_rejects_that_were_lost_are_noticed(tmp_path: Path) -> None:
    """A rejects file that is shorter than at the checkpoint is not gone on from."""
    folder = _left_over(tmp_path / "out", rejects=b"one\n")
    (folder / "rejects.jsonl").write_bytes(b"on")
    with pytest.raises(PipelineError, match="shorter than at the last checkpoint: begin anew"):
        _open(tmp_path / "out", resume=True)


# One run at a time.


def test_two_runs_cannot_write_one_output(tmp_path: Path) -> None:
    """The second run on an output is refused, through a link too; a run on another output is not."""
    (tmp_path / "link").symlink_to(tmp_path / "out")
    first = _open(tmp_path / "out")
    first.save({"at": 1})
    for name in ("out", "link"):
        for resume in (False, True):
            with pytest.raises(PipelineError, match=f"another run writes .*{name}: wait for it"):
                _open(tmp_path / name, resume=resume)
    _open(tmp_path / "other").close()
    first.discard()
    _open(tmp_path / "out").close()


def _try(out: Path, answers: Any) -> None:
    try:
        _open(out).close()
    except PipelineError as error:
        answers.put(str(error))
    else:
        answers.put("free")


def test_other_processes_are_kept_out(tmp_path: Path) -> None:
    """A run in another process is refused while this one runs."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    held = _open(tmp_path / "out")
    for want in ("another run writes", "free"):
        process = context.Process(target=_try, args=(tmp_path / "out", answers))
        process.start()
        assert want in answers.get(timeout=60)
        process.join()
        held.close()


def test_a_worker_does_not_hold_the_lock_of_a_run_that_is_gone(tmp_path: Path) -> None:
    """A forked worker that outlives its run does not keep others out."""
    held = _open(tmp_path / "out")
    held.save({"at": 1})  # the folder and its lock stay
    (over, end), (begun, ready) = os.pipe(), os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(end)
        os.write(ready, b"x")
        os.read(over, 1)  # until the other end is closed, whatever becomes of the test
        os._exit(0)
    try:
        os.read(begun, 1)
        held.close()
        again = _open(tmp_path / "out", resume=True)
        assert again.resumed
        again.close()
    finally:
        os.close(end)
        os.waitpid(worker, 0)
        for descriptor in (over, begun, ready):
            os.close(descriptor)


def test_without_flock_a_file_is_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no flock, the message says which file to remove if the other run is gone."""
    monkeypatch.setattr(journal, "fcntl", None)
    held = _open(tmp_path / "out")
    held.save({"at": 1})
    lock = held.folder / "lock"
    assert lock.read_text() == str(os.getpid())
    with pytest.raises(PipelineError, match=r"if there is none, remove .*lock"):
        _open(tmp_path / "out")
    held.close()
    again = _open(tmp_path / "out", resume=True)
    assert again.state == {"at": 1}
    again.discard()
    assert _names(tmp_path) == []


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: path.mkdir() or (path / "x").write_text("x")])
def test_what_is_not_ours_is_never_removed(make: Callable[[Path], object], tmp_path: Path) -> None:
    """A file or folder that happens to have the name of the state folder stays as it is."""
    make(tmp_path / "out.partial")
    with pytest.raises(PipelineError, match=r"out\.partial is in the way and is no state of a run"):
        _open(tmp_path / "out")
    assert _names(tmp_path) == ["out.partial"]


def test_a_folder_that_is_missing_is_named_as_given(tmp_path: Path) -> None:
    """The message for an output in a folder that does not exist has the output's name."""
    with pytest.raises(FileNotFoundError) as caught:
        _open(tmp_path / "missing" / "out")
    assert str(tmp_path / "missing" / "out") == caught.value.filename


# Publishing.


def _ready(tmp_path: Path, rejects: bytes = b"bad\n", *, folder: bool = False) -> tuple[Journal, list[Move], dict[str, Any]]:
    """A run that has all its rows, and what it publishes."""
    begun = _open(tmp_path / "out")
    begun.rejects.write(rejects)
    begun.save({"at": 1})
    (begun.folder / "whole").mkdir() if folder else (begun.folder / "whole").write_bytes(b"rows")
    if folder:
        (begun.folder / "whole" / "part").write_bytes(b"rows")
        files.write_marker(begun.folder / "whole", {})
    options = {"rejects": str(tmp_path / "rejects"), "manifest": (str(tmp_path / "manifest"), b"{}"), "result": {"rejects": 1}}
    return begun, [Move(str(begun.folder / "whole"), str(tmp_path / "out"))], options


def test_everything_appears_and_the_folder_goes(tmp_path: Path) -> None:
    """After publishing there are rejects, manifest and output, and nothing else; rejects are private."""
    begun, moves, options = _ready(tmp_path)
    begun.publish(moves, **options)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"out": b"rows", "rejects": b"bad\n", "manifest": b"{}"}
    assert stat.S_IMODE((tmp_path / "rejects").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "manifest").stat().st_mode) & 0o400
    begun.close()


def test_old_rejects_go_when_there_are_none(tmp_path: Path) -> None:
    """Nobody takes the rejects of an earlier run for those of this one."""
    (tmp_path / "rejects").write_bytes(b"old\n")
    begun, moves, options = _ready(tmp_path, b"")
    begun.publish(moves, **options)
    assert _names(tmp_path) == ["manifest", "out"]


class _KilledError(BaseException):
    """Stands for SIGKILL: nothing behind it runs that matters."""


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("rejects", [b"bad\n", b""])
def test_a_kill_between_renames_is_finished_by_resume(
    folder: bool,  # noqa: FBT001
    rejects: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed at any rename, a run is finished by the next one with --resume, and its result is told."""
    want = None
    for kill in range(12):
        place = tmp_path / str(kill)
        place.mkdir()
        (place / "rejects").write_bytes(b"old\n")
        if folder:
            (place / "out").mkdir()
            (place / "out" / "old").write_bytes(b"old")
            files.write_marker(place / "out", {})
        begun, moves, options = _ready(place, rejects, folder=folder)
        count = [0]

        def counted(original: Callable[..., Any], count: list[int] = count, kill: int = kill) -> Callable[..., Any]:
            def call(*args: Any, **rest: Any) -> Any:
                count[0] += 1
                if count[0] == kill:
                    raise _KilledError
                return original(*args, **rest)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", counted(Path.rename))
            patch.setattr(Path, "replace", counted(Path.replace))
            try:
                begun.publish(moves, **options)
            except _KilledError:
                begun.close()
        if not (place / "out.partial").exists():
            found = sorted((path.relative_to(place).as_posix(), path.read_bytes()) for path in place.rglob("*") if path.is_file())
            want = want or found
        else:
            again = _open(place / "out", resume=True)
            if again.finished:
                assert again.result == {"rejects": 1}
                assert not (place / "out.partial").exists()
                found = sorted((path.relative_to(place).as_posix(), path.read_bytes()) for path in place.rglob("*") if path.is_file())
            else:  # killed before the first rename: the run goes on from its checkpoint
                assert again.state == {"at": 1}
                found = []
                again.discard()
        if found:
            want = want or found
            assert want == found
    assert want is not None
    names = [name for name, _ in want]
    assert ("rejects" in names) == bool(rejects)
    assert ("out/part" if folder else "out") in names


def test_a_folder_that_was_set_aside_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the old folder's going and the new one's coming, a run that begins anew finds the old one in its place."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_bytes(b"old")
    files.write_marker(tmp_path / "out", {})
    begun, moves, options = _ready(tmp_path, folder=True)
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name == "whole":
            raise _KilledError
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(_KilledError):
            begun.publish(moves, **options)
    begun.close()
    assert not (tmp_path / "out").exists()
    _open(tmp_path / "out").close()
    assert (tmp_path / "out" / "old").read_bytes() == b"old"


def test_rejects_on_another_file_system_arrive_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rename cannot go, the file is copied and appears whole, as private as it was."""
    begun, moves, options = _ready(tmp_path)
    replace = Path.replace

    def crossing(self: Path, target: Path) -> Path:
        if self.name == "rejects.jsonl":
            raise OSError(18, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crossing)
    begun.publish(moves, **options)
    assert _names(tmp_path) == ["manifest", "out", "rejects"]
    assert (tmp_path / "rejects").read_bytes() == b"bad\n"
    assert stat.S_IMODE((tmp_path / "rejects").stat().st_mode) == 0o600


def test_rejects_can_go_to_a_device(tmp_path: Path) -> None:
    """Rejects that nobody wants go to /dev/null, which stays a device."""
    begun, moves, options = _ready(tmp_path)
    begun.publish(moves, **options | {"rejects": "/dev/null"})
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert _names(tmp_path) == ["manifest", "out"]


@pytest.mark.parametrize("format_", ["jsonl", "parquet", "csv"])
def test_a_copy_of_the_state_at_any_moment_can_be_resumed(format_: str, tmp_path: Path) -> None:
    """Whatever moment a kill picks, the folder that it leaves gives the output of an uninterrupted run."""
    blocks = [pa.table({"n": [number * 2, number * 2 + 1], f"c{number // 3}": ["x", None]}) for number in range(8)]
    chosen = random.Random(6)

    def run(out: Path, watch: Callable[[Path], None], *, resume: bool = False) -> bytes:
        begun = _open(out, resume=resume)
        if not begun.finished:
            state = begun.state or {"at": 0, "sink": None}
            sink = open_sink(Target(path=str(out), format=format_, work=begun.folder), state=state["sink"])
            for at in range(state["at"], len(blocks)):
                stream = pa.BufferOutputStream()
                with pa.ipc.new_stream(stream, blocks[at].schema) as writer:
                    writer.write_table(blocks[at])
                sink.write(bytes(stream.getvalue()))
                watch(begun.folder)
                begun.rejects.write(b"reject %d\n" % at)
                if at % 3 == 2:
                    saved = sink.checkpoint()
                    watch(begun.folder)
                    begun.save({"at": at + 1, "sink": saved})
                    watch(begun.folder)
            sink.complete()
            watch(begun.folder)
            begun.publish(sink.moves(), rejects=f"{out}.rejects")
        return out.read_bytes() + Path(f"{out}.rejects").read_bytes()

    images: list[Path] = []

    def picture(folder: Path) -> None:
        if chosen.random() < 0.6:
            images.append(tmp_path / f"image{len(images)}")
            shutil.copytree(folder, images[-1])

    (tmp_path / "first").mkdir()
    want = run(tmp_path / "first" / "out", picture)
    assert len(images) > 5
    for image in images:
        place = tmp_path / f"again-{image.name}"
        place.mkdir()
        image.rename(place / "out.partial")
        assert want == run(place / "out", lambda _: None, resume=True)
        assert _names(place) == ["out", "out.rejects"]


# Files.


def test_digests_are_of_the_whole_file(tmp_path: Path) -> None:
    """The SHA-256 of a file is that of its bytes."""
    (tmp_path / "x").write_bytes(b"x" * 3_000_000)
    assert hashlib.sha256(b"x" * 3_000_000).hexdigest() == sha256_of(tmp_path / "x")


def test_streams_of_the_process_are_devices(tmp_path: Path) -> None:
    """Paths of devices and of the process's own streams are never replaced; files, folders and new names are no devices."""
    (tmp_path / "file").touch()
    assert [files.is_device(path) for path in ("/dev/stdout", "/dev/null", "/proc/self/fd/1", "/dev/fd/2")] == [True] * 4
    assert [files.is_device(str(path)) for path in (tmp_path, tmp_path / "file", tmp_path / "new", "/dev/shm/new")] == [False] * 4
    assert real_path(f"{tmp_path}/file/") == tmp_path / "file"
