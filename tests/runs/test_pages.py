"""The page of a run: colours that mean the same for every representative of an orbit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from topovae.latent import LatentSpace
from topovae.model.vae import VAE
from topovae.runs.pages import colours_of, decoder_of, models_of
from topovae.signature import MODELS, parse


@pytest.mark.parametrize("space", ["mobius", "klein", "rp2", "so3", "(S1xS1xI)/<rot(1/3),id,id>"])
def test_colours_on_a_quotient_depend_on_the_orbit_alone(space: str) -> None:
    latent = LatentSpace(space)
    torch.manual_seed(0)
    points = latent.sample_prior(200, torch.zeros(0, dtype=torch.float64))
    reference = colours_of(space, points.numpy())
    assert len(reference) == 2 and all(np.ptp(colouring.values) > 0.1 for colouring in reference)
    for image in latent.orbit(points):
        for one, other in zip(colours_of(space, image.numpy()), reference, strict=True):
            assert (one.kind, one.name) == (other.kind, other.name)
            values = (
                (one.values, other.values) if one.kind == "linear" else (np.exp(1j * one.values), np.exp(1j * other.values))
            )
            np.testing.assert_allclose(*values, atol=1e-9)


@pytest.mark.parametrize(("space", "kinds"), [("S1xR2", ["cyclic", "linear"]), ("R", ["linear"]), ("S2", ["linear"] * 2)])
def test_colours_on_a_product_are_the_first_coordinates(space: str, kinds: list[str]) -> None:
    truth = np.random.default_rng(0).normal(size=(10, LatentSpace(space).coordinate_dim))
    found = colours_of(space, truth)
    assert [colouring.kind for colouring in found] == kinds
    assert len({colouring.name for colouring in found}) == len(kinds)
    for column, colouring in enumerate(found):
        expected = np.mod(truth[:, column], 2 * np.pi) if colouring.kind == "cyclic" else truth[:, column]
        np.testing.assert_array_equal(colouring.values, expected)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models_are_drawn_where_they_are_embedded(name: str) -> None:
    latent, drawn = LatentSpace(name), models_of(parse(name))[name]
    torch.manual_seed(0)
    points = latent.sample_prior(50, torch.zeros(0, dtype=torch.float64))
    np.testing.assert_allclose(drawn.embedded(points.numpy()), latent.embed(points).numpy())
    assert drawn.width == latent.coordinate_dim and drawn.lines
    for known in (*drawn.lines, drawn.lattice):
        assert latent.contains(torch.as_tensor(known)).all()


def test_a_component_is_decoded_by_its_number() -> None:
    torch.manual_seed(0)
    model = VAE.of("mixture(circle,sphere)", torch.randn(9, 4))
    decode = decoder_of(model, 1)
    assert decode is not None
    on_sphere = np.eye(3)
    whole = torch.as_tensor(np.column_stack([np.ones(3), on_sphere]), dtype=torch.float32)
    np.testing.assert_allclose(decode(on_sphere), model.decode(whole).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert decoder_of(VAE.of("S1", torch.randn(2, 785)), 0) is None
