"""The pages that show a run and a sweep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from topovae.data.dataset import Dataset
from topovae.errors import InputError
from topovae.evaluation.certificate import unrolled
from topovae.evaluation.components import plainly, shares
from topovae.evaluation.diagrams import landmark_distances
from topovae.evaluation.fibres import diameter, stretched
from topovae.evaluation.patches import TINY, neighbourhoods
from topovae.homology.cloud.ground import Ground
from topovae.homology.complexes.rips import persistence
from topovae.latent import LatentSpace, space_of
from topovae.latent.factor import Factor, build
from topovae.model.vae import VAE
from topovae.runs.models import decode, encode, load_model, reconstruct
from topovae.signature import IDENTITY, MODELS, Elementary, Signature, parse, parse_latent
from topovae.store.schema import Member, Run, Sweep
from topovae.viz.certificate import FailingPatches, certificate_figure
from topovae.viz.charts import Model
from topovae.viz.files import save
from topovae.viz.fronts import RateDistortion, plot_fronts
from topovae.viz.latents import Decode, LatentPart
from topovae.viz.metrics import metrics_figure
from topovae.viz.style import Colouring
from topovae.viz.summary import summary_figure

PICTURES = 8
"""Reconstructions shown."""


LINES, STEPS = 12, 97
"""Curves in each direction of a model that is drawn, and points of each."""

ALIKE = 0.5
"""Correlation of two invariants above which the second shows little that is new: not tuned."""

PICTURED = 784
"""Numbers of a sample that is no image above which its profile cannot be seen in a small decode: not tuned."""


def colours_of(space: str, truth: np.ndarray) -> list[Colouring]:
    """Two colourings of points by the truth at most, the same for all representatives of an orbit.

    Circles that the group turns give the angle of their orbits; of what else it moves, invariant features are shown.

    Args:
        space: latent expression of the truth.
        truth: (n, k) coordinates on it.
    """
    signature = parse(space, allow_orbifold=True)
    known = LatentSpace(signature)
    found: list[Colouring] = []
    starts = np.cumsum([0, *(factor.coordinate_dim for factor in known.factors)])
    for number, (factor, start, stop) in enumerate(zip(signature.factors, starts, starts[1:], strict=False)):
        moves = [element[number] for element in signature.group]
        if factor.is_circle and all(move.sign == 1 for move in moves):
            turns = len(set(moves))
            name = "truth, angle" if turns == 1 else f"truth, {turns} times the angle"
            found.append(Colouring(np.mod(turns * truth[:, start], 2 * np.pi), "cyclic", name))
        elif set(moves) == {IDENTITY}:
            found += [Colouring(truth[:, column], "linear", "truth") for column in range(start, stop)]
    if signature.order > 1:
        features = known.features(torch.as_tensor(truth, dtype=torch.float64)).numpy()
        turning = [np.exp(1j * colouring.values) for colouring in found]
        seen = [part for angle in turning for part in (angle.real, angle.imag)]
        for feature in features.T:
            if all(abs(_correlation(feature, other)) < ALIKE for other in seen):
                found.append(Colouring(feature, "linear", "invariant of the truth"))
                seen.append(feature)
    shown = found[:2]
    if len({colouring.name for colouring in shown}) < len(shown):
        shown = [replace(colouring, name=f"{colouring.name} {number}") for number, colouring in enumerate(shown, 1)]
    return shown


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = float(a.std() * b.std())
    return 1.0 if spread == 0 else float(((a - a.mean()) * (b - b.mean())).mean()) / spread


def models_of(signature: Signature) -> dict[str, Model]:
    """The factors with a geometry of their own, as pictures take them: points, and curves through them."""
    found: dict[str, Model] = {}
    for named in signature.factors:
        if named.kind not in MODELS or named.kind in found:
            continue
        factor, inner = build(named), LatentSpace(MODELS[named.kind])

        def embedded(points: np.ndarray, factor: Factor = factor) -> np.ndarray:
            return factor.embed(torch.as_tensor(points, dtype=torch.float64)).numpy()

        def on(chart: np.ndarray, factor: Factor = factor) -> np.ndarray:
            return factor.parametrise(torch.as_tensor(chart, dtype=torch.float64)).numpy()

        flat = all(f.dim == 1 for f in inner.signature.factors) and inner.dim <= 2
        lines = [on(line) for line in _grid_lines(inner)] if flat else []
        pictured = factor.embedding_dim == 2 and flat
        lattice = on(_lattice(inner)) if pictured else np.zeros((0, factor.coordinate_dim))
        if factor.embedding_dim in (2, 3):
            found[named.kind] = Model(embedded, tuple(lines), lattice, factor.coordinate_dim)
    return found


def _ends(factor: Elementary) -> tuple[float, float]:
    """Where a factor of one dimension begins and ends."""
    return (0.0, 2 * np.pi) if factor.is_circle else (0.0, 1.0)


def _grid_lines(space: LatentSpace) -> list[np.ndarray]:
    """Lines of equal coordinates of a product of factors of one dimension, (STEPS, k) each."""
    ends = [_ends(factor) for factor in space.signature.factors]
    found = []
    for running, (low, high) in enumerate(ends):
        others = [other for other in range(len(ends)) if other != running]
        for share in np.linspace(0, 1, LINES + 1) if others else (0.0,):
            line = np.empty((STEPS, len(ends)))
            line[:, running] = np.linspace(low, high, STEPS)
            for other in others:
                line[:, other] = ends[other][0] + share * (ends[other][1] - ends[other][0])
            found.append(line)
    return found


def _lattice(space: LatentSpace) -> np.ndarray:
    """Points of a product of factors of one dimension that lie apart: around a circle twelve, along the rest three."""
    steps = [
        np.arange(12) * 2 * np.pi / 12 if factor.is_circle else np.array([1 / 6, 1 / 2, 5 / 6])
        for factor in space.signature.factors
    ]
    return np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, len(steps))


def draw_run(run: Run, samples: Dataset | None, path: str) -> None:
    """Draw the page of `run_figure` into a file.

    Args:
        run, samples: as for `run_figure`.
        path: the picture.

    Raises:
        InputError: the run is not finished.
        OutputError: the picture cannot be written.
    """
    save(run_figure(run, samples), path)


@dataclass(frozen=True)
class RunPictures:
    """What the pictures of a run show.

    Attributes:
        parts: the components of its latent space with all of its samples.
        colourings: of these.
        images: samples of the test split, their reconstructions and the shape of one; None without the data.
        name: of the latent space, "" where its expression is the name.
    """

    parts: tuple[LatentPart, ...]
    colourings: tuple[Colouring, ...]
    images: tuple[np.ndarray, np.ndarray, tuple[int, ...]] | None
    name: str

    @classmethod
    def of(cls, run: Run, samples: Dataset | None) -> RunPictures:
        """Those of a finished run.

        Args:
            run, samples: as for `run_figure`.

        Raises:
            InputError: the run is not finished.
        """
        member = run.model
        latent = parse_latent(member.latent, allow_orbifold=True)
        space = space_of(latent, divergence="cover")
        present = [name for name in ("train", "valid", "test") if name in member.latents]
        if not present:
            raise InputError(
                "the run is not finished, so it has no latents to draw yet; `topovae train … --resume` goes on with it"
            )
        coordinates = np.concatenate([member.latents[name]["location"] for name in present])
        index = np.concatenate([run.split[name] for name in present])
        model, colourings, images = load_model(member), list[Colouring](), None
        if samples is not None:
            if samples.truth is not None and samples.space is not None:
                colourings = colours_of(samples.space, np.asarray(samples.truth)[index])
            elif samples.label is not None:
                colourings = [Colouring(samples.label[index], "labels", "label")]
            chosen = run.split["test"][np.linspace(0, len(run.split["test"]) - 1, PICTURES).astype(int)]
            x = samples.rows(chosen)
            images = (x, reconstruct(model, x), samples.sample_shape)
        parts = tuple(
            LatentPart(
                part.space.signature,
                part.coordinates,
                part.rows,
                part.name(space),
                models_of(part.space.signature),
                decoder_of(model, part.number),
            )
            for part in shares(space, coordinates)
        )
        return cls(parts, tuple(colourings), images, "" if latent.name == member.latent else latent.name or "")


def run_figure(run: Run, samples: Dataset | None) -> Figure:
    """The latent space, what it decodes to, the learning curves and reconstructions of a run on one page.

    Args:
        run: a finished run.
        samples: its data, None where they are not at hand: then without reconstructions, and points without the colours of
            the truth.

    Raises:
        InputError: the run is not finished.
    """
    shown = RunPictures.of(run, samples)
    return summary_figure(
        run.model.latent,
        shown.parts,
        run.model.history,
        colourings=shown.colourings,
        baseline_history=None if run.baseline is None else run.baseline.history,
        best_epoch=best_epoch(run.model),
        baseline_name="" if run.baseline is None else f"{run.baseline.latent} baseline",
        images=shown.images,
        title=os.path.basename(run.header.data.path),
        name=shown.name,
    )


def best_epoch(member: Member) -> int | None:
    """The epoch of the weights that are kept, None where that is not known."""
    checkpoint = member.checkpoint
    return None if checkpoint is None or checkpoint.best_epoch < 0 else checkpoint.best_epoch


def decoder_of(model: VAE, number: int) -> Decode | None:
    """What decodes points of a component; None of samples that a small picture cannot show.

    Args:
        model: trained.
        number: of the component.
    """
    shape = model.config.sample_shape
    if len(shape) == 1 and shape[0] > PICTURED:
        return None

    def of(points: np.ndarray) -> np.ndarray:
        parts = [np.zeros((len(points), part.coordinate_dim)) for part in model.space.spaces]
        parts[number] = points
        tensors = [torch.as_tensor(part, dtype=torch.float32) for part in parts]
        whole = model.space.points(torch.full((len(points),), number), tensors)
        return decode(model, whole.numpy())

    return of


def draw_certificate(
    run: Run, samples: Dataset, ground: Ground, certificate: Mapping[str, Any], path: str, *, seed: int = 0
) -> None:
    """Draw the page of `certificate_page` into a file.

    Args:
        run, samples, ground, certificate, seed: as for `certificate_page`.
        path: the picture.

    Raises:
        OutputError: the picture cannot be written.
    """
    save(certificate_page(run, samples, ground, certificate, seed=seed), path)


def certificate_page(run: Run, samples: Dataset, ground: Ground, certificate: Mapping[str, Any], *, seed: int = 0) -> Figure:
    """Where and why an encoder was certified or not: failing patches, fibres, winding, persistence of data and latents.

    Args:
        run: a finished run.
        samples: its data.
        ground: their survey with this seed.
        certificate: that of the JSON report, of local fits.
        seed: the one of the certificate.
    """
    model = load_model(run.model)
    locations = encode(model, samples)["z"]
    signature = parse(run.model.latent, allow_orbifold=True)
    points = torch.as_tensor(locations[ground.index], dtype=torch.float64)
    space, latents = unrolled(model.space.spaces[0], points)
    index, around = neighbourhoods(space, ground.points, stretched(space, latents), seed)
    limits = certificate["patches"]
    residual = np.max([np.exp(field) / limits[f"{name}_limit"] for name, field in around.fields().items()], axis=0)
    here = latents[torch.as_tensor(index)]
    owner, pair = np.repeat(np.arange(len(index)), around.latent.shape[1]), around.latent.ravel()
    far = np.linalg.norm(around.points[owner] - around.points[pair], axis=1)
    near = space.distance(here[owner], here[pair]).numpy()
    widest = space.distance(here[: len(here) // 10, None], here[None]).max().item()
    (part,) = shares(model.space, locations)
    distances = landmark_distances(samples, *plainly(part), seed=seed, ground=ground)
    evidence = FailingPatches(
        residual,
        far / diameter(around.points),
        near / max(widest, TINY),
        owner,
        (persistence(distances[0], 2, 2).bars, persistence(distances[1], 2, 2).bars),
    )
    title = os.path.basename(run.header.data.path)
    shown = LatentPart(signature, points[torch.as_tensor(index)].numpy(), np.arange(len(index)), models=models_of(signature))
    return certificate_figure(run.model.latent, shown, evidence, certificate, title=title)


def draw_metrics(run: Run, document: Mapping[str, Any], path: str) -> None:
    """Draw metrics, KL by factor and the verdict of an evaluation into a file.

    Args:
        run: that was evaluated.
        document: the JSON of `topovae evaluate`.
        path: the picture.

    Raises:
        OutputError: the picture cannot be written.
    """
    save(metrics_figure(document, title=os.path.basename(run.header.data.path)), path)


def draw_sweep(sweep: Sweep, path: str) -> None:
    """Draw reconstruction against KL on the test split for each latent of a sweep.

    Args:
        sweep: its finished runs are shown.
        path: of the picture (.png, .pdf or .svg).
    """
    fronts = []
    for latent in dict.fromkeys(run.latent for run in sweep.runs):
        runs = [run for run in sweep.runs if run.latent == latent]
        columns = {name: np.array([run.metrics["test"][name] for run in runs], float) for name in ("kl", "rms", "nll")}
        name = parse_latent(latent, allow_orbifold=True).name or latent
        fronts.append(RateDistortion(name, np.array([run.beta for run in runs]), **columns))
    save(plot_fronts(fronts, title=os.path.basename(sweep.header.data.path)), path)
