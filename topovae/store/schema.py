"""What a run file and a report hold: constants and frozen dataclasses (the page is SCHEMA.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from topovae.store.documents import Brief, Document

Arrays = Mapping[str, np.ndarray]
Json = Mapping[str, Any]

RUN_FORMAT = "topovae/run"
REPORT_FORMAT = "topovae/report"
SWEEP_FORMAT = "topovae/sweep"
REPRODUCTION_FORMAT = "topovae/reproduction"
FORMAT_VERSION = 1
SPLITS = ("train", "valid", "test")
FIRST_METRICS = ("rms", "nll", "kl", "elbo", "stress")
"""Those of a run that sweeps of every version have."""

SWEEP_METRICS = (*FIRST_METRICS, "mig")

FORMATS: dict[str, str] = {
    RUN_FORMAT: "a run file, made by `topovae train`",
    REPORT_FORMAT: "a report, made by `topovae analyze -o`",
    SWEEP_FORMAT: "a sweep, made by `topovae sweep`",
    REPRODUCTION_FORMAT: "a reproduction, made by `topovae reproduce`",
}


@dataclass(frozen=True)
class Provenance(Document):
    """Where the data came from.

    Args:
        path: as given on the command line, "-" for standard input.
        shape: (n_samples, ...) of the array.
        dtype: NumPy's name of its type, "float32" for one.
        sha256: hexadecimal digest of the bytes that were read.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str


@dataclass(frozen=True)
class Header(Document):
    """How a file was made; the same for run files and reports.

    Args:
        command: the argument vector.
        config: every option of the command with the value it had (JSON).
        seed: the seed of every random number, between -2^63 and 2^64 - 1.
        data: the data set that was used.
        device: "cpu", "cuda" or a more exact name.
        versions: package to version.
        created: moment of writing, ISO 8601 in UTC.
        topovae_version: version of the writer.
    """

    keys: ClassVar = ("created", "command", "config", "seed", "data", "device", "versions", "topovae_version")

    command: tuple[str, ...]
    config: Json
    seed: int
    data: Provenance
    device: str
    versions: Mapping[str, str]
    created: str
    topovae_version: str


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint(Brief):
    """Where training stood: what `--resume` needs besides the best weights.

    Args:
        epoch: number of complete epochs.
        finished: whether training has ended.
        state: the current weights, which need not be the best ones.
        optimizer: the optimizer's arrays, named by the trainer.
        rng: states of the random generators, named by the trainer.
        best_epoch: epoch of the best weights, counted as in the column `epoch` of the history; -1 before any.
        best_value: their value of the selection criterion on the validation split.
    """

    epoch: int
    finished: bool
    state: Arrays
    optimizer: Arrays
    rng: Arrays
    best_epoch: int
    best_value: float


@dataclass(frozen=True, eq=False, repr=False)
class Member(Brief):
    """One trained model with everything known of it.

    Args:
        latent: canonical expression of its latent space.
        config: network, likelihood, sizes and hyperparameters: enough to build the model again (JSON).
        state: weights of the best epoch.
        history: columns of equal length, one row an epoch.
        final: nested metrics of the best epoch: dicts, lists, numbers, text and None.
        latents: split to arrays (coordinates, location, scale, features, index), one row a sample.
        checkpoint: present while training can be resumed.
        samples: arrays decoded from the prior, or chosen reconstructions.
    """

    latent: str
    config: Json
    state: Arrays
    history: Arrays = field(default_factory=dict)
    final: Json = field(default_factory=dict)
    latents: Mapping[str, Arrays] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    samples: Arrays = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Run(Brief):
    """A run file: one model, the baseline trained beside it, and the diagnosis that chose its space.

    Args:
        header: how the file was made.
        split: index arrays of train, valid and test into the data's rows.
        model: the model that was asked for.
        baseline: the Gaussian model of equal capacity.
        analysis: the JSON document of `topovae analyze`.
        analysis_arrays: arrays that go with it, such as coordinates on landmarks.
        sealed: whether the file that it was read from has checksums, which were compared.
    """

    header: Header
    split: Arrays
    model: Member
    baseline: Member | None = None
    analysis: Json | None = None
    analysis_arrays: Arrays = field(default_factory=dict)
    sealed: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Report(Brief):
    """A diagnosis with the arrays that go with it; `sealed` as for a `Run`."""

    header: Header
    analysis: Json
    arrays: Arrays = field(default_factory=dict)
    sealed: bool = True


@dataclass(frozen=True)
class SweepRun:
    """One finished training of a sweep.

    Args:
        latent: canonical expression of its latent space.
        beta: weight of the KL term.
        seed: of weights, batches, posterior samples and the split.
        epochs: complete epochs; fewer than were asked for where training diverged.
        best_epoch: the epoch of the metrics, chosen on the validation split; -1 where training diverged.
        seconds: its share of the time that its group took.
        metrics: split to `SWEEP_METRICS`, None for what was not computed.
    """

    latent: str
    beta: float
    seed: int
    epochs: int
    best_epoch: int
    seconds: float
    metrics: Mapping[str, Mapping[str, float | None]]

    @property
    def key(self) -> tuple[str, float, int]:
        """What tells it from the other runs."""
        return self.latent, self.beta, self.seed

    @property
    def diverged(self) -> bool:
        """Whether the loss stopped being a finite number, so that there are no metrics."""
        return self.best_epoch < 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields: the metrics of the test split beside the others, those of the other splits below their names."""
        named = {"latent": self.latent, "beta": self.beta, "seed": self.seed}
        spent = {"epochs": self.epochs, "best_epoch": self.best_epoch, "seconds": self.seconds, "diverged": self.diverged}
        others = {split: dict(self.metrics[split]) for split in ("train", "valid")}
        return named | dict(self.metrics["test"]) | spent | others


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Brief):
    """A sweep as far as it has come.

    Args:
        header: how the file was made; its `config` is the request.
        runs: the finished ones, in the order of the request.
        starts: seed to name (the number of the latent in the request) to points of the latent space that encoders start
            from; seeds that have not been prepared, or need not be, are not there.
        sealed: as for a `Run`.
    """

    header: Header
    runs: tuple[SweepRun, ...] = ()
    starts: Mapping[int, Arrays] = field(default_factory=dict)
    sealed: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Reproduction(Brief):
    """A published table as far as it has been made again.

    Args:
        header: how the file was made; its `config` has the experiment's name, budget and seeds, and its data have no place.
        trials: the finished ones, in the order of the request: `row`, `beta`, `seed`, `figures` and `seconds` of each (JSON).
        sealed: as for a `Run`.
    """

    header: Header
    trials: tuple[Json, ...] = ()
    sealed: bool = True
