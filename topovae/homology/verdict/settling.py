"""What would settle an answer that is not sure: what tells its nearest candidates apart, and what may show more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.cloud import AVERAGED, drawing, subset
from topovae.homology.cloud.neighbours import average
from topovae.homology.complexes.bars import RANKS, ranked_ratios
from topovae.homology.complexes.rips import persistence
from topovae.homology.verdict.candidates import Candidate, Recommendation
from topovae.homology.verdict.piece import Options, Piece
from topovae.store.documents import Document

SURE = tuned("sure_diagnosis")

NEAREST = 3
"""So many candidates are compared: a choice of words, not tuned."""

PARTS = (4, 2)
"""Shares of the samples, one in so many, at which the deciding bar is looked at again: a limit on cost, not tuned."""

MOST_TIMES = 30
"""Of more times the samples nothing is foretold, as the growth was seen over four times: not tuned."""


@dataclass(frozen=True)
class Row(Document):
    """One finding on which the nearest candidates do not agree, or that speaks against all.

    Attributes:
        kind: of finding.
        observed: what was found, in words.
        expected: what each candidate predicts, by its latent expression.
        probability: how probable each makes what was found.
    """

    kind: str
    observed: str
    expected: Mapping[str, str]
    probability: Mapping[str, float]


@dataclass(frozen=True)
class Settling(Document):
    """What would settle an answer.

    Attributes:
        candidates: latent expressions of the nearest.
        rows: what speaks for and against them.
        samples: about how many samples in all would show the class that tells the two nearest apart; None where that is not
            known, or more alone would not.
        ways: what would decide, in sentences, the most promising first.
    """

    candidates: tuple[str, ...]
    rows: tuple[Row, ...]
    samples: int | None
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """How the bar grows that tells the two nearest candidates apart.

    Attributes:
        degree, number: it is bar `number`, from 1, of that degree.
        counts: samples at which it was measured, growing.
        ratios: its death/birth at each.
        critical: ratio from which it counts.
    """

    degree: int
    number: int
    counts: tuple[int, ...]
    ratios: tuple[float, ...]
    critical: float

    @property
    def needed(self) -> int | None:
        """Samples at which it would count; None beyond `MOST_TIMES` as many as there are.

        Births fall as the spacing of the samples does, a power of their number, and deaths stay.
        """
        slope = float(np.polyfit(np.log(self.counts), np.log(self.ratios), 1)[0])
        lacking = float(np.log(self.critical / self.ratios[-1]))
        if lacking <= 0 or slope <= 0 or lacking / slope > np.log(MOST_TIMES):
            return None
        return _rounded(self.counts[-1] * float(np.exp(lacking / slope)))

    def sentence(self) -> str:
        """Say what was seen and what it would take."""
        seen = ", ".join(f"{ratio:.2f} at {count}" for count, ratio in zip(self.counts, self.ratios, strict=True))
        bar = f"bar {self.number} of H{self.degree} has death/birth {seen} samples and counts from {self.critical:.2f}"
        needed = self.needed
        return f"more samples: {bar}, " + ("which more alone would not bring" if needed is None else f"about {needed} in all")


def _rounded(count: float) -> int:
    """Return a number to two digits."""
    unit = 10 ** max(int(np.log10(count)) - 1, 0)
    return int(np.ceil(count / unit)) * unit


def is_sure(answer: Recommendation) -> bool:
    """Whether an answer is a name, and sure enough to need no more."""
    return answer.latent is not None and answer.confidence >= SURE


def growth(points: np.ndarray, piece: Piece, options: Options) -> Growth | None:
    """Measure the bar on which the two nearest candidates differ at a quarter and half of the samples.

    Args:
        points: (n, p) denoised samples of the piece.
        piece: what was found of them.
        options: what its homology was computed with.

    Returns:
        None where the bar counts already.
    """
    deciding = _deciding(piece)
    if deciding is None:
        return None
    prime, degree, number = deciding
    found = float(ranked_ratios(piece.homology.diagrams[prime, degree][0].bars[degree])[number - 1])
    critical = piece.critical_ratios[degree]
    if found >= critical:
        return None
    step = next(step for step in regime(piece.cloud.dimension.value).passes if step.degree == degree)
    n, ratios = len(points), []
    for part in PARTS:
        some = points[subset(n, n // part, options.seed)]
        draw = drawing(some, average(some, AVERAGED), piece.cloud.dimension, options.landmarks, options.seed)
        drawn = draw(0, step.landmarks)
        bars = persistence(drawn.distances, prime, degree, step.longest_edge).bars[degree]
        ratios.append(float(ranked_ratios(bars)[number - 1]))
    return Growth(degree, number, (*(n // part for part in PARTS), n), (*ratios, found), critical)


def _deciding(piece: Piece) -> tuple[int, int, int] | None:
    """Return prime, degree and rank of the first bar that only one of the two nearest candidates has.

    Where they differ otherwise, it is the next bar of degree 1 after those that count, where a class not seen yet would show.
    """
    rows = [_expected_classes(candidate) for candidate in piece.candidates[:2]]
    for prime, degree in piece.homology.diagrams:
        words = f"in H{degree} over Z/{prime}"
        numbers = [next((number for said, number in row.items() if said.endswith(words)), 0) for row in rows]
        if len(set(numbers)) > 1:
            return prime, degree, min(numbers) + 1
    first = next(iter(piece.betti))
    number = piece.betti[first][1]
    return None if number >= RANKS else (first, 1, number + 1)


def _expected_classes(candidate: Candidate) -> dict[str, int]:
    """Return the Betti numbers that a candidate expects, by what was observed."""
    return {reason.observed: int(reason.expected) for reason in candidate.findings if reason.kind == "homology"}


def settling(piece: Piece, answer: Recommendation, grown: Growth | None, ways: Sequence[str]) -> Settling | None:
    """Say what would settle an answer; None where it is sure.

    Args:
        piece: what the answer rests on.
        answer: the answer for the data as a whole.
        grown: how the deciding bar grows, if that was measured.
        ways: what else would decide.
    """
    if is_sure(answer):
        return None
    nearest = piece.candidates[:NEAREST]
    seen = dict.fromkeys((reason.kind, reason.observed) for candidate in nearest for reason in candidate.findings)
    rows = [_row(kind, observed, nearest) for kind, observed in seen]
    telling = [row for row in rows if len(set(row.expected.values())) > 1 or max(row.probability.values()) < 0.5]
    more = [] if grown is None else [grown.sentence()]
    needed = None if grown is None else grown.needed
    said = [*more, *ways] if needed is not None else [*ways, *more]
    return Settling(tuple(candidate.latent for candidate in nearest), tuple(telling), needed, tuple(said))


def _row(kind: str, observed: str, candidates: Sequence[Candidate]) -> Row:
    """Return what candidates say of one observation."""
    found = {
        candidate.latent: reason
        for candidate in candidates
        for reason in candidate.findings
        if (reason.kind, reason.observed) == (kind, observed)
    }
    expected = {latent: reason.expected for latent, reason in found.items()}
    return Row(kind, observed, expected, {latent: round(reason.probability, 4) for latent, reason in found.items()})
