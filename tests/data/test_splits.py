"""The laws of a split, over a table of sizes, fractions and groups."""

import numpy as np
import pytest

from topovae.data.splits import FRACTIONS, Split, split
from topovae.errors import InputError, UsageError

SIZES = [3, 4, 5, 10, 11, 99, 2000, 2001]
SHARES = [FRACTIONS, (0.34, 0.33, 0.33), (0.1, 0.45, 0.45), (0.98, 0.01, 0.01), (0.01, 0.01, 0.98)]
CASES = [(n, shares, grouped) for n in SIZES for shares in SHARES for grouped in (False, True)]


def labels(n):
    """Uneven groups, at least three, with gaps and negative numbers among the labels."""
    return np.random.default_rng(n).permutation(np.r_[[-5, 7, 1000], np.arange(n - 3) // 4 * 3])


def parts_of(case, seed=0):
    n, shares, grouped = case
    return split(n, seed=seed, fractions=shares, group=labels(n) if grouped else None)


@pytest.mark.parametrize("case", CASES)
def test_parts_are_disjoint_cover_all_and_are_never_empty(case):
    parts = parts_of(case).parts()
    assert list(parts) == ["train", "valid", "test"]
    assert all(len(rows) and rows.dtype == np.int64 and (np.diff(rows) > 0).all() for rows in parts.values())
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(case[0]))


@pytest.mark.parametrize("case", CASES)
def test_the_seed_decides(case):
    first, again, other = (np.concatenate(list(parts_of(case, seed).parts().values())) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    if case[0] >= 99:
        assert (first != other).any()


@pytest.mark.parametrize("case", CASES)
def test_proportions_hold_to_one_unless_a_part_would_be_empty(case):
    n, shares, grouped = case
    members = labels(n) if grouped else np.arange(n)
    count = len(np.unique(members))
    sizes = np.array([len(np.unique(members[rows])) for rows in parts_of(case).parts().values()])
    wanted = count * np.array(shares)
    rounded_to_none = (wanted < 1).sum()
    assert (np.abs(sizes - wanted) < 1 + rounded_to_none).all()


@pytest.mark.parametrize("n", SIZES)
def test_groups_stay_whole(n):
    group = labels(n)
    parts = split(n, seed=1, group=group).parts().values()
    owners = [set(group[rows].tolist()) for rows in parts]
    assert sum(map(len, owners)) == len(set().union(*owners)) == len(np.unique(group))


def test_sizes_are_exact_where_fractions_are():
    assert [len(rows) for rows in split(2000, seed=0).parts().values()] == [1600, 200, 200]
    assert [len(rows) for rows in split(100, seed=0, fractions=(0.29, 0.42, 0.29)).parts().values()] == [
        29,
        42,
        29,
    ]


def test_rows_are_drawn_evenly():
    """Each row is in the test part about as often as any other: 400 draws of 10 in 100, mean 40, sd 6."""
    counts = np.zeros(100)
    for seed in range(400):
        counts[split(100, seed=seed).test] += 1
    assert counts.min() > 15 and counts.max() < 70


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_samples(n):
    with pytest.raises(InputError, match=f"{n} samples"):
        split(n, seed=0)


def test_too_few_groups():
    with pytest.raises(InputError, match="2 groups"):
        split(10, seed=0, group=np.arange(10) % 2)


def test_groups_of_another_length():
    with pytest.raises(InputError, match="group"):
        split(10, seed=0, group=np.arange(9))


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.2, 0.0), (0.8, 0.3, -0.1), (0.5, 0.1, 0.1), (1, np.nan, 0)])
def test_fractions_without_meaning(fractions):
    with pytest.raises(UsageError, match="fractions"):
        split(10, seed=0, fractions=fractions)


def test_a_split_is_frozen():
    parts = split(10, seed=0)
    assert isinstance(parts, Split)
    with pytest.raises(AttributeError):
        parts.train = parts.test
