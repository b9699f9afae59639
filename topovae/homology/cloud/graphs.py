"""Distances given in place of samples: a square matrix, or a sparse graph of edge lengths."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.dataset import MEMORY_BYTES, Dataset
from topovae.data.readers.base import DAMAGE, Entry, File, parsing, require_room
from topovae.data.readers.numpy import npz_entries
from topovae.data.readers.sparse import compressed_array, coordinate_array
from topovae.errors import InputError, ResourceError
from topovae.homology.calibration import tuned
from topovae.homology.cloud.components import components_of_distances
from topovae.homology.cloud.rows import LEAST_ROWS

POOL = (500, 1000)
"""So many nodes of a larger graph stand for all, fewer where it has many edges; distances are measured from them alone:
a limit on cost, not tuned."""

POOL_EDGES = 9e8
"""Nodes that stand for all times edges: about a minute and a half, a limit on cost, not tuned."""

WHOLE_GRAPH = 2000
"""Up to so many nodes all of them are taken: a limit on cost, not tuned."""

LEAST_SHARE, LEAST_NODES = tuned("graph_share"), int(tuned("graph_nodes"))

BYTES_PER_EDGE, BYTES_PER_NODE = 96, 64
"""Memory for each edge as given, with its copies for checks and in both directions, and for each node: an estimate,
not tuned."""

_SPARSE = {
    "csr": ("data", "indices", "indptr", "shape"),
    "csc": ("data", "indices", "indptr", "shape"),
    "coo": ("data", "row", "col", "shape"),
}


@dataclass(frozen=True)
class DistanceSample:
    """Distances between points that stand for the data.

    Attributes:
        distances: (m, m) symmetric; infinite between components.
        index: (m,) which of the samples the points are.
        component: (m,) number of each point's component, the largest being 0.
        weights: (m,) number of samples that each point stands for.
        covering_radius: largest distance of a sample to its point.
        n_samples: samples in the data, those left out too.
        thinned: whether the points were spread over more samples.
        reasons: sentences on what was left out.
    """

    distances: np.ndarray
    index: np.ndarray
    component: np.ndarray
    weights: np.ndarray
    covering_radius: float
    n_samples: int
    thinned: bool
    reasons: tuple[str, ...] = field(default=())


def measure_distances(data: Any, seed: int = 0, memory: int = 2 * 2**30) -> DistanceSample:
    """Read distances of any form, and measure them between points that stand for the data.

    Args:
        data: as `read_graph` takes it, or a Dataset or array (n, n) of distances.
        seed: chooses the points.
        memory: bytes that may be used.

    Raises:
        InputError: names the edge or the entry that is wrong.
        ResourceError: the work would exceed `memory`.
    """
    graph = read_graph(data, memory)
    return sample_matrix(Dataset.given(data), seed, memory) if graph is None else sample_graph(graph, seed, memory=memory)


def read_graph(data: Any, memory: int = 2 * 2**30) -> Any:
    """Read a graph of edge lengths, given once or in both directions, as a symmetric matrix: here its forms are told apart.

    Pairs without an entry are no neighbours; an entry of 0 joins two samples at one place.

    Args:
        data: a path of an .npz made by `scipy.sparse.save_npz` (CSR, CSC or COO); a sparse matrix; or a Dataset
            or array of edges (e, 3), columns i, j and length, or (e, 2), all of length 1; samples count from 0.
        memory: bytes that may be used.

    Returns:
        scipy.sparse.csr_array (n, n), or None for a Dataset or array of another shape, which is no graph.

    Raises:
        InputError: names the edge that is wrong.
        ResourceError: the graph would exceed `memory`.
    """
    if isinstance(data, str | os.PathLike):
        data = _load_sparse(data, memory)
    if hasattr(data, "tocoo"):
        return _from_sparse(data, memory)
    table = Dataset.given(data)
    if table.sample_shape in ((2,), (3,)) and (table.n_samples, *table.sample_shape) != (3, 3):
        return _from_edges(table, memory)
    return None


def holds_graph(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a sparse matrix as scipy saves it."""
    return _sparse_format(path) is not None


