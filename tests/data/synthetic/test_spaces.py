"""Laws of the table of spaces: shapes, ranges, uniformity, quotients, the smooth map, noise, seeds."""

import subprocess
import sys

import numpy as np
import pytest

from topovae.data.synthetic.spaces import SPACES, find_space, generate, random_map
from topovae.errors import UsageError

TAU = 2 * np.pi
CLOUDS = [name for name, entry in SPACES.items() if entry.dimension is not None]
CLOUDS += ["S3", "S5", "T2", "T4", "RP3"]
UNIT = ["sphere", "S3", "S5", "rp2", "RP3", "so3"]
ANGLES = {  # columns of truth that are angles
    "circle": [0],
    "cylinder": [0],
    "annulus": [0],
    "mobius": [0],
    "torus": [0, 1],
    "embedded-torus": [0, 1],
    "klein": [0, 1],
    "T2": [0, 1],
    "T3": [0, 1, 2],
    "T4": [0, 1, 2, 3],
    "r2xs1": [0],
    "concentric-circles": [0],
    "figure-eight": [0],
}
DECK = {
    "mobius": lambda t: t * [1, -1] + [np.pi, 1],
    "klein": lambda t: t * [1, -1] + [np.pi, 0],
    "rp2": lambda z: -z,
    "RP3": lambda z: -z,
    "so3": lambda z: -z,
}
# Embeddings that multiply the volume by a constant, whose truth is uniform on the latent space.
HOMOGENEOUS = [
    "circle",
    "interval",
    "cylinder",
    "torus",
    "sphere",
    "S3",
    "rp2",
    "so3",
    "T3",
    "r2xs1",
    "swiss-roll",
]


def cover_distance(name, a, b):
    """Distance on the cover: angles by their wrapped difference, the rest as it is."""
    difference = a - b
    columns = ANGLES.get(name, [])
    difference[..., columns] = (difference[..., columns] + np.pi) % TAU - np.pi
    return np.linalg.norm(difference, axis=-1)


def tangents(entry, truth, step=1e-5):
    """Jacobian of the embedding by central differences: (n, dimension, k)."""
    shifts = step * np.eye(truth.shape[1])
    return np.stack([(entry.embed(truth + s) - entry.embed(truth - s)) / (2 * step) for s in shifts], axis=2)


@pytest.mark.parametrize("name", CLOUDS)
def test_shapes_and_dtypes(name):
    entry = find_space(name)
    sample = generate(name, 37)
    assert sample.x.shape == (37, entry.dimension)
    assert len(sample.truth) == 37
    assert sample.x.dtype == sample.truth.dtype == np.float32
    assert sample.space == entry.space and sample.name == entry.name
    assert sample.group is None


@pytest.mark.parametrize("name", CLOUDS)
def test_truth_decides_the_point(name):
    entry = find_space(name)
    x, truth = entry.sampler(np.random.default_rng(4), 50)
    np.testing.assert_allclose(entry.embed(truth), x, atol=1e-12)


@pytest.mark.parametrize("name", ANGLES)
def test_angles_fill_a_turn(name):
    angle = generate(name, 4000, seed=2).truth[:, ANGLES[name]]
    assert angle.min() >= 0 and angle.max() < TAU
    assert angle.min() < 0.05 and angle.max() > TAU - 0.05


