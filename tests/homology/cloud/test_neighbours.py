"""Nearest neighbours: the same on every device, and never a point itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from topovae.errors import ResourceError, UsageError
from topovae.homology.cloud import neighbours
from topovae.homology.cloud.neighbours import average, nearest, search_torch, using

CPU = torch.device("cpu")


def cloud(n: int, p: int, offset: float = 0.0) -> np.ndarray:
    return np.random.default_rng(n + p).normal(size=(n, p)) + offset


@pytest.mark.parametrize("p", [1, 3, 20, 50])
@pytest.mark.parametrize("n", [1, 2, 5, 300])
def test_neighbours_are_those_of_the_distance_matrix(n: int, p: int) -> None:
    x = cloud(n, p)
    distances, index = nearest(x, 7)
    full = cdist(x, x)
    np.fill_diagonal(full, np.inf)
    assert distances.shape == index.shape == (n, min(7, n - 1))
    assert np.allclose(distances, np.sort(full, axis=1)[:, : min(7, n - 1)])
    assert np.allclose(distances, np.take_along_axis(full, index, 1))


@pytest.mark.parametrize("p", [2, 30])
def test_a_point_is_not_its_own_neighbour_even_among_copies(p: int) -> None:
    x = np.repeat(cloud(20, p), 5, axis=0)
    distances, index = nearest(x, 4)
    assert (index != np.arange(100)[:, None]).all()
    assert (index // 5 == np.arange(100)[:, None] // 5).all()
    assert np.allclose(distances, 0.0, atol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("chunk", [1, 1000, 2**25])
def test_torch_finds_the_same(offset: float, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_NUMBERS", chunk)
    x, query = cloud(200, 10, offset), cloud(30, 10, offset)
    distances, index = search_torch(x, 6, query, CPU)
    expected, places = nearest(x, 6, query)
    assert np.array_equal(index, places)
    assert np.allclose(distances, expected, rtol=1e-6)


def test_searches_within_the_block_go_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    x = cloud(150, 8)
    expected = average(x, 5)
    calls = []
    monkeypatch.setattr(neighbours, "open_device", lambda name: CPU)
    monkeypatch.setattr(neighbours, "search_torch", lambda *given: calls.append(given[3]) or search_torch(*given))
    with using("cuda"):
        assert np.allclose(average(x, 5), expected)
    assert calls == [CPU]
    average(x, 5)
    assert calls == [CPU]


@pytest.mark.parametrize("device", ["tpu", "mps", "", "cuda:x"])
def test_unknown_devices_are_refused(device: str) -> None:
    with pytest.raises(UsageError, match="not known"), using(device):
        pass


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_missing_device_is_said(device: str) -> None:
    with pytest.raises(ResourceError, match="--device cpu"), using(device):
        pass


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_finds_the_same() -> None:
    x = cloud(3000, 30)
    expected, places = nearest(x, 20)
    with using("cuda"):
        distances, index = nearest(x, 20)
    assert np.array_equal(index, places)
    assert np.allclose(distances, expected)
