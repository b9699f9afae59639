"""Lifts: from the functions of an orbit that an encoder puts out to a point of the cover.

A quotient map M = C/G has no continuous section, so an encoder onto C tears the data wherever M is not a product. An encoder
onto functions that G leaves alone is continuous; its output is then lifted to any point of the nearest orbit. The jump
between the points of an orbit is invisible to all that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from topovae.distributions.course import take

GAP = 0.1
"""Eigenvalues closer than this have gradients as if they were this far apart."""

_LEAST_SQUARE = 1e-6
# Of a matrix, to its 4096th power: tells eigenvalues apart that are a tenth of `GAP` apart. Not tuned.
_SQUARINGS = 12
# The square of a gap over the largest entry that double precision tells from none. Not tuned.
_LEAST_SOFT = 1e-12


class Lift(nn.Module):
    """Encoder outputs (..., in_dim) to vectors of the embedding space of the cover (..., embedding_dim); here they are such.

    Args:
        dim: dimension of the embedding space.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_dim = dim

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs

    def target(self, embedded: Tensor) -> Tensor:
        """The outputs that lift to the orbit of embedded points; NaN where they depend on an entry that is NaN."""
        return embedded


class InvolutionLift(Lift):
    """The lift for a group of two elements, whose other one multiplies entries of the embedding by ±1.

    The even entries are put out as they are, the odd ones y as the symmetric matrix y yᵀ, which both points of the orbit
    share. The nearest matrix of that form to any symmetric one is given by its largest eigenvalue and the eigenvector.

    Args:
        signs: ±1 for each entry of the embedding.
    """

    def __init__(self, signs: Sequence[int]) -> None:
        super().__init__(len(signs))
        self.even = [i for i, sign in enumerate(signs) if sign > 0]
        self.odd = [i for i, sign in enumerate(signs) if sign < 0]
        k = len(self.odd)
        pairs = list(combinations_with_replacement(range(k), 2))
        self.rows, self.columns = ([pair[side] for pair in pairs] for side in (0, 1))
        self.in_dim = len(self.even) + len(pairs)
        number = {pair: n for n, pair in enumerate(pairs)}
        self._entries = [[number[min(i, j), max(i, j)] for j in range(k)] for i in range(k)]
        self._order = _inverse(self.even + self.odd)

    def forward(self, outputs: Tensor) -> Tensor:
        even, entries = outputs.split([len(self.even), len(self.rows)], -1)
        odd = _leading_factor(take(entries, self._entries))
        return take(torch.cat([even, odd], -1), self._order)

    def target(self, embedded: Tensor) -> Tensor:
        odd = take(embedded, self.odd)
        return torch.cat([take(embedded, self.even), take(odd, self.rows) * take(odd, self.columns)], -1)


def _inverse(order: Sequence[int]) -> list[int]:
    """The permutation that undoes `order`."""
    return sorted(range(len(order)), key=order.__getitem__)


def _leading_factor(matrix: Tensor) -> Tensor:
    """y (..., k) for which y yᵀ is nearest to a symmetric matrix, with bounded gradients; of ±y, one for every device.

    The eigenvector's own gradient explodes where the largest eigenvalues meet; there the gap is softened by `GAP`.
    """
    with torch.no_grad():
        first, response = _leading(matrix)
    image = (matrix @ first[..., None])[..., 0]
    value = (first * image).sum(-1, keepdim=True)
    turn = (response @ (image - image.detach())[..., None])[..., 0]
    return torch.sqrt(torch.relu(value) + _LEAST_SQUARE) * (first + turn)


