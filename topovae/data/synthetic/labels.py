"""Class labels beside an image set: one whole number a sample, which is no data set of its own."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from topovae.errors import InputError

_GZIP, _NPY, _IDX = b"\x1f\x8b", b"\x93NUMPY", b"\x00\x00\x08\x01"


def read_labels(path: str) -> np.ndarray:
    """Read labels from IDX (as MNIST's), .npy or text with one number a line; each of them also gzipped.

    Args:
        path: a file.

    Returns:
        (m,) whole numbers.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        content = Path(path).read_bytes()
        content = gzip.decompress(content) if content.startswith(_GZIP) else content
        labels = _parse(content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as labels ({error}); expected an IDX file of labels, a .npy array or a "
            "text file with one whole number a line. Check the path and the file."
        ) from error
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or not np.array_equal(labels, np.round(labels)):
        raise InputError(
            f"{path} holds an array of shape {labels.shape} and dtype {labels.dtype}; expected one whole "
            "number for each image. Give the labels alone."
        )
    return labels.astype(np.int64)


def _parse(content: bytes) -> np.ndarray:
    if content.startswith(_IDX):
        count = int.from_bytes(content[4:8], "big")
        if len(content) != count + 8:
            raise ValueError(f"its header says {count} labels, but {len(content) - 8} follow")
        return np.frombuffer(content, dtype=np.uint8, offset=8)
    if content.startswith(_NPY):
        return np.load(io.BytesIO(content), allow_pickle=False)
    return np.array([float(line) for line in content.decode().split()])
