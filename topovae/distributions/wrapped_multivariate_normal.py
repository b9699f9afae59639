"""The multivariate normal distribution wrapped around the torus."""

from __future__ import annotations

import math
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints, register_kl
from torch.types import _size

from topovae.distributions.course import may_look
from topovae.distributions.joint import Joint
from topovae.distributions.uniform import CircleUniform
from topovae.distributions.wrapped_normal import _kl_to_uniform, wrap

# A direction of the reduced lattice with this period, in standard deviations, takes equally many images and waves.
_MEETING = 2.75
# So many images and waves on either side leave out at most 1e-7 of the density.
_TERMS = 2
# Steps of the reduction: on a CPU at most, as it ends when nothing changes. Elsewhere always; they are enough for scales that
# differ by up to 1e4 (tests/distributions/test_wrapped_multivariate_normal.py).
_STEPS = {True: 200, False: 16}


def _reduced(basis: Tensor) -> Tensor:
    """The integer matrix U for which the columns of basis @ U are short, reduced in the sense of Minkowski for k ≤ 3.

    References:
        Semaev, A 3-dimensional lattice reduction algorithm (2001).
    """
    k = basis.shape[-1]
    eye = torch.eye(k, dtype=basis.dtype, device=basis.device)
    # The columns in front, so that the integer operations act on them and on the basis at once.
    rows = torch.cat([basis.mT, eye.expand(basis.shape)], -1)
    look = may_look(basis)
    for _ in range(_STEPS[look]):
        order = rows[..., :k].square().sum(-1).argsort(-1)
        rows = torch.gather(rows, -2, order[..., None].expand(rows.shape))
        changed = False
        for j in range(1, k):
            # The column less its nearest point of the lattice of the shorter ones.
            shorter, longest = rows[..., :j, :k], rows[..., j, :k]
            q, r = _orthogonalised(shorter.mT)
            target = (q.mT @ longest[..., None])[..., 0]
            best, best_square = rows[..., j, :], longest.square().sum(-1) * (1 - 1e-9)
            for shift in product((-1, 0, 1), repeat=j - 1):
                counts: list[Tensor] = []
                for i in reversed(range(j)):
                    rest = target[..., i] - sum(r[..., i, i + 1 + n] * c for n, c in enumerate(counts))
                    extra = shift[i - 1] if i else 0
                    counts.insert(0, torch.round(rest / r[..., i, i]) + extra)
                moved = rows[..., j, :] - (torch.stack(counts, -1)[..., None] * rows[..., :j, :]).sum(-2)
                square = moved[..., :k].square().sum(-1)
                shorter_still = square < best_square
                best = torch.where(shorter_still[..., None], moved, best)
                best_square = torch.where(shorter_still, square, best_square)
                changed = changed or not look or bool(shorter_still.any())
            rows = torch.cat([rows[..., :j, :], best[..., None, :], rows[..., j + 1 :, :]], -2)
        if not changed:
            break
    order = rows[..., :k].square().sum(-1).argsort(-1)
    return torch.gather(rows, -2, order[..., None].expand(rows.shape))[..., k:].mT


def _orthogonalised(basis: Tensor) -> tuple[Tensor, Tensor]:
    """Q and R of the QR decomposition of (…, k, j) with a positive diagonal, by the modified method of Gram and Schmidt."""
    columns: list[Tensor] = []
    entries: list[Tensor] = []
    j = basis.shape[-1]
    for n in range(j):
        v, above = basis[..., n], []
        for q in columns:
            above.append((q * v).sum(-1))
            v = v - above[-1][..., None] * q
        length = torch.sqrt(v.square().sum(-1).clamp(min=1e-200))
        columns.append(v / length[..., None])
        zeros = [torch.zeros_like(length)] * (j - n - 1)
        entries.append(torch.stack([*above, length, *zeros], -1))
    return torch.stack(columns, -1), torch.stack(entries, -1)


