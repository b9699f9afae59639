"""The training loop: minibatches, AdamW, a cosine schedule, and the best epoch by the validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.data.splits import Split
from topovae.errors import TopovaeError
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.vae import VAE, Terms

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

    def penalty(self, model: VAE, terms: Terms) -> Tensor:
        """A mean square in radians or the latent's units, for the samples of the batch or for others."""


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
    ) -> None:
        self.model, self.config, self.anchor, self.constraints = model, config, anchor, tuple(constraints)
        self.anchor_weight = ANCHOR_WEIGHT * data.n_features
        device = next(model.parameters()).device
        self.train_batches = Batches(data, split.train, device)
        self.valid_batches = Batches(data, split.valid, device)
        self.device = device
        parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
        self.state = state or TrainingState()
        if state is not None and state.epoch > 0:
            self._restore(state)
        else:
            self.state.model = arrays(model.state_dict())
            self.state.rng = self._initial_rng()

    def _initial_rng(self) -> dict[str, np.ndarray]:
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            return self._rng()

    def _rng(self) -> dict[str, np.ndarray]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return {name: s.numpy().copy() for name, s in states.items()}

    def _set_rng(self, rng: dict[str, np.ndarray]) -> None:
        torch.set_rng_state(torch.as_tensor(rng["cpu"]))
        if "cuda" in rng and self.device.type == "cuda":
            torch.cuda.set_rng_state(torch.as_tensor(rng["cuda"]), self.device)

    def _restore(self, state: TrainingState) -> None:
        load_weights(self.model, state.model)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in state.optimizer.items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = torch.as_tensor(value)
        fields = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": moments, "param_groups": fields["param_groups"]})

    def _advance(self, row: dict[str, float]) -> None:
        """Take an epoch into `state`: by one assignment, so that an interrupt finds it whole before or after."""
        moments = self.optimizer.state_dict()["state"]
        state = replace(
            self.state,
            epoch=self.state.epoch + 1,
            model=arrays(self.model.state_dict()),
            optimizer=arrays({f"{i}.{k}": v for i, entry in moments.items() for k, v in entry.items()}),
            rng=self._rng(),
            history={name: [*values, row[name]] for name, values in self.state.history.items()},
        )
        if self.config.is_warm(self.state.epoch) and row["valid_loss"] < state.best_value:
            state.best_epoch, state.best_value, state.best_model = state.epoch, row["valid_loss"], state.model
        self.state = state

    def run(self, on_epoch: Callable[[TrainingState], None] | None = None) -> TrainingState:
        """Train to the last epoch; `on_epoch` is called after each one.

        The global random state is put back afterwards. An exception (an interrupt, say) leaves `state` at the last whole epoch.
        """
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            self._set_rng(self.state.rng)
            if self.anchor is not None and self.state.epoch == 0:
                self.anchor.regress(self.model, self.train_batches)
            while self.state.epoch < self.config.epochs:
                self._epoch()
                if on_epoch is not None:
                    on_epoch(self.state)
        return self.state

    def _epoch(self) -> None:
        epoch = self.state.epoch
        train, valid = self._train(epoch, self.config.beta_at(epoch)), self.validate()
        row = history_row(self.config, epoch, train, valid, self.optimizer.param_groups[0]["lr"])
        if not all(map(math.isfinite, row.values())):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a finite number. The last whole epoch is kept; "
                "try a smaller --learning-rate, or data without extreme values"
            )
        self._advance(row)

    def _train(self, epoch: int, beta: float) -> tuple[float, float]:
        self.model.train()
        steps = math.ceil(len(self.train_batches) / self.config.batch_size)
        total = torch.zeros(2, device=self.device)
        parameters = self.optimizer.param_groups[0]["params"]
        anchor_weight = self.anchor_weight * self.config.anchor_at(epoch)
        for step, (positions, x) in enumerate(self.train_batches.shuffled(self.config.batch_size)):
            progress = (epoch + step / steps) / self.config.epochs
            self.optimizer.param_groups[0]["lr"] = self.config.learning_rate_at(progress)
            terms = self.model(x)
            nll, kl = terms.nll.mean(), terms.kl.sum(-1).mean()
            loss = nll + beta * kl
            if self.anchor is not None and anchor_weight > 0:
                loss = loss + anchor_weight * self.anchor.misfit(terms.location, positions)
            for constraint in self.constraints:
                loss = loss + self.anchor_weight * constraint.penalty(self.model, terms)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
            self.optimizer.step()
            total += torch.stack([nll, kl]).detach() * len(x)
        mean_nll, mean_kl = (total / len(self.train_batches)).tolist()
        return mean_nll, mean_kl

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Mean −log p(x | z) and KL on the validation split in nats, with the same posterior noise at every call."""
        self.model.eval()
        nll = kl = torch.zeros((), device=self.device)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.config.seed)
            for x in self.valid_batches.in_order():
                terms = self.model(x)
                nll, kl = nll + terms.nll.sum(), kl + terms.kl.sum()
        n = len(self.valid_batches)
        return float(nll) / n, float(kl) / n
