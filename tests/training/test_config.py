"""Schedules of the optimisation, over a table of lengths."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import pairwise

import pytest

from topovae.errors import UsageError
from topovae.runs.options import TrainOptions
from topovae.training.config import (
    DEFAULT_STEPS,
    FEATURES,
    GAIN,
    LEARNING_RATE,
    WIDTH,
    TrainingConfig,
    choose_epochs,
    choose_gain,
    choose_rate,
)

EPOCHS = [1, 2, 5, 10, 37, 200]


@pytest.mark.parametrize("epochs", EPOCHS)
@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_beta_rises_to_its_value_and_stays(epochs: int, beta: float) -> None:
    config = TrainingConfig(epochs, beta=beta)
    values = [config.beta_at(epoch) for epoch in range(epochs)]
    assert values == sorted(values) and values[-1] == beta
    assert all(0 < value for value in values) or beta == 0
    rise = max(1, round(0.2 * epochs))
    assert values[rise - 1 :] == [beta] * (epochs - rise + 1)
    steps = {round(b - a, 9) for a, b in pairwise(values[:rise])}
    assert len(steps) <= 1, "the rise is linear"


@pytest.mark.parametrize("epochs", EPOCHS)
def test_only_warm_epochs_may_be_the_best(epochs: int) -> None:
    config = TrainingConfig(epochs, beta=2.0)
    warm = [config.is_warm(epoch) for epoch in range(epochs)]
    assert warm == sorted(warm) and warm[-1]
    assert all(config.beta_at(epoch) == 2.0 for epoch in range(epochs) if warm[epoch])


@pytest.mark.parametrize("epochs", EPOCHS)
def test_the_anchor_falls_to_nothing_while_beta_rises(epochs: int) -> None:
    config = TrainingConfig(epochs)
    for epoch in range(epochs):
        assert config.anchor_at(epoch) == pytest.approx(1 - config.beta_at(epoch))
    assert config.anchor_at(epochs - 1) == 0


@pytest.mark.parametrize("peak", [1e-4, 2e-3, 1.0])
def test_the_learning_rate_rises_then_falls_by_a_cosine(peak: float) -> None:
    config = TrainingConfig(10, learning_rate=peak)
    rates = [config.learning_rate_at(k / 1000) for k in range(1001)]
    top = rates.index(max(rates))
    assert 0 < top <= 20
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert 0.99 * peak < max(rates) <= peak
    assert rates[500] == pytest.approx(0.505 * peak) and rates[-1] == pytest.approx(0.01 * peak)
    assert 0 < rates[0] < 1e-3 * peak


@pytest.mark.parametrize("n_train, batch_size", [(1, 128), (100, 128), (1600, 128), (60_000, 128), (10**7, 32)])
def test_epochs_come_to_a_fixed_number_of_steps_within_bounds(n_train: int, batch_size: int) -> None:
    epochs = choose_epochs(n_train, batch_size)
    assert 30 <= epochs <= 500
    if 30 < epochs < 500:
        assert epochs * math.ceil(n_train / batch_size) == pytest.approx(DEFAULT_STEPS, rel=0.05)


@pytest.mark.parametrize("doublings", [0, 1, 3])
def test_every_round_rises_and_falls_and_they_follow_without_a_gap(doublings: int) -> None:
    config = TrainingConfig(5, doublings=doublings)
    assert config.rounds == [5 * 2**k for k in range(doublings + 1)]
    ends = [0, *config.rounds]
    for start, stop in pairwise(ends):
        assert config.round_of(start) == config.round_of(stop - 0.1) == (start, stop)
        halfway = config.learning_rate_in((start + stop) / 2)
        assert halfway == pytest.approx(config.learning_rate_at(0.5))
        assert config.learning_rate_in(start) < 0.01 * halfway and config.learning_rate_in(stop - 1e-9) < 0.03 * halfway
    assert all(config.beta_at(epoch) == config.beta for epoch in range(5, config.rounds[-1]))


def ended(config: TrainingConfig, losses: list[float]) -> tuple[int, str]:
    """After how many epochs a training with these losses ends, and why."""
    done = next(n for n in range(1, len(losses) + 1) if config.end(losses[:n]))
    return done, config.end(losses[:done])


def test_training_ends_when_a_doubling_gains_little() -> None:
    config = TrainingConfig(4, doublings=3)
    falling = [-GAIN * k for k in range(40)]
    assert ended(config, falling) == (32, config.end(falling[:32])) and "the most" in config.end(falling[:32])
    level = [10.0] * 40
    assert ended(config, level)[0] == 8 and "gained 0.000 nats" in ended(config, level)[1]
    late = [10.0] * 7 + [10.0 - 1.1 * GAIN] + [10.0 - 1.1 * GAIN] * 40
    assert ended(config, late)[0] == 16
    asked = TrainingConfig(4)
    assert ended(asked, level) == (4, "4 epochs, as asked for")
    assert asked.end(level[:9]) and not asked.end(level[:3]) and not config.end(level[:4])


def test_wider_layers_learn_by_smaller_steps() -> None:
    assert choose_rate((WIDTH, WIDTH)) == choose_rate((2, WIDTH // 2)) == LEARNING_RATE
    assert choose_rate((WIDTH, 4 * WIDTH)) == pytest.approx(LEARNING_RATE / 2)


@pytest.mark.parametrize(
    "field, value",
    [("epochs", 0), ("batch_size", 0), ("beta", -1.0), ("beta", math.nan), ("beta", math.inf)]
    + [("learning_rate", -1e-3), ("learning_rate", math.nan), ("clip", math.nan)],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_option(field: str, value: float) -> None:
    fields: dict[str, float] = {"epochs": 3, field: value}
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')}"):
        TrainingConfig(**fields)  # type: ignore[arg-type]


def test_fields_survive_json() -> None:
    config = TrainingConfig(7, beta=0.5, seed=3)
    assert TrainingConfig(**config.to_dict()) == config


def test_what_is_left_out_is_as_the_commands_have_it() -> None:
    asked = {field.name: field.default for field in fields(TrainOptions)}
    known = {field.name: field.default for field in fields(TrainingConfig)}
    shared = sorted((asked.keys() & known.keys()) - {"epochs", "learning_rate"})
    assert len(shared) >= 5
    assert {name: known[name] for name in shared} == {name: asked[name] for name in shared}


def test_what_a_doubling_must_gain_grows_with_the_features() -> None:
    assert choose_gain(3) == choose_gain(FEATURES) == GAIN
    assert choose_gain(10 * FEATURES) == pytest.approx(10 * GAIN)
    config = TrainingConfig(epochs=4, doublings=3, gain=choose_gain(10 * FEATURES))
    assert "less than 5" in config.end([10.0] * 4 + [10.0 - 9 * GAIN] * 4)
    assert not config.end([10.0] * 4 + [10.0 - 11 * GAIN] * 4)