def sample_matrix(data: Dataset, seed: int = 0, memory: int = 2 * 2**30) -> DistanceSample:
    """Take all samples of a distance matrix (n, n), those at distance zero as one, and find the components that they fall into.

    Args:
        data: the matrix, one row a sample.
        seed: of the landmarks that components are counted on.
        memory: bytes that may be used.

    Raises:
        InputError: the matrix is none of distances, or of too few samples.
        ResourceError: the work would exceed `memory`.
    """
    n, shape = data.n_samples, data.sample_shape
    if shape != (n,):
        raise InputError(f"A distance matrix must be square; this data has the shape {(n, *shape)}.")
    if n < LEAST_ROWS:
        raise InputError(f"The distance matrix holds {n} samples; a diagnosis needs at least {LEAST_ROWS}.")
    if 24 * n * n > memory:
        raise ResourceError(
            f"A distance matrix of {n} samples takes about {24 * n * n / 2**30:.1f} GiB to work on, and "
            f"{memory / 2**30:.1f} GiB are allowed. Give the samples, fewer of them, or more memory."
        )
    distances = data.load()
    check_distances(distances)
    if not distances.any():
        raise InputError(f"All {n} samples are equal, at distance zero: there is no space to diagnose.")
    distances = np.asarray(distances, dtype=np.float64)
    distances = (distances + distances.T) / 2
    first, weights = np.unique((distances == 0).argmax(1), return_counts=True)
    if len(first) < LEAST_ROWS:
        raise InputError(
            f"Only {len(first)} of the {n} samples of the distance matrix are not at distance zero from an earlier one; a "
            f"diagnosis needs at least {LEAST_ROWS}."
        )
    apart = distances if len(first) == n else distances[np.ix_(first, first)]
    return DistanceSample(apart, first, components_of_distances(apart, seed), weights, 0.0, n, False)


