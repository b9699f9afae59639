"""Pictures of a latent space: each factor, and pairs of factors, in the chart that suits them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Circle

from topovae.errors import UsageError
from topovae.viz.style import FAINT, GREY, INK, LABEL, TICK, Paint, bare, heading, quiet

MOST_POINTS = 6000  # more dots only hide each other
MOST_PANELS = 8
TURN = 2 * np.pi
HALFWAY = float(np.sqrt(1 - np.sqrt(0.5)))  # radius of the 45° parallel where the equator has radius 1


@dataclass(frozen=True)
class Axis:
    """One coordinate as it is drawn.

    Args:
        values: (n,) coordinates.
        name: its label.
        kind: "S1", "I" or "R".
    """

    values: np.ndarray
    name: str
    kind: str


@dataclass(frozen=True)
class Panel:
    """One picture: a drawing function, what it draws, and its width over its height."""

    draw: Callable[[Axes, tuple[Axis, ...], Paint, np.ndarray], None]
    axes: tuple[Axis, ...]
    ratio: float = 1.0


@dataclass(frozen=True)
class LatentPart:
    """What lies on one component of a latent space.

    Args:
        factors: (kind, dimension) of each factor, as in `draw_latents`.
        coordinates: (m, k) points on it.
        rows: (m,) which of all points they are.
        name: of the component.
        note: what a reader must know about its coordinates.
    """

    factors: Sequence[tuple[str, int]]
    coordinates: np.ndarray
    rows: np.ndarray
    name: str = ""
    note: str = ""


def draw_parts(container: FigureBase, parts: Sequence[LatentPart], paint: Paint, *, title: str = "") -> None:
    """Draw the components of a latent space side by side; one alone is drawn as `draw_latents` does.

    Args:
        container: the figure or the part of one.
        parts: the components.
        paint: the colours of all points.
        title: above the picture.

    Raises:
        UsageError: as for `draw_latents`.
    """
    if len(parts) == 1:
        return draw_latents(container, parts[0].factors, parts[0].coordinates, paint, title=title, note=parts[0].note)
    heading(container, title)
    widths = [size_of(part.factors, part.coordinates)[0] for part in parts]
    places = container.subfigures(1, len(parts), width_ratios=widths, squeeze=False).ravel().tolist()
    for place, part in zip(places, parts, strict=True):
        draw_latents(place, part.factors, part.coordinates, paint.of(part.rows), title=part.name, note=part.note)
    return None


def size_of_parts(parts: Sequence[LatentPart]) -> tuple[float, float]:
    """Width and height in inches that components side by side want."""
    sizes = [size_of(part.factors, part.coordinates) for part in parts]
    return min(sum(width for width, _ in sizes), 14.0), max(height for _, height in sizes)


def draw_latents(
    container: FigureBase,
    factors: Sequence[tuple[str, int]],
    coordinates: np.ndarray,
    paint: Paint,
    *,
    title: str = "",
    note: str = "",
) -> None:
    """Scatter the coordinates of a latent space over a figure or a part of one.

    A circle is drawn as a circle with its density around it, an interval or a line as a histogram over a
    strip, a sphere as two hemispheres (Lambert's equal-area projection), pairs of factors as rectangles whose
    identified edges carry equal arrows. Points of a quotient are drawn on its covering space.

    Args:
        container: the figure or the part of one.
        factors: (kind, dimension) of each factor; kinds "R", "S1", "I", "S".
        coordinates: (n, k): an angle in radians for S1, [0, 1] for I, d columns for R, d + 1 for S.
        paint: the colours of the points.
        title: above the picture.
        note: below it.

    Raises:
        UsageError: the columns do not fit the factors, or the colours do not fit the rows.
    """
    coordinates = np.asarray(coordinates, dtype=float)
    panels = choose_panels(factors, coordinates)
    if paint.values is not None and len(paint.values) != len(coordinates):
        raise UsageError(f"{len(paint.values)} colours for {len(coordinates)} points; give one for each point.")
    # Shuffled, so that no group of rows is drawn on top of all others.
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(coordinates).all(1)))[:MOST_POINTS]
    rows, columns = _grid(panels)
    grid = container.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes, panel in zip(grid, panels, strict=False):
        panel.draw(axes, panel.axes, paint, chosen)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    paint.add_scale(container, grid)
    heading(container, title)
    if note:
        container.supxlabel(note, fontsize=TICK, color=GREY)


def choose_panels(factors: Sequence[tuple[str, int]], coordinates: np.ndarray) -> list[Panel]:
    """The panels of a product: the pair alone for two one-dimensional factors, else each factor and pairs.

    Raises:
        UsageError: an unknown kind, or columns that do not fit the factors.
    """
    unknown = sorted({kind for kind, _ in factors} - set(WIDTHS))
    if unknown or not factors:
        raise UsageError(f"cannot draw factors {unknown}; known kinds are {', '.join(WIDTHS)}.")
    widths = [WIDTHS[kind](dimension) for kind, dimension in factors]
    if coordinates.ndim != 2 or coordinates.shape[1] != sum(widths):
        raise UsageError(
            f"coordinates of shape {coordinates.shape} do not fit the factors {list(factors)}, which have "
            f"{sum(widths)} columns."
        )
    groups, start = [], 0
    for number, ((kind, _), width) in enumerate(zip(factors, widths, strict=True)):
        groups.append(_axes_of(kind, coordinates[:, start : start + width], number, len(factors)))
        start += width
    flat = [group[0] for group in groups if len(group) == 1]
    if len(groups) == 2 and len(flat) == 2:
        return [Panel(_draw_pair, (flat[0], flat[1]))]
    panels = [panel for group in groups for panel in _panels_of(group)]
    panels += [Panel(_draw_pair, pair) for pair in itertools.combinations(flat[:3], 2)]
    return panels[:MOST_PANELS]


def _axes_of(kind: str, columns: np.ndarray, number: int, total: int) -> tuple[Axis, ...]:
    """The coordinates of one factor and their names: θ for angles, h heights, x lines, z spheres."""
    symbol = {"S1": "θ", "I": "h", "R": "x", "S": "z"}[kind]
    index = "₁₂₃₄₅₆₇₈₉"[number] if total > 1 and number < 9 else ""
    width = columns.shape[1]
    names = [f"{symbol}{index}"] if width == 1 else [f"{symbol}{index}[{place + 1}]" for place in range(width)]
    return tuple(Axis(columns[:, place], name, kind) for place, name in enumerate(names))


def _panels_of(group: tuple[Axis, ...]) -> list[Panel]:
    kind, width = group[0].kind, len(group)
    if kind == "S1":
        return [Panel(_draw_circle, group)]
    if kind == "S" and width == 3:
        return [Panel(_draw_sphere, group, 2.0)]
    if width == 1:
        return [Panel(_draw_line, group)]
    return [Panel(_draw_pair, pair) for pair in itertools.combinations(group[:4], 2)][:3]


def note_of(signature_text: str) -> str:
    """What a reader must know about the coordinates of a quotient; empty for a product."""
    return "on the covering space, one point for each orbit" if "/" in signature_text else ""


def size_of(factors: Sequence[tuple[str, int]], coordinates: np.ndarray) -> tuple[float, float]:
    """Width and height in inches that the latent space wants."""
    panels = choose_panels(factors, np.asarray(coordinates, dtype=float))
    rows, columns = _grid(panels)
    ratio = max(panel.ratio for panel in panels)
    return max(4.6, min(columns * 3.4 * ratio + 0.8, 14.0)), rows * 3.3 + 0.6


def _grid(panels: list[Panel]) -> tuple[int, int]:
    count = len(panels)
    columns = count if count <= 3 else 2 if count == 4 else 3 if count <= 6 else 4
    return -(-count // columns), columns


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, paint: Paint, chosen: np.ndarray) -> None:
    count = max(len(chosen), 1)
    size = float(np.clip(6000 / count, 3, 18))
    axes.scatter(
        x,
        y,
        s=size,
        linewidths=0,
        alpha=0.55 if count > 1500 else 0.8,
        rasterized=True,
        **paint.options(chosen),
    )


def _draw_circle(axes: Axes, parts: tuple[Axis, ...], paint: Paint, chosen: np.ndarray) -> None:
    angle = parts[0].values[chosen]
    radius = 1 + np.random.default_rng(1).uniform(-0.06, 0.06, len(angle))
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=0.8))
    _dots(axes, radius * np.cos(angle), radius * np.sin(angle), paint, chosen)
    _draw_rose(axes, angle)
    for place, name in zip(np.arange(4) * np.pi / 2, ("0", "π/2", "π", "3π/2"), strict=True):
        axes.plot(
            [0.86 * np.cos(place), 0.91 * np.cos(place)],
            [0.86 * np.sin(place), 0.91 * np.sin(place)],
            color=GREY,
            linewidth=0.8,
        )
        axes.text(
            0.74 * np.cos(place),
            0.74 * np.sin(place),
            name,
            fontsize=TICK,
            color=INK,
            ha="center",
            va="center",
        )
    axes.text(0, 0, parts[0].name, fontsize=LABEL + 3, color=INK, ha="center", va="center")
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(-1.6, 1.6)
    bare(axes)


def _draw_rose(axes: Axes, angle: np.ndarray) -> None:
    """The density of the angles as a band outside the circle; a dotted ring shows the uniform one."""
    if not len(angle):
        return
    bins = 48
    counts, edges = np.histogram(np.mod(angle, TURN), bins=bins, range=(0, TURN))
    inner = 1.14
    height = 0.36 * counts / max(counts.max(), 1)
    fine = np.linspace(edges[:-1], edges[1:], 6, axis=1).ravel()
    outer = inner + np.repeat(height, 6)
    axes.fill(
        np.concatenate([outer * np.cos(fine), inner * np.cos(fine[::-1])]),
        np.concatenate([outer * np.sin(fine), inner * np.sin(fine[::-1])]),
        color=FAINT,
        linewidth=0,
    )
    level = inner + 0.36 * counts.mean() / max(counts.max(), 1)
    axes.add_patch(Circle((0, 0), level, fill=False, edgecolor=GREY, linewidth=0.7, linestyle=":"))


def _draw_line(axes: Axes, parts: tuple[Axis, ...], paint: Paint, chosen: np.ndarray) -> None:
    (part,) = parts
    values = part.values[chosen]
    low, high = _range(part, values)
    counts, edges = np.histogram(values, bins=40, range=(low, high))
    axes.stairs(counts / max(counts.max(), 1), edges, fill=True, color=FAINT)
    _dots(axes, values, np.random.default_rng(1).uniform(-0.3, -0.06, len(values)), paint, chosen)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.36, 1.05)
    quiet(axes, "", part.name, "")
    axes.set_box_aspect(0.85)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _draw_sphere(axes: Axes, parts: tuple[Axis, ...], paint: Paint, chosen: np.ndarray) -> None:
    """Both hemispheres seen from outside along the third axis, in Lambert's equal-area projection."""
    points = np.stack([part.values[chosen] for part in parts], axis=1)
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    upper = points[:, 2] >= 0
    shrink = 1 / np.sqrt(1 + np.abs(points[:, 2]))
    side = np.where(upper, 1.0, -1.0)
    # Seen from below, the first axis points the other way.
    x, y = points[:, 0] * shrink * side - 1.15 * side, points[:, 1] * shrink
    for centre, name in ((-1.15, "> 0"), (1.15, "< 0")):
        for radius, style in ((1.0, "-"), (HALFWAY, ":")):
            axes.add_patch(Circle((centre, 0), radius, fill=False, edgecolor=GREY, linewidth=0.8, linestyle=style))
        axes.text(centre, -1.16, f"{parts[2].name} {name}", fontsize=LABEL, color=INK, ha="center", va="center")
    _dots(axes, x, y, paint, chosen)
    axes.set_xlim(-2.25, 2.25)
    axes.set_ylim(-1.3, 1.1)
    bare(axes)


def _draw_pair(axes: Axes, parts: tuple[Axis, ...], paint: Paint, chosen: np.ndarray) -> None:
    """A rectangle of two coordinates; edges with equal arrows are one and the same."""
    across, up = parts
    x, y = (np.mod(part.values[chosen], TURN) if part.kind == "S1" else part.values[chosen] for part in parts)
    _dots(axes, x, y, paint, chosen)
    axes.set_xlim(*_range(across, x))
    axes.set_ylim(*_range(up, y))
    quiet(axes, "", across.name, up.name)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
        axes.spines[side].set_color(GREY)
    axes.set_box_aspect(1)
    _mark_edges(axes, across, up)


def _mark_edges(axes: Axes, across: Axis, up: Axis) -> None:
    """Ticks at 0, π, 2π for angles, and arrows on the edges that are identified."""
    ticks, names = [0, np.pi / 2, np.pi, 3 * np.pi / 2, TURN], ["0", "", "π", "", "2π"]
    style: dict[str, Any] = {
        "markersize": 6,
        "color": INK,
        "linestyle": "none",
        "clip_on": False,
        "transform": axes.transAxes,
    }
    if across.kind == "S1":
        axes.set_xticks(ticks, labels=names)
        axes.plot([0, 1], [0.5, 0.5], marker="^", **style)
    if up.kind == "S1":
        axes.set_yticks(ticks, labels=names)
        axes.plot([0.48, 0.52, 0.48, 0.52], [0, 0, 1, 1], marker=">", **style)


def _range(part: Axis, values: np.ndarray) -> tuple[float, float]:
    if part.kind == "S1":
        return 0.0, float(TURN)
    if part.kind == "I":
        return 0.0, 1.0
    if part.kind == "S":
        return -1.05, 1.05
    if not len(values):
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


WIDTHS: dict[str, Callable[[int], int]] = {
    "R": lambda dimension: dimension,
    "S1": lambda dimension: 1,
    "I": lambda dimension: 1,
    "S": lambda dimension: dimension + 1,
}
