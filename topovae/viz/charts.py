"""Charts: how factors of a latent space lie in the plane of a picture, what frames them, and where decodes stand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from topovae.signature import EMBEDDING, IDENTITY, Elementary, Isometry, Signature
from topovae.viz.domains import TURN, Cut, cut_of, moved, spans
from topovae.viz.style import FAINT, GREY, INK, LABEL, TICK, bare, quiet

MOST_CHARTS = 6
ALONG, ACROSS, AROUND = 8, 7, 12
"""Decodes along a line, along each side of a square, and around a circle: as many as can be told apart on a page."""

HALFWAY = float(np.sqrt(1 - np.sqrt(0.5)))  # radius of the 45° parallel where the equator has radius 1
QUARTER = 0.25
"""Where on an edge its arrow stands: off the middle, so that a shift or a reflection moves it."""

_ELEVATION = np.radians(28.0)
VIEW = np.array([[0.94, 0.34, 0.0], [-0.34 * np.sin(_ELEVATION), 0.94 * np.sin(_ELEVATION), np.cos(_ELEVATION)]])
VIEW = VIEW / np.linalg.norm(VIEW, axis=1, keepdims=True)
"""Axes of the plane on which solid things are seen, from above and to one side."""

Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Chart:
    """One picture of some coordinates.

    Attributes:
        columns: those that it shows, of all.
        place: their values (n, w) to points of the plane (n, 2).
        frame: draws what lies below the points, from axes and the values (n, w).
        positions: (m, 2) where decodes are drawn, on axes of their own; none where they would hide each other.
        values: (m, w) what is decoded there.
        ratio: width over height.
    """

    columns: tuple[int, ...]
    place: Place
    frame: Callable[[Axes, np.ndarray], None]
    positions: np.ndarray
    values: np.ndarray
    ratio: float = 1.0

    @property
    def reach(self) -> float:
        """Half the side of a decode, in units of the positions: as large as they can be side by side."""
        gaps = np.linalg.norm(self.positions[:, None] - self.positions[None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        return 0.46 * float(gaps.min())

    @property
    def decoded_ratio(self) -> float:
        """Width over height of the decodes."""
        width, height = np.ptp(self.positions, axis=0) + 2.3 * self.reach
        return float(width / height)


@dataclass(frozen=True)
class Model:
    """A factor with a geometry of its own, as pictures take it.

    Attributes:
        embedded: coordinates (n, w) to points of R² or R³.
        lines: curves of it, each (m, w).
        lattice: (m, w) points to decode; none of a solid one.
        width: w.
    """

    embedded: Place
    lines: tuple[np.ndarray, ...]
    lattice: np.ndarray
    width: int


@dataclass(frozen=True)
class Axis:
    """One coordinate along the side of a rectangle.

    Attributes:
        name: its label.
        low, high: where the side ends; None where the data say it.
        glue: what going over the end does to the other coordinate; None where the side ends for good.
        turns: parts of a full turn that the side has, for the ticks of an angle; 0 for what is no angle.
    """

    name: str
    low: float | None = None
    high: float | None = None
    glue: Isometry | None = None
    turns: int = 0

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        """Both ends."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        known = values[np.isfinite(values)]
        if not len(known):
            return -1.0, 1.0
        margin = 0.05 * float(np.ptp(known)) or 1.0
        return float(known.min()) - margin, float(known.max()) + margin


def width_of(factor: Elementary, models: Mapping[str, Model]) -> int:
    """Columns of a factor: an angle, a height, numbers, a unit vector, or those of a model."""
    if factor.kind in models:
        return models[factor.kind].width
    return factor.dim + (factor.kind == "S" and not factor.is_circle)


def charts_of(signature: Signature, models: Mapping[str, Model], coordinates: np.ndarray) -> list[Chart]:
    """The charts of a latent space: factors of one dimension in pairs, every other factor by itself.

    Args:
        signature: factors and group.
        models: of its factors that have a geometry of their own, by kind.
        coordinates: (n, k) points in the fundamental domain.
    """
    cut, factors = cut_of(signature), signature.factors
    places = spans([width_of(factor, models) for factor in factors])
    names = [_names(factor, models, number, len(factors)) for number, factor in enumerate(factors)]
    flat = [n for n, factor in enumerate(factors) if factor.dim == 1 and factor.kind not in models]
    pairs = list(itertools.combinations(flat[:3], 2))
    found = [_pair(signature, cut, pair, places, names, coordinates) for pair in pairs]
    for number, factor in enumerate(factors):
        if pairs and number in flat:
            continue
        columns = range(places[number].start, places[number].stop)
        if factor.kind in models:
            found.append(_surface(columns, models[factor.kind]))
        else:
            is_cut = cut is not None and cut.factor == number
            parts = cut.order if cut is not None and is_cut else 1
            make = CHARTS.get((factor.kind, factor.dim, is_cut)) or CHARTS.get((factor.kind, factor.dim, False))
            values = coordinates[:, places[number]]
            found += _planes(columns, names[number], values) if make is None else [make(columns, names[number], values, parts)]
    return found[:MOST_CHARTS]


