"""Metrics and certificates of the models of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.selection import Selection
from topovae.data.splits import Split
from topovae.errors import InputError, RunFileError
from topovae.evaluation import assess
from topovae.evaluation.components import plainly, purity, shares
from topovae.evaluation.metrics import sample_terms
from topovae.evaluation.paired import compare_terms
from topovae.evaluation.published import affordable_samples, of_their_label, published_estimate, transport_of
from topovae.evaluation.samples import DRAWN, LOOKED_AT, affordable, sample_quality
from topovae.homology.cloud.components import components_of_points
from topovae.homology.cloud.ground import Ground, survey
from topovae.homology.cloud.presets import Preset
from topovae.model.likelihoods import LIKELIHOODS
from topovae.model.networks import to_device
from topovae.runs.models import draw_samples, encode, load_model
from topovae.store.schema import SPLITS, Member, Provenance, Run
from topovae.training.batches import Batches

CHANCE = 3.0
"""Standard deviations of a mean test ELBO within which it lies below that of training by chance, where features err
independently and normally: each then adds 1/2 to the variance of a sample's. Usual."""


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
    assessed = assess(model, data, parts, seed=seed, iwae=iwae, deep=True, device=place)
    found = {name: metrics.to_dict() for name, metrics, _ in assessed}
    return {**dict.fromkeys(parts.parts()), **found}


def quality_of(member: Member, run: Run, data: Dataset, *, seed: int = 0, device: str = "auto") -> dict[str, Any] | None:
    """How samples from the prior of a model lie to the data of a run, JSON-ready; None where a split is empty.

    Args:
        member: the run's model or baseline, or the model of another run.
        run: whose splits are used.
        data: all samples of the run.
        seed: of the samples, and of the rows that are looked at.
        device: where to decode.
    """
    rng, seen = np.random.default_rng(seed), affordable(LOOKED_AT, data.n_features)
    train, test = (
        data.rows(np.sort(rng.permutation(np.asarray(run.split.get(name, ()), dtype=np.int64))[:seen]))
        for name in ("train", "test")
    )
    drawn = draw_samples(load_model(member, to_device(device)), affordable(DRAWN, data.n_features), seed)["x"]
    found = sample_quality(drawn, train, test)
    return None if found is None else found.to_dict()


def published_of(
    member: Member, run: Run, data: Dataset, *, seed: int = 0, draws: int = 1, device: str = "auto"
) -> dict[str, Any] | None:
    """What the published estimator of transport operators says of a model on test samples, JSON-ready; None without any.

    Where data have labels, samples are compared with the anchors of their own, as published.

    Args:
        member: the run's model.
        run: whose splits are used.
        data: all samples of the run.
        seed: of the posterior samples.
        draws: of each sample.
        device: where to compute.

    Raises:
        UsageError: the latent space is not a prior that operators make.
    """
    place = to_device(device)
    model = load_model(member, place)
    transport = transport_of(model.space)
    rows, train = np.asarray(run.split.get("test", ()), dtype=np.int64), member.latents.get("train")
    if not len(rows):
        return None
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), affordable_samples(transport, draws))).astype(np.int64)]
    compared = None
    if data.label is not None and train is not None:
        compared = of_their_label(transport, train["location"], data.label[train["index"]], data.label[rows])
    return published_estimate(model, Batches(data, rows, place), seed=seed, draws=draws, compared=compared).to_dict()


def held_out(run: Run, data: Dataset) -> np.ndarray:
    """Rows of data that a run was neither trained nor chosen on: its test split, or all where it was made of others.

    Args:
        run: trained.
        data: all samples, of its own data or of others of the kind.
    """
    return np.asarray(run.split["test"]) if is_same(data, run.header.data) else np.arange(data.n_samples)


def shared_test(run: Run, other: Run, data: Dataset) -> np.ndarray:
    """Rows of data on which two runs can be compared: those that both held out.

    Args:
        run, other: trained.
        data: all samples, as the first run takes them.

    Raises:
        RunFileError: they take other samples, or in other units, or hold out no sample together.
    """
    shapes = [tuple(one.model.config["model"]["sample_shape"]) for one in (run, other)]
    if shapes[0] != shapes[1]:
        raise RunFileError(
            f"the runs cannot be compared: one has samples of shape {shapes[0]}, the other of {shapes[1]}; give --against a "
            "run on the same data"
        )
    units = [Selection.of(one.header.config).units for one in (run, other)]
    if units[0] != units[1]:
        raise RunFileError(
            "the runs cannot be compared: they were trained on other columns of their data, or in other units (--columns, "
            "--drop, --scale); give --against a run with the same choices"
        )
    rows = np.intersect1d(held_out(run, data), held_out(other, data))
    if not len(rows):
        raise RunFileError(
            "the runs cannot be compared: no sample was held out by both; train one of them again with the --seed of the "
            "other, or give new data"
        )
    return rows


