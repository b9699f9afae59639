"""Moments by blocks are those of all rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.data.moments import moments


@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_blocks_change_nothing(block: int, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2, 3)) * np.array([1.0, 5.0, 0.1]) + offset
    index = rng.permutation(40)[:31]
    monkeypatch.setattr(Dataset, "block_rows", lambda self: block)
    mean, spread = moments(Dataset.of(x), index)
    chosen = x[index]
    np.testing.assert_allclose(mean, chosen.mean(0), rtol=1e-12)
    assert spread == pytest.approx(np.sqrt(np.square(chosen - chosen.mean(0)).mean()), rel=1e-8)
