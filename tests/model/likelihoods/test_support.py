"""Data that can have no probability are refused, with the place of the first number."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.errors import UsageError
from topovae.model.likelihoods import LIKELIHOODS
from topovae.model.likelihoods.support import check_support, suits

GOOD = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("likelihood", "value"),
    [("bernoulli", -0.1), ("bernoulli", 1.5), ("poisson", -1.0), ("poisson", 0.5), ("negative-binomial", 2.25)],
)
def test_the_first_number_that_does_not_suit_is_named(likelihood: str, value: float) -> None:
    x = GOOD.copy()
    x[1, 1] = x[2, 0] = value
    with pytest.raises(UsageError, match=rf"{likelihood} needs .* 2 of the 6 .* row 1, column 1 is {value:g}"):
        check_support(likelihood, Dataset.of(x))
    assert not suits(likelihood, Dataset.of(x))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_binary_data_suit_all(likelihood: str) -> None:
    check_support(likelihood, Dataset.of(GOOD))
    assert suits(likelihood, Dataset.of(GOOD))


@pytest.mark.parametrize("likelihood", ["gaussian", "student"])
def test_any_numbers_suit_those_for_any_numbers(likelihood: str) -> None:
    check_support(likelihood, Dataset.of(GOOD - 7.5))