def _names(factor: Elementary, models: Mapping[str, Model], number: int, total: int) -> list[str]:
    """Names of coordinates: θ for angles, h heights, x lines, z spheres."""
    symbol = "θ" if factor.is_circle else {"I": "h", "R": "x", "S": "z"}.get(factor.kind, "z")
    index = "₁₂₃₄₅₆₇₈₉"[number] if total > 1 and number < 9 else ""
    width = width_of(factor, models)
    return [f"{symbol}{index}"] if width == 1 else [f"{symbol}{index}[{place + 1}]" for place in range(width)]


# ---------------------------------------------------------------- rectangles


def _pair(
    signature: Signature,
    cut: Cut | None,
    pair: tuple[int, int],
    places: Sequence[slice],
    names: Sequence[list[str]],
    coordinates: np.ndarray,
) -> Chart:
    """Two factors of one dimension as a rectangle, with arrows on edges that are one."""
    axes = []
    for number, other in (pair, pair[::-1]):
        factor, name = signature.factors[number], names[number][0]
        if factor.is_circle:
            is_cut = cut is not None and cut.factor == number
            parts, glue = (cut.order, cut.seam[other]) if cut is not None and is_cut else (1, IDENTITY)
            axes.append(Axis(name, 0.0, TURN / parts, glue, parts))
        else:
            axes.append(Axis(name, *((0.0, 1.0) if factor.kind == "I" else (None, None))))
    columns = (places[pair[0]].start, places[pair[1]].start)
    factors = (signature.factors[pair[0]], signature.factors[pair[1]])
    return _rectangle(columns, (axes[0], axes[1]), factors, coordinates[:, columns])


def _rectangle(
    columns: Sequence[int], sides: tuple[Axis, Axis], factors: tuple[Elementary, Elementary], values: np.ndarray
) -> Chart:
    whole = np.array([TURN if side.turns else np.inf for side in sides])

    def place(points: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(whole), np.mod(points, whole), points)

    limits = [side.limits(values[:, k]) for k, side in enumerate(sides)]
    steps = [low + (np.arange(ACROSS) + 0.5) * (high - low) / ACROSS for low, high in limits]
    lattice = np.stack(np.meshgrid(*steps), -1).reshape(-1, 2)
    square = np.stack(np.meshgrid(np.arange(ACROSS), np.arange(ACROSS)), -1).reshape(-1, 2)

    def frame(axes: Axes, points: np.ndarray) -> None:
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
        quiet(axes, "", sides[0].name, sides[1].name)
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color(GREY)
        axes.set_box_aspect(1)
        for upright, (side, other, factor) in enumerate(((sides[0], 1, factors[1]), (sides[1], 0, factors[0]))):
            if side.turns:
                ticks, labels = _angle_ticks(side.turns)
                (axes.set_yticks if upright else axes.set_xticks)(ticks, labels=labels)
            else:  # as many at any size: the layout makes room for labels that depend on it
                axes.locator_params("y" if upright else "x", nbins=6, steps=(1, 2, 5, 10))
            if side.glue is not None:
                _mark_glued(axes, bool(upright), limits[other], factor, side.glue)

    return Chart(tuple(columns), place, frame, square.astype(float), lattice)


def _angle_ticks(parts: int) -> tuple[list[float], list[str]]:
    """Both ends and the middle of an arc of one part in so many of a turn."""
    end = "2π" if parts == 1 else "π" if parts == 2 else f"2π/{parts}"
    middle = "π" if parts == 1 else f"π/{parts}"
    return [0.0, np.pi / parts, TURN / parts], ["0", middle, end]


