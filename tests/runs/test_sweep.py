"""Sweeps: every run is the one that is made alone, what is in the file is not done again, and the comparison adds up."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.stats import t

from topovae.data.dataset import Dataset
from topovae.errors import ResourceError, RunFileError, UsageError
from topovae.evaluation.paired import mean_interval
from topovae.runs import sweep as sweeping
from topovae.runs.comparison import Spread, summarise, to_document, winners
from topovae.runs.options import TrainOptions
from topovae.runs.plan import plan
from topovae.runs.provenance import make_header
from topovae.runs.session import train_run
from topovae.runs.sweep import SweepOptions, check_same_sweep, parse_betas, run_sweep
from topovae.store.checksums import CHECKSUMS
from topovae.store.reader import read_run, read_sweep
from topovae.store.schema import Sweep, SweepRun
from topovae.store.writer import write_sweep
from topovae.training.loop import TrainingState

ANGLES = np.random.default_rng(0).uniform(-np.pi, np.pi, 150)
CIRCLE = Dataset.of(
    np.stack([np.cos(ANGLES), np.sin(ANGLES), 0.2 * np.cos(2 * ANGLES)], 1).astype(np.float32),
    truth=ANGLES[:, None],
    space="S1",
)
OPTIONS: dict[str, Any] = {"epochs": 3, "batch_size": 32, "hidden": "8"}
ASKED = SweepOptions(("circle", "R2"), (0.1, 1.0), (0, 1), OPTIONS)
KEYS = [(latent, beta, seed) for latent in ("S1", "R2") for beta in (0.1, 1.0) for seed in (0, 1)]


def made(options: SweepOptions = ASKED, path: str | None = None, data: Dataset = CIRCLE, **more: Any) -> Sweep:
    header = make_header(data, options.to_dict(), 0, "cpu", ("topovae",))
    return run_sweep(data, options, header, path, device="cpu", **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Path]:
    path = tmp_path_factory.mktemp("sweep") / "whole.h5"
    return made(path=str(path)), path


def timeless(sweep: Sweep) -> list[SweepRun]:
    return [replace(run, seconds=0.0) for run in sweep.runs]


def test_all_combinations_are_trained_and_measured(whole: tuple[Sweep, Path]) -> None:
    sweep, _ = whole
    assert [run.key for run in sweep.runs] == KEYS
    for run in sweep.runs:
        assert (run.epochs, run.diverged) == (3, False) and 1 <= run.best_epoch <= 3 and run.seconds > 0
        for metrics in run.metrics.values():
            assert metrics["elbo"] == pytest.approx(-metrics["nll"] - metrics["kl"])  # type: ignore[operator]
            assert (metrics["stress"] is None) == (run.latent == "R2")  # R2 has another dimension than the truth
    assert sorted(sweep.starts) == [0, 1]
    assert all(points.keys() == {"0"} and points["0"].shape == (150, 1) for points in sweep.starts.values())


def test_seconds_of_runs_side_by_side_are_shares_of_the_time_that_went_by() -> None:
    began = time.perf_counter()
    sweep = made(SweepOptions(("circle",), (0.1, 1.0), (0, 1), OPTIONS))
    spent = time.perf_counter() - began
    assert 0 < sum(run.seconds for run in sweep.runs) < spent
    assert len({run.seconds for run in sweep.runs}) < len(sweep.runs), "none was trained beside another"


def test_a_run_is_the_one_that_is_trained_alone(whole: tuple[Sweep, Path]) -> None:
    run = next(run for run in whole[0].runs if run.key == ("S1", 1.0, 1))
    planned = plan(CIRCLE, "circle", {**OPTIONS, "beta": 1.0, "seed": 1}, device="cpu")
    np.testing.assert_array_equal(planned.coordinates["start"], whole[0].starts[1]["0"])
    header = make_header(CIRCLE, {}, 1, "cpu", ())
    alone = train_run(CIRCLE, planned.options, header, device="cpu", coordinates=planned.coordinates)
    assert alone.model.checkpoint is not None and run.best_epoch == alone.model.checkpoint.best_epoch
    for split, metrics in run.metrics.items():
        for name, value in metrics.items():
            own = alone.model.final[split][name]
            if name == "mig":  # which one circle has not
                assert value is own is None
            else:
                assert value == pytest.approx(own, rel=2e-3, abs=2e-3), (split, name)


def test_without_a_number_of_epochs_each_run_ends_as_it_does_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topovae.runs.options.choose_epochs", lambda *_: 4)
    options = {name: value for name, value in OPTIONS.items() if name != "epochs"} | {"init": "random"}
    swept = made(SweepOptions(("circle",), (0.1, 3.0), (0, 2), options))
    for run in swept.runs:
        asked = TrainOptions("circle", beta=run.beta, seed=run.seed, **options)
        alone = train_run(CIRCLE, asked, make_header(CIRCLE, {}, run.seed, "cpu", ()), device="cpu")
        assert run.epochs == len(alone.model.history["epoch"]) and not run.diverged
        assert run.metrics["test"]["elbo"] == pytest.approx(alone.model.final["test"]["elbo"], rel=2e-3, abs=2e-3)
    assert len({run.epochs for run in swept.runs}) > 1


def test_wide_data_are_swept_in_the_span_of_each_seed_as_they_are_trained_alone() -> None:
    mixing = np.random.default_rng(1).normal(size=(3, 300)).astype(np.float32)
    wide = Dataset.of(CIRCLE.load()[:60] @ mixing, truth=ANGLES[:60, None], space="S1")
    options = {**OPTIONS, "hidden": "32", "init": "random"}
    swept = made(SweepOptions(("circle",), (0.1, 1.0), (0, 2), options), data=wide)
    assert [run.key[1:] for run in swept.runs] == [(0.1, 0), (0.1, 2), (1.0, 0), (1.0, 2)]
    for run in swept.runs:
        asked = TrainOptions("circle", beta=run.beta, seed=run.seed, **options)
        alone = train_run(wide, asked, make_header(wide, {}, run.seed, "cpu", ()), device="cpu")
        assert alone.model.config["model"]["span"] == len(alone.split["train"])
        for name in ("rms", "nll", "kl"):
            assert run.metrics["test"][name] == pytest.approx(alone.model.final["test"][name], rel=2e-3, abs=2e-3), name


@pytest.mark.parametrize("latent", ["klein", "(S1xS1)/<flip,flip>"])
def test_choices_for_a_quotient_mean_what_they_do_alone(latent: str) -> None:
    quotient = {"posterior": "von-mises", "encoder": "cover", "divergence": "cover", "allow_orbifold": True, "compile": "off"}
    options = {**OPTIONS, **quotient, "init": "random"}
    (run,) = made(SweepOptions((latent,), (1.0,), (2,), options)).runs
    asked = TrainOptions(latent, seed=2, **options)
    alone = train_run(CIRCLE, asked, make_header(CIRCLE, {}, 2, "cpu", ()), device="cpu")
    assert run.latent == alone.model.latent
    for name in ("rms", "nll", "kl", "elbo"):
        assert run.metrics["test"][name] == pytest.approx(alone.model.final["test"][name], rel=2e-3, abs=2e-3), name


@pytest.mark.slow
def test_encoders_are_held_equivariant_in_sweeps_too(tmp_path: Path) -> None:
    """Arcs that are shifted both ways: a run of the sweep is the one that is trained alone, which resumes bit for bit."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-2:2:16j, -2:2:16j]
    arcs = np.exp(-9 * (y - x**2 + 0.5) ** 2 - x**2)[None] * rng.uniform(0.5, 1.5, (400, 1, 1))
    rolled = [np.roll(arc, shift, (0, 1)) for arc, shift in zip(arcs, rng.integers(0, 16, (400, 2)), strict=True)]
    data = Dataset.of(np.array(rolled, np.float32))
    options = {**OPTIONS, "network": "mlp"}
    planned = plan(data, "T2xR", {**options, "seed": 3}, device="cpu")
    assert planned.coordinates["symmetries"].tolist() == [[1, 0], [2, 1]]
    header, path = make_header(data, planned.options.to_dict(), 3, "cpu", ()), str(tmp_path / "run.h5")

    def stop(name: str, state: TrainingState, epochs: int) -> None:
        if state.epoch == 1:
            raise KeyboardInterrupt

    alone = train_run(data, planned.options, header, device="cpu", coordinates=planned.coordinates)
    with pytest.raises(KeyboardInterrupt):
        train_run(data, planned.options, header, path, device="cpu", coordinates=planned.coordinates, progress=stop)
    resumed = train_run(data, planned.options, header, path, device="cpu", resumed=read_run(path))
    assert resumed.model.final == alone.model.final
    held_not = {name: array for name, array in planned.coordinates.items() if name == "start"}
    free = train_run(data, planned.options, header, device="cpu", coordinates=held_not)
    assert free.model.final != alone.model.final
    (run,) = made(SweepOptions(("T2xR",), (1.0,), (3,), options), data=data).runs
    for name, value in run.metrics["test"].items():
        if value is not None:
            assert value == pytest.approx(alone.model.final["test"][name], rel=2e-3, abs=2e-3), name


