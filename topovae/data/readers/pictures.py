"""Images: those of a folder, and the pages of one file."""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from topovae.data.dataset import COPIES, MEMORY_BYTES
from topovae.data.readers.base import DAMAGE, Contents, File, InputFormat, refuse_member, require_room
from topovae.errors import InputError, TopovaeError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What is opened, whatever a suffix claims: other formats, such as PostScript, start programs."""

_PLAIN_MODES = {
    "1": "L",
    "P": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "LAB": "RGB",
    "LA": "RGBA",
    "PA": "RGBA",
}

_MUTING = threading.Lock()
"""Held by the one thread that has muted stderr, so that each leaves it as it was."""


class _Look(NamedTuple):
    """What the header of an image says: the shape of its pixels and their type."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.shape} of {self.dtype}"


class Picture(NamedTuple):
    """A picture that can be opened.

    Attributes:
        name: for messages.
        folder: that it lies in, relative to all; tells its class.
        open: gives its path, or its bytes as a file.
    """

    name: str
    folder: str
    open: Callable[[], Any]


class _ImageRows:
    """Images of one shape and type in files, decoded when asked for."""

    chunks = (1,)

    def __init__(self, pictures: list[Picture], look: _Look) -> None:
        self.pictures, self.look = pictures, look
        self.shape = (len(pictures), *look.shape)
        self.dtype = look.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.stack([self._pixels(picture) for picture in self.pictures[rows]])

    def _pixels(self, picture: Picture) -> np.ndarray:
        with _opened_image(picture.open(), picture.name) as image:
            # looked at again, for a file can change meanwhile, and before any pixel is decoded
            if (found := _look(image)) != self.look:
                raise InputError(
                    f"{picture.name} is {found} now, and was {self.look} before; leave the images alone while they are read."
                )
            plain = _PLAIN_MODES.get(image.mode)
            return np.asarray(image.convert(plain) if plain else image)


class _PageRows:
    """Pages of one shape in one file, decoded when asked for."""

    chunks = None

    def __init__(self, name: str, stream: BinaryIO, count: int, look: _Look, mode: str) -> None:
        self.name, self.stream, self.look, self.mode = name, stream, look, mode
        self.shape, self.dtype = (count, *look.shape), look.dtype
        self.turn = threading.Lock()  # a batch may be read while another is: there is one place in the file

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        out = np.empty((stop - start, *self.look.shape), self.dtype)
        with self.turn, _opened_image(self.stream, self.name) as image:
            for page in range(start, stop):
                image.seek(page)
                if image.size != self.look.shape[1::-1]:
                    raise InputError(f"{self.name}: page {page} has {image.size} pixels; leave it alone while it is read.")
                out[page - start] = np.asarray(image if image.mode == self.mode else image.convert(self.mode))
        return out


def read_pages(file: File) -> Contents:
    """Take the pages of a TIFF or a GIF as samples.

    Raises:
        InputError: it holds a single page, pages differ in shape or type, or it is damaged.
        ResourceError: a page is too large.
    """
    refuse_member(file)
    stream = open(file.path, "rb")  # noqa: SIM115 stays open as long as pages are in use; a copy of a pipe has no name any more
    with _opened_image(stream, file.label) as image:
        look, mode = _look(image), _PLAIN_MODES.get(image.mode, image.mode)
        require_room((COPIES, *look.shape), look.dtype, f"{file.label}, a page of it", file.memory)
        count = int(getattr(image, "n_frames", 1))
        if count < 2:
            raise InputError(f"{file.label} is a single picture, and a sample is one: {_ALL_OF_THEM}")
        grey = image.format == "GIF"
        for page in range(count):
            image.seek(page)
            # later frames of a GIF come in more colours than the first; they are converted to its own
            if image.size != look.shape[1::-1] or (image.format != "GIF" and _look(image) != look):
                raise InputError(
                    f"The pages of {file.label} differ: the first is {look} and page {page} (counted from 0) is {_look(image)} "
                    "(height, width, channels, type); expected one shape and type. Take the odd ones out, such as thumbnails."
                )
            grey = grey and _is_grey(image)
        if grey:  # a palette of greys alone, as of a film of a microscope
            mode, look = "L", _Look(look.shape[:2], np.dtype(np.uint8))
    return Contents(_PageRows(file.label, stream, count, look, mode))


def _is_grey(image: Any) -> bool:
    colours = np.asarray(image.convert("RGB"))
    return bool((colours == colours[..., :1]).all())


_ALL_OF_THEM = "give the folder, zip or tar that holds all of them, or one file of many pages."


def refuse_picture(file: File) -> Contents:
    """Say what to give in place of a single picture.

    Raises:
        InputError: always.
    """
    raise InputError(f"{file.label} is a single picture, and a sample is one: {_ALL_OF_THEM}")