def _mark_glued(axes: Axes, upright: bool, limits: tuple[float, float], factor: Elementary, glue: Isometry) -> None:
    """Arrows on two opposite edges: the second is where, and as, the isometry takes the first.

    Args:
        axes: where to.
        upright: whether the edges are the lower and the upper one; else left and right.
        limits: of the coordinate along the edges.
        factor: that this is a coordinate of.
        glue: isometry from the first edge to the second.
    """
    low, high = limits
    start = low + QUARTER * (high - low)
    end = float(moved(factor, glue, np.array([[start]]))[0, 0])
    if factor.is_circle:
        end = end % TURN
    marks = (">", "<") if upright else ("^", "v")
    for edge, along, mark in ((0.0, start, marks[0]), (1.0, end, marks[0 if glue.sign > 0 else 1])):
        share = (along - low) / (high - low)
        # Two arrows of one pair of edges, and one of the other, as surfaces are drawn everywhere.
        for step in (-0.02, 0.02) if upright else (0.0,):
            x, y = (share + step, edge) if upright else (edge, share)
            axes.plot([x], [y], mark, markersize=7, color=INK, clip_on=False, transform=axes.transAxes, zorder=5)


def _planes(columns: Sequence[int], names: Sequence[str], values: np.ndarray) -> list[Chart]:
    """Pairs of the coordinates of a factor that has no picture of its own."""
    line = Elementary("R", 1)
    pairs = list(itertools.combinations(range(min(len(names), 4)), 2))[:3]
    found = []
    for a, b in pairs:
        sides = (Axis(names[a]), Axis(names[b]))
        chart = _rectangle((columns[a], columns[b]), sides, (line, line), values[:, [a, b]])
        none = np.zeros((0, 2))
        found.append(chart if len(names) == 2 else Chart(chart.columns, chart.place, chart.frame, none, none))
    return found


# ---------------------------------------------------------------- one coordinate


def _ring(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    """A circle, or an arc of one part in so many of it, whose ends are one."""
    angles = np.arange(AROUND) * TURN / AROUND
    return Chart(
        tuple(columns),
        lambda points: _on_ring(points * parts),
        partial(_frame_ring, name=names[0], parts=parts),
        np.column_stack([np.cos(angles), np.sin(angles)]),
        (angles / parts)[:, None],
    )


def _on_ring(angles: np.ndarray) -> np.ndarray:
    radius = 1 + np.random.default_rng(1).uniform(-0.06, 0.06, len(angles))
    return np.column_stack([radius * np.cos(angles[:, 0]), radius * np.sin(angles[:, 0])])


def _frame_ring(axes: Axes, values: np.ndarray, *, name: str, parts: int) -> None:
    """The circle, its ticks, and around it the density of the angles; a dotted ring shows the uniform one."""
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=0.8))
    if len(values):
        bins, inner = 48, 1.14
        counts, edges = np.histogram(np.mod(values[:, 0] * parts, TURN), bins=bins, range=(0, TURN))
        fine = np.linspace(edges[:-1], edges[1:], 6, axis=1).ravel()
        outer = inner + np.repeat(0.36 * counts / max(counts.max(), 1), 6)
        x = np.concatenate([outer * np.cos(fine), inner * np.cos(fine[::-1])])
        axes.fill(x, np.concatenate([outer * np.sin(fine), inner * np.sin(fine[::-1])]), color=FAINT, linewidth=0)
        level = inner + 0.36 * counts.mean() / max(counts.max(), 1)
        axes.add_patch(Circle((0, 0), level, fill=False, edgecolor=GREY, linewidth=0.7, linestyle=":"))
    labels = ("0", "π/2", "π", "3π/2") if parts == 1 else ("0", "", f"π/{parts}", "")
    for angle, label in zip(np.arange(4) * np.pi / 2, labels, strict=True):
        x, y = np.cos(angle), np.sin(angle)
        axes.plot([0.86 * x, 0.91 * x], [0.86 * y, 0.91 * y], color=GREY, linewidth=0.8)
        axes.text(0.7 * x, 0.7 * y, label, fontsize=TICK, color=INK, ha="center", va="center")
    axes.text(0, 0, name, fontsize=LABEL + 3, color=INK, ha="center", va="center")
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(-1.6, 1.6)
    bare(axes)


def _strip(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int, ends: Any = (None, None)) -> Chart:
    """An interval or a line: its points below a histogram of them."""
    side = Axis(names[0], *ends)
    low, high = side.limits(values[:, 0])
    steps = low + (np.arange(ALONG) + 0.5) * (high - low) / ALONG

    def place(points: np.ndarray) -> np.ndarray:
        return np.column_stack([points[:, 0], np.random.default_rng(1).uniform(-0.3, -0.06, len(points))])

    def frame(axes: Axes, points: np.ndarray) -> None:
        counts, edges = np.histogram(points[:, 0], bins=40, range=(low, high))
        axes.stairs(counts / max(counts.max(), 1), edges, fill=True, color=FAINT)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_xlim(low, high)
        axes.set_ylim(-0.36, 1.05)
        quiet(axes, "", names[0], "")
        axes.set_box_aspect(0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)

    return Chart(tuple(columns), place, frame, np.column_stack([np.arange(ALONG), np.zeros(ALONG)]), steps[:, None])


