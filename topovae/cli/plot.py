"""`topovae plot`: the latent space, the learning curves and reconstructions of a run on one page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from topovae.cli.common import DebugOption, QuietOption, RunArgument, SeedOption, check_picture, command, note
from topovae.errors import InputError

if TYPE_CHECKING:
    from topovae.data.dataset import Dataset
    from topovae.store.schema import Run

_PICTURES = 8


@command("plot")
def plot(
    run: RunArgument,
    data: Annotated[str | None, typer.Argument(help="The data; where the run file says they are when left out.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="The picture (.png, .pdf or .svg).")] = "run.png",
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw the latent space, the learning curves and, where the data are at hand, reconstructions."""
    from topovae.cli.evaluate import run_data
    from topovae.store.reader import read_run

    check_picture(output, run, data)
    loaded = read_run(run)
    samples = None
    try:
        samples = run_data(loaded, data, quiet=True)
    except InputError:
        if data is not None:
            raise
        note("the data are not where the run was trained, so no reconstructions are drawn", quiet)
    draw_run(loaded, samples, output)
    note(f"picture: {output}", quiet)


def draw_run(run: Run, samples: Dataset | None, path: str) -> None:
    """Draw a run on one page; points are coloured by the first coordinate of the truth where there is one."""
    import numpy as np

    from topovae.pipeline import load_model
    from topovae.signature import parse
    from topovae.viz.files import save
    from topovae.viz.summary import summary_figure

    member = run.model
    signature = parse(member.latent, allow_orbifold=True)
    factors = [("S1" if f.is_circle else f.kind, f.dim) for f in signature.factors]
    present = [name for name in ("train", "valid", "test") if name in member.latents]
    if not present:
        raise InputError(
            "the run is not finished, so it has no latents to draw yet; `topovae train … --resume` goes on with it"
        )
    coordinates = np.concatenate([member.latents[name]["location"] for name in present])
    index = np.concatenate([run.split[name] for name in present])
    colours, kind, images = None, "linear", None
    if samples is not None:
        if samples.truth is not None and samples.space is not None:
            colours = np.asarray(samples.truth)[index, 0]
            kind = "cyclic" if parse(samples.space).factors[0].is_circle else "linear"
        chosen = run.split["test"][np.linspace(0, len(run.split["test"]) - 1, _PICTURES).astype(int)]
        x = samples.rows(chosen)
        model = load_model(member)
        images = (x, reconstruct(model, x), samples.sample_shape)
    checkpoint = member.checkpoint
    figure = summary_figure(
        member.latent,
        factors,
        coordinates,
        member.history,
        colours=colours,
        colour_kind=kind,  # type: ignore[arg-type]
        colour_name="truth" if colours is not None else "",
        baseline_history=None if run.baseline is None else run.baseline.history,
        best_epoch=None if checkpoint is None or checkpoint.best_epoch < 0 else checkpoint.best_epoch,
        baseline_name="" if run.baseline is None else f"{run.baseline.latent} baseline",
        images=images,
        title=os.path.basename(run.header.data.path),
    )
    save(figure, path)


def reconstruct(model, x):  # type: ignore[no-untyped-def]
    """E[x | posterior location] of samples (n, *sample_shape)."""
    import torch

    with torch.no_grad():
        batch = torch.as_tensor(x, dtype=torch.float32)
        return model.decode(model.encode(batch)[0]).numpy()
