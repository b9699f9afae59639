"""Scenes: points in space that a reader of a page can turn, drawn by plotly where it is installed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.viz.style import FAINT, INK

DIGITS = 3
"""Decimals of a point in a page: a thousandth of a unit sphere is less than a pixel, not tuned."""

DOT = 2
"""Pixels of a point, not tuned."""

EYE = {"x": 1.0, "y": -1.2, "z": 0.8}
"""Where a scene is first seen from, in sides of the box around it: near enough to fill its place, not tuned."""


@dataclass(frozen=True)
class Scene:
    """Points and curves in space.

    Attributes:
        points: (n, 3).
        colours: one for each, "#rrggbb".
        lines: curves, (m, 3) each.
        alt: words for those who cannot see it.
        caption: below it.
    """

    points: np.ndarray
    colours: Sequence[str]
    lines: tuple[np.ndarray, ...] = ()
    alt: str = ""
    caption: str = ""


def library() -> str | None:
    """The script that draws scenes, 5 MB; None where the optional extra `report` is not installed."""
    try:
        offline: Any = importlib.import_module("plotly.offline")
    except ImportError:
        return None
    return str(offline.get_plotlyjs())


def script(scene: Scene, place: str) -> str:
    """What draws a scene into an element of a page; nothing in it can end the script.

    Args:
        scene: what is drawn.
        place: identifier of the element.
    """
    dots: dict[str, Any] = {**_axes(scene.points), "type": "scatter3d", "mode": "markers"}
    dots |= {"marker": {"size": DOT, "color": list(scene.colours), "line": {"width": 0}}, "hoverinfo": "x+y+z"}
    curves = [
        {**_axes(line), "type": "scatter3d", "mode": "lines", "line": {"color": FAINT, "width": 2}, "hoverinfo": "skip"}
        for line in scene.lines
    ]
    bare: dict[str, Any] = {"visible": False}
    layout: dict[str, Any] = {
        "scene": {"aspectmode": "data", "xaxis": bare, "yaxis": bare, "zaxis": bare, "camera": {"eye": EYE}},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "font": {"color": INK},
    }
    options = {"displayModeBar": False, "responsive": True}
    words = ", ".join(json.dumps(value, separators=(",", ":")) for value in (place, [*curves, dots], layout, options))
    return f"Plotly.newPlot({words});".replace("<", "\\u003c")


def _axes(points: np.ndarray) -> dict[str, list[float]]:
    """Columns of points (n, 3) by name."""
    return dict(zip("xyz", np.round(np.asarray(points, dtype=float), DIGITS).T.tolist(), strict=True))
