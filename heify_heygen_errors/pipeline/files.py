"""Files that outlast a crash: written to disk, moved as a whole, with the permissions that umask gives."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from heify_heygen_errors.pipeline.blocks import PipelineError

_COPIED: Final = 1024 * 1024
MARKER: Final = "_manifest.json"
"""Stands in every folder of output and names the files that belong to it, so that a later run may replace them."""

_PROGRAM: Final = "heify_heygen_errors"
_CHUNK: Final = 1024 * 1024


@attrs.frozen
class Move:
    """A file or folder that is whole and has to appear under another name.

    Attributes:
        source: where it is. Once it is gone the move is done: moves can be repeated.
        target: where it appears, in place of what is there.
    """

    source: str
    target: str


def real_path(path: str) -> Path:
    """The file or folder behind a path: the target of a symbolic link, without a slash at the end."""
    return Path(os.path.realpath(path))


def is_device(path: str) -> bool:
    """Whether a path is written into as it stands: a device, a pipe, a socket or one of this process's own streams."""
    if Path(path).absolute().parts[1:2] in (("dev",), ("proc",)) and not Path(path).absolute().is_relative_to("/dev/shm"):  # noqa: S108
        return True
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def sync_file(path: Path) -> None:
    """Has the content of a file on disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Has the names in a folder on disk; does nothing where folders cannot be synced (Windows, some network disks)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_file(path: Path, content: bytes, *, private: bool = False) -> None:
    """Puts content under a name, whole or not at all, and has it on disk.

    Args:
        path: the file, which is replaced.
        content: its bytes.
        private: readable by its owner only; otherwise as umask says.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if not private:
            _open_up(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def move(step: Move, aside: Path) -> None:
    """Makes a file or folder appear under its name; does nothing if that is done already.

    Args:
        step: what goes where.
        aside: where a folder that is in the way waits until the new one is there; on the same file system.

    Raises:
        PipelineError: a folder is in the way that is not ours to replace.
    """
    source, target = Path(step.source), Path(step.target)
    if not source.exists():
        return
    if source.is_dir():
        check_replaceable(target)
        if target.exists():
            _remove(aside)
            target.rename(aside)
        source.rename(target)
        sync_folder(target.parent)
        _remove(aside)
        return
    if is_device(step.target):
        with source.open("rb") as stream, target.open("wb") as device:
            shutil.copyfileobj(stream, device, _CHUNK)
        source.unlink()
        return
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_across(source, target)
    sync_folder(target.parent)


def put_back(aside: Path, target: Path) -> None:
    """Gives a folder its name back that was set aside for a new one, which never came."""
    if aside.is_dir() and not target.exists():
        aside.rename(target)
        sync_folder(target.parent)


def check_replaceable(folder: Path) -> None:
    """Checks that a folder of output may take a name.

    Raises:
        PipelineError: there is a file of that name, or a folder with other files than those an earlier run wrote.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        msg = f"{folder} is a file, and the output is a folder: name another one with -o"
        raise PipelineError(msg)
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir() or file.is_symlink()}
    ours = _listed(folder / MARKER)
    strange = sorted(found - ours)
    if strange:
        msg = f"{folder} has files that no earlier run wrote, for example {strange[0]}: name another folder with -o, or empty this one"
        raise PipelineError(msg)


def write_marker(folder: Path, details: Mapping[str, object]) -> None:
    """Writes the file that makes a folder ours: it lists every file that is in it now.

    Args:
        folder: whole.
        details: JSON-able members that are added.
    """
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir())
    content = {"schema": 1, "program": _PROGRAM, "files": [file for file in files if file != MARKER], **details}
    replace_file(folder / MARKER, json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n")


def sha256_of(path: str | Path, size: int | None = None) -> str:
    """The SHA-256 of a file in hex; reads it piece by piece.

    Args:
        path: the file.
        size: bytes from its beginning to read; None for all.

    Raises:
        OSError: it cannot be read.
    """
    hashed = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while size is None or size > 0:
            data = stream.read(_COPIED if size is None else min(_COPIED, size))
            if not data:
                break
            hashed.update(data)
            size = None if size is None else size - len(data)
    return hashed.hexdigest()


def _listed(marker: Path) -> set[str]:
    try:
        content = json.loads(marker.read_bytes())
    except (OSError, ValueError):
        return set()
    if not isinstance(content, dict) or content.get("program") != _PROGRAM or not isinstance(content.get("files"), list):
        return set()
    return {MARKER, *(name for name in content["files"] if isinstance(name, str))}


def _temporary(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    os.close(descriptor)
    return Path(name)


def _copy_across(source: Path, target: Path) -> None:
    """Moves a file to another file system, where it appears whole as well."""
    temporary = _temporary(target)
    try:
        shutil.copyfile(source, temporary)
        shutil.copymode(source, temporary)
        sync_file(temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    source.unlink()


def _open_up(path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
