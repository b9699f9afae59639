"""What is said of the components of a mixture together, each having been judged by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from topovae.evaluation.certificate import HOMEOMORPHIC, NOT, NOT_APPLICABLE, UNDECIDED, Certificate
from topovae.evaluation.components import OnComponent
from topovae.latent import Space


def joined(space: Space, parts: Sequence[OnComponent], certificates: Sequence[Certificate], purity: float) -> dict[str, Any]:
    """The certificate of a map onto a latent space, JSON-ready: that of its one component, or of all of a mixture.

    A mixture is certified where each of its used components is. Winding numbers and what else belongs to one space stand in
    "components" then, one entry for each, and "purity" says how far components are pieces of the data.

    Args:
        space: the latent space.
        parts: the components that samples lie on.
        certificates: what was found of each.
        purity: see `components.purity`.
    """
    if len(space.spaces) == 1:
        return certificates[0].to_dict()
    order = (NOT, NOT_APPLICABLE, UNDECIDED, HOMEOMORPHIC)
    ranked = sorted(zip(parts, certificates, strict=True), key=lambda pair: order.index(pair[1].verdict))
    reasons = [f"{part.name(space)}: {one.verdict}" + _why(one) for part, one in ranked]
    reasons.append(f"purity {purity:.4f}: the share of samples in the most frequent piece of the data of their component")
    unused = sorted({*range(len(space.spaces))} - {part.number for part in parts})
    reasons += [f"component {number} is not used" for number in unused]
    own = {field.name: None for field in fields(Certificate)} | {"verdict": ranked[0][1].verdict, "reasons": reasons}
    named = ({"component": part.number, "latent": str(part.space.signature), "samples": len(part.rows)} for part in parts)
    return own | {
        "components": [name | one.to_dict() for name, one in zip(named, certificates, strict=True)],
        "purity": purity,
    }


def _why(certificate: Certificate) -> str:
    """The decisive reason of a certificate that is not given."""
    return "" if certificate.verdict == HOMEOMORPHIC else f", as {certificate.reasons[0]}"


def joined_diagrams(space: Space, parts: Sequence[OnComponent], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How alike diagrams are, JSON-ready: of one component what was found of it, of a mixture the mean over its samples.

    Args:
        space: the latent space.
        parts: the components that samples lie on.
        found: what `compare_diagrams` says of each.
    """
    if len(space.spaces) == 1:
        return dict(found[0])
    means = [one["mean_h1_h2_bottleneck"] for one in found]
    weights = [len(part.rows) for part in parts]
    known = None if None in means else float(np.average(means, weights=weights))
    named = [{"component": part.number, **one} for part, one in zip(parts, found, strict=True)]
    landmarks = sum(int(one["landmarks"]) for one in found)
    return {"scale": "diameter", "landmarks": landmarks, "mean_h1_h2_bottleneck": known, "components": named}
