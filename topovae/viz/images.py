"""Samples and their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from topovae.data.images import channels_last
from topovae.errors import UsageError
from topovae.viz.style import BLUE, INK, TICK, heading

MOST_COLUMNS = 10


def draw_reconstructions(
    container: FigureBase,
    x: np.ndarray,
    reconstruction: np.ndarray,
    sample_shape: Sequence[int],
    *,
    blocks: int = 2,
    title: str = "",
) -> None:
    """Show samples above their reconstructions, all at one scale of brightness, in a figure or a part of one.

    Args:
        container: the figure or the part of one.
        x: (n, ...) samples, flat or in their shape; at most MOST_COLUMNS a block, spread evenly over the rows, are shown.
        reconstruction: the same of the decoder.
        sample_shape: (h, w), (h, w, c) or (c, h, w) for images; (d,) is drawn as a profile.
        blocks: pairs of rows at most.
        title: above the picture.

    Raises:
        UsageError: the two do not have equal shapes, or the shape is none of these.
    """
    originals, copies = np.asarray(x, dtype=float), np.asarray(reconstruction, dtype=float)
    if originals.shape != copies.shape or not len(originals):
        raise UsageError(f"samples of shape {originals.shape} and reconstructions of shape {copies.shape} differ.")
    chosen = np.unique(np.linspace(0, len(originals) - 1, min(len(originals), blocks * MOST_COLUMNS)).astype(int))
    shape = (len(chosen), *sample_shape)
    if originals[0].size != np.prod(sample_shape):
        raise UsageError(f"samples of {originals[0].size} values do not have the shape {tuple(sample_shape)}.")
    pairs = (originals[chosen].reshape(shape), copies[chosen].reshape(shape))
    low, high = float(np.nanmin(pairs[0])), float(np.nanmax(pairs[0]))
    columns = min(len(chosen), MOST_COLUMNS)
    rows = 2 * -(-len(chosen) // columns)
    grid = container.subplots(rows, columns, squeeze=False)
    heading(container, title)
    draw = _draw_image if len(sample_shape) > 1 else _draw_profile
    for place, axes in enumerate(grid.ravel().tolist()):
        row, column = divmod(place, columns)
        number = (row // 2) * columns + column
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        if number < len(chosen):
            draw(axes, pairs[row % 2][number], low, high, (INK, BLUE)[row % 2])
        if column == 0:
            axes.set_ylabel(("data", "model")[row % 2], fontsize=TICK + 0.5, color=(INK, BLUE)[row % 2])


def as_picture(sample: np.ndarray) -> np.ndarray:
    """The image as (h, w) or (h, w, 3 or 4), whichever axis its channels are on.

    Raises:
        UsageError: it is no image.
    """
    if sample.ndim == 2:
        return sample
    sample = channels_last(sample[None])[0]
    if sample.ndim != 3:
        raise UsageError(f"a sample of shape {sample.shape} is no image; images are (h, w), (h, w, c) or (c, h, w).")
    return sample if sample.shape[2] in (3, 4) else sample.mean(axis=2)


def _draw_image(axes: Axes, sample: np.ndarray, low: float, high: float, colour: str) -> None:
    picture = as_picture(sample)
    if picture.ndim == 3:
        picture = np.clip((picture - low) / (high - low or 1.0), 0, 1)
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high if high > low else low + 1, interpolation="nearest")


def _draw_profile(axes: Axes, sample: np.ndarray, low: float, high: float, colour: str) -> None:
    margin = 0.05 * (high - low or 1.0)
    axes.plot(sample, color=colour, linewidth=0.9, marker="." if len(sample) < 4 else None)
    axes.set_ylim(low - margin, high + margin)
