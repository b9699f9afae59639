"""Ensembles: every model becomes what it becomes when it is trained alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import Split, split
from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.model.likelihoods import LIKELIHOODS
from topovae.model.networks import NetworkConfig
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training.config import TrainingConfig
from topovae.training.ensemble import Ensemble, EnsembleTrainer
from topovae.training.loop import HISTORY, DivergenceError, Trainer, TrainingState
from topovae.training.start import Start
from topovae.training.streams import Streams

CPU = torch.device("cpu")
N, EPOCHS, BATCH = 110, 4, 32
ANGLES = np.random.default_rng(0).uniform(-np.pi, np.pi, (N, 2))
TORUS = Dataset.of(np.concatenate([np.cos(ANGLES), np.sin(ANGLES)], 1).astype(np.float32))
RUNS = ((0, 1.0), (0, 0.1), (3, 2.0))
"""Seeds and betas."""

EXACT = (
    *(("S1xS1", ()), ("R2", ()), ("S1xI", ()), ("S2", ()), ("S3", ()), ("mobius", ()), ("klein", ()), ("rp2", ())),
    *(("(S1xS1)/<rot(1/3),rot(1/3)>", ()), ("R2", ("full-normal",)), ("I", ("beta",))),
    *(("S1xS1", ("full-wrapped-normal",)), ("klein", ("full-wrapped-normal",))),
    *(("I", ("kumaraswamy",)), ("S2", ("von-mises-fisher",)), ("embedded_torus", ())),
    *(("S1", ("von-mises",)), ("S3", ("von-mises-fisher",)), ("S2", ("brownian",)), ("S3", ("brownian",))),
    *(("mixture(2*circle)", ()), ("mixture(S2,klein)", ())),
    *(("learned(R2)", ()), ("S1xlearned(R2,M=2,anchors=3)", ("full-normal",)), ("mixture(S1,learned(R2))", ())),
)
"""Latent spaces and posterior families whose samples an ensemble draws as single models do."""


def model_of(seed: int, latent: str = "S1xS1", data: Dataset = TORUS, **options: object) -> VAE:
    network = options.pop("network", NetworkConfig("mlp", hidden=(16,)))
    config = ModelConfig(latent, data.sample_shape, network, **options)  # type: ignore[arg-type]
    x = data.rows(split(data.n_samples, seed=seed).train)
    return build_model(config, torch.as_tensor(x.mean(0)), float(x.std()), seed)


def configs_of(runs: Sequence[tuple[int, float]] = RUNS, epochs: int = EPOCHS, **options: float) -> list[TrainingConfig]:
    return [TrainingConfig(epochs, batch_size=BATCH, beta=beta, seed=seed, **options) for seed, beta in runs]  # type: ignore[arg-type]


def splits_of(runs: Sequence[tuple[int, float]] = RUNS, n: int = N) -> list[Split]:
    return [split(n, seed=seed) for seed, _ in runs]


def assert_alike(one: TrainingState, other: TrainingState, tolerance: float = 1e-4) -> None:
    assert (one.epoch, one.best_epoch) == (other.epoch, other.best_epoch)
    scale = max(abs(value) for value in one.history["train_nll"])
    for name in HISTORY:
        np.testing.assert_allclose(other.history[name], one.history[name], rtol=tolerance, atol=tolerance * scale)
    for mine, its in ((one.model, other.model), (one.best_model, other.best_model)):
        assert mine.keys() == its.keys()
        for name in mine:
            assert mine[name].dtype == its[name].dtype and mine[name].shape == its[name].shape
            np.testing.assert_allclose(its[name], mine[name], rtol=0, atol=20 * tolerance)


@pytest.mark.parametrize("latent, families", EXACT)
def test_a_model_of_an_ensemble_becomes_what_it_becomes_alone(latent: str, families: tuple[str, ...]) -> None:
    made = [model_of(seed, latent, posteriors=families) for seed, _ in RUNS]
    together = EnsembleTrainer(made, TORUS, splits_of(), configs_of()).run()
    for k, (config, parts) in enumerate(zip(configs_of(), splits_of(), strict=True)):
        alone = Trainer(model_of(config.seed, latent, posteriors=families), TORUS, parts, config).run()
        assert_alike(alone, together[k])


@pytest.mark.parametrize("options", [{"noise": 0.3}, *({"likelihood": name} for name in LIKELIHOODS)], ids=str)
def test_other_likelihoods(options: dict[str, object]) -> None:
    shares = (TORUS.rows(np.arange(N)) + 1) / 2
    data = Dataset.of(np.round(9 * shares) if "counts" in str(LIKELIHOODS.get(str(options.get("likelihood")))) else shares)
    made = [model_of(seed, data=data, **options) for seed, _ in RUNS]
    together = EnsembleTrainer(made, data, splits_of(), configs_of()).run()
    for k, config in enumerate(configs_of()):
        assert_alike(Trainer(model_of(config.seed, data=data, **options), data, splits_of()[k], config).run(), together[k])


def test_convolutions() -> None:
    data = Dataset.of(np.random.default_rng(0).random((40, 16, 16), dtype=np.float32))
    network = NetworkConfig("conv", hidden=(8,), channels=(4, 4))
    runs, parts, configs = RUNS[1:], splits_of(RUNS[1:], 40), configs_of(RUNS[1:], epochs=2)
    made = [model_of(seed, data=data, network=network) for seed, _ in runs]
    together = EnsembleTrainer(made, data, parts, configs).run()
    for k, config in enumerate(configs):
        alone = Trainer(model_of(config.seed, data=data, network=network), data, parts[k], config).run()
        assert_alike(alone, together[k])


def test_starts_and_their_fading_anchors() -> None:
    def start_of(model: VAE, parts: Split) -> Start:
        start = Start.at(model, ANGLES[parts.train])
        assert start is not None
        return start

    made = [model_of(seed) for seed, _ in RUNS]
    starts = [start_of(model, parts) for model, parts in zip(made, splits_of(), strict=True)]
    configs = configs_of(epochs=6, warmup=0.5)
    together = EnsembleTrainer(made, TORUS, splits_of(), configs, starts).run()
    for k, (config, parts) in enumerate(zip(configs, splits_of(), strict=True)):
        model = model_of(config.seed)
        # The regression is 300 steps in which the rounding of single runs grows.
        assert_alike(Trainer(model, TORUS, parts, config, anchor=start_of(model, parts)).run(), together[k], 1e-3)


@pytest.mark.parametrize("latent, families", [("S1xS1", ()), ("S2", ("brownian",)), ("mixture(2*circle)", ())])
def test_models_that_have_converged_leave_and_the_others_go_on_as_alone(latent: str, families: tuple[str, ...]) -> None:
    configs = configs_of(epochs=2, doublings=3, gain=1.0)
    made = [model_of(seed, latent, posteriors=families) for seed, _ in RUNS]
    trainer = EnsembleTrainer(made, TORUS, splits_of(), configs)
    sizes = []
    together = trainer.run(lambda epoch: sizes.append(len(trainer.ensemble)))
    assert len({state.epoch for state in together}) > 1
    assert sizes == [sum(state.epoch > epoch for state in together) for epoch in range(len(sizes))]
    for k, (config, parts) in enumerate(zip(configs, splits_of(), strict=True)):
        alone = Trainer(model_of(config.seed, latent, posteriors=families), TORUS, parts, config).run()
        assert_alike(alone, together[k])


def test_gradients_are_clipped_by_model() -> None:
    made = [model_of(seed) for seed, _ in RUNS]
    configs = configs_of(clip=0.5)
    together = EnsembleTrainer(made, TORUS, splits_of(), configs).run()
    for k, (config, parts) in enumerate(zip(configs, splits_of(), strict=True)):
        assert_alike(Trainer(model_of(config.seed), TORUS, parts, config).run(), together[k])


def test_a_model_that_diverges_keeps_its_last_epoch_and_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [model_of(seed, "R2") for seed, _ in RUNS]
    with torch.no_grad():
        made[1].encoder.layers[0].weight.fill_(float("nan"))  # type: ignore[union-attr, index, operator]
    spoilt, *_ = [
        Trainer(model, TORUS, parts, c) for model, parts, c in zip(made[1:], splits_of()[1:], configs_of()[1:], strict=True)
    ]
    with pytest.raises(DivergenceError):
        spoilt.run()
    together = EnsembleTrainer(made, TORUS, splits_of(), configs_of()).run()
    assert (together[1].epoch, together[1].best_epoch, together[1].best_model) == (0, -1, {})
    for k in (0, 2):
        seed = RUNS[k][0]
        assert_alike(Trainer(model_of(seed, "R2"), TORUS, splits_of()[k], configs_of()[k]).run(), together[k])


def test_the_models_and_the_global_random_state_are_left_alone() -> None:
    made = [model_of(seed) for seed, _ in RUNS]
    before = [{name: t.clone() for name, t in model.state_dict().items()} for model in made]
    random = torch.get_rng_state()
    epochs: list[int] = []
    EnsembleTrainer(made, TORUS, splits_of(), configs_of(epochs=2)).run(epochs.append)
    assert epochs == [1, 2] and torch.equal(torch.get_rng_state(), random)
    for model, state in zip(made, before, strict=True):
        assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items())


def test_states_fit_the_models() -> None:
    made = [model_of(seed, "klein") for seed, _ in RUNS]
    ensemble = Ensemble(made)
    assert len(ensemble) == len(RUNS)
    for k, model in enumerate(made):
        state = {**ensemble.weights, **ensemble.constants}
        assert state.keys() == model.state_dict().keys()
        assert all(torch.equal(state[name][k], t) for name, t in model.state_dict().items())


def test_what_cannot_be_trained_side_by_side_is_refused() -> None:
    made, parts, configs = [model_of(seed) for seed, _ in RUNS], splits_of(), configs_of()
    start = Start.at(made[0], ANGLES[parts[0].train])
    other = Start.at(made[0], np.where([True, False], ANGLES, np.nan)[parts[0].train])
    assert start is not None and other is not None
    with pytest.raises(UsageError, match="one configuration"):
        EnsembleTrainer([*made[:2], model_of(0, "R2")], TORUS, parts, configs)
    with pytest.raises(UsageError, match="splits of equal sizes"):
        EnsembleTrainer(made, TORUS, [*parts[:2], split(90, seed=0)], configs)
    with pytest.raises(UsageError, match="hyperparameters"):
        EnsembleTrainer(made, TORUS, parts, [*configs[:2], replace(configs[2], epochs=9)])
    with pytest.raises(UsageError, match="starts for the same outputs"):
        EnsembleTrainer(made, TORUS, parts, configs, [start, start, other])


@pytest.mark.parametrize("seeds", [(0,), (5, 6, 5)])
def test_streams_are_those_of_single_runs(seeds: tuple[int, ...]) -> None:
    streams = Streams(seeds, CPU)
    order, chosen = streams.permutations(20), streams.choices(9, 40)
    with streams.noise:
        numbers = torch.rand(len(seeds), 3, 7), torch.empty(len(seeds), 30).exponential_(), torch.rand(1, len(seeds) * 4)
    for k, seed in enumerate(seeds):
        torch.manual_seed(seed)
        assert torch.equal(order[k], torch.randperm(20)) and torch.equal(chosen[k], torch.randint(9, (40,)))
        assert torch.equal(numbers[0][k], torch.rand(3, 7))
        assert torch.equal(numbers[1][k], torch.empty(30).exponential_())
        assert torch.equal(numbers[2][0, 4 * k : 4 * k + 4], torch.rand(4))
    streams.restart()
    assert torch.equal(streams.permutations(20), order)


@pytest.mark.parametrize(
    "latent, family", [("S1", "von-mises"), ("S3", "von-mises-fisher"), ("S2", "brownian"), ("S3", "brownian")]
)
def test_samplers_by_rejection_keep_their_laws(latent: str, family: str) -> None:
    space, n = LatentSpace(latent, (family,)), 4000
    loc = torch.zeros(2, n, space.coordinate_dim)
    loc[..., -1] = 1
    posterior = space.posterior(loc, torch.full((2, n, 1), 0.7))
    torch.manual_seed(0)
    expected = space.embed(posterior.rsample())[..., -1].mean()
    with Streams((1, 2), CPU).noise:
        heights = space.embed(posterior.rsample())[..., -1].mean(1)
    torch.testing.assert_close(heights, expected.expand(2), rtol=0, atol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this PyTorch finds no CUDA device")
def test_on_cuda_too() -> None:
    made = [model_of(seed).cuda() for seed, _ in RUNS]
    together = EnsembleTrainer(made, TORUS, splits_of(), configs_of()).run()
    for k, (config, parts) in enumerate(zip(configs_of(), splits_of(), strict=True)):
        assert_alike(Trainer(model_of(config.seed).cuda(), TORUS, parts, config).run(), together[k], 1e-3)
