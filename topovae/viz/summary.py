"""One page that shows a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from topovae.viz.curves import History, draw_history, height_of_history
from topovae.viz.images import draw_reconstructions
from topovae.viz.latents import (
    PAGE,
    LatentPart,
    draw_decodes,
    draw_parts,
    has_decodes,
    height_of,
    height_of_decodes,
)
from topovae.viz.style import TITLE, Colouring, Paint, figure, heading


def summary_figure(
    signature_text: str,
    parts: Sequence[LatentPart],
    history: History,
    *,
    colourings: Sequence[Colouring] = (),
    baseline_history: History | None = None,
    best_epoch: int | None = None,
    baseline_name: str = "baseline",
    images: tuple[np.ndarray, np.ndarray, Sequence[int]] | None = None,
    title: str = "",
    name: str = "",
) -> Figure:
    """Join the latent space, what it decodes to, the learning curves and, when given, reconstructions on one page.

    Args:
        signature_text: the latent expression.
        parts: the components of the latent space, as in `draw_parts`.
        history: as in `draw_history`.
        colourings: of the points; the latent space is drawn once in each.
        baseline_history: learning curves of the baseline.
        best_epoch: the epoch to mark.
        baseline_name: how the legend calls the baseline.
        images: samples, reconstructions and the shape of one sample, as in `draw_reconstructions`.
        title: above the page.
        name: what the latent space is called, where it has a name shorter than its expression.

    Raises:
        UsageError: arrays that do not fit each other.
    """
    decoded = [part for part in parts if has_decodes(part)]
    paints = [Paint(c.values, c.kind, c.name) for c in colourings] or [Paint(None)]
    curves = height_of_history(baseline_history is not None)
    heights = [
        0.3 + height_of(parts, len(paints)),
        *map(height_of_decodes, decoded),
        curves,
        *([1.7] if images else []),
    ]
    page = figure(PAGE, sum(heights) + 0.4)
    heading(page, title, TITLE + 2)
    places = iter(page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel().tolist())
    words = f"latent space {name}: {signature_text}" if name else f"latent space {signature_text}"
    draw_parts(next(places), parts, paints, title=words)
    for part in decoded:
        named = f"decodes of {part.name}" if len(parts) > 1 else "what the latent space decodes to"
        draw_decodes(next(places), part, title=named)
    draw_history(
        next(places),
        history,
        baseline_history,
        best_epoch=best_epoch,
        names=(name or signature_text, baseline_name),
        title="learning curves",
    )
    if images:
        draw_reconstructions(next(places), *images, blocks=1, title="reconstructions")
    return page
