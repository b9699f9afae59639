"""The guess of the channel axis, as laws over a table of shapes; the axes of every shape are told apart by their entries."""

import itertools

import numpy as np
import pytest

from topovae.data.images import CHANNEL_COUNTS, channel_axis, channels_last
from topovae.homology.cloud.rows import prepare
from topovae.model.networks import ImageLayout
from topovae.viz.images import as_picture

AXES = {
    (28, 28): None,
    (12,): None,
    (): None,
    (2, 3, 4, 5): None,
    (28, 20, 1): 2,
    (28, 20, 3): 2,
    (28, 20, 4): 2,
    (1, 28, 20): 0,
    (3, 28, 20): 0,
    (4, 28, 20): 0,
    (3, 28, 3): 2,
    (1, 20, 4): 2,
    (5, 6, 7): 2,
    (2, 28, 20): 2,
}
each_shape = pytest.mark.parametrize("shape", AXES, ids=lambda shape: "x".join(map(str, shape)) or "none")


def numbered(shape, n=2):
    """Samples whose entries all differ."""
    return np.arange(n * np.prod(shape, dtype=int), dtype=float).reshape(n, *shape)


@each_shape
def test_the_axis(shape):
    assert channel_axis(shape) == channel_axis(list(shape)) == AXES[shape]


@pytest.mark.parametrize("shape", list(itertools.product((1, 2, 3, 4, 28), repeat=3)), ids=str)
def test_an_axis_of_colours_wins_over_one_that_is_none(shape):
    first, _, last = (side in CHANNEL_COUNTS for side in shape)
    assert shape[channel_axis(shape)] in CHANNEL_COUNTS or not (first or last)
    assert channel_axis(shape) == 2 or not last


@each_shape
def test_channels_go_last_once_and_the_picture_stays(shape):
    rows = numbered(shape)
    moved = channels_last(rows)
    np.testing.assert_array_equal(moved, rows.transpose(0, 2, 3, 1) if AXES[shape] == 0 else rows)
    if AXES[shape] is not None and moved.shape[3] in CHANNEL_COUNTS:
        np.testing.assert_array_equal(channels_last(moved), moved)


@each_shape
def test_networks_take_for_images_what_has_grey_or_colour_channels(shape):
    axis, layout = AXES[shape], ImageLayout.of(shape)
    if len(shape) == 2:
        assert layout == ImageLayout(*shape, 1, False)
    elif axis is None or shape[axis] not in CHANNEL_COUNTS:
        assert layout is None
    else:
        sides = (side for place, side in enumerate(shape) if place != axis)
        assert layout == ImageLayout(*sides, shape[axis], axis == 2)


@each_shape
def test_blur_leaves_channels_apart(shape):
    blur = prepare(shape, "euclidean").blur
    if len(shape) in (2, 3):
        assert [sigma == 0 for sigma in blur] == [axis == AXES[shape] for axis in range(len(shape))]
    else:
        assert not any(blur)


@each_shape
def test_a_drawn_picture_has_its_channels_last_or_none(shape):
    if len(shape) not in (2, 3):
        return
    sample = numbered(shape)[0]
    picture = as_picture(sample)
    moved = channels_last(sample[None])[0]
    colour = moved.ndim == 2 or moved.shape[2] in (3, 4)
    np.testing.assert_array_equal(picture, moved if colour else moved.mean(axis=2))
