"""A path through a latent space: a strip of what lies on it, or an animation."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from math import prod

import numpy as np
from matplotlib.figure import Figure

from topovae.store.atomic import write_atomic
from topovae.viz.files import save, suffix_of
from topovae.viz.images import as_picture
from topovae.viz.style import BLUE, INK, TICK, heading

MOST_FRAMES = 12
"""Pictures in a strip: as many as can be seen on a page."""

FRAME_MILLISECONDS = 120
SMALLEST_SIDE = 192
"""Pixels of the shorter side of an animated picture at least, by whole multiples of its own."""

ANIMATED = ("gif",)


def draw_traversal(
    x: np.ndarray,
    coordinates: np.ndarray,
    lengths: np.ndarray,
    sample_shape: Sequence[int],
    path: str | os.PathLike[str],
    *,
    names: Sequence[str] = (),
    title: str = "",
) -> None:
    """Draw a path into a file: of a .gif all its pictures in turn, else a strip of some, above the latent coordinates.

    Args:
        x: (n, …) decoded samples.
        coordinates: (n, k) latent ones.
        lengths: (n,) how far along each is.
        sample_shape: (h, w), (h, w, c) or (c, h, w) for images; (d,) is drawn as profiles, and above as a map.
        path: .png, .pdf, .svg or .gif.
        names: of the coordinates.
        title: above the picture.

    Raises:
        UsageError: another ending.
        OutputError: the place cannot be written.
    """
    x = np.asarray(x, dtype=float).reshape(len(x), *sample_shape)
    if suffix_of(path, ANIMATED) in ANIMATED:
        _animate(x, path)
    else:
        save(traversal_figure(x, coordinates, lengths, names=names, title=title), path)


def traversal_figure(
    x: np.ndarray, coordinates: np.ndarray, lengths: np.ndarray, *, names: Sequence[str] = (), title: str = ""
) -> Figure:
    """A strip of decoded samples, and the latent coordinates over the length of the path below it.

    Args:
        x: (n, *sample_shape).
        coordinates, lengths, names, title: as for `draw_traversal`.
    """
    figure = Figure(figsize=(9.5, 3.9), layout="constrained")
    parts = figure.subfigures(2, 1, height_ratios=(1.25, 1), squeeze=False)
    top, below = parts[0, 0], parts[1, 0]
    heading(top, title)
    low, high = float(x.min()), float(x.max())
    if x.ndim > 2:
        chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_FRAMES)).astype(int))
        for axes, i in zip(top.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
            axes.imshow(_shaded(x[i], low, high), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_axis_off()
            axes.set_title(f"{lengths[i]:.2f}", fontsize=TICK, color=INK)
    else:
        axes = top.subplots()
        image = axes.imshow(x.T, aspect="auto", cmap="viridis", interpolation="nearest", vmin=low, vmax=high or 1)
        axes.set_ylabel("feature", fontsize=TICK + 0.5)
        axes.set_xlabel("step", fontsize=TICK + 0.5)
        axes.tick_params(labelsize=TICK)
        top.colorbar(image, ax=axes, pad=0.01).ax.tick_params(labelsize=TICK)
    axes = below.subplots()
    for column, values in enumerate(coordinates.T):
        name = names[column] if column < len(names) else f"z{column}"
        # an angle jumps at ±π: a line across the picture would say that it goes through all others
        jumps = np.flatnonzero(np.abs(np.diff(values)) > np.pi) + 1
        along, drawn = (np.insert(np.asarray(one, dtype=float), jumps, np.nan) for one in (lengths, values))
        axes.plot(along, drawn, marker=".", linewidth=0.9, color=BLUE if coordinates.shape[1] == 1 else None, label=name)
    axes.set_xlabel("length of the path", fontsize=TICK + 0.5)
    axes.set_ylabel("latent coordinate", fontsize=TICK + 0.5)
    axes.tick_params(labelsize=TICK)
    axes.legend(fontsize=TICK, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _shaded(sample: np.ndarray, low: float, high: float) -> np.ndarray:
    """A picture with values in [0, 1]."""
    return np.clip((as_picture(sample) - low) / ((high - low) or 1.0), 0, 1)


def _animate(x: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Write the samples in turn: pictures as they are, only larger; vectors as profiles."""
    from PIL import Image

    low, high = float(x.min()), float(x.max())
    frames = [_shaded(one, low, high) for one in x] if x.ndim > 2 else _profiles(x, low, high)
    times = max(1, -(-SMALLEST_SIDE // min(frames[0].shape[:2])))
    pictures = [np.round(255 * np.kron(f, np.ones((times, times) + (1,) * (f.ndim - 2)))).astype(np.uint8) for f in frames]
    first, *others = [Image.fromarray(picture[..., :3] if picture.ndim == 3 else picture) for picture in pictures]
    stream = io.BytesIO()
    first.save(stream, format="gif", save_all=True, append_images=others, duration=FRAME_MILLISECONDS, loop=0)
    write_atomic(path, lambda file: file.write(stream.getbuffer()))


def _profiles(x: np.ndarray, low: float, high: float) -> list[np.ndarray]:
    """Pictures (h, w, 3) of vectors (n, d) as curves over their features."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    frames = []
    margin = 0.05 * ((high - low) or 1.0)
    for values in x.reshape(len(x), prod(x.shape[1:])):
        figure = Figure(figsize=(4, 2.4), dpi=100, layout="constrained")
        axes = figure.subplots()
        axes.plot(values, color=BLUE, marker="." if len(values) < 40 else None, linewidth=0.9)
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlabel("feature", fontsize=TICK + 0.5)
        axes.tick_params(labelsize=TICK)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3] / 255.0)
    return frames
