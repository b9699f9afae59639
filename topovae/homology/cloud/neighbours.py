"""Nearest neighbours of points, and the averages over them; on the CPU, or on a torch device where one was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from topovae.errors import ResourceError, UsageError

DEVICES = ("cpu", "cuda")
CHUNK_NUMBERS = 2**25
"""Distances held at once on a torch device: a limit on cost, not tuned."""

BLOCK_NUMBERS = 2**22
"""The same on the CPU, where blocks are quickest that its cache nearly holds: not tuned."""

TREE_COLUMNS = 15
"""In more columns a tree looks at nearly all points, and trying all is quicker: scikit-learn's rule, not tuned."""

SPARE = 4
"""So many neighbours more are measured directly, where rounding may have changed their order: not tuned."""

_device: ContextVar[Any] = ContextVar("device", default=None)


@contextmanager
def using(device: str) -> Iterator[None]:
    """Let all searches for neighbours within the block run on a device.

    Args:
        device: `cpu`, which does without torch; or `cuda`, `cuda:1`, …

    Raises:
        UsageError: there is no such kind of device.
        ResourceError: this machine, or its torch, has no CUDA device of that name.

    Example:
        >>> with using("cpu"):
        ...     nearest(np.array([[0.0], [1.0], [3.0]]), 1)[1].tolist()
        [[1], [0], [1]]
    """
    token = _device.set(open_device(device))
    try:
        yield
    finally:
        _device.reset(token)


def open_device(device: str) -> Any:
    """Return the torch device of a name, or None for the CPU without torch.

    Raises:
        UsageError: there is no such kind of device.
        ResourceError: this machine, or its torch, has no CUDA device of that name.
    """
    if device == "cpu":
        return None
    if device.partition(":")[0] != "cuda":
        raise UsageError(f"The device {device!r} is not known; use one of {', '.join(DEVICES)}.")
    import torch

    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"The device {device!r} is not known ({error}); use cpu, cuda or cuda:0.") from error
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (wanted.index or 0) >= present:
        raise ResourceError(
            f"The device {device} was asked for, and torch sees {present or 'no'} CUDA devices here. Use --device cpu, or "
            "install a driver and a torch built for CUDA."
        )
    return wanted


def nearest(points: np.ndarray, k: int, query: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances to, and indices of, the k nearest points, nearest first.

    Args:
        points: (n, p) points to search.
        k: number of neighbours.
        query: (r, p) places to search from; the points themselves, each without itself, by default.

    Returns:
        Distances (r, k) and indices (r, k) into `points`; fewer columns where there are fewer points.
    """
    device = _device.get()
    count = min(k + (query is None), len(points))
    if device is not None:
        distances, index = search_torch(points, count, points if query is None else query, device)
    else:
        distances, index = _search(points, count, points if query is None else query)
    if query is not None:
        return distances, index
    return _without_itself(distances, index)


def _search(points: np.ndarray, count: int, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Search in double precision; without scikit-learn, whose import takes longer than all searches of most commands."""
    points, query = np.asarray(points, dtype=float), np.asarray(query, dtype=float)
    if points.shape[1] <= TREE_COLUMNS:
        distances, index = cKDTree(points).query(query, [*range(1, count + 1)])
        return distances, index
    return search_all(points, count, query)


def search_all(points: np.ndarray, count: int, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Search by trying all points, in blocks of the queries; Args and Returns as of `search_torch`, without a device."""
    centre = points.mean(0)
    points, query = points - centre, query - centre
    half, tried = 0.5 * (points**2).sum(1), min(count + SPARE, len(points))
    step = max(1, BLOCK_NUMBERS // max(len(points), tried * points.shape[1]))
    parts = []
    for start in range(0, len(query), step):
        here = query[start : start + step]
        # differences of squares lose the digits of short distances, hence a few more, measured again directly
        near = np.argpartition(half - here @ points.T, tried - 1, axis=1)[:, :tried]
        squares = ((points[near] - here[:, None]) ** 2).sum(2)
        order = np.argsort(squares, axis=1, kind="stable")[:, :count]
        parts.append((np.sqrt(np.take_along_axis(squares, order, 1)), np.take_along_axis(near, order, 1)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _without_itself(distances: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop each point from its own neighbours: it need not come first where others lie at the same place."""
    own = index == np.arange(len(index))[:, None]
    drop = np.where(own.any(1), own.argmax(1), index.shape[1] - 1)
    keep = np.arange(index.shape[1]) != drop[:, None]
    shape = (len(index), index.shape[1] - 1)
    return distances[keep].reshape(shape), index[keep].reshape(shape)


def search_torch(points: np.ndarray, count: int, query: np.ndarray, device: Any) -> tuple[np.ndarray, np.ndarray]:
    """Search by trying all points on a torch device, in double precision and chunks of the queries.

    Args:
        points: (n, p) points to search.
        count: number of neighbours, at most n.
        query: (r, p) places to search from.
        device: torch.device.

    Returns:
        Distances (r, count), nearest first, and indices (r, count).
    """
    import torch

    there = torch.as_tensor(np.ascontiguousarray(points, dtype=np.float64), device=device)
    step = max(1, CHUNK_NUMBERS // len(points))
    parts = []
    for start in range(0, len(query), step):
        here = torch.as_tensor(np.ascontiguousarray(query[start : start + step], dtype=np.float64), device=device)
        # differences of squares lose the digits of short distances, hence a few more, measured again directly
        rough = torch.cdist(here, there, compute_mode="use_mm_for_euclid_dist")
        index = rough.topk(min(count + SPARE, len(points)), dim=1, largest=False).indices
        distances, order = torch.sort((here[:, None] - there[index]).norm(dim=2), dim=1, stable=True)
        best = torch.gather(index, 1, order)[:, :count]
        parts.append((distances[:, :count].cpu().numpy(), best.cpu().numpy()))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def average(points: np.ndarray, k: int) -> np.ndarray:
    """Replace each point (n, p) by the mean of itself and its k nearest neighbours.

    Noise falls by √(k + 1); on a manifold sampled densely the bias is of second order in the spacing.
    """
    return average_over(points, nearest(points, k)[1])


def average_over(points: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Replace each point (n, p) by the mean of itself and its neighbours, whose rows (n, k) are known."""
    return (points + points[index].sum(1)) / (index.shape[1] + 1)
