"""A whole training run by the Python API: split, options, checkpoints, resume and the models that come back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.moments import moments
from topovae.data.splits import split_data
from topovae.errors import RunFileError, TopovaeError, UsageError
from topovae.evaluation.orbits import operator_reports, pruned_words
from topovae.model import networks
from topovae.runs import session
from topovae.runs.evaluation import evaluate_member
from topovae.runs.models import decode, draw_samples, encode, load_model
from topovae.runs.options import TrainOptions
from topovae.runs.session import train_run
from topovae.signature import parse
from topovae.store.reader import read_run
from topovae.store.schema import Header, Provenance, Run

RNG = np.random.default_rng(0)
ANGLES = RNG.uniform(-np.pi, np.pi, (80, 1))
DATA = Dataset.of(np.concatenate([np.cos(ANGLES), np.sin(ANGLES), 0 * ANGLES + 3], 1), truth=ANGLES, space="S1")
OPTIONS = TrainOptions("S1", baseline=True, epochs=6, batch_size=16, init="random")


def make_header(options: TrainOptions = OPTIONS) -> Header:
    data = Provenance(path="", shape=(80, 3), dtype="float64", sha256="")
    return Header((), options.to_dict(), options.seed, data, "cpu", {}, "", "")


def train(path: Path, options: TrainOptions = OPTIONS, **more: Any) -> Run:
    return train_run(DATA, options, make_header(options), str(path), device="cpu", **more)


def assert_same_member(a: Any, b: Any) -> None:
    assert a.checkpoint.best_epoch == b.checkpoint.best_epoch and a.final == b.final
    for one, other in (
        (a.state, b.state),
        (a.history, b.history),
        (a.samples, b.samples),
        (a.checkpoint.state, b.checkpoint.state),
        (a.checkpoint.optimizer, b.checkpoint.optimizer),
        (a.checkpoint.rng, b.checkpoint.rng),
        *((a.latents[name], b.latents[name]) for name in a.latents),
    ):
        assert one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"init": "magic"}, "--init"),
        ({"likelihood": "cauchy"}, "--likelihood"),
        ({"network": "resnet"}, "--network"),
        ({"noise": 0.0}, "--noise"),
        ({"noise": float("nan")}, "--noise"),
        ({"beta": float("inf")}, "--beta"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
        ({"epochs": -3}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"latent": "S1x"}, "latent expression"),
        ({"latent": "(S1)/<flip>"}, "freely"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_at_once(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        replace(OPTIONS, **fields)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "student"])
def test_a_fixed_scale_of_inputs_is_no_standardisation(likelihood: str) -> None:
    options = replace(OPTIONS, likelihood=likelihood, input_scale=255.0, epochs=1, baseline=False)
    data = Dataset.of(np.random.default_rng(0).random((60, 4)))
    run = train_run(data, options, make_header(options), device="cpu")
    model, x = load_model(run.model), torch.as_tensor(data.load()[:5], dtype=torch.float32)
    torch.testing.assert_close(model.outputs(x), model.encoder(x / 255))
    assert float(run.model.config["spread"]) == pytest.approx(data.load()[run.split["train"]].std(), rel=0.1)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf")])
def test_a_scale_of_inputs_is_positive_and_not_for_counts(scale: float) -> None:
    with pytest.raises(UsageError, match="--input-scale"):
        replace(OPTIONS, input_scale=scale)
    with pytest.raises(UsageError, match="--input-scale is for numbers, and poisson"):
        replace(OPTIONS, input_scale=2.0, likelihood="poisson")


def test_the_split_keeps_groups_whole() -> None:
    group = np.arange(80) // 8
    parts = split_data(replace(DATA, group=group), 0).parts()
    members = [set(group[index]) for index in parts.values()]
    assert sum(map(len, members)) == 10
    one = split_data(replace(DATA, group=np.zeros(80, dtype=np.int64)), 0).parts()
    assert all(np.array_equal(one[name], index) for name, index in split_data(DATA, 0).parts().items())


def test_moments_are_those_of_the_rows() -> None:
    rows = np.arange(0, 80, 3)
    mean, std = moments(DATA, rows)
    x = DATA.load()[rows]
    np.testing.assert_allclose(mean, x.mean(0))
    assert std == pytest.approx(np.sqrt(np.square(x - x.mean(0)).mean()))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that nothing interrupts."""
    return train(tmp_path_factory.mktemp("run") / "whole.h5")


