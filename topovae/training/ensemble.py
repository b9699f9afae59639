"""Ensembles: models of equal shape that are trained as one batched program.

A step of one small network is mostly overhead: of the interpreter, of kernels too short to fill a processor, of the
optimiser's many small tensors. K networks stacked along a leading axis pay it once. Only the networks are mapped over that
axis; the latent space works on (K, B, ...) as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from topovae.data.dataset import Dataset
from topovae.data.splits import Split
from topovae.distributions.draws import drawing_from
from topovae.errors import UsageError
from topovae.latent import Terms
from topovae.model.precision import apply, computing
from topovae.model.vae import VAE
from topovae.training.adam import Adam
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.equivariance import HELD, Equivariance
from topovae.training.loop import ANCHOR_WEIGHT, HISTORY, TrainingState, arrays, history_row
from topovae.training.program import Program
from topovae.training.start import REGRESSION_BATCH, REGRESSION_RATE, REGRESSION_STEPS, Start
from topovae.training.step import Step, recorded
from topovae.training.streams import Streams

Tensors = Mapping[str, Tensor]

_VALIDATION_BATCH, _SPACE = 512, "space."

RESIDENT = 4 * 2**30
"""Bytes of data up to which an ensemble holds them in memory: each of its models draws samples from all over them."""


class _Encoding(nn.Module):
    """A model's way from samples to unconstrained outputs."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.outputs(x)


class _Decoding(nn.Module):
    """A model's way from features to −log p(x | z)."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return -self.model.likelihood.log_prob(x, apply(self.model.decoder, features))


class Ensemble:
    """K models of one configuration, their parameters stacked along a leading axis.

    Args:
        models: the models, on one device; their own weights stay as they are.

    Attributes:
        encoder: (K, *shape) the trained parameters of the encoders, by name.
        others: (K, *shape) those of the decoders, the likelihoods and the latent spaces.
        space: the latent space, which takes tensors with the leading axes (K, B).

    Raises:
        UsageError: the configurations differ.
    """

    def __init__(self, models: Sequence[VAE]) -> None:
        first = models[0]
        for model in models:
            if model.config != first.config:
                raise UsageError(
                    f"an ensemble needs models of one configuration, and these have {first.config} and {model.config}; make an "
                    "ensemble of each"
                )
        self.space = first.space
        self._parts = _Encoding(first), _Decoding(first)
        states = [model.state_dict() for model in models]
        stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        trained = [name for name, parameter in first.named_parameters() if parameter.requires_grad]
        parameters = {name: stacked[name].requires_grad_() for name in trained}
        self.encoder = {name: p for name, p in parameters.items() if name.startswith("encoder.")}
        self.others = {name: p for name, p in parameters.items() if name not in self.encoder}
        self._constants = {name: tensor for name, tensor in stacked.items() if name not in parameters}
        self._size = len(models)

    def __len__(self) -> int:
        return self._size

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the models alone; trained parameters become new tensors."""
        index = torch.tensor(rows, device=next(iter(self.weights.values())).device)

        def kept(tensors: Tensors) -> dict[str, Tensor]:
            return {name: tensor.detach()[index] for name, tensor in tensors.items()}

        self.encoder, self.others = (
            {name: tensor.requires_grad_() for name, tensor in kept(tensors).items()} for tensors in (self.encoder, self.others)
        )
        self._constants, self._size = kept(self._constants), len(rows)

    @property
    def weights(self) -> Tensors:
        """All trained parameters by name."""
        return self.encoder | self.others

    def _call(self, part: nn.Module, tensors: Tensors, *inputs: Tensor) -> Tensor:
        """What a part of every model makes of its own inputs (K, B, ...)."""
        named = {f"model.{name}": tensor for name, tensor in {**tensors, **self._constants}.items()}
        return vmap(lambda state, *batch: functional_call(part, state, batch, tie_weights=False))(named, *inputs)

    def outputs(self, weights: Tensors, x: Tensor) -> Tensor:
        """The encoders' unconstrained outputs, (K, B, space.output_dim)."""
        return self._call(self._parts[0], {name: weights[name] for name in self.encoder}, x)

    def terms(self, weights: Tensors, x: Tensor) -> Terms:
        """The terms of the negative ELBO of batches (K, B, *sample_shape), each with the leading axes (K, B).

        Args:
            weights: trained parameters, as in `weights`.
            x: a batch for each model.
        """
        own = {name.removeprefix(_SPACE): weights[name] for name in self.others if name.startswith(_SPACE)}
        decoders = {name: weights[name] for name in self.others if not name.startswith(_SPACE)}
        batch = self.outputs(weights, x), lambda features: self._call(self._parts[1], decoders, x, features)
        terms: Terms = functional_call(self.space, own, batch)
        return terms

    @property
    def constants(self) -> Tensors:
        """(K, *shape) what is not trained, by name."""
        return self._constants


