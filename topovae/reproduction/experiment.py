"""What an experiment is: data, rows of a table, sizes, what was published, and how ours differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data

Reported = tuple[float, float | None]
"""A published figure: its mean, and its spread over runs where that was given."""


@dataclass(frozen=True)
class ExperimentBudget:
    """How much is done.

    Attributes:
        seeds: number of seeds.
        n: samples that are drawn, or images that are taken.
        options: of a `TrainOptions`, for all rows.
        betas: weights of the KL term.
    """

    seeds: int
    n: int
    options: Mapping[str, Any] = field(default_factory=dict)
    betas: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Conditions:
    """What a row is measured under.

    Attributes:
        seed: of data, split, weights, batches and posterior samples.
        options: of a `TrainOptions`, beside the row's own.
        needs: as of a `Figure`, of all figures of the table.
        iwae: importance samples.
        device: "auto", "cpu" or "cuda".
    """

    seed: int
    options: Mapping[str, Any]
    needs: frozenset[str]
    iwae: int
    device: str = "auto"


class Measure(Protocol):
    """How a row comes to its figures."""

    def __call__(self, data: Dataset, conditions: Conditions) -> dict[str, Any]:
        """Metrics of the test split, as `figures.Metrics`."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Attributes:
        name: as printed.
        measure: makes ours.
        published: figure to what was reported; none where this row was not, or its figures are not at hand.
        once: whether it is the same at every beta.
    """

    name: str
    measure: Measure
    published: Mapping[str, Reported] = field(default_factory=dict)
    once: bool = False


@dataclass(frozen=True)
class Experiment:
    """A published table, as data.

    Attributes:
        name: of the command.
        title: one line.
        source: where it was published.
        draw: (seed, n, folder of images) to the samples.
        rows: of the table.
        figures: its columns, keys of `FIGURES`.
        quick, full: budgets.
        differences: sentences on how ours differs from what was published, in data, definition or protocol.
        options: of a `TrainOptions`, for all rows and budgets.
        iwae: importance samples of LL.
        images: whether it is made from images in a folder that must be given.
    """

    name: str
    title: str
    source: str
    draw: Callable[[int, int, str | None], Dataset]
    rows: tuple[TableRow, ...]
    figures: tuple[str, ...]
    quick: ExperimentBudget
    full: ExperimentBudget
    differences: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    iwae: int = 100
    images: bool = False

    def budget(self, name: str) -> ExperimentBudget:
        """One of the two by its name."""
        return {"quick": self.quick, "full": self.full}[name]

    def row(self, name: str) -> TableRow:
        """A row by its name."""
        return next(row for row in self.rows if row.name == name)


@dataclass(frozen=True)
class Trained:
    """A row that is trained and evaluated as `topovae train` and `topovae evaluate` do.

    Attributes:
        latent: latent expression.
        options: of its `TrainOptions`.
        anchors: how many samples of the training split are held at their true coordinates.
        pooled: whether groups are left out, so that samples of one can be in several parts of the split.
    """

    latent: str
    options: Mapping[str, Any] = field(default_factory=dict)
    anchors: int = 0
    pooled: bool = False

    def __call__(self, data: Dataset, conditions: Conditions) -> dict[str, Any]:
        from topovae.runs.evaluation import evaluate_member
        from topovae.runs.plan import plan
        from topovae.runs.provenance import make_header
        from topovae.runs.session import train_run

        data = replace(data, group=None) if self.pooled else data
        chosen = {**conditions.options, **self.options, "seed": conditions.seed}
        pinned = self._anchors(data, conditions.seed) if self.anchors else None
        planned = plan(data, self.latent, chosen, anchors=pinned, device=conditions.device)
        header = make_header(data, planned.options.to_dict(), conditions.seed, conditions.device, ())
        run = train_run(
            data,
            planned.options,
            header,
            device=conditions.device,
            analysis=planned.analysis,
            coordinates=planned.coordinates,
        )
        alone = replace(run, split={"test": run.split["test"]})
        iwae = conditions.iwae if "iwae" in conditions.needs else 0
        found = evaluate_member(run.model, alone, data, seed=conditions.seed, iwae=iwae, device=conditions.device)["test"]
        metrics: dict[str, Any] = dict(found or {})
        if "certificate" in conditions.needs:
            metrics |= self._certified(data, run, conditions)
        return metrics

    def _anchors(self, data: Dataset, seed: int) -> np.ndarray:
        """TableRow numbers and latent coordinates of samples whose truth is told, (anchors, 1 + k)."""
        import torch

        from topovae.latent import LatentSpace

        assert data.truth is not None
        train = split_data(data, seed).train
        rows = np.sort(np.random.default_rng((seed, 1)).choice(train, self.anchors, replace=False))
        truth = torch.as_tensor(np.asarray(data.truth)[rows], dtype=torch.float64)
        return np.column_stack([rows, LatentSpace(self.latent).parametrise(truth).numpy()])

    def _certified(self, data: Dataset, run: Any, conditions: Conditions) -> dict[str, Any]:
        from topovae.homology.cloud.ground import survey
        from topovae.homology.cloud.presets import Preset
        from topovae.runs.evaluation import certify_member

        preset = Preset.of(run.analysis)
        ground = survey(data, conditions.seed, preset)
        found = certify_member(run.model, data, ground, preset=preset, seed=conditions.seed, device=conditions.device)
        return {"verdict": found["certificate"]["verdict"], "bottleneck": found["persistence"]["mean_h1_h2_bottleneck"]}


@dataclass(frozen=True)
class TruthItself:
    """A row of what the true coordinates come to: no encoder's diagrams are nearer to those of the data for a reason."""

    def __call__(self, data: Dataset, conditions: Conditions) -> dict[str, Any]:
        from topovae.evaluation.diagrams import compare_diagrams
        from topovae.signature import parse

        assert data.truth is not None and data.space is not None
        found = compare_diagrams(data, np.asarray(data.truth), parse(data.space), seed=conditions.seed)
        return {"bottleneck": found["mean_h1_h2_bottleneck"]}


@dataclass(frozen=True)
class NormalDensity:
    """A row of the normal law of full covariance that fits the training split: no latent space at all."""

    def __call__(self, data: Dataset, conditions: Conditions) -> dict[str, Any]:
        from scipy.stats import multivariate_normal

        split = split_data(data, conditions.seed)
        seen, unseen = (data.rows(rows).reshape(len(rows), -1).astype(np.float64) for rows in (split.train, split.test))
        law = multivariate_normal(seen.mean(0), np.cov(seen.T), allow_singular=True)
        return {"iwae": float(law.logpdf(unseen).mean())}
