"""Files that are either wholly the old one or wholly the new one, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from topovae.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows: leftovers of a killed writer are then not swept up
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial"

ADVICE: dict[int, str] = {
    errno.ENOSPC: "the disk is full; free some space or write to another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or write to another disk",
    errno.EFBIG: "the file would be larger than the limit on file sizes allows; raise the limit (ulimit -f)",
    errno.EACCES: "there is no permission to write there; choose another folder or change its permissions",
    errno.EPERM: "there is no permission to write there; choose another folder or change its permissions",
    errno.EROFS: "that file system is read-only; choose another folder",
    errno.ENOENT: "the folder does not exist; create it or choose another",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "that is a folder; give the name of a file",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EIO: "the disk reports an input/output error; write to another disk",
}


@contextlib.contextmanager
def reporting(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every OSError of the block into an OutputError that says what to do.

    Raises:
        OutputError: for each OSError.
    """
    try:
        yield
    except OSError as error:
        reason = ADVICE.get(error.errno or 0, (error.strerror or str(error)) + "; choose another place")
        kept = " The file that was there is unchanged." if os.path.isfile(path) else ""
        raise OutputError(f"cannot write {os.fspath(path)}: {reason}.{kept}") from error


def write_atomic(path: str | os.PathLike[str], fill: Callable[[BinaryIO], object]) -> None:
    """Write a file so that a reader sees the old content or the new one, never a mixture.

    The bytes go to a temporary file in the same folder, reach the disk, and take the name in one step. What
    exists and is not a regular file (a pipe, /dev/null) is written directly.

    Args:
        path: the file; a symbolic link stays one.
        fill: writes the content to a binary stream.

    Raises:
        OutputError: the place cannot be written; the old file is untouched and nothing is left behind.
    """
    with reporting(path):
        if _is_special(path):
            with open(path, "wb") as stream:
                fill(stream)
            return
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with contextlib.suppress(PermissionError):  # a folder may be writable and not listable
            _sweep(target)
        partial = _partial(target)
        try:
            _write_through(partial, target, fill)
            os.replace(partial, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise
        _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Find out, before long work starts, whether `write_atomic` could write there.

    Raises:
        OutputError: it could not.
    """
    with reporting(path):
        if _is_special(path):
            return
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial = _partial(target)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        os.unlink(partial)


@contextlib.contextmanager
def holding(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep a place for one writer that replaces it again and again; another one is refused while the block lasts.

    The lock is on a file of its own beside it, `.NAME.lock`: the place itself becomes another file at every write. The kernel
    frees it with its process, killed or not, also on network file systems that have locks; where there are none, nobody is
    refused.

    Args:
        path: the place that is written in the block.

    Raises:
        OutputError: another writer holds the place, or its folder cannot be written.
    """
    if fcntl is None or _is_special(path):
        yield
        return
    target = Path(os.path.realpath(path))
    lock = target.with_name(f".{target.name}.lock")
    descriptor = _locked(lock, path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(lock)  # while it is held: who finds it gone after locking it starts anew, see `_locked`
        os.close(descriptor)


def _locked(lock: Path, path: str | os.PathLike[str]) -> int:
    """An open file that is locked and still bears its name."""
    while True:
        with reporting(path):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(descriptor)
                raise OutputError(
                    f"another process of topovae is writing {os.fspath(path)}; wait for its end, or choose another -o"
                ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                return descriptor
        os.close(descriptor)


def _is_special(path: str | os.PathLike[str]) -> bool:
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}{PARTIAL}")


def _write_through(partial: Path, target: Path, fill: Callable[[BinaryIO], object]) -> None:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        _lock(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
        fill(stream)
        stream.flush()
        os.fsync(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether the file is now locked by us: the kernel frees the lock of a killed writer."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(target: Path) -> None:
    """Remove the temporary files that killed writers of this target left: the ones nobody holds."""
    prefix, length = f".{target.name}.", len(target.name) + 2 + 8 + len(PARTIAL)
    for entry in os.scandir(target.parent):
        if not (entry.name.startswith(prefix) and entry.name.endswith(PARTIAL) and len(entry.name) == length):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(entry.path, os.O_WRONLY)
            try:
                if _lock(descriptor):
                    os.unlink(entry.path)
            finally:
                os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can do that for folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
