"""Every picture has no overlapping text, is the same each time, and shows its data where it should."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from topovae.errors import OutputError, UsageError
from topovae.signature import parse
from topovae.viz import render, save, summary_figure
from topovae.viz.barcode import draw_barcode
from topovae.viz.charts import Model
from topovae.viz.curves import draw_history
from topovae.viz.images import draw_reconstructions
from topovae.viz.latents import PAGE, LatentPart, draw_decodes, draw_parts, height_of, height_of_decodes
from topovae.viz.style import Colouring, ColourKind, Paint, figure

RNG = np.random.default_rng(0)
N = 300
ANGLE, OTHER = RNG.uniform(0, 2 * np.pi, (2, N))
HEIGHT = RNG.beta(2, 3, N)
NORMAL = RNG.normal(size=(N, 3))
SPHERE = NORMAL / np.linalg.norm(NORMAL, axis=1, keepdims=True)
FOUR = RNG.normal(size=(N, 4))
FOUR /= np.linalg.norm(FOUR, axis=1, keepdims=True)
PLANE = np.random.default_rng(1).uniform(-1, 1, (N, 2)) * (1.778, 0.869) + (0.129, 0.427)
EPOCH = np.arange(1, 31)
HISTORY = {
    "epoch": EPOCH,
    **{f"{split}_elbo": -100 / EPOCH - shift * (EPOCH - 20) ** 2 for split, shift in (("train", 0.01), ("valid", 0.1))},
    **{f"{split}_nll": 90 / EPOCH for split in ("train", "valid")},
    **{f"{split}_kl": 5 - 4 / EPOCH for split in ("train", "valid")},
}
BARS = [
    {
        "prime": prime,
        "dim": dim,
        "birth": birth,
        "death": death,
        "p_value": p,
        "significant": p is None or p < 0.01,
    }
    for prime in (2, 3)
    for dim, birth, death, p in [
        (0, 0.0, None, None),
        *[(0, 0.0, 0.1 + 0.01 * k, 0.5) for k in range(40)],
        (1, 0.6, 2.0, 1e-9),
        (1, 0.6, 2.0, 1e-9),
        (1, 0.1, 1.0, 1e-4),
        *[(1, 0.5 + 0.02 * k, 0.6 + 0.03 * k, 0.7) for k in range(5)],
        (2, 1.2, float("inf"), 1e-3),
    ]
]
IMAGES = RNG.uniform(size=(24, 12, 12))


def part(text: str, coordinates: np.ndarray, **more: Any) -> LatentPart:
    return LatentPart(parse(text), coordinates, np.arange(len(coordinates)), **more)


def mixture_parts() -> list[LatentPart]:
    """A sphere and a circle, every other sample on each."""
    places = np.arange(N)
    sphere = LatentPart(parse("S2"), SPHERE[::2], places[::2], "component 0 (S2)")
    return [sphere, LatentPart(parse("S1"), ANGLE[1::2, None], places[1::2], "component 1 (S1)")]


def latents(
    text: str,
    coordinates: np.ndarray,
    *colours: np.ndarray,
    colour_kind: ColourKind = "linear",
    colour_name: str = "",
    models: dict[str, Model] | None = None,
) -> Figure:
    drawn = [part(text, coordinates, models=models or {})]
    paints = [Paint(values, colour_kind, colour_name) for values in colours] or [Paint(None)]
    page = figure(PAGE, height_of(drawn, len(paints)) + 0.6)
    draw_parts(page, drawn, paints, title=f"latent space {text}")
    return page


def decodes(text: str, coordinates: np.ndarray, sample: tuple[int, ...]) -> Figure:
    """Decodes of a part, as pictures or profiles of the first coordinate."""

    def decode(points: np.ndarray) -> np.ndarray:
        return np.cos(points[:, :1] + np.arange(np.prod(sample)) / 5).reshape(len(points), *sample)

    drawn = part(text, coordinates, decode=decode)
    page = figure(PAGE, height_of_decodes(drawn))
    draw_decodes(page, drawn, title="decodes")
    return page


def curves(
    history: dict[str, np.ndarray], baseline: dict[str, np.ndarray] | None = None, best_epoch: int | None = None
) -> Figure:
    page = figure(PAGE, 2.5)
    draw_history(page, history, baseline, best_epoch=best_epoch)
    return page


def barcode(bars: list[dict[str, Any]], significance: dict[int, float] | None = None) -> Figure:
    page = figure(9.0, 9.0)
    draw_barcode(page, bars, significance=significance, title="persistent homology")
    return page


def reconstructions(x: np.ndarray, copies: np.ndarray, shape: tuple[int, ...]) -> Figure:
    page = figure(PAGE, 3.0)
    draw_reconstructions(page, x, copies, shape, title="reconstructions")
    return page


RING = Model(
    lambda points: (1 + points[:, 1:]) * np.column_stack([np.cos(points[:, 0]), np.sin(points[:, 0])]),
    tuple(np.column_stack([np.linspace(0, 7, 50), np.full(50, height)]) for height in (0.0, 1.0)),
    np.array([[0.0, 0.5], [3.0, 0.5]]),
    2,
)
LATENTS: dict[str, Callable[[], Figure]] = {
    "S1": lambda: latents("S1", ANGLE[:, None], ANGLE, colour_kind="cyclic", colour_name="angle (radians)"),
    "I": lambda: latents("I", HEIGHT[:, None], HEIGHT, colour_name="height"),
    "R": lambda: latents("R", NORMAL[:, :1]),
    "R2": lambda: latents("R2", NORMAL[:, :2], np.arange(N) % 3, colour_kind="labels"),
    "R5": lambda: latents("R5", RNG.normal(size=(N, 5))),
    "S2": lambda: latents("S2", SPHERE, SPHERE[:, 0], SPHERE[:, 1], colour_name="truth"),
    "S3": lambda: latents("S3", FOUR, FOUR[:, 0]),
    "rp2": lambda: latents("rp2", SPHERE, SPHERE[:, 0] ** 2, SPHERE[:, 1] ** 2, colour_name="invariant of the truth"),
    "so3": lambda: latents("so3", FOUR, FOUR[:, 0] ** 2),
    "S1xS1": lambda: latents("S1xS1", np.c_[ANGLE, OTHER], ANGLE, OTHER, colour_kind="cyclic", colour_name="truth, angle"),
    "mobius": lambda: latents("mobius", np.c_[ANGLE, HEIGHT], np.arange(N) % 20, colour_kind="labels"),
    "klein": lambda: latents("klein", np.c_[ANGLE, OTHER], np.cos(OTHER), np.cos(2 * ANGLE), colour_name="invariant"),
    "circle of three turns": lambda: latents("(S1)/<rot(1/3)>", ANGLE[:, None], ANGLE),
    "S1xR2": lambda: latents("S1xR2", np.c_[ANGLE, NORMAL[:, :2]]),
    "S2xR": lambda: latents("(S2xR)/<anti,flip>", np.c_[SPHERE, NORMAL[:, :1]], HEIGHT),
    "T3": lambda: latents("T3", np.c_[ANGLE, OTHER, ANGLE + OTHER], ANGLE, OTHER),
    "S1xIxS2": lambda: latents("S1xIxS2", np.c_[ANGLE, HEIGHT, SPHERE]),
    "annulus": lambda: latents("annulus", np.c_[ANGLE, HEIGHT], ANGLE, HEIGHT, models={"annulus": RING}),
    "one point": lambda: latents("R", np.zeros((1, 1)), np.zeros(1)),
    "no points": lambda: latents("S1", np.zeros((0, 1)), np.zeros(0)),
    "not finite": lambda: latents("R2", np.full((3, 2), np.nan), np.full(3, np.nan)),
}
PICTURES: dict[str, Callable[[], Figure]] = {
    **LATENTS,
    "summary of a plane whose ticks would be finer in a larger square": lambda: summary_figure(
        "R2", [part("R2", PLANE)], HISTORY, colourings=[Colouring(PLANE[:, k], name=f"truth {k + 1}") for k in (0, 1)]
    ),
    "decodes on a circle": lambda: decodes("S1", ANGLE[:, None], (9, 9)),
    "decodes on a line": lambda: decodes("I", HEIGHT[:, None], (12,)),
    "decodes on a bottle": lambda: decodes("klein", np.c_[ANGLE, OTHER], (9, 9)),
    "decodes on a sphere": lambda: decodes("S2", SPHERE, (9, 9, 3)),
    "decodes on a disc": lambda: decodes("rp2", SPHERE, (7,)),
    "decodes on a product": lambda: decodes("S1xR2", np.c_[ANGLE, NORMAL[:, :2]], (7,)),
    "history": lambda: curves(HISTORY, HISTORY),
    "history of one epoch": lambda: curves({name: column[:1] for name, column in HISTORY.items()}),
    "history with NaN": lambda: curves({"valid_elbo": np.array([np.nan, -2.0, -1.0]), "train_rms": np.ones(3)}),
    "no history": lambda: curves({}),
    "bars": lambda: barcode(BARS),
    "bars of one prime": lambda: barcode([bar for bar in BARS if bar["prime"] == 2]),
    "bars with marks": lambda: barcode(BARS, significance={1: 2.0, 2: 1.2}),
    "bars with marks beyond them": lambda: barcode(BARS, significance={1: 20.0}),
    "no bars": lambda: barcode([]),
    "images": lambda: reconstructions(IMAGES, IMAGES, (12, 12)),
    "flat images": lambda: reconstructions(IMAGES.reshape(24, -1), IMAGES.reshape(24, -1), (12, 12)),
    "channels first": lambda: reconstructions(IMAGES.reshape(8, 3, 12, 12), IMAGES.reshape(8, 3, 12, 12), (3, 12, 12)),
    "channels last": lambda: reconstructions(IMAGES[..., None], IMAGES[..., None], (12, 12, 1)),
    "profiles": lambda: reconstructions(NORMAL[:3], NORMAL[:3], (3,)),
    "constant image": lambda: reconstructions(np.ones((1, 4, 4)), np.ones((1, 4, 4)), (4, 4)),
    "summary": lambda: summary_figure(
        "S1",
        [part("S1", ANGLE[:, None])],
        HISTORY,
        colourings=[Colouring(ANGLE, "cyclic", "angle (radians)")],
        baseline_history=HISTORY,
        baseline_name="Gaussian R2",
        images=(IMAGES, IMAGES, (12, 12)),
        title="turning_digit.h5",
    ),
    "summary without images": lambda: summary_figure("S1xS1", [part("S1xS1", np.c_[ANGLE, OTHER])], HISTORY),
    "summary of a mixture": lambda: summary_figure(
        "mixture(S2,S1)", mixture_parts(), HISTORY, colourings=[Colouring(ANGLE, name="x"), Colouring(OTHER, name="y")]
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_overlaps_another_or_leaves_the_page(name: str, assert_legible: Callable[[Figure], None]) -> None:
    assert_legible(PICTURES[name]())


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_equal_pictures_are_equal_files(suffix: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(PICTURES["S1"](), tmp_path / f"{name}.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    assert content.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix])


@pytest.mark.parametrize("name", ["x.bmp", "x", "png"])
def test_unknown_suffix(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end its name with one of \.png, \.pdf, \.svg"):
        save(curves({}), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"):
        save(curves({}), tmp_path / "none" / "x.png")


def test_no_global_state_is_touched() -> None:
    script = (
        "import sys, matplotlib\n"
        # Asking for the backend would itself import pyplot.
        "settings = lambda: {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != 'backend'}\n"
        "before = settings()\n"
        "import numpy as np\n"
        "from topovae.viz import render, summary_figure\n"
        "from topovae.signature import parse\n"
        "from topovae.viz.latents import LatentPart\n"
        "render(summary_figure('R', [LatentPart(parse('R'), np.zeros((3, 1)), np.arange(3))], {}), 'svg')\n"
        "assert settings() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


def offsets_of(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].collections[-1].get_offsets())


def test_circle_shows_angles_where_they_are() -> None:
    angle = np.array([0.5, 2.0, 4.0])
    found = offsets_of(latents("S1", angle[:, None]))
    np.testing.assert_allclose(np.sort(np.arctan2(found[:, 1], found[:, 0]) % (2 * np.pi)), angle)
    np.testing.assert_allclose(np.hypot(found[:, 0], found[:, 1]), 1, atol=0.07)


def test_hemispheres_are_discs_of_equal_area_density() -> None:
    z = np.random.default_rng(1).normal(size=(5000, 3))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    found = offsets_of(latents("S2", z))
    centre = np.where(found[:, 0] < 0, -1.15, 1.15)
    radius = np.hypot(found[:, 0] - centre, found[:, 1])
    assert radius.max() <= 1 + 1e-9
    # Uniform points on the sphere are uniform on the discs: the share within r is r².
    for r in (0.3, 0.5, 0.8):
        assert abs((radius < r).mean() - r**2) < 0.02


def test_angles_of_any_turn_lie_in_the_rectangle() -> None:
    found = offsets_of(latents("S1xI", np.array([[-0.5, 0.2], [7.0, 0.9]])))
    np.testing.assert_allclose(np.sort(found[:, 0]), [7.0 - 2 * np.pi, 2 * np.pi - 0.5])


def test_best_epoch_is_the_highest_validation_elbo() -> None:
    axes = curves(HISTORY).axes[0]
    marks = [line for line in axes.lines if str(line.get_label()).startswith("best epoch")]
    best = int(EPOCH[np.argmax(HISTORY["valid_elbo"])])
    assert marks[0].get_xdata()[0] == best
    assert marks[0].get_ydata()[0] == -HISTORY["valid_elbo"].max()
    assert any(line.get_label() == "best epoch (3)" for line in curves(HISTORY, best_epoch=3).axes[0].lines)


def test_significant_bars_are_coloured() -> None:
    axes = barcode([bar for bar in BARS if bar["prime"] == 2 and bar["dim"] == 1]).axes[0]
    colours = [to_hex(line.get_color()) for line in axes.lines]
    assert len(colours) == 8 and sum(colour != "#b5b5b5" for colour in colours) == 3


BAD: dict[str, Callable[[], Figure]] = {
    "columns": lambda: latents("S2", np.zeros((5, 2))),
    "axes": lambda: latents("S2", np.zeros(5)),
    "colours": lambda: latents("R", np.zeros((5, 1)), np.zeros(4)),
    "unequal images": lambda: reconstructions(IMAGES, IMAGES[:2], (12, 12)),
    "no images": lambda: reconstructions(IMAGES[:0], IMAGES[:0], (12, 12)),
    "image shape": lambda: reconstructions(IMAGES, IMAGES, (5, 5)),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit(name: str) -> None:
    with pytest.raises(UsageError):
        BAD[name]()


def test_render_gives_the_bytes() -> None:
    assert render(curves({}), "png").startswith(b"\x89PNG")
