"""Options of commands: those that several share, and those that a training declares."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo

from topovae.runs.options import TrainOptions

DataArgument = Annotated[
    str,
    typer.Argument(
        help="Data: .npy .npz .csv .tsv .jsonl .h5 .hdf5 .mat .h5ad, MNIST IDX, each also as .gz, a folder of images, or - for "
        "stdin."
    ),
]
RunArgument = Annotated[str, typer.Argument(help="A run file made by `topovae train`.")]
SeedOption = Annotated[int, typer.Option(help="Seed of every random number; recorded in the output.", min=0)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
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
        *("input", "against", "truth", "truth_space", "preset", "metric", "distance_matrix", "ambient"),
        *("images", "labels", "classes", "exemplars", "copies", "dtype", "mode", "samples", "measured"),
    ),
    "Latent": ("latent", "latents", "candidates", "analysis", "evidence"),
    "Training": ("betas", "seeds", "resume"),
    "Output": (
        *("output", "format", "plot", "json", "quiet", "debug", "force", "save", "markdown", "commit", "field"),
        *("with_scale", "with_coordinates", "certificate", "iwae"),
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
    options = [_parameter(name) for name in names]

    def expand(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def taking(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in names}
            function(**given, options={name: _value(name, value) for name, value in chosen.items()})

        signature = inspect.signature(function, eval_str=True)
        groups = (options if name == "options" else [own] for name, own in signature.parameters.items())
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for group in groups for parameter in group]
        vars(taking)["__signature__"] = signature.replace(parameters=parameters)
        taking.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return taking

    return expand


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
