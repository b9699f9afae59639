"""Functions that change sign between the sheets of a double cover."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.landmarks import farthest_points, self_tuned
from topovae.homology.coordinates.bundles import across, odd_angle, odd_lines, sign_classes, spectrum, stretch


def distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None, :], axis=2)


def loop(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return angles around a circle and the signs of its double cover, on near neighbours."""
    angle = 2 * np.pi * np.arange(count) / count
    near = np.abs(np.exp(1j * angle)[:, None] - np.exp(1j * angle)) < 0.3
    crosses = np.abs(angle[:, None] - angle) > np.pi
    return angle, np.where(crosses, -1.0, 1.0) * near


def klein(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (n, 2) on the cover of the Klein bottle, of a grid a little disturbed, and points."""
    grid = np.stack(np.meshgrid(np.pi * np.arange(20) / 20, 2 * np.pi * np.arange(20) / 20), -1).reshape(-1, 2)
    angle = grid + 0.05 * np.random.default_rng(seed).normal(size=grid.shape)
    u, v = angle.T
    columns = [np.cos(2 * u), np.sin(2 * u), np.cos(v), np.cos(u) * np.sin(v), np.sin(u) * np.sin(v)]
    return angle, np.column_stack(columns)


def test_odd_eigenfunctions_of_a_loop_are_half_waves() -> None:
    angle, signs = loop(120)
    tuned, _ = self_tuned(distances(np.column_stack([np.cos(angle), np.sin(angle)])))
    found = spectrum(tuned, signs, 2)
    waves = np.column_stack([np.cos(angle / 2), np.sin(angle / 2)])
    mixture = np.linalg.lstsq(waves, found.functions, rcond=None)[0]
    np.testing.assert_allclose(waves @ mixture, found.functions, atol=1e-6)


def test_the_spectrum_does_not_depend_on_the_choice_of_sheets() -> None:
    angle, signs = loop(80)
    tuned, _ = self_tuned(distances(np.column_stack([np.cos(angle), np.sin(angle)])))
    sheet = np.where(np.random.default_rng(0).random(80) < 0.5, -1.0, 1.0)
    moved = spectrum(tuned, sheet[:, None] * signs * sheet, 4)
    np.testing.assert_allclose(moved.values, spectrum(tuned, signs, 4).values, atol=1e-10)


def test_the_plain_spectrum_begins_with_a_constant() -> None:
    tuned, _ = self_tuned(distances(np.random.default_rng(0).normal(size=(100, 3))))
    found = spectrum(tuned, np.ones_like(tuned), 3)
    assert abs(found.values[0]) < 1e-10 and found.values[1] > 1e-4
    np.testing.assert_allclose(found.functions[:, 0], 1.0, atol=1e-6)


def test_a_line_is_told_from_odd_functions_of_the_base() -> None:
    rng = np.random.default_rng(0)
    base, line = rng.normal(size=(200, 3)), rng.normal(size=(200, 1))
    functions = np.column_stack([base, line]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    found = odd_lines(type(spectrum(np.eye(2), np.eye(2), 1))(np.full(4, 0.1), functions), base, 1)[:, 0]
    residual = line[:, 0] - base @ np.linalg.lstsq(base, line[:, 0], rcond=None)[0]
    assert abs(np.corrcoef(found, residual)[0, 1]) > 0.95


def test_only_what_goes_along_the_base_is_shortened() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 10, (300, 2))
    plain = distances(points)
    edges = plain < 3
    steps = (points[None, :, 0] - points[:, None, 0]) * edges
    shorter = stretch(plain, steps[None], edges, 2)
    assert (shorter <= plain + 1e-9).all()
    direction = np.abs(points[None, :, 1] - points[:, None, 1]) / np.where(plain > 0, plain, 1)
    along, across = edges & (plain > 0) & (direction < 0.1), edges & (direction > 0.995)
    assert np.median(shorter[along] / plain[along]) < 0.5
    assert np.median(shorter[across] / plain[across]) > 0.95


@pytest.mark.parametrize("height", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("circles", [0, 1])
def test_across_circles_the_height_is_found_however_short(height: float, circles: int) -> None:
    rng = np.random.default_rng(0)
    angle, level = rng.uniform(0, 2 * np.pi, 2000), rng.uniform(0, height, 2000)
    angle *= circles or height / 16  # without a circle a strip that is longer than wide
    points = np.column_stack([np.cos(angle), np.sin(angle), level])
    chosen = farthest_points(distances(points), 400, 0)
    angle, level, plain = angle[chosen], level[chosen], distances(points[chosen])
    steps = np.angle(np.exp(1j * (angle - angle[:, None])))[None][:circles]
    found = across(plain, steps, plain < 0.8)
    wave = np.cos(np.pi * level / height)
    assert abs(np.corrcoef(found, wave)[0, 1]) > 0.97
    assert np.mean(found**2) == pytest.approx(1)


@pytest.mark.parametrize("seed", [0, 1])
def test_one_class_of_the_klein_bottle_has_an_odd_circle(seed: int) -> None:
    truth, points = klein(seed)
    tuned, _ = self_tuned(distances(points))
    best = 0.0
    for signs in sign_classes(tuned, 2):
        angle = odd_angle(tuned, signs)
        if angle is not None:
            best = max(best, abs(np.corrcoef(np.cos(angle), np.cos(truth[:, 1]))[0, 1]))
            near = np.abs(signs) > 0
            jump = np.abs(np.exp(1j * angle)[:, None] - np.exp(1j * signs * angle))
            assert np.median(jump[near]) < 0.5
    assert best > 0.9


def test_a_double_cover_without_an_odd_class_has_no_odd_circle() -> None:
    angle, signs = loop(60)
    tuned, _ = self_tuned(distances(np.column_stack([np.cos(angle), np.sin(angle)])))
    assert odd_angle(tuned, np.where(tuned < 3.5, signs, 0.0)) is None
