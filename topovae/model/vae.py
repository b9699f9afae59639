"""The one variational autoencoder: any latent space, any body, any likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from topovae.errors import UsageError
from topovae.latent import Terms, space_of
from topovae.model.likelihoods import LIKELIHOODS, Likelihood, Stated
from topovae.model.networks import BODIES, NetworkConfig, choose_network
from topovae.model.precision import apply
from topovae.model.span import RowSpan, SpanDecoder, SpanEncoder, SpanLikelihood
from topovae.signature import parse_latent
from topovae.store.documents import Document


@dataclass(frozen=True)
class ModelConfig(Document):
    """All that a model is built from, beside its weights.

    Args:
        latent: latent expression.
        sample_shape: shape of one sample.
        network: the bodies.
        likelihood: a key of `LIKELIHOODS`.
        noise, dispersion, degrees_of_freedom, exposure: what is `Stated` of the likelihood; None learns it.
        posteriors, encoder, divergence: of the `LatentSpace`.
        span: columns of the basis that the networks work in, see `span_width`; 0 for the features themselves.
    """

    latent: str
    sample_shape: tuple[int, ...]
    network: NetworkConfig
    likelihood: str = "gaussian"
    noise: float | None = None
    posteriors: tuple[str, ...] = ()
    encoder: str = "lift"
    divergence: str = "orbit"
    span: int = 0
    dispersion: float | None = None
    degrees_of_freedom: float | None = None
    exposure: float | None = None

    @property
    def stated(self) -> Stated:
        """The parameters of the likelihood that are not learned."""
        return Stated(self.noise, self.dispersion, self.degrees_of_freedom, self.exposure)

    @classmethod
    def from_dict(cls, fields: dict) -> ModelConfig:
        """The inverse of `to_dict`."""
        network = NetworkConfig.from_dict(fields["network"])
        shape = tuple(fields["sample_shape"])
        # Files of earlier versions have no choice of these: theirs was the encoder onto the cover.
        choices: dict[str, Any] = {"posteriors": (), "encoder": "cover", "divergence": "orbit", "span": 0}
        choices |= dict.fromkeys(("dispersion", "degrees_of_freedom", "exposure"))
        known = {name: fields.get(name, default) for name, default in choices.items()}
        known["posteriors"] = tuple(known["posteriors"])
        return cls(fields["latent"], shape, network, fields["likelihood"], fields["noise"], **known)


class VAE(nn.Module):
    """A variational autoencoder whose latent space is any product or quotient: a plain module for any training loop.

    `elbo(x)` is what a loop maximises; `encode(x)` gives where samples lie, `decode(coordinates)` what lies there.

    Args:
        config: what to build.
        shift: per-feature mean of the training data, of the sample's shape.
        scale: overall standard deviation of the training data, a scalar.

    Example:
        >>> model = VAE.of("S1xR2", torch.randn(64, 5))
        >>> coordinates, scale = model.encode(torch.randn(3, 5))
        >>> tuple(coordinates.shape), tuple(model.decode(coordinates).shape), tuple(model.elbo(torch.randn(3, 5)).shape)
        ((3, 3), (3, 5), (3,))
    """

    shift: Tensor
    scale: Tensor
    encoder: nn.Module
    decoder: nn.Module
    likelihood: Likelihood

    def __init__(self, config: ModelConfig, shift: Tensor | None = None, scale: Tensor | None = None) -> None:
        super().__init__()
        if config.likelihood not in LIKELIHOODS:
            raise UsageError(f"unknown likelihood {config.likelihood!r}; one of {', '.join(LIKELIHOODS)}")
        self.config = config
        # Whether an orbifold is wanted was settled when the request was made.
        latent = parse_latent(config.latent, allow_orbifold=True)
        self.space = space_of(latent, config.posteriors, config.encoder, config.divergence)
        shift = torch.zeros(config.sample_shape) if shift is None else shift
        scale = torch.ones(()) if scale is None else scale
        make_encoder, make_decoder = BODIES[config.network.kind]
        self.span: RowSpan | None = None
        if config.span:
            n_features = math.prod(config.sample_shape)
            self.span, shift = RowSpan(n_features, config.span), torch.zeros(config.span + 1)
            self.encoder = SpanEncoder(make_encoder, config.network, n_features, config.span, self.space.output_dim)
            self.decoder = SpanDecoder(make_decoder, config.network, n_features, config.span, self.space.feature_dim)
            self.likelihood = SpanLikelihood(shift, scale, config.stated, n_features)
        else:
            self.encoder = make_encoder(config.network, config.sample_shape, self.space.output_dim)
            self.decoder = make_decoder(config.network, config.sample_shape, self.space.feature_dim, self.space.periodic)
            self.likelihood = LIKELIHOODS[config.likelihood](shift, scale, config.stated)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    @classmethod
    def of(cls, latent: str, x: Tensor, likelihood: str = "gaussian", noise: float | None = None) -> VAE:
        """An untrained model for samples like some.

        Args:
            latent: latent expression, such as "S1xR2" or "klein".
            x: (n, *sample_shape) samples, whose mean and spread the model begins with.
            likelihood: a key of `LIKELIHOODS`.
            noise: fixed noise of the Gaussian likelihood in the data's units; None learns it.

        Raises:
            UsageError: the latent expression or the likelihood has no meaning.
        """
        shape = tuple(x.shape[1:])
        config = ModelConfig(parse_latent(latent).canonical, shape, choose_network(shape), likelihood, noise)
        mean = x.mean(0)
        model = cls(config, mean, (x - mean).square().mean().sqrt())
        model.space.prepare()
        return model

    def seen(self, x: Tensor) -> Tensor:
        """Samples as the networks and the likelihood see them: in a span (B, span + 1), in which they may be given too."""
        return x if self.span is None or x.shape[1] == self.config.span + 1 else self.span.narrow(x)

    def outputs(self, x: Tensor) -> Tensor:
        """The encoder's unconstrained outputs, (B, space.output_dim)."""
        return apply(self.encoder, self.likelihood.inputs(self.seen(x), self.shift, self.scale))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where samples lie.

        Args:
            x: (B, *sample_shape), in the data's units.

        Returns:
            Posterior locations (B, space.coordinate_dim), as angles in radians, heights, numbers or unit vectors by factor; and
            posterior scales (B, space.scale_dim).
        """
        return self.space.heads(self.outputs(x))

    def posterior(self, x: Tensor) -> Distribution:
        """q(z | x) of a batch."""
        return self.space.read(self.outputs(x))

    def decode(self, coordinates: Tensor) -> Tensor:
        """E[x | z] in the data's units, (B, *sample_shape), of coordinates (B, space.coordinate_dim)."""
        mean = self.likelihood.mean(self.decoder(self.space.features(coordinates)))
        return mean if self.span is None else self.span.widen(mean)

    def draw(self, coordinates: Tensor) -> Tensor:
        """One sample of p(x | z) each at coordinates (B, space.coordinate_dim), in the data's units, (B, *sample_shape)."""
        decoded = self.decoder(self.space.features(coordinates))
        drawn = self.likelihood.distribution(decoded).sample().to(decoded.dtype)
        if self.span is None:
            return drawn
        noise: Any = self.likelihood.noise
        return self.span.scattered(drawn, noise)

    def elbo(self, x: Tensor, beta: float = 1.0) -> Tensor:
        """The evidence lower bound from one posterior sample each, in nats, (B,); its gradient is that of `Terms`.

        Args:
            x: (B, *sample_shape), in the data's units.
            beta: weight of the KL term.
        """
        terms: Terms = self(x)
        return -terms.nll - beta * terms.kl.sum(-1)

    def forward(self, x: Tensor) -> Terms:
        """The terms of the negative ELBO, from one posterior sample each."""
        x = self.seen(x)
        return self.terms(x, self.outputs(x))

    def terms(self, x: Tensor, outputs: Tensor) -> Terms:
        """The same of samples as they are `seen`, whose encoding is known: of several draws each, it is found once.

        Args:
            x: samples as they are seen.
            outputs: of the encoder, (B, space.output_dim).
        """
        terms: Terms = self.space(outputs, lambda features: -self.likelihood.log_prob(x, apply(self.decoder, features)))
        return terms

    def log_likelihood(self, x: Tensor, k: int) -> Tensor:
        """The importance-weighted bound on log p(x) with k samples, in nats, (B,).

        On a quotient the weights use the density of the orbit, so the bound converges to log p(x) as k grows. Where posteriors
        have no density, draws of a law near them are weighted, see `LatentSpace.propose`.

        References:
            Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders (2016), equation 8.
        """
        x = self.seen(x)
        law = self.space.propose(self.outputs(x))
        log_weights = []
        for _ in range(k):
            z = law.rsample()
            decoded = self.decoder(self.space.features(z))
            log_weights.append(self.likelihood.log_prob(x, decoded) + self.space.log_weights(law, z))
        return torch.logsumexp(torch.stack(log_weights), 0) - math.log(k)


def build_model(config: ModelConfig, mean: Sequence[float] | Tensor, std: float, seed: int) -> VAE:
    """A model with weights drawn from `seed`, ready to be trained, the global random state untouched.

    Args:
        config: what to build.
        mean: per-feature mean of the training data.
        std: overall standard deviation of the training data.
        seed: of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shift = torch.as_tensor(mean, dtype=torch.get_default_dtype()).reshape(config.sample_shape)
        model = VAE(config, shift, torch.tensor(float(std) or 1.0))
        model.space.prepare()
    return model