def test_the_file_holds_the_sweep(whole: tuple[Sweep, Path]) -> None:
    sweep, path = whole
    stored = read_sweep(path)
    assert stored.runs == sweep.runs and stored.header == sweep.header
    assert stored.starts.keys() == sweep.starts.keys()
    for seed, points in stored.starts.items():
        assert np.array_equal(points["0"], sweep.starts[seed]["0"])


def test_an_empty_and_a_diverged_sweep_are_stored_too(tmp_path: Path, whole: tuple[Sweep, Path]) -> None:
    empty = Sweep(whole[0].header)
    write_sweep(tmp_path / "empty.h5", empty)
    assert read_sweep(tmp_path / "empty.h5").runs == ()
    lost = made(SweepOptions(("R2",), (1.0,), (0,), OPTIONS | {"learning_rate": 1e12, "epochs": 30}), str(tmp_path / "lost.h5"))
    (run,) = read_sweep(tmp_path / "lost.h5").runs
    assert run == lost.runs[0] and run.diverged and run.epochs < 30 and set(run.metrics["test"].values()) == {None}
    document = to_document(lost)
    assert document["summary"][0]["diverged"] == 1 and document["winners"] == []


@pytest.mark.parametrize("kept", [0, 4, 6, 8])
def test_what_is_in_the_file_is_not_done_again(kept: int, whole: tuple[Sweep, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    trained, prepared = [], []
    train, find = sweeping.train_group, sweeping.find_starts
    monkeypatch.setattr(sweeping, "train_group", lambda task, on_epoch: (trained.append(task), train(task, on_epoch))[1])
    monkeypatch.setattr(sweeping, "find_starts", lambda task: (prepared.append(task), find(task))[1])
    partly = replace(whole[0], runs=whole[0].runs[:kept])
    again = made(resumed=partly)
    assert timeless(again) == timeless(whole[0])
    # A group of which a run is missing is trained as a whole: its runs are what they are together.
    assert len(trained) == {0: 2, 4: 1, 6: 1, 8: 0}[kept] and prepared == []


@pytest.mark.slow
def test_several_processes_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MOST_MODELS", 2)
    options = replace(ASKED, latents=("R2",))
    one = made(options)
    assert timeless(made(options, jobs=2)) == timeless(one) and one.starts == {}


def contents(path: Path) -> dict[str, Any]:
    """All that is in a file but when it was made and how long that took."""
    found: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        kept = {key: value for key, value in item.attrs.items() if key not in ("created", CHECKSUMS)}
        found.update({f"{name}@{key}": np.asarray(value).tolist() for key, value in kept.items()})
        if isinstance(item, h5py.Dataset) and not name.endswith("seconds"):
            found[name] = repr(item[()].tolist())  # in which nan is nan

    with h5py.File(path) as file:
        take("", file)
        file.visititems(take)
    return found


@pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed (pip install "topovae[ray]")')
def test_a_ray_cluster_gives_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(sweeping, "MOST_MODELS", 2)
    for engine in ("local", "ray"):
        made(path=str(tmp_path / engine), jobs=2, engine=engine)
    known = contents(tmp_path / "local")
    assert contents(tmp_path / "ray") == known
    assert any(name.startswith("starts/1/") for name in known) and len(read_sweep(tmp_path / "ray").runs) == 8


def test_an_unknown_engine_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine dask"):
        made(path=str(tmp_path / "s.h5"), engine="dask")
    assert list(tmp_path.iterdir()) == []


def test_groups_are_small_and_of_equal_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MOST_MODELS", 3)
    grouped = replace(CIRCLE, group=np.repeat(np.arange(9), [3, 40, 11, 7, 30, 20, 9, 20, 10]))
    sizes: list[int] = []
    train = sweeping.train_group
    monkeypatch.setattr(
        sweeping, "train_group", lambda task, on_epoch: (sizes.append(len(task.options)), train(task, on_epoch))[1]
    )
    sweep = made(SweepOptions(("R2",), (0.1, 1.0), (0, 1, 2), OPTIONS | {"epochs": 1}), data=grouped)
    assert len(sweep.runs) == sum(sizes) == 6 and max(sizes) <= 3


def test_data_too_large_for_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "RESIDENT", 100)
    with pytest.raises(ResourceError, match="--jobs 1"):
        made(jobs=2)


def test_other_options_or_other_data_do_not_go_on(whole: tuple[Sweep, Path]) -> None:
    check_same_sweep(read_sweep(whole[1]), ASKED, CIRCLE)
    check_same_sweep(whole[0], SweepOptions(("S1", "plane"), (0.1, 1), (0, 1), OPTIONS), CIRCLE)
    with pytest.raises(RunFileError, match=r"betas \(was \[0.1, 1.0\], now \[0.1\]\)"):
        check_same_sweep(whole[0], replace(ASKED, betas=(0.1,)), CIRCLE)
    with pytest.raises(RunFileError, match="other data"):
        check_same_sweep(whole[0], ASKED, Dataset.of(CIRCLE.rows(np.arange(60))))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"latents": ()}, "--latents"),
        ({"latents": ("auto",)}, "auto"),
        ({"betas": ()}, "--betas"),
        ({"betas": (1.0, -1.0)}, "--beta"),
        ({"options": {"hidden": "x"}}, "--hidden"),
        ({"options": {"init": "x"}}, "--init"),
    ],
)
def test_options_without_meaning(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replace(ASKED, **options)


def test_a_latent_counts_once_however_it_is_spelt() -> None:
    assert SweepOptions(("torus", "S1xS1", "T2"), (1.0,), (0,), {}).latents == ("S1xS1",)


@pytest.mark.parametrize(
    "text, betas",
    [
        ("1", (1.0,)),
        ("0,0.5,0.5", (0.0, 0.5)),
        ("0.01:10:log7", (0.01, 0.0316228, 0.1, 0.316228, 1.0, 3.16228, 10.0)),
        ("0:1:lin3", (0.0, 0.5, 1.0)),
    ],
)
def test_betas(text: str, betas: tuple[float, ...]) -> None:
    assert parse_betas(text) == betas


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "nan", "inf", "1:2", "0:1:log3", "2:1:lin3", "1:2:log1", "1:2:3", "1:2:logx", "1:2:3:4"]
)
def test_betas_without_meaning(text: str) -> None:
    with pytest.raises(UsageError, match="--betas"):
        parse_betas(text)


