"""Learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from topovae.viz.style import BLUE, FAINT, GREY, INK, ORANGE, TICK, heading, quiet, say_none

History = Mapping[str, np.ndarray]

LONGEST_ROW = 66
"""Letters of a legend that fit side by side."""


@dataclass(frozen=True)
class Curve:
    """One panel: the column after "train_" or "valid_", its sign in the picture, and its texts."""

    column: str
    sign: float
    title: str
    unit: str


CURVES = (
    Curve("elbo", -1.0, "negative ELBO", "nats"),
    Curve("nll", 1.0, "reconstruction (NLL)", "nats"),
    Curve("kl", 1.0, "KL to the prior", "nats"),
    Curve("rms", 1.0, "reconstruction (RMS)", "unit of the data"),
)


def draw_history(
    container: FigureBase,
    history: History,
    baseline: History | None = None,
    *,
    best_epoch: int | None = None,
    names: tuple[str, str] = ("model", "baseline"),
    title: str = "",
) -> None:
    """Draw the learning curves of a model, and beside them of its baseline, into a figure or a part of one.

    Args:
        container: the figure or the part of one.
        history: columns `epoch` and `{train,valid}_{elbo,nll,kl,rms}`, one row an epoch; what is not there is
            not drawn.
        baseline: the same of the baseline.
        best_epoch: the epoch to mark; the one of highest validation ELBO when not given.
        names: of the model and of the baseline.
        title: above the picture.
    """
    curves = _drawn(history)[:3]
    grid = container.subplots(1, max(len(curves), 1), squeeze=False)[0]
    heading(container, title)
    if not curves:
        say_none(grid[0], "no learning curves")
        return
    best = best_epoch if best_epoch is not None else _best_epoch(history)
    for axes, curve in zip(grid, curves, strict=True):
        _draw_curve(axes, curve, history, BLUE, names[0])
        if baseline is not None:
            _draw_curve(axes, curve, baseline, ORANGE, names[1])
        if best is not None:
            _mark(axes, curve, history, best)
        _limit(axes, curve, [history, baseline or {}])
        quiet(axes, curve.title, "epoch", curve.unit)
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    named = {label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    labels = list(named)
    container.legend(
        list(named.values()),
        labels,
        loc="outside lower center",
        ncols=len(labels) if sum(map(len, labels)) < LONGEST_ROW else 2,
        fontsize=TICK + 0.5,
        frameon=False,
    )


def height_of_history(with_baseline: bool) -> float:
    """Inches that learning curves want: a baseline makes the legend longer."""
    return 3.0 if with_baseline else 2.5


def _drawn(history: History) -> list[Curve]:
    return [c for c in CURVES if any(f"{split}_{c.column}" in history for split in ("train", "valid"))]


def _epochs(history: History, length: int) -> np.ndarray:
    return np.asarray(history["epoch"]) if "epoch" in history else np.arange(1, length + 1)


def _best_epoch(history: History) -> int | None:
    values = np.asarray(history.get("valid_elbo", ()), dtype=float)
    if not np.isfinite(values).any():
        return None
    return int(_epochs(history, len(values))[np.nanargmax(np.where(np.isfinite(values), values, np.nan))])


def _draw_curve(axes: Axes, curve: Curve, history: History, colour: str, name: str) -> None:
    for split, style, width, alpha in (("train", (0, (3, 1.5)), 1.1, 0.7), ("valid", "-", 1.6, 1.0)):
        column = history.get(f"{split}_{curve.column}")
        if column is None or not len(column):
            continue
        values = curve.sign * np.asarray(column, dtype=float)
        axes.plot(
            _epochs(history, len(values)),
            values,
            linestyle=style,
            linewidth=width,
            alpha=alpha,
            color=colour,
            marker="o" if len(values) == 1 else None,
            markersize=4,
            label=f"{name}, {'training' if split == 'train' else 'validation'}",
        )


def _mark(axes: Axes, curve: Curve, history: History, best: int) -> None:
    column = history.get(f"valid_{curve.column}")
    if column is None:
        return
    place = np.flatnonzero(_epochs(history, len(column)) == best)
    axes.axvline(best, color=GREY, linewidth=0.8, linestyle=":")
    if len(place):
        axes.plot(
            [best],
            [curve.sign * float(column[place[0]])],
            marker="o",
            markersize=6,
            markerfacecolor="white",
            markeredgecolor=INK,
            linestyle="none",
            label=f"best epoch ({best})",
            zorder=4,
        )


def _limit(axes: Axes, curve: Curve, histories: list[History]) -> None:
    """Leave the steep first epochs out of the vertical range, which they would flatten."""
    values, all_values = [], []
    for history in histories:
        for split in ("train", "valid"):
            column = curve.sign * np.asarray(history.get(f"{split}_{curve.column}", ()), dtype=float)
            values.append(column[len(column) // 20 :])
            all_values.append(column)
    shown = np.concatenate(values)
    shown = shown[np.isfinite(shown)]
    if len(shown) < 2 or shown.min() == shown.max():
        return
    whole = np.concatenate(all_values)
    low, high = float(whole[np.isfinite(whole)].min()), float(shown.max())
    # Curves fall from far above; a tenth of the epochs may leave the picture at the top.
    high = min(high, low + 3 * max(float(np.quantile(shown, 0.9)) - low, 1e-12))
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)
