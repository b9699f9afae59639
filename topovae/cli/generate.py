"""`topovae generate`: synthetic data with ground truth."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from topovae.cli.options import DebugOption, QuietOption, SeedOption
from topovae.cli.shell import arguments, check_output, check_stream, command, note

SPACE_HELP = (
    "circle, interval, disk, cylinder, annulus, mobius, torus, embedded-torus, klein, sphere, S3 (any S<d>), rp2, so3, T3 "
    "(any T<k>), r2xs1, swiss-roll, concentric-circles, figure-eight, wedge; pictures: klein-circles, klein-filters, fourier; "
    "of given images: rotated, shifted."
)


@command("generate", "topovae generate torus -n 2000 --ambient 50 --noise 0.05 -o torus.npz")
def generate(
    space: Annotated[str, typer.Argument(help=SPACE_HELP)],
    n: Annotated[int | None, typer.Option("-n", "--n", help="How many samples.", min=1)] = None,
    ambient: Annotated[
        int | None, typer.Option(help="Send the space into this many dimensions by a random smooth map.")
    ] = None,
    noise: Annotated[float, typer.Option(help="Standard deviation of Gaussian noise on each coordinate.", min=0.0)] = 0.0,
    output: Annotated[str, typer.Option("--output", "-o", help=".npz or .h5 (with truth), .npy, .csv, or - for stdout.")] = "-",
    embedded: Annotated[bool | None, typer.Option(help="torus: the one embedded in R^3.")] = None,
    d: Annotated[int | None, typer.Option(help="sphere: its dimension.")] = None,
    size: Annotated[int | None, typer.Option(help="Pictures: height and width.")] = None,
    radius: Annotated[float | None, typer.Option(help="klein-circles: radius of the disc.")] = None,
    frequencies: Annotated[int | None, typer.Option(help="fourier: highest frequency N.")] = None,
    discount: Annotated[float | None, typer.Option(help="fourier: discount gamma of high frequencies.")] = None,
    picture: Annotated[str | None, typer.Option(help="fourier: random, or cosine for cos + cos.")] = None,
    images: Annotated[str | None, typer.Option(help="rotated, shifted: the images, in any data format.")] = None,
    labels: Annotated[str | None, typer.Option(help="rotated, shifted: their labels.")] = None,
    classes: Annotated[str | None, typer.Option(help="rotated, shifted: use these labels, such as 4,7.")] = None,
    exemplars: Annotated[int | None, typer.Option(help="rotated, shifted: how many images.")] = None,
    copies: Annotated[int | None, typer.Option(help="rotated, shifted: copies of each.")] = None,
    dtype: Annotated[str | None, typer.Option(help="rotated, shifted: uint8 or float32.")] = None,
    mode: Annotated[str | None, typer.Option(help="shifted: which shifts.")] = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw samples of a space, with ground truth and groups beside them."""
    from topovae.data.synthetic.spaces import generate as draw
    from topovae.data.writers import write

    check_output(output, images, labels, streams=True)
    check_stream(output)
    options = {
        "embedded": embedded,
        "d": d,
        "size": size,
        "radius": radius,
        "frequencies": frequencies,
        "discount": discount,
        "picture": picture,
        "images": images,
        "labels": labels,
        "classes": classes,
        "exemplars": exemplars,
        "copies": copies,
        "dtype": dtype,
        "mode": mode,
    }
    given = {name: value for name, value in options.items() if value is not None}
    drawn = draw(space, n, ambient=ambient, noise=noise, seed=seed, **given)
    write(drawn, output, command=shlex.join(arguments()))
    shape = " x ".join(map(str, drawn.x.shape))
    note(f"{drawn.name}: {shape} to {'stdout' if output == '-' else output}", quiet)