def read_folder(place: str, member: str | None, memory: int = MEMORY_BYTES) -> Contents:
    """Take the images of a folder as samples, in the order of their names; of its folders, if they are classes.

    Args:
        place: the folder.
        member: must be None, for a folder has no arrays to name.
        memory: bytes that decoding an image may take.

    Raises:
        InputError: there are no images, they differ in shape or type, or one is damaged.
        ResourceError: an image is too large.
    """
    paths = _image_paths(place)
    if member is not None:
        raise InputError(f"{place} is a folder of images, without arrays to name; write {place} alone.")
    if not paths:
        raise InputError(
            f"{place} is a folder without images; expected files ending in {', '.join(IMAGES)} directly in "
            "it, or in a folder for each class. Give the folder that holds them, or one file."
        )
    pictures = [Picture(str(path), str(path.parent.relative_to(place)), partial(Path, path)) for path in paths]
    return stack_pictures(place, pictures, memory)


def stack_pictures(place: str, pictures: list[Picture], memory: int) -> Contents:
    """Pictures as samples, with their folders as label where there are several.

    Args:
        place: names all of them.
        pictures: at least one.
        memory: bytes that decoding one may take.

    Raises:
        InputError: they differ in shape or type, or one is damaged.
        ResourceError: one is too large.
    """
    looks = []
    for picture in pictures:
        with _opened_image(picture.open(), picture.name) as image:
            looks.append(_look(image))
            if image.format in ("TIFF", "GIF") and _has_more(image):
                raise InputError(
                    f"{picture.name} holds several pages, of which one would be taken; give it alone, or each page as a file."
                )
    odd = next((i for i, look in enumerate(looks) if look != looks[0]), None)
    if odd is not None:
        first, other = (os.path.basename(pictures[i].name) for i in (0, odd))
        raise InputError(
            f"The images in {place} differ: {first} is {looks[0]} and {other} is {looks[odd]} (height, "
            "width, channels, type); expected one shape, and one range of grey levels. Resize them and convert all to grey or "
            "all to colour, of as many bits."
        )
    require_room((COPIES, *looks[0].shape), looks[0].dtype, pictures[0].name, memory)
    classes = sorted({picture.folder for picture in pictures})
    if len(classes) < 2:
        return Contents(_ImageRows(pictures, looks[0]))
    label = np.array([picture.folder for picture in pictures])
    named = ", ".join(classes[:5]) + ", …" * (len(classes) > 5)
    return Contents(
        _ImageRows(pictures, looks[0]),
        label=label,
        notes=(
            f"the {len(classes)} folders of {place} ({named}) were taken for classes; they colour pictures, and teach nothing",
        ),
    )


def _has_more(image: Any) -> bool:
    """Whether there is a second page of the size of the first; smaller ones are thumbnails."""
    size = image.size
    try:
        image.seek(1)
    except EOFError:
        return False
    return bool(image.size == size)


def _image_paths(place: str) -> list[Path]:
    """The images of a folder; those one level below, where there are none directly in it."""
    direct = _images(Path(place))
    if direct:
        return direct
    folders = sorted(path for path in Path(place).iterdir() if path.is_dir() and not path.name.startswith("."))
    return [path for folder in folders for path in _images(folder)]


def _images(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGES and not path.name.startswith(".") and path.is_file()
    )


@contextmanager
def _opened_image(source: Any, name: str) -> Iterator[Any]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on metadata and sizes, which are judged here
            with Image.open(source, formats=_FORMATS) as image, _muted() if image.format == "TIFF" else nullcontext():
                yield image
    except TopovaeError:
        raise
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(
            f"{name} cannot be read as an image ({error}); expected whole images, as {', '.join(_FORMATS)}. Make it again or "
            "take it away."
        ) from error


@contextmanager
def _muted() -> Iterator[None]:
    """Within, nothing is written to stderr: libtiff says there, from C, what is wrong, and Pillow raises it as an error too."""
    with _MUTING, open(os.devnull, "wb") as nowhere:
        try:
            kept = os.dup(2)
        except OSError:  # it is closed: nobody reads it
            yield
            return
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _look(image: Any) -> _Look:
    from PIL import ImageMode

    mode = ImageMode.getmode(_PLAIN_MODES.get(image.mode, image.mode))
    channels = len(mode.bands)
    return _Look((image.height, image.width, *((channels,) if channels > 1 else ())), np.dtype(mode.typestr))


def hash_folder(place: str) -> str:
    """The SHA-256 of the names and contents of a folder's images, in order."""
    digest = hashlib.sha256()
    for path in _image_paths(place):
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.relative_to(place)}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


PAGES = InputFormat(
    "TIFF or GIF of many pages", (".tif", ".tiff", ".gif"), (b"II*\0", b"MM\0*", b"GIF8"), read_pages, "pages as samples"
)
PICTURE = InputFormat("a single picture", (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm"), (), refuse_picture)
