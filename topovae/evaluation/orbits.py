"""What the operators of a learned prior do: whether their orbits close, and whether the prior uses them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from topovae.latent import Space
from topovae.latent.operators import eigenvalues
from topovae.store.documents import Document


@dataclass(frozen=True)
class OperatorReport(Document):
    """One operator of a latent space.

    Attributes:
        operator: its number, from 0, as `topovae traverse --operator` counts.
        factor: the factor that it belongs to.
        real: real parts of the eigenvalues of its linear part: 0 where orbits close or run straight.
        imaginary: their imaginary parts, radians at a coefficient of 1.
        reach: the largest coefficient of the prior.
        closed: whether its orbits close.
        used: whether the prior moves an anchor by more than its own width by it.
        pruned: whether the data do not need it, so that it moves nothing any more.
    """

    operator: int
    factor: str
    real: list[float]
    imaginary: list[float]
    reach: float
    closed: bool
    used: bool
    pruned: bool


def operator_reports(space: Space) -> list[OperatorReport]:
    """All operators of a latent space, in the order of its components and factors; none where no prior is learned."""
    found: list[OperatorReport] = []
    for part in space.spaces:
        for named, factor in zip(part.signature.factors, part.factors, strict=True):
            for flow in factor.flows:
                values = eigenvalues(flow.operator)
                values = values[torch.argsort(values.imag)]
                real, imaginary, closed = values.real.tolist(), values.imag.tolist(), flow.period > 0
                numbers = (real, imaginary, flow.reach, closed, flow.used, flow.pruned)
                found.append(OperatorReport(len(found), str(named), *numbers))
    return found


def pruned_words(space: Space) -> str:
    """In a line, the operators that were left out; empty where none was."""
    found = operator_reports(space)
    gone, still = ([one.operator for one in found if one.pruned is pruned] for pruned in (True, False))
    if not gone:
        return ""
    names = ", ".join(dict.fromkeys(one.factor for one in found if one.pruned))
    pruned, others = (", ".join(map(str, numbers)) or "none" for numbers in (gone, still))
    return f"operators that the data do not need were pruned from {names}: {pruned}; still there: {others}"