@dataclass(frozen=True)
class Starts:
    """A start for each model of an ensemble.

    Args:
        columns: the location outputs that have targets.
        targets: (K, n_train, len(columns)) in the order of each training split.
    """

    columns: tuple[int, ...]
    targets: Tensor

    @classmethod
    def of(cls, starts: Sequence[Start]) -> Starts:
        """Starts side by side.

        Raises:
            UsageError: they are for different outputs.
        """
        columns = {start.columns for start in starts}
        if len(columns) > 1:
            raise UsageError(
                f"an ensemble needs starts for the same outputs, and these are for {sorted(columns)}; make an ensemble of each"
            )
        return cls(starts[0].columns, torch.stack([start.targets for start in starts]))

    def keep(self, rows: Sequence[int]) -> Starts:
        """Those of some of the models."""
        return replace(self, targets=self.targets[list(rows)])

    def misfit(self, location: Tensor, positions: Tensor) -> Tensor:
        """Mean squared distance of location outputs (K, B, location_dim) from their targets, (K,)."""
        model = torch.arange(len(positions), device=self.targets.device)[:, None]
        targets = self.targets[model, positions]
        return torch.nan_to_num(location[..., self.columns] - targets).square().sum(-1).mean(1)


class EnsembleTrainer:
    """Trains the models of an ensemble, each as `Trainer` would train it alone, to the rounding of sums.

    Every model has its own batches, noise, beta, gradient norm and best epoch. A model that has converged, or whose loss stops
    being a finite number, keeps its last whole epoch and leaves; the others go on without it.

    Args:
        models: of one configuration, on one device.
        data: all samples.
        splits: one a model, of equal sizes.
        configs: one a model, equal but for seed and beta.
        starts: where the models start from, one each; none starts them from their weights as they are.
        equivariance: what holds their encoders.

    Raises:
        UsageError: the models, splits, hyperparameters or starts cannot be trained side by side.
    """

    def __init__(
        self,
        models: Sequence[VAE],
        data: Dataset,
        splits: Sequence[Split],
        configs: Sequence[TrainingConfig],
        starts: Sequence[Start] = (),
        equivariance: Equivariance | None = None,
    ) -> None:
        _check(splits, configs)
        self.ensemble, self.configs, self.config = Ensemble(models), tuple(configs), configs[0]
        self.device = next(models[0].parameters()).device
        # The splits differ by model, so the batches are of all samples, and rows of the data say which are whose.
        self.batches = Batches(data, np.arange(data.n_samples), self.device, limit=RESIDENT)
        self.train_rows, self.valid_rows = (
            torch.as_tensor(np.stack([getattr(split, name) for split in splits])).to(self.device) for name in ("train", "valid")
        )
        self.starts, self.equivariance = Starts.of(starts) if starts else None, equivariance
        self.anchor_weight = ANCHOR_WEIGHT * data.n_features
        seeds = [config.seed for config in configs]
        self.streams, self.valid_streams = Streams(seeds, self.device), Streams(seeds, self.device)
        self.states = [TrainingState() for _ in configs]
        self.members = list(range(len(configs)))
        weights = self.ensemble.weights
        self.names = tuple(weights)
        self._constants = dict(self.ensemble.constants)
        self._kept = [{name: p.detach().clone() for name, p in weights.items()} for _ in ("last", "best")]
        self._assemble()

    def _assemble(self) -> None:
        """Make the step of the models that are being trained."""
        steps = self.config.epochs * math.ceil(self.train_rows.shape[1] / self.config.batch_size)
        self.gradients = Program(self._evaluate, self.streams.noise, self.config.compiles(steps))
        self.step = Step(
            self.gradients,
            tuple(self.ensemble.weights.values()),
            self.config,
            len(self.ensemble),
            generators=self.streams.on_device,
        )
        self._sum_terms = recorded(self._validation_sums, self.device, self.config, generators=self.valid_streams.on_device)

    def _keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the models alone, each as it would have gone on beside the others."""
        index = torch.tensor(rows, device=self.device)
        before = self.step.optimizer.state()
        self.members = [self.members[row] for row in rows]
        self.ensemble.keep(rows)
        self.streams, self.valid_streams = self.streams.of(rows), self.valid_streams.of(rows)
        self.train_rows, self.valid_rows = self.train_rows[index], self.valid_rows[index]
        self.starts = self.starts.keep(rows) if self.starts is not None else None
        self._assemble()
        self.step.optimizer.load({name: value[index] if value.ndim else value for name, value in before.items()})

    def run(self, on_epoch: Callable[[int], None] | None = None) -> tuple[TrainingState, ...]:
        """Train to the end of all; `on_epoch` is called after each one with the number of epochs done.

        Returns:
            the final states, without those of optimiser and random generators; a model that diverged has fewer epochs.
        """
        for epoch in self.epochs():
            if on_epoch is not None:
                on_epoch(epoch)
        return tuple(self._state(k) for k in range(len(self.states)))

    def epochs(self) -> Iterator[int]:
        """Train epoch by epoch, with the number of epochs done after each."""
        if self.starts is not None:
            self._regress(self.starts)
        for epoch in range(self.config.rounds[-1]):
            going = [row for row, k in enumerate(self.members) if self._goes_on(k, epoch)]
            if not going:
                return
            if len(going) < len(self.members):
                self._keep(going)
            train = self._train(epoch)
            self._advance(epoch, train, self.validate())
            yield epoch + 1

    def _take(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Samples (K, B, *sample_shape) at positions (K, B) within each model's rows."""
        chosen = rows.gather(1, positions)
        return self.batches.take(chosen.flatten()).unflatten(0, chosen.shape)

    def _regress(self, starts: Starts) -> None:
        """Bring the encoders onto their targets."""
        leaves = list(self.ensemble.encoder.values())
        optimizer = Adam(leaves, REGRESSION_RATE)
        for _ in range(REGRESSION_STEPS):
            positions = self.streams.choices(self.train_rows.shape[1], REGRESSION_BATCH).to(self.device)
            outputs = self.ensemble.outputs(self.ensemble.weights, self._take(self.train_rows, positions))
            optimizer.descend(starts.misfit(outputs[..., : self.ensemble.space.location_dim], positions).sum(), leaves)

    def _evaluate(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Mean −log p(x | z) and KL of each model, (2, K), and the gradients of their losses, from parameters and batches."""
        weights = [weight.detach().requires_grad_() for weight in tensors[: len(self.names)]]
        x, positions, betas, anchored = tensors[len(self.names) :]
        named = dict(zip(self.names, weights, strict=True))
        terms = self.ensemble.terms(named, x)
        nll, kl = terms.nll.mean(1), terms.kl.sum(-1).mean(1)
        loss = nll + betas * kl + terms.penalty
        if self.starts is not None:
            loss = loss + self.anchor_weight * anchored * self.starts.misfit(terms.location, positions)
        if self.equivariance is not None:
            space = self.ensemble.space
            squares = self.equivariance.squares(
                space, lambda y: space.heads(self.ensemble.outputs(named, y))[0], x, terms.coordinates
            )
            loss = loss + self.anchor_weight * HELD * squares.mean(1)
        return torch.stack([nll, kl]).detach(), *torch.autograd.grad(loss.sum(), weights)

    def _train(self, epoch: int) -> Tensor:
        """One epoch; the mean −log p(x | z) and KL of each model, (2, K) in nats."""
        config, n = self.config, self.train_rows.shape[1]
        steps = math.ceil(n / config.batch_size)
        betas = torch.tensor([self.configs[k].beta_at(epoch) for k in self.members], device=self.device)
        anchored = torch.tensor(config.anchor_at(epoch), device=self.device)
        total = torch.zeros(2, len(self.ensemble), device=self.device)
        for step, positions in enumerate(self.streams.permutations(n).to(self.device).split(config.batch_size, 1)):
            self.rate = config.learning_rate_in(epoch + step / steps)
            x = self._take(self.train_rows, positions)
            with computing(config.precision):
                total += self.step(self.rate, x, positions, betas, anchored) * positions.shape[1]
        return total / n

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Mean −log p(x | z) and KL of each model on its validation split, (2, K) in nats, with equal noise at every call."""
        n = self.valid_rows.shape[1]
        total = torch.zeros(2, len(self.ensemble), device=self.device)
        self.valid_streams.restart()
        for positions in torch.arange(n, device=self.device).expand(len(self.ensemble), n).split(_VALIDATION_BATCH, 1):
            total += self._sum_terms(self._take(self.valid_rows, positions))
        return total / n

    def _validation_sums(self, x: Tensor) -> Tensor:
        """Sums of −log p(x | z) and of KL over each model's batch (K, B, ...) in nats, (2, K)."""
        with drawing_from(self.valid_streams.noise):
            terms = self.ensemble.terms(self.ensemble.weights, x)
        return torch.stack([terms.nll.sum(1), terms.kl.sum((-2, -1))])

    def _advance(self, epoch: int, train: Tensor, valid: Tensor) -> None:
        """Take an epoch into the histories and the best weights of the models that have not diverged."""
        rows = torch.cat([train, valid]).T.tolist()
        going, better = [], []
        for row, (k, (nll, kl, valid_nll, valid_kl)) in enumerate(zip(self.members, rows, strict=True)):
            found = history_row(self.configs[k], epoch, (nll, kl), (valid_nll, valid_kl), self.rate)
            if not all(map(math.isfinite, found.values())):
                continue
            state = self.states[k]
            going.append(row)
            history = {name: [*state.history[name], found[name]] for name in HISTORY}
            self.states[k] = state = replace(state, epoch=epoch + 1, history=history)
            if self.configs[k].is_warm(epoch) and found["valid_loss"] < state.best_value:
                better.append(row)
                state.best_epoch, state.best_value = epoch + 1, found["valid_loss"]
        for name, parameter in self.ensemble.weights.items():
            for kept, of_rows in zip(self._kept, (going, better), strict=True):
                kept[name][[self.members[row] for row in of_rows]] = parameter.detach()[of_rows]

    def _goes_on(self, k: int, epoch: int) -> bool:
        """Whether a model has neither diverged nor come to its end after so many epochs."""
        state = self.states[k]
        return state.epoch == epoch and not self.configs[k].end(state.history["valid_loss"])

    def _state(self, k: int) -> TrainingState:
        state = self.states[k]
        kept = (weights | self._constants for weights in self._kept)
        last, best = (arrays({name: tensor[k] for name, tensor in tensors.items()}) for tensors in kept)
        return replace(state, model=last, best_model=best if state.best_epoch >= 0 else {})


def _check(splits: Sequence[Split], configs: Sequence[TrainingConfig]) -> None:
    sizes = {(len(split.train), len(split.valid)) for split in splits}
    if len(sizes) > 1:
        raise UsageError(
            f"an ensemble needs splits of equal sizes, and these have {sorted(sizes)} for training and validation; make an "
            "ensemble of each"
        )
    if len({replace(config, seed=0, beta=0.0) for config in configs}) > 1:
        raise UsageError("an ensemble needs hyperparameters that are equal but for seed and beta; make an ensemble of each")
