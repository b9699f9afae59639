"""A whole training run: split, model and baseline, checkpoints, metrics, and the run file that holds them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.moments import moments
from topovae.data.splits import Split, split_data
from topovae.errors import RunFileError
from topovae.evaluation import assess
from topovae.evaluation.metrics import locate
from topovae.model.likelihoods.support import check_support
from topovae.model.networks import count_parameters, to_device
from topovae.model.span import in_span
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.runs.components import check_enough
from topovae.runs.models import draw_samples
from topovae.runs.options import AUTO, TrainOptions
from topovae.runs.plan import settle
from topovae.store.schema import Checkpoint, Header, Member, Run
from topovae.store.writer import write_run
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.constraints import check_anchors, parse_repulsion, pins
from topovae.training.distributed import ALONE, Team
from topovae.training.equivariance import Equivariance
from topovae.training.loop import ANCHOR_WEIGHT, Constraint, DivergenceError, Trainer, TrainingState, arrays, load_weights
from topovae.training.start import Start, begin

CHECKPOINT_SECONDS = 5.0


PRIOR_SAMPLES = 64

OVER = "the time was over: --resume goes on"
"""Why a training has ended that its schedule would not have ended."""


BEGUN = ("start", "circles")
"""Coordinates of samples that a model is begun with."""

Progress = Callable[[str, TrainingState, int], None]
"""Called after every epoch with the member's name, its state and the number of epochs."""


def train_run(
    data: Dataset,
    options: TrainOptions,
    header: Header,
    path: str | None = None,
    *,
    device: str = "auto",
    analysis: Mapping[str, Any] | None = None,
    coordinates: Mapping[str, np.ndarray] | None = None,
    resumed: Run | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
    seconds: float = math.inf,
) -> Run:
    """Train what is asked for, keeping the run file at `path` up to date, and return the finished run.

    An interrupt leaves the file at the last whole epoch. With `resumed`, training goes on from that run's checkpoints and ends,
    on the CPU, where the uninterrupted run would have ended, bit for bit.

    Args:
        data: samples.
        options: what to train.
        header: provenance, written into the file.
        path: the run file; None keeps the run in memory alone.
        device: "auto", "cpu" or "cuda".
        analysis: JSON of the diagnosis that chose the latent.
        coordinates: "start", (n, k): points on the cover for all samples to start from, columns of NaN left free; "anchors",
            (m, 1 + k): row numbers and coordinates to hold those samples at; "symmetries", (s, 2): the number of an action on
            images that the encoder is held equivariant under, and the column of its circle.
        resumed: the run to go on from.
        progress: called after every epoch.
        team: the processes that train it together, each by a call of this function; one alone is given a path.
        seconds: after which each model ends with the epoch that it is in; the finished run can still go on from there.

    Raises:
        UsageError: the options do not fit the data.
        OutputError: the file cannot be written; the previous checkpoint stays whole.
    """
    return TrainSession(
        data, options, header, path, device, analysis, coordinates or {}, resumed, progress, team, seconds
    ).run()


