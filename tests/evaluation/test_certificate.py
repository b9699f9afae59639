"""The certificate on maps known to be homeomorphisms or not, and its invariances."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
import torch
from support.counts import heading_cells
from support.faults import FAMILIES, Family, encoded
from support.maps import CASES, Case, draw, jittered

from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.errors import InputError
from topovae.evaluation.certificate import (
    BROKEN,
    HOMEOMORPHIC,
    NOT,
    UNCLEAR,
    UNDECIDED,
    Certificate,
    TestOutcome,
    certify,
    plain_fault,
)
from topovae.evaluation.diagrams import compare_bars, compare_diagrams
from topovae.evaluation.pullback import characters
from topovae.homology.cloud.presets import choose_preset, stabilise
from topovae.latent import LatentSpace
from topovae.signature import parse

SEED, N = 1010, 1200
GOOD = [
    "circle → S1",
    "interval → I",
    "disk → R2",
    "cylinder → S1xI",
    "mobius → mobius",
    "torus → S1xS1",
    "klein → klein",
    "sphere → S2",
]
BAD = {
    "circle → S1: degree 2": "a homeomorphism has determinant",
    "circle → S1: folded back": "several pieces",
    "circle → I: cut open": "loops",
    "interval → S1: an arc": "not reached",
    "interval → S1: closed up": "winds around no loop",
    "torus → S1xS1: determinant 2": "a homeomorphism has determinant",
    "torus → S2: seen from its centre": "loops",
    "torus → R2: seen from above": "loops",
    "klein → S1xS1: 2u and v to and fro": "winds around no loop",
    "klein → klein: v doubled": "double cover is lost",
    "sphere → S1xS1: longitude and colatitude": "winds around no loop",
    "sphere → S2: degree 2": "degree",
    "rp2 → rp2: through the sphere": "double cover is lost",
}


@cache
def drawn(space: str) -> tuple[np.ndarray, np.ndarray]:
    return draw(space, N, 0.05, SEED)


def named(text: str) -> Case:
    return next(case for case in CASES if str(case) == text)


JITTER = 0.0125
"""Radians: an encoder that errs by more than the noise of these data would hide a fold of 5 %, and is undecided."""


def points(case: Case) -> np.ndarray:
    return jittered(case.latent, case.map(drawn(case.data)[1]), JITTER, SEED)


def certificate(case: Case) -> Certificate:
    return certify(drawn(case.data)[0], points(case), parse(case.latent))


@pytest.mark.parametrize("pair", [*GOOD, "rp2 → rp2"])
def test_a_homeomorphism_is_certified(pair: str) -> None:
    case = next(case for case in CASES if case.good and str(case).startswith(pair + ":"))
    found = certificate(case)
    assert found.verdict == HOMEOMORPHIC, found.reasons
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


@pytest.mark.parametrize("text", BAD)
def test_another_map_is_rejected_with_its_reason(text: str) -> None:
    found = certificate(named(text))
    assert found.verdict == NOT
    assert any(BAD[text] in reason for reason in found.reasons), found.reasons


def test_winding_and_degree_of_a_shear() -> None:
    found = certificate(named("torus → S1xS1: determinant −1"))
    assert found.winding is not None and abs(round(np.linalg.det(found.winding))) == 1
    assert found.degree is not None and abs(found.degree) == 1
    assert found.coverage is not None and found.coverage > 0.97


@pytest.mark.parametrize("text", ["klein → klein: identity", "rp2 → rp2: identity", "mobius → mobius: warped"])
@pytest.mark.slow
def test_the_choice_within_an_orbit_changes_nothing(text: str) -> None:
    case = named(text)
    z = torch.as_tensor(points(case), dtype=torch.float64)
    images = LatentSpace(case.latent).orbit(z)
    chosen = torch.as_tensor(np.random.default_rng(0).integers(len(images), size=len(z)))
    other = images[chosen, torch.arange(len(z))].numpy()
    before, after = (certify(drawn(case.data)[0], c, parse(case.latent)) for c in (z.numpy(), other))
    assert before.verdict == after.verdict
    assert before.degree == after.degree


@pytest.mark.parametrize("text", ["torus → S1xS1: identity", "torus → S1xS1: folded back", "klein → klein: v lost"])
@pytest.mark.slow
def test_isometries_change_no_verdict(text: str) -> None:
    case = named(text)
    moved = points(case) * [1, -1] + [1.3, np.pi]
    assert certify(drawn(case.data)[0], moved, parse(case.latent)).verdict == certificate(case).verdict


@pytest.mark.parametrize(("n", "reason"), [(50, "too few"), (100, "would be missed"), (150, "would be missed")])
def test_few_samples_are_not_certified_and_say_why(n: int, reason: str) -> None:
    case = named("circle → S1: identity")
    found = certify(drawn("circle")[0][:n], points(case)[:n], parse("S1"))
    assert found.verdict == UNDECIDED
    assert any(reason in text for text in found.reasons)


def test_few_samples_of_a_sound_map_are_not_rejected() -> None:
    case = named("torus → S1xS1: identity")
    assert certify(drawn("torus")[0][:100], points(case)[:100], parse("S1xS1")).verdict == UNDECIDED


@pytest.mark.parametrize("text", ["circle → S1: degree 2", "torus → S1xS1: determinant 2"])
def test_winding_is_judged_however_few_the_samples(text: str) -> None:
    case = named(text)
    found = certify(drawn(case.data)[0][:240], points(case)[:240], parse(case.latent))
    assert found.verdict != HOMEOMORPHIC
    assert found.winding is not None and abs(round(np.linalg.det(found.winding))) == 2


@pytest.mark.parametrize("n", [24, 59, 72])
@pytest.mark.parametrize("turns", [1, 2])
def test_a_turntable_of_few_views_that_winds_twice_is_refused(n: int, turns: int) -> None:
    rng = np.random.default_rng(n)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x = np.stack([np.cos(angle), np.sin(angle), 0.3 * np.cos(2 * angle)], 1) @ rng.standard_normal((3, 20))
    found = certify(x + 0.02 * rng.standard_normal(x.shape), turns * angle[:, None], parse("S1"))
    assert found.verdict == (UNDECIDED if turns == 1 else NOT)
    assert found.winding in ([[turns]], [[-turns]])


def test_a_class_that_few_samples_do_not_show_rejects_nothing() -> None:
    few = TestOutcome(BROKEN, "classes mod 2", needs=200)
    assert few.of(199).outcome == UNCLEAR and few.of(200).outcome == BROKEN


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_fault_of_15_percent_is_not_certified(family: Family) -> None:
    x, latents = encoded(family, 0.15, 600, 0.05, SEED)
    assert certify(x, latents, parse(family.latent)).verdict != HOMEOMORPHIC


@pytest.mark.parametrize("name", ["circle whisker", "circle fold", "sphere pinched", "klein sheet swap"])
def test_the_failing_patch_is_where_the_fault_is(name: str) -> None:
    family = next(family for family in FAMILIES if str(family) == name)
    x, latents = encoded(family, 0.08, 1000, 0.02, SEED)
    found = certify(x, latents, parse(family.latent))
    assert found.verdict == NOT and found.patches is not None
    assert found.patches["fibres"] > found.patches["fibres_limit"]


def test_a_sound_map_states_its_power() -> None:
    found = certificate(named("torus → S1xS1: identity"))
    assert found.power is not None and found.power["fault"] == 0.05 and found.power["seen"] > 0.9
    assert any("a fold of 5% of the samples would be seen" in text for text in found.reasons)


def test_a_plain_fault_is_named_and_a_sound_map_has_none() -> None:
    for text, said in (("circle → S1: identity", None), ("circle → S1: degree 2", "winding numbers")):
        case = named(text)
        found = plain_fault(Dataset.of(drawn("circle")[0]), points(case), parse("S1"))
        assert found is None if said is None else said in (found or "")
    family = next(family for family in FAMILIES if str(family) == "circle whisker")
    x, latents = encoded(family, 0.15, 600, 0.02, SEED)
    assert "leave over" in (plain_fault(Dataset.of(x), latents, parse("S1")) or "")


def test_points_that_do_not_fit_are_refused() -> None:
    x, _ = drawn("circle")
    with pytest.raises(InputError, match="expected \\(1200, 2\\)"):
        certify(x, np.zeros((N, 1)), parse("S1xS1"))
    with pytest.raises(InputError, match="sample 3"):
        certify(x, np.where(np.arange(N)[:, None] == 3, np.nan, 0.0), parse("S1"))


@pytest.mark.parametrize(
    ("latent", "basis"),
    [("S1xI", [[1]]), ("(S1)/<rot(1/3)>", [[3]]), ("klein", [[2, 0]]), ("(S1xS1)/<rot(1/2),rot(1/2)>", 2), ("S2", [])],
)
def test_characters_are_a_basis_of_the_dual_lattice(latent: str, basis: list[list[int]] | int) -> None:
    rows = characters(parse(latent))
    if isinstance(basis, int):
        assert abs(round(np.linalg.det(rows))) == basis
    else:
        assert np.abs(rows).tolist() == basis


def test_diagrams_of_a_copy_are_near_and_of_a_constant_far() -> None:
    good, bad = (named(f"circle → S1: {name}") for name in ("identity", "constant"))
    x, _ = drawn("circle")
    near, far = (compare_diagrams(x, points(case), parse("S1")) for case in (good, bad))
    assert near["scale"] == "diameter" and near["landmarks"] > 50
    assert near["primes"]["2"]["1"]["bottleneck"] < 0.5 * far["primes"]["2"]["1"]["bottleneck"]
    assert near["mean_h1_h2_bottleneck"] < far["mean_h1_h2_bottleneck"]


def test_infinite_bars_match_only_infinite_ones() -> None:
    bar, endless = np.array([[0.0, 2.0]]), np.array([[0.0, np.inf]])
    assert compare_bars(bar, endless)["bottleneck"] is None
    assert compare_bars(endless, endless + [[0.5, 0.0]])["bottleneck"] == 0.5
    assert compare_bars(bar, np.zeros((0, 2))) == {"bottleneck": 1.0, "wasserstein": pytest.approx(2**0.5)}


def test_data_in_two_pieces_are_on_no_connected_space() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(800, 2))
    z[:, 0] += np.where(np.arange(800) % 2, 6.0, -6.0)
    x = np.pad(z, ((0, 0), (0, 18))) + 0.05 * rng.normal(size=(800, 20))
    found = certify(x, z, parse("R2"))
    assert found.verdict == "not homeomorphic" and "2 components" in found.reasons[0]


@pytest.mark.parametrize("latent", ["embedded_torus", "annulus"])
@pytest.mark.slow
def test_models_are_certified_as_what_they_are_homeomorphic_to(latent: str) -> None:
    space = LatentSpace(latent)
    drawn = generate("torus" if latent == "embedded_torus" else "cylinder", 1500, ambient=30, noise=0.05, seed=1)
    points = space.parametrise(torch.as_tensor(drawn.truth, dtype=torch.float64)).numpy()
    found = certify(drawn.x, points, parse(latent))
    assert found.verdict == "homeomorphic" and found.winding is not None
    assert compare_diagrams(drawn.x, points, parse(latent))["mean_h1_h2_bottleneck"] < 0.3


@pytest.mark.parametrize("step", [0.2, np.inf])
@pytest.mark.parametrize("seed", range(7, 12))
def test_counts_are_certified_like_their_transform(seed: int, step: float) -> None:
    counts, heading = heading_cells(1500, 60, 16.0, step, seed)  # as many that a fold of 5 % shows through their noise
    latents = jittered("S1", heading[:, None], JITTER, seed)
    assert choose_preset(Dataset.of(counts), seed=seed).name == "counts"
    found = certify(counts, latents, parse("S1"), seed=seed)
    assert found.verdict == HOMEOMORPHIC, found.reasons
    assert found == certify(stabilise(counts), latents, parse("S1"), seed=seed)