def _plane(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    return _planes(columns, names, values)[0]


# ---------------------------------------------------------------- spheres and what is glued of them


def _lambert(points: np.ndarray, pole: int, side: float) -> np.ndarray:
    """A hemisphere seen from outside along an axis, in Lambert's equal-area projection onto the unit disc."""
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    rest = np.delete(points, pole, axis=1)
    flat = rest / np.sqrt(1 + np.abs(points[:, [pole]]))
    flat[:, 0] *= side  # seen from the other side, the first axis points the other way
    return flat


def _from_lambert(flat: np.ndarray, pole: int, side: float) -> np.ndarray:
    """The inverse of `_lambert`, on the side of the pole (1) or of its antipode (−1)."""
    square = (flat**2).sum(1, keepdims=True)
    rest = flat * np.sqrt(np.maximum(2 - square, 0)) * np.array([[side, 1.0]])
    return np.insert(rest, pole, side * (1 - square[:, 0]), axis=1)


def _disc_lattice(across: int) -> np.ndarray:
    """Points of a square lattice within the unit disc, with a margin for pictures."""
    steps = (np.arange(across) + 0.5) * 2 / across - 1
    lattice = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    return lattice[np.linalg.norm(lattice, axis=1) < 1 - 0.4 / across]


def _two_sides(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    """A sphere by its two hemispheres."""
    pole, shift = 2, 1.15

    def place(points: np.ndarray) -> np.ndarray:
        side = np.where(points[:, pole] >= 0, 1.0, -1.0)
        both = np.stack([_lambert(points, pole, sign) for sign in (1.0, -1.0)])
        flat = both[(side < 0).astype(int), np.arange(len(points))]
        return flat - np.column_stack([shift * side, np.zeros(len(points))])

    def frame(axes: Axes, points: np.ndarray) -> None:
        for centre, words in ((-shift, "> 0"), (shift, "< 0")):
            for radius, style in ((1.0, "-"), (HALFWAY, ":")):
                axes.add_patch(Circle((centre, 0), radius, fill=False, edgecolor=GREY, linewidth=0.8, linestyle=style))
            axes.text(centre, -1.18, f"{names[pole]} {words}", fontsize=LABEL, color=INK, ha="center", va="center")
        axes.set_xlim(-2.25, 2.25)
        axes.set_ylim(-1.3, 1.1)
        bare(axes)

    lattice = _disc_lattice(ACROSS)
    sides = [(1.0, -shift), (-1.0, shift)]
    positions = np.concatenate([lattice + [centre, 0.0] for _, centre in sides])
    return Chart(
        tuple(columns), place, frame, positions, np.concatenate([_from_lambert(lattice, pole, s) for s, _ in sides]), 2.0
    )


def _disc(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    """A projective plane as a hemisphere, opposite points of whose rim are one."""

    def frame(axes: Axes, points: np.ndarray) -> None:
        axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=GREY, linewidth=0.9))
        _mark_antipodes(axes)
        axes.text(0, -1.32, f"{names[0]} ≥ 0; opposite rim points are one", fontsize=TICK, color=INK, ha="center", va="center")
        axes.set_xlim(-1.4, 1.4)
        axes.set_ylim(-1.45, 1.25)
        bare(axes)

    lattice = _disc_lattice(ACROSS)
    return Chart(tuple(columns), lambda p: _lambert(p, 0, 1.0), frame, lattice, _from_lambert(lattice, 0, 1.0))


def _mark_antipodes(axes: Axes) -> None:
    """Arrows along a rim, alike at opposite points: an antipode goes around in the same sense."""
    for angle in np.radians([60.0, 240.0]):
        middle, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        axes.annotate(
            "",
            xy=tuple(middle + 0.1 * along),
            xytext=tuple(middle - 0.1 * along),
            arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.2, "mutation_scale": 13},
        )
    for angle, mark in zip(np.radians([0.0, 120.0]), ("s", "o"), strict=True):
        x, y = np.cos(angle), np.sin(angle)
        axes.plot([x, -x], [y, -y], mark, markersize=6, color="white", markeredgecolor=INK, zorder=5)


