"""Persistence barcodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from topovae.viz.style import BLUE, GREEN, GREY, INK, LABEL, RED, TICK, TITLE, figure, heading, quiet

MOST_BARS = (12, 30)  # in dimension 0, whose bars say least, and above
THICK = 2.0  # rows that a significant bar takes, so that texts beside two of them keep apart
COLOURS = (BLUE, RED, GREEN)
Bar = Mapping[str, Any]


def plot_barcode(bars: Sequence[Bar], *, title: str = "persistent homology") -> Figure:
    """Draw a barcode for each prime and dimension, the significant bars in colour.

    Args:
        bars: as in the JSON of `topovae analyze`: `prime`, `dim`, `birth`, `death` (None: it never dies),
            `p_value`, `significant`.
        title: above the picture.
    """
    primes, heights = _primes(bars), _heights(bars)
    page = figure(4.2 * max(len(primes), 1) + 0.6, 0.9 + sum(heights.values()) or 2.0)
    draw_barcode(page, bars, title=title)
    return page


def draw_barcode(container: FigureBase, bars: Sequence[Bar], *, title: str = "") -> None:
    """Draw the barcodes into a figure or a part of one; see `plot_barcode`."""
    primes, heights = _primes(bars), _heights(bars)
    heading(container, title)
    if not bars:
        axes = container.subplots()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no bars", ha="center", va="center", fontsize=LABEL, color=GREY)
        return
    low, high = _extent(bars)
    grid = container.subplots(
        len(heights),
        len(primes),
        squeeze=False,
        sharex=True,
        gridspec_kw={"height_ratios": list(heights.values())},
    )
    for row, dimension in enumerate(heights):
        for column, prime in enumerate(primes):
            axes = grid[row][column]
            kept = _kept(bars, prime, dimension)
            total = sum((bar["prime"], bar["dim"]) == (prime, dimension) for bar in bars)
            _draw_bars(axes, kept, total - len(kept), COLOURS[dimension % len(COLOURS)], high)
            axes.set_xlim(low, high)
            last = row == len(heights) - 1
            quiet(axes, f"coefficients in Z/{prime}" if row == 0 else "", "scale" if last else "", "")
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_ylabel(
                f"H{'₀₁₂₃₄₅₆₇₈₉'[dimension]}",
                fontsize=TITLE + 1,
                color=INK,
                rotation=0,
                ha="right",
                va="center",
            )


def _primes(bars: Sequence[Bar]) -> list[int]:
    return sorted({int(bar["prime"]) for bar in bars})


def _heights(bars: Sequence[Bar]) -> dict[int, float]:
    """Inches for each dimension, by the most rows that any prime has there."""
    heights = {}
    for dimension in sorted({int(bar["dim"]) for bar in bars}):
        rows = [-_levels(_kept(bars, prime, dimension))[-1] for prime in _primes(bars)]
        heights[dimension] = 0.45 + 0.075 * max(rows)
    return heights


def _kept(bars: Sequence[Bar], prime: int, dimension: int) -> list[Bar]:
    """The bars to draw, from the top: significant ones first, then by length."""
    chosen = [bar for bar in bars if (bar["prime"], bar["dim"]) == (prime, dimension)]
    chosen.sort(key=lambda bar: (not bar["significant"], float(bar["birth"]) - _death(bar)))
    return chosen[: MOST_BARS[min(dimension, 1)]]


def _levels(bars: list[Bar]) -> list[float]:
    """Heights of the bars' middles below zero, and at the end that of the last edge."""
    levels, edge = [], 0.0
    for bar in bars:
        rows = THICK if bar["significant"] else 1.0
        levels.append(edge - rows / 2)
        edge -= rows
    return [*levels, min(edge, -3.0)]


def _death(bar: Bar) -> float:
    return math.inf if bar["death"] is None else float(bar["death"])


def _extent(bars: Sequence[Bar]) -> tuple[float, float]:
    births = [float(bar["birth"]) for bar in bars]
    ends = [_death(bar) for bar in bars if math.isfinite(_death(bar))] + births
    low, high = min(0.0, *births), max(ends)
    return low, high + 0.12 * (high - low or 1.0)


def _draw_bars(axes: Axes, bars: list[Bar], hidden: int, colour: str, high: float) -> None:
    *levels, bottom = _levels(bars)
    for level, bar in zip(levels, bars, strict=True):
        start, end, significant = float(bar["birth"]), _death(bar), bool(bar["significant"])
        stop, paint = min(end, high), colour if significant else "#B5B5B5"
        axes.plot(
            [start, stop],
            [level] * 2,
            color=paint,
            linewidth=4 if significant else 1.8,
            solid_capstyle="butt",
        )
        if math.isinf(end):
            axes.plot([high], [level], marker=">", markersize=7, color=paint, clip_on=False)
        if significant and bar.get("p_value") is not None:
            _label(axes, bar, level, stop, high)
    axes.set_ylim(bottom - 0.5, 0.5)
    note: dict[str, Any] = {"transform": axes.transAxes, "fontsize": TICK, "color": GREY}
    if hidden > 0:
        axes.text(0.995, 0.04, f"and {hidden} shorter", ha="right", **note)
    if not bars:
        axes.text(0.5, 0.5, "none", ha="center", va="center", **note)


def _label(axes: Axes, bar: Bar, level: float, stop: float, high: float) -> None:
    """Write the p-value beside its bar, on the side that has room."""
    value, start = f"p = {float(bar['p_value']):.1g}", float(bar["birth"])
    if stop < 0.8 * high:
        axes.text(stop + 0.015 * high, level, value, fontsize=TICK - 1, color=INK, va="center")
    elif start > 0.2 * high:
        axes.text(start - 0.015 * high, level, value, fontsize=TICK - 1, color=INK, va="center", ha="right")
