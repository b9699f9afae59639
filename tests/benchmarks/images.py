"""Findings on image sets: `python tests/benchmarks/images.py [--mnist FOLDER] [--seeds 0,1,2] [--full] [SET …]`.

Each row is one set and seed: whether all of it is as expected, the symmetries found, the homology within groups where the set
carries any, the latent space by symmetries, and statistic/scale:probability of rotation, shifts along rows and columns, and the
two reflections. With --full, also the answer of the whole diagnosis, with and without the groups.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.data.synthetic.labels import read_labels
from topovae.data.synthetic.spaces import generate
from topovae.homology import analyze
from topovae.homology.features.orbits import latent_of, measure_style, within_groups
from topovae.homology.features.symmetry import find_symmetries, rotate_each

SAMPLES = Path(__file__).parents[2] / "sample_data"
MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


Images = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Source:
    """Where the digits are."""

    folder: Path

    @property
    def places(self) -> dict[str, str]:
        names = {"images": "train-images-idx3-ubyte.gz", "labels": "train-labels-idx1-ubyte.gz"}
        return {key: str(self.folder / name) for key, name in names.items()}

    def plain(self, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Digits with their classes."""
        images, labels = _digits(self)
        chosen = np.random.default_rng(seed).permutation(len(images))[:n]
        return images[chosen], labels[chosen]

    def orbits(self, space: str, seed: int, exemplars: int, copies: int, **options: Any) -> Images:
        """Digits turned or shifted, with their exemplars."""
        drawn = generate(space, seed=seed, exemplars=exemplars, copies=copies, dtype="uint8", **self.places, **options)
        return drawn.x, drawn.group

    def turned(self, seed: int, n: int, degrees: float) -> Images:
        """Digits turned once each, by an angle up to so many degrees."""
        angles = np.random.default_rng((seed, 1)).uniform(-degrees, degrees, n)
        return rotate_each(self.plain(seed, n)[0].astype(float), angles), None

    def rolled(self, seed: int, n: int) -> Images:
        """Digits shifted once each along the rows."""
        moves = np.random.default_rng((seed, 1)).integers(28, size=n)
        return np.stack([np.roll(x, k, axis=1) for x, k in zip(self.plain(seed, n)[0], moves, strict=True)]), None

    def quarter_turned(self, seed: int, n: int) -> Images:
        turns = np.random.default_rng((seed, 1)).integers(4, size=n)
        return np.stack([np.rot90(x, k) for x, k in zip(self.plain(seed, n)[0], turns, strict=True)]), None

    def flipped(self, seed: int, n: int) -> Images:
        x = self.plain(seed, n)[0]
        chosen = np.random.default_rng((seed, 1)).random((n, 1, 1)) < 0.5
        return np.where(chosen, x[:, :, ::-1], x), None


@cache
def _digits(source: Source) -> tuple[np.ndarray, np.ndarray]:
    return read(source.places["images"]).load(), read_labels(source.places["labels"])


def stored(name: str) -> Images:
    data = read(str(SAMPLES / name))
    return data.load(), data.group


def fields(seed: int, side: int, mode: str) -> Images:
    from scipy.ndimage import gaussian_filter

    white = np.random.default_rng(seed).normal(size=(2000, side, side))
    return gaussian_filter(white, (0, side / 6, side / 6), mode=mode), None


def noise(seed: int, side: int) -> Images:
    return np.random.default_rng(seed).normal(size=(2000, side, side)), None


def discs(seed: int) -> Images:
    rng, grid = np.random.default_rng(seed), np.arange(20) - 9.5
    radius = rng.uniform(2, 9, (2000, 1, 1))
    return 1 / (1 + np.exp(2 * (np.hypot(grid[:, None], grid) - radius))) + 0.1 * rng.normal(size=(2000, 20, 20)), None


@dataclass(frozen=True)
class Case:
    """A set: how to draw it, its symmetries, what its groups are (where it carries any), its latent space."""

    draw: Callable[[Source, int], Images]
    symmetries: frozenset[str] = frozenset()
    groups: str | None = None
    latent: str | None = None


ROTATION, SHIFTS = frozenset({"rotation"}), frozenset({"shift-rows", "shift-columns"})
ROWS, FLIP = frozenset({"shift-rows"}), frozenset({"reflection-left-right"})

