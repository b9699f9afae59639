"""Laws of embeddings: the map covers the manifold, is undone by `locate`, and the space is a latent like every other."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from topovae.errors import InputError, UsageError
from topovae.latent import LatentSpace, embedding
from topovae.latent.wasserstein import MapQuality, discrepancy, unrolled
from topovae.model.networks import choose_network
from topovae.model.vae import VAE, ModelConfig


@pytest.fixture(scope="module")
def circle() -> LatentSpace:
    space = LatentSpace("embedding(circle)")
    space.prepare()
    return space


def angles(n: int = 200) -> torch.Tensor:
    return torch.linspace(-3.1, 3.1, n)[:, None]


def loop(n: int, seed: int = 0) -> np.ndarray:
    """Points on a closed curve in space, (n, 3)."""
    t = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.column_stack([2 * np.cos(t), np.sin(t), 0.5 * np.cos(t) + 0.3 * np.sin(2 * t)]).astype(np.float32)


def test_a_map_onto_the_circle_goes_around_it_once_and_evenly(circle: LatentSpace) -> None:
    images = circle.embed(torch.linspace(0, 1, 2001)[:, None])
    torch.testing.assert_close(images.norm(dim=1), torch.ones(2001), atol=0.05, rtol=0)
    angle = torch.as_tensor(np.unwrap(torch.atan2(images[:, 1], images[:, 0]).numpy()))
    steps = angle.diff() * angle.diff().sum().sign()
    assert (steps > 0).all() and abs(float(steps.sum()) / (2 * math.pi) - 1) < 0.02
    assert float(steps.max()) < 1.2 * 2 * math.pi / 2000
    found = circle.factors[0].quality
    assert found is not None and found.coverage > 0.99 and found.off_manifold < 0.01 and found.mmd < 0.03


def test_locate_undoes_the_map_and_leaves_no_tear(circle: LatentSpace) -> None:
    factor = circle.factors[0]
    code = torch.linspace(0.01, 0.99, 99)[:, None]
    torch.testing.assert_close(factor.locate(factor.embed(code)), code, atol=1e-3, rtol=0)
    around = torch.cat([angles().cos(), angles().sin()], 1)
    for radius in (0.5, 1.0, 30.0):
        there = factor.embed(factor.locate(radius * around))
        torch.testing.assert_close(there / there.norm(dim=1, keepdim=True), around, atol=0.1, rtol=0)


def test_gradients_go_along_the_manifold(circle: LatentSpace) -> None:
    around = torch.cat([angles().cos(), angles().sin()], 1).requires_grad_()
    (gradient,) = torch.autograd.grad(circle.factors[0].locate(around).sum(), around)
    across = (gradient * around.detach()).sum(1).abs()
    assert torch.isfinite(gradient).all() and (across < 0.3 * gradient.norm(dim=1)).all()
    torch.testing.assert_close(gradient.norm(dim=1), torch.full((200,), 1 / (2 * math.pi)), rtol=0.2, atol=0)


def test_angles_are_its_coordinates_elsewhere(circle: LatentSpace) -> None:
    code = circle.parametrise(angles())
    torch.testing.assert_close(circle.unroll(code), angles(), atol=0.02, rtol=0)
    assert torch.isnan(circle.parametrise(torch.tensor([[math.nan]]))).all()


def test_distances_and_paths_go_along_the_circle(circle: LatentSpace) -> None:
    a, b = (circle.parametrise(torch.tensor(ends)[:, None]) for ends in ([0.0, 0.0, 3.0, 1.0], [1.0, 3.1, -3.0, 1.0]))
    expected = torch.tensor([1.0, 3.1, 2 * math.pi - 6, 0.0])
    torch.testing.assert_close(circle.distance(a, b), expected, atol=0.05, rtol=0)
    path = circle.unroll(circle.path(a[2], b[2], torch.linspace(0, 1, 5)[:, None]))[:, 0]
    assert (path[[0, 1]] > 2.9).all() and (path[[3, 4]] < -2.9).all()


def test_the_state_is_all_that_it_needs(circle: LatentSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "fit", lambda *_: pytest.fail("learned again"))
    other = LatentSpace("embedding(circle)")
    other.load_state_dict(circle.state_dict())
    other.prepare()
    code = torch.rand(9, 1)
    assert torch.equal(other.features(code), circle.features(code))


def test_a_model_does_not_train_the_map(circle: LatentSpace) -> None:
    model = VAE.of("embedding(circle)xR", torch.randn(64, 5))
    before = {name: value.clone() for name, value in model.space.state_dict().items()}
    (-model.elbo(torch.randn(8, 5))).mean().backward()
    assert all(p.grad is None for p in model.space.parameters()) and not any(p.requires_grad for p in model.space.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.space.state_dict().items())
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_a_described_model_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "fit", lambda *_: pytest.fail("learned"))
    VAE(ModelConfig("embedding(sphere)", (4,), choose_network((4,))))


def test_points_of_a_file_are_learned_from(tmp_path: Path) -> None:
    path = tmp_path / "loop.npy"
    np.save(path, loop(1500))
    space = LatentSpace(f"embedding({path},columns=3)")
    space.prepare()
    assert space.signature.dim == 1 and not space.signature.has_topology
    images = space.embed(torch.rand(500, 1))
    assert (torch.cdist(torch.as_tensor(loop(400, seed=1)), images).amin(1) < 0.2).double().mean() > 0.97


BAD = {
    "few": (lambda: loop(40), "40 points, and a map is learned from 250"),
    "wide": (lambda: np.zeros((300, 4), np.float32) + np.arange(300)[:, None], r"4 columns, .*columns=4\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_points_that_do_not_do_are_refused(tmp_path: Path, case: str) -> None:
    make, words = BAD[case]
    path = tmp_path / "points.npy"
    np.save(path, make())
    with pytest.raises(InputError, match=words):
        LatentSpace(f"embedding({path},columns=3)").prepare()


def test_poor_maps_are_refused(circle: LatentSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = dict(circle.factors[0].state_dict())
    for quality in (MapQuality(0, 0.9, 0, 1), MapQuality(0, 1, 0.1, 1), MapQuality(0, 1, 0, 0.5)):
        poor["measured"] = torch.tensor([*quality.to_dict().values()])
        monkeypatch.setattr(embedding, "_learned_from_space", lambda _: poor)
        with pytest.raises(UsageError, match=r"the map that was learned onto circle is too poor"):
            LatentSpace("embedding(circle)").prepare()


@pytest.mark.parametrize("seed", range(12))
def test_a_closed_curve_is_cut_open_before_it_is_unrolled(seed: int) -> None:
    """However unevenly its points lie: the two sides of the cut do not become neighbours."""
    flat, left = unrolled(torch.as_tensor(loop(500, seed)), 1)
    angle = np.unwrap(torch.atan2(left[:, 1], left[:, 0] / 2)[flat[:, 0].argsort()].numpy())
    assert (np.sign(np.diff(angle)) == np.sign(angle[-1] - angle[0])).mean() > 0.95


def test_equal_laws_have_no_discrepancy_and_others_have() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(1000, 2), torch.randn(1000, 2)
    assert discrepancy(a, b, 1.0) < 0.05 < 0.2 < discrepancy(a, b + 1, 1.0)
