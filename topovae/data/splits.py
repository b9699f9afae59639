"""Train, valid and test: disjoint parts of the samples, whole groups together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topovae.data.dataset import Dataset
from topovae.errors import InputError, UsageError
from topovae.store.documents import Brief

FRACTIONS = (0.8, 0.1, 0.1)


@dataclass(frozen=True, repr=False)
class Split(Brief):
    """Rows of each part, sorted int64; together they are all rows, each once."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """Return the parts by name, in the order train, valid, test."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


def split(n: int, *, seed: int, fractions: Sequence[float] = FRACTIONS, group: np.ndarray | None = None) -> Split:
    """Divide n samples at random into three parts that are never empty; equal arguments give equal parts.

    Args:
        n: how many samples.
        seed: chooses the parts.
        fractions: shares of train, valid and test among the samples, or among the groups when given; sum 1.
        group: (n,) labels; rows of one label stay together.

    Raises:
        UsageError: the fractions are not three positive numbers of sum 1.
        InputError: fewer than three samples or groups, or labels that do not fit.

    Example:
        >>> parts = split(10, seed=0)
        >>> [len(rows) for rows in parts.parts().values()]
        [8, 1, 1]
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise UsageError(
            f"The fractions of a split are {tuple(fractions)}; expected three positive numbers for train, "
            f"valid and test with sum 1, such as {FRACTIONS}."
        )
    rng = np.random.default_rng(seed)
    if group is None:
        return Split(*_deal(n, shares, rng, "samples"))
    group = np.asarray(group)
    if group.shape != (n,):
        raise InputError(f"`group` has the shape {group.shape}; expected ({n},), one label a sample. Correct it.")
    labels, member = np.unique(group, return_inverse=True)
    return Split(*(np.flatnonzero(np.isin(member, part)) for part in _deal(len(labels), shares, rng, "groups")))


def _deal(count: int, shares: np.ndarray, rng: np.random.Generator, things: str) -> list[np.ndarray]:
    """Deal the numbers below `count` into three sorted arrays, by shares, at least one each."""
    if count < 3:
        raise InputError(
            f"There are {count} {things}; a split into train, valid and test needs at least 3. Give more {things}."
        )
    order = rng.permutation(count).astype(np.int64)
    return [np.sort(part) for part in np.split(order, np.cumsum(_sizes(count, shares))[:-1])]


def _sizes(count: int, shares: np.ndarray) -> np.ndarray:
    """Round shares of a count by largest remainders, then take from the largest for what is left empty."""
    sizes = np.floor(shares * count).astype(np.int64)
    neediest = np.argsort(sizes - shares * count, kind="stable")
    sizes[neediest[: count - sizes.sum()]] += 1
    while not sizes.all():
        sizes[sizes.argmax()] -= 1
        sizes[sizes.argmin()] += 1
    return sizes


def split_data(data: Dataset, seed: int, rows: np.ndarray | None = None) -> Split:
    """The split of a run: by whole groups where the data have more than one label.

    Where samples are held out they are the test split, and the share of one is for training.

    Args:
        data: all samples.
        seed: chooses the parts.
        rows: (m,) samples that the parts are of, ascending; all by default.
    """
    known = np.arange(data.n_samples) if rows is None else rows
    own = known[known < data.n_samples - data.held_out]
    label = None if data.group is None else np.asarray(data.group)[own]
    group = label if label is not None and len(np.unique(label)) > 1 else None
    train, valid, test = (own[part] for part in split(len(own), seed=seed, group=group).parts().values())
    if not data.held_out:
        return Split(train, valid, test)
    return Split(np.sort(np.concatenate([train, test])), valid, known[len(own) :])
