"""Random numbers as inputs: the same that torch would draw, taken from where a supply says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from topovae.distributions.draws import (
    Draw,
    Noise,
    drawing_from,
    forked,
    random_state,
    sampling,
    seeded_state,
    set_random_state,
)

CPU = torch.device("cpu")
LIKE = torch.empty(3, 2, dtype=torch.float64)
ASKED: dict[str, Callable[[], Tensor]] = {
    "rand": lambda: torch.rand(4, 2, dtype=torch.float64),
    "randn": lambda: torch.randn((5,)),
    "rand_like": lambda: torch.rand_like(LIKE),
    "randn_like": lambda: torch.randn_like(LIKE),
    "uniform_": lambda: torch.empty(6).uniform_(2.0, 3.0),
    "normal_": lambda: torch.empty(6).normal_(5.0, 0.1),
    "exponential_": lambda: torch.empty(6).exponential_(4.0),
    "randint below": lambda: torch.randint(7, (9,)),
    "randint between": lambda: torch.randint(3, 5, (9,)),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_draw_gives_the_numbers_that_torch_would(name: str) -> None:
    torch.manual_seed(3)
    expected = ASKED[name]()
    asked: list[Draw] = []

    def supply(draw: Draw) -> Tensor:
        asked.append(draw)
        return draw.draw(draw.again().empty, torch.Generator().manual_seed(3))

    before = torch.get_rng_state()
    with Noise(supply):
        found = ASKED[name]()
    assert (torch.get_rng_state() == before).all(), "nothing is drawn from the global state"
    assert found.dtype == expected.dtype and torch.equal(found, expected)
    (draw,) = asked
    assert draw.empty.shape == expected.shape and draw.again().empty is not draw.empty
    torch.manual_seed(3)
    assert torch.equal(draw.draw(draw.again().empty), expected)
    constant = draw.constant()
    assert constant.shape == expected.shape and set(constant.ravel().tolist()) == {0 if "randint" in name else 0.5}


def test_what_fills_a_tensor_in_place_fills_that_tensor() -> None:
    into = torch.zeros(4)
    with Noise(lambda draw: torch.full_like(draw.empty, 9.0)):
        assert into.normal_() is into
    assert into.tolist() == [9.0] * 4


def test_gammas_come_from_their_own_source_and_nothing_else_is_touched() -> None:
    with Noise(lambda draw: draw.constant(), gamma=lambda a: a + 1):
        assert torch._standard_gamma(torch.tensor([2.0])).tolist() == [3.0]
        assert (torch.ones(2) + 1).tolist() == [2.0, 2.0]


def test_models_draw_from_the_supply_where_they_sample_alone() -> None:
    with drawing_from(Noise(lambda draw: torch.full_like(draw.empty, 7.0))):
        with sampling():
            assert torch.rand(2).tolist() == [7.0, 7.0]
        with sampling(draws=False):
            assert (torch.rand(2) < 1).all()
        assert (torch.rand(2) < 1).all()
        with drawing_from(None), sampling():
            assert (torch.rand(2) < 1).all()
        with sampling():
            assert torch.rand(1).item() == 7.0
    with sampling():
        assert torch.rand(1).item() < 1


def test_a_fork_leaves_the_global_state_and_states_are_put_back() -> None:
    torch.manual_seed(4)
    kept = random_state(CPU)
    with forked(CPU):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), first)
    set_random_state(kept, CPU)
    assert torch.equal(torch.rand(3), first)
    before = torch.get_rng_state()
    seeded = seeded_state(4, CPU)
    assert torch.equal(torch.get_rng_state(), before)
    assert set(seeded) == {"cpu"} and seeded["cpu"].dtype == np.uint8
    np.testing.assert_array_equal(seeded["cpu"], kept["cpu"])
    assert not np.array_equal(seeded_state(5, CPU)["cpu"], kept["cpu"])
