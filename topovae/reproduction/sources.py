"""Where the samples of experiments come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.errors import InputError

Draw = Callable[[int, int, str | None], Dataset]

PARTS = ("train", "t10k")


def generated(space: str, scale: float = 1.0, **options: Any) -> Draw:
    """Samples that `topovae generate` draws, another set for each seed.

    Args:
        space: as of `topovae.data.generate`.
        scale: that they are multiplied by.
        options: as of `topovae.data.generate`.
    """

    def draw(seed: int, n: int, folder: str | None) -> Dataset:
        from topovae.data.synthetic.spaces import generate

        drawn = generate(space, n, seed=seed, **options)
        return Dataset.of(np.float32(scale) * drawn.x, truth=drawn.truth, group=drawn.group, space=drawn.space)

    return draw


def orbits(space: str, classes: str, copies: int) -> Draw:
    """Images of MNIST of some classes under a group, `copies` of each exemplar; n counts the exemplars of a class."""

    def draw(seed: int, n: int, folder: str | None) -> Dataset:
        from topovae.data.synthetic.spaces import generate

        images, labels = idx_file(folder, "train", "images-idx3"), idx_file(folder, "train", "labels-idx1")
        exemplars = n * len(classes.split(","))
        words: dict[str, Any] = {
            "images": images,
            "labels": labels,
            "classes": classes,
            "exemplars": exemplars,
            "copies": copies,
        }
        # The same images at every seed, which chooses the split and the weights.
        drawn = generate(space, None, seed=0, **words)
        return Dataset.of(drawn.x, truth=drawn.truth, group=drawn.group, space=drawn.space)

    return draw


def digits(most_tested: int) -> Draw:
    """Images of MNIST in [0, 1]: n of the training set, and the first of the test set for testing.

    Args:
        most_tested: images of the test set at most; a sixth of n where that is less.
    """

    def draw(seed: int, n: int, folder: str | None) -> Dataset:
        from topovae.data.joined import join_test
        from topovae.data.readers.find import read

        seen, unseen = (read(idx_file(folder, part, "images-idx3")) for part in PARTS)
        chosen = np.sort(np.random.default_rng(seed).permutation(seen.n_samples)[:n])
        tested = min(most_tested, max(1, n // 6))
        first, second = seen.take(chosen), unseen.take(np.arange(tested))
        return join_test(*(Dataset.of(part.load().astype(np.float32) / 255) for part in (first, second)))

    return draw


def idx_file(folder: str | None, part: str, kind: str) -> str:
    """The path of a file of MNIST, as it is or as .gz.

    Args:
        folder: where the four files are.
        part: "train" or "t10k".
        kind: "images-idx3" or "labels-idx1".

    Raises:
        InputError: there is no such file.
    """
    found = sorted(Path(folder or ".").glob(f"{part}-{kind}-ubyte*"))
    if folder is None or not found:
        where = "no --data names their folder" if folder is None else f"{folder} holds no {part}-{kind}-ubyte or .gz"
        raise InputError(f"this experiment is made of MNIST's images, and {where}; give the folder of its four files as --data")
    return str(found[0])
