"""The training loop: what it learns, what it keeps, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.evaluation import locate, measure
from topovae.model.networks import NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training import batches as batching
from topovae.training.batches import Batches
from topovae.training.config import TrainingConfig
from topovae.training.loop import DivergenceError, Trainer, TrainingState
from topovae.training.start import Start

CPU = torch.device("cpu")
ANGLES = np.linspace(0, 2 * np.pi, 90, endpoint=False)
CIRCLE = Dataset.of(np.stack([np.cos(ANGLES), np.sin(ANGLES), np.zeros_like(ANGLES)], 1))
PARTS = split(90, seed=0)


def make_model(latent: str = "S1", seed: int = 0) -> VAE:
    config = ModelConfig(latent, (3,), NetworkConfig("mlp", hidden=(16,)))
    return build_model(config, [0.0, 0.0, 0.0], 0.6, seed)


def make_trainer(epochs: int = 8, latent: str = "S1", state: TrainingState | None = None, **options: object) -> Trainer:
    config = TrainingConfig(epochs, batch_size=16, **options)  # type: ignore[arg-type]
    return Trainer(make_model(latent), CIRCLE, PARTS, config, state)


def assert_same_state(a: TrainingState, b: TrainingState) -> None:
    assert (a.epoch, a.best_epoch, a.best_value, a.history) == (b.epoch, b.best_epoch, b.best_value, b.history)
    for name in ("model", "optimizer", "rng", "best_model"):
        one, other = getattr(a, name), getattr(b, name)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one), name


@pytest.mark.parametrize("latent", ["S1", "R2", "I", "mobius", "mixture(S1,I)", "learned(R2)"])
def test_training_reduces_the_loss(latent: str) -> None:
    state = make_trainer(30, latent, learning_rate=1e-2).run()
    assert state.epoch == 30
    assert state.history["train_nll"][-1] < state.history["train_nll"][0] - 0.3
    assert {len(column) for column in state.history.values()} == {30}
    np.testing.assert_allclose(
        state.history["valid_elbo"], -np.add(state.history["valid_nll"], state.history["valid_kl"]), rtol=1e-6
    )


def test_the_best_epoch_is_chosen_by_validation_alone_after_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(10)
    losses = iter([0.0, 9.0, 5.0, 1.0, 3.0, 1.0, 2.0, 4.0, 6.0, 8.0])
    monkeypatch.setattr(trainer, "validate", lambda: (next(losses), 0.0))
    weights: dict[int, dict[str, np.ndarray]] = {}
    state = trainer.run(lambda s: weights.update({s.epoch: s.model}))
    # Epoch 1 has the least loss and half the beta; epoch 6 only equals epoch 4.
    assert (state.best_epoch, state.best_value) == (4, 1.0)
    assert all(np.array_equal(state.best_model[k], weights[4][k]) for k in weights[4])


def test_the_test_split_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[int] = set()
    rows = Dataset.rows

    def spy(data: Dataset, index: np.ndarray) -> np.ndarray:
        read.update(np.asarray(index).tolist())
        return rows(data, index)

    monkeypatch.setattr(Dataset, "rows", spy)
    make_trainer(2).run()
    assert read == set(PARTS.train) | set(PARTS.valid)


@pytest.mark.parametrize(
    ("stop", "latent"), [(0, "S1"), (1, "S1"), (4, "S1"), (7, "S1"), (4, "mixture(2*S1)"), (4, "learned(R2,M=2)")]
)
def test_a_restored_state_ends_where_the_whole_run_ends(stop: int, latent: str) -> None:
    states: list[TrainingState] = []
    trainer = make_trainer(latent=latent)
    states.append(replace(trainer.state))
    whole = trainer.run(lambda state: states.append(replace(state)))
    torch.manual_seed(99)  # whatever else the process drew
    continued = make_trainer(latent=latent, state=states[stop]).run()
    assert_same_state(whole, continued)


def test_the_seed_decides_and_nothing_else_does() -> None:
    torch.manual_seed(1)
    one = make_trainer(3).run()
    torch.manual_seed(2)
    assert_same_state(one, make_trainer(3).run())
    assert make_trainer(3, seed=1).run().history != one.history


def test_the_global_random_state_is_left_alone() -> None:
    model, batches = make_model(), Batches(CIRCLE, PARTS.test, CPU)
    trainer = make_trainer(2)
    for act in (
        trainer.validate,
        trainer.run,
        lambda: measure(model, batches, seed=0, iwae=2),
        lambda: locate(model, batches, seed=0),
        lambda: make_model(seed=5),
        make_trainer,
    ):
        before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
        act()
        assert torch.equal(torch.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], numpy_before)  # type: ignore[index]  # noqa: NPY002


def test_validation_repeats_itself() -> None:
    trainer = make_trainer(1)
    assert trainer.validate() == trainer.validate()


@pytest.mark.parametrize("place", ["_train", "validate", "_advance"])
def test_an_interrupt_leaves_the_last_whole_epoch(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[TrainingState] = []
    make_trainer(4).run(lambda state: whole.append(replace(state)))
    trainer = make_trainer(4)
    original, calls = getattr(trainer, place), []

    def interrupted(*arguments: object) -> object:
        calls.append(place)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(trainer, place, interrupted)
    generator = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert torch.equal(torch.get_rng_state(), generator)
    assert trainer.state.epoch == 2
    assert_same_state(trainer.state, whole[1])


def test_what_a_callback_saw_does_not_change_afterwards() -> None:
    """A checkpoint is written from the state that the callback got."""
    kept: list[tuple[TrainingState, int]] = []
    make_trainer(3).run(lambda state: kept.append((state, len(state.history["epoch"]))))
    assert [state.epoch for state, _ in kept] == [1, 2, 3]
    assert [(len(state.history["epoch"]), n) for state, n in kept] == [(1, 1), (2, 2), (3, 3)]


def test_divergence_is_said_clearly_and_keeps_the_last_epoch() -> None:
    trainer = make_trainer(20, latent="R2", learning_rate=1e9)
    with pytest.raises(DivergenceError, match="diverged in epoch") as raised:
        trainer.run()
    assert "--learning-rate" in str(raised.value)
    assert len(trainer.state.history["epoch"]) == trainer.state.epoch < 20
    assert all(np.isfinite(column).all() for column in trainer.state.history.values())


def test_an_anchor_holds_the_encoder_while_beta_rises() -> None:
    model = make_model()
    start = Start.at(model, ANGLES[PARTS.train, None])
    trainer = Trainer(model, CIRCLE, PARTS, TrainingConfig(5, batch_size=16, learning_rate=4e-3), anchor=start)
    trainer.run()
    found = locate(model, trainer.train_batches, seed=0).location[:, 0]
    assert abs(np.exp(1j * (found - ANGLES[PARTS.train])).mean()) > 0.95


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that do not fit in memory: blocks of 5 samples in pools of 20."""
    for name, size in (("RESIDENT_BYTES", 0), ("BLOCK_BYTES", 5 * 12), ("POOL_BYTES", 20 * 12)):
        monkeypatch.setattr(batching, name, size)


@pytest.mark.usefixtures("streaming")
def test_training_on_streamed_data_repeats_itself_and_learns_as_well() -> None:
    state = make_trainer(30, learning_rate=1e-2).run()
    assert state.history["train_nll"][-1] < state.history["train_nll"][0] - 0.3
    torch.manual_seed(7)
    assert_same_state(state, make_trainer(30, learning_rate=1e-2).run())


def test_streamed_samples_are_validated_as_resident_ones(request: pytest.FixtureRequest) -> None:
    resident = make_trainer(1).validate()
    request.getfixturevalue("streaming")
    trainer = make_trainer(1)
    assert trainer.train_batches.resident is None and trainer.valid_batches.resident is None
    assert trainer.validate() == resident


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("stop", [0, 3, 7])
def test_a_restored_state_ends_where_the_whole_run_ends_on_streamed_data(stop: int) -> None:
    states: list[TrainingState] = []
    trainer = make_trainer()
    states.append(replace(trainer.state))
    whole = trainer.run(lambda state: states.append(replace(state)))
    torch.manual_seed(99)
    assert_same_state(whole, make_trainer(state=states[stop]).run())
