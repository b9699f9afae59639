"""Evidence: on which candidate latent space a decoder makes held-out samples most likely.

No encoder is trained. A decoder reads points of the prior, and the likelihood of a sample is the mean over them: a generative
topographic map with the decoder, the priors and the invariant features of the VAE. So a quotient is fitted as a product is,
and no posterior family or torn encoder stands between the space and its likelihood.

What evidence cannot tell: a space that maps onto the data's one-to-one up to a null set, or evenly many-to-one, makes the
data about as likely as the right one. RP² and the torus map onto the sphere so, the torus onto the Klein bottle, the cylinder
onto the Möbius band and, folded, the other way round; and a space of more dimensions fits noise too. Then the margin is small,
and `decided` is False.

References:
    Bishop, Svensén and Williams (1998), GTM: the generative topographic mapping, equations 2.3 and 2.6.
    Burda, Grosse and Salakhutdinov (2016), Importance weighted autoencoders, equation 8.
    Cappé, Guillin, Marin and Robert (2004), Population Monte Carlo, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.model.networks import BODIES, choose_network
from topovae.model.vae import GaussianLikelihood
from topovae.signature import parse
from topovae.store.documents import Document

ERRORS = 3.0
"""A margin of less than so many standard errors decides nothing."""

LEAST_MARGIN = 1.0
"""Nats a sample that a decoder gains or loses by what is not topology: smoothness, the shape of the prior, luck."""

MOST_COMPARED = 3
"""So many of a diagnosis's candidates are compared."""

CLOSE = 0.02
"""A candidate whose score is below this share of the best one's is not close."""

SURE_DIAGNOSIS = 0.8
"""A diagnosis that is at least as sure keeps its answer against the evidence."""

WIDENING = 1.5
"""Components of the proposal are wider than the spacing of their centres, so that tails are covered."""

ROUNDS = 2
"""Of adapting the proposal."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Effort:
    """How much is spent on each candidate.

    Args:
        seeds: runs, each from other random weights.
        starts: decoders that a run begins with; the likeliest after `start_steps` goes on.
        start_steps, steps: optimiser steps of a start, and of the decoder that goes on.
        batch_size: samples a step.
        prior_points: points of the prior that stand for the latent space in a step.
        learning_rate, noise_rate: of the decoder and of the noise's logarithm.
        draws: importance samples of a held-out log-likelihood.
        components: of its proposal, a mixture of the latent space's posteriors.
        most_train, most_valid: samples of the training and validation splits that are used.
        most_features: samples are projected onto so many principal components at most.
    """

    seeds: int = 2
    starts: int = 4
    start_steps: int = 80
    steps: int = 400
    batch_size: int = 256
    prior_points: int = 1000
    learning_rate: float = 1.5e-2
    noise_rate: float = 2e-2
    draws: int = 64
    components: int = 16
    most_train: int = 8000
    most_valid: int = 400
    most_features: int = 64

    def __post_init__(self) -> None:
        small = [name for name, value in asdict(self).items() if value <= 0]
        if small:
            raise UsageError(f"the budget of an evidence has {small[0]} = {getattr(self, small[0])}; expected more than 0")


@dataclass(frozen=True)
class Fit(Document):
    """One decoder.

    Attributes:
        seed: of its weights and samples.
        log_likelihood: mean over the held-out samples, nats a sample.
        fit: mean log-likelihood of the last training batches under the prior's points alone, a bound.
        noise: learned standard deviation, in the data's units.
        held_out: log-likelihood of each held-out sample (n,), nats; not in the JSON.
    """

    keys: ClassVar = ("seed", "log_likelihood", "fit", "noise")

    seed: int
    log_likelihood: float
    fit: float
    noise: float
    held_out: np.ndarray


@dataclass(frozen=True)
class Trial(Document):
    """One candidate and its runs, the best fitted first."""

    keys: ClassVar = ("latent", "name", "log_likelihood", "se", "runs")

    latent: str
    name: str
    runs: tuple[Fit, ...]

    @property
    def log_likelihood(self) -> float:
        """Held-out log-likelihood of the run that fits the training samples best, nats a sample."""
        return self.runs[0].log_likelihood

    @property
    def se(self) -> float:
        """Standard error of `log_likelihood` over the held-out samples."""
        return _standard_error(self.runs[0].held_out)


@dataclass(frozen=True)
class Evidence:
    """The verdict.

    Attributes:
        trials: candidates, likeliest first.
        margin: log-likelihood of the first over the second, nats a sample; None where there is one candidate.
        se: standard error of the margin, paired over the held-out samples.
        decided: whether every run of the first beats every run of the others by `ERRORS` standard errors and
            `LEAST_MARGIN`. Runs that disagree, or a space that fits as well, leave it undecided.
    """

    trials: tuple[Trial, ...]
    margin: float | None
    se: float | None
    decided: bool

    @property
    def winner(self) -> Trial:
        return self.trials[0]

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON of `analyze` holds under "evidence"."""
        return {
            "candidates": [trial.to_dict() for trial in self.trials],
            "winner": self.winner.latent,
            "margin": self.margin,
            "se": self.se,
            "decided": self.decided,
        }


