"""Answers of a diagnosis: spaces with their scores, and the one that is recommended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A space with its score, a probability among the candidates, and the reasons in words."""

    latent: str
    name: str
    score: float
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "latent": self.latent,
            "name": self.name,
            "score": round(self.score, 4),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Recommendation:
    """The answer: a name and its latent expression, or `none` and no expression.

    Attributes:
        latent: expression, or None.
        name: its name, or `none`.
        confidence: probability that the answer is right.
        source: what it rests on: `homology`, or `groups`, `symmetry` (see `styles`), or `evidence` of training.
    """

    latent: str | None
    name: str
    confidence: float
    source: str = "homology"

    def to_dict(self) -> dict[str, object]:
        return {
            "latent": self.latent,
            "name": self.name,
            "confidence": round(self.confidence, 4),
            "source": self.source,
        }
