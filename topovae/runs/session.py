"""A whole training run: split, model and baseline, checkpoints, metrics, and the run file that holds them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import Split, split
from topovae.errors import RunFileError, UsageError
from topovae.evaluation import assess
from topovae.latent import LatentSpace
from topovae.model.networks import BODIES, NetworkConfig, choose_network, count_parameters, to_device
from topovae.model.vae import LIKELIHOODS, VAE, ModelConfig, build_model, check_range
from topovae.signature import euclidean, parse
from topovae.store.schema import Checkpoint, Header, Member, Provenance, Run
from topovae.store.writer import write_run
from topovae.training.batches import Batches
from topovae.training.config import LEARNING_RATE, TrainingConfig, choose_epochs
from topovae.training.constraints import check_anchors, parse_repulsion, pins
from topovae.training.distributed import ALONE, Team
from topovae.training.equivariance import Equivariance
from topovae.training.loop import Constraint, DivergenceError, Trainer, TrainingState, load_weights
from topovae.training.start import Start
from topovae.version import __version__

CHECKPOINT_SECONDS = 5.0
PRIOR_SAMPLES = 64
RECORDED = ("torch", "numpy", "h5py", "ripser", "scikit-learn", "scipy")
"""Packages whose versions a file records."""

MAX_WIDTH = 65536

INITS = ("cohomology", "random")

Progress = Callable[[str, TrainingState, int], None]
"""Called after every epoch with the member's name, its state and the number of epochs."""


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


def split_data(data: Dataset, seed: int) -> Split:
    """The split of a run: by whole groups where the data have more than one label."""
    group = data.group if data.group is not None and len(np.unique(data.group)) > 1 else None
    return split(data.n_samples, seed=seed, group=group)


def make_header(data: Dataset, config: Mapping[str, Any], seed: int, device: str, command: tuple[str, ...]) -> Header:
    """How the file being made comes about.

    Args:
        data: what is read.
        config: every option with the value it has.
        seed: of every random number.
        device: "auto", "cpu" or "cuda".
        command: the argument vector, or the call.
    """
    place = to_device(device)
    return Header(
        command=command,
        config=dict(config),
        seed=seed,
        data=Provenance(
            path=data.source.path if data.source else "",
            shape=tuple(data.x.shape),
            dtype=str(data.x.dtype),
            sha256=data.source.sha256 if data.source else "",
        ),
        device=torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu",
        versions={name: metadata.version(name) for name in RECORDED},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        topovae_version=__version__,
    )


def load_model(member: Member, device: torch.device | str = "cpu") -> VAE:
    """The model of a run file, with the weights of its best epoch.

    Raises:
        RunFileError: the weights do not fit the model that the file describes.
    """
    config = ModelConfig.from_dict(dict(member.config["model"]))
    model = VAE(config)
    try:
        load_weights(model, dict(member.state))
    except (RuntimeError, KeyError) as error:
        raise RunFileError(
            f"the run file's weights do not fit the model it describes ({str(error).splitlines()[0]}); it is damaged or was "
            "edited; train again, or use an intact copy"
        ) from None
    return model.to(device).eval()