@pytest.mark.parametrize("stop", [("model", 1), ("model", 4), ("model", 6), ("baseline", 2), ("baseline", 6)], ids=str)
def test_a_resumed_run_ends_where_the_whole_one_ends(stop: tuple[str, int], whole: Run, tmp_path: Path) -> None:
    def interrupt(name: str, state: Any, total: int) -> None:
        assert total == 6
        if (name, state.epoch) == stop:
            raise KeyboardInterrupt

    path = tmp_path / "run.h5"
    with pytest.raises(KeyboardInterrupt):
        train(path, progress=interrupt)
    kept = read_run(path)
    member = {"model": kept.model, "baseline": kept.baseline}[stop[0]]
    assert member is not None and member.checkpoint is not None
    assert (member.checkpoint.epoch, member.checkpoint.finished) == (stop[1], False)
    torch.manual_seed(7)
    resumed = train(path, resumed=kept)
    assert_same_member(resumed.model, whole.model)
    assert_same_member(resumed.baseline, whole.baseline)
    stored = read_run(path)
    assert_same_member(stored.model, whole.model)
    assert_same_member(stored.baseline, whole.baseline)


def test_a_run_that_the_time_ended_is_finished_and_goes_on(tmp_path: Path) -> None:
    """Bit for bit where it would have ended."""
    options = replace(OPTIONS, batch_size=64)
    whole = train(tmp_path / "whole.h5", options)
    path, done = tmp_path / "run.h5", []
    run = train(path, options, seconds=0.0, progress=lambda name, state, total: done.append(name))
    assert done == ["model", "baseline"] and run.model.final["test"]["rms"] > 0
    for _ in range(3):
        kept = read_run(path)
        assert kept.model.checkpoint is not None and kept.model.checkpoint.finished
        assert "--resume" in kept.model.config["end"]
        run = train(path, options, resumed=kept, seconds=0.0)
    assert run.model.checkpoint is not None and run.model.checkpoint.epoch == 4
    resumed = train(path, options, resumed=read_run(path))
    assert_same_member(resumed.model, whole.model)
    assert_same_member(resumed.baseline, whole.baseline)
    assert resumed.model.config["end"] == whole.model.config["end"]


def test_a_run_started_from_coordinates_resumes_with_them(tmp_path: Path) -> None:
    """Without a diagnosis too: the anchor still pulls after the first checkpoint."""
    options = replace(OPTIONS, epochs=15, baseline=False)
    one = train(tmp_path / "one.h5", options, coordinates={"start": ANGLES})

    def interrupt(name: str, state: Any, total: int) -> None:
        if state.epoch == 1:
            raise KeyboardInterrupt

    path = tmp_path / "other.h5"
    with pytest.raises(KeyboardInterrupt):
        train(path, options, coordinates={"start": ANGLES}, progress=interrupt)
    assert_same_member(train(path, options, resumed=read_run(path)).model, one.model)
    assert one.model.final["test"]["recovery"][0]["circular_correlation"] > 0.95


def test_a_run_of_wide_data_works_in_their_span_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.random.default_rng(2).normal(size=(3, 400))
    data = Dataset.of(DATA.load() @ wide, truth=ANGLES, space="S1")
    monkeypatch.setitem(globals(), "DATA", data)
    options = replace(OPTIONS, baseline=False)
    one = train(tmp_path / "one.h5", options, coordinates={"start": ANGLES})
    model = load_model(one.model)
    assert model.config.span == len(one.split["train"])
    assert max(weight.numel() for weight in model.parameters()) < 400 * 256

    def interrupt(name: str, state: Any, total: int) -> None:
        if state.epoch == 3:
            raise KeyboardInterrupt

    path = tmp_path / "other.h5"
    with pytest.raises(KeyboardInterrupt):
        train(path, options, coordinates={"start": ANGLES}, progress=interrupt)
    assert_same_member(train(path, options, resumed=read_run(path)).model, one.model)
    np.testing.assert_allclose(encode(model, data)["z"][one.split["test"]], one.model.latents["test"]["location"], atol=1e-5)
    assert decode(model, ANGLES).shape == (80, 400)