class TrainSession:
    """One call of `train_run`: what it was given, and the run as far as it has come."""

    def __init__(
        self,
        data: Dataset,
        options: TrainOptions,
        header: Header,
        path: str | None,
        device: str,
        analysis: Mapping[str, Any] | None,
        coordinates: Mapping[str, np.ndarray],
        resumed: Run | None,
        progress: Progress | None,
        team: Team,
        seconds: float,
    ) -> None:
        self.data, self.path, self.progress, self.team, self.seconds = data, path, progress, team, seconds
        self.device = to_device(device)
        if resumed is None:
            alone = None if options.component is None else np.flatnonzero(coordinates["component"] == options.component)
            self.split = split_data(data, options.seed, alone)
        else:
            if options.likelihood == AUTO:
                options = replace(options, likelihood=str(resumed.model.config["model"]["likelihood"]))
            config = {**resumed.header.config, "epochs": options.epochs}  # which may be more than before
            header, analysis = replace(resumed.header, config=config), resumed.analysis
            coordinates = resumed.analysis_arrays
            self.split = Split(**{name: np.asarray(index) for name, index in resumed.split.items()})
        self.options = settle(options, data, analysis)
        # The run file keeps coordinates below the diagnosis, and a resumed run needs them.
        self.analysis = {} if analysis is None and coordinates else analysis
        self.header, self.coordinates = header, coordinates
        found = {"model": resumed.model, "baseline": resumed.baseline} if resumed else {}
        self.members: dict[str, Member] = {name: m for name, m in found.items() if m is not None}
        self.mean, self.std = moments(data, self.split.train)
        check_support(self.options.likelihood, data)
        check_enough(options.parsed, len(self.split.train))
        if "anchors" in self.coordinates:
            check_anchors(options.space(), self.coordinates["anchors"], data.n_samples)
        self.written = -math.inf

    def run(self) -> Run:
        """Train what is missing, and return the finished run."""
        self._train("model", self.options.model_config(self.data.sample_shape))
        if self.options.baseline:
            dim = self.options.parsed.dim
            self._train("baseline", self.options.baseline_config(dim, self.data.sample_shape))
        self._write()
        return self._as_run()

    def _train(self, name: str, model_config: ModelConfig) -> None:
        known = self.members.get(name)
        training_config = self._training_config(model_config)
        checkpoint = None if known is None else known.checkpoint
        losses = [] if known is None else known.history["valid_loss"].tolist()
        if checkpoint is not None and checkpoint.finished and training_config.end(losses):
            return
        model_config = self._as_begun(model_config, known)
        shift, scale = self.options.units(self.mean, self.std)
        model = build_model(model_config, torch.as_tensor(shift), scale, self.options.seed).to(self.device)
        seen = in_span(model.span, self.data, self.split.train)
        config = {
            "model": model_config.to_dict(),
            "training": training_config.to_dict(),
            "parameters": count_parameters(model),
            "spread": self.std,
        }
        state = None if known is None else _to_state(known)
        start = self._start(model) if name == "model" else None
        trainer = Trainer(model, seen, self.split, training_config, state, start, team=self.team)
        trainer.anchor_weight = ANCHOR_WEIGHT * self.data.n_features
        if name == "model":
            trainer.constraints = self._constraints(model, trainer.train_batches)

        def keep(state: TrainingState) -> None:
            self.members[name] = _to_member(model_config.latent, config, state)

        def on_epoch(state: TrainingState) -> None:
            keep(state)
            if time.monotonic() - self.written > CHECKPOINT_SECONDS:
                self._write()
            if self.progress is not None:
                self.progress(name, state, training_config.round_of(state.epoch - 1)[1])

        keep(trainer.state)
        self._write()
        deadline = time.monotonic() + self.seconds
        try:
            for state in trainer.epochs():
                on_epoch(state)
                if self._over(deadline):
                    break
        except (KeyboardInterrupt, SystemExit, DivergenceError):
            self._write()
            raise
        state = trainer.state
        config |= {"fallback": trainer.step.fallback, "end": training_config.end(state.history["valid_loss"]) or OVER}
        del trainer  # and the samples that it keeps in memory
        self.members[name] = self._finish(_to_member(model_config.latent, config, state), model)

    def _over(self, deadline: float) -> bool:
        """Whether the time is over, by the clock of the first process."""
        over = time.monotonic() > deadline
        return over if math.isinf(self.seconds) else self.team.shared(bytes([over])) == bytes([True])

    def _training_config(self, model_config: ModelConfig) -> TrainingConfig:
        """Hyperparameters of the optimisation: a run goes on by the rate that it began with, and by its rounds unless told."""
        asked = self.options.training_config(len(self.split.train), model_config.network.widths, self.data.n_features)
        began = next((TrainingConfig(**member.config["training"]) for member in self.members.values()), None)
        if began is None:
            return asked
        asked = replace(asked, learning_rate=began.learning_rate)
        return asked if self.options.epochs else replace(asked, epochs=began.epochs, doublings=began.doublings, gain=began.gain)

    def _as_begun(self, config: ModelConfig, known: Member | None) -> ModelConfig:
        """A model with what no option says of its networks: a run goes on as it began, before there was any of this too."""
        if known is None:
            return replace(config, span=self.options.span(config, len(self.split.train)))
        began = ModelConfig.from_dict(known.config["model"])
        return replace(config, span=began.span, network=replace(config.network, frequency=began.network.frequency))

    def _start(self, model: VAE) -> Start | None:
        own = {name: np.asarray(array)[self.split.train] for name, array in self.coordinates.items() if name in BEGUN}
        return begin(model, own["start"], own.get("circles")) if "start" in own else None

    def _constraints(self, model: VAE, batches: Batches) -> tuple[Constraint, ...]:
        anchors = self.coordinates.get("anchors")
        found: tuple[Constraint | None, ...] = (
            None if anchors is None else pins(model.space, np.asarray(anchors), batches),
            parse_repulsion(model.space, self.options.repel, self.device),
            Equivariance.of(np.asarray(self.coordinates.get("symmetries", ())), self.data.sample_shape),
        )
        return tuple(constraint for constraint in found if constraint is not None)

    def _finish(self, member: Member, model: VAE) -> Member:
        load_weights(model, dict(member.state))
        held_out = Batches(self.data, self.split.valid, self.device)
        model.space.prune(torch.as_tensor(locate(model, held_out, seed=self.options.seed).coordinates, device=self.device))
        member = replace(member, state=arrays(model.state_dict()))
        final: dict[str, Any] = {}
        latents: dict[str, dict[str, np.ndarray]] = {}
        for name, metrics, found in assess(model, self.data, self.split, seed=self.options.seed, device=self.device):
            final[name] = metrics.to_dict()
            latents[name] = {**found.arrays(), "index": getattr(self.split, name)}
        checkpoint = member.checkpoint
        assert checkpoint is not None
        return replace(
            member,
            final=final,
            latents=latents,
            samples=draw_samples(model, PRIOR_SAMPLES, self.options.seed),
            checkpoint=replace(checkpoint, finished=True),
        )

    def _write(self) -> None:
        if self.path is not None:
            write_run(self.path, self._as_run())
        self.written = time.monotonic()

    def _as_run(self) -> Run:
        return Run(
            header=self.header,
            split=self.split.parts(),
            model=self.members["model"],
            baseline=self.members.get("baseline"),
            analysis=self.analysis,
            analysis_arrays=self.coordinates,
        )


def _to_member(latent: str, config: dict[str, Any], state: TrainingState) -> Member:
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in state.history.items()}
    columns["epoch"] = columns["epoch"].astype(np.int64)
    checkpoint = Checkpoint(
        epoch=state.epoch,
        finished=False,
        state=state.model,
        optimizer=state.optimizer,
        rng=state.rng,
        best_epoch=state.best_epoch,
        best_value=state.best_value,
    )
    return Member(latent, config, state.best_model or state.model, columns, checkpoint=checkpoint)


def _to_state(member: Member) -> TrainingState:
    checkpoint = member.checkpoint
    if checkpoint is None:
        raise RunFileError("the run file holds no checkpoint, so training cannot go on from it; train again without --resume")
    return TrainingState(
        epoch=checkpoint.epoch,
        model=dict(checkpoint.state),
        optimizer=dict(checkpoint.optimizer),
        rng=dict(checkpoint.rng),
        history={name: list(map(float, values)) for name, values in member.history.items()},
        best_epoch=checkpoint.best_epoch,
        best_value=checkpoint.best_value,
        best_model=dict(member.state) if checkpoint.best_epoch >= 0 else {},
    )
