"""What a training is asked for: the one declaration of its options, which commands and the estimator take from here.

It imports nothing heavy, so that help can be made from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from topovae.errors import UsageError
from topovae.signature import Latent, euclidean, parse_latent
from topovae.store.documents import Document
from topovae.training.config import LEARNING_RATE, TrainingConfig, choose_epochs

if TYPE_CHECKING:
    from topovae.latent import Space
    from topovae.model.networks import NetworkConfig
    from topovae.model.vae import ModelConfig

MAX_WIDTH = 65536


INITS = ("cohomology", "random")

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
    epochs: int | None = option(None, "Passes over the data; chosen by its size when left out.", minimum=1)
    batch_size: int = option(128, "Samples a step.", minimum=1)
    beta: float = option(1.0, "Weight of the KL term.", ("train",), minimum=0.0)
    learning_rate: float = option(LEARNING_RATE, "Peak learning rate.", minimum=0.0)
    likelihood: str = option("gaussian", "p(x | z) of a feature.", choices=("gaussian", "bernoulli"))
    noise: float | None = option(None, "Fix the Gaussian noise (data units) instead of learning it.")
    network: str = option("auto", "Bodies of encoder and decoder.", choices=("auto", "mlp", "conv"))
    hidden: str = option("", "Widths of the encoder's dense layers, as 256,128; chosen when left out.")
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
    compile: str = option("auto", "Compile the step; auto: of long trainings.", choices=("auto", "on", "off"), panel="Machine")
    precision: str = option("float32", "Of the networks' products.", choices=("float32", "tf32", "bfloat16"), panel="Machine")
    allow_orbifold: bool = option(False, "Accept a group that fixes points.", flag="--allow-orbifold", panel="Latent")
    seed: int = 0

    def __post_init__(self) -> None:
        from topovae.training.constraints import parse_repulsion

        for one in fields(self):
            known, value = one.metadata.get("choices"), getattr(self, one.name)
            if known and value not in known:
                raise UsageError(f"--{one.name} {value}: expected one of {', '.join(known)}")
        if self.noise is not None and not (math.isfinite(self.noise) and self.noise > 0):
            raise UsageError(f"--noise {self.noise}: expected a positive number, in the data's units")
        parse_repulsion(self.space(), self.repel)
        parse_widths(self.hidden)
        self.training_config(1)

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

        return choose_network(sample_shape, self.network, parse_widths(self.hidden))

    def model_config(self, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the model is built."""
        from topovae.model.vae import ModelConfig

        latent = self.parsed.canonical
        network = self.network_config(sample_shape)
        return ModelConfig(
            latent, sample_shape, network, self.likelihood, self.noise, self.posteriors, self.encoder, self.divergence
        )

    def baseline_config(self, dim: int, sample_shape: tuple[int, ...]) -> ModelConfig:
        """How the Gaussian model of the same capacity and dimension is built."""
        from topovae.model.vae import ModelConfig

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


def differences(before: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What is asked for otherwise than before, in words.

    Args:
        before: JSON of the options in a file. Files of earlier versions have no choice of some: theirs was what is the default
            now.
        asked: JSON of those of this call.
    """
    known = TrainOptions("R").to_dict() | dict(before)
    return [f"{name} (was {known.get(name)}, now {value})" for name, value in asked.items() if known.get(name) != value]


def parse_widths(text: str) -> list[int]:
    """Widths of layers, separated by commas; none for an empty text.

    Raises:
        UsageError: they are no positive whole numbers.
    """
    words = text.split(",") if text else []
    if not all(word.isdecimal() and 0 < int(word) <= MAX_WIDTH for word in words):
        raise UsageError(f"--hidden {text}: expected widths from 1 to {MAX_WIDTH}, such as 256,128")
    return [int(word) for word in words]