def sample_graph(graph: Any, seed: int = 0, most: int | None = None, memory: int = 2 * 2**30) -> DistanceSample:
    """Measure shortest paths between nodes that lie as far apart as can be.

    Each new node is the farthest from those before it, so that every component is reached.

    Args:
        graph: symmetric sparse matrix (n, n) of edge lengths.
        seed: chooses the first node.
        most: number of nodes that stand for all; all of a small graph, else 500 to 1000, when None.
        memory: bytes that may be used.

    Raises:
        InputError: no component is large enough.
        ResourceError: the work would exceed `memory`.
    """
    from scipy.sparse.csgraph import connected_components, dijkstra

    n = graph.shape[0]
    pool = int(np.clip(POOL_EDGES / max(graph.nnz, 1), *POOL))
    count = min(n, most or (n if n <= WHOLE_GRAPH else pool))
    _require_room(graph.nnz // 2, n, memory, count)
    _, label = connected_components(graph, directed=False)
    kept, reasons = _large_components(label)
    rng = np.random.default_rng(seed)
    reach = np.where(kept[label] >= 0, np.inf, -np.inf)
    owner = np.zeros(n, dtype=np.int64)
    distances = np.full((count, count), np.inf)
    index: list[int] = [int(rng.choice(np.flatnonzero(reach > 0)))]
    for place in range(count):
        if place:
            index.append(int(reach.argmax()))
        if place and reach[index[-1]] <= 0:  # all that are left lie at the place of another
            index.pop()
            break
        row = dijkstra(graph, directed=True, indices=index[-1])
        distances[place, : place + 1] = distances[: place + 1, place] = row[index]
        nearer = row < reach
        owner[nearer], reach[nearer] = place, row[nearer]
    found = np.array(index)
    inside = kept[label] >= 0
    return DistanceSample(
        distances=distances[: len(found), : len(found)],
        index=found,
        component=kept[label[found]],
        weights=np.bincount(owner[inside], minlength=len(found)),
        covering_radius=float(reach[inside].max()),
        n_samples=n,
        thinned=True,
        reasons=reasons,
    )


def check_distances(distances: np.ndarray) -> None:
    """Refuse a matrix that is not one of distances: ripser would take it without a word.

    Raises:
        InputError: says which entry is wrong.
    """
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise InputError(f"A distance matrix must be square; this array has the shape {distances.shape}.")
    if not len(distances):
        raise InputError("The distance matrix is empty: there is no sample to diagnose. Give at least one.")
    if distances.dtype.kind not in "fiu":
        raise InputError(f"A distance matrix must hold real numbers; this one holds {distances.dtype}.")
    problems = {
        "is not finite": ~np.isfinite(distances),
        "is negative": distances < 0,
        "is not zero, and a sample's distance to itself must be": np.diag(np.diag(distances)) != 0,
    }
    for problem, wrong in problems.items():
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            raise InputError(f"Entry [{i}, {j}] of the distance matrix, {distances[i, j]}, {problem}.")
    wrong = np.abs(distances - distances.T) > 1e-6 * max(float(distances.max()), 1e-300)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise InputError(
            f"The distance matrix is not symmetric: entry [{i}, {j}] is {distances[i, j]} and [{j}, {i}] is "
            f"{distances[j, i]}. Symmetrise it, or give the samples themselves."
        )


def _large_components(label: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number the components from the largest on, small ones −1."""
    size = np.bincount(label)
    least = max(LEAST_NODES, LEAST_SHARE * len(label))
    large = [int(i) for i in np.argsort(-size, kind="stable") if size[i] >= least]
    if not large:
        raise InputError(
            f"The graph falls apart: the largest of its {len(size)} components has {size.max()} of {len(label)} nodes, and "
            f"{least:.0f} are needed. Join more neighbours."
        )
    number = np.full(len(size), -1)
    number[large] = np.arange(len(large))
    if len(large) == len(size):
        return number, ()
    few = f"{len(size) - len(large)} components of {size[number < 0].sum()} nodes together are too small and left out"
    return number, (few,)


def _from_sparse(matrix: Any, memory: int) -> Any:
    """Make a graph of a sparse matrix of edge lengths."""
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"A matrix of edge lengths must be square; this one has the shape {tuple(matrix.shape)}.")
    _require_room(matrix.nnz, matrix.shape[0], memory)
    entries = matrix.tocoo()
    return _symmetric(entries.row, entries.col, entries.data, matrix.shape[0])


def _from_edges(table: Dataset, memory: int) -> Any:
    """Make a graph of a table of edges (e, 2) or (e, 3)."""
    _require_room(table.n_samples, 0, memory)
    edges = table.load()
    if not len(edges):
        raise InputError(f"Edges must come in rows i, j, length or i, j; this table has the shape {edges.shape}.")
    ends = edges[:, :2]
    wrong = ~(np.isfinite(ends) & (ends >= 0) & (ends == np.floor(ends))).all(1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(f"Edge {row} joins {ends[row, 0]} and {ends[row, 1]}; expected whole numbers of samples from 0.")
    if edges.dtype.itemsize < 8 and ends.max() >= 2**24:
        raise InputError(f"Numbers of samples up to {ends.max():.0f} are not exact in {edges.dtype}; give them as float64.")
    n = int(ends.max()) + 1
    if n > 10 * len(edges) + 1000:
        raise InputError(f"{len(edges)} edges name sample {n - 1}: nearly all are alone. Number the samples from 0 on.")
    _require_room(len(edges), n, memory)
    length = edges[:, 2] if edges.shape[1] == 3 else np.ones(len(edges))
    return _symmetric(ends[:, 0].astype(np.int64), ends[:, 1].astype(np.int64), length, n)


def _symmetric(row: np.ndarray, column: np.ndarray, length: np.ndarray, n: int) -> Any:
    """Check edges and return them in both directions, as a CSR array (n, n)."""
    from scipy.sparse import coo_array

    if np.asarray(length).dtype.kind not in "biuf":
        raise InputError(f"Edge lengths must be real numbers; these are {np.asarray(length).dtype}.")
    length = np.asarray(length, dtype=np.float64)
    if n == 0:
        raise InputError("The graph is empty: there is no sample to diagnose. Give at least one.")
    for problem, wrong in {"is not finite": ~np.isfinite(length), "is negative": length < 0}.items():
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise InputError(f"The length of edge ({row[i]}, {column[i]}), {length[i]}, {problem}.")
    loop = row == column
    if (length[loop] > 0).any():
        i = int(np.flatnonzero(loop & (length > 0))[0])
        raise InputError(f"Edge ({row[i]}, {row[i]}) has the length {length[i]}, and a sample's distance to itself must be 0.")
    low, high = np.minimum(row, column)[~loop].astype(np.int64), np.maximum(row, column)[~loop].astype(np.int64)
    length = length[~loop]
    order = np.lexsort((high, low))
    low, high, length = low[order], high[order], length[order]
    first = np.ones(len(low), dtype=bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    differs = ~first[1:] & (np.abs(np.diff(length)) > 1e-6 * length.max(initial=0.0))
    if differs.any():
        i = int(np.flatnonzero(differs)[0]) + 1
        raise InputError(
            f"Edge ({low[i]}, {high[i]}) has two lengths, {length[i - 1]} and {length[i]}. Give each edge once, or alike in "
            "both directions."
        )
    low, high, length = low[first], high[first], length[first]
    both = (np.concatenate([low, high]), np.concatenate([high, low]))
    return coo_array((np.concatenate([length, length]), both), shape=(n, n)).tocsr()


def _sparse_format(path: str | os.PathLike[str]) -> str | None:
    """Return the format of a sparse matrix saved by scipy, or None if the file holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except DAMAGE:
        return None
    if not {"format.npy", "shape.npy", "data.npy"} <= names:
        return None
    file = _file(path)
    return _format(npz_entries(file), file)


def _file(path: str | os.PathLike[str], memory: int = MEMORY_BYTES) -> File:
    return File(Path(path), os.fspath(path), None, ".npz", memory=memory)


def _array(entries: Mapping[str, Entry], name: str, file: File) -> np.ndarray:
    """An array of the file, once it fits in memory."""
    entry = entries[name]
    require_room(entry.shape, entry.dtype, f"{file.label}::{name}", file.memory)
    return np.asarray(entry.open())


def _format(entries: Mapping[str, Entry], file: File) -> str:
    name = _array(entries, "format", file)
    if name.shape != () or name.dtype.kind not in "SU":
        raise InputError(f"{file.label}: the `format` of its sparse matrix is no text; make it again by scipy.sparse.save_npz.")
    return name.item().decode("ascii", "replace") if name.dtype.kind == "S" else str(name)


def _load_sparse(path: str | os.PathLike[str], memory: int) -> Any:
    """Read the arrays of a sparse matrix, without unpickling anything, and put it together once they are checked."""
    file = _file(path, memory)
    entries = npz_entries(file)
    with parsing(file, "a sparse matrix"):
        form = _format(entries, file)
        if form not in _SPARSE:
            raise InputError(
                f"{file.label} holds a sparse matrix of the form {form}; expected csr, csc or coo: use `.tocsr()`."
            )
        parts = {name: _array(entries, name, file) for name in _SPARSE[form]}
        if form == "coo":
            return coordinate_array(parts["data"], parts["row"], parts["col"], parts["shape"])
        return compressed_array(form, parts["data"], parts["indices"], parts["indptr"], parts["shape"])


def _require_room(edges: int, nodes: int, memory: int, points: int = 0) -> None:
    needed = BYTES_PER_EDGE * edges + BYTES_PER_NODE * nodes + 24 * points * points
    if needed > memory:
        raise ResourceError(
            f"A graph of {edges} edges takes about {needed / 2**30:.1f} GiB to work on, and {memory / 2**30:.1f} GiB are "
            "allowed. Give fewer neighbours or samples, or allow more memory."
        )