def rotation_vectors(points: np.ndarray) -> np.ndarray:
    """Half the S³ as a unit ball: the rest of a unit vector of R⁴, as long as the angle from the first axis over π/2."""
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    rest = points[:, 1:]
    sine = np.linalg.norm(rest, axis=1, keepdims=True)
    angle = np.arctan2(sine, points[:, :1])
    return rest / np.maximum(sine, 1e-12) * angle / (np.pi / 2)


def _frame_ball(axes: Axes, centre: float) -> None:
    """The outline of a unit ball, and its equator: whole in front, dotted behind."""
    axes.add_patch(Circle((centre, 0), 1.0, fill=False, edgecolor=GREY, linewidth=0.9))
    turn = np.linspace(0, TURN, 121)
    equator = np.column_stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)]) @ VIEW.T
    behind = equator[:, 1] > 0
    for part, style in ((behind, ":"), (~behind, "-")):
        line = np.where(part[:, None], equator, np.nan)
        axes.plot(line[:, 0] + centre, line[:, 1], style, color=GREY, linewidth=0.7)


def _ball(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    """Half an S³ as a solid ball, opposite points of whose surface are one; of SO(3), rotations by axis and angle."""

    def frame(axes: Axes, points: np.ndarray) -> None:
        _frame_ball(axes, 0.0)
        _mark_antipodes(axes)
        axes.text(0, -1.32, "solid ball; opposite surface points are one", fontsize=TICK, color=INK, ha="center", va="center")
        axes.set_xlim(-1.4, 1.4)
        axes.set_ylim(-1.45, 1.25)
        bare(axes)

    none = np.zeros((0, 2))
    return Chart(tuple(columns), lambda p: rotation_vectors(p) @ VIEW.T, frame, none, np.zeros((0, 4)))


def _two_balls(columns: Sequence[int], names: Sequence[str], values: np.ndarray, parts: int) -> Chart:
    """An S³ as two solid balls, one for each sign of the first coordinate, whose surfaces are one."""
    shift = 1.15

    def place(points: np.ndarray) -> np.ndarray:
        side = np.where(points[:, :1] >= 0, 1.0, -1.0)
        near = rotation_vectors(np.column_stack([np.abs(points[:, 0]), points[:, 1:]]))
        return near @ VIEW.T - np.column_stack([shift * side[:, 0], np.zeros(len(points))])

    def frame(axes: Axes, points: np.ndarray) -> None:
        for centre, words in ((-shift, "> 0"), (shift, "< 0")):
            _frame_ball(axes, centre)
            axes.text(centre, -1.18, f"{names[0]} {words}", fontsize=LABEL, color=INK, ha="center", va="center")
        axes.set_xlim(-2.25, 2.25)
        axes.set_ylim(-1.3, 1.1)
        bare(axes)

    return Chart(tuple(columns), place, frame, np.zeros((0, 2)), np.zeros((0, 4)), 2.0)


# ---------------------------------------------------------------- models


def _surface(columns: Sequence[int], model: Model) -> Chart:
    """A factor in the plane or the space that it is embedded in, with curves of it."""

    def flat(points: np.ndarray) -> np.ndarray:
        embedded = model.embedded(points)
        return embedded @ VIEW.T if embedded.shape[1] == 3 else embedded

    lines = [flat(line) for line in model.lines]
    corners = np.concatenate(lines) if lines else np.array([[-1.0, -1.0], [1.0, 1.0]])
    low, high = corners.min(0), corners.max(0)
    margin = 0.06 * float((high - low).max())

    def frame(axes: Axes, points: np.ndarray) -> None:
        for line in lines:
            axes.plot(line[:, 0], line[:, 1], color=FAINT, linewidth=0.8, zorder=0)
        axes.set_xlim(low[0] - margin, high[0] + margin)
        axes.set_ylim(low[1] - margin, high[1] + margin)
        bare(axes)

    positions = flat(model.lattice) if len(model.lattice) else np.zeros((0, 2))
    return Chart(tuple(columns), flat, frame, positions, model.lattice)


_INTERVAL = partial(_strip, ends=(0.0, 1.0))

CHARTS: dict[tuple[str, int, bool], Callable[[Sequence[int], Sequence[str], np.ndarray, int], Chart]] = {
    ("S", 1, False): _ring,
    ("I", 1, False): _INTERVAL,
    (EMBEDDING, 1, False): _INTERVAL,
    ("R", 1, False): _strip,
    ("R", 2, False): _plane,
    ("S", 2, False): _two_sides,
    ("S", 2, True): _disc,
    ("S", 3, False): _two_balls,
    ("S", 3, True): _ball,
}
"""Charts of a factor by kind, dimension and whether it is cut; what is not here is shown by pairs of its coordinates."""