@pytest.mark.parametrize("name", UNIT)
def test_unit_vectors(name):
    np.testing.assert_allclose(np.linalg.norm(generate(name, 200).truth, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["interval", "cylinder", "annulus", "mobius"])
def test_interval_factors_stay_inside(name):
    h = generate(name, 4000).truth[:, -1]
    assert h.min() >= 0 and h.max() <= 1 and h.min() < 0.02 and h.max() > 0.98


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_homogeneous_spaces_have_uniform_truth(name):
    truth = generate(name, 20_000, seed=1).truth
    if name in UNIT:
        np.testing.assert_allclose(truth.mean(axis=0), 0, atol=0.03)
        np.testing.assert_allclose(np.cov(truth.T), np.eye(truth.shape[1]) / truth.shape[1], atol=0.02)
        return
    low, high = truth.min(axis=0), truth.max(axis=0)
    quantiles = np.quantile((truth - low) / (high - low), [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(quantiles, np.array([[0.25], [0.5], [0.75]]) * np.ones(truth.shape[1]), atol=0.02)


@pytest.mark.parametrize("name", ["mobius", "klein", "annulus", "embedded-torus", "cylinder", "torus"])
def test_density_is_the_volume_element(name):
    """Weighted by 1 / volume element, every cell of the second coordinate has equal mass."""
    entry = SPACES[name]
    _, truth = entry.sampler(np.random.default_rng(0), 40_000)
    jacobian = tangents(entry, truth)
    volume = np.sqrt(np.linalg.det(jacobian.transpose(0, 2, 1) @ jacobian))
    top = TAU if 1 in ANGLES[name] else 1
    mass, _ = np.histogram(truth[:, 1], bins=8, range=(0, top), weights=1 / volume)
    np.testing.assert_allclose(mass / mass.mean(), 1, atol=0.07)


def test_disk_is_uniform_by_area():
    radius = np.linalg.norm(generate("disk", 20_000).x, axis=1)
    assert radius.max() <= 1 + 1e-6
    np.testing.assert_allclose(np.quantile(radius**2, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)


@pytest.mark.parametrize("name", ["sphere", "S3", "S5", "circle", "torus", "T3", "klein"])
def test_embedded_mean_is_the_centre(name):
    np.testing.assert_allclose(generate(name, 20_000).x.mean(axis=0), 0, atol=0.03)


@pytest.mark.parametrize("name", DECK)
def test_embedding_is_invariant_under_the_deck_group(name):
    entry = find_space(name)
    _, truth = entry.sampler(np.random.default_rng(3), 200)
    np.testing.assert_allclose(entry.embed(DECK[name](truth)), entry.embed(truth), atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CLOUDS if find_space(name).space is not None])
def test_embedding_is_injective(name):
    """Distances in the embedding are bounded below by distances on the quotient."""
    entry = find_space(name)
    _, truth = entry.sampler(np.random.default_rng(5), 400)
    close = truth + np.random.default_rng(6).normal(size=truth.shape) * 0.05
    if name in UNIT:
        close /= np.linalg.norm(close, axis=1, keepdims=True)
    for a, b in ((truth[:, None], truth[None]), (truth, close)):
        a, b = np.broadcast_arrays(a, b)
        flat_a, flat_b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
        base = cover_distance(name, flat_a, flat_b)
        if name in DECK:
            base = np.minimum(base, cover_distance(name, flat_a, DECK[name](flat_b)))
        apart = base > 1e-3
        embedded = np.linalg.norm(entry.embed(flat_a) - entry.embed(flat_b), axis=1)
        # A swiss roll's layers are close in space and far along the roll: its constant is small.
        assert np.min(embedded[apart] / base[apart]) > (0.03 if name == "swiss-roll" else 0.2)


def test_klein_and_mobius_are_close_to_isometric():
    for name in ("klein", "mobius"):
        entry = SPACES[name]
        _, truth = entry.sampler(np.random.default_rng(0), 2000)
        lengths = np.linalg.norm(tangents(entry, truth), axis=1)
        assert np.all(lengths.max(axis=0) / lengths.min(axis=0) < 1.15)


def test_swiss_roll_is_isometric():
    entry = SPACES["swiss-roll"]
    _, truth = entry.sampler(np.random.default_rng(0), 500)
    inner = truth[(truth[:, 0] > 0.1) & (truth[:, 0] < truth[:, 0].max() - 0.1)]
    jacobian = tangents(entry, inner, 1e-2)
    metric = jacobian.transpose(0, 2, 1) @ jacobian
    np.testing.assert_allclose(metric, np.broadcast_to(np.eye(2), metric.shape), atol=0.01)


def test_circles_have_points_in_proportion_to_their_lengths():
    circle = generate("concentric-circles", 20_000).truth[:, 1]
    assert abs(circle.mean() - 2 / 3) < 0.02
    radius = np.linalg.norm(generate("concentric-circles", 100).x, axis=1)
    np.testing.assert_allclose(np.minimum(abs(radius - 1), abs(radius - 2)), 0, atol=1e-5)


def test_figure_eight_is_even_along_its_length():
    x = generate("figure-eight", 1).truth  # also with one sample
    assert x.shape == (1, 2)
    entry = SPACES["figure-eight"]
    angle = np.linspace(0.05, TAU - 0.05, 400)
    speed = np.linalg.norm(tangents(entry, np.stack([angle, 0 * angle], axis=1), 1e-3)[:, :, 0], axis=1)
    assert speed.max() / speed.min() < 1.01
    crossing = entry.embed(np.array([[0.0, 0.0], [TAU, 0.0], [0.0, 1.0], [TAU, 1.0]]))
    np.testing.assert_allclose(crossing, 0, atol=1e-12)


def test_wedge_pieces_touch_in_one_point():
    sample = generate("wedge", 5000)
    piece = sample.truth[:, 3]
    np.testing.assert_allclose([(piece == k).mean() for k in range(3)], [0.6, 0.2, 0.2], atol=0.03)
    entry = SPACES["wedge"]
    for axis, k in ((0, 1), (1, 2)):
        contact = np.eye(3)[axis]
        on_sphere, on_circle = np.r_[contact, 0.0], np.r_[-contact, float(k)]
        np.testing.assert_allclose(entry.embed(on_sphere[None]), entry.embed(on_circle[None]), atol=1e-12)


def test_rotations_are_rotations():
    matrices = generate("so3", 100).x.reshape(-1, 3, 3).astype(float)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (100, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-5)


@pytest.mark.parametrize("name", CLOUDS)
def test_smooth_map_has_the_stated_scale_and_collapses_nothing(name):
    entry = find_space(name)
    sample = generate(name, 600, ambient=50, seed=1)
    assert sample.x.shape == (600, 50)
    assert abs(sample.x.std(axis=0).mean() - 0.5) < 0.05
    map_ = random_map(entry, 50, 1)
    x, _ = entry.sampler(np.random.default_rng(2), 300)
    i, j = np.triu_indices(300, 1)
    stretch = np.linalg.norm(map_(x)[i] - map_(x)[j], axis=1) / np.linalg.norm(x[i] - x[j], axis=1)
    assert stretch.min() / np.median(stretch) > 0.25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["torus", "klein", "embedded-torus"])
def test_smooth_map_keeps_the_tube_open(name, seed):
    """The smallest singular value of the Jacobian stays near its median, though the map bends."""
    entry = SPACES[name]
    map_ = random_map(entry, 50, seed)
    _, truth = entry.sampler(np.random.default_rng(0), 500)
    step = 1e-4
    columns = [(map_(entry.embed(truth + s)) - map_(entry.embed(truth - s))) / (2 * step) for s in step * np.eye(2)]
    smallest = np.linalg.svd(np.stack(columns, axis=2), compute_uv=False)[:, 1]
    assert smallest.min() / np.median(smallest) > 0.3
    energy = np.linalg.svd(map_(entry.embed(truth)), compute_uv=False) ** 2
    assert energy[entry.dimension :].sum() / energy.sum() > 0.02  # it is not linear


def test_map_does_not_depend_on_the_number_of_points():
    entry = SPACES["torus"]
    for n in (10, 300):
        sample = generate("torus", n, ambient=20, seed=7)
        expected = random_map(entry, 20, 7)(entry.embed(sample.truth.astype(float)))
        np.testing.assert_allclose(sample.x, expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"ambient": 30}, {"embedded": True}])
