"""What every picture shares: colours that colour-blind readers can tell apart, sizes, and quiet axes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

# Okabe and Ito's palette.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#F0E442", "#000000"
LABELS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK)
INK, GREY, FAINT = "#222222", "#767676", "#D9D9D9"
TITLE, LABEL, TICK = 10, 9, 8

ColourKind = Literal["cyclic", "linear", "labels"]
# The light ends of both maps would vanish on white paper.
SHADE = {"cyclic": ("twilight", 0.84), "linear": ("viridis", 0.93)}


@dataclass(frozen=True)
class Colouring:
    """What colours points.

    Args:
        values: (n,) numbers or labels.
        kind: how they are coloured.
        name: what they are.
    """

    values: np.ndarray
    kind: ColourKind = "linear"
    name: str = ""


class SteadyLayout(ConstrainedLayoutEngine):
    """Constrained layout without the last digits of its solver, which differ from one time to the next."""

    def execute(self, fig: Figure) -> Any:
        found = super().execute(fig)
        for part in fig.findobj(SubFigure):
            part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 9))
        for axes in fig.findobj(Axes):
            place = axes.get_position(original=True)
            axes.set_position(Bbox(np.round(place.get_points(), 9)), which="original")
            axes.set_in_layout(True)  # which setting a position by hand ends
        return found


def figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, outside pyplot's global state."""
    engine = SteadyLayout(w_pad=0.09, h_pad=0.08, wspace=0.03, hspace=0.03)
    return Figure(figsize=(width, height), layout=engine, facecolor="white")


def heading(container: FigureBase, text: str, size: float = TITLE + 2) -> None:
    """Put a title above everything in the container."""
    if text:
        container.suptitle(text, fontsize=size, color=INK)


def quiet(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Light axes with the given texts."""
    axes.set_title(title, fontsize=TITLE, color=INK)
    axes.set_xlabel(x, fontsize=LABEL, color=INK)
    axes.set_ylabel(y, fontsize=LABEL, color=INK)
    axes.tick_params(labelsize=TICK, colors=INK, length=3, width=0.7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)


def bare(axes: Axes) -> None:
    """Axes without frame and ticks, at equal scales."""
    axes.set_aspect("equal")
    axes.set_axis_off()


def say_none(axes: Axes, words: str) -> None:
    """Words in the middle of axes that have nothing to show."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=LABEL, color=GREY)


class Paint:
    """The colours of the points of a scatter plot.

    Args:
        values: (n,) numbers or integer labels, or None for one colour.
        kind: "cyclic" for angles in radians, "linear", or "labels" (up to eight are told apart).
        name: what the values are.
    """

    def __init__(self, values: np.ndarray | None, kind: ColourKind = "linear", name: str = "") -> None:
        self.kind, self.name = kind, name
        self.values = None if values is None else np.asarray(values).ravel()
        if self.values is not None and kind == "cyclic":
            self.values = np.mod(self.values, 2 * np.pi)
        if self.values is not None and kind == "labels":
            self.labels, self.values = np.unique(self.values, return_inverse=True)
            if len(self.labels) > len(LABELS):
                self.kind = "linear"
        self.scaled_by = self.values

    def of(self, rows: np.ndarray) -> Paint:
        """The colours of some of the points, on the scale of all."""
        part = copy.copy(self)
        part.values = None if self.values is None else self.values[rows]
        return part

    def options(self, chosen: np.ndarray) -> dict[str, Any]:
        """The keyword arguments of `Axes.scatter` for the chosen points."""
        if self.values is None:
            return {"c": BLUE}
        return {"c": self.values[chosen], "cmap": self._map(), "norm": self._norm()}

    def colours(self, chosen: np.ndarray) -> list[str]:
        """The colours of the chosen points, "#rrggbb" each."""
        from matplotlib.colors import to_hex

        if self.values is None:
            return [BLUE] * len(chosen)
        return [to_hex(colour) for colour in self._map()(self._norm()(self.values[chosen]))]

    def add_scale(self, container: FigureBase, axes: list[Axes]) -> None:
        """Draw the colour bar, or the legend of the labels, beside the axes."""
        if self.values is None or len(self.values) == 0:
            return
        from matplotlib.cm import ScalarMappable

        bar = container.colorbar(
            ScalarMappable(self._norm(), self._map()),
            ax=axes,
            fraction=0.04,
            pad=0.02,
            aspect=30,
            panchor=False,
        )
        bar.outline.set_visible(False)
        bar.set_label(self.name, fontsize=LABEL, color=INK)
        bar.ax.tick_params(labelsize=TICK, colors=INK, length=2)
        if self.kind == "cyclic":
            bar.set_ticks([0, np.pi, 2 * np.pi], labels=["0", "π", "2π"])
        if self.kind == "labels":
            bar.set_ticks(list(range(len(self.labels))), labels=[str(label) for label in self.labels])

    def _map(self) -> Colormap:
        if self.kind == "labels":
            return ListedColormap(list(LABELS[: len(self.labels)]))  # a pair would be a colour and its alpha
        name, shade = SHADE[self.kind]
        return ListedColormap(colormaps[name](np.linspace(0, 1, 512))[:, :3] * shade)

    def _norm(self) -> Normalize:
        if self.kind == "cyclic":
            return Normalize(0, 2 * np.pi)
        if self.kind == "labels":
            return Normalize(-0.5, len(self.labels) - 0.5)
        finite = self.scaled_by[np.isfinite(self.scaled_by)] if self.scaled_by is not None else np.zeros(0)
        return Normalize(float(finite.min()), float(finite.max())) if len(finite) else Normalize(0, 1)