def compare_members(
    first: Member, second: Member, data: Dataset, rows: np.ndarray, *, seed: int = 0, iwae: int = 0, device: str = "auto"
) -> dict[str, Any] | None:
    """How much better one model is than another on the same samples, JSON-ready.

    Args:
        first, second: models of the same kind of samples.
        data: all samples.
        rows: (m,) those that neither was trained on.
        seed: of the posterior samples of each.
        iwae: number of importance samples, 0 for none.
        device: where to compute.

    Returns:
        A `PairedComparison`; None where one likelihood is a density and the other a probability.
    """
    place = to_device(device)
    models = [load_model(member, place) for member in (first, second)]
    if len({LIKELIHOODS[model.config.likelihood].density for model in models}) > 1:
        return None
    ours, theirs = (sample_terms(model, Batches(data, rows, place), seed=seed, iwae=iwae) for model in models)
    return compare_terms(ours, theirs, None if data.group is None else np.asarray(data.group)[rows]).to_dict()


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
    found = encode(load_model(run.model), data)
    located = {"test": {"location": found.pop("z"), **found}}
    return replace(run, split={"test": rows}, model=replace(run.model, latents=located))


def own_samples(run: Run, data: Dataset) -> Dataset:
    """The samples that a run was trained, validated and tested on: all of its data, or those of one component.

    Args:
        run: a run.
        data: all samples of its data.
    """
    rows = np.sort(np.concatenate([np.asarray(part) for part in run.split.values()]))
    return data if len(rows) == data.n_samples else data.take(rows)


def certify_member(
    member: Member, data: Dataset, ground: Ground, *, preset: Preset | None = None, seed: int = 0, device: str = "auto"
) -> dict[str, dict[str, Any]]:
    """Whether a model's encoder is a homeomorphism onto its latent space, and how alike the persistence is, JSON-ready.

    Args:
        member: a model of a run.
        data: the run's `own_samples`.
        ground: the survey of these data with this seed.
        preset: what the diagnosis of these data chose, for the surveys of the components of a mixture; None chooses it again.
        seed: of subsets, landmarks and balls.
        device: where to encode.
    """
    from topovae.evaluation.certificate import certify
    from topovae.evaluation.diagrams import compare_diagrams
    from topovae.evaluation.joined import joined, joined_diagrams

    model = load_model(member, to_device(device))
    locations = encode(model, data)["z"]
    parts, persistence, certificates = list(shares(model.space, locations)), [], []
    for part in parts:
        alone = len(model.space.spaces) == 1
        samples, own = (data, ground) if alone else (data.take(part.rows), survey(data.take(part.rows), seed, preset))
        coordinates, signature = plainly(part)
        persistence.append(compare_diagrams(samples, coordinates, signature, seed=seed, ground=own))
        certificates.append(certify(samples, coordinates, signature, seed=seed, ground=own))
    number = model.space.component(torch.as_tensor(locations[ground.index])).numpy()
    pieces = components_of_points(ground.points, ground.seed)
    judged = joined(model.space, parts, certificates, purity(number, pieces))
    return {"persistence": joined_diagrams(model.space, parts, persistence), "certificate": judged}


def warn(run: Run, data: Dataset, *, seed: int = 0) -> str | None:
    """One line on why the trained encoder is plainly no homeomorphism; None where it may be one.

    Args:
        run: just trained.
        data: all samples of the run.
        seed: of subsets, landmarks and balls.
    """
    from topovae.evaluation.certificate import plain_fault

    rows, latents = np.asarray(run.split["train"]), run.model.latents["train"]["location"]
    space, preset = load_model(run.model).space, Preset.of(run.analysis)
    for part in shares(space, latents):
        own = data.take(rows[part.rows])
        try:
            found = plain_fault(own, *plainly(part), preset=preset, seed=seed)
        except InputError:  # what cannot be read as points may be trained on, but not judged
            continue
        if found:
            return f"the encoder is no homeomorphism onto {part.name(space)}: {found}; see topovae evaluate"
    return None


def by_heart(metrics: Mapping[str, Any], run: Run) -> str:
    """That a model explains test samples far worse than training samples, if so, and what to do; empty where it does not.

    Far is more nats than all that the latent tells of a training sample, for then it tells nothing of others, and more than
    chance makes.

    Args:
        metrics: of its splits.
        run: that it is the model of.
    """
    train, test = metrics["train"], metrics["test"]
    if train is None or test is None:
        return ""
    features, rows = math.prod(run.model.config["model"]["sample_shape"]), len(run.split["test"])
    lost, told = train["elbo"] - test["elbo"], train["kl"]
    if not lost > max(told, CHANCE * math.sqrt(features / (2 * rows))):
        return ""
    return (
        f"topovae: warning: the ELBO is {lost:.3g} nats lower on the test split than on the training split, and the latent "
        f"tells {told:.3g} of a sample: the model has overfitted; try more samples, a smaller --latent or --hidden 32"
    )
