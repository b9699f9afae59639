"""Models of run files at work: the same in batches as at once, and errors that name the row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.places import ROOT

from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.errors import InputError, ResourceError, RunFileError, UsageError
from topovae.model.vae import VAE
from topovae.runs import models
from topovae.store.reader import read_run

FILES = ROOT / "tests" / "store" / "version1"
RUN = read_run(FILES / "run.h5")


@pytest.fixture
def model() -> VAE:
    return models.load_model(RUN.model)


@pytest.fixture
def data() -> Dataset:
    return read(FILES / "circle.csv")


def test_coordinates_decode_in_batches_as_at_once(model: VAE) -> None:
    angles = np.linspace(-3, 3, 23)[:, None]
    whole = models.decode(model, angles)
    assert whole.shape == (23, 3)
    for batch in (1, 7, 23, 100):
        np.testing.assert_allclose(models.decode(model, angles, batch), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(models.decode(model, angles + 2 * np.pi), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])  # the last is none in single precision
def test_a_row_that_is_no_point_is_named(value: float, model: VAE) -> None:
    coordinates = np.zeros((9, 1))
    coordinates[[4, 7]] = value
    with pytest.raises(InputError, match=r"2 of 9 rows of coordinates are no points of .*: row 4 is "):
        models.decode(model, coordinates)


@pytest.mark.parametrize("shape", [(9,), (9, 2), (9, 0), (9, 1, 1)])
def test_coordinates_of_another_space_are_refused(shape: tuple[int, ...], model: VAE) -> None:
    with pytest.raises(UsageError, match="has 1 columns"):
        models.decode(model, np.zeros(shape))


def test_samples_of_a_seed_are_the_decoded_prior(model: VAE, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_rng_state()
    drawn = models.draw_samples(model, 40, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert drawn["coordinates"].shape == (40, 1) and drawn["x"].shape == (40, 3)
    np.testing.assert_array_equal(models.decode(model, drawn["coordinates"]), drawn["x"])
    np.testing.assert_array_equal(models.draw_samples(model, 40, seed=2)["x"], drawn["x"])
    assert not np.array_equal(models.draw_samples(model, 40, seed=3)["x"], drawn["x"])
    needed = 3 * 4 * 40 * (1 + 3)
    monkeypatch.setattr(models, "machine_memory", lambda: needed)
    assert len(models.draw_samples(model, 40, seed=2)["x"]) == 40
    with pytest.raises(ResourceError, match="41 samples take about"):
        models.draw_samples(model, 41, seed=2)


def test_a_reconstruction_decodes_the_location(model: VAE, data: Dataset) -> None:
    found = models.encode(model, data)
    location, scale = found["z"], found["scale"]
    assert location.shape == scale.shape == (data.n_samples, 1) and (scale > 0).all()
    rebuilt = models.reconstruct(model, data.load())
    np.testing.assert_allclose(models.decode(model, location), rebuilt, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(models.encode(model, data.take(np.array([5, 2])))["z"], location[[5, 2]], rtol=1e-5)


def test_features_are_equal_on_an_orbit_and_the_elbo_is_a_number_of_a_seed(model: VAE, data: Dataset) -> None:
    angles = np.linspace(-3, 3, 5)[:, None]
    np.testing.assert_allclose(models.features(model, angles), models.features(model, angles - 2 * np.pi), atol=1e-5)
    found = models.mean_elbo(model, data, seed=0)
    assert np.isfinite(found) and found == models.mean_elbo(model, data, seed=0)


def test_densities_of_rows_are_those_of_a_seed_and_not_of_a_posterior_without_weights(
    model: VAE, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_rng_state()
    found = models.log_densities(model, data, 8, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.shape == (data.n_samples,) and np.isfinite(found).all()
    np.testing.assert_array_equal(models.log_densities(model, data, 8, seed=2), found)
    assert not np.array_equal(models.log_densities(model, data, 8, seed=3), found)
    monkeypatch.setattr(type(model.space), "has_weights", False)
    with pytest.raises(UsageError, match=r"posteriors have no density"):
        models.log_densities(model, data, 8, seed=2)


def test_weights_of_another_model_and_no_model_are_named() -> None:
    state = {name: values[None] for name, values in RUN.model.state.items()}
    with pytest.raises(RunFileError, match="weights do not fit the model it describes"):
        models.load_model(replace(RUN.model, state=state))
    with pytest.raises(RunFileError, match="describes no model of topovae"):
        models.load_model(replace(RUN.model, config={"model": {"latent": "S1"}}))
    before = torch.get_rng_state()
    models.load_model(RUN.model)
    assert torch.equal(torch.get_rng_state(), before)
