"""Pictures of a latent space: its points, and what they decode to, on its own fundamental domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from topovae.errors import UsageError
from topovae.signature import Signature
from topovae.viz.charts import Chart, Model, charts_of, width_of
from topovae.viz.domains import cut_of, into_domain
from topovae.viz.images import as_picture
from topovae.viz.style import BLUE, GREY, TICK, Paint, heading

MOST_POINTS = 6000  # more dots only hide each other
MOST_DECODED = 2
PAGE = 6.4
"""Inches of a page across: at 400 pixels its smallest words are 7 high."""

Decode = Callable[[np.ndarray], np.ndarray]
"""Points of a component (m, k) to samples (m, *sample_shape)."""


@dataclass(frozen=True)
class LatentPart:
    """What lies on one component of a latent space.

    Args:
        signature: the component, factors and group.
        coordinates: (m, k) points on its cover.
        rows: (m,) which of all points they are.
        name: of the component.
        models: factors with a geometry of their own, by kind.
        decode: what points of it stand for; None where nothing is decoded.
    """

    signature: Signature
    coordinates: np.ndarray
    rows: np.ndarray
    name: str = ""
    models: Mapping[str, Model] = field(default_factory=dict)
    decode: Decode | None = None

    @property
    def shown(self) -> np.ndarray:
        """The points of the same orbits in the fundamental domain, (m, k).

        Raises:
            UsageError: the columns do not fit the factors.
        """
        widths = [width_of(factor, self.models) for factor in self.signature.factors]
        coordinates = np.asarray(self.coordinates, dtype=float)
        if coordinates.ndim != 2 or coordinates.shape[1] != sum(widths):
            raise UsageError(
                f"coordinates of shape {coordinates.shape} do not fit {self.signature}, which has {sum(widths)} columns."
            )
        cut = cut_of(self.signature)
        return coordinates if cut is None else into_domain(self.signature, cut, coordinates, widths)

    @property
    def chosen(self) -> np.ndarray:
        """Numbers of the points that are drawn, shuffled, so that no group of rows is drawn on top of all others."""
        return np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(self.shown).all(1)))[:MOST_POINTS]

    @property
    def charts(self) -> list[Chart]:
        """How it is drawn."""
        return charts_of(self.signature, self.models, self.shown)

    @property
    def note(self) -> str:
        """What a reader must know about its coordinates: of a quotient, how the domain is glued."""
        if self.signature.order == 1:
            return ""
        cut = cut_of(self.signature)
        if cut is None:
            return "on the covering space, one point for each orbit"
        return f"one point of each orbit; the edges are glued by {cut.words(self.signature)}"


def draw_parts(container: FigureBase, parts: Sequence[LatentPart], paints: Sequence[Paint], *, title: str = "") -> None:
    """Draw the components of a latent space, each once in every colouring, and say below how quotients are glued.

    Args:
        container: the figure or the part of one.
        parts: the components.
        paints: the colourings of all points.
        title: above the picture.

    Raises:
        UsageError: the columns of a part do not fit its factors, or colours do not fit the rows.
    """
    count = sum(len(part.rows) for part in parts)
    for paint in paints:
        if paint.values is not None and len(paint.values) != count:
            raise UsageError(f"{len(paint.values)} colours for {count} points; give one for each point.")
    heading(container, title)
    shape = (1, len(paints)) if _is_narrow(parts) else (len(paints), 1)
    rows = container.subfigures(*shape, squeeze=False).ravel().tolist()
    for number, (row, paint) in enumerate(zip(rows, paints, strict=True)):
        widths = [sum(chart.ratio for chart in part.charts) for part in parts]
        places = row.subfigures(1, len(parts), width_ratios=widths, squeeze=False).ravel().tolist()
        for place, part in zip(places, parts, strict=True):
            draw_part(place, part, paint.of(part.rows), title=part.name if number == 0 and len(parts) > 1 else "")
    notes = dict.fromkeys(part.note for part in parts if part.note)
    if notes:
        container.supxlabel("; ".join(notes), fontsize=TICK, color=GREY)


def _is_narrow(parts: Sequence[LatentPart]) -> bool:
    """Whether two colourings fit side by side."""
    return sum(chart.ratio for part in parts for chart in part.charts) <= 1


def draw_part(container: FigureBase, part: LatentPart, paint: Paint, *, title: str = "") -> None:
    """Scatter the points of a component over its charts.

    A circle is drawn as a circle with its density around it, an interval or a line as a histogram over a strip, a sphere from
    its two sides, pairs of factors of one dimension as rectangles, and what is glued with arrows that say how.

    Args:
        container: the figure or the part of one.
        part: the component.
        paint: the colours of its points.
        title: above the picture.

    Raises:
        UsageError: the columns do not fit the factors.
    """
    points, charts, chosen = part.shown, part.charts, part.chosen
    grid = _grid(container, charts)
    for axes, chart in zip(grid, charts, strict=True):
        own = points[chosen][:, list(chart.columns)]
        chart.frame(axes, own)
        _dots(axes, chart.place(own), paint, chosen)
    paint.add_scale(container, grid)
    heading(container, title)


def draw_decodes(container: FigureBase, part: LatentPart, *, title: str = "") -> None:
    """Draw what points of a component decode to, where they are: around a circle, along a line, over a surface.

    Coordinates that a chart does not show are those of the sample nearest to the middle of all.

    Args:
        container: the figure or the part of one.
        part: the component, with a `decode`.
        title: above the picture.
    """
    charts = _decoded(part)
    points = part.shown[np.isfinite(part.shown).all(1)]
    assert part.decode is not None
    heading(container, title)
    middle = points[np.abs(points - np.median(points, axis=0)).sum(1).argmin()]
    ratios = [chart.decoded_ratio for chart in charts]
    for axes, chart in zip(container.subplots(1, len(charts), squeeze=False, width_ratios=ratios)[0], charts, strict=True):
        whole = np.repeat(middle[None], len(chart.values), axis=0)
        whole[:, list(chart.columns)] = chart.values
        _draw_samples(axes, chart, part.decode(whole))


def has_decodes(part: LatentPart) -> bool:
    """Whether there is something for `draw_decodes`."""
    known = np.isfinite(np.asarray(part.coordinates, dtype=float)).all(1).any()
    return part.decode is not None and bool(known) and any(len(chart.positions) for chart in part.charts)


def height_of(parts: Sequence[LatentPart], colourings: int = 1) -> float:
    """Inches that the components want on a page of the usual width.

    Args:
        parts: the components.
        colourings: how many times they are drawn.
    """
    ratios = [chart.ratio for part in parts for chart in part.charts]
    beside = colourings if _is_narrow(parts) else 1
    rows = _rows(ratios) if len(parts) == 1 else 1
    widest = max(beside * (sum(ratios) / rows + 0.25), 1.6)
    return colourings / beside * (rows * min(0.92 * PAGE / widest, 3.4) + 0.35) + 0.15


def height_of_decodes(part: LatentPart) -> float:
    """Inches that the decodes of a component want."""
    return min(0.95 * PAGE / sum(chart.decoded_ratio for chart in _decoded(part)), 3.8) + 0.3


def _decoded(part: LatentPart) -> list[Chart]:
    """The charts whose decodes are drawn: more than a few are too small to be seen."""
    return [chart for chart in part.charts if len(chart.positions)][:MOST_DECODED]


def _rows(ratios: Sequence[float]) -> int:
    return -(-int(np.ceil(sum(ratios))) // 4) if sum(ratios) > 4 else 1


def _grid(container: FigureBase, charts: Sequence[Chart]) -> list[Axes]:
    """Axes for the charts, side by side as far as there is room."""
    ratios = [chart.ratio for chart in charts]
    rows = _rows(ratios)
    columns = -(-len(charts) // rows)
    widths = [max(ratios[place::columns]) for place in range(columns)]
    grid = container.subplots(rows, columns, squeeze=False, width_ratios=widths).ravel().tolist()
    for axes in grid[len(charts) :]:
        axes.set_axis_off()
    return grid[: len(charts)]


def _dots(axes: Axes, places: np.ndarray, paint: Paint, chosen: np.ndarray) -> None:
    count = max(len(chosen), 1)
    size = float(np.clip(4000 / count, 2, 12))
    alpha = 0.55 if count > 1500 else 0.8
    options = paint.options(chosen)
    axes.scatter(places[:, 0], places[:, 1], s=size, linewidths=0, alpha=alpha, rasterized=True, **options)


def _draw_samples(axes: Axes, chart: Chart, samples: np.ndarray) -> None:
    """Small pictures or profiles at the positions of a chart."""
    positions, half = chart.positions, chart.reach
    low, high = float(np.nanmin(samples)), float(np.nanmax(samples))
    for (x, y), sample in zip(positions, samples, strict=True):
        if sample.ndim > 1:
            picture = (as_picture(sample) - low) / ((high - low) or 1.0)
            extent = (x - half, x + half, y - half, y + half)
            axes.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
        else:
            across = np.linspace(x - 0.85 * half, x + 0.85 * half, len(sample))
            axes.plot(across, y + half * (2 * (sample - low) / ((high - low) or 1.0) - 1), color=BLUE, linewidth=0.9)
    lowest, highest = positions.min(0) - 1.15 * half, positions.max(0) + 1.15 * half
    axes.set_xlim(lowest[0], highest[0])
    axes.set_ylim(lowest[1], highest[1])
    axes.set_aspect("equal")
    axes.set_axis_off()
