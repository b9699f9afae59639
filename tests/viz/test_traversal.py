"""Pictures of paths: strips of frames or of features, and animations."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from topovae.errors import UsageError
from topovae.viz.traversal import MOST_FRAMES, SMALLEST_SIDE, draw_traversal, traversal_figure

ANGLES = np.linspace(-3.0, 3.4, 20)[:, None]
WRAPPED = (ANGLES + np.pi) % (2 * np.pi) - np.pi
LENGTHS = ANGLES[:, 0] - ANGLES[0, 0]
SHAPES = [(9,), (8, 6), (3, 8, 8), (8, 8, 3), (1, 16, 16)]


def samples(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random((len(ANGLES), *shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_strip_shows_frames_or_a_map_of_features(shape: tuple[int, ...]) -> None:
    figure = traversal_figure(samples(shape), WRAPPED, LENGTHS, names=["S1"], title="a path")
    top, below = figure.subfigs
    images = [axes.images[0] for axes in top.axes if axes.images]
    assert len(images) == (MOST_FRAMES if len(shape) > 1 else 1)
    if len(shape) == 1:
        np.testing.assert_array_equal(images[0].get_array(), samples(shape).T)
    assert below.axes[0].get_legend().get_texts()[0].get_text() == "S1"


def test_no_line_is_drawn_where_an_angle_jumps_and_no_point_is_lost() -> None:
    figure = traversal_figure(samples((4,)), WRAPPED, LENGTHS)
    x, y = figure.subfigs[1].axes[0].lines[0].get_data()
    shown = np.isfinite(y)
    np.testing.assert_allclose(np.asarray(y)[shown], WRAPPED[:, 0])
    np.testing.assert_allclose(np.asarray(x)[shown], LENGTHS)
    assert (~shown).sum() == 1 and np.nanmax(np.abs(np.diff(y))) < np.pi


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_animation_has_every_point_as_a_frame(shape: tuple[int, ...], tmp_path: Path) -> None:
    draw_traversal(samples(shape), WRAPPED, LENGTHS, shape, tmp_path / "path.gif")
    content = (tmp_path / "path.gif").read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        assert getattr(image, "n_frames", 1) == len(ANGLES) and min(image.size) >= SMALLEST_SIDE
    draw_traversal(samples(shape), WRAPPED, LENGTHS, shape, tmp_path / "again.gif")
    assert (tmp_path / "again.gif").read_bytes() == content


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.gif"):
        draw_traversal(samples((4,)), WRAPPED, LENGTHS, (4,), tmp_path / "path.bmp")
