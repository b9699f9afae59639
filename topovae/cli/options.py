"""Options of commands: those that several share, and those that a training declares."""

from __future__ import annotations

import csv
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo

from topovae.runs.options import TrainOptions

DataArgument = Annotated[
    str,
    typer.Argument(
        help="Data: .npy .npz .csv .tsv .txt .dat .jsonl .h5 .hdf5 .nwb .mat .h5ad .parquet .arrow .feather .zarr .safetensors "
        ".mtx .tif .tiff .gif .zip .tar, MNIST IDX, each also as .gz, a folder of images, or - for stdin."
    ),
]
RunArgument = Annotated[str, typer.Argument(help="A run file made by `topovae train`.")]
SeedOption = Annotated[int, typer.Option(help="Seed of every random number; recorded in the output.", min=0)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AgainstOption = Annotated[str | None, typer.Option(help="Compare with the model of this run instead of the baseline.")]
TruthOption = Annotated[str | None, typer.Option(help="Ground truth coordinates (n, k), in any data format.")]
TruthSpaceOption = Annotated[str | None, typer.Option(help="Latent expression of --truth, such as S1xS1.")]
DeviceOption = Annotated[str, typer.Option(help="Where to compute.", metavar="auto | cpu | cuda")]
PlotOption = Annotated[str | None, typer.Option(help="Draw a picture into this file (.png, .pdf or .svg).")]
OutputOption = Annotated[str, typer.Option("--output", "-o", help="Where to: a file, or - for stdout.")]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="By the file's ending when left out; npy on stdout.", metavar="npy | npz | csv | h5 | jsonl"),
]

_DECLARED: dict[str, Field] = {field.name: field for field in fields(TrainOptions) if field.metadata}


PANELS = {
    "Data": (
        *("input", "test", "against", "truth", "truth_space", "preset", "metric", "distance_matrix", "ambient"),
        *("columns", "drop", "label", "group", "scale", "missing"),
        *("images", "labels", "classes", "exemplars", "copies", "dtype", "mode", "samples", "measured"),
    ),
    "Latent": ("latent", "latents", "candidates", "analysis", "evidence"),
    "Training": ("betas", "budget", "seeds", "resume"),
    "Output": (
        *("output", "format", "plot", "json", "quiet", "debug", "force", "save", "markdown", "commit", "field"),
        *("with_scale", "with_coordinates", "with_noise", "rates", "certificate", "iwae"),
    ),
    "Machine": ("device", "threads", "jobs", "engine", "memory", "time", "minutes", "seed"),
}
"""Headings of a command's help, and the options below each; what stands in none is of that command alone."""

_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}


def arrange(function: Callable[..., None]) -> None:
    """Put the options of a command below the headings of `PANELS`, where they do not name one themselves."""
    parameters = inspect.signature(function, eval_str=True).parameters
    # texts of annotations would be evaluated anew by typer, to other objects
    function.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        for told in (*getattr(parameter.annotation, "__metadata__", ()), parameter.default):
            if isinstance(told, OptionInfo) and told.rich_help_panel is None:
                told.rich_help_panel = _PANEL_OF.get(name)


def declared(name: str, default: Any = ...) -> Any:
    """The command-line option of a field of `TrainOptions`.

    Args:
        name: of the field.
        default: its value when it is left out; none within an `Annotated`, whose parameter has it.
    """
    metadata = _DECLARED[name].metadata
    flags = [metadata["flag"]] if metadata["flag"] else []
    names = " | ".join(metadata["choices"]) or None
    return typer.Option(
        default,
        *flags,
        help=metadata["help"],
        min=metadata["minimum"],
        metavar=names,
        rich_help_panel=metadata["panel"],
    )


def offered(command: str) -> list[str]:
    """Names of the fields of `TrainOptions` that a command takes."""
    return [name for name, field in _DECLARED.items() if command in field.metadata["commands"]]


def takes(command: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function the options that `TrainOptions` declares for a command, in place of its parameter `options`.

    The function receives them as one mapping, ready for `TrainOptions`.

    Args:
        command: its word.
    """
    names = offered(command)

    def gather(chosen: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _value(name, value) for name, value in chosen.items()}

    return lambda function: _expanded(function, "options", [_parameter(name) for name in names], gather)


_CHOSEN: dict[str, tuple[str, str]] = {
    "columns": ("Columns that are measurements, with commas: names, numbers from 0, ranges as 2:5.", "names"),
    "drop": ("Columns that are no measurements.", "names"),
    "label": ("Column, or array beside the samples, that colours pictures.", "name"),
    "group": ("Column, or array beside the samples, whose equal values no split parts.", "name"),
    "scale": ("columns: give each column mean 0 and deviation 1; recorded, and done to new data.", "none | columns"),
    "missing": ("drop: leave out samples with gaps or NaN.", "refuse | drop"),
}
"""Options of a `Selection`: their help, and what stands for a value."""

_LEFT_OUT = {"scale": "none", "missing": "refuse"}


def selects(function: Callable[..., None]) -> Callable[..., None]:
    """Give a function the options of a `Selection`, in place of its parameter `selection`."""

    def gather(chosen: Mapping[str, Any]) -> Any:
        from topovae.data.selection import Selection

        lists = {name: tuple(next(csv.reader([chosen[name]]))) if chosen[name] else () for name in ("columns", "drop")}
        return Selection(**(dict(chosen) | lists))

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_LEFT_OUT.get(name, ""),
            annotation=Annotated[str, typer.Option(help=told, metavar=metavar, show_default=name in _LEFT_OUT)],
        )
        for name, (told, metavar) in _CHOSEN.items()
    ]
    return _expanded(function, "selection", parameters, gather)


def _expanded(
    function: Callable[..., None],
    parameter: str,
    options: Sequence[inspect.Parameter],
    gather: Callable[[Mapping[str, Any]], Any],
) -> Callable[..., None]:
    """A function with options in place of a parameter, which it is given as `gather` makes it of them."""

    @functools.wraps(function)
    def taking(**given: Any) -> None:
        chosen = {option.name: given.pop(option.name) for option in options}
        function(**given, **{parameter: gather(chosen)})

    signature = inspect.signature(function, eval_str=True)
    groups = (options if name == parameter else [own] for name, own in signature.parameters.items())
    parameters = [own.replace(kind=inspect.Parameter.KEYWORD_ONLY) for group in groups for own in group]
    vars(taking)["__signature__"] = signature.replace(parameters=parameters)
    taking.__annotations__ = {own.name: own.annotation for own in parameters}
    return taking


def _repeats(name: str) -> bool:
    """Whether an option may be given several times."""
    return isinstance(_DECLARED[name].default, tuple)


def _parameter(name: str) -> inspect.Parameter:
    hint, default = get_type_hints(TrainOptions)[name], _DECLARED[name].default
    if _repeats(name):
        hint, default = list[str] | None, None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=declared(name, default), annotation=hint)


def _value(name: str, value: Any) -> Any:
    """What `TrainOptions` takes for what typer gives."""
    return tuple(value or ()) if _repeats(name) else value