class WrappedMultivariateNormal(Distribution):
    r"""The law of (loc + L ε) mod 2π on the torus T^k, k ≤ 3, for a standard normal ε and a lower triangular L.

    .. math:: p(θ) = \sum_{n ∈ Z^k} N(θ + 2πn; loc, L L^⊤)

    In the coordinates L⁻¹θ the sum runs over the lattice 2πL⁻¹Z^k. It is reduced; along its long directions the sum runs
    over images of the normal, along its short ones over waves (Poisson summation), chosen for each law: at most 5^k terms
    for any covariance, and a relative error below 1e-6. All is computed in double precision.

    The divergence from the uniform law is exact for k = 1 and for diagonal L. Otherwise it is an unbiased Monte-Carlo
    estimate with controls, whose variance goes to 0 for small and for large covariances.

    Args:
        loc: mean angles in radians, of shape (..., k).
        scale_tril: L in radians, of shape (..., k, k), with a positive diagonal.
        mc_samples: number of draws behind an estimate of the divergence.

    References:
        Mardia and Jupp, Directional statistics (2000), section 3.5.7.
        Deconinck et al., Computing Riemann theta functions (2004).

    Example:
        >>> q = WrappedMultivariateNormal(torch.zeros(2), 0.1 * torch.eye(2))
        >>> round(q.entropy().item(), 4)
        -1.7673
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, scale_tril: Tensor, mc_samples: int = 4, validate_args: bool | None = None) -> None:
        k = loc.shape[-1]
        if not 1 <= k <= 3:
            raise ValueError(f"a wrapped multivariate normal has 1 to 3 angles, got {k}")
        batch = torch.broadcast_shapes(loc.shape[:-1], scale_tril.shape[:-2])
        self.loc, self.scale_tril = loc.expand(*batch, k), scale_tril.expand(*batch, k, k)
        self.mc_samples = mc_samples
        super().__init__(batch, torch.Size((k,)), validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: object = None) -> WrappedMultivariateNormal:
        k = self.loc.shape[-1]
        loc, scale_tril = self.loc.expand(*batch_shape, k), self.scale_tril.expand(*batch_shape, k, k)
        return WrappedMultivariateNormal(loc, scale_tril, self.mc_samples, validate_args=False)

    @property
    def mean_direction(self) -> Tensor:
        """The mean angles in radians, in [−π, π]."""
        return wrap(self.loc)

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        noise = torch.randn(self._extended_shape(sample_shape), dtype=torch.float64, device=self.loc.device)
        moved = (self.scale_tril.double() @ noise[..., None])[..., 0]
        return wrap(self.loc.double() + moved).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        offset = wrap(value - self.loc).double()[..., None]
        tril = self.scale_tril.double()
        tril = tril.expand(*offset.shape[:-2], *tril.shape[-2:])
        white = torch.linalg.solve_triangular(tril, offset, upper=False)[..., 0]
        return self._log_density(white, *self._lattice()).to(value.dtype)

    def _lattice(self) -> tuple[Tensor, Tensor]:
        """Q and R of the reduced lattice of periods in the coordinates in which the normal is standard."""
        tril = self.scale_tril.double()
        eye = torch.eye(tril.shape[-1], dtype=tril.dtype, device=tril.device)
        basis = 2 * math.pi * torch.linalg.solve_triangular(tril, eye.expand(tril.shape), upper=False)
        with torch.no_grad():
            change = _reduced(basis)
        return _orthogonalised(basis @ change)

    def _log_density(self, white: Tensor, q: Tensor, r: Tensor) -> Tensor:
        """log density at L⁻¹ (angle − loc)."""
        k = white.shape[-1]
        at = (q.mT @ white[..., None])[..., 0]
        for j in reversed(range(k)):
            turns = torch.round(at[..., j] / r[..., j, j]).detach()
            at = at - turns[..., None] * r[..., :, j]
        # Values broadcast against the laws, also where a law has an axis of length one.
        r = r.expand(*at.shape[at.ndim + 1 - r.ndim : -1], k, k)
        result = self._log_sums(at, r)
        log_det = torch.log(self.scale_tril.double().diagonal(dim1=-2, dim2=-1)).sum(-1)
        return result - 0.5 * k * math.log(2 * math.pi) - log_det

    def _log_sums(self, at: Tensor, r: Tensor) -> Tensor:
        """`_log_sum` with the waves that suit each law; on a CPU those with equally many are taken together."""
        k = at.shape[-1]
        diagonal = r.diagonal(dim1=-2, dim2=-1)
        n_waves = (torch.arange(1, k + 1, device=r.device) * (diagonal < _MEETING)).amax(-1)
        if not may_look(at):
            result = self._log_sum(at, r, 0)
            for waves in range(1, k + 1):
                result = torch.where(n_waves == waves, self._log_sum(at, r, waves), result)
            return result
        n_waves = n_waves.reshape(-1)
        flat_at, flat_r = at.reshape(-1, len(n_waves), k) if len(n_waves) else at.reshape(1, -1, k), r.reshape(-1, k, k)
        groups = [torch.nonzero(n_waves == waves)[:, 0] for waves in range(k + 1)]
        sums = [self._log_sum(flat_at[:, g], flat_r[g], w) for w, g in enumerate(groups) if len(g)]
        back = torch.argsort(torch.cat(groups))
        return (torch.cat(sums, 1)[:, back] if sums else flat_at[..., 0]).reshape(at.shape[:-1])

    @staticmethod
    def _log_sum(at: Tensor, r: Tensor, waves: int) -> Tensor:
        """log Σ_n exp(−½ |at + R n|²), over waves along the first directions and over images along the others."""
        k = at.shape[-1]
        numbers = torch.arange(-_TERMS, _TERMS + 1, dtype=at.dtype, device=at.device)

        def grid(size: int) -> Tensor:
            return torch.cartesian_prod(*[numbers] * size).reshape(-1, size)

        images = at[..., None, :]
        if waves < k:
            images = images + grid(k - waves) @ r[..., :, waves:].mT
        total = -0.5 * images[..., waves:].square().sum(-1)
        if waves:
            eye = torch.eye(waves, dtype=at.dtype, device=at.device)
            block = r[..., :waves, :waves]
            inverse = torch.linalg.solve_triangular(block, eye.expand(block.shape), upper=True)
            # A wave and its opposite are one cosine: of the numbers, the half from the zero in the middle on.
            half = grid(waves)[len(numbers) ** waves // 2 :]
            dual = half @ inverse
            damping = torch.exp(-2 * math.pi**2 * dual.square().sum(-1)) * (2 - (half == 0).all(-1).to(at.dtype))
            phases = 2 * math.pi * images[..., :waves] @ dual.mT
            series = (damping[..., None, :] * torch.cos(phases)).sum(-1).clamp(min=1e-30)
            log_volume = torch.log(block.diagonal(dim1=-2, dim2=-1)).sum(-1)
            total = total + torch.log(series) + (0.5 * waves * math.log(2 * math.pi) - log_volume)[..., None]
        return torch.logsumexp(total, -1)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, estimated where the divergence is."""
        return self.loc.shape[-1] * math.log(2 * math.pi) - self.uniform_divergence()

    def uniform_divergence(self) -> Tensor:
        """KL from the uniform law of the torus in nats: exact for k = 1 and diagonal L, else an unbiased estimate."""
        k = self.loc.shape[-1]
        exact = _kl_to_uniform(self.scale_tril.diagonal(dim1=-2, dim2=-1)).sum(-1)
        if k == 1:
            return exact
        diagonal = (self.scale_tril.detach().tril(-1) == 0).all(-1).all(-1)
        return torch.where(diagonal, exact, self._estimated_divergence())

    def _estimated_divergence(self) -> Tensor:
        k = self.loc.shape[-1]
        q, r = self._lattice()
        # The batch comes first, so that parts of a batch can draw their own rows of the noise.
        shape = (*self.batch_shape, self.mc_samples, k)
        noise = torch.randn(shape, dtype=torch.float64, device=self.loc.device).movedim(-2, 0)
        log_density = self._log_density(noise, q, r)
        # −log N along the directions in which the law does not wrap has the mean ½, and there it is all that varies.
        period = r.detach().diagonal(dim1=-2, dim2=-1)
        weight = 1 / (1 + (1.3 * _MEETING / period) ** 8)
        along = (q.detach().mT @ noise[..., None])[..., 0]
        control = (weight * 0.5 * (along.square() - 1)).sum(-1)
        return ((log_density + control).mean(0) + k * math.log(2 * math.pi)).to(self.loc.dtype)


@register_kl(WrappedMultivariateNormal, Independent)
def _kl_wrapped_multivariate_normal_uniform(q: WrappedMultivariateNormal, p: Independent) -> Tensor:
    if not isinstance(p.base_dist, CircleUniform) or p.event_shape != q.event_shape:
        raise NotImplementedError("the divergence of a wrapped multivariate normal is from the uniform law of its torus")
    return q.uniform_divergence()


@register_kl(WrappedMultivariateNormal, Joint)
def _kl_wrapped_multivariate_normal_joint(q: WrappedMultivariateNormal, p: Joint) -> Tensor:
    if not all(isinstance(getattr(m, "base_dist", None), CircleUniform) for m in p.marginals) or p.event_shape != q.event_shape:
        raise NotImplementedError("the divergence of a wrapped multivariate normal is from the uniform law of its torus")
    return q.uniform_divergence()
