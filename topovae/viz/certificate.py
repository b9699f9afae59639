"""One page that shows why an encoder was certified or not."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from topovae.viz.latents import PAGE, LatentPart, draw_parts, height_of
from topovae.viz.style import BLUE, GREEN, GREY, INK, LABEL, RED, TICK, TITLE, Paint, figure, heading, quiet, say_none

WIDEST_TEXT = 84
"""Letters of a line of reasons."""
LINE, ABOVE = 0.16, 0.5
"""Inches that a line of reasons takes, and the verdict above them."""
MOST_PAIRS = 6000
"""Pairs of neighbours drawn: more dots only hide each other."""


@dataclass(frozen=True)
class FailingPatches:
    """What the page shows beside the verdict.

    Attributes:
        residual: (m,) largest residual of the local fits about each sample, over what homeomorphisms stay below.
        far: (p,) distances in the data of pairs of latent neighbours, over the data's diameter.
        near: (p,) their distances in the latent space, over its diameter.
        owner: (p,) row of `residual` that each pair belongs to.
        bars: of the landmarks of the data and of their latents, by degree, (b, 2) births and deaths in diameters.
    """

    residual: np.ndarray
    far: np.ndarray
    near: np.ndarray
    owner: np.ndarray
    bars: tuple[Sequence[np.ndarray], Sequence[np.ndarray]]


def certificate_figure(
    latent: str,
    part: LatentPart,
    evidence: FailingPatches,
    certificate: Mapping[str, object],
    *,
    title: str = "",
) -> Figure:
    """Draw the failing patches on the latent space, fibres, winding numbers, and persistence of data and latents.

    Args:
        latent: the latent expression.
        part: the latent space with the samples that were looked at.
        evidence: what is drawn.
        certificate: the certificate of the JSON report.
        title: above the page.
    """
    failing, height = evidence.residual > 1, height_of([part]) + 0.3
    lines = _reasons(certificate)
    heights = [ABOVE + LINE * len(lines), height, 2.5]
    page = figure(PAGE, sum(heights))
    heading(page, title, TITLE + 2)
    above, middle, below = page.subfigures(3, 1, height_ratios=heights, squeeze=False).ravel().tolist()
    _write(above.subplots(), str(certificate["verdict"]), lines)
    paint = Paint(np.minimum(evidence.residual, 2.0), "linear", "worst residual over its limit")
    found = f"{failing.mean():.1%} of the samples in failing patches" if failing.any() else "no patch fails"
    draw_parts(middle, [part], [paint], title=f"latent space {latent}: {found}")
    fibres, winding, diagrams = below.subplots(1, 3, width_ratios=[1, 0.8, 1])
    _draw_fibres(fibres, evidence, failing)
    _draw_winding(winding, certificate)
    _draw_persistence(diagrams, evidence.bars)
    return page


def _reasons(certificate: Mapping[str, object]) -> list[str]:
    """The reasons of a certificate in lines, how large a fault would be seen last."""
    reasons, power = certificate["reasons"], certificate["power"]
    assert isinstance(reasons, Sequence) and isinstance(power, Mapping)
    seen = f"a fold of {power['fault']:.0%} of the samples would be seen in {power['seen']:.0%} of places"
    said = [*(reason for reason in reasons if "would be seen" not in reason), seen]
    return [line for reason in said for line in textwrap.wrap(f"– {reason}", WIDEST_TEXT, subsequent_indent="   ")]


def _write(axes: Axes, verdict: str, lines: Sequence[str]) -> None:
    axes.set_axis_off()
    colour = {"homeomorphic": GREEN, "not homeomorphic": RED}.get(verdict, GREY)
    axes.text(0, 1, verdict, fontsize=TITLE + 4, color=colour, va="top", transform=axes.transAxes)
    axes.annotate(
        "\n".join(lines),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, -72 * ABOVE / 2),
        textcoords="offset points",
        fontsize=LABEL,
        color=INK,
        va="top",
    )


def _draw_fibres(axes: Axes, evidence: FailingPatches, failing: np.ndarray) -> None:
    """Distances in the data of latent neighbours, against those in the latent space."""
    chosen = np.random.default_rng(0).permutation(len(evidence.far))[:MOST_PAIRS]
    bad = failing[evidence.owner[chosen]]
    for rows, colour, name, size in ((chosen[~bad], BLUE, "pairs", 3), (chosen[bad], RED, "in failing patches", 6)):
        if len(rows):
            axes.scatter(evidence.near[rows], evidence.far[rows], s=size, c=colour, linewidths=0, alpha=0.5, label=name)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.legend(fontsize=TICK, frameon=False, markerscale=2)
    axes.set_box_aspect(1)
    quiet(axes, "fibres: latent neighbours", "latent distance (diameters)", "data distance (diameters)")


def _draw_winding(axes: Axes, certificate: Mapping[str, object]) -> None:
    """The winding numbers as a table, or the degree."""
    winding, degree = certificate["winding"], certificate["degree"]
    if not winding:
        say_none(axes, "no winding numbers" if degree is None else f"degree {degree}")
        axes.set_title("winding" if degree is None else "degree", fontsize=TITLE, color=INK)
        return
    table = np.array(winding)
    axes.imshow(np.sign(table), cmap="RdBu", vmin=-3, vmax=3)
    for (row, column), value in np.ndenumerate(table):
        axes.text(column, row, str(value).replace("-", "−"), ha="center", va="center", fontsize=TITLE + 4, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    quiet(axes, "winding" + ("" if degree is None else f", degree {degree}"), "loop of the data", "latent function")


def _draw_persistence(axes: Axes, bars: tuple[Sequence[np.ndarray], Sequence[np.ndarray]]) -> None:
    """Diagrams of degree 1 and 2 over Z/2: those of the data as rings, those of their latents as crosses."""
    high = 0.0
    for degree, colour in ((1, BLUE), (2, RED)):
        for side, marker, name in zip(bars, ("o", "x"), ("data", "latents"), strict=True):
            shown = side[degree] if degree < len(side) else np.zeros((0, 2))
            shown = shown[np.isfinite(shown).all(1)]
            high = max(high, float(shown.max(initial=0.0)))
            axes.plot(
                shown[:, 0],
                shown[:, 1],
                marker,
                color=colour,
                markerfacecolor="none",
                markersize=5,
                markeredgewidth=1.0,
                label=f"H{'₀₁₂'[degree]} {name}",
            )
    high = 1.05 * high if high > 0 and math.isfinite(high) else 1.0
    axes.plot([0, high], [0, high], color=GREY, linewidth=0.8)
    axes.set_xlim(0, high)
    axes.set_ylim(0, high)
    axes.set_box_aspect(1)
    axes.legend(fontsize=TICK - 1.5, frameon=False, loc="lower right", handletextpad=0.1, borderpad=0.1)
    quiet(axes, "persistence over Z/2", "birth (diameters)", "death (diameters)")
