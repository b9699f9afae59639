"""What a training is asked for: the one declaration of its options, which commands and the estimator take from here.

It imports nothing heavy, so that help can be made from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from topovae.errors import UsageError
from topovae.signature import Latent, euclidean, parse_latent
from topovae.store.documents import Document
from topovae.training.config import DOUBLINGS, WIDTH, TrainingConfig, choose_epochs, choose_gain, choose_rate

if TYPE_CHECKING:
    import numpy as np

    from topovae.latent import Space
    from topovae.model.networks import NetworkConfig
    from topovae.model.vae import ModelConfig

MAX_WIDTH = 65536


AUTO = "auto"

LIKELIHOOD_OPTIONS: dict[str, tuple[str, ...]] = {
    "gaussian": ("noise",),
    "bernoulli": (),
    "poisson": ("exposure",),
    "negative-binomial": ("dispersion", "exposure"),
    "student": ("noise", "degrees_of_freedom"),
}
"""Likelihoods, each with the options that state what it would learn: those of `LIKELIHOODS`, told without importing it."""

ACTIVATIONS = ("silu", "relu", "leaky-relu", "elu", "gelu", "softplus", "tanh")

INITS = ("cohomology", "random")

STATED: dict[str, tuple[str, Callable[[float], bool]]] = {
    "noise": ("a positive number, in the data's units", lambda value: value > 0),
    "dispersion": ("a number from 1e-6 (nearly Poisson) to 1000", lambda value: 1e-6 <= value <= 1e3),
    "degrees_of_freedom": ("a number from 1.01 (below, there is no mean) to 10000", lambda value: 1.01 <= value <= 1e4),
    "exposure": ("a positive number, in the unit of rates", lambda value: value > 0),
}
"""What can be stated of a likelihood: what is expected, and whether a number is."""

EVERYWHERE = ("train", "sweep")


def option(
    default: Any,
    help: str,
    commands: Sequence[str] = EVERYWHERE,
    minimum: float | None = None,
    flag: str | None = None,
    *,
    choices: Sequence[str] = (),
    panel: str = "Training",
) -> Any:
    """A field that is an option of commands.

    Args:
        default: its value when it is left out.
        help: its line in the help of a command.
        commands: those that offer it.
        minimum: smallest number accepted.
        flag: how it is spelt, where that is not the field's name with hyphens.
        choices: all values that it can have, where they have names.
        panel: heading that it stands below in the help of a command.
    """
    told = {"help": help, "commands": tuple(commands), "minimum": minimum, "flag": flag, "choices": tuple(choices)}
    return field(default=default, metadata=told | {"panel": panel})


@dataclass(frozen=True)
class TrainOptions(Document):
    """What a training run is asked for; `None` and "" leave the choice to the data.

    What each option means is its `help`, see `option`.

    Args:
        latent: latent expression; train takes one or "auto", sweep several.
        seed: of split, weights, batches and posterior samples; every command has one.
        posterior: families of the posteriors, separated by commas; "" for the default ones.
        encoder, divergence: of a quotient, see `LatentSpace`.
        repel: balls of the latent that are to stay empty, as "coordinates:radius".
    """

    latent: str
    epochs: int | None = option(
        None,
        "Passes over the data; when left out, each training goes on until it has converged.",
        minimum=1,
    )
    batch_size: int = option(128, "Samples a step.", minimum=1)
    beta: float = option(1.0, "Weight of the KL term.", ("train",), minimum=0.0)
    learning_rate: float | None = option(None, "Peak learning rate; chosen by the widest layer when left out.", minimum=0.0)
    likelihood: str = option(
        AUTO, "p(x | z) of a sample; auto: poisson for counts, else gaussian.", choices=(AUTO, *LIKELIHOOD_OPTIONS)
    )
    noise: float | None = option(None, "Fix the noise of gaussian or student (data units) instead of learning it.")
    dispersion: float | None = option(None, "Fix α of negative-binomial (variance μ + α μ²); one a feature is learned else.")
    degrees_of_freedom: float | None = option(None, "Fix those of student instead of learning them.")
    exposure: float | None = option(None, "Width of the bins of counts, as seconds; `decode --rates` divides by it.")
    network: str = option("auto", "Bodies of encoder and decoder.", choices=("auto", "mlp", "conv"))
    hidden: str = option("", "Widths of the encoder's dense layers, as 256,128; chosen when left out.")
    decoder_hidden: str = option("", "Widths of the decoder's dense layers; the encoder's in reverse when left out.")
    activation: str = option(
        "silu", "Between the layers of both (decoders of images on circles begin with sines).", choices=ACTIVATIONS
    )
    input_scale: float | None = option(None, "Networks work on x / S for this S, in place of standardised data.")
    init: str = option("cohomology", "Start the encoder from coordinates of the data, or random.", choices=INITS)
    posterior: str = option(
        "", "Posterior families such as von-mises,kumaraswamy instead of the factors' defaults.", panel="Latent"
    )
    encoder: str = option(
        "lift", "Of a quotient: lift from invariant functions, or onto the cover.", choices=("lift", "cover"), panel="Latent"
    )
    divergence: str = option(
        "orbit",
        "KL of a quotient: orbit (unbiased), or its upper bound on the cover.",
        choices=("orbit", "cover"),
        panel="Latent",
    )
    strict: bool = option(
        False, "Of --latent auto: refuse where no space matches, instead of learning a prior.", ("train",), flag="--strict"
    )
    anchors: str | None = option(
        None, "Hold samples at coordinates: a table of row numbers and coordinates.", ("train",), panel="Latent"
    )
    components: str | None = option(
        None,
        "Of a mixture: the component of each sample, from 0, -1 where unknown; the diagnosis finds them when left out.",
        ("train",),
        panel="Latent",
    )
    component: int | None = option(
        None,
        "Train on the samples of this component alone, from 0, by a latent of its own.",
        ("train",),
        minimum=0,
        panel="Latent",
    )
    repel: tuple[str, ...] = option(
        (), "Keep a ball of the latent empty: coordinates:radius, as 0,0:1.5. Repeatable.", ("train",), panel="Latent"
    )
    baseline: bool = option(False, "Train a Gaussian VAE of the same capacity beside it.", ("train",))
    compile: str = option(
        "auto",
        "Compile the step; auto: of long trainings. On CUDA steps are recorded as graphs unless off.",
        choices=("auto", "on", "off"),
        panel="Machine",
    )
    precision: str = option("float32", "Of the networks' products.", choices=("float32", "tf32", "bfloat16"), panel="Machine")
    allow_orbifold: bool = option(False, "Accept a group that fixes points.", flag="--allow-orbifold", panel="Latent")
    seed: int = 0

    def __post_init__(self) -> None:
        from topovae.training.constraints import parse_repulsion

        for one in fields(self):
            known, value = one.metadata.get("choices"), getattr(self, one.name)
            if known and value not in known:
                raise UsageError(f"--{one.name} {value}: expected one of {', '.join(known)}")
        self._check_stated()
        parse_repulsion(self.space(), self.repel)
        parse_widths(self.hidden)
        parse_widths(self.decoder_hidden, "decoder-hidden")
        if self.input_scale is not None:
            self._check_input_scale(self.input_scale)
        self.training_config(1)

    def _check_stated(self) -> None:
        """Whether what is stated of the likelihood has a meaning.

        Raises:
            UsageError: it has none.
        """
        for name, (expected, holds) in STATED.items():
            value = getattr(self, name)
            flag = f"--{name.replace('_', '-')}"
            if value is None:
                continue
            if not (math.isfinite(value) and holds(value)):
                raise UsageError(f"{flag} {value}: expected {expected}")
            takers = [likelihood for likelihood, taken in LIKELIHOOD_OPTIONS.items() if name in taken]
            if self.likelihood not in {AUTO, *takers}:
                named = " or ".join(takers)
                raise UsageError(f"{flag} is for --likelihood {named}, and this is {self.likelihood}; leave it out")

    @property
    def posteriors(self) -> tuple[str, ...]:
        """Names of the families asked for."""
        return tuple(filter(None, self.posterior.split(",")))

    @property
    def parsed(self) -> Latent:
        """The latent that is asked for, as data."""
        return parse_latent(self.latent, self.allow_orbifold)

    def space(self) -> Space:
        """The latent space that is asked for.

        Raises:
            UsageError: the expression or a choice is wrong, or does not fit the others.
        """
        from topovae.latent import space_of

        return space_of(self.parsed, self.posteriors, self.encoder, self.divergence)

    def network_config(self, sample_shape: tuple[int, ...]) -> NetworkConfig:
        """The bodies of the model and of the baseline.

        Raises:
            UsageError: they do not fit the samples.
        """
        from topovae.model.networks import choose_network

        widths = parse_widths(self.hidden), parse_widths(self.decoder_hidden, "decoder-hidden")
        return choose_network(sample_shape, self.network, *widths, self.activation)

    def units(self, mean: np.ndarray, std: float) -> tuple[np.ndarray, float]:
        """What a model takes off samples and divides them by.

        Args:
            mean: of each feature of the training split.
            std: of all of its numbers.
        """
        return (mean, std) if self.input_scale is None else (0 * mean, self.input_scale)

    def span(self, config: ModelConfig, n_train: int) -> int:
        """Columns of the basis that a model of so many training rows works in; 0 where units are given, which are features'."""
        from topovae.model.span import span_width

        asked = self.input_scale is None
        return span_width(config.network, config.likelihood, config.sample_shape, n_train) if asked else 0

    def _check_input_scale(self, scale: float) -> None:
        if not (math.isfinite(scale) and scale > 0):
            raise UsageError(f"--input-scale {scale}: expected a positive number, in the data's units")
        if "exposure" in LIKELIHOOD_OPTIONS.get(self.likelihood, ()):
            raise UsageError(f"--input-scale is for numbers, and {self.likelihood} is for counts, read as roots; leave it out")

    def model_config(self, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the model is built."""
        from topovae.model.vae import ModelConfig

        latent = self.parsed.canonical
        network = self.network_config(sample_shape)
        return ModelConfig(
            latent,
            sample_shape,
            network,
            posteriors=self.posteriors,
            encoder=self.encoder,
            divergence=self.divergence,
            **self._likelihood(),
        )

    def baseline_config(self, dim: int, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the Gaussian model of the same capacity and dimension is built."""
        from topovae.model.vae import ModelConfig

        network = self.network_config(sample_shape)
        return ModelConfig(euclidean(dim).canonical, sample_shape, network, **self._likelihood())

    def _likelihood(self) -> dict[str, Any]:
        """The fields of a `ModelConfig` that tell its likelihood; where nobody has looked at the data, that is gaussian."""
        name = "gaussian" if self.likelihood == AUTO else self.likelihood
        return {"likelihood": name} | {one: getattr(self, one) for one in LIKELIHOOD_OPTIONS[name]}

    def training_config(self, n_train: int, widths: Sequence[int] = (WIDTH,), n_features: int = 1) -> TrainingConfig:
        """Hyperparameters of the optimisation.

        Args:
            n_train: samples of an epoch.
            widths: of the dense layers, which the learning rate fits.
            n_features: of a sample, which say by how much more training must pay.
        """
        return TrainingConfig(
            epochs=self.epochs or choose_epochs(n_train, self.batch_size),
            doublings=0 if self.epochs else DOUBLINGS,
            gain=choose_gain(n_features),
            batch_size=self.batch_size,
            beta=self.beta,
            learning_rate=choose_rate(widths) if self.learning_rate is None else self.learning_rate,
            seed=self.seed,
            compile=self.compile,
            precision=self.precision,
        )


def differences(before: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What is asked for otherwise than before, in words.

    Args:
        before: JSON of the options in a file. Files of earlier versions have no choice of some: theirs was what is the default
            now.
        asked: JSON of those of this call.
    """
    known = TrainOptions("R").to_dict() | dict(before)
    return [f"{name} (was {known.get(name)}, now {value})" for name, value in asked.items() if known.get(name) != value]


def parse_widths(text: str, option: str = "hidden") -> list[int]:
    """Widths of layers, separated by commas; none for an empty text.

    Args:
        text: such as "256,128".
        option: that they are of, for the message.

    Raises:
        UsageError: they are no positive whole numbers.
    """
    words = text.split(",") if text else []
    if not all(word.isdecimal() and 0 < int(word) <= MAX_WIDTH for word in words):
        raise UsageError(f"--{option} {text}: expected widths from 1 to {MAX_WIDTH}, such as 256,128")
    return [int(word) for word in words]
