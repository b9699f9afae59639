"""Graphs of edge lengths: the same from every form, shortest paths between far points, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from topovae.data.dataset import Dataset
from topovae.errors import InputError, ResourceError
from topovae.homology.cloud.graphs import holds_graph, measure_distances, read_graph, sample_graph
from topovae.homology.complexes.rips import persistence


def ring(n: int) -> np.ndarray:
    """Edges (n, 3) of a ring of n samples, of length 1 all round."""
    i = np.arange(n)
    return np.column_stack([i, (i + 1) % n, np.ones(n)]).astype(np.float64)


def ring_distances(n: int) -> np.ndarray:
    steps = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.minimum(steps, n - steps).astype(float)


def matrix(edges: np.ndarray, n: int) -> Any:
    i, j = edges[:, :2].astype(int).T
    return sparse.coo_matrix((edges[:, 2], (i, j)), shape=(n, n))


FORMS = (
    "edges",
    "edges of no length",
    "whole numbers",
    "data set",
    "both directions",
    "half",
    "sparse array",
    "file of csr",
    "file of csc",
    "file of coo",
    "path as text",
)


def forms(folder: Path, n: int = 50) -> dict[str, Any]:
    edges = ring(n)
    half = matrix(edges, n)
    both = half + half.T
    paths = {}
    for form in ("csr", "csc", "coo"):
        paths[form] = folder / f"{form}.npz"
        sparse.save_npz(paths[form], both.asformat(form))
    return {
        "edges": edges,
        "edges of no length": edges[:, :2],
        "whole numbers": edges.astype(np.int32),
        "data set": Dataset.of(edges),
        "both directions": np.vstack([edges, edges[:, [1, 0, 2]]]),
        "half": half.tocsr(),
        "sparse array": sparse.csr_array(both),
        **{f"file of {form}": path for form, path in paths.items()},
        "path as text": str(paths["csr"]),
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_graph(form: str, tmp_path: Path) -> None:
    given = forms(tmp_path)[form]
    found = sample_graph(read_graph(given))
    assert np.array_equal(found.distances, ring_distances(50)[np.ix_(found.index, found.index)])
    assert sorted(found.index) == list(range(50))
    assert (found.covering_radius, found.n_samples, found.reasons) == (0.0, 50, ())


def test_other_data_are_no_graph(tmp_path: Path) -> None:
    for data in (np.ones((50, 50)), np.ones((3, 3)), np.ones((50, 4)), Dataset.of(np.ones((50, 50)))):
        assert read_graph(data) is None
    np.savez(tmp_path / "x.npz", x=np.ones((5, 3)))
    sparse.save_npz(tmp_path / "graph.npz", matrix(ring(50), 50).tocsr())
    held = [holds_graph(tmp_path / name) for name in ("x.npz", "missing.npz", "graph.npz")]
    assert held == [False, False, True]


def test_a_matrix_of_distances_is_taken_whole() -> None:
    given = ring_distances(60)
    found = measure_distances(given)
    assert np.array_equal(found.distances, given)
    assert (found.n_samples, found.covering_radius, found.thinned) == (60, 0.0, False)
    assert not found.component.any()
    assert measure_distances(ring(60)).thinned


@pytest.mark.parametrize("most", [5, 20, 60])
def test_points_lie_far_apart_and_stand_for_all(most: int) -> None:
    found = sample_graph(read_graph(ring(300)), seed=3, most=most)
    assert len(found.index) == most
    assert found.weights.sum() == 300
    assert np.array_equal(found.distances, ring_distances(300)[np.ix_(found.index, found.index)])
    gaps = np.diff(np.sort(found.index), append=np.sort(found.index)[0] + 300)
    assert gaps.max() <= 4 * gaps.min()
    assert found.covering_radius == gaps.max() // 2


def test_a_graph_of_neighbours_on_a_circle_has_its_loop() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 3000)
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    order = np.argsort(angle)
    edges = [np.column_stack([order, np.roll(order, -step)]) for step in (1, 2, 3)]
    pairs = np.vstack(edges)
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    found = sample_graph(read_graph(np.column_stack([pairs, lengths])), most=100)
    bars = persistence(found.distances, 3, 1).bars[1]
    assert (bars[:, 1] > 3 * bars[:, 0]).sum() == 1


def test_components_are_kept_apart_and_crumbs_left_out() -> None:
    small, large, crumb = ring(60), ring(200), ring(4)
    large[:, :2] += 60
    crumb[:, :2] += 260
    found = sample_graph(read_graph(np.vstack([small, large, crumb])), most=80)
    pieces = [np.flatnonzero(found.component == part) for part in range(2)]
    assert [int(found.weights[piece].sum()) for piece in pieces] == [200, 60]
    assert found.index.max() < 260
    for piece in pieces:
        assert np.isfinite(found.distances[np.ix_(piece, piece)]).all()
    assert np.isinf(found.distances[np.ix_(*pieces)]).all()
    assert "4 nodes" in found.reasons[0]
    assert found.component.max() == 1


def test_samples_at_one_place_need_one_point() -> None:
    edges = ring(40)
    edges[::2, 2] = 0.0
    found = sample_graph(read_graph(edges))
    assert len(found.index) == 20
    assert (found.weights == 2).all()
    assert (found.distances[~np.eye(20, dtype=bool)] > 0).all()


def test_distances_are_a_metric() -> None:
    points = np.random.default_rng(0).normal(size=(300, 3))
    full = cdist(points, points)
    full[full > 1.0] = 0.0
    found = sample_graph(read_graph(sparse.csr_array(full)), most=40)
    d = found.distances[found.component == 0][:, found.component == 0]
    assert np.array_equal(d, d.T)
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-9).all()


def edges(**changes: Any) -> np.ndarray:
    table = ring(50)
    for place, value in changes.values():
        table[place] = value
    return table


BAD: dict[str, tuple[Any, str]] = {
    "nan": (edges(a=((7, 2), np.nan)), r"\(7, 8\), nan, is not finite"),
    "infinite": (edges(a=((7, 2), np.inf)), r"\(7, 8\), inf, is not finite"),
    "negative": (edges(a=((7, 2), -1.0)), r"\(7, 8\), -1\.0, is negative"),
    "itself": (edges(a=((7, 1), 7.0)), r"Edge \(7, 7\) has the length .* itself"),
    "fraction": (edges(a=((7, 1), 7.5)), "Edge 7 .* whole numbers"),
    "below 0": (edges(a=((7, 1), -1.0)), r"Edge 7 joins 7\.0 and -1\.0; expected whole numbers"),
    "far sample": (edges(a=((7, 1), 1e9)), "50 edges name sample 1000000000: .* from 0"),
    "two lengths": (np.vstack([ring(50), [[7, 6, 5.0]]]), r"Edge \(6, 7\) has two lengths, \S+ and 5\.0"),
    "empty": (np.ones((0, 3)), "i, j, length"),
    "not square": (sparse.csr_array(np.ones((4, 5))), r"square; this one has the shape \(4, 5\)"),
    "no samples": (sparse.csr_array((0, 0)), "empty"),
    "complex": (sparse.csr_array(np.ones((4, 4), dtype=complex)), "real numbers; these are complex128"),
    "single precision": (np.array([[0, 2.0**24]], dtype=np.float32), "up to 16777216 are not exact in float32.* float64"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD.keys())
def test_bad_graphs_are_refused(data: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_graph(data)


def test_a_graph_of_crumbs_is_refused() -> None:
    pairs = np.arange(100).reshape(50, 2)
    with pytest.raises(InputError, match="falls apart: the largest of its 50 components has 2 of 100 nodes"):
        sample_graph(read_graph(pairs))


@pytest.mark.parametrize("harm", ["cut", "indices", "form", "object"])
def test_damaged_files_are_refused(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    both = matrix(ring(50), 50).tocsr()
    parts: dict[str, Any] = {"data": both.data, "indices": both.indices, "indptr": both.indptr, "shape": (50, 50)}
    parts["format"] = b"bsr" if harm == "form" else b"csr"
    if harm == "indices":
        parts["indices"] = both.indices + 1000
    if harm == "object":
        parts["data"] = both.data.astype(object)
    np.savez(path, **parts)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"graph\.npz"):
        read_graph(path)


def test_memory_is_estimated_before_the_work() -> None:
    with pytest.raises(ResourceError, match="GiB"):
        read_graph(ring(100_000), memory=2**20)
    with pytest.raises(ResourceError, match="GiB"):
        sample_graph(read_graph(ring(2000)), memory=2**20)


def test_an_archive_of_an_unknown_version_holds_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    np.savez(path, x=np.zeros(3))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 255  # the version of zip that is needed
    path.write_bytes(content)
    assert not holds_graph(path)


def test_samples_at_distance_zero_are_one() -> None:
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    points = np.repeat(np.column_stack([np.cos(angles), np.sin(angles)]), [4] + [1] * 49, axis=0)
    found = measure_distances(cdist(points, points))
    assert found.index.tolist() == [0, *range(4, 53)] and found.weights.tolist() == [4] + [1] * 49
    assert len(found.distances) == 50 and found.n_samples == 53
    with pytest.raises(InputError, match="Only 10 of the 60"):
        measure_distances(cdist(np.repeat(points[4:14], 6, axis=0), np.repeat(points[4:14], 6, axis=0)))