def moments(data: Dataset, index: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """Per-feature mean, overall standard deviation, least and largest value of some rows, in double precision by blocks.

    References:
        Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979), equation 2.1.
    """
    mean, square, low, high = np.zeros(data.sample_shape), 0.0, math.inf, -math.inf
    step = data.block_rows()
    for start in range(0, len(index), step):
        x = data.rows(index[start : start + step]).astype(np.float64)
        low, high = min(low, x.min()), max(high, x.max())
        block_mean = x.mean(0)
        shift = block_mean - mean
        x -= block_mean
        square += float(np.vdot(x, x)) + float(np.vdot(shift, shift)) * start * len(x) / (start + len(x))
        mean += shift * (len(x) / (start + len(x)))
    return mean, math.sqrt(square / (len(index) * data.n_features)), low, high


def train_run(
    data: Dataset,
    request: Request,
    header: Header,
    path: str | None = None,
    *,
    device: str = "auto",
    analysis: Mapping[str, Any] | None = None,
    coordinates: Mapping[str, np.ndarray] | None = None,
    resumed: Run | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> Run:
    """Train what is asked for, keeping the run file at `path` up to date, and return the finished run.

    An interrupt leaves the file at the last whole epoch. With `resumed`, training goes on from that run's checkpoints and ends,
    on the CPU, where the uninterrupted run would have ended, bit for bit.

    Args:
        data: samples.
        request: what to train.
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

    Raises:
        UsageError: the request does not fit the data.
        OutputError: the file cannot be written; the previous checkpoint stays whole.
    """
    return _Session(data, request, header, path, device, analysis, coordinates or {}, resumed, progress, team).run()


class _Session:
    def __init__(
        self,
        data: Dataset,
        request: Request,
        header: Header,
        path: str | None,
        device: str,
        analysis: Mapping[str, Any] | None,
        coordinates: Mapping[str, np.ndarray],
        resumed: Run | None,
        progress: Progress | None,
        team: Team,
    ) -> None:
        self.data, self.request, self.path, self.progress, self.team = data, request, path, progress, team
        self.device = to_device(device)
        if resumed is None:
            self.split = split_data(data, request.seed)
        else:
            header, analysis, coordinates = resumed.header, resumed.analysis, resumed.analysis_arrays
            self.split = Split(**{name: np.asarray(index) for name, index in resumed.split.items()})
        # The run file keeps coordinates below the diagnosis, and a resumed run needs them.
        self.analysis = {} if analysis is None and coordinates else analysis
        self.header, self.coordinates = header, coordinates
        found = {"model": resumed.model, "baseline": resumed.baseline} if resumed else {}
        self.members: dict[str, Member] = {name: m for name, m in found.items() if m is not None}
        self.mean, self.std, low, high = moments(data, self.split.train)
        check_range(request.likelihood, low, high)
        if "anchors" in self.coordinates:
            check_anchors(request.space(), self.coordinates["anchors"], data.n_samples)
        self.written = -math.inf

    def run(self) -> Run:
        self._train("model", self.request.model_config(self.data.sample_shape))
        if self.request.baseline:
            dim = parse(self.request.latent, self.request.allow_orbifold).dim
            self._train("baseline", self.request.baseline_config(dim, self.data.sample_shape))
        self._write()
        return self._as_run()

    def _train(self, name: str, model_config: ModelConfig) -> None:
        known = self.members.get(name)
        if known is not None and known.checkpoint is not None and known.checkpoint.finished:
            return
        training_config = self.request.training_config(len(self.split.train))
        model = build_model(model_config, torch.as_tensor(self.mean), self.std, self.request.seed).to(self.device)
        config = {
            "model": model_config.to_dict(),
            "training": training_config.to_dict(),
            "parameters": count_parameters(model),
        }
        state = None if known is None else _to_state(known)
        trainer = Trainer(model, self.data, self.split, training_config, state, team=self.team)
        if name == "model":
            trainer.anchor, trainer.constraints = self._start(model), self._constraints(model, trainer.train_batches)

        def keep(state: TrainingState) -> None:
            self.members[name] = _to_member(model_config.latent, config, state)

        def on_epoch(state: TrainingState) -> None:
            keep(state)
            if time.monotonic() - self.written > CHECKPOINT_SECONDS:
                self._write()
            if self.progress is not None:
                self.progress(name, state, training_config.epochs)

        keep(trainer.state)
        self._write()
        try:
            state = trainer.run(on_epoch)
        except (KeyboardInterrupt, SystemExit, DivergenceError):
            self._write()
            raise
        config["fallback"] = trainer.step.fallback
        del trainer  # and the samples that it keeps in memory
        self.members[name] = self._finish(_to_member(model_config.latent, config, state), model)

    def _start(self, model: VAE) -> Start | None:
        points = self.coordinates.get("start")
        return None if points is None else Start.at(model, np.asarray(points)[self.split.train])

    def _constraints(self, model: VAE, batches: Batches) -> tuple[Constraint, ...]:
        anchors = self.coordinates.get("anchors")
        found: tuple[Constraint | None, ...] = (
            None if anchors is None else pins(model.space, np.asarray(anchors), batches),
            parse_repulsion(model.space, self.request.repel, self.device),
            Equivariance.of(np.asarray(self.coordinates.get("symmetries", ())), self.data.sample_shape),
        )
        return tuple(constraint for constraint in found if constraint is not None)

    def _finish(self, member: Member, model: VAE) -> Member:
        load_weights(model, dict(member.state))
        final: dict[str, Any] = {}
        latents: dict[str, dict[str, np.ndarray]] = {}
        for name, metrics, found in assess(model, self.data, self.split, seed=self.request.seed, device=self.device):
            final[name] = metrics.to_dict()
            latents[name] = {**vars(found), "index": getattr(self.split, name)}
        checkpoint = member.checkpoint
        assert checkpoint is not None
        return replace(
            member,
            final=final,
            latents=latents,
            samples=draw_samples(model, PRIOR_SAMPLES, self.request.seed),
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


@torch.no_grad()
def draw_samples(model: VAE, n: int, seed: int) -> dict[str, np.ndarray]:
    """n points of the prior and what they decode to: "coordinates" (n, k) and "x" (n, *sample_shape)."""
    like = next(model.parameters())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        coordinates = model.space.sample_prior(n, like)
    return {"coordinates": coordinates.cpu().numpy(), "x": decode(model, coordinates.cpu().numpy())}


@torch.no_grad()
def decode(model: VAE, coordinates: np.ndarray, batch: int = 512) -> np.ndarray:
    """E[x | z] at coordinates (n, coordinate_dim), as (n, *sample_shape) in the data's units.

    Raises:
        UsageError: the coordinates have another number of columns.
    """
    if coordinates.ndim != 2 or coordinates.shape[1] != model.space.coordinate_dim:
        raise UsageError(
            f"coordinates of shape {coordinates.shape}: {model.space.signature} has {model.space.coordinate_dim} columns "
            "(an angle for S1, a height for I, k numbers for R^k, a unit vector of d + 1 for S^d)"
        )
    like = next(model.parameters())
    z = torch.as_tensor(coordinates, dtype=like.dtype, device=like.device)
    return torch.cat([model.decode(part) for part in z.split(batch)]).cpu().numpy()


@torch.no_grad()
def reconstruct(model: VAE, x: np.ndarray) -> np.ndarray:
    """E[x | posterior location] of samples (n, *sample_shape), in the data's units."""
    like = next(model.parameters())
    batch = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    return model.decode(model.encode(batch)[0]).cpu().numpy()


def evaluate_member(
    member: Member, run: Run, data: Dataset, *, seed: int = 0, iwae: int = 0, device: str = "auto"
) -> dict[str, dict[str, Any]]:
    """Metrics of one model by split of a run, JSON-ready.

    Args:
        member: the run's model or baseline, or the model of another run.
        run: whose splits are used.
        data: all samples of the run.
        seed: of the posterior samples.
        iwae: number of importance samples of the bound on the test split, 0 for none.
        device: where to compute.
    """
    place = to_device(device)
    parts = Split(**{name: np.asarray(index) for name, index in run.split.items()})
    model = load_model(member, place)
    return {name: metrics.to_dict() for name, metrics, _ in assess(model, data, parts, seed=seed, iwae=iwae, device=place)}


def certify_member(member: Member, data: Dataset, *, seed: int = 0, device: str = "auto") -> dict[str, dict[str, Any]]:
    """Whether a model's encoder is a homeomorphism onto its latent space, and how alike the persistence is, JSON-ready.

    Args:
        member: a model of a run.
        data: all samples of the run.
        seed: of subsets, landmarks and balls.
        device: where to encode.
    """
    from topovae.evaluation.certificate import certify
    from topovae.evaluation.diagrams import compare_diagrams

    model = load_model(member, to_device(device))
    locations, _ = encode(model, data)
    signature = model.space.signature
    return {
        "persistence": compare_diagrams(data, locations, signature, seed=seed),
        "certificate": certify(data, locations, signature, seed=seed).to_dict(),
    }


@torch.no_grad()
def encode(model: VAE, data: Dataset, batch: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Posterior locations (n, coordinate_dim) and scales (n, scale_dim) of all samples."""
    device = next(model.parameters()).device
    batches = Batches(data, np.arange(data.n_samples), device)
    pairs = [model.encode(x) for x in batches.in_order(batch)]
    locations, scales = (torch.cat(column) for column in zip(*pairs, strict=True))
    return model.space.representative(locations).cpu().numpy(), scales.cpu().numpy()


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
