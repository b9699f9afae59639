"""How well the maps that are learned onto manifolds cover them."""

from __future__ import annotations

from dataclasses import dataclass

from topovae.latent import Space
from topovae.latent.wasserstein import MapQuality


@dataclass(frozen=True)
class EmbeddingReport(MapQuality):
    """The map of one factor, as it was measured on points of its manifold that were held out.

    Attributes:
        factor: that it belongs to.
    """

    factor: str


def embedding_reports(space: Space) -> list[EmbeddingReport]:
    """All learned maps of a latent space, in the order of its components and factors; none where there are none."""
    return [
        EmbeddingReport(**factor.quality.to_dict(), factor=str(named))
        for part in space.spaces
        for named, factor in zip(part.signature.factors, part.factors, strict=True)
        if factor.quality is not None
    ]
