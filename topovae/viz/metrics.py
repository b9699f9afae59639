"""One page of metrics: by split beside a baseline, KL by factor, and the verdict where there is one."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from topovae.signature import parse_latent
from topovae.viz.latents import PAGE
from topovae.viz.style import BLUE, FAINT, GREEN, GREY, INK, LABEL, ORANGE, RED, TICK, TITLE, figure, heading, quiet, say_none

COLUMNS = ("rms", "nll", "kl", "elbo", "iwae", "stress")
WIDEST_TEXT = 84
"""Letters of a line of reasons."""
WIDEST_NAME = 16
MOST_REASONS = 8
COLOURS = {"homeomorphic": GREEN, "not homeomorphic": RED}


def metrics_figure(document: Mapping[str, Any], *, title: str = "") -> Figure:
    """Draw what an evaluation found.

    Args:
        document: the JSON of `topovae evaluate`.
        title: above the page.
    """
    members = [(str(document["latent"]), document)]
    if document["baseline"] is not None:
        members.append((str(document["baseline"]["latent"]), document["baseline"]))
    lines, reasons = _table(members), _reasons(document["certificate"])
    bars = sum(len(splits["test"]["kl_per_factor"]) for _, splits in members)
    heights = [0.2 + 0.17 * len(lines), 0.9 + 0.24 * bars, 0.5 + 0.17 * len(reasons)]
    page = figure(PAGE, sum(heights) + 0.5)
    heading(page, title, TITLE + 2)
    above, middle, below = page.subfigures(3, 1, height_ratios=heights, squeeze=False).ravel().tolist()
    _write(above.subplots(), "\n".join(lines), family="monospace")
    _draw_divergences(middle.subplots(), members)
    axes = below.subplots()
    if document["certificate"] is None:
        say_none(axes, "no certificate was asked for")
    else:
        verdict = str(document["certificate"]["verdict"])
        axes.set_title(f"certificate: {verdict}", fontsize=TITLE, color=COLOURS.get(verdict, GREY), loc="left")
        _write(axes, "\n".join(reasons))
    return page


def _table(members: list[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Metrics as lines of text, of splits that there are."""
    widest = max(len(_short(latent)) for latent, _ in members)
    head = f"{'':{widest}}  {'split':5} " + " ".join(f"{name:>8}" for name in COLUMNS)
    lines = [head]
    for latent, splits in members:
        for split in ("train", "valid", "test"):
            if splits[split] is not None:
                values = " ".join(f"{_number(splits[split].get(name)):>8}" for name in COLUMNS)
                lines.append(f"{_short(latent):{widest}}  {split:5} {values}")
    return lines


def _short(latent: str) -> str:
    """The name of a latent space, or as much of its expression as there is room for."""
    name = parse_latent(latent, allow_orbifold=True).name or latent
    return name if len(name) <= WIDEST_NAME else name[: WIDEST_NAME - 1] + "…"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _reasons(certificate: Mapping[str, Any] | None) -> list[str]:
    known = [] if certificate is None else list(certificate["reasons"])[:MOST_REASONS]
    return [line for words in known for line in textwrap.wrap(f"– {words}", WIDEST_TEXT, subsequent_indent="   ")]


def _write(axes: Axes, words: str, **font: Any) -> None:
    axes.set_axis_off()
    axes.text(0, 1, words, fontsize=LABEL - 1, color=INK, va="top", transform=axes.transAxes, parse_math=False, **font)


def _draw_divergences(axes: Axes, members: list[tuple[str, Mapping[str, Any]]]) -> None:
    """KL of the test split by factor, as bars: those of the baseline below those of the model."""
    names, values, colours = [], [], []
    for (latent, splits), colour in zip(members, (BLUE, ORANGE), strict=False):
        for factor, value in splits["test"]["kl_per_factor"].items():
            names.append(f"{_short(latent)}: {factor}" if len(members) > 1 else factor)
            values.append(float(value))
            colours.append(colour)
    places = -np.arange(len(names), dtype=float)
    axes.barh(places, values, height=0.6, color=colours)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(places, labels=names)
    quiet(axes, "KL to the prior by factor, test split", "nats", "")
    axes.tick_params(axis="y", length=0, labelsize=TICK)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
