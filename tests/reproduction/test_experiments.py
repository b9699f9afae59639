"""Laws of every experiment: what it declares can be run, and what it calls published was."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from support.places import MNIST, SHARED

from topovae.errors import InputError, UsageError
from topovae.latent import LatentSpace
from topovae.reproduction.experiment import Trained
from topovae.reproduction.experiments import EXPERIMENTS, find_experiment
from topovae.reproduction.figures import FIGURES
from topovae.runs.options import TrainOptions

each = pytest.mark.parametrize("name", EXPERIMENTS)
each_budget = pytest.mark.parametrize("budget", ["quick", "full"])
FEW = {"prescribed-rotated": 2, "prescribed-shifted": 2}
"""Exemplars a class where n counts these; 40 samples else."""


@each
def test_rows_and_columns_are_known_and_told_apart(name: str) -> None:
    experiment = find_experiment(name)
    assert experiment.name == name and experiment.differences and experiment.source
    assert set(experiment.figures) <= set(FIGURES)
    names = [row.name for row in experiment.rows]
    assert len(set(names)) == len(names) > 1
    for row in experiment.rows:
        assert set(row.published) <= set(experiment.figures)
        assert all(np.isfinite(mean) and (sd is None or sd >= 0) for mean, sd in row.published.values())


@each
@each_budget
def test_every_row_can_be_asked_for(name: str, budget: str) -> None:
    experiment = find_experiment(name)
    chosen = experiment.budget(budget)
    assert chosen.seeds > 0 and chosen.betas
    for row in experiment.rows:
        if isinstance(row.measure, Trained):
            for beta in chosen.betas:
                options = {**experiment.options, **chosen.options, **row.measure.options, "beta": beta}
                assert TrainOptions(row.measure.latent, **options).space().feature_dim > 0


@each
def test_the_quick_budget_is_the_smaller_one(name: str) -> None:
    experiment = find_experiment(name)
    assert experiment.quick.seeds <= 2 and experiment.quick.seeds <= experiment.full.seeds
    assert experiment.quick.n <= experiment.full.n and experiment.quick.options["epochs"] <= 100
    assert len(experiment.quick.betas) <= len(experiment.full.betas)


@each
def test_equal_seeds_draw_equal_samples_of_the_space_that_they_name(name: str) -> None:
    experiment = find_experiment(name)
    if experiment.images and not MNIST.exists():
        pytest.skip("MNIST is not beside the project")
    folder = str(MNIST) if experiment.images else None
    n = FEW.get(name, 40)
    first, again, other = (experiment.draw(seed, n, folder) for seed in (5, 5, 6))
    rows = np.arange(min(first.n_samples, 40))
    np.testing.assert_array_equal(first.rows(rows), again.rows(rows))
    if name not in FEW:  # whose images are the same at every seed
        assert not np.array_equal(first.rows(rows), other.rows(rows))
    if first.truth is not None:
        space = LatentSpace(str(first.space))
        assert space.contains(torch.as_tensor(np.asarray(first.truth), dtype=torch.float64)).all()


@pytest.mark.parametrize("name", ["diffusion-mnist", "diffusion-fourier", "embedding-toy"])
def test_published_figures_are_those_of_the_paper(name: str) -> None:
    paper = SHARED / "papers" / ("diffusion-vae.txt" if "diffusion" in name else "embedding-reparametrisation.txt")
    if not paper.exists():
        pytest.skip("the texts of papers are not beside the project")
    printed = set(re.findall(r"-?\d+\.\d+", paper.read_text()))
    for row in find_experiment(name).rows:
        for mean, sd in row.published.values():
            for value in (mean, sd):
                assert any(f"{value:.{digits}f}" in printed for digits in (1, 2)), (row.name, value)


def test_anchors_are_points_of_the_latent_space_on_the_training_split() -> None:
    from topovae.data.splits import split_data

    experiment = find_experiment("prescribed-annulus")
    row = experiment.row("matched, anchors").measure
    assert isinstance(row, Trained)
    data = experiment.draw(0, 200, None)
    pinned = row._anchors(data, seed=3)
    assert pinned.shape == (row.anchors, 1 + LatentSpace("annulus").coordinate_dim)
    assert set(pinned[:, 0].astype(int)) <= set(split_data(data, 3).train.tolist())
    assert LatentSpace("annulus").contains(torch.as_tensor(pinned[:, 1:])).all()


def test_an_experiment_that_there_is_not_and_images_that_are_not_there() -> None:
    with pytest.raises(UsageError, match=r"no experiment 'x'; expected one of prescribed-torus"):
        find_experiment("x")
    for folder, said in ((None, "no --data names their folder"), ("/", r"holds no train-images-idx3-ubyte")):
        with pytest.raises(InputError, match=said):
            find_experiment("diffusion-mnist").draw(0, 10, folder)
