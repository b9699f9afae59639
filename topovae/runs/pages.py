"""The pages that show a run and a sweep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from topovae.data.dataset import Dataset
from topovae.errors import InputError
from topovae.evaluation.certificate import unrolled
from topovae.evaluation.components import shares
from topovae.evaluation.diagrams import landmark_distances
from topovae.evaluation.fibres import diameter, stretched
from topovae.evaluation.patches import TINY, neighbourhoods
from topovae.homology.cloud.ground import Ground
from topovae.homology.complexes.rips import persistence
from topovae.latent import LatentSpace, space_of
from topovae.latent.factor import build
from topovae.runs.models import encode, load_model, reconstruct
from topovae.signature import Signature, parse, parse_latent
from topovae.store.schema import Run, Sweep
from topovae.viz.certificate import FailingPatches, certificate_figure
from topovae.viz.files import save
from topovae.viz.fronts import RateDistortion, plot_fronts
from topovae.viz.latents import LatentPart, note_of
from topovae.viz.style import ColourKind
from topovae.viz.summary import summary_figure

PICTURES = 8
"""Reconstructions shown."""


def colours_of(space: str, truth: np.ndarray) -> tuple[np.ndarray, ColourKind, str]:
    """Values that colour points by the truth, the same for all representatives of an orbit.

    Args:
        space: latent expression of the truth.
        truth: (n, k) coordinates on it.

    Returns:
        The first coordinate, or on a quotient the first invariant feature, (n,); how to colour it; what it is.
    """
    signature = parse(space, allow_orbifold=True)
    if signature.order > 1:
        features = LatentSpace(signature).features(torch.as_tensor(truth, dtype=torch.float64))
        return features[:, 0].numpy(), "linear", "invariant of the truth"
    return truth[:, 0], "cyclic" if signature.factors[0].is_circle else "linear", "truth"


def panels(signature: Signature) -> list[tuple[str, int]]:
    """The factors as pictures take them: a model by the coordinates of what it is homeomorphic to, or else as points."""
    found: list[tuple[str, int]] = []
    for factor in signature.factors:
        inner = parse(factor.like) if factor.like else None
        width = build(factor).coordinate_dim
        if inner is not None and LatentSpace(inner).coordinate_dim != width:
            found.append(("R", width))
        else:
            found += [("S1" if f.is_circle else f.kind, f.dim) for f in (inner.factors if inner else (factor,))]
    return found


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


def run_figure(run: Run, samples: Dataset | None) -> Figure:
    """The latent space, the learning curves and reconstructions of a run on one page.

    Args:
        run: a finished run.
        samples: its data, None where they are not at hand: then without reconstructions, and points without the colours of
            the truth.

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
    colours, meaning, images = None, "", None
    kind: ColourKind = "linear"
    if samples is not None:
        if samples.truth is not None and samples.space is not None:
            colours, kind, meaning = colours_of(samples.space, np.asarray(samples.truth)[index])
        elif samples.label is not None:
            colours, kind, meaning = samples.label[index], "labels", "label"
        chosen = run.split["test"][np.linspace(0, len(run.split["test"]) - 1, PICTURES).astype(int)]
        x = samples.rows(chosen)
        model = load_model(member)
        images = (x, reconstruct(model, x), samples.sample_shape)
    checkpoint = member.checkpoint
    parts = []
    for part in shares(space, coordinates):
        own = part.space.signature
        parts.append(LatentPart(panels(own), part.coordinates, part.rows, part.name(space), note_of(own.canonical)))
    return summary_figure(
        member.latent,
        parts,
        member.history,
        colours=colours,
        colour_kind=kind,
        colour_name=meaning,
        baseline_history=None if run.baseline is None else run.baseline.history,
        best_epoch=None if checkpoint is None or checkpoint.best_epoch < 0 else checkpoint.best_epoch,
        baseline_name="" if run.baseline is None else f"{run.baseline.latent} baseline",
        images=images,
        title=os.path.basename(run.header.data.path),
        name="" if latent.name == member.latent else latent.name or "",
    )


def draw_certificate(
    run: Run, samples: Dataset, ground: Ground, certificate: Mapping[str, Any], path: str, *, seed: int = 0
) -> None:
    """Draw where and why an encoder was certified or not: failing patches, fibres, winding, persistence of data and latents.

    Args:
        run: a finished run.
        samples: its data.
        ground: their survey with this seed.
        certificate: that of the JSON report, of local fits.
        path: the picture.
        seed: the one of the certificate.

    Raises:
        OutputError: the picture cannot be written.
    """
    model = load_model(run.model)
    locations = encode(model, samples)["z"]
    signature = parse(run.model.latent, allow_orbifold=True)
    points = torch.as_tensor(locations[ground.index], dtype=torch.float64)
    space, latents = unrolled(LatentSpace(signature), points)
    index, around = neighbourhoods(space, ground.points, stretched(space, latents), seed)
    limits = certificate["patches"]
    residual = np.max([np.exp(field) / limits[f"{name}_limit"] for name, field in around.fields().items()], axis=0)
    here = latents[torch.as_tensor(index)]
    owner, pair = np.repeat(np.arange(len(index)), around.latent.shape[1]), around.latent.ravel()
    far = np.linalg.norm(around.points[owner] - around.points[pair], axis=1)
    near = space.distance(here[owner], here[pair]).numpy()
    widest = space.distance(here[: len(here) // 10, None], here[None]).max().item()
    distances = landmark_distances(samples, locations, signature, seed=seed, ground=ground)
    evidence = FailingPatches(
        points[torch.as_tensor(index)].numpy(),
        residual,
        far / diameter(around.points),
        near / max(widest, TINY),
        owner,
        (persistence(distances[0], 2, 2).bars, persistence(distances[1], 2, 2).bars),
    )
    title = os.path.basename(run.header.data.path)
    save(certificate_figure(run.model.latent, panels(signature), evidence, certificate, title=title), path)


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
