"""Fronts: what reconstruction costs in KL, by latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from topovae.viz.style import FAINT, GREY, LABEL, LABELS, TICK, figure, heading, quiet

LETTERS_OF_A_ROW = 100
"""Letters of a legend that fit side by side."""

TICKS = 8
"""Betas that are named below an axis at most."""

QUANTITIES = (
    ("rms", "reconstruction error (RMS)", "unit of the data"),
    ("nll", "reconstruction (negative log-likelihood)", "nats per sample"),
)


@dataclass(frozen=True)
class RateDistortion:
    """The runs of one latent space.

    Args:
        name: of the latent.
        beta: (n,) weight of the KL term of each run.
        kl: (n,) nats a sample; NaN where training diverged.
        rms: (n,) in the data's units.
        nll: (n,) nats a sample.
    """

    name: str
    beta: np.ndarray
    kl: np.ndarray
    rms: np.ndarray
    nll: np.ndarray


def plot_fronts(fronts: Sequence[RateDistortion], *, title: str = "") -> Figure:
    """Draw reconstruction against KL for each latent, and the ELBO by beta.

    Faint points are runs; lines go through means by beta, with bars of one standard deviation. A latent whose front lies below
    another's reconstructs better at the same cost.

    Args:
        fronts: one a latent.
        title: above the picture.
    """
    page = figure(13.0, 4.6)
    heading(page, title)
    *panels, last = page.subplots(1, len(QUANTITIES) + 1, squeeze=False)[0]
    betas = np.unique(np.concatenate([front.beta for front in fronts])) if fronts else np.zeros(0)
    for axes, (quantity, name, unit) in zip(panels, QUANTITIES, strict=True):
        for i, front in enumerate(fronts):
            _draw(axes, front, front.kl, getattr(front, quantity), LABELS[i % len(LABELS)])
        quiet(axes, name, "KL to the prior (nats per sample)", unit)
    for i, front in enumerate(fronts):
        # At equal distances, since betas may be 0; a little beside each other, so that bars are told apart.
        aside = 0.12 * (i - (len(fronts) - 1) / 2)
        _draw(last, front, np.searchsorted(betas, front.beta) + aside, -front.nll - front.kl, LABELS[i % len(LABELS)])
    quiet(last, "ELBO", "β", "nats per sample")
    last.set_xticks(np.arange(len(betas))[:: -(-len(betas) // TICKS) or 1])
    last.set_xticklabels([f"{betas[int(tick)]:.2g}" for tick in last.get_xticks()])
    for axes in (*panels, last):
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
    handles, labels = panels[0].get_legend_handles_labels()
    columns = len(labels) if sum(map(len, labels)) < LETTERS_OF_A_ROW else 2
    if labels:
        legend = page.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=TICK + 0.5, frameon=False)
        legend.set_title(_explanation(fronts, betas))
        legend.get_title().set(fontsize=TICK, color=GREY)
    else:
        panels[0].text(0.5, 0.5, "no finished runs", ha="center", va="center", fontsize=LABEL, transform=panels[0].transAxes)
    return page


def _explanation(fronts: Sequence[RateDistortion], betas: np.ndarray) -> str:
    seeds = max(int((front.beta == beta).sum()) for front in fronts for beta in betas)
    path = f", along each line from β = {betas[-1]:g} (left) to {betas[0]:g} (right)" if len(betas) > 1 else ""
    return f"test split; faint points: runs; lines: means over {seeds} seeds ± one standard deviation{path}"


def _draw(axes: Axes, front: RateDistortion, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    finite = np.isfinite(front.kl) & np.isfinite(y)
    groups = [finite & (front.beta == beta) for beta in np.unique(front.beta[finite])]
    axes.plot(x[finite], y[finite], "o", markersize=3, alpha=0.35, color=colour, markeredgewidth=0)
    (across, right), (up, high) = (_means(values, groups) for values in (x, y))
    axes.errorbar(across, up, high, right, fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.7)
    axes.plot(across, up, "-o", markersize=5, linewidth=1.4, color=colour, markeredgecolor="white", label=front.name, zorder=3)


def _means(values: np.ndarray, groups: Sequence[np.ndarray]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each group, 0 for a single value."""
    chosen = [values[group] for group in groups]
    return [v.mean() for v in chosen], [v.std(ddof=1) if len(v) > 1 else 0.0 for v in chosen]
