"""The result of a diagnosis, and its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.homology.calibration import tuned
from topovae.homology.cloud.cleaning import Cleaned
from topovae.homology.cloud.denoise import Denoiser
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.cloud.presets import Preset
from topovae.homology.cloud.rows import RowFilter, series
from topovae.homology.cloud.tangents import Dimension, FrameGraph
from topovae.homology.complexes.bars import by_ratio, universal_p_values
from topovae.homology.complexes.passes import Homology
from topovae.homology.features.circles import landmark_angles
from topovae.homology.features.styles import Styles
from topovae.homology.features.symmetry import Symmetry
from topovae.homology.odds import decided
from topovae.homology.verdict.candidates import Candidate, Recommendation
from topovae.homology.verdict.piece import Piece
from topovae.homology.verdict.settling import Settling
from topovae.homology.verdict.shown import Shown
from topovae.homology.verdict.views import Outlook
from topovae.homology.verdict.words import summary
from topovae.store.documents import Document

SCHEMA = "topovae/analysis/1"

BARS_SHOWN = 20
"""So many bars of each prime and degree are listed."""

SEVERAL_CONFIDENCE = tuned("several_confidence")


@dataclass(frozen=True)
class Bar(Document):
    """One bar of persistent homology, in self-tuned distance (1 = the landmarks' usual spacing).

    Attributes:
        prime, dim: field and degree.
        birth, death: its ends; the death is infinite in degree 0.
        p_value: under the universal law; None where that law cannot be applied, as of too few bars.
        significant: whether it counts, by the null of its degree and the data's dimension, which is another test.
    """

    prime: int
    dim: int
    birth: float
    death: float
    p_value: float | None
    significant: bool

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"death": self.death if np.isfinite(self.death) else None}


@dataclass(frozen=True)
class Skeleton:
    """What coordinates on the space need: the landmarks, and how a sample is brought among them.

    Attributes:
        landmarks: landmarks with distances.
        preparation: what is done to each sample; None for a distance matrix.
        denoiser: then, to its features; None for a distance matrix.
        circles: number of circular coordinates, the Betti number of degree 1 over an odd prime.
        frames: tangent frames at points among the landmarks; None where there are none.
    """

    landmarks: Landmarks
    preparation: RowFilter | None
    denoiser: Denoiser | None
    circles: int
    frames: FrameGraph | None

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Map raw samples (n, *sample_shape) to points (n, q) among the landmarks."""
        if self.preparation is None or self.denoiser is None:
            raise ValueError("an analysis of a distance matrix cannot place samples")
        return self.denoiser.transform(self.preparation.apply(rows))

    def place_all(self, data: Dataset) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield all samples in their order as points (m, q); a time series is smoothed."""
        if self.preparation is None or self.denoiser is None:
            raise ValueError("an analysis of a distance matrix cannot place samples")
        for rows, features in series(data, self.preparation):
            yield rows, self.denoiser.transform(features)


@dataclass(frozen=True)
class Analysis(Shown):
    """Everything a diagnosis found.

    Attributes:
        n_samples: samples in the data (not only those read).
        n_features: numbers in one sample; for a distance matrix, None.
        pieces: what was found of each connected component, the largest first.
        skeleton: landmarks and maps of the largest component (not in the JSON).
        component: (n_samples,) number of the piece that each sample belongs to, −1 where that is not known: of those set
            aside, not read, or in no piece (in the arrays of a report, not in the JSON).
        coordinates: coordinates of all samples by kind, (n, k) each, where asked for (not in the JSON).
        preset: what was done to counts and time series first; None for a distance matrix.
        styles: what groups and symmetries say.
        override: an answer that takes the place of the homology's.
        outlooks: by component, the views that its answer rests on; none of distances.
        cleaned: which of the samples read were set aside; None for distances.
        settling: what would settle the answer; None where it is sure, and for distances.
    """

    n_samples: int
    n_features: int | None
    pieces: tuple[Piece, ...]
    skeleton: Skeleton
    component: np.ndarray
    coordinates: Mapping[str, np.ndarray] | None = None
    preset: Preset | None = None
    styles: Styles = field(default_factory=Styles)
    override: Recommendation | None = None
    outlooks: tuple[Outlook, ...] = ()
    cleaned: Cleaned | None = None
    settling: Settling | None = None

    def __repr__(self) -> str:
        """The answer in one line: the arrays that it rests on would fill a notebook."""
        return Shown.__repr__(self)

    @property
    def components(self) -> int:
        """Number of connected components."""
        return len(self.pieces)

    @property
    def intrinsic_dimension(self) -> Dimension:
        """Dimension of the largest component."""
        return self.pieces[0].cloud.dimension

    @property
    def landmarks(self) -> int:
        """Landmarks that stand for the largest component."""
        return len(self.skeleton.landmarks.distances)

    @property
    def covering_radius(self) -> float:
        """Largest distance of a sample of the largest component to its landmark."""
        return self.pieces[0].covering_radius

    @property
    def orientable(self) -> bool | None:
        """Whether the largest component can be oriented, None where undetermined."""
        return decided(self.pieces[0].orientable)

    @property
    def boundary(self) -> bool | None:
        """Whether the largest component has an edge, None where undetermined."""
        closed = decided(self.pieces[0].cloud.verdicts.closed)
        return None if closed is None else not closed

    @property
    def betti(self) -> dict[int, tuple[int, ...]]:
        """For each prime the Betti numbers, degrees 0, 1, …: the sums over the components."""
        primes = self.pieces[0].betti
        columns = {prime: zip_longest(*(piece.betti[prime] for piece in self.pieces), fillvalue=0) for prime in primes}
        return {prime: tuple(map(sum, degrees)) for prime, degrees in columns.items()}

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The longest bars of each component, prime and degree."""
        return tuple(bar for piece in self.pieces for bar in _bars(piece))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Best spaces for the largest component, best first."""
        return self.pieces[0].candidates

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """What a set of images is closed under, and what not."""
        return self.styles.symmetries

    @property
    def stopped(self) -> str | None:
        """Why some of the work was left out, or None."""
        return next((homology.stopped for homology in self._homologies if homology.stopped), None)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out of the usual work to keep within memory and time, or because of an interrupt."""
        reasons = [reason for homology in self._homologies for reason in homology.reasons]
        if self.stopped is not None:
            reasons.append(self.stopped)
        return tuple(dict.fromkeys(reasons))

    @property
    def interrupted(self) -> bool:
        """Whether an interrupt stopped the work."""
        return any(homology.interrupted for homology in self._homologies)

    @property
    def _homologies(self) -> Iterator[Homology]:
        """All that was computed: of each component, and of its other views."""
        yield from (piece.homology for piece in self.pieces)
        yield from (view.piece.homology for outlook in self.outlooks for view in outlook.views)

    @property
    def recommendation(self) -> Recommendation:
        """The answer."""
        if self.override is not None:
            return self.override
        if self.components > 1:
            return Recommendation(None, "none", SEVERAL_CONFIDENCE)
        return self.pieces[0].recommendation

    @property
    def summary(self) -> tuple[str, ...]:
        """What was found and what the answer rests on, in sentences."""
        whys = [outlook.reason for outlook in self.outlooks]
        ways = () if self.settling is None else self.settling.ways
        return summary(self.pieces, whys, self.styles, self.preset, self.cleaned, self.left_out, ways, self.recommendation)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document of `topovae analyze`."""
        parts = [_findings(piece) for piece in self.pieces]
        return {
            "schema": SCHEMA,
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "components": self.components,
            **parts[0],
            "betti": {str(prime): list(numbers) for prime, numbers in self.betti.items()},
            "bars": [bar.to_dict() for bar in self.bars],
            "recommendation": self.recommendation.to_dict(),
            "summary": list(self.summary),
            "parts": parts if self.components > 1 else [],
            "preset": None if self.preset is None else self.preset.to_dict(),
            **self.styles.to_dict(),
            "left_out": list(self.left_out),
            "views": [outlook.to_dict() for outlook in self.outlooks],
            "settling": None if self.settling is None else self.settling.to_dict(),
            "set_aside": None if self.cleaned is None else self.cleaned.to_dict(),
        }

    def _drawn(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        skeleton = self.skeleton
        return skeleton.landmarks.points, landmark_angles(skeleton.landmarks, skeleton.circles)


def _findings(piece: Piece) -> dict[str, Any]:
    """Return what the JSON says of one component."""
    verdicts = piece.cloud.verdicts
    return {
        "samples": piece.cloud.size,
        "landmarks": len(piece.landmarks.distances),
        "covering_radius": piece.covering_radius,
        "intrinsic_dimension": piece.cloud.dimension.to_dict(),
        "betti": {str(prime): list(numbers) for prime, numbers in piece.betti.items()},
        "orientable": decided(piece.orientable),
        "boundary": decided(None if verdicts.closed is None else 1 - verdicts.closed),
        "manifold": verdicts.manifold,
        "cup_length": piece.cup_length,
        "cup_form": None if piece.cup is None else piece.cup.astype(int).tolist(),
        "covers": [cover.to_dict() | {"orientation": cover.combination == piece.orientation} for cover in piece.covers],
        "significance": {str(degree): ratio for degree, ratio in piece.critical_ratios.items()},
        "candidates": [candidate.to_dict() for candidate in piece.candidates],
        "recommendation": piece.recommendation.to_dict(),
    }


def _bars(piece: Piece) -> list[Bar]:
    """List the bars of all samples, longest first; the first betti of them are significant."""
    bars = [Bar(prime, 0, 0.0, float("inf"), None, True) for prime in piece.betti]
    for (prime, degree), diagrams in piece.homology.diagrams.items():
        pairs = diagrams[0].bars[degree]
        order = by_ratio(pairs)[:BARS_SHOWN]
        known = [None if np.isnan(p_value) else float(p_value) for p_value in universal_p_values(pairs)[order]]
        significant = np.arange(len(order)) < piece.betti[prime][degree]
        bars += [
            Bar(prime, degree, float(pairs[i, 0]), float(pairs[i, 1]), p_value, bool(counts))
            for i, p_value, counts in zip(order, known, significant, strict=True)
        ]
    return bars
