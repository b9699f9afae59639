"""What a training is asked for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.model.networks import BODIES, NetworkConfig, choose_network
from topovae.model.vae import LIKELIHOODS, ModelConfig
from topovae.signature import euclidean, parse
from topovae.training.config import LEARNING_RATE, TrainingConfig, choose_epochs
from topovae.training.constraints import parse_repulsion

MAX_WIDTH = 65536


INITS = ("cohomology", "random")


@dataclass(frozen=True)
class Request:
    """What a training run is asked for; `None` leaves the choice to the data.

    Args:
        latent: latent expression.
        network: "auto", "mlp" or "conv".
        hidden: widths of the encoder's dense layers, separated by commas; "" chooses them by the size of a sample.
        likelihood: "gaussian" or "bernoulli".
        noise: fixed noise of the Gaussian likelihood in the data's units; None learns it.
        baseline: whether to train a Gaussian VAE of the same capacity and dimension too.
        epochs, batch_size, beta, learning_rate, seed, compile, precision: of the training.
        init: "cohomology" starts the encoder from coordinates of the data where there are some, "random" from its weights.
        allow_orbifold: accept a latent whose group fixes points.
        posterior: families of the posteriors, separated by commas; "" for the default ones.
        encoder, divergence: of a quotient, see `LatentSpace`.
        anchors: the file that the anchors come from.
        repel: balls of the latent that are to stay empty, as "coordinates:radius".
    """

    latent: str
    network: str = "auto"
    hidden: str = ""
    likelihood: str = "gaussian"
    noise: float | None = None
    baseline: bool = False
    epochs: int | None = None
    batch_size: int = 128
    beta: float = 1.0
    learning_rate: float = LEARNING_RATE
    seed: int = 0
    compile: str = "auto"
    precision: str = "float32"
    init: str = "cohomology"
    allow_orbifold: bool = False
    posterior: str = ""
    encoder: str = "lift"
    divergence: str = "orbit"
    anchors: str | None = None
    repel: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        choices = {"init": INITS, "likelihood": tuple(LIKELIHOODS), "network": ("auto", *BODIES)}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UsageError(f"--{name} {getattr(self, name)}: expected one of {', '.join(known)}")
        if self.noise is not None and not (math.isfinite(self.noise) and self.noise > 0):
            raise UsageError(f"--noise {self.noise}: expected a positive number, in the data's units")
        parse_repulsion(self.space(), self.repel)
        parse_widths(self.hidden)
        self.training_config(1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self) | {"repel": list(self.repel)}

    @property
    def posteriors(self) -> tuple[str, ...]:
        """Names of the families asked for."""
        return tuple(filter(None, self.posterior.split(",")))

    def space(self) -> LatentSpace:
        """The latent space that is asked for.

        Raises:
            UsageError: the expression or a choice is wrong, or does not fit the others.
        """
        signature = parse(self.latent, self.allow_orbifold)
        return LatentSpace(signature, self.posteriors, self.encoder, self.divergence)

    def network_config(self, sample_shape: tuple[int, ...]) -> NetworkConfig:
        """The bodies of the model and of the baseline.

        Raises:
            UsageError: they do not fit the samples.
        """
        return choose_network(sample_shape, self.network, parse_widths(self.hidden))

    def model_config(self, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the model is built."""
        latent = parse(self.latent, self.allow_orbifold).canonical
        network = self.network_config(sample_shape)
        return ModelConfig(
            latent, sample_shape, network, self.likelihood, self.noise, self.posteriors, self.encoder, self.divergence
        )

    def baseline_config(self, dim: int, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the Gaussian model of the same capacity and dimension is built."""
        network = self.network_config(sample_shape)
        return ModelConfig(euclidean(dim).canonical, sample_shape, network, self.likelihood, self.noise)

    def training_config(self, n_train: int) -> TrainingConfig:
        """Hyperparameters of the optimisation."""
        return TrainingConfig(
            epochs=self.epochs or choose_epochs(n_train, self.batch_size),
            batch_size=self.batch_size,
            beta=self.beta,
            learning_rate=self.learning_rate,
            seed=self.seed,
            compile=self.compile,
            precision=self.precision,
        )


def parse_widths(text: str) -> list[int]:
    """Widths of layers, separated by commas; none for an empty text.

    Raises:
        UsageError: they are no positive whole numbers.
    """
    words = text.split(",") if text else []
    if not all(word.isdecimal() and 0 < int(word) <= MAX_WIDTH for word in words):
        raise UsageError(f"--hidden {text}: expected widths from 1 to {MAX_WIDTH}, such as 256,128")
    return [int(word) for word in words]
