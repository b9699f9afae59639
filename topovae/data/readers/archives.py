"""Pictures in a zip or a tar, read from it one by one: nothing is unpacked to the disk, so no name leads out of a folder."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

from topovae.data.dataset import COPIES
from topovae.data.readers.base import Contents, File, InputFormat, parsing, refuse_member
from topovae.data.readers.pictures import IMAGES, Picture, stack_pictures
from topovae.errors import InputError

MOST_MEMBERS = 1_000_000
"""Members of an archive that are looked at: a limit on cost, not tuned."""


def holds_pictures(file: File) -> bool:
    """Whether a zip holds a picture."""
    with parsing(file, ZIP.name), zipfile.ZipFile(file.path) as archive:
        return any(_is_picture(name) for name in archive.namelist()[:MOST_MEMBERS])


def read_archive(file: File) -> Contents:
    """Take the pictures of a zip as samples, in the order of their names; folders of classes become a label.

    Raises:
        InputError: it is damaged, or holds no pictures of one shape.
        ResourceError: a picture is too large.
    """
    refuse_member(file)
    with parsing(file, ZIP.name):
        # stays open, for reading, as long as its pictures are in use; a copy of standard input has no name any more
        archive = zipfile.ZipFile(file.path)
        members = [info for info in archive.infolist()[:MOST_MEMBERS] if _is_picture(info.filename)]

    def opener(info: zipfile.ZipInfo) -> Callable[[], io.BytesIO]:
        def open_member() -> io.BytesIO:
            _require_small(file, info.filename, info.file_size)
            with parsing(file, ZIP.name), archive.open(info) as stream:
                return io.BytesIO(stream.read(info.file_size + 1))

        return open_member

    return _stack(file, [(info.filename, opener(info)) for info in members])


def read_tar(file: File) -> Contents:
    """Take the pictures of a tar as samples, as `read_archive` does.

    Raises:
        InputError: it is damaged, or holds no pictures of one shape.
        ResourceError: a picture is too large.
    """
    refuse_member(file)
    with parsing(file, TAR.name, tarfile.TarError), tarfile.open(file.path, "r:") as archive:
        members: list[tuple[str, int, int]] = []
        while len(members) < MOST_MEMBERS and (info := archive.next()) is not None:
            if info.isreg() and not info.issparse() and _is_picture(info.name):
                members.append((info.name, info.offset_data, info.size))
    handle = open(file.path, "rb")  # noqa: SIM115 stays open as the zip does

    def opener(name: str, start: int, size: int) -> Callable[[], io.BytesIO]:
        def open_member() -> io.BytesIO:
            _require_small(file, name, size)
            return io.BytesIO(os.pread(handle.fileno(), size, start))

        return open_member

    return _stack(file, [(name, opener(name, start, size)) for name, start, size in members])


def _stack(file: File, members: list[tuple[str, Callable[[], io.BytesIO]]]) -> Contents:
    if not members:
        raise InputError(
            f"{file.label} is an archive without pictures; expected files ending in {', '.join(IMAGES)}. Unpack it, and "
            "give the data file or the folder in it."
        )
    pictures = [Picture(f"{file.label}::{name}", str(PurePosixPath(name).parent), opened) for name, opened in sorted(members)]
    return stack_pictures(file.label, pictures, file.memory)


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in IMAGES and not hidden


def _require_small(file: File, name: str, size: int) -> None:
    if size > file.memory // COPIES:
        raise InputError(
            f"{file.label}::{name[:60]} takes {size} bytes, and {file.memory // COPIES} are allowed for a picture; make it "
            "smaller, or allow more memory."
        )


ZIP = InputFormat("zip of pictures", (".zip",), (), read_archive, "folders of classes as label")
TAR = InputFormat("tar of pictures", (".tar",), (), read_tar, "folders of classes as label")