CASES: dict[str, Case] = {
    "rotated 100x30": Case(lambda s, k: s.orbits("rotated", k, 100, 30), ROTATION, "circle", "S1xR2"),
    "rotated 20x100": Case(lambda s, k: s.orbits("rotated", k, 20, 100), ROTATION, "circle", "S1xR2"),
    "rotated 4,7 24x60": Case(lambda s, k: s.orbits("rotated", k, 24, 60, classes="4,7"), ROTATION, "circle", "S1xR2"),
    "rotated 3000x1": Case(lambda s, k: s.turned(k, 3000, 180), ROTATION, None, "S1xR2"),
    "rotated 1x800": Case(lambda s, k: s.orbits("rotated", k, 1, 800), ROTATION, None, "S1"),
    "turning_digit.h5": Case(lambda s, k: stored("turning_digit.h5"), ROTATION, None, "S1"),
    "rotated_digits.h5": Case(lambda s, k: stored("rotated_digits.h5"), ROTATION, "circle", "S1xR2"),
    "shifted 100x30": Case(lambda s, k: s.orbits("shifted", k, 100, 30), SHIFTS, "none", "S1xS1xR2"),
    "shifted 3,4,7 100x30": Case(lambda s, k: s.orbits("shifted", k, 100, 30, classes="3,4,7"), SHIFTS, "none", "S1xS1xR2"),
    "shifted 10x300": Case(lambda s, k: s.orbits("shifted", k, 10, 300), SHIFTS, "torus", "S1xS1xR2"),
    "shifted 1x800": Case(lambda s, k: s.orbits("shifted", k, 1, 800), SHIFTS, None, "S1xS1"),
    "along rows 100x28": Case(lambda s, k: s.orbits("shifted", k, 100, 28, mode="along"), ROWS, "circle", "S1xR2"),
    "along rows 3000x1": Case(lambda s, k: s.rolled(k, 3000), ROWS, None, "S1xR2"),
    "plain 2000": Case(lambda s, k: s.plain(k, 2000), groups="none"),
    "plain 60000": Case(lambda s, k: s.plain(k, 60_000), groups="none"),
    "tilted 15": Case(lambda s, k: s.turned(k, 2000, 15)),
    "tilted 60": Case(lambda s, k: s.turned(k, 2000, 60)),
    "half turned": Case(lambda s, k: s.turned(k, 2000, 90)),
    "by right angles": Case(lambda s, k: s.quarter_turned(k, 3000)),
    "flipped": Case(lambda s, k: s.flipped(k, 3000), FLIP),
    "fields 8": Case(lambda s, k: fields(k, 8, "reflect")),
    "fields 8 periodic": Case(lambda s, k: fields(k, 8, "wrap")),
    "fields 16": Case(lambda s, k: fields(k, 16, "reflect")),
    "noise 8": Case(lambda s, k: noise(k, 8)),
    "discs": Case(lambda s, k: discs(k)),
}


def show(name: str, case: Case, seed: int, images: np.ndarray, group: np.ndarray | None) -> bool:
    """Print one row; whether all of it is as expected."""
    started = time.perf_counter()
    found = find_symmetries(images, seed)
    closed = frozenset(s.transformation for s in found if s.closed)
    symmetry_seconds = time.perf_counter() - started
    latent = latent_of(found, measure_style(images, symmetries=found, seed=seed).dimension)
    orbits = None if group is None else within_groups(images, group, seed)
    kind = None if orbits is None else orbits.kind
    right = (closed, kind, latent) == (case.symmetries, case.groups, case.latent)
    figures = " ".join(f"{s.statistic:.2f}/{s.scale:.2f}:{s.probability:.2f}" for s in found)
    words = f"{kind} {orbits.probability:.2f}" if orbits else "no groups"
    print(
        f"{name:22s} {seed} {'ok   ' if right else 'WRONG'} {', '.join(sorted(closed)) or 'nothing'} | {words} | {latent} | "
        f"{figures} | {symmetry_seconds:.1f} s, {time.perf_counter() - started:.1f} s in all",
        flush=True,
    )
    return right


def show_full(images: np.ndarray, group: np.ndarray | None, seed: int) -> None:
    """Print the answers of the whole diagnosis, with the groups and without."""
    for words, labels in (("with groups", group), ("without", None)):
        if words == "with groups" and group is None:
            continue
        started = time.perf_counter()
        best = analyze(Dataset.of(images, group=labels), seed=seed).recommendation
        seconds = time.perf_counter() - started
        print(f"    {words}: {best.name} {best.latent} {best.confidence:.2f}, {seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help=", ".join(CASES))
    parser.add_argument("--mnist", type=Path, default=MNIST)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    source, rows = Source(options.mnist), []
    for name in options.sets or CASES:
        for seed in map(int, options.seeds.split(",")):
            images, group = CASES[name].draw(source, seed)
            rows.append(show(name, CASES[name], seed, images, group))
            if options.full:
                show_full(images, group, seed)
    print(f"{sum(rows)} of {len(rows)} rows right")


if __name__ == "__main__":
    main()
