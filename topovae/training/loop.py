"""The training loop: minibatches, AdamW, a cosine schedule, and the best epoch by the validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from topovae.data.dataset import Dataset
from topovae.data.splits import Split
from topovae.distributions.draws import drawing_from, forked, random_state, seeded_state, set_random_state
from topovae.errors import TopovaeError
from topovae.latent import Terms
from topovae.model.precision import computing
from topovae.model.vae import VAE
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.distributed import ALONE, Team
from topovae.training.program import Program
from topovae.training.step import Step, recorded

ANCHOR_WEIGHT = 2.0
"""Initial weight of the anchor's misfit, in nats a feature."""

HISTORY = (
    *("epoch", "train_nll", "train_kl", "train_elbo", "valid_nll", "valid_kl", "valid_elbo"),
    *("valid_loss", "beta", "learning_rate"),
)
"""Columns of the learning curves, one row an epoch; nats a sample. `valid_loss` (nll + final beta · kl) chooses the epoch."""


class DivergenceError(TopovaeError):
    """The loss stopped being a finite number."""


@dataclass
class TrainingState:
    """Everything that a training run continues from; the state after `epoch` epochs.

    Args:
        epoch: epochs done.
        model: current weights and buffers.
        optimizer: AdamW's moments by parameter index, "{index}.{name}".
        rng: random generator states by device type, uint8.
        history: one value an epoch by name of `HISTORY`.
        best_epoch, best_value, best_model: the epoch of least validation loss so far (after warm-up), −1 before there is one.
    """

    epoch: int = 0
    model: dict[str, np.ndarray] = field(default_factory=dict)
    optimizer: dict[str, np.ndarray] = field(default_factory=dict)
    rng: dict[str, np.ndarray] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HISTORY})
    best_epoch: int = -1
    best_value: float = math.inf
    best_model: dict[str, np.ndarray] = field(default_factory=dict)


def arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Copies on the CPU, as plain arrays."""
    return {name: t.detach().cpu().numpy().copy() for name, t in tensors.items()}


def load_weights(model: VAE, weights: dict[str, np.ndarray]) -> None:
    """Put plain arrays back into a model."""
    model.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})


def history_row(
    config: TrainingConfig, epoch: int, train: tuple[float, float], valid: tuple[float, float], learning_rate: float
) -> dict[str, float]:
    """The row of `HISTORY` of an epoch.

    Args:
        config: hyperparameters.
        epoch: counted from 0.
        train, valid: mean −log p(x | z) and KL of each split, in nats.
        learning_rate: of the last step.
    """
    (train_nll, train_kl), (nll, kl) = train, valid
    return {
        "epoch": epoch + 1,
        "train_nll": train_nll,
        "train_kl": train_kl,
        "train_elbo": -train_nll - train_kl,
        "valid_nll": nll,
        "valid_kl": kl,
        "valid_elbo": -nll - kl,
        "valid_loss": nll + config.beta * kl,
        "beta": config.beta_at(epoch),
        "learning_rate": learning_rate,
    }


class Anchor(Protocol):
    """What the encoder starts from and is held near while beta rises."""

    def regress(self, model: VAE, batches: Batches) -> None:
        """Bring the encoder near before the first epoch."""

    def misfit(self, location: Tensor, positions: Tensor) -> Tensor:
        """Mean squared distance of location outputs from their targets."""


class Constraint(Protocol):
    """A term of the loss beside the ELBO, of the weight that an anchor starts with."""

    def penalty(self, model: VAE, x: Tensor, terms: Terms) -> Tensor:
        """A mean square in radians or the latent's units, for the samples x of the batch or for others."""


