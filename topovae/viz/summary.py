"""One page that shows a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from topovae.viz.curves import History, draw_history
from topovae.viz.images import draw_reconstructions
from topovae.viz.latents import LatentPart, draw_parts, size_of_parts
from topovae.viz.style import TITLE, ColourKind, Paint, figure, heading


def summary_figure(
    signature_text: str,
    parts: Sequence[LatentPart],
    history: History,
    *,
    colours: np.ndarray | None = None,
    colour_kind: ColourKind = "linear",
    colour_name: str = "",
    baseline_history: History | None = None,
    best_epoch: int | None = None,
    baseline_name: str = "baseline",
    images: tuple[np.ndarray, np.ndarray, Sequence[int]] | None = None,
    title: str = "",
    name: str = "",
) -> Figure:
    """Join the latent space, the learning curves and, when given, reconstructions on one page.

    Args:
        signature_text: the latent expression.
        parts: the components of the latent space, as in `draw_parts`.
        history: as in `draw_history`.
        colours: (n,) values that colour the points.
        colour_kind: "cyclic" (radians), "linear" or "labels".
        colour_name: what the colours mean.
        baseline_history: learning curves of the baseline.
        best_epoch: the epoch to mark.
        baseline_name: how the legend calls the baseline.
        images: samples, reconstructions and the shape of one sample, as in `draw_reconstructions`.
        title: above the page.
        name: what the latent space is called, where it has a name shorter than its expression.

    Raises:
        UsageError: arrays that do not fit each other.
    """
    wanted, height = size_of_parts(parts)
    width = max(wanted, 10.0)
    heights = [height, 3.2] + ([2.7] if images else [])
    page = figure(width, sum(heights) + 0.5)
    heading(page, title, TITLE + 4)
    places = page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel().tolist()
    margin = max((width - wanted) / 2, 0.01)
    middle = places[0].subfigures(1, 3, width_ratios=[margin, wanted, margin])[1]
    paint = Paint(colours, colour_kind, colour_name)
    draw_parts(
        middle, parts, paint, title=f"latent space {name}: {signature_text}" if name else f"latent space {signature_text}"
    )
    draw_history(
        places[1],
        history,
        baseline_history,
        best_epoch=best_epoch,
        names=(name or signature_text, baseline_name),
        title="learning curves",
    )
    if images:
        draw_reconstructions(places[2], *images, blocks=1, title="reconstructions")
    return page
