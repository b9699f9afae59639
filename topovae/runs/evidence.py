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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.errors import UsageError
from topovae.homology.spaces.catalogue import KnownSpace, known
from topovae.homology.verdict.settling import SURE
from topovae.latent import LatentSpace
from topovae.model.likelihoods import Stated
from topovae.model.likelihoods.gaussian import GaussianLikelihood
from topovae.model.networks import BODIES, choose_network
from topovae.signature import NAMES, parse
from topovae.store.documents import Document
from topovae.training.adam import Adam

ERRORS = 3.0
"""A margin of less than so many standard errors decides nothing."""

LEAST_MARGIN = 1.0
"""Nats a sample that a decoder gains or loses by what is not topology: smoothness, the shape of the prior, luck."""

MOST_COMPARED = 6
"""So many spaces are compared at most: a limit on cost, not tuned."""

MOST_DIMENSION = 3
"""Spaces of more dimensions are compared only where the diagnosis itself names them, as points of a prior fill them too
thinly: chosen, not tuned."""

LAG = 2.0
"""A candidate that lags by more than so many times what its last doubling gained goes no further, as gains shrink: a limit
on cost, not tuned."""

MOST_SEEDS = 1_000_003
"""Seeds of successive steps of a run differ by multiples of it."""

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
        start_steps, steps: optimiser steps of a start, and of the decoder that goes on at first.
        doublings: how often its steps are doubled at most, while that gains more than chance.
        seconds: no doubling begins that would end later, by how long the steps before took.
        batch_size: samples a step.
        prior_points: points of the prior that stand for the latent space in a step.
        learning_rate, noise_rate: of the decoder and of the noise's logarithm.
        draws: importance samples of a held-out log-likelihood.
        components: of its proposal, a mixture of the latent space's posteriors.
        most_train, most_valid: samples of the training and validation splits that are used.
        most_features: samples are projected onto so many principal components at most.
    """

    seeds: int = 2
    starts: int = 3
    start_steps: int = 60
    steps: int = 100
    doublings: int = 5
    seconds: float = 300.0
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
        small = [name for name, value in asdict(self).items() if value < 0 or (not value and name != "doublings")]
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
        steps: optimiser steps after its start.
    """

    keys: ClassVar = ("seed", "steps", "log_likelihood", "fit", "noise")

    seed: int
    log_likelihood: float
    fit: float
    noise: float
    held_out: np.ndarray
    steps: int = 0


@dataclass(frozen=True)
class Trial(Document):
    """One candidate and its runs, the best fitted first.

    Attributes:
        latent, name: expression, and what it is called.
        runs: one a seed.
        converged: whether another doubling of the steps gained less than its own noise, or could not have caught up.
    """

    keys: ClassVar = ("latent", "name", "log_likelihood", "se", "spread", "converged", "runs")

    latent: str
    name: str
    runs: tuple[Fit, ...]
    converged: bool = True

    @property
    def log_likelihood(self) -> float:
        """Held-out log-likelihood of the run that fits the training samples best, nats a sample."""
        return self.runs[0].log_likelihood

    @property
    def se(self) -> float:
        """Standard error of `log_likelihood` over the held-out samples."""
        return _standard_error(self.runs[0].held_out)

    @property
    def spread(self) -> float:
        """How far the log-likelihoods of the runs lie apart, nats a sample."""
        found = [run.log_likelihood for run in self.runs]
        return max(found) - min(found)


@dataclass(frozen=True)
class Evidence:
    """The verdict.

    Attributes:
        trials: candidates, likeliest first.
        margin: log-likelihood of the first over the second, nats a sample; None where there is one candidate.
        se: standard error of the margin, paired over the held-out samples.
        decided: whether every run of the first beats every run of the others by `ERRORS` standard errors and
            `LEAST_MARGIN`. Runs that disagree, a space that fits as well, or another that still gained leave it undecided.
        why: what leaves it undecided, in words; empty where it is decided.
        stopped: why not all of the work was done, or None.
        interrupted: whether that was an interrupt.
    """

    trials: tuple[Trial, ...]
    margin: float | None
    se: float | None
    decided: bool
    why: str = ""
    stopped: str | None = None
    interrupted: bool = False

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
            "why": self.why,
            "stopped": self.stopped,
        }