class Objective(nn.Module):
    """What training minimises: the negative ELBO with beta, the anchor's misfit and the penalties of latent and constraints.

    Args:
        model: whose parameters are trained.
        anchor: where it starts from.
        constraints: what else is asked for.
        weight: of each penalty, and of the anchor at first.
    """

    def __init__(self, model: VAE, anchor: Anchor | None, constraints: Sequence[Constraint], weight: float) -> None:
        super().__init__()
        self.model, self.anchor, self.constraints, self.weight = model, anchor, tuple(constraints), weight

    def forward(self, x: Tensor, positions: Tensor, beta: Tensor, anchored: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and its mean −log p(x | z) and KL, (2,).

        Args:
            x: (B, *sample_shape).
            positions: (B,) of the samples within the training split.
            beta, anchored: weights of the KL term, and of the anchor as a share of what it was at first.
        """
        terms = self.model(x)
        nll, kl = terms.nll.mean(), terms.kl.sum(-1).mean()
        loss = nll + beta * kl + terms.penalty
        if self.anchor is not None:
            loss = loss + self.weight * anchored * self.anchor.misfit(terms.location, positions)
        for constraint in self.constraints:
            loss = loss + self.weight * constraint.penalty(self.model, x, terms)
        return loss, torch.stack([nll, kl])


class Trainer:
    """Trains one model; `state` is always the state after the last whole epoch.

    Args:
        model: to train, on its device.
        data: all samples.
        split: which are for training and validation.
        config: hyperparameters.
        state: to continue from; None starts afresh.
        anchor: where to start from; None starts from the weights as they are.
        constraints: what else is asked for.
        team: the processes that train it.
    """

    def __init__(
        self,
        model: VAE,
        data: Dataset,
        split: Split,
        config: TrainingConfig,
        state: TrainingState | None = None,
        anchor: Anchor | None = None,
        constraints: Sequence[Constraint] = (),
        team: Team = ALONE,
    ) -> None:
        self.model, self.config, self.anchor, self.constraints = model, config, anchor, tuple(constraints)
        self.team = team
        self.anchor_weight = ANCHOR_WEIGHT * data.n_features
        device = next(model.parameters()).device
        self.train_batches = Batches(data, split.train, device)
        self.valid_batches = Batches(data, split.valid, device)
        self.device = device
        self.names, parameters = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True)
        steps = config.epochs * math.ceil(len(split.train) / config.batch_size)
        compiled = config.compiles(steps)
        self.gradients = Program(self._evaluate if compiled else self._evaluate_own, team.noise, compiled)
        self.step = Step(self.gradients, parameters, config, team=team)
        self._mean_terms = recorded(self._validation_means, device, config, team)
        self.state = state or TrainingState()
        if state is not None and state.epoch > 0:
            self._restore(state)
        else:
            self.state.model = arrays(model.state_dict())
            self.state.rng = seeded_state(config.seed, device)

    def _evaluate(self, *tensors: Tensor) -> Sequence[Tensor]:
        """The mean terms of the loss and its gradient by each parameter, from parameters and a batch."""
        weights = [weight.detach().requires_grad_() for weight in tensors[: len(self.names)]]
        named = {f"model.{name}": weight for name, weight in zip(self.names, weights, strict=True)}
        loss, means = functional_call(self.objective, named, tensors[len(self.names) :])
        return means.detach(), *torch.autograd.grad(loss, weights)

    def _evaluate_own(self, *tensors: Tensor) -> Sequence[Tensor]:
        """The same by the model's own parameters, which is quicker where nothing is traced."""
        loss, means = self.objective(*tensors[len(self.names) :])
        return means.detach(), *torch.autograd.grad(loss, self.step.parameters)

    def _restore(self, state: TrainingState) -> None:
        load_weights(self.model, state.model)
        self.step.optimizer.load({name: torch.as_tensor(value) for name, value in state.optimizer.items()})

    def _advance(self, row: dict[str, float]) -> None:
        """Take an epoch into `state`: by one assignment, so that an interrupt finds it whole before or after."""
        state = replace(
            self.state,
            epoch=self.state.epoch + 1,
            model=arrays(self.model.state_dict()),
            optimizer=arrays(self.step.optimizer.state()),
            rng=random_state(self.device),
            history={name: [*values, row[name]] for name, values in self.state.history.items()},
        )
        if self.config.is_warm(self.state.epoch) and row["valid_loss"] < state.best_value:
            state.best_epoch, state.best_value, state.best_model = state.epoch, row["valid_loss"], state.model
        self.state = state

    def run(self, on_epoch: Callable[[TrainingState], None] | None = None) -> TrainingState:
        """Train to the end; `on_epoch` is called after each one.

        An exception (an interrupt, say) leaves `state` at the last whole epoch.
        """
        for state in self.epochs():
            if on_epoch is not None:
                on_epoch(state)
        return self.state

    def epochs(self) -> Iterator[TrainingState]:
        """Train epoch by epoch, with the state after each; the global random state is left as it was between them."""
        self.objective = Objective(self.model, self.anchor, self.constraints, self.anchor_weight)
        while not self.config.end(self.state.history["valid_loss"]):
            with forked(self.device):
                set_random_state(self.state.rng, self.device)
                if self.anchor is not None and self.state.epoch == 0:
                    self.anchor.regress(self.model, self.train_batches)
                self._epoch()
            yield self.state

    def _epoch(self) -> None:
        epoch = self.state.epoch
        train, valid = self._train(epoch), self.validate()
        row = history_row(self.config, epoch, train, valid, self.rate)
        if not all(map(math.isfinite, row.values())):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a finite number. The last whole epoch is kept; "
                "try a smaller --learning-rate, or data without extreme values"
            )
        if fault := self.model.space.fault():
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: {fault}. The last whole epoch is kept; try a smaller "
                "--learning-rate, or fewer operators"
            )
        self._advance(row)

    def _train(self, epoch: int) -> tuple[float, float]:
        self.model.train()
        config, n = self.config, len(self.train_batches)
        steps = math.ceil(n / config.batch_size)
        beta, anchored = (torch.tensor(w, device=self.device) for w in (config.beta_at(epoch), config.anchor_at(epoch)))
        total = torch.zeros(2, device=self.device)
        for step, (positions, x) in enumerate(self.train_batches.shuffled(config.batch_size)):
            self.rate = config.learning_rate_in(epoch + step / steps)
            positions, own = self.team.part(positions.to(self.device), x)
            with computing(config.precision):
                total += self.step(self.rate, own, positions, beta, anchored) * len(x)
        mean_nll, mean_kl = (total / n).tolist()
        return mean_nll, mean_kl

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Mean −log p(x | z) and KL on the validation split in nats, with the same posterior noise at every call."""
        self.model.eval()
        total = torch.zeros(2, device=self.device)
        with forked(self.device), drawing_from(self.team.noise):
            torch.manual_seed(self.config.seed)
            for x in self.valid_batches.in_order():
                (own,) = self.team.part(x)
                total += self._mean_terms(own) * len(x)
        nll, kl = (total / len(self.valid_batches)).tolist()
        return nll, kl

    def _validation_means(self, x: Tensor) -> Tensor:
        """Mean −log p(x | z) and KL of a batch in nats, (2,), over all processes."""
        terms = self.model(x)
        (means,) = self.team.mean([torch.stack([terms.nll.mean(), terms.kl.sum(-1).mean()])])
        return means
