"""The denoiser keeps what stands above the noise, and says how strong the noise is."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.denoise import FEW_FEATURES, MOST_COMPONENTS, fit_denoiser


def planted(n: int, p: int, rank: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame, _ = np.linalg.qr(rng.normal(size=(p, rank)))
    clean = rng.normal(size=(n, rank)) * np.linspace(3, 2, rank) @ frame.T
    return clean, clean + noise * rng.normal(size=(n, p))


@pytest.mark.parametrize(("n", "p"), [(400, 20), (2000, 50), (300, 500), (1000, 784)])
@pytest.mark.parametrize("rank", [2, 5])
def test_rank_and_noise_are_read(n: int, p: int, rank: int) -> None:
    denoiser = fit_denoiser(planted(n, p, rank, 0.2)[1])
    assert len(denoiser.components) == rank
    assert denoiser.noise == pytest.approx(0.2, rel=0.1)
    assert ((0 < denoiser.gain) & (denoiser.gain <= 1)).all()


def test_what_is_left_is_nearer_to_the_truth() -> None:
    clean, noisy = planted(1000, 50, 3, 0.5)
    denoiser = fit_denoiser(noisy)
    back = denoiser.transform(noisy) @ denoiser.components + denoiser.mean
    assert ((back - clean) ** 2).sum() < 0.1 * ((noisy - clean) ** 2).sum()


def test_few_features_are_only_rotated() -> None:
    x = np.random.default_rng(0).normal(size=(200, FEW_FEATURES))
    y = fit_denoiser(x).transform(x)
    assert np.allclose(y @ y.T, (x - x.mean(0)) @ (x - x.mean(0)).T)


def test_data_of_noise_alone_are_kept() -> None:
    denoiser = fit_denoiser(np.random.default_rng(0).normal(size=(500, 30)))
    assert (denoiser.noise, len(denoiser.components)) == (0.0, 30)
    wide = fit_denoiser(np.random.default_rng(0).normal(size=(500, 200)))
    assert len(wide.components) <= MOST_COMPONENTS


@pytest.mark.parametrize(("n", "p"), [(300, 20), (100, 400)])
def test_equal_data_give_equal_bits(n: int, p: int) -> None:
    x = planted(n, p, 3, 0.3)[1]
    first, again = fit_denoiser(x), fit_denoiser(x.copy())
    assert np.array_equal(first.components, again.components)
    assert np.allclose(first.components @ first.components.T, np.eye(len(first.components)), atol=1e-8)
