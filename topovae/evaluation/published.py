"""The estimator of the likelihood that was published for transport operators, beside a proper bound of the same draws.

Where the density of a point z around a point u would be the integral of N(z; T(c) u, γ² I) Laplace(c; b) over the coefficients
c, the estimator takes its largest value: around the anchors for the prior, around the place where the encoder puts x for the
posterior. Neither is a density, and what z costs is only by how much the anchors are farther from it than that place: so the
figure bounds no likelihood, and can lie above all that proper bounds reach.

References:
    Connor, Canal and Rozell, Variational autoencoder with learned latent structure (2021), equations 6 to 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topovae.errors import UsageError
from topovae.latent import Space
from topovae.latent.operators import Transport, bounds, infer
from topovae.model.vae import VAE
from topovae.store.documents import Document
from topovae.training.batches import Batches

INFERRED, AT_ONCE = 100_000, 2048
"""Coefficients that are inferred in all, and pairs of points that they are inferred between at a time: limits on cost and on
memory, not tuned."""


@dataclass(frozen=True)
class PublishedEstimate(Document):
    """What the published estimator says of a model; means over samples, in nats a sample.

    Attributes:
        log_likelihood: its value as published, from all draws of a sample together; no bound on a likelihood.
        elbo: the same from one draw at a time, equation 9 without the cost of operators; no bound either.
        nll: −log p(x | z) of the draws, the part of both that is right.
        iwae: the proper bound on log p(x), of the same draws and samples.
        draws: of each sample.
        samples: that were looked at.
        by_label: whether samples were compared with the anchors of their own label.
        converged: share of the inferred coefficients that are a solution.
    """

    log_likelihood: float
    elbo: float
    nll: float
    iwae: float
    draws: int
    samples: int
    by_label: bool
    converged: float


def transport_of(space: Space) -> Transport:
    """The operators and anchors that the estimator is about.

    Raises:
        UsageError: the latent space is not a prior that operators make, and nothing beside.
    """
    factors = space.spaces[0].factors
    if len(space.spaces) > 1 or len(factors) > 1 or (found := factors[0].transport) is None:
        raise UsageError(
            f"--estimator published: it is of transport operators alone, and this latent is {space.signature}; expected a run "
            "of one such as learned(R2). The proper bound, iwae, is there for every latent"
        )
    return found


def likeliest(transport: Transport, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of log N(z; T(c) u, γ² I) + log Laplace(c; b) over c, without the constants, which are those of all points.

    b is half the reach: the mean size of the coefficients that the model's prior is summed at, and so their likeliest scale.

    Args:
        transport: T, γ and b.
        starts, ends: (P, k) u and z.

    Returns:
        Values in nats, (P,), and whether their coefficients are a solution, (P,).
    """
    operators, reach = transport.operators.double(), transport.reach.double()
    scale = torch.where(reach > 0, reach / 2, 1.0)
    bound, variance = bounds(operators, reach), transport.width**2
    values, converged = [], []
    for u, z in zip(starts.double().split(AT_ONCE), ends.double().split(AT_ONCE), strict=True):
        found = infer(operators, u, z, bound, transport.nodes, variance / scale)
        values.append(-found.left.square() / (2 * variance) - (found.coefficients.abs() / scale).sum(-1))
        converged.append(found.converged)
    return torch.cat(values), torch.cat(converged)


def affordable_samples(transport: Transport, draws: int) -> int:
    """How many samples, of so many draws each, the estimator can look at within `INFERRED`."""
    return max(1, INFERRED // (draws * len(transport.operators) * (len(transport.anchors) + 1)))


@torch.no_grad()
def published_estimate(
    model: VAE, batches: Batches, *, seed: int, draws: int, compared: np.ndarray | None = None
) -> PublishedEstimate:
    """The published estimator on samples; the global random state is put back at the end.

    Points are drawn from the model's own posteriors, as no other was trained.

    Args:
        model: trained.
        batches: the samples.
        seed: of the draws.
        draws: of each sample.
        compared: (n, A) which anchors each sample is compared with, at least one; all of them when None.

    Raises:
        UsageError: the latent space has no operators, or something beside them.
    """
    transport = transport_of(model.space)
    known = np.ones((len(batches), len(transport.anchors)), dtype=bool) if compared is None else compared
    totals, solved, done = torch.zeros(4, dtype=torch.float64), [], 0
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for x in batches.in_order():
            near = torch.as_tensor(known[done : done + len(x)], device=x.device)
            done += len(x)
            seen = model.seen(x)
            outputs = model.outputs(seen)
            place, law = model.space.heads(outputs)[0], model.space.propose(outputs)
            drawn = []
            for _ in range(draws):
                z = law.rsample()
                fit = model.likelihood.log_prob(seen, model.decoder(model.space.features(z))).double()
                weights, converged = published_log_weights(transport, near, place, z)
                solved.append(converged)
                drawn.append(torch.stack([fit + weights, fit, fit + model.space.log_weights(law, z)]))
            published, fits, proper = torch.stack(drawn, 1)  # (draws, B) each
            together = [part.logsumexp(0) - math.log(draws) for part in (published, proper)]
            totals += torch.stack([part.sum() for part in (together[0], published.mean(0), -fits.mean(0), together[1])]).cpu()
    value, elbo, nll, iwae = (totals / len(batches)).tolist()
    share = float(torch.cat(solved).double().mean())
    return PublishedEstimate(value, elbo, nll, iwae, draws, len(batches), compared is not None, share)


def published_log_weights(transport: Transport, near: Tensor, places: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """log p(z) − log q(z | x) as the estimator has it: the prior is the mean over anchors, the posterior is about a place.

    Args:
        transport: the operators.
        near: (B, A) which anchors the prior is made of.
        places: (B, k) where the encoder puts x.
        points: (B, k) z.

    Returns:
        (B,) in nats, and which of all the coefficients inferred for them are a solution.
    """
    point, anchor = near.nonzero(as_tuple=True)
    about, converged = likeliest(transport, transport.anchors[anchor], points[point])
    prior = torch.full(near.shape, -math.inf, dtype=about.dtype, device=about.device)
    prior[point, anchor] = about
    posterior, also = likeliest(transport, places, points)
    return prior.logsumexp(-1) - near.sum(-1).log() - posterior, torch.cat([converged, also])


def of_their_label(transport: Transport, locations: np.ndarray, labels: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Which anchors samples are compared with, (n, A): those of their label, or all where no anchor has it.

    An anchor has the label of the nearest training sample.

    Args:
        transport: whose anchors.
        locations: (t, k) where training samples lie.
        labels: (t,) theirs.
        own: (n,) those of the samples.
    """
    anchors = transport.anchors.cpu().numpy()
    nearest = np.square(anchors[:, None] - locations[None]).sum(-1).argmin(1)
    same = own[:, None] == labels[nearest][None]
    return same | ~same.any(1, keepdims=True)
