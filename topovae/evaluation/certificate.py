"""The certificate: whether an encoder is a homeomorphism of the data onto the latent space.

Two kinds of tests, and both must pass. Algebra: circle-valued functions, double covers and the sphere's area, pulled back to
the data, must be a basis of the data's own classes. Fibres: small balls of the latent space must hold one piece of the data
each, and small balls of the data must stay in one piece. Algebra does not see folds, fibres not what is smaller than a ball.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.errors import InputError
from topovae.evaluation.algebra import Algebra, is_sphere, read_algebra
from topovae.evaluation.fibres import Fibres, closed, draw_prior, measure_fibres, stretched
from topovae.evaluation.patches import (
    CAP,
    FAULT,
    PLACES,
    SEEN,
    Holes,
    Patches,
    high,
    measure_holes,
    measure_patches,
    neighbourhoods,
)
from topovae.evaluation.pullback import characters
from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.cloud import subset
from topovae.homology.cloud.components import components_of_points
from topovae.homology.cloud.ground import Ground, survey
from topovae.homology.cloud.presets import Preset
from topovae.homology.spaces import invariants as topology
from topovae.latent import LatentSpace
from topovae.signature import Signature
from topovae.store.documents import Document

HOMEOMORPHIC, NOT, UNDECIDED = "homeomorphic", "not homeomorphic", "undecided"
NOT_APPLICABLE = "not applicable"
"""Of a space whose prior is learned."""

SOUND, UNCLEAR, BROKEN, REMARK = "sound", "unclear", "broken", "remark"

LEAST = 10
"""Samples of which anything is asked at all: of fewer no loop can be told from noise; not tuned."""

FEWEST, FEWEST_IN_BALLS = int(tuned("certificate_samples")), int(tuned("ball_samples"))

FEW = 1000
"""Samples of the few tests at the end of a training: a limit on cost, not tuned."""

LIMITS = {
    "empty": (tuned("empty_sound"), tuned("empty_broken")),
    "several": (tuned("several_sound"), tuned("several_broken")),
    "torn": (tuned("torn_sound"), tuned("torn_broken")),
    "leaps": (tuned("leaps_sound"), tuned("leaps_broken")),
}
"""Shares of balls up to which an encoder passes, and from which it fails, measured on maps that are known."""

EXACT = (tuned("exact_vanishes"), tuned("exact_winds"))
WHOLE = tuned("whole")
STANDS_OUT, SURELY = 1.0, tuned("surely")
"""Ratios death/birth over the critical one, from which a class of the data is likely (the critical one itself), and sure."""

PATCH_SURE = tuned("patch_sure")

PATCH_TEXTS = {
    "fibres": "what latent neighbours leave over of a linear fit of their data is up to {:.1f} times the usual",
    "images": "what neighbours in the data leave over of a linear fit of their latents is up to {:.1f} times the usual",
    "slips": "what latent neighbours leave over along the data is up to {:.1f} times the usual",
    "scales": "a piece of the data is up to {:.1f} times as large as usual against its image",
}

MATCHED = tuned("matched")
COLLAPSED = tuned("collapsed")


@dataclass(frozen=True)
class Certificate(Document):
    """Whether an encoder is a homeomorphism onto the latent space, and why.

    Attributes:
        verdict: `homeomorphic`, `not homeomorphic` or `undecided`; `not applicable` where a prior is learned.
        reasons: what was found, the decisive first.
        winding: (k, r) coefficients of the latent's circle-valued functions in the data's classes of degree 1, of determinant
            ±1 where they match; None without such functions, or where the data does not show its classes.
        degree: the degree on a closed orientable space, else that modulo 2, which the reasons say; None where not known.
        injectivity: `data`, the largest distance of samples in one small ball of the latent space, over the data's diameter;
            `latent`, the largest latent distance in one small ball of the data, over the latent's; `several` and `torn`, the
            shares of such balls that fall into several pieces; `leaps`, the share of neighbours in the data far apart in the
            latent space; `spread`, the mean distance in a ball over that of all.
        coverage: share of the latent space reached: of closed factors the balls that are not empty, times the ranges of
            intervals; lines do not count. None without either.
        patches: `fibres` and `images`, the largest residual of local fits of the data over the latents and back, over the
            median one; `scales`, the largest size of a piece of the data over that of its image, over the median;
            `fibres_limit` and so on, what homeomorphisms through the same noise stay below.
        power: `fault`, a share of the samples, and `seen`, the share of simulated folds of that many that would be seen.
    """

    verdict: str
    reasons: tuple[str, ...]
    winding: list[list[int]] | None = None
    degree: int | None = None
    injectivity: dict[str, float] | None = None
    coverage: float | None = None
    patches: dict[str, float] | None = None
    power: dict[str, float] | None = None


@dataclass(frozen=True)
class TestOutcome:
    """The outcome of one test: sound, unclear, broken, or a remark that decides nothing.

    Attributes:
        outcome: one of these.
        reason: what was found.
        needs: samples below which a broken one is unclear.
    """

    outcome: str
    reason: str
    needs: int = 0

    def of(self, n: int) -> TestOutcome:
        """What it says of n samples."""
        return replace(self, outcome=UNCLEAR) if self.outcome == BROKEN and n < self.needs else self


def certify(
    data: Dataset | ArrayLike,
    coordinates: np.ndarray,
    signature: Signature,
    *,
    seed: int = 0,
    ground: Ground | None = None,
) -> Certificate:
    """Certify that an encoder is a homeomorphism of the data onto the latent space, or say why it is none.

    Args:
        data: Dataset, or array (n, ...) of samples; of more than 10,000 a random subset is read.
        coordinates: (n, coordinate_dim) posterior means, as points on the cover; any point of an orbit.
        signature: the latent space.
        seed: of subsets, landmarks and balls.
        ground: the survey of these data with this seed, where it has been made.

    Raises:
        InputError: there are not as many latent points as samples, or they do not fit the latent space.
    """
    if not signature.has_topology:
        return Certificate(NOT_APPLICABLE, (f"{signature} is learned: it has no topology of its own to be faithful to",))
    samples = Dataset.given(data)
    known = LatentSpace(signature)
    check_latents(samples, coordinates, known)
    n = len(coordinates)
    if n < LEAST:
        return Certificate(UNDECIDED, (f"{n} samples are too few to judge anything; give {FEWEST} at least",))
    ground = survey(samples, seed) if ground is None else ground
    space, latents = unrolled(known, torch.as_tensor(np.asarray(coordinates)[ground.index], dtype=torch.float64))
    algebra = read_algebra(space, ground, latents)
    winding = None if algebra.winding is None else np.rint(algebra.winding).astype(int).tolist()
    if n < FEWEST:
        few = TestOutcome(UNCLEAR, f"{n} samples are too few to certify anything; give {FEWEST} at least")
        tests = _sorted([few, *_about_classes(space, algebra)], n)
        return Certificate(_verdict(tests), tuple(test.reason for test in tests), winding)
    fibres = measure_fibres(space, ground, latents, seed)
    patches, holes = measure_patches(space, ground.points, stretched(space, latents), seed), find_holes(space, latents, seed)
    degree, remark = _degree(space, algebra, fibres)
    tests = [
        *_about_components(ground),
        *_about_dimension(space, ground),
        *_about_classes(space, algebra),
        *_about_missing(space, algebra),
        *_about_fibres(space, fibres),
        *_about_patches(patches),
        *_about_holes(holes),
        *remark,
    ]
    tests = _sorted(tests, len(ground.points))
    return Certificate(
        verdict=_verdict(tests),
        reasons=tuple(test.reason for test in tests),
        winding=winding,
        degree=degree,
        injectivity={name: float(getattr(fibres, name)) for name in ("data", "latent", "torn", "leaps", "several", "spread")},
        coverage=_coverage(space, fibres),
        patches={name: math.exp(value) for name, value in patches.largest.items()}
        | {f"{name}_limit": math.exp(value) for name, value in patches.limits.items()},
        power={"fault": FAULT, "seen": patches.power},
    )


def find_holes(space: LatentSpace, latents: Tensor, seed: int) -> Holes | None:
    """Look for places of the closed factors without samples; None where there are no closed factors."""
    if not any(f.kind == "S" for f in space.signature.factors):
        return None
    return measure_holes(space, closed(space, latents), closed(space, draw_prior(space, PLACES, seed + 3)))


def plain_fault(
    data: Dataset, coordinates: np.ndarray, signature: Signature, *, preset: Preset | None = None, seed: int = 0
) -> str | None:
    """Say why an encoder is plainly no homeomorphism, from a few samples and without simulations; None where it may be one.

    Args:
        data: the samples.
        coordinates: (n, coordinate_dim) posterior means, as points on the cover; any point of an orbit.
        signature: the latent space.
        preset: what the diagnosis of these data chose; None chooses it again.
        seed: of subsets, landmarks and balls.

    Returns:
        The first of the reasons: the classes of the data are not those of the latent space, or not one to one, or not onto.
    """
    chosen = subset(data.n_samples, FEW, seed)
    if len(chosen) < LEAST or not signature.has_topology:
        return None
    ground = survey(data.take(chosen), seed, preset)
    points = torch.as_tensor(np.asarray(coordinates)[chosen][ground.index], dtype=torch.float64)
    space, latents = unrolled(LatentSpace(signature), points)
    tests = [*_about_classes(space, read_algebra(space, ground, latents, cavities=False))]
    if len(chosen) >= FEWEST:
        tests += [
            *_about_fibres(space, measure_fibres(space, ground, latents, seed)),
            *_about_collapse(space, ground.points, latents, seed),
            *_about_holes(find_holes(space, latents, seed)),
        ]
    return next((test.reason for test in tests if test.of(len(chosen)).outcome == BROKEN), None)


def check_latents(data: Dataset, coordinates: np.ndarray, space: LatentSpace) -> None:
    """Refuse latent points that do not fit the samples or the space.

    Raises:
        InputError: says what was expected.
    """
    n = data.n_samples
    expected = (n, space.coordinate_dim)
    if np.shape(coordinates) != expected:
        raise InputError(
            f"The latent points have the shape {np.shape(coordinates)}; expected {expected}: one row for each of the {n} "
            f"samples, with the coordinates of {space.signature}."
        )
    if not np.isfinite(coordinates).all():
        row = int(np.argwhere(~np.isfinite(coordinates))[0, 0])
        raise InputError(f"The latent point of sample {row} is not finite. Train again, or leave that sample out.")


def unrolled(space: LatentSpace, latents: Tensor) -> tuple[LatentSpace, Tensor]:
    """Return the space and points without models: in the expression that each is homeomorphic to."""
    return LatentSpace(space.signature.homeomorphic), space.unroll(latents)


def _sorted(tests: list[TestOutcome], n: int) -> list[TestOutcome]:
    """What the tests say of n samples, the decisive first."""
    order = (BROKEN, UNCLEAR, SOUND, REMARK)
    return sorted((test.of(n) for test in tests), key=lambda test: order.index(test.outcome))


def _verdict(tests: list[TestOutcome]) -> str:
    outcomes = {test.outcome for test in tests}
    return NOT if BROKEN in outcomes else UNDECIDED if UNCLEAR in outcomes else HOMEOMORPHIC


def _about_components(ground: Ground) -> Iterator[TestOutcome]:
    pieces = len(np.unique(components_of_points(ground.points, ground.seed)))
    if pieces > 1:
        yield TestOutcome(BROKEN, f"the data falls into {pieces} components, and the latent space is connected")


def _about_dimension(space: LatentSpace, ground: Ground) -> Iterator[TestOutcome]:
    found = ground.dimension.value
    if found != space.dim:
        yield TestOutcome(UNCLEAR, f"the data looks {found}-dimensional, and the latent space has dimension {space.dim}")


def _about_classes(space: LatentSpace, algebra: Algebra) -> Iterator[TestOutcome]:
    """Judge the classes of the data against those of the latent space: of few samples one may not show."""
    yield from _about_winding(space, algebra)
    yield from _about_covers(space, algebra)
    yield from _about_degree(space, algebra)


def _about_winding(space: LatentSpace, algebra: Algebra) -> Iterator[TestOutcome]:
    if algebra.exact is None:
        return
    square = algebra.winding is not None and algebra.winding.shape[0] == algebra.winding.shape[1]
    judged = [_square(algebra)] if square else []
    # The finest graph that holds together may leave the widest gap of few samples open, and no function winds around it then.
    if any(test.outcome == SOUND for test in judged) and _life(algebra, 3, 1, len(algebra.exact[1]) - 1) >= STANDS_OUT:
        yield from judged
        return
    share, combination = algebra.exact
    if share < EXACT[0]:
        yield TestOutcome(
            BROKEN,
            f"the circle-valued function {_named(combination)} of the latent space winds around no loop of the data "
            f"({share:.0%} of its change is no change of a real-valued function)",
            FEWEST_IN_BALLS,
        )
    elif share < EXACT[1]:
        yield TestOutcome(
            UNCLEAR, f"the circle-valued function {_named(combination)} of the latent space hardly winds ({share:.0%})"
        )
    if algebra.winding is None:
        yield TestOutcome(UNCLEAR, "the data's own loops do not show, so that winding numbers are not known")
    yield from judged


def _named(combination: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, combination)) + ")" if len(combination) > 1 else "of the circle"


def _square(algebra: Algebra) -> TestOutcome:
    """Judge a square winding matrix by its determinant."""
    assert algebra.winding is not None
    nearest = np.rint(algebra.winding)
    whole = float(np.abs(algebra.winding - nearest).max()) <= WHOLE
    determinant = round(float(np.linalg.det(nearest)))
    said = f"winding numbers {nearest.astype(int).tolist()}, determinant {determinant}"
    if whole and abs(determinant) == 1:
        return TestOutcome(SOUND, said)
    if _life(algebra, 3, 1, len(nearest) - 1) < STANDS_OUT:
        return TestOutcome(UNCLEAR, f"{said}, but the data's loops do not stand out from noise")
    if not whole:
        return TestOutcome(
            UNCLEAR, f"winding numbers {algebra.winding.round(2).tolist()} are not whole: the encoder jumps somewhere"
        )
    return TestOutcome(BROKEN, f"{said}; a homeomorphism has determinant ±1", 0 if determinant else FEWEST_IN_BALLS)


def _life(algebra: Algebra, prime: int, degree: int, rank: int) -> float:
    """Return the ratio death/birth of the class of that rank, from 0 on, over the critical one; 0 where there is none."""
    lives = algebra.lives.get((prime, degree), np.zeros(0))
    return float(lives[rank]) if rank < len(lives) else 0.0


def _about_covers(space: LatentSpace, algebra: Algebra) -> Iterator[TestOutcome]:
    count = topology.betti_numbers(space.signature, 2)[1]
    if count == len(characters(space.signature)):
        return
    if algebra.mod_two is None:
        yield TestOutcome(
            UNCLEAR, "the data's classes mod 2 do not show, so that those of the latent space cannot be compared with them"
        )
        return
    loose = [match for match in algebra.mod_two if match.frustration > MATCHED * match.rival]
    table = [list(match.combination) for match in algebra.mod_two]
    if loose:
        yield TestOutcome(
            UNCLEAR,
            f"a double cover of the latent space is torn over the data: its class mod 2 differs from every one of the data's "
            f"on {loose[0].frustration:.2%} of the edges or more",
        )
    elif round(float(np.linalg.det(table))) % 2:
        yield TestOutcome(SOUND, f"classes mod 2 of the latent space are {table} in the data's")
    else:
        sure = _life(algebra, 2, 1, count - 1) >= STANDS_OUT
        yield TestOutcome(
            BROKEN if sure else UNCLEAR,
            f"classes mod 2 of the latent space are {table} in the data's: a double cover is lost"
            + ("" if sure else ", perhaps"),
            FEWEST_IN_BALLS,
        )


def _about_degree(space: LatentSpace, algebra: Algebra) -> Iterator[TestOutcome]:
    if not is_sphere(space):
        return
    if algebra.degree is None or abs(algebra.degree - round(algebra.degree)) > WHOLE:
        yield TestOutcome(UNCLEAR, "the data shows no cavity that the sphere could be compared with")
    elif abs(round(algebra.degree)) == 1:
        yield TestOutcome(SOUND, f"degree {round(algebra.degree)}")
    else:
        sure = _life(algebra, 3, 2, 0) >= STANDS_OUT
        yield TestOutcome(BROKEN if sure else UNCLEAR, f"degree {round(algebra.degree)}; a homeomorphism has degree ±1")


def _about_missing(space: LatentSpace, algebra: Algebra) -> Iterator[TestOutcome]:
    """Look for classes of the data that the latent space has not."""
    words = {1: "loops", 2: "cavities"}
    for prime, degree in sorted(algebra.lives, key=lambda key: (key[1], -key[0])):
        numbers = topology.betti_numbers(space.signature, prime)
        held = numbers[degree] if degree < len(numbers) else 0
        surplus = algebra.surplus[prime, degree]
        extra = float(surplus[held]) if held < len(surplus) else 0.0
        if extra >= STANDS_OUT:
            more = int((surplus >= STANDS_OUT).sum())
            text = f"the data shows {more} {words[degree]} over Z/{prime}, the latent space has {held}"
            yield TestOutcome(BROKEN if extra >= SURELY else UNCLEAR, text)


def _about_fibres(space: LatentSpace, fibres: Fibres) -> Iterator[TestOutcome]:
    texts = {
        "several": "{:.1%} of small latent balls hold several pieces of the data",
        "torn": "{:.1%} of small balls of the data are torn apart in the latent space",
        "leaps": "{:.2%} of neighbours in the data are far apart in the latent space",
    }
    if any(f.kind == "S" for f in space.signature.factors):
        texts["empty"] = "{:.1%} of the latent space is not reached"
    for name, text in texts.items():
        value = float(getattr(fibres, name))
        yield TestOutcome(_judged(value, LIMITS[name]), text.format(value), FEWEST_IN_BALLS)
    text = f"samples in a small latent ball lie {fibres.spread:.0%} as far apart as any"
    yield TestOutcome(_judged(fibres.spread, regime(space.dim).spread), text, FEWEST_IN_BALLS)
    for extent in fibres.ranges:
        if extent < COLLAPSED:
            yield TestOutcome(
                BROKEN,
                f"a line or interval of the latent space is not used: the data takes {extent:.1%} of its range",
                FEWEST_IN_BALLS,
            )


def _about_patches(patches: Patches) -> Iterator[TestOutcome]:
    """Judge the worst patches, and whether a fault would have been seen."""
    for name, text in PATCH_TEXTS.items():
        value, limit = patches.largest[name], patches.limits[name]
        said = f"{text.format(math.exp(value))}; a homeomorphism through the same noise stays below {math.exp(limit):.1f}"
        if value > limit:
            said += f" ({float((patches.fields[name] > limit).mean()):.1%} of the samples do not)"
        yield TestOutcome(_judged(value, (limit, limit + PATCH_SURE)), said)
    known = f"a fold of {FAULT:.0%} of the samples would be seen in {patches.power:.0%} of places"
    yield TestOutcome(REMARK, known) if patches.power >= SEEN else TestOutcome(UNCLEAR, f"{known} only: give more samples")


def _about_collapse(space: LatentSpace, points: np.ndarray, latents: Tensor, seed: int) -> Iterator[TestOutcome]:
    """Judge the worst patch by what no homeomorphism reaches, whatever the noise."""
    _, around = neighbourhoods(space, points, stretched(space, latents), seed)
    largest = high(around.fields()["fibres"])
    if largest > CAP + PATCH_SURE:
        yield TestOutcome(BROKEN, PATCH_TEXTS["fibres"].format(math.exp(largest)))


def _about_holes(holes: Holes | None) -> Iterator[TestOutcome]:
    if holes is None:
        return
    if holes.emptiest > holes.limit:
        yield TestOutcome(
            _judged(holes.emptiest, (holes.limit, 2 * holes.limit)),
            f"a place of the latent space is empty: so few samples have a probability of e^−{holes.emptiest:.0f}",
        )
    elif holes.power <= holes.limit:
        yield TestOutcome(UNCLEAR, f"a hole of {FAULT:.0%} of the samples would be missed: give more of them")


def _judged(value: float, limits: tuple[float, float]) -> str:
    sound, broken = limits
    return SOUND if value <= sound else UNCLEAR if value < broken else BROKEN


def _degree(space: LatentSpace, algebra: Algebra, fibres: Fibres) -> tuple[int | None, list[TestOutcome]]:
    """Return the degree: by winding on tori, by area on the sphere, by counting the pieces of fibres, modulo 2, elsewhere."""
    if not topology.is_closed(space.signature):
        return None, []
    winding = algebra.winding
    if winding is not None and winding.shape == (space.dim, space.dim):
        return round(float(np.linalg.det(np.rint(winding)))), []
    if algebra.degree is not None:
        return round(algebra.degree), []
    if fibres.pieces is None:
        return None, []
    return fibres.pieces % 2, [TestOutcome(REMARK, f"the degree is given modulo 2: fibres mostly have {fibres.pieces} pieces")]


def _coverage(space: LatentSpace, fibres: Fibres) -> float | None:
    kinds = [f.kind for f in space.signature.factors for _ in range(f.dim) if f.kind != "S"]
    shares = [min(1.0, extent) for extent, kind in zip(fibres.ranges, kinds, strict=True) if kind == "I"]
    if any(f.kind == "S" for f in space.signature.factors):
        shares.append(1 - fibres.empty)
    return float(np.prod(shares)) if shares else None