def row(latent: str, beta: float, seed: int, elbo: float | None) -> SweepRun:
    metrics = dict.fromkeys(("rms", "nll", "kl", "stress", "mig"), None if elbo is None else 2.0 * seed) | {"elbo": elbo}
    return SweepRun(latent, beta, seed, 3, -1 if elbo is None else 1, 1.0, dict.fromkeys(("train", "valid", "test"), metrics))


def test_means_spreads_and_winners() -> None:
    rows = [
        row("S1", 1.0, 0, 1.0),
        row("S1", 1.0, 1, 3.0),
        row("R2", 1.0, 0, 1.5),
        row("R2", 1.0, 1, None),
        row("R2", 2.0, 0, 9.0),
    ]
    settings = summarise(rows)
    assert [(s.latent, s.beta, s.runs, s.diverged) for s in settings] == [
        ("S1", 1.0, 2, 0),
        ("R2", 1.0, 2, 1),
        ("R2", 2.0, 1, 0),
    ]
    reach = pytest.approx(t.ppf(0.975, 1))  # of two seeds, one from the mean each
    elbo = settings[0].spreads["elbo"]
    assert elbo == Spread(2.0, pytest.approx(2**0.5), elbo.low, elbo.high) and settings[0].spreads["rms"].mean == 1.0
    assert elbo.low is not None and elbo.high is not None and (2 - elbo.low, elbo.high - 2) == (reach, reach)
    assert settings[1].spreads["elbo"] == Spread(1.5, None)
    one, two = winners(rows)
    assert (one.latent, one.runner_up, one.margin) == ("S1", "R2", 0.5)
    assert (one.seeds, one.ahead, one.margin_sd, one.margin_low) == (
        1,
        0,
        None,
        None,
    )  # of the one seed at which both have an ELBO
    assert (two.latent, two.runner_up, two.margin, two.seeds) == ("R2", None, None, 0)


def test_the_lead_is_measured_at_equal_seeds() -> None:
    rows = [row("S1", 1.0, seed, 10.0 * seed + 1) for seed in range(3)]
    rows += [row("R2", 1.0, seed, 10.0 * seed + lag) for seed, lag in enumerate((0.0, 2.0, 0.0))]
    (winner,) = winners(rows)
    # The seeds differ by 10 nats, which both latents share.
    assert winner.margin_sd == pytest.approx(np.std([1, -1, 1], ddof=1))
    assert (winner.margin_low, winner.margin_high) == pytest.approx(mean_interval([1, -1, 1]))
    assert (winner.latent, winner.seeds, winner.ahead) == ("S1", 3, 2) and winner.margin == pytest.approx(1 / 3)
