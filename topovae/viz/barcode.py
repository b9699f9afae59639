"""Persistence barcodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from topovae.viz.style import BLUE, GREEN, GREY, INK, RED, TICK, TITLE, heading, quiet, say_none

MOST_BARS = (12, 30)  # in dimension 0, whose bars say least, and above
THICK = 2.0  # rows that a significant bar takes, so that texts beside two of them keep apart
COLOURS = (BLUE, RED, GREEN)
Bar = Mapping[str, Any]


def draw_barcode(
    container: FigureBase, bars: Sequence[Bar], *, significance: Mapping[int, float] | None = None, title: str = ""
) -> None:
    """Draw a barcode for each prime and dimension, the significant bars in colour, into a figure or a part of one.

    Args:
        container: the figure or the part of one.
        bars: as in the JSON of `topovae analyze`: `prime`, `dim`, `birth`, `death` (None: it never dies),
            `p_value`, `significant`.
        significance: for dimensions, the ratio death/birth that noise seldom exceeds: where a bar would have to
            end for it is marked on each, and death : birth is written beside significant ones instead of `p_value`.
        title: above the picture.
    """
    primes, heights = _primes(bars), _heights(bars)
    heading(container, title)
    if not bars:
        say_none(container.subplots(), "no bars")
        return
    low, high = extent(bars, significance)
    ratios = significance or {}
    scale = "scale (a tick reached: more than noise)" if ratios else "scale"
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
            colour = COLOURS[dimension % len(COLOURS)]
            _draw_bars(axes, kept, total - len(kept), colour, high, ratios.get(dimension))
            axes.set_xlim(low, high)
            last = row == len(heights) - 1
            quiet(axes, f"coefficients in Z/{prime}" if row == 0 else "", scale if last else "", "")
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
    chosen.sort(key=lambda bar: (not bar["significant"], float(bar["birth"]) - death_of(bar)))
    return chosen[: MOST_BARS[min(dimension, 1)]]


def _levels(bars: list[Bar]) -> list[float]:
    """Heights of the bars' middles below zero, and at the end that of the last edge."""
    levels, edge = [], 0.0
    for bar in bars:
        rows = THICK if bar["significant"] else 1.0
        levels.append(edge - rows / 2)
        edge -= rows
    return [*levels, min(edge, -3.0)]


def death_of(bar: Bar) -> float:
    """Return the end of a bar, infinity where it never dies."""
    return math.inf if bar["death"] is None else float(bar["death"])


def extent(bars: Sequence[Bar], significance: Mapping[int, float] | None = None) -> tuple[float, float]:
    """Return the range of scales that shows every bar and some mark, with room for those that never die."""
    births = [float(bar["birth"]) for bar in bars]
    ends = [death_of(bar) for bar in bars if math.isfinite(death_of(bar))] + births
    for dimension, ratio in (significance or {}).items():
        found = [float(bar["birth"]) for bar in bars if int(bar["dim"]) == dimension]
        ends.append(1.03 * ratio * sorted(found)[len(found) // 2] if found else 0.0)
    low, high = min(0.0, *births), max(ends)
    return low, high + 0.12 * (high - low or 1.0)


def _draw_bars(axes: Axes, bars: list[Bar], hidden: int, colour: str, high: float, ratio: float | None) -> None:
    *levels, bottom = _levels(bars)
    for level, bar in zip(levels, bars, strict=True):
        start, end, significant = float(bar["birth"]), death_of(bar), bool(bar["significant"])
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
        mark = start if ratio is None else start * ratio
        if start < mark < high:
            axes.plot([mark] * 2, [level - 0.45, level + 0.45], color=INK, linewidth=1.0, solid_capstyle="butt")
        if significant and bar.get("p_value") is not None:
            words = f"p = {float(bar['p_value']):.1g}" if ratio is None else f"{end / max(start, 1e-12):.1f} : 1"
            _label(axes, words, level, start, max(stop, mark if mark < high else stop), high)
    axes.set_ylim(bottom - 0.5, 0.5)
    note: dict[str, Any] = {"transform": axes.transAxes, "fontsize": TICK, "color": GREY}
    if hidden > 0:
        axes.text(0.995, 0.04, f"and {hidden} shorter", ha="right", **note)
    if not bars:
        axes.text(0.5, 0.5, "none", ha="center", va="center", **note)


def _label(axes: Axes, words: str, level: float, start: float, stop: float, high: float) -> None:
    """Write the p-value, or death : birth, beside its bar, on the side that has room."""
    if stop < 0.8 * high:
        axes.text(stop + 0.015 * high, level, words, fontsize=TICK - 1, color=INK, va="center")
    elif start > 0.2 * high:
        axes.text(start - 0.015 * high, level, words, fontsize=TICK - 1, color=INK, va="center", ha="right")
