"""Mixtures from data in several pieces: what the diagnosis hands over, what a user may say, and what becomes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.errors import UsageError
from topovae.evaluation import circular_agreement
from topovae.evaluation.components import purity
from topovae.homology.cloud.ground import survey
from topovae.homology.verdict.analyze import analyze
from topovae.runs.components import check_components, check_enough, match, parted, recommended_latents
from topovae.runs.evaluation import certify_member, own_samples, warn
from topovae.runs.models import decode, draw_samples, encode, load_model
from topovae.runs.plan import plan, recommended
from topovae.runs.provenance import make_header
from topovae.runs.session import train_run
from topovae.signature import parse_latent
from topovae.store.schema import Run

N = 300
PIECES = [generate("circle", N, ambient=10, noise=0.03, seed=seed) for seed in (5, 6)]
X = np.concatenate([piece.x + shift for piece, shift in zip(PIECES, (0, 1), strict=True)])
PIECE = np.repeat([0, 1], N)
ANGLE = np.concatenate([piece.truth[:, 0] for piece in PIECES])
DATA = Dataset.of(X, truth=ANGLE[:, None], space="S1")


@pytest.fixture(scope="module")
def planned() -> Any:
    return plan(DATA, "auto", {"seed": 0})


@pytest.fixture(scope="module")
def trained(planned: Any) -> Run:
    header = make_header(DATA, planned.options.to_dict(), 0, "cpu", ("topovae",))
    return train_run(DATA, planned.options, header, device="cpu", coordinates=planned.coordinates)


def test_auto_takes_the_mixture_of_the_pieces_and_starts_each_from_its_own_circle(planned: Any) -> None:
    assert planned.options.latent == "mixture(2*S1)"
    component, start = planned.coordinates["component"], planned.coordinates["start"]
    known = component >= 0
    assert 0.7 < known.mean() < 0.81  # the training split
    assert purity(component[known], PIECE[known]) == 1
    assert np.array_equal(start[known, 0], component[known]) and np.isnan(start[~known]).all()
    for number in (0, 1):
        own = component == number
        assert circular_agreement(start[own, 1], ANGLE[own]) > 0.9


def rings(apart: float, n: int = 250) -> np.ndarray:
    """Two circles of radius 1 above each other, in ten dimensions."""
    rng = np.random.default_rng(0)
    angle, height = rng.uniform(-np.pi, np.pi, 2 * n), np.repeat([0.0, apart], n)
    frame = np.linalg.qr(rng.normal(size=(10, 3)))[0].T
    return np.stack([np.cos(angle), np.sin(angle), height], 1) @ frame + 0.03 * rng.normal(size=(2 * n, 10))


@pytest.mark.parametrize("asked", [2, 3])
def test_components_that_no_gap_shows_are_parted_where_they_are_asked_for(asked: int) -> None:
    x = rings(0.45)
    found = analyze(x, max_dim=1)
    assert found.components == 1
    numbers, piece = parted(parse_latent(f"mixture({asked}*circle)"), found, Dataset.of(x), 0)
    assert len(set(numbers)) == 2 and purity(piece, np.repeat([0, 1], 250)) == 1 and (piece >= 0).all()


def test_a_circle_is_not_parted_into_arcs_by_asking_for_more() -> None:
    found = analyze(PIECES[0].x, max_dim=1)
    numbers, piece = parted(parse_latent("mixture(3*circle)"), found, Dataset.of(PIECES[0].x), 0)
    assert numbers == [0] and (piece == 0).all()


def test_pieces_go_to_the_components_that_all_samples_together_fit_best() -> None:
    found = analyze(X, max_dim=1)
    for space, known in (("mixture(R2,circle)", [1, -1]), ("mixture(circle,circle)", [0, 1])):
        numbers, fit = match(found.pieces, parse_latent(space).components)
        assert numbers[0] == known[0]
        scores = [next(one.score for one in piece.candidates if one.latent == "S1") for piece in found.pieces]
        assert fit == pytest.approx(scores[0] / 2 if known[1] < 0 else sum(scores) / 2, abs=0.05)


def test_each_component_is_found_kept_and_certified(trained: Run) -> None:
    model = load_model(trained.model)
    found = encode(model, DATA)
    assert purity(found["component"], PIECE) == 1
    for name, rows in trained.split.items():
        stored = trained.model.latents[name]
        np.testing.assert_array_equal(stored["component"], found["component"][rows])
        np.testing.assert_allclose(stored["component_probability"].sum(1), 1, atol=1e-5)
        np.testing.assert_array_equal(stored["location"][:, 0], stored["component"])
    assert all(circular_agreement(found["z"][own, 1], ANGLE[own]) > 0.9 for own in (found["component"] == k for k in (0, 1)))
    metrics = trained.model.final["test"]
    assert metrics["stress"] < 0.2 and [one["circular_correlation"] > 0.9 for one in metrics["recovery"]] == [True, True]
    assert np.sqrt(((decode(model, found["z"]) - X) ** 2).mean()) < 0.1
    drawn = draw_samples(model, 200, 0)["coordinates"]
    assert 60 < (drawn[:, 0] == 0).sum() < 140
    assert warn(trained, DATA) is None
    judged = certify_member(trained.model, DATA, survey(DATA, 0), device="cpu")["certificate"]
    assert judged["purity"] == 1 and [one["component"] for one in judged["components"]] == [0, 1]
    assert all(abs(one["winding"][0][0]) == 1 for one in judged["components"])


def test_a_component_that_winds_wrongly_is_rejected_with_its_number(trained: Run) -> None:
    # The samples of one piece in the place of both: each component is asked for the loop of its own data.
    flattened = X.copy()
    own = np.flatnonzero(PIECE == 1)
    flattened[own] = X[own[:1]] + 0.05 * np.random.default_rng(0).normal(size=X[own].shape)
    spoiled = Dataset.of(flattened)
    judged = certify_member(trained.model, spoiled, survey(spoiled, 0), device="cpu")["certificate"]
    assert judged["verdict"] != "homeomorphic" and "component" in judged["reasons"][0]


def test_components_that_are_too_many_lose_their_weight() -> None:
    planned = plan(DATA, "mixture(4*circle)", {"seed": 0, "epochs": 60})
    assert sum("0 samples" in reason for reason in planned.reasons) == 2
    header = make_header(DATA, planned.options.to_dict(), 0, "cpu", ("topovae",))
    run = train_run(DATA, planned.options, header, device="cpu", coordinates=planned.coordinates)
    model = load_model(run.model)
    weights = np.sort(model.space.log_weights_of_components.exp().detach().numpy())
    assert (weights[:2] < 0.05).all() and (weights[2:] > 0.4).all()
    assert purity(encode(model, DATA)["component"], PIECE) == 1


def test_what_a_user_says_of_components_comes_before_the_diagnosis() -> None:
    said = np.where(np.arange(2 * N) % 3 == 0, -1, 1 - PIECE)
    planned = plan(DATA, "mixture(circle,circle)", {"seed": 0}, components=said)
    np.testing.assert_array_equal(planned.coordinates["component"], said)
    known = said >= 0
    np.testing.assert_array_equal(planned.coordinates["start"][known, 0], said[known])


@pytest.mark.parametrize(
    "table, message",
    [
        (PIECE[:-1], "holds 599 numbers, and there are 600 samples"),
        (PIECE + 1, r"sample 300 \(from 0\) has the component 2"),
        (PIECE - 2, r"sample 0 \(from 0\) has the component -2; expected whole"),
        (PIECE * 0.5, r"sample 300 \(from 0\) has the component 0.5"),
        (np.where(np.arange(2 * N) < 5, 1, 0), "component 1 of .* has 5 samples"),
    ],
)
def test_tables_of_components_that_do_not_fit_are_refused(table: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_components(parse_latent("mixture(2*circle)"), table, 2 * N)


def test_more_components_than_samples_can_bear_are_refused() -> None:
    check_enough(parse_latent("mixture(2*circle)"), 80)
    check_enough(parse_latent("circle"), 3)
    with pytest.raises(UsageError, match="has 40 components, and 80 samples"):
        check_enough(parse_latent("mixture(40*circle)"), 80)


def test_the_report_says_the_piece_of_each_sample_and_not_those_of_outliers_and_repeats_as_their_twins() -> None:
    x = np.concatenate([X, X[:3], np.full((1, 10), 40.0)])
    found = analyze(Dataset.of(x), max_dim=1).component
    assert len(found) == len(x) and purity(found[: 2 * N][found[: 2 * N] >= 0], PIECE[found[: 2 * N] >= 0]) == 1
    np.testing.assert_array_equal(found[-4:-1], found[:3])
    assert found[-1] == -1
    single = analyze(Dataset.of(PIECES[0].x), max_dim=1).component
    assert set(single.tolist()) <= {0, -1} and (single == 0).mean() > 0.9


def test_a_piece_without_a_space_leaves_the_latent_to_be_learned() -> None:
    part = {"recommendation": {"latent": "S1", "name": "circle", "confidence": 0.9}}
    none = {"recommendation": {"latent": None, "name": "none", "confidence": 0.9}}
    whole = {"recommendation": none["recommendation"], "candidates": [{"latent": "S1", "score": 0.5}]}
    assert recommended_latents({**whole, "parts": [part, none]}) == []
    assert recommended({**whole, "parts": [part, none]}) is None
    assert recommended({**whole, "parts": [part, part]}) == "mixture(2*S1)"


def test_a_component_is_trained_by_itself_on_its_samples_alone(planned: Any) -> None:
    together = planned.analysis
    planned = plan(DATA, "auto", {"seed": 0, "component": 1, "epochs": 60}, components=PIECE, analysis=together)
    assert planned.options.latent == "S1" and planned.options.component == 1
    start = planned.coordinates["start"]
    assert np.isnan(start[PIECE == 0]).all() and circular_agreement(start[PIECE == 1, 0], ANGLE[PIECE == 1]) > 0.9
    header = make_header(DATA, planned.options.to_dict(), 0, "cpu", ("topovae",))
    run = train_run(DATA, planned.options, header, device="cpu", coordinates=planned.coordinates)
    rows = np.concatenate(list(run.split.values()))
    np.testing.assert_array_equal(np.sort(rows), np.flatnonzero(PIECE == 1))
    own = own_samples(run, DATA)
    np.testing.assert_array_equal(own.load(), X[PIECE == 1])
    judged = certify_member(run.model, own, survey(own, 0), device="cpu")["certificate"]
    assert judged["winding"] in ([[1]], [[-1]])


def test_the_diagnosis_of_all_samples_says_which_component_is_which() -> None:
    planned = plan(DATA, "S1", {"seed": 0, "component": 0})
    component = planned.coordinates["component"]
    assert 0.4 < (component == 0).mean() <= 0.5 and purity(component[component >= 0], PIECE[component >= 0]) == 1


@pytest.mark.parametrize("number", [2, 40])
def test_components_that_the_data_lack_are_refused(number: int) -> None:
    with pytest.raises(UsageError, match=r"it has 0 samples.* the data have the components 0, 1"):
        plan(DATA, "auto", {"seed": 0, "component": number}, components=PIECE)