def compare(
    data: Dataset | ArrayLike,
    candidates: Sequence[str],
    seed: int = 0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Fit a decoder on each candidate to the training split and compare likelihoods of the validation split.

    The test split is not touched.

    Args:
        data: samples; an array is taken as they come.
        candidates: latent expressions.
        seed: of the split and of every random number.
        effort: what to spend; the default takes about 20 s a candidate on one core for 2000 x 50.
        progress: called with a candidate and the share of the work that is done.

    Raises:
        UsageError: there are no candidates, or one is no latent expression.
    """
    effort, report = effort or Effort(), progress or (lambda stage, share: None)
    spaces = list(dict.fromkeys(parse(text) for text in candidates))
    if not spaces:
        raise UsageError("no candidates were given to compare; expected latent expressions such as S1xS1")
    train, valid = _prepare(Dataset.given(data), seed, effort)
    trials = []
    for place, signature in enumerate(spaces):
        runs = []
        for number in range(effort.seeds):
            report(f"evidence of {signature.canonical}", (place + number / effort.seeds) / len(spaces))
            runs.append(run_candidate(signature.canonical, train, valid, seed + number, effort))
        runs.sort(key=lambda run: -run.fit)
        trials.append(Trial(signature.canonical, signature.name or signature.canonical, tuple(runs)))
    return decide(trials)


def decide(trials: Sequence[Trial]) -> Evidence:
    """Order candidates and say whether the first is sure to be the likeliest.

    Args:
        trials: one or more, judged on the same held-out samples.
    """
    ordered = tuple(sorted(trials, key=lambda trial: -trial.log_likelihood))
    if len(ordered) == 1:
        return Evidence(ordered, None, None, False)
    first, second = ordered[:2]
    margin = first.log_likelihood - second.log_likelihood
    worst = min(first.runs, key=lambda run: run.log_likelihood)
    rivals = [run for trial in ordered[1:] for run in trial.runs]
    gaps = [worst.held_out - run.held_out for run in rivals]
    decided = all(gap.mean() > max(ERRORS * _standard_error(gap), LEAST_MARGIN) for gap in gaps)
    se = _standard_error(first.runs[0].held_out - second.runs[0].held_out)
    return Evidence(ordered, margin, se, decided)


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.inf


def _prepare(data: Dataset, seed: int, effort: Effort) -> tuple[Tensor, Tensor]:
    """Return samples for training and validation (n, q), in principal components of the training samples if they are many."""
    parts = split_data(data, seed)
    rng = np.random.default_rng(seed)
    rows = [
        data.rows(np.sort(rng.permutation(index)[:most])).reshape(-1, data.n_features).astype(np.float64)
        for index, most in ((parts.train, effort.most_train), (parts.valid, effort.most_valid))
    ]
    if data.n_features > effort.most_features:
        centre = rows[0].mean(axis=0)
        _, _, axes = np.linalg.svd(rows[0] - centre, full_matrices=False)
        rows = [(x - centre) @ axes[: effort.most_features].T for x in rows]
    train, valid = (torch.as_tensor(x, dtype=torch.float32) for x in rows)
    return train, valid


class GenerativeMap(nn.Module):
    """A decoder from a latent space with Gaussian noise: p(x) = E over the prior of N(x; f(z), σ²).

    Args:
        latent: expression.
        like: (n, q) samples, which give mean and scale.
    """

    def __init__(self, latent: str, like: Tensor) -> None:
        super().__init__()
        self.space = LatentSpace(parse(latent))
        shape = tuple(like.shape[1:])
        network = choose_network(shape, "mlp")
        self.decoder = BODIES["mlp"][1](network, shape, self.space.feature_dim)
        mean = like.mean(0)
        scale = (like - mean).std().clamp_min(1e-6)
        self.likelihood = GaussianLikelihood(mean, scale, None)
        with torch.no_grad():
            # At first all is noise: what is fitted is coarse, and details come as it falls.
            self.likelihood.log_noise.copy_(torch.log(scale))

    def images(self, coordinates: Tensor) -> Tensor:
        """f(z) of coordinates (..., k), as (..., q)."""
        flat = coordinates.reshape(-1, coordinates.shape[-1])
        return self.likelihood.mean(self.decoder(self.space.features(flat))).reshape(*coordinates.shape[:-1], -1)

    def log_kernel(self, x: Tensor, images: Tensor) -> Tensor:
        """log N(x; f, σ²) in nats of every sample (n, q) at every image (m, q), as (n, m)."""
        return self._log_normal((x.square().sum(-1)[:, None] + images.square().sum(-1) - 2 * x @ images.T).clamp_min(0))

    def log_density(self, x: Tensor, images: Tensor) -> Tensor:
        """log N(x; f, σ²) in nats of samples and images (..., q) that broadcast."""
        return self._log_normal((x - images).square().sum(-1))

    def _log_normal(self, square: Tensor) -> Tensor:
        noise = self.likelihood.noise
        features = self.likelihood.shift.numel()
        return -0.5 * square / noise.square() - features * (torch.log(noise) + 0.5 * math.log(2 * math.pi))

    def bound(self, x: Tensor, points: int) -> Tensor:
        """Mean over samples of the log of the mean density at random points of the prior, nats: at most log p(x)."""
        images = self.images(self.space.sample_prior(points, x))
        return torch.logsumexp(self.log_kernel(x, images), 1).mean() - math.log(points)


def run_candidate(latent: str, train: Tensor, valid: Tensor, seed: int, effort: Effort) -> Fit:
    """Fit one decoder from the best of several starts and measure it; the global random state is put back.

    Args:
        latent: expression.
        train, valid: (n, q) samples.
        seed: of weights and samples.
        effort: what to spend.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        starts = []
        for _ in range(effort.starts):
            start = GenerativeMap(latent, train)
            starts.append((fit(start, train, effort.start_steps, effort), start))
        _, best = max(starts, key=lambda pair: pair[0])
        reached = fit(best, train, effort.steps, effort)
        held_out = held_out_log_likelihood(best, valid, effort).double().numpy()
    return Fit(seed, float(held_out.mean()), reached, float(best.likelihood.noise.detach()), held_out)


def fit(model: GenerativeMap, x: Tensor, steps: int, effort: Effort) -> float:
    """Raise the bound by Adam with a cosine schedule; return its mean over the last tenth of the steps, nats a sample.

    Args:
        model: to fit.
        x: (n, q) samples.
        steps: optimiser steps.
        effort: rates and sizes.
    """
    groups = [
        {"params": list(model.decoder.parameters()), "lr": effort.learning_rate},
        {"params": [model.likelihood.log_noise], "lr": effort.noise_rate},
    ]
    optimizer = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    reached = []
    for _ in range(steps):
        batch = x[torch.randint(len(x), (min(effort.batch_size, len(x)),))]
        bound = model.bound(batch, effort.prior_points)
        optimizer.zero_grad(set_to_none=True)
        (-bound).backward()
        optimizer.step()
        schedule.step()
        reached.append(bound.detach())
    return float(torch.stack(reached[-max(1, steps // 10) :]).mean())


def _rate(step: int, steps: int) -> float:
    """A short rise, then a cosine to 1 % of the peak."""
    return min(1.0, (step + 1) / 20) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def held_out_log_likelihood(model: GenerativeMap, x: Tensor, effort: Effort) -> Tensor:
    """Estimate log p(x) by importance sampling, (n,), nats: a bound that is tight where the proposal is good.

    The proposal is a mixture of the space's own posteriors, on a quotient with the density of the orbit. Its centres are
    drawn by their likelihood from many points of the prior in the first round, then from the samples of the round before.

    Args:
        model: fitted.
        x: (n, q) samples.
        effort: `draws` and `components`.
    """
    space, n = model.space, len(x)
    points = space.sample_prior(4 * effort.prior_points, x)
    shares = torch.softmax(model.log_kernel(x, model.images(points)), 1)
    centres = points[torch.multinomial(shares, effort.components, replacement=True)]
    # the points' spacing in radians: a latent space is a few radians wide
    least = 4.0 * len(points) ** (-1 / space.dim)
    found = torch.zeros(n)
    for _ in range(ROUNDS):
        widths = (WIDENING * _spacing(space, centres)).clamp_min(least)[:, None, None].expand(-1, -1, space.scale_dim)
        around = _take(centres, torch.randint(effort.components, (n, effort.draws)))
        z = space.posterior(around, widths.expand(-1, effort.draws, -1)).rsample()
        proposal = space.posterior(centres[:, None], widths[:, None].expand(-1, -1, effort.components, -1))
        density = torch.logsumexp(proposal.log_prob(z[:, :, None]), -1) - math.log(effort.components)
        importance = model.log_density(x[:, None], model.images(z)) + space.prior_log_prob(z) - density
        found = torch.logsumexp(importance, 1) - math.log(effort.draws)
        centres = _take(z, torch.multinomial(torch.softmax(importance, 1), effort.components, replacement=True))
        least = 0.6 * least
    return found


def _spacing(space: LatentSpace, centres: Tensor) -> Tensor:
    """Mean distance of the centres (n, j, k) to the second nearest other one, (n,); several clusters do not widen it."""
    apart = space.distance(centres[:, :, None], centres[:, None])
    return apart.kthvalue(min(3, centres.shape[1]), dim=-1).values.mean(-1)


def _take(rows: Tensor, index: Tensor) -> Tensor:
    """rows[i, index[i, j]] of (n, m, k) at (n, j), as (n, j, k)."""
    return rows.gather(1, index[..., None].expand(-1, -1, rows.shape[-1]))


def closest(document: Mapping[str, Any]) -> list[str]:
    """Return the latent expressions of a diagnosis's closest candidates, at least two where there are two.

    Args:
        document: JSON of `topovae analyze`.
    """
    candidates = document["candidates"][:MOST_COMPARED]
    near = [
        one["latent"] for place, one in enumerate(candidates) if place < 2 or one["score"] >= CLOSE * candidates[0]["score"]
    ]
    answer = document["recommendation"]["latent"]
    return near if answer is None or answer in near else [answer, *near[:-1]]


def weigh(document: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """Add the evidence to a diagnosis; where it is decided, its winner takes the place of a diagnosis that is not sure.

    Args:
        document: JSON of `topovae analyze`.
        evidence: of its closest candidates.
    """
    answer = document["recommendation"]
    winner = next((one for one in document["candidates"] if parse(one["latent"]) == parse(evidence.winner.latent)), None)
    if (
        evidence.decided
        and winner is not None
        and winner["latent"] != answer["latent"]
        and answer["confidence"] < SURE_DIAGNOSIS
    ):
        answer = {key: winner[key] for key in ("latent", "name")} | {"confidence": answer["confidence"], "source": "evidence"}
    return {**document, "evidence": evidence.to_dict(), "recommendation": answer}