def compare(
    data: Dataset | ArrayLike,
    candidates: Sequence[str],
    seed: int = 0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Fit decoders on each candidate to the training split and compare likelihoods of the validation split.

    All candidates take the same steps, which are doubled while that gains one of them more than chance. A candidate that lags
    behind the likeliest by more than twice what its last doubling gained goes no further: gains shrink.

    The test split is not touched. What is known is kept when the time is over, or an interrupt comes, once each candidate has
    been fitted at all.

    Args:
        data: samples; an array is taken as they come.
        candidates: latent expressions.
        seed: of the split and of every random number.
        effort: what to spend; the default takes minutes for 2000 x 50 on one core.
        progress: called with a candidate and the share of the work that is done.

    Raises:
        UsageError: there are no candidates, or one is no latent expression.
        KeyboardInterrupt: before there was anything to compare.
    """
    effort, report = effort or Effort(), progress or (lambda stage, share: None)
    spaces = list(dict.fromkeys(parse(text) for text in candidates))
    if not spaces:
        raise UsageError("no candidates were given to compare; expected latent expressions such as S1xS1")
    train, valid = _prepare(Dataset.given(data), seed, effort)
    racers = [
        [Fitting(space.canonical, train, valid, seed + number, effort) for number in range(effort.seeds)] for space in spaces
    ]
    trials: tuple[Trial, ...] = ()
    stopped, interrupted = None, False
    try:
        for reached in _rounds(racers, effort, report):
            trials = reached
        if not all(trial.converged for trial in trials):
            stopped = f"{effort.seconds:g} s, or {effort.doublings} doublings of the steps, were over before all had converged"
    except KeyboardInterrupt:
        if not trials:
            raise
        stopped, interrupted = "interrupted before all had converged", True
    return replace(decide(trials), stopped=stopped, interrupted=interrupted)


def _rounds(racers: Sequence[Sequence[Fitting]], effort: Effort, report: Progress) -> Iterator[tuple[Trial, ...]]:
    """Fit all candidates, then those that still gain by twice, four times the steps; yield all trials after each round."""
    began, taken = time.monotonic(), 0
    trials: list[Trial] = []
    going = list(range(len(racers)))
    for doubling in range(effort.doublings + 1):
        steps = effort.steps * 2 ** max(doubling - 1, 0)
        work = [(i, run) for i in going for run in racers[i]]
        elapsed = time.monotonic() - began
        if not work or (doubling and elapsed * (1 + len(work) * steps / taken) > effort.seconds):
            return
        for done, (_, run) in enumerate(work):
            report(f"evidence of {run.latent}", (doubling + done / len(work)) / (effort.doublings + 1))
            run.advance(steps)
        taken += len(work) * steps
        trials = [_trial(runs) for runs in racers]
        best = max(trial.log_likelihood for trial in trials)
        lagging = [best - trial.log_likelihood > LAG * max(run.gain for run in racers[i]) for i, trial in enumerate(trials)]
        trials = [replace(t, converged=t.converged or lags) for t, lags in zip(trials, lagging, strict=True)]
        going = [i for i in going if not trials[i].converged]
        yield tuple(trials)


def _trial(runs: Sequence[Fitting]) -> Trial:
    """Return what the runs of a candidate reached, the best fitted first."""
    signature = parse(runs[0].latent)
    reached = sorted((run.reached for run in runs), key=lambda fit: -fit.fit)
    name = signature.name or known(signature.canonical).name
    return Trial(signature.canonical, name, tuple(reached), not any(run.gains for run in runs))


def decide(trials: Sequence[Trial]) -> Evidence:
    """Order candidates and say whether the first is sure to be the likeliest.

    Args:
        trials: one or more, judged on the same held-out samples.
    """
    ordered = tuple(sorted(trials, key=lambda trial: -trial.log_likelihood))
    if len(ordered) == 1:
        return Evidence(ordered, None, None, False, "there is no other space to compare with")
    first, second = ordered[:2]
    margin = first.log_likelihood - second.log_likelihood
    worst = min(first.runs, key=lambda run: run.log_likelihood)
    near = [trial for trial in ordered[1:] if any(not _exceeds(worst.held_out - run.held_out) for run in trial.runs)]
    se = _standard_error(first.runs[0].held_out - second.runs[0].held_out)
    going = [trial for trial in ordered[1:] if not trial.converged]
    return Evidence(ordered, margin, se, not near and not going, _doubt(first, near, going))


def _exceeds(gap: np.ndarray) -> bool:
    """Whether gaps (n,) of log-likelihoods are more than chance, and than what is not topology."""
    return bool(gap.mean() > max(ERRORS * _standard_error(gap), LEAST_MARGIN))


def _doubt(first: Trial, near: Sequence[Trial], going: Sequence[Trial]) -> str:
    """Say what leaves a comparison undecided, nothing where all have converged and no other space is near."""
    if not near:
        return f"{', '.join(trial.name for trial in going)} still gained by more steps" if going else ""
    names = ", ".join(trial.name for trial in near)
    spread = max(trial.spread for trial in (first, *near))
    return (
        f"{first.name} is not more likely than {names} by {LEAST_MARGIN:g} nat and {ERRORS:g} standard errors in every run; "
        f"runs of one space lie up to {spread:.2f} nats apart"
    )


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
        self.likelihood = GaussianLikelihood(mean, scale, Stated())
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


class Fitting:
    """One decoder on its way: the best of several starts, fitted further and further.

    The global random state is put back after each step of the way.

    Args:
        latent: expression.
        train, valid: (n, q) samples.
        seed: of weights and samples.
        effort: what to spend.

    Attributes:
        steps: optimiser steps so far.
        reached: the best that calls of `advance` reached, on the validation samples.
        gain: nats a held-out sample that the last one gained over it; infinite after the first.
        gains: whether that was more than chance.
    """

    def __init__(self, latent: str, train: Tensor, valid: Tensor, seed: int, effort: Effort) -> None:
        self.latent, self.train, self.valid, self.seed, self.effort = latent, train, valid, seed, effort
        self.model: GenerativeMap | None = None
        self.reached = Fit(seed, -math.inf, -math.inf, math.nan, np.full(len(valid), -np.inf))
        self.steps, self.gain, self.gains = 0, math.inf, True

    def advance(self, steps: int) -> Fit:
        """Fit by so many more steps, and measure; return the best that was reached so far."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + self.steps * MOST_SEEDS)
            model = self.model = self.model or self._start()
            fitted = fit(model, self.train, steps, self.effort)
            held_out = held_out_log_likelihood(model, self.valid, self.effort).double().numpy()
        if self.steps:
            gain = held_out - self.reached.held_out
            self.gain = float(gain.mean())
            self.gains = self.gain > 2 * _standard_error(gain)
        self.steps += steps
        if self.gain > 0:  # few samples are overfitted in the end
            noise = float(model.likelihood.noise.detach())
            self.reached = Fit(self.seed, float(held_out.mean()), fitted, noise, held_out, self.steps)
        return self.reached

    def _start(self) -> GenerativeMap:
        """Return the start that fits best after a few steps."""
        starts = [GenerativeMap(self.latent, self.train) for _ in range(self.effort.starts)]
        return max(starts, key=lambda start: fit(start, self.train, self.effort.start_steps, self.effort))


def fit(model: GenerativeMap, x: Tensor, steps: int, effort: Effort) -> float:
    """Raise the bound by Adam with a cosine schedule; return its mean over the last tenth of the steps, nats a sample.

    Args:
        model: to fit.
        x: (n, q) samples.
        steps: optimiser steps.
        effort: rates and sizes.
    """
    leaves, noise = list(model.decoder.parameters()), [model.likelihood.log_noise]
    optimizers = (Adam(leaves, effort.learning_rate), Adam(noise, effort.noise_rate))
    reached = []
    for step in range(steps):
        batch = x[torch.randint(len(x), (min(effort.batch_size, len(x)),))]
        bound = model.bound(batch, effort.prior_points)
        gradients = torch.autograd.grad(-bound, [*leaves, *noise])
        share = _rate(step, steps)
        optimizers[0].rate, optimizers[1].rate = share * effort.learning_rate, share * effort.noise_rate
        optimizers[0].step(gradients[:-1])
        optimizers[1].step(gradients[-1:])
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


def possible(document: Mapping[str, Any], spaces: Sequence[KnownSpace]) -> list[str]:
    """Return the latent expressions that a diagnosis leaves possible, what it names first, then the plainest; two at least.

    Of a diagnosis that is not sure only two things are: a class that was found is there, whereas one that is missing may be too
    short to be seen; and the dimension lies in its interval. Edge, orientation and products are what hard data show wrongly.

    Args:
        document: JSON of `topovae analyze`.
        spaces: what may be named.
    """
    dimension = document["intrinsic_dimension"]
    low, high = round(dimension["interval"][0]), max(dimension["value"], round(dimension["interval"][1]))
    scores = {one["latent"]: one["score"] for one in document["candidates"]}
    views = [view["recommendation"]["latent"] for outlook in document["views"] for view in outlook["views"]]
    named = [latent for latent in (document["recommendation"]["latent"], *views) if latent is not None]

    def fits(space: KnownSpace) -> bool:
        found = {int(prime): numbers for prime, numbers in document["betti"].items()}
        classes = all(space.betti(prime, 1) >= numbers[1] for prime, numbers in found.items())
        return classes and max(1, low) <= space.dimension <= min(high, MOST_DIMENSION)

    left = [space for space in spaces if space.latent in named or fits(space)]
    left.sort(key=lambda space: (space.latent not in named, space.name not in NAMES, -scores.get(space.latent, 0.0)))
    chosen = [space.latent for space in left[:MOST_COMPARED]]
    nearest = [latent for latent in scores if latent not in chosen]
    return chosen + nearest[: max(0, 2 - len(chosen))]


def weigh(document: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """Add the evidence to a diagnosis; where it is decided, its winner takes the place of a diagnosis that is not sure.

    Its confidence is then what the diagnosis leaves to other answers than its own.

    Args:
        document: JSON of `topovae analyze`.
        evidence: of the spaces that it leaves possible.
    """
    answer, winner = document["recommendation"], evidence.winner
    same = answer["latent"] is not None and parse(answer["latent"]) == parse(winner.latent)
    if evidence.decided and not same and answer["confidence"] < SURE:
        left = round(1 - answer["confidence"], 4)
        answer = {"latent": winner.latent, "name": winner.name, "confidence": left, "source": "evidence"}
    return {**document, "evidence": evidence.to_dict(), "recommendation": answer}