def _leading(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenvector v of the largest eigenvalue λ of symmetric matrices M (..., k, k), and its derivative by M v.

    By repeated squaring, which unlike the libraries' decompositions waits for no value; in double precision. The derivative is
    A / (A² + `GAP`²) across v, for A = λ − M.
    """
    k = matrix.shape[-1]
    eye = torch.eye(k, dtype=torch.float64, device=matrix.device)
    size = matrix.abs().amax((-2, -1), keepdim=True).double().clamp(min=1.0)
    scaled = torch.nan_to_num(matrix / size)
    power = scaled + (k + 1) * eye
    for _ in range(_SQUARINGS):
        power = power @ power
        power = power / power.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    largest = power.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    column = power.gather(-1, largest.expand(*power.shape[:-1], 1))
    first = column / torch.linalg.vector_norm(column, dim=-2, keepdim=True)
    below = (first.mT @ scaled @ first) * eye - scaled
    soft = (GAP / size).square().clamp(min=_LEAST_SOFT)
    onto = first @ first.mT
    inverse, _ = torch.linalg.inv_ex(below @ below + soft * eye + onto)
    response = (eye - onto) @ below @ inverse @ (eye - onto) / size
    return first[..., 0].to(matrix.dtype), response.to(matrix.dtype)


class NearestOrbitLift(Lift):
    """The lift for any finite group: features of the factors it moves are put out, and the point sought has the nearest ones.

    The nearest of many candidates is improved by Gauss–Newton steps, the last of which carries the gradient: that of the
    nearest point, to first order.

    Args:
        features: vectors of the embedding of the moved factors (..., m) to what the group leaves alone (..., k).
        candidates: (K, m) embedded points, well spread.
        moved: the m entries of the embedding that belong to moved factors.
        dim: dimension of the embedding space.
    """

    STEPS, DAMPING = 2, 1e-3

    candidates: Tensor
    known: Tensor

    def __init__(self, features: Callable[[Tensor], Tensor], candidates: Tensor, moved: Sequence[int], dim: int) -> None:
        super().__init__(dim)
        known = features(candidates)
        self.features, self.moved = features, list(moved)
        self.still = [i for i in range(dim) if i not in moved]
        self.in_dim = len(self.still) + known.shape[-1]
        self._order = _inverse(self.still + self.moved)
        # Derived from the group at every start, so no part of a model's state.
        self.register_buffer("candidates", candidates, persistent=False)
        self.register_buffer("known", known, persistent=False)

    def forward(self, outputs: Tensor) -> Tensor:
        still, wanted = outputs[..., : len(self.still)], outputs[..., len(self.still) :]
        rows = wanted.reshape(outputs.shape[:-1].numel(), wanted.shape[-1])
        point = self._nearest(rows).reshape(*outputs.shape[:-1], len(self.moved))
        return take(torch.cat([still, point], -1), self._order)

    def _nearest(self, wanted: Tensor) -> Tensor:
        """Embedded points (B, m) with the features nearest to those wanted (B, k)."""
        wanted = torch.nan_to_num(wanted)
        with torch.no_grad():
            known = self.known.to(wanted.dtype)
            nearest = (0.5 * known.square().sum(-1) - wanted @ known.T).argmin(-1)
            point = self.candidates.to(wanted.dtype)[nearest]
            for _ in range(self.STEPS - 1):
                point = self._step(point, wanted)
        return self._step(point, wanted)

    def _jacobian(self, point: Tensor) -> Tensor:
        """Derivatives (B, k, m) of the features."""
        if not len(point):  # which vmap does not take
            return point.new_zeros(0, self.known.shape[-1], point.shape[-1])
        return torch.func.vmap(torch.func.jacfwd(self.features))(point)

    def _step(self, point: Tensor, wanted: Tensor) -> Tensor:
        with torch.no_grad():
            jacobian = self._jacobian(point)
            square = jacobian.mT @ jacobian
            damped = square + self.DAMPING * torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)
            inverse, _ = torch.linalg.solve_ex(damped, jacobian.mT)
            known = self.features(point)
        return point + (inverse @ (wanted - known)[..., None])[..., 0]

    def target(self, embedded: Tensor) -> Tensor:
        return torch.cat([take(embedded, self.still), self.features(take(embedded, self.moved))], -1)