def test_a_run_of_images_goes_on_with_the_decoder_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As files of before there were sines ask for."""
    monkeypatch.setitem(globals(), "DATA", Dataset.of(np.random.default_rng(0).normal(size=(60, 16, 16))))
    options = replace(OPTIONS, baseline=False, hidden="8", epochs=2)

    def interrupt(name: str, state: Any, total: int) -> None:
        if state.epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as before:
        before.setattr(networks, "FREQUENCY", 0.0)
        one = train(tmp_path / "one.h5", options)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "other.h5", options, progress=interrupt)
    assert_same_member(train(tmp_path / "other.h5", options, resumed=read_run(tmp_path / "other.h5")).model, one.model)
    assert train(tmp_path / "new.h5", options).model.config["model"]["network"]["frequency"] == networks.FREQUENCY > 0


def test_operators_that_a_circle_does_not_need_are_pruned_and_a_resumed_run_ends_the_same(tmp_path: Path) -> None:
    options = replace(OPTIONS, latent="learned(R2,M=3)", epochs=12, baseline=False)
    start = {"start": DATA.load()[:, :2]}
    one = train(tmp_path / "one.h5", options, coordinates=start)
    model = load_model(read_run(tmp_path / "one.h5").model)
    assert [report.used for report in operator_reports(model.space)] == [True, False, False]
    assert pruned_words(model.space).endswith(": 1, 2; still there: 0")
    again = evaluate_member(one.model, one, DATA, seed=options.seed, device="cpu")["test"]
    assert again is not None and again["elbo"] == pytest.approx(one.model.final["test"]["elbo"], abs=1e-4)
    samples = draw_samples(model, len(one.model.samples["x"]), options.seed)["x"]
    np.testing.assert_allclose(samples, one.model.samples["x"], atol=1e-5)
    path = tmp_path / "other.h5"
    train(path, replace(options, epochs=5), coordinates=start)
    longer = train(path, replace(options, epochs=12), resumed=read_run(path))
    assert longer.model.checkpoint is not None and longer.model.checkpoint.epoch == 12
    assert [report.used for report in operator_reports(load_model(longer.model).space)] == [True, False, False]

    def interrupt(name: str, state: Any, total: int) -> None:
        if state.epoch == 4:
            raise KeyboardInterrupt

    path = tmp_path / "third.h5"
    with pytest.raises(KeyboardInterrupt):
        train(path, options, coordinates=start, progress=interrupt)
    assert_same_member(train(path, options, resumed=read_run(path)).model, one.model)


def test_a_place_that_cannot_be_written_is_found_before_the_first_epoch(tmp_path: Path) -> None:
    with pytest.raises(TopovaeError, match="no such"):
        train(tmp_path / "no such" / "run.h5", progress=lambda *_: pytest.fail("an epoch was trained"))


def test_a_failing_checkpoint_keeps_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, written = tmp_path / "run.h5", []
    write = session.write_run

    def fail_third(place: str, run: Run) -> None:
        written.append(run)
        if len(written) == 3:
            raise TopovaeError("the disk is full")
        write(place, run)

    monkeypatch.setattr(session, "write_run", fail_third)
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(TopovaeError, match="full"):
        train(path)
    checkpoint = read_run(path).model.checkpoint
    assert checkpoint is not None and checkpoint.epoch == 1


def test_a_loaded_model_is_the_best_one_and_goes_there_and_back(whole: Run) -> None:
    model = load_model(whole.model)
    location, scale = encode(model, DATA).values()
    assert location.shape == (80, 1) and scale.shape == (80, 1)
    for name, index in whole.split.items():
        np.testing.assert_allclose(location[index], whole.model.latents[name]["location"], atol=1e-5)
    x = decode(model, location, batch=7)
    np.testing.assert_allclose(x, decode(model, location), atol=1e-5)
    assert x.shape == (80, 3)


def test_decoding_coordinates_of_another_space_is_refused(whole: Run) -> None:
    with pytest.raises(UsageError, match="columns"):
        decode(load_model(whole.model), np.zeros((4, 2)))


def test_samples_of_the_prior_depend_on_the_seed_alone(whole: Run) -> None:
    model = load_model(whole.model)
    before = torch.get_rng_state()
    one, again, other = draw_samples(model, 5, 0), draw_samples(model, 5, 0), draw_samples(model, 5, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(one["x"], again["x"]) and not np.array_equal(one["x"], other["x"])
    assert np.array_equal(draw_samples(model, 64, OPTIONS.seed)["x"], whole.model.samples["x"])


def test_weights_that_do_not_fit_are_a_damaged_file(whole: Run) -> None:
    state = dict(whole.model.state)
    state.pop(next(iter(state)))
    with pytest.raises(RunFileError, match="weights"):
        load_model(replace(whole.model, state=state))


LATENTS = [
    *("S1", "I", "R3", "S2", "S3", "T2", "T3", "S1xI", "S1xR2", "S2xS1", "SO3", "RP2", "RP3", "mobius", "klein"),
    *("(S1xS1)/<rot(1/2),flip>", "(S1xS1xI)/<rot(1/3),id,id>", "embedded_torus", "annulus", "learned(R2)"),
    *("(S1xS1xI)/<rot(1/2),id,flip>/<id,rot(1/2),flip>", "(S1)/<rot(1/32)>"),
]


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("encoder", ["lift", "cover"])
def test_every_latent_trains_is_written_and_evaluates(latent: str, encoder: str, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    # Few steps of few samples: the default rate is for more of both.
    train(path, TrainOptions(latent, epochs=3, batch_size=16, encoder=encoder, learning_rate=2e-3))
    run = read_run(path)
    metrics = evaluate_member(run.model, run, DATA, iwae=4, device="cpu")
    assert run.model.latent == parse(latent).canonical
    assert all(np.isfinite([part[key] for key in ("rms", "nll", "kl", "elbo")]).all() for part in metrics.values())
    assert np.isfinite(metrics["test"]["iwae"])  # also where a posterior has no density: by a law near it
    assert run.model.history["train_nll"][-1] < run.model.history["train_nll"][0]
