"""Folders of images."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from topovae.data.dataset import COPIES, MEMORY_BYTES
from topovae.data.readers.base import DAMAGE, Contents, require_room
from topovae.errors import InputError

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


class _Look(NamedTuple):
    """What the header of an image says: the shape of its pixels and their type."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.shape} of {self.dtype}"


class _ImageRows:
    """Images of one shape and type in files, decoded when asked for."""

    chunks = (1,)

    def __init__(self, paths: list[Path], look: _Look) -> None:
        self.paths, self.look = paths, look
        self.shape = (len(paths), *look.shape)
        self.dtype = look.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.stack([self._pixels(path) for path in self.paths[rows]])

    def _pixels(self, path: Path) -> np.ndarray:
        with _opened_image(path) as image:
            # looked at again, for a file can change meanwhile, and before any pixel is decoded
            if (found := _look(image)) != self.look:
                raise InputError(
                    f"{path} is {found} now, and was {self.look} before; leave the images alone while they are read."
                )
            plain = _PLAIN_MODES.get(image.mode)
            return np.asarray(image.convert(plain) if plain else image)


def read_folder(place: str, member: str | None, memory: int = MEMORY_BYTES) -> Contents:
    """Take the images of a folder as samples, in the order of their names.

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
            "it. Give the folder that holds them, or one file."
        )
    looks = []
    for path in paths:
        with _opened_image(path) as image:
            looks.append(_look(image))
    odd = next((i for i, look in enumerate(looks) if look != looks[0]), None)
    if odd is not None:
        raise InputError(
            f"The images in {place} differ: {paths[0].name} is {looks[0]} and {paths[odd].name} is {looks[odd]} (height, "
            "width, channels, type); expected one shape, and one range of grey levels. Resize them and convert all to grey or "
            "all to colour, of as many bits."
        )
    require_room((COPIES, *looks[0].shape), looks[0].dtype, str(paths[0]), memory)
    return Contents(_ImageRows(paths, looks[0]))


def _image_paths(place: str) -> list[Path]:
    return sorted(
        path
        for path in Path(place).iterdir()
        if path.suffix.lower() in IMAGES and not path.name.startswith(".") and path.is_file()
    )


@contextmanager
def _opened_image(path: Path) -> Iterator[Any]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on metadata and sizes, which are judged here
            with Image.open(path, formats=_FORMATS) as image:
                yield image
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as an image ({error}); expected whole images, as {', '.join(_FORMATS)}. Make it again or "
            "take it away."
        ) from error


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
        digest.update(f"{path.name}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
