"""The memory of a run beside its output: a folder ``OUT.partial`` that lets a killed run go on, or a new one begin anew.

It holds ``lock`` (one run at a time), ``journal.json`` (replaced as a whole at each checkpoint), ``rejects.jsonl``
(mode 0600) and what the sink keeps. The folder is private to its owner.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.files import Move, move, put_back, real_path, replace_file, sync_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_VERSION: Final = 1
_LOCK: Final = "lock"
_JOURNAL: Final = "journal.json"
_REJECTS: Final = "rejects.jsonl"
_MANIFEST: Final = "manifest.json"
_REPLACED: Final = "replaced"
_TRIES: Final = 50
_ANEW: Final = "begin anew without --resume"


def work_folder(output: str) -> Path:
    """Where the state of a run for an output is: beside it, on the same file system."""
    path = real_path(output)
    return path.with_name(path.name + ".partial")


class Journal:
    """The state of one run, locked. Made by `open`; ends with `publish`, `discard` or `close`.

    Attributes:
        folder: for the sink's `Target.work`.
        state: what `save` got last; None if there is nothing to go on from.
        discarded: whether a left-over of an earlier run was removed.
        resumed: whether there is a state to go on from.
        finished: whether the earlier run had done everything but the last renames, which are done now. There is
            nothing left to do then.
        result: what `publish` got of that run; empty otherwise.
        rejects: to append lines of the rejects file to.
    """

    def __init__(self, output: str, lock: _Lock, fingerprint: Mapping[str, object]) -> None:
        self.folder = work_folder(output)
        self.state: dict[str, Any] | None = None
        self.discarded = False
        self.finished = False
        self.result: dict[str, Any] = {}
        self._output = real_path(output)
        self._lock = lock
        self._fingerprint = _as_json(fingerprint)
        self._rejects: IO[bytes] | None = None

    @classmethod
    def open(cls, output: str, fingerprint: Mapping[str, object], *, resume: bool) -> Journal:
        """Locks the state of an output, and goes on from it or begins anew.

        Args:
            output: the path of the output; it need not exist.
            fingerprint: JSON-able: everything that decides what the output holds.
            resume: go on from what an earlier run left; otherwise that is removed.

        Raises:
            PipelineError: another run writes this output; what is left has another fingerprint or is damaged; there is
                something else of that name.
            OSError: the folder cannot be written.
        """
        try:
            lock = _Lock.take(work_folder(output), output)
        except OSError as error:
            raise OSError(error.errno, error.strerror, output) from None
        journal = cls(output, lock, fingerprint)
        try:
            journal._begin(resume=resume)
        except BaseException:
            journal.close()
            raise
        return journal

    @property
    def resumed(self) -> bool:
        """Whether there is a state to go on from."""
        return self.state is not None

    @property
    def rejects(self) -> IO[bytes]:
        """The rejects file so far; append to it."""
        if self._rejects is None:
            msg = "the journal is closed"
            raise ValueError(msg)
        return self._rejects

    def save(self, state: Mapping[str, object]) -> None:
        """Has a state on disk, with the rejects so far. The sink's checkpoint is taken before.

        Args:
            state: JSON-able; `state` of the journal that resumes.
        """
        self.rejects.flush()
        os.fsync(self.rejects.fileno())
        self.state = _as_json(state)
        self._write({"phase": "rows", "rejects": self.rejects.tell(), "state": self.state})

    def publish(
        self,
        outputs: Sequence[Move],
        *,
        rejects: str | None = None,
        manifest: tuple[str, bytes] | None = None,
        result: Mapping[str, object] | None = None,
    ) -> None:
        """Makes rejects, manifest and output appear, in this order, and removes the folder. A killed one is finished on resume.

        Args:
            outputs: `Sink.moves` of a completed sink.
            rejects: where the rejects go. If there are none, a file of an earlier run is removed there.
            manifest: where the manifest goes, and its content.
            result: JSON-able; what a run that only finishes this one has to know.

        Raises:
            PipelineError: a folder is in the way that is not ours.
            OSError: something cannot be written.
        """
        self.rejects.flush()
        os.fsync(self.rejects.fileno())
        length = self.rejects.tell()
        self.rejects.close()
        steps: list[Move] = []
        if rejects is not None and length:
            steps.append(Move(str(self.folder / _REJECTS), os.path.realpath(rejects) if _is_plain(rejects) else rejects))
        if manifest is not None:
            path, content = manifest
            replace_file(self.folder / _MANIFEST, content)
            steps.append(Move(str(self.folder / _MANIFEST), os.path.realpath(path) if _is_plain(path) else path))
        steps += outputs
        stale = [os.path.realpath(rejects)] if rejects is not None and not length and _is_plain(rejects) else []
        steps = [Move(self._relative(step.source), str(Path(step.target).absolute())) for step in steps]
        self._write(
            {
                "phase": "publish",
                "rejects": length,
                "state": self.state,
                "moves": [[step.source, step.target] for step in steps],
                "stale": stale,
                "result": _as_json(result or {}),
            }
        )
        self._carry_out(steps, stale)

    def discard(self) -> None:
        """Removes the folder and ends the journal: there is nothing to resume any more."""
        self._close_rejects()
        _empty(self.folder)
        self._lock.release(remove=True)

    def close(self) -> None:
        """Ends the journal and leaves the folder for a later run; without a checkpoint there is none to leave. Never raises."""
        self._close_rejects()
        with contextlib.suppress(OSError):
            if (self.folder / _JOURNAL).exists():
                self._lock.release(remove=False)
            else:
                _empty(self.folder)
                self._lock.release(remove=True)

    def _begin(self, *, resume: bool) -> None:
        left = [path for path in self.folder.iterdir() if path.name != _LOCK]
        content = self._read() if resume else None
        if content is None:
            put_back(self.folder / _REPLACED, self._output)
            self.discarded = bool(left)
            _empty(self.folder)
            self._open_rejects(0)
            return
        difference = _difference(content["fingerprint"], self._fingerprint)
        if difference:
            msg = f"the run that left {self.folder} was another one: {difference}. Repeat it as it was, or {_ANEW}"
            raise PipelineError(msg)
        self.state = content["state"]
        if content["phase"] == "publish":
            self.finished = True
            self.result = content["result"]
            self._carry_out([Move(*step) for step in content["moves"]], content["stale"])
            return
        self._open_rejects(content["rejects"])

    def _open_rejects(self, length: int) -> None:
        path = self.folder / _REJECTS
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, min(length, os.fstat(descriptor).st_size))
        self._rejects = os.fdopen(descriptor, "r+b")
        if self._rejects.seek(0, os.SEEK_END) < length:
            msg = f"{path} is shorter than at the last checkpoint: {_ANEW}"
            raise PipelineError(msg)

    def _close_rejects(self) -> None:
        if self._rejects is not None:
            with contextlib.suppress(OSError):
                self._rejects.close()

    def _carry_out(self, steps: Sequence[Move], stale: Sequence[str]) -> None:
        for path in stale:
            Path(path).unlink(missing_ok=True)
        for step in steps:
            move(Move(str(self.folder / step.source), step.target), self.folder / _REPLACED)
        self.discard()

    def _relative(self, source: str) -> str:
        """A name that stays right if the folder is moved."""
        path = Path(source).absolute()
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)

    def _write(self, content: dict[str, Any]) -> None:
        content = {"version": _VERSION, "fingerprint": self._fingerprint, **content}
        content["check"] = _check(content)
        replace_file(self.folder / _JOURNAL, json.dumps(content).encode(), private=True)

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / _JOURNAL
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            content = None
        if not isinstance(content, dict) or content.pop("check", None) != _check(content):
            msg = f"{path} is damaged: {_ANEW}"
            raise PipelineError(msg)
        if content["version"] != _VERSION:
            msg = f"{path} was written by another version of this package: {_ANEW}, or resume with that version"
            raise PipelineError(msg)
        return content


class _Held:
    """The locks of this process, which a forked worker must not keep when the process is gone."""

    def __init__(self) -> None:
        self._locks: weakref.WeakSet[_Lock] = weakref.WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def add(self, lock: _Lock) -> None:
        self._locks.add(lock)

    def _forget(self) -> None:
        for lock in list(self._locks):
            lock.forget()


class _Lock:
    """That one run at a time writes an output. The system frees it when a process ends, where there is flock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        _HELD.add(self)

    @classmethod
    def take(cls, folder: Path, output: str) -> _Lock:
        """Makes the folder if need be, and locks it.

        Raises:
            PipelineError: another run has it, or it is none of ours.
        """
        path = folder / _LOCK
        for _ in range(_TRIES):
            _make(folder)
            try:
                descriptor = _locked(path)
            except FileNotFoundError:  # a run that just ended removed the folder
                continue
            except BlockingIOError:
                break
            if _is_same(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)
            time.sleep(0.01)
        remedy = "wait for it" if fcntl is not None else f"wait for it; if there is none, remove {path}"
        msg = f"another run writes {output}: {remedy}, or write elsewhere with -o"
        raise PipelineError(msg)

    def forget(self) -> None:
        """Leaves the lock to the process that this one was forked from."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def release(self, *, remove: bool) -> None:
        """Frees the lock.

        Args:
            remove: the folder too, which is empty but for the lock.
        """
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if fcntl is None:  # an open file cannot be removed there, and the file is the lock
            os.close(descriptor)
            self._path.unlink(missing_ok=True)
        elif remove:
            self._path.unlink(missing_ok=True)
        if remove:
            with contextlib.suppress(OSError):  # another run may have made its lock in it by now
                self._path.parent.rmdir()
            sync_folder(self._path.parent.parent)
        if fcntl is not None:
            os.close(descriptor)


_HELD: Final = _Held()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir() or (not (folder / _LOCK).exists() and any(folder.iterdir()) and not (folder / _JOURNAL).exists()):
            msg = f"{folder} is in the way and is no state of a run: move it elsewhere, or write elsewhere with -o"
            raise PipelineError(msg) from None


def _locked(path: Path) -> int:
    """An open lock file.

    Raises:
        BlockingIOError: another run has it.
    """
    if fcntl is None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BlockingIOError from None
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_same(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked still has that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == _LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is_plain(path: str) -> bool:
    return not Path(path).exists() or Path(path).is_file()


def _as_json(value: Mapping[str, object]) -> dict[str, Any]:
    as_json: dict[str, Any] = json.loads(json.dumps(dict(value)))
    return as_json


def _check(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _difference(old: object, new: object, path: str = "") -> str | None:
    """The first difference of two JSON values, for people."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            found = _difference(old.get(key), new.get(key), f"{path}.{key}" if path else key)
            if found:
                return found
        return None
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, now) in enumerate(zip(old, new, strict=True)):
            found = _difference(before, now, f"{path}[{number}]")
            if found:
                return found
        return None
    if old == new and type(old) is type(new):
        return None
    return f"{path} was {json.dumps(old, ensure_ascii=False)} and is {json.dumps(new, ensure_ascii=False)}"