def test_noise_has_the_stated_level(options):
    clean = generate("torus", 3000, seed=5, **options)
    noisy = generate("torus", 3000, seed=5, noise=0.1, **options)
    np.testing.assert_array_equal(clean.truth, noisy.truth)
    assert abs((noisy.x - clean.x).std() - 0.1) < 0.005


@pytest.mark.parametrize("name", CLOUDS)
def test_equal_seeds_give_equal_bytes_and_others_do_not(name):
    first, second, other = (generate(name, 40, ambient=60, noise=0.1, seed=s) for s in (3, 3, 4))
    assert first.x.tobytes() == second.x.tobytes() and first.truth.tobytes() == second.truth.tobytes()
    assert not np.allclose(first.x, other.x)


def test_variants_and_aliases_lead_to_their_entries():
    assert generate("sphere", 5, d=4).x.shape == (5, 5)
    assert generate("sphere", 5, d=1).space == "S1"
    assert generate("torus", 5, embedded="true").name == generate("torus", 5, embedded=True).name == "embedded-torus"
    assert generate("torus", 5, embedded="no").name == "torus"
    assert generate("S1xR2", 5).space == "S1xR2"
    assert generate("Swiss_Roll", 5).name == "swiss-roll"
    assert generate("t4", 5).space == "S1xS1xS1xS1"
    assert generate("circle").x.shape == (2000, 2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"space": "bottle"}, "klein"),
        ({"space": "S0"}, "S0"),
        ({"space": "circle", "n": 0}, "n is 0"),
        ({"space": "circle", "n": 2.5}, "whole"),
        ({"space": "circle", "n": float("inf")}, "whole"),
        ({"space": "circle", "noise": -1}, "noise"),
        ({"space": "circle", "noise": float("nan")}, "noise"),
        ({"space": "circle", "seed": -1}, "seed"),
        ({"space": "circle", "ambient": 1}, "at least 2"),
        ({"space": "circle", "ambient": "many"}, "ambient"),
        ({"space": "circle", "width": 3}, "width"),
        ({"space": "sphere", "d": 0}, "d is 0"),
        ({"space": "torus", "embedded": "maybe"}, "embedded"),
        ({"space": "klein-circles", "ambient": 2000}, "pictures"),
        ({"space": "rotated"}, "images"),
    ],
)
def test_wrong_arguments_are_named(arguments, word):
    with pytest.raises(UsageError, match=word):
        generate(**arguments)


def test_import_is_light():
    heavy = {"torch", "scipy", "sklearn", "ripser", "matplotlib", "h5py"}
    code = f"import sys, topovae.data.synthetic.spaces, topovae.data.writers; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert result.stdout.strip() == "[]"
