"""Fronts: what reconstruction costs in KL, by latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from topovae.viz.style import FAINT, LABEL, LABELS, TICK, figure, heading, quiet

LETTERS_OF_A_ROW = 70
"""Letters of a legend that fit side by side."""

QUANTITIES = (
    ("rms", "reconstruction error (RMS)", "unit of the data"),
    ("nll", "reconstruction (negative log-likelihood)", "nats per sample"),
)


@dataclass(frozen=True)
class Front:
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


def plot_fronts(fronts: Sequence[Front], *, title: str = "") -> Figure:
    """Draw reconstruction against KL for each latent: a point for each run, a line through the means by beta.

    A latent whose front lies below another's reconstructs better at the same cost.

    Args:
        fronts: one a latent.
        title: above the picture.
    """
    page = figure(9.0, 4.2)
    heading(page, title)
    panels = page.subplots(1, len(QUANTITIES), squeeze=False)[0]
    for axes, (quantity, name, unit) in zip(panels, QUANTITIES, strict=True):
        for i, front in enumerate(fronts):
            _draw_front(axes, front, getattr(front, quantity), LABELS[i % len(LABELS)])
        quiet(axes, name, "KL to the prior (nats per sample)", unit)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
    handles, labels = panels[0].get_legend_handles_labels()
    columns = len(labels) if sum(map(len, labels)) < LETTERS_OF_A_ROW else 2
    if labels:
        page.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=TICK + 0.5, frameon=False)
    else:
        panels[0].text(0.5, 0.5, "no finished runs", ha="center", va="center", fontsize=LABEL, transform=panels[0].transAxes)
    return page


def _draw_front(axes: Axes, front: Front, values: np.ndarray, colour: str) -> None:
    finite = np.isfinite(front.kl) & np.isfinite(values)
    betas = np.unique(front.beta[finite])
    means = [(front.kl[chosen].mean(), values[chosen].mean()) for chosen in (finite & (front.beta == b) for b in betas)]
    axes.plot(front.kl[finite], values[finite], "o", markersize=3, alpha=0.45, color=colour, markeredgewidth=0)
    x, y = zip(*means, strict=True) if means else ((), ())
    axes.plot(x, y, "-o", markersize=5, linewidth=1.4, color=colour, markeredgecolor="white", label=front.name, zorder=3)
