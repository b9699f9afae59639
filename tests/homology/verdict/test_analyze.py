"""The whole diagnosis on small data: names, JSON, determinism, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from support.rows import Counted, Rows

from topovae.data.dataset import Dataset
from topovae.data.synthetic.spaces import generate
from topovae.errors import InputError, ResourceError, UsageError
from topovae.homology import Analysis, analyze


def circle(angle: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angle), np.sin(angle)])


def spread(points: np.ndarray, rng: np.random.Generator, noise: float = 0.02) -> np.ndarray:
    """Turn points into 20 features, with noise."""
    frame, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    return points @ frame[: points.shape[1]] + noise * rng.normal(size=(len(points), 20))


def draw(name: str, n: int, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, height = rng.uniform(0, 2 * np.pi, (n, 2)), rng.uniform(-1, 1, n)
    normal = rng.normal(size=(n, 3))
    shapes = {
        "interval": np.column_stack([height, np.cos(height)]),
        "circle": circle(angle[:, 0]),
        "plane": np.column_stack([height, rng.uniform(-1, 1, n)]),
        "cylinder": np.column_stack([circle(angle[:, 0]), height]),
        "torus": np.hstack([circle(angle[:, 0]), circle(angle[:, 1])]),
        "sphere": normal / np.linalg.norm(normal, axis=1, keepdims=True),
        "R3": normal,
    }
    return spread(shapes[name], rng, noise)


NAMES = {
    "interval": "I",
    "circle": "S1",
    "plane": "R2",
    "cylinder": "S1xI",
    "sphere": "S2",
    "torus": "S1xS1",
    "R3": "R3",
}

KEYS = {
    "schema": str,
    "n_samples": int,
    "n_features": int,
    "landmarks": int,
    "covering_radius": float,
    "components": int,
    "intrinsic_dimension": dict,
    "betti": dict,
    "bars": list,
    "orientable": bool,
    "boundary": bool,
    "manifold": float,
    "cup_length": int,
    "cup_form": list,
    "covers": list,
    "significance": dict,
    "samples": int,
    "candidates": list,
    "recommendation": dict,
    "summary": list,
    "parts": list,
    "preset": dict,
    "orbits": type(None),
    "symmetries": list,
    "style": type(None),
    "left_out": list,
    "views": list,
    "set_aside": dict,
    "settling": type(None),
}


@pytest.fixture(scope="module")
def cylinder() -> tuple[np.ndarray, Analysis]:
    x = draw("cylinder", 600)
    return x, analyze(x)


@pytest.mark.parametrize("name", NAMES)
def test_spaces_are_named(name: str) -> None:
    found = analyze(draw(name, 700, seed=3), seed=3).recommendation
    assert (found.name, found.latent) == (name, NAMES[name])


@pytest.mark.parametrize("n", [150, 200, 400])
@pytest.mark.parametrize("seed", [0, 1])
def test_chance_gaps_between_few_samples_part_no_circle(n: int, seed: int) -> None:
    found = analyze(generate("circle", n, ambient=5, noise=0.02, seed=seed).x, seed=seed)
    assert (found.components, found.recommendation.name) == (1, "circle")


def test_two_circles_apart_are_none() -> None:
    x = draw("circle", 600)
    x[::2] += 10.0
    found = analyze(x)
    assert found.components == 2
    assert (found.recommendation.name, found.recommendation.latent) == ("none", None)
    document = found.to_dict()
    assert [part["recommendation"]["name"] for part in document["parts"]] == ["circle", "circle"]
    assert document["betti"] == {"2": [2, 2], "3": [2, 2]}
    assert sum(part["samples"] for part in document["parts"]) == 600


def test_the_json_has_the_documented_keys_and_types(cylinder: tuple[np.ndarray, Analysis]) -> None:
    document = json.loads(json.dumps(cylinder[1].to_dict(), allow_nan=False))
    assert {key: type(value) for key, value in document.items()} == KEYS
    assert document["schema"] == "topovae/analysis/1"
    assert set(document["intrinsic_dimension"]) == {"value", "estimate", "interval"}
    assert document["betti"] == {"2": [1, 1, 0], "3": [1, 1, 0]}
    assert set(document["bars"][0]) == {"prime", "dim", "birth", "death", "p_value", "significant"}
    assert set(document["candidates"][0]) == {"latent", "name", "score", "reasons"}
    assert set(document["recommendation"]) == {"latent", "name", "confidence", "source"}


def test_an_analysis_shows_itself_in_a_line(cylinder: tuple[np.ndarray, Analysis]) -> None:
    _, result = cylinder
    shown = repr(result)
    assert len(shown) < 200 and "\n" not in shown
    assert f"{result.n_samples} samples" in shown and str(result.recommendation.latent) in shown


def test_significant_bars_count_the_betti_numbers(cylinder: tuple[np.ndarray, Analysis]) -> None:
    found = cylinder[1]
    for prime, numbers in found.betti.items():
        for degree, number in enumerate(numbers):
            bars = [bar for bar in found.bars if (bar.prime, bar.dim) == (prime, degree)]
            assert sum(bar.significant for bar in bars) == number


def test_equal_seeds_give_equal_results(cylinder: tuple[np.ndarray, Analysis]) -> None:
    x, found = cylinder
    again = analyze(x.copy())
    assert again.to_dict() == found.to_dict()
    assert np.array_equal(again.skeleton.landmarks.distances, found.skeleton.landmarks.distances)
    other = analyze(x, seed=1)
    assert not np.array_equal(other.skeleton.landmarks.distances, found.skeleton.landmarks.distances)


def test_units_and_shifts_do_not_matter(cylinder: tuple[np.ndarray, Analysis]) -> None:
    x, found = cylinder
    other = analyze(1000.0 * x + 7.0)
    assert other.recommendation.name == found.recommendation.name
    assert other.covering_radius == pytest.approx(1000 * found.covering_radius, rel=0.3)


def test_a_distance_matrix_will_do() -> None:
    x = draw("circle", 300, noise=0.0)
    found = analyze(cdist(x, x), distance_matrix=True)
    assert found.recommendation.name == "circle"
    assert (found.n_features, found.boundary, found.orientable) == (None, None, None)
    with pytest.raises(ValueError, match="cannot place samples"):
        found.skeleton.place(x)
    with pytest.raises(ValueError, match="cannot place samples"):
        next(found.skeleton.place_all(Dataset.of(x)))


def test_the_cosine_metric_forgets_length() -> None:
    rng = np.random.default_rng(5)
    x = draw("circle", 400) * rng.uniform(1, 5, (400, 1))
    assert analyze(x, metric="cosine").recommendation.name == "circle"


def test_images_of_a_moving_spot_are_a_circle() -> None:
    angle = 2 * np.pi * np.arange(240) / 240
    grid = np.arange(16) - 7.5
    across, down = 5 * np.cos(angle)[:, None, None], 5 * np.sin(angle)[:, None, None]
    images = np.exp(-((grid[None, None, :] - across) ** 2 + (grid[None, :, None] - down) ** 2) / 2)
    found = analyze(images)
    assert found.recommendation.name == "circle"
    assert found.n_features == 256


@pytest.mark.slow
def test_a_large_data_set_is_read_in_part() -> None:
    x = draw("circle", 20_500)[:, :5]
    data = Rows(x, most=20_000)
    found = analyze(data, max_dim=1, memory=2**26)
    assert found.n_samples == 20_500
    assert found.recommendation.name == "circle"


IMAGES = np.exp(-np.square(np.linspace(-2, 2, 8) - np.linspace(-2, 2, 160)[:, None, None]).repeat(8, axis=1))
READ_ONCE = {"features": (draw("circle", 300), None), "images in groups": (IMAGES, np.arange(160) // 40)}


@pytest.mark.parametrize(("x", "group"), READ_ONCE.values(), ids=READ_ONCE.keys())
def test_each_row_is_read_once(x: np.ndarray, group: np.ndarray | None) -> None:
    source = Counted(x)
    analyze(Dataset.of(source, group=group), max_dim=1)
    assert (source.count == 1).all()


def test_of_more_than_fits_each_step_reads_a_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topovae.homology.verdict.analyze.HELD_SHARE", 2**26)
    source = Counted(IMAGES)
    analyze(Dataset.of(source, group=np.arange(160) // 40), max_dim=1)
    assert source.count.max() <= 5  # preset, points, groups and symmetries, and the order of few


def test_progress_rises_through_named_stages() -> None:
    stages: list[tuple[str, float]] = []
    analyze(draw("circle", 200), progress=lambda stage, share: stages.append((stage, share)))
    shares = [share for _, share in stages]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1
    assert all(stage for stage, _ in stages)


def spoilt(value: float) -> np.ndarray:
    x = draw("circle", 100)
    x[17, 3] = value
    return x


BAD_INPUT: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "few": (np.ones((5, 3)), {}, InputError, "5 samples"),
    "nan": (spoilt(np.nan), {}, InputError, "rows 17"),
    "infinite": (spoilt(np.inf), {}, InputError, "rows 17"),
    "constant": (np.ones((100, 3)), {}, InputError, "equal"),
    "few that differ": (np.tile(np.eye(3), (200, 1)), {}, InputError, "Only 3 of the 600"),
    "text": (np.full((100, 3), "a"), {}, InputError, "real numbers"),
    "object": (np.full((100, 3), None), {}, InputError, "real numbers"),
    "not square": (np.ones((100, 4)), {"distance_matrix": True}, InputError, "square"),
    "no distances": (np.ones((100, 100)), {"distance_matrix": True}, InputError, "itself"),
    "zero and cosine": (np.zeros((100, 3)), {"metric": "cosine"}, InputError, "cosine"),
    "prime": (draw("circle", 100), {"primes": (2, 4)}, UsageError, "4 is not a prime"),
    "no prime": (draw("circle", 100), {"primes": ()}, UsageError, "primes"),
    "degree": (draw("circle", 100), {"max_dim": 3}, UsageError, "degree"),
    "alpha": (draw("circle", 100), {"alpha": 0.0}, UsageError, "alpha"),
    "metric": (draw("circle", 100), {"metric": "taxi"}, UsageError, "taxi"),
    "landmarks": (draw("circle", 100), {"landmarks": 3}, UsageError, "landmarks"),
    "components": (draw("circle", 100), {"components": 0}, UsageError, "0 components"),
    "memory": (draw("circle", 100), {"memory": 1000}, ResourceError, "MiB"),
    "memory for homology": (
        draw("torus", 3000),
        {"landmarks": 1500, "memory": 2**26},
        ResourceError,
        "landmarks",
    ),
}


@pytest.mark.parametrize(("data", "options", "error", "words"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_refused(data: Any, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        analyze(data, **options)


def test_duplicates_and_small_samples_do_no_harm() -> None:
    x = draw("circle", 120)
    assert analyze(np.repeat(x, 3, axis=0)).components >= 1
    assert analyze(x[:40]).landmarks >= 20
