"""Folders of images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.readers.base import DAMAGE, Contents
from topovae.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


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


class _ImageRows:
    """Images of one shape in files, decoded when asked for."""

    chunks = (1,)

    def __init__(self, paths: list[Path], shape: tuple[int, ...]) -> None:
        self.paths = paths
        self.shape = (len(paths), *shape)
        self.dtype = _pixels(paths[0]).dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.stack([_pixels(path) for path in self.paths[rows]])


def read_folder(place: str, member: str | None) -> Contents:
    """Take the images of a folder as samples, in the order of their names.

    Args:
        place: the folder.
        member: must be None, for a folder has no arrays to name.

    Raises:
        InputError: there are no images, they differ in shape, or one is damaged.
    """
    paths = _image_paths(place)
    if member is not None:
        raise InputError(f"{place} is a folder of images, without arrays to name; write {place} alone.")
    if not paths:
        raise InputError(
            f"{place} is a folder without images; expected files ending in {', '.join(IMAGES)} directly in "
            "it. Give the folder that holds them, or one file."
        )
    shapes = [_image_shape(path) for path in paths]
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise InputError(
            f"The images in {place} differ in shape: {paths[0].name} is {shapes[0]} and {paths[odd].name} is "
            f"{shapes[odd]} (height, width, channels); expected one shape. Resize them and convert all to "
            "grey or all to colour."
        )
    return Contents(_ImageRows(paths, shapes[0]))


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
        with Image.open(path) as image:
            yield image
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as an image ({error}); expected whole images. Make it again or take it away."
        ) from error


def _image_shape(path: Path) -> tuple[int, ...]:
    from PIL.Image import getmodebands

    with _opened_image(path) as image:
        channels = getmodebands(_PLAIN_MODES.get(image.mode, image.mode))
        return (image.height, image.width, *((channels,) if channels > 1 else ()))


def _pixels(path: Path) -> np.ndarray:
    with _opened_image(path) as image:
        plain = _PLAIN_MODES.get(image.mode)
        return np.asarray(image.convert(plain) if plain else image)


def hash_folder(place: str) -> str:
    """The SHA-256 of the names and contents of a folder's images, in order."""
    digest = hashlib.sha256()
    for path in _image_paths(place):
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
