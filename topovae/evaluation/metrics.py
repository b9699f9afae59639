"""Reconstruction, divergence and likelihood of a trained model on a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from topovae.model.vae import VAE
from topovae.store.documents import Document
from topovae.training.batches import Batches

POSTERIOR_DRAWS = 8
"""Posterior samples of each x that expectations are estimated from."""

ENOUGH_DRAWS = 2**20
"""Posterior samples of a split that are enough: of many x, fewer of each are drawn, one at least."""

ACTIVE = 0.01
"""Variance of posterior locations, in squared units of the coordinate, above which a unit is active:
not tuned, the threshold of Burda, Grosse and Salakhutdinov (2016), section 5.2."""


@dataclass(frozen=True)
class Metrics(Document):
    """Means over a split; what was not computed is None.

    Args:
        rms: root mean square of x − E[x | posterior location], per feature, in the data's units.
        nll: −E log p(x | z), nats a sample.
        kl: KL(q(z | x) ‖ p(z)), nats a sample.
        kl_per_factor: its parts by factor, and "group" for a quotient's correction.
        elbo: −nll − kl, nats a sample.
        iwae: importance-weighted bound on log p(x), nats a sample; None too where nothing near the posteriors has a density.
        stress: geodesic stress against the truth; within groups where the truth has fewer dimensions than the latent space.
        recovery: how well each circle of the truth is found again in the latent space.
        mig: mutual information gap of the truth's factors, in [0, 1], 1 where each has a latent coordinate of its own.
        trustworthiness: whether neighbours in the latent space are neighbours in the data, in [0, 1].
        continuity: whether neighbours in the data are neighbours in the latent space, in [0, 1].
        active_units: features that the decoder reads whose variance over the samples is above `ACTIVE`.
        units: all of these features.
    """

    rms: float
    nll: float
    kl: float
    kl_per_factor: dict[str, float]
    elbo: float
    iwae: float | None = None
    stress: float | None = None
    recovery: list[dict] | None = None
    mig: float | None = None
    trustworthiness: float | None = None
    continuity: float | None = None
    active_units: int | None = None
    units: int | None = None


@dataclass(frozen=True)
class Latents:
    """Where a split lies in the latent space.

    Args:
        location: posterior locations as coordinates, (n, coordinate_dim).
        scale: posterior scales, (n, scale_dim).
        coordinates: one posterior sample each, (n, coordinate_dim).
        features: what the decoder reads at the locations, (n, feature_dim).
        memberships: of a mixture, the most probable "component" (n,) and the "component_probability" of each, (n, K).
    """

    location: np.ndarray
    scale: np.ndarray
    coordinates: np.ndarray
    features: np.ndarray
    memberships: Mapping[str, np.ndarray] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """All of them by name."""
        own = {"location": self.location, "scale": self.scale, "coordinates": self.coordinates, "features": self.features}
        return {**own, **self.memberships}


def factor_labels(names: tuple[str, ...]) -> list[str]:
    """Names made distinct by position: S1, S1 become S1.0, S1.1."""
    return [name if names.count(name) == 1 else f"{name}.{names[:i].count(name)}" for i, name in enumerate(names)]


@dataclass(frozen=True)
class SampleTerms:
    """What the metrics of samples are made of, each a mean over posterior samples.

    Args:
        nll: −log p(x | z), nats, (n,).
        kl: parts of the divergence by factor, nats, (n, parts).
        square: squared error of E[x | posterior location], summed over features, in squared units of the data, (n,).
        iwae: importance-weighted bound on log p(x), nats, (n,); None where it was not asked for, or there is none.
    """

    nll: np.ndarray
    kl: np.ndarray
    square: np.ndarray
    iwae: np.ndarray | None

    @property
    def elbo(self) -> np.ndarray:
        """The evidence lower bound, nats, (n,)."""
        return -self.nll - self.kl.sum(1)


@torch.no_grad()
def batch_terms(model: VAE, batches: Batches, *, seed: int, iwae: int = 0) -> Iterator[SampleTerms]:
    """The terms of a split, batch by batch in its order; the global random state is put back at the end.

    Args:
        model: trained.
        batches: the split's samples.
        seed: of the posterior samples.
        iwae: number of importance samples; 0 leaves the bound out.
    """
    model.eval()
    iwae = iwae if model.space.has_weights else 0
    draws = max(1, min(POSTERIOR_DRAWS, ENOUGH_DRAWS // len(batches)))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for x in batches.in_order():
            seen = model.seen(x)
            outputs = model.outputs(seen)
            drawn = [model.terms(seen, outputs) for _ in range(draws)]
            nll, kl = (torch.stack(parts).double().mean(0) for parts in zip(*((t.nll, t.kl) for t in drawn), strict=True))
            square = (model.decode(drawn[-1].coordinates) - x).double().square().flatten(1).sum(1)
            bound = model.log_likelihood(seen, iwae).double().cpu().numpy() if iwae else None
            yield SampleTerms(nll.cpu().numpy(), kl.cpu().numpy(), square.cpu().numpy(), bound)


def sample_terms(model: VAE, batches: Batches, *, seed: int, iwae: int = 0) -> SampleTerms:
    """The terms of all samples of a split together.

    Args:
        model, batches, seed, iwae: as of `batch_terms`.
    """
    parts = list(batch_terms(model, batches, seed=seed, iwae=iwae))
    bounds = [part.iwae for part in parts if part.iwae is not None]
    nll, kl, square = (np.concatenate([getattr(part, name) for part in parts]) for name in ("nll", "kl", "square"))
    return SampleTerms(nll, kl, square, np.concatenate(bounds) if bounds else None)


def measure(model: VAE, batches: Batches, *, seed: int, iwae: int = 0) -> Metrics:
    """Metrics of a model on a split: means of its terms.

    Args:
        model, batches, seed, iwae: as of `batch_terms`.
    """
    nll, square, bound, bounded = 0.0, 0.0, 0.0, False
    kl = np.zeros(len(model.space.kl_names))
    for terms in batch_terms(model, batches, seed=seed, iwae=iwae):
        nll, square, kl = nll + float(terms.nll.sum()), square + float(terms.square.sum()), kl + terms.kl.sum(0)
        if terms.iwae is not None:
            bound, bounded = bound + float(terms.iwae.sum()), True
    n, features = len(batches), batches.data.n_features
    parts = dict(zip(factor_labels(model.space.kl_names), (kl / n).tolist(), strict=True))
    total = sum(parts.values())
    rms = float(np.sqrt(square / (n * features)))
    return Metrics(rms, nll / n, total, parts, -nll / n - total, bound / n if bounded else None)


@torch.no_grad()
def locate(model: VAE, batches: Batches, *, seed: int) -> Latents:
    """Posterior locations, scales, samples and decoder features of a split."""
    model.eval()
    columns: dict[str, torch.Tensor] = {}
    done = 0
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for x in batches.in_order():
            outputs = model.outputs(x)
            location, scale = model.space.heads(outputs)
            location = model.space.representative(location)
            sample = model.space.posterior(location, scale).rsample()
            found = {"location": location, "scale": scale, "coordinates": sample, "features": model.space.features(location)}
            found |= model.space.memberships(outputs)
            if not columns:  # of the whole length at once: of millions of samples, a second copy would not fit
                columns = {name: part.new_empty((len(batches), *part.shape[1:])) for name, part in found.items()}
            for name, part in found.items():
                columns[name][done : done + len(x)] = part
            done += len(x)
    arrays = {name: column.cpu().numpy() for name, column in columns.items()}
    own = {name: arrays.pop(name) for name in ("location", "scale", "coordinates", "features")}
    return Latents(**own, memberships=arrays)
