"""Several views of one piece of the data, and the one answer that they give together.

The samples as they are come first. Where noise has made them thick, or their dimension changes, their core is looked at too;
and where the core is a circle, what the circle leaves over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.cloud import of_points, subset
from topovae.homology.cloud.cores import Core, find_core, normal_spectrum
from topovae.homology.features.circles import landmark_angles
from topovae.homology.features.peeling import peel, spread_angles
from topovae.homology.verdict.candidates import Recommendation
from topovae.homology.verdict.piece import Options, Piece, diagnose

CORES = (1, 2)
"""Dimensions of the cores that are looked for."""

MOST_PULLED = 2000
"""The core is sought of so many samples at most: a limit on cost, not tuned."""

THICKNESS_GAP = tuned("thickness_gap")
ALONE = tuned("alone_share")


@dataclass(frozen=True)
class View:
    """What one way of looking at a piece says.

    Attributes:
        kind: `samples`, `core` or `peeled`.
        piece: what was found.
    """

    kind: str
    piece: Piece

    def to_dict(self) -> dict[str, Any]:
        piece = self.piece
        return {
            "view": self.kind,
            "dimension": piece.cloud.dimension.value,
            "betti": {str(prime): list(numbers) for prime, numbers in piece.betti.items()},
            "recommendation": piece.recommendation.to_dict(),
        }


@dataclass(frozen=True)
class Outlook:
    """All views of a piece, and what is concluded.

    Attributes:
        piece: the view that the answer rests on, with the answer.
        views: all of them, that of the samples first.
        reason: why this answer; empty where there is one view.
    """

    piece: Piece
    views: tuple[View, ...]
    reason: str = ""


def look(points: np.ndarray, noise: float, options: Options) -> Outlook:
    """Diagnose a piece by as many views as it takes.

    Args:
        points: (n, p) denoised samples.
        noise: standard deviation of the noise left in each coordinate.
        options: what the homology is computed with.
    """
    whole = View("samples", diagnose(of_points(points, noise, options.landmarks, options.seed), _part(options, 0.0, 0.6)))
    chosen = points[subset(len(points), MOST_PULLED, options.seed)]
    core = None if whole.piece.homology.stopped else find_core(chosen, _lower(whole.piece), options.seed)
    if core is None:
        return Outlook(whole.piece, (whole,))
    inner = View("core", diagnose(of_points(core.points, 0.0, None, options.seed), _part(options, 0.6, 0.8)))
    views = [whole, inner]
    if core.dimension == 1 and inner.piece.betti[options.primes[0]][1] == 1:
        angles = spread_angles(core.points, inner.piece.landmarks, landmark_angles(inner.piece.landmarks, 1)[:, 0])
        left = peel(chosen, angles)
        views.append(View("peeled", diagnose(of_points(left, 0.0, None, options.seed), _part(options, 0.8, 1.0))))
    view, answer, reason = _settle(views, _directions(chosen, core))
    size = replace(view.piece.cloud, size=len(points))
    return Outlook(replace(view.piece, cloud=size, recommendation=answer), tuple(views), reason)


def _part(options: Options, start: float, end: float) -> Options:
    """Return options that report a share of the work."""
    report: Callable[[str, float], None] = options.report
    return replace(options, report=lambda stage, share: report(stage, start + share * (end - start)))


def _lower(whole: Piece) -> tuple[int, ...]:
    """Return the dimensions of cores that would say more than the samples do."""
    named = whole.recommendation.latent is not None
    return tuple(d for d in CORES if d < whole.cloud.dimension.value + (not named))


def _directions(points: np.ndarray, core: Core) -> int:
    """Return in how many directions the samples extend about the core: 0 where all are alike, as noise is."""
    spectrum = normal_spectrum(points, core)
    if len(spectrum) < 2:
        return 0
    gaps = spectrum[:-1] / np.maximum(spectrum[1:], 1e-300)
    return int(gaps.argmax()) + 1 if gaps.max() >= THICKNESS_GAP else 0


def _settle(views: list[View], directions: int) -> tuple[View, Recommendation, str]:
    """Choose the view that the answer rests on."""
    whole, inner, *more = views
    samples, core = whole.piece.recommendation, inner.piece.recommendation
    for peeled in more:
        found = peeled.piece.recommendation
        if found.latent is not None and peeled.piece.betti[2][1] > inner.piece.betti[2][1]:
            return peeled, found, "beside the circle there is more, too small to be seen before the circle was taken away"
    if core.latent is None:
        return whole, samples, ""
    if samples.latent is None:
        return inner, _less_sure(core), "the samples by themselves give no answer; their core does"
    if whole.piece.betti[2][1] == inner.piece.betti[2][1]:
        extra = whole.piece.cloud.dimension.value - inner.piece.cloud.dimension.value
        if directions == extra:
            return whole, samples, "the samples extend about their core in as many directions as the answer has more"
        return inner, core, "the samples are thick about their core, alike in all directions, as noise is"
    return whole, _less_sure(samples), "the samples and their core differ"


def _less_sure(answer: Recommendation) -> Recommendation:
    """Return an answer that one view alone gives."""
    return replace(answer, confidence=ALONE * answer.confidence)
