"""Answers of a diagnosis: spaces with their scores, and the one that is recommended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from topovae.homology.calibration import tuned
from topovae.homology.features.styles import Styles
from topovae.homology.verdict.findings import Reason
from topovae.signature import parse
from topovae.store.documents import Document

PATH_CONFIDENCE = tuned("path_confidence")


@dataclass(frozen=True)
class Candidate(Document):
    """A space with its score, a probability among the candidates, and the reasons.

    Attributes:
        latent, name: expression, and what it is called.
        score: probability among the candidates.
        reasons: for and against it, in words.
        findings: the same as they were weighed (not in the JSON).
    """

    keys: ClassVar = ("latent", "name", "score", "reasons")

    latent: str
    name: str
    score: float
    reasons: tuple[str, ...]
    findings: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"score": round(self.score, 4)}


@dataclass(frozen=True)
class Recommendation(Document):
    """The answer: a name and its latent expression, or `none` and no expression.

    Attributes:
        latent: expression, or None.
        name: its name, or `none`.
        confidence: probability that the answer is right.
        source: what it rests on: `homology`, or `groups`, `symmetry` (see `styles`), `order` of
            the rows, or `evidence` of training.
    """

    latent: str | None
    name: str
    confidence: float
    source: str = "homology"

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"confidence": round(self.confidence, 4)}


def by_orbits(styles: Styles) -> Recommendation | None:
    """Return the answer that groups or symmetries give, None where they show no circle."""
    if styles.latent is None:
        return None
    name = parse(styles.latent).name or styles.latent
    if styles.sure_orbits is not None:
        return Recommendation(styles.latent, name, styles.sure_orbits.probability, "groups")
    sure = min(symmetry.probability for symmetry in styles.sure_symmetries)
    return Recommendation(styles.latent, name, sure, "symmetry")


def by_path() -> Recommendation:
    """Return the answer that rows give which run once around a closed curve."""
    return Recommendation("S1", parse("S1").name or "S1", PATH_CONFIDENCE, "order")
