"""Symmetries of image data: whether a set of images is closed under a transformation."""

from __future__ import annotations

import numpy as np

from topovae.homology.neighbours import nearest

QUERIES, REFERENCES = 300, 4000
BLUR = 1.0


def rotation_closure(images: np.ndarray, seed: int = 0) -> float:
    """How often a rotated image lies further from the data than the image itself, in [0, 1].

    Data closed under rotation of the plane give about one half or less, other data nearly one. All images are low-pass
    filtered, so that the blur of the interpolation does not tell rotated ones apart.

    Args:
        images: (n, h, w) or (n, h, w, c).
        seed: of the subsample and of the angles, which are between 40° and 320°.
    """
    from scipy.ndimage import gaussian_filter, rotate

    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(images))[: QUERIES + REFERENCES]
    queries, references = np.split(chosen, [min(QUERIES, len(chosen) // 4)])
    sigma = (BLUR, BLUR, *(0,) * (images.ndim - 3))
    smooth = np.stack([gaussian_filter(image, sigma) for image in images[chosen].astype(np.float64)])
    position = {row: place for place, row in enumerate(chosen)}
    asked = smooth[[position[q] for q in queries]]
    known = smooth[[position[r] for r in references]].reshape(len(references), -1)
    angles = rng.uniform(40, 320, len(queries))
    turned = np.stack([rotate(x, a, reshape=False, order=1) for x, a in zip(asked, angles, strict=True)])
    plain, _ = nearest(known, 1, asked.reshape(len(queries), -1))
    rotated, _ = nearest(known, 1, turned.reshape(len(queries), -1))
    return float((rotated[:, 0] > plain[:, 0]).mean())
