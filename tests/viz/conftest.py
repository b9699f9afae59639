"""What every picture is held to."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(figure: Figure) -> list[tuple[str, np.ndarray]]:
    """Every text that shows, with its box (left, bottom, right, top) in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    outside = set()
    for axes in figure.findobj(matplotlib.axes.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9 or not axes.axison:
                    outside |= {id(tick.label1), id(tick.label2)}
            if not axes.axison:
                outside.add(id(axis.label))
    found = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in outside:
            box = text.get_window_extent(canvas.get_renderer())
            found.append((text.get_text(), np.array(box.extents)))
    return found


@pytest.fixture
def assert_legible() -> Callable[[Figure], None]:
    """A function that fails where a text of a figure overlaps another or comes to the edge of the page."""

    def check(figure: Figure) -> None:
        texts = texts_of(figure)
        width, height = figure.get_size_inches() * figure.dpi
        margin = 3.0  # pixels at the sides, of the 9 that the layout leaves
        for label, (left, bottom, right, top) in texts:
            assert margin <= left and right <= width - margin and bottom >= -1.0 and top <= height + 1.0, label
        for (one, a), (two, b) in itertools.combinations(texts, 2):
            across = min(a[2], b[2]) - max(a[0], b[0])
            up = min(a[3], b[3]) - max(a[1], b[1])
            assert min(across, up) <= 0, f"{one!r} overlaps {two!r}"

    return check
