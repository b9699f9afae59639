"""One page that shows a diagnosis: the answer, what speaks for it, and the landmarks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D

from topovae.errors import UsageError
from topovae.store.documents import probability
from topovae.viz.barcode import Bar, death_of, draw_barcode, extent
from topovae.viz.style import BLUE, FAINT, GREY, INK, LABEL, LABELS, TICK, TITLE, Paint, figure, heading, quiet, say_none

WIDTH = 13.0
MOST_ANGLES = 3
MOST_CANDIDATES = 6
LONGEST_NAME, LONGEST_TITLE, LONGEST_FACTS, LONGEST_WAY = 22, 90, 165, 150  # characters
LINE = 58  # characters of a line below the candidates
COLUMNS, LOWER = (8.4, 4.6), 3.7  # widths of the columns and height of the lower row, inches

Document = Mapping[str, Any]
Draw = Callable[[FigureBase], None]


def plot_diagnosis(
    document: Document,
    *,
    landmark_points: np.ndarray | None = None,
    angles: np.ndarray | None = None,
    title: str = "",
) -> Figure:
    """Draw barcodes, persistence diagrams, the landmarks and the candidates on one page.

    Args:
        document: the JSON of `topovae analyze`; every field but `bars` and `recommendation` may be absent or None.
        landmark_points: (m, q) coordinates of the landmarks, or None where there are none (a distance matrix).
        angles: (m, k) circular coordinates of the landmarks in radians; the first three are shown.
        title: what was diagnosed, before the answer.

    Raises:
        UsageError: arrays that do not fit each other.
    """
    points = None if landmark_points is None else np.asarray(landmark_points, dtype=float)
    turns = None if angles is None or not np.size(angles) else np.asarray(angles, dtype=float)
    if points is not None and (points.ndim != 2 or (turns is not None and turns.shape[:1] != points.shape[:1])):
        shape = None if turns is None else turns.shape
        raise UsageError(f"landmarks {points.shape} and angles {shape} do not fit; expected (m, q) and (m, k)")
    bars, ratios = document["bars"], significance_of(document)
    upper = max(0.9 + 1.05 * sum(0.75 if dim == 0 else 2.1 for dim in {int(bar["dim"]) for bar in bars}), 3.4)
    lower = [draw for draw in (_landmarks(points, turns), _candidates(document)) if draw is not None]
    heights = [upper, LOWER] if lower else [upper]
    page = figure(WIDTH, 0.4 + sum(heights))
    above, *below = page.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
    _write_headings(page, above, document, title)
    left, right = above.subfigures(1, 2, squeeze=False, width_ratios=COLUMNS).ravel()
    draw_barcode(left, bars, significance=ratios)
    draw_diagrams(right, bars, ratios)
    if lower:
        columns = below[0].subfigures(1, len(lower), squeeze=False, width_ratios=COLUMNS[: len(lower)]).ravel()
        for draw, column in zip(lower, columns, strict=True):
            draw(column)
    return page


def _landmarks(points: np.ndarray | None, angles: np.ndarray | None) -> Draw | None:
    return None if points is None or not len(points) else lambda place: draw_landmarks(place, points, angles)


def _candidates(document: Document) -> Draw | None:
    return (lambda place: draw_candidates(place, document)) if document.get("candidates") else None


def _write_headings(page: Figure, above: FigureBase, document: Document, title: str) -> None:
    """Write the answer above the page, and what was measured in a line below it, with the title where that fits."""
    answer, facts = answer_of(document), facts_of(document)
    together = f"{title}: {answer}" if title else answer
    if len(together) > LONGEST_TITLE:
        together, facts = answer, f"{_shortened(title, LONGEST_NAME)}  ·  {facts}" if title else facts
    heading(
        page,
        _plain(_shortened(together, LONGEST_FACTS)),
        TITLE + (4 if len(together) < 70 else 2 if len(together) < 100 else 0),
    )
    heading(above, _plain(_shortened(facts, LONGEST_FACTS)), LABEL)


def significance_of(document: Document) -> dict[int, float]:
    """Return the critical ratio death/birth of each degree; empty where the document does not say."""
    found = document.get("significance") or {}
    return {int(degree): float(ratio) for degree, ratio in found.items() if ratio}


def answer_of(document: Document) -> str:
    """Say the recommendation in one line."""
    best, parts = document["recommendation"], document.get("parts") or ()
    sure = "" if best.get("confidence") is None else f" (confidence {probability(best['confidence'])})"
    if best["name"] != "none":
        return f"{best['name']}{sure}: --latent '{best['latent']}'"
    if parts:
        return f"{len(parts)} components: {', '.join(part['recommendation']['name'] for part in parts)}{sure}"
    if (document.get("components") or 1) > 1:
        return f"{document['components']} components, each to be analysed by itself{sure}"
    return f"no space of the catalogue matches{sure}"


def facts_of(document: Document) -> str:
    """Say in one line what was measured, as far as it is known."""
    dimension = document.get("intrinsic_dimension") or {}
    features = "" if document.get("n_features") is None else f" x {document['n_features']} features"
    components = document.get("components") or 1
    facts = [
        f"{document['n_samples']} samples{features}" if document.get("n_samples") else "",
        f"{document['landmarks']} landmarks" if document.get("landmarks") else "",
        f"{components} components" if components > 1 else "",
        f"dimension {dimension['value']} ({dimension['estimate']:.2f})" if dimension else "",
        _verdict(document.get("orientable"), "orientable", "not orientable"),
        _verdict(document.get("boundary"), "with boundary", "no boundary"),
        *(f"Betti Z/{prime}: {' '.join(map(str, n))}" for prime, n in (document.get("betti") or {}).items()),
    ]
    return "  ·  ".join(fact for fact in facts if fact)


def _verdict(value: bool | None, yes: str, no: str) -> str:
    return "" if value is None else yes if value else no


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(text: str) -> str:
    """Keep matplotlib from reading mathematics between dollar signs."""
    return text.replace("$", r"\$")


def draw_diagrams(container: FigureBase, bars: Sequence[Bar], ratios: Mapping[int, float]) -> None:
    """Draw a persistence diagram for each degree above 0, with the line that noise seldom exceeds.

    Args:
        container: where to.
        bars: as in `draw_barcode`.
        ratios: critical ratio death/birth of each degree.
    """
    degrees = sorted({int(bar["dim"]) for bar in bars if int(bar["dim"]) > 0})
    if not degrees:
        say_none(container.subplots(), "no bars above degree 0")
        return
    primes = sorted({int(bar["prime"]) for bar in bars})
    # one row of squares each, so that diagrams are as large as the height allows
    grid = container.subplots(len(degrees), 1, squeeze=False).ravel()
    for axes, degree in zip(grid, degrees, strict=True):
        chosen = [bar for bar in bars if int(bar["dim"]) == degree]
        _draw_diagram(axes, chosen, primes, ratios.get(degree))
        title = f"H{'₀₁₂₃₄₅₆₇₈₉'[degree]}"
        quiet(axes, title, "birth" if degree == degrees[-1] else "", "death")
    _legend(grid[0], primes, bool(ratios))


def _draw_diagram(axes: Axes, bars: Sequence[Bar], primes: Sequence[int], ratio: float | None) -> None:
    births = np.array([float(bar["birth"]) for bar in bars])
    _, high = extent(bars, {} if ratio is None else {int(bars[0]["dim"]): ratio})
    low = 0.0 if births.min() < 0.3 * high else 0.9 * births.min()
    room = 0.04 * (high - low)
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.8)
    if ratio is not None:
        axes.plot([low, high / ratio], [low * ratio, high], color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    for place, prime in enumerate(primes):
        # the second prime's rings lie around the first one's
        for bar in bars:
            if int(bar["prime"]) == prime:
                _draw_point(axes, bar, LABELS[place % len(LABELS)], 22 + 34 * place, high)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    axes.set_box_aspect(1)


def _draw_point(axes: Axes, bar: Bar, colour: str, size: float, high: float) -> None:
    death, sure = death_of(bar), bool(bar["significant"])
    axes.scatter(
        [float(bar["birth"])],
        [min(death, high)],
        s=size if sure else 0.4 * size,
        marker="o" if math.isfinite(death) else "^",
        facecolors="none",
        edgecolors=colour,
        linewidths=1.8 if sure else 0.7,
        alpha=1.0 if sure else 0.55,
        zorder=3 if sure else 2,
        clip_on=False,
    )


def _legend(axes: Axes, primes: Sequence[int], line: bool) -> None:
    ring: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none"}
    keys = [
        Line2D([], [], color=LABELS[i % len(LABELS)], markersize=5 + 2 * i, markeredgewidth=1.5, label=f"Z/{prime}", **ring)
        for i, prime in enumerate(primes)
    ]
    if line:
        keys.append(Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label="above: more than noise"))
    axes.legend(handles=keys, loc="lower right", fontsize=TICK, frameon=False, borderaxespad=0.2)


def draw_landmarks(container: FigureBase, points: np.ndarray, angles: np.ndarray | None) -> None:
    """Draw the landmarks in their two first principal components, once for each circular coordinate.

    Args:
        container: where to.
        points: (m, q), m ≥ 1.
        angles: (m, k) radians, or None: then the third component colours the landmarks.
    """
    shown = principal_components(points, 3)
    count = 1 if angles is None else min(angles.shape[1], MOST_ANGLES)
    grid = container.subplots(1, count, squeeze=False).ravel().tolist()
    for place, axes in enumerate(grid):
        paint = _paint(shown, angles, place)
        axes.scatter(shown[:, 0], shown[:, 1], s=14, linewidths=0, **paint.options(np.arange(len(shown))))
        axes.set_aspect("equal", adjustable="datalim")
        names = "landmarks" if angles is None else f"landmarks, circular coordinate {place + 1}"
        quiet(axes, names if count < 3 else f"circular coordinate {place + 1}", "first component", "")
        axes.set_xticks([])
        axes.set_yticks([])
    grid[0].set_ylabel("second component", fontsize=LABEL, color=INK)
    _paint(shown, angles, 0).add_scale(container, grid)


def _paint(shown: np.ndarray, angles: np.ndarray | None, place: int) -> Paint:
    if angles is None:
        return Paint(shown[:, 2], "linear", "third component")
    return Paint(angles[:, place], "cyclic", "angle (radians)")


def principal_components(points: np.ndarray, count: int) -> np.ndarray:
    """Return the first principal components (m, count) of points (m, q), filled up with 0."""
    centred = points - points.mean(axis=0)
    axes, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    sign = np.where(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)] < 0, -1.0, 1.0)
    found = (axes * sizes * sign)[:, :count]
    return np.pad(found, ((0, 0), (0, count - found.shape[1])))


def draw_candidates(container: FigureBase, document: Document) -> None:
    """Draw the scores of the candidates as bars, the recommended one in colour.

    Args:
        container: where to.
        document: as in `plot_diagnosis`; where it holds `evidence`, the log-likelihoods are written beside the scores.
    """
    candidates = list(document["candidates"])[:MOST_CANDIDATES]
    best = document["recommendation"]["name"]
    axes = container.subplots()
    scores = [float(candidate["score"]) for candidate in candidates]
    level = [-float(row) for row in range(len(candidates))]
    axes.barh(level, scores, height=0.62, color=[BLUE if c["name"] == best else FAINT for c in candidates])
    labels = [_plain(_shortened(str(candidate["name"]), LONGEST_NAME)) for candidate in candidates]
    axes.set_xlim(0, 1)
    axes.set_ylim(-max(len(candidates), 4) + 0.4, 0.6)
    ways = (document.get("settling") or {}).get("ways") or ()
    below = [line for way in ways[:1] for line in wrap(_shortened(way, LONGEST_WAY), LINE)]
    quiet(axes, "candidates", "\n".join(["score", *map(_plain, below)]), "")
    axes.set_yticks(level, labels=labels, fontsize=LABEL)
    axes.tick_params(axis="y", length=0)
    likelihoods = likelihoods_of(document)
    for y, score, candidate in zip(level, scores, candidates, strict=True):
        words = probability(score) + likelihoods.get(candidate["latent"], "")
        inside = score > 0.6
        colour = INK if not inside or candidate["name"] != best else "white"
        axes.text(score + (-0.015 if inside else 0.015), y, words, ha="right" if inside else "left", va="center",
                  fontsize=TICK, color=colour)  # fmt: skip


def likelihoods_of(document: Document) -> dict[str, str]:
    """Return for each latent that was trained how far its held-out log-likelihood is below the best one's."""
    trained = (document.get("evidence") or {}).get("candidates") or ()
    known = {entry["latent"]: entry["log_likelihood"] for entry in trained if entry.get("log_likelihood") is not None}
    best = max(known.values(), default=0.0)
    return {latent: ", most likely" if value == best else f", −{best - value:.2f} nats" for latent, value in known.items()}
