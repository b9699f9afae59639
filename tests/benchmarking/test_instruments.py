"""Laws of the models of instruments: what each gives, and that its space has a name."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.benchmarks.instruments import INSTRUMENTS, Instrument
from topovae.data.synthetic.spaces import SPACES
from topovae.homology.spaces.catalogue import known

ALL = pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=INSTRUMENTS)


@ALL
def test_rows_are_finite_and_as_many_as_asked(instrument: Instrument) -> None:
    rows = instrument.rows(0)
    assert rows.dtype == np.float32 and len(rows) == instrument.n
    assert np.isfinite(rows).all() and (rows.std(0) > 0).any()


@ALL
def test_equal_seeds_give_equal_rows(instrument: Instrument) -> None:
    first, again, other = (instrument.rows(seed, 60) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@ALL
def test_the_space_has_a_name(instrument: Instrument) -> None:
    for name in (instrument.space, *instrument.parts):
        assert name is None or known(name).name == name
    assert instrument.space is None or not instrument.parts


def test_no_instrument_has_the_name_of_a_space() -> None:
    assert not INSTRUMENTS.keys() & SPACES.keys()
