"""Metrics and certificates of the models of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.data.splits import Split
from topovae.errors import InputError
from topovae.evaluation import assess
from topovae.homology.cloud.ground import Ground
from topovae.homology.cloud.presets import Preset
from topovae.model.networks import to_device
from topovae.runs.models import encode, load_model
from topovae.store.schema import SPLITS, Member, Provenance, Run


def evaluate_member(
    member: Member, run: Run, data: Dataset, *, seed: int = 0, iwae: int = 0, device: str = "auto"
) -> dict[str, dict[str, Any] | None]:
    """Metrics of one model by split of a run, JSON-ready; None of a split without samples.

    Args:
        member: the run's model or baseline, or the model of another run.
        run: whose splits are used.
        data: all samples of the run.
        seed: of the posterior samples.
        iwae: number of importance samples of the bound on the test split, 0 for none.
        device: where to compute.
    """
    place = to_device(device)
    parts = Split(*(np.asarray(run.split.get(name, ()), dtype=np.int64) for name in SPLITS))
    model = load_model(member, place)
    found = {name: metrics.to_dict() for name, metrics, _ in assess(model, data, parts, seed=seed, iwae=iwae, device=place)}
    return {**dict.fromkeys(parts.parts()), **found}


def is_same(samples: Dataset, known: Provenance) -> bool:
    """Whether samples are those of a run, as far as their shape and the bytes of their file tell."""
    same_bytes = samples.source is None or samples.source.sha256 == known.sha256
    return same_bytes and tuple(samples.x.shape) == tuple(known.shape)


def elsewhere(run: Run, data: Dataset) -> Run:
    """A run as it is on data that it was not trained on: all are for testing, and latents are yet to be found.

    Args:
        run: trained.
        data: samples of the same kind.
    """
    rows = np.arange(data.n_samples)
    located = {"test": {"location": encode(load_model(run.model), data)[0]}}
    return replace(run, split={"test": rows}, model=replace(run.model, latents=located))


def certify_member(
    member: Member, data: Dataset, ground: Ground, *, seed: int = 0, device: str = "auto"
) -> dict[str, dict[str, Any]]:
    """Whether a model's encoder is a homeomorphism onto its latent space, and how alike the persistence is, JSON-ready.

    Args:
        member: a model of a run.
        data: all samples of the run.
        ground: the survey of these data with this seed.
        seed: of subsets, landmarks and balls.
        device: where to encode.
    """
    from topovae.evaluation.certificate import certify
    from topovae.evaluation.diagrams import compare_diagrams

    model = load_model(member, to_device(device))
    locations, _ = encode(model, data)
    signature = model.space.signature
    return {
        "persistence": compare_diagrams(data, locations, signature, seed=seed, ground=ground),
        "certificate": certify(data, locations, signature, seed=seed, ground=ground).to_dict(),
    }


def warn(run: Run, data: Dataset, *, seed: int = 0) -> str | None:
    """One line on why the trained encoder is plainly no homeomorphism; None where it may be one.

    Args:
        run: just trained.
        data: all samples of the run.
        seed: of subsets, landmarks and balls.
    """
    from topovae.evaluation.certificate import plain_fault
    from topovae.signature import parse

    rows, latents = np.asarray(run.split["train"]), run.model.latents["train"]["location"]
    signature, preset = parse(run.model.latent, allow_orbifold=True), Preset.of(run.analysis)
    try:
        found = plain_fault(data.take(rows), latents, signature, preset=preset, seed=seed)
    except InputError:  # what cannot be read as points may be trained on, but not judged
        return None
    return found and f"the encoder is no homeomorphism onto {run.model.latent}: {found}; see topovae evaluate"
