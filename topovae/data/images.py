"""Which axis of an image holds its channels: the one guess of it, from the shape alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CHANNEL_COUNTS = (1, 3, 4)
"""Numbers of channels that images have: grey, colour, and colour with opacity."""


def channel_axis(sample_shape: Sequence[int]) -> int | None:
    """Return the axis of a sample that holds channels, or None for samples that are not of three axes.

    It is the last axis, as image libraries have it, unless the first alone has as many entries as grey or colour images
    have channels. Where neither has, the last may still be one of many channels; a caller that must be sure of an image
    asks whether its length is among `CHANNEL_COUNTS`.

    Args:
        sample_shape: of one sample: (h, w, c), (c, h, w), or any other.

    Example:
        >>> channel_axis((28, 28, 3)), channel_axis((3, 28, 28)), channel_axis((28, 28))
        (2, 0, None)
    """
    if len(sample_shape) != 3:
        return None
    first, _, last = sample_shape
    return 0 if first in CHANNEL_COUNTS and last not in CHANNEL_COUNTS else 2


def channels_last(rows: np.ndarray) -> np.ndarray:
    """Return samples (n, c, h, w) as (n, h, w, c), and all others as they are.

    Args:
        rows: (n, *sample_shape) samples.
    """
    return np.moveaxis(rows, 1, 3) if channel_axis(rows.shape[1:]) == 0 else rows
