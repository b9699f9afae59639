"""What a training run is asked to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topovae.errors import UsageError
from topovae.store.documents import Document

DEFAULT_STEPS = 1000
"""Optimiser steps of the first round when no number of epochs is given; its epochs are then between 30 and 500."""

DOUBLINGS, GAIN, FEATURES = 3, 0.5, 50
"""How often the budget is then doubled at most, and the nats of the validation ELBO that a doubling must have gained to be
followed by another: as many for each of so many features, as an ELBO is a sum over them, and never less. A limit on cost, and
what converged means; not tuned."""

LEARNING_RATE, WIDTH = 8e-3, 128
"""Peak of the schedule, for layers of this width, when none is given: it falls with the root of the widest one. Set by
`python tests/benchmarks/convergence.py --rates 2e-3,4e-3,8e-3,16e-3`."""

COMPILE, COMPILE_FROM = ("auto", "on", "off"), 8000
"""Whether to compile, and the steps from which on it pays: compiling takes as long as some 3000 steps of a small network."""

PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True)
class TrainingConfig(Document):
    """Hyperparameters of the optimisation.

    Args:
        epochs: passes over the training split, or those of the first round.
        doublings: how often as many epochs as there have been are added, while that pays; each round has a schedule of its own.
        gain: of the validation ELBO, nats a sample, by which it pays.
        batch_size: samples a step; the last, smaller batch of an epoch is used too.
        beta: weight of the KL term after warm-up.
        warmup: share of the epochs over which beta rises linearly from 0.
        learning_rate: peak of the cosine schedule.
        weight_decay: of AdamW, on all parameters.
        clip: largest norm of the gradient.
        seed: of weights, batches, posterior samples and the split.
        compile: "on" and "off", or "auto" for long trainings alone; on CUDA steps are recorded as CUDA graphs unless "off".
        precision: of the networks' products, a key of `PRECISIONS`; all else is in single precision.
    """

    epochs: int
    batch_size: int = 128
    beta: float = 1.0
    warmup: float = 0.2
    learning_rate: float = LEARNING_RATE
    weight_decay: float = 1e-4
    clip: float = 100.0
    seed: int = 0
    compile: str = "auto"
    precision: str = "float32"
    doublings: int = 0
    gain: float = GAIN

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("beta", 0), ("learning_rate", 0), ("clip", 0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= low):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {value}: expected a finite number of at least {low}")

        for name, known in (("compile", COMPILE), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise UsageError(f"--{name} {getattr(self, name)}: expected one of {', '.join(known)}")

    def compiles(self, steps: int) -> bool:
        """Whether a training of so many steps is compiled."""
        return self.compile == "on" or (self.compile == "auto" and steps >= COMPILE_FROM)

    def beta_at(self, epoch: int) -> float:
        """beta during an epoch counted from 0."""
        rise = max(1, round(self.warmup * self.epochs))
        return self.beta * min(1.0, (epoch + 1) / rise)

    def anchor_at(self, epoch: int) -> float:
        """Weight of the anchor during an epoch, falling from 1 to 0 while beta rises."""
        return max(0.0, 1 - (epoch + 1) / max(1, round(self.warmup * self.epochs)))

    def is_warm(self, epoch: int) -> bool:
        """Whether an epoch has the full beta, so that its validation loss may be the best."""
        return self.beta_at(epoch) == self.beta

    @property
    def rounds(self) -> list[int]:
        """Numbers of epochs at which a round ends."""
        return [self.epochs * 2**k for k in range(self.doublings + 1)]

    def round_of(self, epoch: float) -> tuple[int, int]:
        """First epoch of the round in which an epoch lies, counted from 0, and that after its last."""
        end = next((end for end in self.rounds if epoch < end), self.rounds[-1])
        return (0 if end == self.epochs else end // 2), end

    def end(self, losses: Sequence[float]) -> str:
        """Why training has ended after some epochs; empty where it goes on.

        Args:
            losses: −ELBO of the validation split, nats, of each epoch so far.
        """
        done = len(losses)
        if done not in self.rounds and done < self.rounds[-1]:
            return ""
        if not self.doublings:
            return f"{done} epochs, as asked for"
        before, all_of_them = min(losses[: done // 2], default=math.inf), min(losses)
        gain = before - all_of_them
        if done == self.epochs:
            return ""
        if gain < self.gain:
            return f"{done} epochs: the last doubling gained {gain:.3f} nats, less than {self.gain:g}"
        if done >= self.rounds[-1]:
            return f"{done} epochs, the most: the last doubling still gained {gain:.3f} nats; --epochs gives more"
        return ""

    def learning_rate_in(self, epoch: float) -> float:
        """Learning rate at a time in epochs: each round has its own rise and fall."""
        start, end = self.round_of(epoch)
        return self.learning_rate_at((epoch - start) / (end - start))

    def learning_rate_at(self, progress: float) -> float:
        """Learning rate at a share of a round: a short linear rise, then a cosine to 1 % of the peak."""
        rise = min(1.0, (progress + 1e-6) / 0.02)
        return self.learning_rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def choose_rate(widths: Sequence[int]) -> float:
    """The peak learning rate for dense layers of these widths."""
    return LEARNING_RATE * min(1.0, math.sqrt(WIDTH / max(widths)))


def choose_gain(n_features: int) -> float:
    """The nats of a sample's ELBO that a doubling must gain to be followed by another."""
    return GAIN * max(1.0, n_features / FEATURES)


def choose_epochs(n_train: int, batch_size: int) -> int:
    """Epochs that come to about `DEFAULT_STEPS` steps."""
    return min(500, max(30, round(DEFAULT_STEPS / math.ceil(n_train / batch_size))))
